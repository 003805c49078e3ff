r"""Moments against blocks: the hierarchy of overlaps weighted by powers of the covariance.

In place of the overlaps of every level one may follow the moments R^(l) = sum_k w_k lambda_k^l r^k, and Q^(l), T^(l)
likewise, l = 0 ... L - 1. A step moves moment l by moment l + 1, and the characteristic polynomial of the covariance
(Cayley-Hamilton) gives moment L from those below it. This is the same system in other coordinates, and in floating
point these coordinates fail beyond a few levels. The library solves the flow by levels (:func:`lib.solve`); this
module is there to compare.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import DOP853

from .averages import coefficients
from .core import checks, symmetry
from .core.curve import Curve, field_error
from .core.divergence import GROWTH
from .core.spectra import Spectrum
from .core.student_teacher import Overlaps, StudentTeacher
from .kernels.integrator import FIRST

# A broken run takes ever smaller steps: stop after this many.
LARGEST_STEPS = 10_000


def from_blocks(spectrum: Spectrum, blocks: ArrayLike, count: int | None = None) -> NDArray[np.float64]:
    """Compute moments of overlaps, sum_k w_k lambda_k^l block^k, ``eq-moments``.

    Parameters
    ----------
    spectrum : Spectrum
        Its L eigenvalues lambda_k and weights w_k.
    blocks : array_like, shape (L, A, B)
        Overlaps level by level.
    count : int, optional
        Number of moments, l = 0 ... count - 1. Default: L, as many as there are levels.

    Returns
    -------
    ndarray, shape (count, A, B)
        Moment by moment.

    Raises
    ------
    ValueError
        If ``blocks`` has not L levels, or ``count`` is not a whole number >= 1.

    Examples
    --------
    >>> import lib
    >>> s = lib.Spectrum([1.5, 0.5])
    >>> lib.moments.from_blocks(s, [[[1.0]], [[3.0]]]).ravel()
    array([2. , 1.5])
    """
    checks.spectrum(spectrum)
    blocks = checks.array("blocks", blocks, ndim=3)
    if len(blocks) != spectrum.levels:
        raise ValueError(f"blocks has {len(blocks)} levels: must have those of the spectrum, {spectrum.levels}")
    count = spectrum.levels if count is None else checks.whole("count", count)
    return np.tensordot(_vandermonde(spectrum, count), blocks, axes=1)


def closure(spectrum: Spectrum) -> NDArray[np.float64]:
    """Compute the coefficients c_l in moment L = sum_l c_l moment l, of prod_k (x - lambda_k): ``eq-cayley-hamilton``.

    Parameters
    ----------
    spectrum : Spectrum
        Its L eigenvalues.

    Returns
    -------
    ndarray, shape (L,)
        c_0 ... c_(L-1).

    Raises
    ------
    ValueError
        If ``spectrum`` is no Spectrum.

    Examples
    --------
    >>> import lib
    >>> lib.moments.closure(lib.Spectrum([1.5, 0.5]))  # x^2 = 2 x - 0.75
    array([-0.75,  2.  ])
    """
    checks.spectrum(spectrum)
    return -np.asarray(np.poly(spectrum.eigenvalues), dtype=np.float64)[:0:-1]


def condition(spectrum: Spectrum) -> float:
    r"""Compute the decimal logarithm of the condition number of the map from blocks to moments, ``eq-condition``.

    In the norm of the largest row sum, with the largest eigenvalue as unit, x_k = lambda_k / lambda_1: by
    Gautschi's formula for the inverse of a Vandermonde matrix with positive nodes, exact at any L,
    max_l \|sum_k w_k x_k^l\| max_k w_k^-1 prod_(j != k) (1 + x_j) / \|x_k - x_j\|.

    Parameters
    ----------
    spectrum : Spectrum
        With distinct eigenvalues.

    Returns
    -------
    float
        log_10 of the condition number.

    Raises
    ------
    ValueError
        If two eigenvalues are equal.
    """
    checks.spectrum(spectrum)
    x = spectrum.eigenvalues / spectrum.eigenvalues[0]
    gaps = np.abs(x[:, None] - x)
    np.fill_diagonal(gaps, 1.0)
    if gaps.min() == 0:
        raise ValueError("spectrum has equal eigenvalues: must be distinct, or blocks cannot be told from moments")
    inverse = np.sum(np.log1p(x)) - np.log1p(x) - np.sum(np.log(gaps), axis=1) - np.log(spectrum.weights)
    return float(np.max(inverse) / np.log(10))  # the first row, of ones, has the largest sum: 1


def solve(model: StudentTeacher, overlaps: Overlaps, eta: float, alpha: ArrayLike, rtol: float = 1e-11) -> Curve:
    """Solve the closed hierarchy of moments, ``eq-hierarchy``: :func:`lib.solve` in other coordinates.

    It uses the explicit Runge-Kutta method DOP853, with the same relative error for every moment. A symmetry of the
    start is preserved exactly, as by :func:`lib.solve`.

    Parameters
    ----------
    model, overlaps, eta, alpha
        As for :func:`lib.solve`.
    rtol : float
        Error allowed in a step, 1e-13 to 0.1. Default: 1e-11.

    Returns
    -------
    Curve
        Without ``r`` and ``q``. NaN from the time on at which the hierarchy breaks down: an error or a Q_ii that is
        negative or beyond all bounds, or no step possible. Before that its values may be wrong without a sign;
        compare them with those of :func:`lib.solve`.

    Raises
    ------
    ValueError
        For arguments out of range.
    """
    checks.model(model)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    alpha = checks.times("alpha", alpha)
    rtol = checks.number("rtol", rtol, 1e-13, 0.1)
    s, L, K, M = model.spectrum, model.spectrum.levels, model.students, model.teachers
    start = model.check_overlaps(overlaps)
    close = closure(s)
    # rounding would break a symmetry of the start, and on a plateau what is broken grows
    label = symmetry.of_model(model, start)
    if label is not None:
        label = np.concatenate([label[:, K:], label[:, :K]], axis=1)
    t = from_blocks(s, start.t, L + 1)
    trace = from_blocks(s, np.ones((L, 1, 1)), L + 1)

    def symmetric(z):
        return z if label is None else symmetry.average(label, z)

    def extended(z):
        """Moments 0 ... L of [R | Q], (L + 1, K, M + K)."""
        z = symmetric(z.reshape(L, K, M + K))
        return np.concatenate([z, np.tensordot(close, z, axes=1)[None]])

    def slope(_, z):
        z = extended(z)
        Dx, Dy, G = coefficients(model, Q=z[1, :, M:], R=z[1, :, :M], T=t[1])
        r, q = z[1:, :, :M], z[1:, :, M:]
        half = Dx @ q + Dy @ np.swapaxes(r, 1, 2)
        dq = eta * (half + np.swapaxes(half, 1, 2)) + eta**2 * trace[1:] * G
        return symmetric(np.concatenate([eta * (Dx @ r + Dy @ t[1:]), dq], axis=2)).ravel()

    z = np.concatenate([from_blocks(s, start.r), from_blocks(s, start.q)], axis=2).ravel()
    totals = np.full((alpha.size, K, M + K), np.nan)
    totals[alpha == 0] = extended(z)[1]
    done = np.count_nonzero(alpha == 0)
    with np.errstate(all="ignore"):
        try:
            # Moments that start at zero would make SciPy's own first step zero.
            end = max(alpha[-1], 1e-300)
            first = min(end, FIRST / (eta * s.eigenvalues[0]))
            solver = DOP853(slope, 0.0, z, end, rtol=rtol, atol=1e-300, first_step=first)
            for _ in range(LARGEST_STEPS):
                if done == alpha.size:
                    break
                solver.step()
                lengths = np.diagonal(extended(solver.y)[1, :, M:])
                if solver.status == "failed" or not np.all((lengths >= 0) & (lengths < GROWTH)):
                    break
                due = np.searchsorted(alpha, solver.t, side="right")
                if due > done:
                    between = solver.dense_output()
                    totals[done:due] = [extended(between(time))[1] for time in alpha[done:due]]
                    done = due
        except ValueError:  # the totals are no longer finite
            pass
    Q, R = totals[..., M:].copy(), totals[..., :M].copy()
    with np.errstate(invalid="ignore"):
        eps_g = field_error(model, Q, R, t[1])
    eps_g[np.logical_or.accumulate(~(eps_g >= 0))] = np.nan
    return Curve(alpha=alpha, eps_g=eps_g, R=R, Q=Q, T=t[1])


def _vandermonde(spectrum, count):
    """V (count, L), V_lk = w_k lambda_k^l."""
    return spectrum.weights * spectrum.eigenvalues ** np.arange(count)[:, None]
