"""The drawing of the lemma graph: statements from top to bottom, and beside every edge what a run hands over and what it may be.

An edge is shown at the stage where measured/required is largest. Both numbers are geometric means over the trials.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fsrcheck.evidence.trial import Case
from fsrcheck.report.figures import (
    BOUND_COLOUR,
    INK,
    MUTED,
    PAPER,
    SERIES_COLOURS,
    WIDTH,
    Drawing,
    drawable,
    new_figure,
)
from fsrcheck.report.numbers import number
from fsrcheck.report.points import to_csv
from fsrcheck.runs.result import StatementResult
from lemmas.fsr.algorithm_4_runs import NOISES, RUN, Parameters, key
from lemmas.fsr.figure_cases import groups, middle, values
from lemmas.fsr.lemma_graph import (
    A1,
    B2,
    BELOW,
    C6,
    C10,
    C18,
    D2,
    D6,
    D9,
    D10,
    FINITE,
    MAIN,
    TRANSPORT,
    UNREAD,
    Edge,
    edge,
    edges,
    noise,
)

HOLDS, NOISY, BREAKS = "≤", "(>)", ">"
COLOURS = {HOLDS: SERIES_COLOURS[2], NOISY: SERIES_COLOURS[4], BREAKS: BOUND_COLOUR}
NODE, LINE = 0.42, 0.18  # heights of a node with the space around it, and of a line of text, inches
NODES, NAMES, COLUMNS = 1.5, 2.3, (3.2, 4.3)  # where they stand, inches
EDGE, LETTER = 0.11, 0.03  # half the height of a node, and what a letter adds to half its width
LANES, LANE, SHIFT, STEP = 0.84, 0.14, 0.045, 0.035  # where arrows run beside the nodes, and where they meet them
GREY = ((D6, D9), (FINITE,), (TRANSPORT,))  # of which a run's history tells nothing
SMALL = 7.8
SCHEDULES = ("working", "printed")
EFFORT = ("super_steps", "closing_steps", "pair_steps", "latents")  # in which both may differ


@dataclass(frozen=True)
class Cell:
    """An edge on a run: both numbers, N's standard errors, and the stage."""

    stage: int
    measured: float
    required: float
    noise: float

    @property
    def state(self) -> str:
        """Whether it holds, holds if N is allowed for, or breaks."""
        if self.measured <= self.required:
            return HOLDS
        return NOISY if self.measured <= self.required + NOISES * self.noise else BREAKS


@dataclass(frozen=True)
class Row:
    """An edge under both schedules."""

    name: str
    level: int
    cells: tuple[Cell | None, ...]


def draw(result: StatementResult) -> list[Drawing]:
    """One drawing for every set of parameters but the schedule."""
    runs = [case for case in result.cases if case.applicable and case.parameters.task == RUN]
    return [_drawing(found) for found in groups(runs, "printed", *EFFORT)]


def cell(case: Case, name: str, level: int) -> Cell | None:
    """The stage with the largest measured/required; None if it was not read, or is no number in any trial."""
    parameters: Parameters = case.parameters
    left = noise(name, parameters.num_channels, parameters.firing, parameters.num_samples)
    found = []
    for stage in range(parameters.settings.stages(level) + 2):
        names = [key(name, level, stage, what) for what in ("measured", "required")]
        if all(drawable(values(case, one)).size for one in names):
            measured, required = (middle(case, one) for one in names)
            found.append(Cell(stage, measured, required, left))
    return max(found, key=lambda one: one.measured / one.required, default=None)


def rows(cases: Sequence[Case]) -> list[Row]:
    """Every edge, level by level, in the order of ``lemma_graph``."""
    by_schedule = [
        next((case for case in cases if case.parameters.printed == printed), None) for printed in (False, True)
    ]
    found = []
    for level in range(1, cases[0].parameters.num_levels + 1):
        for one in edges(level):
            cells = tuple(None if case is None else cell(case, one.name, level) for case in by_schedule)
            if any(cells):
                found.append(Row(one.name, level, cells))
    return found


