"""The explorers of the book, by name: one module each."""

from . import asymptotics, flow, linear, spectrum

EXPERIMENTS = {e.name: e for e in (asymptotics.EXPERIMENT, flow.EXPERIMENT, linear.EXPERIMENT, spectrum.EXPERIMENT)}
