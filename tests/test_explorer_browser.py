"""The explorer on a page, in a browser: numbers, controls, links, messages, and readers of every kind."""

import csv
import io
import re
import shutil
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from conftest import ROOT, served
from test_explorer import TEST_EXPERIMENTS

from lib.compiler import wasm
from lib.widgets import explore, explorer
from lib.widgets.page import page_script

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Explorers</title><link rel="icon" href="data:,">
<style>body {{ margin: 0 auto; max-width: 760px; padding: 0 12px; }}</style>
<script defer src="explorers.js"></script>
<body>{body}</body></html>
"""
# Every picture drawn: {of: number of the explorer, fraction, since: when its run began}.
RECORD = """window.drawn = []; addEventListener("explorer:drawn", ({ target, detail }) =>
  drawn.push({ of: [...document.querySelectorAll(".explorer")].indexOf(target), ...detail }))"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two pages: index.html with five explorers far apart, broken.html whose kernels are no WebAssembly."""
    folder = tmp_path_factory.mktemp("page")
    module = wasm.compile_table("tests.test_explorer:EXPORTS")
    with pytest.MonkeyPatch.context() as patch:
        for name, item in TEST_EXPERIMENTS.items():
            patch.setitem(explorer.EXPERIMENTS, name, item)
        two = explore("decay", beta=0.7), explore("decay", data=[0.5, 1.0])
        html = [
            widget._repr_mimebundle_()[0]["text/html"]
            for widget in (*two, explore("raising"), explore("empty"), explore("relief"))
        ]
    gap = '<p style="height: 3000px">further down</p>'
    phrases = "".join(
        f'<p{hidden}><span class="play" data-play="{link}">{words}</span></p>'
        for hidden, link, words in [
            ("", "decay:beta=0.5,rate=0.2", "set both"),
            (" hidden", "decay-2:reset,steep", "see it"),
            ("", "decay", "go there"),
            ("", "lost:beta=1", "nowhere"),
        ]
    )
    (folder / "explorers.js").write_text(page_script(module))
    (folder / "index.html").write_text(PAGE.format(body=gap.join([*html, phrases])))
    (folder / "unsound.js").write_text(page_script(b"no wasm"))
    (folder / "broken.html").write_text(PAGE.format(body=html[0]).replace("explorers.js", "unsound.js"))
    return folder


@pytest.fixture(scope="module")
def address(folder):
    with served(folder) as address:
        yield address


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.add_init_script(RECORD)
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda message: message.type == "error" and page.problems.append(message.text))
    yield page
    context.close()


def opened(page, address, number=0):
    """The explorer of that number, once its first run is done."""
    page.goto(address)
    root = page.locator(".explorer").nth(number)
    root.scroll_into_view_if_needed()
    finished(page, number)
    return root


def finished(page, number=0):
    """Wait until the newest picture of an explorer is that of a finished run."""
    page.wait_for_function(f"drawn.findLast(({{ of }}) => of === {number})?.fraction === 1")


def set_number(root, number, text):
    root.page.evaluate("drawn.length = 0")
    box = root.locator("input[inputmode]").nth(number)
    box.fill(text)
    box.press("Enter")


def table(root, ending="CSV"):
    """The downloaded data: curve -> array of rows."""
    with root.page.expect_download() as download:
        root.get_by_role("button", name=ending).click()
    text = download.value.path().read_text()
    rows = list(csv.DictReader(io.StringIO(text)))
    names = dict.fromkeys(row["curve"] for row in rows)
    columns = ("x", "y", "lower", "upper")
    numbers = {name: [row for row in rows if row["curve"] == name] for name in names}
    return {
        name: np.array([[float(row[key] or "nan") for key in columns] for row in some])
        for name, some in numbers.items()
    }


# --- Numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["http", "file"])
def test_alive_and_alone(page, folder, address, kind):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    home = address if kind == "http" else folder.as_uri()
    root = opened(page, f"{home}/index.html")
    assert root.locator(".ex-plot path").count() > 3
    assert page.locator(".explorer-picture").count() == 4  # gone where the explorer lives; others still wait
    assert all(url.startswith((home, "blob:", "data:")) for url in asked)
    assert page.problems == []


def test_page_computes_what_python_computes(page, address, experiments):
    curves = table(opened(page, f"{address}/index.html", 1))
    result = explore("decay", data=[0.5, 1.0]).result
    assert list(curves) == list(result)
    for name, rows in curves.items():
        expected = result[name]
        # Only exp and pow differ, by an ulp of V8's against the C library's; the argument of exp, up to 1000,
        # and the sums of 32 terms and 400 runs multiply that by less than 1e5: 1e5 * 2^-53 = 1e-11.
        np.testing.assert_allclose(rows[:, 0], expected.x, rtol=1e-11)
        np.testing.assert_allclose(rows[:, 1], expected.y, rtol=1e-11, atol=1e-300)
        if expected.lower is not None:
            # The band's width is the root of a difference of squares, which loses half the digits at worst.
            np.testing.assert_allclose(rows[:, 2], expected.lower, rtol=1e-7, atol=1e-300)


