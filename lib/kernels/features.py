"""Students that learn the leading levels only: their noise, and the training that is best for its cost.

In units of its own inputs such a student is a linear network (:mod:`lib.kernels.linear`) with one thing more, a noise
of constant variance U that drives every level.
"""

import math

from ..compiler.jit import kernel
from ..maths.gamma import upper_gamma
from .linear import modes

BISECTIONS = 60


@kernel
def noisy_modes(eigenvalue, weight, rate, x, c, gain, sums):
    """Modes as in ``linear.modes``, and how much of the noise each takes up: gain_j / x_j as it ends.

    All arrays (l,) but sums (4,). ``rate`` must not be 2.
    """
    modes(eigenvalue, weight, rate, x, c, sums)
    for j in range(x.shape[0]):
        gain[j] = c[j] * x[j] * rate / (2.0 - rate)


@kernel
def noisy_decay(x, c, gain, speed, seen, unseen, scale, alpha, out):
    """out_i = scale { seen sum_j c_j q_j + unseen [1 + sum_j gain_j (1 - q_j) / x_j] }, q_j = exp(-x_j speed alpha_i)."""
    for i in range(alpha.shape[0]):
        turns = speed * alpha[i]
        signal, noise = 0.0, 1.0
        for j in range(x.shape[0]):
            q = math.exp(-x[j] * turns)
            signal += c[j] * q
            if x[j] == 0.0:
                noise += gain[j] * turns
            else:
                noise += gain[j] * (1.0 - q if q < 0.5 else -math.expm1(-x[j] * turns)) / x[j]
        # beyond the critical rate noise may be infinite, and 0 times that is no number
        out[i] = scale * (seen * signal + (unseen * noise if unseen > 0.0 else 0.0))


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
