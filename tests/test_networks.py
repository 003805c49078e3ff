"""Deeper and other networks: against the two-layer code, finite differences, sampling, and each other."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

import lib
from lib import networks
from lib.kernels import networks as kernels


def test_one_hidden_layer_of_erf_is_the_simulator_of_the_book():
    s = lib.power_law(1.0, 4)
    mine = networks.train(networks.Network(s, (3,), 2), 60, 0.7, [1.0, 3.0], 0.4, seeds=2)
    other = lib.simulate(lib.StudentTeacher(s, 3, 2), 60, 0.7, [1.0, 3.0], 0.4, seeds=2)
    # the same random numbers: rounding of some 180 steps only
    np.testing.assert_allclose(mine.Q, other.Q, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(mine.eps_g, other.eps_g, rtol=1e-10)


@pytest.mark.parametrize("activation", ["erf", "linear", "square"])
def test_flow_without_learned_outputs_is_solve(activation):
    s = lib.power_law(1.0, 4)
    network = networks.Network(s, (3,), 2, activation)
    model = lib.StudentTeacher(s, 3, 2, activation)
    alpha, eta = [1.0, 5.0, 20.0], 0.1 if activation == "square" else 0.5
    mine = networks.flow(network, eta, alpha, 0.3)
    other = lib.solve(model, model.initial_overlaps(0.3), eta, alpha)
    np.testing.assert_allclose(mine.eps_g, other.eps_g, rtol=1e-5)  # 1e-7 and 1e-8 a step, some hundred steps


@pytest.mark.parametrize("activation", ["erf", "relu", "tanh", "linear", "square"])
@pytest.mark.parametrize("widths", [(3,), (3, 2), (2, 3, 2)])
def test_gradients_are_finite_differences(activation, widths):
    rng = np.random.default_rng(1)
    shape, act = np.array(widths, float), networks.ACTIVATIONS[activation]
    upper = rng.normal(size=networks.Network(lib.power_law(1, 2), widths).initial_upper().size)
    h, g, slope, back = np.zeros((4, len(widths), max(widths)))
    x = rng.normal(size=widths[0])

    def output(fields, weights):
        h[0, : widths[0]] = fields
        return kernels.forward(shape, weights, act, h, g, slope)

    output(x, upper)
    moved = upper.copy()
    kernels.backward(shape, moved, 1.0, g, slope, back)
    first, above, step = back[0, : widths[0]].copy(), moved - upper, 1e-6
    for i in range(len(x)):
        d = step * np.eye(len(x))[i]
        assert abs((output(x + d, upper) - output(x - d, upper)) / (2 * step) - first[i]) < 1e-7
    for i in range(upper.size):
        d = step * np.eye(upper.size)[i]
        assert abs((output(x, upper + d) - output(x, upper - d)) / (2 * step) - above[i]) < 1e-7


@pytest.mark.parametrize("activation", ["erf", "relu", "tanh", "square"])
@pytest.mark.slow("averages over many samples, 10 s")
def test_coefficients_are_averages_over_samples(activation):
    """Drift by Stein's lemma and noise against 400,000 draws of the fields, 4.5 standard errors."""
    rng = np.random.default_rng(0)
    K, act = 2, networks.ACTIVATIONS[activation]
    A = rng.normal(size=(4, 4))
    C = A @ A.T / 4 + 0.1 * np.eye(4)
    w = np.array([-0.7, -1.1, 0.7, 0.7])
    u = rng.multivariate_normal(np.zeros(4), C, size=400_000)
    values = [kernels.unit(x, act) for x in u.ravel()]
    g, slope = (np.reshape(part, u.shape) for part in zip(*values))
    delta = (g - np.diag(C) if activation == "square" else g) @ w
    delta_i = -w[:K] * slope[:, :K] * delta[:, None]
    D, G, dv, one = np.empty((K, 4)), np.empty((K, K)), np.empty(K), np.ones(1)
    points = networks._points(4, networks.NOISE_POINTS)
    scratch = kernels.Scratch(*np.empty((3, 4, 4)), np.empty((2, 4)), np.empty(K))
    out = kernels.Coefficients(D, G, dv)
    kernels.coefficients(C, w, act, kernels.Mixture(one, one), points, True, scratch, out)
    # what 2048 points are good for
    noise_error = 0.0 if activation in ("erf", "square") else 0.02 * abs(G).max()
    drift_error = 0.005 * abs(D @ C).max() if activation == "tanh" else 0.0
    for i in range(K):
        for a in range(4):
            x = delta_i[:, i] * u[:, a]
            assert abs(x.mean() - D[i] @ C[:, a]) < 4.5 * x.std() / np.sqrt(len(x)) + drift_error
        x = g[:, i] * delta
        assert abs(x.mean() - dv[i]) < 4.5 * x.std() / np.sqrt(len(x)) + drift_error
        for j in range(K):
            x = delta_i[:, i] * delta_i[:, j]
            assert abs(x.mean() - G[i, j]) < 4.5 * x.std() / np.sqrt(len(x)) + noise_error
    if activation != "tanh":
        assert abs(kernels.pair_error(C, w, act) - np.mean(delta**2) / 2) < 4.5 * np.std(delta**2) / 2 / np.sqrt(len(u))


