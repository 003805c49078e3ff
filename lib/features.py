"""Chapter "How many features": students that can learn only the leading levels of the data.

A student learns the first l of the L levels. The rest of the teacher's answer, of variance U = sum_{k>l} w_k lambda_k
in a linear network, acts on it as noise (``eq-restricted-flow``):

    e_k' = -2 eta lambda_k e_k + eta^2 lambda_k E   (k <= l),      E = sum_{k<=l} w_k lambda_k e_k + U = 2 eps_g.

In units of its own inputs the student is an ordinary linear network (:func:`reduce`), to which the results of chapter
"Linear activations" apply. A teacher of strength t_k in level k has e_k(0) = t_k, and U = sum_{k>l} w_k lambda_k t_k.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import root

from . import asymptotics, linear
from .core import checks, divergence
from .core.spectra import Spectrum
from .kernels import averages
from .kernels import features as kernels
from .kernels.linear import decay_sum
from .maths.gamma import upper_gamma

# Below this unlearned variance U the erf network's noise is amplified as for U -> 0, up to a relative O(U). The
# alternative, eps_g at the fixed point, is a difference of arcsines of which few digits would be left.
SMALLEST_UNLEARNED = 1e-7
# Largest relative step in eta with which the erf network's fixed point is followed from eta = 0.
CONTINUATION = 0.1


@dataclass(frozen=True)
class Reduced:
    """The linear network that a restricted student is equivalent to, up to noise; made by :func:`reduce`.

    Attributes
    ----------
    spectrum : Spectrum
        Of the levels that are learned, scaled to mean 1.
    share : float
        Fraction N_l / N = sum_{k<=l} w_k of the input directions that are learned.
    seen, unseen : float
        Variance of a teacher's field in the levels that are learned, W, and in the others, U; W + U = 1
        (``eq-seen-unseen``).
    """

    spectrum: Spectrum
    share: float
    seen: float
    unseen: float


def reduce(spectrum: Spectrum, learned: int) -> Reduced:
    """Return the equivalent unrestricted network of a student that learns only the leading levels.

    With the rate eta W and the time examples / N_l in place of eta and alpha, the linear network of that smaller
    spectrum obeys the equations of the restricted student, except for the noise U (``eq-restricted-flow``).

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    learned : int
        Number l of leading levels that the student learns, 1 to L.

    Returns
    -------
    Reduced

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.

    Examples
    --------
    >>> import lib
    >>> part = lib.features.reduce(lib.power_law(1.0, 64), learned=8)
    >>> part.spectrum.levels, part.share, round(part.seen, 3), round(part.unseen, 3)
    (8, 0.125, 0.937, 0.063)
    """
    checks.spectrum(spectrum)
    learned = checks.whole("learned", learned, 1, spectrum.levels)
    eigenvalues, weights = spectrum.eigenvalues, spectrum.weights
    unseen = float(np.sum(weights[learned:] * eigenvalues[learned:]))
    share = float(np.sum(weights[:learned]))
    return Reduced(Spectrum(eigenvalues[:learned], weights[:learned]), share, 1.0 - unseen, unseen)


def critical_eta(
    spectrum: Spectrum,
    learned: int,
    students: int = 1,
    teachers: int = 1,
    N: int | None = None,
    fourth_moments: ArrayLike | None = None,
) -> float:
    """Return the largest learning rate at which a linear student of the leading levels converges.

    For N -> infinity it is 2 K / (M W) (``eq-feature-floor``).

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    learned : int
        Number l of leading levels that the student learns, 1 to L.
    students, teachers : int
        Hidden units K of the student and M of the teacher, >= 1. Default: one each.
    N : int, optional
        Input dimension. Default: the limit N -> infinity.
    fourth_moments : array_like, shape (L, L), optional
        Of real data, of all L levels, from :func:`lib.linear.fourth_moments`. N is then L. Default: Gaussian inputs.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
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
def _critical_eta(run: divergence.Run) -> float:
    """Return :func:`critical_eta` of a run, for the message of a DivergenceError."""
    model, spectrum = run.model, run.model.spectrum
    learned = spectrum.levels if run.learned is None else run.learned
    moments = None if run.inputs is None else linear.fourth_moments(run.inputs)
    return critical_eta(spectrum, learned, model.students, model.teachers, run.N, moments)


