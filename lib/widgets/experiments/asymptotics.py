"""Explorer of chapter "Asymptotic power laws": flow, mode sum, law and SGD, and a fit in the reader's window."""

import math
from collections import namedtuple

import numpy as np

from ...asymptotics import couplings, stability_limit
from ...compiler.jit import kernel
from ...compiler.layout import outputs, place, read, record, take
from ...kernels import integrator
from ...kernels.asymptotics import Levels, Sectors, amplification, law, mode_sum, shares
from ...kernels.averages import ERF, Network
from ...kernels.fitting import FIT_SCRATCH, fit_window
from ...kernels.flow import total
from ...kernels.spectrum import power_law_spectrum
from ..experiment import Axis, Control, Curve, Experiment, Guide, Handle, Messages, Ordered, Preset, Readout
from ..kernels.ensemble import LARGEST_STEP, Shape, ensemble_advance, ensemble_align, ensemble_size, ensemble_start
from ..kernels.flow import EXHAUSTED, FIRST, flow_advance, flow_written
from ..kernels.panels import show_matrices
from ..kernels.times import geometric
from .controls import LEVELS, UNITS
from .panels import overlaps

POINTS = 121
SIMULATED = 25
MOST = len(UNITS)  # units
ENDS = 2  # points of a straight line
RTOL = 1e-5  # a hundredth of a line's width
FLOW_SHARE = 0.2  # of the progress shown if the flow is not done at the start; the rest is the simulation's
ERROR, SHIFTED, SLOPE = 0, 1, 2  # what is drawn
FEWEST = 6  # points of a fit that is shown
T_QUANTILE = 2.7764451  # 95 %, 4 degrees of freedom

# Levels up to HEAD one by one; behind them GAUSS Gauss points of ln k for each factor 2 in k stand for all the others,
# which at equal initial overlaps changes the sums over levels by 1e-6.
HEAD = 24
GAUSS = 5
GAUSS_POINT, GAUSS_WEIGHT = np.polynomial.legendre.leggauss(GAUSS)

Controls = record(
    "Controls", show=int, units=int, beta=float, levels=int, eta=float, alignment=float, sigma_J=float,
    fit_first=float, fit_last=float, until=float, N=int, runs=int, seed=int,
)  # fmt: skip
Outputs = outputs(
    "Outputs",
    exponent=(1,),
    raw=(1,),
    raw_error=(1,),
    corrected=(1,),
    corrected_error=(1,),
    opens=(1,),
    closes=(1,),
    last=(1,),
    offset=(1,),
    critical=(1,),
    flow=(2, POINTS),
    modes=(2, POINTS),
    law=(2, POINTS),
    fit=(2, ENDS),
    sgd=(4, SIMULATED),
    R=(1 + POINTS, MOST, MOST),
    Q=(1 + POINTS, MOST, MOST),
)
SCRATCH = Outputs.size
Scratch = namedtuple(
    "Scratch",
    "eigenvalue mass noise rate r q t Q R T error flow status progress history system factor share part fit level"
    " weight ensemble end",
)
Constants = namedtuple("Constants", "sectors critical")


class Message(Messages):
    """What ``start`` may say."""

    AT_TEACHER = ("error", "r₀ = 1 and σ_J = 0: the student begins as the teacher, and there is no error to draw.")
    FEW_POINTS = (
        "notice",
        "The fit window, {fit_first} to {fit_last} of α_max, holds fewer than 6 points of the curve: no fit.",
    )
    UNSTABLE = (
        "notice",
        "η = {eta} is beyond the critical learning rate {critical}: the error stays finite but does not go to zero.",
    )
    NO_CONSTANT = ("notice", "There is then no constant to add: the error is drawn without.")
    NO_SIMULATION = (
        "notice",
        "N = {N} is smaller than L = {levels}: theory only; SGD needs an input direction for every level.",
    )
    LARGE_STEP = (
        "notice",
        "ηλ₁/(MN) is more than 0.2: a single step is not small for the leading direction, "
        "and SGD does not follow the theory.",
    )
    UNFINISHED = ("notice", "The flow is drawn as far as 20 000 steps of its integrator lead.")


