"""Quadratic units that know their teachers: the order-parameter flow of pairs, at a cost linear in their number.

Students sigma = sum_i v_i x_i^2, teachers zeta = sum_n u_n y_n^2, the error centred. If student i overlaps in every
block with itself and with teacher i alone, it stays so: the coefficients D and G of :mod:`lib.kernels.quadratic` are
then diagonal. Of a block of pair n are left two overlaps, q of the student with itself and r with its teacher::

    dr/dalpha = rate (a r + b t),   dq/dalpha = rate (2 a q + 2 b r + eta noise g),   rate = eta lambda
    a = -4 v^2 Q,   b = 4 v u R,   g = 4 v^2 (2 Q E + 8 (v^2 Q^3 - 2 u v Q R^2 + u^2 T R^2))
    E = eps_g = tr(ACAC) = rest + sum_n (v^2 Q^2 - 2 u v R^2 + u^2 T^2)

with the totals Q = sum_k mass_k q_k, R = sum_k mass_k r_k of the pair; T that of its teacher, 0 of a student without
one; ``rest`` the sum of u^2 T^2 over teachers without a student. Blocks are as in :mod:`lib.kernels.integrator`. The
*normalised* step divides what a student learns from an example by its <x^2>: a and b by Q, g by Q^2.

Method and step control are those of the integrator, whose tables are used; only the linear algebra differs. At given
coefficients a block is solved by itself. Their response to the totals couples the two totals of a pair, a matrix
(2, 2), and the pairs with one another through E alone: one scalar equation. A step of K pairs costs O(K n).

Error control. The step keeps the embedded error below rtol times each of: eps_g, which carries rounding errors of a few
1e-16 of the largest v^2 Q^2; Q and R of every pair, however small, for R decides when a pair is learned.
"""

import math
from collections import namedtuple

from ..compiler.jit import kernel
from ..compiler.layout import nowhere, outputs, place, take
from ..compiler.views import view
from .integrator import (
    DIVERGED,
    DONE,
    FIRST,
    GAMMA,
    ROUNDING,
    RUNNING,
    SQUARE_DIVERGENCE,
    STAGES,
    STALLED,
    A,
    C,
    _combine,
    _copy,
    _fill,
    _largest,
    dense_weights,
    next_step,
)

# Of what is zero a step may have the error zero.
NOTHING = 1e-300

# The run's scalars, at the start of its buffer.
Header = outputs(
    "Header",
    blocks=(1,),
    pairs=(1,),
    rest=(1,),
    normalised=(1,),
    largest_total=(1,),  # at the start, or once learned, or 1
    alpha=(1,),
    step=(1,),
    written=(1,),
    accepted=(1,),
    rejected=(1,),
)
SPACE = Header.size
Space = namedtuple(
    "Space",
    # the blocks: eta lambda, mass, eta times their noise (n,); t (K, n) and the state z = [q, r], (2, K, n)
    "rate mass eta_noise t z"
    # the state at a stage (2, K, n); the stages (STAGES, 2, K, n); without shape (2 K n,), (STAGES, 2 K n)
    " point stage flat_z flat_point flat_stage"
    # the blocks' resolvents (K, n)
    " resolvent_r resolvent_q"
    # of the pairs (K,): output weights and the teachers' totals; a, b and g
    " v u T a b g"
    # b at the step's start and the derivatives of a, b, g and E (K,)
    " b_start a_Q b_Q b_R g_Q g_R g_E E_Q E_R"
    # totals of a pair's blocks for a change of a and b, in r and in q, and of g (K,)
    " r_by_a r_by_b q_by_a q_by_b q_by_g"
    # the inverse of the pair's matrix, its rows one behind the other (4, K); its totals for a unit change of E (2, K)
    " inverse by_E"
    # totals [Q, R] of the state and of a stage (2, K), of the stages (STAGES, 2, K); without shape (STAGES, 2 K)
    " totals trial delta flat_totals flat_trial flat_delta"
    # sum of mass |z| (2, K); weights of stages (STAGES,)
    " scale weights"
    # where it ends
    " end",
)


@kernel(inline=True)
def header(work):
    """The scalars of a run, arrays (1,)."""
    return place(Header, work)