@pytest.fixture
def experiments(monkeypatch):
    for name, item in TEST_EXPERIMENTS.items():
        monkeypatch.setitem(explorer.EXPERIMENTS, name, item)


# --- Controls -------------------------------------------------------------------------------------


def test_keyboard_moves_slider_number_code_and_picture(page, address):
    root = opened(page, f"{address}/index.html")
    curve = root.locator(".ex-plot svg svg path").nth(1)
    before = curve.get_attribute("d")
    slider = root.get_by_role("slider", name="β exponent")
    page.evaluate("drawn.length = 0")
    slider.press("ArrowRight")
    finished(page)
    assert root.locator("input[inputmode]").first.input_value() == "0.71"
    assert slider.get_attribute("aria-valuetext") == "0.71"
    assert curve.get_attribute("d") != before
    root.get_by_text("Python that gives this").click()
    code = root.locator("code").inner_text()
    assert code == 'spectrum = {"beta": 0.71}\nlib.decay(beta=0.71, rate=0.1, levels=32)'
    first = page.evaluate("drawn[0]")
    assert first["fraction"] == 0  # theory before simulation


@pytest.mark.parametrize(
    "number, text, words",
    [
        (0, "7", "Give a number from 0.1 to 2."),
        (0, "-1", "Give a number from 0.1 to 2."),
        (0, "steep", "Give a number from 0.1 to 2."),
        (0, "", "Give a number from 0.1 to 2."),
        (0, "0x1", "Give a number from 0.1 to 2."),
        (0, "1,000", "1,000 may mean 1000 or 1.000: write one of the two."),
        (2, "2.5", "Give a whole number from 1 to 64."),
        (3, "150", "Give one of 100, 1000, 20000."),
    ],
)
def test_a_number_out_of_range_is_refused_by_its_box(page, address, number, text, words):
    root = opened(page, f"{address}/index.html")
    before = table(root)["theory"]
    set_number(root, number, text)
    box = root.locator("input[inputmode]").nth(number)
    assert box.get_attribute("aria-invalid") == "true" and box.input_value() == text
    assert root.locator(".ex-problem", has_text=words).is_visible()
    page.wait_for_timeout(300)
    assert page.evaluate("drawn.length") == 0
    np.testing.assert_array_equal(table(root)["theory"], before)
    root.get_by_role("button", name="Reset").click()
    assert box.get_attribute("aria-invalid") == "false"
    assert not root.locator(".ex-problem", has_text=words).is_visible()


def test_numbers_that_readers_type(page, address):
    root = opened(page, f"{address}/index.html")
    for text, value in (("1e-2", "0.01"), ("0,25", "0.25"), (" .5 ", "0.5")):
        set_number(root, 1, text)
        finished(page)
        assert root.locator("input[inputmode]").nth(1).input_value() == value


def test_reset_goes_to_the_author_s_values(page, address):
    root = opened(page, f"{address}/index.html")
    set_number(root, 0, "1.5")
    root.locator(".ex-controls select").select_option("fancy")
    root.get_by_role("button", name="Reset").click()
    assert root.locator("input[inputmode]").first.input_value() == "0.7"
    assert root.locator(".ex-controls select").input_value() == "1"


# --- Runs -----------------------------------------------------------------------------------------


def slow(page, address):
    """An explorer in the middle of a run that takes seconds."""
    root = opened(page, f"{address}/index.html")
    set_number(root, 3, "20000")
    page.wait_for_function("drawn.some(({ fraction }) => fraction > 0.02)")
    return root


def test_stop_and_resume_lose_nothing(page, address):
    root = slow(page, address)
    root.get_by_role("button", name="Stop").click()
    reached = None
    while reached != (reached := page.evaluate("drawn.at(-1).fraction")):
        page.wait_for_timeout(300)
    assert reached < 1
    page.evaluate("drawn.length = 0")
    root.get_by_role("button", name="Resume").click()
    page.wait_for_function("drawn.length > 0")
    assert reached < page.evaluate("drawn[0].fraction") < reached + 0.5  # neither again from 0 nor jumped
    assert root.get_by_role("progressbar").is_visible()


def test_newer_values_supersede(page, address):
    root = slow(page, address)
    slider = root.get_by_role("slider", name="β exponent")
    for _ in range(20):
        slider.press("ArrowRight")
    page.wait_for_function("drawn.at(-2).fraction > 0 && drawn.at(-1).fraction > drawn.at(-2).fraction")
    fractions = page.evaluate("drawn.map(({ fraction }) => fraction)")
    newest = fractions[len(fractions) - 1 - fractions[::-1].index(0) :]
    assert newest == sorted(newest)  # nothing of the runs before
    assert table(root)["law"][-1, 1] == pytest.approx(1001 ** (-0.9 / 1.9), rel=1e-9)