@pytest.mark.parametrize(
    "activation, tail, upper_eta",
    [("relu", 1.0, 0.5), ("tanh", 1.0, 0.5), ("erf", 2.0, 0.5), ("linear", 3.0, 0.0), ("square", 1.0, 0.1)],
)
def test_sgd_follows_the_flow(activation, tail, upper_eta):
    s, alpha = lib.power_law(1.0, 4), np.array([1.0, 4.0])
    network = networks.Network(s, (2,), 2, activation, tail)
    eta = 0.1 if activation == "square" else 0.3  # critical for two squares: 1/4
    runs = networks.train(network, 1024, eta, alpha, 0.5, 6, upper_eta)
    flows = np.array(
        [
            networks.flow(
                network,
                eta,
                alpha,
                upper_eta=upper_eta,
                rtol=1e-5,
                overlaps=network.start.initial_overlaps(0.5, 1024, seed),
            ).eps_g
            for seed in range(6)
        ]
    )
    ratio = np.log(runs.eps_g / flows)
    error = ratio.std(axis=0, ddof=1) / np.sqrt(6)
    # t with 5 degrees of freedom exceeds 6 with probability 0.002; 2 % for tail eta lambda_1 / N and the quadrature
    assert np.all(np.abs(ratio.mean(axis=0)) < 6 * error + 0.02)


def test_training_goes_on_where_it_ended():
    """In two parts the weights are those of one run; what is not kept is as it was at the start."""
    network = networks.Network(lib.power_law(1.0, 4), (3, 3), 2, "relu")
    settings = dict(N=16, eta=0.2, sigma_J=0.5, seeds=2, upper_eta=0.1)
    whole = networks.train(network, alpha=[1.0, 3.0, 4.5], **settings)
    first = networks.train(network, alpha=[3.0], **settings)
    np.testing.assert_array_equal(networks.train(network, alpha=[1.5], after=first, **settings).J, whole.J)
    begin = np.stack([network.start.initial_weights(0.5, 16, seed)[0] for seed in range(2)])
    for keep in (0, 1, 4):
        again = networks.train(network, alpha=[0.0], after=first, keep=keep, **settings)
        np.testing.assert_array_equal(again.J[:, :, : 4 * keep], first.J[:, :, : 4 * keep])
        np.testing.assert_array_equal(again.J[:, :, 4 * keep :], begin[:, :, 4 * keep :])
        np.testing.assert_array_equal(again.upper[:, -1], first.upper[:, -1])
    with pytest.raises(ValueError, match="after"):
        networks.train(network, alpha=[1.0], after=first, **{**settings, "seeds": 3})


@pytest.mark.parametrize("tail", [1.0, 1.5, 3.0])
def test_heavy_tails_of_a_linear_network_are_a_rescaling(tail):
    s, alpha = lib.power_law(1.0, 8), np.array([0.5, 3.0, 10.0])
    flow = networks.flow(networks.Network(s, (1,), 1, "linear", tail), 0.4, alpha, 0.0)
    np.testing.assert_allclose(flow.eps_g, lib.linear.generalization_error(s, 0.4 * tail, alpha / tail), rtol=1e-5)


def test_late_stage():
    # eta_c of erf for unscaled outputs, M = 1..4, as in test_asymptotics.py
    golden = [4.0557786760, 2.3068276961, 1.6206745061, 1.2493927807]
    np.testing.assert_allclose([networks.critical_eta("erf", M) / M for M in range(1, 5)], golden, rtol=1e-9)
    assert networks.critical_eta("linear", 1) == networks.critical_eta("relu", 1) == 2.0
    for M in (1, 2, 5):
        model = lib.StudentTeacher(lib.power_law(1.0, 4), M, M, "square")
        assert networks.critical_eta("square", M) == pytest.approx(lib.quadratic.critical_eta(model), rel=1e-12)
    # ReLU displaced by e at right angles to all teachers: the flow against the mode sum, to O(eta lambda_1) and O(e)
    s, eta, e = lib.power_law(1.0, 8), 0.02, 0.02
    network = networks.Network(s, (2,), 2, "relu")
    o = network.start.initial_overlaps(0.0)
    o.r[:], o.q[:] = np.eye(2), np.eye(2) * (1 + e**2)
    alpha = np.array([1.0, 30.0, 300.0])
    flow = networks.flow(network, eta, alpha, overlaps=o, rtol=1e-6).eps_g
    np.testing.assert_allclose(flow, networks.late_error(s, "relu", 2, eta, alpha, e**2), rtol=0.1)


