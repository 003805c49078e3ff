"""Sweeps: a function at every combination of parameters, in parallel, kept on disk and resumed."""

import collections
import contextlib
import dataclasses
import dis
import functools
import hashlib
import inspect
import itertools
import json
import math
import os
import platform
import sqlite3
import types
from collections.abc import Mapping

import numpy as np

from . import checks
from .curve import Curve

_PLAIN = (bool, int, float, complex, str, bytes)  # types whose values are told apart as they are written


def sweep(function, grid, seeds=None, store=None, progress=True):
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
        - a :class:`Curve`: its alpha, eps_g, Q, R and T (r and q stay behind: return them by name if wanted).
          The axis of seeds of :func:`simulate` is called "run", and dropped if it holds one;
        - None: no result here. The point is NaN in the Dataset; so is one that raises DivergenceError.

        Names and shapes must be the same at every point. Values are kept as float64.
    grid : mapping of str to sequence
        The values of each parameter: numbers or strings, all different. One may stand without brackets.
    seeds : int or sequence of int, optional
        Adds the parameter ``seed``, varying fastest: 0, 1, ..., as :func:`simulate` counts them, or those
        given. A point's random numbers then depend on nothing but its own parameters, whatever the order,
        and points that differ in another parameter share them: their difference is less noisy than either.
    store : path, optional
        File that keeps every point as soon as it is finished. If it exists, only the points that it lacks
        are run: call again after an interrupt, an error or a crash. It belongs to one grid and one function,
        as told by the function's compiled code and by what the code uses from around it: numbers, strings,
        arrays, objects (model, spectrum, table) by value, functions and classes of its own module likewise,
        those of other modules by name. One sweep at a time can use it.
    progress : bool
        Show a progress bar.

    Returns
    -------
    xarray.Dataset
        With the parameters as dimensions, in the order of the grid, in front of the result's own. A variable
        that names its only axis, as alpha above, is that axis' coordinate; where it differs between points
        (alpha rounded to whole steps of different N) it keeps all dimensions.

    Raises
    ------
    ValueError
        For arguments out of range, a store that holds another sweep, results that do not fit together.
    OSError
        If the store cannot be written: read-only, full, in use. What it holds stays.
    RuntimeError
        If the function fails at a point, with the point and the error; finished points are in the store.

    Notes
    -----
    Memory holds the Dataset and results that have arrived but are not yet kept, no list of all tasks.
    """
    import joblib
    from joblib.parallel import get_active_backend
    from tqdm.auto import tqdm

    axes = _axes(function, grid, seeds)
    backend, jobs = get_active_backend()
    name = type(backend).__name__.removesuffix("Backend").lower()
    if name == "sequential":  # which hands over nothing, as one thread does
        name, jobs = "threading", 1
    elif not backend.supports_return_generator:
        checks.refuse(
            "joblib's backend",
            name,
            "one that hands over each result as it comes: 'loky', 'threading', "
            "'sequential' or 'dask', chosen by joblib.parallel_config(backend=...)",
        )
    results = _Results(axes)
    values = [axis.tolist() for axis in axes.values()]
    kept = contextlib.nullcontext()
    if store is not None:
        kept = _opened(
            store,
            {
                "grid": [list(pair) for pair in zip(axes, values)],
                "function": _digest(function),
                "parts": _parts(function),
                "python": platform.python_version(),
            },
        )
    with kept as file:
        if file:
            for point in file.execute("SELECT number, layout, vector FROM point"):
                results.add(*point)
            if not results.finished.all():
                # The write-ahead log makes a commit cheap (no fsync: 50 us, not 25 ms) and survives a kill.
                file.execute("PRAGMA journal_mode = WAL")
        tasks = (
            joblib.delayed(_evaluate)(function, number, dict(zip(axes, point)))
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
                if file:
                    file.execute("INSERT INTO point VALUES (?, ?, ?)", arrival)
                bar.update()
    return results.dataset()


class _Results:
    """What the points returned: for each variable one array (points, size), NaN where nothing is known."""

    def __init__(self, axes):
        # slow to import, and no point that has arrived should wait for it
        import xarray

        self.make_dataset = xarray.Dataset
        self.axes = axes
        self.finished = np.zeros(math.prod(axis.size for axis in axes.values()), dtype=bool)
        self.layout = None

    def add(self, number, layout, vector):
        """Take in one point as ``_evaluate`` gives it."""
        self.finished[number] = True
        if layout is None:
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
        variables, lengths = {}, [axis.size for axis in self.axes.values()]
        if self.layout is not None:
            for (name, (dims, shape)), block in zip(json.loads(self.layout).items(), self.blocks):
                rows = block[~np.isnan(block).all(axis=1)] if dims == [name] else ()
                if len(rows) and (rows == rows[0]).all():
                    variables[name] = dims, rows[0]
                else:
                    variables[name] = [*self.axes, *dims], block.reshape(lengths + shape)
        return self.make_dataset(variables, coords=self.axes)


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


def _evaluate(function, number, point):
    """One point, where a worker runs it: (number, layout, vector). The layout is JSON {name: [dims, shape]},
    the vector the bytes of all values as float64, one after the other; both None if there is no result."""
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
            words = f"function returned {name} = {_short(value)} at {_words(point)}"
            raise ValueError(f"{words}: {error}") from None
        for taken in point.keys() & {name, *dims}:
            raise ValueError(f"function returned {name} of dimensions {dims}: {taken} is a parameter already")
        layout[name] = dims, array.shape
        parts.append(array.ravel())
    return number, json.dumps(layout), np.concatenate(parts).tobytes()


def _named(name, value):
    """A number, an array or a pair (dims, array) as dims (list of str) and array (float64)."""
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


@contextlib.contextmanager
def _opened(path, manifest):
    """The store: an SQLite file, locked, of this sweep. Every statement is its own transaction, so that a
    kill or a full disk at any moment leaves all earlier points."""
    if not isinstance(path, (str, os.PathLike)):
        checks.refuse("store", path, "a path")
    path = os.path.abspath(path)
    file = None
    try:
        file = sqlite3.connect(path, timeout=1, isolation_level=None)
        # Locked by one process, the log needs no shared memory: network file systems serve as well.
        file.execute("PRAGMA locking_mode = EXCLUSIVE")
        file.execute("PRAGMA synchronous = NORMAL")
        if not file.execute("SELECT * FROM sqlite_master").fetchall():
            file.executescript(
                "BEGIN EXCLUSIVE; CREATE TABLE sweep (manifest TEXT);"
                "CREATE TABLE point (number INTEGER PRIMARY KEY, layout TEXT, vector BLOB);"
            )
            file.execute("INSERT INTO sweep VALUES (?)", [json.dumps(manifest)])
            file.execute("COMMIT")
        other = json.loads(file.execute("SELECT manifest FROM sweep").fetchone()[0])
        for key in ("grid", "function"):
            if other[key] != manifest[key]:
                raise ValueError(
                    f"store = {path!r} holds another sweep: its {key} was {_short(other[key])}, now it is "
                    f"{_short(manifest[key])}{_changes(key, other, manifest)}; give another path, or delete the file "
                    "to start again"
                )
        try:
            yield file
        finally:
            # Without its log the store is one file, readable where nothing can be written. A full disk may
            # forbid it: then the log stays, and the next sweep reads it.
            with contextlib.suppress(sqlite3.Error):
                file.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise OSError(f"store = {path!r} cannot be read or written ({error}); what it holds stays") from error
    finally:
        if file:
            file.close()


def _changes(key, was, now):
    """Words for what of the function differs, where the store knows it."""
    if key != "function" or "parts" not in was:
        return ""
    names = was["parts"].keys() | now["parts"].keys()
    words = ", ".join(sorted(name for name in names if was["parts"].get(name) != now["parts"].get(name)))
    words = f"; changed: {words}" if words else ""
    if was["python"] != now["python"]:
        words += f"; Python was {was['python']} and is {now['python']}, which compiles every function anew"
    return words


def _digest(function):
    """The function's name and a digest of what it does: the same in every session until something changes."""
    return f"{_name(function)} (code and values it uses: {_hash(_describe(function, None, {}))})"


