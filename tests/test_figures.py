"""The style of the figures: the same bytes every time, and slopes drawn as stated."""

import io

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt

from lib.book import figures


@pytest.fixture
def axes():
    """Log-log axes in the book's style."""
    with mpl.rc_context():
        figures.use_style()
        figure, axes = plt.subplots()
        yield figures.log_grid(axes)
        plt.close(figure)


def test_slope_marker_has_the_slope_it_states(axes):
    x, y = figures.slope_marker(axes, 10.0, 0.5, -0.4, "slope", decades=0.7).get_data()
    hypotenuse = np.log10(y[2] / y[0]) / np.log10(x[2] / x[0])
    assert hypotenuse == pytest.approx(-0.4, rel=1e-12)
    assert np.log10(x[1] / x[0]) == pytest.approx(0.7, rel=1e-12)
    assert y[1] == y[0] and (x[3], y[3]) == (x[0], y[0])
    assert [text.get_text() for text in axes.texts] == ["slope"]


def test_the_same_figure_is_the_same_bytes(axes):
    axes.fill_between([1, 10, 100], [1, 2, 3], [4, 5, 6], hatch="/")  # clip paths and hatches have hashed names

    def svg():
        picture = io.BytesIO()
        axes.figure.savefig(picture, format="svg", metadata={"Date": None})
        return picture.getvalue()

    assert svg() == svg()


def test_paper_is_transparent_so_that_the_page_shows_through(axes):
    picture = io.BytesIO()
    axes.figure.savefig(picture, format="png")
    picture.seek(0)
    alpha = plt.imread(picture)[..., 3]
    assert alpha[0].max() == 0 and alpha.max() == 1


def test_every_decade_is_marked_over_many_decades(axes):
    axes.set_xlim(1e-3, 1e7)
    axes.figure.canvas.draw()
    minor = axes.xaxis.get_minorticklocs()
    assert {2e-3, 9e6} <= {float(f"{tick:.6g}") for tick in minor}


def test_table_is_markdown_with_numbers_to_the_right():
    assert figures.table(
        ["data", r"$\lambda_1$"], [("digits", 12.3456), ("flower", 7.0), ("none", 0)]
    ).data == "\n".join(
        [r"| data | $\lambda_1$ |", "| :-- | --: |", "| digits | 12.3 |", "| flower | 7.00 |", "| none | 0 |"]
    )
