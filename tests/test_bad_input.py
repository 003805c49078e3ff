"""Bad input of the numerical core: each message names the argument, its value and what is allowed.

The modules' own tests check that every argument is refused; here the message is read. Its wording: test_checks.py.
Stores: test_sweep.py.
"""

import importlib
import inspect
import pkgutil
import warnings
from fractions import Fraction

import numpy as np
import pytest
from test_checks import says

import lib

SPECTRUM = lib.power_law(1.0, 4)
MODEL = lib.StudentTeacher(SPECTRUM, 2, 2)
START = MODEL.initial_overlaps(0.1)


def solve(alpha, eta=0.1):
    return lib.solve(MODEL, START, eta, alpha)


MESSAGES = [  # (call, the argument and its value, the range, what the message says besides)
    (lambda: lib.Spectrum([]), "eigenvalues", "(0,)"),
    (lambda: lib.Spectrum([1.0, 0.0]), "eigenvalues[1] = 0.0", "> 0"),
    (lambda: lib.Spectrum([1.0, -1.0]), "eigenvalues[1] = -1.0", "> 0"),
    (lambda: lib.Spectrum([1.0, np.nan]), "eigenvalues[1] = nan", "finite"),
    (lambda: lib.Spectrum([np.inf, 1.0]), "eigenvalues[0] = inf", "finite"),
    (lambda: lib.Spectrum([1e-300, 1e300]), "eigenvalues", "1e-300", "1e+300", "ratio"),
    (lambda: lib.Spectrum([1.0, 2.0], [1e-300, 1e300]), "weights", "1e-300", "1e+300", "ratio"),
    (lambda: lib.power_law(0.0, 4), "beta = 0.0", "> 0"),  # from here on the sum diverges with L
    (lambda: lib.power_law(-0.5, 4), "beta = -0.5", "> 0"),
    (lambda: solve([]), "alpha", "(0,)"),
    (lambda: solve([2.0, 1.0]), "alpha[1] = 1.0", "alpha[0] = 2.0", "increasing"),
    (lambda: solve([-1.0]), "alpha[0] = -1.0", ">= 0"),
    (lambda: solve([np.inf]), "alpha[0] = inf", "finite"),
    (lambda: solve([1.0j]), "alpha", "complex128", "real"),
    (lambda: solve([1.0], eta=np.ones(2)), "eta = array([1., 1.])", "> 0"),
    (lambda: solve([1.0], eta=-0.1), "eta = -0.1", "> 0"),
    (lambda: lib.simulate(MODEL, 3), "N = 3", "levels", "4"),
    (lambda: lib.simulate(MODEL, 3, method="reduced"), "N = 3", "levels", "4"),
    (lambda: lib.simulate(MODEL, 40.5), "N = 40.5", "whole", ">= 1"),
    (lambda: lib.simulate(MODEL, np.nan), "N = nan", "whole", ">= 1"),
    (lambda: lib.simulate(MODEL, np.inf), "N = inf", "<= 2^53"),
    (lambda: lib.simulate(MODEL, 2**60, method="reduced"), "N = 1.152921504606847e+18", "<= 2^53"),
    (lambda: lib.simulate(MODEL, 40, seeds=[2**64]), "seeds = 1.8446744073709552e+19", "<= 2^53"),
    (lambda: lib.power_law(1.0, 10**400), "levels = inf", "<= 2^53"),
    (lambda: lib.power_law(10**400, 4), "beta = inf", "> 0"),
    (lambda: lib.power_law(200.0, 100), "beta = 200.0", "100^-(1 + beta)"),
    (lambda: lib.Spectrum([10**400]), "eigenvalues[0] = inf", "finite"),
    (lambda: lib.solve(MODEL, None, 0.1, [1.0]), "overlaps = None", "Overlaps", "initial_overlaps"),
    (lambda: lib.simulate(MODEL, 40, alpha=[1.0, 1e15], seeds=1), "alpha[1] = 1000000000000000.0", "<= 2.2518e+14"),
    (
        lambda: lib.simulate(MODEL, 40, method=np.array(["direct", "reduced"])),
        "method = array(['direct', 'reduced'], dtype='<U7')",
        "'direct', 'reduced'",
    ),
    (
        lambda: lib.networks.train(lib.networks.Network(SPECTRUM), 40, 0.1, [1e15]),
        "alpha[0] = 1000000000000000.0",
        "<= 2.2518e+14",
    ),
    (
        lambda: lib.linear.finite_size_error(SPECTRUM, 40, 0.1, [1e15]),
        "alpha[0] = 1000000000000000.0",
        "<= 2.2518e+14",
    ),
    (
        lambda: lib.solve(MODEL, lib.StudentTeacher(SPECTRUM, 3, 2).initial_overlaps(0.1), 0.1, [1.0]),
        "overlaps.r",
        "(4, 3, 2)",
        "(4, 2, 2)",
    ),
    (
        lambda: lib.moments.solve(MODEL, lib.StudentTeacher(SPECTRUM, 3, 2).initial_overlaps(0.1), 0.1, [1.0]),
        "overlaps.r",
        "(4, 3, 2)",
        "(4, 2, 2)",
    ),
    (lambda: lib.linear.power_law_error(SPECTRUM, 1.0, [0.0]), "alpha[0] = 0.0", "> 0"),
    (lambda: lib.features.compute_law(SPECTRUM, 0.1, [0.0, 1.0]), "compute[0] = 0.0", "> 0"),
    (lambda: lib.features.compute_law(SPECTRUM, 0.1, [-1.0, 1.0]), "compute[0] = -1.0", "> 0"),
    (lambda: lib.features.compute_optimal(SPECTRUM, 0.1, [-1.0, 1.0]), "compute[0] = -1.0", "> 0"),
    (lambda: lib.asymptotics.error(SPECTRUM, 3, 0.1, [1.0], start=START), "start.r", "(4, 2, 2)", "(4, 3, 3)"),
    (lambda: lib.laws.compare(np.ones((41, 20)), None), "window = None", "low < high"),
    (lambda: lib.linear.power_law_error(SPECTRUM, 2.5, [1.0]), "eta = 2.5", "> 0", "<= 2"),
    (
        lambda: lib.solve(MODEL, changed(q=np.array([[1.0, 0.5], [0.0, 1.0]])), 0.1, [1.0]),
        "overlaps.q",
        "symmetric",
    ),
    (
        lambda: lib.solve(MODEL, changed(t=np.array([[1.0, 0.5], [0.0, 1.0]])), 0.1, [1.0]),
        "overlaps.t",
        "symmetric",
    ),
    (lambda: lib.solve(MODEL, changed(q=-np.eye(2)), 0.1, [1.0]), "overlaps", "eigenvalue -1", "covariance"),
    (
        lambda: lib.solve(MODEL, changed(r=2.0 * np.eye(2), q=np.eye(2)), 0.1, [1.0]),
        "overlaps",
        "eigenvalue -1",
        "covariance",
    ),
    (lambda: lib.power_law(1.0, 3).multiplicities(10**9), "N = 1000000000", "level 1", "3.33333e+08", "multiple of 3"),
    (lambda: lib.Spectrum.from_data(np.ones((3, 2))), "X", "covariance"),
    (lambda: lib.fit_power_law(np.arange(1.0, 40.0), np.ones(39), window=(1, 39), offset="fit"), "y", "constant"),
]


