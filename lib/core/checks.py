"""Checks of arguments: one wording for every message, and the errors of the package."""

from __future__ import annotations

import decimal
import math
import numbers
import reprlib
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from .spectra import Spectrum
    from .student_teacher import StudentTeacher

# Largest integer n such that n and all below it are exact in float64, in which kernels count.
MAX_EXACT_INT = 2**53

_Choice = TypeVar("_Choice")


class DivergenceError(ArithmeticError):
    """Training diverged.

    Attributes
    ----------
    message : str
        What happened, in words.
    alpha : float
        Time, in examples / N, at which it was noticed.
    critical_eta : float or None
        Largest learning rate that converges; None where it is not known.
    eta : float or None
        Learning rate of the run; None where it is not one number.
    model : StudentTeacher or None
        What was trained; None if it was no such model.
    """

    def __init__(
        self,
        message: str,
        alpha: float,
        critical_eta: float | None = None,
        eta: float | None = None,
        model: StudentTeacher | None = None,
    ):
        super().__init__(message)
        self.alpha, self.critical_eta, self.eta, self.model = alpha, critical_eta, eta, model

    def __reduce__(self):
        # An exception with more arguments than its message does not survive the way back from a worker process.
        return type(self), (str(self), self.alpha, self.critical_eta, self.eta, self.model)


def refuse(argument: str, value: object, allowed: str) -> NoReturn:
    """Raise the ValueError that names the argument, its value and what is allowed.

    Parameters
    ----------
    argument : str
        Name of the argument.
    value : object
        What was given.
    allowed : str
        What is allowed, after "must be".

    Raises
    ------
    ValueError
        Always.

    Examples
    --------
    >>> refuse("eta", -1.0, "a number > 0")
    Traceback (most recent call last):
    ValueError: eta = -1.0: must be a number > 0
    """
    raise ValueError(f"{argument} = {shown(value)}: must be {allowed}")


class _Short(reprlib.Repr):
    """One line for any object: a message does not show a whole table."""

    def repr_instance(self, x, level):
        shape = getattr(x, "shape", None)
        try:
            text = "" if isinstance(shape, tuple) and math.prod(shape) > 8 else repr(x)
        except Exception:  # whatever the __repr__ of an unknown type raises
            text = ""
        if text and len(text) <= 160 and "\n" not in text:
            return text
        return (
            f"{type(x).__name__} of shape {shape}"
            if isinstance(shape, tuple)
            else f"an object of type {type(x).__name__}"
        )


_short = _Short()
_short.maxstring = _short.maxlong = _short.maxother = 80


def shown(value: object) -> str:
    """Describe a value in a message: its repr, or, if that is long, its type and shape.

    Parameters
    ----------
    value : object
        Anything.

    Returns
    -------
    str
        One line.
    """
    return _short.repr(value)


def number(
    argument: str,
    value: object,
    minimum: float | None = None,
    maximum: float | None = None,
    open_minimum: bool = False,
) -> float:
    """Check a finite real number.

    Parameters
    ----------
    argument : str
        Its name in a message.
    value : object
        Any real number; bool is refused.
    minimum, maximum : float, optional
        Range allowed. Default: unbounded.
    open_minimum : bool
        Whether the minimum itself is excluded. Default: no.

    Returns
    -------
    float
        ``value``.

    Raises
    ------
    ValueError
        If it is no such number.
    """
    allowed = _range_words("a number", minimum, maximum, open_minimum)
    real = _real(value)
    if real is None:
        refuse(argument, value, allowed)
    if (
        not math.isfinite(real)
        or (minimum is not None and (real < minimum or (open_minimum and real == minimum)))
        or (maximum is not None and real > maximum)
    ):
        refuse(argument, real, allowed)
    return real


