"""One-pass SGD on the weights themselves: students J (K, N), teachers B (M, N).

Coordinates are the eigenvectors of the covariance, so an input is xi_j = sqrt(lambda_j) z_j with z
standard normal, and ``root`` (N,) holds sqrt(lambda_j). One step is::

    x_i = J_i . xi / sqrt(N),  y_n = B_n . xi / sqrt(N)
    J_i += (eta / sqrt(N)) v g'(x_i) (u sum_n g(y_n) - v sum_j g(x_j)) xi

of which the first ``trained`` coordinates alone are carried out. Quadratic units have output weights of each unit's
own and a centred error, which their step does not differentiate::

    J_i += (eta / sqrt(N)) 2 v_i x_i (sum_n u_n (y_n^2 - T_nn) - sum_j v_j (x_j^2 - Q_jj)) xi
"""

import math
from collections import namedtuple

from ..compiler.dot import dot
from ..compiler.jit import kernel
from ..maths.erf import activation
from ..maths.rng import fill_normals, stream_key, uniform
from .averages import LINEAR

# Streams of a seed
TEACHER, STUDENT, INPUTS = 0, 1, 2

# A run: students J (K, N), teachers B (M, N), root (N,), how many coordinates are trained; scratch for an input (N,)
# and the students' slopes (K,).
Run = namedtuple("Run", "J B root trained xi slope")


@kernel
def initial_weights(seed, sigma_J, J, B):
    """Teachers of unit and students of ``sigma_J`` standard deviation, drawn from their own streams."""
    pairs = (J.shape[1] + 1) // 2
    for n in range(B.shape[0]):
        fill_normals(stream_key(seed, TEACHER), n * pairs, B[n])
    for i in range(J.shape[0]):
        fill_normals(stream_key(seed, STUDENT), i * pairs, J[i])
        for j in range(J.shape[1]):
            J[i, j] *= sigma_J


@kernel
def orthonormalise(starts, B):
    """Make the teachers orthogonal, with norm^2 n_k, inside every block (Gram-Schmidt in place).

    Block k holds the coordinates ``starts[k]`` to ``starts[k + 1] - 1``; ``starts`` is float64, as all
    arrays that cross the boundary to WebAssembly.
    """
    M = B.shape[0]
    for k in range(starts.shape[0] - 1):
        lo, hi = int(starts[k]), int(starts[k + 1])
        for n in range(M):
            # twice is enough: the second pass removes what rounding left of the first
            for _ in range(2):
                for m in range(n):
                    overlap = 0.0
                    for j in range(lo, hi):
                        overlap += B[n, j] * B[m, j]
                    overlap /= hi - lo
                    for j in range(lo, hi):
                        B[n, j] -= overlap * B[m, j]
            square = 0.0
            for j in range(lo, hi):
                square += B[n, j] * B[n, j]
            scale = math.sqrt((hi - lo) / square)
            for j in range(lo, hi):
                B[n, j] *= scale


@kernel
def block_overlaps(starts, X, Y, out):
    """out[k, a, b] = X_a . Y_b / n_k, summed over the coordinates of block k."""
    for k in range(starts.shape[0] - 1):
        lo, hi = int(starts[k]), int(starts[k + 1])
        for a in range(X.shape[0]):
            for b in range(Y.shape[0]):
                overlap = 0.0
                for j in range(lo, hi):
                    overlap += X[a, j] * Y[b, j]
                out[k, a, b] = overlap / (hi - lo)


@kernel
def measure(J, B, root, scratch, Q, R):
    """Totals Q_ij = sum_k lambda_k J_ik J_jk / N and R likewise; ``scratch`` (N,)."""
    K, N = J.shape
    for i in range(K):
        for k in range(N):
            scratch[k] = root[k] * root[k] * J[i, k] / N
        for j in range(K):
            Q[i, j] = dot(scratch, J[j])
        for n in range(B.shape[0]):
            R[i, n] = dot(scratch, B[n])


@kernel
def answer(B, xi, network):
    """The teacher's output zeta on the input ``xi`` (N,)."""
    scale = 1.0 / math.sqrt(xi.shape[0])
    zeta = 0.0
    for n in range(B.shape[0]):
        y = scale * dot(B[n], xi)
        zeta += network.u * (y if network.activity == LINEAR else activation(y)[0])
    return zeta


@kernel(inline=True)
def learn(J, xi, zeta, eta, network, trained, slope):
    """One SGD step on the input ``xi`` (N,) with the teacher's answer ``zeta``; ``slope`` (K,) is scratch."""
    K, N = J.shape
    v = network.v
    scale = 1.0 / math.sqrt(N)
    error = zeta
    for i in range(K):
        x = scale * dot(J[i], xi)
        if network.activity == LINEAR:
            error -= v * x
            slope[i] = v
        else:
            g, derivative = activation(x)
            error -= v * g
            slope[i] = v * derivative
    for i in range(K):
        step = eta * scale * slope[i] * error
        row = J[i]
        for k in range(trained):
            row[k] += step * xi[k]


@kernel(hot=True)
def advance(run, eta, network, seed, first, last):
    """Steps ``first`` to ``last - 1`` of a :class:`Run` on Gaussian inputs; step s always sees the same input.

    network: a ``Network`` of :mod:`lib.kernels.averages`. A slice of a run: calling it twice with adjoining ranges is
    calling it once.
    """
    key = stream_key(seed, INPUTS)
    J, B, root, xi = run.J, run.B, run.root, run.xi
    N = root.shape[0]
    pairs = (N + 1) // 2
    for step in range(first, last):
        fill_normals(key, step * pairs, xi)
        for k in range(N):
            xi[k] *= root[k]
        learn(J, xi, answer(B, xi, network), eta, network, run.trained, run.slope)


