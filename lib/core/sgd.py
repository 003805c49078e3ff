"""One-pass SGD, simulated: the ground truth that the theory is checked against."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ..kernels import reduced
from ..kernels import sgd as kernels
from . import checks
from .curve import Curve, field_error
from .divergence import Run, check_convergence
from .spectra import eigenbasis

METHODS = ("direct", "reduced")
# Steps between two looks at the interrupt flag, in multiply-adds: some hundredths of a second.
SLICE = 30_000_000
# Up to this N the reduced method starts from the weights that the direct one would draw.
DRAWN = 1_000_000


def simulate(
    model,
    N=None,
    eta=0.1,
    alpha=(1.0,),
    sigma_J=0.01,
    seeds=8,
    teacher="orthonormal",
    method="direct",
    inputs=None,
    learned=None,
    alignment=0.0,
):
    """Train the student by one-pass SGD and measure the order parameters on the way.

    Every step draws a fresh input xi, computes the error delta = zeta - sigma, and moves each student vector by
    (eta / sqrt(N)) (sqrt(M)/K) g'(x_i) delta xi. Seeds run in parallel; the result depends on the seeds alone,
    not on how many cores there are.

    Parameters
    ----------
    model : StudentTeacher
    N : int
        Input dimension; see :meth:`Spectrum.multiplicities`. Leave out when ``inputs`` are given.
    eta : float
        Learning rate, > 0. Default: 0.1.
    alpha : array_like, shape (n,)
        Times, in examples / N, increasing; each is rounded to a whole number of steps. Default: 1 alone.
    sigma_J : float
        Standard deviation of the students' initial weights, >= 0. Default: 0.01.
    seeds : int or sequence of int
        A number of runs (seeds 0, 1, ...) or the seeds themselves. Default: 8 runs.
    teacher : {"orthonormal", "random"}
        Default: "orthonormal". See :meth:`StudentTeacher.initial_overlaps`, which gives this run's overlaps at alpha = 0.
    method : {"direct", "reduced"}
        "direct" simulates the N weights. "reduced" simulates the overlaps (:mod:`lib.kernels.reduced`): exact
        in distribution at any N, with other random numbers, and a step costs the same whatever N is. Up to
        N = 10^6 it starts from the overlaps of the very weights of "direct", beyond from overlaps drawn by
        their law. Levels of few directions keep their weights, so that it takes any spectrum.
    inputs : array_like, shape (samples, features), optional
        Real data instead of Gaussian inputs: rows drawn with replacement, after the mean is removed and the
        scale set to mean eigenvalue 1. The data is then the whole population, its covariance
        exact, and ``model.spectrum`` must be ``Spectrum.from_data(inputs)``. eps_g is exact for that
        population too: a function of the overlaps for linear activation; else measured on every
        row at every time, at a cost of samples * (K + M) * features each, since fields that are not Gaussian
        make it no function of the overlaps. All levels hold one direction: M > 1 needs teacher="random".
    learned : int, optional
        Train the weights of this many leading levels only, 1 to L (with ``method="direct"``); the others stay as
        they began. Default: all.
    alignment : float
        Part of the teacher in the initial weights, see :meth:`StudentTeacher.initial_overlaps`. "reduced" takes
        it up to N = 10^6. Default: 0.

    Returns
    -------
    Curve
        With a leading axis of seeds: eps_g (seeds, n), Q (seeds, n, K, K), R (seeds, n, K, M), T (seeds, M, M);
        ``alpha`` (n,) are the times after rounding. r and q are None.

    Raises
    ------
    ValueError
        For arguments out of range.
    DivergenceError
        If the error grows without bound (eta above its critical value).
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
    if alignment != 0.0 and method == "reduced" and N > DRAWN:
        checks.refuse("alignment", alignment, f'0 for method "reduced" beyond N = {DRAWN}')
    steps = checks.steps("alpha", alpha, N)
    stop = threading.Event()

    def run(seed):
        if method == "reduced":
            network = _Reduced(model, N, eta, sigma_J, seed, teacher, alignment)
        elif inputs is None:
            network = _Direct(model, N, eta, sigma_J, seed, teacher, alignment, learned)
        else:
            network = _OnSamples(model, N, eta, sigma_J, seed, teacher, alignment, learned, samples, root)
        return _run(network, model, steps, stop)

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        futures = [pool.submit(run, seed) for seed in seeds]
        try:
            Q, R, T, eps_g, starts = (np.stack(parts) for parts in zip(*(f.result() for f in futures)))
        except BaseException:
            # an interrupt or a failed seed: do not leave the others running behind the caller's back
            stop.set()
            raise
    times = steps / N
    for seed, eps, start in zip(seeds, eps_g, starts):
        check_convergence(Run(model, eta, f"SGD with seed {seed}", N, inputs, learned), times, eps, start)
    return Curve(times, eps_g, R, Q, T)


