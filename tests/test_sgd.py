"""Direct SGD: against a second implementation step by step, and against theory over seeds."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from scipy.special import erf

import lib
from lib.kernels.sgd import INPUTS
from lib.maths.rng import fill_normals, stream_key, uniform


def numpy_sgd(model, N, eta, steps, sigma_J, seed, teacher):
    """The definition, written down with NumPy on the same random inputs; returns J and B."""
    J, B = model.initial_weights(sigma_J, N, seed, teacher)
    K, M = model.students, model.teachers
    root = np.sqrt(np.repeat(model.spectrum.eigenvalues, model.spectrum.multiplicities(N)))
    key, z = np.uint64(stream_key(seed, INPUTS)), np.empty(N)
    for step in range(steps):
        fill_normals(key, step * ((N + 1) // 2), z)
        xi = root * z
        x, y = J @ xi / np.sqrt(N), B @ xi / np.sqrt(N)
        if model.activation == "erf":
            g = lambda h: erf(h / np.sqrt(2))
            slope = np.sqrt(2 / np.pi) * np.exp(-x * x / 2)
        else:
            g, slope = lambda h: h, np.ones(K)
        error = g(y).sum() / np.sqrt(M) - np.sqrt(M) / K * g(x).sum()
        J = J + eta / np.sqrt(N) * np.sqrt(M) / K * slope[:, None] * error * xi
    return J, B, root


@pytest.mark.parametrize("activation", ["erf", "linear"])
@pytest.mark.parametrize("K, M, N", [(1, 1, 60), (2, 3, 45), (3, 2, 60)])
@pytest.mark.parametrize("teacher", ["orthonormal", "random"])
def test_steps_are_the_definition(activation, K, M, N, teacher):
    m = lib.StudentTeacher(lib.power_law(0.8, 15), K, M, activation)
    steps = 3 * N
    J, B, root = numpy_sgd(m, N, 0.7, steps, 0.4, 11, teacher)
    curve = lib.simulate(m, N, 0.7, [3.0], 0.4, seeds=[11], teacher=teacher)
    lam = root**2
    # some 180 steps, each with a few roundings of relative size 2e-16 that training damps
    np.testing.assert_allclose(curve.Q[0, 0], (J * lam) @ J.T / N, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(curve.R[0, 0], (J * lam) @ B.T / N, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(curve.T[0], (B * lam) @ B.T / N, rtol=1e-11, atol=1e-13)


def test_error_is_the_average_over_inputs():
    """eps_g from the overlaps against fresh inputs."""
    m = lib.StudentTeacher(lib.power_law(1.0, 4), 2, 2)
    N, n = 40, 200_000
    curve = lib.simulate(m, N, 0.5, [2.0], 0.5, seeds=[0])
    J, B, root = numpy_sgd(m, N, 0.5, 2 * N, 0.5, 0, "orthonormal")
    xi = np.random.default_rng(0).normal(size=(n, N)) * root / np.sqrt(N)
    g = lambda h: erf(h / np.sqrt(2)).sum(axis=1) / np.sqrt(2)
    square = (g(xi @ B.T) - g(xi @ J.T)) ** 2 / 2
    assert abs(square.mean() - curve.eps_g[0, 0]) < 4 * square.std() / np.sqrt(n)


def test_mean_over_seeds_is_the_finite_size_theory():
    """N = 2 L: far from the flow, where only the exact recursion fits (4 standard errors)."""
    s = lib.power_law(1.0, 32)
    m = lib.StudentTeacher(s, 1, 1, "linear")
    alpha = [0.25, 1.0, 4.0]
    curve = lib.simulate(m, 64, 1.0, alpha, 1.0, seeds=4000)
    error = curve.eps_g.std(axis=0) / np.sqrt(4000)
    exact = lib.linear.finite_size_error(s, 64, 1.0, alpha, 1.0)
    assert np.all(np.abs(curve.eps_g.mean(axis=0) - exact) < 4 * error)
    limit = lib.linear.generalization_error(s, 1.0, alpha, 1.0)
    assert np.any(np.abs(curve.eps_g.mean(axis=0) - limit) > 4 * error)  # the test can tell them apart


@pytest.mark.parametrize("K, M, activation", [(1, 1, "erf"), (2, 2, "erf"), (3, 2, "erf"), (2, 2, "linear")])
def test_simulation_scatters_about_the_flow(K, M, activation):
    """From large initial overlaps (no plateau to escape from), the mean over runs is the flow up to O(1/N).

    At N and 4N the difference of means must fall within 4 standard errors plus a 1/N bias, whose size is taken from
    the smaller N: bias(4N) <= |difference(N)|/4 + errors.
    """
    m = lib.StudentTeacher(lib.power_law(1.0, 4), K, M, activation)
    alpha = [1.0, 4.0]

    def gap(N, seeds):
        runs = lib.simulate(m, N, 0.6, alpha, 1.0, seeds=seeds, teacher="random").eps_g
        flow = np.array([lib.solve(m, m.initial_overlaps(1.0, N, s, "random"), 0.6, alpha).eps_g for s in seeds])
        difference = np.log(runs / flow)
        return difference.mean(axis=0), difference.std(axis=0) / np.sqrt(len(seeds))

    small, small_error = gap(100, range(24))
    large, large_error = gap(1600, range(24))
    assert np.all(np.abs(large) < np.abs(small) / 16 + 4 * (large_error + small_error / 16))
    assert np.all(large_error < 0.1)  # the fluctuations are O(1/sqrt N): the test has power


def test_result_depends_on_seeds_alone():
    """One thread or two, one call or several, a longer list of seeds: the same bits."""
    m = lib.StudentTeacher(lib.power_law(1.0, 4), 2, 2)
    together = lib.simulate(m, 40, 0.5, [1.0, 3.0], seeds=3).eps_g
    alone = np.concatenate([lib.simulate(m, 40, 0.5, [1.0, 3.0], seeds=[s]).eps_g for s in range(3)])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(together[:, 1:], lib.simulate(m, 40, 0.5, [3.0], seeds=3).eps_g)
    program = (
        "import lib; m = lib.StudentTeacher(lib.power_law(1.0, 4), 2, 2);"
        "print(lib.simulate(m, 40, 0.5, [1.0, 3.0], seeds=3).eps_g.tobytes().hex())"
    )
    one_core = subprocess.run(
        [sys.executable, "-c", "import os; os.cpu_count = lambda: 1\n" + program],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ,
    )
    assert one_core.stdout.strip() == together.tobytes().hex()


def test_real_inputs_follow_their_population():
    """A finite population drawn with replacement: the mean over seeds against its own exact recursion.

    Step by step the mean of the N x N error matrix maps linearly through the population's fourth moments; nothing here
    is Gaussian. Bounded inputs and a small rate keep the mean from resting on rare runs.
    """
    rng = np.random.default_rng(3)
    X = rng.uniform(size=(50, 4)) @ rng.normal(size=(4, 4))
    m = lib.StudentTeacher(lib.Spectrum.from_data(X), 1, 1, "linear")
    eta, steps, seeds = 0.4, 24, 6000
    curve = lib.simulate(m, eta=eta, alpha=[steps / 4], sigma_J=0.5, seeds=seeds, inputs=X)

    Z = X - X.mean(axis=0)
    lam, basis = np.linalg.eigh(Z.T @ Z / 50)
    Z = Z @ basis / np.sqrt(lam.mean())
    lam = lam / lam.mean()
    error = 1.25 * np.eye(4)  # mean of (J - B)(J - B)^T: teacher entries +-1, students of variance 1/4
    for _ in range(steps):
        projection = np.einsum("si,ij,sj->s", Z, error, Z)
        cross = Z.T @ (Z @ error) / 50
        error = error - eta / 4 * (cross + cross.T) + (eta / 4) ** 2 * (Z.T * projection) @ Z / 50
    expected = 0.5 * np.sum(lam * np.diag(error)) / 4
    assert abs(curve.eps_g.mean() - expected) < 4 * curve.eps_g.std() / np.sqrt(seeds)


def test_erf_on_real_inputs_is_the_definition():
    """Two student units on heavy-tailed rows, against NumPy on the same rows; eps_g is the mean over all of them."""
    X = np.random.default_rng(1).standard_t(3, (60, 5)) * [3, 2, 1, 1, 1]
    m = lib.StudentTeacher(lib.Spectrum.from_data(X), 2, 2)
    eta, steps = 0.6, 40
    curve = lib.simulate(m, eta=eta, alpha=[0.0, steps / 5], sigma_J=0.3, seeds=[4], teacher="random", inputs=X)

    Z, lam = lib.core.spectra.eigenbasis(X)
    J, B = m.initial_weights(0.3, 5, 4, "random")
    g = lambda h: erf(h / np.sqrt(2))
    output = lambda W: g(Z @ W.T / np.sqrt(5)).sum(axis=1) / np.sqrt(2)
    errors, key = [np.mean((output(B) - output(J)) ** 2) / 2], stream_key(4, INPUTS)
    for step in range(steps):
        xi = Z[int((1.0 - uniform(key, step)) * 60)]
        x, y = J @ xi / np.sqrt(5), B @ xi / np.sqrt(5)
        error = (g(y).sum() - g(x).sum()) / np.sqrt(2)
        J = J + eta / np.sqrt(10) * np.sqrt(2 / np.pi) * np.exp(-x * x / 2)[:, None] * error * xi
    errors.append(np.mean((output(B) - output(J)) ** 2) / 2)
    # 40 steps of a few roundings each
    np.testing.assert_allclose(curve.eps_g[0], errors, rtol=1e-12)
    np.testing.assert_allclose(curve.Q[0, 1], (J * lam) @ J.T / 5, rtol=1e-12)


def test_erf_on_gaussian_rows_is_the_function_of_the_overlaps():
    X = np.random.default_rng(2).normal(size=(40_000, 8))
    m = lib.StudentTeacher(lib.Spectrum.from_data(X), 2, 2)
    curve = lib.simulate(m, eta=0.3, alpha=[0.0, 5.0, 20.0], sigma_J=0.3, seeds=1, teacher="random", inputs=X)
    expected = lib.core.curve.field_error(m, curve.Q[0], curve.R[0], curve.T[0])
    # The square of the error varies by about twice its mean, over 40,000 rows: a standard error of 1 %; four of them.
    np.testing.assert_allclose(curve.eps_g[0], expected, rtol=0.04)


def test_divergence_is_reported():
    m = lib.StudentTeacher(lib.power_law(1.0, 4), 1, 1, "linear")
    with pytest.raises(lib.DivergenceError, match="critical learning rate") as caught:
        lib.simulate(m, 40, 3.0, [1.0, 500.0], seeds=2)
    assert caught.value.critical_eta == pytest.approx(lib.linear.critical_eta(m.spectrum, N=40))
    assert caught.value.alpha == 500.0


def test_divergence_on_real_data_names_the_rate_of_that_data():
    # Heavy tails lower the critical rate far below the Gaussian one, which would mislead.
    X = np.random.default_rng(0).standard_t(5, (4000, 8))
    m = lib.StudentTeacher(lib.Spectrum.from_data(X), 1, 1, "linear")
    with pytest.raises(lib.DivergenceError) as caught:
        lib.simulate(m, eta=3.0, alpha=[1.0, 500.0], seeds=1, inputs=X)
    expected = lib.linear.critical_eta(m.spectrum, fourth_moments=lib.linear.fourth_moments(X))
    assert caught.value.critical_eta == pytest.approx(expected)
    assert caught.value.critical_eta < lib.linear.critical_eta(m.spectrum, N=8)


def test_divergence_survives_the_way_back_from_a_worker_process():
    error = pickle.loads(pickle.dumps(lib.DivergenceError("too fast", 3.0, 2.0, 2.5)))
    assert (str(error), error.alpha, error.critical_eta, error.eta, error.model) == ("too fast", 3.0, 2.0, 2.5, None)


def model():
    return lib.StudentTeacher(lib.power_law(1.0, 4), 1, 1, "linear")


BAD = [
    (lambda: lib.simulate(model(), 41), "N"),
    (lambda: lib.simulate(model(), 40, eta=0.0), "eta"),
    (lambda: lib.simulate(model(), 40, alpha=[]), "alpha"),
    (lambda: lib.simulate(model(), 40, alpha=[2, 1]), "alpha"),
    (lambda: lib.simulate(model(), 40, sigma_J=-1), "sigma_J"),
    (lambda: lib.simulate(model(), 40, seeds=0), "seeds"),
    (lambda: lib.simulate(model(), 40, seeds=[]), "seeds"),
    (lambda: lib.simulate(model(), 40, seeds=[0.5]), "seed"),
    (lambda: lib.simulate(model(), 40, method="magic"), "method"),
    (lambda: lib.simulate(model(), 40, teacher="mine"), "teacher"),
    (lambda: lib.simulate(model(), inputs=np.random.rand(9, 4)), "inputs"),
    (lambda: lib.simulate(model(), 40, inputs=np.random.rand(9, 4)), "N"),
]


@pytest.mark.parametrize("call, argument", BAD)
def test_bad_input_is_named(call, argument):
    with pytest.raises(ValueError, match=rf"^{argument}"):
        call()
