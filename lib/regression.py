"""Chapter "Linear activations", its comparison: regression on a fixed set of examples, with kernels or random features.

The teacher and the data are those of the linear network: zeta = B . xi / sqrt(N) with components of B of mean
square 1, and P = alpha N examples that are kept and fitted, not seen once. The averages are the deterministic
equivalents of random-matrix theory, N -> infinity at fixed alpha. With kappa from

    sum_k w_k lambda_k / (lambda_k + kappa) + ridge / kappa = alpha

level k is learned if lambda_k >> kappa. For this teacher the best of all estimators is ridge regression with the ridge
equal to the variance of the label noise, and then 2 eps_g + noise = alpha kappa.
"""

import numpy as np

from .core import checks
from .kernels import regression as kernels

# Points of Talbot's contour: the method errs by some 10^(-0.6 n) and multiplies rounding by exp(0.4 n).
TALBOT = 20


def effective_ridge(spectrum, alpha, ridge=0.0):
    """kappa, the eigenvalue down to which the examples determine the teacher.

    Parameters
    ----------
    spectrum : Spectrum
    alpha : array_like, shape (n,) or a number
        Examples / N, > 0, increasing.
    ridge : float
        Of min sum_mu (zeta_mu - J . xi_mu / sqrt N)^2 + ridge |J|^2, >= 0.

    Returns
    -------
    ndarray, shape (n,)
        0 where alpha >= 1 without a ridge.
    """
    checks.spectrum(spectrum)
    alpha, ridge = checks.times("alpha", alpha, open_minimum=True), checks.number("ridge", ridge, 0.0)
    kappa = np.empty_like(alpha)
    kernels.effective_ridges(spectrum.eigenvalues, spectrum.weights, ridge, alpha, kappa)
    return kappa


def error(spectrum, alpha, ridge=0.0, noise=0.0):
    """Mean eps_g of ridge regression on alpha N examples, against the noiseless teacher.

    eps_g = (alpha kappa V + noise S) / (alpha - S) / 2 with V = sum_k w_k lambda_k kappa / (lambda_k + kappa)^2 and
    S = sum_k w_k lambda_k^2 / (lambda_k + kappa)^2 (Bordelon, Canatar and Pehlevan 2020). It is alpha kappa / 2
    without ridge and noise, and (alpha kappa - noise) / 2 at the best ridge, which is the noise.

    Parameters
    ----------
    spectrum, alpha, ridge
        As in :func:`effective_ridge`.
    noise : float
        Variance of Gaussian noise on the labels of the examples, >= 0.

    Returns
    -------
    ndarray, shape (n,)
        Infinite at alpha = 1 with noise and without a ridge.
    """
    checks.spectrum(spectrum)
    noise = checks.number("noise", noise, 0.0)
    alpha, kappa = checks.times("alpha", alpha, open_minimum=True), effective_ridge(spectrum, alpha, ridge)
    out = np.empty_like(alpha)
    for i, (a, x) in enumerate(zip(alpha, kappa)):
        if x == 0.0:  # no ridge, and every direction determined
            out[i] = 0.0 if noise == 0.0 else 0.5 * noise / (a - 1.0) if a > 1.0 else np.inf
            continue
        share = spectrum.eigenvalues / (spectrum.eigenvalues + x)
        known = np.sum(spectrum.weights * share**2)
        unknown = np.sum(spectrum.weights * share * x / (spectrum.eigenvalues + x))
        out[i] = 0.5 * (a * x * unknown + noise * known) / (unknown + ridge / x)  # alpha - S, free of cancellation
    return out


def gradient_flow_error(spectrum, alpha, time):
    """Mean eps_g of gradient flow on the mean loss over alpha N kept examples, stopped at ``time``; no noise, J(0) = 0.

    The flow leaves exp(-2 t C) of the squared distance, C the covariance of the examples, so that the Laplace transform of
    2 eps_g in 2t is a trace over 1/(z + C), which :func:`effective_ridge` gives for a ridge alpha z:

        integral of 2 eps_g exp(-2 z t) d(2t) = alpha (kappa/z - 1) = (kappa/z) sum_k w_k lambda_k / (lambda_k + kappa).

    It is inverted by Talbot's method, on a contour of complex z, to some 1e-6 of eps_g(0) and of the value. Infinitely many examples give
    :func:`lib.linear.small_eta_error`, and an infinite time :func:`error`.

    Parameters
    ----------
    spectrum : Spectrum
    alpha : float
        Examples / N, > 0.
    time : array_like, shape (n,) or a number
        t = eta alpha of the network's clock, > 0, increasing.

    Returns
    -------
    ndarray, shape (n,)
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


def _complex_ridge(spectrum, alpha, z, kappa):
    """kappa with kappa [1 - sum_k w_k lambda_k / (lambda_k + kappa) / alpha] = z, by Newton's method from ``kappa``."""
    for _ in range(100):
        share = spectrum.weights * spectrum.eigenvalues / (spectrum.eigenvalues + kappa)
        rest = 1.0 - share.sum() / alpha
        change = (kappa * rest - z) / (rest + kappa * np.sum(share / (spectrum.eigenvalues + kappa)) / alpha)
        kappa -= change
        if abs(change) <= 1e-14 * abs(kappa):
            break
    return kappa


