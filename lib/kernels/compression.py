"""A million levels on a few hundred nodes: the flow's totals as sums over Chebyshev points of log lambda.

Given the coefficients D(alpha) and G(alpha), all blocks obey one linear equation in which lambda is a
parameter. The student vectors of a block move as J(alpha) = P J(0) + S B + noise, so::

    r = P r_0 + S t,   q = P q_0 P^T + P r_0 S^T + S r_0^T P^T + S t S^T + n,

where P (K, K), S (K, M) and n (K, K), functions of lambda and alpha only, are entire in lambda. On a panel
of lambda they are replaced by their interpolants, f(lambda) = sum_j l_j(lambda) f(lambda_j). A panel's part
of a total, sum_k w_k lambda_k r^k, then is a sum over nodes of *blocks of the same equation*, block j with
eigenvalue lambda_j and the data r_0, q_0, t and noise strength

    sum_k w_k lambda_k l_j(lambda_k) (r^k_0, q^k_0, t^k, 1),

whatever the initial overlaps are: nothing is assumed of how they depend on k, unlike in :func:`lib.linear.condensed`,
whose rule needs equal initial errors. The integrator needs no change. A panel of
few levels is left as it is, so that a small spectrum is not changed at all.

Error. Relaxation makes P, S, n combinations of exp(-c lambda), c >= 0. Over all c, 24 Chebyshev points in
log lambda interpolate it on a panel lambda_top/10..lambda_top to better than ``ERROR`` of its maximum there:
of a total, this is at most the share ``ERROR`` of the panel's part of sum_k w_k lambda_k |r^k_0| and the
like. The test suite measures it.

Single levels. Blocks of mass 0, started from P = 1, S = 0, n = 0, carry P, S and n themselves on the
nodes; :func:`expand` interpolates them and returns the overlaps of every level.
"""

import math
from collections import namedtuple

import numpy as np

from ..compiler.jit import kernel
from ..compiler.views import view

SPAN = 10.0
POINTS = 24
ERROR = 1e-12

_ANGLE = (np.arange(POINTS) + 0.5) * np.pi / POINTS
POINT = np.cos(_ANGLE)  # Chebyshev points of [-1, 1] and their barycentric weights
BARYCENTRIC = (-1.0) ** np.arange(POINTS) * np.sin(_ANGLE)

# Scratch of expand: Lagrange polynomials (POINTS,), [P | S] and n at the nodes of a panel (times, POINTS, K (2 K + M))
# and at a level (K (2 K + M),).
Expansion = namedtuple("Expansion", "share nodes values")


@kernel
def _panel_end(eigenvalue, first):
    """One past the last level of the panel that begins with level ``first``; eigenvalues descend."""
    end = first
    while end < eigenvalue.shape[0] and eigenvalue[end] * SPAN > eigenvalue[first]:
        end += 1
    return end


@kernel(inline=True)
def _carriers(K, M):
    """Blocks that carry P, S and n of one node: [P | S] in portions of M columns, and n."""
    return (K + 2 * M - 1) // M + 1


@kernel
def count_blocks(eigenvalue, K, M, single_levels):
    """Blocks that stand for the spectrum; with ``single_levels`` not 0, those for :func:`expand` included."""
    unchanged = nodes = first = 0
    while first < eigenvalue.shape[0]:
        end = _panel_end(eigenvalue, first)
        if end - first > POINTS:
            nodes += POINTS
        else:
            unchanged += end - first
        first = end
    return unchanged + nodes * (1 + (_carriers(K, M) if single_levels else 0))


@kernel(inline=True)
def _node(top, bottom, j):
    """Node j of a panel."""
    return math.sqrt(top * bottom) * math.exp(0.5 * math.log(top / bottom) * POINT[j])


@kernel
def _interpolate(value, top, bottom, share):
    """share (POINTS,): the Lagrange polynomials l_j at ``value``, by the barycentric formula.

    On a panel of (nearly) equal levels the place is rounding, and any place inside will do: the nodes are equal.
    """
    width = math.log(top / bottom)
    x = 2.0 * math.log(value / math.sqrt(top * bottom)) / width if width > 0.0 else 0.0
    x = min(1.0, max(-1.0, x))
    total = 0.0
    for j in range(POINTS):
        gap = x - POINT[j]
        if gap == 0.0:
            for i in range(POINTS):
                share[i] = 1.0 if i == j else 0.0
            return
        share[j] = BARYCENTRIC[j] / gap
        total += share[j]
    for j in range(POINTS):
        share[j] /= total


@kernel(inline=True)
def _clear(out):
    """out (A, B) = 0."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = 0.0


@kernel(inline=True)
def _add_block(factor, x, out):
    """out (A, B) += factor x."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] += factor * x[i, j]


