"""Random features of power-law data: the mean of SGD by a deterministic equivalent and a contour integral.

Inputs x_j = lambda_j^(1/2) z_j, lambda_j = j^-(1+beta), are seen through the features W^T x alone. For given W
everything about SGD is in K = Lambda^(1/2) W W^T Lambda^(1/2), with eigenvalues mu: a sum over them is a combination of

    A(zeta) = u^T (K + zeta)^-1 u   and   B(zeta) = tr K^2 (K + zeta)^-1,   u_j = lambda_j^(1/2) b_j,

and for W of independent normal entries both follow from one number, kappa(zeta). Nothing here knows how many inputs
there are: sums over ranks are Gauss rules of a few nodes for each factor in the eigenvalue.
"""

from collections import namedtuple

import numpy as np

from ..compiler.jit import kernel
from ..maths.rng import fill_normals, stream_key

MAX_ITERATIONS = 200
# The last step of Newton's method: convergence is quadratic, so that what is left then is rounding.
NEWTON_TOLERANCE = 1e-8

# Ranks are summed block by block, first <= j < first BLOCK^(1/(1+beta)), so that the eigenvalue falls by this factor in
# each (but ranks by 2 at most), by Gauss rules of so many nodes: to some 1e-7 of the sums that occur here.
BLOCK, NODES = 4.0, 6

# Nodes in the upper half plane of the contour of one time. The error is 3.89^-(2 CONTOUR), 2e-11, of the integrand.
CONTOUR = 9
# Its shape (Weideman 2006, optimal for a cut on the negative axis): s T / (2 CONTOUR) is
# SHIFT + STRETCH theta cot(TURN theta) + i RISE theta.
SHIFT, STRETCH, TURN, RISE = -0.6122, 0.5017, 0.6407, 0.2645
# Below this number of steps the contour comes near the edge of |Im s| < pi, beyond which multipliers exp(s) repeat.
# Then a circle takes its place, of radius twice that of the multipliers' own, 1/4 about 3/4: error 2^-(2 CIRCLE).
FEW_STEPS = 8.0
CIRCLE = 20
CENTRE, RADIUS = 0.75, 0.5

# Eigenvalues lambda (n,), their sums variance = sum of lambda and target = sum of lambda b^2 over the ranks that each
# stands for, the number of features, the step gamma, and whether a step is infinitesimal (1.0) or finite (0.0).
Model = namedtuple("Model", "eigenvalue variance target features gamma small_step")


@kernel
def _block(beta, first, inputs):
    """How many ranks the block that begins with rank ``first`` has."""
    ratio = min(2.0, np.exp(np.log(BLOCK) / (1.0 + beta)))
    return min(max(1.0, np.floor((ratio - 1.0) * first + 0.5)), inputs - first + 1.0)


@kernel
def _nodes(number):
    return max(1, int(min(float(NODES), number)))


@kernel
def count_nodes(beta, inputs):
    """How many nodes ``rank_nodes`` makes for the ranks 1 ... inputs."""
    total, first = 0, 1.0
    while first < inputs + 1.0:
        number = _block(beta, first, inputs)
        total += _nodes(number)
        first += number
    return total