def changed(**blocks):
    """START with some blocks the same in every level."""
    return lib.Overlaps(
        **{name: np.tile(blocks[name], (4, 1, 1)) if name in blocks else getattr(START, name) for name in "rqt"}
    )


@pytest.mark.parametrize("call, said", [(call, said) for call, *said in MESSAGES])
def test_messages_name_the_argument_its_value_and_the_range(call, said):
    with pytest.raises(ValueError, match=says(*said)):
        call()


# --- What passes as an array, as a Spectrum, as a model ------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda hole: lib.Spectrum(hole),
        lambda hole: lib.Spectrum([1.0, 2.0, 3.0], hole),
        lambda hole: lib.fit_power_law(hole, [1.0, 2.0, 3.0], window=(1, 3)),
        lambda hole: lib.fit_power_law(np.arange(1.0, 9.0), np.arange(1.0, 9.0), window=(1, 8))(hole),
        lambda hole: lib.core.fitting.local_slope([1.0, 2.0, 3.0], hole),
        lambda hole: solve(hole),
        lambda hole: lib.simulate(MODEL, 40, alpha=hole),
        lambda hole: lib.linear.generalization_error(SPECTRUM, 0.1, hole),
        lambda hole: lib.planning.forecast(hole, hole, 10.0),
        lambda hole: lib.realdata.load(hole),
        lambda hole: lib.realdata.bootstrap_spectra([np.ma.stack([hole, hole])]),
        lambda hole: lib.realdata.contrast(np.ma.stack([hole, hole])),
    ],
)
def test_masked_entries_are_refused_wherever_an_array_is_taken(call):
    with pytest.raises(ValueError, match=r"^[\w ]+\[\d.*\].* masked"):
        call(np.ma.masked_equal([1.0, -999.0, 3.0], -999.0))


