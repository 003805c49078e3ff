"""Explorer of chapter "Plateaus": the flow and SGD of erf networks, the plateau's height and its escape time."""

import math
from collections import namedtuple

import numpy as np

from ...compiler.jit import kernel
from ...compiler.layout import outputs, place, read, record, take
from ...kernels import integrator
from ...kernels import plateau as kernels
from ...kernels.averages import ERF, Network
from ...kernels.flow import total
from ...kernels.spectrum import power_law_spectrum
from ..experiment import Axis, Control, Curve, Experiment, Messages, Preset, Readout
from ..kernels.ensemble import LARGEST_STEP, Shape, ensemble_advance, ensemble_overlaps, ensemble_size, ensemble_start
from ..kernels.flow import EXHAUSTED, flow_advance, flow_written
from ..kernels.panels import show_matrices
from ..kernels.times import geometric
from .controls import LEVELS
from .panels import overlaps

UNITS = (2.0, 3.0, 4.0, 5.0, 6.0, 8.0)
MOST = int(UNITS[-1])
POINTS = 121
SIMULATED = 25
RTOL = 1e-6  # a thousandth of a line's width
FLOW_SHARE = 0.2  # of the progress shown; the rest is the simulation's

Controls = record(
    "Controls", students=int, teachers=int, beta=float, levels=int, eta=float, sigma_J=float, alpha_max=float, N=int,
    runs=int, seed=int,
)  # fmt: skip
Outputs = outputs(
    "Outputs",
    height_number=(1,),
    tau=(1,),
    small_eta_tau=(1,),
    claimed_tau=(1,),
    length=(1,),
    largest_step=(1,),
    exit=(1,),
    flow=(2, POINTS),
    height=(2, POINTS),
    sgd=(4, SIMULATED),
    R=(1 + POINTS, MOST, MOST),
    Q=(1 + POINTS, MOST, MOST),
)
SCRATCH = Outputs.size
Scratch = namedtuple(
    "Scratch", "eigenvalue weight mass noise r q t Q R T part level specialised flow status history ensemble end"
)


class Message(Messages):
    """What ``start`` may say."""

    NO_SIMULATION = (
        "notice",
        "N = {N} is smaller than L = {levels}: theory only, from weights of {levels} inputs; "
        "SGD needs an input direction for every level.",
    )
    LARGE_STEP = (
        "notice",
        "ηλ₁/N = {largest_step}: a single step is not small for the leading direction, and the flow is not exact.",
    )
    UNFINISHED = ("notice", "The flow is drawn as far as 20 000 steps of its integrator lead.")


@kernel(inline=True)
def shape(c):
    """The simulation, or, if N is too small for one, what the weights are drawn for."""
    return Shape(c.students, c.teachers, max(c.N, c.levels), c.levels, SIMULATED)


@kernel(inline=True)
def layout(c, work):
    """Behind the outputs: spectrum (L,), block overlaps, totals at time 0 and along the flow, a matrix (K, M), the
    logarithm of the flow's specialisation and its value at the plateau's end, the integrator with its status, and the
    simulation."""
    K, M, L = c.students, c.teachers, c.levels
    eigenvalue, at = take(work, SCRATCH, (L,))
    weight, at = take(work, at, (L,))
    mass, at = take(work, at, (L,))
    noise, at = take(work, at, (L,))
    r, at = take(work, at, (L, K, M))
    q, at = take(work, at, (L, K, K))
    t, at = take(work, at, (L, M, M))
    Q, at = take(work, at, (1 + POINTS, K, K))
    R, at = take(work, at, (1 + POINTS, K, M))
    T, at = take(work, at, (M, M))
    part, at = take(work, at, (K, M))
    level, at = take(work, at, (POINTS,))
    specialised, at = take(work, at, (1,))
    flow, at = take(work, at, (integrator.size(L, K, M),))
    status, at = take(work, at, (1,))
    history, at = take(work, at, (0, K, K + M, L))
    ensemble, at = take(work, at, (ensemble_size(shape(c)),))
    return Scratch(
        eigenvalue, weight, mass, noise, r, q, t, Q, R, T, part, level, specialised, flow, status, history, ensemble, at
    )


@kernel
def size(p, data):
    """Where the layout ends."""
    return float(layout(read(Controls, p), p).end)


