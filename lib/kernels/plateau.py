"""Symmetric states of erf networks: the plateau, the way there, and the growth of what breaks the symmetry.

While all K students are alike, and every teacher counts the same, the students act as one unit of output weight
V = K v that is trained at the rate e = eta / K. Its overlaps, R with every teacher and Q with itself, obey

    r_k' = e lambda_k (A r_k + c),    q_k' = e lambda_k (2 A q_k + 2 M c r_k + e G),

where c = <g' V g'> u is the pull of one teacher and A that of the unit itself. A difference between students
that is also one between teachers (zero sum over either) leaves A, c and G as they are, to first order, and grows by

    s_k' = e lambda_k (slope S - decay s_k),    S = sum_k w_k lambda_k s_k.

At the plateau decay = -e G / 2. Arguments named ``M, V, u``: teachers, output weight of the unit, of a teacher.
"""

import math

from ..compiler.jit import kernel
from .averages import TWO_OVER_PI

STAGES = 7
# Dormand & Prince's method of order 5: nodes' coefficients, and the difference to its embedded method of order 4.
A = (
    (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    (1 / 5, 0.0, 0.0, 0.0, 0.0, 0.0),
    (3 / 40, 9 / 40, 0.0, 0.0, 0.0, 0.0),
    (44 / 45, -56 / 15, 32 / 9, 0.0, 0.0, 0.0),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729, 0.0, 0.0),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656, 0.0),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
E = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)


@kernel
def coefficients(Q, R, M, V, u):
    """(A, c, G, decay, slope) of the equations above, at overlaps Q and R."""
    s, d, y = 1.0 + Q, 1.0 + 2.0 * Q, R * R
    own = TWO_OVER_PI * V * V / math.sqrt(d)
    c = TWO_OVER_PI * V * u / math.sqrt(2.0 * s - y)
    decay = (M * c * R - own * Q) / s
    G = (
        V
        * V
        * TWO_OVER_PI
        * TWO_OVER_PI
        / math.sqrt(d)
        * (
            V * V * math.asin(Q / (1.0 + 3.0 * Q))
            - 2.0 * V * u * M * math.asin(R / math.sqrt(2.0 * (1.0 + 3.0 * Q) * (d - y)))
            + u * u * M * (math.asin(0.5 * (d - 2.0 * y) / (d - y)) - (M - 1.0) * math.asin(y / (d - y)))
        )
    )
    return -own - decay, c, G, decay, c * R / (2.0 * s - y)


@kernel
def error(Q, R, M, V, u):
    """eps_g at overlaps Q and R."""
    s = 1.0 + Q
    return (
        V * V * math.asin(Q / s) - 2.0 * V * u * M * math.asin(R / math.sqrt(2.0 * s)) + u * u * M * math.pi / 6.0
    ) / math.pi


@kernel
def balance(Q, M, V, u):
    """R at which the unit's overlap with the teachers stands still, given Q: the root of a quadratic equation."""
    d, ratio = 1.0 + 2.0 * Q, V / u
    y = (1.0 + Q) * d / (d * M + ratio * ratio + ratio * math.sqrt(ratio * ratio + d * (2.0 * M - 1.0)))
    return math.sqrt(y)


@kernel
def rate_at(Q, M, V, u):
    """The rate e at which the unit's fixed point has self-overlap Q."""
    R = balance(Q, M, V, u)
    A, c, G, decay, slope = coefficients(Q, R, M, V, u)
    return 2.0 * c * (Q - M * R * R) / (R * G)


@kernel
def largest_rate(M, V, u):
    """The rate e beyond which there is no fixed point: the limit of ``rate_at`` for Q to infinity."""
    noise = V * V * math.asin(1.0 / 3.0) + u * u * M * (
        math.asin((M - 1.0) / (2.0 * M - 1.0)) - (M - 1.0) * math.asin(1.0 / (2.0 * M - 1.0))
    )
    return math.pi / (u * u) / noise


@kernel
def fixed_point(M, V, u, e):
    """Q at the fixed point; infinite where there is none. ``rate_at`` increases with Q: bisection in log Q."""
    rho = (V / u) * (V / u)
    b = rho - M
    y = 1.0 / (b + math.sqrt(b * b + (2.0 * M - 1.0) * rho))
    if e == 0.0:
        return M * y
    if e >= largest_rate(M, V, u):
        return math.inf
    low = math.log(M * y)
    high = low + 1.0
    while rate_at(math.exp(high), M, V, u) < e:
        low = high
        high += 1.0
        if high > 300.0:
            return math.inf
    for _ in range(60):
        middle = 0.5 * (low + high)
        if rate_at(math.exp(middle), M, V, u) < e:
            low = middle
        else:
            high = middle
    return math.exp(0.5 * (low + high))


