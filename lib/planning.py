"""Chapter "Scaling laws in practice": from a spectrum, or from the first part of a learning curve, to a plan.

A plan comes from the exact theory of linear students (:mod:`lib.features`) and needs a spectrum. A forecast needs
only the curve: it weighs all curves of one form, sum of modes or power law, by how well they agree with what was seen.
Every form is treated by the same statistics, so that comparing forecasts compares forms.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, ndtr

from . import features, realdata
from .core import checks
from .core.spectra import Spectrum

# --- Plans ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """The best use of a compute budget; made by :func:`plan`.

    Attributes
    ----------
    compute : float
        The budget C = l alpha (``eq-compute``): features times examples, in units of N^2 / L.
    learned : int
        Levels to learn, l*; features N_l = l N / L.
    alpha : float
        Time to train, examples / N.
    eta : float
        Learning rate, given or best.
    eps_g : float
        Error to expect, noise included.
    feature_returns, time_returns : float
        Percentage of the error that one per cent more features, or more time, would save (:func:`returns`). In a
        balanced plan they are equal (``eq-balance``).
    doubling : float
        Fraction of the error that twice the budget would save.
    """

    compute: float
    learned: int
    alpha: float
    eta: float
    eps_g: float
    feature_returns: float
    time_returns: float
    doubling: float


def plan(
    spectrum: Spectrum,
    compute: float,
    eta: float | None = None,
    noise: float = 0.0,
    sigma_J: float = 0.0,
    strength: ArrayLike | None = None,
) -> Plan:
    """Find the best split of a budget between features and examples, and the best learning rate for it.

    Exact for linear students of the leading levels and any spectrum (:func:`lib.features.compute_optimal`). For a power
    law it follows ``eq-plan-law``, and with noise ``eq-noisy-plan``.

    Parameters
    ----------
    spectrum : Spectrum
        Levels of equal weight, of a law or measured.
    compute : float
        Budget C > 0, in units of N^2 / L.
    eta : float, optional
        Learning rate, > 0 and below 2. Default: the one of smallest error, known to some per cent of itself
        (the minimum is flat, and the error at it is known much better).
    noise : float
        Variance of a noise in the teacher's answers, >= 0; half of it is part of the error. Default: 0.
    sigma_J : float
        Standard deviation of the student's initial weights, >= 0. Default: 0.
    strength : array_like, shape (L,), optional
        Strengths t_k >= 0 of the teacher in the levels, as from :func:`lib.source`. Default: one in each.

    Returns
    -------
    Plan

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.

    Examples
    --------
    >>> import lib
    >>> p = lib.planning.plan(lib.power_law(1.0, 256), compute=100.0, eta=0.5)
    >>> p.learned, round(p.alpha, 2), round(p.eps_g, 4)
    (29, 3.45, 0.0163)
    """
    checks.spectrum(spectrum)
    compute = checks.number("compute", compute, 0.0, open_minimum=True)

    def best(eta, *budgets):
        return features.compute_optimal(spectrum, eta, budgets, sigma_J, noise, strength)

    if eta is None:

        def rate(logit):
            return min(2.0 / (1.0 + np.exp(-logit)), np.nextafter(2.0, 0.0))

        def log_error(logit):
            return np.log(max(best(rate(logit), compute).eps_g[0], 1e-300))

        found = minimize_scalar(log_error, bracket=(-1.5, -0.5), method="brent", options={"xtol": 0.01})
        eta = float(rate(found.x))
    front = best(eta, compute, 2.0 * compute)
    learned, alpha, eps_g = int(front.learned[0]), float(front.alpha[0]), float(front.eps_g[0])
    doubling = 1.0 - float(front.eps_g[1]) / eps_g if eps_g > 0 else 0.0
    of_features, of_time = returns(spectrum, learned, eta, alpha, noise, sigma_J, strength)
    return Plan(compute, learned, alpha, float(eta), eps_g, of_features, of_time, doubling)


def returns(
    spectrum: Spectrum,
    learned: int,
    eta: float,
    alpha: float,
    noise: float = 0.0,
    sigma_J: float = 0.0,
    strength: ArrayLike | None = None,
) -> tuple[float, float]:
    """Compute the marginal returns of features and of time for a run.

    They are -d ln eps_g / d ln l and -d ln eps_g / d ln alpha. Both cost the same, C = l alpha: spend more on the one
    with the larger return (``eq-balance``). The derivative in l is a difference over the neighbours l - 1 and l + 1.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    learned : int
        Number l of leading levels that the student learns, 1 to L.
    eta : float
        Learning rate, > 0.
    alpha : float
        Time (examples / N), > 0.
    noise : float
        Variance of a noise in the teacher's answers, >= 0; half of it is part of the error. Default: 0.
    sigma_J : float
        Standard deviation of the student's initial weights, >= 0. Default: 0.
    strength : array_like, shape (L,), optional
        Strengths t_k >= 0 of the teacher in the levels, as from :func:`lib.source`. Default: one in each.

    Returns
    -------
    of_features, of_time : float
        Both 0 where the error is below the smallest double, and nothing is left to save.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    checks.spectrum(spectrum)
    alpha = checks.number("alpha", alpha, 0.0, open_minimum=True)
    learned = checks.whole("learned", learned, 1, spectrum.levels)
    step = 1e-3

    def log_error(l, *times):
        return np.log(np.maximum(features.error(spectrum, l, eta, times, sigma_J, noise, strength), 1e-300))

    if features.error(spectrum, learned, eta, alpha, sigma_J, noise, strength)[0] == 0.0:
        return 0.0, 0.0
    early, late = log_error(learned, alpha * np.exp(-step), alpha * np.exp(step))
    less, more = max(learned - 1, 1), min(learned + 1, spectrum.levels)
    if less == more:
        return 0.0, float(early - late) / (2.0 * step)
    of_features = (log_error(less, alpha) - log_error(more, alpha))[0] / np.log(more / less)
    return float(of_features), float(early - late) / (2.0 * step)


