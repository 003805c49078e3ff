"""Spectra: normalisation, multiplicities, fits, data."""

import time

import numpy as np
import pytest

import lib


def test_golden_values():
    np.testing.assert_allclose(
        lib.power_law(1.0, 4).eigenvalues, [2.8097560976, 0.7024390244, 0.3121951220, 0.1756097561], rtol=2e-10
    )
    np.testing.assert_allclose(lib.power_law(0.5, 16).eigenvalues[[0, -1]], [7.5469354015, 0.1179208656], rtol=5e-10)


@pytest.mark.parametrize("beta", [0.05, 1.0, 3.0])
@pytest.mark.parametrize("levels", [1, 7, 100_000])
def test_power_law_has_mean_one_and_the_right_ratios(beta, levels):
    s = lib.power_law(beta, levels)
    assert np.sum(s.weights * s.eigenvalues) == pytest.approx(1.0, rel=1e-12)
    k = np.arange(1, levels + 1)
    np.testing.assert_allclose(s.eigenvalues / s.eigenvalues[0], k ** -(1 + beta), rtol=1e-12)


def test_any_order_scale_and_weights():
    s = lib.Spectrum([1.0, 4.0, 2.0], weights=[6, 1, 3])
    np.testing.assert_allclose(s.eigenvalues, np.array([4, 2, 1]) / 1.6)
    np.testing.assert_allclose(s.weights, [0.1, 0.3, 0.6])
    assert list(s.multiplicities(20)) == [2, 6, 12]


def test_extreme_scales_survive():
    s = lib.Spectrum([1e300, 1e290, 1e294])
    assert np.sum(s.weights * s.eigenvalues) == pytest.approx(1.0)
    s = lib.Spectrum([1e-30, 1e6])
    assert s.eigenvalues[1] / s.eigenvalues[0] == pytest.approx(1e-36)


@pytest.mark.parametrize("scale", [2.0**-1000, 2.0**900])
def test_data_of_any_scale(scale):
    X = np.random.default_rng(2).normal(size=(50, 4))
    expected, found = lib.Spectrum.from_data(X), lib.Spectrum.from_data(X * scale)
    assert np.array_equal(found.eigenvalues, expected.eigenvalues)


def test_a_spectrum_is_read_only():
    with pytest.raises(ValueError):
        lib.power_law(1.0, 4).eigenvalues[0] = 5.0


def test_from_data_recovers_the_population():
    rng = np.random.default_rng(0)
    lam = lib.power_law(1.0, 20).eigenvalues
    basis = np.linalg.qr(rng.normal(size=(20, 20)))[0]
    n = 200_000
    X = 3.0 + (rng.normal(size=(n, 20)) * np.sqrt(5 * lam)) @ basis
    s = lib.Spectrum.from_data(X)
    # an isolated eigenvalue of n samples has relative variance 2/n, and the spacing of neighbours adds a bias of
    # order (1/n) sum_j lambda_j / (lambda_k - lambda_j) < 10 * 20/n here
    np.testing.assert_allclose(s.eigenvalues, lam, rtol=5 * np.sqrt(2 / n) + 200 / n)


def test_from_data_leaves_out_directions_without_variance():
    rng = np.random.default_rng(1)
    X = np.hstack([rng.normal(size=(500, 5)), np.ones((500, 2))])
    assert lib.Spectrum.from_data(X).levels == 5
    assert lib.Spectrum.from_data(rng.normal(size=(4, 10))).levels == 3  # four samples span three directions


def samples_of(singular_values, n, seed=3):
    """Centred samples (n, features) with these very singular values."""
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(n, singular_values.size))
    left = np.linalg.qr(columns - columns.mean(axis=0))[0]
    right = np.linalg.qr(rng.normal(size=(singular_values.size,) * 2))[0]
    return (left * singular_values) @ right.T


