"""The ranks of a spectrum between which an explorer fits its exponent."""

import math

from ...compiler.jit import kernel

FEWEST = 5  # eigenvalues in a fit that is shown


@kernel
def fit_ranks(first, last, L):
    """The window nearest to the one asked for that ends at an eigenvalue that there is, and holds FEWEST of them."""
    high = min(last, float(L))
    return max(1.0, min(first, math.floor(high) - FEWEST + 1.0)), high
