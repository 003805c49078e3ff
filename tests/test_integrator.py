"""The structured integrator and the compression of a spectrum: ``lib.kernels.integrator``, ``compression``.

The reference is SciPy on the kernels' plain right-hand side (``lib.kernels.flow``), which shares with the
integrator the coefficients of the flow and nothing else.
"""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from lib.kernels import averages, compression, flow, integrator, slopes
from lib.maths import small_matrix

# Every step keeps its error below RTOL of eps_g. Where nothing amplifies errors they add up: a run of n
# steps is accurate to n RTOL.
RTOL = 1e-8


def power_law(L, beta):
    eigenvalue = np.arange(1.0, L + 1.0) ** -(1.0 + beta)
    return eigenvalue / eigenvalue.mean(), np.full(L, 1.0 / L)


def uniform_start(L, K, M, r0, q0):
    """r_in = r0 delta_in, q_ij = q0 delta_ij, t = 1 in every level."""
    r, q, t = np.zeros((L, K, M)), np.zeros((L, K, K)), np.zeros((L, M, M))
    r[:, range(min(K, M)), range(min(K, M))] = r0
    q[:, range(K), range(K)] = q0
    t[:, range(M), range(M)] = 1.0
    return r, q, t


def sampled_start(L, K, M, sigma, seed=0):
    """Overlaps of Gaussian vectors of 2 (K + M) entries a level: large fluctuations from level to level."""
    n = 2 * (K + M)
    x = np.random.default_rng(seed).normal(size=(L, K + M, n))
    x[:, :K] *= sigma
    o = x @ x.transpose(0, 2, 1) / n
    return [np.ascontiguousarray(a) for a in (o[:, :K, K:], o[:, :K, :K], o[:, K:, K:])]


class Run:
    """A run of the integrator on the levels as they are, or on their compressed blocks."""

    def __init__(
        self, spectrum, start, eta, alpha, activity=averages.ERF, compressed=False, blocks=False, scale=(1, 1)
    ):
        eigenvalue, weight = spectrum
        r, q, t = start
        L, self.K, self.M = r.shape
        mass = weight * eigenvalue
        if compressed:
            n = compression.count_blocks(eigenvalue, self.K, self.M, int(blocks))
            shapes = [(n,), (n,), (n,), (n, self.K, self.M), (n, self.K, self.K), (n, self.M, self.M)]
            given = integrator.Blocks(*(np.empty(shape) for shape in shapes))
            share = np.empty(compression.POINTS)
            compression.compress(flow.Levels(eigenvalue, weight, *start), int(blocks), given, share)
        else:
            given = integrator.Blocks(eigenvalue, mass, np.ones(L), r, q, t)
        self.n = len(given.mass)
        self.alpha = np.asarray(alpha, float)
        times = len(self.alpha)
        self.eps = np.full(times, np.nan)
        self.Q, self.R = np.empty((times, self.K, self.K)), np.empty((times, self.K, self.M))
        self.blocks = np.empty((times if blocks else 0, self.K, self.K + self.M, self.n))
        self.work = np.zeros(integrator.size(self.n, self.K, self.M))
        T = np.tensordot(mass, t, axes=1)
        v, u = scale
        integrator.start(given, T, eta, averages.Network(float(v), float(u), activity), self.work)
        self.header = integrator.header(self.work)

    def advance(self, rtol=RTOL, steps=10**5):
        return integrator.advance(self.work, self.alpha, rtol, steps, self.eps, self.Q, self.R, self.blocks)

    def finish(self, rtol=RTOL):
        assert self.advance(rtol) == integrator.DONE
        return self

    @property
    def steps(self):
        return self.header.accepted[0]


def reference(spectrum, start, eta, alpha, activity=averages.ERF, scale=(1, 1)):
    """Block overlaps (times, L, K, K + M) as [q | r] by DOP853 near the limit of double precision."""
    eigenvalue, weight = spectrum
    r, q, t = start
    L, K, M = r.shape
    T = np.tensordot(weight * eigenvalue, t, axes=1)
    dr, dq = np.empty_like(r), np.empty_like(q)
    totals = flow.Totals(*(np.empty(s) for s in ((K, K), (K, M), (K + M, K + M), (K, K + M), (K, K))))
    network = averages.Network(*map(float, scale), activity)

    def slope(_, y):
        a, b = y[: r.size].reshape(r.shape), y[r.size :].reshape(q.shape)
        flow.flow(flow.Levels(eigenvalue, weight, a, b, t), T, eta, network, totals, dr, dq)
        return np.concatenate([dr.ravel(), dq.ravel()])

    y = np.concatenate([r.ravel(), q.ravel()])
    found = solve_ivp(slope, (0, alpha[-1]), y, method="DOP853", t_eval=alpha, rtol=1e-12, atol=1e-15)
    r, q = found.y[: r.size].T.reshape(-1, L, K, M), found.y[r.size :].T.reshape(-1, L, K, K)
    return np.concatenate([q, r], axis=3)


