"""Bad input of the numerical core: each message names the argument, its value and what is allowed.

The modules' own tests check that every argument is refused; here the whole message is read. Stores: test_sweep.py.
"""

import re
from fractions import Fraction

import numpy as np
import pytest

import lib

SPECTRUM = lib.power_law(1.0, 4)
MODEL = lib.StudentTeacher(SPECTRUM, 2, 2)
START = MODEL.initial_overlaps(0.1)


def solve(alpha, eta=0.1):
    return lib.solve(MODEL, START, eta, alpha)


MESSAGES = [
    (lambda: lib.Spectrum([]), "eigenvalues has shape (0,): must have 1 dimension(s) and not be empty"),
    (lambda: lib.Spectrum([1.0, 0.0]), "eigenvalues[1] = 0.0: must be > 0"),
    (lambda: lib.Spectrum([1.0, -1.0]), "eigenvalues[1] = -1.0: must be > 0"),
    (lambda: lib.Spectrum([1.0, np.nan]), "eigenvalues[1] = nan: must be finite"),
    (lambda: lib.Spectrum([np.inf, 1.0]), "eigenvalues[0] = inf: must be finite"),
    (lambda: lib.Spectrum([1e-300, 1e300]),
     "eigenvalues from 1e-300 to 1e+300: their ratio must be a floating-point number"),
    (lambda: lib.Spectrum([1.0, 2.0], [1e-300, 1e300]),
     "weights from 1e-300 to 1e+300: their ratio must be a floating-point number"),
    (lambda: lib.power_law(0.0, 4), "beta = 0.0: must be a number > 0"),  # from here on the sum diverges with L
    (lambda: lib.power_law(-0.5, 4), "beta = -0.5: must be a number > 0"),
    (lambda: solve([]), "alpha has shape (0,): must have 1 dimension(s) and not be empty"),
    (lambda: solve([2.0, 1.0]), "alpha[1] = 1.0 after alpha[0] = 2.0: must be strictly increasing"),
    (lambda: solve([-1.0]), "alpha[0] = -1.0: must be >= 0"),
    (lambda: solve([np.inf]), "alpha[0] = inf: must be finite"),
    (lambda: solve([1.0j]), "alpha = array([0.+1.j]): must be an array of numbers with 1 dimension(s)"),
    (lambda: solve([1.0], eta=np.ones(2)), "eta = array([1., 1.]): must be a number > 0"),
    (lambda: solve([1.0], eta=-0.1), "eta = -0.1: must be a number > 0"),
    (lambda: lib.simulate(MODEL, 3), "N = 3: must be at least the number of levels, 4"),
    (lambda: lib.simulate(MODEL, 3, method="reduced"), "N = 3: must be at least the number of levels, 4"),
    (lambda: lib.simulate(MODEL, 40.5), "N = 40.5: must be a whole number >= 1"),
    (lambda: lib.simulate(MODEL, np.nan), "N = nan: must be a whole number >= 1"),
    (lambda: lib.simulate(MODEL, np.inf), "N = inf: must be a whole number <= 2^53"),
    (lambda: lib.simulate(MODEL, 2**60, method="reduced"), "N = 1.152921504606847e+18: must be a whole number <= 2^53"),
    (lambda: lib.simulate(MODEL, 40, seeds=[2**64]), "seeds = 1.8446744073709552e+19: must be a whole number <= 2^53"),
    (lambda: lib.power_law(1.0, 10**400), "levels = inf: must be a whole number <= 2^53"),
    (lambda: lib.power_law(10**400, 4), "beta = inf: must be a number > 0"),
    (lambda: lib.power_law(200.0, 100), "beta = 200.0: must be so small that 100^-(1 + beta) is a floating-point number"),
    (lambda: lib.Spectrum([10**400]), f"eigenvalues = [{10**400}]: must be an array of numbers with 1 dimension(s)"),
    (lambda: lib.solve(MODEL, None, 0.1, [1.0]), "overlaps = None: must be Overlaps, from initial_overlaps"),
    (lambda: lib.simulate(MODEL, 40, alpha=[1.0, 1e15], seeds=1), "alpha[1] = 1000000000000000.0: must be <= 2.2518e+14, 2^53 steps"),
    (lambda: lib.simulate(MODEL, 40, method=np.array(["direct", "reduced"])),
     "method = array(['direct', 'reduced'], dtype='<U7'): must be one of 'direct', 'reduced'"),
    (lambda: lib.networks.train(lib.networks.Network(SPECTRUM), 40, 0.1, [1e15]),
     "alpha[0] = 1000000000000000.0: must be <= 2.2518e+14, 2^53 steps"),
    (lambda: lib.linear.finite_size_error(SPECTRUM, 40, 0.1, [1e15]),
     "alpha[0] = 1000000000000000.0: must be <= 2.2518e+14, 2^53 steps"),
    (lambda: lib.solve(MODEL, lib.StudentTeacher(SPECTRUM, 3, 2).initial_overlaps(0.1), 0.1, [1.0]),
     "overlaps.r has shape (4, 3, 2): must be (4, 2, 2)"),
    (lambda: lib.moments.solve(MODEL, lib.StudentTeacher(SPECTRUM, 3, 2).initial_overlaps(0.1), 0.1, [1.0]),
     "overlaps.r has shape (4, 3, 2): must be (4, 2, 2)"),
    (lambda: lib.linear.power_law_error(SPECTRUM, 1.0, [0.0]), "alpha[0] = 0.0: must be > 0"),
    (lambda: lib.features.compute_law(SPECTRUM, 0.1, [0.0, 1.0]), "compute[0] = 0.0: must be > 0"),
    (lambda: lib.features.compute_law(SPECTRUM, 0.1, [-1.0, 1.0]), "compute[0] = -1.0: must be > 0"),
    (lambda: lib.features.compute_optimal(SPECTRUM, 0.1, [-1.0, 1.0]), "compute[0] = -1.0: must be > 0"),
    (lambda: lib.asymptotics.error(SPECTRUM, 3, 0.1, [1.0], start=START), "start.r has shape (4, 2, 2): must be (4, 3, 3)"),
    (lambda: lib.laws.compare(np.ones((41, 20)), None), "window = None: must be a pair (low, high) of numbers, low < high"),
    (lambda: lib.linear.power_law_error(SPECTRUM, 2.5, [1.0]), "eta = 2.5: must be a number > 0 and <= 2"),
    (lambda: lib.solve(MODEL, changed(q=np.array([[1.0, 0.5], [0.0, 1.0]])), 0.1, [1.0]), "overlaps.q: must be symmetric in every level"),
    (lambda: lib.solve(MODEL, changed(t=np.array([[1.0, 0.5], [0.0, 1.0]])), 0.1, [1.0]), "overlaps.t: must be symmetric in every level"),
    (lambda: lib.solve(MODEL, changed(q=-np.eye(2)), 0.1, [1.0]),
     "overlaps: their totals [[Q, R], [R^T, T]] have the eigenvalue -1: must be a covariance"),
    (lambda: lib.solve(MODEL, changed(r=2.0 * np.eye(2), q=np.eye(2)), 0.1, [1.0]),
     "overlaps: their totals [[Q, R], [R^T, T]] have the eigenvalue -1: must be a covariance"),
    (lambda: lib.power_law(1.0, 3).multiplicities(10**9), "N = 1000000000 gives level 1 a multiplicity of 3.33333e+08: must be a multiple of 3"),
    (lambda: lib.Spectrum.from_data(np.ones((3, 2))), "X does not vary: its covariance is zero"),
    (lambda: lib.fit_power_law(np.arange(1.0, 40.0), np.ones(39), window=(1, 39), offset="fit"),
     "y is constant: no offset makes a power law of it"),
]


