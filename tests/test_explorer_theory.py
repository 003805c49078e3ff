"""Explorers draw their theory at every state, say why nothing is simulated, and compute in slices."""

import numpy as np
import pytest
from test_programs import program

import lib
from lib.kernels import integrator
from lib.kernels.averages import ERF, Network
from lib.widgets import explore
from lib.widgets.experiments import EXPERIMENTS
from lib.widgets.kernels.flow import flow_advance, flow_written
from lib.widgets.kernels.ranks import fit_ranks
from lib.widgets.run import Run

# States, an N that is too small for SGD, and one with the same theory: what that starts from is drawn for N = L, or is
# the limit of large N.
TOO_SMALL = [
    ("linear", {"teachers": 3, "alpha_max": 3.0}, 512, 1024),
    ("linear", {"levels": 1024, "eta": 0.1, "alpha_max": 3.0}, 512, 1024),
    ("features", {"levels": 1024, "alpha_max": 3.0}, 64, 1024),
    ("flow", {"levels": 128, "alpha_max": 3.0}, 64, 128),
    ("plateau", {"levels": 64, "alpha_max": 10.0}, 16, 64),
    ("mitigation", {"levels": 128, "alpha_max": 3.0}, 64, 128),
    ("asymptotics", {"levels": 128, "until": 1.0}, 64, 128),
]


@pytest.mark.parametrize("name, state, small, large", TOO_SMALL)
def test_theory_does_not_wait_for_a_simulation(name, state, small, large):
    explorer, other = (explore(name, runs=1, N=N, **state) for N in (small, large))
    result, expected = explorer.result, other.result
    assert "theory only" in result.notice and "theory only" not in expected.notice
    for curve in result:
        if curve != "sgd":
            np.testing.assert_array_equal(result[curve].y, expected[curve].y)
            assert np.isfinite(result[curve].y).any()
    assert np.isnan(result["sgd"].x).all() and np.isnan(result["sgd"].y).all()
    assert "sgd" not in executed(explorer)


def executed(explorer):
    """The names that the program of an explorer leaves."""
    names = {}
    exec(program(explorer), names)
    return names


def states(name, count):
    """Random values of all controls."""
    rng = np.random.default_rng(1)
    for _ in range(count):
        values = []
        for control in EXPERIMENTS[name].controls:
            low, high, u = control.minimum, control.maximum, rng.random()
            if control.choices:
                values.append(control.choices[int(u * len(control.choices))])
            elif control.scale == "log":
                values.append(min(high, low * (high / low) ** u))
            else:
                values.append(round(low + (high - low) * u, 0 if control.scale == "integer" else 6))
        yield tuple(values)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_no_state_is_refused(name):
    data = lib.power_law(1.0, 256).eigenvalues if EXPERIMENTS[name].table else np.empty(0)
    for values in states(name, 40):
        run = Run(EXPERIMENTS[name], values, data)
        if name == "retrieval" and values[2] >= 1 / 6:  # beyond the critical rate, which the message names
            assert run.status < 0 and "critical" in run.message()
            continue
        assert run.status >= 0, (values, run.message())
        while run.fraction < 1.0 and not any(np.isfinite(curve.y).any() for curve in run.result().values()):
            run.advance(0.0)
        assert any(np.isfinite(curve.y).any() for curve in run.result().values()), values


@pytest.mark.parametrize("count", [2, 4, 5, 7, 8, 30])
@pytest.mark.parametrize("name", ["realdata", "spectrum"])
def test_the_default_window_fits_any_file(name, count):
    data = np.arange(1.0, count + 1) ** -2.0
    explorer = explore(name, data=data)
    result = explorer.result
    np.testing.assert_allclose(result["measured"].y[:count], data / data.mean())
    assert "ends at the last eigenvalue" in result.notice
    if count < 5:
        assert "no exponent is fitted" in result.notice and np.isnan(result.readouts["beta"])
    else:
        assert result.readouts["beta"] == pytest.approx(1.0) and result["fit"].x[-1] == count
        assert ("earlier rank" in result.notice) == (count < explorer.first + 4)


