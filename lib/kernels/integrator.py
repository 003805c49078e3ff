"""The stiff integrator of the order-parameter flow: Rosenbrock steps that solve every block exactly.

A block's overlaps are the row z = [q | r] (K, P), P = K + M: student i with the P fields of its block.
With D = [Dx | Dy] and G, functions of the totals Z = sum_k mass_k z_k alone (``averages.coefficients``)::

    dz_ib/dalpha = rate (sum_a D_ia o_ab + [b < K] (sum_a D_ba o_ai + eta noise G_ib)),   rate = eta lambda

where o_ab is the block's overlap of fields a and b, of which two teachers' is the constant t. Blocks of a
spectrum have mass_k = w_k lambda_k and noise 1; those of a compressed one see ``compression``; blocks
of mass 0 are carried along without acting on the others.

Method. Rodas5P [1]_: eight stages, order 5, stiffly accurate, an embedded method of order 4 and dense
output of order 4. A stage solves (1/(gamma h) - J) x = b with the exact Jacobian J, whose structure makes
the cost linear in the number of blocks:

1. At constant D and G blocks do not interact. Dx is symmetric, for <g'(x_i) g'(x_j)> is and g'' enters
   its diagonal only: in its orthonormal eigenbasis, to which every step turns the blocks, the system of a
   block is diagonal in r, and in q once r is known.
2. What is left of J is the response to the totals: a source linear in x's own total X (slopes of D and G
   with respect to Z: ``slopes``). Summing the blocks' solutions gives (1 - W) X = X0 with X0 the
   total at constant D, G, and W of size m = K (K + 1)/2 + K M: one small LU factorisation a step.

Error control. The step keeps the embedded error below rtol times each of: the largest of Q; the students'
mean overlaps with the teachers; the *differences* between students in R, which decide when a plateau ends
and are tiny until then; and eps_g, which is a difference of overlaps of order one and so carries rounding
errors of a few 1e-16 of them: its relative accuracy is rtol down to eps_g ~ 1e-15/rtol and falls below, to
nothing (even the sign) at 1e-16.

.. [1] G. Steinebach, Construction of Rosenbrock-Wanner method Rodas5P and numerical benchmarks within the
   Julia Differential Equations package, BIT Numer. Math. 63, 27 (2023).
"""

import math
from collections import namedtuple

import numpy as np

from ..compiler.jit import kernel
from ..compiler.layout import nowhere, outputs, place, take
from ..compiler.views import view
from ..maths.small_matrix import back_substitute, diagonalise, factorise, rotate
from . import quadratic
from .averages import SQUARE, assemble, coefficients, generalization_error
from .slopes import count, pack, slopes, unpack

STAGES = 8
GAMMA = 0.21193756319429014
# y_i = y_0 + sum_j A_ij u_j; the last row is the step itself, and stage 8 its embedded error.
A = np.zeros((STAGES + 1, STAGES))
A[1, :1] = 3.0
A[2, :2] = 2.849394379747939, 0.45842242204463923
A[3, :3] = -6.954028509809101, 2.489845061869568, -10.358996098473584
A[4, :4] = 2.8029986275628964, 0.5072464736228206, -0.3988312541770524, -0.04721187230404641
A[5:, :5] = (
    -7.502846399306121, 2.561846144803919, -11.627539656261098, -0.18268767659942256, 0.030198172008377946
)  # fmt: skip
A[6, 5] = A[7, 5:7] = A[8, 5:] = 1.0
# (1/(gamma h) - J) u_i = f(y_i) + sum_j (C_ij / h) u_j
C = np.zeros((STAGES, STAGES))
C[1, :1] = -14.155112264123755
C[2, :2] = -17.97296035885952, -2.859693295451294
C[3, :3] = 147.12150275711716, -1.41221402718213, 71.68940251302358
C[4, :4] = 165.43517024871676, -0.4592823456491126, 42.90938336958603, -5.961986721573306
C[5, :5] = 24.854864614690072, -3.0009227002832186, 47.4931110020768, 5.5814197821558125, -0.6610691825249471
C[6, :6] = (
    30.91273214028599, -3.1208243349937974, 77.79954646070892, 34.28646028294783, -19.097331116725623,
    -28.087943162872662,
)  # fmt: skip
C[7, :7] = (
    37.80277123390563, -3.2571969029072276, 112.26918849496327, 66.9347231244047, -40.06618937091002,
    -54.66780262877968, -9.48861652309627,
)  # fmt: skip
# dense output: y(theta) = y_0 + sum_j [theta A_8j + theta (1 - theta) (H_0j + theta (H_1j + theta H_2j))] u_j
H = np.array([
    [25.948786856663858, -2.5579724845846235, 10.433815404888879, -2.3679251022685204,
     0.524948541321073, 1.1241088310450404, 0.4272876194431874, -0.17202221070155493],
    [-9.91568850695171, -0.9689944594115154, 3.0438037242978453, -24.495224566215796,
     20.176138334709044, 15.98066361424651, -6.789040303419874, -6.710236069923372],
    [11.419903575922262, 2.8879645146136994, 72.92137995996029, 80.12511834622643,
     -52.072871366152654, -59.78993625266729, -0.15582684282751913, 4.883087185713722],
])  # fmt: skip

