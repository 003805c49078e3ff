"""The times at which an explorer shows its curves."""

import math

from ...compiler.jit import kernel


@kernel
def geometric(begin, last, alpha):
    """Values from begin to last, in equal ratios, into an array (n,)."""
    for i in range(alpha.shape[0]):
        alpha[i] = begin * math.exp(math.log(last / begin) * i / (alpha.shape[0] - 1))
