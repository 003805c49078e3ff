"""Explorer of chapter "Real data": a measured spectrum, the reader's own too, and the learning curve it predicts."""

import math
from collections import namedtuple

import numpy as np

from ...compiler.jit import kernel
from ...compiler.layout import outputs, place, read, record, take
from ...kernels.averages import LINEAR, Network
from ...kernels.fitting import FIT_SCRATCH, fit_window
from ...kernels.linear import decay_sum, modes
from ..experiment import Axis, Control, Curve, Experiment, Guide, Handle, Messages, Ordered, Preset, Readout
from ..kernels.ensemble import LARGEST_STEP, Shape, ensemble_advance, ensemble_size, ensemble_start
from ..kernels.ranks import FEWEST, fit_ranks
from ..kernels.times import geometric

LEVELS = 2048
POINTS = 121
SIMULATED = 21
LINE = 2
# The pictures, choices of the first control.
SPECTRUM, LEARNING_CURVE = 0, 1

Controls = record("Controls", picture=int, first=float, last=float, eta=float, sigma_J=float, copies=int, runs=int)
Outputs = outputs(
    "Outputs",
    beta=(1,),
    two_errors=(1,),
    drift=(1,),
    law=(1,),
    alpha_first=(1,),
    alpha_last=(1,),
    measured=(2, LEVELS),
    fit=(2, LINE),
    predicted=(2, POINTS),
    sgd=(4, SIMULATED),
)
SCRATCH = Outputs.size
Scratch = namedtuple("Scratch", "rank weight x amplitude sums fit ensemble end")


class Message(Messages):
    """What ``start`` may say."""

    BEYOND = "notice", "The window ends at the last eigenvalue, before rank {last}."
    WIDER = (
        "notice",
        "The window from rank {first} to {last} holds fewer than 5 eigenvalues: the fit begins at an earlier rank.",
    )
    NO_FIT = "notice", "There are fewer than 5 eigenvalues: no exponent is fitted."
    NO_DATA = "error", "There are no eigenvalues: open a file."
    NO_TAIL = "notice", "The fitted β is not positive: over this window the spectrum has no convergent tail."
    DIVERGES = (
        "notice",
        "η = {eta} is at or beyond the critical learning rate 2: the error does not decay.",
    )
    LARGE_STEP = (
        "notice",
        "ηλ₁/N is more than 0.2: a single step is not small for the leading direction, "
        "and SGD does not follow the theory.",
    )


@kernel
def shape(c, data):
    """The simulation: linear units on ``copies`` input directions for each eigenvalue."""
    L = max(1, data.shape[0])
    return Shape(1, 1, L * c.copies, L, SIMULATED)


@kernel(inline=True)
def layout(c, data, work):
    """Behind the outputs: ranks, weights, rates and amplitudes (L,) each, scratch of roots and fit, the simulation."""
    L = data.shape[0]
    rank, at = take(work, SCRATCH, (L,))
    weight, at = take(work, at, (L,))
    x, at = take(work, at, (L,))
    amplitude, at = take(work, at, (L,))
    sums, at = take(work, at, (4,))
    fit, at = take(work, at, (FIT_SCRATCH,))
    ensemble, at = take(work, at, (ensemble_size(shape(c, data)),))
    return Scratch(rank, weight, x, amplitude, sums, fit, ensemble, at)


@kernel
def size(p, data):
    """Where the layout ends."""
    return float(layout(read(Controls, p), data, p).end)


@kernel
def start(p, data, work):
    """The eigenvalues ``data`` (L,) against rank with their law, or the learning curves that follow from them."""
    c, out, L = read(Controls, p), place(Outputs, work), data.shape[0]
    for i in range(SCRATCH):
        work[i] = np.nan
    if L < 2:
        return Message.NO_DATA.value
    s = layout(c, data, work)
    low, high = fit_ranks(c.first, c.last, L)
    for k in range(L):
        s.rank[k] = k + 1.0
        s.weight[k] = 1.0 / L
    fit = fit_window(s.rank, data, low, high, s.fit)
    enough = fit.points >= FEWEST
    slope = fit.exponent if enough else np.nan
    out.beta[0] = -slope - 1.0
    out.two_errors[0] = 2.0 * fit.standard_error if enough else np.nan
    out.drift[0] = fit.drift if enough else np.nan
    out.law[0] = (1.0 + slope) / slope
    out.alpha_first[0] = first = 0.5 / (c.eta * data[0])
    out.alpha_last[0] = last = 0.5 / (c.eta * data[L - 1])

    if c.picture == SPECTRUM:
        for k in range(L):
            out.measured[0, k] = s.rank[k]
            out.measured[1, k] = data[k]
        for i in range(LINE):
            out.fit[0, i] = low if i == 0 else high
            out.fit[1, i] = math.exp(fit.log_prefactor + slope * math.log(out.fit[0, i]))
    else:
        alpha = out.predicted[0]
        geometric(0.1 * first, 3.0 * last, alpha)
        modes(data, s.weight, c.eta, s.x, s.amplitude, s.sums)
        for k in range(L):
            s.x[k] *= 2.0 * c.eta
        decay_sum(s.x, s.amplitude, 0.5 * (1.0 + c.sigma_J * c.sigma_J), alpha, out.predicted[1])
        end = min(alpha[POINTS - 1], 300.0)
        ensemble_start(s.ensemble, shape(c, data), data, c.sigma_J, 0, alpha[0], end, out.sgd[0])
    notices = Message.NO_TAIL.value if slope >= -1.0 else 0.0
    if c.picture == SPECTRUM:
        if c.last > L:
            notices += Message.BEYOND.value
        if not enough:
            notices += Message.NO_FIT.value
        elif low < c.first:
            notices += Message.WIDER.value
    elif c.eta >= 2.0:
        notices += Message.DIVERGES.value
    elif c.eta * data[0] / (L * c.copies) > LARGEST_STEP:
        notices += Message.LARGE_STEP.value
    return notices


