"""Executable claims: a statement of the text, the value expected, the value measured, and the tolerance.

A chapter calls :func:`lib.claim` where it asserts something. A claim that does not hold raises, so that the
cell fails, and with it the build of the book. The output of the cell also carries the claim as data, of the type
``MIME``, which the claims ledger reads: the values of this build, and apart from them those of kept measurements,
which say so.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..core import checks

MIME = "application/vnd.scaling-laws.claim+json"  # as in book/_ext/claims_ledger.py
MANY = 8  # numbers that a reader compares one by one


class ClaimError(AssertionError):
    """A claim of the book does not hold."""


@dataclass(frozen=True)
class Claim:
    """A claim that holds, as :func:`lib.claim` returns it and a notebook displays it.

    Attributes
    ----------
    name : str
        Its address on the page is ``#claim-name``.
    statement : str
        The claim as a sentence.
    expected, measured, tolerance : str
        As the page shows them.
    why : str
        Where the expectation comes from, and why the tolerance is what it is.
    source : str
        Statement of the literature that it tests. Default: none.
    kept : str
        When and on what it was measured, if not by this build. Default: by this build.
    """

    name: str
    statement: str
    expected: str
    measured: str
    tolerance: str
    why: str
    source: str = ""
    kept: str = ""

    def __repr__(self):
        kept = f" (kept measurement: {self.kept})" if self.kept else ""
        return (
            f"✓ {self.statement}\n"
            f"  expected {self.expected}, measured {self.measured}{kept}; {self.tolerance}: {self.why}"
        )

    def _repr_html_(self):
        def field(name, tag="span"):
            return f'<{tag} class="claim-{name}">{escape(getattr(self, name))}</{tag}>'

        origins = (("Tests", "source", self.source), ("Kept measurement, not made by this build:", "kept", self.kept))
        origin = "".join(f'<p class="claim-origin">{word} {field(name)}</p>' for word, name, text in origins if text)
        return (
            f'<div class="claim" id="claim-{escape(self.name)}"><p>'
            f'<span class="claim-mark" role="img" aria-label="holds">✓</span> {field("statement")}</p>'
            f'<p class="claim-values"><span>expected {field("expected", "b")}</span> '
            f"<span>measured {field('measured', 'b')}</span> {field('tolerance')}</p>{field('why', 'p')}{origin}</div>"
        )

    def _repr_mimebundle_(self, include=None, exclude=None):
        """The claim as data; IPython adds the HTML and the text."""
        return {MIME: asdict(self)}


def claim(
    name: str,
    statement: str,
    *,
    measured: ArrayLike,
    expected: Any,  # as ArrayLike, or a pair
    tolerance: float | None = None,
    why: str,
    source: str = "",
    kept: str = "",
) -> Claim:
    """State and check a claim.

    Parameters
    ----------
    name : str
        Short and unique in the book, with hyphens: the claim's address is ``#claim-name``.
    statement : str
        The claim as a sentence.
    measured : float or array_like
        What this build computed, or with ``kept`` what was measured then.
    expected : float, array_like, or (low, high)
        The value expected; without a ``tolerance`` the interval in which ``measured`` must lie, where ``high`` may be
        infinite.
    tolerance : float, optional
        Largest allowed \\|measured - expected\\|, of every element. Default: ``expected`` is an interval.
    why : str
        Where the expectation comes from, and why the tolerance is what it is.
    source : str
        Statement of the literature that this tests, as "Worschech & Rosenow 2025, abstract". Default: none.
    kept : str, optional
        When and on what ``measured`` was measured, as "2026-11-29, AMD EPYC", if that was not in this build: times
        of a benchmark, hours of simulation. The page says so, and the ledger lists the claim among the kept
        measurements. Default: measured by this build.

    Returns
    -------
    Claim
        To be the last expression of its cell.

    Raises
    ------
    ClaimError
        If it does not hold.
    ValueError
        If ``name`` has anything but small letters, digits and hyphens, there is nothing measured or expected, or
        ``expected`` is neither a number nor of the shape of ``measured``.

    Examples
    --------
    >>> import lib
    >>> lib.claim("half", "One half is 0.5.", measured=1 / 2, expected=0.5, tolerance=1e-15, why="Exact in binary.")
    ✓ One half is 0.5.
      expected 0.5, measured 0.5; tolerance 1e-15: Exact in binary.
    """
    if not isinstance(name, str) or not re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", name):
        checks.refuse("name", name, "small letters and digits with hyphens between them")
    measured = checks.real_array("measured", measured).astype(np.float64)
    if measured.size == 0:  # nothing measured would agree with anything
        checks.refuse("measured", measured, "at least one number")
    if tolerance is None:
        if np.shape(expected) != (2,) or not np.any(np.isfinite(expected)):
            checks.refuse("expected", expected, "a pair (low, high), one of them finite, or come with a tolerance")
        low, high = expected
        holds = bool(np.all((low <= measured) & (measured <= high)))
        words = f"at least {low:.6g}" if high == np.inf else f"{low:.6g} to {high:.6g}"
        allowed, digits = "bounds", 1e-3 * max(abs(x) for x in (low, high) if np.isfinite(x))
    else:
        tolerance = checks.number("tolerance", tolerance, 0.0)
        expected = checks.real_array("expected", expected).astype(np.float64)
        if expected.ndim > 0:
            checks.shape("expected", expected, measured.shape)
        holds = bool(np.all(np.abs(measured - expected) <= tolerance))  # NaN holds nothing
        digits = 0.1 * tolerance
        words, allowed = _show(expected, digits), f"tolerance {tolerance:.2g}"
    result = Claim(name, statement, words, _show(measured, digits), allowed, why, source, kept)
    if not holds:
        raise ClaimError(
            f"{name}: {statement}: expected {result.expected}, measured {result.measured}, {result.tolerance}"
        )
    return result


def _show(values, resolution):
    """Numbers rounded at ``resolution``: digits that the tolerance does not cover say nothing; of many, their range."""

    def one(x):
        if not np.isfinite(x) or x == 0.0:
            return f"{x:g}"
        significant = 12 if resolution == 0 else int(np.ceil(np.log10(abs(x) / resolution)))
        return f"{x:.{min(12, max(2, significant))}g}"

    values = np.atleast_1d(values).ravel()
    if values.size > MANY:
        return f"{one(values.min())} to {one(values.max())} ({values.size} values)"
    return ", ".join(map(one, values))
