"""A linear unit whose output weight learns too, or a chain of them: gradient flow in the unit's own time.

The student is sigma = V J . xi / sqrt(N), V = v^(D-1) the product of the D - 1 equal weights above the first layer, the
teacher zeta = B . xi / sqrt(N), with |B^k|^2 = n_k t_k in level k. From J = 0 the first layer grows along the teacher,
J^k = a_k B^k, and at small eta

    a_k' = eta lambda_k V (1 - V a_k),    v' = upper_eta (V / v) sum_k w_k lambda_k t_k a_k (1 - V a_k).

Hence v^2 - (upper_eta / eta) sum_k w_k t_k a_k^2 does not change, and in the clock d tau = eta V^2 d alpha every level
relaxes by itself, d a_k / d tau = lambda_k (1/V - a_k): what the levels share is 1/V, a number of the a_k alone.
"""

import math
from collections import namedtuple

from ..compiler.jit import kernel

# Where the steps begin, 1/V has changed by less than the square of this, and no level has moved by more than this.
EARLY = 1e-4
NEWTON = 60

# Eigenvalues, weights and strengths (L,); layers D, ratio upper_eta / eta, and the weight v at the start.
Chain = namedtuple("Chain", "eigenvalue weight strength depth ratio start")
# The state a (L,) and those after half a step, two halves and a whole one; of half a step what is left, and what 1/V
# adds from its beginning and from its end; of a whole one what it adds from the end.
Scratch = namedtuple("Scratch", "a half twice whole decay first last gain")
# Error, d(error)/d(tau), dv/d(tau).
Motion = namedtuple("Motion", "error slope growth")


@kernel
def exponent(s, depth):
    """Of the error in time, for weights that have grown: D s / (1 + (D - 1) s) for s < 1, s from there on."""
    return depth * s / (1.0 + (depth - 1) * s) if s < 1.0 else s


@kernel
def product(v, depth):
    """V = v^(depth - 1)."""
    V = 1.0
    for _ in range(depth - 1):
        V *= v
    return V


@kernel
def length(chain, a):
    """sum_k w_k t_k a_k^2: the squared length of the first layer, over N."""
    total = 0.0
    for k in range(a.shape[0]):
        total += chain.weight[k] * chain.strength[k] * a[k] * a[k]
    return total


@kernel
def begin(chain, tau, a):
    """Write the state at a clock ``tau`` before V has changed; returns v, to first order in its change."""
    V = product(chain.start, chain.depth)
    for k in range(a.shape[0]):
        a[k] = -math.expm1(-chain.eigenvalue[k] * tau) / V
    return math.sqrt(chain.start * chain.start + chain.ratio * length(chain, a))


@kernel
def early(chain):
    """A clock until which V is all but constant: by then v^2 has changed by the share EARLY^2."""
    second = 0.0
    for k in range(chain.eigenvalue.shape[0]):
        speed = chain.eigenvalue[k]
        second += chain.weight[k] * chain.strength[k] * speed * speed
    V = product(chain.start, chain.depth)
    fastest = chain.eigenvalue[0]
    return EARLY / max(fastest, math.sqrt(chain.ratio * second) / (V * chain.start))


@kernel
def ramps(z, decay):
    """Integrals of z exp(-z u) u and z exp(-z u) (1 - u) over u from 0 to 1: a source's weights at both ends of a step.

    ``decay`` is exp(-z).
    """
    if z > 0.02:
        return (1.0 - (1.0 + z) * decay) / z, (z - 1.0 + decay) / z
    first = z * (0.5 - z * (1.0 / 3.0 - z * (1.0 / 8.0 - z * (1.0 / 30.0 - z / 144.0))))
    last = z * (0.5 - z * (1.0 / 6.0 - z * (1.0 / 24.0 - z * (1.0 / 120.0 - z / 720.0))))
    return first, last


@kernel
def close(chain, v, out, gain):
    """Find v at a step's end, where 1/V adds gain / V to ``out``: out (L,) becomes the state; from v at its start.

    v^2 = start^2 + ratio sum_k w_k t_k (out_k + gain_k / V)^2 has one root, as the right side falls with v.
    """
    fixed = linear = square = 0.0
    for k in range(out.shape[0]):
        mass = chain.weight[k] * chain.strength[k]
        fixed += mass * out[k] * out[k]
        linear += mass * out[k] * gain[k]
        square += mass * gain[k] * gain[k]
    above = chain.depth - 1
    for _ in range(NEWTON):
        inverse = 1.0 / product(v, chain.depth)
        excess = v * v - chain.start * chain.start - chain.ratio * (fixed + inverse * (2.0 * linear + inverse * square))
        slope = 2.0 * v + 2.0 * chain.ratio * above * inverse / v * (linear + inverse * square)
        before = v
        v = max(v - excess / slope, 0.5 * v)
        if abs(v - before) <= 1e-15 * v:
            break
    inverse = 1.0 / product(v, chain.depth)
    for k in range(out.shape[0]):
        out[k] += inverse * gain[k]
    return v


