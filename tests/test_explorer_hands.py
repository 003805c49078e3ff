"""Hands on the explorer's picture: a frame that holds still, what is dragged, zoom, slopes, undo, dropped files."""

import re
from dataclasses import replace

import pytest
from conftest import served
from test_explorer import TEST_EXPERIMENTS
from test_explorer_browser import PAGE, finished, opened, page, set_number  # noqa: F401 (page: a fixture)

from lib.compiler import wasm
from lib.widgets import explore, explorer
from lib.widgets.experiment import Guide, Handle, Mark, Plane
from lib.widgets.page import page_script

# The experiment of the tests with a guide, a window on the time axis, which is α = 10 L to 10 g, a line that moves
# against its control, and a plane.
DECAY = TEST_EXPERIMENTS["decay"]
HANDS = replace(
    DECAY,
    guides=(Guide("exponent", "law", "−β/(1+β)", factor=-1.0),),
    handles=(Handle(("terms", "grain"), "window"), Handle(("rate",), "rate", place="exponent", power=-1.0)),
    plane=Plane("beta", "terms", "Spectrum and levels", (Mark("half", ((1.0, 32.0),), "point"),)),
)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A page with that experiment, and below it a map."""
    folder = tmp_path_factory.mktemp("hands")
    with pytest.MonkeyPatch.context() as patch:
        for name, item in (TEST_EXPERIMENTS | {"decay": HANDS}).items():
            patch.setitem(explorer.EXPERIMENTS, name, item)
        html = [explore(name)._repr_mimebundle_()[0]["text/html"] for name in ("decay", "relief")]
    (folder / "explorers.js").write_text(page_script(wasm.build("tests.test_explorer:EXPORTS")))
    (folder / "index.html").write_text(PAGE.format(body='<p style="height: 2000px">further down</p>'.join(html)))
    with served(folder) as address:
        yield f"{address}/index.html"


def ticks(root):
    """The labels of the axes."""
    return root.locator(".ex-plot svg g g").first.text_content()


def value(root, number):
    return float(root.locator("input[inputmode]").nth(number).input_value())


def reader(root):
    return root.get_by_role("slider", name="Read the curves")


def drag(root, start, end, *keys):
    """Press the pointer at one point of the picture and let it go at another, both from its left top."""
    box, page = root.locator(".ex-plot").bounding_box(), root.page
    for key in keys:
        page.keyboard.down(key)
    page.mouse.move(box["x"] + start[0], box["y"] + start[1])
    page.mouse.down()
    page.mouse.move(box["x"] + end[0], box["y"] + end[1], steps=4)
    page.mouse.up()
    for key in keys:
        page.keyboard.up(key)


# --- The frame ------------------------------------------------------------------------------------

SWEEP = """async (root) => {
  const slider = root.querySelector("input[type=range]");
  const axes = root.querySelector(".ex-plot svg g g");
  const seen = [axes.textContent];
  slider.dispatchEvent(new PointerEvent("pointerdown", { bubbles: true }));
  const last = 0.9 * slider.max; // beyond it this experiment has an error and no picture
  for (let i = 0; i <= last; i++) {
    const drawn = new Promise((done) => {
      root.addEventListener("explorer:drawn", done, { once: true });
      setTimeout(done, 500); // where the value is the one before
    });
    slider.value = i;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await drawn;
    if (axes.textContent !== seen.at(-1)) seen.push(axes.textContent);
  }
  return seen.length - 1;
}"""
LET_GO = "dispatchEvent(new PointerEvent('pointerup'))"


def test_axes_hold_still_while_a_hand_moves_and_settle_when_it_rests(page, address):
    root = opened(page, address)
    assert root.evaluate(SWEEP) <= 3  # over all of beta, where each picture alone would have other axes
    finished(page)
    wide = ticks(root)  # of small beta; at the large one where the hand is now the curves fill a quarter of it
    page.wait_for_timeout(1000)
    assert ticks(root) == wide  # the pointer is still down
    page.evaluate(LET_GO)
    root.get_by_text("axes fitted again").wait_for()
    assert ticks(root) != wide
    assert root.get_by_text("axes fitted again").evaluate("node => !node.closest('[role=status], [aria-live]')")


def test_held_axes_stay(page, address):
    root = opened(page, address)
    hold = root.get_by_role("button", name="Hold axes")
    hold.click()
    assert hold.get_attribute("aria-pressed") == "true"
    before = ticks(root)
    set_number(root, 0, "0.1")
    finished(page)
    assert ticks(root) == before
    hold.click()
    assert ticks(root) != before


def test_the_guide_has_the_slope_of_the_law(page, address):
    root = opened(page, address)
    assert root.get_by_text("−β/(1+β) = −0.5").is_visible()
    set_number(root, 0, "1.5")
    root.get_by_text("−β/(1+β) = −0.6").wait_for()


# --- Handles --------------------------------------------------------------------------------------


def test_a_window_is_dragged_by_its_end_and_one_step_back_undoes_it(page, address):
    root = opened(page, address)
    end = root.get_by_role("slider", name="window: levels")
    assert end.get_attribute("aria-valuetext") == "32"
    box = end.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 60, y, steps=6)
    finished(page)
    page.mouse.up()
    moved = value(root, 2)
    assert moved < 24 and end.get_attribute("aria-valuetext") == f"{moved:g}"
    page.wait_for_function(
        f"Math.abs(document.querySelector('.ex-handle').getBoundingClientRect().x - {box['x']} + 60) < 8"
    )
    page.wait_for_timeout(700)
    root.get_by_role("button", name="Undo").click()
    assert value(root, 2) == 32
    root.get_by_role("button", name="Redo").click()
    assert value(root, 2) == moved


def test_handles_are_sliders_for_keys(page, address):
    root = opened(page, address)
    end = root.get_by_role("slider", name="window: levels")
    end.press("ArrowRight")
    end.press("ArrowRight")
    assert value(root, 2) == 34
    end.press("Home")
    assert value(root, 2) == 1
    line = root.get_by_role("slider", name="rate: learning rate")
    assert re.fullmatch(r"0\.1, at time α 0\.500", line.get_attribute("aria-valuetext"))
    line.press("ArrowRight")  # to the right, where the rate is smaller
    assert value(root, 1) < 0.1


def test_the_dot_of_a_plane_is_dragged_and_sets_both_controls(page, address):
    root = opened(page, address)
    frame, dot = root.locator(".ex-plane .ex-frame").bounding_box(), root.locator(".ex-dot")

    def at(across, up):
        return frame["x"] + across * frame["width"], frame["y"] + (1 - up) * frame["height"]

    def middle(box):
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    page.evaluate("drawn.length = 0")
    page.mouse.move(*middle(dot.bounding_box()))
    page.mouse.down()
    page.mouse.move(*at(0.25, 0.75), steps=5)
    page.wait_for_function("drawn.length > 0")  # the curve follows the hand, before it lets go
    page.mouse.up()
    finished(page)
    # β from 0.1 to 2, L from 1 to 64: a pixel is 0.007 and a third of a level, and both are set to the next position
    beta, levels = value(root, 0), value(root, 2)
    assert beta == pytest.approx(0.1 + 0.25 * 1.9, abs=0.02) and levels == pytest.approx(1 + 0.75 * 63, abs=1)
    assert middle(dot.bounding_box()) == pytest.approx(at((beta - 0.1) / 1.9, (levels - 1) / 63), abs=1.0)
    name = root.get_by_role("img", name=re.compile("Spectrum and levels")).get_attribute("aria-label")
    assert "the sliders move it" in name and f"L = {levels:g}" in name
    page.wait_for_timeout(1000)  # the hand rests
    page.mouse.move(*at(0.25, 0.75))
    page.mouse.down()
    page.mouse.move(*at(1.5, 1.5))  # beyond the corner
    page.mouse.up()
    assert (value(root, 0), value(root, 2)) == (2.0, 64.0)
    root.get_by_role("button", name="Undo").click()
    assert value(root, 2) == levels and not page.problems


# --- Zoom and reading -----------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["Shift", "button", "keys"])
@pytest.mark.parametrize("back", ["button", "Escape", "double click"])
def test_zoom_and_back(page, address, way, back):
    root = opened(page, address)
    whole = ticks(root)
    if way == "keys":
        reader(root).press("End")
        reader(root).press("+")
    else:
        if way == "button":
            root.get_by_role("button", name="Zoom", exact=True).click()
        drag(root, (200, 80), (420, 260), *(["Shift"] if way == "Shift" else []))
    out = root.get_by_role("button", name="Zoom out")
    out.wait_for()
    assert ticks(root) != whole
    set_number(root, 1, "0.2")
    finished(page)
    if back == "button":
        out.click()
    elif back == "Escape":
        reader(root).focus()
        page.keyboard.press("Escape")  # hides the cursor, if there is one
        page.keyboard.press("Escape")
    else:
        box = root.locator(".ex-plot").bounding_box()
        page.mouse.dblclick(box["x"] + 300, box["y"] + 150)
    out.wait_for(state="hidden")


def test_slope_between_two_points_set_by_hand(page, address):
    root = opened(page, address)
    keys = reader(root)
    keys.press("End")
    keys.press("m")
    assert "marked" in keys.get_attribute("aria-valuetext")
    for _ in range(10):
        keys.press("ArrowLeft")
    text = keys.get_attribute("aria-valuetext")
    assert "slopes from 10000;" in text
    # Far out the law of (1 + 0.1 α)^-1/2 is α^-1/2.
    assert 0.49 < float(re.search(r"power law: \S+, slope −([\d.]+)", text)[1]) <= 0.5
    keys.press("Escape")
    keys.press("ArrowLeft")
    assert "slope" not in keys.get_attribute("aria-valuetext")
    box = root.locator(".ex-plot").bounding_box()
    page.keyboard.down("Shift")
    page.mouse.click(box["x"] + 200, box["y"] + 150)
    page.keyboard.up("Shift")
    page.mouse.move(box["x"] + 400, box["y"] + 150)
    assert "slopes from" in root.locator(".ex-tip").inner_text()


def test_a_reading_stays_when_the_finger_lifts(browser, address):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(address)
    root = page.locator(".explorer").first
    root.locator(".ex-tip").wait_for(state="attached")
    page.wait_for_function("document.querySelector('.ex-plot path[d*=L]')")
    box = root.locator(".ex-plot").bounding_box()
    page.touchscreen.tap(box["x"] + 150, box["y"] + 100)
    root.locator(".ex-tip").wait_for()
    page.wait_for_timeout(300)
    assert root.locator(".ex-tip").is_visible()
    root.locator(".ex-title").tap()
    root.locator(".ex-tip").wait_for(state="hidden")
    context.close()


def test_what_the_colours_of_a_map_mean_stands_beside_their_numbers(page, address):
    root = opened(page, address, 1)
    boxes = (
        root.locator(".ex-plot svg g g")
        .first.locator("text")
        .evaluate_all(
            """(nodes) => nodes.map((node) => [node.textContent, node.getBoundingClientRect()])
             .map(([text, { left, right, top, bottom }]) => [text, left, right, top, bottom])"""
        )
    )
    label = next(box for box in boxes if box[0] == "height")
    for text, left, right, top, bottom in boxes:
        apart = left >= label[2] or right <= label[1] or top >= label[4] or bottom <= label[3]
        assert text == "height" or apart, text


# --- History and files ----------------------------------------------------------------------------


def test_undo_and_redo_by_keys_one_gesture_at_a_time(page, address):
    root = opened(page, address)
    slider = root.locator("input[type=range]").first
    slider.evaluate(
        """(slider) => {
          for (let i = 0; i < 5; i++) {
            slider.stepUp();
            slider.dispatchEvent(new Event("input", { bubbles: true }));
          }
        }"""
    )
    page.wait_for_timeout(1000)  # the hand rests
    set_number(root, 1, "0.5")
    slider.focus()
    page.keyboard.press("Control+z")
    assert (value(root, 0), value(root, 1)) == (1.05, 0.1)
    page.keyboard.press("Control+z")
    assert value(root, 0) == 1
    assert root.get_by_role("button", name="Undo").get_attribute("aria-disabled") == "true"
    page.keyboard.press("Control+Shift+z")
    page.keyboard.press("Control+y")
    assert (value(root, 0), value(root, 1)) == (1.05, 0.5)
    root.get_by_role("button", name="Reset").click()
    page.keyboard.press("Control+z")
    assert (value(root, 0), value(root, 1)) == (1.05, 0.5)


DROP = """(node) => {
  const files = new DataTransfer();
  files.items.add(new File(["3\\n2\\n1\\n"], "list.csv"));
  return ["dragover", "drop"].map((type) => !node.dispatchEvent(
    new DragEvent(type, { dataTransfer: files, bubbles: true, cancelable: true })));
}"""


def test_a_dropped_file_never_replaces_the_page(page, address):
    root = opened(page, address)
    assert root.locator(".ex-reader").evaluate(DROP) == [True, True]
    root.get_by_text("This explorer takes no file.").wait_for()
    assert page.locator("body > p").first.evaluate(DROP) == [True, True]
