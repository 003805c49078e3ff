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

Small blocks keep their own n coordinates: :func:`kept` decides by cost. The reduced network has P
coordinates altogether, those of the small blocks first, and is trained by the kernels of
:mod:`lib.kernels.sgd` as a network of P inputs with eigenvalues lambda P / N, because these give the same
fields and the same steps as lambda and N.

Everything lives in one flat float64 buffer ``state``, so that a run can stop anywhere and go on later.
"""

import math

from ..compiler.dot import dot
from ..compiler.jit import kernel
from ..compiler.views import view
from ..maths.erf import activation
from ..maths.rng import fill_normals, normals_to_chi, stream_key
from .averages import LINEAR
from .sgd import INPUTS, initial_weights, learn, measure, orthonormalise

# Streams of a seed, after those of lib.kernels.sgd
LENGTHS, INITIAL_LENGTHS = 3, 4

# Inputs are drawn many steps at once, in about so many doubles: long loops for the generator, in the cache.
BATCH = 2048
HEADER = 5


@kernel
def step_cost(coordinates, blocks, K, M):
    """Cost of a step on ``coordinates``, those of ``blocks`` reduced blocks among them, in multiply-adds.

    8 stand for drawing a normal; the constants of a block's length and triangle are fitted to measured times.
    """
    return coordinates * (2 * K + M + 8) + blocks * (40 + 60 * K + 3 * K * K * (K + 1))


@kernel
def kept(n, K, M):
    """Coordinates that a block of n directions keeps: K + M + 1 if reducing it is cheaper, else all n."""
    reduced = K + M + 1
    return reduced if n >= reduced and step_cost(n, 0, K, M) > step_cost(reduced, 1, K, M) else n


@kernel
def _counts(size, K, M):
    """(P, blocks, batch): coordinates, reduced blocks, and the steps whose inputs are drawn at once."""
    P = blocks = 0
    for n in size:
        P += kept(int(n), K, M)
        blocks += kept(int(n), K, M) < n
    return P, blocks, max(1, BATCH // P)


@kernel
def reduced_size(size, K, M):
    """Doubles that the state needs, for blocks of ``size`` (L,) directions."""
    P, blocks, batch = _counts(size, K, M)
    return _length(P, blocks, batch, K, M)


@kernel
def reduced_size_equal(n, L, K, M):
    """Doubles that the state needs, for L blocks of n directions each."""
    P = L * kept(n, K, M)
    return _length(P, L if kept(n, K, M) < n else 0, max(1, BATCH // P), K, M)


@kernel(inline=True)
def _length(P, blocks, batch, K, M):
    """Doubles that the state needs, given its counts."""
    return HEADER + (M + K + 1) * P + blocks + batch * (P + M + 1) + K + (M + K) * (M + K)


@kernel
def reduced_cost(size, K, M):
    """Cost of a step, in multiply-adds."""
    P, blocks, _ = _counts(size, K, M)
    return step_cost(P, blocks, K, M)


@kernel(inline=True)
def _read_counts(state):
    """(K, M, P, blocks, batch), as :func:`_begin` wrote them."""
    return int(state[0]), int(state[1]), int(state[2]), int(state[3]), int(state[4])


@kernel
def _parts(state):
    """The :func:`_views` of a state, by the counts that it holds."""
    K, M, P, blocks, batch = _read_counts(state)
    return _views(state, K, M, P, blocks, batch)


@kernel(inline=True)
def _views(state, K, M, P, blocks, batch):
    """Views of the state: teachers and students in one array (M + K, P), B, J, sqrt of the eigenvalues (P,),
    degrees of freedom of the lengths (blocks,), inputs (batch, P), teachers' fields (batch, M), their answers
    (batch,), slopes (K,), and a triangle (M + K, M + K)."""
    at = HEADER
    weights = view(state, at, (M + K, P))
    B = view(state, at, (M, P))
    J = view(state, at + M * P, (K, P))
    at += (M + K) * P
    root = view(state, at, (P,))
    dof = view(state, at + P, (blocks,))
    at += P + blocks
    inputs = view(state, at, (batch, P))
    fields = view(state, at + batch * P, (batch, M))
    answers = view(state, at + batch * (P + M), (batch,))
    at += batch * (P + M + 1)
    slope = view(state, at, (K,))
    triangle = view(state, at + K, (M + K, M + K))
    return weights, B, J, root, dof, inputs, fields, answers, slope, triangle


@kernel(inline=True)
def _lower_factor(A, low, high, triangle):
    """L lower triangular with L L^T = X X^T, X = A[:, low:high], by modified Gram-Schmidt, overwriting X.

    Its factor is as accurate as that of rotations, and equal rows stay equal to the last bit: students that
    begin alike remain alike, as in direct SGD.
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
    P, blocks, batch = _counts(size, K, M)
    state[0], state[1], state[2], state[3], state[4] = K, M, P, blocks, batch
    _, _, _, root, dof, _, _, _, _, _ = _parts(state)
    N = 0.0
    for n in size:
        N += n
    first = P - blocks * (K + M + 1)
    own, block = 0, 0
    for k in range(size.shape[0]):
        coordinates = kept(int(size[k]), K, M)
        if coordinates < size[k]:
            low = first + block * coordinates
            dof[block] = size[k] - (K + M)
            block += 1
        else:
            low = own
            own += coordinates
        for j in range(low, low + coordinates):
            root[j] = math.sqrt(eigenvalue[k] * P / N)
    return first


