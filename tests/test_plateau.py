"""The plateau's closed forms against the flow, its Jacobian, its solutions, and SGD."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from test_programs import program

import lib
from lib import plateau
from lib.kernels import averages, flow, slopes
from lib.kernels import plateau as kernels

# Of another implementation, for outputs without a scale (v = u = 1); eta -> eta / M and
# eps_g -> eps_g / M lead to ours where K = M. The kernels take any output weights.
GOLDEN_POINTS = [
    (2, 2, 0.0, 0.4082482905, 0.3333333333, 0.0116108403),
    (2, 2, 0.1, 0.4085433157, 0.3342970753, 0.0120857562),
    (2, 2, 1.0, 0.4142341800, 0.3529626883, 0.0211564539),
    (3, 3, 0.3, 0.2591367668, 0.2038776669, 0.0261457148),
    (5, 5, 0.2, 0.1495083639, 0.1137191353, 0.0502725512),
    (3, 2, 0.2, 0.2525805113, 0.1284991594, 0.0149906185),
]
GOLDEN_TIMES = [
    (2, 1, 1.0, 0.1, 152.0917003490, 151.0449396047),
    (2, 16, 1.0, 0.1, 22.0474633234, 21.8367284193),
    (2, 64, 0.5, 0.1, 11.0433115061, 10.9103961595),
    (3, 4, 0.5, 0.3, 42.8433549452, 38.7075863996),
    (5, 8, 1.0, 0.2, 46.3465770124, 36.8357970764),
]
NETWORKS = [(2, 2, 0.1), (2, 2, 4.0), (3, 2, 1.0), (2, 3, 0.5), (5, 5, 1.0), (8, 8, 5.0)]


@pytest.mark.parametrize("K, M, eta, R, Q, height", GOLDEN_POINTS)
def test_golden_fixed_points(K, M, eta, R, Q, height):
    q = kernels.fixed_point(M, float(K), 1.0, eta / K)
    r = kernels.balance(q, M, float(K), 1.0)
    np.testing.assert_allclose([r, q, kernels.error(r, q, M, float(K), 1.0)], [R, Q, height], atol=6e-11)
    if K == M:
        point = plateau.fixed_point(lib.power_law(1.0, 3), M, M * eta)
        np.testing.assert_allclose([point.R, point.Q, M * point.height], [R, Q, height], atol=6e-11)


@pytest.mark.parametrize("M, L, beta, eta, small, exact", GOLDEN_TIMES)
def test_golden_escape_times(M, L, beta, eta, small, exact):
    s = lib.power_law(beta, L)
    assert plateau.small_eta_escape_time(s, M, M * eta) == pytest.approx(small, abs=6e-11)
    assert plateau.escape_time(s, M, M * eta) == pytest.approx(exact, abs=6e-11)


def right_hand_side(model, eta, r, q):
    """dr, dq of the flow at overlaps r, q."""
    s, K, M = model.spectrum, model.students, model.teachers
    P = K + M
    dr, dq, t = np.empty_like(r), np.empty_like(q), np.broadcast_to(np.eye(M), (s.levels, M, M)).copy()
    totals = flow.Totals(*(np.zeros(shape) for shape in ((K, K), (K, M), (P, P), (K, P), (K, K))))
    levels = flow.Levels(s.eigenvalues, s.weights, r, q, t)
    flow.flow(levels, np.eye(M), eta, averages.Network(*model.output_weights, averages.ERF), totals, dr, dq)
    return dr, dq


@pytest.mark.parametrize("K, M, eta", NETWORKS)
def test_fixed_point_stands_still(K, M, eta):
    model = lib.StudentTeacher(lib.power_law(0.5, 4), K, M)
    point = plateau.fixed_point(model.spectrum, M, eta, K)
    r, q = point.overlaps.r.copy(), point.overlaps.q.copy()
    for change in right_hand_side(model, eta, r, q):
        assert np.abs(change).max() < 1e-13 * eta * model.spectrum.eigenvalues[0]  # rounding of sums of order one
    assert point.height == pytest.approx(
        averages.generalization_error(
            np.block([[q[0], r[0]], [r[0].T, np.eye(M)]]), K, *model.output_weights, averages.ERF
        ),
        abs=1e-14,
    )


@pytest.mark.parametrize("M", [1, 2, 8, 200])
def test_fixed_point_at_small_rate_is_the_closed_form(M):
    point = plateau.fixed_point(lib.power_law(1.0, 2), M)
    np.testing.assert_allclose(
        [point.Q, point.R, point.height],
        [1 / (2 * M - 1), 1 / np.sqrt(M * (2 * M - 1)), 1 / 6 - M / np.pi * np.arcsin(1 / (2 * M))],
        atol=1e-15,
    )
    near = plateau.fixed_point(lib.power_law(1.0, 2), M, 1e-9)
    # first order in eta; for M = 1 students that are alike learn the teacher, and the noise vanishes with the error
    assert 0 <= near.Q - point.Q < 1e-9


def jacobian(model, eta, point):
    """Of the flow at the fixed point, in the coordinates (r, q upper triangle) of every level; exact slopes."""
    s, K, M = model.spectrum, model.students, model.teachers
    P, L = K + M, s.levels
    z = np.concatenate([np.full((K, K), point.Q), np.full((K, M), point.R)], axis=1)
    C = np.block([[z], [z[:, K:].T, np.eye(M)]])
    o = point.overlaps
    levels = [np.block([[o.q[k], o.r[k]], [o.r[k].T, o.t[k]]]) for k in range(L)]
    D, G = np.empty((K, P)), np.empty((K, K))
    averages.coefficients(C, K, *model.output_weights, averages.ERF, D, G)
    m = slopes.count(K, P)
    slope_D, slope_G = np.empty((K, P, m)), np.empty((K, K, m))
    slopes.slopes(C, K, *model.output_weights, averages.ERF, slope_D, slope_G)
    cells = [(i, b) for i in range(K) for b in range(i, P)]
    J = np.zeros((L * m, L * m))
    for k in range(L):
        for c, (i, b) in enumerate(cells):
            own = np.zeros((P, P))
            own[i, b] = own[b, i] = 1.0

            def change(o, dD, dG, level):
                pull = D @ o + dD @ level
                out = pull.copy()
                out[:, :K] += pull[:, :K].T + eta * dG
                return eta * np.array([out[cell] for cell in cells])

            J[k * m : (k + 1) * m, k * m + c] += s.eigenvalues[k] * change(
                own, np.zeros((K, P)), np.zeros((K, K)), levels[k]
            )
            for l in range(L):
                response = change(np.zeros((P, P)), slope_D[..., c], slope_G[..., c], levels[l])
                J[l * m : (l + 1) * m, k * m + c] += s.eigenvalues[l] * s.weights[k] * s.eigenvalues[k] * response
    return J


@pytest.mark.parametrize(
    "K, M, L, beta, eta",
    [
        (2, 2, 1, 1.0, 0.2),
        (2, 2, 8, 1.0, 1.0),
        (3, 3, 4, 0.5, 0.9),
        (2, 2, 16, 0.05, 2.0),
        (2, 2, 8, 3.0, 2.5),
        (3, 2, 4, 1.0, 0.4),
        (2, 3, 3, 1.0, 0.4),
        (5, 5, 2, 1.0, 1.0),
    ],
)
def test_escape_rate_is_the_largest_eigenvalue(K, M, L, beta, eta):
    """Of the whole Jacobian. The mode is (K-1)(M-1)-fold: eigenvalues of a nearly symmetric matrix, rounding only."""
    model = lib.StudentTeacher(lib.power_law(beta, L), K, M)
    rates = np.sort(np.linalg.eigvals(jacobian(model, eta, plateau.fixed_point(model.spectrum, M, eta, K))).real)
    largest = rates[-(K - 1) * (M - 1) :]
    np.testing.assert_allclose(largest * plateau.escape_time(model.spectrum, M, eta, K), 1.0, rtol=1e-8)
    assert rates[-(K - 1) * (M - 1) - 1] < 0.9 * largest[0]


STRENGTHS = {
    "easy": lambda s: lib.source(s, 1.5),
    "hard": lambda s: lib.source(s, -0.8),
    "absent": lambda s: np.array([0.0, 1.0, 0.0, 2.0]) / np.sum((s.weights * s.eigenvalues)[[1, 3]] * [1.0, 2.0]),
}


@pytest.mark.parametrize("kind", STRENGTHS)
@pytest.mark.parametrize("K, M, eta", [(2, 2, 1e-3), (2, 2, 0.7), (3, 2, 0.4), (2, 3, 0.4)])
def test_escape_rate_of_strengths_is_the_largest_eigenvalue(K, M, eta, kind):
    """Of the whole Jacobian, at a fixed point that stands still under the flow of those teachers."""
    s = lib.power_law(0.5, 4)
    strength = STRENGTHS[kind](s)
    model = lib.StudentTeacher(s, K, M, strength=strength)
    point, plain = plateau.fixed_point(s, M, eta, K, strength), plateau.fixed_point(s, M, eta, K)
    for change in lib.dynamics.velocity(model, point.overlaps, eta):
        assert np.abs(change).max() < 1e-13 * eta * s.eigenvalues[0] * strength.max()
    assert (point.height, point.R, point.Q) == (plain.height, plain.R, plain.Q)
    totals = point.overlaps.totals(s)
    np.testing.assert_allclose(totals.R, point.R, rtol=1e-13)
    np.testing.assert_allclose(totals.Q, point.Q, rtol=1e-13)
    rates = np.linalg.eigvals(jacobian(model, eta, point)).real
    if kind == "absent":  # a specialisation in a level without the teacher has nothing to overlap with, yet is in there
        _, _, G, _, _ = kernels.coefficients(point.R, point.Q, M, np.sqrt(M), 1 / np.sqrt(M))
        idle = 0.5 * (eta / K) ** 2 * G * s.eigenvalues[[0, 2]]
        rates = rates[np.min(np.abs(rates[:, None] - idle), axis=1) > 1e-6 * idle[0]]
    largest = np.sort(rates)[-(K - 1) * (M - 1) :]
    np.testing.assert_allclose(largest * plateau.escape_time(s, M, eta, K, strength), 1.0, rtol=1e-8)


def test_escape_of_strengths_at_small_rates_and_of_equal_ones():
    s = lib.power_law(1.0, 64)
    t, ones = lib.source(s, 1.0), np.ones(64)
    ratio = plateau.escape_time(s, 2, 1e-6, strength=t) / plateau.small_eta_escape_time(s, 2, 1e-6, strength=t)
    assert ratio == pytest.approx(1.0, abs=1e-4)  # first order in eta lambda_1
    moment = np.sum(s.weights * t * s.eigenvalues**2) / s.second_moment
    plain = plateau.small_eta_escape_time(s, 3, 0.1, 2)
    assert plateau.small_eta_escape_time(s, 3, 0.1, 2, t) == pytest.approx(plain / moment, rel=1e-13)
    assert plateau.escape_time(s, 2, 0.3, strength=ones) == plateau.escape_time(s, 2, 0.3)
    assert np.array_equal(
        plateau.fixed_point(s, 2, 0.3, strength=ones).overlaps.t, plateau.fixed_point(s, 2).overlaps.t
    )


def growth(curve):
    """Rate at which the specialisation grows between the first and the last time, for one run or several."""
    size = np.log(plateau.specialisation(curve.R))
    return (size[..., -1] - size[..., 0]) / (curve.alpha[-1] - curve.alpha[0])


def test_a_specialisation_grows_at_the_rate_of_its_strengths():
    """The flow, started at the plateau with a small specialisation in proportion to the growing mode's totals."""
    s, eta = lib.power_law(1.0, 8), 0.5
    t = lib.source(s, 1.0)
    model, point = lib.StudentTeacher(s, 2, 2, strength=t), plateau.fixed_point(s, 2, eta, strength=t)
    pattern = 1e-6 * np.array([[1.0, -1.0], [-1.0, 1.0]]) * (s.eigenvalues * t)[:, None, None]
    start = lib.Overlaps(point.overlaps.r + pattern, point.overlaps.q.copy(), point.overlaps.t.copy())
    tau = plateau.escape_time(s, 2, eta, strength=t)
    curve = lib.solve(model, start, eta, [2 * tau, 4 * tau], rtol=1e-10)
    # other modes of the specialisation, which decay against it at some tau and were a small part of the start
    assert growth(curve) * tau == pytest.approx(1.0, abs=0.02)
    assert plateau.escape_time(s, 2, eta) / tau > 1.1  # equal strengths would not do


