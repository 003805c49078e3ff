"""Real inputs: what the functions promise, and facts of the photographs that the chapters rely on."""

import io
import json
import re
import shutil
import subprocess
import tempfile
import warnings

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

import lib
from lib.core.fitting import fit_power_law
from lib.core.spectra import Spectrum
from lib.realdata import (
    Task,
    bootstrap_beta,
    bootstrap_patches,
    bootstrap_source,
    bootstrap_spectra,
    contrast,
    digit_labels,
    digits,
    fit_source,
    image_patches,
    label_error,
    layer,
    learn_label,
    load,
    measured_label_error,
    mixture_error,
    patch_labels,
    photograph,
    read_number,
    spectrum,
    task,
)


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
        ({"size": 1}, "^size = 1.*>= 2 and <= 427"),
        ({"size": 428}, "<= 427$"),
        ({"size": 8.5}, "whole number"),
        ({"image": "cat"}, "^image = 'cat'.*'china', 'flower', 'both'"),
        ({"samples": 1}, "^samples = 1: "),
        ({"size": 400, "image": "china", "samples": 28 * 241 + 1}, "<= 6748$"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        image_patches(**arguments)


def test_bad_bootstraps():
    for call, message in (
        (lambda: bootstrap_patches("both", 8), "^image = 'both'.*'china', 'flower'"),
        (lambda: bootstrap_patches("china", 8, block=0), "^block = 0: "),
        (lambda: bootstrap_spectra([]), r"^blocks = \[\].*at least one"),
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
    plain = np.array([lib.core.curve.field_error(m, *parts) for parts in zip(curve.Q, curve.R, curve.T)])
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
    # The variance of a Gaussian variance is 2/n relative; 150 resamples know a standard deviation to 6 %: three of
    # them, and the eigenvalues' repulsion.
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


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("a.jpg", b"", r"a.jpg\b.*\.npy, \.csv"),
        ("b.csv", b"x,y\n1,2\n3,nan\n", 'b.csv: line 3, column 2: "nan" is not a finite number'),
        ("c.csv", b"1;2\n3;1,5x\n", 'c.csv: line 2, column 2: "1,5x" is not'),
        ("d.txt", b"1 2\n3\n", "d.txt: line 2 .*1.*2"),
        ("e.txt", b"# nothing\n", "e.txt: holds 0 values"),
        ("f.npy", b"\x93NUMPY", "f.npy: this is no .npy file"),
        ("g.txt", b"2\n0\n", r"g.txt: eigenvalues\[1\] = 0.0.*> 0"),
        ("h.csv", b"1.0,2\n1,2\n", "h.csv: X does not vary"),
        ("i.npy", b"\x93NUMPY\x01\x00\x04\x00ab,\n", "i.npy: this is no .npy file of numbers"),
        ("j.csv", b"\x93NUMPY\x01\x00", "j.csv: is a .npy file, whatever its name"),
    ],
)
def test_unreadable_files_are_named(tmp_path, name, content, message):
    with pytest.raises(ValueError, match=message):
        spectrum(saved(tmp_path, name, content))


def test_what_is_no_table_of_real_numbers(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{}, 1], dtype=object), allow_pickle=True)
    np.save(tmp_path / "dates.npy", np.array(["2024", "2025"], "M8[Y]"))
    for source, message in (
        (tmp_path / "objects.npy", "objects.npy: this is no .npy file of numbers"),
        (tmp_path / "dates.npy", r"dates.npy: holds datetime64\[Y\]"),
        (np.ones((2, 2)) * 1j, r"holds complex numbers \(complex128\)"),
        (np.ones((2, 2, 2)), "3 dimensions"),
        ([[1.0, np.inf], [0.0, 1.0]], "row 1, column 2: inf"),
        (np.zeros((4097, 4098), np.uint8), "4097 samples of 4098 features .* at most 4096 of one"),
        ([1.0], "holds 1 values"),
    ):
        with pytest.raises(ValueError, match=message):
            load(source)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "missing.npy")


