"""Sweeps: what the Dataset holds, and that no finished point is lost, whatever happens to the sweep."""

import contextlib
import os
import runpy
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from pathlib import Path

import joblib
import numpy as np
import pytest

import lib
from lib.core.sweep.fingerprint import _name, digest

# A sweep in a process of its own, to be killed: 30 points of two seeds, each noted when it is evaluated.
SCRIPT = """
import os, time
import lib

def point(a, seed):
    time.sleep(float(os.environ["SWEEP_PAUSE"]))
    with open(os.environ["SWEEP_FOLDER"] + "/evaluated", "a") as log:
        log.write(f"{a} {seed}\\n")
    return {"x": ("place", [a + seed] * 1000)}

store = os.environ["SWEEP_FOLDER"] + "/store"
result = lib.sweep(point, {"a": range(30)}, seeds=2, store=store, progress=False)
"""


@pytest.fixture
def here():
    """One point after the other, in this process."""
    with joblib.parallel_config(n_jobs=1):
        yield


@pytest.fixture
def script(tmp_path, monkeypatch):
    """Run SCRIPT: ``start(pause)`` in a new process, ``finish()`` here."""
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    monkeypatch.setenv("SWEEP_FOLDER", str(tmp_path))
    monkeypatch.setenv("SWEEP_PAUSE", "0")

    class Script:
        @staticmethod
        def start(pause, prelude=""):
            code = prelude + f"import runpy; runpy.run_path({str(path)!r}, run_name='__main__')"
            environment = {**os.environ, "SWEEP_PAUSE": str(pause)}
            return subprocess.Popen(
                [sys.executable, "-c", code], env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
            )

        @staticmethod
        def finish():
            with joblib.parallel_config(n_jobs=1):
                return runpy.run_path(str(path), run_name="__main__")["result"]

    return Script


def evaluated(folder):
    """Points evaluated since the last call, as pairs (a, seed)."""
    log = folder / "evaluated"
    lines = log.read_text().splitlines() if log.exists() else []
    log.write_text("")
    return [tuple(map(int, line.split())) for line in lines]


def kept(folder):
    """Points in the store of SCRIPT."""
    with contextlib.closing(sqlite3.connect(folder / "store")) as file:
        return {divmod(number, 2) for (number,) in file.execute("SELECT number FROM point")}


EVERY = {(a, seed) for a in range(30) for seed in range(2)}


def test_parameters_are_named_coordinates(here):
    seen = []

    def function(eta, rule, N, seed):
        seen.append((eta, rule, N, seed))
        return eta * N + seed if rule == "sum" else -1.0

    grid = {"eta": [0.5, 0.25], "rule": ["sum", "none"], "N": 4}
    result = lib.sweep(function, grid, seeds=[7, 3], progress=False)
    assert result["value"].dims == ("eta", "rule", "N", "seed")
    assert result["value"].sel(eta=0.25, rule="sum", N=4, seed=3) == 4.0
    assert (result["value"].sel(rule="none") == -1.0).all()
    assert list(result["seed"].values) == [7, 3]
    assert len(seen) == len(set(seen)) == 8
    assert {tuple(map(type, point)) for point in seen} == {(float, str, int, int)}


def test_seeds_count_from_zero_as_in_simulate(here):
    assert list(lib.sweep(lambda seed: seed, {}, seeds=3, progress=False)["value"].values) == [0, 1, 2]


def test_arrays_and_mappings_become_variables(here):
    def function(a):
        alpha = np.array([1.0, 2.0])
        return {"alpha": ("alpha", alpha), "eps": ("alpha", a * alpha), "raw": np.full((2, 3), a), "n": a}

    result = lib.sweep(function, {"a": [3, 5]}, progress=False)
    assert dict(result.sizes) == {"a": 2, "alpha": 2, "raw_0": 2, "raw_1": 3}
    assert result["eps"].sel(a=5, alpha=2.0) == 10
    assert result["raw"].dims == ("a", "raw_0", "raw_1") and (result["raw"].sel(a=3) == 3).all()
    assert list(result["n"].values) == [3, 5]
    array = lib.sweep(lambda a: [a, a + 1], {"a": [1, 2]}, progress=False)["value"]
    assert array.dims == ("a", "value_0") and array.values.tolist() == [[1, 2], [2, 3]]


