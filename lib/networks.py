"""Networks beyond the two-layer erf machine: other activations, learned output weights, depth, heavy tails.

The teacher stays a two-layer network of M units, orthonormal in every level, with output weights 1/sqrt(M). The
student may have any number of layers, any activation, and may learn all its weights. Inputs are scale mixtures of
Gaussians, xi = sqrt(c) sqrt(lambda) z, whose one parameter ``tail`` = <c^2> says how heavy their tails are.
Chapter "Deeper and other networks".
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
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
from .core.student_teacher import Overlaps, StudentTeacher
from .kernels import averages, rich, sgd
from .kernels import flow as flow_kernels
from .kernels import networks as kernels

ACTIVATIONS = {
    "erf": averages.ERF,
    "linear": averages.LINEAR,
    "relu": kernels.RELU,
    "tanh": kernels.TANH,
    "square": averages.SQUARE,
}
# Degree p of homogeneous units, g(c x) = c^p g(x).
DEGREES = {"linear": 1, "relu": 1, "square": 2}

# Points, a power of 2, at which outputs are averaged over the fields where no closed form exists. The averages are then
# good to a per cent or better (tests/test_networks.py). The noise is averaged in every step, and with fewer points.
ERROR_POINTS = 2**13
NOISE_POINTS = 2**11
# By which the clock of a deep unit grows in a step.
CLOCK_FACTOR = 2.0**0.0625
# Contrasts of the inputs' mixture: their first 2 SCALES - 1 moments are those of a gamma distribution.
SCALES = 6


@dataclass(frozen=True)
class Network:
    """A student of any depth, a two-layer teacher, and their data.

    With one hidden layer of K units it starts as the student of :class:`lib.StudentTeacher`,
    sigma = (sqrt(M)/K) sum_i g(x_i) (``eq-networks``), or with ``output`` in place of sqrt(M)/K.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    widths : tuple of int
        Units of every hidden layer, from the input upwards, each >= 1. Default: one layer of 2.
    teachers : int
        Hidden units M of the teacher, >= 1. Default: 2.
    activation : {"erf", "relu", "tanh", "linear", "square"}
        Of student and teacher. The error of squares is taken less its mean, as in :class:`lib.StudentTeacher`; they
        need one hidden layer and Gaussian inputs. Default: "erf".
    tail : float
        Tail of the inputs, <|xi|^4> / <|xi|^2>^2 for N -> infinity, 1 (Gaussian) to 10: see :func:`scale_mixture`.
        Default: 1.
    output : float, optional
        Output weight of every unit at the start, > 0. A small one, with small weights below, makes the student rich: it
        learns by growing. Default: sqrt(M)/K, with K the units of the last hidden layer.
    strength : array_like, shape (L,), optional
        Strengths t_k >= 0 of the teacher in the levels, as for :class:`lib.StudentTeacher`. Default: ones.
    teacher_outputs : array_like, shape (M,), optional
        Output weights u_n > 0 of the teacher's units. Default: 1/sqrt(M) each.

    Raises
    ------
    ValueError
        If a value is outside its range.
    """

    spectrum: Spectrum
    widths: tuple[int, ...] = (2,)
    teachers: int = 2
    activation: str = "erf"
    tail: float = 1.0
    output: float | None = None
    strength: NDArray[np.float64] | None = field(default=None, hash=False)
    teacher_outputs: NDArray[np.float64] | None = field(default=None, hash=False)

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
        if self.activation == "square" and len(self.widths) > 1:
            checks.refuse("widths", self.widths, 'one hidden layer for activation="square"')
        if self.activation == "square" and self.tail > 1.0:
            checks.refuse("tail", self.tail, '1 for activation="square"')
        if self.output is not None:
            object.__setattr__(self, "output", _output(self.output))
        object.__setattr__(self, "strength", self.start.strength)
        if self.teacher_outputs is not None:
            outputs = checks.output_weights("teacher_outputs", self.teacher_outputs, self.teachers)
            object.__setattr__(self, "teacher_outputs", outputs)

    def __eq__(self, other):
        if not isinstance(other, Network):
            return NotImplemented
        names = ("widths", "activation", "tail", "output")
        same = self.start == other.start and all(getattr(self, name) == getattr(other, name) for name in names)
        return same and np.array_equal(self.outputs, other.outputs)

    @property
    def outputs(self) -> NDArray[np.float64]:
        """Output weights u_n (M,) of the teacher."""
        M = self.teachers
        return np.full(M, 1.0 / np.sqrt(M)) if self.teacher_outputs is None else self.teacher_outputs

    @property
    def activity(self) -> int:
        """Number of the activation in the kernels."""
        return ACTIVATIONS[self.activation]

    @property
    def start(self) -> StudentTeacher:
        """Two-layer model with the same first layer, which gives the same initial weights and overlaps."""
        return StudentTeacher(self.spectrum, self.widths[0], self.teachers, strength=self.strength)

    @property
    def weights(self) -> int:
        """Number of weights above the first layer."""
        return sum(a * b for a, b in zip(self.widths, self.widths[1:])) + self.widths[-1]

    def initial_upper(self, seed: int = 0) -> NDArray[np.float64]:
        """Return all weights above the first layer at the start of training.

        Hidden ones are normal / sqrt(units below), output weights ``output``.

        Parameters
        ----------
        seed : int
            Seed of the random numbers, >= 0. Default: 0.

        Returns
        -------
        ndarray, shape (weights,)
            Layer by layer, the output weights last.
        """
        shape = np.array(self.widths, dtype=float)
        upper = np.empty(self.weights)
        hidden = upper[: upper.size - self.widths[-1]]
        kernels.initial_upper(seed, shape, hidden)
        upper[hidden.size :] = np.sqrt(self.teachers) / self.widths[-1] if self.output is None else self.output
        return upper


@dataclass(frozen=True, eq=False)
class Training:
    """A learning curve of a :class:`Network`; made by :func:`train` and :func:`flow`.

    Attributes
    ----------
    alpha : ndarray, shape (n,)
        Time, in examples / N.
    eps_g : ndarray, shape (n,) or (seeds, n)
        Generalisation error.
    R : ndarray, shape (..., n, K, M)
        Student-teacher overlaps of the first layer's fields.
    Q : ndarray, shape (..., n, K, K)
        Student-student overlaps of the first layer's fields.
    T : ndarray, shape (..., M, M)
        Teacher-teacher overlaps, which do not change.
    norm : ndarray, shape (..., n, K)
        Squared lengths of the first layer's weights over N, |J_i|^2 / N = sum_k w_k q^k_ii.
    upper : ndarray, shape (..., n, weights)
        Weights above the first layer; the last ones are the output weights.
    J : ndarray, shape (seeds, K, N), or None
        The first layer's weights at the end; the flow has none.
    network : Network
        What was trained.
    """

    alpha: NDArray[np.float64]
    eps_g: NDArray[np.float64]
    R: NDArray[np.float64]
    Q: NDArray[np.float64]
    T: NDArray[np.float64]
    norm: NDArray[np.float64]
    upper: NDArray[np.float64]
    J: NDArray[np.float64] | None
    network: Network


def scale_mixture(tail: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return contrasts c of the inputs and their probabilities, with <c> = 1 and <c^2> = tail.

    The contrasts vary as those of ``eq-contrast``. They are the Gauss quadrature of the gamma distribution of shape
    1/(tail - 1), whose first 11 moments they share. Theory and simulation both have these six contrasts and no others.

    Parameters
    ----------
    tail : float
        1 to 10.

    Returns
    -------
    scales, shares : ndarray, shape (6,), or (1,) for tail = 1

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.

    Examples
    --------
    >>> import lib
    >>> scales, shares = lib.networks.scale_mixture(2.0)
    >>> round(float(shares @ scales), 6), round(float(shares @ scales**2), 6)
    (1.0, 2.0)
    """
    tail = checks.number("tail", tail, 1.0, 10.0)
    if tail == 1.0:
        return np.ones(1), np.ones(1)
    # By the eigenvalue problem: SciPy's roots_genlaguerre needs a gamma function, which overflows near tail = 1.
    shape, k = 1.0 / (tail - 1.0), np.arange(SCALES)
    x, vectors = eigh_tridiagonal(2 * k + shape, np.sqrt(k * (k + shape - 1.0))[1:])
    return x / shape, vectors[0] ** 2


