"""The whole book as one EPUB, packed from the built site: `make epub`.

It is what the site is without JavaScript: formulas are MathML, explorers their static pictures, each with a link to the
live one. Solutions and derivations are folded, folded code stays with the site. A link from page to page leads to the
page in the EPUB, one to another file of the site to its public address.
"""

import posixpath
import re
import shutil
import subprocess
import sys
import zipfile
from datetime import datetime, timezone
from html import escape
from pathlib import Path
from urllib.parse import quote, unquote, unquote_to_bytes, urldefrag
from uuid import NAMESPACE_URL, uuid5

import yaml
from bs4 import BeautifulSoup

from tools.chapters import ROOT
from tools.pages import SITE, headings, parts, public_address

NAME = "scaling-laws.epub"
STYLE = Path(__file__).with_suffix(".css")
# What a page has for its reader on a screen, and code that is folded.
LEFT_OUT = (
    "script, style, nav, button, svg, .headerlink, .prev-next-area, .toggle-button, .tex, details.hide, "
    ".cite-page, .outputs"
)
ATTRIBUTES = {"id", "class", "href", "src", "alt", "width", "height", "colspan", "rowspan", "lang", "start", "title"}
MATHML = "http://www.w3.org/1998/Math/MathML"
TYPES = {".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".gif": "image/gif"}
PAGE = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" lang="en" xml:lang="en">
<head><meta charset="utf-8"/><title>{title}</title><link rel="stylesheet" href="style.css"/></head>
<body>{body}</body>
</html>
"""
PACKAGE = """<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" xml:lang="en">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">urn:uuid:{identifier}</dc:identifier>
<dc:title>{title}</dc:title>
<dc:creator>{author}</dc:creator>
<dc:language>en</dc:language>
<dc:rights>{rights}</dc:rights>
<dc:source>{source}</dc:source>
<meta property="dcterms:modified">{modified}</meta>
<meta property="schema:accessMode">textual</meta>
<meta property="schema:accessMode">visual</meta>
<meta property="schema:accessModeSufficient">textual</meta>
<meta property="schema:accessibilityFeature">MathML</meta>
<meta property="schema:accessibilityFeature">alternativeText</meta>
<meta property="schema:accessibilityFeature">tableOfContents</meta>
<meta property="schema:accessibilityHazard">none</meta>
</metadata>
<manifest>
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="style" href="style.css" media-type="text/css"/>
{items}
</manifest>
<spine>
{spine}
</spine>
</package>
"""
CONTAINER = """<?xml version="1.0" encoding="utf-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="book/package.opf" media-type="application/oebps-package+xml"/></rootfiles>
</container>
"""


def file_of(name):
    """The file in the EPUB of a page of the site."""
    return f"{name.rsplit('/', 1)[-1]}.xhtml"


class Packer:
    """Turns the pages of a site into those of an EPUB, and gathers their pictures in ``pictures``, by file name."""

    def __init__(self, site, names):
        self.site = site
        self.public = public_address(site, names[0])
        self.articles = {name: self._article(name) for name in names}
        self.identifiers = {
            name: {node["id"] for node in article.select("[id]")} for name, article in self.articles.items()
        }
        self.pictures = {}

    def _article(self, name):
        page = BeautifulSoup((self.site / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
        article = page.select_one("article")
        for node in article.select(LEFT_OUT):
            node.decompose()
        for node in article.select("noscript"):
            if node.math:
                node.unwrap()
            else:
                node.decompose()
        return article

    def body(self, name):
        """The body of a page, as XHTML."""
        article = self.articles[name]
        for explorer in article.select(".explorer"):
            self._still(name, explorer)
        for phrase in article.select("span.play[data-play]"):
            phrase.name, phrase["href"] = "a", f"{self.public}{name}.html#{phrase['data-play']}"
        for question in article.select(".question"):
            self._live(question, name, f"#{question['id']}", "Check your answer on the page")
        for note in article.select("div.admonition.dropdown"):
            self._fold(note)
        for node in article.select("pre span, pre > span"):
            if not node.get("id"):
                node.unwrap()  # colours of code
        for line in article.select("p:has(ul, ol, dl, div, table)"):
            line.name = "div"  # a browser would end the paragraph there
        for picture in article.select("img"):
            picture["src"] = self._picture(name, picture["src"])
            picture["alt"] = picture.get("alt", "")
        for link in article.select("a[href]"):
            link["href"] = self._target(name, link["href"])
        self._clean(article)
        return article.decode_contents(formatter="minimal")

    @staticmethod
    def _new(name, text="", **attributes):
        tag = BeautifulSoup("", "html.parser").new_tag(name, attrs=attributes)
        tag.string = text
        return tag

    def _live(self, node, name, fragment, words):
        """End a node with a link to what is live on the site's page."""
        line = self._new("p", **{"class": "live"})
        line.append(self._new("a", f"{words}.", href=f"{self.public}{name}.html{fragment}"))
        node.append(line)

    def _still(self, name, explorer):
        for node in explorer.find_all(True, recursive=False):
            if node.name != "img":
                node.decompose()
        self._live(explorer, name, f"#{explorer['data-explorer']}", "Move it on the page")

    def _fold(self, note):
        title = note.select_one("p.admonition-title")
        note.name, title.name = "details", "summary"
        del title["class"]
        note.insert(0, title.extract())

    def _picture(self, name, source):
        """Keep a picture and give its name; those inside the page's text become files."""
        if source.startswith("data:image/svg+xml,"):
            content = unquote_to_bytes(source.partition(",")[2])
            file = f"{uuid5(NAMESPACE_URL, content.decode()).hex}.svg"
        else:
            path = self.site / posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(source)))
            content, file = path.read_bytes(), path.name
        if file.endswith(".svg"):  # as matplotlib writes it: the rules of SVG 1.1, and glyphs of blanks without a path
            content = re.sub(rb"<!DOCTYPE[^>]*>", b"", content)
            content = re.sub(rb"<path (?![^>]*\bd=)", b'<path d="" ', content)
        self.pictures[file] = content
        return f"pictures/{file}"

    def _target(self, name, address):
        """Where a link of a page leads: inside the EPUB, or to the public site."""
        if re.match(r"[a-z]+:", address):
            return address
        path, fragment = urldefrag(address)
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(path))) if path else f"{name}.html"
        page = target.removesuffix(".html")
        if page not in self.articles:
            return f"{self.public}{quote(target)}" + f"#{fragment}" * bool(fragment)
        if fragment and unquote(fragment) not in self.identifiers[page]:  # the state of an explorer, which is live
            return f"{self.public}{page}.html#{fragment}"
        return ("" if page == name else file_of(page)) + f"#{fragment}" * bool(fragment) or file_of(page)

    @staticmethod
    def _clean(article):
        """Leave out what XHTML does not know, or what only the site's scripts and styles look at."""
        seen = set()
        formulas = {id(node) for formula in article("math") for node in (formula, *formula.find_all(True))}
        for node in article.find_all(True):
            if id(node) in formulas:
                continue
            node.attrs = {
                key: value for key, value in node.attrs.items() if key == "alt" or (key in ATTRIBUTES and value != "")
            }
            if node.get("id") in seen:
                del node["id"]
            seen.add(node.get("id"))
            for key in ("width", "height"):
                if node.name != "img" or not str(node.get(key, "")).isdigit():
                    node.attrs.pop(key, None)


