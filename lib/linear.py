"""Chapter "Linear activations": learning curves in closed form.

With the mean error of level k, e_k = q_k - 2 r_k + t_k, and E = sum_k w_k lambda_k e_k = 2 eps_g, the flow of one
student and one teacher unit is (``eq-linear-flow``)

    e_k' = -2 eta lambda_k e_k + eta^2 lambda_k E,        e_k(0) = 1 + sigma_J^2.

K students and M teachers act only through their sums, J = sqrt(M)/K sum_i J_i and B = 1/sqrt(M) sum_n B_n. The error
obeys the same equation with eta M/K for eta, and starts from 1 + sigma_J^2 M/K (``eq-units``): exactly for orthonormal
teachers, in the mean over draws for random ones. Functions take K and M as ``students`` and ``teachers``.

A teacher of strength t_k in level k, whose weights have the mean square t_k there, changes the start alone, to
e_k(0) = t_k + sigma_J^2 M/K. The flow is E = F + K * E, a convolution, with the signal
F(alpha) = sum_k w_k lambda_k e_k(0) exp(-2 eta lambda_k alpha) and the memory of the noise of a step,
K(alpha) = eta^2 sum_k w_k lambda_k^2 exp(-2 eta lambda_k alpha), whose integral is eta/2. So Laplace transforms obey
E(p) = F(p) / (1 - K(p)). For a source t_k ~ k^-tau, F ~ alpha^-s with s = (beta + tau)/(1 + beta), and
K ~ alpha^-(1 + 2 beta)/(1 + beta): near p = 0 these are the singular parts p^(s-1) and p^(beta/(1+beta)), of which the
lower power decides (:func:`power_law_error`).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigh_tridiagonal
from scipy.optimize import brentq, minimize_scalar

from .core import checks
from .core.spectra import Spectrum, eigenbasis, source
from .kernels import linear as kernels
from .maths import gamma

# Spectra of more levels are condensed before their modes are found. The modes cost O(L^2): some milliseconds at this L.
MAX_LEVELS = 512
# `condensed`: nodes of a panel's Gauss rule, and the width of the first panel relative to the smallest eigenvalue.
POINTS, FIRST_GAP = 16, 0.02
# Levels of one Gauss rule: more are reduced in pieces, so that the basis of Lanczos' process stays below a megabyte.
CHUNK = 4096
# Distance of the two Gauss points from the middle of an interval, in units of its length.
GAUSS = 0.5 / np.sqrt(3.0)
# The best learning rate is known less well than the error, so that smaller rules do, beyond this many levels: nodes
# for the final search, and for the scan that brackets the minimum.
OPTIMUM_LEVELS, OPTIMUM_POINTS, SEARCH_POINTS = 256, 10, 4


def exponent(beta: float, tau: float = 0.0) -> float:
    """Return the exponent of the learning curve's power law: eps_g ~ alpha^-exponent.

    The smaller of (beta + tau) / (1 + beta), of the signal, and (1 + 2 beta) / (1 + beta), with which SGD forgets its
    own noise; they meet at tau = 1 + beta. For tau = 0, beta / (1 + beta) (``eq-exponent`` of the book).

    Parameters
    ----------
    beta : float
        Exponent of the spectrum lambda_k ~ k^-(1+beta), > 0.
    tau : float
        Exponent of the source t_k ~ k^-tau (:func:`lib.source`), > -beta: below, the last levels hold the error, and
        there is no power law. Default: 0, a teacher equally strong in every level.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.

    Examples
    --------
    >>> import lib
    >>> lib.linear.exponent(1.0)
    0.5
    >>> lib.linear.exponent(1.0, tau=0.5), lib.linear.exponent(1.0, tau=4.0)
    (0.75, 1.5)
    """
    beta = checks.number("beta", beta, 0.0, open_minimum=True)
    tau = checks.number("tau", tau, -beta, open_minimum=True)
    return min((beta + tau) / (1.0 + beta), (1.0 + 2.0 * beta) / (1.0 + beta))


def critical_eta(
    spectrum: Spectrum,
    students: int = 1,
    teachers: int = 1,
    N: int | None = None,
    fourth_moments: ArrayLike | None = None,
) -> float:
    """Return the largest learning rate at which the error stays bounded.

    In the limit N -> infinity it is 2 K / M for every spectrum (``eq-critical`` and ``eq-units``). At finite N a step
    is finite for the leading directions, and g = eta M / K solves sum_k w_k g lambda_k / (2 (1 - g lambda_k / N)) = 1
    (``eq-finite-size``).

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    students, teachers : int
        Hidden units K of the student and M of the teacher, >= 1. Default: one each.
    N : int, optional
        Input dimension. Default: the limit N -> infinity.
    fourth_moments : array_like, shape (L, L), optional
        Of real data, from :func:`lib.linear.fourth_moments`: gives the rate at which :func:`measured_error` ceases to
        decay. N is then L. Default: Gaussian inputs.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.

    Examples
    --------
    >>> import lib
    >>> s = lib.power_law(1.0, 64)
    >>> lib.linear.critical_eta(s, students=2, teachers=4)
    1.0
    >>> round(lib.linear.critical_eta(s, N=64), 3)
    0.998
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


