"""What an explorer shows: its controls, curves and read-outs, and the three kernels behind them.

An experiment is data plus three kernels; page and notebook run the same three. With ``p`` the
values of the controls (float64, in the order of ``controls``), ``data`` an optional float64 array
that the explorer was given, and ``work`` a float64 buffer:

``size(p, data) -> float``
    doubles that ``work`` must hold.
``start(p, data, work) -> float``
    computes all that is immediate (a few milliseconds) and prepares the rest. Returns 0, or the
    value of one of the experiment's :class:`Messages`: a notice, or the sum of several, is shown with the picture
    (say, "the error diverges"); an error is shown instead of it, and the last good picture stays.
``advance(p, data, work) -> float``
    a few milliseconds more of the long part; returns the fraction done, 1 at the end, and in addition twice the value
    of a notice that only the long part can give.

A kernel reads ``p`` as a named tuple, ``read(Controls, p)``, and writes to another, ``place(Outputs, work)``, which
lies at the start of ``work``: a read-out is an array (1,), a curve (2, points): abscissae and ordinates; with a band
(4, points): lower and upper limits too; a map (3, points): its values too; a panel (1 + points, rows, columns). NaN
means no point. What follows the outputs is scratch, laid out by the experiment's own ``layout``
(:mod:`lib.compiler.layout`). The names in ``Controls`` and ``Outputs`` and those of the controls, read-outs, curves and
panels must be the same, in one order; a read-out that shares its name with a curve is NAME_number in ``Outputs``.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from itertools import zip_longest
from typing import NamedTuple

PRIMARY = 5  # controls that are shown first, at most
RESET = "reset"  # stands in a link for the values with which the explorer began, as a preset's name for its values


@dataclass(frozen=True)
class Control:
    """A parameter that the reader sets.

    Attributes
    ----------
    name : str
    symbol : str
        What its label shows in mathematics, plain Unicode (``"β"``).
    label : str
        The same in words.
    default : float
    minimum, maximum : float
    scale : str
        "linear", "log" (a continuous range) or "integer" (every whole number of the range).
    choices : tuple of float
        The only values allowed; empty where the whole range is.
    choice_labels : tuple of str
        The choices' names, which make them a menu.
    more : bool
        Whether it is folded under "More": what the chapter's argument does not turn on.
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
    more: bool = False


@dataclass(frozen=True)
class Curve:
    """A curve, or a map.

    Attributes
    ----------
    name : str
    label : str
    points : int
        How many it has.
    style : str
        "line", "dashed", "dotted" or "points"; or "map", a rectangular grid of cells around the points, each in the
        colour that its value has on the experiment's axis ``z``.
    color : int
        Index of the palette.
    band : bool
        Whether its points have a lower and an upper limit.
    framed : bool
        Whether the live picture's axes are fitted to it; not to one that falls without end.
    """

    name: str
    label: str
    points: int
    style: str = "line"
    color: int = 0
    band: bool = False
    framed: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of a point's numbers."""
        return ("x", "y", "value") if self.style == "map" else ("x", "y", "lower", "upper")[: 4 if self.band else 2]

    @property
    def rows(self) -> int:
        """How many numbers a point has."""
        return len(self.columns)


@dataclass(frozen=True)
class Readout:
    """A number shown under the picture.

    Attributes
    ----------
    name : str
    label : str
    digits : int
        Significant ones.
    headline : bool
        Whether it is the one number that matters: shown first, large, and said to a screen reader at once.
    error : str
        Name of the read-out that is this one's error: shown behind a ± and not by itself.
    names : tuple of str
        What its values 0, 1, ... stand for, where it is not a number that is shown. Default: it is.
    """

    name: str
    label: str
    digits: int = 3
    headline: bool = False
    error: str = ""
    names: tuple[str, ...] = ()

    def said(self, value: float) -> str:
        """Write a value as the reader sees it.

        Parameters
        ----------
        value : float

        Returns
        -------
        str
        """
        return self.names[int(value)] if self.names else f"{value:.{self.digits}g}"


