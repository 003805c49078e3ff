"""The explorers of quadratic units: closed forms, the library's flows, and what they say where there is no law."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from test_programs import program

import lib
from lib.kernels import staircase as kernels
from lib.widgets import explore

FEW = {"directions": 8, "width": 8, "alpha_max": 100.0, "s_0": 1e-3}


def computed(explorer):
    """What the explorer shows, and the names that its program defines."""
    names = {}
    exec(program(explorer), names)
    return explorer.result, names


def integrated(strength, start, rate, alpha):
    """s' = rate s (strength - s), by an integrator that knows nothing of its solution."""
    run = solve_ivp(
        lambda _, s: rate * s * (strength - s), (0, alpha[-1]), [start], t_eval=alpha, rtol=1e-11, atol=1e-14
    )
    return run.y[0]


# --- Staircase


@pytest.mark.parametrize("strength, start", [(1.0, 1e-6), (0.2, 0.5), (0.3, 0.15), (0.3, 0.3)])
def test_a_step_solves_its_equation(strength, start):
    """From below, from above, from the middle and from the end."""
    alpha, rate = np.linspace(0.0, 20.0, 9), 8.0
    s = integrated(strength, start, rate, alpha)
    x = np.array([kernels.left(strength, start, rate, time) for time in alpha])
    # the integrator's 1e-11 of each of some hundred steps
    np.testing.assert_allclose(strength / (1.0 + x), s, rtol=0, atol=1e-9)
    np.testing.assert_allclose(strength * x / (1.0 + x), strength - s, rtol=0, atol=1e-9)
    half = kernels.step_time(strength, start, rate)
    if start < strength:
        assert kernels.left(strength, start, rate, half) == pytest.approx(1.0, rel=1e-12)
    else:
        assert np.isnan(half)


def test_a_step_ends_whatever_its_time():
    assert kernels.left(0.5, 1e-30, 8.0, 1e300) == 0.0
    assert kernels.left(0.5, 1e-30, 8.0, 0.0) == pytest.approx(5e29, rel=1e-15)


@pytest.mark.parametrize("state", [{}, {"gamma": 1.5, "beta": 0.5, "width": 4}, {"directions": 1, "width": 1}])
def test_the_sum_of_a_few_steps_solves_their_equations(state):
    c = {"gamma": 1.0, "beta": -1.0, "eta": 0.2} | FEW | state
    result = explore("staircase", **c).result
    n = np.arange(1.0, c["directions"] + 1)
    strength, eigenvalue = n ** -c["gamma"], n ** -(1.0 + c["beta"])
    alpha, error = result["total"].x, 0.0
    for a, squared, learns in zip(strength, eigenvalue**2, n <= c["width"]):
        s = integrated(a, c["s_0"], 8.0 * c["eta"] * squared, alpha) if learns else 0.0
        error += squared * (a - s) ** 2
    # differences of numbers of order one, integrated to 1e-11 of each of some hundred steps
    np.testing.assert_allclose(result["total"].y, error, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"gamma": 0.4, "directions": 65536, "width": 65536, "alpha_max": 1e6},
        {"beta": 0.5, "directions": 1024, "width": 1, "alpha_max": 1e6, "skill": 1},
        {"beta": 2.0, "gamma": 3.0, "s_0": 1e-30, "width": 64, "alpha_max": 1e12},
        {"width": 128, "s_0": 0.01, "skill": 2},
    ],
)
def test_a_staircase_is_what_its_program_computes(state):
    result, names = computed(explore("staircase", **state))
    np.testing.assert_allclose(result["total"].x, names["alpha"], rtol=1e-12)
    # sums over blocks of ranks by rules good to 1e-7, and what is never learned as an integral, to 1e-6
    np.testing.assert_allclose(result["total"].y, names["total"], rtol=2e-6, atol=1e-30)
    readouts = result.readouts
    assert (
        np.isnan(readouts["law_slope"])
        if names["width"] <= 0
        else readouts["law_slope"] == pytest.approx(names["law_slope"], rel=1e-14)
    )
    assert (
        np.isnan(readouts["learned"])
        if result.notice and "s₀" in result.notice
        else readouts["learned"] == names["learned"]
    )
    assert result["floor"].y[0] == pytest.approx(names["floor"], rel=2e-6) or names["floor"] == 0.0


