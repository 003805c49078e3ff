"""The claims ledger: the directive ``claims-ledger`` lists every claim that the book's pages show.

A claim comes as data in the output of its cell, of the mime type ``MIME``. It is taken from the outputs as this build
read them, so that the values are those that it measured. Claims about a kept measurement stand in a separate list, the
one of ``{claims-ledger}`` with the option ``:kept:``. Claims are collected page by page when the pages are read, and
the lists are written when all have been.

``book/see.yml`` says in which state of an explorer a claim is to be seen: outside of the cells, whose stored outputs
stay as they are. The claim and its row get a link to that state.

myst-nb finds what reads a mime type by entry points alone: ``claims_ledger-0.dist-info`` in this folder has ours.
"""

import re
from html import escape
from pathlib import Path
from typing import NamedTuple

import yaml
from docutils import nodes
from docutils.parsers.rst import directives
from play import check_link
from sphinx.environment.collectors import EnvironmentCollector
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)

MIME = "application/vnd.scaling-laws.claim+json"  # as in lib/book/claims.py
SEE = "book/see.yml"
HTML = re.compile(r'<div class="claim" id="claim-([\w-]+)">')  # of a claim, as lib/book/claims.py writes it


class Claim(NamedTuple):
    """A claim as its cell gave it; all fields are texts."""

    name: str
    statement: str
    expected: str
    measured: str
    tolerance: str
    why: str
    source: str
    kept: str


class claim_data(nodes.Invisible, nodes.Element):
    """A claim among the forms of a cell's output. Every builder shows another form and drops this one."""


class ClaimOutput:
    """How myst-nb reads an output of the type ``MIME``."""

    @staticmethod
    def handle_mime(renderer, data, inline):
        return [claim_data("", claim=Claim(**data.content))] if data.mime_type == MIME else None


class ledger(nodes.General, nodes.Element):
    """Where the list goes."""


class ClaimsLedger(SphinxDirective):
    """``{claims-ledger}``: what this build measured; with the option ``:kept:``, what was measured before and kept."""

    option_spec = {"kept": directives.flag}

    def run(self):
        self.env.pages_with_ledger.add(self.env.docname)
        return [ledger("", kept="kept" in self.options)]


class ClaimsCollector(EnvironmentCollector):
    """Keeps ``env.claims``: for every page the claims that it shows, each with the section it stands in."""

    def clear_doc(self, app, env, docname):
        env.claims.pop(docname, None)
        env.pages_with_ledger.discard(docname)

    def merge_other(self, app, env, docnames, other):
        env.claims.update((name, other.claims[name]) for name in docnames if name in other.claims)
        env.pages_with_ledger |= other.pages_with_ledger & set(docnames)

    def process_doc(self, app, doctree):
        found = [(node["claim"], _section(node)) for node in doctree.findall(claim_data)]
        if found:
            app.env.claims[app.env.docname] = found
            app.env.note_dependency(SEE)

    def get_updated_docs(self, app, env):
        """Claims of any page may have changed: the ledger is written anew."""
        return sorted(env.pages_with_ledger)


def prepare(app):
    """The states in which claims are to be seen, and the two attributes of a new environment."""
    file = Path(app.srcdir) / SEE
    app.see = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else {}
    for name, empty in (("claims", {}), ("pages_with_ledger", set())):
        if not hasattr(app.env, name):
            setattr(app.env, name, empty)


def _section(node):
    """Identifier of the section around ``node``, and the nodes of its title, which may hold formulas."""
    while not isinstance(node, nodes.section):
        node = node.parent
    return node["ids"][0], [child.deepcopy() for child in node[0]]


def check_names(app, env):
    """A claim's name is its address: warn where two claims have the same."""
    home = {}
    for docname, found in env.claims.items():
        for claim, _ in found:
            if claim.name in home:
                logger.warning("duplicate claim %r, also in %s", claim.name, home[claim.name], location=docname)
            home[claim.name] = docname
    for name in app.see:
        if name in home:
            check_link(env, home[name], *_see(app, name, home[name]))
        else:
            logger.warning("%s: there is no claim %r", SEE, name)


def _see(app, name, docname):
    """The page and the state in which a claim of ``docname`` is to be seen, or None.

    A state is as in a link of the text, with the page in front where it is another: ``setting#flow:levels=1``. It is
    that of the explorer as it begins, with these changes.
    """
    if name not in app.see:
        return None
    page, _, link = app.see[name].rpartition("#")
    explorer, _, state = link.partition(":")
    return str(Path(docname).with_name(page)) if page else docname, f"{explorer}:reset,{state}"


