"""The model: a student network, a teacher network, the data between them, and where training starts."""

from dataclasses import dataclass

import numpy as np

from ..kernels import sgd as kernels
from ..kernels.averages import ERF, LINEAR
from . import checks
from .spectra import Spectrum

ACTIVATIONS = {"erf": ERF, "linear": LINEAR}
TEACHERS = ("orthonormal", "random")
# Overlaps that were computed or written down are symmetric and positive up to this share of the largest.
ROUGHNESS = 1e-6


@dataclass(frozen=True)
class StudentTeacher:
    """Two-layer student and teacher on Gaussian data with a given spectrum.

    The student computes sigma = (sqrt(M)/K) sum_i g(x_i), the teacher zeta = (1/sqrt(M)) sum_n g(y_n), with
    fields x_i = J_i . xi / sqrt(N), y_n = B_n . xi / sqrt(N) and g(x) = erf(x / sqrt 2) or g(x) = x: the scale
    of Worschech & Rosenow (2024).

    Parameters
    ----------
    spectrum : Spectrum
    students, teachers : int
        Hidden units K of the student and M of the teacher, >= 1.
    activation : {"erf", "linear"}
    """

    spectrum: Spectrum
    students: int = 2
    teachers: int = 2
    activation: str = "erf"

    def __post_init__(self):
        checks.spectrum(self.spectrum)
        for name in ("students", "teachers"):
            object.__setattr__(self, name, checks.whole(name, getattr(self, name)))
        checks.one_of("activation", self.activation, tuple(ACTIVATIONS))

    @property
    def output_weights(self):
        """The pair (v, u) in sigma = v sum_i g(x_i) and zeta = u sum_n g(y_n)."""
        return np.sqrt(self.teachers) / self.students, 1.0 / np.sqrt(self.teachers)

    @property
    def activity(self):
        """The activation's number in the kernels."""
        return ACTIVATIONS[self.activation]

    def initial_overlaps(self, sigma_J, N=None, seed=0, teacher="orthonormal", alignment=0.0):
        """Block overlaps at the start of training.

        Parameters
        ----------
        sigma_J : float
            Standard deviation of the students' weights, >= 0.
        N : int, optional
            Input dimension: the overlaps are those of weights actually drawn, the same weights from
            which :func:`lib.simulate` starts with this seed. None gives their mean, the limit
            N -> infinity: for ``alignment`` a, r = a and q = sigma_J^2 + a^2 between a student and its own
            teacher or itself (without a teacher of its own, q = sigma_J^2), else 0; t = identity.
        seed : int
        teacher : {"orthonormal", "random"}
            Teacher vectors orthonormal inside every block (t = identity, needs every multiplicity
            >= M), or of independent standard normal entries.
        alignment : float
            Student i starts from this multiple of teacher i's vector, plus the random weights: 0 knows
            nothing, 1 with a small sigma_J starts near the teacher.

        Returns
        -------
        Overlaps
        """
        sigma_J = checks.number("sigma_J", sigma_J, 0.0)
        alignment = checks.number("alignment", alignment)
        checks.one_of("teacher", teacher, TEACHERS)
        if N is None:
            L, K, M = self.spectrum.levels, self.students, self.teachers
            r, q, t = np.zeros((L, K, M)), np.zeros((L, K, K)), np.zeros((L, M, M))
            pairs = range(min(K, M))
            r[:, pairs, pairs] = alignment
            q[:, range(K), range(K)] = sigma_J**2
            q[:, pairs, pairs] += alignment**2
            t[:, range(M), range(M)] = 1.0
            return Overlaps(r, q, t)
        J, B = self.initial_weights(sigma_J, N, seed, teacher, alignment)
        starts = self._block_starts(N)
        shapes = ((J, B), (J, J), (B, B))
        blocks = [np.empty((self.spectrum.levels, len(X), len(Y))) for X, Y in shapes]
        for (X, Y), out in zip(shapes, blocks):
            kernels.block_overlaps(starts, X, Y, out)
        return Overlaps(*blocks)

    def initial_weights(self, sigma_J, N, seed=0, teacher="orthonormal", alignment=0.0):
        """The weights J (K, N), B (M, N) behind :meth:`initial_overlaps`, in the covariance's eigenbasis."""
        N, sigma_J = self.check_start(sigma_J, N, teacher)
        seed = checks.whole("seed", seed, 0)
        J, B = np.empty((self.students, N)), np.empty((self.teachers, N))
        kernels.initial_weights(seed, sigma_J, J, B)
        if teacher == "orthonormal":
            kernels.orthonormalise(self._block_starts(N), B)
        pairs = min(self.students, self.teachers)
        J[:pairs] += checks.number("alignment", alignment) * B[:pairs]
        return J, B

    def check_start(self, sigma_J, N, teacher):
        """N as an int and sigma_J as a float, where training can start with these arguments of :meth:`initial_overlaps`; else ValueError."""
        sigma_J = checks.number("sigma_J", sigma_J, 0.0)
        checks.one_of("teacher", teacher, TEACHERS)
        smallest = self.spectrum.multiplicities(N).min()
        if teacher == "orthonormal" and smallest < self.teachers:
            raise ValueError(
                f'teacher = "orthonormal": needs at least {self.teachers} directions in every level, '
                f'but N = {N} leaves {smallest}: raise N or take teacher="random"'
            )
        return int(N), sigma_J

    def check_overlaps(self, overlaps, name="overlaps"):
        """The blocks (r, q, t) as contiguous arrays, where they are those of this model; else ValueError."""
        L, K, M = self.spectrum.levels, self.students, self.teachers
        if not isinstance(overlaps, Overlaps):
            checks.refuse(name, overlaps, "Overlaps, from initial_overlaps")
        blocks = []
        for part, shape in (("r", (L, K, M)), ("q", (L, K, K)), ("t", (L, M, M))):
            blocks.append(checks.array(f"{name}.{part}", getattr(overlaps, part), ndim=3))
            checks.shape(f"{name}.{part}", blocks[-1], shape)
        r, q, t = blocks
        for part, block in (("q", q), ("t", t)):
            if np.abs(block - np.swapaxes(block, 1, 2)).max() > ROUGHNESS * np.abs(block).max():
                raise ValueError(f"{name}.{part}: must be symmetric in every level")
        Q, R, T = Overlaps(r, q, t).totals(self.spectrum)
        fields = np.linalg.eigvalsh(np.block([[Q, R], [R.T, T]]))
        if fields[0] < -ROUGHNESS * np.abs(fields).max():
            raise ValueError(
                f"{name}: their totals [[Q, R], [R^T, T]] have the eigenvalue {fields[0]:.3g}: must be a covariance"
            )
        return r, q, t

    def _block_starts(self, N):
        return np.concatenate([[0.0], np.cumsum(self.spectrum.multiplicities(N))])


@dataclass(frozen=True, eq=False)
class Overlaps:
    """Block overlaps r (L, K, M) student-teacher, q (L, K, K) student-student, t (L, M, M) teacher-teacher.

    r^k_in = J^k_i . B^k_n / n_k, where the superscript projects on level k of multiplicity n_k.
    """

    r: np.ndarray
    q: np.ndarray
    t: np.ndarray

    def totals(self, spectrum):
        """Q (K, K), R (K, M), T (M, M): the covariances of the fields, sum_k w_k lambda_k times the blocks."""
        checks.spectrum(spectrum)
        mass = spectrum.weights * spectrum.eigenvalues
        return tuple(np.tensordot(mass, block, axes=1) for block in (self.q, self.r, self.t))