def stop(
    spectrum: Spectrum,
    eta: float,
    gain: float,
    noise: float = 0.0,
    sigma_J: float = 0.0,
    strength: ArrayLike | None = None,
) -> float:
    """Find the budget beyond which doubling it saves less than the fraction ``gain`` of the error.

    Inside a power law every doubling saves the same fraction, 1 - 2^-(beta/(2+beta)), until noise ends it
    (``eq-stop``). Without noise a fraction that is reached stays reached (the end of the spectrum is exponential): the
    result is inf.

    Parameters
    ----------
    spectrum : Spectrum
        Levels of equal weight, of a law or measured.
    eta : float
        Learning rate, > 0 and below 2.
    gain : float
        Fraction of the error, 0 < gain <= 1.
    noise : float
        Variance of a noise in the teacher's answers, >= 0; half of it is part of the error. Default: 0.
    sigma_J : float
        Standard deviation of the student's initial weights, >= 0. Default: 0.
    strength : array_like, shape (L,), optional
        Strengths t_k >= 0 of the teacher in the levels, as from :func:`lib.source`. Default: one in each.

    Returns
    -------
    float
        To 9 % (a factor 2^(1/8)); 0 if no doubling saves the fraction, inf if every doubling does.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    checks.spectrum(spectrum)
    gain = checks.number("gain", gain, 0.0, 1.0, open_minimum=True)

    def enough(octaves):
        """Whether budgets of 2^octaves, each twice the one before, are worth doubling."""
        budgets = 2.0 ** np.append(octaves, octaves[-1] + 1.0)
        eps_g = features.compute_optimal(spectrum, eta, budgets, sigma_J, noise, strength).eps_g
        return 1.0 - eps_g[1:] / np.maximum(eps_g[:-1], 1e-300) >= gain

    slowest = spectrum.levels * features.crossover_time(spectrum, spectrum.levels, eta)
    octaves = np.arange(-4.0, np.log2(slowest) + 6.0)
    saves = np.flatnonzero(enough(octaves))
    if saves.size == 0:
        return 0.0
    if saves[-1] == octaves.size - 1:
        return np.inf
    low, high = octaves[saves[-1]] + np.array([0.0, 1.0])
    while high - low > 0.125:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if enough(np.array([middle])) else (low, middle)
    return float(2.0**high)


# --- Forecasts --------------------------------------------------------------------------------------------

# Forms of a curve, with the number of their parameters.
FORMS = {"power law": 1, "power law + constant": 2, "broken power law": 5, "modes": 4, "spectrum": 2}
# Power laws without a break or a first relaxation are fitted to this later part of ln(alpha) that was seen.
TAIL = 0.5


class Prior(NamedTuple):
    """A parameter is centre + spread z, z standard normal; positive ones are centre exp(spread z)."""

    centre: float
    spread: float


# Priors of a curve's parameters, the same for every form that has the parameter. They are broad, so that the points
# decide; the range of one standard deviation either way is what each line gives.
PRIORS = {
    # ln(y / last error seen): 30 per cent either way, far beyond the scatter, so that one bad last point does no harm
    "height": Prior(0.0, 0.3),
    # ln(phi / (1 - phi)): 0.2 to 18 per cent of the last error, since a constant that mattered more would be seen
    "constant": Prior(-4.0, 2.5),
    # s and a > 0: 0.2 to 1.1, about the book's exponents beta / (1 + beta), which lie between 0 and 1
    "exponent": Prior(0.5, 0.8),
    # b, by which an exponent changes at a break: -1 to 1, the size of exponents, up or down
    "bend": Prior(0.0, 1.0),
    # w > 0, width of a break in ln(alpha): 0.2 to 1, from sharp to the width of a crossover between two regimes
    "width": Prior(0.5, 0.7),
    # ln(d / last time seen): d from 0.02 to 7 last times, since a break may lie beyond what was seen
    "break": Prior(-1.0, 3.0),
    # beta > 0 of the modes: 0.35 to 1.4, the spectra of the book and of its data
    "beta": Prior(0.7, 0.7),
    # ln(first time seen / tau): a factor of 20 either way, since nobody knows where in the curve the first point lies
    "relaxation": Prior(0.0, 3.0),
}
# Correlation of the scatter at neighbouring times: uniform from 0 to this; at 1 the scatter's variance would diverge.
MAX_CORRELATION = 0.98
# Prior of the scatter of ln(eps_g) about a form: of the order of a per cent, with the weight of this many points.
SCATTER, SCATTER_WEIGHT = 0.01, 2.0
# Points of a curve that a forecast uses: at equal ratios of time, more than its scatter's correlation lets count.
MAX_POINTS = 64
# Levels L of the modes, ln L uniform a priori: one by one up to DISCRETE, then in cells of this ratio up to MAX_LEVELS.
DISCRETE, RATIO, MAX_LEVELS = 8, 1.2, 1e6
# Metropolis steps after each step of the annealing.
MOVES = 8
# ln of a number near the smallest double, 1e-304: forecasts are not smaller.
SMALLEST_LOG = -700.0


@dataclass(frozen=True, eq=False)
class Forecast:
    """What a form of curve expects to be measured; made by :func:`forecast`.

    Attributes
    ----------
    form : str
        Key of ``FORMS``.
    alpha : ndarray, shape (n,)
        Times of the forecast.
    draws : ndarray, shape (particles, n)
        Equally probable measurements of eps_g there.
    evidence : float
        ln of the probability of what was seen under this form. Comparable between forms that were
        fitted to the same points.
    """

    form: str
    alpha: NDArray[np.float64]
    draws: NDArray[np.float64]
    evidence: float

    @property
    def median(self) -> NDArray[np.float64]:
        """Median of eps_g (n,)."""
        return np.median(self.draws, axis=0)

    def interval(self, level: float = 0.8) -> NDArray[np.float64]:
        """Return the limits between which eps_g lies with probability ``level``, if the form is right.

        Parameters
        ----------
        level : float
            Probability, 0 to 1. Default: 0.8.

        Returns
        -------
        ndarray, shape (2, n)
            Lower and upper limits.

        Raises
        ------
        ValueError
            If ``level`` is outside its range.
        """
        level = checks.number("level", level, 0.0, 1.0)
        return np.quantile(self.draws, [0.5 - 0.5 * level, 0.5 + 0.5 * level], axis=0)

    def score(self, eps_g: ArrayLike) -> NDArray[np.float64]:
        """Compute the continuous ranked probability score of ln eps_g: the smaller the better.

        It is <|X - y|> - <|X - X'|>/2 for independent draws X, X' and the truth y. A forecast without spread scores its
        absolute log error; spread costs too, but less than a narrow forecast that is wrong.

        Parameters
        ----------
        eps_g : array_like, shape (n,)
            What was measured at the times of the forecast, > 0.

        Returns
        -------
        ndarray, shape (n,)

        Raises
        ------
        ValueError
            If ``eps_g`` has another shape or is not positive.
        """
        eps_g = checks.array("eps_g", eps_g, scalar=True)
        checks.shape("eps_g", eps_g, self.alpha.shape)
        _check_positive("eps_g", eps_g)
        x, y = np.sort(np.log(self.draws), axis=0), np.log(eps_g)
        n = len(x)
        spread = (2.0 * np.arange(1, n + 1) - n - 1.0) @ x / (n * (n - 1.0))  # <|X - X'|>/2
        return np.mean(np.abs(x - y), axis=0) - spread


def forecast(
    alpha: ArrayLike,
    eps_g: ArrayLike,
    horizon: ArrayLike,
    form: str = "modes",
    spectrum: Spectrum | None = None,
    particles: int = 256,
    seed: int = 0,
) -> Forecast:
    """Forecast a learning curve from its first part.

    With a = ln eps_g the curve is, up to scatter, eps_g = y [phi + (1 - phi) f(alpha)/f(alpha_n)]
    (``eq-forecast-form``): y is the error at the last time seen, phi the fraction of it that does not decay, f one of
    the forms

    - "power law": alpha^-s, with phi = 0, fitted to the later half of ln(alpha);
    - "power law + constant": the same with phi > 0;
    - "broken power law": alpha^-a [1 + (alpha/d)^(1/w)]^(-b w), one break (Caballero et al. 2023);
    - "modes": sum_{k<=L} k^-(1+beta) exp(-(alpha/tau) k^-(1+beta)), the linear network at small rate;
    - "spectrum": sum_k w_k lambda_k exp(-lambda_k alpha / tau) of a spectrum that is known.

    The scatter of ln eps_g is Gaussian with an unknown size and an unknown correlation from each time to the next.
    Parameters have the broad priors of ``PRIORS``, and their posterior is sampled by annealing (:func:`anneal`).

    Parameters
    ----------
    alpha, eps_g : array_like, shape (m,)
        What was seen: m >= 6 times > 0, increasing, best at equal ratios, and errors > 0. Of more than ``MAX_POINTS``
        points at most that number are used, those nearest to times at equal ratios, first and last among them: a log
        at every step tells little more about a curve, whose scatter is correlated, and would take minutes.
    horizon : array_like, shape (n,), or float
        Times to forecast, > 0 and increasing.
    form : str
        Key of ``FORMS``. Default: "modes".
    spectrum : Spectrum, optional
        Of the form "spectrum", and only there. Default: none.
    particles : int
        Number of draws, at least 32. Default: 256.
    seed : int
        Seed of the random numbers, >= 0. Default: 0.

    Returns
    -------
    Forecast

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    alpha, eps_g = checks.times("alpha", alpha, open_minimum=True), checks.array("eps_g", eps_g)
    horizon = checks.times("horizon", horizon, open_minimum=True)
    checks.one_of("form", form, tuple(FORMS))
    particles = checks.whole("particles", particles, 32)
    if alpha.shape != eps_g.shape or alpha.size < 6:
        raise ValueError(f"alpha has shape {alpha.shape}, eps_g {eps_g.shape}: must be equal, at least 6 points")
    _check_positive("eps_g", eps_g)
    alpha, eps_g = _thinned(alpha, eps_g)
    if spectrum is not None:
        checks.spectrum(spectrum)
    if (spectrum is None) == (form == "spectrum"):
        checks.refuse("spectrum", spectrum, 'given with form "spectrum", and only then')

    if form in ("power law", "power law + constant"):
        middle = np.exp((1.0 - TAIL) * np.log(alpha[0]) + TAIL * np.log(alpha[-1]))
        first = min(int(np.searchsorted(alpha, middle)), alpha.size - 4)
        alpha, eps_g = alpha[first:], eps_g[first:]
    curve = _Curves(form, np.log(alpha / alpha[-1]), np.log(eps_g), spectrum)
    later = np.log(horizon / alpha[-1])
    rng = np.random.default_rng(checks.whole("seed", seed, 0))
    z, evidence = anneal(curve.log_likelihood, 2 + FORMS[form], particles, rng)
    squares, correlation = curve.residue(z)
    freedom = alpha.size + SCATTER_WEIGHT
    variance = (squares + SCATTER_WEIGHT * SCATTER**2) / rng.chisquare(freedom, particles)
    scatter = np.sqrt(variance / (1.0 - correlation**2))[:, None] * rng.standard_normal((particles, later.size))
    return Forecast(form, horizon, np.exp(np.maximum(curve(z, later) + scatter, SMALLEST_LOG)), evidence)


