"""Notebooks for Colab: each chapter once more in `colab/` of the site, with a first cell that brings the library.

Colab has numba and the like but not this book, and a chapter of the repository is not to hold a cell that only one
host needs. Colab opens notebooks of repositories alone, so the button leads to the branch of the published site.
"""

from importlib.metadata import requires
from pathlib import Path

import nbformat

BRANCH = "gh-pages"  # where the built site is published

FIRST = """\
# On Colab: fetch the book's library, and install what it imports. Where the library is at hand this does nothing.
try:
    import lib.book.claims
except ImportError:
    import os, sys
    !git clone --quiet --depth 1 --branch {branch} {repository}.git scaling-laws-book
    %pip install --quiet {packages}
    sys.path.insert(0, os.path.abspath("scaling-laws-book"))
"""


def _is_chapter(app, pagename):
    return pagename in app.env.found_docs and str(app.env.doc2path(pagename)).endswith(".ipynb")


def lead_to_notebook(app, pagename, templatename, context, doctree):
    """Write the page's notebook and turn the theme's button to it, which leads to the chapter in the repository."""
    if app.builder.name != "html" or not _is_chapter(app, pagename):
        return
    options = app.config.html_theme_options
    notebook = nbformat.read(app.env.doc2path(pagename), as_version=4)
    notebook.cells.insert(
        0,
        nbformat.v4.new_code_cell(
            id="colab",
            source=FIRST.format(
                branch=options["repository_branch"],
                repository=options["repository_url"],
                packages=" ".join(requires("scaling-laws-book")),
            ),
        ),
    )
    name = f"colab/{Path(pagename).name}.ipynb"
    (Path(app.outdir) / "colab").mkdir(exist_ok=True)
    nbformat.write(notebook, Path(app.outdir) / name)
    chapter = f"/blob/{options['repository_branch']}/{pagename}.ipynb"
    for group in context.get("header_buttons", ()):
        for button in group.get("buttons", ()):
            if button.get("text") == "Colab":
                button["url"] = button["url"].replace(chapter, f"/blob/{BRANCH}/{name}")


def setup(app):
    app.setup_extension("sphinx_book_theme")  # which makes the button before it is turned
    app.connect("html-page-context", lead_to_notebook, priority=501)  # the theme's
    return {"parallel_read_safe": True, "parallel_write_safe": True}
