"""Chapters "Real data" and "Hard and easy tasks": inputs and labels of real data, and the reader's own files.

Nothing is downloaded: pictures and digits come with scikit-learn. :func:`image_patches`, :func:`digits` and
:func:`layer` return centred samples, ready for ``Spectrum.from_data``; :func:`digit_labels` and :func:`patch_labels`
return what is to be learned from such inputs. scikit-learn, slow to import, is imported where it is used.
"""

import io
import os
import re
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from . import linear
from .core import checks
from .core.curve import Curve, field_error
from .core.spectra import Spectrum, eigenbasis
from .core.student_teacher import StudentTeacher
from .kernels import sgd as kernels
from .kernels.averages import LINEAR, Network

PHOTOGRAPHS = ("china", "flower")
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601: the grey value that JPEG itself stores


def photograph(name: str) -> NDArray[np.float64]:
    """Load the grey values of a photograph.

    Parameters
    ----------
    name : {"china", "flower"}
        A temple under a bright sky, sharp throughout; a flower before a background out of focus.

    Returns
    -------
    ndarray, shape (427, 640)
        Luma (ITU-R BT.601) of the stored, gamma-compressed RGB values, 0 to 1.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    return _picture("name", name) @ _LUMA


def _picture(argument, name):
    """The photograph of that name, shape (427, 640, 3): stored red, green and blue, 0 to 1."""
    checks.one_of(argument, name, PHOTOGRAPHS)
    from sklearn.datasets import load_sample_image

    return load_sample_image(f"{name}.jpg") / 255.0


def image_patches(
    size: int = 16,
    image: str = "both",
    samples: int | None = 100_000,
    remove_mean: bool = True,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Cut square patches at random from scikit-learn's photographs.

    Parameters
    ----------
    size : int
        Side of a patch in pixels, 2 to 427. Default: 16.
    image : {"china", "flower", "both"}
        "both" draws from the positions in the two photographs with equal probability. Default: "both".
    samples : int or None
        Number of patches, drawn without replacement from all positions; None: all of them, in order. Patches overlap:
        neighbours are far from independent. Default: 100,000.
    remove_mean : bool
        Subtract each patch's own mean, and with it the brightness: one direction that would hold nearly 90 % of the
        variance (size 16) and no structure. Rank size^2 - 1: the flat patch is missing. Default: True.
    seed : int
        Seed of the random numbers, >= 0. Default: 0.

    Returns
    -------
    ndarray, shape (samples, size * size)
        Grey values (:func:`photograph`), pixels row by row, minus the mean over the samples.

    Raises
    ------
    ValueError
        If ``size`` is out of range, ``image`` unknown, or there are fewer positions than ``samples``.
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


def bootstrap_beta(
    image: str,
    size: int,
    window: tuple[float, float],
    block: int = 64,
    resamples: int = 100,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Fit the exponent beta of a photograph's patches, resampled by blocks of the picture.

    Parameters
    ----------
    image : {"china", "flower"}
        The photograph.
    size : int
        Side of a patch in pixels, 2 to 427; its mean is removed.
    window : (float, float)
        First and last rank of the fit, as for :meth:`lib.Spectrum.fit`.
    block : int
        Side of a block in pixels. Default: 64.
    resamples : int
        Number of resamples. Default: 100.
    seed : int
        Seed of the random numbers, >= 0. Default: 0.

    Returns
    -------
    ndarray, shape (resamples,)
        beta of every resample.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    spectra = bootstrap_patches(image, size, block, resamples, seed)[1:]
    return np.array([Spectrum(eigenvalues).fit(window).beta for eigenvalues in spectra])


def bootstrap_patches(
    image: str, size: int, block: int = 64, resamples: int = 100, seed: int = 0
) -> NDArray[np.float64]:
    """Compute the spectra of a photograph's patches, resampled by blocks of the picture.

    Patches overlap, and near patches show the same things: resampling single patches would treat a hundred thousand
    of them as independent and give an error far too small. Blocks of the picture, drawn with replacement, are nearly
    independent.

    Parameters
    ----------
    image : {"china", "flower"}
        The photograph.
    size : int
        Side of a patch in pixels, 2 to 427; its mean is removed.
    block : int
        Side of a block in pixels. Default: 64.
    resamples : int
        Number of resamples. Default: 100.
    seed : int
        Seed of the random numbers, >= 0. Default: 0.

    Returns
    -------
    ndarray, shape (1 + resamples, size * size - 1)
        Eigenvalues, descending; the first row is the picture itself.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    grey = photograph(checks.one_of("image", image, PHOTOGRAPHS))
    size, block = checks.whole("size", size, 2, min(grey.shape)), checks.whole("block", block)
    view = np.lib.stride_tricks.sliding_window_view(grey, (size, size))
    blocks = (
        view[rows, columns].reshape(-1, size * size)
        for rows in _split(view.shape[0], block)
        for columns in _split(view.shape[1], block)
    )
    spectra = bootstrap_spectra((patches - patches.mean(axis=1, keepdims=True) for patches in blocks), resamples, seed)
    return spectra[:, :-1]  # the flat patch is missing