@kernel
def rank_nodes(beta, inputs, rank, count):
    """Nodes and weights, into (n,) each, with sum_{j <= inputs} f(j) = sum_i count_i f(rank_i) for smooth f.

    In every block a Gauss rule for the sum over its N whole numbers: exact for polynomials of degree 2 NODES - 1,
    and for every f where there are no more numbers than nodes. The orthogonal polynomials are Gram's (discrete
    Chebyshev): p_{k+1} = x p_k - c_k p_{k-1} in the distance x from the block's middle in units of N/2, with
    c_k = k^2 (1 - k^2/N^2) / (4 k^2 - 1). All roots are real: Newton's method, with those that are known divided out,
    falls to each from the end of the block. ``inputs`` need not be whole: the moments of the last block are
    polynomials in N, which are evaluated there.
    """
    at, first = 0, 1.0
    while first < inputs + 1.0:
        number = _block(beta, first, inputs)
        nodes = _nodes(number)
        middle, unit = first + 0.5 * (number - 1.0), 0.5 * number
        norm = number
        for k in range(1, nodes):
            norm *= _gram_coefficient(number, float(k))
        for i in range((nodes + 1) // 2):
            # the middle is a root of an odd polynomial
            x = 0.0 if 2 * i + 1 == nodes else 1.0
            for _ in range(MAX_ITERATIONS):
                p, slope, _ = _gram(x, number, nodes)
                known = 0.0
                for j in range(i):
                    root = (rank[at + j] - middle) / unit
                    known += 2.0 * x / (x * x - root * root)
                change = p / (slope - p * known)
                if not abs(change) > 4e-16:
                    break
                x -= change
            _, slope, before = _gram(x, number, nodes)
            # the positive roots first, so that they can be divided out, and their mirror images from the other end
            rank[at + i], rank[at + nodes - 1 - i] = middle + unit * x, middle - unit * x
            count[at + i] = count[at + nodes - 1 - i] = norm / (slope * before)
        at += nodes
        first += number


@kernel
def _gram_coefficient(number, k):
    return k * k * (1.0 - (k / number) * (k / number)) / (4.0 * k * k - 1.0)


@kernel
def _gram(x, number, degree):
    """Gram's polynomial of a degree at x, its derivative, and the polynomial before it."""
    before, p, slope_before, slope = 0.0, 1.0, 0.0, 0.0
    for k in range(degree):
        c = _gram_coefficient(number, float(k)) if k > 0 else 0.0
        before, p, slope_before, slope = p, x * p - c * before, slope, p + x * slope - c * slope_before
    return p, slope, before


@kernel
def rank_sums(beta, tau, rank, count, model):
    """Fill the arrays of a ``Model``: lambda = rank^-(1+beta), b^2 = rank^-tau, each ``count`` times."""
    for i in range(rank.shape[0]):
        log_rank = np.log(rank[i])
        model.eigenvalue[i] = np.exp(-(1.0 + beta) * log_rank)
        model.variance[i] = count[i] * model.eigenvalue[i]
        model.target[i] = model.variance[i] * np.exp(-tau * log_rank)


@kernel
def total(x):
    """Sum of x (n,), the smallest last in memory first."""
    result = 0.0
    for i in range(x.shape[0] - 1, -1, -1):
        result += x[i]
    return result


@kernel
def largest_shift(eigenvalue, variance):
    """k > lambda_1 with sum_j variance_j / (k - lambda_j) = 2, for eigenvalues (n,) whose largest is the first.

    Newton's method on the reciprocal, a harmonic mean of functions linear in k and so concave; it starts where the
    first term alone is 2, and climbs.
    """
    k = eigenvalue[0] + 0.5 * variance[0]
    for _ in range(MAX_ITERATIONS):
        value = slope = 0.0
        for i in range(eigenvalue.shape[0]):
            share = variance[i] / (k - eigenvalue[i])
            value += share
            slope += share / (k - eigenvalue[i])
        change = value * (0.5 * value - 1.0) / slope
        k += change
        if not change > 4e-16 * k:
            break
    return k


@kernel
def critical_gamma(model):
    """The step from which on the mean of SGD does not converge.

    Its noise must be forgotten faster than it is made: tr of gamma mu / (2 (1 - gamma mu)) < 1. By the equivalent
    this is -S/2, S = sum_j lambda_j / (lambda_j + kappa) at zeta = -1/gamma, so that kappa = -k of ``largest_shift``
    and 1/gamma = k (1 + 2/features); for four features or more it lies outside of the equivalent's spectrum, as
    sum_j lambda_j^2 / (k - lambda_j)^2 <= 4. An infinitesimal step has gamma sum_j lambda_j / 2 < 1.
    """
    if model.small_step > 0.0:
        return 2.0 / total(model.variance)
    return 1.0 / (largest_shift(model.eigenvalue, model.variance) * (1.0 + 2.0 / model.features))


@kernel(hot=True)
def _shares(model, kappa):
    """sum_j lambda_j / (lambda_j + kappa) and sum_j (lambda_j / (lambda_j + kappa))^2."""
    x, y = kappa.real, kappa.imag
    first_re = first_im = second_re = second_im = 0.0
    for i in range(model.eigenvalue.shape[0]):
        re = model.eigenvalue[i] + x
        scale = 1.0 / (re * re + y * y)
        re, im = re * scale, -y * scale
        share_re, share_im = model.variance[i] * re, model.variance[i] * im
        first_re += share_re
        first_im += share_im
        second_re += model.eigenvalue[i] * (share_re * re - share_im * im)
        second_im += model.eigenvalue[i] * (share_re * im + share_im * re)
    return complex(first_re, first_im), complex(second_re, second_im)


@kernel
def ridge(model, zeta, kappa):
    """kappa with kappa (1 - S / features) = zeta, S = sum_j lambda_j / (lambda_j + kappa); and d zeta / d kappa.

    This is the effective ridge of ``lib.kernels.regression`` for complex zeta. Newton's method from ``kappa``. On the
    real axis it is monotone from zeta + sum_j lambda_j / features where zeta >= 0, and from zeta itself where
    zeta < -lambda_1; off the axis it needs a start that is near.
    """
    slope = complex(1.0, 0.0)
    for _ in range(MAX_ITERATIONS):
        first, second = _shares(model, kappa)
        slope = 1.0 - second / model.features
        change = (kappa * (1.0 - first / model.features) - zeta) / slope
        kappa = kappa - change
        if not _square(change) > NEWTON_TOLERANCE * NEWTON_TOLERANCE * _square(kappa):
            break
    return kappa, slope


@kernel(inline=True)
def _square(z):
    return z.real * z.real + z.imag * z.imag


@kernel(hot=True)
def resolvents(model, zeta, kappa):
    """A(zeta), its derivative, B(zeta), and its derivative, given kappa(zeta).

    With m = zeta / kappa and u_j = 1/(lambda_j + kappa): A = sum target u / m and
    B = sum variance lambda u + kappa S^2 / features, S = sum variance u. Of positive zeta each is a sum of positive
    terms, and so is each derivative but for its sign: nothing cancels.
    """
    x, y = kappa.real, kappa.imag
    s1_re = s1_im = s2_re = s2_im = l1_re = l1_im = l2_re = l2_im = t1_re = t1_im = t2_re = t2_im = 0.0
    for i in range(model.eigenvalue.shape[0]):
        value, variance, target = model.eigenvalue[i], model.variance[i], model.target[i]
        re = value + x
        scale = 1.0 / (re * re + y * y)
        re, im = re * scale, -y * scale
        square_re, square_im = re * re - im * im, 2.0 * re * im
        s1_re += variance * re
        s1_im += variance * im
        s2_re += variance * square_re
        s2_im += variance * square_im
        l1_re += variance * value * re
        l1_im += variance * value * im
        l2_re += variance * value * square_re
        l2_im += variance * value * square_im
        t1_re += target * re
        t1_im += target * im
        t2_re += target * square_re
        t2_im += target * square_im
    s1, s2 = complex(s1_re, s1_im), complex(s2_re, s2_im)
    l1, l2 = complex(l1_re, l1_im), complex(l2_re, l2_im)
    t1, t2 = complex(t1_re, t1_im), complex(t2_re, t2_im)
    m = zeta / kappa
    ratio = kappa * s2 / model.features
    slope = m + ratio
    a = t1 / m
    a_slope = -(t2 + t1 * s2 / (model.features * m)) / (m * slope)
    b = l1 + kappa * s1 * s1 / model.features
    b_slope = -(m * l2 + s1 * ratio) / slope
    return a, a_slope, b, b_slope


@kernel
def _feedback(f, f_slope, k, k_slope):
    """Derivatives of the transforms of F and of the noise, K * E with E = F + K * E: f and f k / (1 - k)."""
    rest = 1.0 - k
    return f_slope, (f_slope * k + f * k_slope / rest) / rest


@kernel
def _small_transform(model, s, kappa):
    """Derivatives in s of the transforms of F and of the noise, for infinitesimal steps; ``kappa`` is at s/(2 gamma).

    F(t) = sum_i (u, v_i)^2 exp(-2 gamma mu_i t) and K(t) = gamma^2 sum_i mu_i^2 exp(-2 gamma mu_i t).
    """
    gamma = model.gamma
    a, a_slope, b, b_slope = resolvents(model, s / (2.0 * gamma), kappa)
    return _feedback(a / (2.0 * gamma), a_slope / (4.0 * gamma * gamma), 0.5 * gamma * b, 0.25 * b_slope)


@kernel
def _poles(gamma, s):
    """-zeta and -zeta' , the two mu at which a step multiplies by exp(s), and the root q between them.

    A step multiplies (r, v_i)^2 by D(mu) = 1 - 2 gamma mu (1 - gamma mu) in the mean, so with w = exp(s) and
    q^2 = 2 w - 1 they are (1 -+ q) / (2 gamma). Returns zeta = (q - 1) / (2 gamma), without cancellation at small s,
    zeta' = -(q + 1) / (2 gamma), q and w.
    """
    # w - 1 = exp(s) - 1, from s in halves: of a complex number numba has no expm1
    less_size, sine, cosine = np.expm1(s.real), np.sin(0.5 * s.imag), np.cos(0.5 * s.imag)
    size = 1.0 + less_size
    less = complex(less_size - 2.0 * size * sine * sine, 2.0 * size * sine * cosine)
    w = 1.0 + less
    q = _root(1.0 + 2.0 * less)
    return less / (gamma * (1.0 + q)), -(1.0 + q) / (2.0 * gamma), q, w


@kernel
def _root(z):
    """Square root in the right half plane."""
    size = np.sqrt(z.real * z.real + z.imag * z.imag)
    if z.real >= 0.0:
        re = np.sqrt(0.5 * (size + z.real))
        return complex(re, 0.5 * z.imag / re)
    im = np.sqrt(0.5 * (size - z.real))
    if z.imag < 0.0:
        im = -im
    return complex(0.5 * z.imag / im, im)


@kernel
def _step_transform(model, s, kappa, other):
    """Derivatives in s of the transforms sum_n exp(-s (n + 1)) of F and of the noise, for finite steps.

    F(n) = sum_i (u, v_i)^2 D(mu_i)^n and K(n) = gamma^2 sum_i mu_i^2 D(mu_i)^n; in partial fractions
    1/(w - D) = [1/(mu + zeta) - 1/(mu + zeta')] / (2 gamma q). ``kappa`` and ``other`` are at zeta and zeta'.
    """
    gamma = model.gamma
    zeta, zeta_other, q, w = _poles(gamma, s)
    a, a_slope, b, b_slope = resolvents(model, zeta, kappa)
    c, c_slope, d, d_slope = resolvents(model, zeta_other, other)
    moved = 1.0 / (2.0 * gamma * q)  # d zeta / d w, and -d zeta' / d w
    f = (a - c) * moved
    k = 0.5 * gamma * (b - d) / q
    # d q / d w = 1 / q, and d w / d s = w
    f_slope = w * ((a_slope + c_slope) * moved * moved - f / (q * q))
    k_slope = w * (0.5 * gamma * (b_slope + d_slope) * moved / q - k / (q * q))
    return _feedback(f, f_slope, k, k_slope)


@kernel
def contour_nodes(nodes):
    """Fill ``nodes`` (CONTOUR, 4) with s T on the upper half of the contour, and exp(s T) d(s T)/d theta."""
    scale = 2.0 * CONTOUR
    for k in range(CONTOUR):
        theta = (k + 0.5) * np.pi / CONTOUR
        sine = np.sin(TURN * theta)
        cotangent = np.cos(TURN * theta) / sine
        re, im = scale * (SHIFT + STRETCH * theta * cotangent), scale * RISE * theta
        size = np.exp(re)
        weight = complex(size * np.cos(im), size * np.sin(im))
        weight = weight * complex(scale * STRETCH * (cotangent - TURN * theta / (sine * sine)), scale * RISE)
        nodes[k, 0], nodes[k, 1] = re, im
        nodes[k, 2], nodes[k, 3] = weight.real, weight.imag


@kernel
def _circle(k):
    """Node k of the circle: w = exp(s), the same less its centre, and s; k = -1 is where it crosses the real axis."""
    theta = 0.0 if k < 0 else (k + 0.5) * np.pi / CIRCLE
    arm = complex(RADIUS * np.cos(theta), RADIUS * np.sin(theta))
    w = CENTRE + arm
    return w, arm, complex(0.5 * np.log(w.real * w.real + w.imag * w.imag), np.arctan2(w.imag, w.real))


@kernel
def _follow(model, zeta, zeta_before, kappa, slope):
    """kappa at zeta, from that at a point near, with d zeta / d kappa there; and d zeta / d kappa here."""
    return ridge(model, zeta, kappa + (zeta - zeta_before) / slope)


@kernel
def _arguments(model, s):
    """zeta and zeta' at s; with infinitesimal steps there is only one, s / (2 gamma)."""
    if model.small_step > 0.0:
        zeta = s / (2.0 * model.gamma)
        return zeta, zeta
    zeta, other, _, _ = _poles(model.gamma, s)
    return zeta, other


@kernel
def training(model, nodes, steps, learned, noise):
    """The two parts of the mean error after ``steps`` (n,), increasing numbers >= 0, into (n,) each.

    ``learned`` is F, the error that gradient descent without noise would have, and ``noise`` what the noise of single
    examples adds. With the transform G of either, T F is the inverse transform of -dG/ds at T, in which a slow decay
    is as exact as a fast one (an error of G itself would be divided by T F, which may be small). T is the time, and for
    finite steps one more. The contour is symmetric about the real axis, so that half of it will do; ``nodes`` is from
    ``contour_nodes``. Every kappa starts from the one before, on a path from the real axis.
    """
    finite = model.small_step == 0.0
    real = complex(np.inf, 0.0)
    for i in range(steps.shape[0]):
        if steps[i] == 0.0:
            learned[i], noise[i] = total(model.target), 0.0
            continue
        if finite and steps[i] < FEW_STEPS:
            _invert_circle(model, steps[i], learned[i : i + 1], noise[i : i + 1])
            continue
        time = steps[i] + 1.0 if finite else steps[i]
        zeta, other_zeta = _arguments(model, complex(2.0 * CONTOUR * (SHIFT + STRETCH / TURN) / time, 0.0))
        # later is smaller: the real kappa of the time before is a start from above
        above = zeta + total(model.variance) / model.features
        real, slope = ridge(model, zeta, above if real.real > above.real else real)
        kappa = other = real
        other_slope = slope
        if finite:
            other, other_slope = ridge(model, other_zeta, other_zeta)
        f_sum = noise_sum = 0.0
        for k in range(CONTOUR):
            before, other_before = zeta, other_zeta
            s = complex(nodes[k, 0] / time, nodes[k, 1] / time)
            zeta, other_zeta = _arguments(model, s)
            kappa, slope = _follow(model, zeta, before, kappa, slope)
            if finite:
                other, other_slope = _follow(model, other_zeta, other_before, other, other_slope)
                f, g = _step_transform(model, s, kappa, other)
            else:
                f, g = _small_transform(model, s, kappa)
            weight = complex(nodes[k, 2], nodes[k, 3])
            f_sum += (weight * f).imag
            noise_sum += (weight * g).imag
        learned[i], noise[i] = -f_sum / (CONTOUR * time * time), -noise_sum / (CONTOUR * time * time)


@kernel
def _invert_circle(model, steps, learned, noise):
    """F and the noise after a few steps, into (1,) each: the integral of -(dG/ds) w^n / (n + 1) on a circle."""
    _, _, s = _circle(-1)
    zeta, zeta_other, _, _ = _poles(model.gamma, s)
    kappa, slope = ridge(model, zeta, zeta + total(model.variance) / model.features)
    other, other_slope = ridge(model, zeta_other, zeta_other)
    f_sum = noise_sum = 0.0
    for k in range(CIRCLE):
        before, before_other = zeta, zeta_other
        _, arm, s = _circle(k)
        zeta, zeta_other, _, _ = _poles(model.gamma, s)
        kappa, slope = _follow(model, zeta, before, kappa, slope)
        other, other_slope = _follow(model, zeta_other, before_other, other, other_slope)
        f, g = _step_transform(model, s, kappa, other)
        size, phase = np.exp(s.real * steps), s.imag * steps
        weight = complex(size * np.cos(phase), size * np.sin(phase)) * arm
        f_sum += (weight * f).real
        noise_sum += (weight * g).real
    learned[0], noise[0] = -f_sum / (CIRCLE * (steps + 1.0)), -noise_sum / (CIRCLE * (steps + 1.0))


@kernel
def floor_ridge(model, inputs):
    """kappa_0 with sum_j lambda_j / (lambda_j + kappa_0) = features: the limit zeta -> 0 of ``ridge``."""
    if model.features >= inputs:
        return 0.0
    kappa, _ = ridge(model, complex(0.0, 0.0), complex(total(model.variance) / model.features, 0.0))
    return kappa.real


@kernel
def floor_error(model, kappa):
    """sum target kappa_0 / (lambda + kappa_0): what no weights on the features can express."""
    result = 0.0
    for i in range(model.eigenvalue.shape[0] - 1, -1, -1):
        result += model.target[i] * kappa / (model.eigenvalue[i] + kappa)
    return result


@kernel
def signal_error(model, kappa, steps, signal):
    """What is left of the expressible part of the target after ``steps`` (n,), if each direction had one rate.

    Of direction j the share lambda_j / (lambda_j + kappa_0) is expressible, and mu has the mean lambda_j + kappa_0
    there: by Jensen's inequality the true F is larger, and the difference is the distortion by the features.
    """
    for t in range(steps.shape[0]):
        signal[t] = 0.0
    for i in range(model.eigenvalue.shape[0] - 1, -1, -1):
        rate = model.gamma * (model.eigenvalue[i] + kappa)
        log_step = -2.0 * rate if model.small_step > 0.0 else np.log1p(-2.0 * rate * (1.0 - rate))
        expressible = model.target[i] * model.eigenvalue[i] / (model.eigenvalue[i] + kappa)
        for t in range(steps.shape[0]):
            signal[t] += expressible * np.exp(log_step * steps[t])


@kernel
def mean_of_steps(eigenvalue, target, unreachable, gamma, steps, error):
    """Mean error of SGD on given features after ``steps`` (n,), increasing whole numbers >= 0, into (n,).

    Of one step on Gaussian inputs, exactly: rho_i <- (1 - 2 gamma mu_i (1 - gamma mu_i)) rho_i + gamma^2 mu_i^2 E with
    E = sum_i rho_i + unreachable. ``eigenvalue`` (d,) are the mu_i; ``target`` (d,), the rho_i at the start, is
    overwritten.
    """
    done = 0
    for i in range(steps.shape[0]):
        while done < int(steps[i]):
            e = unreachable + total(target)
            for k in range(target.shape[0]):
                rate = gamma * eigenvalue[k]
                target[k] += rate * (rate * (e + 2.0 * target[k]) - 2.0 * target[k])
            done += 1
        error[i] = unreachable + total(target)


# W (v, d), lambda^(1/2) (v,) and b (v,).
Features = namedtuple("Features", "weights root coefficient")


@kernel
def sgd(features, gamma, seed, first, last, theta, x, feature):
    """Steps first ... last - 1 of SGD on theta (d,), each with inputs of its own.

    theta += gamma (b . x - theta . W^T x) W^T x with x_j = root_j z_j. Scratch: x (v,) and feature (d,).
    """
    weights, root, coefficient = features
    v, d = weights.shape
    pairs, key = (v + 1) // 2, stream_key(seed, 0)
    for step in range(first, last):
        fill_normals(key, step * pairs, x)
        residual = 0.0
        feature[:] = 0.0
        for j in range(v):
            value = root[j] * x[j]
            residual += coefficient[j] * value
            for i in range(d):
                feature[i] += value * weights[j, i]
        for i in range(d):
            residual -= theta[i] * feature[i]
        for i in range(d):
            theta[i] += gamma * residual * feature[i]


PHASES = ("Ia", "Ib", "Ic", "II", "III", "IVa", "IVb")


@kernel
def phase(beta, tau):
    """The phase's place in PHASES: see ``lib.random_features.phase``."""
    if beta > 0.0:
        return 0.0 if tau < 1.0 else (3.0 if tau < 1.0 + beta else 4.0)
    if tau < 1.0:
        return 1.0
    return 5.0 if beta > 1.0 - np.sqrt(2.0) else (6.0 if beta > -0.5 else 2.0)


@kernel
def term_exponents(beta, tau, term):
    """Of a term that goes like f^(base + slope x) for features f^x, x of 0 to 1: base and slope.

    Terms 0 to 3 are floor, signal, distortion and noise; a term that never matters is 0, base -inf. With T = gamma
    steps, gamma ~ features^min(0, beta), a term features^-p T^-q has base -q and slope q (1 - min(0, beta)) - p.
    """
    per_step = min(0.0, beta)
    p = q = 0.0
    if term == 0:
        p = 1.0 + beta - max(0.0, 1.0 - tau)
    elif term == 1:
        q = (beta + tau) / (1.0 + beta)
    elif term == 2:
        if beta <= 0.0 or tau <= 1.0:
            return -np.inf, 0.0
        p, q = 1.0, beta / (1.0 + beta)
    else:
        if beta <= -0.5:
            return -np.inf, 0.0
        p, q = -per_step, (1.0 + 2.0 * beta) / (1.0 + beta)
    return -q, q * (1.0 - per_step) - p


@kernel
def frontier_exponents(beta, tau):
    """The x at which the largest of the terms is smallest, and minus its exponent there: a vertex of their envelope."""
    best, least = 0.0, np.inf
    for i in range(4):
        base, slope = term_exponents(beta, tau, i)
        for j in range(i):
            other_base, other_slope = term_exponents(beta, tau, j)
            x = (other_base - base) / (slope - other_slope)
            if not 0.0 <= x <= 1.0:
                continue
            largest = -np.inf
            for k in range(4):
                k_base, k_slope = term_exponents(beta, tau, k)
                largest = max(largest, k_base + k_slope * x)
            # of two vertices of one height, as on a boundary, the one with fewer features but for rounding
            if largest < least - 1e-12:
                best, least = x, largest
    return best, -least
