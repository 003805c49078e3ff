"""Feature-limited students: closed forms against high precision, the flow, the finite-N recursion, and SGD."""

import mpmath
import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from test_programs import program

import lib
from lib import asymptotics, features

GOLDEN_RATIO = [  # (L, N/L, beta, l, eta), eps_inf / (U/2) for N -> infinity and for this N: theory, section 3
    (64, 16, 1.0, 8, 0.5, 1.306, 1.312),
    (64, 16, 1.0, 8, 1.0, 1.882, 1.930),
    (64, 16, 0.5, 16, 1.0, 1.813, 1.836),
    (64, 8, 1.0, 2, 0.5, 1.237, 1.247),
    (64, 8, 1.0, 8, 0.5, None, 1.317),
    (64, 8, 1.0, 32, 0.5, None, 1.3410),
]


@pytest.mark.parametrize("L, n, beta, l, eta, limit, finite", GOLDEN_RATIO)
def test_golden_amplification(L, n, beta, l, eta, limit, finite):
    s = lib.power_law(beta, L)
    floor = features.asymptotic_error(s, l)
    if limit is not None:
        assert features.asymptotic_error(s, l, eta) / floor == pytest.approx(limit, abs=6e-4)  # last printed digit
    assert features.asymptotic_error(s, l, eta, N=n * L) / floor == pytest.approx(finite, abs=6e-4)


@pytest.mark.parametrize("beta", [0.05, 0.25, 0.5, 1.0, 3.0])
def test_exponent_of_the_asymptotic_error(beta):
    """-beta for 1 << l << L, after the constant of the missing levels; the raw slope is steeper."""
    L = 100_000
    s = lib.power_law(beta, L)
    l = np.unique(np.geomspace(30, L / 30, 40).astype(int))
    floor = np.array([features.asymptotic_error(s, int(k)) for k in l])
    offset = 0.5 * s.eigenvalues[0] / L * (L + 0.5) ** -beta / beta
    slope = np.polyfit(np.log(l + 0.5), np.log(floor + offset), 1)[0]
    # midpoint rule: relative error (1+beta) beta / (24 l^2) < 6e-4 at l = 30, less over the window
    assert slope == pytest.approx(-beta, abs=2e-4)
    assert np.polyfit(np.log(l), np.log(floor), 1)[0] < -beta + 0.02


@pytest.mark.parametrize("beta", [0.05, 1.0, 3.0])
@pytest.mark.parametrize("l", [1, 5, 12])
@pytest.mark.parametrize("fraction", [1e-3, 0.7, 1 - 1e-6, 1.0, 1.02])
def test_error_to_fifty_digits(beta, l, fraction):
    """Matrix exponential in fifty digits, from tiny rates to the critical one and beyond it."""
    s = lib.power_law(beta, 12)
    W = features.reduce(s, l).seen
    eta = fraction * features.critical_eta(s, l)
    alpha = np.array([0.0, 1.0, 30.0, 300.0])
    expected = []
    with mpmath.workdps(50):
        lam = [mpmath.mpf(float(x)) for x in s.eigenvalues]
        flow = mpmath.zeros(13, 13)  # the levels, and a constant that drives those that are learned
        for i in range(l):
            for j in range(l):
                flow[i, j] = mpmath.mpf(eta) ** 2 * lam[i] * lam[j] / 12 - (2 * eta * lam[i] if i == j else 0)
            flow[i, 12] = mpmath.mpf(eta) ** 2 * lam[i] * sum(lam[l:]) / 12
        for a in alpha:
            e = mpmath.expm(flow * a) * mpmath.ones(13, 1)
            expected.append(float(sum(lam[i] * e[i] for i in range(12)) / 24 * mpmath.mpf(1.25)))
    result = features.error(s, l, eta, alpha, 0.5)
    # rates are rounded to 1e-16 of the largest: the exponents 2 eta lambda alpha to that times themselves
    bound = 1e-13 + 2e-15 * eta * s.eigenvalues[0] * alpha
    assert np.all(np.abs(result / expected - 1) < bound), (result / expected - 1, W)


