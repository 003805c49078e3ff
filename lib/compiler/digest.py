"""What a result depends on: one digest of the modules that it imports, and of no others.

Three things are stored between processes, and each must be made again exactly when its code has changed: the compiled
kernels (``lib.compiler.jit``), the WebAssembly module (``lib.compiler.wasm``), and the executed chapters
(``book/_ext/live_book.py``). All use this digest. It is taken of the syntax trees, without docstrings and comments, of
the modules named and of every module of ``lib`` that they import, directly or not: a constant two imports away
changes it, an edited comment or docstring does not.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def digest(modules, root=ROOT, extra=()):
    """Compute the digest of modules and of all that they import from their own package.

    Parameters
    ----------
    modules : iterable of str
        Full names, such as ``"lib.kernels.sgd"``.
    root : Path
        Folder that holds the package. Default: the one that this module was loaded from.
    extra : iterable of str
        What else the result depends on, such as versions.

    Returns
    -------
    str
        32 hexadecimal digits.

    Raises
    ------
    ModuleNotFoundError
        If one of ``modules`` has no file under ``root``.
    """
    result = hashlib.sha256()
    for word in extra:
        result.update(word.encode() + b"\0")
    for name in sorted(closure(modules, root)):
        result.update(f"{name}\0{_tree(_file(root, name))}\0".encode())
    return result.hexdigest()[:32]


def closure(modules, root=ROOT):
    """Find every module of their packages that modules import, directly or not.

    An import inside a function counts. A package's own ``__init__`` counts only where names are imported from it.

    Parameters
    ----------
    modules : iterable of str
        Full names.
    root : Path
        Folder that holds the package. Default: the one that this module was loaded from.

    Returns
    -------
    set of str
        Full names, those of ``modules`` included.

    Raises
    ------
    ModuleNotFoundError
        If one of ``modules`` has no file under ``root``.
    """
    found, waiting = set(), list(modules)
    for name in waiting:
        if _file(root, name) is None:
            raise ModuleNotFoundError(f"no module {name} in {root}")
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _imports(root, name)
    return found


def package_modules(package="lib", root=ROOT):
    """List all modules of a package.

    Parameters
    ----------
    package : str
        Its name. Default: "lib".
    root : Path
        Folder that holds it. Default: the one that this module was loaded from.

    Returns
    -------
    list of str
        Full names, sorted.
    """
    names = ((path.relative_to(root).with_suffix("")).parts for path in (root / package).rglob("*.py"))
    return sorted(".".join(parts[:-1] if parts[-1] == "__init__" else parts) for parts in names)


def _file(root, name):
    """The module's file; None where the package has no such module."""
    path = root.joinpath(*name.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def _imports(root, name):
    """Names of the modules of the same top package that a module imports."""
    file, package = _file(root, name), name.split(".")
    if file.name != "__init__.py":
        package = package[:-1]
    found = []
    for node in ast.walk(_parsed(file, file.stat().st_mtime_ns, file.stat().st_size)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            base = ".".join([*base, *(node.module.split(".") if node.module else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                found.append(inner if _file(root, inner) else base)
    top = name.split(".")[0]
    return [module for module in found if module.split(".")[0] == top and _file(root, module)]


def _tree(file):
    """A module's syntax without docstrings, other lone strings, and comments."""
    tree = _parsed(file, file.stat().st_mtime_ns, file.stat().st_size)
    return ast.dump(tree)


@cache
def _parsed(file, modified, size):
    tree = ast.parse(file.read_bytes())
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [
                line
                for line in body
                if not (
                    isinstance(line, ast.Expr)
                    and isinstance(line.value, ast.Constant)
                    and isinstance(line.value.value, str)
                )
            ]
    return tree
