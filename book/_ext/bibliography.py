"""The bibliography: labels as the text uses them, and a list that assistive technology reads."""

from docutils import nodes
from pybtex.plugin import register_plugin
from pybtex.style.formatting.plain import Style
from pybtex.style.labels import BaseLabelStyle


class AuthorYear(Style):
    """pybtex's plain style with the labels that the text uses: "Worschech and Rosenow, 2025".

    Works of the same people and year get letters: "Saad and Solla, 1995a".
    """

    class Label(BaseLabelStyle):
        def format_labels(self, sorted_entries):
            labels = [self._label(entry) for entry in sorted_entries]
            for i, label in enumerate(labels):
                letter = "abcdefghijklmnopqrstuvwxyz"[labels[:i].count(label)] if labels.count(label) > 1 else ""
                yield label + letter

        @staticmethod
        def _label(entry):
            people = entry.persons.get("author") or entry.persons["editor"]
            names = [" ".join(person.prelast_names + person.last_names) for person in people]
            who = f"{names[0]} et al." if len(names) > 2 else " and ".join(names)
            return f"{who}, {entry.fields['year']}"

    default_label_style = Label


def visit_citation(translator, node):
    """Open a work cited, and the list before the first.

    docutils gives the list the role ``list``, whose children would have to be list items; they have the role of
    bibliographic entries, so the list goes without.
    """
    if not isinstance(node.previous_sibling(), nodes.citation):
        translator.body.append('<div class="citation-list">\n')
    translator.body.append(translator.starttag(node, "div", classes=["citation"], role="doc-biblioentry"))


def setup(app):
    register_plugin("pybtex.style.formatting", "author_year", AuthorYear)
    app.add_node(nodes.citation, override=True, html=(visit_citation, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
