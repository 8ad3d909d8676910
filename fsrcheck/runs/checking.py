"""Checks a statement: makes trials, judges claims, adds trials until they are decided, runs controls."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fsrcheck.errors import FsrcheckError, InputError
from fsrcheck.evidence.budget import LOOKS, ErrorBudget
from fsrcheck.evidence.claim import Claim, Evidence, Judgement
from fsrcheck.evidence.constants import Constant
from fsrcheck.evidence.trial import Case, Trial
from fsrcheck.registry import Registry, installed
from fsrcheck.runs.calibration import load_constants
from fsrcheck.runs.environment import hardware, resolve_device
from fsrcheck.runs.records import TrialStore, parameters_to_json
from fsrcheck.runs.result import CheckedErratum, ControlResult, StatementResult
from fsrcheck.runs.seeds import fresh_seed, trial_seeds
from fsrcheck.runs.trying import Laboratory, Progress, describe, silent
from fsrcheck.statement import Control, Erratum, Statement


@dataclass(frozen=True)
class Request:
    """Trials to be made.

    Attributes:
        parameters: what to run.
        seeds: of the trials.
        label: how progress names them; by statement and parameters if it is empty.
    """

    parameters: Any
    seeds: Sequence[int]
    label: str = ""


@dataclass(frozen=True)
class Checker:
    """Checks statements under one seed, scale and error budget.

    Attributes:
        registry: where statements and their papers are found.
        laboratory: makes the trials.
        budget: the false-alarm budget of the whole run.
        seed: the one integer from which every trial's seed follows.
        scale: quick, standard or full.
        settings: parameters set by the user, as text.
        target: a user's own instance.
    """

    registry: Registry
    laboratory: Laboratory
    budget: ErrorBudget
    seed: int
    scale: str = "quick"
    settings: Mapping[str, str] | None = None
    target: Path | None = None

    def requests(self, statement: Statement) -> list[Request]:
        """All trials that ``check`` makes whatever they measure: the first ones of every case, and the controls'."""
        controls = [control for control in statement.controls if control.changes]
        broken = [request for control in controls for _, request in self._broken(statement, control)]
        return self._first(statement) + broken

    def check(self, statement: Statement) -> StatementResult:
        """Run, judge and control one statement."""
        fitted = load_constants(self.registry.paper(statement), statement)
        constants = {constant.name: constant for constant in (*fitted, *statement.constants)}
        cases = [Case(request.parameters, self._run(statement, request)) for request in self._first(statement)]
        judgements = self._judge_all(statement.claims, cases, constants)
        for _ in range(LOOKS - 1):
            wanted = {parameters for judgement in judgements for parameters in judgement.wanted}
            if not wanted:
                break
            cases = [self._extended(statement, case) if case.parameters in wanted else case for case in cases]
            judgements = self._judge_all(statement.claims, cases, constants)
        return StatementResult(
            statement=statement,
            judgements=judgements,
            controls=tuple(self._control(statement, control, cases, constants) for control in statement.controls),
            errata=tuple(recheck(erratum) for erratum in statement.errata),
            cases=tuple(cases),
            constants=constants,
            scale=self.scale,
            seed=self.seed,
            device=hardware(self.laboratory.device),
            device_kind=self.laboratory.device,
            settings=dict(self.settings or {}),
            target=self.target,
            false_alarm=self.budget.share,
        )

    def _run(self, statement: Statement, request: Request) -> tuple[Trial, ...]:
        return tuple(self.laboratory.run(statement, request.parameters, request.seeds, request.label))

    def _first(self, statement: Statement) -> list[Request]:
        count = statement.trials_at(self.scale)
        cases = statement.cases_at(self.scale, self.settings, self.target)
        return [self._request(statement, parameters, count) for parameters in cases]

    def _request(self, statement: Statement, parameters: Any, count: int, start: int = 0) -> Request:
        return Request(parameters, trial_seeds(self.seed, f"{statement.id}|{parameters}", count, start))

    def _extended(self, statement: Statement, case: Case) -> Case:
        """The case with twice as many trials; the first half is the same, so only the new ones are run."""
        count = len(case.trials)
        more = self._run(statement, self._request(statement, case.parameters, count, start=count))
        return replace(case, trials=(*case.trials, *more))

    def _judge_all(
        self, claims: Sequence[Claim], cases: Sequence[Case], constants: Mapping[str, Constant]
    ) -> tuple[Judgement, ...]:
        evidence = Evidence(cases, constants, self.budget.share)
        return tuple(claim.judge(evidence) for claim in claims)

    def _control(
        self, statement: Statement, control: Control, cases: Sequence[Case], constants: Mapping[str, Constant]
    ) -> ControlResult:
        claim = _claim_named(statement, control.claim)
        broken = self._broken_cases(statement, control) if control.changes else list(cases)
        unseen = _premises_not_seen_to_fail(control, broken)
        judgement = (control.altered_claim or claim).judge(Evidence(broken, constants, self.budget.share))
        return ControlResult(control, judgement, unseen)

    def _broken_cases(self, statement: Statement, control: Control) -> list[Case]:
        """Trials with something broken, judged at the nominal parameters with the broken premises waived."""
        waived = frozenset(control.premises)
        broken = self._broken(statement, control)
        return [Case(parameters, self._run(statement, request), waived) for parameters, request in broken]

    def _broken(self, statement: Statement, control: Control) -> list[tuple[Any, Request]]:
        """Nominal parameters, each with the trials that a control makes in their place."""
        nominal = [
            parameters
            for parameters in statement.cases["quick"]
            if all(getattr(parameters, name) == value for name, value in control.base.items())
        ]
        return [
            (parameters, self._broken_request(statement, control, parameters))
            for parameters in (nominal if control.every_case else nominal[:1])
        ]

    def _broken_request(self, statement: Statement, control: Control, parameters: Any) -> Request:
        changed = replace(parameters, **control.changes)
        seeds = trial_seeds(self.seed, f"{statement.id}|control {control.name}|{parameters}", control.trials)
        label = f"{statement.id} control: {control.name}"
        case = describe(f"{label},", parameters_to_json(changed))
        return Request(changed, seeds, case if control.every_case else label)


