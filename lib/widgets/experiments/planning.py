"""Explorer of chapter "Scaling laws in practice": a planner. Error against features, at given compute."""

import math

import numpy as np

from ...compiler.jit import kernel
from ...compiler.views import view
from ...kernels.spectrum import power_law_spectrum
from ..experiment import Axis, Control, Curve, Experiment, Readout
from .controls import LEVELS
from .features import restricted_error, restricted_modes

SIZES = 37  # students tried: l = 1 ... 512 at ratio 2^(1/4), whole numbers; equal ones are tried once
BUDGETS = 25  # of the frontier: C / 4096 ... 4096 C, in factors of two
MIDDLE = BUDGETS // 2
SHOWN = (MIDDLE - 4, MIDDLE, MIDDLE + 1, MIDDLE + 4)
READOUTS = 8
_CHOSEN = READOUTS + 8 * SIZES
_FRONTIER = _CHOSEN + 2
OUTPUT = _FRONTIER + 2 * BUDGETS
_TIMES = OUTPUT + 3  # after the bounds of the bisection, and the errors of every size, budget by budget
_ERRORS = _TIMES + 2 * BUDGETS
_LEVELS = _ERRORS + SIZES * BUDGETS


@kernel
def _setup(p):
    return p[0], int(p[1]), p[2], p[3], p[4]


@kernel
def size(p, data):
    """Output, errors of all sizes and budgets; eigenvalues, weights, those of a student, its modes."""
    return float(_LEVELS + 7 * int(p[1]) + 4)


@kernel
def _size(i):
    """Levels of the i-th student."""
    return int(math.floor(math.exp(0.25 * i * math.log(2.0)) + 0.5))


@kernel
def _errors(p, l, work, alpha, out):
    """eps_g of a student of l levels at times alpha, noise included."""
    beta, L, eta, noise, compute = _setup(p)
    scratch = work[_LEVELS + 2 * L :]
    U = restricted_modes(view(work, _LEVELS, (L,)), view(work, _LEVELS + L, (L,)), l, eta, scratch)
    restricted_error(scratch, l, L, U, eta, 0.5, noise, alpha, out)


@kernel
def _budget(compute, b):
    return compute * math.exp((b - MIDDLE) * math.log(2.0))


@kernel
def _report(p, l, work):
    """The chosen student and its numbers."""
    beta, L, eta, noise, compute = _setup(p)
    alpha, out = view(work, _TIMES, (2,)), view(work, _TIMES + BUDGETS, (2,))
    alpha[0], alpha[1] = compute / l, 2.0 * compute / l
    _errors(p, l, work, alpha, out)
    error, later = out[0], out[1]
    work[0], work[1], work[2] = l, alpha[0], error
    _errors(p, min(2 * l, L), work, alpha, out)
    work[3], work[4] = 1.0 - later / error, 1.0 - out[0] / error
    work[5] = 1.0 - work[_FRONTIER + BUDGETS + MIDDLE + 1] / error
    work[6] = 2.0 * eta * work[_LEVELS + l - 1] * (compute / l)
    work[7] = noise / (2.0 * error)
    work[_CHOSEN], work[_CHOSEN + 1] = l, error


