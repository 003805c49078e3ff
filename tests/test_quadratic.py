"""The chapter on quadratic units: escape, rest, tail, and staircases."""

import math
import warnings

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.special import zeta
from test_checks import says

import lib
from lib import quadratic
from lib.core import divergence
from lib.kernels import aligned
from lib.kernels.integrator import Blocks

RTOL = 1e-8  # of the flow's steps; a run of n steps is accurate to n RTOL, a few 1e-6


def square(u=(1.0,), v=None, levels=8, beta=1.0, students=None, strength=None):
    """Teachers of outputs u, students of outputs v, 1 each if none are given."""
    students = len(u) if students is None else students
    return lib.StudentTeacher(
        lib.power_law(beta, levels),
        students,
        len(u),
        "square",
        strength,
        np.ones(students) if v is None else v,
        np.asarray(u, float),
    )


def slopes(x, y):
    return np.gradient(np.log(y), np.log(x))


# --- Escape ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("L, rate", [(1, 4.0), (10, 18.020578), (100, 161.953329), (1000, 1601.946168)])
def test_escape_from_small_weights(L, rate):
    """Against the flow: 4 <lambda^2>, to what the steps allow over a growth by e^8."""
    model = square(levels=L)
    assert quadratic.escape_rates(model, 1.0) == pytest.approx([rate], rel=1e-7)
    eta = 1e-3
    alpha = np.array([0.0, 2.0, 4.0]) / (rate * eta)
    curve = quadratic.retrieval(model.spectrum, eta, alpha, sigma_J=1e-20, alignment=1e-20)
    assert np.log(curve.R[2] / curve.R[1]) / (alpha[2] - alpha[1]) / eta == pytest.approx(rate, rel=1e-6)


def test_escape_of_each_pair_with_strengths_of_its_own():
    """4 eta v_n u_n <lambda^2 t>, against the book's general flow, which knows no pairs."""
    spectrum = lib.power_law(1.0, 5)
    strength = lib.source(spectrum, 1.0)
    model = square([1.0, 0.5, 0.2], [0.7, 0.9], 5, students=2, strength=strength)
    rates = quadratic.escape_rates(model, 0.01)
    moment = np.sum(spectrum.weights * spectrum.eigenvalues**2 * strength)
    np.testing.assert_allclose(rates, 0.04 * moment * np.array([0.7, 0.45]), rtol=1e-14)
    # R of 1e-6 has a rounding of 1e-9 of itself, and Q shares in its rate as 1e-12
    curve = lib.solve(model, model.initial_overlaps(1e-6, alignment=1e-6), 0.01, [0.0, 1.0 / rates[0]])
    growth = np.log(np.diag(curve.R[1]) / np.diag(curve.R[0])) * rates[0]
    np.testing.assert_allclose(growth, rates, rtol=1e-6)


# --- Rest ------------------------------------------------------------------------------------------------------


def test_critical_rates_that_are_known():
    for levels, beta in ((1, 1.0), (30, 0.5)):
        assert quadratic.critical_eta(square(levels=levels, beta=beta)) == pytest.approx(1 / 6, rel=1e-12)
    K = 5
    equal = square(np.full(K, 0.5), np.full(K, 0.8))
    assert quadratic.critical_eta(equal) == pytest.approx(1 / (2 * K + 4) / 0.4, rel=1e-12)
    assert quadratic.critical_eta(equal, normalised=True) == pytest.approx(1 / (2 * K + 4) / 0.64, rel=1e-12)
    # students without teacher, and teachers without student, change nothing
    assert quadratic.critical_eta(square([1.0, 0.5], students=1)) == pytest.approx(1 / 6, rel=1e-12)
    assert quadratic.critical_eta(square([1.0], students=3)) == pytest.approx(1 / 6, rel=1e-12)


