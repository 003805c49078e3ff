"""Power laws in measured and computed curves: exponent, honest error, and the window where it holds."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.optimize import brentq

from ..compiler.layout import placed
from ..kernels import fitting as kernels
from . import checks

STRAIGHTNESS = 0.1
"""A window is straight if its local slope varies by at most this fraction of the exponent (so +-5 %)."""

MINIMUM_RATIO = 10**0.5
"""A law is not claimed over less than this factor in x (half a decade)."""

MINIMUM_POINTS = 8
"""No window is searched for in fewer points: a cubic, which tests it, goes through any four."""

_BINS = 200


@dataclass(frozen=True)
class PowerLawFit:
    """y + offset = prefactor * x**exponent over ``window``; made by :func:`fit_power_law`.

    Attributes
    ----------
    exponent, prefactor : float
        Of x.
    standard_error : float
        Of the exponent, with ``degrees_of_freedom``: for an interval use :meth:`interval`.
    window : tuple of float
        First and last x used.
    drift : float
        Slope of the upper half of the window (in ln x) minus slope of its lower half: how far the
        "exponent" moves. NaN if a half holds a single point.
    points : int
        Number of points used.
    degrees_of_freedom : int
        Of Student's t for the exponent.
    offset : float
        The constant added to y, given or fitted. Default: 0.
    offset_error : float
        Standard error of a fitted offset; 0 for a given one. Default: 0.
    """

    exponent: float
    prefactor: float
    standard_error: float
    window: tuple[float, float]
    drift: float
    points: int
    degrees_of_freedom: int
    offset: float = 0.0
    offset_error: float = 0.0

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Compute a confidence interval of the exponent (Student's t), for the window as it stands.

        Parameters
        ----------
        level : float
            Probability, 0 to 1. Default: 0.95.

        Returns
        -------
        (float, float)
            Its ends.

        Raises
        ------
        ValueError
            If ``level`` is out of range.
        """
        level = checks.number("level", level, 0.0, 1.0)
        half = self.standard_error * stats.t.ppf(0.5 + 0.5 * level, self.degrees_of_freedom)
        return self.exponent - half, self.exponent + half

    def __call__(self, x: ArrayLike) -> NDArray[np.float64]:
        """Evaluate the fitted law at ``x``."""
        return self.prefactor * checks.real_array("x", x).astype(np.float64) ** self.exponent - self.offset