@kernel
def step(chain, v, tau, s):
    """One step of the clock by ``tau`` from the state s.a (L,), which is replaced; returns v half-way and at the end.

    1/V is linear in the clock over a step, and the decay is exact. One step and two halves are extrapolated.
    """
    L = s.a.shape[0]
    inverse = 1.0 / product(v, chain.depth)
    for k in range(L):
        z = 0.5 * chain.eigenvalue[k] * tau
        decay = s.decay[k] = math.exp(-z)
        s.first[k], s.last[k] = ramps(z, decay)
        s.half[k] = decay * s.a[k] + s.first[k] * inverse
        first, s.gain[k] = ramps(2.0 * z, decay * decay)
        s.whole[k] = decay * decay * s.a[k] + first * inverse
    middle = close(chain, v, s.half, s.last)
    inverse = 1.0 / product(middle, chain.depth)
    for k in range(L):
        s.twice[k] = s.decay[k] * s.half[k] + s.first[k] * inverse
    close(chain, middle, s.twice, s.last)
    close(chain, v, s.whole, s.gain)
    for k in range(L):
        s.a[k] = s.twice[k] + (s.twice[k] - s.whole[k]) / 3.0
    return middle, math.sqrt(chain.start * chain.start + chain.ratio * length(chain, s.a))


@kernel
def motion(chain, v, a):
    """The error eps_g = (1/2) sum_k w_k lambda_k t_k (1 - V a_k)^2, and how it and v change with the clock."""
    V = product(v, chain.depth)
    error = squares = force = 0.0
    for k in range(a.shape[0]):
        missing = 1.0 - V * a[k]
        part = chain.weight[k] * chain.eigenvalue[k] * chain.strength[k] * missing
        error += part * missing
        squares += part * missing * chain.eigenvalue[k]
        force += part * a[k]
    growth = chain.ratio * force / (V * v)
    # d(error)/d(v) = -(D - 1) V/v force
    return Motion(0.5 * error, -squares - (chain.depth - 1) * V / v * force * growth, growth)


@kernel
def between(x0, x1, y0, y1, slope0, slope1, x):
    """The cubic through two points (x, y) with their slopes, which are cut to 0 to 3 times that of the line.

    Within these bounds it does not turn (Fritsch & Carlson 1980); beyond them a slope is of rounding errors only.
    """
    width, rise = x1 - x0, y1 - y0
    u = (x - x0) / width
    first, last = slope0 * width, slope1 * width
    if rise > 0.0:
        first, last = min(max(first, 0.0), 3.0 * rise), min(max(last, 0.0), 3.0 * rise)
    else:
        first, last = max(min(first, 0.0), 3.0 * rise), max(min(last, 0.0), 3.0 * rise)
    return y0 + u * rise + u * (1.0 - u) * ((1.0 - u) * (first - rise) + u * (rise - last))


@kernel
def curve(chain, eta, alpha, factor, error, weight, clock, s):
    """The run at the times ``alpha`` (n,), increasing: its error, its weight v and its clock, (n,) each.

    The clock grows by ``factor`` > 1 in each step, whose remainder is of third order in factor - 1. Between steps the
    three are cubics in the logarithms, whose slopes at the steps are known.
    """
    n, i = alpha.shape[0], 0
    tau = early(chain)
    V = product(chain.start, chain.depth)
    now = tau / (eta * V * V)
    while i < n and alpha[i] <= now:
        clock[i] = eta * V * V * alpha[i]
        weight[i] = begin(chain, clock[i], s.a)
        error[i] = motion(chain, weight[i], s.a).error
        i += 1
    v = begin(chain, tau, s.a)
    at = motion(chain, v, s.a)
    V = product(v, chain.depth)
    while i < n:
        passed = (factor - 1.0) * tau
        middle, after = step(chain, v, passed, s)
        half = product(middle, chain.depth)
        end = product(after, chain.depth)
        then = now + passed / (6.0 * eta) * (1.0 / (V * V) + 4.0 / (half * half) + 1.0 / (end * end))
        ahead = motion(chain, after, s.a)
        # d ln / d ln alpha at both ends
        pace, pace_end = eta * V * V * now, eta * end * end * then
        x0, x1 = math.log(now), math.log(then)
        while i < n and alpha[i] <= then:
            x = math.log(alpha[i])
            low, high = max(at.error, 1e-300), max(ahead.error, 1e-300)
            error[i] = math.exp(
                between(x0, x1, math.log(low), math.log(high), at.slope / low * pace, ahead.slope / high * pace_end, x)
            )
            weight[i] = math.exp(
                between(x0, x1, math.log(v), math.log(after), at.growth / v * pace, ahead.growth / after * pace_end, x)
            )
            clock[i] = math.exp(
                between(x0, x1, math.log(tau), math.log(tau + passed), pace / tau, pace_end / (tau + passed), x)
            )
            i += 1
        tau, now, v, V, at = tau + passed, then, after, end, ahead
