"""Exact reduced SGD against direct SGD, the exact mean of the linear network, and its own invariants.

All seeds are fixed, so a test passes or fails for good. The comparisons of laws are Kolmogorov-Smirnov tests,
whose levels are shared out (Bonferroni) so that correct code fails this module for a bad choice of the seeds
with probability below ALARM. Two samples of RUNS resolve a shift of the distribution function by
2.4 sqrt(2 / RUNS) = 0.08; ``test_a_wrong_length_is_noticed`` shows what that means for the chain.
"""

import numpy as np
import pytest
from scipy import stats

import lib
from lib.core import sgd
from lib.kernels import reduced
from lib.maths.rng import normals_to_chi, stream_key

ALARM = 1e-3
RUNS = 2000
DIRECT, REDUCED = range(RUNS), range(RUNS, 2 * RUNS)


def mixed():
    """Blocks of 3, 6 and 51 directions of 60: for K, M <= 2 the last alone is reduced."""
    return lib.Spectrum([4.0, 1.0, 0.5], weights=[0.05, 0.1, 0.85])


# name: spectrum, students, teachers, activation, N, eta, alpha, teacher
CASES = {
    "isotropic erf": (lib.power_law(1.0, 1), 2, 2, "erf", 60, 2.0, (1.0, 10.0), "random"),
    "K > M": (lib.power_law(1.0, 2), 3, 2, "erf", 120, 1.0, (1.0, 10.0), "orthonormal"),
    "K < M, mixed": (mixed(), 1, 2, "erf", 60, 1.0, (1.0, 10.0), "random"),
    "linear, mixed": (mixed(), 2, 1, "linear", 60, 0.7, (1.0, 4.0), "random"),
    "all blocks kept": (lib.power_law(0.5, 12), 2, 2, "erf", 12, 0.5, (1.0, 10.0), "random"),
}


def runs(case, method, seeds):
    spectrum, K, M, activation, N, eta, alpha, teacher = CASES[case]
    model = lib.StudentTeacher(spectrum, K, M, activation)
    return lib.simulate(model, N, eta, alpha, 0.5, seeds, teacher, method)


def quantities(curve):
    """Samples (runs,) to compare: eps_g, an overlap with the teacher, two among the students."""
    for time in range(curve.alpha.size):
        for sample in (curve.eps_g, curve.R[..., 0, 0], curve.Q[..., 0, 0], curve.Q[..., 0, -1]):
            yield sample[:, time]


COMPARISONS = len(CASES) * 8
LEVEL = ALARM / 2 / COMPARISONS


@pytest.mark.parametrize("case", CASES)
@pytest.mark.slow("statistics of many runs, 16 s")
def test_same_law_as_direct(case):
    direct, chain = runs(case, "direct", DIRECT), runs(case, "reduced", REDUCED)
    for x, y in zip(quantities(direct), quantities(chain)):
        assert stats.ks_2samp(x, y).pvalue > LEVEL


def test_a_wrong_length_is_noticed(monkeypatch):
    """The same comparison at the same level rejects lengths with 5 % too few degrees of freedom."""

    class Wrong(sgd._Reduced):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            reduced.parts(self.state).dof[:] *= 0.95

    monkeypatch.setattr(sgd, "_Reduced", Wrong)
    pairs = zip(
        quantities(runs("isotropic erf", "direct", DIRECT)), quantities(runs("isotropic erf", "reduced", REDUCED))
    )
    assert min(stats.ks_2samp(x, y).pvalue for x, y in pairs) < LEVEL


@pytest.mark.parametrize(
    "spectrum, N, eta",
    [
        (lib.power_law(1.0, 1), 40, 1.0),
        (lib.power_law(0.5, 4), 80, 0.8),
        (lib.power_law(0.5, 16), 16, 0.5),
        (mixed(), 60, 0.7),
    ],
)
@pytest.mark.slow("statistics of many runs, 16 s")
def test_mean_of_the_linear_network(spectrum, N, eta):
    alpha = (0.0, 0.5, 2.0, 6.0)
    model = lib.StudentTeacher(spectrum, 1, 1, "linear")
    curve = lib.simulate(model, N, eta, alpha, 0.5, 4 * RUNS, "random", "reduced")
    exact = lib.linear.finite_size_error(spectrum, N, eta, alpha, 0.5)
    error = curve.eps_g.std(axis=0, ddof=1) / np.sqrt(4 * RUNS)
    # 16 means in all: the normal law's share of ALARM beyond this many standard errors
    assert np.all(np.abs(curve.eps_g.mean(axis=0) - exact) < stats.norm.isf(ALARM / 8 / 16 / 2) * error)