@kernel
def advance_on_samples(run, samples, eta, network, seed, first, last):
    """Steps ``first`` to ``last - 1`` on rows of ``samples`` (n, N), drawn with replacement."""
    key = stream_key(seed, INPUTS)
    for step in range(first, last):
        xi = samples[int((1.0 - uniform(key, step)) * samples.shape[0])]
        learn(run.J, xi, answer(run.B, xi, network), eta, network, run.trained, run.slope)


@kernel
def advance_on_labels(run, samples, labels, eta, network, seed, first, last):
    """Steps ``first`` to ``last - 1`` on rows of ``samples`` (n, N) with ``labels`` (n,) of their own, no teacher's."""
    key = stream_key(seed, INPUTS)
    for step in range(first, last):
        row = int((1.0 - uniform(key, step)) * samples.shape[0])
        learn(run.J, samples[row], labels[row], eta, network, run.trained, run.slope)


@kernel
def error_on_samples(J, B, samples, network):
    """eps_g with the rows of ``samples`` (n, N) as the whole population: the mean of (zeta - sigma)^2 / 2."""
    scale = 1.0 / math.sqrt(samples.shape[1])
    total = 0.0
    for s in range(samples.shape[0]):
        error = answer(B, samples[s], network)
        for i in range(J.shape[0]):
            x = scale * dot(J[i], samples[s])
            error -= network.v * (x if network.activity == LINEAR else activation(x)[0])
        total += error * error
    return 0.5 * total / samples.shape[0]


@kernel(inline=True)
def _square(J, root, weighted):
    """<x^2> of the field x = J . xi / sqrt(N), whose J (N,) changes with every step; ``weighted`` (N,) is scratch."""
    N = root.shape[0]
    for k in range(N):
        weighted[k] = root[k] * root[k] * J[k]
    return dot(weighted, J) / N


@kernel
def mean_answer(B, root, outputs, weighted):
    """The mean of the quadratic teachers' output: sum_n u_n T_nn, u (M,) the last of ``outputs`` (K + M,)."""
    first = outputs.shape[0] - B.shape[0]
    mean = 0.0
    for n in range(B.shape[0]):
        mean += outputs[first + n] * _square(B[n], root, weighted)
    return mean


@kernel
def square_answer(B, xi, outputs):
    """The quadratic teachers' output sum_n u_n y_n^2 on the input ``xi`` (N,)."""
    first = outputs.shape[0] - B.shape[0]
    scale = 1.0 / math.sqrt(xi.shape[0])
    zeta = 0.0
    for n in range(B.shape[0]):
        y = scale * dot(B[n], xi)
        zeta += outputs[first + n] * y * y
    return zeta


@kernel(inline=True)
def square_error(J, root, xi, zeta, outputs, weighted, slope):
    """The centred error on ``xi`` (N,), given the teachers' centred answer zeta; slope (K,) = 2 v_i x_i.

    The mean of the students' output costs K N multiply-adds more, half of a step.
    """
    scale = 1.0 / math.sqrt(xi.shape[0])
    error = zeta
    for i in range(J.shape[0]):
        x = scale * dot(J[i], xi)
        error += outputs[i] * (x * x - _square(J[i], root, weighted))
        slope[i] = -2.0 * outputs[i] * x
    return error


@kernel(inline=True)
def square_learn(J, xi, error, eta, trained, slope):
    """One SGD step of quadratic units on the input ``xi`` (N,), given what :func:`square_error` gives and writes."""
    scale = 1.0 / math.sqrt(xi.shape[0])
    for i in range(J.shape[0]):
        step = eta * scale * slope[i] * error
        row = J[i]
        for k in range(trained):
            row[k] += step * xi[k]


@kernel(hot=True)
def square_advance(run, eta, outputs, weighted, seed, first, last):
    """:func:`advance` of quadratic units on the same inputs, at a cost of (3 K + M) N a step and that of the inputs.

    outputs (K + M,): those of :mod:`lib.kernels.quadratic`; ``weighted`` (N,) is scratch.
    """
    key = stream_key(seed, INPUTS)
    J, B, root, xi = run.J, run.B, run.root, run.xi
    N = root.shape[0]
    pairs = (N + 1) // 2
    mean = mean_answer(B, root, outputs, weighted)
    for step in range(first, last):
        fill_normals(key, step * pairs, xi)
        for k in range(N):
            xi[k] *= root[k]
        zeta = square_answer(B, xi, outputs) - mean
        error = square_error(J, root, xi, zeta, outputs, weighted, run.slope)
        square_learn(J, xi, error, eta, run.trained, run.slope)


@kernel
def square_advance_on_samples(run, samples, eta, outputs, weighted, seed, first, last):
    """:func:`advance_on_samples` of quadratic units; ``root`` of the run is that of the samples' own covariance."""
    key = stream_key(seed, INPUTS)
    J, B, root = run.J, run.B, run.root
    mean = mean_answer(B, root, outputs, weighted)
    for step in range(first, last):
        xi = samples[int((1.0 - uniform(key, step)) * samples.shape[0])]
        zeta = square_answer(B, xi, outputs) - mean
        error = square_error(J, root, xi, zeta, outputs, weighted, run.slope)
        square_learn(J, xi, error, eta, run.trained, run.slope)


@kernel
def square_error_on_samples(run, samples, outputs, weighted):
    """:func:`error_on_samples` of quadratic units, centred."""
    mean = mean_answer(run.B, run.root, outputs, weighted)
    total = 0.0
    for s in range(samples.shape[0]):
        zeta = square_answer(run.B, samples[s], outputs) - mean
        error = square_error(run.J, run.root, samples[s], zeta, outputs, weighted, run.slope)
        total += error * error
    return 0.5 * total / samples.shape[0]
