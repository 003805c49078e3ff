"""Power-law fits: exactness, honest intervals (by simulation), the window rule, and clear errors."""

import types

import numpy as np
import pytest
from scipy import stats

from lib.compiler.layout import placed
from lib.core import fitting
from lib.core.fitting import fit_power_law, local_slope
from lib.kernels import fitting as kernels
from lib.maths.small_matrix import solve_without_exchange

TRIALS = 4000


def binomial_tolerance(p):
    """Four standard deviations of a frequency over TRIALS: a right test fails once in 16,000 runs."""
    return 4 * np.sqrt(p * (1 - p) / TRIALS)


def trapezium(u):
    weight = np.zeros(len(u))
    weight[:-1] += np.diff(u) / 2
    weight[1:] += np.diff(u) / 2
    return weight


def linear_learning_curve(beta, levels, points=200):
    """Small-rate error of the linear network and its finite-L constant (chapter "Linear activations")."""
    k = np.arange(1, levels + 1.0)
    top = levels / np.sum(k ** -(1 + beta))
    eigenvalues = top * k ** -(1 + beta)
    start = 0.5 / top  # eta alpha at which the power law begins; it ends at start * levels**(1 + beta)
    x = np.geomspace(start / 10, start * levels ** (1 + beta), points)
    error = np.array([np.mean(eigenvalues * np.exp(-2 * eigenvalues * t)) for t in x])
    return x, error, top / levels * (levels + 0.5) ** -beta / beta, start


def correlated(rng, trials, n, length):
    """Gaussian noise with correlation exp(-|i - j| / length), unit variance."""
    rho = np.exp(-1 / length) if length > 0 else 0.0
    noise = rng.standard_normal((trials, n))
    for i in range(1, n):
        noise[:, i] = rho * noise[:, i - 1] + np.sqrt(1 - rho**2) * noise[:, i]
    return noise


@pytest.mark.parametrize("exponent", [-1.7, -0.01, 0.4])
@pytest.mark.parametrize("x", [np.geomspace(1e-3, 1e5, 50), np.arange(1.0, 300.0)], ids=["log", "ranks"])
def test_exact_power_law(x, exponent):
    fit = fit_power_law(x, 3.0 * x**exponent, window=(x[0], x[-1]))
    # ln y reaches 20 and is rounded at 2e-16 of it: 1e-14 over a range of several e-folds.
    assert fit.exponent == pytest.approx(exponent, abs=1e-13)
    assert fit.prefactor == pytest.approx(3.0, rel=1e-12)
    assert fit.standard_error < 1e-13 and abs(fit.drift) < 1e-12
    assert fit.window == (x[0], x[-1]) and fit.points == len(x) and fit.degrees_of_freedom == 4
    np.testing.assert_allclose(fit(x), 3.0 * x**exponent, rtol=1e-11)


def test_search_finds_an_exact_law_whole():
    x = np.geomspace(1, 1e4, 77)
    assert fit_power_law(x, x**-0.3).window == (x[0], x[-1])


def test_only_the_window_counts():
    x = np.geomspace(1, 1e4, 100)
    y = x**-0.5
    y[x > 100] = 0.0
    y[x < 3] = 7.0
    fit = fit_power_law(x, y, window=(3, 100))
    assert fit.exponent == pytest.approx(-0.5, abs=1e-13)
    assert fit.window == (x[x >= 3][0], x[x <= 100][-1])


def test_does_not_depend_on_the_density_of_points():
    # A bent curve, so that the slope depends on the weights. The trapezium rule errs by h^2/12 times the
    # change of the derivative: with h <= 0.105 (ranks from 10 on) below 1e-3 of the slope.
    def curve(x):
        return x**-0.5 * np.exp(-x / 2000)

    ranks = np.arange(10.0, 1001.0)
    dense = np.geomspace(10, 1000, 20_001)
    fits = [fit_power_law(x, curve(x), window=(9, 1001)) for x in (ranks, dense)]
    assert fits[0].exponent == pytest.approx(fits[1].exponent, rel=1e-3)
    assert fits[0].standard_error == pytest.approx(fits[1].standard_error, rel=1e-2)
    assert abs(fits[0].exponent + 0.5) > 0.05  # it is bent


