"""Checks statements in turn, or side by side: a process has one statement at a time, and results come in order all the same.

A worker sends the result without what the driver has anyway (the statement, with functions that no process can send).
Progress and trials to be kept travel on a pipe while the check goes on: the driver alone writes.
"""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from functools import cache, partial
from pathlib import Path
from typing import Any

from fsrcheck.evidence.trial import Trial
from fsrcheck.registry import Registry
from fsrcheck.runs.checking import Checker, make_checker
from fsrcheck.runs.code_digest import trials_digest
from fsrcheck.runs.records import TrialStore, trial_from_json, trial_to_json
from fsrcheck.runs.result import CheckedErratum, ControlResult, StatementResult
from fsrcheck.runs.tasks import Showing, Task, results_of, tell, tell_progress
from fsrcheck.runs.trying import Progress
from fsrcheck.statement import Statement

Results = Generator[StatementResult, None, None]


@dataclass(frozen=True)
class Orders:
    """How to check statements.

    Attributes:
        registry: returns the registry; for workers a function of a module, so that they can find it.
        scale, seed, device, settings, target: as for ``make_checker``; the seed is not drawn any more.
        store: file of trials to take from and add to.
    """

    registry: Callable[[], Registry]
    scale: str
    seed: int
    device: str
    settings: Mapping[str, str]
    target: Path | None = None
    store: Path | None = None

    def checker(self, store: TrialStore | None, progress: Progress) -> Checker:
        """The checker of one process."""
        return make_checker(
            scale=self.scale,
            seed=self.seed,
            device=self.device,
            settings=self.settings,
            target=self.target,
            registry=self.registry(),
            store=store,
            progress=progress,
        )


def check_in_turn(orders: Orders, statements: Sequence[Statement], shown: Showing) -> Results:
    """Yield the result of every statement; arguments as for ``check_side_by_side``."""
    stores = _stores(orders)
    for statement in statements:
        store = stores(trials_digest(statement)) if stores else None
        with shown() as progress:
            result = orders.checker(store, progress).check(statement)
        yield result


def check_side_by_side(orders: Orders, statements: Sequence[Statement], jobs: int, shown: Showing) -> Results:
    """Yield the result of every statement, in their order, as soon as it and all before it are there.

    Args:
        orders: how to check.
        statements: of the registry.
        jobs: number of processes.
        shown: opens a progress callback; it is open while a result is waited for, and closed while one is looked at.

    Raises:
        FsrcheckError: a process was killed.
        Exception: whatever the check of a statement raises, at its turn.
    """
    stores = _stores(orders)

    def keep(code: str, lines: Iterable[Mapping[str, Any]]) -> None:
        if stores is not None:
            stores(code).add(map(trial_from_json, lines))

    tasks = [
        Task(_check, (orders, statement.id), first_trials(statement, orders.scale, orders.settings, orders.target))
        for statement in statements
    ]
    with closing(results_of(tasks, jobs, shown, keep)) as found:
        for statement, parts in zip(statements, found, strict=True):
            yield _whole(statement, parts)


def _stores(orders: Orders) -> Callable[[str], TrialStore] | None:
    """The store by the digest of the code that its trials are of; None to keep nothing."""
    return cache(partial(TrialStore, orders.store)) if orders.store else None


def first_trials(statement: Statement, scale: str, *given: Any) -> int:
    """How many trials a check of the statement begins with; what is given more is as for ``Statement.cases_at``."""
    return len(statement.cases_at(scale, *given)) * statement.trials_at(scale) if statement.needs_trials else 0


class _SentStore(TrialStore):
    """Trials of a file; what is added is sent to the driver, which writes it."""

    def add(self, trials: Iterable[Trial]) -> None:
        """Send trials."""
        tell(self.code, [trial_to_json(trial) for trial in trials])


def _check(orders: Orders, name: str) -> dict[str, Any]:
    """Check one statement; what a worker is asked to do."""
    statement = orders.registry().find(name)
    store = _SentStore(orders.store, trials_digest(statement)) if orders.store else None
    return _parts(orders.checker(store, tell_progress).check(statement))


def _parts(result: StatementResult) -> dict[str, Any]:
    """The result without its statement, controls and errata, which hold functions."""
    parts = {item.name: getattr(result, item.name) for item in fields(result) if item.name != "statement"}
    parts["controls"] = [(control.judgement, control.premises_unseen) for control in result.controls]
    parts["errata"] = [(checked.counterexample, checked.seconds) for checked in result.errata]
    return parts


def _whole(statement: Statement, parts: Mapping[str, Any]) -> StatementResult:
    """The inverse of ``_parts``."""
    controls = zip(statement.controls, parts["controls"], strict=True)
    errata = zip(statement.errata, parts["errata"], strict=True)
    given = {
        **parts,
        "controls": tuple(ControlResult(control, *rest) for control, rest in controls),
        "errata": tuple(CheckedErratum(erratum, *rest) for erratum, rest in errata),
    }
    return StatementResult(statement, **given)
