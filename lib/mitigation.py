"""Chapter "Mitigating slow directions": what changes the clocks of the levels, and what only seems to.

Preconditioned SGD, J_i += (eta / sqrt N) P delta_i xi with P = gain_k on level k, is plain SGD in other
coordinates: with J' = P^(-1/2) J, B' = P^(-1/2) B and xi' = P^(1/2) xi all fields are the same, the spectrum is
lambda'_k = gain_k lambda_k and overlaps are divided by gain_k. Whitening inputs is the same thing. So the flow,
its integrator and every closed form apply, on another spectrum and with a teacher that is not the same in
every level.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.special import erf, gammaln

from .core import checks
from .core.curve import Curve, field_error
from .core.divergence import integrate, unbounded
from .core.spectra import Spectrum
from .core.student_teacher import Overlaps
from .kernels import training as kernels

# Inputs drawn at a time: bounds the memory, not the result.
_CHUNK_BYTES = 64e6
_CONDITION = 1e-12  # relative size below which a direction of an estimated covariance counts as zero
RTOL = 1e-9


def exponent(beta, power):
    """Exponent of the learning curve after whitening by ``power``: beta / ((1 + beta) (1 - power)).

    Level k is learned at the rate k^-((1 + beta)(1 - power)), the error of the levels beyond k is k^-beta.

    Parameters
    ----------
    beta : float
        Exponent of the spectrum, > 0.
    power : float
        0 (plain SGD) <= power < 1; at 1 the decay is exponential.
    """
    beta = checks.number("beta", beta, 0.0, open_minimum=True)
    power = checks.number("power", power, 0.0, np.nextafter(1.0, 0.0))
    return beta / ((1.0 + beta) * (1.0 - power))


@dataclass(frozen=True, eq=False)
class Whitening:
    """Inputs multiplied by gain^(1/2), level by level; made by :func:`whiten`.

    Attributes
    ----------
    original : Spectrum
        Of the inputs as they come.
    spectrum : Spectrum
        Of the whitened inputs: lambda'_k = gain_k lambda_k, mean 1. Learning rates count in these units, so
        that the linear network's critical rate is 2 as always.
    gain : ndarray, shape (L,)
    """

    original: Spectrum
    spectrum: Spectrum
    gain: np.ndarray

    def overlaps(self, overlaps):
        """The block overlaps of the same weights in whitened coordinates: each divided by its level's gain."""
        return Overlaps(*(block / self.gain[:, None, None] for block in (overlaps.r, overlaps.q, overlaps.t)))

    @property
    def escape_moment(self):
        """<lambda lambda'>, which takes the place of <lambda^2> in the escape rate of a plateau."""
        return float(np.sum(self.original.weights * self.original.eigenvalues * self.spectrum.eigenvalues))


def whiten(spectrum, power=1.0):
    """Whiten inputs by a power of their covariance: lambda'_k ~ lambda_k^(1 - power).

    Parameters
    ----------
    spectrum : Spectrum
    power : float
        0 leaves the inputs as they are, 1 makes them isotropic (natural gradient), 1/2 is half-way: the
        rates that Adam-like steps have in the eigenbasis.

    Returns
    -------
    Whitening
    """
    checks.spectrum(spectrum)
    power = checks.number("power", power, 0.0, 1.0)
    # in logarithms: eigenvalues may span hundreds of decades
    logs = (1.0 - power) * np.log(spectrum.eigenvalues)
    eigenvalues = np.exp(logs - logs[0])
    eigenvalues /= np.sum(spectrum.weights * eigenvalues)
    return Whitening(spectrum, Spectrum(eigenvalues, spectrum.weights), eigenvalues / spectrum.eigenvalues)


def small_eta_error(spectrum, power, eta, alpha, sigma_J=0.0):
    """eps_g of the whitened linear network to leading order in eta.

    (1 + sigma_J^2)/2 sum_k w_k lambda_k exp(-2 eta lambda'_k alpha): whitening changes the rates, not what
    a level contributes.

    Parameters
    ----------
    spectrum : Spectrum
        Of the inputs as they come.
    power, eta, sigma_J : float
    alpha : array_like, shape (n,)

    Returns
    -------
    ndarray, shape (n,)
    """
    checks.spectrum(spectrum)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    alpha = checks.times("alpha", alpha)
    sigma_J = checks.number("sigma_J", sigma_J, 0.0)
    rates = 2.0 * eta * whiten(spectrum, power).spectrum.eigenvalues
    mass = spectrum.weights * spectrum.eigenvalues
    return 0.5 * (1.0 + sigma_J**2) * np.exp(-np.outer(alpha, rates)) @ mass