@kernel(inline=True)
def layout(n, K, work):
    """The arrays of a run of n blocks and K pairs inside its buffer, behind the header."""
    rate, at = take(work, SPACE, (n,))
    mass, at = take(work, at, (n,))
    eta_noise, at = take(work, at, (n,))
    t, at = take(work, at, (K, n))
    flat_z = view(work, at, (2 * K * n,))
    z, at = take(work, at, (2, K, n))
    flat_point = view(work, at, (2 * K * n,))
    point, at = take(work, at, (2, K, n))
    flat_stage = view(work, at, (STAGES, 2 * K * n))
    stage, at = take(work, at, (STAGES, 2, K, n))
    resolvent_r, at = take(work, at, (K, n))
    resolvent_q, at = take(work, at, (K, n))
    v, at = take(work, at, (K,))
    u, at = take(work, at, (K,))
    T, at = take(work, at, (K,))
    a, at = take(work, at, (K,))
    b, at = take(work, at, (K,))
    g, at = take(work, at, (K,))
    b_start, at = take(work, at, (K,))
    a_Q, at = take(work, at, (K,))
    b_Q, at = take(work, at, (K,))
    b_R, at = take(work, at, (K,))
    g_Q, at = take(work, at, (K,))
    g_R, at = take(work, at, (K,))
    g_E, at = take(work, at, (K,))
    E_Q, at = take(work, at, (K,))
    E_R, at = take(work, at, (K,))
    r_by_a, at = take(work, at, (K,))
    r_by_b, at = take(work, at, (K,))
    q_by_a, at = take(work, at, (K,))
    q_by_b, at = take(work, at, (K,))
    q_by_g, at = take(work, at, (K,))
    inverse, at = take(work, at, (4, K))
    by_E, at = take(work, at, (2, K))
    flat_totals = view(work, at, (2 * K,))
    totals, at = take(work, at, (2, K))
    flat_trial = view(work, at, (2 * K,))
    trial, at = take(work, at, (2, K))
    flat_delta = view(work, at, (STAGES, 2 * K))
    delta, at = take(work, at, (STAGES, 2, K))
    scale, at = take(work, at, (2, K))
    weights, at = take(work, at, (STAGES,))
    return Space(
        rate, mass, eta_noise, t, z,
        point, stage, flat_z, flat_point, flat_stage,
        resolvent_r, resolvent_q,
        v, u, T, a, b, g,
        b_start, a_Q, b_Q, b_R, g_Q, g_R, g_E, E_Q, E_R,
        r_by_a, r_by_b, q_by_a, q_by_b, q_by_g,
        inverse, by_E,
        totals, trial, delta, flat_totals, flat_trial, flat_delta,
        scale, weights,
        at,
    )  # fmt: skip


@kernel
def size(n, pairs):
    """Where the layout ends: the length of the buffer for n blocks and so many pairs."""
    return layout(n, pairs, nowhere()).end


@kernel
def _space(work):
    """The arrays of a run that was started."""
    h = place(Header, work)
    return layout(int(h.blocks[0]), int(h.pairs[0]), work)


@kernel
def start(blocks, v, u, T, rest, eta, normalised, work):
    """Prepare ``work``, of length ``size``, for a run from alpha = 0.

    blocks: ``integrator.Blocks`` whose r, q and t are (K, n), one row for each student; v, u, T (K,): output weights
    and the teachers' totals, u = T = 0 for a student without teacher; rest: the sum of u^2 T^2 over teachers without
    student; normalised: 1, or 0 for the plain step. Normalised, every student starts from Q > 0.
    """
    K, n = blocks.r.shape
    h = place(Header, work)
    h.blocks[0], h.pairs[0], h.rest[0], h.normalised[0] = n, K, rest, normalised
    h.alpha[0] = h.written[0] = h.accepted[0] = h.rejected[0] = 0.0
    s = _space(work)
    for k in range(n):
        s.rate[k] = eta * blocks.eigenvalue[k]
        s.mass[k] = blocks.mass[k]
        s.eta_noise[k] = eta * blocks.noise[k]
    for i in range(K):
        s.v[i], s.u[i], s.T[i] = v[i], u[i], T[i]
        _copy(blocks.q[i], s.z[0, i])
        _copy(blocks.r[i], s.z[1, i])
        _copy(blocks.t[i], s.t[i])
    _sum_state(s)
    h.largest_total[0] = max(1.0, _largest(s.flat_totals))
    fastest = 0.0
    for i in range(K):
        # a student that has learned has Q = u T / v
        h.largest_total[0] = max(h.largest_total[0], u[i] * T[i] / v[i])
        # the growth of r from nothing, or its decay to the teacher
        speed = 4.0 * v[i] * (v[i] * s.totals[0, i] + u[i] * T[i])
        fastest = max(fastest, speed / s.totals[0, i] if normalised != 0 else speed)
    h.step[0] = FIRST / (fastest * _largest(s.rate))