def _table():
    """For each number of units the arrays of :func:`_constants`, one behind the other."""
    rows = []
    for M in range(1, int(UNITS[-1]) + 1):
        c = couplings(M)
        rows.append(np.concatenate([c.H, c.X.ravel(), c.identity, [stability_limit(M)]]))
    return np.array([np.pad(row, (0, rows[-1].size - row.size)) for row in rows])


TABLE = _table()


@kernel
def _sectors(M):
    """Sectors of M units: differences between units, and their mean."""
    return min(M, 2)


@kernel
def _constants(M):
    """The linearised flow of M units, and its critical learning rate."""
    row, S = TABLE[M - 1], _sectors(M)
    H, at = take(row, 0, (S,))
    X, at = take(row, at, (S, S))
    identity, at = take(row, at, (S,))
    critical, at = take(row, at, (1,))
    return Constants(Sectors(H, X, identity), critical[0])


@kernel
def _panels(L):
    """Panels of Gauss points in ln k, each at most a factor 2 in k, for the levels behind the first ones."""
    return int(math.log((L + 0.5) / (HEAD + 0.5)) / math.log(2.0)) + 1 if L > HEAD else 0


@kernel
def gauss_levels(beta, L, eigenvalue, mass):
    """Write eigenvalues and w lambda (n,) of nodes that stand for a power-law spectrum of L levels."""
    for k in range(min(L, HEAD)):
        eigenvalue[k] = math.exp(-(1.0 + beta) * math.log(k + 1.0))
        mass[k] = eigenvalue[k]
    low, high, panels = math.log(HEAD + 0.5), math.log(L + 0.5), _panels(L)
    for panel in range(panels):
        half = 0.5 * (high - low) / panels
        for j in range(GAUSS):
            node = HEAD + panel * GAUSS + j
            u = low + half * (2.0 * panel + 1.0 + GAUSS_POINT[j])
            eigenvalue[node] = math.exp(-(1.0 + beta) * u)
            mass[node] = half * GAUSS_WEIGHT[j] * math.exp(u) * eigenvalue[node]
    total = 0.0
    for part in mass:
        total += part
    for k in range(mass.shape[0]):
        eigenvalue[k] *= L / total
        mass[k] /= total


@kernel
def _simulated(c):
    """Whether SGD is shown: theory's error is, and every level has an input direction."""
    return c.show == ERROR and c.levels <= c.N


@kernel(inline=True)
def layout(c, work):
    """Behind the outputs: nodes (n,) that stand for the levels, their overlaps (n, M, M), the flow's totals from time 0
    on, its error, its integrator with the status and its share of the progress, the theory of the sectors, a curve
    (POINTS,), the fit, and the simulation with its spectrum."""
    M, S = c.units, _sectors(c.units)
    n = min(c.levels, HEAD) + GAUSS * _panels(c.levels)
    L = c.levels if _simulated(c) else 0
    eigenvalue, at = take(work, SCRATCH, (n,))
    mass, at = take(work, at, (n,))
    noise, at = take(work, at, (n,))
    rate, at = take(work, at, (n,))
    r, at = take(work, at, (n, M, M))
    q, at = take(work, at, (n, M, M))
    t, at = take(work, at, (n, M, M))
    Q, at = take(work, at, (1 + POINTS, M, M))
    R, at = take(work, at, (1 + POINTS, M, M))
    T, at = take(work, at, (M, M))
    error, at = take(work, at, (POINTS,))
    flow, at = take(work, at, (integrator.size(n, M, M),))
    status, at = take(work, at, (1,))
    progress, at = take(work, at, (1,))
    history, at = take(work, at, (0, M, 2 * M, n))
    system, at = take(work, at, (S, S))
    factor, at = take(work, at, (S,))
    share, at = take(work, at, (S,))
    part, at = take(work, at, (POINTS,))
    fit, at = take(work, at, (FIT_SCRATCH,))
    level, at = take(work, at, (L,))
    weight, at = take(work, at, (L,))
    ensemble, at = take(work, at, (ensemble_size(Shape(M, M, c.N, L, SIMULATED)) if L > 0 else 0,))
    return Scratch(
        eigenvalue, mass, noise, rate, r, q, t, Q, R, T, error, flow, status, progress, history, system, factor, share,
        part, fit, level, weight, ensemble, at,
    )  # fmt: skip


