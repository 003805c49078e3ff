"""What an explorer shows: its controls, curves and read-outs, and the three kernels behind them.

An experiment is data plus three kernels; page and notebook run the same three. With ``p`` the
values of the controls (float64, in the order of ``controls``), ``data`` an optional float64 array
that the explorer was given, and ``work`` a float64 buffer:

``size(p, data) -> float``
    doubles that ``work`` must hold.
``start(p, data, work) -> float``
    computes all that is immediate (a few milliseconds) and prepares the rest. Returns 0, or the
    number k of a message: k > 0, ``notices[k - 1]`` is shown with the picture (say, "the error
    diverges"); k < 0, ``errors[-k - 1]`` is shown and the last good picture is kept.
``advance(p, data, work) -> float``
    a few milliseconds more of the long part; returns the fraction done, 1 at the end.

``work`` begins with the output, whose length is ``output_size``: the read-outs, one double each;
then curve after curve: its ``points`` abscissae, its ``points`` ordinates and, if it has a band,
``points`` lower and ``points`` upper limits, or, if it is a map, ``points`` values. NaN means no point. Behind the output the kernels
keep what they like.
"""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Control:
    """A parameter that the reader sets.

    ``scale`` is "linear", "log" (a continuous range) or "integer" (every whole number of the
    range); or ``choices`` lists the only values allowed. ``symbol`` is what the label shows in
    mathematics, plain Unicode (``"β"``); ``label`` says it in words. With ``choice_labels`` the
    choices are shown by name, as a menu.
    """

    name: str
    symbol: str
    label: str
    default: float
    minimum: float = 0.0
    maximum: float = 1.0
    scale: str = "linear"
    choices: tuple[float, ...] = ()
    choice_labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Curve:
    """A curve: ``style`` is "line", "dashed", "dotted" or "points"; ``color`` an index of the palette.

    Of style "map" it is a rectangular grid of cells around its points, each in the colour that its value has on the
    experiment's axis ``z``."""

    name: str
    label: str
    points: int
    style: str = "line"
    color: int = 0
    band: bool = False

    @property
    def rows(self):
        """Numbers of a point: x and y; the value of a map, or the limits of a band."""
        return 3 if self.style == "map" else 4 if self.band else 2


@dataclass(frozen=True)
class Readout:
    """A number shown under the picture, with ``digits`` significant digits."""

    name: str
    label: str
    digits: int = 3


@dataclass(frozen=True)
class Axis:
    """An axis: words, symbol, and whether it is logarithmic. ``limits`` clips what is drawn."""

    label: str
    log: bool = True
    limits: tuple[float, float] | None = None


@dataclass(frozen=True)
class Experiment:
    """An explorer's content; see the module's text. ``python`` is a template with the controls' names in braces, and
    {data}: the code that gives the same theory, and SGD from other weights, since here all runs share theirs. ``z`` is
    what the colours of a map mean.

    ``table`` > 0: ``data`` is a spectrum, its eigenvalues descending and of mean 1, and the reader may bring another:
    a file of at most so many features or eigenvalues (:mod:`lib.realdata`; on a page :mod:`lib.widgets.kernels.covariance`)."""

    name: str
    title: str
    x: Axis
    y: Axis
    controls: tuple[Control, ...]
    curves: tuple[Curve, ...]
    size: Callable
    start: Callable
    advance: Callable
    readouts: tuple[Readout, ...] = ()
    notices: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    python: str = ""
    table: int = 0
    z: Axis | None = None
    output_size: int = field(init=False)

    def __post_init__(self):
        numbers = sum(curve.points * curve.rows for curve in self.curves)
        object.__setattr__(self, "output_size", len(self.readouts) + numbers)
