"""Students that learn the leading levels only: their noise, and the training that is best for its cost.

In units of its own inputs such a student is a linear network (:mod:`lib.kernels.linear`) with one thing more, a noise
of constant variance U that drives every level.
"""

import math
from collections import namedtuple

from ..compiler.jit import kernel
from ..compiler.layout import take
from ..maths.gamma import upper_gamma
from .linear import mode_levels, modes, modes_from

BISECTIONS = 60
LARGEST_BELOW_TWO = 1.9999999999999998

# A student of l levels in units of its own inputs: eigenvalue, weight (l,), of mean 1; share N_l / N of the inputs;
# variance seen, W, and unseen, U = 1 - W. Its modes: x, amplitude, gain (l,); sums (4,) is scratch.
Student = namedtuple("Student", "eigenvalue weight share seen unseen x amplitude gain sums")
# The arrays of a student of up to L levels, (L,) each, and sums.
Room = namedtuple("Room", "eigenvalue weight x amplitude gain sums")


@kernel
def take_room(work, at, L):
    """Take a ``Room`` from a buffer, and where it ends."""
    eigenvalue, at = take(work, at, (L,))
    weight, at = take(work, at, (L,))
    x, at = take(work, at, (L,))
    amplitude, at = take(work, at, (L,))
    gain, at = take(work, at, (L,))
    sums, at = take(work, at, (4,))
    return Room(eigenvalue, weight, x, amplitude, gain, sums), at


@kernel
def restrict(eigenvalue, weight, learned, room):
    """Return the ``Student`` of the leading ``learned`` of L levels, whose ``weight`` (L,) are equal, in a ``Room``.

    Its modes are not known yet. :func:`lib.features.reduce` is the same for any weights, with numpy's pairwise sums,
    which differ in the last bits; stored results hold both.
    """
    L, n = eigenvalue.shape[0], learned
    unseen = 0.0
    for k in range(L - 1, n - 1, -1):
        unseen += weight[k] * eigenvalue[k]
    seen = 1.0 - unseen
    for k in range(n):
        room.eigenvalue[k], room.weight[k] = eigenvalue[k] * n / (L * seen), 1.0 / n
    return Student(
        room.eigenvalue[:n], room.weight[:n], n / L, seen, unseen,
        room.x[:n], room.amplitude[:n], room.gain[:n], room.sums,
    )  # fmt: skip


@kernel
def _rate(student, eta):
    """Rate eta W of a student in units of its own inputs.

    At exactly 2 modes and gains are 0/0; the number below is within the rounding of eta W.
    """
    rate = eta * student.seen
    return LARGEST_BELOW_TWO if rate == 2.0 else rate


@kernel
def find_modes(student, eta):
    """Find the modes of a student, as in ``linear.modes``, and the noise each takes up: gain_j / x_j in the end."""
    rate = _rate(student, eta)
    modes(student.eigenvalue, student.weight, rate, student.x, student.amplitude, student.sums)
    for j in range(student.x.shape[0]):
        student.gain[j] = student.amplitude[j] * student.x[j] * rate / (2.0 - rate)


@kernel
def find_modes_from(student, initial, eta):
    """``find_modes`` of learned levels that start from e_k(0) = initial (l,).

    For ``restricted_error`` at start = 1/2: the variance unseen is then that of a teacher of any strengths.
    """
    rate = _rate(student, eta)
    # gain holds the amplitudes of equal starts: the noise enters every level alike
    modes_from(
        student.eigenvalue, student.weight, initial, rate, student.x, student.gain, student.amplitude, student.sums
    )  # fmt: skip
    for j in range(student.x.shape[0]):
        student.gain[j] = student.gain[j] * student.x[j] * rate / (2.0 - rate)


@kernel
def _mode(student, j, turns):
    """What mode j has of the signal and of the noise that it has taken up, both relative to their source."""
    q = math.exp(-student.x[j] * turns)
    signal = student.amplitude[j] * q
    if student.x[j] == 0.0:
        return signal, student.gain[j] * turns
    return signal, student.gain[j] * (1.0 - q if q < 0.5 else -math.expm1(-student.x[j] * turns)) / student.x[j]


@kernel
def restricted_error(student, eta, start, noise, alpha, out):
    """Write eps_g (n,) of a student whose modes are known, at times alpha (n,).

    2 start = 1 + sigma_J^2; ``noise`` is the variance of a noise in the answers, and is part of the error. With
    q_j = exp(-2 eta W x_j alpha N / N_l) and U' = U + noise / (2 start),

        eps_g = start { W sum_j c_j q_j + U' [1 + sum_j gain_j (1 - q_j) / x_j] }.
    """
    speed = 2.0 * _rate(student, eta) / student.share
    unseen = student.unseen + 0.5 * noise / start
    for i in range(alpha.shape[0]):
        turns = speed * alpha[i]
        signal, driven = 0.0, 1.0
        for j in range(student.x.shape[0]):
            left, taken = _mode(student, j, turns)
            signal += left
            driven += taken
        # beyond the critical rate ``driven`` may be infinite, and 0 times that is NaN
        out[i] = start * (student.seen * signal + (unseen * driven if unseen > 0.0 else 0.0))


@kernel
def student_levels(student, eta, part, share):
    """``linear.mode_levels`` of a student whose modes are known."""
    mode_levels(student.eigenvalue, student.weight, _rate(student, eta), student.x, part, share)


@kernel
def restricted_levels(student, eta, start, alpha, share, out):
    """Add to out (n,) the parts of ``restricted_error`` at time alpha, without noise, in n groups of learned levels.

    share (l, n) is from ``student_levels``. The other levels' parts, start w_k lambda_k each, do not change.
    """
    turns = 2.0 * _rate(student, eta) / student.share * alpha
    for j in range(student.x.shape[0]):
        signal, driven = _mode(student, j, turns)
        error = start * (student.seen * signal + (student.unseen * driven if student.unseen > 0.0 else 0.0))
        for g in range(out.shape[0]):
            out[g] += share[j, g] * error


@kernel
def best_training(beta):
    """The x that minimises x^(beta/(2+beta)) F(x): the zero of its slope, by bisection in ln x."""
    s = beta / (1.0 + beta)
    low, high = math.log(1e-3), math.log(10.0)
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        x = math.exp(middle)
        tail, power = upper_gamma(s, x), math.exp(s * middle)
        # beta/(2+beta) F(x) - x^-s Gamma(1+s, x)/(1+beta) with Gamma(1+s, x) = s Gamma(s, x) + x^s e^-x; grows with x
        slope = beta / (2.0 + beta) * (power * (1.0 + beta) / beta + tail) - s * tail - power * math.exp(-x)
        if slope < 0.0:
            low = middle
        else:
            high = middle
    return math.exp(0.5 * (low + high))
