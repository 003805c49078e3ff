"""Previews: what a link of the text leads to, and is short, is shown beside it by ``previews.js``."""

import json
from pathlib import Path

from bs4 import BeautifulSoup

# What links of the text lead to, and is short enough to be shown beside them.
TARGETS = "div.math[id], figure[id], div.citation[id], div.exercise[id], tr[id^='symbol-']"


def load_previews(app, pagename, templatename, context, doctree):
    if pagename in app.env.found_docs:
        app.add_js_file("previews.js", loading_method="defer")


def write_texts(app, exception):
    """Collect the texts from all pages, also from those that this build did not write, into one script."""
    if exception or app.builder.name != "html":
        return
    site = Path(app.outdir)
    texts = {name: _targets(site / f"{name}.html") for name in sorted(app.env.found_docs)}
    script = json.dumps(texts, ensure_ascii=False, separators=(",", ":"))
    (site / "_static" / "preview-texts.js").write_text(f"globalThis.PREVIEWS = {script};", encoding="utf-8")


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
    app.connect("html-page-context", load_previews)
    app.connect("build-finished", write_texts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
