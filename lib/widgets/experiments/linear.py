"""Explorer of chapter "Linear activations": exact curve, small-rate sum, power law, kernel regression, and SGD."""

import math
from collections import namedtuple

import numpy as np

from ...compiler.jit import kernel
from ...compiler.layout import outputs, place, read, record, take
from ...kernels.averages import LINEAR, Network
from ...kernels.fitting import FIT_SCRATCH, fit_window
from ...kernels.linear import decay_sum, decayed_levels, missing_levels, mode_levels, modes
from ...kernels.regression import effective_ridges
from ...kernels.spectrum import count_groups, power_law_spectrum
from ...maths.gamma import gamma
from ..experiment import Axis, Control, Curve, Experiment, Guide, Handle, Messages, Preset, Readout
from ..kernels.ensemble import LARGEST_STEP, Shape, ensemble_advance, ensemble_size, ensemble_start
from ..kernels.panels import GROUPS
from ..kernels.times import geometric
from .controls import LEVELS, UNITS
from .panels import level_errors

POINTS = 161
SIMULATED = 25
# The law is fitted well inside its window, away from both ends by this factor (or a third of the window, in logs).
MARGIN = 30.0

Controls = record(
    "Controls", beta=float, levels=int, students=int, teachers=int, eta=float, sigma_J=float, alpha_max=float, N=int,
    runs=int, seed=int,
)  # fmt: skip
Outputs = outputs(
    "Outputs",
    law_slope=(1,),
    raw_slope=(1,),
    corrected_slope=(1,),
    alpha_first=(1,),
    alpha_last=(1,),
    offset=(1,),
    critical=(1,),
    exact=(2, POINTS),
    small_eta=(2, POINTS),
    law=(2, POINTS),
    kernel_regression=(2, POINTS),
    sgd=(4, SIMULATED),
    level_errors=(1 + POINTS, 1, GROUPS),
)
SCRATCH = Outputs.size
Scratch = namedtuple("Scratch", "eigenvalue weight x amplitude part share sums fit shifted ensemble end")


class Message(Messages):
    """What ``start`` may say."""

    NO_SIMULATION = (
        "notice",
        "N = {N} is smaller than LM, with L = {levels} and M = {teachers}: theory only; "
        "SGD needs M input directions for every level.",
    )
    DIVERGES = (
        "notice",
        "η = {eta} is at or beyond the critical learning rate 2K/M = {critical}: the error does not decay.",
    )
    LARGE_STEP = (
        "notice",
        "ηMλ₁/(KN) is more than 0.2: a single step is not small for the leading direction, "
        "and SGD does not follow the theory.",
    )


@kernel
def shape(c):
    """The simulation."""
    return Shape(c.students, c.teachers, c.N, c.levels, SIMULATED)


@kernel
def _simulated(c):
    """Whether SGD is shown: every level has an input direction for each teacher."""
    return c.N >= c.teachers * c.levels


@kernel(inline=True)
def layout(c, work):
    """Behind the outputs: spectrum, rates and amplitudes (L,) each, the modes' shares in levels, the fit's scratch, and
    the simulation."""
    eigenvalue, at = take(work, SCRATCH, (c.levels,))
    weight, at = take(work, at, (c.levels,))
    x, at = take(work, at, (c.levels,))
    amplitude, at = take(work, at, (c.levels,))
    part, at = take(work, at, (c.levels,))
    share, at = take(work, at, (c.levels, GROUPS))
    sums, at = take(work, at, (4,))
    fit, at = take(work, at, (FIT_SCRATCH,))
    shifted, at = take(work, at, (POINTS,))
    ensemble, at = take(work, at, (ensemble_size(shape(c)) if _simulated(c) else 0,))
    return Scratch(eigenvalue, weight, x, amplitude, part, share, sums, fit, shifted, ensemble, at)


@kernel
def size(p, data):
    """Where the layout ends."""
    return float(layout(read(Controls, p), p).end)