@pytest.mark.parametrize("tau", [-0.5, 0.7, 4.0])
@pytest.mark.parametrize("l", [1, 5, 12])
@pytest.mark.parametrize("fraction", [1e-3, 0.7, 1 - 1e-6])
def test_error_of_a_source_to_fifty_digits(tau, l, fraction):
    """As for equal strengths; a source that grows with the rank has terms of both signs, and cancels late."""
    s = lib.power_law(1.0, 12)
    eta, strength, noise = fraction * features.critical_eta(s, l), lib.source(s, tau), 0.01
    alpha = np.array([0.0, 1.0, 30.0, 300.0])
    expected = []
    with mpmath.workdps(50):
        lam = [mpmath.mpf(float(x)) for x in s.eigenvalues]
        start = [mpmath.mpf(float(t)) + mpmath.mpf(0.25) for t in strength]
        rest = sum(x * t for x, t in zip(lam[l:], start[l:])) / 12 + mpmath.mpf(noise)
        flow = mpmath.zeros(13, 13)
        for i in range(l):
            for j in range(l):
                flow[i, j] = mpmath.mpf(eta) ** 2 * lam[i] * lam[j] / 12 - (2 * eta * lam[i] if i == j else 0)
            flow[i, 12] = mpmath.mpf(eta) ** 2 * lam[i] * rest
        for a in alpha:
            e = mpmath.expm(flow * a) * mpmath.matrix([*start, mpmath.mpf(1)])
            expected.append(float(sum(lam[i] * e[i] for i in range(12)) / 24 + mpmath.mpf(noise) / 2))
    result = features.error(s, l, eta, alpha, 0.5, noise, strength)
    bound = 1e-13 + 2e-15 * eta * s.eigenvalues[0] * alpha  # as for equal strengths, above
    assert np.all(np.abs(result / expected - 1) < bound)


def test_strengths_of_one_are_no_strengths():
    s, ones, alpha = lib.power_law(0.7, 40), np.ones(40), [0.1, 3.0, 50.0]
    gaussian = np.outer(s.eigenvalues, s.eigenvalues) + 2 * np.diag(s.eigenvalues**2)
    for form, given in (
        (features.error, (s, 10, 0.6, alpha, 0.4, 0.1)),
        (features.small_eta_error, (s, 10, 0.6, alpha, 0.4)),
        (features.finite_size_error, (s, 10, 80, 0.6, alpha, 0.4)),
        (features.measured_error, (s, 10, gaussian, 0.6, alpha, 0.4)),
        (features.asymptotic_error, (s, 10, 0.6, 80)),
    ):
        np.testing.assert_allclose(form(*given, strength=ones), form(*given), rtol=1e-12)  # 4000 steps, each rounded
    given = s, 0.6, [1.0, 30.0], 0.4, 0.1
    fronts = [features.compute_optimal(*given, strength=t).learned for t in (ones, None)]
    np.testing.assert_array_equal(*fronts)


@pytest.mark.parametrize("tau", [-0.5, 2.0])
def test_error_of_a_source_joins_its_limits(tau):
    s = lib.power_law(1.0, 100)
    strength = lib.source(s, tau)
    late = features.error(s, 10, 1.3, [1e6], strength=strength)[0]
    assert late == pytest.approx(features.asymptotic_error(s, 10, 1.3, strength=strength), rel=1e-12)
    everything = features.error(s, 100, 0.8, [0.1, 10.0], 0.3, strength=strength)
    linear = lib.linear.generalization_error(s, 0.8, [0.1, 10.0], 0.3, strength=strength)
    np.testing.assert_allclose(everything, linear, rtol=1e-12)
    small = features.small_eta_error(s, 10, 1e-4, [1e4, 1e6], strength=strength)
    np.testing.assert_allclose(features.error(s, 10, 1e-4, [1e4, 1e6], strength=strength), small, rtol=1e-3)
    first = features.finite_size_error(s, 10, 10**6, 0.8, [0.0, 1e-3], 0.3, strength)
    # the limit up to eta lambda_1 / N and the rounding of time
    np.testing.assert_allclose(first, features.error(s, 10, 0.8, [0.0, 1e-3], 0.3, strength=strength), rtol=1e-3)


@pytest.mark.parametrize("tau", [-0.5, 0.5, 2.0, 5.0])
def test_frontier_of_a_source_is_the_best_of_all(tau):
    """Every number of levels tried; where the task is in the last levels, these are the best."""
    s = lib.power_law(1.0, 64)
    strength = lib.source(s, tau)
    compute = np.array([1.0, 10.0, 100.0, 1e4])
    front = features.compute_optimal(s, 0.5, compute, strength=strength)
    errors = np.array([features.error(s, l, 0.5, compute / l, strength=strength) for l in range(1, 65)])
    np.testing.assert_array_equal(front.learned, 1 + np.argmin(errors, axis=0))
    last = np.where(np.arange(64) >= 60, 1.0, 0.0)
    front = features.compute_optimal(s, 0.5, [1e6], strength=last)
    assert front.learned[0] == 64 and front.eps_g[0] < 1e-3 * features.asymptotic_error(s, 10, strength=last)


