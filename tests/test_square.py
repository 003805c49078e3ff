"""Quadratic units: moments against Wick sums, the flow against SciPy, SGD against its definition and the flow."""

import pickle

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import lib
from lib.core import dynamics, population, squares, symmetry
from lib.core.curve import field_error
from lib.kernels import averages, integrator, quadratic
from lib.kernels.sgd import INPUTS
from lib.kernels.slopes import count, pack, unpack
from lib.maths.rng import fill_normals, stream_key, uniform

SHAPES = [(1, 1), (2, 3), (3, 2)]


def model(K=2, M=3, L=4, **options):
    """Units that all differ in their weights."""
    weights = dict(student_outputs=np.linspace(0.6, 1.1, K), teacher_outputs=np.linspace(0.9, 0.4, M))
    return lib.StudentTeacher(lib.power_law(1.0, L), K, M, "square", **(weights | options))


def fields(K, M, seed=0):
    """A covariance of all fields, and output weights."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(K + M, 2 * (K + M)))
    return X @ X.T / X.shape[1], np.concatenate([-rng.uniform(0.5, 1.5, K), rng.uniform(0.5, 1.5, M)])


def coefficients(C, outputs, K):
    D, G = np.empty((K, len(C))), np.empty((K, K))
    quadratic.coefficients(C, outputs, D, G)
    return D, G


def wick(C, *units):
    """<z_a z_b ...>: the sum over pairings, by Isserlis' theorem."""
    if not units:
        return 1.0
    first, *others = units
    return sum(C[first, b] * wick(C, *others[:k], *others[k + 1 :]) for k, b in enumerate(others))


def centred(C, outputs, *units):
    """<prod z_a (z^T A z - tr AC)>, by Wick sums alone."""
    return sum(A * (wick(C, *units, b, b) - C[b, b] * wick(C, *units)) for b, A in enumerate(outputs))


def centred_twice(C, outputs, *units):
    """<prod z_a (z^T A z - tr AC)^2>."""
    mean = outputs @ np.diag(C)
    square = sum(
        A * B * wick(C, *units, a, a, b, b) for a, A in enumerate(outputs) for b, B in enumerate(outputs)
    )  # fmt: skip
    once = sum(A * wick(C, *units, a, a) for a, A in enumerate(outputs))
    return square - 2 * mean * once + mean**2 * wick(C, *units)


@pytest.mark.parametrize("K, M", SHAPES)
def test_averages_are_wick_sums(K, M):
    """Both are sums of some thousand products, each rounded once."""
    C, outputs = fields(K, M)
    D, G = coefficients(C, outputs, K)
    np.testing.assert_allclose(quadratic.error(C, outputs), centred_twice(C, outputs) / 2, rtol=1e-12)
    delta = lambda i, b: -2 * outputs[i] * centred(C, outputs, i, b)
    np.testing.assert_allclose(D @ C, [[delta(i, b) for b in range(K + M)] for i in range(K)], rtol=1e-11)
    noise = lambda i, j: 4 * outputs[i] * outputs[j] * centred_twice(C, outputs, i, j)
    np.testing.assert_allclose(G, [[noise(i, j) for j in range(K)] for i in range(K)], rtol=1e-11)


@pytest.mark.parametrize("K, M", SHAPES)
def test_averages_are_those_of_random_fields(K, M):
    """Within 5 standard errors, some 1 % of the numbers: those without a term, or with a wrong factor, are far off."""
    C, outputs = fields(K, M)
    D, G = coefficients(C, outputs, K)
    z = np.linalg.cholesky(C) @ np.random.default_rng(1).normal(size=(K + M, 400_000))
    error = outputs @ (z**2 - np.diag(C)[:, None])
    delta = -2 * outputs[:K, None] * z[:K] * error
    for exact, samples in (
        (quadratic.error(C, outputs), error**2 / 2),
        (D @ C, delta[:, None] * z),
        (G, delta[:, None] * delta),
    ):
        scatter = samples.std(axis=-1) / np.sqrt(z.shape[1])
        assert np.all(np.abs(samples.mean(axis=-1) - exact) < 5 * scatter)
        assert np.all(scatter < 0.02 * np.abs(exact).max())


