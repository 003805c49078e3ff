"""Random features: the equivalent on a contour against recursions, plain sums, draws of W, SGD, and the phases."""

import numpy as np
import pytest

import lib
from lib import random_features
from lib.kernels import random_features as kernels

# (alpha, beta) of Paquette et al. (2024), here (2 alpha - 1, 2 beta); phase; exponents of d* and risk
TABLE = [
    ((0.75, 0.25), "Ia", 0.4, 0.4),
    ((1.0, 0.3), "Ia", 1 / 3, 1.6 / 3),
    ((1.0, 0.7), "II", 0.7 / 1.7, 2.4 / 3.4),
    ((1.25, 0.8), "II", 0.8 / 2.05, 3.1 / 4.1),
    ((0.75, 1.1), "III", 0.5, 2 / 3),
    ((1.0, 1.4), "III", 0.5, 0.75),
    ((0.4, 0.35), "Ib", 0.5, 0.25),
    ((0.2, 0.45), "Ib", 0.5, 0.15),
    ((0.45, 0.8), "IVa", 0.5, 0.45),
    ((0.27, 0.9), "IVb", 0.35 / 0.58, 0.54 * 0.317098),
    ((0.2, 0.7), "Ic", 5 / 9, 2 / 9),
]


def translated(alpha, beta):
    """Their exponents in our letters."""
    return 2 * alpha - 1, 2 * beta


def all_ranks(beta, tau, features, inputs, gamma, small_step=False):
    """The model with every rank for itself."""
    rank = np.arange(1.0, inputs + 1)
    model = kernels.Model(*np.empty((3, inputs)), float(features), gamma, float(small_step))
    kernels.rank_sums(beta, tau, rank, np.ones(inputs), model)
    return model


def draw(features, inputs, seed):
    return np.random.default_rng(seed).standard_normal((inputs, features)) / np.sqrt(features)


def trace(beta, inputs):
    return np.sum(np.arange(1.0, inputs + 1) ** -(1 + beta))


def test_gauss_rules_sum_every_block_exactly_up_to_degree_eleven():
    """To rounding: a rule of n nodes for the sum over whole numbers is exact for polynomials of degree 2n - 1."""
    for beta, inputs in [(1.0, n) for n in (1, 2, 3, 7, 8, 11, 100, 5000)] + [(0.0, 5000), (3.0, 5000), (40.0, 500)]:
        rank = np.empty(kernels.count_nodes(beta, float(inputs)))
        count = np.empty_like(rank)
        kernels.rank_nodes(beta, float(inputs), rank, count)
        assert rank.min() == pytest.approx(1.0) and rank.max() <= inputs + 1e-9
        for power in range(12):
            plain = np.sum(np.arange(1.0, inputs + 1) ** power)
            # a sum of positive terms; a power multiplies the rounding of its base
            assert np.sum(count * rank**power) == pytest.approx(plain, rel=1e-14 * (1 + power))


def test_sums_over_a_number_of_ranks_that_is_not_whole_are_polynomials_in_it():
    for inputs in (10.5, 64.001, 300.25):
        rank = np.empty(kernels.count_nodes(1.0, inputs))
        count = np.empty_like(rank)
        kernels.rank_nodes(1.0, inputs, rank, count)
        assert count.sum() == pytest.approx(inputs, rel=1e-14)
        assert np.sum(count * rank) == pytest.approx(inputs * (inputs + 1) / 2, rel=1e-14)


def test_sizes_hardly_cost_anything():
    """Each factor of 1000 in the number of inputs takes ten blocks more, of six nodes."""
    assert kernels.count_nodes(1.0, 1e11) < kernels.count_nodes(1.0, 1e8) + 61 < kernels.count_nodes(1.0, 1e5) + 122


