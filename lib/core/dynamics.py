"""The order-parameter equations solved: learning curves in the limit of many inputs."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..kernels import flow as kernels
from ..kernels import integrator
from ..kernels.flow import Levels
from . import checks, squares, symmetry
from .blocks import expand, pack
from .curve import Curve, field_error
from .divergence import Run, check_convergence, divergence
from .student_teacher import Overlaps, StudentTeacher

# Integrator steps between two looks at an interrupt: some tenths of a second at most.
SLICE = 50
# Refuse level-by-level histories of more bytes than this: probably a forgotten blocks=False.
LARGEST_HISTORY = 4e9


def solve(
    model: StudentTeacher,
    overlaps: Overlaps,
    eta: float,
    alpha: ArrayLike,
    rtol: float = 1e-8,
    blocks: bool = True,
    learned: int | None = None,
    compress: bool = True,
) -> Curve:
    """Solve the order-parameter equations of one-pass SGD (N -> infinity at a fixed number of levels).

    It integrates ``eq-flow`` by a stiff method of order 5 whose cost is linear in the number of levels and grows with
    the logarithm of time (:mod:`lib.kernels.integrator`). A spectrum of many levels is carried on Chebyshev nodes of
    log lambda, which changes the totals by less than 1e-12 (:mod:`lib.kernels.compression`).

    A symmetry of the start is preserved exactly: students that begin with equal overlaps, as in the limit
    N -> infinity without ``N`` in :meth:`StudentTeacher.initial_overlaps`, never specialise. Only a start that tells
    them apart, drawn at a finite N, does (:mod:`lib.core.symmetry`).

    Quadratic units that start aligned, student i with teacher i alone in every level (r, q and t diagonal), stay so
    and are solved as pairs, at a cost linear in their number (:mod:`lib.kernels.aligned`). From other starts a step
    costs the third power of K (K + 1)/2 + K M; where that is above 400, as for K = M = 17, the method is explicit, of
    order 8 (:mod:`lib.core.squares`): then the fastest level limits the steps, and eps_g is known to about rtol, not
    to a fraction of itself.

    Parameters
    ----------
    model : StudentTeacher
        The networks and the spectrum of their inputs.
    overlaps : Overlaps
        At alpha = 0: from :meth:`StudentTeacher.initial_overlaps`.
    eta : float
        Learning rate, > 0.
    alpha : array_like, shape (n,), or float
        Times, in examples / N, at which the solution is wanted; >= 0 and increasing.
    rtol : float
        Error allowed in a step, relative to the overlaps and to eps_g, 1e-13 to 0.1. Differences of overlaps
        carry rounding errors of some 1e-16, so that eps_g below 1e-16/rtol is known less precisely. Default: 1e-8.
    blocks : bool
        Whether the overlaps level by level can be asked for: ``r`` and ``q``, computed when first read. Default: yes.
    learned : int, optional
        Train the weights of this many leading levels only, 1 to L; the others stay as they began. Default: all.

    compress : bool
        Carry many levels on few nodes; False integrates every level by itself, at a cost linear in their number.
        Default: yes.

    Returns
    -------
    Curve
        eps_g (n,), R (n, K, M), Q (n, K, K) and T (M, M), and level by level r (n, L, K, M) and q (n, L, K, K), which
        are None if ``blocks`` is False.

    Raises
    ------
    ValueError
        For arguments out of range, or if the overlaps level by level would take more than 4 GB.
    DivergenceError
        If the error grows without bound (eta above its critical value).
    ArithmeticError
        If rounding does not allow ``rtol``.

    Examples
    --------
    >>> import lib
    >>> model = lib.StudentTeacher(lib.power_law(1.0, 64), students=1, teachers=1, activation="linear")
    >>> curve = lib.solve(model, model.initial_overlaps(sigma_J=0.0), eta=0.5, alpha=[0.0, 10.0])
    >>> curve.eps_g.round(4)
    array([0.5   , 0.0122])
    """
    checks.model(model)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    alpha = checks.times("alpha", alpha)
    rtol = checks.number("rtol", rtol, 1e-13, 0.1)
    s, L, K, M = model.spectrum, model.spectrum.levels, model.students, model.teachers
    learned = L if learned is None else checks.whole("learned", learned, 1, L)
    start = model.check_overlaps(overlaps)
    if blocks and 8.0 * alpha.size * L * K * (K + M) > LARGEST_HISTORY:
        raise ValueError(f"blocks = True: {alpha.size} times of {L} levels take more than 4 GB; pass blocks=False")

    run = Run(model, eta, "the flow", learned=learned)
    square = model.activation == "square"
    pairs = square and squares.is_aligned(start)
    if square and blocks and compress:
        compress = squares.worth_compressing(s, model, learned, pairs)
    packed = pack(s, start, learned, blocks, compress)
    totals = start.totals(s)
    eps_g, Q, R = np.empty(alpha.size), np.empty((alpha.size, K, K)), np.empty((alpha.size, K, M))
    shape = (2, K) if pairs else (K, K + M)
    out = squares.Outputs(eps_g, Q, R, np.empty((alpha.size if blocks else 0, *shape, packed.mass.size)))
    task = model, packed, totals.T, eta, alpha, rtol
    if pairs:
        status, reached = squares.solve_pairs(*task, out)
    else:
        label = symmetry.of_model(model, start)
        solver = squares.solve_explicitly if square and squares.is_large(model) else _integrate
        status, reached = solver(*task, label, out)
    if status == integrator.DIVERGED:
        raise divergence(run, reached)
    if status == integrator.STALLED:
        raise ArithmeticError(
            f"rtol = {rtol:g}: cannot be met beyond alpha = {reached:.6g}, where steps are lost in rounding"
        )
    check_convergence(run, alpha, eps_g, field_error(model, totals.Q[None], totals.R[None], totals.T)[0])
    # the caller's arrays may change before the overlaps of the levels are asked for
    expanded = squares.expand_pairs if pairs else expand
    levels = partial(expanded, s, start.copy(), learned, out.history, compress) if blocks else None
    return Curve(alpha=alpha, eps_g=eps_g, R=R, Q=Q, T=totals.T, levels=levels)


def _integrate(model, blocks, T, eta, alpha, rtol, label, out):
    """Run the integrator and write to ``out``, a ``squares.Outputs``: its status and the time reached."""
    work = _begin(model, blocks, T, eta)
    if label is not None:
        count = np.bincount(label.ravel()).astype(float)
        label, mean = label.astype(float), np.empty_like(count)
    status = integrator.RUNNING
    while status == integrator.RUNNING:
        status = integrator.advance(work, alpha, rtol, SLICE if label is None else 1, *out)
        if label is not None:
            integrator.symmetrise(work, label, count, mean)
    return status, integrator.header(work).alpha[0]


def _begin(model: StudentTeacher, blocks: integrator.Blocks, T: NDArray[np.float64], eta: float) -> NDArray[np.float64]:
    """The integrator's buffer at alpha = 0."""
    work = np.empty(integrator.size(blocks.mass.size, model.students, model.teachers))
    integrator.start(blocks, T, eta, model.network, work)
    if model.activation == "square":
        integrator.weigh(model.outputs, work)
    return work


