"""The built site as readers meet it: on a phone, in the dark, without JavaScript, by keyboard, with a search."""

import re
import runpy
from html import unescape
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import pytest
from bs4 import BeautifulSoup
from conftest import PAGES, ROOT, wait_for_mathematics

AXE = (Path(find_spec("axe_playwright_python").origin).parent / "axe.min.js").read_text()


def test_on_a_phone_picture_and_message_stay_above_the_controls(visit):
    page = visit("book/linear.html", viewport={"width": 360, "height": 740}, mathematics=False)
    explorer = page.locator(".explorer").first
    plot, message = explorer.locator(".ex-plot"), explorer.locator(".ex-message")
    head = page.locator(".bd-header-article")
    explorer.scroll_into_view_if_needed()
    explorer.locator(".ex-plot svg[role=img]").wait_for()

    def top(locator):
        return locator.bounding_box()["y"]

    def bottom(locator):
        box = locator.bounding_box()
        return box["y"] + box["height"]

    levels = explorer.get_by_role("slider", name="L distinct eigenvalues")
    levels.press("Home")
    levels.press("End")  # more than there are inputs: no simulation
    for name in ("L distinct eigenvalues", "last time"):
        explorer.get_by_role("slider", name=name).focus()
        message.get_by_text("theory only").wait_for()
        assert bottom(head) <= top(plot) + 1 <= top(message) <= bottom(message) <= bottom(plot)
        assert bottom(plot) <= top(explorer.get_by_role("slider", name=name))


@pytest.mark.parametrize("name", PAGES)
def test_without_javascript_text_and_pictures_stay(visit, pages, name):
    page = visit(f"{name}.html", java_script_enabled=False)
    assert page.locator("article h1").is_visible()
    assert len(page.locator("article").inner_text()) > 100
    pictures = page.locator("article img")
    assert pictures.count() == len(pages[name].pictures)
    for picture in pictures.all():
        box = picture.bounding_box()
        assert box is not None and box["width"] > 100 and box["height"] > 50
    assert page.locator(".explorer").count() == page.locator(".explorer img").count()
    # Formulas are set by the browser itself.
    formulas = page.locator("article .math:not(details > :not(summary) .math)")
    assert formulas.count() == page.locator("article .math math:visible").count()
    assert page.locator("article .math .tex:visible").count() == 0
    assert "\\" not in "".join(formulas.all_inner_texts())
    # Those of a folded derivation are seen when the reader opens it, which needs no script.
    assert page.locator("article details .math").count() == page.locator("article details .math math").count()


def test_mathml_is_what_the_formula_says():
    mathml = runpy.run_path(ROOT / "book" / "_ext" / "mathml.py")["mathml"]
    formula = BeautifulSoup(mathml(r"x < \Big\langle y \Big\rangle", False), "html.parser").math
    assert formula.get_text().replace(" ", "") == "x<⟨y⟩" and formula["display"] == "inline"
    lines = mathml(
        r"""\begin{split}\begin{aligned} a &= \begin{cases} b & c \\ d & e \end{cases} \\
        f_{g} &= \{h\} \end{aligned}\end{split}""",
        True,
    )
    table = BeautifulSoup(lines, "html.parser").math.mtable
    assert [
        [cell.get_text().replace(" ", "") for cell in row.find_all("mtd", recursive=False)]
        for row in table.find_all("mtr", recursive=False)
    ] == [["a", "={bcde"], ["fg", "={h}"]]
    with pytest.raises(ValueError, match=r"no MathML.*nonsense"):
        mathml(r"\nonsense x", True)


@pytest.mark.parametrize("name", PAGES)
def test_pictures_have_alternative_text(pages, name):
    # myst-nb's own default is the file's name: no alternative at all.
    missing = [
        picture
        for picture in pages[name].pictures
        if len(picture.get("alt") or "") < 10 or picture["alt"].endswith((".svg", ".png"))
    ]
    assert not missing, "give the cell `mystnb: {image: {alt: ...}}`"


@pytest.mark.parametrize("how", ["served", "from a folder"])
def test_formulas_tell_what_their_symbols_mean(visit, site, how):
    page = visit("book/setting.html", has_touch=True, **({} if how == "served" else {"base": site.as_uri()}))
    wait_for_mathematics(page)
    tip = page.get_by_role("tooltip")
    formula = page.locator("article p .math.symbol-beta").first
    formula.hover()
    tip.get_by_text("exponent of the spectrum").wait_for()
    tip.locator("mjx-container").first.wait_for()
    box = tip.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= page.viewport_size["width"]
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    # By keyboard; tests/test_book.py has the way there. The mouse is away, as formulas would scroll under it.
    page.mouse.move(0, 0)
    formula.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    tip.get_by_text("exponent of the spectrum").wait_for()
    assert formula.get_attribute("aria-describedby") == tip.get_attribute("id")
    page.keyboard.press("Escape")
    assert not tip.is_visible() and formula.get_attribute("aria-describedby") is None
    # By a finger, which then puts it away by touching anything else.
    display = page.locator("article div.math.symbol-eta").first
    display.tap()
    tip.get_by_text("learning rate").wait_for()
    page.locator("article h1").tap()
    assert not tip.is_visible()


@pytest.mark.parametrize("how", ["served", "from a folder"])
def test_links_show_what_they_lead_to(visit, site, how):
    # An equation of the page, one of another page, and a work cited.
    for name, target, content in [
        ("linear", "#equation-eq-linear-flow", "mjx-container"),
        ("linear", "setting.html#equation-eq-flow", "mjx-container"),
        ("setting", "references.html#", "p"),
    ]:
        page = visit(f"book/{name}.html", **({} if how == "served" else {"base": site.as_uri()}))
        wait_for_mathematics(page)  # which moves the text from under the pointer
        tip = page.get_by_role("tooltip")
        page.locator(f"article a.internal[href^='{target}']").first.hover()
        tip.wait_for()
        tip.locator(content).first.wait_for()
        box = tip.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= page.viewport_size["width"]
        page.keyboard.press("Escape")
        assert not tip.is_visible()


def test_search_finds_every_chapter(visit, pages):
    for name in PAGES[1:-1]:
        title = unescape(re.search("<title>(.*?) &#8212;", pages[name].text)[1]).lstrip("0123456789. ")
        page = visit(f"search.html?q={quote(title)}", mathematics=False)
        page.locator(f"#search-results a[href*='{name}.html']").first.wait_for()
