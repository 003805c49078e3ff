"""Explorer of chapter "Learning features": quadratic units that learn one teacher each, and the sum of their steps."""

import math
from collections import namedtuple

import numpy as np

from ...compiler.jit import kernel
from ...compiler.layout import outputs, place, read, record, take
from ...kernels.fitting import FIT_SCRATCH, fit_window
from ...kernels.linear import missing_levels
from ...kernels.random_features import count_nodes, rank_nodes
from ...kernels.staircase import exponents, left, step_time
from ..experiment import Axis, Control, Curve, Experiment, Guide, Handle, Messages, Ordered, Panel, Preset, Readout
from ..kernels.times import geometric

POINTS = 161
MEMBER = POINTS + 1  # points of each direction, and one without a value, at which the pen is lifted
COUNTS = tuple(float(2**n) for n in range(17))
DRAWN = len(COUNTS)  # directions whose steps are drawn: 1, 2, 4, ...
SEEN = 1e-3  # of a direction's error at the start, or of its teacher: less is not drawn
RANKS = 7  # of these the overlaps are shown
# Ranks are summed by rules for what falls like n^-(1+FINE) or slower: the sharpest step is a tenth of its rank wide.
FINE = 19.0
EXACT = 64  # ranks of the part that is not learned that are summed one by one
FIRST_FITTED = 4  # direction at whose step the fit begins
LOSS = 0  # value of ``show``
FAR = math.log(10.0)  # a strength below ten times the start has no step to wait for

Controls = record(
    "Controls", gamma=float, beta=float, directions=int, width=int, show=int, s_0=float, eta=float, skill=int,
    alpha_max=float,
)  # fmt: skip
Outputs = outputs(
    "Outputs",
    slope=(1,),
    law_slope=(1,),
    local_slope=(1,),
    width_slope=(1,),
    learned=(1,),
    step_at=(1,),
    step_width=(1,),
    steps=(2, DRAWN * MEMBER),
    total=(2, POINTS),
    skill=(2, POINTS),
    floor=(2, 2),
    S=(1 + POINTS, RANKS, RANKS),
)
SCRATCH = Outputs.size
Scratch = namedtuple("Scratch", "rank count shifted fit end")


class Message(Messages):
    """What ``start`` may say."""

    NO_LAW = (
        "notice",
        "γ is at or below −1/2 − β, where the sum over directions grows with their number M: "
        "the last ones hold the error, and it does not fall as a power law.",
    )
    STARTED = (
        "notice",
        "s₀ = {s_0} is above a tenth of the weakest strength to be learned, K^−γ: the last directions begin learned, "
        "or above their teachers, and have no step to wait for.",
    )


@kernel(inline=True)
def layout(c, work):
    """Behind the outputs: nodes and weights of the sum over the directions that are learned (n,), the error without
    its end (POINTS,), and the fit's scratch."""
    n = count_nodes(FINE, float(_learners(c)))
    rank, at = take(work, SCRATCH, (n,))
    count, at = take(work, at, (n,))
    shifted, at = take(work, at, (POINTS,))
    fit, at = take(work, at, (FIT_SCRATCH,))
    return Scratch(rank, count, shifted, fit, at)


@kernel
def size(p, data):
    """Where the layout ends."""
    return float(layout(read(Controls, p), p).end)


@kernel(inline=True)
def _learners(c):
    """How many directions have a student."""
    return min(c.width, c.directions)


@kernel
def _direction(c, n):
    """Strength, eigenvalue and rate of direction n, which need not be whole."""
    eigenvalue = math.exp(-(1.0 + c.beta) * math.log(n))
    return math.exp(-c.gamma * math.log(n)), eigenvalue, 8.0 * c.eta * eigenvalue * eigenvalue


@kernel(hot=True)
def _at(c, n, alpha):
    """Of direction n its error before it has a student, and the share of its teacher that is missing at a time."""
    strength, eigenvalue, rate = _direction(c, n)
    x = left(strength, c.s_0, rate, alpha)
    return strength * eigenvalue * strength * eigenvalue, x / (1.0 + x) if n <= _learners(c) else 1.0


