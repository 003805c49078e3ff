"""Chapter "Mitigating slow directions": what changes the time scales of the levels, and what only seems to.

Preconditioned SGD, J_i += (eta / sqrt N) P delta_i xi with P = gain_k on level k (``eq-preconditioned``), is plain SGD
in other coordinates: with J' = P^(-1/2) J, B' = P^(-1/2) B and xi' = P^(1/2) xi all fields are the same, the spectrum
is lambda'_k = gain_k lambda_k and overlaps are divided by gain_k (``eq-whitened``). Whitening the inputs is equivalent.
So the flow, its integrator and every closed form apply, to another spectrum and to a teacher that differs from level to
level.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erf, gammaln

from .core import checks
from .core.curve import Curve, field_error
from .core.divergence import integrate, unbounded
from .core.spectra import Spectrum
from .core.student_teacher import Overlaps, StudentTeacher
from .kernels import training
from .kernels.spectrum import whiten as whiten_levels

# Memory of the inputs that are drawn at a time; the result does not depend on it.
_CHUNK_BYTES = 64e6
# Eigenvalues of an estimated covariance below this, relative to the largest, count as zero.
_CONDITION = 1e-12
# Relative error allowed in a step of a flow: some digits more than a figure or a test compares.
RTOL = 1e-9


def exponent(beta: float, power: float) -> float:
    """Return the exponent of the learning curve after whitening by ``power``, beta / ((1 + beta) (1 - power)).

    Equation ``eq-whitened-exponent`` of the book: level k is learned at the rate k^-((1 + beta)(1 - power)), and the
    error of the levels beyond k is k^-beta.

    Parameters
    ----------
    beta : float
        Exponent of the spectrum, > 0.
    power : float
        Power of the covariance, 0 (plain SGD) <= power < 1; at 1 the decay is exponential.

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
    >>> lib.mitigation.exponent(1.0, 0.0), lib.mitigation.exponent(1.0, 0.5)
    (0.5, 1.0)
    """
    beta = checks.number("beta", beta, 0.0, open_minimum=True)
    power = checks.number("power", power, 0.0, np.nextafter(1.0, 0.0))
    return beta / ((1.0 + beta) * (1.0 - power))


@dataclass(frozen=True, eq=False)
class Whitening:
    """Inputs multiplied by gain^(1/2), level by level; made by :func:`whiten` (``eq-whitened``).

    Attributes
    ----------
    original : Spectrum
        Of the inputs before whitening.
    spectrum : Spectrum
        Of the whitened inputs: lambda'_k = gain_k lambda_k, mean 1. Learning rates are in these units, in which the
        linear network's critical rate is 2 as always.
    gain : ndarray, shape (L,)
        Factor of each level's eigenvalue.
    """

    original: Spectrum
    spectrum: Spectrum
    gain: NDArray[np.float64]

    def overlaps(self, overlaps: Overlaps) -> Overlaps:
        """Return the block overlaps of the same weights in whitened coordinates: each divided by its level's gain.

        Parameters
        ----------
        overlaps : Overlaps
            r (L, K, M), q (L, K, K) and t (L, M, M) in the original coordinates.

        Returns
        -------
        Overlaps
        """
        return Overlaps(*(block / self.gain[:, None, None] for block in (overlaps.r, overlaps.q, overlaps.t)))

    @property
    def escape_moment(self) -> float:
        """<lambda lambda'>, which replaces <lambda^2> in the escape rate of a plateau (``eq-whitened-escape``)."""
        return float(np.sum(self.original.weights * self.original.eigenvalues * self.spectrum.eigenvalues))


