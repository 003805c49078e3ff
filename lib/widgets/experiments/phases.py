"""Explorer of chapter "Hard and easy tasks": phases of compute-optimal random features, a ladder and its envelope."""

import math
from collections import namedtuple

import numpy as np

from ...compiler.jit import kernel
from ...compiler.layout import outputs, place, read, record, take
from ...kernels.fitting import FIT_SCRATCH, fit_window
from ...kernels.random_features import (
    CONTOUR,
    PHASES,
    Model,
    contour_nodes,
    count_nodes,
    floor_error,
    floor_ridge,
    frontier_exponents,
    phase,
    rank_nodes,
    rank_sums,
    signal_error,
    total,
    training,
)
from ..experiment import (
    Axis,
    Control,
    Curve,
    Experiment,
    Guide,
    Handle,
    Mark,
    Messages,
    Ordered,
    Plane,
    Preset,
    Readout,
)
from ..kernels.times import geometric

SMALLEST = 8.0  # features; from six on every step up to gamma sum lambda = 1/2 is stable
SHOWN = 28  # of the ladder: 8, 16, ... 2^30
SIZES = 2 * SHOWN - 1  # and those between, 11.3, 22.6, ..., for the envelope: the equivalent takes any number
CHOICES = tuple(SMALLEST * 2.0**k for k in range(SHOWN))
BUDGETS = 61  # from 64, eight features and as many steps, to the largest
MEMBER = BUDGETS + 1  # points of each size, and one without a value, at which the pen is lifted
SMALLEST_BETA, LARGEST_BETA, SMALLEST_TAU, LARGEST_TAU = -0.8, 2.0, -1.0, 4.0

Controls = record(
    "Controls", beta=float, tau=float, largest=float, last=float, features=float, first=float, ratio=float, rate=float
)
Outputs = outputs(
    "Outputs",
    slope=(1,),
    law_slope=(1,),
    growth=(1,),
    law_growth=(1,),
    phase=(1,),
    best=(1,),
    capped=(1,),
    ladder=(2, SHOWN * MEMBER),
    frontier=(2, BUDGETS),
    floor=(2, 2),
    signal=(2, BUDGETS),
    distortion=(2, BUDGETS),
    noise=(2, BUDGETS),
)
SCRATCH = Outputs.size
Scratch = namedtuple(
    "Scratch", "rank count eigenvalue variance target nodes compute risk steps parts sizes fit done end"
)


class Message(Messages):
    """What ``start`` and ``advance`` may say."""

    WITHOUT_LAW = (
        "notice",
        "τ is at or below −β: the target’s variance grows with the number of inputs, and there is no law.",
    )
    CAPPED = (
        "notice",
        "In the share {capped} of the window the best size is the largest there is, {largest}: "
        "the measured slopes are those of the machine, not of the law.",
    )


@kernel(inline=True)
def layout(c, work):
    """Behind the outputs: ranks and sums of the largest model, the contour, budgets (BUDGETS,), the errors of every
    size there (SIZES, BUDGETS), steps and parts of one size, the best sizes, the fit's scratch, and how many are
    done."""
    most = count_nodes(c.beta, c.ratio * max(c.largest, c.features))
    rank, at = take(work, SCRATCH, (most,))
    count, at = take(work, at, (most,))
    eigenvalue, at = take(work, at, (most,))
    variance, at = take(work, at, (most,))
    target, at = take(work, at, (most,))
    nodes, at = take(work, at, (CONTOUR, 4))
    compute, at = take(work, at, (BUDGETS,))
    risk, at = take(work, at, (SIZES, BUDGETS))
    steps, at = take(work, at, (BUDGETS,))
    parts, at = take(work, at, (2, BUDGETS))
    sizes, at = take(work, at, (BUDGETS,))
    fit, at = take(work, at, (FIT_SCRATCH,))
    done, at = take(work, at, (1,))
    return Scratch(rank, count, eigenvalue, variance, target, nodes, compute, risk, steps, parts, sizes, fit, done, at)


@kernel
def size(p, data):
    """Where the layout ends."""
    return float(layout(read(Controls, p), p).end)


