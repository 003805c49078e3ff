"""The spectrum of the data: distinct eigenvalues of the input covariance and their weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import checks
from .fitting import PowerLawFit, fit_power_law

# Spacing of float64.
EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False, init=False)
class Spectrum:
    """Eigenvalues of the input covariance, scaled to mean 1.

    Parameters
    ----------
    eigenvalues : array_like, shape (L,)
        Positive; in any order and scale. Equal values remain separate levels.
    weights : array_like, shape (L,), optional
        Share of the N input directions that has each eigenvalue; scaled to sum 1. Default: equal.
    beta : float, optional
        Exponent, where the spectrum is a power law lambda_k ~ k^-(1+beta) by construction. Default: None, it is not.

    Attributes
    ----------
    eigenvalues : ndarray, shape (L,)
        Descending, with sum(weights * eigenvalues) = 1.
    weights : ndarray, shape (L,)
        Share w_k of the input directions in each level, with sum 1.
    beta : float or None
        Exponent of a power law; None for any other spectrum.

    Raises
    ------
    ValueError
        If an eigenvalue or weight is not positive and finite, or the lengths differ.

    Examples
    --------
    >>> import lib
    >>> lib.Spectrum([1.0, 3.0], weights=[3, 1]).eigenvalues
    array([2.        , 0.66666667])
    """

    eigenvalues: NDArray[np.float64]
    weights: NDArray[np.float64]
    beta: float | None

    def __init__(self, eigenvalues: ArrayLike, weights: ArrayLike | None = None, beta: float | None = None):
        eigenvalues = checks.array("eigenvalues", eigenvalues)
        weights = checks.array("weights", np.ones_like(eigenvalues) if weights is None else weights)
        if weights.shape != eigenvalues.shape:
            raise ValueError(f"weights has shape {weights.shape}: must be that of eigenvalues, {eigenvalues.shape}")
        for name, values in (("eigenvalues", eigenvalues), ("weights", weights)):
            if values.min() <= 0:
                i = int(np.argmin(values))
                raise ValueError(f"{name}[{i}] = {values[i]}: must be > 0")
        if beta is not None:
            checks.number("beta", beta, 0.0, open_minimum=True)
        object.__setattr__(self, "beta", beta)
        order = np.argsort(-eigenvalues, kind="stable")
        given_weights, weights = weights, weights[order] / weights.sum()
        # dividing by the largest first makes the mean finite for any range of doubles
        scaled = eigenvalues[order] / eigenvalues.max()
        scaled = scaled / np.sum(weights * scaled)
        for name, given, values in (("eigenvalues", eigenvalues, scaled), ("weights", given_weights, weights)):
            if not values.min() > 0 or not np.all(np.isfinite(values)):
                span = f"{given.min():g} to {given.max():g}"
                raise ValueError(f"{name} from {span}: their ratio must be a floating-point number")
            values.flags.writeable = False
            object.__setattr__(self, name, values)

    @classmethod
    def from_data(cls, X: ArrayLike) -> Spectrum:
        """Compute the spectrum of the sample covariance of the rows of ``X``.

        Parameters
        ----------
        X : array_like, shape (samples, features)
            Any scale; the mean is removed. Directions in which the data does not vary (constant
            features, or fewer samples than features) are left out, and so is what may be rounding: see
            :func:`lib.core.spectra.eigenbasis`.

        Returns
        -------
        Spectrum
            Of at most min(samples - 1, features) levels of equal weight.

        Raises
        ------
        ValueError
            If there are fewer than 2 samples, no variance at all, or values that are not finite.
        """
        _, triangle, rounding = _centred(X)
        return cls(_varying(np.linalg.svd(triangle, compute_uv=False), rounding) ** 2)

    @property
    def levels(self) -> int:
        """Number L of levels."""
        return self.eigenvalues.size

    @property
    def second_moment(self) -> float:
        """<lambda^2> = sum_k w_k lambda_k^2, ``eq-second-moment``, which sets the scale of everything fast."""
        return float(np.sum(self.weights * self.eigenvalues**2))

    def check_power_law(self) -> float:
        """Check that the spectrum is a power law by construction.

        Returns
        -------
        float
            Its exponent ``beta``.

        Raises
        ------
        ValueError
            If it is not.
        """
        if self.beta is None:
            raise ValueError(
                "spectrum: must be a power law, from lib.power_law; fit a measured one with spectrum.fit()"
            )
        return self.beta

    def multiplicities(self, N: int) -> NDArray[np.int64]:
        """Count how many of N input directions have each eigenvalue.

        Parameters
        ----------
        N : int
            Input dimension.

        Returns
        -------
        ndarray of int, shape (L,)
            n_k = N w_k.

        Raises
        ------
        ValueError
            If N < L or N times a weight is not a whole number.

        Examples
        --------
        >>> import lib
        >>> lib.Spectrum([1.0, 3.0], weights=[3, 1]).multiplicities(100)
        array([25, 75])
        """
        N = checks.whole("N", N)
        if N < self.levels:
            raise ValueError(f"N = {N}: must be at least the number of levels, {self.levels}")
        exact = N * self.weights
        counts = np.rint(exact).astype(int)
        rounding = max(1e-6, 4 * np.finfo(float).eps * N)  # of a weight, times N
        if np.any(np.abs(exact - counts) > rounding) or counts.min() < 1 or counts.sum() != N:
            k = int(np.argmax(np.abs(exact - counts)))
            rule = f"a multiple of {self.levels}" if np.ptp(self.weights) < 1e-12 else "such that N * weights is whole"
            raise ValueError(f"N = {N} gives level {k + 1} a multiplicity of {exact[k]:g}: must be {rule}")
        return counts

    def fit(self, window: tuple[float, float] | None = None) -> SpectrumFit:
        """Fit lambda_k ~ k^-(1+beta), ``eq-power-law``, over the ranks k = 1..L.

        Parameters
        ----------
        window : (float, float), optional
            First and last rank of the fit. Default: found by the rule of :func:`lib.fit_power_law`.

        Returns
        -------
        SpectrumFit
            The exponent with its standard error.

        Raises
        ------
        ValueError
            If there is no such window, or it holds fewer than 4 ranks.
        """
        law = fit_power_law(np.arange(1.0, self.levels + 1), self.eigenvalues, window=window)
        return SpectrumFit(-law.exponent - 1.0, law.standard_error, law.window, law)


def eigenbasis(X: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rotate data to the eigenbasis of its own covariance: the coordinates of the theory.

    Parameters
    ----------
    X : array_like, shape (samples, features)
        Any scale.

    Returns
    -------
    samples : ndarray, shape (samples, L)
        Mean removed, rotated, scaled to mean eigenvalue 1; directions without variance left out.
    eigenvalues : ndarray, shape (L,)
        Of the covariance of these very samples (a mean over them, exact), descending, with mean 1.

    Raises
    ------
    ValueError
        If there are fewer than 2 samples, no variance at all, or values that are not finite.

    Notes
    -----
    sqrt(n lambda_k) are the singular values of the centred samples, from which they are computed: their squares
    would lose what is below 1e-16 of the largest variance. A number stored with relative spacing e (2.2e-16 in float64,
    1.2e-7 in float32, 9.8e-4 in float16) is off by up to e/2 of itself, all n samples together by up to
    (e/2) |X| with |X|^2 the sum of the squares of all numbers as given, mean included; and no singular value changes by
    more than that. Computing them adds max(n, features) times 2.2e-16 of the largest. What is below the sum of the two
    cannot be told from zero and is left out.
    """
    centred, triangle, rounding = _centred(X)
    n, features = centred.shape
    values, right = np.linalg.svd(triangle)[1:]
    values = _varying(values, rounding)
    right = right[: values.size].T
    if features > n:  # the triangle is that of the transposed samples
        samples = right * values
    else:
        # A singular vector's sign is arbitrary: take that of the covariance's eigenvector, as stored results have it.
        signs = np.sign(np.sum(right * np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, : values.size], axis=0))
        samples = centred @ (right * np.where(signs < 0, -1.0, 1.0))
    eigenvalues = values**2 / n
    mean = eigenvalues.mean()
    return np.ascontiguousarray(samples) / np.sqrt(mean), eigenvalues / mean


