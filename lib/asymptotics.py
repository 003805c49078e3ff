"""Chapter "Asymptotic power laws": late times of the erf network with as many students as teachers.

Around the teacher (orthonormal blocks, student i on teacher i) let J_i = B_i + Delta_i. Level by level,
rho^k = r^k - 1 is the part of Delta along the teacher's vectors and e^k = q^k - r^k - r^k^T + 1 its square. With
Z = sum_k w_k lambda_k rho^k, E = sum_k w_k lambda_k e^k, to leading order and for the book's scale of outputs,

    rho^k' = -(eta/M) lambda_k (H rho^k + Phi Z)
    e^k'   = -(eta/M) lambda_k (H e^k + e^k H) + (eta/M)^2 lambda_k X E,        eps_g = tr(H E) / (2 M).

All matrices here commute with exchanges of units, so that each has two values: on differences between units
(sector 0, absent for M = 1) and on their mean (sector 1).
"""

import numbers
from dataclasses import dataclass

import numpy as np

from .core import checks
from .core.checks import refuse
from .core.student_teacher import StudentTeacher
from .kernels.linear import decay_sum
from .linear import exponent
from .maths.gamma import gamma

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

    S = 2 sectors (1 for M = 1), in coordinates in which the identity is ``identity``: a matrix
    x_0 D + x_1 U, with D = (1 - U) of unit length sqrt(M - 1) and U = 11^T/M, is (x_0 sqrt(M - 1), x_1).

    Attributes
    ----------
    H : ndarray, shape (S,)
        Eigenvalues of H_ij = <g'(y_i) g'(y_j)>.
    Phi, X : ndarray, shape (S, S)
        Feedback of Z on rho (the error's curvature along the teacher) and of E on e (noise of single examples).
    identity : ndarray, shape (S,)
    """

    H: np.ndarray
    Phi: np.ndarray
    X: np.ndarray
    identity: np.ndarray


@dataclass(frozen=True, eq=False)
class Rates:
    """Slowest rates of decay near the teacher, per unit of alpha; negative means growth.

    Attributes
    ----------
    levels : ndarray, shape (S, L)
        Of the error at small eta, 2 (eta/M) a lambda_k, a the eigenvalues of H.
    error : ndarray, shape (modes,)
        Slowest modes of e at this eta, ascending: eps_g falls as exp(-error alpha).
    overlap : ndarray, shape (modes,)
        Slowest modes of rho, ascending: eps_g, of second order in rho, falls as exp(-2 overlap alpha).
    final : float
        The rate at which eps_g falls in the end: the smaller of error[0] and 2 overlap[0].
    """

    levels: np.ndarray
    error: np.ndarray
    overlap: np.ndarray
    final: float


@dataclass(frozen=True)
class Law:
    """eps_g = prefactor alpha^-exponent - offset inside ``window``; call it with times.

    Attributes
    ----------
    exponent, prefactor, offset : float
    window : (float, float)
        Where the law holds, far from both ends: from the last of its sectors' first exponentials to the first of
        their last ones. Empty (first > last) where the spectrum is too short.
    sectors : tuple of (float, float)
        Ends of each sector's own power law, in the order of :class:`Couplings`.
    """

    exponent: float
    prefactor: float
    offset: float
    window: tuple[float, float]
    sectors: tuple = ()

    def __call__(self, alpha):
        return self.prefactor * checks.real_array("alpha", alpha).astype(np.float64) ** -self.exponent - self.offset


def couplings(M):
    """Matrices of the linearised flow for M units.

    Every element is a product over units of moments <g'(y)^p> = (2/pi)^(p/2) (1 + p)^(-1/2), and of second
    derivatives <d^2 g'(y)^p / dy^2> = -p/(1 + p) times that.

    Parameters
    ----------
    M : int

    Returns
    -------
    Couplings
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


def noise_map(moments, M):
    """The noise X:e, X_ijlm = <g'_i g'_j g'_l g'_m>, of an error e that is the same for all units.

    Parameters
    ----------
    moments : sequence of 4 floats
        <g'^p>, p = 1..4, over a standard normal field; any activation.
    M : int

    Returns
    -------
    ndarray, shape (2, 2)
        On (diagonal, off-diagonal) element of e.
    """
    m1, m2, m3, m4 = moments
    return np.array(
        [
            [m4 + (M - 1) * m2**2, 2 * (M - 1) * m3 * m1 + (M - 1) * (M - 2) * m2 * m1**2],
            [2 * m3 * m1 + (M - 2) * m1**2 * m2, 2 * m2**2 + 4 * (M - 2) * m2 * m1**2 + (M - 2) * (M - 3) * m1**4],
        ]
    )


def critical_eta(spectrum, M):
    """Largest learning rate at which the student that knows the teacher stays with it.

    In the limit N -> infinity it is the same for every spectrum: the mode that neither grows nor decays has
    the same e in every level, and the eigenvalues cancel. Beyond it the error of an erf network does not diverge;
    it stays finite at a level that grows with eta.

    Parameters
    ----------
    spectrum : Spectrum or None
        Not used, whatever it is: the argument keeps the call alike to :func:`lib.linear.critical_eta` and
        :func:`lib.features.critical_eta`. Pass None to say that there is none.
    M : int
        Units of student and teacher.

    Returns
    -------
    float
    """
    if spectrum is not None:  # of any spectrum
        checks.spectrum(spectrum)
    c = couplings(M)
    root = 1.0 / np.sqrt(2.0 * c.H)
    return float(M / np.linalg.eigvalsh(root[:, None] * c.X * root)[-1])


def rates(spectrum, M, eta, modes=1):
    """Rates of decay near the teacher, exact in eta, for N -> infinity.

    Both sectors of units couple through the totals, "diagonal plus rank two": the modes are counted below any x
    by the inertia of a 2 x 2 matrix, and found by bisection. Costs O(L) per mode.

    Parameters
    ----------
    spectrum : Spectrum
    M : int
    eta : float
        Learning rate, > 0.
    modes : int
        How many of the 2 L (M = 1: L) slowest rates of each kind to find.

    Returns
    -------
    Rates
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


def amplification(M, eta):
    """Factors by which a finite learning rate multiplies the two parts of eps_g in the window, (S,).

    Sectors as in :class:`Couplings`. Raises ValueError unless 0 < eta < critical_eta.
    """
    c, g = couplings(M), _stable(M, eta) / M
    response = np.linalg.solve(np.eye(c.H.size) - g * (c.X / (2.0 * c.H[:, None])).T, c.H * c.identity)
    return response / (c.H * c.identity)


def error(spectrum, M, eta, alpha, start=1.0):
    """Closed form of eps_g near the teacher at any learning rate, N -> infinity.

    Solves e^k' = -(eta/M) lambda_k (H e + e H) + (eta/M)^2 lambda_k X E exactly, by the inverse of its Laplace
    transform; see the chapter for what it leaves out (feedback along the teacher, of relative order Z).

    Parameters
    ----------
    spectrum : Spectrum
    M : int
    eta : float
        Learning rate, > 0. Beyond the critical one the linear theory grows without bound, SGD does not.
    alpha : array_like, shape (n,) or a number
        Times >= 0, increasing.
    start : float or Overlaps
        e^k at alpha = 0: a number times the identity in every level, 1 + sigma_J^2 for a student that knows nothing
        yet; or overlaps, whose e^k is averaged over exchanges of units. Default 1.

    Returns
    -------
    ndarray, shape (n,)

    Notes
    -----
    Costs O(L) per time. Relative accuracy 1e-10 or better, also in the final exponential: the slowest
    rate is taken out before the transform is inverted.
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


def mode_sum(spectrum, M, eta, alpha, start=1.0):
    """eps_g as a sum of 2 L exponentials, each part times its amplification: what :func:`error` becomes in the window.

    eps_g = start/(2 M) sum_k w_k lambda_k sum_x A_x n_x a_x exp(-2 (eta/M) a_x lambda_k alpha), n = (M - 1, 1).

    Parameters as :func:`error`, ``start`` a number, eta below critical.
    """
    checks.spectrum(spectrum)
    alpha, start = checks.times("alpha", alpha), checks.number("start", start, 0.0)
    factor, c = amplification(M, eta), couplings(M)
    lam, w, g = spectrum.eigenvalues, spectrum.weights, eta / M
    out, part = np.zeros_like(alpha), np.empty_like(alpha)
    for x in range(c.H.size):
        scale = 0.5 * start / M * factor[x] * c.identity[x] ** 2 * c.H[x]
        decay_sum(2.0 * g * c.H[x] * lam, w * lam, scale, alpha, part)
        out += part
    return out


def law(spectrum, M, eta, start=1.0, sector=None):
    """The power law of the window, with prefactor, offset and ends.

    Parameters
    ----------
    spectrum : Spectrum
        From :func:`lib.power_law`.
    M, eta, start
        As in :func:`mode_sum`.
    sector : int, optional
        One sector's part alone, 0 (differences between units) or 1 (their mean): late, between the ends of the two
        sectors, the error is what is left of sector 0. Default: both.

    Returns
    -------
    Law
        A sector with eigenvalue a of H is a power law between M/(2 eta a lambda_1) and M/(2 eta a lambda_L). Their
        sum is one between M/(2 eta a_0 lambda_1), where the slow sector's begins, and M/(2 eta a_1 lambda_L), where
        the fast one's ends.
    """
    checks.spectrum(spectrum)
    beta = spectrum.check_power_law()
    start = checks.number("start", start, 0.0)
    factor, c, g = amplification(M, eta), couplings(M), eta / M
    chosen = np.arange(c.H.size)
    if sector is not None:
        chosen = chosen[checks.whole("sector", sector, 0, c.H.size - 1) :][:1]
    L, lead, s = spectrum.levels, spectrum.eigenvalues[0], exponent(beta)
    share = (0.5 * start / M * lead / L * factor * c.identity**2)[chosen]
    prefactor = gamma(s) / (1.0 + beta) * (2.0 * g * lead) ** -s * np.sum(share * c.H[chosen] ** (1.0 - s))
    offset = np.sum(share * c.H[chosen]) * (L + 0.5) ** -beta / beta
    ends = 0.5 / (g * c.H[:, None] * spectrum.eigenvalues[[0, -1]])
    window = float(ends[chosen, 0].max()), float(ends[chosen, 1].min())
    return Law(s, float(prefactor), float(offset), window, tuple((float(x), float(y)) for x, y in ends))


def _stable(M, eta):
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    limit = critical_eta(None, M)
    if eta >= limit:
        refuse("eta", eta, f"below the critical learning rate {limit:.6g} of M = {M}")
    return eta


def _initial(spectrum, M, start, c):
    """e^k in sector coordinates (S, L)."""
    if isinstance(start, numbers.Real):
        return np.outer(checks.number("start", start, 0.0) * c.identity, np.ones(spectrum.levels))
    o = StudentTeacher(spectrum, M, M).check_overlaps(start, "start")
    e = o.q - o.r - o.r.transpose(0, 2, 1) + o.t
    mean = e.sum(axis=(1, 2)) / M
    spread = (np.trace(e, axis1=1, axis2=2) - mean) / np.sqrt(max(M - 1, 1))
    return np.array([spread, mean])[-c.H.size :]


def _mode(spectrum, slope, B, j):
    """Eigenvalue number ``j`` of c_x lambda_k delta + z_k z_l B_xy, z_k = sqrt(w_k) lambda_k.

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