RUNNING, DONE, DIVERGED, STALLED = 0, 1, 2, 3

# Next step: SAFETY * error^(-1/5), by the order of the embedded error, within MIN_FACTOR..MAX_FACTOR times this one.
SAFETY, MIN_FACTOR, MAX_FACTOR = 0.9, 0.1, 6.0
# First step in units of the fastest block's time: small enough to be accepted, and soon multiplied.
FIRST = 1e-3
# Totals of a converging flow are of the order of T and of its initial Q, or of one; beyond this they are unbounded.
DIVERGENCE = 1e10
# Those of quadratic units are infinite after a finite time, like (time left)^(-1/2), and time is resolved to 1e-16.
SQUARE_DIVERGENCE = 1e4
# Rounding of a total relative to the largest: a sum of rounded products, a few units in the last place.
ROUNDING = 1e-15

# The run's scalars, at the start of its buffer.
Header = outputs(
    "Header",
    blocks=(1,),
    students=(1,),
    teachers=(1,),
    v=(1,),
    u=(1,),
    activity=(1,),
    largest_T=(1,),
    largest_total=(1,),  # at the start, or 1
    alpha=(1,),
    step=(1,),
    written=(1,),
    accepted=(1,),
    rejected=(1,),
    linearised=(1,),  # 1 where the slopes at the step's start are known
)
SPACE = Header.size
Space = namedtuple(
    "Space",
    # the blocks: eta lambda (n,), mass (n,), eta times their noise (n,), the state (K, P, n); the teachers' T (M, M)
    "rate mass eta_noise z T"
    # a step, in the eigenbasis of Dx: the overlaps o_ab of all fields at its start and at a stage, both (P, P, n),
    # a source (K, P, n), the stages (STAGES, K, P, n)
    " start point source stage"
    # the same memory without shape, of the overlaps the rows of the students: (K P n,) and (STAGES, K P n)
    " flat_z flat_start flat_point flat_source flat_stage"
    # eigenbasis V and its transpose (K, K), D (K, P) and G (K, K) at the step's start in it, the blocks' resolvents
    # (K, n) and (K, K, n)
    " V V_back D_start G_start resolvent_r resolvent_q"
    # coefficients (K, P), (K, K), their slopes (K, P, m), (K, K, m) and these by total in the eigenbasis, (m, K, P),
    # (m, K, K) and without shape (m, K P), (m, K K); the coefficients' change (K, P), (K, K)
    " D G slope_D slope_G by_total_D by_total_G flat_by_total_D flat_by_total_G moved_D moved_G"
    # the blocks' summed response (K, P, M), (K, K, P), (K, K); 1 - W (m, m) with its pivots (m,)
    " sum_r sum_q sum_n W pivot"
    # totals of the state, of a stage (m,) and of the stages (STAGES, m), packed as in slopes
    " totals trial delta"
    # scratch: totals (K, P), covariance (P, P), (P,), weights of stages (STAGES,)
    " Z covariance row weights"
    # output weights of all units (P,), the students' negative, which quadratic units use
    " outputs"
    # where it ends
    " end",
)
# The blocks that a run starts from: eigenvalue, mass, noise (n,), r (n, K, M), q (n, K, K), t (n, M, M).
Blocks = namedtuple("Blocks", "eigenvalue mass noise r q t")


@kernel(inline=True)
def header(work):
    """The scalars of a run, arrays (1,)."""
    return place(Header, work)