def fit_power_law(
    x: ArrayLike, y: ArrayLike, window: tuple[float, float] | None = None, offset: float | str = 0.0
) -> PowerLawFit:
    """Fit y + offset = prefactor * x**exponent, a straight line in log-log.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        ``x`` positive and increasing. Every point counts for the stretch of ln x around it, so that
        the fit does not depend on how densely a part of the curve was sampled. With a ``window`` only the points
        inside it are judged.
    window : (float, float), optional
        Range (lo, hi) of x to use. By default the longest range (in ln x; at least half a decade and 8 points)
        in which the local slope, that of a cubic through the log-log data, varies by at
        most 10 % of the exponent. More than 200 points are first averaged in bins of equal
        width in ln x.
    offset : float or "fit"
        Constant added to y before logarithms are taken: a learning curve with finitely many levels is a
        power law minus the missing tail of the spectrum. ``"fit"`` finds the constant that takes the bend
        (the quadratic part) out of the log-log curve; it needs a ``window``, since a free constant
        straightens almost any short piece. Default: 0.

    Returns
    -------
    PowerLawFit
        Exponent, prefactor and their window, with a standard error.

    Raises
    ------
    ValueError
        Arrays of unequal length; in the window ``x`` or ``y`` not finite, ``x`` not positive and increasing,
        ``y + offset`` not positive; a window that is empty or holds fewer than 4 points (5 with a fitted
        offset), no straight window, or no offset that straightens.

    Notes
    -----
    Residuals of curves and of sorted spectra are correlated, so that their scatter about the line says little
    about the error of the slope. The standard error uses instead the components of ln y on the four
    smoothest shapes that the line leaves free (orthogonal polynomials in ln x of degree 2 to 5):
    noise that is correlated over less than the window excites them as much as it excites the slope. With
    independent residuals of equal size at equal steps of ln x the interval is exact (t with 4 degrees
    of freedom); correlated as exp(-|du|/xi), a nominal 95 % covers 94 % at xi = 1/50 of the window,
    93 % at 1/20 and 89 % at 1/10. A bend counts as error too. The interval is for the exponent of this window
    (the straight line nearest to the curve): it knows neither how far that is from an asymptotic exponent,
    nor that the window was chosen by looking.

    The fitted offset c makes component 2 vanish. With d_j = d(component j)/dc, an error e_2 moves c by
    -e_2/d_2 and component 1 by -(d_1/d_2) e_2, so the variance of the exponent grows by 1 + (d_1/d_2)^2.

    Examples
    --------
    >>> import lib, numpy as np
    >>> x = np.geomspace(1.0, 100.0, 20)
    >>> fit = lib.fit_power_law(x, 3.0 * x**-0.5, window=(2, 50))
    >>> round(fit.exponent, 6), round(fit.prefactor, 6)
    (-0.5, 3.0)
    """
    if window is None:
        x, y = _curve(x, y)
    else:
        x, y = _curve_inside(x, y, window, needed=5 if isinstance(offset, str) else 4)
    if isinstance(offset, str):
        if offset != "fit":
            checks.refuse("offset", offset, 'a number or "fit"')
        if window is None:
            checks.refuse("window", window, 'given with offset = "fit": a free constant straightens almost any piece')
    else:
        offset = checks.number("offset", offset)
    if window is None:
        x, y = _find_window(x, _positive(x, y, offset))
        return _fit(x, y, offset)
    if offset == "fit":
        return _fit_with_offset(x, y)
    return _fit(x, _positive(x, y, offset), offset)


