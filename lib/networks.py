"""Networks beyond the two-layer erf machine: other activations, learned output weights, depth, heavy tails.

The teacher stays a two-layer network of M units, orthonormal in every level, with output weights 1/sqrt(M). The
student may have any number of layers, any activation, and may learn all its weights. Inputs are scale mixtures of
Gaussians, xi = sqrt(c) sqrt(lambda) z, whose one parameter ``tail`` = <c^2> says how heavy their tails are.
Chapter "Deeper and other networks".
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from scipy.integrate import cumulative_simpson
from scipy.linalg import eigh_tridiagonal
from scipy.optimize import minimize
from scipy.special import ndtri
from scipy.stats import qmc

from .asymptotics import noise_map
from .core import checks, symmetry
from .core.checks import DivergenceError
from .core.divergence import integrate, unbounded
from .core.spectra import Spectrum
from .core.student_teacher import StudentTeacher
from .kernels import averages, sgd
from .kernels import flow as flow_kernels
from .kernels import networks as kernels

ACTIVATIONS = {"erf": averages.ERF, "linear": averages.LINEAR, "relu": kernels.RELU, "tanh": kernels.TANH}

# Points, a power of 2, at which outputs are averaged over the fields where no closed form exists: the averages
# are then good to a per cent or better (tests/test_networks.py).
ERROR_POINTS = 2**13
NOISE_POINTS = 2**11
# Scales of the inputs' mixture.
SCALES = 6


@dataclass(frozen=True)
class Network:
    """A student of any depth, a two-layer teacher, and their data.

    With one hidden layer of K units it starts as the student of :class:`lib.StudentTeacher`,
    sigma = (sqrt(M)/K) sum_i g(x_i).

    Parameters
    ----------
    spectrum : Spectrum
    widths : tuple of int
        Units of every hidden layer, from the input upwards.
    teachers : int
        Hidden units M of the teacher.
    activation : {"erf", "relu", "tanh", "linear"}
        Of student and teacher.
    tail : float
        Tail of the inputs, <|xi|^4> / <|xi|^2>^2 for N -> infinity, 1 (Gaussian) to 10: see :func:`scale_mixture`.
    """

    spectrum: Spectrum
    widths: tuple = (2,)
    teachers: int = 2
    activation: str = "erf"
    tail: float = 1.0

    def __post_init__(self):
        checks.spectrum(self.spectrum)
        if not isinstance(self.widths, tuple) or not self.widths:
            checks.refuse("widths", self.widths, "a tuple of whole numbers, one for each hidden layer")
        object.__setattr__(
            self, "widths", tuple(checks.whole(f"widths[{l}]", width) for l, width in enumerate(self.widths))
        )
        object.__setattr__(self, "teachers", checks.whole("teachers", self.teachers))
        checks.one_of("activation", self.activation, tuple(ACTIVATIONS))
        checks.number("tail", self.tail, 1.0, 10.0)

    @property
    def activity(self):
        """The activation's number in the kernels."""
        return ACTIVATIONS[self.activation]

    @property
    def start(self):
        """The two-layer model with the same first layer, which gives the same initial weights and overlaps."""
        return StudentTeacher(self.spectrum, self.widths[0], self.teachers)

    @property
    def weights(self):
        """Number of weights above the first layer."""
        return sum(a * b for a, b in zip(self.widths, self.widths[1:])) + self.widths[-1]

    def initial_upper(self, seed=0):
        """All weights above the first layer, flat: hidden ones normal / sqrt(units below), output sqrt(M)/K."""
        shape = np.array(self.widths, dtype=float)
        upper = np.empty(self.weights)
        hidden = upper[: upper.size - self.widths[-1]]
        kernels.initial_upper(seed, shape, hidden)
        upper[hidden.size :] = np.sqrt(self.teachers) / self.widths[-1]
        return upper


@dataclass(frozen=True, eq=False)
class Training:
    """A learning curve of a :class:`Network`.

    Attributes
    ----------
    alpha : ndarray, shape (n,)
    eps_g : ndarray, shape (n,) or (seeds, n)
    Q, R, T : ndarray
        Overlaps of the first layer's fields, as in :class:`lib.Curve`.
    upper : ndarray, shape (..., n, weights)
        Weights above the first layer; the last ones are the output weights.
    J : ndarray, shape (seeds, K, N), or None
        The first layer's weights at the end; the flow has none.
    network : Network
        What was trained.
    """

    alpha: np.ndarray
    eps_g: np.ndarray
    Q: np.ndarray
    R: np.ndarray
    T: np.ndarray
    upper: np.ndarray
    J: np.ndarray
    network: Network


