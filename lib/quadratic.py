"""Chapter "Learning features": quadratic units, which learn their directions one after the other.

Students sigma = sum_i v_i x_i^2, teachers zeta = sum_n u_n y_n^2, the error centred
(``lib.StudentTeacher(..., activation="square")``). Here student i is aligned with teacher i and with no other, so that
the flow is that of pairs (:mod:`lib.kernels.aligned`)::

    r_k' = eta lambda_k (a r_k + b t_k),   q_k' = eta lambda_k (2 a q_k + 2 b r_k + eta g)
    a = -4 v^2 Q,   b = 4 v u R,   g = 4 v^2 (2 Q E + 8 (v^2 Q^3 - 2 u v Q R^2 + u^2 T R^2))

with E = eps_g = sum (v^2 Q^2 - 2 u v R^2 + u^2 T^2). One pair alone is phase retrieval. Where each pair has one
direction of its own, a unit's weight there grows along a logistic curve, and many pairs make a staircase.
"""

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from .core import checks, divergence
from .core.blocks import pack
from .core.spectra import Spectrum
from .core.student_teacher import StudentTeacher
from .kernels import aligned
from .kernels.integrator import Blocks
from .kernels.staircase import exponents

# The exponent beta of eigenvalues n^-(1+beta) that are all equal.
ISOTROPIC = -1.0
# Integrator steps between two looks at an interrupt.
SLICE = 1000
# Sums over directions: the first are summed one by one, so many that the next ones differ little from their neighbours,
# relative to the width of the front; of the rest NODES Gauss points for each such width.
SMOOTH, NODES = 100.0, 8
# Times handled at once, of some 10^4 directions each.
TIMES = 100


class NoPowerLaw(UserWarning):
    """There is no power law to have an exponent; see :func:`time_exponent`."""


@dataclass(frozen=True, eq=False)
class Retrieval:
    """A learning curve of phase retrieval; made by :func:`retrieval`.

    Attributes
    ----------
    alpha : ndarray, shape (n,)
        Times, in examples / N.
    eps_g : ndarray, shape (n,)
        Generalisation error Q^2 - 2 R^2 + 1.
    R, Q : ndarray, shape (n,)
        Overlaps <x y> and <x^2> of the student's field with the teacher's and with itself; <y^2> = 1.
    unlearned : ndarray, shape (n,)
        U = <(x -+ y)^2> = 1 - 2 |R| + Q, of the sign that fits: eps_g = 2 U - U^2 once the learned levels rest.
    """

    alpha: NDArray[np.float64]
    eps_g: NDArray[np.float64]
    R: NDArray[np.float64]
    Q: NDArray[np.float64]
    unlearned: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Committee:
    """A learning curve of aligned pairs; made by :func:`committee`.

    Attributes
    ----------
    alpha : ndarray, shape (n,)
        Times, in examples / N.
    eps_g : ndarray, shape (n,)
        Generalisation error.
    R, Q : ndarray, shape (n, K)
        Overlaps <x_i y_i> of each student with its teacher, 0 of a student without one, and <x_i^2>.
    """

    alpha: NDArray[np.float64]
    eps_g: NDArray[np.float64]
    R: NDArray[np.float64]
    Q: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Staircase:
    """The loss of many logistic steps; made by :func:`power_law_staircase`.

    Attributes
    ----------
    alpha : ndarray, shape (n,)
        Times, in examples / N.
    eps_g : ndarray, shape (n,)
        Generalisation error, the floor included.
    floor : float
        Part of it in directions that have no student, and which stays.
    """

    alpha: NDArray[np.float64]
    eps_g: NDArray[np.float64]
    floor: float


def escape_rates(model: StudentTeacher, eta: float) -> NDArray[np.float64]:
    """Compute the rates at which small students turn to their teachers: R_n ~ exp(rate_n alpha).

    While Q is small, so is a = -4 v^2 Q, and r_k' = eta lambda_k 4 v_n u_n R_n t_k. Multiplied by w_k lambda_k and
    summed, R_n' = 4 eta v_n u_n <lambda^2 t> R_n: a rate that holds from the first step on, whatever r_k are, with
    <lambda^2 t> = sum_k w_k lambda_k^2 t_k. On power-law data this is far above 1, and the escape far faster than on
    isotropic data. Noise does not change it as long as Q stays small; where it keeps Q near eta eps_g, as it does once
    other teachers of much larger u are what is being learned, a takes 4 eta^2 v_n^2 eps_g lambda from the rate of r.

    The normalised step divides by Q_n: the rate at the start is this one divided by Q_n(0).

    Parameters
    ----------
    model : StudentTeacher
        With activation "square".
    eta : float
        Learning rate, > 0.

    Returns
    -------
    ndarray, shape (min(K, M),)
        Rates of the pairs.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.

    Examples
    --------
    >>> import lib
    >>> model = lib.StudentTeacher(lib.power_law(1.0, 10), 1, 1, "square")
    >>> lib.quadratic.escape_rates(model, eta=1.0).round(4)
    array([18.0206])
    """
    v, u = _outputs(model)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    s = model.spectrum
    moment = np.sum(s.weights * s.eigenvalues**2 * model.strengths)
    pairs = min(v.size, u.size)
    return 4.0 * eta * moment * v[:pairs] * u[:pairs]


