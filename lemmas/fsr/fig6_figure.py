r"""The figure of Figure 6's analogue: squared differences of moments from hand-over to hand-over, a panel a level.

Every number comes from the trials of the result, those whose premises hold; nothing is run again.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter

from fsrcheck.evidence.trial import Case, Trial
from fsrcheck.model.cross_moments import ORDERS
from fsrcheck.report.figures import (
    DOTTED,
    MARKERS,
    PAPER,
    SERIES_COLOURS,
    Drawing,
    draw_legend,
    drawable,
    finish_log_axis,
    new_figure,
    style_axes,
)
from fsrcheck.report.numbers import number
from fsrcheck.runs.result import StatementResult
from fsrcheck.training.minmax_gan import BRIDGE, HIDDEN, OUTPUT, WARM_START
from lemmas.fsr.figure_cases import table
from lemmas.fsr.figure_words import DISTANCE, FLOOR
from lemmas.fsr.training_course import START

SHORT = {START: "start", WARM_START: "warm", BRIDGE: "bridge", HIDDEN: "hidden", OUTPUT: "output"}


def draw_course(result: StatementResult) -> list[Drawing]:
    """A drawing for every case that has trials."""
    first = DISTANCE.format(level=1, order=ORDERS[0], time=0)
    return [
        _drawing(case) for case in result.cases if drawable([t.measurement(first).value for t in case.applicable]).size
    ]


def times(parameters: Any) -> list[str]:
    """What the moments were taken after, in order; the same at every level."""
    return [START, WARM_START, BRIDGE, *[HIDDEN, OUTPUT] * parameters.num_stages, HIDDEN]


def ratios(case: Case, level: int, order: int, time: int) -> np.ndarray:
    """D/D(start) of every trial, those that can be drawn on a logarithmic axis."""
    found = [
        _ratio(trial, DISTANCE.format(level=level, order=order, time=time), level, order) for trial in case.applicable
    ]
    return drawable(found)


def _ratio(trial: Trial, name: str, level: int, order: int) -> float:
    return trial.measurement(name).value / trial.measurement(DISTANCE.format(level=level, order=order, time=0)).value


def _middle(values: np.ndarray) -> float:
    return float(np.exp(np.log(values).mean())) if values.size else np.nan


def _drawing(case: Case) -> Drawing:
    parameters = case.parameters
    figure = new_figure(2.2 + 2.2 * parameters.num_levels)
    panels: list[Axes] = list(figure.subplots(parameters.num_levels, 1, sharex=True, squeeze=False)[:, 0])
    for level, axes in enumerate(panels, start=1):
        style_axes(axes, y_label=f"level {level}: D / D(start)").set_yscale("log")
        for index, order in enumerate(ORDERS):
            _draw(axes, case, level, order, index)
        finish_log_axis(axes)
    _label_times(panels[-1], times(parameters))
    draw_legend(panels[0], columns=3)
    return Drawing(
        title=f"Moments of patches from hand-over to hand-over, m = {parameters.num_channels}",
        figure=figure,
        caption=rf"$m = {parameters.num_channels}$, $d = {parameters.num_channels + parameters.spare_dims}$, "
        rf"$N = {parameters.num_samples}$: geometric means over trials of the mean squared difference of all moments of an "
        r"order, relative to the start, the strips are their range. Dotted: $F(N)$, that of $N$ true samples.",
        description="Squared differences of moments of order 2, 3 and 4 after every hand-over, relative to the start, a panel "
        "for every level, logarithmic. " + " ".join(_in_words(case)),
        points=f"moments-m{parameters.num_channels}",
        table=table([case], _rows),
    )


def _draw(axes: Axes, case: Case, level: int, order: int, index: int) -> None:
    colour, steps = SERIES_COLOURS[index], range(len(times(case.parameters)))
    found = [ratios(case, level, order, time) for time in steps]
    low, high = ([values[end] if values.size else np.nan for values in found] for end in (0, -1))
    axes.fill_between(steps, low, high, color=colour, alpha=0.16, linewidth=0)
    axes.plot(
        steps,
        [_middle(values) for values in found],
        marker=MARKERS[index],
        color=colour,
        markersize=4.5,
        markeredgecolor=PAPER,
        linewidth=1.4,
        label=f"order {order}",
    )
    floor = _middle(
        drawable([_ratio(t, FLOOR.format(level=level, order=order), level, order) for t in case.applicable])
    )
    axes.axhline(floor, color=colour, linewidth=1.2, linestyle=DOTTED)


def _label_times(axes: Axes, names: Sequence[str]) -> None:
    axes.xaxis.set_major_locator(FixedLocator(list(range(len(names)))))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda place, _: SHORT[names[round(place)]]))


def _in_words(case: Case) -> Iterator[str]:
    whats = times(case.parameters)
    for level in range(1, case.parameters.num_levels + 1):
        for order in ORDERS:
            left = [number(_middle(ratios(case, level, order, time)), 2) for time in range(1, len(whats))]
            yield f"Level {level}, order {order}: {', '.join(left)}."


def _rows(case: Case, trial: Trial) -> Iterator[Mapping[str, float]]:
    for level in range(1, case.parameters.num_levels + 1):
        for time in range(len(times(case.parameters))):
            names = {order: DISTANCE.format(level=level, order=order, time=time) for order in ORDERS}
            found = {f"order_{order}": trial.measurement(name).value for order, name in names.items()}
            floors = {f"floor_{r}": trial.measurement(FLOOR.format(level=level, order=r)).value for r in ORDERS}
            yield {"level": level, "hand_over": time, **found, **floors}
