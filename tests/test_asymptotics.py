"""lib.asymptotics: the linear theory of late times, against the flow's Jacobian, the flow, SGD and golden numbers."""

import numpy as np
import pytest
from scipy.special import gamma
from test_programs import program

import lib
from lib import asymptotics
from lib.kernels import flow as kernels
from lib.kernels.averages import ERF, Network
from lib.widgets import explore


def near_teacher(spectrum, M, eta, alpha, sigma_J=1e-2, alignment=1.0, rtol=1e-8):
    model = lib.StudentTeacher(spectrum, M, M)
    start = model.initial_overlaps(sigma_J, alignment=alignment)
    return lib.solve(model, start, eta, alpha, rtol=rtol, blocks=False).eps_g


def jacobian(spectrum, M, eta):
    """Central differences of the whole flow at the teacher, in r and the symmetric part of q."""
    L = spectrum.levels
    pairs = [(i, j) for i in range(M) for j in range(i + 1)]
    t = np.tile(np.eye(M), (L, 1, 1))

    def velocity(z):
        r = z[: L * M * M].reshape(L, M, M).copy()
        q = np.empty((L, M, M))
        for p, (i, j) in enumerate(pairs):
            q[:, i, j] = q[:, j, i] = z[L * M * M :].reshape(L, -1)[:, p]
        dr, dq = np.empty_like(r), np.empty_like(q)
        v = M**-0.5
        levels = kernels.Levels(spectrum.eigenvalues, spectrum.weights, r, q, t)
        shapes = (M, M), (M, M), (2 * M, 2 * M), (M, 2 * M), (M, M)
        totals = kernels.Totals(*map(np.empty, shapes))
        kernels.flow(levels, np.eye(M), eta, Network(v, v, ERF), totals, dr, dq)
        return np.concatenate([dr.ravel(), np.stack([dq[:, i, j] for i, j in pairs], axis=1).ravel()])

    q = np.tile([float(i == j) for i, j in pairs], (L, 1))
    z, h = np.concatenate([t.ravel(), q.ravel()]), 1e-6
    return np.stack([(velocity(z + h * d) - velocity(z - h * d)) / (2 * h) for d in np.eye(z.size)], axis=1)


@pytest.mark.parametrize("M, golden", list(enumerate((4.0557786760, 2.3068276961, 1.6206745061, 1.2493927807), 1)))
def test_critical_eta_golden(M, golden):
    # of another implementation, for unscaled outputs: the book's rate is M times that; 11 digits are listed
    assert asymptotics.critical_eta(lib.power_law(0.5, 7), M) == pytest.approx(M * golden, rel=1e-10)


def test_critical_eta_limits():
    s = lib.power_law(1.0, 3)
    assert asymptotics.critical_eta(s, 1) == pytest.approx(np.pi * np.sqrt(5 / 3), rel=1e-13)
    # corrections are of order 1/M
    assert asymptotics.critical_eta(s, 10**6) == pytest.approx(np.pi * np.sqrt(3), rel=1e-5)


@pytest.mark.parametrize("eta, golden", [(1.0, (1.1905, 1.2807)), (2.0, (1.5194, 1.7765))])
def test_amplification_golden(eta, golden):
    np.testing.assert_allclose(asymptotics.amplification(2, eta), golden, atol=5.1e-5)  # four decimals listed


def test_isotropic_golden_rate():
    # L = 1, M = 2: eps falls as exp(-2 * 0.0441848 eta/M alpha), slower than 0.0984854 of the e-sector
    found = asymptotics.rates(lib.power_law(1.0, 1), 2, 1e-7)
    assert found.final == pytest.approx(0.0883696e-7 / 2, rel=1e-6)
    assert found.error[0] == pytest.approx(0.0984854e-7 / 2, rel=1e-6)


@pytest.mark.parametrize("M, L, beta, eta", [(1, 3, 1.0, 2.0), (2, 1, 1.0, 1.0), (2, 4, 0.5, 3.0), (3, 3, 1.0, 4.0)])
def test_rates_are_in_the_jacobian(M, L, beta, eta):
    s = lib.power_law(beta, L)
    size = min(M, 2) * L
    found = asymptotics.rates(s, M, eta, modes=size)
    spectrum = -np.linalg.eigvals(jacobian(s, M, eta))
    for rate in np.concatenate([found.error, found.overlap]):
        # central differences: h^2 of third derivatives and 1e-16/h of rounding, 1e-9 of the largest entry
        assert np.abs(spectrum - rate).min() < 1e-8 * np.abs(spectrum).max()


