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


# The class with which an element of a page asks for a program, and the program's file.
PROGRAMS = {"explorer": "explorers.js", "question": "questions.js", "letters": "letters.js"}


def write_programs(app):
    """Write the programs of explorers, with the kernels compiled to WebAssembly, of questions and of the converter.

    Each is one classic script, the same for every page: the browser keeps it, and it also runs from ``file://``,
    where modules and fetch do not.
    """
    if app.builder.format != "html":
        return
    from lib.book import course
    from lib.compiler.wasm import BuildError, build
    from lib.widgets import page
    from lib.widgets.exports import TABLE
    from lib.widgets.letters import page_script as converter

    try:
        module = build(TABLE)
    except BuildError as error:
        raise ExtensionError(f"the kernels do not compile to WebAssembly: {error}") from None
    scripts = {"explorer": page.page_script(module), "question": course.page_script(), "letters": converter()}
    static = Path(app.outdir) / "_static"
    static.mkdir(parents=True, exist_ok=True)
    for kind, file in PROGRAMS.items():
        (static / file).write_text(scripts[kind], encoding="utf-8")


def finish_page(app, pagename, templatename, context, doctree):
    """Give a page the programs that it asks for, and take away the state of Jupyter's widgets.

    myst-nb writes every trait of every widget into the page for a widget manager that this book does not
    load. The list is changed in place: it is the builder's own, which `add_js_file` appends to.
    """
    scripts = context["script_files"]
    scripts[:] = [
        script for script in scripts if "widget-state" not in getattr(script, "attributes", {}).get("type", "")
    ]
    for kind, file in PROGRAMS.items():
        if f'class="{kind}' in context.get("body", ""):
            app.add_js_file(file, loading_method="defer")


def setup(app):
    app.setup_extension("library")
    app.setup_extension("myst_nb")  # whose widgets' state is on the page before finish_page takes it away
    app.connect("builder-inited", serve_mathjax)
    app.connect("builder-inited", write_programs)
    app.connect("html-page-context", finish_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
