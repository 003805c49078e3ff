"""Chapter "Plateaus": where erf students are held up, for how long, and how they leave.

For teachers orthonormal in every level (t = 1). Identical students act as one unit, trained at the rate eta / K. The
plateau is that unit's fixed point, the same in every level and for every spectrum. The differences between students,
through which they turn to different teachers, grow at it, level by level, as (``eq-plateau-escape``)

    ds_k/dalpha = (eta / K) lambda_k (slope S + (eta G / 2 K) s_k),    S = sum_k w_k lambda_k s_k.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import solve_ivp
from scipy.special import digamma, zeta

from .averages import activation, quadrature
from .core import checks
from .core.blocks import pack
from .core.checks import DivergenceError
from .core.curve import Curve
from .core.spectra import Spectrum
from .core.student_teacher import Overlaps, StudentTeacher
from .kernels import plateau as kernels
from .maths.dormand_prince import STAGES

# Relative error allowed in a step of the symmetric path.
RTOL = 1e-7
# Give up after this many escape times: exp(-250) covers any sigma_J / sqrt(N) above 1e-100.
MAX_ESCAPE_TIMES = 250.0


@dataclass(frozen=True, eq=False)
class FixedPoint:
    """The plateau: the symmetric fixed point of the flow; made by :func:`fixed_point`.

    Attributes
    ----------
    height : float
        eps_g on the plateau.
    R, Q : float
        Totals <x_i y_n> and <x_i x_j>, each the same for all i, j and n.
    overlaps : Overlaps
        The same level by level: r (L, K, M), q (L, K, K), t (L, M, M), read-only views of one value each.
    """

    height: float
    R: float
    Q: float
    overlaps: Overlaps


@dataclass(frozen=True)
class End:
    """The end of a plateau; made by :func:`end`.

    Attributes
    ----------
    length : float
        Time of the end, counted from the start of training.
    masking : float
        Error above the plateau at that time, in units of the plateau's height.
    """

    length: float
    masking: float


def largest_eta(teachers: int, students: int | None = None) -> float:
    """Return the learning rate beyond which there is no plateau, because the students' weights grow without bound.

    pi K / (M asin(1/3) + asin((M-1)/(2M-1)) - (M-1) asin(1/(2M-1))), the limit Q -> infinity of ``eq-plateau-rate``:
    about 9.2 for K = M, and far above the rate at which the students can still learn the teacher.

    Parameters
    ----------
    teachers : int
        Hidden units M of the teacher, >= 1.
    students : int, optional
        Hidden units K of the student, >= 1. Default: M.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.

    Examples
    --------
    >>> import lib
    >>> round(lib.plateau.largest_eta(2), 2)
    18.49
    """
    K, M, V, u = _networks(teachers, students, 1)
    return K * kernels.largest_rate(M, V, u)


def fixed_point(
    spectrum: Spectrum,
    teachers: int,
    eta: float = 0.0,
    students: int | None = None,
    strength: ArrayLike | None = None,
) -> FixedPoint:
    """Find the symmetric fixed point of the flow, at which all students are identical.

    Equations ``eq-plateau-balance`` and ``eq-plateau-rate`` of the book: it depends only on M and eta / K. For
    eta -> 0 it is ``eq-plateau-height``, Q = 1/(2M-1), R = 1/sqrt(M(2M-1)) and height 1/6 - (M/pi) asin(1/2M), for
    any K. Strengths t_k of mean sum_k w_k lambda_k t_k = 1 change none of these totals: where the unit rests,
    A r_k + c t_k = 0 and A q_k + M c r_k + eta G/(2 K) = 0, so that r_k = R t_k and
    q_k = M R^2 t_k + (Q - M R^2), whose totals are R and Q for any t_k.

    Parameters
    ----------
    spectrum : Spectrum
        Sets the number of levels L of the overlaps; their values do not depend on it.
    teachers : int
        Hidden units M of the teacher, >= 1.
    eta : float
        Learning rate, >= 0. Default: 0, the limit of a small rate.
    students : int, optional
        Hidden units K of the student, >= 1. Default: M.
    strength : array_like, shape (L,), optional
        Strengths t_k >= 0 of the teachers in the levels, with sum_k w_k lambda_k t_k = 1, as from :func:`lib.source`.
        Default: one in each.

    Returns
    -------
    FixedPoint

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    DivergenceError
        If eta is at or above :func:`largest_eta`.

    Examples
    --------
    >>> import lib
    >>> plateau = lib.plateau.fixed_point(lib.power_law(1.0, 4), teachers=2)
    >>> round(plateau.height, 4), round(plateau.R, 3), round(plateau.Q, 3)
    (0.0058, 0.408, 0.333)
    """
    checks.spectrum(spectrum)
    eta = checks.number("eta", eta, 0.0)
    K, M, V, u = _networks(teachers, students, 1)
    Q = _self_overlap(K, M, V, u, eta)
    R = kernels.balance(Q, M, V, u)
    L = spectrum.levels
    r, q, t = R, Q, np.eye(M)
    if strength is not None:
        strengths = checks.strength(spectrum, strength, normalised=True)[:, None, None]
        r, q, t = R * strengths, M * R**2 * strengths + (Q - M * R**2), strengths * t
    blocks = (np.broadcast_to(x, (L, *shape)) for x, shape in ((r, (K, M)), (q, (K, K)), (t, (M, M))))
    return FixedPoint(kernels.error(R, Q, M, V, u), R, Q, Overlaps(*blocks))


def escape_time(
    spectrum: Spectrum, teachers: int, eta: float, students: int | None = None, strength: ArrayLike | None = None
) -> float:
    """Return the time in which a specialisation grows by a factor e at the plateau, exactly at any learning rate.

    The inverse of the growth rate gamma of ``eq-plateau-secular``, the largest root of
    sum_k w_k a lambda_k^2 / (gamma - b lambda_k) = 1 with a = eta slope / K and b = eta^2 G / (2 K^2). Its limit at
    small eta is :func:`small_eta_escape_time`.

    Strengths t_k put w_k t_k in the place of w_k, and <t lambda^2> = sum_k w_k t_k lambda_k^2 in that of <lambda^2>. A
    specialisation s_k turns a student to one teacher from the others. It changes the pull of that teacher alone, by
    slope S, and what a pull adds in level k is the teacher's vector there, of square t_k:
    s_k' = (eta/K) lambda_k (slope S t_k + (eta G / 2 K) s_k). The totals at the plateau, and with them slope and G, do
    not depend on t_k (:func:`fixed_point`). In a level without the teacher, t_k = 0, there is nothing to turn to, and
    s_k = 0.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    teachers : int
        Hidden units M of the teacher, >= 2.
    eta : float
        Learning rate, > 0.
    students : int, optional
        Hidden units K of the student, >= 2. Default: M.
    strength : array_like, shape (L,), optional
        Strengths t_k >= 0 of the teachers in the levels, with sum_k w_k lambda_k t_k = 1, as from :func:`lib.source`.
        Default: one in each.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    DivergenceError
        If eta is at or above :func:`largest_eta`.

    Examples
    --------
    >>> import lib
    >>> s = lib.power_law(1.0, 64)
    >>> round(lib.plateau.escape_time(s, teachers=2, eta=0.1), 2)
    11.6
    >>> round(lib.plateau.escape_time(s, teachers=2, eta=0.1, strength=lib.source(s, 1.0)), 2)  # an easier task
    8.0
    """
    checks.spectrum(spectrum)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    K, M, V, u = _networks(teachers, students, 2)
    return 1.0 / _escape_rate(spectrum, K, M, V, u, eta, strength)


def small_eta_escape_time(
    spectrum: Spectrum, teachers: int, eta: float, students: int | None = None, strength: ArrayLike | None = None
) -> float:
    """Return the escape time to leading order in the learning rate.

    Equation ``eq-plateau-tau`` of the book: pi K sqrt(2M-1) (2M+1)^(3/2) / (2 M eta <lambda^2>), with <t lambda^2> for
    <lambda^2> where strengths are given (:func:`escape_time`).

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    teachers : int
        Hidden units M of the teacher, >= 2.
    eta : float
        Learning rate, > 0.
    students : int, optional
        Hidden units K of the student, >= 2. Default: M.
    strength : array_like, shape (L,), optional
        Strengths t_k >= 0 of the teachers in the levels, with sum_k w_k lambda_k t_k = 1, as from :func:`lib.source`.
        Default: one in each.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    checks.spectrum(spectrum)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    K, M, _, _ = _networks(teachers, students, 2)
    second_moment = spectrum.second_moment
    if strength is not None:
        strengths = checks.strength(spectrum, strength, normalised=True)
        second_moment = float(np.sum(spectrum.weights * strengths * spectrum.eigenvalues**2))
    return kernels.small_eta_escape_time(second_moment, K, M, eta)


