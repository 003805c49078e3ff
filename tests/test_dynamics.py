"""``lib.solve``: golden values, and the order-parameter flow from the public side."""

import numpy as np
import pytest

import lib
from lib.core import dynamics

# From another implementation, by SciPy's DOP853, good to 3e-6; for unscaled outputs: eta and eps_g times M here.
GOLDEN = [
    (1, 2, 0.1, 1.0, [10, 100, 1000, 2000], [5.2982725097e-02, 1.2086311407e-02, 6.5078344906e-03, 1.3674023412e-06]),
    (4, 2, 0.1, 1.0, [10, 100, 500, 1000], [0.0513380282, 0.0126520273, 0.0070593407, 0.0011036277]),
    (16, 2, 0.5, 1.0, [1, 10, 50, 200], [0.0754401586, 0.0247521022, 0.0054356205, 0.0008511278]),
    (64, 2, 0.5, 0.5, [1, 5, 20, 50], [0.0783797072, 0.0366257177, 0.0134096135, 0.0044599421]),
    (8, 3, 1.0, 0.25, [5, 20, 50, 200], [1.1603962372e-01, 7.3413923442e-02, 2.5054131212e-02, 1.6048263519e-04]),
]


@pytest.mark.parametrize("levels, units, eta, beta, alpha, expected", GOLDEN)
def test_golden_table(levels, units, eta, beta, alpha, expected):
    model = lib.StudentTeacher(lib.power_law(beta, levels), units, units)
    start = model.initial_overlaps(0.01)
    start.r[:, range(units), range(units)] = 0.001
    curve = lib.solve(model, start, eta * units, alpha)
    # a plateau amplifies the integrator's errors; the table itself is good to 3e-6
    np.testing.assert_allclose(curve.eps_g * units, expected, rtol=1e-5)


def test_totals_are_sums_over_levels():
    """A compressed spectrum: the levels that are given back make the totals that were integrated."""
    model = lib.StudentTeacher(lib.power_law(1.0, 500), 2, 3)
    curve = lib.solve(model, model.initial_overlaps(0.5, 2000, seed=1), 0.5, [0.0, 1.0, 20.0])
    mass = model.spectrum.weights * model.spectrum.eigenvalues
    np.testing.assert_allclose(np.einsum("k,akin->ain", mass, curve.r), curve.R, atol=1e-10)
    np.testing.assert_allclose(np.einsum("k,akij->aij", mass, curve.q), curve.Q, atol=1e-10)
    without = lib.solve(model, model.initial_overlaps(0.5, 2000, seed=1), 0.5, [0.0, 1.0, 20.0], blocks=False)
    assert without.r is None and without.q is None
    np.testing.assert_allclose(without.eps_g, curve.eps_g, rtol=1e-6)


def test_linear_flow_is_the_closed_form():
    s = lib.power_law(0.5, 3000)
    model = lib.StudentTeacher(s, 1, 1, "linear")
    alpha = np.geomspace(1e-3, 1e4, 30)
    flow = lib.solve(model, model.initial_overlaps(0.3), 0.7, alpha, blocks=False).eps_g
    exact = lib.linear.generalization_error(s, 0.7, alpha, 0.3)
    # rtol is asked of every step of some hundred; eps_g is a difference of overlaps of order one
    np.testing.assert_allclose(flow, exact, rtol=1e-5, atol=1e-15)


def test_start_is_returned_exactly():
    model = lib.StudentTeacher(lib.power_law(1.0, 4), 2, 2)
    start = model.initial_overlaps(0.5, 40)
    curve = lib.solve(model, start, 0.1, [0.0])
    np.testing.assert_array_equal(curve.r[0], start.r)
    np.testing.assert_array_equal(curve.q[0], start.q)


