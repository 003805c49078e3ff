"""Runs of SGD over several data streams, a slice at a time: what an explorer simulates.

All runs start from the same weights and see different data, so that they scatter about the solution of the
flow from those weights. Everything lives in one flat float64 buffer ``state``, which makes a
simulation something that can stop anywhere, go on later, and be moved to another thread.

The runs train the N weights; or, where that costs less, the reduced coordinates of :mod:`lib.kernels.reduced`,
the same process in law: :func:`ensemble_start` decides. Blocks have equal sizes, so all are reduced or none.
Runs that train a part of the coordinates begin with :func:`ensemble_start_direct`.
"""

import math

import numpy as np

from ...compiler.jit import kernel
from ...compiler.views import view
from ...kernels.averages import assemble, generalization_error
from ...kernels.reduced import (
    kept,
    reduced_advance,
    reduced_fold,
    reduced_measure,
    reduced_size_equal,
    reduced_start,
    reduced_weights,
    step_cost,
)
from ...kernels.sgd import advance, initial_weights, measure, orthonormalise

# Multiply-adds in a slice: about 1 ms natively, 3 ms in a browser.
SLICE = 5e6
# Up to this N reduced runs start from drawn weights; beyond, these would take too long for a slider, and their
# overlaps are drawn instead, by the law that they have.
DRAWN = 65536
# Steps eta lambda_1/N up to here are small for the leading direction; beyond, SGD is not what the theory describes: its
# next order, of the finite dimension, changes that direction's rate by as much.
LARGEST_STEP = 0.2
HEADER = 5  # run, its next time, step; coordinates trained; 1 if the coordinates are the reduced ones


@kernel
def _record(state, points):
    """Views of the state: step numbers, sums and sums of squares of eps_g, counts (points,) each."""
    return (
        view(state, HEADER, (points,)),
        view(state, HEADER + points, (points,)),
        view(state, HEADER + 2 * points, (points,)),
        view(state, HEADER + 3 * points, (points,)),
    )


@kernel
def _totals(state, K, M, points):
    """Views of the state: Q (K, K), R (K, M), T (M, M), the covariance of all fields, scratch (M, M), (K,)."""
    at = HEADER + 4 * points
    P = K + M
    Q = view(state, at, (K, K))
    R = view(state, at + K * K, (K, M))
    at += K * P
    T = view(state, at, (M, M))
    C = view(state, at + M * M, (P, P))
    at += M * M + P * P
    return Q, R, T, C, view(state, at, (M, M)), view(state, at + M * M, (K,))


@kernel
def _network(K, M, points):
    """Where the weights begin, behind what :func:`_record` and :func:`_totals` show."""
    return HEADER + 4 * points + K * (K + M) + 2 * M * M + (K + M) * (K + M) + K


@kernel
def _weights(state, K, M, N, L, points):
    """Views of the state: initial J, J (K, N), B (M, N), root, xi (N,), block starts (L + 1,)."""
    at = _network(K, M, points)
    start = view(state, at, (K, N))
    J = view(state, at + K * N, (K, N))
    B = view(state, at + 2 * K * N, (M, N))
    at += (2 * K + M) * N
    return start, J, B, view(state, at, (N,)), view(state, at + N, (N,)), view(state, at + 2 * N, (L + 1,))