def whole(argument: str, value: object, minimum: int = 1, maximum: int | None = None) -> int:
    """Check a whole number, at most 2^53.

    Parameters
    ----------
    argument : str
        Its name in a message.
    value : object
        A whole number of any type, 3.0 included.
    minimum : int
        Smallest that is allowed. Default: 1.
    maximum : int, optional
        Largest that is allowed. Default: 2^53.

    Returns
    -------
    int
        ``value``.

    Raises
    ------
    ValueError
        If it is no such number.
    """
    allowed = _range_words("a whole number", minimum, maximum, False)
    real = _real(value)
    if real is not None and real > MAX_EXACT_INT:
        refuse(argument, real, "a whole number <= 2^53")
    if real is None or not real.is_integer():
        refuse(argument, value, allowed)
    count = int(value)  # type: ignore[call-overload]  # a real number, by now
    if count < minimum or (maximum is not None and count > maximum):
        refuse(argument, count, allowed)
    return count


def one_of(argument: str, value: _Choice, choices: Sequence[_Choice]) -> _Choice:
    """Check that a value is among the choices.

    Parameters
    ----------
    argument : str
        Its name in a message.
    value : object
        What was given.
    choices : sequence
        All of one type.

    Returns
    -------
    object
        ``value``.

    Raises
    ------
    ValueError
        If it is not.
    """
    # the type first: comparing an array is ambiguous
    if not isinstance(value, type(choices[0])) or value not in choices:
        refuse(argument, value, "one of " + ", ".join(repr(c) for c in choices))
    return value


def array(
    argument: str, value: ArrayLike, ndim: int = 1, scalar: bool = False, finite: bool = True
) -> NDArray[np.float64]:
    """Check an array of real numbers.

    Parameters
    ----------
    argument : str
        Its name in a message.
    value : array_like
        Numbers in any container that numpy reads as such.
    ndim : int
        Number of dimensions that it must have. Default: 1.
    scalar : bool
        Whether a single number is taken for an array of one. Default: no.
    finite : bool
        Whether infinities and NaN are refused. Default: yes.

    Returns
    -------
    ndarray
        Contiguous, of float64, not empty.

    Raises
    ------
    ValueError
        If it is no such array.
    """
    return _array(argument, value, real_array(argument, value), ndim, scalar, finite)


def samples(argument: str, value: ArrayLike) -> tuple[NDArray[np.float64], float]:
    """Check an array (samples, features).

    Parameters
    ----------
    argument : str
        Its name in a message.
    value : array_like
        As for :func:`array`.

    Returns
    -------
    array : ndarray, shape (samples, features)
        Of float64.
    spacing : float
        Relative spacing of the type in which the numbers were given.

    Raises
    ------
    ValueError
        If it is no such array.
    """
    given = real_array(argument, value)
    return _array(argument, value, given, 2), precision(given)


def _array(argument, value, result, ndim, scalar=False, finite=True):
    if scalar and result.ndim == 0:
        result = result.reshape(1)
    if result.ndim == 0 and ndim > 0:
        refuse(argument, value, f"an array of numbers with {ndim} dimension(s)")
    with np.errstate(over="ignore"):  # of a wider type than float64: infinite, and refused as such
        result = np.ascontiguousarray(result, dtype=np.float64)
    if result.ndim != ndim or result.size == 0:
        raise ValueError(f"{argument} has shape {result.shape}: must have {ndim} dimension(s) and not be empty")
    if finite and not np.all(np.isfinite(result)):
        at = tuple(int(i) for i in np.argwhere(~np.isfinite(result))[0])
        raise ValueError(f"{place(argument, at, value)} = {result[at]}: must be finite")
    return result


def place(argument: str, at: tuple[int, ...], value: object = None) -> str:
    """Name an entry of an array in a message.

    Parameters
    ----------
    argument : str
        Name of the array.
    at : tuple of int
        The entry's indices.
    value : object, optional
        The array as given; of a data frame, the entry's column is named. Default: none is.

    Returns
    -------
    str
        Such as "X[1, 2] (column 'width')".
    """
    columns = column_names(value)
    named = f" (column {columns[at[1]]!r})" if columns is not None and len(at) == 2 else ""
    return f"{argument}[{', '.join(map(str, at))}]{named}"