def test_a_curve_becomes_variables_over_alpha(here):
    model = lib.StudentTeacher(lib.power_law(1.0, 2), students=2, teachers=3)

    def simulate(N, seeds):
        return lib.simulate(model, N, eta=0.1, alpha=[0.0, 1.0, 2.3], seeds=seeds)

    result = lib.sweep(lambda N, seed: simulate(N, [seed]), {"N": [10, 20]}, seeds=2, progress=False)
    assert result["R"].dims == ("N", "seed", "alpha", "student", "teacher")
    assert result["Q"].shape == (2, 2, 3, 2, 2) and result["T"].shape == (2, 2, 3, 3)
    curve = simulate(20, [1])
    at = result.sel(N=20, seed=1)
    for name in ("eps_g", "Q", "R", "T"):
        assert np.array_equal(at[name], getattr(curve, name)[0]), name
    # 2.3 N is whole for both N, and so alpha is the same everywhere
    assert result["alpha"].dims == ("alpha",) and result["eps_g"].sel(alpha=2.3, N=10, seed=0) > 0
    runs = lib.sweep(lambda N: simulate(N, 2), {"N": [10, 16]}, progress=False)
    assert runs["eps_g"].dims == ("N", "run", "alpha")
    assert runs["T"].dims == ("N", "run", "teacher", "teacher_2")
    # 2.3 * 16 = 36.8 is rounded to 37 steps
    assert runs["alpha"].dims == ("N", "alpha") and runs["alpha"].sel(N=16).values[-1] == 37 / 16


def test_points_without_result_are_nan(here):
    def function(a):
        if a == 1:
            raise lib.DivergenceError("too fast", alpha=1.0)
        return None if a == 2 else {"t": ("t", [1.0, 2.0]), "x": ("t", [a, a])}

    result = lib.sweep(function, {"a": range(4)}, progress=False)
    assert np.isnan(result["x"].values).all(axis=1).tolist() == [False, True, True, False]
    assert result["t"].values.tolist() == [1.0, 2.0]
    assert lib.sweep(lambda a: None, {"a": [1, 2]}, progress=False).sizes == {"a": 2}


def test_processes_give_what_one_process_gives():
    offset = np.arange(3.0)

    def function(a, seed):
        return {"x": ("place", np.random.default_rng([seed, a]).normal(size=3) + offset), "pid": os.getpid()}

    call = (function, {"a": range(10)}, 3)
    with joblib.parallel_config(n_jobs=1):
        one = lib.sweep(*call, progress=False)
    with joblib.parallel_config(backend="loky", n_jobs=2):
        many = lib.sweep(*call, progress=False)
    assert os.getpid() not in many["pid"].values
    assert one["x"].identical(many["x"])


def test_memory_holds_the_result_and_not_the_tasks():
    def function(a):
        time.sleep(1e-3)
        return np.zeros(2000)

    # brings in xarray and the rest, which are no part of the measurement
    lib.sweep(function, {"a": [0]}, progress=False)
    tracemalloc.start()
    try:
        with joblib.parallel_config(backend="threading", n_jobs=2):
            result = lib.sweep(function, {"a": range(1500)}, progress=False)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Collecting everything before stacking it would need twice the result, 24 MB.
    assert result.nbytes < peak < 1.5 * result.nbytes


