"""The plot of Figure 2: the first runs' two parameters, an arrow every 500 steps, and where the exact objective is stationary.

Every path comes from the trials of the result; nothing is run again.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import sqrt

from matplotlib.axes import Axes

from fsrcheck.evidence.trial import Case, Measurement
from fsrcheck.report.figures import (
    BOUND_COLOUR,
    CLAIM_COLOUR,
    SERIES_COLOURS,
    Drawing,
    draw_legend,
    new_figure,
    style_axes,
)
from fsrcheck.runs.result import StatementResult
from lemmas.wgan.two_parameters import AT, DRAWN, false_square

TRIALS = 3  # whose first runs are drawn

Path = list[tuple[float, float]]


def draw_paths(result: StatementResult) -> list[Drawing]:
    """One drawing for every case that has trials."""
    return [_drawing(case) for case in result.cases if case.trials]


def paths_of(case: Case) -> list[Path]:
    """The paths that are drawn, each a list of points (a, b)."""
    runs, arrows = range(min(DRAWN, case.parameters.num_runs)), range(case.parameters.num_arrows + 1)
    return [
        [_point(trial.observation.measurements, arrow, run) for arrow in arrows]
        for trial in case.trials[:TRIALS]
        for run in runs
    ]


def _point(measured: Mapping[str, Measurement], arrow: int, run: int) -> tuple[float, float]:
    return measured[AT.format(arrow, run, "a")].value, measured[AT.format(arrow, run, "b")].value


def _drawing(case: Case) -> Drawing:
    name, paths = case.parameters.activation, paths_of(case)
    figure = new_figure(4.6)
    axes = style_axes(figure.subplots(), x_label="first parameter", y_label="second parameter")
    axes.set_aspect("equal", adjustable="datalim")
    for index, path in enumerate(paths):
        _draw_path(axes, path, index)
    _draw_targets(axes, name)
    draw_legend(axes)
    counts = [trial.observation.counts for trial in case.trials]
    arrived, runs = (sum(count[key] for count in counts) for key in ("arrived", "runs"))
    return Drawing(
        title=f"Paths of two parameters, {name}",
        figure=figure,
        caption=f"{len(paths)} of {runs} runs from standard normal starts, an arrow every 500 steps. Of all runs {arrived} end "
        "nearest to the truth.",
        description=f"Paths in the plane of both parameters, {name}: {arrived} of {runs} runs end near (1, 1) or (-1, -1).",
        points=f"paths-{name}",
        table=_table(paths),
    )


def _draw_path(axes: Axes, path: Path, index: int) -> None:
    for start, end in pairwise(path):
        style = {"arrowstyle": "-|>", "color": SERIES_COLOURS[index % 6], "linewidth": 1.1, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", end, start, arrowprops=style)
    axes.plot(*path[0], ".", color=SERIES_COLOURS[index % 6], markersize=4)


def _draw_targets(axes: Axes, name: str) -> None:
    axes.plot([1, -1], [1, -1], "*", color=CLAIM_COLOUR, markersize=11, label="the truth", zorder=5)
    if name == "leaky":
        at = sqrt(false_square())
        axes.plot([at, -at], [-at, at], "X", color=BOUND_COLOUR, markersize=8, label="spurious minimum", zorder=5)


def _table(paths: Sequence[Path]) -> str:
    rows = [
        f"{run},{500 * arrow},{a:.6g},{b:.6g}" for run, path in enumerate(paths) for arrow, (a, b) in enumerate(path)
    ]
    return "\n".join(["path,step,a,b", *rows]) + "\n"
