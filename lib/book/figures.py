"""How the book's static figures look: one style for page, print and notebook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize
from matplotlib.ticker import LogLocator
from numpy.typing import NDArray

if TYPE_CHECKING:
    from IPython.display import Markdown
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

# Okabe and Ito's colours, told apart by readers with any common colour vision.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#c07f00", "#3f9bd6", "#000000")

# From dark to light in even steps, so that it works in black and white; view/looks.mjs has the same colours.
RAMP = LinearSegmentedColormap.from_list(
    "ramp", np.array([[0, 20, 60], [0, 114, 178], [86, 180, 233], [255, 250, 190]]) / 255
)

# matplotlib settings: for all figures by `use_style`, for one by `matplotlib.rc_context(STYLE)`.
STYLE = {
    # A page shows it at this size, a phone at 0.6 of it, where 12 pt is still legible without zooming.
    "figure.figsize": (5.6, 3.6),
    "figure.dpi": 110,
    "font.size": 12,
    "axes.labelsize": 13,
    "axes.titlesize": 13,
    "legend.fontsize": 11,
    "mathtext.fontset": "cm",
    "axes.prop_cycle": mpl.cycler(color=COLORS),
    "lines.linewidth": 2.0,
    "lines.markersize": 5.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#b0b0b0",
    "grid.alpha": 0.35,
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    # The page's own background, light or dark, shows through; book.css inverts the ink in dark mode.
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    # The same figure is the same bytes in every build.
    "svg.hashsalt": "scaling-laws-book",
    "svg.fonttype": "path",
}


def use_style() -> None:
    """Set matplotlib to the book's style.

    In a notebook figures are stored twice: as SVG, which the pages show, and as PNG for GitHub's notebook
    view and for the PDF.
    """
    mpl.rcParams.update(STYLE)
    try:
        from IPython import get_ipython
    except ImportError:
        return
    if get_ipython() is not None:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        # Without a date the bytes of an unchanged figure do not change.
        set_matplotlib_formats("svg", "png", metadata={"Date": None})


def slope_marker(ax: Axes, x0: float, y0: float, exponent: float, label: str, *, decades: float = 0.7) -> Line2D:
    r"""Draw the triangle that shows the slope of a power law :math:`y \sim x^{\text{exponent}}`.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Both of its axes logarithmic.
    x0, y0 : float
        Where the triangle's hypotenuse begins, in data coordinates (positive).
    exponent : float
        Slope in log-log coordinates.
    label : str
        Next to the vertical side, for example ``r"$-\beta/(1+\beta)$"``.
    decades : float
        Length of the horizontal side, in decades of x. Default: 0.7.

    Returns
    -------
    matplotlib.lines.Line2D
        The triangle.
    """
    x1 = x0 * 10.0**decades
    y1 = y0 * 10.0 ** (decades * exponent)
    # The corner lies on the side where the curve is not: above a falling law, below a rising one.
    (triangle,) = ax.plot([x0, x1, x1, x0], [y0, y0, y1, y0], color="0.35", linewidth=1.2, zorder=1)
    ax.annotate(label, (x1, (y0 * y1) ** 0.5), xytext=(5, 0), textcoords="offset points", va="center", color="0.25")
    return triangle


def draw_map(
    ax: Axes,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    value: NDArray[np.float64],
    log: bool,
    limits: tuple[float, float],
    label: str,
) -> None:
    """Draw values on a rectangular grid of points as cells, with a colour bar.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    x, y, value : ndarray, shape (points,)
        Row after row; NaN means no point.
    log : bool
        Whether the colours follow the logarithm of the value.
    limits : (float, float)
        Values beyond them have the first or the last colour.
    label : str
        Of the colour bar.
    """
    seen = np.isfinite(x + y)
    columns, rows = np.unique(x[seen]), np.unique(y[seen])
    norm = (LogNorm if log else Normalize)(*np.clip([np.nanmin(value), np.nanmax(value)], *limits), clip=True)
    cells = ax.pcolormesh(
        columns,
        rows,
        value[seen].reshape(rows.size, columns.size),
        cmap=RAMP,
        norm=norm,
        shading="nearest",
        rasterized=True,
    )
    ax.figure.colorbar(cells, label=label)


def log_grid(ax: Axes) -> Axes:
    """Make both axes logarithmic, with a line at every decade and a mark at 2 ... 9 between them.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The axes.

    Returns
    -------
    matplotlib.axes.Axes
        The same.
    """
    ax.set_xscale("log")
    ax.set_yscale("log")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_minor_locator(LogLocator(subs=range(2, 10), numticks=99))
    return ax


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> Markdown:
    r"""Make a table for a notebook's page: the last expression of a cell, or an argument of ``display``.

    Parameters
    ----------
    heads : sequence of str
        Headings of the columns; Markdown with mathematics, for example ``r"$\lambda_k$"``.
    rows : iterable of sequences
        Text and integers as they are, other numbers to three digits. Columns whose first cell is not a string are
        right-aligned.

    Returns
    -------
    IPython.display.Markdown
        The table.
    """
    from IPython.display import Markdown

    def text(cell):
        return cell if isinstance(cell, str) else f"{cell:#.3g}" if isinstance(cell, float) else f"{cell}"

    rows = list(rows)
    cells = [map(text, row) for row in rows]
    ruler = [":--" if isinstance(cell, str) else "--:" for cell in rows[0]]
    return Markdown("\n".join(f"| {' | '.join(row)} |" for row in (heads, ruler, *cells)))


__all__ = ["COLORS", "RAMP", "STYLE", "draw_map", "log_grid", "slope_marker", "table", "use_style"]
