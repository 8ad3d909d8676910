"""Cases of a result as figures need them: their drawable trials, groups of them that belong in one picture, CSV rows.

Only trials whose premises hold are looked at.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from fsrcheck.evidence.trial import Case, Trial
from fsrcheck.report.figures import MARKERS, PAPER, SERIES_COLOURS, drawable
from fsrcheck.report.points import to_csv


def values(case: Case, name: str) -> list[float]:
    """One measurement of every trial."""
    return [trial.measurement(name).value for trial in case.applicable]


def positive(case: Case, name: str) -> bool:
    """Whether any value can be drawn on a logarithmic axis."""
    return bool(drawable(values(case, name)).size)


def middle(case: Case, name: str) -> float:
    """The geometric mean of the values that can be drawn; there must be one."""
    return float(np.exp(np.log(drawable(values(case, name))).mean()))


def draw_course(axes: Axes, case: Case, times: Sequence[int], name: str, label: str, index: int) -> None:
    """The geometric mean of the measurements ``name.format(time)`` over time, and the range of the trials."""
    colour = SERIES_COLOURS[index % len(SERIES_COLOURS)]
    trials = [drawable(values(case, name.format(time))) for time in times]
    axes.fill_between(times, [t[0] for t in trials], [t[-1] for t in trials], color=colour, alpha=0.16, linewidth=0)
    axes.plot(
        times,
        [middle(case, name.format(time)) for time in times],
        marker=MARKERS[index % len(MARKERS)],
        color=colour,
        markersize=4.5,
        markeredgecolor=PAPER,
        markeredgewidth=0.7,
        linewidth=1.4,
        label=label,
    )


def groups(cases: Iterable[Case], *free: str) -> list[list[Case]]:
    """Cases together that differ in nothing but the parameters named."""
    found: dict[tuple[Any, ...], list[Case]] = defaultdict(list)
    for case in cases:
        found[tuple(value for name, value in asdict(case.parameters).items() if name not in free)].append(case)
    return list(found.values())


def distinct(cases: Sequence[Case], name: str) -> list[Any]:
    """The values of one parameter, in order."""
    return sorted({getattr(case.parameters, name) for case in cases})


def table(cases: Sequence[Case], measured: Callable[[Case, Trial], Iterable[Mapping[str, float]]]) -> str:
    """Rows of what was measured in every trial, with its parameters, as CSV."""
    return to_csv(
        {**asdict(case.parameters), "seed": trial.seed, **row}
        for case in cases
        for trial in case.applicable
        for row in measured(case, trial)
    )


def after_and_gain(case: Case, trial: Trial) -> list[Mapping[str, float]]:
    """The row of a trial of Algorithm 1 that tells where it ended."""
    return [{name: trial.measurement(name).value for name in ("after", "gain")}]
