"""Checks of arguments: one wording for every message, and the errors of the package."""

import decimal
import math
import numbers
import reprlib
import warnings

import numpy as np

# Kernels count in float64: beyond this, one more is none.
MOST = 2**53


class DivergenceError(ArithmeticError):
    """Training diverged.

    Attributes
    ----------
    alpha : float
        Time, in examples / N, at which it was noticed.
    critical_eta : float or None
        Largest learning rate that converges; None where it is not known.
    eta : float or None
        Learning rate of the run; None where it is not one number.
    model : StudentTeacher or None
        What was trained; None if it was no such model.
    """

    def __init__(self, message, alpha, critical_eta=None, eta=None, model=None):
        super().__init__(message)
        self.alpha, self.critical_eta, self.eta, self.model = alpha, critical_eta, eta, model

    def __reduce__(self):
        # An exception with more arguments than its message does not survive the way back from a worker process.
        return type(self), (str(self), self.alpha, self.critical_eta, self.eta, self.model)


def refuse(argument, value, allowed):
    """Raise the ValueError that names the argument, its value and what is allowed."""
    raise ValueError(f"{argument} = {shown(value)}: must be {allowed}")


class _Short(reprlib.Repr):
    """One line for any object: a message is no place for a whole table."""

    def repr_instance(self, x, level):
        shape = getattr(x, "shape", None)
        try:
            text = "" if isinstance(shape, tuple) and math.prod(shape) > 8 else repr(x)
        except Exception:  # whatever a stranger's object raises
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


def shown(value):
    """``value`` as a message shows it: as it is written, or, if that is long, what it is."""
    return _short.repr(value)


def number(argument, value, minimum=None, maximum=None, open_minimum=False):
    """``value`` as a finite float inside the range; ``open_minimum`` excludes the minimum itself."""
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


def whole(argument, value, minimum=1, maximum=None):
    """``value`` as an int inside the range, and at most 2^53."""
    allowed = _range_words("a whole number", minimum, maximum, False)
    real = _real(value)
    if real is not None and real > MOST:
        refuse(argument, real, "a whole number <= 2^53")
    if real is None or not real.is_integer():
        refuse(argument, value, allowed)
    count = int(value)
    if count < minimum or (maximum is not None and count > maximum):
        refuse(argument, count, allowed)
    return count


def one_of(argument, value, choices):
    """``value`` if it is among ``choices``."""
    if not isinstance(value, type(choices[0])) or value not in choices:  # an array is equal to nothing
        refuse(argument, value, "one of " + ", ".join(repr(c) for c in choices))
    return value


def array(argument, value, ndim=1, scalar=False, finite=True):
    """``value`` as a contiguous float64 array of ``ndim`` dimensions, not empty, all finite.

    With ``scalar`` a single number is an array of one; without ``finite`` infinities and NaN may stay.
    """
    return _array(argument, value, real_array(argument, value), ndim, scalar, finite)


def samples(argument, value):
    """``value`` as a float64 array (samples, features), and the relative spacing of the numbers that it was given in."""
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


def place(argument, at, value=None):
    """An entry's name in a message, with that of its column where ``value`` is a table with names."""
    columns = column_names(value)
    named = f" (column {columns[at[1]]!r})" if columns is not None and len(at) == 2 else ""
    return f"{argument}[{', '.join(map(str, at))}]{named}"


def real_array(argument, value):
    """``value`` as numpy's array of real numbers (floating, whole or bits), of the type and shape that it has.

    Here, and nowhere else, it is decided what passes as numbers: what numpy would turn into numbers without a word
    (masked values, dates, texts, real parts of complex numbers) is refused, with its place and its cause.
    """
    if hasattr(value, "nnz") and hasattr(value, "toarray"):
        raise ValueError(
            f"{argument} is a sparse matrix of shape {value.shape}: must be an array of numbers, as from .toarray()"
        )
    if _is_table(value):  # column by column: a table of dates and numbers has no type of its own
        for name, kind in zip(column_names(value), value.dtypes):
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


