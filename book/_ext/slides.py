"""Slides of every chapter, made from its doctree: the same equations, figures, claims and live explorers.

A section becomes a slide that opens with its first sentence; equations and lists follow, figures and explorers get
slides of their own, and the prose becomes the speaker's notes (key S). The slides of a page are a document of their
own, which the book's HTML translator writes. reveal.js is copied from the package that carries it, so the slides need
no network and open from a folder too.
"""

import re
import shutil
from html import escape
from importlib.util import find_spec
from pathlib import Path

from claims_ledger import MIME as CLAIM
from docutils import nodes
from docutils.utils import new_document
from sphinx_exercise.nodes import is_exercise_node

REVEAL_FILES = ("dist/reveal.js", "dist/reveal.css", "dist/reset.css", "plugin/notes/notes.js")
EQUATIONS = 3  # on a slide
SHORT = 50  # characters: what is shorter may mean the opposite of what follows
SENTENCE = re.compile(r"(?<!\be\.g)(?<!\bi\.e)[.?!](?=\s|$)")

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
<script defer src="../_static/reveal/reveal.js"></script>
<script defer src="../_static/reveal/notes.js"></script>
<script defer src="../_static/slides.js"></script>
<script defer src="../_static/explorers.js"></script>
<script defer src="../_static/mathjax/tex-chtml.js"></script>
</head>
<body>
<div class="reveal"><div class="slides">
{slides}
</div></div>
</body>
</html>
"""


class slide(nodes.General, nodes.Element):
    """A slide: its title, what it shows, and the notes."""


class slide_title(nodes.Titular, nodes.TextElement):
    """The title of a slide, with its level, and the section's number as Sphinx gives it."""


class exercise_line(nodes.General, nodes.TextElement):
    """The number and the title of the exercise ``node["exercise"]``."""


class notes(nodes.General, nodes.Element):
    """What the speaker reads."""


def has_slides(app, pagename):
    """Whether a page is a chapter: a notebook, but not the first page, nor one of ``pages_without_slides``."""
    others = {app.config.root_doc, *app.config.pages_without_slides}
    return pagename not in others and app.env.doc2path(pagename).endswith(".ipynb")


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


def tell_outputs(app, doctree):
    """Mark the HTML of claims and explorers as such, while the other forms of the output say what it is."""
    for bundle in doctree.findall(nodes.container):
        if bundle.get("nb_element") != "mime_bundle":
            continue
        forms = {form["mime_type"]: form for form in bundle.children}
        kind = "claim" if CLAIM in forms else "explorer" if "image/png" in forms else ""
        if kind and "text/html" in forms:
            for output in forms["text/html"].findall(nodes.raw):
                output["kind"] = kind


def copy_reveal(app):
    """Copy reveal.js into the site."""
    if app.builder.name == "html":
        source = Path(find_spec("sphinx_revealjs").origin).parent / "_static" / "revealjs"
        target = Path(app.outdir) / "_static" / "reveal"
        target.mkdir(parents=True, exist_ok=True)
        for file in REVEAL_FILES:
            shutil.copyfile(source / file, target / Path(file).name)


def write_slides(app, pagename, templatename, context, doctree):
    """Make the slides of a chapter when its page is written: the builder then knows the numbers of its equations."""
    if doctree is None or app.builder.name != "html" or not has_slides(app, pagename):
        return
    article = next(iter(doctree.findall(nodes.section)))
    file = Path(app.outdir) / "slides" / f"{Path(pagename).name}.html"
    file.parent.mkdir(exist_ok=True)
    first, *others = _slides_of(app, article, pagename)
    number = "".join(f"{part}." for part in first[0]["secnumber"] or ())
    title = escape(f"{number} {article[0].astext()}".strip())
    slides = _written(app, [first, *others], doctree.settings)
    file.write_text(PAGE.format(title=title, slides=slides), encoding="utf-8")


def _written(app, slides, settings):
    """The HTML of slides. What is shown may also stand in the notes: nothing gets an identifier or a link to itself."""
    document = new_document("slides")
    document.settings = settings
    document.extend(slides)
    translator = app.builder.create_translator(document, app.builder)
    start = translator.starttag

    def start_without_ids(node, *args, **attributes):
        attributes.pop("ids", None)
        ids = node.get("ids", [])
        if not ids:
            return start(node, *args, **attributes)
        node["ids"] = []
        try:
            return start(node, *args, **attributes)
        finally:
            node["ids"] = ids

    translator.starttag = start_without_ids
    translator.add_permalink_ref = lambda node, title: None
    document.walkabout(translator)
    return "".join(translator.fragment)


def _slides_of(app, article, pagename):
    article = article.deepcopy()
    _prepare(app, article, pagename)
    yield _slide(app, article, [], [], level=1)
    for part, section in enumerate(_sections(article)):
        yield from _section(app, section, opening=part == 0)


def _sections(section):
    """A section and those inside it, in order; the sections of exercises are none of the text."""
    yield section
    for child in section.children:
        if isinstance(child, nodes.section):
            yield from _sections(child)