@pytest.mark.parametrize("beta, tau", [(1.0, 0.5), (0.5, 0.5), (1.0, 1.5)])
def test_frontier_of_a_source_has_its_exponents(beta, tau):
    """Two decades of compute far from both ends, where l* is 50 to 500 of 10^5 levels."""
    s = lib.power_law(beta, 10**5)
    strength = lib.source(s, tau)
    compute = np.array([50.0, 500.0]) ** (2 + beta) / (2 * 0.3 * s.eigenvalues[0])
    front = features.compute_optimal(s, 0.3, compute, strength=strength)
    learned, alpha, eps_g = features.compute_exponents(beta, tau)
    steps = np.diff(np.log(compute))[0]
    # U of the levels beyond 10^5 and the rank 1/2 at l = 50: a per cent of the error; l* is flat and known to less;
    # noise that comes back is some l^-beta, 0.14 at beta = 1/2, and falls by two thirds
    assert -np.diff(np.log(front.eps_g))[0] / steps == pytest.approx(eps_g, abs=0.03)
    assert np.diff(np.log(front.learned))[0] / steps == pytest.approx(learned, abs=0.06)
    assert np.diff(np.log(front.alpha))[0] / steps == pytest.approx(alpha, abs=0.06)


def test_all_levels_learned_is_the_linear_network():
    s, alpha = lib.power_law(0.7, 40), np.geomspace(0.01, 100, 9)
    for eta in (0.01, 1.0, 2.0, 2.3):
        np.testing.assert_allclose(
            features.error(s, 40, eta, alpha, 0.3), lib.linear.generalization_error(s, eta, alpha, 0.3), rtol=1e-10
        )
    np.testing.assert_allclose(
        features.finite_size_error(s, 40, 80, 0.5, alpha), lib.linear.finite_size_error(s, 80, 0.5, alpha), rtol=1e-12
    )
    assert features.asymptotic_error(s, 40, 1.0) == 0.0


def test_error_joins_its_limits():
    s = lib.power_law(1.0, 100)
    late = features.error(s, 10, 1.3, [1e6])
    assert late == pytest.approx(features.asymptotic_error(s, 10, 1.3), rel=1e-12)
    for eta in (1e-2, 1e-4):
        alpha = np.array([0.1, 10.0, 1e3]) / eta
        ratio = features.error(s, 10, eta, alpha) / features.small_eta_error(s, 10, eta, alpha)
        assert np.all(np.abs(ratio - 1) < eta)  # first order: 1/(1 - eta W/2)
    assert features.error(s, 10, 0.5, [0.0], 0.4) == pytest.approx(0.58, rel=1e-14)


def test_error_at_a_rate_of_two_never_changes():
    """At eta = 2 what a level forgets it gets back as noise: e_k = 1 is stationary, whatever l."""
    s = lib.power_law(1.0, 20)
    np.testing.assert_allclose(features.error(s, 5, 2.0, [0.0, 3.0, 1e4]), 0.5, rtol=1e-12)


@pytest.mark.parametrize("eta", [0.3, 1.5, 2.03])
def test_linear_flow_with_frozen_levels(eta):
    """``lib.solve`` on a compressed spectrum (200 levels of 1000) against the closed form."""
    s = lib.power_law(0.5, 1000)
    model = lib.StudentTeacher(s, 1, 1, "linear")
    alpha = np.geomspace(1e-2, 1e3, 12)
    curve = lib.solve(model, model.initial_overlaps(0.3), eta, alpha, learned=200)
    np.testing.assert_allclose(curve.eps_g, features.error(s, 200, eta, alpha, 0.3), rtol=1e-6)
    assert np.all(curve.r[:, 200:] == 0.0) and np.all(curve.q[:, 200:] == 0.3**2)
    mass = s.weights * s.eigenvalues
    np.testing.assert_allclose(np.einsum("k,akij->aij", mass, curve.q), curve.Q, atol=1e-9)


