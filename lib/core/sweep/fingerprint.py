"""A digest of what a function does: the same in every session until its code, or something that it uses, changes.

Not by the tools that suggest themselves. A digest of the source text would change with every comment and not with a
constant that the function uses from around it. What cloudpickle writes holds file names and line numbers, and sets in
an order that differs between sessions. And ``joblib.hash`` takes a function by its name and source alone.
"""

from __future__ import annotations

import collections
import dataclasses
import dis
import functools
import hashlib
import inspect
import re
import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

PLAIN = (bool, int, float, complex, str, bytes)  # types whose values differ exactly if their reprs do


def digest(function: Callable[..., Any]) -> str:
    """Compute a digest of what a function does: the same in every session until something changes.

    Parameters
    ----------
    function : callable
        Any; functions and classes of its own module are described by what they do, those of others by name.

    Returns
    -------
    str
        The function's name and 16 hexadecimal digits.

    Raises
    ------
    ValueError
        If it uses an object whose value cannot be told.
    """
    return f"{_name(function)} (code and values it uses: {_hash(_describe(function, None, {}))})"


def _name(value):
    """Full name of a function, class or module; of anything else, that of its type."""
    named = value if hasattr(value, "__name__") else type(value)
    module = str(getattr(named, "__module__", ""))
    # the short names under which the core's modules are known, so that they can be moved and stores stay valid
    module = re.sub(r"^lib\.core\.", "lib.", module)
    return f"{module}.{getattr(named, '__qualname__', named.__name__)}"


def _describe(value, home, seen):
    """Describe a value by nested lists of strings, which differ for different values.

    Functions and classes of module ``home`` are described by what they do, and each only once: ``seen`` numbers those
    met before, and their instances, which may refer to one another in cycles.
    """
    value = _unwrapped(value)
    if value is None or type(value) in PLAIN or isinstance(value, np.generic):
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
        except Exception as error:  # whatever prevents an object from being pickled
            _refuse_nameless(value, error)
    described = [_describe(part, home, seen) for part in parts]
    if isinstance(value, (set, frozenset)):
        # the order of strings in a set differs between sessions
        described.sort(key=repr)
    return [type(value).__name__, *described]


def _cells(function):
    """Values of a function's free variables; None where there is none yet."""
    contents = []
    for cell in function.__closure__ or ():
        try:
            contents.append(cell.cell_contents)
        except ValueError:
            contents.append(None)
    return contents


def _base(value):
    """The value of an instance of a class derived from a built-in type or numpy's array, in a list; else []."""
    if isinstance(value, BaseException):
        return [value.args]
    if isinstance(value, np.ndarray):
        return [value.view(np.ndarray)]
    for kind in (*PLAIN, dict, list, tuple, set, frozenset):
        if isinstance(value, kind):
            return [kind(value)]
    try:
        return [bytes(memoryview(value))]  # as of ctypes
    except TypeError:
        return []


def _attributes(value):
    """An object's attributes, including those in slots."""
    attributes = dict(getattr(value, "__dict__", {}))
    for kind in type(value).__mro__:
        for name, member in vars(kind).items():
            if isinstance(member, types.MemberDescriptorType) and hasattr(value, name):
                attributes[name] = getattr(value, name)
    return attributes


def _refuse_nameless(value, reason):
    raise ValueError(
        f"function uses {short(value)}, which does not tell what it is ({reason}): "
        "make it inside the function, or do without a store"
    )


def _unwrapped(value):
    """The function inside numba's dispatcher or functools.lru_cache; any other value as it is."""
    value = getattr(value, "_dispatcher", value) if type(value).__name__ == "DUFunc" else value
    value = getattr(value, "py_func", value)
    return value.__wrapped__ if hasattr(value, "cache_info") else value


def parts(function: Callable[..., Any]) -> dict[str, str]:
    """Compute a digest of each thing that a function uses, to say later which of them has changed.

    Parameters
    ----------
    function : callable
        As for :func:`digest`.

    Returns
    -------
    dict of str to str
        Digests by name.
    """
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
            or (type(value) in PLAIN and name not in ("__doc__", "__module__", "__qualname__", "__firstlineno__"))
        ):
            if name != "_abc_impl" and not isinstance(value, (types.MemberDescriptorType, types.GetSetDescriptorType)):
                content[name] = value
    return content


def _global_names(code):
    names = {step.argval for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL"}
    return names.union(*(_global_names(part) for part in code.co_consts if isinstance(part, types.CodeType)))


def short(value: object) -> str:
    """Describe a value in a message by at most 205 characters of its repr.

    Parameters
    ----------
    value : object
        Anything.

    Returns
    -------
    str
        Its beginning and its end.
    """
    text = repr(value)
    return text if len(text) <= 200 else text[:100] + " ... " + text[-100:]
