"""What every page has besides its text: a word to readers without JavaScript, how to cite it, and a look on paper."""

from html import escape
from pathlib import Path

WITHOUT_SCRIPT = (
    "<noscript><p>Without JavaScript figures with sliders are pictures, answers are not checked, and the search "
    "does not work. Text, formulas and solutions are complete.</p></noscript>"
)


def frame_page(app, pagename, templatename, context, doctree):
    if pagename not in app.env.found_docs:
        return
    entry = (
        f"@incollection{{scalinglaws-{Path(pagename).name},\n  author = {{{{{app.config.author}}}}},\n"
        f"  title = {{{app.env.titles[pagename].astext()}}},\n  booktitle = {{{app.config.html_title}}},\n"
        f"  year = {{2026}},\n  url = {{{app.config.html_baseurl}{pagename}.html}}\n}}"
    )
    cite = f'<summary>Cite this page</summary><pre tabindex="0">{escape(entry)}</pre>'
    app.add_js_file("paper.js", loading_method="defer")
    context["body"] = f'{WITHOUT_SCRIPT}{context["body"]}<details class="cite-page">{cite}</details>'


def setup(app):
    app.setup_extension("address")
    app.connect("html-page-context", frame_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
