"""Moments are blocks in other coordinates, as long as double precision lasts."""

import mpmath
import numpy as np
import pytest

import lib
from lib import moments, plateau


def overlaps(model, seed=1):
    return model.initial_overlaps(0.5, N=60 * model.spectrum.levels, seed=seed)


def test_closure_is_cayley_hamilton():
    s = lib.Spectrum([5.0, 2.0, 1.0, 0.3], weights=[1, 2, 3, 4])
    blocks = np.random.default_rng(1).normal(size=(4, 1, 1))
    there = moments.from_blocks(s, blocks, 5)
    assert np.allclose(there[0], np.tensordot(s.weights, blocks, axes=1))
    assert np.tensordot(moments.closure(s), there[:4], axes=1) == pytest.approx(there[4], rel=1e-12)


@pytest.mark.parametrize("levels", [2, 4, 9])
def test_condition_number(levels):
    s = lib.Spectrum(lib.power_law(1.0, levels).eigenvalues, weights=np.arange(1, levels + 1))
    with mpmath.workdps(60):
        V = mpmath.matrix(
            [
                [mpmath.mpf(w) * mpmath.mpf(x) ** l for w, x in zip(s.weights, s.eigenvalues / s.eigenvalues[0])]
                for l in range(levels)
            ]
        )
        exact = mpmath.mnorm(V, mpmath.inf) * mpmath.mnorm(V**-1, mpmath.inf)
        assert moments.condition(s) == pytest.approx(float(mpmath.log10(exact)), abs=1e-9)


@pytest.mark.parametrize(
    "K, M, activation, levels", [(1, 1, "erf", 1), (2, 2, "erf", 4), (3, 2, "erf", 3), (2, 1, "linear", 4)]
)
def test_hierarchy_is_the_flow(K, M, activation, levels):
    model = lib.StudentTeacher(lib.power_law(1.0, levels), K, M, activation)
    alpha = np.geomspace(0.1, 30, 8)
    hierarchy = moments.solve(model, overlaps(model), 0.5, np.append(0.0, alpha))
    flow = lib.solve(model, overlaps(model), 0.5, np.append(0.0, alpha), rtol=1e-10)
    # both integrators' errors, per step 1e-10, over some hundred steps; linear errors decay to 1e-6
    assert hierarchy.eps_g == pytest.approx(flow.eps_g, rel=1e-5, abs=1e-11)
    assert hierarchy.Q == pytest.approx(flow.Q, abs=1e-7) and hierarchy.R == pytest.approx(flow.R, abs=1e-7)


def test_moments_may_start_at_zero():
    """The mean start has r = 0, from which SciPy would choose a first step of length zero."""
    for activation in ("erf", "linear"):
        model = lib.StudentTeacher(lib.power_law(1.0, 4), 2, 2, activation)
        start, alpha = model.initial_overlaps(0.1), [0.0, 0.5, 1.0, 2.0]
        flow = lib.solve(model, start, 0.1, alpha, rtol=1e-10)
        assert moments.solve(model, start, 0.1, alpha).eps_g == pytest.approx(flow.eps_g, rel=1e-7)


@pytest.mark.parametrize("K, M", [(2, 2), (3, 2), (2, 3)])
@pytest.mark.slow("long plateaus, 7 s")
def test_students_that_begin_alike_stay_on_the_plateau(K, M):
    """To 60 escape times: a difference of 1e-16, from rounding, would have grown to one after 37."""
    s, eta = lib.power_law(1.0, 3), 0.5
    model, alpha = lib.StudentTeacher(s, K, M), np.array([20.0, 40.0, 60.0]) * plateau.escape_time(s, M, eta, K)
    curve = moments.solve(model, model.initial_overlaps(0.0), eta, alpha)
    # integrations to 1e-7 and 1e-11 a step of a path that contracts
    np.testing.assert_allclose(curve.eps_g, plateau.symmetric_error(s, M, eta, alpha, K), rtol=1e-5)
    # with Q_ii and Q_ij apart from the start, so that only exchanges of units are symmetries
    apart = moments.solve(model, model.initial_overlaps(0.01), eta, alpha)
    assert np.ptp(apart.R, axis=(1, 2)).max() < 1e-14
    assert np.abs(apart.Q - np.swapaxes(apart.Q[:, ::-1, ::-1], 1, 2)).max() < 1e-14


def test_hierarchy_breaks_down():
    model = lib.StudentTeacher(lib.power_law(1.0, 16), 2, 2, "erf")
    alpha = np.geomspace(0.1, 200, 30)
    ratio = (
        moments.solve(model, overlaps(model), 0.5, alpha).eps_g / lib.solve(model, overlaps(model), 0.5, alpha).eps_g
    )
    assert abs(ratio[0] - 1) < 1e-6
    # what rounding makes of it at last depends on the processor: not a number, or a wrong one
    assert not abs(ratio[-1] - 1) < 10 and not np.isnan(ratio[:10]).any()


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda s: moments.from_blocks(s, np.ones((2, 1, 1))), "blocks has 2 levels"),
        (lambda s: moments.condition(lib.Spectrum([1.0, 1.0])), "equal eigenvalues"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call(lib.power_law(1.0, 3))
