"""The order-parameter flow: one-pass SGD in the limit N -> infinity, block by block.

The state is the list of block overlaps r (L, K, M) and q (L, K, K) of the students; t (L, M, M) of the
teachers is constant. Blocks talk only through the totals, for instance R = sum_k w_k lambda_k r^k::

    dr^k/dalpha = eta lambda_k (Dx r^k + Dy t^k)
    dq^k/dalpha = eta lambda_k (Dx q^k + Dy r^k^T + transpose) + eta^2 lambda_k G
"""

from ..compiler.jit import kernel
from .averages import assemble, coefficients


@kernel
def total(weight, eigenvalue, block, out):
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
def velocity(eigenvalue, r, q, t, D, G, eta, dr, dq):
    """Right-hand side of the flow, given its coefficients D = [Dx | Dy] and G at the present totals."""
    L, K, M = r.shape
    for k in range(L):
        pace = eta * eigenvalue[k]
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
def flow(eigenvalue, weight, t, T, eta, v, u, activity, r, q, dr, dq, Q, R, C, D, G):
    """The whole right-hand side: totals Q, R, covariance C, coefficients D, G, then dr and dq."""
    K = r.shape[1]
    total(weight, eigenvalue, r, R)
    total(weight, eigenvalue, q, Q)
    assemble(Q, R, T, C)
    coefficients(C, K, v, u, activity, D, G)
    velocity(eigenvalue, r, q, t, D, G, eta, dr, dq)
