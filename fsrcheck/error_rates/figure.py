"""The power curves as an SVG document, readable on light and on dark ground."""

import io
from collections.abc import Sequence

import matplotlib
from matplotlib.axes import Axes

from fsrcheck.error_rates.power import CAUGHT, Curve
from fsrcheck.report.figures import (
    CLAIM_COLOUR,
    INK,
    MARKERS,
    PAPER,
    SERIES_COLOURS,
    new_figure,
    style_axes,
)
from fsrcheck.report.svg import SETTINGS

HEIGHT = 2.1  # inches of a panel


def figure_svg(curves: Sequence[Curve]) -> str:
    """A panel for each claim: lines are exact, markers simulated, the dashed line is ``CAUGHT``."""
    kinds = list(dict.fromkeys(curve.kind for curve in curves))
    figure = new_figure(HEIGHT * len(kinds) + 0.4)
    figure.patch.set_alpha(1.0)  # a ground of its own: a page that shows the file may be dark
    panels = figure.subplots(len(kinds), 1, squeeze=False)[:, 0]
    for axes, kind in zip(panels, kinds, strict=True):
        _draw(axes, [curve for curve in curves if curve.kind == kind])
    buffer = io.StringIO()
    with matplotlib.rc_context(SETTINGS):
        figure.savefig(buffer, format="svg", facecolor=PAPER, metadata={"Date": None})
    return buffer.getvalue()


def _draw(axes: Axes, curves: Sequence[Curve]) -> None:
    style_axes(axes, x_label=curves[0].violation, y_label="caught")
    axes.axhline(CAUGHT, color=CLAIM_COLOUR, linewidth=0.8, linestyle=(0, (5, 3)))
    for index, curve in enumerate(curves):
        colour = SERIES_COLOURS[index]
        axes.plot(*zip(*curve.line, strict=True), color=colour, linewidth=1.2)
        axes.plot(
            [point.violation for point in curve.points],
            [point.hits / point.runs for point in curve.points],
            MARKERS[index],
            color=colour,
            markersize=4.5,
            label=f"{curve.trials} trials",
        )
    axes.set_ylim(-0.03, 1.05)
    axes.set_title(curves[0].kind, fontsize=9.5, loc="left", color=INK)
    axes.legend(loc="lower right", frameon=False, fontsize=8, labelcolor=INK)
