"""Explorer of chapter "Mitigating slow directions": plain, partly and fully whitened inputs, and SGD on the second."""

import math
from collections import namedtuple

import numpy as np

from ...compiler.jit import kernel
from ...compiler.layout import outputs, place, read, record, take
from ...kernels import integrator
from ...kernels.averages import LINEAR, Network, generalization_error
from ...kernels.flow import total
from ...kernels.spectrum import power_law_spectrum, sum_groups, whiten
from ..experiment import Axis, Control, Curve, Experiment, Guide, Messages, Preset, Readout
from ..kernels.ensemble import (
    LARGEST_STEP,
    Shape,
    ensemble_advance,
    ensemble_overlaps,
    ensemble_rescale,
    ensemble_size,
    ensemble_start,
)
from ..kernels.flow import EXHAUSTED, FIRST, flow_advance, flow_written
from ..kernels.panels import GROUPS
from ..kernels.times import geometric
from .controls import LEVELS
from .panels import level_errors

POINTS = 101
SIMULATED = 25
RTOL = 1e-5  # a hundredth of a line's width
FLOWS = 3
FLOW_SHARE = 0.2  # of the progress shown if the flows are not done at the start; the rest is the simulation's
MULTIPLY_ADDS = 1  # the second choice of what the axis counts

Controls = record(
    "Controls", activation=int, units=int, beta=float, levels=int, eta=float, power=float, sigma_J=float,
    alpha_max=float, count=int, N=int, runs=int, seed=int,
)  # fmt: skip
Outputs = outputs(
    "Outputs",
    plain_exponent=(1,),
    exponent=(1,),
    plain_moment=(1,),
    moment=(1,),
    plain=(2, POINTS),
    partial=(2, POINTS),
    full=(2, POINTS),
    sgd=(4, SIMULATED),
    level_errors=(1 + POINTS, 1, GROUPS),
)
SCRATCH = Outputs.size
Scratch = namedtuple(
    "Scratch",
    "eigenvalue weight white gain mass noise r q t white_r white_q white_t alpha error Q R T flow ended"
    " notice progress history fields part ensemble end",
)


class Message(Messages):
    """What ``start`` may say."""

    NO_SIMULATION = (
        "notice",
        "N = {N} is smaller than L = {levels}: theory only, from weights of {levels} inputs; "
        "SGD needs an input direction for every level.",
    )
    DIVERGES = ("notice", "η = {eta} is beyond the critical learning rate of one of the flows: it diverges.")
    LARGE_STEP = (
        "notice",
        "ηλ₁/(MN) is more than 0.2: a single step of plain SGD is not small for the leading direction.",
    )
    UNFINISHED = ("notice", "A flow is drawn as far as 20 000 steps of its integrator lead.")


@kernel(inline=True)
def shape(c):
    """The simulation, or, if N is too small for one, what the weights are drawn for."""
    return Shape(c.units, c.units, max(c.N, c.levels), c.levels, SIMULATED)


@kernel(inline=True)
def layout(c, work):
    """Behind the outputs: spectrum with its powers (L,), block overlaps (L, M, M) of inputs as they come and whitened,
    a flow's curve and totals from time 0 on, the integrator, how many flows have ended and the notice with which, their
    share of the progress, the flow's blocks if levels are shown, a level's covariance (2 M, 2 M), the levels' errors
    (L,), and the simulation."""
    L, M = c.levels, c.units
    eigenvalue, at = take(work, SCRATCH, (L,))
    weight, at = take(work, at, (L,))
    white, at = take(work, at, (L,))
    gain, at = take(work, at, (L,))
    mass, at = take(work, at, (L,))
    noise, at = take(work, at, (L,))
    r, at = take(work, at, (L, M, M))
    q, at = take(work, at, (L, M, M))
    t, at = take(work, at, (L, M, M))
    white_r, at = take(work, at, (L, M, M))
    white_q, at = take(work, at, (L, M, M))
    white_t, at = take(work, at, (L, M, M))
    alpha, at = take(work, at, (1 + POINTS,))
    error, at = take(work, at, (1 + POINTS,))
    Q, at = take(work, at, (1 + POINTS, M, M))
    R, at = take(work, at, (1 + POINTS, M, M))
    T, at = take(work, at, (M, M))
    flow, at = take(work, at, (integrator.size(L, M, M),))
    ended, at = take(work, at, (1,))
    notice, at = take(work, at, (1,))
    progress, at = take(work, at, (1,))
    history, at = take(work, at, (1 + POINTS if c.activation == LINEAR else 0, M, 2 * M, L))
    fields, at = take(work, at, (2 * M, 2 * M))
    part, at = take(work, at, (L,))
    ensemble, at = take(work, at, (ensemble_size(shape(c)),))
    return Scratch(
        eigenvalue, weight, white, gain, mass, noise, r, q, t, white_r, white_q, white_t,
        alpha, error, Q, R, T, flow, ended, notice, progress, history, fields, part, ensemble, at,
    )  # fmt: skip