def train(
    network: Network,
    N: int,
    eta: float,
    alpha: ArrayLike,
    sigma_J: float = 0.1,
    seeds: int = 4,
    upper_eta: float = 0.0,
    after: Training | None = None,
    *,
    keep: int | None = None,
) -> Training:
    """Train by one-pass SGD on the weights, and measure the error on the way. Seeds run in parallel.

    Parameters
    ----------
    network : Network
        Student, teacher and data.
    N : int
        Input dimension, split over the levels by :meth:`lib.Spectrum.multiplicities`.
    eta : float
        Learning rate of the first layer, > 0.
    alpha : array_like, shape (n,), or float
        Times (examples / N), >= 0 and increasing; rounded to whole steps.
    sigma_J : float
        Standard deviation of the first layer's initial weights, >= 0. Default: 0.1.
    seeds : int
        Number of runs; run s uses the weights and inputs of seed s of :func:`lib.simulate`. Default: 4.
    upper_eta : float
        Learning rate of all weights above the first layer, >= 0, in steps of upper_eta / N. Default: 0, they do not
        change.
    after : Training, optional
        Go on from the end of this training of the same network and N, with fresh inputs; ``alpha`` counts from there.
        Default: start from initial weights.
    keep : int, optional
        Of what was learned in ``after`` the first layer retains the leading levels 1..keep, and the layers above retain
        all; the other levels return to their initial weights. Only with ``after``. Default: all levels.

    Returns
    -------
    Training
        With a leading axis of seeds. The inputs enter through Gaussian fields, so eps_g is an average over K + M
        Gaussian numbers: closed for erf, linear and ReLU with one hidden layer, else on 8192 points of a Sobol
        sequence.

    Raises
    ------
    ValueError
        If an argument is out of range, or ``after`` is of another network, another N or fewer seeds.
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
        return _run(network, N, eta, steps, sigma_J, seed, upper_eta, after, keep=keep)

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        R, Q, T, norm, upper, eps_g, J, starts = (np.stack(parts) for parts in zip(*pool.map(run, range(seeds))))
    for seed in range(seeds):
        bad = unbounded(eps_g[seed], starts[seed])
        if bad.size:
            at = steps[bad[0]] / N
            raise DivergenceError(
                f"SGD with seed {seed} diverged before alpha = {at:g}: eta = {eta:g} is too large", at, eta=eta
            )
    return Training(alpha=steps / N, eps_g=eps_g, R=R, Q=Q, T=T, norm=norm, upper=upper, J=J, network=network)


def _check_network(network: Network) -> None:
    """Refuse anything but a Network."""
    if not isinstance(network, Network):
        checks.refuse("network", network, "a lib.networks.Network")


def _check_after(after: Training, network: Network, N: int, seeds: int) -> None:
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


class _Run(NamedTuple):
    """One run: R (n, K, M), Q (n, K, K), T (M, M), norm (n, K), ``upper`` (n, weights), eps_g (n,), J at the end,
    eps_g(0)."""

    R: NDArray[np.float64]
    Q: NDArray[np.float64]
    T: NDArray[np.float64]
    norm: NDArray[np.float64]
    upper: NDArray[np.float64]
    eps_g: NDArray[np.float64]
    J: NDArray[np.float64]
    start: float


def _run(
    network: Network,
    N: int,
    eta: float,
    steps: NDArray[np.int64],
    sigma_J: float,
    seed: int,
    upper_eta: float,
    after: Training | None,
    *,
    keep: int,
) -> _Run:
    """Train once, and measure after the given numbers of steps."""
    J, B = network.start.initial_weights(sigma_J, N, seed)
    counts = network.spectrum.multiplicities(N)
    root = np.sqrt(np.repeat(network.spectrum.eigenvalues, counts))
    upper, begin = network.initial_upper(seed), 0
    if after is not None and after.J is not None:
        directions = int(np.sum(counts[:keep]))
        J[:, :directions] = after.J[seed, :, :directions]
        upper, begin = after.upper[seed, -1].copy(), int(np.rint(after.alpha[-1] * N))
    scales, shares = scale_mixture(network.tail)
    xi, M = np.empty(N), network.teachers
    inputs = kernels.Inputs(root, scales, np.append(np.cumsum(shares)[:-1], np.inf), seed, xi)
    networks, layers = _networks(network, upper), _layers(network)
    rates = kernels.Rates(eta, upper_eta)
    Rs, Qs, norms, uppers, errors, at = [], [], [], [], [], begin
    K = network.widths[0]
    for target in begin + np.append(0, steps):
        kernels.advance(J, B, networks, inputs, rates, at, target, layers)
        at = target
        R, Q, T, unused = np.empty((K, M)), np.empty((K, K)), np.empty((M, M)), np.empty((M, M))
        sgd.measure(J, B, root, xi, Q, R)
        sgd.measure(B, B, root, xi, T, unused)
        Rs.append(R)
        Qs.append(Q)
        norms.append(np.sum(J * J, axis=1) / N)
        uppers.append(upper.copy())
        errors.append(error(network, Q, R, T, upper))
    norm, upper_weights = np.stack(norms[1:]), np.stack(uppers[1:])
    return _Run(np.stack(Rs[1:]), np.stack(Qs[1:]), T, norm, upper_weights, np.array(errors[1:]), J, errors[0])


def _networks(network: Network, upper: NDArray[np.float64]) -> kernels.Networks:
    """What the kernels have to know of a network, with these weights above the first layer."""
    widths = np.array(network.widths, dtype=float)
    return kernels.Networks(widths, upper, network.outputs, network.activity)


def _layers(network: Network) -> kernels.Layers:
    """The kernels' scratch of every layer."""
    return kernels.Layers(*np.empty((4, len(network.widths), max(network.widths))))


