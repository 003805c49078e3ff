"""Random numbers by counter: the same stream natively, in WebAssembly, and on any number of cores.

A word of the stream is a mixed counter (SplitMix64), so there is no state from draw to draw:
any draw can be made at any time, seeds never share state, and the loop has no dependence that would
prevent the compiler from vectorising it. Normals come from the Box-Muller transform, with a logarithm
and a sine that use only + - * / sqrt and integer operations: the same bits everywhere.
"""

import numpy as np

from ..compiler.bits import MANTISSA, ONE_BITS, S52, SIGN_BIT, as_bits, as_double
from ..compiler.jit import kernel

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)
EXPONENT_OF_2_52 = np.uint64(0x4330000000000000)  # 2^52 as a double: or-ing k < 2^52 in gives 2^52 + k
HALF_SQRT2_BITS = np.uint64(0x3FE6A09E667F3BCD)

S12, S27, S30, S31 = (np.uint64(n) for n in (12, 27, 30, 31))

LN_2 = 0.6931471805599453
HALF_PI = 1.5707963267948966


@kernel(inline=True)
def mix(z):
    """Mix 64 bits so that every input bit reaches every output bit (SplitMix64's finaliser)."""
    z = (z ^ (z >> S30)) * MIX_1
    z = (z ^ (z >> S27)) * MIX_2
    return z ^ (z >> S31)


@kernel
def stream_key(seed, stream):
    """Derive the key of stream number ``stream`` of a seed (both whole numbers >= 0)."""
    return mix(mix(np.uint64(seed) + GOLDEN) + np.uint64(stream) * GOLDEN)


@kernel
def uniform(key, counter):
    """Draw number ``counter`` of a stream: uniform on (0, 1], a multiple of 2^-52."""
    return 2.0 - as_double((mix(key + np.uint64(counter) * GOLDEN) >> S12) | ONE_BITS)


@kernel(inline=True)
def _log_unit(u):
    """Natural logarithm of a normal double u > 0, to about one unit in the last place.

    u = 2^e m with m in [1/sqrt 2, sqrt 2), and log m = 2 artanh(s), s = (m - 1)/(m + 1); the series
    in s^2 <= 0.0295 is cut where its next term is below 1e-18.
    """
    shifted = as_bits(u) + (ONE_BITS - HALF_SQRT2_BITS)
    e = as_double((shifted >> S52) | EXPONENT_OF_2_52) - (4503599627370496.0 + 1023.0)
    m = as_double((shifted & MANTISSA) + HALF_SQRT2_BITS)
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    p = 1.0 / 21.0
    p = p * z + 1.0 / 19.0
    p = p * z + 1.0 / 17.0
    p = p * z + 1.0 / 15.0
    p = p * z + 1.0 / 13.0
    p = p * z + 1.0 / 11.0
    p = p * z + 1.0 / 9.0
    p = p * z + 1.0 / 7.0
    p = p * z + 1.0 / 5.0
    p = p * z + 1.0 / 3.0
    return e * LN_2 + 2.0 * (s + s * z * p)


@kernel(inline=True)
def _normal_pair(key, pair):
    """Draw pair number ``pair`` of a stream: two independent standard normals.

    The radius takes 52 bits of one word, so that |x| reaches 8.5. The direction takes another: a half angle
    h in [-pi/4, pi/4) by Taylor polynomials exact to rounding, doubled, and a random sign.
    """
    radius_word = mix(key + (pair + pair) * GOLDEN)
    angle_word = mix(key + (pair + pair + np.uint64(1)) * GOLDEN)
    u = 2.0 - as_double((radius_word >> S12) | ONE_BITS)
    radius = np.sqrt(-2.0 * _log_unit(u))
    h = (as_double((angle_word >> S12) | ONE_BITS) - 1.5) * HALF_PI
    z = h * h
    s = -1.0 / 1307674368000.0
    s = s * z + 1.0 / 6227020800.0
    s = s * z - 1.0 / 39916800.0
    s = s * z + 1.0 / 362880.0
    s = s * z - 1.0 / 5040.0
    s = s * z + 1.0 / 120.0
    s = s * z - 1.0 / 6.0
    s = h + h * z * s
    c = 1.0 / 20922789888000.0
    c = c * z - 1.0 / 87178291200.0
    c = c * z + 1.0 / 479001600.0
    c = c * z - 1.0 / 3628800.0
    c = c * z + 1.0 / 40320.0
    c = c * z - 1.0 / 720.0
    c = c * z + 1.0 / 24.0
    c = 1.0 - z * (0.5 - z * c)
    signed_radius = as_double(as_bits(radius) ^ ((angle_word << np.uint64(63)) & SIGN_BIT))
    return signed_radius * (1.0 - 2.0 * s * s), radius * (2.0 * s * c)


@kernel(hot=True)
def fill_normals(key, start, out):
    """Fill ``out`` (n,) with standard normals: pairs ``start`` to ``start + ceil(n / 2)`` of the stream.

    The first members of the pairs fill the first half, the second members the second half: two
    contiguous stores, which vectorise.
    """
    n = out.shape[0]
    half = n // 2
    first = out[:half]
    second = out[half : half + half]
    pair = np.uint64(start)
    for i in range(half):
        first[i], second[i] = _normal_pair(key, pair + np.uint64(i))
    if n % 2 == 1:
        out[n - 1], _ = _normal_pair(key, pair + np.uint64(half))


@kernel
def _chi_square_exponent(x, d):
    """Logarithm of the probability with which the normal x is accepted for :func:`normals_to_chi`."""
    s = x / (3.0 * np.sqrt(d))
    if s <= -1.0:
        return -np.inf
    return 0.5 * x * x + d * (3.0 * _log_unit(1.0 + s) - s * (3.0 + s * (3.0 + s)))


@kernel
def normals_to_chi(key, start, dof, x):
    """Turn the standard normals ``x`` (n,) into chi variables: the lengths of vectors of ``dof`` normals.

    Element i depends on x[i] and on draws numbered ``start + i`` of the key alone.

    Marsaglia & Tsang (2000): with d = dof/2 - 1/3 and s = x / (3 sqrt d), 2 d (1 + s)^3 is a chi square
    variable once x is accepted with probability exp(h), h = x^2/2 + d (1 - (1 + s)^3 + 3 log(1 + s)). By the
    series of the logarithm h >= -(3/4) d s^4 / (1 - |s|), and exp(h) >= 1 + h: acceptance hardly ever needs
    a logarithm, or a refused normal another. No degree of freedom and one give 0 and |x|.
    """
    if dof < 2.0:
        for i in range(x.shape[0]):
            x[i] = abs(x[i]) if dof == 1.0 else 0.0
        return
    d = 0.5 * dof - 1.0 / 3.0
    slope = 1.0 / (3.0 * np.sqrt(d))
    scale = np.sqrt(2.0 * d)
    for i in range(x.shape[0]):
        number = np.uint64(start) + np.uint64(i)
        u = uniform(key, number)
        s = slope * x[i]
        room = 1.0 - abs(s)
        if u * room >= room - 0.75 * d * (s * s) * (s * s):
            normals, uniforms = stream_key(stream_key(key, number), 0), stream_key(stream_key(key, number), 1)
            attempt = np.uint64(0)
            while _log_unit(u) >= _chi_square_exponent(x[i], d):
                x[i], _ = _normal_pair(normals, attempt)
                u = uniform(uniforms, attempt)
                attempt += np.uint64(1)
            s = slope * x[i]
        x[i] = scale * (1.0 + s) * np.sqrt(1.0 + s)
