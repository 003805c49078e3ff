"""Bad input of the numerical core: each message names the argument, its value and what is allowed.

The modules' own tests check that every argument is refused; here the whole message is read. Stores: test_sweep.py.
"""

import importlib
import inspect
import pkgutil
import re
import warnings
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

import lib
from lib.core import checks

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
    (
        lambda: lib.Spectrum([1e-300, 1e300]),
        "eigenvalues from 1e-300 to 1e+300: their ratio must be a floating-point number",
    ),
    (
        lambda: lib.Spectrum([1.0, 2.0], [1e-300, 1e300]),
        "weights from 1e-300 to 1e+300: their ratio must be a floating-point number",
    ),
    (lambda: lib.power_law(0.0, 4), "beta = 0.0: must be a number > 0"),  # from here on the sum diverges with L
    (lambda: lib.power_law(-0.5, 4), "beta = -0.5: must be a number > 0"),
    (lambda: solve([]), "alpha has shape (0,): must have 1 dimension(s) and not be empty"),
    (lambda: solve([2.0, 1.0]), "alpha[1] = 1.0 after alpha[0] = 2.0: must be strictly increasing"),
    (lambda: solve([-1.0]), "alpha[0] = -1.0: must be >= 0"),
    (lambda: solve([np.inf]), "alpha[0] = inf: must be finite"),
    (lambda: solve([1.0j]), "alpha holds complex numbers (complex128): must be real numbers"),
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
    (
        lambda: lib.power_law(200.0, 100),
        "beta = 200.0: must be so small that 100^-(1 + beta) is a floating-point number",
    ),
    (lambda: lib.Spectrum([10**400]), "eigenvalues[0] = inf: must be finite"),
    (lambda: lib.solve(MODEL, None, 0.1, [1.0]), "overlaps = None: must be Overlaps, from initial_overlaps"),
    (
        lambda: lib.simulate(MODEL, 40, alpha=[1.0, 1e15], seeds=1),
        "alpha[1] = 1000000000000000.0: must be <= 2.2518e+14, 2^53 steps",
    ),
    (
        lambda: lib.simulate(MODEL, 40, method=np.array(["direct", "reduced"])),
        "method = array(['direct', 'reduced'], dtype='<U7'): must be one of 'direct', 'reduced'",
    ),
    (
        lambda: lib.networks.train(lib.networks.Network(SPECTRUM), 40, 0.1, [1e15]),
        "alpha[0] = 1000000000000000.0: must be <= 2.2518e+14, 2^53 steps",
    ),
    (
        lambda: lib.linear.finite_size_error(SPECTRUM, 40, 0.1, [1e15]),
        "alpha[0] = 1000000000000000.0: must be <= 2.2518e+14, 2^53 steps",
    ),
    (
        lambda: lib.solve(MODEL, lib.StudentTeacher(SPECTRUM, 3, 2).initial_overlaps(0.1), 0.1, [1.0]),
        "overlaps.r has shape (4, 3, 2): must be (4, 2, 2)",
    ),
    (
        lambda: lib.moments.solve(MODEL, lib.StudentTeacher(SPECTRUM, 3, 2).initial_overlaps(0.1), 0.1, [1.0]),
        "overlaps.r has shape (4, 3, 2): must be (4, 2, 2)",
    ),
    (lambda: lib.linear.power_law_error(SPECTRUM, 1.0, [0.0]), "alpha[0] = 0.0: must be > 0"),
    (lambda: lib.features.compute_law(SPECTRUM, 0.1, [0.0, 1.0]), "compute[0] = 0.0: must be > 0"),
    (lambda: lib.features.compute_law(SPECTRUM, 0.1, [-1.0, 1.0]), "compute[0] = -1.0: must be > 0"),
    (lambda: lib.features.compute_optimal(SPECTRUM, 0.1, [-1.0, 1.0]), "compute[0] = -1.0: must be > 0"),
    (
        lambda: lib.asymptotics.error(SPECTRUM, 3, 0.1, [1.0], start=START),
        "start.r has shape (4, 2, 2): must be (4, 3, 3)",
    ),
    (
        lambda: lib.laws.compare(np.ones((41, 20)), None),
        "window = None: must be a pair (low, high) of numbers, low < high",
    ),
    (lambda: lib.linear.power_law_error(SPECTRUM, 2.5, [1.0]), "eta = 2.5: must be a number > 0 and <= 2"),
    (
        lambda: lib.solve(MODEL, changed(q=np.array([[1.0, 0.5], [0.0, 1.0]])), 0.1, [1.0]),
        "overlaps.q: must be symmetric in every level",
    ),
    (
        lambda: lib.solve(MODEL, changed(t=np.array([[1.0, 0.5], [0.0, 1.0]])), 0.1, [1.0]),
        "overlaps.t: must be symmetric in every level",
    ),
    (
        lambda: lib.solve(MODEL, changed(q=-np.eye(2)), 0.1, [1.0]),
        "overlaps: their totals [[Q, R], [R^T, T]] have the eigenvalue -1: must be a covariance",
    ),
    (
        lambda: lib.solve(MODEL, changed(r=2.0 * np.eye(2), q=np.eye(2)), 0.1, [1.0]),
        "overlaps: their totals [[Q, R], [R^T, T]] have the eigenvalue -1: must be a covariance",
    ),
    (
        lambda: lib.power_law(1.0, 3).multiplicities(10**9),
        "N = 1000000000 gives level 1 a multiplicity of 3.33333e+08: must be a multiple of 3",
    ),
    (lambda: lib.Spectrum.from_data(np.ones((3, 2))), "X does not vary: its covariance is zero"),
    (
        lambda: lib.fit_power_law(np.arange(1.0, 40.0), np.ones(39), window=(1, 39), offset="fit"),
        "y is constant: no offset makes a power law of it",
    ),
]


