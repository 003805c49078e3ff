"""Panels, "See the network", against the library: overlaps along the flow, and the error level by level."""

import numpy as np
import pytest

import lib
from lib.widgets import explore
from lib.widgets.experiments import EXPERIMENTS
from lib.widgets.kernels import panels
from lib.widgets.run import Run

FIRST_LEVELS = np.array(panels.FIRST_LEVELS)
FAST = {"runs": 1, "alpha_max": 30.0}


def grouped(errors):
    """Sums of errors (..., L) over the groups, those that L levels have."""
    return np.add.reduceat(errors, FIRST_LEVELS[FIRST_LEVELS <= errors.shape[-1]] - 1, axis=-1)


def started(name, **state):
    """The output of the immediate part, in which theory is."""
    explorer = explore(name, **state)
    run = Run(EXPERIMENTS[name], tuple(map(float, explorer._values().values())), np.empty(0))
    return run.result()


def bars(result):
    """Times and the errors of those groups that there are."""
    times, values = result.panels["level_errors"].times, result.panels["level_errors"].values[:, 0]
    return times, values[:, np.isfinite(values[0])]


def level_errors(model, start, eta, times, **learned):
    """Half w_k lambda_k (q - 2 r + t), of one unit, by the integrator."""
    flow, s = lib.solve(model, start, eta, times, **learned), model.spectrum
    return 0.5 * s.weights * s.eigenvalues * (flow.q - 2.0 * flow.r + start.t)[..., 0, 0]


@pytest.mark.parametrize("name", [name for name, experiment in EXPERIMENTS.items() if experiment.panels])
def test_a_panel_holds_what_its_state_has_along_its_curve(name):
    result = started(name, **{"directions" if name == "staircase" else "levels": 8})
    assert set(result.panels) == {panel.name for panel in EXPERIMENTS[name].panels}
    for panel in EXPERIMENTS[name].panels:
        times, values = result.panels[panel.name].times, result.panels[panel.name].values
        assert values.shape == (len(times), len(panel.rows), len(panel.columns))
        np.testing.assert_array_equal(times, [0.0, *result[panel.along].x])
        assert np.isnan(values[0]).any() and np.isfinite(values[0, 0, 0])
        assert not np.isfinite(values[:, np.isnan(values[0])]).any()


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_answer_is_small(name):
    assert 8 * EXPERIMENTS[name].output_size <= 130_000


# --- Overlaps


@pytest.mark.parametrize(
    "name, state",
    [
        ("flow", {"students": 3, "teachers": 2, "levels": 8}),
        ("flow", {"activation": 1, "students": 2, "teachers": 4, "levels": 4}),
        ("plateau", {"students": 3, "teachers": 2, "alpha_max": 300.0}),
    ],
)
def test_overlaps_are_those_of_the_flow(name, state):
    """From the weights that the library draws; at time 0 their own."""
    state = {"N": 256, "runs": 1, "sigma_J": 0.3, "eta": 0.5, "seed": 4} | state
    K, M = state["students"], state["teachers"]
    result = explore(name, **state).result if name == "plateau" else started(name, **state)
    s = lib.power_law(1.0, state.get("levels", 4))
    model = lib.StudentTeacher(s, K, M, "linear" if state.get("activation") else "erf")
    start = model.initial_overlaps(0.3, 256, 4)
    flow, totals = lib.solve(model, start, 0.5, result.panels["R"].times), start.totals(s)
    for part in "RQ":
        values, at_start = result.panels[part].values, getattr(totals, part)
        rows, columns = at_start.shape
        shown = values[:, :rows, :columns]
        assert np.isnan(values[:, rows:]).all() and np.isnan(values[:, :, columns:]).all()
        np.testing.assert_allclose(shown[0], at_start, rtol=0, atol=1e-13)  # rounding of sums of overlaps
        # 1e-6 of the largest overlap in each of some hundred steps
        np.testing.assert_allclose(shown, getattr(flow, part), rtol=0, atol=1e-4)


def test_overlaps_at_late_times_begin_aligned():
    """Few enough levels to be integrated one by one."""
    result = explore("asymptotics", levels=16, units=3, alignment=0.2, sigma_J=0.5, N=64, until=1, runs=1).result
    model = lib.StudentTeacher(lib.power_law(1.0, 16), 3, 3)
    flow = lib.solve(model, model.initial_overlaps(0.5, alignment=0.2), 0.5, result.panels["R"].times)
    for part in "RQ":
        shown = result.panels[part].values[:, :3, :3]
        # rtol 1e-5 in each of some hundred steps
        np.testing.assert_allclose(shown, getattr(flow, part), rtol=0, atol=1e-3)
    np.testing.assert_allclose(result.panels["R"].values[0, :3, :3], 0.2 * np.eye(3), atol=1e-15)
    np.testing.assert_allclose(result.panels["Q"].values[0, :3, :3], 0.29 * np.eye(3), atol=1e-15)


