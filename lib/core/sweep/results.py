"""The results of a sweep: what a function returned at each point, as one Dataset."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import checks
from ..curve import Curve
from .fingerprint import short


class Results:
    """What the points returned: for each variable one array (points, size), NaN where nothing is known.

    Parameters
    ----------
    axes : dict of str to ndarray
        The sweep's parameters and their values.
    """

    def __init__(self, axes: dict[str, NDArray[Any]]):
        # imported here: it is slow, and no point that has arrived should wait for it
        import xarray

        self.make_dataset = xarray.Dataset
        self.axes = axes
        self.finished = np.zeros(math.prod(axis.size for axis in axes.values()), dtype=bool)
        self.layout: str | None = None

    def add(self, number: int, layout: str | None, vector: bytes | None) -> None:
        """Add one point.

        Parameters
        ----------
        number : int
            Of the point.
        layout, vector
            As :func:`evaluate` returns them.

        Raises
        ------
        ValueError
            If its names, dimensions or shapes are not those of the other points.
        """
        self.finished[number] = True
        if layout is None or vector is None:
            return
        if self.layout is None:
            self.layout = layout
            sizes = [math.prod(shape) for _, shape in json.loads(layout).values()]
            self.blocks = [np.full((self.finished.size, size), np.nan) for size in sizes]
            self.cuts = np.cumsum(sizes)[:-1]
            # what xarray refuses, such as two lengths of one dimension, it refuses now and not at the end
            self.dataset()
        elif layout != self.layout:
            at = np.unravel_index(number, [axis.size for axis in self.axes.values()])
            point = {name: axis[i].item() for (name, axis), i in zip(self.axes.items(), at)}
            raise ValueError(
                f"function returned {layout} at {_words(point)}, but {self.layout} at the first "
                "finished point: names, dimensions and shapes must be the same everywhere"
            )
        for block, part in zip(self.blocks, np.split(np.frombuffer(vector), self.cuts)):
            block[number] = part

    def dataset(self):
        """Assemble the Dataset.

        Returns
        -------
        xarray.Dataset
            With the parameters as dimensions, in front of the result's own.
        """
        variables, lengths = {}, [axis.size for axis in self.axes.values()]
        if self.layout is not None:
            for (name, (dims, shape)), block in zip(json.loads(self.layout).items(), self.blocks):
                rows = block[~np.isnan(block).all(axis=1)] if dims == [name] else ()
                if len(rows) and (rows == rows[0]).all():
                    variables[name] = dims, rows[0]
                else:
                    variables[name] = [*self.axes, *dims], block.reshape(lengths + shape)
        return self.make_dataset(variables, coords=self.axes)


def evaluate(
    function: Callable[..., Any], number: int, point: Mapping[str, Any]
) -> tuple[int, str | None, bytes | None]:
    """Evaluate one point, in a worker.

    Parameters
    ----------
    function : callable
        The sweep's function.
    number : int
        Of the point.
    point : mapping
        The function's arguments.

    Returns
    -------
    number : int
        The same.
    layout : str or None
        The variables' dimensions, as JSON {name: [dims, shape]}; None if there is no result.
    vector : bytes or None
        All their values as float64, one after the other.

    Raises
    ------
    RuntimeError
        If the function fails.
    ValueError
        If it returns something that is no result.
    """
    try:
        result = function(**point)
    except checks.DivergenceError:
        result = None
    except Exception as error:
        # The error itself need not survive pickling; its traceback travels as text.
        raise RuntimeError(f"function failed at {_words(point)}: {type(error).__name__}: {error}") from error
    if result is None:
        return number, None, None
    if isinstance(result, Curve):
        result = _curve_variables(result)
    if not isinstance(result, Mapping):
        result = {"value": result}
    if not result:
        raise ValueError(f"function returned an empty mapping at {_words(point)}: must have a variable")
    layout, parts = {}, []
    for name, value in result.items():
        try:
            dims, array = _named(name, value)
        except ValueError as error:
            words = f"function returned {name} = {short(value)} at {_words(point)}"
            raise ValueError(f"{words}: {error}") from None
        for taken in point.keys() & {name, *dims}:
            raise ValueError(f"function returned {name} of dimensions {dims}: {taken} is a parameter already")
        layout[name] = dims, array.shape
        parts.append(array.ravel())
    return number, json.dumps(layout), np.concatenate(parts).tobytes()


def _named(name, value):
    """Convert a number, an array or a pair (dims, array) to dims (list of str) and array (float64)."""
    dims, array = value if isinstance(value, tuple) and len(value) == 2 else (None, value)
    array = np.asarray(array)
    if isinstance(value, tuple) and not isinstance(dims, (str, list, tuple)) or array.dtype.kind not in "biuf":
        raise ValueError("must be real numbers or a pair (dims, array)")
    if dims is None:
        dims = [f"{name}_{i}" for i in range(array.ndim)]
    dims = [dims] if isinstance(dims, str) else list(dims)
    different = {dim for dim in dims if isinstance(dim, str)}
    if not len(dims) == len(different) == array.ndim:
        raise ValueError(f"shape {array.shape} needs a name for each axis, all different")
    return dims, array.astype(np.float64)


def _curve_variables(curve):
    Q, R, T, eps_g, run = curve.Q, curve.R, curve.T, curve.eps_g, ()
    if eps_g.ndim == 2:
        if len(eps_g) == 1:
            Q, R, T, eps_g = Q[0], R[0], T[0], eps_g[0]
        else:
            run = ("run",)
    return {
        "alpha": ("alpha", curve.alpha),
        "eps_g": ((*run, "alpha"), eps_g),
        "Q": ((*run, "alpha", "student", "student_2"), Q),
        "R": ((*run, "alpha", "student", "teacher"), R),
        "T": ((*run, "teacher", "teacher_2"), T),
    }


def _words(point):
    return ", ".join(f"{name} = {value!r}" for name, value in point.items())