def _drawing(cases: Sequence[Case]) -> Drawing:
    found, parameters = rows(cases), cases[0].parameters
    figure = _figure(found, parameters.num_levels)
    return Drawing(
        title=f"The lemma graph: m = {parameters.num_channels}, N = {parameters.num_samples}, L = {parameters.num_levels}",
        figure=figure,
        caption="Arrows lead from a statement to the one that presupposes it; beside them, for both schedules, what a run "
        "hands over and what that may be at most; the left one of two arrows is the working schedule's, in the colour of its "
        "worst edge: "
        rf"{HOLDS} it holds, {NOISY} it holds if {NOISES:g} standard errors of $N$ samples are allowed for, {BREAKS} it breaks. "
        "Each edge is shown at its worst stage. Grey: not told by a run's history. " + _legend(found),
        description=_description(found),
        points="lemma-graph",
        table=table(found),
    )


def _legend(found: Sequence[Row]) -> str:
    """What every name stands for and where the paper requires it, once for all levels."""
    texts = []
    for name in dict.fromkeys(row.name for row in found):
        on = {row.level: edge(row.level, name) for row in found if row.name == name}
        lines = ", ".join(dict.fromkeys(line for one in on.values() for line in one.source.split(", ")))
        one = next(iter(on.values()))
        texts.append(f"{name}: {one.quantity} against {one.required} ({lines})")
    return "; ".join(texts) + "."


def _description(found: Sequence[Row]) -> str:
    parts = []
    for index, schedule in enumerate(SCHEDULES):
        told = [(row, row.cells[index]) for row in found]
        broken = [
            f"{row.name} on level {row.level} ({number(one.measured, 2)} against {number(one.required, 2)})"
            for row, one in told
            if one is not None and one.state == BREAKS
        ]
        if any(one for _, one in told):
            parts.append(f"Under the {schedule} schedule these edges break: {', '.join(broken) or 'none'}.")
    return " ".join(parts)


def table(found: Sequence[Row]) -> str:
    """Every edge under both schedules with giver, taker and source, as CSV."""
    return to_csv(
        {
            "level": row.level,
            "edge": row.name,
            "giver": told.giver,
            "taker": told.taker,
            "source": told.source,
            "schedule": schedule,
            "stage": one.stage,
            "measured": one.measured,
            "required": one.required,
            "required_over_measured": one.required / one.measured,
            "standard_error_of_samples": one.noise,
        }
        for row in found
        for told in (edge(row.level, row.name),)
        for schedule, one in zip(SCHEDULES, row.cells, strict=True)
        if one is not None
    )


@dataclass(frozen=True)
class Place:
    """Where a node is drawn.

    Attributes:
        level: 0 for the statements about all levels.
        names: of the statements.
        height: from the top, inches.
    """

    level: int
    names: tuple[str, ...]
    height: float

    @property
    def text(self) -> str:
        """What stands in it."""
        names = (
            self.names if len(self.names) == 1 else (self.names[0].replace("Lemma", "Lemmas"), *_numbers(self.names))
        )
        return ", ".join(names) + (f" ({self.level})" if self.level else "")


def _numbers(names: Sequence[str]) -> list[str]:
    return [name.removeprefix("Lemma ") for name in names[1:]]


def chain(num_levels: int) -> list[tuple[int, tuple[str, ...]]]:
    """The nodes from top to bottom, with their levels."""
    first = [(1, names) for names in ((A1,), (C6, C10), (B2,), (C18,))]
    higher = [(level, names) for level in range(2, num_levels + 1) for names in ((A1,), (D6, D9), (D2,), (B2,), (D10,))]
    return [*first, *higher, *((0, (name,)) for name in (FINITE, MAIN, TRANSPORT))]


def ends(level: int, told: Edge) -> tuple[tuple[int, str], tuple[int, str]]:
    """Level and name of the nodes of an edge on a level."""
    to = {MAIN: 0, TRANSPORT: 0}.get(told.taker, level + (told.name == BELOW))
    return (0 if told.giver in (MAIN, FINITE) else level, told.giver), (to, told.taker)


def layout(found: Sequence[Row], num_levels: int) -> tuple[list[Place], list[tuple[Row, float]], float]:
    """Nodes, the rows of text that stand below the node they leave, and the whole height."""
    places, texts, height = [], [], 0.55
    for level, names in chain(num_levels):
        places.append(Place(level, names, height))
        height += NODE
        for row in found:
            if row.level == level and edge(level, row.name).giver in names:
                texts.append((row, height - 0.12))
                height += LINE
    return places, texts, height


