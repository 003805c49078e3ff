"""Spelling: nothing of the book is certainly misspelt, and what is misspelt would be found."""

import pytest

from tools import words


def test_no_word_is_spelt_as_in_america_or_commonly_misspelt():
    """A word that only the dictionary does not know is a matter of `make words`: it may be a new term."""
    assert words.misspelt(problem=words.american) == []
    assert words.commonly_misspelt() == []


@pytest.mark.parametrize(
    "word, why",
    [("colour", ""), ("color", "here it is colour"), ("worrd", "not in the dictionary"), ("Hessian", "")],
)
def test_what_is_wrong_with_a_word_is_said(word, why):
    assert words.problem(word) == why
    assert words.american(word) == (why if "here" in why else "")


@pytest.mark.parametrize(
    "text, found",
    [
        ("The generalisation worrd.", ["worrd"]),
        ("A colour, not a color.", ["color"]),
        ("`worrd` $worrd$ {ref}`worrd` [link](worrd.md) https://worrd.org np.worrd worrd() worrd_g", []),
        ("```{math}\n:label: worrd\nworrd\n```\n(worrd)=\n- \n  ```python\n  worrd\n  ```\n\n  `worrd`", []),
        (
            "```{exercise} An worrd of the title\n:label: ex-worrd\n*warm-up.* The text's worrd.\n```",
            ["worrd", "worrd"],
        ),
    ],
)
def test_prose_is_read_and_code_is_not(text, found):
    assert [word for word in words.words(text) if words.problem(word)] == found