@kernel
def _train(features, c, work):
    """Train a model of some features: error without noise and noise at all budgets that pay for a step.

    Both go into ``parts``. Returns the model and the first of these budgets.
    """
    s = layout(c, work)
    inputs = c.ratio * features
    n = count_nodes(c.beta, inputs)
    rank, count = s.rank[:n], s.count[:n]
    rank_nodes(c.beta, inputs, rank, count)
    model = Model(s.eigenvalue[:n], s.variance[:n], s.target[:n], features, 1.0, 0.0)
    rank_sums(c.beta, c.tau, rank, count, model)
    model = Model(model.eigenvalue, model.variance, model.target, features, c.rate / total(model.variance), 0.0)
    first = 0
    while first < BUDGETS - 1 and s.compute[first] < features:
        first += 1
    for i in range(BUDGETS):
        s.steps[i] = s.compute[i] / features
    training(model, s.nodes, s.steps[first:], s.parts[0, first:], s.parts[1, first:])
    return model, first


@kernel
def _show_terms(c, work):
    """The four terms of one size."""
    s, out = layout(c, work), place(Outputs, work)
    out.signal[:] = np.nan
    out.distortion[:] = np.nan
    out.noise[:] = np.nan
    out.floor[:] = np.nan
    if c.features > c.last:
        return
    model, first = _train(c.features, c, work)
    kappa = floor_ridge(model, c.ratio * c.features)
    floor = floor_error(model, kappa)
    signal_error(model, kappa, s.steps[first:], out.signal[1, first:])
    for i in range(first, BUDGETS):
        out.signal[0, i] = out.distortion[0, i] = out.noise[0, i] = s.compute[i]
        distortion = s.parts[0, i] - floor - out.signal[1, i]
        # below the parts' own accuracy the difference means nothing
        out.distortion[1, i] = distortion if distortion > 1e-7 * s.parts[0, i] else np.nan
        out.noise[1, i] = s.parts[1, i] if s.parts[1, i] > 0.0 else np.nan
        if not out.signal[1, i] > 1e-7 * s.parts[0, i]:
            out.signal[1, i] = np.nan
    out.floor[0, 0], out.floor[0, 1] = s.compute[first], c.last
    out.floor[1] = floor if floor > 0.0 else np.nan


@kernel
def start(p, data, work):
    """The laws, and the terms of one size; the ladder comes size by size."""
    c, out = read(Controls, p), place(Outputs, work)
    s = layout(c, work)
    has_law = c.tau > -c.beta
    exponent_features, exponent_risk = frontier_exponents(c.beta, c.tau) if has_law else (np.nan, np.nan)
    out.slope[0] = out.growth[0] = out.best[0] = out.capped[0] = np.nan
    out.law_slope[0], out.law_growth[0] = -exponent_risk, exponent_features
    out.phase[0] = phase(c.beta, c.tau) if has_law else float(len(PHASES))
    out.ladder[:] = np.nan
    out.frontier[:] = np.nan
    s.risk[:] = np.inf
    s.done[0] = 0.0
    contour_nodes(s.nodes)
    geometric(SMALLEST * SMALLEST, c.last, s.compute)
    _show_terms(c, work)
    return 0.0 if has_law else Message.WITHOUT_LAW.value


@kernel
def _show_frontier(c, sizes, work):
    """The lower envelope of the sizes and its slopes, by parabolas in the logarithms through the best and its
    neighbours."""
    s, out = layout(c, work), place(Outputs, work)
    step = 0.5 * math.log(2.0)
    capped = inside = 0.0
    for i in range(BUDGETS):
        best = 0
        for k in range(1, sizes):
            if s.risk[k, i] < s.risk[best, i]:
                best = k
        here, shift = math.log(s.risk[best, i]), 0.0
        if 0 < best < sizes - 1 and s.risk[best + 1, i] < np.inf:
            below, above = math.log(s.risk[best - 1, i]), math.log(s.risk[best + 1, i])
            shift = 0.5 * (below - above) / (below - 2.0 * here + above)
            here -= 0.25 * (below - above) * shift
        out.frontier[0, i], out.frontier[1, i] = s.compute[i], math.exp(here)
        s.sizes[i] = SMALLEST * math.exp(step * (best + shift))
        if c.first <= s.compute[i]:
            inside += 1.0
            capped += 1.0 if best == sizes - 1 else 0.0
    last = s.compute[BUDGETS - 1]
    out.slope[0] = fit_window(s.compute, out.frontier[1], c.first, last, s.fit).exponent
    out.growth[0] = fit_window(s.compute, s.sizes, c.first, last, s.fit).exponent
    out.best[0] = s.sizes[BUDGETS - 1]
    out.capped[0] = capped / inside if inside > 0.0 else np.nan


