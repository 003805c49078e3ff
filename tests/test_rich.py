"""Units whose output weights learn: what gradient flow conserves, exponents of rich and lazy learning, and depth."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import lib
from lib import networks


def grouped(beta, tau=0.0, last=1e5, per_decade=25):
    """Levels 1 to ``last`` of a power law in groups, with a source: their means of lambda, and of lambda t over lambda.

    A group is 1.1 wide in k: its exponentials are those of its mean to 0.1 %, alike along a power law.
    """
    edges = np.unique(np.rint(np.geomspace(1, last + 1, int(per_decade * np.log10(last)))))

    def total(power):  # sum of k^-power over each group; that of a wide one as an integral, good to 1e-6
        sums = [
            np.sum(np.arange(a, b) ** -power)
            if b - a < 200
            else ((b - 0.5) ** (1 - power) - (a - 0.5) ** (1 - power)) / (1 - power)
            for a, b in zip(edges, edges[1:])
        ]
        return np.array(sums)

    count = np.diff(edges)
    spectrum = lib.Spectrum(total(1 + beta) / count, count)
    strength = total(1 + beta + tau) / total(1 + beta)
    return spectrum, strength / np.sum(spectrum.weights * spectrum.eigenvalues * strength)


def slope(alpha, eps_g, clock, first, last):
    """Exponent of the error while the clock goes from first to last."""
    window = (clock >= first) & (clock <= last)
    assert window.sum() > 8
    return -np.polyfit(np.log(alpha[window]), np.log(eps_g[window]), 1)[0]


def chain(beta, tau, output, depth, last):
    """A deep unit at eta = 1 on grouped levels, and its clock in units of 1 / lambda_1."""
    spectrum, strength = grouped(beta, tau, last)
    alpha = np.geomspace(1e-6, 1e34, 2000)
    run = networks.deep_linear_unit(spectrum, 1.0, alpha, output, depth, strength=strength)
    return run, run.clock * spectrum.eigenvalues[0]


@pytest.mark.parametrize(
    "depth, output, ratio, levels, tau",
    [
        (2, 0.01, 1.0, 16, 0.0),
        (2, 1.0, 3.0, 16, 0.5),
        (3, 0.1, 2.0, 16, 0.0),
        (5, 0.3, 0.5, 8, -0.2),
        (2, 0.5, 0, 8, 0),
    ],
)
def test_the_deep_unit_is_its_gradient_flow(depth, output, ratio, levels, tau):
    """The flow in alpha, with every layer's weight a variable, by SciPy's Radau method."""
    s, eta = lib.power_law(1.0, levels), 0.1
    t = lib.source(s, tau)

    def velocity(_, z):
        a, v = z[:levels], z[levels:]
        V = np.prod(v)
        force = np.sum(s.weights * s.eigenvalues * t * a * (1 - V * a))
        return np.append(s.eigenvalues * V * (1 - V * a), ratio * V / v * force)

    alpha = np.geomspace(1e-3, 10 * output ** (-2 * depth + 2), 25)
    start = np.append(np.zeros(levels), np.full(depth - 1, output))
    end = solve_ivp(velocity, (0, eta * alpha[-1]), start, "Radau", eta * alpha, rtol=1e-11, atol=1e-14).y
    v = end[levels:]
    eps = 0.5 * (s.weights * s.eigenvalues * t) @ (1 - np.prod(v, axis=0) * end[:levels]) ** 2
    run = networks.deep_linear_unit(s, eta, np.append(0.0, alpha), output, depth, ratio * eta, t)
    # a third-order remainder of steps of 4 %; in its exponential end the error multiplies that of its time
    np.testing.assert_allclose(run.output[1:], v[0], rtol=2e-6)
    lasts = eps > 1e-10
    np.testing.assert_allclose(run.eps_g[1:][lasts], eps[lasts], rtol=1e-4)
    # no level has moved by more than 1e-7 where the steps begin
    assert run.eps_g[0] == pytest.approx(0.5, rel=1e-6) and run.output[0] == pytest.approx(output, rel=1e-12)
    assert run.clock[0] == 0


def test_a_deep_unit_of_one_layer_is_lazy():
    s, alpha = lib.power_law(0.5, 32), np.geomspace(0.01, 1e4, 20)
    one = networks.deep_linear_unit(s, 0.3, alpha, 0.2, depth=1)
    np.testing.assert_allclose(one.eps_g, lib.linear.small_eta_error(s, 0.3, alpha), rtol=1e-5, atol=1e-20)
    fixed = networks.deep_linear_unit(s, 0.3, alpha / 0.04, 0.2, upper_eta=0.0)
    np.testing.assert_allclose(fixed.eps_g, one.eps_g, rtol=1e-5, atol=1e-20)
    np.testing.assert_array_equal(fixed.output, 0.2)


@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_gradient_flow_conserves_the_imbalance(activation):
    """Two units, two teachers, and inputs of heavy tails: it is conserved unit by unit, and not under noise."""
    s = lib.power_law(1.0, 8)
    network = networks.Network(s, (2,), 2, activation, 2.0, output=0.1, strength=lib.source(s, 0.5))
    start = network.start.initial_overlaps(0.3, 64, seed=1)
    eta, upper_eta, alpha = 0.1, 0.3, np.geomspace(1.0, 3e3, 15)
    run = networks.flow(network, eta, alpha, upper_eta=upper_eta, overlaps=start, noise=False, rtol=1e-10)
    assert np.ptp(run.upper[:, 0]) > 0.5 and run.eps_g[-1] < 0.1 * run.eps_g[0]
    assert np.ptp(run.upper[:, 0] - run.upper[:, 1]) > 1e-3
    conserved = networks.imbalance(run, eta, upper_eta)
    first = 0.1**2 / upper_eta - s.weights @ np.diagonal(start.q, axis1=1, axis2=2) / eta
    # of |J|^2 / eta, some 10 here, a step may err by 1e-9 / 10; relative to it
    np.testing.assert_allclose(conserved, np.tile(first, (15, 1)), atol=1e-8 * np.max(run.norm / eta))
    noisy = networks.flow(network, eta, alpha[:7], upper_eta=upper_eta, overlaps=start, rtol=1e-5)
    assert np.all(np.diff(networks.imbalance(noisy, eta, upper_eta), axis=0) < -1e-4)
    wrong = run.upper**2 / upper_eta - np.diagonal(run.Q, axis1=1, axis2=2) / eta  # with lambda_k in the sum
    assert np.all(np.ptp(wrong, axis=0) > 0.1)


@pytest.mark.parametrize("activation, tau", [("linear", 0.5), ("relu", 0.0)])
def test_noise_is_what_vanishes_at_small_rates(activation, tau):
    """Without noise only eta alpha counts; with it the flow differs by the first order in eta."""
    s = lib.power_law(1.0, 8)
    network = networks.Network(s, (1,), 1, activation, output=0.2, strength=lib.source(s, tau))
    time = np.geomspace(0.1, 30.0, 6)
    still = [networks.flow(network, eta, time / eta, 0.01, eta, noise=False).eps_g for eta in (1.0, 0.01)]
    np.testing.assert_allclose(*still, rtol=1e-5)
    gaps = [networks.flow(network, eta, time / eta, 0.01, eta).eps_g - still[0] for eta in (0.02, 0.01)]
    assert np.all(gaps[1] > 0)
    np.testing.assert_allclose(gaps[0] / gaps[1], 2.0, rtol=0.1)


def test_the_flow_without_noise_of_a_linear_unit_is_the_deep_unit():
    s = lib.power_law(1.0, 16)
    t, alpha = lib.source(s, 0.5), np.geomspace(0.1, 3e3, 20)
    network = networks.Network(s, (1,), 1, "linear", output=0.05, strength=t)
    run = networks.flow(network, 0.2, alpha, 0.0, 0.1, noise=False, rtol=1e-9)
    deep = networks.deep_linear_unit(s, 0.2, alpha, 0.05, upper_eta=0.1, strength=t)
    np.testing.assert_allclose(deep.eps_g, run.eps_g, rtol=1e-5, atol=1e-7)  # a difference of numbers of order 1
    np.testing.assert_allclose(deep.output, run.upper[:, 0], rtol=2e-6)


@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_sgd_on_weights_follows_the_flow_of_a_rich_unit(activation):
    s, N, eta, seeds = lib.power_law(1.0, 8), 2000, 0.1, 6
    alpha = np.array([2.0, 6.0, 20.0, 60.0])
    network = networks.Network(s, (1,), 1, activation, output=0.2, strength=lib.source(s, 0.5))
    runs = networks.train(network, N, eta, alpha, 0.1, seeds, upper_eta=eta)
    flows = [
        networks.flow(
            network, eta, alpha, upper_eta=eta, rtol=1e-6, overlaps=network.start.initial_overlaps(0.1, N, seed)
        )
        for seed in range(seeds)
    ]
    for ours, theirs in ((runs.eps_g, [f.eps_g for f in flows]), (runs.upper[..., 0], [f.upper[:, 0] for f in flows])):
        ratio = np.log(ours / np.array(theirs))
        error = ratio.std(axis=0, ddof=1) / np.sqrt(seeds)
        # t with 5 degrees of freedom exceeds 6 with probability 0.002; terms of order eta lambda_1 / N, and quadrature
        assert np.all(np.abs(ratio.mean(axis=0)) < 6 * error + 0.02) and np.all(error < 0.05)
    lazy = networks.flow(network, eta, alpha, 0.1).eps_g
    assert lazy[-1] > 3 * runs.eps_g[:, -1].mean()  # the effect that is tested
    np.testing.assert_allclose(runs.norm[:, -1, 0], np.sum(runs.J**2, axis=2)[:, 0] / N)


@pytest.mark.parametrize("beta, tau", [(1.0, 0.0), (0.5, 0.0), (1.0, 0.5)])
def test_a_linear_unit_gains_on_hard_tasks(beta, tau):
    """v^4 follows a sum of strengths, clock^(1-s) up to a constant: for s = 0.75 that is a share of 0.06 to 0.01 in
    this window, which bends the slope by (1 - s)/2 of it, 0.007 at most.
    """
    s = (beta + tau) / (1 + beta)
    run, clock = chain(beta, tau, 1e-4, 2, 1e11)
    rich = slope(run.alpha, run.eps_g, clock, 1e5, 1e8)
    assert rich == pytest.approx(networks.rich_exponent(s), abs=0.01)
    assert rich > s + 0.08
    # lazy: the same task with the weight fixed
    spectrum, strength = grouped(beta, tau, 1e11)
    alpha = np.geomspace(1e5, 1e8, 20) / spectrum.eigenvalues[0]
    lazy = networks.deep_linear_unit(spectrum, 1.0, alpha, 1.0, upper_eta=0.0, strength=strength)
    assert slope(alpha, lazy.eps_g, alpha, 0, 1e99) == pytest.approx(s, abs=0.01)


@pytest.mark.parametrize("beta, tau", [(1.0, 2.0), (0.5, 1.5)])
def test_an_easy_task_gains_nothing(beta, tau):
    run, clock = chain(beta, tau, 1e-4, 2, 1e6)
    s = (beta + tau) / (1 + beta)
    late = slope(run.alpha, run.eps_g, clock, 1e5, 1e7)
    assert s > 1 and late == pytest.approx(s, abs=0.02) and networks.rich_exponent(s) == s
    assert slope(run.alpha, run.eps_g, clock, 1e1, 1e3) > s + 0.1  # while the weight grows, it seems to


@pytest.mark.parametrize("beta, depth, output", [(1.0, 3, 1e-3), (0.5, 3, 1e-3), (1.0, 5, 1e-2), (0.5, 5, 1e-2)])
def test_depth_gains_more(beta, depth, output):
    """Once the weights have grown by decades: lambda_1 times the clock is 1e7 to 1e11."""
    run, clock = chain(beta, 0.0, output, depth, 1e16)
    s = beta / (1 + beta)
    assert slope(run.alpha, run.eps_g, clock, 1e7, 1e11) == pytest.approx(networks.rich_exponent(s, depth), abs=0.005)


@pytest.mark.parametrize("beta, first, last", [(1.0, 1e5, 1e6), (0.5, 1e4, 1e6)])
def test_a_relu_unit_gains_as_the_linear_one(beta, first, last):
    """Half of the examples move it: the clock is the integral of eta v^2 / 2."""
    spectrum, _ = grouped(beta, last=1e7 if beta < 1 else 1e5)
    alpha = np.geomspace(first, last, 12) / spectrum.eigenvalues[0]
    settings = dict(sigma_J=1e-3, rtol=1e-9, noise=False)
    network = networks.Network(spectrum, (1,), 1, "relu", output=0.01)
    run = networks.flow(network, 1.0, alpha, upper_eta=1.0, **settings)
    s = beta / (1 + beta)
    assert slope(alpha, run.eps_g, alpha, 0, np.inf) == pytest.approx(2 * s / (1 + s), abs=0.02)
    lazy = networks.flow(network, 1.0, 100 * alpha, **settings)
    assert slope(alpha, lazy.eps_g, alpha, 0, np.inf) == pytest.approx(s, abs=0.02)
    np.testing.assert_allclose(networks.imbalance(run, 1.0, 1.0), 1e-4 - 1e-6, atol=1e-8 * run.norm.max())


def test_an_erf_unit_gains_nothing():
    """Its teacher's amplitude is soon found: v ends at 1, and from then on the exponent is that of a fixed weight."""
    spectrum, _ = grouped(1.0, last=1e4)
    alpha = np.geomspace(1e4, 1e5, 12) / spectrum.eigenvalues[0]
    network = networks.Network(spectrum, (1,), 1, "erf", output=0.3)
    run = networks.flow(network, 1.0, alpha, 0.0, upper_eta=30.0, noise=False, rtol=1e-8)
    np.testing.assert_allclose(run.upper[:, 0], 1.0, atol=0.03)
    assert slope(alpha, run.eps_g, alpha, 0, np.inf) == pytest.approx(0.5, abs=0.04)


