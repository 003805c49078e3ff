"""Explorers: an experiment's controls, picture and numbers, live in a notebook and on a page.

One user interface, ``explorer.mjs``, has two hosts. In Jupyter it talks to :class:`Explorer`, whose thread
runs the kernels natively; on a page it talks to ``page.js``, whose worker runs the same kernels as
WebAssembly. Both answer the same three messages, which ``explorer.mjs`` describes.
"""

import base64
import functools
import html
import io
import json
import math
import re
import textwrap
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

import anywidget
import numpy as np
import traitlets

from .. import realdata
from ..book import figures
from ..core import checks
from .experiments import EXPERIMENTS

_FOLDER = Path(__file__).parent
_SLICE = 0.05  # seconds of the long part between two pictures, and before Stop is answered
_NOT_SHOWN = ("size", "start", "advance", "Controls", "Outputs", "messages")
_LINE_STYLES = {"line": "-", "dashed": "--", "dotted": ":", "points": "none"}
_LEGEND_ROW, _LEGEND_WIDTH = 0.22, 55  # inches; characters of two columns
_MARKERS = "os^Dv<P"  # by colour, so that points can be told apart without it; explorer.mjs has the same


def explore(name, data=None, source=None, **values):
    """Make the explorer of an experiment.

    Parameters
    ----------
    name : str
        Key of ``lib.widgets.experiments.EXPERIMENTS``.
    data : array_like, optional
        Numbers that the experiment works on. Where it takes the reader's data (``Experiment.table``) anything that
        :func:`lib.realdata.spectrum` takes; elsewhere an array, flattened.
    source : str, optional
        Python expression for the spectrum given as ``data``, shown with the code of the explorer. It must run where only
        numpy and lib are imported. Default: the eigenvalues themselves.
    **values : float
        Controls that shall not begin at their defaults. "Reset" returns to these.

    Returns
    -------
    Explorer

    Raises
    ------
    ValueError
        If there is no such experiment or control, or a value is outside its control's range.
    """
    if name not in EXPERIMENTS:
        raise ValueError(f"there is no experiment {name!r}; there are {', '.join(sorted(EXPERIMENTS))}")
    return _explorer_class(EXPERIMENTS[name])(data, source, values)


def _listed(eigenvalues):
    """Python expression for a spectrum known by its numbers alone; where there are none, for one still to be read."""
    if not len(eigenvalues):
        return 'lib.realdata.spectrum("your-file.csv")'
    numbers = textwrap.fill(", ".join(f"{value:.10g}" for value in eigenvalues), 96, break_long_words=False)
    return f"lib.Spectrum([{numbers}])" if "\n" not in numbers else f"lib.Spectrum([\n{numbers}\n])"


@functools.cache
def _explorer_class(experiment):
    """The class whose traits are the experiment's controls."""
    for control in experiment.controls:
        if hasattr(Explorer, control.name):
            raise TypeError(f"an explorer has an attribute {control.name!r} already: rename the control")
    traits = {control.name: _ControlTrait(control).tag(sync=True) for control in experiment.controls}
    return type(f"{experiment.name.title()}Explorer", (Explorer,), traits | {"_experiment": experiment})


class _ControlTrait(traitlets.TraitType):
    """A number in a control's range."""

    def __init__(self, control):
        super().__init__(default_value=control.default, help=control.label)
        self._control = control

    def validate(self, obj, value):
        return _checked(self._control, value)


def _checked(control, value):
    """The value as the control keeps it: an int or a float in its range."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if control.choices:
        valid = number in control.choices
    else:
        valid = control.minimum <= number <= control.maximum
    whole = number.is_integer()
    if not valid or (control.scale == "integer" and not whole):
        raise ValueError(f"{control.name} = {value!r} is not {_range(control)}")
    return int(number) if whole else number  # written "32", not "32.0", as on the page


def _range(control):
    """A control's values in words."""
    if control.choices:
        return "one of " + ", ".join(f"{choice:g}" for choice in control.choices)
    kind = "a whole number" if control.scale == "integer" else "a number"
    return f"{kind} from {control.minimum:g} to {control.maximum:g}"