def critical_eta(model: StudentTeacher, learned: int | None = None, normalised: bool = False) -> float:
    """Return the largest learning rate at which aligned units come to rest at their teachers.

    The flow's stationary state can be found exactly. From r_k' = 0, r_k = rho t_k with rho = u R / (v Q), and its
    total R = rho T says v Q = u T: noise does not change Q. From q_k' = 0, q_k = rho^2 t_k + eta g / (8 v^2 Q), and
    with D = Q - R^2 / T, the part of Q that is noise, and b = v u T, this is

        D_i = eta (E + 4 b_i D_i),    E = rest + 2 sum_i b_i D_i,

    with ``rest`` the error of the teachers that have no student. Hence E = rest / (1 - S), with
    S(eta) = sum_i 2 eta b_i / (1 - 4 eta b_i). At S = 1 fluctuations, which obey the same equations, sustain
    themselves, and beyond there is no such state. One pair, b = 1, has eta = 1/6 for every spectrum; K equal ones
    have eta b = 1/(2 K + 4). A student without teacher has b = 0. Teachers without student (K < M) have no part in S:
    they let the others rest at E > 0 (:func:`stationary_error`).

    With the leading levels trained alone, which have the share W of the inputs' variance and the part T_l of
    T = T_l + T_u, the same steps give v Q = u T_l, b = v u T_l and
    S = sum_i 2 W eta b_i / (1 - 4 W eta v_i u_i (T_l - T_u)). The normalised step has eta / Q_i in the place of eta,
    so that of v and u only v counts; beyond its critical rate it does not diverge at once, but forgets the teachers.

    Parameters
    ----------
    model : StudentTeacher
        With activation "square".
    learned : int, optional
        Leading levels whose weights are trained, 1 to L. Default: all.
    normalised : bool
        Whether the step of unit i is divided by Q_i. Default: no.

    Returns
    -------
    float
        Infinite if no rate is too large: if the learned levels have no part of a teacher, or far less than the others.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.

    Examples
    --------
    >>> import lib
    >>> spectrum = lib.power_law(1.0, 10)
    >>> round(lib.quadratic.critical_eta(lib.StudentTeacher(spectrum, 1, 1, "square")), 6)
    0.166667
    """
    rest = _rest_state(model, learned, normalised)
    if rest.feedback.max(initial=0.0) > 0:
        top = 1.0 / rest.feedback.max()  # where S is infinite
        high = top * (1.0 - 1e-9)
    else:
        taught = rest.gain > 0
        with np.errstate(divide="ignore"):
            if not taught.any() or np.sum(rest.gain[taught] / -rest.feedback[taught]) <= 1.0:  # S at infinite eta
                return math.inf
        high = 1.0 / rest.gain.max()
        while rest.amplified(high) < 1.0:
            high *= 2.0
    return float(brentq(lambda eta: rest.amplified(eta) - 1.0, 0.0, high, xtol=1e-14 * high, rtol=1e-14))


@divergence.critical_rate("square")
def _critical_eta(run: divergence.Run) -> float:
    """Return :func:`critical_eta` of a run, for the message of a DivergenceError."""
    return critical_eta(run.model, run.learned)


def stationary_error(model: StudentTeacher, eta: float, learned: int | None = None, normalised: bool = False) -> float:
    """Compute eps_g of aligned units after infinitely many examples, exactly at any rate below the critical one.

    It is rest / (1 - S) in the notation of :func:`critical_eta`, zero if every teacher has a student. With the leading
    levels trained alone, the rest is sum_n u_n^2 (T^2 - T_l^2), to which the noise of the unseen part adds
    sum_i 8 W eta b_i u_i^2 T_u T_l / (1 - 4 W eta v_i u_i (T_l - T_u)).

    Parameters
    ----------
    model : StudentTeacher
        With activation "square".
    eta : float
        Learning rate, >= 0.
    learned : int, optional
        Leading levels whose weights are trained, 1 to L. Default: all.
    normalised : bool
        Whether the step of unit i is divided by Q_i. Default: no.

    Returns
    -------
    float
        With a warning if a pair's noise D would exceed its Q: such a unit loses its teacher, and the error is larger.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    DivergenceError
        If eta is at or above the critical learning rate.

    Examples
    --------
    >>> import lib
    >>> model = lib.StudentTeacher(lib.power_law(1.0, 10), 1, 2, "square", teacher_outputs=[1.0, 0.1])
    >>> round(lib.quadratic.stationary_error(model, eta=0.1), 6)
    0.028673
    """
    rest, eta = _rest_state(model, learned, normalised), checks.number("eta", eta, 0.0)
    critical = critical_eta(model, learned, normalised)
    if eta >= critical:
        words = f"eta = {eta:g}: must be below the critical learning rate {critical:.6g}; the error does not converge"
        raise checks.DivergenceError(words, math.inf, critical, eta, model)
    answer = eta / (1.0 - eta * rest.feedback)
    error = (rest.error + np.sum(rest.gain * rest.unseen * answer)) / (1.0 - rest.amplified(eta))
    lost = np.flatnonzero(rest.response * (error + rest.unseen) * answer > rest.Q)
    if lost.size:
        warnings.warn(
            f"eta = {eta:g}: noise exceeds what student {lost[0]} has learned, which loses its teacher; "
            "eps_g is larger than the error returned",
            stacklevel=2,
        )
    return float(error)