@pytest.mark.parametrize("beta", [-0.7, 0.0, 1.0, 3.0])
@pytest.mark.parametrize("tau", [-0.5, 1.0, 4.0])
@pytest.mark.parametrize("small_step", [False, True])
def test_nodes_in_place_of_ranks_change_less_than_a_millionth(beta, tau, small_step):
    """What the interface promises, over all sizes of time, at 30 features and 20,000 inputs and at as many of both."""
    steps = np.unique(np.geomspace(1, 1e12, 25).round())
    for features, inputs in ((30, 20_000), (2000, 2000)):
        gamma = 0.6 * random_features.critical_gamma(beta, features, inputs, small_step)
        plain = sum(random_features._training(all_ranks(beta, tau, features, inputs, gamma, small_step), steps))
        risk = random_features.risk(beta, tau, features, inputs, gamma, steps, small_step)
        np.testing.assert_allclose(risk, plain, rtol=1e-6)


@pytest.mark.parametrize(("beta", "tau"), [(-0.5, 1.0), (0.5, 0.0), (1.0, 4.0)])
def test_the_contours_invert_a_recursion_of_finite_steps(beta, tau):
    """Of infinitely many features the eigenvalues are lambda_j, and the mean is a recursion of as many numbers.

    The circle's error is 2^-40 and the contour's 2e-11, both of the integrand, which is at most 1000 times the error
    (at the last step, 1e4 gamma lambda_1 > 1000) but where the last direction is learned and the error is 1e-12.
    """
    steps = np.array([0, 1, 2, 5, 7, 8, 9, 20, 100, 1000, 10_000.0])
    model = all_ranks(beta, tau, 1e300, 200, 0.45 / trace(beta, 200))
    expected = np.empty_like(steps)
    kernels.mean_of_steps(model.eigenvalue, model.target.copy(), 0.0, model.gamma, steps, expected)
    np.testing.assert_allclose(sum(random_features._training(model, steps)), expected, rtol=2e-8, atol=4e-11)
    alone = (model.target * (1 - 2 * model.gamma * model.eigenvalue * (1 - model.gamma * model.eigenvalue)) ** 5).sum()
    assert random_features._training(model, np.array([5.0]))[0][0] == pytest.approx(alone, rel=2e-8)


def test_the_contour_inverts_the_flow_of_infinitesimal_steps():
    """The same in continuous time: a linear system, symmetric in the variables rho_j / (gamma lambda_j)."""
    steps = np.array([0, 1, 2, 5, 20, 100, 1000, 10_000.0])
    model = all_ranks(0.5, 1.2, 1e300, 200, 0.8 / trace(0.5, 200), small_step=True)
    rate = model.gamma * model.eigenvalue
    values, vectors = np.linalg.eigh(np.outer(rate, rate) - np.diag(2 * rate))
    modes = (rate @ vectors) * (vectors.T @ (model.target / rate))
    np.testing.assert_allclose(
        sum(random_features._training(model, steps)), np.exp(np.outer(steps, values)) @ modes, rtol=2e-8
    )


def test_values_of_the_deterministic_equivalent():
    """alpha = 1, beta = 0.7 in the letters of Paquette et al., without bins, computed before and elsewhere: to the
    digits that were kept."""
    beta, tau = translated(1.0, 0.7)
    risk = random_features.risk(beta, tau, 100, 1000, 0.6083, [10, 1e2, 1e3, 1e4, 1e5], small_step=True)
    np.testing.assert_allclose(risk, [0.06985, 0.00790, 0.00212, 0.00124, 0.00117], atol=5e-6)


@pytest.mark.parametrize(
    ("beta", "tau", "features", "inputs", "rate"),
    [(1.0, 1.4, 100, 1000, 0.5), (0.5, 0.0, 64, 256, 0.3), (-0.3, 1.5, 64, 256, 0.3), (1.0, 3.0, 100, 1000, 0.5)],
)
def test_risk_is_the_mean_over_draws_of_the_features(beta, tau, features, inputs, rate):
    """20 draws, each with its exact mean: within three standard errors, and 1/features for the equivalent itself."""
    gamma, steps = rate / trace(beta, inputs), [1, 3, 10, 30, 100, 1000, 10_000]
    draws = [random_features.exact(beta, tau, draw(features, inputs, seed), gamma, steps) for seed in range(20)]
    risk = random_features.risk(beta, tau, features, inputs, gamma, steps)
    error = np.std(draws, axis=0, ddof=1) / np.sqrt(20)
    assert np.all(np.abs(np.mean(draws, axis=0) - risk) < 3 * error + risk / features)
    assert np.all(error < 0.15 * risk)  # so that there was something to be found