@pytest.mark.parametrize("n", [4, 5, 6, 40])
def test_kernel_against_linear_algebra(n):
    rng = np.random.default_rng(n)
    x = np.sort(rng.uniform(0.1, 30.0, n))
    y = np.exp(rng.standard_normal(n))
    u, weight = np.log(x), trapezium(np.log(x))
    powers = np.vander((u - u.mean()) / np.ptp(u), min(7, n), increasing=True)
    basis = np.linalg.qr(np.sqrt(weight)[:, None] * powers)[0]
    components = basis.T @ (np.sqrt(weight) * np.log(y))
    slope, intercept = np.polyfit(u, np.log(y), 1, w=np.sqrt(weight))
    spread = np.sqrt(np.sum(weight * (u - np.average(u, weights=weight)) ** 2))
    freedom = min(4, n - 2)
    fit = fit_power_law(x, y, window=(x[0], x[-1]))
    assert fit.exponent == pytest.approx(slope, rel=1e-10)
    assert np.log(fit.prefactor) == pytest.approx(intercept, rel=1e-10)
    assert fit.degrees_of_freedom == freedom
    assert fit.standard_error == pytest.approx(np.sqrt(np.mean(components[2 : 2 + freedom] ** 2)) / spread, rel=1e-9)
    scratch = np.empty(kernels.FIT_SCRATCH)
    kernels.fit_window(x, y, x[0], x[-1], scratch)
    component = placed(kernels.Polynomials, scratch).component[: len(components)]
    np.testing.assert_allclose(np.abs(component), np.abs(components), rtol=1e-8)


def test_kernel_with_an_empty_window():
    x = np.arange(1.0, 9.0)
    *numbers, points = kernels.fit_window(x, x, 2.2, 2.8, np.empty(kernels.FIT_SCRATCH))
    assert np.all(np.isnan(numbers)) and points == 0


@pytest.mark.parametrize(
    "points, length, expected, ordinary",
    [(30, 0, 0.95, 0.95), (200, 4, 0.94, 0.50), (200, 10, 0.93, 0.33), (200, 20, 0.89, 0.24)],
    ids=["independent", "1/50", "1/20", "1/10"],
)
def test_coverage_of_the_interval(points, length, expected, ordinary):
    """The coverage that the docstring states; ordinary least squares would be far off."""
    rng = np.random.default_rng(points + length)
    x = np.geomspace(1, 1000, points)
    u = np.log(x)
    noise = 0.1 * correlated(rng, TRIALS, points, length)
    hits = 0
    t_ordinary = stats.t.ppf(0.975, points - 2)
    for e in noise:
        fit = fit_power_law(x, np.exp(e - 0.6 * u), window=(1, 1000))
        lo, hi = fit.interval(0.95)
        hits += lo <= -0.6 <= hi
    # Ordinary least squares, in one go for all trials.
    centred = u - u.mean()
    slopes = noise @ centred / (centred @ centred)
    residuals = noise - noise.mean(axis=1, keepdims=True) - slopes[:, None] * centred
    errors = np.sqrt((residuals**2).sum(axis=1) / (points - 2) / (centred @ centred))
    ordinary_hits = np.sum(np.abs(slopes) <= t_ordinary * errors)
    # The stated values are rounded to 1 %. Independent noise at equal weights is exact; the half weights of
    # the two end points cost under 0.005.
    assert hits / TRIALS == pytest.approx(expected, abs=0.005 + binomial_tolerance(expected))
    assert ordinary_hits / TRIALS == pytest.approx(ordinary, abs=0.02 + binomial_tolerance(ordinary))


@pytest.mark.slow("fits thousands of noisy curves")
def test_coverage_with_a_fitted_offset():
    rng = np.random.default_rng(5)
    x = np.geomspace(1, 1000, 30)
    law = 2.0 * x**-0.4
    hits = offset_hits = 0
    for e in 1e-3 * correlated(rng, TRIALS, 30, 0):
        fit = fit_power_law(x, law * np.exp(e) - 0.05, window=(1, 1000), offset="fit")
        lo, hi = fit.interval()
        hits += lo <= -0.4 <= hi
        offset_hits += abs(fit.offset - 0.05) <= fit.offset_error * stats.t.ppf(0.975, fit.degrees_of_freedom)
    tolerance = 0.005 + binomial_tolerance(0.95)
    assert hits / TRIALS == pytest.approx(0.95, abs=tolerance)
    assert offset_hits / TRIALS == pytest.approx(0.95, abs=tolerance)


@pytest.mark.parametrize("offset", [3e-4, -0.02])
def test_fitted_offset_of_an_exact_law(offset):
    x = np.geomspace(1, 1e4, 60)
    fit = fit_power_law(x, 3.0 * x**-0.7 - offset, window=(1, 1e4), offset="fit")
    # y keeps 16 digits, of which the smallest y + offset (0.005 against 3) loses 3.
    assert fit.exponent == pytest.approx(-0.7, abs=1e-9)
    assert fit.offset == pytest.approx(offset, rel=1e-8)
    assert fit.offset_error < 1e-10
    np.testing.assert_allclose(fit(x), 3.0 * x**-0.7 - offset, rtol=1e-9)


