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

# Where the steps begin, v has changed by less than the square of this, and no level by more than this.
EARLY = 1e-7
NEWTON = 60

# Eigenvalues and masses w_k t_k (L,), layers D, ratio upper_eta / eta, and the weight v at the start.
Chain = namedtuple("Chain", "eigenvalue mass depth ratio start")
# Rows of the scratch (ROWS, L), one array as it is passed on often: the state a; what is known of it after half a step
# or two, and after a whole one; of half a step what is left, and what 1/V adds from its beginning and from its end; of
# a whole one what it adds from the end.
ROWS = 7
A, HALF, WHOLE, DECAY, FIRST, LAST, GAIN = range(ROWS)
# Shape of what is known at both ends of a step: logarithms of error, weight and clock, and their slopes.
ENDS = 2, 2, 3


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
def early(chain):
    """A clock until which V is all but constant: by then v^2 has changed by the share EARLY^2."""
    second = 0.0
    for k in range(chain.mass.shape[0]):
        second += chain.mass[k] * chain.eigenvalue[k] * chain.eigenvalue[k]
    growth = math.sqrt(chain.ratio * second) / (product(chain.start, chain.depth) * chain.start)
    return EARLY / max(chain.eigenvalue[0], growth)


@kernel
def ramps(z, decay):
    """Integrals of z exp(-z u) u and z exp(-z u) (1 - u) over u from 0 to 1: a source's weights at both ends of a step.

    ``decay`` is exp(-z).
    """
    if z > 0.02:
        return (1.0 - (1.0 + z) * decay) / z, (z - 1.0 + decay) / z
    last = z * (0.5 - z * (1.0 / 6.0 - z * (1.0 / 24.0 - z * (1.0 / 120.0 - z / 720.0))))
    return z * (1.0 - z * (0.5 - z * (1.0 / 6.0 - z * (1.0 / 24.0 - z / 120.0)))) - last, last


@kernel
def close(chain, v, s, out, gain):
    """Find v at a step's end, where the state is s[out] + s[gain] / V, from v at its start; returns v and 1/V.

    v^2 = start^2 + ratio sum_k w_k t_k (out_k + gain_k / V)^2 has one root, as the right side falls with v.
    """
    fixed = linear = square = 0.0
    for k in range(s.shape[1]):
        fixed += chain.mass[k] * s[out, k] * s[out, k]
        linear += chain.mass[k] * s[out, k] * s[gain, k]
        square += chain.mass[k] * s[gain, k] * s[gain, k]
    inverse = before = 0.0
    for _ in range(NEWTON):
        inverse = 1.0 / product(v, chain.depth)
        if abs(v - before) <= 1e-15 * v:
            break
        before = v
        answer = inverse * (linear + inverse * square)
        excess = v * v - chain.start * chain.start - chain.ratio * (fixed + inverse * linear + answer)
        v -= excess / (2.0 * v + 2.0 * chain.ratio * (chain.depth - 1) * answer / v)
    return v, inverse


@kernel
def step(chain, v, tau, s):
    """One step of the clock by ``tau`` from the state s[A], which is replaced; returns 1/V half-way, and v at the end.

    1/V is linear in the clock over a step, and the decay is exact. One step and two halves are extrapolated.
    """
    L = s.shape[1]
    inverse = 1.0 / product(v, chain.depth)
    for k in range(L):
        z = 0.5 * chain.eigenvalue[k] * tau
        decay = math.exp(-z)
        first, last = ramps(z, decay)
        s[DECAY, k], s[FIRST, k], s[LAST, k] = decay, first, last
        s[HALF, k] = decay * s[A, k] + first * inverse
        first, s[GAIN, k] = ramps(2.0 * z, decay * decay)
        s[WHOLE, k] = decay * decay * s[A, k] + first * inverse
    middle, half_way = close(chain, v, s, HALF, LAST)
    for k in range(L):
        s[HALF, k] = s[DECAY, k] * (s[HALF, k] + half_way * s[LAST, k]) + half_way * s[FIRST, k]
    twice = close(chain, middle, s, HALF, LAST)[1]
    whole = close(chain, v, s, WHOLE, GAIN)[1]
    square = chain.start * chain.start
    for k in range(L):
        a = s[HALF, k] + twice * s[LAST, k]
        a += (a - s[WHOLE, k] - whole * s[GAIN, k]) / 3.0
        s[A, k] = a
        square += chain.ratio * chain.mass[k] * a * a
    return half_way, math.sqrt(square)


