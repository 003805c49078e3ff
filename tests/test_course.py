"""Every chapter as a course needs it: objectives, prerequisites, minutes, exercises with solutions."""

import re

import numpy as np
import pytest
from conftest import ROOT

import lib
from lib import widgets
from tools.chapters import LEVELS, chapter_names, read_chapter

CHAPTERS = chapter_names()


@pytest.fixture(scope="module", params=CHAPTERS)
def chapter(request):
    return read_chapter(request.param)


def test_a_chapter_opens_with_objectives_prerequisites_and_minutes(chapter):
    assert 4 <= len(chapter.objectives) <= 6, "number them: 1. ..."
    assert chapter.prerequisites
    assert len(chapter.minutes) == 2 and min(chapter.minutes) > 0, '"About N minutes to read, M to work through."'


def test_a_chapter_closes_with_a_summary_and_eight_exercises(chapter):
    sources = "\n".join(cell.source for cell in chapter.notebook.cells if cell.cell_type == "markdown")
    assert "\n## Summary" in sources and "## Exercises" in sources
    assert len(chapter.exercises) >= 8
    assert len({exercise.label for exercise in chapter.exercises}) == len(chapter.exercises)
    assert {exercise.level for exercise in chapter.exercises} >= {"warm-up", "standard", "research"}
    assert sum(len(exercise.questions) for exercise in chapter.exercises) >= 3


def test_an_exercise_states_level_minutes_and_objective(chapter):
    for exercise in chapter.exercises:
        assert exercise.label.startswith(f"ex-{chapter.name}-") and exercise.title
        assert exercise.level in LEVELS, f"{exercise.label}: begin with *warm-up · 10 min · objective 2.*"
        assert exercise.minutes > 0
        assert exercise.objectives
        assert set(exercise.objectives) <= set(range(1, len(chapter.objectives) + 1)), exercise.label


def test_every_objective_has_an_exercise(chapter):
    met = {number for exercise in chapter.exercises for number in exercise.objectives}
    assert met == set(range(1, len(chapter.objectives) + 1))


def test_every_exercise_has_a_solution(chapter):
    for exercise in chapter.exercises:
        assert exercise.solution, f"{exercise.label} has no solution"
        assert len(exercise.marks) in (0, 2), f"{exercise.label}: solution-start without solution-end"


def notes():
    """The lecturer's notes on each chapter, by its title."""
    text = (ROOT / "book" / "course.md").read_text(encoding="utf-8").partition("## Notes for the lecturer")[2]
    _, *sections = re.split(r"^### (.*)$", text, flags=re.MULTILINE)
    return dict(zip(sections[::2], sections[1::2]))


def numbers(text):
    """Every number of a text, as it is written: 3 digits, or 3 digits with decimals."""
    return set(re.findall(r"(?<![\w.])\d+(?:\.\d+)?", text))


def test_the_lecturer_s_numbers_are_the_library_s():
    """The notes may be reworded; the numbers in them are those of the library, rounded as they stand there."""
    flat, M = lib.power_law(1.0, 4), 2
    escape = [lib.plateau.escape_time(lib.power_law(1.0, levels), M, 0.1) for levels in (1, 4, 16, 64)]
    one, many = (lib.asymptotics.critical_eta(flat, units) for units in (1, 10_000))
    opens = [lib.asymptotics.law(flat, M, 0.1).window[0], lib.linear.power_law_window(flat, 0.1)[0]]
    for name, expected in (
        ("plateau", {f"{time:.0f}" for time in (escape[0] * np.log(10), *escape)}),
        ("asymptotics", {f"{one:.2f}", f"{many:.2f}", f"{opens[0] / opens[1]:.0f}"}),
    ):
        assert expected <= numbers(notes()[read_chapter(name).title]), name
    assert lib.features.critical_eta(lib.power_law(1.0, 256), 4) > 2.1  # "$\\eta = 2.1$ and $l = 4$" converges


SHOWN_LIVE = {  # what the notes set in an explorer, one state after the other
    "flow": [{"levels": 1, "sigma_J": 0.01}],
    "linear": [{"levels": levels, "beta": 1.0, "N": 1024} for levels in (16, 128, 1024)],
    "features": [{"eta": 0.1, "learned": 8}, {"eta": 1.5, "learned": 8}, {"eta": 2.1, "learned": 4}, {"compute": 1}],
    "plateau": [{"levels": 1, "sigma_J": sigma_J, "eta": 0.1} for sigma_J in (0.1, 0.01, 0.001)]
    + [{"levels": levels, "sigma_J": 0.01} for levels in (4, 16, 64)],
    "asymptotics": [{"levels": 1}, {"levels": 16384}],
    "mitigation": [{"activation": 1, "power": 0.0}, {"activation": 1, "power": 1.0}, {"activation": 0, "units": 2}],
    "planning": [{"noise": 0.1}],
    "deeper": [{"students": K, "teachers": 2, "levels": 1, "alpha_max": 1e4} for K in (3, 2, 4, 1)],
}
EXPLORER = {"deeper": "flow"}  # where it is not named as in the table


def test_the_explorers_have_what_the_lecturer_is_to_show():
    for name, states in SHOWN_LIVE.items():
        for values in states:
            widgets.explore(EXPLORER.get(name, name), **values)  # refuses a value that its control does not have
    for name, control in (("linear", "levels"), ("features", "eta"), ("plateau", "sigma_J"), ("asymptotics", "levels")):
        values = {f"{state[control]:g}" for state in SHOWN_LIVE[name] if control in state}
        assert values <= numbers(notes()[read_chapter(name).title]), name


def test_every_chapter_has_notes_for_the_lecturer():
    assert list(notes()) == [read_chapter(name).title for name in CHAPTERS]


def test_the_floors_that_the_lecturer_shows_are_there_and_do_not_move():
    """At the last time shown: a floor for K = 3 and, a hundred times higher, for K = 1; none for 2 and 4.

    With a spectrum of several levels the floors stand where they did.
    """

    def end(students, beta=1.0, levels=1):
        model = lib.StudentTeacher(lib.power_law(beta, levels), students, 2)
        return lib.solve(model, model.initial_overlaps(0.5, N=512), 0.5, [1e4], blocks=False).eps_g[0]

    few, matched, spare, pairs = map(end, (1, 2, 3, 4))
    assert 50 < few / spare < 200
    assert matched < 1e-12 and pairs < 0.01 * spare
    for students, floor in ((1, few), (3, spare)):
        assert end(students, 0.5, 4) == pytest.approx(floor, rel=0.05)  # at 1e4 the slower levels are nearly there
