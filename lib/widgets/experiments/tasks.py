"""Explorer of chapter "Hard and easy tasks": a teacher of a source, its learning curve, and the curve's two parts."""

import math
from collections import namedtuple

import numpy as np

from ...compiler.jit import kernel
from ...compiler.layout import outputs, place, read, record, take
from ...kernels.fitting import FIT_SCRATCH, fit_window
from ...kernels.linear import decay_sum, missing_levels, modes_from
from ...kernels.spectrum import power_law_source, power_law_spectrum
from ...maths.gamma import gamma
from ..experiment import Axis, Control, Curve, Experiment, Guide, Handle, Mark, Messages, Plane, Preset, Readout
from ..kernels.times import geometric
from .controls import LEVELS

POINTS = 161
# The slope is measured in the middle of the window, away from both ends by a third of it in logarithms.
MIDDLE = 1.0 / 3.0
LARGEST_BETA, SMALLEST_TAU, LARGEST_TAU = 3.0, -1.0, 5.0

Controls = record("Controls", beta=float, tau=float, eta=float, levels=int)
Outputs = outputs(
    "Outputs",
    law_slope=(1,),
    slope=(1,),
    signal_slope=(1,),
    noise_slope=(1,),
    noise_share=(1,),
    alpha_first=(1,),
    alpha_last=(1,),
    exact=(2, POINTS),
    signal=(2, POINTS),
    noise=(2, POINTS),
    law=(2, POINTS),
)
SCRATCH = Outputs.size
Scratch = namedtuple("Scratch", "eigenvalue weight strength x c amplitude sums fit shifted end")


class Message(Messages):
    """What ``start`` may say."""

    NO_LAW = (
        "notice",
        "τ is at or below −β: the last levels hold the error, and it does not fall as a power law.",
    )
    DIVERGES = ("notice", "η = {eta} is at or beyond the critical learning rate 2: the error does not decay.")


@kernel(inline=True)
def layout(c, work):
    """Behind the outputs: spectrum, strengths, rates and amplitudes (L,) each, and the fit's scratch."""
    eigenvalue, at = take(work, SCRATCH, (c.levels,))
    weight, at = take(work, at, (c.levels,))
    strength, at = take(work, at, (c.levels,))
    x, at = take(work, at, (c.levels,))
    amplitude, at = take(work, at, (c.levels,))
    unit, at = take(work, at, (c.levels,))
    sums, at = take(work, at, (4,))
    fit, at = take(work, at, (FIT_SCRATCH,))
    shifted, at = take(work, at, (POINTS,))
    return Scratch(eigenvalue, weight, strength, x, unit, amplitude, sums, fit, shifted, at)


@kernel
def size(p, data):
    """Where the layout ends."""
    return float(layout(read(Controls, p), p).end)


@kernel
def _term(amplitude, power, c, X):
    """amplitude sum_k k^-(1 + power) exp(-X k^-(1+beta)) over the L levels, as its law less the missing levels."""
    s = power / (1.0 + c.beta)
    return amplitude * gamma(s) / (1.0 + c.beta) * math.exp(-s * math.log(X)) - missing_levels(
        amplitude, power, c.levels
    )


