"""The built site as readers meet it: in a browser, on a phone, in the dark, without JavaScript, from a folder."""

import gzip
import io
import re
import zipfile
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlparse

import numpy as np
import pytest
import yaml
from conftest import ROOT
from matplotlib.image import imread

AXE = (Path(find_spec("axe_playwright_python").origin).parent / "axe.min.js").read_text()
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
PAGES = [TOC["root"], *(chapter["file"] for part in TOC["parts"] for chapter in part["chapters"])]
# Pages that must have an explorer: all that compute, but for the appendices, which are looked up, not played with.
CHAPTERS = [name for name in PAGES if (ROOT / f"{name}.ipynb").is_file() and name not in {
    chapter["file"] for part in TOC["parts"] if part["caption"] == "Appendices" for chapter in part["chapters"]}]


class Page(HTMLParser):
    """What the tests need of a page: its identifiers, links, and the pictures of its article."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.pictures = set(), [], []
        self._in_article = False
        self.text = path.read_text()
        self.feed(self.text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids.add(attributes.get("id"))
        if tag == "article":
            self._in_article = True
        if tag == "img" and self._in_article:
            self.pictures.append(attributes)
        for name in ("href", "src"):
            if attributes.get(name):
                self.links.append(attributes[name])

    def handle_endtag(self, tag):
        if tag == "article":
            self._in_article = False


@pytest.fixture(scope="session")
def pages(site):
    """Every page of the table of contents, parsed, by name."""
    return {name: Page(site / f"{name}.html") for name in PAGES}


@pytest.fixture
def visit(browser, site_address):
    """Open a page of the site in a context of its own; fails on errors and on requests to another host."""
    contexts, foreign, errors = [], [], []

    def open_page(name, base=site_address, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()

        def answer(route):
            if route.request.url.startswith((base, "blob:", "data:")):
                route.continue_()
            else:
                foreign.append(route.request.url)
                route.abort()

        context.route("**/*", answer)
        page.on("pageerror", lambda error: errors.append(f"{name}: {error}"))
        page.on("console", lambda message: message.type == "error" and errors.append(f"{name}: {message.text}"))
        page.on("response", lambda response: response.status >= 400 and errors.append(
            f"{name}: {response.status} {response.url}"))
        page.goto(f"{base}/{name}", wait_until="load")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not foreign, f"requests to another host: {foreign}"
    assert not errors


def wait_for_mathematics(page):
    page.wait_for_function("window.MathJax?.startup?.promise")
    page.evaluate("MathJax.startup.promise")


def read_through(page):
    """Scroll from top to bottom, as a reader does: explorers start when they come near."""
    page.evaluate("""async () => {
        for (let y = 0; y < document.body.scrollHeight; y += window.innerHeight) {
            window.scrollTo(0, y);
            await new Promise(done => setTimeout(done, 50));
        }
    }""")


@pytest.mark.parametrize("name", PAGES)
def test_page_loads_whole_and_from_this_host_alone(visit, pages, name):
    page = visit(f"{name}.html")
    read_through(page)
    page.wait_for_load_state("networkidle")
    if "math notranslate" in pages[name].text:
        wait_for_mathematics(page)
        assert page.locator("article mjx-container").count() > 0
        assert page.locator("mjx-merror").count() == 0
        # Nothing is left as source.
        assert r"\(" not in page.locator("article").inner_text()


@pytest.mark.parametrize("name", PAGES)
def test_page_opens_from_a_folder_without_a_server(visit, site, pages, name):
    page = visit(f"{name}.html", base=site.as_uri())
    read_through(page)
    if "math notranslate" in pages[name].text:
        wait_for_mathematics(page)
        assert page.locator("article mjx-container").count() > 0


@pytest.mark.parametrize("name", CHAPTERS)
@pytest.mark.parametrize("how", ["served", "from a folder"])
def test_explorers_come_alive_and_follow_the_reader(visit, site, name, how):
    page = visit(f"{name}.html", **({} if how == "served" else {"base": site.as_uri()}))
    read_through(page)
    explorers = page.locator(".explorer").all()
    assert explorers, "every chapter has one"
    for explorer in explorers:
        explorer.scroll_into_view_if_needed()
        picture = explorer.locator("svg[role=img]")
        picture.wait_for()
        assert "".join(explorer.locator(".ex-problem").all_inner_texts()) == ""
        before = picture.inner_html()
        explorer.locator("input[type=range]").first.press("ArrowRight")
        page.wait_for_function("([svg, before]) => svg.innerHTML !== before", arg=[picture.element_handle(), before])
        assert "".join(explorer.locator(".ex-problem").all_inner_texts()) == ""


def test_first_screen_shows_a_live_picture(visit):
    page = visit(f"{PAGES[0]}.html", viewport={"width": 1280, "height": 800})
    picture = page.locator(".explorer svg[role=img]").first
    picture.wait_for()
    assert picture.bounding_box()["y"] < 800


@pytest.mark.parametrize("name", PAGES)
def test_phone_has_no_sideways_scroll(visit, name):
    page = visit(f"{name}.html", viewport={"width": 320, "height": 640})
    read_through(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


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


@pytest.mark.parametrize("name", PAGES)
def test_dark_mode_leaves_no_white_figure(visit, name):
    page = visit(f"{name}.html", color_scheme="dark")
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


def test_search_finds_every_chapter(visit):
    for name in PAGES[1:-1]:
        page = visit(f"{name}.html")
        title = page.title().split("—")[0].lstrip("0123456789. ")
        page.goto(page.url.rsplit("/", 2)[0] + f"/search.html?q={title}")
        page.locator(f"#search-results a[href*='{name}.html']").first.wait_for()


def test_internal_links_resolve(site, pages):
    parsed = {(site / f"{name}.html").resolve(): page for name, page in pages.items()}
    broken = []
    for path, page in list(parsed.items()):
        for link in page.links:
            address, fragment = urldefrag(link)
            if urlparse(address).scheme:
                continue
            target = (path.parent / unquote(urlparse(address).path)).resolve() if address else path
            if not target.is_file():
                broken.append(f"{path.name}: {link}")
            elif fragment and ":" not in fragment and target.suffix == ".html":  # an explorer's state: test_gallery.py
                if target not in parsed:
                    parsed[target] = Page(target)
                if unquote(fragment) not in parsed[target].ids:
                    broken.append(f"{path.name}: {link}")
    assert not broken


@pytest.mark.parametrize("name", PAGES)
def test_pictures_have_alternative_text(pages, name):
    # myst-nb's own default is the file's name: no alternative at all.
    missing = [picture for picture in pages[name].pictures
               if len(picture.get("alt") or "") < 10 or picture["alt"].endswith((".svg", ".png"))]
    assert not missing, "give the cell `mystnb: {image: {alt: ...}}`"


@pytest.mark.parametrize("name", CHAPTERS[1:])
def test_slides_run_from_a_folder_with_live_explorers(visit, site, pages, name):
    slides = f"slides/{name.rsplit('/')[-1]}.html"
    assert f"../{slides}" in pages[name].links
    page = visit(slides, base=site.as_uri())
    page.wait_for_function("window.Reveal?.isReady()")
    number = page.evaluate("[...document.querySelectorAll('.slides > section')].findIndex(s => s.querySelector('.explorer'))")
    for _ in range(number):
        page.keyboard.press("ArrowRight")
    picture = page.locator("section.present .explorer svg[role=img]")
    picture.wait_for()
    before = picture.inner_html()
    page.locator("section.present input[type=range]").first.press("ArrowRight")
    page.wait_for_function("([svg, before]) => svg.innerHTML !== before", arg=[picture.element_handle(), before])
    assert page.evaluate("Reveal.getIndices().h") == number  # the key moved the slider, not the slides
    assert page.locator(".slides mjx-container").count() > 0 and page.locator("mjx-merror").count() == 0


@pytest.mark.parametrize("how", ["served", "from a folder"])
def test_links_show_what_they_lead_to(visit, site, how):
    # An equation of the page, one of another page, and a work cited.
    for name, target, content in [("linear", "#equation-eq-linear-flow", "mjx-container"),
                                  ("linear", "setting.html#equation-eq-flow", "mjx-container"),
                                  ("setting", "references.html#", "p")]:
        page = visit(f"book/{name}.html", **({} if how == "served" else {"base": site.as_uri()}))
        tip = page.get_by_role("tooltip")
        page.locator(f"article a.internal[href^='{target}']").first.hover()
        tip.wait_for()
        tip.locator(content).first.wait_for()
        box = tip.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= page.viewport_size["width"]
        page.keyboard.press("Escape")
        assert not tip.is_visible()


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
    # By keyboard: MathJax lets the focus come to every formula.
    focus = formula.locator("mjx-container")
    focus.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    tip.get_by_text("exponent of the spectrum").wait_for()
    assert focus.get_attribute("aria-describedby") == tip.get_attribute("id")
    page.keyboard.press("Escape")
    assert not tip.is_visible() and focus.get_attribute("aria-describedby") is None
    # By a finger, which then puts it away by touching anything else.
    display = page.locator("article div.math.symbol-eta").first
    display.tap()
    tip.get_by_text("learning rate").wait_for()
    page.locator("article h1").tap()
    assert not tip.is_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_serious_violation(visit, name, theme):
    page = visit(f"{name}.html", color_scheme=theme)
    page.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=theme)
    read_through(page)
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'], preload: false })")["violations"]
    serious = [f"{item['id']}: {item['nodes'][0]['html'][:200]} ({len(item['nodes'])}x)" for item in found
               if item["impact"] in ("serious", "critical")]
    assert not serious, "\n".join(serious)


def test_a_page_says_what_it_is_and_how_to_cite_it(site, pages):
    places = (site / "sitemap.xml").read_text()
    for name in PAGES:
        assert 'property="og:title"' in pages[name].text and 'property="og:description"' in pages[name].text
        assert "@incollection{scalinglaws-" in pages[name].text
        card = dict(re.findall(r'<meta property="og:(image[^"]*)" content="([^"]*)">', pages[name].text))
        assert (site / card["image"].partition("scaling-laws-book/")[2]).is_file() and len(card["image:alt"]) > 20
        assert f"/{name}.html</loc>" in places
    assert "no such page" in (site / "404.html").read_text()


def test_zip_opens_from_a_folder_with_live_explorers(visit, site, pages, tmp_path):
    assert "../site.zip" in pages["book/course"].links
    with zipfile.ZipFile(site / "site.zip") as archive:
        archive.extractall(tmp_path)
    page = visit(f"{PAGES[0]}.html", base=(tmp_path / "scaling-laws-book").as_uri())
    page.locator(".explorer svg[role=img]").first.wait_for()


def test_own_programs_are_small(site):
    # The budget of design, for a page that has all of them: our JavaScript and WebAssembly, as a server transfers them.
    scripts = [site / "_static" / f"{name}.js" for name in ("explorers", "questions", "previews")]
    assert sum(len(gzip.compress(script.read_bytes())) for script in scripts) <= 150_000