@dataclass(frozen=True, eq=False)
class _Rest:
    """The stationary state at a rate eta: D = eta response (E + unseen) / (1 - eta feedback), and S from the gain."""

    Q: NDArray[np.float64]
    feedback: NDArray[np.float64]
    response: NDArray[np.float64]
    gain: NDArray[np.float64]
    unseen: NDArray[np.float64]
    error: float

    def amplified(self, eta):
        """S(eta)."""
        return float(np.sum(eta * self.gain / (1.0 - eta * self.feedback)))


def _rest_state(model, learned, normalised):
    v, u = _outputs(model)
    learned = model.spectrum.levels if learned is None else checks.whole("learned", learned, 1, model.spectrum.levels)
    mass = model.spectrum.weights * model.spectrum.eigenvalues
    W, T, T_l = np.sum(mass[:learned]), mass @ model.strengths, mass[:learned] @ model.strengths[:learned]
    T_u = np.sum(mass[learned:] * model.strengths[learned:])
    pairs = min(v.size, u.size)
    error = np.sum(u[pairs:] ** 2) * T**2 + np.sum(u[:pairs] ** 2) * T_u * (T + T_l)
    v, u = v[:pairs], u[:pairs]
    Q = u * T_l / v
    with np.errstate(divide="ignore", invalid="ignore"):
        response = W / (Q if normalised else np.ones_like(Q))
    feedback, gain = 4.0 * response * v * u * (T_l - T_u), 2.0 * response * v * u * T_l
    return _Rest(Q, feedback, response, gain, 4.0 * u**2 * T_u * T_l, float(error))


def _outputs(model):
    """Output weights (K,) and (M,) of a model of quadratic units."""
    checks.model(model)
    if model.activation != "square":
        raise ValueError(f'model.activation = {model.activation!r}: must be "square"')
    return model.output_weights


def retrieval(
    spectrum: Spectrum,
    eta: float,
    alpha: ArrayLike,
    sigma_J: float = 0.01,
    alignment: float = 1e-3,
    strength: ArrayLike | None = None,
    *,
    normalised: bool = False,
    noise: bool = True,
    rtol: float = 1e-8,
) -> Retrieval:
    """Solve the flow of phase retrieval: one unit, one teacher, both with output weight 1.

    It escapes from small weights (:func:`escape_rates`), then waits for the levels that it has not learned, whose mass
    is U, with eps_g near 2 U (:func:`tail_error`). Levels are compressed as for ``lib.solve``: a million cost what some
    hundred do.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    eta : float
        Learning rate, > 0.
    alpha : array_like, shape (n,), or float
        Times, in examples / N, >= 0 and increasing.
    sigma_J : float
        Standard deviation of the student's random weights, >= 0. Default: 0.01.
    alignment : float
        Multiple of the teacher's weights to which they are added: r_k = alignment t_k,
        q_k = sigma_J^2 + alignment^2 t_k. Random weights alone have one of about sigma_J (<lambda^2> / N)^(1/2);
        without any, 0, the teacher is never found. Default: 1e-3.
    strength : array_like, shape (L,), optional
        Strengths t_k >= 0 of the teacher in the levels, with sum_k w_k lambda_k t_k = 1, as from :func:`lib.source`.
        Default: one in each.
    normalised : bool
        Whether the step is divided by Q, the mean of x^2, which must not be 0 at the start. Default: no.
    noise : bool
        Whether examples come one by one, as in SGD; False is gradient flow, g = 0. Default: yes.
    rtol : float
        Error allowed in a step, relative to eps_g, Q and R, 1e-13 to 0.1. Default: 1e-8.

    Returns
    -------
    Retrieval
        eps_g, R, Q and U, (n,) each.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    DivergenceError
        If the error grows without bound: if eta is above its critical value, 1/6.
    ArithmeticError
        If rounding does not allow ``rtol``.

    Examples
    --------
    >>> import lib
    >>> curve = lib.quadratic.retrieval(lib.power_law(1.0, 1000), eta=0.02, alpha=[0.0, 1.0, 100.0])
    >>> curve.eps_g.round(4)
    array([1.    , 0.1399, 0.0111])
    """
    checks.spectrum(spectrum)
    if strength is not None:
        strength = checks.strength(spectrum, strength, normalised=True)
    model = StudentTeacher(spectrum, 1, 1, "square", strength)
    curve = committee(model, eta, alpha, sigma_J, alignment, normalised=normalised, noise=noise, rtol=rtol)
    R, Q = curve.R[:, 0], curve.Q[:, 0]
    return Retrieval(curve.alpha, curve.eps_g, R, Q, 1.0 - 2.0 * np.abs(R) + Q)


