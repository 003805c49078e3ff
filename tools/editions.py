"""Instructor's and students' notebooks of every chapter, as a course folder of nbgrader.

``make course`` writes ``_build/course``: ``source`` holds the chapters with solutions, hidden tests and points,
``release`` the same with blanks, ``gradebook.db`` the points. Copy the folder and grade in it with nbgrader.
Both are made from the chapter and from the key of answers; nothing in them is written by hand.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell

from lib.book import course
from tools.chapters import LEVELS, ROOT, chapter_names, read_chapter

FOLDER = ROOT / "_build" / "course"
_CONFIG = """\
c = get_config()
c.CourseDirectory.course_id = "scaling-laws"
c.ExecutePreprocessor.timeout = 600
"""


def instructor_notebook(chapter):
    """The chapter with nbgrader's marks on its exercises.

    The chapter's own cells stay as they are, for solutions use what they compute. A question of the key becomes an
    answer to be assigned to a variable, and a cell of tests; the other exercises are graded by hand, one point for a
    warm-up to four for research.

    Parameters
    ----------
    chapter : tools.chapters.Chapter

    Returns
    -------
    NotebookNode
    """
    old = chapter.notebook.cells
    exercises = {exercise.cell: (number, exercise) for number, exercise in enumerate(chapter.exercises, 1)}
    dropped = {index for exercise in chapter.exercises for index in [*exercise.solution, *exercise.marks]}
    questions = {name for exercise in chapter.exercises for name in exercise.questions}
    cells = []
    for index, cell in enumerate(old):
        if index in exercises:
            cells += _graded(*exercises[index], old)
        elif index not in dropped and not any(
            f"question({mark}{name}" in cell.source for name in questions for mark in "\"'"
        ):
            cells.append(_copy(cell))
    for number, cell in enumerate(cells):
        cell["id"] = f"c{number:03}"
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=dict(chapter.notebook.metadata))
    nbformat.validate(notebook)
    return notebook


def _graded(number, exercise, old):
    """The cells of one exercise."""
    points = 1 + LEVELS.index(exercise.level)
    objectives = ", ".join(map(str, exercise.objectives))
    head = f"**Exercise {number}: {exercise.title}** ({exercise.level}, {exercise.minutes} min, objective {objectives}"
    yield new_markdown_cell(f"{head}, {points * max(1, len(exercise.questions))} points)\n\n{exercise.text}")
    for name in exercise.questions:
        yield from _autograded(name, points)
    worth = 0 if exercise.questions else points
    solution = [cell for cell in (_copy(old[index]) for index in exercise.solution)]
    for part, cell in enumerate(solution):
        if cell.cell_type == "markdown":
            cell.source = re.sub(
                r"^(`{3,}|:{3,})\{solution\}.*?\n((?::[\w-]+:.*\n)*)(.*)^\1[ \t]*$",
                r"\3",
                cell.source,
                flags=re.S | re.M,
            ).strip()
        # The first cell carries the points; nbgrader knows no answer in words that is not graded.
        graded = part == 0 or cell.cell_type == "markdown"
        _mark(
            cell, f"{exercise.label}-{part + 1}", solution=True, points=(worth if part == 0 else 0) if graded else None
        )
        yield cell


def _autograded(name, points):
    """A cell for the answer to a question of the key, and one that tests it."""
    key = course.key(name)
    variable = re.sub(r"\W", "_", name)
    choices = f" One of {', '.join(map(repr, key.choices))}." if key.choices else ""
    yield new_markdown_cell(f"{key.ask}: assign it to `{variable}`.{choices}")
    answer = new_code_cell(f"### BEGIN SOLUTION\n{variable} = {key.answer!r}\n### END SOLUTION")
    yield _mark(answer, f"{name}-answer", solution=True)
    if isinstance(key.answer, str):
        kind, holds = "str", f"{variable}.strip().lower() == {key.answer.lower()!r}"
        wrong = [f"assert {variable}.strip().lower() != {hint.equals.lower()!r}, {hint.say!r}" for hint in key.hints]
    else:
        kind, holds = "(int, float)", f"abs({variable} - {key.answer!r}) <= {key.tolerance * (1 + 1e-12)!r}"
        wrong = [
            f"assert abs({variable} - {hint.equals!r}) > {_width(key, hint)!r}, {hint.say!r}" for hint in key.hints
        ]
    test = new_code_cell(
        "\n".join(
            [
                f"assert isinstance({variable}, {kind}), "
                f"'assign {'words' if kind == 'str' else 'a number'} to {variable}'",
                "### BEGIN HIDDEN TESTS",
                *wrong,
                f"assert {holds}",
                "### END HIDDEN TESTS",
            ]
        )
    )
    yield _mark(test, f"{name}-test", points=points)


def _width(key, hint):
    """A hint is as wide as in question.mjs, but never reaches the answer's own interval."""
    width = key.tolerance * abs(hint.equals / key.answer) if key.answer else key.tolerance
    return min(width, max(0.0, abs(hint.equals - key.answer) - key.tolerance) * (1 - 1e-9))


