"""Explorer of chapter "Scaling laws in practice": a planner. Error against features, at given compute."""

import math
from collections import namedtuple

import numpy as np

from ...compiler.jit import kernel
from ...compiler.layout import outputs, place, read, record, take
from ...kernels.features import find_modes, restrict, restricted_error, take_room
from ...kernels.spectrum import power_law_spectrum
from ..experiment import Axis, Control, Curve, Experiment, Guide, Handle, Messages, Preset, Readout
from .controls import LEVELS

SIZES = 37  # students tried: l = 1 ... 512 at ratio 2^(1/4), whole numbers; equal ones are tried once
BUDGETS = 25  # of the frontier: C / 4096 ... 4096 C, in factors of two
MIDDLE = BUDGETS // 2
POOR, RICH = MIDDLE - 4, MIDDLE + 4

Controls = record("Controls", beta=float, levels=int, eta=float, noise=float, compute=float)
Outputs = outputs(
    "Outputs",
    learned=(1,),
    alpha=(1,),
    eps_g=(1,),
    more_time=(1,),
    more_features=(1,),
    doubling=(1,),
    training=(1,),
    irreducible=(1,),
    poor=(2, SIZES),
    budget=(2, SIZES),
    floor=(2, SIZES),
    rich=(2, SIZES),
    chosen=(2, 1),
    frontier=(2, BUDGETS),
)
SCRATCH = Outputs.size
Scratch = namedtuple("Scratch", "bracket alpha error errors eigenvalue weight room end")


class Message(Messages):
    """``start`` has nothing to say: every plan has an answer."""


@kernel(inline=True)
def layout(c, work):
    """Behind the outputs: the bisection's bounds, times and errors of a student, of all; the spectrum; a student."""
    bracket, at = take(work, SCRATCH, (2,))
    alpha, at = take(work, at, (BUDGETS,))
    error, at = take(work, at, (BUDGETS,))
    errors, at = take(work, at, (SIZES, BUDGETS))
    eigenvalue, at = take(work, at, (c.levels,))
    weight, at = take(work, at, (c.levels,))
    room, at = take_room(work, at, c.levels)
    return Scratch(bracket, alpha, error, errors, eigenvalue, weight, room, at)


@kernel
def size(p, data):
    """Where the layout ends."""
    return float(layout(read(Controls, p), p).end)


@kernel
def _size(i):
    """Levels of the i-th student."""
    return int(math.floor(math.exp(0.25 * i * math.log(2.0)) + 0.5))


@kernel
def _errors(c, work, l, alpha, error):
    """eps_g of a student of l levels at times alpha, noise included."""
    s = layout(c, work)  # not an argument: a page's program would hand on seven numbers for each array
    student = restrict(s.eigenvalue, s.weight, l, s.room)
    find_modes(student, c.eta)
    restricted_error(student, c.eta, 0.5, c.noise, alpha, error)


@kernel
def _error(c, work, l, alpha):
    """The same at one time."""
    s = layout(c, work)
    s.alpha[0] = alpha
    _errors(c, work, l, s.alpha[:1], s.error[:1])
    return s.error[0]


@kernel
def _budget(compute, b):
    return compute * math.exp((b - MIDDLE) * math.log(2.0))


@kernel
def _report(c, work, l, out):
    """The chosen student and its numbers."""
    s = layout(c, work)
    alpha = c.compute / l
    s.alpha[0], s.alpha[1] = alpha, 2.0 * c.compute / l
    _errors(c, work, l, s.alpha[:2], s.error[:2])
    error, later = s.error[0], s.error[1]
    wider = _error(c, work, min(2 * l, c.levels), alpha)
    out.learned[0], out.alpha[0], out.eps_g[0] = l, alpha, error
    out.more_time[0] = 1.0 - later / error
    out.more_features[0] = 1.0 - wider / error
    out.doubling[0] = 1.0 - out.frontier[1, MIDDLE + 1] / error
    out.training[0] = 2.0 * c.eta * s.eigenvalue[l - 1] * alpha
    out.irreducible[0] = c.noise / (2.0 * error)
    out.chosen[0, 0], out.chosen[1, 0] = l, error


