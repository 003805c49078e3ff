"""The build itself, on a toy book with the real settings and the real extension."""

import json
import os
import re
import shutil
import site
import subprocess
import venv
import zipfile
from types import SimpleNamespace
from xml.etree import ElementTree

import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup
from conftest import ROOT, build_book, served
from fontTools.ttLib import TTFont
from jupyter_cache import get_cache
from matplotlib.image import imread
from myst_nb.core.config import NbParserConfig
from myst_parser.config.main import MdParserConfig
from pypdf import PdfReader

from tools import epub, pdf

TOC = (
    "format: jb-book\nroot: book/preface\nchapters:\n  - file: book/live\n  - file: book/claims\n"
    "  - file: book/symbols\n"
    "  - file: book/api\n  - file: book/references\n"
)
PREFACE = [
    "import lib\n\nprint('the answer is', lib.ANSWER)",
    "lib.claim('toy-answer', 'The answer is < 50.', measured=lib.ANSWER, expected=(0, 50), why='It is |so|.',\n"
    "          source='Somebody 1999')",
]
LIB = (
    "'The library.'\nfrom . import toy\nfrom .core.checks import DivergenceError\nfrom .book.claims import claim\n\n"
    "ANSWER = 41\n__all__ = ['DivergenceError', 'claim', 'toy']\n"
)
MOVED = "moved_pages: {}"
TOY = (
    "'A toy.'\nfrom .far import FAR\n\n\n"
    "def play(x):\n    'The absolute value |x|; as :func:`play`.'\n    return abs(x)\n"
)
# An explorer as the page sees it, and a widget whose state myst-nb would write into the page.
LIVE = [
    "import base64\nimport io\n\nimport ipywidgets\nfrom IPython.display import display\nfrom PIL import Image\n\n"
    "Image.new('RGBA', (20, 10), (0, 0, 0, 0)).save(png := io.BytesIO(), 'PNG')\n"
    "picture = 'data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22/%3E'\n"
    'explorer = f\'<div class="explorer" data-explorer="toy"><img src="{picture}" alt="A clear picture."></div>\'\n'
    "display({'text/html': explorer, 'image/png': base64.b64encode(png.getvalue()).decode()}, raw=True)\n"
    "ipywidgets.IntSlider(description='toy-slider')"
]
SYMBOLS = """# Letters

(sec-notation)=
## Symbols

| Symbol | In code | Meaning | First met |
|---|---|---|---|
| $x_i$ | `x` | one of the numbers | {eq}`eq-toy` |
| $\\sigma$ | | sum of the $x_i$ | {eq}`eq-toy` |
| $\\sigma_J$ | | width of a start | {eq}`eq-toy` |
| $\\sigma$ | | another sum (in {doc}`live`) | {eq}`eq-toy` |
| $s$, $Q$ | | exponent (not in {doc}`live`) | {eq}`eq-toy` |
"""
FORMULAS = r"$x$ $x_2$ $\sigma^2$ $\sigma_J$ $\sum_i x_i^{-s/2}$ $Q_{12}$ [$\sigma$](live)"


FOLDED = ":::{admonition} Folded\n:class: dropdown\nWords in a fold, see {doc}`live`.\n:::\n\n## Where $\\beta = 1$"


# Phrases that set an explorer, on its own page and on another, and the state in which a claim is to be seen.
LINKS = """'Links.'


def read_link(link):
    name, _, state = link.partition(":")
    if name != "toy":
        raise ValueError(f"there is no explorer {name!r}")
    return name, 1 + ("-" in state), {}
"""
PLAY = "[Set $x$ to *one*](#toy:x=1), at once."
AWAY = "See [it there](live.ipynb#toy:x=2,y=3)."
SEE = "toy-answer: live#toy:x=4\n"