def test_an_error_names_the_point_and_keeps_the_others(tmp_path):
    calls = tmp_path / "calls"
    calls.mkdir()

    def function(a, failing=str(tmp_path / "failing")):
        (calls / str(a)).touch()
        if a == 5 and os.path.exists(failing):
            raise KeyError("lost")
        return a

    (tmp_path / "failing").touch()
    call = dict(function=function, grid={"a": range(200)}, store=tmp_path / "store", progress=False)
    with joblib.parallel_config(backend="loky", n_jobs=2):
        with pytest.raises(RuntimeError, match="a = 5: KeyError: 'lost'"):
            lib.sweep(**call)
    # the rest is not run for nothing
    assert len(list(calls.iterdir())) < 200
    (tmp_path / "failing").unlink()
    with joblib.parallel_config(n_jobs=1):
        assert lib.sweep(**call)["value"].values.tolist() == list(range(200))


@pytest.mark.slow("starts workers that work for seconds before they are killed")
@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGINT])
def test_a_sweep_that_is_killed_resumes(script, tmp_path, signal_number):
    process = script.start(pause=0.2)
    # the store's log: some ten points of 8 kB are kept, while all 60 take 6 s or more
    log, deadline = tmp_path / "store-wal", time.monotonic() + 60
    while not log.exists() or log.stat().st_size < 100_000:
        assert process.poll() is None and time.monotonic() < deadline, process.stderr.read()
        time.sleep(0.05)
    os.kill(process.pid, signal_number)
    if signal_number == signal.SIGINT:
        # the sweep itself must end its workers; only then is its own end seen here
        assert "KeyboardInterrupt" in process.communicate(timeout=30)[1]
    else:
        process.wait(timeout=30)
        os.killpg(process.pid, signal.SIGKILL)
        process.stderr.close()
    assert set(evaluated(tmp_path)) >= kept(tmp_path)
    left = EVERY - kept(tmp_path)
    assert 0 < len(left) < len(EVERY)
    result = script.finish()
    assert sorted(evaluated(tmp_path)) == sorted(left)
    assert (result["x"] == result["a"] + result["seed"]).all()
    script.finish()
    assert evaluated(tmp_path) == []


def test_a_full_disk_loses_nothing(script, tmp_path):
    # 60 points of 8 kB; no file may grow beyond 200 kB
    limit = (
        "import joblib, resource; joblib.parallel_config(n_jobs=1); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)); "
    )
    process = script.start(pause=0, prelude=limit)
    error = process.communicate(timeout=60)[1]
    assert process.returncode == 1 and "OSError: store = " in error.splitlines()[-1], error
    evaluated(tmp_path)
    left = EVERY - kept(tmp_path)
    assert 0 < len(left) < len(EVERY)
    result = script.finish()
    assert sorted(evaluated(tmp_path)) == sorted(left)
    assert (result["x"] == result["a"] + result["seed"]).all()


def never(a):
    raise AssertionError("a point was run")


def test_a_store_that_cannot_be_written_is_refused_before_any_work(here, tmp_path):
    with pytest.raises(ValueError, match="store = 3.*a path"):
        lib.sweep(never, {"a": [1]}, store=3, progress=False)
    with pytest.raises(OSError, match="store = .*nowhere"):
        lib.sweep(never, {"a": [1]}, store=tmp_path / "nowhere" / "store", progress=False)
    (tmp_path / "text").write_text("a diary, not a store\n" * 100)
    with pytest.raises(OSError, match="not a database"):
        lib.sweep(never, {"a": [1]}, store=tmp_path / "text", progress=False)
    assert (tmp_path / "text").read_text().startswith("a diary")


