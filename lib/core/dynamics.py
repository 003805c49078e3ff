"""The order-parameter equations solved: learning curves in the limit of many inputs."""

from functools import partial

import numpy as np

from ..kernels import compression, integrator
from . import checks, symmetry
from .curve import Curve, field_error
from .divergence import Run, check_convergence, divergence
from .student_teacher import Overlaps

# Integrator steps between two looks at an interrupt: some tenths of a second at most.
SLICE = 50
# Beyond this many bytes of overlaps level by level something is asked for by mistake.
LARGEST_HISTORY = 4e9


def solve(model, overlaps, eta, alpha, rtol=1e-8, blocks=True, learned=None):
    """Solve the order-parameter equations of one-pass SGD (N -> infinity at a fixed number of levels).

    A stiff integrator of order 5 whose cost is linear in the number of levels and grows with the logarithm of
    time (:mod:`lib.kernels.integrator`). A spectrum of many levels is carried on Chebyshev nodes of
    log lambda, which changes the totals by less than 1e-12 (:mod:`lib.kernels.compression`).

    A symmetry of the start is kept exactly: students that begin with equal overlaps, as in the limit
    N -> infinity without ``N`` in :meth:`StudentTeacher.initial_overlaps`, never specialise. Only a start that tells
    them apart, drawn at a finite N, does (:mod:`lib.core.symmetry`).

    Parameters
    ----------
    model : StudentTeacher
    overlaps : Overlaps
        At alpha = 0: from :meth:`StudentTeacher.initial_overlaps`.
    eta : float
        Learning rate, > 0.
    alpha : array_like, shape (n,)
        Times, in examples / N, at which the solution is wanted; >= 0 and increasing.
    rtol : float
        Error allowed in a step, relative to the overlaps and to eps_g, 1e-13 to 0.1. Differences of overlaps
        carry rounding errors of some 1e-16, so that eps_g below 1e-16/rtol is known less precisely.
    blocks : bool
        Whether the overlaps level by level can be asked for: ``r`` and ``q``, computed when first read. Default: yes.
    learned : int, optional
        Train the weights of this many leading levels only, 1 to L; the others stay as they began. Default: all.

    Returns
    -------
    Curve
        With ``r`` and ``q`` None if ``blocks`` is False.

    Raises
    ------
    ValueError
        For arguments out of range, or if the overlaps level by level would take more than 4 GB.
    DivergenceError
        If the error grows without bound (eta above its critical value).
    ArithmeticError
        If rounding does not allow ``rtol``.
    """
    checks.model(model)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    alpha = checks.times("alpha", alpha)
    rtol = checks.number("rtol", rtol, 1e-13, 0.1)
    s, L, K, M = model.spectrum, model.spectrum.levels, model.students, model.teachers
    learned = L if learned is None else checks.whole("learned", learned, 1, L)
    start = model.check_overlaps(overlaps)
    run = Run(model, eta, "the flow", learned=learned)
    if blocks and 8.0 * alpha.size * L * K * (K + M) > LARGEST_HISTORY:
        raise ValueError(f"blocks = True: {alpha.size} times of {L} levels take more than 4 GB; pass blocks=False")

    moving, weights = s.eigenvalues[:learned], s.weights[:learned]
    n = compression.count_blocks(moving, K, M, int(blocks))
    # levels that are not learned act through their totals alone: one block more, at rate zero
    total = n + (learned < L)
    stand_ins = [np.zeros((total, *shape)) for shape in ((), (), (), (K, M), (K, K), (M, M))]
    share = np.empty(compression.POINTS)
    compression.compress(
        moving, weights, *(x[:learned] for x in start), int(blocks), *(x[:n] for x in stand_ins), share
    )
    if total > n:
        stand_ins[1][n] = 1.0
        mass = (s.weights * s.eigenvalues)[learned:]
        for block, levels in zip(stand_ins[3:], start):
            block[n] = np.tensordot(mass, levels[learned:], axes=1)
    Q_start, R_start, T = Overlaps(*start).totals(s)
    work = np.empty(integrator.size(total, K, M))
    v, u = model.output_weights
    integrator.start(*stand_ins, T, eta, v, u, model.activity, work)

    eps_g, Q, R = np.empty(alpha.size), np.empty((alpha.size, K, K)), np.empty((alpha.size, K, M))
    history = np.empty((alpha.size if blocks else 0, K, K + M, total))
    # A linear network has no plateau, and nothing grows from rounding.
    label = None if model.activation == "linear" else symmetry.orbits(*start)
    if label is not None:
        count = np.bincount(label.ravel()).astype(float)
        label, mean = label.astype(float), np.empty_like(count)
    status = integrator.RUNNING
    while status == integrator.RUNNING:
        status = integrator.advance(work, alpha, rtol, SLICE if label is None else 1, eps_g, Q, R, history)
        if label is not None:
            integrator.symmetrise(work, label, count, mean)
    if status == integrator.DIVERGED:
        raise divergence(run, work[integrator.ALPHA])
    if status == integrator.STALLED:
        raise ArithmeticError(
            f"rtol = {rtol:g}: cannot be kept beyond alpha = {work[integrator.ALPHA]:.6g}, where steps are lost in rounding"
        )
    first = field_error(model, Q_start[None], R_start[None], T)[0]
    check_convergence(run, alpha, eps_g, first)
    levels = partial(_levels, s, [x.copy() for x in start], history, learned) if blocks else None
    return Curve(alpha, eps_g, R, Q, T, levels)


def _levels(spectrum, start, history, learned):
    """Overlaps r (n, L, K, M), q (n, L, K, K) of every level: from those of the nodes, or as at the start."""
    L, K, M = start[0].shape
    r, q = (np.repeat(x[None], len(history), axis=0) for x in start[:2])
    moving, begin = spectrum.eigenvalues[:learned], [x[:learned] for x in start]
    values = K * (2 * K + M)
    scratch = np.empty(compression.POINTS), np.empty((len(history), compression.POINTS, values)), np.empty(values)
    compression.expand(moving, *begin, history, r[:, :learned], q[:, :learned], *scratch)
    return r, q
