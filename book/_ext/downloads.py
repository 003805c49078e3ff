"""The whole book in one file: `site.zip`, to be unpacked and read from a folder without a network, and the PDF.

The zip holds what all others write, so its handler alone has a late priority. Dates are fixed: the same site gives the
same file. The PDF is printed from the site by `make pdf`; the pages link to it when it is there.
"""

import zipfile
from pathlib import Path

NAME = "site.zip"
FOLDER = "scaling-laws-book"
PDF = "scaling-laws.pdf"  # as in tools/pdf.py


def _has_pdf(app):
    return (Path(app.outdir) / PDF).is_file()


def notice_pdf(app, env):
    """The PDF came or went: every page is written again."""
    before, env.has_pdf = getattr(env, "has_pdf", False), _has_pdf(app)
    return env.found_docs if before != env.has_pdf else []


def link_pdf(app, pagename, templatename, context, doctree):
    """Offer the PDF in the menu of downloads."""
    if app.builder.name != "html" or not _has_pdf(app):
        return
    for group in context.get("header_buttons", ()):
        if group.get("label") == "download-buttons":
            group["buttons"].append(
                {
                    "type": "link",
                    "url": context["pathto"](PDF, 1),
                    "text": "whole book (.pdf)",
                    "tooltip": "Download the whole book as PDF",
                    "icon": "fas fa-book",
                    "label": "download-book-button",
                }
            )


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
    app.connect("env-updated", notice_pdf)
    app.setup_extension("sphinx_book_theme")  # which makes the list of buttons before ours is added
    app.connect("html-page-context", link_pdf, priority=501)  # the theme's
    app.connect("build-finished", write_zip, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
