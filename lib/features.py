"""Chapter "How many features": students that can learn only the leading levels of the data.

Of the L levels a student learns the first l. The rest of the teacher's answer, of variance
U = sum_{k>l} w_k lambda_k in a linear network, it can only take for noise:

    e_k' = -2 eta lambda_k e_k + eta^2 lambda_k E   (k <= l),      E = sum_{k<=l} w_k lambda_k e_k + U = 2 eps_g.

In units of its own inputs the student is an ordinary linear network (:func:`reduce`), and what chapter
"Linear activations" proved of those holds for it.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import root

from . import asymptotics, linear
from .core import checks, divergence
from .core.spectra import Spectrum
from .kernels import averages
from .kernels import features as kernels
from .kernels.linear import decay_sum
from .maths.gamma import upper_gamma

# Below this unlearned variance the erf network's noise is amplified as for U -> 0, up to a relative O(U); eps_g
# at the fixed point, a difference of arcsines, would have lost its digits.
SMALLEST_UNLEARNED = 1e-7
# Largest relative step in eta with which the erf network's fixed point is followed from eta = 0.
CONTINUATION = 0.1


@dataclass(frozen=True)
class Reduced:
    """What a restricted student sees: a linear network of fewer inputs, and noise.

    Attributes
    ----------
    spectrum : Spectrum
        Of the levels it learns, with mean 1.
    share : float
        Of the input directions, N_l / N = sum_{k<=l} w_k.
    seen, unseen : float
        Variance of a teacher's field in the levels that are learned, W, and in the others, U; W + U = 1.
    """

    spectrum: Spectrum
    share: float
    seen: float
    unseen: float


def reduce(spectrum, learned):
    """The network of N_l inputs that a student of ``learned`` levels is.

    With rate eta W and time examples / N_l in place of eta and alpha, the reduced spectrum's linear network
    obeys the equations of the restricted student, except for the noise U.

    Parameters
    ----------
    spectrum : Spectrum
    learned : int
        Leading levels that the student learns, l = 1..L.

    Returns
    -------
    Reduced
    """
    checks.spectrum(spectrum)
    learned = checks.whole("learned", learned, 1, spectrum.levels)
    eigenvalues, weights = spectrum.eigenvalues, spectrum.weights
    unseen = float(np.sum(weights[learned:] * eigenvalues[learned:]))
    share = float(np.sum(weights[:learned]))
    return Reduced(Spectrum(eigenvalues[:learned], weights[:learned]), share, 1.0 - unseen, unseen)


def critical_eta(spectrum, learned, students=1, teachers=1, N=None, fourth_moments=None):
    """Largest learning rate at which a linear student of ``learned`` levels converges: 2 K / (M W) for N -> infinity.

    Parameters
    ----------
    spectrum, learned
        As in :func:`reduce`.
    students, teachers, N, fourth_moments
        As in :func:`lib.linear.critical_eta`, for the data as a whole.

    Returns
    -------
    float
    """
    checks.spectrum(spectrum)
    part = reduce(spectrum, learned)
    learned = part.spectrum.levels
    if fourth_moments is not None:
        moments = checks.array("fourth_moments", fourth_moments, ndim=2)
        fourth_moments = moments[:learned, :learned] * (part.share / part.seen) ** 2
    if N is not None:
        N = int(np.sum(spectrum.multiplicities(N)[:learned]))
    return linear.critical_eta(part.spectrum, students, teachers, N, fourth_moments) / part.seen


@divergence.critical_rate("linear")
def _critical_eta(run):
    """:func:`critical_eta` of a ``lib.core.divergence.Run``, for the message of a DivergenceError."""
    model, spectrum = run.model, run.model.spectrum
    learned = spectrum.levels if run.learned is None else run.learned
    moments = None if run.inputs is None else linear.fourth_moments(run.inputs)
    return critical_eta(spectrum, learned, model.students, model.teachers, run.N, moments)


def asymptotic_error(spectrum, learned, eta=0.0, N=None):
    """eps_g of a linear student of ``learned`` levels after infinitely many examples: (U/2) / (1 - eta W/2).

    At finite N the denominator is 1 - sum_{k<=l} w_k eta lambda_k / (2 (1 - eta lambda_k / N)), exact in the mean.

    Parameters
    ----------
    spectrum, learned
        As in :func:`reduce`.
    eta : float
        Learning rate, >= 0.
    N : int, optional
        Input dimension; default: the limit.

    Returns
    -------
    float

    Raises
    ------
    DivergenceError
        From the critical learning rate on.
    """
    checks.spectrum(spectrum)
    eta = checks.number("eta", eta, 0.0)
    part, critical = reduce(spectrum, learned), critical_eta(spectrum, learned, N=N)
    learned = part.spectrum.levels
    if eta >= critical:
        raise _divergence(eta, critical)
    rate = eta * spectrum.eigenvalues[:learned]
    mean = np.sum(spectrum.weights[:learned] * rate / (1.0 - (0.0 if N is None else rate / N)))
    return float(0.5 * part.unseen / (1.0 - 0.5 * mean))


def error(spectrum, learned, eta, alpha, sigma_J=0.0, noise=0.0):
    """eps_g of a linear student of ``learned`` levels at any time and rate, exact for N -> infinity.

    With c(alpha) the learning curve of the reduced network, normalised to c(0) = 1,

        2 eps_g = (1 + sigma_J^2) { W c + U [1 + (eta W/2) (1 - c) / (1 - eta W/2)] }.

    Up to the critical rate both terms are sums of positive ones, accurate to rounding. Costs O(l^2) once
    and O(l) per time; many levels are condensed as in :func:`lib.linear.generalization_error`. Beyond the critical rate it holds, and grows.

    Parameters
    ----------
    spectrum, learned
        As in :func:`reduce`.
    eta : float
        Learning rate, > 0.
    alpha : array_like, shape (n,) or a number
        Times >= 0, increasing.
    sigma_J : float
        Standard deviation of the student's initial weights, which it keeps where it does not learn.
    noise : float
        Variance of a noise in the teacher's answers, >= 0. To the student it is like U, and so to the result, which
        is then the error on fresh noisy answers: noise/2 of it is irreducible.

    Returns
    -------
    ndarray, shape (n,)
    """
    checks.spectrum(spectrum)
    eta, alpha, start = _arguments(eta, alpha, sigma_J)
    noise = checks.number("noise", noise, 0.0)
    part = reduce(spectrum, learned)
    rate = eta * part.seen
    if 2.0 / rate == 1.0:
        rate = np.nextafter(2.0, 0.0)  # as good a rounding of eta W, and no 0/0 in the modes
    eigenvalues, weights = linear.condensed(part.spectrum)
    x, c, gain = np.empty((3, eigenvalues.size))
    out = np.empty_like(alpha)
    kernels.noisy_modes(eigenvalues, weights, rate, x, c, gain, np.empty(4))
    unseen = part.unseen + 0.5 * noise / start
    kernels.noisy_decay(x, c, gain, 2.0 * rate / part.share, part.seen, unseen, start, alpha, out)
    return out


def small_eta_error(spectrum, learned, eta, alpha, sigma_J=0.0):
    """eps_g to leading order in the learning rate: (1 + sigma_J^2)/2 [sum_{k<=l} w_k lambda_k exp(-2 eta lambda_k alpha) + U].

    Parameters and result as :func:`error`; costs O(l) per time.
    """
    checks.spectrum(spectrum)
    eta, alpha, start = _arguments(eta, alpha, sigma_J)
    part = reduce(spectrum, learned)
    learned = part.spectrum.levels
    eigenvalues, weights = spectrum.eigenvalues[:learned], spectrum.weights[:learned]
    out = np.empty_like(alpha)
    decay_sum(2.0 * eta * eigenvalues, weights * eigenvalues, start, alpha, out)
    return out + start * part.unseen


def finite_size_error(spectrum, learned, N, eta, alpha, sigma_J=0.0):
    """Mean eps_g of SGD at finite N for a linear student of ``learned`` levels, exactly.

    The recursion of :func:`lib.linear.finite_size_error` with the levels k > l at rest.

    Parameters and result as :func:`error`, with the input dimension ``N``; alpha is rounded to whole steps.
    """
    checks.spectrum(spectrum)
    eta, alpha, start = _arguments(eta, alpha, sigma_J)
    learned = checks.whole("learned", learned, 1, spectrum.levels)
    spectrum.multiplicities(N)
    rate = np.where(np.arange(spectrum.levels) < learned, spectrum.eigenvalues, 0.0)
    return linear.finite_size_curve(rate, spectrum.weights * spectrum.eigenvalues, N, eta, alpha, start)


def measured_error(spectrum, learned, fourth_moments, eta, alpha, sigma_J=0.0):
    """Mean eps_g of SGD on real data for a linear student of ``learned`` levels, from its eigenvalues and fourth moments.

    The map of :func:`lib.linear.measured_error` with the levels k > l at rest, which drive the others:
    e_k -> e_k - 2 g lambda_k e_k + g^2 sum_m K_km e_m for k <= l, the sum over all levels, g = eta / N.

    Parameters
    ----------
    spectrum, learned
        As in :func:`reduce`; the spectrum from data, of single directions.
    fourth_moments : ndarray, shape (L, L)
        From :func:`lib.linear.fourth_moments`.
    eta, alpha, sigma_J
        As in :func:`error`; alpha is rounded to whole steps. Only below ``critical_eta(..., fourth_moments=...)``.

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    DivergenceError
        From the critical learning rate on.
    """
    checks.spectrum(spectrum)
    eta, alpha, start = _arguments(eta, alpha, sigma_J)
    learned = checks.whole("learned", learned, 1, spectrum.levels)
    moments, N = linear.check_moments(spectrum, fourth_moments), spectrum.levels
    critical = critical_eta(spectrum, learned, fourth_moments=moments)
    if eta >= critical:
        raise _divergence(eta, critical)
    g, eigenvalues = eta / N, spectrum.eigenvalues
    step = g**2 * moments[:learned, :learned] - 2.0 * g * np.diag(eigenvalues[:learned])
    # what the levels at rest add, and where it comes to rest with what is lost
    rest = np.linalg.solve(-step, 2.0 * start * g**2 * moments[:learned, learned:].sum(axis=1))
    changes, basis = np.linalg.eigh(step)
    amplitudes = (eigenvalues[:learned] @ basis) * (basis.T @ (2.0 * start - rest))
    still = eigenvalues[:learned] @ rest + 2.0 * start * eigenvalues[learned:].sum()
    return np.array([0.5 / N * (still + amplitudes @ (1.0 + changes) ** steps) for steps in np.rint(alpha * N)])


# --- The joint law of time and features -----------------------------------------------------------------


def scaling_function(beta, x):
    """F(x) = 1/beta + x^-s Gamma(s, x) / (1 + beta), s = beta/(1+beta), of the joint law of time and features.

    In 2 eps_g = (lambda_1/L) l^-beta F(x), x = 2 eta lambda_l alpha counts the relaxation times of the last level
    that is learned. F -> Gamma(s)/(1+beta) x^-s for x -> 0, limited by time; -> 1/beta for x -> infinity, limited
    by features.

    Parameters
    ----------
    beta : float
        Exponent of the spectrum, > 0.
    x : array_like
        Positive.

    Returns
    -------
    ndarray
        Of the shape of ``x``.
    """
    s = linear.exponent(beta)
    x = checks.real_array("x", x).astype(np.float64)
    if not np.all(x > 0):
        raise ValueError("x: must be > 0")
    return 1.0 / beta + x**-s * _upper_gamma(s, x) / (1.0 + beta)


def _upper_gamma(s, x):
    """Gamma(s, x) of every element of x."""
    return np.array([upper_gamma(s, value) for value in np.ravel(x)]).reshape(np.shape(x))


def crossover_time(spectrum, learned, eta):
    """Time 1/(2 eta lambda_l) at which the last level that is learned relaxes: F's argument is 1 there.

    Before it, time limits the error; after it, features do.

    Parameters
    ----------
    spectrum, learned
        As in :func:`error`.
    eta : float
        Learning rate, > 0.

    Returns
    -------
    float
    """
    checks.spectrum(spectrum)
    learned = checks.whole("learned", learned, 1, spectrum.levels)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    return float(0.5 / (eta * spectrum.eigenvalues[learned - 1]))


# --- The best split of a compute budget -------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Frontier:
    """The best that a compute budget can buy.

    Attributes
    ----------
    compute : ndarray, shape (n,)
        C = l alpha: features times examples, in units of N^2 / L.
    learned, alpha, eps_g : ndarray, shape (n,)
        Levels, time and error of the best student of that budget.
    """

    compute: np.ndarray
    learned: np.ndarray
    alpha: np.ndarray
    eps_g: np.ndarray


def compute_exponents(beta):
    """(1/(2+beta), (1+beta)/(2+beta), beta/(2+beta)): l ~ C^first, alpha ~ C^second, eps_g ~ C^-third.

    Examples
    --------
    >>> import lib
    >>> lib.features.compute_exponents(2.0)
    (0.25, 0.75, 0.5)
    """
    beta = checks.number("beta", beta, 0.0, open_minimum=True)
    return 1.0 / (2.0 + beta), (1.0 + beta) / (2.0 + beta), beta / (2.0 + beta)


def compute_optimal(spectrum, eta, compute, sigma_J=0.0, noise=0.0):
    """The number of levels that minimises the exact :func:`error` at C = l alpha.

    Levels 1, 2, 3, ... are tried on a grid of ratio 2^(1/4), until more of them only harm; then every budget
    searches between the neighbours of its best, where the error as a function of l has one minimum.

    Parameters
    ----------
    spectrum : Spectrum
        Of equal weights.
    eta : float
        Learning rate, > 0 and below 2.
    compute : array_like, shape (n,) or a number
        Budgets C > 0, increasing.
    sigma_J, noise : float
        As in :func:`error`.

    Returns
    -------
    Frontier
    """
    checks.spectrum(spectrum)
    eta, compute = _budget(eta, compute)
    if np.ptp(spectrum.weights) > 1e-12 * spectrum.weights[0]:
        raise ValueError("spectrum: must have equal weights, so that the cost of a level is the same for all")
    known = {}

    def at(l):
        if l not in known:
            known[l] = error(spectrum, l, eta, compute / l, sigma_J, noise)
        return known[l]

    grid, best, since = [], np.full(compute.size, np.inf), 0
    for l in np.unique(np.rint(2.0 ** np.arange(0.0, np.log2(spectrum.levels) + 0.25, 0.25)).astype(int)):
        grid.append(min(int(l), spectrum.levels))
        since = 0 if np.any(at(grid[-1]) < best) else since + 1
        best = np.minimum(best, at(grid[-1]))
        if since == 4:
            break
    choice = np.argmin([at(l) for l in grid], axis=0)
    learned = np.empty(compute.size, dtype=int)
    for i, place in enumerate(choice):
        low, high = grid[max(place - 1, 0)], grid[min(place + 1, len(grid) - 1)]
        # from a good guess in growing steps until the minimum is enclosed, then by bisection
        guess = _lowest((low, grid[place], high), [at(l)[i] for l in (low, grid[place], high)])
        probe, step = max(low, min(guess, high - 1)), 1
        while low < high:
            down = at(probe)[i] <= at(probe + 1)[i]
            low, high = (low, probe) if down else (probe + 1, high)
            middle = (low + high) // 2
            probe = max(middle, high - step) if down else min(middle, low + step - 1)
            step *= 2
        learned[i] = low
    eps_g = np.array([at(l)[i] for i, l in enumerate(learned)])
    return Frontier(compute, learned, compute / learned, eps_g)


def _lowest(sizes, errors):
    """Whole number near the minimum of the parabola in ln l through three points; the middle one if two coincide."""
    (a, b), (u, v) = np.log(np.array(sizes[::2]) / sizes[1]), np.array(errors[::2]) - errors[1]
    if a * b == 0.0 or u * b == v * a:
        return sizes[1]
    return int(sizes[1] * np.exp(0.5 * (u * b * b - v * a * a) / (u * b - v * a)))


def optimal_training(beta):
    """The x = 2 eta lambda_l alpha at which a compute-optimal student stops training: a number of beta alone.

    It minimises x^(beta/(2+beta)) F(x), that is, solves beta/(2+beta) F(x) = x^-s Gamma(1+s, x) / (1+beta).

    Examples
    --------
    >>> import lib
    >>> round(lib.features.optimal_training(1.0), 4)
    0.583
    """
    return float(kernels.best_training(checks.number("beta", beta, 0.0, open_minimum=True)))


def compute_law(spectrum, eta, compute, sigma_J=0.0):
    """The frontier by the joint law: x = :func:`optimal_training` for every budget, so that all is a power of C.

    With Y = 2 eta lambda_1 C: l = (Y/x)^(1/(2+beta)), alpha = C/l, and eps_g from the law of an infinite spectrum,
    less the constant of the missing levels. ``learned`` is not rounded. Parameters and result as
    :func:`compute_optimal`; needs a spectrum from :func:`lib.power_law`.
    """
    checks.spectrum(spectrum)
    eta, compute = _budget(eta, compute)
    start, beta, L = _start(sigma_J), spectrum.check_power_law(), spectrum.levels
    x, leading = optimal_training(beta), spectrum.eigenvalues[0]
    learned = (2.0 * eta * leading * compute / x) ** (1.0 / (2.0 + beta))
    law = learned**-beta * float(scaling_function(beta, x)) - (L + 0.5) ** -beta / beta
    return Frontier(compute, learned, compute / learned, start * leading / L * law / (1.0 - 0.5 * eta))


# --- erf networks -----------------------------------------------------------------------------------------


def erf_asymptotic_error(spectrum, learned, units, eta=0.0):
    """eps_g of an erf student of ``learned`` levels after infinitely many examples, K = M = ``units``.

    For orthonormal teachers and a student that specialised. At eta -> 0 it is, whatever M,

        eps_g = 1/2 [1/3 - (2/pi) arcsin((1 - U)/2)] ~ U / (pi sqrt 3):

    the student is the teacher averaged over the directions that it does not see, J = B / sqrt(1 + U) in the
    others. At finite eta the fixed point of the flow, the same in every level that is learned, is solved for
    numerically: relative accuracy 1e-6 up to half the critical rate, 1e-5 at 0.9 of it. Where much is unlearned the
    fixed point may lose its stability before: students then grow in opposite pairs (:func:`lib.solve` shows it).

    Parameters
    ----------
    spectrum, learned
        As in :func:`reduce`.
    units : int
        K = M >= 1.
    eta : float
        Learning rate, >= 0.

    Returns
    -------
    float

    Raises
    ------
    DivergenceError
        From :func:`erf_critical_eta` on: there the noise of the student itself would grow without U, to an error
        of order one at which the erf saturates.
    """
    checks.spectrum(spectrum)
    units = checks.whole("units", units)
    eta = checks.number("eta", eta, 0.0)
    part = reduce(spectrum, learned)
    critical = erf_critical_eta(spectrum, learned, units)
    if eta >= critical:
        raise _divergence(eta, critical)
    if eta == 0.0:
        return _erf_small_eta(part.unseen)
    if part.unseen < SMALLEST_UNLEARNED:
        return _erf_small_eta(part.unseen) * erf_amplification(units, eta * part.seen)
    return _erf_fixed_point(part.seen, units, eta)


def erf_critical_eta(spectrum, learned, units):
    """Largest learning rate at which the erf student that knows what it may learn stays with it.

    What it sees has total variance W: the rate of :func:`lib.asymptotics.critical_eta`, divided by W.

    Parameters
    ----------
    spectrum : Spectrum
    learned : int
        Leading levels that are trained, 1 to L.
    units : int
        K = M >= 1.

    Returns
    -------
    float

    Examples
    --------
    >>> import lib
    >>> round(lib.features.erf_critical_eta(lib.power_law(1.0, 100), 100, 1), 6)
    4.055779
    """
    checks.spectrum(spectrum)
    part = reduce(spectrum, learned)
    return asymptotics.critical_eta(part.spectrum, checks.whole("units", units)) / part.seen


def erf_amplification(units, rate):
    """Factor by which a finite rate multiplies the asymptotic error of an erf student, to first order in U.

    What is not learned is the same noise U to every unit: each sector of the late stage is amplified as in
    :func:`lib.asymptotics.amplification`, and contributes to eps_g in proportion to H and its number of modes.

    Parameters
    ----------
    units : int
        K = M.
    rate : float
        eta W, > 0 and below :func:`lib.asymptotics.critical_eta`.

    Returns
    -------
    float
    """
    rate = checks.number("rate", rate, 0.0, asymptotics.critical_eta(None, units), open_minimum=True)
    c = asymptotics.couplings(units)
    share = c.H * c.identity**2
    return float(asymptotics.amplification(units, rate) @ share / share.sum())


def _erf_small_eta(U):
    """1/pi [arcsin(1/2) - arcsin((1 - U)/2)] by the addition theorem, which does not cancel."""
    a, b = 0.5, 0.5 * (1.0 - U)
    return float(np.arcsin(0.25 * U * (2.0 - U) / (a * np.sqrt(1.0 - b * b) + b * np.sqrt(1.0 - a * a))) / np.pi)


def _erf_fixed_point(seen, M, eta):
    """eps_g at the flow's fixed point r^k = r, q^k = q (k <= l), R = W r, Q = W q, followed from eta = 0 up."""
    v, u = 1.0 / np.sqrt(M), 1.0 / np.sqrt(M)
    D, G, C = np.empty((M, 2 * M)), np.empty((M, M)), np.empty((2 * M, 2 * M))
    one = np.eye(M)

    def overlaps(z):
        """r and q from their two distinct elements each; by symmetry only the diagonal if M = 1."""
        return z[0] * one + z[1] * (1.0 - one), z[2] * one + z[3] * (1.0 - one)

    def residual(z, rate):
        r, q = overlaps(z)
        averages.assemble(seen * q, seen * r, one, C)
        averages.coefficients(C, M, v, u, averages.ERF, D, G)
        Dx, Dy = D[:, :M], D[:, M:]
        still_r = Dx @ r + Dy
        still_q = Dx @ q + Dy @ r.T
        still_q = still_q + still_q.T + rate * G
        if M == 1:
            return np.array([still_r[0, 0], z[1], still_q[0, 0], z[3]])
        return np.array([still_r[0, 0], still_r[0, 1], still_q[0, 0], still_q[0, 1]])

    # the noise moves the solution by O(U): what is solved for is that shift in units of U
    U = 1.0 - seen
    start, shift = np.array([(1.0 + U) ** -0.5, 0.0, 1.0 / (1.0 + U), 0.0]), np.zeros(4)
    for rate in np.linspace(0.0, eta, 1 + int(np.ceil(eta / CONTINUATION)))[1:]:
        shift = root(lambda y: residual(start + U * y, rate) / U, shift, tol=1e-12).x
    r, q = overlaps(start + U * shift)
    averages.assemble(seen * q, seen * r, one, C)
    return averages.generalization_error(C, M, v, u, averages.ERF)


def _arguments(eta, alpha, sigma_J):
    """Checked eta and alpha, and eps_g(0) = (1 + sigma_J^2)/2."""
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    return eta, checks.times("alpha", alpha), _start(sigma_J)


def _budget(eta, compute):
    """Checked eta, below the critical rate 2, and budgets."""
    eta = checks.number("eta", eta, 0.0, np.nextafter(2.0, 0.0), open_minimum=True)
    return eta, checks.times("compute", compute, open_minimum=True)


def _start(sigma_J):
    return 0.5 * (1.0 + checks.number("sigma_J", sigma_J, 0.0) ** 2)


def _divergence(eta, critical):
    words = f"eta = {eta:g}: must be below the critical learning rate {critical:.6g}; the error does not converge"
    return checks.DivergenceError(words, np.inf, critical)
