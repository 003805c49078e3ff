"""The map of the site for search engines, ``sitemap.xml``.

Not by sphinx-sitemap (2.9): it lists the pages that a build wrote, so that after a build in which only some
pages changed the others are missing, and pages without content such as the index are in it.
"""

from html import escape
from pathlib import Path


def write_map(app, exception):
    if exception or app.builder.name != "html":
        return
    pages = sorted(app.env.found_docs)
    places = "".join(f"<url><loc>{escape(app.config.html_baseurl)}{name}.html</loc></url>\n" for name in pages)
    (Path(app.outdir) / "sitemap.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        f"{places}</urlset>\n",
        encoding="utf-8",
    )


def setup(app):
    app.setup_extension("address")
    app.connect("build-finished", write_map)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
