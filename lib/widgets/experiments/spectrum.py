"""Explorer of chapter "Setting": a measured spectrum, and the exponent that a chosen window of ranks gives."""

import math
from collections import namedtuple

import numpy as np

from ...compiler.jit import kernel
from ...compiler.layout import outputs, place, read, record, take
from ...kernels.fitting import FIT_SCRATCH, fit_window
from ..experiment import Axis, Control, Curve, Experiment, Guide, Handle, Messages, Ordered, Preset, Readout
from ..kernels.ranks import FEWEST, fit_ranks

POINTS = 1024
LINE = 2

Controls = record("Controls", first=float, last=float)
Outputs = outputs(
    "Outputs",
    beta=(1,),
    two_errors=(1,),
    drift=(1,),
    points=(1,),
    exponent=(1,),
    measured=(2, POINTS),
    fit=(2, LINE),
)
SCRATCH = Outputs.size
Scratch = namedtuple("Scratch", "fit end")


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


@kernel(inline=True)
def layout(work):
    """Behind the outputs: the fit's scratch."""
    fit, at = take(work, SCRATCH, (FIT_SCRATCH,))
    return Scratch(fit, at)


@kernel
def size(p, data):
    """Where the layout ends."""
    return float(layout(p).end)


@kernel
def start(p, data, work):
    """The eigenvalues ``data`` (L,) against their rank, and the law fitted in the window."""
    c, out = read(Controls, p), place(Outputs, work)
    L = min(data.shape[0], POINTS)
    if L < 2:
        return Message.NO_DATA.value
    low, high = fit_ranks(c.first, c.last, L)
    for k in range(POINTS):
        out.measured[0, k] = k + 1.0
        out.measured[1, k] = data[k] if k < L else np.nan
    fit = fit_window(out.measured[0][:L], data[:L], low, high, layout(work).fit)
    enough = fit.points >= FEWEST
    slope = fit.exponent if enough else np.nan
    out.beta[0] = -slope - 1.0
    out.two_errors[0] = 2.0 * fit.standard_error if enough else np.nan
    out.drift[0] = fit.drift if enough else np.nan
    out.points[0] = fit.points
    out.exponent[0] = -(1.0 + slope) / -slope
    for i in range(LINE):
        x = low if i == 0 else high
        out.fit[0, i] = x
        out.fit[1, i] = math.exp(fit.log_prefactor + slope * math.log(x))
    notices = Message.NO_TAIL.value if slope >= -1.0 else 0.0
    if c.last > L:
        notices += Message.BEYOND.value
    if not enough:
        return notices + Message.NO_FIT.value
    return notices + (Message.WIDER.value if low < c.first else 0.0)


@kernel
def advance(p, data, work):
    """Nothing is left to do."""
    return 1.0


EXPERIMENT = Experiment(
    name="spectrum",
    title="Fit the exponent of a measured spectrum",
    x=Axis("rank k"),
    y=Axis("eigenvalue λ_k (mean 1)"),
    controls=(
        Control("first", "k₁", "first rank of the fit", 8.0, 1.0, 200.0, scale="log"),
        Control("last", "k₂", "last rank of the fit", 100.0, 5.0, 1024.0, scale="log"),
    ),
    curves=(
        Curve("measured", "measured eigenvalues", POINTS, style="points", color=0),
        Curve("fit", "fitted power law", LINE, color=3),
    ),
    readouts=(
        Readout("beta", "exponent β", headline=True, error="two_errors"),
        Readout("two_errors", "± two standard errors"),
        Readout("drift", "slope of the upper half less that of the lower"),
        Readout("points", "eigenvalues in the window"),
        Readout("exponent", "predicted learning-curve exponent β/(1+β)"),
    ),
    guides=(Guide("beta", "fit", "−(1+β)", factor=-1.0, offset=-1.0),),
    handles=(Handle(("first", "last"), "fit window"),),
    ordered=(Ordered("first", "last", gap=5.0),),
    size=size,
    start=start,
    advance=advance,
    Controls=Controls,
    Outputs=Outputs,
    messages=Message,
    table=POINTS,
    python="""\
import lib
spectrum = {data}
last = min({last}, spectrum.levels)
fit = spectrum.fit(window=(max(1, min({first}, int(last) - 4)), last))
fit.beta, fit.standard_error
""",
    presets=(
        Preset(
            "photograph",
            "A photograph has a power-law spectrum",
            "Covariance of patches of a photograph: between the ranks {first} and {last} a power law, here with β = "
            "{beta}; not beyond them.",
            {"first": 4.0, "last": 64.0},
            lambda number, curve: abs(number["drift"]) < 0.1 < number["beta"],
            card="setting",
        ),
        Preset(
            "head",
            "The first ranks",
            "The ranks {first} to {last} alone give β = {beta} ± {two_errors}: the largest eigenvalues are few, and "
            "follow no line.",
            {"first": 1.0, "last": 8.0},
            lambda number, curve: number["two_errors"] > 0.1,
        ),
        Preset(
            "tail",
            "The last ranks",
            "From rank {first} to {last} the same data give β = {beta}: the window decides.",
            {"first": 64.0, "last": 256.0},
            lambda number, curve: number["beta"] > 0.8,
        ),
    ),
)
