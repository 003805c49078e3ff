"""Real inputs: what the functions promise, and facts of the photographs that the chapters rely on."""

import numpy as np
import pytest

import lib
from lib.fitting import fit_power_law
from lib.realdata import (
    bootstrap_beta, bootstrap_patches, bootstrap_spectra, contrast, digits, image_patches, layer, load, mixture_error,
    photograph, spectrum,
)
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
        ({"size": 1}, "^size = 1: must be a whole number >= 2 and <= 427$"),
        ({"size": 428}, "<= 427$"),
        ({"size": 8.5}, "whole number"),
        ({"image": "cat"}, "^image = 'cat': must be one of 'china', 'flower', 'both'$"),
        ({"samples": 1}, "^samples = 1: "),
        ({"size": 400, "image": "china", "samples": 28 * 241 + 1}, "<= 6748$"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        image_patches(**arguments)


def test_bad_bootstraps():
    for call, message in (
        (lambda: bootstrap_patches("both", 8), "^image = 'both': must be one of 'china', 'flower'$"),
        (lambda: bootstrap_patches("china", 8, block=0), "^block = 0: "),
        (lambda: bootstrap_spectra([]), r"^blocks = \[\]: must be at least one"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_block_bootstrap_is_centred_and_much_wider_than_the_fit():
    """Its spread over 20 resamples is known to 16 %; the fit's own error is ten times smaller."""
    betas = bootstrap_beta("flower", 8, (4, 16), resamples=20)
    fit = Spectrum.from_data(image_patches(8, "flower", samples=20_000)).fit((4, 16))
    assert abs(betas.mean() - fit.beta) < betas.std()
    assert np.all(betas == bootstrap_beta("flower", 8, (4, 16), resamples=20))
    single = bootstrap_beta("flower", 8, (4, 16), block=8, resamples=20)
    assert single.std() < 0.6 * betas.std()  # smaller blocks take neighbours for independent


# --- Features of a layer, contrast ------------------------------------------------------------------------


def test_layer_before_training_is_random_and_after_it_knows_the_digits():
    before, chance = layer(0, width=64)
    after, accuracy = layer(30, width=64)
    assert before.shape == after.shape == (1797, 64)
    np.testing.assert_allclose(before.mean(axis=0), 0, atol=1e-12)
    # Ten names: a tenth by chance; a random network prefers some names and may be luckier.
    assert chance < 0.3 and accuracy > 0.9
    np.testing.assert_array_equal(before, layer(0, width=64)[0])
    # Training gathers the variance in few directions.
    share = [np.linalg.eigvalsh(np.cov(F.T))[::-1][:10].sum() / np.var(F, axis=0).sum() for F in (before, after)]
    assert share[1] > share[0] + 0.05


def test_contrast_of_gaussian_data():
    X = np.random.default_rng(0).normal(size=(50_000, 12)) * np.arange(1.0, 13.0) ** -0.7
    s = Spectrum.from_data(X)
    c = contrast(X)
    assert c.mean() == pytest.approx(1.0, rel=1e-12)
    # The variance of a variance: 50,000 samples of kurtosis below 12 give 1.5 %; three of them.
    assert c.var() == pytest.approx(2 * s.second_moment / s.levels, rel=0.045)


def test_mixture_is_the_gaussian_formula_at_one_contrast_and_right_for_a_scale_mixture():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(40_000, 8)) * np.sqrt(rng.exponential(size=(40_000, 1)))
    m = lib.StudentTeacher(Spectrum.from_data(X), 2, 2)
    curve = lib.simulate(m, eta=0.1, alpha=[0.0, 5.0], sigma_J=0.3, seeds=2, teacher="random", inputs=X)
    plain = np.array([lib.curve.field_error(m, *parts) for parts in zip(curve.Q, curve.R, curve.T)])
    np.testing.assert_allclose(mixture_error(m, curve, np.ones(5)), plain, rtol=1e-12)
    assert np.all(plain / curve.eps_g > 1.1)
    # The contrast drawn is the exponential variable; |xi|^2 / N of 8 directions would blur it. 40,000 rows: 1.5 %.
    contrasts = np.random.default_rng(2).exponential(size=100_000)
    np.testing.assert_allclose(mixture_error(m, curve, contrasts), curve.eps_g, rtol=0.06)
    # a long tail, of second moment 10 as that of patches: the error falls as one over the number of values, 0.02 for 64
    tail = np.random.default_rng(3).gamma(1 / 9, size=20_000)
    every, default, few = (mixture_error(m, curve, tail, quantiles) for quantiles in (20_000, 1024, 64))
    np.testing.assert_allclose(default, every, rtol=2e-3)
    assert np.all(few / every > 1.01)
    with pytest.raises(ValueError, match="^contrasts = .*-1.0"):
        mixture_error(m, curve, [-1.0, 3.0])
    with pytest.raises(ValueError, match="^curve.Q has shape .* seeds"):
        mixture_error(m, lib.solve(m, m.initial_overlaps(0.1), 0.1, [1.0]), [1.0])


def test_bootstrap_of_independent_rows_gives_the_known_error():
    X = np.random.default_rng(3).normal(size=(4000, 5)) * [4, 3, 2, 1.5, 1]
    rows = bootstrap_spectra(np.array_split(X, 400), resamples=150)
    np.testing.assert_allclose(rows[0], np.linalg.eigvalsh(np.cov(X.T, bias=True))[::-1], rtol=1e-12)
    # The variance of a Gaussian variance is 2/n relative; 150 resamples know a standard deviation to 6 %: three of them,
    # and the eigenvalues' repulsion.
    np.testing.assert_allclose(rows[1:].std(axis=0) / rows[0], np.sqrt(2 / 4000), rtol=0.25)


# --- The reader's own data; tests/test_data_browser.py has the files, for page and Python alike ---------------


def saved(folder, name, content):
    path = folder / name
    path.write_bytes(content)
    return path


def test_load_takes_paths_files_and_arrays(tmp_path):
    X = np.random.default_rng(0).normal(size=(7, 3))
    np.save(tmp_path / "x.npy", X)
    for source in (tmp_path / "x.npy", str(tmp_path / "x.npy"), X, X.tolist()):
        np.testing.assert_array_equal(load(source), X)
    with open(tmp_path / "x.npy", "rb") as file:
        np.testing.assert_array_equal(load(file, "x.npy"), X)
    np.testing.assert_allclose(spectrum(tmp_path / "x.npy").eigenvalues, Spectrum.from_data(X).eigenvalues)
    s = spectrum(saved(tmp_path, "list.txt", b"1 # smallest\n4\n\n2"))
    np.testing.assert_allclose(s.eigenvalues, np.array([4, 2, 1]) / (7 / 3))
    assert spectrum(s) is s


@pytest.mark.parametrize("name, content, message", [
    ("a.jpg", b"", r"a.jpg: must be a .npy, .csv"),
    ("b.csv", b"x,y\n1,2\n3,nan\n", 'b.csv: line 3, column 2: "nan" is not a finite number'),
    ("c.csv", b"1;2\n3;1,5\n", 'c.csv: line 2, column 2: "1,5" is not'),
    ("d.txt", b"1 2\n3\n", "d.txt: line 2 has 1 values: must have 2"),
    ("e.txt", b"# nothing\n", "e.txt: holds 0 values"),
    ("f.npy", b"\x93NUMPY", "f.npy: this is no .npy file"),
    ("g.txt", b"2\n0\n", r"g.txt: eigenvalues\[1\] = 0.0: must be > 0"),
    ("h.csv", b"1,2\n1,2\n", "h.csv: X does not vary"),
])
def test_unreadable_files_are_named(tmp_path, name, content, message):
    with pytest.raises(ValueError, match=message):
        spectrum(saved(tmp_path, name, content))


def test_what_is_no_table_of_real_numbers(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{}, 1], dtype=object), allow_pickle=True)
    for source, message in (
        (tmp_path / "objects.npy", "objects.npy: this is no .npy file of numbers"),
        (np.ones((2, 2)) * 1j, "holds complex128"),
        (np.ones((2, 2, 2)), "3 dimensions"),
        ([[1.0, np.inf], [0.0, 1.0]], "row 1, column 2: inf"),
        (np.zeros((2, 5000)), "5000 features .* at most 4096"),
        ([1.0], "holds 1 values"),
    ):
        with pytest.raises(ValueError, match=message):
            load(source)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "missing.npy")