def test_sampled_error_is_the_closed_one():
    s = lib.power_law(1.0, 4)
    m = lib.StudentTeacher(s, 2, 2)
    Q, R, T = m.initial_overlaps(0.5, 64).totals(s)
    network = networks.Network(s, (2,), 2, "relu", 2.0)
    upper = network.initial_upper()
    C, F = np.block([[Q, R], [R.T, T]]), np.empty((4, 4))
    kernels.factor(C, 2, F)
    points, mixture = networks._points(4, networks.ERROR_POINTS), kernels.Mixture(*networks.scale_mixture(2.0))
    sampled = kernels.sampled_error(F, points, networks._networks(network, upper), mixture, networks._layers(network))
    assert abs(sampled / networks.error(network, Q, R, T, upper) - 1) < 0.01  # 8192 points


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"widths": ()}, "widths"),
        ({"widths": (2, 0)}, r"widths\[1\]"),
        ({"teachers": 0}, "teachers"),
        ({"activation": "sine"}, "activation"),
        ({"tail": 0.5}, "tail"),
    ],
)
def test_bad_networks(arguments, words):
    with pytest.raises(ValueError, match=words):
        networks.Network(lib.power_law(1.0, 2), **arguments)


SMALL = dict(N=8, eta=0.2, alpha=[1.0], seeds=2)


@pytest.mark.parametrize(
    "after, changes, words",
    [
        (dict(widths=(4, 3)), {}, r"^after\.network = "),  # these shapes would be read beyond their ends
        (dict(widths=(4,)), {}, r"^after\.network = "),
        (dict(teachers=1), {}, r"^after\.network = "),
        (dict(activation="tanh"), {}, r"^after\.network = "),
        (dict(spectrum=lib.power_law(2.0, 2)), {}, r"^after\.network = "),
        ({}, dict(N=16), r"^after\.J.*\(2, 4, 8\).*2 seeds.*N = 16"),
        ({}, dict(seeds=3), r"^after\.J has shape"),
    ],
)
def test_training_goes_on_with_the_same_network_only(after, changes, words):
    network = networks.Network(lib.power_law(1.0, 2), (4, 64))
    first = networks.train(replace(network, **after), **SMALL)
    with pytest.raises(ValueError, match=words):
        networks.train(network, **{**SMALL, **changes}, after=first)


def test_training_goes_on_with_an_equal_spectrum():
    first, again = (networks.Network(lib.power_law(1.0, 2), (4,)) for _ in range(2))
    networks.train(again, **SMALL, after=networks.train(first, **SMALL))


def test_arrays_of_another_model():
    s = lib.power_law(1.0, 2)
    network = networks.Network(s, (3,), 2)
    Q, R, T = network.start.initial_overlaps(0.1).totals(s)
    with pytest.raises(ValueError, match=r"^R\b.*\(2, 3\).*\(3, 2\)"):
        networks.error(network, Q, R.T, T, network.initial_upper())
    with pytest.raises(ValueError, match=r"^upper\b.*\(2,\).*\(3,\)"):
        networks.error(network, Q, R, T, np.ones(2))
    for other in (lib.StudentTeacher(s, 2, 2), lib.StudentTeacher(lib.power_law(1.0, 3), 3, 2)):
        with pytest.raises(ValueError, match=r"^overlaps\.r has shape"):
            networks.flow(network, 0.1, [1.0], overlaps=other.initial_overlaps(0.1))


def test_only_the_start_of_a_flow():
    network = networks.Network(lib.power_law(1.0, 2), (3,), 2)
    alone = networks.flow(network, 0.1, [0.0])
    np.testing.assert_array_equal(alone.eps_g, networks.flow(network, 0.1, [0.0, 1.0]).eps_g[:1])


def test_a_flow_that_diverges_before_the_first_time():
    with pytest.raises(lib.DivergenceError, match="^eta = 5 is too large; the flow diverged by alpha") as caught:
        networks.flow(networks.Network(lib.power_law(1.0, 4), (1,), 1, "linear"), 5.0, [1e3])
    assert 0.0 < caught.value.alpha < 1e3