def test_the_page_goes_on_while_a_run_does(page, address):
    slow(page, address)
    frames = page.evaluate(
        """new Promise((done) => {
          let n = 0;
          const end = performance.now() + 1000;
          const count = () => { n++; performance.now() < end ? requestAnimationFrame(count) : done(n); };
          count();
        })"""
    )
    assert page.evaluate("drawn.at(-1).fraction") < 1
    assert frames >= 10  # a frozen page has one; an idle one 60; the machine may be busy


def test_a_change_is_announced_once_and_the_end_of_its_run_once_more(page, address):
    root = opened(page, f"{address}/index.html")
    status = root.locator(".ex-body .ex-status[aria-live=polite]").last
    page.wait_for_function("(node) => node.textContent.startsWith('Done. exponent')", arg=status.element_handle())
    page.evaluate(
        """(node) => {
          window.said = [];
          new MutationObserver(() => said.push(node.textContent)).observe(node, { childList: true });
        }""",
        status.element_handle(),
    )
    set_number(root, 3, "20000")
    slider = root.get_by_role("slider", name="β exponent")
    for _ in range(5):
        slider.press("ArrowLeft")
    page.wait_for_function("said.length === 1")  # while the run goes on
    assert page.evaluate("drawn.at(-1).fraction") < 1
    page.wait_for_function("said.length === 2", timeout=60_000)
    assert page.evaluate("said[1] === `Done. ${said[0]}`")
    assert page.evaluate("said[0]").startswith("exponent of the law: 0.394")


def test_a_notice_can_be_put_away(page, address):
    root = opened(page, f"{address}/index.html")
    set_number(root, 1, "0.95")
    notice = root.locator(".ex-notice", has_text="is rough")
    root.get_by_role("button", name="Put this notice away").click()
    assert not notice.is_visible()
    set_number(root, 1, "0.96")  # the same again
    finished(page)
    assert not notice.is_visible()
    set_number(root, 1, "0.1")
    finished(page)
    set_number(root, 1, "0.95")
    notice.wait_for()


def test_a_double_click_on_a_slider_resets_that_control(page, address):
    root = opened(page, f"{address}/index.html")
    set_number(root, 0, "1.5")
    set_number(root, 1, "0.5")
    root.get_by_role("slider", name="β exponent").dblclick()
    boxes = root.locator("input[inputmode]")
    assert (boxes.nth(0).input_value(), boxes.nth(1).input_value()) == ("0.7", "0.5")


def test_over_the_whole_window_and_back(page, address):
    root = opened(page, f"{address}/index.html")
    root.get_by_role("button", name="Whole window").press("Enter")
    dialog = root.get_by_role("dialog")
    box = dialog.bounding_box()
    assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 1280, 900)
    for _ in range(60):  # the focus never reaches what lies behind
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')")
    root.get_by_role("slider", name="β exponent").press("ArrowRight")
    finished(page)
    page.keyboard.press("Escape")
    assert dialog.count() == 0
    assert root.get_by_role("button", name="Whole window").evaluate("node => node === document.activeElement")
    assert root.locator("input[inputmode]").first.input_value() == "0.71"


def test_the_picture_is_saved_as_a_png(page, address):
    root = opened(page, f"{address}/index.html")
    with page.expect_download() as download:
        root.get_by_role("button", name="Picture (PNG)").click()
    content = download.value.path().read_bytes()
    assert download.value.suggested_filename.endswith(".png") and content.startswith(b"\x89PNG")
    assert int.from_bytes(content[16:20]) == 2 * round(root.locator(".ex-plot").bounding_box()["width"])


# --- Messages -------------------------------------------------------------------------------------


def test_errors_keep_the_last_good_picture(page, address):
    root = opened(page, f"{address}/index.html")
    before = root.locator(".ex-plot svg").first.inner_html()
    set_number(root, 0, "1.95")
    root.get_by_text("No decay at β = 1.95.").wait_for()
    assert root.locator(".ex-plot svg").first.inner_html() == before
    set_number(root, 0, "1")
    finished(page)
    assert not root.get_by_text("No decay").is_visible()


def test_an_exception_in_a_kernel_is_shown_and_survived(page, address):
    root = opened(page, f"{address}/index.html", 2)
    set_number(root, 1, "0.6")
    root.get_by_text("The computation failed:").wait_for()
    set_number(root, 1, "0.2")
    finished(page, 2)
    assert not root.get_by_text("The computation failed:").is_visible()


def test_a_long_start_is_said_and_ended_by_newer_values(page, address):
    root = opened(page, f"{address}/index.html", 2)
    busy = page.locator(".explorer.ex-busy")
    set_number(root, 3, "20000")  # starts for a minute
    busy.wait_for()
    root.get_by_text("Computing …").wait_for(state="attached")
    set_number(root, 0, "0.5")  # as long
    page.wait_for_timeout(300)
    set_number(root, 3, "100")
    finished(page, 2)  # in the 30 s that a browser waits
    assert busy.count() == 0 and not root.get_by_text("Computing …").count()
    assert page.problems == []


