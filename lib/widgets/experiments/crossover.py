"""Explorer of chapter "How many features": the exact error as a map over time and features."""

import math
from collections import namedtuple

import numpy as np

from ...compiler.jit import kernel
from ...compiler.layout import outputs, place, read, record, take
from ...kernels.features import best_training, find_modes, restrict, restricted_error, take_room
from ...kernels.spectrum import power_law_spectrum
from ..experiment import Axis, Control, Curve, Experiment, Handle, Messages, Preset, Readout
from ..kernels.times import geometric
from .controls import LEVELS

COLUMNS = 49
ROWS = 33
LINE = 2

Controls = record("Controls", beta=float, levels=int, eta=float, sigma_J=float, alpha_max=float)
Outputs = outputs(
    "Outputs",
    crossover_number=(1,),
    best_training=(1,),
    last=(1,),
    converging=(1,),
    error=(3, COLUMNS * ROWS),
    crossover=(2, LINE),
    best=(2, LINE),
)
SCRATCH = Outputs.size
Scratch = namedtuple("Scratch", "eigenvalue weight room end")


class Message(Messages):
    """What ``start`` may say."""

    SOME_DIVERGE = (
        "notice",
        "η = {eta}: students of more than {converging} levels are at or beyond their critical rate.",
    )


@kernel(inline=True)
def layout(c, work):
    """Behind the outputs: the spectrum (L,), a student and its modes."""
    eigenvalue, at = take(work, SCRATCH, (c.levels,))
    weight, at = take(work, at, (c.levels,))
    room, at = take_room(work, at, c.levels)
    return Scratch(eigenvalue, weight, room, at)


@kernel
def size(p, data):
    """Where the layout ends."""
    return float(layout(read(Controls, p), p).end)


@kernel
def _line(x, c, first, line):
    """2 eta lambda_l alpha = x, a straight line in logarithms, from l = 1 to L or to where the map ends."""
    alpha = 0.5 * x / (c.eta * first)
    end = min(float(c.levels), math.exp(math.log(max(1.0, c.alpha_max / alpha)) / (1.0 + c.beta)))
    line[0, 0], line[0, 1] = alpha, alpha * math.exp((1.0 + c.beta) * math.log(end))
    line[1, 0], line[1, 1] = 1.0, end


@kernel
def start(p, data, work):
    """The error of students of about 33 sizes, and the two lines."""
    c, out = read(Controls, p), place(Outputs, work)
    L, s = c.levels, layout(c, work)
    power_law_spectrum(c.beta, s.eigenvalue, s.weight)
    e_0 = 0.5 * (1.0 + c.sigma_J * c.sigma_J)
    begin = min(0.05 / (c.eta * s.eigenvalue[0]), 1e-2 * c.alpha_max)
    at, last, converging = 0, 0, 0
    for i in range(ROWS):
        n = int(math.exp(math.log(L) * i / (ROWS - 1)) + 0.5)
        if n == last:
            continue
        last = n
        alpha, sizes, errors = (
            out.error[0, at : at + COLUMNS],
            out.error[1, at : at + COLUMNS],
            out.error[2, at : at + COLUMNS],
        )
        geometric(begin, c.alpha_max, alpha)
        sizes[:] = n
        student = restrict(s.eigenvalue, s.weight, n, s.room)
        find_modes(student, c.eta)
        restricted_error(student, c.eta, e_0, 0.0, alpha, errors)
        if c.eta * student.seen < 2.0:
            converging = n
        at += COLUMNS
    out.error[:, at:] = np.nan

    best = best_training(c.beta)
    _line(1.0, c, s.eigenvalue[0], out.crossover)
    _line(best, c, s.eigenvalue[0], out.best)
    out.crossover_number[0] = 0.5 / (c.eta * s.eigenvalue[L - 1])
    out.best_training[0] = best
    out.last[0] = out.error[2, at - 1]
    out.converging[0] = converging
    return Message.SOME_DIVERGE.value if converging < L else 0.0


@kernel
def advance(p, data, work):
    """Nothing is left to do."""
    return 1.0


EXPERIMENT = Experiment(
    name="crossover",
    title="Time or features: which of the two limits the error",
    x=Axis("time α"),
    y=Axis("levels learned l"),
    z=Axis("error ε_g", limits=(1e-4, 1.0)),
    controls=(
        Control("beta", "β", "exponent of the spectrum", 1.0, 0.05, 3.0),
        Control("levels", "L", "distinct eigenvalues", 256.0, choices=LEVELS[:10]),
        Control("eta", "η", "learning rate", 0.1, 0.01, 5.0, scale="log"),
        Control("sigma_J", "σ_J", "initial student weights", 0.0, 0.0, 2.0),
        Control("alpha_max", "α_max", "last time", 1e4, 1.0, 1e6, scale="log"),
    ),
    curves=(
        Curve("error", "exact error ε_g", COLUMNS * ROWS, style="map"),
        Curve("crossover", "crossover, 2ηλ_l α = 1", LINE, style="dashed", color=6),
        Curve("best", "best split of compute, 2ηλ_l α = x*", LINE, color=6),
    ),
    readouts=(
        Readout("crossover", "all L levels limit only from α = 1/(2ηλ_L)", headline=True),
        Readout("best_training", "best 2ηλ_l α for any compute, x*"),
        Readout("last", "error of all levels at α_max"),
        Readout("converging", "largest l on the map that converges", 1),
    ),
    handles=(Handle(("eta",), "all levels limit", place="crossover", power=-1.0),),
    size=size,
    start=start,
    advance=advance,
    Controls=Controls,
    Outputs=Outputs,
    messages=Message,
    python="""\
import numpy as np, lib
s = lib.power_law(beta={beta}, levels={levels})
levels = np.unique((np.geomspace(1, {levels}, 33) + 0.5).astype(int))
begin = min(0.05 / ({eta} * s.eigenvalues[0]), 0.01 * {alpha_max})
alpha = np.geomspace(begin, {alpha_max}, 49)
error = np.array([lib.features.error(s, int(l), {eta}, alpha, {sigma_J}) for l in levels])
crossover = [lib.features.crossover_time(s, int(l), {eta}) for l in levels]
best = [lib.features.optimal_training({beta}) * time for time in crossover]
""",
    presets=(
        Preset(
            "border",
            "Two limits, and the border between them",
            "Below the dashed line more time changes nothing: features limit the error. Above it more features "
            "change nothing: time does. The best split of compute is the solid line, at 2ηλ_l α = {best_training}.",
            {},
            lambda number, curve: number["best_training"] > 0.5,
        ),
        Preset(
            "steep",
            "A steeper spectrum: each level costs more time",
            "At β = {beta} the border has the slope 1/(1+β) = 1/3: eight times the time for twice the levels.",
            {"beta": 2.0},
            lambda number, curve: (
                abs(np.diff(np.log(curve["crossover"].y)) / np.diff(np.log(curve["crossover"].x)) - 1 / 3) < 1e-6
            ),
        ),
        Preset(
            "noisy",
            "Beyond the critical rate of the larger students",
            "At η = {eta} students of up to {converging} levels converge; those of more are unstable, because they "
            "see more of the variance.",
            {"eta": 2.2},
            lambda number, curve: 1 <= number["converging"] < 256,
        ),
    ),
)
