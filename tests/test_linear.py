"""Closed forms of the linear network against independent computations."""

import time

import mpmath
import numpy as np
import pytest
from scipy.linalg import expm
from scipy.special import zeta

import lib

GOLDEN = [  # of another implementation (eigh of the symmetrised flow)
    (16, 0.5, 1.0, [1, 10, 100], [9.3112058909e-02, 1.4889838274e-02, 7.8883040289e-05]),
    (64, 1.0, 0.5, [1, 10, 100], [9.6720264285e-02, 9.4971932228e-03, 1.2045328025e-07]),
    (1000, 0.01, 1.0, [1, 10, 100, 1000], [0.0774576231, 0.0242546743, 0.0074613020, 0.0021517582]),
]


@pytest.mark.parametrize("levels, eta, beta, alpha, expected", GOLDEN)
def test_golden_values(levels, eta, beta, alpha, expected):
    curve = lib.linear.generalization_error(lib.power_law(beta, levels), eta, alpha)
    np.testing.assert_allclose(curve, expected, rtol=2.4e-8)  # half a unit of the shortest printed value


@pytest.mark.parametrize("eta", [0.05, 0.7, 1.9, 2.0, 2.5])
@pytest.mark.parametrize("seed", [0, 1])
def test_exact_curve_is_the_matrix_exponential(eta, seed):
    """Random weights and eigenvalues, repeated and nearly repeated ones among them."""
    rng = np.random.default_rng(seed)
    eigenvalues = rng.lognormal(sigma=1.5, size=12)
    eigenvalues[3] = eigenvalues[2]
    eigenvalues[5] = eigenvalues[4] * (1 + 1e-9)
    s = lib.Spectrum(eigenvalues, rng.random(12) + 0.1)
    alpha = np.array([0.0, 0.01, 0.3, 2.0, 9.0])
    lam, w = s.eigenvalues, s.weights
    flow = -2 * eta * np.diag(lam) + eta**2 * np.outer(lam, w * lam)
    expected = [0.5 * (w * lam) @ expm(flow * a) @ np.full(12, 1.25) for a in alpha]
    # expm is accurate relative to its largest entry
    np.testing.assert_allclose(lib.linear.generalization_error(s, eta, alpha, 0.5), expected, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("beta", [0.05, 1.0, 3.0])
def test_exact_curve_keeps_its_relative_accuracy_far_down(beta):
    """Fifty digits at alpha where eps_g is tiny: the positive sum loses nothing."""
    eta, s = 1.5, lib.power_law(beta, 8)
    alpha = np.array([1.0, 40.0, 200.0])
    with mpmath.workdps(50):
        lam = [mpmath.mpf(float(x)) for x in s.eigenvalues]
        flow = mpmath.matrix(8, 8)
        for i in range(8):
            for j in range(8):
                flow[i, j] = mpmath.mpf(eta) ** 2 * lam[i] * lam[j] / 8 - (2 * eta * lam[i] if i == j else 0)
        expected = []
        for a in alpha:
            e = mpmath.expm(flow * a) * mpmath.ones(8, 1)
            expected.append(float(sum(lam[i] * e[i] for i in range(8)) / 16))
    # exp(-rate alpha) turns the rate's rounding into rate * alpha * 2e-16
    bound = 1e-14 + 4e-16 * 2 * eta * s.eigenvalues[-1] * alpha
    assert np.all(np.abs(lib.linear.generalization_error(s, eta, alpha) / expected - 1) < 10 * bound)


@pytest.mark.parametrize("students, teachers", [(1, 1), (2, 2), (3, 2)])
def test_flow_of_the_linear_network_has_the_critical_rate(students, teachers):
    """Below 2K/M the flow decays, above it grows: a rate 0.1 per cent off decides."""
    model = lib.StudentTeacher(lib.power_law(1.0, 3), students, teachers, "linear")
    critical = lib.linear.critical_eta(model.spectrum, students, teachers)
    start = model.initial_overlaps(0.1)
    alpha = [200.0, 400.0, 800.0]
    below = lib.solve(model, start, 0.999 * critical, alpha).eps_g
    above = lib.solve(model, start, 1.001 * critical, alpha).eps_g
    assert below[2] < below[1] < below[0]
    assert above[2] > above[1] > above[0]


def test_critical_rate_at_finite_size():
    """The finite-size recursion decays just below the rate and grows just above it."""
    s, N = lib.power_law(1.0, 64), 128
    critical = lib.linear.critical_eta(s, N=N)
    assert critical < 1.8  # far from the limit's 2: the test distinguishes them
    alpha = [500.0, 1000.0]
    below = lib.linear.finite_size_error(s, N, 0.99 * critical, alpha)
    above = lib.linear.finite_size_error(s, N, 1.01 * critical, alpha)
    assert below[1] < below[0] and above[1] > above[0]


def test_critical_rate_tends_to_two():
    s = lib.power_law(1.0, 16)
    rates = [lib.linear.critical_eta(s, N=N) for N in (160, 1600, 16000, 160000)]
    gaps = 2.0 - np.array(rates)
    np.testing.assert_allclose(gaps[:-1] / gaps[1:], 10, rtol=0.15)  # first order in 1/N


@pytest.mark.parametrize("beta", [0.25, 0.5, 1.0])
def test_incomplete_gamma_form_of_the_sum(beta):
    """Midpoint rule for the sum over ranks: the error is that of the rule at the first ranks.

    With f(k) = lambda_k exp(-X k^-(1+beta)) it is f'/24 at k = 1/2, damped by exp(-X 2^(1+beta)): beyond
    alpha = 10/(2 eta lambda_1) nothing is left of it but the curvature at the peak, k^(1+beta) ~ X: O(X^-2/(1+beta)).
    """
    s = lib.power_law(beta, 1000)
    first, last = lib.linear.power_law_window(s, 0.01)
    alpha = np.geomspace(10 * first, last, 40)
    exact = lib.linear.small_eta_error(s, 0.01, alpha, 0.3)
    form = lib.linear.incomplete_gamma_error(s, 0.01, alpha, 0.3)
    x = alpha / first
    assert np.all(np.abs(form / exact - 1) < 0.5 * x ** (-2 / (1 + beta)) + 1e-6)


def test_incomplete_gamma_form_does_not_cancel_late():
    s = lib.power_law(0.5, 50)
    last = lib.linear.power_law_window(s, 0.1)[1]
    # relative corrections of the end correction at k = L: the sum ends at L, the integral at L + 1/2
    ratio = lib.linear.incomplete_gamma_error(s, 0.1, [30 * last]) / lib.linear.small_eta_error(s, 0.1, [30 * last])
    assert np.isfinite(ratio) and 0.1 < ratio < 10


@pytest.mark.parametrize("eta", [0.01, 1.0])
def test_power_law_less_offset_is_the_curve_in_the_window(eta):
    s = lib.power_law(1.0, 3000)
    first, last = lib.linear.power_law_window(s, eta)
    alpha = np.geomspace(100 * first, last / 100, 30)
    law = lib.linear.power_law_error(s, eta, alpha) - lib.linear.offset(s, eta)
    # next terms: discreteness X^-1 at the start, and X/L^2 (relative to the constant) at the end
    assert np.abs(law / lib.linear.generalization_error(s, eta, alpha) - 1).max() < 0.02


def test_small_rate_limit():
    s = lib.power_law(0.7, 40)
    for eta in (0.1, 0.01, 0.001):
        alpha = np.array([0.1, 1.0, 5.0]) / eta
        ratio = lib.linear.generalization_error(s, eta, alpha) / lib.linear.small_eta_error(s, eta, alpha)
        assert np.all(np.abs(ratio - 1) < 1.5 * eta)  # first order: 1/(1 - eta/2) and the shifted rates


def test_finite_size_recursion_tends_to_the_flow():
    s = lib.power_law(1.0, 8)
    alpha = [0.5, 2.0, 10.0]
    limit = lib.linear.generalization_error(s, 0.5, alpha)
    gaps = [np.abs(lib.linear.finite_size_error(s, N, 0.5, alpha) / limit - 1) for N in (800, 8000)]
    np.testing.assert_allclose(gaps[0] / gaps[1], 10, rtol=0.05)  # first order in 1/N


def test_measured_moments_of_gaussian_form_are_the_finite_size_theory():
    s, alpha = lib.power_law(1.0, 20), [0.5, 3.0, 20.0]
    gaussian = np.outer(s.eigenvalues, s.eigenvalues) + 2 * np.diag(s.eigenvalues**2)
    for eta in (0.1, 1.0):
        # the recursion rounds once a step, 400 times
        np.testing.assert_allclose(
            lib.linear.measured_error(s, gaussian, eta, alpha, 0.3),
            lib.linear.finite_size_error(s, 20, eta, alpha, 0.3),
            rtol=1e-11,
        )
    assert lib.linear.critical_eta(s, fourth_moments=gaussian) == pytest.approx(
        lib.linear.critical_eta(s, N=20), rel=1e-9
    )


def test_fourth_moments_of_samples():
    """Two independent signs times standard deviations: <x^4> = lambda^2, <x^2 y^2> = lambda_x lambda_y."""
    X = np.array([[2, 1], [2, -1], [-2, 1], [-2, -1]]) + 5.0
    np.testing.assert_allclose(lib.linear.fourth_moments(X), np.outer([1.6, 0.4], [1.6, 0.4]))


UNITS = [(2, 2), (3, 2), (1, 4), (4, 1)]


@pytest.mark.parametrize("students, teachers", UNITS)
def test_more_units_against_the_flow_of_their_overlaps(students, teachers):
    """The flow knows nothing of sums of units: it integrates all K (K + M) overlaps of every level."""
    s = lib.power_law(0.5, 6)
    model = lib.StudentTeacher(s, students, teachers, "linear")
    alpha = np.geomspace(0.01, 30, 9)
    for eta in (0.05, 0.6 * lib.linear.critical_eta(s, students, teachers)):
        flow = lib.solve(model, model.initial_overlaps(0.7), eta, alpha, rtol=1e-9).eps_g
        closed = lib.linear.generalization_error(s, eta, alpha, 0.7, students, teachers)
        np.testing.assert_allclose(flow, closed, rtol=1e-6)  # some hundred steps of 1e-9


def test_random_teachers_in_the_mean():
    """The flow is linear in e_k(0), so the mean over draws is the curve of the mean start."""
    s = lib.power_law(1.0, 4)
    model = lib.StudentTeacher(s, 3, 2, "linear")
    alpha, seeds = [0.1, 2.0, 20.0], 300
    curves = np.array(
        [
            lib.solve(model, model.initial_overlaps(0.5, 64, seed, teacher="random"), 0.7, alpha).eps_g
            for seed in range(seeds)
        ]
    )
    closed = lib.linear.generalization_error(s, 0.7, alpha, 0.5, 3, 2)
    error = curves.std(axis=0, ddof=1) / np.sqrt(seeds)
    assert np.all(error < 0.05 * closed)
    assert np.all(np.abs(curves.mean(axis=0) - closed) < 4 * error)


@pytest.mark.parametrize("students, teachers", [(3, 2), (1, 3)])
def test_more_units_against_sgd(students, teachers):
    s = lib.power_law(1.0, 8)
    model = lib.StudentTeacher(s, students, teachers, "linear")
    eta = 0.4 * students / teachers
    sgd = lib.simulate(model, 128, eta, [0.5, 3.0, 15.0], sigma_J=0.5, seeds=200)
    exact = lib.linear.finite_size_error(s, 128, eta, sgd.alpha, 0.5, students, teachers)
    error = sgd.eps_g.std(axis=0, ddof=1) / np.sqrt(200)
    assert np.all(error < 0.1 * exact)
    assert np.all(np.abs(sgd.eps_g.mean(axis=0) - exact) < 4 * error)  # three means over 200 runs


@pytest.mark.parametrize("students, teachers", UNITS)
def test_every_form_takes_more_units_the_same_way(students, teachers):
    """eta M/K and sigma_J sqrt(M/K) of one unit; the other forms are checked against each other above."""
    s, alpha, scale = lib.power_law(1.0, 8), [1.0, 4.0], teachers / students
    gaussian = np.outer(s.eigenvalues, s.eigenvalues) + 2 * np.diag(s.eigenvalues**2)
    one, many = (0.3 * scale, 0.5 * np.sqrt(scale)), (0.3, 0.5)
    for form in (
        lib.linear.generalization_error,
        lib.linear.small_eta_error,
        lib.linear.incomplete_gamma_error,
        lib.linear.power_law_error,
    ):
        np.testing.assert_allclose(
            form(s, many[0], alpha, many[1], students, teachers), form(s, one[0], alpha, one[1]), rtol=1e-14
        )
    for form, extra in ((lib.linear.finite_size_error, 16), (lib.linear.measured_error, gaussian)):
        np.testing.assert_allclose(
            form(s, extra, many[0], alpha, many[1], students, teachers),
            form(s, extra, one[0], alpha, one[1]),
            rtol=1e-13,
        )
    assert lib.linear.offset(s, *many, students, teachers) == pytest.approx(lib.linear.offset(s, *one), rel=1e-14)
    assert lib.linear.power_law_window(s, 0.3, students, teachers) == pytest.approx(
        lib.linear.power_law_window(s, one[0]), rel=1e-14
    )
    for extra in ({"N": 16}, {"fourth_moments": gaussian}):
        assert lib.linear.critical_eta(s, students, teachers, **extra) == pytest.approx(
            lib.linear.critical_eta(s, **extra) / scale, rel=1e-14
        )


@pytest.mark.parametrize("beta", [0.05, 0.5, 1.0, 3.0])
def test_optimal_rate_is_the_minimum(beta):
    """Against a search of all rates on a fine grid: the height of the minimum, which is what counts."""
    s = lib.power_law(beta, 32)
    alpha = np.array([1e-3, 0.1, 3.0, 100.0])
    best = lib.linear.optimal_eta(s, alpha)
    grid = 2.0 / (1.0 + np.exp(np.linspace(15, -15, 1501)))
    search = np.min([lib.linear.generalization_error(s, eta, alpha) for eta in grid], axis=0)
    found = np.array([lib.linear.generalization_error(s, eta, [a])[0] for eta, a in zip(best, alpha)])
    assert np.all(found <= search * (1 + 1e-13))
    assert np.all(found >= search * (1 - 1e-3))  # the grid misses the minimum by half a step: 0.01^2/2 of a curvature


def test_optimal_rate_among_several_minima():
    """Two groups of directions, 10^6 apart: before the slow ones move, a small rate that quiets the noise is best."""
    s = lib.Spectrum([1e6, 1.0], [0.5, 0.5])
    alpha = np.array([1e-4, 1.0, 1e3, 1e7])
    grid = 2.0 / (1.0 + np.exp(np.linspace(23, -23, 4601)))
    errors = np.array([lib.linear.generalization_error(s, eta, alpha) for eta in grid])
    best = lib.linear.optimal_eta(s, alpha)
    for i, eta in enumerate(best):
        assert lib.linear.generalization_error(s, eta, alpha[i])[0] <= errors[:, i].min() * (1 + 1e-12)


@pytest.mark.parametrize("levels", [1, 2, 64, 512])
def test_optimal_rate_at_the_start(levels):
    """E = E(0) [1 - eta (2 - eta) <lambda^2> alpha + ...] is lowest at eta = 1; next: 2 <lambda^3> alpha/<lambda^2>."""
    s = lib.power_law(1.0, levels)
    alpha = 1e-4 / s.eigenvalues[0]
    assert lib.linear.optimal_eta(s, alpha)[0] == pytest.approx(1.0, abs=3e-4)


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
def test_optimal_rate_in_the_window_and_beyond(beta):
    """2 s/(1 + s) with the local slope s of the small-rate sum; in the window, that of the law less its constant."""
    s = lib.power_law(beta, 256)
    first, last = lib.linear.power_law_window(s, 1.0)
    alpha = np.array([100 * first, last, 10 * last])
    best = lib.linear.optimal_eta(s, alpha)
    slope = []
    for u in alpha * best:
        low, high = lib.linear.small_eta_error(s, 1.0, [0.999 * u, 1.001 * u])
        slope.append(-np.log(high / low) / np.log(1.001 / 0.999))
    # The amplification is not quite 1/(1 - eta/2): by noise that comes back, of order X^-s, in the window, and by
    # the shift of the last rates, of order lambda_L, beyond it.
    gap = np.abs(best / (2 * np.array(slope) / (1 + np.array(slope))) - 1)
    assert gap[0] < 0.5 * 100 ** -lib.linear.exponent(beta)
    assert np.all(gap[1:] < 5 * s.eigenvalues[-1] + 1e-3)
    law = lib.linear.power_law_error(s, 1e-9, [alpha[0] * best[0] * 1e9])[0]
    local = lib.linear.exponent(beta) / (1 - lib.linear.offset(s, 1e-9) / law)
    assert best[0] == pytest.approx(2 * local / (1 + local), rel=0.5 * 100 ** -lib.linear.exponent(beta))
    assert np.all(np.diff(best) > 0) and best[-1] < 2


def test_optimal_rate_of_more_units():
    s = lib.power_law(1.0, 16)
    np.testing.assert_allclose(lib.linear.optimal_eta(s, [0.1, 3.0], 3, 2), 1.5 * lib.linear.optimal_eta(s, [0.1, 3.0]))


# --- A teacher that is not equally strong in all levels ---------------------------------------------------


@pytest.mark.parametrize("eta", [0.05, 0.7, 1.9, 2.0, 2.5])
def test_exact_curve_of_any_strengths_is_the_matrix_exponential(eta):
    """Strengths in no order, zeros among them, on random, repeated and nearly repeated eigenvalues."""
    rng = np.random.default_rng(5)
    eigenvalues = rng.lognormal(sigma=1.5, size=12)
    eigenvalues[3] = eigenvalues[2]
    eigenvalues[5] = eigenvalues[4] * (1 + 1e-9)
    s = lib.Spectrum(eigenvalues, rng.random(12) + 0.1)
    strength = np.where(rng.random(12) < 0.3, 0.0, rng.lognormal(size=12))
    alpha = np.array([0.0, 0.01, 0.3, 2.0, 9.0])
    lam, w = s.eigenvalues, s.weights
    flow = -2 * eta * np.diag(lam) + eta**2 * np.outer(lam, w * lam)
    expected = [0.5 * (w * lam) @ expm(flow * a) @ (strength + 0.25 * 2 / 3) for a in alpha]
    found = lib.linear.generalization_error(s, 1.5 * eta, alpha, 0.5, 3, 2, strength)
    # expm is accurate relative to its largest entry; two eigenvalues 1e-9 apart share an amplitude to 1e-16 / 1e-9
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-13)
    small = [0.5 * (w * lam * np.exp(-2 * eta * lam * a)) @ (strength + 0.25 * 2 / 3) for a in alpha]
    np.testing.assert_allclose(lib.linear.small_eta_error(s, 1.5 * eta, alpha, 0.5, 3, 2, strength), small, rtol=1e-14)