@kernel(inline=True)
def layout(n, K, M, work):
    """The arrays of a run of n blocks, K students and M teachers inside its buffer, behind the header."""
    P = K + M
    m = count(K, P)
    flat = K * P * n
    rate, at = take(work, SPACE, (n,))
    mass, at = take(work, at, (n,))
    eta_noise, at = take(work, at, (n,))
    flat_z = view(work, at, (flat,))
    z, at = take(work, at, (K, P, n))
    flat_start = view(work, at, (flat,))
    start, at = take(work, at, (P, P, n))
    flat_point = view(work, at, (flat,))
    point, at = take(work, at, (P, P, n))
    flat_source = view(work, at, (flat,))
    source, at = take(work, at, (K, P, n))
    flat_stage = view(work, at, (STAGES, flat))
    stage, at = take(work, at, (STAGES, K, P, n))
    resolvent_r, at = take(work, at, (K, n))
    resolvent_q, at = take(work, at, (K, K, n))
    T, at = take(work, at, (M, M))
    V, at = take(work, at, (K, K))
    V_back, at = take(work, at, (K, K))
    D_start, at = take(work, at, (K, P))
    G_start, at = take(work, at, (K, K))
    D, at = take(work, at, (K, P))
    G, at = take(work, at, (K, K))
    slope_D, at = take(work, at, (K, P, m))
    slope_G, at = take(work, at, (K, K, m))
    flat_by_total_D = view(work, at, (m, K * P))
    by_total_D, at = take(work, at, (m, K, P))
    flat_by_total_G = view(work, at, (m, K * K))
    by_total_G, at = take(work, at, (m, K, K))
    moved_D, at = take(work, at, (K, P))
    moved_G, at = take(work, at, (K, K))
    sum_r, at = take(work, at, (K, P, M))
    sum_q, at = take(work, at, (K, K, P))
    sum_n, at = take(work, at, (K, K))
    W, at = take(work, at, (m, m))
    pivot, at = take(work, at, (m,))
    totals, at = take(work, at, (m,))
    trial, at = take(work, at, (m,))
    delta, at = take(work, at, (STAGES, m))
    Z, at = take(work, at, (K, P))
    covariance, at = take(work, at, (P, P))
    row, at = take(work, at, (P,))
    weights, at = take(work, at, (STAGES,))
    outputs, at = take(work, at, (P,))
    return Space(
        rate, mass, eta_noise, z, T,
        start, point, source, stage,
        flat_z, flat_start, flat_point, flat_source, flat_stage,
        V, V_back, D_start, G_start, resolvent_r, resolvent_q,
        D, G, slope_D, slope_G, by_total_D, by_total_G, flat_by_total_D, flat_by_total_G, moved_D, moved_G,
        sum_r, sum_q, sum_n, W, pivot,
        totals, trial, delta,
        Z, covariance, row, weights,
        outputs,
        at,
    )  # fmt: skip


@kernel
def size(n, K, M):
    """Where the layout ends: the length of the buffer for n blocks, K students and M teachers."""
    return layout(n, K, M, nowhere()).end


@kernel
def _space(work):
    """The arrays of a run that was started."""
    h = place(Header, work)
    return layout(int(h.blocks[0]), int(h.students[0]), int(h.teachers[0]), work)


@kernel
def start(blocks, T, eta, network, work):
    """Prepare ``work``, of length ``size``, for a run from alpha = 0.

    blocks: a :class:`Blocks`; T (M, M): the teachers' total; network: a ``Network`` of :mod:`lib.kernels.averages`.
    """
    n, K, M = blocks.r.shape
    h = place(Header, work)
    h.blocks[0], h.students[0], h.teachers[0] = n, K, M
    h.v[0], h.u[0], h.activity[0] = network.v, network.u, network.activity
    h.alpha[0] = h.written[0] = h.accepted[0] = h.rejected[0] = h.linearised[0] = 0.0
    s = _space(work)
    for k in range(n):
        s.rate[k] = eta * blocks.eigenvalue[k]
        s.mass[k] = blocks.mass[k]
        s.eta_noise[k] = eta * blocks.noise[k]
        for i in range(K):
            for j in range(K):
                s.z[i, j, k] = blocks.q[k, i, j]
            for m in range(M):
                s.z[i, K + m, k] = blocks.r[k, i, m]
        for i in range(M):
            for j in range(M):
                s.start[K + i, K + j, k] = s.point[K + i, K + j, k] = blocks.t[k, i, j]
    h.largest_T[0] = 0.0
    for i in range(M):
        h.largest_T[0] = max(h.largest_T[0], T[i, i])
        for j in range(M):
            s.T[i, j] = T[i, j]
    _sum_blocks(s.mass, s.z, s.Z)
    pack(s.Z, s.totals)
    h.largest_total[0] = max(1.0, _largest(s.totals))
    for a in range(K + M):
        s.outputs[a] = -network.v if a < K else network.u
    if network.activity == SQUARE:
        _begin_squares(s, h)
        return
    _coefficients_at(work, s.outputs, s.totals, s.T, s.Z, s.covariance, s.D, s.G)
    fastest = 0.0
    for i in range(K):
        fastest = max(fastest, _largest(s.D[i]))
    h.step[0] = FIRST / (fastest * _largest(s.rate))


