"""Cases of a result as figures need them: their drawable trials, groups of them that belong in one picture, CSV rows.

Only trials whose premises hold are looked at.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from fsrcheck.evidence.trial import Case, Trial
from fsrcheck.report.figures import drawable
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
