"""Arrays of any shape inside one flat buffer.

A page gives a kernel one buffer. Numba's own ``reshape`` calls a C function that a page does not have, so
this view only writes the array's description; the buffer keeps its owner and must outlive the view.
"""

import math

from numba import types
from numba.core import cgutils
from numba.np.arrayobj import make_array, populate_array

from .jit import primitive


def _python(buffer, start, shape):
    start, shape = int(start), tuple(map(int, shape))
    return buffer.reshape(-1)[start : start + math.prod(shape)].reshape(shape)


@primitive(_python)
def view(typingctx, buffer, start, shape):
    """The contiguous float64 array of ``shape`` (a tuple of integers) that begins at ``buffer[start]``."""

    def codegen(context, builder, signature, args):
        index = context.get_value_type(types.intp)
        dimensions = [
            context.cast(builder, value, kind, types.intp)
            for value, kind in zip(cgutils.unpack_tuple(builder, args[2]), signature.args[2])
        ]
        strides = [context.get_constant(types.intp, 8)]
        for dimension in dimensions[:0:-1]:
            strides.insert(0, builder.mul(strides[0], dimension))
        source = make_array(signature.args[0])(context, builder, args[0])
        result = make_array(signature.return_type)(context, builder)
        populate_array(
            result,
            data=builder.gep(source.data, [context.cast(builder, args[1], signature.args[1], types.intp)]),
            shape=cgutils.pack_array(builder, dimensions, index),
            strides=cgutils.pack_array(builder, strides, index),
            itemsize=context.get_constant(types.intp, 8),
            meminfo=None,
        )
        return result._getvalue()

    return types.Array(types.float64, len(shape), "C")(buffer, start, shape), codegen
