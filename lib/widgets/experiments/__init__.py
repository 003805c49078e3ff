"""The explorers of the book, by name: one module each."""

from . import asymptotics, features, flow, linear, mitigation, planning, plateau, realdata, spectrum

EXPERIMENTS = {module.EXPERIMENT.name: module.EXPERIMENT for module in (
    asymptotics, features, flow, linear, mitigation, planning, plateau, realdata, spectrum,
)}