@kernel
def advance(p, data, work):
    """A slice of the simulation, in the picture that shows it."""
    c, out = read(Controls, p), place(Outputs, work)
    if c.picture == SPECTRUM:
        return 1.0
    return ensemble_advance(layout(c, data, work).ensemble, c.eta, Network(1.0, 1.0, LINEAR), c.runs, 0, out.sgd)


EXPERIMENT = Experiment(
    name="realdata",
    title="A measured spectrum, and the learning curve that follows from it",
    x=Axis("rank k, or time α"),
    y=Axis("eigenvalue λ_k, or error ε_g", limits=(1e-12, 1e6)),
    controls=(
        Control("picture", "▦", "picture", 0.0, choices=(0.0, 1.0), choice_labels=("spectrum", "learning curve")),
        Control("first", "k₁", "first rank of the fit", 4.0, 1.0, 200.0, scale="log"),
        Control("last", "k₂", "last rank of the fit", 64.0, 5.0, 2048.0, scale="log"),
        Control("eta", "η", "learning rate", 0.1, 0.01, 2.5, scale="log"),
        Control("sigma_J", "σ_J", "initial student weights", 0.0, 0.0, 2.0, more=True),
        Control(
            "copies", "N/L", "input directions for each eigenvalue", 4.0, choices=(1.0, 2.0, 4.0, 8.0, 16.0), more=True
        ),
        Control("runs", "runs", "data streams simulated", 4.0, choices=(1.0, 2.0, 4.0, 8.0, 16.0), more=True),
    ),
    curves=(
        Curve("measured", "measured eigenvalues", LEVELS, style="points", color=0),
        Curve("fit", "fitted power law of the spectrum", LINE, color=3),
        Curve("predicted", "predicted error, N → ∞", POINTS, color=1),
        Curve("sgd", "SGD on Gaussian data, mean ± 2 standard errors", SIMULATED, style="points", color=2, band=True),
    ),
    readouts=(
        Readout("beta", "exponent β", headline=True, error="two_errors"),
        Readout("two_errors", "± two standard errors of the fit alone"),
        Readout("drift", "slope of the upper half less that of the lower"),
        Readout("law", "predicted exponent β/(1+β)"),
        Readout("alpha_first", "learning begins at α = 1/(2ηλ₁)"),
        Readout("alpha_last", "and ends at α = 1/(2ηλ_L)"),
    ),
    guides=(
        Guide("beta", "fit", "−(1+β)", factor=-1.0, offset=-1.0),
        Guide("law", "predicted", "−β/(1+β)", factor=-1.0),
    ),
    handles=(
        Handle(("first", "last"), "fit window", when=("picture", (SPECTRUM,))),
        Handle(("eta",), "learning begins", place="alpha_first", power=-1.0, when=("picture", (LEARNING_CURVE,))),
    ),
    ordered=(Ordered("first", "last", gap=5.0),),
    size=size,
    start=start,
    advance=advance,
    Controls=Controls,
    Outputs=Outputs,
    messages=Message,
    table=LEVELS,
    python="""\
import numpy as np, lib
s = {data}
last = min({last}, s.levels)
s.fit(window=(max(1, min({first}, int(last) - 4)), last)).beta
alpha = np.geomspace(0.01, 1000, 121)
predicted = lib.linear.generalization_error(s, {eta}, alpha, {sigma_J})
m = lib.StudentTeacher(s, students=1, teachers=1, activation="linear")
sgd = lib.simulate(m, N={copies} * s.levels, eta={eta}, alpha=alpha[alpha < 300][::6], sigma_J={sigma_J}, seeds={runs})
""",
    presets=(
        Preset(
            "learning-curve",
            "A learning curve from a spectrum",
            "The eigenvalues measured in a photograph are all that the prediction needs; between α = {alpha_first} "
            "and {alpha_last} it falls.",
            {"picture": 1.0, "first": 4.0, "last": 64.0},
            lambda number, curve: curve["predicted"].y[-1] < 0.1 * curve["predicted"].y[0],
            card="real-data",
        ),
        Preset(
            "spectrum",
            "Where a spectrum is a power law",
            "A sample of the same photograph's patches, ranks {first} to {last}: β = {beta} ± {two_errors} by the "
            "fit alone, and the slopes of the two halves differ by {drift}.",
            {"first": 4.0, "last": 64.0},
            lambda number, curve: abs(number["drift"]) < 0.2,
            card="real-data",
        ),
        Preset(
            "tail",
            "Another window, another exponent",
            "Ranks {first} to {last} of the same patches: β = {beta}.",
            {"first": 64.0, "last": 256.0},
            lambda number, curve: number["beta"] > 0.8,
        ),
        Preset(
            "fast",
            "A large rate, and a step that is not small",
            "At η = {eta} learning begins at α = {alpha_first}, and the noise of the steps raises the whole curve.",
            {"picture": 1.0, "first": 4.0, "last": 64.0, "eta": 1.0},
            lambda number, curve: curve["predicted"].y[-1] > 0,
        ),
    ),
)