@kernel
def size(p, data):
    """Where the layout ends."""
    return float(layout(read(Controls, p), p).end)


@kernel
def _stretch(c, power):
    """Cost of an example in units of one without preconditioning, or 1 where the axis counts examples."""
    # a full matrix of N^2 multiply-adds before the 2 M N of an example
    return 1.0 + 0.5 * c.N / c.units if c.count == MULTIPLY_ADDS and power > 0.0 else 1.0


@kernel
def _power(c, which):
    """Power of the whitening of a flow: of none, of all, of some."""
    return 0.0 if which == 0.0 else 1.0 if which == 1.0 else c.power


@kernel
def _whiten(c, work, power):
    """Whiten the inputs by ``power``; returns <lambda lambda'>, which sets the speed at which a plateau is left."""
    s = layout(c, work)  # not an argument: a page's program would hand on seven numbers for each array
    whiten(s.eigenvalue, s.weight, power, s.white, s.gain)
    moment = 0.0
    for k in range(c.levels):
        s.mass[k] = s.weight[k] * s.white[k]
        moment += s.mass[k] * s.eigenvalue[k]
    return moment


@kernel
def _begin_flow(c, work):
    """Prepare the flow whose turn it is."""
    s = layout(c, work)
    _whiten(c, work, _power(c, s.ended[0]))
    for k in range(c.levels):
        s.noise[k] = 1.0
        for i in range(c.units):
            for j in range(c.units):
                s.white_r[k, i, j] = s.r[k, i, j] / s.gain[k]
                s.white_q[k, i, j] = s.q[k, i, j] / s.gain[k]
                s.white_t[k, i, j] = s.t[k, i, j] / s.gain[k]
    output = 1.0 / math.sqrt(c.units)
    blocks = integrator.Blocks(s.white, s.mass, s.noise, s.white_r, s.white_q, s.white_t)
    integrator.start(blocks, s.T, c.eta, Network(output, output, c.activation), s.flow)
    s.error[:] = np.nan


@kernel
def _write(c, work, power, curve):
    """What is known of a flow, into curve (2, POINTS)."""
    s, stretch = layout(c, work), _stretch(c, power)
    for i in range(POINTS):
        curve[0, i] = s.alpha[1 + i] * stretch
        curve[1, i] = s.error[1 + i]


@kernel
def _show_levels(c, work):
    """The parts of the last flow's error in groups of levels: a linear network's error is linear in the overlaps."""
    s, out = layout(c, work), place(Outputs, work)
    M, output = c.units, 1.0 / math.sqrt(c.units)
    out.level_errors[:] = np.nan
    for i in range(int(integrator.header(s.flow).written[0]) if c.activation == LINEAR else 0):
        for k in range(c.levels):
            for a in range(M):
                for b in range(M):
                    s.fields[a, b] = s.history[i, a, b, k]
                    s.fields[a, M + b] = s.fields[M + b, a] = s.history[i, a, M + b, k]
                    s.fields[M + a, M + b] = s.white_t[k, a, b]
            s.part[k] = s.mass[k] * generalization_error(s.fields, M, output, output, LINEAR)
        sum_groups(s.part, out.level_errors[i, 0])


@kernel
def _advance_flow(c, work):
    """Go on with the flow whose turn it is, if there is one; when it has ended it is the next one's."""
    s, out = layout(c, work), place(Outputs, work)
    which = s.ended[0]
    if which == FLOWS:
        return
    # the blocks of the last one are kept
    history = s.history[: s.history.shape[0] if which == FLOWS - 1 else 0]
    status = flow_advance(s.flow, s.alpha, RTOL, s.error, s.Q, s.R, history)
    if which == 0.0:
        _write(c, work, 0.0, out.plain)
    elif which == 1.0:
        _write(c, work, 1.0, out.full)
    else:
        _write(c, work, c.power, out.partial)
    if status == integrator.RUNNING:
        return
    if status != integrator.DONE:
        s.notice[0] = Message.UNFINISHED.value if status == EXHAUSTED else Message.DIVERGES.value
    s.ended[0] += 1.0
    if s.ended[0] < FLOWS:
        _begin_flow(c, work)
    else:
        _show_levels(c, work)


