"""How long a reader waits: from opening a chapter to its first live picture, and from a key on a slider to the next.

Run as ``python bench/page_latency.py`` after ``make site``; about a minute. Times are those of the page's own event
``explorer:drawn`` in headless Chromium on a served site, medians and 95th percentiles over all presses.
"""

import sys
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from conftest import BROWSERS, FLAGS, served  # noqa: E402

PRESSES = 30
LISTEN = """
globalThis.drawn = [];
addEventListener("explorer:drawn", event => drawn.push([event.target.dataset.explorer, performance.now(), event.detail.ms]));
"""


def main():
    import shutil

    executable = next(filter(None, map(shutil.which, BROWSERS)))
    pages = sorted(p.stem for p in (ROOT / "_build/html/book").glob("*.html") if 'data-explorer="' in p.read_text())
    with served(ROOT / "_build" / "html") as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        print(f"{'page':14s} {'first picture':>14s} {'key to picture, median':>24s} {'95 %':>8s}")
        for name in pages:
            page = browser.new_context().new_page()
            page.add_init_script(LISTEN)
            page.goto(f"{address}/book/{name}.html")
            explorer = page.locator(".explorer").first
            explorer.scroll_into_view_if_needed()
            page.wait_for_function("drawn.length > 0")
            first = page.evaluate("drawn[0][1]")
            slider = explorer.locator("input[type=range]").first
            waits = []
            for press in range(PRESSES):
                page.wait_for_timeout(100)
                page.evaluate("drawn.length = 0")
                slider.press("ArrowRight" if press < PRESSES // 2 else "ArrowLeft")
                page.wait_for_function("drawn.length > 0")
                waits.append(page.evaluate("drawn[0][2]"))
            print(f"{name:14s} {first:11.0f} ms {np.median(waits):21.0f} ms {np.quantile(waits, 0.95):5.0f} ms")
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