@kernel
def _advance_flow(c, work):
    """Go on with the flow, if it has not ended. Its exit from the plateau is a read-out."""
    s, out = layout(c, work), place(Outputs, work)
    if s.status[0] != integrator.RUNNING:
        return
    s.status[0] = flow_advance(s.flow, out.flow[0], RTOL, out.flow[1], s.Q[1:], s.R[1:], s.history)
    done = flow_written(s.flow)
    for i in range(POINTS):
        s.level[i] = np.nan
        if i < done:
            s.level[i] = math.log(kernels.specialisation(s.R[1 + i], s.part) / s.specialised[0])
    show_matrices(s.R, 1 + done, out.R)
    show_matrices(s.Q, 1 + done, out.Q)
    out.exit[0] = kernels.first_crossing(out.flow[0], s.level)


@kernel
def start(p, data, work):
    """Closed forms; weights drawn for flow and simulation, and the first slice of the flow."""
    c, out = read(Controls, p), place(Outputs, work)
    K, M, L, N, eta = c.students, c.teachers, c.levels, c.N, c.eta
    s = layout(c, work)
    power_law_spectrum(c.beta, s.eigenvalue, s.weight)
    second = 0.0
    for k in range(L):
        s.mass[k] = s.weight[k] * s.eigenvalue[k]
        s.noise[k] = 1.0
        second += s.mass[k] * s.eigenvalue[k]

    V, u, e = math.sqrt(M), 1.0 / math.sqrt(M), eta / K
    Q = kernels.fixed_point(M, V, u, e)
    R = kernels.balance(Q, M, V, u)
    tau = 1.0 / kernels.escape(s.eigenvalue, s.weight, Q, M, V, u, e)
    s.specialised[0] = kernels.specialisation_at_end(R, K, M)
    out.height_number[0] = kernels.error(R, Q, M, V, u)
    out.tau[0] = tau
    out.small_eta_tau[0] = kernels.small_eta_escape_time(second, K, M, eta)
    out.claimed_tau[0] = M * M / (eta * L)
    out.largest_step[0] = eta * s.eigenvalue[0] / N

    begin = min(0.1 / (eta * s.eigenvalue[0]), 1e-2 * c.alpha_max)
    out.sgd[1:] = np.nan
    ensemble_start(s.ensemble, shape(c), s.eigenvalue, c.sigma_J, c.seed, begin, c.alpha_max, out.sgd[0])
    ensemble_overlaps(s.ensemble, s.r, s.q, s.t)
    total(s.eigenvalue, s.weight, s.t, s.T)
    total(s.eigenvalue, s.weight, s.r, s.R[0])
    total(s.eigenvalue, s.weight, s.q, s.Q[0])
    at_start = kernels.specialisation(s.R[0], s.part)
    out.length[0] = max(0.0, tau * math.log(s.specialised[0] / at_start))

    geometric(begin, c.alpha_max, out.flow[0])
    out.flow[1] = np.nan
    for i in range(POINTS):
        out.height[0, i] = out.flow[0, i]
        out.height[1, i] = out.height_number[0] if out.flow[0, i] <= out.length[0] else np.nan
    blocks = integrator.Blocks(s.eigenvalue, s.mass, s.noise, s.r, s.q, s.t)
    integrator.start(blocks, s.T, eta, Network(V / K, u, ERF), s.flow)
    s.status[0] = integrator.RUNNING
    _advance_flow(c, work)
    if N < L:
        out.sgd[0] = np.nan
        return Message.NO_SIMULATION.value
    return Message.LARGE_STEP.value if out.largest_step[0] > LARGEST_STEP else 0.0


@kernel
def advance(p, data, work):
    """A slice of the flow, or of the simulation when the flow has ended."""
    c, out = read(Controls, p), place(Outputs, work)
    s = layout(c, work)
    _advance_flow(c, work)
    if s.status[0] == integrator.RUNNING:
        return FLOW_SHARE * flow_written(s.flow) / POINTS
    K, M = c.students, c.teachers
    network = Network(math.sqrt(M) / K, 1.0 / math.sqrt(M), ERF)
    done = 1.0
    if c.N >= c.levels:
        done = ensemble_advance(s.ensemble, c.eta, network, c.runs, c.seed, out.sgd)
    notice = Message.UNFINISHED.value if s.status[0] == EXHAUSTED else 0.0
    return 2.0 * notice + (1.0 if done >= 1.0 else FLOW_SHARE + (1.0 - FLOW_SHARE) * done)


def _level_part(curve, height):
    """Share of the logarithmic time at which a curve is within a fifth of a height."""
    return np.mean(np.abs(curve.y / height - 1.0) < 0.2)