def escape_time_law(beta: float, levels: int, teachers: int, eta: float) -> float:
    """Return the escape time of a power law in the limit of many levels and many teachers, K = M.

    The limit in ``eq-plateau-tau``: 2 pi zeta(1+beta)^2 / zeta(2+2 beta) M^2 / (eta L).

    Parameters
    ----------
    beta : float
        Exponent of the spectrum, > 0.
    levels, teachers : int
        Levels L of the spectrum and hidden units M of the teacher, >= 1.
    eta : float
        Learning rate, > 0.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    beta = checks.number("beta", beta, 0.0, open_minimum=True)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    L, M = checks.whole("levels", levels), checks.whole("teachers", teachers)
    return 2.0 * np.pi * zeta(1.0 + beta) ** 2 / zeta(2.0 + 2.0 * beta) * M**2 / (eta * L)


def length(spectrum: Spectrum, teachers: int, eta: float, sigma_J: float, N: int, students: int | None = None) -> float:
    """Compute the time at which a typical run leaves the plateau, counted from the start of training.

    The students' specialisation, the part R~ of R with zero sum over students and over teachers, is followed to linear
    order along the path of identical students (``eq-plateau-length``); nothing is fitted. It starts from (K-1)(M-1)
    independent Gaussians of variance sigma_J^2 <lambda^2> / N, whose mean logarithm sets the length, and the plateau
    ends when |R~| = |R| / 4, R of the plateau.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    teachers : int
        Hidden units M of the teacher, >= 2.
    eta : float
        Learning rate, > 0.
    sigma_J : float
        Standard deviation of the students' initial weights, > 0.
    N : int
        Input dimension, >= 1; only the size of the initial overlaps depends on it.
    students : int, optional
        Hidden units K of the student, >= 2. Default: M.

    Returns
    -------
    float
        0 if |R~| starts beyond the end.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    DivergenceError
        If eta is at or above :func:`largest_eta`.

    Notes
    -----
    Valid for sigma_J << 1. Single runs scatter about it by 1.1 escape times (K = M = 2) because of their initial
    weights, and about the flow of their own weights by the root of :func:`kick_share`. The initial specialisation is
    taken in proportion to lambda_k. The true one, of the same variance of S but independent from level to level, ends
    the plateau earlier by a few hundredths of the escape time (up to a tenth where beta is small).
    """
    checks.spectrum(spectrum)
    return end(spectrum, teachers, eta, sigma_J, N, students).length


def masking(
    spectrum: Spectrum, teachers: int, eta: float, sigma_J: float, N: int, students: int | None = None
) -> float:
    """Compute the error above the plateau when a typical run leaves it, in units of the plateau's height.

    A small value says that the plateau has been reached. Of order one or more, the levels that no student has learned
    yet weigh as much as the plateau, and hide it. In closed form: :func:`masking_law`.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    teachers : int
        Hidden units M of the teacher, >= 2.
    eta : float
        Learning rate, > 0.
    sigma_J : float
        Standard deviation of the students' initial weights, > 0.
    N : int
        Input dimension, >= 1.
    students : int, optional
        Hidden units K of the student, >= 2. Default: M.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    DivergenceError
        If eta is at or above :func:`largest_eta`.
    """
    checks.spectrum(spectrum)
    return end(spectrum, teachers, eta, sigma_J, N, students).masking


def end(spectrum: Spectrum, teachers: int, eta: float, sigma_J: float, N: int, students: int | None = None) -> End:
    """Compute both :func:`length` and :func:`masking` of a plateau from one integration.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    teachers : int
        Hidden units M of the teacher, >= 2.
    eta : float
        Learning rate, > 0.
    sigma_J : float
        Standard deviation of the students' initial weights, > 0.
    N : int
        Input dimension, >= 1.
    students : int, optional
        Hidden units K of the student, >= 2. Default: M.

    Returns
    -------
    End

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    DivergenceError
        If eta is at or above :func:`largest_eta`.

    Examples
    --------
    >>> import lib
    >>> plateau_end = lib.plateau.end(lib.power_law(1.0, 64), teachers=2, eta=0.1, sigma_J=0.01, N=10_000)
    >>> round(plateau_end.length, 1), round(plateau_end.masking, 3)
    (96.3, 0.538)
    """
    checks.spectrum(spectrum)
    size = _start_size(spectrum, teachers, sigma_J, N, students)
    left = _departure(spectrum, teachers, eta, students, size)
    _, M, V, u = _networks(teachers, students, 2)
    height = fixed_point(spectrum, teachers, eta, students).height
    return End(left.time, kernels.error(left.R, left.Q, M, V, u) / height - 1.0)


def masking_law(spectrum: Spectrum, teachers: int, times: ArrayLike) -> float | NDArray[np.float64]:
    """Compute the masking in closed form, at small eta and to leading order in what the students have not yet learned.

    A small departure of the unit from its fixed point costs an error of second order. Level k's share of it has decayed
    by exp(-rho lambda_k alpha), rho the unit's rate, and rho tau <lambda^2> = 4 M^2 - 1 for any K and eta. With eps*
    the plateau's height (``eq-plateau-masking``) it is

        M / (pi eps* sqrt(4 M^2 - 1))  sum_k w_k lambda_k exp(-2 (4 M^2 - 1) times lambda_k / <lambda^2>).

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    teachers : int
        Hidden units M of the teacher, >= 2.
    times : array_like
        Times since the start in units of the escape time, >= 0, of any shape: the plateau's length in these units gives
        the masking at its end.

    Returns
    -------
    float, or ndarray of the shape of ``times``

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    checks.spectrum(spectrum)
    M = checks.whole("teachers", teachers, 2)
    given = checks.real_array("times", times).astype(float)
    if not np.all(given >= 0):
        checks.refuse("times", given, "numbers >= 0")
    s, fast = spectrum, 2.0 * (4 * M * M - 1)
    height = 1.0 / 6.0 - M / np.pi * np.arcsin(0.5 / M)
    mass, rate = s.weights * s.eigenvalues, fast / s.second_moment * s.eigenvalues
    missed = [mass @ np.exp(-rate * time) for time in given.ravel()]
    result = M / (np.pi * height * np.sqrt(4 * M * M - 1)) * np.reshape(missed, given.shape)
    return float(result) if result.ndim == 0 else result