@pytest.mark.parametrize("tau", [-0.5, 3.0])
def test_mean_of_the_linear_network_with_a_source(tau):
    """The exact mean at this N, of reduced blocks and of weights that are kept."""
    s = lib.Spectrum([4.0, 1.0, 0.5], weights=[0.05, 0.1, 0.85])
    model = lib.StudentTeacher(s, 1, 1, "linear", lib.source(s, tau))
    curve = lib.simulate(model, 60, 0.5, [0.5, 3.0], 0.3, 1000, "random", "reduced")
    exact = lib.linear.finite_size_error(s, 60, 0.5, curve.alpha, 0.3, strength=model.strength)
    error = curve.eps_g.std(axis=0, ddof=1) / np.sqrt(1000)
    assert np.all(error < 0.1 * exact)
    assert np.all(np.abs(curve.eps_g.mean(axis=0) - exact) < 4 * error)  # four means in all


@pytest.mark.parametrize("teacher", ["orthonormal", "random"])
def test_starts_from_the_weights_of_direct(teacher):
    model = lib.StudentTeacher(mixed(), 2, 2)
    direct = lib.simulate(model, 60, 0.1, 0.0, 0.5, 5, teacher)
    chain = lib.simulate(model, 60, 0.1, 0.0, 0.5, 5, teacher, "reduced")
    # N products of numbers of order 1, each with a rounding or two
    for name in ("Q", "R", "T", "eps_g"):
        np.testing.assert_allclose(getattr(chain, name), getattr(direct, name), rtol=0, atol=60 * 2 * 2.2e-16)


@pytest.mark.parametrize("teacher", ["orthonormal", "random"])
@pytest.mark.parametrize("strength", [None, [3.0, 0.0, 0.5]])
def test_law_of_the_start_beyond_memory(teacher, strength, monkeypatch):
    """The start without weights has the law of the start from weights."""
    model = lib.StudentTeacher(mixed(), 2, 2, strength=strength)
    arguments = (model, 60, 0.1, 0.0, 0.5)
    drawn = lib.simulate(*arguments, DIRECT, teacher, "reduced")
    monkeypatch.setattr(sgd, "MAX_N_WITH_WEIGHTS", 0)
    by_law = lib.simulate(*arguments, REDUCED, teacher, "reduced")
    entries = [("Q", 0, 0), ("Q", 1, 1), ("Q", 0, 1), ("R", 0, 0), ("R", 1, 1), ("R", 1, 0)]
    entries += [("T", 0, 0), ("T", 1, 1), ("T", 0, 1)] if teacher == "random" else []
    for name, a, b in entries:
        x, y = (getattr(curve, name)[..., a, b].ravel() for curve in (drawn, by_law))
        assert stats.ks_2samp(x, y).pvalue > ALARM / 8 / len(entries)
    if teacher == "orthonormal":
        expected = np.sum(model.spectrum.weights * model.spectrum.eigenvalues * model.strengths) * np.eye(2)
        np.testing.assert_allclose(by_law.T, np.broadcast_to(expected, (RUNS, 2, 2)), rtol=0, atol=1e-14)


def test_a_billion_inputs_cost_what_a_thousand_do():
    small, large = (reduced.reduced_size(np.array([N]), 2, 2) for N in (1e3, 1e9))
    assert small == large < 10_000
    model = lib.StudentTeacher(lib.power_law(1.0, 1))
    curve = lib.simulate(model, 10**9, 0.5, [0.0, 2e-4], 0.5, 2, method="reduced")
    flow = lib.solve(model, model.initial_overlaps(0.5), 0.5, [0.0, 2e-4])
    # overlaps scatter by 1/sqrt(N) about their limit, at the start and by 2e5 steps
    for name in ("Q", "R"):
        assert np.abs(getattr(curve, name) - getattr(flow, name)).max() < 10 / np.sqrt(1e9)
    moved = curve.R[:, 1] - curve.R[:, 0]
    expected = flow.R[1] - flow.R[0]
    # a step adds eta v g' delta y / N to R, with a standard deviation below 0.5 / N: six of the sum's are a tenth of
    # its mean
    assert np.abs(moved - expected).max() < 6 * 0.5 * np.sqrt(2e5) / 1e9 < np.abs(expected).max() / 10


@pytest.mark.parametrize("sigma_J", [0.0, 1e-9, 1.0])
def test_overlaps_stay_positive_semidefinite(sigma_J):
    spectrum = lib.power_law(1.0, 3)
    model = lib.StudentTeacher(spectrum, 4, 2)
    curve = lib.simulate(model, 300, 0.5, [0.0, 0.01, 1.0, 10.0, 100.0], sigma_J, 4, "random", "reduced")
    for Q, R, T in zip(curve.Q, curve.R, curve.T):
        for i in range(curve.alpha.size):
            C = np.block([[Q[i], R[i]], [R[i].T, T]])
            # a Gram matrix, its entries sums of fewer than 30 products
            assert np.linalg.eigvalsh(C).min() > -30 * 2.2e-16 * np.trace(C)