def committee(
    model: StudentTeacher,
    eta: float,
    alpha: ArrayLike,
    sigma_J: float = 0.01,
    alignment: float = 1e-3,
    *,
    normalised: bool = False,
    noise: bool = True,
    rtol: float = 1e-8,
) -> Committee:
    """Solve the flow of aligned pairs, student i with teacher i, on one spectrum.

    The start is that of ``model.initial_overlaps(sigma_J, alignment=alignment)``; with the plain step and noise, the
    curve is that of ``lib.solve``. A step costs K times the number of blocks. Students beyond the M-th have no teacher,
    teachers beyond the K-th no student.

    The normalised step does away with the waiting for one after the other in gradient flow, where a pair that has found
    its direction, R^2 = Q T, obeys (v Q)' = 8 eta v^2 (u T - v Q) on isotropic data: a time that knows nothing of u,
    and while R is small Q itself decays and makes R grow ever faster. Noise brings the steps back, as it keeps the Q of
    a unit that waits at (eta E)^(1/2) and not below. They come earlier than those of the plain step, by about that
    factor, and closer to one another while E falls.

    Parameters
    ----------
    model : StudentTeacher
        With activation "square".
    eta : float
        Learning rate, > 0.
    alpha : array_like, shape (n,), or float
        Times, in examples / N, >= 0 and increasing.
    sigma_J, alignment
        As for :func:`retrieval`, of every student.
    normalised : bool
        Whether the step of unit i is divided by Q_i, which must not be 0 at the start. Default: no.
    noise : bool
        Whether examples come one by one; False is gradient flow. Default: yes.
    rtol : float
        Error allowed in a step, relative to eps_g and each Q and R, 1e-13 to 0.1. Default: 1e-8.

    Returns
    -------
    Committee
        eps_g (n,), R and Q (n, K).

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    DivergenceError
        If the error grows without bound (eta above :func:`critical_eta`).
    ArithmeticError
        If rounding does not allow ``rtol``.

    Examples
    --------
    >>> import lib
    >>> model = lib.StudentTeacher(lib.power_law(1.0, 64), 2, 2, "square", teacher_outputs=[1.0, 0.5])
    >>> lib.quadratic.committee(model, eta=0.01, alpha=[0.0, 10.0, 100.0]).eps_g.round(4)
    array([1.25  , 0.747 , 0.0881])
    """
    v, u = _outputs(model)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    alpha = checks.times("alpha", alpha)
    sigma_J, alignment = checks.number("sigma_J", sigma_J, 0.0), checks.number("alignment", alignment)
    rtol = checks.number("rtol", rtol, 1e-13, 0.1)
    K, pairs = v.size, min(v.size, u.size)
    if normalised and sigma_J == 0 and (alignment == 0 or pairs < K):
        raise ValueError("sigma_J = 0.0: must be > 0 if normalised, as every student's Q must be")
    one = StudentTeacher(model.spectrum, 1, 1, "square", model.strength)
    block = pack(model.spectrum, one.initial_overlaps(sigma_J, alignment=alignment), model.spectrum.levels, False)
    blocks = Blocks(
        block.eigenvalue,
        block.mass,
        block.noise * float(noise),
        *(np.repeat(x[:, :, 0].T, K, axis=0) for x in (block.r, block.q, block.t)),
    )
    if pairs < K:
        alone = pack(model.spectrum, one.initial_overlaps(sigma_J), model.spectrum.levels, False)
        blocks.r[pairs:], blocks.q[pairs:], blocks.t[pairs:] = 0.0, alone.q[:, 0, 0], 0.0
    T = np.sum(model.spectrum.weights * model.spectrum.eigenvalues * model.strengths)
    taught = np.arange(K) < pairs
    u_paired = np.zeros(K)
    u_paired[:pairs] = u[:pairs]
    rest = float(np.sum(u[pairs:] ** 2) * T**2)
    work = np.empty(aligned.size(block.mass.size, K))
    aligned.start(blocks, np.array(v), u_paired, T * taught, rest, eta, float(normalised), work)
    eps_g, Q, R = np.empty(alpha.size), np.empty((alpha.size, K)), np.empty((alpha.size, K))
    status, history = aligned.RUNNING, np.empty((0, 2, K, block.mass.size))
    while status == aligned.RUNNING:
        status = aligned.advance(work, alpha, rtol, SLICE, eps_g, Q, R, history)
    reached = float(aligned.header(work).alpha[0])
    if status == aligned.DIVERGED:
        critical = critical_eta(model, normalised=normalised)
        words = f"eta = {eta:g}: must be below the critical learning rate {critical:.4g}; the flow diverged"
        raise checks.DivergenceError(f"{words} by alpha = {reached:.4g}", reached, critical, eta, model)
    if status == aligned.STALLED:
        raise ArithmeticError(
            f"rtol = {rtol:g}: cannot be met beyond alpha = {reached:.6g}, where steps are lost in rounding"
        )
    return Committee(alpha, eps_g, R, Q)