def takers(name):
    """Public functions, methods and classes of the library that take a required argument of this name."""
    for module in (
        *pkgutil.iter_modules(lib.__path__, "lib."),
        *pkgutil.iter_modules(lib.core.__path__, "lib.core."),
    ):
        if module.name in ("lib.kernels", "lib.widgets", "lib.core.checks"):
            continue
        content = importlib.import_module(module.name)
        for key, value in vars(content).items():
            if key.startswith("_") or getattr(value, "__module__", None) != content.__name__:
                continue
            parts = [(key, value)] if inspect.isfunction(value) else []
            if inspect.isclass(value):
                parts = [
                    (f"{key}.{k}", v) for k, v in vars(value).items() if inspect.isfunction(v) and not k.startswith("_")
                ]
            for label, function in parts:
                parameters = inspect.signature(function).parameters
                if name in parameters and parameters[name].default is inspect.Parameter.empty:
                    yield pytest.param(function, id=f"{module.name}.{label}")


@pytest.mark.parametrize("function", [*takers("spectrum")])
@pytest.mark.parametrize("value", [np.array([3.0, 2.0, 1.0]), [3.0, 2.0, 1.0], 3.0])
def test_an_array_is_no_spectrum(function, value):
    """Said before anything else, so that the other arguments do not matter."""
    others = {
        name: None
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is inspect.Parameter.empty
    }
    with pytest.raises(
        ValueError,
        match=r"^spectrum = .*lib\.Spectrum",
    ):
        function(**others | {"spectrum": value})


@pytest.mark.parametrize(
    "name, word, function",
    [
        pytest.param(name, word, *param.values, id=param.id)
        for name, word in (("model", "lib.StudentTeacher"), ("network", "lib.networks.Network"))
        for param in takers(name)
    ],
)
@pytest.mark.parametrize("value", [SPECTRUM, np.array([3.0, 2.0, 1.0]), None])
def test_a_spectrum_is_no_model_and_no_network(name, word, function, value):
    others = {
        name: None
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is inspect.Parameter.empty
    }
    with pytest.raises(ValueError, match=rf"^{name} = .*\b{word}\b"):
        function(**others | {name: value})


def test_a_recipe_and_a_training_are_named():
    with pytest.raises(ValueError, match=says("recipe = 'adam'", "Recipe")):
        lib.mitigation.train(MODEL, 40, 0.1, [1.0], "adam")
    network = lib.networks.Network(SPECTRUM)
    with pytest.raises(ValueError, match=says("after = 1", "Training")):
        lib.networks.train(network, 10 * SPECTRUM.levels, 0.1, [1.0], after=1)


@pytest.mark.parametrize(
    "call",
    [
        lambda: lib.StudentTeacher(np.array([2.0, 1.0])),
        lambda: lib.networks.Network(np.array([2.0, 1.0])),
        lambda: lib.planning.backtest(np.geomspace(1, 100, 32), np.ones(32), spectrum=np.array([2.0, 1.0])),
        lambda: lib.planning.forecast(np.geomspace(1, 100, 32), np.ones(32), 200.0, "spectrum", np.array([2.0, 1.0])),
    ],
)
def test_an_array_is_no_spectrum_of_a_model_or_a_forecast(call):
    with pytest.raises(ValueError, match=says("spectrum = array([2., 1.])", "lib.Spectrum")):
        call()


