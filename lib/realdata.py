"""Chapter "Real data": inputs that come with scikit-learn, features of a trained layer, and the reader's own files.

Nothing is downloaded. :func:`image_patches`, :func:`digits` and :func:`layer` return centred samples, ready for
``Spectrum.from_data``. scikit-learn, slow to import, is imported where it is used.
"""

import io
import os
import re
from pathlib import Path

import numpy as np

from . import checks
from .curve import field_error
from .spectra import Spectrum, eigenbasis

PHOTOGRAPHS = ("china", "flower")
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601: the grey value that JPEG itself stores


def photograph(name):
    """Grey values of a photograph.

    Parameters
    ----------
    name : "china" or "flower"
        A temple under a bright sky, sharp throughout; a flower before a background out of focus.

    Returns
    -------
    ndarray, shape (427, 640)
        Luma (ITU-R BT.601) of the stored, gamma-compressed RGB values, 0 to 1.
    """
    checks.one_of("name", name, PHOTOGRAPHS)
    from sklearn.datasets import load_sample_image

    return load_sample_image(f"{name}.jpg") @ _LUMA / 255.0


def image_patches(size=16, image="both", samples=100_000, remove_mean=True, seed=0):
    """Square patches cut at random from scikit-learn's photographs.

    Parameters
    ----------
    size : int
        Side of a patch in pixels, 2 to 427.
    image : "china", "flower" or "both"
        "both" draws from the positions in the two photographs alike.
    samples : int or None
        Number of patches, drawn without replacement from all positions; None: all of them, in order.
        Patches overlap: neighbours are far from independent.
    remove_mean : bool
        Take each patch's own mean from it, and with it the brightness: one direction that would hold nearly
        90 % of the variance (size 16) and no structure. Rank size^2 - 1: the flat patch is missing.
    seed : int

    Returns
    -------
    ndarray, shape (samples, size * size)
        Grey values (:func:`photograph`), pixels row by row, minus the mean over the samples.

    Raises
    ------
    ValueError
        ``size`` out of range, an unknown ``image``, more ``samples`` than there are positions.
    """
    checks.one_of("image", image, (*PHOTOGRAPHS, "both"))
    names = PHOTOGRAPHS if image == "both" else (image,)
    photographs = [photograph(name) for name in names]
    size = checks.whole("size", size, 2, min(photographs[0].shape))
    views = [np.lib.stride_tricks.sliding_window_view(grey, (size, size)) for grey in photographs]
    rows, columns = views[0].shape[:2]
    positions = len(views) * rows * columns
    if samples is None:
        chosen = np.arange(positions)
    else:
        samples = checks.whole("samples", samples, 2, positions)
        chosen = np.random.default_rng(checks.whole("seed", seed, 0)).choice(positions, samples, replace=False)
    which, position = np.divmod(chosen, rows * columns)
    patches = np.empty((len(chosen), size * size))
    for number, view in enumerate(views):
        mine = which == number
        row, column = np.divmod(position[mine], columns)
        patches[mine] = view[row, column].reshape(-1, size * size)
    if remove_mean:
        patches -= patches.mean(axis=1, keepdims=True)
    patches -= patches.mean(axis=0)
    return patches


def bootstrap_beta(image, size, window, block=64, resamples=100, seed=0):
    """Exponents beta of a photograph's patches, resampled by blocks of the picture.

    Parameters
    ----------
    image : "china" or "flower"
    size : int
        Side of a patch.
    window : (float, float)
        Ranks of the fit, as in :meth:`lib.Spectrum.fit`.
    block, resamples, seed
        As in :func:`bootstrap_patches`.

    Returns
    -------
    ndarray, shape (resamples,)
    """
    spectra = bootstrap_patches(image, size, block, resamples, seed)[1:]
    return np.array([Spectrum(eigenvalues).fit(window).beta for eigenvalues in spectra])


def bootstrap_patches(image, size, block=64, resamples=100, seed=0):
    """Spectra of a photograph's patches, resampled by blocks of the picture.

    Patches overlap, and near patches show the same things: resampling single patches would take a hundred
    thousand of them for independent and give an error far too small. Blocks of the picture, drawn with
    replacement, are nearly independent.

    Parameters
    ----------
    image : "china" or "flower"
    size : int
        Side of a patch, its mean removed.
    block : int
        Side of a block in pixels.
    resamples : int
    seed : int

    Returns
    -------
    ndarray, shape (1 + resamples, size * size - 1)
        Eigenvalues, descending; the first row is the picture itself.
    """
    grey = photograph(checks.one_of("image", image, PHOTOGRAPHS))
    size, block = checks.whole("size", size, 2, min(grey.shape)), checks.whole("block", block)
    view = np.lib.stride_tricks.sliding_window_view(grey, (size, size))
    blocks = (view[rows, columns].reshape(-1, size * size)
              for rows in _split(view.shape[0], block) for columns in _split(view.shape[1], block))
    spectra = bootstrap_spectra((patches - patches.mean(axis=1, keepdims=True) for patches in blocks), resamples, seed)
    return spectra[:, :-1]  # the flat patch is missing