def contents(groups, titles):
    """The table of contents."""
    lines = []
    for caption, names in groups:
        entries = []
        for name in names:
            (_, title, _), *others = titles[name]
            sections = "".join(
                f'<li><a href="{file_of(name)}#{escape(section)}">{escape(text)}</a></li>'
                for level, text, section in others
                if level == 2
            )
            inner = f"<ol>{sections}</ol>" if sections else ""
            entries.append(f'<li><a href="{file_of(name)}">{escape(title)}</a>{inner}</li>')
        lines.append(f"<li><span>{escape(caption)}</span><ol>{''.join(entries)}</ol></li>" if caption else entries[0])
    body = f'<nav epub:type="toc" id="toc"><h1>Contents</h1><ol>{"".join(lines)}</ol></nav>'
    return PAGE.format(title="Contents", body=body)


def _item(name, file, page):
    properties = ' properties="mathml"' if f'xmlns="{MATHML}"' in page else ""
    return f'<item id="{name}" href="{file}" media-type="application/xhtml+xml"{properties}/>'


def pack(site, groups, target, title, author, rights):
    """Write the EPUB of the pages of ``groups``, [(caption, names)], to ``target``."""
    names = [name for _, group in groups for name in group]
    packer = Packer(site, names)
    titles = {name: list(headings(site / f"{name}.html")) for name in names}
    pages = {name: PAGE.format(title=escape(titles[name][0][1]), body=packer.body(name)) for name in names}
    items = [_item(f"page{i}", file_of(name), pages[name]) for i, name in enumerate(names)]
    items += [
        f'<item id="picture{i}" href="pictures/{file}" media-type="{TYPES[Path(file).suffix]}"/>'
        for i, file in enumerate(sorted(packer.pictures))
    ]
    package = PACKAGE.format(
        identifier=uuid5(NAMESPACE_URL, packer.public),
        title=escape(title),
        author=escape(author),
        rights=escape(rights),
        source=escape(packer.public),
        modified=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        items="\n".join(items),
        spine="\n".join(f'<itemref idref="page{i}"/>' for i in range(len(names))),
    )
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)  # first, and as it is
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr("book/package.opf", package)
        archive.writestr("book/nav.xhtml", contents(groups, titles))
        archive.write(STYLE, "book/style.css")
        for name, page in pages.items():
            archive.writestr(f"book/{file_of(name)}", page)
        for file, content in packer.pictures.items():
            archive.writestr(f"book/pictures/{file}", content)


def check(path):
    """What epubcheck says of an EPUB; None where it is not installed (on Debian: ``apt install epubcheck``)."""
    program = shutil.which("epubcheck")
    if program is None:
        return None
    packed = Path(program).read_bytes()[:2] == b"PK"  # Debian's is the Java archive itself
    result = subprocess.run([*["java", "-jar"] * packed, program, path], capture_output=True, text=True)
    return (result.stdout + result.stderr).strip()


def main():
    if not (SITE / "sitemap.xml").is_file():
        sys.exit("the EPUB is packed from the built site (`make site`): there is no site")
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    pack(SITE, list(parts()), SITE / NAME, config["title"], config["author"], config["copyright"])
    print(f"{SITE / NAME}: {(SITE / NAME).stat().st_size / 1e6:.1f} MB")
    told = check(SITE / NAME)
    print("epubcheck is not installed: not checked" if told is None else told)
    return int(bool(told and "No errors or warnings detected" not in told))


if __name__ == "__main__":
    sys.exit(main())