def random_feature_error(spectrum, alpha, features):
    """Mean eps_g of regression without ridge or noise on Gaussian random features of the input.

    With F = features N projections Omega xi, Omega of independent normal entries, and P = alpha N examples, the smaller
    of the two numbers says how much can be learned, and the larger how much noise the rest makes:
    eps_g = m kappa(m) / (1 - m / max) / 2 with m = min(alpha, features) (Maloney, Roberts and Sully 2022).

    Parameters
    ----------
    spectrum, alpha
        As in :func:`effective_ridge`.
    features : float
        Features / N, > 0; inf gives :func:`error`.

    Returns
    -------
    ndarray, shape (n,)
        Infinite at alpha = features < 1.
    """
    checks.spectrum(spectrum)
    alpha = checks.times("alpha", alpha, open_minimum=True)
    if features != np.inf:
        features = checks.number("features", features, 0.0, open_minimum=True)
    smaller, larger = np.minimum(alpha, features), np.maximum(alpha, features)
    limit = 0.5 * smaller * effective_ridge(spectrum, np.unique(smaller))[np.searchsorted(np.unique(smaller), smaller)]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(limit > 0.0, limit / (1.0 - smaller / larger), 0.0)


def power_law_error(spectrum, alpha):
    """The power law (alpha L)^-beta that :func:`error` without ridge and noise follows for 1/L << alpha << 1.

    eps_g = (lambda_1/L)/2 I^(1+beta) l (l + 1/2)^-(1+beta) with l = alpha L and I = (pi/(1+beta)) / sin(pi/(1+beta)). A
    finite number of levels lowers it by (1 + beta) times ``lib.linear.offset`` at a vanishing rate.

    Parameters and result as :func:`effective_ridge`; needs a spectrum from :func:`lib.power_law`.
    """
    checks.spectrum(spectrum)
    alpha = checks.times("alpha", alpha, open_minimum=True)
    L, power = spectrum.levels, 1.0 + spectrum.check_power_law()
    ranks, integral = alpha * L, np.pi / power / np.sin(np.pi / power)
    return 0.5 * spectrum.eigenvalues[0] / L * integral**power * ranks * (ranks + 0.5) ** -power


def experiment(spectrum, N, examples, features=None, ridge=0.0, noise=0.0, time=np.inf, seeds=8):
    """eps_g of regressions that were actually done: data and teachers drawn, weights fitted by linear algebra.

    Parameters
    ----------
    spectrum : Spectrum
    N : int
        Input dimension; see :meth:`lib.Spectrum.multiplicities`.
    examples : int
        P.
    features : int, optional
        Number F of Gaussian random features; default: the inputs themselves.
    ridge, noise : float
        As in :func:`error`.
    time : float or array_like, shape (n,)
        Stop gradient flow on the mean loss over the examples at this time, eta alpha of the network's clock, instead
        of fitting to the end; needs ridge = 0 and no ``features``. Several times look at the same runs.
    seeds : int
        Number of runs, each with its own data, teacher and features.

    Returns
    -------
    ndarray, shape (seeds,), or (seeds, n) for n times
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
    root = np.sqrt(np.repeat(spectrum.eigenvalues, spectrum.multiplicities(N)))
    out = np.empty((seeds, len(times)))
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        X, B = rng.standard_normal((P, root.size)) * root, rng.standard_normal(root.size)
        labels = X @ B / np.sqrt(N) + np.sqrt(noise) * rng.standard_normal(P)
        project = None
        if features is not None:
            project = rng.standard_normal((checks.whole("features", features), root.size))
        fits = _fits(X if project is None else X @ project.T, labels, ridge * N, times)
        for i, w in enumerate(fits):
            J = np.sqrt(N) * (w if project is None else project.T @ w)
            out[seed, i] = 0.5 * np.mean((root * (B - J)) ** 2)
    return out if several else out[:, 0]


def _fits(X, y, ridge, times):
    """Weights w of the fit y ~ X w: ridge regression, of least norm without a ridge, or gradient flow up to each time."""
    U, size, V = np.linalg.svd(X, full_matrices=False)
    kept = size > 1e-12 * size[0]
    U, size, V = U[:, kept], size[kept], V[kept]
    for time in times:
        learned = size**2 / (size**2 + ridge) if time == np.inf else -np.expm1(-time * size**2 / len(y))
        yield V.T @ (learned / size * (U.T @ y))
