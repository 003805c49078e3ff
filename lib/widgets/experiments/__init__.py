"""The explorers of the book, by name: one module each."""

from . import features, flow, linear, planning, spectrum

EXPERIMENTS = {
    e.name: e
    for e in (features.EXPERIMENT, flow.EXPERIMENT, linear.EXPERIMENT, planning.EXPERIMENT, spectrum.EXPERIMENT)
}
