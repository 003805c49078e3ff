"""How long a reader waits, what a page weighs, and what an explorer leaves of the window.

Run as ``python bench/page_latency.py [SITE] [EXPLORER ...]`` after ``make site``, or as the end of
``python bench/run.py``: every explorer of a built site, or those that are named, served locally, in headless Chromium.

Times are the reader's. "First" is from the page's first text to its first live picture, when a link opens the page at
the explorer. A move begins with the key and ends when the picture has been painted, which comes at most one frame,
16.7 ms, after it has been drawn. Moves go through all sliders of an explorer, from its default; every other one comes
after a rest, when a simulation is running, the others as fast as a slider is dragged. A busy machine multiplies all of
it. Weights are as a server sends them, compressed. The run on the book's own site is kept as
``bench/results/pages/YYYY-MM-DD.json``.
"""

import datetime
import gzip
import json
import os
import re
import sys
from collections import Counter
from pathlib import Path
from urllib.parse import unquote, urlparse

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "bench")]

from conftest import served
from kept import keep

from tools.browser import chromium

MOVES = 40
REST, DRAG = 400, 60  # ms before a move; the long part of a run begins after 150
WINDOWS = ((1366, 768), (1366, 650), (1024, 640), (768, 1024), (390, 844), (844, 390))
LISTEN = """
globalThis.pictures = [];
addEventListener("explorer:drawn", ({ target, detail: { since } }) => {
  const drawn = performance.now();
  const painted = new MessageChannel();  // a task behind the frame in which the event came
  painted.port1.onmessage = () => pictures.push({ target, since, drawn, at: performance.now() });
  painted.port2.postMessage(0);
});
addEventListener("keydown", (event) => { globalThis.pressed = event.timeStamp; }, true);
"""
FIRST = "root => pictures.find(({ target }) => target === root)?.at"
TEXT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
# A move is answered by the first picture of a run that began after the key, or by a message.
ANSWER = """root => pictures.find(({ target, since }) => target === root && since >= pressed)
  ?? (root.classList.contains("ex-stale") ? "refused" : undefined)"""
# How high the explorer is, how many of its controls fit into the window together with the whole picture, at the best
# place of the page, and whether read-outs do.
LAYOUT = """root => {
  const head = parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--ex-page-head")) * 16 || 0;
  const nodes = (selector) => [...root.querySelectorAll(selector)].filter((node) => node.offsetHeight);
  const [picture, controls, readouts] = [nodes(".ex-plot")[0], nodes(".ex-control"), nodes(".ex-readouts")];
  const seen = (node) => {
    const { top, bottom } = node.getBoundingClientRect();
    return top >= head - 1 && bottom <= innerHeight + 1;
  };
  let [most, numbers] = [0, false];
  const begin = root.getBoundingClientRect().top + scrollY - innerHeight;
  for (let y = Math.max(0, begin); y < begin + innerHeight + root.offsetHeight; y += 20) {
    scrollTo({ top: y, behavior: "instant" });
    if (!seen(picture)) continue;
    most = Math.max(most, controls.filter(seen).length);
    numbers ||= readouts.some(seen);
  }
  return { height: root.offsetHeight, picture: picture.offsetHeight, controls: most, of: controls.length,
    readouts: numbers };
}"""
# What a page loads, by the first pattern that its address matches.
KINDS = {
    "our programs": r"/(explorers|questions|previews|formulas|frame)\.js$",
    "our styles": r"/book\.css$",
    "MathJax": r"/mathjax/.*\.js$",
    "its fonts": r"/mathjax/.*\.woff2?$",
    "icons": r"fontawesome|/fa-\w+-\d+\.|webfonts",
    "search": r"/(searchtools|language_data|searchindex)\.js$",
    "theme's programs": r"\.js$",
    "theme's styles": r"\.css$",
    "text": r"\.html$",
    "pictures": r"\.(png|svg|jpg|webp)$",
}


def explorers(path):
    """Name and the link's state, its first control at the default, of every explorer of a page."""
    text = path.read_text(encoding="utf-8")
    found = re.findall(r'data-explorer="([^"]+)">\s*<script type="application/json">(.*?)</script>', text, re.DOTALL)
    return [(name, next(iter(json.loads(content)["values"].items()))) for name, content in found]


def moves(page, root):
    """Milliseconds from key to drawn and to painted picture, a pair for each move that has a picture."""
    root_handle, sliders = root.element_handle(), root.locator("input[type=range]:visible").all()
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
            pressed = page.evaluate("pressed")
            yield answer["drawn"] - pressed, answer["at"] - pressed