@pytest.mark.parametrize("u, v", [([1.0], [1.0]), ([1.0, 0.6, 0.3], [1.0, 1.0, 1.0]), ([1.0, 0.5], [0.4, 1.5])])
def test_critical_rate_of_the_flow(u, v):
    """From near the teachers: 1 % below it comes to rest there, 1 % above it never does.

    Close to it fluctuations change at the rate 8 eta b lambda times the distance, 1 %: slowly.
    """
    model = square(u, v, levels=2)
    critical = quadratic.critical_eta(model)
    start = model.initial_overlaps(0.03, alignment=1.0)
    start = lib.Overlaps(start.r * np.sqrt(u / np.array(v)), start.q * (u / np.array(v)), start.t)
    below = lib.solve(model, start, 0.99 * critical, [0.0, 1e4], blocks=False)
    assert below.eps_g[1] < 1e-6 * below.eps_g[0]
    with pytest.raises(lib.DivergenceError, match=f"critical learning rate {critical:.4g}"):
        lib.solve(model, start, 1.01 * critical, [0.0, 1e4], blocks=False)


def test_the_rate_is_registered():
    model = square([1.0, 0.5])
    error = divergence.divergence(divergence.Run(model, 1.0, "SGD"), 3.0)
    assert error.critical_eta == quadratic.critical_eta(model)


@pytest.mark.parametrize("normalised", [False, True])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_stationary_error_of_fewer_students(share, normalised):
    """Exact, against the flow at its end; the noise amplifies the rest 1.5 and 10 times."""
    model = square([1.0, 0.7, 0.05], [0.8, 0.9], students=2)
    eta = share * quadratic.critical_eta(model, normalised=normalised)
    curve = quadratic.committee(model, eta, [0.0, 1e4], 0.3, 0.8, normalised=normalised)
    expected = quadratic.stationary_error(model, eta, normalised=normalised)
    rest = 0.05**2
    assert expected > (1.2 if share < 0.5 else 4.0) * rest
    # rounding is relative to u^2 T^2 = 1, and amplified likewise
    assert curve.eps_g[-1] == pytest.approx(expected, rel=1e-9)
    np.testing.assert_allclose(curve.Q[-1], model.teacher_outputs[:2] / model.student_outputs, rtol=1e-7)


@pytest.mark.parametrize("learned", [2, 5, 8])
def test_stationary_error_of_leading_levels(learned):
    """Against the general flow of these levels; above the critical rate of all levels, too."""
    model = square([1.0, 0.7], [0.8, 0.9])
    seen = (np.arange(8) < learned)[:, None, None] * np.eye(2)
    start = lib.Overlaps(0.8 * seen, 0.65 * seen, np.tile(np.eye(2), (8, 1, 1)))
    eta = 0.7 * quadratic.critical_eta(model, learned)
    curve = lib.solve(model, start, eta, [0.0, 1e4], learned=learned, blocks=False)
    expected = quadratic.stationary_error(model, eta, learned)
    assert curve.eps_g[-1] == pytest.approx(expected, rel=1e-8, abs=1e-13)
    assert quadratic.critical_eta(model, learned) >= quadratic.critical_eta(model)


def test_no_rate_is_too_large_where_nothing_is_learned():
    strength = np.array([0.0, 0.0, 8.0 / 6.0, 1.0])
    model = square(strength=strength, levels=4)
    assert quadratic.critical_eta(model, learned=2) == math.inf


def test_a_unit_that_noise_drowns_is_named():
    model = square([1.0, 0.01, 0.5], students=2)
    with pytest.warns(UserWarning, match="eta = 0.1: noise exceeds what student 1"):
        quadratic.stationary_error(model, 0.1)


def test_rates_beyond_the_critical_one():
    model = square()
    with pytest.raises(lib.DivergenceError, match=r"eta = 0.2: must be below the critical learning rate 0.166667"):
        quadratic.stationary_error(model, 0.2)
    with pytest.raises(lib.DivergenceError, match=r"eta = 0.3: .* 0.1667; .* diverged by alpha = ") as caught:
        quadratic.retrieval(model.spectrum, 0.3, [0.0, 1e4], 0.5, 0.5)
    assert caught.value.eta == 0.3 and 0 < caught.value.alpha < 1e4
    # without noise none is too large
    assert quadratic.retrieval(model.spectrum, 0.3, [0.0, 1e4], 0.5, 0.5, noise=False).eps_g[1] < 1e-10