@pytest.mark.parametrize("tau", [0.5, 4.0, -0.5])
@pytest.mark.parametrize("beta", [0.3, 1.0])
def test_exact_curve_of_a_source_keeps_its_relative_accuracy_far_down(beta, tau):
    """Fifty digits at alpha where eps_g is tiny: with a source that falls with the rank nothing cancels."""
    eta, s = 1.5, lib.power_law(beta, 8)
    alpha, strength = np.array([1.0, 40.0, 200.0]), lib.source(s, tau)
    with mpmath.workdps(50):
        lam = [mpmath.mpf(float(x)) for x in s.eigenvalues]
        flow = mpmath.matrix(8, 8)
        for i in range(8):
            for j in range(8):
                flow[i, j] = mpmath.mpf(eta) ** 2 * lam[i] * lam[j] / 8 - (2 * eta * lam[i] if i == j else 0)
        expected = []
        for a in alpha:
            e = mpmath.expm(flow * a) * mpmath.matrix(strength)
            expected.append(float(sum(lam[i] * e[i] for i in range(8)) / 16))
    bound = 1e-14 + 4e-16 * 2 * eta * s.eigenvalues[-1] * alpha  # as for equal strengths, above
    found = lib.linear.generalization_error(s, eta, alpha, strength=strength)
    assert np.all(np.abs(found / expected - 1) < 10 * bound)


