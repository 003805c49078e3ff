"""Explorer of chapter "How many features": time against features, against time or against compute."""

import math

import numpy as np

from ...compiler.jit import kernel
from ...compiler.views import view
from ...kernels.averages import LINEAR
from ...kernels.features import best_training, noisy_decay, noisy_modes
from ...kernels.linear import decay_sum
from ...kernels.spectrum import power_law_spectrum
from ...maths.gamma import upper_gamma
from ..experiment import Axis, Control, Curve, Experiment, Readout
from ..kernels.ensemble import (
    LARGEST_STEP,
    ensemble_advance,
    ensemble_restrict,
    ensemble_size_direct,
    ensemble_start_direct,
)
from ..kernels.times import geometric
from .controls import LEVELS

POINTS = 121
FAMILY = 41  # points of each curve of the family, and one more without a value, at which the pen is lifted
BEST = 41
SIMULATED = 25
READOUTS = 7
_FAMILY_POINTS = len(LEVELS) * (FAMILY + 1)
_FAMILY = READOUTS
_EXACT = _FAMILY + 2 * _FAMILY_POINTS
_SMALL = _EXACT + 2 * POINTS
_FLOOR = _SMALL + 2 * POINTS
_BEST = _FLOOR + 4
_SGD = _BEST + 2 * BEST
OUTPUT = _SGD + 4 * SIMULATED


@kernel
def _setup(p):
    """The controls as the kernels need them; no more levels are learned than there are."""
    L = int(p[1])
    return p[0], L, min(int(p[2]), L), p[3], p[4], p[5], p[6], int(p[7]), int(p[8]), int(p[9])


@kernel
def size(p, data):
    """Output; eigenvalues, weights, and the same of the reduced network, rates, amplitudes, gains; the simulation."""
    beta, L, l, eta, sigma_J, compute, alpha_last, N, runs, seed = _setup(p)
    return float(OUTPUT + 7 * L + 4 + ensemble_size_direct(1, 1, N, L, SIMULATED))


@kernel
def restricted_modes(eigenvalue, weight, n, eta, scratch):
    """Rates, amplitudes and gains of a student of n levels, into scratch[2 n:5 n] of (5 n + 4,); returns U."""
    L = eigenvalue.shape[0]
    U = 0.0
    for k in range(L - 1, n - 1, -1):
        U += weight[k] * eigenvalue[k]
    own, part = view(scratch, 0, (n,)), view(scratch, n, (n,))
    for k in range(n):
        own[k], part[k] = eigenvalue[k] * n / (L * (1.0 - U)), 1.0 / n
    rate = eta * (1.0 - U)
    if 2.0 / rate == 1.0:
        rate *= 1.0 - 1e-15
    noisy_modes(
        own,
        part,
        rate,
        view(scratch, 2 * n, (n,)),
        view(scratch, 3 * n, (n,)),
        view(scratch, 4 * n, (n,)),
        view(scratch, 5 * n, (4,)),
    )
    return U


@kernel
def restricted_error(scratch, n, L, U, eta, e_0, noise, alpha, out):
    """eps_g of the student of n of L levels whose modes ``restricted_modes`` left in ``scratch``, at times alpha, with
    the variance ``noise`` of the answers included."""
    noisy_decay(
        view(scratch, 2 * n, (n,)),
        view(scratch, 3 * n, (n,)),
        view(scratch, 4 * n, (n,)),
        2.0 * eta * (1.0 - U) * L / n,
        1.0 - U,
        U + noise,
        e_0,
        alpha,
        out,
    )


@kernel
def _stretch(factor, x):
    for i in range(x.shape[0]):
        x[i] *= factor


