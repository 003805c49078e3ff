"""The explicit Runge-Kutta method of Dormand & Prince (1980): order 5, with an embedded method of order 4.

The last stage is taken at the step's end, so that it is the first one of the next step.
"""

import numpy as np

from ..compiler.jit import kernel

STAGES = 7
# Coefficients of each stage's point, and those of the difference to the embedded method.
A = np.zeros((STAGES, STAGES))
A[1, :1] = 1 / 5
A[2, :2] = 3 / 40, 9 / 40
A[3, :3] = 44 / 45, -56 / 15, 32 / 9
A[4, :4] = 19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729
A[5, :5] = 9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656
A[6, :6] = 35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84
E = np.array([71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40])

# Next step: SAFETY * error^(-1/5), by the order of the embedded error, within LEAST..LARGEST times this one.
SAFETY, LEAST, LARGEST = 0.9, 0.2, 4.0


@kernel
def stage_point(y, step, slopes, stage, out):
    """Write where ``stage`` is taken, in a step from y (n,), to out (n,); slopes (STAGES, n) are those before it."""
    for j in range(y.shape[0]):
        total = 0.0
        for before in range(stage):
            total += A[stage, before] * slopes[before, j]
        out[j] = y[j] + step * total


@kernel
def error_rate(slopes, j):
    """Return the difference of the two methods in component j, per unit of the step."""
    total = 0.0
    for stage in range(STAGES):
        total += E[stage] * slopes[stage, j]
    return total


@kernel
def growth(error):
    """Return the next step in units of this one, whose error is in units of the one allowed."""
    return min(LARGEST, max(LEAST, SAFETY * max(error, 1e-10) ** -0.2))