@pytest.mark.parametrize("n", [300, 2000])
def test_a_fast_decay_keeps_its_levels(n):
    """Variances over 24 decades; singular values are known to some roundings of the largest."""
    sigma = np.geomspace(1.0, 1e-12, 100)
    s = lib.Spectrum.from_data(samples_of(sigma, n) + 1e-3)
    expected = sigma**2 / np.mean(sigma**2)
    assert s.levels == 100
    np.testing.assert_allclose(
        np.sqrt(s.eigenvalues), np.sqrt(expected), rtol=1e-13, atol=30 * 2.2e-16 * np.sqrt(expected[0])
    )


def test_power_law_samples_keep_their_levels():
    rng = np.random.default_rng(0)
    s = lib.Spectrum.from_data(rng.normal(size=(1000, 375)) * 4.0 * np.arange(1.0, 376.0) ** -2)
    assert s.levels == 375
    sigma = np.arange(1.0, 376.0) ** -4
    # a sample variance is off by sqrt(2/1000), 4 %, and a part of the order 375/1000 of the smallest is lost to the
    # larger
    np.testing.assert_allclose(s.eigenvalues[:20], 375 * sigma[:20] / sigma.sum(), rtol=0.2)
    assert 0.2 < s.eigenvalues[-1] / (375 * sigma[-1] / sigma.sum()) < 1.2


@pytest.mark.parametrize("kind", ["f8", "f4"])
@pytest.mark.parametrize("offset", [0.0, 1000.0, 1e5])
def test_rounding_of_the_given_type_is_no_direction(kind, offset):
    rng = np.random.default_rng(4)
    Z = 30.0 * rng.normal(size=(200, 5)) @ rng.normal(size=(5, 6))
    assert lib.Spectrum.from_data((Z + offset).astype(kind)).levels == 5
    samples, eigenvalues = lib.core.spectra.eigenbasis((Z + offset).astype(kind))
    assert samples.shape == (200, 5) and eigenvalues.shape == (5,)


def test_whole_numbers_are_exact():
    rng = np.random.default_rng(5)
    Z = rng.integers(0, 4, (100, 4)) @ rng.integers(0, 4, (4, 7))
    for kind in (np.uint8, np.int32, np.uint64, np.float64):
        s = lib.Spectrum.from_data(Z.astype(kind))
        assert s.levels == 4
        np.testing.assert_allclose(s.eigenvalues, lib.Spectrum.from_data(Z * 1.0).eigenvalues, rtol=1e-13)


def test_few_samples_of_many_features():
    """The 19 directions of 20 samples, from their 20 x 20 matrix: in milliseconds, not in gigabytes."""
    X = np.random.default_rng(6).normal(size=(20, 40_000))
    start = time.perf_counter()
    s = lib.Spectrum.from_data(X)
    samples, eigenvalues = lib.core.spectra.eigenbasis(X)
    assert time.perf_counter() - start < 10.0  # 13 GB of covariance would take minutes
    centred = X - X.mean(axis=0)
    expected = np.linalg.eigvalsh(centred @ centred.T)[:0:-1]
    np.testing.assert_allclose(s.eigenvalues, expected / expected.mean(), rtol=1e-12)
    np.testing.assert_allclose(eigenvalues, s.eigenvalues, rtol=1e-12)
    # centred, of the covariance said, and at the distances of the given samples
    np.testing.assert_allclose(samples.T @ samples / 20, np.diag(eigenvalues), atol=1e-12)
    np.testing.assert_allclose(samples.mean(axis=0), 0.0, atol=1e-13)
    gram = centred @ centred.T
    np.testing.assert_allclose(samples @ samples.T, gram * 19 / gram.trace() * 20, atol=1e-9)
    assert lib.realdata.contrast(X).shape == (20,)
    assert lib.realdata.spectrum(X).levels == 19


