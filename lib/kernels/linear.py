"""The linear network's exact learning curve, its small-rate sum, and what finite N adds.

With e_k = q_k - 2 r_k + t_k and E = sum_k w_k lambda_k e_k = 2 eps_g the flow is
e_k' = -2 eta lambda_k e_k + eta^2 lambda_k E: a diagonal plus a rank-one matrix. Its decay rates
2 eta x_j solve the secular equation (eta/2) sum_k w_k lambda_k^2 / (lambda_k - x) = 1, and they
interlace the eigenvalues: one below each lambda_k.
"""

import math

from ..compiler.jit import kernel
from .spectrum import sum_groups

MAX_ITERATIONS = 60
EPSILON = 2.220446049250313e-16


@kernel
def _pole_sums(eigenvalue, weight, k, delta, sums):
    """Sums over the poles at and above lambda_k, and below it, at x = lambda_k - delta.

    sums[0], sums[1]: sum of W / (lambda - x) over lambda >= lambda_k, and of W / (lambda - x)^2;
    sums[2], sums[3]: sum of W / (x - lambda) over lambda < lambda_k, and of W / (x - lambda)^2;
    with W = w lambda^2. Distances are formed as (lambda - lambda_k) + delta: no cancellation near a pole.
    """
    # One division per pole and two loops without a branch: nearly all of the time is spent here.
    above = above_slope = below = below_slope = 0.0
    for j in range(k + 1):
        pole = 1.0 / ((eigenvalue[j] - eigenvalue[k]) + delta)
        term = weight[j] * eigenvalue[j] * eigenvalue[j] * pole
        above += term
        above_slope += term * pole
    for j in range(k + 1, eigenvalue.shape[0]):
        pole = 1.0 / ((eigenvalue[k] - eigenvalue[j]) - delta)
        term = weight[j] * eigenvalue[j] * eigenvalue[j] * pole
        below += term
        below_slope += term * pole
    sums[0], sums[1], sums[2], sums[3] = above, above_slope, below, below_slope


@kernel
def _secular_offset(eigenvalue, weight, eta, k, sums):
    """delta > 0 of the root x = lambda_k - delta next below lambda_k.

    Li's middle way: the sums over the poles on either side are replaced by one pole each, matched in value
    and slope at the present delta; the model's root is a quadratic equation's. Converges quadratically,
    from any start between the poles.
    """
    half = 0.5 * eta
    last = k == eigenvalue.shape[0] - 1
    gap = 0.0 if last else eigenvalue[k] - eigenvalue[k + 1]
    if last:
        delta = 0.0
        for j in range(eigenvalue.shape[0]):
            delta += half * weight[j] * eigenvalue[j] * eigenvalue[j]
    else:
        delta = min(0.5 * gap, half * weight[k] * eigenvalue[k] * eigenvalue[k])
    for _ in range(MAX_ITERATIONS):
        _pole_sums(eigenvalue, weight, k, delta, sums)
        above = half * sums[1] * delta * delta
        constant = 1.0 - half * (sums[0] - sums[1] * delta)
        if last:
            updated = above / constant
        else:
            room = gap - delta
            below = half * sums[3] * room * room
            constant += half * (sums[2] - sums[3] * room)
            b = constant * gap + above + below
            updated = 2.0 * above * gap / (b + math.sqrt(b * b - 4.0 * constant * above * gap))
        change = abs(updated - delta)
        delta = updated
        if change <= 4.0 * EPSILON * delta:
            break
    return delta


@kernel
def _mode(eigenvalue, weight, eta, k, sums):
    """The root x next below lambda_k: (lambda_k - x, x, sum_j w_j lambda_j / (lambda_j - x)), and its ``sums``."""
    L = eigenvalue.shape[0]
    delta = _secular_offset(eigenvalue, weight, eta, k, sums)
    _pole_sums(eigenvalue, weight, k, delta, sums)
    # as sum_j w lambda = 1, the secular equation is also x sum_j w lambda / (lambda - x) = 2/eta - 1: of x and
    # the sum this gives the one that would cancel from the other
    if k + 1 < L:
        x = eigenvalue[k] - delta
        return delta, x, (2.0 - eta) / (eta * x)
    numerator = 0.0
    for j in range(L):
        numerator += weight[j] * eigenvalue[j] / ((eigenvalue[j] - eigenvalue[k]) + delta)
    return delta, (2.0 - eta) / (eta * numerator), numerator


