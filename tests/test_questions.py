"""The questions: how an answer is read and judged, in the page and from the book's own key."""

import ast
import base64
import json
import re
import shutil
import subprocess
from dataclasses import asdict

import nbformat
import pytest
import yaml
from conftest import ROOT
from test_realdata import NO_NUMBERS, NUMBERS, TWO_WAYS

from lib.book import course
from lib.realdata import read_number

BOOK = ROOT / "book"
NAMES = [name for file in sorted((BOOK / "answers").glob("*.yml")) for name in yaml.safe_load(file.read_text())]
TOY = """
toy-third:
  ask: "A third of β"
  answer: "np.divide(1, 3)"
  rtol: 0.01
  hints:
    - {equals: "2 * answer", say: "A factor of 2 too large."}
    - {equals: "lib.linear.exponent(1.0)", say: "That is a half."}
toy-zero: {ask: "Nothing", answer: "0", atol: 0.1}
toy-count: {ask: "How many?", answer: "12", rtol: 0}
toy-word: {ask: "Which activation?", answer: "'linear'", hints: [{equals: "'erf'", say: "Erf has a plateau."}]}
toy-choice: {ask: "Which?", answer: "'rises'", choices: [rises, falls]}
"""
BAD = {
    "toy-missing": (None, "no question"),
    "toy-field": ({"ask": "x", "answer": "1", "rtoll": 1}, "fields"),
    "toy-nan": ({"ask": "x", "answer": "np.nan"}, "finite"),
    "toy-list": ({"ask": "x", "answer": "[1, 2]"}, "finite"),
    "toy-rtol": ({"ask": "x", "answer": "1", "rtol": -1}, "rtol"),
    "toy-hint": ({"ask": "x", "answer": "1", "hints": [{"equals": "1.001", "say": "no"}]}, "never"),
    "toy-kind": ({"ask": "x", "answer": "'a'", "hints": [{"equals": "1", "say": "no"}]}, "kind"),
    "toy-choice": ({"ask": "x", "answer": "'a'", "choices": ["b"]}, "choices"),
}


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A folder with a key of its own, as a notebook's working folder."""
    (tmp_path / "answers").mkdir()
    (tmp_path / "answers" / "toy.yml").write_text(TOY, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


# Answers a line [name, [argument, ...]] by a line of JSON, in which NaN is written as Python reads it.
SERVER = """
import { createInterface } from "node:readline";
const question = await import(`data:text/javascript;base64,${process.argv[1]}`);
for await (const line of createInterface({ input: process.stdin })) {
  const [name, given] = JSON.parse(line);
  const answer = JSON.stringify(question[name](...given), (_, value) => Number.isNaN(value) ? "#NaN" : value);
  console.log(answer.replaceAll('"#NaN"', "NaN"));
}"""


@pytest.fixture(scope="module")
def module(request):
    """The ES module: call("judge", ...) and call("parse", ...); in node or, where there is none, in a blank page."""
    node = shutil.which("node")
    if node is None:
        yield from in_page(request.getfixturevalue("browser"))
        return
    text = base64.b64encode(course.Question._esm.encode()).decode()
    command = [node, "--input-type=module", "--eval", SERVER, text]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:

        def call(name, *arguments):
            process.stdin.write(json.dumps([name, arguments]) + "\n")
            return json.loads(process.stdout.readline())

        yield call


def in_page(browser):
    page = browser.new_page()
    page.evaluate(
        """async text => { window.question = await import(
        URL.createObjectURL(new Blob([text], { type: "text/javascript" }))) }""",
        course.Question._esm,
    )
    yield lambda name, *arguments: page.evaluate("([name, given]) => question[name](...given)", [name, list(arguments)])
    page.close()


def content(key):
    return json.loads(json.dumps(asdict(key)))


# --- Reading and judging --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, value",
    [
        ("0.5", 0.5),
        (" 1/3 ", 1 / 3),
        ("1e-3", 1e-3),
        ("1E-3", 1e-3),
        ("0,5", 0.5),
        ("−2", -2.0),
        ("+2.", 2.0),
        (".5", 0.5),
        ("2·10^-3", 2e-3),
        ("2 × 10**(-3)", 2e-3),
        ("10^4", 1e4),
        ("-10^4", -1e4),
        ("1,234.5", 1234.5),
        ("1,234,567", 1234567.0),
        ("pi/4", 0.7853981633974483),
        ("-2π", None),
        ("2*π", 6.283185307179586),
        ("5 %", 0.05),
        ("1/3/2", 1 / 6),
        ("", None),
        ("one", None),
        ("1/0", None),
        ("1..2", None),
        ("alert(1)", None),
        ("1e", None),
        ("--1", None),
        ("1+1", None),
    ],
)
def test_numbers_are_read_as_people_write_them(module, text, value):
    number, doubt = module("parse", text)
    assert doubt == "" and (number == pytest.approx(value, rel=1e-15) if value is not None else number != number)  # NaN


def test_a_factor_is_a_number_as_in_boxes_and_files(module):
    for text, value in NUMBERS:
        assert module("parse", text) == [pytest.approx(value, rel=1e-15), ""], text
    for text in NO_NUMBERS:
        assert module("parse", text)[0] != module("parse", text)[0], text
    for text in TWO_WAYS:
        assert module("parse", f"{text}/3")[1] == read_number(text.removeprefix("-"))[1]


def test_what_may_be_two_numbers_is_asked_for_again(module, toy):
    judged = module("judge", content(course.key("toy-count")), "1,000")
    assert judged == {"verdict": "unparsed", "message": "Not read: 1,000 may mean 1000 or 1.000: write one of the two."}


