"""The explorers of the book, by name: one module each."""

from . import flow, linear, mitigation, spectrum

EXPERIMENTS = {e.name: e for e in (flow.EXPERIMENT, linear.EXPERIMENT, mitigation.EXPERIMENT, spectrum.EXPERIMENT)}
