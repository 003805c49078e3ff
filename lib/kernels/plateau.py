"""Symmetric states of erf networks: the plateau, the way there, and the growth of what breaks the symmetry.

While all K students are identical, and every teacher counts the same, the students act as one unit of output weight
V = K v that is trained at the rate e = eta / K. Its overlaps, R with every teacher and Q with itself, obey

    r_k' = e lambda_k (A r_k + c),    q_k' = e lambda_k (2 A q_k + 2 M c r_k + e G),

where c = <g' V g'> u is the pull of one teacher and A that of the unit itself. A difference between students
that is also one between teachers (zero sum over either) leaves A, c and G as they are, to first order, and grows by

    s_k' = e lambda_k (slope S - decay s_k),    S = sum_k w_k lambda_k s_k.

At the plateau decay = -e G / 2. Arguments named ``M, V, u``: teachers, output weight of the unit, of a teacher.
"""

import math
from collections import namedtuple

import numpy as np

from ..compiler.jit import kernel
from ..compiler.views import view
from ..maths import dormand_prince
from ..maths.sums import pairwise_sum
from .averages import TWO_OVER_PI

# The plateau ends when the specialisation |R~| is this fraction of |R| at the plateau.
SPECIALISED = 0.25

# Number of teachers, output weights of the unit and of a teacher, and the unit's rate.
Unit = namedtuple("Unit", "M V u e")
# Of each level, or of each node that stands for levels, (n,): e lambda, w lambda and 1.
Levels = namedtuple("Levels", "rate weight source")
# Totals (times,) along a path.
Totals = namedtuple("Totals", "R Q S")
# Scratch of a path: slopes (STAGES, 3, n) and a trial point (3, n).
Scratch = namedtuple("Scratch", "slopes trial")


@kernel
def coefficients(R, Q, M, V, u):
    """Return (A, c, G, decay, slope) of the equations above, at overlaps R and Q."""
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
def error(R, Q, M, V, u):
    """Return eps_g at overlaps R and Q."""
    s = 1.0 + Q
    return (
        V * V * math.asin(Q / s) - 2.0 * V * u * M * math.asin(R / math.sqrt(2.0 * s)) + u * u * M * math.pi / 6.0
    ) / math.pi


@kernel
def balance(Q, M, V, u):
    """Return R at which the unit's overlap with the teachers stays, given Q: a root of a quadratic equation."""
    d, ratio = 1.0 + 2.0 * Q, V / u
    y = (1.0 + Q) * d / (d * M + ratio * ratio + ratio * math.sqrt(ratio * ratio + d * (2.0 * M - 1.0)))
    return math.sqrt(y)


@kernel
def rate_at(Q, M, V, u):
    """Return the rate e at which the unit's fixed point has self-overlap Q."""
    R = balance(Q, M, V, u)
    _, c, G, _, _ = coefficients(R, Q, M, V, u)
    return 2.0 * c * (Q - M * R * R) / (R * G)


@kernel
def largest_rate(M, V, u):
    """Return the rate e beyond which there is no fixed point: the limit of ``rate_at`` for Q to infinity."""
    noise = V * V * math.asin(1.0 / 3.0) + u * u * M * (
        math.asin((M - 1.0) / (2.0 * M - 1.0)) - (M - 1.0) * math.asin(1.0 / (2.0 * M - 1.0))
    )
    return math.pi / (u * u) / noise