@kernel
def modes(eigenvalue, weight, eta, x, c, sums):
    """Rates and amplitudes of the exact curve: E(alpha) = e_0 sum_j c_j exp(-2 eta x_j alpha).

    ``eigenvalue`` (L,) descending and positive with mean 1, ``weight`` (L,) with sum 1; outputs ``x``,
    ``c`` (L,); ``sums`` (4,) is scratch. A repeated eigenvalue gets amplitude 0 at its own place. All
    amplitudes are positive below the critical rate, so the sum is accurate however small it gets.

    Near the critical rate the poles above a low level make up all but the share 1 - eta/2 + (w lambda of the levels
    from it on) of the secular equation's 1, so that low rates and amplitudes carry the rounding of a sum over it.
    """
    L = eigenvalue.shape[0]
    for k in range(L):
        if k + 1 < L and eigenvalue[k + 1] == eigenvalue[k]:
            x[k] = eigenvalue[k]
            c[k] = 0.0
            continue
        _, x[k], numerator = _mode(eigenvalue, weight, eta, k, sums)
        c[k] = (2.0 / eta) * numerator / (sums[1] + sums[3])


@kernel
def modes_from(eigenvalue, weight, initial, eta, x, c, amplitude, sums):
    """``modes`` of levels that start from any e_k(0) = initial (L,): E = sum_j amplitude_j exp(-2 eta x_j alpha).

    As x and c, those of equal starts, with sum_k w_k lambda_k e_k(0) / (lambda_k - x_j) in the numerator. It is split
    into e_j(0) times the numerator of equal starts and the sum of w_k lambda_k (e_k(0) - e_j(0)) / (lambda_k - x_j).
    Where e_k(0) grows with lambda_k, as for a source, no term of that is negative, above or below x_j: below the
    critical rate all amplitudes are positive and nothing cancels.
    """
    L = eigenvalue.shape[0]
    for k in range(L):
        if k + 1 < L and eigenvalue[k + 1] == eigenvalue[k]:
            x[k] = eigenvalue[k]
            c[k] = amplitude[k] = 0.0
            continue
        delta, x[k], numerator = _mode(eigenvalue, weight, eta, k, sums)
        contrast = 0.0
        for j in range(L):
            if j != k:
                distance = (eigenvalue[j] - eigenvalue[k]) + delta
                contrast += weight[j] * eigenvalue[j] * (initial[j] - initial[k]) / distance
        c[k] = (2.0 / eta) * numerator / (sums[1] + sums[3])
        amplitude[k] = (2.0 / eta) * (initial[k] * numerator + contrast) / (sums[1] + sums[3])


@kernel
def mode_levels(eigenvalue, weight, eta, x, part, share):
    """share (L, n): how E of each mode, of rate ``x`` as ``modes`` finds it, is spread over groups of levels.

    In mode j e_k is proportional to lambda_k / (lambda_k - x_j), and level k's part of E is (eta/2) w_k lambda_k^2 /
    (lambda_k - x_j); by the secular equation these sum to 1. The distance from x_j to its own level, which may be
    within the rounding of x_j, is not needed: that level has what the others leave. Eigenvalues must differ; part (L,)
    is scratch; the groups are those of :func:`lib.kernels.spectrum.sum_groups`.
    """
    L = eigenvalue.shape[0]
    for j in range(L):
        others = 0.0
        for k in range(L):
            if k != j:
                part[k] = 0.5 * eta * weight[k] * eigenvalue[k] * eigenvalue[k] / (eigenvalue[k] - x[j])
                others += part[k]
        part[j] = 1.0 - others
        sum_groups(part, share[j])


@kernel
def decayed_levels(rate, amplitude, share, scale, alpha, out):
    """out_g = scale * sum_j share_jg amplitude_j exp(-rate_j alpha): a ``decay_sum``, group of levels by group."""
    for g in range(out.shape[0]):
        out[g] = 0.0
    for j in range(rate.shape[0]):
        term = scale * amplitude[j] * math.exp(-rate[j] * alpha)
        for g in range(out.shape[0]):
            out[g] += share[j, g] * term


@kernel
def decay_sum(rate, amplitude, scale, alpha, out):
    """out_i = scale * sum_j amplitude_j exp(-rate_j alpha_i)."""
    for i in range(alpha.shape[0]):
        total = 0.0
        for j in range(rate.shape[0]):
            total += amplitude[j] * math.exp(-rate[j] * alpha[i])
        out[i] = scale * total


@kernel
def missing_levels(amplitude, beta, L):
    """amplitude times sum over k > L of k^-(1+beta), as an integral: what a finite number of levels lacks.

    :func:`lib.linear.offset` takes a power in place of exp and log, and differs in the last bits.
    """
    return amplitude * math.exp(-beta * math.log(L + 0.5)) / beta


