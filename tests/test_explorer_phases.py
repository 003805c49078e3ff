"""The explorer of phases: its ladder, terms and frontier are the library's, and its plane has the phases in place."""

import numpy as np
import pytest
from test_programs import program

from lib import random_features
from lib.kernels import random_features as kernels
from lib.widgets import explore
from lib.widgets.experiments.phases import BUDGETS, EXPERIMENT, MEMBER, PLANE

STATES = [
    {},
    {"beta": -0.6, "tau": 2.0, "largest": 256, "last": 1e7, "first": 1e4, "ratio": 2, "rate": 0.1, "features": 512},
    {"beta": 0.5, "tau": 0.3, "largest": 128, "last": 1e6, "first": 1e4, "ratio": 1},
]


@pytest.mark.parametrize("state", STATES)
def test_every_size_of_the_ladder_is_the_library_s_risk(state):
    """The kernels are the same, and so are the bits but for the step, a rounding apart."""
    explorer = explore("phases", **state)
    ladder = explorer.result["ladder"]
    for k in range(28):
        member = slice(k * MEMBER, k * MEMBER + BUDGETS)
        seen, features = np.isfinite(ladder.y[member]), 8 * 2**k
        assert seen.any() == (features <= explorer.largest)
        if seen.any():
            model = random_features._model(explorer.beta, explorer.tau, features, int(explorer.ratio * features), False)
            model = random_features._with_step(model, explorer.rate / kernels.total(model.variance))
            risk = sum(random_features._training(model, ladder.x[member][seen] / features))
            np.testing.assert_allclose(ladder.y[member][seen], risk, rtol=1e-9)


@pytest.mark.parametrize("state", STATES)
def test_shows_what_its_program_computes(state):
    """The frontier, from sizes in factors of the root of two and parabolas: to 0.5 %, as the third differences of ln E
    are 0.05, of which a sixteenth is an error; d* to a tenth of such a factor, 0.02 of the slope over four decades."""
    explorer, names = explore("phases", **state), {}
    exec(program(explorer), names)
    result, best = explorer.result, names["best"]
    inside = result["frontier"].x >= explorer.first
    np.testing.assert_allclose(result["frontier"].y[inside], best.risk, rtol=5e-3)
    assert result.readouts["slope"] == pytest.approx(names["slope"], abs=2e-3)
    assert result.readouts["growth"] == pytest.approx(names["growth"], abs=0.02)
    assert result.readouts["law_slope"] == -names["law"].risk
    assert result.readouts["law_growth"] == names["law"].features
    assert explorer._experiment.readouts[4].said(result.readouts["phase"]) == names["phase"]
    steps, terms = names["steps"], names["terms"]
    assert result["floor"].y[0] == pytest.approx(terms.floor, rel=1e-12) or terms.floor == 0.0
    for name in ("signal", "noise", "distortion"):
        seen = np.isfinite(result[name].y) & (result[name].x > 1e3 * explorer.features)
        # between whole numbers of steps; a term's slope is at most 3 there, and half a step is 1/2000
        expected = np.exp(np.interp(np.log(result[name].x[seen] / explorer.features), np.log(steps),
                                    np.log(np.maximum(getattr(terms, name), 1e-300))))  # fmt: skip
        np.testing.assert_allclose(result[name].y[seen], expected, rtol=3e-3)


def test_names_of_the_plane_stand_in_their_phases():
    for mark in PLANE.marks:
        if mark.kind == "region" and mark.label != "no law":
            assert random_features.phase(*mark.points[0]) == mark.label
        if mark.kind == "border":
            (beta, tau), (other_beta, other_tau) = mark.points
            middle = np.array([beta + other_beta, tau + other_tau]) / 2
            across = 1e-6 * np.array([other_tau - tau, beta - other_beta])
            sides = []
            for point in (middle + across, middle - across):
                sides.append(random_features.phase(*point) if point[1] > -point[0] else "none")
            assert sides[0] != sides[1], mark


def test_a_small_machine_measures_itself():
    small = explore("phases", largest=1024, first=1e5, last=1e7).result
    assert "those of the machine" in small.notice and small.readouts["capped"] > 0.4
    assert 0.2 < small.readouts["growth"] < 0.3 and small.readouts["law_growth"] == pytest.approx(0.5)
    large = explore("phases", first=1e5, last=1e7).result
    assert large.notice == "" and abs(large.readouts["growth"] - 0.5) < 0.02


def test_without_a_law_there_is_still_a_picture():
    result = explore("phases", beta=-0.3, tau=-0.5).result
    assert "no law" in result.notice and np.isnan(result.readouts["law_slope"])
    assert np.isfinite(result["frontier"].y).all()
    assert EXPERIMENT.readouts[4].said(result.readouts["phase"]) == "none"