def test_eigenbasis_is_a_rotation_of_the_centred_samples():
    X = samples_of(np.geomspace(1.0, 1e-9, 12), 50) + 7.0
    samples, eigenvalues = lib.core.spectra.eigenbasis(X)
    np.testing.assert_allclose(
        np.mean(samples**2, axis=0), eigenvalues, rtol=1e-6
    )  # the mean of 7 leaves 1e-15 of the least, 1e-9
    centred = X - X.mean(axis=0)
    scale = np.mean(centred**2) * 12
    np.testing.assert_allclose(samples @ samples.T / 12, centred @ centred.T / scale, atol=1e-13 * 50)


def test_fit_finds_the_exponent():
    fit = lib.power_law(0.7, 500).fit()
    assert fit.beta == pytest.approx(0.7, abs=1e-9)
    fit = lib.power_law(0.7, 500).fit(window=(10, 100))
    assert fit.window == (10, 100)


BAD = [
    (lambda: lib.power_law(0.0, 4), "beta"),
    (lambda: lib.power_law(np.inf, 4), "beta"),
    (lambda: lib.power_law("1", 4), "beta"),
    (lambda: lib.power_law(1.0, 0), "levels"),
    (lambda: lib.power_law(1.0, 2.5), "levels"),
    (lambda: lib.Spectrum([]), "eigenvalues"),
    (lambda: lib.Spectrum([1.0, 0.0]), "eigenvalues"),
    (lambda: lib.Spectrum([1.0, -1.0]), "eigenvalues"),
    (lambda: lib.Spectrum([1.0, np.nan]), "eigenvalues"),
    (lambda: lib.Spectrum([[1.0, 2.0]]), "eigenvalues"),
    (lambda: lib.Spectrum(["a"]), "eigenvalues"),
    (lambda: lib.Spectrum([1e300, 1e-300]), "eigenvalues"),
    (lambda: lib.Spectrum([1.0, 2.0], [1.0]), "weights"),
    (lambda: lib.Spectrum([1.0, 2.0], [1.0, 0.0]), "weights"),
    (lambda: lib.Spectrum.from_data([1.0, 2.0]), "X"),
    (lambda: lib.Spectrum.from_data([[1.0, 2.0]]), "X"),
    (lambda: lib.Spectrum.from_data(np.ones((5, 3))), "X"),
    (lambda: lib.power_law(1.0, 4).multiplicities(3), "N"),
    (lambda: lib.power_law(1.0, 4).multiplicities(10), "N"),
    (lambda: lib.Spectrum([2.0, 1.0], [1, np.pi]).multiplicities(10), "N"),
    (lambda: lib.source(lib.power_law(1.0, 4), np.nan), "tau"),
    (lambda: lib.source(lib.power_law(1.0, 4), np.inf), "tau"),
    (lambda: lib.source([2.0, 1.0], 1.0), "spectrum"),
]


@pytest.mark.parametrize("tau", [-300.0, -0.5, 0.3, 2.0, 400.0])
def test_a_source_is_a_power_of_the_rank_and_normalised(tau):
    """Powers that overflow and underflow too: relative to the largest, which is finite."""
    s = lib.Spectrum([4.0, 1.0, 0.5, 0.25, 0.1], [1, 2, 2, 1, 4])
    t = lib.source(s, tau)
    assert np.sum(s.weights * s.eigenvalues * t) == pytest.approx(1.0, rel=1e-14)
    largest = np.argmax(t)
    expected = (np.arange(1.0, 6) / (largest + 1.0)) ** -tau
    np.testing.assert_allclose(t / t[largest], expected, rtol=1e-13 * max(1, abs(tau)), atol=1e-300)
    assert largest == (0 if tau > 0 else 4)


def test_a_source_of_no_exponent_is_one_everywhere():
    assert np.array_equal(lib.source(lib.power_law(0.3, 7), 0), np.ones(7))
    assert np.array_equal(lib.source(lib.power_law(1.0, 1), 3.0), [1.0])


@pytest.mark.parametrize("call, argument", BAD)
def test_bad_input_is_named(call, argument):
    with pytest.raises(ValueError, match=rf"^{argument}\b"):
        call()