@contextlib.contextmanager
def without_rights():
    """Root may write anywhere: be nobody for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_read_only_store_is_read_but_not_continued(here):
    # outside pytest's folders, which only their owner may enter
    folder = Path(tempfile.mkdtemp())
    failing = folder / "failing"

    def function(a, failing=str(failing)):
        if a == 2 and os.path.exists(failing):
            raise KeyError("later")
        return a

    def run():
        return lib.sweep(function, {"a": [0, 1, 2]}, store=folder / "store", progress=False)

    def set_rights(for_folder, for_store):
        (folder / "store").chmod(for_store)
        folder.chmod(for_folder)

    try:
        failing.touch()
        with pytest.raises(RuntimeError, match="a = 2"):
            run()
        failing.unlink()
        before = (folder / "store").read_bytes()
        set_rights(0o555, 0o444)
        with without_rights(), pytest.raises(OSError, match="store = .*readonly"):
            run()
        set_rights(0o755, 0o644)
        assert (folder / "store").read_bytes() == before
        run()
        set_rights(0o555, 0o444)
        with without_rights():
            assert run()["value"].values.tolist() == [0, 1, 2]
        set_rights(0o555, 0o644)
        with without_rights(), pytest.raises(OSError, match="store = .*unable to open"):
            lib.sweep(never, {"a": [1]}, store=folder / "other", progress=False)
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_a_store_in_use_is_refused(here, tmp_path):
    def function(a):
        with pytest.raises(OSError, match="locked"):
            lib.sweep(never, {"a": [1]}, store=tmp_path / "store", progress=False)
        return a

    lib.sweep(function, {"a": [1]}, store=tmp_path / "store", progress=False)


def test_a_store_of_another_grid_is_refused(here, tmp_path):
    def function(a=0, b=0, seed=0):
        return a

    store = tmp_path / "store"
    lib.sweep(function, {"a": [1, 2], "b": [1]}, seeds=2, store=store, progress=False)
    before = store.read_bytes()
    for grid, seeds in [
        ({"a": [1, 3], "b": [1]}, 2),
        ({"a": [2, 1], "b": [1]}, 2),
        ({"a": [1, 2, 3], "b": [1]}, 2),
        ({"b": [1], "a": [1, 2]}, 2),
        ({"a": [1, 2], "b": [1]}, 3),
        ({"a": [1, 2], "b": [1]}, None),
    ]:
        with pytest.raises(ValueError, match="store = .* holds another sweep: its grid was"):
            lib.sweep(function, grid, seeds=seeds, store=store, progress=False)
    assert store.read_bytes() == before
    again = lib.sweep(function, {"a": [1, 2], "b": [1]}, seeds=2, store=store, progress=False)
    assert again["value"].shape == (2, 1, 2)


def define(source):
    """The function ``f`` that ``source`` defines in the main module, as a notebook does."""
    names = {"__name__": "__main__", "np": np, "lib": lib}
    exec(source, names)
    return names["f"]


BASE = """
import numba
scale = 2.0
weights = np.arange(3.0)
model = lib.StudentTeacher(lib.power_law(1.0, 4))
@numba.njit
def helper(x):
    return scale * x
def make(shift):
    def f(a, rule=("p", 1)):
        total = sum(helper(x + shift) for x in weights)
        return f(a - 1) + total if a in {"u", "v", 7} else model.students * total
    return f
f = make(5)
"""


@pytest.mark.parametrize(
    "old, new",
    [
        ("scale = 2.0", "scale = 3.0"),
        ("arange(3.0)", "arange(3.0)[::-1]"),
        ("law(1.0, 4)", "law(1.1, 4)"),
        ("scale * x", "scale / x"),
        ("make(5)", "make(6)"),
        ('("p", 1)', '("p", 2)'),
        ("a - 1", "a - 2"),
        ('"v", 7', '"w", 7'),
        ("x + shift", "x - shift"),
        ("model.students", "model.teachers"),
    ],
)
def test_a_store_of_another_function_is_refused(here, tmp_path, old, new):
    assert BASE.count(old) == 1
    store = tmp_path / "store"
    lib.sweep(define(BASE), {"a": [1]}, store=store, progress=False)
    same = define("# a comment, and other lines\n\nunused = 1\n" + BASE)
    again = lib.sweep(same, {"a": [1]}, store=store, progress=False)
    assert again["value"].size == 1
    with pytest.raises(ValueError, match="its function was"):
        lib.sweep(define(BASE.replace(old, new)), {"a": [1]}, store=store, progress=False)


OBJECTS = """
import functools, pandas
table = pandas.DataFrame({"x": [1.0, 2.0]})
class Base:
    def shift(self):
        return 3.0