@kernel
def start(p, data, work):
    """All curves of theory; weights drawn for the simulation."""
    beta, L, l, eta, sigma_J, compute, alpha_last, N, runs, seed = _setup(p)
    if N < L:
        return -1.0
    eigenvalue, weight = view(work, OUTPUT, (L,)), view(work, OUTPUT + L, (L,))
    scratch = work[OUTPUT + 2 * L :]
    power_law_spectrum(beta, eigenvalue, weight)
    e_0 = 0.5 * (1.0 + sigma_J * sigma_J)
    begin = min(0.05 / (eta * eigenvalue[0]), 1e-2 * alpha_last)
    alpha = view(work, _EXACT, (POINTS,))
    exact = view(work, _EXACT + POINTS, (POINTS,))
    small = view(work, _SMALL + POINTS, (POINTS,))

    n, at = 1, _FAMILY
    critical = unseen = np.nan
    while n <= L:
        U = restricted_modes(eigenvalue, weight, n, eta, scratch)
        times, errors = view(work, at, (FAMILY,)), view(work, at + _FAMILY_POINTS, (FAMILY,))
        geometric(begin, alpha_last, times)
        restricted_error(scratch, n, L, U, eta, e_0, 0.0, times, errors)
        _stretch(n if compute > 0.0 else 1.0, times)
        work[at + FAMILY] = work[at + FAMILY + _FAMILY_POINTS] = np.nan
        at += FAMILY + 1
        if n == l:
            unseen, critical = U, 2.0 / (1.0 - U)
            geometric(begin, alpha_last, alpha)
            restricted_error(scratch, n, L, U, eta, e_0, 0.0, alpha, exact)
        n *= 2
    for i in range(at, _FAMILY + _FAMILY_POINTS):
        work[i] = work[i + _FAMILY_POINTS] = np.nan

    x, c = view(work, OUTPUT + 4 * L, (l,)), view(work, OUTPUT + 5 * L, (l,))
    for k in range(l):
        x[k], c[k] = 2.0 * eta * eigenvalue[k], e_0 * weight[k] * eigenvalue[k]
    decay_sum(x, c, 1.0, alpha, small)
    unit = l if compute > 0.0 else 1.0
    for i in range(POINTS):
        small[i] += e_0 * unseen
    _stretch(unit, alpha)
    for i in range(POINTS):
        work[_SMALL + i] = alpha[i]
    floor = e_0 * unseen / (1.0 - eta / critical) if eta < critical else np.nan
    work[_FLOOR], work[_FLOOR + 1] = begin * unit, alpha_last * unit
    work[_FLOOR + 2] = work[_FLOOR + 3] = floor if floor > 0.0 else np.nan

    best, s = best_training(beta), beta / (1.0 + beta)
    height = 1.0 / beta + math.exp(-s * math.log(best)) * upper_gamma(s, best) / (1.0 + beta)
    for i in range(BEST):
        n_best = math.exp(math.log(L) * i / (BEST - 1))
        time = best / (2.0 * eta * eigenvalue[0]) * math.exp((1.0 + beta) * math.log(n_best))
        law = height * math.exp(-beta * math.log(n_best)) - math.exp(-beta * math.log(L + 0.5)) / beta
        work[_BEST + i] = time * n_best if compute > 0.0 else time
        work[_BEST + BEST + i] = (
            e_0 * eigenvalue[0] / L * law / (1.0 - 0.5 * eta)
            if eta < 2.0 and law > 0.0 and begin <= time <= alpha_last
            else np.nan
        )

    work[0] = floor
    work[1] = unseen
    work[2] = 1.0 / (1.0 - eta / critical) if eta < critical else np.nan
    work[3] = critical
    work[4] = 0.5 / (eta * eigenvalue[l - 1])
    work[5] = best
    work[6] = min(
        float(L), max(1.0, math.exp(math.log(2.0 * eta * eigenvalue[0] * l * alpha_last / best) / (2.0 + beta)))
    )

    for i in range(SIMULATED, 4 * SIMULATED):
        work[_SGD + i] = np.nan
    state = work[OUTPUT + 7 * L + 4 :]
    ensemble_start_direct(
        state, 1, 1, N, SIMULATED, eigenvalue, sigma_J, seed, begin, alpha_last, view(work, _SGD, (SIMULATED,))
    )
    ensemble_restrict(state, l * (N // L))
    _stretch(unit, view(work, _SGD, (SIMULATED,)))
    if eta >= critical:
        return 1.0
    if eta > 2.0:
        return 2.0
    return 3.0 if eta * eigenvalue[0] / N > LARGEST_STEP else 0.0


@kernel
def advance(p, data, work):
    """A slice of the simulation."""
    beta, L, l, eta, sigma_J, compute, alpha_last, N, runs, seed = _setup(p)
    out = _SGD + SIMULATED
    return ensemble_advance(
        work[OUTPUT + 7 * L + 4 :],
        1,
        1,
        N,
        L,
        SIMULATED,
        eta,
        1.0,
        1.0,
        LINEAR,
        runs,
        seed,
        view(work, out, (SIMULATED,)),
        view(work, out + SIMULATED, (SIMULATED,)),
        view(work, out + 2 * SIMULATED, (SIMULATED,)),
    )


EXPERIMENT = Experiment(
    name="features",
    title="A student of few features: time, features, compute",
    x=Axis("time α, or compute C = lα"),
    y=Axis("generalisation error ε_g", limits=(1e-9, 1e3)),
    controls=(
        Control("beta", "β", "exponent of the spectrum", 1.0, 0.05, 3.0),
        Control("levels", "L", "distinct eigenvalues", 256.0, choices=LEVELS),
        Control("learned", "l", "levels that the student learns", 8.0, choices=LEVELS),
        Control("eta", "η", "learning rate", 0.5, 0.01, 5.0, scale="log"),
        Control("sigma_J", "σ_J", "initial student weights", 0.0, 0.0, 2.0),
        Control("compute", "x", "horizontal axis", 0.0, choices=(0.0, 1.0), choice_labels=("time α", "compute lα")),
        Control("alpha_max", "α_max", "last time", 300.0, 1.0, 1e5, scale="log"),
        Control("N", "N", "inputs of the simulation", 512.0, choices=LEVELS[6:]),
        Control("runs", "runs", "data streams simulated", 4.0, choices=(1.0, 2.0, 4.0, 8.0, 16.0)),
        Control("seed", "seed", "seed of weights and data", 0.0, 0.0, 999.0, scale="integer"),
    ),
    curves=(
        Curve("family", "1, 2, 4, … L levels", _FAMILY_POINTS, color=5),
        Curve("exact", "l levels, exact", POINTS),
        Curve("small_eta", "l levels, small-η sum", POINTS, style="dashed", color=1),
        Curve("floor", "their asymptotic error", 2, style="dotted", color=2),
        Curve("frontier", "best split of compute (law)", BEST, style="dashed", color=4),
        Curve("sgd", "SGD, mean ± 2 standard errors", SIMULATED, style="points", color=3, band=True),
    ),
    readouts=(
        Readout("floor", "asymptotic error"),
        Readout("unseen", "unlearned variance U"),
        Readout("amplification", "amplified by 1/(1 − ηW/2)"),
        Readout("critical", "critical learning rate 2/W"),
        Readout("crossover", "features limit from α = 1/(2ηλ_l)"),
        Readout("best_training", "best 2ηλ_l α for any compute"),
        Readout("best_learned", "best l for C = l α_max"),
    ),
    size=size,
    start=start,
    advance=advance,
    notices=(
        "η = {eta} is at or beyond the critical learning rate {critical} of this student: the error does not converge.",
        "η = {eta} is between 2 and the critical rate {critical}: training converges, to an error above the initial one.",
        "ηλ₁/N is more than 0.2: a single step is not small for the leading direction, and SGD does not follow the theory.",
    ),
    errors=("N = {N} is smaller than L = {levels}: every level needs at least one input direction.",),
    python="""\
import numpy as np, lib
s = lib.power_law(beta={beta}, levels={levels})
learned = min({learned}, {levels})
m = lib.StudentTeacher(s, students=1, teachers=1, activation="linear")
alpha = np.geomspace(0.01, {alpha_max}, 121)
exact = lib.features.error(s, learned, {eta}, alpha, {sigma_J})
small = lib.features.small_eta_error(s, learned, {eta}, alpha, {sigma_J})
sgd = lib.simulate(m, N={N}, eta={eta}, alpha=alpha[::10], sigma_J={sigma_J}, learned=learned,
                   seeds=range({seed}, {seed} + {runs}))
""",
)