# --- Linear networks whose step is not plain: equations for e_k = q_k - 2 r_k + t_k, K = M = 1 ------------


def adaptive_error(spectrum, eta, alpha, aligned=True, sigma_J=0.0):
    """eps_g of a linear network whose gradient is divided by its root mean square, as RMSprop and Adam do.

    The mean square of component j of the gradient is E lambda_j / N, E = 2 eps_g. In coordinates ``aligned`` with
    the eigenvectors the step is therefore eta delta xi_j / sqrt(E lambda_j N), and

        e_k' = -2 eta sqrt(lambda_k / E) e_k + eta^2 ;

    in general position every component has the same mean square, E / N, and

        e_k' = -2 eta lambda_k e_k / sqrt E + eta^2 lambda_k .

    Exact for N -> infinity with a memory long against one step and short against N steps. The step does not
    shrink with the gradient, so that a floor is left: E = (eta <sqrt lambda> / 2)^2 if aligned, else (eta / 2)^2.
    What is left with the best constant step for a time: :func:`adaptive_exponent`.

    Parameters
    ----------
    spectrum : Spectrum
    eta : float
        Size of a step, > 0 (of each weight, times sqrt N).
    alpha : array_like, shape (n,)
    aligned : bool
    sigma_J : float

    Returns
    -------
    ndarray, shape (n,)
    """
    checks.spectrum(spectrum)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    lam = spectrum.eigenvalues
    drift, noise = (np.sqrt(lam), np.ones_like(lam)) if aligned else (lam, lam)

    log_n = np.log(eta**2 * noise)

    def rates(alpha, log_E):
        return 2.0 * eta * drift * np.exp(-0.5 * log_E), log_n

    return _level_flow(spectrum, eta, alpha, sigma_J, rates)


def growing_memory_error(spectrum, eta, alpha, strength, power, friction=6.0, sigma_J=0.0):
    """eps_g of a linear network with a momentum whose memory grows in proportion to the time.

    Besides the plain step the student moves along V, the sum of past gradients, of which V forgets the share
    friction/(alpha + 1/lambda_1) in a unit of time:

        V <- V - friction/((alpha + 1/lambda_1) N) V + delta xi / sqrt N
        J <- J + eta delta xi / sqrt N + (h/N) V ,     h = strength (1 + lambda_1 alpha)^-power .

    With d = J - B, and the means e_k of d^2, phi_k of -d V and psi_k of V^2 per direction of level k, for N -> infinity

        e_k' = -2 eta lambda_k e_k - 2 h phi_k + eta^2 lambda_k E
        phi_k' = -(eta lambda_k + f) phi_k - h psi_k + lambda_k e_k - eta lambda_k E ,     f = friction/(alpha + 1/lambda_1)
        psi_k' = -2 f psi_k + 2 lambda_k phi_k + lambda_k E .

    Parameters
    ----------
    spectrum : Spectrum
    eta : float
        Learning rate of the plain step, > 0.
    alpha : array_like, shape (n,)
        Examples / N.
    strength, power : float
        Of the momentum's step h, >= 0. At power = 1/(1 + beta), or above it, the noise stays bounded.
    friction : float
        > 0.
    sigma_J : float

    Returns
    -------
    ndarray, shape (n,)
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


def adaptive_exponent(beta, aligned=True):
    """Exponent of :func:`adaptive_error` if for each time the best constant step is taken, L -> infinity.

    In general position beta / (1 + beta), that of plain SGD. In the eigenbasis 2 beta / (1 + beta), that of whitening by
    1/2, where beta >= 1, and beta where beta <= 1: there the noise of the levels learned, a sum of
    sqrt(lambda_k) ~ k^-((1+beta)/2), grows with their number. At beta = 1 it grows as a logarithm.

    Parameters
    ----------
    beta : float
    aligned : bool
    """
    beta = checks.number("beta", beta, 0.0, open_minimum=True)
    return min(beta, 2.0 * beta / (1.0 + beta)) if aligned else beta / (1.0 + beta)


def scheduled_error(spectrum, eta, alpha, decay=0.0, knee=1.0, label_noise=0.0, sigma_J=0.0):
    """eps_g of a linear network with the learning rate eta(alpha) = eta (1 + alpha/knee)^-decay.

    Of any other schedule: :func:`lib.linear.scheduled_error`, whose numerics are independent of these.

        e_k' = -2 eta(alpha) lambda_k e_k + eta(alpha)^2 lambda_k (E + label_noise)

    Parameters
    ----------
    spectrum : Spectrum
    eta : float
        Initial rate, 0 < eta < 2.
    alpha : array_like, shape (n,)
    decay : float
        Exponent of the schedule, >= 0; 0 is a constant rate.
    knee : float
        Time at which the decay sets in, > 0.
    label_noise : float
        Variance of noise added to the teacher's answers, >= 0. eps_g is measured without it.
    sigma_J : float

    Returns
    -------
    ndarray, shape (n,)
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


