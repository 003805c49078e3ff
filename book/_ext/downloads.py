"""The whole book in one file: `site.zip`, to be unpacked and read from a folder without a network, PDF and EPUB.

The zip holds what all others write, so its handler alone has a late priority. Dates are fixed: the same site gives the
same file. PDF and EPUB are made from the site by `make pdf` and `make epub`; the pages link to what is there.
"""

import zipfile
from pathlib import Path

NAME = "site.zip"
FOLDER = "scaling-laws-book"
BOOKS = {"scaling-laws.pdf": "PDF", "scaling-laws.epub": "EPUB"}  # as in tools/pdf.py and tools/epub.py


def _books(app):
    return [name for name in BOOKS if (Path(app.outdir) / name).is_file()]


def notice_books(app, env):
    """One came or went: every page is written again."""
    before, env.books = getattr(env, "books", []), _books(app)
    return env.found_docs if before != env.books else []


def link_books(app, pagename, templatename, context, doctree):
    """Offer them in the menu of downloads."""
    if app.builder.name != "html":
        return
    for group in context.get("header_buttons", ()):
        if group.get("label") == "download-buttons":
            group["buttons"] += [
                {
                    "type": "link",
                    "url": context["pathto"](name, 1),
                    "text": f"whole book ({Path(name).suffix})",
                    "tooltip": f"Download the whole book as {BOOKS[name]}",
                    "icon": "fas fa-book",
                    "label": "download-book-button",
                }
                for name in _books(app)
            ]


def write_zip(app, exception):
    if exception or app.builder.name != "html":
        return
    site = Path(app.outdir)
    files = sorted(
        path
        for path in site.rglob("*")
        if path.is_file() and path.name not in (NAME, ".buildinfo") and path.parent.name != "colab"
    )  # which cannot open a file of this disk
    with zipfile.ZipFile(site / NAME, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            entry = zipfile.ZipInfo(f"{FOLDER}/{path.relative_to(site).as_posix()}")  # of 1 January 1980
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())


def setup(app):
    app.connect("env-updated", notice_books)
    app.setup_extension("sphinx_book_theme")  # which makes the list of buttons before ours is added
    app.connect("html-page-context", link_books, priority=501)  # the theme's
    app.connect("build-finished", write_zip, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