@kernel
def _scheduled_step(eigenvalue, mass, before, after, passed, noise, e, out):
    """One step of e_k' = -2 lambda_k e_k + eta lambda_k (E + noise) in the time ``passed``, the integral of eta.

    The decay is exact. The source, eta (E + noise) with eta from ``before`` to ``after``, is linear over the step, and
    its end holds the new E, which the step determines: implicit, and exact where a level has settled.
    Returns the new E; negative or nan where the step is too long for a rate beyond the critical one.
    """
    E = 0.0
    for k in range(eigenvalue.shape[0]):
        E += mass[k] * e[k]
    start = before * (E + noise)
    explicit, returned = 0.0, 0.0
    for k in range(eigenvalue.shape[0]):
        z = 2.0 * eigenvalue[k] * passed
        # weights of the source at both ends: integrals of exp(-z v) v and exp(-z v) (1 - v) over v from 0 to 1
        if z > 0.02:
            decay = math.exp(-z)
            first, last = (1.0 - (1.0 + z) * decay) / (z * z), (z - 1.0 + decay) / (z * z)
        else:
            decay = math.exp(-z)
            first = 0.5 - z * (1.0 / 3.0 - z * (1.0 / 8.0 - z * (1.0 / 30.0 - z * (1.0 / 144.0 - z / 840.0))))
            last = 0.5 - z * (1.0 / 6.0 - z * (1.0 / 24.0 - z * (1.0 / 120.0 - z * (1.0 / 720.0 - z / 5040.0))))
        out[k] = decay * e[k] + eigenvalue[k] * passed * first * start
        explicit += mass[k] * out[k]
        returned += mass[k] * eigenvalue[k] * passed * last
    E = (explicit + returned * after * noise) / (1.0 - returned * after)
    end = after * (E + noise)
    for k in range(eigenvalue.shape[0]):
        z = 2.0 * eigenvalue[k] * passed
        if z > 0.02:
            last = (z - 1.0 + math.exp(-z)) / (z * z)
        else:
            last = 0.5 - z * (1.0 / 6.0 - z * (1.0 / 24.0 - z * (1.0 / 120.0 - z * (1.0 / 720.0 - z / 5040.0))))
        out[k] += eigenvalue[k] * passed * last * end
    return E


@kernel
def scheduled_steps(eigenvalue, mass, rates, noise, e, whole, half, out):
    """A step of the flow with a rate that changes, as one and as two halves; ``out`` is their extrapolation.

    ``rates`` (3, 3): for the whole step and each half the rate at its start, at its end, and its integral.
    Returns the largest relative difference of one and two, over 3: the error of two, an upper bound of that of ``out``;
    infinite where a step failed.
    """
    first = _scheduled_step(eigenvalue, mass, rates[0, 0], rates[0, 1], rates[0, 2], noise, e, whole)
    second = _scheduled_step(eigenvalue, mass, rates[1, 0], rates[1, 1], rates[1, 2], noise, e, half)
    third = _scheduled_step(eigenvalue, mass, rates[2, 0], rates[2, 1], rates[2, 2], noise, half, out)
    if not (first >= 0.0 and second >= 0.0 and third >= 0.0):
        return math.inf
    worst = 0.0
    for k in range(eigenvalue.shape[0]):
        gap = (out[k] - whole[k]) / 3.0
        if not abs(gap) <= worst * out[k]:
            worst = abs(gap) / out[k] if out[k] > 0.0 else (math.inf if gap != 0.0 else worst)
        out[k] += gap
    return worst


@kernel
def finite_size_advance(rate, mass, eta, N, e, steps):
    """``steps`` steps of the mean of e_k (L,) under SGD at finite N, in place; returns E after them.

    ``rate`` (L,) holds lambda_k, or 0 where nothing is learned; ``mass`` (L,) holds w_k lambda_k.

    Exact: the average over one Gaussian input of (Delta . xi)^2 xi_j^2 adds 2 lambda_j^2 Delta_j^2 to the
    flow's lambda_j E.
    """
    L = rate.shape[0]
    error = 0.0
    for k in range(L):
        error += mass[k] * e[k]
    for _ in range(steps):
        following = 0.0
        for k in range(L):
            g = eta * rate[k] / N
            e[k] += -2.0 * g * (1.0 - g) * e[k] + eta * g * error
            following += mass[k] * e[k]
        error = following
    return error