def _centred(X):
    """Centred samples (n, features) in units of a power of 2; the smallest triangle that has their singular values,
    from a QR decomposition of them or, if there are fewer samples than features, of their transpose; and how much of a
    singular value may be rounding: (of the numbers as given, share of the largest by computing)."""
    X, spacing = checks.samples("X", X)
    if len(X) < 2:
        raise ValueError(f"X has {len(X)} sample: must have at least 2")
    X = np.ldexp(X, -np.frexp(np.abs(X).max())[1])  # whatever the scale, squares are numbers; no digit changes
    rounding = 0.5 * spacing * np.linalg.norm(X)
    X = X - X.mean(axis=0)
    X -= X.mean(axis=0)  # what rounding left of a mean that is large compared with the variation
    n, features = X.shape
    return X, np.linalg.qr(X if features <= n else X.T, mode="r"), (rounding, max(n, features) * EPSILON)


def _varying(values, rounding):
    """The singular values, descending, that are more than rounding; else ValueError."""
    given, share = rounding
    varying = values[values > given + share * values[0]]
    if varying.size == 0:
        raise ValueError("X does not vary: its covariance is zero")
    return varying


@dataclass(frozen=True)
class SpectrumFit:
    """The exponent of a measured spectrum, fitted.

    Attributes
    ----------
    beta : float
        Exponent in lambda_k ~ k^-(1+beta).
    standard_error : float
        Of ``beta``.
    window : (float, float)
        First and last rank used.
    law : PowerLawFit
        The fit of the eigenvalues themselves.
    """

    beta: float
    standard_error: float
    window: tuple[float, float]
    law: PowerLawFit