@kernel
def weigh(outputs, work):
    """Give the quadratic units of a run that was started, and not yet advanced, the weights ``outputs`` (P,).

    They are -v_1 ... -v_K of the students, u_1 ... u_M of the teachers; the network's v and u are of no effect then.
    """
    s = _space(work)
    _copy(outputs, s.outputs)
    _begin_squares(s, place(Header, work))


@kernel
def _begin_squares(s, h):
    """First step and largest totals of quadratic units, whose small weights tell nothing of the rates to come."""
    K, P, _ = s.z.shape
    strongest, v = 0.0, math.inf
    for i in range(K):
        v = min(v, -s.outputs[i])
    for b in range(K, P):
        strongest = max(strongest, s.outputs[b] * s.T[b - K, b - K])
    fastest, largest = 0.0, _largest(s.totals)
    for i in range(K):
        fastest = max(fastest, -4.0 * s.outputs[i] * max(strongest, -s.outputs[i] * largest))
    h.step[0] = FIRST / (fastest * _largest(s.rate))
    # a single student that has learned has Q = u T / v
    h.largest_total[0] = max(1.0, max(largest, strongest / v))


@kernel
def advance(work, alpha, rtol, max_steps, eps, Q, R, history):
    """Go on with a run for at most ``max_steps`` steps; returns RUNNING, DONE, DIVERGED or STALLED.

    At every alpha (times,), increasing from >= 0, writes eps (times,), Q (times, K, K), R (times, K, M)
    and, if it has rows, the blocks' [q | r] to history (times, K, P, n). ``header(work).written[0]`` rows are
    done, ``header(work).alpha[0]`` is the time reached.
    """
    s, h = _space(work), place(Header, work)
    times = alpha.shape[0]
    last = alpha[times - 1]
    _write(s, work, alpha, h.alpha[0], eps, Q, R, history)
    for _ in range(max_steps):
        if h.written[0] == times:
            break
        # a step that nearly reaches the last time reaches it
        end = last if h.alpha[0] + 1.01 * h.step[0] >= last else h.alpha[0] + h.step[0]
        step = end - h.alpha[0]
        if h.alpha[0] + 0.01 * step == h.alpha[0]:
            return STALLED
        if h.linearised[0] == 0.0:
            _linearise(s, work)
            h.linearised[0] = 1.0
        _attempt(s, work, step)
        error = _error(s, work, rtol)
        if error <= 1.0:
            _write(s, work, alpha, end, eps, Q, R, history)
            _accept(s)
            h.alpha[0] = end
            h.accepted[0] += 1.0
            h.linearised[0] = 0.0
            h.step[0] = next_step(step, error)
            limit = SQUARE_DIVERGENCE if h.activity[0] == SQUARE else DIVERGENCE
            if _largest(s.totals) > limit * h.largest_total[0]:
                return DIVERGED
        else:
            h.rejected[0] += 1.0
            h.step[0] = next_step(step, error)
    return DONE if h.written[0] == times else RUNNING


@kernel
def next_step(step, error):
    """The step to take after one whose error was this, in units of what is allowed, or before it is tried again."""
    if error <= 1.0:
        return step * min(MAX_FACTOR, SAFETY * max(error, 1e-10) ** -0.2)
    # an error that is not a number is rejected, too
    return step * (max(MIN_FACTOR, SAFETY * error**-0.2) if error < math.inf else MIN_FACTOR)


@kernel
def dense_weights(theta, weights):
    """weights (STAGES,): of the stages, in the state at a step's fraction theta less that at its start."""
    for j in range(STAGES):
        bulge = H[0, j] + theta * (H[1, j] + theta * H[2, j])
        weights[j] = theta * (A[STAGES, j] + (1.0 - theta) * bulge)