@kernel
def compress(levels, single_levels, blocks, share):
    """Write the blocks that stand for a spectrum.

    levels: :class:`~lib.kernels.flow.Levels`, their eigenvalues descending and positive. single_levels: 1 for
    :func:`expand` to be called later, else 0. blocks: :class:`~lib.kernels.integrator.Blocks` of n =
    ``count_blocks``, written. share (POINTS,): scratch.
    """
    eigenvalue, weight = levels.eigenvalue, levels.weight
    L, K, M = levels.r.shape
    for k in range(blocks.eigenvalue.shape[0]):
        blocks.noise[k] = 0.0
        _clear(blocks.r[k])
        _clear(blocks.q[k])
        _clear(blocks.t[k])
    at = first = 0
    carrier = count_blocks(eigenvalue, K, M, 0)
    while first < L:
        end = _panel_end(eigenvalue, first)
        if end - first <= POINTS:
            for k in range(first, end):
                blocks.eigenvalue[at] = eigenvalue[k]
                blocks.mass[at] = weight[k] * eigenvalue[k]
                blocks.noise[at] = 1.0
                _add_level(1.0, levels, k, blocks, at)
                at += 1
        else:
            top, bottom = eigenvalue[first], eigenvalue[end - 1]
            for j in range(POINTS):
                blocks.eigenvalue[at + j] = _node(top, bottom, j)
                blocks.mass[at + j] = 1.0
            for k in range(first, end):
                _interpolate(eigenvalue[k], top, bottom, share)
                for j in range(POINTS):
                    mass = weight[k] * eigenvalue[k] * share[j]
                    blocks.noise[at + j] += mass
                    _add_level(mass, levels, k, blocks, at + j)
            if single_levels:
                for j in range(POINTS):
                    _start_carriers(blocks.eigenvalue[at + j], carrier, blocks)
                    carrier += _carriers(K, M)
            at += POINTS
        first = end


@kernel(inline=True)
def _add_level(factor, levels, k, blocks, at):
    """Add ``factor`` times the overlaps of level k to those of block ``at``."""
    _add_block(factor, levels.r[k], blocks.r[at])
    _add_block(factor, levels.q[k], blocks.q[at])
    _add_block(factor, levels.t[k], blocks.t[at])


@kernel
def _start_carriers(value, at, blocks):
    """Write the carriers of node ``value`` at alpha = 0, from block ``at`` on."""
    K, M = blocks.r.shape[1:]
    carriers = _carriers(K, M)
    for c in range(carriers):
        blocks.eigenvalue[at + c] = value
        blocks.mass[at + c] = 0.0
    for column in range(K + M):
        c, b = column // M, column % M
        if column < K:
            blocks.r[at + c, column, b] = 1.0
        else:
            blocks.t[at + c, column - K, b] = 1.0
    blocks.noise[at + carriers - 1] = 1.0


@kernel
def expand(levels, z, out_r, out_q, scratch):
    """Expand the blocks z (times, K, K + M, blocks) to the overlaps of every level.

    levels: as given to :func:`compress` (with ``single_levels``); out_r (times, L, K, M), out_q (times, L, K, K):
    written; scratch: an :class:`Expansion`.
    """
    eigenvalue, share, nodes, values = levels.eigenvalue, scratch.share, scratch.nodes, scratch.values
    L, K, M = levels.r.shape
    PS, n = view(values, 0, (K, K + M)), view(values, K * (K + M), (K, K))
    at = first = 0
    carrier = count_blocks(eigenvalue, K, M, 0)
    while first < L:
        end = _panel_end(eigenvalue, first)
        if end - first <= POINTS:
            for k in range(first, end):
                for row in range(z.shape[0]):
                    for i in range(K):
                        for j in range(K):
                            out_q[row, k, i, j] = z[row, i, j, at]
                        for m in range(M):
                            out_r[row, k, i, m] = z[row, i, K + m, at]
                at += 1
        else:
            for row in range(z.shape[0]):
                _gather_carriers(z[row], carrier, K, nodes[row])
            for k in range(first, end):
                _interpolate(eigenvalue[k], eigenvalue[first], eigenvalue[end - 1], share)
                for row in range(z.shape[0]):
                    for x in range(values.shape[0]):
                        values[x] = 0.0
                    for j in range(POINTS):
                        for x in range(values.shape[0]):
                            values[x] += share[j] * nodes[row, j, x]
                    _expand_level(PS, n, levels.r[k], levels.q[k], levels.t[k], out_r[row, k], out_q[row, k])
            carrier += POINTS * _carriers(K, M)
            at += POINTS
        first = end


@kernel
def _gather_carriers(z, carrier, K, nodes):
    """[P | S] and n of a panel's nodes, side by side: nodes (POINTS, K (2 K + M)); ``carrier``: the panel's first."""
    M = z.shape[1] - K
    carriers = _carriers(K, M)
    for j in range(POINTS):
        block, x = carrier + j * carriers, 0
        for i in range(K):
            for column in range(K + M):
                nodes[j, x] = z[i, K + column % M, block + column // M]
                x += 1
        for i in range(K):
            for l in range(K):
                nodes[j, x] = z[i, l, block + carriers - 1]
                x += 1


@kernel
def _expand_level(PS, n, r, q, t, out_r, out_q):
    """One level's overlaps from its initial ones: r = [P | S] [r_0; t], and likewise q from both sides."""
    K, M = r.shape
    for i in range(K):
        for m in range(M):
            total = 0.0
            for l in range(K):
                total += PS[i, l] * r[l, m]
            for l in range(M):
                total += PS[i, K + l] * t[l, m]
            out_r[i, m] = total
        for j in range(K):
            total = n[i, j]
            for a in range(K + M):
                for b in range(K + M):
                    if a < K:
                        overlap = q[a, b] if b < K else r[a, b - K]
                    else:
                        overlap = r[b, a - K] if b < K else t[a - K, b - K]
                    total += PS[i, a] * overlap * PS[j, b]
            out_q[i, j] = total
