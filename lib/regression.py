"""Chapter "Linear activations", its comparison: regression on a fixed set of examples, with kernels or random features.

The teacher and the data are those of the linear network: zeta = B . xi / sqrt(N) with components of B of mean
square 1. P = alpha N examples are stored and fitted together, instead of being seen once. The averages are the
deterministic equivalents of random-matrix theory, N -> infinity at fixed alpha (``eq-effective-ridge``). With
kappa from

    sum_k w_k lambda_k / (lambda_k + kappa) + ridge / kappa = alpha

level k is learned if lambda_k >> kappa. For this teacher the best estimator is ridge regression with the ridge equal to
the variance of the label noise, and then 2 eps_g + noise = alpha kappa.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .core import checks
from .core.spectra import Spectrum
from .kernels import regression as kernels

# Points n of Talbot's contour: its error is some 10^(-0.6 n), and it multiplies rounding errors by exp(0.4 n).
TALBOT = 20


def effective_ridge(spectrum: Spectrum, alpha: ArrayLike, ridge: float = 0.0) -> NDArray[np.float64]:
    """Compute kappa, the eigenvalue down to which the examples determine the teacher.

    Equation ``eq-effective-ridge`` of the book.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    alpha : array_like, shape (n,), or float
        Examples / N, > 0 and increasing.
    ridge : float
        Of min sum_mu (zeta_mu - J . xi_mu / sqrt N)^2 + ridge |J|^2 (``eq-ridge``), >= 0. Default: 0.

    Returns
    -------
    ndarray, shape (n,)
        0 where alpha >= 1 without a ridge.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.

    Examples
    --------
    >>> import lib
    >>> lib.regression.effective_ridge(lib.power_law(1.0, 64), [0.1, 0.5]).round(4)
    array([1.8552, 0.0502])
    """
    checks.spectrum(spectrum)
    alpha, ridge = checks.times("alpha", alpha, open_minimum=True), checks.number("ridge", ridge, 0.0)
    kappa = np.empty_like(alpha)
    kernels.effective_ridges(spectrum.eigenvalues, spectrum.weights, ridge, alpha, kappa)
    return kappa


def error(
    spectrum: Spectrum, alpha: ArrayLike, ridge: float = 0.0, noise: float = 0.0, strength: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Compute the mean eps_g of ridge regression on alpha N examples, against the noiseless teacher.

    Equation ``eq-effective-ridge`` of the book (Bordelon, Canatar and Pehlevan 2020):
    eps_g = (alpha kappa V + noise S) / (alpha - S) / 2 with V = sum_k w_k lambda_k kappa / (lambda_k + kappa)^2 and
    S = sum_k w_k lambda_k^2 / (lambda_k + kappa)^2. Without ridge and noise it is alpha kappa / 2
    (``eq-kernel-error``), and at the best ridge, which is the noise, (alpha kappa - noise) / 2. A teacher of strength
    t_k in level k has t_k in the sum V, and there alone; then these two are not so.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    alpha : array_like, shape (n,), or float
        Examples / N, > 0 and increasing.
    ridge : float
        Of min sum_mu (zeta_mu - J . xi_mu / sqrt N)^2 + ridge |J|^2, >= 0. Default: 0.
    noise : float
        Variance of Gaussian noise on the labels of the examples, >= 0. Default: 0.
    strength : array_like, shape (L,), optional
        Strengths t_k >= 0 of the teacher in the levels, as from :func:`lib.source`. Default: one in each.

    Returns
    -------
    ndarray, shape (n,)
        eps_g for every number of examples; infinite at alpha = 1 with noise and without a ridge.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.

    Examples
    --------
    >>> import lib
    >>> lib.regression.error(lib.power_law(1.0, 64), [0.1, 0.5], ridge=0.01, noise=0.01).round(4)
    array([0.0972, 0.0187])
    """
    checks.spectrum(spectrum)
    noise = checks.number("noise", noise, 0.0)
    strengths = None if strength is None else checks.strength(spectrum, strength)
    alpha, kappa = checks.times("alpha", alpha, open_minimum=True), effective_ridge(spectrum, alpha, ridge)
    out = np.empty_like(alpha)
    for i, (a, x) in enumerate(zip(alpha, kappa)):
        if x == 0.0:  # no ridge, and every direction determined
            out[i] = 0.0 if noise == 0.0 else 0.5 * noise / (a - 1.0) if a > 1.0 else np.inf
            continue
        share = spectrum.eigenvalues / (spectrum.eigenvalues + x)
        known = np.sum(spectrum.weights * share**2)
        parts = spectrum.weights * share * x / (spectrum.eigenvalues + x)
        unknown = np.sum(parts)
        missed = unknown if strengths is None else np.sum(parts * strengths)
        out[i] = 0.5 * (a * x * missed + noise * known) / (unknown + ridge / x)  # alpha - S, free of cancellation
    return out