# --- Phase retrieval ---------------------------------------------------------------------------------------------


def test_retrieval_is_the_general_flow():
    spectrum = lib.power_law(1.0, 300)
    strength = lib.source(spectrum, 0.5)
    alpha, model = np.geomspace(0.01, 1e4, 20), square(levels=300, strength=strength)
    curve = quadratic.retrieval(spectrum, 0.03, alpha, 0.1, 0.01, strength)
    general = lib.solve(model, model.initial_overlaps(0.1, alignment=0.01), 0.03, alpha, blocks=False, compress=False)
    np.testing.assert_allclose(curve.eps_g, general.eps_g, rtol=1e-5)
    np.testing.assert_allclose(curve.R, general.R[:, 0, 0], rtol=1e-5)
    np.testing.assert_allclose(curve.Q, general.Q[:, 0, 0], rtol=1e-5)


@pytest.mark.parametrize("students, teachers", [(3, 3), (3, 2), (2, 3)])
def test_committee_is_the_general_flow(students, teachers):
    u = np.arange(1.0, teachers + 1) ** -0.7
    model, alpha = square(u, np.linspace(0.6, 1.0, students), students=students), np.geomspace(0.1, 1e3, 20)
    curve = quadratic.committee(model, 0.01, alpha, 0.1, 0.05)
    start = model.initial_overlaps(0.1, alignment=0.05)
    general = lib.solve(model, start, 0.01, alpha, blocks=False)
    np.testing.assert_allclose(curve.eps_g, general.eps_g, rtol=1e-5)
    np.testing.assert_allclose(curve.Q, np.diagonal(general.Q, axis1=1, axis2=2), rtol=1e-5, atol=1e-9)
    paired = np.diagonal(general.R, axis1=1, axis2=2)
    np.testing.assert_allclose(curve.R[:, : paired.shape[1]], paired, rtol=1e-5)
    assert np.all(curve.R[:, teachers:] == 0.0)


@pytest.mark.parametrize("beta, L", [(1.0, 10**5), (2.0, 10**4), (0.5, 10**6)])
def test_tail(beta, L):
    """A power law with beta/(1+beta), once the mass of the levels beyond L is added; 2 U - U^2; and the prefactor.

    At beta = 1/2 a million levels are few: without their constant the slope is -.35. Corrections are relatively of
    order U, 0.04 at the most where the window begins; of the slope, times the exponent, 0.01.
    """
    spectrum, eta = lib.power_law(beta, L), 0.02
    exponent, leading = beta / (1.0 + beta), spectrum.eigenvalues[0]
    beyond = leading / L / beta * (L + 0.5) ** -beta
    alpha = np.geomspace(1e3, 1e6 if beta < 1 else 1e5, 21) / (eta * leading)
    curve = quadratic.retrieval(spectrum, eta, alpha, sigma_J=1e-6, alignment=1e-6)
    U = curve.unlearned
    fitted = {
        name: -np.polyfit(np.log(alpha), np.log(y + factor * beyond), 1)[0]
        for name, y, factor in (("eps", curve.eps_g, 2), ("R", 1 - curve.R, 1), ("Q", 1 - curve.Q, 1), ("U", U, 1))
    }
    for name, value in fitted.items():
        assert value == pytest.approx(exponent, abs=0.01), (name, fitted)
    np.testing.assert_allclose(curve.eps_g, 2 * U - U**2, rtol=1e-3)
    if beta < 1:
        assert -np.polyfit(np.log(alpha), np.log(curve.eps_g), 1)[0] > exponent + 0.01
    # with its amplification by noise, 1/(1 - 6 eta) = 1.136. Left out is what is relatively of order U, and two delays:
    # ln(1e6) / rate of the escape, and the integral of 1 - Q, U alpha / (1 - exponent)
    delay = math.log(1e6) / quadratic.escape_rates(square(levels=L, beta=beta), eta)[0]
    error = curve.eps_g / quadratic.tail_error(spectrum, eta, alpha) - 1.0
    assert np.all(np.abs(error) < U + exponent * (2 * delay / alpha + U / (1 - exponent)) + 1e-5), np.abs(error).max()


