"""Plans against brute force, label noise against SGD, the sampler against a posterior that is known, forecasts."""

import time

import numpy as np
import pytest

import lib
from lib import features, planning

# --- Plans ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_plan_beats_every_other_split_and_rate(noise):
    s = lib.power_law(1.0, 40)
    p = planning.plan(s, 60.0, noise=noise)
    every = np.array(
        [
            [features.error(s, l, eta, [60.0 / l], noise=noise)[0] for l in range(1, 41)]
            for eta in np.linspace(0.02, 1.9, 95)
        ]
    )
    assert p.eps_g <= every.min() * (1 + 1e-4)  # the rate is known to 0.005, the minimum is flat
    assert p.learned * p.alpha == pytest.approx(60.0)
    assert p.eps_g == features.error(s, p.learned, p.eta, [p.alpha], noise=noise)[0]


def test_plan_of_a_power_law():
    """In the scaling regime: the rate and the exponent of the frontier, and balanced returns."""
    s = lib.power_law(1.0, 4096)
    p = planning.plan(s, 1000.0, eta=0.1)
    assert p.feature_returns == pytest.approx(p.time_returns, rel=0.1)  # l = 60 moves by whole levels
    exponent = -np.log2(1 - p.doubling)
    assert exponent == pytest.approx(p.time_returns, rel=0.05)  # envelope theorem: d ln eps/d ln C at fixed l


def test_plan_of_a_measured_spectrum():
    rng = np.random.default_rng(0)
    s = lib.Spectrum(np.sort(rng.lognormal(size=30))[::-1])
    p = planning.plan(s, 200.0, eta=0.3)
    every = [features.error(s, l, 0.3, [200.0 / l])[0] for l in range(1, 31)]
    assert p.learned == 1 + int(np.argmin(every))


def test_returns_are_derivatives():
    s = lib.power_law(0.5, 100)
    of_features, of_time = planning.returns(s, 20, 0.3, 2.0, noise=0.01)
    error = lambda l, a: np.log(features.error(s, l, 0.3, [a], noise=0.01)[0])
    assert of_time == pytest.approx((error(20, 1.999) - error(20, 2.001)) / np.log(2.001 / 1.999), rel=1e-4)
    assert of_features == pytest.approx((error(19, 2.0) - error(21, 2.0)) / np.log(21 / 19), rel=1e-12)
    assert planning.returns(lib.power_law(1.0, 1), 1, 0.5, 1.0)[0] == 0.0


def test_nothing_is_left_to_save():
    p = planning.plan(lib.power_law(1.0, 4), 1e9)
    assert (p.eps_g, p.feature_returns, p.time_returns, p.doubling) == (0.0, 0.0, 0.0, 0.0)


def test_stop():
    s = lib.power_law(1.0, 64)
    gain = lambda C: 1 - np.divide(*features.compute_optimal(s, 0.3, [C, 2 * C], noise=0.02).eps_g[::-1])
    end = planning.stop(s, 0.3, 0.05, noise=0.02)
    assert gain(end * 2**-0.125) >= 0.05 > gain(end * 2**0.125)
    assert planning.stop(s, 0.3, 0.05) == np.inf
    assert planning.stop(s, 0.3, 0.9, noise=1.0) == 0.0


def test_stop_of_many_levels():
    """Where the search is coarse first: the budget found is still the one from which on the gain is too small."""
    s = lib.power_law(1.0, 2000)
    end = planning.stop(s, 0.1, 0.05, noise=0.03)
    eps_g = features.compute_optimal(s, 0.1, end * 2.0 ** np.arange(-1.0, 8.0, 0.125), noise=0.03).eps_g
    gain = 1 - eps_g[8:] / eps_g[:-8]
    assert gain[7] >= 0.05 and np.all(gain[8:] < 0.05)


