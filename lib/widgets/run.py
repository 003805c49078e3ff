"""The kernels of an experiment at one set of values, and what their output says."""

import functools
import math
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numba.core import config

from ..compiler import wasm
from .experiment import Experiment
from .exports import EXPORTS, TABLE


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
class ResultPanel:
    """A panel's matrices, at time 0 and at the times of its curve; NaN where there is none.

    Attributes
    ----------
    times : ndarray, shape (times,)
    values : ndarray, shape (times, rows, columns)
    """

    times: np.ndarray
    values: np.ndarray


@dataclass(frozen=True, eq=False)
class Result(Mapping[str, ResultCurve]):
    """What an explorer shows: its curves by name, read-only.

    Attributes
    ----------
    curves : mapping of str to ResultCurve
    readouts : mapping of str to float
    panels : mapping of str to ResultPanel
    notice : str
        What the experiment says about these values; often empty.
    """

    curves: Mapping[str, ResultCurve]
    readouts: Mapping[str, float]
    panels: Mapping[str, ResultPanel]
    notice: str = ""

    def __getitem__(self, name: str) -> ResultCurve:
        return self.curves[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.curves)

    def __len__(self) -> int:
        return len(self.curves)


class Run:
    """The kernels at one set of values: started when made, carried on by whoever needs it.

    The widget's thread and the notebook may hold the same run; what one has computed the other finds.

    Where the pages' WebAssembly module is there already, and wasmtime to run it, that is what runs: an explorer then
    answers at once, while compiling its kernels natively takes up to two minutes. Both give the same bits
    (``tests/test_wasm.py``).

    Parameters
    ----------
    experiment : Experiment
    values : tuple of float
        Those of the controls, in their order.
    data : ndarray

    Attributes
    ----------
    output : ndarray
        The read-outs and curves as far as they are computed, in the places of ``Experiment.places``.
    status : int
        0, or the number of a message: negative for an error, positive for the sum of notices.
    fraction : float
        How much of the long part is done; 1 at the end.
    """

    def __init__(self, experiment: Experiment, values: tuple[float, ...], data: np.ndarray) -> None:
        self.experiment = experiment
        self.values = values
        self._lock = threading.Lock()
        p = np.array(values, dtype=np.float64)
        module = _pages_module(experiment)
        size, start, self._advance = _kernels(experiment, module)
        # Zeros, as in the page: a kernel that read before writing would err in the same way everywhere.
        work = np.zeros(int(size(p, data)))
        self._arguments = (p, data, work) if module is None else module.hold(p, data, work)
        self.output = self._arguments[-1][: experiment.output_size]
        self.status = int(start(*self._arguments))
        self.fraction = 1.0 if self.status < 0 else 0.0

    def advance(self, seconds: float = math.inf) -> None:
        """Carry on with the long part.

        Parameters
        ----------
        seconds : float, optional
            About how long; by default to the end.
        """
        end = time.perf_counter() + seconds
        with self._lock:
            while self.fraction < 1.0 and time.perf_counter() < end:
                notice, self.fraction = divmod(float(self._advance(*self._arguments)), 2.0)
                self.status |= int(notice)

    def result(self) -> Result:
        """Give the parts of the output, as it is now, their names.

        Returns
        -------
        Result
        """
        output = self.output.copy()
        output.flags.writeable = False
        readouts, curves, panels = decode(self.experiment, output)
        return Result(MappingProxyType(curves), MappingProxyType(readouts), MappingProxyType(panels), self.message())

    def message(self) -> str:
        """Compose the sentences that the status stands for.

        Returns
        -------
        str
            Empty where there is nothing to say.
        """
        said = [
            sentence
            for number, sentence in self.experiment.sentences.items()
            if number == self.status or (min(number, self.status) > 0 and number & self.status)
        ]
        return filled(" ".join(said), self.words())

    def words(self) -> dict[str, str]:
        """Write the values of controls and read-outs as the reader sees them.

        Returns
        -------
        dict of str to str
            By name.
        """
        readouts, _, _ = decode(self.experiment, self.output)
        return self.value_words() | {
            readout.name: readout.said(readouts[readout.name]) for readout in self.experiment.readouts
        }

    def value_words(self) -> dict[str, str]:
        """Write the values of the controls as the reader sees them.

        Returns
        -------
        dict of str to str
            By name.
        """
        words = {}
        for control, value in zip(self.experiment.controls, self.values):
            named = dict(zip(control.choices, control.choice_labels))
            words[control.name] = named.get(value, f"{value:g}")
        return words


@functools.cache
def _pages_bytes() -> bytes | None:
    """The pages' module, if it need not be compiled; kernels that run as Python are to be looked into."""
    return None if config.DISABLE_JIT else wasm.ready(TABLE)


def _pages_module(experiment: Experiment) -> wasm.Module | None:
    """An instance of the pages' module; None where there is none, or it has not the kernels of the experiment."""
    kernel, _ = EXPORTS.get(f"{experiment.name}_start", (None, None))
    if kernel is not experiment.start or (code := _pages_bytes()) is None:
        return None
    try:
        return wasm.Module(code)
    except (ImportError, AttributeError):  # no wasmtime, or one that is not as wasm.py knows it
        return None


def _kernels(experiment: Experiment, module: wasm.Module | None) -> tuple[Callable, ...]:
    """Size, start and advance of an experiment, in the pages' module or natively."""
    if module is None:
        return experiment.size, experiment.start, experiment.advance
    return tuple(functools.partial(module.call, f"{experiment.name}_{part}") for part in ("size", "start", "advance"))


def decode(
    experiment: Experiment, output: np.ndarray
) -> tuple[dict[str, float], dict[str, ResultCurve], dict[str, ResultPanel]]:
    """Give the parts of an output their names, by ``Experiment.places``; view/output.mjs has the same function.

    Parameters
    ----------
    experiment : Experiment
    output : ndarray
        As the kernels write it; what follows the output is ignored.

    Returns
    -------
    readouts : dict of str to float
    curves : dict of str to ResultCurve
        Views of ``output``.
    panels : dict of str to ResultPanel
        Of ``output`` too, their values as views.
    """
    places = experiment.places
    readouts = {name: float(output[start]) for name, start in places.readouts.items()}
    curves = {}
    for name, (start, columns, points) in places.curves.items():
        block = output[start : start + len(columns) * points].reshape(len(columns), points)
        curves[name] = ResultCurve(**dict(zip(columns, block)))
    panels = {}
    for panel, (start, shape) in zip(experiment.panels, places.panels.values()):
        times = np.append(0.0, curves[panel.along].x)
        panels[panel.name] = ResultPanel(times, output[start : start + math.prod(shape)].reshape(shape))
    return readouts, curves, panels


def filled(template: str, words: Mapping[str, str]) -> str:
    """Replace {name} in a template where there is such a name; other braces stay.

    Parameters
    ----------
    template : str
    words : dict of str to str

    Returns
    -------
    str

    Examples
    --------
    >>> filled("{beta} and {other}", {"beta": "0.5"})
    '0.5 and {other}'
    """
    return re.sub(r"\{(\w+)\}", lambda match: words.get(match[1], match[0]), template)