def test_noise_amplifies_the_tail():
    spectrum, eta = lib.power_law(1.0, 10**4), 0.1
    alpha = np.geomspace(1e3, 1e5, 5) / (eta * spectrum.eigenvalues[0])
    with_noise, without = (
        quadratic.retrieval(spectrum, eta, alpha, 1e-6, 1e-6, noise=noise).eps_g for noise in (True, False)
    )
    # 1/(1 - 6 eta) = 2.5, up to relative order U sqrt: 1 % at these errors
    np.testing.assert_allclose(with_noise / without, 2.5, rtol=0.02)


# --- The normalised step -----------------------------------------------------------------------------------------


def test_the_normalised_step_escapes_faster_by_the_start():
    """rate / Q(0), before Q has moved: its own relative rate is as large, so only the first tenth of a unit is used."""
    model, Q = square(levels=4), 1e-4
    rate = quadratic.escape_rates(model, 1e-3)[0] / Q
    alpha = np.array([0.0, 1e-4]) / rate
    curve = quadratic.retrieval(model.spectrum, 1e-3, alpha, 0.01, 1e-6, normalised=True, noise=False)
    assert np.log(curve.R[1] / curve.R[0]) / 1e-4 == pytest.approx(1.0, abs=3e-4)


def test_without_noise_the_normalised_step_has_no_staircase():
    """Half-times in gradient flow: equal, where the plain step's are like ln(u_n/s_0) / u_n, with s_0 = R^2 = 1e-14."""
    u = np.arange(1.0, 9.0) ** -1.0
    model, alpha = square(u, levels=1), np.geomspace(1e-2, 1e2, 2000) / 0.001
    half = {}
    for normalised in (False, True):
        R = quadratic.committee(model, 0.001, alpha, 1e-5, 1e-7, normalised=normalised, noise=False).R
        half[normalised] = alpha[np.argmax(R > 0.5 * np.sqrt(u), axis=0)]
    np.testing.assert_allclose(half[True], half[True][0], rtol=0.05)
    # the grid's spacing is 0.5 %, and half of the height is reached a little after a unit of time in Lambda = 32
    np.testing.assert_allclose(half[False] * u / half[False][0], 1 + np.log(u) / 32, rtol=0.01)
    assert half[True][0] < 0.02 * half[False][0]


def test_noise_brings_the_normalised_staircase_back():
    """Q of waiting units is held at (eta E)^(1/2), and R grows at the rate 4 eta (u_n / Q - 1): one after the other."""
    u, eta, others = np.arange(1.0, 5.0) ** -0.5, 1e-4, 5.0
    model, alpha = square([*u, others], levels=1, students=4), np.linspace(0.5, 0.7, 5) / eta
    curve = quadratic.committee(model, eta, alpha, 1e-4, 1e-40, normalised=True)
    assert curve.R.max() < 1e-8
    # Q^2 has relaxed as exp(-16 eta alpha); in Q^2 = eta (E + 4 Q^2) the last term is 4e-4 of E
    Q = np.sqrt(eta * (others**2 + np.sum(u**2)))
    np.testing.assert_allclose(curve.Q, Q, rtol=1e-3)
    growth = np.log(curve.R[-1] / curve.R[0]) / (alpha[-1] - alpha[0])
    np.testing.assert_allclose(growth, 4 * eta * (u / Q - 1), rtol=2e-3)