def error(network: Network, Q: ArrayLike, R: ArrayLike, T: ArrayLike, upper: ArrayLike) -> float:
    """Compute eps_g from the first layer's overlaps and the weights above it.

    Closed with one hidden layer and erf (``eq-i2-closed``), linear or ReLU (``eq-deeper-relu``); else an average on
    Sobol points.

    Parameters
    ----------
    network : Network
        Student, teacher and data.
    Q, R, T : array_like, shapes (K, K), (K, M), (M, M)
        Overlaps of the K units of the first hidden layer and the M of the teacher.
    upper : array_like, shape (weights,)
        Weights above the first layer, layer by layer, the output weights last.

    Returns
    -------
    float
        NaN if an overlap is not finite.

    Raises
    ------
    ValueError
        If an array does not have its shape.
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
    mixture = kernels.Mixture(*scale_mixture(network.tail))
    if len(network.widths) == 1 and network.activation != "tanh":
        w = np.append(-upper, network.outputs)
        return sum(p * kernels.pair_error(c * C, w, network.activity) for c, p in zip(*mixture))
    F = np.empty_like(C)
    kernels.factor(C, K, F)
    points = _points(len(C), ERROR_POINTS)
    return kernels.sampled_error(F, points, _networks(network, upper), mixture, _layers(network))


def flow(
    network: Network,
    eta: float,
    alpha: ArrayLike,
    sigma_J: float = 0.1,
    upper_eta: float = 0.0,
    overlaps: Overlaps | None = None,
    rtol: float = 1e-7,
    noise: bool = True,
) -> Training:
    """Solve the order-parameter equations of a two-layer student that also learns its output weights, N -> infinity.

    Equation ``eq-flow`` with ``eq-deeper-outputs``. Closed for erf, linear and square activations. For ReLU the
    drift is closed and the noise of single examples is an average on 2048 Sobol points; for tanh all averages are.
    Explicit Runge-Kutta, so for some tens of levels; :func:`lib.solve` takes millions where it applies. Without noise
    it is gradient flow, the limit of small rates, which only scale its time.

    Parameters
    ----------
    network : Network
        One hidden layer.
    eta : float
        Learning rate of the first layer, > 0.
    alpha : array_like, shape (n,), or float
        Times (examples / N), >= 0 and increasing.
    sigma_J : float
        Standard deviation of initial weights, >= 0: without ``overlaps``, training starts from their mean overlaps.
        Default: 0.1.
    upper_eta : float
        Learning rate of the output weights, >= 0. Default: 0, they do not change.
    overlaps : Overlaps, optional
        Where the first layer starts, as from ``network.start.initial_overlaps``. Default: the mean overlaps of initial
        weights.
    rtol : float
        Relative error allowed in a step. Default: 1e-7.
    noise : bool
        Whether single examples make noise, the terms in eta^2. Default: yes.

    Returns
    -------
    Training
        Without a leading axis of seeds.

    Raises
    ------
    ValueError
        If an argument is out of range, or the overlaps are not those of this network.
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
    checks.one_of("noise", noise, (True, False))
    start = network.start.initial_overlaps(sigma_J) if overlaps is None else overlaps
    start = network.start.check_overlaps(start)
    T = start.totals(network.spectrum).T
    s, (L, K, M) = network.spectrum, start.r.shape
    P, split = K + M, (L * K * M, L * K * (K + M))
    C, w = np.empty((P, P)), np.append(np.empty(K), network.outputs)
    Q, R, D, G = np.empty((K, K)), np.empty((K, M)), np.empty((K, P)), np.empty((K, K))
    scratch = kernels.Scratch(np.empty((P, P)), np.empty((P, P)), np.empty((P, P)), np.empty((2, P)), np.empty(K))
    mixture, points = kernels.Mixture(*scale_mixture(network.tail)), _points(P, NOISE_POINTS)

    def unpack(z):
        return z[: split[0]].reshape(L, K, M), z[split[0] : split[1]].reshape(L, K, K), z[split[1] :]

    # rounding errors would break a symmetry of the start, and grow on a plateau
    label = (
        None
        if network.activation == "linear"
        else symmetry.orbits(start.r, start.q, start.t, network.initial_upper(), network.outputs)
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
        flow_kernels.total(s.eigenvalues, s.weights, r, R)
        flow_kernels.total(s.eigenvalues, s.weights, q, Q)
        averages.assemble(Q, R, T, C)
        w[:K] = -v
        coefficients = kernels.Coefficients(D, G, dv)
        kernels.coefficients(C, w, network.activity, mixture, points, noise, scratch, coefficients)
        dv *= upper_eta
        levels = flow_kernels.Levels(s.eigenvalues, s.weights, r, q, start.t)
        flow_kernels.velocity(levels, D, G, eta, dr, dq)
        return symmetric(out)

    z0 = np.concatenate([start.r.ravel(), start.q.ravel(), network.initial_upper()])
    Rs, Qs, norms, vs, errors = [], [], [], [], []
    for z in integrate(velocity, z0, alpha, eta, "DOP853", rtol, 1e-12):
        r, q, v = unpack(np.ascontiguousarray(z))
        Rs.append(np.tensordot(s.weights * s.eigenvalues, r, axes=1))
        Qs.append(np.tensordot(s.weights * s.eigenvalues, q, axes=1))
        norms.append(s.weights @ np.diagonal(q, axis1=1, axis2=2))
        vs.append(v)
        errors.append(error(network, Qs[-1], Rs[-1], T, v))
    return Training(
        alpha=alpha,
        eps_g=np.array(errors),
        R=np.stack(Rs),
        Q=np.stack(Qs),
        T=T,
        norm=np.stack(norms),
        upper=np.stack(vs),
        J=None,
        network=network,
    )


def imbalance(training: Training, eta: float, upper_eta: float) -> NDArray[np.float64]:
    """Compute what gradient flow conserves in every unit of a two-layer student with homogeneous units.

    v_i^2 / upper_eta - |J_i|^2 / (p N eta), with |J_i|^2 / N = sum_k w_k q^k_ii, and p = 1 for linear and ReLU units,
    2 for squares. As x g'(x) = p g(x), both terms grow at the rate 2 v_i <g(x_i) (zeta - sigma)>, whatever the data.
    The noise of single examples adds eta G_ii / p to the second's, with G_ii = <delta_i^2> as in ``eq-flow``.

    Parameters
    ----------
    training : Training
        Of one hidden layer, as from :func:`flow` without noise.
    eta, upper_eta : float
        Its learning rates, > 0.

    Returns
    -------
    ndarray, shape (..., n, K)
        At every time.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    """
    if not isinstance(training, Training):
        checks.refuse("training", training, "a Training, as from train or flow")
    network = training.network
    if len(network.widths) != 1:
        checks.refuse("training.network.widths", network.widths, "a single hidden layer")
    checks.one_of("training.network.activation", network.activation, tuple(DEGREES))
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    upper_eta = checks.number("upper_eta", upper_eta, 0.0, open_minimum=True)
    return training.upper**2 / upper_eta - training.norm / (DEGREES[network.activation] * eta)


def rich_exponent(s: float, depth: int = 2) -> float:
    """Return the exponent in time of a student that learns by growing, whose lazy one has the exponent ``s``.

    D s / (1 + (D - 1) s) for s < 1, and s from there on: the task then has a finite norm, at which growth ends
    (Bordelon, Atanasov and Pehlevan 2024). In two layers this is 2 s / (1 + s), also of a ReLU unit.

    Parameters
    ----------
    s : float
        Exponent at fixed upper weights, > 0, such as that of :func:`lib.linear.exponent`.
    depth : int
        Layers D of weights, >= 1; 1 is the lazy student. Default: 2.

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
    >>> [round(lib.networks.rich_exponent(0.5, depth), 4) for depth in (1, 2, 3)]
    [0.5, 0.6667, 0.75]
    """
    s = checks.number("s", s, 0.0, open_minimum=True)
    depth = checks.whole("depth", depth)
    return rich.exponent(s, depth)


class DeepUnit(NamedTuple):
    """A learning curve of :func:`deep_linear_unit`."""

    alpha: NDArray[np.float64]
    """Times (n,), in examples / N."""
    eps_g: NDArray[np.float64]
    """Generalisation error (n,)."""
    output: NDArray[np.float64]
    """Each of the equal weights v above the first layer (n,); their product is v^(depth - 1)."""
    clock: NDArray[np.float64]
    """The unit's own time (n,), the integral of eta v^(2 (depth - 1)), in which every level relaxes by itself."""


def deep_linear_unit(
    spectrum: Spectrum,
    eta: float,
    alpha: ArrayLike,
    output: float,
    depth: int = 2,
    upper_eta: float | None = None,
    strength: ArrayLike | None = None,
) -> DeepUnit:
    """Solve gradient flow of a linear unit whose upper weights learn too: a chain of D layers, one unit wide.

    The student is v^(D-1) J . xi / sqrt(N), the teacher B . xi / sqrt(N); J begins at 0 and all D - 1 weights above it
    at ``output``. This is :func:`flow` without noise of a linear unit, to any depth, and at the cost of L operations in
    each of some 16 steps per doubling of the unit's own time: millions of levels and any alpha.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    eta : float
        Learning rate of the first layer, > 0. Only eta * alpha counts, at a given upper_eta / eta.
    alpha : array_like, shape (n,), or float
        Times (examples / N), >= 0 and increasing.
    output : float
        Weight of each upper layer at the start, > 0. A small one makes the unit rich: see :func:`rich_exponent`.
    depth : int
        Layers D of weights, 1 to 64; 1 has none above the first. Default: 2.
    upper_eta : float, optional
        Learning rate of the upper weights, >= 0. Default: eta.
    strength : array_like, shape (L,), optional
        Strengths t_k >= 0 of the teacher in the levels, as for :class:`lib.StudentTeacher`. Default: ones.

    Returns
    -------
    DeepUnit
        The named tuple (alpha, eps_g, output, clock), good to a relative 1e-6 as long as the error falls as a power
        law; when it falls exponentially at last, eps_g to 1e-4 relative or 1e-20 absolute.

    Raises
    ------
    ValueError
        If an argument is out of range, or output^(2 depth) below 1e-200, at which training never begins.

    Examples
    --------
    >>> import lib
    >>> s = lib.power_law(1.0, 512)
    >>> run = lib.networks.deep_linear_unit(s, 0.1, [0.0, 1e3, 1e5], output=0.01)
    >>> run.eps_g.round(4), run.output.round(4)
    (array([0.5   , 0.0011, 0.    ]), array([0.01  , 0.6998, 1.    ]))
    """
    checks.spectrum(spectrum)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    alpha = checks.times("alpha", alpha)
    output = _output(output)
    depth = checks.whole("depth", depth, 1, 64)
    upper_eta = eta if upper_eta is None else checks.number("upper_eta", upper_eta, 0.0)
    strengths = np.ones(spectrum.levels) if strength is None else checks.strength(spectrum, strength)
    if 2 * depth * np.log10(output) < -200.0:
        checks.refuse("output", output, f"at least 1e-200^(1/{2 * depth}) at depth = {depth}")
    ratio = upper_eta / eta if depth > 1 else 0.0
    chain = rich.Chain(spectrum.eigenvalues, spectrum.weights * strengths, depth, ratio, output)
    curves = np.empty((3, alpha.size))
    rich.curve(chain, eta, alpha, CLOCK_FACTOR, curves, np.empty(rich.ENDS), np.empty((rich.ROWS, spectrum.levels)))
    return DeepUnit(alpha, *curves)


def _output(value: object) -> float:
    """Check an output weight at the start."""
    output = checks.number("output", value)
    if output <= 0.0:
        checks.refuse("output", output, "a number > 0: from 0 the first layer has no gradient, and nothing ever moves")
    return output


def slope_moments(activation: str) -> NDArray[np.float64]:
    """Compute the means <g'^p>, p = 1..4, over a standard normal field, on which the late stage depends.

    Closed, but for tanh: there by Gauss-Hermite quadrature.

    Parameters
    ----------
    activation : {"erf", "relu", "tanh", "linear", "square"}

    Returns
    -------
    ndarray, shape (4,)

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.

    Examples
    --------
    >>> import lib
    >>> lib.networks.slope_moments("erf").round(4)
    array([0.5642, 0.3676, 0.254 , 0.1812])
    """
    checks.one_of("activation", activation, tuple(ACTIVATIONS))
    p = np.arange(1, 5)
    if activation == "linear":
        return np.ones(4)
    if activation == "relu":
        return np.full(4, 0.5)
    if activation == "square":
        return np.array([0.0, 4.0, 0.0, 48.0])
    if activation == "erf":
        return (2 / np.pi) ** (p / 2) / np.sqrt(1 + p)
    x, mass = np.polynomial.hermite_e.hermegauss(120)
    return np.cosh(x) ** (-2.0 * p[:, None]) @ mass / mass.sum()


def late_matrices(activation: str, M: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute decay and noise of the error near perfect learning, K = M, in the sector of errors that units share.

    For orthonormal teachers the fields are independent standard normals. With E = <(J - B)(J - B)^T> the error obeys
    e^k' = -(eta/M) lambda_k (H e^k + e^k H) + (eta/M)^2 lambda_k X[E] (``eq-late-flow``), H_ij = <g'_i g'_j>,
    X[E]_ij = sum_lm <g'_i g'_j g'_l g'_m> E_lm. On E_ii = d, E_ij = o (i != j) both act as 2 x 2 matrices.

    Parameters
    ----------
    activation : {"erf", "relu", "tanh", "linear", "square"}
        "linear" for M = 1 only.
    M : int
        Hidden units of student and teacher, >= 1.

    Returns
    -------
    decay, noise : ndarray, shape (2, 2), or (1, 1) for M = 1

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
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


def critical_eta(activation: str, M: int) -> float:
    """Return the largest learning rate at which perfect learning is stable (K = M, any spectrum, N -> infinity).

    Equation ``eq-late-critical`` of the book, for any activation.

    Parameters
    ----------
    activation : {"erf", "relu", "tanh", "linear", "square"}
        "linear" for M = 1 only.
    M : int
        Hidden units of student and teacher, >= 1.

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
    >>> round(lib.networks.critical_eta("relu", 1), 4), round(lib.networks.critical_eta("erf", 2), 4)
    (2.0, 4.6137)
    """
    decay, noise = late_matrices(activation, M)
    return float(M / np.max(np.linalg.eigvals(np.linalg.solve(decay, noise)).real))


def late_error(
    spectrum: Spectrum, activation: str, M: int, eta: float, alpha: ArrayLike, start: float = 1.0
) -> NDArray[np.float64]:
    """Compute the late error of K = M units at small eta, a sum of exponentials for every distinct eigenvalue of H.

    Equation ``eq-deeper-late`` of the book: eps_g = (start / 2M) sum_k w_k lambda_k
    [(M-1) a_0 exp(-2 eta a_0 lambda_k alpha / M) + a_1 exp(-2 eta a_1 lambda_k alpha / M)],
    a_0 = m2 - m1^2, a_1 = m2 + (M-1) m1^2, with the moments of :func:`slope_moments`.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    activation : {"erf", "relu", "tanh", "linear", "square"}
    M : int
        Hidden units of student and teacher, >= 1.
    eta : float
        Learning rate, > 0.
    alpha : array_like, shape (n,), or float
        Times (examples / N), >= 0 and increasing.
    start : float
        Initial \\|J - B\\|^2 per direction of the slow levels, >= 0: 1 + sigma_J^2. Default: 1.

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


# <g'(y)^2 y^2> = 2 / (3 sqrt(3) pi) of a standard normal y: curvature of the error of a pair about one erf teacher.
_BENT_SLOPE = 2.0 / (3.0 * np.sqrt(3.0) * np.pi)


def symmetric_floor(students: int, teachers: int) -> tuple[float, NDArray[np.float64]]:
    """Find the least error of erf students with fixed output weights sqrt(M)/K when one of them is spare.

    Equation ``eq-deeper-spare`` of the book. Of K = m M + 1 students m turn to each of the M teachers and the last one
    is symmetric with respect to all: R_in = p towards a student's own teacher and q towards the others, a for the last
    one, and Q = R R^T, as the students lie in the teachers' span. The error is minimised over p, q and a. Also for
    K = m M, where it is 0, and for a single student (m = 0).

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

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
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

    # Start where students are copies of their teachers, and the spare one is where it is on the plateau.
    best = minimize(
        height,
        [1.0, 0.0, 1.0 / np.sqrt(M * (2 * M - 1))],
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-16, "maxfev": 4000, "maxiter": 4000},
    )
    return float(best.fun), overlaps(best.x)


def soft_law(
    spectrum: Spectrum, teachers: int, eta: float, alpha: ArrayLike, start: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute the soft mode of K = 2 M erf students that share the teachers in pairs, at small eta and small distance.

    Equation ``eq-deeper-soft`` of the book. Students are at B +- d, with d at right angles to the teachers, the same
    size in every direction. With delta^2 = sum_k w_k lambda_k |d^k|^2 / n_k the mean of a pair follows,
    R - 1 = delta^2 / 2, and

        eps_g = delta^4 / (6 sqrt(3) pi),    d d^k / d alpha = - eta lambda_k delta^2 d^k / (3 sqrt(3) pi M).

    In the time tau = int delta^2 d alpha the levels relax independently; alpha(tau) is a quadrature.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    teachers : int
        Hidden units M of the teacher, >= 1.
    eta : float
        Learning rate, > 0.
    alpha : array_like, shape (n,), or float
        Times (examples / N), >= 0 and increasing.
    start : float
        delta^2 at alpha = 0, > 0.

    Returns
    -------
    eps_g, delta2 : ndarray, shape (n,)
        Error and delta^2 at every time.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
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
    # delta^2 falls exponentially in tau; its values beyond the longest time asked for are not needed.
    delta2 = np.maximum(delta2, 1e-300)
    with np.errstate(over="ignore"):
        clock = cumulative_simpson((tau + unit) / delta2, x=x, initial=0.0)
    known = np.isfinite(clock) & (np.append(True, np.diff(clock) > 0.0))
    delta2 = np.exp(
        np.interp(np.log1p(alpha * start / unit), np.log1p(clock[known] * start / unit), np.log(delta2[known]))
    )
    return 0.25 * _BENT_SLOPE * delta2**2, delta2


def _points(dimensions: int, count: int) -> NDArray[np.float64]:
    """Return standard normal points (count, dimensions) of a scrambled Sobol sequence, always the same."""
    sobol = qmc.Sobol(dimensions, seed=0).random(count)
    return ndtri(np.clip(sobol, 1e-12, 1 - 1e-12))
