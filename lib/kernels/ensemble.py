"""Runs of direct SGD over several data streams, a slice at a time: what an explorer simulates.

All runs start from the same weights and see different data, so that they scatter about the solution of the
flow from those weights. Everything lives in one flat float64 buffer ``state``, which makes a
simulation something that can stop anywhere, go on later, and be moved to another thread.
"""

import math

import numpy as np

from .fields import assemble, generalization_error
from .jit import kernel
from .sgd import advance, block_overlaps, initial_weights, measure, orthonormalise
from .views import view

# Multiply-adds in a slice: about 4 ms natively, 10 ms in a browser.
SLICE = 2e7


@kernel
def _parts(state, K, M, N, L, points):
    """Views of the state: progress (3,), coordinates trained, step numbers, sums and sums of squares of eps_g, counts (points,) each,
    then J0, J, B, root, xi, slope, Q, R, T, C, block starts."""
    at = 4
    target = view(state, at, (points,))
    total = view(state, at + points, (points,))
    square = view(state, at + 2 * points, (points,))
    count = view(state, at + 3 * points, (points,))
    at += 4 * points
    start = view(state, at, (K, N))
    J = view(state, at + K * N, (K, N))
    B = view(state, at + 2 * K * N, (M, N))
    at += (2 * K + M) * N
    root = view(state, at, (N,))
    xi = view(state, at + N, (N,))
    at += 2 * N
    slope = view(state, at, (K,))
    Q = view(state, at + K, (K, K))
    R = view(state, at + K + K * K, (K, M))
    at += K + K * K + K * M
    T = view(state, at, (M, M))
    spare = view(state, at + M * M, (M, M))
    C = view(state, at + 2 * M * M, (K + M, K + M))
    starts = view(state, at + 2 * M * M + (K + M) * (K + M), (L + 1,))
    return target, total, square, count, start, J, B, root, xi, slope, Q, R, T, spare, C, starts


@kernel
def ensemble_size(K, M, N, L, points):
    """Doubles that the state needs."""
    return 4 + 4 * points + (2 * K + M + 2) * N + K + K * K + K * M + 2 * M * M + (K + M) * (K + M) + L + 1


@kernel
def ensemble_start(state, K, M, N, points, eigenvalue, sigma_J, seed, alpha_first, alpha_last, x):
    """Draw the weights and lay out ``points`` times from ``alpha_first`` to ``alpha_last`` on a log scale.

    ``eigenvalue`` (L,) has equal weights, and N is a multiple of L; ``x`` receives the times after rounding to
    whole steps.
    """
    L = eigenvalue.shape[0]
    target, total, square, count, start, J, B, root, xi, slope, Q, R, T, spare, C, starts = _parts(
        state, K, M, N, L, points)
    state[0] = state[1] = state[2] = 0.0
    state[3] = N
    first = max(alpha_first, 1.0 / N)
    for i in range(points):
        alpha = first * math.exp(math.log(max(alpha_last / first, 1.0)) * i / (points - 1))
        target[i] = math.floor(alpha * N + 0.5)
        x[i] = target[i] / N
        total[i] = square[i] = count[i] = 0.0
    for k in range(L + 1):
        starts[k] = k * (N // L)
    for j in range(N):
        root[j] = math.sqrt(eigenvalue[j // (N // L)])
    initial_weights(seed, sigma_J, start, B)
    if N // L >= M:
        orthonormalise(starts, B)
    measure(B, B, root, xi, T, spare)


@kernel
def ensemble_restrict(state, trained):
    """Let the runs train the first ``trained`` coordinates only, in place of all N."""
    state[3] = trained


@kernel
def ensemble_overlaps(state, K, M, N, L, points, r, q, t):
    """Block overlaps r (L, K, M), q (L, K, K), t (L, M, M) of the weights from which the runs start."""
    target, total, square, count, start, J, B, root, xi, slope, Q, R, T, spare, C, starts = _parts(
        state, K, M, N, L, points)
    block_overlaps(starts, start, B, r)
    block_overlaps(starts, start, start, q)
    block_overlaps(starts, B, B, t)


@kernel
def ensemble_advance(state, K, M, N, L, points, eta, v, u, activity, runs, seed, y, lower, upper):
    """One slice more. ``y`` receives the mean of eps_g over the runs so far at each time (NaN: none yet),
    ``lower`` and ``upper`` the mean -+ two standard errors. Returns the fraction done."""
    target, total, square, count, start, J, B, root, xi, slope, Q, R, T, spare, C, starts = _parts(
        state, K, M, N, L, points)
    run, index, step = int(state[0]), int(state[1]), int(state[2])
    budget = int(SLICE / (N * (2 * K + M + 8))) + 1
    last = int(target[points - 1])
    while run < runs and budget > 0:
        if index == 0 and step == 0:
            for i in range(K):
                for j in range(N):
                    J[i, j] = start[i, j]
        stop = min(step + budget, int(target[index]))
        # stream 2 of every seed: run number 0, 1, ... of the reader's seed
        advance(J, B, root, eta, v, u, activity, int(state[3]), seed + run, step, stop, xi, slope)
        budget -= stop - step
        step = stop
        if step == int(target[index]):
            measure(J, B, root, xi, Q, R)
            assemble(Q, R, T, C)
            error = generalization_error(C, K, v, u, activity)
            total[index] += error
            square[index] += error * error
            count[index] += 1.0
            index += 1
            if index == points:
                run += 1
                index = step = 0
    state[0], state[1], state[2] = run, index, step
    for i in range(points):
        n = count[i]
        y[i] = total[i] / n if n > 0.0 else np.nan
        if n > 1.0:
            error = 2.0 * math.sqrt(max(0.0, (square[i] - n * y[i] * y[i]) / (n * (n - 1.0))))
            lower[i], upper[i] = y[i] - error, y[i] + error
        else:
            lower[i] = upper[i] = np.nan
    return (run + step / last) / runs
