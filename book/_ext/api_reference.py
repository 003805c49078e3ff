"""The API reference: in a page, the line ``% api-reference`` gives way to all of ``lib``, by its docstrings.

Made from the library itself, so that a new module or function is there without an edit of the page. The line is
replaced by Markdown with headings, which the page's table of contents then shows, and blocks for autodoc.
"""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

LINE = "% api-reference\n"


def fill_in(app, docname, source):
    if LINE in source[0]:
        app.env.pages_with_reference.add(docname)
        source[0] = source[0].replace(LINE, "\n".join(reference()))


def follow_new_modules(app, env, added, changed, removed):
    """Read the page again when there is another module; autodoc itself follows the files of those that it has read."""
    files = sorted(path.relative_to(app.srcdir).as_posix() for path in Path(app.srcdir, "lib").rglob("*.py"))
    before, env.reference_files = getattr(env, "reference_files", None), files
    env.pages_with_reference = getattr(env, "pages_with_reference", set()) & env.found_docs
    return env.pages_with_reference if before != files else []


def reference():
    """The reference, line by line: lib itself, the modules that it offers, the others, and the kernels."""
    lib = importlib.import_module("lib")
    exported = {name: getattr(lib, name) for name in lib.__all__}
    chapters = [value.__name__ for value in exported.values() if inspect.ismodule(value)]
    exported = {name: value for name, value in exported.items() if not inspect.ismodule(value)}
    yield from ["## `lib`", "", _first_line(lib), ""]
    for name in exported:
        kind = _kind(exported[name])
        yield from _block(f".. auto{kind}:: lib.{name}", *(["   :members:"] if kind == "class" else []))
    inside = [name for package in (lib, *map(importlib.import_module, HIGH)) for name in _modules(package)]
    others = [name for name in inside if name not in [*HIGH, *LOW_LEVEL, *chapters]]
    for name in [*chapters, *others]:
        module = importlib.import_module(name)
        members = [member for member in _own(module) if getattr(module, member) not in exported.values()]
        if members:
            yield from [f"## `{name}`", ""]
            yield from _block(f".. automodule:: {name}", f"   :members: {', '.join(members)}")
    for package in sorted(LOW_LEVEL.keys() & set(_modules(lib)), key=list(LOW_LEVEL).index):
        yield from [f"## `{package}`", "", LOW_LEVEL[package], ""]
        for name in _modules(importlib.import_module(package)):
            module = importlib.import_module(name)
            yield from _block(f".. py:module:: {name}", "", f"``{name}``", f"   {_first_line(module)}")


def _modules(package):
    """Full names of the modules and packages directly inside a package."""
    return sorted(f"{package.__name__}.{module.name}" for module in pkgutil.iter_modules(package.__path__))


HIGH = ("lib.core", "lib.book", "lib.widgets")
LOW_LEVEL = {
    "lib.kernels": """\
Below the functions above are numba functions on float64 arrays, which check nothing: call them only with what
the layer above would pass. The explorers run the same functions in the page, compiled to WebAssembly. Their
docstrings state equations and shapes.""",
    "lib.maths": "Mathematics that every target computes with the same bits.",
    "lib.compiler": "How kernels are compiled, natively and to WebAssembly, and when it must be done again.",
}


def _own(module):
    """Public names with a docstring that the module offers: its ``__all__``, or what it defines, in its order."""
    names = getattr(module, "__all__", None)
    if names is None:
        names = [name for name, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__]
    return [
        name
        for name in names
        if not name.startswith("_") and _kind(getattr(module, name)) and getattr(module, name).__doc__
    ]


def _kind(value):
    """autodoc's name for what ``value`` is; None for data."""
    if inspect.isclass(value):
        return "exception" if issubclass(value, Exception) else "class"
    return "function" if callable(value) else None


def _first_line(module):
    return inspect.getdoc(module).splitlines()[0]


def _block(*lines):
    return ["```{eval-rst}", *lines, "```", ""]


def keep_absolute_values(app, what, name, value, options, lines):
    """In our docstrings |x| is an absolute value; to Sphinx it would be the name of a substitution."""
    lines[:] = [re.sub(r"(`+).*?\1|(?<!\\)\|", lambda found: found[0] if found[1] else r"\|", line) for line in lines]


def setup(app):
    app.setup_extension("library")
    app.connect("env-get-outdated", follow_new_modules)
    app.connect("source-read", fill_in)
    app.connect("autodoc-process-docstring", keep_absolute_values)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