def test_noise_in_the_answers_against_sgd():
    """A direct simulation in a few lines, with noisy answers; the theory for N -> infinity errs by O(lambda_1/N)."""
    s, N, eta, noise, runs = lib.power_law(1.0, 8), 400, 0.8, 0.3, 8
    root = np.sqrt(np.repeat(s.eigenvalues, N // 8))
    trained = np.repeat(np.arange(8) < 4, N // 8)
    rng = np.random.default_rng(1)
    delta = np.ones((runs, N)) * rng.choice([-1.0, 1.0], (runs, N))  # B - J, J = 0: e_k = 1 exactly
    late = []
    for step in range(60 * N):
        xi = rng.standard_normal((runs, N)) * root
        error = np.sum(delta * xi, axis=1) / np.sqrt(N) + np.sqrt(noise) * rng.standard_normal(runs)
        delta -= eta / np.sqrt(N) * error[:, None] * xi * trained
        if step >= 30 * N and step % 200 == 0:
            late.append(0.5 * np.mean(delta**2 * root**2, axis=1) + 0.5 * noise)
    per_run = np.mean(late, axis=0)
    expected = features.error(s, 4, eta, [45.0], noise=noise)[0]
    standard_error = per_run.std(ddof=1) / np.sqrt(runs)
    assert abs(per_run.mean() - expected) < 5 * standard_error + 0.02 * expected
    assert abs(per_run.mean() - features.error(s, 4, eta, [45.0])[0] - noise / 2) > 8 * standard_error  # it amplifies


def test_noise_is_unlearned_variance():
    """A student for which a share of the inputs is out of reach cannot tell it from noise."""
    s = lib.power_law(1.0, 50)
    part = features.reduce(s, 10)
    scaled = part.seen * features.error(
        part.spectrum, 10, 0.4 * part.seen, np.array([1.0, 30.0]) / part.share, noise=part.unseen / part.seen
    )
    np.testing.assert_allclose(scaled, features.error(s, 10, 0.4, [1.0, 30.0]), rtol=1e-12)


# --- Forecasts --------------------------------------------------------------------------------------------


def test_annealing_samples_a_known_posterior():
    """Normal prior, normal likelihood: mean, covariance and evidence are known."""
    A = np.array([[1.0, 0.5, 0.0], [0.0, 2.0, 1.0], [1.0, 1.0, 1.0], [0.3, 0.0, 3.0]])
    data, sigma = np.array([1.0, -0.5, 0.7, 2.0]), 0.2

    def log_likelihood(z):
        return -0.5 * np.sum((z @ A.T - data) ** 2, axis=1) / sigma**2 - 4 * np.log(sigma * np.sqrt(2 * np.pi))

    z, evidence = planning.anneal(log_likelihood, 3, 2000, np.random.default_rng(0))
    covariance = np.linalg.inv(np.eye(3) + A.T @ A / sigma**2)
    mean = covariance @ A.T @ data / sigma**2
    marginal = sigma**2 * np.eye(4) + A @ A.T
    exact = -0.5 * (data @ np.linalg.solve(marginal, data) + np.linalg.slogdet(2 * np.pi * marginal)[1])
    deviation = np.sqrt(np.diag(covariance))
    # of 2000 draws, correlated by the resampling: some 300 are independent, 1/sqrt(300) = 0.06
    np.testing.assert_allclose((z.mean(axis=0) - mean) / deviation, 0, atol=0.25)
    np.testing.assert_allclose(z.std(axis=0) / deviation, 1, atol=0.15)
    assert evidence == pytest.approx(exact, abs=0.3)


def test_power_law_forecast_is_least_squares():
    """White scatter on a line in log-log: the median is the extrapolated line of least squares, within its error."""
    rng = np.random.default_rng(3)
    alpha = np.geomspace(1, 1e4, 61)
    eps_g = alpha**-0.5 * np.exp(0.03 * rng.standard_normal(61))
    f = planning.forecast(alpha, eps_g, 1e6, form="power law", particles=512)
    x, y = np.log(alpha[30:]), np.log(eps_g[30:])  # it looks at the later half
    coefficients, covariance = np.polyfit(x, y, 1, cov=True)
    v = np.array([np.log(1e6), 1.0])
    deviation = np.sqrt(v @ covariance @ v)
    assert abs(np.log(f.median[0]) - v @ coefficients) < deviation
    # wider: a correlation of the scatter is not excluded, and a new measurement scatters too
    assert 1.0 < np.log(f.draws[:, 0]).std() / deviation < 3.0


@pytest.mark.parametrize("beta, levels", [(0.05, 100), (0.5, 5), (1.0, 1), (1.0, 1000), (3.0, 100)])
def test_level_sum(beta, levels):
    rate, log_mass = planning.level_sum(np.array([[beta]]), np.array([[float(levels)]]))
    k = np.arange(1.0, levels + 1)
    for x in np.geomspace(0.01, 3 * levels ** (1 + beta), 40):
        exact = np.sum(k ** -(1 + beta) * np.exp(-x * k ** -(1 + beta)))
        assert np.sum(np.exp(log_mass - x * rate)) == pytest.approx(
            exact, rel=0.02 if x < levels ** (1 + beta) else 0.12
        )


def test_modes_foresee_the_end_of_the_spectrum():
    """Seen up to a third of the window's end, the bend to the exponential lies ahead; a straight line misses it."""
    s = lib.power_law(1.0, 64)
    end = lib.linear.power_law_window(s, 0.1)[1]
    alpha = np.geomspace(lib.linear.power_law_window(s, 0.1)[0], 1.5 * end, 40)
    eps_g = lib.linear.generalization_error(s, 0.1, alpha) * np.exp(0.01 * np.random.default_rng(0).standard_normal(40))
    seen = alpha < end / 3
    errors = {}
    for form in planning.FORMS:
        f = planning.forecast(alpha[seen], eps_g[seen], alpha[-1], form, s if form == "spectrum" else None)
        errors[form] = abs(np.log(f.median[0] / eps_g[-1]))
    assert errors["spectrum"] < 0.15 and errors["modes"] < 0.3
    assert errors["power law"] > 0.6


def test_forecast_is_reproducible_and_scored():
    alpha = np.geomspace(1, 100, 12)
    first, again = (planning.forecast(alpha, alpha**-0.3, [200.0, 400.0], particles=64, seed=4) for _ in range(2))
    np.testing.assert_array_equal(first.draws, again.draws)
    assert first.draws.shape == (64, 2) and np.all(np.diff(first.interval(0.5), axis=0) > 0)
    truth = np.array([0.2, 0.15])
    x, y = np.log(first.draws[:, 0]), np.log(0.2)
    pairs = np.abs(x[:, None] - x).sum() / (64 * 63)
    for wrong, words in (
        ([0.2], r"^eps_g\b.*\(1,\).*\(2,\)"),
        ([0.2, 0.0], r"^eps_g\[1\] = 0.0.*> 0"),
    ):
        with pytest.raises(ValueError, match=words):
            first.score(wrong)
    assert first.score(truth)[0] == pytest.approx(np.mean(np.abs(x - y)) - 0.5 * pairs, rel=1e-12)


def test_backtest_does_not_see_the_end():
    alpha = np.geomspace(1, 100, 24)
    eps_g = alpha**-0.5
    told = planning.backtest(alpha, eps_g, seen=0.3, particles=32)
    with pytest.raises(ValueError, match=r"^eps_g\b.*\(23,\).*\(24,\)"):
        planning.backtest(alpha, eps_g[1:])
    changed = np.where(alpha > 30, 1e-3 * eps_g, eps_g)
    fooled = planning.backtest(alpha, changed, seen=(0.3,), particles=32)
    for a, b in zip(told, fooled):
        assert b.log_error - a.log_error == pytest.approx(np.log(1e3), rel=1e-12)
    assert [t.form for t in told] == [form for form in planning.FORMS if form != "spectrum"]


@pytest.mark.parametrize(
    "change, words",
    [
        ({"form": "cubic"}, "form = 'cubic'"),
        ({"eps_g": np.append(np.ones(9), 0.0)}, r"eps_g\[9\] = 0.0"),
        ({"alpha": np.arange(10.0)}, r"alpha\[0\] = 0.0"),
        ({"eps_g": np.ones(4)}, "at least 6 points"),
        ({"form": "spectrum"}, "spectrum = None"),
        ({"particles": 3}, "particles = 3"),
    ],
)
def test_bad_arguments(change, words):
    with pytest.raises(ValueError, match=words):
        planning.forecast(**({"alpha": np.arange(1.0, 11), "eps_g": np.ones(10), "horizon": 20.0} | change))


@pytest.mark.parametrize("tau", [-0.5, 1.0, 3.0])
def test_a_plan_of_a_source_beats_every_other_split(tau):
    s = lib.power_law(1.0, 32)
    strength = lib.source(s, tau)
    plan = planning.plan(s, 20.0, eta=0.5, noise=0.001, strength=strength)
    errors = [lib.features.error(s, l, 0.5, 20.0 / l, noise=0.001, strength=strength)[0] for l in range(1, 33)]
    assert plan.eps_g == min(errors) and plan.learned == 1 + np.argmin(errors)
    free = planning.plan(s, 20.0, noise=0.001, strength=strength)
    assert free.eps_g <= plan.eps_g * (1 + 1e-3)  # the best rate is known to some per cent
    assert planning.returns(s, plan.learned, 0.5, plan.alpha, 0.001, 0.0, strength) == (
        plan.feature_returns,
        plan.time_returns,
    )
    budget = planning.stop(s, 0.5, 0.2, 0.001, 0.0, strength)
    savings = [planning.plan(s, c, 0.5, 0.001, 0.0, strength).doubling for c in (budget / 2**0.25, budget * 2**0.25)]
    assert savings[0] >= 0.2 >= savings[1]


def test_bad_plans():
    s = lib.power_law(1.0, 8)
    for call, words in [
        (lambda: planning.plan(s, 1.0, strength=[1.0]), "strength"),
        (lambda: planning.plan(s, 0.0), "compute"),
        (lambda: planning.plan(s, 1.0, eta=2.0), "eta"),
        (lambda: planning.plan(s, 1.0, noise=-1.0), "noise"),
        (lambda: planning.returns(s, 9, 0.5, 1.0), "learned"),
        (lambda: planning.stop(s, 0.5, 0.0), "gain"),
    ]:
        with pytest.raises(ValueError, match=words):
            call()


def test_a_long_log_is_thinned_to_equal_ratios():
    """500 points of a run took 44 s. The forecast is that of as many points at equal ratios, within its own width."""
    alpha = np.arange(1.0, 501.0)
    rng = np.random.default_rng(0)
    eps_g = (1 + alpha) ** -0.5 * np.exp(0.01 * rng.standard_normal(alpha.size))
    start = time.perf_counter()
    long = planning.forecast(alpha, eps_g, 2000.0)
    assert time.perf_counter() - start < 30.0  # 3 s on two quiet cores
    few = np.unique(np.rint(np.geomspace(1, 500, planning.MAX_POINTS)).astype(int)) - 1
    short = planning.forecast(alpha[few], eps_g[few], 2000.0)
    low, high = short.interval(0.8)
    assert low[0] < long.median[0] < high[0] and low[0] < 2001**-0.5 < high[0]


@pytest.mark.parametrize("form", [form for form in planning.FORMS if form != "spectrum"])
def test_few_points_are_all_used(form):
    alpha = np.geomspace(1.0, 100.0, planning.MAX_POINTS)
    seen = []
    original, planning._shape = planning._shape, lambda f, z, t, *rest: seen.append(t.size) or original(f, z, t, *rest)
    try:
        planning.forecast(alpha, (1 + alpha) ** -0.5, 200.0, form, particles=32)
        planning.forecast(
            np.append(np.arange(1.0, 201.0), 1e6),
            np.append(np.arange(2.0, 202.0), 1e6) ** -0.5,
            2e6,
            form,
            particles=32,
        )
    finally:
        planning._shape = original
    law = form.startswith("power law")
    assert max(seen) == (planning.MAX_POINTS // 2 if law else planning.MAX_POINTS) + 1


def test_a_backtest_that_sees_too_little_says_so():
    a = np.linspace(1, 101, 32)
    with pytest.raises(ValueError, match="^seen = 0.1 .*3 points of 32.*at least 6"):
        planning.backtest(a, (1 + a) ** -0.5)