def kick_share(spectrum: Spectrum, eta: float, students: int | None = None) -> float:
    """Return the variance that single examples add to the specialisation, relative to that of the initial weights.

    Equation ``eq-plateau-kicks`` of the book, for two teachers. Two students with a small difference D receive steps
    that differ by (eta sqrt(M) / K) h D.xi xi / N, h = (zeta - sigma) g''(x): kicks of the size of the difference
    itself. With V = (y_1 - y_2) / sqrt 2, a = <h^2> and b = <h^2 V^2> at the plateau they add up, discounted by the
    growth that they miss, to

        eta^2 M / K^2 tau [a <lambda^3> + (b - a) <lambda^2>^2] / (2 <lambda^2>),

    a number of order eta that does not depend on N or sigma_J.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    eta : float
        Learning rate, > 0.
    students : int, optional
        Hidden units K of the student, >= 2. Default: 2.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    DivergenceError
        If eta is at or above :func:`largest_eta`.

    Notes
    -----
    To leading order in eta, for N -> infinity, and without the kicks before the plateau, where h and the difference
    have not yet reached their values. Those change its root by some ten per cent for a power law of a few levels, by
    three quarters for a rare strong level (:func:`kick_share_on_the_way`).
    """
    checks.spectrum(spectrum)
    point, tau = fixed_point(spectrum, 2, eta, students), escape_time(spectrum, 2, eta, students)
    K = 2 if students is None else students
    a, b = _kick_strength(point.R, point.Q, 30)
    second, third = spectrum.second_moment, np.sum(spectrum.weights * spectrum.eigenvalues**3)
    return float(eta**2 * 2.0 / K**2 * tau * (a * third + (b - a) * second**2) / (2.0 * second))