def local_slope(x: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
    """Compute the local exponent d ln y / d ln x at every point, by second-order differences.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Positive, ``x`` increasing, n >= 3.

    Returns
    -------
    ndarray, shape (n,)
        The exponents.

    Raises
    ------
    ValueError
        If the arrays are not such a curve.

    Examples
    --------
    >>> local_slope([1.0, 2.0, 4.0], [3.0, 12.0, 48.0])
    array([2., 2., 2.])
    """
    x, y = _curve(x, y)
    if len(x) < 3:
        raise ValueError(f"x has {len(x)} points: must have at least 3 for a local slope")
    return np.gradient(np.log(_positive(x, y, 0.0)), np.log(x), edge_order=2)


def _curve(x, y):
    x, y = checks.times("x", x, open_minimum=True), checks.array("y", y)
    checks.shape("y", y, x.shape)
    return x, y


def _positive(x, y, offset):
    shifted = y + offset
    if np.any(shifted <= 0):
        at = int(np.argmin(shifted))
        raise ValueError(f"y + offset = {shifted[at]:.3g} at x = {x[at]:.6g}: must be > 0")
    return shifted


def _curve_inside(x, y, window, needed):
    """Select the points in the window; only they need to form a curve."""
    x, y = checks.array("x", x, finite=False), checks.array("y", y, finite=False)
    checks.shape("y", y, x.shape)
    lo, hi = checks.window("window", window)
    inside = np.flatnonzero((x >= lo) & (x <= hi))
    if inside.size < needed:
        span = f"x runs from {np.nanmin(x, initial=np.inf):.6g} to {np.nanmax(x, initial=-np.inf):.6g}"
        raise ValueError(f"window = {window} holds {inside.size} points: must hold at least {needed}; {span}")
    x, y = x[inside], y[inside]
    if x.min() <= 0:
        i = int(np.argmin(x))
        raise ValueError(f"x[{inside[i]}] = {x[i]}: must be > 0")
    checks.increasing("x", x, inside)
    if not np.all(np.isfinite(y)):
        i = int(np.argmin(np.isfinite(y)))
        raise ValueError(f"y[{inside[i]}] = {y[i]}: must be finite")
    return x, y


def _find_window(x, y):
    if len(x) < MINIMUM_POINTS:
        raise ValueError(f"x has {len(x)} points: must have at least {MINIMUM_POINTS} to search for a window")
    u, v = np.log(x), np.log(y)
    start = np.arange(len(x))
    if len(x) > _BINS:
        start = np.flatnonzero(np.diff(np.floor((u - u[0]) * (_BINS / (u[-1] - u[0]))), prepend=-1.0))
    stop = np.append(start[1:], len(x))
    u, v = (np.add.reduceat(values, start) / (stop - start) for values in (u, v))
    scratch = np.empty(kernels.WINDOW_SCRATCH)
    found = kernels.longest_window(u, v, STRAIGHTNESS, np.log(MINIMUM_RATIO), float(MINIMUM_POINTS), scratch)
    if found.first < 0:
        raise ValueError(
            f"no window of at least {MINIMUM_POINTS} points and a factor {MINIMUM_RATIO:.2f} in x in which "
            f"the local slope varies by less than {STRAIGHTNESS:.0%} of the exponent: not a power law, or "
            "too noisy to tell. Give a window to fit it all the same."
        )
    used = slice(start[found.first], stop[found.last])
    return x[used], y[used]


def _components(x, y):
    scratch = np.empty(kernels.FIT_SCRATCH)
    kernels.fit_window(x, y, x[0], x[-1], scratch)
    return placed(kernels.Polynomials, scratch).component


def _fit(x, y, offset):
    fit = kernels.fit_window(x, y, x[0], x[-1], np.empty(kernels.FIT_SCRATCH))
    return PowerLawFit(
        exponent=float(fit.exponent),
        prefactor=float(np.exp(fit.log_prefactor)),
        standard_error=float(fit.standard_error),
        window=(float(x[0]), float(x[-1])),
        drift=float(fit.drift),
        points=len(x),
        degrees_of_freedom=min(kernels.ERROR_SHAPES, len(x) - 2),
        offset=float(offset),
    )


def _fit_with_offset(x, y):
    def bend(offset):
        return _components(x, y + offset)[2]

    # From just above -min(y), where the lowest point drops out of the logarithm, to where it is linear.
    scale = np.ptp(y)
    if scale == 0:
        raise ValueError("y is constant: no offset makes a power law of it")
    candidates = scale * np.geomspace(1e-9, 1e6, 61) - y.min()
    bends = np.array([bend(c) for c in candidates])
    changes = np.flatnonzero(np.sign(bends[1:]) != np.sign(bends[:-1]))
    if len(changes) == 0:
        raise ValueError("no offset makes the log-log curve straight: it bends the same way for all of them")
    nearest = changes[np.argmin(np.abs(candidates[changes]))]
    offset = brentq(bend, candidates[nearest], candidates[nearest + 1], xtol=1e-12 * scale, rtol=1e-12)

    fit = _fit(x, y + offset, offset)
    components = _components(x, y + offset)
    step = 1e-4 * (y + offset).min()
    change = (_components(x, y + offset + step) - _components(x, y + offset - step)) / (2 * step)
    freedom = min(kernels.ERROR_SHAPES, len(x) - 3)
    noise = np.sqrt(np.mean(components[3 : 3 + freedom] ** 2))
    to_slope = fit.exponent / components[1]
    return replace(
        fit,
        standard_error=float(abs(to_slope) * noise * np.hypot(1.0, change[1] / change[2])),
        degrees_of_freedom=freedom,
        offset_error=float(noise / abs(change[2])),
    )