@kernel
def _step(c, n):
    """When direction n is half learned."""
    strength, _, rate = _direction(c, n)
    return step_time(strength, c.s_0, rate)


@kernel
def _wait(c, n):
    """ln(a_n / s_0), on which the time of a step depends; NaN if it is too small for one."""
    wait = -c.gamma * math.log(n) - math.log(c.s_0)
    return wait if wait >= FAR else np.nan


@kernel
def _unlearned(c, first, last):
    """sum of lambda_n^2 a_n^2 over the ranks first <= n <= last: the first one by one, an integral for the others."""
    power = 2.0 * (c.gamma + c.beta) + 1.0
    if abs(power) < 1e-8:
        power = 1e-8  # the integral's logarithm as the limit of its powers, to 1e-7
    total, n = 0.0, first
    while n <= last and n < first + EXACT:
        total += math.exp(-(1.0 + power) * math.log(n))
        n += 1.0
    if n > last:
        return total
    return total + missing_levels(1.0, power, n - 1.0) - missing_levels(1.0, power, last)


@kernel
def _show(c, n, alpha, curve, at):
    """Write direction n at all times to a curve (2, points), from one point on: its error, or what is learned of it."""
    for i in range(POINTS if n <= c.directions else 0):
        whole, missing = _at(c, n, alpha[i])
        share = missing * missing if c.show == LOSS else 1.0 - missing
        curve[0, at + i] = alpha[i]
        if share > SEEN:
            curve[1, at + i] = share * whole if c.show == LOSS else share


@kernel(inline=True)
def _sum(c, s, out, floor):
    """The error at all times, or the share of it that is gone."""
    whole = _unlearned(c, 1.0, float(c.directions))
    for i in range(POINTS):
        error = floor
        for k in range(s.rank.shape[0]):
            mass, missing = _at(c, s.rank[k], out.total[0, i])
            error += s.count[k] * mass * missing * missing
        s.shifted[i] = error
        out.total[1, i] = error if c.show == LOSS else max(SEEN, 1.0 - error / whole)


@kernel(inline=True)
def _learned(c):
    """How many directions are half learned at the end: steps come in order, if all wait."""
    low, high = 0, _learners(c) + 1  # the first is, the second is not
    while high - low > 1:
        middle = (low + high) // 2
        if _step(c, float(middle)) <= c.alpha_max:
            low = middle
        else:
            high = middle
    return float(low)


@kernel(inline=True)
def _measure(c, s, out, width, steps):
    """The slope between the steps of direction FIRST_FITTED and of half the directions, with what a larger number of
    directions would add."""
    K = _learners(c)
    first, last = _step(c, float(FIRST_FITTED)), min(_step(c, 0.5 * K), c.alpha_max)
    if K <= 2 * FIRST_FITTED or last <= 2.0 * first:
        return
    end = missing_levels(1.0, width, float(c.directions))
    for i in range(POINTS):
        s.shifted[i] += end
    out.slope[0] = fit_window(out.total[0], s.shifted, first, last, s.fit).exponent
    # in the middle of the directions that are learned in the window
    middle = math.sqrt(FIRST_FITTED * min(0.5 * K, out.learned[0]))
    out.local_slope[0] = -width / (steps - c.gamma / _wait(c, middle))


