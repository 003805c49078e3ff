"""Averages over the Gaussian fields: from the overlaps Q, R, T to the flow's coefficients.

The fields x_i (students) and y_n (teachers) are jointly Gaussian with covariance
C = [[Q, R], [R^T, T]]; every average below is a function of C alone. ``activity`` is ERF or LINEAR here.
The networks' error is zeta - sigma = u sum_n g(y_n) - v sum_i g(x_i), with output weights v and u.
"""

import math
from collections import namedtuple

from ..compiler.jit import kernel

ERF = 0
LINEAR = 1
# Quadratic units, which may differ in their output weights: their averages are in lib.kernels.quadratic.
SQUARE = 4
# Output weights of students and teachers, and the activation of both.
Network = namedtuple("Network", "v u activity")

TWO_OVER_PI = 2.0 / math.pi


@kernel
def assemble(Q, R, T, C):
    """Write the covariance of all fields, C (P, P) with P = K + M, from Q (K, K), R (K, M), T (M, M)."""
    K, M = R.shape
    for i in range(K):
        for j in range(K):
            C[i, j] = Q[i, j]
        for n in range(M):
            C[i, K + n] = R[i, n]
            C[K + n, i] = R[i, n]
    for n in range(M):
        for m in range(M):
            C[K + n, K + m] = T[n, m]


@kernel
def _arcsine(x):
    """asin with the argument's rounding beyond [-1, 1] cut off; what is not a number stays so, thanks to the order."""
    return math.asin(min(max(x, -1.0), 1.0))


@kernel
def pair_average(C, a, b):
    """<g(u_a) g(u_b)> for erf: (2/pi) asin(C_ab / sqrt((1 + C_aa)(1 + C_bb)))."""
    return TWO_OVER_PI * _arcsine(C[a, b] / math.sqrt((1.0 + C[a, a]) * (1.0 + C[b, b])))


@kernel
def generalization_error(C, K, v, u, activity):
    """eps_g = <(zeta - sigma)^2> / 2."""
    P = C.shape[0]
    total = 0.0
    for a in range(P):
        for b in range(P):
            weight = (-v if a < K else u) * (-v if b < K else u)
            total += weight * (C[a, b] if activity == LINEAR else pair_average(C, a, b))
    return 0.5 * total


@kernel
def four_average(C, i, j, a, b):
    """<g'(u_i) g'(u_j) g(u_a) g(u_b)> for erf: the integral I4 of Saad & Solla (1995).

    Conditioning on the two primed fields tilts the Gaussian; what is left is an arcsine of the
    tilted covariance. With i = j or a, b among i, j the formula still holds.
    """
    cii = 1.0 + C[i, i]
    cjj = 1.0 + C[j, j]
    cij = C[i, j]
    det = cii * cjj - cij * cij
    cia, cja = C[i, a], C[j, a]
    cib, cjb = C[i, b], C[j, b]
    # det times the tilted covariance of (u_a, u_b)
    ab = det * C[a, b] - cjj * cia * cib - cii * cja * cjb + cij * (cia * cjb + cib * cja)
    aa = det * (1.0 + C[a, a]) - cjj * cia * cia - cii * cja * cja + 2.0 * cij * cia * cja
    bb = det * (1.0 + C[b, b]) - cjj * cib * cib - cii * cjb * cjb + 2.0 * cij * cib * cjb
    return TWO_OVER_PI * TWO_OVER_PI / math.sqrt(det) * _arcsine(ab / math.sqrt(aa * bb))


@kernel(hot=True)
def coefficients(C, K, v, u, activity, D, G):
    """Coefficients of the block flow: D (K, K + M) and G (K, K).

    By Stein's lemma <delta_i u> = sum_a D_ia <u u_a> for every u jointly Gaussian with the fields, where
    delta_i = v g'(x_i)(zeta - sigma): so D = [Dx | Dy] drives the mean motion of the student vectors,
    and G_ij = <delta_i delta_j> the noise of single examples.
    """
    P = C.shape[0]
    if activity == LINEAR:
        error = generalization_error(C, K, v, u, activity)
        for i in range(K):
            for a in range(P):
                D[i, a] = -v * v if a < K else v * u
            for j in range(K):
                G[i, j] = 2.0 * v * v * error
        return
    for i in range(K):
        own = 0.0
        for a in range(P):
            weight = v * (-v if a < K else u)
            # v * (output weight) * <g'(x_i) g'(u_a)>
            D[i, a] = weight * TWO_OVER_PI / math.sqrt((1.0 + C[i, i]) * (1.0 + C[a, a]) - C[i, a] * C[i, a])
            own += D[i, a] * C[i, a]
        # g''(x_i) also feels the error: the diagonal term
        D[i, i] -= own / (1.0 + C[i, i])
        for j in range(i + 1):
            total = 0.0
            for a in range(P):
                weight = -v if a < K else u
                total += weight * weight * four_average(C, i, j, a, a)
                for b in range(a):
                    total += 2.0 * weight * (-v if b < K else u) * four_average(C, i, j, a, b)
            G[i, j] = v * v * total
            G[j, i] = G[i, j]