@pytest.mark.parametrize("K, M", SHAPES)
def test_slopes_are_derivatives(K, M):
    """D and G are polynomials of degree three: a difference of order four is exact, but for rounding over its step."""
    C, outputs = fields(K, M)
    P, m = K + M, count(K, K + M)
    slope_D, slope_G = np.full((K, P, m), np.nan), np.full((K, K, m), np.nan)
    quadratic.slopes(C, outputs, slope_D, slope_G)

    def at(z):
        Z, moved = np.empty((K, P)), C.copy()
        unpack(z, Z)
        moved[:K], moved[K:, :K] = Z, Z[:, K:].T
        return np.concatenate([x.ravel() for x in coefficients(moved, outputs, K)])

    z, h = np.empty(m), 0.1
    pack(C[:K].copy(), z)
    difference = [
        (8 * (at(z + h * e) - at(z - h * e)) - at(z + 2 * h * e) + at(z - 2 * h * e)) / (12 * h) for e in np.eye(m)
    ]
    slopes = np.concatenate([slope_D.reshape(-1, m), slope_G.reshape(-1, m)])
    np.testing.assert_allclose(slopes.T, difference, rtol=1e-11, atol=1e-11 * np.abs(slopes).max())


@pytest.mark.parametrize("order, average", [(2, "I2"), (3, "I3"), (4, "I4")])
def test_public_averages(order, average):
    """Gauss-Hermite rules of 12 nodes are exact for polynomials of these degrees, which are at most six."""
    C = fields(2, 2)[0][:order, :order]
    g, slope = lib.averages.activation("square")
    functions = {
        "I2": lambda a, b: g(a) * g(b),
        "I3": lambda a, b, c: slope(a) * b * g(c),
        "I4": lambda a, b, c, d: slope(a) * slope(b) * g(c) * g(d),
    }
    expected, _ = lib.averages.quadrature(C, functions[average], nodes=12)
    np.testing.assert_allclose(getattr(lib.averages, average)(C, "square"), expected, rtol=1e-11)


def test_error_and_coefficients_of_a_model():
    m = model()
    C, _ = fields(2, 3)
    Q, R, T = C[:2, :2], C[:2, 2:], C[2:, 2:]
    np.testing.assert_array_equal(m.outputs, [-0.6, -1.1, 0.9, 0.65, 0.4])
    assert field_error(m, Q[None], R[None], T)[0] == quadratic.error(C, m.outputs)
    D, G = coefficients(C, m.outputs, 2)
    for found, expected in zip(lib.averages.coefficients(m, Q, R, T), (D[:, :2], D[:, 2:], G)):
        np.testing.assert_array_equal(found, expected)


# --- The flow -------------------------------------------------------------------------------------------------------


def reference(m, start, eta, alpha, noise=1.0, learned=None):
    """The flow of all overlaps [[q, r], [r^T, t]] of the levels, by SciPy: eps_g, r and q."""
    s, K, outputs = m.spectrum, m.students, m.outputs
    rate = eta * s.eigenvalues * (np.arange(s.levels) < (learned or s.levels))
    A, student = np.diag(outputs), np.arange(len(outputs)) < K
    mass, shape = s.weights * s.eigenvalues, (s.levels, len(outputs), len(outputs))

    def fields(z):
        o = z.reshape(shape)
        return o, np.tensordot(mass, o, axes=1)

    def velocity(_, z):
        o, C = fields(z)
        CAC = C @ A @ C
        D = -4 * student[:, None] * (A @ C @ A)
        G = 4 * np.outer(outputs, outputs) * (2 * C * np.trace(A @ CAC) + 8 * CAC @ A @ C)
        G *= np.outer(student, student)
        change = D @ o
        return (rate[:, None, None] * (change + change.swapaxes(1, 2) + noise * eta * G)).ravel()

    whole = np.block([[start.q, start.r], [start.r.swapaxes(1, 2), start.t]])
    path = solve_ivp(velocity, (0, alpha[-1]), whole.ravel(), "DOP853", alpha, rtol=1e-12, atol=1e-14).y.T
    covariances = np.array([fields(z)[1] for z in path])
    o = path.reshape(-1, *shape)
    return np.einsum("a,nab,b,nab->n", outputs, covariances, outputs, covariances), o[:, :, :K, K:], o[:, :, :K, :K]


