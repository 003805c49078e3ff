"""A gallery: results as cards, each of which opens an explorer of a chapter in the state that shows it."""

import html

from .explorer import Explorer
from .picture import describe, image
from .run import filled

_SIZE = 3.6, 2.5  # inches of a card's picture
_FONT = 10  # points


def gallery(page: str, *results: tuple[str, str, Explorer]) -> "Gallery":
    """Show results of a chapter.

    Parameters
    ----------
    page : str
        Name of the chapter's page, which has the explorers.
    *results : tuple of (str, str, Explorer)
        Title; a sentence, in which {name} is a control's value or a read-out; and the explorer, whose present state
        is drawn and is what the link opens.

    Returns
    -------
    Gallery
    """
    return Gallery(page, results)


class Gallery:
    """Cards on a page; where there is no HTML, a list of sentences."""

    def __init__(self, page, results):
        self._page = page
        self._results = [
            (title, filled(sentence, explorer._finished().words()), explorer) for title, sentence, explorer in results
        ]

    def _repr_html_(self):
        return f'<ul class="gallery">{"".join(self._card(*result) for result in self._results)}</ul>'

    def _repr_markdown_(self):
        return "\n".join(f"- **{title}.** {sentence}" for title, sentence, _ in self._results)

    def _card(self, title, sentence, explorer):
        state = ",".join(f"{name}={value}" for name, value in explorer._values().items())
        address = f"{self._page}.html#{explorer._experiment.name}:{state}"  # as page.js reads it
        figure = explorer.figure()
        figure.set_size_inches(*_SIZE)
        for legend in figure.legends:
            legend.remove()
        for ax in figure.axes:  # the card has a title, the explorer the names of the curves
            ax.set_title("")
            ax.tick_params(labelsize=_FONT)
            ax.xaxis.label.set_size(_FONT)
            ax.yaxis.label.set_size(_FONT)
        return (
            f"<li><img {image(figure, describe(explorer._finished()))}>"
            f'<a href="{html.escape(address)}">{html.escape(title)}</a><p>{html.escape(sentence)}</p></li>'
        )