@pytest.mark.parametrize("l, eta, beta", [(2, 0.5, 1.0), (8, 0.5, 1.0), (8, 1.0, 0.5)])
def test_sgd_reaches_the_noisy_floor(l, eta, beta):
    """Direct SGD, stationary: the mean over runs and times against the exact mean at finite N.

    Times are 3 relaxation times of the slowest learned level apart, so that runs * times are independent to e^-3;
    four standard errors from the scatter over runs. The gradient-flow value U/2 is excluded by as many.
    """
    s, N = lib.power_law(beta, 32), 256
    model = lib.StudentTeacher(s, 1, 1, "linear")
    relax = features.crossover_time(s, l, eta)
    # after 14 relaxation times the excess e^-14 W/U is below 1e-5
    alpha = relax * (14 + 3 * np.arange(10))
    runs = lib.simulate(model, N, eta, alpha, 0.0, seeds=12, learned=l).eps_g.mean(axis=1)
    expected, error = features.asymptotic_error(s, l, eta, N=N), runs.std(ddof=1) / np.sqrt(12)
    assert abs(runs.mean() - expected) < 4 * error
    assert expected - features.asymptotic_error(s, l) > 8 * error


def test_sgd_on_the_way_follows_the_recursion():
    s = lib.power_law(1.0, 16)
    model = lib.StudentTeacher(s, 1, 1, "linear")
    run = lib.simulate(model, 64, 0.5, [0.5, 2.0, 8.0], 0.4, seeds=300, learned=4)
    expected = features.finite_size_error(s, 4, 64, 0.5, run.alpha, 0.4)
    error = run.eps_g.std(axis=0) / np.sqrt(300)
    assert np.all(np.abs(run.eps_g.mean(axis=0) - expected) < 4 * error)
    assert np.all(error < 0.06 * expected)  # the test has power: learning all levels differs by more
    everything = lib.linear.finite_size_error(s, 64, 0.5, run.alpha, 0.4)
    assert expected[-1] - everything[-1] > 8 * error[-1]


def test_finite_size_recursion_is_stationary_at_the_finite_size_floor():
    s = lib.power_law(1.0, 16)
    floor = features.asymptotic_error(s, 4, 1.0, N=32)
    assert features.finite_size_error(s, 4, 32, 1.0, [300.0]) == pytest.approx(floor, rel=1e-9)
    gaps = [features.asymptotic_error(s, 4, 1.0, N=N) - features.asymptotic_error(s, 4, 1.0) for N in (1600, 16000)]
    assert gaps[0] / gaps[1] == pytest.approx(10, rel=0.05)  # first order in 1/N


@pytest.mark.parametrize("N", [None, 32])
def test_critical_rate(N):
    """Just below it the error tends to its floor, just above it grows."""
    s = lib.power_law(0.5, 16)
    critical = features.critical_eta(s, 3, N=N)
    assert critical > lib.linear.critical_eta(s, N=N)
    if N is None:
        below, above = (features.error(s, 3, f * critical, [1e3, 2e3]) for f in (0.99, 1.01))
    else:
        below, above = (features.finite_size_error(s, 3, N, f * critical, [1e3, 2e3]) for f in (0.99, 1.01))
    assert below[1] == pytest.approx(features.asymptotic_error(s, 3, 0.99 * critical, N=N), rel=1e-3)
    assert above[1] > 2 * above[0]
    with pytest.raises(lib.DivergenceError) as caught:
        features.asymptotic_error(s, 3, critical, N=N)
    assert caught.value.critical_eta == critical


def test_divergence_names_the_restricted_students_rate():
    s = lib.power_law(1.0, 16)
    model = lib.StudentTeacher(s, 1, 1, "linear")
    with pytest.raises(lib.DivergenceError) as caught:
        lib.solve(model, model.initial_overlaps(0.0), 3.0, [1.0, 1e4], learned=2)
    assert caught.value.critical_eta == pytest.approx(features.critical_eta(s, 2))
    with pytest.raises(lib.DivergenceError) as caught:
        lib.simulate(model, 64, 3.5, [1.0, 1e3], 0.0, seeds=1, learned=2)
    assert caught.value.critical_eta == pytest.approx(features.critical_eta(s, 2, N=64))
    gaussian = np.outer(s.eigenvalues, s.eigenvalues) + 2 * np.diag(s.eigenvalues**2)
    assert features.critical_eta(s, 2, fourth_moments=gaussian) == pytest.approx(features.critical_eta(s, 2, N=16))


def test_real_inputs_train_the_leading_components_only():
    X = np.random.default_rng(1).normal(size=(400, 6)) * [3, 2, 1.5, 1, 0.7, 0.5]
    s = lib.Spectrum.from_data(X)
    model = lib.StudentTeacher(s, 1, 1, "linear")
    late = lib.simulate(model, eta=0.01, alpha=[1000.0], sigma_J=0.0, seeds=4, inputs=X, learned=2).eps_g
    # amplification (eta/2 times a kurtosis of about one plus 2/N): a per cent
    np.testing.assert_allclose(late, features.asymptotic_error(s, 2), rtol=0.05)


