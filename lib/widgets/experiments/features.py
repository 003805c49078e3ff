"""Explorer of chapter "How many features": time against features, against time or against compute."""

import math
from collections import namedtuple

import numpy as np

from ...compiler.jit import kernel
from ...compiler.layout import outputs, place, read, record, take
from ...kernels.averages import LINEAR, Network
from ...kernels.features import (
    best_training,
    find_modes,
    restrict,
    restricted_error,
    restricted_levels,
    student_levels,
    take_room,
)
from ...kernels.linear import decay_sum, missing_levels
from ...kernels.spectrum import count_groups, power_law_spectrum, sum_groups
from ...maths.gamma import upper_gamma
from ..experiment import Axis, Control, Curve, Experiment, Guide, Handle, Messages, Ordered, Preset, Readout
from ..kernels.ensemble import (
    LARGEST_STEP,
    Shape,
    ensemble_advance,
    ensemble_restrict,
    ensemble_size_direct,
    ensemble_start_direct,
)
from ..kernels.panels import GROUPS
from ..kernels.times import geometric
from .controls import LEVELS
from .panels import level_errors

POINTS = 121
MEMBER = 41  # points of each curve of the family, and one more without a value, at which the pen is lifted
FAMILY = len(LEVELS) * (MEMBER + 1)
BEST = 41
SIMULATED = 25

Controls = record(
    "Controls", beta=float, levels=int, learned=int, eta=float, sigma_J=float, compute=int, alpha_max=float, N=int,
    runs=int, seed=int,
)  # fmt: skip
Outputs = outputs(
    "Outputs",
    floor_number=(1,),
    unseen=(1,),
    amplification=(1,),
    critical=(1,),
    crossover=(1,),
    best_training=(1,),
    best_learned=(1,),
    slope=(1,),
    family=(2, FAMILY),
    exact=(2, POINTS),
    small_eta=(2, POINTS),
    floor=(2, 2),
    frontier=(2, BEST),
    sgd=(4, SIMULATED),
    level_errors=(1 + POINTS, 1, GROUPS),
)
SCRATCH = Outputs.size
Scratch = namedtuple("Scratch", "eigenvalue weight room part share rest ensemble end")


class Message(Messages):
    """What ``start`` may say."""

    NO_SIMULATION = (
        "notice",
        "N = {N} is smaller than L = {levels}: theory only; SGD needs an input direction for every level.",
    )
    DIVERGES = (
        "notice",
        "η = {eta} is at or beyond the critical learning rate {critical} of this student: the error does not converge.",
    )
    ABOVE_INITIAL = (
        "notice",
        "η = {eta} is between 2 and the critical rate {critical}: training converges, "
        "to an error above the initial one.",
    )
    LARGE_STEP = (
        "notice",
        "ηλ₁/N is more than 0.2: a single step is not small for the leading direction, "
        "and SGD does not follow the theory.",
    )


@kernel
def _simulated(c):
    """Whether SGD is shown: every level has an input direction."""
    return c.N >= c.levels


@kernel(inline=True)
def layout(c, work):
    """Behind the outputs: the spectrum (L,), a student and its modes, how these are spread over levels, the error of
    the levels that are not learned, and the simulation."""
    eigenvalue, at = take(work, SCRATCH, (c.levels,))
    weight, at = take(work, at, (c.levels,))
    room, at = take_room(work, at, c.levels)
    part, at = take(work, at, (c.levels,))
    share, at = take(work, at, (c.levels, GROUPS))
    rest, at = take(work, at, (GROUPS,))
    shape = Shape(1, 1, c.N, c.levels, SIMULATED)
    ensemble, at = take(work, at, (ensemble_size_direct(shape) if _simulated(c) else 0,))
    return Scratch(eigenvalue, weight, room, part, share, rest, ensemble, at)


@kernel
def size(p, data):
    """Where the layout ends."""
    return float(layout(read(Controls, p), p).end)


@kernel
def _stretch(factor, x):
    for i in range(x.shape[0]):
        x[i] *= factor


@kernel
def _show_levels(student, c, work):
    """The parts of the student's error in groups of levels, at time 0 and along its curve."""
    s, out = layout(c, work), place(Outputs, work)
    L, learned, e_0 = c.levels, student.x.shape[0], 0.5 * (1.0 + c.sigma_J * c.sigma_J)
    for k in range(L):
        s.part[k] = e_0 * s.weight[k] * s.eigenvalue[k] if k >= learned else 0.0
    groups, moving = count_groups(L), count_groups(learned)
    sum_groups(s.part, s.rest)
    student_levels(student, c.eta, s.part[:learned], s.share)
    out.level_errors[:] = np.nan
    for i in range(1 + POINTS):
        errors = out.level_errors[i, 0, :groups]
        for g in range(groups):
            errors[g] = s.rest[g]
        time = out.exact[0, i - 1] if i > 0 else 0.0
        restricted_levels(student, c.eta, e_0, time, s.share, errors[:moving])