def scale_mixture(tail):
    """Contrasts c of the inputs and their probabilities, with <c> = 1 and <c^2> = tail.

    The Gauss quadrature of the gamma distribution of shape 1/(tail - 1), whose first 11 moments it shares. It is
    used as a distribution of its own: theory and simulation both have these six contrasts and no others.

    Parameters
    ----------
    tail : float
        1 to 10.

    Returns
    -------
    scales, shares : ndarray, shape (6,), or (1,) for tail = 1
    """
    tail = checks.number("tail", tail, 1.0, 10.0)
    if tail == 1.0:
        return np.ones(1), np.ones(1)
    # Of the eigenvalue problem: SciPy's roots_genlaguerre takes a gamma function, which overflows near tail = 1.
    shape, k = 1.0 / (tail - 1.0), np.arange(SCALES)
    x, vectors = eigh_tridiagonal(2 * k + shape, np.sqrt(k * (k + shape - 1.0))[1:])
    return x / shape, vectors[0] ** 2


def train(network, N, eta, alpha, sigma_J=0.1, seeds=4, upper_eta=0.0, after=None, keep=None):
    """Train by one-pass SGD on the weights and measure the error on the way. Seeds run in parallel.

    Parameters
    ----------
    network : Network
    N : int
        Input dimension.
    eta : float
        Learning rate of the first layer, > 0.
    alpha : array_like, shape (n,)
        Times, in examples / N, increasing.
    sigma_J : float
        Standard deviation of the first layer's initial weights.
    seeds : int
        Number of runs; run s uses the weights and inputs of seed s of :func:`lib.simulate`.
    upper_eta : float
        Learning rate of all weights above the first layer, in steps of upper_eta / N; 0 keeps them.
    after : Training, optional
        Go on from the end of this training of the same network and N, with fresh inputs; ``alpha`` counts from there.
    keep : int, optional
        Of what was learned in ``after`` the first layer keeps the leading levels 1..keep, and the layers above keep
        all; the other levels return to their initial weights. Only with ``after``. Default: all levels.

    Returns
    -------
    Training
        With a leading axis of seeds. The inputs enter through Gaussian fields, so eps_g is an average over K + M
        Gaussian numbers: closed for erf, linear and ReLU with one hidden layer, else on 8192 points of a Sobol sequence.

    Raises
    ------
    ValueError
        For arguments out of range, or an ``after`` of another network, another N or fewer seeds.
    DivergenceError
        If the error grows without bound (eta above its critical value).
    """
    _check_network(network)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    upper_eta = checks.number("upper_eta", upper_eta, 0.0)
    alpha = checks.times("alpha", alpha)
    seeds = checks.whole("seeds", seeds)
    N, sigma_J = network.start.check_start(sigma_J, N, "orthonormal")
    steps = checks.steps("alpha", alpha, N)
    if keep is not None and after is None:
        checks.refuse("keep", keep, "left out without after: nothing was learned before")
    keep = network.spectrum.levels if keep is None else checks.whole("keep", keep, 0, network.spectrum.levels)
    if after is not None:
        _check_after(after, network, N, seeds)

    def run(seed):
        return _run(network, N, eta, steps, sigma_J, seed, upper_eta, after, keep)

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        Q, R, T, upper, eps_g, J, starts = (np.stack(x) for x in zip(*pool.map(run, range(seeds))))
    for seed in range(seeds):
        bad = unbounded(eps_g[seed], starts[seed])
        if bad.size:
            at = steps[bad[0]] / N
            raise DivergenceError(
                f"SGD with seed {seed} diverged before alpha = {at:g}: eta = {eta:g} is too large", at, eta=eta
            )
    return Training(steps / N, eps_g, Q, R, T, upper, J, network)


def _check_network(network):
    if not isinstance(network, Network):
        checks.refuse("network", network, "a lib.networks.Network")


