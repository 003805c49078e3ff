"""Chapter "Asymptotic power laws": late times of the erf network with as many students as teachers.

Around the teacher (orthonormal blocks, student i on teacher i) let J_i = B_i + Delta_i. Level by level,
rho^k = r^k - 1 is the part of Delta along the teacher's vectors and e^k = q^k - r^k - r^k^T + 1 its square. With
Z = sum_k w_k lambda_k rho^k, E = sum_k w_k lambda_k e^k (``eq-late-overlaps``), to leading order and for the book's
scale of outputs (``eq-late-flow`` and ``eq-late-error``),

    rho^k' = -(eta/M) lambda_k (H rho^k + Phi Z)
    e^k'   = -(eta/M) lambda_k (H e^k + e^k H) + (eta/M)^2 lambda_k X E,        eps_g = tr(H E) / (2 M).

All matrices here commute with exchanges of units, so that each has two values: on differences between units
(sector 0, absent for M = 1) and on their mean (sector 1).
"""

import numbers
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .core import checks
from .core.checks import refuse
from .core.spectra import Spectrum
from .core.student_teacher import Overlaps, StudentTeacher
from .kernels import asymptotics as kernels
from .linear import exponent

# Nodes of the inverse Laplace transform: Talbot's contour as optimised by Trefethen, Weideman & Schmelzer (2006)
# converges as exp(-1.36 n), so that 24 nodes reach the rounding of doubles.
_NODES = 24
_ANGLES = np.pi * (2.0 * np.arange(_NODES // 2) + 1.0) / _NODES
_CONTOUR = _NODES * (0.5017 * _ANGLES / np.tan(0.6407 * _ANGLES) - 0.6122 + 0.2645j * _ANGLES)
_STEPS = -2j * (  # both halves of the contour at once: one is the other's complex conjugate
    0.5017 / np.tan(0.6407 * _ANGLES) - 0.5017 * 0.6407 * _ANGLES / np.sin(0.6407 * _ANGLES) ** 2 + 0.2645j
)


@dataclass(frozen=True, eq=False)
class Couplings:
    """The three constant matrices of the linearised flow, sector by sector, for unscaled outputs.

    Made by :func:`couplings`. There are S = 2 sectors (1 for M = 1), in coordinates in which the identity is
    ``identity``: a matrix x_0 D + x_1 U, with D = (1 - U) of unit length sqrt(M - 1) and U = 11^T/M, is
    (x_0 sqrt(M - 1), x_1).

    Attributes
    ----------
    H : ndarray, shape (S,)
        Eigenvalues a_0, a_1 of H_ij = <g'(y_i) g'(y_j)> (``eq-late-eigenvalues``).
    Phi, X : ndarray, shape (S, S)
        Feedback of Z on rho, the error's curvature along the teacher (``eq-late-phi``), and of E on e, the noise of
        single examples.
    identity : ndarray, shape (S,)
        The identity matrix in these coordinates, (sqrt(M - 1), 1).
    """

    H: NDArray[np.float64]
    Phi: NDArray[np.float64]
    X: NDArray[np.float64]
    identity: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Rates:
    """Slowest rates of decay near the teacher, per unit of alpha; negative means growth. Made by :func:`rates`.

    Attributes
    ----------
    levels : ndarray, shape (S, L)
        Of the error at small eta, 2 (eta/M) a lambda_k, with a the eigenvalues of H.
    error : ndarray, shape (modes,)
        Slowest modes of e at this eta, ascending: eps_g falls as exp(-error alpha).
    overlap : ndarray, shape (modes,)
        Slowest modes of rho, ascending: eps_g, of second order in rho, falls as exp(-2 overlap alpha).
    final : float
        The rate at which eps_g falls in the end: the smaller of error[0] and 2 overlap[0].
    """

    levels: NDArray[np.float64]
    error: NDArray[np.float64]
    overlap: NDArray[np.float64]
    final: float


@dataclass(frozen=True)
class Law:
    """The power law eps_g = prefactor alpha^-exponent - offset inside a window; called with times, it gives eps_g.

    Made by :func:`law` (``eq-late-law``).

    Attributes
    ----------
    exponent, prefactor, offset : float
        Of the formula above.
    window : (float, float)
        Times between which the law holds, far from both ends: the last of the times 1/rate at which the sectors' first
        levels relax, and the first of those at which their last levels do. Empty (first > last) where the spectrum is
        too short.
    sectors : tuple of (float, float)
        Ends of each sector's own power law, in the order of :class:`Couplings`.
    """

    exponent: float
    prefactor: float
    offset: float
    window: tuple[float, float]
    sectors: tuple[tuple[float, float], ...] = ()

    def __call__(self, alpha: ArrayLike) -> NDArray[np.float64]:
        return self.prefactor * checks.real_array("alpha", alpha).astype(np.float64) ** -self.exponent - self.offset


def couplings(M: int) -> Couplings:
    """Compute the matrices of the linearised flow for M units.

    They are H, Phi and X of ``eq-late-flow``. Every element is a product over units of moments
    <g'(y)^p> = (2/pi)^(p/2) (1 + p)^(-1/2), and of second derivatives <d^2 g'(y)^p / dy^2> = -p/(1 + p) times that.

    Parameters
    ----------
    M : int
        Hidden units of student and teacher, >= 1.

    Returns
    -------
    Couplings

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.

    Examples
    --------
    >>> import lib
    >>> lib.asymptotics.couplings(2).H.round(4)
    array([0.0492, 0.6859])
    """
    M = checks.whole("M", M)
    moments = [(2.0 / np.pi) ** (0.5 * p) / np.sqrt(1.0 + p) for p in (1, 2, 3, 4)]
    m1, m2, _, m4 = moments
    H = np.array([m2 - m1**2, m2 + (M - 1) * m1**2])

    # The Hessian of [-phi sum Z_ii^2 - (1/pi) sum_{i != j} Z_ii Z_ji]/2, phi = 4/(3 sqrt(3) pi), in the diagonal and
    # off-diagonal element
    curvature = np.array(
        [[-4.0 / (np.pi * 3.0**1.5) * M, -0.5 * M * (M - 1) / np.pi], [-0.5 * M * (M - 1) / np.pi, 0.0]]
    )
    root = np.sqrt(max(M - 1, 1))
    elements = np.array([[root, 1.0], [-1.0 / root, 1.0]]) / M  # from sectors to (diagonal, off-diagonal)
    back = np.linalg.inv(elements)
    X = back @ noise_map(moments, M) @ elements
    Phi = elements.T @ curvature @ elements
    identity = np.array([root, 1.0])
    if M == 1:  # a single element and a single sector
        X, Phi = np.array([[m4]]), np.array([[-4.0 / (np.pi * 3.0**1.5)]])
        H, identity = H[1:], identity[1:]
    return Couplings(H, Phi, 0.5 * (X + X.T), identity)


def noise_map(moments: Sequence[float] | NDArray[np.float64], M: int) -> NDArray[np.float64]:
    """Compute the noise X:e, X_ijlm = <g'_i g'_j g'_l g'_m>, of an error e that is invariant under exchanges of units.

    The map of ``eq-late-flow``, for any activation.

    Parameters
    ----------
    moments : sequence of 4 floats
        <g'^p>, p = 1..4, over a standard normal field.
    M : int
        Hidden units, >= 2.

    Returns
    -------
    ndarray, shape (2, 2)
        The matrix of the map on the pair of a diagonal and an off-diagonal element of e.
    """
    m1, m2, m3, m4 = moments
    return np.array(
        [
            [m4 + (M - 1) * m2**2, 2 * (M - 1) * m3 * m1 + (M - 1) * (M - 2) * m2 * m1**2],
            [2 * m3 * m1 + (M - 2) * m1**2 * m2, 2 * m2**2 + 4 * (M - 2) * m2 * m1**2 + (M - 2) * (M - 3) * m1**4],
        ]
    )


def critical_eta(spectrum: Spectrum | None, M: int) -> float:
    """Return the largest learning rate at which perfect learning is stable: :func:`stability_limit`, for a spectrum.

    It does not depend on the spectrum. The argument is there so that the call is like that of
    :func:`lib.linear.critical_eta` and :func:`lib.features.critical_eta`; it is checked and not used.

    Parameters
    ----------
    spectrum : Spectrum or None
        Any spectrum.
    M : int
        Hidden units of student and teacher, >= 1.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    if spectrum is not None:
        checks.spectrum(spectrum)
    return stability_limit(M)


def stability_limit(M: int) -> float:
    """Return the largest learning rate at which perfect learning by M erf units is stable, for N -> infinity.

    Equation ``eq-late-critical`` of the book. It is the same for every spectrum: the mode that neither grows nor decays
    has the same e in every level, and the eigenvalues cancel. Beyond it the error of an erf network does not diverge;
    it stays finite, at a level that grows with eta.

    Parameters
    ----------
    M : int
        Hidden units of student and teacher, >= 1.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If ``M`` is not a whole number >= 1.

    Examples
    --------
    >>> import lib
    >>> round(lib.asymptotics.stability_limit(1), 4)
    4.0558
    """
    c = couplings(M)
    root = 1.0 / np.sqrt(2.0 * c.H)
    return float(M / np.linalg.eigvalsh(root[:, None] * c.X * root)[-1])


def rates(spectrum: Spectrum, M: int, eta: float, modes: int = 1) -> Rates:
    """Find the slowest rates of decay near the teacher, exactly in eta, for N -> infinity.

    They are the rates of ``eq-late-flow``. Both sectors of units couple through the totals, "diagonal plus rank two":
    the modes below any x are counted by the inertia of a 2 x 2 matrix, and found by bisection. Costs O(L) per mode.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    M : int
        Hidden units of student and teacher, >= 1.
    eta : float
        Learning rate, > 0.
    modes : int
        Number of slowest rates of each kind to find, 1 to 2 L (M = 1: L). Default: 1.

    Returns
    -------
    Rates

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    checks.spectrum(spectrum)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    c = couplings(M)
    modes = checks.whole("modes", modes, 1, c.H.size * spectrum.levels)
    g = eta / M
    error = np.array([_mode(spectrum, 2.0 * c.H, -g * c.X, j) for j in range(modes)])
    overlap = np.array([_mode(spectrum, c.H, c.Phi, j) for j in range(modes)])
    levels = 2.0 * g * c.H[:, None] * spectrum.eigenvalues
    return Rates(levels, g * error, g * overlap, g * min(error[0], 2.0 * overlap[0]))


def amplification(M: int, eta: float) -> NDArray[np.float64]:
    """Return the factors by which a finite learning rate multiplies the sectors' parts of eps_g in the window.

    Equation ``eq-late-amplification`` of the book.

    Parameters
    ----------
    M : int
        Hidden units of student and teacher, >= 1.
    eta : float
        Learning rate, > 0 and below the critical one.

    Returns
    -------
    ndarray, shape (S,)
        One factor for each sector, in the order of :class:`Couplings`: differences between units (absent for M = 1),
        and their mean.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.

    Examples
    --------
    >>> import lib
    >>> lib.asymptotics.amplification(2, 1.0).round(3)
    array([1.19 , 1.281])
    """
    c, g = couplings(M), _stable(M, eta) / M
    factor = np.empty(c.H.size)
    kernels.amplification(_sectors(c), g, np.empty(c.X.shape), factor)
    return factor


def error(
    spectrum: Spectrum, M: int, eta: float, alpha: ArrayLike, start: float | Overlaps = 1.0
) -> NDArray[np.float64]:
    """Compute eps_g near the teacher at any learning rate in closed form, for N -> infinity.

    Solves e^k' = -(eta/M) lambda_k (H e + e H) + (eta/M)^2 lambda_k X E (``eq-late-flow``) exactly, by inverting its
    Laplace transform ``eq-late-resolvent``. The feedback along the teacher, of relative order Z, is neglected.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    M : int
        Hidden units of student and teacher, >= 1.
    eta : float
        Learning rate, > 0. Beyond the critical one the linear theory grows without bound; SGD does not.
    alpha : array_like, shape (n,), or float
        Times (examples / N), >= 0 and increasing.
    start : float or Overlaps
        e^k at alpha = 0: a number >= 0 times the identity in every level, 1 + sigma_J^2 for a student that has learned
        nothing yet; or overlaps, whose e^k is averaged over exchanges of units. Default: 1.

    Returns
    -------
    ndarray, shape (n,)
        eps_g at every time.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.

    Notes
    -----
    Costs O(L) per time. Relative accuracy 1e-10 or better, also in the final exponential: the slowest rate is taken
    out before the transform is inverted, on the contour of Trefethen, Weideman and Schmelzer (2006).

    Examples
    --------
    >>> import lib
    >>> lib.asymptotics.error(lib.power_law(1.0, 64), 2, eta=0.5, alpha=[10.0, 100.0]).round(5)
    array([0.00944, 0.00182])
    """
    checks.spectrum(spectrum)
    eta, alpha = checks.number("eta", eta, 0.0, open_minimum=True), checks.times("alpha", alpha)
    c, g = couplings(M), eta / M
    initial, trace = _initial(spectrum, M, start, c), c.H * c.identity
    lam, w = spectrum.eigenvalues, spectrum.weights
    slowest = g * _mode(spectrum, 2.0 * c.H, -g * c.X, 0)
    out = np.empty_like(alpha)
    for i, time in enumerate(alpha):
        if time == 0.0:
            out[i] = (trace @ (initial @ (w * lam))) / (2.0 * M)
            continue
        total = 0.0
        for node, step in zip(_CONTOUR / time, _STEPS):
            decay = 1.0 / (node - slowest + 2.0 * g * c.H[:, None] * lam)
            free = (initial * decay) @ (w * lam)
            memory = g * g * (decay @ (w * lam**2))
            E = np.linalg.solve(np.eye(c.H.size) - memory[:, None] * c.X, free)
            total += (np.exp(node * time) * step * (trace @ E)).real / time
        out[i] = total * np.exp(-slowest * time) / (2.0 * M)
    return out


def mode_sum(spectrum: Spectrum, M: int, eta: float, alpha: ArrayLike, start: float = 1.0) -> NDArray[np.float64]:
    """Compute eps_g near the teacher as a sum of 2 L exponentials, each sector's part times its amplification.

    Equation ``eq-late-sum`` with the factors of ``eq-late-amplification``, to which :func:`error` tends in the window:
    eps_g = start/(2 M) sum_k w_k lambda_k sum_x A_x n_x a_x exp(-2 (eta/M) a_x lambda_k alpha), n = (M - 1, 1).

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    M : int
        Hidden units of student and teacher, >= 1.
    eta : float
        Learning rate, > 0 and below the critical one.
    alpha : array_like, shape (n,), or float
        Times (examples / N), >= 0 and increasing.
    start : float
        e^k at alpha = 0 is this number, >= 0, times the identity in every level: 1 + sigma_J^2 for a student that has
        learned nothing yet. Default: 1.

    Returns
    -------
    ndarray, shape (n,)
        eps_g at every time.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    checks.spectrum(spectrum)
    alpha, start = checks.times("alpha", alpha), checks.number("start", start, 0.0)
    c, g, mass = couplings(M), eta / M, spectrum.weights * spectrum.eigenvalues
    share, out = _shares(c, 0.5 * start / M, amplification(M, eta)), np.empty_like(alpha)
    levels = kernels.Levels(spectrum.eigenvalues, mass, np.empty(spectrum.levels))
    kernels.mode_sum(_sectors(c), g, share, levels, alpha, np.empty_like(alpha), out)
    return out


def law(spectrum: Spectrum, M: int, eta: float, start: float = 1.0, sector: int | None = None) -> Law:
    """Compute the power law of the window, with prefactor, offset and ends.

    Equations ``eq-late-law`` and ``eq-late-window`` of the book, amplified as in ``eq-late-amplification``. Sector 0
    alone is ``eq-late-slow``.

    Parameters
    ----------
    spectrum : Spectrum
        A power law, from :func:`lib.power_law`.
    M : int
        Hidden units of student and teacher, >= 1.
    eta : float
        Learning rate, > 0 and below the critical one.
    start : float
        e^k at alpha = 0 is this number, >= 0, times the identity in every level. Default: 1.
    sector : int, optional
        One sector's part alone, 0 (differences between units) or 1 (their mean): late, between the ends of the two
        sectors, the error is what is left of sector 0. Default: both.

    Returns
    -------
    Law
        A sector with eigenvalue a of H is a power law between M/(2 eta a lambda_1) and M/(2 eta a lambda_L). Their
        sum is one between M/(2 eta a_0 lambda_1), where the slow sector's begins, and M/(2 eta a_1 lambda_L), where
        the fast one's ends.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    checks.spectrum(spectrum)
    beta = spectrum.check_power_law()
    start = checks.number("start", start, 0.0)
    factor, c, g = amplification(M, eta), couplings(M), eta / M
    chosen = np.arange(c.H.size)
    if sector is not None:
        chosen = chosen[checks.whole("sector", sector, 0, c.H.size - 1) :][:1]
    L, lead, s = spectrum.levels, spectrum.eigenvalues[0], exponent(beta)
    share = _shares(c, 0.5 * start / M * lead / L, factor)[chosen]
    part = kernels.Sectors(c.H[chosen], c.X, c.identity)
    prefactor, offset = kernels.law(part, g, share, lead, L, beta)
    ends = 0.5 / (g * c.H[:, None] * spectrum.eigenvalues[[0, -1]])
    window = float(ends[chosen, 0].max()), float(ends[chosen, 1].min())
    return Law(s, float(prefactor), float(offset), window, tuple((float(x), float(y)) for x, y in ends))


def _sectors(c: Couplings) -> kernels.Sectors:
    """Return the matrices that the kernels use."""
    return kernels.Sectors(c.H, c.X, c.identity)


def _shares(c: Couplings, scale: float, factor: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each sector's share of an error, amplified."""
    share = np.empty(c.H.size)
    kernels.shares(_sectors(c), scale, factor, share)
    return share


def _stable(M: int, eta: float) -> float:
    """Check that eta is below the critical learning rate, and return it."""
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    limit = stability_limit(M)
    if eta >= limit:
        refuse("eta", eta, f"below the critical learning rate {limit:.6g} of M = {M}")
    return eta


def _initial(spectrum: Spectrum, M: int, start: float | Overlaps, c: Couplings) -> NDArray[np.float64]:
    """Return e^k at the start in sector coordinates (S, L)."""
    if isinstance(start, numbers.Real):
        return np.outer(checks.number("start", start, 0.0) * c.identity, np.ones(spectrum.levels))
    o = StudentTeacher(spectrum, M, M).check_overlaps(start, "start")
    e = o.q - o.r - o.r.transpose(0, 2, 1) + o.t
    mean = e.sum(axis=(1, 2)) / M
    spread = (np.trace(e, axis1=1, axis2=2) - mean) / np.sqrt(max(M - 1, 1))
    return np.array([spread, mean])[-c.H.size :]


def _mode(spectrum: Spectrum, slope: NDArray[np.float64], B: NDArray[np.float64], j: int) -> float:
    """Return eigenvalue number ``j`` of c_x lambda_k delta + z_k z_l B_xy, c = ``slope`` and z_k = sqrt(w_k) lambda_k.

    With G_x(x) = sum_k z_k^2 / (c_x lambda_k - x), the matrices A - x and -(B^-1 + G) arise by eliminating, in either
    order, from one bordered matrix: so A - x has as many negative eigenvalues as D - x and -(B^-1 + G) have
    together, less those of -B^-1.
    """
    poles = np.outer(slope, spectrum.eigenvalues)
    squares = spectrum.weights * spectrum.eigenvalues**2
    inverse = np.linalg.inv(B)
    constant = np.sum(np.linalg.eigvalsh(inverse) > 0.0)

    def below(x):
        G = np.sum(squares / (poles - x), axis=1)
        return np.sum(poles < x) + np.sum(np.linalg.eigvalsh(inverse + np.diag(G)) > 0.0) - constant

    reach = np.abs(np.linalg.eigvalsh(B)).max() * squares.sum()
    low, high = poles.min() - reach, poles.max() + reach
    for _ in range(200):
        middle = 0.5 * (low + high)
        if low > 0.0:  # in log space where rates span decades
            middle = np.sqrt(low * high)
        if middle in (low, high):
            break
        if below(middle) > j:
            high = middle
        else:
            low = middle
        if low <= 0.0 < high and high < 1e-3 * poles.min() and below(1e-12 * poles.min()) <= j:
            low = max(low, 1e-12 * poles.min())
    return 0.5 * (low + high)
