"""Chapter "Plateaus": where erf students are held up, for how long, and what sets them free.

For teachers orthonormal in every level (t = 1). While the students are alike they act as one unit, trained at
the rate eta / K: the plateau is that unit's fixed point, the same in every level and for every spectrum. The
differences between students by which they take to different teachers grow out of it, level by level, as

    ds_k/dalpha = (eta / K) lambda_k (slope S + (eta G / 2 K) s_k),    S = sum_k w_k lambda_k s_k.
"""

from dataclasses import dataclass

import numpy as np
from scipy.integrate import solve_ivp
from scipy.special import digamma, zeta

from .averages import activation, quadrature
from .core import checks
from .core.checks import DivergenceError
from .core.student_teacher import Overlaps
from .kernels import compression
from .kernels import plateau as kernels

# A student is taken to have left the plateau when its specialisation is this share of what all have in common.
SPECIALISED = 0.25
# Error allowed in a step of the symmetric path.
RTOL = 1e-7
# Times of plateau followed at most: more than sigma_J / sqrt(N) = 1e-100 needs.
PATIENCE = 250.0


@dataclass(frozen=True, eq=False)
class FixedPoint:
    """The plateau: ``height`` eps_g; totals ``R`` = <x_i y_n> and ``Q`` = <x_i x_j>, numbers, for all i, j, n;
    ``overlaps``, block by block (read-only views of one value)."""

    height: float
    R: float
    Q: float
    overlaps: Overlaps


@dataclass(frozen=True)
class End:
    """The end of a plateau: its ``length``, counted from the start, and the ``masking`` at that time."""

    length: float
    masking: float


def largest_eta(teachers, students=None):
    """Learning rate beyond which there is no plateau, because the students' weights grow without bound.

    pi K / (M asin(1/3) + asin((M-1)/(2M-1)) - (M-1) asin(1/(2M-1))), about 9.2 for K = M; far above the rate at
    which the students can still learn the teacher.

    Parameters
    ----------
    teachers : int
        M >= 1.
    students : int, optional
        K; default: M.

    Returns
    -------
    float
    """
    K, M, V, u = _networks(teachers, students, 1)
    return K * kernels.largest_rate(M, V, u)


def fixed_point(spectrum, teachers, eta=0.0, students=None):
    """The symmetric fixed point of the flow.

    For eta -> 0: Q = 1/(2M-1), R = 1/sqrt(M(2M-1)) and height 1/6 - (M/pi) asin(1/2M), for any K. In
    general it depends on M and on eta / K only.

    Parameters
    ----------
    spectrum : Spectrum
        Decides the shape of the block values alone.
    teachers : int
        M >= 1.
    eta : float
        Learning rate, >= 0.
    students : int, optional
        K; default: M.

    Returns
    -------
    FixedPoint

    Raises
    ------
    DivergenceError
        Beyond :func:`largest_eta`.
    """
    checks.spectrum(spectrum)
    eta = checks.number("eta", eta, 0.0)
    K, M, V, u = _networks(teachers, students, 1)
    Q = _self_overlap(K, M, V, u, eta)
    R = kernels.balance(Q, M, V, u)
    L = spectrum.levels
    t = np.broadcast_to(np.eye(M), (L, M, M))
    overlaps = Overlaps(np.broadcast_to(R, (L, K, M)), np.broadcast_to(Q, (L, K, K)), t)
    return FixedPoint(kernels.error(Q, R, M, V, u), R, Q, overlaps)


def escape_time(spectrum, teachers, eta, students=None):
    """Time in which a specialisation grows by a factor e at the plateau: 1/rate, exact at any eta.

    The rate is the largest root of sum_k w_k a lambda_k^2 / (rate - b lambda_k) = 1, a = eta slope / K and
    b = eta^2 G / (2 K^2). For its limit at small eta see :func:`small_eta_escape_time`.

    Parameters
    ----------
    spectrum : Spectrum
    teachers : int
        M >= 2.
    eta : float
        Learning rate, > 0.
    students : int, optional
        K >= 2; default: M.

    Returns
    -------
    float

    Raises
    ------
    DivergenceError
        Beyond :func:`largest_eta`.
    """
    checks.spectrum(spectrum)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    K, M, V, u = _networks(teachers, students, 2)
    return 1.0 / _escape_rate(spectrum, K, M, V, u, eta)