def _thinned(alpha: NDArray[np.float64], eps_g: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return at most ``MAX_POINTS`` points of a curve, those nearest to times at equal ratios."""
    if alpha.size <= MAX_POINTS:
        return alpha, eps_g
    log_alpha = np.log(alpha)
    wanted = np.linspace(log_alpha[0], log_alpha[-1], MAX_POINTS)
    above = np.clip(np.searchsorted(log_alpha, wanted), 1, alpha.size - 1)
    nearest = np.unique(above - (wanted - log_alpha[above - 1] < log_alpha[above] - wanted))
    if nearest.size < 6:  # all but a few of the points lie in a small part of ln(alpha)
        nearest = np.unique(np.append(nearest, np.arange(alpha.size - 6, alpha.size)))
    return alpha[nearest], eps_g[nearest]


@dataclass(frozen=True, eq=False)
class _Curves:
    """Curves of one form, as functions of parameters z (particles, 2 + FORMS[form]) that are standard normal a priori.

    z[:, 0] is the height, z[:, 1] the correlation of the scatter, and the rest the shape.

    Attributes
    ----------
    form : str
        Key of ``FORMS``.
    t, y : ndarray, shape (m,)
        What was seen: ln(time / last time) and ln eps_g.
    spectrum : Spectrum or None
        Of the form "spectrum".
    """

    form: str
    t: NDArray[np.float64]
    y: NDArray[np.float64]
    spectrum: Spectrum | None

    def __call__(self, z: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ln eps_g (particles, n) of the form at ln(time / last time) (n,)."""
        shape = _shape(self.form, z[:, 2:], np.append(times, 0.0), self.t[0], self.spectrum)
        shape = shape[:, :-1] - shape[:, -1:]
        if self.form != "power law":
            prior = PRIORS["constant"]
            share = expit(prior.spread * z[:, 1 + FORMS[self.form], None] + prior.centre)
            # in logarithms, where a spectrum's end may have sent the shape below the smallest double
            shape = np.logaddexp(np.log(share), np.log1p(-share) + shape)
        return self.y[-1] + PRIORS["height"].spread * z[:, :1] + shape

    def residue(self, z: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the sum of squares of the independent part of the scatter, and its correlation, (particles,) each."""
        correlation = MAX_CORRELATION * ndtr(z[:, 1])
        scatter = self.y - self(z, self.t)
        fresh = scatter[:, 1:] - correlation[:, None] * scatter[:, :-1]
        return np.sum(fresh**2, axis=1) + (1.0 - correlation**2) * scatter[:, 0] ** 2, correlation

    def log_likelihood(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ln of the likelihood (particles,), the size of the scatter integrated out."""
        squares, correlation = self.residue(z)
        scale = SCATTER_WEIGHT * SCATTER**2
        exponent = 0.5 * (self.y.size + SCATTER_WEIGHT)
        return 0.5 * np.log1p(-(correlation**2)) - exponent * np.log1p(squares / scale)


def _check_positive(argument: str, values: NDArray[np.float64]) -> None:
    """Refuse values that are not all > 0."""
    if values.min() <= 0:
        i = int(np.argmin(values))
        raise ValueError(f"{argument}[{i}] = {values[i]}: must be > 0")


def _shape(
    form: str, z: NDArray[np.float64], t: NDArray[np.float64], begin: float, spectrum: Spectrum | None
) -> NDArray[np.float64]:
    """Return ln f (particles, n) of a form at times exp(t) in units of the last time seen.

    ``begin`` is ln of the first time seen, and z (particles, ...) is standard normal a priori, with the meaning that
    ``PRIORS`` gives it.
    """
    z = z[:, :, None]

    def positive(name: str, i: int) -> NDArray[np.float64]:
        return PRIORS[name].centre * np.exp(PRIORS[name].spread * z[:, i])

    if form in ("power law", "power law + constant"):
        return -positive("exponent", 0) * t
    if form == "broken power law":
        width, prior = positive("width", 1), PRIORS["break"]
        bent = np.logaddexp(0.0, (t - prior.centre - prior.spread * z[:, 3]) / width)
        return -positive("exponent", 0) * t - PRIORS["bend"].spread * z[:, 2] * width * bent
    if spectrum is not None:
        rate, mass = spectrum.eigenvalues, np.log(spectrum.weights * spectrum.eigenvalues)
        start = begin - PRIORS["relaxation"].spread * z[:, 0]  # ln of the time in which lambda = 1 relaxes
    else:
        beta = positive("beta", 0)
        rate, mass = level_sum(beta, 1.0 + (MAX_LEVELS - 1.0) ** ndtr(z[:, 1]))
        start = begin - PRIORS["relaxation"].spread * z[:, 2]
    out = np.empty((len(z), t.size))
    for i in range(t.size):
        exponent = mass - rate * np.exp(t[i] - start)
        largest = exponent.max(axis=1)
        out[:, i] = largest + np.log(np.sum(np.exp(exponent - largest[:, None]), axis=1))
    return out


def level_sum(
    beta: NDArray[np.float64], levels: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return rates and masses of a few nodes that approximate the sum over the levels of a power law.

    Levels one by one at first, then cells in ln k with their exact mass, so that L may be any number and the
    work does not grow with it. Exact up to L = 8. Beyond, to better than 2 % of the sum while the last level is
    unlearned, and when that has relaxed three times, to 5 % for beta = 1, 12 % for beta = 3.

    Every draw of a forecast has its own beta and L, at which :func:`lib.linear.condensed` would build its rules anew;
    these nodes are one array expression for all draws.

    Parameters
    ----------
    beta, levels : ndarray, shape (n, 1)
        Exponents and numbers of levels L of n spectra.

    Returns
    -------
    rate, log_mass : ndarray, shape (n, nodes)
        k^-(1+beta), and ln of the masses.
    """
    cells = int(np.ceil(np.log(MAX_LEVELS / DISCRETE) / np.log(RATIO)))
    edges = np.append(np.arange(DISCRETE) + 0.5, (DISCRETE + 0.5) * RATIO ** np.arange(cells + 1.0))
    low, high = edges[:-1], np.minimum(edges[1:], levels + 0.5)  # the last cell ends inside
    whole = np.minimum(high - low, 1.0) * np.arange(1.0, low.size + 1) ** -(1.0 + beta)
    high = np.maximum(high, low)
    center = np.where(np.arange(low.size) < DISCRETE, np.arange(1.0, low.size + 1), np.sqrt(low * high))
    part = low**-beta * -np.expm1(-beta * np.log(high / low)) / beta
    mass = np.where(np.arange(low.size) < DISCRETE, whole, part)
    with np.errstate(divide="ignore"):
        return center ** -(1.0 + beta), np.log(np.maximum(mass, 0.0))


def anneal(
    log_likelihood: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    dimension: int,
    particles: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], float]:
    """Draw from a standard normal prior times a likelihood, and estimate the evidence.

    Sequential Monte Carlo: from the prior the likelihood is switched on in steps, each small enough that half of the
    particles remain effective; after each the particles are drawn anew by weight and moved by Metropolis steps.

    Parameters
    ----------
    log_likelihood : callable
        (particles, dimension) -> (particles,).
    dimension, particles : int
        Number of parameters, and of draws.
    rng : numpy.random.Generator
        Random numbers.

    Returns
    -------
    draws : ndarray, shape (particles, dimension)
        Equally weighted.
    evidence : float
        ln of the mean likelihood over the prior.
    """
    z = rng.standard_normal((particles, dimension))
    value, power, evidence = log_likelihood(z), 0.0, 0.0
    while power < 1.0:
        excess = value - value.max()
        low, step = 0.0, 1.0 - power
        if _effective(step * excess) < 0.5 * particles:
            high = step
            for _ in range(40):
                step = 0.5 * (low + high)
                low, high = (step, high) if _effective(step * excess) > 0.5 * particles else (low, step)
        weight = np.exp(step * excess)
        evidence += step * value.max() + np.log(weight.mean())
        power = 1.0 if power + step > 1.0 - 1e-9 else power + step
        # systematic resampling: one random number, and every particle is drawn as often as its weight says, +-1
        places = (np.arange(particles) + rng.random()) / particles
        drawn = np.minimum(np.searchsorted(np.cumsum(weight) / weight.sum(), places), particles - 1)
        z, value = z[drawn], value[drawn]
        spread = np.linalg.cholesky(np.cov(z.T) + 1e-9 * np.eye(dimension)) * 2.38 / np.sqrt(dimension)
        for move in range(MOVES):
            # two step lengths in turn: the shorter one for narrow valleys that the covariance does not show
            moved = z + rng.standard_normal(z.shape) @ spread.T * (1.0, 0.3)[move % 2]
            there = log_likelihood(moved)
            odds = power * (there - value) + 0.5 * np.sum(z**2 - moved**2, axis=1)
            accepted = np.log(rng.random(particles)) < odds
            z[accepted], value[accepted] = moved[accepted], there[accepted]
    return z, float(evidence)


def _effective(log_weight: NDArray[np.float64]) -> float:
    """Return the effective number of weighted particles."""
    weight = np.exp(log_weight)
    return weight.sum() ** 2 / np.sum(weight**2)


# --- Back-tests -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trial:
    """The hidden end of a curve, forecast and compared; made by :func:`backtest`.

    Attributes
    ----------
    form : str
        Key of ``FORMS``.
    seen : float
        Fraction of the time that was seen.
    log_error : float
        ln of (median forecast / what was measured) at the last time.
    covered : bool
        Whether the 80 % interval holds what was measured.
    score : float
        :meth:`Forecast.score`.
    """

    form: str
    seen: float
    log_error: float
    covered: bool
    score: float


def backtest(
    alpha: ArrayLike,
    eps_g: ArrayLike,
    seen: ArrayLike = (0.1, 0.3),
    spectrum: Spectrum | None = None,
    particles: int = 256,
    seed: int = 0,
) -> list[Trial]:
    """Hide the end of a learning curve, forecast its last point by every form, and score.

    Parameters
    ----------
    alpha, eps_g : array_like, shape (m,)
        The whole curve: times >= 0, increasing, and errors > 0.
    seen : float or sequence of float
        Fractions of the last time up to which the forecaster may look, each with at least 6 points. Default: 0.1 and
        0.3.
    spectrum : Spectrum, optional
        With it, the form "spectrum" takes part. Default: it does not.
    particles : int
        Number of draws of a forecast, at least 32. Default: 256.
    seed : int
        Seed of the random numbers, >= 0. Default: 0.

    Returns
    -------
    list of Trial
        For every fraction, one of each form.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    alpha, eps_g = checks.times("alpha", alpha), checks.array("eps_g", eps_g)
    checks.shape("eps_g", eps_g, alpha.shape)
    if spectrum is not None:
        checks.spectrum(spectrum)
    trials = []
    for share in checks.array("seen", seen, scalar=True):
        share = checks.number("seen", share, 0.0, 1.0, open_minimum=True)
        known = alpha <= share * alpha[-1]
        if known.sum() < 6:
            raise ValueError(
                f"seen = {share:g} leaves {known.sum()} points of {alpha.size}: must leave at least 6 to forecast from"
            )
        for form in FORMS:
            if form == "spectrum" and spectrum is None:
                continue
            given = spectrum if form == "spectrum" else None
            f = forecast(alpha[known], eps_g[known], alpha[-1], form, given, particles, seed)
            low, high = f.interval(0.8)
            trials.append(
                Trial(
                    form,
                    share,
                    float(np.log(f.median[0] / eps_g[-1])),
                    bool(low[0] <= eps_g[-1] <= high[0]),
                    float(f.score(eps_g[-1])[0]),
                )
            )
    return trials


def digits_network(
    steps: int = 4000, points: int = 32, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Train a network outside this book's model, scikit-learn's, on its handwritten digits, and return its curve.

    64 hidden ReLU units, trained by SGD (batches of 16, rate 0.02) on the classes of 1,300 digits, drawn again and
    again, and tested on the other 497.

    Parameters
    ----------
    steps : int
        Batches, at least 20. Default: 4000.
    points : int
        Number of times at equal ratios at which the error is measured. Default: 32.
    seed : int
        Seed of the weights and of all draws, >= 0. Default: 0.

    Returns
    -------
    times, eps_g : ndarray, shape (n,)
        Times in batches, and half the mean squared error of the ten outputs together.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPRegressor

    inputs, classes = realdata.digits(), np.eye(10)[load_digits().target]
    rng = np.random.default_rng(checks.whole("seed", seed, 0))
    order = rng.permutation(len(inputs))
    train, test = order[:1300], order[1300:]
    network = MLPRegressor(
        hidden_layer_sizes=(64,), solver="sgd", learning_rate_init=0.02, momentum=0.0, alpha=0.0, random_state=seed
    )
    times = np.unique(np.rint(np.geomspace(10, checks.whole("steps", steps, 20), points)).astype(int))
    eps_g = []
    for first, last in zip(np.append(0, times), times):
        for _ in range(first, last):
            batch = rng.choice(train, 16)
            network.partial_fit(inputs[batch], classes[batch])
        eps_g.append(0.5 * np.mean(np.sum((network.predict(inputs[test]) - classes[test]) ** 2, axis=1)))
    return times.astype(np.float64), np.array(eps_g)