@pytest.mark.parametrize(
    "name, text, verdict, word",
    [
        ("toy-third", "1/3", "right", "0.333333"),
        ("toy-third", "0,333", "right", ""),
        ("toy-third", "0.3366", "right", ""),
        ("toy-third", "0.3390", "close", "digit"),
        ("toy-third", "0.328", "close", ""),
        ("toy-third", "0.342", "wrong", ""),
        ("toy-third", "0.67", "hint", "factor of 2"),
        ("toy-third", "0.5", "hint", "half"),
        ("toy-third", "0.6801", "wrong", ""),
        ("toy-third", "-0.333", "hint", "sign"),
        ("toy-third", "33.4", "hint", "power of ten"),
        ("toy-third", "x", "unparsed", "number"),
        ("toy-third", "0", "wrong", ""),
        ("toy-zero", "0.1", "right", ""),
        ("toy-zero", "-0.2", "close", ""),
        ("toy-zero", "1", "wrong", ""),
        ("toy-count", "12", "right", ""),
        ("toy-count", "12.0001", "wrong", ""),
        ("toy-word", " Linear ", "right", ""),
        ("toy-word", "erf", "hint", "plateau"),
        ("toy-word", "relu", "wrong", ""),
        ("toy-word", " ", "unparsed", ""),
        ("toy-choice", "rises", "right", ""),
        ("toy-choice", "falls", "wrong", ""),
    ],
)
def test_answers_are_judged(toy, module, name, text, verdict, word):
    judged = module("judge", content(course.key(name)), text)
    assert judged["verdict"] == verdict
    assert word in judged["message"]


@pytest.mark.parametrize("name", BAD)
def test_an_entry_that_could_not_work_is_refused(toy, name):
    entry, message = BAD[name]
    (toy / "answers" / "toy.yml").write_text(json.dumps({name: entry} if entry else {}))
    with pytest.raises(ValueError, match=message) as error:
        course.question(name)
    assert name in str(error.value)


# --- The page -------------------------------------------------------------------------------------

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Questions</title>
<script defer src="questions.js"></script><body>{body}</body></html>"""


def write_page(folder):
    html = [course.question(name)._repr_mimebundle_()[0]["text/html"] for name in ("toy-third", "toy-choice")]
    (folder / "questions.js").write_text(course.page_script(), encoding="utf-8")
    (folder / "index.html").write_text(PAGE.format(body="".join(html)), encoding="utf-8")
    return (folder / "index.html").as_uri()


def test_a_page_from_a_folder_judges_with_the_keyboard_alone(toy, browser):
    page = browser.new_page()
    page.goto(write_page(toy))
    page.get_by_label("A third of β").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.type("2/3")
    page.keyboard.press("Enter")
    says = page.locator("[role=status]").first
    assert "factor of 2" in says.inner_text()
    assert says.get_attribute("aria-live") == "polite"
    page.get_by_label("A third of β").fill("0,3333")  # what was said about the old answer is gone
    assert says.inner_text() == ""
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert "Right." in says.inner_text()
    page.get_by_label("Which?").select_option("rises")
    page.get_by_role("button", name="Check").nth(1).click()
    assert "Right." in page.locator("[role=status]").nth(1).inner_text()
    page.emulate_media(media="print")
    assert not page.get_by_label("A third of β").is_visible()
    assert page.get_by_text("A third of β (answer on the page)").is_visible()
    page.close()


def test_without_scripts_a_plain_line_and_no_answer_in_clear(toy, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(write_page(toy))
    assert page.get_by_text("A third of β (answer on the page)").is_visible()
    source = page.content()
    assert "0.333" not in source and "factor of 2" not in source
    context.close()


# --- The book's own key ---------------------------------------------------------------------------


def questions_asked():
    """Name of a question -> chapters that ask it."""
    asked = {}
    for file in sorted(BOOK.glob("*.ipynb")):
        for cell in nbformat.read(file, as_version=4).cells:
            if cell.cell_type == "code" and "question(" in cell.source:
                source = re.sub(r"^\s*[%!].*$", "", cell.source, flags=re.MULTILINE)
                for node in ast.walk(ast.parse(source)):
                    if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "question":
                        asked.setdefault(node.args[0].value, []).append(file.stem)
    return asked


def test_every_question_has_an_entry_and_every_entry_is_asked_in_its_chapter():
    asked = questions_asked()
    assert sorted(asked) == sorted(NAMES)
    for chapter in sorted((BOOK / "answers").glob("*.yml")):
        for name in yaml.safe_load(chapter.read_text()):
            assert asked[name] == [chapter.stem]
            assert name.startswith(f"{chapter.stem}-")


@pytest.mark.parametrize("name", NAMES)
def test_the_key_passes_its_own_judgement(module, name):
    key = course.key(name)
    assert module("judge", content(key), str(key.answer))["verdict"] == "right"
    if not isinstance(key.answer, str):
        # Three digits beyond the tolerance are enough: nobody need type more.
        digits = max(1, 2 - int(f"{key.tolerance / abs(key.answer or 1) or 1e-12:e}".split("e")[1]))
        assert module("judge", content(key), f"{key.answer:.{digits}e}")["verdict"] == "right"
    for number, hint in enumerate(key.hints):
        judged = module("judge", content(key), str(hint.equals))
        assert judged["verdict"] == "hint" and hint.say in judged["message"], (
            f"{name}: hint {number + 1} is never shown"
        )
