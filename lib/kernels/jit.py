"""The one way a kernel is compiled: every numba option of the project, with its reason.

A kernel takes and returns float64 scalars and contiguous float64 arrays, allocates nothing in
inner loops, and raises nothing: validation is the work of the layer above. Kept so, the same
function compiles natively (here) and to WebAssembly (``lib.widgets.wasm``).
"""

import hashlib
from pathlib import Path

import numba
from numba.core import config

_KERNELS = Path(__file__).parent


def _cache_folder():
    """Folder of compiled kernels, named by the content of every kernel source.

    Numba's own cache looks only at the file of the function itself, so a caller that inlined an
    edited kernel of another file would go on returning the old numbers.
    """
    digest = hashlib.sha256(numba.__version__.encode())
    for source in sorted(_KERNELS.glob("*.py")):
        digest.update(source.read_bytes())
    return str(_KERNELS / "__pycache__" / f"numba-{digest.hexdigest()[:12]}")


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
        return numba.njit(
            error_model="numpy",
            nogil=True,
            cache=native,
            _nrt=native,
            inline="always" if inline else "never",
        )(function)
    finally:
        config.CACHE_DIR = previous
