"""Gamma functions of order 0 < s < 1, in arithmetic that WebAssembly shares."""

import math

from ..compiler.jit import kernel

TINY = 1e-300


@kernel
def gamma(s):
    """Compute Gamma(s) for 0 < s < 20: Stirling's series at s + 10, divided by s (s + 1) ... (s + 9)."""
    shifted = s + 10.0
    product = 1.0
    for j in range(10):
        product *= s + j
    z = 1.0 / (shifted * shifted)
    series = -691.0 / 360360.0
    series = series * z + 1.0 / 1188.0
    series = series * z - 1.0 / 1680.0
    series = series * z + 1.0 / 1260.0
    series = series * z - 1.0 / 360.0
    series = (series * z + 1.0 / 12.0) / shifted
    log_gamma = (shifted - 0.5) * math.log(shifted) - shifted + 0.9189385332046727 + series
    return math.exp(log_gamma) / product


@kernel
def _fraction(s, x):
    """Gamma(s, x) for x >= 1 + s: Lentz's continued fraction."""
    b = x + 1.0 - s
    c = 1.0 / TINY
    d = 1.0 / b
    fraction = d
    for i in range(1, 500):
        numerator = -i * (i - s)
        b += 2.0
        d = 1.0 / (numerator * d + b)
        c = b + numerator / c
        factor = c * d
        fraction *= factor
        if abs(factor - 1.0) < 1e-16:
            break
    return math.exp(-x + s * math.log(x)) * fraction


@kernel
def _series(s, x):
    """gamma(s, x) for 0 < x < 1 + s: Kummer's series of positive terms."""
    term = 1.0 / s
    series = term
    for n in range(1, 500):
        term *= x / (s + n)
        series += term
        if term < 1e-17 * series:
            break
    return math.exp(-x + s * math.log(x)) * series


@kernel
def upper_gamma(s, x):
    """Compute the incomplete Gamma(s, x), the integral of t^(s-1) exp(-t) from x > 0 to infinity."""
    return gamma(s) - _series(s, x) if x < 1.0 + s else _fraction(s, x)


@kernel
def lower_gamma(s, x):
    """Compute the incomplete gamma(s, x), the integral of t^(s-1) exp(-t) from 0 to x >= 0."""
    if x <= 0.0:
        return 0.0
    return _series(s, x) if x < 1.0 + s else gamma(s) - _fraction(s, x)
