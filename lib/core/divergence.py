"""How a run that diverges is noticed and reported, in theory and in simulation."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.integrate import solve_ivp

from .checks import DivergenceError
from .student_teacher import StudentTeacher

# A converging run never exceeds a few times its initial error; growth by this factor means divergence.
GROWTH = 1e6

_critical_rates: dict[str, Callable] = {}


class Run(NamedTuple):
    """What was trained and on what: enough to say why it diverged."""

    model: StudentTeacher
    eta: float
    what: str
    """The run in a message: "the flow", or "SGD with seed 3"."""
    N: int | None = None
    """Input dimension; None: the limit of many inputs."""
    inputs: np.ndarray | None = None
    """Real data (samples, features); None: Gaussian inputs."""
    learned: int | None = None
    """Leading levels whose weights are trained; None: all."""


def critical_rate(activation):
    """Register a function of a :class:`Run` as the critical learning rate of networks with one activation.

    The theory of these rates is in the chapters, which import the core: they register here what a message needs.
    """

    def register(function):
        _critical_rates[activation] = function
        return function

    return register


def divergence(run, alpha):
    """Make the DivergenceError of a run that diverged by ``alpha``, with the critical learning rate where it is known."""
    if run.model.activation in _critical_rates:
        critical = _critical_rates[run.model.activation](run)
        cause = f"eta = {run.eta:g}: must be below the critical learning rate {critical:.4g}"
    else:
        critical, cause = None, f"eta = {run.eta:g} is too large"
    message = f"{cause}; {run.what} diverged by alpha = {alpha:.4g}"
    return DivergenceError(message, float(alpha), critical, run.eta, run.model)


def check_convergence(run, alpha, eps_g, start):
    """Raise DivergenceError if the errors ``eps_g`` (n,) of a run at the times ``alpha`` (n,) grow without bound.

    ``start`` is the error at alpha = 0.
    """
    bad = unbounded(eps_g, start)
    if bad.size:
        raise divergence(run, alpha[bad[0]])


def unbounded(eps_g, start):
    """Find the indices of errors ``eps_g`` (n,), ``start`` at alpha = 0, that have grown by ``GROWTH`` or are NaN."""
    return np.flatnonzero(~(eps_g < GROWTH * max(1.0, start)))


def _largest_entry(z):
    return np.max(np.abs(z))


def integrate(velocity, start, alpha, eta, method, rtol, atol, largest=_largest_entry):
    """Solve z' = velocity(alpha, z), a flow that :func:`lib.solve` does not know.

    Parameters
    ----------
    velocity : callable
        Of a time and a state (size,): the state's derivative (size,).
    start : ndarray, shape (size,)
        State at alpha = 0.
    alpha : ndarray, shape (n,)
        Times at which the solution is wanted.
    eta : float
        Learning rate, for the message.
    method, rtol, atol
        As :func:`scipy.integrate.solve_ivp` takes them.
    largest : callable, optional
        Of a state: the number whose growth means divergence. Default: the largest absolute value.

    Returns
    -------
    ndarray, shape (n, size)

    Raises
    ------
    DivergenceError
        If ``largest`` grows by ``GROWTH``.
    ArithmeticError
        If the integrator gives up for another reason.
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
        raise DivergenceError(f"eta = {eta:g} is too large; the flow diverged by alpha = {at:.4g}", at, eta=eta)
    if not solution.success:
        raise ArithmeticError(f"the flow could not be integrated to alpha = {alpha[-1]:g}: {solution.message}")
    return solution.y.T
