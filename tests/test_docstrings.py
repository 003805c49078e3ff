"""Docstrings of the public API: one imperative line, every argument, the result, the errors, and labels that exist.

What can be checked mechanically is checked here, for every public function, method and class of the layers that check
their arguments. Kernels, which check nothing, state equations and shapes in their own short style.
"""

import dataclasses
import importlib
import inspect
import json
import pkgutil
import re
import subprocess
import sys
from functools import cached_property
from pathlib import Path

import pytest
import yaml
from numpydoc.docscrape import NumpyDocString
from numpydoc.validate import validate

import lib

ROOT = Path(__file__).parents[1]
LOW_LEVEL = ("lib.kernels", "lib.maths", "lib.compiler", "lib.widgets.kernels", "lib.widgets.experiments")
# numpydoc's codes: no docstring, summary (end, start, one line), arguments (missing, unknown, order, type), result.
CODES = {"GL08", "SS03", "SS04", "SS05", "SS06", "PR01", "PR02", "PR03", "PR04", "PR10", "RT01"}
# A summary says what the function does: it does not begin with the thing that is returned.
NO_VERBS = re.compile(r"(The|A|An|All|Whether|How|What|Where|Some|Number|This)\b|\W|[a-z]|\S+[_'()=]|\S+ing\b")


def modules():
    names = [module.name for module in pkgutil.walk_packages(lib.__path__, "lib.")]
    return [name for name in names if not name.startswith(LOW_LEVEL)]


def public(name):
    """Public functions, classes and methods that a module defines: (full name, object)."""
    module = importlib.import_module(name)
    for key, value in vars(module).items():
        if key.startswith("_") or getattr(value, "__module__", None) != name:
            continue
        if inspect.isclass(value):
            yield f"{name}.{key}", value
            for member, method in vars(value).items():
                method = getattr(method, "__func__", method)
                if not member.startswith("_") and isinstance(method, (type(public), property, cached_property)):
                    yield f"{name}.{key}.{member}", method
        elif inspect.isfunction(value):
            yield f"{name}.{key}", value


def described(doc, value):
    """Text about each argument (or attribute of a class): its type and its description."""
    sections = ("Parameters", "Attributes") if inspect.isclass(value) else ("Parameters",)
    return {
        name.strip().lstrip("*"): " ".join([parameter.type, *parameter.desc])
        for section in sections
        for parameter in doc[section]
        for name in parameter.name.split(",")
    }


def faults(name, value):
    """What is wrong with one docstring, in words."""
    text = inspect.getdoc(value)
    if not text:
        return ["no docstring"]
    doc = NumpyDocString(text)
    if isinstance(value, (property, cached_property)):  # reads like data: "Number of levels."
        found = [] if text.splitlines()[0].endswith(".") else ["the first line does not end with a full stop"]
        prose = re.sub(r"(:\w+:)?`+[^`]*`+", "", text.splitlines()[0])
        return found + ["Sphinx takes what is before a colon for a type"] * (":" in prose)
    if inspect.isclass(value):
        found = [] if text.splitlines()[0].endswith(".") else ["the first line does not end with a full stop"]
        fields = dataclasses.fields(value) if dataclasses.is_dataclass(value) else ()
        there = described(doc, value)
        return found + [f"field {field.name} is not described" for field in fields if field.name not in there]
    there = described(doc, value)
    elsewhere = [key for key, words in there.items() if words.strip().startswith("As ")]  # "As for :func:`solve`."
    found = [
        f"{code}: {words}"
        for code, words in validate(name)["errors"]
        if code in CODES and not (code == "PR04" and any(f'"{key}"' in words for key in elsewhere))
    ]
    if NO_VERBS.match(text):
        found.append(f"the first line is not imperative: {text.splitlines()[0]}")
    for parameter in inspect.signature(value).parameters.values():
        words = there.get(parameter.name, "")
        if parameter.default is not parameter.empty and not re.search("(?i)default|^As ", words.strip()):
            found.append(f"the default of {parameter.name} is not said")
    source = inspect.getsource(value)
    if re.search(r"\bchecks\.(?!real_array)\w+\(|\braise \b", source) and not doc["Raises"]:
        found.append("it raises, but has no section Raises")
    return found


@pytest.mark.parametrize("module", modules())
def test_docstrings_are_complete(module):
    wrong = {name: found for name, value in public(module) if (found := faults(name, value))}
    assert not wrong, "\n".join(f"{name}: {'; '.join(found)}" for name, found in wrong.items())


def labels():
    """Labels of the book's equations."""
    found = set()
    for path in sorted((ROOT / "book").glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "markdown":
                found |= set(re.findall(r"^:label: (eq-\S+)", "".join(cell["source"]), re.MULTILINE))
    return found


def test_equations_that_the_library_names_are_in_the_book():
    there = labels()
    assert len(there) > 100
    missing = {
        f"{path.relative_to(ROOT)}: {label}"
        for path in sorted((ROOT / "lib").rglob("*.py"))
        for label in re.findall(r"\beq-[a-z0-9]+(?:-[a-z0-9]+)*", path.read_text(encoding="utf-8"))
        if label not in there
    }
    assert not missing


@pytest.mark.slow("runs Sphinx, 7 s")
def test_the_api_page_builds_without_a_warning(tmp_path):
    """The page alone: references that lead nowhere, sections that Sphinx does not read, things described twice."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text())["sphinx"]["config"]
    names = [name for name in config if name.startswith(("autodoc_", "napoleon_", "nitpick"))]
    lines = [f"{name} = {config[name]!r}" for name in names]
    extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "api_reference"]
    lines += [
        f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'book' / '_ext')!r}]",
        f"extensions = {extensions}",
    ]
    (tmp_path / "conf.py").write_text("\n".join([*lines, "root_doc = 'api'\n"]))
    (tmp_path / "api.md").write_text((ROOT / "book" / "api.md").read_text())
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "dummy", str(tmp_path), str(tmp_path / "out")]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0 and not result.stderr, result.stderr


@pytest.mark.parametrize(
    "text, words",
    [
        ("The square of x.", "not imperative"),
        ("Return the square of x", "does not end with a period"),
        ("Square x.\n\n    Returns\n    -------\n    float", "Parameters {'x'} not documented"),
        ("Square x.\n\n    Parameters\n    ----------\n    x : float\n        A number.", "No Returns"),
        ("Square x.\n\n    Parameters\n    ----------\n    x : float\n        A number.", "default of x is not said"),
        ("Square x.\n\n    Parameters\n    ----------\n    x : float\n        A number.", "no section Raises"),
    ],
)
def test_faults_are_found(text, words, tmp_path, monkeypatch):
    source = f'def square(x=1.0):\n    """{text}\n    """\n    if x < 0:\n        raise ValueError\n    return x * x\n'
    (tmp_path / "sample_of_docstrings.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(importlib.sys.modules, "sample_of_docstrings", raising=False)
    module = importlib.import_module("sample_of_docstrings")
    assert any(words in fault for fault in faults("sample_of_docstrings.square", module.square))