def test_growth_of_a_specialisation_under_sgd():
    """The mean over runs within its standard errors; a plateau of equal strengths would be left a sixth more slowly.

    Of the rate 0.03 is left for the levels that are not yet on the plateau, and for kicks, some tenths of the variance.
    """
    s, eta, N, seeds = lib.power_law(1.0, 4), 0.3, 500, 12
    t = lib.source(s, 1.5)
    model = lib.StudentTeacher(s, 2, 2, strength=t)
    tau, equal = plateau.escape_time(s, 2, eta, strength=t), plateau.escape_time(s, 2, eta)
    end = plateau.length(s, 2, eta, 1e-4, N) / equal * tau
    curve = lib.simulate(model, N, eta, [end - 4 * tau, end - 2 * tau], 1e-4, seeds, method="reduced")
    rates = growth(curve) * tau
    error = rates.std(ddof=1) / np.sqrt(seeds)
    assert error < 0.02 and equal > 1.15 * tau
    assert abs(rates.mean() - 1.0) < 4 * error + 0.03


@pytest.mark.parametrize("eta", [3.0, 4.6])
def test_students_split_beyond_large_rates(eta):
    """Beyond eta ~ 3.5 (M = 2) another instability is faster: the chapter's limit of validity. Below it is not."""
    model = lib.StudentTeacher(lib.power_law(1.0, 4), 2, 2)
    rates = np.linalg.eigvals(jacobian(model, eta, plateau.fixed_point(model.spectrum, 2, eta))).real
    escape = 1 / plateau.escape_time(model.spectrum, 2, eta)
    assert np.min(np.abs(rates - escape)) < 1e-9  # it is still an eigenvalue
    assert (rates.max() > 1.5 * escape) == (eta == 4.6)


