"""Networks beyond the two-layer erf machine: training on the weights, and averages over the fields.

A student of any depth sees an input only through its first layer's fields x_i = J_i . xi / sqrt(N), and the teacher
through y_n = B_n . xi / sqrt(N). Given the scale tau of an input (its variance, in a scale mixture of Gaussians)
the fields are Gaussian with covariance tau C, so that whatever is asked of the outputs is an average over K + M
numbers. ``activity`` is ERF, LINEAR, RELU, TANH or SQUARE; these kernels run natively only. The error of squares is
centred, as in :mod:`lib.kernels.quadratic`: their networks have one hidden layer, and scale 1.
"""

import math
from collections import namedtuple

from ..compiler.dot import dot
from ..compiler.jit import kernel
from ..maths.erf import activation
from ..maths.rng import fill_normals, stream_key, uniform
from .averages import ERF, LINEAR, SQUARE, TWO_OVER_PI, four_average, pair_average
from .sgd import INPUTS

RELU, TANH = 2, 3
# Streams of a seed, besides those of lib.kernels.sgd
HIDDEN, SCALES = 10, 11

# The student above its first layer, the teacher's output weights (M,), and the activation of both: units of each hidden
# layer (D,); weights above the first layer, layer by layer and row by row, the output weights last.
Networks = namedtuple("Networks", "widths upper u activity")
# Scales of the inputs' mixture and their probabilities.
Mixture = namedtuple("Mixture", "scales shares")
# Inputs of a seed: sqrt of the eigenvalues (N,), scales and their cumulative probabilities, the seed; scratch (N,).
Inputs = namedtuple("Inputs", "root scales cumulative seed xi")
# Learning rates of the first layer and of all weights above it.
Rates = namedtuple("Rates", "first upper")
# Scratch of every layer (D, max width): fields, activities, slopes, derivatives of the output by the fields.
Layers = namedtuple("Layers", "h g slope back")
# Of the block flow: D (K, P), G (K, K), and the motion of the output weights (K,).
Coefficients = namedtuple("Coefficients", "D G dv")
# Scratch of the coefficients: covariance at a scale, its factor, one scale's part (P, P); fields (2, P); means (K,).
Scratch = namedtuple("Scratch", "scaled factor part fields means")


@kernel
def unit(x, activity):
    """The activation g(x) and its derivative."""
    if activity == LINEAR:
        return x, 1.0
    if activity == RELU:
        return (x, 1.0) if x > 0.0 else (0.0, 0.0)
    if activity == TANH:
        g = math.tanh(x)
        return g, 1.0 - g * g
    if activity == SQUARE:
        return x * x, 2.0 * x
    return activation(x)


@kernel
def forward(widths, upper, activity, h, g, slope):
    """The student's output from its first fields ``h[0]``.

    ``widths`` (D,) are the units of each hidden layer; ``upper`` holds the weights above the first layer, layer
    by layer and row by row, the output weights last; ``h``, ``g``, ``slope`` (D, max width) receive every layer's
    fields, activities and slopes.
    """
    depth = widths.shape[0]
    at = 0
    for l in range(depth):
        n = int(widths[l])
        if l > 0:
            below = int(widths[l - 1])
            for i in range(n):
                field = 0.0
                for j in range(below):
                    field += upper[at] * g[l - 1, j]
                    at += 1
                h[l, i] = field
        for i in range(n):
            g[l, i], slope[l, i] = unit(h[l, i], activity)
    output = 0.0
    for i in range(int(widths[depth - 1])):
        output += upper[at + i] * g[depth - 1, i]
    return output


@kernel
def backward(widths, upper, rate, g, slope, back):
    """Backpropagation: ``back`` (D, max width) receives d(output)/d(field) of every hidden unit.

    The weights above the first layer move by ``rate`` times d(output)/d(weight) on the way, each after it has been
    used, so that all derivatives are those before the step.
    """
    depth = widths.shape[0]
    top = depth - 1
    at = upper.shape[0] - int(widths[top])
    for i in range(int(widths[top])):
        back[top, i] = upper[at + i] * slope[top, i]
        upper[at + i] += rate * g[top, i]
    for l in range(top, 0, -1):
        n, below = int(widths[l]), int(widths[l - 1])
        at -= n * below
        for j in range(below):
            total = 0.0
            for i in range(n):
                weight = at + i * below + j
                total += upper[weight] * back[l, i]
                upper[weight] += rate * back[l, i] * g[l - 1, j]
            back[l - 1, j] = total * slope[l - 1, j]


