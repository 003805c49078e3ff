"""The converter of "Everyone's letters": exponents of other papers in those of this book, on a page and in Jupyter.

``letters.mjs`` is its one user interface; the table of papers comes from :mod:`lib.letters`.
"""

import html
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from .. import letters as table
from ..book.script import program
from .experiments import EXPERIMENTS

_FOLDER = Path(__file__).parent
_EXPLORERS = ("tasks", "phases")  # of the chapter, which are opened at the point
_CHAPTER = "hard-and-easy"


class Letters(anywidget.AnyWidget):
    """Type the exponents of a paper, and read those of this book; :func:`letters` makes it."""

    _esm = "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in ("number.js", "letters.mjs"))
    _css = _FOLDER / "letters.css"
    _content = traitlets.Unicode().tag(sync=True)

    def __init__(self):
        super().__init__(_content=json.dumps(_table(), ensure_ascii=False))

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The live converter for Jupyter and for pages; a line for print, and where scripts do not run."""
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {}, {})
        words = "Converter of exponents (on the page)"
        data |= {
            "text/html": f'<div class="letters" data-letters="{html.escape(self._content)}"><p>{words}</p></div>',
            "text/plain": words,
        }
        return data, metadata


def letters() -> Letters:
    """Show the converter of exponents.

    Returns
    -------
    Letters
        A widget; to be the last expression of its cell.
    """
    return Letters()


def _table():
    """What letters.mjs needs: the papers, and the explorers that show a point, with the ranges of their controls."""
    papers = [{"name": name} | asdict(paper) for name, paper in table.PAPERS.items()]
    explorers = []
    for name in _EXPLORERS:
        controls = {control.name: control for control in EXPERIMENTS[name].controls}
        ranges = {key: [controls[key].minimum, controls[key].maximum] for key in ("beta", "tau")}
        explorers.append({"name": name, "title": EXPERIMENTS[name].title, **ranges})
    return {"papers": papers, "chapter": _CHAPTER, "explorers": explorers}


def page_script() -> str:
    """Write the script of a page with a converter.

    Returns
    -------
    str
        As :func:`lib.book.script.program` makes it of ``letters.mjs``.
    """
    return program("letters", Letters._esm, (_FOLDER / "letters.css").read_text(encoding="utf-8"))
