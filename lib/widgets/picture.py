"""The static picture of an explorer, for print, for GitHub and until the live one is there; and the same in words."""

import html
import io
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np

from ..book import figures
from .run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_LINE_STYLES = {"line": "-", "dashed": "--", "dotted": ":", "points": "none"}
_MARKERS = "os^Dv<P"  # by colour, so that points can be told apart without it; view/looks.mjs has the same
_LEGEND_ROW, _LEGEND_WIDTH = 0.22, 55  # inches; characters of two columns
_URI_SAFE = " !$&'()*+,-./:;=?@[]_`{|}~"  # all that may stand in a data: URI inside double quotes


def draw(run: Run) -> "Figure":
    """Draw the state of a run.

    Parameters
    ----------
    run : Run

    Returns
    -------
    matplotlib.figure.Figure
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    experiment = run.experiment
    with mpl.rc_context(figures.STYLE):
        figure = Figure()
        ax = figure.add_subplot()
        ax.set_title(experiment.title, wrap=True)
        ax.set(xlabel=_drawn(experiment.x.label), ylabel=_drawn(experiment.y.label))
        if run.status < 0:
            ax.text(0.5, 0.5, run.message(), ha="center", wrap=True, transform=ax.transAxes)
            return figure
        ax.set(xscale=_scale(experiment.x), yscale=_scale(experiment.y))
        for curve, points in zip(experiment.curves, run.result().values()):
            if curve.style == "map":
                _draw_map(ax, points, experiment.z)
            else:
                _draw_curve(ax, curve, points, over_map=experiment.z is not None)
        ax.set(xlim=_clipped(ax.get_xlim(), experiment.x), ylim=_clipped(ax.get_ylim(), experiment.y))
        _add_legend(figure, ax)
        return figure


def _draw_map(ax, points, z):
    figures.draw_map(ax, points.x, points.y, points.value, z.log, z.limits, _drawn(z.label))


def _draw_curve(ax, curve, points, over_map):
    from matplotlib.patheffects import withStroke

    color = figures.COLORS[curve.color]
    ax.plot(
        points.x,
        points.y,
        color=color,
        linestyle=_LINE_STYLES[curve.style],
        marker=_MARKERS[curve.color] if curve.style == "points" else "none",
        label=_drawn(curve.label) if np.isfinite(points.y).any() else None,
        path_effects=[withStroke(linewidth=5, foreground="white")] if over_map else None,
    )
    if curve.band:
        ax.fill_between(points.x, points.lower, points.upper, color=color, alpha=0.2, linewidth=0)


def _add_legend(figure, ax):
    """A legend below the axes, which become no smaller for it: over them it would hide curves."""
    labels = [len(label) for label in ax.get_legend_handles_labels()[1]]
    if not labels:
        return
    half = -(-len(labels) // 2)
    ncols = 2 if max(labels[:half]) + max(labels[half:], default=0) <= _LEGEND_WIDTH else 1
    figure.legend(loc="outside lower center", ncols=ncols)
    figure.set_figheight(figure.get_figheight() + _LEGEND_ROW * (half if ncols == 2 else len(labels)))


def describe(run: Run) -> str:
    """Say what the picture shows, with its main numbers.

    Parameters
    ----------
    run : Run

    Returns
    -------
    str
    """
    experiment = run.experiment
    axes = [axis.label + (", logarithmic" if axis.log else "") for axis in (experiment.y, experiment.x)]
    words = run.value_words()
    values = ", ".join(f"{control.symbol} = {words[control.name]}" for control in experiment.controls)
    sentences = [experiment.title, f"{axes[0]}, against {axes[1]}", f"At {values}"]
    if run.status < 0:
        return ". ".join([*sentences, run.message()])
    result = run.result()
    for curve, points in zip(experiment.curves, result.values()):
        seen = np.flatnonzero(np.isfinite(points.x + points.y))
        if seen.size:
            first, last = (_place(points, i) for i in seen[[0, -1]])
            sentences.append(f"{curve.label}: from {first} to {last}")
    for readout in experiment.readouts:
        sentences.append(f"{readout.label}: {readout.said(result.readouts[readout.name])}")
    if result.notice:
        sentences.append(result.notice)
    return ". ".join(sentence.rstrip(".") for sentence in sentences) + "."


def _place(points, i):
    """A point of a curve, or a cell of a map, in words."""
    if points.value is not None:
        return f"{points.value[i]:.3g} at ({points.x[i]:.3g}, {points.y[i]:.3g})"
    return f"{points.y[i]:.3g} at {points.x[i]:.3g}"


def png(figure: "Figure") -> bytes:
    """Render a figure as PNG, on white.

    Parameters
    ----------
    figure : matplotlib.figure.Figure

    Returns
    -------
    bytes
        The same in every build.
    """
    return _saved(figure, format="png", facecolor="white", metadata={"Software": None})


def image(figure: "Figure", words: str) -> str:
    """Write the attributes of an <img> that holds the figure itself.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    words : str
        For those who do not see it.

    Returns
    -------
    str
    """
    svg = _saved(figure, format="svg", metadata={"Date": None}).decode("utf-8")
    svg = re.sub(r"\s+", " ", svg[svg.index("<svg") :])  # a newline would cost three bytes
    width, height = (round(inches * 96) for inches in figure.get_size_inches())
    return (
        f'width="{width}" height="{height}" style="max-width:100%;height:auto" alt="{html.escape(words)}"'
        f' src="data:image/svg+xml,{quote(svg, safe=_URI_SAFE)}"'
    )


def _saved(figure, **options):
    """The bytes of the figure's file, the same in every build."""
    import matplotlib as mpl

    file = io.BytesIO()
    with mpl.rc_context(figures.STYLE):
        figure.savefig(file, **options)
    return file.getvalue()


def _drawn(text):
    """The text with ε_g as matplotlib writes a subscript."""
    return re.sub(r"_(\w+)", r"$_{\\mathrm{\1}}$", text)


def _scale(axis):
    return "log" if axis.log else "linear"


def _clipped(limits, axis):
    """Automatic limits, held inside those of the axis."""
    if axis.limits is None:
        return limits
    return max(limits[0], axis.limits[0]), min(limits[1], axis.limits[1])