def bootstrap_spectra(blocks, resamples=100, seed=0):
    """Spectra of samples whose blocks are drawn anew, with replacement.

    Parameters
    ----------
    blocks : iterable of ndarray, shape (samples of the block, features)
        Pieces of the data that are independent of each other as nearly as may be; for independent samples,
        ``np.array_split(X, 200)`` will do.
    resamples : int
    seed : int

    Returns
    -------
    ndarray, shape (1 + resamples, features)
        Eigenvalues of the covariance, descending, unscaled; the first row is that of the data as they are.
    """
    resamples, seed = checks.whole("resamples", resamples), checks.whole("seed", seed, 0)
    parts = [(len(X), X.sum(axis=0), X.T @ X) for X in blocks]
    if not parts:
        checks.refuse("blocks", blocks, "at least one array of samples")
    counts, sums, squares = (np.array(values, dtype=np.float64) for values in zip(*parts))
    rng = np.random.default_rng(seed)
    spectra = []
    for i in range(1 + resamples):
        drawn = np.ones(len(counts))
        if i > 0:
            drawn = np.bincount(rng.integers(len(counts), size=len(counts)), minlength=len(counts)).astype(np.float64)
        total = drawn @ counts
        mean = drawn @ sums / total
        covariance = np.tensordot(drawn, squares, axes=1) / total - np.outer(mean, mean)
        spectra.append(np.linalg.eigvalsh(covariance)[::-1])
    return np.array(spectra)


def _split(length, block):
    """Slices of about ``block`` that cover ``length``."""
    edges = np.linspace(0, length, max(1, round(length / block)) + 1).astype(int)
    return [slice(lo, hi) for lo, hi in zip(edges[:-1], edges[1:])]


def digits():
    """The 1,797 handwritten digits of 8 x 8 pixels that come with scikit-learn.

    Returns
    -------
    ndarray, shape (1797, 64)
        Grey values 0 to 1 (stored as 0 to 16), minus the mean digit. Three corner pixels never
        vary, so the covariance has rank 61.
    """
    from sklearn.datasets import load_digits

    values = load_digits().data / 16.0
    return values - values.mean(axis=0)


def layer(passes, width=256, seed=0):
    """What a hidden layer of rectified linear units makes of the digits, before, during or after training.

    scikit-learn's ``MLPClassifier`` (Adam, batches of 200) on 1,200 of the digits, with their names as labels.

    Parameters
    ----------
    passes : int
        Passes over the training digits, 0 to 1000. 0: the random layer from which training starts.
    width : int
        Units, 1 to 4096.
    seed : int
        Of the initial weights, of the order of the examples, and of the split.

    Returns
    -------
    features : ndarray, shape (1797, width)
        Activations for all digits, minus their mean.
    accuracy : float
        Share of the 597 digits left out of the training that the network names correctly.
    """
    from sklearn.datasets import load_digits
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier
    from sklearn.utils._testing import ignore_warnings

    passes = checks.whole("passes", passes, 0, 1000)
    width = checks.whole("width", width, 1, 4096)
    X, names = load_digits(return_X_y=True)
    X = X / 16.0
    order = np.random.default_rng(checks.whole("seed", seed, 0)).permutation(len(X))
    train, test = order[:1200], order[1200:]
    # a step of 1e-300 changes no weight: the network as it is initialised, without scikit-learn's private methods
    network = MLPClassifier((width,), max_iter=max(passes, 1), learning_rate_init=1e-3 if passes else 1e-300,
                            tol=0.0, n_iter_no_change=1001, random_state=seed)
    ignore_warnings(category=ConvergenceWarning)(network.fit)(X[train], names[train])
    features = np.maximum(X @ network.coefs_[0] + network.intercepts_[0], 0.0)
    return features - features.mean(axis=0), network.score(X[test], names[test])


def contrast(X):
    """Squared length of every sample in units of its mean, |xi|^2 / N after scaling to mean eigenvalue 1.

    Parameters
    ----------
    X : array_like, shape (samples, features)

    Returns
    -------
    ndarray, shape (samples,)
        Of mean 1. Gaussian data has the variance 2 <lambda^2> / N.
    """
    samples = eigenbasis(X)[0]
    return np.mean(samples**2, axis=1)


def mixture_error(model, curve, contrasts, quantiles=1024):
    """eps_g of fields that are Gaussian at given contrast: the mean of eps_g(c Q, c R, c T) over the contrasts c.

    Inputs xi = sqrt(c) g with g Gaussian and c independent of it. One contrast c = 1 gives back the
    Gaussian formula for the same overlaps.

    Parameters
    ----------
    model : StudentTeacher
    curve : Curve
        With a leading axis of seeds, as from :func:`lib.simulate`.
    contrasts : array_like, shape (samples,)
        From :func:`contrast`.
    quantiles : int
        The mean is taken over so many equally likely values. Image patches, whose contrast has a long tail, need the default:
        64 values would miss a tenth of its second moment and err by 1 %.

    Returns
    -------
    ndarray, shape (seeds, n)
    """
    if np.ndim(curve.Q) != 4:
        raise ValueError(f"curve.Q has shape {np.shape(curve.Q)}: must have a leading axis of seeds, as from lib.simulate")
    contrasts = checks.array("contrasts", contrasts)
    if contrasts.min() < 0:
        checks.refuse("contrasts", contrasts.min(), ">= 0")
    count = checks.whole("quantiles", quantiles)
    levels = np.quantile(contrasts, (np.arange(count) + 0.5) / count)
    levels *= contrasts.mean() / levels.mean()  # what the quantiles miss of the tail
    return np.array([
        np.mean([field_error(model, c * Q, c * R, c * T) for c in levels], axis=0)
        for Q, R, T in zip(curve.Q, curve.R, curve.T)
    ])