@dataclass(frozen=True, eq=False)
class ResultCurve:
    """A curve's points; NaN means no point.

    Attributes
    ----------
    x, y : ndarray, shape (points,)
    lower, upper : ndarray, shape (points,), or None
        Limits of the band, if the curve has one.
    value : ndarray, shape (points,), or None
        Of a map, at each (x, y).
    """

    x: np.ndarray
    y: np.ndarray
    lower: np.ndarray | None = None
    upper: np.ndarray | None = None
    value: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Result(Mapping):
    """What an explorer shows: its curves by name, read-only.

    Attributes
    ----------
    curves : mapping of str to ResultCurve
    readouts : mapping of str to float
    notice : str
        What the experiment says about these values; often empty.
    """

    curves: Mapping
    readouts: Mapping
    notice: str = ""

    def __getitem__(self, name):
        return self.curves[name]

    def __iter__(self):
        return iter(self.curves)

    def __len__(self):
        return len(self.curves)


class _Run:
    """The kernels at one set of values: started when made, carried on by whoever needs it.

    The widget's thread and the notebook may hold the same run; what one has computed the other finds.
    """

    def __init__(self, experiment, values, data):
        self.values = values
        self._advance = experiment.advance
        self._lock = threading.Lock()
        p = np.array(values, dtype=np.float64)
        # Zeros, as in the page: a kernel that read before writing would err alike everywhere.
        work = np.zeros(int(experiment.size(p, data)))
        self._arguments = p, data, work
        self.output = work[: experiment.output_size]
        self.status = int(experiment.start(*self._arguments))
        self.fraction = 1.0 if self.status < 0 else 0.0

    def advance(self, seconds=math.inf):
        """Carry on for about so many seconds, at most to the end."""
        end = time.perf_counter() + seconds
        with self._lock:
            while self.fraction < 1.0 and time.perf_counter() < end:
                self.fraction = float(self._advance(*self._arguments))