@kernel
def advance(J, B, networks, inputs, rates, first, last, layers):
    """Steps ``first`` to ``last - 1`` of one-pass SGD on every layer; step s always sees the same input.

    The first layer J moves by (eta / sqrt N) delta d(sigma)/d(x_i) xi, all weights above it by (upper_eta / N)
    delta d(sigma)/d(weight), delta = zeta - sigma: both then take times of order N. An input's scale is
    ``inputs.scales[s]`` with the ``cumulative`` probabilities.
    """
    widths, upper, u, activity = networks
    root, xi, h = inputs.root, inputs.xi, layers.h
    N = root.shape[0]
    inverse = 1.0 / math.sqrt(N)
    pairs = (N + 1) // 2
    normals, choices = stream_key(inputs.seed, INPUTS), stream_key(inputs.seed, SCALES)
    mean = 0.0  # of the teacher's output, and below of the error
    if activity == SQUARE:
        for n in range(B.shape[0]):
            mean += u[n] * _variance(B[n], root)
    for step in range(first, last):
        fill_normals(normals, step * pairs, xi)
        s = 0
        if inputs.scales.shape[0] > 1:
            draw = 1.0 - uniform(choices, step)
            while draw >= inputs.cumulative[s]:
                s += 1
        size = math.sqrt(inputs.scales[s])
        for k in range(N):
            xi[k] *= size * root[k]
        zeta = 0.0
        for n in range(B.shape[0]):
            zeta += u[n] * unit(inverse * dot(B[n], xi), activity)[0]
        for i in range(J.shape[0]):
            h[0, i] = inverse * dot(J[i], xi)
        delta = zeta - forward(widths, upper, activity, h, layers.g, layers.slope)
        if activity == SQUARE:
            delta -= mean
            for i in range(J.shape[0]):
                delta += upper[i] * _variance(J[i], root)
        backward(widths, upper, rates.upper * delta / N, layers.g, layers.slope, layers.back)
        for i in range(J.shape[0]):
            move = rates.first * inverse * delta * layers.back[0, i]
            row = J[i]
            for k in range(N):
                row[k] += move * xi[k]


@kernel
def _variance(J, root):
    """<x^2> of the field of a unit with the weights J (N,)."""
    N = J.shape[0]
    total = 0.0
    for k in range(N):
        total += (root[k] * J[k]) ** 2
    return total / N


@kernel
def initial_upper(seed, widths, out):
    """Hidden weights above the first layer, normal with variance 1 / (units below); ``out`` ends before the output."""
    fill_normals(stream_key(seed, HIDDEN), 0, out)
    at = 0
    for l in range(1, widths.shape[0]):
        count = int(widths[l - 1]) * int(widths[l])
        for _ in range(count):
            out[at] /= math.sqrt(widths[l - 1])
            at += 1


@kernel
def factor(C, first, F):
    """F with F F^T = C (P, P) after the fields are put in the order first, first + 1, ..., P - 1, 0, 1, ...

    A Cholesky factor, teachers before students: what the students add to the teachers' span is then a small number
    in itself rather than a difference, and the error of a nearly perfect student keeps its digits. A pivot lost
    to rounding (below 1e-15 of its field's variance) counts as zero. Row a of F belongs to field a of C.
    """
    P = C.shape[0]
    for row in range(P):
        a = (row + first) % P
        for column in range(P):
            F[a, column] = 0.0
        for column in range(row + 1):
            b = (column + first) % P
            rest = C[a, b]
            for c in range(column):
                rest -= F[a, c] * F[b, c]
            if column < row:
                F[a, column] = rest / F[b, column] if F[b, column] > 0.0 else 0.0
            else:
                F[a, row] = math.sqrt(rest) if rest > 1e-15 * C[a, a] else 0.0