# --- The reader's own data ------------------------------------------------------------------------------------

MAX_VALUES = 2**27  # 1 GB as doubles
MAX_FEATURES = 4096
ENDINGS = (".npy", ".csv", ".tsv", ".txt", ".dat")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def load(source, name=None):
    """Read a table of numbers: samples x features, or a list of eigenvalues.

    Parameters
    ----------
    source : str, path, binary file or array_like
        A ``.npy`` file of real numbers; or text (``.csv``, ``.tsv``, ``.txt``, ``.dat``): a line for each
        sample, values parted by commas, semicolons, tabs or blanks, optionally one line of names, and comments
        after ``#``. Pickled objects are refused.
    name : str, optional
        What messages call the source; its ending says what kind of file it is. Default: the path.

    Returns
    -------
    ndarray, shape (samples, features) or (L,)
        A single row or column is a list: one sample, or one feature, has no spectrum.

    Raises
    ------
    ValueError
        Naming the file, the place, the value, and what is allowed: another kind of file, a value that is no finite
        number, lines of unequal length, fewer than 2 values, more than MAX_VALUES values or MAX_FEATURES features.
    FileNotFoundError
    """
    if isinstance(source, (str, os.PathLike)):
        with open(source, "rb") as file:
            return load(file, name or Path(source).name)
    name = name or "the array"
    if not isinstance(source, io.IOBase):
        table = np.asarray(source)
    elif Path(name).suffix.lower() not in ENDINGS:
        raise ValueError(f"{name}: must be a {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]} file")
    elif name.lower().endswith(".npy"):
        try:
            table = np.load(source, allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            raise ValueError(f"{name}: this is no .npy file of numbers ({error})") from None
    else:
        table = _read_text(source, name)
    if table.dtype.kind not in "fiub":
        raise ValueError(f"{name}: holds {table.dtype}: must be real numbers")
    if table.ndim not in (1, 2):
        raise ValueError(f"{name}: has {table.ndim} dimensions: must have 1 or 2")
    if not 2 <= table.size <= MAX_VALUES:
        raise ValueError(f"{name}: holds {table.size} values: must hold 2 to {MAX_VALUES}")
    table = table.ravel() if 1 in table.shape else table
    if table.shape[-1] > MAX_FEATURES and table.ndim == 2:
        raise ValueError(f"{name}: has {table.shape[1]} features (columns): must have at most {MAX_FEATURES}")
    wrong = np.argwhere(~np.isfinite(table))
    if len(wrong):
        place = ", ".join(f"{word} {at + 1}" for word, at in zip(("row", "column"), wrong[0]))
        raise ValueError(f"{name}: {place}: {table[tuple(wrong[0])]} is not a finite number")
    return np.ascontiguousarray(table, dtype=np.float64)


def spectrum(source, name=None):
    """Spectrum of a file or array: of the samples' covariance, or of the eigenvalues listed.

    Parameters and errors as :func:`load`; also takes a :class:`lib.Spectrum`, which it returns.

    Returns
    -------
    Spectrum
    """
    if isinstance(source, Spectrum):
        return source
    table = load(source, name)
    try:
        return Spectrum(table) if table.ndim == 1 else Spectrum.from_data(table)
    except ValueError as error:
        where = name or (Path(source).name if isinstance(source, (str, os.PathLike)) else "the array")
        raise ValueError(f"{where}: {error}") from None


def _read_text(file, name):
    """A table of text; the page's reader (lib/widgets/table.js) has the same rules."""
    rows, separator, headed = [], None, False
    text = file.read().decode("utf-8-sig", errors="replace")
    for number, line in enumerate(text.splitlines(), 1):
        content = line.split("#")[0].strip()
        if not content:
            continue
        if not rows and not headed:
            separator = next((sign for sign in ",;\t" if sign in content), None)
        cells = [cell.strip() for cell in content.split(separator)]
        wrong = next((i for i, cell in enumerate(cells) if not _NUMBER.fullmatch(cell)), None)
        if wrong is not None and not rows and not headed:  # one line of names
            headed = True
            continue
        if wrong is not None:
            raise ValueError(f'{name}: line {number}, column {wrong + 1}: "{cells[wrong][:20]}" is not a finite number')
        if rows and len(cells) != len(rows[0]):
            raise ValueError(
                f"{name}: line {number} has {len(cells)} values: must have {len(rows[0])}, as the first")
        rows.append(np.array(cells, dtype=np.float64))
    return np.array(rows) if rows else np.empty((0, 1))