class Model(Base):
    factor = 4.0
    def __init__(self, scale):
        self.scale = scale
    @property
    def power(self):
        return 5.0
    @staticmethod
    def turn(x):
        return x + 6.0
    def __call__(self, a):
        return self.turn(self.scale * a) * self.factor + self.power + self.shift()
    def at(self, a):
        return self(a)
def plain(a):
    return float(table["x"].iloc[1]) * a
def make(value):
    def f(a):
        return Model(2.0)(a) + float(value["x"].iloc[0])
    return f
"""


@pytest.mark.parametrize(
    "kind, old, new",
    [
        ("Model(1.0)", "Model(1.0)", "Model(100.0)"),
        ("Model(1.0).at", "Model(1.0)", "Model(100.0)"),
        ("Model(1.0)", "3.0", "30.0"),
        ("Model(1.0)", "4.0", "40.0"),
        ("Model(1.0)", "5.0", "50.0"),
        ("Model(1.0)", "6.0", "60.0"),
        ("Model(1.0).at", "return self(a)", "return -self(a)"),
        ("functools.lru_cache(plain)", "iloc[1]", "iloc[0]"),
        ("functools.partial(plain)", "[1.0, 2.0]", "[1.0, 20.0]"),
        ("make(table)", "[1.0, 2.0]", "[10.0, 2.0]"),
        ("make(table)", "self.scale * a", "self.scale + a"),
    ],
)
def test_a_store_of_another_object_is_refused(here, tmp_path, kind, old, new):
    source = f"{OBJECTS}f = {kind}\n"
    assert old in source
    store = tmp_path / "store"
    lib.sweep(define(source), {"a": [1]}, store=store, progress=False)
    lib.sweep(define(f"unused = 1\n{source}"), {"a": [1]}, store=store, progress=False)
    with pytest.raises(ValueError, match="its function was"):
        lib.sweep(define(source.replace(old, new)), {"a": [1]}, store=store, progress=False)


WRAPPED = """
import functools, contextlib, types, numba
def inner(x):
    return 2.0 * x
def without_wraps(g):
    def call(*arguments):
        return g(*arguments)
    return call
class Held:
    def __init__(self, g):
        self.g = g
    def __call__(self, x):
        return self.g(x)
helper = KIND
def f(a):
    return float(np.asarray(helper(a)))