# Of another implementation, by SciPy's DOP853, good to 3e-6.
GOLDEN_ACCURACY = 3e-6
GOLDEN = [
    (1, 2, 2, 0.1, 1.0, 0.001, [0, 10, 100, 1000, 2000],
     [3.3249671757e-01, 5.2982725097e-02, 1.2086311407e-02, 6.5078344906e-03, 1.3674023412e-06]),
    (4, 2, 2, 0.1, 1.0, 0.001, [0, 10, 100, 500, 1000],
     [0.3324967176, 0.0513380282, 0.0126520273, 0.0070593407, 0.0011036277]),
    (16, 2, 2, 0.5, 1.0, 0.001, [0, 1, 10, 50, 200],
     [0.3324967176, 0.0754401586, 0.0247521022, 0.0054356205, 0.0008511278]),
    (64, 2, 2, 0.5, 0.5, 0.001, [0, 1, 5, 20, 50],
     [0.3324967176, 0.0783797072, 0.0366257177, 0.0134096135, 0.0044599421]),
    (8, 3, 3, 1.0, 0.25, 0.001, [0, 5, 20, 50, 200],
     [4.9874507635e-01, 1.1603962372e-01, 7.3413923442e-02, 2.5054131212e-02, 1.6048263519e-04]),
    (4, 3, 2, 0.5, 1.0, 0.01, [0, 5, 20, 50, 200],
     [0.3244260287, 0.0331991991, 0.0212010289, 0.0196859247, 0.0018538634]),
]  # fmt: skip


@pytest.mark.parametrize("L, K, M, eta, beta, r0, alpha, eps", GOLDEN)
def test_golden_table(L, K, M, eta, beta, r0, alpha, eps):
    run = Run(power_law(L, beta), uniform_start(L, K, M, r0, 1e-4), eta, alpha).finish()
    np.testing.assert_allclose(run.eps, eps, rtol=GOLDEN_ACCURACY + run.steps * RTOL)


@pytest.mark.parametrize("K, M, activity", [(1, 1, 0), (2, 2, 0), (3, 2, 0), (2, 3, 0), (3, 3, 1), (8, 8, 0)])
def test_agrees_with_scipy(K, M, activity):
    """Totals, eps_g and every level's overlaps, from sampled overlaps and with the source's output scale."""
    spectrum, start, alpha = power_law(3, 1.0), sampled_start(3, K, M, 0.5), np.linspace(0.0, 8.0, 5)
    case = dict(activity=activity, scale=(np.sqrt(M) / K, 1 / np.sqrt(M)))
    run = Run(spectrum, start, 0.3, alpha, **case)
    run.blocks = np.empty((len(alpha), K, K + M, 3))
    run.finish()
    expected = reference(spectrum, start, 0.3, alpha, **case)
    Z = np.tensordot(expected, spectrum[0] * spectrum[1], axes=(1, 0))
    # errors are relative to the largest overlap of their kind; all are of order 1
    tolerance = run.steps * RTOL * np.abs(expected).max()
    np.testing.assert_allclose(run.Q, Z[:, :, :K], rtol=0, atol=tolerance)
    np.testing.assert_allclose(run.R, Z[:, :, K:], rtol=0, atol=tolerance)
    np.testing.assert_allclose(run.blocks.transpose(0, 3, 1, 2), expected, rtol=0, atol=tolerance)


def fixed_steps(step, count, theta):
    """Q and R after ``count`` steps of fixed length, and at the fraction theta of the last one."""
    alpha = np.array([(count - 1 + theta) * step])
    run = Run(power_law(3, 1.0), sampled_start(3, 2, 2, 0.5), 0.3, alpha)
    s = integrator._space(run.work)
    for i in range(count):
        integrator._linearise(s, run.work)
        integrator._attempt(s, run.work, step)
        if i == count - 1:
            end = run.header.alpha[0] + step
            integrator._write(s, run.work, alpha, end, run.eps, run.Q, run.R, run.blocks)
        integrator._accept(s)
        run.header.alpha[0] += step
    return s.totals.copy(), np.concatenate([run.Q[0], run.R[0]], axis=1)


