"""What decides that something compiled or executed is stale."""

import os
import shutil
import subprocess
import sys

import pytest

from lib.compiler.digest import ROOT, closure, digest, modules_used, package_modules

FILES = {
    "__init__.py": "from .top import f\n",
    "top.py": "'Top.'\nfrom . import middle\n\ndef f(x):\n    'Doc.'\n    return middle.g(x)  # comment\n",
    "middle.py": "from .deep.bottom import CONSTANT\n\ndef g(x):\n    return x + CONSTANT\n",
    "deep/__init__.py": "",
    "deep/bottom.py": "CONSTANT = 1.0\n",
    "beside.py": "from numpy import pi\nOTHER = 2 * pi\n",
}


@pytest.fixture
def package(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / "lib" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_closure_is_what_a_module_imports_directly_or_not(package):
    assert closure(["lib.top"], package) == {"lib.top", "lib.middle", "lib.deep.bottom"}
    assert closure(["lib.beside"], package) == {"lib.beside"}
    with pytest.raises(ModuleNotFoundError, match="no module lib.absent"):
        closure(["lib.absent"], package)
    assert package_modules("lib", package) == [
        "lib",
        "lib.beside",
        "lib.deep",
        "lib.deep.bottom",
        "lib.middle",
        "lib.top",
    ]


@pytest.mark.parametrize(
    "file, text, stale",
    [
        (
            "top.py",
            FILES["top.py"].replace("Top.", "The top.").replace("Doc.", "Words.").replace("# comment", "# said"),
            False,
        ),
        ("top.py", "\n\n" + FILES["top.py"], False),
        ("beside.py", "OTHER = 3\n", False),
        ("deep/bottom.py", "CONSTANT = 2.0\n", True),
        ("middle.py", FILES["middle.py"].replace("x + C", "x - C"), True),
    ],
)
def test_code_that_is_imported_makes_stale_and_nothing_else_does(package, file, text, stale):
    before = digest(["lib.top"], package)
    (package / "lib" / file).write_text(text)
    assert (digest(["lib.top"], package) != before) == stale


@pytest.mark.parametrize(
    "code, used",
    [
        ("import lib\nlib.f(1)", {"lib.top"}),
        ("import lib\nlib.g(1)", {"lib.middle"}),
        ("import lib as library\nprint(library.deep.bottom.CONSTANT)", {"lib.deep.bottom"}),
        ("import lib\nlib.deep.CONSTANT", {"lib.deep.bottom"}),
        (
            "from lib import beside, deep\ndef h(): return deep.bottom.CONSTANT, beside.OTHER",
            {"lib.beside", "lib.deep.bottom"},
        ),
        ("from lib.middle import g\ng(1)", {"lib.middle"}),
        ("import lib.beside\nlib.beside.OTHER", {"lib.beside"}),
        ("lib.HERE", {"lib"}),
        ("import lib\nprint(lib.__file__)", set()),
        ("import numpy as np\nnp.pi", set()),
    ],
)
def test_a_program_depends_on_the_modules_that_its_names_come_from(package, code, used):
    (package / "lib" / "__init__.py").write_text(
        "from .top import f\nfrom . import beside\nfrom .middle import g\nHERE = 1\n"
    )
    (package / "lib" / "deep" / "__init__.py").write_text("from .bottom import CONSTANT\n")
    assert modules_used(code, root=package) == used


@pytest.mark.parametrize("code", ["show(lib)", "getattr(lib, 'f')", "lib.lazy", "from lib import *"])
def test_what_syntax_cannot_tell_is_everything(package, code):
    assert modules_used(code, root=package) == set(package_modules("lib", package))


def test_versions_make_stale(package):
    assert digest(["lib.top"], package, ["numba 1"]) != digest(["lib.top"], package, ["numba 2"])


PROGRAM = """
from lib.widgets.kernels import times
import numpy as np
x = np.empty(3)
times.geometric(1.0, 4.0, x)
print(*x, sum(times.geometric.stats.cache_hits.values()))
"""


@pytest.fixture
def checkout(tmp_path):
    """The library alone, without what it has compiled."""
    shutil.copytree(ROOT / "lib", tmp_path / "lib", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def run(checkout, **environment):
    """Run the program on the library of a checkout; gives what it prints."""
    home = {"HOME": str(checkout / "home"), "TMPDIR": str(checkout / "tmp"), "XDG_CACHE_HOME": ""}
    (checkout / "tmp").mkdir(exist_ok=True)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=checkout,
        capture_output=True,
        text=True,
        env=clean | home | {"PYTHONPATH": str(checkout)} | environment,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.split(), result.stderr


def kept(folder):
    return sorted(folder.rglob("*.nb[ic]"))


@pytest.mark.slow("starts Python with the whole library three to six times, and compiles")
def test_kernels_are_kept_and_follow_their_code(checkout):
    """Prose compiles nothing again, a changed formula does, and what another version compiled stays."""
    assert run(checkout)[0] == ["1.0", "2.0", "4.0", "0"]
    assert run(checkout)[0][-1] == "1"
    first = kept(checkout)
    file = checkout / "lib" / "widgets" / "kernels" / "times.py"
    text = file.read_text()
    file.write_text("# A comment.\n" + text)
    assert run(checkout)[0] == ["1.0", "2.0", "4.0", "1"] and kept(checkout) == first
    file.write_text(text.replace("alpha[i] = begin *", "alpha[i] = 3.0 * begin *"))
    assert run(checkout)[0] == ["3.0", "6.0", "12.0", "0"]
    assert set(first) < set(kept(checkout))


@pytest.mark.slow("starts Python with the whole library three to six times, and compiles")
def test_kernels_work_where_nothing_can_be_written(checkout):
    """The first folder that can be written serves; none is no error. A file in a folder's place cannot be written
    by anybody, root included."""
    (checkout / "lib" / "compiler" / "__pycache__").touch()
    chosen = checkout / "chosen"
    assert run(checkout, NUMBA_CACHE_DIR=str(chosen))[0][:3] == ["1.0", "2.0", "4.0"] and kept(chosen)
    assert not kept(checkout / "home")
    run(checkout)
    assert kept(checkout / "home")
    (checkout / "blocked").touch()
    values, _ = run(
        checkout,
        HOME=str(checkout / "blocked"),
        TMPDIR=str(checkout / "blocked"),
        XDG_CACHE_HOME=str(checkout / "blocked"),
    )
    assert values[:3] == ["1.0", "2.0", "4.0"]


@pytest.mark.slow("starts Python with the whole library three to six times, and compiles")
@pytest.mark.parametrize("ending", ["nbi", "nbc"])
def test_a_damaged_file_is_compiled_again(checkout, ending):
    run(checkout)
    for file in checkout.rglob(f"*.{ending}"):
        file.write_bytes(file.read_bytes()[:5])
    assert run(checkout)[0] == ["1.0", "2.0", "4.0", "0"]
    assert run(checkout)[0] == ["1.0", "2.0", "4.0", "1"]


@pytest.mark.slow("runs kernels as Python, 4 s")
def test_kernels_run_as_python_give_the_same_bits():
    code = """
import numpy as np, lib
m = lib.StudentTeacher(lib.power_law(1.0, 4), 1, 1, "erf")
for method in ("direct", "reduced"):
    print(*lib.simulate(m, N=16, eta=0.1, alpha=[1.0, 3.0], seeds=1, method=method).eps_g[0])
print(*lib.solve(m, m.initial_overlaps(0.1, N=16), 0.1, [1.0, 10.0]).eps_g)
"""
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"PYTHONPATH": str(ROOT), "NUMBA_DISABLE_JIT": flag},
        )
        for flag in "01"
    ]
    assert runs[0].stdout == runs[1].stdout and len(runs[0].stdout.split()) == 6
    assert not runs[1].stderr
