"""Eigenvalues of a table's covariance, a slice at a time, against LAPACK."""

import numpy as np
import pytest

import lib
from lib.widgets.kernels import covariance


def eigenvalues(X):
    """The kernels run to their end: eigenvalues, and the fractions that they reported on the way."""
    spacing = np.finfo(X.dtype if X.dtype.kind == "f" else float).eps
    p, data = np.array([*X.shape, spacing], dtype=np.float64), np.ascontiguousarray(X, dtype=np.float64).ravel()
    work = np.zeros(int(covariance.table_size(p, data)))
    assert covariance.table_start(p, data, work) == 0
    fractions = [covariance.table_advance(p, data, work)]
    while fractions[-1] < 1:
        fractions.append(covariance.table_advance(p, data, work))
    return work[1 : 1 + int(work[0])], fractions


def lapack(X):
    return lib.Spectrum.from_data(X).eigenvalues


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (2, 2), (50, 50), (40, 300), (700, 257)])
@pytest.mark.parametrize("decay", [0.0, 1.0, 3.0])
def test_eigenvalues(shape, decay):
    X = np.random.default_rng(0).normal(size=shape) * np.arange(1.0, shape[1] + 1) ** -decay + 7.0
    values, fractions = eigenvalues(X)
    expected = lapack(X)
    # Both are backward stable: an error of some roundings (2e-16) of the largest eigenvalue.
    np.testing.assert_allclose(values, expected, rtol=0, atol=5e-15 * expected[0])
    assert fractions == sorted(fractions)


def test_long_work_comes_in_slices():
    fractions = eigenvalues(np.random.default_rng(0).normal(size=(700, 257)))[1]
    assert len(fractions) > 3 and fractions[0] < 0.5


@pytest.mark.parametrize("rank", [0, 1, 3])
def test_low_rank(rank):
    """Constant and repeated columns; a matrix that falls apart while it is reduced."""
    rng = np.random.default_rng(1)
    X = np.ones((40, 12))
    X[:, :rank] = rng.normal(size=(40, rank))
    X[:, 6 : 6 + rank] = X[:, :rank]
    values = eigenvalues(X)[0]
    assert len(values) == rank
    if rank:
        np.testing.assert_allclose(values, lapack(X), rtol=1e-13)


@pytest.mark.parametrize("scale", [1e-150, 1e-30, 1e60, 1e150])
def test_any_unit(scale):
    X = np.random.default_rng(2).normal(size=(30, 6))
    np.testing.assert_allclose(eigenvalues(scale * X)[0], eigenvalues(X)[0], rtol=1e-12)


def test_repeated_eigenvalues():
    """The corners of a cube: all eigenvalues equal, and nothing to reduce."""
    X = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    np.testing.assert_allclose(eigenvalues(X)[0], 1.0, rtol=1e-15)


@pytest.mark.parametrize("shape", [(400, 150), (150, 150), (150, 400)])
def test_a_fast_decay_keeps_its_levels(shape):
    X = np.random.default_rng(3).normal(size=shape) * np.arange(1.0, shape[1] + 1) ** -4 + 0.5
    values, expected = eigenvalues(X)[0], lapack(X)
    assert len(values) == len(expected) == min(shape[0] - 1, shape[1])
    np.testing.assert_allclose(np.sqrt(values), np.sqrt(expected), rtol=1e-13, atol=5e-15 * np.sqrt(expected[0]))
    assert values[-1] < 1e-15 * values[0]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_rounding_of_the_given_type_is_no_direction(kind):
    rng = np.random.default_rng(4)
    X = (30.0 * rng.normal(size=(200, 5)) @ rng.normal(size=(5, 6)) + 1000.0).astype(kind)
    values = eigenvalues(X)[0]
    assert len(values) == 5
    np.testing.assert_allclose(values, lapack(X), rtol=1e-9)


def test_nothing_outside_the_buffer_is_written():
    for shape in ((2, 2), (2, 9), (9, 2), (7, 7)):
        X = np.random.default_rng(5).normal(size=shape)
        p, size = np.array([*shape, 2.2e-16]), int(covariance.table_size(np.array([*shape, 2.2e-16]), X.ravel()))
        work = np.full(size + 40, 7.25)
        work[20:-20] = 0.0
        covariance.table_start(p, X.ravel(), work[20:-20])
        while covariance.table_advance(p, X.ravel(), work[20:-20]) < 1:
            pass
        assert np.all(work[:20] == 7.25) and np.all(work[-20:] == 7.25)
