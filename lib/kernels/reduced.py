"""Exact reduced SGD: the direct simulation's law, at a cost that does not depend on N.

In a block of n directions with the same eigenvalue a step sees of the input only its projections on the K
students and M teachers, and adds it to the students. So keep, in each block, coordinates that follow
the networks: M along the teachers, K more along what the students have outside the teachers' span, one for
the rest of the input. Inputs are isotropic inside the block, so in these coordinates, chosen before
the input is drawn, it is M + K independent normals and the length rho of the rest, rho^2 chi square with
n - M - K degrees of freedom: n numbers have become M + K + 1, and the step is an ordinary SGD step on
them. It moves the students into the last coordinate; a rotation of the last K + 1 makes their
remainder triangular again and the last coordinate empty, ready for the next input. Teachers and students::

    B = [ T 0 0 ],  J = [ W F 0 ],  T, F lower triangular,
    n t = T T^T,  n r = W T^T,  n q = W W^T + F F^T  (positive semidefinite by construction).

Small blocks keep their own n coordinates: :func:`block_coordinates` decides by cost. The reduced network has P
coordinates altogether, those of the small blocks first, and is trained by the kernels of
:mod:`lib.kernels.sgd` as a network of P inputs with eigenvalues lambda P / N, because these give the same
fields and the same steps as lambda and N.

Everything lives in one flat float64 buffer ``state``, so that a run can stop anywhere and go on later.
"""

import math
from collections import namedtuple

from ..compiler.dot import dot
from ..compiler.jit import kernel
from ..compiler.layout import nowhere, outputs, place, take
from ..compiler.views import view
from ..maths.erf import activation
from ..maths.rng import fill_normals, normals_to_chi, stream_key
from .averages import LINEAR
from .sgd import (
    INPUTS,
    initial_weights,
    learn,
    mean_answer,
    measure,
    orthonormalise,
    square_answer,
    square_error,
    square_learn,
)

# Streams of a seed, after those of lib.kernels.sgd
LENGTHS, INITIAL_LENGTHS = 3, 4

# Inputs are drawn many steps at once, in about this many doubles: long loops for the generator, in the cache.
BATCH = 2048

# A run's counts, at the start of its buffer.
Header = outputs("Header", students=(1,), teachers=(1,), coordinates=(1,), blocks=(1,), batch=(1,))
PARTS = Header.size
# The same as integers: K, M, all coordinates P, reduced blocks, and the steps whose inputs are drawn at once.
Counts = namedtuple("Counts", "students teachers coordinates blocks batch")
Parts = namedtuple(
    "Parts",
    # teachers and students in one array (M + K, P), and one by one (M, P), (K, P)
    "weights B J"
    # sqrt of the eigenvalues (P,), degrees of freedom of the lengths (blocks,)
    " root dof"
    # inputs (batch, P), teachers' fields (batch, M), their answers (batch,)
    " inputs fields answers"
    # scratch: slopes (K,), a triangle (M + K, M + K)
    " slope triangle"
    # where it ends
    " end",
)


@kernel
def step_cost(coordinates, blocks, K, M):
    """Cost of a step on ``coordinates``, those of ``blocks`` reduced blocks among them, in multiply-adds.

    8 stand for drawing a normal; the constants of a block's length and triangle are fitted to measured times.
    """
    return coordinates * (2 * K + M + 8) + blocks * (40 + 60 * K + 3 * K * K * (K + 1))


@kernel
def block_coordinates(n, K, M):
    """Coordinates of a block of n directions: K + M + 1 if reducing it is cheaper, else all n."""
    reduced = K + M + 1
    return reduced if n >= reduced and step_cost(n, 0, K, M) > step_cost(reduced, 1, K, M) else n