@kernel
def start(p, data, work):
    """All curves of theory; weights drawn for the simulation."""
    c, out = read(Controls, p), place(Outputs, work)
    L, learned, eta = c.levels, min(c.learned, c.levels), c.eta
    s = layout(c, work)
    power_law_spectrum(c.beta, s.eigenvalue, s.weight)
    leading = s.eigenvalue[0]
    e_0 = 0.5 * (1.0 + c.sigma_J * c.sigma_J)
    begin = min(0.05 / (eta * leading), 1e-2 * c.alpha_max)
    alpha = out.exact[0]

    n, at = 1, 0
    critical = unseen = np.nan
    while n <= L:
        student = restrict(s.eigenvalue, s.weight, n, s.room)
        find_modes(student, eta)
        times, errors = out.family[0, at : at + MEMBER], out.family[1, at : at + MEMBER]
        geometric(begin, c.alpha_max, times)
        restricted_error(student, eta, e_0, 0.0, times, errors)
        _stretch(n if c.compute > 0 else 1.0, times)
        out.family[0, at + MEMBER] = out.family[1, at + MEMBER] = np.nan
        at += MEMBER + 1
        if n == learned:
            unseen, critical = student.unseen, 2.0 / student.seen
            geometric(begin, c.alpha_max, alpha)
            restricted_error(student, eta, e_0, 0.0, alpha, out.exact[1])
            _show_levels(student, c, work)
        n *= 2
    out.family[:, at:] = np.nan

    rate, amplitude, small = s.room.x[:learned], s.room.amplitude[:learned], out.small_eta[1]
    for k in range(learned):
        rate[k], amplitude[k] = 2.0 * eta * s.eigenvalue[k], e_0 * s.weight[k] * s.eigenvalue[k]
    decay_sum(rate, amplitude, 1.0, alpha, small)
    unit = learned if c.compute > 0 else 1.0
    for i in range(POINTS):
        small[i] += e_0 * unseen
    _stretch(unit, alpha)
    for i in range(POINTS):
        out.small_eta[0, i] = alpha[i]
    amplification = 1.0 / (1.0 - eta / critical) if eta < critical else np.nan
    floor = e_0 * unseen / (1.0 - eta / critical) if eta < critical else np.nan
    out.floor[0, 0], out.floor[0, 1] = begin * unit, c.alpha_max * unit
    out.floor[1] = floor if floor > 0.0 else np.nan

    best, exponent = best_training(c.beta), c.beta / (1.0 + c.beta)
    height = 1.0 / c.beta + math.exp(-exponent * math.log(best)) * upper_gamma(exponent, best) / (1.0 + c.beta)
    for i in range(BEST):
        n_best = math.exp(math.log(L) * i / (BEST - 1))
        time = best / (2.0 * eta * leading) * math.exp((1.0 + c.beta) * math.log(n_best))
        law = height * math.exp(-c.beta * math.log(n_best)) - missing_levels(1.0, c.beta, L)
        shown = eta < 2.0 and law > 0.0 and begin <= time <= c.alpha_max
        out.frontier[0, i] = time * n_best if c.compute > 0 else time
        out.frontier[1, i] = e_0 * leading / L * law / (1.0 - 0.5 * eta) if shown else np.nan

    out.floor_number[0] = floor
    out.unseen[0] = unseen
    out.amplification[0] = amplification
    out.critical[0] = critical
    out.crossover[0] = 0.5 / (eta * s.eigenvalue[learned - 1])
    out.best_training[0] = best
    out.slope[0] = -c.beta / ((2.0 if c.compute > 0 else 1.0) + c.beta)
    best_learned = math.exp(math.log(2.0 * eta * leading * learned * c.alpha_max / best) / (2.0 + c.beta))
    out.best_learned[0] = min(float(L), max(1.0, best_learned))

    out.sgd[:] = np.nan
    notices = 0.0
    if eta >= critical:
        notices = Message.DIVERGES.value
    elif eta > 2.0:
        notices = Message.ABOVE_INITIAL.value
    if not _simulated(c):
        return notices + Message.NO_SIMULATION.value
    shape = Shape(1, 1, c.N, L, SIMULATED)
    ensemble_start_direct(s.ensemble, shape, s.eigenvalue, c.sigma_J, c.seed, begin, c.alpha_max, out.sgd[0])
    ensemble_restrict(s.ensemble, learned * (c.N // L))
    _stretch(unit, out.sgd[0])
    large = notices == 0.0 and eta * leading / c.N > LARGEST_STEP
    return notices + (Message.LARGE_STEP.value if large else 0.0)


@kernel
def advance(p, data, work):
    """A slice of the simulation, where there is one."""
    c, out = read(Controls, p), place(Outputs, work)
    if not _simulated(c):
        return 1.0
    return ensemble_advance(layout(c, work).ensemble, c.eta, Network(1.0, 1.0, LINEAR), c.runs, c.seed, out.sgd)


EXPERIMENT = Experiment(
    name="features",
    title="A student of few features: time, features, compute",
    x=Axis("time α, or compute C = lα"),
    y=Axis("generalisation error ε_g", limits=(1e-9, 1e3)),
    controls=(
        Control("beta", "β", "exponent of the spectrum", 1.0, 0.05, 3.0),
        Control("levels", "L", "distinct eigenvalues", 256.0, choices=LEVELS, more=True),
        Control("learned", "l", "levels that the student learns", 8.0, choices=LEVELS),
        Control("eta", "η", "learning rate", 0.5, 0.01, 5.0, scale="log"),
        Control("sigma_J", "σ_J", "initial student weights", 0.0, 0.0, 2.0, more=True),
        Control("compute", "x", "horizontal axis", 0.0, choices=(0.0, 1.0), choice_labels=("time α", "compute lα")),
        Control("alpha_max", "α_max", "last time", 300.0, 1.0, 1e5, scale="log"),
        Control("N", "N", "inputs of the simulation", 512.0, choices=LEVELS[6:], more=True),
        Control("runs", "runs", "data streams simulated", 4.0, choices=(1.0, 2.0, 4.0, 8.0, 16.0), more=True),
        Control("seed", "seed", "seed of weights and data", 0.0, 0.0, 999.0, scale="integer", more=True),
    ),
    curves=(
        Curve("family", "1, 2, 4, … L levels", FAMILY, color=5),
        Curve("exact", "l levels, exact", POINTS),
        Curve("small_eta", "l levels, small-η sum", POINTS, style="dashed", color=1),
        Curve("floor", "their asymptotic error", 2, style="dotted", color=2),
        Curve("frontier", "best split of compute (law)", BEST, style="dashed", color=4),
        Curve("sgd", "SGD, mean ± 2 standard errors", SIMULATED, style="points", color=3, band=True),
    ),
    readouts=(
        Readout("floor", "asymptotic error", headline=True),
        Readout("unseen", "unlearned variance U"),
        Readout("amplification", "amplified by 1/(1 − ηW/2)"),
        Readout("critical", "critical learning rate 2/W"),
        Readout("crossover", "features limit from α = 1/(2ηλ_l)"),
        Readout("best_training", "best 2ηλ_l α for any compute"),
        Readout("best_learned", "best l for C = l α_max"),
        Readout("slope", "slope of the best split, by the law"),
    ),
    panels=level_errors("exact"),
    guides=(
        Guide("slope", "frontier", "−β/(1+β)", when=("compute", (0.0,))),
        Guide("slope", "frontier", "−β/(2+β)", when=("compute", (1.0,))),
    ),
    handles=(Handle(("eta",), "features limit", place="crossover", power=-1.0, when=("compute", (0.0,))),),
    ordered=(Ordered("learned", "levels"),),
    size=size,
    start=start,
    advance=advance,
    Controls=Controls,
    Outputs=Outputs,
    messages=Message,
    python="""\
import numpy as np, lib
s = lib.power_law(beta={beta}, levels={levels})
learned = min({learned}, {levels})
m = lib.StudentTeacher(s, students=1, teachers=1, activation="linear")
alpha = np.geomspace(0.01, {alpha_max}, 121)
exact = lib.features.error(s, learned, {eta}, alpha, {sigma_J})
small = lib.features.small_eta_error(s, learned, {eta}, alpha, {sigma_J})
if {N} >= {levels}:
    sgd = lib.simulate(m, N={N}, eta={eta}, alpha=alpha[::10], sigma_J={sigma_J}, learned=learned,
                       seeds=range({seed}, {seed} + {runs}))
""",
    presets=(
        Preset(
            "floor",
            "Few features leave a floor",
            "A student of {learned} of {levels} levels follows the full one until α = {crossover}, and ends at "
            "{floor}.",
            {"alpha_max": 3000.0, "N": 256.0, "runs": 1.0},
            lambda number, curve: abs(curve["exact"].y[-1] / number["floor"] - 1) < 1e-3,
            card="features",
        ),
        Preset(
            "compute",
            "Compute has a best split",
            "Against compute lα every size is best once; for the largest compute drawn it is l = {best_learned}.",
            {"compute": 1.0, "alpha_max": 3000.0, "N": 256.0, "runs": 1.0},
            lambda number, curve: 8.0 < number["best_learned"] < 256.0,
            card="features",
        ),
        Preset(
            "amplified",
            "What is not learned acts as noise",
            "At η = {eta} the unlearned variance {unseen} is amplified by {amplification}: the floor is higher than "
            "at a small rate.",
            {"eta": 1.5},
            lambda number, curve: number["floor"] > 2.0 * (0.5 * number["unseen"]),
        ),
        Preset(
            "worse",
            "Stable, and worse than at the start",
            "η = {eta} is between 2 and the critical rate {critical}: the error of {learned} levels converges to "
            "{floor}, above the initial 1/2.",
            {"eta": 2.1, "learned": 4.0},
            lambda number, curve: number["critical"] > 2.1 and number["floor"] > 0.5,
        ),
    ),
)
