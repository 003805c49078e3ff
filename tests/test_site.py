"""The built site as programs: its pages from a folder, its links, slides and zip; test_pages.py reads every page."""

import gzip
import re
import zipfile
from urllib.parse import unquote, urldefrag, urlparse

import pytest
from conftest import CHAPTERS, PAGES, ROOT, Page, move_explorers, read_through, served, wait_for_mathematics


@pytest.mark.parametrize("name", PAGES)
def test_page_opens_from_a_folder_without_a_server(visit, site, pages, name):
    page = visit(f"{name}.html", base=site.as_uri())
    read_through(page)
    if "math notranslate" in pages[name].text:
        page.locator("article mjx-container").first.wait_for()
    move_explorers(page)


def test_first_screen_shows_a_live_picture(visit):
    page = visit(f"{PAGES[0]}.html", viewport={"width": 1280, "height": 800})
    picture = page.locator(".explorer svg[role=img]").first
    picture.wait_for()
    assert picture.bounding_box()["y"] < 800


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


@pytest.mark.parametrize("name", CHAPTERS[1:])
def test_slides_run_from_a_folder_with_live_explorers(visit, site, pages, name):
    slides = f"slides/{name.rsplit('/')[-1]}.html"
    assert f"../{slides}" in pages[name].links
    page = visit(slides, base=site.as_uri())
    page.wait_for_function("window.Reveal?.isReady()")
    number = page.evaluate(
        "[...document.querySelectorAll('.slides > section')].findIndex(s => s.querySelector('.explorer'))"
    )
    for _ in range(number):
        page.keyboard.press("ArrowRight")
    picture = page.locator("section.present .explorer svg[role=img]")
    picture.wait_for()
    before = picture.inner_html()
    page.locator("section.present input[type=range]").first.press("ArrowRight")
    page.wait_for_function("([svg, before]) => svg.innerHTML !== before", arg=[picture.element_handle(), before])
    assert page.evaluate("Reveal.getIndices().h") == number  # the key moved the slider, not the slides
    assert page.locator(".slides mjx-container").count() > 0 and page.locator("mjx-merror").count() == 0
    # Every slide has a heading and shows all that it holds; an explorer and a long table are scrolled.
    page.evaluate("MathJax.startup.promise")
    cut = page.evaluate("""() => {
        const cut = [];
        for (let h = 0; h < Reveal.getTotalSlides(); h++) {
            Reveal.slide(h);
            const slide = Reveal.getCurrentSlide();
            const heading = slide.querySelector(":scope > :is(h1, h2)")?.textContent.trim();
            const wide = [...slide.querySelectorAll("div.math, .output")]
                .some((node) => node.scrollWidth > node.clientWidth + 1);
            const high = slide.scrollHeight > slide.clientHeight && !slide.querySelector(".explorer, table");
            if (!heading || Reveal.getIndices().h !== h || wide || high) cut.push([h, heading, wide, high]);
        }
        return cut;
    }""")
    assert not cut


def test_a_page_works_under_the_policy_that_is_stated(visit, site, tmp_path):
    """Under a sub-path too, as a lecturer's server may have it; what the policy refuses is an error of the console."""
    stated = (ROOT / "README.md").read_text(encoding="utf-8")
    header = re.search(r"^(Content-Security-Policy): (.+)$", stated, re.MULTILINE).groups()
    (tmp_path / "a course").symlink_to(site)
    with served(tmp_path, headers=[header]) as address:
        base = f"{address}/a%20course"
        page = visit("book/linear.html", base=base)
        wait_for_mathematics(page)
        assert page.locator("mjx-container").count() > 0
        move_explorers(page)
        page.get_by_role("button", name="Check").first.click()
        page.wait_for_function("document.querySelector('.question [role=status]').textContent")
        slides = visit("slides/linear.html", base=base)
        slides.wait_for_function("window.Reveal?.isReady()")
        slides.locator(".slides mjx-container").first.wait_for(state="attached")


def test_a_link_copied_on_a_slide_leads_back_to_it(visit):
    page = visit("slides/linear.html#linear:beta=0.5", mathematics=False)
    slide = page.locator("section.present")
    slide.locator(".explorer svg[role=img]").wait_for()
    box = slide.locator(".explorer").get_by_role("textbox", name="β,")
    page.wait_for_function("box => box.value === '0.5'", arg=box.element_handle())


def test_a_page_says_what_it_is_and_how_to_cite_it(site, pages):
    places = (site / "sitemap.xml").read_text()
    for name in PAGES:
        assert 'property="og:title"' in pages[name].text and 'property="og:description"' in pages[name].text
        assert "@incollection{scalinglaws-" in pages[name].text
        card = dict(re.findall(r'<meta property="og:(image[^"]*)" content="([^"]*)"', pages[name].text))
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
    # The budget of design, for a page that has all of them: our JavaScript, WebAssembly and styles, as a server sends
    # them. Those of explorers and questions are inside their scripts. 110 kB were for sixteen explorers; each of the
    # three of quadratic units and rich networks added 2.2 kB.
    files = ("explorers.js", "questions.js", "previews.js", "formulas.js", "paper.js", "book.css")
    sizes = {name: len(gzip.compress((site / "_static" / name).read_bytes())) for name in files}
    assert sum(sizes.values()) <= 118_000, sizes
