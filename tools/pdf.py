"""The whole book as one PDF, printed by headless Chromium from the built site: `make pdf`.

Pages stand in reading order behind a page of contents, with bookmarks of all headings and with page numbers.
Explorers are their static pictures, solutions and derivations are open, folded code stays with the site. A link from
page to page leads to the page in the PDF, one to another file of the site to its public address.
"""

import io
import sys
from html import escape
from urllib.parse import unquote, urldefrag

import yaml
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, Fit, NameObject, NullObject, TextStringObject

from tools.browser import chromium
from tools.chapters import ROOT
from tools.pages import SITE, headings, parts, public_address

NAME = "scaling-laws.pdf"
PAPER = {"format": "A4", "margin": {"top": "18mm", "bottom": "20mm", "left": "18mm", "right": "18mm"}}
STYLE = """
html { font-size: 13px; }
details.hide, .headerlink, .prev-next-area, .toggle-button, button, #jb-print-toc { display: none !important; }
.bd-main .bd-content { display: block; }
.bd-main .bd-content .bd-article-container { max-width: none; padding: 0; }
.cell_input { break-inside: avoid; }
pre, .cell_output .output { white-space: pre-wrap; overflow: visible; }
"""
# Folded text opens; folded code is not text.
OPEN = """() => {
  for (const node of document.querySelectorAll(".toggle-hidden")) node.classList.remove("toggle-hidden");
  for (const node of document.querySelectorAll("details:not(.hide)")) node.open = true;
}"""
CONTENTS = """<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Contents</title>
<style>body {{ font: 11pt/1.6 "DejaVu Sans", sans-serif; }}
h1 {{ font-size: 24pt; }} h2 {{ font-size: 11pt; margin: 1em 0 0; }}
p {{ display: flex; margin: 0; justify-content: space-between; }} a {{ color: inherit; text-decoration: none; }}</style>
<h1>{title}</h1><p>{author}</p>{lines}</html>"""
NUMBER = '<div style="font: 8pt sans-serif; width: 100%; text-align: center"><span class="pageNumber"></span></div>'


def printed(context, address):
    """One page of the site as PDF."""
    page = context.new_page()
    page.goto(address, wait_until="load")
    page.add_style_tag(content=STYLE)
    page.evaluate("globalThis.setFormulas?.()")
    page.evaluate(OPEN)
    data = page.pdf(**PAPER, tagged=True, outline=True)
    page.close()
    return PdfReader(io.BytesIO(data))


def book(context, site, groups, title, author):
    """Print and join the pages; gives the writer of the whole PDF."""
    paths = {name: site / f"{name}.html" for _, names in groups for name in names}
    chapters = {name: printed(context, path.as_uri()) for name, path in paths.items()}
    titles = {name: [(level, text) for level, text, _ in headings(path)] for name, path in paths.items()}
    first, starts = 2, {}  # the contents are page 1
    for name, chapter in chapters.items():
        starts[name] = first
        first += len(chapter.pages)
    lines = []
    for caption, names in groups:
        lines += [f"<h2>{escape(caption)}</h2>"] * bool(caption)
        lines += [
            f'<p><a href="{paths[name].as_uri()}">{escape(titles[name][0][1])}</a><span>{starts[name]}</span></p>'
            for name in names
        ]
    contents = _sheet(context, CONTENTS.format(title=escape(title), author=escape(author), lines="".join(lines)))
    numbers = _sheet(
        context,
        '<p style="break-after: page">&nbsp;</p>' * (first - 2) + "<p>&nbsp;</p>",
        display_header_footer=True,
        header_template="<i></i>",
        footer_template=NUMBER,
    )
    writer = PdfWriter()
    for part in (contents, *chapters.values()):
        writer.append(part, import_outline=False)
    for sheet, number in zip(writer.pages, numbers.pages, strict=True):
        sheet.merge_page(number)
        sheet.compress_content_streams()
    for name, chapter in chapters.items():
        _add_bookmarks(writer, chapter, titles[name], starts[name] - 1)
    lead_inside(writer, site, starts)
    writer.add_metadata({"/Title": title, "/Author": author})
    writer.compress_identical_objects()
    return writer


def _sheet(context, markup, **options):
    """A page that is no page of the site as PDF."""
    page = context.new_page()
    page.set_content(markup)
    data = page.pdf(**PAPER, **options)
    page.close()
    return PdfReader(io.BytesIO(data))


def _add_bookmarks(writer, chapter, titles, start):
    """Bookmarks where Chromium puts those of a page, one for each heading, with our text."""

    def flat(items):
        for item in items:
            yield from flat(item) if isinstance(item, list) else [item]

    above = {}
    for (level, text), mark in zip(titles, flat(chapter.outline), strict=True):
        parent = next((above[higher] for higher in range(level - 1, 0, -1) if higher in above), None)
        number = start + chapter.get_destination_page_number(mark)
        above = {higher: item for higher, item in above.items() if higher < level}
        above[level] = writer.add_outline_item(
            title=text, page_number=number, parent=parent, fit=Fit.xyz(left=0, top=mark.top)
        )


def lead_inside(writer, site, starts):
    """Turn links between files of the site to pages of the PDF, or to what is published."""
    root = site.as_uri() + "/"
    public = public_address(site, next(iter(starts)))
    for sheet in writer.pages:
        for link in sheet.get("/Annots", ()):
            link = link.get_object()
            action = link.get("/A", {}).get_object() if "/A" in link else {}
            target = str(action.get("/URI", ""))
            if not target.startswith(root):
                continue
            name = unquote(urldefrag(target)[0].removeprefix(root)).removesuffix(".html")
            if name in starts:
                del link["/A"]
                page = writer.pages[starts[name] - 1].indirect_reference
                link[NameObject("/Dest")] = ArrayObject(
                    [page, NameObject("/XYZ"), NullObject(), NullObject(), NullObject()]
                )
            else:
                action[NameObject("/URI")] = TextStringObject(public + target.removeprefix(root))


def main():
    with chromium() as browser:
        if browser is None or not (SITE / "sitemap.xml").is_file():
            sys.exit(
                "the PDF is printed from the built site (`make site`) by Chromium: "
                + ("there is no Chromium" if browser is None else "there is no site")
            )
        config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
        context = browser.new_context(color_scheme="light")
        context.set_default_timeout(0)  # a busy machine prints slowly
        for script in ("explorers.js", "questions.js", "letters.js"):
            context.route(f"**/{script}*", lambda route: route.abort())
        writer = book(context, SITE, list(parts()), config["title"], config["author"])
    writer.write(SITE / NAME)
    print(f"{SITE / NAME}: {len(writer.pages)} pages, {(SITE / NAME).stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
