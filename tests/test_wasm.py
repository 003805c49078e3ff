"""The WebAssembly module against the kernels it is made of.

Equality is of bits, for every kernel. The bound is derived, not measured: without fast-math LLVM neither
contracts, reorders nor widens floating-point arithmetic, so both targets round the same operations in the
same order; + - * / sqrt are correctly rounded in both; and exp, log, asin are here the same C library's.
"""

import copy
import importlib
import sys

import numpy as np
import pytest
import wasmtime

from lib.compiler import wasm
from lib.compiler.jit import kernel
from lib.kernels import aligned, integrator
from lib.kernels.averages import SQUARE, Network
from lib.kernels.flow import Levels, Totals, flow, square_flow
from lib.kernels.integrator import Blocks
from lib.kernels.linear import decay_sum, modes
from lib.kernels.reduced import reduced_size, reduced_start, square_reduced_advance
from lib.kernels.sgd import Run, advance, measure, square_advance
from lib.maths.erf import activation
from lib.maths.gamma import upper_gamma
from lib.maths.rng import fill_normals, stream_key
from lib.widgets import run as explorer_run
from lib.widgets.experiments import EXPERIMENTS
from lib.widgets.exports import EXPORTS, TABLE
from lib.widgets.kernels.covariance import table_size, table_start

SIZE_BUDGET = 160_000  # bytes, for all nineteen explorers of the book


@kernel
def normals(seed, stream, start, out):
    """Normals of a stream named by whole numbers: a key of 64 bits does not fit into a double."""
    fill_normals(stream_key(seed, stream), start, out)


@kernel
def activations(x, g, slope):
    """The activation g and its slope at every x (n,)."""
    for i in range(x.shape[0]):
        g[i], slope[i] = activation(x[i])


@kernel
def velocity(eigenvalue, weight, t, T, eta, v, u, activity, r, q, dr, dq, Q, R, C, D, G):
    """The flow's right-hand side: named tuples do not pass a module's boundary."""
    levels, totals = Levels(eigenvalue, weight, r, q, t), Totals(Q, R, C, D, G)
    flow(levels, T, eta, Network(v, u, activity), totals, dr, dq)


@kernel
def pairs(eigenvalue, mass, noise, r, q, t, v, u, T, rest, eta, normalised, work, alpha, eps, Q, R, history):
    """A run of aligned quadratic units, likewise; its status."""
    aligned.start(Blocks(eigenvalue, mass, noise, r, q, t), v, u, T, rest, eta, normalised, work)
    return float(aligned.advance(work, alpha, 1e-8, 200, eps, Q, R, history))


@kernel
def direct(J, B, root, eta, v, u, activity, trained, seed, first, last, xi, slope):
    """Direct SGD, likewise."""
    advance(Run(J, B, root, trained, xi, slope), eta, Network(v, u, activity), seed, first, last)


@kernel
def square_velocity(eigenvalue, weight, t, T, eta, outputs, r, q, dr, dq, Q, R, C, D, G):
    """The flow's right-hand side for quadratic units."""
    levels, totals = Levels(eigenvalue, weight, r, q, t), Totals(Q, R, C, D, G)
    square_flow(levels, T, eta, outputs, totals, dr, dq)


@kernel
def square_direct(J, B, root, eta, outputs, trained, seed, first, last, xi, weighted, slope):
    """Direct SGD of quadratic units."""
    square_advance(Run(J, B, root, trained, xi, slope), eta, outputs, weighted, seed, first, last)


@kernel
def square_run(eigenvalue, mass, noise, r, q, t, T, eta, outputs, alpha, work, eps, Q, R, history):
    """The integrator on quadratic units."""
    blocks = integrator.Blocks(eigenvalue, mass, noise, r, q, t)
    integrator.start(blocks, T, eta, Network(1.0, 1.0, SQUARE), work)
    integrator.weigh(outputs, work)
    return integrator.advance(work, alpha, 1e-8, 200, eps, Q, R, history)