def kick_share_on_the_way(spectrum: Spectrum, eta: float, sigma_J: float, alpha: float) -> float:
    """Compute the share of :func:`kick_share` as it is at time alpha, counted from the start of training.

    For two students and two teachers. Initial weights and kicks each give the levels' specialisations a covariance
    (L, L). Both are carried by the linear equation ``eq-plateau-escape`` along the path of identical students, with the
    strength that kicks have at each point of it. So kicks before the plateau are included, and those after alpha are
    not. For N -> infinity, sigma_J << 1, any eta, and up to some tens of levels.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    eta : float
        Learning rate, > 0.
    sigma_J : float
        Standard deviation of the students' initial weights, > 0.
    alpha : float
        Time, > 0; before the plateau's end, since all is linear in the specialisation.

    Returns
    -------
    float
        Variance of S that is due to kicks over that which is due to initial weights.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    checks.spectrum(spectrum)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    sigma_J = checks.number("sigma_J", sigma_J, 0.0, open_minimum=True)
    alpha = checks.number("alpha", alpha, 0.0, open_minimum=True)
    K, M, V, u = _networks(2, 2, 2)
    lam, mass, L, e = spectrum.eigenvalues, spectrum.weights * spectrum.eigenvalues, spectrum.levels, eta / K

    def velocity(_, z):
        r, q, width = z[: 3 * L].reshape(3, L)  # width: squared length of J_1 - J_2 per direction, level by level
        from_start, from_kicks = z[3 * L :].reshape(2, L, L)
        R, Q, spread = mass @ r, mass @ q, mass @ width  # spread: variance of x_1 - x_2
        # on the plateau students lie in the teachers' span, Q = M R^2 up to noise, and a trial step can undershoot it
        Q = max(Q, M * R * R)
        A, c, G, decay, slope = kernels.coefficients(R, Q, M, V, u)
        a, b = _kick_strength(R, Q, 14)
        growth = e * (slope * np.outer(lam, mass) - decay * np.diag(lam))
        kicks = 0.5 * eta**2 * spread * (a * np.diag(lam / spectrum.weights) + (b - a) * np.outer(lam, lam))
        half = growth @ from_start, growth @ from_kicks
        return np.concatenate(
            [
                e * lam * (A * r + c),
                e * lam * (2.0 * A * q + 2.0 * M * c * r + e * G),
                lam * (0.5 * eta**2 * a * spread - 2.0 * e * decay * width),
                (half[0] + half[0].T).ravel(),
                (half[1] + half[1].T + kicks).ravel(),
            ]
        )

    # widths in units of sigma_J^2, both covariances in units of 2 sigma_J^2 / N
    start = np.diag(2.0 / spectrum.weights).ravel()
    begin = [np.zeros(L), np.full(L, sigma_J**2), np.full(L, 2.0), start, np.zeros(L * L)]
    z = solve_ivp(velocity, (0.0, alpha), np.concatenate(begin), rtol=1e-5, atol=1e-10).y[3 * L :, -1].reshape(2, L, L)
    return float((mass @ z[1] @ mass) / (mass @ z[0] @ mass))


def symmetric_error(
    spectrum: Spectrum, teachers: int, eta: float, alpha: ArrayLike, students: int | None = None
) -> NDArray[np.float64]:
    """Compute eps_g of students that start at zero and never specialise: the curve that ends in the plateau.

    It follows ``eq-plateau-unit``.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    teachers : int
        Hidden units M of the teacher, >= 2.
    eta : float
        Learning rate, > 0.
    alpha : array_like, shape (n,), or float
        Times (examples / N), >= 0 and increasing.
    students : int, optional
        Hidden units K of the student, >= 2. Default: M.

    Returns
    -------
    ndarray, shape (n,)
        eps_g at every time.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    DivergenceError
        If eta is at or above :func:`largest_eta`.
    """
    checks.spectrum(spectrum)
    alpha = checks.times("alpha", alpha)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    K, M, V, u = _networks(teachers, students, 2)
    _self_overlap(K, M, V, u, eta)  # refuses a rate without a plateau
    path = _follow(spectrum, kernels.Unit(M, V, u, eta / K), 0.0, np.inf, alpha)
    return np.array([kernels.error(R, Q, M, V, u) for R, Q in zip(path.R, path.Q)])


def typical_overlaps(model: StudentTeacher, sigma_J: float, N: int) -> Overlaps:
    """Return block overlaps of a typical start, whose plateau ends after :func:`length`, for ``lib.solve``.

    q = sigma_J^2, and r is zero except for a specialisation proportional to lambda_k along one pattern, student i to
    teacher i, of the size that :func:`length` assumes.

    Parameters
    ----------
    model : StudentTeacher
        With at least two students and two teachers.
    sigma_J : float
        Standard deviation of the students' initial weights, > 0.
    N : int
        Input dimension, >= 1.

    Returns
    -------
    Overlaps
        r (L, K, M), q (L, K, K) and t (L, M, M).

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    checks.model(model)
    K, M, s = model.students, model.teachers, model.spectrum
    _networks(M, K, 2)
    if model.strength is not None:
        checks.refuse("model.strength", model.strength, "None: the length is that of teachers equal in all levels")
    size = _start_size(s, M, sigma_J, N, K)
    pattern = np.empty((K, M))
    kernels.specialised_part(np.eye(K, M), pattern)
    start = model.initial_overlaps(sigma_J)
    shape = s.eigenvalues / s.second_moment * size / np.linalg.norm(pattern)
    return Overlaps(shape[:, None, None] * pattern, start.q, start.t)


