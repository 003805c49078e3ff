"""The self-consistent equation behind ridge regression on random examples or random features."""

from ..compiler.jit import kernel

MAX_ITERATIONS = 200
EPSILON = 2.220446049250313e-16


@kernel
def effective_ridges(eigenvalue, weight, ridge, alpha, kappa):
    """kappa > 0 with sum_k w_k lambda_k / (lambda_k + kappa) + ridge / kappa = alpha, for every alpha (n,) increasing.

    Without a ridge and from alpha = 1 on every direction is determined, and kappa = 0. Newton's method on the
    reciprocal of the left side, a harmonic mean of functions linear in kappa and so concave: from below it climbs to
    the root and cannot overshoot. The root at a larger alpha is smaller, a start for the next.
    """
    inverse_mean = 0.0
    for k in range(eigenvalue.shape[0]):
        inverse_mean += weight[k] / eigenvalue[k]
    x = 0.0
    for i in range(alpha.shape[0] - 1, -1, -1):
        if ridge == 0.0 and alpha[i] >= 1.0:
            kappa[i] = 0.0
            continue
        # Jensen's inequality without the ridge, and the ridge without the sum
        x = max(x, max((1.0 - alpha[i]) / (alpha[i] * inverse_mean), ridge / alpha[i]))
        for _ in range(MAX_ITERATIONS):
            value = ridge / x
            slope = ridge / (x * x)
            for k in range(eigenvalue.shape[0]):
                share = weight[k] * eigenvalue[k] / (eigenvalue[k] + x)
                value += share
                slope += share / (eigenvalue[k] + x)
            change = value * (value / alpha[i] - 1.0) / slope
            x += change
            if change <= 4.0 * EPSILON * x:
                break
        kappa[i] = x