def generalization_error(
    spectrum: Spectrum,
    eta: float,
    alpha: ArrayLike,
    sigma_J: float = 0.0,
    students: int = 1,
    teachers: int = 1,
    strength: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Compute the learning curve eps_g at any learning rate, exactly for N -> infinity.

    Equation ``eq-secular`` of the book. The flow's matrix is diagonal plus rank one, and its rates solve a secular
    equation: O(L^2) once and O(L) per time. A spectrum of more than ``MAX_LEVELS`` levels is first replaced by fewer
    (:func:`condensed`), at a cost of O(L).

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    eta : float
        Learning rate, > 0.
    alpha : array_like, shape (n,), or float
        Times (examples / N), >= 0 and increasing.
    sigma_J : float
        Standard deviation of the student's initial weights, >= 0. Default: 0.
    students, teachers : int
        Hidden units K of the student and M of the teacher, >= 1. Default: one each.
    strength : array_like, shape (L,), optional
        Strengths t_k >= 0 of the teacher in the levels, as from :func:`lib.source`. Default: one in each.

    Returns
    -------
    ndarray, shape (n,)
        eps_g at every time. Above the critical rate the formula still holds, and grows.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.

    Notes
    -----
    Up to the critical rate the error relative to eps_g itself is some
    1e-15 (1 + ln(eps_g(0)/eps_g)) / (1 - eta M/(2 K) + w_L lambda_L). With strengths that is so where they do not
    grow with the rank. Where they do, terms of both signs add up, and the error is relative to the largest of them.

    Examples
    --------
    >>> import lib
    >>> s = lib.power_law(1.0, 64)
    >>> lib.linear.generalization_error(s, eta=0.5, alpha=[1.0, 10.0]).round(4)
    array([0.0517, 0.0122])
    """
    checks.spectrum(spectrum)
    eta, alpha, start = _arguments(eta, alpha, sigma_J, students, teachers)
    if strength is None:
        eigenvalues, weights = condensed(spectrum)
        x, c = np.empty(eigenvalues.size), np.empty(eigenvalues.size)
        kernels.modes(eigenvalues, weights, eta, x, c, np.empty(4))
        return _decay_sum(2.0 * eta * x, c, start, alpha)
    initial = initial_errors(spectrum, strength, sigma_J, teachers / students)
    eigenvalues, weights, initial = condensed_from(spectrum, initial)
    x, c, amplitude = np.empty((3, eigenvalues.size))
    kernels.modes_from(eigenvalues, weights, initial, eta, x, c, amplitude, np.empty(4))
    return _decay_sum(2.0 * eta * x, amplitude, 0.5, alpha)


def initial_errors(
    spectrum: Spectrum, strength: ArrayLike | None = None, sigma_J: float = 0.0, scale: float = 1.0
) -> NDArray[np.float64]:
    """Return the mean error of every level before training, e_k(0) = t_k + sigma_J^2 M/K.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    strength : array_like, shape (L,), optional
        Strengths t_k >= 0 of the teacher in the levels, as from :func:`lib.source`. Default: one in each.
    sigma_J : float
        Standard deviation of the student's initial weights, >= 0. Default: 0.
    scale : float
        M/K. Default: 1.

    Returns
    -------
    ndarray, shape (L,)

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    checks.spectrum(spectrum)
    strengths = np.ones(spectrum.levels) if strength is None else checks.strength(spectrum, strength)
    return strengths + scale * checks.number("sigma_J", sigma_J, 0.0) ** 2


def condensed(
    spectrum: Spectrum, points: int = POINTS, most: int | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Replace a spectrum of many levels by some hundred levels that have the same learning curve.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    points : int
        Nodes of the Gauss rule of a panel of levels. Default: 16, which give full accuracy.
    most : int, optional
        Spectra of at most this many levels are returned unchanged. Default: ``MAX_LEVELS``.

    Returns
    -------
    eigenvalues, weights : ndarray, shape (n,)
        In descending order of the eigenvalues.

    Raises
    ------
    ValueError
        If ``spectrum`` is not a Spectrum.

    Notes
    -----
    The curve depends on the spectrum only through sums f(lambda) = sum_k w_k lambda_k lambda_k^p exp(-c lambda_k),
    p = 0, 1. On a panel of levels such a sum is the integral of a smooth function over a discrete measure, and its
    Gauss rule, with nodes inside the panel and positive weights, replaces the panel's levels by fewer. Panels double
    their distance from the smallest eigenvalue, so that they resolve exp(-c (lambda - lambda_L)) wherever it is not
    negligible: the curve's relative accuracy holds down to e^-700, the end of the range of doubles. A panel with no
    more levels than nodes is left unchanged.

    Other sums need other nodes. :mod:`lib.kernels.compression` interpolates, since in the flow each level has overlaps
    whose initial values may be any numbers, and single levels are recovered. :func:`lib.planning.level_sum` takes a
    thousand power laws at a time, to the accuracy of a forecast.
    """
    checks.spectrum(spectrum)
    return condensed_from(spectrum, np.ones(spectrum.levels), points, most)[:2]


def condensed_from(
    spectrum: Spectrum, initial: NDArray[np.float64], points: int = POINTS, most: int | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Replace a spectrum of many levels, each with its own start, by some hundred levels, as :func:`condensed` does.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    initial : ndarray, shape (L,)
        e_k(0) of every level.
    points : int
        Nodes of the Gauss rule of a panel of levels. Default: 16, which give full accuracy.
    most : int, optional
        Spectra of at most this many levels are returned unchanged. Default: ``MAX_LEVELS``.

    Returns
    -------
    eigenvalues, weights, initial : ndarray, shape (n,)
        In descending order of the eigenvalues.

    Raises
    ------
    ValueError
        If ``spectrum`` is not a Spectrum.

    Notes
    -----
    The starts at a panel's nodes are those of the projection of its levels on the basis behind the nodes: sums of
    w_k lambda_k e_k(0) times a polynomial in lambda_k are kept up to the power points - 1, whatever the starts are, and
    further for starts that are smooth in lambda_k.
    """
    checks.spectrum(spectrum)
    if spectrum.levels <= (MAX_LEVELS if most is None else most):
        return spectrum.eigenvalues, spectrum.weights, initial
    rising, mass = spectrum.eigenvalues[::-1], (spectrum.eigenvalues * spectrum.weights)[::-1]
    doublings = int(max(0.0, np.log2(rising[-1] / rising[0] / FIRST_GAP))) + 1
    ends = np.searchsorted(rising, rising[0] * (1.0 + FIRST_GAP * 2.0 ** np.arange(doublings)), side="right")
    panels = zip(*(np.split(levels, ends) for levels in (rising, mass, initial[::-1])))
    rules = [_gauss_rule(x, m, e, points) for x, m, e in panels if x.size]
    nodes, masses, starts = (np.concatenate(parts)[::-1].copy() for parts in zip(*rules))
    return nodes, masses / nodes, starts


def _gauss_rule(
    x: NDArray[np.float64], mass: NDArray[np.float64], initial: NDArray[np.float64], points: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the nodes, masses and starts of a Gauss rule, at most ``points``, for masses at increasing places x.

    It has their moments up to 2 points - 1. Lanczos' process on the diagonal matrix of x, from the vector sqrt(mass),
    with each new vector orthogonalised against all before: the nodes are the eigenvalues of its tridiagonal matrix, and
    sqrt(mass) initial is projected on its eigenvectors. Long arrays are reduced in two stages to save memory.
    """
    if x.size <= points:
        return x, mass, initial
    if x.size > CHUNK:
        cuts = np.arange(CHUNK, x.size, CHUNK)
        pieces = zip(*(np.split(values, cuts) for values in (x, mass, initial)))
        rules = [_gauss_rule(places, masses, starts, points) for places, masses, starts in pieces]
        nodes, masses, starts = (np.concatenate(parts) for parts in zip(*rules))
        return _gauss_rule(nodes, masses, starts, points)
    centre, width = 0.5 * (x[0] + x[-1]), 0.5 * (x[-1] - x[0])
    total = mass.sum()
    if width <= 1e-13 * centre:
        return np.array([centre]), np.array([total]), np.array([mass @ initial / total])
    place, basis = (x - centre) / width, np.empty((points, x.size))
    diagonal, off_diagonal = np.empty(points), np.empty(points)
    basis[0] = np.sqrt(mass / total)
    for j in range(points):
        vector = place * basis[j]
        diagonal[j] = vector @ basis[j]
        vector -= (basis[: j + 1] @ vector) @ basis[: j + 1]
        off_diagonal[j] = np.sqrt(vector @ vector)
        if off_diagonal[j] < 0.1:  # cancellation: a second pass removes the rounding errors of the first
            vector -= (basis[: j + 1] @ vector) @ basis[: j + 1]
            off_diagonal[j] = np.sqrt(vector @ vector)
        if j == points - 1 or off_diagonal[j] < 1e-13:  # x has no further distinct values: the rule is complete
            break
        basis[j + 1] = vector / off_diagonal[j]
    nodes, vectors = eigh_tridiagonal(diagonal[: j + 1], off_diagonal[:j])
    starts = (basis[: j + 1] @ (basis[0] * initial)) @ vectors / vectors[0]
    return centre + width * nodes, total * vectors[0] ** 2, starts


def small_eta_error(
    spectrum: Spectrum,
    eta: float,
    alpha: ArrayLike,
    sigma_J: float = 0.0,
    students: int = 1,
    teachers: int = 1,
    strength: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Compute eps_g to leading order in the learning rate: the signal alone, F/2.

    Equation ``eq-small-rate`` of the book: (1 + sigma_J^2)/2 sum_k w_k lambda_k exp(-2 eta lambda_k alpha), for one
    student and one teacher; in general with eta M/K for eta and sigma_J^2 M/K for sigma_J^2 (``eq-units``), and with
    t_k + sigma_J^2 inside the sum for a teacher of strength t_k.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    eta : float
        Learning rate, > 0.
    alpha : array_like, shape (n,), or float
        Times (examples / N), >= 0 and increasing.
    sigma_J : float
        Standard deviation of the student's initial weights, >= 0. Default: 0.
    students, teachers : int
        Hidden units K of the student and M of the teacher, >= 1. Default: one each.
    strength : array_like, shape (L,), optional
        Strengths t_k >= 0 of the teacher in the levels, as from :func:`lib.source`. Default: one in each.

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
    eta, alpha, start = _arguments(eta, alpha, sigma_J, students, teachers)
    rate, amplitude = 2.0 * eta * spectrum.eigenvalues, spectrum.weights * spectrum.eigenvalues
    if strength is not None:
        amplitude, start = amplitude * initial_errors(spectrum, strength, sigma_J, teachers / students), 0.5
    return _decay_sum(rate, amplitude, start, alpha)


def incomplete_gamma_error(
    spectrum: Spectrum,
    eta: float,
    alpha: ArrayLike,
    sigma_J: float = 0.0,
    students: int = 1,
    teachers: int = 1,
    tau: float = 0.0,
) -> NDArray[np.float64]:
    """Approximate the small-rate error by an integral over ranks, from 1/2 to L + 1/2, in place of the sum.

    Equation ``eq-incomplete-gamma`` of the book, for one student and one teacher:
    eps_g = (1 + sigma_J^2)/2 (lambda_1/L) X^-s / (1 + beta) [gamma(s, X 2^(1+beta)) - gamma(s, X (L + 1/2)^-(1+beta))]
    with X = 2 eta lambda_1 alpha, s = beta/(1 + beta) and gamma the lower incomplete gamma function. With more units
    eta M/K takes the place of eta, and sigma_J^2 M/K that of sigma_J^2. A source has t_1 lambda_1 for lambda_1 and
    (beta + tau)/(1 + beta) for s, and does not change the part of sigma_J.

    Parameters
    ----------
    spectrum : Spectrum
        A power law, from :func:`lib.power_law`.
    eta : float
        Learning rate, > 0.
    alpha : array_like, shape (n,), or float
        Times (examples / N), > 0 and increasing.
    sigma_J : float
        Standard deviation of the student's initial weights, >= 0. Default: 0.
    students, teachers : int
        Hidden units K of the student and M of the teacher, >= 1. Default: one each.
    tau : float
        Exponent of the teacher's source, of the strengths ``lib.source(spectrum, tau)``; > -beta. Default: 0.

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
    alpha = checks.times("alpha", alpha, open_minimum=True)
    eta, alpha, start = _arguments(eta, alpha, sigma_J, students, teachers)
    beta, L = spectrum.check_power_law(), spectrum.levels
    out = np.zeros_like(alpha)
    for part, share in _parts(spectrum, tau, start):
        s, leading = (beta + part) / (1.0 + beta), spectrum.eigenvalues[0] * source(spectrum, part)[0]
        for i, X in enumerate(2.0 * eta * spectrum.eigenvalues[0] * alpha):
            # use the difference of lower or of upper incomplete gamma functions, whichever does not cancel
            high, low = X * 2.0 ** (1.0 + beta), X * (L + 0.5) ** -(1.0 + beta)
            if low < 1.0:
                window = gamma.lower_gamma(s, high) - gamma.lower_gamma(s, low)
            else:
                window = gamma.upper_gamma(s, low) - gamma.upper_gamma(s, high)
            out[i] += share * leading / L / (1.0 + beta) * X**-s * window
    return out


def power_law_error(
    spectrum: Spectrum,
    eta: float,
    alpha: ArrayLike,
    sigma_J: float = 0.0,
    students: int = 1,
    teachers: int = 1,
    tau: float = 0.0,
) -> NDArray[np.float64]:
    """Compute the power law that the learning curve follows in its window, prefactor times alpha^-exponent.

    The first part of ``eq-law-with-constant``, amplified by a finite rate as in ``eq-amplification``, for one student
    and one teacher: (1 + sigma_J^2)/2 (lambda_1/L) Gamma(s)/(1 + beta) (2 eta lambda_1 alpha)^-s / (1 - eta/2),
    s = beta/(1 + beta). The curve itself lies lower by the constant :func:`offset`.

    A source, up to tau = 1 + beta, has t_1 lambda_1 for lambda_1 and s = (beta + tau)/(1 + beta). From there on the
    integral of the signal, sum_k w_k t_k / (2 eta), converges before the law begins, and the noise of those steps is
    forgotten as K of this module's text is: 2 eps_g = K(alpha) sum_k w_k t_k / [2 eta (1 - eta/2)^2], with
    K(alpha) = eta^2 (lambda_1^2/L) Gamma(s)/(1 + beta) (2 eta lambda_1 alpha)^-s, s = (1 + 2 beta)/(1 + beta). Both
    terms are present at tau = 1 + beta, and near it the other one is a slow correction. sigma_J adds its own law, of
    tau = 0.

    Parameters
    ----------
    spectrum : Spectrum
        A power law, from :func:`lib.power_law`.
    eta : float
        Learning rate, > 0 and below the critical 2 K/M.
    alpha : array_like, shape (n,), or float
        Times (examples / N), > 0 and increasing.
    sigma_J : float
        Standard deviation of the student's initial weights, >= 0. Default: 0.
    students, teachers : int
        Hidden units K of the student and M of the teacher, >= 1. Default: one each.
    tau : float
        Exponent of the teacher's source, of the strengths ``lib.source(spectrum, tau)``; > -beta. Default: 0.

    Returns
    -------
    ndarray, shape (n,)
        The power law at every time.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    checks.spectrum(spectrum)
    alpha = checks.times("alpha", alpha, open_minimum=True)
    eta, alpha, start = _arguments(eta, alpha, sigma_J, students, teachers, bound=2.0)
    beta, out = spectrum.check_power_law(), np.zeros_like(alpha)
    for amplitude, power in _terms(spectrum, eta, start, tau):
        s = power / (1.0 + beta)
        prefactor = amplitude * gamma.gamma(s) / (1.0 + beta) / (1.0 - 0.5 * eta)
        out += prefactor * (2.0 * eta * spectrum.eigenvalues[0] * alpha) ** -s
    return out


def _parts(spectrum: Spectrum, tau: float, start: float) -> list[tuple[float, float]]:
    """Return the parts of the start, each a source: (its tau, its half variance), of teacher and initial weights."""
    tau = checks.number("tau", tau, -spectrum.check_power_law(), open_minimum=True)
    if tau == 0.0 or start == 0.5:
        return [(tau, start)]
    return [(tau, 0.5), (0.0, start - 0.5)]


def _terms(spectrum: Spectrum, eta: float, start: float, tau: float) -> list[tuple[float, float]]:
    """Return (amplitude, power) of each term of the curve's law, as a sum over levels:
    amplitude sum_k k^-(1 + power) exp(-2 eta lambda_k alpha) / (1 - eta/2)."""
    beta, L, leading = spectrum.check_power_law(), spectrum.levels, spectrum.eigenvalues[0]
    terms = []
    for part, share in _parts(spectrum, tau, start):
        strength = source(spectrum, part)
        if part <= 1.0 + beta:
            terms.append((share * (leading * strength[0]) / L, beta + part))
        if part >= 1.0 + beta:
            forgotten = 0.5 * eta * np.sum(spectrum.weights * strength) / (1.0 - 0.5 * eta)
            terms.append((share * leading**2 / L * forgotten, 1.0 + 2.0 * beta))
    return terms


def offset(
    spectrum: Spectrum, eta: float, sigma_J: float = 0.0, students: int = 1, teachers: int = 1, tau: float = 0.0
) -> float:
    """Compute the constant by which a finite number of levels lowers the curve below its power law.

    The second part of ``eq-law-with-constant``, which the missing levels k > L would add, amplified by a finite rate:
    (1 + sigma_J^2)/2 (lambda_1/L) (L + 1/2)^-beta / beta / (1 - eta/2) for one student and one teacher. Because of it
    a slope read off eps_g in log-log is too steep: fit eps_g + offset. With a source, what the missing levels would
    add to the law of :func:`power_law_error`: the same with t_1 lambda_1 and beta + tau, and where tau > 1 + beta, to
    the noise that is being forgotten, with (L + 1/2)^-(1 + 2 beta) / (1 + 2 beta).

    Parameters
    ----------
    spectrum : Spectrum
        A power law, from :func:`lib.power_law`.
    eta : float
        Learning rate, > 0 and below the critical 2 K/M.
    sigma_J : float
        Standard deviation of the student's initial weights, >= 0. Default: 0.
    students, teachers : int
        Hidden units K of the student and M of the teacher, >= 1. Default: one each.
    tau : float
        Exponent of the teacher's source, of the strengths ``lib.source(spectrum, tau)``; > -beta. Default: 0.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    checks.spectrum(spectrum)
    eta, _, start = _arguments(eta, 1.0, sigma_J, students, teachers, bound=2.0)
    L, total = spectrum.levels, 0.0
    for amplitude, power in _terms(spectrum, eta, start, tau):
        total += amplitude * (L + 0.5) ** -power / power / (1.0 - 0.5 * eta)
    return total


def optimal_eta(
    spectrum: Spectrum,
    alpha: ArrayLike,
    students: int = 1,
    teachers: int = 1,
    strength: ArrayLike | None = None,
    sigma_J: float = 0.0,
) -> NDArray[np.float64]:
    """Find the constant learning rate with which eps_g is smallest at time ``alpha``, for N -> infinity.

    A larger rate learns more directions in the time given, and amplifies the noise by 1/(1 - eta/2). In the
    power law's window the balance is eta = 2 s/(1 + s) = 2 beta/(1 + 2 beta) (``eq-optimal-rate``); in general it is
    2 s/(1 + s) with s the local slope -d ln eps_g / d ln alpha of :func:`small_eta_error`. For alpha -> 0 it is 1,
    and for alpha -> infinity the rate at which the slowest mode decays fastest, near 2 for many levels. With a source
    s = (beta + tau)/(1 + beta), as long as s < 1: beyond, the noise is more than an amplification of the signal.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    alpha : array_like, shape (n,), or float
        Times (examples / N), > 0 and increasing.
    students, teachers : int
        K and M, >= 1. Default: one each. The optimum is K/M times that of one student and one teacher.
    strength : array_like, shape (L,), optional
        Strengths t_k >= 0 of the teacher in the levels, as from :func:`lib.source`. Default: one in each.
    sigma_J : float
        Standard deviation of the student's initial weights, >= 0, which matters where strengths are given: else the
        optimum is the same for all. Default: 0.

    Returns
    -------
    ndarray, shape (n,)
        The minimum over (0, 2 K/M), to some 1e-6: the minimum is flat, so that its place is known less well than its
        height. A spectrum with gaps may have several minima; this is the lowest.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.

    Examples
    --------
    >>> import lib
    >>> lib.linear.optimal_eta(lib.power_law(1.0, 1000), [0.1, 1.0]).round(3)  # 2/3 inside the power law's window
    array([0.674, 0.681])
    """
    checks.spectrum(spectrum)
    alpha = checks.times("alpha", alpha, open_minimum=True)
    _arguments(1.0, alpha, sigma_J, students, teachers)
    initial = None if strength is None else initial_errors(spectrum, strength, sigma_J, teachers / students)

    def rate(logit):
        return 2.0 / (1.0 + np.exp(-logit))

    def log_error(logit, times, levels):
        eta, (x, c, amplitude) = rate(logit), np.empty((3, levels[0].size))
        if initial is None:
            kernels.modes(*levels, eta, x, c, np.empty(4))
        else:
            kernels.modes_from(*levels, eta, x, c, amplitude, np.empty(4))
            c = amplitude / amplitude.sum()
        # amplitudes are positive and add up to 1: no cancellation, early or late
        learned = -np.expm1(-2.0 * eta * np.outer(times, x)) @ c
        left = np.exp(-2.0 * eta * np.outer(times, x - x[-1])) @ c
        if initial is not None:  # where strengths grow with the rank, amplitudes of both signs: rounding may be left
            left = np.maximum(left, 1e-300)
        return np.where(learned < 0.5, np.log1p(-np.minimum(learned, 0.5)), np.log(left) - 2.0 * eta * x[-1] * times)

    def levels(points):
        if initial is None:
            return condensed(spectrum, points, OPTIMUM_LEVELS)
        return condensed_from(spectrum, initial, points, OPTIMUM_LEVELS)

    rough, fine = levels(SEARCH_POINTS), levels(OPTIMUM_POINTS)
    logits = np.linspace(-24.0, 24.0, 97)
    best = np.argmin([log_error(logit, alpha, rough) for logit in logits], axis=0)
    out = np.empty_like(alpha)
    for i, k in enumerate(best):
        bracket = logits[max(k - 1, 0)], logits[min(k + 1, len(logits) - 1)]
        found = minimize_scalar(
            lambda logit, time=alpha[i : i + 1]: log_error(float(logit), time, fine)[0],
            bounds=bracket,
            method="bounded",
            options={"xatol": 1e-6},
        )
        out[i] = rate(found.x)
    return out * students / teachers


def power_law_window(spectrum: Spectrum, eta: float, students: int = 1, teachers: int = 1) -> tuple[float, float]:
    """Return the times between which the power law can hold, 1/(2 eta lambda_1) and 1/(2 eta lambda_L).

    Equation ``eq-window`` of the book; with more units, eta M/K takes the place of eta.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    eta : float
        Learning rate, > 0.
    students, teachers : int
        Hidden units K of the student and M of the teacher, >= 1. Default: one each.

    Returns
    -------
    alpha_min, alpha_max : float

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    checks.spectrum(spectrum)
    eta = _arguments(eta, 1.0, 0.0, students, teachers)[0]
    return 0.5 / (eta * spectrum.eigenvalues[0]), 0.5 / (eta * spectrum.eigenvalues[-1])


def finite_size_error(
    spectrum: Spectrum,
    N: int,
    eta: float,
    alpha: ArrayLike,
    sigma_J: float = 0.0,
    students: int = 1,
    teachers: int = 1,
    strength: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Compute the mean eps_g of SGD at finite N exactly, step by step.

    Equation ``eq-finite-size`` of the book: with g_k = eta lambda_k / N one step maps the mean error of level k to
    e_k - 2 g_k (1 - g_k) e_k + eta g_k E. The limit N -> infinity drops the g_k^2 term, which comes from the fourth
    moment of a Gaussian input. It matters where eta lambda_1 / N is not small: L near N.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    N : int
        Input dimension, split over the levels by :meth:`lib.Spectrum.multiplicities`.
    eta : float
        Learning rate, > 0.
    alpha : array_like, shape (n,), or float
        Times (examples / N), >= 0 and increasing; rounded to whole steps.
    sigma_J : float
        Standard deviation of the student's initial weights, >= 0. Default: 0.
    students, teachers : int
        Hidden units K of the student and M of the teacher, >= 1. Default: one each.
    strength : array_like, shape (L,), optional
        Strengths t_k >= 0 of the teacher in the levels, as from :func:`lib.source`. Default: one in each.

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
    eta, alpha, start = _arguments(eta, alpha, sigma_J, students, teachers)
    spectrum.multiplicities(N)
    initial = np.full(spectrum.levels, 2.0 * start)
    if strength is not None:
        initial = initial_errors(spectrum, strength, sigma_J, teachers / students)
    return finite_size_curve(spectrum.eigenvalues, spectrum.weights * spectrum.eigenvalues, N, eta, alpha, initial)


def finite_size_curve(
    rate: NDArray[np.float64],
    mass: NDArray[np.float64],
    N: int,
    eta: float,
    alpha: NDArray[np.float64],
    initial: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Iterate the recursion of :func:`finite_size_error` for levels of any rate and mass.

    Parameters
    ----------
    rate, mass : ndarray, shape (L,)
        Of every level: lambda_k, or 0 where nothing is learned, and w_k lambda_k.
    N : int
        Input dimension.
    eta : float
        Learning rate.
    alpha : ndarray, shape (n,)
        Times, increasing; rounded to whole steps.
    initial : ndarray, shape (L,)
        e_k at the start.

    Returns
    -------
    ndarray, shape (n,)
        eps_g at every time.

    Raises
    ------
    ValueError
        If a time needs more than 2^53 steps. Other arguments are not checked.
    """
    e, out, at = initial.copy(), np.empty_like(alpha), 0
    for i, target in enumerate(checks.steps("alpha", alpha, N)):
        out[i] = 0.5 * kernels.finite_size_advance(rate, mass, eta, N, e, target - at)
        at = target
    return out


def scheduled_error(
    spectrum: Spectrum,
    eta_of_alpha: Callable[[float], float],
    alpha: ArrayLike,
    noise: float = 0.0,
    sigma_J: float = 0.0,
    students: int = 1,
    teachers: int = 1,
    rtol: float = 1e-6,
    *,
    strength: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Compute eps_g with a learning rate that changes in time and with label noise, for N -> infinity.

    Equation ``eq-noisy-flow`` of the book,

        e_k' = -2 eta(alpha) lambda_k e_k + eta(alpha)^2 lambda_k (E + noise),

    where eps_g = E/2 is measured without the noise. Steps are exact in each level's decay. Their length is chosen by
    the estimated error of a step. A spectrum of more than ``MAX_LEVELS`` levels is first replaced by fewer
    (:func:`condensed`).

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    eta_of_alpha : callable
        Learning rate >= 0 at a time. It may jump; a jump at one of ``alpha`` costs no search.
    alpha : array_like, shape (n,), or float
        Times (examples / N), >= 0 and increasing.
    noise : float
        Variance of Gaussian noise on the labels, >= 0. Default: 0.
    sigma_J : float
        Standard deviation of the student's initial weights, >= 0. Default: 0.
    students, teachers : int
        Hidden units K of the student and M of the teacher, >= 1. Default: one each.
    rtol : float
        Error allowed in a step, relative to every level, 1e-12 to 0.1. Over a run these add up to a few times ``rtol``
        near the critical rate, and to less elsewhere. The work grows as rtol^(-1/3). Default: 1e-6.
    strength : array_like, shape (L,), optional
        Strengths t_k >= 0 of the teacher in the levels, as from :func:`lib.source`. Default: one in each.

    Returns
    -------
    ndarray, shape (n,)
        eps_g at every time.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    DivergenceError
        If the error exceeds 1e300, because the rate stays above the critical one.

    Examples
    --------
    >>> import lib
    >>> s = lib.power_law(1.0, 64)
    >>> lib.linear.scheduled_error(s, lambda alpha: 1.0 if alpha < 5.0 else 0.1, [5.0, 10.0], noise=0.1).round(4)
    array([0.0667, 0.0152])
    """
    checks.spectrum(spectrum)
    _, alpha, start = _arguments(1.0, alpha, sigma_J, students, teachers)
    noise, rtol = checks.number("noise", noise, 0.0), checks.number("rtol", rtol, 1e-12, 0.1)
    if not callable(eta_of_alpha):
        checks.refuse("eta_of_alpha", eta_of_alpha, "a function of time")
    scale = teachers / students
    if strength is None:
        eigenvalues, weights = condensed(spectrum)
        initial = np.full(eigenvalues.size, 2.0 * start)
    else:
        eigenvalues, weights, initial = condensed_from(spectrum, initial_errors(spectrum, strength, sigma_J, scale))
    mass = weights * eigenvalues

    def rate(now):
        value = eta_of_alpha(now)
        if not 0.0 <= value < np.inf:
            checks.refuse(f"eta_of_alpha({now:.6g})", value, "a number >= 0")
        return scale * value

    def course(begin, length):
        """Rate at the start and the end of a step, and its integral, of the line through the two Gauss points."""
        low, high = rate(begin + (0.5 - GAUSS) * length), rate(begin + (0.5 + GAUSS) * length)
        middle, rise = 0.5 * (low + high), 0.25 * (high - low) / GAUSS
        return max(middle - rise, 0.0), max(middle + rise, 0.0), middle * length

    e, following, whole, half = (initial.copy() for _ in range(4))
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


def fourth_moments(X: ArrayLike) -> NDArray[np.float64]:
    """Compute the fourth moments <xi_k^2 xi_l^2> of data in the eigenbasis of its covariance, mean eigenvalue 1.

    The matrix Xi of ``eq-fourth-moments``. Gaussian data has lambda_k lambda_l + 2 lambda_k^2 delta_kl.

    Parameters
    ----------
    X : array_like, shape (samples, features)

    Returns
    -------
    ndarray, shape (L, L)
        In the order of the eigenvalues of ``Spectrum.from_data(X)``.

    Raises
    ------
    ValueError
        If ``X`` holds fewer than two samples, or values that are not finite, or does not vary.
    """
    squares = eigenbasis(X)[0] ** 2
    return squares.T @ squares / len(squares)


def measured_error(
    spectrum: Spectrum,
    fourth_moments: ArrayLike,
    eta: float,
    alpha: ArrayLike,
    sigma_J: float = 0.0,
    students: int = 1,
    teachers: int = 1,
    strength: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Compute the mean eps_g of SGD on real data from its eigenvalues and fourth moments.

    Equation ``eq-fourth-moments`` of the book: with g = eta / N one step maps the mean of e_k = (J_k - B_k)^2 to
    e_k - 2 g lambda_k e_k + g^2 sum_l Xi_kl e_l. Correlations between different components of J - B, which are zero
    at the start, are neglected. With Gaussian moments they stay zero, and the result is :func:`finite_size_error` at
    N = L.

    Parameters
    ----------
    spectrum : Spectrum
        Of the data, ``Spectrum.from_data(X)``.
    fourth_moments : array_like, shape (L, L)
        Xi, from :func:`lib.linear.fourth_moments`.
    eta : float
        Learning rate, > 0. Beyond ``critical_eta(spectrum, fourth_moments=...)`` the result grows.
    alpha : array_like, shape (n,), or float
        Times (examples / N), >= 0 and increasing; rounded to whole steps.
    sigma_J : float
        Standard deviation of the student's initial weights, >= 0. Default: 0.
    students, teachers : int
        Hidden units K of the student and M of the teacher, >= 1. Default: one each.
    strength : array_like, shape (L,), optional
        Strengths t_k >= 0 of the teacher in the levels, as from :func:`lib.source`. Default: one in each.

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
    eta, alpha, start = _arguments(eta, alpha, sigma_J, students, teachers)
    moments, eigenvalues, N = check_moments(spectrum, fourth_moments), spectrum.eigenvalues, spectrum.levels
    g = eta / N
    factors, basis = np.linalg.eigh(np.diag(1.0 - 2.0 * g * eigenvalues) + g**2 * moments)
    shares = basis.sum(axis=0) * start
    if strength is not None:
        shares = 0.5 * initial_errors(spectrum, strength, sigma_J, teachers / students) @ basis
    amplitudes = (eigenvalues @ basis) * shares / N
    with np.errstate(over="ignore", invalid="ignore"):
        return np.array([amplitudes @ factors**steps for steps in np.rint(alpha * N)])


def check_moments(spectrum: Spectrum, fourth_moments: ArrayLike) -> NDArray[np.float64]:
    """Check that a matrix can hold the fourth moments of a spectrum, and return it.

    Parameters
    ----------
    spectrum : Spectrum
        Of the data: single directions, all of the same weight.
    fourth_moments : array_like, shape (L, L)

    Returns
    -------
    ndarray, shape (L, L)

    Raises
    ------
    ValueError
        If it is not symmetric or has another shape, or the levels have different weights.
    """
    checks.spectrum(spectrum)
    moments = checks.array("fourth_moments", fourth_moments, ndim=2)
    L = spectrum.levels
    if moments.shape != (L, L) or not np.allclose(moments, moments.T) or np.ptp(spectrum.weights) > 1e-12:
        raise ValueError(f"fourth_moments has shape {moments.shape}: must be symmetric, one row for each of {L} levels")
    return moments


def _arguments(
    eta: float, alpha: ArrayLike, sigma_J: float, students: int, teachers: int, bound: float = np.inf
) -> tuple[float, NDArray[np.float64], float]:
    """Check arguments; return the equivalent of one student and one teacher: eta M/K < ``bound``, alpha and
    eps_g(0) = (1 + sigma_J^2 M/K)/2."""
    scale = checks.whole("teachers", teachers) / checks.whole("students", students)
    largest = np.nextafter(bound / scale, 0.0) if np.isfinite(bound) else None
    eta = checks.number("eta", eta, 0.0, largest, open_minimum=True)
    sigma_J = checks.number("sigma_J", sigma_J, 0.0)
    return eta * scale, checks.times("alpha", alpha), 0.5 * (1.0 + scale * sigma_J**2)


def _decay_sum(
    rate: NDArray[np.float64], amplitude: NDArray[np.float64], scale: float, alpha: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return scale sum_k amplitude_k exp(-rate_k alpha) at every time."""
    out = np.empty_like(alpha)
    kernels.decay_sum(rate, amplitude, scale, alpha, out)
    return out