def test_a_flow_that_diverges_has_overlaps_until_then():
    result = started("flow", activation=1, eta=5.0, students=1, teachers=1)
    known = np.isfinite(result.panels["R"].values[:, 0, 0])
    assert known[0] and not known[-1]
    np.testing.assert_array_equal(known[1:], np.isfinite(result["flow"].y))


# --- Levels


@pytest.mark.parametrize(
    "state",
    [{}, {"levels": 1, "N": 64}, {"levels": 1024, "N": 1024}, {"eta": 1.9, "beta": 0.3}, {"eta": 0.01, "beta": 3.0}],
)
def test_levels_of_a_linear_network_add_up_and_follow_the_flow(state):
    values = {"beta": 1.0, "levels": 256, "eta": 0.5, "sigma_J": 0.5} | state
    result = started("linear", **FAST | values)
    times, errors = bars(result)
    s = lib.power_law(values["beta"], values["levels"])
    # each mode is spread over the levels with sum 1, to the rounding of a sum over them
    np.testing.assert_allclose(errors[1:].sum(axis=1), result["exact"].y, rtol=1e-12)
    np.testing.assert_allclose(errors[0], grouped(0.625 * s.weights * s.eigenvalues), rtol=1e-9)
    model = lib.StudentTeacher(s, 1, 1, "linear")
    expected = grouped(level_errors(model, model.initial_overlaps(0.5), values["eta"], times))
    # q - 2 r + t is a difference of numbers of order one, carried to 1e-8 a step; a group's share of the error is left
    np.testing.assert_allclose(errors, expected, rtol=1e-6, atol=1e-7 * errors[0].max())


@pytest.mark.parametrize("state", [{}, {"learned": 256}, {"learned": 16, "levels": 64, "eta": 1.0}, {"learned": 1}])
def test_levels_that_are_not_learned_stay(state):
    values = {"learned": 8, "levels": 256, "eta": 0.5} | state
    result = started("features", **FAST | values, sigma_J=0.5)
    times, errors = bars(result)
    s = lib.power_law(1.0, values["levels"])
    np.testing.assert_allclose(errors[1:].sum(axis=1), result["exact"].y, rtol=1e-12)
    model = lib.StudentTeacher(s, 1, 1, "linear")
    start = model.initial_overlaps(0.5)
    expected = level_errors(model, start, values["eta"], times, learned=values["learned"])
    np.testing.assert_allclose(errors, grouped(expected), rtol=1e-6, atol=1e-7 * errors[0].max())  # as above
    left = FIRST_LEVELS[FIRST_LEVELS <= values["levels"]] > values["learned"]
    np.testing.assert_array_equal(errors[:, left], np.broadcast_to(errors[0, left], errors[:, left].shape))


@pytest.mark.parametrize("state", [{}, {"units": 2, "power": 0.0, "levels": 8}, {"units": 3, "power": 1.0, "count": 1}])
def test_levels_of_whitened_inputs_add_up(state):
    result = started("mitigation", **FAST | state)
    _, errors = bars(result)
    # of overlaps of order one, of which up to (2 M)^2 are added
    np.testing.assert_allclose(errors[1:].sum(axis=1), result["partial"].y, rtol=1e-12, atol=1e-14)
    assert np.isnan(started("mitigation", **FAST | state | {"activation": 0}).panels["level_errors"].values).all()


def test_levels_of_whitened_inputs_follow_the_flow():
    result = started("mitigation", **FAST, levels=16, power=0.5, sigma_J=0.5)
    times, errors = bars(result)
    s = lib.power_law(1.0, 16)
    start = lib.StudentTeacher(s, 1, 1, "linear").initial_overlaps(0.5, 256, 0)
    white = lib.mitigation.whiten(s, power=0.5)
    model = lib.StudentTeacher(white.spectrum, 1, 1, "linear")
    expected = grouped(level_errors(model, white.overlaps(start), 0.3, times))
    np.testing.assert_allclose(errors[0], expected[0], rtol=1e-12)
    # rtol 1e-5 in each of some hundred steps
    np.testing.assert_allclose(errors, expected, rtol=0, atol=1e-3 * errors[0].max())
