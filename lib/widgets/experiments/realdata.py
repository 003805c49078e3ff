"""Explorer of chapter "Real data": a measured spectrum, the reader's own too, and the learning curve it predicts."""

import math

import numpy as np

from ...compiler.jit import kernel
from ...compiler.views import view
from ...kernels.averages import LINEAR
from ...kernels.fitting import FIT_SCRATCH, fit_window
from ...kernels.linear import decay_sum, modes
from ..experiment import Axis, Control, Curve, Experiment, Readout
from ..kernels.ensemble import LARGEST_STEP, ensemble_advance, ensemble_size, ensemble_start
from ..kernels.times import geometric

LEVELS = 2048
POINTS = 121
SIMULATED = 21
LINE = 2
READOUTS = 6
OUTPUT = READOUTS + 2 * LEVELS + 2 * LINE + 2 * POINTS + 4 * SIMULATED
STATE = OUTPUT + 3 * LEVELS + 4 + FIT_SCRATCH + LEVELS


@kernel
def size(p, data):
    """Output; rates, amplitudes and weights; scratch of roots and fit; ranks; and the simulation."""
    L = max(1, data.shape[0])
    return float(STATE + ensemble_size(1, 1, L * int(p[5]), L, SIMULATED))


@kernel
def start(p, data, work):
    """The eigenvalues ``data`` (L,) against rank with their law, or the learning curves that follow from them."""
    L = data.shape[0]
    low, high, eta, sigma_J = p[1], min(p[2], float(L)), p[3], p[4]
    x, c, weight = (view(work, OUTPUT, (L,)), view(work, OUTPUT + LEVELS, (L,)), view(work, OUTPUT + 2 * LEVELS, (L,)))
    sums = view(work, OUTPUT + 3 * LEVELS, (4,))
    fit = view(work, OUTPUT + 3 * LEVELS + 4, (FIT_SCRATCH,))
    rank = view(work, STATE - LEVELS, (L,))
    for i in range(OUTPUT):
        work[i] = np.nan
    if L < 2:
        return -2.0
    for k in range(L):
        rank[k] = k + 1.0
        weight[k] = 1.0 / L
    line_fit = fit_window(rank, data, low, high, fit)
    if line_fit.points < 5.0:
        return -1.0
    work[0] = -line_fit.exponent - 1.0
    work[1] = 2.0 * line_fit.standard_error
    work[2] = line_fit.drift
    work[3] = (1.0 + line_fit.exponent) / line_fit.exponent
    first = 0.5 / (eta * data[0])
    last = 0.5 / (eta * data[L - 1])
    work[4] = first
    work[5] = last

    at = READOUTS + 2 * LEVELS
    if p[0] == 0.0:
        for k in range(L):
            work[READOUTS + k] = rank[k]
            work[READOUTS + LEVELS + k] = data[k]
        for i in range(LINE):
            work[at + i] = low if i == 0 else high
            work[at + LINE + i] = math.exp(line_fit.log_prefactor + line_fit.exponent * math.log(work[at + i]))
    else:
        at += 2 * LINE
        alpha, exact = view(work, at, (POINTS,)), view(work, at + POINTS, (POINTS,))
        geometric(0.1 * first, 3.0 * last, alpha)
        modes(data, weight, eta, x, c, sums)
        for k in range(L):
            x[k] *= 2.0 * eta
        decay_sum(x, c, 0.5 * (1.0 + sigma_J * sigma_J), alpha, exact)
        at += 2 * POINTS
        ensemble_start(
            work[STATE:],
            1,
            1,
            L * int(p[5]),
            SIMULATED,
            data,
            sigma_J,
            0,
            alpha[0],
            min(alpha[POINTS - 1], 300.0),
            view(work, at, (SIMULATED,)),
        )
    if eta >= 2.0:
        return 2.0
    if line_fit.exponent >= -1.0:
        return 1.0
    return 3.0 if p[0] > 0.0 and eta * data[0] / (L * p[5]) > LARGEST_STEP else 0.0


@kernel
def advance(p, data, work):
    """A slice of the simulation, in the picture that shows it."""
    if p[0] == 0.0:
        return 1.0
    L, at = data.shape[0], READOUTS + 2 * LEVELS + 2 * LINE + 2 * POINTS + SIMULATED
    return ensemble_advance(
        work[STATE:],
        1,
        1,
        L * int(p[5]),
        L,
        SIMULATED,
        p[3],
        1.0,
        1.0,
        LINEAR,
        int(p[6]),
        0,
        view(work, at, (SIMULATED,)),
        view(work, at + SIMULATED, (SIMULATED,)),
        view(work, at + 2 * SIMULATED, (SIMULATED,)),
    )


EXPERIMENT = Experiment(
    name="realdata",
    title="A measured spectrum, and the learning curve that follows from it",
    x=Axis("rank k, or time α"),
    y=Axis("eigenvalue λ_k, or error ε_g", limits=(1e-12, 1e6)),
    controls=(
        Control("picture", "▦", "picture", 0.0, choices=(0.0, 1.0), choice_labels=("spectrum", "learning curve")),
        Control("first", "k₁", "first rank of the fit", 4.0, 1.0, 200.0, scale="log"),
        Control("last", "k₂", "last rank of the fit", 64.0, 5.0, 2048.0, scale="log"),
        Control("eta", "η", "learning rate", 0.1, 0.01, 2.5, scale="log"),
        Control("sigma_J", "σ_J", "initial student weights", 0.0, 0.0, 2.0),
        Control("copies", "N/L", "input directions for each eigenvalue", 4.0, choices=(1.0, 2.0, 4.0, 8.0, 16.0)),
        Control("runs", "runs", "data streams simulated", 4.0, choices=(1.0, 2.0, 4.0, 8.0, 16.0)),
    ),
    curves=(
        Curve("measured", "measured eigenvalues", LEVELS, style="points", color=0),
        Curve("fit", "fitted power law of the spectrum", LINE, color=3),
        Curve("predicted", "predicted error, N → ∞", POINTS, color=1),
        Curve("sgd", "SGD on Gaussian data, mean ± 2 standard errors", SIMULATED, style="points", color=2, band=True),
    ),
    readouts=(
        Readout("beta", "exponent β"),
        Readout("two_errors", "± two standard errors of the fit alone"),
        Readout("drift", "slope of the upper half less that of the lower"),
        Readout("law", "predicted exponent β/(1+β)"),
        Readout("alpha_first", "learning begins at α = 1/(2ηλ₁)"),
        Readout("alpha_last", "and ends at α = 1/(2ηλ_L)"),
    ),
    size=size,
    start=start,
    advance=advance,
    notices=(
        "The fitted β is not positive: over this window the spectrum has no convergent tail.",
        "η = {eta} is at or beyond the critical learning rate 2: the error does not decay.",
        "ηλ₁/N is more than 0.2: a single step is not small for the leading direction, and SGD does not follow the theory.",
    ),
    errors=(
        "The window from rank {first} to {last} holds fewer than 5 eigenvalues.",
        "There are no eigenvalues: open a file.",
    ),
    table=LEVELS,
    python="""\
import numpy as np, lib
s = {data}
s.fit(window=({first}, {last})).beta
alpha = np.geomspace(0.01, 1000, 121)
predicted = lib.linear.generalization_error(s, {eta}, alpha, {sigma_J})
m = lib.StudentTeacher(s, students=1, teachers=1, activation="linear")
sgd = lib.simulate(m, N={copies} * s.levels, eta={eta}, alpha=alpha[alpha < 300][::6], sigma_J={sigma_J}, seeds={runs})
""",
)