def _level_flow(spectrum, eta, alpha, sigma_J, rates):
    """Solve e_k' = -a_k e_k + n_k, (a, ln n) = rates(alpha, ln E), from e_k = 1 + sigma_J^2; returns E / 2.

    Logarithms of e_k are integrated, since e_k falls over many decades, and by LSODA, since the levels' rates differ as
    much: it is implicit where the fast levels have settled and the flow is stiff, and cheap before.
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


def batch_norm_error(spectrum, eta, alpha, batch, r, q):
    """eps_g of one linear unit with batch normalisation, for N -> infinity: a flow of the block overlaps r_k and q_k.

    The output is (x - mean)/(standard deviation) over a batch of b examples; with the true width it is x / sqrt Q.
    Write c = R / sqrt Q, so that eps_g = 1 - c for a teacher of unit variance. The teacher's field is
    c x / sqrt Q + sqrt(1 - c^2) u with u independent of x; normalisation projects the batch's mean and x itself out
    of the residual, and leaves b - 2 of its b dimensions. With the rate eta / b of an example

        r_k' = a (eta/b) lambda_k (1 - c r_k / sqrt Q) / sqrt Q
        q_k' = 2 a (eta/b) lambda_k (r_k - c q_k / sqrt Q) / sqrt Q + a' (eta/b)^2 lambda_k (1 - c^2) / Q ,

    a = (b-2)/b <sqrt(Q/v)> and a' = (b-2)/b <Q/v> = (b-2)/(b-3), means over the variance v of a batch.

    Parameters
    ----------
    spectrum : Spectrum
    eta : float
        Learning rate of an update, > 0.
    alpha : array_like, shape (n,)
        Times in examples / N.
    batch : int
        Examples of an update, at least 4.
    r, q : array_like, shape (L,)
        Block overlaps at the start, of the student's weights as they come, with sum_k w_k lambda_k q_k > 0.

    Returns
    -------
    ndarray, shape (n,)
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


