"""The functions that the WebAssembly module exports: one table, from which build and tests work.

``EXPORTS[name] = (kernel, signature)``, the signature as numba writes it, for example
``"void(f8[:, ::1], i8, f8[::1])"``. At the module's boundary

- an array is its address followed by its lengths, one per axis, in elements (``i32`` each);
- every scalar, integers too, is a double, and so is the value returned.

Experiments (``lib.widgets.experiment``) enter by themselves, as NAME_size, NAME_start, NAME_advance.
"""

from ..kernels.flow import flow
from ..kernels.gamma import upper_gamma
from ..kernels.jit import kernel
from ..kernels.linear import decay_sum, modes
from ..kernels.rng import fill_normals, stream_key
from ..kernels.sgd import advance, measure
from ..kernels.special import activation
from .experiments import EXPERIMENTS


@kernel
def normals(seed, stream, start, out):
    """Normals of a stream named by whole numbers: a key of 64 bits does not fit into a double."""
    fill_normals(stream_key(seed, stream), start, out)


@kernel
def activations(x, g, slope):
    """The activation g and its slope at every x (n,)."""
    for i in range(x.shape[0]):
        g[i], slope[i] = activation(x[i])


EXPORTS = {
    "normals": (normals, "void(i8, i8, i8, f8[::1])"),
    "activations": (activations, "void(f8[::1], f8[::1], f8[::1])"),
    "upper_gamma": (upper_gamma, "f8(f8, f8)"),
    "modes": (modes, "void(f8[::1], f8[::1], f8, f8[::1], f8[::1], f8[::1])"),
    "decay_sum": (decay_sum, "void(f8[::1], f8[::1], f8, f8[::1], f8[::1])"),
    "flow": (
        flow,
        "void(f8[::1], f8[::1], f8[:,:,::1], f8[:,::1], f8, f8, f8, i8, f8[:,:,::1], f8[:,:,::1],"
        " f8[:,:,::1], f8[:,:,::1], f8[:,::1], f8[:,::1], f8[:,::1], f8[:,::1], f8[:,::1])",
    ),
    "sgd": (
        advance,
        "void(f8[:,::1], f8[:,::1], f8[::1], f8, f8, f8, i8, i8, i8, i8, i8, f8[::1], f8[::1])",
    ),
    "measure": (measure, "void(f8[:,::1], f8[:,::1], f8[::1], f8[::1], f8[:,::1], f8[:,::1])"),
}

for _name, _experiment in EXPERIMENTS.items():
    EXPORTS[f"{_name}_size"] = (_experiment.size, "f8(f8[::1], f8[::1])")
    EXPORTS[f"{_name}_start"] = (_experiment.start, "f8(f8[::1], f8[::1], f8[::1])")
    EXPORTS[f"{_name}_advance"] = (_experiment.advance, "f8(f8[::1], f8[::1], f8[::1])")
