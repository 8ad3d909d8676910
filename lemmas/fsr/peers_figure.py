"""The plot of a comparison with the peers: largest column error against wall time, a panel for each family."""

import io
from collections.abc import Sequence

import matplotlib
from matplotlib.axes import Axes

from fsrcheck.report.figures import (
    MARKERS,
    PAPER,
    SERIES_COLOURS,
    draw_legend,
    drawable,
    finish_log_axis,
    log_log_axes,
    log_ticks,
    new_figure,
    size_ticks,
)
from fsrcheck.report.svg import SETTINGS as SVG_SETTINGS
from lemmas.fsr.peers_comparison import CONTENDERS, Row
from lemmas.fsr.peers_report import Group, families_of, grouped


def figure_svg(rows: Sequence[Row]) -> str:
    """Draw the rows as an SVG document."""
    families = families_of(rows)
    figure = new_figure(3.2 * len(families))
    panels = figure.subplots(len(families), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    groups = grouped(rows)
    for axes, family in zip(panels, families, strict=True):
        chosen = {key[:3]: group for key, group in groups.items() if key[3] == family}
        _draw(axes, family, chosen)
    panels[-1].set_xlabel("wall time, seconds")
    draw_legend(panels[0], columns=3)
    buffer = io.StringIO()
    with matplotlib.rc_context(SVG_SETTINGS):
        figure.savefig(buffer, format="svg", facecolor=PAPER, metadata={"Date": None})
    return buffer.getvalue()


def _draw(axes: Axes, family: str, groups: dict[tuple[int, int, str], Group]) -> None:
    """One line for each contender and N through its sizes m; marks are larger for larger m."""
    times = [group.seconds for group in groups.values()]
    log_log_axes(axes, times, x_label="", y_label="largest column error")
    for index, contender in enumerate(CONTENDERS):
        for num_samples in sorted({key[0] for key in groups}):
            line = [(m, groups[n, m, name]) for n, m, name in sorted(groups) if (n, name) == (num_samples, contender)]
            _draw_line(axes, index, contender, [pair for pair in line if drawable([pair[1].error]).size])
    axes.set_title(family, fontsize=9.5, loc="left")
    size_ticks(axes, log_ticks(*axes.get_xlim()))
    finish_log_axis(axes)


def _draw_line(axes: Axes, index: int, contender: str, line: Sequence[tuple[int, Group]]) -> None:
    colour = SERIES_COLOURS[index % 6]
    named = contender not in axes.get_legend_handles_labels()[1]
    seconds, errors = [group.seconds for _, group in line], [group.error for _, group in line]
    axes.plot(
        seconds,
        errors,
        marker=MARKERS[index % 6],
        color=colour,
        markerfacecolor=colour if index < 6 else PAPER,
        markersize=4.5,
        linewidth=0.8,
        label=contender if named else None,
    )
    for m, group in line:
        axes.annotate(str(m), (group.seconds, group.error), xytext=(3, 3), textcoords="offset points", fontsize=6)