def bootstrap_spectra(blocks: Iterable[ArrayLike], resamples: int = 100, seed: int = 0) -> NDArray[np.float64]:
    """Compute the spectra of samples whose blocks are drawn anew, with replacement.

    Parameters
    ----------
    blocks : iterable of array_like, shape (samples of the block, features)
        Pieces of the data that are as independent of each other as possible; for independent samples,
        ``np.array_split(X, 200)`` will do.
    resamples : int
        Number of resamples. Default: 100.
    seed : int
        Seed of the random numbers, >= 0. Default: 0.

    Returns
    -------
    ndarray, shape (1 + resamples, features)
        Eigenvalues of the covariance, descending, unscaled; the first row is that of the data without resampling.

    Raises
    ------
    ValueError
        If there is no block, a block is empty, holds values that are not finite or has another number of features,
        or the samples without resampling are fewer than 2 or do not vary.

    Examples
    --------
    >>> import lib
    >>> import numpy as np
    >>> X = np.random.default_rng(0).standard_normal((400, 3)) * [3.0, 2.0, 1.0]
    >>> spectra = lib.realdata.bootstrap_spectra(np.array_split(X, 40), resamples=50)
    >>> spectra[0].round(2), spectra[1:].std(axis=0).round(2)
    (array([8.67, 3.76, 0.94]), array([0.56, 0.31, 0.06]))
    """
    resamples, seed = checks.whole("resamples", resamples), checks.whole("seed", seed, 0)
    sizes: list[int] = []
    totals: list[NDArray[np.float64]] = []
    tall: list[tuple[int, NDArray[np.float64]]] = []  # blocks of many samples: the matrix of their products
    wide: list[tuple[int, NDArray[np.float64]]] = []  # blocks of few samples: these, which is less to store
    exponent, centre = 0, np.zeros(1)
    for i, block in enumerate(blocks):
        X = checks.array(f"blocks[{i}]", block, ndim=2)
        if i == 0:  # in units of the first block's size and about its mean, so that squares neither overflow nor cancel
            exponent = int(np.frexp(np.abs(X).max())[1])
            centre = np.ldexp(X, -exponent).mean(axis=0)
        elif X.shape[1] != centre.size:
            raise ValueError(f"blocks[{i}] has {X.shape[1]} features: must have {centre.size}, as blocks[0]")
        X = np.ldexp(X, -exponent) - centre
        sizes.append(len(X))
        totals.append(X.sum(axis=0))
        if len(X) >= X.shape[1]:
            tall.append((i, X.T @ X))
        else:
            wide.append((i, X))
    if not sizes:
        checks.refuse("blocks", blocks, "at least one array of samples")
    counts, sums, features = np.array(sizes, dtype=np.float64), np.array(totals), centre.size
    if counts.sum() < 2:
        raise ValueError(f"blocks hold {counts.sum():.0f} sample: must hold at least 2")
    squared, squares = [i for i, _ in tall], np.array([square for _, square in tall])
    owner = np.repeat([i for i, _ in wide], [len(X) for _, X in wide]).astype(int)
    rows = np.concatenate([X for _, X in wide]) if wide else None
    if rows is not None and not squared and len(rows) < features:  # in coordinates of the space that the samples span
        rows = np.asarray(np.linalg.qr(rows.T, mode="r")).T
        sums = np.array([rows[owner == i].sum(axis=0) for i in range(len(counts))])
    rng = np.random.default_rng(seed)
    spectra = []
    for i in range(1 + resamples):
        drawn = np.ones(len(counts))
        if i > 0:
            drawn = np.bincount(rng.integers(len(counts), size=len(counts)), minlength=len(counts)).astype(np.float64)
        total = drawn @ counts
        mean = drawn @ sums / total
        second = np.tensordot(drawn[squared], squares, axes=1) if squared else 0.0
        if rows is not None:
            second = second + (drawn[owner, None] * rows).T @ rows
        covariance = second / total - np.outer(mean, mean)
        spectra.append(np.zeros(features))
        # eigenvalues are variances, and negative only by rounding
        spectra[-1][: mean.size] = np.maximum(np.linalg.eigvalsh(covariance)[::-1], 0.0)
    if spectra[0][0] == 0.0:
        raise ValueError("blocks do not vary: their covariance is zero")
    with np.errstate(over="ignore", under="ignore"):
        spectra = np.ldexp(spectra, 2 * exponent)
    if not np.all(np.isfinite(spectra)):
        raise ValueError(f"blocks of size 2^{exponent}: the square must be a floating-point number")
    return spectra


def _split(length: int, block: int) -> list[slice]:
    """Return slices of about ``block`` that cover ``length``."""
    edges = np.linspace(0, length, max(1, round(length / block)) + 1).astype(int)
    return [slice(lo, hi) for lo, hi in zip(edges[:-1], edges[1:])]


def digits() -> NDArray[np.float64]:
    """Load the 1,797 handwritten digits of 8 x 8 pixels that come with scikit-learn.

    Returns
    -------
    ndarray, shape (1797, 64)
        Grey values 0 to 1 (stored as 0 to 16), minus the mean digit. Three corner pixels never
        vary, so the covariance has rank 61.
    """
    from sklearn.datasets import load_digits

    values = load_digits().data / 16.0
    return values - values.mean(axis=0)


