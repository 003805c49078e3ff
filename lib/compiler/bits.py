"""The 64 bits of a double, for arithmetic on exponents and signs."""

import numpy as np
from numba import types

from .jit import primitive

ONE_BITS = np.uint64(0x3FF0000000000000)  # the double 1.0
SIGN_BIT = np.uint64(0x8000000000000000)
MANTISSA = np.uint64(0x000FFFFFFFFFFFFF)
S52 = np.uint64(52)  # bits of the mantissa


@primitive(lambda bits: np.uint64(bits).view(np.float64))
def as_double(typingctx, bits):
    """The double with these 64 bits."""

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], context.get_value_type(types.float64))

    return types.float64(types.uint64), codegen


@primitive(lambda x: np.float64(x).view(np.uint64))
def as_bits(typingctx, x):
    """The 64 bits of a double."""

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], context.get_value_type(types.uint64))

    return types.uint64(types.float64), codegen
