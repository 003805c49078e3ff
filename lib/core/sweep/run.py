"""The sweep itself: its grid, and its run."""

from __future__ import annotations

import contextlib
import inspect
import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import checks
from .results import Results, evaluate
from .store import open_store

if TYPE_CHECKING:
    import xarray


def sweep(
    function: Callable[..., Any],
    grid: Mapping[str, Any],
    seeds: int | Sequence[int] | None = None,
    store: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> xarray.Dataset:
    """Evaluate a function at every combination of named parameters, in parallel.

    The points are run by joblib, on all cores unless the caller says otherwise: inside
    ``joblib.parallel_config(backend="dask")`` the same call runs on the cluster of the current Dask client.

    Parameters
    ----------
    function : callable
        Called with every parameter by name, as Python numbers or strings. Lambdas and functions of a notebook
        will do. It returns one of

        - a number or an array: the variable "value";
        - a mapping from names to such values, or to pairs (dims, array) that name the axes as in xarray:
          ``{"alpha": ("alpha", alpha), "eps_g": ("alpha", eps_g)}``. Axes without a name are called
          "<variable>_0", "<variable>_1", ...;
        - a :class:`Curve`: its alpha, eps_g, Q, R and T (r and q are left out: return them by name if wanted).
          The axis of seeds of :func:`simulate` is called "run", and dropped if it holds one;
        - None: no result here. The point is NaN in the Dataset; so is one that raises DivergenceError.

        Names and shapes must be the same at every point. Values are stored as float64.
    grid : mapping of str to sequence
        The values of each parameter: numbers or strings, all different; or one value, without brackets.
    seeds : int or sequence of int, optional
        Adds the parameter ``seed``, varying fastest: 0, 1, ..., as :func:`simulate` counts them, or those
        given. A point's random numbers then depend on nothing but its own parameters, whatever the order,
        and points that differ in another parameter share them: their difference is less noisy than either.
        Default: no such parameter.
    store : path, optional
        File to which every point is written as soon as it is finished. If it exists, only the points that it lacks
        are run: call again after an interrupt, an error or a crash. It belongs to one grid and one function,
        as told by the function's compiled code and by what the code uses from around it: numbers, strings,
        arrays, objects (model, spectrum, table) by value, functions and classes of its own module likewise,
        those of other modules by name. One sweep at a time can use it. Default: none.
    progress : bool
        Whether to show a progress bar. Default: yes.

    Returns
    -------
    xarray.Dataset
        With the parameters as dimensions, in the order of the grid, in front of the result's own. A variable
        that names its only axis, as alpha above, is that axis' coordinate; where it differs between points
        (alpha rounded to whole steps of different N) it has all dimensions.

    Raises
    ------
    ValueError
        For arguments out of range, a store that holds another sweep, results that do not fit together.
    OSError
        If the store cannot be written: read-only, full, in use. What it holds is not lost.
    RuntimeError
        If the function fails at a point, with the point and the error; finished points are in the store.

    Notes
    -----
    Memory holds the Dataset and results that have arrived but are not yet stored, no list of all tasks.

    Examples
    --------
    >>> import joblib, lib
    >>> with joblib.parallel_config(n_jobs=1):
    ...     result = lib.sweep(lambda a, b: a * b, {"a": [1, 2], "b": [3, 4, 5]}, progress=False)
    >>> result["value"].values
    array([[ 3.,  4.,  5.],
           [ 6.,  8., 10.]])
    """
    import joblib
    from joblib.parallel import get_active_backend
    from tqdm.auto import tqdm

    axes = _axes(function, grid, seeds)
    backend, jobs = get_active_backend()
    name = type(backend).__name__.removesuffix("Backend").lower()
    if name == "sequential":  # which does not return results one by one, as one thread does
        name, jobs = "threading", 1
    elif not backend.supports_return_generator:
        checks.refuse(
            "joblib's backend",
            name,
            "one that hands over each result as it comes: 'loky', 'threading', "
            "'sequential' or 'dask', chosen by joblib.parallel_config(backend=...)",
        )
    results = Results(axes)
    values = [axis.tolist() for axis in axes.values()]
    with contextlib.nullcontext() if store is None else open_store(store, function, axes) as stored:
        if stored:
            for point in stored.points():
                results.add(*point)
            if not results.finished.all():
                stored.prepare()
        tasks = (
            joblib.delayed(evaluate)(function, number, dict(zip(axes, point)))
            for number, point in enumerate(itertools.product(*values))
            if not results.finished[number]
        )
        parallel = joblib.Parallel(
            n_jobs=-1 if jobs is None else jobs,
            backend="threading" if name == "threading" else None,
            return_as="generator_unordered",
        )
        done = np.count_nonzero(results.finished)
        bar = tqdm(total=results.finished.size, initial=done, disable=not progress, unit="point")
        with bar, contextlib.closing(parallel(tasks)) as arrivals:
            for arrival in arrivals:
                results.add(*arrival)
                if stored:
                    stored.add(arrival)
                bar.update()
    return results.dataset()


def _axes(function, grid, seeds):
    """The parameters' values as arrays, checked."""
    if not isinstance(grid, Mapping) or not all(isinstance(name, str) for name in grid):
        checks.refuse("grid", grid, "a mapping from names of parameters to their values")
    axes = {name: _axis(f"grid[{name!r}]", values) for name, values in grid.items()}
    if seeds is not None:
        if "seed" in axes:
            checks.refuse("grid", grid, 'without "seed" when seeds are given')
        many = np.ndim(seeds) > 0
        axes["seed"] = _axis(
            "seeds", [checks.whole("seeds", seed, 0) for seed in seeds] if many else range(checks.whole("seeds", seeds))
        )
    if not axes:
        checks.refuse("grid", grid, "a mapping with at least one parameter, unless seeds are given")
    if not callable(function):
        checks.refuse("function", function, "callable")
    try:
        inspect.signature(function).bind(**{name: axis[0] for name, axis in axes.items()})
    except (TypeError, ValueError) as error:
        raise ValueError(f"function cannot be called with {', '.join(axes)}: {error}") from None
    return axes


def _axis(argument, values):
    """Values of one parameter: a 1-D array of numbers or of strings."""
    try:
        axis = np.atleast_1d(values)
    except ValueError:
        # rows of different lengths
        axis = np.empty((0, 0))
    strings = [isinstance(value, str) for value in np.atleast_1d(np.asarray(values, dtype=object)).flat]
    if (
        axis.ndim != 1
        or axis.size == 0
        or axis.dtype.kind not in "biufU"
        or (axis.dtype.kind == "U") != all(strings)
        or (axis.dtype.kind == "f" and not np.isfinite(axis).all())
        or np.unique(axis).size < axis.size
    ):
        checks.refuse(
            argument,
            values,
            "finite numbers or strings, at least one, all different; other objects are made inside the function",
        )
    return axis