def weights(site, addresses):
    """Bytes by kind of what a page asked for, as a server sends it."""
    total = Counter()
    for address in addresses:
        file = site / unquote(urlparse(address).path).lstrip("/")
        kind = next((kind for kind, pattern in KINDS.items() if re.search(pattern, urlparse(address).path)), "other")
        if urlparse(address).scheme == "http" and file.is_file():
            content = file.read_bytes()
            total[kind] += min(len(content), len(gzip.compress(content)))
    return dict(total)


def measure(browser, address, site, path, number):
    """Open a page at its explorer of that number and play with it: a row of the table."""
    name, (control, value) = explorers(path)[number]
    places = [other for other, _ in explorers(path)][:number]
    link = f"{name}-{places.count(name) + 1}" if name in places else name
    page, asked = browser.new_page(viewport={"width": 1280, "height": 900}), []
    page.on("request", lambda request: asked.append(request.url))
    page.add_init_script(LISTEN)
    page.goto(f"{address}/book/{path.name}#{link}:{control}={value}", wait_until="commit")
    root = page.locator(".explorer").nth(number)
    root.wait_for(state="attached")
    first = page.wait_for_function(FIRST, arg=root.element_handle()).json_value()
    text = page.evaluate(TEXT) or 0.0
    page.wait_for_load_state("networkidle")
    waits = np.array(list(moves(page, root)))
    drawn, painted = waits.T
    row = {
        "page": path.stem,
        "explorer": name,
        "text": text,
        "first": first - text,
        "moves": len(waits),
        "drawn": [np.median(drawn), np.quantile(drawn, 0.95)],
        "median": np.median(painted),
        "late": np.quantile(painted, 0.95),
        "weights": weights(site, set(asked)),
        "windows": [],
    }
    for width, height in WINDOWS:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(100)
        row["windows"].append({"window": [width, height]} | root.evaluate(LAYOUT))
    page.close()
    return row


def table(head, rows):
    """Print a table, each column as wide as it needs."""
    cells = [[f"{cell:.0f}" if isinstance(cell, float) else str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(map(len, column)) for column in zip(*cells)]
    print(*("  ".join(map(str.rjust, row, widths)) for row in cells), "", sep="\n")


def report(rows):
    times = [(r["page"], r["explorer"], r["text"], r["first"], *r["drawn"], r["median"], r["late"]) for r in rows]
    print("\nMilliseconds: text, first picture after it, a move drawn (median, 95 %), painted (median, 95 %)")
    table(["page", "explorer", "text", "first", "drawn", "95 %", "painted", "95 %"], times)
    print("Height in pixels, its picture's; controls seen together with the picture of all, * with the read-outs")
    layouts = [
        [row["explorer"]]
        + [
            f"{w['height']} ({w['picture']}) {w['controls']}/{w['of']}{'*' if w['readouts'] else ''}"
            for w in row["windows"]
        ]
        for row in rows
    ]
    table(["explorer", *(f"{width} x {height}" for width, height in WINDOWS)], layouts)
    print("Kilobytes, compressed")
    kinds = [kind for kind in [*KINDS, "other"] if any(kind in row["weights"] for row in rows)]
    pages = {row["page"]: row["weights"] for row in rows}
    table(
        ["page", *kinds, "sum"],
        [
            [name, *(f"{found.get(kind, 0) / 1000:.1f}" for kind in kinds), f"{sum(found.values()) / 1000:.1f}"]
            for name, found in pages.items()
        ],
    )


def main(site=ROOT / "_build" / "html", *names):
    load, rows = os.getloadavg(), []
    with served(site) as address, chromium() as browser:
        if browser is None or not (site / "book").is_dir():
            print(f"pages not measured: {'no Chromium' if browser is None else f'no site in {site}: make site'}")
            return
        version = browser.version
        for path in sorted((site / "book").glob("*.html")):
            for number, (name, _) in enumerate(explorers(path)):
                if not names or name in names:
                    print(f"{path.stem}: {name}", file=sys.stderr)
                    rows.append(measure(browser, address, site, path, number))
    report(rows)
    print(f"load {load[0]:.1f} at the start, {os.getloadavg()[0]:.1f} at the end")
    if site == ROOT / "_build" / "html" and not names:
        record = {
            "date": datetime.date.today().isoformat(),
            "Chromium": version,
            "load": [load, os.getloadavg()],
            "rows": rows,
        }
        print(f"kept in {keep(record, ROOT / 'bench' / 'results' / 'pages').relative_to(ROOT)}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]), *sys.argv[2:])