@pytest.mark.parametrize("L", [1, 4])
def test_critical_eta_is_the_jacobian_s(L):
    s = lib.power_law(1.0, L)
    critical = asymptotics.critical_eta(s, 2)
    for factor, sign in ((0.999, -1), (1.001, 1)):
        assert np.sign(np.linalg.eigvals(jacobian(s, 2, factor * critical)).real.max()) == sign
        assert np.sign(asymptotics.rates(s, 2, factor * critical).error[0]) == -sign


@pytest.mark.parametrize("beta", [0.05, 1.0, 3.0])
@pytest.mark.parametrize("M", [1, 2, 5])
@pytest.mark.parametrize("share", [0.05, 0.9])
def test_error_is_the_matrix_exponential(beta, M, share):
    s = lib.power_law(beta, 12)
    eta = share * asymptotics.critical_eta(s, M)
    c, g = asymptotics.couplings(M), eta / M
    z = np.sqrt(s.weights) * s.eigenvalues
    decay, basis = np.linalg.eigh(np.diag(np.outer(2 * c.H, s.eigenvalues).ravel()) - g * np.kron(c.X, np.outer(z, z)))
    alpha = np.concatenate([[0.0], np.geomspace(1e-3, 20, 12) / (g * decay[0])])
    start = np.outer(c.identity, np.sqrt(s.weights)).ravel() @ basis
    end = np.outer(c.H * c.identity, z).ravel() @ basis
    exact = np.array([np.sum(start * end * np.exp(-g * decay * a)) for a in alpha]) / (2 * M)
    # eigh knows the smallest rate to 1e-16 of the largest, which 20 decay times multiply
    loss = 40 * 2e-16 * decay[-1] / decay[0]
    np.testing.assert_allclose(asymptotics.error(s, M, eta, alpha), exact, rtol=1e-10 + loss)


@pytest.mark.parametrize("M, L, beta, eta", [(1, 4, 1.0, 1.0), (2, 1, 1.0, 2.0), (2, 64, 1.0, 1.0), (3, 16, 0.5, 3.0)])
def test_error_against_the_flow(M, L, beta, eta):
    s = lib.power_law(beta, L)
    alpha = np.geomspace(0.01, 1, 8) * asymptotics.law(s, M, eta).sectors[0][1]
    # next order: relative e = sigma_J^2 = 1e-4, with coefficients of order one
    np.testing.assert_allclose(near_teacher(s, M, eta, alpha), asymptotics.error(s, M, eta, alpha, 1e-4), rtol=1e-3)


def test_error_starts_from_overlaps_on_the_way():
    """Whole curve, through the plateau: from overlaps of the flow at a late time the theory predicts the rest."""
    s = lib.power_law(1.0, 16)
    model = lib.StudentTeacher(s, 2, 2)
    curve = lib.solve(model, model.initial_overlaps(1e-2, alignment=1e-3), 1.0, [0.0, 1500.0, 2000.0, 4000.0])
    late = lib.Overlaps(curve.r[1], curve.q[1], model.initial_overlaps(0.0).t)
    predicted = asymptotics.error(s, 2, 1.0, [0.0, 500.0, 2500.0], late)
    # feedback along the teacher lowers the last level's rate by 0.1 % of itself: 1 % of eps after ten decay times
    np.testing.assert_allclose(predicted, curve.eps_g[1:], rtol=0.05)


def test_final_exponential_from_along_the_teacher():
    """Started along the teacher, eps_g falls with twice the overlap sector's rate, not with that of e."""
    for L in (1, 4):
        s = lib.power_law(1.0, L)
        rate = asymptotics.rates(s, 2, 0.02).final
        alpha = np.array([9.0, 10.0]) / rate
        eps = near_teacher(s, 2, 0.02, alpha, 1e-3, 0.9, 1e-11)
        # other modes: below 1e-3 of the rate by then (measured 9e-4 at L = 4)
        assert np.log(eps[0] / eps[1]) / np.diff(alpha)[0] == pytest.approx(rate, rel=2e-3)


