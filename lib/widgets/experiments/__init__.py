"""The explorers of the book, by name: one module each."""

from . import features, flow, linear, spectrum

EXPERIMENTS = {module.EXPERIMENT.name: module.EXPERIMENT for module in (
    features, flow, linear, spectrum,
)}
