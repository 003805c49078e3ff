"""Quadratic units: the averages behind their flow as polynomials of the fields' covariance.

Student sigma = sum_i v_i x_i^2, teacher zeta = sum_n u_n y_n^2, with output weights of each unit's own: ``outputs``
(P,) is the diagonal of A = diag(-v_1, ..., -v_K, u_1, ..., u_M), C (P, P) the covariance of the fields (x, y). The
error is centred: zeta - sigma less its mean under the present weights, which the step does not differentiate. With
z = (x, y), all follows from <x_i z_a (z^T A z - tr AC)> = 2 (CAC)_ia and Wick's theorem for two such factors.
"""

from ..compiler.jit import kernel
from .slopes import place


@kernel
def error(C, outputs):
    """eps_g = <(zeta - sigma - mean)^2> / 2 = tr(ACAC). Costs P^2."""
    total = 0.0
    for a in range(C.shape[0]):
        for b in range(C.shape[0]):
            total += outputs[a] * outputs[b] * C[a, b] * C[a, b]
    return total


@kernel
def largest_error(C, outputs):
    """The sum of the absolute values of the terms of :func:`error`, to which its rounding is proportional."""
    total = 0.0
    for a in range(C.shape[0]):
        for b in range(C.shape[0]):
            total += abs(outputs[a] * outputs[b]) * C[a, b] * C[a, b]
    return total


@kernel(hot=True)
def _product(C, outputs, F):
    """F (K, P) = the students' rows of CAC. Costs K P^2."""
    K, P = F.shape
    for i in range(K):
        row = F[i]
        for b in range(P):
            row[b] = 0.0
        for a in range(P):
            factor = C[i, a] * outputs[a]
            for b in range(P):
                row[b] += factor * C[a, b]


@kernel
def coefficients(C, outputs, D, G):
    """Coefficients of the block flow, D (K, P) and G (K, K), as ``averages.coefficients`` writes them.

    delta_i = 2 v_i x_i (zeta - sigma - mean) has the drift D^x_ij = -4 v_i v_j Q_ij, D^y_in = 4 v_i u_n R_in, and
    the noise G_ij = <delta_i delta_j> = 4 v_i v_j (2 C tr(ACAC) + 8 CACAC)_ij. Costs K P^2.
    """
    K, P = D.shape
    eps = error(C, outputs)
    _product(C, outputs, D)
    for i in range(K):
        for j in range(i + 1):
            total = 0.0
            for a in range(P):
                total += D[i, a] * outputs[a] * C[a, j]
            G[i, j] = 4.0 * outputs[i] * outputs[j] * (2.0 * C[i, j] * eps + 8.0 * total)
            G[j, i] = G[i, j]
    for i in range(K):
        for a in range(P):
            D[i, a] = -4.0 * outputs[i] * outputs[a] * C[i, a]


@kernel(hot=True)
def slopes(C, outputs, slope_D, slope_G):
    """Derivatives of :func:`coefficients` with respect to the totals, packed as in :mod:`lib.kernels.slopes`.

    slope_D (K, P, m), slope_G (K, K, m) with m = K (K + 1)/2 + K M. With F = CAC and the change of C in the elements
    ab and ba, CACAC changes by dC AF + CA dC AC + FA dC. Costs K P m.
    """
    K, P, m = slope_D.shape
    eps = error(C, outputs)
    # F (K, P) stays in slope_D while it is needed, in the place of the first elements
    for i in range(K):
        for b in range(P):
            total = 0.0
            for a in range(P):
                total += C[i, a] * outputs[a] * C[a, b]
            slope_D[i, b, 0] = total
    for i in range(K):
        for j in range(i + 1):
            scale = 4.0 * outputs[i] * outputs[j]
            row, mirror = slope_G[i, j], slope_G[j, i]
            for a in range(K):
                A_a = outputs[a]
                through_a, back_a = C[i, a] * A_a, C[j, a] * A_a
                at = place(a, a, P)
                for b in range(a, P):
                    A_b = outputs[b]
                    change = 8.0 * (through_a * C[j, b] * A_b + back_a * C[i, b] * A_b)
                    change += 8.0 * C[i, j] * A_a * A_b * C[a, b]
                    if b == a:
                        change *= 0.5
                    row[at + b - a] = scale * change
            # dC AF and FA dC, and the change of C_ij itself, touch only pairs with i or j
            for b in range(P):
                _add(row, i, b, P, K, scale * 8.0 * outputs[b] * slope_D[j, b, 0])
                _add(row, j, b, P, K, scale * 8.0 * outputs[b] * slope_D[i, b, 0])
            _add(row, i, j, P, K, scale * 2.0 * eps)
            for x in range(m):
                mirror[x] = row[x]
    for i in range(K):
        for a in range(P):
            for x in range(m):
                slope_D[i, a, x] = 0.0
            _add(slope_D[i, a], i, a, P, K, -4.0 * outputs[i] * outputs[a])


@kernel(inline=True)
def _add(row, a, b, P, K, value):
    """Add ``value`` to the derivative (m,) by C_ab, of which a or b is a student."""
    first, second = min(a, b), max(a, b)
    if first < K:
        row[place(first, second, P)] += value
