"""The weights under the gradient of the whole population: what SGD does as eta -> 0, at any N.

Every example moves J_i by (eta/sqrt N) delta_i xi; its mean over all Gaussian inputs is known in closed form by
Stein's lemma,

    dJ_ik/dalpha = eta lambda_k (sum_j Dx_ij J_jk + sum_n Dy_in B_nk),

with the coefficients Dx, Dy of the order-parameter equations at the totals of these very weights. No limit of N and
no self-averaging is needed: teachers may be random, and every level may hold a single direction. What is left out is
the noise of single examples, of relative order eta.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..kernels.averages import TWO_OVER_PI
from ..kernels.sgd import measure
from . import checks
from .curve import Curve, field_error
from .student_teacher import StudentTeacher

DAMPING = 2.0 / 13.0  # of Sommeijer, Shampine & Verwer
RATE_MARGIN = 1.2  # allows for growth of the largest rate between two estimates
STEPS_PER_ESTIMATE = 10
GROWTH, SHRINK, SAFETY = 5.0, 0.2, 0.8  # of the step size, in one step


def flow(
    model: StudentTeacher, J: ArrayLike, B: ArrayLike, eta: float, alpha: ArrayLike, rtol: float = 1e-4
) -> tuple[Curve, NDArray[np.float64]]:
    """Follow the weights down the population's gradient, ``eq-weight-flow``.

    It is a gradient flow, so all its rates are real, and they span the spectrum: it is integrated by
    Runge-Kutta-Chebyshev steps of order two (Sommeijer, Shampine & Verwer 1998), explicit steps whose range of
    stability grows with the square of their number of stages. The cost grows as the square root of time.

    Parameters
    ----------
    model : StudentTeacher
        The networks and the spectrum of their inputs.
    J : array_like, shape (K, N)
        Students' weights at alpha = 0, in the eigenbasis of the covariance, as
        :meth:`lib.StudentTeacher.initial_weights` draws them.
    B : array_like, shape (M, N)
        Teachers' weights.
    eta : float
        Learning rate, > 0; here it only sets the unit of time.
    alpha : array_like, shape (n,), or float
        Times, in examples / N, at which the solution is wanted; >= 0 and increasing.
    rtol : float
        Error allowed in a step, 1e-10 to 0.1, relative to the weights, and to the differences between the students:
        these start small and grow on a plateau, where nothing else moves. Both are measured by what they contribute
        to the fields. Default: 1e-4.

    Returns
    -------
    curve : Curve
        The totals and eps_g; r and q are None.
    J : ndarray, shape (K, N)
        The students' weights at the last time.

    Raises
    ------
    ValueError
        For arguments out of range, or weights whose shapes do not fit.
    """
    checks.model(model)
    eta = checks.number("eta", eta, 0.0, open_minimum=True)
    alpha = checks.times("alpha", alpha)
    rtol = checks.number("rtol", rtol, 1e-10, 0.1)
    J, B = checks.array("J", J, ndim=2).copy(), checks.array("B", B, ndim=2)
    N, K, M = B.shape[1], model.students, model.teachers
    checks.shape("B", B, (M, N))
    checks.shape("J", J, (K, N))
    variance = np.repeat(model.spectrum.eigenvalues, model.spectrum.multiplicities(N))
    gradient = _Gradient(model, B, variance, eta)
    path = _Path(gradient, J, variance / N, rtol)
    Q, R, T = np.empty((alpha.size, K, K)), np.empty((alpha.size, K, M)), gradient.T
    root, scratch = np.sqrt(variance), np.empty(N)
    for i, time in enumerate(alpha):
        path.advance(time)
        measure(path.J, B, root, scratch, Q[i], R[i])
    return Curve(alpha=alpha, eps_g=field_error(model, Q=Q, R=R, T=T), R=R, Q=Q, T=T), path.J


class _Gradient:
    """The flow's velocity as a function of the weights."""

    def __init__(self, model, B, variance, eta):
        self.v, self.u = model.output_weights
        self.activation = model.activation
        N = variance.size
        self.B, self.share, self.rate = B, variance / N, eta * variance
        self.weighted = np.ascontiguousarray((B * self.share).T)
        self.T = B @ self.weighted

    def coefficients(self, Q, R):
        """Dx (K, K) and Dy (K, M)."""
        if self.activation == "square":
            return -4.0 * np.outer(self.v, self.v) * Q, 4.0 * np.outer(self.v, self.u) * R
        own, others = self.v * self.v, self.v * self.u
        if self.activation == "linear":
            return np.full(Q.shape, -own), np.full(R.shape, others)
        q, t = 1.0 + Q.diagonal(), 1.0 + self.T.diagonal()
        Dx = -own * TWO_OVER_PI / np.sqrt(np.outer(q, q) - Q * Q)
        Dy = others * TWO_OVER_PI / np.sqrt(np.outer(q, t) - R * R)
        # the term of g''(x_i), which multiplies the error
        Dx[np.diag_indices(len(q))] -= (np.sum(Dx * Q, axis=1) + np.sum(Dy * R, axis=1)) / q
        return Dx, Dy

    def __call__(self, J):
        Dx, Dy = self.coefficients((J * self.share) @ J.T, J @ self.weighted)
        velocity = Dx @ J
        velocity += Dy @ self.B
        velocity *= self.rate
        return velocity