def tail_error(
    spectrum: Spectrum, eta: float, alpha: ArrayLike, strength: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Compute the late error of phase retrieval, 2 sum_k w_k lambda_k t_k exp(-8 eta lambda_k alpha) / (1 - 6 eta).

    Near the solution J = B + delta, eps_g = 2 D with D = sum_k w_k lambda_k e_k and e_k the mean square of delta in
    level k. The student corrects it at rate 4 eta lambda_k, its noise is g = 8 E + 32 D:
    e_k' = -8 eta lambda_k e_k + 48 eta^2 lambda_k D. Of a tail so slow that its noise is at rest, the noise adds
    6 eta D to D. For lambda_k ~ k^-(1+beta) this is a power law of exponent beta / (1+beta), up to the end of the
    spectrum. To be compared with :func:`retrieval` once eps_g is small: U^2 is left out of eps_g = 2 U - U^2, and so is
    the time of the escape, which ``alpha`` does not know.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    eta : float
        Learning rate, > 0 and < 1/6.
    alpha : array_like, shape (n,), or float
        Times, in examples / N, >= 0 and increasing.
    strength : array_like, shape (L,), optional
        Strengths t_k >= 0 of the teacher in the levels, with sum_k w_k lambda_k t_k = 1. Default: one in each.

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.

    Examples
    --------
    >>> import lib
    >>> lib.quadratic.tail_error(lib.power_law(1.0, 1000), 0.02, [100.0]).round(4)
    array([0.011])
    """
    checks.spectrum(spectrum)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    if eta >= 1.0 / 6.0:
        checks.refuse("eta", eta, "< 1/6, the critical learning rate")
    alpha = checks.times("alpha", alpha)
    mass = spectrum.weights * spectrum.eigenvalues
    if strength is not None:
        mass = mass * checks.strength(spectrum, strength, normalised=True)
    decay = -8.0 * eta * spectrum.eigenvalues
    return np.array([2.0 * np.sum(mass * np.exp(decay * time)) for time in alpha]) / (1.0 - 6.0 * eta)


def step_times(strengths: ArrayLike, start: ArrayLike, eta: float, eigenvalues: ArrayLike = 1.0) -> NDArray[np.float64]:
    """Compute when the steps of :func:`steps` reach half their height: ln(a_n/s_n(0) - 1) / (8 eta lambda_n^2 a_n).

    Parameters
    ----------
    strengths : array_like, shape (n,)
        Strengths a_n of the directions, > 0.
    start : array_like, shape (n,), or float
        s_n(0), > 0.
    eta : float
        Learning rate, > 0.
    eigenvalues : array_like, shape (n,), or float
        Eigenvalues lambda_n of the inputs' covariance in the directions, > 0. Default: 1.

    Returns
    -------
    ndarray, shape (n,)
        Times; 0 where s_n(0) is half of a_n or more.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.

    Examples
    --------
    >>> import lib
    >>> lib.quadratic.step_times([1.0, 0.5, 0.25], start=1e-6, eta=0.1).round(1)
    array([17.3, 32.8, 62.1])
    """
    a, s, squared = _directions(strengths, start, eigenvalues)
    if a.min() == 0:
        raise ValueError(f"strengths[{int(np.argmin(a))}] = 0.0: must be > 0")
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    # in logarithms, as a_n / s_n(0) may be beyond any number
    wait = np.log(np.maximum(a - s, s)) - np.log(s)
    return wait / (8.0 * eta * squared * a)


def steps(
    strengths: ArrayLike, start: ArrayLike, eta: float, alpha: ArrayLike, eigenvalues: ArrayLike = 1.0
) -> NDArray[np.float64]:
    """Compute the logistic steps s_n(alpha) of quadratic units in gradient flow, in closed form.

    The student is sum_n s_n xi_n^2, the teacher sum_n a_n xi_n^2, <xi_n^2> = lambda_n: unit n has the output weight 1
    and a weight of square s_n in direction n alone, where its teacher's strength is a_n. Of the pair's equations with
    Q = lambda s and R^2 = Q T this leaves

        s_n' = 8 eta lambda_n^2 s_n (a_n - s_n),    s_n = 1 / (exp(-x)/s_n(0) + (1 - exp(-x))/a_n),
        x = 8 eta lambda_n^2 a_n alpha.

    With an output weight v, s = v J^2 and eta v takes the place of eta.

    Parameters
    ----------
    strengths : array_like, shape (n,)
        Strengths a_n of the directions, >= 0.
    start : array_like, shape (n,), or float
        s_n(0), > 0.
    eta : float
        Learning rate, > 0.
    alpha : array_like, shape (times,), or float
        Times, in examples / N, >= 0 and increasing.
    eigenvalues : array_like, shape (n,), or float
        Eigenvalues lambda_n of the inputs' covariance in the directions, > 0. Default: 1.

    Returns
    -------
    ndarray, shape (times, n)

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.

    Examples
    --------
    >>> import lib
    >>> lib.quadratic.steps([1.0, 0.5], start=1e-6, eta=0.1, alpha=[0.0, 17.3, 32.8]).round(3)
    array([[0.   , 0.   ],
           [0.506, 0.001],
           [1.   , 0.25 ]])
    """
    a, s, squared = _directions(strengths, start, eigenvalues)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    alpha = checks.times("alpha", alpha)
    return _steps(a, s, 8.0 * eta * squared, alpha)[0]


def steps_error(
    strengths: ArrayLike, start: ArrayLike, eta: float, alpha: ArrayLike, eigenvalues: ArrayLike = 1.0
) -> NDArray[np.float64]:
    """Compute eps_g = sum_n lambda_n^2 (a_n - s_n)^2 of the steps of :func:`steps`, direction by direction.

    It is tr(ACAC) for fields of covariance lambda_n a_n, lambda_n s_n. Differences a_n - s_n keep their digits.

    Parameters
    ----------
    strengths, start, eta, alpha, eigenvalues
        As for :func:`steps`.

    Returns
    -------
    ndarray, shape (times,)

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.

    Examples
    --------
    >>> import lib
    >>> lib.quadratic.steps_error([1.0, 0.5], start=1e-6, eta=0.1, alpha=[0.0, 17.3, 60.0]).round(3)
    array([1.25 , 0.493, 0.   ])
    """
    a, s, squared = _directions(strengths, start, eigenvalues)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    return _steps_error((a, s, squared), np.ones_like(a), eta, checks.times("alpha", alpha))


def _steps_error(directions, weight, eta, alpha):
    """Weighted sum of lambda^2 (a - s)^2, a few times at once."""
    a, s, squared = directions
    error = np.empty(alpha.size)
    for i in range(0, alpha.size, TIMES):
        missing = _steps(a, s, 8.0 * eta * squared, alpha[i : i + TIMES])[1]
        error[i : i + TIMES] = missing**2 @ (weight * squared)
    return error


def _steps(a, s, rate, alpha):
    """Logistic steps of s' = rate s (a - s), and a - s; (times, n) each."""
    t = rate * alpha[:, None]
    x = t * a
    left = np.exp(-x)
    # (1 - exp(-x)) / a, whose limit at a = 0 is t; what overflows here is a step that is done
    risen = np.where(x > 0, -np.expm1(-x) / np.where(a > 0, a, 1.0), t)
    grown = 1.0 / (left + s * risen)
    return s * grown, (a - s) * left * grown


def _directions(strengths, start, eigenvalues):
    """Strengths, starts and squared eigenvalues, (n,) each."""
    a = checks.array("strengths", strengths)
    if a.min() < 0:
        i = int(np.argmin(a))
        raise ValueError(f"strengths[{i}] = {a[i]}: must be >= 0")
    return a, _positive("start", start, a.size), _positive("eigenvalues", eigenvalues, a.size) ** 2


def _positive(argument, value, size):
    """An array (size,) of positive numbers, of one number for all or of one for each."""
    result = checks.array(argument, value, scalar=True)
    if np.ndim(value) > 0:
        checks.shape(argument, result, (size,))
    if result.min() <= 0:
        i = int(np.argmin(result))
        raise ValueError(f"{argument}{f'[{i}]' if np.ndim(value) > 0 else ''} = {result[i]}: must be > 0")
    return np.broadcast_to(result, (size,))


def power_law_staircase(
    gamma: float,
    alpha: ArrayLike,
    eta: float,
    start: float,
    directions: int,
    beta: float | None = None,
    width: int | None = None,
) -> Staircase:
    """Compute the loss of a power law of steps: strengths a_n = n^-gamma, up to 10^8 directions and more.

    The steps are those of :func:`steps`, on isotropic data, lambda_n = 1, or with lambda_n = n^-(1+beta) in the
    teacher's own directions. Their average is a power law of time with the exponent :func:`time_exponent`.

    Terms vary with n over a width n / (p Lambda), p the exponents of a term and of its time together and
    Lambda = ln(1 / s(0)). As many first terms are summed one by one as make this width 100 directions. Of the others
    the sum is the integral from half a direction before the first to half a direction behind the last, less 1/24 of
    the difference of the slopes there (Euler and Maclaurin), by Gauss's rule with 8 points for each unit of the width.
    What is left out are 7/5760 of third derivatives at the ends. The relative error is below 1e-10 while the front is
    among the directions; when all are learned, and one exponential is left, below 1e-8 for a loss of 1e-20.

    Parameters
    ----------
    gamma : float
        Exponent of the strengths, > 0. At or below 1/2 on isotropic data the loss is that of the last directions, and
        no power law, with the warning :class:`NoPowerLaw`.
    alpha : array_like, shape (n,), or float
        Times, in examples / N, >= 0 and increasing.
    eta : float
        Learning rate, > 0.
    start : float
        s_n(0) of every step, > 0.
    directions : int
        Number of directions that the teacher has.
    beta : float, optional
        Exponent of the eigenvalues of its directions, > 0. Default: None, isotropic data.
    width : int, optional
        Number of student units, for the strongest directions; 1 to ``directions``. Default: one for each.

    Returns
    -------
    Staircase
        eps_g (n,), and the part of it that no unit can learn.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.

    Examples
    --------
    >>> import lib
    >>> lib.quadratic.power_law_staircase(1.0, [0.0, 1e2, 1e4], 0.1, 1e-12, 10**8).eps_g.round(5)
    array([1.64493, 0.30776, 0.00258])
    """
    gamma, beta = _exponents(gamma, beta)
    alpha, eta = checks.times("alpha", alpha), checks.number("eta", eta, 0.0, open_minimum=True)
    start = checks.number("start", start, 0.0, open_minimum=True)
    directions = checks.whole("directions", directions)
    width = directions if width is None else checks.whole("width", width, 1, directions)
    if beta is None and gamma <= 0.5:
        _warn(gamma, 3)
    rank, weight = _ranks(1, width, gamma, beta, start)
    error = _steps_error(_power_law(rank, gamma, beta, start), weight, eta, alpha)
    floor = 0.0
    if width < directions:
        rank, weight = _ranks(width + 1, directions, gamma, beta, 1.0)
        a, _, squared = _power_law(rank, gamma, beta, start)
        floor = float(np.sum(weight * squared * a**2))
    return Staircase(alpha, error + floor, floor)


def _power_law(rank, gamma, beta, start):
    """Strengths, starts and squared eigenvalues of directions of these ranks."""
    squared = np.ones_like(rank) if beta is None else rank ** (-2.0 * (1.0 + beta))
    return rank**-gamma, np.full_like(rank, start), squared


def _ranks(first, last, gamma, beta, start):
    """Ranks, not whole, and weights that sum a smooth function of the rank from ``first`` to ``last``."""
    steepness = gamma + (0.0 if beta is None else 2.0 * (1.0 + beta)) + 2.0 * gamma
    steepness *= max(1.0, -math.log(start))
    single = min(last, first - 1 + math.ceil(SMOOTH * steepness))
    rank = np.arange(first, single + 1.0)
    weight = np.ones_like(rank)
    if single == last:
        return rank, weight
    low, high = single + 0.5, last + 0.5
    panels = math.ceil(math.log(high / low) * steepness)
    node, share = np.polynomial.legendre.leggauss(NODES)
    edge = np.linspace(math.log(low), math.log(high), panels + 1)
    half = 0.5 * (edge[1] - edge[0])
    smooth = np.exp(edge[:-1, None] + half * (node + 1.0)).ravel()
    # of the slopes at both ends, each of a difference of two neighbours
    ends = np.array([low - 0.5, low + 0.5, high - 0.5, high + 0.5])
    slopes = np.array([-1.0, 1.0, 1.0, -1.0]) / 24.0
    return (
        np.concatenate([rank, smooth, ends]),
        np.concatenate([weight, (half * np.tile(share, panels)) * smooth, slopes]),
    )


def time_exponent(gamma: float, beta: float | None = None, wait: float = math.inf) -> float:
    """Return the exponent of a staircase's loss in time.

    Direction n is learned at t_n = Lambda_n / (8 eta lambda_n^2 a_n), Lambda_n = ln(a_n / s_n(0)), and what is not
    learned is the sum of lambda_n^2 a_n^2 over t_n > alpha. With a_n = n^-gamma on isotropic data this is
    n^(1 - 2 gamma) at t_n ~ n^gamma: the exponent (2 gamma - 1) / gamma. With lambda_n = n^-(1+beta) it is
    (2 gamma + 1 + 2 beta) / (gamma + 2 + 2 beta). At a finite time Lambda still falls with n, as the strength comes
    nearer to the start's: the local slope has gamma + 2 + 2 beta - gamma / Lambda in the place of
    gamma + 2 + 2 beta, and gamma - gamma / Lambda in that of gamma.

    Parameters
    ----------
    gamma : float
        Exponent of the strengths, > 0. At or below 1/2 on isotropic data there is no power law: sum_n a_n^2 does not
        converge, the loss is that of the last directions, however many there are, and relative to its start it stays
        one until these are learned. The exponent is then 0, with the warning :class:`NoPowerLaw`.
    beta : float, optional
        Exponent of the eigenvalues of the teacher's directions, > 0. Default: None, isotropic data.
    wait : float
        Lambda at the front, > 1. Default: infinite, late times and small starts.

    Returns
    -------
    float
        The exponent c of eps_g ~ alpha^-c, 0 if there is none.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.

    Examples
    --------
    >>> import lib
    >>> lib.quadratic.time_exponent(1.0), round(lib.quadratic.time_exponent(0.5, beta=1.0), 4)
    (1.0, 0.8889)
    """
    gamma, beta = _exponents(gamma, beta)
    if not (isinstance(wait, float) and wait == math.inf):
        wait = checks.number("wait", wait, 1.0, open_minimum=True)
    if beta is None and gamma <= 0.5:
        _warn(gamma, 3)
        return 0.0
    _, width, waiting = exponents(gamma, ISOTROPIC if beta is None else beta)
    return float(width / (waiting - gamma / wait))


def width_exponent(gamma: float, beta: float | None = None) -> float:
    """Return the exponent of a staircase's loss in the number K of student units, once all they can learn is learned.

    The sum of lambda_n^2 a_n^2 over n > K: 2 gamma - 1 on isotropic data, 2 gamma + 1 + 2 beta with
    lambda_n = n^-(1+beta).

    Parameters
    ----------
    gamma : float
        Exponent of the strengths, > 0. At or below 1/2 on isotropic data there is no power law, and the exponent 0, as
        for :func:`time_exponent`.
    beta : float, optional
        Exponent of the eigenvalues of the teacher's directions, > 0. Default: None, isotropic data.

    Returns
    -------
    float
        The exponent c of eps_g ~ K^-c, 0 if there is none.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.

    Examples
    --------
    >>> import lib
    >>> lib.quadratic.width_exponent(0.75)
    0.5
    """
    gamma, beta = _exponents(gamma, beta)
    if beta is None and gamma <= 0.5:
        _warn(gamma, 3)
        return 0.0
    return float(exponents(gamma, ISOTROPIC if beta is None else beta)[1])


def committee_exponent(gamma: float, beta: float, normalised: bool = False) -> float:
    """Return the exponent in time of aligned units that share a power-law spectrum: u_n ~ n^-gamma, v = 1.

    Every unit goes through all of phase retrieval, at a pace that is u_n alpha: it escapes at a time ~ 1/u_n, and has
    then the tail U_n ~ (u_n alpha)^-s, s = beta / (1+beta). The error is the sum of u_n^2 over units that have not
    escaped, n > n* ~ alpha^(1/gamma), and of 2 u_n^2 U_n over those that have:

        alpha^-(2 gamma - 1)/gamma  +  alpha^-s sum_{n < n*} n^-gamma (2 - s).

    The sum converges for gamma (2 - s) > 1, which is where the second power is the slower one; else it gives the first
    again. The exponent is the lesser of s and (2 gamma - 1)/gamma: of the wait for levels, or for units.

    The normalised step divides by Q_n, which is u_n / v at the end: all units have their tails at the same pace,
    independent of u_n. In gradient flow they leave small weights together, too (:func:`committee`): the exponent is s.

    Parameters
    ----------
    gamma : float
        Exponent of the teacher's output weights, > 0. At or below 1/2 there is no power law, and the exponent 0, as for
        :func:`time_exponent`.
    beta : float
        Exponent of the spectrum lambda_k ~ k^-(1+beta), > 0.
    normalised : bool
        Whether the step of unit i is divided by Q_i, in gradient flow. Default: no.

    Returns
    -------
    float
        The exponent c of eps_g ~ alpha^-c, 0 if there is none.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.

    Examples
    --------
    >>> import lib
    >>> lib.quadratic.committee_exponent(1.0, 1.0), round(lib.quadratic.committee_exponent(0.6, 1.0), 4)
    (0.5, 0.3333)
    """
    gamma = checks.number("gamma", gamma, 0.0, open_minimum=True)
    beta = checks.number("beta", beta, 0.0, open_minimum=True)
    if gamma <= 0.5:
        _warn(gamma, 3)
        return 0.0
    levels = beta / (1.0 + beta)
    return levels if normalised else min(levels, (2.0 * gamma - 1.0) / gamma)


def _exponents(gamma, beta):
    gamma = checks.number("gamma", gamma, 0.0, open_minimum=True)
    return gamma, None if beta is None else checks.number("beta", beta, 0.0, open_minimum=True)


def _warn(gamma, level):
    warnings.warn(
        f"gamma = {gamma:g}: at or below 1/2 the sum of the squared strengths does not converge, the loss is that of "
        "the last directions, and there is no power law",
        NoPowerLaw,
        stacklevel=level,
    )
