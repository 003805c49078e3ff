"""The WebAssembly module of the kernels: build it, and run it from Python.

``build`` compiles a table of functions, such as that of :mod:`lib.widgets.exports`, by numba and LLVM alone: no linker,
no C, no second implementation. A page instantiates the module with ``{Math}`` as its imports; ``Module`` does
the same here, for a notebook's explorers, with the C library's functions, under which results equal numba's bit by bit.
"""

import atexit
import ctypes
import ctypes.util
import os
import subprocess
import sys
import tempfile
import weakref
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np

from .digest import digest
from .wasm_link import custom_section, read_custom_section

_ROOT = Path(__file__).resolve().parents[2]
_USER_CACHE = Path(os.path.expanduser("~/.cache")) / "scaling-laws-book"
_ENVIRONMENT = {  # of the compiling process; see lib.compiler.wasm_compile
    "NUMBA_OPT": "0",
    "NUMBA_LOOP_VECTORIZE": "0",
    "NUMBA_SLP_VECTORIZE": "0",
    "NUMBA_CPU_NAME": "generic",
    "NUMBA_CPU_FEATURES": "",
    "PYTHONWARNINGS": "ignore",  # what is printed is the error
    "PYTHONHASHSEED": "0",  # one order of every set, so that the same sources give the same bytes
}

# On what the bytes of a module depend besides the code; numba starts from Python's bytecode.
VERSIONS = (*(f"{package} {version(package)}" for package in ("numba", "llvmlite")), f"Python {sys.version}")
_NOTE = "made from"  # name of the section of a stored module that says so


class BuildError(RuntimeError):
    """The kernels could not be compiled to WebAssembly; the message names the kernel and the cause."""


def build(table):
    """Take the module of a table of exports that is stored or cached; compile it where neither is of the code as it is.

    Stored, by :func:`store`, it stands beside the table's module, since compiling takes minutes and a first page
    should not. The cache is ``_build/wasm`` next to ``lib`` or, where that cannot be written, the user's cache
    folder; its key is the code that is compiled, the compiler's own, and the versions of its packages.

    Parameters
    ----------
    table : str
        "module:attribute" of a dict like :data:`lib.widgets.exports.EXPORTS`.

    Returns
    -------
    bytes
        WebAssembly module that imports functions of ``Math`` and exports ``memory``,
        ``__heap_base`` and the functions of :data:`lib.widgets.exports.EXPORTS`.

    Raises
    ------
    BuildError
        If a kernel uses what a page does not have.
    """
    if (module := ready(table)) is not None:
        return module
    module = compile_table(table)
    for path in _cached(table):
        with suppress(OSError):
            _write(path.parent, path.name, module)
            break
    return module


def ready(table):
    """Take the module of a table of exports if it need not be compiled: stored or cached.

    Parameters
    ----------
    table : str
        As for :func:`build`.

    Returns
    -------
    bytes or None
        As :func:`build`; None where there is none of the code as it is.
    """
    if (module := stored(table)) is not None:
        return module
    for path in _cached(table):
        with suppress(OSError):
            return path.read_bytes()
    return None


def stored(table):
    """Read the module that is stored for a table of exports.

    Parameters
    ----------
    table : str
        As for :func:`build`.

    Returns
    -------
    bytes or None
        As :func:`build`; None where none is stored, or the code is no longer the one that it was compiled from.
    """
    with suppress(OSError):
        module = _place(table).read_bytes()
        if made_from(module).split("\n")[0] == _digest(table):
            return module
    return None


def store(table):
    """Compile a table of exports and store the module beside the table's own module.

    Parameters
    ----------
    table : str
        As for :func:`build`.

    Raises
    ------
    BuildError
        As :func:`build`.
    """
    note = "\n".join([_digest(table), *VERSIONS])
    path = _place(table)
    _write(path.parent, path.name, compile_table(table) + custom_section(_NOTE, note.encode()))


def made_from(module):
    """Say what a stored module was compiled from: the digest of the code, then versions, one a line; else ""."""
    return read_custom_section(module, _NOTE).decode()


def _cached(table):
    """Where a compiled module is kept, the first that can be written."""
    name = _digest(table, VERSIONS) + ".wasm"
    return [folder / name for folder in (_ROOT / "_build" / "wasm", _USER_CACHE)]


def _place(table):
    return _ROOT.joinpath(*table.split(":")[0].split(".")).with_suffix(".wasm")


def _write(folder, name, module):
    """Write a file at once: a reader never sees half of it, and a full disk leaves nothing behind."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as part:
        try:
            part.write(module)
            part.flush()
        except OSError:
            os.unlink(part.name)
            raise
    os.replace(part.name, folder / name)


def compile_table(table):
    """Compile a table of exports in a process of its own, without a cache.

    Parameters
    ----------
    table : str
        "module:attribute" of a dict like :data:`lib.widgets.exports.EXPORTS`.

    Returns
    -------
    bytes
        As :func:`build`.

    Raises
    ------
    BuildError
        As :func:`build`.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "kernels.wasm"
        process = subprocess.run(
            [sys.executable, "-m", "lib.compiler.wasm_compile", table, str(out)],
            cwd=_ROOT,
            env=environment | _ENVIRONMENT,
            stderr=subprocess.PIPE,
            text=True,
        )
        if process.returncode != 0:
            raise BuildError(process.stderr.strip())
        return out.read_bytes()


def _digest(table, versions=()):
    return digest([table.split(":")[0], "lib.compiler.wasm_compile"], _ROOT, versions)


