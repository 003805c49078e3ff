"""Explorer of chapter "How many features": the exact error as a map over time and features."""

import math

import numpy as np

from ...compiler.jit import kernel
from ...compiler.views import view
from ...kernels.features import best_training
from ...kernels.spectrum import power_law_spectrum
from ..experiment import Axis, Control, Curve, Experiment, Readout
from ..kernels.times import geometric
from .controls import LEVELS
from .features import restricted_error, restricted_modes

COLUMNS = 49
ROWS = 33
LINE = 2
READOUTS = 4
_CELLS = COLUMNS * ROWS
_CROSSOVER = READOUTS + 3 * _CELLS
_BEST = _CROSSOVER + 2 * LINE
OUTPUT = _BEST + 2 * LINE


@kernel
def size(p, data):
    """Output; eigenvalues, weights, and the modes of a student."""
    return float(OUTPUT + 7 * p[1] + 4)


@kernel
def start(p, data, work):
    """The error of students of about 33 sizes, and the two lines."""
    beta, L, eta, sigma_J, alpha_last = p[0], int(p[1]), p[2], p[3], p[4]
    eigenvalue, weight = view(work, OUTPUT, (L,)), view(work, OUTPUT + L, (L,))
    power_law_spectrum(beta, eigenvalue, weight)
    e_0 = 0.5 * (1.0 + sigma_J * sigma_J)
    begin = min(0.05 / (eta * eigenvalue[0]), 1e-2 * alpha_last)
    at, last, converging = READOUTS, 0, 0
    for i in range(ROWS):
        n = int(math.exp(math.log(L) * i / (ROWS - 1)) + 0.5)
        if n == last:
            continue
        last = n
        U = restricted_modes(eigenvalue, weight, n, eta, work[OUTPUT + 2 * L :])
        geometric(begin, alpha_last, view(work, at, (COLUMNS,)))
        for j in range(COLUMNS):
            work[at + _CELLS + j] = n
        restricted_error(
            work[OUTPUT + 2 * L :],
            n,
            L,
            U,
            eta,
            e_0,
            0.0,
            view(work, at, (COLUMNS,)),
            view(work, at + 2 * _CELLS, (COLUMNS,)),
        )
        if eta * (1.0 - U) < 2.0:
            converging = n
        at += COLUMNS
    for i in range(at, READOUTS + _CELLS):
        work[i] = work[i + _CELLS] = work[i + 2 * _CELLS] = np.nan

    # straight lines in logarithms, from l = 1 to L or to where the map ends
    best = best_training(beta)
    for x, line in ((1.0, _CROSSOVER), (best, _BEST)):
        first = 0.5 * x / (eta * eigenvalue[0])
        end = min(float(L), math.exp(math.log(max(1.0, alpha_last / first)) / (1.0 + beta)))
        work[line], work[line + 1] = first, first * math.exp((1.0 + beta) * math.log(end))
        work[line + LINE], work[line + LINE + 1] = 1.0, end
    work[0] = 0.5 / (eta * eigenvalue[L - 1])
    work[1] = best
    work[2] = work[at + 2 * _CELLS - 1]
    work[3] = converging
    return 1.0 if converging < L else 0.0


@kernel
def advance(p, data, work):
    """Nothing is left to do."""
    return 1.0


EXPERIMENT = Experiment(
    name="crossover",
    title="Time or features: which of the two limits the error",
    x=Axis("time α"),
    y=Axis("levels learned l"),
    z=Axis("error ε_g", limits=(1e-4, 1.0)),
    controls=(
        Control("beta", "β", "exponent of the spectrum", 1.0, 0.05, 3.0),
        Control("levels", "L", "distinct eigenvalues", 256.0, choices=LEVELS[:10]),
        Control("eta", "η", "learning rate", 0.1, 0.01, 5.0, scale="log"),
        Control("sigma_J", "σ_J", "initial student weights", 0.0, 0.0, 2.0),
        Control("alpha_max", "α_max", "last time", 1e4, 1.0, 1e6, scale="log"),
    ),
    curves=(
        Curve("error", "exact error ε_g", _CELLS, style="map"),
        Curve("crossover", "crossover, 2ηλ_l α = 1", LINE, style="dashed", color=6),
        Curve("best", "best split of compute, 2ηλ_l α = x*", LINE, color=6),
    ),
    readouts=(
        Readout("crossover", "all L levels limit only from α = 1/(2ηλ_L)"),
        Readout("best_training", "best 2ηλ_l α for any compute, x*"),
        Readout("last", "error of all levels at α_max"),
        Readout("converging", "largest l on the map that converges", 1),
    ),
    size=size,
    start=start,
    advance=advance,
    notices=("η = {eta}: students of more than {converging} levels are at or beyond their critical rate.",),
    python="""\
import numpy as np, lib
s = lib.power_law(beta={beta}, levels={levels})
levels = np.unique((np.geomspace(1, {levels}, 33) + 0.5).astype(int))
begin = min(0.05 / ({eta} * s.eigenvalues[0]), 0.01 * {alpha_max})
alpha = np.geomspace(begin, {alpha_max}, 49)
error = np.array([lib.features.error(s, int(l), {eta}, alpha, {sigma_J}) for l in levels])
crossover = [lib.features.crossover_time(s, int(l), {eta}) for l in levels]
best = [lib.features.optimal_training({beta}) * time for time in crossover]
""",
)