UNIQUE = {"preface": "the answer is", "live": "toy-slider"}  # in the code of a page and in no other


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
    (folder / "lib" / "kernels").mkdir()
    (folder / "lib" / "__init__.py").write_text(LIB)
    (folder / "lib" / "toy.py").write_text(TOY)
    (folder / "lib" / "far.py").write_text("FAR = 1\n")
    for name in ("core/checks.py", "book/claims.py", "compiler/digest.py"):
        (folder / "lib" / name).parent.mkdir()
        (folder / "lib" / name).with_name("__init__.py").write_text("'A package.'\n")
        shutil.copy(ROOT / "lib" / name, folder / "lib" / name)
    (folder / "lib" / "kernels" / "__init__.py").write_text("")
    (folder / "lib" / "kernels" / "small.py").write_text("'A small kernel.'\n")
    (folder / "lib" / "widgets" / "__init__.py").write_text("")
    (folder / "lib" / "compiler" / "wasm.py").write_text(
        "'The build.'\n\n\nclass BuildError(Exception):\n    pass\n\n\ndef build(table):\n    return b'toy module'\n"
    )
    (folder / "lib" / "widgets" / "page.py").write_text(
        "def page_script(wasm):\n    return f'// explorers: {wasm.decode()}'\n"
    )
    (folder / "lib" / "widgets" / "exports.py").write_text("TABLE = 'toy'\n")
    (folder / "lib" / "widgets" / "letters.py").write_text("def page_script():\n    return '// converter'\n")
    (folder / "lib" / "widgets" / "links.py").write_text(LINKS)
    (folder / "book").mkdir()
    (folder / "book" / "see.yml").write_text(SEE)
    (folder / "lib" / "book" / "course.py").write_text("def page_script():\n    return '// questions'\n")
    shutil.copy(ROOT / "requirements.txt", folder)
    config = (ROOT / "_config.yml").read_text()
    assert MOVED in config
    config = re.sub(r"(?<=chapter_files:\n)(?:      .*\n)+", "      book/live: [book/data]\n", config)
    (folder / "_config.yml").write_text(config.replace(MOVED, "moved_pages: {book/parts/old: book/live}"))
    (folder / "book" / "data").mkdir(parents=True)
    (folder / "book" / "data" / "numbers.txt").write_text("1")
    for name in ("_ext", "_style", "_templates"):
        shutil.copytree(ROOT / "book" / name, folder / "book" / name)
    for name in ("references.md", "references.bib", "claims.md", "api.md"):
        shutil.copy(ROOT / "book" / name, folder / "book")
    (folder / "_toc.yml").write_text(TOC)
    math = "See {eq}`eq-toy` and {cite:t}`saad1995exact`.\n\n```{math}\n:label: eq-toy\nx = 1\n```"
    write_notebook(folder / "book" / "preface.ipynb", "Preface", PREFACE, f"{math}\n\n{FORMULAS}\n\n{AWAY}\n\n{FOLDED}")
    write_notebook(folder / "book" / "live.ipynb", "Live", LIVE, f"{FORMULAS}\n\n{PLAY}")
    (folder / "book" / "symbols.md").write_text(SYMBOLS)
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
    (book / "lib" / "__init__.py").write_text(LIB.replace("41", "42"))
    assert build_book(book).returncode == 0
    assert "the answer is 42" in page(book, "preface")


def test_notebooks_that_end_together_are_all_kept(tmp_path, monkeypatch):
    """jupyter-cache deletes records, or fails, when threads add to it at once."""
    monkeypatch.syspath_prepend(ROOT / "book" / "_ext")
    import execution

    # without kernels, which would end apart
    monkeypatch.setattr(execution, "single_nb_execution", lambda *_, **__: SimpleNamespace(err=None, time=0.0))
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    names = [f"page{i}" for i in range(40)]
    for name in names:
        write_notebook(tmp_path / f"{name}.ipynb", name, [f"'{name}'"])
    environment = SimpleNamespace(
        mystnb_config=NbParserConfig(execution_mode="cache", execution_cache_path=str(tmp_path / "cache")),
        myst_config=MdParserConfig(),
        doc2path=lambda name: str(tmp_path / f"{name}.ipynb"),
        code_digests={},
        stored_outputs={},
    )
    execution.execute_side_by_side(None, environment, names)
    cache = get_cache(tmp_path / "cache")
    for name in names:
        _, found = cache.merge_match_into_notebook(nbformat.read(tmp_path / f"{name}.ipynb", 4))
        assert name in found.cells[1].source


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


def executed(folder, edit):
    """Names of the pages that a build executes after an edit."""
    before = set((folder / "_build" / ".jupyter_cache" / "executed").iterdir())
    edit()
    result = build_book(folder)
    assert result.returncode == 0, result.stdout + result.stderr
    made = set((folder / "_build" / ".jupyter_cache" / "executed").iterdir()) - before
    texts = [(path / "base.ipynb").read_text() for path in made]
    return {name for name in ("preface", "live") for text in texts if UNIQUE[name] in text}


def test_an_edit_executes_the_chapters_that_depend_on_it_and_no_others(book):
    """The first page takes ``lib.ANSWER`` from ``lib``, which imports ``toy``, which imports ``far``."""
    toy, far = book / "lib" / "toy.py", book / "lib" / "far.py"

    def mend_a_sentence():
        toy.write_text(TOY.replace("A toy.", "The toy.  # mended").replace("absolute", "magnitude"))

    assert executed(book, mend_a_sentence) == set()
    assert "magnitude" in page(book, "api")
    assert executed(book, lambda: far.write_text("FAR = 2\n")) == {"preface"}
    assert executed(book, lambda: (book / "book" / "data" / "numbers.txt").write_text("2")) == {"live"}


def test_stored_outputs_are_shown_where_they_are_those_of_the_code(book, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "book" / "_ext")
    monkeypatch.setenv("PYTHONPATH", str(book))
    import execution
    import outputs

    path, cache = book / "book" / "preface.ipynb", book / "_build" / ".jupyter_cache"
    assert [line for _, line in outputs.store(path, book)] == ["import lib", PREFACE[1].splitlines()[0]]

    def build(said, answer, digest=True):
        """The page when the stored output says something that only the stored output says."""
        notebook = nbformat.read(path, as_version=4)
        notebook.cells[1].outputs[0].text = f"the answer is {said}"
        if digest:
            notebook.metadata[execution.STORED]["digest"] = execution.outputs_digest(notebook, book)
        nbformat.write(notebook, path)
        shutil.rmtree(cache)
        assert build_book(book).returncode == 0
        text = page(book, "preface")
        assert f"the answer is {answer}" in text and "toy-answer" in text
        return "Outputs of version" in text

    assert build(said="stored", answer="stored")
    assert not build(said="edited", answer="41", digest=False)
    (book / "lib" / "far.py").write_text("FAR = 3\n")
    assert not build(said="stored", answer="41", digest=False)
    assert build(said="stored again", answer="stored again")


