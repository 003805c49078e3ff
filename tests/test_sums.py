"""Sums in a fixed order."""

import numpy as np
import pytest

from lib.maths.sums import pairwise_sum


@pytest.mark.parametrize("n", [0, 1, 2, 7, 8, 9, 15, 16, 100, 127, 128, 129, 200, 256, 1000, 4097, 100_003])
def test_the_order_of_addition_is_numpy_s(n):
    x = np.random.default_rng(n).standard_normal(n)
    assert pairwise_sum(x) == np.sum(x)
