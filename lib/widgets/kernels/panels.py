"""Panels of the network: matrices as far as they are known, and the groups of up to 1024 levels."""

import numpy as np

from ...compiler.jit import kernel
from ...kernels.spectrum import following


def _groups(levels):
    """First level of each group, counted from 1."""
    first, level = [], 1
    while level <= levels:
        first.append(level)
        level = following(level)
    return first


FIRST_LEVELS = _groups(1024)
GROUPS = len(FIRST_LEVELS)


@kernel
def show_matrices(source, done, panel):
    """panel (times, rows, columns) = source (times, K, M) at the first ``done`` times; NaN where there is nothing."""
    panel[:] = np.nan
    for i in range(done):
        for a in range(source.shape[1]):
            for b in range(source.shape[2]):
                panel[i, a, b] = source[i, a, b]