def _claim_named(statement: Statement, name: str) -> Claim:
    for claim in statement.claims:
        if claim.name == name:
            return claim
    raise FsrcheckError(f"controls of {statement.id} must name one of its claims, got {name!r}")


def _premises_not_seen_to_fail(control: Control, cases: Sequence[Case]) -> tuple[str, ...]:
    """Premises the control says it breaks that hold on some trial all the same, or that no trial shows."""
    margins = [trial.observation.premises for case in cases for trial in case.trials]
    return tuple(name for name in control.premises if not margins or not all(m.get(name, 0.0) < 0 for m in margins))


def recheck(erratum: Erratum) -> CheckedErratum:
    """Recompute an erratum's counterexample and time it."""
    started = time.perf_counter()
    counterexample = erratum.counterexample() if erratum.counterexample else None
    return CheckedErratum(erratum, counterexample, time.perf_counter() - started)


def make_checker(
    *,
    scale: str = "quick",
    seed: int | None = None,
    device: str = "auto",
    settings: Mapping[str, str] | None = None,
    target: Path | str | None = None,
    registry: Registry | None = None,
    store: TrialStore | None = None,
    progress: Progress = silent,
) -> Checker:
    """Build a checker from what a user gives; a missing seed is drawn.

    Raises:
        InputError: an unknown device, or a target file that does not exist.
    """
    path = None if target is None else Path(target)
    if path is not None and not path.is_file():
        raise InputError(f"target must be a file, got {str(path)!r}")
    found = registry or installed()
    laboratory = Laboratory(resolve_device(device), store, progress)
    chosen = fresh_seed() if seed is None else seed
    return Checker(found, laboratory, found.budget, chosen, scale, settings, path)


def check(name: str, **options: Any) -> StatementResult:
    """Check one statement by its id (or its end, where unique); options as for ``make_checker``.

    Raises:
        InputError: unknown id, scale, setting, device or target.
    """
    checker = make_checker(**options)
    return checker.check(checker.registry.find(name))


def check_many(names: Iterable[str] = (), **options: Any) -> list[StatementResult]:
    """Check several statements (all installed ones if none is named) under one seed and one error budget."""
    checker = make_checker(**options)
    return [checker.check(statement) for statement in checker.registry.select(list(names))]