def whiten(spectrum: Spectrum, power: float = 1.0) -> Whitening:
    """Whiten inputs by a power of their covariance: lambda'_k ~ lambda_k^(1 - power).

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    power : float
        0 to 1. Default: 1, which makes inputs isotropic (natural gradient). 0 leaves them unchanged, and 1/2 gives the
        rates that Adam-like steps have in the eigenbasis.

    Returns
    -------
    Whitening

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.

    Examples
    --------
    >>> import lib
    >>> lib.mitigation.whiten(lib.Spectrum([4.0, 1.0]), power=0.5).spectrum.eigenvalues.round(3)
    array([1.333, 0.667])
    """
    checks.spectrum(spectrum)
    power = checks.number("power", power, 0.0, 1.0)
    eigenvalues, gain = np.empty(spectrum.levels), np.empty(spectrum.levels)
    whiten_levels(spectrum.eigenvalues, spectrum.weights, power, eigenvalues, gain)
    return Whitening(spectrum, Spectrum(eigenvalues, spectrum.weights), gain)


def small_eta_error(
    spectrum: Spectrum, power: float, eta: float, alpha: ArrayLike, sigma_J: float = 0.0
) -> NDArray[np.float64]:
    """Compute eps_g of the whitened linear network to leading order in eta.

    (1 + sigma_J^2)/2 sum_k w_k lambda_k exp(-2 eta lambda'_k alpha): whitening (``eq-whitened``) changes the rates,
    and not what a level contributes.

    Parameters
    ----------
    spectrum : Spectrum
        Of the inputs before whitening.
    power : float
        Power of the covariance by which they are whitened, 0 to 1.
    eta : float
        Learning rate, > 0, in units of the whitened inputs' mean eigenvalue.
    alpha : array_like, shape (n,), or float
        Times (examples / N), >= 0 and increasing.
    sigma_J : float
        Standard deviation of the student's initial weights, >= 0. Default: 0.

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
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    alpha = checks.times("alpha", alpha)
    sigma_J = checks.number("sigma_J", sigma_J, 0.0)
    rates = 2.0 * eta * whiten(spectrum, power).spectrum.eigenvalues
    mass = spectrum.weights * spectrum.eigenvalues
    return 0.5 * (1.0 + sigma_J**2) * np.exp(-np.outer(alpha, rates)) @ mass


# --- Linear networks whose step is not plain: equations for e_k = q_k - 2 r_k + t_k, K = M = 1 ------------


def adaptive_error(
    spectrum: Spectrum, eta: float, alpha: ArrayLike, aligned: bool = True, sigma_J: float = 0.0
) -> NDArray[np.float64]:
    """Compute eps_g of a linear network whose gradient is divided by its root mean square, as in RMSprop and Adam.

    The mean square of component j of the gradient is E lambda_j / N, E = 2 eps_g. In coordinates ``aligned`` with
    the eigenvectors the step is therefore eta delta xi_j / sqrt(E lambda_j N), and (``eq-adaptive``)

        e_k' = -2 eta sqrt(lambda_k / E) e_k + eta^2 ;

    in general position every component has the same mean square, E / N, and (``eq-adaptive-rotated``)

        e_k' = -2 eta lambda_k e_k / sqrt E + eta^2 lambda_k .

    Exact for N -> infinity with a memory long compared with one step and short compared with N steps. The step does
    not shrink with the gradient, so that the error has a floor: E = (eta <sqrt lambda> / 2)^2 if aligned, else
    (eta / 2)^2. The error with the best constant step for a time: :func:`adaptive_exponent`.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    eta : float
        Size of a step, > 0 (of each weight, times sqrt N).
    alpha : array_like, shape (n,), or float
        Times (examples / N), >= 0 and increasing.
    aligned : bool
        Whether the coordinates are those of the eigenvectors. Default: True.
    sigma_J : float
        Standard deviation of the student's initial weights, >= 0. Default: 0.

    Returns
    -------
    ndarray, shape (n,)
        eps_g at every time.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    DivergenceError
        If the error grows without bound.
    """
    checks.spectrum(spectrum)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    lam = spectrum.eigenvalues
    drift, noise = (np.sqrt(lam), np.ones_like(lam)) if aligned else (lam, lam)

    log_n = np.log(eta**2 * noise)

    def rates(alpha, log_E):
        return 2.0 * eta * drift * np.exp(-0.5 * log_E), log_n

    return _level_flow(spectrum, eta, alpha, sigma_J, rates)


def growing_memory_error(
    spectrum: Spectrum,
    eta: float,
    alpha: ArrayLike,
    strength: float,
    power: float,
    friction: float = 6.0,
    sigma_J: float = 0.0,
) -> NDArray[np.float64]:
    """Compute eps_g of a linear network with a momentum whose memory grows in proportion to the time.

    In addition to the plain step the student moves along V, the sum of past gradients, of which V forgets the fraction
    friction/(alpha + 1/lambda_1) in a unit of time (``eq-growing-memory``):

        V <- V - friction/((alpha + 1/lambda_1) N) V + delta xi / sqrt N
        J <- J + eta delta xi / sqrt N + (h/N) V ,     h = strength (1 + lambda_1 alpha)^-power .

    With d = J - B, and the means e_k of d^2, phi_k of -d V and psi_k of V^2 per direction of level k, for N -> infinity

        e_k' = -2 eta lambda_k e_k - 2 h phi_k + eta^2 lambda_k E
        phi_k' = -(eta lambda_k + f) phi_k - h psi_k + lambda_k e_k - eta lambda_k E
        psi_k' = -2 f psi_k + 2 lambda_k phi_k + lambda_k E ,     f = friction/(alpha + 1/lambda_1) .

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    eta : float
        Learning rate of the plain step, > 0.
    alpha : array_like, shape (n,), or float
        Times (examples / N), >= 0 and increasing.
    strength, power : float
        Of the momentum's step h, >= 0. From power = 1/(1 + beta) on, the noise stays bounded (``eq-growing-noise``).
    friction : float
        How fast V forgets, > 0. Default: 6.
    sigma_J : float
        Standard deviation of the student's initial weights, >= 0. Default: 0.

    Returns
    -------
    ndarray, shape (n,)
        eps_g at every time.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    DivergenceError
        If the error grows without bound.
    """
    checks.spectrum(spectrum)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    alpha = checks.times("alpha", alpha)
    strength, power = checks.number("strength", strength, 0.0), checks.number("power", power, 0.0)
    friction = checks.number("friction", friction, 0.0, open_minimum=True)
    sigma_J = checks.number("sigma_J", sigma_J, 0.0)
    lam, mass, L = spectrum.eigenvalues, spectrum.weights * spectrum.eigenvalues, spectrum.levels
    knee = 1.0 / lam[0]

    def flow(now, z):
        e, phi, psi = z[:L], z[L : 2 * L], z[2 * L :]
        E, h, forget = mass @ e, strength * (1.0 + now / knee) ** -power, friction / (now + knee)
        return np.concatenate(
            [
                -2.0 * eta * lam * e - 2.0 * h * phi + eta**2 * lam * E,
                -(eta * lam + forget) * phi - h * psi + lam * e - eta * lam * E,
                -2.0 * forget * psi + 2.0 * lam * phi + lam * E,
            ]
        )

    start = np.concatenate([np.full(L, 1.0 + sigma_J**2), np.zeros(2 * L)])
    return 0.5 * integrate(flow, start, alpha, eta, "LSODA", 1e-6, 1e-10)[:, :L] @ mass


def adaptive_exponent(beta: float, aligned: bool = True) -> float:
    """Return the exponent of the adaptive network's error with the best constant step for each time, L -> infinity.

    Equation ``eq-adaptive-best-exponent`` of the book, for :func:`adaptive_error`. In general position it is
    beta / (1 + beta), as for plain SGD. In the eigenbasis it is 2 beta / (1 + beta), as for whitening by 1/2, where
    beta >= 1, and beta where beta <= 1: there the noise of the levels learned, a sum of
    sqrt(lambda_k) ~ k^-((1+beta)/2), grows with their number; at beta = 1 it grows as a logarithm.

    Parameters
    ----------
    beta : float
        Exponent of the spectrum, > 0.
    aligned : bool
        Whether the coordinates are those of the eigenvectors. Default: True.

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
    >>> lib.mitigation.adaptive_exponent(3.0), lib.mitigation.adaptive_exponent(0.5)
    (1.5, 0.5)
    """
    beta = checks.number("beta", beta, 0.0, open_minimum=True)
    return min(beta, 2.0 * beta / (1.0 + beta)) if aligned else beta / (1.0 + beta)


def scheduled_error(
    spectrum: Spectrum,
    eta: float,
    alpha: ArrayLike,
    decay: float = 0.0,
    knee: float = 1.0,
    label_noise: float = 0.0,
    sigma_J: float = 0.0,
) -> NDArray[np.float64]:
    """Compute eps_g of a linear network with the learning rate eta(alpha) = eta (1 + alpha/knee)^-decay.

    Equation ``eq-noisy-flow`` of the book:

        e_k' = -2 eta(alpha) lambda_k e_k + eta(alpha)^2 lambda_k (E + label_noise)

    For any other schedule, by independent numerics: :func:`lib.linear.scheduled_error`.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    eta : float
        Initial rate, 0 < eta < 2.
    alpha : array_like, shape (n,), or float
        Times (examples / N), >= 0 and increasing.
    decay : float
        Exponent of the schedule, >= 0. Default: 0, a constant rate.
    knee : float
        Time at which the decay sets in, > 0. Default: 1.
    label_noise : float
        Variance of noise added to the teacher's answers, >= 0. eps_g is measured without it. Default: 0.
    sigma_J : float
        Standard deviation of the student's initial weights, >= 0. Default: 0.

    Returns
    -------
    ndarray, shape (n,)
        eps_g at every time.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    DivergenceError
        If the error grows without bound.
    """
    checks.spectrum(spectrum)
    eta = checks.number("eta", eta, 0.0, np.nextafter(2.0, 0.0), open_minimum=True)
    decay, label_noise = checks.number("decay", decay, 0.0), checks.number("label_noise", label_noise, 0.0)
    knee = checks.number("knee", knee, 0.0, open_minimum=True)
    lam = spectrum.eigenvalues

    log_noise = np.log(label_noise) if label_noise > 0 else -np.inf

    def rates(alpha, log_E):
        now = eta * (1.0 + alpha / knee) ** -decay
        return 2.0 * now * lam, np.log(now**2 * lam) + np.logaddexp(log_E, log_noise)

    return _level_flow(spectrum, eta, alpha, sigma_J, rates)


def _level_flow(
    spectrum: Spectrum,
    eta: float,
    alpha: ArrayLike,
    sigma_J: float,
    rates: Callable[[float, float], tuple[NDArray[np.float64], NDArray[np.float64]]],
) -> NDArray[np.float64]:
    """Solve e_k' = -a_k e_k + n_k, (a, ln n) = rates(alpha, ln E), from e_k = 1 + sigma_J^2; return E / 2.

    The logarithms of e_k are integrated, since e_k falls over many decades. LSODA is used, since the levels' rates
    differ as much: it is implicit where the fast levels have settled and the flow is stiff, and cheap before.
    """
    alpha = checks.times("alpha", alpha)
    sigma_J = checks.number("sigma_J", sigma_J, 0.0)
    mass = spectrum.weights * spectrum.eigenvalues

    def flow(now, log_e):
        top = log_e.max()
        a, log_n = rates(now, top + np.log(mass @ np.exp(log_e - top)))
        return np.exp(log_n - log_e) - a

    start = np.full(spectrum.levels, np.log1p(sigma_J**2))
    log_e = integrate(flow, start, alpha, eta, "LSODA", RTOL, RTOL, largest=np.max)
    return 0.5 * mass @ np.exp(log_e.T)


def batch_norm_error(
    spectrum: Spectrum, eta: float, alpha: ArrayLike, batch: int, r: ArrayLike, q: ArrayLike
) -> NDArray[np.float64]:
    """Compute eps_g of one linear unit with batch normalisation, for N -> infinity.

    Equation ``eq-batch-norm`` of the book, a flow of the block overlaps r_k and q_k. The output is
    (x - mean)/(standard deviation) over a batch of b examples; with the true width it is x / sqrt Q. With
    c = R / sqrt Q, eps_g = 1 - c for a teacher of unit variance. The teacher's field is c x / sqrt Q + sqrt(1 - c^2) u
    with u independent of x; normalisation projects the batch's mean and x itself out of the residual, and leaves b - 2
    of its b dimensions. With the rate eta / b of an example

        r_k' = a (eta/b) lambda_k (1 - c r_k / sqrt Q) / sqrt Q
        q_k' = 2 a (eta/b) lambda_k (r_k - c q_k / sqrt Q) / sqrt Q + a' (eta/b)^2 lambda_k (1 - c^2) / Q ,

    a = (b-2)/b <sqrt(Q/v)> and a' = (b-2)/b <Q/v> = (b-2)/(b-3), means over the variance v of a batch.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    eta : float
        Learning rate of an update, > 0.
    alpha : array_like, shape (n,), or float
        Times (examples / N), >= 0 and increasing.
    batch : int
        Examples of an update, at least 4.
    r, q : array_like, shape (L,)
        Block overlaps of the student's weights at the start, before normalisation, with
        sum_k w_k lambda_k q_k > 0.

    Returns
    -------
    ndarray, shape (n,)
        eps_g at every time.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    DivergenceError
        If the overlaps grow without bound.
    """
    checks.spectrum(spectrum)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    alpha, b = checks.times("alpha", alpha), checks.whole("batch", batch, 4)
    lam, mass, L = spectrum.eigenvalues, spectrum.weights * spectrum.eigenvalues, spectrum.levels
    r, q = checks.array("r", r), checks.array("q", q)
    checks.shape("r", r, (L,))
    checks.shape("q", q, (L,))
    if mass @ q <= 0:
        checks.refuse("q", q, "such that sum_k w_k lambda_k q_k > 0")
    drift = eta / b * (b - 2) / b * np.sqrt(b / 2) * np.exp(gammaln((b - 2) / 2) - gammaln((b - 1) / 2))
    noise = (eta / b) ** 2 * (b - 2) / (b - 3)

    def flow(_, z):
        r, q = z[:L], z[L:]
        width = np.sqrt(mass @ q)
        c = mass @ r / width
        pull = c / width
        dr = drift * lam * (1.0 - pull * r) / width
        dq = 2.0 * drift * lam * (r - pull * q) / width + noise * lam * (1.0 - c * c) / width**2
        return np.concatenate([dr, dq])

    z = integrate(flow, np.concatenate([r, q]), alpha, eta, "LSODA", RTOL, 1e-3 * RTOL)
    return 1.0 - z[:, :L] @ mass / np.sqrt(z[:, L:] @ mass)


def decayed_floor(spectrum: Spectrum, eta: float, decay: float) -> float:
    """Return the error at which weight decay stops a linear network (K = M = 1).

    Equation ``eq-decay-floor`` of the book. With J <- (1 - eta decay / N) J in every step, level k tends to
    r_k = lambda_k / (lambda_k + decay) and q_k = (lambda_k r_k + eta lambda_k E / 2) / (lambda_k + decay), so that

        E = sum_k w_k lambda_k (1 - r_k)^2 / (1 - (eta/2) sum_k w_k lambda_k^2 / (lambda_k + decay)) .

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues lambda_k and weights w_k of the inputs' covariance.
    eta : float
        Learning rate, > 0 and below the critical rate, which weight decay raises.
    decay : float
        Weight decay, >= 0, in units of the mean eigenvalue.

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
    >>> round(lib.mitigation.decayed_floor(lib.power_law(1.0, 64), eta=0.5, decay=0.1), 4)
    0.0101
    """
    checks.spectrum(spectrum)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    decay = checks.number("decay", decay, 0.0)
    lam, w = spectrum.eigenvalues, spectrum.weights
    noise = np.sum(w * lam**2 / (lam + decay))
    if eta * noise >= 2.0:
        checks.refuse("eta", eta, f"below the critical learning rate {2.0 / noise:.4g}")
    return float(0.5 * np.sum(w * lam * (decay / (lam + decay)) ** 2) / (1.0 - 0.5 * eta * noise))


# --- Simulation ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recipe:
    """How a student is trained, in addition to the plain step; the defaults are the plain step.

    Parameters
    ----------
    power : float
        Inputs are whitened by this power of their covariance (:func:`whiten`), 0 to 1. Default: 0.
    estimated_from : int, optional
        Number of unlabelled inputs from which the covariance for whitening is estimated. Default: it is known.
    rotated : bool
        The learner sees inputs in coordinates of general position (a random rotation), not the eigenbasis.
        Plain SGD and whitening by a known covariance do not notice. Not with ``estimated_from``. Default: False.
    adaptive : bool
        Each component of the gradient is divided by its root mean square over the last
        1 / (1 - memory) updates, as in RMSprop and Adam. Default: False.
    memory : float
        0 < memory < 1. Default: 0.99.
    momentum : float
        0 <= momentum < 1; the gradient is replaced by its exponential average. Default: 0.
    decay : float
        Weight decay, >= 0, in units of the mean eigenvalue. Default: 0.
    batch : int
        Examples per update; the gradient is their mean. Default: 1.
    batch_norm : bool
        Each hidden field has mean 0 and variance 1 over the batch, which must then hold at least 2 examples. The
        error is measured with the fields' true variance. Default: False.
    schedule : (float, float) or callable
        (x, knee): the learning rate is eta (1 + alpha/knee)^-x. A function takes a time alpha and gives the factor of
        eta then, >= 0. Default: (0, 1), a constant rate.
    label_noise : float
        Variance of noise on the teacher's answers, >= 0. Default: 0.

    Raises
    ------
    ValueError
        If a value is outside its range.
    """

    power: float = 0.0
    estimated_from: int | None = None
    rotated: bool = False
    adaptive: bool = False
    memory: float = 0.99
    momentum: float = 0.0
    decay: float = 0.0
    batch: int = 1
    batch_norm: bool = False
    schedule: tuple[float, float] | Callable[[float], float] = (0.0, 1.0)
    label_noise: float = 0.0

    def __post_init__(self):
        checks.number("power", self.power, 0.0, 1.0)
        if self.estimated_from is not None:
            object.__setattr__(self, "estimated_from", checks.whole("estimated_from", self.estimated_from, 2))
            if self.rotated:
                checks.refuse(
                    "rotated", self.rotated, "False with estimated_from: the estimate is made in the eigenbasis"
                )
        for name in ("rotated", "adaptive", "batch_norm"):
            checks.one_of(name, getattr(self, name), (False, True))
        checks.number("memory", self.memory, 0.0, np.nextafter(1.0, 0.0), open_minimum=True)
        checks.number("momentum", self.momentum, 0.0, np.nextafter(1.0, 0.0))
        checks.number("decay", self.decay, 0.0)
        object.__setattr__(self, "batch", checks.whole("batch", self.batch, 2 if self.batch_norm else 1))
        if not callable(self.schedule):
            if not isinstance(self.schedule, tuple) or len(self.schedule) != 2:
                checks.refuse("schedule", self.schedule, "a pair (x, knee), or a function of the time")
            checks.number("schedule[0]", self.schedule[0], 0.0)
            checks.number("schedule[1]", self.schedule[1], 0.0, open_minimum=True)
        checks.number("label_noise", self.label_noise, 0.0)


def train(
    model: StudentTeacher,
    N: int,
    eta: float,
    alpha: ArrayLike,
    recipe: Recipe = Recipe(),
    sigma_J: float = 0.01,
    seeds: int | Sequence[int] = 8,
) -> Curve:
    """Train the student by one pass over Gaussian inputs, with the ingredients of a recipe.

    Parameters
    ----------
    model : StudentTeacher
        Student, teacher and spectrum.
    N : int
        Input dimension, a multiple of the levels.
    eta : float
        Learning rate of an update, > 0: in units of the whitened inputs' mean eigenvalue, or the size of a step
        for adaptive steps.
    alpha : array_like, shape (n,), or float
        Times (examples / N), >= 0 and increasing; rounded to whole updates.
    recipe : Recipe
        Default: the plain step.
    sigma_J : float
        Standard deviation of the student's initial weights, in the coordinates of the inputs before whitening; > 0
        with batch normalisation. Default: 0.01.
    seeds : int or sequence of int
        A number of runs (seeds 0, 1, ...) or the seeds themselves; in parallel. Default: 8.

    Returns
    -------
    Curve
        eps_g (seeds, n), R (seeds, n, K, M), Q (seeds, n, K, K) and T (seeds, M, M), as from :func:`lib.simulate`.

    Raises
    ------
    ValueError
        If an argument is outside the range stated above.
    DivergenceError
        If the error grows without bound.

    Examples
    --------
    >>> import lib
    >>> model = lib.StudentTeacher(lib.power_law(1.0, 8), students=1, teachers=1, activation="linear")
    >>> white = lib.mitigation.Recipe(power=1.0)
    >>> curve = lib.mitigation.train(model, N=64, eta=0.5, alpha=[1.0, 5.0], recipe=white, seeds=2)
    >>> curve.eps_g.shape, curve.R.shape
    ((2, 2), (2, 2, 1, 1))
    """
    checks.model(model)
    checks.one_of("model.activation", model.activation, ("erf", "linear"))
    if not isinstance(recipe, Recipe):
        checks.refuse("recipe", recipe, "a Recipe")
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    alpha = checks.times("alpha", alpha)
    seeds = checks.seeds("seeds", seeds)
    N, sigma_J = model.check_start(sigma_J, N, "orthonormal")
    if recipe.batch_norm and sigma_J == 0:
        checks.refuse("sigma_J", sigma_J, "> 0 with batch normalisation, which divides by the width of the fields")
    updates = checks.steps("alpha", alpha, N, recipe.batch)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        runs = list(pool.map(lambda seed: _run(model, N, eta, updates, recipe, sigma_J, seed), seeds))
    R, Q, T, eps_g, starts = (np.stack(parts) for parts in zip(*runs))
    times = updates * recipe.batch / N
    for seed, eps, start in zip(seeds, eps_g, starts):
        bad = unbounded(eps, start)
        if bad.size:
            raise checks.DivergenceError(
                f"eta = {eta:g} is too large for {recipe}: training with seed {seed} diverged by "
                f"alpha = {times[bad[0]]:.4g}",
                float(times[bad[0]]),
                eta=eta,
                model=model,
            )
    return Curve(times, eps_g, R=R, Q=Q, T=T)


class _Run(NamedTuple):
    """One run: the totals R (n, K, M), Q (n, K, K), T (M, M), eps_g (n,), and eps_g before the first update."""

    R: NDArray[np.float64]
    Q: NDArray[np.float64]
    T: NDArray[np.float64]
    eps_g: NDArray[np.float64]
    start: float


@np.errstate(over="ignore", invalid="ignore")  # a run that diverges is reported by train
def _run(
    model: StudentTeacher,
    N: int,
    eta: float,
    updates: NDArray[np.int64],
    recipe: Recipe,
    sigma_J: float,
    seed: int,
) -> _Run:
    """Train once; return the state after the given numbers of updates."""
    K, M = model.students, model.teachers
    rng = np.random.Generator(np.random.SFC64([seed, 1]))
    J0, B = model.initial_weights(sigma_J, N, seed)
    lam = np.repeat(model.spectrum.eigenvalues, model.spectrum.multiplicities(N))
    seen, back = _coordinates(lam, recipe, rng)
    v, u = model.output_weights
    J = np.ascontiguousarray(_apply(J0, back))
    student = training.Student(J, np.zeros((K, N)), np.zeros((K, N)), v, model.activity)
    scratch = training.Scratch(np.empty((K, recipe.batch)), np.empty((K, recipe.batch)), np.empty(K), np.empty(N))
    memory = recipe.memory if recipe.adaptive else 0.0
    averages = float(recipe.decay), float(recipe.momentum), float(memory)
    rule = training.Recipe(recipe.batch, *averages, int(recipe.batch_norm))
    chunk = max(1, int(_CHUNK_BYTES / (8 * N * recipe.batch)))
    updates = np.append(0, updates)
    R, Q = np.empty((len(updates), K, M)), np.empty((len(updates), K, K))
    T = B * lam @ B.T / N
    done = 0
    for i, target in enumerate(updates):
        while done < target:
            last = min(target, done + chunk)
            xi = rng.standard_normal(((last - done) * recipe.batch, N)) * np.sqrt(lam)
            y = xi @ B.T / np.sqrt(N)
            zeta = u * (y if model.activation == "linear" else erf(y / np.sqrt(2.0))).sum(axis=1)
            if recipe.label_noise > 0:
                zeta += np.sqrt(recipe.label_noise) * rng.standard_normal(len(zeta))
            time = np.arange(done, last) * recipe.batch / N
            rate = eta * _factor(recipe.schedule, time)
            training.train(student, np.ascontiguousarray(_apply(xi, seen)), zeta, rate, rule, done, scratch)
            done = last
        weights = _apply(J, seen.T)  # in the eigenbasis, for inputs before whitening
        R[i], Q[i] = weights * lam @ B.T / N, weights * lam @ weights.T / N
        if recipe.batch_norm:
            width = np.sqrt(np.diag(Q[i]))
            R[i], Q[i] = R[i] / width[:, None], Q[i] / np.outer(width, width)
    eps_g = field_error(model, Q=Q, R=R, T=T)
    return _Run(R[1:], Q[1:], T, eps_g[1:], eps_g[0])


def _factor(schedule: tuple[float, float] | Callable[[float], float], time: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the factors (n,) of the learning rate at the times (n,) of a recipe's schedule."""
    if not callable(schedule):
        return (1.0 + time / schedule[1]) ** -schedule[0]
    factors = np.array([schedule(now) for now in time], dtype=np.float64)
    bad = np.flatnonzero(~((factors >= 0) & np.isfinite(factors)))
    if bad.size:
        checks.refuse(f"schedule({time[bad[0]]:g})", float(factors[bad[0]]), "a finite number >= 0")
    return factors


