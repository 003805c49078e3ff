"""Checks of arguments: one wording for every message, and the errors of the package."""

import math
import numbers

import numpy as np

# Kernels count in float64: beyond this, one more is none.
MOST = 2**53


class DivergenceError(ArithmeticError):
    """Training diverged. ``alpha`` is the time at which it was noticed, ``critical_eta`` the largest
    learning rate that converges, where it is known (else None)."""

    def __init__(self, message, alpha, critical_eta=None):
        super().__init__(message)
        self.alpha = alpha
        self.critical_eta = critical_eta

    def __reduce__(self):
        # An exception with more arguments than its message does not survive the way back from a worker process.
        return type(self), (str(self), self.alpha, self.critical_eta)


def refuse(argument, value, allowed):
    """Raise the ValueError that names the argument, its value and what is allowed."""
    raise ValueError(f"{argument} = {value!r}: must be {allowed}")


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


def array(argument, value, ndim=1):
    """``value`` as a contiguous float64 array of ``ndim`` dimensions, not empty, all finite."""
    try:
        if np.iscomplexobj(value):  # numpy would drop the imaginary part
            raise TypeError
        result = np.ascontiguousarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        refuse(argument, value, f"an array of numbers with {ndim} dimension(s)")
    if result.ndim != ndim or result.size == 0:
        raise ValueError(f"{argument} has shape {result.shape}: must have {ndim} dimension(s) and not be empty")
    if not np.all(np.isfinite(result)):
        at = tuple(int(i) for i in np.argwhere(~np.isfinite(result))[0])
        raise ValueError(f"{argument}[{', '.join(map(str, at))}] = {result[at]}: must be finite")
    return result


def shape(argument, value, allowed):
    """Refuse an array of another shape than ``allowed``."""
    if np.shape(value) != allowed:
        raise ValueError(f"{argument} has shape {np.shape(value)}: must be {allowed}")


def times(argument, value, open_minimum=False):
    """Times alpha (n,): a number or an array, >= 0 and increasing; ``open_minimum`` excludes 0 itself."""
    result = array(argument, np.atleast_1d(value))
    if result[0] < 0 or (open_minimum and result[0] == 0):
        raise ValueError(f"{argument}[0] = {result[0]}: must be {'>' if open_minimum else '>='} 0")
    falls = np.flatnonzero(np.diff(result) <= 0)
    if falls.size:
        i = int(falls[0])
        raise ValueError(
            f"{argument}[{i + 1}] = {result[i + 1]} after {argument}[{i}] = {result[i]}: must be strictly increasing"
        )
    return result


def window(argument, value):
    """A range (low, high) of two finite numbers, low < high."""
    allowed = "a pair (low, high) of numbers, low < high"
    if np.shape(value) != (2,):
        refuse(argument, value, allowed)
    low, high = value
    if any(real is None or not math.isfinite(real) for real in map(_real, value)) or low >= high:
        refuse(argument, value, allowed)
    return low, high


def steps(argument, alpha, N, batch=1):
    """Times alpha (n,) in whole steps of ``batch`` examples, N examples a unit of time."""
    exact = alpha * N / batch
    if exact[-1] > MOST:
        largest = MOST * batch / N
        raise ValueError(f"{argument}[{alpha.size - 1}] = {alpha[-1]}: must be <= {largest:g}, 2^53 steps")
    return np.rint(exact).astype(np.int64)


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
