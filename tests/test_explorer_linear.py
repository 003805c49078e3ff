"""The explorer "linear" against the library: its curves, its program, its messages."""

import re

import numpy as np
import pytest
from test_programs import program

import lib
from lib.compiler.layout import placed
from lib.widgets import explore
from lib.widgets.experiments.linear import EXPERIMENT, MARGIN

STATES = [
    {},
    {"beta": 0.05, "levels": 1024, "N": 1024, "eta": 0.01, "alpha_max": 1e5},
    {"beta": 3.0, "levels": 64, "eta": 1.9, "sigma_J": 2.0, "alpha_max": 1.0},
    {"levels": 16, "students": 3, "teachers": 2, "eta": 2.0, "sigma_J": 1.0, "N": 128},
    {"levels": 4, "students": 1, "teachers": 4, "eta": 0.4, "alpha_max": 10.0},
]


def values(changed):
    """The controls' values, whole numbers as such."""
    found = {c.name: changed.get(c.name, c.default) for c in EXPERIMENT.controls}
    return {name: int(x) if x == int(x) else x for name, x in found.items()}


def started(changed):
    """What the explorer shows before the simulation: an ``Outputs``."""
    p = np.array([float(x) for x in values(changed).values()])
    work = np.full(int(EXPERIMENT.size(p, np.empty(0))), np.nan)
    assert EXPERIMENT.start(p, np.empty(0), work) >= 0.0
    return placed(EXPERIMENT.Outputs, work)


@pytest.mark.parametrize("changed", STATES)
def test_program_gives_the_numbers_of_the_picture(changed):
    out = started(changed)
    text = program(explore("linear", **changed))
    theory, simulation = re.split(r"if .*:\n +sgd = ", text)
    names = {}
    exec(theory, names)
    for curve, name in (("exact", "exact"), ("small_eta", "small"), ("kernel_regression", "kernel_regression")):
        x, y = getattr(out, curve)
        np.testing.assert_allclose(x, names["alpha"], rtol=1e-12)
        shown = np.isfinite(y)
        # the times are made in another order; where the error has fallen to e^-600, that is 600 times as much
        np.testing.assert_allclose(y[shown], names[name][shown], rtol=1e-9, atol=1e-15)  # alpha = 1 may round to less
        assert np.all(shown | ((curve == "kernel_regression") & (x >= 1)))
    if not changed:
        names["alpha"] = names["alpha"][:31]  # the call, not the hours
        exec("sgd = " + simulation, names)
        assert names["sgd"].eps_g.shape == (4, 4)


@pytest.mark.parametrize("changed", STATES)
def test_law_and_numbers(changed):
    out = started(changed)
    v = values(changed)
    units = v["students"], v["teachers"]
    s = lib.power_law(v["beta"], v["levels"])
    first, last = lib.linear.power_law_window(s, v["eta"], *units)
    offset = lib.linear.offset(s, v["eta"], v["sigma_J"], *units)
    x, y = out.law
    shown = np.isfinite(y)
    law = lib.linear.power_law_error(s, v["eta"], x, v["sigma_J"], *units) - offset
    # a difference of the law and its constant
    np.testing.assert_allclose(y[shown], law[shown], rtol=1e-9, atol=1e-13 * offset)
    expected = {
        "alpha_first": first,
        "alpha_last": last,
        "offset": offset,
        "critical": lib.linear.critical_eta(s, *units),
        "law_slope": -lib.linear.exponent(v["beta"]),
    }
    for name, number in expected.items():
        assert getattr(out, name)[0] == pytest.approx(number, rel=1e-9)


@pytest.mark.parametrize("beta", [1.2, 1.4, 1.6, 1.7])  # here the last time is below, above, below, above 30
def test_the_window_of_the_slope_has_the_last_time_however_it_is_rounded(beta):
    """The last time is the control's within a rounding, which another library of functions does in its own way."""
    out = started({"beta": beta, "alpha_max": 30.0})
    x, y = out.exact
    assert out.alpha_last[0] / MARGIN > x[-1] == pytest.approx(30.0, rel=1e-14)
    fit = lib.fit_power_law(x, y, window=(MARGIN * out.alpha_first[0], x[-1]))
    assert out.raw_slope[0] == pytest.approx(fit.exponent, rel=1e-9)


def test_simulation_of_more_units_lies_on_the_exact_curve():
    explorer = explore("linear", levels=8, students=3, teachers=2, eta=0.6, sigma_J=0.5, N=512, alpha_max=3.0, runs=16)
    sgd = explorer.result["sgd"]
    s = lib.power_law(1.0, 8)
    # one draw of the students' weights: q scatters by sqrt(2/64) per level, times sigma_J^2 M/K = 1/6 of eps_g; and
    # the first level's step is small, eta lambda_1 / N = 0.6 %
    exact = lib.linear.finite_size_error(s, 512, 0.6, sgd.x, 0.5, 3, 2)
    assert np.all(np.abs(sgd.y - exact) < 2 * (sgd.upper - sgd.lower) + 0.1 * exact)


def test_messages():
    explorer = explore("linear", levels=256, N=512, teachers=3, alpha_max=1.0, runs=1)
    assert explorer.result.notice.startswith("N = 512 is smaller than LM, with L = 256 and M = 3: theory only")
    assert not np.isfinite(explorer.result["sgd"].y).any() and np.isfinite(explorer.result["exact"].y).all()
    explorer.N, explorer.eta = 1024, 0.7
    assert "critical learning rate 2K/M = 0.667" in explorer.result.notice