def small_eta_escape_time(spectrum, teachers, eta, students=None):
    """The limit of :func:`escape_time` for small eta: pi K sqrt(2M-1) (2M+1)^(3/2) / (2 M eta <lambda^2>).

    Parameters
    ----------
    spectrum, teachers, eta, students
        As in :func:`escape_time`.

    Returns
    -------
    float
    """
    checks.spectrum(spectrum)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    K, M, V, u = _networks(teachers, students, 2)
    return np.pi * K / (2.0 * M * eta) * np.sqrt(2 * M - 1) * (2 * M + 1) ** 1.5 / spectrum.second_moment


def escape_time_law(beta, levels, teachers, eta):
    """The law of many levels and many teachers, K = M: 2 pi zeta(1+beta)^2 / zeta(2+2 beta) M^2 / (eta L).

    Parameters
    ----------
    beta : float
        Exponent of the spectrum, > 0.
    levels, teachers : int
        L and M, >= 1.
    eta : float
        Learning rate, > 0.

    Returns
    -------
    float
    """
    beta = checks.number("beta", beta, 0.0, open_minimum=True)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    L, M = checks.whole("levels", levels), checks.whole("teachers", teachers)
    return 2.0 * np.pi * zeta(1.0 + beta) ** 2 / zeta(2.0 + 2.0 * beta) * M**2 / (eta * L)


def length(spectrum, teachers, eta, sigma_J, N, students=None):
    """Time at which a typical run leaves the plateau, counted from the start.

    The students' specialisation, their part R~ of R with zero sum over students and over teachers, is
    followed to linear order along the path of students that are alike: no fit, no constant unknown. It starts from
    (K-1)(M-1) independent Gaussians of variance sigma_J^2 <lambda^2> / N, of which the length takes the mean
    logarithm, and the plateau ends when |R~| = |R| / 4, R of the plateau. Valid for sigma_J << 1. Single runs scatter
    about it by 1.1 escape times (K = M = 2) because of their initial weights, and about the flow of their own weights
    by the root of :func:`kick_share`. Levels share a start in proportion to lambda_k; the true one, of the same
    variance of S but independent from level to level, ends earlier by a few hundredths of the escape time (up to a
    tenth where beta is small).

    Parameters
    ----------
    spectrum, teachers, eta, students
        As in :func:`escape_time`.
    sigma_J : float
        Standard deviation of the students' initial weights, > 0.
    N : int
        Input dimension, >= 1; only the size of the initial overlaps depends on it.

    Returns
    -------
    float
        0 if the start is beyond the end.
    """
    checks.spectrum(spectrum)
    return end(spectrum, teachers, eta, sigma_J, N, students).length


def masking(spectrum, teachers, eta, sigma_J, N, students=None):
    """Error above the plateau when a typical run leaves it, in units of the plateau's height.

    Small: the plateau has been reached. Of order one or more: the levels that no student has learned yet weigh as
    much as the plateau, and hide it. In closed form: :func:`masking_law`.

    Parameters
    ----------
    spectrum, teachers, eta, sigma_J, N, students
        As in :func:`length`.

    Returns
    -------
    float
    """
    checks.spectrum(spectrum)
    return end(spectrum, teachers, eta, sigma_J, N, students).masking


