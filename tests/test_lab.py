"""Chapters in JupyterLab itself: opened in a browser, run, played with, and read from Python.

``LAB=all pytest tests/test_lab.py`` takes every chapter, some minutes; without it the shortest two stand for all.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from conftest import ROOT
from jupyter_client import BlockingKernelClient

CHAPTERS = sorted(path.stem for path in (ROOT / "book").glob("*.ipynb"))
SHORT = ["preface", "asymptotics"]  # an explorer; and questions
PATIENCE = 900  # seconds for a chapter to run where the kernels must be compiled first, or the machine is busy
FIND = "next(value for value in reversed(list(Out.values())) if isinstance(value, __import__('lib').widgets.Explorer))"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab as `make lab` starts it, with nobody's settings: its address and the folder of its files."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(ROOT / "book", folder / "book", ignore=shutil.ignore_patterns("_*", ".*"))
    # Off the screen Lab may leave cells out of the document; the tests look at all of them.
    settings = folder / "config" / "lab" / "user-settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    (settings / "tracker.jupyterlab-settings").write_text('{"windowingMode": "none"}')
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "IPYTHONDIR": "ipython",
    }
    environment = os.environ | {name: str(folder / place) for name, place in places.items()} | {"PYTHONPATH": str(ROOT)}
    with open(folder / "log", "w") as log:
        server = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "jupyterlab",
                "--no-browser",
                "--allow-root",
                f"--ServerApp.port={port}",
                "--ServerApp.port_retries=0",
                "--IdentityProvider.token=",
                "--LabApp.news_url=None",
                f"--ServerApp.root_dir={folder / 'book'}",
            ],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        wait(lambda: fetched(f"{address}/api/status"), 60, f"no server: {(folder / 'log').read_text()[-1000:]}")
        yield address, folder
    finally:
        server.terminate()  # and with it its kernels
        server.wait(30)


def fetched(address):
    try:
        with urllib.request.urlopen(address) as answer:
            return json.load(answer)
    except OSError:
        return None


def wait(true, seconds, otherwise):
    """What ``true()`` gives, once it gives something."""
    end = time.monotonic() + seconds
    while not (value := true()):
        assert time.monotonic() < end, otherwise
        time.sleep(0.2)
    return value


@pytest.fixture
def opened(lab, browser):
    """Open a chapter, run all its cells, and give the page and a function that evaluates Python in its kernel."""
    address, folder = lab
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    clients = []

    def run(name):
        page = context.new_page()
        page.set_default_timeout(1000 * PATIENCE)
        page.goto(f"{address}/lab/tree/{name}.ipynb?reset")
        page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        page.wait_for_function(  # every code cell that has a source has a number
            """() => [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")]
                .every(prompt => /\\d/.test(prompt.textContent))"""
        )
        session = next(item for item in fetched(f"{address}/api/sessions") if item["path"] == f"{name}.ipynb")
        client = BlockingKernelClient(
            connection_file=str(folder / "runtime" / f"kernel-{session['kernel']['id']}.json")
        )
        client.load_connection_file()
        client.start_channels()
        clients.append(client)

        def python(expression):
            reply = client.execute("", silent=True, user_expressions={"it": expression}, reply=True, timeout=PATIENCE)
            result = reply["content"]["user_expressions"]["it"]
            assert result["status"] == "ok", result
            return eval(result["data"]["text/plain"], {"nan": float("nan")})

        return page, python

    yield run
    for client in clients:
        client.shutdown()
        client.stop_channels()
    context.close()


@pytest.mark.parametrize("name", CHAPTERS if os.environ.get("LAB") == "all" else SHORT)
def test_a_chapter_runs_and_its_explorer_is_the_kernel_s(opened, name):
    page, python = opened(name)
    failed = page.locator(
        '[data-mime-type="application/vnd.jupyter.error"], [data-mime-type="application/vnd.jupyter.stderr"]'
    )
    assert failed.all_inner_texts() == []
    assert page.get_by_text("Error displaying widget").count() == 0

    for explorer in page.locator(".explorer").all()[-1:]:  # the one that `FIND` finds
        picture = explorer.locator("svg[role=img]")
        picture.wait_for()
        slider = explorer.locator("input[type=range]").first
        number = explorer.locator("input[inputmode]").first
        control = python(f"[c['name'] for c in {FIND}._spec['controls'] if not (c['choice_labels'] or c['more'])][0]")
        # The slider moves the state in Python, which gives the numbers of the picture …
        before, drawn = python(f"{FIND}.{control}"), picture.inner_html()
        slider.press("ArrowRight")
        page.wait_for_function("([svg, drawn]) => svg.innerHTML !== drawn", arg=[picture.element_handle(), drawn])
        after = python(f"{FIND}.{control}")
        assert after > before and after == float(number.input_value())
        assert python(f"len({FIND}.result)") == explorer.locator(".ex-legend button").count()
        # … and the state set in Python moves slider and picture.
        drawn = picture.inner_html()
        python(f"setattr({FIND}, {control!r}, {before!r})")
        page.wait_for_function("([svg, drawn]) => svg.innerHTML !== drawn", arg=[picture.element_handle(), drawn])
        assert float(number.input_value()) == before

    for question in page.locator(".question").all()[:1]:
        field = question.locator("input, select")
        answer = python(
            "(lambda course: course.key(next(value for value in Out.values() if isinstance(value, course.Question))"
            "._name).answer)(__import__('lib').course)"
        )
        for given, verdict in [("-1e99", "No."), (f"{answer}", "Right.")]:
            if field.evaluate("node => node.tagName") == "INPUT":
                field.fill(given)
                field.press("Enter")  # not Jupyter's to handle
            elif verdict == "Right.":
                field.select_option(given)
                question.get_by_role("button", name="Check").click()
            else:
                continue
            question.get_by_text(verdict).wait_for()


def test_the_text_plays_the_explorer_and_python_pins_it(opened):
    page, python = opened("preface")
    explorer = page.locator(".explorer").last
    explorer.locator("svg[role=img]").wait_for()
    page.get_by_role("link", name="to 1/2", exact=True).last.click()
    wait(lambda: python(f"{FIND}.beta") == 0.5, PATIENCE, "the link did not reach the kernel")
    explorer.get_by_role("button", name="Pin this state").click()
    wait(lambda: [state["beta"] for state in python(f"{FIND}.pins")] == [0.5], PATIENCE, "the pin did not")
    python(f"{FIND}.preset('straight-line')")
    python(f"{FIND}.pin()")
    explorer.get_by_text("β = 0.25: fitted over the window").wait_for()
    explorer.get_by_role("button", name="Remove pin 2").wait_for()
    assert explorer.locator(".ex-readouts small").count() == 2 * python(f"len({FIND}.result.readouts)")