@dataclass(frozen=True)
class Panel:
    """A part of the second picture, "See the network": a matrix at time 0 and at each time of a curve.

    Attributes
    ----------
    name : str
    label : str
    kind : str
        "matrix", shown as one; or "bars", of one row: parts of the error, each in a bar as high as it is at time 0.
    along : str
        Name of the curve whose abscissae are the times after time 0.
    rows, columns : tuple of str
        What they are, as many as there can be; those that a state does not have are NaN.
    """

    name: str
    label: str
    kind: str
    along: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Guide:
    """A straight line that shows a power law's slope in the picture, where the curve next to it has points.

    Attributes
    ----------
    number : str
        Name of the read-out or control that gives the slope.
    curve : str
        Name of the curve that the line lies next to.
    label : str
        What the slope is, in symbols (``"−β/(1+β)"``).
    factor, offset : float
        The slope in logarithms of both axes is ``offset + factor * number``.
    when : tuple of str and tuple of float, or None
        A control, and its values at which there is a line. Default: always.
    """

    number: str
    curve: str
    label: str
    factor: float = 1.0
    offset: float = 0.0
    when: tuple[str, tuple[float, ...]] | None = None


@dataclass(frozen=True)
class Handle:
    """Something that is dragged on the picture, and sets controls.

    Attributes
    ----------
    controls : tuple of str
        Name of one control, drawn as a line, or of two, the ends of a shaded window.
    label : str
    axis : str
        "x" or "y": along which it is dragged.
    unit : str
        Name of a read-out or control that a control's value is multiplied by to give its place on the axis;
        empty where the value is the place.
    place : str
        Name of a read-out that is the place, where no unit gives it.
    power : float
        The place goes like this power of the control's value, so that dragging it by a factor f multiplies the value
        by ``f ** (1 / power)``. If that is not exact, the next move of the hand corrects it.
    when : tuple of str and tuple of float, or None
        A control, and its values at which this is dragged. Default: always.
    """

    controls: tuple[str, ...]
    label: str
    axis: str = "x"
    unit: str = ""
    place: str = ""
    power: float = 1.0
    when: tuple[str, tuple[float, ...]] | None = None


@dataclass(frozen=True)
class Mark:
    """Something that is drawn in a plane.

    Attributes
    ----------
    label : str
    points : tuple of (float, float)
        Values of the plane's two controls: through them, and the words stand at the last.
    kind : str
        "area", everything inside, which is coloured, the deeper the more areas overlap; "border", a line between
        regions; "region", its name; or "point", a dot at each with a name for all.
    """

    label: str
    points: tuple[tuple[float, float], ...]
    kind: str


@dataclass(frozen=True)
class Plane:
    """A small picture of all values of two controls beside theirs, in which a dot shows and sets them.

    Attributes
    ----------
    x, y : str
        Names of the two controls, of linear scale.
    label : str
    marks : tuple of Mark
    """

    x: str
    y: str
    label: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Ordered:
    """Two controls whose values are ordered: the one that is moved pushes the other.

    Attributes
    ----------
    low, high : str
        Names of the controls.
    ratio, gap : float
        The least value of the second is ``ratio * low + gap``.
    """

    low: str
    high: str
    ratio: float = 1.0
    gap: float = 0.0


@dataclass(frozen=True, eq=False)  # known by itself: a dict has no hash
class Preset:
    """A state worth seeing, and what to see in it: for the explorer's menu, the gallery, lecture notes and the text.

    Attributes
    ----------
    name : str
        Under which text and notebooks ask for it: small letters, digits and hyphens.
    title : str
    text : str
        What to see, in one or two sentences; {name} is a control's value or a read-out.
    values : dict of str to float
        Of controls; the others are at their defaults (:meth:`Experiment.state`).
    holds : callable
        Of the read-outs by name and the curves by name, ``(readouts, curves) -> bool``: whether what the text says is
        so; for the tests.
    card : str
        Name of the chapter whose explorer the gallery opens in this state. Default: it has no card.
    """

    name: str
    title: str
    text: str
    values: dict[str, float]
    holds: Callable
    card: str = ""


@dataclass(frozen=True)
class Axis:
    """An axis of the picture.

    Attributes
    ----------
    label : str
        Words and symbol.
    log : bool
        Whether it is logarithmic.
    limits : tuple of float, or None
        Between which the picture is drawn; None where the numbers decide.
    """

    label: str
    log: bool = True
    limits: tuple[float, float] | None = None


class Messages(Enum):
    """What ``start`` may say, each with a name, a kind, "notice" or "error", and a sentence.

    A kernel returns ``Message.NAME.value``: a notice's values are 1, 2, 4, ..., so that several can be added, an
    error's -1, -2, ... Sentences may have the names of controls and read-outs in braces, which are filled with their
    values.
    """

    kind: str
    sentence: str

    def __new__(cls, kind, sentence):
        if kind not in ("notice", "error"):
            raise ValueError(f"kind = {kind!r}: must be 'notice' or 'error'")
        message = object.__new__(cls)
        before = sum(other.kind == kind for other in cls)
        message._value_ = 2.0**before if kind == "notice" else -1.0 - before
        message.kind, message.sentence = kind, sentence
        return message


