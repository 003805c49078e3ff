"""Explorer of chapter "Learning features": a linear unit whose output weight learns, rich or lazy."""

from collections import namedtuple

import numpy as np

from ...compiler.jit import kernel
from ...compiler.layout import outputs, place, read, record, take
from ...kernels import rich as kernels
from ...kernels.fitting import FIT_SCRATCH, fit_window
from ...kernels.linear import decay_sum, missing_levels
from ...kernels.spectrum import power_law_source, power_law_spectrum
from ..experiment import Axis, Control, Curve, Experiment, Guide, Messages, Preset, Readout
from ..kernels.times import geometric
from .controls import LEVELS

DEPTH = 2  # layers of weights: deeper units come to their law only with many more levels than are drawn here
POINTS = 161
# By which the clock grows in a step: errors of 1e-4, a tenth of a line's width.
FACTOR = 2.0**0.25
# The slope is measured in the window without these ends, shares of it in logarithms, if it is as wide as this.
OPENING, CLOSING, WIDE = 0.4, 0.2, 1e3
GROWN = 2.0  # in units of its start, where a weight is said to have grown
AHEAD = 1.01  # error of the one over that of the other, from where a unit is said to be ahead

Controls = record("Controls", output=float, beta=float, tau=float, ratio=float, alpha_max=float, eta=float, levels=int)
Outputs = outputs(
    "Outputs",
    slope=(1,),
    rich_slope=(1,),
    lazy_slope=(1,),
    last_weight=(1,),
    alpha_grown=(1,),
    alpha_ahead=(1,),
    rich=(2, POINTS),
    fixed=(2, POINTS),
    lazy=(2, POINTS),
    weight=(2, POINTS),
)
SCRATCH = Outputs.size
Scratch = namedtuple("Scratch", "eigenvalue weight mass amplitude curves ends shifted fit steps end")


class Message(Messages):
    """What ``start`` may say."""

    NO_LAW = (
        "notice",
        "τ is at or below −β: the last levels hold the error, and it does not fall as a power law.",
    )
    LAZY = (
        "notice",
        "The weight v has not doubled by α = {alpha_max}: until then the unit is a lazy one.",
    )


@kernel(inline=True)
def layout(c, work):
    """Behind the outputs: spectrum, masses w t and amplitudes (L,) each, what the run writes, the error without
    the finite-L constant, and the scratch of fit and steps."""
    L = c.levels
    eigenvalue, at = take(work, SCRATCH, (L,))
    weight, at = take(work, at, (L,))
    mass, at = take(work, at, (L,))
    amplitude, at = take(work, at, (L,))
    curves, at = take(work, at, (3, POINTS))
    ends, at = take(work, at, kernels.ENDS)
    shifted, at = take(work, at, (POINTS,))
    fit, at = take(work, at, (FIT_SCRATCH,))
    steps, at = take(work, at, (kernels.ROWS, L))
    return Scratch(eigenvalue, weight, mass, amplitude, curves, ends, shifted, fit, steps, at)


@kernel
def size(p, data):
    """Where the layout ends."""
    return float(layout(read(Controls, p), p).end)


@kernel
def _crossing(x, y, level):
    """x, interpolated in its logarithm, where y (n,) first reaches ``level``; NaN if it does not."""
    for i in range(x.shape[0]):
        if y[i] >= level:
            if i == 0:
                return x[0]
            part = (level - y[i - 1]) / (y[i] - y[i - 1])
            return x[i - 1] * np.exp(part * np.log(x[i] / x[i - 1]))
    return np.nan