def _coordinates(
    lam: NDArray[np.float64], recipe: Recipe, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the maps (seen, back): the learner sees xi @ seen, and its weights are J @ back, J in the eigenbasis.

    A map that scales single directions is the vector (N,) of its factors.
    """
    N = lam.size
    if recipe.estimated_from is None:
        spectrum = Spectrum(lam)
        root = np.sqrt(whiten(spectrum, recipe.power).gain)
        if not recipe.rotated:
            return root, 1.0 / root
        turn = np.linalg.qr(rng.standard_normal((N, N)))[0]
        # rotated after scaling: the covariance seen is turn^T (gain lambda) turn
        return root[:, None] * turn, turn / root[:, None]
    inputs = rng.standard_normal((recipe.estimated_from, N)) * np.sqrt(lam)
    values, vectors = np.linalg.eigh(inputs.T @ inputs / recipe.estimated_from)
    if values[0] < _CONDITION * values[-1]:
        checks.refuse("estimated_from", recipe.estimated_from, f"at least N = {N}: else the estimate is singular")
    shrunk = values ** (1.0 - recipe.power)
    root = np.sqrt(shrunk / shrunk.mean() / values)
    seen = vectors * root @ vectors.T
    return seen, vectors / root @ vectors.T


def _apply(X: NDArray[np.float64], transform: NDArray[np.float64]) -> NDArray[np.float64]:
    """Apply a transform, a matrix or the diagonal of one, to every row of X."""
    return X * transform if transform.ndim == 1 else X @ transform
