"""Chapter "Linear activations": learning curves in closed form.

With the mean error of level k, e_k = q_k - 2 r_k + t_k, and E = sum_k w_k lambda_k e_k = 2 eps_g, the flow of one
student and one teacher unit is

    e_k' = -2 eta lambda_k e_k + eta^2 lambda_k E,        e_k(0) = 1 + sigma_J^2.

K students and M teachers act through their sums only, J = sqrt(M)/K sum_i J_i and B = 1/sqrt(M) sum_n B_n, whose
error obeys the same equation with eta M/K for eta, and starts from 1 + sigma_J^2 M/K: exactly for orthonormal
teachers, in the mean over draws for random ones. Every function takes them as ``students`` and ``teachers``.
"""

import numpy as np
from scipy.linalg import eigh_tridiagonal
from scipy.optimize import brentq, minimize_scalar

from .core import checks
from .core.spectra import eigenbasis
from .kernels import linear as kernels
from .maths import gamma

# Spectra of more levels than this are condensed before their modes are found, at a cost of O(L^2): some milliseconds.
MOST_LEVELS = 512
# Points of a Gauss rule, and the gap above the smallest eigenvalue, relative to it, of the first panel: see condensed.
POINTS, FIRST_GAP = 16, 0.02
CHUNK = 4096
# Gauss' two points of a step lie so far from its middle, in its lengths.
GAUSS = 0.5 / np.sqrt(3.0)
# Points of the rules, from so many levels on, that are enough to find the best learning rate, and to look for it.
OPTIMUM_LEVELS, OPTIMUM_POINTS, SEARCH_POINTS = 256, 10, 4


def exponent(beta):
    """Exponent of the learning curve's power law, beta / (1 + beta): eps_g ~ alpha^-exponent.

    Examples
    --------
    >>> import lib
    >>> lib.linear.exponent(1.0)
    0.5
    """
    beta = checks.number("beta", beta, 0.0, open_minimum=True)
    return beta / (1.0 + beta)


def critical_eta(spectrum, students=1, teachers=1, N=None, fourth_moments=None):
    """Largest learning rate at which the error stays bounded.

    In the limit N -> infinity it is 2 K / M, whatever the spectrum. At finite N a step is finite for the
    leading directions, and g = eta M / K solves sum_k w_k g lambda_k / (2 (1 - g lambda_k / N)) = 1.

    Parameters
    ----------
    spectrum : Spectrum
    students, teachers : int
        K and M.
    N : int, optional
        Input dimension; default: the limit.
    fourth_moments : ndarray, shape (L, L), optional
        Of real data, from :func:`fourth_moments`: the rate at which :func:`measured_error` ceases to decay.
        N is then L.

    Returns
    -------
    float
    """
    checks.spectrum(spectrum)
    K, M = checks.whole("students", students), checks.whole("teachers", teachers)
    scale = K / M
    if fourth_moments is not None:
        moments = check_moments(spectrum, fourth_moments)
        # 1 - 2 g lambda + g^2 K has eigenvalue 1 where g K = 2 lambda: a generalised eigenvalue problem
        root = np.sqrt(0.5 / spectrum.eigenvalues)
        return scale * spectrum.levels / np.linalg.eigvalsh(root[:, None] * moments * root)[-1]
    if N is None:
        return 2.0 * scale
    N = checks.whole("N", N)
    spectrum.multiplicities(N)
    eigenvalues, weights = spectrum.eigenvalues, spectrum.weights

    def excess(rate):
        return np.sum(weights * rate * eigenvalues / (2.0 * (1.0 - rate * eigenvalues / N))) - 1.0

    pole = N / eigenvalues[0]
    return scale * brentq(excess, 0.0, min(2.0, pole * (1.0 - 1e-14)), xtol=1e-14)