@kernel
def symmetrise(work, label, count, mean):
    """Average the state over pairs of units of one label (K, P), numbers 0 ... of which there are count (labels,) each.

    Between steps, for a run whose start has the symmetry: what rounding has added is taken away before it can grow.
    ``mean`` (labels,) is scratch.
    """
    s = _space(work)
    K, P, n = s.z.shape
    for k in range(n):
        _fill(0.0, mean)
        for i in range(K):
            for b in range(P):
                mean[int(label[i, b])] += s.z[i, b, k] / count[int(label[i, b])]
        for i in range(K):
            for b in range(P):
                s.z[i, b, k] = mean[int(label[i, b])]
    _sum_blocks(s.mass, s.z, s.Z)
    pack(s.Z, s.totals)


@kernel
def fixed_steps(work, step, count):
    """Take ``count`` steps of one length, whatever their error, and return eps_g after them. To measure the order."""
    s, h = _space(work), place(Header, work)
    for _ in range(count):
        _linearise(s, work)
        _attempt(s, work, step)
        _accept(s)
        h.alpha[0] += step
    h.linearised[0] = 0.0
    return _eps_at(work, s.outputs, s.totals, s.T, s.Z, s.covariance)


@kernel
def _largest(X):
    """Largest absolute value of X (n,)."""
    largest = 0.0
    for x in X:
        largest = max(largest, abs(x))
    return largest


@kernel(inline=True)
def _fill(value, out):
    """out (n,) = value."""
    for k in range(out.shape[0]):
        out[k] = value


@kernel(inline=True)
def _copy(x, out):
    """out (n,) = x."""
    for k in range(out.shape[0]):
        out[k] = x[k]


@kernel(inline=True)
def _add_multiple(factor, x, out):
    """out += factor x."""
    for k in range(out.shape[0]):
        out[k] += factor * x[k]


@kernel(hot=True)
def _combine(weights, stages, stage, out):
    """out (N,) += sum_j weights_j stage_j over the first ``stages`` rows of stage (STAGES, N)."""
    for j in range(stages):
        _add_multiple(weights[j], stage[j], out)


@kernel
def _sum_blocks(mass, z, Z):
    """Z (K, P) = sum_k mass_k z_k."""
    K, P = Z.shape
    for i in range(K):
        for b in range(P):
            row = z[i, b]
            total = 0.0
            for k in range(row.shape[0]):
                total += mass[k] * row[k]
            Z[i, b] = total


@kernel
def _covariance_at(totals, T, Z, covariance):
    """Z (K, P) and the fields' covariance (P, P) from totals (m,)."""
    K = Z.shape[0]
    unpack(totals, Z)
    assemble(Z[:, :K], Z[:, K:], T, covariance)


@kernel
def _coefficients_at(work, outputs, totals, T, Z, covariance, D, G):
    """D and G at totals (m,)."""
    h = place(Header, work)
    _covariance_at(totals, T, Z, covariance)
    if h.activity[0] == SQUARE:
        quadratic.coefficients(covariance, outputs, D, G)
        return
    coefficients(covariance, Z.shape[0], h.v[0], h.u[0], int(h.activity[0]), D, G)


@kernel
def _eps_at(work, outputs, totals, T, Z, covariance):
    """eps_g at totals (m,)."""
    h = place(Header, work)
    _covariance_at(totals, T, Z, covariance)
    if h.activity[0] == SQUARE:
        return quadratic.error(covariance, outputs)
    return generalization_error(covariance, Z.shape[0], h.v[0], h.u[0], int(h.activity[0]))


@kernel(hot=True)
def _rotate_blocks(V, o, scratch):
    """Overwrite the students' rows [q | r] of the overlaps o (P, P, n) by [V^T q V | V^T r]; scratch (K, P, n)."""
    K, P, n = scratch.shape
    rows, turned = view(o, 0, (P, P * n)), view(scratch, 0, (K, P * n))
    for i in range(K):
        _fill(0.0, turned[i])
        for j in range(K):
            _add_multiple(V[j, i], rows[j], turned[i])
    for i in range(K):
        for b in range(P):
            row = o[i, b]
            if b < K:
                _fill(0.0, row)
                for j in range(K):
                    _add_multiple(V[j, b], scratch[i, j], row)
            else:
                _copy(scratch[i, b], row)


@kernel
def _mirror(o, K):
    """Write the overlaps of teachers with students, r^T, into o (P, P, n) from those of students with teachers."""
    for a in range(K, o.shape[0]):
        for i in range(K):
            _copy(o[i, a], o[a, i])


