"""Spelling: nothing of the book is misspelt, and what is would be found."""

import pytest

from tools import words


def test_no_word_is_misspelt():
    assert words.misspelt() == []
    assert words.commonly_misspelt() == []


def test_every_word_of_the_list_is_needed_and_in_order():
    own = words.LIST.read_text(encoding="utf-8").split()
    assert own == sorted(own, key=str.lower)
    # `linaer` is misspelt by intent, in a test; codespell reads it, the dictionary does not.
    used = {word for _, text in words.texts() for word in words.words(text)}
    assert not {word for word in own if word not in used and word.capitalize() not in used} - {"linaer"}


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
