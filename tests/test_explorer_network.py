"""The second picture and Play, in a browser, with the kernels behind it run by Python."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from lib.widgets import explore
from lib.widgets.page import explorer_module, source
from lib.widgets.run import Run

# A host whose kernels are Python's: `answer` gives what `Run` computes.
HOST = """async ({ module, spec, values }) => {
  const { default: widget } = await import(URL.createObjectURL(new Blob([module], { type: "text/javascript" })));
  let hear;
  const model = { get: (name) => name === "_spec" ? spec : values[name], set() {}, save_changes() {}, off() {},
    on(event, listener) { if (event === "msg:custom") hear = listener; },
    async send(message) {
      if (message.do !== "start") return;
      const [status, output] = await answer(spec.name, message.values);
      const bytes = Float64Array.from(output, (value) => value ?? NaN);
      hear({ values: message.values, status, fraction: 1 }, [new DataView(bytes.buffer)]);
    } };
  const el = document.body.appendChild(document.createElement("div"));
  const drawn = new Promise((done) => el.addEventListener("explorer:drawn", done, { once: true }));
  setTimeout(() => widget.render({ model, el }));
  await drawn;
}"""
BLANK = """<!doctype html>
<html lang="en"{theme}><meta name="viewport" content="width=device-width, initial-scale=1"><title>Explorer</title>
<style>body {{ margin: 0 auto; max-width: 64rem; padding: 0 12px; {body} }} {css}</style></html>"""
DARK = "background: #121212; color: #ddd; --pst-color-background: #121212;"


@pytest.fixture
def shown(browser):
    """Open a page with one explorer."""
    contexts = []

    def open_page(explorer, dark=False, **options):
        experiment = explorer._experiment

        def answer(_, values):
            run = Run(experiment, tuple(map(float, values)), np.empty(0))
            return run.status, [None if np.isnan(value) else value for value in run.output.tolist()]

        context = browser.new_context(**({"viewport": {"width": 900, "height": 1000}} | options))
        contexts.append(context)
        page = context.new_page()
        page.problems = []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        theme, body = (' data-theme="dark"', DARK) if dark else ("", "")
        page.set_content(BLANK.format(theme=theme, body=body, css=source("view/explorer.css")))
        page.expose_function("answer", answer)
        given = {"module": explorer_module(), "spec": explorer._spec, "values": explorer._values()}
        page.evaluate(HOST, given)
        return page

    yield open_page
    for context in contexts:
        context.close()


def opened(page):
    """The second picture, once it is open."""
    page.locator(".ex-network summary").click()
    return page.locator(".ex-network")


def moment(network):
    """The time that it shows, in three digits."""
    return float(re.search(r": (\S+)", network.locator("p").first.inner_text())[1])


def cursor(page):
    return int(page.get_by_role("slider", name="Read the curves").get_attribute("aria-valuenow"))


def test_levels_sink_at_the_time_of_the_cursor(shown):
    explorer = explore("linear", levels=16, N=64, runs=1, alpha_max=10)
    panel = explorer.result.panels["level_errors"]
    errors = np.nan_to_num(panel.values[:, 0])
    page = shown(explorer)
    assert page.locator(".ex-bars svg").count() == 0  # nothing is drawn until it is asked for
    network, reader = opened(page), page.get_by_role("slider", name="Read the curves")
    for key, at in ((None, -1), ("Home", 1), ("PageDown", 1), ("PageUp", 11), ("End", -1)):
        if key:
            reader.press(key)
        assert moment(network) == pytest.approx(panel.times[at], rel=5e-3)  # three digits
        left = float(re.match(r"(\S+) %", network.locator(".ex-bars p").inner_text())[1])
        assert left == pytest.approx(100.0 * errors[at].sum() / errors[0].sum(), rel=5e-3)
        said = network.get_by_role("img").get_attribute("aria-label")
        first, left = re.search(r"from 1: (\S+), (\S+) left;", said).groups()
        assert float(first) == pytest.approx(errors[0, 0] / errors[0].sum(), rel=0.05)  # two digits
        assert left == "0.00" or "×" in left or float(left) == pytest.approx(errors[at, 0] / errors[0].sum(), rel=0.05)
        assert network.locator(".ex-left path").count() == np.count_nonzero(errors[0])
    reader.press("Home")
    reader.blur()
    assert moment(network) == pytest.approx(panel.times[-1], rel=5e-3)  # without a cursor, the last
    assert page.problems == []


def test_overlaps_are_tables_that_can_be_read(shown):
    explorer = explore("flow", students=3, teachers=2, levels=1, N=64, runs=1, alpha_max=10)
    panels = explorer.result.panels
    page = shown(explorer)
    network = opened(page)
    page.get_by_role("slider", name="Read the curves").press("Home")  # before all overlaps are positive
    for name, columns in (("R", 2), ("Q", 3)):
        table = network.get_by_role("table", name=panels_label(explorer, name))
        expect(table.get_by_role("columnheader")).to_have_count(columns)
        expect(table.get_by_role("rowheader")).to_have_text(["student 1", "student 2", "student 3"])
        cells = table.locator("td[data-at]")
        values = panels[name].values[1, :3, :columns].ravel()
        assert (values < -0.01).any()
        for text, value in zip(cells.all_inner_texts(), values, strict=True):
            assert float(text.replace("−", "-")) == pytest.approx(value, rel=0.05, abs=0.005)
    assert page.problems == []


def panels_label(explorer, name):
    return next(panel.label for panel in explorer._experiment.panels if panel.name == name)


def test_what_a_state_does_not_have_is_not_shown(shown):
    page = shown(explore("mitigation", activation=0, runs=1, alpha_max=5.0, levels=2, N=64))
    assert not page.locator(".ex-network").is_visible()
    page.get_by_label("g activation").select_option("linear")
    expect(page.locator(".ex-network")).to_be_visible()


def test_play_runs_the_cursor_until_a_key(shown):
    page = shown(explore("linear", levels=16, N=64, runs=1, alpha_max=10))
    network = opened(page)
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("document.querySelector('.ex-reader').ariaValueNow > 8")
    early = moment(network)
    page.wait_for_function("document.querySelector('.ex-reader').ariaValueNow > 20")
    assert moment(network) > early
    page.keyboard.press("x")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    place = cursor(page)
    page.wait_for_timeout(200)
    assert cursor(page) == place < 160
    # its own button stops it too, and from the keyboard
    page.get_by_role("button", name="Play").press("Enter")
    page.get_by_role("button", name="Stop").press("Enter")
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def test_play_runs_a_control_to_its_end(shown):
    page = shown(explore("linear", levels=8, N=64, runs=1, alpha_max=10))
    page.clock.install(time=0)
    page.clock.pause_at(3_600_000)  # from here on time passes as the test says
    page.get_by_label("What is played").select_option(label="β, exponent of the spectrum")
    page.get_by_role("button", name="Play").click()
    box = page.get_by_label("β, exponent of the spectrum: type a number")
    page.clock.run_for(3000)
    assert float(box.input_value()) == pytest.approx(1.5, abs=0.2)
    page.clock.run_for(3500)
    expect(box).to_have_value("3")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    page.get_by_role("button", name="Play").click()
    page.clock.run_for(1000)
    page.locator(".ex-title").click()
    held = box.input_value()
    page.clock.run_for(1000)
    assert box.input_value() == held != "3"


def test_less_motion_is_one_step_at_a_time(shown):
    page = shown(explore("linear", levels=16, N=64, runs=1, alpha_max=10), reduced_motion="reduce")
    step = page.get_by_role("button", name="Step")
    step.click()
    first = cursor(page)
    page.wait_for_timeout(200)
    assert cursor(page) == first == 13  # a twelfth of 161 points
    step.click()
    assert cursor(page) == 26