@kernel
def start(p, data, work):
    """All steps, their sum and its slope."""
    c, out = read(Controls, p), place(Outputs, work)
    for i in range(SCRATCH):
        work[i] = np.nan
    s, K, n = layout(c, work), _learners(c), float(c.skill)
    time, width, steps = exponents(c.gamma, c.beta)
    alpha, waits = out.total[0], _wait(c, float(K)) > 0.0
    rank_nodes(FINE, float(K), s.rank, s.count)
    floor = _unlearned(c, K + 1.0, float(c.directions))

    geometric(min(1.0 / (8.0 * c.eta), 0.01 * c.alpha_max), c.alpha_max, alpha)
    _sum(c, s, out, floor)
    _show(c, n, alpha, out.skill, 0)
    for g in range(DRAWN):
        _show(c, float(1 << g), alpha, out.steps, g * MEMBER)
    if floor > 0.0 and c.show == LOSS:
        out.floor[0, 0], out.floor[0, 1] = alpha[0], c.alpha_max
        out.floor[1, 0] = out.floor[1, 1] = floor
    for i in range(RANKS):
        for j in range(RANKS):
            for t in range(1 + POINTS):
                if 1 << i <= K and 1 << j <= c.directions:
                    # a student's strength on its teacher's direction as a share of the teacher's; nothing on the others
                    _, missing = _at(c, float(1 << i), alpha[t - 1] if t > 0 else 0.0)
                    out.S[t, i, j] = 1.0 - missing if i == j else 0.0

    if c.skill <= K:
        wait = _wait(c, n)
        out.step_at[0] = _step(c, n) if wait > 0.0 else np.nan
        # from a tenth to nine tenths of a logistic, ln 81 in units in which the wait is ln(a_n / s_0 - 1)
        out.step_width[0] = math.log(81.0) / math.log(math.exp(wait) - 1.0)
    if waits:
        out.learned[0] = _learned(c)
    if width <= 0.0:
        return Message.NO_LAW.value + (0.0 if waits else Message.STARTED.value)
    out.law_slope[0], out.width_slope[0] = -time, -width
    if not waits:
        return Message.STARTED.value
    _measure(c, s, out, width, steps)
    return 0.0


@kernel
def advance(p, data, work):
    """Nothing is left to do."""
    return 1.0


def _points(curve):
    """Abscissae and ordinates of a curve where it has points."""
    seen = np.isfinite(curve.y)
    return curve.x[seen], curve.y[seen]


_NAMES = tuple(str(2**i) for i in range(RANKS))

