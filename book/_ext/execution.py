"""Numbers of this library, executed at once: what decides that a chapter's stored results are stale, and how it is run.

Results are stored twice: with the notebook, whose metadata have a digest of what gives them (:func:`is_current`), and
in jupyter-cache, which is filled from there, else by executing.

jupyter-cache looks a notebook up by its code cells and its kernel's metadata alone. Here the metadata also get a digest
of what the cells depend on (:func:`code_digest`), so that results made by another library are not found; and Sphinx is
told which pages to read again.
"""

import ast
import hashlib
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from importlib.metadata import version
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

import nbformat
import yaml
from IPython.core.inputtransformer2 import TransformerManager
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution
from myst_nb.core.read import create_nb_reader
from sphinx.application import ENV_PICKLE_FILENAME
from sphinx.util.display import status_iterator
from traitlets.config import Config

# A numerical release of any of these may change the last digits on a page.
NUMERICAL_PACKAGES = ("numpy", "scipy", "numba", "scikit-learn", "matplotlib", "anywidget", "mpmath")

# Where a notebook's metadata say of what code its outputs are: outputs.py writes it.
STORED = "outputs"

# The registry of explorers imports all; what shows explorers takes those that a chapter names, the converter all.
EXPERIMENTS = "lib.widgets.experiments"
SHOWING = {"lib.widgets.explorer", "lib.widgets.gallery"}
CONVERTER = "lib.widgets.letters"


def _load_digest():
    """The library's module of digests, by its path: importing ``lib`` would load numba, and a toy book has none."""
    file = Path(__file__).parents[2] / "lib" / "compiler" / "digest.py"
    specification = spec_from_file_location("library_digest", file)
    specification.loader.exec_module(module := module_from_spec(specification))
    return module


digests = _load_digest()


def code_digest(root, cells, files=()):
    """Digest of all that the numbers of a chapter depend on, except for the cells themselves.

    That is: the modules of the library that its code uses, the answers to the questions that it asks with the modules
    that these use, the files that it reads, and versions. Docstrings and comments change no number.

    Parameters
    ----------
    root : Path
        Folder of the book, with ``lib`` and ``book``.
    cells : list of str
        Sources of the code cells.
    files : iterable of str
        Files and folders that the chapter reads, relative to ``root``.

    Returns
    -------
    str
    """
    versions = [f"{package}={version(package)}" for package in NUMERICAL_PACKAGES]
    return _digest(root, cells, files, [sys.version, *versions])