@kernel
def fixed_point(M, V, u, e):
    """Return Q at the fixed point, or infinity if there is none. ``rate_at`` increases with Q: bisection in log Q."""
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
    """Return the largest root of 1 = sum_k w_k pull lambda_k^2 / (rate - noise lambda_k); eigenvalues descend.

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
def escape(eigenvalue, weight, Q, M, V, u, e):
    """Return the rate at which a specialisation grows at the fixed point with self-overlap Q, at any rate e."""
    _, _, G, _, slope = coefficients(balance(Q, M, V, u), Q, M, V, u)
    return escape_rate(eigenvalue, weight, e * slope, 0.5 * e * e * G)


@kernel
def small_eta_escape_time(second_moment, K, M, eta):
    """Return the inverse of :func:`escape` to leading order in eta, with <lambda^2> of the spectrum."""
    units = math.sqrt(2.0 * M - 1.0) * (2.0 * M + 1.0) ** 1.5
    return math.pi * K / (2.0 * M * eta) * units / second_moment


@kernel
def specialised_part(R, out):
    """Write R less its means over students and over teachers to out, both (K, M) and contiguous."""
    K, M = R.shape
    mean = pairwise_sum(view(R, 0, (K * M,))) / (K * M)
    for n in range(M):
        column = 0.0
        for i in range(K):
            column += R[i, n]
        out[0, n] = column / K
    for i in range(K - 1, -1, -1):  # the first row last: it has the means over students
        row = pairwise_sum(R[i]) / M
        for n in range(M):
            out[i, n] = R[i, n] - row - out[0, n] + mean


@kernel
def specialisation(R, part):
    """Return |R~|, the norm of the specialised part of R (K, M); part (K, M) is scratch."""
    K, M = R.shape
    specialised_part(R, part)
    for i in range(K):
        for n in range(M):
            part[i, n] *= part[i, n]
    return math.sqrt(pairwise_sum(view(part, 0, (K * M,))))


@kernel
def specialisations(R, part, out):
    """Write :func:`specialisation` of each matrix of R (n, K, M) to out (n,)."""
    for i in range(R.shape[0]):
        out[i] = specialisation(R[i], part)


@kernel
def specialisation_at_end(R, K, M):
    """Return |R~| at which the plateau of overlap R ends."""
    return SPECIALISED * math.sqrt(K * M) * R


@kernel
def first_crossing(alpha, level):
    """Return the time at which level (n,) reaches zero from below, by linear interpolation; NaN if it does not."""
    for i in range(alpha.shape[0]):
        if level[i] >= 0.0:
            if i == 0:
                return alpha[0]
            share = -level[i - 1] / (level[i] - level[i - 1])
            return alpha[i - 1] + share * (alpha[i] - alpha[i - 1])
    return np.nan


@kernel
def _velocity(unit, levels, z, out):
    """Write the velocity of z = (r, q, s) to out, both (3, n)."""
    M, e = unit.M, unit.e
    R, Q, S = _total(levels.weight, z[0]), _total(levels.weight, z[1]), _total(levels.weight, z[2])
    A, c, G, decay, slope = coefficients(R, Q, M, unit.V, unit.u)
    for k in range(levels.rate.shape[0]):
        rate, source = levels.rate[k], levels.source[k]
        out[0, k] = rate * (A * z[0, k] + c * source)
        out[1, k] = rate * (2.0 * A * z[1, k] + 2.0 * M * c * z[0, k] + e * G * source)
        out[2, k] = rate * (slope * S * source - decay * z[2, k])


@kernel
def _total(weight, x):
    """Return the total of x (n,)."""
    total = 0.0
    for k in range(weight.shape[0]):
        total += weight[k] * x[k]
    return total


@kernel
def _worst_error(levels, step, slopes, trial, rtol):
    """Return the largest error of a step in the totals, in units of the one allowed."""
    n, worst = levels.rate.shape[0], 0.0
    for row in range(3):
        miss = size = 0.0
        for j in range(n):
            miss += levels.weight[j] * dormand_prince.error_rate(slopes, row * n + j)
            size += levels.weight[j] * trial[row, j]
        worst = max(worst, abs(step * miss) / (rtol * max(abs(size), 1e-3)))
    return worst


@kernel
def symmetric_path(unit, levels, z, target, alpha, rtol, totals, scratch):
    """Follow the unit from z = (r, q, s), (3, n), through the times alpha, and the difference s with it.

    Writes the totals; ends where S reaches ``target``, and returns that time, or infinity if S does not reach it by the
    last of ``alpha``. Then z is where the last step before it has led.
    """
    n = levels.rate.shape[0]
    slopes, trial = scratch.slopes, scratch.trial
    flat_z, flat_trial = view(z, 0, (3 * n,)), view(trial, 0, (3 * n,))
    flat_slopes = view(slopes, 0, (dormand_prince.STAGES, 3 * n))
    fastest = 0.0
    for j in range(n):
        fastest = max(fastest, levels.rate[j])
    now, h, i = 0.0, 1e-3 / (fastest * unit.V * unit.V), 0
    _velocity(unit, levels, z, slopes[0])
    while i < alpha.shape[0]:
        if now >= alpha[i]:
            totals.R[i], totals.Q[i] = _total(levels.weight, z[0]), _total(levels.weight, z[1])
            totals.S[i] = _total(levels.weight, z[2])
            i += 1
            continue
        clipped = now + h >= alpha[i]
        step = alpha[i] - now if clipped else h
        for stage in range(1, dormand_prince.STAGES):
            dormand_prince.stage_point(flat_z, step, flat_slopes, stage, flat_trial)
            _velocity(unit, levels, trial, slopes[stage])
        worst = _worst_error(levels, step, flat_slopes, trial, rtol)
        if worst <= 1.0:
            before, after = _total(levels.weight, z[2]), _total(levels.weight, trial[2])
            if after >= target:
                # S grows by a small factor in a step, and nearly as an exponential
                return now + step * math.log(target / before) / math.log(after / before)
            for j in range(3 * n):
                flat_z[j] = flat_trial[j]
                flat_slopes[0, j] = flat_slopes[dormand_prince.STAGES - 1, j]
            now = alpha[i] if clipped else now + step
        growth = dormand_prince.growth(worst)
        # a step cut short by an output time says nothing against longer ones
        h = step * growth if worst > 1.0 or not clipped else max(h, step * growth)
    return math.inf