@pytest.mark.parametrize("beta", [0.05, 1.0, 3.0])
@pytest.mark.parametrize("levels", [1, 30, 10**6])
@pytest.mark.parametrize("eta", [1e-8, 0.1, 5.0])
def test_secular_equation_over_the_whole_range(beta, levels, eta):
    s, M = lib.power_law(beta, levels), 3
    rate = 1 / plateau.escape_time(s, M, eta)
    point = plateau.fixed_point(s, M, eta)
    V, u, e = np.sqrt(M), 1 / np.sqrt(M), eta / M
    _, _, G, decay, slope = kernels.coefficients(point.R, point.Q, M, V, u)
    assert decay == pytest.approx(-0.5 * e * G, abs=1e-15)
    noise = 0.5 * e * e * G * s.eigenvalues
    distance = rate - noise  # relative rounding 1e-16 rate / distance
    total = np.sum(s.weights * e * slope * s.eigenvalues**2 / distance)
    assert total == pytest.approx(1.0, rel=1e-12 + 1e-15 * rate / distance[0])
    assert distance[0] > 0
    if eta < 1e-6:
        assert rate * plateau.small_eta_escape_time(s, M, eta) == pytest.approx(1.0, rel=1e-6)


def test_law_of_many_levels_and_teachers():
    """Corrections: 1 + 1/2M in M, and 1 - 2 L^-beta / (beta zeta(1 + beta)) in L, to first order."""
    for M in (10, 100):
        ratio = plateau.small_eta_escape_time(lib.power_law(2.0, 10**5), M, 0.1) / plateau.escape_time_law(
            2.0, 10**5, M, 0.1
        )
        assert ratio == pytest.approx(1 + 1 / (2 * M), abs=1 / M**2)


