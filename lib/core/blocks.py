"""The blocks that the integrator carries in place of a spectrum's levels: packed before a run, expanded after it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..kernels import compression
from ..kernels.flow import Levels
from ..kernels.integrator import Blocks
from . import checks
from .spectra import Spectrum
from .student_teacher import Overlaps


def pack(spectrum: Spectrum, overlaps: Overlaps, learned: int, expandable: bool, compress: bool = True) -> Blocks:
    """Pack the levels of a spectrum into blocks that move its totals in the same way.

    The learned levels are compressed (:mod:`lib.kernels.compression`, ``eq-propagators``) or taken one by one. The
    others act through their totals alone and stand still: together they are one more block, with eigenvalue zero.

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
    compress : bool
        Whether to compress the learned levels. Default: yes.

    Returns
    -------
    Blocks
        n blocks; compressed, a few hundred for any number of levels.

    Raises
    ------
    ValueError
        If ``spectrum`` is no Spectrum.
    """
    checks.spectrum(spectrum)
    K, M = overlaps.r.shape[1:]
    levels = _learned(spectrum, overlaps, learned)
    if compress:
        n = compression.count_blocks(levels.eigenvalue, K, M, int(expandable))
        blocks = Blocks(*(np.zeros((n, *shape)) for shape in ((), (), (), (K, M), (K, K), (M, M))))
        compression.compress(levels, int(expandable), blocks, np.empty(compression.POINTS))
    else:
        mass = levels.weight * levels.eigenvalue
        blocks = Blocks(levels.eigenvalue, mass, np.ones(learned), levels.r, levels.q, levels.t)
    if learned == spectrum.levels:
        return blocks
    mass = (spectrum.weights * spectrum.eigenvalues)[learned:]
    r, q, t = (np.tensordot(mass, x[learned:], axes=1) for x in (overlaps.r, overlaps.q, overlaps.t))
    resting = Blocks(np.array(0.0), np.array(1.0), np.array(0.0), r, q, t)
    return Blocks(*(np.concatenate([x, y[None]]) for x, y in zip(blocks, resting)))


def _learned(spectrum: Spectrum, overlaps: Overlaps, learned: int) -> Levels:
    """The learned levels, as the kernels take them."""
    everything = spectrum.eigenvalues, spectrum.weights, overlaps.r, overlaps.q, overlaps.t
    return Levels(*(x[:learned] for x in everything))


def expand(
    spectrum: Spectrum, overlaps: Overlaps, learned: int, history: NDArray[np.float64], compressed: bool = True
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Expand the blocks of a run to the overlaps of every level.

    Parameters
    ----------
    spectrum, overlaps, learned
        As given to :func:`pack`, with ``expandable``.
    history : ndarray, shape (times, K, K + M, n)
        [q | r] of the blocks, as ``integrator.advance`` writes them.
    compressed : bool
        As ``compress`` of :func:`pack`. Default: yes.

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
    if not compressed:
        q[:, :learned], r[:, :learned] = np.split(np.moveaxis(history[..., :learned], 3, 1), [K], axis=3)
        return r, q
    points, values = compression.POINTS, K * (2 * K + M)
    scratch = compression.Expansion(np.empty(points), np.empty((len(history), points, values)), np.empty(values))
    levels = _learned(spectrum, overlaps, learned)
    compression.expand(levels, history, r[:, :learned], q[:, :learned], scratch)
    return r, q