def _check_after(after, network, N, seeds):
    """Refuse to go on from a training of another network, another N or fewer seeds, or from a flow."""
    if not isinstance(after, Training):
        checks.refuse("after", after, "a Training, as from train")
    spectrum, other = network.spectrum, after.network.spectrum
    if (
        replace(after.network, spectrum=spectrum) != network
        or not np.array_equal(other.eigenvalues, spectrum.eigenvalues)
        or not np.array_equal(other.weights, spectrum.weights)
    ):
        checks.refuse("after.network", after.network, f"that of this training, {network!r}")
    if after.J is None:
        checks.refuse("after.J", None, "the weights of a training: a flow has none")
    if after.J.shape[0] < seeds or after.J.shape[2] != N:
        raise ValueError(f"after.J has shape {after.J.shape}: must be that of {seeds} seeds at least and N = {N}")


def _run(network, N, eta, steps, sigma_J, seed, upper_eta, after, keep):
    J, B = network.start.initial_weights(sigma_J, N, seed)
    counts = network.spectrum.multiplicities(N)
    root = np.sqrt(np.repeat(network.spectrum.eigenvalues, counts))
    upper, begin = network.initial_upper(seed), 0
    if after is not None:
        kept = int(np.sum(counts[:keep]))
        J[:, :kept] = after.J[seed, :, :kept]
        upper, begin = after.upper[seed, -1].copy(), int(np.rint(after.alpha[-1] * N))
    widths = np.array(network.widths, dtype=float)
    scales, shares = scale_mixture(network.tail)
    cumulative = np.append(np.cumsum(shares)[:-1], np.inf)
    layers = np.empty((4, len(network.widths), max(network.widths)))
    xi, u = np.empty(N), 1.0 / np.sqrt(network.teachers)
    Qs, Rs, uppers, errors, at = [], [], [], [], begin
    K, M = network.widths[0], network.teachers
    for target in begin + np.append(0, steps):
        kernels.advance(
            J,
            B,
            upper,
            widths,
            root,
            scales,
            cumulative,
            eta,
            upper_eta,
            u,
            network.activity,
            seed,
            at,
            target,
            xi,
            *layers,
        )
        at = target
        Q, R, T, unused = np.empty((K, K)), np.empty((K, M)), np.empty((M, M)), np.empty((M, M))
        sgd.measure(J, B, root, xi, Q, R)
        sgd.measure(B, B, root, xi, T, unused)
        Qs.append(Q), Rs.append(R), uppers.append(upper.copy())
        errors.append(error(network, Q, R, T, upper))
    return np.stack(Qs[1:]), np.stack(Rs[1:]), T, np.stack(uppers[1:]), np.array(errors[1:]), J, errors[0]


def error(network, Q, R, T, upper):
    """eps_g from the first layer's overlaps Q (K, K), R (K, M), T (M, M) and the weights above it.

    Closed with one hidden layer and erf, linear or ReLU; else an average on Sobol points.

    Parameters
    ----------
    network : Network
    Q, R, T : array_like, shapes (K, K), (K, M), (M, M)
        K units of the first hidden layer.
    upper : array_like, shape (weights,)
        As in :class:`Training`, at one time.

    Returns
    -------
    float
        NaN if an overlap is not finite.
    """
    _check_network(network)
    K, M = network.widths[0], network.teachers
    upper = np.ascontiguousarray(upper, dtype=np.float64)
    for name, value, shape in (
        ("Q", Q, (K, K)),
        ("R", R, (K, M)),
        ("T", T, (M, M)),
        ("upper", upper, (network.weights,)),
    ):
        checks.shape(name, value, shape)
    R = np.asarray(R)
    C = np.block([[Q, R], [R.T, T]])
    if not np.all(np.isfinite(C)):
        return np.nan
    scales, shares = scale_mixture(network.tail)
    u = 1.0 / np.sqrt(M)
    if len(network.widths) == 1 and network.activation != "tanh":
        w = np.append(-upper, np.full(M, u))
        return sum(p * kernels.pair_error(c * C, w, network.activity) for c, p in zip(scales, shares))
    F = np.empty_like(C)
    kernels.factor(C, K, F)
    layers = np.empty((3, len(network.widths), max(network.widths)))
    return kernels.sampled_error(
        F,
        _points(len(C), ERROR_POINTS),
        K,
        np.array(network.widths, dtype=float),
        upper,
        scales,
        shares,
        u,
        network.activity,
        *layers,
    )


