"""A gallery: presets as cards, each of which opens an explorer of a chapter in the state that it shows."""

import html

from .explorer import Explorer, explore
from .picture import describe, image
from .run import filled

_SIZE = 3.6, 2.5  # inches of a card's picture
_FONT = 10  # points


def gallery(page: str, *explorers: str | Explorer) -> "Gallery":
    """Show presets of a chapter's explorers.

    Parameters
    ----------
    page : str
        Name of the chapter's page, which has the explorers.
    *explorers : str or Explorer
        Name of an experiment, for its presets that have a card of this page; or ``"name:preset"``, for that one. An
        explorer in place of a name gives the data as well.

    Returns
    -------
    Gallery

    Raises
    ------
    ValueError
        If there is no such experiment or preset, or the experiment has no card for the page.
    """
    return Gallery(page, explorers)


class Gallery:
    """Cards on a page; where there is no HTML, a list of sentences."""

    def __init__(self, page, explorers):
        self._cards = []
        for given in explorers:
            name, _, chosen = given.partition(":") if isinstance(given, str) else (given, "", "")
            explorer = explore(name) if isinstance(name, str) else name
            experiment = explorer._experiment
            names = [chosen] if chosen else [preset.name for preset in experiment.presets if preset.card == page]
            if not names:
                raise ValueError(f"no preset of the explorer {experiment.name!r} has a card of the page {page!r}")
            for preset in names:
                explorer.preset(preset)
                self._cards.append(_card(page, explorer, preset))

    def _repr_html_(self):
        return f'<ul class="gallery">{"".join(card for card, _ in self._cards)}</ul>'

    def _repr_markdown_(self):
        return "\n".join(words for _, words in self._cards)


def _card(page, explorer, name):
    """The preset that an explorer shows, as HTML and as Markdown."""
    experiment, run = explorer._experiment, explorer._finished()
    values = explorer._values()
    preset = next(preset for preset in experiment.presets if preset.name == name)
    sentence = filled(preset.text, run.words())
    state = ",".join(f"{name}={value}" for name, value in values.items())
    address = f"{page}.html#{experiment.name}:{state}"  # as page.js reads it
    figure = explorer.figure()
    figure.set_size_inches(*_SIZE)
    for legend in figure.legends:
        legend.remove()
    for ax in figure.axes:  # the card has a title, the explorer the names of the curves
        ax.set_title("")
        ax.tick_params(labelsize=_FONT)
        ax.xaxis.label.set_size(_FONT)
        ax.yaxis.label.set_size(_FONT)
    card = (
        f"<li><img {image(figure, describe(run))}>"
        f'<a href="{html.escape(address)}">{html.escape(preset.title)}</a><p>{html.escape(sentence)}</p></li>'
    )
    return card, f"- **{preset.title}.** {sentence}"
