"""The order-parameter flow: one-pass SGD in the limit N -> infinity, block by block.

The state is the list of block overlaps r (L, K, M) and q (L, K, K) of the students; t (L, M, M) of the
teachers is constant. Blocks talk only through the totals, for instance R = sum_k w_k lambda_k r^k::

    dr^k/dalpha = eta lambda_k (Dx r^k + Dy t^k)
    dq^k/dalpha = eta lambda_k (Dx q^k + Dy r^k^T + transpose) + eta^2 lambda_k G
"""

from collections import namedtuple

from ..compiler.jit import kernel
from . import quadratic
from .averages import assemble, coefficients

# A spectrum and the overlaps on it: eigenvalue, weight (L,), r (L, K, M), q (L, K, K), t (L, M, M).
Levels = namedtuple("Levels", "eigenvalue weight r q t")
# What the right-hand side is made of: Q (K, K), R (K, M), the covariance of all fields C (P, P), D (K, P), G (K, K).
Totals = namedtuple("Totals", "Q R C D G")


@kernel
def total(eigenvalue, weight, block, out):
    """out (A, B) = sum_k w_k lambda_k block^k: the overlap of the fields from the blocks' overlaps."""
    L, A, B = block.shape
    for a in range(A):
        for b in range(B):
            out[a, b] = 0.0
    for k in range(L):
        mass = weight[k] * eigenvalue[k]
        for a in range(A):
            for b in range(B):
                out[a, b] += mass * block[k, a, b]


@kernel
def velocity(levels, D, G, eta, dr, dq):
    """Right-hand side of the flow, given its coefficients D = [Dx | Dy] and G at the present totals."""
    r, q, t = levels.r, levels.q, levels.t
    L, K, M = r.shape
    for k in range(L):
        pace = eta * levels.eigenvalue[k]
        for i in range(K):
            for n in range(M):
                rate = 0.0
                for j in range(K):
                    rate += D[i, j] * r[k, j, n]
                for m in range(M):
                    rate += D[i, K + m] * t[k, m, n]
                dr[k, i, n] = pace * rate
            for j in range(i + 1):
                rate = eta * G[i, j]
                for l in range(K):
                    rate += D[i, l] * q[k, l, j] + D[j, l] * q[k, l, i]
                for m in range(M):
                    rate += D[i, K + m] * r[k, j, m] + D[j, K + m] * r[k, i, m]
                dq[k, i, j] = pace * rate
                dq[k, j, i] = dq[k, i, j]


@kernel
def flow(levels, T, eta, network, totals, dr, dq):
    """Compute the whole right-hand side: the ``totals`` and coefficients, then the velocities dr and dq of r and q.

    levels: a :class:`Levels`; T (M, M); network: a ``Network`` of :mod:`lib.kernels.averages`; totals: a
    :class:`Totals`, written.
    """
    _sum_levels(levels, T, totals)
    coefficients(totals.C, levels.r.shape[1], network.v, network.u, network.activity, totals.D, totals.G)
    velocity(levels, totals.D, totals.G, eta, dr, dq)


@kernel
def square_flow(levels, T, eta, outputs, totals, dr, dq):
    """:func:`flow` of quadratic units with the output weights ``outputs`` (P,) of :mod:`lib.kernels.quadratic`."""
    _sum_levels(levels, T, totals)
    quadratic.coefficients(totals.C, outputs, totals.D, totals.G)
    velocity(levels, totals.D, totals.G, eta, dr, dq)


@kernel
def _sum_levels(levels, T, totals):
    """Q, R and C of the ``totals``."""
    total(levels.eigenvalue, levels.weight, levels.r, totals.R)
    total(levels.eigenvalue, levels.weight, levels.q, totals.Q)
    assemble(totals.Q, totals.R, T, totals.C)