def generalization_error(spectrum, eta, alpha, sigma_J=0.0, students=1, teachers=1):
    """eps_g at any learning rate, exact for N -> infinity.

    The flow's matrix is diagonal plus rank one; its rates solve a secular equation. Costs O(L^2) once
    and O(L) per time. Up to the critical rate its error relative to eps_g itself is some
    1e-15 (1 + ln(eps_g(0)/eps_g)) / (1 - eta M/(2 K) + w_L lambda_L). Above it the formula still holds, and grows. More than
    ``MOST_LEVELS`` levels are condensed first (:func:`condensed`), at a cost of O(L) and an error of the same size.

    Parameters
    ----------
    spectrum : Spectrum
    eta : float
        Learning rate, > 0.
    alpha : array_like, shape (n,) or a number
        Times >= 0, increasing.
    sigma_J : float
        Standard deviation of the students' initial weights.
    students, teachers : int
        K and M.

    Returns
    -------
    ndarray, shape (n,)
    """
    checks.spectrum(spectrum)
    eta, alpha, start = _arguments(eta, alpha, sigma_J, students, teachers)
    eigenvalues, weights = condensed(spectrum)
    x, c = np.empty(eigenvalues.size), np.empty(eigenvalues.size)
    kernels.modes(eigenvalues, weights, eta, x, c, np.empty(4))
    return _decay_sum(2.0 * eta * x, c, start, alpha)


def condensed(spectrum, points=POINTS, most=None):
    """Some hundred levels with the learning curve of a spectrum of many.

    The curve depends on the spectrum through sums f(lambda) = sum_k w_k lambda_k lambda_k^p exp(-c lambda_k) alone,
    p = 0, 1. On a panel of levels such a sum is the integral of a smooth function over a discrete measure, and its
    Gauss rule, whose nodes lie in the panel and whose weights are positive, stands for it: fewer levels, of the
    same kind. Panels double their distance from the smallest eigenvalue, so that they resolve
    exp(-c (lambda - lambda_L)) wherever it is not negligible, and the curve keeps its relative accuracy down to
    e^-700, where doubles end. A panel of few levels keeps them.

    Parameters
    ----------
    spectrum : Spectrum
    points : int
        Of the rule of a panel: 16 give full accuracy.
    most : int, optional
        A spectrum of so many levels or fewer stays as it is. Default: ``MOST_LEVELS``.

    Returns
    -------
    eigenvalues, weights : ndarray, shape (n,)
        Descending.
    """
    checks.spectrum(spectrum)
    if spectrum.levels <= (MOST_LEVELS if most is None else most):
        return spectrum.eigenvalues, spectrum.weights
    rising, mass = spectrum.eigenvalues[::-1], (spectrum.eigenvalues * spectrum.weights)[::-1]
    doublings = int(max(0.0, np.log2(rising[-1] / rising[0] / FIRST_GAP))) + 1
    ends = np.searchsorted(rising, rising[0] * (1.0 + FIRST_GAP * 2.0 ** np.arange(doublings)), side="right")
    rules = [_gauss_rule(x, m, points) for x, m in zip(np.split(rising, ends), np.split(mass, ends)) if x.size]
    nodes, masses = (np.concatenate(parts)[::-1].copy() for parts in zip(*rules))
    return nodes, masses / nodes


def _gauss_rule(x, mass, points):
    """Nodes and masses, ``points`` or fewer, with the moments up to 2 points - 1 of masses at rising places x.

    Lanczos' process on the matrix of x from the vector of sqrt(mass), with every vector orthogonalised against all
    before: eigenvalues of its tridiagonal matrix are the nodes. Long arrays go in two stages, to save memory.
    """
    if x.size <= points:
        return x, mass
    if x.size > CHUNK:
        cuts = np.arange(CHUNK, x.size, CHUNK)
        rules = [_gauss_rule(*part, points) for part in zip(np.split(x, cuts), np.split(mass, cuts))]
        return _gauss_rule(*(np.concatenate(parts) for parts in zip(*rules)), points)
    centre, width = 0.5 * (x[0] + x[-1]), 0.5 * (x[-1] - x[0])
    total = mass.sum()
    if width <= 1e-13 * centre:
        return np.array([centre]), np.array([total])
    place, basis = (x - centre) / width, np.empty((points, x.size))
    diagonal, beside = np.empty(points), np.empty(points)
    basis[0] = np.sqrt(mass / total)
    for j in range(points):
        vector = place * basis[j]
        diagonal[j] = vector @ basis[j]
        vector -= (basis[: j + 1] @ vector) @ basis[: j + 1]
        beside[j] = np.sqrt(vector @ vector)
        if beside[j] < 0.1:  # little is left: a second pass removes what rounding left of the first
            vector -= (basis[: j + 1] @ vector) @ basis[: j + 1]
            beside[j] = np.sqrt(vector @ vector)
        if j == points - 1 or beside[j] < 1e-13:  # of so few different places the rule is complete
            break
        basis[j + 1] = vector / beside[j]
    nodes, vectors = eigh_tridiagonal(diagonal[: j + 1], beside[:j])
    return centre + width * nodes, total * vectors[0] ** 2


