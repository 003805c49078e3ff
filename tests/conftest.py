"""What several test modules share: the built site, and a browser to read it with."""

import contextlib
import fcntl
import functools
import http.server
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tools.browser import BROWSERS, chromium

ROOT = Path(__file__).parents[1]


def build_book(folder, *options):
    """Run the strict build, as ``make site`` does, and return the finished process."""
    program = str(Path(sys.executable).with_name("jupyter-book"))
    command = [program, "build", str(folder), "-W", "--keep-going", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@contextlib.contextmanager
def served(folder):
    """Serve a folder on a free local port; gives the address."""
    class Handler(http.server.SimpleHTTPRequestHandler):
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


@pytest.fixture(scope="session")
def browser():
    """The system's Chromium; tests that need it are skipped where there is none."""
    with chromium() as browser:
        if browser is None:
            pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
        yield browser
