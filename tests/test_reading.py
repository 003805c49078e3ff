"""The built site as readers meet it: on a phone, in the dark, without JavaScript, by keyboard, with a search."""

import io
import re
import runpy
from html import unescape
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from bs4 import BeautifulSoup
from conftest import CHAPTERS, PAGES, ROOT, read_through, wait_for_mathematics
from matplotlib.image import imread

AXE = (Path(find_spec("axe_playwright_python").origin).parent / "axe.min.js").read_text()


@pytest.mark.parametrize("name", PAGES)
def test_phone_has_no_sideways_scroll(visit, pages, name):
    page = visit(f"{name}.html", viewport={"width": 320, "height": 640})
    read_through(page)
    if "math notranslate" in pages[name].text:
        wait_for_mathematics(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize("name", CHAPTERS)
def test_formulas_are_few_of_the_stops_of_the_tab_key(visit, name):
    """One a section, and those that are scrolled; of the chapter on the setting they were 175 of 356."""
    page = visit(f"{name}.html")
    wait_for_mathematics(page)
    wide = "[...document.querySelectorAll('article div.math')].filter((node) => node.scrollWidth > node.clientWidth)"
    stops = page.locator("article .math[tabindex='0']").count() - page.evaluate(f"{wide}.length")
    assert stops <= page.locator("article :is(section, details, .dropdown):has(.math)").count()
    assert page.locator("article mjx-container[tabindex='0']").count() == 0


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
def test_dark_mode_leaves_no_white_figure(visit, name):
    page = visit(f"{name}.html", color_scheme="dark", mathematics=False)
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    read_through(page)
    # Every explorer has put its live picture in the place of the static one.
    page.wait_for_function("!document.querySelector('.explorer:not(:has(svg[role=img]))')")
    for picture in page.locator(".cell_output :is(img:not(.photograph), .explorer svg[role=img]):visible").all():
        pixels = imread(io.BytesIO(picture.screenshot()))[..., :3].mean(axis=-1)
        # Paper dark, ink light: the figure's border is paper, and ink is the lightest there is.
        border = np.concatenate([pixels[[0, -1]].ravel(), pixels[:, [0, -1]].ravel()])  # a map covers more than half
        assert np.median(border) < 0.3
        assert pixels.max() > 0.6


@pytest.mark.parametrize("name", PAGES)
def test_pictures_have_alternative_text(pages, name):
    # myst-nb's own default is the file's name: no alternative at all.
    missing = [
        picture
        for picture in pages[name].pictures
        if len(picture.get("alt") or "") < 10 or picture["alt"].endswith((".svg", ".png"))
    ]
    assert not missing, "give the cell `mystnb: {image: {alt: ...}}`"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_serious_violation(visit, name, theme):
    page = visit(f"{name}.html", color_scheme=theme, reduced_motion="reduce")
    page.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=theme)
    read_through(page)
    # Contrast is that of colours at rest: on a busy machine a fade can still be under way.
    page.wait_for_function("document.getAnimations().every(one => one.playState !== 'running')")
    page.evaluate(AXE)
    for _ in range(4):  # what a page that is still being painted violates is gone when it is done; a fault stays
        found = page.evaluate("axe.run(document, { resultTypes: ['violations'], preload: false })")["violations"]
        serious = [
            f"{item['id']}: {item['nodes'][0]['html'][:200]} ({len(item['nodes'])}x)"
            for item in found
            if item["impact"] in ("serious", "critical")
        ]
        if not serious:
            return
        page.wait_for_timeout(2000)
    raise AssertionError("\n".join(serious))


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
