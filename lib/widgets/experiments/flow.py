"""Explorer of chapter "Setting": the order-parameter flow against SGD, from the same initial weights."""

import math
from collections import namedtuple

import numpy as np

from ...compiler.jit import kernel
from ...compiler.layout import outputs, place, read, record, take
from ...compiler.views import view
from ...kernels import integrator
from ...kernels.averages import Network
from ...kernels.flow import total
from ...kernels.spectrum import power_law_spectrum
from ..experiment import Axis, Control, Curve, Experiment, Messages, Preset, Readout
from ..kernels.ensemble import (
    LARGEST_STEP,
    Shape,
    ensemble_advance,
    ensemble_cost,
    ensemble_overlaps,
    ensemble_size,
    ensemble_start,
)
from ..kernels.flow import EXHAUSTED, FIRST, flow_advance, flow_written
from ..kernels.panels import show_matrices
from ..kernels.times import geometric
from .controls import LEVELS, UNITS
from .panels import overlaps

POINTS = 121
SIMULATED = 25
MOST = len(UNITS)  # units
RTOL = 1e-6  # a thousandth of a line's width
FLOW_SHARE = 0.2  # of the progress shown if the flow is not done at the start; the rest is the simulation's
# Multiply-adds that a page does in two minutes or more: 2e7 take some 10 ms.
LONG = 2e11

Controls = record(
    "Controls", activation=int, students=int, teachers=int, beta=float, levels=int, eta=float, sigma_J=float,
    alpha_max=float, N=int, runs=int, seed=int,
)  # fmt: skip
Outputs = outputs(
    "Outputs",
    last=(1,),
    second_moment=(1,),
    largest_step=(1,),
    steps=(1,),
    flow=(2, POINTS),
    sgd=(4, SIMULATED),
    R=(1 + POINTS, MOST, MOST),
    Q=(1 + POINTS, MOST, MOST),
)
SCRATCH = Outputs.size
Scratch = namedtuple("Scratch", "ensemble eigenvalue weight mass noise r q t Q R T integrator status share end")


class Message(Messages):
    """What ``start`` may say."""

    NO_SIMULATION = (
        "notice",
        "N = {N} is smaller than L = {levels}: theory only, from weights of {levels} inputs; "
        "SGD needs an input direction for every level.",
    )
    DIVERGES = (
        "notice",
        "η = {eta} is beyond the critical learning rate for these networks: the flow diverges.",
    )
    LARGE_STEP = (
        "notice",
        "ηλ₁/N = {largest_step}: a single step is not small for the leading direction, and the flow is not exact.",
    )
    LONG = (
        "notice",
        "The simulation takes {steps} steps: fewer runs, N, L or a smaller α_max are answered sooner.",
    )
    UNFINISHED = ("notice", "The flow is drawn as far as 20 000 steps of its integrator lead.")


@kernel(inline=True)
def shape(c):
    """The simulation, or, if N is too small for one, what the weights are drawn for."""
    return Shape(c.students, c.teachers, max(c.N, c.levels), c.levels, SIMULATED)


@kernel(inline=True)
def network(c):
    """Student and teacher."""
    return Network(math.sqrt(c.teachers) / c.students, 1.0 / math.sqrt(c.teachers), c.activation)


@kernel(inline=True)
def layout(c, work):
    """Behind the outputs: the simulation, the spectrum, block overlaps, totals at time 0 and along the flow, the
    integrator with its status, and the flow's share of the progress."""
    K, M, L = c.students, c.teachers, c.levels
    ensemble, at = take(work, SCRATCH, (ensemble_size(shape(c)),))
    eigenvalue, at = take(work, at, (L,))
    weight, at = take(work, at, (L,))
    mass, at = take(work, at, (L,))
    noise, at = take(work, at, (L,))
    r, at = take(work, at, (L, K, M))
    q, at = take(work, at, (L, K, K))
    t, at = take(work, at, (L, M, M))
    Q, at = take(work, at, (1 + POINTS, K, K))
    R, at = take(work, at, (1 + POINTS, K, M))
    T, at = take(work, at, (M, M))
    buffer, at = take(work, at, (integrator.size(L, K, M),))
    status, at = take(work, at, (1,))
    share, at = take(work, at, (1,))
    return Scratch(ensemble, eigenvalue, weight, mass, noise, r, q, t, Q, R, T, buffer, status, share, at)


@kernel
def size(p, data):
    """Where the layout ends."""
    return float(layout(read(Controls, p), p).end)