def real_array(argument: str, value: Any) -> NDArray[Any]:
    """Convert anything that holds real numbers to an array of the same type and shape.

    This function alone decides what passes as numbers. What numpy would convert silently (masked values, dates, text,
    real parts of complex numbers) is refused, with its place and the cause.

    Parameters
    ----------
    argument : str
        Its name in a message.
    value : array_like
        Numbers in any container that numpy reads as such.

    Returns
    -------
    ndarray
        Floating-point numbers, integers or booleans.

    Raises
    ------
    ValueError
        If it holds anything else.
    """
    if hasattr(value, "nnz") and hasattr(value, "toarray"):
        raise ValueError(
            f"{argument} is a sparse matrix of shape {value.shape}: must be an array of numbers, as from .toarray()"
        )
    if _is_table(value):  # column by column: a table of dates and numbers has no single type
        for name, kind in zip(value.columns, value.dtypes):
            _refuse_kind(f"{argument}, column {name!r}", kind)
    masked = _masked(value)
    if masked is not None:
        raise ValueError(f"{place(argument, masked)} is masked: must be a number; leave out or fill in what is missing")
    try:
        result = np.asarray(value)
    except Exception as error:  # of a list with rows of unequal length, of a tensor on a device, of any other object
        cause = str(error).strip().split("\n")[0] or type(error).__name__
        if "inhomogeneous" in cause:
            cause = "its rows are of unequal length"
        kind = type(value).__name__
        raise ValueError(f"{argument} is a {kind} that gives no array ({cause}): must be an array of numbers") from None
    _refuse_kind(argument, result.dtype)
    if result.dtype.kind in "biuf":
        return result
    if result.ndim == 0 and result.dtype.kind == "O":
        refuse(argument, value, "an array of numbers")
    numbers_ = np.empty(result.shape)
    for at in np.ndindex(result.shape):
        numbers_[at] = _entry(argument, at, result[at], value)
    return numbers_


def precision(values: NDArray[Any]) -> float:
    """Find the relative spacing of numbers of an array's type, at least that of float64.

    Parameters
    ----------
    values : ndarray
        Of real numbers.

    Returns
    -------
    float
        2.2e-16, or more for float32 and float16.
    """
    kind = values.dtype
    return float(max(np.finfo(kind).eps if kind.kind == "f" else 0.0, np.finfo(np.float64).eps))


_KINDS = {"c": "complex numbers", "M": "dates", "m": "spans of time", "U": "text", "S": "text", "T": "text"}


def _refuse_kind(argument, kind):
    """Refuse a numpy (or pandas) type that holds no real numbers; objects are looked at one by one."""
    letter = getattr(kind, "kind", "O")
    if getattr(kind, "names", None):
        raise ValueError(
            f"{argument} is an array of records with fields {', '.join(kind.names)}: must be an array of numbers"
        )
    if letter in _KINDS:
        raise ValueError(f"{argument} holds {_KINDS[letter]} ({kind}): must be real numbers")


def _entry(argument, at, entry, value):
    """One entry of an array of objects as a float."""
    if isinstance(entry, decimal.Decimal):
        entry = float(entry)
    real = float(entry) if isinstance(entry, (bool, np.bool_)) else _real(entry)
    if real is None:
        missing = entry is None or type(entry).__name__ in ("NAType", "NaTType")
        what = "missing" if missing else f"= {shown(entry)}"
        raise ValueError(f"{place(argument, at, value)} {'is ' if missing else ''}{what}: must be a real number")
    return real


def _is_table(value):
    """Whether ``value`` is a data frame, with named columns of different types."""
    return hasattr(value, "columns") and hasattr(value, "dtypes")


def column_names(value: Any) -> list[Any] | None:
    """List the names of a data frame's columns.

    Parameters
    ----------
    value : object
        A data frame, or anything else.

    Returns
    -------
    list or None
        None for anything else.
    """
    return list(value.columns) if _is_table(value) else None


