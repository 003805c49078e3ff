"""The flow of many quadratic units, for which the linear systems of the integrator would be too large."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import DOP853

from ..kernels import aligned, averages, compression, integrator, quadratic
from ..kernels.slopes import count
from . import checks, symmetry
from .blocks import expand
from .spectra import Spectrum
from .student_teacher import Overlaps, StudentTeacher

# Totals K (K + 1)/2 + K M up to which the integrator's steps, some tens of them for every unit learned and each of a
# cost that grows with the third power, are taken rather than many explicit ones: equal for K = M = 16, measured.
LARGEST_SYSTEM = 400
# Integrator steps between two looks at an interrupt.
SLICE = 50


class Outputs(NamedTuple):
    """Where a solver writes."""

    eps_g: NDArray[np.float64]
    """(times,)."""
    Q: NDArray[np.float64]
    """(times, K, K)."""
    R: NDArray[np.float64]
    """(times, K, M)."""
    history: NDArray[np.float64]
    """The blocks, without rows if they are not wanted: (times, K, K + M, n), or of pairs (times, 2, K, n)."""


def is_aligned(start: Overlaps) -> bool:
    """Whether every unit overlaps with itself and with its own partner alone, student i with teacher i.

    Parameters
    ----------
    start : Overlaps
        At alpha = 0.

    Returns
    -------
    bool
        Whether r, q and t are diagonal in every level.
    """
    return all(
        np.count_nonzero(x) == np.count_nonzero(np.diagonal(x, axis1=1, axis2=2)) for x in (start.r, start.q, start.t)
    )


def is_large(model: StudentTeacher) -> bool:
    """Whether the explicit method is the cheaper one.

    Parameters
    ----------
    model : StudentTeacher
        The networks.

    Returns
    -------
    bool
        Whether there are more than ``LARGEST_SYSTEM`` totals.
    """
    checks.model(model)
    return count(model.students, model.students + model.teachers) > LARGEST_SYSTEM


def worth_compressing(spectrum: Spectrum, model: StudentTeacher, learned: int, pairs: bool) -> bool:
    """Whether to compress levels that can be asked for: if the blocks from which all can be told are fewer than they.

    To tell a level costs K^2 (K + M)^2 then: only a few units are worth it. The blocks that carry what is needed are
    pairs themselves for K = M alone.

    Parameters
    ----------
    spectrum : Spectrum
        The levels.
    model : StudentTeacher
        The networks.
    learned : int
        Leading levels that are trained.
    pairs : bool
        Whether the flow is solved by :func:`solve_pairs`.

    Returns
    -------
    bool
        Whether it is.
    """
    checks.spectrum(spectrum)
    few = model.students == model.teachers <= 4 if pairs else not is_large(model)
    return few and compression.count_blocks(spectrum.eigenvalues[:learned], model.students, model.teachers, 1) < learned


def solve_pairs(
    model: StudentTeacher,
    blocks: integrator.Blocks,
    T: NDArray[np.float64],
    eta: float,
    alpha: NDArray[np.float64],
    rtol: float,
    out: Outputs,
) -> tuple[int, float]:
    """Solve the flow of an aligned start by :mod:`lib.kernels.aligned`, at a cost linear in the number of units.

    Parameters
    ----------
    model : StudentTeacher
        The networks.
    blocks : Blocks
        At alpha = 0, diagonal.
    T : ndarray, shape (M, M)
        The teachers' total.
    eta, alpha, rtol
        As of :func:`lib.solve`.
    out : Outputs
        Written.

    Returns
    -------
    status : int
        DONE, DIVERGED or STALLED of :mod:`lib.kernels.integrator`.
    reached : float
        The time.
    """
    checks.model(model)
    K, M, n = model.students, model.teachers, blocks.mass.size
    pairs = min(K, M)
    v, u = model.output_weights

    def rows(x, size=K):
        """Diagonals of x (n, ., .), one row for each student."""
        padded = np.zeros((size, n))
        diagonal = np.diagonal(x, axis1=1, axis2=2).T[:size]
        padded[: len(diagonal)] = diagonal
        return padded

    own = np.zeros((2, K))
    own[:, :pairs] = u[:pairs], np.diagonal(T)[:pairs]
    rest = float(np.sum((u * np.diagonal(T))[pairs:] ** 2))
    rowed = blocks._replace(r=rows(blocks.r), q=rows(blocks.q), t=rows(blocks.t))
    work = np.empty(aligned.size(n, K))
    aligned.start(rowed, np.array(v), own[0], own[1], rest, eta, 0.0, work)
    Q, R = np.empty((2, alpha.size, K))
    status = integrator.RUNNING
    while status == integrator.RUNNING:
        status = aligned.advance(work, alpha, rtol, SLICE, out.eps_g, Q, R, out.history)
    out.Q[:], out.R[:] = 0.0, 0.0
    out.Q[:, range(K), range(K)] = Q
    out.R[:, range(pairs), range(pairs)] = R[:, :pairs]
    return status, float(aligned.header(work).alpha[0])


def expand_pairs(
    spectrum: Spectrum, overlaps: Overlaps, learned: int, history: NDArray[np.float64], compressed: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Expand the blocks of :func:`solve_pairs` to the overlaps of every level.

    Parameters
    ----------
    spectrum, overlaps, learned, compressed
        As for :func:`lib.core.blocks.expand`.
    history : ndarray, shape (times, 2, K, n)
        [q, r] of the pairs.

    Returns
    -------
    r : ndarray, shape (times, L, K, M)
        Student-teacher overlaps.
    q : ndarray, shape (times, L, K, K)
        Student-student overlaps.
    """
    checks.spectrum(spectrum)
    K, M = overlaps.r.shape[1:]
    times, _, _, n = history.shape
    pairs = min(K, M)
    whole = np.zeros((times, K, K + M, n))
    whole[:, range(K), range(K)] = history[:, 0]
    whole[:, range(pairs), range(K, K + pairs)] = history[:, 1, :pairs]
    return expand(spectrum, overlaps, learned, whole, compressed)