def test_nothing_but_nan_is_said(page, address):
    page.goto(f"{address}/index.html")
    root = page.locator(".explorer").nth(3)
    root.scroll_into_view_if_needed()
    root.get_by_text("There is no number to draw at these values.").wait_for()
    assert root.locator(".explorer-picture").is_visible()


def test_a_worker_that_cannot_run_leaves_the_static_picture(page, address):
    page.goto(f"{address}/broken.html")
    page.get_by_text("The computation failed:").wait_for()
    assert page.locator(".explorer-picture").is_visible()


def test_notice(page, address):
    root = opened(page, f"{address}/index.html")
    set_number(root, 1, "0.95")
    root.get_by_text("At η = 0.95 the law of exponent 0.412 is rough; see {this}.").wait_for()


def test_a_notice_of_the_long_part(page, address):
    root = opened(page, f"{address}/index.html", 4)
    root.locator(".ex-notice", has_text="At η = 0.1 the law of exponent {exponent} is rough; see {this}.").wait_for()


def test_a_message_moves_nothing_and_is_alone(page, address):
    root = opened(page, f"{address}/index.html")
    controls = root.get_by_role("group", name="Controls")
    before = controls.bounding_box()
    notice, problem = root.locator(".ex-notice", has_text="is rough"), root.get_by_text("No decay")
    for number, text, seen, unseen in ((1, "0.95", notice, problem), (0, "1.95", problem, notice)):
        set_number(root, number, text)
        seen.wait_for()
        assert not unseen.is_visible()
        assert controls.bounding_box() == before


# --- Links ----------------------------------------------------------------------------------------


def test_link_reopens_one_of_two_explorers(page, address):
    root = opened(page, f"{address}/index.html", 1)
    set_number(root, 0, "0.45")
    root.locator(".ex-controls select").select_option("fancy")
    root.get_by_role("button", name="Copy link").click()
    link = page.url
    assert link.endswith("#decay-2:beta=0.45,rate=0.1,terms=32,grain=100,mode=2")  # as ever
    page.goto("about:blank")
    page.goto(link)
    first, second = page.locator(".explorer").nth(0), page.locator(".explorer").nth(1)
    finished(page, 1)
    assert abs(second.bounding_box()["y"]) < 200  # the link leads there
    assert second.locator("input[inputmode]").first.input_value() == "0.45"
    assert second.locator(".ex-controls select").input_value() == "2"
    first.scroll_into_view_if_needed()
    assert first.locator("input[inputmode]").first.input_value() == "0.7"


def test_link_with_what_cannot_be(page, address):
    page.goto(f"{address}/index.html#decay:beta=99,rate=0.2,bata=1,_spec=2")
    root = page.locator(".explorer").first
    root.get_by_text("Give a number from 0.1 to 2.").wait_for()
    finished(page)
    assert root.locator("input[inputmode]").nth(1).input_value() == "0.2"
    np.testing.assert_allclose(table(root)["law"][-1, 1], 2001 ** (-0.7 / 1.7), rtol=1e-9)  # beta stayed
    assert page.problems == []


@pytest.mark.parametrize(
    "state, unread, rate",
    [
        ("beta=%E0,rate=0.2", "beta=%E0", "0.2"),  # cut in the middle of a letter: no text at all
        ("%E0", "%E0", "0.1"),
        ("beta=0x1,rate=0.2", "beta=0x1", "0.2"),
        ("bata=1,beta=,rate=0.2", "bata=1, beta=", "0.2"),
    ],
)
def test_an_address_that_cannot_be_read_says_so(page, address, state, unread, rate):
    page.goto(f"{address}/index.html#decay:{state}")
    root = page.locator(".explorer").first
    root.get_by_text(f"Of the address of this page, “{unread}” could not be read; the rest was.").wait_for()
    finished(page)
    assert root.locator("input[inputmode]").nth(0).input_value() == "0.7"
    assert root.locator("input[inputmode]").nth(1).input_value() == rate
    page.evaluate("location.hash = '#decay:beta=0.5'")
    page.wait_for_function("!document.querySelector('.ex-address')")
    page.evaluate("location.hash = '#%E0'")  # nobody's
    page.evaluate("location.hash = '#%E0:beta=1'")
    assert page.problems == []


@pytest.mark.parametrize(
    "text, value", [("0,5", "0.5"), ("1,25", "1.25"), (" 1.5 ", "1.5"), ("+1", "1"), ("5e−1", "0.5")]
)
def test_numbers_as_people_write_them(page, address, text, value):
    """The rule itself: tests/test_realdata.py."""
    root = opened(page, f"{address}/index.html")
    set_number(root, 0, text)
    finished(page)
    assert root.locator("input[inputmode]").first.input_value() == value