@kernel
def size(p, data):
    """Where the layout ends."""
    return float(layout(read(Controls, p), p).end)


@kernel
def _begin_flow(c, work):
    """Prepare the flow from overlaps equal in all levels, set by ``alignment``."""
    s = layout(c, work)
    for k in range(s.noise.shape[0]):
        s.noise[k] = 1.0
        for i in range(c.units):
            for j in range(c.units):
                s.t[k, i, j] = 1.0 if i == j else 0.0
                s.r[k, i, j] = c.alignment * s.t[k, i, j]
                s.q[k, i, j] = (c.alignment * c.alignment + c.sigma_J * c.sigma_J) * s.t[k, i, j]
                s.T[i, j] = s.t[k, i, j]
    output = 1.0 / math.sqrt(c.units)
    blocks = integrator.Blocks(s.eigenvalue, s.mass, s.noise, s.r, s.q, s.t)
    integrator.start(blocks, s.T, c.eta, Network(output, output, ERF), s.flow)
    total(s.mass, s.noise, s.r, s.R[0])
    total(s.mass, s.noise, s.q, s.Q[0])
    s.error[:] = np.nan
    s.status[0] = integrator.RUNNING


@kernel
def _theory(c, work, sectors, alpha, modes, law_error, ends):
    """Write the amplified mode sum, and the law between its ``ends``, at the times alpha; return the law's offset."""
    s = layout(c, work)
    g, first, exponent = c.eta / c.units, s.eigenvalue[0], c.beta / (1.0 + c.beta)
    amplification(sectors, g, s.system, s.factor)
    scale = 0.5 * ((1.0 - c.alignment) * (1.0 - c.alignment) + c.sigma_J * c.sigma_J) / c.units
    shares(sectors, scale, s.factor, s.share)
    mode_sum(sectors, g, s.share, Levels(s.eigenvalue, s.mass, s.rate), alpha, s.part, modes)
    shares(sectors, scale * first / c.levels, s.factor, s.share)
    prefactor, offset = law(sectors, g, s.share, first, c.levels, c.beta)
    for i in range(POINTS):
        value = prefactor * alpha[i] ** -exponent - offset
        if ends[0] <= alpha[i] <= ends[1] and value > 0.0:
            law_error[i] = value
    return offset


@kernel
def _draw_line(c, fit, low, high, line):
    """Write the fitted line between the ends of the window, or its slope, to line (2, ENDS)."""
    line[0, 0], line[0, 1] = low, high
    for i in range(ENDS):
        value = math.exp(fit.log_prefactor + fit.exponent * math.log(line[0, i]))
        line[1, i] = -fit.exponent if c.show == SLOPE else value
    if fit.points < FEWEST:
        line[1] = np.nan


@kernel
def _present(show, curve, offset):
    """Overwrite the errors of curve (2, n) by what is shown: error + offset, if there is one, or minus the slope."""
    alpha, y = curve[0], curve[1]
    n = alpha.shape[0]
    if show == SHIFTED and not math.isnan(offset):
        for i in range(n):
            y[i] += offset
    if show == SLOPE:
        previous = y[0]
        for i in range(n):
            left, right, here = max(i - 1, 0), min(i + 1, n - 1), y[i]
            y[i] = -math.log(y[right] / previous) / math.log(alpha[right] / alpha[left])
            previous = here


