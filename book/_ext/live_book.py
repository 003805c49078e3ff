"""What this book adds to Jupyter Book 1.x: live explorers, fresh numbers, and nothing from another host.

Each part answers one defect of the default build and stands in a function of its own.
"""

import hashlib
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from importlib.metadata import version
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution
from myst_nb.core.read import create_nb_reader
from pybtex.plugin import register_plugin
from pybtex.style.formatting.plain import Style
from pybtex.style.labels import BaseLabelStyle
from sphinx.application import ENV_PICKLE_FILENAME
from sphinx.errors import ExtensionError
from sphinx.util.display import status_iterator
from traitlets.config import Config

# A numerical release of any of these may change the last digits on a page.
NUMERICAL_PACKAGES = ("numpy", "scipy", "numba", "scikit-learn", "matplotlib", "anywidget")

# What a page can ask of MathJax: the component itself, the TeX extensions that it loads on demand, fonts,
# and what its menu offers (SVG output, speech in English). The rest of the package, 17 MB, is other bundles.
MATHJAX_FOLDERS = ("input", "output", "a11y")
MATHJAX_FILES = ("tex-chtml.js", "sre/mathmaps/base.json", "sre/mathmaps/en.json")


def numbers_digest(root):
    """Digest of all that the numbers on a page depend on, beside the page's own cells.

    Of the library its code alone: scripts, styles, docstrings and comments change no number.
    """
    # By its path: a book's own `lib` need not have it, and importing `lib` would load numba.
    specification = spec_from_file_location(
        "library_digest", Path(__file__).parents[2] / "lib" / "compiler" / "digest.py"
    )
    specification.loader.exec_module(library := module_from_spec(specification))
    versions = [f"{package}={version(package)}" for package in NUMERICAL_PACKAGES]
    files = [
        root / "requirements.txt",
        *sorted((root / "book" / "answers").glob("*.yml")),
        *sorted((root / "book" / "data").rglob("*.*")),
    ]
    texts = [f"{file.relative_to(root)} {hashlib.sha256(file.read_bytes()).hexdigest()}" for file in files]
    return library.digest(library.package_modules("lib", root), root, [sys.version, *versions, *texts])[:16]


def follow_the_library(app, config):
    """Execute every page again when the library has changed.

    jupyter-cache looks at code cells alone, so after an edit in ``lib`` pages kept their old numbers.
    A cache folder named by the content of the library cannot; Sphinx, in turn, reads every page again
    because the folder's name is part of its environment.
    """
    root = Path(app.srcdir)
    cache = Path(app.outdir).parent / ".jupyter_cache" / numbers_digest(root)
    config.nb_execution_cache_path = str(cache)
    # The library beside the book, whatever copy of it is installed; for this process and for the kernels.
    sys.path.insert(0, str(root))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))


def execute_side_by_side(app, env, docnames):
    """Execute the notebooks among the pages to be read, as many at once as there are cores, into the cache.

    myst-nb executes a page when it reads it, one after the other; it then finds all of them in the cache. A
    notebook that fails is not kept there: it fails again, and is reported, when its page is read.
    """
    config = env.mystnb_config
    cache = get_cache(config.execution_cache_path)
    # jupyter-cache takes a notebook that another thread is adding for one too many, and deletes it
    alone = Lock()

    def known(notebook):
        with alone, suppress(KeyError):
            return cache.match_cache_notebook(notebook)

    def execute(page):
        path = env.doc2path(page)
        text = Path(path).read_text(encoding="utf-8")
        reader = create_nb_reader(path, env.myst_config, config, text)
        if reader is None or known(notebook := reader.read(text)):
            return
        with TemporaryDirectory() as sockets:
            result = single_nb_execution(
                notebook,
                str(Path(path).parent),
                config.execution_timeout,
                allow_errors=False,
                config=_without_ports(sockets),
            )
        if result.err is None:
            bundle = CacheBundleIn(notebook, path, data={"execution_seconds": result.time})
            with alone:
                cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # of each kernel, since they share the cores
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = {pool.submit(execute, page): page for page in sorted(docnames)}
        progress = status_iterator(as_completed(runs), "executing... ", "purple", len(runs), stringify_func=runs.get)
        for run in progress:
            run.result()