@kernel
def reduced_fold(state, eigenvalue, size, K, M, weights):
    """Start from given teachers and students, the rows of ``weights`` (M + K, N), which is overwritten.

    Block k has the eigenvalue ``eigenvalue[k]`` and ``size[k]`` consecutive coordinates; both (L,), float64 like
    all arrays that a page can hand over.
    """
    reduced = _begin(state, eigenvalue, size, K, M)
    folded, _, _, _, _, _, _, _, _, triangle = _parts(state)
    own, start = 0, 0
    for k in range(size.shape[0]):
        n = int(size[k])
        if kept(n, K, M) < n:
            _lower_factor(weights, start, start + n, triangle)
            for a in range(M + K):
                for j in range(K + M + 1):
                    folded[a, reduced + j] = triangle[a, j] if j <= a else 0.0
            reduced += K + M + 1
        else:
            for a in range(M + K):
                for j in range(n):
                    folded[a, own + j] = weights[a, start + j]
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
    weights, B, J, _, _, _, _, _, _, triangle = _parts(state)
    initial_weights(seed, 1.0, J, B)
    own, block = 0, 0
    for k in range(size.shape[0]):
        n = int(size[k])
        if kept(n, K, M) < n:
            low = reduced + block * (K + M + 1)
            key = stream_key(stream_key(seed, INITIAL_LENGTHS), block)
            for a in range(M + K):
                normals_to_chi(key, a, size[k] - a, weights[a : a + 1, low + a])
                for j in range(a + 1, K + M + 1):
                    weights[a, low + j] = 0.0
            if orthonormal:
                for a in range(M):
                    for j in range(a + 1):
                        B[a, low + j] = math.sqrt(n) if j == a else 0.0
            block += 1
        else:
            if orthonormal:
                edges = view(triangle, 0, (2,))
                edges[0], edges[1] = own, own + n
                orthonormalise(edges, B)
            own += n
    for i in range(K):
        for j in range(J.shape[1]):
            J[i, j] *= sigma_J


@kernel(inline=True)
def _draw(state, K, M, P, blocks, batch, number, u, activity, seed):
    """Inputs number ``number`` times the batch and following, and the teachers' answers to them."""
    _, B, _, root, dof, inputs, fields, answers, _, _ = _views(state, K, M, P, blocks, batch)
    flat = view(inputs, 0, (batch * P,))
    fill_normals(stream_key(seed, INPUTS), number * ((batch * P + 1) // 2), flat)
    key = stream_key(seed, LENGTHS)
    for block in range(blocks):
        last = P - (blocks - block - 1) * (K + M + 1) - 1
        normals_to_chi(stream_key(key, block), number * batch, dof[block], inputs[:, last])
    scale = 1.0 / math.sqrt(P)
    for s in range(batch):
        for j in range(P):
            inputs[s, j] *= root[j]
        for n in range(M):
            fields[s, n] = scale * dot(B[n], inputs[s])
    if activity != LINEAR:
        flat = view(fields, 0, (batch * M,))
        for i in range(batch * M):
            flat[i], _ = activation(flat[i])
    for s in range(batch):
        answers[s] = 0.0
        for n in range(M):
            answers[s] += u * fields[s, n]


@kernel(inline=True)
def _advance(state, K, M, P, blocks, batch, eta, v, u, activity, seed, first, last):
    """:func:`reduced_advance` of a state with these counts."""
    _, _, J, _, _, inputs, _, answers, slope, triangle = _views(state, K, M, P, blocks, batch)
    for number in range(first // batch, (last + batch - 1) // batch):
        _draw(state, K, M, P, blocks, batch, number, u, activity, seed)
        begin = number * batch
        for s in range(max(first, begin) - begin, min(last, begin + batch) - begin):
            learn(J, inputs[s], answers[s], eta, v, activity, P, slope)
            for block in range(blocks):
                _triangularise(J, P - (blocks - block) * (K + M + 1) + M, triangle)


@kernel
def reduced_advance(state, eta, v, u, activity, seed, first, last):
    """Steps ``first`` to ``last - 1``; step s always sees the same input, wherever a slice begins."""
    K, M, P, blocks, batch = _read_counts(state)
    _advance(state, K, M, P, blocks, batch, eta, v, u, activity, seed, first, last)


@kernel
def reduced_advance_native(state, eta, v, u, activity, seed, first, last):
    """:func:`reduced_advance`, faster by an eighth at one level with two students and two teachers.

    There the compiler knows every extent and unrolls the loops of a step. A page does without: the second
    copy of the loops would make its module larger by a tenth.
    """
    K, M, P, blocks, batch = _read_counts(state)
    if K == 2 and M == 2 and P == 5 and blocks == 1:
        _advance(state, 2, 2, 5, 1, BATCH // 5, eta, v, u, activity, seed, first, last)
    else:
        _advance(state, K, M, P, blocks, batch, eta, v, u, activity, seed, first, last)


@kernel
def reduced_measure(state, Q, R, T):
    """Totals Q (K, K), R (K, M), T (M, M) of the fields; see :func:`lib.kernels.sgd.measure`."""
    _, B, J, root, _, inputs, _, _, _, triangle = _parts(state)
    K, M = R.shape
    measure(J, B, root, inputs[0], Q, R)
    measure(B, B, root, inputs[0], T, view(triangle, 0, (M, M)))


@kernel
def reduced_weights(state):
    """Views of the state: students (K, P) and teachers (M, P) in their coordinates."""
    _, B, J, _, _, _, _, _, _, _ = _parts(state)
    return J, B
