"""The explorer of hard and easy tasks: its curves are the library's, and its plane says what the laws say."""

import numpy as np
import pytest
from matplotlib.path import Path
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


def test_an_area_of_the_plane_is_where_the_exponent_has_its_value_and_more():
    """By the corners that no border of the plane cuts off, and by points on a lattice inside and outside."""
    lattice = np.stack(np.meshgrid(np.linspace(0.07, 2.97, 30), np.linspace(-0.97, 4.97, 45)), axis=-1).reshape(-1, 2)
    for mark in PLANE.marks:
        assert all(0.05 <= beta <= 3.0 and -1.0 <= tau <= 5.0 for beta, tau in mark.points)
        if mark.kind == "area":
            level = float(mark.label)
            assert lib.linear.exponent(*mark.points[-1]) == pytest.approx(level, rel=1e-12)  # where the number stands
            has = [tau > -beta and lib.linear.exponent(beta, tau) >= level for beta, tau in lattice]
            np.testing.assert_array_equal(Path(mark.points).contains_points(lattice), has)


def test_dots_of_papers_stand_where_the_letters_place_them():
    dots = {mark.label: mark.points for mark in PLANE.marks if mark.kind == "point"}
    assert dots["images"] == (pytest.approx(lib.letters.translate("bordelon2024", 2.0, 1.15)),)
    assert dots["Paquette 2024"] == (pytest.approx(lib.letters.translate("paquette2024", 1.0, 0.7)),)


def test_the_plane_takes_names_of_controls():
    names = {control.name for control in EXPERIMENT.controls}
    assert {PLANE.x, PLANE.y} <= names
