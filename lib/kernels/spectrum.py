"""The power-law spectrum, where a page needs it, and whitening.

:func:`lib.power_law` is the same law for Python. It takes numpy's power and pairwise sum, this kernel exp, log and a
plain sum. The two differ in the last bits, and stored results hold both, so that neither can replace the other.
"""

import math

from ..compiler.jit import kernel
from ..maths.sums import pairwise_sum


@kernel
def power_law_spectrum(beta, eigenvalue, weight):
    """Write eigenvalues k^-(1+beta) of mean 1, and equal weights, into arrays (L,)."""
    L = eigenvalue.shape[0]
    mean = 0.0
    for k in range(L):
        eigenvalue[k] = math.exp(-(1.0 + beta) * math.log(k + 1.0))
        mean += eigenvalue[k] / L
    for k in range(L):
        eigenvalue[k] /= mean
        weight[k] = 1.0 / L


@kernel
def power_law_source(tau, eigenvalue, weight, strength):
    """Write strengths k^-tau, sum_k w_k lambda_k t_k = 1, to strength (L,), as :func:`lib.source` for Python."""
    L = eigenvalue.shape[0]
    largest = math.log(L) * max(0.0, -tau)  # ln of the largest, the last or the first: no power overflows
    total = 0.0
    for k in range(L):
        strength[k] = math.exp(-tau * math.log(k + 1.0) - largest)
        total += weight[k] * eigenvalue[k] * strength[k]
    for k in range(L):
        strength[k] /= total


@kernel
def whiten(eigenvalue, weight, power, white, gain):
    """Write eigenvalue^(1 - power), scaled to mean 1, to white (L,), and white / eigenvalue to gain (L,).

    Powers are taken relative to the first eigenvalue and in logarithms: eigenvalues may span hundreds of decades.
    """
    L = eigenvalue.shape[0]
    first = (1.0 - power) * math.log(eigenvalue[0])
    for k in range(L):
        white[k] = math.exp((1.0 - power) * math.log(eigenvalue[k]) - first)
        gain[k] = weight[k] * white[k]
    mean = pairwise_sum(gain)
    for k in range(L):
        white[k] /= mean
        gain[k] = white[k] / eigenvalue[k]


def following(level):
    """Where the group of levels behind the one that begins at ``level`` begins, counted from 1: a quarter further."""
    return max(level + 1, (5 * level) >> 2)


_following = kernel(following)


@kernel
def count_groups(L):
    """How many groups L levels have. A group begins where it does for any number of levels."""
    n, level = 0, 1
    while level <= L:
        n, level = n + 1, _following(level)
    return n


@kernel
def sum_groups(part, out):
    """out (n,): sums of part (L,) over the groups of levels, of which there are at most n."""
    g, level, L = 0, 1, part.shape[0]
    while level <= L:
        end = min(_following(level), L + 1)
        total = 0.0
        for k in range(level - 1, end - 1):
            total += part[k]
        out[g] = total
        g, level = g + 1, end
