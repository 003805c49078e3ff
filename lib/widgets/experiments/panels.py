"""Panels that several explorers share."""

from ..experiment import Panel
from ..kernels.panels import FIRST_LEVELS


def overlaps(along, most):
    """Overlaps along a flow of up to ``most`` students and teachers: with the teachers, and among the students."""
    students, teachers = ([f"{kind} {i + 1}" for i in range(most)] for kind in ("student", "teacher"))
    return (
        Panel("R", "R, overlap of student and teacher", "matrix", along, tuple(students), tuple(teachers)),
        Panel("Q", "Q, overlap of two students", "matrix", along, tuple(students), tuple(students)),
    )


def level_errors(along):
    """The parts of a curve's error in groups of levels, each named by its first level."""
    groups = tuple(map(str, FIRST_LEVELS))
    return (Panel("level_errors", "error by level", "bars", along, ("from level",), groups),)