def small_eta_error(spectrum, eta, alpha, sigma_J=0.0, students=1, teachers=1):
    """eps_g to leading order in the learning rate: (1 + sigma_J^2)/2 sum_k w_k lambda_k exp(-2 eta lambda_k alpha).

    Parameters and result as :func:`generalization_error`.
    """
    checks.spectrum(spectrum)
    eta, alpha, start = _arguments(eta, alpha, sigma_J, students, teachers)
    eigenvalues = spectrum.eigenvalues
    return _decay_sum(2.0 * eta * eigenvalues, spectrum.weights * eigenvalues, start, alpha)


def incomplete_gamma_error(spectrum, eta, alpha, sigma_J=0.0, students=1, teachers=1):
    """The small-rate sum with the sum over ranks replaced by an integral from 1/2 to L + 1/2.

    eps_g = (1 + sigma_J^2)/2 (lambda_1/L) X^-s / (1 + beta) [gamma(s, X 2^(1+beta)) - gamma(s, X (L + 1/2)^-(1+beta))]
    with X = 2 eta lambda_1 alpha, s = beta/(1 + beta) and gamma the lower incomplete gamma function.

    Parameters and result as :func:`generalization_error`; needs a spectrum from :func:`lib.power_law`,
    and alpha > 0.
    """
    checks.spectrum(spectrum)
    alpha = checks.times("alpha", alpha, open_minimum=True)
    eta, alpha, start = _arguments(eta, alpha, sigma_J, students, teachers)
    beta, L = spectrum.check_power_law(), spectrum.levels
    s = exponent(beta)
    out = np.empty_like(alpha)
    for i, X in enumerate(2.0 * eta * spectrum.eigenvalues[0] * alpha):
        # of the two incomplete gammas take the pair, lower or upper, that does not cancel
        high, low = X * 2.0 ** (1.0 + beta), X * (L + 0.5) ** -(1.0 + beta)
        if low < 1.0:
            window = gamma.lower_gamma(s, high) - gamma.lower_gamma(s, low)
        else:
            window = gamma.upper_gamma(s, low) - gamma.upper_gamma(s, high)
        out[i] = start * spectrum.eigenvalues[0] / L / (1.0 + beta) * X**-s * window
    return out


def power_law_error(spectrum, eta, alpha, sigma_J=0.0, students=1, teachers=1):
    """The power law that the curve follows in its window: prefactor times alpha^-(beta/(1+beta)).

    eps_g = (1 + sigma_J^2)/2 (lambda_1/L) Gamma(s)/(1 + beta) (2 eta lambda_1 alpha)^-s / (1 - eta/2); the curve
    itself lies below by the constant :func:`offset`. Parameters and result as
    :func:`incomplete_gamma_error`; needs eta < 2 K/M.
    """
    checks.spectrum(spectrum)
    alpha = checks.times("alpha", alpha, open_minimum=True)
    eta, alpha, start = _arguments(eta, alpha, sigma_J, students, teachers, bound=2.0)
    beta, L = spectrum.check_power_law(), spectrum.levels
    s = exponent(beta)
    leading = spectrum.eigenvalues[0]
    prefactor = start * leading / L * gamma.gamma(s) / (1.0 + beta) / (1.0 - 0.5 * eta)
    return prefactor * (2.0 * eta * leading * alpha) ** -s


