"""The model: a student network, a teacher network, the data between them, and where training starts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..kernels import sgd as kernels
from ..kernels.averages import ERF, LINEAR, SQUARE, Network
from . import checks
from .spectra import Spectrum

ACTIVATIONS = {"erf": ERF, "linear": LINEAR, "square": SQUARE}
TEACHERS = ("orthonormal", "random")
# Tolerance for symmetry and positive semidefiniteness of given overlaps, relative to the largest entry.
SYMMETRY_RTOL = 1e-6


@dataclass(frozen=True)
class StudentTeacher:
    """Two-layer student and teacher on Gaussian data with a given spectrum.

    The student computes sigma = (sqrt(M)/K) sum_i g(x_i), the teacher zeta = (1/sqrt(M)) sum_n g(y_n), with
    fields x_i = J_i . xi / sqrt(N), y_n = B_n . xi / sqrt(N) and g(x) = erf(x / sqrt 2) or g(x) = x: the scale
    of Worschech & Rosenow (2024), ``eq-fields`` and ``eq-networks``.

    Quadratic units, g(x) = x^2, may have output weights of their own, sigma = sum_i v_i x_i^2 and
    zeta = sum_n u_n y_n^2. Their error is centred: zeta - sigma is taken less its mean under the present weights, as
    with an output bias that is always at its best value.

    Parameters
    ----------
    spectrum : Spectrum
        Eigenvalues of the inputs' covariance and their weights.
    students, teachers : int
        Hidden units K of the student and M of the teacher, >= 1. Default: 2 each.
    activation : {"erf", "linear", "square"}
        Function g. Default: "erf".
    strength : array_like, shape (L,), optional
        Strengths t_k >= 0: the mean square of the components of the teachers' weights in level k, T^k = t_k 1, as from
        :func:`lib.source`. Kept as a read-only array. Default: None, one in every level.
    student_outputs : array_like, shape (K,), optional
        Output weights v_i > 0 of the student's units, which are not trained; for "square" only. Kept as a read-only
        array. Default: None, sqrt(M)/K each.
    teacher_outputs : array_like, shape (M,), optional
        Output weights u_n > 0 of the teacher's units, likewise. Default: None, 1/sqrt(M) each.

    Raises
    ------
    ValueError
        For arguments out of range.

    Examples
    --------
    >>> import lib
    >>> model = lib.StudentTeacher(lib.power_law(beta=1.0, levels=4), students=3, teachers=2)
    >>> model.initial_overlaps(sigma_J=0.1).r.shape
    (4, 3, 2)
    >>> skills = lib.StudentTeacher(model.spectrum, 2, 2, "square", teacher_outputs=[1.0, 0.5])
    >>> skills.outputs.round(3)
    array([-0.707, -0.707,  1.   ,  0.5  ])
    """

    spectrum: Spectrum
    students: int = 2
    teachers: int = 2
    activation: str = "erf"
    strength: NDArray[np.float64] | None = field(default=None, hash=False)
    student_outputs: NDArray[np.float64] | None = field(default=None, hash=False)
    teacher_outputs: NDArray[np.float64] | None = field(default=None, hash=False)

    def __post_init__(self):
        checks.spectrum(self.spectrum)
        for name in ("students", "teachers"):
            object.__setattr__(self, name, checks.whole(name, getattr(self, name)))
        checks.one_of("activation", self.activation, tuple(ACTIVATIONS))
        if self.strength is not None:
            strength = checks.strength(self.spectrum, self.strength).copy()
            strength.flags.writeable = False
            object.__setattr__(self, "strength", strength)
        for name, units in (("student_outputs", self.students), ("teacher_outputs", self.teachers)):
            given = getattr(self, name)
            if given is None:
                continue
            if self.activation != "square":
                checks.refuse(name, given, f'None for activation="{self.activation}": only "square" has them')
            object.__setattr__(self, name, checks.output_weights(name, given, units))

    def __eq__(self, other):
        if not isinstance(other, StudentTeacher):
            return NotImplemented
        names = ("spectrum", "students", "teachers", "activation")
        same = all(getattr(self, name) == getattr(other, name) for name in names)
        return same and np.array_equal(self.strengths, other.strengths) and np.array_equal(self.outputs, other.outputs)

    @property
    def strengths(self) -> NDArray[np.float64]:
        """Strengths t_k (L,) of the teacher in the levels, ones where none were given."""
        return np.ones(self.spectrum.levels) if self.strength is None else self.strength

    @property
    def output_weights(self) -> tuple[Any, Any]:
        """The pair (v, u) in sigma = v sum_i g(x_i) and zeta = u sum_n g(y_n).

        Of quadratic units the arrays (K,) and (M,) of v_i and u_n.
        """
        v, u = np.sqrt(self.teachers) / self.students, 1.0 / np.sqrt(self.teachers)
        if self.activation != "square":
            return v, u
        return (
            np.full(self.students, v) if self.student_outputs is None else self.student_outputs,
            np.full(self.teachers, u) if self.teacher_outputs is None else self.teacher_outputs,
        )

    @property
    def outputs(self) -> NDArray[np.float64]:
        """The weights (K + M,) with which all units enter zeta - sigma.

        Those of the student, with a minus, then the teacher's.
        """
        v, u = self.output_weights
        return np.concatenate([np.broadcast_to(-v, self.students), np.broadcast_to(u, self.teachers)])

    @property
    def activity(self) -> int:
        """The activation's number in the kernels."""
        return ACTIVATIONS[self.activation]

    @property
    def network(self) -> Network:
        """Output weights and activation, as the kernels take them.

        Of quadratic units those at the default scale, of no effect where ``outputs`` are given to the kernels, too.
        """
        return Network(np.sqrt(self.teachers) / self.students, 1.0 / np.sqrt(self.teachers), self.activity)

    def initial_overlaps(
        self,
        sigma_J: float,
        N: int | None = None,
        seed: int = 0,
        teacher: str = "orthonormal",
        alignment: float = 0.0,
    ) -> Overlaps:
        """Compute the overlaps of every level at the start of training, ``eq-blocks``.

        Parameters
        ----------
        sigma_J : float
            Standard deviation of the students' weights, >= 0.
        N : int, optional
            Input dimension: the overlaps are those of weights actually drawn, the same weights from
            which :func:`lib.simulate` starts with this seed. None gives their mean, the limit
            N -> infinity: for ``alignment`` a, r = a t_k and q = sigma_J^2 + a^2 t_k between a student and its own
            teacher or itself (for students beyond the M-th, q = sigma_J^2), else 0; t = t_k times the identity, with
            the strengths t_k. Default: the limit.
        seed : int
            Of the weights, >= 0; without effect in the limit. Default: 0.
        teacher : {"orthonormal", "random"}
            Teacher vectors orthonormal inside every block (t = t_k times the identity, needs every multiplicity
            >= M), or of independent normal entries of variance t_k. Default: "orthonormal".
        alignment : float
            Student i starts from this multiple of teacher i's vector, plus the random weights: 0 knows
            nothing, 1 with a small sigma_J starts near the teacher. Default: 0.

        Returns
        -------
        Overlaps
            r (L, K, M), q (L, K, K) and t (L, M, M).

        Raises
        ------
        ValueError
            For arguments out of range, an ``N`` that the spectrum's weights do not divide, or fewer than M directions
            in a level for orthonormal teachers.
        """
        sigma_J = checks.number("sigma_J", sigma_J, 0.0)
        alignment = checks.number("alignment", alignment)
        checks.one_of("teacher", teacher, TEACHERS)
        if N is None:
            L, K, M = self.spectrum.levels, self.students, self.teachers
            r, q, t = np.zeros((L, K, M)), np.zeros((L, K, K)), np.zeros((L, M, M))
            pairs = range(min(K, M))
            strength = self.strengths[:, None]
            r[:, pairs, pairs] = alignment * strength
            q[:, range(K), range(K)] = sigma_J**2
            q[:, pairs, pairs] += alignment**2 * strength
            t[:, range(M), range(M)] = strength
            return Overlaps(r=r, q=q, t=t)
        J, B = self.initial_weights(sigma_J, N, seed, teacher, alignment)
        starts = self._block_starts(N)

        def products(X, Y):
            out = np.empty((self.spectrum.levels, len(X), len(Y)))
            kernels.block_overlaps(starts, X, Y, out)
            return out

        return Overlaps(r=products(J, B), q=products(J, J), t=products(B, B))

    def initial_weights(
        self, sigma_J: float, N: int, seed: int = 0, teacher: str = "orthonormal", alignment: float = 0.0
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Draw the weights of which :meth:`initial_overlaps` computes the overlaps, in the covariance's eigenbasis.

        Parameters
        ----------
        sigma_J : float
            As for :meth:`initial_overlaps`.
        N : int
            Input dimension.
        seed, teacher, alignment
            As for :meth:`initial_overlaps`.

        Returns
        -------
        J : ndarray, shape (K, N)
            Students' weights.
        B : ndarray, shape (M, N)
            Teachers' weights.

        Raises
        ------
        ValueError
            As :meth:`initial_overlaps` does.
        """
        N, sigma_J = self.check_start(sigma_J, N, teacher)
        seed = checks.whole("seed", seed, 0)
        J, B = np.empty((self.students, N)), np.empty((self.teachers, N))
        kernels.initial_weights(seed, sigma_J, J, B)
        if teacher == "orthonormal":
            kernels.orthonormalise(self._block_starts(N), B)
        if self.strength is not None:
            B *= np.sqrt(np.repeat(self.strength, self.spectrum.multiplicities(N)))
        pairs = min(self.students, self.teachers)
        J[:pairs] += checks.number("alignment", alignment) * B[:pairs]
        return J, B

    def check_start(self, sigma_J: float, N: Any, teacher: str) -> tuple[int, float]:
        """Check that training can start with these arguments of :meth:`initial_overlaps`.

        Parameters
        ----------
        sigma_J, N, teacher
            As for :meth:`initial_overlaps`.

        Returns
        -------
        N : int
            As an int.
        sigma_J : float
            As a float.

        Raises
        ------
        ValueError
            If it cannot.
        """
        sigma_J = checks.number("sigma_J", sigma_J, 0.0)
        checks.one_of("teacher", teacher, TEACHERS)
        smallest = self.spectrum.multiplicities(N).min()
        if teacher == "orthonormal" and smallest < self.teachers:
            raise ValueError(
                f'teacher = "orthonormal": needs at least {self.teachers} directions in every level, '
                f'but N = {N} leaves {smallest}: raise N or take teacher="random"'
            )
        return int(N), sigma_J

    def check_overlaps(self, overlaps: object, name: str = "overlaps") -> Overlaps:
        """Check that overlaps are those of this model.

        Parameters
        ----------
        overlaps : Overlaps
            Of any arrays of numbers.
        name : str
            Their name in a message. Default: "overlaps".

        Returns
        -------
        Overlaps
            The same as contiguous arrays of float64.

        Raises
        ------
        ValueError
            If shapes do not fit, or no vectors have these overlaps.
        """
        L, K, M = self.spectrum.levels, self.students, self.teachers
        if not isinstance(overlaps, Overlaps):
            checks.refuse(name, overlaps, "Overlaps, from initial_overlaps")
        blocks = {}
        for part, shape in (("r", (L, K, M)), ("q", (L, K, K)), ("t", (L, M, M))):
            blocks[part] = checks.array(f"{name}.{part}", getattr(overlaps, part), ndim=3)
            checks.shape(f"{name}.{part}", blocks[part], shape)
        for part in ("q", "t"):
            block = blocks[part]
            if np.abs(block - np.swapaxes(block, 1, 2)).max() > SYMMETRY_RTOL * np.abs(block).max():
                raise ValueError(f"{name}.{part}: must be symmetric in every level")
        checked = Overlaps(**blocks)
        totals = checked.totals(self.spectrum)
        fields = np.linalg.eigvalsh(np.block([[totals.Q, totals.R], [totals.R.T, totals.T]]))
        if fields[0] < -SYMMETRY_RTOL * np.abs(fields).max():
            raise ValueError(
                f"{name}: their totals [[Q, R], [R^T, T]] have the eigenvalue {fields[0]:.3g}: must be a covariance"
            )
        return checked

    def _block_starts(self, N):
        return np.concatenate([[0.0], np.cumsum(self.spectrum.multiplicities(N))])


@dataclass(frozen=True, eq=False)
class Overlaps:
    """Overlaps of the weight vectors in every level of the spectrum, ``eq-blocks``.

    r^k_in = J^k_i . B^k_n / n_k, where the superscript projects on level k of multiplicity n_k.

    Parameters
    ----------
    r : ndarray, shape (L, K, M)
        Student-teacher.
    q : ndarray, shape (L, K, K)
        Student-student.
    t : ndarray, shape (L, M, M)
        Teacher-teacher.
    """

    r: NDArray[np.float64]
    q: NDArray[np.float64]
    t: NDArray[np.float64]

    def totals(self, spectrum: Spectrum) -> Totals:
        """Sum the levels to the covariances of the fields: sum_k w_k lambda_k times the overlaps, ``eq-blocks``.

        Parameters
        ----------
        spectrum : Spectrum
            Of these levels.

        Returns
        -------
        Totals
            The named tuple (Q, R, T).

        Raises
        ------
        ValueError
            If ``spectrum`` is no Spectrum.

        Examples
        --------
        >>> import lib
        >>> model = lib.StudentTeacher(lib.power_law(1.0, 4), students=1, teachers=1)
        >>> model.initial_overlaps(sigma_J=0.5).totals(model.spectrum).Q
        array([[0.25]])
        """
        checks.spectrum(spectrum)
        mass = spectrum.weights * spectrum.eigenvalues
        Q, R, T = (np.tensordot(mass, block, axes=1) for block in (self.q, self.r, self.t))
        return Totals(Q=Q, R=R, T=T)

    def copy(self) -> Overlaps:
        """Copy the arrays.

        Returns
        -------
        Overlaps
            Of arrays that share no memory with these.
        """
        return Overlaps(r=self.r.copy(), q=self.q.copy(), t=self.t.copy())


class Totals(NamedTuple):
    """Covariances of the fields, ``eq-order-parameters``.

    Read them by name: their order is that of the matrix [[Q, R], [R^T, T]], not that of :class:`Overlaps`.
    """

    Q: NDArray[np.float64]
    """Student-student, (K, K)."""
    R: NDArray[np.float64]
    """Student-teacher, (K, M)."""
    T: NDArray[np.float64]
    """Teacher-teacher, (M, M)."""