def asymptotic_error(
    spectrum: Spectrum, learned: int, eta: float = 0.0, N: int | None = None, strength: ArrayLike | None = None
) -> float:
    """Return eps_g of a linear student of the leading levels after infinitely many examples.

    Equation ``eq-feature-floor`` of the book, (U/2) / (1 - eta W/2); at eta -> 0 it is U/2 (``eq-feature-error``). At
    finite N the denominator is 1 - sum_{k<=l} w_k eta lambda_k / (2 (1 - eta lambda_k / N)), exact in the mean.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    learned : int
        Number l of leading levels that the student learns, 1 to L.
    eta : float
        Learning rate, >= 0. Default: 0, the limit of a small rate.
    N : int, optional
        Input dimension. Default: the limit N -> infinity.
    strength : array_like, shape (L,), optional
        Strengths t_k >= 0 of the teacher in the levels, as from :func:`lib.source`. Default: one in each.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    DivergenceError
        If eta is at or above the critical learning rate.
    """
    checks.spectrum(spectrum)
    eta = checks.number("eta", eta, 0.0)
    part, critical = reduce(spectrum, learned), critical_eta(spectrum, learned, N=N)
    learned = part.spectrum.levels
    if eta >= critical:
        raise _divergence(eta, critical)
    rate = eta * spectrum.eigenvalues[:learned]
    mean = np.sum(spectrum.weights[:learned] * rate / (1.0 - (0.0 if N is None else rate / N)))
    unseen = part.unseen if strength is None else _unseen(spectrum, learned, checks.strength(spectrum, strength))
    return float(0.5 * unseen / (1.0 - 0.5 * mean))


def _unseen(spectrum: Spectrum, learned: int, initial: NDArray[np.float64]) -> float:
    """Return sum_{k>l} w_k lambda_k e_k, what levels that are not learned add to 2 eps_g."""
    return float(np.sum((spectrum.weights * spectrum.eigenvalues * initial)[learned:]))