# --- The joint law, and compute --------------------------------------------------------------------------


@pytest.mark.parametrize("beta", [0.05, 0.5, 1.0, 3.0])
def test_scaling_function_is_the_integral(beta):
    """F(x) = int_1^infinity k^-(1+beta) dk + int_0^1 k^-(1+beta) exp(-x k^-(1+beta)) dk, in mpmath."""
    for x in (1e-3, 0.1, 1.0, 30.0):
        with mpmath.workdps(30):
            integral = mpmath.quad(lambda k: k ** -(1 + beta) * mpmath.exp(-x * k ** -(1 + beta)), [0, 0.01, 0.1, 1])
        assert float(features.scaling_function(beta, x)) == pytest.approx(1 / beta + float(integral), rel=1e-11)


@pytest.mark.parametrize("beta", [0.05, 0.5, 1.0, 3.0])
def test_optimal_training_minimises(beta):
    found = minimize_scalar(
        lambda t: beta / (2 + beta) * t + np.log(features.scaling_function(beta, np.exp(t))),
        bounds=(-6, 3),
        method="bounded",
        options={"xatol": 1e-10},
    )
    assert np.exp(found.x) == pytest.approx(
        features.optimal_training(beta), rel=1e-5
    )  # a minimum: square root of 1e-16


def test_optimal_training_tends_to_ln_2():
    gaps = [np.log(2) - features.optimal_training(beta) for beta in (0.04, 0.02, 0.01)]
    np.testing.assert_allclose(np.divide(gaps[:-1], gaps[1:]), 2, rtol=0.05)  # first order in beta


def test_frontier_is_the_best_of_all():
    """Against brute force over every l."""
    s, compute = lib.power_law(0.7, 60), np.geomspace(1e-2, 1e5, 25)
    for eta in (0.05, 1.5):
        plan = features.compute_optimal(s, eta, compute)
        every = np.array([features.error(s, l, eta, compute / l) for l in range(1, 61)])
        np.testing.assert_array_equal(plan.learned, 1 + every.argmin(axis=0))
        np.testing.assert_allclose(plan.eps_g, every.min(axis=0), rtol=1e-14)
        np.testing.assert_allclose(plan.alpha * plan.learned, compute)


@pytest.mark.parametrize("beta, golden", [(0.5, -0.1989), (1.0, -0.3308)])
def test_frontier_has_the_exponents(beta, golden):
    """L = 20000; the offset is added back before the slope of the error is taken."""
    s = lib.power_law(beta, 20_000)
    compute = np.geomspace(3, 300, 13)
    plan, law = features.compute_optimal(s, 0.05, compute), features.compute_law(s, 0.05, compute)
    offset = 0.5 * s.eigenvalues[0] / 20_000 * 20_000.5**-beta / beta / (1 - 0.025)
    slopes = [np.polyfit(np.log(compute), np.log(y), 1)[0] for y in (plan.learned, plan.alpha, plan.eps_g + offset)]
    l_slope, alpha_slope, eps_slope = features.compute_exponents(beta)
    np.testing.assert_allclose(slopes, [l_slope, alpha_slope, -eps_slope], atol=0.01)
    assert slopes[2] == pytest.approx(golden, abs=0.01)
    # next terms: half a level in the place of the last one, another half of rounding; and noise, eta U
    assert np.all(np.abs(law.learned - plan.learned) < 1)
    np.testing.assert_allclose(law.eps_g / plan.eps_g, 1, atol=0.03)


# --- erf networks -----------------------------------------------------------------------------------------


def specialised(model, l):
    """Overlaps from which every student goes to its own teacher; nothing where it does not learn."""
    start, units = model.initial_overlaps(0.0), range(model.teachers)
    start.r[:l, units, units] = start.q[:l, units, units] = 0.3
    return start


@pytest.mark.parametrize("M, l, eta", [(1, 2, 0.5), (1, 8, 4.0), (2, 4, 1e-3), (2, 8, 2.0), (3, 2, 3.5), (3, 4, 2.0)])
def test_erf_floor_is_where_the_flow_ends(M, l, eta):
    s = lib.power_law(1.0, 16)
    model = lib.StudentTeacher(s, M, M)
    end = lib.solve(model, specialised(model, l), eta, [1e4 / eta], rtol=1e-10, learned=l).eps_g
    # relaxed to better than 1e-5 (slowest rate 2 eta a0 lambda_l / M, 40 relaxation times)
    assert end == pytest.approx(features.erf_asymptotic_error(s, l, M, eta), rel=1e-5)