def test_a_new_module_comes_into_the_reference(book):
    (book / "lib" / "core" / "extra.py").write_text("'More.'\n\n\ndef add(x):\n    'The sum.'\n    return x + 1\n")
    assert executed(book, lambda: None) == set()
    assert 'id="lib.core.extra.add"' in page(book, "api")


@pytest.mark.parametrize("changed", ["answers", "module of an answer", "other answers", "other module"])
def test_a_chapter_depends_on_the_answers_to_its_questions(tmp_path, monkeypatch, changed):
    monkeypatch.syspath_prepend(ROOT / "book" / "_ext")
    import execution

    files = {
        "lib/__init__.py": "from . import asked, other\n",
        "lib/asked.py": "A = 1\n",
        "lib/other.py": "B = 1\n",
        "book/answers/toy.yml": "toy-one: {ask: How many, answer: lib.asked.A}\n",
        "book/answers/else.yml": "else-one: {ask: How many, answer: lib.other.B}\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    cells = ["import lib", "%matplotlib inline\nquestion('toy-one')"]
    before = execution.code_digest(tmp_path, cells)
    path = {
        "answers": "book/answers/toy.yml",
        "module of an answer": "lib/asked.py",
        "other answers": "book/answers/else.yml",
        "other module": "lib/other.py",
    }[changed]
    (tmp_path / path).write_text(files[path].replace("1", "2").replace("How many", "How much"))
    assert (execution.code_digest(tmp_path, cells) != before) == (not changed.startswith("other"))


@pytest.mark.parametrize(
    "cell, stale",
    [
        ("explore('one')", {"one", "controls"}),
        ("explore('one', beta=1)\nlib.widgets.gallery('two')", {"one", "two", "controls"}),
        ("explore(name)", {"one", "two", "controls", "registry"}),
        ("explore('three')", {"one", "two", "controls", "registry"}),
        ("letters()", {"one", "two", "controls", "registry"}),
    ],
)
def test_a_chapter_depends_on_the_explorers_that_it_shows(tmp_path, monkeypatch, cell, stale):
    monkeypatch.syspath_prepend(ROOT / "book" / "_ext")
    import execution

    widgets = tmp_path / "lib" / "widgets"
    files = {
        "registry": ("experiments/__init__.py", "from . import one, two\nTABLE = 1\n"),
        "one": ("experiments/one.py", "from . import controls\nNAME = 1\n"),
        "two": ("experiments/two.py", "from . import controls\nNAME = 1\n"),
        "controls": ("experiments/controls.py", "BETA = 1\n"),
        "package": (
            "__init__.py",
            "from .explorer import explore\nfrom .gallery import gallery\nfrom .letters import letters\n",
        ),
        "explorer": ("explorer.py", "from .experiments import TABLE\ndef explore(name): ...\n"),
        "gallery": ("gallery.py", "from .explorer import explore\ndef gallery(name): ...\n"),
        "letters": ("letters.py", "from .experiments import TABLE\ndef letters(): ...\n"),
    }
    for name, text in files.values():
        (widgets / name).parent.mkdir(parents=True, exist_ok=True)
        (widgets / name).write_text(text)
    (tmp_path / "lib" / "__init__.py").write_text("")
    cells = ["import lib", f"lib.widgets.{cell}"]
    before, found = execution.code_digest(tmp_path, cells), set()
    for key in ("registry", "one", "two", "controls"):
        name, text = files[key]
        (widgets / name).write_text(text.replace("1", "22"))
        if execution.code_digest(tmp_path, cells) != before:
            found.add(key)
        (widgets / name).write_text(text)
    assert found == stale


def test_files_that_chapters_read_are_said_to_be_theirs():
    config = yaml.safe_load((ROOT / "_config.yml").read_text())["sphinx"]["config"]["chapter_files"]
    assert all((ROOT / f"{name}.ipynb").is_file() for name in config)
    files = {file for files in config.values() for file in files}
    assert all((ROOT / file).exists() for file in files)
    assert {f"book/data/{path.name}" for path in (ROOT / "book" / "data").iterdir()} <= files


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
    live = page(finished_book, "live")
    assert live.count("_static/explorers.js") == 1
    assert live.index("_static/explorers.js") < live.index("_static/formulas.js")
    slides = (finished_book / "_build" / "html" / "slides" / "live.html").read_text()
    assert slides.index("explorers.js") < slides.index("tex-chtml.js")
    assert "explorers.js" not in page(finished_book, "preface")
    assert "toy module" in (finished_book / "_build" / "html" / "_static" / "explorers.js").read_text()


def test_a_kernel_that_does_not_compile_fails_the_build(book):
    wasm = book / "lib" / "compiler" / "wasm.py"
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
    assert "Saad and Solla, 1995" in page(finished_book, "references")


def test_claims_ledger_shows_what_this_build_measured(book):
    def ledger():
        text = re.sub("<noscript>.*?</noscript>", "", page(book, "claims"), flags=re.DOTALL)
        return " ".join(re.sub("<[^>]*>", " ", text).split())

    assert "1 claims on 1 pages" in ledger()
    assert (
        r"The answer is &lt; 50. It is |so|. Where \(\beta = 1\) · tests Somebody 1999 · see it 0 to 50 41 bounds"
        in ledger()
    )
    assert 'href="preface.html#claim-toy-answer"' in page(book, "claims")
    assert 'id="claim-toy-answer"' in page(book, "preface")
    # The ledger's own source does not change, but its values do …
    (book / "lib" / "__init__.py").write_text(LIB.replace("41", "42"))
    assert build_book(book).returncode == 0
    assert "0 to 50 42 bounds" in ledger() and " 41 " not in ledger()
    # … also when only another page does, which gains a claim.
    second = PREFACE[1].replace("toy-answer", "toy-two")
    write_notebook(book / "book" / "live.ipynb", "Live", [*LIVE, "import lib", second])
    assert build_book(book).returncode == 0
    assert "2 claims on 2 pages" in ledger() and "0 kept measurements" in ledger()
    # A claim about a kept measurement stands in the second list alone.
    second = second.replace("source='", "kept='2026-11-29, here', source='")
    write_notebook(book / "book" / "live.ipynb", "Live", [*LIVE, "import lib", second])
    assert build_book(book).returncode == 0
    assert "1 claims on 1 pages" in ledger() and "1 kept measurements, with their claims on 1 pages" in ledger()
    assert "Live · tests Somebody 1999 · kept: 2026-11-29, here 0 to 50 42 bounds" in ledger()


def test_phrases_and_claims_lead_to_states(finished_book):
    here, there, ledger = (BeautifulSoup(page(finished_book, name), "html.parser") for name in UNIQUE | {"claims": ""})
    phrase = there.select_one("span.play")  # what it is without scripts: words
    assert phrase["data-play"] == "toy:x=1" and phrase.em.text == "one" and not phrase.find_parent("a")
    assert here.select_one("p > a.play")["href"] == "live.html#toy:x=2,y=3"
    assert here.select_one(".claim > p.claim-see > a.play")["href"] == "../book/live.html#toy:reset,x=4"
    assert ledger.select_one(".claim-where a.play")["href"] == "live.html#toy:reset,x=4"


@pytest.mark.parametrize(
    "name, text, says",
    [
        ("live", "[x](#lost:x=1)", "there is no explorer 'lost'"),
        ("live", "[x](#toy:x-2=1)", "link 'toy:x-2=1': there is no such explorer on the page book/live"),
        (
            "see.yml",
            "toy-answer: preface#toy:x=1",
            "there is no such explorer on the page book/preface",
        ),
        ("see.yml", "toy-question: live#toy:x=1", "book/see.yml: there is no claim 'toy-question'"),
    ],
)
def test_a_link_to_what_is_not_there_fails_the_build(book, name, text, says):
    if name == "live":
        write_notebook(book / "book" / "live.ipynb", "Live", LIVE, text)
    else:
        (book / "book" / name).write_text(text)
    result = build_book(book)
    assert result.returncode != 0 and says in result.stdout + result.stderr


def test_two_claims_of_one_name_fail_the_build(book):
    write_notebook(book / "book" / "live.ipynb", "Live", ["import lib", PREFACE[1]])
    result = build_book(book)
    assert result.returncode != 0
    assert "duplicate claim 'toy-answer'" in result.stdout + result.stderr


def test_ledger_is_made_in_other_formats(book):
    result = build_book(book, "--builder", "latex")
    assert result.returncode == 0, result.stdout + result.stderr
    text = (book / "_build" / "latex" / "scaling-laws.tex").read_text()
    assert "The answer is" in text and "tests Somebody 1999" in text


def test_reference_is_made_of_docstrings(finished_book):
    text = page(finished_book, "api")
    assert 'id="lib.toy.play"' in text and "The absolute value |x|" in text
    assert 'href="#lib.toy.play"' in text
    assert 'id="module-lib.kernels.small"' in text and "A small kernel." in text


def test_a_card_shows_the_first_picture_of_a_page(finished_book):
    def card(name):
        tags = BeautifulSoup(page(finished_book, name), "html.parser").select("meta[property^='og:']")
        return {tag["property"]: tag["content"] for tag in tags}

    address = "https://OWNER.github.io/scaling-laws-book/"
    live, name = card("live"), "_static/cards/book/live.png"
    assert live["og:image"] == f"{address}{name}" and live["og:image:alt"] == "A clear picture."
    assert (live["og:image:width"], live["og:image:height"]) == ("1200", "630")
    assert live["og:title"] == "Live" and live["og:url"] == f"{address}book/live.html"
    assert live["og:site_name"] == "Neural scaling laws, live" and live["og:type"] == "article"
    assert card("preface")["og:description"].startswith("See (1) and Saad and Solla")
    picture = imread(finished_book / "_build" / "html" / name)
    assert picture.shape == (630, 1200, 3) and picture.min() == 1  # what was clear is paper
    assert "og:image" not in card("api")  # the book's first page has none to lend


def test_what_is_not_there_leads_back_to_the_book(finished_book):
    text = (finished_book / "_build" / "html" / "404.html").read_text()
    assert "There is no such page" in text and 'href="/scaling-laws-book/book/preface.html"' in text


def test_the_map_has_all_pages_also_after_a_build_that_wrote_one(book):
    def places():
        return re.findall("<loc>(.*)</loc>", (book / "_build" / "html" / "sitemap.xml").read_text())

    names = ("api", "claims", "live", "preface", "references", "symbols")
    assert places() == [f"https://OWNER.github.io/scaling-laws-book/book/{name}.html" for name in names]
    (book / "book" / "symbols.md").write_text(SYMBOLS.replace("# Letters", "# Symbols"))
    assert build_book(book).returncode == 0
    assert len(places()) == len(names)


def test_slides_are_made_of_what_a_page_holds(finished_book, book):
    def slides():
        text = (book / "_build" / "html" / "slides" / "live.html").read_text()
        return BeautifulSoup(text, "html.parser").select(".slides > section")

    title, explorer = slides()
    assert title.h1.get_text() == "Live" and explorer.select_one(".explorer img")["alt"] == "A clear picture."
    assert "A line" not in explorer.get_text() and 'href="../slides/live.html"' in page(finished_book, "live")
    text = (
        "## Part $x$\n\nThis is the first sentence, which has $x$ in it and is long. The second is for the speaker: "
        "{eq}`eq-part` and {doc}`symbols`.\n\n```{math}\n:label: eq-part\nx = 2\n```\n\n- A line.\n\n"
        "```{exercise} Easy\n:label: exercise-part\nDo it.\n```"
    )
    claims = "import lib\n" + PREFACE[1].replace("toy-answer", "toy-two")
    write_notebook(book / "book" / "live.ipynb", "Live", [*LIVE, claims], text)
    result = build_book(book)
    assert result.returncode == 0, result.stdout + result.stderr
    title, opening, line, explorer, claim = slides()
    notes = opening.aside.extract()
    assert opening.h2.select_one(".math").get_text() == r"\(x\)"
    assert opening.p.get_text() == r"This is the first sentence, which has \(x\) in it and is long."
    assert opening.select_one("div.math .eqno").get_text() == "(2)" and not opening.select(
        "noscript, [id], .headerlink"
    )
    assert "The second is for the speaker" in notes.get_text()
    assert [link["href"] for link in notes.select("a")] == [
        "../book/live.html#equation-eq-part",
        "../book/symbols.html",
    ]
    assert line.li.get_text() == "A line." and line.select_one("p.exercise").get_text() == "Exercise 1  (Easy)"
    assert "Do it." in line.aside.get_text() and not line.select("section")
    assert explorer.select_one("div.explorer") and claim.select_one(".claim-measured").get_text() == "41"


def test_a_page_that_moved_leads_to_its_new_place(finished_book, book):
    text = page(finished_book, "parts/old")
    assert 'url=../live.html"' in text and "location.hash" in text and 'scaling-laws-book/book/live.html"' in text
    config = book / "_config.yml"
    for wrong in ("{book/parts/old: book/nowhere}", "{book/live: book/preface}"):
        config.write_text((ROOT / "_config.yml").read_text().replace(MOVED, f"moved_pages: {wrong}"))
        result = build_book(book)
        assert result.returncode != 0 and "moved_pages: from" in result.stdout + result.stderr


def test_formulas_know_their_symbols(finished_book):
    def marks(name):
        found = re.findall(
            r'<span class="([^"]*)math notranslate[^>]*><span class="tex">\\\((.*?)\\\)', page(finished_book, name)
        )
        return {tex: classes.split() for classes, tex in found}

    preface, live = marks("preface"), marks("live")
    assert preface["x"] == [] and preface["x_2"] == ["symbol-x-i"]
    assert preface["\\sigma^2"] == ["symbol-sigma"] and preface["\\sigma_J"] == ["symbol-sigma-j"]
    assert preface["\\sum_i x_i^{-s/2}"] == ["symbol-x-i", "symbol-s-q"] and preface["Q_{12}"] == ["symbol-s-q"]
    assert preface["\\sigma"] == []  # in a link, which has a preview of its own
    # A row for one page holds there alone; one not for it holds elsewhere.
    assert live["\\sigma^2"] == ["symbol-sigma-also"] and live["Q_{12}"] == []
    texts = (finished_book / "_build" / "html" / "_static" / "preview-texts.js").read_text()
    assert '"symbol-sigma-j":"<p class=\\"symbol\\"><span class=' in texts and "width of a start" in texts


def test_formulas_are_written_twice_for_readers_with_and_without_scripts(finished_book, book):
    formula = BeautifulSoup(page(finished_book, "preface"), "html.parser").select_one("#equation-eq-toy")
    assert formula["class"] == ["math", "notranslate", "nohighlight"]
    assert formula.select_one(".eqno a.headerlink")["href"] == "#equation-eq-toy"
    assert formula.select_one(".tex").get_text() == r"\[x = 1\]"
    assert formula.select_one("noscript math")["display"] == "block"
    assert "_static/mathjax/tex-chtml.js" in page(finished_book, "preface")
    assert "tex-chtml.js" not in page(finished_book, "api")
    write_notebook(book / "book" / "live.ipynb", "Live", LIVE, r"A formula $x \nosuchcommand y$.")
    result = build_book(book)
    assert result.returncode != 0 and re.search(r"live\.ipynb.*nosuchcommand", result.stdout + result.stderr)


def test_a_page_has_no_more_than_it_needs(finished_book):
    """Of the theme's icons those in use; its search where one searches; nothing for those who develop it."""
    site = finished_book / "_build" / "html"
    for text in (page(finished_book, "preface"), page(finished_book, "api")):
        assert not re.search("fontawesome|searchindex|searchtools|language_data", text)
        assert "pydata-sphinx-theme.js" in text and "bootstrap.js" in text
    assert {"searchtools.js", "searchindex.js"} <= set(re.findall(r"\w+\.js", (site / "search.html").read_text()))
    styles = site / "_static" / "styles"
    style = (styles / "pydata-sphinx-theme.css").read_text()
    letters = dict(re.findall(r'\.(fa-[\w-]+):before\{content:"\\([ef][0-9a-f]{3})"\}', style))
    used = set(re.findall(r"\bfa-[\w-]+", page(finished_book, "preface"))) - {"fa-solid", "fa-brands", "fa-lg"}
    assert {"fa-list", "fa-bars", "fa-github"} <= used <= set(re.findall(r"\.(fa-[\w-]+):before", style))
    assert "fa-cat" not in letters
    fonts = {path.stem: TTFont(path).getBestCmap() for path in styles.glob("*.woff")}
    assert (
        int(letters["fa-list"], 16) in fonts["fa-solid-900"] and int(letters["fa-github"], 16) in fonts["fa-brands-400"]
    )
    assert 0xF0EB in fonts["fa-solid-900"]  # the lamp of an admonition, which only the style sheet names
    assert sum(path.stat().st_size for path in styles.glob("*.woff")) < 10_000
    assert not [*site.rglob("*.map"), *site.rglob("fontawesome.js")]


@pytest.fixture
def visit(finished_book, browser):
    """Open a page of the toy book; fails on errors."""
    problems, contexts = [], []
    with served(finished_book / "_build" / "html") as address:

        def open_page(name, **options):
            contexts.append(browser.new_context(**options))
            page = contexts[-1].new_page()
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.goto(f"{address}/book/{name}")
            return page

        yield open_page
        for context in contexts:
            context.close()
    assert not problems


def test_a_section_s_formulas_are_one_stop_and_arrows_go_through_them(visit):
    page = visit("preface.html")
    page.evaluate("setFormulas()")
    formulas = page.locator("article .math[class*='symbol-'], article div.math")
    assert formulas.count() >= 6 and page.locator("article mjx-container[tabindex='0']").count() == 0
    assert page.locator("article .math[tabindex='0']").count() == 1
    page.locator("article a.reference.internal[href='#equation-eq-toy']").focus()
    focused = page.locator(":focus")
    for _ in range(5):
        page.keyboard.press("Tab")
        if focused.evaluate("node => node.matches('.math')"):
            break
    assert focused.get_attribute("id") == "equation-eq-toy"
    tip = page.get_by_role("tooltip")
    page.keyboard.press("ArrowDown")
    tip.get_by_text("one of the numbers").wait_for()
    assert focused.get_attribute("aria-describedby") == tip.get_attribute("id")
    assert tip.get_by_text("other formulas of this section").is_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    tip.get_by_text("width of a start").wait_for()
    page.keyboard.press("Tab")
    assert not focused.evaluate("node => node.matches('.math')")
    page.keyboard.press("Shift+Tab")  # back to where one was
    tip.get_by_text("width of a start").wait_for()
    page.keyboard.press("Escape")
    assert not tip.is_visible() and focused.get_attribute("aria-describedby") is None


def test_a_formula_wider_than_a_phone_can_be_scrolled_by_keys(visit):
    page = visit("preface.html", viewport={"width": 320, "height": 256})
    page.evaluate("setFormulas()")
    formula = page.locator("#equation-eq-toy")
    formula.evaluate("node => { node.style.width = '1em'; }")
    page.locator("article .math.symbol-s-q").first.focus()  # the section's stop is another
    page.wait_for_function("document.querySelector('#equation-eq-toy').tabIndex === 0")
    formula.evaluate("node => { node.style.width = ''; }")
    page.wait_for_function("document.querySelector('#equation-eq-toy').tabIndex === -1")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_a_preview_that_could_not_be_loaded_is_tried_again(visit):
    page = visit("preface.html")
    page.evaluate("setFormulas()")
    link, tip = page.locator("article a.reference.internal[href='#equation-eq-toy']"), page.get_by_role("tooltip")
    page.context.set_offline(True)
    with page.expect_event("requestfailed"):
        link.hover()
    assert not tip.is_visible()
    page.context.set_offline(False)
    page.mouse.move(0, 0)
    link.hover()
    tip.wait_for()


def test_what_is_dark_on_the_screen_is_light_on_paper(visit):
    page = visit("preface.html", color_scheme="dark")
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    colors = "getComputedStyle(document.querySelector('h1')).color"
    dark = page.evaluate(colors)
    page.emulate_media(media="print")
    page.wait_for_function("document.documentElement.dataset.theme === 'light'")
    assert page.evaluate(colors) != dark
    page.emulate_media(media="screen")
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("document.documentElement.dataset.theme") == "light" and page.evaluate(colors) != dark
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_a_page_opened_by_a_search_has_no_error(visit):
    visit("preface.html?q=answer")


def test_external_links_are_checked_by_a_command_of_their_own(book, tmp_path):
    (tmp_path / "good.html").write_text("<!DOCTYPE html><p>Here.</p>")
    with served(tmp_path) as address:
        links = f"[good]({address}/good.html) [bad]({address}/bad.html)"
        write_notebook(book / "book" / "live.ipynb", "Live", LIVE, links)
        result = build_book(book, "--builder", "linkcheck")
    said = result.stdout + result.stderr
    assert result.returncode != 0
    assert re.search(r"broken\S* *\S*" + re.escape(f"{address}/bad.html"), said)
    assert not re.search(r"broken\S* *\S*" + re.escape(f"{address}/good.html"), said)


def test_colab_gets_a_notebook_that_brings_the_library(finished_book, tmp_path):
    link = "https://colab.research.google.com/github/OWNER/scaling-laws-book/blob/gh-pages/colab/live.ipynb"
    assert f'href="{link}"' in page(finished_book, "live")
    path = finished_book / "_build" / "html" / "colab" / "live.ipynb"
    first, *others = nbformat.read(path, as_version=4).cells
    nbformat.validate(nbformat.read(path, as_version=4))
    assert [cell.source for cell in others] == [
        cell.source for cell in nbformat.read(finished_book / "book" / "live.ipynb", as_version=4).cells
    ]
    # An environment with all packages but without the library; the repository's address leads to this clone.
    venv.create(tmp_path / "env")
    folder = subprocess.run(
        [tmp_path / "env" / "bin" / "python", "-c", "import site; print(site.getsitepackages()[0])"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    with open(f"{folder}/others.pth", "w") as file:
        file.write(site.getsitepackages()[0])
    subprocess.run(["git", "clone", "--quiet", "--bare", ROOT, "clone"], cwd=tmp_path, check=True)
    subprocess.run(["git", "update-ref", "refs/heads/main", "HEAD"], cwd=tmp_path / "clone", check=True)
    program = (
        "from IPython.core.interactiveshell import InteractiveShell\nshell = InteractiveShell.instance()\n"
        f"shell.run_cell({first.source!r}).raise_error()\n"
        'shell.run_cell(\'import lib; from lib import course; course.question("linear-isotropic"); '
        "print(lib.__file__)').raise_error()"
    )
    settings = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{tmp_path}/clone.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/OWNER/scaling-laws-book.git",
        "IPYTHONDIR": str(tmp_path),
    }
    (tmp_path / "work").mkdir()
    result = subprocess.run(
        [tmp_path / "env" / "bin" / "python", "-c", program],
        cwd=tmp_path / "work",
        text=True,
        capture_output=True,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | settings,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{tmp_path}/work/scaling-laws-book/lib/__init__.py" in result.stdout


def test_the_pdf_has_all_pages_with_bookmarks_numbers_and_links(finished_book, browser, tmp_path):
    context = browser.new_context()
    groups = [("", ["book/preface"]), ("The part", ["book/live"])]
    pdf.book(context, finished_book / "_build" / "html", groups, "A toy", "Somebody").write(tmp_path / "toy.pdf")
    context.close()
    reader = PdfReader(tmp_path / "toy.pdf")
    texts = [page.extract_text() for page in reader.pages]
    assert "A toy" in texts[0] and "The part" in texts[0] and "Words in a fold" in "".join(texts)
    assert [text.split()[-1] for text in texts] == [str(number) for number in range(1, len(texts) + 1)]
    preface, (section,), live = reader.outline
    assert (preface.title, section.title, live.title) == ("Preface", "Where β = 1", "Live")
    starts = [reader.get_destination_page_number(mark) for mark in (preface, live)]
    assert starts[0] == 1 and f"Preface {starts[0] + 1}" in texts[0] and f"Live {starts[1] + 1}" in texts[0]
    links = [link.get_object() for page in reader.pages for link in page.get("/Annots", ())]
    inside = [link["/Dest"][0] for link in links if isinstance(link.get("/Dest"), list)]
    assert [page.get_object() for page in inside].count(
        reader.pages[starts[1]].get_object()
    ) >= 2  # contents, and the fold
    assert not [link for link in links if str(link.get("/A", {}).get("/URI", "")).startswith("file:")]


def test_the_epub_has_all_pages_formulas_pictures_and_links(finished_book, tmp_path):
    groups = [("", ["book/preface"]), ("The part", ["book/live"])]
    file = tmp_path / "toy.epub"
    epub.pack(finished_book / "_build" / "html", groups, file, "A toy", "Somebody", "CC BY 4.0")
    said = epub.check(file)
    assert said is None or "No errors or warnings detected" in said, said
    with zipfile.ZipFile(file) as archive:
        assert (
            archive.infolist()[0].filename == "mimetype" and archive.infolist()[0].compress_type == zipfile.ZIP_STORED
        )
        texts = {name: archive.read(name) for name in archive.namelist()}
    trees = {name: ElementTree.fromstring(text) for name, text in texts.items() if name.endswith((".xhtml", ".opf"))}
    preface, live = trees["book/preface.xhtml"], trees["book/live.xhtml"]
    xhtml, mathml = "{http://www.w3.org/1999/xhtml}", f"{{{epub.MATHML}}}"
    assert "Words in a fold" in "".join(preface.find(f".//{xhtml}details").itertext())
    assert preface.find(f".//{mathml}math") is not None and b"\\(" not in texts["book/preface.xhtml"]
    (picture,) = live.iter(f"{xhtml}img")
    assert picture.get("alt") == "A clear picture." and f"book/{picture.get('src')}" in texts
    links = {link.get("href") for link in preface.iter(f"{xhtml}a")}
    assert {"live.xhtml", "#equation-eq-toy"} <= links
    # The state of an explorer, and a page that is not in this EPUB, are on the site.
    assert any(re.fullmatch(r"https://.*/book/live\.html#toy:x=2,y=3", link) for link in links)
    assert any(re.match(r"https://.*/book/references\.html#", link) for link in links)
    assert [link.get("href") for link in trees["book/nav.xhtml"].iter(f"{xhtml}a")][:2] == [
        "preface.xhtml",
        "preface.xhtml#where-beta-1",
    ]


@pytest.mark.parametrize("path", sorted((ROOT / "book").glob("*.ipynb")), ids=lambda path: path.stem)
def test_every_claim_is_shown(path):
    # A claim that is not the last expression of its cell would be checked, but stand on no page and in no ledger.
    code = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    made = [name for cell in code for name in re.findall(r'claim\(\s*"([^"]+)"', cell.source)]
    shown = [
        name
        for cell in code
        for output in cell.outputs
        for name in re.findall('id="claim-([^"]+)"', "".join(output.get("data", {}).get("text/html", "")))
    ]
    assert made == shown


@pytest.mark.parametrize("path", sorted((ROOT / "book").glob("*.ipynb")), ids=lambda path: path.stem)
def test_code_of_claims_and_figures_is_folded(path):
    # The page is read for what they show. In a solution, which is folded itself, the code is in sight.
    in_solution = False
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            in_solution = (in_solution or "solution-start" in cell.source) and "solution-end" not in cell.source
        elif not in_solution and re.search(r"lib\.claim\(|plt\.show\(", cell.source):
            assert "hide-input" in cell.metadata.get("tags", []), cell.source


@pytest.mark.parametrize("path", sorted((ROOT / "book").glob("*.ipynb")), ids=lambda path: path.stem)
def test_code_in_sight_fits_the_page(path):
    # 79 characters are what a column of text holds; folded code may be longer, the sentences of claims are.
    code = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert not [
        line
        for cell in code
        if "hide-input" not in cell.metadata.get("tags", [])
        for line in cell.source.splitlines()
        if len(line) > 79
    ]


@pytest.mark.parametrize("path", sorted((ROOT / "book").glob("*.ipynb")), ids=lambda path: path.stem)
def test_chapter_is_stored_with_its_outputs(path, monkeypatch):
    # For GitHub's view, for a build, which shows them, and for nbval, which compares every cell's with them.
    monkeypatch.syspath_prepend(ROOT / "book" / "_ext")
    import execution

    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), "run `make outputs`"
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["sphinx"]["config"]
    files = config["chapter_files"].get(f"book/{path.stem}", [])
    assert execution.is_current(notebook, ROOT, files), "run `make outputs`"


def test_mathjax_is_small_enough_to_serve_and_complete(finished_book):
    mathjax = finished_book / "_build" / "html" / "_static" / "mathjax"
    assert "_static/mathjax/tex-chtml.js" in page(finished_book, "preface")
    # What the component loads by itself: fonts; and on demand: a TeX extension, the reader's menu.
    for file in (
        "output/chtml/fonts/woff-v2/MathJax_Main-Regular.woff",
        "input/tex/extensions/boldsymbol.js",
        "output/svg.js",
        "a11y/explorer.js",
        "sre/mathmaps/en.json",
    ):
        assert (mathjax / file).is_file(), file
    size = sum(path.stat().st_size for path in mathjax.rglob("*"))
    assert size < 8e6  # the package has 24 MB