def flow(network, eta, alpha, sigma_J=0.1, upper_eta=0.0, overlaps=None, rtol=1e-7):
    """Order-parameter equations of a two-layer student with output weights of its own, in the limit N -> infinity.

    Closed for erf and linear activations. For ReLU the drift is closed and the noise of single examples is an average on
    2048 Sobol points; for tanh all averages are. Explicit Runge-Kutta, so for some tens of levels; :func:`lib.solve`
    takes millions where it applies.

    Parameters
    ----------
    network : Network
        One hidden layer.
    eta, alpha, upper_eta
        As for :func:`train`.
    sigma_J : float
        Without ``overlaps``: training starts from the mean overlaps of weights of this standard deviation.
    overlaps : Overlaps, optional
        Where the first layer starts, as from ``network.start.initial_overlaps``.
    rtol : float

    Returns
    -------
    Training

    Raises
    ------
    ValueError
        For arguments out of range, or overlaps that are not those of this network.
    DivergenceError
        If the overlaps grow without bound.
    ArithmeticError
        If the integrator cannot go on for another reason.
    """
    _check_network(network)
    if len(network.widths) != 1:
        checks.refuse("widths", network.widths, "a single hidden layer: the overlaps of deeper students do not close")
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    upper_eta = checks.number("upper_eta", upper_eta, 0.0)
    alpha = checks.times("alpha", alpha)
    start = network.start.initial_overlaps(sigma_J) if overlaps is None else overlaps
    start = network.start.check_overlaps(start)
    T = start.totals(network.spectrum).T
    s, (L, K, M) = network.spectrum, start.r.shape
    P, split = K + M, (L * K * M, L * K * (K + M))
    C, work, w = np.empty((P, P)), np.empty((3, P, P)), np.full(P, 1.0 / np.sqrt(M))
    Q, R, D, G = np.empty((K, K)), np.empty((K, M)), np.empty((K, P)), np.empty((K, K))
    scratch = np.empty((2, P)), np.empty(K)
    mixture, points = scale_mixture(network.tail), _points(P, NOISE_POINTS)

    def unpack(z):
        return z[: split[0]].reshape(L, K, M), z[split[0] : split[1]].reshape(L, K, K), z[split[1] :]

    # rounding would break a symmetry of the start, and on a plateau what is broken grows
    label = (
        None if network.activation == "linear" else symmetry.orbits(start.r, start.q, start.t, network.initial_upper())
    )

    def symmetric(z):
        if label is None:
            return z
        r, q, v = unpack(z)
        both = symmetry.average(label, np.concatenate([q, r], axis=2))
        units = np.bincount(np.diag(label), v)[np.diag(label)] / np.bincount(np.diag(label))[np.diag(label)]
        return np.concatenate([both[..., K:].ravel(), both[..., :K].ravel(), units])

    def velocity(_, z):
        z = symmetric(z)
        out = np.empty_like(z)
        (r, q, v), (dr, dq, dv) = unpack(z), unpack(out)
        flow_kernels.total(s.weights, s.eigenvalues, r, R)
        flow_kernels.total(s.weights, s.eigenvalues, q, Q)
        averages.assemble(Q, R, T, C)
        w[:K] = -v
        kernels.coefficients(C, K, w, upper_eta, *mixture, network.activity, points, work, *scratch, D, G, dv)
        flow_kernels.velocity(s.eigenvalues, r, q, start.t, D, G, eta, dr, dq)
        return symmetric(out)

    z0 = np.concatenate([start.r.ravel(), start.q.ravel(), network.initial_upper()])
    Qs, Rs, vs, errors = [], [], [], []
    for z in integrate(velocity, z0, alpha, eta, "DOP853", rtol, 1e-12):
        r, q, v = unpack(np.ascontiguousarray(z))
        Qs.append(np.tensordot(s.weights * s.eigenvalues, q, axes=1))
        Rs.append(np.tensordot(s.weights * s.eigenvalues, r, axes=1))
        vs.append(v)
        errors.append(error(network, Qs[-1], Rs[-1], T, v))
    return Training(alpha, np.array(errors), np.stack(Qs), np.stack(Rs), T, np.stack(vs), None, network)