@pytest.mark.parametrize("M", [2, 5, 40])
def test_no_plateau_beyond_the_largest_rate(M):
    s = lib.power_law(1.0, 4)
    limit = plateau.largest_eta(M)
    assert plateau.fixed_point(s, M, limit * (1 - 1e-6)).Q > 1e8
    with pytest.raises(lib.DivergenceError, match=r"^eta\b"):
        plateau.fixed_point(s, M, limit * (1 + 1e-12))
    with pytest.raises(lib.DivergenceError):
        plateau.escape_time(s, M, 2 * limit)


@pytest.mark.parametrize("M, levels, beta, eta", [(2, 1, 1.0, 0.3), (3, 8, 0.3, 1.0), (2, 400, 1.0, 0.2)])
def test_symmetric_path_is_the_flow_of_students_alike(M, levels, beta, eta):
    """From zero overlaps all students stay alike: the flow of one student at eta / K, by another integrator."""
    s = lib.power_law(beta, levels)
    alpha = np.geomspace(0.01, 3.0, 12) * plateau.escape_time(s, M, eta)
    model = lib.StudentTeacher(s, 1, M)
    expected = lib.solve(model, model.initial_overlaps(0.0), eta / M, alpha, rtol=1e-9).eps_g
    np.testing.assert_allclose(plateau.symmetric_error(s, M, eta, alpha), expected, rtol=1e-5)


@pytest.mark.parametrize("M, levels, beta, eta", [(2, 1, 1.0, 0.1), (3, 8, 1.0, 0.1), (2, 16, 1.0, 1.0)])
def test_length_is_that_of_the_flow(M, levels, beta, eta):
    """To linear order in the specialisation, which at the end is a quarter of the rest: a few tenths of tau."""
    model = lib.StudentTeacher(lib.power_law(beta, levels), M, M)
    predicted = plateau.length(model.spectrum, M, eta, 1e-3, 10**6)
    alpha = np.linspace(0.5, 1.6, 600) * predicted
    start = plateau.typical_overlaps(model, 1e-3, 10**6)
    measured = plateau.measured_length(
        lib.solve(model, start, eta, alpha, blocks=False), plateau.fixed_point(model.spectrum, M, eta)
    )
    assert abs(measured - predicted) < 0.4 * plateau.escape_time(model.spectrum, M, eta)


def test_length_grows_with_the_logarithms():
    """By tau / 2 for a factor e in N and by tau for one in 1 / sigma_J, once the plateau is reached."""
    s, eta = lib.power_law(0.5, 2), 0.1
    tau = plateau.escape_time(s, 2, eta)
    base = plateau.length(s, 2, eta, 1e-6, 10**8)
    assert plateau.length(s, 2, eta, 1e-6, 10**10) - base == pytest.approx(tau * np.log(10), rel=1e-3)
    assert plateau.length(s, 2, eta, 1e-8, 10**8) - base == pytest.approx(tau * np.log(100), rel=1e-3)