@kernel
def sampled_error(F, points, networks, mixture, layers):
    """eps_g = <(zeta - sigma)^2> / 2, averaged over ``points`` (n, P) of the normal distribution and the scales."""
    widths, upper, u, activity = networks
    P, n, K, h = F.shape[0], points.shape[0], int(widths[0]), layers.h
    total = 0.0
    for p in range(n):
        for s in range(mixture.scales.shape[0]):
            size = math.sqrt(mixture.scales[s])
            delta = 0.0
            for a in range(P):
                field = size * dot(F[a], points[p])
                if a < K:
                    h[0, a] = field
                else:
                    delta += u[a - K] * unit(field, activity)[0]
            delta -= forward(widths, upper, activity, h, layers.g, layers.slope)
            total += mixture.shares[s] * delta * delta
    return 0.5 * total / n


@kernel
def product_average(C, a, b, activity):
    """<g(u_a) g(u_b)>: for erf and linear of :mod:`lib.kernels.averages`, for ReLU the arc-cosine kernel.

    Squares are taken without their means.
    ReLU: sqrt(C_aa C_bb) (sin t + (pi - t) cos t) / (2 pi) with the angle cos t = C_ab / sqrt(C_aa C_bb)
    (Cho & Saul 2009).
    """
    if activity == LINEAR:
        return C[a, b]
    if activity == ERF:
        return pair_average(C, a, b)
    if activity == SQUARE:
        return 2.0 * C[a, b] * C[a, b]
    norm = math.sqrt(C[a, a] * C[b, b])
    if norm == 0.0:
        return 0.0
    sine = math.sqrt(max(0.0, norm * norm - C[a, b] * C[a, b]))
    return (sine + (math.pi - math.atan2(sine, C[a, b])) * C[a, b]) / (2.0 * math.pi)


@kernel
def pair_error(C, w, activity):
    """<(sum_a w_a g(u_a))^2> / 2 for output weights ``w`` (P,), the students' with a minus sign."""
    total = 0.0
    for a in range(w.shape[0]):
        for b in range(w.shape[0]):
            total += w[a] * w[b] * product_average(C, a, b, activity)
    return 0.5 * total


@kernel
def drift(C, K, w, activity, D):
    """D (K, P) of the block flow, from <delta_i u> = sum_a D_ia <u u_a>, for output weights ``w`` (P,).

    With delta = sum_b w_b g(u_b) and delta_i = -w_i g'(x_i) delta, Stein's lemma gives
    D_ia = -w_i (w_a <g'(x_i) g'(u_a)> + [a = i] sum_b w_b <g''(x_i) g(u_b)>).
    ReLU: <g' g'> = (pi - t) / (2 pi), and g'' is a delta function, under which u_b keeps the variance
    C_bb - C_ib^2 / C_ii; the term b = i vanishes.
    """
    P = C.shape[0]
    for i in range(K):
        own = 0.0
        for a in range(P):
            if activity == LINEAR:
                slopes, bend = 1.0, 0.0
            elif activity == SQUARE:
                slopes, bend = 4.0 * C[i, a], 0.0
            elif activity == ERF:
                slopes = TWO_OVER_PI / math.sqrt((1.0 + C[i, i]) * (1.0 + C[a, a]) - C[i, a] * C[i, a])
                bend = -slopes * C[i, a] / (1.0 + C[i, i])
            else:
                sine = math.sqrt(max(0.0, C[i, i] * C[a, a] - C[i, a] * C[i, a]))
                slopes = 0.5 if a == i else (math.pi - math.atan2(sine, C[i, a])) / (2.0 * math.pi)
                bend = 0.0 if a == i else sine / (2.0 * math.pi * C[i, i])
            D[i, a] = -w[i] * w[a] * slopes
            own += w[a] * bend
        D[i, i] -= w[i] * own