@kernel
def escape_rate(eigenvalue, weight, pull, noise):
    """The largest root of 1 = sum_k w_k pull lambda_k^2 / (rate - noise lambda_k); eigenvalues descend.

    Newton's method for the distance from the first pole, on 1/sum: concave and increasing there, so that it
    converges monotonically from the lower bound, the first level alone.
    """
    x = pull * weight[0] * eigenvalue[0] * eigenvalue[0]
    for _ in range(200):
        total = slope = 0.0
        for k in range(eigenvalue.shape[0]):
            distance = x + noise * (eigenvalue[0] - eigenvalue[k])
            term = pull * weight[k] * eigenvalue[k] * eigenvalue[k] / distance
            total += term
            slope += term / distance
        step = (total - 1.0) * total / slope
        x += step
        if abs(step) <= 1e-15 * x:
            break
    return x + noise * eigenvalue[0]


@kernel
def _velocity(rate, weight, source, M, V, u, e, z, out):
    """out (3, n): the velocity of z = (r, q, s)."""
    R = Q = S = 0.0
    for k in range(rate.shape[0]):
        R += weight[k] * z[0, k]
        Q += weight[k] * z[1, k]
        S += weight[k] * z[2, k]
    A, c, G, decay, slope = coefficients(Q, R, M, V, u)
    for k in range(rate.shape[0]):
        out[0, k] = rate[k] * (A * z[0, k] + c * source[k])
        out[1, k] = rate[k] * (2.0 * A * z[1, k] + 2.0 * M * c * z[0, k] + e * G * source[k])
        out[2, k] = rate[k] * (slope * S * source[k] - decay * z[2, k])


@kernel
def _totals(weight, z, row):
    """The total of one row of z (3, n)."""
    total = 0.0
    for k in range(weight.shape[0]):
        total += weight[k] * z[row, k]
    return total


@kernel
def symmetric_path(rate, weight, source, M, V, u, e, target, alpha, rtol, z, k, y, R, Q, S):
    """Follow the unit from z (3, n), and the difference s with it, through the times alpha (times,).

    rate, weight, source (n,): e lambda, w lambda and 1 of each level; of a compressed spectrum, those of its nodes.
    Writes the totals R, Q, S (times,); ends where S reaches ``target``. k (STAGES, 3, n), y (3, n): scratch.
    Returns that time, or infinity if S does not reach the target by the last of ``alpha``.
    """
    n = rate.shape[0]
    fastest = 0.0
    for j in range(n):
        fastest = max(fastest, rate[j])
    now, h, i = 0.0, 1e-3 / (fastest * V * V), 0
    _velocity(rate, weight, source, M, V, u, e, z, k[0])
    while i < alpha.shape[0]:
        if now >= alpha[i]:
            R[i], Q[i], S[i] = _totals(weight, z, 0), _totals(weight, z, 1), _totals(weight, z, 2)
            i += 1
            continue
        clipped = now + h >= alpha[i]
        step = alpha[i] - now if clipped else h
        for stage in range(1, STAGES):
            for row in range(3):
                for j in range(n):
                    total = 0.0
                    for before in range(stage):
                        total += A[stage][before] * k[before, row, j]
                    y[row, j] = z[row, j] + step * total
            _velocity(rate, weight, source, M, V, u, e, y, k[stage])
        worst = 0.0
        for row in range(3):
            miss = size = 0.0
            for j in range(n):
                total = 0.0
                for stage in range(STAGES):
                    total += E[stage] * k[stage, row, j]
                miss += weight[j] * total
                size += weight[j] * y[row, j]
            worst = max(worst, abs(step * miss) / (rtol * max(abs(size), 1e-3)))
        if worst <= 1.0:
            before, after = _totals(weight, z, 2), _totals(weight, y, 2)
            if after >= target:
                # S grows by a small factor in a step, and nearly as an exponential
                return now + step * math.log(target / before) / math.log(after / before)
            for row in range(3):
                for j in range(n):
                    z[row, j] = y[row, j]
                    k[0, row, j] = k[STAGES - 1, row, j]
            now = alpha[i] if clipped else now + step
        growth = min(4.0, max(0.2, 0.9 * max(worst, 1e-10) ** -0.2))
        # a step cut short by an output time says nothing against longer ones
        h = step * growth if worst > 1.0 or not clipped else max(h, step * growth)
    return math.inf
