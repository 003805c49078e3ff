"""Executable claims: a statement of the text, the value expected, the value measured, and the tolerance.

A chapter calls :func:`claim` where it asserts something. A claim that does not hold raises, so that the
cell fails, and with it the build of the book.
"""

from dataclasses import dataclass
from html import escape

import numpy as np

from . import checks


class ClaimError(AssertionError):
    """A claim of the book does not hold."""


@dataclass(frozen=True)
class Claim:
    """A claim that held; shows itself in a notebook. Made by :func:`claim`."""

    name: str
    statement: str
    expected: str
    measured: str
    tolerance: str
    why: str

    def __repr__(self):
        return f"✓ {self.statement}\n  expected {self.expected}, measured {self.measured}; {self.tolerance}: {self.why}"

    def _repr_html_(self):
        values = (
            f"<span>expected <b>{escape(self.expected)}</b></span> "
            f"<span>measured <b>{escape(self.measured)}</b></span> <span>{escape(self.tolerance)}</span>"
        )
        return (
            f'<div class="claim" id="claim-{escape(self.name)}"><p class="claim-statement">'
            f'<span class="claim-mark" role="img" aria-label="holds">✓</span> {escape(self.statement)}</p>'
            f'<p class="claim-values">{values}</p><p class="claim-why">{escape(self.why)}</p></div>'
        )


def claim(name, statement, *, measured, expected, tolerance=None, why):
    """State and check a claim.

    Parameters
    ----------
    name : str
        Short and unique in the book, with hyphens: the claim's address is ``#claim-name``.
    statement : str
        The claim as a sentence.
    measured : float or array_like
        What this build computed.
    expected : float, array_like, or (low, high)
        What should come out. With ``tolerance`` None it is the interval in which ``measured`` must lie;
        ``high`` may be infinite.
    tolerance : float, optional
        Largest allowed \\|measured - expected\\|, of every element.
    why : str
        Where the expectation comes from, and why the tolerance is what it is.

    Returns
    -------
    Claim

    Raises
    ------
    ClaimError
        If it does not hold.
    """
    measured = np.asarray(measured, dtype=np.float64)
    if tolerance is None:
        low, high = expected
        holds = bool(np.all((low <= measured) & (measured <= high)))
        words = f"at least {low:.6g}" if high == np.inf else f"{low:.6g} to {high:.6g}"
        allowed, digits = "bounds", 1e-3 * max(abs(x) for x in (low, high) if np.isfinite(x))
    else:
        tolerance = checks.number("tolerance", tolerance, 0.0)
        expected = np.asarray(expected, dtype=np.float64)
        holds = bool(np.all(np.abs(measured - expected) <= tolerance))  # NaN holds nothing
        digits = 0.1 * tolerance
        words, allowed = _show(expected, digits), f"tolerance {tolerance:.2g}"
    result = Claim(name, statement, words, _show(measured, digits), allowed, why)
    if not holds:
        raise ClaimError(
            f"{name}: {statement}: expected {result.expected}, measured {result.measured}, {result.tolerance}"
        )
    return result


def _show(values, resolution):
    """Numbers rounded at ``resolution``: digits that the tolerance does not cover say nothing."""

    def one(x):
        if not np.isfinite(x) or x == 0.0:
            return f"{x:g}"
        significant = 12 if resolution == 0 else int(np.ceil(np.log10(abs(x) / resolution)))
        return f"{x:.{min(12, max(2, significant))}g}"

    return ", ".join(one(float(x)) for x in np.atleast_1d(values).ravel())