class Module:
    """A WebAssembly module whose functions are callable from Python: an instance in wasmtime.

    Parameters
    ----------
    wasm : bytes
        As :func:`build` returns it.

    Raises
    ------
    ImportError
        If wasmtime is not installed.
    """

    def __init__(self, wasm):
        import wasmtime

        engine, module = _translated(wasm)
        self._store = wasmtime.Store(engine)
        _OPEN.add(self._store)
        imports = [_import_of_libm(self._store, entry) for entry in module.imports]
        self._exports = wasmtime.Instance(self._store, module, imports).exports(self._store)
        self._memory = self._exports["memory"]
        self._heap = self._exports["__heap_base"].value(self._store)

    def call(self, name, *arguments):
        """Call an exported function.

        Parameters
        ----------
        name : str
        *arguments : float, int or contiguous ndarray
            An array is copied in before the call and, if it can be written, copied back into itself after it; one
            that :meth:`hold` gave is where the function works.

        Returns
        -------
        float or None

        Raises
        ------
        wasmtime.Trap
            If the function leaves its memory or raises.
        """
        values, copied, end = [], [], self._heap
        for argument in arguments:
            if not isinstance(argument, np.ndarray):
                values.append(float(argument))
            elif (place := self._offset(argument)) is not None:
                values += [place, *argument.shape]
            else:
                values += [end, *argument.shape]
                copied.append((argument, end))
                end = _after(end, argument)
        self._reach(end)
        for array, start in copied:
            self._memory.write(self._store, array.tobytes(), start)
        result = self._exports[name](self._store, *values)
        for array, start in copied:
            if not array.flags.writeable:
                continue
            data = self._memory.read(self._store, start, start + array.nbytes)
            array[...] = np.frombuffer(data, array.dtype).reshape(array.shape)
        return result

    def hold(self, *arrays):
        """Copy arrays into the module's memory, where functions find them without copying.

        Parameters
        ----------
        *arrays : contiguous ndarray

        Returns
        -------
        list of ndarray
            Views of the copies, while this object lives and until a call needs more memory than there is.
        """
        starts = [self._heap]
        for array in arrays:
            starts.append(_after(starts[-1], array))
        self._heap = starts.pop()
        self._reach(self._heap)
        memory = np.ctypeslib.as_array(self._memory.data_ptr(self._store), (self._memory.data_len(self._store),))
        views = []
        for array, start in zip(arrays, starts):
            view = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
            view[...] = array
            views.append(view)
        return views

    def _reach(self, end):
        """Let the memory grow to a size in bytes."""
        missing = end - self._memory.data_len(self._store)
        if missing > 0:
            self._memory.grow(self._store, -(-missing // (1 << 16)))

    def _offset(self, array):
        """Where in the module's memory an array lies; None outside of it."""
        base = ctypes.addressof(self._memory.data_ptr(self._store).contents)
        offset = array.ctypes.data - base
        return offset if 0 <= offset < self._heap else None


def _after(start, array):
    """The first place behind an array at which another may begin."""
    return start + -(-array.nbytes // 16) * 16


@cache
def _translated(wasm):
    """Machine code of a module, which all of its instances share: wasmtime's engine and module."""
    import wasmtime  # for tests, and for explorers in a notebook: `import lib` does without

    engine = wasmtime.Engine()
    module = wasmtime.Module(engine, wasm)
    _OPEN.update([engine, module])
    return engine, module


# What wasmtime would free as Python ends, when its library is gone: an error is then printed for each.
_OPEN: weakref.WeakSet = weakref.WeakSet()


@atexit.register
def _leave_to_the_system():
    """Free nothing at the end: the system does, and an explorer's thread may still be at work in it."""
    for held in list(_OPEN):
        held._consume()


# A function that wasmtime calls without Python in between: arguments come, and the result goes, in slots of 16 bytes.
_TRAMPOLINE = """
define ptr @trampoline(ptr %environment, ptr %caller, ptr %slots, i64 %count) {{
  {loads}
  %result = call double inttoptr (i64 {address} to ptr)({arguments})
  store double %result, ptr %slots
  ret ptr null
}}
"""


def _import_of_libm(store, entry):
    """The C library's function of the name that a module imports, as an import of that module.

    A kernel calls these a million times: through wasmtime's own trampoline, which is Python, that takes seconds.
    """
    import wasmtime
    from wasmtime import _ffi

    _, address = _trampoline(entry.name, len(entry.type.params))
    function = _ffi.wasmtime_func_t()
    _ffi.wasmtime_func_new_unchecked(
        store._context(),
        entry.type.ptr(),
        _ffi.wasmtime_func_unchecked_callback_t(address),
        None,
        ctypes.CFUNCTYPE(None, ctypes.c_void_p)(),
        ctypes.byref(function),
    )
    return wasmtime.Func._from_raw(function)


@cache
def _trampoline(name, count):
    """The machine code that calls a function of the C library with ``count`` doubles: its owner and its address."""
    library = ctypes.CDLL("ucrtbase" if os.name == "nt" else ctypes.util.find_library("m"))
    slots, numbers = [f"%slot{i}" for i in range(count)], [f"%x{i}" for i in range(count)]
    loads = [
        f"{slot} = getelementptr double, ptr %slots, i64 {2 * i}\n  {number} = load double, ptr {slot}"
        for i, (slot, number) in enumerate(zip(slots, numbers))
    ]
    code = llvm.parse_assembly(
        _TRAMPOLINE.format(
            loads="\n  ".join(loads),
            address=ctypes.cast(getattr(library, name), ctypes.c_void_p).value,
            arguments=", ".join(f"double {number}" for number in numbers),
        )
    )
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
    engine = llvm.create_mcjit_compiler(code, machine)
    engine.finalize_object()
    return engine, engine.get_function_address("trampoline")