# What the experiments are made of, one by one: a module of its own, which no page loads.
KERNELS = {
    "normals": (normals, "void(i8, i8, i8, f8[::1])"),
    "activations": (activations, "void(f8[::1], f8[::1], f8[::1])"),
    "upper_gamma": (upper_gamma, "f8(f8, f8)"),
    "modes": (modes, "void(f8[::1], f8[::1], f8, f8[::1], f8[::1], f8[::1])"),
    "decay_sum": (decay_sum, "void(f8[::1], f8[::1], f8, f8[::1], f8[::1])"),
    "flow": (
        velocity,
        "void(f8[::1], f8[::1], f8[:,:,::1], f8[:,::1], f8, f8, f8, i8, f8[:,:,::1], f8[:,:,::1],"
        " f8[:,:,::1], f8[:,:,::1], f8[:,::1], f8[:,::1], f8[:,::1], f8[:,::1], f8[:,::1])",
    ),
    "aligned": (
        pairs,
        "f8(f8[::1], f8[::1], f8[::1], f8[:,::1], f8[:,::1], f8[:,::1], f8[::1], f8[::1], f8[::1], f8, f8, f8,"
        " f8[::1], f8[::1], f8[::1], f8[:,::1], f8[:,::1], f8[:,:,:,::1])",
    ),
    "sgd": (
        direct,
        "void(f8[:,::1], f8[:,::1], f8[::1], f8, f8, f8, i8, i8, i8, i8, i8, f8[::1], f8[::1])",
    ),
    "square_flow": (
        square_velocity,
        "void(f8[::1], f8[::1], f8[:,:,::1], f8[:,::1], f8, f8[::1], f8[:,:,::1], f8[:,:,::1],"
        " f8[:,:,::1], f8[:,:,::1], f8[:,::1], f8[:,::1], f8[:,::1], f8[:,::1], f8[:,::1])",
    ),
    "square_sgd": (
        square_direct,
        "void(f8[:,::1], f8[:,::1], f8[::1], f8, f8[::1], i8, i8, i8, i8, f8[::1], f8[::1], f8[::1])",
    ),
    "square_reduced": (square_reduced_advance, "void(f8[::1], f8, f8[::1], f8[::1], i8, i8, i8)"),
    "square_run": (
        square_run,
        "i8(f8[::1], f8[::1], f8[::1], f8[:,:,::1], f8[:,:,::1], f8[:,:,::1], f8[:,::1], f8, f8[::1], f8[::1],"
        " f8[::1], f8[::1], f8[:,:,::1], f8[:,:,::1], f8[:,:,:,::1])",
    ),
    "measure": (measure, "void(f8[:,::1], f8[:,::1], f8[::1], f8[::1], f8[:,::1], f8[:,::1])"),
}


def _spectrum(L):
    eigenvalue = np.arange(1.0, L + 1) ** -2.0
    return eigenvalue / eigenvalue.mean(), np.full(L, 1 / L)


def _normals(rng):
    return 3, 1, int(rng.integers(1000)), np.zeros(1001)


def _activations(rng):
    x = 4.0 * rng.standard_normal(500)
    return x, np.zeros_like(x), np.zeros_like(x)


def _upper_gamma(rng):
    return rng.uniform(0.1, 0.9), 10.0 ** rng.uniform(-3.0, 1.5)


def _modes(rng):
    eigenvalue, weight = _spectrum(128)
    return eigenvalue, weight, rng.uniform(0.1, 0.9), np.zeros(128), np.zeros(128), np.zeros(4)


def _decay_sum(rng):
    return rng.random(128), rng.random(128), 0.5, np.geomspace(0.1, 100.0, 30), np.zeros(30)


