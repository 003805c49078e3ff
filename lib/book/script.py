"""JavaScript as a page gets it: without comments, and in one classic script."""

import json


def program(kind: str, module: str, style: str) -> str:
    """Write the script of the pages on which a widget of our own stands.

    It hands the widget's content to the same ``render`` that Jupyter calls.

    Parameters
    ----------
    kind : str
        Class of the widget's elements; their attribute ``data-{kind}`` is its content.
    module : str
        An anywidget module that reads nothing but ``_content`` of its model.
    style : str
        Its styles.

    Returns
    -------
    str
        It holds the module as text and imports it from a Blob, since a page opened from ``file://`` cannot import a
        module's file.

    Raises
    ------
    ValueError
        If the module is no JavaScript.
    """
    return f"""(async () => {{
const style = document.createElement("style");
style.textContent = {json.dumps(style)};
document.head.append(style);
const text = {json.dumps(lean(module))};
const {{ default: {{ render }} }} = await import(URL.createObjectURL(new Blob([text], {{ type: "text/javascript" }})));
for (const el of document.querySelectorAll(".{kind}[data-{kind}]"))
  render({{ el, model: {{ get: () => el.dataset.{kind} }} }});
}})();
"""


def lean(text: str) -> str:
    """Strip JavaScript of its comments and of the blanks between its tokens: a third of what is sent.

    The syntax decides what a comment is: nothing inside a string, a template or a regular expression changes. Every
    line break between two tokens stays one, since it may end a statement.

    Parameters
    ----------
    text : str

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If the text is no JavaScript.
    """
    import tree_sitter  # only the build of the book needs it; minifiers in Python (rjsmin) change nested templates
    import tree_sitter_javascript

    source = text.encode()
    language = tree_sitter.Language(tree_sitter_javascript.language())
    root = tree_sitter.Parser(language).parse(source).root_node
    if root.has_error:
        raise ValueError("the script is no JavaScript that the parser knows")
    parts, end = [], 0
    for token in _tokens(root):
        gap = source[end : token.start_byte]
        if b"\n" in gap:
            parts.append(b"\n")
        elif gap and _would_join(source[end - 1 : end], token.text[:1]):
            parts.append(b" ")
        parts.append(token.text)
        end = token.end_byte
    return b"".join(parts).decode().strip()


def _tokens(node):
    """The tokens below a node of the syntax tree, without comments."""
    if node.type == "comment":
        return
    if not node.children:
        yield node
    for child in node.children:
        yield from _tokens(child)


def _would_join(before, after):
    """Whether two tokens that end and begin with these signs need a blank between them: words do, and + +."""
    return all(sign.isalnum() or sign in b"_$#" or sign[0] > 127 for sign in (before, after)) or before == after