def layer(passes: int, width: int = 256, seed: int = 0) -> tuple[NDArray[np.float64], float]:
    """Return the features that a hidden layer of rectified linear units extracts from the digits.

    Before, during or after training: scikit-learn's ``MLPClassifier`` (Adam, batches of 200) on 1,200 of the digits,
    with their names as labels.

    Parameters
    ----------
    passes : int
        Passes over the training digits, 0 to 1000. 0: the random layer from which training starts.
    width : int
        Units, 1 to 4096. Default: 256.
    seed : int
        Seed of the initial weights, of the order of the examples, and of the split, >= 0. Default: 0.

    Returns
    -------
    features : ndarray, shape (1797, width)
        Activations for all digits, minus their mean.
    accuracy : float
        Fraction of the 597 digits left out of the training that the network names correctly.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
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
    network = MLPClassifier(
        (width,),
        max_iter=max(passes, 1),
        learning_rate_init=1e-3 if passes else 1e-300,
        tol=0.0,
        n_iter_no_change=1001,
        random_state=seed,
    )
    ignore_warnings(category=ConvergenceWarning)(network.fit)(X[train], names[train])
    features = np.maximum(X @ network.coefs_[0] + network.intercepts_[0], 0.0)
    return features - features.mean(axis=0), network.score(X[test], names[test])


def contrast(X: ArrayLike) -> NDArray[np.float64]:
    """Compute the squared length of every sample in units of its mean, |xi|^2 / N after scaling to mean eigenvalue 1.

    Equation ``eq-contrast`` of the book.

    Parameters
    ----------
    X : array_like, shape (samples, features)

    Returns
    -------
    ndarray, shape (samples,)
        Of mean 1. Gaussian data has the variance 2 <lambda^2> / N.

    Raises
    ------
    ValueError
        If ``X`` holds fewer than two samples, or values that are not finite, or does not vary.
    """
    samples = eigenbasis(X)[0]
    return np.mean(samples**2, axis=1)


def mixture_error(
    model: StudentTeacher, curve: Curve, contrasts: ArrayLike, quantiles: int = 1024
) -> NDArray[np.float64]:
    """Compute eps_g of fields that are Gaussian at given contrast, averaged over the contrasts.

    Equation ``eq-mixture`` of the book: inputs xi = sqrt(c) g with g Gaussian and c independent of it have the mean of
    eps_g(c R, c Q, c T) over c. The contrast c = 1 alone gives the Gaussian formula for the same overlaps.

    Parameters
    ----------
    model : StudentTeacher
        Student, teacher and spectrum.
    curve : Curve
        With a leading axis of seeds, as from :func:`lib.simulate`.
    contrasts : array_like, shape (samples,)
        Numbers >= 0, from :func:`contrast`.
    quantiles : int
        Number of equally likely values over which the mean is taken. Default: 1024, which image patches need, whose
        contrast has a long tail: 64 values would miss a tenth of its second moment and err by 1 %.

    Returns
    -------
    ndarray, shape (seeds, n)
        eps_g at every time.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    checks.model(model)
    # the error of quadratic units is centred over all contrasts together
    checks.one_of("model.activation", model.activation, ("erf", "linear"))
    if np.ndim(curve.Q) != 4:
        raise ValueError(
            f"curve.Q has shape {np.shape(curve.Q)}: must have a leading axis of seeds, as from lib.simulate"
        )
    contrasts = checks.array("contrasts", contrasts)
    if contrasts.min() < 0:
        checks.refuse("contrasts", contrasts.min(), ">= 0")
    count = checks.whole("quantiles", quantiles)
    levels = np.quantile(contrasts, (np.arange(count) + 0.5) / count)
    levels *= contrasts.mean() / levels.mean()  # what the quantiles miss of the tail
    return np.array(
        [
            np.mean([field_error(model, R=c * R, Q=c * Q, T=c * T) for c in levels], axis=0)
            for R, Q, T in zip(curve.R, curve.Q, curve.T)
        ]
    )


# --- Real tasks ---------------------------------------------------------------------------------------------------

LABELS = ("next pixel", "colour")
BLOCK = 64  # side of the pieces of a photograph that are taken for independent


class Task(NamedTuple):
    """A label of real inputs, as the linear theory sees it.

    Attributes
    ----------
    spectrum : Spectrum
        Of the inputs: levels of single directions.
    strength : ndarray, shape (L,)
        t_k, the squared coefficient of the label, scaled to variance 1, on principal component k:
        sum_k w_k lambda_k t_k is the share of its variance that a linear function of the inputs tells.
    unexplained : float
        The rest, nu. Uncorrelated with the inputs, it acts as label noise.
    """

    spectrum: Spectrum
    strength: NDArray[np.float64]
    unexplained: float


def digit_labels() -> NDArray[np.float64]:
    """Return ten labels of the handwritten digits, one for each: is it this digit or another.

    Returns
    -------
    ndarray, shape (1797, 10)
        In the order of :func:`digits`. Column c is 1 for the digit c and 0 for others, less its mean, divided by its
        standard deviation.
    """
    from sklearn.datasets import load_digits

    labels = (load_digits().target[:, None] == np.arange(10)).astype(np.float64)
    return (labels - labels.mean(axis=0)) / labels.std(axis=0)