@kernel(hot=True)
def _velocity(rate, eta_noise, D, G, o, out):
    """The blocks' velocity out (K, P, n) at the overlaps o (P, P, n) of all fields; D, G in the basis of o."""
    K, P, n = out.shape
    rows, flat = view(o, 0, (P, P * n)), view(out, 0, (K, P * n))
    for i in range(K):
        _fill(0.0, flat[i])
        for a in range(P):
            _add_multiple(D[i, a], rows[a], flat[i])
    for i in range(K):
        for j in range(i + 1):
            row, mirror = out[i, j], out[j, i]
            for k in range(n):
                row[k] = rate[k] * (row[k] + mirror[k] + eta_noise[k] * G[i, j])
                mirror[k] = row[k]
        for b in range(K, P):
            row = out[i, b]
            for k in range(n):
                row[k] *= rate[k]


@kernel
def _set_resolvents(rate, D, shift, resolvent_r, resolvent_q):
    """The blocks' resolvents 1/(shift - rate mu_i) and 1/(shift - rate (mu_i + mu_j)), mu = diag Dx."""
    K, n = resolvent_r.shape
    for i in range(K):
        for k in range(n):
            resolvent_r[i, k] = 1.0 / (shift - rate[k] * D[i, i])
        for j in range(K):
            for k in range(n):
                resolvent_q[i, j, k] = 1.0 / (shift - rate[k] * (D[i, i] + D[j, j]))


@kernel(hot=True)
def _solve_blocks(rate, D, resolvent_r, resolvent_q, x):
    """Overwrite x (K, P, n) by the solution of (shift - J) y = x at constant D, G: first r, then q."""
    K, P, n = x.shape
    for i in range(K):
        resolvent = resolvent_r[i]
        for b in range(K, P):
            row = x[i, b]
            for k in range(n):
                row[k] *= resolvent[k]
    for i in range(K):
        for j in range(i + 1):
            row, mirror, resolvent = x[i, j], x[j, i], resolvent_q[i, j]
            for b in range(K, P):
                r_i, r_j = x[i, b], x[j, b]
                for k in range(n):
                    row[k] += rate[k] * (D[i, b] * r_j[k] + D[j, b] * r_i[k])
            for k in range(n):
                row[k] *= resolvent[k]
                mirror[k] = row[k]


@kernel
def _sum_response(s):
    """Sums over the blocks from which every column of W follows (:func:`_respond`).

    A source rate sum_a dD_ia o_ab gives the total sum_a sum_r[i, a, m] dD_ia in R_im, and in Q_ij
    sum_a (sum_q[i, j, a] dD_ja + sum_q[j, i, a] dD_ia) + sum_n[i, j] dG_ij. Of sum_q[i, j, a] one part
    is the source in q_ij itself, another what the source in r_j does to q_ij through Dy_i.
    """
    K, P, n = s.z.shape
    mass, rate, eta_noise, o = s.mass, s.rate, s.eta_noise, s.start
    for i in range(K):
        for a in range(P):
            for b in range(K, P):
                overlap = o[a, b]
                total = 0.0
                for k in range(n):
                    total += mass[k] * rate[k] * s.resolvent_r[i, k] * overlap[k]
                s.sum_r[i, a, b - K] = total
            through = s.source[0, 0]
            _fill(0.0, through)
            for b in range(K, P):
                _add_multiple(s.D_start[i, b], o[a, b], through)
            overlap = o[a, i]
            for j in range(K):
                total = 0.0
                for k in range(n):
                    driven = overlap[k] + rate[k] * s.resolvent_r[j, k] * through[k]
                    total += mass[k] * rate[k] * s.resolvent_q[i, j, k] * driven
                s.sum_q[i, j, a] = total
        for j in range(K):
            total = 0.0
            for k in range(n):
                total += mass[k] * rate[k] * eta_noise[k] * s.resolvent_q[i, j, k]
            s.sum_n[i, j] = total


@kernel
def _respond(sum_r, sum_q, sum_n, dD, dG, Z):
    """Z (K, P): the totals that a change dD (K, P), dG (K, K) of the coefficients gives to the solution."""
    K, P = Z.shape
    for i in range(K):
        for j in range(K):
            total = sum_n[i, j] * dG[i, j]
            for a in range(P):
                total += sum_q[i, j, a] * dD[j, a] + sum_q[j, i, a] * dD[i, a]
            Z[i, j] = total
        for b in range(K, P):
            total = 0.0
            for a in range(P):
                total += sum_r[i, a, b - K] * dD[i, a]
            Z[i, b] = total


