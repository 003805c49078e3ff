"""What a result depends on: one digest of the modules that it imports, and of no others.

Three things are stored between processes, and each must be made again exactly when its code has changed: the compiled
kernels (``lib.compiler.jit``), the WebAssembly module (``lib.compiler.wasm``), and the executed chapters
(``book/_ext/execution.py``). All use this digest. It is taken of the syntax trees, without docstrings and comments, of
the modules named and of every module of ``lib`` that they import, directly or not: a constant two imports away
changes it, an edited comment or docstring does not.

A program such as a chapter's cells imports all of ``lib`` and uses little of it: :func:`modules_used` says what.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def digest(modules, root=ROOT, extra=(), without=()):
    """Compute the digest of modules and of all that they import from their own package.

    Parameters
    ----------
    modules : iterable of str
        Full names, such as ``"lib.kernels.sgd"``.
    root : Path
        Folder that holds the package. Default: the one that this module was loaded from.
    extra : iterable of str
        What else the result depends on, such as versions.
    without : iterable of str
        As for :func:`closure`.

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
    for name in sorted(closure(modules, root, without)):
        result.update(f"{name}\0{_tree(_file(root, name))}\0".encode())
    return result.hexdigest()[:32]


def closure(modules, root=ROOT, without=()):
    """Find every module of their packages that modules import, directly or not.

    An import inside a function counts. A package's own ``__init__`` counts only where names are imported from it.

    Parameters
    ----------
    modules : iterable of str
        Full names.
    root : Path
        Folder that holds the package. Default: the one that this module was loaded from.
    without : iterable of str
        Full names of modules that count only where ``modules`` has them, not where one imports them.

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
            waiting += [module for module in _imports(root, name) if module not in without]
    return found


def modules_used(code, package="lib", root=ROOT):
    """Name the modules of a package from which a program takes its names.

    ``import lib`` runs every module that ``lib/__init__.py`` imports, but a program that then says ``lib.solve``
    depends on ``lib.core.dynamics`` alone. What cannot be told from the syntax (the package passed to a function, a
    name that its ``__init__`` makes when it is asked) counts as all modules of the package.

    Parameters
    ----------
    code : str
        Python; in it the name ``package`` is the package, also where the import stands elsewhere.
    package : str
        Name of the package.
    root : Path
        Folder that holds the package. Default: the one that this module was loaded from.

    Returns
    -------
    set of str
        Full names, for :func:`digest`.

    Raises
    ------
    SyntaxError
        If ``code`` is not Python.
    """
    tree, found = ast.parse(code), set()
    bound = {package: (package, [])}  # what a name of the program stands for: a module, and names in it
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == package:
                    bound[alias.asname or package] = (alias.name if alias.asname else package, [])
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module.split(".")[0] == package:
            for alias in node.names:
                if alias.name == "*":
                    found |= set(package_modules(node.module, root))
                else:
                    bound[alias.asname or alias.name] = (node.module, [alias.name])
    for node in _uses(tree):
        module, names = bound.get(node[0], (None, []))
        if module:
            found |= _sources(root, module, names + node[1:])
    return found


def _uses(tree):
    """Every name that a program reads, with the attributes that it takes of it: ``["lib", "core", "solve"]``."""
    waiting = [tree]
    while waiting:
        node, attributes = waiting.pop(), []
        while isinstance(node, ast.Attribute):
            attributes.insert(0, node.attr)
            node = node.value
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                yield [node.id, *attributes]
        else:
            waiting += ast.iter_child_nodes(node)


def _sources(root, module, names):
    """The modules that ``module.name.name...`` comes from."""
    file = _file(root, module)
    if file is None:
        raise ModuleNotFoundError(f"no module {module} in {root}")
    if file.name != "__init__.py":
        return {module}
    if not names:
        return set(package_modules(module, root))
    name, *others = names
    if name.startswith("__"):  # __file__, __name__: no code
        return set()
    for node in _parsed(file, file.stat().st_mtime_ns, file.stat().st_size).body:
        if isinstance(node, ast.ImportFrom):
            base = _base(node, module.split("."))
            for alias in node.names:
                if name == (alias.asname or alias.name) and _file(root, base):
                    if _file(root, inner := f"{base}.{alias.name}"):
                        return _sources(root, inner, others)
                    return {module} if base == module else _sources(root, base, [alias.name, *others])
        elif name in _made(node):
            return {module}
    if _file(root, inner := f"{module}.{name}"):
        return _sources(root, inner, others)
    return set(package_modules(module, root))


def _made(statement):
    """Names that a statement of a module defines."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return [statement.name]
    return [node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]


def _base(node, package):
    """Full name of the module that ``from ... import`` in a module of a package, given by its parts, names."""
    base = package[: len(package) + 1 - node.level] if node.level else []
    return ".".join([*base, *(node.module.split(".") if node.module else [])])


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
    folder = root.joinpath(*package.split("."))
    names = ((path.relative_to(root).with_suffix("")).parts for path in folder.rglob("*.py"))
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
    file = _file(root, name)
    names = _imported(file, file.stat().st_mtime_ns, file.stat().st_size, name)
    top = name.split(".")[0]
    found = [inner if inner and _file(root, inner) else base for base, inner in names if base.split(".")[0] == top]
    return [module for module in found if _file(root, module)]


@cache
def _imported(file, modified, size, name):
    """What a module imports, as pairs: a module, and the name taken from it with the module's before, or None."""
    package = name.split(".")
    if file.name != "__init__.py":
        package = package[:-1]
    found = []
    for node in ast.walk(_parsed(file, modified, size)):
        if isinstance(node, ast.Import):
            found += [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, package)
            found += [(base, f"{base}.{alias.name}") for alias in node.names]
    return found


def _tree(file):
    """A module's syntax without docstrings, other lone strings, and comments."""
    return _dumped(file, file.stat().st_mtime_ns, file.stat().st_size)


@cache
def _dumped(file, modified, size):
    return ast.dump(_parsed(file, modified, size))


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
