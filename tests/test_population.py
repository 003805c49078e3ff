"""The population's gradient flow of the weights, against the order-parameter equations and against the mean of SGD."""

import numpy as np
import pytest

import lib
from lib.core import population
from lib.kernels.averages import assemble, coefficients


def weights(model, N, sigma_J=0.5, teacher="random", seed=3):
    return model.initial_weights(sigma_J, N, seed, teacher)


@pytest.mark.parametrize("activation", ["erf", "linear"])
@pytest.mark.parametrize("K, M", [(2, 2), (3, 2)])
def test_its_coefficients_are_those_of_the_order_parameter_equations(activation, K, M):
    model = lib.StudentTeacher(lib.power_law(1.0, 8), K, M, activation)
    J, B = weights(model, 32)
    gradient = population._Gradient(model, B, np.repeat(model.spectrum.eigenvalues, 4), 0.1)
    Q, R = (J * gradient.share) @ J.T, J @ gradient.weighted
    C, D, G = np.empty((K + M, K + M)), np.empty((K, K + M)), np.empty((K, K))
    assemble(Q, R, gradient.T, C)
    coefficients(C, K, *model.output_weights, model.activity, D, G)
    assert np.allclose(np.hstack(gradient.coefficients(Q, R)), D, rtol=1e-13, atol=1e-14)


def test_the_velocity_is_the_gradient_of_the_error():
    """N times the slope of eps_g by finite differences: the flow follows eta N d eps_g / dJ."""
    model = lib.StudentTeacher(lib.power_law(1.0, 6), 2, 3)
    J, B = weights(model, 6)
    eta, step = 0.3, 1e-5
    velocity = population._Gradient(model, B, model.spectrum.eigenvalues, eta)(J)

    def error(J):
        return population.flow(model, J, B, eta, [0.0])[0].eps_g[0]

    for i, k in ((0, 0), (1, 3), (0, 5)):
        move = np.zeros_like(J)
        move[i, k] = step
        slope = (error(J + move) - error(J - move)) / (2 * step)
        # the difference of two errors of order one carries rounding of 1e-16 / step, and a truncation of step^2
        assert velocity[i, k] == pytest.approx(-eta * 6 * slope, abs=1e-9)


def test_it_is_the_order_parameter_flow_at_a_vanishing_rate():
    """Through a plateau; the noise that only the order parameters have is linear in eta, and extrapolated to none."""
    model = lib.StudentTeacher(lib.power_law(1.0, 4), 2, 2)
    J, B = weights(model, 16, 0.1, "orthonormal")
    scaled = np.array([0.1, 1.0, 5.0, 20.0, 60.0, 200.0])
    start = model.initial_overlaps(0.1, 16, 3)
    curves = [lib.solve(model, start, eta, scaled / eta, blocks=False).eps_g for eta in (2e-3, 1e-3)]
    mine, _ = population.flow(model, J, B, 1.0, scaled, rtol=1e-6)
    limit = 2 * curves[1] - curves[0]
    assert curves[0][0] / curves[0][-1] > 100  # it has left the plateau
    # what extrapolation leaves is some (eta x the log of the growth)^2; 1e-6 in each of some thousand steps
    assert np.allclose(mine.eps_g, limit, rtol=2e-4)


def test_its_error_follows_the_tolerance():
    model = lib.StudentTeacher(lib.power_law(1.0, 16), 3, 3)
    J, B = weights(model, 16, 1e-3)
    alpha = np.geomspace(0.1, 1e3, 9)
    exact = population.flow(model, J, B, 0.1, alpha, rtol=1e-8)[0].eps_g
    errors = [
        np.abs(population.flow(model, J, B, 0.1, alpha, rtol=rtol)[0].eps_g / exact - 1).max() for rtol in (1e-3, 1e-5)
    ]
    # a step of order two has an error of h^3, which the tolerance bounds: the sum of all goes as its power 2/3, a
    # factor of 20
    assert errors[0] < 0.1 and errors[1] < 0.1 * errors[0]


def test_it_goes_on_from_where_it_was():
    model = lib.StudentTeacher(lib.power_law(1.0, 8), 2, 2)
    J, B = weights(model, 8)
    whole, last = population.flow(model, J, B, 0.2, [1.0, 10.0], rtol=1e-7)
    middle = population.flow(model, J, B, 0.2, [1.0], rtol=1e-7)[1]
    rest, again = population.flow(model, middle, B, 0.2, [9.0], rtol=1e-7)
    assert rest.eps_g[0] == pytest.approx(whole.eps_g[1], rel=1e-4)
    assert np.allclose(again, last, atol=1e-4)


def test_linear_weights_decay_level_by_level():
    model = lib.StudentTeacher(lib.power_law(1.0, 8), 1, 1, "linear")
    J, B = weights(model, 8)
    alpha = np.array([0.0, 0.5, 3.0])
    curve, _ = population.flow(model, J, B, 0.2, alpha, rtol=1e-8)
    eigenvalues = model.spectrum.eigenvalues
    exact = [0.5 * np.mean(eigenvalues * (J - B)[0] ** 2 * np.exp(-0.4 * eigenvalues * a)) for a in alpha]
    assert np.allclose(curve.eps_g, exact, rtol=1e-6)


def test_the_teacher_is_at_rest():
    model = lib.StudentTeacher(lib.power_law(1.0, 4), 2, 2)
    B = weights(model, 8)[1]
    curve, J = population.flow(model, B, B, 0.1, [0.0, 100.0])
    assert np.allclose(J, B, atol=1e-10) and np.all(np.abs(curve.eps_g) < 1e-14)


@pytest.mark.parametrize(
    "change, words",
    [
        (dict(eta=0.0), "^eta = 0.0"),
        (dict(alpha=[2.0, 1.0]), r"^alpha\[1\]"),
        (dict(rtol=1.0), "^rtol = 1.0"),
        (dict(J=np.ones((3, 8))), r"^J\b.*\(3, 8\).*\(2, 8\)"),
        (dict(B=np.ones((2, 7))), "7"),
        (dict(J=np.full((2, 8), np.nan)), r"^J\[0, 0\] = nan"),
    ],
)
def test_arguments_out_of_range_are_refused(change, words):
    model = lib.StudentTeacher(lib.power_law(1.0, 4), 2, 2)
    J, B = weights(model, 8)
    with pytest.raises(ValueError, match=words):
        population.flow(**(dict(model=model, J=J, B=B, eta=0.1, alpha=[1.0]) | change))