class Explorer(anywidget.AnyWidget):
    """An experiment whose controls are attributes; :func:`explore` makes it.

    Every control is a trait under its own name: ``explorer.beta = 0.5`` moves slider and picture, and
    ``explorer.observe(f, "beta")`` calls ``f`` when the reader moves the slider. A value outside the
    control's range, and the name of no control, is a ``ValueError``.
    """

    _experiment = None
    _esm = "\n".join((_FOLDER / part).read_text(encoding="utf-8") for part in ("number.js", "explorer.mjs"))
    _css = _FOLDER / "explorer.css"
    _spec = traitlets.Dict().tag(sync=True)

    def __init__(self, data, source, values):
        experiment = self._experiment
        self._data = self._first_data = self._checked_data(data)
        self._run = None
        self._run_lock = threading.Lock()
        self._opened = None  # name and bytes of the reader's file
        self._asked = None  # values that the view waits for
        self._going = False  # whether the long part shall run
        self._thread = None
        self._wake = threading.Condition()
        defaults = {control.name: control.default for control in experiment.controls}
        for name in values:
            self._known(name)
        super().__init__(**(defaults | values))
        self._spec = _specification(experiment, self._values()) | {"source": source or _listed(self._data)}
        self.on_msg(self._receive)

    def __setattr__(self, name, value):
        if not name.startswith("_") and not hasattr(type(self), name):
            self._known(name)
        super().__setattr__(name, value)

    def _known(self, name):
        names = [control.name for control in self._experiment.controls]
        if name not in names:
            raise ValueError(
                f"the explorer {self._experiment.name!r} has no control {name!r}; it has {', '.join(names)}"
            )

    def _values(self):
        """Present values of the controls by name."""
        return {control.name: getattr(self, control.name) for control in self._experiment.controls}

    # --- Data ----------------------------------------------------------------------------------------

    @property
    def data(self):
        """The numbers that the experiment works on; to be set as ``data`` of :func:`explore`.

        Raises
        ------
        ValueError
            If they cannot be read, or there are more than the experiment takes.
        """
        return self._data

    @data.setter
    def data(self, data):
        data = self._checked_data(data)
        self._take(data, "the data of the notebook", {"python": _listed(data)})

    def _checked_data(self, data):
        table = self._experiment.table
        if data is None:
            return np.empty(0)
        if not table:
            return np.ascontiguousarray(checks.real_array("data", data), dtype=np.float64).ravel()
        return self._checked_spectrum(realdata.spectrum(data))

    def _checked_spectrum(self, measured):
        """Eigenvalues of a spectrum that the experiment can work on."""
        table = self._experiment.table
        if measured.levels > table:
            checks.refuse("data", f"{measured.levels} eigenvalues", f"at most {table} eigenvalues")
        if np.ptp(measured.weights) > 1e-12:
            checks.refuse("data", "a spectrum with weights", "a spectrum of equal weights")
        return measured.eigenvalues

    def _take(self, data, name, more={}):
        """Work on other data from now on, and tell the view."""
        with self._run_lock:
            self._data, self._run = data, None
        self.send({"file": name, "fraction": 1, "words": f"{len(data)} eigenvalues"} | more)

    def _open(self, name, content):
        """Take the reader's file, or say what is wrong with it; without a name, the author's data again."""
        if not name:
            self._take(self._first_data, "")
            return
        hint = ""
        try:
            table, hint, name = realdata.read(io.BytesIO(content), name)
            data = self._checked_spectrum(realdata.of_table(table, name))
            words = f"{len(data)} eigenvalues"
            self._take(data, name, {"words": f"{words}; {hint}" if hint else words})
        except Exception as error:  # a stranger's file may be anything, and the thread that reads it must live on
            said = str(error) if isinstance(error, ValueError) else f"{name}: {type(error).__name__}: {error}"
            self.send({"file": name, "error": f"{said} ({hint})" if hint else said})

    # --- Numbers -------------------------------------------------------------------------------------

    @property
    def result(self):
        """Curves and read-outs at the present values, computed to the end.

        Returns
        -------
        Result

        Raises
        ------
        RuntimeError
            If the experiment has no answer at these values; the message says why.
        """
        run = self._finished()
        if run.status < 0:
            raise RuntimeError(self._message(run))
        return self._decoded(run)

    def _finished(self):
        run = self._run_at(tuple(map(float, self._values().values())))
        run.advance()
        return run

    def _run_at(self, values):
        """The run at these values: the one that is kept, or a new one."""
        with self._run_lock:
            if self._run is None or self._run.values != values:
                self._run = _Run(self._experiment, values, self._data)
            return self._run

    def _decoded(self, run):
        """Cut the output into its parts; lib/widgets/experiment.py has the layout."""
        output = run.output.copy()
        output.flags.writeable = False
        count = len(self._experiment.readouts)
        readouts = {item.name: float(number) for item, number in zip(self._experiment.readouts, output)}
        curves, position = {}, count
        for curve in self._experiment.curves:
            block = output[position : position + curve.rows * curve.points].reshape(curve.rows, curve.points)
            curves[curve.name] = (
                ResultCurve(*block) if curve.style != "map" else ResultCurve(*block[:2], value=block[2])
            )
            position += block.size
        return Result(MappingProxyType(curves), MappingProxyType(readouts), self._message(run))

    def _message(self, run):
        """The notice or error that a run's status names, filled in."""
        if run.status == 0:
            return ""
        experiment = self._experiment
        texts = experiment.notices if run.status > 0 else experiment.errors
        return filled(texts[abs(run.status) - 1], self._all_words(run))

    def _all_words(self, run):
        """Values of the controls and read-outs, by name, as the reader sees them."""
        return self._value_words() | {
            readout.name: f"{number:.{readout.digits}g}"
            for readout, number in zip(self._experiment.readouts, run.output)
        }

    def _value_words(self):
        """Present values of the controls as the reader sees them."""
        words = {}
        for control in self._experiment.controls:
            value = getattr(self, control.name)
            named = dict(zip(control.choices, control.choice_labels))
            words[control.name] = named.get(value, f"{value:g}")
        return words

    # --- Answers to the view, from a thread of their own ---------------------------------------------

    def _receive(self, _, message, buffers):
        """Note what the view wants; the kernel's main thread does no more."""
        with self._wake:
            if message["do"] == "open":
                self._opened = message["name"], bytes(buffers[0]) if buffers else b""
            elif message["do"] == "start":
                self._asked, self._going = tuple(map(float, message["values"])), False
            else:
                self._going = message["do"] == "resume"
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._serve, daemon=True)
                self._thread.start()
            self._wake.notify()

    def _serve(self):
        run = None
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._opened or self._asked is not None or self._going)
                opened, self._opened = self._opened, None
                asked, self._asked = self._asked, None
                self._going = self._going and (
                    run is not None or asked is not None
                )  # nothing was started that could go on
            if opened:
                self._open(*opened)
            if asked is None and (run is None or not self._going):
                continue
            try:
                if asked is not None:
                    run = None
                    run = self._run_at(asked)
                else:
                    run.advance(_SLICE)
                self.send(
                    {"values": run.values, "status": run.status, "fraction": run.fraction},
                    [run.output.tobytes()],
                )
                done = run.fraction >= 1.0
            except Exception as error:  # a kernel may raise anything; the view shows it and lives on
                values = asked if asked is not None else run.values
                self.send({"values": values, "error": f"{type(error).__name__}: {error}"})
                done = True
            with self._wake:
                if done and self._asked is None:
                    self._going = False

    # --- The static picture --------------------------------------------------------------------------

    def figure(self):
        """Draw the present state, computed to the end.

        Returns
        -------
        matplotlib.figure.Figure
        """
        import matplotlib as mpl
        from matplotlib.figure import Figure
        from matplotlib.patheffects import withStroke

        experiment = self._experiment
        run = self._finished()
        with mpl.rc_context(figures.STYLE):
            figure = Figure()
            ax = figure.add_subplot()
            ax.set_title(experiment.title, wrap=True)
            ax.set(xlabel=_drawn(experiment.x.label), ylabel=_drawn(experiment.y.label))
            if run.status < 0:
                ax.text(0.5, 0.5, self._message(run), ha="center", wrap=True, transform=ax.transAxes)
                return figure
            ax.set(xscale=_scale(experiment.x), yscale=_scale(experiment.y))
            halo = [withStroke(linewidth=5, foreground="white")] if experiment.z else None  # over a map
            for curve, points in zip(experiment.curves, self._decoded(run).values()):
                if curve.style == "map":
                    figures.draw_map(
                        ax,
                        points.x,
                        points.y,
                        points.value,
                        experiment.z.log,
                        experiment.z.limits,
                        _drawn(experiment.z.label),
                    )
                    continue
                color = figures.COLORS[curve.color]
                marker = _MARKERS[curve.color] if curve.style == "points" else "none"
                ax.plot(
                    points.x,
                    points.y,
                    color=color,
                    linestyle=_LINE_STYLES[curve.style],
                    marker=marker,
                    label=_drawn(curve.label) if np.isfinite(points.y).any() else None,
                    path_effects=halo,
                )
                if curve.band:
                    ax.fill_between(points.x, points.lower, points.upper, color=color, alpha=0.2, linewidth=0)
            ax.set(xlim=_clipped(ax.get_xlim(), experiment.x), ylim=_clipped(ax.get_ylim(), experiment.y))
            # below the axes, which grow no smaller for it: over them it would hide curves
            labels = [len(label) for label in ax.get_legend_handles_labels()[1]]
            if not labels:
                return figure
            half = -(-len(labels) // 2)
            ncols = 2 if max(labels[:half]) + max(labels[half:], default=0) <= _LEGEND_WIDTH else 1
            figure.legend(loc="outside lower center", ncols=ncols)
            figure.set_figheight(figure.get_figheight() + _LEGEND_ROW * (half if ncols == 2 else len(labels)))
            return figure

    def _repr_mimebundle_(self, **kwargs):
        """The live view for Jupyter; for pages, print and GitHub the picture of the present state."""
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {}, {})
        figure = self.figure()
        words = self._words()
        png = _saved(figure, format="png", facecolor="white", metadata={"Software": None})
        data |= {
            "text/html": self._html(figure, words),
            "image/png": base64.b64encode(png).decode("ascii"),
            "text/plain": words,
        }
        return data, metadata

    def _html(self, figure, words):
        """What stands on a page: the picture, and what page.js needs to put the live explorer there."""
        content = {
            "spec": self._spec,
            "values": self._values(),
            "data": self._data.tolist(),
        }
        return (
            f'<div class="explorer" data-explorer="{html.escape(self._experiment.name)}">\n'
            f'<script type="application/json">{_script_json(content)}</script>\n'
            f'<img class="explorer-picture" {image(figure, words)}>\n</div>'
        )

    def _words(self):
        """The picture in words, with its main numbers."""
        experiment = self._experiment
        run = self._finished()
        axes = [axis.label + (", logarithmic" if axis.log else "") for axis in (experiment.y, experiment.x)]
        words = self._value_words()
        values = ", ".join(f"{control.symbol} = {words[control.name]}" for control in experiment.controls)
        sentences = [experiment.title, f"{axes[0]}, against {axes[1]}", f"At {values}"]
        if run.status < 0:
            return ". ".join([*sentences, self._message(run)])
        result = self._decoded(run)
        for curve, points in zip(experiment.curves, result.values()):
            seen = np.flatnonzero(np.isfinite(points.x + points.y))
            if seen.size:
                first, last = seen[0], seen[-1]
                if curve.style == "map":
                    sentences.append(
                        f"{curve.label}: from {points.value[first]:.3g} at ({points.x[first]:.3g}, {points.y[first]:.3g})"
                        f" to {points.value[last]:.3g} at ({points.x[last]:.3g}, {points.y[last]:.3g})"
                    )
                    continue
                sentences.append(
                    f"{curve.label}: from {points.y[first]:.3g} at {points.x[first]:.3g}"
                    f" to {points.y[last]:.3g} at {points.x[last]:.3g}"
                )
        for readout in experiment.readouts:
            sentences.append(f"{readout.label}: {result.readouts[readout.name]:.{readout.digits}g}")
        if result.notice:
            sentences.append(result.notice)
        return ". ".join(sentence.rstrip(".") for sentence in sentences) + "."


