"""Every chapter as a course needs it: objectives, prerequisites, minutes, exercises with solutions."""

import pytest
from conftest import ROOT

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
