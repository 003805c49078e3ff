"""The pages of the built site, for the programs that print or pack them."""

import re
from html import unescape

import yaml
from bs4 import BeautifulSoup

from tools.chapters import ROOT

SITE = ROOT / "_build" / "html"


def parts():
    """(caption, names of its pages) in reading order; the book's first page has no caption."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    yield "", [toc["root"]]
    for part in toc["parts"]:
        yield part["caption"], [chapter["file"] for chapter in part["chapters"]]


def headings(path):
    """(level, text, identifier of its section) of the headings of a page of the site, without mathematics."""
    page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    for node in page.select("noscript"):
        node.decompose()
    for node in page.select("article :is(h1, h2, h3, h4, h5, h6)"):
        text = re.sub(r"\\[()]", "", node.get_text().rstrip("#").strip())
        text = re.sub(r"\\([a-zA-Z]+)", lambda name: unescape(f"&{name[1]};"), text)
        yield int(node.name[1]), text, node.find_parent("section")["id"]


def public_address(site, page):
    """The address at which the site is published, with a slash at its end; ``page`` is the name of any of its pages."""
    return re.search(rf"<loc>(.*){page}\.html", (site / "sitemap.xml").read_text(encoding="utf-8"))[1]
