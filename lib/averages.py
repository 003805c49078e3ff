r"""The Gaussian averages behind the order-parameter equations: closed forms, and two ways to check any average.

Fields u = (u_1, ..., u_n) are jointly Gaussian with mean 0 and covariance C (n, n); g is the activation. I2, I3 and
I4 are the averages of Saad & Solla (1995), from which eps_g and the coefficients of the flow are put together.

Rounding costs the closed forms digits when fields are large: for fields of variance t the relative error is some
1e-16 t in 1 - I2 and 1e-16 t^2 in I3 and I4. Where no digit is left the result may be no number at all, and is refused.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erf, roots_hermitenorm

from .core import checks
from .core.student_teacher import ACTIVATIONS, StudentTeacher
from .kernels import averages, quadratic

# Grid points of a quadrature: some hundred megabytes.
LARGEST_GRID = 5_000_000
# An eigenvalue of a covariance below NEGATIVE times the largest is an error, not rounding.
NEGATIVE = -1e-10


def activation(name: str) -> tuple[Callable, Callable]:
    """Look up an activation and its derivative, as functions of arrays.

    Parameters
    ----------
    name : {"erf", "linear", "square"}
        g(x) = erf(x / sqrt 2), g(x) = x, or g(x) = x^2.

    Returns
    -------
    g : callable
        The activation, elementwise.
    slope : callable
        Its derivative, elementwise.

    Raises
    ------
    ValueError
        For any other name.
    """
    checks.one_of("activation", name, tuple(ACTIVATIONS))
    if name == "linear":
        return np.asarray, np.ones_like
    if name == "square":
        return np.square, lambda x: 2.0 * np.asarray(x)
    return lambda x: erf(np.asarray(x) / np.sqrt(2)), lambda x: np.sqrt(2 / np.pi) * np.exp(-np.square(x) / 2)


def I2(C: ArrayLike, activation: str = "erf") -> float:
    """Compute <g(u_1) g(u_2)> of Gaussian fields of mean 0, ``eq-i2-closed``.

    Parameters
    ----------
    C : array_like, shape (2, 2)
        Covariance of the fields; it may be singular.
    activation : {"erf", "linear", "square"}
        Function g; of "square" x^2 itself, with its mean. Default: "erf".

    Returns
    -------
    float
        The average.

    Raises
    ------
    ValueError
        If C is not a covariance of this shape.
    ArithmeticError
        If the fields are so large that rounding leaves no digit.
    """
    C = _covariance(C, 2)
    checks.one_of("activation", activation, tuple(ACTIVATIONS))
    if activation == "square":
        return float(C[0, 0] * C[1, 1] + 2 * C[0, 1] ** 2)
    return float(C[0, 1]) if activation == "linear" else _known("I2", C, averages.pair_average(C, 0, 1))


def I3(C: ArrayLike, activation: str = "erf") -> float:
    """Compute <g'(u_1) u_2 g(u_3)> of Gaussian fields of mean 0, ``eq-i3``.

    Parameters
    ----------
    C : array_like, shape (3, 3)
        Covariance of the fields; it may be singular.
    activation : {"erf", "linear", "square"}
        Function g; of "square" x^2 itself, with its mean. Default: "erf".

    Returns
    -------
    float
        The average.

    Raises
    ------
    ValueError
        If C is not a covariance of this shape.
    ArithmeticError
        If the fields are so large that rounding leaves no digit.
    """
    C = _covariance(C, 3)
    checks.one_of("activation", activation, tuple(ACTIVATIONS))
    if activation == "linear":
        return float(C[1, 2])
    if activation == "square":
        return float(2 * C[0, 1] * C[2, 2] + 4 * C[0, 2] * C[1, 2])
    tilted = C[1, 2] - C[0, 1] * C[0, 2] / (1 + C[0, 0])
    determinant = (1 + C[0, 0]) * (1 + C[2, 2]) - C[0, 2] ** 2
    return _known("I3", C, averages.TWO_OVER_PI * tilted / np.sqrt(determinant) if determinant > 0 else np.nan)


def I4(C: ArrayLike, activation: str = "erf") -> float:
    """Compute <g'(u_1) g'(u_2) g(u_3) g(u_4)> of Gaussian fields of mean 0, ``eq-i4``.

    Parameters
    ----------
    C : array_like, shape (4, 4)
        Covariance of the fields; it may be singular.
    activation : {"erf", "linear", "square"}
        Function g; of "square" x^2 itself, with its mean. Default: "erf".

    Returns
    -------
    float
        The average.

    Raises
    ------
    ValueError
        If C is not a covariance of this shape.
    ArithmeticError
        If the fields are so large that rounding leaves no digit.
    """
    C = _covariance(C, 4)
    checks.one_of("activation", activation, tuple(ACTIVATIONS))
    if activation == "square":
        paired = C[0, 1] * (C[2, 2] * C[3, 3] + 2 * C[2, 3] ** 2)
        paired += 2 * (C[0, 2] * C[1, 2] * C[3, 3] + C[0, 3] * C[1, 3] * C[2, 2])
        return float(4 * (paired + 4 * C[2, 3] * (C[0, 2] * C[1, 3] + C[0, 3] * C[1, 2])))
    return float(C[2, 3]) if activation == "linear" else _known("I4", C, averages.four_average(C, 0, 1, 2, 3))


def coefficients(
    model: StudentTeacher, Q: ArrayLike, R: ArrayLike, T: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Compute the coefficients of the flow as functions of the totals, ``eq-stein`` and ``eq-coefficients``.

    For quadratic units delta_i = 2 v_i x_i (zeta - sigma), centred: see :mod:`lib.kernels.quadratic`.

    Parameters
    ----------
    model : StudentTeacher
        Its activation and numbers of units.
    Q : array_like, shape (K, K)
        Student-student covariances of the fields, as in :meth:`lib.Overlaps.totals`.
    R : array_like, shape (K, M)
        Student-teacher covariances.
    T : array_like, shape (M, M)
        Teacher-teacher covariances.

    Returns
    -------
    Dx : ndarray, shape (K, K)
        <d delta_i / d x_j>.
    Dy : ndarray, shape (K, M)
        <d delta_i / d y_m>.
    G : ndarray, shape (K, K)
        <delta_i delta_j>.

    Raises
    ------
    ValueError
        If shapes do not fit.
    """
    checks.model(model)
    K, M = model.students, model.teachers
    Q, R, T = (checks.array(name, value, ndim=2) for name, value in (("Q", Q), ("R", R), ("T", T)))
    for name, value, shape in (("Q", Q, (K, K)), ("R", R, (K, M)), ("T", T, (M, M))):
        checks.shape(name, value, shape)
    C, D, G = np.empty((K + M, K + M)), np.empty((K, K + M)), np.empty((K, K))
    averages.assemble(Q, R, T, C)
    if model.activation == "square":
        quadratic.coefficients(C, model.outputs, D, G)
    else:
        averages.coefficients(C, K, *model.network, D, G)
    return D[:, :K], D[:, K:], G