def specialisation(R: ArrayLike) -> NDArray[np.float64]:
    """Return the size |R~| of the specialisation: the Frobenius norm of R less its means over students and teachers.

    Parameters
    ----------
    R : array_like, shape (..., K, M)
        Student-teacher overlaps.

    Returns
    -------
    ndarray, shape (...)

    Raises
    ------
    ValueError
        If ``R`` does not hold real numbers.

    Examples
    --------
    >>> import lib
    >>> round(float(lib.plateau.specialisation([[0.6, 0.4], [0.4, 0.6]])), 3)
    0.2
    """
    R = np.ascontiguousarray(checks.real_array("R", R), dtype=float)
    if R.ndim < 2 or 0 in R.shape[-2:]:
        checks.refuse("R", R, "an array of shape (..., K, M)")
    matrices, out = R.reshape(-1, *R.shape[-2:]), np.empty(R.shape[:-2])
    kernels.specialisations(matrices, np.empty(R.shape[-2:]), out.reshape(-1))
    return out[()]


def measured_length(curve: Curve, plateau: FixedPoint) -> float | NDArray[np.float64]:
    """Measure the time at which the runs of a curve leave the plateau, by the criterion of :func:`length`.

    Parameters
    ----------
    curve : Curve
        From ``lib.solve`` or ``lib.simulate``.
    plateau : FixedPoint
        From :func:`fixed_point`.

    Returns
    -------
    ndarray, shape (seeds,), or float
        NaN for a run that has not left it by the curve's last time.
    """
    K, M = curve.R.shape[-2:]
    level = np.log(specialisation(curve.R) / kernels.specialisation_at_end(plateau.R, K, M))
    runs = level.reshape(-1, curve.alpha.size)
    result = np.array([kernels.first_crossing(curve.alpha, run) for run in runs]).reshape(level.shape[:-1])
    return float(result) if result.ndim == 0 else result