@kernel
def start(p, data, work):
    """All curves of theory and their slopes; weights drawn for the simulation."""
    c, out = read(Controls, p), place(Outputs, work)
    L, K, M = c.levels, c.students, c.teachers
    s = layout(c, work)

    power_law_spectrum(c.beta, s.eigenvalue, s.weight)
    rate = c.eta * M / K
    first = 0.5 / (rate * s.eigenvalue[0])
    last = 0.5 / (rate * s.eigenvalue[L - 1])
    e_0 = 0.5 * (1.0 + c.sigma_J * c.sigma_J * M / K)
    exponent = c.beta / (1.0 + c.beta)

    alpha = out.exact[0]
    begin = min(0.1 * first, 1e-2 * c.alpha_max)
    geometric(begin, c.alpha_max, alpha)
    exact, small, law, regression = out.exact[1], out.small_eta[1], out.law[1], out.kernel_regression[1]
    for i in range(POINTS):
        out.small_eta[0, i] = out.law[0, i] = out.kernel_regression[0, i] = alpha[i]

    modes(s.eigenvalue, s.weight, rate, s.x, s.amplitude, s.sums)
    groups = count_groups(L)
    mode_levels(s.eigenvalue, s.weight, rate, s.x, s.part, s.share)
    for k in range(L):
        s.x[k] *= 2.0 * rate
    decay_sum(s.x, s.amplitude, e_0, alpha, exact)
    out.level_errors[:] = np.nan
    for i in range(1 + POINTS):
        time = alpha[i - 1] if i > 0 else 0.0
        decayed_levels(s.x, s.amplitude, s.share, e_0, time, out.level_errors[i, 0, :groups])
    for k in range(L):
        s.x[k] = 2.0 * rate * s.eigenvalue[k]
        s.amplitude[k] = s.eigenvalue[k] / L
    decay_sum(s.x, s.amplitude, e_0, alpha, small)
    effective_ridges(s.eigenvalue, s.weight, 0.0, alpha, regression)
    for i in range(POINTS):
        regression[i] = 0.5 * alpha[i] * regression[i] if alpha[i] < 1.0 else np.nan

    prefactor = tail = np.nan
    if rate < 2.0:
        amplitude = e_0 * s.eigenvalue[0] / L / (1.0 - 0.5 * rate)
        prefactor = amplitude * gamma(exponent) / (1.0 + c.beta)
        tail = missing_levels(amplitude, c.beta, L)
    for i in range(POINTS):
        # less the finite-L constant, as the curve itself
        value = prefactor * math.exp(-exponent * math.log(alpha[i] / first)) - tail
        law[i] = value if first <= alpha[i] <= last and value > 0.0 else np.nan
        s.shifted[i] = exact[i] + tail

    margin = min(MARGIN, math.exp(math.log(last / first) / 3.0))
    # to the last time as it was rounded: whether it is in the window must not depend on an ulp of exp
    low, high = first * margin, min(last / margin, alpha[POINTS - 1])
    out.law_slope[0] = -exponent
    fit = fit_window(alpha, exact, low, high, s.fit)
    out.raw_slope[0] = fit.exponent if L > 2 and rate < 2.0 else np.nan
    fit = fit_window(alpha, s.shifted, low, high, s.fit)
    out.corrected_slope[0] = fit.exponent if L > 2 and rate < 2.0 else np.nan
    out.alpha_first[0] = first
    out.alpha_last[0] = last
    out.offset[0] = tail
    out.critical[0] = 2.0 * K / M

    out.sgd[:] = np.nan
    notices = Message.DIVERGES.value if rate >= 2.0 else 0.0
    if not _simulated(c):
        return notices + Message.NO_SIMULATION.value
    ensemble_start(s.ensemble, shape(c), s.eigenvalue, c.sigma_J, c.seed, begin, c.alpha_max, out.sgd[0])
    large = rate < 2.0 and rate * s.eigenvalue[0] / c.N > LARGEST_STEP
    return notices + (Message.LARGE_STEP.value if large else 0.0)


@kernel
def advance(p, data, work):
    """A slice of the simulation, where there is one."""
    c, out = read(Controls, p), place(Outputs, work)
    if not _simulated(c):
        return 1.0
    M = c.teachers
    network = Network(math.sqrt(M) / c.students, 1.0 / math.sqrt(M), LINEAR)
    return ensemble_advance(layout(c, work).ensemble, c.eta, network, c.runs, c.seed, out.sgd)