def modes(M, beta, L, alpha):
    """The sum of 2 L exponentials and the two terms of its law, (sum, power, constant), in a time that is
    alpha/M/(2 eta a_0 lambda_L)^-1: written out a second time, without the library."""
    a = (2 / np.sqrt(3) - 1) / np.pi + np.array([0.0, M / np.pi])
    k, parts, s = np.arange(1.0, L + 1), np.array([M - 1, 1]) * a, beta / (1 + beta)
    y = np.multiply.outer(np.asarray(alpha) * L ** (1 + beta), a / a[0])
    total = np.array([[np.sum(k ** -(1 + beta) * np.exp(-x * k ** -(1 + beta))) for x in row] for row in y]) @ parts
    zeta = np.sum(k ** -(1 + beta))
    power = gamma(s) / (1 + beta) * y**-s @ parts
    return total / (2 * M * zeta), power / (2 * M * zeta), parts.sum() * (L + 0.5) ** -beta / beta / (2 * M * zeta)


@pytest.mark.parametrize(
    "M, ratios, negative, slope",
    [
        (2, (1.015, 1.34, 3.6), 0.080, 0.454),
        (5, (1.04, 1.64, 4.4), 0.0539, 0.412),
        (40, (1.25, 2.4, 6.2), 0.0268, 0.311),
    ],
)
def test_the_law_of_both_sectors_is_over_long_before_the_last_level(M, ratios, negative, slope):
    """beta = 1, L = 10^5; times in units of M/(2 eta a_0 lambda_L), where the slow sector ends."""
    total, power, constant = modes(M, 1.0, 10**5, [1e-2, 1e-1, 1.0])
    np.testing.assert_allclose((total + constant) / power, ratios, rtol=0.01)
    late = np.geomspace(1e-3, 1e-1, 60)
    total, power, constant = modes(M, 1.0, 10**5, late)
    # s = 1/2: power is 1/sqrt of time, so that it falls below the constant where
    assert late[0] * (power[0] / constant) ** 2 == pytest.approx(negative, rel=0.02)
    fit = lib.fit_power_law(late, total + constant, (late[0], late[-1]))
    assert -fit.exponent == pytest.approx(slope, abs=0.001)  # not 0.5


@pytest.mark.parametrize("beta", [0.5, 1.0])
@pytest.mark.parametrize("M", [2, 5, 40])
def test_the_law_holds_up_to_the_end_of_its_fast_sector(M, beta):
    s, eta = lib.power_law(beta, 10**5), 1e-6
    law, H = asymptotics.law(s, M, eta), asymptotics.couplings(M).H
    assert law.window == pytest.approx(
        (M / (2 * eta * H[0] * s.eigenvalues[0]), M / (2 * eta * H[1] * s.eigenvalues[-1]))
    )
    assert law.sectors == tuple(pytest.approx(M / (2 * eta * a * s.eigenvalues[[0, -1]])) for a in H)
    alpha = np.geomspace(1e-3, 1e-1, 40) * law.window[1]
    total, power, constant = modes(M, beta, 10**5, alpha / law.sectors[0][1])
    np.testing.assert_allclose(law(alpha), power - constant, rtol=1e-5)
    np.testing.assert_allclose(asymptotics.mode_sum(s, M, eta, alpha), total, rtol=1e-5)
    # what the constant leaves out is of the order alpha/alpha_max: beta/(1 + 2 beta) of it, less in the slow sector
    excess = (total + constant - power) / constant
    assert np.all(excess <= beta / (1 + 2 * beta) * alpha / law.window[1] + 1e-5) and np.all(excess > -1e-5)
    fit = lib.fit_power_law(alpha, total + constant, (alpha[0], alpha[-1]))
    assert -fit.exponent == pytest.approx(law.exponent, abs=0.004)
    assert -lib.fit_power_law(alpha, total, (alpha[0], alpha[-1])).exponent > law.exponent + 0.02


