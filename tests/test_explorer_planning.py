"""The explorer "planning" against the library: its curves, its plan, its program."""

import numpy as np
import pytest
from test_programs import program

import lib
from lib.widgets import explore

STATES = [
    {},
    {"noise": 0.1, "compute": 1e4},
    {"beta": 0.05, "levels": 512, "eta": 0.01, "compute": 1e6},
    {"beta": 3.0, "levels": 16, "eta": 1.9, "compute": 0.1, "noise": 1.0},
    {"levels": 1, "eta": 1.0},
]


@pytest.mark.parametrize("changed", STATES)
def test_program_gives_the_numbers_of_the_picture(changed):
    explorer = explore("planning", **changed)
    names = {}
    exec(program(explorer), names)
    result = explorer.result
    shown = np.isfinite(result["budget"].x)
    np.testing.assert_array_equal(result["budget"].x[shown], names["levels"])
    # times and reduced spectra are rounded in another order
    np.testing.assert_allclose(result["budget"].y[shown], names["budget"], rtol=1e-9)
    plan = names["plan"]
    assert result.readouts["learned"] == plan.learned
    assert result.readouts["eps_g"] == pytest.approx(plan.eps_g, rel=1e-9)
    assert result.readouts["alpha"] == pytest.approx(plan.alpha, rel=1e-12)
    # its frontier is that of the sizes on the grid, which can be worse than the best, not better
    assert result.readouts["doubling"] <= plan.doubling + 1e-9
    assert result.readouts["doubling"] == pytest.approx(plan.doubling, abs=0.01)


def test_frontier_and_floor():
    result = explore("planning", noise=0.05).result
    s = lib.power_law(1.0, 256)
    budgets = 100.0 * 2.0 ** np.arange(-12, 13)
    exact = lib.features.compute_optimal(s, 0.5, budgets, noise=0.05)
    assert np.all(result["frontier"].y >= exact.eps_g * (1 - 1e-9))
    np.testing.assert_allclose(result["frontier"].y, exact.eps_g, rtol=0.02)  # l on a grid of ratio 2^(1/4)
    floor = result["floor"]
    for l, y in zip(floor.x[:29], floor.y[:29]):
        if np.isfinite(l) and l < 32:  # 1e7 / l of time is enough for these
            assert y == pytest.approx(lib.features.error(s, int(l), 0.5, [1e6], noise=0.05)[0], rel=1e-9)
