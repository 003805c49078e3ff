"""Mean errors of random features at 60 times: nodes for ranks against every rank, and sizes up to 10^11 inputs."""

import numpy as np
from test_random_features import all_ranks

from lib import random_features

STEPS = np.unique(np.geomspace(1, 1e12, 60).round())
WORK = "risk of random features at 60 times"


def measure(bench):
    """Add the rows of this work.

    Parameters
    ----------
    bench : run.Bench
    """
    beta, tau, features, inputs = 1.0, 1.4, 10**3, 10**5
    gamma = 0.5 / np.sum(np.arange(1.0, inputs + 1) ** -(1 + beta))
    plain = all_ranks(beta, tau, features, inputs, gamma)
    exact = sum(random_features._training(plain, STEPS))
    contenders = {
        f"{inputs:g} inputs, each rank": lambda: random_features._training(plain, STEPS),
        f"{inputs:g} inputs": lambda: random_features.risk(beta, tau, features, inputs, gamma, STEPS),
        "1e+11 inputs, 1e+09 features": lambda: random_features.risk(beta, tau, 10**9, 10**11, gamma, STEPS),
    }
    error = np.max(np.abs(random_features.risk(beta, tau, features, inputs, gamma, STEPS) / exact - 1))
    for (name, seconds), note in zip(bench.interleave(contenders).items(), ("", f"error {error:.1e}", "")):
        bench.row(WORK, name, 1e3 * seconds, "ms", note)
