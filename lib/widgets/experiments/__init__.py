"""The explorers of the book, by name: one module each."""

from . import flow, linear, realdata, spectrum

EXPERIMENTS = {e.name: e for e in (flow.EXPERIMENT, linear.EXPERIMENT, realdata.EXPERIMENT, spectrum.EXPERIMENT)}
