"""The functions that a page calls: what its WebAssembly module exports, in one table.

``EXPORTS[name] = (kernel, signature)``, the signature as numba writes it, for example
``"void(f8[:, ::1], i8, f8[::1])"``. At the module's boundary

- an array is its address followed by its lengths, one per axis, in elements (``i32`` each);
- every scalar, integers too, is a double, and so is the value returned.

Experiments (``lib.widgets.experiment``) enter by themselves, as NAME_size, NAME_start, NAME_advance; the kernels
for the reader's table have the same form.
"""

from .experiments import EXPERIMENTS
from .kernels.covariance import table_advance, table_size, table_start

EXPORTS = {}
TABLE = f"{__name__}:EXPORTS"  # as the build asks for it
_TRIOS = {name: (experiment.size, experiment.start, experiment.advance) for name, experiment in EXPERIMENTS.items()}
for _name, (_size, _start, _advance) in (_TRIOS | {"table": (table_size, table_start, table_advance)}).items():
    EXPORTS[f"{_name}_size"] = (_size, "f8(f8[::1], f8[::1])")
    EXPORTS[f"{_name}_start"] = (_start, "f8(f8[::1], f8[::1], f8[::1])")
    EXPORTS[f"{_name}_advance"] = (_advance, "f8(f8[::1], f8[::1], f8[::1])")