@kernel
def start(p, data, work):
    """The curves with weights that learn and with fixed ones, the weight, and the slope."""
    c, out = read(Controls, p), place(Outputs, work)
    L, s = c.levels, layout(c, work)
    power_law_spectrum(c.beta, s.eigenvalue, s.weight)
    power_law_source(c.tau, s.eigenvalue, s.weight, s.mass)
    for k in range(L):
        s.mass[k] *= s.weight[k]
        s.amplitude[k] = s.mass[k] * s.eigenvalue[k]

    alpha = out.rich[0]
    geometric(min(0.05 / (c.eta * s.eigenvalue[0]), 0.01 * c.alpha_max), c.alpha_max, alpha)
    chain = kernels.Chain(s.eigenvalue, s.mass, DEPTH, c.ratio, c.output)
    kernels.curve(chain, c.eta, alpha, FACTOR, s.curves, s.ends, s.steps)
    clock = s.curves[2]
    for i in range(POINTS):
        out.fixed[0, i] = out.lazy[0, i] = out.weight[0, i] = alpha[i]
        out.rich[1, i], out.weight[1, i] = s.curves[0, i], s.curves[1, i]
        s.shifted[i] = 2.0 * c.eta * alpha[i]
    decay_sum(s.eigenvalue, s.amplitude, 0.5, s.shifted, out.lazy[1])
    for i in range(POINTS):
        s.shifted[i] *= c.output * c.output
    decay_sum(s.eigenvalue, s.amplitude, 0.5, s.shifted, out.fixed[1])

    power = c.beta + c.tau
    has_law, lazy = power > 0.0, power / (1.0 + c.beta)
    out.rich_slope[0] = -kernels.exponent(lazy, DEPTH) if has_law else np.nan
    out.lazy_slope[0] = -lazy if has_law else np.nan
    weight = out.weight[1]
    out.last_weight[0] = weight[POINTS - 1]
    grown = weight[POINTS - 1] >= GROWN * c.output
    out.alpha_grown[0] = _crossing(alpha, weight, GROWN * c.output)
    out.alpha_ahead[0] = np.nan
    for i in range(POINTS):
        if AHEAD * out.rich[1, i] < out.lazy[1, i]:
            # later the last level falls exponentially, and nothing is compared
            if alpha[i] * c.eta * s.eigenvalue[L - 1] < 0.5:
                out.alpha_ahead[0] = alpha[i]
            break

    # The window, in the clock: from where the first level is learned and the weight has grown, to the last level.
    missing = missing_levels(0.5 * s.amplitude[0], power, L) if has_law else 0.0
    for i in range(POINTS):
        s.shifted[i] = out.rich[1, i] + missing
    opens, closes = 0.5 / s.eigenvalue[0], min(0.5 / s.eigenvalue[L - 1], clock[POINTS - 1])
    if grown:
        opens = max(opens, _crossing(clock, weight, GROWN * c.output))
    width = np.log(closes / opens)
    low, high = opens * np.exp(OPENING * width), closes * np.exp(-CLOSING * width)
    out.slope[0] = np.nan
    if has_law and closes > WIDE * opens:
        fit = fit_window(alpha, s.shifted, _crossing(alpha, clock, low), _crossing(alpha, clock, high), s.fit)
        out.slope[0] = fit.exponent
    return (0.0 if has_law else Message.NO_LAW.value) + (0.0 if grown else Message.LAZY.value)


@kernel
def advance(p, data, work):
    """Nothing is left to do."""
    return 1.0