def test_exponents():
    for s in (0.2, 0.5, 0.9):
        assert networks.rich_exponent(s) == pytest.approx(2 * s / (1 + s), rel=1e-15)
        assert networks.rich_exponent(s, 1) == s
        assert networks.rich_exponent(s, 10**6) == pytest.approx(1.0, abs=1e-5)
    assert networks.rich_exponent(1.0, 3) == 1.0 and networks.rich_exponent(1.5, 7) == 1.5


S = lib.power_law(1.0, 4)


@pytest.mark.parametrize(
    "call, words",
    [
        (
            lambda: networks.Network(S, output=0.0),
            r"^output = 0\.0: must be a number > 0: from 0 .* nothing ever moves",
        ),
        (lambda: networks.Network(S, output=-1.0), r"^output = -1\.0: "),
        (lambda: networks.Network(S, strength=[1.0]), "^strength"),
        (lambda: networks.deep_linear_unit(S, 0.1, [1.0], 0.0), r"^output = 0\.0: .* nothing ever moves"),
        (lambda: networks.deep_linear_unit(S, 0.1, [1.0], 1e-30, 5), r"^output = 1e-30: .*depth = 5"),
        (lambda: networks.deep_linear_unit(S, 0.1, [1.0], 1.0, 0), "^depth = 0: "),
        (lambda: networks.deep_linear_unit(S, 0.0, [1.0], 1.0), r"^eta = 0\.0: "),
        (lambda: networks.deep_linear_unit(S, 0.1, [1.0], 1.0, upper_eta=-1.0), r"^upper_eta = -1\.0: "),
        (lambda: networks.deep_linear_unit(S, 0.1, [1.0], 1.0, strength=[1.0]), "^strength"),
        (lambda: networks.deep_linear_unit(S, 0.1, [2.0, 1.0], 1.0), "^alpha"),
        (lambda: networks.rich_exponent(0.0), r"^s = 0\.0: "),
        (lambda: networks.rich_exponent(0.5, 0), "^depth = 0: "),
        (lambda: networks.flow(networks.Network(S), 0.1, [1.0], noise="no"), "^noise = 'no'"),
        (lambda: networks.imbalance(1, 0.1, 0.1), "^training = 1"),
        (lambda: networks.imbalance(networks.flow(networks.Network(S), 0.1, [1.0]), 0.1, 0.1), "activation = 'erf'"),
    ],
)
def test_bad_calls(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_networks_are_equal_by_their_values():
    one, other = (networks.Network(S, (1,), 1, "linear", strength=[2.0, 1.0, 1.0, 1.0]) for _ in range(2))
    assert one == other and one != networks.Network(S, (1,), 1, "linear") and one != 1
    assert networks.Network(S, (1,), 1, "linear", output=0.5) != networks.Network(S, (1,), 1, "linear")
    assert hash(one) == hash(other)