# Texts that page and Python read in the same way (tests/test_data_browser.py gives them to both):
# name -> content, rows, word of warning.
INDEX = "no name"
COUNTS = "counts the rows"
TEXTS = {
    "pandas.csv": (",0,1\n0,.5,2\n1,.25,3\n", [[0.5, 2], [0.25, 3]], INDEX),
    "pandas.tsv": ("\t0\t1\n0\t.5\t2\n1\t.25\t3\n", [[0.5, 2], [0.25, 3]], INDEX),
    "pandas-names.tsv": ("\ta\tb\n0\t.5\t2\n1\t.25\t3\n", [[0.5, 2], [0.25, 3]], INDEX),
    "pandas-dates.csv": (",a,b\n2024-01-01,.5,2\n2024-01-02,.25,3\n", [[0.5, 2], [0.25, 3]], INDEX),
    "filtered.csv": (",0,1\n7,.5,2\n3,.25,3\n", [[0.5, 2], [0.25, 3]], INDEX),
    "r.csv": ('"","V1","V2"\n"1",.5,2\n"2",.25,3\n', [[0.5, 2], [0.25, 3]], INDEX),
    "r-table.txt": ('"V1" "V2"\n"1" .5 2\n"2" .25 3\n"3" 1 1\n', [[0.5, 2], [0.25, 3], [1, 1]], COUNTS),
    "labelled.csv": ("n,a,b\n1,.5,2\n2,.25,3\n3,1,1\n", [[0.5, 2], [0.25, 3], [1, 1]], COUNTS),
    "no-head.csv": ("0,.5,2\n1,.25,3\n2,1,1\n", [[0.5, 2], [0.25, 3], [1, 1]], COUNTS),
    "rank.txt": ("1 .5\n2 .25\n3 .125\n", [0.5, 0.25, 0.125], COUNTS),
    "no-index.csv": ("a,b\n1,.5\n2,.25\n4,1\n", [[1, 0.5], [2, 0.25], [4, 1]], ""),
    "sample#.csv": ("sample #,x,y\n5,.5,2\n3,.25,3\n", [[5, 0.5, 2], [3, 0.25, 3]], ""),
    "german.csv": ("Länge, mm;Breite, mm\n1,5;2,25\n3;4\n", [[1.5, 2.25], [3, 4]], ""),
    "tabs.tsv": ("a, b\tc\n1\t2\n3.5\t4\n", [[1, 2], [3.5, 4]], ""),
    "titled.csv": ("Measured in spring of 2024\nx,y\n1.5,2\n3,4\n", [[1.5, 2], [3, 4]], ""),
    "blanks.txt": ("4,5 200,5\n1,5 2\n", [[4.5, 200.5], [1.5, 2]], ""),
    "groups.csv": ("1,234.5;1.000.000\n1 000;1.234,5\n", [[1234.5, 1e6], [1000, 1234.5]], ""),
    "minus.txt": ("−1.5 2\n–3 4e−1\n", [[-1.5, 2], [-3, 0.4]], ""),
    "decimal.txt": ("4,5\n2,5\n1,5\n", [[4, 5], [2, 5], [1, 5]], "if 4,5 means 4.5, write it with a point"),
    "counting-decimal.txt": ("0,5\n1,5\n2,5\n", [[0, 5], [1, 5], [2, 5]], "if 0,5 means 0.5, write it with a point"),
    "sodium.csv": ("Na,K\n1.5,2\n3,4\n", [[1.5, 2], [3, 4]], ""),
    "trailing.tsv": ("1\t2\t\n3.5\t4\t\n", [[1, 2], [3.5, 4]], ""),
}
# Texts that both refuse, with the place and the word.
REFUSED = {
    "nan.csv": ("nan,1,2\n3,4,5\n6,7,9\n", 'line 1, column 1: "nan" is not a finite number'),
    "na.csv": ("1,NA,2\n3,4,5\n6,7,9\n", 'line 1, column 2: "NA" is not a finite number'),
    "-inf.csv": ("x,-inf,2\n3,4,5\n6,7,9\n", 'line 1, column 1: "x" is not a finite number'),
    "all-missing.csv": (",,\n3,4,5\n6,7,9\n", 'line 1, column 1: "" is not a finite number'),
    "first-missing.csv": (",1,2\n3,4,5\n6,7,9\n", 'line 1, column 1: "" is not a finite number'),
    "typo.txt": ("5.0x\n3\n2\n1\n", 'line 1, column 1: "5.0x" is not a finite number'),
    "hex.txt": ("0x10\n3\n2\n1\n", 'line 1, column 1: "0x10" is not a finite number'),
    "later.txt": ("3\n2\n0x10\n", 'line 3, column 1: "0x10" is not a finite number'),
    "mixed-head.csv": ("x,5\n1,2\n3,4\n", 'line 1, column 1: "x" is not a finite number'),
    "hole.tsv": ("1\t\t3\n4\t5\t6\n", 'line 1, column 2: "" is not a finite number'),
    "first-missing.tsv": ("\t2\t3\n4\t5\t6\n", "line 2 has 3 values: must have 2, as the first"),
    "two-ways.csv": ("1.5;2\n1,000;4\n", "line 2, column 1: 1,000 may mean 1000 or 1.000: write one of the two"),
    "two-ways-index.csv": (
        ";a;b\nx;1.5;2\ny;3;-2,500\n",
        "line 3, column 3: -2,500 may mean -2500 or -2.500: write one of the two",
    ),
    "hole-index.csv": (",a,b\nx,1,2\ny,3,\n", 'line 3, column 3: "" is not a finite number'),
    "ragged-index.csv": (",a,b\nx,1,2\ny,3\n", "line 3 has 2 values: must have 3, as the first"),
    "words.csv": ("a,b\nc,d\n", "holds 0 values"),
    "every-end.csv": ("1,2,\n3,4,\n", 'line 1, column 3: "" is not a finite number'),
    "underscore.txt": ("1\n1_0\n", 'line 2, column 1: "1_0" is not a finite number'),
}