EXPERIMENT = Experiment(
    name="rich",
    title="Rich or lazy: an output weight that learns too",
    x=Axis("time α (examples / N)"),
    y=Axis("error ε_g, weight v", limits=(1e-16, 1e6)),
    controls=(
        Control("output", "v₀", "initial output weight (small: rich)", 0.01, 1e-3, 1.0, scale="log"),
        Control("beta", "β", "exponent of the spectrum", 1.0, 0.05, 3.0),
        Control("tau", "τ", "exponent of the source", 0.0, -1.0, 3.0),
        Control("ratio", "η_v/η", "learning rate of the output weight, in η", 1.0, 0.01, 100.0, scale="log"),
        Control("alpha_max", "α_max", "last time", 1e4, 1.0, 1e12, scale="log"),
        Control("eta", "η", "learning rate of the first layer", 0.1, 0.001, 1.0, scale="log", more=True),
        Control("levels", "L", "distinct eigenvalues", 1024.0, choices=LEVELS[3:], more=True),
    ),
    curves=(
        Curve("rich", "v learns from v₀", POINTS),
        Curve("fixed", "v stays at v₀: lazy", POINTS, style="dashed", color=1),
        Curve("lazy", "v stays at 1: lazy too", POINTS, style="dashed", color=3),
        Curve("weight", "the weight v that learns", POINTS, style="dotted", color=2, framed=False),
    ),
    readouts=(
        Readout("slope", "slope late in the window, finite-L constant added", headline=True),
        Readout("rich_slope", "slope of the law once v ≫ v₀, −2s/(1+s) for s < 1"),
        Readout("lazy_slope", "slope at fixed weights, −s = −(β+τ)/(1+β)"),
        Readout("last_weight", "v at α_max"),
        Readout("alpha_grown", "v has doubled at α"),
        Readout("alpha_ahead", "ahead of v = 1 from α"),
    ),
    guides=(Guide("rich_slope", "rich", "slope of the law"),),
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
first = 0.5 / ({eta} * s.eigenvalues[0])
alpha = np.geomspace(min(0.1 * first, 0.01 * {alpha_max}), {alpha_max}, 161)
run = lib.networks.deep_linear_unit(s, {eta}, alpha, {output}, upper_eta={ratio} * {eta}, strength=t)
rich, weight = run.eps_g, run.output
fixed = lib.networks.deep_linear_unit(s, {eta}, alpha, {output}, upper_eta=0.0, strength=t).eps_g
lazy = lib.linear.small_eta_error(s, {eta}, alpha, strength=t)
if {tau} > -{beta}:
    exponent = ({beta} + {tau}) / (1 + {beta})
    rich_slope, lazy_slope = -lib.networks.rich_exponent(exponent), -exponent
""",
    presets=(
        Preset(
            "rich",
            "A small output weight: the slope changes",
            "From v₀ = {output} nothing happens at first. Then v doubles by α = {alpha_grown} and goes on growing: the "
            "error falls with slope {slope}, by the law {rich_slope}, where fixed weights give {lazy_slope}.",
            {},
            lambda number, curve: (
                abs(number["slope"] - number["rich_slope"]) < 0.02
                and number["lazy_slope"] == -0.5
                and number["alpha_grown"] < 1
            ),
            card="learning-features",
        ),
        Preset(
            "lazy",
            "The book’s output weight: almost nothing changes",
            "From v₀ = 1 the weight only grows to {last_weight}, and the slope {slope} is all but that of a fixed one.",
            {"output": 1.0},
            lambda number, curve: number["last_weight"] < 1.3 and abs(number["slope"] + 0.5) < 0.02,
            card="learning-features",
        ),
        Preset(
            "harder",
            "A harder task gains more",
            "At β = {beta} the exponent s = 1/3 becomes 2s/(1+s) = 1/2: the slope is {slope} in place of {lazy_slope}.",
            {"beta": 0.5, "output": 0.03},
            lambda number, curve: abs(number["slope"] + 0.5) < 0.03 and number["lazy_slope"] > -0.34,
        ),
        Preset(
            "easy",
            "An easy task gains nothing",
            "With τ = {tau} most of the teacher is in the first levels: v ends at {last_weight} early, and the slope "
            "{slope} is that of fixed weights, {lazy_slope}.",
            {"tau": 2.0, "alpha_max": 1e5},
            lambda number, curve: (
                number["rich_slope"] == number["lazy_slope"] and abs(number["slope"] - number["lazy_slope"]) < 0.03
            ),
            card="learning-features",
        ),
        Preset(
            "fast-output",
            "An output weight that learns faster",
            "At η_v/η = {ratio} the weight grows to {last_weight}: the rich unit overtakes the one whose weight stays "
            "at 1 at α = {alpha_ahead}. With equal rates v ends at 1, and it does not.",
            {"ratio": 100.0},
            lambda number, curve: number["last_weight"] > 3 and 1 < number["alpha_ahead"] < 10,
        ),
    ),
)