@pytest.mark.parametrize("beta, raw, corrected", [(0.25, 0.370, 0.1986), (0.5, 0.421, 0.3327), (1.0, 0.526, 0.4998)])
def test_finite_size_constant_of_the_linear_learning_curve(beta, raw, corrected):
    """Without the constant the exponent is biased: figures of another fit, made before this one."""
    x, error, constant, start = linear_learning_curve(beta, 1000)
    window = (30 * start, start * 1000 ** (1 + beta) / 30)
    # Given to three digits there, with another weight of the points: 1e-3.
    assert -fit_power_law(x, error, window=window).exponent == pytest.approx(raw, abs=1.5e-3)
    fit = fit_power_law(x, error, window=window, offset=constant)
    assert -fit.exponent == pytest.approx(corrected, abs=5e-4)
    assert fit.offset == constant and fit.offset_error == 0
    fitted = fit_power_law(x, error, window=window, offset="fit")
    truth = beta / (1 + beta)
    assert abs(-fitted.exponent - truth) < 0.1 * (raw - truth)


def test_drift_of_a_parabola():
    u = np.linspace(0, 4, 41)
    fit = fit_power_law(np.exp(u), np.exp(-0.5 * u - 0.03 * u**2), window=(0.5, 100))
    # The slope over [a, b] of u^2 is a + b; halves [0, 2] and [2, 4].
    assert fit.drift == pytest.approx(-0.03 * (6 - 2), rel=1e-9)


def bend(u, v):
    """Range of the local slope of the weighted cubic, in units of the mean slope."""
    weight = np.sqrt(trapezium(u))
    cubic = np.polynomial.Polynomial.fit(u, v, 3, w=weight)
    slope = cubic.deriv()
    places = [u[0], u[-1]] + [r.real for r in slope.deriv().roots() if u[0] < r.real < u[-1]]
    values = [slope(place) for place in places]
    return np.ptp(values) / abs(np.polyfit(u, v, 1, w=weight)[0])


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_search_against_brute_force(seed):
    x = np.geomspace(0.1, 1e5, 45)
    y = x**-0.6 * np.exp(-x / 3e4) / (1 + 1 / x)
    if seed is not None:
        y *= np.exp(0.01 * np.random.default_rng(seed).standard_normal(len(x)))
    u, v = np.log(x), np.log(y)
    windows = [
        (u[j] - u[i], i, j)
        for i in range(len(x))
        for j in range(i + fitting.MINIMUM_POINTS - 1, len(x))
        if u[j] - u[i] >= np.log(fitting.MINIMUM_RATIO) and bend(u[i : j + 1], v[i : j + 1]) <= fitting.STRAIGHTNESS
    ]
    # Equal grid steps make windows of equal width, and rounding chooses among them: compare the width.
    fit = fit_power_law(x, y)
    lo, hi = np.searchsorted(x, fit.window)
    assert u[hi] - u[lo] == pytest.approx(max(windows)[0], rel=1e-9)
    assert bend(u[lo : hi + 1], v[lo : hi + 1]) <= fitting.STRAIGHTNESS


def test_search_is_not_fooled_by_a_symmetric_bend():
    u = np.linspace(-3, 3, 61)
    # Slope -0.5 - 0.02 u^2: no quadratic part at all over the whole range, but 36 % change of slope.
    fit = fit_power_law(np.exp(u), np.exp(-0.5 * u - 0.02 * u**3 / 3))
    assert np.log(fit.window[1] / fit.window[0]) < 5


def test_many_points_are_binned():
    rng = np.random.default_rng(3)
    x = np.arange(1.0, 100_001.0)
    y = x**-1.3 * np.exp(0.1 * rng.standard_normal(len(x))) / (1 + x / 1e4) ** 3
    fit = fit_power_law(x, y)
    few = np.unique(np.geomspace(1, 1e5, 200).astype(int)) - 1
    clean = fit_power_law(x[few], x[few] ** -1.3 / (1 + x[few] / 1e4) ** 3)
    assert fit.window[1] == pytest.approx(clean.window[1], rel=0.3)
    assert fit.exponent == pytest.approx(clean.exponent, abs=0.02)
    assert fit.points == fit.window[1] - fit.window[0] + 1 > 200  # the fit itself takes every point