def read_text(content, name):
    """What ``load`` gives, and its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        return load(io.BytesIO(content.encode()), name), "".join(str(warning.message) for warning in caught)


@pytest.mark.parametrize("name", TEXTS)
def test_texts_as_people_write_them(name):
    content, expected, word = TEXTS[name]
    table, said = read_text(content, name)
    np.testing.assert_array_equal(table, expected)
    assert (said.startswith(f"{name}: ") and word in said) if word else said == ""


@pytest.mark.parametrize("name", REFUSED)
def test_texts_that_are_refused(name):
    content, message = REFUSED[name]
    with pytest.raises(ValueError, match="^" + re.escape(f"{name}: {message}")):
        read_text(content, name)


def test_a_table_written_by_pandas_has_its_own_spectrum(tmp_path):
    """The trial: the row numbers became the leading feature, 4.998, 0.0014, ..."""
    X = np.random.default_rng(0).normal(size=(200, 6)) / np.arange(1, 7.0)
    pd.DataFrame(X[:, :4]).to_csv(tmp_path / "a.csv")
    with pytest.warns(UserWarning, match="^a.csv: the first column, which has no name, is left out$"):
        s = spectrum(tmp_path / "a.csv")
    np.testing.assert_allclose(s.eigenvalues, Spectrum.from_data(X[:, :4]).eigenvalues, rtol=1e-12)
    assert s.eigenvalues[0] < 3.5


NUMBERS = [
    ("0.5", 0.5),
    (" 12 ", 12.0),
    ("1e-3", 1e-3),
    ("1E+3", 1e3),
    (".5", 0.5),
    ("5.", 5.0),
    ("+2", 2.0),
    ("−2", -2.0),
    ("–2,5", -2.5),
    ("0,5", 0.5),
    (",5", 0.5),
    ("0,500", 0.5),
    ("1,25", 1.25),
    ("1,2345", 1.2345),
    ("1,5e3", 1500.0),
    ("1234,567", 1234.567),
    ("1,234.5", 1234.5),
    ("1,234,567", 1234567.0),
    ("1.234,5", 1234.5),
    ("1.234.567", 1234567.0),
    ("1 000", 1000.0),
    ("1\u202f000\u202f000,5", 1000000.5),
    ("1'000", 1000.0),
    ("2e−3", 2e-3),
    ("1.000", 1.0),
]
NO_NUMBERS = [
    "",
    "-",
    ".",
    ",",
    "e5",
    "1e",
    "0x10",
    "1_000",
    "nan",
    "Infinity",
    "1,2,3",
    "1,00,000",
    "12,34.5",
    "1 00",
    "1 2",
    "1..2",
    "--1",
    "1,",
    "5.0x",
    "one",
    "1.5.2",
    "٣",
]
TWO_WAYS = ["1,000", "-12,500", "999,999", "1,000e3"]


def test_numbers_as_people_write_them():
    """Boxes, questions and files alike: tests/test_explorer_browser.py and tests/test_questions.py have the page's."""
    for text, value in NUMBERS:
        assert read_number(text) == (value, ""), text
    for text in NO_NUMBERS:
        value, doubt = read_number(text)
        assert value != value and doubt == "", text
    for text in TWO_WAYS:
        value, doubt = read_number(text)
        assert value != value and doubt.startswith(
            f"{text} may mean {text.replace(',', '')} or {text.replace(',', '.')}: write"
        )


