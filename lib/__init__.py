"""Neural scaling laws from power-law data: the numerical core of the book.

Each module here is a chapter. What they share is in folders: ``core``, the model, its dynamics and its
simulation; ``kernels``, the numba functions below them, which also run in the book's pages as WebAssembly; ``maths``,
special functions and random numbers for these; ``compiler``, how they are compiled; ``book``, claims, figures and
questions; ``widgets``, the explorers. Each imports only from those below it (``pyproject.toml`` has the rules).
"""

import importlib

from . import (
    asymptotics,
    averages,
    features,
    laws,
    letters,
    linear,
    mitigation,
    moments,
    networks,
    planning,
    plateau,
    quadratic,
    random_features,
    realdata,
    regression,
)
from .book.claims import claim
from .core import (  # noqa: F401 -- lib.fitting, lib.spectra, ...: short names of the core's modules
    checks,
    curve,
    divergence,
    dynamics,
    fitting,
    population,
    sgd,
    spectra,
    student_teacher,
    symmetry,
)
from .core.checks import DivergenceError
from .core.curve import Curve
from .core.dynamics import solve
from .core.fitting import PowerLawFit, fit_power_law
from .core.sgd import simulate
from .core.spectra import Spectrum, power_law, source
from .core.student_teacher import Overlaps, StudentTeacher
from .core.sweep import sweep

__all__ = [
    "Curve",
    "DivergenceError",
    "Overlaps",
    "PowerLawFit",
    "Spectrum",
    "StudentTeacher",
    "asymptotics",
    "averages",
    "claim",
    "features",
    "fit_power_law",
    "laws",
    "letters",
    "linear",
    "mitigation",
    "moments",
    "networks",
    "planning",
    "plateau",
    "population",
    "power_law",
    "quadratic",
    "random_features",
    "realdata",
    "regression",
    "simulate",
    "solve",
    "source",
    "sweep",
]


def __getattr__(name):
    """Import the book's modules when they are first asked for, as ``lib.figures``: few programs need them."""
    if name in ("claims", "course", "figures"):
        return importlib.import_module(f"{__name__}.book.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