def error(
    spectrum: Spectrum,
    learned: int,
    eta: float,
    alpha: ArrayLike,
    sigma_J: float = 0.0,
    noise: float = 0.0,
    strength: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Compute eps_g of a linear student of the leading levels at any time and rate, exactly for N -> infinity.

    Equation ``eq-restricted-error`` of the book. With c(alpha) the learning curve of the reduced network, normalised
    to c(0) = 1,

        2 eps_g = (1 + sigma_J^2) { W c + U [1 + (eta W/2) (1 - c) / (1 - eta W/2)] }.

    With strengths, W c is the sum of other modes' amplitudes (those of t_k + sigma_J^2), and U that of t_k + sigma_J^2.
    Up to the critical rate both terms are sums of positive ones, accurate to rounding; above it the formula holds, and
    grows. Costs O(l^2) once and O(l) per time; many levels are first replaced by fewer
    (:func:`lib.linear.condensed`).

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    learned : int
        Number l of leading levels that the student learns, 1 to L.
    eta : float
        Learning rate, > 0.
    alpha : array_like, shape (n,), or float
        Times (examples / N), >= 0 and increasing.
    sigma_J : float
        Standard deviation of the student's initial weights, >= 0, which do not change in the levels that it does not
        learn. Default: 0.
    noise : float
        Variance of a noise in the teacher's answers, >= 0. Default: 0. It acts on the student as U does, and counts in
        the result, which is the error on fresh noisy answers: noise/2 of it is irreducible.
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

    Examples
    --------
    >>> import lib
    >>> lib.features.error(lib.power_law(1.0, 64), learned=8, eta=0.5, alpha=[1.0, 10.0, 1e3]).round(4)
    array([0.0584, 0.0409, 0.0409])
    """
    checks.spectrum(spectrum)
    eta, alpha, start = _arguments(eta, alpha, sigma_J)
    noise = checks.number("noise", noise, 0.0)
    part = reduce(spectrum, learned)
    learned, unseen = part.spectrum.levels, part.unseen
    if strength is None:
        eigenvalues, weights = linear.condensed(part.spectrum)
    else:
        initial = linear.initial_errors(spectrum, strength, sigma_J)
        unseen, start = _unseen(spectrum, learned, initial), 0.5
        eigenvalues, weights, initial = linear.condensed_from(part.spectrum, initial[:learned])
    x, amplitude, gain = np.empty((3, eigenvalues.size))
    student = kernels.Student(eigenvalues, weights, part.share, part.seen, unseen, x, amplitude, gain, np.empty(4))
    if strength is None:
        kernels.find_modes(student, eta)
    else:
        kernels.find_modes_from(student, initial, eta)
    out = np.empty_like(alpha)
    kernels.restricted_error(student, eta, start, noise, alpha, out)
    return out


def small_eta_error(
    spectrum: Spectrum,
    learned: int,
    eta: float,
    alpha: ArrayLike,
    sigma_J: float = 0.0,
    strength: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Compute eps_g of a linear student of the leading levels to leading order in the learning rate.

    (1 + sigma_J^2)/2 [sum_{k<=l} w_k lambda_k exp(-2 eta lambda_k alpha) + U], the limit of ``eq-restricted-error``.
    Costs O(l) per time.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    learned : int
        Number l of leading levels that the student learns, 1 to L.
    eta : float
        Learning rate, > 0.
    alpha : array_like, shape (n,), or float
        Times (examples / N), >= 0 and increasing.
    sigma_J : float
        Standard deviation of the student's initial weights, >= 0. Default: 0.
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
    eta, alpha, start = _arguments(eta, alpha, sigma_J)
    part = reduce(spectrum, learned)
    learned = part.spectrum.levels
    amplitude, unseen = spectrum.weights * spectrum.eigenvalues, part.unseen
    if strength is not None:
        initial, start = linear.initial_errors(spectrum, strength, sigma_J), 0.5
        amplitude, unseen = amplitude * initial, _unseen(spectrum, learned, initial)
    out = np.empty_like(alpha)
    decay_sum(2.0 * eta * spectrum.eigenvalues[:learned], amplitude[:learned], start, alpha, out)
    return out + start * unseen


def finite_size_error(
    spectrum: Spectrum,
    learned: int,
    N: int,
    eta: float,
    alpha: ArrayLike,
    sigma_J: float = 0.0,
    strength: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Compute the mean eps_g of SGD at finite N exactly for a linear student of the leading levels.

    The recursion ``eq-finite-size`` of :func:`lib.linear.finite_size_error`, in which the levels k > l do not move.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    learned : int
        Number l of leading levels that the student learns, 1 to L.
    N : int
        Input dimension, split over the levels by :meth:`lib.Spectrum.multiplicities`.
    eta : float
        Learning rate, > 0.
    alpha : array_like, shape (n,), or float
        Times (examples / N), >= 0 and increasing; rounded to whole steps.
    sigma_J : float
        Standard deviation of the student's initial weights, >= 0. Default: 0.
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
    eta, alpha, start = _arguments(eta, alpha, sigma_J)
    learned = checks.whole("learned", learned, 1, spectrum.levels)
    spectrum.multiplicities(N)
    rate = np.where(np.arange(spectrum.levels) < learned, spectrum.eigenvalues, 0.0)
    initial = np.full(spectrum.levels, 2.0 * start)
    if strength is not None:
        initial = linear.initial_errors(spectrum, strength, sigma_J)
    return linear.finite_size_curve(rate, spectrum.weights * spectrum.eigenvalues, N, eta, alpha, initial)


def measured_error(
    spectrum: Spectrum,
    learned: int,
    fourth_moments: ArrayLike,
    eta: float,
    alpha: ArrayLike,
    sigma_J: float = 0.0,
    strength: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Compute the mean eps_g of SGD on real data for a linear student of the leading levels.

    The map ``eq-fourth-moments``, in which the levels k > l do not move but drive the others:
    e_k -> e_k - 2 g lambda_k e_k + g^2 sum_m Xi_km e_m for k <= l, with the sum over all levels and g = eta / N. Its
    fixed point is ``eq-real-floor``.

    Parameters
    ----------
    spectrum : Spectrum
        Of the data, ``Spectrum.from_data(X)``: levels of single directions.
    learned : int
        Number l of leading levels that the student learns, 1 to L.
    fourth_moments : array_like, shape (L, L)
        Xi, from :func:`lib.linear.fourth_moments`.
    eta : float
        Learning rate, > 0 and below ``critical_eta(spectrum, learned, fourth_moments=...)``.
    alpha : array_like, shape (n,), or float
        Times (examples / N), >= 0 and increasing; rounded to whole steps.
    sigma_J : float
        Standard deviation of the student's initial weights, >= 0. Default: 0.
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
        If eta is at or above the critical learning rate.
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
    driven, first, still = moments[:learned, learned:].sum(axis=1), 2.0 * start, eigenvalues[learned:].sum()
    if strength is not None:
        initial = linear.initial_errors(spectrum, strength, sigma_J) / first
        driven, still = moments[:learned, learned:] @ initial[learned:], eigenvalues[learned:] @ initial[learned:]
        first = first * initial[:learned]
    # fixed point: what the levels at rest add balances what is forgotten
    rest = np.linalg.solve(-step, 2.0 * start * g**2 * driven)
    changes, basis = np.linalg.eigh(step)
    amplitudes = (eigenvalues[:learned] @ basis) * (basis.T @ (first - rest))
    still = eigenvalues[:learned] @ rest + 2.0 * start * still
    return np.array([0.5 / N * (still + amplitudes @ (1.0 + changes) ** steps) for steps in np.rint(alpha * N)])


# --- The joint law of time and features -----------------------------------------------------------------


def scaling_function(beta: float, x: ArrayLike) -> NDArray[np.float64]:
    """Compute the scaling function F(x) of the joint law of time and features.

    Equation ``eq-joint-law`` of the book: F(x) = 1/beta + x^-s Gamma(s, x) / (1 + beta), s = beta/(1+beta), in
    2 eps_g = (lambda_1/L) l^-beta F(x), where x = 2 eta lambda_l alpha counts the relaxation times of the last level
    that is learned. For x -> 0 time limits the error, F -> Gamma(s)/(1+beta) x^-s; for x -> infinity features do,
    F -> 1/beta.

    Parameters
    ----------
    beta : float
        Exponent of the spectrum, > 0.
    x : array_like
        Numbers > 0, of any shape.

    Returns
    -------
    ndarray
        F, of the shape of ``x``.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.

    Examples
    --------
    >>> import lib
    >>> lib.features.scaling_function(1.0, [0.01, 1.0, 100.0]).round(3)
    array([8.866, 1.139, 1.   ])
    """
    s = linear.exponent(beta)
    values = checks.real_array("x", x).astype(np.float64)
    if not np.all(values > 0):
        raise ValueError("x: must be > 0")
    return 1.0 / beta + values**-s * _upper_gamma(s, values) / (1.0 + beta)


def _upper_gamma(s: float, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Gamma(s, x) for every element of x."""
    return np.array([upper_gamma(s, value) for value in np.ravel(x)]).reshape(np.shape(x))


def crossover_time(spectrum: Spectrum, learned: int, eta: float) -> float:
    """Return the time 1/(2 eta lambda_l) at which the last level that is learned relaxes.

    Equation ``eq-crossover`` of the book: the argument of F is 1 there. Before it, time limits the error; after it,
    features do.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    learned : int
        Number l of leading levels that the student learns, 1 to L.
    eta : float
        Learning rate, > 0.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    checks.spectrum(spectrum)
    learned = checks.whole("learned", learned, 1, spectrum.levels)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    return float(0.5 / (eta * spectrum.eigenvalues[learned - 1]))


# --- The best split of a compute budget -------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Frontier:
    """The smallest error for every compute budget; made by :func:`compute_optimal` and :func:`compute_law`.

    Attributes
    ----------
    compute : ndarray, shape (n,)
        C = l alpha (``eq-compute``): features times examples, in units of N^2 / L.
    learned, alpha, eps_g : ndarray, shape (n,)
        Levels, time and error of the best student of that budget.
    """

    compute: NDArray[np.float64]
    learned: NDArray[np.int64] | NDArray[np.float64]
    alpha: NDArray[np.float64]
    eps_g: NDArray[np.float64]


def compute_exponents(beta: float, tau: float = 0.0) -> tuple[float, float, float]:
    """Return the exponents with which a compute budget C is best spent, for a power-law spectrum.

    Equation ``eq-compute-optimal`` of the book. A source changes the last alone: up to the end of the learned levels'
    relaxation the floor l^-(beta+tau) is not reached, and soon after it is. Where tau > 1 + beta that takes a time
    longer by a logarithm of l, in which the forgotten noise of those levels decays to the floor.

    Parameters
    ----------
    beta : float
        Exponent of the spectrum, > 0.
    tau : float
        Exponent of the teacher's source, of the strengths ``lib.source(spectrum, tau)``; > -beta. Default: 0.

    Returns
    -------
    learned, alpha, eps_g : float
        1/(2+beta), (1+beta)/(2+beta) and (beta+tau)/(2+beta): l ~ C^learned, alpha ~ C^alpha and error ~ C^-eps_g.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.

    Examples
    --------
    >>> import lib
    >>> lib.features.compute_exponents(2.0)
    (0.25, 0.75, 0.5)
    """
    beta = checks.number("beta", beta, 0.0, open_minimum=True)
    tau = checks.number("tau", tau, -beta, open_minimum=True)
    return 1.0 / (2.0 + beta), (1.0 + beta) / (2.0 + beta), (beta + tau) / (2.0 + beta)


def compute_optimal(
    spectrum: Spectrum,
    eta: float,
    compute: ArrayLike,
    sigma_J: float = 0.0,
    noise: float = 0.0,
    strength: ArrayLike | None = None,
) -> Frontier:
    """Find the number of levels that minimises the exact error at a given budget C = l alpha.

    The error is that of :func:`error`. Numbers of levels on a grid of ratio 2^(1/4) are tried from 1 up, until four in
    a row improve no budget. Between the neighbours of its best grid point, where the error has one minimum as a
    function of l, each budget is then searched by bisection. With strengths the whole grid is tried, since the task
    may be in the last levels; where the error has several minima, that of the best grid point is found.

    Parameters
    ----------
    spectrum : Spectrum
        Levels of equal weight, of a law or measured.
    eta : float
        Learning rate, > 0 and below 2.
    compute : array_like, shape (n,), or float
        Budgets C > 0, increasing, in units of N^2 / L.
    sigma_J : float
        Standard deviation of the student's initial weights, >= 0. Default: 0.
    noise : float
        Variance of a noise in the teacher's answers, >= 0; half of it is part of the error. Default: 0.
    strength : array_like, shape (L,), optional
        Strengths t_k >= 0 of the teacher in the levels, as from :func:`lib.source`. Default: one in each.

    Returns
    -------
    Frontier

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.

    Examples
    --------
    >>> import lib
    >>> best = lib.features.compute_optimal(lib.power_law(1.0, 256), eta=0.5, compute=[1.0, 100.0])
    >>> best.learned.tolist(), best.eps_g.round(4).tolist()
    ([6, 29], [0.0781, 0.0163])
    """
    checks.spectrum(spectrum)
    eta, compute = _budget(eta, compute)
    if np.ptp(spectrum.weights) > 1e-12 * spectrum.weights[0]:
        raise ValueError("spectrum: must have equal weights, so that the cost of a level is the same for all")
    known = {}

    def at(l):
        if l not in known:
            known[l] = error(spectrum, l, eta, compute / l, sigma_J, noise, strength)
        return known[l]

    grid, best, since = [], np.full(compute.size, np.inf), 0
    for l in np.unique(np.rint(2.0 ** np.arange(0.0, np.log2(spectrum.levels) + 0.25, 0.25)).astype(int)):
        grid.append(min(int(l), spectrum.levels))
        since = 0 if np.any(at(grid[-1]) < best) else since + 1
        best = np.minimum(best, at(grid[-1]))
        if since == 4 and strength is None:
            break
    choice = np.argmin([at(l) for l in grid], axis=0)
    learned = np.empty(compute.size, dtype=int)
    for i, place in enumerate(choice):
        low, high = grid[max(place - 1, 0)], grid[min(place + 1, len(grid) - 1)]
        # from the parabola's minimum in growing steps until the true one is enclosed, then by bisection
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


def _lowest(sizes: Sequence[int], errors: Sequence[float]) -> int:
    """Return an integer near the minimum of the parabola in ln l through three points; the middle one if degenerate."""
    (a, b), (u, v) = np.log(np.array(sizes[::2]) / sizes[1]), np.array(errors[::2]) - errors[1]
    if a * b == 0.0 or u * b == v * a:
        return sizes[1]
    return int(sizes[1] * np.exp(0.5 * (u * b * b - v * a * a) / (u * b - v * a)))


def optimal_training(beta: float) -> float:
    """Return x = 2 eta lambda_l alpha at which a compute-optimal student stops training, a function of beta alone.

    It minimises x^(beta/(2+beta)) F(x), and so solves ``eq-best-training``,
    beta/(2+beta) F(x) = x^-s Gamma(1+s, x) / (1+beta).

    Parameters
    ----------
    beta : float
        Exponent of the spectrum, > 0.

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
    >>> round(lib.features.optimal_training(1.0), 4)
    0.583
    """
    return float(kernels.best_training(checks.number("beta", beta, 0.0, open_minimum=True)))


def compute_law(spectrum: Spectrum, eta: float, compute: ArrayLike, sigma_J: float = 0.0) -> Frontier:
    """Compute the frontier by the joint law of time and features, in which everything is a power of the budget.

    Equation ``eq-compute-optimal`` of the book: every budget stops at the same x = :func:`optimal_training`, so that
    l = (Y/x)^(1/(2+beta)) with Y = 2 eta lambda_1 C, and alpha = C/l. The error is ``eq-joint-law`` there, the law of
    an infinite spectrum less the constant of the missing levels.

    Parameters
    ----------
    spectrum : Spectrum
        A power law, from :func:`lib.power_law`.
    eta : float
        Learning rate, > 0 and below 2.
    compute : array_like, shape (n,), or float
        Budgets C > 0, increasing, in units of N^2 / L.
    sigma_J : float
        Standard deviation of the student's initial weights, >= 0. Default: 0.

    Returns
    -------
    Frontier
        Its ``learned`` is not rounded to integers.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    checks.spectrum(spectrum)
    eta, compute = _budget(eta, compute)
    start, beta, L = _start(sigma_J), spectrum.check_power_law(), spectrum.levels
    x, leading = optimal_training(beta), spectrum.eigenvalues[0]
    learned = (2.0 * eta * leading * compute / x) ** (1.0 / (2.0 + beta))
    law = learned**-beta * float(scaling_function(beta, x)) - (L + 0.5) ** -beta / beta
    return Frontier(compute, learned, compute / learned, start * leading / L * law / (1.0 - 0.5 * eta))


# --- erf networks -----------------------------------------------------------------------------------------


def erf_asymptotic_error(spectrum: Spectrum, learned: int, units: int, eta: float = 0.0) -> float:
    """Return eps_g of an erf student of the leading levels after infinitely many examples, for K = M units.

    For orthonormal teachers and a student that has specialised. At eta -> 0 it is ``eq-erf-floor``, for every M,

        eps_g = 1/2 [1/3 - (2/pi) arcsin((1 - U)/2)] ~ U / (pi sqrt 3):

    the student is the teacher averaged over the directions that it does not see, J = B / sqrt(1 + U) in the others
    (``eq-erf-average``). At finite eta the fixed point of the flow, the same in every level that is learned, is found
    numerically: relative accuracy 1e-6 up to half the critical rate, 1e-5 at 0.9 of it. Where much is unlearned the
    fixed point may become unstable earlier: students then grow in opposite pairs (:func:`lib.solve` shows it).

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    learned : int
        Number l of leading levels that the student learns, 1 to L.
    units : int
        Hidden units K = M of student and teacher, >= 1.
    eta : float
        Learning rate, >= 0. Default: 0, the limit of a small rate.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    DivergenceError
        If eta is at or above :func:`erf_critical_eta`: there the student's own noise would grow even without U, up to
        an error of order one, at which the erf saturates.
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


def erf_critical_eta(spectrum: Spectrum, learned: int, units: int) -> float:
    """Return the largest learning rate at which perfect learning of the leading levels is stable, for erf units.

    The inputs that the student sees have total variance W, so it is the solution of ``eq-late-critical``,
    :func:`lib.asymptotics.stability_limit`, divided by W.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    learned : int
        Number l of leading levels that the student learns, 1 to L.
    units : int
        Hidden units K = M of student and teacher, >= 1.

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
    >>> round(lib.features.erf_critical_eta(lib.power_law(1.0, 100), 100, 1), 6)
    4.055779
    """
    checks.spectrum(spectrum)
    part = reduce(spectrum, learned)
    return asymptotics.stability_limit(checks.whole("units", units)) / part.seen


def erf_amplification(units: int, rate: float) -> float:
    """Return the factor by which a finite rate multiplies the asymptotic error of an erf student, to first order in U.

    What is not learned is the same noise U for every unit. So each sector of the late stage is amplified by its factor
    of ``eq-late-amplification`` (:func:`lib.asymptotics.amplification`), and contributes to eps_g in proportion to its
    eigenvalue of H and its number of modes.

    Parameters
    ----------
    units : int
        Hidden units K = M of student and teacher, >= 1.
    rate : float
        eta W, > 0 and below :func:`lib.asymptotics.stability_limit`.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    rate = checks.number("rate", rate, 0.0, asymptotics.stability_limit(units), open_minimum=True)
    c = asymptotics.couplings(units)
    share = c.H * c.identity**2
    return float(asymptotics.amplification(units, rate) @ share / share.sum())


def _erf_small_eta(U: float) -> float:
    """Return 1/pi [arcsin(1/2) - arcsin((1 - U)/2)] by the addition theorem, which does not cancel."""
    a, b = 0.5, 0.5 * (1.0 - U)
    return float(np.arcsin(0.25 * U * (2.0 - U) / (a * np.sqrt(1.0 - b * b) + b * np.sqrt(1.0 - a * a))) / np.pi)


def _erf_fixed_point(seen: float, M: int, eta: float) -> float:
    """Return eps_g at the flow's fixed point r^k = r, q^k = q (k <= l), R = W r, Q = W q, followed from eta = 0 up."""
    v, u = 1.0 / np.sqrt(M), 1.0 / np.sqrt(M)
    D, G, C = np.empty((M, 2 * M)), np.empty((M, M)), np.empty((2 * M, 2 * M))
    one = np.eye(M)

    def overlaps(z):
        """Return r and q from their diagonal and off-diagonal elements, of which M = 1 has only the first."""
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

    # the noise moves the solution by O(U): solve for that shift in units of U
    U = 1.0 - seen
    start, shift = np.array([(1.0 + U) ** -0.5, 0.0, 1.0 / (1.0 + U), 0.0]), np.zeros(4)
    for rate in np.linspace(0.0, eta, 1 + int(np.ceil(eta / CONTINUATION)))[1:]:
        shift = root(lambda y, rate=rate: residual(start + U * y, rate) / U, shift, tol=1e-12).x
    r, q = overlaps(start + U * shift)
    averages.assemble(seen * q, seen * r, one, C)
    return averages.generalization_error(C, M, v, u, averages.ERF)


def _arguments(eta: float, alpha: ArrayLike, sigma_J: float) -> tuple[float, NDArray[np.float64], float]:
    """Check arguments; return eta, alpha and eps_g(0) = (1 + sigma_J^2)/2."""
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    return eta, checks.times("alpha", alpha), _start(sigma_J)


def _budget(eta: float, compute: ArrayLike) -> tuple[float, NDArray[np.float64]]:
    """Check eta, below the critical rate 2, and budgets; return both."""
    eta = checks.number("eta", eta, 0.0, np.nextafter(2.0, 0.0), open_minimum=True)
    return eta, checks.times("compute", compute, open_minimum=True)


def _start(sigma_J: float) -> float:
    """Return eps_g(0) = (1 + sigma_J^2)/2."""
    return 0.5 * (1.0 + checks.number("sigma_J", sigma_J, 0.0) ** 2)


def _divergence(eta: float, critical: float) -> checks.DivergenceError:
    """Return the error to raise for a rate at or above the critical one."""
    words = f"eta = {eta:g}: must be below the critical learning rate {critical:.6g}; the error does not converge"
    return checks.DivergenceError(words, np.inf, critical)
