"""Slides of every chapter, made from its finished page: the same equations, figures, claims and live explorers.

A section becomes a slide that opens with its first sentence; equations and lists follow, figures and explorers get
slides of their own, and the prose becomes the speaker's notes (key S). reveal.js is copied from the package that
carries it, so the slides need no network and open from a folder too.
"""

import copy
import re
import shutil
from importlib.util import find_spec
from pathlib import Path

from bs4 import BeautifulSoup

REVEAL_FILES = ("dist/reveal.js", "dist/reveal.css", "dist/reset.css", "plugin/notes/notes.js")
EQUATIONS = 3  # on a slide
SHORT = 50  # characters: what is shorter may mean the opposite of what follows

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: slides</title>
<link rel="icon" href="../_static/logo.svg">
<link rel="stylesheet" href="../_static/reveal/reset.css">
<link rel="stylesheet" href="../_static/reveal/reveal.css">
<link rel="stylesheet" href="../_static/slides.css">
<script>window.MathJax = {{ options: {{ processHtmlClass: "tex2jax_process|math" }} }};</script>
<script defer src="../_static/mathjax/tex-chtml.js"></script>
<script defer src="../_static/explorers.js"></script>
</head>
<body>
<div class="reveal"><div class="slides">
{slides}
</div></div>
<script src="../_static/reveal/reveal.js"></script>
<script src="../_static/reveal/notes.js"></script>
<script>
// Keys and touches on an explorer are the explorer's own.
for (const explorer of document.querySelectorAll(".explorer")) {{
  explorer.addEventListener("keydown", (event) => event.stopPropagation());
  explorer.setAttribute("data-prevent-swipe", "");
}}
// What is too large for a slide is set in smaller type; an explorer is scrolled, and a table that is too long even so.
const fit = () => {{
  const slide = Reveal.getCurrentSlide();
  const wide = () => [...slide.querySelectorAll("div.math, .output")]
    .some((node) => node.scrollWidth > node.clientWidth + 1);
  for (let size = 100; size >= 50; size -= 5) {{
    slide.style.fontSize = `${{size}}%`;
    if (slide.querySelector(".explorer") || (slide.scrollHeight <= slide.clientHeight && !wide())) break;
  }}
}};
Reveal.on("slidechanged", fit);
addEventListener("load", () => MathJax.startup.promise.then(fit));
Reveal.initialize({{ width: 1120, height: 700, margin: 0.03, center: false, hash: true, transition: "none",
  slideNumber: "c/t", plugins: [RevealNotes] }});
</script>
</body>
</html>
"""


def has_slides(app, pagename):
    """Whether a page is a chapter: a notebook, but not the book's first page."""
    return pagename != app.config.root_doc and app.env.doc2path(pagename).endswith(".ipynb")


def link_slides(app, pagename, templatename, context, doctree):
    """Put a button to the slides beside the page's other buttons."""
    if pagename in app.env.found_docs and has_slides(app, pagename) and "header_buttons" in context:
        up = "../" * pagename.count("/")
        context["header_buttons"].append(
            {
                "type": "link",
                "url": f"{up}slides/{Path(pagename).name}.html",
                "tooltip": "Slides of this chapter",
                "icon": "fas fa-display",
                "label": "slides-button",
            }
        )