@kernel
def _advance_flow(c, work):
    """Go on with the flow, if it has not ended, and fit what is known of it; returns the points in the window."""
    s, out = layout(c, work), place(Outputs, work)
    alpha, offset = out.flow[0], out.offset[0]
    s.status[0] = flow_advance(s.flow, alpha, RTOL, s.error, s.Q[1:], s.R[1:], s.history)
    done = 1 + flow_written(s.flow)
    show_matrices(s.R, done, out.R)
    show_matrices(s.Q, done, out.Q)
    low, high = c.fit_first * out.closes[0], c.fit_last * out.closes[0]
    raw = fit_window(alpha, s.error, low, high, s.fit)
    for i in range(POINTS):
        out.flow[1, i] = s.error[i]
        s.part[i] = s.error[i] + offset
    corrected = fit_window(alpha, s.part, low, high, s.fit)
    enough = raw.points >= FEWEST
    out.raw[0] = -raw.exponent if enough else np.nan
    out.raw_error[0] = T_QUANTILE * raw.standard_error if enough else np.nan
    out.corrected[0] = -corrected.exponent if enough else np.nan
    out.corrected_error[0] = T_QUANTILE * corrected.standard_error if enough else np.nan
    shifted = c.show == SHIFTED and not math.isnan(offset)
    _draw_line(c, corrected if shifted else raw, low, high, out.fit)
    _present(c.show, out.flow, offset)
    return raw.points


@kernel
def start(p, data, work):
    """Mode sum, law, and the first slices of the flow with its fit; weights drawn for the simulation."""
    c, out = read(Controls, p), place(Outputs, work)
    M, L = c.units, c.levels
    if c.alignment == 1.0 and c.sigma_J == 0.0:
        return Message.AT_TEACHER.value
    s, constants = layout(c, work), _constants(M)
    H, g = constants.sectors.H, c.eta / M

    gauss_levels(c.beta, L, s.eigenvalue, s.mass)
    # the law of both sectors: from where the slow one's begins to where the fast one's ends, long before the last level
    opens, fast = 0.5 / (g * H[0] * s.eigenvalue[0]), 0.5 / (g * H[-1] * s.eigenvalue[0])
    span = math.exp((1.0 + c.beta) * math.log(L))
    closes, last = fast * span, opens * span
    begin, alpha = 0.03 * fast, out.flow[0]
    geometric(begin, 30.0 * last, alpha)
    for i in range(POINTS):
        out.modes[0, i] = out.law[0, i] = alpha[i]
    out.flow[1] = out.modes[1] = out.law[1] = np.nan
    stable, offset = c.eta < constants.critical, np.nan
    if stable:
        offset = _theory(c, work, constants.sectors, alpha, out.modes[1], out.law[1], (opens, closes))
        _present(c.show, out.modes, offset)
        _present(c.show, out.law, offset)
    out.exponent[0] = c.beta / (1.0 + c.beta)
    out.opens[0], out.closes[0], out.last[0] = opens, closes, last
    out.offset[0], out.critical[0] = offset, constants.critical
    _begin_flow(c, work)
    points = _advance_flow(c, work)
    for _ in range(FIRST):
        if s.status[0] == integrator.RUNNING:
            _advance_flow(c, work)
    notices = Message.FEW_POINTS.value if points < FEWEST else 0.0
    s.progress[0] = FLOW_SHARE if s.status[0] == integrator.RUNNING else 0.0

    out.sgd[:] = np.nan
    if _simulated(c):
        power_law_spectrum(c.beta, s.level, s.weight)
        first = min(begin, 1e-2 * c.until)
        shape = Shape(M, M, c.N, L, SIMULATED)
        ensemble_start(s.ensemble, shape, s.level, c.sigma_J, c.seed, first, c.until, out.sgd[0])
        ensemble_align(s.ensemble, c.alignment)
    if not stable:
        notices += Message.UNSTABLE.value
        if c.show == SHIFTED:
            notices += Message.NO_CONSTANT.value
    if L > c.N:
        notices += Message.NO_SIMULATION.value
    elif stable and c.show == ERROR and g * s.eigenvalue[0] / c.N > LARGEST_STEP:
        notices += Message.LARGE_STEP.value
    return notices