def quadrature(C: ArrayLike, function: Callable, nodes: int = 40) -> tuple[float, float]:
    """Compute <function(u_1, ..., u_n)> by a product of Gauss-Hermite rules: deterministic, exact for polynomials.

    Parameters
    ----------
    C : array_like, shape (n, n)
        Covariance; it may be singular.
    function : callable
        Of n arrays of one shape, elementwise.
    nodes : int
        In each of the n dimensions, >= 4; nodes^n at most 5 million. Default: 40.

    Returns
    -------
    value : float
        The average.
    error : float
        The change from three quarters of the nodes: an estimate, too large while the rule converges geometrically.

    Raises
    ------
    ValueError
        If C is not a covariance, or the nodes are too many.

    Examples
    --------
    >>> value, error = quadrature([[2.0]], lambda u: u**4)
    >>> round(value, 9), error < 1e-9
    (12.0, True)
    """
    C = _covariance(C)
    nodes = checks.whole("nodes", nodes, 4, int(LARGEST_GRID ** (1 / len(C))))
    fine, coarse = (_gauss_hermite(_root(C), function, n) for n in (nodes, 3 * nodes // 4))
    return fine, abs(fine - coarse)


def monte_carlo(C: ArrayLike, function: Callable, samples: int = 100_000, seed: int = 0) -> tuple[float, float]:
    """Estimate <function(u_1, ..., u_n)> from random fields.

    Parameters
    ----------
    C, function
        As for :func:`quadrature`.
    samples : int
        Number of draws, >= 2. Default: 100,000.
    seed : int
        Of the draws, >= 0. Default: 0.

    Returns
    -------
    mean : float
        Of the samples.
    standard_error : float
        Of the mean.

    Raises
    ------
    ValueError
        If C is not a covariance, or a number is out of range.
    """
    C = _covariance(C)
    samples = checks.whole("samples", samples, 2)
    u = _root(C) @ np.random.default_rng(checks.whole("seed", seed, 0)).normal(size=(len(C), samples))
    values = np.broadcast_to(function(*u), samples)
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(samples))


def _gauss_hermite(root, function, nodes):
    x, w = roots_hermitenorm(nodes)
    size = len(root)
    grid = np.tensordot(root, np.stack(np.meshgrid(*[x] * size, indexing="ij")), axes=1)
    value = np.broadcast_to(function(*grid), (nodes,) * size)
    for _ in range(size):
        value = value @ (w / w.sum())
    return float(value)


def _root(C):
    """Compute A with A A^T = C, also for singular C."""
    values, vectors = np.linalg.eigh(C)
    return vectors * np.sqrt(np.maximum(values, 0.0))


def _known(name, C, value):
    """Refuse a value that rounding has left without a digit."""
    if not np.isfinite(value):
        raise ArithmeticError(f"C with variances up to {np.diag(C).max():.3g}: rounding leaves no digit of {name}")
    return float(value)


def _covariance(C, size=None):
    C = checks.array("C", C, ndim=2)
    size = len(C) if size is None else size
    if C.shape != (size, size) or not np.array_equal(C, C.T):
        raise ValueError(f"C with shape {C.shape}: must be a symmetric matrix of shape {(size, size)}")
    values = np.linalg.eigvalsh(C)
    if values[0] < NEGATIVE * max(abs(values)):
        raise ValueError(f"C has the eigenvalue {values[0]:g}: must be a covariance, positive semidefinite")
    return C
