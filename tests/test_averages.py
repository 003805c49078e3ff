"""Gaussian averages: the two ways to compute any of them, and the closed forms against both."""

import numpy as np
import pytest

import lib
from lib import averages

g, slope = averages.activation("erf")


def covariance(seed, size, degenerate=None):
    """A random covariance; ``degenerate`` is the relative distance of field 1 from field 0."""
    X = np.random.default_rng(seed).normal(size=(size, size))
    if degenerate is not None:
        X[1] = X[0] + degenerate * X[1]
    C = X @ X.T / size
    return (C + C.T) / 2


@pytest.mark.parametrize("degenerate", [None, 1e-3, 1e-8, 0.0])
@pytest.mark.parametrize("seed", range(3))
def test_closed_forms_are_the_quadrature(seed, degenerate):
    C = covariance(seed, 4, degenerate)
    for closed, value in [
        (averages.I2(C[:2, :2]), averages.quadrature(C[:2, :2], lambda a, b: g(a) * g(b), 100)),
        (averages.I3(C[:3, :3]), averages.quadrature(C[:3, :3], lambda a, b, c: slope(a) * b * g(c), 60)),
        (averages.I4(C), averages.quadrature(C, lambda a, b, c, d: slope(a) * slope(b) * g(c) * g(d), 36)),
    ]:
        assert value[1] < 1e-4  # else the comparison says nothing
        assert closed == pytest.approx(value[0], abs=value[1] + 1e-14)


def test_linear_averages_are_covariances():
    C = covariance(0, 4)
    assert averages.I2(C[:2, :2], "linear") == C[0, 1]
    assert averages.I3(C[:3, :3], "linear") == C[1, 2]
    assert averages.I4(C, "linear") == C[2, 3]
    identity, one = averages.activation("linear")
    assert np.array_equal(identity([2.0]), [2.0]) and np.array_equal(one([2.0]), [1.0])


def test_quadrature_is_exact_for_polynomials_and_singular_covariances():
    # Isserlis: <a b c d> is the sum over the three pairings.
    C = covariance(1, 4, 0.0)
    value, error = averages.quadrature(C, lambda a, b, c, d: a * b * c * d, 8)
    assert value == pytest.approx(C[0, 1] * C[2, 3] + C[0, 2] * C[1, 3] + C[0, 3] * C[1, 2], rel=1e-12)
    assert error < 1e-12


def test_monte_carlo_tells_its_own_error():
    C = covariance(2, 2)
    runs = np.array([averages.monte_carlo(C, lambda a, b: g(a) * g(b), 1000, seed) for seed in range(200)])
    z = (runs[:, 0] - averages.I2(C)) / runs[:, 1]
    # 200 standard normal numbers: mean to 0.07, standard deviation to 0.05; five of each.
    assert abs(z.mean()) < 0.36 and abs(z.std() - 1) < 0.25


@pytest.mark.parametrize("activation", ["erf", "linear"])
def test_coefficients_are_those_of_the_definition(activation):
    model = lib.StudentTeacher(lib.power_law(1.0, 1), 2, 1, activation)
    C = covariance(5, 3) + 0.1 * np.eye(3)
    act, der = averages.activation(activation)
    v, u = model.output_weights
    Dx, Dy, G = averages.coefficients(model, C[:2, :2], C[:2, 2:], C[2:, 2:])

    def delta(i, x):
        return v * der(x[i]) * (u * act(x[2]) - v * (act(x[0]) + act(x[1])))

    for i in range(2):
        for a in range(3):
            value, error = averages.quadrature(C, lambda *x: delta(i, x) * x[a], 60)
            assert (np.hstack([Dx, Dy]) @ C)[i, a] == pytest.approx(value, abs=10 * error + 1e-13)
        for j in range(2):
            value, error = averages.quadrature(C, lambda *x: delta(i, x) * delta(j, x), 60)
            assert G[i, j] == pytest.approx(value, abs=10 * error + 1e-13)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: averages.I2(np.eye(3)), r"\(3, 3\).*symmetric.*\(2, 2\)"),
        (lambda: averages.I2([[1.0, 2.0], [2.0, 1.0]]), "eigenvalue -1"),
        (lambda: averages.I2([[1.0, 0.5], [0.2, 1.0]]), "symmetric"),
        (lambda: averages.I3(np.eye(3), "relu"), "activation = 'relu'"),
        (lambda: averages.quadrature(np.eye(4), g, 60), "nodes = 60"),
        (lambda: averages.monte_carlo(np.eye(1), g, 1), "samples = 1"),
        (
            lambda: averages.coefficients(lib.StudentTeacher(lib.power_law(1.0, 1)), np.eye(3), np.eye(2), np.eye(2)),
            r"\bQ\b.*\(3, 3\).*\(2, 2\)",
        ),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_large_fields_cost_digits_and_are_refused_where_none_is_left():
    """All four fields one and the same of variance t: by the arcsine without cancellation."""
    t = 10 ** np.random.default_rng(0).uniform(2, 6, 400)
    I4 = np.array([averages.I4(np.full((4, 4), x)) for x in t])
    exact = (2 / np.pi) ** 2 / np.sqrt(1 + 2 * t) * np.arcsin(t / (1 + 3 * t))
    # a handful of roundings of 1e-16 in terms of order t^3, of which t is left
    assert np.all(np.abs(I4 / exact - 1) < 10 * 1.1e-16 * t**2 + 1e-15)
    for name, size, variance in (("I3", 3, 1e17), ("I4", 4, 1e8)):
        with pytest.raises(ArithmeticError, match=f"rounding leaves no digit of {name}"):
            getattr(averages, name)(np.full((size, size), variance))
    assert averages.I2(np.full((2, 2), 1e150)) == pytest.approx(1.0)