@kernel
def advance(work, alpha, rtol, max_steps, eps, Q, R, history):
    """Go on with a run for at most ``max_steps`` steps; returns RUNNING, DONE, DIVERGED or STALLED.

    At every alpha (times,), increasing from >= 0, writes eps (times,), Q and R (times, K) and, if it has rows, the
    blocks' [q, r] to history (times, 2, K, n). ``header(work).written[0]`` rows are done, ``header(work).alpha[0]`` is
    the time reached.
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
        _attempt(s, work, step)
        error = _error(s, work, rtol)
        if error <= 1.0:
            _write(s, work, alpha, end, eps, Q, R, history)
            _accept(s)
            h.alpha[0] = end
            h.accepted[0] += 1.0
            if _largest(s.flat_totals) > SQUARE_DIVERGENCE * h.largest_total[0]:
                return DIVERGED
        else:
            h.rejected[0] += 1.0
        h.step[0] = next_step(step, error)
    return DONE if h.written[0] == times else RUNNING


@kernel
def fixed_steps(work, step, count):
    """Take ``count`` steps of one length, whatever their error, and return eps_g after them. To measure the order."""
    s, h = _space(work), place(Header, work)
    for _ in range(count):
        _attempt(s, work, step)
        _accept(s)
        h.alpha[0] += step
    return _eps(s, h.rest[0], s.totals)


@kernel(hot=True)
def _total(mass, x):
    """sum_k mass_k x_k."""
    total = 0.0
    for k in range(x.shape[0]):
        total += mass[k] * x[k]
    return total


@kernel
def _sum_state(s):
    """The totals of the state and, as their scale, those of its absolute values."""
    for part in range(2):
        for i in range(s.v.shape[0]):
            row, total = s.z[part, i], 0.0
            s.totals[part, i] = _total(s.mass, row)
            for k in range(row.shape[0]):
                total += s.mass[k] * abs(row[k])
            s.scale[part, i] = total


@kernel
def _eps(s, rest, totals):
    """eps_g at totals (2, K)."""
    eps = rest
    for i in range(s.v.shape[0]):
        strength, target = s.v[i] * totals[0, i], s.u[i] * s.T[i]
        eps += strength * strength - 2.0 * s.v[i] * s.u[i] * totals[1, i] * totals[1, i] + target * target
    return eps


@kernel
def _coefficients(s, work, totals):
    """a, b and g of every pair at totals (2, K)."""
    h = place(Header, work)
    eps = _eps(s, h.rest[0], totals)
    for i in range(s.v.shape[0]):
        v, u, Q, R = s.v[i], s.u[i], totals[0, i], totals[1, i]
        cubic = v * v * Q * Q * Q - 2.0 * u * v * Q * R * R + u * u * s.T[i] * R * R
        s.a[i], s.b[i], s.g[i] = -4.0 * v * v * Q, 4.0 * v * u * R, 4.0 * v * v * (2.0 * Q * eps + 8.0 * cubic)
        if h.normalised[0] != 0.0:
            s.a[i] /= Q
            s.b[i] /= Q
            s.g[i] /= Q * Q


@kernel
def _derivatives(s, work):
    """Derivatives of a, b and g with respect to Q, R and E, and of E, at the state's totals, where a, b and g are."""
    h = place(Header, work)
    eps = _eps(s, h.rest[0], s.totals)
    for i in range(s.v.shape[0]):
        v, u, Q, R = s.v[i], s.u[i], s.totals[0, i], s.totals[1, i]
        s.E_Q[i], s.E_R[i] = 2.0 * v * v * Q, -4.0 * v * u * R
        s.a_Q[i], s.b_Q[i], s.b_R[i] = -4.0 * v * v, 0.0, 4.0 * v * u
        s.g_Q[i] = 4.0 * v * v * (2.0 * eps + 8.0 * (3.0 * v * v * Q * Q - 2.0 * u * v * R * R))
        s.g_R[i] = 64.0 * v * v * u * R * (u * s.T[i] - 2.0 * v * Q)
        s.g_E[i] = 8.0 * v * v * Q
        if h.normalised[0] != 0.0:
            s.a_Q[i] = (s.a_Q[i] - s.a[i]) / Q
            s.b_Q[i] = -s.b[i] / Q
            s.b_R[i] /= Q
            s.g_Q[i] = s.g_Q[i] / (Q * Q) - 2.0 * s.g[i] / Q
            s.g_R[i] /= Q * Q
            s.g_E[i] /= Q * Q


