"""Names for the parts of a flat buffer: what a kernel is given, what it returns, and what it works with.

A page gives a kernel float64 buffers, nothing else. Three kinds of named tuples give their parts names, so that no
kernel counts positions:

- **Controls**, ``record(...)``: one number each, floats or whole numbers. ``read(Controls, p)`` makes the tuple.
- **Outputs**, ``outputs(...)``: arrays whose shapes are constants, one behind the other from the buffer's start.
  ``place(Outputs, work)`` makes the tuple of their views, and ``Outputs.size`` is where they end.
- **Scratch**: arrays whose shapes the controls decide. A kernel ``layout`` takes them one by one with ``take`` and
  returns their ``namedtuple``, whose last field, ``end``, is where the layout ends; the buffer's size is that
  number. A view only describes memory and never touches it, so any buffer will do to ask for it.
"""

import math
from collections import namedtuple
from sys import _getframe

import numpy as np
from numba import types
from numba.core import cgutils

from .jit import kernel, primitive
from .views import array_at, view, viewed


def _class(kind, fields):
    """The named tuple's class, at home in the module that defines it, as the cache of kernels must find it again."""
    made = namedtuple(kind, fields)
    made.__module__ = _getframe(2).f_globals["__name__"]
    return made


def record(name, **kinds):
    """Define a tuple of numbers.

    Parameters
    ----------
    name : str
        Of the class, which must be the name of the variable that it is assigned to.
    **kinds : float or int
        The type of each field, in the buffer's order.

    Returns
    -------
    type
        A named tuple's class, with its fields' types in ``kinds``.
    """
    made = _class(name, tuple(kinds))
    made.kinds = tuple(kinds.values())
    return made


def outputs(name, **shapes):
    """Define a tuple of arrays that lie one behind the other in a buffer.

    Parameters
    ----------
    name : str
        Of the class, which must be the name of the variable that it is assigned to.
    **shapes : tuple of int
        Each array's shape, in the buffer's order.

    Returns
    -------
    type
        A named tuple's class, with ``shapes``, the positions ``starts`` and ``size``, where the last array ends.
    """
    made = _class(name, tuple(shapes))
    made.shapes = tuple(shapes.values())
    lengths = [math.prod(shape) for shape in made.shapes]
    made.starts = tuple(sum(lengths[:i]) for i in range(len(lengths)))
    made.size = sum(lengths)
    return made


def _read(kind, values):
    return kind(*(convert(value) for convert, value in zip(kind.kinds, values, strict=False)))


@primitive(_read)
def read(typingctx, kind, values):
    """The numbers at the start of an array as the tuple ``kind`` that ``record`` defined."""
    cls = kind.instance_class
    members = [types.intp if convert is int else types.float64 for convert in cls.kinds]

    def codegen(context, builder, signature, args):
        source = context.make_array(signature.args[1])(context, builder, args[1])
        numbers = []
        for i, member in enumerate(members):
            number = builder.load(cgutils.gep(builder, source.data, i))
            numbers.append(context.cast(builder, number, types.float64, member))
        return context.make_tuple(builder, signature.return_type, numbers)

    return types.NamedTuple(members, cls)(kind, values), codegen


def placed(kind, work):
    """What ``place`` gives a kernel, for Python: the arrays at the start of a buffer as the tuple ``kind``."""
    return kind(*(viewed(work, start, shape) for start, shape in zip(kind.starts, kind.shapes, strict=True)))


@primitive(placed)
def place(typingctx, kind, work):
    """The arrays at the start of a buffer as the tuple ``kind`` that ``outputs`` defined."""
    cls = kind.instance_class
    members = [types.Array(types.float64, len(shape), "C") for shape in cls.shapes]

    def codegen(context, builder, signature, args):
        arrays = []
        for start, shape, member in zip(cls.starts, cls.shapes, members, strict=True):
            position = context.get_constant(types.intp, start)
            dimensions = [context.get_constant(types.intp, length) for length in shape]
            arrays.append(array_at(context, builder, signature.args[1], args[1], position, dimensions, member))
        return context.make_tuple(builder, signature.return_type, arrays)

    return types.NamedTuple(members, cls)(kind, work), codegen


@primitive(lambda: np.empty(0))
def nowhere(typingctx):
    """A buffer without memory: what a layout is asked with for its end alone."""
    kind = types.Array(types.float64, 1, "C")

    def codegen(context, builder, signature, args):
        return context.get_constant_null(kind)

    return kind(), codegen


@primitive(math.prod)
def _length(typingctx, shape):
    """The product of a tuple of integers, multiplied out: a loop over a tuple would be a switch in every round."""

    def codegen(context, builder, signature, args):
        length = context.get_constant(types.intp, 1)
        for extent, kind in zip(cgutils.unpack_tuple(builder, args[0]), signature.args[0], strict=True):
            length = builder.mul(length, context.cast(builder, extent, kind, types.intp))
        return length

    return types.intp(shape), codegen


@kernel(inline=True)
def take(work, at, shape):
    """The next array of a buffer, of a shape that is a tuple of integers, and where it ends."""
    return view(work, at, shape), at + _length(shape)