@kernel
def _advance_flow(c, work):
    """Go on with the flow, if it has not ended; the notice with which it has."""
    s, out = layout(c, work), place(Outputs, work)
    if s.status[0] == integrator.RUNNING:
        no_history = view(work, 0, (0, c.students, c.students + c.teachers, c.levels))
        s.status[0] = flow_advance(s.integrator, out.flow[0], RTOL, out.flow[1], s.Q[1:], s.R[1:], no_history)
        done = 1 + flow_written(s.integrator)
        show_matrices(s.R, done, out.R)
        show_matrices(s.Q, done, out.Q)
        out.last[0] = out.flow[1, POINTS - 1]
    if s.status[0] == EXHAUSTED:
        return Message.UNFINISHED.value
    return Message.DIVERGES.value if s.status[0] > integrator.DONE else 0.0


@kernel
def start(p, data, work):
    """Draw the weights; the first slices of the flow from their overlaps."""
    c, out = read(Controls, p), place(Outputs, work)
    L, s, simulated = c.levels, layout(c, work), c.N >= c.levels

    power_law_spectrum(c.beta, s.eigenvalue, s.weight)
    begin = min(0.1 / (c.eta * s.eigenvalue[0]), 1e-2 * c.alpha_max)
    out.sgd[1:] = np.nan
    ensemble_start(s.ensemble, shape(c), s.eigenvalue, c.sigma_J, c.seed, begin, c.alpha_max, out.sgd[0])
    ensemble_overlaps(s.ensemble, s.r, s.q, s.t)

    geometric(begin, c.alpha_max, out.flow[0])
    out.flow[1] = np.nan
    total(s.eigenvalue, s.weight, s.t, s.T)
    total(s.eigenvalue, s.weight, s.r, s.R[0])
    total(s.eigenvalue, s.weight, s.q, s.Q[0])
    second = 0.0
    for k in range(L):
        s.mass[k] = s.weight[k] * s.eigenvalue[k]
        s.noise[k] = 1.0
        second += s.mass[k] * s.eigenvalue[k]
    blocks = integrator.Blocks(s.eigenvalue, s.mass, s.noise, s.r, s.q, s.t)
    integrator.start(blocks, s.T, c.eta, network(c), s.integrator)
    s.status[0] = integrator.RUNNING
    notices = 0.0
    for _ in range(FIRST):
        notices = _advance_flow(c, work)
    s.share[0] = FLOW_SHARE if s.status[0] == integrator.RUNNING else 0.0
    out.second_moment[0] = second
    out.largest_step[0] = c.eta * s.eigenvalue[0] / c.N
    out.steps[0] = out.sgd[0, SIMULATED - 1] * c.N * c.runs if simulated else 0.0
    if not simulated:
        out.sgd[0] = np.nan
        return notices + Message.NO_SIMULATION.value
    if out.largest_step[0] > LARGEST_STEP:
        notices += Message.LARGE_STEP.value
    if out.steps[0] * ensemble_cost(s.ensemble) > LONG:
        notices += Message.LONG.value
    return notices


@kernel
def advance(p, data, work):
    """A slice of the flow, or of the simulation when the flow has ended."""
    c, out = read(Controls, p), place(Outputs, work)
    s, notice = layout(c, work), _advance_flow(c, work)
    if s.status[0] == integrator.RUNNING:
        return FLOW_SHARE * flow_written(s.integrator) / POINTS
    done = 1.0
    if c.N >= c.levels:
        done = ensemble_advance(s.ensemble, c.eta, network(c), c.runs, c.seed, out.sgd)
    return 2.0 * notice + (1.0 if done >= 1.0 else s.share[0] + (1.0 - s.share[0]) * done)


SIZES = tuple(float(2**n) for n in range(6, 21))


def _deviation(curve):
    """Largest distance of SGD from the flow, in logarithms."""
    flow, sgd = curve["flow"], curve["sgd"]
    theory = np.interp(np.log(sgd.x), np.log(flow.x), np.log(flow.y))
    return np.nanmax(np.abs(np.log(sgd.y) - theory))


