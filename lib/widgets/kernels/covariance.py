"""Eigenvalues of the covariance of a table of numbers, a slice at a time: what a page does with the reader's file.

The same three kernels as an experiment's (:mod:`lib.widgets.experiment`), with p = (rows, columns, relative spacing
of the numbers as stored) and ``data`` the values row by row. Samples are rows. The eigenvalues are squares of the
singular values of the centred samples, as in :func:`lib.core.spectra.eigenbasis`: Householder reflections make the
samples, or their transpose, a triangle, then two diagonals; these, over a zero diagonal, make a symmetric tridiagonal
matrix with the eigenvalues +-sigma, whose eigenvalues the implicit QL iteration finds.

``work`` holds the output: the number of directions in which the samples vary, and their eigenvalues, descending and of
mean 1 (a spectrum as :class:`lib.Spectrum` has it); then scratch (:class:`Table`).
"""

import math
from collections import namedtuple

from ...compiler.dot import dot
from ...compiler.jit import kernel
from ...compiler.layout import read, record, take

# Multiply-adds in a slice: some 10 ms in a browser.
SLICE = 1e7
EPSILON = 2.220446049250313e-16
# QL takes fewer than two iterations for an eigenvalue on average, and never came near this.
ITERATIONS = 60


Controls = record("Controls", rows=int, columns=int, spacing=float)
Table = namedtuple(
    "Table",
    # the output: number of directions (1,) and eigenvalues (m,), m the smaller of rows and columns
    "count values"
    # reflections done, multiply-adds spent, and the size of the numbers as given, (1,) each
    " step spent norm"
    # the diagonal and the off-diagonal (2 m,); the centred samples (m, length), which become the triangle
    " diagonal off_diagonal vectors"
    # where it ends
    " end",
)


@kernel(inline=True)
def layout(c, work):
    """The parts of ``work``."""
    m = min(c.rows, c.columns)
    count, at = take(work, 0, (1,))
    values, at = take(work, at, (m,))
    step, at = take(work, at, (1,))
    spent, at = take(work, at, (1,))
    norm, at = take(work, at, (1,))
    diagonal, at = take(work, at, (2 * m,))
    off_diagonal, at = take(work, at, (2 * m,))
    vectors, at = take(work, at, (m, max(c.rows, c.columns)))
    return Table(count, values, step, spent, norm, diagonal, off_diagonal, vectors, at)


@kernel
def table_size(p, data):
    """Doubles that ``work`` must hold."""
    return float(layout(read(Controls, p), p).end)


@kernel
def table_start(p, data, work):
    """Centre the samples: ``vectors`` are the features (or, if there are fewer samples, the samples)."""
    c = read(Controls, p)
    rows, columns = c.rows, c.columns
    s = layout(c, work)
    s.count[0] = s.step[0] = s.spent[0] = 0.0
    largest = 0.0
    for i in range(rows * columns):
        largest = max(largest, abs(data[i]))
    unit = 1.0 / largest if largest > 0.0 else 0.0  # squares of any data stay in the range of doubles
    square = 0.0
    for j in range(columns):
        mean = rest = 0.0
        for i in range(rows):
            mean += unit * data[i * columns + j]
        mean /= rows
        for i in range(rows):  # what rounding left of a mean that is large compared with the variation
            rest += unit * data[i * columns + j] - mean
        rest /= rows
        for i in range(rows):
            given = unit * data[i * columns + j]
            square += given * given
            if columns <= rows:
                s.vectors[j, i] = given - mean - rest
            else:
                s.vectors[i, j] = given - mean - rest
    s.norm[0] = math.sqrt(square)
    return 0.0


@kernel
def _reflector(v):
    """Overwrite v by u with (1 - u u^T / h) v = a e_1; returns a and h, which is 0 where v is."""
    scale = 0.0
    for i in range(v.shape[0]):
        scale = max(scale, abs(v[i]))
    if scale == 0.0:
        return 0.0, 0.0
    square = 0.0
    for i in range(v.shape[0]):
        v[i] /= scale
        square += v[i] * v[i]
    norm = math.sqrt(square)
    if v[0] > 0.0:
        norm = -norm
    h = square - v[0] * norm
    v[0] -= norm
    return scale * norm, h