@kernel
def start(p, data, work):
    """Draw the weights; the first slices of the three flows from their overlaps."""
    c, out = read(Controls, p), place(Outputs, work)
    M, s = c.units, layout(c, work)

    power_law_spectrum(c.beta, s.eigenvalue, s.weight)
    begin = min(0.1 / (c.eta * s.eigenvalue[0]), 1e-2 * c.alpha_max)
    whiten(s.eigenvalue, s.weight, c.power, s.white, s.gain)
    ensemble_start(s.ensemble, shape(c), s.white, c.sigma_J, c.seed, begin, c.alpha_max, out.sgd[0])
    ensemble_overlaps(s.ensemble, s.r, s.q, s.t)
    ensemble_rescale(s.ensemble, s.gain)
    total(s.eigenvalue, s.weight, s.t, s.T)
    out.sgd[1:] = np.nan
    stretch = _stretch(c, c.power)
    for i in range(SIMULATED):
        out.sgd[0, i] *= stretch

    s.alpha[0] = 0.0
    geometric(begin, c.alpha_max, s.alpha[1:])
    out.plain[:] = np.nan
    out.partial[:] = np.nan
    out.full[:] = np.nan
    out.level_errors[:] = np.nan
    out.plain_moment[0] = _whiten(c, work, 0.0)
    out.moment[0] = _whiten(c, work, c.power)
    out.plain_exponent[0] = c.beta / (1.0 + c.beta)
    out.exponent[0] = c.beta / ((1.0 + c.beta) * (1.0 - c.power)) if c.power < 1.0 else np.inf
    s.ended[0] = s.notice[0] = 0.0
    _begin_flow(c, work)
    for _ in range(FIRST):
        _advance_flow(c, work)
    s.progress[0] = FLOW_SHARE if s.ended[0] < FLOWS else 0.0
    if c.N < c.levels:
        out.sgd[0] = np.nan
        return s.notice[0] + Message.NO_SIMULATION.value
    large = c.eta * s.eigenvalue[0] / (M * c.N) > LARGEST_STEP
    return s.notice[0] + (Message.LARGE_STEP.value if large else 0.0)


@kernel
def advance(p, data, work):
    """A slice of a flow, or of the simulation when all flows have ended."""
    c, out = read(Controls, p), place(Outputs, work)
    s = layout(c, work)
    _advance_flow(c, work)
    if s.ended[0] < FLOWS:
        return FLOW_SHARE * (s.ended[0] + flow_written(s.flow) / (1 + POINTS)) / FLOWS
    output = 1.0 / math.sqrt(c.units)
    network = Network(output, output, c.activation)
    done = 1.0
    if c.N >= c.levels:
        done = ensemble_advance(s.ensemble, c.eta, network, c.runs, c.seed, out.sgd)
    return 2.0 * s.notice[0] + (1.0 if done >= 1.0 else s.progress[0] + (1.0 - s.progress[0]) * done)