@pytest.mark.parametrize("theta, order", [(1.0, 5), (0.5, 4)])
def test_order(theta, order):
    """Halving the step divides the error by 2^5; inside a step the dense output loses one order of the
    global error: its own error in one step is O(h^5)."""
    exact = reference(power_law(3, 1.0), sampled_start(3, 2, 2, 0.5), 0.3, np.array([0.0, 3.0]))
    spectrum = power_law(3, 1.0)
    errors = []
    for count in (12, 24, 48):
        step = 3.0 / (count - 1 + theta)  # the output falls on alpha = 3
        _, Z = fixed_steps(step, count, theta)
        expected = np.tensordot(spectrum[0] * spectrum[1], exact[-1], axes=1)
        errors.append(np.abs(Z - expected).max())
    observed = np.log2(np.divide(errors[:-1], errors[1:]))
    # the next term of the error's expansion is of relative size h = 3/48 times a constant of order 1
    assert observed[-1] > order - 0.5, observed
    # far above rounding, so that the slope means something
    assert errors[-1] > 1e-12


def linear_solution(spectrum, eta, e0, alpha):
    """eps_g for g(x) = x, K = M = 1: e_k' = -2 eta lambda_k e_k + eta^2 lambda_k sum_l w_l lambda_l e_l."""
    eigenvalue, weight = spectrum
    rank_one = eta**2 * np.outer(eigenvalue * np.sqrt(weight), eigenvalue * np.sqrt(weight))
    rate, mode = np.linalg.eigh(-2 * eta * np.diag(eigenvalue) + rank_one)
    amplitude = mode.T @ (np.sqrt(weight) * e0)
    e = (mode * amplitude) @ np.exp(np.outer(rate, alpha)) / np.sqrt(weight)[:, None]
    return 0.5 * (weight * eigenvalue) @ e


@pytest.mark.parametrize("L, beta, eta", [(1, 1.0, 1.5), (16, 1.0, 0.5), (64, 0.5, 1.0), (1000, 1.0, 0.01)])
def test_linear_activity_is_exact(L, beta, eta):
    spectrum = power_law(L, beta)
    alpha = np.concatenate([[0.0], np.geomspace(0.01, 100.0, 40)])
    run = Run(spectrum, uniform_start(L, 1, 1, 0.0, 0.0), eta, alpha, averages.LINEAR, compressed=True).finish()
    expected = linear_solution(spectrum, eta, np.ones(L), alpha)
    # eps_g = (Q - 2 R + T)/2 of totals of order 1; P P roundings as in the integrator, over the steps
    rounding = 4 * integrator.ROUNDING * np.sqrt(run.steps)
    np.testing.assert_allclose(run.eps, expected, rtol=run.steps * RTOL, atol=rounding)


def test_error_follows_tolerance():
    """Local errors are proportional to rtol; so is, within the spread of step control, the global one."""
    L, K, M, eta, beta, r0, alpha, _ = GOLDEN[2]
    case = power_law(L, beta), uniform_start(L, K, M, r0, 1e-4), eta, alpha
    exact = Run(*case).finish(1e-11).eps
    for rtol in (1e-5, 1e-7):
        run = Run(*case).finish(rtol)
        assert np.abs(run.eps / exact - 1).max() < run.steps * rtol


def test_plateau_with_tiny_asymmetry():
    """Overlaps as sampled at N = 1e9: the plateau multiplies what distinguishes the students by 1e5."""
    L, N, rng, alpha = 4, 1e9, np.random.default_rng(3), np.geomspace(1.0, 500.0, 20)
    spectrum, (r, q, t) = power_law(L, 1.0), uniform_start(L, 2, 2, 0.0, 1e-4)
    r += 1e-2 * rng.normal(size=r.shape) / np.sqrt(N / L)
    eps = Run(spectrum, (r, q, t), 0.3, alpha).finish(1e-6)
    Z = np.tensordot(reference(spectrum, (r, q, t), 0.3, alpha), spectrum[0] * spectrum[1], axes=(1, 0))
    # the run leaves the plateau within the window
    assert np.abs(Z[-1, 0, 2] - Z[-1, 1, 2]) > 0.5 and np.abs(Z[10, 0, 2] - Z[10, 1, 2]) < 1e-2
    np.testing.assert_allclose(eps.R, Z[:, :, 2:], rtol=0, atol=eps.steps * 1e-6)


def test_relative_accuracy_at_small_errors():
    """eps_g over ten decades, against a run at a tolerance where only rounding is left."""
    case = power_law(1, 1.0), uniform_start(1, 2, 2, 1e-3, 1e-4), 0.1, [1.0, 1000.0, 2000.0, 2500.0, 3000.0]
    run, exact = Run(*case).finish(1e-6), Run(*case).finish(1e-10)
    assert exact.eps[-1] < 1e-9 * exact.eps[0]
    # a rounding error per step in each run, damped at the rate of eps_g itself: the last 1/(h rate) count
    rounding = 4 * integrator.ROUNDING
    np.testing.assert_allclose(run.eps, exact.eps, rtol=run.steps * 1e-6, atol=rounding)