@kernel
def _attempt(s, work, step):
    """All stages of a step of length ``step``: s.stage, and their totals s.delta."""
    _coefficients(s, work, s.totals)
    _derivatives(s, work)
    _copy(s.b, s.b_start)
    by_E = _couple(s, 1.0 / (GAMMA * step))
    for i in range(STAGES):
        _stage(s, work, step, i, by_E)


@kernel(hot=True)
def _sum_response(s, i, shift):
    """The resolvents of pair i, and the totals that a change of a, b or g gives to the solution of its blocks."""
    resolvent_r, resolvent_q = s.resolvent_r[i], s.resolvent_q[i]
    q, r, t, a, b = s.z[0, i], s.z[1, i], s.t[i], s.a[i], s.b[i]
    r_by_a = r_by_b = q_by_a = q_by_b = q_by_g = 0.0
    for k in range(q.shape[0]):
        rate = s.rate[k]
        resolvent_r[k] = 1.0 / (shift - rate * a)
        resolvent_q[k] = 1.0 / (shift - 2.0 * rate * a)
        # what a source in r does to r, and directly and through r to q
        to_r = s.mass[k] * rate * resolvent_r[k]
        to_q = s.mass[k] * rate * resolvent_q[k]
        through = 2.0 * to_q * b * rate * resolvent_r[k]
        r_by_a += to_r * r[k]
        r_by_b += to_r * t[k]
        q_by_a += 2.0 * to_q * q[k] + through * r[k]
        q_by_b += 2.0 * to_q * r[k] + through * t[k]
        q_by_g += to_q * s.eta_noise[k]
    s.r_by_a[i], s.r_by_b[i], s.q_by_a[i], s.q_by_b[i], s.q_by_g[i] = r_by_a, r_by_b, q_by_a, q_by_b, q_by_g


@kernel
def _couple(s, shift):
    """The equations of the totals, solved but for E: the pairs' inverse and by_E; and E by a source of E."""
    response = 0.0
    for i in range(s.v.shape[0]):
        _sum_response(s, i, shift)
        QQ = 1.0 - s.q_by_a[i] * s.a_Q[i] - s.q_by_b[i] * s.b_Q[i] - s.q_by_g[i] * s.g_Q[i]
        QR = -s.q_by_b[i] * s.b_R[i] - s.q_by_g[i] * s.g_R[i]
        RQ = -s.r_by_a[i] * s.a_Q[i] - s.r_by_b[i] * s.b_Q[i]
        RR = 1.0 - s.r_by_b[i] * s.b_R[i]
        determinant = QQ * RR - QR * RQ
        s.inverse[0, i], s.inverse[1, i] = RR / determinant, -QR / determinant
        s.inverse[2, i], s.inverse[3, i] = -RQ / determinant, QQ / determinant
        source = s.q_by_g[i] * s.g_E[i]
        s.by_E[0, i], s.by_E[1, i] = s.inverse[0, i] * source, s.inverse[2, i] * source
        response += s.E_Q[i] * s.by_E[0, i] + s.E_R[i] * s.by_E[1, i]
    return 1.0 / (1.0 - response)


@kernel(hot=True)
def _solve_pair(s, i, q, r, x_q, x_r):
    """Add to x (n,) the velocity of pair i at q, r (n,), and solve its blocks at constant coefficients."""
    a, b, g, b_start, t = s.a[i], s.b[i], s.g[i], s.b_start[i], s.t[i]
    resolvent_r, resolvent_q = s.resolvent_r[i], s.resolvent_q[i]
    for k in range(q.shape[0]):
        rate = s.rate[k]
        x = resolvent_r[k] * (x_r[k] + rate * (a * r[k] + b * t[k]))
        velocity = rate * (2.0 * (a * q[k] + b * r[k]) + s.eta_noise[k] * g)
        x_q[k] = resolvent_q[k] * (x_q[k] + velocity + 2.0 * rate * b_start * x)
        x_r[k] = x


@kernel(hot=True)
def _add_response(s, i, da, db, dg, x_q, x_r):
    """Add to x (n,) what a change of a, b and g of pair i gives to the solution of its blocks."""
    q, r, t, b_start = s.z[0, i], s.z[1, i], s.t[i], s.b_start[i]
    resolvent_r, resolvent_q = s.resolvent_r[i], s.resolvent_q[i]
    for k in range(q.shape[0]):
        rate = s.rate[k]
        x = resolvent_r[k] * rate * (r[k] * da + t[k] * db)
        x_q[k] += resolvent_q[k] * rate * (2.0 * (b_start * x + q[k] * da + r[k] * db) + s.eta_noise[k] * dg)
        x_r[k] += x


