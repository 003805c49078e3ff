"""The explorers of the book, by name: one module each."""

from . import features, flow, linear, spectrum

EXPERIMENTS = {e.name: e for e in (features.EXPERIMENT, flow.EXPERIMENT, linear.EXPERIMENT, spectrum.EXPERIMENT)}
