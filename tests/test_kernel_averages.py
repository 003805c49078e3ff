"""Averages over the Gaussian fields, each against quadrature or Monte Carlo, and the flow's coefficients."""

import numpy as np
import pytest

from lib.averages import activation, quadrature
from lib.kernels import averages

SAMPLES = 400_000


def random_covariance(rng, size):
    A = rng.normal(size=(size, size))
    return A @ A.T / size + 0.1 * np.eye(size)


g, slope = activation("erf")


def converged(C, function, nodes):
    """The quadrature and ten times its own error estimate: a bound, checked to be small."""
    value, error = quadrature(C, function, nodes)
    bound = 10 * error + 1e-12
    assert bound < 1e-4  # else the comparison says nothing
    return value, bound


@pytest.mark.parametrize("seed", range(4))
def test_pair_average(seed):
    C = random_covariance(np.random.default_rng(seed), 2)
    expected, bound = converged(C, lambda a, b: g(a) * g(b), nodes=64)
    assert averages.pair_average(C, 0, 1) == pytest.approx(expected, abs=bound)


@pytest.mark.parametrize("seed", range(4))
def test_four_average(seed):
    C = random_covariance(np.random.default_rng(seed), 4)
    expected, bound = converged(C, lambda a, b, c, d: slope(a) * slope(b) * g(c) * g(d), nodes=40)
    assert averages.four_average(C, 0, 1, 2, 3) == pytest.approx(expected, abs=bound)


@pytest.mark.parametrize("i, j, a, b", [(0, 0, 0, 0), (0, 0, 1, 1), (0, 1, 0, 1), (0, 1, 1, 1), (0, 0, 0, 1)])
def test_four_average_with_repeated_fields(i, j, a, b):
    C = random_covariance(np.random.default_rng(5), 2)
    expected, bound = converged(C, lambda *u: slope(u[i]) * slope(u[j]) * g(u[a]) * g(u[b]), nodes=64)
    assert averages.four_average(C, i, j, a, b) == pytest.approx(expected, abs=bound)


@pytest.mark.parametrize("activity", [averages.ERF, averages.LINEAR])
@pytest.mark.parametrize("K, M", [(1, 1), (2, 3), (3, 2)])
def test_error_and_coefficients_against_samples(activity, K, M):
    """eps_g, D = <delta_i u> C^-1 and G = <delta_i delta_j> from their definitions."""
    rng = np.random.default_rng(K * 10 + M)
    C = random_covariance(rng, K + M)
    v, u = np.sqrt(M) / K, 1 / np.sqrt(M)
    fieldsample = rng.normal(size=(SAMPLES, K + M)) @ np.linalg.cholesky(C).T
    x, y = fieldsample[:, :K], fieldsample[:, K:]
    act, der = (g, slope) if activity == averages.ERF else (lambda z: z, np.ones_like)
    error = u * act(y).sum(axis=1) - v * act(x).sum(axis=1)
    delta = v * der(x) * error[:, None]

    assert_mean(0.5 * error**2, averages.generalization_error(C, K, v, u, activity))
    D, G = np.empty((K, K + M)), np.empty((K, K))
    averages.coefficients(C, K, v, u, activity, D, G)
    for i in range(K):
        for a in range(K + M):
            assert_mean(delta[:, i] * fieldsample[:, a], (D @ C)[i, a])
        for j in range(K):
            assert_mean(delta[:, i] * delta[:, j], G[i, j])


def assert_mean(samples, expected):
    """The mean of the samples is ``expected`` within 5 standard errors: with about 100 comparisons in this file
    a false alarm has probability below 1e-4, and the seeds are fixed anyway."""
    assert abs(samples.mean() - expected) < 5 * samples.std() / np.sqrt(samples.size)