def test_strengths_of_one_are_no_strengths():
    """The same sums of the same terms, but for the start: inside them or in front."""
    s, alpha = lib.power_law(0.7, 40), [0.1, 3.0, 50.0]
    ones = lib.source(s, 0.0)
    gaussian = np.outer(s.eigenvalues, s.eigenvalues) + 2 * np.diag(s.eigenvalues**2)
    for form, extra in (
        (lib.linear.generalization_error, ()),
        (lib.linear.small_eta_error, ()),
        (lib.linear.finite_size_error, (80,)),
        (lib.linear.measured_error, (gaussian,)),
    ):
        given = s, *extra, 0.6, alpha, 0.4, 3, 2
        np.testing.assert_allclose(form(*given, strength=ones), form(*given), rtol=1e-13)  # 4000 steps, each rounded
    scheduled = [
        lib.linear.scheduled_error(s, lambda a: 1 / (1 + a), alpha, 0.1, 0.4, strength=t) for t in (ones, None)
    ]
    np.testing.assert_allclose(*scheduled, rtol=1e-13)
    best = lib.linear.optimal_eta(s, alpha)
    np.testing.assert_allclose(lib.linear.optimal_eta(s, alpha, strength=ones, sigma_J=0.3), best, rtol=1e-5)


@pytest.mark.parametrize("tau", [-0.5, 0.7, 3.0])
@pytest.mark.parametrize("levels", [8, 1000])
def test_a_constant_schedule_of_a_source_is_the_closed_form(levels, tau):
    s = lib.power_law(1.0, levels)
    alpha, strength = np.geomspace(1e-3, 3 / s.eigenvalues[-1], 9), lib.source(s, tau)
    found = lib.linear.scheduled_error(s, lambda time: 0.5, alpha, 0.0, 0.5, 3, 2, strength=strength)
    np.testing.assert_allclose(
        found, lib.linear.generalization_error(s, 0.5, alpha, 0.5, 3, 2, strength), rtol=1e-5
    )  # 1e-6 a step, as for equal strengths