EXPERIMENT = Experiment(
    name="staircase",
    title="Staircase: many sudden steps, and a smooth sum",
    x=Axis("time α (examples / N)"),
    y=Axis("error ε_g, or share learned", limits=(1e-24, 1e9)),
    controls=(
        Control("gamma", "γ", "exponent of the teachers’ strengths n^−γ", 1.0, 0.1, 3.0),
        Control("beta", "β", "exponent of the directions’ eigenvalues n^−(1+β); −1: equal", -1.0, -1.0, 2.0),
        Control("directions", "M", "teachers, a direction each", 4096.0, choices=COUNTS),
        Control("width", "K", "students: directions beyond are never learned", 4096.0, choices=COUNTS, more=True),
        Control("show", "y", "vertical axis", 0.0, choices=(0.0, 1.0), choice_labels=("error", "share learned")),
        Control("s_0", "s₀", "strength of each student at the start", 1e-12, 1e-30, 0.1, scale="log", more=True),
        Control("eta", "η", "learning rate", 0.1, 0.001, 1.0, scale="log", more=True),
        Control("skill", "n", "direction picked out", 8.0, choices=COUNTS, more=True),
        Control("alpha_max", "α_max", "last time", 3e4, 10.0, 1e20, scale="log", more=True),
    ),
    curves=(
        Curve("steps", "directions 1, 2, 4, 8, …, each alone", DRAWN * MEMBER, color=5, framed=False),
        Curve("total", "all together", POINTS, color=6),
        Curve("skill", "direction n", POINTS, color=1, framed=False),
        Curve("floor", "what K students never learn", 2, style="dotted", color=2, framed=False),
    ),
    readouts=(
        Readout("slope", "slope between the steps of directions 4 and K/2, finite-M constant added", headline=True),
        Readout("law_slope", "slope of the law, −(2γ + 1 + 2β) / (γ + 2 + 2β)"),
        Readout("local_slope", "slope with the logarithm in the steps’ times"),
        Readout("width_slope", "slope in the width K, −(2γ + 1 + 2β)"),
        Readout("learned", "directions learned by α_max", 4),
        Readout("step_at", "direction n is half learned at α"),
        Readout("step_width", "from a tenth to nine tenths, as a share of that time"),
    ),
    panels=(
        Panel(
            "S",
            "S, what student i has of teacher n, as a share of the teacher",
            "matrix",
            "total",
            tuple(f"student {name}" for name in _NAMES),
            tuple(f"teacher {name}" for name in _NAMES),
        ),
    ),
    guides=(Guide("law_slope", "total", "law", when=("show", (0.0,))),),
    handles=(Handle(("skill",), "n half learned", place="step_at", power=3.0),),
    ordered=(Ordered("width", "directions"),),
    size=size,
    start=start,
    advance=advance,
    Controls=Controls,
    Outputs=Outputs,
    messages=Message,
    python="""\
import numpy as np, lib
n, K = np.arange(1.0, {directions} + 1), min({width}, {directions})
strength, eigenvalue = n**-{gamma}, n ** -(1 + {beta})
students = strength[:K], {s_0}, {eta}
alpha = np.geomspace(min(1 / (8 * {eta}), 0.01 * {alpha_max}), {alpha_max}, 161)
floor = np.sum((eigenvalue * strength)[K:] ** 2)
total = lib.quadratic.steps_error(*students, alpha, eigenvalue[:K]) + floor
times = lib.quadratic.step_times(*students, eigenvalue[:K])
learned = np.sum(times <= {alpha_max})
if {skill} <= K:
    one = slice({skill} - 1, {skill})
    share = lib.quadratic.steps(strength[one], {s_0}, {eta}, alpha, eigenvalue[one])[:, 0] / strength[one]
width, step = 2 * {gamma} + 1 + 2 * {beta}, {gamma} + 2 + 2 * {beta}
if width > 0:
    law_slope = -width / step
""",
    presets=(
        Preset(
            "sum-of-steps",
            "Many sudden steps, and a smooth sum",
            "Each direction waits, and is then learned at once; all together fall with slope {slope}. The law says "
            "{law_slope}, and {local_slope} with the logarithm in the waiting times.",
            {},
            lambda number, curve: abs(number["slope"] - number["local_slope"]) < 0.01 and number["slope"] < -1.0,
            card="learning-features",
        ),
        Preset(
            "emergence",
            "The same run, one skill at a time",
            "The vertical axis is what is learned. Direction {skill} waits until α = {step_at} and takes the share "
            "{step_width} of that time: it emerges, while the error of all is a power law.",
            {"show": 1.0},
            lambda number, curve: (
                number["step_width"] < 0.2 and abs(np.interp(number["step_at"], *_points(curve["skill"])) - 0.5) < 0.05
            ),
            card="learning-features",
        ),
        Preset(
            "few",
            "Eight directions",
            "With M = {directions} the steps can be counted in the error, and there is no straight line.",
            {"directions": 8.0, "width": 8.0, "alpha_max": 500.0, "skill": 1.0},
            lambda number, curve: number["learned"] == 8.0 and np.isnan(number["slope"]),
        ),
        Preset(
            "width",
            "Too few students",
            "K = {width} students learn as many directions, and the error rests at what is left, which falls with "
            "slope {width_slope} in K.",
            {"width": 64.0},
            lambda number, curve: (
                number["learned"] == 64.0 and abs(curve["floor"].y[0] / curve["total"].y[-1] - 1) < 0.1
            ),
        ),
        Preset(
            "spectrum",
            "Directions of a power-law spectrum",
            "β = {beta}, γ = {gamma}: late directions are weak in the data too, and step much later. The slope is "
            "{slope}, the law’s {law_slope}, where equal eigenvalues would have none.",
            {"gamma": 0.5, "beta": 1.0, "directions": 1024.0, "width": 1024.0, "alpha_max": 1e15},
            lambda number, curve: abs(number["slope"] + 8 / 9) < 0.01,
        ),
        Preset(
            "no-law",
            "No law",
            "At γ = {gamma} the last directions hold the error: it falls when they are learned, not before.",
            {"gamma": 0.4},
            lambda number, curve: np.isnan(number["law_slope"]) and curve["total"].y[80] > 0.5 * curve["total"].y[0],
        ),
    ),
)