def test_slices_give_the_same_bits():
    case = power_law(40, 1.0), sampled_start(40, 2, 2, 0.1), 0.5, np.geomspace(0.01, 100.0, 30)
    whole, sliced = Run(*case).finish(), Run(*case)
    calls = 1
    while sliced.advance(steps=3) == integrator.RUNNING:
        calls += 1
    assert calls > 10
    assert np.array_equal(whole.eps, sliced.eps) and np.array_equal(whole.Q, sliced.Q)


def test_grid_may_start_at_zero_and_be_short():
    spectrum, start = power_law(4, 1.0), uniform_start(4, 2, 2, 0.2, 0.5)
    at_zero = Run(spectrum, start, 0.5, [0.0]).finish()
    assert at_zero.steps == 0
    np.testing.assert_allclose(at_zero.Q[0], 0.5 * np.eye(2), rtol=integrator.ROUNDING)
    both = Run(spectrum, start, 0.5, [0.0, 1e-9]).finish()
    assert both.eps[0] == at_zero.eps[0] and both.eps[1] < both.eps[0]


def test_divergence_is_reported():
    """Linear activity beyond the critical eta = 2: at L = 1 the error grows like exp((eta^2 - 2 eta) alpha)."""
    eta = 3.0
    alpha = np.linspace(0.0, 100.0, 11)
    run = Run(power_law(1, 1.0), uniform_start(1, 1, 1, 0.0, 0.0), eta, alpha, averages.LINEAR)
    assert run.advance() == integrator.DIVERGED
    expected = np.log(integrator.DIVERGENCE) / (eta**2 - 2 * eta)
    # it is noticed at the first step past the threshold
    assert expected <= run.header.alpha[0] < 2 * expected
    assert np.isfinite(run.eps[0]) and np.isnan(run.eps[-1])


def test_not_a_number_stalls():
    r, q, t = uniform_start(2, 2, 2, 0.0, 0.1)
    q[0, 0, 0] = np.nan
    assert Run(power_law(2, 1.0), (r, q, t), 0.5, [0.0, 1.0]).advance() == integrator.STALLED


def test_workspace_fills_its_buffer():
    for n, K, M in ((1, 1, 1), (5, 3, 2), (7, 2, 4)):
        run = Run(power_law(n, 1.0), uniform_start(n, K, M, 0.0, 0.1), 0.5, [1.0])
        assert integrator._space(run.work).end == run.work.size


@pytest.mark.parametrize("K, M, activity", [(1, 1, 0), (2, 2, 0), (3, 2, 0), (2, 3, 1)])
def test_slopes_are_derivatives(K, M, activity):
    """Against central differences of fourth order: truncation h^4 = 1e-12 and rounding 1e-16 / h."""
    P, m, h = K + M, int(slopes.count(K, K + M)), 1e-3
    x = np.random.default_rng(0).normal(size=(P, 2 * P))
    cov = x @ x.T / (2 * P)
    slope_D, slope_G = np.empty((K, P, m)), np.empty((K, K, m))
    slopes.slopes(cov, K, 0.7, 1.3, activity, slope_D, slope_G)

    def coefficients(i, b, shift):
        moved, D, G = cov.copy(), np.empty((K, P)), np.empty((K, K))
        moved[i, b] += shift
        moved[b, i] = moved[i, b]
        averages.coefficients(moved, K, 0.7, 1.3, activity, D, G)
        return D, G

    for i in range(K):
        for b in range(i, P):
            near, far = (zip(coefficients(i, b, s * h), coefficients(i, b, -s * h)) for s in (1, 2))
            near, far = ([plus - minus for plus, minus in pair] for pair in (near, far))
            c = int(slopes.place(i, b, P))
            for slope, d1, d2 in zip((slope_D, slope_G), near, far):
                # derivatives of order up to five are of order ten here
                np.testing.assert_allclose(slope[:, :, c], (8 * d1 - d2) / (12 * h), atol=1e-11)


@pytest.mark.parametrize("K, M", [(2, 2), (4, 3)])
def test_coefficient_matrix_is_symmetric(K, M):
    """What the integrator's eigenbasis rests on."""
    x = np.random.default_rng(1).normal(size=(K + M, 2 * (K + M)))
    D, G = np.empty((K, K + M)), np.empty((K, K))
    averages.coefficients(x @ x.T / 10, K, 0.7, 1.3, averages.ERF, D, G)
    assert np.array_equal(D[:, :K], D[:, :K].T)


