"""Page "Everyone's letters": exponents of other papers in those of this book.

Inputs have the spectrum lambda_k ~ k^-(1+beta), and the target, in their eigenbasis, squared coefficients t_k ~ k^-tau.
Every paper has two exponents for this, or one, and each is such a combination of theirs that beta and tau are
polynomials in them without squares.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

from .core import checks


class Point(NamedTuple):
    """Data and task: a point of the map.

    Attributes
    ----------
    beta : float
        Exponent of the spectrum.
    tau : float
        Exponent of the source.
    """

    beta: float
    tau: float


@dataclass(frozen=True)
class Letter:
    """An exponent of a paper.

    Attributes
    ----------
    symbol : str
        As the paper writes it.
    meaning : str
        What falls with it.
    example : float
        A value to begin with.
    """

    symbol: str
    meaning: str
    example: float


@dataclass(frozen=True)
class Paper:
    """The exponents of a paper, and what they are here.

    Attributes
    ----------
    title : str
        Authors and year.
    letters : tuple of Letter
        One or two, x and y.
    beta, tau : tuple of float
        Coefficients of x, y, x y and 1.
    """

    title: str
    letters: tuple[Letter, ...]
    beta: tuple[float, float, float, float]
    tau: tuple[float, float, float, float]


_ONE_LESS = (1.0, 0.0, 0.0, -1.0)  # beta = x - 1
_SOURCE = (-1.0, 0.0, 1.0, 1.0)  # tau = x y - x + 1, so that (beta + tau) / (1 + beta) = y
_NONE = (0.0, 0.0, 0.0, 0.0)

# By their names in book/references.bib, in the order of the page's table.
PAPERS = {
    "worschech2024": Paper(
        "Worschech and Rosenow 2025",
        (Letter("β", "eigenvalues λ_k ~ k^−(1+β)", 1.0),),
        (1.0, 0.0, 0.0, 0.0),
        _NONE,
    ),
    "paquette2024": Paper(
        "Paquette and others 2024",
        (Letter("α", "inputs x_j ~ j^−α", 1.0), Letter("β", "target's coefficients b_j ~ j^−β", 0.7)),
        (2.0, 0.0, 0.0, -1.0),
        (0.0, 2.0, 0.0, 0.0),
    ),
    "bordelon2024": Paper(
        "Bordelon and others 2024",
        (Letter("b", "eigenvalues λ_k ~ k^−b", 2.0), Letter("a", "variance of the target λ_k w_k² ~ k^−a", 1.15)),
        _ONE_LESS,
        (-1.0, 1.0, 0.0, 0.0),
    ),
    "bordelon2025": Paper(
        "Bordelon and others 2025",
        (Letter("α", "capacity, eigenvalues λ_k ~ k^−α", 2.0), Letter("β", "source, error in time ~ t^−β", 0.75)),
        _ONE_LESS,
        _SOURCE,
    ),
    "lin2024": Paper(
        "Lin and others 2024, 2025",
        (Letter("a", "eigenvalues λ_i ~ i^−a", 2.0), Letter("b", "variance of the target λ_i w_i² ~ i^−b", 2.5)),
        _ONE_LESS,
        (-1.0, 1.0, 0.0, 0.0),
    ),
    "li2025": Paper(
        "Li and others 2025, 2026",
        (Letter("β", "capacity, eigenvalues λ_j ~ j^−β", 2.0), Letter("s", "source, error in time ~ t^−s", 0.75)),
        _ONE_LESS,
        _SOURCE,
    ),
    "cui2021": Paper(
        "Cui and others 2021",
        (Letter("α", "capacity, eigenvalues ~ k^−α", 2.0), Letter("r", "source", 0.375)),
        _ONE_LESS,
        (-1.0, 0.0, 2.0, 1.0),
    ),
    "caponnetto2007": Paper(
        "Caponnetto and De Vito 2007",
        (Letter("b", "capacity, eigenvalues ~ k^−b", 2.0), Letter("c", "source", 1.25)),
        _ONE_LESS,
        _SOURCE,
    ),
    "michaud2023": Paper(
        "Michaud and others 2023; Nam and others 2024",
        (Letter("α", "frequencies of skills ~ k^−(1+α)", 0.5),),
        (1.0, 0.0, 0.0, 0.0),
        _NONE,
    ),
    "zucchet2026": Paper(
        "Cabannes and others 2024; Zucchet 2026",
        (Letter("α", "frequencies of contexts ~ i^−α", 1.2),),
        _ONE_LESS,
        _NONE,
    ),
    "kunstner2025": Paper(
        "Kunstner and Bach 2025",
        (Letter("α", "frequencies of words ~ k^−α", 1.1),),
        _ONE_LESS,
        _NONE,
    ),
    "braun2026": Paper(
        "Braun and others 2026",
        (Letter("a", "eigenvalues λ_i ~ i^−a", 2.0),),
        _ONE_LESS,
        _NONE,
    ),
}


def translate(paper: str, *exponents: float) -> Point:
    """Translate the exponents of a paper to those of this book.

    Parameters
    ----------
    paper : str
        Its name in the references, one of ``lib.letters.PAPERS``.
    *exponents : float
        As many as the paper has letters, in their order.

    Returns
    -------
    Point
        beta and tau, whatever they are: a spectrum needs beta > -1, a target of finite variance tau > -beta.

    Raises
    ------
    ValueError
        If there is no such paper, or the exponents are not finite or not as many as its letters.

    Examples
    --------
    >>> import lib
    >>> lib.letters.translate("paquette2024", 1.0, 0.7)
    Point(beta=1.0, tau=1.4)
    >>> lib.letters.translate("cui2021", 2.0, 0.375)
    Point(beta=1.0, tau=0.5)
    """
    checks.one_of("paper", paper, tuple(PAPERS))
    given = PAPERS[paper]
    symbols = ", ".join(letter.symbol for letter in given.letters)
    if len(exponents) != len(given.letters):
        raise ValueError(f"exponents: {len(exponents)} given: must be {symbols}, as in {given.title}")
    x, y = (*(checks.number(letter.symbol, value) for letter, value in zip(given.letters, exponents)), 0.0)[:2]
    terms = (x, y, x * y, 1.0)
    beta, tau = (math.fsum(c * term for c, term in zip(row, terms)) for row in (given.beta, given.tau))
    return Point(beta, tau)