EXPERIMENT = Experiment(
    name="flow",
    title="Order-parameter flow against SGD",
    x=Axis("time α (examples / N)"),
    y=Axis("generalisation error ε_g", limits=(1e-12, 1e6)),
    controls=(
        Control("activation", "g", "activation", 0.0, choices=(0.0, 1.0), choice_labels=("erf", "linear")),
        Control("students", "K", "student units", 2.0, choices=UNITS),
        Control("teachers", "M", "teacher units", 2.0, choices=UNITS, more=True),
        Control("beta", "β", "exponent of the spectrum", 1.0, 0.05, 3.0, more=True),
        Control("levels", "L", "distinct eigenvalues", 8.0, choices=LEVELS[:8]),
        Control("eta", "η", "learning rate", 0.5, 0.01, 5.0, scale="log"),
        Control("sigma_J", "σ_J", "initial student weights", 0.5, 0.0, 2.0),
        Control("alpha_max", "α_max", "last time", 200.0, 1.0, 1e4, scale="log", more=True),
        Control("N", "N", "inputs of the simulation", 512.0, choices=SIZES, more=True),
        Control("runs", "runs", "data streams simulated", 4.0, choices=(1.0, 2.0, 4.0, 8.0, 16.0), more=True),
        Control("seed", "seed", "seed of weights and data", 0.0, 0.0, 999.0, scale="integer", more=True),
    ),
    curves=(
        Curve("flow", "flow, N → ∞", POINTS),
        Curve("sgd", "SGD, mean ± 2 standard errors", SIMULATED, style="points", color=3, band=True),
    ),
    readouts=(
        Readout("last", "ε_g of the flow at α_max", headline=True),
        Readout("second_moment", "second moment ⟨λ²⟩"),
        Readout("largest_step", "largest step ηλ₁/N"),
        Readout("steps", "SGD steps simulated"),
    ),
    panels=overlaps("flow", MOST),
    size=size,
    start=start,
    advance=advance,
    Controls=Controls,
    Outputs=Outputs,
    messages=Message,
    python="""\
import numpy as np, lib
s = lib.power_law(beta={beta}, levels={levels})
m = lib.StudentTeacher(s, students={students}, teachers={teachers}, activation="{activation}")
N = max({N}, {levels})
teacher = "orthonormal" if N >= {levels} * {teachers} else "random"
start = m.initial_overlaps({sigma_J}, N, {seed}, teacher)
flow = lib.solve(m, start, eta={eta}, alpha=np.geomspace(0.01, {alpha_max}, 121))
if {N} >= {levels}:
    seeds = range({seed}, {seed} + {runs})
    sgd = lib.simulate(m, N, {eta}, flow.alpha[::5], {sigma_J}, seeds, teacher, "reduced")
""",
    presets=(
        Preset(
            "many-weights",
            "Many weights follow few equations",
            "With N = {N} inputs the mean of {runs} runs of SGD lies on the flow of the order parameters.",
            {"N": 4096.0, "runs": 4.0},
            lambda number, curve: number["largest_step"] < 0.01 and _deviation(curve) < 0.2,
            card="setting",
        ),
        Preset(
            "large-step",
            "The flow is a limit",
            "With N = L = {N} a step is {largest_step} of the leading direction, and SGD is not the flow.",
            {
                "activation": 1.0,
                "students": 1.0,
                "teachers": 1.0,
                "levels": 64.0,
                "eta": 0.9,
                "N": 64.0,
                "runs": 16.0,
            },
            lambda number, curve: number["largest_step"] > LARGEST_STEP and _deviation(curve) > 0.3,
            card="setting",
        ),
        Preset(
            "plateau",
            "One level: a plateau",
            "Two students that begin alike rest on a level part until they become different; with N = {N} inputs a run "
            "leaves it at another time than the flow.",
            {"levels": 1.0, "sigma_J": 0.01, "alpha_max": 1000.0, "N": 64.0, "runs": 1.0, "seed": 1.0},
            lambda number, curve: (
                np.sum((0.004 < curve["flow"].y) & (curve["flow"].y < 0.01)) > 20 and _deviation(curve) > 1.0
            ),
        ),
        Preset(
            "too-few-units",
            "Too few units: a floor",
            "One student unit for two teachers: no amount of data takes the error below {last}.",
            {"students": 1.0, "teachers": 2.0, "runs": 1.0},
            lambda number, curve: number["last"] > 5e-3,
            card="deeper",
        ),
        Preset(
            "spare-unit",
            "One unit too many: a lower floor",
            "{students} students of fixed output weights cannot share {teachers} teachers equally: the error stops "
            "at {last}, for every spectrum.",
            {"students": 3.0, "teachers": 2.0, "levels": 1.0, "alpha_max": 1e4, "runs": 1.0},
            lambda number, curve: 1e-5 < number["last"] < 1e-2,
            card="deeper",
        ),
        Preset(
            "twice-the-units",
            "Twice as many units: a slower end",
            "{students} students for {teachers} teachers share the work, in directions that hardly change the "
            "error: it ends as a power of α, not exponentially.",
            {"students": 4.0, "teachers": 2.0, "levels": 1.0, "alpha_max": 1e4, "runs": 1.0},
            lambda number, curve: 1e-8 < number["last"] < 1e-4,
            card="deeper",
        ),
    ),
)