def end(spectrum, teachers, eta, sigma_J, N, students=None):
    """:func:`length` and :func:`masking` of a plateau, from one integration.

    Parameters
    ----------
    spectrum, teachers, eta, sigma_J, N, students
        As in :func:`length`.

    Returns
    -------
    End
        With the fields ``length`` and ``masking``.
    """
    checks.spectrum(spectrum)
    size = _start_size(spectrum, teachers, sigma_J, N, students)
    time, Q, R = _path(spectrum, teachers, eta, students, size)
    _, M, V, u = _networks(teachers, students, 2)
    return End(time, kernels.error(Q, R, M, V, u) / fixed_point(spectrum, teachers, eta, students).height - 1.0)


def masking_law(spectrum, teachers, times):
    """:func:`masking` at small eta, to leading order in what the students still miss, in closed form.

    A small departure of the unit from its fixed point costs an error of second order. Level k's share of it has decayed
    by exp(-rho lambda_k alpha), rho the unit's rate, and rho tau <lambda^2> = 4 M^2 - 1 for any K and eta:

        M / (pi eps* sqrt(4 M^2 - 1))  sum_k w_k lambda_k exp(-2 (4 M^2 - 1) times lambda_k / <lambda^2>).

    Parameters
    ----------
    spectrum : Spectrum
    teachers : int
        M >= 2.
    times : array_like
        Time since the start in units of the escape time, >= 0: the plateau's length in these units, for the masking at
        its end.

    Returns
    -------
    float, or ndarray of the shape of ``times``
    """
    checks.spectrum(spectrum)
    M = checks.whole("teachers", teachers, 2)
    times = checks.real_array("times", times).astype(float)
    if not np.all(times >= 0):
        checks.refuse("times", times, "numbers >= 0")
    s, fast = spectrum, 2.0 * (4 * M * M - 1)
    height = 1.0 / 6.0 - M / np.pi * np.arcsin(0.5 / M)
    mass, rate = s.weights * s.eigenvalues, fast / s.second_moment * s.eigenvalues
    missed = [mass @ np.exp(-rate * time) for time in times.ravel()]
    result = M / (np.pi * height * np.sqrt(4 * M * M - 1)) * np.reshape(missed, times.shape)
    return float(result) if result.ndim == 0 else result


def kick_share(spectrum, eta, students=None):
    """Variance that the kicks of single examples add to the specialisation, in units of what the initial weights gave it.

    For two teachers. Two students with a small difference D receive steps that differ by (eta sqrt(M) / K) h D.xi xi / N,
    h = (zeta - sigma) g''(x): kicks as small as the difference itself. With V = (y_1 - y_2) / sqrt 2, a = <h^2> and
    b = <h^2 V^2> at the plateau they add up, discounted by the growth that they miss, to

        eta^2 M / K^2 tau [a <lambda^3> + (b - a) <lambda^2>^2] / (2 <lambda^2>),

    a number of order eta that does not depend on N or sigma_J. Leading order in eta, N -> infinity, and without the
    kicks on the way to the plateau, where h and the difference are not yet what they will be: some ten per cent of its
    root for a power law of a few levels, three quarters for a rare strong level (:func:`kick_share_on_the_way`).

    Parameters
    ----------
    spectrum, eta, students
        As in :func:`escape_time`.

    Returns
    -------
    float
    """
    checks.spectrum(spectrum)
    point, tau = fixed_point(spectrum, 2, eta, students), escape_time(spectrum, 2, eta, students)
    K = 2 if students is None else students
    a, b = _kick_strength(point.Q, point.R, 30)
    second, third = spectrum.second_moment, np.sum(spectrum.weights * spectrum.eigenvalues**3)
    return float(eta**2 * 2.0 / K**2 * tau * (a * third + (b - a) * second**2) / (2.0 * second))