def test_length_against_sgd():
    """Mean over seeds, on levels with a plateau. Exit times scatter by about 1.3 tau (the logarithm of a Gaussian,
    and the kicks of single examples); the end's nonlinearity and the kicks move the mean by some 0.3 tau."""
    model = lib.StudentTeacher(lib.power_law(1.0, 4), 2, 2)
    eta, N, runs = 0.5, 512, 24
    s = model.spectrum
    tau, predicted = plateau.escape_time(s, 2, eta), plateau.length(s, 2, eta, 0.01, N)
    sgd = lib.simulate(model, N, eta, np.linspace(0.1, 3.0, 240) * predicted, 0.01, seeds=runs, method="reduced")
    measured = plateau.measured_length(sgd, plateau.fixed_point(s, 2, eta))
    assert not np.isnan(measured).any()
    assert abs(measured.mean() - predicted) < (4 * 1.3 / np.sqrt(runs) + 0.3) * tau
    assert 0.5 < measured.std() / tau < 2.5


def test_start_shape_is_nearly_the_exact_variance():
    """S of a start in proportion to lambda against that of independent levels: a Cauchy-Schwarz ratio near 1."""
    s, eta, M = lib.power_law(1.0, 12), 0.2, 2
    lam, b = s.eigenvalues, np.sqrt(s.weights) * s.eigenvalues
    V, u, e = np.sqrt(M), 1 / np.sqrt(M), eta / M
    steps = 20_000
    h = 6 * plateau.escape_time(s, M, eta) / steps
    r, q, y = np.zeros(12), np.zeros(12), np.eye(12)
    for _ in range(steps):  # Euler, first order: enough for a ratio near 1
        Q, R = (s.weights * lam) @ q, (s.weights * lam) @ r
        A, c, G, decay, slope = kernels.coefficients(R, Q, M, V, u)
        y += h * e * (slope * np.outer(b, b @ y) - decay * lam[:, None] * y)
        q += h * e * lam * (2 * A * q + 2 * M * c * r + e * G)
        r += h * e * lam * (A * r + c)
    gain = b @ y
    assert 1 <= np.linalg.norm(gain) / (gain @ b / np.linalg.norm(b)) < 1.02


def test_length_and_masking_are_the_end():
    s = lib.power_law(1.0, 8)
    end = plateau.end(s, 3, 0.1, 0.01, 10**4, 2)
    assert (end.length, end.masking) == (
        plateau.length(s, 3, 0.1, 0.01, 10**4, 2),
        plateau.masking(s, 3, 0.1, 0.01, 10**4, 2),
    )


@pytest.mark.parametrize("K, M", [(2, 2), (3, 3), (2, 5)])
def test_missed_levels_cost_an_error_of_second_order(K, M):
    """The constants of masking_law from the kernels: rho tau <lambda^2> = 4 M^2 - 1, and eps_g's slope in Q."""
    one, V, u = lib.power_law(1.0, 1), np.sqrt(M), 1 / np.sqrt(M)
    point = plateau.fixed_point(one, M, 0.0, K)
    c = kernels.coefficients(point.R, point.Q, M, V, u)[1]
    tau = plateau.small_eta_escape_time(one, M, 0.3, K)
    assert 0.3 * c / (K * point.R) * tau == pytest.approx(4 * M**2 - 1, rel=1e-13)
    h = 1e-5
    slope_Q, slope_R = (
        (kernels.error(point.R + y, point.Q + x, M, V, u) - kernels.error(point.R - y, point.Q - x, M, V, u)) / (2 * h)
        for x, y in ((h, 0.0), (0.0, h))
    )
    # differences: rounding 1e-16 / h, and h^2 of third derivatives, here up to some hundreds
    assert 2 * point.Q * slope_Q + point.R * slope_R == pytest.approx(0.0, abs=1e-7)
    assert point.Q * slope_Q / point.height == pytest.approx(plateau.masking_law(one, M, 0.0), rel=1e-6)


@pytest.mark.parametrize("M, beta", [(2, 1.0), (3, 0.5), (5, 2.0)])
def test_masking_law_is_the_flow_of_many_levels(M, beta):
    """One student from zero, by lib.solve. The law neglects eta and the square of the missed share of the unit."""
    s, eta = lib.power_law(beta, 2000), 1e-3
    times = np.array([3.0, 10.0, 30.0])
    model, point = lib.StudentTeacher(s, 1, M), plateau.fixed_point(s, M, eta)
    alpha = times * plateau.small_eta_escape_time(s, M, eta)
    flow = lib.solve(model, model.initial_overlaps(0.0), eta / M, alpha, rtol=1e-9, blocks=False)
    law = plateau.masking_law(s, M, times)
    missed = law / plateau.masking_law(s, M, 0.0)
    assert np.all(np.abs((flow.eps_g / point.height - 1) / law - 1) < missed + 2 * eta)


