"""The explorers of the book, by name: one module each."""

from . import flow, linear, plateau, spectrum

EXPERIMENTS = {e.name: e for e in (flow.EXPERIMENT, linear.EXPERIMENT, plateau.EXPERIMENT, spectrum.EXPERIMENT)}