def _flow(rng):
    L, K, M = 64, 3, 2
    P = K + M
    fields = rng.standard_normal((L, P, 2 * P))
    blocks = fields @ fields.swapaxes(1, 2) / (2 * P)
    q, r, t = (np.ascontiguousarray(b) for b in (blocks[:, :K, :K], blocks[:, :K, K:], blocks[:, K:, K:]))
    eigenvalue, weight = _spectrum(L)
    T = np.einsum("k,k,knm->nm", weight, eigenvalue, t)
    scratch = (np.zeros(shape) for shape in ((K, K), (K, M), (P, P), (K, P), (K, K)))
    return eigenvalue, weight, t, T, 0.3, 0.5, 0.5, 0, r, q, np.zeros_like(r), np.zeros_like(q), *scratch


def _aligned(rng):
    L, K, times = 20, 3, 5
    (eigenvalue, weight), ones = _spectrum(L), np.ones((K, L))
    blocks = eigenvalue, weight * eigenvalue, np.ones(L), 1e-3 * ones, rng.random((K, L)), ones
    outputs = (np.zeros(shape) for shape in (times, (times, K), (times, K), (times, 2, K, L)))
    v, u, work = rng.uniform(0.3, 1.0, K), rng.uniform(0.3, 1.0, K), np.zeros(int(aligned.size(L, K)))
    normalised = float(rng.integers(2))
    return *blocks, v, u, np.ones(K), 0.1, 0.02, normalised, work, np.geomspace(0.1, 100.0, times), *outputs


def _sgd(rng):
    N, K, M = 301, 2, 3
    J, B = 0.1 * rng.standard_normal((K, N)), rng.standard_normal((M, N))
    return J, B, np.sqrt(_spectrum(N)[0]), 0.2, 0.5, 0.5, 0, 200, 7, 10, 60, np.zeros(N), np.zeros(K)


def _square_flow(rng):
    eigenvalue, weight, t, T, eta, _, _, _, *rest = _flow(rng)
    return eigenvalue, weight, t, T, eta, np.array([-0.5, -0.4, -0.3, 0.6, 0.5]), *rest


def _square_sgd(rng):
    J, B, root, _, _, _, _, *numbers, xi, slope = _sgd(rng)
    return J, B, root, 0.02, np.array([-0.5, -0.4, 0.6, 0.5, 0.4]), *numbers, xi, np.zeros_like(xi), slope


def _square_reduced(rng):
    size, K, M = np.array([40.0, 6.0]), 2, 3
    state = np.zeros(int(reduced_size(size, K, M)))
    reduced_start(state, np.array([1.5, 0.5]), size, K, M, 0.3, 1.0, 7)
    return state, 0.02, np.array([-0.5, -0.4, 0.6, 0.5, 0.4]), np.zeros(state.size), 7, 10, 60


def _square_run(rng):
    eigenvalue, weight, t, T, _, _, _, _, r, q, *_ = _flow(rng)
    (L, K, M), alpha = r.shape, np.array([1.0, 10.0, 30.0])
    outputs, work = np.array([-0.5, -0.4, -0.3, 0.6, 0.5]), np.zeros(int(integrator.size(L, K, M)))
    out = np.zeros(3), np.zeros((3, K, K)), np.zeros((3, K, M)), np.zeros((3, K, K + M, L))
    return eigenvalue, weight * eigenvalue, np.ones(L), r, q, t, T, 0.02, outputs, alpha, work, *out


def _measure(rng):
    N, K, M = 301, 2, 3
    J, B, root = rng.standard_normal((K, N)), rng.standard_normal((M, N)), rng.random(N)
    return J, B, root, np.zeros(N), np.zeros((K, K)), np.zeros((K, M))


def _controls(experiment, rng):
    """Random values of an experiment's controls, inside their ranges."""
    values = []
    for control in experiment.controls:
        if control.choices:
            value = rng.choice(control.choices)
        elif control.scale == "log":
            value = np.exp(rng.uniform(np.log(control.minimum), np.log(control.maximum)))
        elif control.scale == "integer":
            value = rng.integers(control.minimum, control.maximum, endpoint=True)
        else:
            value = rng.uniform(control.minimum, control.maximum)
        values.append(float(value))
    return np.array(values)