def gradient_flow_error(spectrum: Spectrum, alpha: float, time: ArrayLike) -> NDArray[np.float64]:
    """Compute the mean eps_g of gradient flow on the mean loss over a fixed set of examples, stopped at ``time``.

    There are alpha N examples without noise, and J(0) = 0. The flow leaves exp(-2 t C) of the squared distance, C the
    covariance of the examples. So the Laplace transform of 2 eps_g in 2t is a trace over 1/(z + C), which
    :func:`effective_ridge` gives for a ridge alpha z (``eq-gradient-flow``):

        integral of 2 eps_g exp(-2 z t) d(2t) = alpha (kappa/z - 1) = (kappa/z) sum_k w_k lambda_k / (lambda_k + kappa).

    It is inverted by Talbot's method, on a contour of complex z, to some 1e-6 of eps_g(0) and of the value. Infinitely
    many examples give :func:`lib.linear.small_eta_error`, and an infinite time :func:`error`.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    alpha : float
        Examples / N, > 0.
    time : array_like, shape (n,), or float
        t = eta alpha of the network's clock, > 0 and increasing.

    Returns
    -------
    ndarray, shape (n,)
        eps_g at every time.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    checks.spectrum(spectrum)
    alpha = checks.number("alpha", alpha, 0.0, open_minimum=True)
    time = checks.times("time", time, open_minimum=True)
    angle = np.arange(1, TALBOT) * np.pi / TALBOT
    cotangent = 1.0 / np.tan(angle)
    contour = np.append(1.0 + 0.0j, angle * (cotangent + 1j))
    slope = np.append(0.5 + 0.0j, 1.0 + 1j * (angle + (angle * cotangent - 1.0) * cotangent))
    out = np.empty_like(time)
    for i, t in enumerate(2.0 * time):
        scale, kappa, before, total = 0.4 * TALBOT / t, None, None, 0.0
        for z, weight in zip(scale * contour, slope):
            # from the real kappa on the axis along the contour, each a start for the next
            kappa = effective_ridge(spectrum, alpha, alpha * z.real)[0] + 0.0j if kappa is None else kappa * z / before
            kappa, before = _complex_ridge(spectrum, alpha, z, kappa), z
            transform = kappa / z * np.sum(spectrum.weights * spectrum.eigenvalues / (spectrum.eigenvalues + kappa))
            total += (np.exp(z * t) * transform * weight).real
        out[i] = 0.5 * scale / TALBOT * total
    return out


def _complex_ridge(spectrum: Spectrum, alpha: float, z: complex, kappa: complex) -> complex:
    """Solve kappa [1 - sum_k w_k lambda_k / (lambda_k + kappa) / alpha] = z by Newton's method from ``kappa``."""
    for _ in range(100):
        share = spectrum.weights * spectrum.eigenvalues / (spectrum.eigenvalues + kappa)
        rest = 1.0 - share.sum() / alpha
        change = (kappa * rest - z) / (rest + kappa * np.sum(share / (spectrum.eigenvalues + kappa)) / alpha)
        kappa -= change
        if abs(change) <= 1e-14 * abs(kappa):
            break
    return kappa


def random_feature_error(spectrum: Spectrum, alpha: ArrayLike, features: float) -> NDArray[np.float64]:
    """Compute the mean eps_g of regression without ridge or noise on Gaussian random features of the input.

    Equation ``eq-random-features`` of the book (Maloney, Roberts and Sully 2022). With F = features N projections
    Omega xi, Omega of independent normal entries, and P = alpha N examples, the smaller of the two numbers limits what
    can be learned, and the larger how much noise the rest makes: eps_g = m kappa(m) / (1 - m / max) / 2 with
    m = min(alpha, features).

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    alpha : array_like, shape (n,), or float
        Examples / N, > 0 and increasing.
    features : float
        Features / N, > 0; inf gives :func:`error`.

    Returns
    -------
    ndarray, shape (n,)
        eps_g for every number of examples; infinite at alpha = features < 1.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    checks.spectrum(spectrum)
    alpha = checks.times("alpha", alpha, open_minimum=True)
    if features != np.inf:
        features = checks.number("features", features, 0.0, open_minimum=True)
    smaller, larger = np.minimum(alpha, features), np.maximum(alpha, features)
    limit = 0.5 * smaller * effective_ridge(spectrum, np.unique(smaller))[np.searchsorted(np.unique(smaller), smaller)]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(limit > 0.0, limit / (1.0 - smaller / larger), 0.0)


def power_law_error(spectrum: Spectrum, alpha: ArrayLike) -> NDArray[np.float64]:
    """Compute the power law (alpha L)^-beta that the error without ridge and noise follows for 1/L << alpha << 1.

    Equation ``eq-kernel-law`` of the book, with the rank shifted by 1/2:
    eps_g = (lambda_1/L)/2 I^(1+beta) l (l + 1/2)^-(1+beta) with l = alpha L and I = (pi/(1+beta)) / sin(pi/(1+beta)). A
    finite number of levels lowers it by (1 + beta) times :func:`lib.linear.offset` at a vanishing rate.

    Parameters
    ----------
    spectrum : Spectrum
        A power law, from :func:`lib.power_law`.
    alpha : array_like, shape (n,), or float
        Examples / N, > 0 and increasing.

    Returns
    -------
    ndarray, shape (n,)
        The power law for every number of examples.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    checks.spectrum(spectrum)
    alpha = checks.times("alpha", alpha, open_minimum=True)
    L, power = spectrum.levels, 1.0 + spectrum.check_power_law()
    ranks, integral = alpha * L, np.pi / power / np.sin(np.pi / power)
    return 0.5 * spectrum.eigenvalues[0] / L * integral**power * ranks * (ranks + 0.5) ** -power


