"""What a reader expects of a page: previews of what a link leads to, how to cite it, a card, a map, a way back.

The site's address is made from the repository's, so that it too stands in one place (`_config.yml`).
"""

import base64
import io
import json
import posixpath
import re
from html import escape
from pathlib import Path
from urllib.parse import urlparse

from bs4 import BeautifulSoup
from execution import executed_cells
from PIL import Image, ImageOps
from sphinx.errors import ExtensionError

# What links of the text lead to, and is short enough to be shown beside them.
TARGETS = "div.math[id], figure[id], div.citation[id], div.exercise[id], tr[id^='symbol-']"

NOT_FOUND = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Page not found: {title}</title>
<style>:root {{ color-scheme: light dark; font: 1.1rem/1.5 system-ui, sans-serif; }}
body {{ max-width: 40rem; margin: 15vh auto; padding: 0 1rem; }}</style>
<h1>There is no such page</h1>
<p>It may have moved. The book begins at <a href="{address}">{title}</a>, and every page has a search field.</p>
</html>
"""

MOVED = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><meta name="robots" content="noindex">
<title>This page has moved</title>
<link rel="canonical" href="{address}">
<script>location.replace("{link}" + location.hash);</script>
<meta http-equiv="refresh" content="1; url={link}">
<p>This page has moved: <a href="{link}">{title}</a></p>
</html>
"""

WITHOUT_SCRIPT = (
    "<noscript><p>Without JavaScript figures with sliders are pictures, answers are not checked, and the search "
    "does not work. Text, formulas and solutions are complete.</p></noscript>"
)

CARD = (1200, 630)  # pixels of the picture that others show beside a link to a page


def name_the_site(app, config):
    """The address at which GitHub serves the repository's pages, unless another is given."""
    repository = urlparse(config.html_theme_options["repository_url"]).path.strip("/")
    if not config.html_baseurl and repository.count("/") == 1:
        owner, name = repository.split("/")
        config.html_baseurl = f"https://{owner}.github.io/{name}/"


def introduce_page(app, pagename, templatename, context, doctree):
    """Add a page's card for those who link to it, the way to cite it, and the program of the previews."""
    if pagename not in app.env.found_docs:
        return
    body = BeautifulSoup(context["body"], "html.parser")
    title = re.sub(r"^[\d.]+\s*", "", body.h1.get_text().rstrip("#").strip()) if body.h1 else app.config.html_title
    first = next((p for p in body.select("section > p") if not p.find_parent(class_="admonition")), None)
    words = re.sub(r"\s+", " ", first.get_text()).strip() if first else app.config.html_title
    address = f"{app.config.html_baseurl}{pagename}.html"
    card = {
        "og:title": title,
        "og:type": "article",
        "og:site_name": app.config.html_title,
        "og:url": address,
        "og:description": words if len(words) < 200 else words[:200].rsplit(" ", 1)[0] + " …",
    }
    if picture := _picture(app, pagename) or _picture(app, app.config.root_doc):
        card |= picture | {
            "og:image:width": str(CARD[0]),
            "og:image:height": str(CARD[1]),
            "twitter:card": "summary_large_image",
        }
    context["metatags"] = context.get("metatags", "") + "".join(
        f'\n<meta property="{name}" content="{escape(content)}">' for name, content in card.items()
    )
    entry = (
        f"@incollection{{scalinglaws-{Path(pagename).name},\n  author = {{{{{app.config.author}}}}},\n"
        f"  title = {{{title}}},\n  booktitle = {{{app.config.html_title}}},\n  year = {{2026}},\n"
        f"  url = {{{address}}}\n}}"
    )
    context["body"] = WITHOUT_SCRIPT + context["body"]
    context["body"] += (
        f'<details class="cite-page"><summary>Cite this page</summary><pre tabindex="0">{escape(entry)}</pre></details>'
    )
    app.add_js_file("previews.js", loading_method="defer")


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
    # An explorer says by itself what its picture shows, a figure by the metadata of its cell.
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


def finish_site(app, exception):
    """Write the previews' texts, the map of the site and the page for what is not there."""
    if exception or app.builder.name != "html":
        return
    site, address = Path(app.outdir), app.config.html_baseurl
    pages = sorted(app.env.found_docs)
    texts = {name: _targets(site / f"{name}.html") for name in pages}
    script = json.dumps(texts, ensure_ascii=False, separators=(",", ":"))
    (site / "_static" / "preview-texts.js").write_text(f"globalThis.PREVIEWS = {script};", encoding="utf-8")
    places = "".join(f"<url><loc>{escape(address)}{name}.html</loc></url>\n" for name in pages)
    (site / "sitemap.xml").write_text(
        f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{places}</urlset>\n'
    )
    (site / "404.html").write_text(
        NOT_FOUND.format(title=escape(app.config.html_title), address=address), encoding="utf-8"
    )
    for old, new in app.config.moved_pages.items():
        if old in app.env.found_docs or new not in app.env.found_docs:
            raise ExtensionError(f"moved_pages: from {old} to {new}, but the first is a page or the second is none")
        (site / old).parent.mkdir(parents=True, exist_ok=True)
        (site / f"{old}.html").write_text(
            MOVED.format(
                address=f"{address}{new}.html",
                link=posixpath.relpath(f"{new}.html", posixpath.dirname(old)),
                title=escape(app.env.titles[new].astext()),
            ),
            encoding="utf-8",
        )


def _targets(path):
    """Identifier -> markup of what can be previewed on a page; pictures stay where they are."""
    page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    found = {}
    for node in page.select(TARGETS):
        name = node["id"]
        for part in node.select("a.headerlink, script, noscript, img"):
            part.decompose()
        for part in [node, *node.select("[id]")]:
            part.attrs.pop("id", None)
        if node.name == "tr":  # of the notation: the symbol and what it means
            symbol, _, meaning, *_ = (cell.p.decode_contents() if cell.p else "" for cell in node.select("td"))
            found[name] = f'<p class="symbol">{symbol}: {meaning}</p>'
        else:
            found[name] = node.decode()
    return found


def setup(app):
    app.add_config_value("moved_pages", {}, "html", [dict])
    app.connect("config-inited", name_the_site)
    app.connect("html-page-context", introduce_page, priority=940)
    app.connect("build-finished", finish_site)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
