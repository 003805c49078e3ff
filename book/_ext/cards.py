"""What others show beside a link to a page: its title, its first words, and its first figure or explorer on a card.

The tags are made by ``sphinxext.opengraph``, which takes from a page's metadata what it would otherwise make itself: a
title with the number of the chapter, words with blanks inside citations, and a card without a figure.
"""

import base64
import io
from html import escape
from pathlib import Path

from bs4 import BeautifulSoup
from docutils import nodes
from execution import executed_cells
from PIL import Image, ImageOps

CARD = (1200, 630)  # pixels
LENGTH = 200  # characters


def give_card(app, pagename, templatename, context, doctree):
    """Put a page's card among its metadata; a page without a picture has that of the book's first page."""
    if doctree is None:
        return
    card = {"og:title": app.env.titles[pagename].astext(), "og:description": _first_words(doctree)}
    if picture := _picture(app, pagename) or _picture(app, app.config.root_doc):
        card |= picture | {"og:image:width": str(CARD[0]), "og:image:height": str(CARD[1])}
    context["meta"] = (context.get("meta") or {}) | {name: escape(text) for name, text in card.items()}


def _first_words(doctree):
    """The beginning of the first paragraph of the text."""
    paragraphs = (node for node in doctree.findall(nodes.paragraph) if isinstance(node.parent, nodes.section))
    words = " ".join(next((node.astext() for node in paragraphs), doctree.astext()).split())
    return words if len(words) < LENGTH else words[:LENGTH].rsplit(" ", 1)[0] + " …"


def _picture(app, pagename):
    """Draw the first picture of a page, as it was executed, on a card; gives its address and what it shows."""
    found = next(
        (
            (cell, output["data"])
            for cell in executed_cells(app.env, pagename)
            for output in cell.get("outputs", ())
            if "image/png" in output.get("data", {})
        ),
        None,
    )
    if found is None:
        return {}
    cell, data = found
    # The HTML of an explorer says what its picture shows, the metadata of its cell what a figure shows.
    shown = BeautifulSoup("".join(data.get("text/html", "")), "html.parser").img
    words = shown["alt"] if shown else cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")
    ink = Image.open(io.BytesIO(base64.b64decode("".join(data["image/png"])))).convert("RGBA")
    paper = Image.new("RGBA", ink.size, "white")
    paper.alpha_composite(ink)
    name = f"_static/cards/{pagename}.png"
    path = Path(app.outdir) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    ImageOps.pad(paper.convert("RGB"), CARD, Image.Resampling.LANCZOS, color="white").save(path, optimize=True)
    return {"og:image": f"{app.config.html_baseurl}{name}", "og:image:alt": words}


def name_the_site(app, config):
    config.ogp_site_url = config.html_baseurl
    config.ogp_site_name = config.html_title


def setup(app):
    app.setup_extension("execution")
    app.setup_extension("address")  # which sets html_baseurl before this reads it
    app.connect("config-inited", name_the_site)
    app.connect("html-page-context", give_card)
    app.setup_extension("sphinxext.opengraph")  # whose handler comes after that, and makes the tags
    return {"parallel_read_safe": True, "parallel_write_safe": True}