@pytest.mark.parametrize("tau", [0.5, 4.0])
@pytest.mark.parametrize("students, teachers", [(1, 1), (3, 2)])
def test_a_source_against_the_flow_of_its_overlaps(students, teachers, tau):
    s = lib.power_law(0.5, 6)
    model = lib.StudentTeacher(s, students, teachers, "linear", lib.source(s, tau))
    alpha = np.geomspace(0.01, 30, 9)
    eta = 0.6 * lib.linear.critical_eta(s, students, teachers)
    flow = lib.solve(model, model.initial_overlaps(0.7), eta, alpha, rtol=1e-9).eps_g
    closed = lib.linear.generalization_error(s, eta, alpha, 0.7, students, teachers, model.strength)
    np.testing.assert_allclose(flow, closed, rtol=1e-6)  # some hundred steps of 1e-9


@pytest.mark.parametrize("teacher", ["orthonormal", "random"])
@pytest.mark.parametrize("tau", [1.0, 4.0])
def test_a_source_against_sgd(tau, teacher):
    """On the weights, with the exact mean at this N: the signal's regime, and that of forgotten noise."""
    s, seeds = lib.power_law(1.0, 16), 300
    model = lib.StudentTeacher(s, 1, 1, "linear", lib.source(s, tau))
    sgd = lib.simulate(model, 128, 0.5, [0.3, 2.0, 10.0], 0.1, seeds, teacher)
    exact = lib.linear.finite_size_error(s, 128, 0.5, sgd.alpha, 0.1, strength=model.strength)
    error = sgd.eps_g.std(axis=0, ddof=1) / np.sqrt(seeds)
    assert np.all(error < 0.15 * exact)
    assert np.all(np.abs(sgd.eps_g.mean(axis=0) - exact) < 4.5 * error)  # twelve means in all


def test_strengths_of_single_components_on_real_moments():
    """The map of ``measured_error`` step by step, for strengths in no order."""
    rng = np.random.default_rng(2)
    X = rng.standard_normal((50, 5)) ** 3
    s, moments, strength = lib.Spectrum.from_data(X), lib.linear.fourth_moments(X), rng.random(5)
    e, g = strength + 0.3**2, 0.1 / 5
    for _ in range(20):
        e = e - 2 * g * s.eigenvalues * e + g**2 * moments @ e
    found = lib.linear.measured_error(s, moments, 0.1, 4.0, 0.3, strength=strength)[0]
    assert found == pytest.approx(0.5 * s.eigenvalues @ e / 5, rel=1e-12)


