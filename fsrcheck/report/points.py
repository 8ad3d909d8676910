"""What a scaling plot shows, as data: trials by size and series, with the bounds and the closed-form law."""

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.claim import Interval
from fsrcheck.evidence.fitting import PowerLaw
from fsrcheck.evidence.scaling import Scaling
from fsrcheck.evidence.trial import Case
from fsrcheck.runs.result import StatementResult


@dataclass(frozen=True)
class Series:
    """The cases that differ in the size alone.

    Attributes:
        label: the parameters in which it differs from the other series; ``all`` if there are no others.
        cases: in the order of their sizes.
        sizes: one for each case.
        references: the closed-form law at each case; None if the claim has none.
        bounds: by a bound's name, its value at each case; NaN where it does not apply.
        law: the fitted power law of measured / reference; None where no fit is possible.
    """

    label: str
    cases: tuple[Case, ...]
    sizes: tuple[float, ...]
    references: tuple[float, ...] | None
    bounds: Mapping[str, tuple[float, ...]]
    law: PowerLaw | None

    def values(self, measured: str, index: int) -> list[float]:
        """The measurement of every trial of case number ``index``."""
        return [trial.measurement(measured).value for trial in self.cases[index].trials]


@dataclass(frozen=True)
class PointSet:
    """Everything that one scaling plot shows.

    Attributes:
        name: of the claim.
        measured, size: what is plotted over which parameter.
        scaling: the claim, if it is about an exponent; None for a bound alone.
        series: see there.
        level: probability with which an interval of a series misses.
        from_size: the smallest size from which a bound shown here holds, if one does.
        stem: of a file name, from the claim's name; no other set of the statement has it.
    """

    name: str
    measured: str
    size: str
    scaling: Scaling | None
    series: tuple[Series, ...]
    level: float
    from_size: float | None = None
    stem: str = "points"

    def to_csv(self) -> str:
        """All trials as CSV: series, parameters, seed, value, standard_error, reference, each bound.

        Numbers have all their digits; an absent reference or bound is empty.
        """
        return to_csv(self._rows())

    def _rows(self) -> Iterator[dict[str, object]]:
        for series in self.series:
            for index, case in enumerate(series.cases):
                for trial in case.trials:
                    found = trial.measurement(self.measured)
                    yield {
                        "series": series.label,
                        **asdict(case.parameters),
                        "seed": trial.seed,
                        "value": found.value,
                        "standard_error": found.standard_error,
                        "reference": "" if series.references is None else series.references[index],
                        **{f"bound: {name}": _blank(limits[index]) for name, limits in series.bounds.items()},
                    }


def to_csv(rows: Iterable[Mapping[str, object]]) -> str:
    """Rows as CSV with all digits; the columns are those of all rows together, absent values are empty."""
    text, found = io.StringIO(), list(rows)
    names = dict.fromkeys(name for row in found for name in row)
    writer = csv.DictWriter(text, fieldnames=list(names), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    return text.getvalue()


def _blank(value: float) -> float | str:
    return "" if math.isnan(value) else value


def point_sets(result: StatementResult) -> list[PointSet]:
    """The plots that a statement's claims ask for: one for each Scaling claim, and one for each Bound with a
    size that has cases which no plot before it shows."""
    claims = result.statement.claims
    scalings = [claim for claim in claims if isinstance(claim, Scaling)]
    bounds = [claim for claim in claims if isinstance(claim, Bound) and claim.size is not None]
    sets = [_of_scaling(claim, bounds, result) for claim in scalings]
    for bound in bounds:
        shown = {case.parameters for found in sets for s in found.series if bound.name in s.bounds for case in s.cases}
        if any(case.parameters not in shown for case in bound.where(result.cases)):
            sets.append(_of_bound(bound, scalings, result))
    return _with_stems([found for found in sets if found.series])


def _with_stems(sets: Sequence[PointSet]) -> list[PointSet]:
    named: dict[str, PointSet] = {}
    for found in sets:
        stem = slug(found.name)
        while stem in named:
            stem += "-again"
        named[stem] = replace(found, stem=stem)
    return list(named.values())


def slug(text: str) -> str:
    """The text fit for a file name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.") or "points"


def _of_scaling(claim: Scaling, bounds: Sequence[Bound], result: StatementResult) -> PointSet:
    related = [bound for bound in bounds if (bound.measured, bound.size) == (claim.measured, claim.size)]
    groups = claim.series(claim.where(result.cases))
    series = tuple(_series(label, cases, claim, related, result, claim.level) for label, cases in groups.items())
    return PointSet(claim.name, claim.measured, claim.size, claim, series, claim.level, _from_size(related, result))


def _of_bound(bound: Bound, scalings: Sequence[Scaling], result: StatementResult) -> PointSet:
    """The plot of a bound alone; what is tracked with the size, a Scaling claim over the same size knows."""
    size, cases = bound.size or "", bound.where(result.cases)
    tracked = next((claim.tracked for claim in scalings if claim.size == size), ())
    grouping = Scaling(bound.name, bound.text, bound.measured, size, 0.0, 0.0, where=bound.where, tracked=tracked)
    groups = grouping.series(cases)
    if all(len(members) == 1 for members in groups.values()):
        groups = {"all": cases}
    series = tuple(_series(label, members, grouping, [bound], result, None) for label, members in groups.items())
    return PointSet(bound.name, bound.measured, size, None, series, result.false_alarm, _from_size([bound], result))


def _series(
    label: str,
    cases: Sequence[Case],
    claim: Scaling,
    bounds: Sequence[Bound],
    result: StatementResult,
    level: float | None,
) -> Series:
    """One series; no law is fitted without a level."""
    ordered = tuple(sorted(cases, key=lambda case: getattr(case.parameters, claim.size)))
    shape = claim.reference
    limits = {bound.name: tuple(_limit(bound, case, result) for case in ordered) for bound in bounds}
    return Series(
        label=label,
        cases=ordered,
        sizes=tuple(float(getattr(case.parameters, claim.size)) for case in ordered),
        references=None if shape is None else tuple(shape(case.parameters) for case in ordered),
        bounds={name: values for name, values in limits.items() if not all(map(math.isnan, values))},
        law=None if level is None else _law(claim, ordered, level),
    )


def _limit(bound: Bound, case: Case, result: StatementResult) -> float:
    constant = result.constants.get(bound.constant)
    if constant is None or not bound.where.admits(case.parameters):
        return math.nan
    return constant.value * bound.shape(case.parameters)


def _law(claim: Scaling, cases: Sequence[Case], level: float) -> PowerLaw | None:
    values = [trial.measurement(claim.measured).value for case in cases for trial in case.trials]
    if not values or not all(0 < value < math.inf for value in values):
        return None
    try:
        return claim.fit(cases, level)
    except ValueError:  # too few sizes or trials; the judgement says so in words
        return None


def _from_size(bounds: Sequence[Bound], result: StatementResult) -> float | None:
    names = {bound.name for bound in bounds}
    found = [j.from_size[1] for j in result.judgements if j.claim in names and j.from_size is not None]
    return max(found, default=None)


def exponents(points: PointSet) -> list[tuple[str, Interval]]:
    """The fitted exponent of every series that has one, with its label."""
    return [(series.label, series.law.exponent) for series in points.series if series.law is not None]
