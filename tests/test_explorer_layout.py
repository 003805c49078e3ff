"""What of each explorer of the book is on the screen together, in windows of every size."""

import pytest
from conftest import CHAPTERS

# The explorer is brought to the top of the window, as a link to it does. Gives the parts that are not whole in sight.
OUT_OF_SIGHT = """(root) => {
  root.scrollIntoView();
  const head = parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--ex-page-head")) * 16;
  const parts = [".ex-plot", ".ex-bar", ".ex-legend", ".ex-presets .ex-row", ".ex-hand > .ex-controls > *",
    ".ex-more > summary"].flatMap((part) => [...root.querySelectorAll(part)]).filter((node) => node.checkVisibility());
  return parts.filter((node) => {
    const { left, top, right, bottom } = node.getBoundingClientRect();
    const cut = node.scrollHeight > node.clientHeight + 1 && getComputedStyle(node).overflowY !== "visible";
    return cut || top < head - 1 || bottom > innerHeight + 1 || left < -1 || right > innerWidth + 1;
  }).map((node) => [node.className, node.textContent.slice(0, 40), node.getBoundingClientRect().bottom]);
}"""
# From the top on every control, one after the other, is brought into sight. Gives the share of the window that the
# picture takes, and the controls with which it is not whole in sight.
CONTROLS = """(root) => {
  root.querySelectorAll(".ex-more").forEach((fold) => { fold.open = true; });
  root.scrollIntoView();
  const picture = () => root.querySelector(".ex-plot").getBoundingClientRect();
  const lost = [...root.querySelectorAll(".ex-control")].filter((control) => {
    control.scrollIntoView({ block: "nearest" });
    const { top, bottom } = picture();
    const { top: upper, bottom: lower, left } = control.getBoundingClientRect();
    const covered = left < picture().right && upper < bottom;
    return top < 0 || bottom > innerHeight || covered || lower > innerHeight + 1;
  });
  return { share: picture().height / innerHeight, lost: lost.map((control) => control.textContent.slice(0, 40)) };
}"""


@pytest.fixture(params=CHAPTERS)
def chapter(request, visit):
    """A page whose explorers live, and a function that gives its window another size."""
    page = visit(f"{request.param}.html", mathematics=False)
    explorers = page.locator(".explorer").all()
    assert explorers
    for explorer in explorers:
        explorer.scroll_into_view_if_needed()
        explorer.locator(".ex-plot svg[role=img] path").first.wait_for()
        if explorer.locator("progress").count():
            explorer.locator(".ex-bar > .ex-row").evaluate("(row) => { row.hidden = false; }")

    def sized(width, height):
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return explorers

    return sized


def test_what_moves_and_what_is_moved_are_in_sight_together(chapter):
    for size in ((1366, 768), (1366, 650), (1024, 640), (768, 1024)):
        for explorer in chapter(*size):
            assert explorer.evaluate(OUT_OF_SIGHT) == [], size


def test_on_a_phone_and_enlarged_the_picture_stays_while_controls_move(chapter):
    for size in ((390, 844), (844, 390), (683, 384)):
        for explorer in chapter(*size):
            found = explorer.evaluate(CONTROLS)
            assert found["lost"] == [] and found["share"] <= 0.45, size