def test_the_page_has_the_same_rule():
    """The JavaScript twin, where there is a node to run it."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node; the tests in the browser have the same texts")
    texts = [text for text, _ in NUMBERS] + NO_NUMBERS + TWO_WAYS
    program = (
        (ROOT / "lib" / "widgets" / "number.js").read_text()
        + f"""
        console.log(JSON.stringify({json.dumps(texts)}.map(readNumber).map(([value, doubt]) =>
            [Number.isNaN(value) ? null : value, doubt])))"""
    )
    answers = json.loads(subprocess.run([node, "-e", program], capture_output=True, text=True, check=True).stdout)
    for text, (value, doubt) in zip(texts, answers):
        expected, said = read_number(text)
        assert (value, doubt) == (None if expected != expected else expected, said), text


def test_the_page_reads_the_same_texts():
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node; the tests in the browser have the same texts")
    widgets = ROOT / "lib" / "widgets"
    contents = {name: case[0] for name, case in (TEXTS | REFUSED).items()}
    program = (
        (widgets / "number.js").read_text()
        + (widgets / "table.js").read_text()
        + f"""
        console.log(JSON.stringify(Object.entries({json.dumps(contents)}).map(([name, content]) => {{
            try {{
                const {{ rows, columns, values, hint }} = readTable(name, new TextEncoder().encode(content).buffer, 64);
                return {{ rows, columns, values: [...values], hint }};
            }} catch (error) {{ return {{ error: error.message }}; }}
        }})))"""
    )
    answers = json.loads(subprocess.run([node, "-e", program], capture_output=True, text=True, check=True).stdout)
    for name, answer in zip(contents, answers):
        if name in REFUSED:
            assert answer.get("error", "").startswith(f"{name}: {REFUSED[name][1]}"), name
            with pytest.raises(ValueError) as caught:
                read_text(contents[name], name)
            assert name == "words.csv" or str(caught.value) == answer["error"]
        else:
            table, said = read_text(contents[name], name)
            np.testing.assert_array_equal(np.ravel(table), answer["values"], err_msg=name)
            assert answer["rows"] * answer["columns"] == table.size and said == (
                f"{name}: {answer['hint']}" if answer["hint"] else ""
            ), name


def test_open_files_of_any_kind_are_read(tmp_path):
    X = np.random.default_rng(1).normal(size=(5, 2))
    path = saved(tmp_path, "ok.csv", ("x,y\n" + "".join(f"{a!r},{b!r}\n" for a, b in X.tolist())).encode())
    np.save(tmp_path / "x.npy", X)
    with (
        open(path) as text,
        open(path) as unnamed,
        open(path, "rb") as binary,
        open(tmp_path / "x.npy", "rb") as stored,
    ):
        for source, name in (
            (text, "ok.csv"),
            (unnamed, None),
            (binary, None),
            (stored, None),
            (io.StringIO(path.read_text()), "s.csv"),
            (io.StringIO("\ufeff" + path.read_text()), None),
            (io.BytesIO(path.read_bytes()), None),
            (io.BytesIO((tmp_path / "x.npy").read_bytes()), None),
            (tempfile.SpooledTemporaryFile(), None),
        ):
            if isinstance(source, tempfile.SpooledTemporaryFile):  # no io.IOBase before Python 3.11
                np.save(source, X)
                source.seek(0)
            np.testing.assert_array_equal(load(source, name), X)
    with (
        open(tmp_path / "x.npy") as text,
        pytest.raises(ValueError, match='^x.npy: is open as text .*: open it with mode "rb"$'),
    ):
        load(text)


@pytest.mark.parametrize("code", ["utf-8-sig", "utf-16", "utf-16-be"])
def test_texts_of_other_codes(tmp_path, code):
    """As Excel and PowerShell write "Unicode"; here and on the page."""
    content = ("\ufeff" if code == "utf-16-be" else "") + "Länge\tBreite\n1,5\t2\n3\t4\n"
    path = saved(tmp_path, "u.txt", content.encode(code))
    np.testing.assert_array_equal(load(path), [[1.5, 2.0], [3.0, 4.0]])
    node = shutil.which("node")
    if node is not None:
        widgets = ROOT / "lib" / "widgets"
        program = (
            (widgets / "number.js").read_text()
            + (widgets / "table.js").read_text()
            + f"""
            const bytes = new Uint8Array({json.dumps(list(path.read_bytes()))}).buffer;
            console.log(JSON.stringify([...readTable("u.txt", bytes, 64).values]))"""
        )
        answer = subprocess.run([node, "-e", program], capture_output=True, text=True, check=True).stdout
        assert json.loads(answer) == [1.5, 2.0, 3.0, 4.0]


def test_a_text_named_npy_is_no_pickle(tmp_path):
    with pytest.raises(ValueError, match="^t.npy: this is no .npy file of numbers, whatever its name$"):
        load(saved(tmp_path, "t.npy", b"1.5,2\n3,4\n"))


def test_an_archive_under_another_name(tmp_path):
    np.savez(tmp_path / "y.npz", a=np.ones(3))
    for name in ("y.npy", "y.csv"):
        with (
            open(tmp_path / "y.npz", "rb") as file,
            pytest.raises(ValueError, match=rf"^{name}: is an archive \(.npz, .xlsx or .zip\)"),
        ):
            load(file, name)


def test_bootstrap_takes_what_from_data_takes():
    rng = np.random.default_rng(0)
    U = rng.integers(0, 256, (200, 6)).astype(np.uint8)
    expected = bootstrap_spectra(np.array_split(U.astype(float), 20), resamples=3)
    np.testing.assert_allclose(expected[0], [6352, 6259, 5877, 5111, 4413, 4174], rtol=1e-4)
    np.testing.assert_allclose(expected[0], np.linalg.eigvalsh(np.cov(U.T.astype(float), bias=True))[::-1], rtol=1e-12)
    for kind in (np.uint8, np.int16, np.int64, np.float32, np.float16):
        np.testing.assert_allclose(
            bootstrap_spectra(np.array_split(U.astype(kind), 20), resamples=3), expected, rtol=1e-12
        )
    # An offset of 1e9 leaves seven digits of float64, and none of its square.
    np.testing.assert_allclose(bootstrap_spectra(np.array_split(U + 1e9, 20), resamples=3), expected, rtol=1e-6)
    for power in (-400, 400):
        np.testing.assert_allclose(
            bootstrap_spectra(np.array_split(np.ldexp(U.astype(float), power), 20), resamples=3),
            np.ldexp(expected, 2 * power),
            rtol=1e-12,
        )
    lists = [block.tolist() for block in np.array_split(U, 20)]
    np.testing.assert_allclose(bootstrap_spectra(lists, resamples=3), expected, rtol=1e-12)


@pytest.mark.parametrize("shape, sizes", [((24, 40), 6), ((24, 40), 1), ((60, 40), 15), ((90, 40), [45, 50, 60])])
def test_bootstrap_of_blocks_with_fewer_samples_than_features(shape, sizes):
    """Against the covariance of the blocks drawn, written out; short and long blocks together, too."""
    X = np.random.default_rng(0).normal(size=shape) / np.arange(1, shape[1] + 1) + 3.0
    blocks = np.split(X, np.arange(sizes, len(X), sizes) if np.isscalar(sizes) else sizes)
    rng, expected = np.random.default_rng(5), [np.cov(X.T, bias=True)]
    for _ in range(3):
        drawn = rng.integers(len(blocks), size=len(blocks))
        expected.append(np.cov(np.concatenate([blocks[i] for i in drawn]).T, bias=True))
    spectra = bootstrap_spectra(blocks, resamples=3, seed=5)
    for values, covariance in zip(spectra, expected):
        np.testing.assert_allclose(values, np.linalg.eigvalsh(covariance)[::-1], rtol=0, atol=1e-14 * values[0])


def test_bootstrap_of_few_samples_of_many_features_needs_little_memory():
    """The covariance of 40,000 features would take 12.8 GB."""
    X = np.random.default_rng(0).normal(size=(20, 40_000))
    spectra = bootstrap_spectra(np.array_split(X, 4), resamples=2)
    assert spectra.shape == (3, 40_000)
    expected = np.linalg.svd(X - X.mean(axis=0), compute_uv=False) ** 2 / 20
    np.testing.assert_allclose(spectra[0, :20], expected, rtol=0, atol=1e-14 * expected[0])
    assert np.all(spectra[:, 20:] == 0)


def test_bad_blocks_are_named():
    good = np.random.default_rng(0).normal(size=(5, 3))
    hole = good.copy()
    hole[1, 2] = np.nan
    for blocks, message in (
        ([good, hole], r"^blocks\[1\]\[1, 2\] = nan.*finite"),
        ([good, np.empty((0, 3))], r"^blocks\[1\] has shape \(0, 3\)"),
        ([good, good[:, :2]], r"^blocks\[1\].*2 features.*3.*blocks\[0\]"),
        ([good, good[0]], r"^blocks\[1\] has shape \(3,\)"),
        ([good[:1]], "^blocks hold 1 sample: must hold at least 2$"),
        ([np.ones((4, 3)), np.ones((2, 3))], "^blocks do not vary: their covariance is zero$"),
        ([good * 1j], r"^blocks\[0\] holds complex numbers"),
        ([np.ldexp(good, 600)], "^blocks of size 2.*square.*floating-point number"),
    ):
        with pytest.raises(ValueError, match=message):
            bootstrap_spectra(blocks, resamples=1)


def test_no_variance_is_negative():
    X = np.random.default_rng(0).normal(size=(60, 3))
    spectra = bootstrap_spectra(np.array_split(np.hstack([X, X, np.ones((60, 2))]), 6), resamples=20)
    assert spectra.min() >= 0.0 and np.all(spectra[:, 3:] < 1e-14 * spectra[:, :1])


# --- Real tasks -----------------------------------------------------------------------------------


def test_digits_have_ten_labels_in_their_order():
    from sklearn.datasets import load_digits

    labels, names = digit_labels(), load_digits().target
    assert labels.shape == (1797, 10)
    np.testing.assert_array_equal(np.argmax(labels, axis=1), names)
    # 1797 roundings
    np.testing.assert_allclose(labels.mean(axis=0), 0, atol=4e-13)
    np.testing.assert_allclose(labels.std(axis=0), 1, rtol=4e-13)


def test_labels_of_patches_are_the_photograph_s():
    from sklearn.datasets import load_sample_image

    picture = load_sample_image("china.jpg") / 255.0
    grey, size = photograph("china"), 5
    X, y, blocks = patch_labels("next pixel", size, "china", samples=300, seed=2)
    same, colour, pieces = patch_labels("colour", size, "china", samples=300, seed=2)
    np.testing.assert_array_equal(X, same)
    np.testing.assert_array_equal(blocks, pieces)
    # the same positions, drawn among those that have a pixel to their right
    row, column = np.divmod(np.random.default_rng(2).choice(423 * 635, 300, replace=False), 635)
    patches = np.array([grey[r : r + size, c : c + size].ravel() for r, c in zip(row, column)])
    flat = patches - patches.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(X, flat - flat.mean(axis=0), atol=1e-14)
    red = np.array(
        [(picture[r : r + size, c : c + size, 0] - picture[r : r + size, c : c + size, 1]) for r, c in zip(row, column)]
    )
    for label, values in (
        (y, np.array([grey[r + 2, c + 5] for r, c in zip(row, column)]) - patches.mean(axis=1)),
        (colour, red[:, 2, 2] - red.mean(axis=(1, 2))),
    ):
        np.testing.assert_allclose(label, (values - values.mean()) / values.std(), atol=1e-12)
    # the pieces are some 64 x 64 pixels large: 7 rows of 10
    assert len(set(patch_labels(samples=100_000, size=8)[2])) == 70
    for piece in set(blocks):
        assert np.ptp(row[blocks == piece]) < 64 and np.ptp(column[blocks == piece]) < 67


def test_a_linear_label_is_told_by_its_strengths_and_a_random_one_is_not():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((500, 6)) @ rng.standard_normal((6, 6))
    told = task(X, 3.0 + X @ np.arange(6.0))
    assert told.unexplained < 1e-25
    assert told.spectrum.weights @ (told.spectrum.eigenvalues * told.strength) == pytest.approx(1.0, rel=1e-12)
    noise = task(X, rng.standard_normal(500))
    share = noise.spectrum.weights @ (noise.spectrum.eigenvalues * noise.strength)
    assert share + noise.unexplained == pytest.approx(1.0, rel=1e-12)
    # 6 of 500 directions of the samples: a share of 0.012, chi-squared with 6 degrees of freedom
    assert 0.0005 < share < 0.06
    # against least squares in the original coordinates
    y = X @ np.arange(6.0) + 5.0 * rng.standard_normal(500)
    design = np.column_stack([X, np.ones(500)])
    rest = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    assert task(X, y).unexplained == pytest.approx(rest.var() / y.var(), rel=1e-12)
    np.testing.assert_allclose(task(1e3 * X, 1e-5 * y).strength, task(X, y).strength, rtol=1e-9)


def test_the_source_exponent_of_an_exact_law_is_found():
    for tau in (-1.5, 0.0, 0.7, 6.0):
        found, error = fit_source(np.arange(1.0, 65) ** -tau, (4, 64))
        assert found == pytest.approx(tau, abs=1e-9)
        assert error == pytest.approx(
            np.sqrt(2 / np.sum((np.log(np.arange(4, 65)) - np.log(np.arange(4, 65)).mean()) ** 2))
        )
    wild = np.arange(1.0, 65) ** -0.7 * 1e300
    assert fit_source(wild, (1, 64))[0] == pytest.approx(0.7, abs=1e-9)


def test_the_fit_of_a_source_is_unbiased_and_knows_its_error():
    rng, rank = np.random.default_rng(1), np.arange(1.0, 65)
    fits = np.array([fit_source(rank**-0.8 * rng.standard_normal(64) ** 2, (1, 64)) for _ in range(400)])
    # the standard error of the mean is a twentieth of that of a fit, 0.2; the bias of a likelihood's maximum is of the
    # order of the squared error over the number of ranks, 1/2000
    assert fits[:, 0].mean() == pytest.approx(0.8, abs=4 * 0.2 / 20)
    # the standard deviation of 400 numbers is known to 1/sqrt(800), 3.5 %; the expansion of the likelihood to 1/64
    assert fits[:, 0].std() == pytest.approx(fits[0, 1], rel=4 * 0.035 + 1 / 64)


def test_resampling_knows_the_scatter_of_fresh_samples():
    rank, window = np.arange(1.0, 21), (1, 20)

    def fresh(seed):
        rng = np.random.default_rng(seed)
        X = rng.standard_normal((600, 20)) * rank**-0.75
        return X, X @ np.sign(np.sin(rank)) + 0.1 * rng.standard_normal(600)

    truth = np.array([bootstrap_source(*fresh(seed), window, resamples=1)[0] for seed in range(60)])
    X, y = fresh(100)
    resampled = bootstrap_source(X, y, window, resamples=60)
    assert resampled[0] == pytest.approx(fit_source(task(X, y).strength, window)[0], abs=1e-8)
    # two standard deviations of 60 numbers each: their ratio is known to 13 %, times four
    assert np.log(resampled[1:].std() / truth.std()) == pytest.approx(0, abs=4 * 0.13)
    # one block of everything never changes
    np.testing.assert_allclose(bootstrap_source(X, y, window, np.zeros(600), 3), resampled[0], rtol=1e-8)


def test_the_predicted_curve_of_a_label_is_the_integrated_flow():
    rng, N, eta = np.random.default_rng(2), 12, 0.3
    X = rng.standard_normal((400, N)) * np.arange(1.0, N + 1) ** -0.75
    given = task(X, X @ rng.standard_normal(N) + rng.standard_normal(400))
    eigenvalues, alpha = given.spectrum.eigenvalues, np.array([0.0, 0.5, 5.0, 500.0])
    # e' = -2 eta lambda e + eta^2 lambda (E + nu), by the exponential of its matrix with one row more for nu
    from scipy.linalg import expm

    matrix = np.zeros((N + 1, N + 1))
    matrix[:N, :N] = -2 * eta * np.diag(eigenvalues) + eta**2 * np.outer(eigenvalues, eigenvalues) / N
    matrix[:N, N] = eta**2 * eigenvalues
    state = np.append(given.strength, given.unexplained)
    expected = [0.5 / N * eigenvalues @ (expm(matrix * a) @ state)[:N] for a in alpha]
    # the matrix exponential is good to 1e-13 of the start, some hundred times the end
    np.testing.assert_allclose(label_error(given, eta, alpha), expected, rtol=1e-10)


def exact_mean(X, y, eta, steps):
    """Mean eps_g of SGD on samples, exactly: the map of all second moments of J - B and of its mean."""
    samples, eigenvalues = lib.spectra.eigenbasis(X)
    n, N = samples.shape
    y = (y - y.mean()) / y.std()
    B = np.sqrt(N) * (samples.T @ y / n) / eigenvalues
    r, g = y - samples @ B / np.sqrt(N), eta / N
    m, V, errors = -B, np.outer(B, B), []
    for step in range(max(steps) + 1):
        if step in steps:
            errors.append(0.5 / N * eigenvalues @ np.diag(V))
        square = np.einsum("si,ij,sj->s", samples, V, samples) - 2 * np.sqrt(N) * r * (samples @ m) + N * r**2
        V = V - g * (eigenvalues[:, None] + eigenvalues) * V + g**2 * samples.T @ (square[:, None] * samples) / n
        m = m - g * eigenvalues * m
    return np.array(errors)


def skewed_task():
    """Inputs that are far from Gaussian, and a label whose rest depends on them."""
    rng = np.random.default_rng(3)
    X = rng.standard_normal((300, 5)) ** 3 * np.arange(1.0, 6) ** -0.75
    return X, X @ np.ones(5) + 0.3 * X[:, 0] ** 2 + rng.standard_normal(300)


def test_sgd_on_a_label_has_the_mean_that_all_second_moments_give():
    X, y = skewed_task()
    steps, eta = [0, 5, 20, 100], 0.05
    runs = learn_label(X, y, eta, np.array(steps) / 5, 4000)
    error = runs[:, 1:].std(axis=0, ddof=1) / np.sqrt(4000)
    expected = exact_mean(X, y, eta, steps)
    assert runs[:, 0] == pytest.approx(expected[0], rel=1e-12)
    # three times of 4000 runs; 4.5 standard errors have probability 2e-5
    assert np.all(np.abs(runs[:, 1:].mean(axis=0) - expected[1:]) < 4.5 * error)
    assert np.all(error < 0.03 * expected[1:])
    np.testing.assert_array_equal(learn_label(X, y, eta, [4.0], [7, 0]), runs[[7, 0], 2:3])


def test_the_table_of_moments_predicts_sgd_where_components_stay_uncorrelated():
    rng, steps, eta = np.random.default_rng(4), [0, 10, 100, 1000], 0.2
    # every combination of signs of the components, so that no moment of different components is left but squares
    signs = np.array(np.meshgrid(*[[-1.0, 1.0]] * 5)).reshape(5, -1).T
    sizes = rng.choice([0.3, 2.0], size=(40, 1, 5))
    X = (signs * sizes * np.arange(1.0, 6) ** -0.75).reshape(-1, 5)
    even = np.repeat(rng.standard_normal(40), 32)  # the same for all signs: uncorrelated with the inputs
    y = X @ np.array([1.0, 0.0, 0.0, 0.0, 0.0]) + even * np.abs(X[:, 0])
    expected = exact_mean(X, y, eta, steps)
    # one component alone is taught, so that its square is all; the rest is rounding of a thousand steps
    np.testing.assert_allclose(measured_label_error(X, y, eta, np.array(steps) / 5), expected, rtol=1e-9)


def test_at_small_rate_the_label_s_curve_is_the_sum_of_its_levels():
    X, y = skewed_task()
    given, eta = task(X, y), 1e-8
    alpha = np.array([0.3, 3.0]) / eta
    sum_ = (
        0.5
        / 5
        * np.exp(-2 * eta * np.outer(alpha, given.spectrum.eigenvalues))
        @ (given.spectrum.eigenvalues * given.strength)
    )
    for prediction in (label_error(given, eta, alpha), measured_label_error(X, y, eta, alpha)):
        # noise is eta/4 times a moment of some tens, over an error of 7e-4
        np.testing.assert_allclose(prediction, sum_, rtol=1e-3)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: task(np.eye(3), [1.0, 2.0]), "y has shape"),
        (lambda: task(np.eye(3), [1.0, 1.0, 1.0]), "y = 0.0: must be a label that varies"),
        (lambda: patch_labels("word"), "label = 'word': must be one of 'next pixel', 'colour'"),
        (lambda: patch_labels(image="both"), "image = "),
        (lambda: patch_labels(samples=10**9), "samples = "),
        (lambda: fit_source([1.0, -1.0, 1.0], (1, 3)), "strength = -1.0: must be >= 0"),
        (lambda: fit_source([0.0] * 5 + [1.0], (1, 5)), "strength: is zero"),
        (lambda: fit_source([1.0] * 5, (2, 3)), "window = .*3 of the ranks 1 to 5"),
        (lambda: fit_source([1.0, 0.0, 0.0, 0.0], (1, 4)), "faster than any power"),
        (lambda: bootstrap_source(np.eye(4), [1.0, 2.0, 3.0, 5.0], (1, 3), [0, 1, 2, 0.5]), "blocks = 0.5"),
        (lambda: label_error(3, 0.1, [1.0]), "given = 3: must be a Task"),
        (lambda: label_error(Task(lib.power_law(1.0, 3), np.ones(3), 0.1), 2.0, [1.0]), "eta = 2"),
        (lambda: measured_label_error(np.eye(3), [1.0, 2.0, 4.0], -1.0, [1.0]), "eta = -1"),
        (lambda: learn_label(np.eye(3), [1.0, 2.0, 4.0], 0.1, [2.0, 1.0]), "alpha"),
        (lambda: learn_label(np.eye(3), [1.0, 2.0, 4.0], 0.1, [1.0], []), "seeds"),
    ],
)
def test_bad_tasks_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