def show_claims(app, doctree, docname):
    """Put a link to its state at the end of each claim's HTML; on the page itself it needs the page's script."""
    if app.builder.format != "html":
        return
    for output in list(doctree.findall(nodes.raw)):
        claim = HTML.match(output.astext())
        if not claim or not (see := _see(app, claim[1], docname)):
            continue
        page, link = see[0], escape(see[1])
        up = "../" * docname.count("/")  # right on the slides, too
        shown = (
            f'<p class="claim-see" hidden><span class="play" data-play="{link}">See it</span></p>'
            if page == docname
            else f'<p class="claim-see"><a class="play" href="{up}{page}.html#{link}">See it</a></p>'
        )
        text = f"{output.astext().rstrip().removesuffix('</div>')}{shown}</div>"
        output.replace_self(nodes.raw(text, text, **output.attributes))


def write_ledger(app, doctree, docname):
    """Put the list in its place."""
    for place in list(doctree.findall(ledger)):
        place.replace_self(list(_content(app, docname, place["kept"])))
        # The page was read before it had the titles' formulas: ask for MathJax.
        app.env.get_domain("math").data["has_equations"][docname] = True


def _content(app, docname, kept):
    claims = {}
    for page, found in app.env.claims.items():
        chosen = [pair for pair in found if bool(pair[0].kept) == kept]
        if chosen:
            claims[page] = chosen
    pages = [name for name in _reading_order(app.env) if name in claims]
    number = sum(len(claims[name]) for name in pages)
    words = ("kept measurements, with their claims" if kept else "claims", "hold" if kept else "held in this build")
    yield nodes.paragraph("", f"{number} {words[0]} on {len(pages)} pages; all of them {words[1]}.")
    for page in pages:
        title = nodes.reference(
            "", app.env.titles[page].astext(), internal=True, refuri=app.builder.get_relative_uri(docname, page)
        )
        heading = nodes.rubric("", "", title, ids=[nodes.make_id(f"{'kept-' * kept}claims-of-{page}")])
        heading["heading-level"] = 3 if kept else 2
        yield heading
        yield _table([_row(app, docname, page, claim, section) for claim, section in claims[page]])


def _reading_order(env):
    """Every page, the root first, and each before those below it."""
    pending, order = [env.config.root_doc], []
    while pending:
        page = pending.pop(0)
        order.append(page)
        pending[:0] = env.toctree_includes.get(page, [])
    return order


def _row(app, docname, page, claim, section):
    anchor, title = section
    if app.builder.format == "html":
        anchor = f"claim-{claim.name}"  # other formats show a claim as plain text, without its address
    title = [child.deepcopy() for child in title]
    link = nodes.reference(
        "", "", *title, internal=True, refuri=f"{app.builder.get_relative_uri(docname, page)}#{anchor}"
    )
    where = nodes.paragraph("", "", link, classes=["claim-where"])
    if claim.source:
        where += nodes.Text(f" · tests {claim.source}")
    if claim.kept:
        where += nodes.Text(f" · kept: {claim.kept}")
    if see := _see(app, claim.name, page):
        address = f"{app.builder.get_relative_uri(docname, see[0])}#{see[1]}"
        where += [nodes.Text(" · "), nodes.reference("", "see it", internal=True, refuri=address, classes=["play"])]
    statement = [nodes.paragraph("", claim.statement), nodes.paragraph("", claim.why, classes=["claim-why"]), where]
    return nodes.row(
        "",
        nodes.entry("", *statement),
        *(nodes.entry("", nodes.paragraph("", text)) for text in (claim.expected, claim.measured, claim.tolerance)),
    )


def _table(rows):
    head = nodes.row(
        "",
        *(
            nodes.entry("", nodes.paragraph("", text))
            for text in ("Claim, and why the tolerance", "Expected", "Measured", "Allowed")
        ),
    )
    columns = [nodes.colspec(colwidth=width) for width in (55, 15, 15, 15)]
    group = nodes.tgroup("", *columns, nodes.thead("", head), nodes.tbody("", *rows), cols=4)
    return nodes.table("", group, classes=["claims-ledger"])


def setup(app):
    app.setup_extension("play")
    app.add_directive("claims-ledger", ClaimsLedger)
    app.add_node(ledger)
    app.add_node(claim_data)
    app.connect("builder-inited", prepare)
    app.add_env_collector(ClaimsCollector)
    app.connect("env-check-consistency", check_names)
    app.connect("doctree-resolved", write_ledger)
    app.connect("doctree-resolved", show_claims)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "env_version": 3}