@kernel
def _features(k):
    """Size k of the ladder, those that are shown exactly."""
    features = SMALLEST
    for _ in range(k // 2):
        features *= 2.0
    return features * math.sqrt(2.0) if k % 2 == 1 else features


@kernel
def advance(p, data, work):
    """The next size of the ladder; after the last, the frontier."""
    c, out = read(Controls, p), place(Outputs, work)
    s = layout(c, work)
    k = int(s.done[0])
    features = _features(k)
    _, first = _train(features, c, work)
    at = k // 2 * MEMBER
    for i in range(first, BUDGETS):
        s.risk[k, i] = s.parts[0, i] + s.parts[1, i]
        if k % 2 == 0:
            out.ladder[0, at + i], out.ladder[1, at + i] = s.compute[i], s.risk[k, i]
    s.done[0] += 1.0
    if _features(k + 1) <= min(c.largest, c.last):
        return math.log(features / SMALLEST) / math.log(2.0 * c.largest / SMALLEST)
    _show_frontier(c, k + 1, work)
    return 1.0 + (2.0 * Message.CAPPED.value if out.capped[0] > 0.0 else 0.0)


def _border(label, *points):
    return Mark(label, points, "border")


IV = 1.0 - math.sqrt(2.0)  # between IVa and IVb
PLANE = Plane(
    "beta",
    "tau",
    "The plane of data and task, with the phases of compute-optimal random features",
    (
        _border("", (-SMALLEST_TAU, SMALLEST_TAU), (SMALLEST_BETA, -SMALLEST_BETA)),
        _border("", (0.0, 0.0), (0.0, LARGEST_TAU)),
        _border("", (SMALLEST_BETA, 1.0), (LARGEST_BETA, 1.0)),
        _border("", (0.0, 1.0), (LARGEST_BETA, 1.0 + LARGEST_BETA)),
        _border("", (IV, 1.0), (IV, LARGEST_TAU)),
        _border("", (-0.5, 1.0), (-0.5, LARGEST_TAU)),
        Mark("Ia", ((0.5, 0.4),), "region"),
        Mark("Ib", ((-0.2, 0.6),), "region"),
        Mark("Ic", ((-0.66, 2.4),), "region"),
        Mark("II", ((1.4, 1.6),), "region"),
        Mark("III", ((0.8, 2.9),), "region"),
        Mark("IVa", ((-0.2, 2.4),), "region"),
        Mark("IVb", ((-0.456, 3.4),), "region"),
        Mark("no law", ((-0.35, -0.5),), "region"),
        Mark("the book so far", ((1.0, 0.0),), "point"),
    ),
)

EXPERIMENT = Experiment(
    name="phases",
    title="Random features: which size is best for a budget, and why",
    x=Axis("compute f = features × steps"),
    y=Axis("mean squared error E", limits=(1e-24, 1e3)),
    controls=(
        Control("beta", "β", "exponent of the spectrum", 1.0, SMALLEST_BETA, LARGEST_BETA),
        Control("tau", "τ", "exponent of the source", 2.8, SMALLEST_TAU, LARGEST_TAU),
        Control("largest", "d_max", "largest size", 2.0**20, choices=CHOICES),
        Control("last", "f_max", "largest budget", 1e10, 1e4, 1e16, scale="log"),
        Control("features", "d", "features whose terms are shown", 64.0, choices=CHOICES[:11], more=True),
        Control("first", "f_min", "budget at which the fit begins", 1e6, 1e3, 1e15, scale="log", more=True),
        Control("ratio", "v/d", "inputs for each feature", 10.0, choices=(1.0, 2.0, 5.0, 10.0, 100.0), more=True),
        Control("rate", "γΣλ", "share of an example’s error that a step removes", 0.5, 0.01, 0.5, "log", more=True),
    ),
    curves=(
        Curve("ladder", "8, 16, 32, … d_max features", SHOWN * MEMBER, color=5),
        Curve("frontier", "frontier: the best size", BUDGETS, color=6),
        Curve("floor", "d features: floor", 2, style="dotted", color=2, framed=False),
        Curve("signal", "their signal", BUDGETS, style="dashed", color=0, framed=False),
        Curve("distortion", "their distortion", BUDGETS, style="dashed", color=3, framed=False),
        Curve("noise", "their noise of SGD", BUDGETS, style="dashed", color=1, framed=False),
    ),
    readouts=(
        Readout("slope", "measured slope of the frontier", headline=True),
        Readout("law_slope", "slope that the law predicts"),
        Readout("growth", "measured slope of the best size d*"),
        Readout("law_growth", "slope of d* that the law predicts"),
        Readout("phase", "phase", names=(*PHASES, "none")),
        Readout("best", "best size d* at f_max"),
        Readout("capped", "share of the window whose best size is the largest"),
    ),
    guides=(Guide("law_slope", "frontier", "law"),),
    handles=(Handle(("first", "last"), "fitted"),),
    ordered=(Ordered("first", "last", ratio=10.0),),
    plane=PLANE,
    size=size,
    start=start,
    advance=advance,
    Controls=Controls,
    Outputs=Outputs,
    messages=Message,
    python="""\
import numpy as np, lib
compute = np.geomspace(64, {last}, 61)
inside = compute[compute >= {first}]
best = lib.random_features.frontier({beta}, {tau}, inside, ratio={ratio}, rate={rate}, largest=int({largest}))
slope, _ = np.polyfit(np.log(best.compute), np.log(best.risk), 1)
growth, _ = np.polyfit(np.log(best.compute), np.log(best.features), 1)
if {tau} > -{beta}:
    phase, law = lib.random_features.phase({beta}, {tau}), lib.random_features.exponents({beta}, {tau})
inputs = int({ratio} * {features})
gamma = {rate} / np.sum(np.arange(1.0, inputs + 1) ** -(1 + {beta}))
steps = np.unique(np.rint(compute[compute >= {features}] / {features}))
if steps.size:
    terms = lib.random_features.components({beta}, {tau}, int({features}), inputs, gamma, steps)
""",
    presets=(
        Preset(
            "signal-and-floor",
            "Phase Ia: the book so far",
            "At τ = 0 what is not yet learned meets what cannot be expressed: d* grows with slope {growth} and the "
            "frontier falls with {slope}. The law says {law_growth} and {law_slope}, those of sharp features.",
            {"tau": 0.0},
            lambda number, curve: abs(number["growth"] - 1 / 3) < 0.02 and abs(number["slope"] + 1 / 3) < 0.02,
            card="hard-and-easy",
        ),
        Preset(
            "distortion",
            "Phase II: features that mix directions",
            "At τ = {tau} the floor is low, and distortion takes over from the signal before it: d* grows with slope "
            "{growth}, the frontier falls with {slope}.",
            {"tau": 1.4},
            lambda number, curve: abs(number["growth"] - 0.412) < 0.02 and abs(number["slope"] + 0.706) < 0.02,
        ),
        Preset(
            "half",
            "Phase III: half of the budget for the size",
            "At τ = {tau} distortion meets the noise of SGD. Whatever β is, features and steps are the square root of "
            "the budget: d* grows with slope {growth}.",
            {},
            lambda number, curve: abs(number["growth"] - 0.5) < 0.02 and number["capped"] == 0.0,
            card="hard-and-easy",
        ),
        Preset(
            "laptop",
            "A laptop cannot see phase III",
            "Sizes up to {largest} and budgets up to {last}: the law says {law_growth}, and the best size grows with "
            "slope {growth}, since in the share {capped} of the window it is the largest. Move d_max.",
            {"largest": 1024.0, "first": 1e5, "last": 1e7},
            lambda number, curve: 0.2 < number["growth"] < 0.3 and number["capped"] > 0.4,
            card="hard-and-easy",
        ),
        Preset(
            "window",
            "A straight line before the law",
            "Phase IVa, β = {beta}: no size is missing, four decades look straight, and d* grows with slope {growth} "
            "where the law says {law_growth}. It is within 0.02 of it beyond a budget of 10^19.",
            {"beta": -0.3, "tau": 1.8, "largest": 2.0**30, "first": 1e7, "last": 1e11},
            lambda number, curve: number["growth"] > 0.58 and number["law_growth"] == 0.5 and number["capped"] == 0.0,
        ),
    ),
)