class _Path:
    """The state of the integration: ``advance`` it to a time."""

    def __init__(self, gradient, J, share, rtol):
        self.gradient, self.J, self.rtol, self.weight = gradient, J, rtol, np.sqrt(share)
        self.time, self.velocity = 0.0, gradient(J)
        self.direction, self.age = self.velocity.copy(), 0
        self._estimate(30)
        self.step = 0.1 / self.fastest

    def _estimate(self, rounds):
        """Estimate the largest rate by the power method on the velocity's derivative, from the last direction on."""
        size = np.linalg.norm(self.direction)
        if size == 0.0:  # at rest
            self.direction, size = np.ones_like(self.J), np.sqrt(self.J.size)
        epsilon = 1e-6 * max(np.linalg.norm(self.J), 1e-3)
        for _ in range(rounds):
            slope = (self.gradient(self.J + epsilon / size * self.direction) - self.velocity) / epsilon
            self.fastest = size = np.linalg.norm(slope)
            self.direction = slope
        self.age = 0

    def _relative(self, error, J):
        """The larger of two relative errors: of the weights, and of the differences between the students."""
        worst = 0.0
        for e, x in ((error, J), (error - error.mean(axis=0), J - J.mean(axis=0))):
            size = np.linalg.norm(x * self.weight)
            if size > 0.0:
                worst = max(worst, np.linalg.norm(e * self.weight) / size)
        return worst

    def advance(self, until):
        while self.time < until:
            if self.age >= STEPS_PER_ESTIMATE:
                self._estimate(6)
            left = until - self.time
            step = left if self.step > 0.999 * left else self.step  # avoid a tiny last step
            stages = max(2, 1 + int(np.sqrt(1.0 + 1.54 * RATE_MARGIN * step * self.fastest)))
            J = _chebyshev_step(self.gradient, self.J, self.velocity, step, stages)
            velocity = self.gradient(J)
            error = 0.8 * (self.J - J) + 0.4 * step * (self.velocity + velocity)
            ratio = self._relative(error, J) / self.rtol
            factor = min(GROWTH, max(SHRINK, SAFETY * max(ratio, 1e-30) ** (-1.0 / 3.0)))
            if ratio <= 1.0:
                self.time = until if step == left else self.time + step
                self.J, self.velocity = J, velocity
                self.age += 1
                self.step = max(self.step, step * factor) if step == left else step * factor
            else:
                self.step = step * factor
                self.age = STEPS_PER_ESTIMATE


def _chebyshev_step(gradient, start, velocity, step, stages):
    """One step of ``stages`` >= 2 evaluations, of order two and damped, stable up to rates of 0.65 stages^2 / step."""
    w0, w1, a, b = _recursion(stages)
    before, now = start, start + b[1] * w1 * step * velocity
    for j in range(2, stages + 1):
        mu, nu, scale = 2.0 * b[j] * w0 / b[j - 1], -b[j] / b[j - 2], 2.0 * b[j] * w1 / b[j - 1] * step
        after = gradient(now)
        after -= a[j - 1] * velocity
        after *= scale
        after += (1.0 - mu - nu) * start
        after += mu * now
        after += nu * before
        before, now = now, after
    return now


def _recursion(stages):
    """Coefficients of the step, from Chebyshev's polynomial and its derivatives at w0 just above one."""
    w0 = 1.0 + DAMPING / stages**2
    T, first, second = np.zeros((3, stages + 1))
    T[0], T[1], first[1] = 1.0, w0, 1.0
    for j in range(2, stages + 1):
        T[j] = 2.0 * w0 * T[j - 1] - T[j - 2]
        first[j] = 2.0 * (T[j - 1] + w0 * first[j - 1]) - first[j - 2]
        second[j] = 2.0 * (2.0 * first[j - 1] + w0 * second[j - 1]) - second[j - 2]
    w1, b = first[-1] / second[-1], np.empty(stages + 1)
    b[2:] = second[2:] / first[2:] ** 2
    b[:2] = b[2]
    return w0, w1, 1.0 - b * T, b