EXPERIMENT = Experiment(
    name="linear",
    title="A linear network learns: theory, closed form and SGD",
    x=Axis("time α (examples / N)"),
    y=Axis("generalisation error ε_g", limits=(1e-12, 1e6)),
    controls=(
        Control("beta", "β", "exponent of the spectrum", 1.0, 0.05, 3.0),
        Control("levels", "L", "distinct eigenvalues", 256.0, choices=LEVELS),
        Control("students", "K", "student units", 1.0, choices=UNITS, more=True),
        Control("teachers", "M", "teacher units", 1.0, choices=UNITS, more=True),
        Control("eta", "η", "learning rate", 0.5, 0.01, 10.0, scale="log"),
        Control("sigma_J", "σ_J", "initial student weights", 0.01, 0.0, 2.0, more=True),
        Control("alpha_max", "α_max", "last time", 300.0, 1.0, 1e5, scale="log"),
        Control("N", "N", "inputs of the simulation", 512.0, choices=LEVELS[6:], more=True),
        Control("runs", "runs", "data streams simulated", 4.0, choices=(1.0, 2.0, 4.0, 8.0, 16.0), more=True),
        Control("seed", "seed", "seed of weights and data", 0.0, 0.0, 999.0, scale="integer", more=True),
    ),
    curves=(
        Curve("exact", "exact, any η", POINTS),
        Curve("small_eta", "small-η sum", POINTS, style="dashed", color=1),
        # To 0 where it ends, and at α = 1.
        Curve("law", "power law less the finite-L constant", POINTS, style="dotted", color=2, framed=False),
        Curve(
            "kernel_regression",
            "kernel regression on all examples so far",
            POINTS,
            style="dashed",
            color=4,
            framed=False,
        ),
        Curve("sgd", "SGD, mean ± 2 standard errors", SIMULATED, style="points", color=3, band=True),
    ),
    readouts=(
        Readout("law_slope", "slope of the law, −β/(1+β)", headline=True),
        Readout("raw_slope", "slope of the curve in the window"),
        Readout("corrected_slope", "slope after adding the finite-L constant"),
        Readout("alpha_first", "window opens at α = K/(2ηMλ₁)"),
        Readout("alpha_last", "window closes at α = K/(2ηMλ_L)"),
        Readout("offset", "finite-L constant"),
        Readout("critical", "critical learning rate 2K/M"),
    ),
    panels=level_errors("exact"),
    guides=(Guide("law_slope", "law", "−β/(1+β)"),),
    handles=(Handle(("eta",), "window opens", place="alpha_first", power=-1.0),),
    size=size,
    start=start,
    advance=advance,
    Controls=Controls,
    Outputs=Outputs,
    messages=Message,
    python="""\
import numpy as np, lib
s = lib.power_law(beta={beta}, levels={levels})
m = lib.StudentTeacher(s, students={students}, teachers={teachers}, activation="linear")
first, last = lib.linear.power_law_window(s, {eta}, {students}, {teachers})
alpha = np.geomspace(min(0.1 * first, 0.01 * {alpha_max}), {alpha_max}, 161)
exact = lib.linear.generalization_error(s, {eta}, alpha, {sigma_J}, {students}, {teachers})
small = lib.linear.small_eta_error(s, {eta}, alpha, {sigma_J}, {students}, {teachers})
kernel_regression = lib.regression.error(s, alpha)
if {N} >= {levels} * {teachers}:
    sgd = lib.simulate(m, N={N}, eta={eta}, alpha=alpha[::10], sigma_J={sigma_J},
                       seeds=range({seed}, {seed} + {runs}))
""",
    presets=(
        Preset(
            "exponent",
            "The exponent is β/(1+β)",
            "Each eigenvalue has its own clock. Together they make a power law of slope {law_slope} between the "
            "fastest and the slowest.",
            {"alpha_max": 1000.0},
            lambda number, curve: abs(number["corrected_slope"] - number["law_slope"]) < 0.01,
            card="linear",
        ),
        Preset(
            "straight-line",
            "A straight line finds another one",
            "β = {beta}: fitted over the window the slope is {raw_slope} in place of {law_slope}, because levels "
            "are finitely many; with the constant of the missing ones it is {corrected_slope}.",
            {"beta": 0.25, "levels": 1024.0, "N": 1024.0, "runs": 1.0},
            lambda number, curve: (
                number["raw_slope"] < 1.5 * number["law_slope"]
                and abs(number["corrected_slope"] - number["law_slope"]) < 0.03
            ),
            card="linear",
        ),
        Preset(
            "large-rate",
            "A finite learning rate costs a factor",
            "At η = {eta} the exact error lies above the small-η sum (dashed), in parallel.",
            {"eta": 1.5, "levels": 64.0, "N": 1024.0},
            lambda number, curve: np.all(curve["exact"].y >= curve["small_eta"].y * (1 - 1e-9)),
            card="linear",
        ),
        Preset(
            "divergence",
            "Beyond 2K/M the error grows",
            "At η = {eta}, above the critical rate {critical}, the noise of the steps grows faster than it is "
            "forgotten.",
            {"eta": 2.1, "alpha_max": 30.0},
            lambda number, curve: 2.1 > number["critical"] and curve["exact"].y[-1] > curve["exact"].y[0],
            card="linear",
        ),
        Preset(
            "source-figure-2",
            "Figure 2 of the source, left, with L = 16",
            "N = {N}, η = {eta}, σ_J = {sigma_J}: exact curve, small-rate sum and SGD; the critical rate of the "
            "flow is {critical}.",
            {"levels": 16.0, "eta": 1.0, "sigma_J": 1.0, "alpha_max": 100.0, "N": 128.0, "runs": 16.0},
            lambda number, curve: number["critical"] == 2.0,
        ),
    ),
)