def test_times_on_the_same_step_are_named_and_a_fit_judges_its_window():
    model = lib.StudentTeacher(lib.power_law(1.0, 4), 1, 1, "linear")
    with pytest.warns(
        UserWarning,
        match=says("alpha[0] = 0.01", "alpha[1] = 0.01373", "same step, 0", "0.125", "8 of the 30"),
    ):
        curve = lib.simulate(model, N=8, eta=0.1, alpha=np.geomspace(1e-2, 1e2, 30), seeds=2)
    assert np.sum(np.diff(curve.alpha) == 0) == 8
    assert lib.fit_power_law(curve.alpha, curve.eps_g.mean(0), window=(1, 10)).points == np.sum(
        (curve.alpha >= 1) & (curve.alpha <= 10)
    )
    for run in (
        lib.mitigation.train,
        lambda *a, **k: lib.networks.train(lib.networks.Network(model.spectrum, (1,), 1, "linear"), *a[1:], **k),
    ):
        with pytest.warns(UserWarning, match="same step, 0"):
            run(model, 8, 0.1, [0.0, 0.01, 1.0], seeds=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lib.simulate(model, N=8, eta=0.1, alpha=[0.0, 0.125, 1.0], seeds=1)


@pytest.mark.parametrize(
    "run",
    [
        lambda model, eta: lib.solve(model, model.initial_overlaps(0.1), eta, [1.0, 1e3]),
        lambda model, eta: lib.simulate(model, 400, eta, [1.0, 1e3], seeds=1),
        lambda model, eta: lib.simulate(model, 400, eta, [1.0, 1e3], seeds=1, method="reduced"),
    ],
)
@pytest.mark.parametrize("students, teachers", [(1, 1), (3, 2), (2, 3)])
def test_a_rate_beyond_the_critical_one(run, students, teachers):
    model = lib.StudentTeacher(SPECTRUM, students, teachers, "linear")
    eta = 1.5 * 2.0 * students / teachers
    with pytest.raises(lib.DivergenceError, match=f"eta = {eta:g}.*critical learning rate") as caught:
        run(model, eta)
    assert 0.0 < caught.value.critical_eta < eta and caught.value.alpha <= 1e3


ONE = lib.StudentTeacher(lib.power_law(1.0, 1), 1, 1, "linear")


@pytest.mark.parametrize(
    "run",
    [
        lambda: lib.solve(ONE, ONE.initial_overlaps(0.1), 3.0, [6.0]),
        lambda: lib.simulate(ONE, 100, 3.0, [40.0], seeds=1),
        lambda: lib.simulate(ONE, 100, 3.0, [40.0], seeds=1, method="reduced"),
        lambda: lib.mitigation.train(ONE, 100, 3.0, [40.0], seeds=1),
        lambda: lib.networks.train(lib.networks.Network(ONE.spectrum, (1,), 1, "linear"), 100, 3.0, [40.0], seeds=1),
    ],
)
def test_divergence_before_the_first_time(run):
    with pytest.raises(lib.DivergenceError, match="eta = 3"):
        run()


@pytest.mark.parametrize(
    "run",
    [
        lambda sigma_J: lib.solve(ONE, ONE.initial_overlaps(sigma_J), 0.1, [0.0, 10.0]).eps_g,
        lambda sigma_J: lib.simulate(ONE, 100, 0.1, [0.0, 10.0], sigma_J, seeds=1).eps_g[0],
        lambda sigma_J: lib.mitigation.train(ONE, 100, 0.1, [0.0, 10.0], sigma_J=sigma_J, seeds=1).eps_g[0],
        lambda sigma_J: lib.networks.train(
            lib.networks.Network(ONE.spectrum, (1,), 1, "linear"), 100, 0.1, [0.0, 10.0], sigma_J, 1
        ).eps_g[0],
        lambda sigma_J: (
            lib.networks.flow(lib.networks.Network(ONE.spectrum, (1,), 1, "linear"), 0.1, [0.0, 10.0], sigma_J).eps_g
        ),
    ],
)
def test_large_weights_are_no_divergence(run):
    sigma_J = 1e6
    start, end = run(sigma_J)
    assert start == pytest.approx(sigma_J**2 / 2, rel=0.5) and end < 0.3 * start


def test_what_is_not_a_number_stays_so():
    with pytest.raises(lib.DivergenceError):
        lib.simulate(MODEL, 40, 0.1, sigma_J=1e160, seeds=1)
    nan = np.full((1, 2, 2), np.nan)
    assert np.isnan(lib.core.curve.field_error(MODEL, nan, nan, np.eye(2)))


def test_whole_numbers_may_be_written_as_floats():
    model = lib.StudentTeacher(SPECTRUM, 2.0, 2.0)
    assert np.array_equal(model.initial_overlaps(0.1).q, START.q)
    for written in (Fraction(1, 10), np.float32(0.5)):
        direct, exact = (
            lib.simulate(MODEL, 40.0, 0.1, [1.0], sigma, 1, learned=2.0) for sigma in (written, float(written))
        )
        assert np.array_equal(direct.eps_g, exact.eps_g)
    large = lib.simulate(
        MODEL, 4e6, 0.1, [0.0], Fraction(1, 10), 1, method="reduced"
    )  # starts from overlaps drawn by their law
    assert large.Q[0, 0] == pytest.approx(np.diag([0.01, 0.01]), abs=1e-4)
    assert lib.features.asymptotic_error(SPECTRUM, 2.0, 0.1) == lib.features.asymptotic_error(SPECTRUM, 2, 0.1)
    assert lib.features.small_eta_error(SPECTRUM, 2.0, 0.1, [1.0]) == lib.features.small_eta_error(
        SPECTRUM, 2, 0.1, [1.0]
    )
    recipes = [lib.mitigation.Recipe(batch=number(2), estimated_from=number(80)) for number in (float, int)]
    assert (
        recipes[0] == recipes[1]
        and np.ptp([lib.mitigation.train(MODEL, 40, 0.1, [1.0], r, seeds=1).eps_g for r in recipes]) == 0
    )
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
