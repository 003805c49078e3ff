"""Explorers: experiments that the reader sets, live in Jupyter and on a page without a server."""

from .explorer import Explorer, explore
from .gallery import Gallery, gallery
from .run import Result, ResultCurve, ResultPanel

__all__ = ["Explorer", "Gallery", "Result", "ResultCurve", "ResultPanel", "explore", "gallery"]
