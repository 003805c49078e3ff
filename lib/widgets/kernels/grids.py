"""What explorers begin from: times in equal ratios, and the power-law spectrum."""

import math

from ...compiler.jit import kernel


@kernel
def geometric(begin, last, alpha):
    """Values from begin to last, in equal ratios, into an array (n,)."""
    for i in range(alpha.shape[0]):
        alpha[i] = begin * math.exp(math.log(last / begin) * i / (alpha.shape[0] - 1))


@kernel
def power_law_spectrum(beta, eigenvalue, weight):
    """Eigenvalues k^-(1+beta) of mean 1, and equal weights, into arrays (L,)."""
    L = eigenvalue.shape[0]
    mean = 0.0
    for k in range(L):
        eigenvalue[k] = math.exp(-(1.0 + beta) * math.log(k + 1.0))
        mean += eigenvalue[k] / L
    for k in range(L):
        eigenvalue[k] /= mean
        weight[k] = 1.0 / L