def decayed_floor(spectrum, eta, decay):
    """The error at which weight decay stops a linear network (K = M = 1).

    With J <- (1 - eta decay / N) J in every step, level k tends to r_k = lambda_k / (lambda_k + decay), and
    q_k = (lambda_k r_k + eta lambda_k E / 2) / (lambda_k + decay), so that

        E = sum_k w_k lambda_k (1 - r_k)^2 / (1 - (eta/2) sum_k w_k lambda_k^2 / (lambda_k + decay)) .

    Parameters
    ----------
    spectrum : Spectrum
    eta : float
        > 0.
    decay : float
        >= 0, in units of the mean eigenvalue.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If eta is at or beyond the critical rate, which weight decay raises.
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
    """How a student is trained, beyond the plain step; the defaults are the plain step.

    Parameters
    ----------
    power : float
        Inputs are whitened by this power of their covariance (:func:`whiten`), 0 to 1.
    estimated_from : int, optional
        Unlabelled inputs from which the covariance for whitening is estimated; None: it is known.
    rotated : bool
        The learner sees inputs in coordinates of general position (a random rotation), not the eigenbasis.
        Plain SGD and whitening by a known covariance do not notice. Not with ``estimated_from``.
    adaptive : bool
        Each component of the gradient is divided by its root mean square over the last
        1 / (1 - memory) updates, as in RMSprop and Adam.
    memory : float
        0 < memory < 1.
    momentum : float
        0 <= momentum < 1; the gradient is replaced by its exponential average.
    decay : float
        Weight decay, in units of the mean eigenvalue.
    batch : int
        Examples per update; the gradient is their mean.
    batch_norm : bool
        Each hidden field has mean 0 and variance 1 over the batch, which must then hold at least 2 examples. The
        error is measured with the fields' true variance.
    schedule : (float, float) or callable
        (x, knee): the learning rate is eta (1 + alpha/knee)^-x. A function takes a time alpha and gives the factor of
        eta then, >= 0.
    label_noise : float
        Variance of noise on the teacher's answers.
    """

    power: float = 0.0
    estimated_from: int = None
    rotated: bool = False
    adaptive: bool = False
    memory: float = 0.99
    momentum: float = 0.0
    decay: float = 0.0
    batch: int = 1
    batch_norm: bool = False
    schedule: tuple = (0.0, 1.0)
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


def train(model, N, eta, alpha, recipe=Recipe(), sigma_J=0.01, seeds=8):
    """Train the student by one pass over Gaussian inputs, with the ingredients of a recipe.

    Parameters
    ----------
    model : StudentTeacher
    N : int
        Input dimension, a multiple of the levels.
    eta : float
        Learning rate of an update, > 0: in units of the whitened inputs' mean eigenvalue, or the size of a step
        for adaptive steps.
    alpha : array_like, shape (n,)
        Times in examples / N, rounded to whole updates.
    recipe : Recipe
    sigma_J : float
        Of the student's initial weights, in the coordinates of the inputs as they come; > 0 with batch norm.
    seeds : int or sequence of int
        A number of runs (seeds 0, 1, ...) or the seeds themselves; in parallel.

    Returns
    -------
    Curve
        eps_g (seeds, n), R, Q, T with the same leading axes, as from :func:`lib.simulate`.

    Raises
    ------
    ValueError
        For arguments out of range.
    DivergenceError
        If the error grows without bound.
    """
    checks.model(model)
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
    Q, R, T, eps_g, starts = (np.stack(parts) for parts in zip(*runs))
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
    return Curve(times, eps_g, R, Q, T)


@np.errstate(over="ignore", invalid="ignore")  # a run that diverges is reported by train
def _run(model, N, eta, updates, recipe, sigma_J, seed):
    """One run: Q (n, K, K), R (n, K, M), T (M, M), eps_g (n,) after the given numbers of updates, eps_g before the first."""
    K, M = model.students, model.teachers
    rng = np.random.Generator(np.random.SFC64([seed, 1]))
    J0, B = model.initial_weights(sigma_J, N, seed)
    lam = np.repeat(model.spectrum.eigenvalues, model.spectrum.multiplicities(N))
    seen, back = _coordinates(lam, recipe, rng)
    v, u = model.output_weights
    J = np.ascontiguousarray(_times(J0, back))
    speed, square = np.zeros((K, N)), np.zeros((K, N))
    scratch = np.empty((K, recipe.batch)), np.empty((K, recipe.batch)), np.empty(K), np.empty(N)
    memory = recipe.memory if recipe.adaptive else 0.0
    chunk = max(1, int(_CHUNK_BYTES / (8 * N * recipe.batch)))
    updates = np.append(0, updates)
    Q, R = np.empty((len(updates), K, K)), np.empty((len(updates), K, M))
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
            kernels.train(
                J,
                np.ascontiguousarray(_times(xi, seen)),
                zeta,
                rate,
                v,
                model.activity,
                recipe.batch,
                recipe.decay,
                recipe.momentum,
                memory,
                recipe.batch_norm,
                done,
                speed,
                square,
                *scratch,
            )
            done = last
        weights = _times(J, seen.T)  # in the eigenbasis, for inputs as they come
        Q[i], R[i] = weights * lam @ weights.T / N, weights * lam @ B.T / N
        if recipe.batch_norm:
            width = np.sqrt(np.diag(Q[i]))
            Q[i], R[i] = Q[i] / np.outer(width, width), R[i] / width[:, None]
    eps_g = field_error(model, Q, R, T)
    return Q[1:], R[1:], T, eps_g[1:], eps_g[0]


def _factor(schedule, time):
    """Factors (n,) of the learning rate at the times (n,) of a recipe's schedule."""
    if not callable(schedule):
        return (1.0 + time / schedule[1]) ** -schedule[0]
    factors = np.array([schedule(now) for now in time], dtype=np.float64)
    bad = np.flatnonzero(~((factors >= 0) & np.isfinite(factors)))
    if bad.size:
        checks.refuse(f"schedule({time[bad[0]]:g})", float(factors[bad[0]]), "a finite number >= 0")
    return factors


def _coordinates(lam, recipe, rng):
    """Maps (seen, back): the learner sees xi @ seen, and weights J in the eigenbasis are J @ back for it.

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


def _times(X, by):
    """The rows of X mapped: ``by`` is a matrix, or the diagonal of one."""
    return X * by if by.ndim == 1 else X @ by
