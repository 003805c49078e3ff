"""Real inputs that come with scikit-learn: patches of two photographs, and handwritten digits.

Nothing is downloaded. Both functions return centred samples, ready for ``Spectrum.from_data``.
"""

import numpy as np
from sklearn.datasets import load_digits, load_sample_image

from .spectra import Spectrum

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
    if name not in PHOTOGRAPHS:
        raise ValueError(f"photograph must be one of {PHOTOGRAPHS}, got {name!r}")
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
    names = PHOTOGRAPHS if image == "both" else (image,)
    photographs = [photograph(name) for name in names]
    shortest = min(photographs[0].shape)
    if not (isinstance(size, (int, np.integer)) and 2 <= size <= shortest):
        raise ValueError(f"size must be a whole number from 2 to {shortest}, got {size!r}")
    views = [np.lib.stride_tricks.sliding_window_view(grey, (size, size)) for grey in photographs]
    rows, columns = views[0].shape[:2]
    positions = len(views) * rows * columns
    if samples is None:
        chosen = np.arange(positions)
    elif isinstance(samples, (int, np.integer)) and 2 <= samples <= positions:
        chosen = np.random.default_rng(seed).choice(positions, samples, replace=False)
    else:
        raise ValueError(f"samples must be None or a whole number from 2 to {positions}, got {samples!r}")
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

    Patches overlap, and near patches show the same things: resampling single patches would take a hundred
    thousand of them for independent and give an error far too small. Blocks of the picture, drawn with
    replacement, are nearly independent.

    Parameters
    ----------
    image : "china" or "flower"
    size : int
        Side of a patch.
    window : (float, float)
        Ranks of the fit, as in :meth:`lib.Spectrum.fit`.
    block : int
        Side of a block in pixels.
    resamples : int
    seed : int

    Returns
    -------
    ndarray, shape (resamples,)
    """
    view = np.lib.stride_tricks.sliding_window_view(photograph(image), (size, size))
    counts, sums, squares = [], [], []
    for rows in _split(view.shape[0], block):
        for columns in _split(view.shape[1], block):
            patches = view[rows, columns].reshape(-1, size * size)
            patches = patches - patches.mean(axis=1, keepdims=True)
            counts.append(len(patches))
            sums.append(patches.sum(axis=0))
            squares.append(patches.T @ patches)
    counts, sums, squares = (np.array(values, dtype=np.float64) for values in (counts, sums, squares))
    rng = np.random.default_rng(seed)
    betas = np.empty(resamples)
    for i in range(resamples):
        drawn = np.bincount(rng.integers(len(counts), size=len(counts)), minlength=len(counts)).astype(np.float64)
        total = drawn @ counts
        mean = drawn @ sums / total
        covariance = np.tensordot(drawn, squares, axes=1) / total - np.outer(mean, mean)
        eigenvalues = np.linalg.eigvalsh(covariance)[1:]  # the flat patch is missing
        betas[i] = Spectrum(eigenvalues).fit(window).beta
    return betas


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
    values = load_digits().data / 16.0
    return values - values.mean(axis=0)