def test_no_window():
    x = np.geomspace(1, 100, 50)
    with pytest.raises(ValueError, match="no window of at least 8 points"):
        fit_power_law(x, np.exp(-x))


@pytest.mark.parametrize(
    "x, y, arguments, message",
    [
        ([1, 2, 3], [1, 2], {}, r"^y\b.*\(2,\).*\(3,\)"),
        ([[1, 2], [3, 4]], [[1, 2], [3, 4]], {}, r"^x has shape \(2, 2\)"),
        ([1, 2, np.nan, 4], [1, 1, 1, 1], {}, r"^x\[2\] = nan.*finite"),
        ([1, 2, 3, 4], [1, np.inf, np.nan, 1], {}, r"^y\[1\] = inf.*finite"),
        ([0, 1, 2, 3], [1, 1, 1, 1], {}, r"^x\[0\] = 0.0.*> 0"),
        ([1, 3, 2, 4], [1, 1, 1, 1], {}, "strictly increasing"),
        (np.arange(1, 20), np.arange(19) - 3.0, {}, "= -3 at x = 1.*> 0"),
        (np.arange(1, 20), np.arange(19) + 1.0, {"offset": -5}, "= -4 at x = 1.*> 0"),
        (np.arange(1, 20), np.arange(1, 20), {"offset": np.nan}, "^offset = nan.*finite number"),
        (np.arange(1, 20), np.arange(1, 20), {"offset": "free"}, "^offset = 'free'.*number"),
        (np.arange(1, 20), np.arange(1, 20), {"offset": "fit"}, "^window = None"),
        (np.arange(1, 20), np.arange(1, 20), {"window": (30, 40)}, "holds 0 points.*x runs from 1 to 19"),
        (np.arange(1, 20), np.arange(1, 20), {"window": (1, 3)}, "at least 4"),
        (np.arange(1, 20), np.arange(1, 20), {"window": (1, 4), "offset": "fit"}, "at least 5"),
        (np.arange(1, 20), np.arange(1, 20), {"window": (4, 1)}, "low < high"),
        ([1, 2, 3], [1, 2, 3], {}, "^x has 3 points.*at least 8"),
        ([], [], {"window": (1, 2)}, "^x has shape .* not be empty"),
        (np.arange(1, 20), np.arange(1, 20), {"offset": None}, "^offset = None.*finite number"),
        (np.arange(1, 20), np.arange(1, 20), {"window": 3}, "^window = 3.*a pair"),
        (np.arange(1, 20), np.arange(1, 20), {"window": (1, 2, 3)}, r"^window = \(1, 2, 3\).*a pair"),
    ],
)
def test_errors(x, y, arguments, message):
    with pytest.raises(ValueError, match=message):
        fit_power_law(x, y, **arguments)


def test_level_of_an_interval():
    x = np.arange(1.0, 9.0)
    with pytest.raises(ValueError, match="^level = 2.0: "):
        fit_power_law(x, x, window=(1, 8)).interval(2)


def test_no_offset_straightens():
    # An S in log-log: whatever is added, it bends the same way.
    x = np.geomspace(1, 10, 30)
    with pytest.raises(ValueError, match="no offset"):
        fit_power_law(x, 1 - 0.9 * x / 10, window=(1, 10), offset="fit")


def test_local_slope():
    x = np.array([1.0, 1.5, 4.0, 5.0, 20.0])
    np.testing.assert_allclose(local_slope(x, 2 * x**-1.3), -1.3, rtol=1e-13)
    # Second order: exact for a parabola in log-log, ends included.
    np.testing.assert_allclose(local_slope(x, np.exp(0.1 * np.log(x) ** 2)), 0.2 * np.log(x), atol=1e-12)
    with pytest.raises(ValueError, match="at least 3"):
        local_slope([1, 2], [1, 2])


# --- Extreme and broken input ------------------------------------------------------------------------------


@pytest.mark.parametrize("low, high", [(1e150, 1e170), (1e-170, 1e-150), (1e-300, 1e300), (1e300, 1e307)])
def test_any_range_of_doubles(low, high):
    x = np.geomspace(low, high, 30)
    for fit in (fit_power_law(x, x**-0.5, window=(x[0], x[-1])), fit_power_law(x, x**-0.5)):
        # ln x is known to one rounding, 1e-13 of up to 690, over a width of 7 at least
        assert fit.exponent == pytest.approx(-0.5, abs=1e-13)
        assert fit.drift == pytest.approx(0.0, abs=1e-12)


def guarded(values):
    """A copy between stretches of another number, and the whole."""
    whole = np.full(3 * values.size + 20, 7.25)
    inside = whole[values.size + 10 : 2 * values.size + 10]
    inside[:] = values
    return inside, whole