def test_erf_floor_at_small_rate():
    s = lib.power_law(1.0, 1000)
    for l in (1, 10, 300, 1000):
        U = features.reduce(s, l).unseen
        with mpmath.workdps(40):
            expected = (mpmath.mpf(1) / 3 - 2 / mpmath.pi * mpmath.asin((1 - mpmath.mpf(U)) / 2)) / 2
        assert features.erf_asymptotic_error(s, l, 3) == pytest.approx(float(expected), rel=1e-13, abs=1e-300)
    tiny = features.erf_asymptotic_error(s, 990, 2) / features.reduce(s, 990).unseen
    assert tiny == pytest.approx(1 / (np.pi * np.sqrt(3)), rel=1e-4)


def test_erf_critical_rates():
    golden = [4.0557786760, 2.3068276961, 1.6206745061, 1.2493927807, 1.01644830, 0.85666257]  # unscaled outputs
    s = lib.power_law(1.0, 10)
    measured = [features.erf_critical_eta(s, 10, M) / M for M in range(1, 7)]
    np.testing.assert_allclose(measured, golden, rtol=5e-9)
    seen = np.sum((s.weights * s.eigenvalues)[:3])
    assert features.erf_critical_eta(s, 3, 2) == pytest.approx(features.erf_critical_eta(s, 10, 2) / seen, rel=1e-12)


@pytest.mark.parametrize("M", [1, 2, 4])
def test_erf_noise_to_first_order(M):
    """The fixed point of the flow, which knows nothing of the response matrices, at U = 1e-5 and 1e-6."""
    for rate in (0.2, 0.5):
        eta = rate * asymptotics.critical_eta(None, M)
        gaps = []
        for U in (1e-5, 1e-6):
            ratio = features._erf_fixed_point(1 - U, M, eta / (1 - U)) / features._erf_small_eta(U)
            gaps.append(ratio / features.erf_amplification(M, eta) - 1)
        assert abs(gaps[0]) < 1e-5 and gaps[0] / gaps[1] == pytest.approx(10, rel=0.2)  # first order in U


def test_erf_floor_is_continuous_where_its_form_changes():
    below, above = (lib.Spectrum([1.0, U]) for U in (0.9e-7, 1.1e-7))
    ratio = [features.erf_asymptotic_error(s, 1, 2, 1.0) / features.reduce(s, 1).unseen for s in (below, above)]
    assert ratio[0] == pytest.approx(ratio[1], rel=1e-6)
    with pytest.raises(lib.DivergenceError):
        features.erf_asymptotic_error(below, 1, 2, 4.7)


def test_erf_sgd_reaches_the_floor():
    """Direct SGD on erf networks, K = M = 1: stationary mean, eight runs of ten times, four standard errors."""
    s, l, eta, N = lib.power_law(1.0, 8), 3, 1.0, 400
    model = lib.StudentTeacher(s, 1, 1)
    relax = 1 / (2 * eta * 0.3676 * s.eigenvalues[l - 1])  # rate 2 eta <g'^2> lambda_l
    runs = lib.simulate(model, N, eta, relax * (14 + 3 * np.arange(10)), 0.01, seeds=12, learned=l).eps_g.mean(axis=1)
    error = runs.std(ddof=1) / np.sqrt(12)
    expected = features.erf_asymptotic_error(s, l, 1, eta)
    # finite N: eta lambda_1 / N = 1.3 % of the noise, which is a fifth of the floor
    assert abs(runs.mean() - expected) < 4 * error + 0.003 * expected
    assert expected - features.erf_asymptotic_error(s, l, 1) > 8 * error


@pytest.mark.parametrize("learned", [1, 7, 20])
def test_measured_moments_of_gaussian_form_are_the_finite_size_theory(learned):
    s, alpha = lib.power_law(1.0, 20), [0.5, 3.0, 200.0]
    gaussian = np.outer(s.eigenvalues, s.eigenvalues) + 2 * np.diag(s.eigenvalues**2)
    for eta in (0.1, 0.9):
        found = features.measured_error(s, learned, gaussian, eta, alpha, 0.3)
        # the recursion rounds once a step, 4000 times
        np.testing.assert_allclose(found, features.finite_size_error(s, learned, 20, eta, alpha, 0.3), rtol=1e-10)
    critical = features.critical_eta(s, learned, fourth_moments=gaussian)
    with pytest.raises(lib.DivergenceError):
        features.measured_error(s, learned, gaussian, critical, alpha)