def offset(spectrum, eta, sigma_J=0.0, students=1, teachers=1):
    """The constant by which a finite number of levels lowers the curve below its power law.

    It is what the missing levels k > L would add, (1 + sigma_J^2)/2 (lambda_1/L) (L + 1/2)^-beta / beta / (1 - eta/2),
    and the reason why a raw log-log slope is always too steep: fit eps_g + offset.

    Parameters
    ----------
    spectrum : Spectrum
        From :func:`lib.power_law`.
    eta, sigma_J, students, teachers
        As in :func:`generalization_error`; eta < 2 K/M.

    Returns
    -------
    float
    """
    checks.spectrum(spectrum)
    eta, _, start = _arguments(eta, 1.0, sigma_J, students, teachers, bound=2.0)
    beta, L = spectrum.check_power_law(), spectrum.levels
    return start * spectrum.eigenvalues[0] / L * (L + 0.5) ** -beta / beta / (1.0 - 0.5 * eta)


def optimal_eta(spectrum, alpha, students=1, teachers=1):
    """The constant learning rate with which eps_g is smallest at time ``alpha``, for N -> infinity.

    A larger rate learns more directions in the time given, and amplifies the noise by 1/(1 - eta/2). In the
    power law's window the balance is eta = 2 s/(1 + s) = 2 beta/(1 + 2 beta); more generally
    2 s/(1 + s) with s the local slope -d ln eps_g / d ln alpha of :func:`small_eta_error`. For alpha -> 0 it is 1,
    and for alpha -> infinity the rate at which the slowest mode decays fastest, near 2 for many levels.

    Parameters
    ----------
    spectrum : Spectrum
    alpha : array_like, shape (n,) or a number
        Times > 0, increasing.
    students, teachers : int
        K and M; the optimum is K/M times that of one student and one teacher, whatever sigma_J.

    Returns
    -------
    ndarray, shape (n,)
        The minimum over (0, 2 K/M), to some 1e-6: it is flat, and known no better than its height. A spectrum
        with gaps may have several minima; this is the lowest.
    """
    checks.spectrum(spectrum)
    alpha = checks.times("alpha", alpha, open_minimum=True)
    _arguments(1.0, alpha, 0.0, students, teachers)

    def rate(logit):
        return 2.0 / (1.0 + np.exp(-logit))

    def log_error(logit, times, levels):
        eta, x, c = rate(logit), *np.empty((2, levels[0].size))
        kernels.modes(*levels, eta, x, c, np.empty(4))
        # amplitudes are positive and add up to 1: no cancellation, early or late
        learned = -np.expm1(-2.0 * eta * np.outer(times, x)) @ c
        left = np.exp(-2.0 * eta * np.outer(times, x - x[-1])) @ c
        return np.where(learned < 0.5, np.log1p(-np.minimum(learned, 0.5)), np.log(left) - 2.0 * eta * x[-1] * times)

    rough, fine = (condensed(spectrum, points, OPTIMUM_LEVELS) for points in (SEARCH_POINTS, OPTIMUM_POINTS))
    logits = np.linspace(-24.0, 24.0, 97)
    best = np.argmin([log_error(logit, alpha, rough) for logit in logits], axis=0)
    out = np.empty_like(alpha)
    for i, k in enumerate(best):
        bracket = logits[max(k - 1, 0)], logits[min(k + 1, len(logits) - 1)]
        found = minimize_scalar(
            lambda logit: log_error(float(logit), alpha[i : i + 1], fine)[0],
            bounds=bracket,
            method="bounded",
            options={"xatol": 1e-6},
        )
        out[i] = rate(found.x)
    return out * students / teachers


def power_law_window(spectrum, eta, students=1, teachers=1):
    """Times (alpha_min, alpha_max) = 1/(2 eta lambda_1), 1/(2 eta lambda_L) between which the power law can hold
    (eta M/K for eta with more units).

    Parameters
    ----------
    spectrum, eta, students, teachers
        As in :func:`generalization_error`.

    Returns
    -------
    tuple of float
    """
    checks.spectrum(spectrum)
    eta = _arguments(eta, 1.0, 0.0, students, teachers)[0]
    return 0.5 / (eta * spectrum.eigenvalues[0]), 0.5 / (eta * spectrum.eigenvalues[-1])