@kernel
def describe(chain, v, tau, pace, s, end):
    """Write to end (2, 3) the logarithms of error, v and clock, and their slopes in ln alpha.

    eps_g = (1/2) sum_k w_k lambda_k t_k (1 - V a_k)^2; ``pace`` = alpha d tau / d alpha.
    """
    V = product(v, chain.depth)
    error = squares = force = 0.0
    for k in range(s.shape[1]):
        missing = 1.0 - V * s[A, k]
        part = chain.mass[k] * chain.eigenvalue[k] * missing
        error += 0.5 * part * missing
        squares += part * missing * chain.eigenvalue[k]
        force += part * s[A, k]
    error = max(error, 1e-300)
    growth = chain.ratio * force / (V * v * v)  # of ln v with the clock
    end[0, 0], end[0, 1], end[0, 2] = math.log(error), math.log(v), math.log(tau)
    end[1, 0] = -pace * (squares + (chain.depth - 1) * V * force * growth) / error
    end[1, 1], end[1, 2] = pace * growth, pace / tau


@kernel
def between(width, rise, slope0, slope1, u):
    """By how much the cubic has risen at the share u of a step, with its slopes cut to 0 to 3 times that of the line.

    Within these bounds it does not turn (Fritsch & Carlson 1980); beyond them a slope is of rounding errors only.
    """
    if rise == 0.0:
        return 0.0
    bend0 = rise * min(max(slope0 * width / rise - 1.0, -1.0), 2.0)
    bend1 = rise * min(max(1.0 - slope1 * width / rise, -2.0), 1.0)
    return u * (rise + (1.0 - u) * ((1.0 - u) * bend0 + u * bend1))


@kernel
def curve(chain, eta, alpha, factor, curves, ends, s):
    """The run at the times ``alpha`` (n,), increasing: its error, its weight v and its clock, ``curves`` (3, n).

    The clock grows by ``factor`` > 1 in each step, whose remainder is of third order in factor - 1. Between steps the
    three are cubics in the logarithms, whose slopes at the steps are known. ``ends`` (ENDS) and ``s`` (ROWS, L) are
    scratch.
    """
    tau, V = early(chain), product(chain.start, chain.depth)
    for k in range(s.shape[1]):
        s[A, k] = chain.eigenvalue[k] * tau / V
    v, now, at = chain.start, tau / (eta * V * V), 0  # ``at``: the end that is now
    describe(chain, v, tau, tau, s, ends[at])
    i = 0
    while i < alpha.shape[0]:
        inverse, passed = 1.0 / product(v, chain.depth), (factor - 1.0) * tau
        half_way, v = step(chain, v, passed, s)
        end = 1.0 / product(v, chain.depth)
        then = now + passed / (6.0 * eta) * (inverse * inverse + 4.0 * half_way * half_way + end * end)
        tau += passed
        at = 1 - at
        describe(chain, v, tau, eta * then / (end * end), s, ends[at])
        width = math.log(then / now)
        while i < alpha.shape[0] and alpha[i] <= then:
            # what comes before the first step is as at its beginning
            u = max(math.log(alpha[i] / now) / width, 0.0)
            for j in range(3):
                rise = ends[at, 0, j] - ends[1 - at, 0, j]
                risen = between(width, rise, ends[1 - at, 1, j], ends[at, 1, j], u)
                curves[j, i] = math.exp(ends[1 - at, 0, j] + risen)
            if alpha[i] < now:
                curves[2, i] *= alpha[i] / now
            i += 1
        now = then
