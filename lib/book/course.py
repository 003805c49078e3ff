"""Questions that check themselves, in the page and in a notebook, from one key of answers.

``book/answers/<chapter>.yml`` holds the key. The same ES module, ``question.mjs``, judges an answer on a
page without a kernel and in Jupyter, and the tests run it too: there is no second implementation.
"""

from __future__ import annotations

import base64
import html
import importlib
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets
import yaml

from .script import program

_FOLDER = Path(__file__).parent
_KEYS = {"ask", "answer", "rtol", "atol", "choices", "hints"}
_OFFLINE = "answer on the page"


@dataclass(frozen=True)
class Hint:
    """A reply to one wrong answer.

    Attributes
    ----------
    equals : float or str
        The answer.
    say : str
        The reply.
    """

    equals: float | str
    say: str


@dataclass(frozen=True)
class Key:
    """A question with its answer evaluated.

    Attributes
    ----------
    ask : str
        What the field asks for.
    answer : float or str
        A number, or words.
    tolerance : float
        Largest allowed distance of a number; 0 for words.
    choices : tuple of str
        What can be chosen; empty where the reader types. Default: empty.
    hints : tuple of Hint
        Tried in order when the answer is wrong. Default: none.
    """

    ask: str
    answer: float | str
    tolerance: float
    choices: tuple[str, ...] = ()
    hints: tuple[Hint, ...] = ()


def key(name: str) -> Key:
    """Read and evaluate one entry of the key of answers.

    Parameters
    ----------
    name : str
        ``<chapter>-<name>``, an entry of ``answers/<chapter>.yml``. The file is looked for in the notebook's folder
        (the working folder) and then in the book that this library belongs to.

    Returns
    -------
    Key
        The entry, evaluated.

    Raises
    ------
    ValueError
        If there is no such entry, or it could not work: an unknown field, an answer that is neither a finite number
        nor words, a negative tolerance, a choice that is missing, a hint that the answer itself would trigger.
    """
    entry = _entries(name).get(name)
    if entry is None:
        raise ValueError(f"there is no question {name!r} in answers/{name.partition('-')[0]}.yml")
    if not {"ask", "answer"} <= set(entry) <= _KEYS:
        raise ValueError(
            f"{name}: fields are {sorted(_KEYS)}, of which ask and answer must be there; got {sorted(entry)}"
        )
    # Imported here, by name: a chapter that asks depends on what the answers use, not on all of lib (compiler.digest).
    names = {"np": np, "lib": importlib.import_module("lib")}
    answer = _value(name, entry["answer"], names)
    rtol, atol = entry.get("rtol", 0.01), entry.get("atol", 0.0)
    if not (0 <= rtol < 1 and 0 <= atol < math.inf):
        raise ValueError(f"{name}: rtol = {rtol!r} must lie in [0, 1) and atol = {atol!r} in [0, inf)")
    tolerance = 0.0 if isinstance(answer, str) else max(rtol * abs(answer), atol)
    choices = tuple(entry.get("choices", ()))
    if choices and answer not in choices:
        raise ValueError(f"{name}: the answer {answer!r} is not one of the choices {choices}")
    hints = []
    for hint in entry.get("hints", ()):
        equals = _value(name, hint["equals"], names | {"answer": answer})
        if type(equals) is not type(answer):
            raise ValueError(
                f"{name}: the hint {hint['equals']!r} gives {equals!r}, which is no answer of the kind of {answer!r}"
            )
        if equals == answer or (not isinstance(answer, str) and abs(equals - answer) <= tolerance):
            raise ValueError(f"{name}: the hint {hint['equals']!r} equals the answer and would never be shown")
        hints.append(Hint(equals, hint["say"]))
    return Key(entry["ask"], answer, tolerance, choices, tuple(hints))


def _entries(name):
    """All entries of the question's chapter, whose name may contain hyphens: the longest that has a file is taken."""
    parts = name.split("-")
    for folder in (Path.cwd(), _FOLDER.parents[1] / "book"):
        for end in range(len(parts) - 1, 0, -1):
            file = folder / "answers" / f"{'-'.join(parts[:end])}.yml"
            if file.is_file():
                return yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    return {}


def _value(name, expression, names):
    """Evaluate an expression of the key to a finite number or words."""
    value = eval(str(expression), dict(names))  # the book's own file, no reader's input
    if isinstance(value, str):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{name}: {expression!r} gives {value!r}, neither a finite number nor words")
    return number


class Question(anywidget.AnyWidget):
    """A widget with an input field, a Check button and feedback; :func:`question` makes it."""

    _esm = "\n".join(
        file.read_text(encoding="utf-8")
        for file in (_FOLDER.parent / "widgets" / "number.js", _FOLDER / "question.mjs")
    )
    _css = _FOLDER / "question.css"
    _content = traitlets.Unicode().tag(sync=True)

    def __init__(self, name: str, key: Key):
        self._name, self._ask = name, key.ask
        super().__init__(_content=_veiled(key))

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The live field for Jupyter and for pages; a line for print, for PDF, and where scripts do not run."""
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {}, {})
        data |= {
            "text/html": f'<div class="question" id="question-{html.escape(self._name)}" '
            f'data-question="{self._content}"><p>{html.escape(self._ask)} <em>({_OFFLINE})</em></p></div>',
            "text/plain": f"{self._ask} ({_OFFLINE})",
        }
        return data, metadata


def question(name: str) -> Question:
    """Ask a question of the book's key, and judge the reader's answer.

    The page contains the answer, in base64: it is not read by accident, nor found by a search of the page's source.
    Whoever wants to know it can; a static page that checks an answer by itself cannot hide it.

    Parameters
    ----------
    name : str
        An entry of ``answers/<chapter>.yml``; see :func:`key`.

    Returns
    -------
    Question
        A widget; to be the last expression of its cell.

    Raises
    ------
    ValueError
        If there is no such entry, or it could not work: see :func:`key`.
    """
    return Question(name, key(name))


def _veiled(key):
    return base64.b64encode(json.dumps(asdict(key), ensure_ascii=False).encode("utf-8")).decode("ascii")


def page_script() -> str:
    """Write the script of a page with questions.

    Returns
    -------
    str
        As :func:`lib.book.script.program` makes it of ``question.mjs``.
    """
    return program("question", Question._esm, (_FOLDER / "question.css").read_text(encoding="utf-8"))