def test_a_window_that_is_too_narrow_is_the_nearest_that_is_not():
    assert fit_ranks(8.0, 100.0, 256) == (8.0, 100.0)
    assert fit_ranks(8.0, 100.0, 50) == (8.0, 50.0)
    assert fit_ranks(48.5, 100.0, 50) == (46.0, 50.0)
    assert fit_ranks(20.0, 12.5, 50) == (8.0, 12.5)
    assert fit_ranks(20.0, 100.0, 3) == (1.0, 3.0)
    result = explore("spectrum", data=lib.power_law(1.0, 64).eigenvalues, first=60, last=20).result
    assert "from rank 60 to 20 holds fewer than 5" in result.notice and result.readouts["points"] == 5


def test_late_times_say_what_cannot_be_drawn():
    explorer = explore("asymptotics", eta=8, show=1, levels=64, fit_first=0.1, fit_last=0.05, N=64)
    result = explorer.result
    for words in ("no constant to add", "fewer than 6 points", "beyond the critical learning rate"):
        assert words in result.notice
    assert np.isfinite(result["flow"].y).all() and np.isnan(result.readouts["raw"])
    explorer.show = 0
    np.testing.assert_array_equal(explorer.result["flow"].y, result["flow"].y)
    assert "corrected" not in executed(explorer)
    with pytest.raises(RuntimeError, match="the student begins as the teacher, and there is no error to draw"):
        explore("asymptotics", alignment=1, sigma_J=0).result


def test_slices_of_a_flow_are_the_flow_bit_for_bit():
    spectrum, units = lib.power_law(1.0, 256), 4
    model = lib.StudentTeacher(spectrum, units, units)
    overlaps = model.initial_overlaps(sigma_J=0.5, N=1024)
    blocks = integrator.Blocks(
        spectrum.eigenvalues,
        spectrum.weights * spectrum.eigenvalues,
        np.ones(256),
        *(np.ascontiguousarray(part) for part in (overlaps.r, overlaps.q, overlaps.t)),
    )
    T = np.tensordot(blocks.mass, blocks.t, 1)
    alpha = np.geomspace(1e-3, 10.0, 20)
    history = np.empty((0, units, 2 * units, 256))

    def solved(solve):
        work = np.zeros(integrator.size(256, units, units))
        error, Q, R = np.full(20, np.nan), np.empty((20, units, units)), np.empty((20, units, units))
        integrator.start(blocks, T, 0.5, Network(0.5, 0.5, ERF), work)
        solve(work, error, Q, R)
        return error

    def whole(work, error, Q, R):
        assert integrator.advance(work, alpha, 1e-6, 20_000, error, Q, R, history) == integrator.DONE

    def sliced(work, error, Q, R):
        slices, status = 0, integrator.RUNNING
        while status == integrator.RUNNING:
            status = flow_advance(work, alpha, 1e-6, error, Q, R, history)
            slices += 1
            assert np.isfinite(error).sum() == flow_written(work)
        assert status == integrator.DONE and slices > 3

    np.testing.assert_array_equal(solved(sliced), solved(whole))


def test_a_stiff_state_starts_at_once():
    """Its flow takes thousands of steps; a start takes some dozen of them, whatever the machine."""
    values = {"units": 4, "beta": 3.0, "levels": 256, "eta": 8.0}
    experiment = EXPERIMENTS["asymptotics"]
    run = Run(experiment, tuple(float(values.get(c.name, c.default)) for c in experiment.controls), np.empty(0))
    first = np.isfinite(run.result()["flow"].y).sum()
    run.advance(0.1)
    assert 0.0 < run.fraction < 0.2
    assert 0 < first <= np.isfinite(run.result()["flow"].y).sum() < 121
