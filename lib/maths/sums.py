"""Sums whose rounding grows with the logarithm of the number of terms."""

from ..compiler.jit import kernel

# Up to BLOCK terms are added directly, in LANES partial sums.
LANES = 8
BLOCK = 128


@kernel
def pairwise_sum(x):
    """Sum of x (n,): halves are summed separately, and their sums added.

    The order of numpy.sum, so that kernels and array expressions give the same bits.
    """
    n = x.shape[0]
    if n < LANES:
        total = 0.0
        for value in x:
            total += value
        return total
    if n <= BLOCK:
        a, b, c, d, e, f, g, h = x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]
        whole = n - n % LANES
        for i in range(LANES, whole, LANES):
            a += x[i]
            b += x[i + 1]
            c += x[i + 2]
            d += x[i + 3]
            e += x[i + 4]
            f += x[i + 5]
            g += x[i + 6]
            h += x[i + 7]
        total = ((a + b) + (c + d)) + ((e + f) + (g + h))
        for i in range(whole, n):
            total += x[i]
        return total
    half = n // 2
    half -= half % LANES
    return pairwise_sum(x[:half]) + pairwise_sum(x[half:])
