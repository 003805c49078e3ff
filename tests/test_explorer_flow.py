"""The explorer "flow" against the library: both ways of its simulation, its program, its messages."""

import numpy as np
import pytest
from test_programs import program

import lib
from lib.kernels.reduced import block_coordinates
from lib.widgets import explore
from lib.widgets.experiments.flow import EXPERIMENT
from lib.widgets.kernels.ensemble import (
    MAX_N_WITH_WEIGHTS,
    Shape,
    ensemble_align,
    ensemble_overlaps,
    ensemble_rescale,
    ensemble_size,
    ensemble_start,
)


def overlaps(N, K, M, L, seed, alignment=0.0, gain=1.0):
    """Overlaps r, q, t from which the explorer's runs start."""
    shape = Shape(K, M, N, L, 5)
    state = np.full(ensemble_size(shape), np.nan)
    r, q, t = np.empty((L, K, M)), np.empty((L, K, K)), np.empty((L, M, M))
    ensemble_start(state, shape, np.ones(L), 0.5, seed, 0.1, 1.0, np.empty(5))
    ensemble_align(state, alignment)
    ensemble_rescale(state, gain * np.ones(L))
    ensemble_overlaps(state, r, q, t)
    return r, q, t


def assert_sgd_follows(explorer, curve, slack):
    """The points lie on the curve, to 2.5 bands and a part ``slack`` of it."""
    flow, sgd = explorer.result[curve], explorer.result["sgd"]
    expected = np.exp(np.interp(np.log(sgd.x), np.log(flow.x), np.log(flow.y)))
    assert np.all(np.abs(sgd.y - expected) < 2.5 * (sgd.upper - sgd.y) + slack * expected)


@pytest.mark.parametrize("N, K, M, L", [(64, 2, 2, 8), (512, 2, 2, 8), (4096, 3, 1, 16), (MAX_N_WITH_WEIGHTS, 1, 4, 1)])
def test_start_is_that_of_the_drawn_weights(N, K, M, L):
    assert (block_coordinates(N // L, K, M) < N // L) == (N > 64)  # the cases are of both kinds
    start = lib.StudentTeacher(lib.power_law(1.0, L), K, M).initial_overlaps(0.5, N, seed=3)
    for ours, expected in zip(overlaps(N, K, M, L, 3), (start.r, start.q, start.t)):
        np.testing.assert_allclose(ours, expected, atol=1e-12)  # rounding of sums of N terms


@pytest.mark.parametrize("N, K, M, L", [(64, 2, 2, 8), (512, 2, 2, 8), (4096, 3, 1, 16)])
def test_start_is_aligned_and_rescaled(N, K, M, L):
    gain = np.geomspace(0.1, 3.0, L)
    start = lib.StudentTeacher(lib.power_law(1.0, L), K, M).initial_overlaps(0.5, N, seed=3)
    pairs = 0.4 * np.eye(K, M)  # student i receives 0.4 of teacher i
    cross = pairs @ np.swapaxes(start.r, 1, 2)
    r, q = start.r + pairs @ start.t, start.q + cross + np.swapaxes(cross, 1, 2) + pairs @ start.t @ pairs.T
    for ours, expected in zip(overlaps(N, K, M, L, 3, 0.4, gain), (r, q, start.t)):
        np.testing.assert_allclose(ours, expected / gain[:, None, None], atol=1e-11)  # as above, over the least gain


def test_start_of_many_inputs_has_the_law_of_drawn_weights():
    N, L = 2 * MAX_N_WITH_WEIGHTS, 64
    r, q, t = overlaps(N, 2, 2, L, 0)
    np.testing.assert_allclose(t, np.tile(np.eye(2), (L, 1, 1)), atol=1e-12)
    # sqrt(N/L) r / sigma_J is a standard normal, L (2 x 2) of them: mean square 1, to 4 standard errors
    assert np.mean(r**2) * N / L / 0.25 == pytest.approx(1.0, abs=4 * np.sqrt(2.0 / (4 * L)))
    # q_11 / sigma_J^2 - 1 has variance 2 L/N, 2 L of them
    variance = np.mean((q[:, [0, 1], [0, 1]] / 0.25 - 1.0) ** 2) * N / L / 2.0
    assert variance == pytest.approx(1.0, abs=4 * np.sqrt(2.0 / (2 * L)))


@pytest.mark.parametrize("activation", [0, 1])
def test_rescaled_runs_follow_their_flow(activation):
    """Reduced runs on whitened data; their flow starts from the same overlaps."""
    explorer = explore(
        "mitigation", activation=activation, units=2, levels=2, N=1024, runs=8, sigma_J=1.0, alpha_max=5.0
    )
    assert_sgd_follows(explorer, "partial", 2e-3)  # as below; eta lambda_1 / N ~ 5e-4


@pytest.mark.parametrize("changed", [{"N": 4096}, {"N": 2.0**20, "levels": 1, "alpha_max": 1.0, "runs": 2}])
def test_many_inputs_follow_the_flow(changed):
    """Reduced runs, from drawn weights and from drawn overlaps, on the flow from the same overlaps."""
    explorer = explore("flow", **({"levels": 2, "alpha_max": 5.0, "runs": 8, "sigma_J": 1.0} | changed))
    # the band is 2 standard errors; between 121 points a straight line on log scales is within some 1e-4; the
    # flow's own error is of order eta lambda_1 / N ~ 2e-4 at most. 2 runs know their spread badly, but at N = 2^20
    # it is sqrt(2 / N) times a number of order one
    assert_sgd_follows(explorer, "flow", 2e-3 if explorer.runs > 2 else 5e-3)


def test_program_runs_and_starts_from_the_same_weights():
    explorer = explore("flow", N=1024, levels=4, alpha_max=5.0, runs=1)
    names = {}
    exec(program(explorer), names)
    flow = explorer.result["flow"]
    both = names["flow"].alpha >= flow.x[0]
    assert np.count_nonzero(both) > 80
    shown = np.exp(np.interp(np.log(names["flow"].alpha[both]), np.log(flow.x), np.log(flow.y)))
    np.testing.assert_allclose(names["flow"].eps_g[both], shown, rtol=3e-4)  # two grids of times, joined on log scales
    assert names["sgd"].eps_g.shape == (1, 25)


def test_long_simulations_are_announced():
    experiment, p = EXPERIMENT, np.array([c.default for c in EXPERIMENT.controls])
    p[[c.name for c in experiment.controls].index("N")] = 2.0**20
    p[[c.name for c in experiment.controls].index("alpha_max")] = 1e4
    work = np.empty(int(experiment.size(p, np.empty(0))))
    status = experiment.start(p, np.empty(0), work)
    assert "{steps} steps" in experiment.sentences[int(status)]
    steps = work[[r.name for r in experiment.readouts].index("steps")]
    assert steps == pytest.approx(4 * 1e4 * 2**20, rel=1e-9)
