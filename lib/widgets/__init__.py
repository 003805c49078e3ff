"""Explorers: experiments that the reader sets, live in Jupyter and on a page without a server."""

from .explorer import Explorer, explore
from .gallery import Gallery, gallery
from .letters import Letters, letters
from .run import Result, ResultCurve, ResultPanel

__all__ = ["Explorer", "Gallery", "Letters", "Result", "ResultCurve", "ResultPanel", "explore", "gallery", "letters"]
