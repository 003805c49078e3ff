"""Which law does a measured spectrum follow? A power law against its rivals, with the noise measured from the data.

The usual comparison is least squares in log-log and Akaike's criterion, with every rank as an independent observation.
It is not valid: sorted eigenvalues of one sample are correlated, and what is left of them after a fit is mostly the
law's own curvature, so that there are only a few independent observations, and their noise is not the scatter about the
line. Here the noise is measured, by a bootstrap of the data, as a covariance of ln(eigenvalue) between groups of ranks.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from .core import checks

# Groups of ranks: a quarter of the smallest number of resamples, so that their covariance has a good inverse.
GROUPS = 10
# Sums of squares that differ by less, relative to the variance of what is fitted, are equal.
TIE = 1e-12
# Laws by name: columns of the regression of ln(eigenvalue) on u = ln(rank), and the shapes c that are tried (for the
# broken power law: the break as a fraction of the range of u).
_LAWS: dict[str, tuple[Callable[..., list[NDArray[np.float64]]], Any]] = {
    "power law": (lambda u, c: [u], (None,)),
    "exponential": (lambda u, c: [np.exp(u)], (None,)),
    "stretched exponential": (lambda u, c: [np.exp(c * u)], np.linspace(0.02, 1.0, 99)),
    "curved (log-normal)": (lambda u, c: [u, u * u], (None,)),
    "broken power law": (lambda u, c: [u, np.maximum(0.0, u - c)], np.linspace(0.1, 0.9, 81)),
}


@dataclass(frozen=True)
class LawFit:
    """A law fitted to a measured spectrum; made by :func:`compare`.

    Attributes
    ----------
    name : str
        "power law", "exponential", "stretched exponential", "curved (log-normal)" or "broken power law".
    parameters : int
        Number of fitted parameters, the prefactor among them.
    misfit : float
        Chi-square with the covariance of the bootstrap.
    p_value : float
        Probability of at least this misfit if the law were true (Hotelling's T^2: the covariance is an estimate).
    criterion : float
        misfit + 2 parameters, less that of the best law: 0 for the best; above 10 a law is clearly worse.
    held_out : float
        Root mean square error of ln(eigenvalue) beyond the window's middle (in ln k), when fitted before it.
    """

    name: str
    parameters: int
    misfit: float
    p_value: float
    criterion: float
    held_out: float


def compare(spectra: ArrayLike, window: tuple[float, float]) -> list[LawFit]:
    """Fit a power law and its rivals to the ranks of a window.

    Parameters
    ----------
    spectra : array_like, shape (1 + resamples, L)
        The measured eigenvalues, and below them those of at least 40 resamples
        (:func:`lib.realdata.bootstrap_spectra`).
    window : (float, float)
        First and last rank; at least 8 ranks.

    Returns
    -------
    list of LawFit
        Best criterion first: power law, exponential exp(-a k), stretched exponential exp(-a k^c), a parabola in
        log-log, and two power laws joined at a rank inside.

    Raises
    ------
    ValueError
        If there are too few resamples or ranks, or an eigenvalue of the window is not positive.

    Notes
    -----
    ln(eigenvalue) is averaged over ten groups of ranks of equal width in ln k (fewer where a group would be empty), and
    fitted by generalised least squares. Groups, not ranks, because a covariance of m numbers from n resamples
    has an inverse only for n > m + 1, and a good one only for n >> m.
    """
    spectra = checks.array("spectra", spectra, ndim=2)
    if len(spectra) < 41:
        checks.refuse("spectra", f"{len(spectra)} rows", "the measured spectrum and at least 40 resamples")
    low, high = checks.window("window", window)
    ranks = np.arange(1.0, spectra.shape[1] + 1)
    inside = (ranks >= low) & (ranks <= high)
    if inside.sum() < 8 or spectra[:, inside].min() <= 0:
        checks.refuse("window", window, "a range of at least 8 ranks with positive eigenvalues")
    u, values = np.log(ranks[inside]), np.log(spectra[:, inside])
    edges = np.linspace(u[0], u[-1] + 1e-9, GROUPS + 1)
    group = np.digitize(u, edges) - 1
    members = [np.flatnonzero(group == g) for g in np.unique(group)]
    v = np.array([values[:, some].mean(axis=1) for some in members]).T
    measured, m, n = v[0], len(v[0]), len(v) - 1
    root = np.linalg.cholesky(np.cov(v[1:].T))
    middle = 0.5 * (u[0] + u[-1])
    first = np.array([u[some].mean() < middle for some in members])

    def designs(name, until):
        """The regressions of a law, one for every shape; a break lies inside the range of u up to ``until``."""
        columns, shapes = _LAWS[name]
        if name == "broken power law":
            shapes = u[0] + (until - u[0]) * shapes
        full = [np.column_stack([np.ones(len(u)), *columns(u, c)]) for c in shapes]
        return [np.array([design[some].mean(axis=0) for some in members]) for design in full]

    fits = []
    for name, (_, shapes) in _LAWS.items():
        whole = designs(name, u[-1])
        free = whole[0].shape[1] + (len(shapes) > 1)
        misfit, dof = min(_misfit(design, measured, root) for design in whole), m - free
        # T^2 of dof numbers, with a covariance from n samples, follows an F distribution
        p = stats.f.sf(misfit * (n - dof) / (dof * (n - 1)), dof, n - dof)
        # fitted to the first half alone, its shape included
        guesses = [
            (design, np.linalg.lstsq(design[first], measured[first], rcond=None)[0]) for design in designs(name, middle)
        ]
        left = np.array([np.sum((design @ b - measured)[first] ** 2) for design, b in guesses])
        # a break anywhere between the last two groups fits equally well: the first of equals, not that of rounding
        design, coefficients = guesses[np.argmax(left <= left.min() + TIE * np.var(measured))]
        wrong = (design @ coefficients - measured)[~first]
        fits.append(
            LawFit(
                name=name,
                parameters=free,
                misfit=float(misfit),
                p_value=float(p),
                criterion=float(misfit + 2 * free),
                held_out=float(np.sqrt(np.mean(wrong**2))),
            )
        )
    best = min(fit.criterion for fit in fits)
    return sorted((replace(fit, criterion=fit.criterion - best) for fit in fits), key=lambda fit: fit.criterion)


def _misfit(design: NDArray[np.float64], measured: NDArray[np.float64], root: NDArray[np.float64]) -> float:
    """Return the least chi-square of a linear model under the covariance root root^T."""
    white = np.linalg.solve(root, np.column_stack([design, measured]))
    return np.sum((white[:, -1] - white[:, :-1] @ np.linalg.lstsq(white[:, :-1], white[:, -1], rcond=None)[0]) ** 2)
