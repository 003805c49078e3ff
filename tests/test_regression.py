"""Regression on fixed data: the self-consistent theory against linear algebra, limits, and regressions done."""

import mpmath
import numpy as np
import pytest

import lib
from lib import regression

ALPHA = np.array([1e-5, 1e-3, 0.05, 0.5, 0.999])


@pytest.mark.parametrize("beta", [0.05, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("levels", [1, 7, 1000, 10**6])
@pytest.mark.parametrize("ridge", [0.0, 1e-8, 0.3])
def test_effective_ridge_solves_its_equation(beta, levels, ridge):
    s = lib.power_law(beta, levels)
    alpha = np.concatenate([ALPHA, [1.0, 7.0]]) if ridge else ALPHA
    kappa = regression.effective_ridge(s, alpha, ridge)
    assert np.all(np.diff(kappa) < 0)
    for a, x in zip(alpha, kappa):
        left = np.sum(s.weights * s.eigenvalues / (s.eigenvalues + x)) + ridge / x
        assert left == pytest.approx(a, rel=1e-11)  # plain sums of 10^6 terms


def test_effective_ridge_of_one_level_and_of_fifty_digits():
    """L = 1 without a ridge: 1/(1 + kappa) = alpha. And a root search in fifty digits for widely spread levels."""
    np.testing.assert_allclose(regression.effective_ridge(lib.power_law(1.0, 1), ALPHA), 1 / ALPHA - 1, rtol=1e-12)
    s = lib.power_law(3.0, 40)
    with mpmath.workdps(50):
        lam = [mpmath.mpf(float(x)) for x in s.eigenvalues]
        for a, x in zip(ALPHA, regression.effective_ridge(s, ALPHA)):
            root = mpmath.findroot(
                lambda u: sum(l / (l + mpmath.exp(u)) for l in lam) / 40 - mpmath.mpf(float(a)), np.log(x)
            )
            # kappa is as sensitive to the last digit of alpha as 1/(1 - alpha)
            assert x == pytest.approx(float(mpmath.exp(root)), rel=1e-14 / (1 - a))


def test_no_noise_no_ridge_is_alpha_kappa_and_the_best_ridge_is_the_noise():
    s = lib.power_law(0.7, 50)
    np.testing.assert_allclose(
        regression.error(s, ALPHA), 0.5 * ALPHA * regression.effective_ridge(s, ALPHA), rtol=1e-12
    )
    alpha, noise = np.array([0.01, 0.3, 1.0, 4.0]), 0.2
    best = regression.error(s, alpha, noise, noise)
    kappa = regression.effective_ridge(s, alpha, noise)
    np.testing.assert_allclose(2 * best + noise, alpha * kappa, rtol=1e-12)
    for ridge in (0.0, 0.19, 0.21, 2.0):
        assert np.all(regression.error(s, alpha, ridge, noise) > best)


def test_many_examples_without_ridge():
    """Least squares: noise / (alpha - 1), whatever the spectrum; nothing left without noise; infinite at alpha = 1."""
    s = lib.power_law(1.0, 5)
    np.testing.assert_allclose(regression.error(s, [1.0, 3.0], noise=0.4), [np.inf, 0.1])
    np.testing.assert_array_equal(regression.error(s, [1.0, 3.0]), 0)
    assert regression.error(s, [3.0], ridge=1e-9, noise=0.4)[0] == pytest.approx(0.1, rel=1e-7)


@pytest.mark.parametrize("beta", [0.05, 0.25, 1.0, 2.0])
def test_power_law_less_its_constant(beta):
    """For 1/L << alpha << 1, to second order of the constant and to the Euler-Maclaurin term behind l + 1/2."""
    s = lib.power_law(beta, 10**6)
    alpha = np.geomspace(1e-5, 1e-3, 5)
    curve = regression.error(s, alpha) + (1 + beta) * lib.linear.offset(s, 1e-12)
    law = regression.power_law_error(s, alpha)
    shift = (1 + beta) * lib.linear.offset(s, 1e-12) / law  # what the constant is relative to the law
    assert np.all(np.abs(curve / law - 1) < shift**2 + 0.1 * (alpha * 10**6) ** -(1 + beta) + 1e-6)


@pytest.mark.parametrize("ridge, noise", [(0.0, 0.0), (0.1, 0.1), (0.02, 0.3)])
@pytest.mark.parametrize("examples", [12, 60, 200])
def test_theory_against_regressions(ridge, noise, examples):
    s = lib.power_law(1.0, 32)
    done = regression.experiment(s, 256, examples, ridge=ridge, noise=noise, seeds=40)
    expected = regression.error(s, examples / 256, ridge, noise)[0]
    error = done.std(ddof=1) / np.sqrt(40)
    assert error < 0.1 * expected
    # four standard errors; the deterministic equivalent is exact to O(1/P)
    assert abs(done.mean() - expected) < 4 * error + expected / examples


@pytest.mark.parametrize("ridge, noise", [(0.0, 0.0), (0.02, 0.1)])
@pytest.mark.parametrize("examples", [12, 60, 200])
@pytest.mark.parametrize("tau", [-0.5, 2.0])
def test_theory_of_a_source_against_regressions(tau, ridge, noise, examples):
    s = lib.power_law(1.0, 32)
    strength = lib.source(s, tau)
    done = regression.experiment(s, 256, examples, ridge=ridge, noise=noise, seeds=80, strength=strength)
    expected = regression.error(s, examples / 256, ridge, noise, strength)[0]
    error = done.std(ddof=1) / np.sqrt(80)
    assert error < 0.2 * expected
    # four standard errors; the deterministic equivalent is exact to O(1/P)
    assert abs(done.mean() - expected) < 4 * error + expected / examples


@pytest.mark.parametrize("tau, slope", [(0.5, 1.5), (2.0, 3.0), (5.0, 4.0)])
def test_kernel_exponent_of_a_source_saturates(tau, slope):
    """eps_g ~ P^-min(beta + tau, 2 (1 + beta)): of what is unlearned, or of kappa^2 in what is learned."""
    s = lib.power_law(1.0, 10**5)
    alpha = np.array([3e-3, 3e-2])  # 300 and 3000 examples in units of a level: next terms of relative 1/300
    error = regression.error(s, alpha, strength=lib.source(s, tau))
    assert -np.diff(np.log(error))[0] / np.log(10) == pytest.approx(slope, abs=0.02)


def test_strengths_of_one_are_no_strengths():
    s, alpha = lib.power_law(0.7, 50), [0.01, 0.3, 1.0, 4.0]
    for ridge, noise in ((0.0, 0.0), (0.1, 0.2)):
        given = regression.error(s, alpha, ridge, noise, lib.source(s, 0.0))
        np.testing.assert_array_equal(given, regression.error(s, alpha, ridge, noise))


@pytest.mark.parametrize("examples, features", [(30, 90), (90, 30), (20, 256), (200, 60)])
def test_random_features_against_regressions(examples, features):
    s = lib.power_law(1.0, 32)
    done = regression.experiment(s, 256, examples, features, seeds=40)
    expected = regression.random_feature_error(s, examples / 256, features / 256)[0]
    error = done.std(ddof=1) / np.sqrt(40)
    assert error < 0.1 * expected
    assert abs(done.mean() - expected) < 4 * error + 3 * expected / min(examples, features)


def test_random_features_limits():
    s, alpha = lib.power_law(1.0, 32), np.array([0.01, 0.1, 0.5])
    np.testing.assert_allclose(regression.random_feature_error(s, alpha, np.inf), regression.error(s, alpha))
    np.testing.assert_allclose(regression.random_feature_error(s, alpha, 1e9), regression.error(s, alpha), rtol=1e-8)
    # examples and features may change places
    swapped = [regression.random_feature_error(s, 0.2, a)[0] for a in alpha]
    np.testing.assert_allclose(regression.random_feature_error(s, alpha, 0.2), swapped, rtol=1e-14)
    assert regression.random_feature_error(s, [0.2], 0.2)[0] == np.inf
    assert regression.random_feature_error(s, [5.0], 3.0)[0] == 0


def test_gradient_flow_on_examples_goes_from_the_flow_of_the_network_to_the_regression():
    s = lib.power_law(1.0, 16)
    late = regression.experiment(s, 64, 24, time=1e9, seeds=3)
    np.testing.assert_allclose(late, regression.experiment(s, 64, 24, seeds=3), rtol=1e-6)
    early = regression.experiment(s, 64, 6400, time=0.5, seeds=20)
    expected = lib.linear.small_eta_error(s, 0.01, 50.0)[0]
    # P = 100 N: the sample covariance is off by sqrt(N/P) = 10 % in every direction, its mean by 1 %
    assert early.mean() == pytest.approx(expected, abs=4 * early.std() / np.sqrt(20) + 0.02 * expected)


@pytest.mark.parametrize("alpha", [0.3, 0.9, 3.0])
def test_gradient_flow_on_isotropic_examples_is_an_integral_over_the_law_of_marchenko_and_pastur(alpha):
    time = np.array([1e-3, 0.1, 1.0, 30.0, 1e4])
    low, high = (1 - alpha**-0.5) ** 2, (1 + alpha**-0.5) ** 2
    angle = (np.arange(200_000) + 0.5) * np.pi / 200_000
    x = 0.5 * (low + high) - 0.5 * (high - low) * np.cos(angle)
    density = alpha / (2 * np.pi * x) * (0.5 * (high - low) * np.sin(angle)) ** 2 * np.pi / 200_000
    expected = 0.5 * (np.exp(-2 * np.outer(time, x)) @ density + max(1 - alpha, 0))
    assert density.sum() == pytest.approx(min(1.0, alpha), abs=1e-6)
    found = regression.gradient_flow_error(lib.power_law(1.0, 1), alpha, time)
    np.testing.assert_allclose(
        found, expected, rtol=1e-6, atol=1e-9
    )  # rounding, 1e-16, times exp(0.4 TALBOT) and some ten


def test_gradient_flow_on_many_examples_and_after_a_long_time():
    s, time = lib.power_law(0.5, 100), np.geomspace(1e-3, 10, 8)
    many = regression.gradient_flow_error(s, 1e8, time)
    np.testing.assert_allclose(
        many, lib.linear.small_eta_error(s, 1.0, time), rtol=1e-6
    )  # 1/alpha times the largest rate's share
    assert regression.gradient_flow_error(s, 0.3, 1e9)[0] == pytest.approx(regression.error(s, 0.3)[0], rel=1e-6)
    start = regression.gradient_flow_error(s, 0.3, 1e-9)[0]
    assert start == pytest.approx(0.5, rel=1e-6)


@pytest.mark.parametrize("P", [48, 150])
def test_gradient_flow_on_kept_examples_against_linear_algebra(P):
    s, time = lib.power_law(1.0, 64), [0.02, 0.5, 20.0]
    runs = regression.experiment(s, 256, P, time=time, seeds=100)
    assert np.array_equal(runs[:3, 1], regression.experiment(s, 256, P, time=time[1], seeds=3))
    mean, error = runs.mean(axis=0), runs.std(axis=0, ddof=1) / 10
    theory = regression.gradient_flow_error(s, P / 256, time)
    assert np.all(error < 0.05 * mean)
    assert np.all(np.abs(mean - theory) < 4 * error + theory / P)  # the deterministic equivalent errs by O(1/P)
    # neither limit alone would do at the middle time
    assert abs(mean[1] - lib.linear.small_eta_error(s, 1.0, 0.5)[0]) > 8 * error[1]


@pytest.mark.filterwarnings("error")
def test_as_many_features_as_examples():
    assert list(regression.random_feature_error(lib.power_law(1.0, 4), [0.5, 1.0], 1.0)[1:]) == [0.0]
    assert list(regression.random_feature_error(lib.power_law(1.0, 4), [0.5], 0.5)) == [np.inf]


BAD = [
    (lambda s: regression.error(s, [0.0, 1.0]), "alpha"),
    (lambda s: regression.error(s, [1.0, 0.5]), "alpha"),
    (lambda s: regression.error(s, [0.5], ridge=-1), "ridge"),
    (lambda s: regression.error(s, [0.5], noise=np.nan), "noise"),
    (lambda s: regression.error(s, [0.5], strength=[1.0]), "strength"),
    (lambda s: regression.experiment(s, 8, 3, strength=[1.0]), "strength"),
    (lambda s: regression.random_feature_error(s, [0.5], 0), "features"),
    (lambda s: regression.gradient_flow_error(s, 0.0, [1.0]), "alpha"),
    (lambda s: regression.gradient_flow_error(s, 0.5, [0.0, 1.0]), "time"),
    (lambda s: regression.power_law_error(lib.Spectrum([2, 1]), [0.5]), "spectrum"),
    (lambda s: regression.experiment(s, 6, 3), "N"),
    (lambda s: regression.experiment(s, 8, 0), "examples"),
    (lambda s: regression.experiment(s, 8, 3, features=0), "features"),
    (lambda s: regression.experiment(s, 8, 3, ridge=0.1, time=1.0), "time"),
    (lambda s: regression.experiment(s, 8, 3, time=-1.0), "time"),
    (lambda s: regression.experiment(s, 8, 3, time=[2.0, 1.0]), "time"),
]


@pytest.mark.parametrize("call, argument", BAD)
def test_bad_input_is_named(call, argument):
    with pytest.raises(ValueError, match=rf"^{argument}\b"):
        call(lib.power_law(1.0, 4))
