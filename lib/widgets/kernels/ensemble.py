"""Runs of SGD over several data streams, a slice at a time: what an explorer simulates.

All runs start from the same weights and see different data, so that they scatter about the solution of the
flow from those weights. Everything lives in one flat float64 buffer ``state``, which makes a
simulation something that can stop anywhere, go on later, and be moved to another thread. The buffer knows its own
:class:`Shape`: after :func:`ensemble_start` it is all that a caller hands on.

The runs train the N weights; or, where that costs less, the reduced coordinates of :mod:`lib.kernels.reduced`,
the same process in law: :func:`ensemble_start` decides. Blocks have equal sizes, so all are reduced or none.
Runs that train a part of the coordinates begin with :func:`ensemble_start_direct`.
"""

import math
from collections import namedtuple

import numpy as np

from ...compiler.jit import kernel
from ...compiler.layout import nowhere, outputs, place, take
from ...kernels.averages import assemble, generalization_error
from ...kernels.reduced import (
    block_coordinates,
    reduced_advance,
    reduced_fold,
    reduced_measure,
    reduced_size_equal,
    reduced_start,
    reduced_weights,
    step_cost,
)
from ...kernels.sgd import Run, advance, initial_weights, measure, orthonormalise

# Multiply-adds in a slice: about 1 ms natively, 3 ms in a browser.
SLICE = 5e6
# Up to this N reduced runs start from drawn weights; beyond, these would take too long for a slider, and their
# overlaps are drawn instead, by the law that they have.
MAX_N_WITH_WEIGHTS = 65536
# Steps eta lambda_1/N up to here are small for the leading direction; beyond, SGD is not what the theory describes: its
# next order, of the finite dimension, changes that direction's rate by as much.
LARGEST_STEP = 0.2

# K students, M teachers, N inputs, L levels, and points in time at which the error is measured.
Shape = namedtuple("Shape", "students teachers inputs levels points")
# The simulation's scalars, at the start of its buffer.
Header = outputs(
    "Header",
    students=(1,),
    teachers=(1,),
    inputs=(1,),
    levels=(1,),
    points=(1,),
    reduced=(1,),  # 1 if the coordinates are the reduced ones
    trained=(1,),  # coordinates that are trained
    run=(1,),  # how far the simulation is: the run, its next point in time and its step
    point=(1,),
    step=(1,),
)
MEASURED = Header.size
Measured = namedtuple(
    "Measured",
    # of every point in time (points,): its step, sum and sum of squares of eps_g over the runs, and their number
    "target total square count"
    # a run's Q (K, K), R (K, M), T (M, M), the covariance of all fields (P, P); scratch (M, M) and (K,)
    " Q R T C spare slope"
    # where it ends
    " end",
)
# Runs on the weights: initial J (K, N), J, B (M, N), root, an input (N,), where the levels begin (L + 1,).
Direct = namedtuple("Direct", "start J B root xi edges end")
# Runs on reduced coordinates: one at its start and now, sizes of the levels (L,); and, where the weights are drawn,
# teachers and students (M + K, N) with where the levels begin (L + 1,).
Reduced = namedtuple("Reduced", "begin run size weights edges end")


@kernel(inline=True)
def _shape(state):
    """The :class:`Shape` of a simulation that was started."""
    h = place(Header, state)
    return Shape(int(h.students[0]), int(h.teachers[0]), int(h.inputs[0]), int(h.levels[0]), int(h.points[0]))


@kernel(inline=True)
def _measured(shape, state):
    """What every simulation has, behind the header."""
    K, M, points = shape.students, shape.teachers, shape.points
    P = K + M
    target, at = take(state, MEASURED, (points,))
    total, at = take(state, at, (points,))
    square, at = take(state, at, (points,))
    count, at = take(state, at, (points,))
    Q, at = take(state, at, (K, K))
    R, at = take(state, at, (K, M))
    T, at = take(state, at, (M, M))
    C, at = take(state, at, (P, P))
    spare, at = take(state, at, (M, M))
    slope, at = take(state, at, (K,))
    return Measured(target, total, square, count, Q, R, T, C, spare, slope, at)


@kernel(inline=True)
def _direct(shape, state):
    """What a simulation on the weights has behind that."""
    K, M, N, L, _ = shape
    start, at = take(state, _measured(shape, state).end, (K, N))
    J, at = take(state, at, (K, N))
    B, at = take(state, at, (M, N))
    root, at = take(state, at, (N,))
    xi, at = take(state, at, (N,))
    edges, at = take(state, at, (L + 1,))
    return Direct(start, J, B, root, xi, edges, at)