def _name(value):
    """The name of a function, class or module; of anything else, that of its type."""
    named = value if hasattr(value, "__name__") else type(value)
    return f"{getattr(named, '__module__', '')}.{getattr(named, '__qualname__', named.__name__)}"


def _describe(value, home, seen):
    """Nested lists of strings that tell ``value`` apart; functions and classes of module ``home`` by what they do,
    each once: ``seen`` numbers those met before, and their instances, which may use one another in circles."""
    value = _unwrapped(value)
    if value is None or type(value) in _PLAIN or isinstance(value, np.generic):
        return repr(value)
    if id(value) in seen:
        return f"seen {seen[id(value)][0]}"
    module = getattr(value, "__module__", None)
    at_home = module is not None and module == (home or module)
    if at_home or dataclasses.is_dataclass(value) or isinstance(value, types.FunctionType):
        seen[id(value)] = len(seen), value
    if isinstance(value, types.FunctionType) and at_home:
        home = module
        used = [(name, value.__globals__.get(name)) for name in sorted(_global_names(value.__code__))]
        cells = _cells(value)
        parts = (
            value.__code__,
            value.__defaults__,
            value.__kwdefaults__,
            cells,
            used,
            *([vars(value)] if vars(value) else []),
        )
    elif isinstance(value, types.CodeType):
        parts = value.co_code, value.co_names, value.co_consts
    elif isinstance(value, types.MethodType):
        parts = value.__func__, value.__self__
    elif isinstance(value, functools.partial):
        parts = value.func, value.args, value.keywords
    elif type(value) is collections.defaultdict:
        parts = [value.default_factory, *value.items()]
    elif isinstance(value, Mapping) and not at_home:
        parts = value.items()
    elif isinstance(value, (list, tuple, set, frozenset)) and not at_home:
        parts = value
    elif isinstance(value, np.ndarray) and not value.dtype.hasobject and not at_home:
        parts = value.dtype.str, value.shape, hashlib.sha256(value.tobytes()).digest()
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = [type(value), *(getattr(value, field.name) for field in dataclasses.fields(value))]
    elif isinstance(value, type) and at_home:
        home, parts = (
            module,
            (value.__name__, value.__bases__, _content(value), *([] if type(value) is type else [type(value)])),
        )
    elif isinstance(value, types.FunctionType):
        # of another module: by name, but what a decorator made there may hold a function made here
        parts = _name(value), _cells(value)
    elif isinstance(value, types.BuiltinFunctionType) and not isinstance(
        value.__self__, (types.ModuleType, type(None))
    ):
        parts = value.__name__, value.__self__  # the method of an object, such as a random generator's
    elif isinstance(value, np.ufunc):
        import scipy.special

        if value not in (getattr(np, value.__name__, None), getattr(scipy.special, value.__name__, None)):
            _refuse_nameless(value, "a ufunc made from a function")
        return _name(value)
    elif isinstance(value, (type, types.BuiltinFunctionType, types.ModuleType)):
        return _name(value)
    elif isinstance(value, np.vectorize):
        parts = type(value), value.pyfunc, value.otypes, value.signature, value.excluded
    elif hasattr(value, "__wrapped__"):
        parts = type(value), value.__wrapped__
    elif callable(value) and not at_home and getattr(value, "__dict__", None):
        parts = type(value), vars(value)
    elif at_home:
        home, parts = module, [type(value), _attributes(value), *_base(value)]
    else:
        import joblib

        try:
            return [_name(value), joblib.hash(value)]
        except Exception as error:  # whatever keeps an object from being pickled
            _refuse_nameless(value, error)
    described = [_describe(part, home, seen) for part in parts]
    if isinstance(value, (set, frozenset)):
        # strings in a set have another order in every session
        described.sort(key=repr)
    return [type(value).__name__, *described]