@pytest.mark.parametrize("L, students", [(1, 2), (4, 2), (4, 3)])
def test_kick_share_against_the_variances_of_a_linear_equation(L, students):
    """Two covariances of the levels' specialisations, of initial weights and of kicks, integrated from the plateau.

    The kicks' strength is taken from the noise matrix G of two students that differ a little, and of teachers whose
    difference has a little more or less variance: no quadrature. The closed form is leading order in eta."""
    s, eta, K, M = lib.power_law(1.0, L), 1e-3, students, 2
    lam, w, small = s.eigenvalues, s.weights, 1e-4
    point, model = plateau.fixed_point(s, M, eta, K), lib.StudentTeacher(s, K, M)

    def kick(more):
        """<(delta_1 - delta_2)^2> over the variance of x_1 - x_2, the variance of (y_1 - y_2)/sqrt 2 being 1 + more."""
        difference = np.zeros(K)
        difference[:2] = 1.0, -1.0
        Q = point.Q + 0.25 * small * np.outer(difference, difference)  # Var(x_1 - x_2) = small
        T = np.eye(2) + 0.5 * more * np.array([[1.0, -1.0], [-1.0, 1.0]])
        G = lib.averages.coefficients(model, Q, np.full((K, M), point.R), T)[2]
        return difference @ G @ difference / small

    a, excess = kick(0.0), (kick(1e-3) - kick(-1e-3)) / 1e-3  # <h^2>, and <h^2 V^2> - <h^2> by Stein's lemma
    V, u, e = np.sqrt(M), 1 / np.sqrt(M), eta / K
    *_, decay, slope = kernels.coefficients(point.R, point.Q, M, V, u)
    growth = e * (slope * np.outer(lam, w * lam) - decay * np.diag(lam))
    kicks = 2 * eta**2 * (a * np.diag(lam / w) + excess * np.outer(lam, lam))  # of D with variance 2 per direction
    rates, left = np.linalg.eig(growth.T)
    gamma, l = rates.real.max(), left[:, np.argmax(rates.real)].real
    share = (l @ kicks @ l) / (2 * gamma) / (l @ np.diag(2 / w) @ l)
    assert plateau.kick_share(s, eta, K) == pytest.approx(share, rel=5e-3)  # order eta, and finite differences


@pytest.mark.parametrize(
    "L, eta, low, high", [(1, 0.25, 0.9, 1.0), (1, 1.0, 0.9, 1.1), (4, 1.0, 1.0, 1.11), (16, 1.0, 1.0, 1.26)]
)
def test_kicks_on_the_way(L, eta, low, high):
    """The same two covariances from the start of training, which the closed form neglects, for K = M = 2."""
    s, sigma_J = lib.power_law(1.0, L), 0.01
    lam, w = s.eigenvalues, s.weights
    V, u, e = np.sqrt(2), 1 / np.sqrt(2), eta / 2
    g, slope = lib.averages.activation("erf")

    def moments(Q, R):
        C = np.array([[Q, R, R], [R, 1.0, 0.0], [R, 0.0, 1.0]])

        def squared(x, y1, y2):
            return (u * (g(y1) + g(y2)) - V * g(x)) ** 2 * (x * slope(x)) ** 2

        return (
            lib.averages.quadrature(C, squared, 12)[0],
            lib.averages.quadrature(C, lambda x, y1, y2: squared(x, y1, y2) * 0.5 * (y1 - y2) ** 2, 12)[0],
        )

    def velocity(_, z):
        r, q, D = z[: 3 * L].reshape(3, L)
        start, kicks = z[3 * L :].reshape(2, L, L)
        R, Q, width = ((w * lam) @ x for x in (r, q, D))
        A, c, G, decay, drive = kernels.coefficients(R, Q, 2, V, u)
        a, b = moments(Q, R)
        growth = e * (drive * np.outer(lam, w * lam) - decay * np.diag(lam))
        noise = 0.5 * eta**2 * width * (a * np.diag(lam / w) + (b - a) * np.outer(lam, lam))
        return np.concatenate(
            [
                e * lam * (A * r + c),
                e * lam * (2 * A * q + 4 * c * r + e * G),
                -2 * e * decay * lam * D + 0.5 * eta**2 * lam * a * width,
                (growth @ start + start @ growth.T).ravel(),
                (growth @ kicks + kicks @ growth.T + noise).ravel(),
            ]
        )

    begin = [
        np.zeros(L),
        np.full(L, sigma_J**2),
        np.full(L, 2 * sigma_J**2),
        np.diag(2 * sigma_J**2 / w).ravel(),
        np.zeros(L * L),
    ]
    end = plateau.length(s, 2, eta, sigma_J, 256)
    last = solve_ivp(velocity, (0, end), np.concatenate(begin), rtol=1e-5, atol=1e-12).y[:, -1]
    start, kicks = last[3 * L :].reshape(2, L, L)
    share = ((w * lam) @ kicks @ (w * lam)) / ((w * lam) @ start @ (w * lam))
    assert low < np.sqrt(share / plateau.kick_share(s, eta)) < high
    # two integrations to 1e-5 a step, over some hundred steps, with 12 and 14 nodes
    assert plateau.kick_share_on_the_way(s, eta, sigma_J, end) == pytest.approx(share, rel=2e-3)