def _prepare(app, article, pagename):
    """Let links lead to the chapter, and formulas be TeX alone: slides are nothing without scripts."""
    folder = f"../{Path(pagename).parent}/"
    for link in article.findall(nodes.reference):
        if "refid" in link:
            link["refuri"] = f"#{link.attributes.pop('refid')}"
        address = link.get("refuri", "")
        if not address or address.startswith("#"):
            link["refuri"] = f"{folder}{Path(pagename).name}.html{address}"
        elif not re.match(r"[a-z]+:|\.\./", address):
            link["refuri"] = folder + address
    for output in article.findall(nodes.raw):
        output["classes"] = []  # else it would be set in a box, as a cell's output is on the page
    for formula in [*article.findall(nodes.math), *article.findall(nodes.math_block)]:
        formula["tex_only"] = True


def _section(app, section, opening):
    """The slides of one section without its subsections."""
    pages, said, current = [], [], []

    def close():
        if current or said:
            pages.append((list(current), list(said)))
            current.clear()
            said.clear()

    def shows_more_than_text():
        return any(not isinstance(item, nodes.paragraph) for item in current)

    for node in section.children:
        if isinstance(node, nodes.paragraph):
            if not current and not pages and not opening:
                current.append(_first_sentence(node))
            said.append(node)
        elif isinstance(node, nodes.math_block):
            if sum(isinstance(item, nodes.math_block) for item in current) == EQUATIONS:
                close()
            current.append(node)
        elif isinstance(node, nodes.bullet_list | nodes.enumerated_list | nodes.table):
            if shows_more_than_text():
                close()
            current.append(node)
        elif is_exercise_node(node):
            title = next(iter(node.findall(nodes.title)), None)
            current.append(exercise_line("", title.astext() if title else "", exercise=node))
            said.append(_without_sections(node))
        elif isinstance(node, nodes.Admonition) and "solution" not in node["classes"]:
            if "dropdown" in node["classes"]:
                said.append(node)
            else:
                close()
                current.append(node)
                close()
        elif node.get("nb_element") == "cell_code":
            for shown in _outputs(node):
                if shown.get("kind") == "claim":
                    current.append(shown)
                else:  # its own slide: a picture is to be seen from the last row
                    if shows_more_than_text():
                        close()
                    current.append(shown)
                    close()
    close()
    for content, text in pages:
        if content:
            yield _slide(app, section, content, text, level=1 if opening else 2)


def _outputs(node):
    """Figures, pictures, claims and explorers that a cell shows."""
    for child in node.children:
        if not isinstance(child, nodes.Element) or child.get("nb_element") == "cell_code_source":
            continue
        if isinstance(child, nodes.figure | nodes.image) or child.get("kind"):
            yield child
        else:
            yield from _outputs(child)


def _without_sections(node):
    """A copy of an exercise for the notes, where a section would be a slide."""
    node = node.deepcopy()
    for inner in list(node.findall(nodes.section)):
        inner.replace_self(nodes.container("", *inner.children))
    return node


def _first_sentence(paragraph):
    """A paragraph up to its first full stop that leaves SHORT characters; mathematics and links stay whole."""
    short, length = nodes.paragraph(), 0
    for child in paragraph.children:
        if isinstance(child, nodes.Text):
            stops = (stop.end() for stop in SENTENCE.finditer(child) if length + stop.end() >= SHORT)
            if stop := next(stops, None):
                short += nodes.Text(child[:stop])
                break
        short += child.deepcopy()
        length += len(child.astext())
    return short


def _slide(app, section, content, said, level):
    title = slide_title("", "", *(child.deepcopy() for child in section[0].children), level=level)
    numbers = app.builder.secnumbers
    anchor = f"#{section['ids'][0]}"
    title["secnumber"] = numbers.get(anchor if anchor in numbers else "")
    made = slide("", title, *(node.deepcopy() for node in content))
    if said:
        made += notes("", *(node.deepcopy() for node in said))
    return made


def visit_title(translator, node):
    translator.body.append(f"<h{node['level']}>")
    translator.add_secnumber(node)


def depart_title(translator, node):
    translator.body.append(f"</h{node['level']}>\n")


def visit_exercise(translator, node):
    translator.body.append('<p class="exercise">')
    translator.add_fignumber(node["exercise"])


def _append(text):
    return lambda translator, node: translator.body.append(text)


def setup(app):
    app.add_config_value("pages_without_slides", [], "html", [list])
    app.setup_extension("claims_ledger")
    app.setup_extension("sphinx_book_theme")  # which makes the list of buttons before ours is added
    app.add_node(slide, html=(_append("<section>"), _append("</section>\n")))
    app.add_node(slide_title, html=(visit_title, depart_title))
    app.add_node(notes, html=(_append('<aside class="notes">'), _append("</aside>")))
    app.add_node(exercise_line, html=(visit_exercise, _append("</p>\n")))
    app.connect("doctree-read", tell_outputs)
    app.connect("builder-inited", copy_reveal)
    app.connect("html-page-context", write_slides)
    app.connect("html-page-context", link_slides, priority=501)  # the theme's
    return {"parallel_read_safe": True, "parallel_write_safe": True, "env_version": 2}
