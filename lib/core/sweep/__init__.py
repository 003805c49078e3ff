"""Sweeps: a function at every combination of parameters, in parallel, stored on disk and resumed."""

from .run import sweep

__all__ = ["sweep"]