def test_students_that_begin_alike_stay_alike():
    model = lib.StudentTeacher(lib.power_law(1.0, 2), 3, 2)
    curve = lib.simulate(model, 200, 0.5, [1.0, 50.0], 0.0, 3, method="reduced")
    assert np.ptp(curve.Q, axis=(2, 3)).max() == 0 and np.ptp(curve.R, axis=2).max() == 0
    assert curve.Q.min() > 0


def test_a_seed_is_a_run_whatever_else_runs(monkeypatch):
    model = lib.StudentTeacher(mixed(), 2, 2)
    arguments = dict(eta=0.5, sigma_J=0.5, method="reduced")
    whole = lib.simulate(model, 60, alpha=[1.0, 3.3, 50.0], seeds=4, **arguments)
    monkeypatch.setattr(sgd.os, "cpu_count", lambda: 1)
    monkeypatch.setattr(sgd, "SLICE", 20_000)  # some ten steps
    pieces = lib.simulate(model, 60, alpha=[0.2, 1.0, 2.0, 3.3, 40.0, 50.0], seeds=[3, 1], **arguments)
    for name in ("eps_g", "Q", "R"):
        np.testing.assert_array_equal(getattr(pieces, name)[:, [1, 3, 5]], getattr(whole, name)[[3, 1]])


def test_blocks_are_reduced_where_that_is_cheaper():
    for K in (1, 2, 4, 8):
        for M in (1, 2, 4, 8):
            coordinates = np.array([reduced.block_coordinates(n, K, M) for n in range(1, 500)])
            own = np.flatnonzero(coordinates == np.arange(1, 500)).size
            assert own >= K + M  # one coordinate for the rest of the input, at least one direction behind it
            assert np.all(coordinates[:own] == np.arange(1, own + 1))
            assert np.all(coordinates[own:] == K + M + 1)
            costs = [reduced.step_cost(own, 0, K, M), reduced.step_cost(K + M + 1, 1, K, M)]
            assert costs[0] <= costs[1] < reduced.step_cost(own + 1, 0, K, M)


def test_wide_spectrum():
    spectrum = lib.Spectrum(np.geomspace(1e6, 1e-30, 8))
    model = lib.StudentTeacher(spectrum, 2, 2)
    curve = lib.simulate(model, 800, 0.1, [1.0, 20.0], 0.5, 2, method="reduced")
    assert np.all(np.isfinite(curve.Q)) and np.all(curve.eps_g[:, 1] < curve.eps_g[:, 0])


@pytest.mark.parametrize(
    "change, words",
    [
        (dict(method="exact"), "method = 'exact'.*'direct', 'reduced'"),
        (dict(N=7), "N = 7"),
        (dict(N=1), "N = 1.*levels, 2"),
        (dict(N=2), "teacher"),
        (dict(eta=0.0), "eta = 0.0"),
        (dict(sigma_J=-1.0), "sigma_J = -1.0"),
        (dict(alpha=[2.0, 1.0]), "strictly increasing"),
        (dict(seeds=[]), "seeds"),
        (dict(seeds=[-1]), "seeds = -1"),
        (dict(teacher="none"), "teacher = 'none'"),
        (dict(inputs=np.eye(4), N=None), "method = 'reduced'"),
    ],
)
def test_bad_input(change, words):
    arguments = dict(N=40, eta=0.1, alpha=[1.0], sigma_J=0.1, seeds=2, method="reduced") | change
    with pytest.raises(ValueError, match=words):
        lib.simulate(lib.StudentTeacher(lib.power_law(1.0, 2)), **arguments)


def test_divergence():
    model = lib.StudentTeacher(lib.power_law(1.0, 1), 1, 1, "linear")
    with pytest.raises(lib.DivergenceError, match="eta = 4.*diverged by alpha"):
        lib.simulate(model, 100, 4.0, [1.0, 200.0], seeds=2, method="reduced")


@pytest.mark.parametrize("dof", [1, 2, 3, 7, 40, 1000, 10**9])
def test_chi_variables(dof):
    """2e5 draws resolve a shift of the distribution by 0.005: 1 % in the degrees of freedom from 3 on."""
    x = np.random.default_rng(dof).standard_normal(200_000)
    parts = [x[:70_001].copy(), x[70_001:].copy()]
    key = np.uint64(stream_key(dof, 0))
    normals_to_chi(key, 5, float(dof), x)
    # from a million on the law is normal about sqrt(dof - 1/2), with an error of the order of 1/dof
    law = stats.chi(dof).cdf if dof < 10**6 else stats.norm(np.sqrt(dof - 0.5), np.sqrt(0.5)).cdf
    assert stats.kstest(x, law).pvalue > ALARM / 8 / 7
    # a draw depends on its normal and its number alone
    normals_to_chi(key, 5, float(dof), parts[0])
    normals_to_chi(key, 5 + 70_001, float(dof), parts[1])
    np.testing.assert_array_equal(np.concatenate(parts), x)


def test_no_degree_of_freedom_has_no_length():
    x = np.ones(3)
    normals_to_chi(np.uint64(1), 0, 0.0, x)
    assert not x.any()