def _kick_strength(R: float, Q: float, points: int) -> tuple[float, float]:
    """Return a = <h^2> and b = <h^2 V^2>, h = (zeta - sigma) g''(x) of identical students, V = (y_1 - y_2) / sqrt 2."""
    g, slope = activation("erf")
    C = np.array([[Q, R, R], [R, 1.0, 0.0], [R, 0.0, 1.0]])

    def squared(x, y1, y2):
        return ((g(y1) + g(y2)) / np.sqrt(2.0) - np.sqrt(2.0) * g(x)) ** 2 * (x * slope(x)) ** 2

    a = quadrature(C, squared, points)[0]
    return a, quadrature(C, lambda x, y1, y2: squared(x, y1, y2) * 0.5 * (y1 - y2) ** 2, points)[0]


def _networks(teachers: int, students: int | None, least: int) -> tuple[int, int, float, float]:
    """Check numbers of units; return K, M and the output weights of all students together, V, and of a teacher, u."""
    M = checks.whole("teachers", teachers, least)
    K = M if students is None else checks.whole("students", students, least)
    return K, M, np.sqrt(M), 1.0 / np.sqrt(M)


def _self_overlap(K: int, M: int, V: float, u: float, eta: float) -> float:
    """Return Q at the symmetric fixed point; refuse a rate without one."""
    Q = kernels.fixed_point(M, V, u, eta / K)
    if not np.isfinite(Q):
        limit = K * kernels.largest_rate(M, V, u)
        raise DivergenceError(
            f"eta = {eta:g}: must be below {limit:.4g}, beyond which there is no plateau and the weights grow",
            0.0,
            limit,
        )
    return Q