ALPHA = np.array([0.0, 1.0, 10.0, 60.0])


@pytest.mark.parametrize("K, M", SHAPES)
@pytest.mark.parametrize("teacher", ["orthonormal", "random"])
@pytest.mark.parametrize("learned", [None, 2])
@pytest.mark.parametrize("explicit", [False, True])
def test_flow_agrees_with_scipy(monkeypatch, K, M, teacher, learned, explicit):
    """Errors of rtol a step, over tens of steps, of overlaps of order one; both solvers of drawn starts."""
    monkeypatch.setattr(squares, "is_large", lambda model: explicit)
    m = model(K, M)
    start = m.initial_overlaps(0.4, 400, 1, teacher)
    curve = lib.solve(m, start, 0.03, ALPHA, rtol=1e-11, learned=learned)
    eps_g, r, q = reference(m, start, 0.03, ALPHA, learned=learned)
    np.testing.assert_allclose(curve.eps_g, eps_g, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(curve.r, r, atol=1e-8)
    np.testing.assert_allclose(curve.q, q, atol=1e-8)
    assert eps_g[-1] < 0.9 * eps_g[0]


@pytest.mark.parametrize("K, M", [(1, 1), (3, 3), (2, 4), (4, 2)])
@pytest.mark.parametrize("L, learned", [(4, None), (4, 3), (64, None)])
def test_aligned_starts_give_the_same(monkeypatch, K, M, L, learned):
    """Pairs, the integrator and the explicit method on one start: errors of rtol a step, over a hundred steps."""
    m = model(K, M, L, strength=np.linspace(1.0, 0.5, L))
    start = m.initial_overlaps(0.2, alignment=0.4)
    assert squares.is_aligned(start)
    options = dict(eta=0.03, alpha=ALPHA, rtol=1e-11, learned=learned)
    pairs = lib.solve(m, start, **options)
    monkeypatch.setattr(squares, "is_aligned", lambda start: False)
    for explicit in (False, True):
        monkeypatch.setattr(squares, "is_large", lambda model: explicit)
        other = lib.solve(m, start, **options)
        for name in ("eps_g", "Q", "R", "T", "r", "q"):
            np.testing.assert_allclose(getattr(other, name), getattr(pairs, name), rtol=1e-8, atol=1e-8)
    np.testing.assert_array_equal(pairs.r[0], start.r)
    np.testing.assert_array_equal(pairs.q[0], start.q)


@pytest.mark.parametrize("K, M, aligned", [(1, 1, True), (1, 2, True), (2, 2, True), (5, 5, True), (2, 1, False)])
def test_compression_and_levels_tell_the_same(K, M, aligned):
    """Many levels on nodes, one by one, and without what is between: one solution within some rtol."""
    m = model(K, M, 2000)
    start = m.initial_overlaps(0.2, None if aligned else 8000, alignment=0.4)
    curves = [
        lib.solve(m, start, 0.03, ALPHA, rtol=1e-11, blocks=blocks, compress=compress)
        for blocks, compress in ((True, True), (True, False), (False, True))
    ]
    for curve in curves[1:]:
        np.testing.assert_allclose(curve.eps_g, curves[0].eps_g, rtol=1e-8)
    np.testing.assert_allclose(curves[1].r, curves[0].r, rtol=1e-7, atol=1e-10)
    assert curves[2].r is None


def test_many_units_from_any_start():
    """K = M = 20 is beyond the integrator's border: aligned it is pairs, drawn it is explicit; SciPy agrees on both."""
    outputs = np.arange(1.0, 21.0) ** -1
    m = model(20, 20, 2, student_outputs=np.ones(20), teacher_outputs=outputs)
    assert squares.is_large(m) and not squares.is_large(model(16, 14))
    for start in (m.initial_overlaps(0.2, alignment=0.4), m.initial_overlaps(0.1, 400, 0)):
        curve = lib.solve(m, start, 0.02, [0.0, 3.0], rtol=1e-10)
        eps_g, _, q = reference(m, start, 0.02, [0.0, 3.0])
        np.testing.assert_allclose(curve.eps_g, eps_g, rtol=1e-8)
        np.testing.assert_allclose(curve.q, q, atol=1e-8)


def test_fifty_units_to_the_end_of_the_staircase():
    """Nothing is learned at first: eps_g = sum_n u_n^2, with T_nn = 1. At the end all is, and by pairs alone."""
    strength = np.arange(1.0, 51.0) ** -1
    m = model(50, 50, 64, student_outputs=np.ones(50), teacher_outputs=strength)
    curve = lib.solve(m, m.initial_overlaps(1e-3, alignment=1e-3), 2e-3, np.geomspace(1.0, 1e7, 50), blocks=False)
    assert abs(curve.eps_g[0] - np.sum(strength**2)) < 1e-3
    assert curve.eps_g[-1] < 1e-6
    assert np.all(curve.R[-1][~np.eye(50, dtype=bool)] == 0)


def test_velocity_is_the_flow():
    m = model()
    start = m.initial_overlaps(0.4, 400, 1, "random")
    step = 1e-3
    dr, dq = dynamics.velocity(m, start, 0.03)
    _, r, q = reference(m, start, 0.03, np.array([0.0, step, 2 * step]))
    # a one-sided difference of order two: its error is h^2 times a third derivative of order (4 eta lambda)^3
    np.testing.assert_allclose((4 * r[1] - r[2] - 3 * r[0]) / (2 * step), dr, atol=1e-6)
    np.testing.assert_allclose((4 * q[1] - q[2] - 3 * q[0]) / (2 * step), dq, atol=1e-6)


def test_integrator_has_its_order():
    """Rodas5P is of order 5 only with the exact Jacobian: halving the step divides the error by 32, here by 2^4.5."""
    m = model(2, 2)
    start = m.initial_overlaps(0.4, 400, 1)
    exact = lib.solve(m, start, 0.03, [8.0], rtol=1e-13).eps_g[0]
    errors = [abs(dynamics.fixed_steps(m, start, 0.03, 8.0 / n, n) - exact) for n in (8, 16)]
    assert errors[0] > 2**4.5 * errors[1] > 1e-12


def test_moments_solve_the_same_flow():
    m = model(2, 2)
    start = m.initial_overlaps(0.4, 400, 1)
    np.testing.assert_allclose(
        lib.moments.solve(m, start, 0.03, ALPHA).eps_g, lib.solve(m, start, 0.03, ALPHA, rtol=1e-11).eps_g, rtol=1e-7
    )


def test_a_small_rate_is_the_gradient_flow():
    """At eta = 1e-6 noise adds some 10 eta, relative."""
    m = model(2, 2)
    J, B = m.initial_weights(0.4, 40, 1)
    curve, _ = population.flow(m, J, B, 0.03, ALPHA, rtol=1e-8)
    slow = lib.solve(m, m.initial_overlaps(0.4, 40, 1), 1e-6, ALPHA * 3e4)
    np.testing.assert_allclose(curve.eps_g, slow.eps_g, rtol=1e-4)


def test_equal_units_stay_equal_and_others_do_not():
    """Students exchanged with their weights leave the flow alone; teachers of other weights are no symmetry."""
    m = model(2, 2, student_outputs=None, teacher_outputs=None)
    start = m.initial_overlaps(0.3, alignment=0.2)
    start = lib.Overlaps(start.r + 0.05, start.q + 0.01, start.t)
    assert symmetry.of_model(m, start) is not None
    curve = lib.solve(m, start, 0.05, [1e3])
    # steps preserve it exactly, outputs are between them
    np.testing.assert_allclose(curve.R[0], curve.R[0].T, rtol=0, atol=1e-15)
    assert symmetry.of_model(model(2, 2, student_outputs=None), start) is None
    assert symmetry.of_model(model(2, 2, teacher_outputs=None), start) is None


# --- SGD ------------------------------------------------------------------------------------------------------------


def numpy_sgd(m, J, B, root, inputs, eta, trained):
    """The definition, written down with NumPy."""
    v, u, N = *m.output_weights, len(root)
    T = np.diag((B * root**2) @ B.T) / N
    for xi in inputs:
        Q = np.diag((J * root**2) @ J.T) / N
        x, y = J @ xi / np.sqrt(N), B @ xi / np.sqrt(N)
        error = u @ (y**2 - T) - v @ (x**2 - Q)
        J = J + eta / np.sqrt(N) * 2 * (v * x * error)[:, None] * np.where(np.arange(N) < trained, xi, 0.0)
    return J


@pytest.mark.parametrize("K, M, N", [(1, 1, 61), (2, 3, 45), (3, 2, 60)])
@pytest.mark.parametrize("learned", [None, 5])
def test_steps_are_the_definition(K, M, N, learned):
    m = lib.StudentTeacher(lib.power_law(0.8, 15 if N % 15 == 0 else 1), K, M, "square")
    learned = learned if m.spectrum.levels > 1 else None
    J, B = m.initial_weights(0.4, N, 11)
    root = np.sqrt(np.repeat(m.spectrum.eigenvalues, m.spectrum.multiplicities(N)))
    inputs = np.empty((2 * N, N))
    for step, xi in enumerate(inputs):
        fill_normals(np.uint64(stream_key(11, INPUTS)), step * ((N + 1) // 2), xi)
    trained = N if learned is None else N * learned // m.spectrum.levels
    J = numpy_sgd(m, J, B, root, inputs * root, 0.05, trained)
    curve = lib.simulate(m, N, 0.05, [2.0], 0.4, seeds=[11], learned=learned)
    # some 100 steps, each with a few roundings of relative size 2e-16 that training damps
    np.testing.assert_allclose(curve.Q[0, 0], (J * root**2) @ J.T / N, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(curve.R[0, 0], (J * root**2) @ B.T / N, rtol=1e-11, atol=1e-13)


def test_real_inputs_are_centred_on_their_own_mean():
    raw = np.random.default_rng(0).exponential(size=(50, 12)) * np.arange(1, 13)
    m = lib.StudentTeacher(lib.Spectrum.from_data(raw), 2, 2, "square")
    samples, eigenvalues = lib.core.spectra.eigenbasis(raw)
    J, B = m.initial_weights(0.4, 12, 3, "random")
    rows = [int((1.0 - uniform(np.uint64(stream_key(3, INPUTS)), step)) * 50) for step in range(24)]
    J = numpy_sgd(m, J, B, np.sqrt(eigenvalues), samples[rows], 0.01, 12)
    curve = lib.simulate(m, None, 0.01, [2.0], 0.4, seeds=[3], teacher="random", inputs=raw)
    np.testing.assert_allclose(curve.Q[0, 0], (J * eigenvalues) @ J.T / 12, rtol=1e-9)
    v, u = m.output_weights
    error = (samples @ B.T / np.sqrt(12)) ** 2 @ u - (samples @ J.T / np.sqrt(12)) ** 2 @ v
    np.testing.assert_allclose(curve.eps_g[0, 0], np.var(error) / 2, rtol=1e-9)  # the mean is that of these rows


def test_simulation_scatters_about_the_flow_with_its_noise():
    """K = M = 1 at half the critical rate, N = 2000: means within 4 standard errors of the flow from the same weights.

    What N adds is of the order of 1/N, a tenth of a standard error. Without G the flow is off by many of them.
    """
    m = lib.StudentTeacher(lib.power_law(1.0, 1), 1, 1, "square")
    alpha, seeds = [1.0, 4.0, 8.0], range(32)
    options = dict(N=2000, eta=0.08, alpha=alpha, sigma_J=0.3, alignment=0.5)
    starts = [m.initial_overlaps(0.3, 2000, seed, alignment=0.5) for seed in seeds]
    flow = np.array([lib.solve(m, start, 0.08, alpha).eps_g for start in starts])
    quiet = np.array([reference(m, start, 0.08, alpha, noise=0.0)[0] for start in starts])
    for method, runs in (("direct", seeds[:12]), ("reduced", seeds)):
        gap = np.log(lib.simulate(m, seeds=runs, method=method, **options).eps_g / flow[: len(runs)])
        error = gap.std(axis=0) / np.sqrt(len(runs))
        assert np.all(np.abs(gap.mean(axis=0)) < 4 * error)
        silent = gap + np.log(flow / quiet)[: len(runs)]
        assert np.all(np.abs(silent.mean(axis=0)) > 8 * error)


def test_units_with_weights_of_their_own_scatter_about_the_flow():
    """K = 2, M = 3 on a power law, from weights drawn near the teacher: 4 standard errors and 10/N."""
    m = model(2, 3)
    alpha, seeds = [2.0, 20.0], range(16)
    starts = [m.initial_overlaps(0.4, 2000, seed, alignment=0.5) for seed in seeds]
    flow = np.array([lib.solve(m, start, 0.02, alpha).eps_g for start in starts])
    runs = lib.simulate(m, 2000, 0.02, alpha, 0.4, seeds=seeds, method="reduced", alignment=0.5)
    gap = np.log(runs.eps_g / flow)
    assert np.all(np.abs(gap.mean(axis=0)) < 4 * gap.std(axis=0) / 4 + 10 / 2000)
    assert np.all(flow[:, 1] < 0.8 * flow[:, 0])


@pytest.mark.parametrize("N", [24, 96])
def test_reduced_has_the_law_of_direct(N):
    """Far from the flow, at N of the order of K + M: means over 600 seeds within 4.5 standard errors.

    N = 24 leaves levels of 6 directions as they are, N = 96 reduces those of 24.
    """
    m = model(2, 2)
    runs = [lib.simulate(m, N, 0.02, [1.0, 3.0], 0.5, seeds=range(600), method=how) for how in ("direct", "reduced")]
    for name in ("eps_g", "Q", "R"):
        direct, reduced = (getattr(run, name) for run in runs)
        scatter = np.sqrt((direct.var(axis=0) + reduced.var(axis=0)) / 600)
        assert np.all(np.abs(direct.mean(axis=0) - reduced.mean(axis=0)) < 4.5 * scatter)


# --- Bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("eta, diverges", [(0.16, False), (0.175, True)])
def test_one_unit_diverges_beyond_a_sixth(eta, diverges):
    m = lib.StudentTeacher(lib.power_law(1.0, 1), 1, 1, "square")
    start = m.initial_overlaps(0.3, 4000, 0, alignment=0.9)
    if not diverges:
        assert lib.solve(m, start, eta, [1e4]).eps_g[0] < 1e-12
        return
    with pytest.raises(lib.DivergenceError, match=r"eta = 0\.175: must be below the critical .* 0\.1667; the flow"):
        lib.solve(m, start, eta, [1e4])


@pytest.mark.parametrize("explicit", [False, True])
def test_divergence_names_the_critical_rate(monkeypatch, explicit):
    monkeypatch.setattr(squares, "is_large", lambda model: explicit)
    m = model(2, 2)
    with pytest.raises(lib.DivergenceError, match="eta = 1: must be below the critical") as caught:
        lib.solve(m, m.initial_overlaps(0.5, 400, 0), 1.0, [1e3])
    np.testing.assert_allclose(caught.value.critical_eta, lib.quadratic.critical_eta(m))
    with pytest.raises(lib.DivergenceError, match="must be below the critical .* SGD with seed 0"):
        lib.simulate(m, 100, 1.0, [20.0], 0.5, seeds=1)


@pytest.mark.parametrize(
    "options, message",
    [
        (dict(student_outputs=[1.0]), r"student_outputs has shape \(1,\): must be \(2,\)"),
        (dict(teacher_outputs=[1.0, 1.0]), r"teacher_outputs has shape \(2,\): must be \(3,\)"),
        (dict(teacher_outputs=[1.0, -1.0, 1.0]), "teacher_outputs = .*numbers > 0, but the least is -1"),
        (dict(student_outputs=[1.0, 0.0]), "student_outputs = .*numbers > 0, but the least is 0"),
        (dict(student_outputs=[1.0, np.nan]), "student_outputs"),
        (dict(student_outputs=[1.0, np.inf]), "student_outputs"),
        (dict(student_outputs="two"), "student_outputs"),
    ],
)
def test_output_weights_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        model(**options)


@pytest.mark.parametrize("activation", ["erf", "linear"])
@pytest.mark.parametrize("name", ["student_outputs", "teacher_outputs"])
def test_output_weights_are_for_quadratic_units_only(activation, name):
    with pytest.raises(ValueError, match=f'{name} = .*: must be None for activation="{activation}"'):
        lib.StudentTeacher(lib.power_law(1.0, 4), 2, 2, activation, **{name: [1.0, 1.0]})


def test_output_weights_belong_to_the_model():
    given = np.array([1.0, 0.5, 0.25])
    spectrum = lib.power_law(1.0, 4)
    of = lambda **options: lib.StudentTeacher(spectrum, 2, 3, "square", **options)
    m = of(teacher_outputs=given)
    given[0] = 7.0
    assert m.teacher_outputs[0] == 1.0
    with pytest.raises(ValueError):
        m.teacher_outputs[0] = 7.0
    assert m == of(teacher_outputs=[1.0, 0.5, 0.25]) and m != of() and hash(m) == hash(of())
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(m)).outputs, m.outputs)
    assert of() == of(student_outputs=np.full(2, np.sqrt(3) / 2), teacher_outputs=np.full(3, 1 / np.sqrt(3)))
    assert of() != lib.StudentTeacher(spectrum, 2, 3, "linear")


def test_chapters_without_quadratic_units_refuse_them():
    m = model()
    with pytest.raises(ValueError, match="model.activation = 'square'"):
        lib.mitigation.train(m, 40, 0.1, [1.0])
    with pytest.raises(ValueError, match="model.activation = 'square'"):
        lib.realdata.mixture_error(m, lib.simulate(m, 40, 0.01, [1.0], seeds=1), [1.0])


def test_uniform_weights_are_the_networks():
    """The kernels' scalars and arrays say the same: a run started without ``weigh`` is that with it."""
    m = model(2, 2, student_outputs=None, teacher_outputs=None)
    start = m.initial_overlaps(0.4, 400, 1)
    blocks = dynamics.pack(m.spectrum, start, 4, False)
    works = [dynamics._begin(m, blocks, start.totals(m.spectrum).T, 0.05) for _ in range(2)]
    integrator.start(blocks, start.totals(m.spectrum).T, 0.05, m.network, works[1])
    found = [integrator.fixed_steps(work, 0.5, 4) for work in works]
    assert found[0] == found[1] and m.network.activity == averages.SQUARE