@pytest.mark.parametrize(
    "kind", ["overflow", "negative", "nan", "inf", "zero", "constant", "falling", "none", "one", "two", "three"]
)
def test_the_kernels_stay_inside_their_arrays(kind):
    """As Python, where an index beyond an array is an error; a negative one would read another entry."""
    n = {"none": 0, "one": 1, "two": 2, "three": 3}.get(kind, 12)
    x, y = np.geomspace(1.0, 100.0, 12)[:n].copy(), np.geomspace(1.0, 0.01, 12)[:n].copy()
    with np.errstate(all="ignore"):
        if kind == "overflow":
            x = np.geomspace(1e150, 1e170, n)
        elif kind == "negative":
            x, y = -x, -y
        elif kind in ("nan", "inf", "zero"):
            for at in range(n):
                worse = x.copy()
                worse[at] = {"nan": np.nan, "inf": np.inf, "zero": 0.0}[kind]
                run_as_python(worse, y)
                run_as_python(x, worse)
        elif kind == "constant":
            x = np.ones(n)
        elif kind == "falling":
            x = x[::-1].copy()
        run_as_python(x, y)


class Watched(np.ndarray):
    """An array that refuses an index below zero."""

    def __getitem__(self, at):
        assert not isinstance(at, (int, np.integer)) or at >= 0, at
        return super().__getitem__(at)


def run_as_python(x, y):
    """The kernels' own source, interpreted, and compiled with a guard around what they write."""
    names = dict(vars(kernels), place=placed)
    names["solve_without_exchange"] = getattr(solve_without_exchange, "py_func", solve_without_exchange)
    for name in ("_log_ratio", "_weight", "_slope", "fit_window", "longest_window"):
        function = getattr(kernels, name)
        names[name] = types.FunctionType(getattr(function, "py_func", function).__code__, names)
    with np.errstate(all="ignore"):
        for lo, hi in ((0.0, np.inf), (2.0, 50.0), (np.nan, np.nan), (-np.inf, np.inf), (50.0, 2.0)):
            out, whole = guarded(np.empty(kernels.FIT_SCRATCH))
            kernels.fit_window(x, y, lo, hi, out)
            assert np.all(np.delete(whole, slice(out.size + 10, 2 * out.size + 10)) == 7.25)
            try:
                names["fit_window"](x.view(Watched), y.view(Watched), lo, hi, np.empty(kernels.FIT_SCRATCH))
            except ZeroDivisionError:
                pass  # compiled, it is inf or NaN
        out, whole = guarded(np.empty(kernels.WINDOW_SCRATCH))
        found = kernels.longest_window(x, y, 0.1, 0.5, 4.0, out)
        assert np.all(np.delete(whole, slice(out.size + 10, 2 * out.size + 10)) == 7.25)
        assert found == (-1, -1) or 0 <= found.first < found.last < x.size
        names["longest_window"](x.view(Watched), y.view(Watched), 0.1, 0.5, 4.0, np.empty(kernels.WINDOW_SCRATCH))


def test_only_the_window_is_judged():
    x = np.array([0.0, 0.0, -3.0, np.nan, 1.0, 2.0, 4.0, 8.0, 16.0, 1e9, 1e9, 5e8])
    y = np.append(
        [np.nan, np.inf, -1.0, 0.0], np.append(np.array([1.0, 2.0, 4.0, 8.0, 16.0]) ** -0.7, [np.nan, -1.0, 0.0])
    )
    fit = fit_power_law(x, y, window=(1, 16))
    assert fit.exponent == pytest.approx(-0.7, rel=1e-12) and fit.points == 5
    for change, message in (
        ({"x": (6, 2.0)}, r"^x\[6\] = 2.0 after x\[5\] = 2.0.*increasing"),
        ({"y": (6, np.nan)}, r"^y\[6\] = nan.*finite"),
        ({"y": (6, -1.0)}, r"^y \+ offset = -1 at x = 4.*> 0"),
    ):
        worse = {"x": x.copy(), "y": y.copy()}
        for name, (at, value) in change.items():
            worse[name][at] = value
        with pytest.raises(ValueError, match=message):
            fit_power_law(worse["x"], worse["y"], window=(1, 16))
    with pytest.raises(ValueError, match=r"^x\[2\] = -3.0.*> 0"):
        fit_power_law(x, y, window=(-5, 16))
    with pytest.raises(ValueError, match=r"holds 3 points: must hold at least 4; x runs from -3 to 1e\+09$"):
        fit_power_law(x, y, window=(1, 5))
