"""Chapter "Scaling laws in practice": from a spectrum, or from the first part of a learning curve, to a plan.

A plan comes from the exact theory of linear students (:mod:`lib.features`) and needs a spectrum. A forecast needs
nothing but the curve: it weighs all curves of one form, sum of modes or power law, by how well they agree with what
was seen. Every form is treated by the same statistics, so that a comparison of forecasts is one of forms.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, ndtr

from . import features, realdata
from .core import checks

# --- Plans ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """The best use of a compute budget; made by :func:`plan`.

    Attributes
    ----------
    compute : float
        The budget C = l alpha: features times examples, in units of N^2 / L.
    learned : int
        Levels to learn, l*; features N_l = l N / L.
    alpha : float
        Time to train, examples / N.
    eta : float
        Learning rate, given or best.
    eps_g : float
        Error to expect, noise included.
    feature_returns, time_returns : float
        Per cent of error saved by one per cent more features, and more time, as :func:`returns`. In a balanced plan
        they are equal.
    doubling : float
        Share of the error that twice the budget would save.
    """

    compute: float
    learned: int
    alpha: float
    eta: float
    eps_g: float
    feature_returns: float
    time_returns: float
    doubling: float


def plan(spectrum, compute, eta=None, noise=0.0, sigma_J=0.0):
    """The best split of a budget between features and examples, and the best learning rate for it.

    Exact for linear students of the leading levels, whatever the spectrum: :func:`lib.features.compute_optimal`.

    Parameters
    ----------
    spectrum : Spectrum
        Of equal weights, of a law or measured.
    compute : float
        Budget C > 0, in units of N^2 / L.
    eta : float, optional
        Learning rate, > 0 and below 2. Default: the one of smallest error, known to some per cent of itself
        (the minimum is flat, and the error at it is known much better).
    noise, sigma_J : float
        As in :func:`lib.features.error`.

    Returns
    -------
    Plan

    Examples
    --------
    >>> import lib
    >>> p = lib.planning.plan(lib.power_law(1.0, 256), compute=100.0)
    >>> p.learned, round(p.alpha, 2), round(p.eps_g, 4)
    (30, 3.33, 0.0163)
    """
    checks.spectrum(spectrum)
    compute = checks.number("compute", compute, 0.0, open_minimum=True)

    def best(eta, *budgets):
        return features.compute_optimal(spectrum, eta, budgets, sigma_J, noise)

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
    return Plan(
        compute, learned, alpha, float(eta), eps_g, *returns(spectrum, learned, eta, alpha, noise, sigma_J), doubling
    )


def returns(spectrum, learned, eta, alpha, noise=0.0, sigma_J=0.0):
    """Marginal returns (of features, of time) of a run: -d ln eps_g / d ln l and -d ln eps_g / d ln alpha.

    Both cost the same, C = l alpha: the larger one says what to spend more on. The derivative in l is a difference
    over the neighbours l - 1 and l + 1.

    Parameters
    ----------
    spectrum, learned, eta, alpha, noise, sigma_J
        As in :func:`lib.features.error`, with one time alpha > 0.

    Returns
    -------
    tuple of float
        Both 0 where the error is below the smallest double, and nothing is left to save.
    """
    checks.spectrum(spectrum)
    alpha = checks.number("alpha", alpha, 0.0, open_minimum=True)
    learned = checks.whole("learned", learned, 1, spectrum.levels)
    step = 1e-3

    def log_error(l, *times):
        return np.log(np.maximum(features.error(spectrum, l, eta, times, sigma_J, noise), 1e-300))

    if features.error(spectrum, learned, eta, alpha, sigma_J, noise)[0] == 0.0:
        return 0.0, 0.0
    early, late = log_error(learned, alpha * np.exp(-step), alpha * np.exp(step))
    less, more = max(learned - 1, 1), min(learned + 1, spectrum.levels)
    if less == more:
        return 0.0, float(early - late) / (2.0 * step)
    of_features = (log_error(less, alpha) - log_error(more, alpha))[0] / np.log(more / less)
    return float(of_features), float(early - late) / (2.0 * step)


def stop(spectrum, eta, gain, noise=0.0, sigma_J=0.0):
    """The budget from which on doubling it saves less than the share ``gain`` of the error.

    Inside a power law every doubling saves the same share, 1 - 2^-(beta/(2+beta)); what ends it is noise. Without
    noise a share that is reached is saved for good (the end of the spectrum is exponential): the result is inf.

    Parameters
    ----------
    spectrum, noise, sigma_J
        As in :func:`plan`.
    eta : float
        Learning rate, > 0 and below 2; here it is not searched for.
    gain : float
        0 to 1.

    Returns
    -------
    float
        To 9 % (a factor 2^(1/8)); 0 if no doubling saves so much, inf if the gain never ends.
    """
    checks.spectrum(spectrum)
    gain = checks.number("gain", gain, 0.0, 1.0, open_minimum=True)

    def enough(octaves):
        """Whether budgets of 2^octaves, each twice the one before, are worth doubling."""
        budgets = 2.0 ** np.append(octaves, octaves[-1] + 1.0)
        eps_g = features.compute_optimal(spectrum, eta, budgets, sigma_J, noise).eps_g
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
# Power laws without a break or a first relaxation are fitted to the later part of ln(alpha) that was seen.
TAIL = 0.5
# Prior of the scatter of ln(eps_g) about a form: of the order of a per cent, as good as this many points.
SCATTER, SCATTER_WEIGHT = 0.01, 2.0
# Points of a curve that a forecast looks at.
MOST_POINTS = 64
# The sum over levels: one by one up to DISCRETE, then in cells of this ratio up to MOST_LEVELS.
DISCRETE, RATIO, MOST_LEVELS = 8, 1.2, 1e6
MOVES = 8


@dataclass(frozen=True, eq=False)
class Forecast:
    """What a form of curve expects to be measured; made by :func:`forecast`.

    Attributes
    ----------
    form : str
    alpha : ndarray, shape (n,)
        Times of the forecast.
    draws : ndarray, shape (particles, n)
        Equally probable measurements of eps_g there.
    evidence : float
        ln of the probability of what was seen under this form. Comparable between forms that were
        fitted to the same points.
    """

    form: str
    alpha: np.ndarray
    draws: np.ndarray
    evidence: float

    @property
    def median(self):
        """eps_g (n,) that is as likely exceeded as not."""
        return np.median(self.draws, axis=0)

    def interval(self, level=0.8):
        """Limits (2, n) between which eps_g lies with probability ``level``, if the form is right."""
        level = checks.number("level", level, 0.0, 1.0)
        return np.quantile(self.draws, [0.5 - 0.5 * level, 0.5 + 0.5 * level], axis=0)

    def score(self, eps_g):
        """Continuous ranked probability score of ln eps_g (n,): the smaller the better.

        <|X - y|> - <|X - X'|>/2 for independent draws X, X' and the truth y. A forecast without spread scores its
        absolute log error; spread costs too, but less than being sure of what is wrong.
        """
        eps_g = checks.array("eps_g", eps_g, scalar=True)
        checks.shape("eps_g", eps_g, self.alpha.shape)
        _check_positive("eps_g", eps_g)
        x, y = np.sort(np.log(self.draws), axis=0), np.log(eps_g)
        n = len(x)
        spread = (2.0 * np.arange(1, n + 1) - n - 1.0) @ x / (n * (n - 1.0))  # <|X - X'|>/2
        return np.mean(np.abs(x - y), axis=0) - spread


def forecast(alpha, eps_g, horizon, form="modes", spectrum=None, particles=256, seed=0):
    """Forecast a learning curve from its first part.

    With a = ln eps_g the curve is, up to scatter, eps_g = y [phi + (1 - phi) f(alpha)/f(alpha_n)]: y the error at
    the last time seen, phi the share of it that never goes away, f one of the forms

    - "power law": alpha^-s, with phi = 0, fitted to the later half of ln(alpha);
    - "power law + constant": the same with phi > 0;
    - "broken power law": alpha^-a [1 + (alpha/d)^(1/w)]^(-b w), one break (Caballero et al. 2023);
    - "modes": sum_{k<=L} k^-(1+beta) exp(-(alpha/tau) k^-(1+beta)), the linear network at small rate;
    - "spectrum": sum_k w_k lambda_k exp(-lambda_k alpha / tau) of a spectrum that is known.

    The scatter of ln eps_g is Gaussian with an unknown size and an unknown correlation from each time to the next.
    Parameters have broad priors (module's source), and their posterior is sampled by annealing.

    Parameters
    ----------
    alpha, eps_g : array_like, shape (m,)
        What was seen: m >= 6 times > 0, increasing, best at equal ratios, and errors > 0. Of more than MOST_POINTS
        as many at most are used, those nearest to times at equal ratios, first and last among them: a log at every
        step tells little more about a curve, whose scatter is correlated, and would take minutes.
    horizon : array_like, shape (n,) or a number
        Times to forecast.
    form : str
        Key of ``FORMS``.
    spectrum : Spectrum, optional
        For "spectrum", and only there.
    particles : int
        Draws, at least 32.
    seed : int

    Returns
    -------
    Forecast
    """
    alpha, eps_g = checks.times("alpha", alpha, open_minimum=True), checks.array("eps_g", eps_g)
    horizon = checks.times("horizon", horizon, open_minimum=True)
    checks.one_of("form", form, tuple(FORMS))
    particles = checks.whole("particles", particles, 32)
    if alpha.shape != eps_g.shape or alpha.size < 6:
        raise ValueError(f"alpha has shape {alpha.shape}, eps_g {eps_g.shape}: must be equal, at least 6 points")
    _check_positive("eps_g", eps_g)
    if alpha.size > MOST_POINTS:
        log_alpha = np.log(alpha)
        wanted = np.linspace(log_alpha[0], log_alpha[-1], MOST_POINTS)
        above = np.clip(np.searchsorted(log_alpha, wanted), 1, alpha.size - 1)
        nearest = np.unique(above - (wanted - log_alpha[above - 1] < log_alpha[above] - wanted))
        if nearest.size < 6:  # all but a few of the points lie in a small part of ln(alpha)
            nearest = np.unique(np.append(nearest, np.arange(alpha.size - 6, alpha.size)))
        alpha, eps_g = alpha[nearest], eps_g[nearest]
    if spectrum is not None:
        checks.spectrum(spectrum)
    if (spectrum is None) == (form == "spectrum"):
        checks.refuse("spectrum", spectrum, 'given with form "spectrum", and only then')

    if form in ("power law", "power law + constant"):
        middle = np.exp((1.0 - TAIL) * np.log(alpha[0]) + TAIL * np.log(alpha[-1]))
        first = min(int(np.searchsorted(alpha, middle)), alpha.size - 4)
        alpha, eps_g = alpha[first:], eps_g[first:]
    t, T = np.log(alpha / alpha[-1]), np.log(horizon / alpha[-1])
    y = np.log(eps_g)
    parameters = FORMS[form]

    def curve(z, times):
        """ln eps_g (particles, n) of the form; z[:, 0] is its height, z[:, 1] the correlation, the rest its shape."""
        shape = _shape(form, z[:, 2:], np.append(times, 0.0), t[0], spectrum)
        shape = shape[:, :-1] - shape[:, -1:]
        if form != "power law":
            share = expit(2.5 * z[:, 1 + parameters, None] - 4.0)
            # in logarithms, where a spectrum's end may have sent the shape below the smallest double
            shape = np.logaddexp(np.log(share), np.log1p(-share) + shape)
        return y[-1] + 0.3 * z[:, :1] + shape

    def residue(z):
        """Sum of squares of the independent part of the scatter, and correlation."""
        correlation = 0.98 * ndtr(z[:, 1])
        scatter = y - curve(z, t)
        fresh = scatter[:, 1:] - correlation[:, None] * scatter[:, :-1]
        return np.sum(fresh**2, axis=1) + (1.0 - correlation**2) * scatter[:, 0] ** 2, correlation

    def log_likelihood(z):
        squares, correlation = residue(z)
        scale = SCATTER_WEIGHT * SCATTER**2
        return 0.5 * np.log1p(-(correlation**2)) - 0.5 * (y.size + SCATTER_WEIGHT) * np.log1p(squares / scale)

    rng = np.random.default_rng(checks.whole("seed", seed, 0))
    z, evidence = anneal(log_likelihood, 2 + parameters, particles, rng)
    squares, correlation = residue(z)
    variance = (squares + SCATTER_WEIGHT * SCATTER**2) / rng.chisquare(y.size + SCATTER_WEIGHT, particles)
    scatter = np.sqrt(variance / (1.0 - correlation**2))[:, None] * rng.standard_normal((particles, T.size))
    return Forecast(form, horizon, np.exp(np.maximum(curve(z, T) + scatter, -700.0)), evidence)


def _check_positive(argument, values):
    if values.min() <= 0:
        i = int(np.argmin(values))
        raise ValueError(f"{argument}[{i}] = {values[i]}: must be > 0")


def _shape(form, z, t, begin, spectrum):
    """ln f (particles, n) at times exp(t) in units of the last time seen; ``begin`` is ln of the first.

    z (particles, ...) is standard normal a priori: here are the priors.
    """
    z = z[:, :, None]
    if form in ("power law", "power law + constant"):
        return -0.5 * np.exp(0.8 * z[:, 0]) * t
    if form == "broken power law":
        width = 0.5 * np.exp(0.7 * z[:, 1])
        return -0.5 * np.exp(0.8 * z[:, 0]) * t - z[:, 2] * width * np.logaddexp(0.0, (t + 1.0 - 3.0 * z[:, 3]) / width)
    if form == "spectrum":
        rate, mass = spectrum.eigenvalues, np.log(spectrum.weights * spectrum.eigenvalues)
        start = begin - 3.0 * z[:, 0]  # ln of the time in which lambda = 1 relaxes
    else:
        beta = 0.7 * np.exp(0.7 * z[:, 0])
        rate, mass = level_sum(beta, 1.0 + (MOST_LEVELS - 1.0) ** ndtr(z[:, 1]))
        start = begin - 3.0 * z[:, 2]
    out = np.empty((len(z), t.size))
    for i in range(t.size):
        exponent = mass - rate * np.exp(t[i] - start)
        largest = exponent.max(axis=1)
        out[:, i] = largest + np.log(np.sum(np.exp(exponent - largest[:, None]), axis=1))
    return out


def level_sum(beta, levels):
    """Rates k^-(1+beta) and ln of masses with which a few nodes stand for the sum over k = 1..L.

    Levels one by one at first, then cells in ln k with their exact mass, so that L may be any number and the
    work does not grow with it. Exact up to L = 8. Beyond, to better than 2 % of the sum while the last level is unlearned, and when that has relaxed
    three times, to 5 % for beta = 1, 12 % for beta = 3.

    Parameters
    ----------
    beta, levels : ndarray, shapes (n, 1)

    Returns
    -------
    rate, log_mass : ndarray, shapes (n, nodes)
    """
    cells = int(np.ceil(np.log(MOST_LEVELS / DISCRETE) / np.log(RATIO)))
    edges = np.append(np.arange(DISCRETE) + 0.5, (DISCRETE + 0.5) * RATIO ** np.arange(cells + 1.0))
    low, high = edges[:-1], np.minimum(edges[1:], levels + 0.5)  # the last cell ends inside
    whole = np.minimum(high - low, 1.0) * np.arange(1.0, low.size + 1) ** -(1.0 + beta)
    high = np.maximum(high, low)
    center = np.where(np.arange(low.size) < DISCRETE, np.arange(1.0, low.size + 1), np.sqrt(low * high))
    part = low**-beta * -np.expm1(-beta * np.log(high / low)) / beta
    mass = np.where(np.arange(low.size) < DISCRETE, whole, part)
    with np.errstate(divide="ignore"):
        return center ** -(1.0 + beta), np.log(np.maximum(mass, 0.0))


def anneal(log_likelihood, dimension, particles, rng):
    """Equally weighted draws from a standard normal prior times a likelihood, and ln of the evidence.

    Sequential Monte Carlo: from the prior the likelihood is switched on in steps, each so small that half of the
    particles remain effective; after each the particles are drawn anew by weight and moved by Metropolis steps.

    Parameters
    ----------
    log_likelihood : callable
        (particles, dimension) -> (particles,).
    dimension, particles : int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (particles, dimension), and float
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
        # systematic resampling: one random number, and every particle kept as often as its weight says, +-1
        places = (np.arange(particles) + rng.random()) / particles
        kept = np.minimum(np.searchsorted(np.cumsum(weight) / weight.sum(), places), particles - 1)
        z, value = z[kept], value[kept]
        spread = np.linalg.cholesky(np.cov(z.T) + 1e-9 * np.eye(dimension)) * 2.38 / np.sqrt(dimension)
        for move in range(MOVES):
            # a mixture of step lengths, for narrow valleys that the covariance does not know
            moved = z + rng.standard_normal(z.shape) @ spread.T * (1.0, 0.3)[move % 2]
            there = log_likelihood(moved)
            odds = power * (there - value) + 0.5 * np.sum(z**2 - moved**2, axis=1)
            accepted = np.log(rng.random(particles)) < odds
            z[accepted], value[accepted] = moved[accepted], there[accepted]
    return z, float(evidence)


def _effective(log_weight):
    """Effective number of weighted particles."""
    weight = np.exp(log_weight)
    return weight.sum() ** 2 / np.sum(weight**2)


# --- Back-tests -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trial:
    """One hidden end, forecast and uncovered; made by :func:`backtest`.

    Attributes
    ----------
    form : str
    seen : float
        Share of the time that was seen.
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


def backtest(alpha, eps_g, seen=(0.1, 0.3), spectrum=None, particles=256, seed=0):
    """Hide the end of a learning curve, forecast its last point by every form, and score.

    Parameters
    ----------
    alpha, eps_g : array_like, shape (m,)
        The whole curve, as in :func:`forecast`.
    seen : float or sequence of float
        Shares of the last time up to which the forecaster may look.
    spectrum : Spectrum, optional
        With it, the form "spectrum" takes part.
    particles, seed : int
        As in :func:`forecast`.

    Returns
    -------
    list of Trial
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


def digits_network(steps=4000, points=32, seed=0):
    """Learning curve of a network outside this book's model: scikit-learn's, on its handwritten digits.

    64 hidden ReLU units, trained by SGD (batches of 16, rate 0.02) on the classes of 1,300 digits, drawn again and
    again, and tested on the other 497.

    Parameters
    ----------
    steps, points, seed : int
        Batches; times at equal ratios at which the error is measured; seed of weights and of all draws.

    Returns
    -------
    ndarray, ndarray, shapes (n,)
        Times in batches, and half the mean squared error of the ten outputs together.
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
