"""How a run that diverges is noticed and reported, in theory and in simulation."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import solve_ivp

from .checks import DivergenceError
from .student_teacher import StudentTeacher

# A converging run never exceeds a few times its initial error; growth by this factor means divergence.
GROWTH = 1e6

_critical_rates: dict[str, Callable[[Run], float]] = {}


class Run(NamedTuple):
    """What was trained and on what: enough to say why it diverged."""

    model: StudentTeacher
    """The networks and the spectrum of their inputs."""
    eta: float
    """Learning rate."""
    what: str
    """The run in a message, such as "SGD with seed 3"."""
    N: int | None = None
    """Input dimension; None in the limit of many inputs."""
    inputs: ArrayLike | None = None
    """Real data (samples, features); None for Gaussian inputs."""
    learned: int | None = None
    """Leading levels whose weights are trained; None for all."""


def critical_rate(activation: str) -> Callable[[Callable[[Run], float]], Callable[[Run], float]]:
    """Register a function of a :class:`Run` as the critical learning rate of networks with one activation.

    The theory of these rates is in the chapters, which import the core: they register here what a message needs.

    Parameters
    ----------
    activation : str
        A key of ``lib.core.student_teacher.ACTIVATIONS``.

    Returns
    -------
    callable
        Decorator of the function.
    """

    def register(function):
        _critical_rates[activation] = function
        return function

    return register


def divergence(run: Run, alpha: float) -> DivergenceError:
    """Make the error of a run that diverged, with the critical learning rate where it is known.

    Parameters
    ----------
    run : Run
        What was trained.
    alpha : float
        Time at which the divergence was noticed.

    Returns
    -------
    DivergenceError
        To be raised.
    """
    if run.model.activation in _critical_rates:
        critical = _critical_rates[run.model.activation](run)
        cause = f"eta = {run.eta:g}: must be below the critical learning rate {critical:.4g}"
    else:
        critical, cause = None, f"eta = {run.eta:g} is too large"
    message = f"{cause}; {run.what} diverged by alpha = {alpha:.4g}"
    return DivergenceError(message, float(alpha), critical, run.eta, run.model)


def check_convergence(run: Run, alpha: NDArray[np.float64], eps_g: NDArray[np.float64], start: float) -> None:
    """Check that the error of a run does not grow without bound.

    Parameters
    ----------
    run : Run
        What was trained.
    alpha : ndarray, shape (n,)
        Times.
    eps_g : ndarray, shape (n,)
        Its error at these times.
    start : float
        Its error at alpha = 0.

    Raises
    ------
    DivergenceError
        If it does.
    """
    bad = unbounded(eps_g, start)
    if bad.size:
        raise divergence(run, alpha[bad[0]])


def unbounded(eps_g: NDArray[np.float64], start: float) -> NDArray[np.intp]:
    """Find the errors that have grown by ``GROWTH`` or are NaN.

    Parameters
    ----------
    eps_g : ndarray, shape (n,)
        Errors.
    start : float
        The error at alpha = 0.

    Returns
    -------
    ndarray of int
        Their indices.
    """
    return np.flatnonzero(~(eps_g < GROWTH * max(1.0, start)))


def _largest_entry(z):
    return np.max(np.abs(z))


def integrate(
    velocity: Callable[[float, NDArray[np.float64]], NDArray[np.float64]],
    start: NDArray[np.float64],
    alpha: NDArray[np.float64],
    eta: float,
    method: str,
    rtol: float,
    atol: float,
    largest: Callable[[NDArray[np.float64]], float] = _largest_entry,
) -> NDArray[np.float64]:
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
    method : str
        Name of the method, as for ``scipy.integrate.solve_ivp``.
    rtol, atol : float
        Relative and absolute error allowed in a step.
    largest : callable, optional
        Of a state: the number whose growth means divergence. Default: the largest absolute value.

    Returns
    -------
    ndarray, shape (n, size)
        The solution at these times.

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

    room.terminal = True  # type: ignore[attr-defined]  # as solve_ivp reads it
    solution = solve_ivp(velocity, (0.0, alpha[-1]), start, method, alpha, events=room, rtol=rtol, atol=atol)
    if solution.t_events[0].size:
        at = float(solution.t_events[0][0])
        raise DivergenceError(f"eta = {eta:g} is too large; the flow diverged by alpha = {at:.4g}", at, eta=eta)
    if not solution.success:
        raise ArithmeticError(f"the flow could not be integrated to alpha = {alpha[-1]:g}: {solution.message}")
    return solution.y.T