@pytest.mark.parametrize(("beta", "tau", "gamma"), [(1.0, 1.4, 0.1217), (0.5, 0.5, 0.0785), (-0.3, 1.5, 0.03)])
def test_sgd_on_the_weights_has_the_exact_mean(beta, tau, gamma):
    """40 runs of 100 features of 1000 inputs: four standard errors of the mean; at the start exactly."""
    W, steps = draw(100, 1000, 0), [0, 1, 10, 100, 300]
    runs = random_features.simulate(beta, tau, W, gamma, steps, seeds=40)
    mean = random_features.exact(beta, tau, W, gamma, steps)
    assert runs.shape == (40, 5)
    np.testing.assert_allclose(runs[:, 0], mean[0], rtol=1e-12)
    assert np.all(np.abs(runs.mean(axis=0) - mean)[1:] < 4 * (runs.std(axis=0, ddof=1) / np.sqrt(40))[1:])


def test_sgd_agrees_with_runs_and_means_made_elsewhere():
    """Rows of an earlier computation, W of seed 0: exact means to the digits kept, and one per cent for another order
    of the same random numbers in W."""
    for (alpha, beta), gamma, after_300, after_3000 in (
        ((1.0, 0.7), 0.1217, 0.00456, 0.00127),
        ((0.75, 0.25), 0.0785, 0.1039, 0.0472),
    ):
        mean = random_features.exact(*translated(alpha, beta), draw(100, 1000, 0), gamma, [300, 3000])
        np.testing.assert_allclose(mean, [after_300, after_3000], rtol=0.01)


def test_a_small_step_is_the_limit_of_finite_ones():
    """At fixed gamma steps: the noise is proportional to gamma, and the two forms differ by one power more."""
    noise, differences = [], []
    for gamma in (1e-2, 1e-3, 1e-4):
        arguments = (0.8, 1.2, 50, 400, gamma, [100 / gamma])
        noise.append(random_features.components(*arguments).noise[0])
        small = random_features.risk(*arguments, small_step=True)[0]
        differences.append(abs(random_features.risk(*arguments)[0] / small - 1))
    ratios = np.array(noise[:-1]) / noise[1:]
    np.testing.assert_allclose(ratios, 10, rtol=0.1)  # up to a relative gamma tr K / 2
    assert differences[0] < 1e-3 and differences[1] < differences[0] / 50 and differences[2] < 1e-7


def test_large_steps_are_noisier_than_small_ones():
    """The factors of ``risk``'s text, for beta = 1, at the end of training."""
    for rate, low, high in ((0.1, 0.001, 0.004), (0.5, 0.09, 0.13)):
        arguments = (1.0, 1.4, 100, 1000, rate / trace(1.0, 1000), [1e6])
        excess = random_features.risk(*arguments)[0] / random_features.risk(*arguments, small_step=True)[0] - 1
        assert low < excess < high
    assert random_features.critical_gamma(1.0, 100, 1000) < 1 / trace(1.0, 1000)


def test_kappa_at_zero_is_that_of_regression():
    """Features act as examples: ``lib.regression.effective_ridge`` at alpha = features/inputs, in units of mean 1."""
    for beta, features, inputs in ((0.4, 30, 1000), (1.0, 100, 1000), (2.0, 5, 64)):
        model = random_features._model(beta, 0.0, features, inputs, False)
        unit = trace(beta, inputs) / inputs
        kappa = lib.regression.effective_ridge(lib.power_law(beta, inputs), features / inputs)[0] * unit
        # to the accuracy of the nodes
        assert kernels.floor_ridge(model, float(inputs)) == pytest.approx(kappa, rel=1e-7)
        lam = np.arange(1.0, inputs + 1) ** -(1 + beta)
        parts = random_features.components(beta, 0.7, features, inputs, 0.1, [1])
        floor = np.sum(lam * np.arange(1.0, inputs + 1) ** -0.7 * kappa / (lam + kappa))
        assert parts.floor == pytest.approx(floor, rel=1e-7)


