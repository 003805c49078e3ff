"""Own special functions against mpmath and SciPy."""

import mpmath
import numpy as np
import pytest
from scipy import special

from lib.maths.erf import activation
from lib.maths.gamma import gamma, lower_gamma, upper_gamma


def test_activation_is_erf_and_its_derivative():
    mpmath.mp.dps = 30
    for x in np.concatenate([np.linspace(-9, 9, 721), [0.0, 1e-300, 1e-9, np.sqrt(2), -np.sqrt(2), 40.0]]):
        g, slope = activation(x)
        # two roundings of the polynomial and one of the argument, which erf's slope damps
        assert abs(g - float(mpmath.erf(mpmath.mpf(x) / mpmath.sqrt(2)))) <= 4e-16 * max(abs(g), 1e-300) + 1e-17
        exact = float(mpmath.sqrt(2 / mpmath.pi) * mpmath.exp(-(mpmath.mpf(x) ** 2) / 2))
        # the rounding of x^2/2 enters the exponential: relative error x^2/2 * 2^-53
        assert abs(slope - exact) <= (4e-16 + x * x * 1.2e-16) * exact


@pytest.mark.parametrize("s", [0.01, 0.05, 0.2, 1 / 3, 0.5, 0.75, 0.99])
def test_gamma_functions(s):
    # exp of an argument near 22, rounded twice
    assert gamma(s) == pytest.approx(special.gamma(s), rel=2 * 22 * 2.2e-16)
    for x in np.geomspace(1e-12, 500, 60):
        lower = special.gamma(s) * special.gammainc(s, x)
        upper = special.gamma(s) * special.gammaincc(s, x)
        assert lower_gamma(s, x) == pytest.approx(lower, rel=3e-14)
        # for small x the tail is a difference from Gamma(s)
        assert upper_gamma(s, x) == pytest.approx(upper, rel=1e-12, abs=3e-15 * special.gamma(s))


def test_lower_gamma_at_zero():
    assert lower_gamma(0.3, 0.0) == 0.0