@kernel
def _reflect_rows(vectors, first, start, stop, u, h):
    """Rows ``first`` on, columns ``start`` to ``stop``, times 1 - u u^T / h."""
    for j in range(first, vectors.shape[0]):
        row = vectors[j, start:stop]
        share = dot(row, u) / h
        for i in range(u.shape[0]):
            row[i] -= share * u[i]


@kernel
def _triangle(k, vectors):
    """Reflect row k and those below it so that the row ends at the diagonal."""
    row = vectors[k, k:]
    diagonal, h = _reflector(row)
    if h > 0.0:
        _reflect_rows(vectors, k + 1, k, vectors.shape[1], row, h)
    for i in range(row.shape[0]):
        row[i] = 0.0
    row[0] = diagonal


@kernel
def _two_diagonals(k, vectors, off, scratch):
    """Clear column k below the diagonal and row k behind its neighbour, in the leading square.

    ``off`` gets the two numbers that are left.
    """
    m = vectors.shape[0]
    column, sums = scratch[: m - k], scratch[m : 2 * m - k - 1]
    for i in range(k, m):
        column[i - k] = vectors[i, k]
    off[2 * k + 1], h = _reflector(column)
    if k == m - 1:
        return
    if h > 0.0:
        for j in range(sums.shape[0]):
            sums[j] = 0.0
        for i in range(k, m):
            row, share = vectors[i, k + 1 : m], column[i - k]
            for j in range(sums.shape[0]):
                sums[j] += share * row[j]
        for i in range(k, m):
            row, share = vectors[i, k + 1 : m], column[i - k] / h
            for j in range(sums.shape[0]):
                row[j] -= share * sums[j]
    row = vectors[k, k + 1 : m]
    off[2 * k + 2], h = _reflector(row)
    if h > 0.0:
        _reflect_rows(vectors, k + 1, k + 1, m, row, h)


@kernel
def tridiagonal_eigenvalues(d, e):
    """Overwrite the diagonal d (m,) by the eigenvalues, descending; e (m,), e[i] between d[i - 1] and d[i], is lost.

    To some roundings of the largest: what is less than one is taken for zero.
    """
    m = d.shape[0]
    largest = 0.0
    for i in range(m):
        largest = max(largest, abs(d[i]))
    for i in range(1, m):
        e[i - 1] = e[i]
        largest = max(largest, abs(e[i]))
    e[m - 1] = 0.0
    for first in range(m):
        for _ in range(ITERATIONS):
            last = first
            while last < m - 1 and abs(e[last]) > 0.5 * EPSILON * largest:
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
    """Some reflections, or at the end the iteration; the fraction of all that is done."""
    c = read(Controls, p)
    s = layout(c, work)
    m, length = s.vectors.shape
    step, spent = int(s.step[0]), 0.0
    whole = m * m * (length - m / 3.0) + m * m * m * (4.0 / 3.0)
    while step < 2 * m and spent < SLICE:
        left = m - step % m
        if step < m:
            _triangle(step, s.vectors)
            spent += 2.0 * left * (length - step)
        else:
            _two_diagonals(step - m, s.vectors, s.off_diagonal, s.diagonal)
            spent += 4.0 * left * left
        step += 1
    s.step[0] = step
    s.spent[0] += spent
    if step < 2 * m:
        return min(0.999, s.spent[0] / whole)
    values, diagonal = s.values, s.diagonal
    for i in range(2 * m):
        diagonal[i] = 0.0
    tridiagonal_eigenvalues(diagonal, s.off_diagonal)
    rounding = 0.5 * c.spacing * s.norm[0] + length * EPSILON * diagonal[0]
    count, mean = 0, 0.0
    while count < m and diagonal[count] > rounding:
        values[count] = diagonal[count] * diagonal[count]
        mean += values[count]
        count += 1
    for k in range(count):
        values[k] *= count / mean
    s.count[0] = count
    return 1.0
