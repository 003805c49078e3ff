"""The build itself, on a toy book with the real settings and the real extension."""

import json
import shutil

import nbformat
import pytest
from conftest import ROOT, build_book

TOC = "format: jb-book\nroot: book/preface\nchapters:\n  - file: book/live\n  - file: book/references\n"
PREFACE = ["import lib\n\nprint('the answer is', lib.ANSWER)"]
# An explorer as the page sees it, and a widget whose state myst-nb would write into the page.
LIVE = ["import ipywidgets\nfrom IPython.display import HTML, display\n\n"
        "display(HTML('<div class=\"explorer\" data-explorer=\"toy\"></div>'))\n"
        "ipywidgets.IntSlider(description='toy-slider')"]


def write_notebook(path, title, cells, text=""):
    notebook = nbformat.v4.new_notebook()
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.cells = [nbformat.v4.new_markdown_cell(f"# {title}\n\n{text}"), *map(nbformat.v4.new_code_cell, cells)]
    nbformat.write(notebook, path)


@pytest.fixture(scope="module")
def finished_book(tmp_path_factory):
    """A toy book, built once."""
    folder = tmp_path_factory.mktemp("toy")
    (folder / "lib" / "widgets").mkdir(parents=True)
    (folder / "lib" / "__init__.py").write_text("ANSWER = 41\n")
    (folder / "lib" / "widgets" / "__init__.py").write_text("")
    (folder / "lib" / "widgets" / "wasm.py").write_text(
        "class BuildError(Exception):\n    pass\n\n\ndef build():\n    return b'toy module'\n")
    (folder / "lib" / "widgets" / "explorer.py").write_text(
        "def page_script(wasm):\n    return f'// explorers: {wasm.decode()}'\n")
    (folder / "lib" / "course.py").write_text("def page_script():\n    return '// questions'\n")
    for name in ("_config.yml", "requirements.txt"):
        shutil.copy(ROOT / name, folder)
    for name in ("_ext", "_style"):
        shutil.copytree(ROOT / "book" / name, folder / "book" / name)
    for name in ("references.md", "references.bib"):
        shutil.copy(ROOT / "book" / name, folder / "book")
    (folder / "_toc.yml").write_text(TOC)
    math = "See {eq}`eq-toy` and {cite:t}`saad1995exact`.\n\n```{math}\n:label: eq-toy\nx = 1\n```"
    write_notebook(folder / "book" / "preface.ipynb", "Preface", PREFACE, math)
    write_notebook(folder / "book" / "live.ipynb", "Live", LIVE)
    result = build_book(folder)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


@pytest.fixture
def book(finished_book, tmp_path):
    """A copy of the toy book to change; its execution cache comes with it."""
    return shutil.copytree(finished_book, tmp_path / "book")


def page(folder, name):
    return (folder / "_build" / "html" / "book" / f"{name}.html").read_text()


def test_editing_only_the_library_changes_the_page(book):
    assert "the answer is 41" in page(book, "preface")
    (book / "lib" / "__init__.py").write_text("ANSWER = 42\n")
    assert build_book(book).returncode == 0
    assert "the answer is 42" in page(book, "preface")


def test_nothing_is_executed_when_only_prose_changes(book):
    path = book / "book" / "preface.ipynb"
    notebook = json.loads(path.read_text())
    notebook["cells"][0]["source"] += "\n\nOne more sentence."
    path.write_text(json.dumps(notebook))
    result = build_book(book)
    assert result.returncode == 0
    assert "One more sentence." in page(book, "preface")
    assert "Using cached notebook" in result.stdout + result.stderr
    assert "Executing notebook" not in result.stdout + result.stderr


def test_a_failing_cell_fails_the_build(book):
    write_notebook(book / "book" / "preface.ipynb", "Preface", ["assert 1 + 1 == 3, 'a false claim'"])
    result = build_book(book)
    assert result.returncode != 0
    assert "a false claim" in result.stdout + result.stderr


def test_a_warning_fails_this_build_and_the_next(book):
    write_notebook(book / "book" / "preface.ipynb", "Preface", PREFACE, "See {eq}`no-such-equation`.")
    for _ in range(2):
        result = build_book(book)
        assert result.returncode != 0
        assert "no-such-equation" in result.stdout + result.stderr


def test_explorers_are_loaded_once_and_only_where_there_is_one(finished_book):
    assert page(finished_book, "live").count("_static/explorers.js") == 1
    assert "explorers.js" not in page(finished_book, "preface")
    assert "toy module" in (finished_book / "_build" / "html" / "_static" / "explorers.js").read_text()


def test_a_kernel_that_does_not_compile_fails_the_build(book):
    wasm = book / "lib" / "widgets" / "wasm.py"
    wasm.write_text(wasm.read_text().replace("return b'toy module'", "raise BuildError('kernel toy needs malloc')"))
    result = build_book(book)
    assert result.returncode != 0
    assert "kernel toy needs malloc" in result.stderr


def test_widget_state_stays_out_of_the_page(finished_book):
    assert "toy-slider" in (finished_book / "book" / "live.ipynb").read_text()
    assert "widget-state" not in page(finished_book, "live")


def test_equations_and_citations_are_numbered_and_linked(finished_book):
    assert 'href="#equation-eq-toy">(1)</a>' in page(finished_book, "preface")
    assert "Saad and Solla" in page(finished_book, "preface")
    assert "Saad and Solla, 1995a" in page(finished_book, "references")


@pytest.mark.parametrize("path", sorted((ROOT / "book").glob("*.ipynb")), ids=lambda path: path.stem)
def test_chapter_is_stored_with_its_outputs(path):
    # For GitHub's view, and for nbval, which compares the cells marked NBVAL_CHECK_OUTPUT with them.
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), "run `make outputs`"
    checked = [cell for cell in code if "NBVAL_CHECK_OUTPUT" in cell.source]
    assert checked and all(cell.outputs for cell in checked)
    # A widget's state is a copy of its program; it belongs to the page, not to the chapter.
    assert "widgets" not in notebook.metadata


def test_mathjax_is_small_enough_to_serve_and_complete(finished_book):
    mathjax = finished_book / "_build" / "html" / "_static" / "mathjax"
    assert "_static/mathjax/tex-chtml.js" in page(finished_book, "preface")
    # What the component loads by itself: fonts; and on demand: a TeX extension, the reader's menu.
    for file in ("output/chtml/fonts/woff-v2/MathJax_Main-Regular.woff", "input/tex/extensions/boldsymbol.js",
                 "output/svg.js", "a11y/explorer.js", "sre/mathmaps/en.json"):
        assert (mathjax / file).is_file(), file
    size = sum(path.stat().st_size for path in mathjax.rglob("*"))
    assert size < 8e6   # the package has 24 MB
