r"""The figure of Figure 8's analogue: what joint training leaves of level 1's error, and how far V_1 moves.

Every number comes from the trials of the result, those whose premises hold; nothing is run again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from matplotlib.ticker import FixedLocator, FuncFormatter

from fsrcheck.evidence.trial import Case, Trial
from fsrcheck.report.figures import (
    CLAIM_COLOUR,
    DOTTED,
    Drawing,
    draw_legend,
    draw_points,
    finish_log_axis,
    new_figure,
    style_axes,
)
from fsrcheck.report.numbers import number
from fsrcheck.runs.result import StatementResult
from lemmas.fsr.figure_cases import distinct, middle, positive, table, values
from lemmas.fsr.figure_words import LEARNED, TURNED


@dataclass(frozen=True)
class Way:
    """One way of training: its case, the name of its network in the measurements, and words."""

    case: Case
    network: str
    label: str


def draw_corrections(result: StatementResult) -> list[Drawing]:
    """A drawing for every size that has trials."""
    sizes = distinct(result.cases, "num_channels")
    groups = [[case for case in result.cases if case.parameters.num_channels == size] for size in sizes]
    return [_drawing(ways) for ways in map(_ways, groups) if ways]


def _ways(cases: Sequence[Case]) -> list[Way]:
    named = (
        (TURNED, "after", "turned, all\nlevels move"),
        (TURNED, "held", "turned, level 2\nheld"),
        (LEARNED, "after", "after Algorithm 4,\nall levels move"),
    )
    return [
        Way(case, network, label)
        for start, network, label in named
        for case in cases
        if case.parameters.start == start and positive(case, f"{network}_left_1") and positive(case, f"{network}_move")
    ]


def _drawing(ways: Sequence[Way]) -> Drawing:
    figure, parameters = new_figure(3.8), ways[0].case.parameters
    axes = style_axes(figure.subplots(), y_label="share left, relative move")
    axes.set_yscale("log")
    places = range(len(ways))
    left = [values(way.case, f"{way.network}_left_1") for way in ways]
    moved = [values(way.case, f"{way.network}_move") for way in ways]
    draw_points(axes, places, left, label=r"error of $X_1$, share left", index=0)
    draw_points(axes, [place + 0.18 for place in places], moved, label=r"move of $V_1$, share of its length", index=1)
    axes.axhline(1.0, color=CLAIM_COLOUR, linewidth=1.2, linestyle=DOTTED)
    axes.set_xlim(-0.4, len(ways) - 0.4)
    axes.xaxis.set_major_locator(FixedLocator(list(places)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda place, _: ways[round(place)].label))
    finish_log_axis(axes)
    draw_legend(axes)
    return Drawing(
        title=f"What joint training does to level 1, m = {parameters.num_channels}",
        figure=figure,
        caption=rf"$m = {parameters.num_channels}$: a dot a trial. Relative coupling error of $X_1$ over what it was before, and "
        rf"the root mean square of how far rows of $V_1$ move. Turned: every row of $V_1$ off by {parameters.turn:g}.",
        description="Share of the error of level 1 that joint training leaves, and how far its weights move. "
        + " ".join(_in_words(ways)),
        points=f"corrections-m{parameters.num_channels}",
        table=table([way.case for way in ways if way.network == "after"], _row),
    )


def _in_words(ways: Sequence[Way]) -> Iterator[str]:
    for way in ways:
        left, move = (number(middle(way.case, f"{way.network}_{name}"), 2) for name in ("left_1", "move"))
        yield f"{way.label.replace(chr(10), ' ')}: {left} left, moved by {move}."


def _row(case: Case, trial: Trial) -> list[Mapping[str, float]]:
    return [{name: found.value for name, found in trial.observation.measurements.items()}]