def kick_share_on_the_way(spectrum, eta, sigma_J, alpha):
    """The share of :func:`kick_share` at time alpha, counted from the start of training.

    For two students and two teachers. Initial weights and kicks each give the levels' specialisations a covariance,
    (L, L). Both are carried by the linear equation of the module along the path of students that are alike, with the
    kicks' strength at each point of it; so the kicks on the way to the plateau are there, and those after alpha are
    not. N -> infinity, sigma_J << 1, and any eta. For up to some tens of levels.

    Parameters
    ----------
    spectrum : Spectrum
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
        # on the plateau students lie in the teachers' span, Q = M R^2 but for noise, and a trial step can go below
        Q = max(Q, M * R * R)
        A, c, G, decay, slope = kernels.coefficients(Q, R, M, V, u)
        a, b = _kick_strength(Q, R, 14)
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


def symmetric_error(spectrum, teachers, eta, alpha, students=None):
    """eps_g of students that start at zero and never specialise: the curve that ends in the plateau.

    Parameters
    ----------
    spectrum, teachers, eta, students
        As in :func:`escape_time`.
    alpha : array_like, shape (n,)
        Times, >= 0 and increasing.

    Returns
    -------
    ndarray, shape (n,)
    """
    checks.spectrum(spectrum)
    alpha = checks.times("alpha", alpha)
    _, Q, R = _path(spectrum, teachers, eta, students, 0.0, alpha)
    _, M, V, u = _networks(teachers, students, 2)
    return np.array([kernels.error(q, r, M, V, u) for q, r in zip(Q, R)])


def typical_overlaps(model, sigma_J, N):
    """Block overlaps of a typical start whose plateau ends after :func:`length`, for ``lib.solve``.

    q = sigma_J^2 and r zero but for a specialisation in proportion to lambda_k along one pattern, student i to
    teacher i, of the size that :func:`length` assumes.

    Parameters
    ----------
    model : StudentTeacher
        With at least two students and two teachers.
    sigma_J, N
        As in :func:`length`.

    Returns
    -------
    Overlaps
    """
    checks.model(model)
    K, M, s = model.students, model.teachers, model.spectrum
    _networks(M, K, 2)
    size = _start_size(s, M, sigma_J, N, K)
    pattern = _specialised_part(np.eye(K, M))
    start = model.initial_overlaps(sigma_J)
    shape = s.eigenvalues / s.second_moment * size / np.linalg.norm(pattern)
    return Overlaps(shape[:, None, None] * pattern, start.q, start.t)


def specialisation(R):
    """|R~|: the Frobenius norm of R's part of zero sum over students and over teachers.

    Parameters
    ----------
    R : ndarray, shape (..., K, M)

    Returns
    -------
    ndarray, shape (...)
    """
    return np.linalg.norm(_specialised_part(checks.real_array("R", R).astype(float)), axis=(-2, -1))


def measured_length(curve, plateau):
    """Time at which the runs of a curve leave the plateau, by the criterion of :func:`length`.

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
    level = np.log(specialisation(curve.R) / (SPECIALISED * np.sqrt(K * M) * plateau.R))
    beyond = level >= 0.0
    at = np.argmax(beyond, axis=-1)
    before = np.maximum(at - 1, 0)
    low, high = (np.take_along_axis(level, i[..., None], -1)[..., 0] for i in (before, at))
    share = np.where(at > 0, -low / np.where(at > 0, high - low, 1.0), 0.0)
    times = curve.alpha[before] + share * (curve.alpha[at] - curve.alpha[before])
    result = np.where(beyond.any(axis=-1), times, np.nan)
    return float(result) if result.ndim == 0 else result


def _kick_strength(Q, R, points):
    """a = <h^2> and b = <h^2 V^2>, h = (zeta - sigma) g''(x) of students that are alike, V = (y_1 - y_2) / sqrt 2."""
    g, slope = activation("erf")
    C = np.array([[Q, R, R], [R, 1.0, 0.0], [R, 0.0, 1.0]])

    def squared(x, y1, y2):
        return ((g(y1) + g(y2)) / np.sqrt(2.0) - np.sqrt(2.0) * g(x)) ** 2 * (x * slope(x)) ** 2

    a = quadrature(C, squared, points)[0]
    return a, quadrature(C, lambda x, y1, y2: squared(x, y1, y2) * 0.5 * (y1 - y2) ** 2, points)[0]


