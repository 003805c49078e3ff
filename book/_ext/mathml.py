"""How formulas are written to a page: as TeX, which MathJax sets, and as MathML for readers without JavaScript.

Browsers set MathML by themselves. Those that run scripts do not read this one: it costs a page a few kilobytes and
nothing else. ``book.css`` hides the TeX where there are no scripts.
"""

import re
from functools import cache
from itertools import cycle

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

logger = logging.getLogger(__name__)

NAME = "mathjax-and-mathml"
AFTER_EXPLORERS = 900  # of the scripts: an explorer that is seen comes before the formulas
MATHJAX = "_static/mathjax/tex-chtml.js"  # assets.py; book/_style/formulas.js runs it
# A formula of several lines, wrapped as by `_display_tex`; the converter knows no environment for these.
LINES = re.compile(r"\s*\\begin\{split\}\s*\\begin\{(aligned|gathered)\}(.*)\\end\{\1\}\s*\\end\{split\}\s*", re.DOTALL)
ALIGNED = {"gathered": ("center",), "aligned": ("right", "left")}
TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|[{}&]", re.DOTALL)
# Delimiters that the converter leaves as they are after \big and similar commands.
DELIMITERS = {r"\langle": "⟨", r"\rangle": "⟩", r"\{": "{", r"\}": "}"}


@cache  # the same symbols stand in hundreds of places
def mathml(tex, display):
    """The MathML of a formula; ValueError for TeX that the converter does not know."""
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
        raise ValueError(f"a command of this formula has no MathML, or one brace too many: {tex}")
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


def visit_math(translator, node):
    """Write a formula of the text."""
    tex = node.astext()
    translator.body += [
        translator.starttag(node, "span", "", CLASS="math notranslate nohighlight"),
        _forms(translator, node, rf"\({translator.encode(tex)}\)", tex, display=False),
        "</span>",
    ]
    raise nodes.SkipNode


def visit_math_block(translator, node):
    """Write a displayed formula, with its number if it has one."""
    tex = _display_tex(node)
    translator.body.append(translator.starttag(node, "div", CLASS="math notranslate nohighlight"))
    if node["number"]:
        translator.body.append(f'<span class="eqno">({get_node_equation_number(translator, node)})')
        translator.add_permalink_ref(node, "Link to this equation")
        translator.body.append("</span>")
    shown = rf"\[{translator.encode(tex)}\]"
    translator.body += [_forms(translator, node, shown, tex, display=True), "</div>\n"]
    raise nodes.SkipNode


def _display_tex(node):
    """A displayed formula's TeX; lines, and equations between empty lines, stand in the environments that they need."""
    tex = node.astext()
    if node["nowrap"]:
        return tex
    parts = [part for part in tex.split("\n\n") if part.strip()]
    parts = [rf"\begin{{split}}{part}\end{{split}}" if "\\\\" in part else part for part in parts]
    return parts[0] if len(parts) == 1 else "\\begin{aligned}" + "\\\\".join(parts) + "\\end{aligned}"


def _forms(translator, node, shown, tex, display):
    """Both forms of a formula. Slides, which are nothing without scripts, mark theirs to have one."""
    if node.get("tex_only"):
        return shown
    try:
        other = mathml(tex, display)
    except ValueError as error:
        logger.warning("mathml: %s", error, location=node)
        return shown
    return f'<span class="tex">{shown}</span><noscript>{other}</noscript>'


def set_formulas(app, pagename, templatename, context, doctree):
    """Give MathJax to the pages with formulas; ``sphinx.ext.mathjax`` does so for its own renderer only.

    The browser is told of it early, so that it can come while the page has nothing better to load.
    """
    if app.env.get_domain("math").has_equations(pagename):
        app.add_js_file("formulas.js", loading_method="defer", priority=AFTER_EXPLORERS)
        address = context["pathto"](MATHJAX, 1)
        context["metatags"] += f'\n<link rel="preload" as="script" fetchpriority="low" href="{address}">'


def setup(app):
    app.add_html_math_renderer(NAME, (visit_math, None), (visit_math_block, None))
    app.connect("html-page-context", set_formulas)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