def fixed_steps(model: StudentTeacher, overlaps: Overlaps, eta: float, step: float, count: int) -> float:
    """Take integrator steps of one length, whatever their error: to measure the order of the method.

    Every level of ``eq-flow`` is integrated by itself.

    Parameters
    ----------
    model : StudentTeacher
        The networks and the spectrum of their inputs.
    overlaps : Overlaps
        At alpha = 0.
    eta : float
        Learning rate, > 0.
    step : float
        Length of a step in alpha, > 0.
    count : int
        Number of steps, >= 1.

    Returns
    -------
    float
        eps_g after the last step.

    Raises
    ------
    ValueError
        For arguments out of range.
    """
    checks.model(model)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    step, count = checks.number("step", step, 0.0, open_minimum=True), checks.whole("count", count)
    start = model.check_overlaps(overlaps)
    blocks = pack(model.spectrum, start, model.spectrum.levels, expandable=False, compress=False)
    work = _begin(model, blocks, start.totals(model.spectrum).T, eta)
    return integrator.fixed_steps(work, step, count)


def velocity(model: StudentTeacher, overlaps: Overlaps, eta: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute the right-hand side of ``eq-flow``, for an integrator other than that of :func:`lib.solve`.

    Parameters
    ----------
    model : StudentTeacher
        The networks and the spectrum of their inputs.
    overlaps : Overlaps
        Arrays of the shapes of this model; that they are overlaps of vectors is not checked.
    eta : float
        Learning rate, > 0.

    Returns
    -------
    dr : ndarray, shape (L, K, M)
        Derivative of ``overlaps.r`` with respect to alpha.
    dq : ndarray, shape (L, K, K)
        Derivative of ``overlaps.q``.

    Raises
    ------
    ValueError
        For arguments out of range.
    """
    checks.model(model)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    s, L, K, M = model.spectrum, model.spectrum.levels, model.students, model.teachers
    given: list[Any] = [getattr(overlaps, name, None) for name in ("r", "q", "t")]
    r, q, t = (checks.array(f"overlaps.{name}", block, ndim=3) for name, block in zip("rqt", given))
    for name, block, shape in (("r", r, (L, K, M)), ("q", q, (L, K, K)), ("t", t, (L, M, M))):
        checks.shape(f"overlaps.{name}", block, shape)
    P = K + M
    scratch = kernels.Totals(*(np.empty(shape) for shape in ((K, K), (K, M), (P, P), (K, P), (K, K))))
    dr, dq = np.empty_like(r), np.empty_like(q)
    T = Overlaps(r, q, t).totals(s).T
    levels = Levels(s.eigenvalues, s.weights, r, q, t)
    if model.activation == "square":
        kernels.square_flow(levels, T, eta, model.outputs, scratch, dr, dq)
    else:
        kernels.flow(levels, T, eta, model.network, scratch, dr, dq)
    return dr, dq
