"""Explorer of chapter "Setting": a measured spectrum, and the exponent that a chosen window of ranks gives."""

import math

import numpy as np

from ...compiler.jit import kernel
from ...compiler.views import view
from ...kernels.fitting import FIT_SCRATCH, fit_window
from ..experiment import Axis, Control, Curve, Experiment, Readout

POINTS = 1024
LINE = 2
READOUTS = 5
OUTPUT = READOUTS + 2 * POINTS + 2 * LINE


@kernel
def size(p, data):
    """Output, and the fit's scratch."""
    return float(OUTPUT + FIT_SCRATCH)


@kernel
def start(p, data, work):
    """The eigenvalues ``data`` (L,) against their rank, and the law fitted in the window."""
    L = min(data.shape[0], POINTS)
    low, high = p[0], min(p[1], float(L))
    fit = view(work, OUTPUT, (FIT_SCRATCH,))
    for k in range(POINTS):
        work[READOUTS + k] = k + 1.0
        work[READOUTS + POINTS + k] = data[k] if k < L else np.nan
    rank = view(work, READOUTS, (L,))
    line_fit = fit_window(rank, data[:L], low, high, fit)
    if line_fit.points < 5.0:
        return -1.0
    work[0] = -line_fit.exponent - 1.0
    work[1] = 2.0 * line_fit.standard_error
    work[2] = line_fit.drift
    work[3] = line_fit.points
    work[4] = -(1.0 + line_fit.exponent) / -line_fit.exponent
    line = READOUTS + 2 * POINTS
    for i in range(LINE):
        x = low if i == 0 else high
        work[line + i] = x
        work[line + LINE + i] = math.exp(line_fit.log_prefactor + line_fit.exponent * math.log(x))
    return 1.0 if line_fit.exponent >= -1.0 else 0.0


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
        Readout("beta", "exponent β"),
        Readout("two_errors", "± two standard errors"),
        Readout("drift", "slope of the upper half less that of the lower"),
        Readout("points", "eigenvalues in the window"),
        Readout("exponent", "predicted learning-curve exponent β/(1+β)"),
    ),
    size=size,
    start=start,
    advance=advance,
    notices=("The fitted β is not positive: over this window the spectrum has no convergent tail.",),
    errors=("The window from rank {first} to {last} holds fewer than 5 eigenvalues.",),
    table=POINTS,
    python="""\
import lib
spectrum = {data}
fit = spectrum.fit(window=({first}, {last}))
fit.beta, fit.standard_error
""",
)
