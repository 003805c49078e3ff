"""Explorer of chapter "Linear activations": exact curve, small-rate sum, power law, kernel regression, and SGD."""

import math

import numpy as np

from ...compiler.jit import kernel
from ...compiler.views import view
from ...kernels.averages import LINEAR
from ...kernels.fitting import FIT_SIZE, fit_window
from ...kernels.linear import decay_sum, modes
from ...kernels.regression import effective_ridges
from ...maths.gamma import gamma
from ..experiment import Axis, Control, Curve, Experiment, Readout
from ..kernels.ensemble import LARGEST_STEP, ensemble_advance, ensemble_size, ensemble_start
from ..kernels.grids import geometric, power_law_spectrum

POINTS = 161
SIMULATED = 25
READOUTS = 7
CURVES = READOUTS + 4 * 2 * POINTS
OUTPUT = CURVES + 4 * SIMULATED
# The law is fitted well inside its window, away from both ends by this factor (or a third of the window, in logs).
MARGIN = 30.0


@kernel
def _setup(p):
    """The controls as the kernels need them: all but beta, eta, sigma_J and alpha_max are whole numbers."""
    return p[0], int(p[1]), int(p[2]), int(p[3]), p[4], p[5], p[6], int(p[7]), int(p[8]), int(p[9])


@kernel
def size(p, data):
    """Output, then spectrum, rates and amplitudes (L each), the fit's scratch, and the simulation."""
    beta, L, K, M, eta, sigma_J, alpha_last, N, runs, seed = _setup(p)
    return float(OUTPUT + 4 * L + 4 + FIT_SIZE + POINTS + ensemble_size(K, M, N, L, SIMULATED))


@kernel
def start(p, data, work):
    """All curves of theory and their slopes; weights drawn for the simulation."""
    beta, L, K, M, eta, sigma_J, alpha_last, N, runs, seed = _setup(p)
    if N < M * L:
        return -1.0
    eigenvalue, weight, x, c = (
        view(work, OUTPUT, (L,)),
        view(work, OUTPUT + L, (L,)),
        view(work, OUTPUT + 2 * L, (L,)),
        view(work, OUTPUT + 3 * L, (L,)),
    )
    sums = view(work, OUTPUT + 4 * L, (4,))
    fit = view(work, OUTPUT + 4 * L + 4, (FIT_SIZE,))
    shifted = view(work, OUTPUT + 4 * L + 4 + FIT_SIZE, (POINTS,))
    state = OUTPUT + 4 * L + 4 + FIT_SIZE + POINTS

    power_law_spectrum(beta, eigenvalue, weight)
    rate = eta * M / K
    first = 0.5 / (rate * eigenvalue[0])
    last = 0.5 / (rate * eigenvalue[L - 1])
    e_0 = 0.5 * (1.0 + sigma_J * sigma_J * M / K)
    s = beta / (1.0 + beta)

    alpha = view(work, READOUTS, (POINTS,))
    begin = min(0.1 * first, 1e-2 * alpha_last)
    geometric(begin, alpha_last, alpha)
    for i in range(POINTS):
        work[READOUTS + 2 * POINTS + i] = alpha[i]
        work[READOUTS + 4 * POINTS + i] = alpha[i]
        work[READOUTS + 6 * POINTS + i] = alpha[i]
    exact = view(work, READOUTS + POINTS, (POINTS,))
    small = view(work, READOUTS + 3 * POINTS, (POINTS,))
    law = view(work, READOUTS + 5 * POINTS, (POINTS,))
    kernel_regression = view(work, READOUTS + 7 * POINTS, (POINTS,))

    modes(eigenvalue, weight, rate, x, c, sums)
    for k in range(L):
        x[k] *= 2.0 * rate
    decay_sum(x, c, e_0, alpha, exact)
    for k in range(L):
        x[k] = 2.0 * rate * eigenvalue[k]
        c[k] = eigenvalue[k] / L
    decay_sum(x, c, e_0, alpha, small)
    effective_ridges(eigenvalue, weight, 0.0, alpha, kernel_regression)
    for i in range(POINTS):
        kernel_regression[i] = 0.5 * alpha[i] * kernel_regression[i] if alpha[i] < 1.0 else np.nan

    prefactor = tail = np.nan
    if rate < 2.0:
        amplitude = e_0 * eigenvalue[0] / L / (1.0 - 0.5 * rate)
        prefactor = amplitude * gamma(s) / (1.0 + beta)
        tail = amplitude * math.exp(-beta * math.log(L + 0.5)) / beta
    for i in range(POINTS):
        # less the finite-L constant, as the curve itself
        value = prefactor * math.exp(-s * math.log(alpha[i] / first)) - tail
        law[i] = value if first <= alpha[i] <= last and value > 0.0 else np.nan
        shifted[i] = exact[i] + tail

    margin = min(MARGIN, math.exp(math.log(last / first) / 3.0))
    low, high = first * margin, min(last / margin, alpha_last)
    work[0] = -s
    fit_window(alpha, exact, low, high, fit)
    work[1] = fit[0] if L > 2 and rate < 2.0 else np.nan
    fit_window(alpha, shifted, low, high, fit)
    work[2] = fit[0] if L > 2 and rate < 2.0 else np.nan
    work[3] = first
    work[4] = last
    work[5] = tail
    work[6] = 2.0 * K / M

    out = CURVES
    for i in range(SIMULATED, 4 * SIMULATED):
        work[out + i] = np.nan
    ensemble_start(
        work[state:], K, M, N, SIMULATED, eigenvalue, sigma_J, seed, begin, alpha_last, view(work, out, (SIMULATED,))
    )
    if rate >= 2.0:
        return 1.0
    return 2.0 if rate * eigenvalue[0] / N > LARGEST_STEP else 0.0


