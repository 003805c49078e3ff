"""JupyterLab as a student meets it: a notebook with a question, stored and run, in a browser."""

import os
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest
from conftest import ROOT

from lib import course

START = 90  # seconds that the server may take


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a JupyterLab whose folder holds one notebook, with outputs that it does not trust."""
    folder = tmp_path_factory.mktemp("lab")
    output = nbformat.v4.new_output("display_data", {"text/html": course.question("linear-isotropic")._repr_mimebundle_()[0]["text/html"]})
    cells = [nbformat.v4.new_code_cell("from lib import course"),
             nbformat.v4.new_code_cell('course.question("linear-isotropic")', outputs=[output])]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    (folder / "work").mkdir()
    nbformat.write(notebook, folder / "work" / "question.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}", "--ServerApp.token=",
               "--ServerApp.password=", f"--ServerApp.root_dir={folder / 'work'}"]
    own = {"PYTHONPATH": str(ROOT), "JUPYTER_CONFIG_DIR": str(folder / "config"), "JUPYTER_DATA_DIR": str(folder / "data"),
           "JUPYTER_RUNTIME_DIR": str(folder / "run")}
    with open(folder / "log", "w") as log:
        server = subprocess.Popen(command, env=os.environ | own, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(START):
            try:
                urllib.request.urlopen(f"{address}/api")
                break
            except OSError:
                time.sleep(1)
        else:
            pytest.fail((folder / "log").read_text()[-2000:])
        yield address
    finally:
        server.terminate()
        server.wait()


def test_a_question_is_read_before_and_answered_after_its_cell_has_run(lab, browser):
    page = browser.new_page()
    page.set_default_timeout(90_000)
    page.goto(f"{lab}/lab/tree/question.ipynb")
    ask = course.key("linear-isotropic").ask
    output = page.locator(".jp-OutputArea-output")
    # As stored, from somebody else: the plain line. Nothing of a stranger's notebook may run.
    output.get_by_text(f"{ask} (answer on the page)").wait_for()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    field = output.get_by_label(ask)
    field.fill("1")
    field.press("Enter")
    output.get_by_text("Right.").wait_for()
    page.close()
