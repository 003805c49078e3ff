"""The power-law spectrum, where a page needs it.

:func:`lib.power_law` is the same law for Python. It takes numpy's power and pairwise sum, this kernel exp, log and a
plain sum. The two differ in the last bits, and stored results hold both, so that neither can replace the other.
"""

import math

from ..compiler.jit import kernel


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
