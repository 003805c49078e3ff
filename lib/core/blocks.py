"""The blocks that the integrator carries in place of a spectrum's levels: packed before a run, expanded after it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..kernels import compression
from . import checks
from .spectra import Spectrum
from .student_teacher import Overlaps


class Blocks(NamedTuple):
    """Blocks of the integrator, in the order in which its ``start`` takes them."""

    eigenvalue: NDArray[np.float64]
    """Each sets the rate of its block, (n,)."""
    mass: NDArray[np.float64]
    """What multiplies each block in the totals, (n,); w_k lambda_k for a level."""
    noise: NDArray[np.float64]
    """Strength of the noise of SGD in each block, (n,); 1 for a level."""
    r: NDArray[np.float64]
    """Student-teacher overlaps, (n, K, M)."""
    q: NDArray[np.float64]
    """Student-student overlaps, (n, K, K)."""
    t: NDArray[np.float64]
    """Teacher-teacher overlaps, (n, M, M)."""


def pack(spectrum: Spectrum, overlaps: Overlaps, learned: int, expandable: bool) -> Blocks:
    """Pack the levels of a spectrum into blocks that move its totals in the same way.

    The learned levels are compressed (:mod:`lib.kernels.compression`, ``eq-propagators``). The others act through
    their totals alone and stand still: together they are one more block, with eigenvalue zero.

    Parameters
    ----------
    spectrum : Spectrum
        Its L levels.
    overlaps : Overlaps
        At alpha = 0, as contiguous arrays.
    learned : int
        Leading levels whose weights are trained, 1 to L.
    expandable : bool
        Whether to add the blocks that :func:`expand` needs.

    Returns
    -------
    Blocks
        n blocks, a few hundred for any number of levels.

    Raises
    ------
    ValueError
        If ``spectrum`` is no Spectrum.
    """
    checks.spectrum(spectrum)
    K, M = overlaps.r.shape[1:]
    moving, weights = spectrum.eigenvalues[:learned], spectrum.weights[:learned]
    n = compression.count_blocks(moving, K, M, int(expandable))
    blocks = Blocks(*(np.zeros((n, *shape)) for shape in ((), (), (), (K, M), (K, K), (M, M))))
    trained = (overlaps.r[:learned], overlaps.q[:learned], overlaps.t[:learned])
    compression.compress(moving, weights, *trained, int(expandable), *blocks, np.empty(compression.POINTS))
    if learned == spectrum.levels:
        return blocks
    mass = (spectrum.weights * spectrum.eigenvalues)[learned:]
    r, q, t = (np.tensordot(mass, x[learned:], axes=1) for x in (overlaps.r, overlaps.q, overlaps.t))
    resting = Blocks(np.array(0.0), np.array(1.0), np.array(0.0), r, q, t)
    return Blocks(*(np.concatenate([x, y[None]]) for x, y in zip(blocks, resting)))


def expand(
    spectrum: Spectrum, overlaps: Overlaps, learned: int, history: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Expand the blocks of a run to the overlaps of every level.

    Parameters
    ----------
    spectrum, overlaps, learned
        As given to :func:`pack`, with ``expandable``.
    history : ndarray, shape (times, K, K + M, n)
        [q | r] of the blocks, as ``integrator.advance`` writes them.

    Returns
    -------
    r : ndarray, shape (times, L, K, M)
        Student-teacher overlaps; of the levels that are not learned, those at alpha = 0.
    q : ndarray, shape (times, L, K, K)
        Student-student overlaps, likewise.

    Raises
    ------
    ValueError
        If ``spectrum`` is no Spectrum.
    """
    checks.spectrum(spectrum)
    K, M = overlaps.r.shape[1:]
    r, q = (np.repeat(x[None], len(history), axis=0) for x in (overlaps.r, overlaps.q))
    values = K * (2 * K + M)
    compression.expand(
        spectrum.eigenvalues[:learned],
        overlaps.r[:learned],
        overlaps.q[:learned],
        overlaps.t[:learned],
        history,
        r[:, :learned],
        q[:, :learned],
        np.empty(compression.POINTS),
        np.empty((len(history), compression.POINTS, values)),
        np.empty(values),
    )
    return r, q