class CurvePlace(NamedTuple):
    """Where a curve is in the output.

    Attributes
    ----------
    start : int
        Its first place.
    columns : tuple of str
        Names of its columns, which follow each other: "x", "y", and "value" or "lower" and "upper".
    points : int
        How many numbers each column has.
    """

    start: int
    columns: tuple[str, ...]
    points: int


class PanelPlace(NamedTuple):
    """Where a panel is in the output.

    Attributes
    ----------
    start : int
        Its first place.
    shape : tuple of int
        How many times, rows and columns it has: a place for each, in C order.
    """

    start: int
    shape: tuple[int, int, int]


class Places(NamedTuple):
    """Where the parts of an output are: the one table by which Python, the page and the tests read it.

    Attributes
    ----------
    readouts : dict of str to int
    curves : dict of str to CurvePlace
    panels : dict of str to PanelPlace
    """

    readouts: dict[str, int]
    curves: dict[str, CurvePlace]
    panels: dict[str, PanelPlace]


@dataclass(frozen=True)
class Experiment:
    """An explorer's content: what it shows, and the kernels behind it, which the module's text describes.

    Attributes
    ----------
    name : str
    title : str
    x, y : Axis
    controls : tuple of Control
    curves : tuple of Curve
    size, start, advance : kernel
    Controls, Outputs : type
        The tuples that the kernels use (:mod:`lib.compiler.layout`).
    readouts : tuple of Readout
    panels : tuple of Panel
    python : str
        Template with the controls' names, and {data}, in braces: the code that gives the same theory, and SGD from
        other weights, since here all runs share theirs.
    table : int
        Positive where ``data`` is a spectrum, its eigenvalues descending and of mean 1, and the reader may bring
        another: the most features or eigenvalues that a file may have (:mod:`lib.realdata`; on a page
        ``lib.widgets.kernels.covariance``).
    z : Axis, or None
        What the colours of a map mean.
    messages : type of Messages, or None
        What ``start`` may say. Default: nothing.
    guides : tuple of Guide
        Slopes of laws in the picture.
    handles : tuple of Handle
        What is dragged on the picture.
    ordered : tuple of Ordered
        Controls that push each other.
    presets : tuple of Preset
    plane : Plane, or None
        Of two controls. Default: none.

    Raises
    ------
    ValueError
        If ``Controls`` or ``Outputs``, the tuples that the kernels use, do not match ``controls`` or ``readouts``,
        ``curves`` and ``panels``; if more than five controls are shown first, or not exactly one read-out is the
        headline; if a guide, a handle, a read-out's error, a panel, an order or a preset names what is not there; or
        if two presets have one name.
    """

    name: str
    title: str
    x: Axis
    y: Axis
    controls: tuple[Control, ...]
    curves: tuple[Curve, ...]
    size: Callable
    start: Callable
    advance: Callable
    Controls: type
    Outputs: type
    readouts: tuple[Readout, ...] = ()
    panels: tuple[Panel, ...] = ()
    python: str = ""
    table: int = 0
    z: Axis | None = None
    messages: type[Messages] | None = None
    guides: tuple[Guide, ...] = ()
    handles: tuple[Handle, ...] = ()
    ordered: tuple[Ordered, ...] = ()
    presets: tuple[Preset, ...] = ()
    plane: Plane | None = None

    def __post_init__(self):
        self._check_controls()
        self._check_first()
        self._check_references()
        self._check_outputs()

    @property
    def output_size(self) -> int:
        """Doubles of the output."""
        return self.Outputs.size  # type: ignore[attr-defined]

    @property
    def places(self) -> Places:
        """Where the parts of an output are, as :class:`Places`."""
        starts = iter(self.Outputs.starts)  # type: ignore[attr-defined]
        readouts = {readout.name: next(starts) for readout in self.readouts}
        curves = {curve.name: CurvePlace(next(starts), curve.columns, curve.points) for curve in self.curves}
        panels = {panel.name: PanelPlace(next(starts), self._shape(panel)) for panel in self.panels}
        return Places(readouts, curves, panels)

    @property
    def sentences(self) -> dict[int, str]:
        """Sentences by their status, positive for notices and negative for errors."""
        return {int(message.value): message.sentence for message in self.messages or ()}

    def state(self, preset: str) -> dict[str, float]:
        """Give the values of all controls in a preset.

        Parameters
        ----------
        preset : str
            Its name.

        Returns
        -------
        dict of str to float

        Raises
        ------
        ValueError
            If there is no such preset.
        """
        for known in self.presets:
            if known.name == preset:
                return {control.name: control.default for control in self.controls} | known.values
        names = ", ".join(known.name for known in self.presets)
        raise ValueError(f"the explorer {self.name!r} has no preset {preset!r}; it has {names}")

    def _check_controls(self):
        self._check_names("Controls", self.Controls._fields, tuple(control.name for control in self.controls))
        for control, kind in zip(self.controls, self.Controls.kinds, strict=True):
            whole = control.scale == "integer" or (control.choices and all(c == int(c) for c in control.choices))
            if kind is int and not whole:
                raise ValueError(
                    f"experiment {self.name!r}: control {control.name!r} is a whole number in Controls, "
                    "but its scale or its choices allow others"
                )

    def _check_outputs(self):
        shown = self.readouts + self.curves + self.panels
        curves = tuple(curve.name for curve in self.curves)
        numbers = tuple(f"{item.name}_number" if item.name in curves else item.name for item in self.readouts)
        panels = tuple(panel.name for panel in self.panels)
        self._check_names("Outputs", self.Outputs._fields, numbers + curves + panels)
        for item, shape in zip(shown, self.Outputs.shapes, strict=True):
            expected = self._shape(item)
            if shape != expected:
                raise ValueError(
                    f"experiment {self.name!r}: {item.name!r} has shape {shape} in Outputs; must be {expected}"
                )

    def _shape(self, item):
        """Shape of a read-out, a curve or a panel in ``Outputs``."""
        if isinstance(item, Readout):
            return (1,)
        if isinstance(item, Curve):
            return item.rows, item.points
        points = {curve.name: curve.points for curve in self.curves}[item.along]
        return 1 + points, len(item.rows), len(item.columns)

    def _check_first(self):
        first = [control.name for control in self.controls if not control.more]
        if len(first) > PRIMARY:
            raise ValueError(
                f"experiment {self.name!r}: the controls {', '.join(first)} are shown first; must be at most "
                f"{PRIMARY}, the others with more=True"
            )
        headlines = [readout.name for readout in self.readouts if readout.headline]
        if self.readouts and len(headlines) != 1:
            raise ValueError(f"experiment {self.name!r}: the headlines are {headlines}; must be one read-out")

    def _check_references(self):
        controls = {control.name for control in self.controls}
        readouts = {readout.name for readout in self.readouts}
        curves = {curve.name for curve in self.curves}
        named = [("Readout.error", readout.error, readouts | {""}) for readout in self.readouts]
        named += [("Panel.along", panel.along, curves) for panel in self.panels]
        for guide in self.guides:
            named += [("Guide.number", guide.number, controls | readouts), ("Guide.curve", guide.curve, curves)]
        for handle in self.handles:
            named += [("Handle.controls", name, controls) for name in handle.controls]
            named += [("Handle.unit", handle.unit, controls | readouts | {""})]
            named += [("Handle.place", handle.place, readouts | {""})]
        named += [("when", item.when[0], controls) for item in self.guides + self.handles if item.when]
        named += [("Plane", name, controls) for name in ((self.plane.x, self.plane.y) if self.plane else ())]
        named += [("Ordered", name, controls) for order in self.ordered for name in (order.low, order.high)]
        for preset in self.presets:
            named += [(f"Preset {preset.name!r}", name, controls) for name in preset.values]
        for kind, name, known in named:
            if name not in known:
                raise ValueError(
                    f"experiment {self.name!r}: {kind} names {name!r}, which is not one of {sorted(known)}"
                )
        names = [preset.name for preset in self.presets]
        for name in names:
            if names.count(name) > 1 or name == RESET or not re.fullmatch(r"[a-z\d]+(-[a-z\d]+)*", name):
                raise ValueError(
                    f"experiment {self.name!r}: preset {name!r}: must be small letters, digits and single hyphens, "
                    f"unlike any other and {RESET!r}"
                )

    def _check_names(self, kind, names, labels):
        for position, (name, label) in enumerate(zip_longest(names, labels)):
            if name != label:
                raise ValueError(
                    f"experiment {self.name!r}: place {position} of {kind} is {name!r}, but what is shown is {label!r}"
                )
