"""Exact symmetries of a start: hidden units that can be exchanged without changing any overlap.

The flow preserves such a symmetry, yet a plateau is unstable against breaking it, and a numerical solution breaks
it by rounding: 1e-16 grows like exp(alpha/tau) until the student "specialises" at a time that only the
arithmetic decides. Solvers therefore find the symmetries of their start and preserve them exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import checks

if TYPE_CHECKING:
    from .student_teacher import Overlaps, StudentTeacher


def orbits(
    r: NDArray[np.float64],
    q: NDArray[np.float64],
    t: NDArray[np.float64],
    upper: NDArray[np.float64] | None = None,
    teachers: NDArray[np.float64] | None = None,
) -> NDArray[np.int64] | None:
    """Find the pairs of units whose overlaps remain equal.

    Parameters
    ----------
    r : ndarray, shape (L, K, M)
        Student-teacher overlaps of every level at the start.
    q : ndarray, shape (L, K, K)
        Student-student overlaps.
    t : ndarray, shape (L, M, M)
        Teacher-teacher overlaps.
    upper : ndarray, shape (K,), optional
        The student's output weights, where they differ or are trained. Default: all equal.
    teachers : ndarray, shape (M,), optional
        The teacher's output weights, where they differ. Default: all equal.

    Returns
    -------
    ndarray, shape (K, K + M), of int, or None
        A number for every pair (student, student or teacher): pairs of one number are mapped to one another by
        permutations of students and of teachers that change nothing. None if only the identity changes nothing.
    """
    if len(r) > 1 and orbits(r[:1], q[:1], t[:1], upper, teachers) is None:
        return None  # as for any drawn start: no need to compare a million levels
    K, M = r.shape[1:]
    P = K + M
    values = np.empty((P, P, len(r)))
    values[:K, :K], values[:K, K:] = np.moveaxis(q, 0, -1), np.moveaxis(r, 0, -1)
    values[K:, :K], values[K:, K:] = np.moveaxis(r, 0, -1).swapaxes(0, 1), np.moveaxis(t, 0, -1)
    # one number for each list of overlaps over the levels; + 0.0 makes -0.0 equal to 0.0
    number = np.unique(values.reshape(P * P, -1) + 0.0, axis=0, return_inverse=True)[1].reshape(P, P)
    weights = np.zeros(K) if upper is None else upper, np.zeros(M) if teachers is None else teachers
    # a unit's kind: student or teacher, and its output weight
    kind = list(zip(np.repeat([0, 1], [K, M]), np.concatenate(weights)))
    group = [
        image
        for unit in range(P)
        for other in range(unit + 1, P)
        if (image := _permutation(number, kind, unit, other)) is not None
    ]
    if not group:
        return None
    label = np.arange(P * P).reshape(P, P)
    label = np.minimum(label, label.T)  # overlaps are symmetric
    while True:
        before = label.copy()
        for image in group:
            moved = label[np.ix_(image, image)]
            label = np.minimum(label, moved)
            inverse = np.argsort(image)
            label = np.minimum(label, label[np.ix_(inverse, inverse)])
        if np.array_equal(label, before):
            break
    return np.unique(label[:K], return_inverse=True)[1].reshape(K, P)


def of_model(model: StudentTeacher, start: Overlaps) -> NDArray[np.int64] | None:
    """Find the pairs of units whose overlaps remain equal, as far as that matters.

    Parameters
    ----------
    model : StudentTeacher
        The networks.
    start : Overlaps
        At alpha = 0.

    Returns
    -------
    ndarray, shape (K, K + M), of int, or None
        As :func:`orbits` does; None for a linear network, which has no plateau on which rounding could grow.

    Raises
    ------
    ValueError
        If ``model`` is no StudentTeacher.
    """
    checks.model(model)
    if model.activation == "linear":
        return None
    weights = model.output_weights if model.activation == "square" else (None, None)
    return orbits(start.r, start.q, start.t, *weights)


def average(label: NDArray[Any], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average overlaps over the pairs of one label.

    Parameters
    ----------
    label : ndarray, shape (K, K + M), of int
        From :func:`orbits`.
    x : ndarray, shape (..., K, K + M)
        Overlaps [q | r].

    Returns
    -------
    ndarray, shape (..., K, K + M)
        Equal where the labels are.
    """
    flat = x.reshape(-1, label.size)
    sizes = np.bincount(label.ravel())
    sums = np.stack([np.bincount(label.ravel(), row) for row in flat])
    return (sums / sizes)[:, label.ravel()].reshape(x.shape)


def _permutation(number, kind, unit, other):
    """Find a permutation that preserves all overlaps, maps ``unit`` to ``other`` and every unit before it to itself.

    None if there is none. Units are placed one after the other, with backtracking.
    """
    P = len(kind)
    image = list(range(unit)) + [other]

    def agrees(i, j):
        before = image[:i]
        return kind[i] == kind[j] and number[i, i] == number[j, j] and np.array_equal(number[i, :i], number[j, before])

    def place(i):
        if i == P:
            return True
        # most likely a unit stays where it is
        for j in sorted(set(range(P)) - set(image), key=lambda j: (j != i, j)):
            if agrees(i, j):
                image.append(j)
                if place(i + 1):
                    return True
                image.pop()
        return False

    return np.array(image) if agrees(unit, other) and place(unit + 1) else None
