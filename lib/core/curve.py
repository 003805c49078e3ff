"""What theory and simulation both return, and how both notice divergence."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.integrate import solve_ivp

from ..features import critical_eta
from ..kernels import averages
from ..linear import fourth_moments
from . import checks
from .checks import DivergenceError

# A run that converges never comes near: where it starts is within a factor of a few of its largest error.
GROWTH = 1e6


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


def _extent(z):
    return np.max(np.abs(z))


def integrate(velocity, start, alpha, eta, method, rtol, atol, largest=_extent):
    """Solve z' = velocity(alpha, z) from z = ``start`` (size,) at 0: z (n, size) at the times ``alpha``.

    For flows that :func:`lib.solve` does not know. DivergenceError if ``largest(z)``, of absolute values unless given,
    leaves every bound, ArithmeticError if the integrator gives up for another reason.
    """
    if alpha[-1] == 0:  # nothing to integrate, which solve_ivp does not take
        return start[None]

    bound = GROWTH * max(1.0, largest(start))

    def room(_, z):
        return bound - largest(z)

    room.terminal = True
    solution = solve_ivp(velocity, (0.0, alpha[-1]), start, method, alpha, events=room, rtol=rtol, atol=atol)
    if solution.t_events[0].size:
        at = float(solution.t_events[0][0])
        raise DivergenceError(f"eta = {eta:g} is too large; the flow diverged by alpha = {at:.4g}", at)
    if not solution.success:
        raise ArithmeticError(f"the flow could not be integrated to alpha = {alpha[-1]:g}: {solution.message}")
    return solution.y.T


def check_convergence(model, eta, alpha, eps_g, start, what, N=None, inputs=None, learned=None):
    """Raise DivergenceError if ``eps_g`` (n,), ``start`` at alpha = 0, left every bound at one of the times ``alpha``."""
    bad = unbounded(eps_g, start)
    if bad.size:
        raise divergence(model, eta, alpha[bad[0]], what, N, inputs, learned)


def unbounded(eps_g, start):
    """Where the errors ``eps_g`` (n,), ``start`` at alpha = 0, have left every bound: indices."""
    return np.flatnonzero(~(eps_g < GROWTH * max(1.0, start)))


def divergence(model, eta, alpha, what, N=None, inputs=None, learned=None):
    """The DivergenceError that says where, and names the critical learning rate where it is known.

    For Gaussian inputs of dimension ``N`` (None: the limit), or the data ``inputs`` (samples, features), and
    ``learned`` leading levels (None: all).
    """
    if model.activation == "linear":
        moments = None if inputs is None else fourth_moments(inputs)
        levels = model.spectrum.levels if learned is None else learned
        critical = critical_eta(model.spectrum, levels, model.students, model.teachers, N, moments)
        words = f"eta = {eta:g}: must be below the critical learning rate {critical:.4g}"
    else:
        critical, words = None, f"eta = {eta:g} is too large"
    return DivergenceError(f"{words}; {what} diverged by alpha = {alpha:.4g}", float(alpha), critical)
