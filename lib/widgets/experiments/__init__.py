"""The explorers of the book, by name: one module each."""

from . import (
    asymptotics,
    crossover,
    features,
    flow,
    linear,
    mitigation,
    phases,
    planning,
    plateau,
    realdata,
    retrieval,
    rich,
    spectrum,
    staircase,
    tasks,
)

EXPERIMENTS = {
    module.EXPERIMENT.name: module.EXPERIMENT
    for module in (
        asymptotics,
        crossover,
        features,
        flow,
        linear,
        mitigation,
        phases,
        planning,
        plateau,
        realdata,
        retrieval,
        rich,
        spectrum,
        staircase,
        tasks,
    )
}
