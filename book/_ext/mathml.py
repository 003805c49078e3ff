"""Formulas for readers without JavaScript: beside its TeX, which MathJax sets, every formula of a page has its MathML.

Browsers set MathML themselves. Those that run scripts do not read this one, so that it costs their pages a few kilobytes
and nothing else; ``book.css`` hides the TeX where there are none.
"""

import re
from functools import cache
from html import unescape
from itertools import cycle
from pathlib import Path

from latex2mathml.converter import convert
from sphinx.errors import ExtensionError

# As Sphinx writes a formula: its number if it has one, and TeX between delimiters.
FORMULA = re.compile(
    r'(<(span|div) class="(?:[^"]* )?math [^>]*>(?:\s*<span class="eqno">.*?</span>)?)'
    r"(\s*\\([(\[])(.*?)\\[)\]]\s*)(?=</\2>)",
    re.DOTALL,
)
# A formula of several lines, as Sphinx writes it; the converter knows no environment for these.
LINES = re.compile(r"\s*\\begin\{split\}\s*\\begin\{(aligned|gathered)\}(.*)\\end\{\1\}\s*\\end\{split\}\s*", re.DOTALL)
ALIGNED = {"gathered": ("center",), "aligned": ("right", "left")}
TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|[{}&]", re.DOTALL)
# Delimiters that the converter leaves as they are behind \big and its like.
DELIMITERS = {r"\langle": "⟨", r"\rangle": "⟩", r"\{": "{", r"\}": "}"}


@cache  # the same symbols stand in hundreds of places
def mathml(tex, display):
    """The MathML of a formula; ExtensionError for TeX that has none."""
    lines = LINES.fullmatch(tex)
    if lines:
        rows = "".join(
            f"<mtr>{''.join(map(_cell, _parts(line, '&'), cycle(ALIGNED[lines[1]])))}</mtr>"
            for line in _parts(lines[2], "\\\\")
        )
        table = f'<mtable displaystyle="true" columnspacing="0em" rowspacing="0.5em">{rows}</mtable>'
        markup = f'<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">{table}</math>'
    else:
        markup = convert(tex, display="block" if display else "inline")
    for name, sign in DELIMITERS.items():
        markup = markup.replace(f">{name}<", f">{sign}<")
    if "\\" in markup or "&amp;" in markup or "&#x00026;" in markup:
        raise ExtensionError(f"mathml: a command of this formula is not understood, or one too many: {tex}")
    return markup


def _parts(tex, separator):
    """A formula cut at a separator, but for those inside braces and environments."""
    parts, depth, begin = [], 0, 0
    for token in TOKEN.finditer(tex):
        depth += {"{": 1, r"\begin": 1, "}": -1, r"\end": -1}.get(token[0], 0)
        if token[0] == separator and depth == 0:
            parts.append(tex[begin : token.start()])
            begin = token.end()
    return [*parts, tex[begin:]]


def _cell(tex, align):
    content = re.fullmatch("<math[^>]*>(.*)</math>", convert(tex), re.DOTALL)[1] if tex.strip() else ""
    return f'<mtd style="text-align: {align}">{content}</mtd>'


def with_mathml(page):
    """A page's text with the MathML of all its formulas; the same again if they have it already."""

    def add(found):
        start, _, shown, delimiter, tex = found.groups()
        return f'{start}<span class="tex">{shown}</span><noscript>{mathml(unescape(tex), delimiter == "[")}</noscript>'

    return FORMULA.sub(add, page)


def add_to_pages(app, exception):
    if exception or app.builder.name != "html":
        return
    for name in app.env.found_docs:
        path = Path(app.outdir) / f"{name}.html"
        page = path.read_text(encoding="utf-8")
        if (complete := with_mathml(page)) != page:
            path.write_text(complete, encoding="utf-8")


def setup(app):
    app.connect("build-finished", add_to_pages, priority=400)  # before the site is put into a folder to download
    return {"parallel_read_safe": True, "parallel_write_safe": True}