def _specialised_part(R):
    """R less its means over students and over teachers."""
    return R - R.mean(-1, keepdims=True) - R.mean(-2, keepdims=True) + R.mean((-2, -1), keepdims=True)


def _networks(teachers, students, least):
    """(K, M, V, u): checked numbers of units, and the output weights of all students together and of a teacher."""
    M = checks.whole("teachers", teachers, least)
    K = M if students is None else checks.whole("students", students, least)
    return K, M, np.sqrt(M), 1.0 / np.sqrt(M)


def _self_overlap(K, M, V, u, eta):
    Q = kernels.fixed_point(M, V, u, eta / K)
    if not np.isfinite(Q):
        limit = K * kernels.largest_rate(M, V, u)
        raise DivergenceError(
            f"eta = {eta:g}: must be below {limit:.4g}, beyond which there is no plateau and the weights grow",
            0.0,
            limit,
        )
    return Q


def _escape_rate(spectrum, K, M, V, u, eta):
    Q = _self_overlap(K, M, V, u, eta)
    _, _, G, _, slope = kernels.coefficients(Q, kernels.balance(Q, M, V, u), M, V, u)
    e = eta / K
    return kernels.escape_rate(spectrum.eigenvalues, spectrum.weights, e * slope, 0.5 * e * e * G)


def _start_size(spectrum, teachers, sigma_J, N, students):
    """Typical |R~| at the start: exp of its mean logarithm."""
    sigma_J = checks.number("sigma_J", sigma_J, 0.0, open_minimum=True)
    N = checks.whole("N", N)
    K, M, _, _ = _networks(teachers, students, 2)
    # of the norm of (K-1)(M-1) standard normals
    norm = np.exp(0.5 * (digamma(0.5 * (K - 1) * (M - 1)) + np.log(2.0)))
    return sigma_J * np.sqrt(spectrum.second_moment / N) * norm


def _path(spectrum, teachers, eta, students, size, alpha=None):
    """(time, Q, R): when |R~|, of ``size`` at the start, ends the plateau along the symmetric path, and the
    totals then; or, given ``alpha``, the totals at these times."""
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    K, M, V, u = _networks(teachers, students, 2)
    rate = _escape_rate(spectrum, K, M, V, u, eta)  # refuses eta without a plateau
    target = np.inf
    if alpha is None:
        target = SPECIALISED * np.sqrt(K * M) * fixed_point(spectrum, M, eta, K).R
        if size >= target:
            return 0.0, 0.0, 0.0
        alpha = np.array([PATIENCE * max(1.0, np.log(target / size)) / rate])
    e, s = eta / K, spectrum
    n = compression.count_blocks(s.eigenvalues, 1, 1, 0)
    node, weight, noise = np.empty(n), np.empty(n), np.empty(n)
    node_r, node_q, node_t = (np.empty((n, 1, 1)) for _ in range(3))
    shape = (s.eigenvalues * size / s.second_moment)[:, None, None]
    zero, one = np.zeros((s.levels, 1, 1)), np.ones((s.levels, 1, 1))
    compression.compress(
        s.eigenvalues,
        s.weights,
        shape,
        zero,
        one,
        0,
        node,
        weight,
        noise,
        node_r,
        node_q,
        node_t,
        np.empty(compression.POINTS),
    )
    z = np.zeros((3, n))
    z[2] = node_r[:, 0, 0]
    R, Q, S = np.full(alpha.size, np.nan), np.empty(alpha.size), np.empty(alpha.size)
    time = kernels.symmetric_path(
        e * node,
        weight,
        noise,
        M,
        V,
        u,
        e,
        target,
        alpha,
        RTOL,
        z,
        np.empty((kernels.STAGES, 3, n)),
        np.empty((3, n)),
        R,
        Q,
        S,
    )
    if np.isfinite(time):
        return time, float(weight @ z[1]), float(weight @ z[0])
    return time, Q, R