@kernel
def _stage(s, work, step, i, by_E):
    """Stage i: s.stage[i] and its totals s.delta[i]; by_E: change of E by a source of it."""
    x, flat, change = s.stage[i], s.flat_stage[i], s.delta[i]
    _copy(s.flat_z, s.flat_point)
    _combine(A[i], i, s.flat_stage, s.flat_point)
    _copy(s.flat_totals, s.flat_trial)
    _combine(A[i], i, s.flat_delta, s.flat_trial)
    _coefficients(s, work, s.trial)
    for j in range(i):
        s.weights[j] = C[i, j] / step
    _fill(0.0, flat)
    _combine(s.weights, i, s.flat_stage, flat)
    source = 0.0
    for p in range(s.v.shape[0]):
        _solve_pair(s, p, s.point[0, p], s.point[1, p], x[0, p], x[1, p])
        Q, R = _total(s.mass, x[0, p]), _total(s.mass, x[1, p])
        change[0, p] = s.inverse[0, p] * Q + s.inverse[1, p] * R
        change[1, p] = s.inverse[2, p] * Q + s.inverse[3, p] * R
        source += s.E_Q[p] * change[0, p] + s.E_R[p] * change[1, p]
    dE = source * by_E
    for p in range(s.v.shape[0]):
        change[0, p] += s.by_E[0, p] * dE
        change[1, p] += s.by_E[1, p] * dE
        dQ, dR = change[0, p], change[1, p]
        da, db = s.a_Q[p] * dQ, s.b_Q[p] * dQ + s.b_R[p] * dR
        dg = s.g_Q[p] * dQ + s.g_R[p] * dR + s.g_E[p] * dE
        _add_response(s, p, da, db, dg, x[0, p], x[1, p])


@kernel
def _error(s, work, rtol):
    """The step's largest embedded error in units of what is allowed; see the module's text."""
    h = place(Header, work)
    error = s.delta[STAGES - 1]
    _copy(s.flat_totals, s.flat_trial)
    _combine(A[STAGES], STAGES, s.flat_delta, s.flat_trial)
    eps = _eps(s, h.rest[0], s.trial)
    worst = largest = finite = 0.0
    for i in range(s.v.shape[0]):
        largest = max(largest, s.v[i] * s.totals[0, i], s.u[i] * s.T[i])
        for part in range(2):
            allowed = rtol * abs(s.trial[part, i]) + ROUNDING * s.scale[part, i] + NOTHING
            worst = max(worst, abs(error[part, i]) / allowed)
            s.trial[part, i] -= error[part, i]
            finite += abs(s.trial[part, i])
    difference = abs(eps - _eps(s, h.rest[0], s.trial))
    worst = max(worst, difference / (rtol * eps + 2.0 * ROUNDING * largest * largest + NOTHING))
    # comparisons, and so max(), hide what is not a number; a sum does not
    return worst if finite + difference < math.inf else math.inf


@kernel
def _accept(s):
    """Move the blocks and their totals to the step's end."""
    _combine(A[STAGES], STAGES, s.flat_stage, s.flat_z)
    _sum_state(s)


@kernel
def _write(s, work, alpha, end, eps, Q, R, history):
    """Write the outputs from the step's start to its end; without a step these are the same."""
    h = place(Header, work)
    step = end - h.alpha[0]
    while h.written[0] < alpha.shape[0]:
        row = int(h.written[0])
        if alpha[row] > end:
            return
        theta = (alpha[row] - h.alpha[0]) / step if step > 0.0 else 0.0
        dense_weights(theta, s.weights)
        stages = STAGES if theta > 0.0 else 0  # before the first step there are none
        _copy(s.flat_totals, s.flat_trial)
        _combine(s.weights, stages, s.flat_delta, s.flat_trial)
        eps[row] = _eps(s, h.rest[0], s.trial)
        _copy(s.trial[0], Q[row])
        _copy(s.trial[1], R[row])
        if history.shape[0] > 0:
            out = history[row]
            flat = view(out, 0, (out.size,))
            _copy(s.flat_z, flat)
            _combine(s.weights, stages, s.flat_stage, flat)
        h.written[0] += 1.0