def test_measured_moments_of_a_student_that_learns_everything():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((500, 12)) * np.exp(rng.standard_normal((500, 1))) * np.arange(1, 13)
    s, moments = lib.Spectrum.from_data(X), lib.linear.fourth_moments(X)
    alpha = [1.0, 10.0]
    np.testing.assert_allclose(
        features.measured_error(s, 12, moments, 0.05, alpha, 0.5),
        lib.linear.measured_error(s, moments, 0.05, alpha, 0.5),
        rtol=1e-11,
    )


BAD = [
    (lambda s: features.measured_error(s, 2, np.ones((3, 3)), 0.1, [1]), "fourth_moments"),
    (lambda s: features.measured_error(s, 0, np.ones((4, 4)), 0.1, [1]), "learned"),
    (lambda s: features.asymptotic_error(s, 0), "learned"),
    (lambda s: features.asymptotic_error(s, 1, strength=[1.0]), "strength"),
    (lambda s: features.error(s, 1, 0.1, [1], strength=[1.0]), "strength"),
    (lambda s: features.small_eta_error(s, 1, 0.1, [1], strength=[1.0]), "strength"),
    (lambda s: features.finite_size_error(s, 1, 8, 0.1, [1], strength=[1.0]), "strength"),
    (lambda s: features.measured_error(s, 1, np.ones((4, 4)), 0.1, [1], strength=[1.0]), "strength"),
    (lambda s: features.compute_optimal(s, 0.1, [1], strength=[1.0]), "strength"),
    (lambda s: features.asymptotic_error(s, 5), "learned"),
    (lambda s: features.asymptotic_error(s, 2.5), "learned"),
    (lambda s: features.asymptotic_error(s, 2, -0.1), "eta"),
    (lambda s: features.asymptotic_error(s, 2, N=6), "N"),
    (lambda s: features.error(s, 2, 0.0, [1]), "eta"),
    (lambda s: features.error(s, 2, 0.1, [2, 1]), "alpha"),
    (lambda s: features.error(s, 2, 0.1, [1], -1), "sigma_J"),
    (lambda s: features.compute_law(lib.Spectrum([2, 1]), 0.1, [1]), "spectrum"),
    (lambda s: features.scaling_function(1.0, 0.0), "x"),
    (lambda s: features.compute_optimal(s, 0.1, [0, 1]), "compute"),
    (lambda s: features.compute_optimal(s, 2.0, [1]), "eta"),
    (lambda s: features.compute_optimal(lib.Spectrum([2, 1], [1, 3]), 0.1, [1]), "spectrum"),
    (lambda s: features.compute_exponents(0), "beta"),
    (lambda s: features.crossover_time(s, 2, 0), "eta"),
    (lambda s: features.erf_asymptotic_error(s, 2, 0), "units"),
    (lambda s: features.erf_amplification(2, 5.0), "rate"),
    (
        lambda s: lib.solve(lib.StudentTeacher(s), lib.StudentTeacher(s).initial_overlaps(0.1), 0.1, [1], learned=5),
        "learned",
    ),
    (lambda s: lib.simulate(lib.StudentTeacher(s), 40, learned=0), "learned"),
    (lambda s: lib.simulate(lib.StudentTeacher(s), 40, learned=2, method="reduced"), "method"),
]


@pytest.mark.parametrize("call, argument", BAD)
def test_bad_input_is_named(call, argument):
    with pytest.raises(ValueError, match=rf"^{argument}"):
        call(lib.power_law(1.0, 4))