@kernel
def _reduced(state, K, M, N, L, points):
    """Views of the state: a reduced run at its start and now, sizes of the blocks (L,)."""
    at, length = _network(K, M, points), reduced_size_equal(N // L, L, K, M)
    return view(state, at, (length,)), view(state, at + length, (length,)), view(state, at + 2 * length, (L,))


@kernel
def _first(state, K, M, N, L, points):
    """Views of the state: students (K, P) and teachers (M, P) from which the runs start, and the coordinates of a level."""
    if state[4] == 0.0:
        start, J, B, root, xi, starts = _weights(state, K, M, N, L, points)
        return start, B, N // L
    begin, run, size = _reduced(state, K, M, N, L, points)
    J, B = reduced_weights(begin)
    return J, B, K + M + 1


@kernel
def ensemble_size_direct(K, M, N, L, points):
    """Doubles that the state of :func:`ensemble_start_direct` needs."""
    return _network(K, M, points) + (2 * K + M + 2) * N + L + 1


@kernel
def ensemble_size(K, M, N, L, points):
    """Doubles that the state of :func:`ensemble_start` needs."""
    n = N // L
    if kept(n, K, M) == n:
        return ensemble_size_direct(K, M, N, L, points)
    drawn = (M + K) * N + L + 1 if N <= DRAWN else 0
    return _network(K, M, points) + 2 * reduced_size_equal(n, L, K, M) + L + drawn


@kernel
def ensemble_cost(state, K, M, N, L):
    """Cost of a step, in multiply-adds."""
    if state[4] == 0.0:
        return step_cost(N, 0, K, M)
    return step_cost(L * kept(N // L, K, M), L, K, M)


@kernel
def _start(state, N, points, alpha_first, alpha_last, x):
    """No step done yet; lay out the times."""
    target, total, square, count = _record(state, points)
    for i in range(HEADER):
        state[i] = 0.0
    state[3] = N
    first = max(alpha_first, 1.0 / N)
    for i in range(points):
        alpha = first * math.exp(math.log(max(alpha_last / first, 1.0)) * i / (points - 1))
        target[i] = math.floor(alpha * N + 0.5)
        x[i] = target[i] / N
        total[i] = square[i] = count[i] = 0.0


@kernel
def _draw(starts, N, sigma_J, seed, J, B):
    """Draw students and teachers, these orthonormal in every block where blocks are large enough."""
    L, M = starts.shape[0] - 1, B.shape[0]
    for k in range(L + 1):
        starts[k] = k * (N // L)
    initial_weights(seed, sigma_J, J, B)
    if N // L >= M:
        orthonormalise(starts, B)


@kernel
def ensemble_start_direct(state, K, M, N, points, eigenvalue, sigma_J, seed, alpha_first, alpha_last, x):
    """Draw the weights and lay out ``points`` times from ``alpha_first`` to ``alpha_last`` on a log scale.

    ``eigenvalue`` (L,) has equal weights, and N is a multiple of L; ``x`` receives the times after rounding to
    whole steps.
    """
    L = eigenvalue.shape[0]
    start, J, B, root, xi, starts = _weights(state, K, M, N, L, points)
    _start(state, N, points, alpha_first, alpha_last, x)
    _draw(starts, N, sigma_J, seed, start, B)
    for j in range(N):
        root[j] = math.sqrt(eigenvalue[j // (N // L)])


@kernel
def ensemble_start(state, K, M, N, points, eigenvalue, sigma_J, seed, alpha_first, alpha_last, x):
    """As :func:`ensemble_start_direct`, with runs on the N weights or on their reduced coordinates, whichever cost less.

    The state is of length :func:`ensemble_size`.
    """
    L = eigenvalue.shape[0]
    if kept(N // L, K, M) == N // L:
        ensemble_start_direct(state, K, M, N, points, eigenvalue, sigma_J, seed, alpha_first, alpha_last, x)
        return
    begin, run, size = _reduced(state, K, M, N, L, points)
    _start(state, N, points, alpha_first, alpha_last, x)
    state[4] = 1.0
    for k in range(L):
        size[k] = N // L
    if N <= DRAWN:
        at = _network(K, M, points) + 2 * begin.shape[0] + L
        weights = view(state, at, (M + K, N))
        _draw(view(state, at + (M + K) * N, (L + 1,)), N, sigma_J, seed, weights[M:], weights[:M])
        reduced_fold(begin, eigenvalue, size, K, M, weights)
    else:
        reduced_start(begin, eigenvalue, size, K, M, sigma_J, 1, seed)


@kernel
def ensemble_restrict(state, trained):
    """Let the runs of :func:`ensemble_start_direct` train the first ``trained`` coordinates only, in place of all N."""
    state[3] = trained


@kernel
def ensemble_align(state, K, M, N, L, points, alignment):
    """Add ``alignment`` times teacher i's vector to student i's, before the first slice."""
    J, B, width = _first(state, K, M, N, L, points)
    for i in range(min(K, M)):
        for j in range(L * width):
            J[i, j] += alignment * B[i, j]


@kernel
def ensemble_overlaps(state, K, M, N, L, points, r, q, t):
    """Block overlaps r (L, K, M), q (L, K, K), t (L, M, M) of the weights from which the runs start."""
    J, B, width = _first(state, K, M, N, L, points)
    _level_overlaps(J, B, width, N // L, r)
    _level_overlaps(J, J, width, N // L, q)
    _level_overlaps(B, B, width, N // L, t)


@kernel
def _level_overlaps(X, Y, width, n, out):
    """out[k, a, b] = X_a . Y_b / n, summed over the ``width`` coordinates that stand for the n directions of level k."""
    for k in range(out.shape[0]):
        for a in range(X.shape[0]):
            for b in range(Y.shape[0]):
                overlap = 0.0
                for j in range(k * width, (k + 1) * width):
                    overlap += X[a, j] * Y[b, j]
                out[k, a, b] = overlap / n


@kernel
def ensemble_rescale(state, K, M, N, L, points, gain):
    """Go to coordinates in which inputs of level k are multiplied by sqrt(gain_k), ``gain`` (L,), and weights divided.

    Called after :func:`ensemble_start`, which was given the eigenvalues of the new coordinates.
    """
    J, B, width = _first(state, K, M, N, L, points)
    for j in range(L * width):
        factor = 1.0 / math.sqrt(gain[j // width])
        for i in range(K):
            J[i, j] *= factor
        for n in range(M):
            B[n, j] *= factor


@kernel
def ensemble_advance(state, K, M, N, L, points, eta, v, u, activity, runs, seed, y, lower, upper):
    """One slice more. ``y`` receives the mean of eps_g over the runs so far at each time (NaN: none yet),
    ``lower`` and ``upper`` the mean divided and multiplied by exp(2 standard errors / mean): two standard errors of
    its logarithm, so that the band stays positive. Returns the fraction done."""
    target, total, square, count = _record(state, points)
    Q, R, T, C, spare, slope = _totals(state, K, M, points)
    number, index, step = int(state[0]), int(state[1]), int(state[2])
    budget = int(SLICE / ensemble_cost(state, K, M, N, L)) + 1
    last = int(target[points - 1])
    while number < runs and budget > 0:
        stop = min(step + budget, int(target[index]))
        first = index == 0 and step == 0
        due = stop == int(target[index])
        # one run's data is that of the reader's seed, the next one's that of the next seed
        if state[4] == 0.0:
            start, J, B, root, xi, starts = _weights(state, K, M, N, L, points)
            if first:
                measure(B, B, root, xi, T, spare)
                for i in range(K):
                    for j in range(N):
                        J[i, j] = start[i, j]
            advance(J, B, root, eta, v, u, activity, int(state[3]), seed + number, step, stop, xi, slope)
            if due:
                measure(J, B, root, xi, Q, R)
        else:
            begin, run, size = _reduced(state, K, M, N, L, points)
            if first:
                for i in range(begin.shape[0]):
                    run[i] = begin[i]
            reduced_advance(run, eta, v, u, activity, seed + number, step, stop)
            if due:
                reduced_measure(run, Q, R, T)
        budget -= stop - step
        step = stop
        if due:
            assemble(Q, R, T, C)
            error = generalization_error(C, K, v, u, activity)
            total[index] += error
            square[index] += error * error
            count[index] += 1.0
            index += 1
            if index == points:
                number += 1
                index = step = 0
    state[0], state[1], state[2] = number, index, step
    for i in range(points):
        n = count[i]
        y[i] = total[i] / n if n > 0.0 else np.nan
        if n > 1.0:
            error = 2.0 * math.sqrt(max(0.0, (square[i] - n * y[i] * y[i]) / (n * (n - 1.0))))
            factor = math.exp(error / y[i]) if error > 0.0 else 1.0
            lower[i], upper[i] = y[i] / factor, y[i] * factor
        else:
            lower[i] = upper[i] = np.nan
    return (number + step / last) / runs