EXPONENTS = [(0.5, tau) for tau in (0.0, 0.5, 1.0, 1.5, 4.0)] + [(1.0, tau) for tau in (0.0, 0.5, 1.0, 2.0, 4.0)]


@pytest.mark.parametrize("beta, tau", EXPONENTS)
def test_exponent_of_a_source_is_the_local_slope(beta, tau):
    """A decade in the middle of the window of 10^5 levels, X = 10^3.75 and 10^5, the missing levels' part added.

    The law's next term is at most 2 a/(1 - eta/2) of it, as in the test below, and its power another by theta =
    beta/(1+beta): for eta = 1/2 it turns the slope by up to theta times that, 0.01 for beta = 1/2 and 0.002 for 1. For
    1 < s the forgotten noise is another, of relative power (1 + beta - tau)/(1 + beta): at (1/2, 1) the power is 1/3,
    at most 0.02 of the slope.
    """
    s, eta = lib.power_law(beta, 10**5), 0.5
    first, last = lib.linear.power_law_window(s, eta)
    middle = np.sqrt(first * last)
    alpha = np.array([middle / np.sqrt(10), middle * np.sqrt(10)])
    curve = lib.linear.generalization_error(s, eta, alpha, strength=lib.source(s, tau))
    curve = curve + lib.linear.offset(s, eta, tau=tau)
    slope = -np.diff(np.log(curve))[0] / np.log(10)
    assert slope == pytest.approx(lib.linear.exponent(beta, tau), abs=0.02)


def test_prefactor_where_the_noise_is_forgotten():
    """beta = 1, tau = 4, eta = 1/2, X = 10^5, as published with this book's plan: 4.0283e-9 and 4.0279e-9."""
    s = lib.power_law(1.0, 10**5)
    alpha = 1e5 / (2 * 0.5 * s.eigenvalues[0])
    exact = 2 * lib.linear.generalization_error(s, 0.5, alpha, strength=lib.source(s, 4.0))[0]
    law = 2 * lib.linear.power_law_error(s, 0.5, alpha, tau=4.0)[0]
    assert exact == pytest.approx(4.0283e-9, abs=1e-13) and law == pytest.approx(4.0279e-9, abs=1e-13)


@pytest.mark.parametrize("beta, tau, eta", [(1.0, 0.5, 0.5), (1.0, 4.0, 0.5), (0.5, 4.0, 1.5), (0.5, 0.5, 0.1)])
def test_law_of_a_source_less_its_offset_is_the_curve(beta, tau, eta):
    """The gap is the next term, with initial weights too, which follow the law of tau = 0.

    K(p) = eta/2 - a(p), a = (eta/2) / zeta(1+beta) (pi/(1+beta)) / sin(pi theta) X^-theta at p = 1/alpha, with
    theta = beta/(1+beta): so 1/(1 - K) is a series in a/(1 - eta/2), of which the law has the first term that counts.
    Ratios of gamma functions that come with it in time are at most 1 here.
    """
    s, theta = lib.power_law(beta, 10**5), beta / (1 + beta)
    first, last = lib.linear.power_law_window(s, eta)
    alpha = np.geomspace(np.sqrt(first * last) / 30, np.sqrt(first * last) * 30, 4)
    term = 0.5 * eta / zeta(1 + beta) * np.pi / (1 + beta) / np.sin(np.pi * theta) * (alpha / first) ** -theta
    term /= 1 - 0.5 * eta
    for sigma_J in (0.0, 0.2):
        law = lib.linear.power_law_error(s, eta, alpha, sigma_J, tau=tau) - lib.linear.offset(s, eta, sigma_J, tau=tau)
        exact = lib.linear.generalization_error(s, eta, alpha, sigma_J, strength=lib.source(s, tau))
        assert np.all(np.abs(law / exact - 1) < 2 * term + 1e-3)  # twice: the terms beyond, of a term of 1/2


def test_law_at_the_boundary_has_both_terms():
    """At tau = 1 + beta, where e_k(0) ~ lambda_k, signal and forgotten noise have one power."""
    s, eta = lib.power_law(1.0, 10**5), 0.5
    first, last = lib.linear.power_law_window(s, eta)
    alpha = np.sqrt(first * last)
    exact = lib.linear.generalization_error(s, eta, alpha, strength=lib.source(s, 2.0))[0]
    law = lib.linear.power_law_error(s, eta, alpha, tau=2.0)[0] - lib.linear.offset(s, eta, tau=2.0)
    # the next term is the square of K's own tail: X^-1/2 relative, X = 10^5, with a prefactor of order one
    assert law == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize("tau", [-0.5, 0.5, 1.0, 3.0])
def test_incomplete_gamma_form_of_a_source(tau):
    """The midpoint rule over ranks, as for equal strengths: off by some X^-2/(1+beta) inside the window."""
    s = lib.power_law(1.0, 1000)
    first, last = lib.linear.power_law_window(s, 0.01)
    alpha = np.geomspace(10 * first, last, 40)
    exact = lib.linear.small_eta_error(s, 0.01, alpha, 0.3, strength=lib.source(s, tau))
    form = lib.linear.incomplete_gamma_error(s, 0.01, alpha, 0.3, tau=tau)
    x = alpha / first
    # the curvature at the peak grows with the power of k: (beta + tau + 1)(beta + tau + 2)/24 of it
    assert np.all(np.abs(form / exact - 1) < (0.5 + (2 + tau) * (3 + tau) / 24) / x + 1e-6)


