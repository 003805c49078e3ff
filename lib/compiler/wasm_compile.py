"""From numba kernels to WebAssembly: numba's typing and lowering, LLVM's optimiser and code generator.

Run by ``lib.compiler.wasm`` as ``python -m lib.compiler.wasm_compile MODULE:TABLE OUT``. Numba lowers a kernel
for the machine it runs on; its intermediate code becomes that of a 32-bit target when the data layout is
exchanged, as long as nothing has been optimised for the first layout. Hence a process of its own, whose numba
does not optimise.
"""

import importlib
import re
import sys
from pathlib import Path

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import config, sigutils
from numba.core.compiler_lock import global_compiler_lock
from numba.core.errors import NumbaError
from numba.core.registry import cpu_target
from numba.np.arrayobj import populate_array

from . import jit
from .wasm_link import link, undefined

TRIPLE = "wasm32-unknown-unknown"
# In every browser since 2021, in Safari since 2023 (16.4). Vectors make SGD 1.5 times faster; without the
# others LLVM would call memset, and guard each conversion of a float to an integer.
FEATURES = "+simd128,+bulk-memory,+bulk-memory-opt,+mutable-globals,+nontrapping-fptoint,+sign-ext"

# C's mathematical functions that JavaScript's Math has under the same name.
MATH = frozenset(
    "acos acosh asin asinh atan atan2 atanh cbrt cos cosh exp expm1 hypot log log10 log1p pow sin sinh tan tanh".split()
)

# What the sources say where LLVM asks for a function that surprises.
_HINTS = "exp2: 2.0 ** x; fmod: x % y of floats; __indirect_function_table: a function chosen at run time"

# Mutually recursive kernels call each other through pointers that numba fills in at run time.
_RECURSION = re.compile(r'(@"\.numba\.unresolved\$(.+)") = external global ptr')

# Pickled exceptions, for a Python that a page does not have; some name a file of numba's in this machine's folders.
_EXCEPTION = re.compile(r"(@\.const\.picklebuf\.\S+ = internal constant \{[^}]*\}) \{.*\}")


class CompileError(Exception):
    """A kernel that cannot become WebAssembly; the message names it and says why."""


def compile_module(exports):
    """Compile kernels into one WebAssembly module.

    Parameters
    ----------
    exports : dict
        name -> (kernel, signature); see :mod:`lib.widgets.exports`.

    Returns
    -------
    bytes
        The module; see :func:`lib.compiler.wasm_link.link`.

    Raises
    ------
    CompileError
        If a kernel does not compile or needs what a page does not have.
    """
    if config.OPT != 0:
        raise RuntimeError("numba already optimises for this machine; use lib.compiler.wasm.compile_table")
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    compiled = {name: _compile(name, *entry) for name, entry in exports.items()}
    object_file = _emit(compiled)
    if _missing(object_file):
        causes = ((name, _missing(_emit({name: result}))) for name, result in compiled.items())
        kernels = "; ".join(f"kernel {name!r} needs {', '.join(missing)}" for name, missing in causes if missing)
        raise CompileError(f"{kernels}: no page has these ({_HINTS})")
    return link(object_file, {name: _symbol(name) for name in exports})


def _symbol(name):
    """LLVM's name of an entry point: one that no function of C and no kernel can have."""
    return f"entry {name}"


def _mangled(name):
    """How numba's names of a kernel's versions begin, given its full name."""
    return "_ZN" + "".join(f"{len(part)}{part}" for part in name.split(".")) + "B"


def _missing(object_file):
    return [name for name in undefined(object_file) if name not in MATH]


def _compile(name, kernel, signature):
    """Numba's result for one kernel: typed and lowered, not optimised."""
    try:
        kernel.compile(signature)
    except NumbaError as error:
        raise CompileError(f"kernel {name!r} does not compile: {error}") from error
    arguments, _ = sigutils.normalize_signature(signature)
    result = kernel.overloads[arguments]
    for kind in (*arguments, result.signature.return_type):
        if not _passes(kind):
            raise CompileError(f"kernel {name!r}: {kind} cannot pass the module's boundary")
    return result