def slope_moments(activation):
    """Means <g'^p>, p = 1..4, over a standard normal field: all that the late stage knows of an activation.

    Closed for erf, ReLU and linear; Gauss-Hermite quadrature for tanh.
    """
    checks.one_of("activation", activation, tuple(ACTIVATIONS))
    p = np.arange(1, 5)
    if activation == "linear":
        return np.ones(4)
    if activation == "relu":
        return np.full(4, 0.5)
    if activation == "erf":
        return (2 / np.pi) ** (p / 2) / np.sqrt(1 + p)
    x, mass = np.polynomial.hermite_e.hermegauss(120)
    return np.cosh(x) ** (-2.0 * p[:, None]) @ mass / mass.sum()


def late_matrices(activation, M):
    """Decay and noise of the error near perfect learning, K = M, in the sector that all units share.

    For orthonormal teachers the fields are independent standard normals, and with E = <(J - B)(J - B)^T> the error obeys
    e^k' = -(eta/M) lambda_k (H e^k + e^k H) + (eta/M)^2 lambda_k X[E], H_ij = <g'_i g'_j>, X[E]_ij = sum_lm <g'_i g'_j g'_l g'_m> E_lm.
    On E_ii = d, E_ij = o (i != j) both act as 2 x 2 matrices.

    Parameters
    ----------
    activation : {"erf", "relu", "tanh", "linear"}
        "linear" for M = 1 only.
    M : int
        Units of student and teacher, >= 1.

    Returns
    -------
    decay, noise : ndarray, shape (2, 2), or (1, 1) for M = 1
    """
    moments = slope_moments(activation)
    m1, m2, _, m4 = moments
    M = checks.whole("M", M)
    if M > 1 and activation == "linear":
        checks.refuse("activation", activation, '"erf", "relu" or "tanh" for M > 1: linear units learn only their sum')
    if M == 1:
        return np.array([[2 * m2]]), np.array([[m4]])
    decay = 2 * np.array([[m2, (M - 1) * m1**2], [m1**2, m2 + (M - 2) * m1**2]])
    return decay, noise_map(moments, M)


def critical_eta(activation, M):
    """Largest learning rate at which perfect learning is stable (K = M, any spectrum, N -> infinity).

    Parameters
    ----------
    activation, M
        As in :func:`late_matrices`.

    Returns
    -------
    float
    """
    decay, noise = late_matrices(activation, M)
    return float(M / np.max(np.linalg.eigvals(np.linalg.solve(decay, noise)).real))


def late_error(spectrum, activation, M, eta, alpha, start=1.0):
    """Late error of K = M units at small eta: a sum of exponentials for every distinct decay rate of H.

    eps_g = (start / 2M) sum_k w_k lambda_k [(M-1) a_0 exp(-2 eta a_0 lambda_k alpha / M) + a_1 exp(-2 eta a_1 lambda_k alpha / M)],
    a_0 = m2 - m1^2, a_1 = m2 + (M-1) m1^2.

    Parameters
    ----------
    spectrum : Spectrum
    activation : str
    M : int
    eta : float
    alpha : array_like, shape (n,)
    start : float
        Initial \\|J - B\\|^2 per direction of the slow levels: 1 + sigma_J^2.
    """
    checks.spectrum(spectrum)
    m1, m2 = slope_moments(activation)[:2]
    M = checks.whole("M", M)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    alpha = checks.times("alpha", alpha)
    start = checks.number("start", start, 0.0)
    total = np.zeros(alpha.size)
    for a, count in ((m2 - m1**2, M - 1), (m2 + (M - 1) * m1**2, 1)):
        modes = np.exp(-2.0 * eta * a / M * np.outer(alpha, spectrum.eigenvalues))
        total += count * a * (modes @ (spectrum.weights * spectrum.eigenvalues))
    return 0.5 * start / M * total


# Of a pair of students at y +- z about one erf teacher: <g'(y)^2 y^2> = 2 / (3 sqrt(3) pi).
_BENT_SLOPE = 2.0 / (3.0 * np.sqrt(3.0) * np.pi)