def _experiment_cases(name, experiment):
    """Cases of an experiment's three kernels: they work on what the one before them left."""

    def size(rng):
        return _controls(experiment, rng), _spectrum(100)[0] if experiment.table else np.zeros(0)

    def start(rng):
        p, data = size(rng)
        return p, data, np.zeros(int(experiment.size(p, data)))

    def advance(rng):
        p, data, work = start(rng)
        experiment.start(p, data, work)
        return p, data, work

    return {f"{name}_size": size, f"{name}_start": start, f"{name}_advance": advance}


def _table_size(rng):
    return np.array([40.0, 30.0, 2.0**-52]), rng.standard_normal(1200)


def _table_start(rng):
    p, data = _table_size(rng)
    return p, data, np.zeros(int(table_size(p, data)))


def _table_advance(rng):
    p, data, work = _table_start(rng)
    table_start(p, data, work)
    return p, data, work


CASES = {
    "table_size": _table_size,
    "table_start": _table_start,
    "table_advance": _table_advance,
    "normals": _normals,
    "activations": _activations,
    "upper_gamma": _upper_gamma,
    "modes": _modes,
    "decay_sum": _decay_sum,
    "flow": _flow,
    "aligned": _aligned,
    "sgd": _sgd,
    "square_flow": _square_flow,
    "square_sgd": _square_sgd,
    "square_reduced": _square_reduced,
    "square_run": _square_run,
    "measure": _measure,
}
for _name, _experiment in EXPERIMENTS.items():
    CASES |= _experiment_cases(_name, _experiment)


@pytest.fixture(scope="module")
def binary():
    return wasm.build(TABLE)


@pytest.fixture(scope="module")
def module(binary):
    return wasm.Module(binary)


@pytest.fixture(scope="module")
def kernels():
    return wasm.Module(wasm.compile_table("tests.test_wasm:KERNELS"))


def assert_same_run(kernel, module, name, arguments):
    """Run natively and in ``module``: result and all arrays, inputs too, are the same doubles."""
    copies = copy.deepcopy(arguments)
    expected = kernel(*arguments)
    result = module.call(name, *copies)
    np.testing.assert_array_equal(result, expected)
    for argument, value in zip(copies, arguments):
        np.testing.assert_array_equal(argument, value)


def test_every_exported_kernel_has_a_case():
    assert set(CASES) == set(EXPORTS) | set(KERNELS)


@pytest.mark.parametrize("name", EXPORTS)
@pytest.mark.parametrize("seed", range(3))
def test_same_numbers_as_native(module, name, seed):
    arguments = CASES[name](np.random.default_rng(seed))
    assert_same_run(EXPORTS[name][0], module, name, arguments)


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.slow("compiles a module of its own, 2 to 10 s")
def test_same_numbers_kernel_by_kernel(kernels, name, seed):
    arguments = CASES[name](np.random.default_rng(seed))
    assert_same_run(KERNELS[name][0], kernels, name, arguments)


@pytest.mark.parametrize("name", [name for name in CASES if not name.endswith("_size")])
def test_cases_make_numbers(name):
    """A case in which nothing happens, or all is NaN, would compare nothing."""
    arguments = CASES[name](np.random.default_rng(0))
    before = copy.deepcopy(arguments)
    result = (EXPORTS | KERNELS)[name][0](*arguments)
    changed = [a[a != b] for a, b in zip(arguments, before) if isinstance(a, np.ndarray)]
    numbers = np.concatenate([*changed, np.atleast_1d(result if result is not None else np.nan)])
    assert np.isfinite(numbers).any()


def test_held_arrays_are_worked_on_where_they_lie(binary):
    module, native = wasm.Module(binary), CASES["spectrum_start"](np.random.default_rng(0))
    held = module.hold(*native)
    status = EXPORTS["spectrum_start"][0](*native)
    assert module.call("spectrum_start", *held) == status
    np.testing.assert_array_equal(held[-1], native[-1])
    # copied behind what is held, which stays as it is
    assert_same_run(EXPORTS["tasks_size"][0], module, "tasks_size", CASES["tasks_size"](np.random.default_rng(0)))
    np.testing.assert_array_equal(held[-1], native[-1])