def changed(**blocks):
    """START with some blocks the same in every level."""
    return lib.Overlaps(
        **{name: np.tile(blocks[name], (4, 1, 1)) if name in blocks else getattr(START, name) for name in "rqt"}
    )


@pytest.mark.parametrize("call, message", MESSAGES)
def test_messages(call, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        call()


# --- What passes as an array, and as a Spectrum -----------------------------------------------------------

TABLE = pd.DataFrame({"height": [1.0, 2.0, 4.0], "day": pd.date_range("2024-01-01", periods=3)})
HOLES = pd.DataFrame({"height": [1.0, 2.0, 4.0], "width": [1.0, None, 3.0]})
MASKED = np.ma.masked_equal([[1.0, 2.0], [3.0, -999.0], [4.0, 1.0]], -999.0)


class OnADevice:
    """As an array of another library in the memory of its device."""

    def __array__(self, *args, **kwargs):
        raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu()\nand more")


NO_NUMBERS = [
    (np.ones((3, 2)) * 1j, "X holds complex numbers (complex128): must be real numbers"),
    (
        scipy.sparse.eye_array(500).tocsr(),
        "X is a sparse matrix of shape (500, 500): must be an array of numbers, as from .toarray()",
    ),
    (TABLE, "X, column 'day' holds dates (datetime64[us]): must be real numbers"),
    (TABLE[["day"]].to_numpy(), "X holds dates (datetime64[us]): must be real numbers"),
    (TABLE.astype(object), "X[0, 1] (column 'day') = Timestamp('2024-01-01 00:00:00'): must be a real number"),
    (HOLES, "X[1, 1] (column 'width') = nan: must be finite"),
    (HOLES.astype("Float64"), "X[1, 1] (column 'width') is missing: must be a real number"),
    (HOLES.assign(name=list("abc")), "X[0, 2] (column 'name') = 'a': must be a real number"),
    (np.array([["1", "2"], ["3", "4"]]), "X holds text (<U1): must be real numbers"),
    (
        np.zeros(3, dtype=[("a", float), ("b", int)]),
        "X is an array of records with fields a, b: must be an array of numbers",
    ),
    (
        OnADevice(),
        "X is a OnADevice that gives no array (can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu()): "
        "must be an array of numbers",
    ),
    (MASKED, "X[1, 1] is masked: must be a number; leave out or fill in what is missing"),
    (list(MASKED), "X[1, 1] is masked: must be a number; leave out or fill in what is missing"),
    (
        [[1.0, 2.0], [3.0]],
        "X is a list that gives no array (its rows are of unequal length): must be an array of numbers",
    ),
    ([[1.0, None], [2.0, 3.0]], "X[0, 1] is missing: must be a real number"),
]


@pytest.mark.parametrize("value, message", NO_NUMBERS)
def test_what_is_no_array_of_numbers_is_refused_by_its_cause(value, message):
    message = message.replace(
        "[us]", f"[{np.datetime_data(TABLE['day'].dtype)[0]}]"
    )  # as this version of pandas counts
    for call in (lambda: checks.array("X", value, ndim=2), lambda: lib.Spectrum.from_data(value)):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            call()
    if message.endswith("nan: must be finite"):
        message = "X: row 2, column 2 ('width'): nan is not a finite number"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        lib.realdata.load(value, "X")


def test_what_is_an_array_of_numbers_passes():
    expected = np.array([[1.0, 2.0], [3.0, 4.0]])
    for value in (
        expected.astype(np.uint8),
        expected.astype(np.float16),
        expected.astype(np.longdouble),
        expected.tolist(),
        pd.DataFrame(expected),
        pd.DataFrame(expected).astype("Int64"),
        np.asfortranarray(expected),
        np.ma.array(expected),
        [[Fraction(1), 2], [np.float32(3.0), np.int8(4)]],
    ):
        result = checks.array("X", value, ndim=2)
        assert result.dtype == np.float64 and result.flags.c_contiguous and np.array_equal(result, expected)


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
    with pytest.raises(ValueError, match=r"\[\d.*\] is masked: must be a number"):
        call(np.ma.masked_equal([1.0, -999.0, 3.0], -999.0))


def test_messages_show_no_whole_objects():
    for value in (
        np.ones(1000),
        [[1.0] * 1000] * 1000,
        pd.DataFrame(np.ones((100, 100))),
        "x" * 1000,
        10**1000,
        {i: i for i in range(1000)},
    ):
        with pytest.raises(ValueError) as caught:
            checks.refuse("value", value, "else")
        assert len(str(caught.value)) < 400 and "\n" not in str(caught.value)


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
        match=r"^spectrum = .*: must be a lib.Spectrum, as from lib.power_law or lib.Spectrum\(eigenvalues\)$",
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
    with pytest.raises(ValueError, match=rf"^{name} = .*: must be a {word}$"):
        function(**others | {name: value})


def test_a_recipe_and_a_training_are_named():
    with pytest.raises(ValueError, match="^recipe = 'adam': must be a Recipe$"):
        lib.mitigation.train(MODEL, 40, 0.1, [1.0], "adam")
    network = lib.networks.Network(SPECTRUM)
    with pytest.raises(ValueError, match="^after = 1: must be a Training, as from train$"):
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
    with pytest.raises(ValueError, match=r"^spectrum = array\(\[2., 1.\]\): must be a lib.Spectrum"):
        call()


def test_times_on_the_same_step_are_named_and_a_fit_judges_its_window():
    model = lib.StudentTeacher(lib.power_law(1.0, 4), 1, 1, "linear")
    with pytest.warns(
        UserWarning,
        match=r"^alpha\[0\] = 0.01 and alpha\[1\] = 0.01373\d* fall on the same step, 0 \(one step is a time "
        r"of 0.125\): 8 of the 30 times repeat",
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
        with pytest.warns(UserWarning, match="fall on the same step, 0"):
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