@kernel(inline=True)
def _reduced(shape, state):
    """What a simulation on reduced coordinates has behind that."""
    K, M, N, L, _ = shape
    length, drawn = reduced_size_equal(N // L, L, K, M), N if N <= MAX_N_WITH_WEIGHTS else 0
    begin, at = take(state, _measured(shape, state).end, (length,))
    run, at = take(state, at, (length,))
    size, at = take(state, at, (L,))
    weights, at = take(state, at, (M + K, drawn))
    edges, at = take(state, at, (L + 1 if drawn > 0 else 0,))
    return Reduced(begin, run, size, weights, edges, at)


@kernel
def _first(state):
    """Students (K, P) and teachers (M, P) from which the runs start, and the coordinates of a level."""
    shape = _shape(state)
    if place(Header, state).reduced[0] == 0.0:
        direct = _direct(shape, state)
        return direct.start, direct.B, shape.inputs // shape.levels
    J, B = reduced_weights(_reduced(shape, state).begin)
    return J, B, shape.students + shape.teachers + 1


@kernel
def ensemble_size_direct(shape):
    """Doubles that the state of :func:`ensemble_start_direct` needs."""
    return _direct(shape, nowhere()).end


@kernel
def _reduces(shape):
    """Whether reduced coordinates cost less."""
    n = shape.inputs // shape.levels
    return block_coordinates(n, shape.students, shape.teachers) < n


@kernel
def ensemble_size(shape):
    """Doubles that the state of :func:`ensemble_start` needs."""
    return _reduced(shape, nowhere()).end if _reduces(shape) else ensemble_size_direct(shape)


@kernel
def ensemble_cost(state):
    """Cost of a step, in multiply-adds."""
    K, M, N, L, _ = _shape(state)
    if place(Header, state).reduced[0] == 0.0:
        return step_cost(N, 0, K, M)
    return step_cost(L * block_coordinates(N // L, K, M), L, K, M)


@kernel
def _start(state, shape, alpha_first, alpha_last, x):
    """No step done yet; lay out the times."""
    h, s = place(Header, state), _measured(shape, state)
    N, points = shape.inputs, shape.points
    h.students[0], h.teachers[0] = shape.students, shape.teachers
    h.inputs[0], h.levels[0], h.points[0] = N, shape.levels, points
    h.reduced[0] = h.run[0] = h.point[0] = h.step[0] = 0.0
    h.trained[0] = N
    first = max(alpha_first, 1.0 / N)
    for i in range(points):
        alpha = first * math.exp(math.log(max(alpha_last / first, 1.0)) * i / (points - 1))
        s.target[i] = math.floor(alpha * N + 0.5)
        x[i] = s.target[i] / N
        s.total[i] = s.square[i] = s.count[i] = 0.0


@kernel
def _draw(edges, N, sigma_J, seed, J, B):
    """Draw students and teachers, these orthonormal in every block where blocks are large enough."""
    L, M = edges.shape[0] - 1, B.shape[0]
    for k in range(L + 1):
        edges[k] = k * (N // L)
    initial_weights(seed, sigma_J, J, B)
    if N // L >= M:
        orthonormalise(edges, B)


@kernel
def ensemble_start_direct(state, shape, eigenvalue, sigma_J, seed, alpha_first, alpha_last, x):
    """Draw the weights and lay out the times from ``alpha_first`` to ``alpha_last`` on a log scale.

    ``eigenvalue`` (L,) has equal weights, and N is a multiple of L; ``x`` (points,) receives the times after rounding
    to whole steps.
    """
    N, s = shape.inputs, _direct(shape, state)
    _start(state, shape, alpha_first, alpha_last, x)
    _draw(s.edges, N, sigma_J, seed, s.start, s.B)
    for j in range(N):
        s.root[j] = math.sqrt(eigenvalue[j // (N // shape.levels)])


@kernel
def ensemble_start(state, shape, eigenvalue, sigma_J, seed, alpha_first, alpha_last, x):
    """Start runs on the N weights or on their reduced coordinates, whichever cost less; else as in
    :func:`ensemble_start_direct`.

    The state is of length :func:`ensemble_size`.
    """
    if not _reduces(shape):
        ensemble_start_direct(state, shape, eigenvalue, sigma_J, seed, alpha_first, alpha_last, x)
        return
    K, M, N, L, _ = shape
    s = _reduced(shape, state)
    _start(state, shape, alpha_first, alpha_last, x)
    place(Header, state).reduced[0] = 1.0
    for k in range(L):
        s.size[k] = N // L
    if s.edges.shape[0] > 0:
        _draw(s.edges, N, sigma_J, seed, s.weights[M:], s.weights[:M])
        reduced_fold(s.begin, eigenvalue, s.size, K, M, s.weights)
    else:
        reduced_start(s.begin, eigenvalue, s.size, K, M, sigma_J, 1, seed)


@kernel
def ensemble_restrict(state, trained):
    """Let the runs of :func:`ensemble_start_direct` train the first ``trained`` coordinates only, in place of all N."""
    place(Header, state).trained[0] = trained


@kernel
def ensemble_align(state, alignment):
    """Add ``alignment`` times teacher i's vector to student i's, before the first slice."""
    J, B, width = _first(state)
    for i in range(min(J.shape[0], B.shape[0])):
        for j in range(_shape(state).levels * width):
            J[i, j] += alignment * B[i, j]


@kernel
def ensemble_overlaps(state, r, q, t):
    """Block overlaps r (L, K, M), q (L, K, K), t (L, M, M) of the weights from which the runs start."""
    J, B, width = _first(state)
    shape = _shape(state)
    n = shape.inputs // shape.levels
    _level_overlaps(J, B, width, n, r)
    _level_overlaps(J, J, width, n, q)
    _level_overlaps(B, B, width, n, t)


@kernel
def _level_overlaps(X, Y, width, n, out):
    """out[k, a, b] = X_a . Y_b / n, summed over the ``width`` coordinates that represent level k's n directions."""
    for k in range(out.shape[0]):
        for a in range(X.shape[0]):
            for b in range(Y.shape[0]):
                overlap = 0.0
                for j in range(k * width, (k + 1) * width):
                    overlap += X[a, j] * Y[b, j]
                out[k, a, b] = overlap / n


@kernel
def ensemble_rescale(state, gain):
    """Multiply inputs of level k by sqrt(gain_k), ``gain`` (L,), and divide the weights by it.

    Called after :func:`ensemble_start`, which was given the eigenvalues of the new coordinates.
    """
    J, B, width = _first(state)
    for j in range(gain.shape[0] * width):
        factor = 1.0 / math.sqrt(gain[j // width])
        for i in range(J.shape[0]):
            J[i, j] *= factor
        for n in range(B.shape[0]):
            B[n, j] *= factor


@kernel
def ensemble_advance(state, eta, network, runs, seed, out):
    """One slice more; returns the fraction done.

    network: a ``Network`` of :mod:`lib.kernels.averages`. out (4, points): its rows 1 to 3 receive the mean of eps_g
    over the runs so far at each time (NaN: none yet), and the mean divided and multiplied by exp(2 standard errors /
    mean): two standard errors of its logarithm, so that the band stays positive.
    """
    shape, h = _shape(state), place(Header, state)
    s = _measured(shape, state)
    Q, R, T = s.Q, s.R, s.T
    points = shape.points
    if points == 0:  # a buffer of zeros, in which nothing was started
        return 1.0
    number, index, step = int(h.run[0]), int(h.point[0]), int(h.step[0])
    budget = int(SLICE / ensemble_cost(state)) + 1
    last = int(s.target[points - 1])
    while number < runs and budget > 0:
        stop = min(step + budget, int(s.target[index]))
        first = index == 0 and step == 0
        due = stop == int(s.target[index])
        # one run's data is that of the reader's seed, the next one's that of the next seed
        if h.reduced[0] == 0.0:
            d = _direct(shape, state)
            if first:
                measure(d.B, d.B, d.root, d.xi, T, s.spare)
                for i in range(shape.students):
                    for j in range(shape.inputs):
                        d.J[i, j] = d.start[i, j]
            run = Run(d.J, d.B, d.root, int(h.trained[0]), d.xi, s.slope)
            advance(run, eta, network, seed + number, step, stop)
            if due:
                measure(d.J, d.B, d.root, d.xi, Q, R)
        else:
            reduced = _reduced(shape, state)
            if first:
                for i in range(reduced.begin.shape[0]):
                    reduced.run[i] = reduced.begin[i]
            reduced_advance(reduced.run, eta, network, seed + number, step, stop)
            if due:
                reduced_measure(reduced.run, Q, R, T)
        budget -= stop - step
        step = stop
        if due:
            assemble(Q, R, T, s.C)
            error = generalization_error(s.C, shape.students, network.v, network.u, network.activity)
            s.total[index] += error
            s.square[index] += error * error
            s.count[index] += 1.0
            index += 1
            if index == points:
                number += 1
                index = step = 0
    h.run[0], h.point[0], h.step[0] = number, index, step
    mean, lower, upper = out[1], out[2], out[3]
    for i in range(points):
        n = s.count[i]
        mean[i] = s.total[i] / n if n > 0.0 else np.nan
        if n > 1.0:
            error = 2.0 * math.sqrt(max(0.0, (s.square[i] - n * mean[i] * mean[i]) / (n * (n - 1.0))))
            factor = math.exp(error / mean[i]) if error > 0.0 else 1.0
            lower[i], upper[i] = mean[i] / factor, mean[i] * factor
        else:
            lower[i] = upper[i] = np.nan
    return (number + step / last) / runs