def _masked(value):
    """Place of the first masked entry, also of arrays in lists; None where there is none."""
    if isinstance(value, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(value)
        if mask.dtype.names is None and mask.any():
            return tuple(int(i) for i in np.argwhere(mask)[0])
    elif isinstance(value, (list, tuple)):
        for i, part in enumerate(value):
            deeper = _masked(part) if isinstance(part, (list, tuple, np.ma.MaskedArray)) else None
            if deeper is not None:
                return (i, *deeper)
    return None


def spectrum(value: object, argument: str = "spectrum") -> Spectrum:
    """Check that a value is a ``lib.Spectrum``.

    Parameters
    ----------
    value : object
        What was given.
    argument : str
        Its name in a message. Default: "spectrum".

    Returns
    -------
    Spectrum
        ``value``.

    Raises
    ------
    ValueError
        If it is not.
    """
    from .spectra import Spectrum  # which needs this module

    if not isinstance(value, Spectrum):
        refuse(argument, value, "a lib.Spectrum, as from lib.power_law or lib.Spectrum(eigenvalues)")
    return value


def output_weights(name: str, value: ArrayLike, units: int) -> NDArray[np.float64]:
    """Check output weights of the units of a network.

    Parameters
    ----------
    name : str
        Of the argument.
    value : array_like, shape (units,)
        Weights, > 0.
    units : int
        Hidden units of the network.

    Returns
    -------
    ndarray, shape (units,)
        A read-only copy.

    Raises
    ------
    ValueError
        If they are no such weights.
    """
    result = array(name, value).copy()
    shape(name, result, (units,))
    if result.min() <= 0:
        refuse(name, value, f"numbers > 0, but the least is {result.min():g}")
    result.flags.writeable = False
    return result


def strength(spectrum: Spectrum, value: ArrayLike, normalised: bool = False) -> NDArray[np.float64]:
    """Check strengths of a teacher in the levels of a spectrum.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    value : array_like, shape (L,)
        Strengths t_k, >= 0 and not all zero.
    normalised : bool
        Whether the teacher's output must have variance sum_k w_k lambda_k t_k = 1. Default: no.

    Returns
    -------
    ndarray, shape (L,)
        The strengths.

    Raises
    ------
    ValueError
        If they are no such strengths.
    """
    result = array("strength", value)
    shape("strength", result, (spectrum.levels,))
    if result.min() < 0:
        k = int(np.argmin(result))
        raise ValueError(f"strength[{k}] = {result[k]}: must be >= 0")
    if result.max() == 0:
        raise ValueError("strength = 0 in every level: must be > 0 in one at least")
    total = float(np.sum(spectrum.weights * spectrum.eigenvalues * result))
    # a sum of L terms, of which the caller may have rounded each
    if normalised and abs(total - 1.0) > 1e-9:
        raise ValueError(f"strength: sum of weights * eigenvalues * strength = {total:.6g}: must be 1 (lib.source)")
    return result


def model(value: object, argument: str = "model") -> StudentTeacher:
    """Check that a value is a ``lib.StudentTeacher``.

    Parameters
    ----------
    value : object
        What was given.
    argument : str
        Its name in a message. Default: "model".

    Returns
    -------
    StudentTeacher
        ``value``.

    Raises
    ------
    ValueError
        If it is not.
    """
    from .student_teacher import StudentTeacher

    if not isinstance(value, StudentTeacher):
        refuse(argument, value, "a lib.StudentTeacher")
    return value


def shape(argument: str, value: ArrayLike, allowed: tuple[int, ...]) -> None:
    """Check the shape of an array.

    Parameters
    ----------
    argument : str
        Its name in a message.
    value : array_like
        The array.
    allowed : tuple of int
        The shape that it must have.

    Raises
    ------
    ValueError
        If it has another.
    """
    if np.shape(value) != allowed:
        raise ValueError(f"{argument} has shape {np.shape(value)}: must be {allowed}")


def times(argument: str, value: ArrayLike, open_minimum: bool = False) -> NDArray[np.float64]:
    """Check times, >= 0 and strictly increasing.

    Parameters
    ----------
    argument : str
        Their name in a message.
    value : array_like, shape (n,), or float
        The times.
    open_minimum : bool
        Whether 0 is excluded. Default: no.

    Returns
    -------
    ndarray, shape (n,)
        The times, one included if a number was given.

    Raises
    ------
    ValueError
        If they are no such times.
    """
    result = array(argument, value, scalar=True)
    if result[0] < 0 or (open_minimum and result[0] == 0):
        raise ValueError(f"{argument}[0] = {result[0]}: must be {'>' if open_minimum else '>='} 0")
    increasing(argument, result)
    return result


def increasing(argument: str, values: NDArray[Any], places: NDArray[Any] | Sequence[int] | None = None) -> None:
    """Check that an array increases strictly.

    Parameters
    ----------
    argument : str
        Its name in a message.
    values : ndarray, shape (n,)
        The array.
    places : sequence of int, optional
        Indices by which a message names the entries. Default: 0 ... n - 1.

    Raises
    ------
    ValueError
        If it does not.
    """
    falls = np.flatnonzero(np.diff(values) <= 0)
    if falls.size:
        i = int(falls[0])
        here, there = (i, i + 1) if places is None else (int(places[i]), int(places[i + 1]))
        raise ValueError(
            f"{argument}[{there}] = {values[i + 1]} after {argument}[{here}] = {values[i]}: must be strictly increasing"
        )


def window(argument: str, value: Any) -> tuple[float, float]:
    """Check a range of two finite numbers, low < high.

    Parameters
    ----------
    argument : str
        Its name in a message.
    value : (float, float)
        The range.

    Returns
    -------
    (float, float)
        The same.

    Raises
    ------
    ValueError
        If it is no such range.
    """
    allowed = "a pair (low, high) of numbers, low < high"
    try:
        low, high = value
    except (TypeError, ValueError):
        refuse(argument, value, allowed)
    if any(real is None or not math.isfinite(real) for real in map(_real, (low, high))) or low >= high:
        refuse(argument, value, allowed)
    return low, high


def steps(argument: str, alpha: NDArray[np.float64], N: int, batch: int = 1) -> NDArray[np.int64]:
    """Round times to whole steps, with a warning if two fall on the same step.

    Parameters
    ----------
    argument : str
        Their name in a message.
    alpha : ndarray, shape (n,)
        Times, in examples / N.
    N : int
        Input dimension.
    batch : int
        Examples in a step. Default: 1.

    Returns
    -------
    ndarray of int, shape (n,)
        Numbers of steps.

    Raises
    ------
    ValueError
        If there are more than 2^53.
    """
    exact = alpha * N / batch
    if exact[-1] > MAX_EXACT_INT:
        largest = MAX_EXACT_INT * batch / N
        raise ValueError(f"{argument}[{alpha.size - 1}] = {alpha[-1]}: must be <= {largest:g}, 2^53 steps")
    whole_steps = np.rint(exact).astype(np.int64)
    same = np.flatnonzero(np.diff(whole_steps) == 0)
    if same.size:
        i = int(same[0])
        warnings.warn(
            f"{argument}[{i}] = {alpha[i]:.6g} and {argument}[{i + 1}] = {alpha[i + 1]:.6g} fall on the same step, "
            f"{whole_steps[i]} (one step is a time of {batch / N:g}): {same.size} of the {alpha.size} times repeat "
            "the one before",
            stacklevel=3,
        )
    return whole_steps


def seeds(argument: str, value: Any) -> list[int]:
    """Check the seeds of several runs.

    Parameters
    ----------
    argument : str
        Their name in a message.
    value : int or sequence of int
        A number of runs, or the seeds themselves: whole numbers >= 0.

    Returns
    -------
    list of int
        The seeds; of a number of runs, 0, 1, ...

    Raises
    ------
    ValueError
        If there are none, or one is no such number.
    """
    if np.ndim(value) == 0:
        return list(range(whole(argument, value)))
    if len(value) == 0:
        refuse(argument, value, "a number of runs or a list of seeds that is not empty")
    return [whole(argument, seed, 0) for seed in value]


def _real(value):
    """Convert to float, infinite beyond its range; None for anything but a real number."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _range_words(kind, minimum, maximum, open_minimum):
    if minimum is None and maximum is None:
        return "a finite number"
    words = [kind]
    if minimum is not None:
        words.append(f"{'>' if open_minimum else '>='} {minimum:g}")
    if maximum is not None:
        words.append(f"{'and ' if minimum is not None else ''}<= {maximum:g}")
    return " ".join(words)