def _digest(root, cells, files, extra):
    """Digest of the modules that the cells use, of what stands in the files, and of more."""
    code = "\n".join(map(TransformerManager().transform_cell, cells))
    without = ()
    try:
        tree = ast.parse(code)
        words = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
        modules = digests.modules_used(code, root=root)
        if modules & SHOWING and CONVERTER not in modules and (shown := _explorers(tree, root)):
            modules |= shown
            without = (EXPERIMENTS,)
    except SyntaxError:  # the cell that fails will say so
        words, modules = [], set(digests.package_modules("lib", root))
    paths = []
    for answers in sorted((root / "book" / "answers").glob("*.yml")):
        if any(isinstance(word, str) and word.startswith(f"{answers.stem}-") for word in words):
            paths.append(answers)
            for expression in _expressions(yaml.safe_load(answers.read_text(encoding="utf-8"))):
                modules |= digests.modules_used(expression, root=root)
    for file in files:
        path = root / file
        paths += sorted(inner for inner in path.rglob("*") if inner.is_file()) if path.is_dir() else [path]
    contents = [f"{path.relative_to(root)} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in paths]
    return digests.digest(modules, root, [*contents, *extra], without)


def _explorers(tree, root):
    """Modules of the explorers that a chapter shows; none where a name is computed, so that it may be any."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    shown = [call.args[0] if call.args else None for call in calls if call.func.attr in ("explore", "gallery")]
    modules = {f"{EXPERIMENTS}.{getattr(first, 'value', None)}" for first in shown}
    return modules if modules <= set(digests.package_modules(EXPERIMENTS, root)) else set()


def outputs_digest(notebook, root, files=()):
    """Digest of a notebook's outputs, its cells, and all that they depend on, but for versions of other packages.

    Stored beside the outputs (:data:`STORED`), it says that nobody has changed either since.
    """
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    sources = [cell.source for cell in cells]
    shown = [[output.get("data") or output.get("text") for output in cell.outputs] for cell in cells]
    return _digest(root, sources, files, [*sources, json.dumps(shown, sort_keys=True)])


def is_current(notebook, root, files=()):
    """Whether the outputs that are stored in a notebook are those of its code as it is now."""
    stored = notebook.metadata.get(STORED)
    return stored is not None and stored["digest"] == outputs_digest(notebook, root, files)


def _expressions(value):
    """The texts of a key of answers that are Python."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _expressions(inner)
    elif isinstance(value, str):
        with suppress(SyntaxError):
            ast.parse(value, mode="eval")
            yield value


def find_stale_pages(app, env, added, changed, removed):
    """Read a notebook again when what its code depends on has changed, or other outputs are stored with it."""
    before = getattr(env, "code_digests", {}), getattr(env, "stored_outputs", {})
    env.code_digests, env.stored_outputs = {}, {}
    root = Path(app.srcdir)
    for page in env.found_docs:
        path = Path(env.doc2path(page))
        if path.suffix == ".ipynb":
            with suppress(ValueError):  # no JSON: its parser will say so
                notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
                code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
                files = app.config.chapter_files.get(page, [])
                env.code_digests[page] = code_digest(root, code, files)
                if is_current(notebook, root, files):
                    env.stored_outputs[page] = notebook.metadata[STORED]
    found = env.code_digests, env.stored_outputs
    return [page for page in env.code_digests if any(old.get(page) != new.get(page) for old, new in zip(before, found))]


def add_digest(app, page, source):
    """Give a notebook that is read its digest."""
    if page in app.env.code_digests:
        source[0] = _with_digest(source[0], app.env.code_digests[page])


def _with_digest(text, digest):
    """The text of a notebook with a digest among the metadata of its kernel, of which jupyter-cache takes the key."""
    notebook = json.loads(text)
    kernel = {"name": "python3", "display_name": "Python 3"} | notebook["metadata"].get("kernelspec", {})
    notebook["metadata"]["kernelspec"] = kernel | {"code_digest": digest}
    return json.dumps(notebook)


def _read(env, page):
    """A page's notebook as myst-nb will read it, and its path; None for a page that is no notebook."""
    path = env.doc2path(page)
    text = Path(path).read_text(encoding="utf-8")
    if page in env.code_digests:
        text = _with_digest(text, env.code_digests[page])
    reader = create_nb_reader(path, env.myst_config, env.mystnb_config, text)
    return (reader.read(text) if reader else None), path


def executed_cells(env, page):
    """The cells of a page's notebook with the outputs of this build; none if it is no notebook, or not executed.

    They come from the cache: the copies in ``_build/jupyter_execute`` lack the outputs that myst-nb found there.
    """
    notebook, _ = _read(env, page)
    if notebook is None:
        return []
    try:
        return get_cache(env.mystnb_config.execution_cache_path).merge_match_into_notebook(notebook)[1].cells
    except KeyError:
        return []


def execute_side_by_side(app, env, docnames):
    """Execute the notebooks among the pages to be read, as many at once as there are cores, into the cache.

    myst-nb executes a page when it reads it, one after the other; it then finds all of them in the cache. A notebook
    that fails is not stored there: it fails again, and is reported, when its page is read.
    """
    config = env.mystnb_config
    if config.execution_mode != "cache":
        return
    cache = get_cache(config.execution_cache_path)
    # jupyter-cache takes a notebook that another thread is adding for one too many, and deletes it
    alone = Lock()

    def known(notebook):
        with alone, suppress(KeyError):
            return cache.match_cache_notebook(notebook)

    def execute(page):
        try:
            notebook, path = _read(env, page)
        except ValueError:  # no JSON: its parser will say so
            return
        if notebook is None or known(notebook):
            return
        seconds = 0.0
        if page not in env.stored_outputs:
            result = run_notebook(notebook, path, config.execution_timeout)
            if result.err is not None:
                return
            seconds = result.time
        bundle = CacheBundleIn(notebook, path, data={"execution_seconds": seconds})
        with alone:
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # of each kernel, since they share the cores
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = {pool.submit(execute, page): page for page in sorted(docnames)}
        progress = status_iterator(as_completed(runs), "executing... ", "purple", len(runs), stringify_func=runs.get)
        for run in progress:
            run.result()


def run_notebook(notebook, path, timeout, record_timing=False):
    """Execute a notebook in place, as jupyter-cache does, in its folder."""
    with TemporaryDirectory() as sockets:
        return single_nb_execution(
            notebook,
            str(Path(path).parent),
            timeout,
            allow_errors=False,
            record_timing=record_timing,
            coalesce_streams=True,  # where it is cut into pieces depends on the machine's load
            config=_without_ports(sockets),
        )


def _without_ports(folder):
    """Configuration of a kernel that is spoken to through sockets in ``folder``: ipykernel warns of every open port."""
    if os.name == "nt":
        return Config()
    return Config({"ConnectionFileMixin": {"transport": "ipc", "ip": str(Path(folder) / "kernel")}})


def forget_a_flawed_build(app, exception):
    """Repeat the warnings of a build in the next one.

    Sphinx warns only about the pages that it reads, so a second strict build of an unchanged, faulty book would pass.
    Without the environment it reads them all again; execution results stay cached.
    """
    if exception is None and app._warncount:
        Path(app.doctreedir, ENV_PICKLE_FILENAME).unlink(missing_ok=True)


def setup(app):
    app.setup_extension("library")
    app.add_config_value("chapter_files", {}, "", [dict])
    app.connect("env-get-outdated", find_stale_pages)
    app.connect("source-read", add_digest)
    app.connect("env-before-read-docs", execute_side_by_side)
    app.connect("build-finished", forget_a_flawed_build)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