def power_law(beta: float, levels: int) -> Spectrum:
    """Make the spectrum lambda_k ~ k^-(1+beta), k = 1..levels, of mean 1 and equal weights: ``eq-power-law``.

    Parameters
    ----------
    beta : float
        Exponent, > 0: above 0 the trace converges as levels grow.
    levels : int
        Number L >= 1 of distinct eigenvalues; 1 gives isotropic data.

    Returns
    -------
    Spectrum
        With its ``beta``.

    Raises
    ------
    ValueError
        For arguments out of range, or if ``beta`` is so large that the last eigenvalue is zero in float64.

    Examples
    --------
    >>> import lib
    >>> lib.power_law(beta=1.0, levels=4).eigenvalues.round(4)
    array([2.8098, 0.7024, 0.3122, 0.1756])
    """
    beta = checks.number("beta", beta, 0.0, open_minimum=True)
    levels = checks.whole("levels", levels)
    eigenvalues = np.arange(1.0, levels + 1) ** -(1.0 + beta)
    if eigenvalues[-1] == 0.0:
        checks.refuse("beta", beta, f"so small that {levels}^-(1 + beta) is a floating-point number")
    return Spectrum(eigenvalues, beta=beta)


def source(spectrum: Spectrum, tau: float) -> NDArray[np.float64]:
    """Return the strengths t_k ~ k^-tau of a teacher in the levels of a spectrum, the source condition.

    The components of the teacher's weights in level k have mean square t_k. The strengths are normalised,
    sum_k w_k lambda_k t_k = 1, so that the variance of its field is that of a teacher equally strong in every level,
    which is tau = 0. A positive tau makes the task easier, with more of it in the leading levels.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance; k is their rank.
    tau : float
        Exponent of the source, any number.

    Returns
    -------
    ndarray, shape (L,)
        The strengths: ones for tau = 0.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.

    Examples
    --------
    >>> import lib
    >>> s = lib.power_law(1.0, 4)
    >>> lib.source(s, 1.0).round(4)
    array([1.2087, 0.6044, 0.4029, 0.3022])
    >>> lib.source(s, 0.0)
    array([1., 1., 1., 1.])
    """
    checks.spectrum(spectrum)
    tau = checks.number("tau", tau)
    if tau == 0.0:
        return np.ones(spectrum.levels)
    log_strength = -tau * np.log(np.arange(1.0, spectrum.levels + 1))
    # relative to the largest, the first or the last: finite for any tau
    strength = np.exp(log_strength - log_strength.max())
    return strength / np.sum(spectrum.weights * spectrum.eigenvalues * strength)