"""


@pytest.mark.parametrize(
    "kind",
    [
        "np.vectorize(inner)",
        "np.vectorize(inner, otypes=[float])",
        "functools.partial(inner)",
        "without_wraps(inner)",
        "functools.lru_cache(inner)",
        "functools.cache(inner)",
        "functools.wraps(inner)(without_wraps(inner))",
        "Held(inner)",
        "Held(inner).__call__",
        "numba.njit(inner)",
        "numba.vectorize(['f8(f8)'])(inner)",
        "np.frompyfunc(inner, 1, 1)",
        "types.SimpleNamespace(call=inner).call",
        "{'g': inner}['g']",
        "staticmethod(inner).__func__",
        "functools.singledispatch(inner)",
        "contextlib.contextmanager(inner)",
        "functools.reduce and (lambda x: inner(x))",
    ],
)
def test_a_helper_that_changed_is_never_served_from_the_store(here, tmp_path, kind):
    """However it is wrapped or held: the sweep refuses the store, naming what changed, or refuses the function."""
    source = WRAPPED.replace("KIND", kind)
    if "contextmanager" in kind:
        source = source.replace("float(np.asarray(helper(a)))", "1.0 if helper else 0.0")
    store = tmp_path / "store"
    try:
        lib.sweep(define(source), {"a": [1.0]}, store=store, progress=False)
    except ValueError as refused:
        assert "make it inside the function" in str(refused)
        return
    lib.sweep(define(source), {"a": [1.0]}, store=store, progress=False)
    with pytest.raises(ValueError, match=r"holds another sweep: its function was .*changed: \w"):
        lib.sweep(define(source.replace("2.0 * x", "3.0 * x")), {"a": [1.0]}, store=store, progress=False)


HELD = {
    "attribute of a function": ("def helper(x):\n    return x * helper.factor\nhelper.factor = 2.0", "helper(a)"),
    "dict": ("class Table(dict):\n    def __missing__(self, x):\n        return 2.0 * x\ntable = Table()", "table[a]"),
    "defaultdict": ("import collections\ntable = collections.defaultdict(lambda: 2.0)", "table[a]"),
    "list": (
        "class Values(list):\n    def at(self, x):\n        return 2.0 * x\nvalues = Values([1.0])",
        "values.at(a)",
    ),
    "array": (
        "class Values(np.ndarray):\n    def at(self, x):\n        return 2.0 * x\nvalues = np.zeros(2).view(Values)",
        "values.at(a)",
    ),
    "str": ("class Name(str):\n    def at(self, x):\n        return 2.0 * x\nname = Name('x')", "name.at(a)"),
    "number": ("class Number(float):\n    pass\nnumber = Number(2.0)", "number * a"),
    "slots": (
        "class Slim:\n    __slots__ = ()\n    def at(self, x):\n        return 2.0 * x\nslim = Slim()",
        "slim.at(a)",
    ),
    "value in slots": (
        "class Slim:\n    __slots__ = ('__x',)\n    def __init__(self):\n        self.__x = 2.0\n    def at(self):\n"
        "        return self.__x\nslim = Slim()",
        "slim.at() * a",
    ),
    "metaclass": (
        "class Kind(type):\n    def __call__(self, x):\n        return 2.0 * x\nclass Made(metaclass=Kind):\n    pass",
        "Made(a)",
    ),
    "special attribute": ("class Made:\n    __factor__ = 2.0", "Made.__factor__ * a"),
    "error": ("class Error(Exception):\n    pass\nerror = Error(2.0)", "error.args[0] * a"),
    "ctypes": ("import ctypes\nvalues = (ctypes.c_double * 1)(2.0)", "values[0] * a"),
    "abstract": (
        "import abc\nclass Base(abc.ABC):\n    @abc.abstractmethod\n    def at(self, x):\n        pass\n"
        "class Made(Base):\n    def at(self, x):\n        return 2.0 * x\nmade = Made()",
        "made.at(a)",
    ),
    "enum": ("import enum\nclass Choice(float, enum.Enum):\n    one = 2.0\nchoice = Choice.one", "choice.value * a"),
    "named tuple": ("import typing\nclass Pair(typing.NamedTuple):\n    x: float = 2.0\npair = Pair()", "pair.x * a"),
    "singledispatch": (
        "import functools\n@functools.singledispatch\ndef helper(x):\n    return 0.0\n@helper.register\n"
        "def at(x: float):\n    return 2.0 * x",
        "helper(a)",
    ),
    "empty cell": (
        "def make():\n    def helper(x):\n        return 2.0 * x if x > 0 else later(x)\n"
        "    if False:\n        later = helper\n    return helper\nhelper = make()",
        "helper(a)",
    ),
}


@pytest.mark.parametrize("kind", HELD)
def test_what_classes_and_functions_hold_is_told_apart(here, tmp_path, kind):
    before, used = HELD[kind]
    source = f"{before}\ndef f(a):\n    return float({used})\n"
    assert source.count("2.0") == 1
    store = tmp_path / "store"
    for _ in range(2):
        assert float(lib.sweep(define(source), {"a": [1.0]}, store=store, progress=False)["value"][0]) == 2.0
    with pytest.raises(ValueError, match="its function was"):
        lib.sweep(define(source.replace("2.0", "3.0")), {"a": [1.0]}, store=store, progress=False)


def test_the_message_says_which_value_changed(here, tmp_path):
    source = "table = np.arange(3.0)\ndef g(x):\n    return x\ndef f(a, b=1):\n    return g(a) + table[0] + b\n"
    store = tmp_path / "store"
    lib.sweep(define(source), {"a": [1]}, store=store, progress=False)
    for old, new, words in [
        ("3.0", "4.0", "changed: table;"),
        ("return x", "return -x", "changed: code of g;"),
        ("b=1", "b=2", r"changed: f\(b\);"),
    ]:
        with pytest.raises(ValueError, match=words):
            lib.sweep(define(source.replace(old, new)), {"a": [1]}, store=store, progress=False)


def test_the_message_says_whether_python_changed(here, tmp_path, monkeypatch):
    store = tmp_path / "store"
    lib.sweep(define("def f(a): return a"), {"a": [1]}, store=store, progress=False)
    monkeypatch.setattr("platform.python_version", lambda: "3.99.0")
    lib.sweep(define("def f(a): return a"), {"a": [1]}, store=store, progress=False)  # the same code
    with pytest.raises(ValueError, match="Python was .* and is 3.99.0"):
        lib.sweep(define("def f(a): return -a"), {"a": [1]}, store=store, progress=False)


def test_backends_that_cannot_serve_are_named(here):
    with joblib.parallel_config(backend="multiprocessing"):
        with pytest.raises(ValueError, match="joblib's backend = 'multiprocessing'.*'loky', 'threading'"):
            lib.sweep(lambda a: a, {"a": [1]}, progress=False)
    with joblib.parallel_config(backend="sequential"):
        assert lib.sweep(lambda a: a, {"a": [1, 2]}, progress=False)["value"].values.tolist() == [1.0, 2.0]


def test_what_cannot_be_told_apart_is_refused_with_a_store(here, tmp_path):
    lock = threading.Lock()

    def f(a):
        return a * (lock is not None)

    assert lib.sweep(f, {"a": [1]}, progress=False)["value"].item() == 1
    with pytest.raises(ValueError, match="function uses <unlocked _thread.lock.*make it inside the function"):
        lib.sweep(f, {"a": [1]}, store=tmp_path / "store", progress=False)


def test_stores_stay_valid_when_the_core_is_moved():
    """They were written when the core's modules stood directly in lib."""
    assert (
        _name(lib.StudentTeacher) == "lib.student_teacher.StudentTeacher" and _name(lib.solve) == "lib.dynamics.solve"
    )