def _cells(function):
    """What the variables of a function hold that it has from the functions around it; None where nothing yet."""
    contents = []
    for cell in function.__closure__ or ():
        try:
            contents.append(cell.cell_contents)
        except ValueError:
            contents.append(None)
    return contents


def _base(value):
    """What an instance of a class derived from one of Python's or numpy's own holds as such, in a list; else none."""
    if isinstance(value, BaseException):
        return [value.args]
    if isinstance(value, np.ndarray):
        return [value.view(np.ndarray)]
    for kind in (*_PLAIN, dict, list, tuple, set, frozenset):
        if isinstance(value, kind):
            return [kind(value)]
    try:
        return [bytes(memoryview(value))]  # as of ctypes
    except TypeError:
        return []


def _attributes(value):
    """An object's attributes, also those in slots."""
    attributes = dict(getattr(value, "__dict__", {}))
    for kind in type(value).__mro__:
        for name, member in vars(kind).items():
            if isinstance(member, types.MemberDescriptorType) and hasattr(value, name):
                attributes[name] = getattr(value, name)
    return attributes


def _refuse_nameless(value, reason):
    raise ValueError(
        f"function uses {_short(value)}, which does not tell what it is ({reason}): "
        "make it inside the function, or do without a store"
    )


def _unwrapped(value):
    """The function that numba compiled or functools.lru_cache holds; any other value as it is."""
    value = getattr(value, "_dispatcher", value) if type(value).__name__ == "DUFunc" else value
    value = getattr(value, "py_func", value)
    return value.__wrapped__ if hasattr(value, "cache_info") else value