def test_small_matrices():
    rng = np.random.default_rng(2)
    for m in (1, 2, 7, 12):
        x = rng.normal(size=(m, m))
        A, V = x + x.T, np.empty((m, m))
        small_matrix.diagonalise(A, V)
        rounding = 50 * m * np.finfo(float).eps * np.abs(x).sum()  # of a few sweeps of m^2 rotations
        np.testing.assert_allclose(V.T @ V, np.eye(m), atol=rounding)
        np.testing.assert_allclose(V @ np.diag(np.diag(A)) @ V.T, x + x.T, atol=rounding)
        lu, pivot, b = x.copy(), np.empty(m), rng.normal(size=m)
        y = b.copy()
        small_matrix.factorise(lu, pivot)
        small_matrix.back_substitute(lu, pivot, y)
        np.testing.assert_allclose(x @ y, b, atol=rounding * np.abs(y).sum())


def test_interpolation_error():
    """The stated error over every relaxation rate, and not by a margin that would waste nodes."""
    top, bottom = 3.0, 3.0 / compression.SPAN
    value = np.geomspace(bottom, top, 500)
    node = np.array([compression._node(top, bottom, j) for j in range(compression.POINTS)])
    share = np.empty((value.size, compression.POINTS))
    for k, x in enumerate(value):
        compression._interpolate(x, top, bottom, share[k])
    rates = np.geomspace(1e-6, 1e4, 400)[:, None] / top
    errors = np.abs(np.exp(-rates * node) @ share.T - np.exp(-rates * value)).max()
    assert 0.1 * compression.ERROR < errors < compression.ERROR


def test_compressed_run_is_the_full_run():
    """Sampled overlaps, which no quadrature in k could represent; and every level's overlaps back from it."""
    L, K, M = 400, 2, 3
    spectrum, start, alpha = power_law(L, 1.0), sampled_start(L, K, M, 0.3), np.geomspace(0.1, 1e3, 9)
    full = Run(spectrum, start, 0.3, alpha)
    full.blocks = np.empty((len(alpha), K, K + M, L))
    full.finish()
    short = Run(spectrum, start, 0.3, alpha, compressed=True, blocks=True).finish()
    assert compression.count_blocks(spectrum[0], K, M, 0) < L / 4
    # P, S, n and their products, of norm up to 10; and the rounding of totals of order 1
    bound = 10 * compression.ERROR + integrator.ROUNDING * full.steps
    np.testing.assert_allclose(short.Q, full.Q, rtol=0, atol=bound)
    np.testing.assert_allclose(short.R, full.R, rtol=0, atol=bound)
    np.testing.assert_allclose(short.eps, full.eps, rtol=0, atol=(K + M) ** 2 * bound)
    times, values = len(alpha), K * (2 * K + M)
    r, q = np.empty((times, *start[0].shape)), np.empty((times, *start[1].shape))
    points = compression.POINTS
    scratch = compression.Expansion(np.empty(points), np.empty((times, points, values)), np.empty(values))
    compression.expand(flow.Levels(*spectrum, *start), np.ascontiguousarray(short.blocks), r, q, scratch)
    # a step's result is rational in lambda, not entire: levels are equal to the error of the steps
    expected = full.blocks.transpose(0, 3, 1, 2)
    np.testing.assert_allclose(q, expected[..., :K], rtol=0, atol=full.steps * RTOL)
    np.testing.assert_allclose(r, expected[..., K:], rtol=0, atol=full.steps * RTOL)


def test_small_spectra_are_not_changed():
    spectrum, start = power_law(20, 2.0), sampled_start(20, 2, 2, 0.3)
    plain = Run(spectrum, start, 0.3, [1.0, 10.0]).finish()
    short = Run(spectrum, start, 0.3, [1.0, 10.0], compressed=True).finish()
    assert plain.n == short.n and np.array_equal(plain.eps, short.eps)


def test_extreme_spectrum():
    """Thirty-six decades of eigenvalues: the steps follow the active ones."""
    eigenvalue = np.geomspace(1e6, 1e-30, 3000)
    weight = 1 / eigenvalue
    spectrum = eigenvalue, weight / weight.sum()
    spectrum = spectrum[0] / (spectrum[0] @ spectrum[1]), spectrum[1]
    run = Run(spectrum, uniform_start(3000, 2, 2, 0.1, 0.5), 0.1, [1.0, 1e3], compressed=True).finish()
    assert np.all(np.isfinite(run.eps)) and run.eps[1] < run.eps[0]
