"""Mitigation: whitening against the flow and SGD, closed stationary states, and what training recipes refuse."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import lib
from lib import mitigation
from lib.kernels import training
from lib.kernels.averages import ERF, LINEAR
from lib.mitigation import Recipe

S = lib.power_law(beta=1.0, levels=16)
LINE = lib.StudentTeacher(S, 1, 1, "linear")


@pytest.mark.parametrize("power", [0.0, 0.3, 1.0])
def test_whitening_keeps_fields_and_mean(power):
    white = mitigation.whiten(S, power)
    model = lib.StudentTeacher(S, 2, 3)
    start = model.initial_overlaps(0.5, N=160, seed=3, teacher="random")
    for before, after in zip(start.totals(S), white.overlaps(start).totals(white.spectrum)):
        np.testing.assert_allclose(after, before, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(
        np.log(white.spectrum.eigenvalues[0] / white.spectrum.eigenvalues[-1]),
        (1 - power) * np.log(16.0**2),
        atol=1e-12,
    )


@pytest.mark.parametrize("activation", ["erf", "linear"])
def test_solution_on_the_whitened_spectrum_solves_the_preconditioned_flow(activation):
    # The flow of dr = eta lambda p (Dx r + Dy t), dq = ... + eta^2 lambda p^2 G, written down in the original
    # coordinates and integrated by SciPy: no change of coordinates is used.
    from lib.kernels import averages

    model = lib.StudentTeacher(S, 2, 2, activation)
    white = mitigation.whiten(S, 0.6)
    start = model.initial_overlaps(0.3, N=64, seed=1)
    eta, alpha = 0.3, np.array([0.0, 0.5, 3.0, 20.0])
    v, u = model.output_weights
    rate = (S.eigenvalues * white.gain)[:, None, None]

    def flow(_, y):
        r, q = y[: start.r.size].reshape(start.r.shape), y[start.r.size :].reshape(start.q.shape)
        Q, R, T = lib.Overlaps(r, q, start.t).totals(S)
        C, D, G = np.empty((4, 4)), np.empty((2, 4)), np.empty((2, 2))
        averages.assemble(Q, R, T, C)
        averages.coefficients(C, 2, v, u, model.activity, D, G)
        half = D[:, :2] @ q + D[:, 2:] @ r.swapaxes(1, 2)
        dr = eta * rate * (D[:, :2] @ r + D[:, 2:] @ start.t)
        dq = eta * rate * (half + half.swapaxes(1, 2)) + eta**2 * rate * white.gain[:, None, None] * G
        return np.concatenate([dr.ravel(), dq.ravel()])

    y0 = np.concatenate([start.r.ravel(), start.q.ravel()])
    expected = solve_ivp(flow, (0, 20), y0, "DOP853", t_eval=alpha, rtol=1e-10, atol=1e-12).y
    curve = lib.solve(lib.StudentTeacher(white.spectrum, 2, 2, activation), white.overlaps(start), eta, alpha)
    np.testing.assert_allclose(
        (curve.r * white.gain[:, None, None]).reshape(4, -1).T, expected[: start.r.size], rtol=1e-6, atol=1e-7
    )
    np.testing.assert_allclose(
        (curve.q * white.gain[:, None, None]).reshape(4, -1).T, expected[start.r.size :], rtol=1e-6, atol=1e-7
    )


def test_equal_levels_may_be_many():
    # Fully whitened, 64 levels are one panel of width zero: the same curve as one isotropic level.
    spectrum = lib.power_law(1.0, 64)
    white = mitigation.whiten(spectrum, 1.0)
    model = lib.StudentTeacher(white.spectrum, 1, 1, "linear")
    start = white.overlaps(lib.StudentTeacher(spectrum, 1, 1, "linear").initial_overlaps(0.0))
    curve = lib.solve(model, start, 0.5, [1.0, 5.0, 20.0])
    # E' = -2 eta E + eta^2 sum_k w_k lambda_k p_k lambda'_k ... = (-2 eta + eta^2 <lambda' lambda'>) E
    np.testing.assert_allclose(curve.eps_g, 0.5 * np.exp((-2 * 0.5 + 0.25) * curve.alpha), rtol=1e-6)


@pytest.mark.parametrize("beta", [0.05, 1.0, 3.0])
def test_small_eta_limit(beta):
    spectrum = lib.power_law(beta, 50)
    white = mitigation.whiten(spectrum, 0.5)
    start = white.overlaps(lib.StudentTeacher(spectrum, 1, 1, "linear").initial_overlaps(0.2))
    alpha = np.array([0.1, 3.0]) / 1e-5
    curve = lib.solve(lib.StudentTeacher(white.spectrum, 1, 1, "linear"), start, 1e-5, alpha)
    # corrections are of relative order eta, times the spread of the amplification over levels
    np.testing.assert_allclose(curve.eps_g, mitigation.small_eta_error(spectrum, 0.5, 1e-5, alpha, 0.2), rtol=1e-3)


def test_plain_recipe_is_the_exact_mean_of_sgd():
    alpha = [1.0, 5.0]
    curve = mitigation.train(LINE, 64, 0.5, alpha, seeds=200, sigma_J=0.0)
    exact = lib.linear.finite_size_error(S, 64, 0.5, curve.alpha)
    error = curve.eps_g.std(axis=0, ddof=1) / np.sqrt(200)
    assert np.all(np.abs(curve.eps_g.mean(axis=0) - exact) < 4 * error)


@pytest.mark.parametrize("recipe", [Recipe(power=1.0), Recipe(power=0.5, rotated=True)])
def test_training_follows_the_whitened_flow(recipe):
    white = mitigation.whiten(S, recipe.power)
    curve = mitigation.train(LINE, 320, 0.3, [1.0, 4.0], recipe, seeds=40)
    start = white.overlaps(LINE.initial_overlaps(0.01))
    flow = lib.solve(lib.StudentTeacher(white.spectrum, 1, 1, "linear"), start, 0.3, curve.alpha)
    error = curve.eps_g.std(axis=0, ddof=1) / np.sqrt(40)
    # four standard errors, and the finite step: eta lambda'_1 / N < 1 %
    assert np.all(np.abs(curve.eps_g.mean(axis=0) - flow.eps_g) < 4 * error + 0.01 * flow.eps_g)


def test_mini_batches_are_a_smaller_rate():
    alpha = [1.0, 5.0]
    batches = mitigation.train(LINE, 512, 1.6, alpha, Recipe(batch=8), seeds=40)
    error = batches.eps_g.std(axis=0, ddof=1) / np.sqrt(40)
    flow = lib.linear.generalization_error(S, 0.2, batches.alpha, 0.01)
    # eta lambda_1 / N = 3 % for the leading level's finite step
    assert np.all(np.abs(batches.eps_g.mean(axis=0) - flow) < 4 * error + 0.03 * flow)


@pytest.mark.parametrize("aligned", [True, False])
def test_adaptive_flow_rests_at_its_floor(aligned):
    moment = np.sum(S.weights * np.sqrt(S.eigenvalues)) if aligned else 1.0
    assert mitigation.adaptive_error(S, 0.2, [2000.0], aligned)[0] == pytest.approx(0.5 * (0.1 * moment) ** 2, rel=1e-6)


def test_schedule_without_decay_is_the_exact_solution():
    alpha = np.geomspace(0.1, 100.0, 20)
    np.testing.assert_allclose(
        mitigation.scheduled_error(S, 0.5, alpha, sigma_J=0.3),
        lib.linear.generalization_error(S, 0.5, alpha, 0.3),
        rtol=1e-6,
    )


def test_power_schedule_with_label_noise_agrees_with_the_solver_for_any_schedule():
    alpha = np.array([0.3, 3.0, 30.0, 300.0])
    ours = mitigation.scheduled_error(S, 0.7, alpha, 0.4, 2.0, label_noise=0.2, sigma_J=0.1)
    other = lib.linear.scheduled_error(S, lambda a: 0.7 * (1 + a / 2.0) ** -0.4, alpha, 0.2, 0.1, rtol=1e-7)
    np.testing.assert_allclose(ours, other, rtol=1e-5)


def test_training_follows_a_schedule_given_as_a_function():
    # held until 4, then to zero at 8, with noisy answers: against the flow of that schedule
    def factor(alpha):
        return min(1.0, (8.0 - alpha) / 4.0)

    seeds, N = 60, 320
    curve = mitigation.train(
        LINE, N, 0.8, [4.0, 6.0, 8.0], Recipe(schedule=factor, label_noise=0.3), sigma_J=0.0, seeds=seeds
    )
    flow = lib.linear.scheduled_error(S, lambda a: 0.8 * factor(a), curve.alpha, 0.3)
    error = curve.eps_g.std(axis=0, ddof=1) / np.sqrt(seeds)
    # four standard errors, and the leading level's finite step: eta lambda_1 / N = 2.5 %
    assert np.all(np.abs(curve.eps_g.mean(axis=0) - flow) < 4 * error + 0.025 * flow)
    held = lib.linear.scheduled_error(S, lambda a: 0.8, curve.alpha, 0.3)
    assert curve.eps_g.mean(axis=0)[-1] < 0.6 * held[-1]  # a constant rate does not pass


def test_a_power_is_the_same_schedule_as_a_function():
    pair = mitigation.train(LINE, 32, 0.5, [2.0], Recipe(schedule=(0.5, 1.0)), seeds=1)
    function = mitigation.train(LINE, 32, 0.5, [2.0], Recipe(schedule=lambda a: (1 + a) ** -0.5), seeds=1)
    np.testing.assert_allclose(pair.eps_g, function.eps_g, rtol=1e-12)


def test_batch_normalised_training_follows_its_flow():
    N, seeds, batch, eta = 640, 12, 32, 2.0
    curve = mitigation.train(
        LINE, N, eta, [4.0, 12.0, 36.0], Recipe(batch=batch, batch_norm=True), sigma_J=1.0, seeds=seeds
    )
    starts = [LINE.initial_overlaps(1.0, N=N, seed=seed) for seed in range(seeds)]
    flow = np.array(
        [mitigation.batch_norm_error(S, eta, curve.alpha, batch, o.r[:, 0, 0], o.q[:, 0, 0]) for o in starts]
    )
    ratio = np.log(curve.eps_g / flow)
    error = ratio.std(axis=0, ddof=1) / np.sqrt(seeds)
    # four standard errors, and the finite step, eta lambda_1 / N = 3 %
    assert np.all(np.abs(ratio.mean(axis=0)) < 4 * error + 0.03)


def test_batch_norm_flow_keeps_the_length_that_no_noise_changes():
    # The gradient is orthogonal to the student: without noise sum_k w_k q_k stays, and with it only grows. One level
    # is solved by hand: c' = (drift/q)(1 - c^2) - (noise/2) c (1 - c^2)/q^2 with q' = noise (1 - c^2)/q.
    flat = lib.Spectrum(np.ones(1), np.ones(1))
    eta, b, alpha = 3.0, 50, np.array([0.0, 1.0, 10.0, 40.0])
    found = mitigation.batch_norm_error(flat, eta, alpha, b, [0.2], [1.0])
    from scipy.special import gammaln

    drift = eta / b * (b - 2) / b * np.sqrt(b / 2) * np.exp(gammaln((b - 2) / 2) - gammaln((b - 1) / 2))
    noise = (eta / b) ** 2 * (b - 2) / (b - 3)
    by_hand = solve_ivp(
        lambda _, z: [
            (1 - z[0] ** 2) * (drift / z[1] - 0.5 * noise * z[0] / z[1] ** 2),
            noise * (1 - z[0] ** 2) / z[1],
        ],
        (0, 40),
        [0.2, 1.0],
        t_eval=alpha,
        rtol=1e-10,
        atol=1e-13,
    ).y[0]
    np.testing.assert_allclose(found, 1 - by_hand, rtol=1e-6)
    variances = np.random.default_rng(0).chisquare(b - 1, 400_000) / b  # of batches of b normal numbers
    assert drift == pytest.approx(eta / b * (b - 2) / b * np.mean(variances**-0.5), rel=1e-3)
    assert noise == pytest.approx((eta / b) ** 2 * (b - 2) / b * np.mean(1 / variances), rel=1e-3)


def test_growing_memory_without_strength_is_plain_sgd():
    alpha = np.array([0.1, 1.0, 10.0])
    np.testing.assert_allclose(
        mitigation.growing_memory_error(S, 0.5, alpha, 0.0, 0.5, sigma_J=0.2),
        lib.linear.generalization_error(S, 0.5, alpha, 0.2),
        rtol=1e-4,
    )


def test_training_with_a_growing_memory_follows_its_flow():
    # A simulation in a few lines. The flow is the limit of large N: a step moves the leading level by
    # eta lambda_1/N = 1.3 %.
    N, runs, eta, strength, friction = 320, 60, 0.4, 3.0, 4.0
    lam = np.repeat(S.eigenvalues, N // 16)
    rng = np.random.default_rng(5)
    d, V = rng.choice([-1.0, 1.0], (runs, N)), np.zeros((runs, N))
    times, measured = np.array([0.5, 2.0, 6.0]), []
    for step in range(int(6 * N) + 1):
        if np.isclose(step / N, times).any():
            measured.append(0.5 * np.mean(d**2 * lam, axis=1))
        now = step / N + 1 / lam[0]
        xi = rng.standard_normal((runs, N)) * np.sqrt(lam)
        gradient = -(np.sum(d * xi, axis=1) / np.sqrt(N))[:, None] * xi / np.sqrt(N)
        V += gradient - friction / (now * N) * V
        d += eta * gradient + strength * (now * lam[0]) ** -0.5 / N * V
    measured = np.array(measured)
    flow = mitigation.growing_memory_error(S, eta, times, strength, 0.5, friction)
    error = measured.std(axis=1, ddof=1) / np.sqrt(runs)
    assert np.all(np.abs(measured.mean(axis=1) - flow) < 4 * error + 0.02 * flow)
    plain = lib.linear.generalization_error(S, eta, times)
    assert plain[-1] > 1.4 * flow[-1]  # plain SGD would not pass


@pytest.mark.parametrize("beta", [0.25, 0.5, 2.0])
def test_best_adaptive_step_has_the_exponent_said(beta):
    # by the balance of bias and noise that the chapter derives, alpha ~ k^((1+beta)/2) sum_{j<k} j^(-(1+beta)/2) and
    # E ~ k^-beta
    k = np.array([1e5, 1e6])
    noise = [np.sum(np.arange(1, n + 1) ** (-(1 + beta) / 2)) for n in k]
    alpha = k ** ((1 + beta) / 2) * noise
    slope = beta * np.log(10) / np.log(alpha[1] / alpha[0])
    assert slope == pytest.approx(mitigation.adaptive_exponent(beta), abs=0.01)
    assert mitigation.adaptive_exponent(beta, aligned=False) == lib.linear.exponent(beta)


def test_levels_may_fall_below_every_number():
    assert mitigation.scheduled_error(S, 1.9, [0.0, 1e5]).tolist() == [0.5, 0.0]


def test_label_noise_floor():
    floor = mitigation.scheduled_error(S, 0.5, [3000.0], label_noise=0.2)[0]
    assert floor == pytest.approx(0.5 * 0.2 * 0.25 / 0.75, rel=1e-6)


def test_decayed_floor_solves_the_stationary_flow():
    eta, kappa, lam, w = 0.4, 0.1, S.eigenvalues, S.weights
    E = 2 * mitigation.decayed_floor(S, eta, kappa)
    r = lam / (lam + kappa)
    q = (lam * r + 0.5 * eta * lam * E) / (lam + kappa)
    assert np.sum(w * lam * (q - 2 * r + 1)) == pytest.approx(E, rel=1e-12)
    assert mitigation.decayed_floor(S, eta, 0.0) == 0.0


def finite_difference(J, inputs, zeta, v, activity, norm):
    """Minus the gradient of the batch's mean error by central differences, scaled as the kernel's step."""
    from scipy.special import erf

    def loss(J):
        x = J @ inputs.T / np.sqrt(J.shape[1])
        if norm:
            x = (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + training.NORM_TINY)
        g = x if activity == LINEAR else erf(x / np.sqrt(2))
        return 0.5 * np.mean((zeta - v * g.sum(axis=0)) ** 2)

    gradient = np.empty_like(J)
    for at in np.ndindex(*J.shape):
        step = np.zeros_like(J)
        step[at] = 1e-6
        gradient[at] = (loss(J - step) - loss(J + step)) / 2e-6
    return gradient


@pytest.mark.parametrize("activity", [ERF, LINEAR])
@pytest.mark.parametrize("norm", [False, True])
def test_update_is_the_gradient(activity, norm):
    rng = np.random.default_rng(0)
    K, N, batch = 2, 6, 5
    J, inputs, zeta = rng.standard_normal((K, N)), rng.standard_normal((batch, N)), rng.standard_normal(batch)
    expected = finite_difference(J, inputs, zeta, 0.7, activity, norm)
    after = J.copy()
    student = training.Student(after, np.zeros((K, N)), np.zeros((K, N)), 0.7, activity)
    scratch = training.Scratch(*np.empty((2, K, batch)), np.empty(K), np.empty(N))
    training.train(student, inputs, zeta, np.ones(1), training.Recipe(batch, 0.0, 0.0, 0.0, int(norm)), 0, scratch)
    np.testing.assert_allclose(after - J, expected, atol=1e-8)


def test_momentum_average_and_adaptive_step_by_hand():
    inputs, zeta = np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([1.0, -1.0])
    J, speed, square = np.zeros((1, 2)), np.zeros((1, 2)), np.zeros((1, 2))
    scratch = training.Scratch(*np.empty((2, 1, 1)), np.empty(1), np.empty(2))
    eta, memory, momentum = np.full(2, 0.1), 0.9, 0.5
    student, recipe = training.Student(J, speed, square, 1.0, LINEAR), training.Recipe(1, 0.0, momentum, memory, 0)
    training.train(student, inputs, zeta, eta, recipe, 0, scratch)
    by_hand, m, s = np.zeros(2), np.zeros(2), np.zeros(2)
    for n, (xi, answer) in enumerate(zip(inputs, zeta)):
        g = (answer - by_hand @ xi / np.sqrt(2)) * xi / np.sqrt(2)
        m, s = momentum * m + (1 - momentum) * g, memory * s + (1 - memory) * g**2
        by_hand = by_hand + 0.1 / np.sqrt(2) * m / (np.sqrt(s / (1 - memory ** (n + 1))) + 1e-8 / np.sqrt(2))
    np.testing.assert_allclose(J[0], by_hand, rtol=1e-12)


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: mitigation.whiten(S, 1.5), "power = 1.5"),
        (lambda: mitigation.exponent(1.0, 1.0), "power = 1.0"),
        (lambda: Recipe(momentum=1.0), "momentum = 1.0"),
        (lambda: Recipe(batch=1, batch_norm=True), "batch = 1"),
        (lambda: Recipe(estimated_from=40, rotated=True), "rotated = True.*False with estimated_from"),
        (lambda: Recipe(adaptive="no"), "adaptive = 'no'"),
        (lambda: Recipe(schedule=(1.0,)), "schedule = \\(1.0,\\).*a pair"),
        (
            lambda: mitigation.train(LINE, 32, 0.1, [1.0], Recipe(schedule=lambda a: 0.5 - a), seeds=1),
            "schedule\\(0.53125\\) = -0.03125",
        ),
        (lambda: mitigation.batch_norm_error(S, 1.0, [1.0], 8, np.zeros(16), np.zeros(16)), "such that"),
        (lambda: mitigation.batch_norm_error(S, 1.0, [1.0], 3, np.zeros(16), np.ones(16)), "batch = 3"),
        (lambda: mitigation.scheduled_error(S, 2.0, [1.0]), "eta = 2.0"),
        (lambda: mitigation.decayed_floor(S, 2.5, 0.0), "eta = 2.5"),
        (lambda: mitigation.train(LINE, 32, 0.1, [1.0], Recipe(power=1.0, estimated_from=8)), "estimated_from = 8"),
        (
            lambda: mitigation.train(LINE, 32, 0.1, [1.0], Recipe(batch=4, batch_norm=True), sigma_J=0.0),
            "sigma_J = 0.0",
        ),
        (lambda: mitigation.train(LINE, 33, 0.1, [1.0]), "N = 33"),
    ],
)
def test_bad_arguments_are_named(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize("error", [mitigation.adaptive_error, mitigation.scheduled_error])
def test_only_the_start(error):
    assert error(S, 0.1, [0.0]) == error(S, 0.1, [0.0, 1.0])[0] == pytest.approx(0.5)


def test_divergence_is_reported_with_its_recipe():
    with pytest.raises(lib.DivergenceError, match="estimated_from=40"):
        mitigation.train(LINE, 32, 3.0, [5.0, 50.0], Recipe(power=1.0, estimated_from=40), seeds=1)