def test_a_phrase_of_the_text_sets_its_explorer_and_leads_back(page, address):
    root = opened(page, f"{address}/index.html")
    phrase = page.get_by_role("link", name="set both")
    phrase.press("Enter")
    page.wait_for_function("drawn.findLast(({ of }) => of === 0)?.fraction === 1")
    boxes = root.locator("input[inputmode]")
    assert [boxes.nth(i).input_value() for i in range(3)] == ["0.5", "0.2", "32"]
    back = root.get_by_role("button", name="Back to the text")
    assert back.evaluate("node => node === document.activeElement") and abs(root.bounding_box()["y"]) < 200
    assert "#" not in page.url  # the address stays that of the page
    back.press("Enter")
    assert phrase.evaluate("node => node === document.activeElement") and 0 < phrase.bounding_box()["y"] < 900
    assert back.is_hidden()
    page.get_by_role("link", name="see it").click()  # of a claim, which hides it where there is no script
    finished(page, 1)
    assert page.locator(".explorer").nth(1).locator(".ex-preset").inner_text() == "At β = 1.5 it is fancy."
    page.get_by_role("link", name="go there").click()
    assert boxes.first.input_value() == "0.5" and abs(root.bounding_box()["y"]) < 200
    page.get_by_role("link", name="nowhere").click()
    page.get_by_text("This page has no explorer “lost”").wait_for()
    assert page.problems == []


def test_a_phrase_moves_nothing_where_its_explorer_is_in_sight(page, address):
    root = opened(page, f"{address}/index.html")
    page.evaluate("""() => document.querySelector(".explorer").before(document.querySelector(".play").parentElement)""")
    page.evaluate("scrollTo(0, 0)")
    page.get_by_role("link", name="set both").click()
    root.locator(".ex-controls").get_by_text("levels").wait_for()
    page.wait_for_function("document.querySelector('.explorer input[inputmode]').value === '0.5'")
    assert page.evaluate("scrollY") == 0 and root.get_by_role("button", name="Back to the text").is_hidden()


def test_presets_are_a_menu_that_says_what_to_see(page, address):
    root = opened(page, f"{address}/index.html")
    menu, text = root.get_by_label("Worth seeing"), root.locator(".ex-preset")
    assert menu.locator("option").all_inner_texts() == ["choose …", "As it starts", "Steep <&>"]
    assert text.inner_text() == ""  # the page's own explorer begins at another β
    menu.select_option("Steep <&>")
    finished(page)
    assert text.inner_text() == "At β = 1.5 it is fancy."
    set_number(root, 0, "1.4")
    finished(page)
    assert text.inner_text() == "" and menu.input_value() == ""
    set_number(root, 0, "1.5")  # however the state was come by
    finished(page)
    assert menu.input_value() == "steep"


def test_pinned_states_stay_in_picture_numbers_link_and_file(page, address):
    root = opened(page, f"{address}/index.html")
    pin, pins = root.get_by_role("button", name="Pin this state"), root.locator(".ex-pins li")
    for text in ("0.5", "1.5"):
        set_number(root, 0, text)
        finished(page)
        page.evaluate("drawn.length = 0")
        pin.click()
        page.wait_for_function("drawn.length > 0")
        assert page.evaluate("drawn.every(({ fraction }) => fraction === 1)")  # its run goes on
    set_number(root, 0, "1.95")  # an error: the picture stays, and with it the pins
    root.get_by_text("No decay at β = 1.95.").wait_for()
    assert pins.count() == 2
    set_number(root, 0, "1")
    finished(page)
    assert [text.strip() for text in root.locator(".ex-pins span").all_inner_texts()] == ["① β = 0.5", "② β = 1.5"]
    # the exponents are 1/3, 3/5 and 1/2
    small = root.locator(".ex-readouts small").all_inner_texts()
    assert small == ["① 0.333 (+0.17)", "② 0.600 (−0.10)"]  # the other number is of the simulation
    curves = table(root)
    assert {"theory[beta=0.5]", "law[beta=1.5]"} <= set(curves) and "noisy[beta=0.5]" not in curves
    grey = "[...document.querySelectorAll('.explorer .ex-plot [stroke=\"var(--ex-pin)\"]')].length"
    drawn = page.evaluate(grey)
    assert drawn >= 4
    root.locator(".ex-legend button").nth(1).click()  # hidden of the pins as well
    page.wait_for_function(f"{grey} === {drawn - 2}")
    root.get_by_role("button", name="Copy link").click()
    assert page.url.endswith("#decay:beta=1,rate=0.1,terms=32,grain=100,mode=1;pin,beta=0.5;pin,beta=1.5;hidden,law")
    link = page.url
    page.goto("about:blank")
    page.goto(link)
    finished(page)
    root = page.locator(".explorer").first
    assert root.locator(".ex-readouts small").all_inner_texts() == small
    np.testing.assert_array_equal(table(root)["theory[beta=0.5]"], curves["theory[beta=0.5]"])
    assert root.locator(".ex-legend button").nth(1).get_attribute("aria-pressed") == "false"
    with page.expect_download() as download:
        root.get_by_role("button", name="Picture (SVG)").click()
    assert "① β = 0.5; ② β = 1.5" in download.value.path().read_text()
    root.get_by_role("button", name="Remove pin 1").click()
    assert root.locator(".ex-pins span").all_inner_texts() == ["① β = 1.5"]
    assert page.problems == []