def precision(values):
    """Relative spacing of the numbers in an array of real numbers, at least that of float64."""
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
    """Whether ``value`` is a table of columns with names and types, as a data frame is."""
    return hasattr(value, "columns") and hasattr(value, "dtypes")


def column_names(value):
    """Names of the columns of a table; None of what has none."""
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


def spectrum(value, argument="spectrum"):
    """``value`` if it is a ``lib.Spectrum``."""
    from .spectra import Spectrum  # which needs this module

    if not isinstance(value, Spectrum):
        refuse(argument, value, "a lib.Spectrum, as from lib.power_law or lib.Spectrum(eigenvalues)")
    return value


def model(value, argument="model"):
    """``value`` if it is a ``lib.StudentTeacher``."""
    from .student_teacher import StudentTeacher

    if not isinstance(value, StudentTeacher):
        refuse(argument, value, "a lib.StudentTeacher")
    return value


def shape(argument, value, allowed):
    """Refuse an array of another shape than ``allowed``."""
    if np.shape(value) != allowed:
        raise ValueError(f"{argument} has shape {np.shape(value)}: must be {allowed}")


def times(argument, value, open_minimum=False):
    """Times alpha (n,): a number or an array, >= 0 and increasing; ``open_minimum`` excludes 0 itself."""
    result = array(argument, value, scalar=True)
    if result[0] < 0 or (open_minimum and result[0] == 0):
        raise ValueError(f"{argument}[0] = {result[0]}: must be {'>' if open_minimum else '>='} 0")
    increasing(argument, result)
    return result


def increasing(argument, values, places=None):
    """Refuse an array that does not increase; ``places`` are the indices that its entries have for the caller."""
    falls = np.flatnonzero(np.diff(values) <= 0)
    if falls.size:
        i = int(falls[0])
        here, there = (i, i + 1) if places is None else (int(places[i]), int(places[i + 1]))
        raise ValueError(
            f"{argument}[{there}] = {values[i + 1]} after {argument}[{here}] = {values[i]}: must be strictly increasing"
        )


def window(argument, value):
    """A range (low, high) of two finite numbers, low < high."""
    allowed = "a pair (low, high) of numbers, low < high"
    try:
        low, high = value
    except (TypeError, ValueError):
        refuse(argument, value, allowed)
    if any(real is None or not math.isfinite(real) for real in map(_real, (low, high))) or low >= high:
        refuse(argument, value, allowed)
    return low, high


def steps(argument, alpha, N, batch=1):
    """Times alpha (n,) in whole steps of ``batch`` examples, N examples a unit of time; a warning if two are the same."""
    exact = alpha * N / batch
    if exact[-1] > MOST:
        largest = MOST * batch / N
        raise ValueError(f"{argument}[{alpha.size - 1}] = {alpha[-1]}: must be <= {largest:g}, 2^53 steps")
    whole_steps = np.rint(exact).astype(np.int64)
    same = np.flatnonzero(np.diff(whole_steps) == 0)
    if same.size:
        i = int(same[0])
        warnings.warn(
            f"{argument}[{i}] = {alpha[i]:.6g} and {argument}[{i + 1}] = {alpha[i + 1]:.6g} fall on the same step, "
            f"{whole_steps[i]} (one step is a time of {batch / N:g}): {same.size} of the {alpha.size} times repeat the one before",
            stacklevel=3,
        )
    return whole_steps


def seeds(argument, value):
    """A number of runs, which is the seeds 0, 1, ..., or the seeds themselves: a list of whole numbers >= 0."""
    if np.ndim(value) == 0:
        return list(range(whole(argument, value)))
    if len(value) == 0:
        refuse(argument, value, "a number of runs or a list of seeds that is not empty")
    return [whole(argument, seed, 0) for seed in value]


def _real(value):
    """``value`` as a float, infinite where it is too large for one; None where it is no real number."""
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
