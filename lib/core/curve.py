"""What theory and simulation both return: a learning curve."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..kernels import averages
from . import checks


@dataclass(frozen=True, eq=False)
class Curve:
    """A learning curve.

    Attributes
    ----------
    alpha : ndarray, shape (n,)
        Time, in examples / N.
    eps_g : ndarray, shape (n,) or (seeds, n)
        Generalisation error <(zeta - sigma)^2> / 2.
    R, Q : ndarray, shapes (..., n, K, M) and (..., n, K, K)
        Student-teacher and student-student overlaps of the fields.
    T : ndarray, shape (M, M) or (seeds, M, M)
        Teacher-teacher overlaps of the fields, which do not change.
    r, q : ndarray, shapes (n, L, K, M) and (n, L, K, K), or None
        The overlaps block by block, from ``levels()`` when first read: of many levels they are large.
    """

    alpha: np.ndarray
    eps_g: np.ndarray
    R: np.ndarray
    Q: np.ndarray
    T: np.ndarray
    levels: Callable = field(default=None, repr=False)

    @cached_property
    def _blocks(self):
        return (None, None) if self.levels is None else self.levels()

    @property
    def r(self):
        return self._blocks[0]

    @property
    def q(self):
        return self._blocks[1]


def field_error(model, Q, R, T):
    """eps_g (n,) of the overlaps Q (n, K, K), R (n, K, M), T (M, M)."""
    checks.model(model)
    v, u = model.output_weights
    C = np.empty((model.students + model.teachers,) * 2)
    errors = np.empty(len(Q))
    for i in range(len(Q)):
        averages.assemble(Q[i], R[i], T, C)
        errors[i] = averages.generalization_error(C, model.students, v, u, model.activity)
    return errors