def test_one_run_in_two_metrics():
    """In the error the picked direction keeps its share until its step; as a share learned it goes from none to all."""
    state = {"skill": 16}
    result, names = computed(explore("staircase", show=1, **state))
    share, seen = result["skill"].y, np.isfinite(result["skill"].y)
    np.testing.assert_allclose(share[seen], names["share"][seen], rtol=1e-10)
    assert np.nanmax(names["share"][~seen]) <= 1e-3  # too little to be seen
    fine = np.linspace(1.0, 3.0 * result.readouts["step_at"], 100_001)
    s = lib.quadratic.steps([1 / 16], 1e-12, 0.1, fine)[:, 0] * 16
    tenth, half, nine = np.interp([0.1, 0.5, 0.9], s, fine)
    assert result.readouts["step_at"] == pytest.approx(half, rel=1e-5)  # a ten-thousandth of the range in a piece
    assert result.readouts["step_width"] == pytest.approx((nine - tenth) / half, rel=1e-3)
    error = explore("staircase", **state).result
    left, seen = error["skill"].y, np.isfinite(error["skill"].y)
    np.testing.assert_allclose(left[seen], ((1 - names["share"][seen]) / 16) ** 2, rtol=1e-6, atol=1e-12)
    assert error.readouts == result.readouts
    gone = 1.0 - names["total"] / np.sum(np.arange(1.0, 4097.0) ** -2)
    seen = result["total"].y > 1e-3  # and there where it is less
    # of what there is to learn, known to 1e-6
    np.testing.assert_allclose(result["total"].y[seen], gone[seen], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "gamma, beta, law",
    [(0.75, -1.0, 2 / 3), (1.0, -1.0, 1.0), (1.5, -1.0, 4 / 3), (1.0, 0.5, 1.0), (0.5, 1.0, 8 / 9), (2.0, 1.0, 7 / 6)],
)
def test_the_sum_falls_with_the_slope_of_the_law_and_its_logarithm(gamma, beta, law):
    """The wait ln(a/s_0) falls from 67 to about 57 in the window: 1/57 - 1/67 = 0.003 of the exponent is left open; and
    single steps, in a window of some decades, up to 0.005. The logarithm itself moves the slope by gamma / 62 of
    gamma + 2 + 2 beta, up to 0.02."""
    state = {"gamma": gamma, "beta": beta, "directions": 1024, "width": 1024, "s_0": 1e-30, "alpha_max": 1e18}
    readouts = explore("staircase", **state).result.readouts
    assert readouts["law_slope"] == pytest.approx(-law, rel=1e-14)
    assert readouts["slope"] == pytest.approx(readouts["local_slope"], abs=0.008)
    assert readouts["slope"] == pytest.approx(-law, abs=0.03)


def test_the_overlaps_are_shares_of_the_pairs_and_nothing_else():
    result = explore("staircase", directions=16, width=4).result
    S, times = result.panels["S"].values, result.panels["S"].times
    # ranks 1, 2, 4 of the students, up to 16 of the teachers
    assert np.isnan(S[:, 3:]).all() and np.isnan(S[:, :, 5:]).all()
    n = np.array([1.0, 2.0, 4.0])
    expected = lib.quadratic.steps(1 / n, 1e-12, 0.1, times) * n
    for i in range(3):
        np.testing.assert_allclose(S[:, i, i], expected[:, i], rtol=1e-10, atol=1e-15)  # one less what is missing
    assert not S[:, :3, :5][:, ~np.eye(3, 5, dtype=bool)].any()


def test_a_staircase_says_where_there_is_no_law_and_where_nothing_waits():
    for gamma in (0.4, 0.5):
        result = explore("staircase", gamma=gamma).result
        assert "does not fall as a power law" in result.notice and "s₀" not in result.notice
        assert np.isnan([result.readouts[name] for name in ("slope", "law_slope", "local_slope", "width_slope")]).all()
        assert np.isfinite(result["total"].y).all() and result.readouts["learned"] > 0
    assert explore("staircase", gamma=0.4, beta=0.05).result.notice == ""  # the eigenvalues make it converge
    result = explore("staircase", s_0=0.05, gamma=0.4).result
    assert "does not fall" in result.notice and "s₀ = 0.05 is above a tenth" in result.notice
    assert np.isfinite(result["total"].y).all() and np.isnan(result.readouts["learned"])
    few = explore("staircase", directions=4, width=4096).result  # a page moves both, a notebook may not
    assert few.readouts["learned"] == 4.0 and np.isnan(few["floor"].y).all()


def test_a_direction_without_a_student_is_never_learned():
    result = explore("staircase", width=4, skill=8).result
    assert np.isnan(result.readouts["step_at"]) and result.readouts["learned"] == 4
    np.testing.assert_allclose(result["skill"].y, 1 / 64, rtol=1e-14)
    assert np.isnan(explore("staircase", width=4, skill=8, show=1).result["skill"].y).all()


# --- Phase retrieval

STATES = [
    {},
    {"beta": 0.5, "levels": 64, "eta": 0.1, "sigma_J": 1.0, "overlap": 0.1},
    {"levels": 1, "eta": 0.01},
    {"beta": 2.0, "sigma_J": 0.5, "overlap": 1e-6},
]