@kernel
def advance(p, data, work):
    """A slice of the flow, or of the simulation when the flow has ended and there is one."""
    c, out = read(Controls, p), place(Outputs, work)
    s = layout(c, work)
    if s.status[0] == integrator.RUNNING:
        _advance_flow(c, work)
        return FLOW_SHARE * flow_written(s.flow) / POINTS if s.status[0] == integrator.RUNNING else FLOW_SHARE
    output = 1.0 / math.sqrt(c.units)
    network = Network(output, output, ERF)
    done = 1.0
    if _simulated(c):
        done = ensemble_advance(s.ensemble, c.eta, network, c.runs, c.seed, out.sgd)
    notice = Message.UNFINISHED.value if s.status[0] == EXHAUSTED else 0.0
    return 2.0 * notice + (1.0 if done >= 1.0 else s.progress[0] + (1.0 - s.progress[0]) * done)


EXPERIMENT = Experiment(
    name="asymptotics",
    title="Late times: the law, its window, and a fit in yours",
    x=Axis("time α (examples / N)"),
    y=Axis("ε_g, or what is chosen", limits=(1e-12, 1e2)),
    controls=(
        Control(
            "show",
            "show",
            "what is drawn",
            0.0,
            choices=(0.0, 1.0, 2.0),
            choice_labels=("error", "error + constant", "minus local slope"),
        ),
        Control("units", "M", "units of student and teacher", 2.0, choices=UNITS, more=True),
        Control("beta", "β", "exponent of the spectrum", 1.0, 0.05, 3.0),
        Control("levels", "L", "distinct eigenvalues", 256.0, choices=LEVELS + (4096.0, 16384.0, 131072.0, 1e6)),
        Control("eta", "η", "learning rate", 0.5, 1e-3, 8.0, scale="log", more=True),
        Control("alignment", "r₀", "initial overlap with the teacher", 0.1, 1e-4, 1.0, scale="log", more=True),
        Control("sigma_J", "σ_J", "initial random weights", 0.1, 0.0, 1.0, more=True),
        Control("fit_first", "α₁/α_max", "fit window from", 1e-3, 1e-9, 1.0, scale="log"),
        Control("fit_last", "α₂/α_max", "fit window to", 0.1, 1e-8, 10.0, scale="log"),
        Control("until", "α_SGD", "simulate until", 100.0, 1.0, 1e4, scale="log", more=True),
        Control("N", "N", "inputs of the simulation", 512.0, choices=LEVELS[6:], more=True),
        Control("runs", "runs", "data streams simulated", 4.0, choices=(1.0, 2.0, 4.0, 8.0, 16.0), more=True),
        Control("seed", "seed", "seed of weights and data", 0.0, 0.0, 999.0, scale="integer", more=True),
    ),
    curves=(
        Curve("flow", "flow, N → ∞", POINTS),
        Curve("modes", "mode sum, amplified", POINTS, style="dashed", color=1),
        Curve("law", "power law less its constant", POINTS, style="dotted", color=2),
        Curve("fit", "straight line fitted in the window", ENDS, color=4),
        Curve("sgd", "SGD, mean ± 2 standard errors", SIMULATED, style="points", color=3, band=True),
    ),
    readouts=(
        Readout("exponent", "exponent of the law, β/(1+β)", 4),
        Readout("raw", "exponent fitted to the flow", 4, headline=True, error="raw_error"),
        Readout("raw_error", "its 95 % interval, ±", 2),
        Readout("corrected", "exponent after adding the constant", 4, error="corrected_error"),
        Readout("corrected_error", "its 95 % interval, ±", 2),
        Readout("opens", "window opens at α"),
        Readout("closes", "window closes at α_max"),
        Readout("last", "last level leaves at α_L"),
        Readout("offset", "constant"),
        Readout("critical", "critical learning rate", 5),
    ),
    panels=overlaps("flow", MOST),
    guides=(Guide("exponent", "law", "−β/(1+β)", factor=-1.0, when=("show", (ERROR, SHIFTED))),),
    handles=(
        Handle(("fit_first", "fit_last"), "fit window", unit="closes"),
        Handle(("until",), "simulate until", when=("show", (ERROR,))),
    ),
    ordered=(Ordered("fit_first", "fit_last", ratio=3.0),),
    size=size,
    start=start,
    advance=advance,
    Controls=Controls,
    Outputs=Outputs,
    messages=Message,
    python="""\
import numpy as np, lib
s = lib.power_law(beta={beta}, levels={levels})
m = lib.StudentTeacher(s, students={units}, teachers={units})
start = m.initial_overlaps(sigma_J={sigma_J}, alignment={alignment})
H = lib.asymptotics.couplings({units}).H
first, last = {units} / (2 * {eta} * s.eigenvalues[[0, -1]])
alpha = np.geomspace(0.03 * first / H[-1], 30 * last / H[0], 121)
flow = lib.solve(m, start, eta={eta}, alpha=alpha, blocks=False).eps_g
window = ({fit_first} * last / H[-1], {fit_last} * last / H[-1])
enough = np.sum((alpha >= window[0]) & (alpha <= window[1])) >= 6
if enough:
    raw = lib.fit_power_law(alpha, flow, window)
if {eta} < lib.asymptotics.stability_limit({units}):
    e = (1 - {alignment})**2 + {sigma_J}**2
    law = lib.asymptotics.law(s, {units}, {eta}, start=e)
    modes = lib.asymptotics.mode_sum(s, {units}, {eta}, alpha, start=e)
    if enough:
        corrected = lib.fit_power_law(alpha, flow, window, offset=law.offset)
# sgd = lib.simulate(m, N={N}, eta={eta}, alpha=np.geomspace(0.1, {until}, 25), sigma_J={sigma_J},
#                    alignment={alignment}, seeds=range({seed}, {seed} + {runs}))
""",
    presets=(
        Preset(
            "late",
            "Late, an erf network is linear again",
            "Near the teacher the error of {units} erf units has the exponent {exponent}, less the constant of the "
            "levels that are not there; the fit over two decades that end at a tenth of the window gives "
            "{corrected} once it is added, {raw} without.",
            {},
            lambda number, curve: abs(number["corrected"] - number["exponent"]) < 0.01 < number["raw"] - 0.5,
            card="asymptotics",
        ),
        Preset(
            "local-slope",
            "The local slope does not rest",
            "β = {beta}, L = {levels}: minus the local slope passes {exponent} and goes on growing, so that a fit "
            "depends on its window.",
            {"show": SLOPE, "beta": 0.5, "levels": 1024.0},
            lambda number, curve: np.nanmax(curve["flow"].y) > 2 * number["exponent"],
            card="asymptotics",
        ),
        Preset(
            "saturation",
            "Beyond the critical rate it stays finite",
            "η = {eta} > {critical}: erf units saturate, and the error ends at a constant.",
            {"eta": 5.0, "levels": 64.0},
            lambda number, curve: abs(curve["flow"].y[-1] / curve["flow"].y[-20] - 1) < 0.01,
            card="asymptotics",
        ),
        Preset(
            "one-level",
            "One level: an exponential",
            "With L = {levels} there is no power law: minus the local slope grows without end.",
            {"show": SLOPE, "levels": 1.0},
            lambda number, curve: np.nanmax(curve["flow"].y) > 5,
        ),
        Preset(
            "many-levels",
            "Many levels: a power law before the eyes",
            "With L = {levels} the window from α = {opens} to {closes} is wide: with its constant added the exponent "
            "is {corrected}, by the law {exponent}; a straight line alone has {raw}.",
            {"levels": 131072.0},
            lambda number, curve: abs(number["corrected"] - number["exponent"]) < 0.01 < number["raw"] - 0.5,
        ),
    ),
)
