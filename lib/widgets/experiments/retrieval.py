"""Explorer of chapter "Learning features": one quadratic unit learns one, phase retrieval, on a power-law spectrum."""

import math
from collections import namedtuple

import numpy as np

from ...compiler.jit import kernel
from ...compiler.layout import outputs, place, read, record, take
from ...kernels import integrator
from ...kernels.averages import SQUARE, Network
from ...kernels.fitting import FIT_SCRATCH, fit_window
from ...kernels.linear import decay_sum, missing_levels
from ...kernels.plateau import first_crossing
from ...kernels.spectrum import power_law_spectrum
from ..experiment import Axis, Control, Curve, Experiment, Guide, Messages, Preset, Readout
from ..kernels.flow import EXHAUSTED, flow_advance, flow_written
from ..kernels.times import geometric
from .controls import LEVELS

POINTS = 161
RTOL = 1e-6  # a thousandth of a line's width
CRITICAL = 1.0 / 6.0  # learning rate, for every spectrum
FOUND = 0.5  # R at which the direction is found
EARLY = 0.05  # R up to which it grows at its first rate
# The slope is measured in the middle of the tail, away from both ends by a third of it in logarithms.
MIDDLE = 1.0 / 3.0

Controls = record("Controls", beta=float, levels=int, eta=float, sigma_J=float, overlap=float, alpha_max=float)
Outputs = outputs(
    "Outputs",
    slope=(1,),
    law_slope=(1,),
    found=(1,),
    rate=(1,),
    law_rate=(1,),
    critical=(1,),
    error=(2, POINTS),
    law=(2, POINTS),
    short_R=(2, POINTS),
    short_Q=(2, POINTS),
    unlearned=(2, POINTS),
    R=(2, POINTS),
    escape=(2, POINTS),
)
SCRATCH = Outputs.size
Scratch = namedtuple("Scratch", "eigenvalue weight mass noise r q t T Q R level fit history flow status end")


class Message(Messages):
    """What ``start`` and ``advance`` may say."""

    BEYOND = (
        "error",
        "η = {eta} is at or beyond the critical learning rate 1/6: at the solution SGD’s own noise grows, and the "
        "error does not decay, whatever the spectrum is. Take a smaller η.",
    )
    DIVERGES = ("notice", "From this start the error grows without bound: the flow is drawn until then.")
    UNFINISHED = ("notice", "The flow is drawn as far as 20 000 steps of its integrator lead.")


@kernel(inline=True)
def layout(c, work):
    """Behind the outputs: the spectrum and the overlaps of its levels (L,), the teacher's total and those along
    the flow, scratch arrays, the fit's, and the integrator with its status."""
    L = c.levels
    eigenvalue, at = take(work, SCRATCH, (L,))
    weight, at = take(work, at, (L,))
    mass, at = take(work, at, (L,))
    noise, at = take(work, at, (L,))
    r, at = take(work, at, (L, 1, 1))
    q, at = take(work, at, (L, 1, 1))
    t, at = take(work, at, (L, 1, 1))
    T, at = take(work, at, (1, 1))
    Q, at = take(work, at, (POINTS, 1, 1))
    R, at = take(work, at, (POINTS, 1, 1))
    level, at = take(work, at, (POINTS,))
    fit, at = take(work, at, (FIT_SCRATCH,))
    history, at = take(work, at, (0, 1, 2, L))
    flow, at = take(work, at, (integrator.size(L, 1, 1),))
    status, at = take(work, at, (1,))
    return Scratch(eigenvalue, weight, mass, noise, r, q, t, T, Q, R, level, fit, history, flow, status, at)


@kernel
def size(p, data):
    """Where the layout ends."""
    return float(layout(read(Controls, p), p).end)


@kernel
def _positive(value):
    return value if value > 0.0 else np.nan


