"""Figures of the exponents of m: stage by stage under a schedule, and what a round gains from every error.

Every height is an exact rational number from the chains and alternations of the statements; nothing is measured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from matplotlib.axes import Axes

from fsrcheck.report.figures import (
    CLAIM_COLOUR,
    DOTTED,
    INK,
    MARKERS,
    MUTED,
    PAPER,
    SERIES_COLOURS,
    Drawing,
    draw_legend,
    new_figure,
    style_axes,
)
from fsrcheck.report.points import to_csv

DASHED, DASH_DOTTED = (0, (5, 3)), (0, (7, 2, 1.5, 2))
EXPONENT = "exponent of m"
LARGEST_ERROR, WARM_START, CLAIMED = -0.49, -0.5, -0.02  # Induction B.1, Lemma A.1, Lemma B.2


@dataclass(frozen=True)
class Course:
    """Exponents of m at the start of every stage.

    Attributes:
        output_cutoff, cutoff: bb and b.
        needed: the error that the lemmas assume, b / lambda.
        guaranteed: the error that the proofs leave: Lemma A.1's at first, then that of Lemma B.2.
    """

    output_cutoff: tuple[float, ...]
    cutoff: tuple[float, ...]
    needed: tuple[float, ...]
    guaranteed: tuple[float, ...]


LABELS = {
    "output_cutoff": "cutoff of the output layer",
    "cutoff": "cutoff b of the hidden layer",
    "needed": "error that the stage assumes",
    "guaranteed": "error that the proofs guarantee",
}


def draw_alternation(printed: Course, repaired: Course) -> Drawing:
    """Both schedules, one above the other on the same axes."""
    figure = new_figure(6.4)
    upper, lower = figure.subplots(2, 1, sharex=True, sharey=True)
    style_axes(upper, y_label=f"as printed: {EXPONENT}")
    style_axes(lower, x_label="stage", y_label=f"repaired: {EXPONENT}")
    for axes, course in ((upper, printed), (lower, repaired)):
        _draw_course(axes, course)
    draw_legend(upper)
    failures = [stage for stage, fails in enumerate(_failures(printed), 1) if fails]
    return Drawing(
        title="Powers of $m$ along the alternation, as printed and repaired",
        figure=figure,
        caption="A stage may be called if the error that the proofs guarantee lies below the one that it assumes, and that "
        "one below the $m^{-0.49}$ of Induction B.1 (level line). Dotted: what the bound of Lemma B.2 would give after a stage "
        "that may not be called, where nothing is guaranteed. Repaired, every stage may be called.",
        description=f"Exponents by stage. As printed the guaranteed error exceeds the assumed one first in stage "
        f"{min(failures, default=None)}; under the repaired schedule it does so in {sum(_failures(repaired))} of "
        f"{len(repaired.cutoff)} stages.",
        points="exponents",
        table=table(printed, repaired),
    )


def _failures(course: Course) -> list[bool]:
    return [found > needed for found, needed in zip(course.guaranteed, course.needed, strict=True)]


def _draw_course(axes: Axes, course: Course) -> None:
    stages = range(1, len(course.cutoff) + 1)
    for index, style in enumerate(("solid", "solid", DASHED)):
        name = fields(course)[index].name
        _line(axes, stages, getattr(course, name), LABELS[name], index, style)
    kept = next((stage for stage, fails in enumerate(_failures(course)) if fails), len(stages)) + 1
    _line(axes, stages[:kept], course.guaranteed[:kept], LABELS["guaranteed"], 3, "solid")
    _line(axes, stages[kept - 1 :], course.guaranteed[kept - 1 :], "", 3, DOTTED)
    axes.axhline(LARGEST_ERROR, color=CLAIM_COLOUR, linewidth=1.0, linestyle=DASH_DOTTED)


def _line(axes: Axes, x: Sequence[float], y: Sequence[float], label: str, index: int, style: Any) -> None:
    axes.plot(
        list(x),
        list(y),
        marker=MARKERS[index],
        color=SERIES_COLOURS[index],
        markersize=4.5,
        markeredgecolor=PAPER,
        markeredgewidth=0.7,
        linewidth=1.4,
        linestyle=style,
        label=label,
    )


def table(printed: Course, repaired: Course) -> str:
    """Every exponent by schedule and stage, as CSV."""
    return to_csv(
        {
            "schedule": name,
            "stage": stage,
            **{item.name: getattr(course, item.name)[stage - 1] for item in fields(course)},
        }
        for name, course in (("printed", printed), ("repaired", repaired))
        for stage in range(1, len(course.cutoff) + 1)
    )


def draw_gains(errors: Sequence[float], gains: Mapping[str, Sequence[float]]) -> Drawing:
    """What one run of Algorithm 1 does to the error, as a power of m, over the exponent of the error before it."""
    figure = new_figure(3.8)
    axes = style_axes(figure.subplots(), x_label="exponent of the error before", y_label="exponent of after / before")
    for index, (label, values) in enumerate(gains.items()):
        axes.plot(errors, values, color=SERIES_COLOURS[index], linewidth=1.6, label=label)
    axes.axhline(CLAIMED, color=CLAIM_COLOUR, linewidth=1.3, linestyle=DASHED, label="claimed, −0.02")
    axes.axhline(0.0, color=MUTED, linewidth=0.8)
    for place, name in ((LARGEST_ERROR, "Induction B.1"), (WARM_START, "Lemma A.1")):
        axes.axvline(place, color=INK, linewidth=0.9, linestyle=DASH_DOTTED if name == "Lemma A.1" else DASHED)
    draw_legend(axes)
    rows = [{"before": x, **{label: gains[label][i] for label in gains}} for i, x in enumerate(errors)]
    return Drawing(
        title="What the proof of Lemma B.2 gains from every error",
        figure=figure,
        caption="The larger of both terms at the end of the proof over the error before, as a power of $m$; below 0 "
        "the error "
        "shrinks. Upright lines: the largest error of Induction B.1 (dashed) and Lemma A.1's (dash-dotted).",
        description=". ".join(
            f"{label}: {values[_nearest(errors, WARM_START)]:.3g} at an error of m^-0.5"
            for label, values in gains.items()
        )
        + ".",
        points="gains",
        table=to_csv(rows),
    )


def _nearest(values: Sequence[float], wanted: float) -> int:
    return min(range(len(values)), key=lambda index: abs(values[index] - wanted))