def _without_ports(folder):
    """Configuration of a kernel that is spoken to through sockets in ``folder``: ipykernel warns of every open port."""
    if os.name == "nt":
        return Config()
    return Config({"ConnectionFileMixin": {"transport": "ipc", "ip": str(Path(folder) / "kernel")}})


def forget_a_flawed_build(app, exception):
    """Repeat the warnings of a build in the next one.

    Sphinx warns only about the pages that it reads, so a second strict build of an unchanged, faulty book
    would pass. Without the environment it reads them all again; execution results stay cached.
    """
    if exception is None and app._warncount:
        Path(app.doctreedir, ENV_PICKLE_FILENAME).unlink(missing_ok=True)


def serve_mathjax(app):
    """Copy MathJax into the site."""
    if app.builder.format != "html":
        return
    # Its own `setup` would copy all of it, after the pages are written.
    source = Path(find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax"
    target = Path(app.outdir) / "_static" / "mathjax"
    for folder in MATHJAX_FOLDERS:
        shutil.copytree(source / folder, target / folder, dirs_exist_ok=True)
    for file in MATHJAX_FILES:
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / file, target / file)


def write_explorers(app):
    """Compile the kernels to WebAssembly and write them, with the explorers' program, as one script.

    One classic script, the same for every page: the browser keeps it, and it also runs from ``file://``,
    where modules and fetch do not.
    """
    if app.builder.format != "html":
        return
    from lib.compiler.wasm import BuildError, build
    from lib.widgets.exports import TABLE
    from lib.widgets.page import page_script

    try:
        module = build(TABLE)
    except BuildError as error:
        raise ExtensionError(f"the kernels do not compile to WebAssembly: {error}") from None
    static = Path(app.outdir) / "_static"
    static.mkdir(parents=True, exist_ok=True)
    (static / "explorers.js").write_text(page_script(module), encoding="utf-8")


def write_questions(app):
    """Write the program of the questions, as one classic script too."""
    if app.builder.format != "html":
        return
    from lib.book.course import page_script

    static = Path(app.outdir) / "_static"
    static.mkdir(parents=True, exist_ok=True)
    (static / "questions.js").write_text(page_script(), encoding="utf-8")


def finish_page(app, pagename, templatename, context, doctree):
    """Give a page its explorers and questions, and take away the state of Jupyter's widgets.

    myst-nb writes every trait of every widget into the page for a widget manager that this book does not
    load. The list is changed in place: it is the builder's own, which `add_js_file` appends to.
    """
    scripts = context["script_files"]
    scripts[:] = [
        script for script in scripts if "widget-state" not in getattr(script, "attributes", {}).get("type", "")
    ]
    if 'class="explorer' in context.get("body", ""):
        app.add_js_file("explorers.js", loading_method="defer")
    if 'class="question' in context.get("body", ""):
        app.add_js_file("questions.js", loading_method="defer")


class AuthorYear(Style):
    """pybtex's plain style with the labels that the text uses: "Worschech and Rosenow, 2025".

    Works of the same people and year get letters: "Saad and Solla, 1995a".
    """

    class Label(BaseLabelStyle):
        def format_labels(self, sorted_entries):
            labels = [self._label(entry) for entry in sorted_entries]
            for i, label in enumerate(labels):
                letter = "abcdefghijklmnopqrstuvwxyz"[labels[:i].count(label)] if labels.count(label) > 1 else ""
                yield label + letter

        @staticmethod
        def _label(entry):
            people = entry.persons.get("author") or entry.persons["editor"]
            names = [" ".join(person.prelast_names + person.last_names) for person in people]
            who = f"{names[0]} et al." if len(names) > 2 else " and ".join(names)
            return f"{who}, {entry.fields['year']}"

    default_label_style = Label


def setup(app):
    register_plugin("pybtex.style.formatting", "author_year", AuthorYear)
    app.connect("config-inited", follow_the_library)
    app.connect("builder-inited", serve_mathjax)
    app.connect("builder-inited", write_explorers)
    app.connect("builder-inited", write_questions)
    app.connect("env-before-read-docs", execute_side_by_side)
    app.connect("html-page-context", finish_page, priority=900)
    app.connect("build-finished", forget_a_flawed_build)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
