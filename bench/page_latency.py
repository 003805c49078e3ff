"""How long a reader waits: from opening a page to its first live picture, and from a slider's move to the next.

Run as ``python bench/page_latency.py`` after ``make site``, or as the end of ``python bench/run.py``: every explorer of
the built site, served locally, in headless Chromium. Times are the reader's: they begin with navigation or with
the key, and end when the picture has been painted. Moves go through all sliders of an explorer; every other one comes
after a rest, when a simulation is running, the others as fast as a slider is dragged. A busy machine
multiplies all of it. The run is kept as ``bench/results/pages/YYYY-MM-DD.json``.
"""

import datetime
import gzip
import os
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "bench")]

from conftest import served
from kept import keep

from tools.browser import chromium

MOVES = 40
REST, DRAG = 400, 60  # ms before a move; the long part of a run begins after 150
OWN = ("explorers.js", "questions.js", "previews.js")
LISTEN = """
globalThis.pictures = [];
addEventListener("explorer:drawn", ({ target, detail: { since } }) => {
  const painted = new MessageChannel();  // a task behind the frame in which the event came
  painted.port1.onmessage = () => pictures.push({ target, since, at: performance.now() });
  painted.port2.postMessage(0);
});
addEventListener("keydown", (event) => { globalThis.pressed = event.timeStamp; }, true);
"""
FIRST_OF = "root => pictures.find(({ target }) => target === root)?.at"
# A move is answered by the first picture of a run that began after the key, or by a message.
ANSWER = """root => pictures.find(({ target, since }) => target === root && since >= pressed)?.at
  ?? (root.classList.contains("ex-stale") ? "refused" : undefined)"""


def moves(page, root):
    """Milliseconds from key to picture, one for each move that has a picture."""
    root_handle, sliders = root.element_handle(), root.locator("input[type=range]").all()
    for number in range(MOVES):
        slider = sliders[number % len(sliders)]
        slider.focus()
        page.wait_for_timeout(REST if number % 2 else DRAG)
        before = slider.input_value()
        page.evaluate("pictures.length = 0")
        page.keyboard.press("ArrowRight" if number // len(sliders) % 2 == 0 else "ArrowLeft")
        if slider.input_value() == before:  # it stands at its end
            continue
        answer = page.wait_for_function(ANSWER, arg=root_handle).json_value()
        if answer != "refused":
            yield answer - page.evaluate("pressed")


def weight(site, page):
    """Bytes of the page's own scripts, as a server sends them."""
    text = page.read_text(encoding="utf-8")
    return sum(len(gzip.compress((site / "_static" / name).read_bytes())) for name in OWN if f"/{name}" in text)


def measure(browser, address, path, number, site):
    """Open a page and play with its explorer of that number: a row of the table."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.add_init_script(LISTEN)
    page.goto(f"{address}/book/{path.name}", wait_until="commit")
    root = page.locator(".explorer").nth(number)
    root.scroll_into_view_if_needed()
    first = page.wait_for_function(FIRST_OF, arg=root.element_handle()).json_value()
    waits = list(moves(page, root))
    row = {
        "page": path.stem,
        "explorer": root.get_attribute("data-explorer"),
        "first": first,
        "moves": len(waits),
        "median": np.median(waits),
        "late": np.quantile(waits, 0.95),
        "bytes": weight(site, path),
    }
    page.close()
    return row


def main(site=ROOT / "_build" / "html"):
    load, rows = os.getloadavg(), []
    with served(site) as address, chromium() as browser:
        if browser is None or not (site / "book").is_dir():
            print(f"pages not measured: {'no Chromium' if browser is None else f'no site in {site}: make site'}")
            return
        version = browser.version
        print(
            f"\n{'page':14}{'explorer':14}{'first picture':>14}{'move, median':>15}{'95 %':>10}"
            f"{'moves':>8}{'own kB':>8}"
        )
        for path in sorted((site / "book").glob("*.html")):
            for number in range(path.read_text(encoding="utf-8").count('data-explorer="')):
                row = measure(browser, address, path, number, site)
                rows.append(row)
                print(
                    f"{row['page']:14}{row['explorer']:14}{row['first']:11.0f} ms{row['median']:12.0f} ms"
                    f"{row['late']:7.0f} ms{row['moves']:8}{row['bytes'] / 1000:8.1f}",
                    flush=True,
                )
    record = {
        "date": datetime.date.today().isoformat(),
        "Chromium": version,
        "load": [load, os.getloadavg()],
        "rows": rows,
    }
    path = keep(record, ROOT / "bench" / "results" / "pages")
    print(f"load {load[0]:.1f} at the start, {os.getloadavg()[0]:.1f} at the end; kept in {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
