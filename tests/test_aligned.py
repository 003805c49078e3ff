"""The integrator of aligned quadratic units, ``lib.kernels.aligned``.

The reference is SciPy on the equations of any quadratic committee, written here with the matrices C and A of all its
fields: it shares no formula with the kernel's pairs.
"""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from lib.kernels import aligned, integrator

# Every step keeps its error below RTOL: where nothing amplifies errors, n steps are accurate to n RTOL.
RTOL = 1e-8


def power_law(L, beta):
    eigenvalue = np.arange(1.0, L + 1.0) ** -(1.0 + beta)
    return eigenvalue / eigenvalue.mean(), np.full(L, 1.0 / L)


class Case:
    """K students and M teachers, student i aligned with teacher i, on L levels; overlaps (K, L) and t (M, L)."""

    def __init__(self, K, M, L=4, eta=0.03, beta=1.0, normalised=False, r=0.1, q=0.5, weights=None, seed=0):
        rng = np.random.default_rng(seed)
        self.K, self.M, self.L, self.eta, self.normalised = K, M, L, eta, normalised
        self.eigenvalue, weight = power_law(L, beta)
        self.mass = weight * self.eigenvalue
        if weights is None:  # unequal everywhere
            self.v, self.u = rng.uniform(0.5, 1.0, K), rng.uniform(0.5, 1.0, M)
            self.q, self.t = q * rng.uniform(0.5, 1.0, (K, L)), rng.uniform(0.5, 1.5, (M, L))
        else:
            self.v, self.u = (np.asarray(x, float) for x in weights)
            self.q, self.t = np.full((K, L), float(q)), np.ones((M, L))
        pairs = min(K, M)
        self.r = np.zeros((K, L))
        self.r[:pairs] = r * self.t[:pairs]
        self.q[:pairs] += r**2 * self.t[:pairs]

    def run(self, alpha, rtol=RTOL):
        return Run(self, alpha).finish(rtol)

    def velocity(self, _, y):
        """The flow of D and G, as matrices of all fields."""
        K, M = self.K, self.M
        q, r = y.reshape(2, K, self.L)
        pairs = range(min(K, M))
        C = np.diag(np.concatenate([q @ self.mass, self.t @ self.mass]))
        for i in pairs:
            C[i, K + i] = C[K + i, i] = r[i] @ self.mass
        A = np.diag(np.concatenate([-self.v, self.u]))
        error = np.trace(A @ C @ A @ C)
        G = 4 * np.outer(self.v, self.v) * (2 * C * error + 8 * C @ A @ C @ A @ C)[:K, :K]
        Dx, Dy = -4 * np.outer(self.v, self.v) * C[:K, :K], 4 * np.outer(self.v, self.u) * C[:K, K:]
        if self.normalised:
            Q = np.diag(C)[:K]
            Dx, Dy, G = Dx / Q[:, None], Dy / Q[:, None], G / np.outer(Q, Q)
        dq, dr = np.empty_like(q), np.empty_like(r)
        for k in range(self.L):
            rk = np.zeros((K, M))
            rk[pairs, pairs] = r[pairs, k]
            half = Dx @ np.diag(q[:, k]) + Dy @ rk.T
            dq[:, k] = self.eta * self.eigenvalue[k] * np.diag(half + half.T + self.eta * G)
            full = self.eta * self.eigenvalue[k] * (Dx @ rk + Dy @ np.diag(self.t[:, k]))
            dr[:, k] = np.pad(np.diag(full), (0, K - len(pairs)))
        return np.concatenate([dq.ravel(), dr.ravel()])

    def reference(self, alpha, method="DOP853", rtol=1e-12):
        """Overlaps (times, 2, K, L), [q, r]."""
        start = np.concatenate([self.q.ravel(), self.r.ravel()])
        found = solve_ivp(self.velocity, (0, alpha[-1]), start, method, alpha, rtol=rtol, atol=1e-15)
        return found.y.T.reshape(-1, 2, self.K, self.L)