def _figure(found: Sequence[Row], num_levels: int) -> Figure:
    places, texts, height = layout(found, num_levels)
    figure = new_figure(height)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(height, 0))
    axes.set_axis_off()
    for x, schedule in zip(COLUMNS, SCHEDULES, strict=True):
        axes.text(x, 0.2, schedule, color=INK, fontsize=9)
    axes.text(NAMES, 0.37, "measured, required", color=MUTED, fontsize=SMALL)
    for row, y in texts:
        _text(axes, row, y)
    for place in places:
        _node(axes, place)
    _draw_edges(axes, places, found, num_levels)
    return figure


def _text(axes: Axes, row: Row, y: float) -> None:
    """Name and both columns of numbers."""
    axes.text(NAMES, y, row.name, color=INK, fontsize=SMALL, va="center")
    for x, one in zip(COLUMNS, row.cells, strict=True):
        if one is not None:
            text = f"{number(one.measured, 2)} {one.state} {number(one.required, 2)}"
            axes.text(x, y, text, color=COLOURS[one.state], fontsize=SMALL, va="center")


def _node(axes: Axes, place: Place) -> None:
    colour = MUTED if place.names in GREY else INK
    box = {"boxstyle": "round,pad=0.25", "facecolor": PAPER, "edgecolor": colour, "linewidth": 0.9}
    label = axes.text(NODES, place.height, place.text, color=colour, bbox=box, fontsize=SMALL, ha="center", va="center")
    label.set_zorder(3)


def _draw_edges(axes: Axes, places: Sequence[Place], found: Sequence[Row], num_levels: int) -> None:
    """One arrow for each schedule between two nodes, in the colour of its worst edge."""
    where = {(place.level, name): index for index, place in enumerate(places) for name in place.names}
    arrows: dict[tuple[int, int], list[Row]] = {}
    for row in found:
        giver, taker = (where[end] for end in ends(row.level, edge(row.level, row.name)))
        arrows.setdefault((giver, taker), []).append(row)
    lanes = assign_lanes(list(arrows))
    width = min(LANE, (LANES - SHIFT) / max(*lanes.values(), 1))
    for (giver, taker), bundle in arrows.items():
        lane = lanes[giver, taker]
        lane_x = LANES - width * (lane - 1)
        for index, shift in enumerate((-SHIFT, SHIFT)):
            states = [one.state for row in bundle if (one := row.cells[index]) is not None]
            colour = COLOURS[max(states, key=list(COLOURS).index)] if states else PAPER
            if lane == 0:
                _down(axes, places[giver], places[taker], colour, shift)
            else:
                _beside(
                    axes, places[giver], places[taker], colour, lane_x + shift / 2, STEP * (lane % 3 - 1) + shift / 5
                )
    for level in range(1, num_levels + 1):
        for told in UNREAD:
            start, stop = (where.get(end) for end in ends(level, told))
            if start is not None and stop is not None:
                _down(axes, places[start], places[stop], MUTED, 0.0)


def assign_lanes(arrows: Sequence[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """Lane 0 for neighbours from top to bottom, else the first lane beside the nodes that is free, short arrows first."""
    lanes: dict[tuple[int, int], int] = {}
    for arrow in sorted(arrows, key=lambda one: abs(one[1] - one[0])):
        low, high = sorted(arrow)
        taken = {lane for one, lane in lanes.items() if min(one) <= high and low <= max(one)}
        beside = (lane for lane in range(1, len(arrows) + 1) if lane not in taken)
        lanes[arrow] = 0 if arrow[1] - arrow[0] == 1 else next(beside)
    return lanes


def _down(axes: Axes, giver: Place, taker: Place, colour: str, shift: float) -> None:
    """Straight from a node to the next one."""
    ends = (NODES + shift, taker.height - EDGE), (NODES + shift, giver.height + EDGE)
    axes.annotate("", *ends, arrowprops=_style(colour))


def _beside(axes: Axes, giver: Place, taker: Place, colour: str, x: float, aside: float) -> None:
    """Out to the left, along a lane at ``x``, and back, ``aside`` of the nodes' middles."""
    start, stop = giver.height + aside, taker.height + aside
    axes.plot([NODES, x, x], [start, start, stop], color=colour, linewidth=1.0, zorder=1)
    axes.annotate("", (NODES - LETTER * len(taker.text) - 0.05, stop), (x, stop), arrowprops=_style(colour))


def _style(colour: str) -> dict[str, Any]:
    return {"arrowstyle": "-|>", "color": colour, "linewidth": 1.0, "mutation_scale": 6, "shrinkA": 0, "shrinkB": 0}
