"""A dot product with a fixed order of summation, sixteen partial sums at a time.

Numba keeps floating-point sums in source order, so a plain loop waits for each addition; letting LLVM
reorder them instead would give other bits on other processors. Here the order is ours: lane l sums the
elements l, l + 16, l + 32, ..., and the lanes are added pairwise at the end. LLVM maps the lanes to
whatever vectors the target has, or to independent scalar additions in WebAssembly.
"""

import llvmlite.ir as ir
from numba import types
from numba.core import cgutils

from .jit import primitive

LANES = 16


def _python(a, b):
    whole = len(a) - len(a) % LANES
    parts = [0.0] * LANES
    for i in range(whole):
        parts[i % LANES] += a[i] * b[i]
    while len(parts) > 1:
        parts = [x + y for x, y in zip(parts[::2], parts[1::2])]
    result = parts[0]
    for i in range(whole, len(a)):
        result += a[i] * b[i]
    return result


@primitive(_python)
def dot(typingctx, a, b):
    """Sum of a_j b_j of two contiguous float64 arrays of equal length (a read-only scan of both)."""

    def codegen(context, builder, signature, args):
        arrays = [context.make_array(t)(context, builder, v) for t, v in zip(signature.args, args)]
        length = builder.extract_value(arrays[0].shape, 0)
        index = length.type
        double, vector = ir.DoubleType(), ir.VectorType(ir.DoubleType(), LANES)
        blocks = builder.sdiv(length, ir.Constant(index, LANES))

        def load(array, position, as_type):
            pointer = builder.gep(array.data, [position])
            return builder.load(builder.bitcast(pointer, as_type.as_pointer()), align=8)

        lanes = cgutils.alloca_once_value(builder, ir.Constant(vector, [0.0] * LANES))
        with cgutils.for_range(builder, blocks) as loop:
            position = builder.mul(loop.index, ir.Constant(index, LANES))
            product = builder.fmul(*(load(array, position, vector) for array in arrays))
            builder.store(builder.fadd(builder.load(lanes), product), lanes)

        result = cgutils.alloca_once_value(builder, ir.Constant(double, 0.0))
        with builder.if_then(cgutils.is_not_null(builder, blocks)):
            sums = builder.load(lanes)
            parts = [builder.extract_element(sums, ir.Constant(ir.IntType(32), l)) for l in range(LANES)]
            while len(parts) > 1:
                parts = [builder.fadd(x, y) for x, y in zip(parts[::2], parts[1::2])]
            builder.store(parts[0], result)
        first = builder.mul(blocks, ir.Constant(index, LANES))
        with cgutils.for_range_slice(builder, first, length, ir.Constant(index, 1)) as (position, _):
            product = builder.fmul(*(load(array, position, double) for array in arrays))
            builder.store(builder.fadd(builder.load(result), product), result)
        return builder.load(result)

    array = types.Array(types.float64, 1, "C")
    return types.float64(array, array), codegen