def _mark(cell, name, solution=False, points=None):
    """Write nbgrader's metadata: graded if it has points, locked if nobody is to write in it."""
    cell.metadata["nbgrader"] = {
        "schema_version": 3,
        "grade_id": name,
        "solution": solution,
        "grade": points is not None,
        "locked": not solution,
        "task": False,
    } | ({} if points is None else {"points": points})
    return cell


def _copy(cell):
    """A cell without outputs."""
    new = new_markdown_cell if cell.cell_type == "markdown" else new_code_cell
    return new(cell.source, metadata=dict(cell.metadata))


def write_course(chapters, folder=FOLDER):
    """Write a course folder: source by us, release by nbgrader itself.

    Parameters
    ----------
    chapters : list of Chapter
    folder : Path
        Replaced.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "nbgrader_config.py").write_text(_CONFIG)
    for chapter in chapters:
        source = folder / "source" / chapter.name
        source.mkdir(parents=True)
        nbformat.write(instructor_notebook(chapter), source / f"{chapter.name}.ipynb")
        nbgrader(folder, "generate_assignment", chapter.name, "--create", "--force")


def validate(folder, name):
    """Run a chapter's two editions through ``nbgrader validate``: the solutions must pass, the blanks must not.

    Parameters
    ----------
    folder : Path
        A course folder.
    name : str
        The chapter.

    Returns
    -------
    str
        What is wrong; empty if nothing is.
    """
    said = {
        edition: nbgrader(folder, "validate", f"{edition}/{name}/{name}.ipynb", check=False).stdout
        for edition in ("source", "release")
    }
    if "Success!" not in said["source"]:
        return f"{name}: the solutions do not pass:\n{said['source']}"
    return "" if "VALIDATION FAILED" in said["release"] else f"{name}: the blanks pass"


def nbgrader(folder, *arguments, check=True):
    """Run nbgrader in a course folder, with this repository's library."""
    # nbgrader calls alembic by its name: the environment's own comes first.
    paths = {"PATH": str(Path(sys.executable).parent), "PYTHONPATH": str(ROOT)}
    environment = {name: os.pathsep.join(filter(None, [first, os.environ.get(name)])) for name, first in paths.items()}
    environment["OPENBLAS_NUM_THREADS"] = "1"  # chapters run side by side
    result = subprocess.run(
        [sys.executable, "-m", "nbgrader", *map(str, arguments)],
        cwd=folder,
        text=True,
        capture_output=True,
        env=os.environ | environment,
    )
    if check and result.returncode:
        raise RuntimeError(f"nbgrader {' '.join(map(str, arguments))}:\n{result.stdout}{result.stderr}")
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="*", help="all by default")
    parser.add_argument(
        "--validate", action="store_true", help="run both editions: the solutions must pass, the blanks not"
    )
    options = parser.parse_args()
    names = options.chapters or chapter_names()
    chapters = [chapter for chapter in map(read_chapter, names) if chapter.exercises]
    if not chapters:
        sys.exit("no chapter has exercises")
    write_course(chapters)
    print(f"{FOLDER}: {', '.join(chapter.name for chapter in chapters)}")
    if options.validate:
        problems = 0
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for chapter, problem in zip(chapters, pool.map(lambda chapter: validate(FOLDER, chapter.name), chapters)):
                print(problem or f"{chapter.name}: the solutions pass, the blanks fail", flush=True)
                problems += bool(problem)
        sys.exit(bool(problems))


if __name__ == "__main__":
    main()