@pytest.mark.parametrize("name", ["spectrum", "planning"])
def test_an_explorer_runs_the_pages_module_and_gives_what_its_kernels_give(binary, monkeypatch, name):
    experiment = EXPERIMENTS[name]
    values, data = tuple(float(control.default) for control in experiment.controls), _spectrum(100)[0]
    data.flags.writeable = False  # as a spectrum's are
    outputs = []
    for code in (binary, None):
        monkeypatch.setattr(explorer_run, "_pages_bytes", lambda code=code: code)
        run = explorer_run.Run(experiment, values, data)
        run.advance()
        outputs.append((run.status, run.fraction, run.output.copy()))
    in_module, native = outputs
    assert in_module[:2] == native[:2] and native[1] == 1.0
    np.testing.assert_array_equal(in_module[2], native[2])


def test_without_wasmtime_an_explorer_compiles_its_kernels(binary, monkeypatch):
    monkeypatch.setattr(explorer_run, "_pages_bytes", lambda: binary)
    monkeypatch.setattr(explorer_run.wasm, "_translated", wasm._translated.__wrapped__)  # what is kept needs no import
    monkeypatch.setitem(sys.modules, "wasmtime", None)
    experiment = EXPERIMENTS["spectrum"]
    run = explorer_run.Run(experiment, tuple(float(control.default) for control in experiment.controls), np.zeros(0))
    assert isinstance(run.output.base, np.ndarray)


def test_the_module_is_the_same_from_any_folder(binary):
    """Numba pickles where exceptions are raised, with the path of its own file; two checkouts must give one module."""
    assert b"site-packages" not in binary


def test_size_within_budget(binary):
    assert len(binary) < SIZE_BUDGET


def test_module_needs_nothing_but_math(binary):
    module = wasmtime.Module(wasmtime.Engine(), binary)
    assert {entry.module for entry in module.imports} <= {"Math"}
    assert {entry.name for entry in module.exports} == {"memory", "__heap_base", *EXPORTS}


PROBES = '''
import llvmlite.ir as ir
import numpy as np
from numba import types
from numba.core import cgutils
from numba.core.extending import intrinsic

from lib.compiler.jit import kernel

NODES = np.linspace(-1.0, 1.0, 50)
PRIMES = np.array([2, 3, 5, 7, 11])


@kernel
def data(i, j):
    return NODES[i] * PRIMES[j]


@kernel
def integers(small, large, x):
    return large * small + int(x)


@kernel
def erf(x):
    return 2.0 * x


@kernel
def checked(x):
    if x < 0.0:
        raise ValueError("negative")
    return x


@kernel
def reverse(a):
    for i in range(a.shape[0]):
        for j in range(a.shape[1] // 2):
            a[i, j], a[i, -1 - j] = a[i, -1 - j], a[i, j]


@kernel
def even(n):
    return 1 if n == 0 else odd(n - 1)


@kernel
def odd(n):
    return 0 if n == 0 else even(n - 1)


@intrinsic
def _local(typingctx, i):
    """Fill a local array of two megabytes, then read element i."""

    def codegen(context, builder, signature, args):
        size = ir.Constant(ir.IntType(64), 1 << 18)
        array = builder.alloca(ir.DoubleType(), size)
        with cgutils.for_range(builder, size) as loop:
            builder.store(builder.sitofp(loop.index, ir.DoubleType()), builder.gep(array, [loop.index]))
        return builder.load(builder.gep(array, [args[0]]))

    return types.float64(types.int64), codegen


@kernel
def overflow(i):
    return _local(i)


@kernel
def allocates(n):
    return np.ones(n)[0]


@kernel
def special(x):
    return x % 1.5


@kernel
def power(x):
    return 2.0 ** x


@kernel
def twice(x):
    return "a" * x


@kernel
def complex_root(z):
    return z


@kernel
def add(x, y):
    for i in range(x.shape[0]):
        y[i] += x[i]


@kernel(hot=True)
def add_fast(x, y):
    for i in range(x.shape[0]):
        y[i] += x[i]


WORKING = {
    "data": (data, "f8(i8, i8)"),
    "integers": (integers, "i8(i4, i8, f8)"),
    "erf": (erf, "f8(f8)"),
    "checked": (checked, "f8(f8)"),
    "reverse": (reverse, "void(i4[:, ::1])"),
    "even": (even, "i8(i8)"),
    "overflow": (overflow, "f8(i8)"),
}
MISSING = {"sound": (erf, "f8(f8)"), "special": (special, "f8(f8)"), "power": (power, "f8(f8)")}
ALLOCATING = {"sound": (erf, "f8(f8)"), "allocates": (allocates, "f8(i8)")}
MISTYPED = {"twice": (twice, "f8(f8)")}
COMPLEX = {"complex_root": (complex_root, "c16(c16)")}
SMALL = {"add": (add, "void(f8[::1], f8[::1])")}
FAST = {"add": (add_fast, "void(f8[::1], f8[::1])")}
'''


