"""The WebAssembly module of the kernels: build it, and run it from Python.

``build`` compiles a table of functions, such as that of :mod:`lib.widgets.exports`, by numba and LLVM alone: no linker,
no C, no second implementation. A page instantiates the module with ``{Math}`` as its imports; ``Module`` does
the same here with the C library's functions, under which results equal numba's bit by bit.
"""

import ctypes
import ctypes.util
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

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
    if (module := stored(table)) is not None:
        return module
    name = _digest(table, VERSIONS) + ".wasm"
    folders = (_ROOT / "_build" / "wasm", _USER_CACHE)
    for folder in folders:
        with suppress(OSError):
            return (folder / name).read_bytes()
    module = compile_table(table)
    for folder in folders:
        with suppress(OSError):
            _write(folder, name, module)
            break
    return module


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
    """

    def __init__(self, wasm):
        import wasmtime  # for tests and benchmarks; a reader's installation does without

        self._store = wasmtime.Store()
        module = wasmtime.Module(self._store.engine, wasm)
        libm = ctypes.CDLL(ctypes.util.find_library("m"))
        imports = []
        for entry in module.imports:
            function = getattr(libm, entry.name)
            function.restype, function.argtypes = ctypes.c_double, [ctypes.c_double] * len(entry.type.params)
            imports.append(wasmtime.Func(self._store, entry.type, function))
        self._exports = wasmtime.Instance(self._store, module, imports).exports(self._store)
        self._memory = self._exports["memory"]
        self._heap = self._exports["__heap_base"].value(self._store)

    def call(self, name, *arguments):
        """Call an exported function.

        Parameters
        ----------
        name : str
        *arguments : float, int or contiguous ndarray
            An array is copied in before the call and copied back into itself after it.

        Returns
        -------
        float or None

        Raises
        ------
        wasmtime.Trap
            If the function leaves its memory or raises.
        """
        values, places, end = [], [], self._heap
        for argument in arguments:
            if isinstance(argument, np.ndarray):
                values += [end, *argument.shape]
                places.append((argument, end))
                end += -(-argument.nbytes // 16) * 16
            else:
                values.append(float(argument))
        missing = end - self._memory.data_len(self._store)
        if missing > 0:
            self._memory.grow(self._store, -(-missing // (1 << 16)))
        for array, start in places:
            self._memory.write(self._store, array.tobytes(), start)
        result = self._exports[name](self._store, *values)
        for array, start in places:
            data = self._memory.read(self._store, start, start + array.nbytes)
            array[...] = np.frombuffer(data, array.dtype).reshape(array.shape)
        return result