@pytest.mark.parametrize("source", [BASE, OBJECTS + "f = make(table)"])
@pytest.mark.slow("starts fresh processes, 7 s")
def test_a_function_is_recognised_in_another_session(source):
    # sets of strings are ordered by a hash that differs from session to session
    code = f"import numpy as np, lib; from lib.core.sweep.fingerprint import digest; exec({source!r}); print(digest(f))"
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            text=True,
            capture_output=True,
            check=True,
        ).stdout
        for seed in "12"
    ]
    assert runs[0] == runs[1] and "f (code" in runs[0]


def test_functions_that_share_functions_are_described_once():
    # 2^40 ways lead from the first function to the last
    levels = "\n".join(
        f"def a{i}(): return a{i + 1}() + b{i + 1}()\ndef b{i}(): return b{i + 1}() + a{i + 1}()" for i in range(40)
    )
    source = levels + "\ndef a40(): return 1\ndef b40(): return 2\ndef f(a): return a0()"
    assert digest(define(source)) == digest(define(source))
    assert digest(define(source)) != digest(define(source.replace("return 2", "return 3")))


@pytest.mark.parametrize(
    "grid, seeds, words",
    [
        ([1, 2], None, "grid = "),
        ({}, None, "at least one parameter"),
        ({1: [2]}, None, "grid = "),
        ({"a": []}, None, r"grid\['a'\]"),
        ({"a": [1, 1.0]}, None, "all different"),
        ({"a": [1.0, np.nan]}, None, "finite"),
        ({"a": [[1, 2], [3, 4]]}, None, r"grid\['a'\]"),
        ({"a": [[1], [2, 3]]}, None, r"grid\['a'\]"),
        ({"a": [1, "x"]}, None, r"grid\['a'\]"),
        ({"a": [None]}, None, r"grid\['a'\]"),
        ({"a": {1, 2}}, None, r"grid\['a'\]"),
        ({"a": [1]}, 0, "seeds = 0"),
        ({"a": [1]}, [], "seeds = "),
        ({"a": [1]}, [3, -1], "seeds = -1"),
        ({"a": [1]}, [3, 3], "seeds = "),
        ({"a": [1], "seed": [1]}, 2, 'without "seed"'),
        ({"b": [1]}, None, "function cannot be called with b"),
    ],
)
def test_bad_arguments_are_named(here, grid, seeds, words):
    def function(a, seed=0):
        raise AssertionError("a point was run")

    with pytest.raises(ValueError, match=words):
        lib.sweep(function, grid, seeds=seeds, progress=False)


