"""The one way a kernel is compiled: every numba option of the project, with its reason.

A kernel takes and returns float64 scalars and contiguous float64 arrays, allocates nothing in
inner loops, and raises nothing: validation is the work of the layer above. Kept so, the same
function compiles natively (here) and to WebAssembly (``lib.widgets.wasm``).
"""

import hashlib
import shutil
from pathlib import Path

import numba
from numba.core import config, types

_LIBRARY = Path(__file__).parents[1]


def _cache_folder():
    """Folder of compiled kernels, named by the content of the whole library; those of earlier ones are deleted.

    Numba's own cache looks only at the file of the function itself, so a caller that inlined an edited kernel
    of another file, or froze a constant that another module computes, would go on returning the old numbers.
    """
    digest = hashlib.sha256(numba.__version__.encode())
    for source in sorted(_LIBRARY.rglob("*.py")):
        digest.update(str(source.relative_to(_LIBRARY)).encode() + b"\0" + source.read_bytes() + b"\0")
    caches = _LIBRARY / "kernels" / "__pycache__"
    folder = caches / f"numba-{digest.hexdigest()[:12]}"
    if not folder.exists():
        for earlier in caches.glob("numba-*"):
            shutil.rmtree(earlier, ignore_errors=True)
    return str(folder)


_CACHE_FOLDER = _cache_folder()

# Full names of the kernels that the WebAssembly build optimises for speed: every other one, for size.
HOT = set()


def kernel(function=None, *, inline=False, hot=False):
    """Compile ``function`` with the project's options.

    - ``error_model="numpy"``: division by zero gives inf or nan, as in an array expression, and
      leaves no branch in the loop.
    - ``fastmath`` stays off: results are the same bits on every machine and in WebAssembly.
    - ``nogil``: a widget's thread and the notebook go on while a kernel runs.
    - ``cache``: the second process starts in milliseconds; see :func:`_cache_folder`.
    - The WebAssembly build alone asks numba not to optimise (NUMBA_OPT=0). It needs code that is not in
      the cache, and without the counting of references, as nothing is allocated: a third less of it.
    - ``inline`` puts the body into each caller before LLVM sees it, which a small kernel inside a hot
      loop needs for the loop to vectorise.
    - ``hot`` marks a kernel whose loops a page waits for. In WebAssembly all others are compiled for size,
      which halves what every reader downloads and costs them next to nothing; natively it has no effect.
    """
    if function is None:
        return lambda f: kernel(f, inline=inline, hot=hot)
    if hot:
        HOT.add(f"{function.__module__}.{function.__qualname__}")
    native = config.OPT > 0
    previous, config.CACHE_DIR = config.CACHE_DIR, _CACHE_FOLDER
    try:
        dispatcher = numba.njit(
            error_model="numpy",
            nogil=True,
            cache=native,
            _nrt=native,
            inline="always" if inline else "never",
        )(function)
    finally:
        config.CACHE_DIR = previous
    # Numba would compile a version more for every constant with which a kernel is called, such as f(x, 0), and
    # for every other kernel that hands it on.
    template = dispatcher.get_call_template
    dispatcher.get_call_template = lambda args, kws: template(
        [types.unliteral(kind) for kind in args], {name: types.unliteral(kind) for name, kind in kws.items()})
    return dispatcher
