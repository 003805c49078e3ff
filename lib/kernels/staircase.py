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
def left(strength, start, rate, alpha):
    """What is missing over what is learned, (strength - s) / s, of s' = rate s (strength - s) from s(0) = start.

    (strength / start - 1) exp(-rate strength alpha): with this x, s is the share 1 / (1 + x) of the strength and
    x / (1 + x) is missing, each to all digits. strength, start > 0; rate alpha >= 0 may be infinite. From a start above
    the strength x is negative.
    """
    return (strength / start - 1.0) * math.exp(-rate * strength * alpha)


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
