"""The erf network near the teacher: what a finite learning rate does to the two parts of the error, and their law.

As in :mod:`lib.asymptotics`: ``g`` is eta / M. The sectors (differences between units, absent for M = 1, and their
mean) share the error eps_g = sum_x share_x H_x sum_k w_k lambda_k exp(-2 g H_x lambda_k alpha).
"""

from collections import namedtuple

from ..compiler.jit import kernel
from ..maths.gamma import gamma
from ..maths.small_matrix import solve
from .linear import decay_sum

# The linearised flow, sector by sector: H (S,), X (S, S) and the identity (S,) of ``lib.asymptotics.Couplings``.
Sectors = namedtuple("Sectors", "H X identity")
# A spectrum: lambda and w lambda (L,), and the decay rates (L,) of one sector, which is scratch.
Levels = namedtuple("Levels", "eigenvalue mass rate")


@kernel
def amplification(sectors, g, system, factor):
    """Write the factors (S,) by which a finite rate multiplies the parts of eps_g; system (S, S) is scratch."""
    S = factor.shape[0]
    for x in range(S):
        factor[x] = sectors.H[x] * sectors.identity[x]
        for y in range(S):
            system[x, y] = (1.0 if x == y else 0.0) - g * (sectors.X[y, x] / (2.0 * sectors.H[y]))
    solve(system, factor)
    for x in range(S):
        factor[x] /= sectors.H[x] * sectors.identity[x]


@kernel
def shares(sectors, scale, factor, share):
    """Write each sector's share (S,) of an error, with the amplification ``factor`` (S,)."""
    for x in range(share.shape[0]):
        share[x] = scale * factor[x] * (sectors.identity[x] * sectors.identity[x])


@kernel
def mode_sum(sectors, g, share, levels, alpha, part, out):
    """Write the sum of all sectors' and levels' exponentials at alpha (n,) to out (n,); part (n,) is scratch."""
    for i in range(alpha.shape[0]):
        out[i] = 0.0
    for x in range(share.shape[0]):
        for k in range(levels.rate.shape[0]):
            levels.rate[k] = 2.0 * g * sectors.H[x] * levels.eigenvalue[k]
        decay_sum(levels.rate, levels.mass, share[x] * sectors.H[x], alpha, part)
        for i in range(alpha.shape[0]):
            out[i] += part[i]


@kernel
def law(sectors, g, share, first, L, beta):
    """Return prefactor and offset of the power law eps_g = prefactor alpha^(-beta/(1+beta)) - offset.

    ``first`` is the largest eigenvalue of a power-law spectrum of L levels; ``share`` (S,) includes its w lambda.
    """
    exponent = beta / (1.0 + beta)
    slow = together = 0.0
    for x in range(share.shape[0]):
        slow += share[x] * sectors.H[x] ** (1.0 - exponent)
        together += share[x] * sectors.H[x]
    prefactor = gamma(exponent) / (1.0 + beta) * (2.0 * g * first) ** -exponent * slow
    return prefactor, together * (L + 0.5) ** -beta / beta