class Run:
    """A run of the kernel."""

    def __init__(self, case, alpha):
        K, M, L = case.K, case.M, case.L
        self.alpha, times = np.asarray(alpha, float), len(alpha)
        self.eps, self.Q, self.R = np.full(times, np.nan), np.empty((times, K)), np.empty((times, K))
        self.blocks, self.work = np.empty((times, 2, K, L)), np.zeros(aligned.size(L, K))

        def padded(x):
            return np.pad(x[:K], [(0, max(K - M, 0)), (0, 0)][: x.ndim])

        t, u = padded(case.t), padded(case.u)
        rest = np.sum((case.u * (case.t @ case.mass))[K:] ** 2)
        blocks = integrator.Blocks(case.eigenvalue, case.mass, np.ones(L), case.r, case.q, t)
        aligned.start(blocks, case.v, u, t @ case.mass, rest, case.eta, float(case.normalised), self.work)
        self.header = aligned.header(self.work)

    def advance(self, rtol=RTOL, steps=10**5):
        return aligned.advance(self.work, self.alpha, rtol, steps, self.eps, self.Q, self.R, self.blocks)

    def finish(self, rtol=RTOL):
        assert self.advance(rtol) == aligned.DONE
        return self

    @property
    def steps(self):
        return self.header.accepted[0]


@pytest.mark.parametrize("normalised", [False, True])
@pytest.mark.parametrize("K, M", [(1, 1), (3, 3), (3, 2), (2, 3)])
def test_agrees_with_scipy(K, M, normalised):
    """Every level's overlaps and the totals, students without teacher and teachers without student among them."""
    case, alpha = Case(K, M, normalised=normalised), np.linspace(0.0, 20.0, 6)
    run, expected = case.run(alpha), case.reference(alpha)
    np.testing.assert_allclose(run.blocks, expected, rtol=0, atol=run.steps * RTOL)
    np.testing.assert_allclose(run.Q, expected[:, 0] @ case.mass, rtol=0, atol=run.steps * RTOL)
    np.testing.assert_allclose(run.R, expected[:, 1] @ case.mass, rtol=0, atol=run.steps * RTOL)
    # the run has gone somewhere, and noise has a share in it that the tolerance would see
    assert abs(run.Q[-1] / run.Q[0] - 1).min() > 0.05 and run.steps < 100


@pytest.mark.parametrize("normalised", [False, True])
@pytest.mark.parametrize("theta, order", [(1.0, 5), (0.5, 4)])
def test_order(theta, order, normalised):
    """Halving the step divides the error by 2^5, by 2^4 inside a step. A wrong derivative would cost the order."""
    case, length = Case(3, 3, L=3, eta=0.1, normalised=normalised), 8.0
    expected = case.reference([0.0, length])[-1]
    errors = []
    for count in (24, 48, 96):
        step = length / (count - 1 + theta)  # the output falls on ``length``
        run = Run(case, [length])
        aligned.fixed_steps(run.work, step, count - 1)
        s = aligned._space(run.work)
        aligned._attempt(s, run.work, step)
        aligned._write(s, run.work, run.alpha, max(count * step, length), run.eps, run.Q, run.R, run.blocks)
        errors.append(np.abs(run.blocks[0] - expected).max())
    observed = np.log2(np.divide(errors[:-1], errors[1:]))
    # the next term of the expansion is of relative size h rate = 0.1 or so; far above rounding
    assert observed[-1] > order - 0.5 and errors[-1] > 1e-13, (observed, errors)


def test_fixed_steps_return_the_error():
    run = Run(Case(2, 2), [0.0, 3.0])
    eps = aligned.fixed_steps(run.work, 0.25, 12)
    assert eps == pytest.approx(Case(2, 2).run([0.0, 3.0]).eps[1], rel=1e-6)


def test_a_long_tail_takes_tens_of_steps_a_decade():
    """One unit from small weights on 64 levels to alpha = 1e6, against a stiff method of SciPy's."""
    case = Case(1, 1, L=64, eta=0.03, r=1e-4, q=1e-6, weights=([1.0], [1.0]))
    alpha = np.concatenate([[0.0], np.geomspace(0.1, 1e6, 15)])
    run, expected = case.run(alpha, 1e-7), case.reference(alpha, "Radau", 1e-9)
    # SciPy's steps, some thousand of 1e-9, are no worse than these, and the escape multiplies nothing: R is relative
    np.testing.assert_allclose(run.blocks, expected, rtol=0, atol=2 * run.steps * 1e-7)
    assert run.steps < 400 and run.eps[0] > 0.99 and abs(run.eps[-1]) < 1e-14
    late = case.run(alpha[:-5], 1e-7)  # to 2e3
    assert run.steps - late.steps < 100