def changed(**blocks):
    """START with some blocks the same in every level."""
    return lib.Overlaps(**{name: np.tile(blocks[name], (4, 1, 1)) if name in blocks else getattr(START, name) for name in "rqt"})


@pytest.mark.parametrize("call, message", MESSAGES)
def test_messages(call, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        call()


@pytest.mark.parametrize("run", [
    lambda model, eta: lib.solve(model, model.initial_overlaps(0.1), eta, [1.0, 1e3]),
    lambda model, eta: lib.simulate(model, 400, eta, [1.0, 1e3], seeds=1),
    lambda model, eta: lib.simulate(model, 400, eta, [1.0, 1e3], seeds=1, method="reduced"),
])
@pytest.mark.parametrize("students, teachers", [(1, 1), (3, 2), (2, 3)])
def test_a_rate_beyond_the_critical_one(run, students, teachers):
    model = lib.StudentTeacher(SPECTRUM, students, teachers, "linear")
    eta = 1.5 * 2.0 * students / teachers
    with pytest.raises(lib.DivergenceError, match=f"eta = {eta:g}.*critical learning rate") as caught:
        run(model, eta)
    assert 0.0 < caught.value.critical_eta < eta and caught.value.alpha <= 1e3


ONE = lib.StudentTeacher(lib.power_law(1.0, 1), 1, 1, "linear")


@pytest.mark.parametrize("run", [
    lambda: lib.solve(ONE, ONE.initial_overlaps(0.1), 3.0, [6.0]),
    lambda: lib.simulate(ONE, 100, 3.0, [40.0], seeds=1),
    lambda: lib.simulate(ONE, 100, 3.0, [40.0], seeds=1, method="reduced"),
    lambda: lib.mitigation.train(ONE, 100, 3.0, [40.0], seeds=1),
    lambda: lib.networks.train(lib.networks.Network(ONE.spectrum, (1,), 1, "linear"), 100, 3.0, [40.0], seeds=1),
])
def test_divergence_before_the_first_time(run):
    with pytest.raises(lib.DivergenceError, match="eta = 3"):
        run()


@pytest.mark.parametrize("run", [
    lambda sigma_J: lib.solve(ONE, ONE.initial_overlaps(sigma_J), 0.1, [0.0, 10.0]).eps_g,
    lambda sigma_J: lib.simulate(ONE, 100, 0.1, [0.0, 10.0], sigma_J, seeds=1).eps_g[0],
    lambda sigma_J: lib.mitigation.train(ONE, 100, 0.1, [0.0, 10.0], sigma_J=sigma_J, seeds=1).eps_g[0],
    lambda sigma_J: lib.networks.train(lib.networks.Network(ONE.spectrum, (1,), 1, "linear"), 100, 0.1, [0.0, 10.0], sigma_J, 1).eps_g[0],
    lambda sigma_J: lib.networks.flow(lib.networks.Network(ONE.spectrum, (1,), 1, "linear"), 0.1, [0.0, 10.0], sigma_J).eps_g,
])
def test_large_weights_are_no_divergence(run):
    sigma_J = 1e6
    start, end = run(sigma_J)
    assert start == pytest.approx(sigma_J**2 / 2, rel=0.5) and end < 0.3 * start


def test_what_is_not_a_number_stays_so():
    with pytest.raises(lib.DivergenceError):
        lib.simulate(MODEL, 40, 0.1, sigma_J=1e160, seeds=1)
    nan = np.full((1, 2, 2), np.nan)
    assert np.isnan(lib.curve.field_error(MODEL, nan, nan, np.eye(2)))


def test_whole_numbers_may_be_written_as_floats():
    model = lib.StudentTeacher(SPECTRUM, 2.0, 2.0)
    assert np.array_equal(model.initial_overlaps(0.1).q, START.q)
    for written in (Fraction(1, 10), np.float32(0.5)):
        direct, exact = (lib.simulate(MODEL, 40.0, 0.1, [1.0], sigma, 1, learned=2.0) for sigma in (written, float(written)))
        assert np.array_equal(direct.eps_g, exact.eps_g)
    large = lib.simulate(MODEL, 4e6, 0.1, [0.0], Fraction(1, 10), 1, method="reduced")  # starts from overlaps drawn by their law
    assert large.Q[0, 0] == pytest.approx(np.diag([0.01, 0.01]), abs=1e-4)
    assert lib.features.asymptotic_error(SPECTRUM, 2.0, 0.1) == lib.features.asymptotic_error(SPECTRUM, 2, 0.1)
    assert lib.features.small_eta_error(SPECTRUM, 2.0, 0.1, [1.0]) == lib.features.small_eta_error(SPECTRUM, 2, 0.1, [1.0])
    recipes = [lib.mitigation.Recipe(batch=number(2), estimated_from=number(80)) for number in (float, int)]
    assert recipes[0] == recipes[1] and np.ptp([lib.mitigation.train(MODEL, 40, 0.1, [1.0], r, seeds=1).eps_g for r in recipes]) == 0
    networks = [lib.networks.Network(SPECTRUM, (number(2),), number(2)) for number in (float, int)]
    assert np.ptp([lib.networks.train(network, 40, 0.1, [1.0], seeds=1).eps_g for network in networks]) == 0


def test_a_spectrum_of_36_decades():
    """The flow against the closed form. Of eps_g, a difference of overlaps of order one, the flow keeps some 1e-15."""
    spectrum = lib.Spectrum(np.geomspace(1e6, 1e-30, 8))
    model, alpha = lib.StudentTeacher(spectrum, 1, 1, "linear"), np.geomspace(1e-3, 1e12, 16)
    curve = lib.solve(model, model.initial_overlaps(0.0), 0.5, alpha)
    exact = lib.linear.generalization_error(spectrum, 0.5, alpha)
    np.testing.assert_allclose(curve.eps_g, exact, rtol=1e-6, atol=1e-14)
    assert curve.eps_g[0] > 1e3 * curve.eps_g[-1]


@pytest.mark.parametrize("method", ["direct", "reduced"])
def test_only_the_start(method):
    curve = lib.simulate(MODEL, 40, alpha=[0.0], seeds=1, method=method)
    assert curve.alpha == [0.0] and curve.eps_g.shape == (1, 1)
