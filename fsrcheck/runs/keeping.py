"""What is kept of one or several runs of a statement for the baseline; see ``runs.baseline`` for what that is.

The slack of a single trial is had by judging it alone: judging is cheap, and no claim needs to be known for that. Of a
case only as many trials are taken as were asked for first: those that are added to decide a claim depend on what the
first ones showed, and would no longer be independent draws.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fsrcheck.evidence.claim import CaseJudgement, Claim, Evidence, Judgement, Side
from fsrcheck.evidence.constants import Constant
from fsrcheck.evidence.outcome import Outcome
from fsrcheck.evidence.trial import Case
from fsrcheck.runs.baseline import KeptCase, KeptClaim, KeptConstant, KeptControl, KeptExponent, KeptStatement
from fsrcheck.runs.records import parameters_to_json
from fsrcheck.runs.result import ControlResult, StatementResult
from fsrcheck.runs.shifts import SHARE, Sample, Samples


def kept(results: Sequence[StatementResult]) -> KeptStatement:
    """What is kept of runs of one statement under different seeds, trials of all runs together.

    Verdicts and outcomes are the weakest of all runs. There must be at least one run.
    """
    first = results[0]
    planned = first.statement.trials_at(first.scale)
    cases = _together(results, planned)
    return KeptStatement(
        verdict=min(result.verdict for result in results),
        verdict_of_claims=min(result.verdict_of_claims for result in results),
        scale=first.scale,
        seeds=tuple(result.seed for result in results),
        trials=planned,
        from_size=_from_size(results),
        constants={name: KeptConstant(c.value, c.provenance) for name, c in first.constants.items()},
        claims=_claims(results, cases),
        counts=_counts(first, cases),
        controls=_controls(results),
    )


def case_name(parameters: Any) -> str:
    """A case in words, whatever the order in which its parameters are declared."""
    return " ".join(f"{name}={value}" for name, value in sorted(parameters_to_json(parameters).items()))


def _together(results: Sequence[StatementResult], planned: int) -> list[Case]:
    """The cases, each with the planned trials of every run."""
    found: dict[Any, Case] = {}
    for case in (case for result in results for case in result.cases):
        old = found.get(case.parameters)
        trials = [*(old.trials if old else ()), *case.trials[:planned]]
        found[case.parameters] = replace(case, trials=trials)
    return list(found.values())


def _from_size(results: Sequence[StatementResult]) -> float | None:
    sizes = [result.from_size["size"] for result in results if result.from_size is not None]
    return max(sizes) if len(sizes) == len(results) else None


def _claims(results: Sequence[StatementResult], cases: Sequence[Case]) -> dict[str, KeptClaim]:
    claims = {claim.name: claim for claim in results[0].statement.claims}
    judged: dict[str, list[Judgement]] = defaultdict(list)
    for judgement in (judgement for result in results for judgement in result.judgements):
        judged[judgement.claim].append(judgement)
    constants = results[0].constants
    return {name: _claim(claims[name], judgements, cases, constants) for name, judgements in judged.items()}


def _claim(
    claim: Claim, judgements: Sequence[Judgement], cases: Sequence[Case], constants: Mapping[str, Constant]
) -> KeptClaim:
    first = judgements[0]
    rows = [row for judgement in judgements for row in judgement.cases if row.side is not Side.NEITHER]
    sides = {row.side for row in rows if row.bound is not None}
    return KeptClaim(
        outcome=_weakest(judgement.outcome for judgement in judgements),
        constants=tuple(constant.name for constant in first.constants),
        upper=sides == {Side.BELOW} if len(sides) == 1 else None,
        claimed=first.claimed_exponent,
        two_sided=bool(getattr(claim, "two_sided", False)),
        exponents=_exponents(claim, first, cases),
        cases=_cases(claim, rows, cases, constants),
    )


def _cases(
    claim: Claim, rows: Sequence[CaseJudgement], cases: Sequence[Case], constants: Mapping[str, Constant]
) -> dict[str, KeptCase]:
    of_case: dict[Any, list[CaseJudgement]] = defaultdict(list)
    for row in rows:
        of_case[row.parameters].append(row)
    trials = {case.parameters: case for case in cases}
    return {
        case_name(parameters): _case(claim, found, trials.get(parameters), constants)
        for parameters, found in of_case.items()
    }


def _case(
    claim: Claim, rows: Sequence[CaseJudgement], case: Case | None, constants: Mapping[str, Constant]
) -> KeptCase:
    tightest = min(rows, key=lambda row: _first(slack(row), float("inf")))
    measured = tightest.measured is not None and case is not None
    values = _slacks(claim, case, constants) if measured and case is not None else []
    return KeptCase(
        outcome=_weakest(row.outcome for row in rows),
        measured=tightest.measured,
        bound=tightest.bound,
        slack=Sample.of(values),
    )


def _slacks(claim: Claim, case: Case, constants: Mapping[str, Constant]) -> list[float]:
    """The slack of every trial that has one."""
    alone = (Evidence([replace(case, trials=[trial])], constants) for trial in case.trials)
    found = (slack(row) for evidence in alone for row in claim.judge(evidence).cases)
    return [value for value in found if value is not None]


def slack(row: CaseJudgement) -> float | None:
    """The slack of a row where a quotient says it: what is not positive is infinitely far below what is."""
    if row.measured is None or row.bound is None or row.side is Side.NEITHER:
        return None
    pair = (row.bound, row.measured)
    wide, narrow = pair if row.side is Side.BELOW else pair[::-1]
    if not wide > 0:
        return None
    return wide / narrow if narrow > 0 else float("inf")


def _exponents(claim: Claim, judgement: Judgement, cases: Sequence[Case]) -> dict[str, KeptExponent]:
    """The exponents of a ``Scaling`` claim over all runs, with limits for a comparison."""
    from fsrcheck.evidence.scaling import Scaling  # loads scipy, which a plugin should not wait for

    if not isinstance(claim, Scaling) or not judgement.exponents:
        return {}
    found = {}
    for label, members in claim.series(claim.where(cases)).items():
        if label in judgement.exponents:
            narrow, wide = (claim.fit(members, level).exponent for level in (claim.level, SHARE / 2))
            found[label] = KeptExponent(narrow.value, (narrow.low, narrow.high), (wide.low, wide.high))
    return found


def _counts(result: StatementResult, cases: Sequence[Case]) -> dict[str, Samples]:
    """Iterations and samples by case; what a claim counts as events is judged by that claim."""
    events = {
        getattr(claim, name)
        for claim in result.statement.claims
        for name in ("event", "attempts")
        if hasattr(claim, name)
    }
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for case in cases:
        for trial in case.trials:
            for name, count in trial.observation.counts.items():
                values[name][case_name(case.parameters)].append(float(count))
    return {name: _samples(by_case) for name, by_case in values.items() if name not in events}


def _controls(results: Sequence[StatementResult]) -> dict[str, KeptControl]:
    runs: dict[str, list[ControlResult]] = defaultdict(list)
    for control in (control for result in results for control in result.controls):
        runs[control.control.name].append(control)
    return {
        name: KeptControl(found[0].control.claim, all(run.is_caught for run in found), _strength(found))
        for name, found in runs.items()
    }


def _strength(runs: Sequence[ControlResult]) -> Samples:
    """By what factor a control is beyond the bound, case by case; nothing where its claim has no such bound."""
    values: dict[str, list[float]] = defaultdict(list)
    for row in (row for run in runs for row in run.judgement.cases):
        found = slack(row)
        if found is not None:
            values[case_name(row.parameters)].append(1 / found if found else float("inf"))
    return _samples(values)


def _samples(values: Mapping[str, Sequence[float]]) -> dict[str, Sample]:
    found = {name: Sample.of(numbers) for name, numbers in values.items()}
    return {name: sample for name, sample in found.items() if sample is not None}


def _weakest(outcomes: Iterable[Outcome]) -> Outcome:
    return min(outcomes, key=list(Outcome).index)


def _first(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value
