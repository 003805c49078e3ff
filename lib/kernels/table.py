"""Eigenvalues of the covariance of a table of numbers, a slice at a time: what a page does with the reader's file.

The same three kernels as an experiment's (:mod:`lib.widgets.experiment`), with p = (rows, columns) and ``data`` the
values row by row. Samples are rows. Of the covariance X^T X / n and the matrix X X^T / n, which have the same
non-zero eigenvalues, the smaller is built, reduced to tridiagonal form by Householder reflections, and that
is diagonalised by the implicit QL iteration: eigenvalues only.

``work`` holds the output: the number of directions in which the samples vary, and their eigenvalues, descending and of
mean 1 (a spectrum as :class:`lib.Spectrum` has it); then how far the work is, two vectors with a value per row of the
matrix, the samples, centred, and the matrix.
"""

import math

from .jit import kernel
from .lanes import dot
from .views import view

# Multiply-adds in a slice: some 10 ms in a browser.
SLICE = 1e7
EPSILON = 2.220446049250313e-16
# QL takes fewer than two iterations for an eigenvalue on average, and never came near this.
ITERATIONS = 60
# As lib.spectra.RELATIVE_ZERO: less variance than this share of the largest is rounding, not data.
RELATIVE_ZERO = 1e-12


@kernel
def table_size(p, data):
    """Doubles that ``work`` must hold."""
    rows, columns = int(p[0]), int(p[1])
    m = min(rows, columns)
    return 2.0 + 3.0 * m + rows * columns + m * m


@kernel
def _parts(p, work):
    """Views of ``work``: eigenvalues, off-diagonal, reflection (m,); vectors (m, length); matrix (m, m)."""
    rows, columns = int(p[0]), int(p[1])
    m, length = min(rows, columns), max(rows, columns)
    at = 2 + 3 * m
    return (view(work, 1, (m,)), view(work, 2 + m, (m,)), view(work, 2 + 2 * m, (m,)),
            view(work, at, (m, length)), view(work, at + m * length, (m, m)))


@kernel
def table_start(p, data, work):
    """Centre the samples: ``vectors`` are the features (or, if there are fewer samples, the samples)."""
    rows, columns = int(p[0]), int(p[1])
    values, off, reflection, vectors, matrix = _parts(p, work)
    work[0] = work[1 + values.shape[0]] = 0.0
    largest = 0.0
    for i in range(rows * columns):
        largest = max(largest, abs(data[i]))
    unit = 1.0 / largest if largest > 0.0 else 0.0  # squares of any data stay in the range of doubles
    for j in range(columns):
        mean = 0.0
        for i in range(rows):
            mean += unit * data[i * columns + j]
        mean /= rows
        for i in range(rows):
            if columns <= rows:
                vectors[j, i] = unit * data[i * columns + j] - mean
            else:
                vectors[i, j] = unit * data[i * columns + j] - mean
    return 0.0


@kernel
def _reflect(matrix, k, diagonal, off, v):
    """Clear row k of the symmetric ``matrix`` (its lower triangle) left of the tridiagonal, rows 0 to k - 1 going along.

    The Householder vector v (k,) of row k; then A <- A - v q^T - q v^T with q = A v / h - v (v.A v) / (2 h^2).
    """
    row = matrix[k]
    diagonal[k] = row[k]
    scale = 0.0
    for j in range(k - 1):
        scale = max(scale, abs(row[j]))
    if k == 0 or scale == 0.0:
        off[k] = row[k - 1] if k > 0 else 0.0
        return
    scale = max(scale, abs(row[k - 1]))
    square = 0.0
    for j in range(k):
        v[j] = row[j] / scale
        square += v[j] * v[j]
    norm = math.sqrt(square)
    if v[k - 1] > 0.0:
        norm = -norm
    off[k] = scale * norm
    h = square - v[k - 1] * norm
    v[k - 1] -= norm
    # q goes to row k, which is done with
    for i in range(k):
        row[i] = 0.0
    for i in range(k):
        other = matrix[i]
        row[i] += dot(other[: i + 1], v[: i + 1])
        for j in range(i):
            row[j] += other[j] * v[i]
    half = 0.0
    for i in range(k):
        row[i] /= h
        half += row[i] * v[i]
    half /= 2.0 * h
    for i in range(k):
        row[i] -= half * v[i]
    for i in range(k):
        other, vi, qi = matrix[i], v[i], row[i]
        for j in range(i + 1):
            other[j] -= vi * row[j] + qi * v[j]


@kernel
def tridiagonal_eigenvalues(d, e):
    """Overwrite the diagonal d (m,) by the eigenvalues, descending; e (m,), e[i] beside d[i - 1] and d[i], is lost."""
    m = d.shape[0]
    for i in range(1, m):
        e[i - 1] = e[i]
    e[m - 1] = 0.0
    for first in range(m):
        for _ in range(ITERATIONS):
            last = first
            while last < m - 1 and abs(e[last]) > EPSILON * (abs(d[last]) + abs(d[last + 1])):
                last += 1
            if last == first:
                break
            # Wilkinson's shift, then a chase of the bulge from the bottom up
            g = (d[first + 1] - d[first]) / (2.0 * e[first])
            r = math.sqrt(g * g + 1.0)
            g = d[last] - d[first] + e[first] / (g + (r if g >= 0.0 else -r))
            s = c = 1.0
            p = 0.0
            i = last - 1
            while i >= first:
                f, b = s * e[i], c * e[i]
                r = math.sqrt(f * f + g * g)
                e[i + 1] = r
                if r == 0.0:
                    d[i + 1] -= p
                    e[last] = 0.0
                    break
                s, c = f / r, g / r
                g = d[i + 1] - p
                r = (d[i] - g) * s + 2.0 * c * b
                p = s * r
                d[i + 1] = g + p
                g = c * r - b
                i -= 1
            if i < first:
                d[first] -= p
                e[first] = g
                e[last] = 0.0
    for i in range(1, m):
        value, j = d[i], i
        while j > 0 and d[j - 1] < value:
            d[j] = d[j - 1]
            j -= 1
        d[j] = value


@kernel
def table_advance(p, data, work):
    """Some rows of the matrix, or some reflections, or at the end the iteration; the fraction of all that is done."""
    rows, columns = int(p[0]), int(p[1])
    values, off, reflection, vectors, matrix = _parts(p, work)
    m, length = vectors.shape
    done = 1 + m
    step, spent = int(work[done]), 0.0
    building, reducing = 0.5 * m * m * length, m * m * m * (2.0 / 3.0)
    while step < 2 * m and spent < SLICE:
        if step < m:
            for j in range(step + 1):
                matrix[step, j] = dot(vectors[step], vectors[j]) / rows
            spent += (step + 1.0) * length
        else:
            k = 2 * m - 1 - step
            _reflect(matrix, k, values, off, reflection)
            spent += 2.0 * (k + 1.0) * (k + 1.0)
        step += 1
    work[done] = step
    if step < m:
        return step / m * (step / m) * building / (building + reducing)
    if step < 2 * m:
        left = (2 * m - step) / m
        return min(0.999, 1.0 - left * left * left * reducing / (building + reducing))
    tridiagonal_eigenvalues(values, off)
    kept, mean = 0, 0.0
    while kept < m and values[kept] > RELATIVE_ZERO * values[0]:
        mean += values[kept]
        kept += 1
    for k in range(kept):
        values[k] *= kept / mean
    work[0] = kept
    return 1.0