@kernel
def start(p, data, work):
    """The curves; and between which sizes the best of the budget lies."""
    c, out = read(Controls, p), place(Outputs, work)
    s = layout(c, work)
    power_law_spectrum(c.beta, s.eigenvalue, s.weight)
    out.poor[:] = np.nan
    out.budget[:] = np.nan
    out.floor[:] = np.nan
    out.rich[:] = np.nan
    sizes = 0
    for i in range(SIZES):
        l = _size(i)
        if l > c.levels or (i > 0 and l == _size(i - 1)):
            continue
        for b in range(BUDGETS):
            s.alpha[b] = _budget(c.compute, b) / l
        _errors(c, work, l, s.alpha, s.errors[sizes])
        out.poor[0, sizes], out.poor[1, sizes] = l, s.errors[sizes, POOR]
        out.budget[0, sizes], out.budget[1, sizes] = l, s.errors[sizes, MIDDLE]
        out.rich[0, sizes], out.rich[1, sizes] = l, s.errors[sizes, RICH]
        # the asymptotic error of a student of l levels
        driving = c.noise
        for k in range(c.levels - 1, l - 1, -1):
            driving += s.eigenvalue[k] / c.levels
        floor = 0.5 * driving / (1.0 - 0.5 * c.eta * (1.0 - (driving - c.noise)))
        out.floor[0, sizes], out.floor[1, sizes] = l, floor if floor > 1e-15 else np.nan
        sizes += 1
    for b in range(BUDGETS):
        best = 0
        for i in range(1, sizes):
            if s.errors[i, b] < s.errors[best, b]:
                best = i
        out.frontier[0, b], out.frontier[1, b] = out.poor[0, best], s.errors[best, b]
        if b == MIDDLE:
            s.bracket[0], s.bracket[1] = out.poor[0, max(best - 1, 0)], out.poor[0, min(best + 1, sizes - 1)]
    _report(c, work, int(out.frontier[0, MIDDLE]), out)
    return 0.0


@kernel
def advance(p, data, work):
    """One bisection for the best l of the budget."""
    c, out = read(Controls, p), place(Outputs, work)
    s = layout(c, work)
    low, high = int(s.bracket[0]), int(s.bracket[1])
    if low < high:
        middle = (low + high) // 2
        error = _error(c, work, middle, c.compute / middle)
        if error <= _error(c, work, middle + 1, c.compute / (middle + 1)):
            s.bracket[1] = middle
        else:
            s.bracket[0] = middle + 1
        return 0.5
    _report(c, work, low, out)
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
        Readout("learned", "levels l*", headline=True),
        Readout("alpha", "examples per input α*"),
        Readout("eps_g", "error ε*"),
        Readout("more_time", "saved by twice the examples"),
        Readout("more_features", "saved by twice the features (same α)"),
        Readout("doubling", "saved by twice the compute, best split"),
        Readout("training", "x = 2ηλ_l α of the last feature"),
        Readout("irreducible", "share of noise in the error"),
    ),
    guides=(Guide("beta", "frontier", "−β", factor=-1.0),),
    handles=(Handle(("compute",), "l*", place="learned", power=1.0 / 3.0),),
    size=size,
    start=start,
    advance=advance,
    Controls=Controls,
    Outputs=Outputs,
    messages=Message,
    python="""\
import numpy as np, lib
s = lib.power_law(beta={beta}, levels={levels})
plan = lib.planning.plan(s, compute={compute}, eta={eta}, noise={noise})
levels = np.unique(np.rint(2 ** np.arange(0, np.log2({levels}) + 0.1, 0.25)).astype(int))
budget = [lib.features.error(s, l, {eta}, [{compute} / l], noise={noise})[0] for l in levels]
""",
    presets=(
        Preset(
            "plan",
            "A plan for a budget",
            "For compute {compute}: {learned} levels and {alpha} examples per input. Half or twice as many levels "
            "are worse.",
            {},
            lambda number, curve: number["eps_g"] <= np.nanmin(curve["budget"].y) * (1 + 1e-9),
            card="practice",
        ),
        Preset(
            "noise",
            "When more compute stops paying",
            "With label noise {noise} a share {irreducible} of the error cannot be bought: twice the compute saves "
            "a share {doubling} of it.",
            {"noise": 0.1, "compute": 1e4},
            lambda number, curve: number["irreducible"] > 0.5 and number["doubling"] < 0.1,
            card="practice",
        ),
        Preset(
            "larger-budget",
            "Sixteen times the budget",
            "For compute {compute} the best is l = {learned}; twice the examples save {more_time} of the error, "
            "twice the features {more_features}: the balance of the two hardly moves.",
            {"compute": 1600.0},
            lambda number, curve: 0.5 < number["more_time"] / number["more_features"] < 2,
        ),
    ),
)