def image(figure, words):
    """Attributes of an <img> that holds the figure itself, with ``words`` for those who do not see it."""
    svg = _saved(figure, format="svg", metadata={"Date": None}).decode("utf-8")
    svg = re.sub(r"\s+", " ", svg[svg.index("<svg") :])  # a newline would cost three bytes
    width, height = (round(inches * 96) for inches in figure.get_size_inches())
    return (
        f'width="{width}" height="{height}" style="max-width:100%;height:auto" alt="{html.escape(words)}"'
        f' src="data:image/svg+xml,{quote(svg, safe=_URI_SAFE)}"'
    )


_URI_SAFE = " !$&'()*+,-./:;=?@[]_`{|}~"  # all that may stand in a data: URI inside double quotes


def _saved(figure, **options):
    """The bytes of the figure's file, the same in every build."""
    import matplotlib as mpl

    file = io.BytesIO()
    with mpl.rc_context(figures.STYLE):
        figure.savefig(file, **options)
    return file.getvalue()


def _drawn(text):
    """The text with ε_g as matplotlib writes a subscript."""
    return re.sub(r"_(\w+)", r"$_{\\mathrm{\1}}$", text)


def _scale(axis):
    return "log" if axis.log else "linear"


def _clipped(limits, axis):
    """Automatic limits, held inside those of the axis."""
    if axis.limits is None:
        return limits
    return max(limits[0], axis.limits[0]), min(limits[1], axis.limits[1])