def test_error_follows_tolerance():
    case, alpha = Case(4, 3, L=16), np.geomspace(0.1, 1e3, 10)
    exact = case.run(alpha, 1e-11).eps
    for rtol in (1e-5, 1e-7):
        run = case.run(alpha, rtol)
        assert np.abs(run.eps / exact - 1).max() < run.steps * rtol


def test_tiny_overlaps_keep_their_digits():
    """Units that start from 1e-40 are learned at the time that they should be: R is accurate relative to itself."""
    n = np.arange(1.0, 5.0)
    case = Case(4, 4, eta=0.02, r=1e-40, q=1e-60, weights=(np.full(4, 0.5), 0.5 / n))
    alpha = np.array([0.0, 200.0])
    run = case.run(alpha)
    # linear until then: R' = 4 eta v u <lambda^2> R
    growth = 4 * 0.02 * 0.5 * 0.5 / n * (case.mass @ case.eigenvalue)
    np.testing.assert_allclose(run.R[1] / run.R[0], np.exp(200.0 * growth), rtol=run.steps * RTOL)


def test_a_staircase_of_fifty_units():
    """The step count, and so the cost, does not depend on the machine: 50 steps of the stairs, some 30 steps each."""
    n = np.arange(1.0, 51.0)
    u = n**-1.0 / np.sqrt(np.sum(n**-2.0))
    case = Case(50, 50, L=64, eta=0.01, r=1e-6, q=1e-4, weights=(np.full(50, 50**-0.5), u))
    run = case.run(np.concatenate([[0.0], np.geomspace(1.0, 1e6, 100)]))
    assert run.steps + run.header.rejected[0] < 2000
    assert run.eps[0] > 0.99 and run.eps[-1] < 1e-4
    # at the end v Q = u and R^2 = Q
    learned = np.argmax(run.R > 0.5 * np.sqrt(case.u / case.v), axis=0)
    assert learned.all() and np.all(np.diff(learned) >= 0) and np.unique(learned).size > 10


def test_slices_give_the_same_bits():
    case, alpha = Case(3, 2, L=20), np.geomspace(0.01, 100.0, 30)
    whole, sliced, calls = case.run(alpha), Run(case, alpha), 1
    while sliced.advance(steps=3) == aligned.RUNNING:
        calls += 1
    assert calls > 5
    assert np.array_equal(whole.eps, sliced.eps) and np.array_equal(whole.blocks, sliced.blocks)


def test_history_is_optional():
    case, alpha = Case(2, 2), [0.0, 5.0]
    with_blocks, without = case.run(alpha), Run(case, alpha)
    without.blocks = np.empty((0, 2, 2, 4))
    without.finish()
    assert np.array_equal(with_blocks.eps, without.eps) and np.array_equal(with_blocks.R, without.R)


def test_grid_may_start_at_zero_and_be_short():
    case = Case(2, 2)
    at_zero = case.run([0.0])
    assert at_zero.steps == 0
    np.testing.assert_allclose(at_zero.Q[0], case.q @ case.mass, rtol=integrator.ROUNDING)
    both = case.run([0.0, 1e-9])
    assert both.eps[0] == at_zero.eps[0] and both.eps[1] != both.eps[0]


def test_untaught_students_only_forget():
    """Without any overlap R stays zero, exactly; that is no obstacle to the step control."""
    case = Case(2, 2, r=0.0, q=0.5)
    run = case.run([0.0, 100.0])
    assert np.all(run.R == 0.0) and run.steps < 100


@pytest.mark.parametrize("normalised", [False, True])
def test_divergence_is_reported(normalised):
    """L = 1, K = M = 1, far beyond the critical rate 1/6."""
    case = Case(1, 1, L=1, eta=0.5, normalised=normalised, r=0.9, q=0.3, weights=([1.0], [1.0]))
    run = Run(case, [0.0, 1e3])
    assert run.advance() == aligned.DIVERGED
    assert np.isfinite(run.eps[0]) and np.isnan(run.eps[1]) and 0 < run.header.alpha[0] < 1e3


def test_not_a_number_stalls():
    case = Case(2, 2)
    case.q[0, 0] = np.nan
    assert Run(case, [0.0, 1.0]).advance() == aligned.STALLED


@pytest.mark.parametrize("n, K", [(1, 1), (5, 3)])
def test_workspace_fills_its_buffer(n, K):
    run = Run(Case(K, K, L=n), [1.0])
    assert aligned._space(run.work).end == run.work.size
