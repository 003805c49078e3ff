"""Explorers: experiments that the reader sets, live in Jupyter and on a page without a server."""

from .explorer import Explorer, Result, ResultCurve, explore
from .gallery import Gallery, gallery

__all__ = ["Explorer", "Gallery", "Result", "ResultCurve", "explore", "gallery"]