@kernel
def start(p, data, work):
    """The curve, its parts and its law."""
    c, out = read(Controls, p), place(Outputs, work)
    L, s = c.levels, layout(c, work)
    power_law_spectrum(c.beta, s.eigenvalue, s.weight)
    power_law_source(c.tau, s.eigenvalue, s.weight, s.strength)
    first = 0.5 / (c.eta * s.eigenvalue[0])
    last = 0.5 / (c.eta * s.eigenvalue[L - 1])

    alpha, exact, signal = out.exact[0], out.exact[1], out.signal[1]
    geometric(0.1 * first, 3.0 * last, alpha)
    for i in range(POINTS):
        out.signal[0, i] = out.noise[0, i] = out.law[0, i] = alpha[i]
    modes_from(s.eigenvalue, s.weight, s.strength, c.eta, s.x, s.c, s.amplitude, s.sums)
    for k in range(L):
        s.x[k] *= 2.0 * c.eta
    decay_sum(s.x, s.amplitude, 0.5, alpha, exact)
    total = 0.0  # sum of w t
    for k in range(L):
        s.x[k] = 2.0 * c.eta * s.eigenvalue[k]
        s.amplitude[k] = s.weight[k] * s.eigenvalue[k] * s.strength[k]
        total += s.weight[k] * s.strength[k]
    decay_sum(s.x, s.amplitude, 0.5, alpha, signal)

    signal_power, noise_power = c.beta + c.tau, 1.0 + 2.0 * c.beta
    converges, has_law = c.eta < 2.0, c.tau > -c.beta
    left = 1.0 - 0.5 * c.eta
    of_signal = 0.5 * s.eigenvalue[0] * s.strength[0] / L / left
    of_noise = 0.25 * c.eta * s.eigenvalue[0] * s.eigenvalue[0] / L * total / (left * left)
    # the lower power, and both where they are equal
    with_signal, with_noise = signal_power <= noise_power, noise_power <= signal_power
    missing = 0.0
    if with_signal and has_law:
        missing += missing_levels(of_signal, signal_power, L)
    if with_noise:
        missing += missing_levels(of_noise, noise_power, L)
    for i in range(POINTS):
        noise = exact[i] - signal[i]
        out.noise[1, i] = noise if noise > 0.0 else np.nan
        law, X = 0.0, alpha[i] / first
        if with_signal and has_law:
            law += _term(of_signal, signal_power, c, X)
        if with_noise:
            law += _term(of_noise, noise_power, c, X)
        shown = converges and has_law and first <= alpha[i] <= last and law > 0.0
        out.law[1, i] = law if shown else np.nan
        s.shifted[i] = exact[i] + missing

    width = math.exp(MIDDLE * math.log(last / first))
    measured = converges and has_law and L > 2
    fit = fit_window(alpha, s.shifted, first * width, last / width, s.fit)
    out.slope[0] = fit.exponent if measured else np.nan
    out.signal_slope[0] = -signal_power / (1.0 + c.beta)
    out.noise_slope[0] = -noise_power / (1.0 + c.beta)
    out.law_slope[0] = max(out.signal_slope[0], out.noise_slope[0]) if has_law else np.nan
    middle = POINTS // 2
    out.noise_share[0] = 1.0 - signal[middle] / exact[middle] if converges else np.nan
    out.alpha_first[0] = first
    out.alpha_last[0] = last
    return (0.0 if has_law else Message.NO_LAW.value) + (0.0 if converges else Message.DIVERGES.value)


@kernel
def advance(p, data, work):
    """Nothing is left to do."""
    return 1.0


def _at_least(exponent):
    """Where the exponent has at least a value: above tau = 1 + beta it is set by beta alone; below, its lines are
    tau = exponent (1 + beta) - beta."""
    top_right = (LARGEST_BETA, LARGEST_TAU)
    if exponent <= 1.0:
        end = min(LARGEST_BETA, (exponent - SMALLEST_TAU) / (1.0 - exponent)) if exponent < 1.0 else LARGEST_BETA
        first, last = ((0.05, exponent * 1.05 - 0.05), (end, exponent * (1.0 + end) - end))
        corners = (last, (LARGEST_BETA, SMALLEST_TAU)) if end < LARGEST_BETA else ()
        return Mark(f"{exponent:g}", (*corners, top_right, (0.05, LARGEST_TAU), first, last), "area")
    corner = (exponent - 1.0) / (2.0 - exponent)
    last = (LARGEST_BETA, exponent * (1.0 + LARGEST_BETA) - LARGEST_BETA)
    return Mark(f"{exponent:g}", (top_right, (corner, LARGEST_TAU), (corner, 1.0 + corner), last), "area")


PLANE = Plane(
    "beta",
    "tau",
    "The plane of data and task. Colour and lines are the exponent, dots are measured tasks and points of papers",
    (
        *(_at_least(exponent) for exponent in (0.25, 0.5, 0.75, 1.0, 1.25, 1.5)),
        Mark("τ = 1 + β", ((0.05, 1.05), (LARGEST_BETA, 1.0 + LARGEST_BETA)), "border"),
        Mark("", ((0.05, -0.05), (1.0, -1.0)), "border"),
        Mark("equal strengths", ((0.05, 0.0), (LARGEST_BETA, 0.0), (1.6, 0.0)), "border"),
        Mark("SGD’s noise, being forgotten", ((1.65, 4.5),), "region"),
        Mark("the signal", ((2.1, 2.0),), "region"),
        Mark("no law", ((0.24, -0.62),), "region"),
        # measured in the chapter, where a claim compares these dots with it
        Mark("digits, next pixel", ((0.13, 0.06), (0.41, 0.09)), "point"),
        Mark("colour", ((0.41, -0.85),), "point"),
        # as the page of letters places them
        Mark("images", ((1.0, -0.85),), "point"),
        Mark("Paquette 2024", ((1.0, 1.4),), "point"),
    ),
)