def test_beyond_the_window_the_slow_sector_goes_on_alone():
    s, M, eta = lib.power_law(1.0, 10**5), 40, 0.01
    both, slow, fast = (asymptotics.law(s, M, eta, sector=x) for x in (None, 0, 1))
    assert slow.window == both.sectors[0] and fast.window == both.sectors[1]
    assert both.prefactor == pytest.approx(slow.prefactor + fast.prefactor)
    assert both.offset == pytest.approx(slow.offset + fast.offset)
    alpha = np.array([5.0, 10.0, 20.0]) * both.window[1]
    curve = asymptotics.mode_sum(s, M, eta, alpha)
    # at 5 alpha_max e^-5 of the fast sector's last level is left, at 20 a thirteenth of the slow sector's time has
    # passed
    np.testing.assert_allclose(slow(alpha), curve, rtol=0.015)
    assert np.all(both(alpha) < 0.75 * curve) and both(alpha[-1]) < 0.0
    single = asymptotics.law(s, 1, eta)
    assert single.window == single.sectors[0] == asymptotics.law(s, 1, eta, sector=0).window


def full_flow(beta, L, window, eta=0.01, sigma_J=0.01, points=60):
    """From small random weights through the plateau: times, eps_g and the law, M = 2; window in slow-sector units."""
    s = lib.power_law(beta, L)
    model, law = lib.StudentTeacher(s, 2, 2), asymptotics.law(s, 2, eta, start=1 + sigma_J**2)
    alpha = np.geomspace(*window, points) * law.sectors[0][1]
    start = model.initial_overlaps(sigma_J, N=10**6, seed=0)
    return alpha, lib.solve(model, start, eta, alpha, blocks=False).eps_g, law


@pytest.mark.parametrize("beta, slope", [(1.0, 0.500), (0.5, 0.328), (0.25, 0.188)])
def test_the_flow_from_small_weights_has_the_exponent(beta, slope):
    alpha, eps, law = full_flow(beta, 10**5, (1e-5, 1e-3))
    fit = lib.fit_power_law(alpha, eps, (alpha[0], alpha[-1]), offset=law.offset)
    assert -fit.exponent == pytest.approx(slope, abs=0.001)  # the seed moves the plateau's end: 4e-4 at most
    # the feedback left out is of relative order x = (alpha/alpha_min)^-s, which tilts the fit by 0.14 s x
    x = (alpha[0] / law.window[0]) ** -law.exponent
    assert abs(-fit.exponent - law.exponent) < 0.15 * law.exponent * x + 1e-3


def test_one_level_is_exponential_and_many_are_a_power():
    s = lib.power_law(1.0, 1)
    rate = asymptotics.rates(s, 2, 0.01).final
    alpha, eps, _ = full_flow(1.0, 1, (22, 38), points=33)
    step = -np.diff(np.log(eps)) / np.diff(alpha)  # from eps_g = 1e-4, where rho is still some 1e-2
    np.testing.assert_allclose(step, rate, rtol=0.01)
    alpha, eps, law = full_flow(1.0, 10**5, (1e-5, 1e-3))
    slope = -np.diff(np.log(eps + law.offset)) / np.diff(np.log(alpha))
    np.testing.assert_allclose(slope, 0.5, rtol=0.01)


def test_amplified_sum_is_the_exact_error_in_the_window():
    s, M, eta = lib.power_law(1.0, 4096), 2, 2.0
    alpha = np.geomspace(1e-2, 1, 5) * asymptotics.law(s, M, eta).window[1]
    # neglected: p E_0(p) ~ alpha^-s, 1 % at the first time
    np.testing.assert_allclose(asymptotics.mode_sum(s, M, eta, alpha), asymptotics.error(s, M, eta, alpha), rtol=0.02)


def test_the_feedback_s_matrix_has_the_entries_of_the_chapter():
    phi = 4 / (3 * np.sqrt(3) * np.pi)
    for M in (2, 3, 7):
        side = -np.sqrt(M - 1) / (2 * M) * (2 * phi + (M - 2) / np.pi)
        expected = [[(M - 1) / M * (1 / np.pi - phi), side], [side, -(phi + (M - 1) / np.pi) / M]]
        np.testing.assert_allclose(asymptotics.couplings(M).Phi, expected, rtol=1e-12)


