r"""What the symbols of a formula mean: every formula learns which rows of the notation's table it holds.

The table of the section ``sec-notation`` is the one source. Its rows get identifiers, a formula of any page gets as
classes those of its symbols, and ``previews.js`` shows the rows beside it.

A symbol is a letter with its indices. Running indices are all the same (:math:`\lambda_k` is also found in
:math:`\lambda_1`), others are not (:math:`\sigma_J` is not :math:`\sigma`), and a power is none. A row whose meaning
says "(in ...)" or "(not in ...)" with links to pages holds on those alone, or on all others; where it names the page
it comes before a row of the same letter that does not.
"""

import re

from docutils import nodes
from sphinx import addnodes
from sphinx.util import docname_join

TABLE = "sec-notation"
# Commands whose argument is no formula, letters in another alphabet, and spaces.
WORDS = re.compile(
    r"\\(?:text|textbf|mathrm|operatorname|label|begin|end|tag)\*?\s*\{[^{}]*\}"
    r"|\\math(?:sf|rm|cal|bb|bf)\s*(?:\w|\{[^{}]*\})|\\[,;:! ]"
)
OTHER = re.compile(r"\\math(?:sf|cal|bb|bf)\w")  # a letter of another alphabet, squeezed: found as it stands
ATOM = re.compile(r"(\\[a-zA-Z]+|[a-zA-Z])\s*('*)")
SCRIPT = re.compile(r"\s*([_^])\s*(\{|\\[a-zA-Z]+|[^\s{])")
RUNNING = {"_": re.compile(r"[ijklnmabL]|[1-9]\d*"), "^": re.compile(r"[ijkl]")}
SEVERAL = re.compile(r"(?:[ijklnmab\d]\s*,?\s*){2,}")
PLAIN = "KLMN"  # numbers, which have no components


def atoms(tex):
    """The letters of a formula with what hangs on them: (letter, primes, subscript, superscript).

    Those inside an index or an exponent come after the letter that carries it.
    """
    tex, at = WORDS.sub(" ", tex), 0
    while found := ATOM.search(tex, at):
        at, scripts = found.end(), {"_": "", "^": ""}
        while script := SCRIPT.match(tex, at):
            if script[2] == "{":
                end = _closing(tex, script.end())
                value, at = tex[script.end() : end], end + 1
            else:
                value, at = script[2], script.end()
            scripts[script[1]] += value.strip()
        yield found[1], found[2], scripts["_"], scripts["^"]


def _closing(tex, at):
    """Where the brace closes that was opened before ``at``."""
    depth = 1
    while at < len(tex):
        depth += {"{": 1, "}": -1}.get(tex[at], 0) if tex[at - 1] != "\\" else 0
        if depth == 0:
            return at
        at += 1
    return at


def _forms(kind, script, letter):
    """What an index or exponent may be in the table, the most special first; kind is _ or ^."""
    script = re.sub(r"\s", "", script)
    if not script:
        return [""]
    if RUNNING[kind].fullmatch(script):  # a component, also of what has no index in the table: in no small letter
        whole = letter not in PLAIN and (kind == "^" or letter.isupper() or letter[0] == "\\")
        return [script, "·", *[""] * whole]
    if kind == "_" and SEVERAL.fullmatch(script):
        return [script, ""]
    return [script] if kind == "_" or script.startswith("(") else [script, ""]


def _squeezed(tex):
    """A formula without blanks, and without the braces around one letter of another alphabet."""
    return re.sub(r"(\\math[a-z]+)\{(\w)\}", r"\1\2", re.sub(r"\s", "", tex))


class Symbols:
    """The rows of the table that hold on a page, to be found by what a formula holds."""

    def __init__(self, rows, page):
        self.rows, self.whole = {}, {}
        here = [row for row in rows if (page in row["pages"]) == row["inside"] or not row["pages"]]
        for row in sorted(here, key=lambda row: bool(row["pages"]) and row["inside"]):  # those of the page alone win
            for tex in row["symbols"]:
                other = OTHER.match(_squeezed(tex))
                letter, primes, low, high = (other[0], "", "", "") if other else next(atoms(tex))
                if other or letter == r"\langle":
                    self.whole[other[0] if other else _squeezed(tex)] = row["id"]
                else:
                    low, high = (
                        "·" if RUNNING[kind].fullmatch(script) and not script.isdigit() else script
                        for kind, script in (("_", low), ("^", high))
                    )
                    self.rows[letter, primes, low, high] = row["id"]

    def of(self, tex):
        """Identifiers of the rows for a formula, in the formula's order, each once."""
        found = [name for whole, name in self.whole.items() if whole in _squeezed(tex)]
        return list(dict.fromkeys(found + list(self._of(tex))))

    def _of(self, tex):
        for letter, primes, low, high in atoms(tex):
            known = next(
                (
                    form
                    for mark in dict.fromkeys((primes, ""))
                    for sub in _forms("_", low, letter)
                    for sup in _forms("^", high, letter)
                    if (form := (letter, mark, sub, sup)) in self.rows
                ),
                None,
            )
            if known:
                yield self.rows[known]
            for kind, script, place in (("_", low, 2), ("^", high, 3)):
                running = RUNNING[kind].fullmatch(script) or SEVERAL.fullmatch(script)
                if not running and not (known and known[place]):
                    yield from self._of(script)


def read_table(app, doctree):
    """Keep the table's rows when the page with the notation is read, and give them identifiers."""
    section = next((part for part in doctree.findall(nodes.section) if TABLE in part["ids"]), None)
    if section is None:
        return
    rows = []
    for row in next(iter(section.findall(nodes.tbody))).findall(nodes.row):
        symbols = [math.astext() for math in row[0].findall(nodes.math)]
        name = "symbol-" + nodes.make_id(" ".join(symbols).replace("\\", " ").replace("*", " star "))
        while name in {other["id"] for other in rows}:
            name += "-also"
        row["ids"].append(name)
        pages, inside = _scope(row[2], app.env.docname)
        rows.append({"id": name, "symbols": symbols, "pages": pages, "inside": inside})
    app.env.symbols = rows
    app.env.symbols_were_read = True


def _scope(meaning, here):
    """The pages named behind "(in" or "(not in", and whether the row holds on them or elsewhere."""
    pages, inside, open_ = [], True, False
    for node in meaning[0].children if meaning.children else ():
        if isinstance(node, nodes.Text):
            if start := re.search(r"\((not )?in $", node):
                inside, open_ = not start[1], True
            elif ")" in node or "where" in node:
                open_ = False
        elif open_ and isinstance(node, addnodes.pending_xref):
            pages.append(docname_join(here, node["reftarget"]))
    return pages, inside


def write_all_again(app, env):
    """Another table: every page has other formulas with symbols."""
    return env.found_docs if env.__dict__.pop("symbols_were_read", False) else []


def mark_formulas(app, doctree, docname):
    """Name the symbols of every formula, but for those in links, which have a preview of their own."""
    if app.builder.format != "html" or not (rows := getattr(app.env, "symbols", None)):
        return
    symbols = Symbols(rows, docname)
    for node in [*doctree.findall(nodes.math), *doctree.findall(nodes.math_block)]:
        if not _in_link(node) and (names := symbols.of(node.astext())):
            node["classes"] += names


def _in_link(node):
    while node := node.parent:
        if isinstance(node, nodes.reference):
            return True
    return False


def setup(app):
    app.connect("doctree-read", read_table)
    app.connect("env-updated", write_all_again)
    app.connect("doctree-resolved", mark_formulas)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "env_version": 1}