def test_hostile_pins_of_a_link_are_said_and_harm_nothing(page, address):
    page.goto(f"{address}/index.html#decay:beta=1;pin,beta=99,terms=1e9;pin,bata=1;hidden,nothing;pinn,beta=1;more")
    root = page.locator(".explorer").first
    said = "Of the address of this page, “bata=1, nothing, pinn,beta=1” could not be read; the rest was."
    root.get_by_text(said).wait_for()
    finished(page)
    labels = root.locator(".ex-pins span").all_inner_texts()
    assert len(labels) == 2 and "no picture at these values" in labels[0]
    assert page.problems == []


@pytest.mark.parametrize("kind", ["http", "file"])
def test_a_reload_keeps_the_state_and_a_new_visit_begins_anew(page, folder, address, kind):
    home = address if kind == "http" else folder.as_uri()
    root = opened(page, f"{home}/index.html")
    set_number(root, 0, "0.45")
    finished(page)
    page.reload()
    finished(page)
    box = root.locator("input[inputmode]").first
    assert box.input_value() == "0.45" and "#" not in page.url
    page.goto("about:blank")
    opened(page, f"{home}/index.html")
    assert box.input_value() == "0.7"
    assert page.problems == []


def test_the_address_of_a_state_follows_it(page, address):
    root = opened(page, f"{address}/index.html")
    set_number(root, 0, "0.45")
    root.get_by_role("button", name="Copy link").click()
    set_number(root, 0, "0.5")
    page.wait_for_url(re.compile("#decay:beta=0.5,"))
    set_number(root, 0, "0.55")
    finished(page)
    page.reload()
    finished(page)
    assert root.locator("input[inputmode]").first.input_value() in ("0.5", "0.55")  # the bar follows after a while
    page.wait_for_url(re.compile("#decay:beta=0.5"))
    page.evaluate("location.hash = '#a-heading'")
    set_number(root, 0, "0.6")
    page.wait_for_timeout(600)
    assert page.url.endswith("#a-heading")  # which names no state, and stays


# --- Picture and data -----------------------------------------------------------------------------


def test_cursor_by_keyboard_and_pointer(page, address):
    root = opened(page, f"{address}/index.html")
    reader = root.get_by_role("slider", name="Read the curves along time α")
    reader.press("Home")
    assert reader.get_attribute("aria-valuetext").startswith("time α 0.100; theory: 0.9")
    reader.press("ArrowRight")
    assert reader.get_attribute("aria-valuetext").startswith("time α 0.122;")
    assert re.search(r"simulation: \S+ \(\S+ to \S+\)$", reader.get_attribute("aria-valuetext"))
    assert root.locator(".ex-tip").is_visible() and root.locator(".ex-cursor circle").count() == 3
    reader.press("Escape")
    assert not root.locator(".ex-tip").is_visible()
    reader.hover()
    assert root.locator(".ex-tip").is_visible()


