"""Real inputs: what the functions promise, and facts of the photographs that the chapters rely on."""

import numpy as np
import pytest

from lib.fitting import fit_power_law
from lib.realdata import bootstrap_beta, digits, image_patches, photograph
from lib.spectra import Spectrum


@pytest.mark.parametrize("name", ["china", "flower"])
def test_photograph(name):
    grey = photograph(name)
    assert grey.shape == (427, 640) and grey.dtype == np.float64
    # Scaled by 255, not by the brightest pixel, and not left at 0 to 255.
    assert 0 <= grey.min() < 0.02 and 0.85 < grey.max() <= 1


def test_patches_are_pieces_of_the_photograph():
    grey = photograph("china")
    patches = image_patches(16, "china", samples=50, remove_mean=False, seed=3)
    assert patches.shape == (50, 256) and patches.dtype == np.float64
    np.testing.assert_allclose(patches.mean(axis=0), 0, atol=1e-15)
    # Centring takes the same from all patches: differences are differences of pieces of the picture.
    everything = np.lib.stride_tricks.sliding_window_view(grey, (16, 16)).reshape(-1, 256)
    chosen = np.random.default_rng(3).choice(len(everything), 50, replace=False)
    pieces = everything[chosen]
    np.testing.assert_allclose(patches - patches[0], pieces - pieces[0], atol=1e-14)


def test_all_positions_in_order():
    patches = image_patches(4, "flower", samples=None, remove_mean=False)
    assert patches.shape == (424 * 637, 16)
    grey = photograph("flower")
    for number, (row, column) in ((1, (0, 1)), (637, (1, 0)), (-1, (423, 636))):
        piece = grey[row : row + 4, column : column + 4]
        np.testing.assert_allclose(patches[number] - patches[0], (piece - grey[:4, :4]).ravel(), atol=1e-14)


def test_both_photographs_take_part_alike():
    patches = image_patches(8, "both", samples=20_000, remove_mean=False)
    means = {name: photograph(name).mean() for name in ("china", "flower")}
    # China (mean 0.57) is brighter than the flower (0.26); half of the patches from each.
    assert means["china"] - means["flower"] > 0.3
    alone = [image_patches(8, name, samples=20_000, remove_mean=False).var(axis=0).mean() for name in means]
    mixed = np.mean(alone) + ((means["china"] - means["flower"]) / 2) ** 2
    # The variance within each plus that of the two means. Pixels at the border of a photograph are in fewer
    # patches, and 20,000 patches fluctuate: 3 %.
    assert patches.var(axis=0).mean() == pytest.approx(mixed, rel=0.03)


def test_remove_mean():
    patches = image_patches(8, samples=2000)
    np.testing.assert_allclose(patches.mean(axis=1), 0, atol=1e-15)
    np.testing.assert_allclose(patches.mean(axis=0), 0, atol=1e-15)
    eigenvalues = np.linalg.eigvalsh(np.cov(patches.T))
    assert eigenvalues[0] < 1e-12 * eigenvalues[-1] < eigenvalues[1]


def covariance_spectrum(samples):
    return np.linalg.eigvalsh(samples.T @ samples / len(samples))[::-1]


@pytest.mark.parametrize("name, exponent", [("flower", -1.438), ("china", -0.948)])
def test_spectrum_of_the_photographs(name, exponent):
    """The exponents of all 257,500 patches, from a fifth of them."""
    spectrum = covariance_spectrum(image_patches(16, name, samples=50_000))[:-1]
    fit = fit_power_law(np.arange(1.0, 256.0), spectrum, window=(4, 64))
    # A bootstrap of 100,000 single patches scatters by 0.004, so 50,000 by 0.006: four of them.
    assert fit.exponent == pytest.approx(exponent, abs=0.025)


def test_brightness_holds_most_of_the_variance():
    for name in ("china", "flower"):
        spectrum = covariance_spectrum(image_patches(16, name, samples=20_000, remove_mean=False))
        assert 0.85 < spectrum[0] / spectrum.sum() < 0.9


def test_digits_follow_no_power_law():
    spectrum = covariance_spectrum(digits())[:61]
    with pytest.raises(ValueError, match="no window"):
        fit_power_law(np.arange(1.0, 62.0), spectrum)


def test_seed():
    first = image_patches(8, samples=100, seed=1)
    np.testing.assert_array_equal(first, image_patches(8, samples=100, seed=1))
    assert np.any(first != image_patches(8, samples=100, seed=2))


def test_digits():
    values = digits()
    assert values.shape == (1797, 64) and values.dtype == np.float64
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-15)
    assert np.linalg.matrix_rank(values) == 61
    assert np.sum(np.ptp(values, axis=0) == 0) == 3


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"size": 1}, "2 to 427, got 1"),
        ({"size": 428}, "2 to 427"),
        ({"size": 8.0}, "whole number"),
        ({"image": "cat"}, "'china', 'flower'"),
        ({"samples": 1}, "samples must be"),
        ({"size": 400, "image": "china", "samples": 28 * 241 + 1}, "2 to 6748"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        image_patches(**arguments)


def test_block_bootstrap_is_centred_and_much_wider_than_the_fit():
    """Its spread over 20 resamples is known to 16 %; the fit's own error is ten times smaller."""
    betas = bootstrap_beta("flower", 8, (4, 16), resamples=20)
    fit = Spectrum.from_data(image_patches(8, "flower", samples=20_000)).fit((4, 16))
    assert abs(betas.mean() - fit.beta) < betas.std()
    assert np.all(betas == bootstrap_beta("flower", 8, (4, 16), resamples=20))
    single = bootstrap_beta("flower", 8, (4, 16), block=8, resamples=20)
    assert single.std() < 0.6 * betas.std()  # smaller blocks take neighbours for independent