@kernel(inline=True)
def _measure(c, s, out):
    """When the direction is found, how fast, and the slope of the tail behind, with what more levels would add."""
    alpha, early = out.error[0], 0
    for i in range(POINTS):
        s.level[i] = out.R[1, i] - FOUND
        if out.R[1, i] < EARLY:
            early = i
    if c.overlap < out.R[1, early] < EARLY:
        out.rate[0] = math.log(out.R[1, early] / c.overlap) / alpha[early]
    out.found[0] = found = first_crossing(alpha, s.level)
    slowest = 1.0 / (8.0 * c.eta * s.eigenvalue[c.levels - 1])
    if not alpha[0] < found < 0.1 * slowest:
        return
    for i in range(POINTS):
        s.level[i] = 8.0 * c.eta * (alpha[i] - found) if alpha[i] > found else np.nan
    amplified = 2.0 / (1.0 - c.eta / CRITICAL)
    decay_sum(s.eigenvalue, s.mass, amplified, s.level, out.law[1])
    for i in range(POINTS):
        s.level[i] = out.error[1, i] + missing_levels(amplified * s.mass[0], c.beta, c.levels)
    width = math.exp(MIDDLE * math.log(slowest / found))
    if slowest <= c.alpha_max * width:
        out.slope[0] = fit_window(alpha, s.level, found * width, slowest / width, s.fit).exponent


@kernel
def _advance(c, work):
    """Go on with the flow, if it has not ended, and show it as far as it is known; what ``advance`` returns."""
    s, out = layout(c, work), place(Outputs, work)
    if s.status[0] != integrator.RUNNING:
        return 1.0
    s.status[0] = flow_advance(s.flow, out.error[0], RTOL, out.error[1], s.Q, s.R, s.history)
    for i in range(POINTS):
        Q, R = s.Q[i, 0, 0], s.R[i, 0, 0]
        out.R[1, i] = R
        out.short_R[1, i], out.short_Q[1, i] = _positive(1.0 - R), _positive(1.0 - Q)
        out.unlearned[1, i] = _positive(2.0 * (1.0 - 2.0 * R + Q))
    if s.status[0] == integrator.RUNNING:
        return flow_written(s.flow) / POINTS
    _measure(c, s, out)
    if s.status[0] == integrator.DONE:
        return 1.0
    return 1.0 + 2.0 * (Message.UNFINISHED.value if s.status[0] == EXHAUSTED else Message.DIVERGES.value)


@kernel
def start(p, data, work):
    """The rates, and the flow's first slice, which is most often all."""
    c, out = read(Controls, p), place(Outputs, work)
    if c.eta >= CRITICAL:
        return Message.BEYOND.value
    s, L, alpha = layout(c, work), c.levels, out.error[0]
    for i in range(s.end):
        work[i] = np.nan  # what the flow does not reach, totals too
    power_law_spectrum(c.beta, s.eigenvalue, s.weight)
    second = 0.0
    for k in range(L):
        s.mass[k] = s.weight[k] * s.eigenvalue[k]
        s.noise[k] = s.t[k, 0, 0] = 1.0
        s.r[k, 0, 0] = c.overlap
        s.q[k, 0, 0] = c.sigma_J * c.sigma_J + c.overlap * c.overlap
        second += s.mass[k] * s.eigenvalue[k]
    s.T[0, 0] = 1.0
    if L > 1:
        out.law_slope[0] = -c.beta / (1.0 + c.beta)
    out.critical[0] = CRITICAL
    out.law_rate[0] = rate = 4.0 * c.eta * second

    geometric(min(0.05 / rate, 0.01 * c.alpha_max), c.alpha_max, alpha)
    for i in range(POINTS):
        out.law[0, i] = out.short_R[0, i] = out.short_Q[0, i] = out.unlearned[0, i] = out.R[0, i] = alpha[i]
        grown = c.overlap * math.exp(rate * alpha[i])
        if grown < 1.0:
            out.escape[0, i], out.escape[1, i] = alpha[i], grown
    blocks = integrator.Blocks(s.eigenvalue, s.mass, s.noise, s.r, s.q, s.t)
    integrator.start(blocks, s.T, c.eta, Network(1.0, 1.0, SQUARE), s.flow)
    s.status[0] = integrator.RUNNING
    return math.floor(0.5 * _advance(c, work))


@kernel
def advance(p, data, work):
    """A slice of the flow, if it has not ended."""
    return _advance(read(Controls, p), work)