def write_slides(app, exception):
    """Make the slides of all chapters once the pages are written."""
    if exception or app.builder.name != "html":
        return
    site = Path(app.outdir)
    source = Path(find_spec("sphinx_revealjs").origin).parent / "_static" / "revealjs"
    (site / "_static" / "reveal").mkdir(parents=True, exist_ok=True)
    for file in REVEAL_FILES:
        shutil.copyfile(source / file, site / "_static" / "reveal" / Path(file).name)
    (site / "slides").mkdir(exist_ok=True)
    for name in sorted(filter(lambda name: has_slides(app, name), app.env.found_docs)):
        page = BeautifulSoup((site / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
        article = page.select_one("article.bd-article > section")
        (site / "slides" / f"{Path(name).name}.html").write_text(slides_of(article, name), encoding="utf-8")


def slides_of(article, name):
    """The slides' page of an article."""
    _clean(article, name)
    heading = article.find("h1")
    title = heading.get_text().strip()
    slides = [_slide(heading.decode_contents(), [], [], level=1)]
    for part, section in enumerate([article, *article.find_all("section")]):
        slides += _section(section, opening=part == 0)
    return PAGE.format(title=title, slides="\n".join(slides))


def _clean(article, name):
    """Take away what serves reading alone; links lead to the chapter."""
    for node in article.select(
        "a.headerlink, .cell_input, .stderr, .stream, details.solution, .solution, .question, script.no, noscript"
    ):
        node.decompose()
    folder = f"../{Path(name).parent}/"
    for link in article.select("a[href]"):
        address = link["href"]
        if address.startswith("#"):
            link["href"] = f"{folder}{Path(name).name}.html{address}"
        elif not re.match(r"[a-z]+:|\.\./", address):
            link["href"] = folder + address
    for node in article.select("section#exercise-content"):
        node.name = "div"  # a section of the notes would be a slide
    # A paragraph stands on the slide and in the notes: no name may be there twice.
    for node in article.select("[id]"):
        if node.name != "section":
            del node["id"]


def _section(section, opening):
    """The slides of one section without its subsections."""
    heading = section.find(["h1", "h2", "h3", "h4"], recursive=False)
    title = heading.decode_contents() if heading else ""
    pages, notes, current = [], [], []

    def close():
        if current or notes:
            pages.append((list(current), list(notes)))
            current.clear()
            notes.clear()

    for node in section.find_all(recursive=False):
        classes = node.get("class", [])
        if node.name == "p":
            if not current and not pages and not opening:
                current.append(f"<p>{_first_sentence(node)}</p>")
            notes.append(node.decode())
        elif node.name in ("ul", "ol", "table") or "math" in classes or "pst-scrollable-table-container" in classes:
            equations = sum('<div class="math' in item for item in current)
            if equations == EQUATIONS or (node.name != "div" and any(not item.startswith("<p>") for item in current)):
                close()
            current.append(node.decode())
        elif "exercise" in classes:
            title_of = node.select_one(".admonition-title")
            current.append(f"<p class='exercise'>{title_of.get_text(' ', strip=True) if title_of else ''}</p>")
            notes.append(node.decode())
        elif "admonition" in classes:
            if "dropdown" in classes:
                notes.append(node.decode())
            else:
                close()
                current.append(node.decode())
                close()
        elif "cell" in classes:
            for shown in node.select("figure, .explorer, .claim, .output > img, .output.image_svg > *"):
                if shown.find_parent(["figure"]) or shown.find_parent(class_="explorer"):
                    continue
                # Its own slide: a picture is to be seen from the last row.
                if "claim" in shown.get("class", []):
                    current.append(shown.decode())
                else:
                    if any(not item.startswith("<p>") for item in current):
                        close()
                    current.append(shown.decode())
                    close()
    close()
    return [_slide(title, content, said, level=1 if opening else 2) for content, said in pages if content]


def _first_sentence(paragraph):
    """A paragraph up to its first full stop that leaves SHORT characters; mathematics and links are kept whole."""
    short = copy.copy(paragraph)
    length = 0
    for child in list(short.children):
        if length is None:
            child.extract()
        elif isinstance(child, str) and (
            stop := next(
                (
                    stop
                    for stop in re.finditer(r"(?<!\be\.g)(?<!\bi\.e)[.?!](?=\s|$)", child)
                    if length + stop.end() >= SHORT
                ),
                None,
            )
        ):
            child.replace_with(child[: stop.end()])
            length = None
        else:
            length += len(child.get_text())
    return short.decode_contents()


def _slide(title, content, notes, level=2):
    heading = f"<h{level}>{title}</h{level}>"
    said = f'<aside class="notes">{"".join(notes)}</aside>' if notes else ""
    return f"<section>{heading}\n{''.join(content)}\n{said}</section>"


def setup(app):
    app.connect("html-page-context", link_slides, priority=950)
    app.connect("build-finished", write_slides)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