@pytest.fixture(scope="module")
def probes(tmp_path_factory):
    """A module of kernels that only these tests need, importable by the compiling process too."""
    folder = tmp_path_factory.mktemp("probes")
    (folder / "wasm_probes.py").write_text(PROBES)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", str(folder))
        yield importlib.import_module("wasm_probes")
    del sys.modules["wasm_probes"]


@pytest.fixture(scope="module")
def working(probes):
    return wasm.Module(wasm.compile_table("wasm_probes:WORKING"))


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("data", (3, 4)),  # constants in the module's data, which the linker moves
        ("integers", (-7, 2**40 + 1, -2.9)),
        ("erf", (1.5,)),  # the name of a function of C stands for the kernel
        ("checked", (1.0,)),
        ("even", (7,)),  # mutual recursion
        ("reverse", (np.arange(12, dtype=np.int32).reshape(3, 4),)),
        ("reverse", (np.zeros((0, 4), np.int32),)),
        ("reverse", (np.arange(1 << 20, dtype=np.int32).reshape(2, -1),)),  # memory must grow
    ],
)
@pytest.mark.slow("compiles a module of its own, 2 to 10 s")
def test_boundary(probes, working, name, arguments):
    assert_same_run(probes.WORKING[name][0], working, name, arguments)


def test_exception_becomes_a_trap(working):
    with pytest.raises(wasmtime.Trap):
        working.call("checked", -1.0)


def test_stack_overflow_is_a_trap(working):
    with pytest.raises(wasmtime.Trap, match="out of bounds"):
        working.call("overflow", 0)


@pytest.mark.parametrize(
    "table, message",
    [
        ("MISSING", "kernel 'special' needs fmod; kernel 'power' needs exp2"),
        ("ALLOCATING", "kernel 'allocates' does not compile"),
        ("MISTYPED", "kernel 'twice' does not compile"),
        ("COMPLEX", "kernel 'complex_root': complex128 cannot pass"),
    ],
)
@pytest.mark.slow("compiles a module of its own, 2 to 10 s")
def test_what_a_page_cannot_do_is_named(probes, table, message):
    with pytest.raises(wasm.BuildError, match=message) as caught:
        wasm.compile_table(f"wasm_probes:{table}")
    assert "sound" not in str(caught.value)


@pytest.mark.slow("compiles a module of its own, 2 to 10 s")
def test_hot_kernels_are_compiled_for_speed_and_others_for_size(probes):
    """The same loop: with vectors where it is marked, without them, and so shorter, where it is not."""
    small, fast = wasm.compile_table("wasm_probes:SMALL"), wasm.compile_table("wasm_probes:FAST")
    add_vectors = bytes([0xFD, 0xF0, 0x01])  # the instruction f64x2.add
    assert add_vectors in fast and add_vectors not in small
    assert len(small) < len(fast)