EXPERIMENT = Experiment(
    name="tasks",
    title="Hard and easy tasks: what the teacher does to the learning curve",
    x=Axis("time α (examples / N)"),
    y=Axis("generalisation error ε_g", limits=(1e-16, 1e6)),
    controls=(
        Control("beta", "β", "exponent of the spectrum", 1.0, 0.05, LARGEST_BETA),
        Control("tau", "τ", "exponent of the source", 0.5, SMALLEST_TAU, LARGEST_TAU),
        Control("eta", "η", "learning rate", 0.5, 0.01, 3.0, scale="log"),
        Control("levels", "L", "distinct eigenvalues", 512.0, choices=LEVELS[3:]),
    ),
    curves=(
        Curve("exact", "exact error", POINTS),
        Curve("signal", "the signal, F/2", POINTS, style="dashed", color=1, framed=False),
        Curve("noise", "the noise of SGD’s steps, K ∗ E/2", POINTS, style="dashed", color=3, framed=False),
        Curve("law", "power law less the finite-L constant", POINTS, style="dotted", color=2, framed=False),
    ),
    readouts=(
        Readout("law_slope", "slope of the law", headline=True),
        Readout("slope", "slope in the middle of the window, finite-L constant added"),
        Readout("signal_slope", "slope of the signal, −(β+τ)/(1+β)"),
        Readout("noise_slope", "slope of forgotten noise, −(1+2β)/(1+β)"),
        Readout("noise_share", "share of noise in the error there"),
        Readout("alpha_first", "window opens at α = 1/(2ηλ₁)"),
        Readout("alpha_last", "window closes at α = 1/(2ηλ_L)"),
    ),
    guides=(Guide("law_slope", "law", "slope of the law"),),
    handles=(Handle(("eta",), "window opens", place="alpha_first", power=-1.0),),
    plane=PLANE,
    size=size,
    start=start,
    advance=advance,
    Controls=Controls,
    Outputs=Outputs,
    messages=Message,
    python="""\
import numpy as np, lib
s = lib.power_law(beta={beta}, levels={levels})
t = lib.source(s, tau={tau})
first, last = lib.linear.power_law_window(s, {eta})
alpha = np.geomspace(0.1 * first, 3 * last, 161)
exact = lib.linear.generalization_error(s, {eta}, alpha, strength=t)
signal = lib.linear.small_eta_error(s, {eta}, alpha, strength=t)
noise = exact - signal
if {tau} > -{beta} and {eta} < 2:
    law = lib.linear.power_law_error(s, {eta}, alpha, tau={tau}) - lib.linear.offset(s, {eta}, tau={tau})
    slope = -lib.linear.exponent({beta}, {tau})
""",
    presets=(
        Preset(
            "equal-strengths",
            "The book so far: a teacher equally strong in every level",
            "At τ = 0 the exponent is β/(1+β). Signal and noise fall together, and the noise is the share "
            "{noise_share} of the error, near η/2.",
            {"tau": 0.0},
            lambda number, curve: number["law_slope"] == -0.5 and abs(number["noise_share"] - 0.25) < 0.01,
            card="hard-and-easy",
        ),
        Preset(
            "easier",
            "An easier task learns faster on the same data",
            "With τ = {tau} more of the teacher is in the leading levels: the slope is {law_slope} in place of −0.5.",
            {"tau": 1.0},
            lambda number, curve: number["law_slope"] == -1.0 and abs(number["slope"] + 1.0) < 0.03,
            card="hard-and-easy",
        ),
        Preset(
            "harder",
            "A harder task",
            "With τ = {tau} the last levels matter more: the slope is {law_slope}.",
            {"tau": -0.5},
            lambda number, curve: number["law_slope"] == -0.25 and abs(number["slope"] + 0.25) < 0.03,
        ),
        Preset(
            "forgotten-noise",
            "So easy that the noise of SGD is all that is left",
            "With τ = {tau} the signal falls with slope {signal_slope}, but the error follows the noise of the first "
            "steps, which is forgotten with slope {noise_slope}: it is the share {noise_share} of the error.",
            {"tau": 4.0},
            lambda number, curve: number["law_slope"] == number["noise_slope"] and number["noise_share"] > 0.95,
            card="hard-and-easy",
        ),
        Preset(
            "boundary",
            "On the boundary, τ = 1 + β",
            "Signal and forgotten noise have the same slope, {signal_slope}; beyond, an easier task no longer learns "
            "faster.",
            {"tau": 2.0},
            lambda number, curve: number["signal_slope"] == number["noise_slope"],
        ),
    ),
)