# --- The explorer -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("compute", [0.0, 1.0])
def test_explorer_shows_what_its_program_computes(compute):
    """The curves against the functions that the explorer's program calls, on either axis."""
    from lib import widgets

    explorer = widgets.explore(
        "features", beta=0.5, levels=64, learned=4, eta=0.7, sigma_J=0.3, compute=compute, N=64, alpha_max=20.0, runs=1
    )
    result, s = explorer.result, lib.power_law(0.5, 64)
    unit = 4 if compute else 1
    alpha = result["exact"].x / unit
    # the same kernels, and a spectrum that numpy sums in another order
    np.testing.assert_allclose(result["exact"].y, features.error(s, 4, 0.7, alpha, 0.3), rtol=1e-11)
    np.testing.assert_allclose(result["small_eta"].y, features.small_eta_error(s, 4, 0.7, alpha, 0.3), rtol=1e-11)
    floor = 1.09 * features.asymptotic_error(s, 4, 0.7)
    np.testing.assert_allclose(result["floor"].y, floor, rtol=1e-12)
    assert result.readouts["critical"] == pytest.approx(features.critical_eta(s, 4), rel=1e-12)
    assert result.readouts["crossover"] == pytest.approx(features.crossover_time(s, 4, 0.7), rel=1e-12)
    # the family: pieces of 1, 2, 4, ... levels, separated by points without a value
    x, y = result["family"].x, result["family"].y
    pieces = np.split(np.arange(x.size), np.flatnonzero(np.isnan(x)))
    third = [i for i in pieces[2] if np.isfinite(x[i])]
    np.testing.assert_allclose(y[third], features.error(s, 4, 0.7, x[third] / unit, 0.3), rtol=1e-11)
    # the dashed frontier is the law's
    seen = np.isfinite(result["frontier"].y)
    compute_ = result["frontier"].x[seen] if compute else None
    if compute:
        np.testing.assert_allclose(
            result["frontier"].y[seen], features.compute_law(s, 0.7, compute_, 0.3).eps_g, rtol=1e-9
        )
    names = {}
    exec(program(explorer), names)
    np.testing.assert_allclose(names["exact"][-1], result["exact"].y[-1], rtol=1e-11)
    assert names["sgd"].eps_g.shape == (1, 13)


def test_map_shows_what_its_program_computes():
    from lib import widgets

    explorer = widgets.explore("crossover", beta=0.5, levels=64, eta=0.7, sigma_J=0.3, alpha_max=100.0)
    result, cells = explorer.result, explorer.result["error"]
    seen = np.isfinite(cells.x)
    names = {}
    exec(program(explorer), names)
    np.testing.assert_allclose(cells.x[seen].reshape(-1, 49)[0], names["alpha"], rtol=1e-12)
    np.testing.assert_array_equal(cells.y[seen][::49], names["levels"])
    # the same kernels, and a spectrum that numpy sums in another order
    np.testing.assert_allclose(cells.value[seen].reshape(-1, 49), names["error"], rtol=1e-11)
    # both lines are straight in logarithms, and meet the library's at either end
    for name, line in (("crossover", names["crossover"]), ("best", names["best"])):
        x, y = result[name].x, result[name].y
        np.testing.assert_allclose(x[0], line[0], rtol=1e-12)
        np.testing.assert_allclose(np.diff(np.log(x)) / np.diff(np.log(y)), 1.5, rtol=1e-12)
        assert y[1] == pytest.approx(64, rel=1e-12) or x[1] == pytest.approx(100.0, rel=1e-12)
    assert result.readouts["crossover"] == pytest.approx(names["crossover"][-1], rel=1e-12)


def test_map_says_who_diverges():
    from lib import widgets

    s = lib.power_law(1.0, 256)
    result = widgets.explore("crossover", eta=2.5).result
    converging = int(result.readouts["converging"])
    assert f"more than {converging} levels" in result.notice
    tried = np.unique(result["error"].y[np.isfinite(result["error"].y)]).astype(int)
    assert converging == max(l for l in tried if 2.5 < features.critical_eta(s, int(l)))
    seen = np.isfinite(result["error"].x)
    assert not np.any(np.isnan(result["error"].value[seen]))  # beyond all numbers it is infinite, for all levels too
    assert np.isposinf(features.error(s, 256, 2.5, [1e4])[0]) and result.readouts["last"] == np.inf


def test_explorer_says_where_training_ends_badly():
    from lib import widgets

    assert "critical learning rate" in widgets.explore("features", eta=4.0, runs=1, alpha_max=1.0).result.notice
    assert "above the initial" in widgets.explore("features", eta=2.05, runs=1, alpha_max=1.0).result.notice
    assert (
        widgets.explore("features", levels=4, learned=64, N=64, runs=1, alpha_max=5.0).result.readouts["unseen"] == 0.0
    )
    assert "N = 64 is smaller" in widgets.explore("features", levels=128, N=64, eta=0.1).result.notice


@pytest.mark.parametrize("eta", [0.3, 1.99])
def test_many_levels_are_condensed(monkeypatch, eta):
    s, alpha = lib.power_law(0.5, 1200), np.geomspace(1e-2, 1e6, 30)
    exact = features.error(s, 1000, eta, alpha, 0.4)
    monkeypatch.setattr(lib.linear, "MAX_LEVELS", 100)
    np.testing.assert_allclose(features.error(s, 1000, eta, alpha, 0.4), exact, rtol=1e-12)
