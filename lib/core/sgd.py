"""One-pass SGD, simulated: the ground truth that the theory is checked against."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..kernels import reduced
from ..kernels import sgd as kernels
from . import checks
from .curve import Curve, field_error
from .divergence import Run, check_convergence
from .spectra import eigenbasis
from .student_teacher import StudentTeacher

METHODS = ("direct", "reduced")
# Steps between two looks at the interrupt flag, in multiply-adds: some hundredths of a second.
SLICE = 30_000_000
# Up to this N the reduced method draws the N weights of the direct one and folds them; beyond, it draws overlaps.
MAX_N_WITH_WEIGHTS = 1_000_000


def simulate(
    model: StudentTeacher,
    N: int | None = None,
    eta: float = 0.1,
    alpha: ArrayLike = (1.0,),
    sigma_J: float = 0.01,
    seeds: int | Sequence[int] = 8,
    teacher: str = "orthonormal",
    method: str = "direct",
    *,
    inputs: ArrayLike | None = None,
    learned: int | None = None,
    alignment: float = 0.0,
) -> Curve:
    """Train the student by one-pass SGD and measure the order parameters on the way.

    Every step draws a fresh input xi, computes the error delta = zeta - sigma, and moves each student vector by
    (eta / sqrt(N)) (sqrt(M)/K) g'(x_i) delta xi, ``eq-sgd``. Seeds run in parallel; the result depends on the seeds
    alone, not on how many cores there are. A step costs O((K + M) N).

    Quadratic units have v_i, the student's output weights, in place of sqrt(M)/K, and delta is centred: less its mean
    sum_n u_n T_nn - sum_i v_i Q_ii under the present weights, which adds K N to a step.

    Parameters
    ----------
    model : StudentTeacher
        The networks and the spectrum of their inputs.
    N : int, optional
        Input dimension; see :meth:`Spectrum.multiplicities`. Default: that of ``inputs``; needed without them.
    eta : float
        Learning rate, > 0. Default: 0.1.
    alpha : array_like, shape (n,), or float
        Times, in examples / N, >= 0 and increasing; each is rounded to a whole number of steps. Default: 1 alone.
    sigma_J : float
        Standard deviation of the students' initial weights, >= 0. Default: 0.01.
    seeds : int or sequence of int
        A number of runs (seeds 0, 1, ...) or the seeds themselves. Default: 8 runs.
    teacher : {"orthonormal", "random"}
        See :meth:`StudentTeacher.initial_overlaps`, which computes this run's overlaps at alpha = 0.
        Default: "orthonormal".
    method : {"direct", "reduced"}
        "direct" simulates the N weights. "reduced" simulates the overlaps (:mod:`lib.kernels.reduced`): exact
        in distribution at any N, with other random numbers, and a step costs the same whatever N is. Up to
        N = 10^6 it starts from the overlaps of the same weights as "direct", beyond from overlaps drawn from
        their distribution. Levels of few directions remain weights, so that it takes any spectrum. Default: "direct".
    inputs : array_like, shape (samples, features), optional
        Real data instead of Gaussian inputs: rows drawn with replacement, after the mean is removed and the
        scale set to mean eigenvalue 1. The data is then the whole population, its covariance
        exact, and ``model.spectrum`` must be ``Spectrum.from_data(inputs)``. eps_g is exact for that
        population too: a function of the overlaps for linear activation; else measured on every
        row at every time, at a cost of samples * (K + M) * features each, since fields that are not Gaussian
        make it no function of the overlaps. All levels hold one direction: M > 1 needs teacher="random".
        Default: Gaussian inputs.
    learned : int, optional
        Train the weights of this many leading levels only, 1 to L (with ``method="direct"``); the others stay as
        they began. Default: all.
    alignment : float
        Part of the teacher in the initial weights, see :meth:`StudentTeacher.initial_overlaps`. "reduced" takes
        it up to N = 10^6. Default: 0.

    Returns
    -------
    Curve
        With a leading axis of seeds: eps_g (seeds, n), R (seeds, n, K, M), Q (seeds, n, K, K), T (seeds, M, M);
        ``alpha`` (n,) are the times after rounding. r and q are None.

    Raises
    ------
    ValueError
        For arguments out of range.
    DivergenceError
        If the error grows without bound (eta above its critical value).

    Examples
    --------
    >>> import lib
    >>> model = lib.StudentTeacher(lib.power_law(1.0, 8), students=1, teachers=1, activation="linear")
    >>> lib.simulate(model, N=64, eta=0.5, alpha=[0.0, 10.0], seeds=3).eps_g.shape
    (3, 2)
    """
    checks.model(model)
    checks.one_of("method", method, METHODS)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    alpha = checks.times("alpha", alpha)
    seeds = checks.seeds("seeds", seeds)
    if learned is not None:
        learned = checks.whole("learned", learned, 1, model.spectrum.levels)
        if method != "direct":
            checks.refuse("method", method, '"direct" when learned is given')
    if inputs is not None:
        if method != "direct":
            checks.refuse("method", method, '"direct" when inputs are given')
        samples, root = _prepare(inputs, model, N)
        N = root.size
    N, sigma_J = model.check_start(sigma_J, N, teacher)
    alignment = checks.number("alignment", alignment)
    if alignment != 0.0 and method == "reduced" and N > MAX_N_WITH_WEIGHTS:
        checks.refuse("alignment", alignment, f'0 for method "reduced" beyond N = {MAX_N_WITH_WEIGHTS}')
    steps = checks.steps("alpha", alpha, N)
    stop = threading.Event()

    def run(seed):
        if method == "reduced":
            network = _Reduced(model, N, eta, sigma_J, seed, teacher, alignment)
        elif inputs is None:
            network = _Direct(model, N, eta, sigma_J, seed, teacher, alignment=alignment, learned=learned)
        else:
            network = _OnSamples(
                model, N, eta, sigma_J, seed, teacher, alignment=alignment, learned=learned, samples=samples, root=root
            )
        return _run(network, model, steps, stop)

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        futures = [pool.submit(run, seed) for seed in seeds]
        try:
            runs = _Measured(*(np.stack(parts) for parts in zip(*(f.result() for f in futures))))
        except BaseException:
            # an interrupt or a failed seed: stop the others too
            stop.set()
            raise
    times = steps / N
    for seed, eps, start in zip(seeds, runs.eps_g, runs.start):
        check_convergence(Run(model, eta, f"SGD with seed {seed}", N, inputs, learned), times, eps, start)
    return Curve(alpha=times, eps_g=runs.eps_g, R=runs.R, Q=runs.Q, T=runs.T)


class _Measured(NamedTuple):
    """What is measured of one seed, or, with one axis more, of all."""

    eps_g: NDArray[np.float64]  # (n,)
    R: NDArray[np.float64]  # (n, K, M)
    Q: NDArray[np.float64]  # (n, K, K)
    T: NDArray[np.float64]  # (M, M)
    start: NDArray[np.float64]  # (): eps_g before the first step


def _run(network, model, steps, stop):
    """Train one seed up to each of the given step numbers (n,), and measure there."""
    K, M = model.students, model.teachers
    Q, R, T = np.empty((len(steps), K, K)), np.empty((len(steps), K, M)), np.empty((M, M))
    eps_g = np.empty(len(steps))
    network.measure(Q[0], R[0], T)
    start = network.error(model, Q[0], R[0], T)
    at, slice_length = 0, max(1, int(SLICE / network.step_cost))
    for i, target in enumerate(steps):
        while at < target:
            if stop.is_set():
                raise KeyboardInterrupt
            last = min(target, at + slice_length)
            network.advance(at, last)
            at = last
        network.measure(Q[i], R[i], T)
        eps_g[i] = network.error(model, Q[i], R[i], T)
    return _Measured(eps_g=eps_g, R=R, Q=Q, T=T, start=start)


class _Gaussian:
    """A run on Gaussian inputs: its error is a function of the totals Q, R, T."""

    def error(self, model, Q, R, T):
        return field_error(model, Q[None], R[None], T)[0]


class _Direct(_Gaussian):
    """One run on the weights themselves: ``advance`` it by steps, ``measure`` its totals, and their ``error``."""

    def __init__(self, model, N, eta, sigma_J, seed, teacher, *, alignment, learned, root=None):
        J, B = model.initial_weights(sigma_J, N, seed, teacher, alignment)
        counts = model.spectrum.multiplicities(N)
        if root is None:
            root = np.sqrt(np.repeat(model.spectrum.eigenvalues, counts))
        trained = int(np.sum(counts[:learned]))
        self.run = kernels.Run(J, B, root, trained, np.empty(N), np.empty(model.students))
        self.eta, self.network, self.seed = eta, model.network, seed
        self.square = _square(model, N)
        self.scratch = np.empty((model.teachers, model.teachers))
        self.step_cost = reduced.step_cost(N, 0, model.students, model.teachers)

    def advance(self, first, last):
        if self.square:
            kernels.square_advance(self.run, self.eta, *self.square, self.seed, first, last)
        else:
            kernels.advance(self.run, self.eta, self.network, self.seed, first, last)

    def measure(self, Q, R, T):
        kernels.measure(self.run.J, self.run.B, self.run.root, self.run.xi, Q, R)
        kernels.measure(self.run.B, self.run.B, self.run.root, self.run.xi, T, self.scratch)


class _OnSamples(_Direct):
    """One run on rows of ``samples`` (n, N), not Gaussian inputs; ``samples`` and ``root`` from :func:`_prepare`."""

    def __init__(self, model, N, eta, sigma_J, seed, teacher, *, samples, **given):
        super().__init__(model, N, eta, sigma_J, seed, teacher, **given)
        self.samples = samples

    def advance(self, first, last):
        if self.square:
            kernels.square_advance_on_samples(self.run, self.samples, self.eta, *self.square, self.seed, first, last)
        else:
            kernels.advance_on_samples(self.run, self.samples, self.eta, self.network, self.seed, first, last)

    def error(self, model, Q, R, T):
        if model.activation == "linear":
            return super().error(model, Q, R, T)
        if self.square:
            return kernels.square_error_on_samples(self.run, self.samples, *self.square)
        return kernels.error_on_samples(self.run.J, self.run.B, self.samples, self.network)


class _Reduced(_Gaussian):
    """One run on the reduced coordinates, with the methods of :class:`_Direct`."""

    def __init__(self, model, N, eta, sigma_J, seed, teacher, alignment):
        K, M = model.students, model.teachers
        eigenvalues, size = model.spectrum.eigenvalues, model.spectrum.multiplicities(N).astype(float)
        self.eta, self.network, self.seed = eta, model.network, seed
        self.state = np.empty(reduced.reduced_size(size, K, M))
        if N <= MAX_N_WITH_WEIGHTS:
            J, B = model.initial_weights(sigma_J, N, seed, teacher, alignment)
            reduced.reduced_fold(self.state, eigenvalues, size, K, M, np.concatenate([B, J]))
        else:
            orthonormal = teacher == "orthonormal"
            reduced.reduced_start(self.state, eigenvalues, size, K, M, sigma_J, orthonormal, seed)
            if model.strength is not None:
                reduced.strengthen(self.state, size, model.strength)
        self.step_cost = reduced.reduced_cost(size, K, M)
        self.square = _square(model, reduced.reduced_weights(self.state)[0].shape[1])

    def advance(self, first, last):
        if self.square:
            reduced.square_reduced_advance(self.state, self.eta, *self.square, self.seed, first, last)
        else:
            reduced.reduced_advance_native(self.state, self.eta, self.network, self.seed, first, last)

    def measure(self, Q, R, T):
        reduced.reduced_measure(self.state, Q, R, T)


def _square(model, coordinates):
    """What kernels of quadratic units take besides: all output weights (K + M,), scratch. () for other units."""
    return (model.outputs, np.empty(coordinates)) if model.activation == "square" else ()


def _prepare(inputs, model, N):
    """Rotate inputs to the eigenbasis of their covariance, with mean eigenvalue 1; (samples, sqrt(lambda))."""
    if N is not None:
        checks.refuse("N", N, "left out when inputs are given: the data decides")
    samples, eigenvalues = eigenbasis(inputs)
    if eigenvalues.shape != model.spectrum.eigenvalues.shape or not np.allclose(
        eigenvalues, model.spectrum.eigenvalues, rtol=1e-6, atol=1e-9 * eigenvalues[0]
    ):
        raise ValueError("inputs: their covariance is not model.spectrum; build it by Spectrum.from_data(inputs)")
    return samples, np.sqrt(eigenvalues)
