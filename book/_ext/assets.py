"""The programs that the site serves: MathJax, explorers, questions, the converter; nothing comes from another host."""

import shutil
from importlib.util import find_spec
from pathlib import Path

from sphinx.errors import ExtensionError

# What a page can ask of MathJax: the component itself, the TeX extensions that it loads on demand, fonts,
# and what its menu offers (SVG output, speech in English). The rest of the package, 17 MB, is other bundles.
MATHJAX_FOLDERS = ("input", "output", "a11y")
MATHJAX_FILES = ("tex-chtml.js", "sre/mathmaps/base.json", "sre/mathmaps/en.json")


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


def write_letters(app):
    """Write the program of the converter of exponents, which one page has."""
    if app.builder.format != "html":
        return
    from lib.widgets.letters import page_script

    static = Path(app.outdir) / "_static"
    static.mkdir(parents=True, exist_ok=True)
    (static / "letters.js").write_text(page_script(), encoding="utf-8")


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
    if 'class="letters' in context.get("body", ""):
        app.add_js_file("letters.js", loading_method="defer")


def setup(app):
    app.setup_extension("library")
    app.setup_extension("myst_nb")  # whose widgets' state is on the page before finish_page takes it away
    app.connect("builder-inited", serve_mathjax)
    app.connect("builder-inited", write_explorers)
    app.connect("builder-inited", write_questions)
    app.connect("builder-inited", write_letters)
    app.connect("html-page-context", finish_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