@kernel
def _by_total(slope, V, turned, row):
    """turned (m, K, B): the change of D or G, of slope (K, B, m), with each of the totals, in the basis V."""
    K, B, m = slope.shape
    for c in range(m):
        for i in range(K):
            for a in range(B):
                turned[c, i, a] = slope[i, a, c]
        rotate(V, turned[c], row)


@kernel
def _move(flat_by_total, change, moved):
    """moved (K, B): the change of D or G with the totals' change (m,)."""
    flat = view(moved, 0, (moved.size,))
    _fill(0.0, flat)
    _combine(change, change.shape[0], flat_by_total, flat)


@kernel
def _linearise(s, work):
    """What a step needs at its start whatever its length: slopes, the eigenbasis of Dx, the blocks in it."""
    K, h = s.V.shape[0], place(Header, work)
    _coefficients_at(work, s.outputs, s.totals, s.T, s.Z, s.covariance, s.D, s.G)
    if h.activity[0] == SQUARE:
        quadratic.slopes(s.covariance, s.outputs, s.slope_D, s.slope_G)
    else:
        slopes(s.covariance, K, h.v[0], h.u[0], int(h.activity[0]), s.slope_D, s.slope_G)
    for i in range(K):
        _copy(s.D[i], s.D_start[i])
        _copy(s.D[i, :K], s.V_back[i])
    diagonalise(s.V_back, s.V)
    for i in range(K):
        for j in range(K):
            s.V_back[i, j] = s.V[j, i]
        _copy(s.G[i], s.G_start[i])
    rotate(s.V, s.D_start, s.row)
    rotate(s.V, s.G_start, s.row)
    _by_total(s.slope_D, s.V, s.by_total_D, s.row)
    _by_total(s.slope_G, s.V, s.by_total_G, s.row)
    _copy(s.flat_z, s.flat_start)
    _rotate_blocks(s.V, s.start, s.source)
    _mirror(s.start, K)


@kernel
def _attempt(s, work, step):
    """All stages of a step of length ``step``: s.stage, and their totals s.delta."""
    _set_resolvents(s.rate, s.D_start, 1.0 / (GAMMA * step), s.resolvent_r, s.resolvent_q)
    _couple(s)
    for i in range(STAGES):
        _stage(s, work, step, i)


@kernel(inline=True)
def _couple(s):
    """Factorise 1 - W, column by column."""
    m = s.totals.shape[0]
    _sum_response(s)
    column = s.trial
    for c in range(m):
        _respond(s.sum_r, s.sum_q, s.sum_n, s.by_total_D[c], s.by_total_G[c], s.Z)
        rotate(s.V_back, s.Z, s.row)
        pack(s.Z, column)
        for d in range(m):
            s.W[d, c] = (1.0 if d == c else 0.0) - column[d]
    factorise(s.W, s.pivot)


@kernel(inline=True)
def _stage(s, work, step, i):
    """Stage i: s.stage[i] and its totals s.delta[i]."""
    x, flat, change = s.stage[i], s.flat_stage[i], s.delta[i]
    if i == 0:
        _velocity(s.rate, s.eta_noise, s.D_start, s.G_start, s.start, x)
    else:
        _copy(s.flat_start, s.flat_point)
        _combine(A[i], i, s.flat_stage, s.flat_point)
        _mirror(s.point, s.V.shape[0])
        _copy(s.totals, s.trial)
        _combine(A[i], i, s.delta, s.trial)
        _coefficients_at(work, s.outputs, s.trial, s.T, s.Z, s.covariance, s.D, s.G)
        rotate(s.V, s.D, s.row)
        rotate(s.V, s.G, s.row)
        _velocity(s.rate, s.eta_noise, s.D, s.G, s.point, x)
    for j in range(i):
        s.weights[j] = C[i, j] / step
    _combine(s.weights, i, s.flat_stage, flat)
    # the solution at constant coefficients, then what their change with its total adds
    _solve_blocks(s.rate, s.D_start, s.resolvent_r, s.resolvent_q, x)
    _sum_blocks(s.mass, x, s.Z)
    rotate(s.V_back, s.Z, s.row)
    pack(s.Z, change)
    back_substitute(s.W, s.pivot, change)
    _move(s.flat_by_total_D, change, s.moved_D)
    _move(s.flat_by_total_G, change, s.moved_G)
    _velocity(s.rate, s.eta_noise, s.moved_D, s.moved_G, s.start, s.source)
    _solve_blocks(s.rate, s.D_start, s.resolvent_r, s.resolvent_q, s.source)
    _add_multiple(1.0, s.flat_source, flat)


