"""Chapter "Hard and easy tasks": students of random features, and the phases of their compute frontier.

Inputs x_j = lambda_j^(1/2) z_j with lambda_j = j^-(1+beta), j = 1 ... inputs, and z_j standard normal; the target is
y = sum_j b_j x_j with b_j = j^(-tau/2), the source. The student sees the features W^T x alone, W (inputs x features) of
independent normal entries of variance 1/features, and is trained by one-pass SGD from zero,

    theta <- theta + gamma (y - theta . W^T x) W^T x.

Errors here are the mean square E = <(y - theta . W^T x)^2>, without the 1/2 of eps_g. In the eigenbasis of
Lambda^(1/2) W W^T Lambda^(1/2), with eigenvalues mu_i, the mean of one step is exact and closed:

    rho_i <- [1 - 2 gamma mu_i (1 - gamma mu_i)] rho_i + gamma^2 mu_i^2 E,        E = sum_i rho_i.

Hence E = F + K * E, a convolution over steps, which generating functions solve. The sums over mu_i are replaced by
their deterministic equivalents for many features, in which W no longer occurs. The model and its phases are those of
Paquette, Paquette, Xiao and Pennington (2024), whose letters are alpha = (1+beta)/2 and beta = tau/2; they take
gamma mu for small (``small_step``): rates 2 gamma mu, exponentials of time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from .core import checks
from .kernels import random_features as kernels

# Below this many features the mean over W is far from the equivalent, whose spectrum may then reach the critical step.
FEWEST = 4
# Smallest student of a frontier: from six features on gamma sum_j lambda_j = 1/2 is stable for every spectrum.
SMALLEST = 8
# Students tried for a frontier, for each factor of two in size.
TRIED = 2


@dataclass(frozen=True, eq=False)
class Components:
    """The parts of the mean error, which add up to it; made by :func:`components`.

    Attributes
    ----------
    floor : float
        What no weights on the features can express: sum_j lambda_j b_j^2 kappa / (lambda_j + kappa), kappa the
        effective ridge of as many examples as there are features.
    signal : ndarray, shape (n,)
        What is not yet learned of the rest, if each direction j had its mean rate alone: lambda_j + kappa in place of
        the spread of mu_i.
    distortion : ndarray, shape (n,)
        What the spread adds, >= 0 by Jensen's inequality: features mix directions, and leave slow parts of fast ones.
    noise : ndarray, shape (n,)
        What the noise of SGD adds.
    """

    floor: float
    signal: NDArray[np.float64]
    distortion: NDArray[np.float64]
    noise: NDArray[np.float64]


@dataclass(frozen=True)
class Exponents:
    """How the best student and its error scale with compute f; made by :func:`exponents`.

    Attributes
    ----------
    features, risk : float
        features ~ f^features and error ~ f^-risk.
    """

    features: float
    risk: float


@dataclass(frozen=True, eq=False)
class Frontier:
    """The best number of features for every compute budget; made by :func:`frontier`.

    Attributes
    ----------
    compute : ndarray, shape (n,)
        Budgets f = features * steps.
    features : ndarray of int, shape (n,)
        Of the best student.
    steps, risk : ndarray, shape (n,)
        Its number of steps, compute / features, and its error.
    """

    compute: NDArray[np.float64]
    features: NDArray[np.int64]
    steps: NDArray[np.float64]
    risk: NDArray[np.float64]


def risk(
    beta: float,
    tau: float,
    features: int,
    inputs: int,
    gamma: float,
    steps: ArrayLike,
    small_step: bool = False,
) -> NDArray[np.float64]:
    """Compute the mean error of one-pass SGD on random features.

    The deterministic equivalent of the exact mean, inverted on a contour; about 1e-7 of the value is numerical error.
    Sums over ranks are Gauss rules of a few nodes for each factor of four in the eigenvalue, so that 10^9 features of
    10^11 inputs cost what 100 of 1000 do. For a given W the mean fluctuates about it: see :func:`exact`.

    Parameters
    ----------
    beta : float
        Exponent of the spectrum lambda_j = j^-(1+beta), > -1.
    tau : float
        Source: the target's coefficients are b_j = j^(-tau/2). Any finite number.
    features : int
        At least 4 and at most ``inputs``.
    inputs : int
        Number of inputs.
    gamma : float
        Step, > 0 and below :func:`critical_gamma`.
    steps : array_like, shape (n,), or float
        Numbers of steps, whole, >= 0 and increasing.
    small_step : bool
        Whether to take steps for small: a direction decays as exp(-2 gamma mu t) and gets gamma^2 mu^2 of the error
        back at a rate. The decay is right up to (gamma mu)^3, the noise is not: it amplifies by 1/(1 - n) with
        n = tr gamma mu / (2 (1 - gamma mu)), and without the 1 - gamma mu where steps are small. For beta = 1 that is
        0.2 % too low at gamma sum_j lambda_j = 0.1, 10 % at 0.5, and finite at 1, where the true mean
        diverges. Default: no.

    Returns
    -------
    ndarray, shape (n,)
        E of the squared error after each number of steps.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    DivergenceError
        If gamma is at or above the critical step.

    Examples
    --------
    >>> import lib
    >>> lib.random_features.risk(1.0, 0.0, features=100, inputs=1000, gamma=0.3, steps=[0, 100, 10000]).round(4)
    array([1.6439, 0.1836, 0.038 ])
    """
    model, steps = _checked(beta, tau, features, inputs, gamma, steps, small_step)
    learned, noise = _training(model, steps)
    return learned + noise


def components(
    beta: float,
    tau: float,
    features: int,
    inputs: int,
    gamma: float,
    steps: ArrayLike,
    small_step: bool = False,
) -> Components:
    """Split the mean error into floor, signal, distortion by the features, and noise.

    Parameters
    ----------
    beta, tau, features, inputs, gamma, steps, small_step
        As for :func:`risk`.

    Returns
    -------
    Components
        Their sum is :func:`risk`.

    Raises
    ------
    ValueError
        If an argument is outside the range that :func:`risk` states.
    DivergenceError
        If gamma is at or above the critical step.

    Examples
    --------
    >>> import lib
    >>> parts = lib.random_features.components(1.0, 1.4, features=100, inputs=1000, gamma=0.3, steps=[0, 10, 1000])
    >>> [round(float(part), 6) for part in (parts.floor, parts.signal[2], parts.distortion[2], parts.noise[2])]
    [0.000584, 0.00015, 0.000665, 0.000678]
    """
    model, steps = _checked(beta, tau, features, inputs, gamma, steps, small_step)
    learned, noise = _training(model, steps)
    kappa = kernels.floor_ridge(model, float(inputs))
    floor, signal = kernels.floor_error(model, kappa), np.empty_like(steps)
    kernels.signal_error(model, kappa, steps, signal)
    # at least 0 but for the rounding of the difference
    return Components(float(floor), signal, np.maximum(learned - floor - signal, 0.0), noise)


def critical_gamma(beta: float, features: int, inputs: int, small_step: bool = False) -> float:
    """Return the step from which on the mean of SGD does not converge.

    Noise must be forgotten faster than it is made, tr of gamma mu / (2 (1 - gamma mu)) < 1. In the deterministic
    equivalent that is gamma k (1 + 2/features) < 1 with sum_j lambda_j / (k - lambda_j) = 2: between 2/3 and 2 over
    sum_j lambda_j for many features, and less for few. For small steps it is 2 / sum_j lambda_j.

    Parameters
    ----------
    beta, features, inputs, small_step
        As for :func:`risk`.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If an argument is outside the range that :func:`risk` states.

    Examples
    --------
    >>> import lib
    >>> round(lib.random_features.critical_gamma(1.0, features=100, inputs=1000), 4)
    0.5991
    """
    features, inputs = _sizes(features, inputs)
    return float(kernels.critical_gamma(_model(beta, 0.0, features, inputs, small_step)))


def phase(beta: float, tau: float) -> str:
    """Name the phase of compute-optimal random features.

    Which two of floor, signal, distortion and noise meet at the best number of features. With beta < 0 the spectrum's
    sum grows with the number of inputs: there are finitely many, in a fixed ratio to the features, and the step falls
    as gamma ~ features^beta.

    Parameters
    ----------
    beta : float
        Exponent of the spectrum, > -1.
    tau : float
        Source, > -beta: otherwise the target's variance grows with the number of inputs.

    Returns
    -------
    str
        "Ia" (beta > 0, tau < 1) and "Ib" (beta < 0, tau < 1): signal and floor; "II" (beta > 0, 1 < tau < 1 + beta):
        signal and distortion; "III" (beta > 0, tau > 1 + beta): distortion and noise; and for beta < 0, tau > 1
        "IVa" (beta > 1 - sqrt 2): noise and floor, "IVb" (beta > -1/2): noise and signal, "Ic": signal and floor.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.

    Examples
    --------
    >>> import lib
    >>> [lib.random_features.phase(beta, tau) for beta, tau in [(1.0, 0.0), (1.0, 1.5), (1.0, 3.0), (-0.2, 2.0)]]
    ['Ia', 'II', 'III', 'IVa']
    """
    beta, tau = _exponents(beta, tau)
    return kernels.PHASES[int(kernels.phase(beta, tau))]


def exponents(beta: float, tau: float) -> Exponents:
    """Return the exponents of the best number of features and of its error, as powers of compute.

    Each term of the error goes like features^-p T^-q, where T = gamma steps (with gamma ~ features^beta for beta < 0):
    the floor with p = 1 + beta - max(0, 1 - tau), q = 0; the signal with q = (beta+tau)/(1+beta); distortion, for
    beta > 0 and tau > 1, with p = 1, q = beta/(1+beta); and noise with gamma T^-(1+2 beta)/(1+beta), for
    beta > -1/2. At given f = features * steps, the largest of them is smallest where two meet.

    Parameters
    ----------
    beta, tau
        As for :func:`phase`.

    Returns
    -------
    Exponents

    Raises
    ------
    ValueError
        If an argument is outside the range that :func:`phase` states.

    Examples
    --------
    >>> import lib
    >>> lib.random_features.exponents(1.0, 0.0)
    Exponents(features=0.3333333333333333, risk=0.3333333333333333)
    """
    return Exponents(*map(float, kernels.frontier_exponents(*_exponents(beta, tau))))


def frontier(
    beta: float,
    tau: float,
    compute: ArrayLike,
    ratio: float = 10.0,
    rate: float = 0.5,
    largest: int | None = None,
    small_step: bool = False,
) -> Frontier:
    """Find the number of features that minimises the mean error at a given budget f = features * steps.

    Sizes from 8 up, two in each factor of two, are tried, and the best one's neighbourhood is searched to 1e-4 of
    the size, or to the whole number. Steps are compute / features, not rounded, at least 1.

    Parameters
    ----------
    beta, tau
        As for :func:`risk`.
    compute : array_like, shape (n,), or float
        Budgets, >= 64 and increasing.
    ratio : float
        Inputs / features, >= 1; inputs are rounded. Default: 10.
    rate : float
        gamma sum_j lambda_j: the mean share of an example's error that a step on it removes. Default: 1/2, stable
        for every spectrum.
    largest : int, optional
        Most features that are tried, >= 8: a small machine. Default: as many as the budget and 2^53 inputs allow.
    small_step
        As for :func:`risk`.

    Returns
    -------
    Frontier

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    DivergenceError
        If the step is at or above the critical one for a size that is tried.

    Examples
    --------
    >>> import lib
    >>> best = lib.random_features.frontier(1.0, 0.0, compute=[1e4, 1e6, 1e8])
    >>> best.features, best.risk.round(4)
    (array([ 39, 188, 875]), array([0.1511, 0.0328, 0.0071]))
    """
    compute = checks.times("compute", compute)
    if compute[0] < SMALLEST**2:
        checks.refuse("compute[0]", float(compute[0]), f">= {SMALLEST**2}, {SMALLEST} features and as many steps")
    ratio = checks.number("ratio", ratio, 1.0)
    rate = checks.number("rate", rate, 0.0, open_minimum=True)
    most = int(min(compute[-1], checks.MAX_EXACT_INT / ratio))
    if largest is not None:
        most = min(most, checks.whole("largest", largest, SMALLEST))

    def errors(size, budgets):
        model = _model(beta, tau, size, max(size, round(size * ratio)), small_step)
        return sum(_training(_with_step(model, rate / kernels.total(model.variance)), budgets / size))

    doublings = np.arange(int(np.log2(most / SMALLEST) * TRIED) + 1) / TRIED
    sizes = np.unique(np.append(np.rint(SMALLEST * 2.0**doublings), most).astype(np.int64))
    tried = np.full((sizes.size, compute.size), np.inf)
    for i, size in enumerate(sizes):
        affordable = compute >= size
        tried[i, affordable] = errors(size, compute[affordable])
    best, least = np.empty(compute.size, dtype=np.int64), np.empty(compute.size)
    for i, place in enumerate(np.argmin(tried, axis=0)):
        known = {int(sizes[place]): float(tried[place, i])}

        def at(log_size, budget=compute[i : i + 1], known=known):
            size = int(min(max(round(np.exp(log_size)), SMALLEST), most, budget[0]))
            if size not in known:
                known[size] = float(errors(size, budget)[0])
            return known[size]

        low, high = sizes[max(place - 1, 0)], sizes[min(place + 1, sizes.size - 1)]
        minimize_scalar(at, bounds=(np.log(low), np.log(high)), method="bounded", options={"xatol": 1e-4})
        best[i] = min(known, key=known.__getitem__)
        least[i] = known[int(best[i])]
    return Frontier(compute, best, compute / best, least)


def exact(beta: float, tau: float, W: ArrayLike, gamma: float, steps: ArrayLike) -> NDArray[np.float64]:
    """Compute the mean error of SGD on given features, exactly: the step of the module's text, in the eigenbasis.

    Costs as many operations as features times the last number of steps, after one singular-value decomposition.

    Parameters
    ----------
    beta, tau
        As for :func:`risk`.
    W : array_like, shape (inputs, features)
        The features; inputs >= features.
    gamma, steps
        As for :func:`risk`; gamma must be stable for this W.

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    DivergenceError
        If gamma is at or above the critical step.

    Examples
    --------
    >>> import lib
    >>> W = np.random.default_rng(0).standard_normal((1000, 100)) / 10.0
    >>> lib.random_features.exact(1.0, 0.0, W, gamma=0.3, steps=[0, 100, 10000]).round(4)
    array([1.6439, 0.1662, 0.0334])
    """
    W, root, coefficient, steps = _given(beta, tau, W, steps)
    start = root * coefficient
    directions, sizes, _ = np.linalg.svd(root[:, None] * W, full_matrices=False)
    gamma = _stable(gamma, 1.0 / kernels.largest_shift(sizes**2, sizes**2))
    overlap = directions.T @ start
    unreachable, error = np.sum((start - directions @ overlap) ** 2), np.empty_like(steps)
    kernels.mean_of_steps(sizes**2, overlap**2, unreachable, gamma, steps, error)
    return error


def simulate(
    beta: float, tau: float, W: ArrayLike, gamma: float, steps: ArrayLike, seeds: int | Sequence[int] = 8
) -> NDArray[np.float64]:
    """Train the weights by SGD on given features, and measure their error.

    Every step draws inputs of its own. The error of the weights is the mean over inputs, exactly.

    Parameters
    ----------
    beta, tau, W, gamma, steps
        As for :func:`exact`, whose mean over runs this is; any gamma > 0.
    seeds : int or sequence of int
        A number of runs, or the seeds of their inputs. Default: 8.

    Returns
    -------
    ndarray, shape (runs, n)
        The error of each run after each number of steps.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.

    Examples
    --------
    >>> import lib
    >>> W = np.random.default_rng(0).standard_normal((100, 25)) / 5.0
    >>> lib.random_features.simulate(1.0, 1.4, W, gamma=0.1, steps=[0, 1000], seeds=2).round(4)
    array([[1.1387, 0.0105],
           [1.1387, 0.0092]])
    """
    W, root, coefficient, steps = _given(beta, tau, W, steps)
    gamma = checks.number("gamma", gamma, 0.0, open_minimum=True)
    seeds = checks.seeds("seeds", seeds)
    features = kernels.Features(W, root, coefficient)
    x, feature = np.empty(W.shape[0]), np.empty(W.shape[1])
    errors = np.empty((len(seeds), steps.size))
    for run, seed in enumerate(seeds):
        theta, done = np.zeros(W.shape[1]), 0
        for i, until in enumerate(steps.astype(np.int64)):
            kernels.sgd(features, gamma, seed, done, until, theta, x, feature)
            errors[run, i], done = np.sum((root * (coefficient - W @ theta)) ** 2), until
    return errors


def _exponents(beta, tau):
    """Check the exponents of a limit of many inputs."""
    beta = checks.number("beta", beta, -1.0, open_minimum=True)
    tau = checks.number("tau", tau)
    if tau <= -beta:
        checks.refuse("tau", tau, f"a number > -beta = {-beta:g}, so that the target's variance is finite")
    return beta, tau


def _sizes(features, inputs):
    """Check the sizes of a model."""
    inputs = checks.whole("inputs", inputs, FEWEST)
    return checks.whole("features", features, FEWEST, inputs), inputs


def _steps(steps):
    """Check numbers of steps."""
    steps = checks.times("steps", steps)
    for i, value in enumerate(steps):
        checks.whole(f"steps[{i}]", value, 0)
    return steps


def _stable(gamma, critical):
    """Check a step against the critical one."""
    gamma = checks.number("gamma", gamma, 0.0, open_minimum=True)
    if gamma >= critical:
        words = f"gamma = {gamma:g}: must be below the critical step {critical:.6g}; the error does not converge"
        raise checks.DivergenceError(words, np.inf, critical)
    return gamma


def _with_step(model, gamma):
    """The model with a step that is stable."""
    return model._replace(gamma=_stable(gamma, kernels.critical_gamma(model)))


def _model(beta, tau, features, inputs, small_step):
    """What the kernels work with, but for the step, from checked sizes."""
    beta = checks.number("beta", beta, -1.0, open_minimum=True)
    tau = checks.number("tau", tau)
    rank = np.empty(kernels.count_nodes(beta, float(inputs)))
    count = np.empty_like(rank)
    kernels.rank_nodes(beta, float(inputs), rank, count)
    model = kernels.Model(*np.empty((3, rank.size)), float(features), np.nan, float(small_step))
    kernels.rank_sums(beta, tau, rank, count, model)
    if model.eigenvalue.min() == 0.0:
        checks.refuse("beta", beta, f"such that inputs^-(1 + beta) = {inputs}^-(1 + beta) is a floating-point number")
    if not np.isfinite(kernels.total(model.target)):
        checks.refuse("tau", tau, f"such that the target's variance of {inputs} inputs is a floating-point number")
    return model


def _checked(beta, tau, features, inputs, gamma, steps, small_step):
    """Check the arguments of ``risk``; give the model and the numbers of steps."""
    features, inputs = _sizes(features, inputs)
    return _with_step(_model(beta, tau, features, inputs, small_step), gamma), _steps(steps)


def _training(model, steps):
    """The error without noise, and what noise adds."""
    nodes, learned, noise = np.empty((kernels.CONTOUR, 4)), np.empty(steps.size), np.empty(steps.size)
    kernels.contour_nodes(nodes)
    kernels.training(model, nodes, steps, learned, noise)
    return learned, noise


def _given(beta, tau, W, steps):
    """Check the arguments of a model with given features; with lambda^(1/2) and b."""
    beta = checks.number("beta", beta, -1.0, open_minimum=True)
    tau, W = checks.number("tau", tau), checks.array("W", W, ndim=2)
    if W.shape[1] > W.shape[0]:
        raise ValueError(f"W has shape {W.shape}: must have no more columns, features, than rows, inputs")
    rank = np.arange(1.0, W.shape[0] + 1)
    return W, rank ** (-0.5 * (1.0 + beta)), rank ** (-0.5 * tau), _steps(steps)