def symmetric_floor(students, teachers):
    """Least error of erf students with fixed output weights sqrt(M)/K when one of them is spare.

    Of K = m M + 1 students m turn to each of the M teachers and the last one stands symmetric to all:
    R_in = p towards a student's own teacher and q towards the others, a for the last one, and Q = R R^T, as the
    students lie in the teachers' span. The error is minimised over p, q and a. Also for K = m M, where it is 0, and
    for a single student (m = 0).

    Parameters
    ----------
    students, teachers : int
        K and M with K mod M = 0 or 1.

    Returns
    -------
    eps_g : float
        Of orthonormal teachers, of any spectrum, for eta -> 0.
    R : ndarray, shape (K, M)
        Overlaps of the fields there.
    """
    K, M = checks.whole("students", students), checks.whole("teachers", teachers)
    copies, spare = divmod(K, M)
    if spare > 1:
        checks.refuse("students", K, f"a multiple of teachers = {M}, or one more")
    network = Network(Spectrum(np.ones(1), np.ones(1)), (K,), M)
    upper, T = network.initial_upper(), np.eye(M)

    def overlaps(pqa):
        R = np.full((K, M), pqa[1])
        own = np.arange(copies * M)
        R[own, own // max(copies, 1)] = pqa[0]
        R[copies * M :] = pqa[2]
        return R

    def height(pqa):
        R = overlaps(pqa)
        return error(network, R @ R.T, R, T, upper)

    # From the place that a copy would have and that of a student for all teachers, which is the plateau's.
    best = minimize(
        height,
        [1.0, 0.0, 1.0 / np.sqrt(M * (2 * M - 1))],
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-16, "maxfev": 4000, "maxiter": 4000},
    )
    return float(best.fun), overlaps(best.x)


def soft_law(spectrum, teachers, eta, alpha, start):
    """Soft mode of K = 2 M erf students that share the teachers in pairs, at small eta and small distance.

    Students at B +- d, d at right angles to the teachers, the same size in every direction. With
    delta^2 = sum_k w_k lambda_k |d^k|^2 / n_k the mean of a pair follows, R - 1 = delta^2 / 2, and

        eps_g = delta^4 / (6 sqrt(3) pi),    d d^k / d alpha = - eta lambda_k delta^2 d^k / (3 sqrt(3) pi M).

    In the time tau = int delta^2 d alpha the levels relax by themselves; alpha(tau) is a quadrature.

    Parameters
    ----------
    spectrum : Spectrum
    teachers : int
        M.
    eta : float
    alpha : array_like, shape (n,)
    start : float
        delta^2 at alpha = 0, > 0.

    Returns
    -------
    eps_g, delta2 : ndarray, shape (n,)
    """
    checks.spectrum(spectrum)
    M = checks.whole("teachers", teachers)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    start = checks.number("start", start, 0.0, open_minimum=True)
    alpha = checks.times("alpha", alpha)
    levels, weights = spectrum.eigenvalues, spectrum.weights * spectrum.eigenvalues
    rate = _BENT_SLOPE * eta / M  # of the square of d^k, in units of lambda_k delta^2
    # delta^2 <= start, so that tau <= start alpha; steps of ln(1 + tau / unit), unit before anything has relaxed.
    unit = 1e-3 / (rate * levels[0])
    x = np.linspace(0.0, np.log1p(start * alpha[-1] / unit), 4001)
    tau = unit * np.expm1(x)
    delta2 = np.array([start * (weights @ np.exp(-rate * levels * time)) for time in tau])
    # The last of a mode is exponentially small in tau: beyond the longest time asked for it need not be known.
    delta2 = np.maximum(delta2, 1e-300)
    with np.errstate(over="ignore"):
        clock = cumulative_simpson((tau + unit) / delta2, x=x, initial=0.0)
    known = np.isfinite(clock) & (np.append(True, np.diff(clock) > 0.0))
    delta2 = np.exp(
        np.interp(np.log1p(alpha * start / unit), np.log1p(clock[known] * start / unit), np.log(delta2[known]))
    )
    return 0.25 * _BENT_SLOPE * delta2**2, delta2


def _points(dimensions, count):
    """Standard normal points (count, dimensions) of a scrambled Sobol sequence, always the same."""
    sobol = qmc.Sobol(dimensions, seed=0).random(count)
    return ndtri(np.clip(sobol, 1e-12, 1 - 1e-12))