@pytest.mark.parametrize("normalised, eta", [(False, 0.06), (True, 0.04)])
def test_flow_is_that_of_weights(normalised, eta):
    """SGD on weights, N = 600: the mean of 30 runs within 4 standard errors, and the flow without noise far from it."""
    N, runs, rng, spectrum = 600, 30, np.random.default_rng(1), lib.power_law(1.0, 4)
    root = np.sqrt(np.repeat(spectrum.eigenvalues, N // 4))
    alpha = np.array([0.25, 1.0, 4.0])
    B = rng.normal(size=(runs, N))
    B /= np.sqrt((B.reshape(runs, 4, -1) ** 2).mean(axis=2)).repeat(N // 4, axis=1)
    J = 0.5 * rng.normal(size=(runs, N)) + 0.3 * B
    errors = []
    for step in range(int(alpha[-1] * N)):
        z = rng.normal(size=(runs, N)) * root
        x, y = (J * z).sum(axis=1) / math.sqrt(N), (B * z).sum(axis=1) / math.sqrt(N)
        Q = ((J * root) ** 2).mean(axis=1)
        change = eta * 2 * x * (y**2 - 1.0 - x**2 + Q) / (Q if normalised else 1.0)
        J += (change / math.sqrt(N))[:, None] * z
        if step + 1 in np.rint(alpha * N):
            Q, R = ((J * root) ** 2).mean(axis=1), (J * B * root**2).mean(axis=1)
            errors.append(Q**2 - 2 * R**2 + 1)
    mean, spread = np.mean(errors, axis=1), np.std(errors, axis=1) / math.sqrt(runs - 1)
    flow, silent = (
        quadratic.retrieval(spectrum, eta, alpha, 0.5, 0.3, normalised=normalised, noise=noise).eps_g
        for noise in (True, False)
    )
    # the mean itself is off the limit by order 1/N, a tenth of a standard error
    assert np.all(np.abs(mean - flow) < 4 * spread), (mean, flow, spread)
    assert np.any(np.abs(mean - silent) > 8 * spread), (mean, silent, spread)


def test_normalised_tails_keep_the_exponent():
    spectrum, eta = lib.power_law(1.0, 10**4), 0.02
    alpha = np.geomspace(1e3, 1e4, 5) / (eta * spectrum.eigenvalues[0])
    plain, normalised = (
        quadratic.retrieval(spectrum, eta, alpha, 1e-3, 1e-3, normalised=normalised).eps_g
        for normalised in (False, True)
    )
    # Q is 1 up to order U at the end, and the escape is forgotten
    np.testing.assert_allclose(normalised, plain, rtol=0.02)


# --- Steps ---------------------------------------------------------------------------------------------------------


def test_steps_solve_their_equation():
    a, lam, eta = np.array([1.0, 0.3, 0.0, 0.2]), np.array([1.0, 0.5, 1.0, 2.0]), 0.1
    start, alpha = np.array([1e-3, 1e-2, 0.5, 0.9]), np.linspace(0.0, 60.0, 7)
    slope = lambda _, s: 8 * eta * lam**2 * s * (a - s)
    found = solve_ivp(slope, (0, 60.0), start, "DOP853", alpha, rtol=1e-12, atol=1e-15).y.T
    np.testing.assert_allclose(quadratic.steps(a, start, eta, alpha, lam), found, rtol=1e-9)
    error = quadratic.steps_error(a, start, eta, alpha, lam)
    np.testing.assert_allclose(error, (lam**2 * (a - found) ** 2).sum(axis=1), rtol=1e-9)


def test_steps_are_aligned_pairs_without_noise():
    """Each pair in a level of its own, through the kernel of the pairs, with output weights 1."""
    a, eta, alpha = np.array([1.0, 0.6, 0.3]), 0.05, np.linspace(0.0, 200.0, 9)
    eigenvalue, own = np.array([1.0, 0.8, 0.7]), np.eye(3)
    s0 = 1e-4
    # one direction: q = s, t = 1, u = a, r^2 = q t; the field's variance is lambda times that
    blocks = Blocks(eigenvalue, eigenvalue, np.zeros(3), np.sqrt(s0) * own, s0 * own, own)
    work = np.empty(aligned.size(3, 3))
    eps, Q, R = np.empty(9), np.empty((9, 3)), np.empty((9, 3))
    aligned.start(blocks, np.ones(3), a, eigenvalue, 0.0, eta, 0.0, work)
    assert aligned.advance(work, alpha, 1e-10, 10**5, eps, Q, R, np.empty((0, 2, 3, 3))) == aligned.DONE
    np.testing.assert_allclose(Q / eigenvalue, quadratic.steps(a, s0, eta, alpha, eigenvalue), rtol=1e-7)
    np.testing.assert_allclose(eps, quadratic.steps_error(a, s0, eta, alpha, eigenvalue), rtol=1e-6)


def test_step_times():
    a, lam = np.array([1.0, 0.5, 0.01]), np.array([1.0, 0.5, 3.0])
    times = quadratic.step_times(a, 1e-4, 0.1, lam)
    for n in range(3):
        assert quadratic.steps(a[[n]], 1e-4, 0.1, times[n], lam[[n]])[0, 0] == pytest.approx(a[n] / 2, rel=1e-12)
    assert quadratic.step_times([1.0, 0.1], 0.2, 0.1)[1] == 0.0
    assert quadratic.step_times([1.0], 1e-300, 0.1) == pytest.approx(math.log(1e300) / 0.8)


def test_steps_at_extreme_arguments():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        a, alpha = np.array([1.0, 1e-300, 0.0, 1e6]), [0.0, 1.0, 1e300]
        s = quadratic.steps(a, 1e-300, 1.0, alpha)
        error = quadratic.steps_error(a, 1e-300, 1.0, alpha)
    assert np.all(np.isfinite(s)) and np.all(np.isfinite(error))
    np.testing.assert_allclose(s[2, [0, 3]], [1.0, 1e6])
    assert error[2] == 0.0


# --- Staircases ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gamma, beta", [(0.75, None), (1.0, None), (1.5, None), (0.4, None), (1.0, 0.5), (0.5, 1.0)])
@pytest.mark.filterwarnings("ignore::lib.quadratic.NoPowerLaw")
def test_staircase_is_the_direct_sum(gamma, beta):
    """The bound of the docstring, while the front is among the directions and after."""
    directions, eta, start = 10**5, 0.1, 1e-12
    n = np.arange(1.0, directions + 1.0)
    eigenvalue = 1.0 if beta is None else n ** -(1.0 + beta)
    alpha = np.concatenate([[0.0], np.geomspace(1.0, 1e7, 15)])
    expected = quadratic.steps_error(n**-gamma, start, eta, alpha, eigenvalue)
    found = quadratic.power_law_staircase(gamma, alpha, eta, start, directions, beta).eps_g
    among = expected > 1e-9
    np.testing.assert_allclose(found[among], expected[among], rtol=1e-10)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-28)


@pytest.mark.parametrize("gamma, beta", [(0.75, None), (1.0, None), (1.5, None), (1.0, 0.5), (0.5, 1.0)])
def test_time_exponent(gamma, beta):
    """The local slope has the exponent with the front's Lambda, known to relative order 1/Lambda^2."""
    start, eta, directions = 1e-30, 0.1, 10**8
    steepness = gamma if beta is None else gamma + 2 + 2 * beta
    alpha = np.geomspace(1.0, 1e3**steepness, 40) * 1e3**steepness * 100
    loss = quadratic.power_law_staircase(gamma, alpha, eta, start, directions, beta).eps_g
    if beta is None:  # of the directions that are left out
        loss = loss + zeta(2 * gamma, directions + 1.0)
    steps = slopes(alpha, loss)[1:-1]
    # the front: 8 eta n^-steepness alpha = Lambda = ln(a_n / start), by iteration
    wait = np.full(alpha.size, -math.log(start))
    for _ in range(50):
        n = (8 * eta * alpha / wait) ** (1 / steepness)
        wait = np.log(n**-gamma / start)
    assert 500 < n[0] < n[-1] < directions / 20
    predicted = np.array([quadratic.time_exponent(gamma, beta, w) for w in wait[1:-1]])
    np.testing.assert_allclose(-steps, predicted, rtol=2.0 / wait.min() ** 2)
    # the window's own error is larger than that, and the limit is the table's
    limit = {(0.75, None): 2 / 3, (1.0, None): 1.0, (1.5, None): 4 / 3, (1.0, 0.5): 1.0, (0.5, 1.0): 8 / 9}
    assert quadratic.time_exponent(gamma, beta) == pytest.approx(limit[gamma, beta], rel=1e-12)


@pytest.mark.parametrize("gamma, beta", [(0.75, None), (1.0, None), (1.0, 0.5), (0.3, 1.0)])
def test_width_exponent(gamma, beta):
    """The floor of K students, all else learned, against the sum of a Hurwitz zeta function."""
    power = 2 * gamma + (0.0 if beta is None else 2 + 2 * beta)
    width, floor = np.array([100, 200, 1000]), []
    for K in width:
        stairs = quadratic.power_law_staircase(gamma, [1e30], 0.1, 1e-30, 10**8, beta, int(K))
        expected = zeta(power, K + 1.0) - zeta(power, 10**8 + 1.0)
        assert stairs.floor == pytest.approx(expected, rel=1e-9)
        assert stairs.eps_g[0] == pytest.approx(stairs.floor, rel=1e-12)
        floor.append(expected + zeta(power, 10**8 + 1.0))
    # the sum differs from the integral by relative (power - 1)/(2 K)
    slope = -np.log(floor[2] / floor[1]) / np.log(5.0)
    assert quadratic.width_exponent(gamma, beta) == pytest.approx(slope, abs=(power - 1) / 200)


def test_no_law_is_said():
    with pytest.warns(quadratic.NoPowerLaw, match="gamma = 0.4: .* no power law"):
        assert quadratic.time_exponent(0.4) == 0.0
    with pytest.warns(quadratic.NoPowerLaw):
        assert quadratic.width_exponent(0.5) == 0.0
    with pytest.warns(quadratic.NoPowerLaw):
        assert quadratic.committee_exponent(0.4, 1.0) == 0.0
    alpha = np.geomspace(34.0, 2900.0, 21)
    with pytest.warns(quadratic.NoPowerLaw):
        loss = quadratic.power_law_staircase(0.4, alpha, 0.1, 1e-12, 10**5).eps_g
    # over the decades in which all directions are learned the slope only grows: from none to more than 1
    steps = -slopes(alpha, loss)
    assert np.all(np.diff(steps[2:-1]) > 0) and steps[2] < 0.1 and steps[-2] > 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quadratic.time_exponent(0.4, beta=1.0)  # eigenvalues that fall make the sum converge
        assert quadratic.time_exponent(0.5 + 1e-9) > 0


def test_committee_exponent_of_waiting_units():
    """400 units, of which 10 to 200 have escaped in the window; those beyond are added. Levels are learned faster."""
    gamma, K, eta = 0.75, 400, 0.002
    n = np.arange(1.0, K + 1.0)
    model = square(n**-gamma, levels=10, beta=4.0)
    rate = quadratic.escape_rates(model, eta)[0]
    start, alpha = 1e-12, None
    wait = math.log(1 / start)
    alpha = wait / rate * np.array([10.0, 200.0]) ** gamma
    curve = quadratic.committee(model, eta, alpha, start, start, noise=False, rtol=1e-5)
    loss = curve.eps_g + zeta(2 * gamma, K + 1.0)
    found = -np.log(loss[1] / loss[0]) / np.log(alpha[1] / alpha[0])
    # Lambda = 55 of R^2 falls with u_n: 2 %; and where ten units have escaped their number is known to one in twenty
    expected = quadratic.committee_exponent(gamma, 4.0)
    assert expected == quadratic.time_exponent(gamma) == pytest.approx(2 / 3)
    assert found == pytest.approx(expected, rel=0.04)


def test_committee_exponent_of_waiting_levels():
    """Twenty units that have all escaped, in their tails: s, until the last level is learned by the first unit."""
    gamma, beta, eta, L = 1.5, 2.0, 0.002, 1000
    n = np.arange(1.0, 21.0)
    model = square(n**-gamma, levels=L, beta=beta)
    alpha = np.array([1e4, 1e6]) / (8 * eta * model.spectrum.eigenvalues[0])
    for normalised in (False, True):
        eps = quadratic.committee(model, eta, alpha, 1e-6, 1e-6, normalised=normalised, noise=False, rtol=1e-5).eps_g
        found = -np.log(eps[1] / eps[0]) / np.log(alpha[1] / alpha[0])
        expected = quadratic.committee_exponent(gamma, beta, normalised)
        assert expected == pytest.approx(2 / 3)
        # (levels beyond L are L^-2 of the mass, U at the end some 1e-4)
        assert found == pytest.approx(expected, abs=0.02), normalised


# --- Bad input ---------------------------------------------------------------------------------------------------

SPECTRUM = lib.power_law(1.0, 4)
LINEAR = lib.StudentTeacher(SPECTRUM, 1, 1, "linear")


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda: quadratic.escape_rates(LINEAR, 0.1), ["model.activation = 'linear'", '"square"']),
        (lambda: quadratic.critical_eta(LINEAR), ["model.activation = 'linear'"]),
        (lambda: quadratic.escape_rates(square(), 0.0), ["eta = 0.0", "> 0"]),
        (lambda: quadratic.critical_eta(square(), 9), ["learned = 9", "<= 8"]),
        (lambda: quadratic.stationary_error(square(), -0.1), ["eta = -0.1", ">= 0"]),
        (lambda: quadratic.retrieval(SPECTRUM, 0.1, [1.0], -1.0), ["sigma_J = -1.0", ">= 0"]),
        (lambda: quadratic.retrieval(SPECTRUM, 0.1, [1.0], alignment=np.nan), ["alignment = nan"]),
        (lambda: quadratic.retrieval(SPECTRUM, 0.1, [1.0], strength=2 * np.ones(4)), ["strength", "must be 1"]),
        (lambda: quadratic.retrieval(SPECTRUM, 0.1, [1.0], 0.0, 0.0, normalised=True), ["sigma_J = 0.0", "normalised"]),
        (lambda: quadratic.retrieval(SPECTRUM, 0.1, [2.0, 1.0]), ["alpha[1] = 1.0", "increasing"]),
        (lambda: quadratic.retrieval(SPECTRUM, 0.1, [1.0], rtol=1.0), ["rtol = 1.0", "<= 0.1"]),
        (lambda: quadratic.tail_error(SPECTRUM, 0.2, [1.0]), ["eta = 0.2", "1/6"]),
        (lambda: quadratic.step_times([1.0, 0.0], 0.1, 0.1), ["strengths[1] = 0.0", "> 0"]),
        (lambda: quadratic.steps([1.0, -1.0], 0.1, 0.1, [1.0]), ["strengths[1] = -1.0", ">= 0"]),
        (lambda: quadratic.steps([1.0, 1.0], [0.1, 0.0], 0.1, [1.0]), ["start[1] = 0.0", "> 0"]),
        (lambda: quadratic.steps([1.0], 0.0, 0.1, [1.0]), ["start = 0.0", "> 0"]),
        (lambda: quadratic.steps([1.0, 1.0], [0.1], 0.1, [1.0]), ["start has shape (1,)", "(2,)"]),
        (lambda: quadratic.steps_error([1.0], 0.1, 0.1, [1.0], [-1.0]), ["eigenvalues[0] = -1.0", "> 0"]),
        (lambda: quadratic.power_law_staircase(0.0, [1.0], 0.1, 0.1, 10), ["gamma = 0.0", "> 0"]),
        (lambda: quadratic.power_law_staircase(1.0, [1.0], 0.1, 0.1, 10, width=11), ["width = 11", "<= 10"]),
        (lambda: quadratic.power_law_staircase(1.0, [1.0], 0.1, 0.1, 10, -1.0), ["beta = -1.0", "> 0"]),
        (lambda: quadratic.time_exponent(1.0, wait=1.0), ["wait = 1.0", "> 1"]),
        (lambda: quadratic.width_exponent(-1.0), ["gamma = -1.0", "> 0"]),
        (lambda: quadratic.committee_exponent(1.0, 0.0), ["beta = 0.0", "> 0"]),
    ],
)
def test_bad_input_is_named(call, said):
    with pytest.raises(ValueError, match=says(*said)):
        call()
