"""Explorers: an experiment's controls, picture and numbers, live in a notebook and on a page.

One user interface, ``explorer.mjs``, has two hosts. In Jupyter it talks to :class:`Explorer`, whose thread
runs the kernels, natively or as the page does (:class:`lib.widgets.run.Run`); on a page it talks to ``page.js``,
whose worker runs the same kernels as WebAssembly. Both answer the same three messages, which ``explorer.mjs``
describes.
"""

import base64
import functools
import inspect
import io
import math
import textwrap
import threading
from typing import TYPE_CHECKING, Any

import anywidget
import numpy as np
import traitlets

from .. import realdata
from ..core import checks
from . import page, picture
from .experiment import Control
from .experiments import EXPERIMENTS
from .run import Result, Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PINS = 3  # states, at most; view/tools.mjs has their signs
_SLICE = 0.05  # seconds of the long part between two pictures, and before Stop is answered


def explore(name: str, data: Any = None, source: str | None = None, **values: float) -> "Explorer":
    """Make the explorer of an experiment.

    Parameters
    ----------
    name : str
        Key of ``lib.widgets.experiments.EXPERIMENTS``.
    data : array_like, optional
        Numbers that the experiment works on. Where it takes the reader's data (``Experiment.table``) anything that
        :func:`lib.realdata.spectrum` takes; elsewhere an array, flattened. Default: no numbers.
    source : str, optional
        Python expression for the spectrum given as ``data``, shown with the code of the explorer. It must run where
        only numpy and lib are imported. Default: the eigenvalues themselves.
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
    presets = "\n".join(f'explorer.preset("{preset.name}")\n    {preset.title}.' for preset in experiment.presets)
    text = f"{experiment.title}.\n\n{inspect.cleandoc(Explorer.__doc__)}\n\nPresets:\n\n{presets}"
    return type(f"{experiment.name.title()}Explorer", (Explorer,), traits | {"_experiment": experiment, "_help": text})


class _ControlTrait(traitlets.TraitType):
    """A number in a control's range."""

    def __init__(self, control):
        super().__init__(default_value=control.default, help=control.label)
        self._control = control

    def validate(self, obj, value):
        return checked(self._control, value)


def checked(control: Control, value: Any) -> float:
    """Read a control's value.

    Parameters
    ----------
    control : Control
    value : float or str

    Returns
    -------
    float
        An int where it is a whole number: written "32", not "32.0", as on the page.

    Raises
    ------
    ValueError
        If it is no number in the control's range.
    """
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
        raise ValueError(f"{control.name} = {value!r} is not {page.control_range(control)}")
    return int(number) if whole else number


class Explorer(anywidget.AnyWidget):
    """An experiment whose controls are attributes; :func:`explore` makes it.

    Every control is a trait under its own name: ``explorer.beta = 0.5`` moves slider and picture, and
    ``explorer.observe(f, "beta")`` calls ``f`` when the reader moves the slider. A value outside the
    control's range, and the name of no control, is a ``ValueError``. ``explorer.preset("name")`` sets all controls to a
    state worth seeing, and ``explorer.pin()`` keeps the present one to compare others with.
    """

    _experiment: Any = None  # of the subclass
    _help = ""  # of the subclass, with its presets
    _esm = page.explorer_module()
    _css = page.source("view/explorer.css")
    _spec = traitlets.Dict().tag(sync=True)
    _pins: Any = traitlets.List().tag(sync=True)  # values by control, of each pinned state
    _hidden: Any = traitlets.List().tag(sync=True)  # names of the curves that are not drawn
    _more = traitlets.Bool(False).tag(sync=True)  # whether the folded controls are in sight

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
        type(self).__doc__ = self._help  # anywidget has put a class of its own in place, which has none
        self._spec = page.specification(experiment, self._values(), source or _listed(self._data))
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

    def preset(self, name: str) -> None:
        """Set all controls to a state worth seeing; the explorer says what to see in it.

        Parameters
        ----------
        name : str

        Raises
        ------
        ValueError
            If there is no such preset.
        """
        state = self._experiment.state(name)
        with self.hold_sync():
            for control, value in state.items():
                setattr(self, control, value)

    def pin(self) -> None:
        """Keep the present state to compare others with: its curves stay in the picture, in grey.

        Raises
        ------
        ValueError
            If three states are pinned already; :meth:`unpin` removes one.
        """
        if len(self._pins) >= PINS:
            raise ValueError(f"{PINS} states are pinned already: unpin one, as explorer.unpin(1)")
        if self._values() not in self._pins:
            self._pins = [*self._pins, self._values()]

    def unpin(self, number: int) -> None:
        """Remove a pinned state.

        Parameters
        ----------
        number : int
            Which one, from 1.

        Raises
        ------
        ValueError
            If there are not so many.
        """
        if number not in range(1, len(self._pins) + 1):
            checks.refuse("number", number, f"one of the {len(self._pins)} pinned states, from 1")
        self._pins = [state for other, state in enumerate(self._pins, 1) if other != number]

    @property
    def pins(self) -> list[dict[str, float]]:
        """The pinned states, as values by control.

        Returns
        -------
        list of dict
        """
        return [dict(state) for state in self._pins]

    # --- Data ----------------------------------------------------------------------------------------

    @property
    def data(self) -> np.ndarray:
        """The numbers that the experiment works on; to be set as ``data`` of :func:`explore`.

        Raises
        ------
        ValueError
            If they cannot be read, or there are more than the experiment takes.
        """
        return self._data

    @data.setter
    def data(self, data: Any) -> None:
        data = self._checked_data(data)
        self._take(data, "the data of the notebook", python=_listed(data))

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

    def _take(self, data, name, **more):
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
            self._take(data, name, words=f"{words}; {hint}" if hint else words)
        except Exception as error:  # a stranger's file may be anything, and the thread that reads it must live on
            said = str(error) if isinstance(error, ValueError) else f"{name}: {type(error).__name__}: {error}"
            self.send({"file": name, "error": f"{said} ({hint})" if hint else said})

    # --- Numbers -------------------------------------------------------------------------------------

    @property
    def result(self) -> Result:
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
            raise RuntimeError(run.message())
        return run.result()

    def _finished(self):
        run = self._run_at(tuple(map(float, self._values().values())))
        run.advance()
        return run

    def _run_at(self, values):
        """The run at these values: the last one, or a new one."""
        with self._run_lock:
            if self._run is None or self._run.values != values:
                self._run = Run(self._experiment, values, self._data)
            return self._run

    # --- Answers to the view, from a second thread -----------------------------------------------------

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

    def figure(self) -> "Figure":
        """Draw the present state, computed to the end.

        Returns
        -------
        matplotlib.figure.Figure
        """
        return picture.draw(self._finished())

    def _repr_mimebundle_(self, **kwargs):
        """The live view for Jupyter; for pages, print and GitHub the picture of the present state."""
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {}, {})
        run = self._finished()
        figure, words = picture.draw(run), picture.describe(run)
        data |= {
            "text/html": page.element(self._spec, self._values(), self._data, figure, words),
            "image/png": base64.b64encode(picture.png(figure)).decode("ascii"),
            "text/plain": words,
        }
        return data, metadata
