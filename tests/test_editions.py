"""The instructor's and the students' notebooks, as nbgrader takes them."""

import nbformat
import pytest

from lib.book import course
from tools import chapters, editions

KEY = """
toy-double:
  ask: "Twice y"
  answer: "6"
  rtol: 0.01
  hints: [{equals: "answer / 2", say: "That is y itself."}]
toy-word: {ask: "The activation", answer: "'linear'"}
"""
FENCE = "```"
CELLS = [
    (
        "markdown",
        "# Toy\n\n:::{admonition} By the end of this chapter you will be able to\n:class: tip\n1. double;\n2. name.\n\n"
        "Prerequisites: none. About 5 minutes to read, 3 to work through.\n:::",
    ),
    ("code", "y = 3"),
    ("markdown", "## Exercises"),
    (
        "markdown",
        f"{FENCE}{{exercise}} Twice\n:label: ex-toy-twice\n*warm-up · 10 min · objective 1.*  Double $y$.\n{FENCE}",
    ),
    ("code", "from lib import course\ncourse.question('toy-double')"),
    ("markdown", f"{FENCE}{{solution-start}} ex-toy-twice\n:label: sol-toy-twice\n:class: dropdown\n{FENCE}"),
    ("markdown", "Multiply by two, the secret."),
    ("code", "secret = 2 * y"),
    ("markdown", f"{FENCE}{{solution-end}}\n{FENCE}"),
    (
        "markdown",
        f"{FENCE}{{exercise}} Name\n:label: ex-toy-name\n*research · 60 min · objectives 1, 2.*  Name it.\n{FENCE}",
    ),
    ("markdown", f"{FENCE}{{solution}} ex-toy-name\n:label: sol-toy-name\n:class: dropdown\nThe secret name.\n{FENCE}"),
]


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """A course folder of one small chapter in the book's own format."""
    root = tmp_path_factory.mktemp("toy")
    (root / "book" / "answers").mkdir(parents=True)
    (root / "book" / "answers" / "toy.yml").write_text(KEY, encoding="utf-8")
    make = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}
    notebook = nbformat.v4.new_notebook(cells=[make[kind](source) for kind, source in CELLS])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, root / "book" / "toy.ipynb")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chapters, "ROOT", root)
        patch.chdir(root / "book")
        chapter = chapters.read_chapter("toy")
        editions.write_course([chapter], root / "course")
    return root / "course", chapter


@pytest.mark.slow("nbgrader makes the students' edition in a process of its own")
def test_a_chapter_is_read_as_its_author_wrote_it(toy):
    chapter = toy[1]
    assert chapter.objectives == ["double", "name"]
    assert chapter.prerequisites == "none" and chapter.minutes == (5, 3)
    twice, name = chapter.exercises
    assert (twice.level, twice.minutes, twice.objectives, twice.text) == ("warm-up", 10, (1,), "Double $y$.")
    assert twice.questions == ["toy-double"] and twice.solution == [6, 7] and twice.marks == [5, 8]
    assert name.level == "research" and name.objectives == (1, 2) and name.solution == [10]


@pytest.mark.slow("nbgrader executes notebooks in kernels of their own")
def test_nbgrader_validates_solutions_and_fails_blanks(toy):
    folder, _ = toy
    assert editions.validate(folder, "toy") == ""
    blank = editions.nbgrader(folder, "validate", "release/toy/toy.ipynb", check=False)
    # The answer's test and the answer in words: all that is graded with points.
    assert "VALIDATION FAILED ON 2 CELL(S)" in blank.stdout


@pytest.mark.slow("nbgrader executes notebooks in kernels of their own")
@pytest.mark.parametrize("value, word", [("3", "y itself"), ("6.2", "AssertionError"), ("'six'", "a number")])
def test_hidden_tests_refuse_a_wrong_answer(toy, tmp_path, value, word):
    source = nbformat.read(toy[0] / "source" / "toy" / "toy.ipynb", as_version=4)
    for cell in source.cells:
        cell.source = cell.source.replace("toy_double = 6.0", f"toy_double = {value}")
    nbformat.write(source, tmp_path / "toy.ipynb")
    result = editions.nbgrader(toy[0], "validate", tmp_path / "toy.ipynb", check=False).stdout
    assert word in result and "Success!" not in result


@pytest.mark.slow("nbgrader makes the students' edition in a process of its own")
def test_students_get_no_solution_and_no_hidden_test(toy):
    text = (toy[0] / "release" / "toy" / "toy.ipynb").read_text()
    assert "secret" not in text and "HIDDEN" not in text and "toy_double = 6" not in text and "- 6.0" not in text
    source = (toy[0] / "source" / "toy" / "toy.ipynb").read_text()
    assert "secret" in source and "HIDDEN" in source
    points = {
        cell.metadata.nbgrader.grade_id: cell.metadata.nbgrader.points
        for cell in nbformat.reads(source, 4).cells
        if cell.metadata.get("nbgrader", {}).get("grade")
    }
    assert points == {"toy-double-test": 1, "ex-toy-twice-1": 0, "ex-toy-name-1": 4}


@pytest.mark.parametrize("name", chapters.chapter_names())
def test_every_chapter_has_an_edition_with_its_answers(name):
    chapter = chapters.read_chapter(name)
    notebook = editions.instructor_notebook(chapter)
    marked = {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if "nbgrader" in cell.metadata}
    for exercise in chapter.exercises:
        assert f"{exercise.label}-1" in marked
        for question in exercise.questions:
            # The key's answer passes the tests made from it, alone; the first hint's does not.
            names = {}
            exec(marked[f"{question}-answer"].source, names)
            exec(marked[f"{question}-test"].source, names)
            for hint in course.key(question).hints[:1]:
                names[question.replace("-", "_")] = hint.equals
                with pytest.raises(AssertionError):
                    exec(marked[f"{question}-test"].source, names)
