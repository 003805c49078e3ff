"""What a chapter's notebook says of itself: objectives, prerequisites, minutes, exercises and their solutions."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import yaml

ROOT = Path(__file__).parents[1]
LEVELS = ("warm-up", "standard", "challenge", "research")
_OPENING = re.compile(r":{3,}\s*\{admonition\} By the end of this chapter you will be able to\n(.*?)\n:{3,}", re.S)
_DIRECTIVE = re.compile(
    r"^(`{3,}|:{3,})\{(exercise|solution-start|solution-end|solution)\}[ \t]*(.*?)\n(.*?)^\1[ \t]*$", re.S | re.M
)
_HEAD = re.compile(r"\s*\*(?P<level>[\w-]+) · (?P<minutes>\d+) min · objectives? (?P<objectives>[\d, and]+)\.\*\s*")


@dataclass
class Exercise:
    """An exercise: what it asks, and the indices of the cells that answer it.

    ``question`` names the self-checking question between exercise and solution, if there is one; ``cell`` is the
    exercise's own cell, ``solution`` the cells of its solution without the two that mark its ends.
    """

    label: str
    title: str
    text: str
    cell: int
    level: str = ""
    minutes: int = 0
    objectives: tuple = ()
    questions: list = field(default_factory=list)
    solution: list = field(default_factory=list)
    marks: list = field(default_factory=list)


@dataclass
class Chapter:
    """A chapter as a course sees it."""

    name: str
    title: str
    objectives: list
    prerequisites: str
    minutes: tuple
    exercises: list
    notebook: nbformat.NotebookNode


def chapter_names():
    """Names of the chapters in reading order: the notebooks of the numbered parts but for the appendices."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [
        chapter["file"]
        for part in toc["parts"]
        if part.get("numbered") and "ppendi" not in part["caption"]
        for chapter in part["chapters"]
    ]
    return [Path(file).name for file in files if (ROOT / f"{file}.ipynb").is_file()]


def options(body):
    """Options and text of a directive's body."""
    lines = body.splitlines()
    count = next((i for i, line in enumerate(lines) if not re.match(r":[\w-]+:", line)), len(lines))
    pairs = (re.match(r":([\w-]+):\s*(.*)", line).groups() for line in lines[:count])
    return dict(pairs), "\n".join(lines[count:]).strip()


def read_chapter(name):
    """Read a chapter's notebook.

    What is missing stays empty; ``tests/test_course.py`` says what must be there.

    Parameters
    ----------
    name : str
        The notebook's name without folder and ending.

    Returns
    -------
    Chapter
    """
    notebook = nbformat.read(ROOT / "book" / f"{name}.ipynb", as_version=4)
    head = notebook.cells[0].source
    opening = (_OPENING.search(head) or [None, ""])[1]
    minutes = re.search(r"(\d+) minutes to read,? (?:and )?(\d+)", opening)
    prerequisites = re.search(r"Prerequisites?:\s*(.*?)(?:\.\s+About|\.\s*$|\n\n)", opening, re.S)
    return Chapter(
        name=name,
        title=re.search(r"^# (.*)$", head, re.M)[1],
        objectives=re.findall(r"^\d+\. (.*?)[;.]?$", opening, re.M),
        prerequisites=prerequisites[1].strip() if prerequisites else "",
        minutes=tuple(map(int, minutes.groups())) if minutes else (),
        exercises=_exercises(notebook),
        notebook=notebook,
    )


def _exercises(notebook):
    exercises, inside = [], False
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            if inside:
                exercises[-1].solution.append(index)
            elif exercises:
                exercises[-1].questions += re.findall(r"""question\(\s*["']([\w-]+)["']""", cell.source)
            continue
        found = list(_DIRECTIVE.finditer(cell.source))
        for _, kind, argument, body in (match.groups() for match in found):
            if kind == "exercise":
                given, text = options(body)
                exercises.append(Exercise(given.get("label", ""), argument.strip(), text, index))
                if head := _HEAD.match(text):
                    exercise = exercises[-1]
                    exercise.level, exercise.minutes = head["level"], int(head["minutes"])
                    exercise.objectives = tuple(map(int, re.findall(r"\d+", head["objectives"])))
                    exercise.text = text[head.end() :]
            elif kind == "solution-start":
                inside = True
                exercises[-1].marks.append(index)
            elif kind == "solution-end":
                inside = False
                exercises[-1].marks.append(index)
            else:
                exercises[-1].solution.append(index)
        if inside and not found:
            exercises[-1].solution.append(index)
    return exercises