@kernel
def advance(p, data, work):
    """A slice of the simulation."""
    beta, L, K, M, eta, sigma_J, alpha_last, N, runs, seed = _setup(p)
    out = CURVES + SIMULATED
    state = OUTPUT + 4 * L + 4 + FIT_SIZE + POINTS
    return ensemble_advance(
        work[state:],
        K,
        M,
        N,
        L,
        SIMULATED,
        eta,
        math.sqrt(M) / K,
        1.0 / math.sqrt(M),
        LINEAR,
        runs,
        seed,
        view(work, out, (SIMULATED,)),
        view(work, out + SIMULATED, (SIMULATED,)),
        view(work, out + 2 * SIMULATED, (SIMULATED,)),
    )


LEVELS = tuple(float(2**n) for n in range(11))
UNITS = (1.0, 2.0, 3.0, 4.0)

EXPERIMENT = Experiment(
    name="linear",
    title="A linear network learns: theory, closed form and SGD",
    x=Axis("time α (examples / N)"),
    y=Axis("generalisation error ε_g", limits=(1e-12, 1e6)),
    controls=(
        Control("beta", "β", "exponent of the spectrum", 1.0, 0.05, 3.0),
        Control("levels", "L", "distinct eigenvalues", 256.0, choices=LEVELS),
        Control("students", "K", "student units", 1.0, choices=UNITS),
        Control("teachers", "M", "teacher units", 1.0, choices=UNITS),
        Control("eta", "η", "learning rate", 0.5, 0.01, 10.0, scale="log"),
        Control("sigma_J", "σ_J", "initial student weights", 0.01, 0.0, 2.0),
        Control("alpha_max", "α_max", "last time", 300.0, 1.0, 1e5, scale="log"),
        Control("N", "N", "inputs of the simulation", 512.0, choices=LEVELS[6:]),
        Control("runs", "runs", "data streams simulated", 4.0, choices=(1.0, 2.0, 4.0, 8.0, 16.0)),
        Control("seed", "seed", "seed of weights and data", 0.0, 0.0, 999.0, scale="integer"),
    ),
    curves=(
        Curve("exact", "exact, any η", POINTS),
        Curve("small_eta", "small-η sum", POINTS, style="dashed", color=1),
        Curve("law", "power law less the finite-L constant", POINTS, style="dotted", color=2),
        Curve("kernel_regression", "kernel regression on all examples so far", POINTS, style="dashed", color=4),
        Curve("sgd", "SGD, mean ± 2 standard errors", SIMULATED, style="points", color=3, band=True),
    ),
    readouts=(
        Readout("law_slope", "slope of the law, −β/(1+β)"),
        Readout("raw_slope", "slope of the curve in the window"),
        Readout("corrected_slope", "slope after adding the finite-L constant"),
        Readout("alpha_first", "window opens at α = K/(2ηMλ₁)"),
        Readout("alpha_last", "window closes at α = K/(2ηMλ_L)"),
        Readout("offset", "finite-L constant"),
        Readout("critical", "critical learning rate 2K/M"),
    ),
    size=size,
    start=start,
    advance=advance,
    notices=(
        "η = {eta} is at or beyond the critical learning rate 2K/M = {critical}: the error does not decay.",
        "ηMλ₁/(KN) is more than 0.2: a single step is not small for the leading direction, and SGD does not follow the theory.",
    ),
    errors=("N = {N}: each of the L = {levels} levels needs at least M = {teachers} input directions.",),
    python="""\
import numpy as np, lib
s = lib.power_law(beta={beta}, levels={levels})
m = lib.StudentTeacher(s, students={students}, teachers={teachers}, activation="linear")
first, last = lib.linear.power_law_window(s, {eta}, {students}, {teachers})
alpha = np.geomspace(min(0.1 * first, 0.01 * {alpha_max}), {alpha_max}, 161)
exact = lib.linear.generalization_error(s, {eta}, alpha, {sigma_J}, {students}, {teachers})
small = lib.linear.small_eta_error(s, {eta}, alpha, {sigma_J}, {students}, {teachers})
kernel_regression = lib.regression.error(s, alpha)
sgd = lib.simulate(m, N={N}, eta={eta}, alpha=alpha[::10], sigma_J={sigma_J},
                   seeds=range({seed}, {seed} + {runs}))
""",
)
