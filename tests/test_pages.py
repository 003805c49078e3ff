"""Every page of the site, opened once and read as its readers do: wide, by keyboard, in the dark, and on a phone.

The tests of a page share it and come in this order. Each puts the page into the state that it looks at.
"""

import io
import re
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from conftest import CHAPTERS, PAGES, move_explorers, read_through, visits, wait_for_mathematics
from matplotlib.image import imread

AXE = (Path(find_spec("axe_playwright_python").origin).parent / "axe.min.js").read_text()
# Displayed formulas of which a part hides behind the column's edge, by the number of pixels.
CUT_FORMULAS = """() => {
  for (const fold of document.querySelectorAll("article details:not(.explorer details)")) fold.open = true;
  return [...document.querySelectorAll("article mjx-container[display]")]
    .map(formula => [formula.scrollWidth - formula.clientWidth, formula.closest("[id]").id])
    .filter(([pixels]) => pixels > 1);
}"""


@pytest.fixture(scope="module", params=PAGES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def page(browser, site_address, name):
    """The page, read through."""
    with visits(browser, site_address) as visit:
        page = visit(f"{name}.html", reduced_motion="reduce")
        read_through(page)
        yield page


def test_a_page_loads_whole_and_from_this_host_alone(page, pages, name):
    """What another host is asked for, and errors, are said when the last test of the page ends."""
    page.wait_for_load_state("networkidle")
    if "math notranslate" in pages[name].text:
        wait_for_mathematics(page)
        assert page.locator("article mjx-container").count() > 0
        assert page.locator("mjx-merror").count() == 0
        # Nothing is left as source, neither a formula nor a table.
        assert not re.search(r"\\\(|\| ?:?-+:? ?\|", page.locator("article").inner_text())
        cut = page.evaluate(CUT_FORMULAS)
        assert not cut, "wider than the column of a desktop: break them into lines"


def test_explorers_come_alive_and_follow_the_reader(page, name):
    assert page.locator(".explorer").count() > 0 or name not in CHAPTERS
    move_explorers(page)


def test_formulas_are_few_of_the_stops_of_the_tab_key(page):
    """One a section, and those that are scrolled; of the chapter on the setting they were 175 of 356."""
    wide = "[...document.querySelectorAll('article div.math')].filter((node) => node.scrollWidth > node.clientWidth)"
    stops = page.locator("article .math[tabindex='0']").count() - page.evaluate(f"{wide}.length")
    assert stops <= page.locator("article :is(section, details, .dropdown):has(.math)").count()
    assert page.locator("article mjx-container[tabindex='0']").count() == 0


def wear(page, theme):
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=theme)


def test_dark_mode_leaves_no_white_figure(page):
    wear(page, "dark")
    # Every explorer has put its live picture in the place of the static one.
    page.wait_for_function("!document.querySelector('.explorer:not(:has(svg[role=img]))')")
    for picture in page.locator(".cell_output :is(img:not(.photograph), .explorer svg[role=img]):visible").all():
        pixels = imread(io.BytesIO(picture.screenshot()))[..., :3].mean(axis=-1)
        # Paper dark, ink light: the figure's border is paper, and ink is the lightest there is.
        border = np.concatenate([pixels[[0, -1]].ravel(), pixels[:, [0, -1]].ravel()])  # a map covers more than half
        assert np.median(border) < 0.3
        assert pixels.max() > 0.6


def test_phone_has_no_sideways_scroll(page):
    page.set_viewport_size({"width": 320, "height": 640})
    read_through(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.set_viewport_size({"width": 1280, "height": 720})


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_serious_violation(page, theme):
    """Of a page with all that explorers fold away; without formulas, which are most of its nodes and MathJax's own."""
    wear(page, theme)
    page.evaluate("document.querySelectorAll('mjx-container').forEach((node) => node.remove())")
    page.evaluate("document.querySelectorAll('.explorer details').forEach((fold) => { fold.open = true; })")
    # Contrast is that of colours at rest: on a busy machine a fade can still be under way.
    page.wait_for_function("document.getAnimations().every(one => one.playState !== 'running')")
    page.evaluate(AXE)
    options = {"resultTypes": ["violations"], "preload": False}
    if theme == "dark":  # what looks at colours
        options["runOnly"] = ["color-contrast", "link-in-text-block"]
    for _ in range(4):  # what a page that is still being painted violates is gone when it is done; a fault stays
        found = page.evaluate("options => axe.run(document, options)", options)["violations"]
        serious = [
            f"{item['id']}: {item['nodes'][0]['html'][:200]} ({len(item['nodes'])}x)"
            for item in found
            if item["impact"] in ("serious", "critical")
        ]
        if not serious:
            return
        page.wait_for_timeout(2000)
    raise AssertionError("\n".join(serious))