EXPERIMENT = Experiment(
    name="retrieval",
    title="Phase retrieval: found soon, learned late",
    x=Axis("time α (examples / N)"),
    y=Axis("error ε_g, and what is left of R and Q", limits=(1e-8, 1e3)),
    controls=(
        Control("beta", "β", "exponent of the spectrum", 1.0, 0.05, 3.0),
        Control("levels", "L", "distinct eigenvalues", 256.0, choices=LEVELS),
        Control("eta", "η", "learning rate", 0.03, 0.001, 0.5, scale="log"),
        Control("sigma_J", "σ_J", "initial student weights", 0.1, 1e-3, 1.0, scale="log", more=True),
        Control("overlap", "R₀", "overlap with the teacher at the start, of order 1/√N", 1e-3, 1e-9, 0.5, scale="log"),
        Control("alpha_max", "α_max", "last time", 1e4, 1.0, 1e8, scale="log"),
    ),
    curves=(
        Curve("error", "error ε_g", POINTS, color=6),
        Curve("law", "law, from the time at which R = 1/2", POINTS, style="dotted", color=2, framed=False),
        Curve("short_R", "1 − R", POINTS, style="dashed", color=0, framed=False),
        Curve("short_Q", "1 − Q", POINTS, style="dashed", color=3, framed=False),
        Curve("unlearned", "2U, twice the unlearned mass 1 − 2R + Q", POINTS, style="dashed", color=4, framed=False),
        Curve("R", "overlap R", POINTS, color=1, framed=False),
        Curve("escape", "escape, R₀ exp(4η⟨λ²⟩α)", POINTS, style="dotted", color=1, framed=False),
    ),
    readouts=(
        Readout("slope", "slope in the middle of the tail, finite-L constant added", headline=True),
        Readout("law_slope", "slope of the law, −β/(1+β)"),
        Readout("found", "the direction is found, R = 1/2, at α"),
        Readout("rate", "rate at which R grows, while it is below 0.05", 4),
        Readout("law_rate", "its theory, 4η⟨λ²⟩", 4),
        Readout("critical", "critical learning rate"),
    ),
    guides=(Guide("law_slope", "error", "−β/(1+β)"),),
    size=size,
    start=start,
    advance=advance,
    Controls=Controls,
    Outputs=Outputs,
    messages=Message,
    python="""\
import numpy as np, lib
s = lib.power_law(beta={beta}, levels={levels})
m = lib.StudentTeacher(s, 1, 1, "square")
(rate,) = lib.quadratic.escape_rates(m, {eta})
critical = lib.quadratic.critical_eta(m)
if {eta} < critical:
    alpha = np.geomspace(min(0.05 / rate, 0.01 * {alpha_max}), {alpha_max}, 161)
    curve = lib.quadratic.retrieval(s, {eta}, alpha, {sigma_J}, {overlap})
    short_R, short_Q, unlearned = 1 - curve.R, 1 - curve.Q, 2 * curve.unlearned
    found = np.interp(0.5, curve.R, alpha) if curve.R[-1] > 0.5 else np.nan
    late = alpha > found
    law = lib.quadratic.tail_error(s, {eta}, alpha[late] - found) if late.any() else np.array([])
""",
    presets=(
        Preset(
            "three-stages",
            "Found soon, learned late",
            "R grows at the rate {rate} (theory {law_rate}) and the direction is found at α = {found}. The rest is a "
            "tail of slope {slope}: R and Q wait for the last levels, and so does the error.",
            {},
            lambda number, curve: (
                abs(number["rate"] / number["law_rate"] - 1) < 0.03 and abs(number["slope"] + 0.5) < 0.03
            ),
            card="learning-features",
        ),
        Preset(
            "one-level",
            "Inputs all alike",
            "L = {levels}: there is no tail, but the direction is found at α = {found} only, since ⟨λ²⟩ is 1: a steep "
            "spectrum shows where to look.",
            {"levels": 1.0},
            lambda number, curve: number["found"] > 50 and np.isnan(number["slope"]),
        ),
        Preset(
            "steep",
            "A steeper spectrum",
            "β = {beta}: found sooner, at α = {found}, and a tail of slope {slope}, where the law says {law_slope}.",
            {"beta": 2.0},
            lambda number, curve: number["found"] < 0.5 and abs(number["slope"] + 2 / 3) < 0.02,
        ),
        Preset(
            "blind",
            "A start that knows nothing",
            "From the overlap {overlap} it takes until α = {found}: a factor of ten costs ln 10 over the rate, "
            "{law_rate}, and the tail is the same.",
            {"overlap": 1e-9},
            lambda number, curve: 1.5 < number["found"] < 2.0 and abs(number["slope"] + 0.5) < 0.03,
        ),
        Preset(
            "near-critical",
            "Near the critical rate",
            "η = {eta}, where {critical} is critical: SGD’s noise makes the late error ten times that of small steps, "
            "and its slope {slope} is not yet {law_slope}.",
            {"eta": 0.15},
            lambda number, curve: -0.45 < number["slope"] < -0.3,
        ),
    ),
)