def finite_size_error(spectrum, N, eta, alpha, sigma_J=0.0, students=1, teachers=1):
    """Mean eps_g of SGD at finite N, exactly: the mean of e_k obeys a linear recursion step by step.

    With g_k = eta lambda_k / N one step is e_k -> e_k - 2 g_k (1 - g_k) e_k + eta g_k E; the g_k^2 term, from
    the fourth moment of a Gaussian input, is what the limit N -> infinity drops. Needed where
    eta lambda_1 / N is not small: L near N.

    Parameters
    ----------
    spectrum, eta, alpha, sigma_J, students, teachers
        As in :func:`generalization_error`; alpha is rounded to whole steps.
    N : int
        Input dimension.

    Returns
    -------
    ndarray, shape (n,)
    """
    checks.spectrum(spectrum)
    eta, alpha, start = _arguments(eta, alpha, sigma_J, students, teachers)
    spectrum.multiplicities(N)
    return finite_size_curve(spectrum.eigenvalues, spectrum.weights * spectrum.eigenvalues, N, eta, alpha, start)


def finite_size_curve(rate, mass, N, eta, alpha, start):
    """The recursion of :func:`finite_size_error` for levels with any ``rate`` (L,) and ``mass`` (L,), from e_k = 2 start."""
    e = np.full(rate.size, 2.0 * start)
    out, at = np.empty_like(alpha), 0
    for i, target in enumerate(checks.steps("alpha", alpha, N)):
        out[i] = 0.5 * kernels.finite_size_advance(rate, mass, eta, N, e, target - at)
        at = target
    return out


def scheduled_error(spectrum, eta_of_alpha, alpha, noise=0.0, sigma_J=0.0, students=1, teachers=1, rtol=1e-6):
    """eps_g with a learning rate that changes in time and with label noise, for N -> infinity.

        e_k' = -2 eta(alpha) lambda_k e_k + eta(alpha)^2 lambda_k (E + noise),

    eps_g = E/2 measured without the noise. Steps are exact in each level's decay, and their length is chosen by the error
    of each, ``rtol`` relative to every level, which adds up to a few times ``rtol`` near the critical rate and less
    elsewhere. More than ``MOST_LEVELS`` levels are condensed first.

    Parameters
    ----------
    spectrum : Spectrum
    eta_of_alpha : callable
        Learning rate >= 0 at a time. It may jump; a jump at one of ``alpha`` costs no search.
    alpha : array_like, shape (n,) or a number
        Times >= 0, increasing.
    noise : float
        Variance of Gaussian noise on the labels, >= 0.
    sigma_J, students, teachers
        As in :func:`generalization_error`.
    rtol : float
        Relative error allowed in a step; the work grows as rtol^(-1/3).

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    lib.DivergenceError
        If the error exceeds 1e300: a rate that stays beyond the critical one.
    """
    checks.spectrum(spectrum)
    _, alpha, start = _arguments(1.0, alpha, sigma_J, students, teachers)
    noise, rtol = checks.number("noise", noise, 0.0), checks.number("rtol", rtol, 1e-12, 0.1)
    if not callable(eta_of_alpha):
        checks.refuse("eta_of_alpha", eta_of_alpha, "a function of time")
    scale = teachers / students
    eigenvalues, weights = condensed(spectrum)
    mass = weights * eigenvalues

    def rate(now):
        value = eta_of_alpha(now)
        if not 0.0 <= value < np.inf:
            checks.refuse(f"eta_of_alpha({now:.6g})", value, "a number >= 0")
        return scale * value

    def course(begin, length):
        """Rate at the start and the end of a step, and its integral: of the line through two inner points (Gauss)."""
        low, high = rate(begin + (0.5 - GAUSS) * length), rate(begin + (0.5 + GAUSS) * length)
        middle, rise = 0.5 * (low + high), 0.25 * (high - low) / GAUSS
        return max(middle - rise, 0.0), max(middle + rise, 0.0), middle * length

    e, following, whole, half = (np.full(eigenvalues.size, 2.0 * start) for _ in range(4))
    out, now, length, rates = np.empty_like(alpha), 0.0, alpha[-1], np.empty((3, 3))
    for i, target in enumerate(alpha):
        while now < target:
            step = min(length, target - now)
            rates[0], rates[1] = course(now, step), course(now, 0.5 * step)
            rates[2] = course(now + 0.5 * step, 0.5 * step)
            # a jump near an end of the step escapes the inner points
            leap = max(abs(rate(now + 1e-9 * step) - rates[0, 0]), abs(rate(now + (1.0 - 1e-9) * step) - rates[0, 1]))
            if leap > 0.05 * rates[:, :2].max() and leap * step * eigenvalues[0] > rtol:
                gap = np.inf
            else:
                gap = kernels.scheduled_steps(eigenvalues, mass, rates, noise, e, whole, half, following)
            if gap <= rtol or step <= 1e-13 * target:
                now = target if step == target - now else now + step
                e, following = following, e
                if not mass @ e < 1e300:
                    raise checks.DivergenceError(f"training diverged by alpha = {now:.6g}", now, 2.0 / scale)
            length = step * min(4.0, max(0.2, 0.9 * (rtol / max(gap, 1e-300)) ** (1.0 / 3.0)))
        out[i] = 0.5 * mass @ e
    return out