def test_a_map_is_drawn_read_and_downloaded(page, address):
    root = opened(page, f"{address}/index.html", 4)
    with page.expect_download() as download:
        root.get_by_role("button", name="CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert lines[0] == "curve,x,y,value" and lines[1] == "ground,1,1,0.1" and lines[12] == "ground,1000,4,1"
    cells = root.locator(".ex-plot g[shape-rendering] path").evaluate_all(
        "nodes => nodes.map((node) => [node.getAttribute('d').split('M').length - 1, node.getAttribute('fill')])"
    )
    # values 10^-3 .. 10^2 on a scale from 10^-2 to 10^2: what is below it has its first colour
    assert [count for count, _ in cells if count] == [3, 3, 3, 2, 1] and len({fill for _, fill in cells}) == 24
    assert (
        root.locator(".ex-plot svg")
        .first.get_attribute("aria-label")
        .startswith("Map of height, levels l against time α")
    )
    reader = root.get_by_role("slider", name="Read the curves along time α")
    reader.press("Home")
    for _ in range(3):
        reader.press("ArrowDown")
    assert reader.get_attribute("aria-valuetext") == "time α 1.00; ground at levels l 1.00: 0.100; path: 1.00"
    reader.press("ArrowRight")
    reader.press("ArrowUp")
    assert reader.get_attribute("aria-valuetext") == "time α 10.0; ground at levels l 2.00: 0.100"
    root.get_by_text("Table of the curves").click()
    root.locator("table").first.wait_for()
    assert root.locator("table").first.locator("th").all_inner_texts() == ["time α", "levels l", "height"]
    with page.expect_download() as download:
        root.get_by_role("button", name="Picture (SVG)").click()
    text = download.value.path().read_text()
    assert "var(" not in text and "#ffffff" in text  # the line's halo, on paper
    assert page.problems == []


def test_legend_hides_and_shows(page, address):
    root = opened(page, f"{address}/index.html")
    paths = root.locator(".ex-plot svg svg path")
    count = paths.count()
    entry = root.get_by_role("button", name="power law")
    entry.click()
    assert (entry.get_attribute("aria-pressed"), paths.count()) == ("false", count - 1)
    entry.click()
    assert (entry.get_attribute("aria-pressed"), paths.count()) == ("true", count)


def test_every_curve_looks_different_without_colour(page, address):
    root = opened(page, f"{address}/index.html")
    swatches = root.locator(".ex-legend svg").evaluate_all("nodes => nodes.map((node) => node.innerHTML)")
    assert len({re.sub(r"--ex-c\d", "", swatch) for swatch in swatches}) == 3


def test_downloaded_picture_stands_alone(page, address):
    root = opened(page, f"{address}/index.html")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    with page.expect_download() as download:
        root.get_by_role("button", name="Picture (SVG)").click()
    assert download.value.suggested_filename == "decay_beta=0.7_rate=0.1_terms=32_grain=100_mode=1.svg"
    text = download.value.path().read_text()
    words = "".join(ElementTree.fromstring(text).itertext())
    assert "var(" not in text and "class=" not in text
    assert "#0072b2" in text  # light, whatever the page is
    assert "simulation" in words and "β = 0.7, η = 0.1" in words


def test_table_for_those_who_do_not_see_the_picture(page, address):
    root = opened(page, f"{address}/index.html")
    root.get_by_text("Table of the curves").click()
    tables = root.locator("table")
    tables.first.wait_for()
    assert tables.count() == 3 and tables.nth(2).locator("th").count() == 4
    assert tables.first.locator("tr").count() == 61


# --- Readers of every kind ------------------------------------------------------------------------


SEEN = """() => {
  const node = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(node);
  const { x, y, width, height } = node.getBoundingClientRect();
  const above = document.elementFromPoint(x + width / 2, Math.min(y + height / 2, innerHeight - 1));
  return { outlined: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2, covered: !node.contains(above) };
}"""


@pytest.mark.parametrize("size", [(1280, 900), (360, 640)])
def test_tab_reaches_everything_and_focus_is_seen(page, address, size):
    page.set_viewport_size(dict(zip(("width", "height"), size)))
    root = opened(page, f"{address}/index.html")
    takers = root.locator(
        "button:enabled:visible, input:visible, select:visible, summary:visible, [tabindex='0']:visible"
    )
    for key in ("Tab", "Shift+Tab"):  # from the picture to the table, and back
        for taker in takers.all()[:: 1 if key == "Tab" else -1]:
            if not taker.evaluate("node => node === document.activeElement"):
                page.keyboard.press(key)
            assert taker.evaluate("node => node === document.activeElement"), taker.evaluate("node => node.outerHTML")
            assert page.evaluate(SEEN) == {"outlined": True, "covered": False}, taker.evaluate("node => node.outerHTML")
    page.keyboard.press("Shift+Tab")
    assert not root.evaluate("root => root.contains(document.activeElement)")  # no trap


def test_whole_explorer_by_keyboard_alone(page, address):
    root = opened(page, f"{address}/index.html")
    press = page.keyboard.press

    def go(target):
        """Tab on until the target has the focus."""
        for _ in range(40):
            if target.evaluate("node => node === document.activeElement"):
                return target
            press("Tab")
        raise AssertionError("not reached")

    # Read a point of the picture.
    reader = go(root.get_by_role("slider", name="Read the curves along time α"))
    press("End")
    last = reader.get_attribute("aria-valuetext")
    press("ArrowLeft")
    assert root.locator(".ex-tip").is_visible() and reader.get_attribute("aria-valuetext") != last
    press("Escape")
    assert not root.locator(".ex-tip").is_visible()
    # Hide a curve and show it again.
    entry = go(root.get_by_role("button", name="power law"))
    for key, pressed in (("Enter", "false"), ("Space", "true")):
        press(key)
        assert entry.get_attribute("aria-pressed") == pressed
    # A slider to its ends, a number, a choice.
    slider = go(root.get_by_role("slider", name="β exponent"))
    box = root.get_by_role("textbox", name="β, exponent: type a number")
    for key, value in (("Home", "0.1"), ("ArrowRight", "0.11"), ("End", "2")):
        press(key)
        assert box.input_value() == value
    go(box)
    press("Control+a")
    page.keyboard.type("0.5")
    press("Enter")
    assert slider.get_attribute("aria-valuetext") == "0.5"
    menu = go(root.get_by_role("combobox", name="m mode"))
    press("ArrowDown")
    assert menu.input_value() == "2"
    finished(page)
    # The link, the data, back to the beginning, the code and the table.
    go(root.get_by_role("button", name="Reset"))
    go(root.get_by_role("button", name="Data (CSV)"))
    with page.expect_download():
        press("Enter")
    go(root.get_by_role("button", name="Copy link"))
    press("Enter")
    page.wait_for_url(re.compile("#decay:beta=0.5,.*mode=2$"))
    go(root.locator("summary", has_text="Python"))
    press("Enter")
    root.locator("code", has_text="beta=0.5").wait_for()
    go(root.locator("summary", has_text="Table"))
    press("Enter")
    go(root.locator(".ex-table"))
    root.locator("table").nth(2).wait_for()  # filled when the fold has told that it is open
    assert root.locator("table").count() == 3
    for _ in range(40):
        if root.get_by_role("button", name="Reset").evaluate("node => node === document.activeElement"):
            break
        press("Shift+Tab")
    press("Enter")
    finished(page)
    assert box.input_value() == "0.7" and menu.input_value() == "1"


def test_everything_has_a_name(page, address):
    root = opened(page, f"{address}/index.html")
    assert root.get_attribute("role") == "group"
    assert root.get_attribute("aria-label") == "Decay <of> a sum & its law"
    assert "exponent of the law: 0.412" in root.locator(".ex-plot svg").first.get_attribute("aria-label")
    for name in ("β exponent", "η learning rate", "L levels", "g grains"):
        assert root.get_by_role("slider", name=name).count() == 1
    assert root.get_by_role("textbox", name="β, exponent: type a number").count() == 1
    assert root.get_by_role("combobox", name="m mode").count() == 1
    takers = root.locator("input, select, .ex-reader")
    quiet = root.locator("[data-lm-suppress-shortcuts]")  # else JupyterLab takes the arrow keys
    assert takers.count() == quiet.count() > 0


def test_small_screen(page, address):
    page.set_viewport_size({"width": 320, "height": 640})
    root = opened(page, f"{address}/index.html")
    set_number(root, 1, "0.95")
    root.get_by_text("Table of the curves").click()
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    targets = root.locator("button:visible, input:visible, select:visible, summary:visible")
    assert min(box["height"] for box in (target.bounding_box() for target in targets.all())) >= 44


def test_dark(page, address):
    root = opened(page, f"{address}/index.html")
    color = "(root) => getComputedStyle(root).getPropertyValue('--ex-c0')"
    light = root.evaluate(color)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert root.evaluate(color) != light
    page.emulate_media(media="print")
    assert root.evaluate(color) == light
    assert not root.locator("input").first.is_visible()
    assert not root.get_by_role("button", name="Reset").is_visible()
    assert root.locator(".ex-plot svg").first.is_visible()
    assert root.locator(".ex-print").inner_text() == "β = 0.7, η = 0.1, L = 32, g = 100, m = plain"


def test_without_javascript_the_picture_stays(browser, address):
    context = browser.new_context(java_script_enabled=False, viewport={"width": 320, "height": 640})
    page = context.new_page()
    page.goto(f"{address}/index.html")
    picture = page.locator(".explorer-picture").first
    assert picture.is_visible() and picture.bounding_box()["width"] <= 320 - 24
    assert "β = 0.7" in picture.get_attribute("alt")
    context.close()


# In place of MathJax: what it is asked to set, and how many pictures there were when it came.
MATHJAX = """globalThis.before = drawn.length; globalThis.asked = [];
MathJax.typesetPromise = async (formulas) => { asked.push(formulas.map(({ id }) => id)); };
MathJax.startup.pageReady();"""


@pytest.mark.parametrize("near", [True, False])
def test_formulas_come_after_the_first_picture_and_when_they_are_nearly_seen(page, folder, address, near):
    (folder / "mathjax").mkdir(exist_ok=True)
    (folder / "mathjax" / "tex-chtml.js").write_text(MATHJAX)
    shutil.copy(ROOT / "book" / "_style" / "formulas.js", folder)
    formulas = [f'<p style="height: 600px"><span class="math" id="f{i}">f</span></p>' for i in range(30)]
    folded = '<details><summary>More</summary><span class="math" id="folded">f</span></details>'
    body = re.search("<body>(.*)</body>", (folder / "broken.html").read_text(), re.DOTALL)[1]
    body = folded + (body + "".join(formulas) if near else "".join(formulas) + body)
    ours, others = ('<script defer src="explorers.js"></script>', '<script defer src="formulas.js"></script>')
    (folder / "formulas.html").write_text(PAGE.format(body=body).replace(ours, ours + others))
    page.goto(f"{address}/formulas.html")
    page.wait_for_function("globalThis.asked?.flat().includes('f0')")
    before, asked = page.evaluate("[before, asked]")
    assert (before > 0) == near and "f0" in asked[0]
    assert not {"f29", "folded"} & set(sum(asked, []))
    page.get_by_text("More", exact=True).click()
    page.wait_for_function("asked.flat().includes('folded')")
    page.locator("#f29").scroll_into_view_if_needed()
    page.wait_for_function("asked.flat().includes('f29')")
    assert "f15" not in page.evaluate("asked.flat()")
    page.evaluate("setFormulas()")
    assert sorted(page.evaluate("asked.flat()")) == sorted([*(f"f{i}" for i in range(30)), "folded"])  # each once
    assert page.problems == []


def test_explorers_out_of_sight_wait(page, address):
    opened(page, f"{address}/index.html")
    assert page.locator(".explorer .ex-plot").count() == 1
