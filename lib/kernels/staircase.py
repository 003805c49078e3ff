"""The staircase of quadratic units that know their teachers, in gradient flow: every direction is a logistic step.

Student n learns teacher n, of strength a_n, on a direction of eigenvalue lambda_n. Its own strength s_n = v_n |J_n|^2
obeys s_n' = 8 eta lambda_n^2 s_n (a_n - s_n), and eps_g = sum_n lambda_n^2 (a_n - s_n)^2: the flow of
:mod:`lib.kernels.aligned` without its noise, one level to a pair, which is solved by a logistic. With the rate
8 eta lambda_n^2 the directions do not know of each other.
"""

import math

import numpy as np

from ..compiler.jit import kernel


@kernel
def logistic(strength, start, rate, alpha):
    """s(alpha) of s' = rate s (strength - s), s(0) = start; strength, start > 0, rate alpha >= 0 (may be infinite).

    As strength / (1 + (strength / start - 1) exp(-rate strength alpha)): no power overflows. From a start above the
    strength it falls.
    """
    return strength / (1.0 + (strength / start - 1.0) * math.exp(-rate * strength * alpha))


@kernel
def missing(strength, start, rate, alpha):
    """strength - s(alpha) of ``logistic``, to all digits where little is missing too."""
    left = (strength / start - 1.0) * math.exp(-rate * strength * alpha)
    return strength * (left / (1.0 + left))


@kernel
def step_time(strength, start, rate):
    """When half of the strength is learned: ln(strength / start - 1) / (rate strength).

    Negative from a start above half the strength, and NaN from one above all of it, which never was half.
    """
    ratio = strength / start - 1.0
    return math.log(ratio) / (rate * strength) if ratio > 0.0 else np.nan


@kernel
def exponents(gamma, beta):
    """Powers of strengths n^-gamma and eigenvalues n^-(1+beta): of error in time and in width, and of times in n.

    A direction's step comes at n^(gamma + 2 + 2 beta) but for a logarithm, and those behind n hold n^-(2 gamma + 1 +
    2 beta) of the error: eps_g ~ alpha^-time ~ K^-width, time = width / steps. Equal eigenvalues are beta = -1. There
    is a law where width > 0.
    """
    width, steps = 2.0 * gamma + 1.0 + 2.0 * beta, gamma + 2.0 + 2.0 * beta
    return width / steps, width, steps