@kernel
def _count(size, K, M):
    """The :class:`Counts` of blocks of ``size`` (L,) directions."""
    P = blocks = 0
    for n in size:
        P += block_coordinates(int(n), K, M)
        blocks += block_coordinates(int(n), K, M) < n
    return Counts(K, M, P, blocks, max(1, BATCH // P))


@kernel(inline=True)
def layout(counts, state):
    """The arrays of a run inside its buffer, behind the header."""
    K, M, P, blocks, batch = counts
    weights, at = take(state, PARTS, (M + K, P))
    B = view(state, PARTS, (M, P))
    J = view(state, PARTS + M * P, (K, P))
    root, at = take(state, at, (P,))
    dof, at = take(state, at, (blocks,))
    inputs, at = take(state, at, (batch, P))
    fields, at = take(state, at, (batch, M))
    answers, at = take(state, at, (batch,))
    slope, at = take(state, at, (K,))
    triangle, at = take(state, at, (M + K, M + K))
    return Parts(weights, B, J, root, dof, inputs, fields, answers, slope, triangle, at)


@kernel
def reduced_size(size, K, M):
    """Where the layout ends, for blocks of ``size`` (L,) directions."""
    return layout(_count(size, K, M), nowhere()).end


@kernel
def reduced_size_equal(n, L, K, M):
    """Where the layout ends, for L blocks of n directions each."""
    P = L * block_coordinates(n, K, M)
    blocks = L if block_coordinates(n, K, M) < n else 0
    return layout(Counts(K, M, P, blocks, max(1, BATCH // P)), nowhere()).end


@kernel
def reduced_cost(size, K, M):
    """Cost of a step, in multiply-adds."""
    counts = _count(size, K, M)
    return step_cost(counts.coordinates, counts.blocks, K, M)


@kernel(inline=True)
def _read_counts(state):
    """The :class:`Counts` of a run, as :func:`_begin` wrote them."""
    h = place(Header, state)
    return Counts(
        int(h.students[0]), int(h.teachers[0]), int(h.coordinates[0]), int(h.blocks[0]), int(h.batch[0])
    )  # fmt: skip


@kernel
def parts(state):
    """The :class:`Parts` of a run that was started."""
    return layout(_read_counts(state), state)


@kernel(inline=True)
def _lower_factor(A, low, high, triangle):
    """L lower triangular with L L^T = X X^T, X = A[:, low:high], by modified Gram-Schmidt, overwriting X.

    Its factor is as accurate as that of rotations, and equal rows stay equal to the last bit: students that
    begin equal remain equal, as in direct SGD.
    """
    rows = A.shape[0]
    for i in range(rows):
        square = 0.0
        for c in range(low, high):
            square += A[i, c] * A[i, c]
        triangle[i, i] = math.sqrt(square)
        for j in range(i + 1, rows):
            product = 0.0
            for c in range(low, high):
                product += A[i, c] * A[j, c]
            ratio = product / square if square > 0.0 else 0.0
            triangle[j, i] = ratio * triangle[i, i]
            for c in range(low, high):
                A[j, c] -= ratio * A[i, c]


@kernel(inline=True)
def _triangularise(J, low, triangle):
    """Rotate K + 1 coordinates from ``low`` on so that the students (K, P) are lower triangular in them."""
    K = J.shape[0]
    _lower_factor(J, low, low + K + 1, triangle)
    for i in range(K):
        for j in range(K + 1):
            J[i, low + j] = triangle[i, j] if j <= i else 0.0


@kernel
def _begin(state, eigenvalue, size, K, M):
    """Write counts, eigenvalues, degrees of freedom. Returns where the reduced blocks' coordinates begin."""
    counts, h = _count(size, K, M), place(Header, state)
    P = counts.coordinates
    h.students[0], h.teachers[0], h.coordinates[0] = K, M, P
    h.blocks[0], h.batch[0] = counts.blocks, counts.batch
    s = parts(state)
    N = 0.0
    for n in size:
        N += n
    first = P - counts.blocks * (K + M + 1)
    own, block = 0, 0
    for k in range(size.shape[0]):
        coordinates = block_coordinates(int(size[k]), K, M)
        if coordinates < size[k]:
            low = first + block * coordinates
            s.dof[block] = size[k] - (K + M)
            block += 1
        else:
            low = own
            own += coordinates
        for j in range(low, low + coordinates):
            s.root[j] = math.sqrt(eigenvalue[k] * P / N)
    return first


@kernel
def reduced_fold(state, eigenvalue, size, K, M, weights):
    """Start from given teachers and students, the rows of ``weights`` (M + K, N), which is overwritten.

    Block k has the eigenvalue ``eigenvalue[k]`` and ``size[k]`` consecutive coordinates; both (L,), float64 like
    all arrays that a page can hand over.
    """
    reduced = _begin(state, eigenvalue, size, K, M)
    s = parts(state)
    own, start = 0, 0
    for k in range(size.shape[0]):
        n = int(size[k])
        if block_coordinates(n, K, M) < n:
            _lower_factor(weights, start, start + n, s.triangle)
            for a in range(M + K):
                for j in range(K + M + 1):
                    s.weights[a, reduced + j] = s.triangle[a, j] if j <= a else 0.0
            reduced += K + M + 1
        else:
            for a in range(M + K):
                for j in range(n):
                    s.weights[a, own + j] = weights[a, start + j]
            own += n
        start += n


@kernel
def reduced_start(state, eigenvalue, size, K, M, sigma_J, orthonormal, seed):
    """Start from random weights, drawn in the reduced coordinates: no memory of size N.

    By Bartlett's theorem the triangle of M + K rows of n standard normals has chi variables with n - a
    degrees of freedom on its diagonal, a = 0, 1, ..., and standard normals below. ``orthonormal``: 1 for
    teachers with t = identity in every block, 0 for independent normal entries. Blocks as in
    :func:`reduced_fold`.
    """
    reduced = _begin(state, eigenvalue, size, K, M)
    s = parts(state)
    initial_weights(seed, 1.0, s.J, s.B)
    own, block = 0, 0
    for k in range(size.shape[0]):
        n = int(size[k])
        if block_coordinates(n, K, M) < n:
            low = reduced + block * (K + M + 1)
            key = stream_key(stream_key(seed, INITIAL_LENGTHS), block)
            for a in range(M + K):
                normals_to_chi(key, a, size[k] - a, s.weights[a : a + 1, low + a])
                for j in range(a + 1, K + M + 1):
                    s.weights[a, low + j] = 0.0
            if orthonormal:
                for a in range(M):
                    for j in range(a + 1):
                        s.B[a, low + j] = math.sqrt(n) if j == a else 0.0
            block += 1
        else:
            if orthonormal:
                edges = view(s.triangle, 0, (2,))
                edges[0], edges[1] = own, own + n
                orthonormalise(edges, s.B)
            own += n
    for i in range(K):
        for j in range(s.J.shape[1]):
            s.J[i, j] *= sigma_J


@kernel
def strengthen(state, size, strength):
    """Give the teachers, which have t = 1 in every block at the start, the mean square strength[k] in block k."""
    counts, s = _read_counts(state), parts(state)
    K, M, P, blocks = counts.students, counts.teachers, counts.coordinates, counts.blocks
    own, reduced = 0, P - blocks * (K + M + 1)
    for k in range(size.shape[0]):
        n = int(size[k])
        coordinates = block_coordinates(n, K, M)
        low = reduced if coordinates < n else own
        if coordinates < n:
            reduced += coordinates
        else:
            own += coordinates
        for a in range(M):
            for j in range(low, low + coordinates):
                s.B[a, j] *= math.sqrt(strength[k])


@kernel(inline=True)
def _draw_inputs(state, counts, number, seed):
    """Inputs number ``number`` times the batch and following, with the length of each reduced block's rest."""
    K, M, P, blocks, batch = counts
    s = layout(counts, state)
    inputs = s.inputs
    flat = view(inputs, 0, (batch * P,))
    fill_normals(stream_key(seed, INPUTS), number * ((batch * P + 1) // 2), flat)
    key = stream_key(seed, LENGTHS)
    for block in range(blocks):
        last = P - (blocks - block - 1) * (K + M + 1) - 1
        normals_to_chi(stream_key(key, block), number * batch, s.dof[block], inputs[:, last])
    for i in range(batch):
        for j in range(P):
            inputs[i, j] *= s.root[j]


@kernel(inline=True)
def _draw(state, counts, number, network, seed):
    """Inputs as :func:`_draw_inputs` draws them, and the teachers' answers to them."""
    _draw_inputs(state, counts, number, seed)
    _, M, P, _, batch = counts
    s = layout(counts, state)
    B, inputs, fields, answers = s.B, s.inputs, s.fields, s.answers
    scale = 1.0 / math.sqrt(P)
    for i in range(batch):
        for n in range(M):
            fields[i, n] = scale * dot(B[n], inputs[i])
    if network.activity != LINEAR:
        flat = view(fields, 0, (batch * M,))
        for i in range(batch * M):
            flat[i], _ = activation(flat[i])
    for i in range(batch):
        answers[i] = 0.0
        for n in range(M):
            answers[i] += network.u * fields[i, n]


@kernel(inline=True)
def _advance(state, counts, eta, network, seed, first, last):
    """:func:`reduced_advance` of a state with these counts."""
    K, M, P, blocks, batch = counts
    s = layout(counts, state)
    J, inputs, answers, slope, triangle = s.J, s.inputs, s.answers, s.slope, s.triangle
    for number in range(first // batch, (last + batch - 1) // batch):
        _draw(state, counts, number, network, seed)
        begin = number * batch
        for i in range(max(first, begin) - begin, min(last, begin + batch) - begin):
            learn(J, inputs[i], answers[i], eta, network, P, slope)
            for block in range(blocks):
                _triangularise(J, P - (blocks - block) * (K + M + 1) + M, triangle)


@kernel
def reduced_advance(state, eta, network, seed, first, last):
    """Steps ``first`` to ``last - 1``; step s always sees the same input, wherever a slice begins.

    network: a ``Network`` of :mod:`lib.kernels.averages`.
    """
    _advance(state, _read_counts(state), eta, network, seed, first, last)


@kernel
def square_reduced_advance(state, eta, outputs, weighted, seed, first, last):
    """:func:`reduced_advance` of quadratic units; outputs (K + M,) and weighted (P,) as in ``sgd.square_advance``."""
    counts = _read_counts(state)
    K, M, P, blocks, batch = counts
    s = layout(counts, state)
    J, B, root, inputs = s.J, s.B, s.root, s.inputs
    mean = mean_answer(B, root, outputs, weighted)
    for number in range(first // batch, (last + batch - 1) // batch):
        _draw_inputs(state, counts, number, seed)
        begin = number * batch
        for i in range(max(first, begin) - begin, min(last, begin + batch) - begin):
            zeta = square_answer(B, inputs[i], outputs) - mean
            error = square_error(J, root, inputs[i], zeta, outputs, weighted, s.slope)
            square_learn(J, inputs[i], error, eta, P, s.slope)
            for block in range(blocks):
                _triangularise(J, P - (blocks - block) * (K + M + 1) + M, s.triangle)


@kernel
def reduced_advance_native(state, eta, network, seed, first, last):
    """:func:`reduced_advance`, faster by an eighth at one level with two students and two teachers.

    There the compiler knows every extent and unrolls the loops of a step. A page does without: the second
    copy of the loops would make its module larger by a tenth.
    """
    counts = _read_counts(state)
    if counts.students == 2 and counts.teachers == 2 and counts.coordinates == 5 and counts.blocks == 1:
        _advance(state, Counts(2, 2, 5, 1, BATCH // 5), eta, network, seed, first, last)
    else:
        _advance(state, counts, eta, network, seed, first, last)


@kernel
def reduced_measure(state, Q, R, T):
    """Totals Q (K, K), R (K, M), T (M, M) of the fields; see :func:`lib.kernels.sgd.measure`."""
    s, M = parts(state), R.shape[1]
    measure(s.J, s.B, s.root, s.inputs[0], Q, R)
    measure(s.B, s.B, s.root, s.inputs[0], T, view(s.triangle, 0, (M, M)))


@kernel
def reduced_weights(state):
    """Students (K, P) and teachers (M, P) in their coordinates."""
    s = parts(state)
    return s.J, s.B