@pytest.mark.parametrize("state", STATES)
def test_a_retrieval_is_what_its_program_computes(state):
    result, names = computed(explore("retrieval", **state))
    np.testing.assert_allclose(result["error"].x, names["alpha"], rtol=1e-12)
    # rtol 1e-6 in each of some hundred steps; what is left of R and Q is a difference
    np.testing.assert_allclose(result["error"].y, names["curve"].eps_g, rtol=1e-3, atol=1e-12)
    np.testing.assert_allclose(result["R"].y, names["curve"].R, rtol=1e-4)
    for curve in ("short_R", "short_Q", "unlearned"):
        seen = np.isfinite(result[curve].y)
        assert seen.sum() > 20
        np.testing.assert_allclose(result[curve].y[seen], names[curve][seen], rtol=1e-3, atol=1e-4)
    readouts = result.readouts
    assert readouts["law_rate"] == pytest.approx(names["rate"], rel=1e-12)
    assert readouts["critical"] == pytest.approx(names["critical"], rel=1e-9)
    assert readouts["found"] == pytest.approx(names["found"], rel=1e-3)
    law = np.isfinite(result["law"].y)
    assert law.any() == (state.get("levels") != 1)
    np.testing.assert_allclose(result["law"].y[law], names["law"][: law.sum()], rtol=1e-3)


@pytest.mark.parametrize("state", [{"levels": 16, "eta": 0.1, "sigma_J": 0.5, "overlap": 0.1}, {"levels": 64}])
def test_a_retrieval_is_the_flow_of_quadratic_units(state):
    """The library's, from the same start; the program has that of pairs, which is written anew."""
    explorer = explore("retrieval", **state)
    result, s = explorer.result, lib.power_law(explorer.beta, explorer.levels)
    model = lib.StudentTeacher(s, 1, 1, "square")
    start = model.initial_overlaps(explorer.sigma_J, alignment=explorer.overlap)
    flow = lib.solve(model, start, explorer.eta, result["error"].x, rtol=1e-8)
    np.testing.assert_allclose(result["error"].y, flow.eps_g, rtol=1e-3, atol=1e-12)
    np.testing.assert_allclose(result["R"].y, flow.R[:, 0, 0], rtol=1e-4)


@pytest.mark.parametrize("beta, levels", [(1.0, 1), (1.0, 64), (1.0, 1024), (0.5, 256), (2.0, 256)])
def test_the_direction_is_found_at_four_eta_times_the_second_moment(beta, levels):
    """Corrections up to R = 0.05: what the unit has learned slows it by about Q <lambda^3>/<lambda^2>^2, of which Q is
    R^2 <lambda^3>/<lambda^2>^2; both factors are at most 2. On average over the growth less than a percent."""
    readouts = explore("retrieval", beta=beta, levels=levels, sigma_J=0.01, eta=0.01).result.readouts
    s = lib.power_law(beta, levels)
    assert readouts["law_rate"] == pytest.approx(0.04 * np.sum(s.weights * s.eigenvalues**2), rel=1e-12)
    assert readouts["rate"] == pytest.approx(readouts["law_rate"], rel=0.01)


@pytest.mark.parametrize("beta, slope", [(0.5, -1 / 3), (1.0, -1 / 2), (2.0, -2 / 3)])
def test_the_tail_has_the_slope_of_the_law(beta, slope):
    """The middle third of a window of four decades and more, in logarithms: at its beginning U, which the law takes as
    small, is below 0.1, and changes the slope of 2 U - U^2 by half as much of itself."""
    result = explore("retrieval", beta=beta, levels=1024, eta=0.01, sigma_J=0.01, alpha_max=1e7).result
    assert result.readouts["law_slope"] == pytest.approx(slope, rel=1e-14)
    assert result.readouts["slope"] == pytest.approx(slope, abs=0.02)
    seen = np.isfinite(result["law"].y) & (result["error"].y < 0.02) & (result["error"].y > 1e-3)
    assert seen.sum() > 5
    # U / 2 = 0.005 of it, the noise's 6 eta = 0.06 is not yet at rest to some tenths, and the escape has a width
    np.testing.assert_allclose(result["error"].y[seen], result["law"].y[seen], rtol=0.03)


def test_a_rate_beyond_the_critical_one_is_an_error_that_names_it():
    explorer = explore("retrieval", eta=0.2)
    with pytest.raises(RuntimeError, match="η = 0.2 is at or beyond the critical learning rate 1/6"):
        explorer.result
    assert explorer.figure().axes
    explorer.eta = 0.16
    assert np.isfinite(explorer.result["error"].y[:-10]).all()  # the last may be less than rounding
    with pytest.raises(ValueError, match="eta = 0.6 is not "):
        explorer.eta = 0.6


def test_one_level_has_no_tail():
    result = explore("retrieval", levels=1).result
    assert np.isnan([result.readouts["slope"], result.readouts["law_slope"]]).all()
    assert np.isnan(result["law"].y).all() and result.readouts["found"] > 50
