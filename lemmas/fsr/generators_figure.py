"""The plot of a comparison of generators: how well a classifier tells them, against processor time; a panel for each family."""

import io
from collections.abc import Sequence

import matplotlib
from matplotlib.axes import Axes

from fsrcheck.report.figures import MARKERS, PAPER, SERIES_COLOURS, draw_legend, new_figure, style_axes
from fsrcheck.report.svg import SETTINGS as SVG_SETTINGS
from lemmas.fsr.generators_comparison import AREA, SECONDS, SETTINGS, Row
from lemmas.fsr.generators_contenders import ALGORITHM_4, PEERS
from lemmas.fsr.generators_report import Key, entries, keys


def figure_svg(rows: Sequence[Row]) -> str:
    """Draw the rows as an SVG document."""
    found = keys(rows)
    families = [name for name in SETTINGS if any(key[0] == name for key in found)]
    figure = new_figure(2.4 * len(families) + 0.6)
    panels = figure.subplots(len(families), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axes, family in zip(panels, families, strict=True):
        _draw(axes, family, [key for key in found if key[0] == family], rows)
    panels[-1].set_xlabel("processor time of all settings, seconds")
    draw_legend(panels[0], columns=2)
    buffer = io.StringIO()
    with matplotlib.rc_context(SVG_SETTINGS):
        figure.savefig(buffer, format="svg", facecolor=PAPER, metadata={"Date": None})
    return buffer.getvalue()


def _draw(axes: Axes, family: str, found: Sequence[Key], rows: Sequence[Row]) -> None:
    """One line for each contender through its sample sizes, with the limits of the area."""
    style_axes(axes, y_label="AUC, all levels")
    for index, contender in enumerate((ALGORITHM_4, *PEERS)):
        _draw_line(axes, index, contender, found, rows)
    axes.set_xscale("log")
    axes.set_ylim(0.48, 1.02)
    axes.set_title(family, fontsize=9.5, loc="left")


def _draw_line(axes: Axes, index: int, contender: str, found: Sequence[Key], rows: Sequence[Row]) -> None:
    tables = [(key[2], entries(rows, key)) for key in found]
    points = [
        (size, values[contender, SECONDS].value, values[contender, AREA])
        for size, values in tables
        if (contender, AREA) in values
    ]
    seconds, areas = [point[1] for point in points], [point[2] for point in points]
    limits = [[one.value - one.lower for one in areas], [one.upper - one.value for one in areas]]
    axes.errorbar(
        seconds,
        [one.value for one in areas],
        yerr=limits if points else None,
        marker=MARKERS[index],
        color=SERIES_COLOURS[index],
        markersize=4.5,
        linewidth=0.8,
        label=contender,
    )
    for size, second, area in points:
        axes.annotate(f"N = {size}", (second, area.value), xytext=(4, 4), textcoords="offset points", fontsize=6)