def test_components_are_positive_and_add_up_anywhere():
    """At random exponents, sizes up to 10^6 features, steps and times up to 10^14; to the contour's accuracy, 2e-8."""
    rng = np.random.default_rng(1)
    for _ in range(150):
        beta, tau = rng.uniform(-0.9, 4), rng.uniform(-1, 8)
        features = int(10 ** rng.uniform(np.log10(4), 6))
        inputs, small = int(features * 10 ** rng.uniform(0, 3)), bool(rng.integers(2))
        gamma = random_features.critical_gamma(beta, features, inputs, small) * 10 ** rng.uniform(-2, -0.01)
        steps = np.unique(np.concatenate([np.arange(12.0), np.geomspace(1, 1e14, 30).round()]))
        arguments = beta, tau, features, inputs, gamma, steps, small
        risk, parts = random_features.risk(*arguments), random_features.components(*arguments)
        whole = parts.floor + parts.signal + parts.distortion + parts.noise
        np.testing.assert_allclose(whole, risk, rtol=2e-8, err_msg=str(arguments))
        assert np.all(parts.noise >= -2e-8 * risk) and parts.noise[0] == 0.0
        learned = risk - parts.noise
        assert np.all(np.diff(learned) <= 2e-8 * risk[1:]), arguments


def test_as_many_features_as_inputs_leave_no_floor():
    """Eigenvalues of a square matrix begin at 0, with a density like mu^(-1/2): the error falls like steps^(-1/2)."""
    assert random_features.components(1.0, 0.5, 64, 64, 0.3, [1]).floor == 0.0
    late = random_features.risk(1.0, 0.5, 64, 64, 0.3, [10**11, 10**15])
    assert late[0] / late[1] == pytest.approx(100, rel=1e-3)


@pytest.mark.parametrize(("beta", "features", "inputs"), [(-0.5, 20, 50), (1.0, 4, 40), (2.0, 40, 40)])
def test_at_the_critical_step_the_mean_neither_grows_nor_decays(beta, features, inputs):
    """Of given features: the matrix of a step, symmetric in rho_i / (gamma mu_i), has the largest eigenvalue 1."""
    W = draw(features, inputs, 3)
    with pytest.raises(lib.DivergenceError) as raised:
        random_features.exact(beta, 1.0, W, 1e3, [1])
    gamma = raised.value.critical_eta
    root = np.arange(1.0, inputs + 1) ** (-0.5 * (1 + beta))
    rate = gamma * np.linalg.svd(root[:, None] * W, compute_uv=False) ** 2
    step = np.diag(1 - 2 * rate * (1 - rate)) + np.outer(rate, rate)
    # a derivative of the eigenvalue, of order 1, times the rounding of gamma
    assert np.linalg.eigvalsh(step)[-1] == pytest.approx(1.0, abs=1e-12)


def test_the_critical_step_of_the_equivalent_is_where_its_error_diverges():
    """Below it the late error is the floor over 1 - n, and n, linear in gamma there, reaches 1 at it."""
    critical = random_features.critical_gamma(0.5, 50, 500)
    floor = random_features.components(0.5, 1.0, 50, 500, 0.1, [1]).floor
    near = [floor / random_features.risk(0.5, 1.0, 50, 500, critical * (1 - x), [1e12])[0] for x in (1e-3, 5e-4)]
    assert near[0] / near[1] == pytest.approx(2.0, rel=5e-3)  # x up to a relative x
    with pytest.raises(lib.DivergenceError, match="critical step"):
        random_features.risk(0.5, 1.0, 50, 500, critical, [1])
    assert random_features.critical_gamma(0.5, 50, 500, small_step=True) == pytest.approx(2 / trace(0.5, 500))


