"""Spelling of all that is prose: text of pages and notebooks, captions, claims, questions, docstrings, comments.

``make words`` lists each word that neither the dictionary of pyspellchecker nor ``tools/words.txt`` has, each that is
spelt as in America, and what codespell knows as a common misspelling; and the entries of ``tools/words.txt`` that no
text uses any more. That list holds one word a line, as it is written inside a sentence: names and terms go there. Names
of the works cited are known from ``references.bib``. The tests look only for what is wrong whatever the list says:
American spellings and common misspellings. A new term fails no test.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import nbformat
import yaml
from spellchecker import SpellChecker

from tools.chapters import ROOT

LIST = ROOT / "tools" / "words.txt"
WORD = re.compile(r"(?<![\w\\/.@#%-])[A-Za-z][a-z]+(?:'[a-z]+)?(?![\w(=/@]|\.\w|_)")
# What is no prose in Markdown and reStructuredText, in the order in which it has to go.
NO_PROSE = [
    re.compile(pattern, re.S | re.M)
    for pattern in (
        r"\A---$.*?^---$",  # what the page's head says to the build
        r"^(`{3,}|:{3,})\{(?:code-cell|math|eval-rst|bibliography)\}.*?^\1[ \t]*$",
        r"^[ \t]*```[ \t]*\w*$.*?^[ \t]*```[ \t]*$",
        r"^(?:`{3,}|:{3,})\{[\w-]+\}(?: (?:ex|sol)-[\w-]+)?",  # the directive; its title is prose
        r"^:[\w-]+:[^\n]*$|^\([\w-]+\)=$",
        r"^[\w*]+(?:, [\w*]+)* : [^\n]*$",  # an argument in numpydoc's sections, with its type
        r"\$\$.*?\$\$|\$[^$]*\$|\\\(.*?\\\)",
        r":?\{?[\w:]*\}?:?``.*?``",
        r"\{[\w:]+\}`[^`]*`|:[\w:]+:`[^`]*`|`[^`]*`",
        r"https?://\S+|\]\([^)]*\)|<[^>]*>|\b\w+\.(?:ipynb|md|yml|bib|py|html|zip)\b",
    )
]


def texts(root=ROOT):
    """(where, text) of everything that is read."""
    for path in [*root.glob("*.md"), *root.glob("book/*.md"), root / "CITATION.cff"]:
        yield path, path.read_text(encoding="utf-8")
    for path in root.glob("book/*.ipynb"):
        for number, cell in enumerate(nbformat.read(path, as_version=4).cells):
            where = f"{path}, cell {number}"
            if cell.cell_type == "markdown":
                yield where, cell.source
            else:
                shown = cell.metadata.get("mystnb", {})
                yield where, shown.get("figure", {}).get("caption", "")
                yield where, shown.get("image", {}).get("alt", "")
                yield from ((where, text) for text in _prose(cell.source))
    for path in root.glob("book/answers/*.yml"):
        for name, entry in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            said = [entry["ask"], *(hint["say"] for hint in entry.get("hints", ()))]
            yield from ((f"{path}, {name}", text) for text in said)
    for folder in ("lib", "book/_ext", "tools", "tests", "bench"):
        for path in (root / folder).rglob("*.py"):
            yield from ((path, text) for text in _prose(path.read_text(encoding="utf-8"), folder == "lib"))


def _prose(source, strings=True):
    """Comments, docstrings, and strings that are sentences: what a reader is told."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and not re.match(r"# *noqa", token.string):
            yield token.string.lstrip("#")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            yield ast.get_docstring(node) or ""
        elif strings and isinstance(node, ast.Constant) and isinstance(node.value, str):
            if re.search(r"\w \w+ \w+ \w", node.value) and not re.search(r"[{};]\s|</", node.value):
                yield node.value


def words(text):
    """The words of a text that are neither code nor mathematics."""
    for pattern in NO_PROSE:
        text = pattern.sub(" ", text)
    return [word.group().removesuffix("'s") for word in WORD.finditer(text)]


@cache
def _known():
    """The dictionary, and the words that the project knows beside it."""
    own = {line.strip() for line in LIST.read_text(encoding="utf-8").splitlines()} - {""}
    works = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
    return SpellChecker(language="en"), own | set(WORD.findall(works))


@cache
def _spellings():
    """American -> British spelling, and all British ones, from codespell's table."""
    table = Path(find_spec("codespell_lib").origin).parent / "data" / "dictionary_en-GB_to_en-US.txt"
    pairs = [line.split("->") for line in table.read_text(encoding="utf-8").splitlines() if "->" in line]
    british = {left for left, _ in pairs}
    return {right.strip(", "): left for left, right in pairs if right.strip(", ") not in british}, british


def american(word):
    """What is wrong with a word that is spelt as in America; an empty string for any other."""
    _, own = _known()
    spellings, british = _spellings()
    small = word.lower()
    if {word, small} & own or small in british or small not in spellings:
        return ""
    return f"here it is {spellings[small]}"


def problem(word):
    """What is wrong with a word; an empty string if nothing is."""
    dictionary, own = _known()
    _, british = _spellings()
    small = word.lower()
    if {word, small} & own or small in british or small in dictionary:
        return american(word)
    return american(word) or "not in the dictionary"


def misspelt(root=ROOT, problem=problem):
    """Problems as lines, one for each word and place."""
    found = {}
    for where, text in texts(root):
        for word in words(text):
            if why := problem(word):
                found[f"{where}: {word}: {why}".removeprefix(f"{root}/")] = None
    return list(found)


def commonly_misspelt(root=ROOT):
    """What codespell says of all files that are under version control or would be."""
    files = subprocess.run(
        [
            "git",
            "ls-files",
            "-co",
            "--exclude-standard",
            "*.py",
            "*.md",
            "*.ipynb",
            "*.yml",
            "*.mjs",
            "*.js",
            "*.css",
            "*.cff",
            "*.bib",
            "Makefile",
        ],
        cwd=root,
        capture_output=True,
        text=True,
    )
    command = [
        sys.executable,
        "-m",
        "codespell_lib",
        "-I",
        LIST,
        "--ignore-regex",
        r'"image/png": ".*|base64,[^%]*|\$[^$]*\$',
    ]
    return subprocess.run(
        [*command, *files.stdout.split()], cwd=root, capture_output=True, text=True
    ).stdout.splitlines()


def unused(root=ROOT):
    """Entries of the list that stand in no text, and those that are out of order."""
    own = LIST.read_text(encoding="utf-8").split()
    used = {word for _, text in texts(root) for word in words(text)}
    # `linaer` is misspelt on purpose, in a test; codespell reads it, the dictionary does not.
    lines = [f"{word}: no text uses it" for word in own if not {word, word.capitalize()} & used and word != "linaer"]
    lines += [f"{b}: stands after {a}" for a, b in zip(own, own[1:]) if b.lower() < a.lower()]
    return [f"{LIST.relative_to(root)}: {line}" for line in lines]


def main():
    found = [*misspelt(), *commonly_misspelt()]
    print(*found or ["No misspelt word."], *unused(), sep="\n")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
