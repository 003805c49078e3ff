"""The explorer of rich and lazy units: its curves are the library's, and its slopes what the laws say."""

import numpy as np
import pytest
from test_programs import program

import lib
from lib.widgets import explore

STATES = [
    {},
    {"output": 1.0, "beta": 0.5, "levels": 64},
    {"output": 0.001, "tau": 2.0, "alpha_max": 1e7},
    {"ratio": 100.0, "eta": 1.0, "alpha_max": 50.0},
]


@pytest.mark.parametrize("state", STATES)
def test_shows_what_its_program_computes(state):
    explorer, names = explore("rich", **state), {}
    exec(program(explorer), names)
    result = explorer.result
    for curve in ("rich", "fixed", "lazy", "weight"):
        np.testing.assert_allclose(result[curve].x, names["alpha"], rtol=1e-12)
        # steps four times as long as the library's; on the exponential end an error multiplies that of the time
        seen = names[curve] > 1e-8
        np.testing.assert_allclose(result[curve].y[seen], names[curve][seen], rtol=1e-3)
    assert result.readouts["rich_slope"] == pytest.approx(names["rich_slope"], rel=1e-14)
    assert result.readouts["lazy_slope"] == pytest.approx(names["lazy_slope"], rel=1e-14)


@pytest.mark.parametrize("output, beta, tau", [(0.01, 1.0, 0.0), (0.001, 1.0, 0.0), (0.03, 0.5, 0.0), (0.01, 2.0, 0.0)])
def test_the_slope_read_off_is_that_of_the_law(output, beta, tau):
    """1024 levels leave two decades of the clock behind the growth, where corrections are some 0.02."""
    readouts = explore("rich", output=output, beta=beta, tau=tau, alpha_max=1e7).result.readouts
    s = (beta + tau) / (1 + beta)
    assert readouts["slope"] == pytest.approx(-2 * s / (1 + s), abs=0.03)
    assert abs(readouts["slope"] + s) > 0.1


def test_the_weight_grows_as_its_law():
    """v^4 follows the sum of strengths that are learned, k / L of them: alpha^(2 (1 - s) / (1 + s) / 4)."""
    weight = explore("rich", output=0.001, levels=1024).result["weight"]
    window = (weight.x > 30) & (weight.x < 1000)
    growth = np.polyfit(np.log(weight.x[window]), np.log(weight.y[window]), 1)[0]
    assert growth == pytest.approx(1 / 6, abs=0.01)


def test_says_where_there_is_no_law_and_where_nothing_has_grown():
    hard = explore("rich", beta=0.5, tau=-0.8).result
    assert "does not fall as a power law" in hard.notice and np.isnan(hard.readouts["rich_slope"])
    assert np.isfinite(hard["rich"].y).all() and np.isnan(hard.readouts["slope"])
    early = explore("rich", output=0.001, ratio=0.01, alpha_max=2.0).result
    assert "has not doubled" in early.notice and np.isnan(early.readouts["alpha_grown"])
    assert explore("rich").result.notice == ""
    assert lib.networks.rich_exponent(0.5) == pytest.approx(-explore("rich").result.readouts["rich_slope"])


def test_a_weight_of_zero_is_refused():
    with pytest.raises(ValueError, match=r"output = 0.*0\.001"):
        explore("rich", output=0.0)
