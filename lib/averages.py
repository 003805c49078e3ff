r"""The Gaussian averages behind the order-parameter equations: closed forms, and two ways to check any average.

Fields u = (u_1, ..., u_n) are jointly Gaussian with mean 0 and covariance C (n, n); g is the activation. I2, I3 and
I4 are the averages of Saad & Solla (1995), from which eps_g and the coefficients of the flow are put together.

Rounding costs the closed forms digits when fields are large: for fields of variance t the relative error is some
1e-16 t in 1 - I2 and 1e-16 t^2 in I3 and I4. Where no digit is left the result may be no number at all, and is refused.
"""

import numpy as np
from scipy.special import erf, roots_hermitenorm

from .core import checks
from .core.student_teacher import ACTIVATIONS
from .kernels import averages

# Grid points of a quadrature: some hundred megabytes.
LARGEST_GRID = 5_000_000
# Relative to the largest eigenvalue of a covariance: below minus this it is not rounding.
NEGATIVE = -1e-10


def activation(name):
    """The activation and its derivative as functions of arrays, (g, g').

    Parameters
    ----------
    name : {"erf", "linear"}
        g(x) = erf(x / sqrt 2), or g(x) = x.
    """
    checks.one_of("activation", name, tuple(ACTIVATIONS))
    if name == "linear":
        return np.asarray, np.ones_like
    return lambda x: erf(np.asarray(x) / np.sqrt(2)), lambda x: np.sqrt(2 / np.pi) * np.exp(-np.square(x) / 2)


def I2(C, activation="erf"):
    """<g(u_1) g(u_2)> of Gaussian fields of mean 0.

    Parameters
    ----------
    C : array_like, shape (2, 2)
        Covariance of the fields; it may be singular.
    activation : {"erf", "linear"}

    Returns
    -------
    float

    Raises
    ------
    ArithmeticError
        If the fields are so large that rounding leaves no digit.
    """
    C = _covariance(C, 2)
    checks.one_of("activation", activation, tuple(ACTIVATIONS))
    return float(C[0, 1]) if activation == "linear" else _known("I2", C, averages.pair_average(C, 0, 1))


def I3(C, activation="erf"):
    """<g'(u_1) u_2 g(u_3)> of Gaussian fields of mean 0.

    Parameters
    ----------
    C : array_like, shape (3, 3)
        Covariance of the fields; it may be singular.
    activation : {"erf", "linear"}

    Returns
    -------
    float

    Raises
    ------
    ArithmeticError
        If the fields are so large that rounding leaves no digit.
    """
    C = _covariance(C, 3)
    checks.one_of("activation", activation, tuple(ACTIVATIONS))
    if activation == "linear":
        return float(C[1, 2])
    tilted = C[1, 2] - C[0, 1] * C[0, 2] / (1 + C[0, 0])
    determinant = (1 + C[0, 0]) * (1 + C[2, 2]) - C[0, 2] ** 2
    return _known("I3", C, averages.TWO_OVER_PI * tilted / np.sqrt(determinant) if determinant > 0 else np.nan)


def I4(C, activation="erf"):
    """<g'(u_1) g'(u_2) g(u_3) g(u_4)> of Gaussian fields of mean 0.

    Parameters
    ----------
    C : array_like, shape (4, 4)
        Covariance of the fields; it may be singular.
    activation : {"erf", "linear"}

    Returns
    -------
    float

    Raises
    ------
    ArithmeticError
        If the fields are so large that rounding leaves no digit.
    """
    C = _covariance(C, 4)
    checks.one_of("activation", activation, tuple(ACTIVATIONS))
    return float(C[2, 3]) if activation == "linear" else _known("I4", C, averages.four_average(C, 0, 1, 2, 3))


def coefficients(model, Q, R, T):
    """The flow's coefficients as functions of the totals.

    Parameters
    ----------
    model : StudentTeacher
    Q, R, T : array_like, shapes (K, K), (K, M), (M, M)
        Covariances of the fields, as from :meth:`lib.Overlaps.totals`.

    Returns
    -------
    Dx, Dy, G : ndarrays, shapes (K, K), (K, M), (K, K)
        <d delta_i / d x_j>, <d delta_i / d y_m> and <delta_i delta_j>.
    """
    checks.model(model)
    K, M = model.students, model.teachers
    Q, R, T = (checks.array(name, value, ndim=2) for name, value in (("Q", Q), ("R", R), ("T", T)))
    for name, value, shape in (("Q", Q, (K, K)), ("R", R, (K, M)), ("T", T, (M, M))):
        checks.shape(name, value, shape)
    C, D, G = np.empty((K + M, K + M)), np.empty((K, K + M)), np.empty((K, K))
    averages.assemble(Q, R, T, C)
    averages.coefficients(C, K, *model.output_weights, model.activity, D, G)
    return D[:, :K], D[:, K:], G


def quadrature(C, function, nodes=40):
    """<function(u_1, ..., u_n)> by a product of Gauss-Hermite rules: deterministic, exact for polynomials.

    Parameters
    ----------
    C : array_like, shape (n, n)
        Covariance; it may be singular.
    function : callable
        Of n arrays of one shape, elementwise.
    nodes : int
        In each of the n dimensions; nodes^n at most 5 million.

    Returns
    -------
    value, error : float
        The error is the change from three quarters of the nodes: an estimate, on the safe side while the rule
        converges geometrically.
    """
    C = _covariance(C)
    nodes = checks.whole("nodes", nodes, 4, int(LARGEST_GRID ** (1 / len(C))))
    fine, coarse = (_gauss_hermite(_root(C), function, n) for n in (nodes, 3 * nodes // 4))
    return fine, abs(fine - coarse)


def monte_carlo(C, function, samples=100_000, seed=0):
    """<function(u_1, ..., u_n)> from random fields.

    Parameters
    ----------
    C, function
        As for :func:`quadrature`.
    samples, seed : int

    Returns
    -------
    mean, standard_error : float
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
    """A with A A^T = C, also where C is singular."""
    values, vectors = np.linalg.eigh(C)
    return vectors * np.sqrt(np.maximum(values, 0.0))


def _known(name, C, value):
    """``value`` as a float, if rounding has left one."""
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