@pytest.mark.parametrize("beta, tau", [(1.0, 0.5), (0.5, 0.4), (1.0, -0.5)])
def test_best_rate_of_a_source(beta, tau):
    """2 s/(1 + s), s = (beta + tau)/(1 + beta) < 1, up to noise that comes back; and lower than all rates beside it."""
    s = lib.power_law(beta, 1000)
    first, last = lib.linear.power_law_window(s, 1.0)
    alpha, strength = np.array([np.sqrt(first * last)]), lib.source(s, tau)
    best = lib.linear.optimal_eta(s, alpha, strength=strength)[0]
    grid = np.append(np.linspace(0.01, 1.95, 400), best)
    errors = [lib.linear.generalization_error(s, eta, alpha, strength=strength)[0] for eta in grid]
    assert errors[-1] <= min(errors) * (1 + 1e-12)
    low, high = lib.linear.small_eta_error(s, best, [0.999 * alpha[0], 1.001 * alpha[0]], strength=strength)
    local = -np.log(high / low) / np.log(1.001 / 0.999)
    X = alpha[0] / first
    assert best == pytest.approx(2 * local / (1 + local), rel=0.5 * X ** (-beta / (1 + beta)) + 1e-3)
    if tau > 0:  # where the missing levels do not count at the middle of the window
        assert local == pytest.approx(lib.linear.exponent(beta, tau), rel=0.1)
    many = lib.linear.optimal_eta(s, alpha, 3, 2, strength, 0.3)
    one = lib.linear.optimal_eta(s, alpha, 1, 1, strength, 0.3 * np.sqrt(2 / 3))
    assert many[0] == pytest.approx(1.5 * one[0], rel=1e-5)


@pytest.mark.parametrize("kind", ["random", "every seventh", "last"])
def test_many_levels_of_any_strengths_are_condensed(kind, monkeypatch):
    """Against all levels one by one: the nodes carry any starts, smooth in lambda or not."""
    s, rank = lib.power_law(1.0, 1500), np.arange(1500)
    strength = {
        "random": np.random.default_rng(1).random(1500),
        "every seventh": np.where(rank % 7 == 0, 1.0, 0.0),
        "last": np.where(rank > 1000, 1.0, 0.0),
    }[kind]
    first, last = lib.linear.power_law_window(s, 0.5)
    alpha = np.geomspace(first, 20 * last, 9)
    found = lib.linear.generalization_error(s, 0.5, alpha, 0.1, strength=strength)
    monkeypatch.setattr(lib.linear, "MAX_LEVELS", 1500)
    all_levels = lib.linear.generalization_error(s, 0.5, alpha, 0.1, strength=strength)
    # the polynomials left out begin at 16: exp(-z x), x in a panel of relative width 1, misses I_16(z/2) e^-z/2 of its
    # value, at most 1e-11 where the panel is still of weight
    np.testing.assert_allclose(found, all_levels, rtol=1e-11)


@pytest.mark.parametrize("strength", [[1.0, 1.0], [1.0, -1.0, 1.0, 1.0], [1.0, np.inf, 1.0, 1.0], [0.0] * 4])
def test_strengths_that_are_none_are_refused(strength):
    s, gaussian = lib.power_law(1.0, 4), np.eye(4)
    for call in (
        lambda: lib.linear.generalization_error(s, 0.5, 1.0, strength=strength),
        lambda: lib.linear.small_eta_error(s, 0.5, 1.0, strength=strength),
        lambda: lib.linear.finite_size_error(s, 8, 0.5, 1.0, strength=strength),
        lambda: lib.linear.measured_error(s, gaussian, 0.5, 1.0, strength=strength),
        lambda: lib.linear.scheduled_error(s, lambda a: 0.5, 1.0, strength=strength),
        lambda: lib.linear.optimal_eta(s, 1.0, strength=strength),
    ):
        with pytest.raises(ValueError, match=r"^strength\b"):
            call()


@pytest.mark.parametrize("tau", [-1.0, -2.0, np.nan, np.inf, "1"])
def test_sources_without_a_law_are_refused(tau):
    s = lib.power_law(1.0, 4)
    for call in (
        lambda: lib.linear.exponent(1.0, tau),
        lambda: lib.linear.power_law_error(s, 0.5, 1.0, tau=tau),
        lambda: lib.linear.incomplete_gamma_error(s, 0.5, 1.0, tau=tau),
        lambda: lib.linear.offset(s, 0.5, tau=tau),
        lambda: lib.features.compute_exponents(1.0, tau),
    ):
        with pytest.raises(ValueError, match=r"^tau = .*> -1$"):
            call()


# --- A rate that changes, and label noise -------------------------------------------------------------


@pytest.mark.parametrize("eta", [0.02, 0.5, 1.9])
@pytest.mark.parametrize("levels", [1, 40, 2000])
def test_a_constant_schedule_is_the_closed_form(levels, eta):
    s = lib.power_law(1.0, levels)
    alpha = np.concatenate([[0.0], np.geomspace(1e-3, 10 / (eta * (2 - eta) * s.eigenvalues[-1]), 9)])
    found = lib.linear.scheduled_error(s, lambda time: eta, alpha, 0.0, 0.5, 3, 2)
    expected = lib.linear.generalization_error(s, eta, alpha, 0.5, 3, 2)
    # 1e-6 a step; the curve falls by e^-10 and more, and an error of the slowest rate counts as often as it has fallen
    # by e
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_stepped_schedule_is_a_product_of_matrix_exponentials():
    """Two rates, with label noise: the flow with its source as one more row of the matrix."""
    rng = np.random.default_rng(3)
    s = lib.Spectrum(rng.lognormal(sigma=1.5, size=9), rng.random(9) + 0.1)
    lam, w, noise = s.eigenvalues, s.weights, 0.3

    def flow(eta):
        matrix = np.zeros((10, 10))
        matrix[:9, :9] = -2 * eta * np.diag(lam) + eta**2 * np.outer(lam, w * lam)
        matrix[:9, 9] = eta**2 * lam * noise
        return matrix

    start = np.append(np.full(9, 1.25), 1.0)
    after = [expm(flow(1.2) * 2.0) @ start]
    after += [expm(flow(0.1) * t) @ after[0] for t in (0.5, 20.0)]
    expected = [0.5 * (w * lam) @ state[:9] for state in after]

    def schedule(time):
        return 1.2 if time < 2.0 else 0.1

    found = lib.linear.scheduled_error(s, schedule, [2.0, 2.5, 22.0], noise, 0.5)
    np.testing.assert_allclose(found, expected, rtol=3e-6)  # 1e-6 a step
    # a jump that no time marks is found
    np.testing.assert_allclose(
        lib.linear.scheduled_error(s, schedule, [2.5, 22.0], noise, 0.5), expected[1:], rtol=3e-6
    )