def test_exponents_and_phases_are_those_of_the_table():
    for (alpha, beta), name, features, risk in TABLE:
        at = translated(alpha, beta)
        assert random_features.phase(*at) == name
        found = random_features.exponents(*at)
        if name == "IVb":
            product = 2 * alpha * beta + alpha - 2 * beta
            features = (alpha - beta) / product
            risk = -(1 - 2 * alpha) * (2 * alpha + 2 * beta - 1) / (2 * product)
        assert (found.features, found.risk) == pytest.approx((features, risk), rel=1e-12)


def test_exponents_are_continuous_across_every_boundary():
    """Two terms meet on each side, and the third on the boundary itself: a jump would be a wrong formula.

    The number of features jumps where beta changes sign, and so does the step's dependence on it, but not the error."""
    root = 1 - np.sqrt(2)
    for boundary in [(1.0, 1.0), (1.0, 2.0), (0.5, 1.5), (-0.2, 1.0), (root, 2.0), (-0.5, 2.0), (-0.7, 1.0)]:
        beta, tau = boundary
        for step in [(1e-9, 0.0), (0.0, 1e-9)]:
            before = random_features.exponents(beta - step[0], tau - step[1])
            after = random_features.exponents(beta + step[0], tau + step[1])
            if beta != root:
                assert after.features == pytest.approx(before.features, abs=1e-7)
            assert after.risk == pytest.approx(before.risk, abs=1e-7)


@pytest.mark.parametrize("row", TABLE[:7], ids=lambda row: f"{row[1]}, {row[0]}")
def test_measured_frontiers_have_the_exponents_of_their_phase(row):
    """Budgets 10^5 to 10^11 with small steps, gamma sum lambda = 1: within 0.015 of the law, 0.02 for Ib, where the
    floor's corrections are features^-(1-tau), 5 % at the largest size."""
    (alpha, beta), name, features, risk = row
    compute = np.geomspace(1e5, 1e11, 13)
    best = random_features.frontier(*translated(alpha, beta), compute, rate=1.0, small_step=True)
    tolerance = 0.02 if name == "Ib" else 0.015
    assert np.polyfit(np.log(compute), np.log(best.features), 1)[0] == pytest.approx(features, abs=tolerance)
    assert np.polyfit(np.log(compute), np.log(best.risk), 1)[0] == pytest.approx(-risk, abs=tolerance)


@pytest.mark.parametrize(
    ("row", "tolerance"), [(TABLE[8], 0.005), (TABLE[9], 0.03), (TABLE[10], 0.005)], ids=["IVa", "IVb", "Ic"]
)
def test_far_frontiers_reach_the_exponents_of_spectra_without_a_sum(row, tolerance):
    """Finite steps, budgets 10^19 to 10^22. In IVb the noise's sum over ranks converges like (features/rank)^-0.08,
    and its slope with it: at 10^90 it is within 0.001 of the law, here within 0.03."""
    (alpha, beta), _, features, _ = row
    compute = np.geomspace(1e19, 1e22, 4)
    best = random_features.frontier(*translated(alpha, beta), compute)
    assert np.polyfit(np.log(compute), np.log(best.features), 1)[0] == pytest.approx(features, abs=tolerance)
    slope = random_features.exponents(*translated(alpha, beta)).risk
    assert np.polyfit(np.log(compute), np.log(best.risk), 1)[0] == pytest.approx(-slope, abs=tolerance)


def test_a_frontier_is_the_best_of_all_sizes():
    """Against every whole number of features; to the relative 1e-4 in size to which it is searched."""
    compute, beta, tau = 3000.0, 0.7, 1.3
    best = random_features.frontier(beta, tau, compute)
    sizes = np.arange(8, 200)
    errors = []
    for size in sizes:
        gamma, steps = 0.5 / trace(beta, 10 * size), np.array([compute / size])
        model = random_features._model(beta, tau, size, 10 * size, False)._replace(gamma=gamma)
        errors.append(sum(random_features._training(model, steps))[0])
    assert best.features[0] == sizes[np.argmin(errors)]
    assert best.risk[0] == pytest.approx(min(errors), rel=1e-12)
    assert best.steps[0] == compute / best.features[0]