@pytest.mark.slow("compiles a module of kernels twice, half a minute")
def test_same_sources_give_the_same_bytes():
    first, second = (wasm.compile_table("tests.test_wasm:KERNELS") for _ in range(2))
    assert first == second


@pytest.mark.slow("compiles a module of its own, 2 to 10 s")
def test_settings_of_numba_do_not_reach_the_build(probes, monkeypatch):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    assert wasm.Module(wasm.compile_table("wasm_probes:WORKING")).call("erf", 1.5) == 3.0


def test_build_compiles_once_per_state_of_the_sources(tmp_path, monkeypatch):
    compilations = []
    monkeypatch.setattr(wasm, "_ROOT", tmp_path)
    monkeypatch.setattr(wasm, "compile_table", lambda table: compilations.append(table) or b"module")
    widgets, kernels, compiler = (tmp_path / "lib" / name for name in ("widgets", "kernels", "compiler"))
    for folder in (widgets, kernels, compiler):
        folder.mkdir(parents=True)
    (widgets / "exports.py").write_text("from ..kernels import one")
    (compiler / "wasm_compile.py").write_text("y = 1")
    for content, expected in [("x = 1", 1), ("x = 1", 1), ("'Words.'\nx = 1  # more", 1), ("x = 2", 2), ("x = 1", 2)]:
        (kernels / "one.py").write_text(content)
        (kernels / "other.py").write_text(f"not_imported = {expected!r}")
        assert wasm.build(TABLE) == b"module"
        assert len(compilations) == expected


def test_build_works_where_nothing_can_be_written(tmp_path, monkeypatch):
    (tmp_path / "_build").touch()  # a file, so no folder of that name, whoever runs this
    monkeypatch.setattr(wasm, "_ROOT", tmp_path)
    monkeypatch.setattr(wasm, "_USER_CACHE", tmp_path / "_build" / "user")
    monkeypatch.setattr(wasm, "_digest", lambda table, versions=(): "of these sources")
    monkeypatch.setattr(wasm, "compile_table", lambda table: b"module")
    assert wasm.build(TABLE) == b"module"


def test_a_stored_module_is_taken_until_the_code_changes(tmp_path, monkeypatch):
    monkeypatch.setattr(wasm, "_ROOT", tmp_path)
    monkeypatch.setattr(wasm, "_USER_CACHE", tmp_path / "cache")
    header = b"\0asm\1\0\0\0"
    monkeypatch.setattr(wasm, "compile_table", lambda table: header)
    for folder in ("widgets", "compiler"):
        (tmp_path / "lib" / folder).mkdir(parents=True)
        (tmp_path / "lib" / folder / "__init__.py").touch()
    (tmp_path / "lib" / "compiler" / "wasm_compile.py").write_text("y = 1")
    exports = tmp_path / "lib" / "widgets" / "exports.py"
    exports.write_text("x = 1")
    assert wasm.stored(TABLE) is None
    wasm.store(TABLE)
    module = wasm.build(TABLE)
    assert module == wasm.stored(TABLE) != header
    assert wasm.made_from(module).split("\n")[1:] == list(wasm.VERSIONS)
    wasmtime.Module(wasmtime.Engine(), module)  # still valid
    exports.write_text("x = 2")
    assert wasm.stored(TABLE) is None and wasm.build(TABLE) == header
    exports.with_suffix(".wasm").write_bytes(header)  # says nothing of where it is from
    assert wasm.stored(TABLE) is None


@pytest.mark.slow("compiles the pages' module, three minutes")
def test_the_stored_module_is_what_the_code_gives():
    """As a chapter's stored outputs are: what stands in the repository is made again and compared."""
    module = wasm.stored(TABLE)
    assert module is not None, "python book/_ext/outputs.py stores one"
    if wasm.made_from(module).split("\n")[1:] != list(wasm.VERSIONS):
        pytest.skip("compiled by other versions: its bytes may differ, its results are compared by the other tests")
    assert module.startswith(wasm.compile_table(TABLE))
