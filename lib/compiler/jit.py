"""The one way a kernel is compiled: every numba option of the project, with its reason.

A kernel takes and returns float64 scalars and contiguous float64 arrays, allocates nothing in
inner loops, and raises nothing: validation is the work of the layer above. Under these rules the same
function compiles natively (here) and to WebAssembly (``lib.compiler.wasm``).
"""

import os
import pickle
import sys
import tempfile
import warnings
from functools import cache
from pathlib import Path

import numba
from numba.core import caching, config, types
from numba.core.extending import intrinsic

from .digest import ROOT, digest

if config.DISABLE_JIT:
    # Kernels run as Python use numpy's scalars, which warn where the random numbers' integers overflow, as they should.
    warnings.filterwarnings("ignore", "overflow encountered in scalar")

# Full names of the kernels that the WebAssembly build optimises for speed: every other one, for size.
HOT: set[str] = set()


@cache
def cache_root():
    """Find the folder in which compiled kernels are stored: the first of these that can be written.

    ``NUMBA_CACHE_DIR`` if it is set, else ``__pycache__`` in this module's folder, else the user's cache folder, else
    the temporary one.

    Returns
    -------
    Path or None
        None if none can be written.
    """
    next_to_code = Path(__file__).parent / "__pycache__"
    own = f"scaling-laws-book-{os.getuid()}" if hasattr(os, "getuid") else "scaling-laws-book"
    user = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # unlike Path's own, never an error
    places = [next_to_code, Path(user) / "scaling-laws-book", Path(tempfile.gettempdir()) / own]
    if config.CACHE_DIR:
        places.insert(0, Path(config.CACHE_DIR))
    for place in places:
        try:
            folder = place / "numba"
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
            return folder
        except OSError:
            continue
    return None


@cache
def _stamp(module):
    """Digest of a module and of all that it imports from ``lib``.

    Numba's own cache looks only at the file of the function itself, so a caller that inlined an edited kernel
    of another file, or froze a constant that another module computes, would go on returning the old numbers.
    """
    return digest([module], extra=[numba.__version__])


class _Locator(caching._CacheLocator):
    """Locates the compiled forms of a function, in a folder named by its module's digest.

    Two checkouts and two versions of the tree live side by side; ``make clean`` deletes them all.
    """

    def __init__(self, function):
        self._stamp = _stamp(function.__module__)

    def get_cache_path(self):
        return str(cache_root() / self._stamp)

    def get_source_stamp(self):
        return self._stamp

    def get_disambiguator(self):
        return ""  # the line number of numba's own locators would change with every comment above

    @classmethod
    def from_function(cls, function, file):
        return cls(function)


class _Implementation(caching.CompileResultCacheImpl):
    _locator_classes = [_Locator]


class _Cache(caching.FunctionCache):
    """Numba's cache of a function, to which a damaged or unwritable file counts as missing."""

    _impl_class = _Implementation

    def load_overload(self, signature, context):
        try:
            return super().load_overload(signature, context)
        except (OSError, EOFError, ValueError, LookupError, AttributeError, ImportError, pickle.UnpicklingError):
            try:
                self.flush()  # an empty index, so that what is compiled now is saved
            except OSError:
                pass
            return None

    def save_overload(self, signature, data):
        try:
            super().save_overload(signature, data)
        except OSError as error:
            _warn_once(str(error))


@cache
def _warn_once(problem):
    warnings.warn(f"compiled kernels cannot be stored in {cache_root()}: {problem}", RuntimeWarning, stacklevel=2)


def kernel(function=None, *, inline=False, hot=False):
    """Compile a function with the project's options, as a decorator.

    - ``error_model="numpy"``: division by zero gives inf or nan, as in an array expression, and
      leaves no branch in the loop.
    - ``fastmath`` stays off: results are the same bits on every machine and in WebAssembly.
    - ``nogil``: a widget's thread and the notebook go on while a kernel runs.
    - Functions of ``lib`` are cached: the second process starts in milliseconds; see :class:`_Locator`.
    - The WebAssembly build alone asks numba not to optimise (NUMBA_OPT=0). It needs code that is not in
      the cache, and without reference counting, as nothing is allocated: the code is a third shorter.

    Parameters
    ----------
    function : callable, optional
        The function. Default: a decorator with the other arguments is returned.
    inline : bool
        Whether to put the body into each caller before LLVM sees it, which a small kernel inside a hot loop needs
        for the loop to vectorise. Default: no.
    hot : bool
        Whether a page waits for the kernel's loops. In WebAssembly all others are compiled for size, which halves
        what every reader downloads and costs them next to nothing; natively it has no effect. Default: no.

    Returns
    -------
    callable
        Numba's dispatcher; with ``NUMBA_DISABLE_JIT=1`` the function itself, to be run as Python by a debugger or
        for coverage.
    """
    if function is None:
        return lambda f: kernel(f, inline=inline, hot=hot)
    if hot:
        HOT.add(f"{function.__module__}.{function.__qualname__}")
    if config.DISABLE_JIT:
        return function
    native = config.OPT > 0
    dispatcher = numba.njit(
        error_model="numpy",
        nogil=True,
        _nrt=native,
        inline="always" if inline else "never",
    )(function)
    if native and _in_library(function) and cache_root() is not None:
        dispatcher._cache = _Cache(function)
    # Numba specialises on literal arguments: f(x, 0) and f(x, 1) in another kernel would be compiled separately, and
    # so would every kernel to which f passes the constant. Strip literals. Overloads have an option for this
    # (prefer_literal, https://github.com/numba/numba/pull/6058); dispatchers, which got literals from
    # https://github.com/numba/numba/pull/4467, have none.
    template = dispatcher.get_call_template
    dispatcher.get_call_template = lambda args, kws: template(
        [types.unliteral(kind) for kind in args], {name: types.unliteral(kind) for name, kind in kws.items()}
    )
    return dispatcher


def primitive(python):
    """Decorate the code generator of an instruction that numba does not have.

    Parameters
    ----------
    python : callable
        The same function in Python, used where kernels run as Python (``NUMBA_DISABLE_JIT=1``).

    Returns
    -------
    callable
        Decorator of the code generator.
    """
    return lambda generator: python if config.DISABLE_JIT else intrinsic(generator)


def _in_library(function):
    """Whether a function is one of a module of ``lib``, whose digest is known, and not of a notebook or a test."""
    module = sys.modules.get(function.__module__)
    file = getattr(module, "__file__", None)
    return (
        file is not None
        and function.__module__.split(".")[0] == __name__.split(".")[0]
        and Path(file).resolve().is_relative_to(ROOT)
        and "<locals>" not in function.__qualname__
    )