def fourth_moments(X):
    """The matrix K_kl = <xi_k^2 xi_l^2> of data in the eigenbasis of its covariance, mean eigenvalue 1.

    Gaussian data would have lambda_k lambda_l + 2 lambda_k^2 delta_kl.

    Parameters
    ----------
    X : array_like, shape (samples, features)

    Returns
    -------
    ndarray, shape (L, L)
        Ordered as the eigenvalues of ``Spectrum.from_data(X)``.
    """
    squares = eigenbasis(X)[0] ** 2
    return squares.T @ squares / len(squares)


def measured_error(spectrum, fourth_moments, eta, alpha, sigma_J=0.0, students=1, teachers=1):
    """Mean eps_g of SGD on real data, from its eigenvalues and fourth moments K_kl.

    With g = eta / N one step maps the mean of e_k = (J_k - B_k)^2 to e_k - 2 g lambda_k e_k + g^2 sum_l K_kl e_l.
    Closed by dropping the correlations between different components of J - B, which start at zero; with
    Gaussian moments these stay zero, and the result is :func:`finite_size_error` at N = L.

    Parameters
    ----------
    spectrum : Spectrum
        ``Spectrum.from_data(X)``.
    fourth_moments : ndarray, shape (L, L)
        From :func:`fourth_moments`.
    eta, alpha, sigma_J, students, teachers
        As in :func:`generalization_error`; alpha is rounded to whole steps. Grows beyond
        ``critical_eta(spectrum, fourth_moments=...)``.

    Returns
    -------
    ndarray, shape (n,)
    """
    checks.spectrum(spectrum)
    eta, alpha, start = _arguments(eta, alpha, sigma_J, students, teachers)
    moments, eigenvalues, N = check_moments(spectrum, fourth_moments), spectrum.eigenvalues, spectrum.levels
    g = eta / N
    factors, basis = np.linalg.eigh(np.diag(1.0 - 2.0 * g * eigenvalues) + g**2 * moments)
    amplitudes = (eigenvalues @ basis) * basis.sum(axis=0) * start / N
    with np.errstate(over="ignore", invalid="ignore"):
        return np.array([amplitudes @ factors**steps for steps in np.rint(alpha * N)])


def check_moments(spectrum, fourth_moments):
    """Checked fourth moments of a spectrum of single directions."""
    checks.spectrum(spectrum)
    moments = checks.array("fourth_moments", fourth_moments, ndim=2)
    L = spectrum.levels
    if moments.shape != (L, L) or not np.allclose(moments, moments.T) or np.ptp(spectrum.weights) > 1e-12:
        raise ValueError(f"fourth_moments has shape {moments.shape}: must be symmetric, one row for each of {L} levels")
    return moments


def _arguments(eta, alpha, sigma_J, students, teachers, bound=np.inf):
    """Checked arguments, as those of one student and one teacher: eta M/K, required to be below ``bound``, alpha,
    and eps_g(0) = (1 + sigma_J^2 M/K)/2."""
    scale = checks.whole("teachers", teachers) / checks.whole("students", students)
    largest = np.nextafter(bound / scale, 0.0) if np.isfinite(bound) else None
    eta = checks.number("eta", eta, 0.0, largest, open_minimum=True)
    sigma_J = checks.number("sigma_J", sigma_J, 0.0)
    return eta * scale, checks.times("alpha", alpha), 0.5 * (1.0 + scale * sigma_J**2)


def _decay_sum(rate, amplitude, scale, alpha):
    out = np.empty_like(alpha)
    kernels.decay_sum(rate, amplitude, scale, alpha, out)
    return out
