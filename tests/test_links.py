"""Links to states: those of the text and of book/see.yml are states of explorers that there are, and are read alike."""

import re

import nbformat
import pytest
import yaml
from conftest import PAGES, ROOT

from lib.book.claims import MIME
from lib.widgets.links import read_link

SEE = yaml.safe_load((ROOT / "book" / "see.yml").read_text())
STATE = re.compile(r"\]\(([\w-]+\.\w+)?#(\w+:[^)\s]+)\)")


def cells(page):
    return nbformat.read(ROOT / f"{page}.ipynb", as_version=4).cells if (ROOT / f"{page}.ipynb").is_file() else []


def texts(page):
    found = [cell.source for cell in cells(page) if cell.cell_type == "markdown"]
    return found or [(ROOT / f"{page}.md").read_text()]


def explorers(page):
    """Names of the experiments whose explorers the cells of a page make."""
    return re.findall(r'explore\("(\w+)"', "".join(cell.source for cell in cells(page) if cell.cell_type == "code"))


LINKS = [
    pytest.param(f"book/{there.split('.')[0]}" if there else page, link, id=f"{page}-{link}")
    for page in PAGES
    for text in texts(page)
    for there, link in STATE.findall(text)
]


def test_most_chapters_speak_of_states():
    assert len(LINKS) > 60


@pytest.mark.parametrize("page, link", LINKS)
def test_a_link_of_the_text_is_a_state_of_an_explorer_of_its_page(page, link):
    name, number, _ = read_link(link)
    assert explorers(page).count(name) >= number


def test_claims_are_to_be_seen_in_states_of_their_pages():
    home = {
        output["data"][MIME]["name"]: page
        for page in PAGES
        for cell in cells(page)
        for output in cell.get("outputs", ())
        if MIME in output.get("data", {})
    }
    assert len(SEE) > 50
    for claim, state in SEE.items():
        there, _, link = state.rpartition("#")
        name, number, _ = read_link(link)
        assert explorers(f"book/{there}" if there else home[claim]).count(name) >= number, claim


@pytest.mark.parametrize(
    "link, says",
    [
        ("linear", "must be explorer:control=value"),
        ("lineer:beta=1", "there is no explorer 'lineer'; there are asymptotics"),
        ("linear:bata=1", "'linear' has no control 'bata'; it has beta"),
        ("linear:beta=9", "beta = '9' is not a number from 0.05 to 3"),
        ("linear:levels=3", "levels = '3' is not one of"),
        ("linear:beta=", "beta = '' is not a number"),
        ("linear:expo", "the explorer 'linear' has no preset 'expo'; it has exponent"),
    ],
)
def test_what_no_explorer_takes_is_refused_by_name(link, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        read_link(link)


def test_parts_of_a_link_follow_each_other():
    name, number, values = read_link("flow-2:spare-unit,eta=0.1")
    assert (name, number) == ("flow", 2)
    assert values["students"] == 3 and values["eta"] == 0.1 and values["beta"] == 1
    assert read_link("flow:reset,levels=1e0") == ("flow", 1, {"levels": 1})