EXPERIMENT = Experiment(
    name="mitigation",
    title="Whitening: faster tails, longer plateaus",
    x=Axis("time α (examples / N), or equal compute"),
    y=Axis("generalisation error ε_g", limits=(1e-12, 1e6)),
    controls=(
        Control("activation", "g", "activation", 1.0, choices=(0.0, 1.0), choice_labels=("erf", "linear")),
        Control("units", "M", "hidden units, K = M", 1.0, choices=(1.0, 2.0, 3.0, 4.0)),
        Control("beta", "β", "exponent of the spectrum", 1.0, 0.05, 3.0, more=True),
        Control("levels", "L", "distinct eigenvalues", 64.0, choices=LEVELS[:8], more=True),
        Control("eta", "η", "learning rate", 0.3, 0.01, 5.0, scale="log", more=True),
        Control("power", "p", "power of the whitening", 0.5, 0.0, 1.0),
        Control("sigma_J", "σ_J", "initial student weights", 0.01, 0.0, 2.0, more=True),
        Control("alpha_max", "α_max", "last time", 30.0, 1.0, 1e4, scale="log"),
        Control(
            "count",
            "axis",
            "what the axis counts",
            0.0,
            choices=(0.0, 1.0),
            choice_labels=("examples", "multiply-adds"),
        ),
        Control("N", "N", "inputs of the simulation", 256.0, choices=LEVELS[6:], more=True),
        Control("runs", "runs", "data streams simulated", 4.0, choices=(1.0, 2.0, 4.0, 8.0, 16.0), more=True),
        Control("seed", "seed", "seed of weights and data", 0.0, 0.0, 999.0, scale="integer", more=True),
    ),
    curves=(
        Curve("plain", "plain SGD", POINTS),
        Curve("partial", "partly whitened, at p", POINTS, style="dashed", color=1),
        Curve("full", "fully whitened", POINTS, style="dotted", color=2),
        Curve("sgd", "SGD at p, mean ± 2 standard errors", SIMULATED, style="points", color=3, band=True),
    ),
    readouts=(
        Readout("plain_exponent", "exponent of plain SGD, β/(1+β)"),
        Readout("exponent", "exponent at p, β/((1+β)(1−p))", headline=True),
        Readout("plain_moment", "plateau's speed ⟨λ²⟩ of plain SGD"),
        Readout("moment", "plateau's speed ⟨λλ′⟩ at p"),
    ),
    panels=level_errors("partial"),
    guides=(
        Guide("plain_exponent", "plain", "−β/(1+β)", factor=-1.0),
        Guide("exponent", "partial", "−β/((1+β)(1−p))", factor=-1.0),
    ),
    size=size,
    start=start,
    advance=advance,
    Controls=Controls,
    Outputs=Outputs,
    messages=Message,
    python="""\
import numpy as np, lib
s = lib.power_law(beta={beta}, levels={levels})
m = lib.StudentTeacher(s, students={units}, teachers={units}, activation="{activation}")
N = max({N}, {levels})
teacher = "orthonormal" if N >= {levels} * {units} else "random"
start = m.initial_overlaps({sigma_J}, N, {seed}, teacher)
alpha = np.geomspace(0.01, {alpha_max}, 101)
plain = lib.solve(m, start, eta={eta}, alpha=alpha)
white = lib.mitigation.whiten(s, power={power})
w = lib.StudentTeacher(white.spectrum, {units}, {units}, "{activation}")
partial = lib.solve(w, white.overlaps(start), eta={eta}, alpha=alpha)
if {N} >= {levels} * {units}:
    recipe, seeds = lib.mitigation.Recipe(power={power}), range({seed}, {seed} + {runs})
    sgd = lib.mitigation.train(m, {N}, {eta}, alpha[::10], recipe, {sigma_J}, seeds)
""",
    presets=(
        Preset(
            "exponent",
            "Whitening changes the exponent",
            "Inputs whitened by the power p = {power} learn with the exponent {exponent} in place of {plain_exponent}.",
            {},
            lambda number, curve: (
                number["exponent"] == 2 * number["plain_exponent"] and curve["partial"].y[-1] < curve["plain"].y[-1]
            ),
            card="mitigation",
        ),
        Preset(
            "plateau",
            "It prolongs the plateau",
            "Erf units leave the plateau with a speed that whitening takes from {plain_moment} to {moment}: the "
            "fast directions were what broke the symmetry.",
            {"activation": 0.0, "units": 2.0, "levels": 16.0, "eta": 0.1, "alpha_max": 3000.0, "runs": 1.0},
            lambda number, curve: number["moment"] < 0.6 * number["plain_moment"],
            card="mitigation",
        ),
        Preset(
            "compute",
            "And it must be paid for",
            "Against multiply-adds, for one unit: a full matrix at every step costs more than it brings.",
            {"count": 1.0},
            lambda number, curve: curve["partial"].x[0] > curve["plain"].x[0],
            card="mitigation",
        ),
        Preset(
            "full",
            "Whitened fully: one clock",
            "At p = {power} every direction is learned at one rate: the error falls exponentially, and no power law "
            "is left.",
            {"power": 1.0},
            lambda number, curve: curve["partial"].y[-1] < 1e-2 * curve["plain"].y[-1],
        ),
    ),
)