@kernel
def closed_noise(C, K, w, activity, G):
    """G_ij = <delta_i delta_j> (K, K), for erf, linear and square."""
    P = C.shape[0]
    error = 0.0 if activity == ERF else pair_error(C, w, activity)
    for i in range(K):
        for j in range(i + 1):
            total = 2.0 * error * (4.0 * C[i, j] if activity == SQUARE else 1.0)
            if activity == SQUARE:
                for a in range(P):
                    for b in range(P):
                        total += 32.0 * C[i, a] * w[a] * C[a, b] * w[b] * C[b, j]
            elif activity == ERF:
                for a in range(P):
                    total += w[a] * w[a] * four_average(C, i, j, a, a)
                    for b in range(a):
                        total += 2.0 * w[a] * w[b] * four_average(C, i, j, a, b)
            G[i, j] = w[i] * w[j] * total
            G[j, i] = G[i, j]


@kernel
def sampled_noise(F, points, K, w, activity, fields, G):
    """The same by quadrature, for any activation: an average over ``points`` (n, P); ``fields`` (P,) is scratch."""
    P, n = F.shape[0], points.shape[0]
    for i in range(K):
        for j in range(K):
            G[i, j] = 0.0
    for p in range(n):
        delta = 0.0
        for a in range(P):
            g, slope = unit(dot(F[a], points[p]), activity)
            delta += w[a] * g
            fields[a] = slope
        for i in range(K):
            for j in range(K):
                G[i, j] += w[i] * w[j] * fields[i] * fields[j] * delta * delta / n


@kernel
def sampled_drift(F, points, K, w, fields, D, dv):
    """D as in :func:`drift` and dv_i = sum_a w_a <g(x_i) g(u_a)>, for tanh by quadrature; ``fields`` (2, P) is scratch.

    Here g'' = -2 g g'. A perfect student stands still exactly: what cancels does so at every point.
    """
    P, n = F.shape[0], points.shape[0]
    D[:K] = 0.0
    dv[:] = 0.0
    for p in range(n):
        delta = 0.0
        for a in range(P):
            fields[0, a], fields[1, a] = unit(dot(F[a], points[p]), TANH)
            delta += w[a] * fields[0, a]
        for i in range(K):
            dv[i] += fields[0, i] * delta / n
            for a in range(P):
                D[i, a] -= w[i] * w[a] * fields[1, i] * fields[1, a] / n
            D[i, i] += 2.0 * w[i] * fields[0, i] * fields[1, i] * delta / n


@kernel
def coefficients(C, w, activity, mixture, points, noise, scratch, out):
    """Coefficients of the block flow, ``out``, with dv_i = <g(x_i) delta>, the output weights' motion at the rate one.

    ``C`` (P, P) is the covariance at scale 1, ``w`` (P,) the output weights, the students' with a minus sign.
    An input of scale tau has the covariance tau lambda_k in level k, hence the means over tau of tau D(tau C) and
    tau G(tau C).
    On ``points`` are averaged G of ReLU, and G, D and dv of tanh. Without ``noise`` G is 0.
    """
    D, G, dv = out
    scales, shares = mixture
    scaled, F, part, fields, means = scratch
    K, P = D.shape
    D[:] = 0.0
    G[:] = 0.0
    dv[:] = 0.0
    for s in range(scales.shape[0]):
        for a in range(P):
            for b in range(P):
                scaled[a, b] = scales[s] * C[a, b]
        if activity == TANH or (noise and activity == RELU):
            factor(scaled, K, F)
        if activity == TANH:
            sampled_drift(F, points, K, w, fields, part, means)
        else:
            drift(scaled, K, w, activity, part)
            for i in range(K):
                means[i] = 0.0
                for a in range(P):
                    means[i] += w[a] * product_average(scaled, i, a, activity)
        for i in range(K):
            dv[i] += shares[s] * means[i]
            for a in range(P):
                D[i, a] += shares[s] * scales[s] * part[i, a]
        if not noise:
            continue
        if activity == RELU or activity == TANH:
            sampled_noise(F, points, K, w, activity, fields[0], part)
        else:
            closed_noise(scaled, K, w, activity, part)
        for i in range(K):
            for j in range(K):
                G[i, j] += shares[s] * scales[s] * part[i, j]
