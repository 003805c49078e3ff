"""Explorers: experiments that the reader sets, live in Jupyter and on a page without a server."""

from .explorer import Explorer, Result, ResultCurve, explore

__all__ = ["Explorer", "Result", "ResultCurve", "explore"]
