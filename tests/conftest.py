"""What several test modules share: the built site, and a browser to read it with."""

import contextlib
import fcntl
import functools
import http.server
import subprocess
import sys
import threading
from html.parser import HTMLParser
from pathlib import Path

import psutil
import pytest
import yaml
from nbval.plugin import IPyNbCell

from lib.book.claims import MIME
from tools.browser import BROWSERS, chromium

ROOT = Path(__file__).parents[1]
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
PAGES = [TOC["root"], *(chapter["file"] for part in TOC["parts"] for chapter in part["chapters"])]
# Notebooks that are no chapter: the gallery shows pictures alone.
PICTURES = "book/gallery"
APPENDICES = {
    chapter["file"] for part in TOC["parts"] if part["caption"] == "Appendices" for chapter in part["chapters"]
}
# Pages that must have an explorer: all that compute, but for the appendices, which are looked up, not played with.
CHAPTERS = [
    name for name in PAGES if (ROOT / f"{name}.ipynb").is_file() and name not in APPENDICES and name != PICTURES
]


def build_book(folder, *options):
    """Run the strict build, as ``make site`` does, and return the finished process."""
    program = str(Path(sys.executable).with_name("jupyter-book"))
    command = [program, "build", str(folder), "-W", "--keep-going", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@contextlib.contextmanager
def served(folder, mathematics=True, headers=()):
    """Serve a folder on a free local port, if wanted with empty files in place of MathJax; gives the address.

    ``headers`` are pairs that every answer has besides its own.
    """

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            if mathematics or "/mathjax/" not in self.path:
                return super().do_GET()
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript")
            self.end_headers()

        def end_headers(self):
            for header in headers:
                self.send_header(*header)
            super().end_headers()

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def site():
    """The folder of the book's site, built now: a few seconds when nothing has changed."""
    (ROOT / "_build").mkdir(exist_ok=True)
    with open(ROOT / "_build" / "lock", "w") as lock:  # two processes of pytest may ask at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = build_book(ROOT)
    # Every test of the site repeats this message: only the end of the log.
    assert result.returncode == 0, f"the book does not build:\n{(result.stdout + result.stderr)[-2000:]}"
    return ROOT / "_build" / "html"


@pytest.fixture(scope="session")
def site_address(site):
    """The address at which the site is served."""
    with served(site) as address:
        yield address


# What a call says of a page that stands still, or whose process was ended.
AGAIN = ["^TimeoutError: ", "Target crashed", "Target page, context or browser has been closed"]
# Fixtures that need the book built, or the toy book of test_book.py.
BUILT = {"site", "finished_book"}


def pytest_collection_modifyitems(items):
    """Mark each test by what it needs, so that ``pytest -m "not site"`` and ``make check`` can leave it out.

    ``browser`` and ``site`` follow from the test's fixtures. ``slow`` is set by hand, with a reason that measures:
    ``@pytest.mark.slow("one minute: a run of 10^8 steps")``.

    A test in Chromium gets a second try when it waited in vain: now and then headless Chromium stops drawing a page,
    through no fault of the page, and whoever waits for an animation frame waits until the time is up. The cure is a new
    page. A page that is at fault fails twice, and the summary lists what was tried again.
    """
    for item in items:
        if isinstance(item, IPyNbCell):  # what a claim says to programs it says to readers, whose text is compared
            item.parent.skip_compare = {*item.parent.skip_compare, MIME}
            continue
        fixtures = set(getattr(item, "fixturenames", ()))
        if fixtures & {"browser", "engine"}:
            item.add_marker(pytest.mark.browser)
        if "browser" in fixtures:
            item.add_marker(pytest.mark.flaky(reruns=1, only_rerun=AGAIN))
        if fixtures & BUILT:
            item.add_marker(pytest.mark.site)
        slow = item.get_closest_marker("slow")
        if slow is not None and not (slow.args and isinstance(slow.args[0], str)):
            raise pytest.UsageError(f'{item.nodeid}: marked slow without a reason: @pytest.mark.slow("why")')


@pytest.fixture(scope="session")
def browser():
    """The system's Chromium; tests that need it are skipped where there is none."""
    with chromium() as browser:
        if browser is None:
            pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
        yield browser


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


PATIENCE = 300  # seconds: no call of a test in a browser takes as long, on any machine that can run the tests at all


@pytest.fixture(autouse=True)
def _end_what_hangs(request):
    """Now and then a page of headless Chromium stands still for good, and calls that know no timeout wait for it.

    Its process is then ended: the call says that its target crashed, and the test gets its second try, with a new page.
    """
    if "browser" not in request.fixturenames:
        yield
        return

    def end():
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if "--type=renderer" in process.cmdline():
                    process.kill()

    timer = threading.Timer(PATIENCE, end)
    timer.start()
    yield
    timer.cancel()


@contextlib.contextmanager
def visits(browser, site_address):
    """A function that opens a page of the site in a context of its own; fails at the end on errors and on requests to
    another host.

    ``mathematics=False`` leaves out MathJax, for whoever does not look at formulas and should not wait for them.
    """
    contexts, foreign, errors = [], [], []

    def open_page(name, base=site_address, mathematics=True, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()

        def answer(route):
            if "/mathjax/" in route.request.url and not mathematics:
                route.fulfill(body="", content_type="text/javascript")
            elif route.request.url.startswith((base, "blob:", "data:")):
                route.continue_()
            else:
                foreign.append(route.request.url)
                route.abort()

        context.route("**/*", answer)
        page.on("pageerror", lambda error: errors.append(f"{name}: {error}"))
        page.on("console", lambda message: message.type == "error" and errors.append(f"{name}: {message.text}"))
        page.on(
            "response",
            lambda response: response.status >= 400 and errors.append(f"{name}: {response.status} {response.url}"),
        )
        page.goto(f"{base}/{name}", wait_until="load")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not foreign, f"requests to another host: {foreign}"
    assert not errors


@pytest.fixture
def visit(browser, site_address):
    """A function that opens a page of the site: :func:`visits`."""
    with visits(browser, site_address) as open_page:
        yield open_page


def wait_for_mathematics(page):
    """Have all formulas set; by itself a page sets those that are nearly seen."""
    page.evaluate("setFormulas()")


def read_through(page):
    """Scroll from top to bottom, as a reader does: explorers start when they come near."""
    page.evaluate("""async () => {
        for (let y = 0; y < document.body.scrollHeight; y += window.innerHeight) {
            window.scrollTo(0, y);
            await new Promise(done => setTimeout(done, 50));
        }
    }""")


def move_explorers(page):
    """Wait until every explorer of a page has its live picture, move a slider of each, and see the picture follow."""
    for explorer in page.locator(".explorer").all():
        explorer.scroll_into_view_if_needed()
        picture = explorer.locator("svg[role=img]")
        picture.wait_for()
        assert "".join(explorer.locator(".ex-problem").all_inner_texts()) == ""
        before = picture.inner_html()
        explorer.locator("input[type=range]").first.press("ArrowRight")
        page.wait_for_function("([svg, before]) => svg.innerHTML !== before", arg=[picture.element_handle(), before])
        assert "".join(explorer.locator(".ex-problem").all_inner_texts()) == ""