def test_kicks_on_the_way_double_the_variance_of_a_rare_strong_level():
    """One level of 1/64 of the directions with a quarter of the variance.

    Until the other level has arrived, kicks are stronger.
    """
    s = lib.Spectrum([16.0, 0.75 * 64 / 63], weights=[1 / 64, 63 / 64])
    share = plateau.kick_share_on_the_way(s, 1.0, 0.01, 3.5 * plateau.escape_time(s, 2, 1.0))
    assert 1.7 < np.sqrt(share / plateau.kick_share(s, 1.0)) < 1.8


@pytest.mark.slow("quadratures and simulations of ten seconds each")
def test_without_the_term_in_a_the_share_would_be_another(monkeypatch):
    """What the chapter's claim excludes: no a <lambda^3>, or b <lambda^2>^2 as for a single level.

    Of square roots, by quadrature.
    """
    rare = lib.Spectrum([16.0, 0.75 * 64 / 63], weights=[1 / 64, 63 / 64])
    cases = (lib.power_law(1.0, 4), 3.0), (rare, 3.5)
    strength, shares = plateau._kick_strength, []
    for change in (lambda a, b: (a, b), lambda a, b: (0.0, b - a), lambda a, b: (0.0, b)):
        monkeypatch.setattr(plateau, "_kick_strength", lambda Q, R, points: change(*strength(Q, R, points)))
        shares.append(
            [plateau.kick_share_on_the_way(s, 1.0, 0.01, times * plateau.escape_time(s, 2, 1.0)) for s, times in cases]
        )
    np.testing.assert_allclose(np.sqrt(np.divide(shares[0], shares[1])), [1.69, 2.58], atol=0.01)
    np.testing.assert_allclose(np.sqrt(np.divide(shares[0], shares[2])), [1.08, 1.48], atol=0.01)


@pytest.mark.slow("quadratures and simulations of ten seconds each")
def test_kicks_against_sgd():
    """Specialisations of runs less those of the flows from their own weights, at three escape times: all is linear.

    The standard deviation of 400 nearly normal numbers is known to 4 %; four of these, and 3 % for N = 1024."""
    s, eta, N, sigma_J = lib.power_law(1.0, 4), 1.0, 1024, 0.01
    model, time = lib.StudentTeacher(s, 2, 2), 3 * plateau.escape_time(s, 2, eta)
    starts = [model.initial_overlaps(sigma_J, N, seed) for seed in range(400)]
    difference = np.array([[1.0, -1.0], [-1.0, 1.0]])
    own = np.array([np.sum(lib.solve(model, start, eta, [time], blocks=False).R[0] * difference) for start in starts])
    runs = np.sum(lib.simulate(model, N, eta, [time], sigma_J, 400, method="reduced").R[:, 0] * difference, axis=(1, 2))
    first = np.array([np.sum(start.r * difference, axis=(1, 2)) for start in starts])
    gain = np.linalg.lstsq(first, own)[0]
    variance = np.sum(gain**2 * 4 * sigma_J**2 / (s.weights * N))  # of the flows', from that of the weights
    measured = np.sqrt(np.mean((runs - own) ** 2) / variance)
    assert measured == pytest.approx(np.sqrt(plateau.kick_share_on_the_way(s, eta, sigma_J, time)), rel=0.19)


def test_measured_length_of_curves():
    s = lib.power_law(1.0, 2)
    point = plateau.fixed_point(s, 2)
    level = 0.25 * 2 * point.R  # of |R~|
    special = np.array([[0.5, -0.5], [-0.5, 0.5]]) * level  # a pattern of norm |R~| = level
    R = point.R + np.exp(np.array([-2.0, -1.0, 1.0]))[:, None, None] * special
    alpha = np.array([1.0, 2.0, 4.0])
    curve = lib.Curve(alpha, None, R, None, None)
    assert plateau.measured_length(curve, point) == pytest.approx(3.0)
    several = lib.Curve(alpha, None, np.stack([R, np.full_like(R, point.R) + 1e-9 * special]), None, None)
    np.testing.assert_allclose(plateau.measured_length(several, point), [3.0, np.nan])