def test_divergence_names_the_critical_rate():
    model = lib.StudentTeacher(lib.power_law(1.0, 4), 1, 1, "linear")
    with pytest.raises(lib.DivergenceError, match="critical learning rate 2") as caught:
        lib.solve(model, model.initial_overlaps(0.1), 3.0, [1.0, 1e4])
    assert caught.value.critical_eta == 2.0
    assert caught.value.eta == 3.0 and caught.value.model is model
    assert 0 < caught.value.alpha < 1e4


def model():
    return lib.StudentTeacher(lib.power_law(1.0, 4), 2, 2)


START = model().initial_overlaps(0.1)
BAD = [
    (lambda: lib.solve(model(), START, 0.0, [1]), "eta"),
    (lambda: lib.solve(model(), START, np.nan, [1]), "eta"),
    (lambda: lib.solve(model(), START, 0.1, []), "alpha"),
    (lambda: lib.solve(model(), START, 0.1, [2, 1]), "alpha"),
    (lambda: lib.solve(model(), START, 0.1, [-1, 1]), "alpha"),
    (lambda: lib.solve(model(), START, 0.1, [1, 1]), "alpha"),
    (lambda: lib.solve(model(), START, 0.1, [1, np.nan]), "alpha"),
    (lambda: lib.solve(model(), START, 0.1, [1], rtol=0), "rtol"),
    (lambda: lib.solve(model(), lib.Overlaps(START.r[:2], START.q, START.t), 0.1, [1]), "overlaps.r"),
    (lambda: lib.solve(model(), lib.Overlaps(START.r, START.q * np.nan, START.t), 0.1, [1]), "overlaps.q"),
    (
        lambda: lib.solve(
            lib.StudentTeacher(lib.power_law(1.0, 10**6)),
            lib.StudentTeacher(lib.power_law(1.0, 10**6)).initial_overlaps(0.1),
            0.1,
            np.arange(1, 101),
        ),
        "blocks",
    ),
]


@pytest.mark.parametrize("call, argument", BAD)
def test_bad_input_is_named(call, argument):
    with pytest.raises(ValueError, match=rf"^{argument}"):
        call()


def test_levels_one_by_one_give_the_compressed_curve():
    model = lib.StudentTeacher(lib.power_law(1.0, 60), 2, 2)
    start = model.initial_overlaps(0.5, N=600, seed=1)
    for learned in (60, 40):
        one_by_one, compressed = (
            lib.solve(model, start, 0.2, [1.0, 20.0], rtol=1e-9, learned=learned, compress=flag)
            for flag in (False, True)
        )
        # 1e-9 a step, some hundred steps
        for name in ("eps_g", "R", "Q", "r", "q"):
            np.testing.assert_allclose(getattr(one_by_one, name), getattr(compressed, name), atol=1e-7)


def test_velocity_and_fixed_steps_are_those_of_the_solution():
    model = lib.StudentTeacher(lib.power_law(1.0, 3), 2, 2)
    start, h = model.initial_overlaps(0.5, N=300, seed=1), 1e-3
    dr, dq = dynamics.velocity(model, start, 0.3)
    later = lib.solve(model, start, 0.3, [h, 2 * h], rtol=1e-12)
    for slope, first, (one, two) in ((dr, start.r, later.r), (dq, start.q, later.q)):
        # the one-sided difference of second order errs by h^2 / 3 times a third derivative of order ten
        np.testing.assert_allclose((4 * one - two - 3 * first) / (2 * h), slope, atol=1e-4)
    exact = lib.solve(model, start, 0.3, [3.0], rtol=1e-13).eps_g[0]
    assert dynamics.fixed_steps(model, start, 0.3, 3.0 / 48, 48) == pytest.approx(exact, rel=1e-8)
    with pytest.raises(ValueError, match=r"^overlaps\.r has shape"):
        dynamics.velocity(lib.StudentTeacher(model.spectrum, 3, 2), start, 0.3)
    with pytest.raises(ValueError, match="^count = 0"):
        dynamics.fixed_steps(model, start, 0.3, 0.1, 0)
