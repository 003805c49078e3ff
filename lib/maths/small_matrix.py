"""Dense linear algebra for matrices of a few dozen rows, where a page has no LAPACK."""

import math

from ..compiler.jit import kernel

# Cyclic Jacobi converges quadratically: a symmetric matrix of 30 rows needs fewer than 10 sweeps.
_SWEEPS = 30


@kernel
def diagonalise(A, V):
    """Overwrite the symmetric A (K, K) by V^T A V, diagonal to rounding, with V (K, K) orthogonal."""
    K = A.shape[0]
    for i in range(K):
        for j in range(K):
            V[i, j] = 1.0 if i == j else 0.0
    for _ in range(_SWEEPS):
        rotated = False
        for i in range(K - 1):
            for j in range(i + 1, K):
                # smaller than the rounding of both diagonal elements
                if abs(A[i, j]) <= 1e-17 * (abs(A[i, i]) + abs(A[j, j])):
                    continue
                rotated = True
                cotangent = 0.5 * (A[j, j] - A[i, i]) / A[i, j]  # of twice the angle
                tangent = 1.0 / (abs(cotangent) + math.sqrt(1.0 + cotangent * cotangent))
                if cotangent < 0.0:
                    tangent = -tangent
                cosine = 1.0 / math.sqrt(1.0 + tangent * tangent)
                sine = tangent * cosine
                for k in range(K):
                    x, y = A[k, i], A[k, j]
                    A[k, i], A[k, j] = cosine * x - sine * y, sine * x + cosine * y
                    x, y = V[k, i], V[k, j]
                    V[k, i], V[k, j] = cosine * x - sine * y, sine * x + cosine * y
                for k in range(K):
                    x, y = A[i, k], A[j, k]
                    A[i, k], A[j, k] = cosine * x - sine * y, sine * x + cosine * y
        if not rotated:
            return


@kernel
def factorise(A, pivot):
    """Overwrite A (m, m) by its LU factors with row exchanges, whose rows go to pivot (m,)."""
    m = A.shape[0]
    for k in range(m):
        best = k
        for i in range(k + 1, m):
            if abs(A[i, k]) > abs(A[best, k]):
                best = i
        pivot[k] = best
        if best != k:
            for j in range(m):
                A[k, j], A[best, j] = A[best, j], A[k, j]
        for i in range(k + 1, m):
            A[i, k] /= A[k, k]
            factor = A[i, k]
            for j in range(k + 1, m):
                A[i, j] -= factor * A[k, j]


@kernel
def back_substitute(A, pivot, x):
    """Overwrite x (m,) by the solution of the system that :func:`factorise` left in A, pivot."""
    m = A.shape[0]
    for k in range(m):
        best = int(pivot[k])
        x[k], x[best] = x[best], x[k]
    for i in range(m):
        rest = x[i]  # in a register: every element waits for the one before
        for j in range(i):
            rest -= A[i, j] * x[j]
        x[i] = rest
    for i in range(m - 1, -1, -1):
        rest = x[i]
        for j in range(i + 1, m):
            rest -= A[i, j] * x[j]
        x[i] = rest / A[i, i]


@kernel
def solve_without_exchange(A, x):
    """Overwrite x (m,) by the solution of A z = x, and A (m, m), symmetric and positive definite, by its elimination.

    Such a matrix needs no exchange of rows.
    """
    m = A.shape[0]
    for pivot in range(m):
        for row in range(pivot + 1, m):
            factor = A[row, pivot] / A[pivot, pivot]
            for column in range(pivot, m):
                A[row, column] -= factor * A[pivot, column]
            x[row] -= factor * x[pivot]
    for row in range(m - 1, -1, -1):
        for column in range(row + 1, m):
            x[row] -= A[row, column] * x[column]
        x[row] /= A[row, row]


@kernel
def solve(A, x):
    """Overwrite x (m,) by the solution y of A y = x, and A (m, m) by scratch.

    Pivots divide by their reciprocals, as in LAPACK: the same bits as numpy.linalg.solve for two rows.
    """
    m = A.shape[0]
    for k in range(m):
        best = k
        for i in range(k + 1, m):
            if abs(A[i, k]) > abs(A[best, k]):
                best = i
        x[k], x[best] = x[best], x[k]
        for j in range(m):
            A[k, j], A[best, j] = A[best, j], A[k, j]
        reciprocal = 1.0 / A[k, k]
        for i in range(k + 1, m):
            factor = A[i, k] * reciprocal
            for j in range(k + 1, m):
                A[i, j] -= factor * A[k, j]
            x[i] -= factor * x[k]
    for i in range(m - 1, -1, -1):
        for j in range(i + 1, m):
            x[i] -= A[i, j] * x[j]
        x[i] /= A[i, i]


@kernel
def rotate(V, X, scratch):
    """Overwrite X (K, P): its first K columns by V^T X V, the others by V^T X; scratch (P,)."""
    K, P = X.shape
    for a in range(P):
        for i in range(K):
            scratch[i] = X[i, a]
        for i in range(K):
            total = 0.0
            for k in range(K):
                total += V[k, i] * scratch[k]
            X[i, a] = total
    for i in range(K):
        for j in range(K):
            scratch[j] = X[i, j]
        for j in range(K):
            total = 0.0
            for k in range(K):
                total += scratch[k] * V[k, j]
            X[i, j] = total
