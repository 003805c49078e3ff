"""Derivatives of the flow's coefficients D and G with respect to the totals.

The totals that move are Z = [Q | R] (K, P) with P = K + M. Q being symmetric, they are numbered along the
upper trapezoid b >= i of Z: number ``place(i, b, P)`` of ``count(K, P)``. The slopes of D are an array
(K, P, count), those of G (K, K, count).
"""

import math

from ..compiler.jit import kernel
from .averages import LINEAR, TWO_OVER_PI


@kernel(inline=True)
def count(K, P):
    """Number of independent totals: K (K + 1) / 2 of Q and K M of R."""
    return K * P - (K * (K - 1)) // 2


@kernel(inline=True)
def place(i, b, P):
    """Number of the total Z_ib, i <= b."""
    return i * P - (i * (i - 1)) // 2 + b - i


@kernel
def pack(Z, z):
    """z (count,) = the independent elements of Z (K, P)."""
    K, P = Z.shape
    for i in range(K):
        for b in range(i, P):
            z[place(i, b, P)] = Z[i, b]


@kernel
def unpack(z, Z):
    """Z (K, P) from its independent elements z (count,)."""
    K, P = Z.shape
    for i in range(K):
        for b in range(i, P):
            Z[i, b] = z[place(i, b, P)]
            if b < K:
                Z[b, i] = Z[i, b]


@kernel(inline=True)
def _add(slope, a, b, K, P, value):
    """Add ``value``, a derivative by C_ab, to slope (count,); teachers' overlaps are constant."""
    first, second = min(a, b), max(a, b)
    if first < K:
        slope[place(first, second, P)] += value


@kernel
def _four_average_slope(C, K, i, j, a, b, weight, slope):
    """Add ``weight`` times the gradient of ``averages.four_average`` to slope (count,).

    The average is (2/pi)^2 det^(-1/2) asin(s), s = ab / sqrt(aa bb): differentiate det, ab, aa and bb
    with respect to the ten overlaps of the fields i, j, a, b, each as if it were independent; overlaps
    that coincide add up. |s| < 1 for every covariance, so that nothing is singular.
    """
    P = C.shape[0]
    cii, cjj, cij = 1.0 + C[i, i], 1.0 + C[j, j], C[i, j]
    cia, cja, cib, cjb, cab = C[i, a], C[j, a], C[i, b], C[j, b], C[a, b]
    caa, cbb = 1.0 + C[a, a], 1.0 + C[b, b]
    det = cii * cjj - cij * cij
    ab = det * cab - cjj * cia * cib - cii * cja * cjb + cij * (cia * cjb + cib * cja)
    aa = det * caa - cjj * cia * cia - cii * cja * cja + 2.0 * cij * cia * cja
    bb = det * cbb - cjj * cib * cib - cii * cjb * cjb + 2.0 * cij * cib * cjb
    s = ab / math.sqrt(aa * bb)
    scale = weight * TWO_OVER_PI * TWO_OVER_PI / math.sqrt(det)
    by_s = scale / math.sqrt(1.0 - s * s)
    by_ab = by_s / math.sqrt(aa * bb)
    by_aa = -0.5 * by_s * s / aa
    by_bb = -0.5 * by_s * s / bb
    # det itself, and det inside ab, aa and bb
    by_det = -0.5 * scale * math.asin(s) / det + by_ab * cab + by_aa * caa + by_bb * cbb
    _add(slope, a, b, K, P, by_ab * det)
    _add(slope, a, a, K, P, by_aa * det)
    _add(slope, b, b, K, P, by_bb * det)
    _add(slope, i, i, K, P, by_det * cjj - by_ab * cja * cjb - by_aa * cja * cja - by_bb * cjb * cjb)
    _add(slope, j, j, K, P, by_det * cii - by_ab * cia * cib - by_aa * cia * cia - by_bb * cib * cib)
    by_cij = by_ab * (cia * cjb + cib * cja) + 2.0 * (by_aa * cia * cja + by_bb * cib * cjb)
    _add(slope, i, j, K, P, by_cij - 2.0 * by_det * cij)
    _add(slope, i, a, K, P, by_ab * (cij * cjb - cjj * cib) + 2.0 * by_aa * (cij * cja - cjj * cia))
    _add(slope, j, a, K, P, by_ab * (cij * cib - cii * cjb) + 2.0 * by_aa * (cij * cia - cii * cja))
    _add(slope, i, b, K, P, by_ab * (cij * cja - cjj * cia) + 2.0 * by_bb * (cij * cjb - cjj * cib))
    _add(slope, j, b, K, P, by_ab * (cij * cia - cii * cja) + 2.0 * by_bb * (cij * cib - cii * cjb))


@kernel
def _linear_slopes(K, P, v, u, slope_G):
    """G_ij = 2 v^2 eps_g for every i, j, and D is constant."""
    for a in range(K):
        for b in range(a, P):
            slope = v * v * -v * (-v if b < K else u) * (1.0 if a == b else 2.0)
            for i in range(K):
                for j in range(K):
                    slope_G[i, j, place(a, b, P)] = slope


@kernel
def slopes(C, K, v, u, activity, slope_D, slope_G):
    """Derivatives of ``averages.coefficients`` with respect to the totals, at the covariance C (P, P)."""
    P = C.shape[0]
    slope_D[:] = 0.0
    slope_G[:] = 0.0
    if activity == LINEAR:
        _linear_slopes(K, P, v, u, slope_G)
        return
    for i in range(K):
        cii = 1.0 + C[i, i]
        own = slope_D[i, i]
        drift = 0.0
        for a in range(P):
            caa, cia = 1.0 + C[a, a], C[i, a]
            det = cii * caa - cia * cia
            value = v * (-v if a < K else u) * TWO_OVER_PI / math.sqrt(det)
            drift += value * cia
            by_det = -0.5 * value / det
            if a != i:
                _add(slope_D[i, a], i, i, K, P, by_det * caa)
                _add(slope_D[i, a], a, a, K, P, by_det * cii)
                _add(slope_D[i, a], i, a, K, P, -2.0 * by_det * cia)
            # the diagonal term - sum_a value_a C_ia / (1 + C_ii), and value_i itself
            share = (1.0 if a == i else 0.0) - cia / cii
            _add(own, i, i, K, P, share * by_det * caa)
            _add(own, a, a, K, P, share * by_det * cii)
            _add(own, i, a, K, P, -2.0 * share * by_det * cia - value / cii)
        _add(own, i, i, K, P, drift / (cii * cii))
        for j in range(i + 1):
            for a in range(P):
                weight = v * v * (-v if a < K else u)
                for b in range(a):
                    _four_average_slope(C, K, i, j, a, b, 2.0 * weight * (-v if b < K else u), slope_G[i, j])
                _four_average_slope(C, K, i, j, a, a, weight * (-v if a < K else u), slope_G[i, j])
            if j < i:
                for x in range(slope_G.shape[2]):  # an array assigned to a slice would allocate
                    slope_G[j, i, x] = slope_G[i, j, x]
