"""The gallery: every card's link is the state of an explorer that exists, and leads there."""

import re
from html.parser import HTMLParser

import pytest

from lib.widgets import explore, gallery
from lib.widgets.experiments import EXPERIMENTS


class Cards(HTMLParser):
    """Links and pictures of the galleries in a text of HTML."""

    def __init__(self, text):
        super().__init__()
        self.links, self.pictures = [], []
        self._inside = False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "ul":
            self._inside = attributes.get("class") == "gallery"
        if self._inside and tag == "a":
            self.links.append(attributes["href"])
        if self._inside and tag == "img":
            self.pictures.append(attributes)

    def handle_endtag(self, tag):
        if tag == "ul":
            self._inside = False


@pytest.fixture(scope="module")
def cards(site):
    return Cards((site / "book" / "gallery.html").read_text())


def parsed(link):
    """(page, experiment, number of the explorer among those of its name, {control: text})."""
    page, name, number, state = re.fullmatch(r"([\w-]+)\.html#(\w+?)(?:-(\d+))?:(.+)", link).groups()
    return page, name, int(number or 1), dict(part.split("=") for part in state.split(","))


def test_a_card_is_a_preset_and_says_what_its_explorer_shows():
    shown = gallery("setting", explore("spectrum", data=[k**-1.5 for k in range(1, 257)]))
    preset = EXPERIMENTS["spectrum"].presets[0]
    sentence = preset.text.format(first=4, last=64, beta=0.5)
    assert sentence in shown._repr_html_() and shown._repr_markdown_() == f"- **{preset.title}.** {sentence}"
    made = Cards(shown._repr_html_())
    assert made.links == ["setting.html#spectrum:first=4,last=64"]
    assert "exponent β: 0.5" in made.pictures[0]["alt"]


def test_a_gallery_takes_what_has_a_card_or_is_asked_for_by_name():
    links = Cards(gallery("practice", "planning", "planning:larger-budget")._repr_html_()).links
    assert [parsed(link)[3]["compute"] for link in links] == ["100", "10000", "1600"]
    with pytest.raises(ValueError, match="no preset of the explorer 'planning' has a card of the page 'linear'"):
        gallery("linear", "planning")
    with pytest.raises(ValueError, match="has no preset 'nothing'"):
        gallery("linear", "planning:nothing")


def test_links_name_what_is_there(site, cards):
    assert len(cards.links) == len(cards.pictures) >= 12
    assert all(len(picture["alt"]) > 100 for picture in cards.pictures)
    for link in cards.links:
        page, name, number, state = parsed(link)
        assert (site / "book" / f"{page}.html").read_text().count(f'data-explorer="{name}"') >= number, link
        assert set(state) == {control.name for control in EXPERIMENTS[name].controls}, link
        data = [1.0, 0.5, 0.25] if EXPERIMENTS[name].table else None
        explore(
            name, data=data, **{control: float(value) for control, value in state.items()}
        )  # refuses what is out of range


def test_every_chapter_has_a_card(cards):
    from tools.chapters import chapter_names

    assert {parsed(link)[0] for link in cards.links} == set(chapter_names())


def test_links_lead_to_their_state(browser, site_address, cards):
    page = browser.new_page()
    page.goto(f"{site_address}/book/gallery.html")
    for link in {parsed(link)[0]: link for link in cards.links}.values():  # one of each chapter
        page.goto(f"{site_address}/book/gallery.html")
        page.locator(f".gallery a[href='{link}']").click()
        _, name, number, state = parsed(link)
        explorer = page.locator(f".explorer[data-explorer={name}]").nth(number - 1)
        explorer.locator("svg[role=img]").wait_for()
        controls = sorted(EXPERIMENTS[name].controls, key=lambda control: control.more)  # as they are shown
        for control, shown in zip(controls, explorer.locator(".ex-control").all(), strict=True):
            field = shown.locator("select" if control.choice_labels else "input[inputmode]")
            assert float(field.input_value()) == float(state[control.name]), link
        assert "".join(explorer.locator(".ex-problem").all_inner_texts()) == ""
    page.close()