def test_the_fastest_final_decay_for_many_units():
    s, M = lib.power_law(1.0, 1), 4096
    limit = asymptotics.critical_eta(None, M)
    u = np.linspace(0.70, 0.76, 601)
    final = [asymptotics.rates(s, M, x * limit).final for x in u]
    # the next order is 1/M; the grid is 1e-4
    assert u[np.argmax(final)] == pytest.approx(np.sqrt(3) - 1, abs=3e-4)
    for x in (0.2, 0.6, 0.9):
        slow = 2 * x * limit / M * asymptotics.couplings(M).H[0] * (1 - x) / (1 - x * np.sqrt(0.75))
        assert asymptotics.rates(s, M, x * limit).error[0] == pytest.approx(slow, rel=3e-3)


def test_sgd_near_the_teacher():
    s, eta = lib.power_law(1.0, 4), 1.0
    model = lib.StudentTeacher(s, 2, 2)
    sgd = lib.simulate(model, 1024, eta, [1.0, 5.0, 20.0], 0.05, seeds=12, alignment=1.0)
    error = sgd.eps_g.std(axis=0, ddof=1) / np.sqrt(12)
    theory = asymptotics.error(s, 2, eta, sgd.alpha, 0.05**2)
    # 5 standard errors (t, 11 degrees of freedom: 4e-4), and 3 % for sigma_J^2 and M L/N along the teacher
    assert np.all(np.abs(sgd.eps_g.mean(axis=0) - theory) < 5 * error + 0.03 * theory)


def test_beyond_the_critical_rate_the_error_saturates():
    s, M = lib.power_law(1.0, 4), 2
    critical = asymptotics.critical_eta(s, M)
    below, above = (near_teacher(s, M, f * critical, [0.0, 1000.0, 2000.0], 0.05) for f in (0.9, 1.1))
    assert below[-1] < 1e-9
    assert 0.005 < above[-1] < 0.05 and above[1] == pytest.approx(above[2], rel=1e-3)


def test_alignment_is_in_the_overlaps():
    s = lib.power_law(1.0, 2)
    model = lib.StudentTeacher(s, 3, 2)
    mean, drawn = (model.initial_overlaps(0.1, N=N, alignment=0.7) for N in (None, 200_000))
    for a, b in ((mean.r, drawn.r), (mean.q, drawn.q)):
        np.testing.assert_allclose(a, b, atol=5 * 0.1 / np.sqrt(100_000) * 2)  # five standard deviations


def test_a_start_is_any_number():
    s = lib.power_law(1.0, 4)
    np.testing.assert_array_equal(*(asymptotics.error(s, 2, 0.1, [1.0], start=start) for start in (1.0, np.int64(1))))


def test_refusals():
    s = lib.power_law(1.0, 4)
    for call in (
        lambda: asymptotics.error(s, 2, 0.0, [1.0]),
        lambda: asymptotics.error(s, 0, 1.0, [1.0]),
        lambda: asymptotics.error(s, 2, 1.0, [2.0, 1.0]),
        lambda: asymptotics.law(s, 2, 4.7),
        lambda: asymptotics.amplification(1, 4.06),
        lambda: asymptotics.rates(s, 2, 1.0, modes=9),
        lambda: asymptotics.law(lib.Spectrum([1.0, 2.0]), 2, 1.0),
    ):
        with pytest.raises(ValueError):
            call()


@pytest.mark.parametrize("M, L, beta, alignment", [(2, 256, 1.0, 0.1), (3, 4096, 0.5, 0.3), (1, 1, 1.0, 0.1)])
def test_the_explorer_s_program_gives_its_numbers(M, L, beta, alignment):
    explorer = explore("asymptotics", units=M, levels=L, beta=beta, alignment=alignment, N=64, runs=1, until=1.0)
    names = {}
    exec(program(explorer), names)
    result = explorer.result
    seen = names["flow"] > 1e-8
    # the page integrates to 1e-5 a step, and carries levels beyond the 24th on nodes
    for name in ("flow", "modes"):
        np.testing.assert_allclose(result[name].y[seen], names[name][seen], rtol=2e-3)
    for name, fit in (("raw", names["raw"]), ("corrected", names["corrected"])):
        assert result.readouts[name] == pytest.approx(-fit.exponent, abs=1e-4)
        assert result.readouts[name + "_error"] == pytest.approx(fit.exponent - fit.interval()[0], rel=1e-3)