def _specification(experiment, values):
    """The experiment without its kernels, as explorer.mjs reads it; "Reset" goes to ``values``."""
    plain = replace(experiment, **dict.fromkeys(_NOT_SHOWN))  # asdict would copy the kernels
    specification = {name: part for name, part in asdict(plain).items() if name not in _NOT_SHOWN}
    for control, entry in zip(experiment.controls, specification["controls"]):
        entry |= {"default": values[control.name], "range": _range(control)}
    return specification


def filled(template, words):
    """The template with {name} replaced where it is a name of ``words``; other braces stay."""
    return re.sub(r"\{(\w+)\}", lambda match: words.get(match[1], match[0]), template)


def _script_json(content):
    """JSON that may stand inside <script>."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def page_script(wasm):
    """The one script of a page with explorers.

    A classic script, because modules and ``fetch`` do not work from ``file://``. It carries the user
    interface as text, which page.js imports from a Blob: a page runs the very module that Jupyter runs.
    Comments stay at home.

    Parameters
    ----------
    wasm : bytes
        The kernels, as :func:`lib.compiler.wasm.build` returns them.

    Returns
    -------
    str
    """
    parts = {
        "EXPLORER_WASM": base64.b64encode(wasm).decode("ascii"),
        "EXPLORER_MODULE": _lean("explorer.mjs"),
        "EXPLORER_TABLE": _lean("table.js"),
        "EXPLORER_STYLE": _lean("explorer.css"),
    }
    constants = "".join(f"globalThis.{name} = {json.dumps(text)};\n" for name, text in parts.items())
    return constants + _lean("number.js") + "\n" + _lean("page.js")


def _lean(file):
    """A source file of this folder without indentation and without the lines that are comments."""
    lines = (line.strip() for line in (_FOLDER / file).read_text(encoding="utf-8").splitlines())
    return "\n".join(line for line in lines if line and not line.startswith(("//", "/*", "*")))