@kernel
def start(p, data, work):
    """The curves; and between which sizes the best of the budget lies."""
    beta, L, eta, noise, compute = _setup(p)
    power_law_spectrum(beta, view(work, _LEVELS, (L,)), view(work, _LEVELS + L, (L,)))
    alpha, out = view(work, _TIMES, (BUDGETS,)), view(work, _TIMES + BUDGETS, (BUDGETS,))
    for i in range(READOUTS, _CHOSEN):
        work[i] = np.nan
    sizes = 0
    for i in range(SIZES):
        l = _size(i)
        if l > L or (i > 0 and l == _size(i - 1)):
            continue
        for b in range(BUDGETS):
            alpha[b] = _budget(compute, b) / l
        _errors(p, l, work, alpha, out)
        for b in range(BUDGETS):
            work[_ERRORS + sizes * BUDGETS + b] = out[b]
        for j in range(4):
            at = READOUTS + 2 * j * SIZES + sizes
            work[at], work[at + SIZES] = l, out[SHOWN[j]] if j != 2 else np.nan
        # the floor of so many features, whatever the time
        U = noise
        for k in range(L - 1, l - 1, -1):
            U += work[_LEVELS + k] / L
        floor = 0.5 * U / (1.0 - 0.5 * eta * (1.0 - (U - noise)))
        work[READOUTS + 5 * SIZES + sizes] = floor if floor > 1e-15 else np.nan
        sizes += 1
    for b in range(BUDGETS):
        best = 0
        for i in range(1, sizes):
            if work[_ERRORS + i * BUDGETS + b] < work[_ERRORS + best * BUDGETS + b]:
                best = i
        work[_FRONTIER + b] = work[READOUTS + best]
        work[_FRONTIER + BUDGETS + b] = work[_ERRORS + best * BUDGETS + b]
        if b == MIDDLE:
            work[OUTPUT] = work[READOUTS + max(best - 1, 0)]
            work[OUTPUT + 1] = work[READOUTS + min(best + 1, sizes - 1)]
    work[OUTPUT + 2] = 0.0
    _report(p, int(work[_FRONTIER + MIDDLE]), work)
    return 0.0


@kernel
def advance(p, data, work):
    """One bisection for the best l of the budget."""
    low, high = int(work[OUTPUT]), int(work[OUTPUT + 1])
    if low < high:
        compute, middle = p[4], (low + high) // 2
        alpha, out = view(work, _TIMES, (1,)), view(work, _TIMES + BUDGETS, (1,))
        alpha[0] = compute / middle
        _errors(p, middle, work, alpha, out)
        error = out[0]
        alpha[0] = compute / (middle + 1)
        _errors(p, middle + 1, work, alpha, out)
        if error <= out[0]:
            work[OUTPUT + 1] = middle
        else:
            work[OUTPUT] = middle + 1
        return 0.5
    _report(p, low, work)
    return 1.0


EXPERIMENT = Experiment(
    name="planning",
    title="A planner: how many features, how many examples?",
    x=Axis("levels learned l, time α = C / l"),
    y=Axis("error ε_g, noise included", limits=(1e-9, 1e3)),
    controls=(
        Control("beta", "β", "exponent of the spectrum", 1.0, 0.05, 3.0),
        Control("levels", "L", "distinct eigenvalues", 256.0, choices=LEVELS[:10]),
        Control("eta", "η", "learning rate", 0.5, 0.01, 1.9, scale="log"),
        Control("noise", "ν", "variance of noise in the answers", 0.0, 0.0, 1.0),
        Control("compute", "C", "compute, C = lα", 100.0, 0.1, 1e6, scale="log"),
    ),
    curves=(
        Curve("poor", "budget C/16", SIZES, style="dashed", color=5),
        Curve("budget", "budget C", SIZES),
        Curve("floor", "features l, any time", SIZES, style="dotted", color=2),
        Curve("rich", "budget 16 C", SIZES, style="dashed", color=4),
        Curve("chosen", "the plan: l*", 1, style="points", color=1),
        Curve("frontier", "best l of other budgets", BUDGETS, style="points", color=3),
    ),
    readouts=(
        Readout("learned", "levels l*"),
        Readout("alpha", "examples per input α*"),
        Readout("eps_g", "error ε*"),
        Readout("more_time", "saved by twice the examples"),
        Readout("more_features", "saved by twice the features (same α)"),
        Readout("doubling", "saved by twice the compute, best split"),
        Readout("training", "x = 2ηλ_l α of the last feature"),
        Readout("irreducible", "share of noise in the error"),
    ),
    size=size,
    start=start,
    advance=advance,
    python="""\
import numpy as np, lib
s = lib.power_law(beta={beta}, levels={levels})
plan = lib.planning.plan(s, compute={compute}, eta={eta}, noise={noise})
levels = np.unique(np.rint(2 ** np.arange(0, np.log2({levels}) + 0.1, 0.25)).astype(int))
budget = [lib.features.error(s, l, {eta}, [{compute} / l], noise={noise})[0] for l in levels]
""",
)
