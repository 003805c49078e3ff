"""The text plays the explorers: phrases that set one to a state.

In a notebook a phrase is a link, ``[set $L$ to 1](#flow:levels=1)``, or ``[...](linear.ipynb#linear:beta=0.5)`` to the
explorer of another chapter: JupyterLab and GitHub show it as a link, which they would not do with a role. Here it
becomes a phrase that page.js upgrades, or a link to the other page. A state is read when its page is
(:func:`lib.widgets.links.read_link`): what no explorer takes is a warning. At the end each must find its explorer.
"""

import re
from html import escape

from docutils import nodes
from sphinx import addnodes
from sphinx.environment.collectors import EnvironmentCollector
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

logger = logging.getLogger(__name__)

EXPLORER = re.compile(r'<div class="explorer[^"]*" data-explorer="(\w+)"')


class phrase(nodes.Inline, nodes.TextElement):
    """Words that set the explorer of the page ``node["page"]`` to the state of ``node["link"]``."""


class FindPhrases(SphinxTransform):
    """Takes links to states out of the links that MyST would look up."""

    default_priority = 100

    def apply(self):
        here = self.env.docname
        for node in list(self.document.findall(nodes.reference)):
            if node.get("id_link") and ":" in node["refuri"]:
                self._replace(node, node.children, here, node["refuri"][1:])
        for node in list(self.document.findall(addnodes.pending_xref)):
            if node.get("refdomain") == "doc" and ":" in (node.get("reftargetid") or ""):
                self._replace(node, node[0].children, node["reftarget"], node["reftargetid"])

    def _replace(self, node, words, page, link):
        made = phrase("", "", *words, page=page, link=link)
        made.source, made.line = node.source, node.line
        node.replace_self(made)
        self.env.phrases.setdefault(self.env.docname, []).append((page, link))


class ExplorersCollector(EnvironmentCollector):
    """Keeps ``env.explorers``, the names of each page's explorers, and ``env.phrases``, its (page, link)."""

    def clear_doc(self, app, env, docname):
        env.explorers.pop(docname, None)
        env.phrases.pop(docname, None)

    def merge_other(self, app, env, docnames, other):
        for kept, made in ((env.explorers, other.explorers), (env.phrases, other.phrases)):
            kept.update((name, made[name]) for name in docnames if name in made)

    def process_doc(self, app, doctree):
        app.env.explorers[app.env.docname] = EXPLORER.findall(
            "".join(node.astext() for node in doctree.findall(nodes.raw))
        )


def prepare(app):
    """The two attributes of a new environment."""
    for name in ("explorers", "phrases"):
        if not hasattr(app.env, name):
            setattr(app.env, name, {})


def check_phrases(app, env):
    for docname, found in env.phrases.items():
        for page, link in found:
            check_link(env, docname, page, link)


def check_link(env, docname, page, link):
    """Warn where a link of ``docname`` is none, or ``page`` has no explorer for it."""
    from lib.widgets.links import read_link

    try:
        name, number, _ = read_link(link)
    except ValueError as error:
        logger.warning("%s", error, location=docname)
        return
    if env.explorers.get(page, []).count(name) < number:
        logger.warning("link %r: there is no such explorer on the page %s", link, page, location=docname)


def resolve_phrases(app, doctree, docname):
    """Make phrases about another page links to it; where there is no HTML they are words."""
    for node in list(doctree.findall(phrase)):
        if app.builder.format != "html":
            node.replace_self(node.children)
        elif node["page"] != docname:
            address = f"{app.builder.get_relative_uri(docname, node['page'])}#{node['link']}"
            # Said to a screen reader where the words are a formula, as which it is no name of a link.
            title = f"Explorer {node['link'].replace(':', ' with ', 1).replace(',', ', ')}"
            link = nodes.reference(
                "", "", *node.children, internal=True, refuri=address, reftitle=title, classes=["play"]
            )
            node.replace_self(link)


def visit_phrase(translator, node):
    translator.body.append(f'<span class="play" data-play="{escape(node["link"])}">')


def depart_phrase(translator, node):
    translator.body.append("</span>")


def setup(app):
    app.setup_extension("library")
    app.add_node(phrase, html=(visit_phrase, depart_phrase))
    app.add_transform(FindPhrases)
    app.add_env_collector(ExplorersCollector)
    app.connect("builder-inited", prepare)
    app.connect("env-check-consistency", check_phrases)
    app.connect("doctree-resolved", resolve_phrases)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "env_version": 1}