def patch_labels(
    label: str = "next pixel", size: int = 16, image: str = "flower", samples: int = 50_000, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Cut patches from a photograph, together with what is to be guessed from them.

    Inputs are grey values without the patch's mean, as in :func:`image_patches`, and so are the labels: what is to be
    guessed is by how much a value differs from its mean over the patch.

    Parameters
    ----------
    label : {"next pixel", "colour"}
        The grey value right of the patch, in its middle row, less the patch's mean; or how much redder than green its
        central pixel is (red less green), less the mean of that over the patch. Default: "next pixel".
    size : int
        Side of a patch in pixels, 2 to 427. Default: 16.
    image : {"china", "flower"}
        The photograph. Default: "flower".
    samples : int
        Number of patches, drawn without replacement from all positions. Default: 50,000.
    seed : int
        Seed of the random numbers, >= 0. Default: 0.

    Returns
    -------
    X : ndarray, shape (samples, size * size)
        Pixels row by row, minus the mean over the samples.
    y : ndarray, shape (samples,)
        The label, of mean 0 and variance 1.
    blocks : ndarray of int, shape (samples,)
        Which piece of 64 x 64 pixels of the photograph a patch begins in, for :func:`bootstrap_source`.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above, or there are fewer positions than ``samples``.
    """
    checks.one_of("label", label, LABELS)
    picture = _picture("image", image)
    grey, redness = picture @ _LUMA, picture[:, :, 0] - picture[:, :, 1]
    size = checks.whole("size", size, 2, min(grey.shape))
    view = np.lib.stride_tricks.sliding_window_view(grey[:, :-1], (size, size))  # a pixel follows every patch
    samples = checks.whole("samples", samples, 2, view.shape[0] * view.shape[1])
    chosen = np.random.default_rng(checks.whole("seed", seed, 0)).choice(
        view.shape[0] * view.shape[1], samples, replace=False
    )
    row, column = np.divmod(chosen, view.shape[1])
    X = view[row, column].reshape(samples, -1)
    mean = X.mean(axis=1)
    if label == "next pixel":
        y = grey[row + size // 2, column + size] - mean
    else:
        around = np.lib.stride_tricks.sliding_window_view(redness, (size, size))[row, column]
        y = around[:, size // 2, size // 2] - around.mean(axis=(1, 2))
    pieces = [
        np.searchsorted([piece.stop for piece in _split(length, BLOCK)], at, side="right")
        for length, at in zip(view.shape, (row, column))
    ]
    X = X - mean[:, None]
    y = y - y.mean()
    return X - X.mean(axis=0), y / y.std(), np.ravel_multi_index(pieces, (np.max(pieces[0]) + 1, np.max(pieces[1]) + 1))


def task(X: ArrayLike, y: ArrayLike) -> Task:
    """Decompose a label of real inputs: its squared coefficient on each principal component, and what is left.

    Equation ``eq-task-strengths`` of the book: with xi_k the coordinates in the eigenbasis, of mean square lambda_k,
    and y of variance 1, t_k = N <y xi_k>^2 / lambda_k^2.

    Parameters
    ----------
    X : array_like, shape (samples, features)
        Inputs: the whole population.
    y : array_like, shape (samples,)
        Label of each, in any unit.

    Returns
    -------
    Task

    Raises
    ------
    ValueError
        If ``X`` has no spectrum, or ``y`` another length or no variance.

    Notes
    -----
    A coefficient that is estimated from n samples has a variance of its own, some nu N / (n lambda_k), which is added
    to t_k: for the last, smallest eigenvalues that is all one sees.

    Examples
    --------
    >>> import lib
    >>> nought = lib.realdata.task(lib.realdata.digits(), lib.realdata.digit_labels()[:, 0])
    >>> round(nought.unexplained, 2)
    0.24
    """
    _, spectrum, coefficients, residual = _decomposed(X, y)
    return Task(spectrum, coefficients**2, float(np.mean(residual**2)))


def _label(y, n):
    """The label as numbers of mean 0 and variance 1."""
    y = checks.array("y", y)
    checks.shape("y", y, (n,))
    y = y - y.mean()
    if not np.ptp(y) > 0:
        checks.refuse("y", float(y[0]), "a label that varies")
    return y / y.std()


def _decomposed(X, y):
    """Samples in the eigenbasis (n, L), their spectrum, the label's coefficients (L,) there and its residual (n,)."""
    samples, eigenvalues = eigenbasis(X)
    y = _label(y, len(samples))
    root = np.sqrt(eigenvalues.size)
    coefficients = root * (y @ samples) / (len(samples) * eigenvalues)
    return samples, Spectrum(eigenvalues), coefficients, y - samples @ coefficients / root


def fit_source(strength: ArrayLike, window: tuple[float, float]) -> tuple[float, float]:
    """Fit the source exponent tau of a label: t_k = A k^-tau times the square of a standard normal number.

    Equation ``eq-source-fit`` of the book. Single t_k scatter as squares do, by more than their mean, and a straight
    line through their logarithms would follow the smallest. The likelihood of A and tau is greatest where, with the
    best A, the residuals t_k k^tau are uncorrelated with ln k.

    Parameters
    ----------
    strength : array_like, shape (L,)
        t_k, from :func:`task`.
    window : (float, float)
        First and last rank of the fit, 3 ranks at least.

    Returns
    -------
    tau : float
    standard_error : float
        sqrt(2 / sum_k (ln k - mean ln k)^2), what that scatter alone makes.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above, or the strengths in the window are negative or all zero.

    Examples
    --------
    >>> import lib
    >>> tau, error = lib.realdata.fit_source([k**-0.5 for k in range(1, 101)], (4, 64))
    >>> round(tau, 6), round(error, 2)
    (0.5, 0.26)
    """
    t = checks.array("strength", strength)
    if t.min() < 0:
        checks.refuse("strength", float(t.min()), ">= 0")
    first, last = checks.window("window", window)
    rank = np.arange(1.0, t.size + 1)
    inside = (rank >= first) & (rank <= last)
    if inside.sum() < 3:
        raise ValueError(f"window = {window}: must hold at least 3 of the ranks 1 to {t.size}")
    t, x = t[inside], np.log(rank[inside])
    if t.max() == 0:
        raise ValueError(f"strength: is zero at all ranks of window = {window}")
    x = x - x.mean()

    # t -> t exp(tau x) with the largest of the weights 1: no overflow
    def slope(tau):
        weight = tau * x
        weighted = t * np.exp(weight - weight.max())
        return (weighted @ x) / weighted.sum()

    limit = 1.0
    while slope(limit) < 0 or slope(-limit) > 0:
        limit *= 2.0
        if limit > 1e3:
            raise ValueError(f"strength: falls or rises faster than any power over window = {window}")
    return float(brentq(slope, -limit, limit, xtol=1e-12)), float(np.sqrt(2.0 / (x @ x)))


def bootstrap_source(
    X: ArrayLike,
    y: ArrayLike,
    window: tuple[float, float],
    blocks: ArrayLike | None = None,
    resamples: int = 100,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Fit the source exponent of a label, of samples whose blocks are drawn anew, with replacement.

    Parameters
    ----------
    X : array_like, shape (samples, features)
        Inputs.
    y : array_like, shape (samples,)
        Label of each.
    window : (float, float)
        First and last rank of the fit, as for :func:`fit_source`.
    blocks : array_like of int, shape (samples,), optional
        Number of the block, >= 0, to which a sample belongs, from :func:`patch_labels`. Default: 200 blocks of
        samples that follow each other, which will do for independent samples.
    resamples : int
        Number of resamples. Default: 100.
    seed : int
        Seed of the random numbers, >= 0. Default: 0.

    Returns
    -------
    ndarray, shape (1 + resamples,)
        tau; the first is that of the data without resampling.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    X, _ = checks.samples("X", X)
    y = _label(y, len(X))
    last = checks.window("window", window)[1]
    resamples, rng = checks.whole("resamples", resamples), np.random.default_rng(checks.whole("seed", seed, 0))
    if blocks is None:
        owner = np.arange(len(X)) * min(200, len(X)) // len(X)
    else:
        owner = checks.array("blocks", blocks)
        checks.shape("blocks", owner, (len(X),))
        if owner.min() < 0 or np.any(owner % 1):
            checks.refuse("blocks", float(owner[(owner < 0) | (owner % 1 != 0)][0]), "a whole number >= 0")
        owner = np.unique(owner, return_inverse=True)[1]
    # inputs and label as one table; of each block the sums of products, from which all resamples are made
    table = np.column_stack([X / np.abs(X).max(), y])
    table -= table.mean(axis=0)
    members = [table[owner == block] for block in range(owner.max() + 1)]
    counts = np.array([len(rows) for rows in members], dtype=np.float64)
    sums, squares = np.array([rows.sum(axis=0) for rows in members]), np.array([rows.T @ rows for rows in members])
    exponents = []
    for i in range(1 + resamples):
        drawn = np.ones(len(members))
        if i > 0:
            drawn = np.bincount(rng.integers(len(members), size=len(members)), minlength=len(members)) * 1.0
        mean = drawn @ sums / (drawn @ counts)
        covariance = np.tensordot(drawn, squares, axes=1) / (drawn @ counts) - np.outer(mean, mean)
        eigenvalues, vectors = np.linalg.eigh(covariance[:-1, :-1])
        leading = slice(None, -1 - int(min(last, eigenvalues.size)), -1)
        strength = (vectors[:, leading].T @ covariance[:-1, -1]) ** 2 / eigenvalues[leading] ** 2
        exponents.append(fit_source(strength, window)[0])
    return np.array(exponents)


def label_error(given: Task, eta: float, alpha: ArrayLike) -> NDArray[np.float64]:
    """Predict the learning curve of a label by the flow of the linear network, as if inputs were Gaussian.

    Equation ``eq-label-curve`` of the book: the label's strengths are what the levels begin with, and what the inputs
    do not tell is label noise of variance nu. With the floor E_inf = nu (eta/2)/(1 - eta/2),
    2 eps_g = c_t(alpha) + E_inf (1 - c_1(alpha)), c_t the noiseless curve from the strengths and c_1 that from ones.

    Parameters
    ----------
    given : Task
        From :func:`task`.
    eta : float
        Learning rate, > 0 and < 2.
    alpha : array_like, shape (n,), or float
        Times (examples / N), >= 0 and increasing.

    Returns
    -------
    ndarray, shape (n,)
        eps_g, half the mean squared distance from the best linear function of the inputs; the label has variance 1.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    if not isinstance(given, Task):
        checks.refuse("given", given, "a Task, from lib.realdata.task")
    eta = checks.number("eta", eta, 0.0, 2.0, open_minimum=True)
    if eta >= 2.0:
        checks.refuse("eta", eta, "< 2, the critical rate of the flow")
    floor = given.unexplained * 0.5 * eta / (1.0 - 0.5 * eta)
    told = linear.generalization_error(given.spectrum, eta, alpha, strength=given.strength)
    return told + floor * (0.5 - linear.generalization_error(given.spectrum, eta, alpha))


def measured_label_error(X: ArrayLike, y: ArrayLike, eta: float, alpha: ArrayLike) -> NDArray[np.float64]:
    """Predict the mean learning curve of a label from the fourth moments of inputs and label.

    Equation ``eq-label-moments`` of the book: with g = eta / N and the residual r of the label, one step maps e_k to
    e_k - 2 g lambda_k e_k + g^2 [sum_l Xi_kl e_l + N <xi_k^2 r^2>], Xi_kl = <xi_k^2 xi_l^2>. As in
    :func:`lib.linear.measured_error` what is wrong in different components is taken for uncorrelated, though of one
    label it is not.

    Parameters
    ----------
    X : array_like, shape (samples, features)
        Inputs: the whole population.
    y : array_like, shape (samples,)
        Label of each, in any unit; it is scaled to variance 1.
    eta : float
        Learning rate, > 0. Beyond the critical one the result grows.
    alpha : array_like, shape (n,), or float
        Times (examples / N), >= 0 and increasing; rounded to whole steps.

    Returns
    -------
    ndarray, shape (n,)
        eps_g as in :func:`label_error`.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    samples, spectrum, coefficients, residual = _decomposed(X, y)
    N, eta = spectrum.levels, checks.number("eta", eta, 0.0, open_minimum=True)
    steps = checks.steps("alpha", checks.times("alpha", alpha), N)
    g, squares = eta / N, samples**2
    moments = squares.T @ squares / len(samples)
    factors, basis = np.linalg.eigh(g**2 * moments - 2.0 * g * np.diag(spectrum.eigenvalues))
    noise = basis.T @ (g**2 * N * (residual**2 @ squares) / len(samples))
    start, amplitudes = basis.T @ coefficients**2, 0.5 / N * (spectrum.eigenvalues @ basis)
    with np.errstate(over="ignore", invalid="ignore"):
        grown = (1.0 + factors) ** steps[:, None] - 1.0  # e -> (1 + factor) e + noise, that many times
        return (start + grown * (start + noise / factors)) @ amplitudes


def learn_label(
    X: ArrayLike, y: ArrayLike, eta: float, alpha: ArrayLike, seeds: int | list[int] = 8
) -> NDArray[np.float64]:
    """Train a linear student on a label of real inputs by one-pass SGD, from J = 0.

    Each step takes a sample at random, with replacement, and its own label: the step ``eq-sgd`` with y for the
    teacher's answer.

    Parameters
    ----------
    X : array_like, shape (samples, features)
        Inputs: the whole population.
    y : array_like, shape (samples,)
        Label of each, in any unit; it is scaled to variance 1.
    eta : float
        Learning rate, > 0.
    alpha : array_like, shape (n,), or float
        Times (examples / N), >= 0 and increasing; rounded to whole steps.
    seeds : int or sequence of int
        A number of runs (seeds 0, 1, ...) or the seeds themselves. Default: 8 runs.

    Returns
    -------
    ndarray, shape (seeds, n)
        eps_g as in :func:`label_error`, exact for the population; beyond the critical rate it grows, up to infinity.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    samples, spectrum, coefficients, residual = _decomposed(X, y)
    N, eta = spectrum.levels, checks.number("eta", eta, 0.0, open_minimum=True)
    steps = checks.steps("alpha", checks.times("alpha", alpha), N)
    numbers = checks.seeds("seeds", seeds)
    answers = samples @ coefficients / np.sqrt(N) + residual
    network, eps_g = Network(LINEAR, 1.0, 1.0), np.empty((len(numbers), len(steps)))
    for run, seed in enumerate(numbers):
        J, before = np.zeros((1, N)), 0
        state = kernels.Run(J, J, np.ones(N), N, np.empty(N), np.empty(1))
        for i, step in enumerate(steps):
            kernels.advance_on_labels(state, samples, answers, eta, network, seed, before, step)
            before = step
            eps_g[run, i] = 0.5 / N * (spectrum.eigenvalues @ (J[0] - coefficients) ** 2)
    return eps_g


# --- The reader's own data ------------------------------------------------------------------------------------

# What can be read: a path, an open file, or numbers.
Source = str | os.PathLike[str] | IO[Any] | ArrayLike
MAX_VALUES = 2**27  # 1 GB as doubles
MAX_FEATURES = 4096
ENDINGS = (".npy", ".csv", ".tsv", ".txt", ".dat")
# Numbers as Python writes them, and the other ways in which people write them: see read_number.
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_WRITTEN = re.compile(r"([+-]?)([\d.,' \u00a0\u2009\u202f]+?)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_TWO_WAYS = re.compile(r"[1-9]\d{0,2},\d{3}", re.ASCII)
_DECIMAL_COMMA = re.compile(r"\d*,\d+", re.ASCII)
_GROUPS = [
    re.compile(pattern, re.ASCII)
    for pattern in (
        r"[1-9]\d{0,2}(,\d{3})+(\.\d*)?",
        r"[1-9]\d{0,2}(\.\d{3})+(,\d*)?",
        r"[1-9]\d{0,2}([ \u00a0\u2009\u202f']\d{3})+([.,]\d*)?",
    )
]
# What stands for a missing number: a line that holds it is not a line of names.
_MISSING = {"NA", "N/A", "n/a", "NULL", "null", "None", "<NA>", "?", "-", "--", "."}
_LIKE_A_NUMBER = re.compile(r"[+−–-]?([.,]?\d\S*|nan|inf|infinity)", re.ASCII | re.IGNORECASE)


def read_number(text: str) -> tuple[float, str]:
    """Return the number that a person means by ``text``: the rule of the book's boxes, questions and files.

    ``widgets/number.js`` has the same rule: a decimal point or comma; commas, points, blanks or apostrophes between
    groups of three digits, where they can be nothing else (1,234.5; 1.234,5; 1,000,000; 1 000); any minus sign.

    Parameters
    ----------
    text : str

    Returns
    -------
    value : float
        NaN where the text is not a number or may be two.
    doubt : str
        What it may be, if it may be two: 1,000.

    Examples
    --------
    >>> import lib
    >>> lib.realdata.read_number("1.234,5")
    (1234.5, '')
    """
    text = re.sub("[−–]", "-", text.strip())
    if _PLAIN.fullmatch(text):
        return float(text), ""
    parts = _WRITTEN.fullmatch(text)
    if not parts:
        return np.nan, ""
    sign, size, power = parts.group(1), parts.group(2), parts.group(3) or ""
    if _TWO_WAYS.fullmatch(size):
        return np.nan, f"{text} may mean {text.replace(',', '')} or {text.replace(',', '.')}: write one of the two"
    if _DECIMAL_COMMA.fullmatch(size):
        return float(sign + size.replace(",", ".") + power), ""
    for pattern, part in zip(_GROUPS, (",", ".", " \u00a0\u2009\u202f'")):
        if pattern.fullmatch(size):
            return float(sign + re.sub(f"[{part}]", "", size).replace(",", ".") + power), ""
    return np.nan, ""


def load(source: Source, name: str | None = None) -> NDArray[np.float64]:
    """Read a table of numbers: samples x features, or a list of eigenvalues.

    Parameters
    ----------
    source : str, path, file or array_like
        A ``.npy`` file of real numbers; or text (``.csv``, ``.tsv``, ``.txt``, ``.dat``): a line for each
        sample, values separated by tabs, semicolons, commas or blanks, as people write them (:func:`read_number`).
        Before the first number there may be lines of names (a title, a header), none of whose cells is a number or
        stands for one; comments begin with ``#``. A first column without a name, or one that counts the rows
        (0, 1, 2, ... or 1, 2, 3, ...; at least three), is left out with a warning. Pickled objects are refused.
        An open file may be binary or text.
    name : str, optional
        What messages call the source; its ending says what kind of file it is. Default: the path, or the name that
        the open file has; without one its content decides.

    Returns
    -------
    ndarray, shape (samples, features) or (L,)
        A single row or column is a list: one sample, or one feature, has no spectrum.

    Raises
    ------
    ValueError
        Naming the file, the place, the value, and what is allowed: another kind of file, a value that is not a finite
        number, lines of unequal length, fewer than 2 values, more than MAX_VALUES values, or more than MAX_FEATURES of
        both samples and features.
    FileNotFoundError
        If there is no such file.

    Warns
    -----
    UserWarning
        If a column was left out, or whole numbers in two columns may be decimal commas.
    """
    table, hint, name = read(source, name)
    if hint:
        warnings.warn(f"{name}: {hint}", stacklevel=2)
    return np.ascontiguousarray(table, dtype=np.float64)


def read(source: Source, name: str | None = None) -> tuple[NDArray[Any], str, str]:
    """Read a table as :func:`load` does, and return the text of its warning in place of giving it.

    Parameters
    ----------
    source : str, path, file or array_like
        As people write them: see :func:`load`.
    name : str, optional
        What messages call the source. Default: the path, or the name that the open file has.

    Returns
    -------
    table : ndarray, shape (samples, features) or (L,)
        In the type in which it was stored.
    hint : str
        What :func:`load` would warn of; empty if nothing.
    name : str
        What messages call the source.

    Raises
    ------
    ValueError
        If the source is not a table of finite real numbers.
    FileNotFoundError
        If there is no such file.
    """
    if isinstance(source, (str, os.PathLike)):
        with open(source, "rb") as file:
            return read(file, name or Path(source).name)
    hint = ""
    if hasattr(source, "read"):
        file_name = getattr(source, "name", None)  # an open file may have a number for a name
        own = Path(file_name).name if isinstance(file_name, str) else ""
        named = name is not None or Path(own).suffix != ""
        name = name or own or "the file"
        table, hint = _read_file(cast(IO[Any], source), name, named)
    else:
        name = name or "the array"
        table = checks.real_array(name, source)
    if table.dtype.kind not in "fiub":
        raise ValueError(f"{name}: holds {table.dtype}: must be real numbers")
    if table.ndim not in (1, 2):
        raise ValueError(f"{name}: has {table.ndim} dimensions: must have 1 or 2")
    if not 2 <= table.size <= MAX_VALUES:
        raise ValueError(f"{name}: holds {table.size} values: must hold 2 to {MAX_VALUES}")
    table = table.ravel() if 1 in table.shape else table
    if table.ndim == 2 and min(table.shape) > MAX_FEATURES:
        raise ValueError(
            f"{name}: has {table.shape[0]} samples of {table.shape[1]} features (columns): "
            f"must have at most {MAX_FEATURES} of one of them"
        )
    wrong = np.argwhere(~np.isfinite(table))
    if len(wrong):
        place = ", ".join(f"{word} {at + 1}" for word, at in zip(("row", "column"), wrong[0]))
        names = checks.column_names(source)
        if names is not None and table.ndim == 2:
            place += f" ({names[wrong[0][1]]!r})"
        raise ValueError(f"{name}: {place}: {table[tuple(wrong[0])]} is not a finite number")
    return table, hint, name


def spectrum(source: Source | Spectrum, name: str | None = None) -> Spectrum:
    """Return the spectrum of a file or array: of the samples' covariance, or of the eigenvalues listed.

    Parameters
    ----------
    source : str, path, file, array_like or Spectrum
        A table of samples x features, or a list of eigenvalues, in any form that :func:`load` reads. A Spectrum is
        returned unchanged.
    name : str, optional
        What messages call the source. Default: the path, or the name that the open file has.

    Returns
    -------
    Spectrum

    Raises
    ------
    ValueError
        If the source is not a table of finite real numbers, or has no spectrum.
    FileNotFoundError
        If there is no such file.

    Warns
    -----
    UserWarning
        If a column was left out, or whole numbers in two columns may be decimal commas.

    Examples
    --------
    >>> import lib
    >>> lib.realdata.spectrum([4.0, 1.0, 1.0]).eigenvalues
    array([2. , 0.5, 0.5])
    """
    if isinstance(source, Spectrum):
        return source
    table, hint, name = read(source, name)
    if hint:
        warnings.warn(f"{name}: {hint}", stacklevel=2)
    return of_table(table, name)


def of_table(table: NDArray[Any], name: str) -> Spectrum:
    """Return the spectrum of a table that :func:`read` returned.

    Parameters
    ----------
    table : ndarray, shape (samples, features) or (L,)
        Samples, or eigenvalues.
    name : str
        What messages call the source.

    Returns
    -------
    Spectrum

    Raises
    ------
    ValueError
        If the table has no spectrum.
    """
    try:
        return Spectrum(table) if table.ndim == 1 else Spectrum.from_data(table)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _read_file(file: IO[Any], name: str, named: bool) -> tuple[NDArray[Any], str]:
    """Return table and hint of an open file, binary or text, of the kind that its ending or its beginning says."""
    if named and Path(name).suffix.lower() not in ENDINGS:
        raise ValueError(f"{name}: must be a {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]} file")
    try:
        content = file.read()
    except UnicodeDecodeError as error:
        raise ValueError(f'{name}: is open as text but is not text ({error.reason}): open it with mode "rb"') from None
    text = isinstance(content, str)
    beginning = content[:6].encode("utf-8", "replace") if text else bytes(content[:6])
    if beginning[:4] == b"PK\x03\x04":
        raise ValueError(
            f"{name}: is an archive (.npz, .xlsx or .zip), whatever its name: must be one table, .npy or text"
        )
    numpy_file = beginning == b"\x93NUMPY" and not text
    if named and name.lower().endswith(".npy") and not numpy_file:
        raise ValueError(f"{name}: this is no .npy file of numbers, whatever its name")
    if numpy_file and (name.lower().endswith(".npy") or not named):
        try:
            return np.load(io.BytesIO(content), allow_pickle=False), ""
        except Exception as error:  # a damaged header may raise anything
            raise ValueError(
                f"{name}: this is no .npy file of numbers "
                f"({str(error).splitlines()[0] if str(error) else type(error).__name__})"
            ) from None
    if numpy_file:
        raise ValueError(f"{name}: is a .npy file, whatever its name: its name must end in .npy")
    if text:
        return _read_text(content.removeprefix("\ufeff"), name)
    wide = beginning[:2] in (b"\xff\xfe", b"\xfe\xff")  # as Excel and PowerShell write "Unicode"
    return _read_text(content.decode("utf-16" if wide else "utf-8-sig", errors="replace"), name)


def _cells(content: str, separator: str | None) -> list[str]:
    """Return the cells of a line, without blanks and quotation marks around them."""
    if separator is None:
        return [_unquoted(cell) for cell in content.split()]
    return [_unquoted(cell.strip()) for cell in content.split(separator)]


def _unquoted(cell: str) -> str:
    """Return a cell without quotation marks around it."""
    return cell[1:-1].strip() if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def _is_number(cell: str, separator: str | None) -> bool:
    """Say whether a cell is a number, or two; where commas separate the cells, only in the plain way."""
    if _PLAIN.fullmatch(cell):
        return True
    if separator == ",":
        return False
    value, doubt = read_number(cell)
    return doubt != "" or value == value


def _is_names(cells: list[str], separator: str | None) -> bool:
    """Say whether a line is one of names: some words, and nothing that is or stands for a number."""
    return any(cells) and not any(
        cell in _MISSING or _LIKE_A_NUMBER.fullmatch(cell) or _is_number(cell, separator) for cell in cells
    )


def _is_nameless(content: str | None, separator: str | None) -> bool:
    """Say whether a header leaves its first column without a name, as pandas does for an index: ,a,b or ,0,1."""
    cells = _cells(content, separator) if content is not None and separator is not None else []
    return (
        len(cells) > 1
        and cells[0] == ""
        and (_is_names(cells[1:], separator) or cells[1:] == [str(i) for i in range(len(cells) - 1)])
    )


def _read_text(text: str, name: str) -> tuple[NDArray[np.float64], str]:
    """Return table and hint of a text; the page's reader (lib/widgets/table.js) has the same rules."""
    lines = []
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), 1):
        content = line.split("#")[0].rstrip().lstrip(" ")
        if content:
            lines.append((number, content))
    begin, separator, indexed = _first_numbers(lines)
    if begin is None:  # nothing but words: the message names the first line that is not just names
        begin = len(lines)
        separator = next((sign for sign in ",;\t" if lines and sign in lines[0][1]), None)

    def refuse(number, cells, more=""):
        wrong = next((i for i, cell in enumerate(cells) if not _is_number(cell, separator)), 0)
        raise ValueError(
            f'{name}: line {number}, column {wrong + 1}: "{cells[wrong][:20]}" is not a finite number{more}'
        )

    for i, (number, content) in enumerate(lines[:begin]):
        cells = _cells(content, separator)
        if not _is_names(cells, separator) and not (indexed and i == begin - 1):
            refuse(
                number,
                cells,
                " (a line of names holds no number; a comment begins with #)" if i < len(lines) - 1 else "",
            )
    rows: list[NDArray[np.float64]] = []
    for number, content in lines[begin:]:
        cells = _cells(content, separator)
        values = cells[1:] if indexed else cells
        if not all(_PLAIN.fullmatch(cell) for cell in values):
            if not all(_is_number(cell, separator) for cell in values):
                refuse(number, ["0", *values] if indexed else values)  # an index may be anything
            read_cells = [read_number(cell) for cell in values]
            for i, (_, doubt) in enumerate(read_cells):
                if doubt:
                    raise ValueError(f"{name}: line {number}, column {i + 1 + indexed}: {doubt}")
            values = [value for value, _ in read_cells]
        values = np.array(values, dtype=np.float64)
        if rows and len(values) != len(rows[0]):
            raise ValueError(
                f"{name}: line {number} has {len(cells)} values: must have {len(rows[0]) + indexed}, as the first"
            )
        rows.append(values)
    if not rows:
        return np.empty((0, 1)), ""
    table = np.array(rows)
    if indexed:
        return table, "the first column, which has no name, is left out"
    if (
        begin == 0
        and separator == ","
        and all(re.fullmatch(r"[+-]?\d+,\d+", content, re.ASCII) for _, content in lines)
    ):
        first = lines[0][1]
        return table, (
            f"read as {len(table)} samples of 2 whole numbers; if {first} means {first.replace(',', '.')}, "
            "write it with a point"
        )
    n, columns = table.shape
    if n > 2 and columns > 1 and table[0, 0] in (0, 1) and np.array_equal(table[:, 0], table[0, 0] + np.arange(n)):
        return table[:, 1:], "the first column, which counts the rows, is left out"
    return table, ""


def _first_numbers(lines: list[tuple[int, str]]) -> tuple[int | None, str | None, bool]:
    """Find the first line that is all numbers: its index, its separator, and whether its first column is an index."""
    previous = None
    for i, (_, content) in enumerate(lines):
        for separator in ("\t", ";", ",", None):
            if separator is not None and separator not in content:
                continue
            if separator is None and (_is_nameless(content, "\t") or re.search(r"\t *\t", content)):
                continue  # blanks would close the gap
            cells = _cells(content, separator)
            indexed = _is_nameless(previous, separator)
            if indexed:
                cells = cells[1:]
            if cells and all(_is_number(cell, separator) for cell in cells):
                return i, separator, indexed
        previous = content
    return None, None, False