EXPERIMENT = Experiment(
    name="plateau",
    title="Plateaus: flow, SGD and the closed forms",
    x=Axis("time α (examples / N)"),
    y=Axis("generalisation error ε_g", limits=(1e-10, 1e3)),
    controls=(
        Control("students", "K", "student units", 2.0, choices=UNITS),
        Control("teachers", "M", "teacher units", 2.0, choices=UNITS),
        Control("beta", "β", "exponent of the spectrum", 1.0, 0.05, 3.0),
        Control("levels", "L", "distinct eigenvalues", 4.0, choices=LEVELS),
        Control("eta", "η", "learning rate", 0.1, 0.01, 5.0, scale="log", more=True),
        Control("sigma_J", "σ_J", "initial student weights", 0.01, 1e-6, 1.0, scale="log"),
        Control("alpha_max", "α_max", "last time", 3000.0, 1.0, 1e6, scale="log", more=True),
        Control("N", "N", "inputs of the simulation", 1024.0, choices=LEVELS[4:], more=True),
        Control("runs", "runs", "data streams simulated", 1.0, choices=(1.0, 2.0, 4.0, 8.0, 16.0), more=True),
        Control("seed", "seed", "seed of weights and data", 0.0, 0.0, 999.0, scale="integer", more=True),
    ),
    curves=(
        Curve("flow", "flow, N → ∞", POINTS),
        Curve("height", "plateau, for its predicted length", POINTS, style="dashed", color=1),
        Curve("sgd", "SGD, mean ± 2 standard errors", SIMULATED, style="points", color=3, band=True),
    ),
    readouts=(
        Readout("height", "height of the plateau", 4),
        Readout("tau", "escape time τ, any η", 4, headline=True),
        Readout("small_eta_tau", "escape time, small η", 4),
        Readout("claimed_tau", "M²/(ηL)"),
        Readout("length", "end predicted, τ ln(|R|/4|R̃(0)|)"),
        Readout("largest_step", "largest step ηλ₁/N"),
        Readout("exit", "end of the flow's plateau"),
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
m = lib.StudentTeacher(s, students={students}, teachers={teachers}, activation="erf")
point = lib.plateau.fixed_point(s, {teachers}, {eta}, {students})
tau = lib.plateau.escape_time(s, {teachers}, {eta}, {students})
N = max({N}, {levels})
teacher = "orthonormal" if N >= {levels} * {teachers} else "random"
start = m.initial_overlaps({sigma_J}, N, {seed}, teacher)
flow = lib.solve(m, start, {eta}, np.geomspace(0.1 / {eta} / s.eigenvalues[0], {alpha_max}, 121))
exit = lib.plateau.measured_length(flow, point)
if {N} >= {levels}:
    seeds = range({seed}, {seed} + {runs})
    sgd = lib.simulate(m, N, {eta}, flow.alpha[::5], {sigma_J}, seeds, teacher, "reduced")
""",
    presets=(
        Preset(
            "two-units",
            "Units must become different",
            "Figure 1 of the source, for L = {levels}: two students begin alike. The error rests at {height} until "
            "they specialise, at α = {exit}; the theory of the escape says {length}.",
            {},
            lambda number, curve: abs(number["exit"] / number["length"] - 1) < 0.2,
            card="plateau",
        ),
        Preset(
            "hidden",
            "A broad spectrum hides the plateau of two units",
            "L = {levels}, β = {beta}, M = {teachers}: while the units wait, the slow directions are still being "
            "learned, and the curve has no level part.",
            {"beta": 0.25, "levels": 256.0, "alpha_max": 100.0, "N": 512.0},
            lambda number, curve: _level_part(curve["flow"], number["height"]) < 0.1,
            card="plateau",
        ),
        Preset(
            "more-units",
            "More units bring it back",
            "The same data with M = {teachers}: the units wait so much longer that the slow directions arrive first.",
            {"students": 4.0, "teachers": 4.0, "beta": 0.25, "levels": 256.0, "alpha_max": 1000.0},
            lambda number, curve: _level_part(curve["flow"], number["height"]) > 0.1,
            card="plateau",
        ),
        Preset(
            "one-level",
            "One level: the longest plateau",
            "All directions alike, L = {levels}: the escape time is {tau}, and the plateau ends at α = {exit}.",
            {"levels": 1.0, "alpha_max": 1e4},
            lambda number, curve: number["tau"] > 300 and abs(number["exit"] / number["length"] - 1) < 0.2,
        ),
        Preset(
            "small-weights",
            "Smaller weights wait longer",
            "At σ_J = {sigma_J}, a tenth of what it was, the plateau ends at α = {exit}: a factor of ten adds τ ln 10.",
            {"levels": 1.0, "sigma_J": 1e-3, "alpha_max": 1e4},
            lambda number, curve: number["exit"] > 2000,
        ),
    ),
)