def test_a_small_window_does_not_see_phase_three():
    """Sizes up to 1000 and budgets 10^5 to 10^7: the best size grows by 0.2 to 0.3 where the law says 0.5, and where
    the same budgets give 0.5 if no size is missing."""
    compute, at = np.geomspace(1e5, 1e7, 13), translated(1.0, 1.4)
    small = random_features.frontier(*at, compute, largest=1000)
    free = random_features.frontier(*at, compute)
    assert small.features[-1] == 1000 < free.features[-1]
    slopes = [np.polyfit(np.log(compute), np.log(best.features), 1)[0] for best in (small, free)]
    assert 0.2 < slopes[0] < 0.3
    assert slopes[1] == pytest.approx(random_features.exponents(*at).features, abs=0.015)


GOOD = {"beta": 1.0, "tau": 1.4, "features": 10, "inputs": 100, "gamma": 0.2, "steps": [0, 1, 5]}


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"beta": -1.0}, "beta = -1.0"),
        ({"beta": np.nan}, "beta = nan"),
        ({"beta": 300.0}, "beta = 300.0"),
        ({"tau": np.inf}, "tau = inf"),
        ({"tau": -1000.0}, "tau = -1000.0"),
        ({"features": 101}, "features = 101"),
        ({"features": 3}, "features = 3"),
        ({"features": 4.5}, "features = 4.5"),
        ({"inputs": 2}, "inputs = 2"),
        ({"gamma": 0.0}, "gamma = 0.0"),
        ({"gamma": np.nan}, "gamma = nan"),
        ({"steps": [1, 1]}, "increasing"),
        ({"steps": [-1]}, "steps"),
        ({"steps": [0.5]}, "steps"),
        ({"steps": [1, np.inf]}, "steps"),
    ],
)
def test_bad_input_is_refused_by_name(bad, says):
    for function in (random_features.risk, random_features.components):
        with pytest.raises(ValueError, match=says.replace(".", r"\.")):
            function(**GOOD | bad)


def test_steps_beyond_stability_are_refused_with_the_critical_one():
    critical = random_features.critical_gamma(1.0, 10, 100)
    for function in (random_features.risk, random_features.components):
        with pytest.raises(lib.DivergenceError, match=f"{critical:.6g}"):
            function(**GOOD | {"gamma": critical})
    with pytest.raises(lib.DivergenceError, match="critical step"):
        random_features.frontier(3.0, 1.0, 1e4, rate=0.9)


def test_bad_input_of_the_other_functions():
    W = np.ones((4, 2))
    for call, says in [
        (lambda: random_features.phase(-1.0, 2.0), "beta = -1.0"),
        (lambda: random_features.phase(1.0, -1.0), "tau = -1.0"),
        (lambda: random_features.exponents(0.5, np.nan), "tau = nan"),
        (lambda: random_features.frontier(1.0, 1.0, 10.0), "compute"),
        (lambda: random_features.frontier(1.0, 1.0, [1e4, 1e3]), "increasing"),
        (lambda: random_features.frontier(1.0, 1.0, 1e4, ratio=0.5), "ratio = 0.5"),
        (lambda: random_features.frontier(1.0, 1.0, 1e4, rate=0.0), "rate = 0.0"),
        (lambda: random_features.critical_gamma(-2.0, 4, 8), "beta = -2.0"),
        (lambda: random_features.exact(1.0, 1.0, W.T, 0.1, [1]), "W has shape"),
        (lambda: random_features.simulate(1.0, 1.0, W, 0.0, [1]), "gamma = 0.0"),
        (lambda: random_features.simulate(1.0, 1.0, W, 0.1, [1], seeds=0), "seeds = 0"),
    ]:
        with pytest.raises(ValueError, match=says.replace(".", r"\.")):
            call()