def experiment(
    spectrum: Spectrum,
    N: int,
    examples: int,
    features: int | None = None,
    ridge: float = 0.0,
    noise: float = 0.0,
    time: ArrayLike = np.inf,
    seeds: int = 8,
    *,
    strength: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Measure eps_g of regressions: draw data and teachers, and fit the weights by linear algebra.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    N : int
        Input dimension, split over the levels by :meth:`lib.Spectrum.multiplicities`.
    examples : int
        Number P of examples, >= 1.
    features : int, optional
        Number F of Gaussian random features, >= 1. Default: the inputs themselves.
    ridge : float
        Of min sum_mu (zeta_mu - J . xi_mu / sqrt N)^2 + ridge |J|^2, >= 0. Default: 0.
    noise : float
        Variance of Gaussian noise on the labels of the examples, >= 0. Default: 0.
    time : float or array_like, shape (n,)
        Stop gradient flow on the mean loss over the examples at this time, eta alpha of the network's clock; needs
        ridge = 0 and no ``features``. Several times look at the same runs. Default: infinity, the complete fit.
    seeds : int
        Number of runs, each with its own data, teacher and features. Default: 8.
    strength : array_like, shape (L,), optional
        Strengths t_k >= 0 of the teacher in the levels, as from :func:`lib.source`. Default: one in each.

    Returns
    -------
    ndarray, shape (seeds,), or (seeds, n) for n times
        eps_g of every run.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.

    Examples
    --------
    >>> import lib
    >>> lib.regression.experiment(lib.power_law(1.0, 16), N=64, examples=32, seeds=2).round(4)
    array([0.0538, 0.0348])
    """
    checks.spectrum(spectrum)
    P, seeds = checks.whole("examples", examples), checks.whole("seeds", seeds)
    ridge, noise = checks.number("ridge", ridge, 0.0), checks.number("noise", noise, 0.0)
    several = np.ndim(time) > 0
    if several or time != np.inf:
        times = checks.times("time", time)
        if ridge > 0 or features is not None:
            checks.refuse("time", time, "left out with a ridge or with features")
    else:
        times = [np.inf]
    counts = spectrum.multiplicities(N)
    root = np.sqrt(np.repeat(spectrum.eigenvalues, counts))
    size = None if strength is None else np.sqrt(np.repeat(checks.strength(spectrum, strength), counts))
    out = np.empty((seeds, len(times)))
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        X, B = rng.standard_normal((P, root.size)) * root, rng.standard_normal(root.size)
        if size is not None:
            B *= size
        labels = X @ B / np.sqrt(N) + np.sqrt(noise) * rng.standard_normal(P)
        project = None
        if features is not None:
            project = rng.standard_normal((checks.whole("features", features), root.size))
        fits = _fits(X if project is None else X @ project.T, labels, ridge * N, times)
        for i, w in enumerate(fits):
            J = np.sqrt(N) * (w if project is None else project.T @ w)
            out[seed, i] = 0.5 * np.mean((root * (B - J)) ** 2)
    return out if several else out[:, 0]


def _fits(
    X: NDArray[np.float64], y: NDArray[np.float64], ridge: float, times: Iterable[float]
) -> Iterator[NDArray[np.float64]]:
    """Yield the weights w of the fit y ~ X w at each time: an infinite time is ridge regression, of least norm
    without a ridge; a finite one is where gradient flow stops."""
    U, size, V = np.linalg.svd(X, full_matrices=False)
    nonzero = size > 1e-12 * size[0]
    U, size, V = U[:, nonzero], size[nonzero], V[nonzero]
    for time in times:
        learned = size**2 / (size**2 + ridge) if time == np.inf else -np.expm1(-time * size**2 / len(y))
        yield V.T @ (learned / size * (U.T @ y))
