"""Neural scaling laws from power-law data: the numerical core of the book.

Names follow the book: a module for every chapter (``linear``, ...), and below them ``lib.kernels``,
the numba functions that also run in the book's pages as WebAssembly.
"""

from . import (
    asymptotics,
    averages,
    features,
    laws,
    linear,
    mitigation,
    moments,
    networks,
    planning,
    plateau,
    population,
    realdata,
    regression,
)
from .checks import DivergenceError
from .claims import claim
from .curve import Curve
from .dynamics import solve
from .fitting import PowerLawFit, fit_power_law
from .sgd import simulate
from .spectra import Spectrum, power_law
from .student_teacher import Overlaps, StudentTeacher
from .sweep import sweep

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
    "linear",
    "mitigation",
    "moments",
    "networks",
    "planning",
    "plateau",
    "population",
    "power_law",
    "realdata",
    "regression",
    "simulate",
    "solve",
    "sweep",
]