@pytest.mark.parametrize("tail", [1.0, 1.0 + 1e-12, 1.001, 1.0058, 1.5, 2.0, 3.0, 10.0])
def test_contrasts_have_the_moments_of_a_gamma_distribution(tail):
    scales, shares = networks.scale_mixture(tail)
    assert np.all(shares > 0) and np.all(scales > 0)
    for order in range(12):
        exact = np.prod([1.0 + i * (tail - 1.0) for i in range(order)])
        assert shares @ scales**order == pytest.approx(exact, rel=1e-10)


def test_bad_calls():
    s = lib.power_law(1.0, 2)
    with pytest.raises(ValueError, match="^keep = 1.*after"):
        networks.train(networks.Network(s), 8, 0.1, [1.0], keep=1)
    with pytest.raises(ValueError, match="^N = 8.5: "):
        networks.train(networks.Network(s), 8.5, 0.1, [1.0])
    with pytest.raises(ValueError, match="widths"):
        networks.flow(networks.Network(s, (2, 2)), 0.1, [1.0])
    with pytest.raises(ValueError, match="eta"):
        networks.train(networks.Network(s), 8, 0.0, [1.0])
    with pytest.raises(lib.DivergenceError):
        networks.train(networks.Network(s, (1,), 1, "linear", 3.0), 64, 2.0, [50.0], seeds=1)


@pytest.mark.parametrize("students, teachers, eps", [(3, 2, 6.4226e-5), (4, 3, 4.0968e-5), (5, 2, 1.7295e-5)])
def test_a_spare_unit_leaves_the_floor_of_the_free_minimum(students, teachers, eps):
    """The three parameters against a minimum over all K M overlaps, and over directions outside the teachers' span."""
    found, R = networks.symmetric_floor(students, teachers)
    assert found == pytest.approx(eps, rel=1e-4)
    network = networks.Network(lib.power_law(1.0, 1), (students,), teachers)

    def height(J):  # teachers are the first M axes of a space of M + 1
        J = J.reshape(students, teachers + 1)
        return networks.error(network, J @ J.T, J[:, :teachers], np.eye(teachers), network.initial_upper())

    rng = np.random.default_rng(students)
    begin = np.hstack([R, np.zeros((students, 1))]).ravel()
    for _ in range(2):  # moved aside it comes back, and no lower; 1e-9: what gradients by differences leave
        back = minimize(height, begin + 0.02 * rng.normal(size=begin.size), method="BFGS", options={"gtol": 1e-9})
        assert back.fun == pytest.approx(found, abs=2e-9)
    anywhere = min(
        minimize(height, 0.7 * rng.normal(size=begin.size), method="BFGS", options={"gtol": 1e-9}).fun for _ in range(4)
    )
    assert anywhere > found - 1e-9


def test_students_in_equal_shares_have_no_floor_and_one_student_has_the_plateau_s():
    for students, teachers in ((4, 2), (3, 1), (3, 3)):
        assert networks.symmetric_floor(students, teachers)[0] < 1e-12
    for M in (2, 3):
        height, R = networks.symmetric_floor(1, M)
        assert height == pytest.approx(1 / 6 - M / np.pi * np.arcsin(1 / (2 * M)), rel=1e-9)
        np.testing.assert_allclose(R, 1 / np.sqrt(M * (2 * M - 1)), rtol=1e-4)
    with pytest.raises(ValueError, match="^students = 5.*multiple of teachers = 3"):
        networks.symmetric_floor(5, 3)


@pytest.mark.parametrize("teachers, beta, levels", [(1, 1.0, 1), (2, 1.0, 1), (1, 0.5, 16)])
def test_soft_pairs_follow_their_law(teachers, beta, levels):
    """The flow of 2 M students; neglected are terms of relative order delta^2 and of order eta."""
    s, eta, start = lib.power_law(beta, levels), 0.005, 2e-3
    model = lib.StudentTeacher(s, 2 * teachers, teachers)
    pair = np.arange(2 * teachers) // 2
    mean = np.where(pair[:, None] == np.arange(teachers), 1.0, 0.0)
    o = model.initial_overlaps(0.0)
    o.r[:] = mean
    o.q[:] = mean @ mean.T + start * np.where(pair[:, None] == pair, 2 * np.eye(2 * teachers) - 1, 0)
    alpha = np.geomspace(1e5, 1e7, 3)  # the means of the slowest levels have answered: they need some 1e4
    curve = lib.solve(model, o, eta, alpha, blocks=False)
    eps, delta2 = networks.soft_law(s, teachers, eta, alpha, start)
    measured = (curve.Q[:, 0, 0] - curve.Q[:, 0, 1]) / 2
    np.testing.assert_allclose(measured, delta2, rtol=0.01)
    np.testing.assert_allclose(curve.eps_g, eps, rtol=0.02)
    np.testing.assert_allclose((curve.R[:, 0, 0] - 1) / measured, 0.5, rtol=0.05)