def _escape_rate(
    spectrum: Spectrum, K: int, M: int, V: float, u: float, eta: float, strength: ArrayLike | None = None
) -> float:
    """Return the inverse of :func:`escape_time`."""
    eigenvalues, weights = spectrum.eigenvalues, spectrum.weights
    if strength is not None:
        strengths = checks.strength(spectrum, strength, normalised=True)
        there = strengths > 0
        eigenvalues, weights = eigenvalues[there], (weights * strengths)[there]
    return kernels.escape(eigenvalues, weights, _self_overlap(K, M, V, u, eta), M, V, u, eta / K)


def _start_size(spectrum: Spectrum, teachers: int, sigma_J: float, N: int, students: int | None) -> float:
    """Return the typical |R~| at the start: exp of its mean logarithm."""
    sigma_J = checks.number("sigma_J", sigma_J, 0.0, open_minimum=True)
    N = checks.whole("N", N)
    K, M, _, _ = _networks(teachers, students, 2)
    # of the norm of (K-1)(M-1) standard normals
    norm = np.exp(0.5 * (digamma(0.5 * (K - 1) * (M - 1)) + np.log(2.0)))
    return sigma_J * np.sqrt(spectrum.second_moment / N) * norm


class _Departure(NamedTuple):
    """When |R~| reaches the end of the plateau, and the totals of the symmetric path then."""

    time: float
    R: float
    Q: float


def _departure(spectrum: Spectrum, teachers: int, eta: float, students: int | None, size: float) -> _Departure:
    """Follow the symmetric path from a specialisation |R~| of ``size`` until the plateau ends."""
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    K, M, V, u = _networks(teachers, students, 2)
    rate = _escape_rate(spectrum, K, M, V, u, eta)  # refuses a rate without a plateau
    target = kernels.specialisation_at_end(fixed_point(spectrum, M, eta, K).R, K, M)
    if size >= target:
        return _Departure(0.0, 0.0, 0.0)
    longest = MAX_ESCAPE_TIMES * max(1.0, np.log(target / size)) / rate
    path = _follow(spectrum, kernels.Unit(M, V, u, eta / K), size, target, np.array([longest]))
    return _Departure(path.time, path.last_R, path.last_Q)


class _Path(NamedTuple):
    """A symmetric path.

    R, Q (n,) are the totals at the times asked for, ``time`` is when |R~| reached its target (or infinity), and
    last_R, last_Q are the totals after the last step before it.
    """

    time: float
    R: NDArray[np.float64]
    Q: NDArray[np.float64]
    last_R: float
    last_Q: float


def _follow(spectrum: Spectrum, unit: kernels.Unit, size: float, target: float, alpha: NDArray[np.float64]) -> _Path:
    """Integrate the path of identical students through the times ``alpha``, and |R~| from ``size`` to ``target``."""
    shape = (spectrum.eigenvalues * size / spectrum.second_moment)[:, None, None]
    levels = Overlaps(r=shape, q=np.zeros_like(shape), t=np.ones_like(shape))
    blocks = pack(spectrum, levels, spectrum.levels, expandable=False)
    n = blocks.mass.size
    z = np.zeros((3, n))
    z[2] = blocks.r[:, 0, 0]
    totals = kernels.Totals(R=np.full(alpha.size, np.nan), Q=np.empty(alpha.size), S=np.empty(alpha.size))
    time = kernels.symmetric_path(
        unit,
        kernels.Levels(rate=unit.e * blocks.eigenvalue, weight=blocks.mass, source=blocks.noise),
        z,
        target,
        alpha,
        RTOL,
        totals,
        kernels.Scratch(slopes=np.empty((STAGES, 3, n)), trial=np.empty((3, n))),
    )
    return _Path(time, totals.R, totals.Q, float(blocks.mass @ z[0]), float(blocks.mass @ z[1]))