@kernel
def _measures(Z):
    """Largest element of Q, of the students' mean of R, and of R's deviations from that mean."""
    K, P = Z.shape
    largest, largest_mean, largest_deviation = 0.0, 0.0, 0.0
    for i in range(K):
        for j in range(K):
            largest = max(largest, abs(Z[i, j]))
    for b in range(K, P):
        mean = 0.0
        for i in range(K):
            mean += Z[i, b] / K
        largest_mean = max(largest_mean, abs(mean))
        for i in range(K):
            largest_deviation = max(largest_deviation, abs(Z[i, b] - mean))
    return largest, largest_mean, largest_deviation


@kernel
def _error(s, work, rtol):
    """The step's largest embedded error in units of what is allowed; see the module's text."""
    P, h = s.Z.shape[1], place(Header, work)
    error = s.delta[STAGES - 1]
    _copy(s.totals, s.trial)
    _combine(A[STAGES], STAGES, s.delta, s.trial)
    eps = _eps_at(work, s.outputs, s.trial, s.T, s.Z, s.covariance)
    rounding = ROUNDING * max(_largest(s.trial), h.largest_T[0])
    allowed = _measures(s.Z)
    for c in range(error.shape[0]):
        s.trial[c] -= error[c]
    embedded = _eps_at(work, s.outputs, s.trial, s.T, s.Z, s.covariance)
    # eps_g is a sum of P^2 rounded terms, whose errors add up like a random walk
    lost = P * rounding
    if h.activity[0] == SQUARE:
        lost = ROUNDING * quadratic.largest_error(s.covariance, s.outputs)
    worst = abs(eps - embedded) / (rtol * eps + lost)
    unpack(error, s.Z)
    found = _measures(s.Z)
    for part in range(3):
        worst = max(worst, found[part] / (rtol * allowed[part] + rounding))
    # comparisons, and so max(), hide what is not a number; a sum does not
    size = abs(eps - embedded)
    for total in s.trial:
        size += abs(total)
    return worst if size < math.inf else math.inf


@kernel
def _accept(s):
    """Move the blocks and their totals to the step's end."""
    _fill(0.0, s.flat_point)
    _combine(A[STAGES], STAGES, s.flat_stage, s.flat_point)
    _rotate_blocks(s.V_back, s.point, s.source)
    _add_multiple(1.0, s.flat_point, s.flat_z)
    _sum_blocks(s.mass, s.z, s.Z)
    pack(s.Z, s.totals)


@kernel
def _write(s, work, alpha, end, eps, Q, R, history):
    """Write the outputs from the step's start to its end; without a step these are the same."""
    K, P, _ = s.z.shape
    h = place(Header, work)
    step = end - h.alpha[0]
    while h.written[0] < alpha.shape[0]:
        row = int(h.written[0])
        if alpha[row] > end:
            return
        theta = (alpha[row] - h.alpha[0]) / step if step > 0.0 else 0.0
        dense_weights(theta, s.weights)
        _copy(s.totals, s.trial)
        if theta > 0.0:  # before the first step there are no stages
            _combine(s.weights, STAGES, s.delta, s.trial)
        eps[row] = _eps_at(work, s.outputs, s.trial, s.T, s.Z, s.covariance)
        for i in range(K):
            for b in range(P):
                if b < K:
                    Q[row, i, b] = s.Z[i, b]
                else:
                    R[row, i, b - K] = s.Z[i, b]
        if history.shape[0] > 0:
            _write_blocks(s, theta, history[row])
        h.written[0] += 1.0


@kernel
def _write_blocks(s, theta, out):
    """out (K, P, n): the blocks' [q | r] at the step's fraction theta, to which s.weights belong."""
    K, P, n = out.shape
    _fill(0.0, s.flat_point)
    if theta > 0.0:
        _combine(s.weights, STAGES, s.flat_stage, s.flat_point)
        _rotate_blocks(s.V_back, s.point, s.source)
    for i in range(K):
        for b in range(P):
            for k in range(n):
                out[i, b, k] = s.z[i, b, k] + s.point[i, b, k]