@pytest.mark.parametrize(
    "result, words",
    [
        ({"x": ("t", [[1.0, 2.0]])}, r"x = .* a = 1: shape \(1, 2\)"),
        ({"x": (("t", "t"), [[1.0]])}, "all different"),
        ({"x": 1j}, "real numbers"),
        ("text", "value = 'text' at a = 1.*real numbers"),
        ({"x": (1.0, 2.0, 3.0)}, "pair"),
        ((1.0, 2.0), "pair"),
        ((3, [1.0]), "pair"),
        ({"x": ("a", [1.0])}, "a is a parameter already"),
        ({"a": 1.0}, "a is a parameter already"),
        ({}, "empty mapping"),
        ({"x": ("t", [1.0, 2.0]), "y": ("t", [1.0])}, "conflicting sizes for dimension 't'"),
    ],
)
def test_bad_results_are_named(here, result, words):
    # at the first point already: the second would be a RuntimeError
    with pytest.raises(ValueError, match=words):
        lib.sweep(lambda a: result if a == 1 else never(a), {"a": [1, 2]}, progress=False)


def test_results_of_different_shapes_are_named(here, tmp_path):
    def function(a):
        return np.zeros(a)

    for _ in range(2):
        with pytest.raises(ValueError, match=r"\[3\].* at a = 3, but .*\[2\]"):
            lib.sweep(function, {"a": [2, 3]}, store=tmp_path / "store", progress=False)


@pytest.mark.slow("starts workers that work for seconds before they are killed")
def test_a_dask_cluster_that_loses_a_worker(tmp_path):
    distributed = pytest.importorskip("distributed")
    killed = tmp_path / "killed"

    def function(a, seed, killed=str(killed)):
        if a == 4 and not os.path.exists(killed):
            with open(killed, "w") as file:
                file.write(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.02)
        return {"x": np.random.default_rng([seed, a]).normal(), "pid": os.getpid()}

    call = dict(function=function, grid={"a": range(20)}, seeds=3, progress=False)
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs="CRITICAL"
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        result = lib.sweep(store=tmp_path / "store", **call)
    pids = set(result["pid"].values.ravel())
    assert int(killed.read_text()) not in {os.getpid()} and os.getpid() not in pids
    with joblib.parallel_config(n_jobs=1):
        assert lib.sweep(**call)["x"].identical(result["x"])
    with contextlib.closing(sqlite3.connect(tmp_path / "store")) as file:
        assert file.execute("SELECT count(*) FROM point").fetchone() == (60,)


def test_progress_is_shown_and_counts_what_is_kept(here, tmp_path, capsys):
    for _ in range(2):
        lib.sweep(lambda a: a, {"a": range(3)}, store=tmp_path / "store")
        assert "3/3" in capsys.readouterr().err
    lib.sweep(lambda a: a, {"a": range(3)}, progress=False)
    assert capsys.readouterr().err == ""


def test_importing_lib_stays_light():
    code = "import sys, lib; print(*{'xarray', 'pandas', 'tqdm', 'dask'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""
