"""The error function of the networks' activation, in arithmetic that every target shares.

JavaScript has no erf, and with one implementation used everywhere the page and the tests compute the
same numbers. The coefficients are Chebyshev fits made with mpmath; ``tests/test_erf.py`` checks
them against mpmath.
"""

import math

from ..compiler.bits import ONE_BITS, S52, as_bits, as_double
from ..compiler.jit import kernel

SQRT_HALF = math.sqrt(0.5)
SQRT_2_OVER_PI = math.sqrt(2.0 / math.pi)
HALF_LOG2_E = 0.5 / math.log(2.0)
EXP2 = tuple(math.log(2.0) ** n / math.factorial(n) for n in range(14))
ROUNDING = 1.5 * 2.0**52  # added to |x| < 2^51 it rounds x to a whole number, in the low bits of the sum


@kernel(inline=True)
def _cubic(x, xx, a, b, c, d):
    """a + b x + c x^2 + d x^3, given xx = x^2: in groups of four, a polynomial is not one long chain of operations."""
    return (a + b * x) + xx * (c + d * x)


@kernel(inline=True)
def _erf_small(x):
    """erf(x) for |x| <= 1: x times a polynomial in x^2, relative error below 1e-16."""
    z = x * x
    zz = z * z
    q = zz * zz
    p = _cubic(z, zz, 1.6447424703317362e-06, -1.6208483801871705e-07, 1.3720064546777686e-08, -7.795898827002142e-10)
    p = p * q + _cubic(
        z, zz, 0.0052239776071164225, -0.0008548325975389692, 0.00012055294904839707, -1.492473690741966e-05
    )
    p = p * q + _cubic(z, zz, 1.1283791670955126, -0.37612638903183543, 0.11283791670945006, -0.02686617064323777)
    return x * p


@kernel(inline=True)
def _scaled_erfc(x):
    """exp(x^2) erfc(x) for 1 <= x <= 6: a polynomial in (x - 3)/(x + 3), error below 1e-17."""
    u = (x - 3.0) / (x + 3.0)
    uu = u * u
    q = uu * uu
    p = _cubic(u, uu, -8.00978093907608e-06, 2.0135111426447427e-06, 1.2755818949624478e-06, 3.381355142042904e-09)
    p = p * q + _cubic(
        u, uu, -0.0005970624964924544, 4.525434558991009e-05, 6.406279226046039e-05, -1.2845780030775907e-05
    )
    p = p * q + _cubic(u, uu, 0.07166583719747308, -0.024392499318915004, 0.004269136356961225, 0.0007077464666941425)
    p = p * q + _cubic(u, uu, 0.17900115118138996, -0.3262335600430372, 0.24560380171233487, -0.15011593650077898)
    return p


@kernel(inline=True)
def _gauss(x):
    """exp(-x^2 / 2); 0 where it is below 1e-307.

    It is 2^k 2^f, with k whole and |f| <= 1/2, and 2^f is Taylor's series of exp(f ln 2), cut where its next
    term is below 1e-17. The relative error is that of rounding the exponent twice, x^2 1.2e-16 at most, and
    one unit in the last place.
    """
    exponent = x * x * HALF_LOG2_E
    shifted = ROUNDING - exponent
    f = (ROUNDING - shifted) - exponent
    ff = f * f
    q = ff * ff
    p = _cubic(f, ff, EXP2[10], EXP2[11], EXP2[12], EXP2[13])
    p = p * q + _cubic(f, ff, EXP2[6], EXP2[7], EXP2[8], EXP2[9])
    p = p * q + _cubic(f, ff, EXP2[2], EXP2[3], EXP2[4], EXP2[5])
    power = as_double((as_bits(shifted) << S52) + ONE_BITS)
    return power * (1.0 + (f * EXP2[1] + ff * p)) if exponent <= 1020.0 else 0.0


@kernel(inline=True)
def activation(x):
    """Compute the activation g(x) = erf(x / sqrt 2) and its derivative sqrt(2/pi) exp(-x^2 / 2).

    A loop over many x computes both forms of erf for every x, and vectorises; for a single x only the form that it
    needs is computed.
    """
    gauss = _gauss(x)
    a = SQRT_HALF * abs(x)
    # beyond 6 the true value rounds to 1
    g = _erf_small(a) if a <= 1.0 else 1.0 - gauss * _scaled_erfc(min(a, 6.0))
    return math.copysign(g, x), SQRT_2_OVER_PI * gauss
