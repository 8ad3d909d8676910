r"""The figure of the chain: the warm start's error over m against the largest error that Algorithm 2 tolerates.

Everything marked comes from trials of the result; the warm start's error is its closed form, with the bound fitted on samples
above it, fainter beyond the sizes of that fit.
"""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes

from fsrcheck.evidence.trial import Case
from fsrcheck.report.figures import (
    BOUND_COLOUR,
    DOTTED,
    MARKERS,
    PAPER,
    SERIES_COLOURS,
    Drawing,
    draw_legend,
    finish_log_axis,
    log_log_axes,
    new_figure,
)
from fsrcheck.report.numbers import number
from fsrcheck.report.points import to_csv
from fsrcheck.runs.result import StatementResult
from lemmas.fsr.chain_rounds import BEST, CLOSES, FITTED_START, OPEN, TOLERANCE, Parameters
from lemmas.fsr.figure_cases import distinct, values

TICKS = (16, 64, 256, 1024, 4096, 2**14, 10**5, 10**6)
SMALLEST, LARGEST = 16, 2**20
FIT_RANGE = 128  # largest m of the fit on samples


def draw(result: StatementResult) -> list[Drawing]:
    """One drawing, or none if no crossing was run."""
    found = [case for case in result.cases if case.applicable and case.parameters.cutoff == BEST]
    sides = [case for case in found if case.parameters.task in (CLOSES, OPEN)]
    if not sides:
        return []
    figure = new_figure(4.6)
    axes = log_log_axes(figure.subplots(), TICKS, x_label="num_channels", y_label="error of every column")
    for index, active in enumerate(distinct(sides, "expected_active")):
        _draw_start(axes, active, index)
        tolerated = tolerances(found, active)
        _draw_tolerance(axes, tolerated, active, index)
        _draw_crossing(axes, crossing(tolerated, active), index)
        _draw_sides(axes, [case for case in sides if case.parameters.expected_active == active], index)
    finish_log_axis(axes)
    draw_legend(axes)
    return [
        Drawing(
            title="The warm start's error and what Algorithm 2 tolerates",
            figure=figure,
            caption="Lines: the closed form of Lemma A.1's error; dotted above it the bound fitted on samples up to "
            rf"$m = {FIT_RANGE}$, fainter where it is continued. Dashed: the largest $\delta$ whose codes are learned to "
            r"$\delta m^{0.02}$ with a cutoff $b \le 1/2$; the upright lines are where it passes the closed form. Filled "
            "markers: sizes at which the chain closes from that error; crosses: sizes at which it does not. All columns are "
            "off in the direction that Algorithm 5 leaves, and nothing is sampled in Algorithm 2.",
            description=_description(found, sides),
            points="chain",
            table=table(found),
        )
    ]


def tolerances(cases: Sequence[Case], active: float) -> list[tuple[int, float]]:
    """(m, largest delta), ascending, from the cases that look for it."""
    chosen = [case for case in cases if case.parameters.task == TOLERANCE]
    chosen = [case for case in chosen if case.parameters.expected_active == active]
    pairs = [(case.parameters.num_channels, values(case, "tolerance")[0]) for case in chosen]
    return sorted(pair for pair in pairs if np.isfinite(pair[1]))


def crossing(points: Sequence[tuple[int, float]], active: float) -> float | None:
    """Where the tolerance passes the closed form, by interpolation of log over log; None if it does not there."""
    ratios = [float(np.log(value / Parameters(m, active).warm_error)) for m, value in points]
    sizes = [float(np.log(m)) for m, _ in points]
    for (left, right), (low, high) in zip(pairwise(sizes), pairwise(ratios), strict=True):
        if low < 0 <= high:
            return float(np.exp(left - low / (high - low) * (right - left)))
    return None


def table(cases: Sequence[Case]) -> str:
    """Every trial of the crossings and tolerances, as CSV."""
    return to_csv(
        {**asdict(case.parameters), "warm_error": case.parameters.warm_error, "seed": trial.seed}
        | {name: trial.measurement(name).value for name in ("first_round", "all_rounds", "gain", "tolerance")}
        for case in cases
        if case.parameters.task in (CLOSES, OPEN, TOLERANCE)
        for trial in case.applicable
    )


def _draw_start(axes: Axes, active: float, index: int) -> None:
    """The closed form, and the fitted bound: dotted where it was fitted, fainter beyond."""
    colour = SERIES_COLOURS[index % len(SERIES_COLOURS)]
    sizes = np.unique(np.geomspace(SMALLEST, LARGEST, 64).round()).astype(int)
    law = [Parameters(int(m), active).warm_error for m in sizes]
    axes.plot(sizes, law, color=colour, linewidth=1.4, label=f"warm start, k = {number(active)}")
    for ends, alpha in (((SMALLEST, FIT_RANGE), 1.0), ((FIT_RANGE, LARGEST), 0.35)):
        bound = [FITTED_START * active / np.sqrt(m) for m in ends]
        axes.plot(ends, bound, color=colour, linewidth=1.2, linestyle=DOTTED, alpha=alpha)


def _draw_crossing(axes: Axes, where: float | None, index: int) -> None:
    """A level mark where the tolerance passes the closed form."""
    if where is not None:
        colour = SERIES_COLOURS[index % len(SERIES_COLOURS)]
        axes.axvline(where, color=colour, linewidth=0.9, alpha=0.6)
        axes.text(
            where * 1.06,
            0.03 + 0.05 * index,
            f"m = {round(where)}",
            color=colour,
            fontsize=8.5,
            transform=axes.get_xaxis_transform(),
        )


def _draw_tolerance(axes: Axes, points: Sequence[tuple[int, float]], active: float, index: int) -> None:
    if points:
        axes.plot(
            *zip(*points, strict=True),
            marker=MARKERS[index % len(MARKERS)],
            color=SERIES_COLOURS[index % len(SERIES_COLOURS)],
            markersize=4.5,
            markerfacecolor=PAPER,
            linewidth=1.1,
            linestyle=(0, (4, 2)),
            label=f"tolerated, k = {number(active)}",
        )


def _draw_sides(axes: Axes, cases: Sequence[Case], index: int) -> None:
    """A filled marker where the chain closes, a cross where it does not."""
    for case in cases:
        closes = case.parameters.task == CLOSES
        axes.plot(
            case.parameters.num_channels,
            case.parameters.start_error,
            marker=MARKERS[index % len(MARKERS)] if closes else "x",
            color=SERIES_COLOURS[index % len(SERIES_COLOURS)] if closes else BOUND_COLOUR,
            markersize=5.5,
            linestyle="none",
            zorder=4,
        )


def _description(found: Sequence[Case], sides: Sequence[Case]) -> str:
    parts = ["Error of the columns over num_channels, both logarithmic."]
    for active in distinct(sides, "expected_active"):
        own = [case.parameters for case in sides if case.parameters.expected_active == active]
        closed = [p.num_channels for p in own if p.task == CLOSES and not p.start_constant]
        still_open = [p.num_channels for p in own if p.task == OPEN and not p.start_constant]
        if closed and still_open:
            parts.append(f"k = {number(active)}: open at {max(still_open)}, closed at {min(closed)} and above.")
        points = tolerances(found, active)
        if points:
            last = points[-1]
            parts.append(f"The tolerance ends at {number(last[1], 2)} for m = {last[0]}.")
        if (where := crossing(points, active)) is not None:
            parts.append(f"It passes the closed form near m = {number(where, 2)}.")
    return " ".join(parts)