def _passes(kind):
    """Whether a numba type is a contiguous array or fits into a double."""
    if isinstance(kind, types.Array):
        return kind.layout == "C"
    return kind in (types.float64, types.int64, types.int32, types.void)


@global_compiler_lock
def _emit(compiled):
    """One relocatable object with an entry point for every numba result."""
    context = cpu_target.target_context
    library = context.codegen().create_library("kernels")
    entries = ir.Module("entries")
    for name, result in compiled.items():
        _add_entry(entries, context, name, result)
        library.add_linking_library(result.library)
    library.add_ir_module(entries)
    library.finalize()

    target = llvm.Target.from_triple(TRIPLE).create_target_machine(cpu="mvp", features=FEATURES, opt=3, reloc="static")
    code = _RECURSION.sub(r'\1 = internal constant ptr @"\2"', library.get_llvm_str())
    module = llvm.parse_assembly(_EXCEPTION.sub(r"\1 zeroinitializer", code))
    module.triple = TRIPLE
    module.data_layout = str(target.target_data)
    entry_points = {_symbol(name) for name in compiled}
    for symbol in (*module.functions, *module.global_variables):
        if not symbol.is_declaration and symbol.name not in entry_points:
            symbol.linkage = "internal"
    hot = tuple(_mangled(name) for name in jit.HOT)
    for function in module.functions:
        if not function.is_declaration:
            # inlined into a function that is compiled for size, a hot one would be compiled for size as well
            function.add_function_attribute("noinline" if function.name.startswith(hot) else "optsize")
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization, options.slp_vectorization = True, False
    options.loop_unrolling = False  # it makes the code larger, and in the browser no faster
    builder = llvm.create_pass_builder(target, options)
    builder.getModulePassManager().run(module, builder)
    return target.emit_object(module)


def _add_entry(module, context, name, result):
    """Add the exported function ``name``, which calls a numba function in numba's own convention."""
    double, i32, i64 = ir.DoubleType(), ir.IntType(32), ir.IntType(64)
    signature = result.signature
    parameters = []
    for kind in signature.args:
        if isinstance(kind, types.Array):
            parameters += [context.get_data_type(kind.dtype).as_pointer()] + [i32] * kind.ndim
        else:
            parameters.append(double)
    returns = signature.return_type != types.void
    entry = ir.Function(module, ir.FunctionType(double if returns else ir.VoidType(), parameters), _symbol(name))
    builder = ir.IRBuilder(entry.append_basic_block())

    parameters = iter(entry.args)
    values = []
    for kind in signature.args:
        value = next(parameters)
        if isinstance(kind, types.Array):
            shape = [builder.sext(next(parameters), i64) for _ in range(kind.ndim)]
            value = _array(context, builder, kind, value, shape)
        elif isinstance(kind, types.Integer):
            value = builder.fptosi(value, context.get_value_type(kind))
        values.append(value)

    function = context.declare_function(module, result.fndesc)
    status, value = context.call_conv.call_function(builder, function, signature.return_type, signature.args, values)
    with builder.if_then(status.is_error, likely=False):
        builder.call(module.declare_intrinsic("llvm.trap", (), ir.FunctionType(ir.VoidType(), [])), ())
        builder.unreachable()
    if not returns:
        builder.ret_void()
    elif isinstance(signature.return_type, types.Integer):
        builder.ret(builder.sitofp(value, double))
    else:
        builder.ret(value)


def _array(context, builder, kind, data, shape):
    """A contiguous numba array over memory that it does not own."""
    itemsize = ir.Constant(ir.IntType(64), context.get_abi_sizeof(context.get_data_type(kind.dtype)))
    strides = [itemsize]
    for length in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], length))
    array = context.make_array(kind)(context, builder)
    populate_array(array, data=data, shape=shape, strides=strides, itemsize=itemsize, meminfo=None)
    return array._getvalue()


def main(table, out):
    module, name = table.split(":")
    try:
        Path(out).write_bytes(compile_module(getattr(importlib.import_module(module), name)))
    except CompileError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