def _parts(function):
    """What :func:`_digest` tells apart, one by one: name -> digest, to say later which of them has changed."""
    found, waiting, met = {}, [(_name(function), function)], set()
    home = getattr(_unwrapped(function), "__module__", None)
    while waiting:
        name, value = waiting.pop()
        value = _unwrapped(value)
        if isinstance(value, types.FunctionType) and value.__module__ == home:
            if id(value) in met:
                continue
            met.add(id(value))
            code = value.__code__
            found[f"code of {value.__qualname__}"] = _hash(_describe(code, home, {}))
            waiting += [(used, value.__globals__[used]) for used in _global_names(code) if used in value.__globals__]
            waiting += zip(code.co_freevars, _cells(value))
            defaults = inspect.signature(value).parameters.values()
            waiting += [(f"{value.__qualname__}({p.name})", p.default) for p in defaults if p.default is not p.empty]
        else:
            found[name] = _hash(_describe(value, home, {}))
    return found


def _hash(description):
    return hashlib.sha256(repr(description).encode()).hexdigest()[:16]


def _content(kind):
    """What the body of a class defines: its methods, as functions, and its attributes."""
    content = {}
    for name, value in vars(kind).items():
        value = getattr(value, "fget", None) or getattr(value, "__func__", value)  # property; class or static method
        if (
            isinstance(value, types.FunctionType)
            or not name.startswith("__")
            or (type(value) in _PLAIN and name not in ("__doc__", "__module__", "__qualname__", "__firstlineno__"))
        ):
            if name != "_abc_impl" and not isinstance(value, (types.MemberDescriptorType, types.GetSetDescriptorType)):
                content[name] = value
    return content


def _global_names(code):
    names = {step.argval for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL"}
    return names.union(*(_global_names(part) for part in code.co_consts if isinstance(part, types.CodeType)))


def _short(value):
    text = repr(value)
    return text if len(text) <= 200 else text[:100] + " ... " + text[-100:]