def solve_explicitly(
    model: StudentTeacher,
    blocks: integrator.Blocks,
    T: NDArray[np.float64],
    eta: float,
    alpha: NDArray[np.float64],
    rtol: float,
    label: NDArray[np.int64] | None,
    out: Outputs,
) -> tuple[int, float]:
    """Solve the flow by an explicit method of order 8, whose evaluations are products of matrices.

    An evaluation costs O(K (K + M)^2) for each block. The fastest level limits the steps: their number grows linearly
    with time. The error of a step is kept below rtol relative to every overlap, or to its kind's mean at the start.

    Parameters
    ----------
    model, blocks, T, eta, alpha, rtol, out
        As of :func:`solve_pairs`; the start is any.
    label : ndarray, shape (K, K + M), of int, or None
        Symmetries to be preserved, from :func:`lib.core.symmetry.of_model`.

    Returns
    -------
    status : int
        DONE, DIVERGED or STALLED of :mod:`lib.kernels.integrator`.
    reached : float
        The time.
    """
    checks.model(model)
    K, M, n = model.students, model.teachers, blocks.mass.size
    P = K + M
    rate, noise, mass, outputs = eta * blocks.eigenvalue, eta * blocks.noise, blocks.mass, model.outputs
    C, D, G = np.empty((P, P)), np.empty((K, P)), np.empty((K, K))
    t = np.ascontiguousarray(np.moveaxis(blocks.t, 0, -1))
    diagonal = np.count_nonzero(t) == np.count_nonzero(t[range(M), range(M)])
    own = t[range(M), range(M)]

    def covariance(z):
        Z = z.reshape(K, P, n) @ mass
        averages.assemble(Z[:, :K].copy(), Z[:, K:].copy(), T, C)
        return Z

    def velocity(_, flat):
        z = flat.reshape(K, P, n)
        covariance(flat)
        quadratic.coefficients(C, outputs, D, G)
        Dx, Dy = D[:, :K].copy(), D[:, K:].copy()
        transposed = np.ascontiguousarray(z[:, K:].swapaxes(0, 1))
        change = (Dx @ z.reshape(K, P * n)).reshape(K, P, n)
        half = change[:, :K] + (Dy @ transposed.reshape(M, K * n)).reshape(K, K, n)
        change[:, :K] = half + half.swapaxes(0, 1)
        change[:, :K] += noise * G[:, :, None]
        change[:, K:] += Dy[:, :, None] * own if diagonal else (Dy @ t.reshape(M, M * n)).reshape(K, M, n)
        change *= rate
        if label is not None:
            change = np.moveaxis(symmetry.average(label, np.moveaxis(change, 2, 0)), 0, 2)
        return change.ravel()

    z = np.ascontiguousarray(np.moveaxis(np.concatenate([blocks.q, blocks.r], axis=2), 0, -1))
    allowed = np.empty_like(z)
    for part in (slice(0, K), slice(K, P)):
        allowed[:, part] = rtol * max(np.sqrt(np.mean(z[:, part] ** 2)), 1e-290)
    size = max(1.0, np.abs(covariance(z)).max(), np.max(outputs[K:] * np.diagonal(T)) / np.min(-outputs[:K]))
    done = 0

    def write(flat):
        nonlocal done
        Z = covariance(flat)
        out.Q[done], out.R[done], out.eps_g[done] = Z[:, :K], Z[:, K:], quadratic.error(C, outputs)
        if len(out.history):
            out.history[done] = flat.reshape(K, P, n)
        done += 1

    if alpha[0] == 0.0:
        write(z)
    if done == alpha.size:
        return integrator.DONE, 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        solver = DOP853(velocity, 0.0, z.ravel(), alpha[done], rtol=max(rtol, 1e-13), atol=allowed.ravel())
        while done < alpha.size:
            # a step ends at every output: at its longest stable step the method is less accurate in between
            if solver.status == "finished":
                solver.t_bound, solver.status = alpha[done], "running"
            length = solver.h_abs
            solver.step()
            solver.h_abs = max(solver.h_abs, length) if solver.status == "finished" else solver.h_abs
            largest = np.abs(covariance(solver.y)).max()
            if not largest < integrator.SQUARE_DIVERGENCE * size:
                return integrator.DIVERGED, solver.t
            if solver.status == "failed":
                return integrator.STALLED, solver.t
            if solver.status == "finished":
                write(solver.y)
    return integrator.DONE, solver.t
