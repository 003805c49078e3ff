"""Arrays of any shape inside one flat buffer.

A page gives a kernel one buffer. Numba's own ``reshape`` calls a C function that a page does not have, so
this view only writes the array's description; the buffer keeps its owner and must outlive the view.
"""

import math

import numpy as np
from numba import types
from numba.core import cgutils
from numba.np.arrayobj import make_array, populate_array

from .jit import primitive


def viewed(buffer, start, shape):
    """What ``view`` gives a kernel, for Python."""
    start, shape = int(start), tuple(map(int, shape))
    length = math.prod(shape)
    flat = buffer.reshape(-1)[start : start + length]
    # Beyond the buffer's end there is only a description, as in a compiled kernel: zeros without memory.
    return flat.reshape(shape) if flat.size == length else np.broadcast_to(0.0, shape)


def array_at(context, builder, buffer_type, buffer, start, dimensions, kind):
    """Emit the description of a contiguous array of type ``kind`` inside a buffer."""
    strides = [context.get_constant(types.intp, 8)]
    for dimension in dimensions[:0:-1]:
        strides.insert(0, builder.mul(strides[0], dimension))
    index = context.get_value_type(types.intp)
    source = make_array(buffer_type)(context, builder, buffer)
    result = make_array(kind)(context, builder)
    populate_array(
        result,
        data=builder.gep(source.data, [start]),
        shape=cgutils.pack_array(builder, dimensions, index),
        strides=cgutils.pack_array(builder, strides, index),
        itemsize=context.get_constant(types.intp, 8),
        meminfo=None,
    )
    return result._getvalue()


@primitive(viewed)
def view(typingctx, buffer, start, shape):
    """The contiguous float64 array of ``shape`` (a tuple of integers) that begins at ``buffer[start]``."""

    def codegen(context, builder, signature, args):
        dimensions = [
            context.cast(builder, value, kind, types.intp)
            for value, kind in zip(cgutils.unpack_tuple(builder, args[2]), signature.args[2], strict=True)
        ]
        position = context.cast(builder, args[1], signature.args[1], types.intp)
        return array_at(context, builder, signature.args[0], args[0], position, dimensions, signature.return_type)

    return types.Array(types.float64, len(shape), "C")(buffer, start, shape), codegen