@pytest.mark.parametrize("decay", [0.3, 1.0])
def test_a_falling_rate_with_label_noise_against_another_integrator(decay):
    """lib.mitigation integrates logarithms of e_k by LSODA to 1e-9."""
    s, alpha = lib.power_law(0.5, 30), [0.3, 3.0, 300.0]
    found = lib.linear.scheduled_error(s, lambda time: 0.8 * (1 + time / 5) ** -decay, alpha, 0.1, 0.3)
    np.testing.assert_allclose(found, lib.mitigation.scheduled_error(s, 0.8, alpha, decay, 5.0, 0.1, 0.3), rtol=3e-6)


def test_a_schedule_with_label_noise_against_sgd():
    """Hold, then decay to zero: 200 runs of the weights themselves, drawn here."""
    s, N, T, noise, runs = lib.power_law(1.0, 4), 200, 10.0, 0.5, 200

    def schedule(time):
        return 0.8 * min(1.0, 2.0 * (1.0 - time / T))

    root, rng = np.sqrt(np.repeat(s.eigenvalues, N // 4)), np.random.default_rng(0)
    difference = rng.standard_normal((runs, N))  # J - B with J = 0
    for step in range(int(T * N)):
        xi = rng.standard_normal((runs, N)) * root
        miss = np.sqrt(noise) * rng.standard_normal(runs) - np.einsum("ij,ij->i", difference, xi) / np.sqrt(N)
        difference += schedule((step + 0.5) / N) / np.sqrt(N) * miss[:, None] * xi
    errors = 0.5 * np.mean((difference * root) ** 2, axis=1)
    theory = lib.linear.scheduled_error(s, schedule, T, noise)[0]
    error = errors.std(ddof=1) / np.sqrt(runs)
    constant = lib.linear.scheduled_error(s, lambda time: 0.6, T, noise)[0]
    assert error < 0.02 * theory and constant > 2 * theory
    # 1/N adds eta lambda_1/(2N) of the noise, below 0.5 per cent where it is made; four standard errors
    assert abs(errors.mean() - theory) < 4 * error + 0.005 * theory


@pytest.mark.parametrize("beta, power, law", [(0.5, 3, 1 / 3), (1.0, 3, 1 / 2), (2.0, 1, 1 / 2)])
def test_hold_then_decay_under_label_noise(beta, power, law):
    """min(s, m/(1 + m)), s = beta/(1 + beta), for a rate that decays with power m; a constant rate has s/(1 + s)."""
    s = lib.power_law(beta, 10**5)
    first, last = lib.linear.power_law_window(s, 1.0)
    budgets = np.geomspace(1e4 * first, min(1e6 * first, 0.01 * last), 3)
    ends = [
        lib.linear.scheduled_error(s, lambda time: min(1.0, (2 * (1 - time / T)) ** power), T, 1.0, rtol=1e-4)[0]
        + lib.linear.offset(s, 1e-12)
        for T in budgets
    ]
    slope = -np.polyfit(np.log(budgets), np.log(ends), 1)[0]
    # the part of the noise that has the other of the two exponents: X^-1/4 and less of the rest at X = 10^4, and its
    # slope
    assert abs(slope - law) < 0.015 < law - beta / (1 + 2 * beta)


BAD = [
    (lambda s: lib.linear.scheduled_error(s, 0.1, [1]), "eta_of_alpha"),
    (lambda s: lib.linear.scheduled_error(s, lambda time: -1.0, [1]), "eta_of_alpha"),
    (lambda s: lib.linear.scheduled_error(s, lambda time: np.nan, [1]), "eta_of_alpha"),
    (lambda s: lib.linear.scheduled_error(s, lambda time: 0.1, [2, 1]), "alpha"),
    (lambda s: lib.linear.scheduled_error(s, lambda time: 0.1, [1], -0.1), "noise"),
    (lambda s: lib.linear.scheduled_error(s, lambda time: 0.1, [1], rtol=0), "rtol"),
    (lambda s: lib.linear.measured_error(s, np.ones((3, 3)), 0.1, [1]), "fourth_moments"),
    (lambda s: lib.linear.critical_eta(s, fourth_moments=np.triu(np.ones((4, 4)))), "fourth_moments"),
    (lambda s: lib.linear.exponent(0), "beta"),
    (lambda s: lib.linear.generalization_error(s, 0, [1]), "eta"),
    (lambda s: lib.linear.generalization_error(s, np.nan, [1]), "eta"),
    (lambda s: lib.linear.generalization_error(s, 0.5, []), "alpha"),
    (lambda s: lib.linear.generalization_error(s, 0.5, [2, 1]), "alpha"),
    (lambda s: lib.linear.generalization_error(s, 0.5, [-1]), "alpha"),
    (lambda s: lib.linear.generalization_error(s, 0.5, [1], -1), "sigma_J"),
    (lambda s: lib.linear.power_law_error(s, 2.0, [1]), "eta"),
    (lambda s: lib.linear.offset(s, 2.5), "eta"),
    (lambda s: lib.linear.incomplete_gamma_error(s, 0.1, [0, 1]), "alpha"),
    (lambda s: lib.linear.incomplete_gamma_error(lib.Spectrum([2, 1]), 0.1, [1]), "spectrum"),
    (lambda s: lib.linear.finite_size_error(s, 5, 0.1, [1]), "N"),
    (lambda s: lib.linear.critical_eta(s, 0), "students"),
    (lambda s: lib.linear.generalization_error(s, 0.1, [1], students=0), "students"),
    (lambda s: lib.linear.small_eta_error(s, 0.1, [1], teachers=1.5), "teachers"),
    (lambda s: lib.linear.power_law_error(s, 1.0, [1], teachers=2), "eta"),
    (lambda s: lib.linear.power_law_window(s, 0.0), "eta"),
    (lambda s: lib.linear.optimal_eta(s, [0.0, 1.0]), "alpha"),
    (lambda s: lib.linear.optimal_eta(s, [1.0], students=0), "students"),
]


def test_a_schedule_beyond_the_critical_rate_diverges():
    s = lib.power_law(1.0, 4)
    with pytest.raises(lib.DivergenceError):
        lib.linear.scheduled_error(s, lambda time: 2.5, 1e4)
    # a rate that is too large for a while only is no divergence
    assert lib.linear.scheduled_error(s, lambda time: 3.0 if time < 1 else 1.0, [1.0, 60.0])[1] < 1e-3


@pytest.mark.parametrize("call, argument", BAD)
def test_bad_input_is_named(call, argument):
    with pytest.raises(ValueError, match=rf"^{argument}\b"):
        call(lib.power_law(1.0, 4))


@pytest.mark.parametrize("beta", [0.05, 1.0, 3.0])
def test_near_the_critical_rate(beta):
    """Against the matrix of the flow, diagonalised with 50 digits; its spectrum has mean 1 with 50 digits, too."""
    s = lib.power_law(beta, 10)
    with mpmath.workdps(50):
        level = [mpmath.mpf(float(x)) for x in s.eigenvalues]
        level = [10 * x / mpmath.fsum(level) for x in level]
        for gap in (0.5, 1e-3, 1e-9, 1e-12):
            eta = mpmath.mpf(2.0 * (1.0 - gap))
            A = mpmath.matrix([[eta**2 * x * y / 10 for y in level] for x in level])
            for k, x in enumerate(level):
                A[k, k] -= 2 * eta * x
            rates, basis = mpmath.eigsy(A)
            alpha = np.geomspace(1e-3, 30 / gap, 12)
            parts = [mpmath.fsum(basis[:, k]) * mpmath.fdot(level, basis[:, k]) / 20 for k in range(10)]
            exact = np.array([float(mpmath.fdot(parts, [mpmath.exp(rate * a) for rate in rates])) for a in alpha])
            # as generalization_error says of itself, with five roundings in each of its sums
            bound = 5e-15 * (1 + np.log(0.5 / exact)) / (gap + s.eigenvalues[-1] / 10)
            found = lib.linear.generalization_error(s, float(eta), alpha)
            assert np.all(np.abs(found / exact - 1) < bound)
            # rounding of rates must not grow with 1/gap: it would be a hundred times this at 1e-9
            assert np.all(np.abs(found / exact - 1) < 1e-9)


# --- Many levels --------------------------------------------------------------------------------------


@pytest.mark.parametrize("eta", [0.01, 1.0, 1.999])
@pytest.mark.parametrize("beta", [0.05, 1.0, 3.0])
def test_condensed_levels_have_the_same_curve(monkeypatch, beta, eta):
    s = lib.power_law(beta, 1500)
    first, last = lib.linear.power_law_window(s, eta)
    alpha = np.geomspace(0.01 * first, 600.0 * last, 40)  # nearly as far down as doubles go
    exact = lib.linear.generalization_error(s, eta, alpha, 0.5)
    monkeypatch.setattr(lib.linear, "MAX_LEVELS", 100)
    assert lib.linear.condensed(s)[0].size < 700
    condensed = lib.linear.generalization_error(s, eta, alpha, 0.5)
    assert exact[-1] < 1e-240 or eta > 1.9  # near the critical rate one mode is slower than every level
    # amplitudes and the slowest rate go as 1/(1 - eta/2) and 1 - eta/2, known to the rounding of a sum over levels,
    # some ten times 2e-16; the rate's error counts as often as the curve has fallen by e
    bound = 5e-15 / (1.0 - 0.5 * eta) * (1.0 + np.log(exact[0] / exact))
    assert np.all(np.abs(condensed / exact - 1.0) < bound)


@pytest.mark.parametrize(
    "eigenvalues",
    [
        np.repeat([5.0, 1.0, 0.2], [1, 60, 200]),  # panels of one place
        np.concatenate([[30.0], 1.0 + 1e-12 * np.arange(400)[::-1]]),  # and of many, all but equal
        np.exp(np.random.default_rng(0).normal(0.0, 3.0, 500)),  # no law at all
    ],
)
def test_condensed_levels_of_any_spectrum(monkeypatch, eigenvalues):
    rng = np.random.default_rng(1)
    s = lib.Spectrum(np.sort(eigenvalues)[::-1], rng.uniform(0.5, 1.5, eigenvalues.size))
    alpha = np.geomspace(1e-3, 300.0 / s.eigenvalues[-1], 40)
    exact = lib.linear.generalization_error(s, 0.7, alpha)
    monkeypatch.setattr(lib.linear, "MAX_LEVELS", 100)
    nodes, weights = lib.linear.condensed(s)
    assert nodes.size < s.levels and np.all(weights > 0) and np.all(np.diff(nodes) < 0)
    np.testing.assert_allclose(lib.linear.generalization_error(s, 0.7, alpha), exact, rtol=1e-12)


def test_a_million_levels_against_their_flow():
    L = 10**6
    s = lib.power_law(1.0, L)
    alpha = np.geomspace(1e-2, 1e8, 30)
    zero = np.zeros((L, 1, 1))
    flow = lib.solve(
        lib.StudentTeacher(s, 1, 1, "linear"),
        lib.Overlaps(zero, zero, zero + 1.0),
        0.7,
        alpha,
        rtol=1e-10,
        blocks=False,
    )
    # 1e-10 is asked of every step of some hundred; the flow's eps_g is a difference of overlaps of order one
    np.testing.assert_allclose(lib.linear.generalization_error(s, 0.7, alpha), flow.eps_g, rtol=1e-7, atol=1e-14)
    start = time.process_time()
    best = lib.linear.optimal_eta(s, 1.0)
    assert time.process_time() - start < 1.0  # 0.2 s on a quiet machine; 3 s with rules of full accuracy
    # deep in the window, 1e-6 to 1e6, it is 2 beta/(1 + 2 beta), but for 1e-3 / 2 by noise that comes back and 1e-3
    # by the finite-L constant, the square roots of the distances from both ends
    assert best == pytest.approx(2.0 / 3.0, rel=1.5e-3)


@pytest.mark.parametrize("beta", [0.05, 1.0, 3.0])
def test_optimal_rate_on_condensed_levels(monkeypatch, beta):
    """The rules of ten points give the rate to 1e-6, as promised; to 1e-5 of its distance from 2, too."""
    s = lib.power_law(beta, 300)
    first, last = lib.linear.power_law_window(s, 1.0)
    alpha = np.geomspace(first, 10 * last, 5)
    fast = lib.linear.optimal_eta(s, alpha)
    monkeypatch.setattr(lib.linear, "OPTIMUM_LEVELS", 300)
    exact = lib.linear.optimal_eta(s, alpha)
    np.testing.assert_allclose(fast, exact, rtol=2e-6)
    np.testing.assert_allclose(2 - fast, 2 - exact, rtol=2e-5)
