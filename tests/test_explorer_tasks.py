"""The explorer of hard and easy tasks: its curves are the library's, and its plane says what the laws say."""

import numpy as np
import pytest
from test_programs import program

import lib
from lib.widgets import explore
from lib.widgets.experiments.tasks import EXPERIMENT, PLANE

STATES = [
    {},
    {"tau": 4.0},
    {"tau": 2.0},
    {"beta": 0.3, "tau": -0.2, "eta": 1.5, "levels": 64},
    {"tau": 0.0, "levels": 8},
]


@pytest.mark.parametrize("state", STATES)
def test_shows_what_its_program_computes(state):
    explorer, names = explore("tasks", **state), {}
    exec(program(explorer), names)
    result, alpha = explorer.result, names["alpha"]
    for curve in ("exact", "signal"):
        np.testing.assert_allclose(result[curve].x, alpha, rtol=1e-12)
        np.testing.assert_allclose(result[curve].y, names[curve], rtol=1e-10)  # sums of 512 terms, and rates to 1e-14
    seen = np.isfinite(result["noise"].y)
    # the noise is a difference, and the signal's rounding is relative to the curve
    np.testing.assert_allclose(
        result["noise"].y[seen], names["noise"][seen], rtol=1e-9, atol=1e-9 * names["exact"][seen].min()
    )
    shown = np.isfinite(result["law"].y)
    assert shown.any() and np.all(alpha[shown] >= names["first"] * (1 - 1e-12))
    np.testing.assert_allclose(result["law"].y[shown], names["law"][shown], rtol=1e-8)
    assert result.readouts["law_slope"] == pytest.approx(names["slope"], rel=1e-14)


def test_says_where_there_is_no_law_and_where_the_error_grows():
    hard = explore("tasks", beta=0.5, tau=-0.8).result
    assert "no" not in hard.readouts and "does not fall as a power law" in hard.notice
    assert np.isnan(hard["law"].y).all() and np.isnan(hard.readouts["law_slope"])
    assert np.isfinite(hard["exact"].y).all()
    wild = explore("tasks", eta=2.5).result
    assert "critical learning rate" in wild.notice and np.isnan(wild.readouts["slope"])


@pytest.mark.parametrize("beta, tau", [(1.0, 0.5), (1.0, 4.0), (2.0, 0.0), (2.0, 5.0)])
def test_the_slope_read_off_is_that_of_the_law(beta, tau):
    """The middle third of the window of 1024 levels, in logarithms: X = 10^2 to 10^4 for beta = 1, 10^3 to 10^6 for 2.

    Next terms at eta = 1, relative to the law: X^-1/2 for beta = 1, by which the slope changes half as much, 0.03 on
    average; signal over forgotten noise, 2.3 / X for (1, 4) and 1.5 X^-2/3 for (2, 5), less than that.
    """
    readouts = explore("tasks", beta=beta, tau=tau, levels=1024, eta=1.0).result.readouts
    assert readouts["slope"] == pytest.approx(-lib.linear.exponent(beta, tau), abs=0.03)


def test_lines_of_the_plane_have_one_exponent_each():
    for mark in PLANE.marks:
        for beta, tau in mark.points:
            assert 0.0 <= beta <= 3.0 and -1.0 <= tau <= 5.0
            if mark.kind == "line":
                assert lib.linear.exponent(beta, tau) == pytest.approx(float(mark.label), rel=1e-12)
    names = {control.name for control in EXPERIMENT.controls}
    assert {PLANE.x, PLANE.y} <= names
