"""Pages under their old names, which lead to the new ones: the setting ``moved_pages``.

Not by sphinx-reredirects (1.1): it overwrites a page of the book without a word, does not notice a target
that is no page, and its pages name neither the new page to the reader nor its address to search engines.
"""

import posixpath
from html import escape
from pathlib import Path

from sphinx.errors import ExtensionError

MOVED = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><meta name="robots" content="noindex">
<title>This page has moved</title>
<link rel="canonical" href="{address}">
<script>location.replace("{link}" + location.hash);</script>
<meta http-equiv="refresh" content="1; url={link}">
<p>This page has moved: <a href="{link}">{title}</a></p>
</html>
"""


def write_moved(app, exception):
    if exception or app.builder.name != "html":
        return
    for old, new in app.config.moved_pages.items():
        if old in app.env.found_docs or new not in app.env.found_docs:
            raise ExtensionError(f"moved_pages: from {old} to {new}, but the first is a page or the second is none")
        path = Path(app.outdir) / f"{old}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            MOVED.format(
                address=f"{app.config.html_baseurl}{new}.html",
                link=posixpath.relpath(f"{new}.html", posixpath.dirname(old)),
                title=escape(app.env.titles[new].astext()),
            ),
            encoding="utf-8",
        )


def setup(app):
    app.setup_extension("address")
    app.add_config_value("moved_pages", {}, "html", [dict])
    app.connect("build-finished", write_moved)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
