"""What theory and simulation both return: a learning curve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..kernels import averages, quadratic
from . import checks
from .student_teacher import StudentTeacher


@dataclass(frozen=True, eq=False)
class Curve:
    """A learning curve.

    Attributes
    ----------
    alpha : ndarray, shape (n,)
        Time, in examples / N.
    eps_g : ndarray, shape (n,) or (seeds, n)
        Generalisation error <(zeta - sigma)^2> / 2, ``eq-error``.
    R : ndarray, shape (..., n, K, M)
        Student-teacher overlaps of the fields, ``eq-order-parameters``.
    Q : ndarray, shape (..., n, K, K)
        Student-student overlaps of the fields.
    T : ndarray, shape (M, M) or (seeds, M, M)
        Teacher-teacher overlaps of the fields, which do not change.
    levels : callable, optional
        Computes the pair ``r``, ``q``. Default: there are none.
    """

    alpha: NDArray[np.float64]
    eps_g: NDArray[np.float64]
    R: NDArray[np.float64]
    Q: NDArray[np.float64]
    T: NDArray[np.float64]
    levels: Callable[[], tuple[NDArray[np.float64], NDArray[np.float64]]] | None = field(default=None, repr=False)

    @cached_property
    def _blocks(self):
        return (None, None) if self.levels is None else self.levels()

    @property
    def r(self) -> NDArray[np.float64] | None:
        """Student-teacher overlaps of every level, (n, L, K, M), or None; ``eq-blocks``, computed when first read."""
        return self._blocks[0]

    @property
    def q(self) -> NDArray[np.float64] | None:
        """Student-student overlaps of every level, (n, L, K, K), or None."""
        return self._blocks[1]


def field_error(
    model: StudentTeacher, Q: NDArray[np.float64], R: NDArray[np.float64], T: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Compute the generalisation error of Gaussian fields, ``eq-error-closed``.

    Parameters
    ----------
    model : StudentTeacher
        Its activation and numbers of units.
    Q : ndarray, shape (n, K, K)
        Student-student overlaps of the fields.
    R : ndarray, shape (n, K, M)
        Student-teacher overlaps of the fields.
    T : ndarray, shape (M, M)
        Teacher-teacher overlaps of the fields.

    Returns
    -------
    ndarray, shape (n,)
        eps_g.

    Raises
    ------
    ValueError
        If ``model`` is no StudentTeacher.
    """
    checks.model(model)
    outputs, network = model.outputs, model.network
    C = np.empty((model.students + model.teachers,) * 2)
    errors = np.empty(len(Q))
    for i in range(len(Q)):
        averages.assemble(Q[i], R[i], T, C)
        if model.activation == "square":
            errors[i] = quadratic.error(C, outputs)
        else:
            errors[i] = averages.generalization_error(C, model.students, *network)
    return errors
