"""The counter-based generator: law, independence of streams, and the same bits however it is called."""

import numpy as np
import pytest
from scipy import stats

from lib.compiler.jit import kernel
from lib.maths.rng import _log_unit, fill_normals, stream_key, uniform

# All seeds are fixed, so a test here passes or fails for good; the levels say how surprising a failure is.
LEVEL = 1e-4


def draws(seed, stream, n, start=0):
    out = np.empty(n)
    fill_normals(np.uint64(stream_key(seed, stream)), start, out)
    return out


def test_normals_have_the_normal_law():
    x = draws(3, 2, 2_000_000)
    assert stats.kstest(x, "norm").pvalue > LEVEL
    # moments: k-th central moment of n normals has variance (m_2k - m_k^2)/n; 4 sigma
    n = x.size
    for k, mean, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96), (6, 15, 10170)):
        assert abs(np.mean(x**k) - mean) < 4 * np.sqrt(variance / n)


def test_the_tail_reaches_beyond_six_sigma_at_the_right_rate():
    x = np.abs(np.concatenate([draws(seed, 0, 4_000_000) for seed in range(10)]))
    for threshold in (4.0, 5.0):
        expected = x.size * 2 * stats.norm.sf(threshold)
        assert abs((x > threshold).sum() - expected) < 4 * np.sqrt(expected)


@pytest.mark.parametrize("lag", [1, 2, 500, 1000])
def test_draws_are_uncorrelated_at_a_lag(lag):
    x = draws(1, 2, 1_000_000)
    assert abs(np.mean(x[:-lag] * x[lag:])) < 4 / np.sqrt(x.size - lag)


def test_the_two_members_of_a_pair_are_independent():
    n = 1_000_000
    x = draws(5, 1, n)
    a, b = x[: n // 2], x[n // 2 :]
    counts, _, _ = np.histogram2d(stats.norm.cdf(a), stats.norm.cdf(b), bins=20, range=[[0, 1], [0, 1]])
    assert stats.chisquare(counts.ravel()).pvalue > LEVEL


def test_streams_and_seeds_are_uncorrelated():
    x = np.stack([draws(seed, stream, 200_000) for seed in (0, 1, 2**40) for stream in (0, 1, 2)])
    correlation = np.corrcoef(x) - np.eye(len(x))
    assert np.abs(correlation).max() < 5 / np.sqrt(x.shape[1])


@pytest.mark.parametrize("n", [1, 2, 7, 64, 1001])
def test_a_draw_depends_on_its_counter_alone(n):
    """Scalar and vector code, odd and even lengths give the same bits."""
    whole = draws(9, 2, 2 * 3000)  # pairs 0..2999
    start = 1234
    part = draws(9, 2, n, start)
    half = n // 2
    np.testing.assert_array_equal(part[:half], whole[start : start + half])
    np.testing.assert_array_equal(part[half : 2 * half], whole[3000 + start : 3000 + start + half])
    if n % 2:
        assert part[-1] == whole[start + half]


def test_logarithm_to_an_ulp():
    @kernel
    def logs(u, out):
        for i in range(u.shape[0]):
            out[i] = _log_unit(u[i])

    rng = np.random.default_rng(0)
    u = np.concatenate([rng.random(200_000), 2.0 ** -np.arange(1.0, 53), 1 - 2.0 ** -np.arange(1.0, 53), [1.0]])
    out = np.empty_like(u)
    logs(u, out)
    # e ln 2 and the mantissa's part are each correct to half an ulp of the larger of the two
    np.testing.assert_allclose(out, np.log(u), rtol=4.5e-16, atol=0)


def test_uniforms_are_uniform_and_never_zero():
    key = np.uint64(stream_key(0, 5))
    x = np.array([uniform(key, i) for i in range(100_000)])
    assert x.min() > 0 and x.max() <= 1
    assert stats.kstest(x, "uniform").pvalue > LEVEL