def test_start_beyond_the_end_has_no_plateau():
    assert plateau.length(lib.power_law(1.0, 2), 2, 0.1, 5.0, 4) == 0.0


BAD = [
    (lambda s: plateau.fixed_point(s, 0), "teachers"),
    (lambda s: plateau.fixed_point(s, 2, -0.1), "eta"),
    (lambda s: plateau.fixed_point(s, 2, np.nan), "eta"),
    (lambda s: plateau.fixed_point(s, 2, 0.1, students=0), "students"),
    (lambda s: plateau.escape_time(s, 1, 0.1), "teachers"),
    (lambda s: plateau.escape_time(s, 2, 0.1, strength=[1.0]), "strength"),
    (lambda s: plateau.escape_time(s, 2, 0.1, strength=[2.0] * 4), "strength"),
    (lambda s: plateau.small_eta_escape_time(s, 2, 0.1, strength=[2.0] * 4), "strength"),
    (lambda s: plateau.fixed_point(s, 2, 0.1, strength=[2.0] * 4), "strength"),
    (lambda s: plateau.typical_overlaps(lib.StudentTeacher(s, strength=lib.source(s, 1.0)), 0.1, 40), "model.strength"),
    (lambda s: plateau.escape_time(s, 2, 0.0), "eta"),
    (lambda s: plateau.escape_time(s, 2, 0.1, students=1), "students"),
    (lambda s: plateau.escape_time_law(0.0, 2, 2, 0.1), "beta"),
    (lambda s: plateau.length(s, 2, 0.1, 0.0, 100), "sigma_J"),
    (lambda s: plateau.length(s, 2, 0.1, 0.01, 0), "N"),
    (lambda s: plateau.symmetric_error(s, 2, 0.1, [2, 1]), "alpha"),
    (lambda s: plateau.masking_law(s, 2, -1.0), "times"),
    (lambda s: plateau.masking_law(s, 1, 1.0), "teachers"),
    (lambda s: plateau.kick_share_on_the_way(s, 0.0, 0.01, 1.0), "eta"),
    (lambda s: plateau.kick_share_on_the_way(s, 0.1, 0.0, 1.0), "sigma_J"),
    (lambda s: plateau.kick_share_on_the_way(s, 0.1, 0.01, 0.0), "alpha"),
]


@pytest.mark.slow("quadratures and simulations of ten seconds each")
def test_the_share_on_the_way_is_found_at_small_rates_too():
    """A small rate leaves students in the teachers' span, where a trial step can leave the covariances.

    In proportion to eta like the closed form, and above it by what the way to the plateau adds: some tenths.
    """
    for levels in (4, 16):
        s = lib.power_law(1.0, levels)
        shares = [
            plateau.kick_share_on_the_way(s, eta, 0.01, plateau.length(s, 2, eta, 0.01, 1024)) for eta in (0.1, 0.2)
        ]
        closed = [plateau.kick_share(s, eta) for eta in (0.1, 0.2)]
        assert shares[1] / shares[0] == pytest.approx(2.0, rel=0.15)
        assert all(0.9 < share / value < 2.0 for share, value in zip(shares, closed))


@pytest.mark.parametrize("call, argument", BAD)
def test_bad_input_is_named(call, argument):
    with pytest.raises(ValueError, match=rf"^{argument}\b"):
        call(lib.power_law(1.0, 4))


def test_explorer_gives_the_same_numbers():
    """The explorer's read-outs, its flow, and the code that it shows."""
    from lib.widgets import explore
    from lib.widgets.experiments import EXPERIMENTS
    from lib.widgets.run import decode

    x, explorer = EXPERIMENTS["plateau"], explore("plateau", alpha_max=1500.0, N=64, teachers=3)
    p, data = np.array([float(getattr(explorer, c.name)) for c in x.controls]), np.zeros(0)
    work = np.zeros(int(x.size(p, data)))
    assert x.start(p, data, work) == 0.0
    for _ in range(100):
        x.advance(p, data, work)
    (readouts, curves, _), names = decode(x, work), {}
    exec(program(explorer), names)
    assert readouts["height"] == pytest.approx(names["point"].height, rel=1e-12)
    assert readouts["tau"] == pytest.approx(names["tau"], rel=1e-12)
    # 121 points over five decades of time, and two integrators' tolerances amplified by the escape
    np.testing.assert_allclose(curves["flow"].y[::40], names["flow"].eps_g[::40], rtol=1e-3)
    assert readouts["exit"] == pytest.approx(names["exit"], rel=1e-2)
    assert names["sgd"].eps_g.shape == (1, 25)