def _run(network, model, steps, stop):
    """One seed: Q (n, K, K), R (n, K, M), T (M, M), eps_g (n,) at the given step numbers, and eps_g before the first."""
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
    return Q, R, T, eps_g, start


class _Gaussian:
    """What Gaussian fields share: their error is a function of the totals Q, R, T."""

    def error(self, model, Q, R, T):
        return field_error(model, Q[None], R[None], T)[0]


class _Direct(_Gaussian):
    """One run on the weights themselves: ``advance`` it by steps, ``measure`` its totals, and their ``error``."""

    def __init__(self, model, N, eta, sigma_J, seed, teacher, alignment, learned, root=None):
        self.J, self.B = model.initial_weights(sigma_J, N, seed, teacher, alignment)
        counts = model.spectrum.multiplicities(N)
        if root is None:
            root = np.sqrt(np.repeat(model.spectrum.eigenvalues, counts))
        trained = int(np.sum(counts[:learned]))
        self.root, self.rule, self.seed = root, (eta, *model.output_weights, model.activity, trained), seed
        self.xi, self.slope = np.empty(N), np.empty(model.students)
        self.scratch = np.empty((model.teachers, model.teachers))
        self.step_cost = reduced.step_cost(N, 0, model.students, model.teachers)

    def advance(self, first, last):
        kernels.advance(self.J, self.B, self.root, *self.rule, self.seed, first, last, self.xi, self.slope)

    def measure(self, Q, R, T):
        kernels.measure(self.J, self.B, self.root, self.xi, Q, R)
        kernels.measure(self.B, self.B, self.root, self.xi, T, self.scratch)


class _OnSamples(_Direct):
    """One run on rows of ``samples`` (n, N) in place of Gaussian inputs; both arrays from :func:`_prepare`."""

    def __init__(self, model, N, eta, sigma_J, seed, teacher, alignment, learned, samples, root):
        super().__init__(model, N, eta, sigma_J, seed, teacher, alignment, learned, root)
        self.samples = samples

    def advance(self, first, last):
        kernels.advance_on_samples(self.J, self.B, self.samples, *self.rule, self.seed, first, last, self.slope)

    def error(self, model, Q, R, T):
        if model.activation == "linear":
            return super().error(model, Q, R, T)
        return kernels.error_on_samples(self.J, self.B, self.samples, *self.rule[1:4])


class _Reduced(_Gaussian):
    """One run on the reduced coordinates, with the methods of :class:`_Direct`."""

    def __init__(self, model, N, eta, sigma_J, seed, teacher, alignment):
        K, M = model.students, model.teachers
        eigenvalues, size = model.spectrum.eigenvalues, model.spectrum.multiplicities(N).astype(float)
        self.rule, self.seed = (eta, *model.output_weights, model.activity), seed
        self.state = np.empty(reduced.reduced_size(size, K, M))
        if N <= DRAWN:
            J, B = model.initial_weights(sigma_J, N, seed, teacher, alignment)
            reduced.reduced_fold(self.state, eigenvalues, size, K, M, np.concatenate([B, J]))
        else:
            orthonormal = teacher == "orthonormal"
            reduced.reduced_start(self.state, eigenvalues, size, K, M, sigma_J, orthonormal, seed)
        self.step_cost = reduced.reduced_cost(size, K, M)

    def advance(self, first, last):
        reduced.reduced_advance_native(self.state, *self.rule, self.seed, first, last)

    def measure(self, Q, R, T):
        reduced.reduced_measure(self.state, Q, R, T)


def _prepare(inputs, model, N):
    """Samples in the eigenbasis of their own covariance, scaled to mean eigenvalue 1, and sqrt(lambda)."""
    if N is not None:
        checks.refuse("N", N, "left out when inputs are given: the data decides")
    samples, eigenvalues = eigenbasis(inputs)
    if eigenvalues.shape != model.spectrum.eigenvalues.shape or not np.allclose(
        eigenvalues, model.spectrum.eigenvalues, rtol=1e-6, atol=1e-9 * eigenvalues[0]
    ):
        raise ValueError("inputs: their covariance is not model.spectrum; build it by Spectrum.from_data(inputs)")
    return samples, np.sqrt(eigenvalues)
