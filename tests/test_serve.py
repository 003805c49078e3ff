"""`make book` serves the site, and says what is wrong with a port."""

import subprocess
import sys
import urllib.request

import pytest
from conftest import ROOT

from tools.serve import main, server


def test_it_serves_the_folder_until_it_is_ended(tmp_path):
    (tmp_path / "index.html").write_text("the book")
    command = [sys.executable, ROOT / "tools" / "serve.py", tmp_path, "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "\n"
        address = process.stdout.readline().split()[2]
        with urllib.request.urlopen(address) as page:
            assert page.read() == b"the book"
        process.terminate()


@pytest.mark.parametrize(
    "port, words", [("80800", "from 1 to 65535"), ("eighty", "from 1 to 65535"), ("-1", "from 1 to")]
)
def test_what_is_no_port(port, words, tmp_path):
    assert main(tmp_path, port).startswith(f"PORT = {port}: ") and words in main(tmp_path, port)


def test_a_port_in_use(tmp_path):
    with server(tmp_path, 0) as taken:
        assert "it is in use" in main(tmp_path, str(taken.server_port))
