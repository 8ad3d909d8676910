"""Checks statements in turn, or side by side: a process has one statement at a time, and results come in order all the same.

A worker sends the result without what the driver has anyway (the statement, with functions that no process can send).
Progress and trials to be kept travel on a pipe while the check goes on: the driver alone writes.
"""

import os
import signal
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from functools import cache, partial
from inspect import getfile
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import Any

from fsrcheck.errors import FsrcheckError
from fsrcheck.evidence.trial import Trial
from fsrcheck.registry import Registry
from fsrcheck.runs.checking import Checker, make_checker
from fsrcheck.runs.code_digest import code_digest
from fsrcheck.runs.executors import prepare_worker, processes, worker_context
from fsrcheck.runs.records import TrialStore, trial_from_json, trial_to_json
from fsrcheck.runs.result import CheckedErratum, ControlResult, StatementResult
from fsrcheck.runs.trying import Progress
from fsrcheck.statement import Statement

POLL = 0.05  # seconds between two looks at whether a result is there

Results = Generator[StatementResult, None, None]
Showing = Callable[[], AbstractContextManager[Progress]]


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
        store = stores(_code(statement)) if stores else None
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
    context = worker_context()
    reader, writer = context.Pipe(duplex=False)
    held, leash = context.Pipe(duplex=False)
    executor = processes(min(jobs, len(statements)), _begin, (writer, context.Lock(), held))
    driver = _Driver(reader, _stores(orders))
    try:
        futures = _submitted(executor, orders, statements)
        for statement in statements:
            with shown() as progress:
                parts = driver.wait(futures[statement.id], progress)
            yield _whole(statement, parts)
    except BrokenExecutor:
        raise FsrcheckError("a process that checked statements was killed; fewer --jobs need less memory") from None
    finally:  # after an error or an interrupt nobody waits for what is still running
        leash.close()
        executor.shutdown(wait=True, cancel_futures=True)


def _stores(orders: Orders) -> Callable[[str], TrialStore] | None:
    """The store by the digest of the code that its trials are of; None to keep nothing."""
    return cache(partial(TrialStore, orders.store)) if orders.store else None


def _code(statement: Statement) -> str:
    return code_digest(getfile(statement.run))


def _submitted(executor: Executor, orders: Orders, statements: Sequence[Statement]) -> dict[str, Future[Any]]:
    """Hand out all statements, those that make most trials first: a long one begun last would keep the others waiting."""
    ordered = sorted(statements, key=partial(_work, orders), reverse=True)
    return {statement.id: executor.submit(_check, orders, statement.id) for statement in ordered}


def _work(orders: Orders, statement: Statement) -> int:
    cases = len(statement.cases_at(orders.scale, orders.settings, orders.target)) if statement.needs_trials else 0
    return cases * statement.trials_at(orders.scale)


class _Driver:
    """The driver's end of the pipe."""

    def __init__(self, reader: Connection, stores: Callable[[str], TrialStore] | None) -> None:
        self._reader, self._stores = reader, stores

    def wait(self, future: Future[Any], progress: Progress) -> dict[str, Any]:
        """Take in what workers tell until the future is done, and return its result."""
        while not future.done():
            self._take_in(progress, POLL)
        self._take_in(progress, 0.0)  # what was told before the result is on the pipe by now
        found: dict[str, Any] = future.result()
        return found

    def _take_in(self, progress: Progress, timeout: float) -> None:
        while self._reader.poll(timeout):
            kind, *told = self._reader.recv()
            if kind == "progress":
                progress(*told)
            elif self._stores is not None:
                code, lines = told
                self._stores(code).add(map(trial_from_json, lines))
            timeout = 0.0


_tell: Callable[..., None]  # set as a worker begins


def _begin(writer: Connection, lock: Any, held: Connection) -> None:
    """Make this process a worker, which ends when its driver lets go and not by an interrupt meant for the driver."""
    global _tell

    def tell(*message: Any) -> None:
        with lock:
            writer.send(message)

    _tell = tell
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prepare_worker()
    Thread(target=_end_when_let_go, args=(held,), daemon=True).start()


def _end_when_let_go(held: Connection) -> None:
    try:
        held.recv()
    except (EOFError, OSError):
        os._exit(1)


class _SentStore(TrialStore):
    """Trials of a file; what is added is sent to the driver, which writes it."""

    def add(self, trials: Iterable[Trial]) -> None:
        """Send trials."""
        _tell("trials", self.code, [trial_to_json(trial) for trial in trials])


def _check(orders: Orders, name: str) -> dict[str, Any]:
    """Check one statement; what a worker is asked to do."""
    statement = orders.registry().find(name)
    store = _SentStore(orders.store, _code(statement)) if orders.store else None
    return _parts(orders.checker(store, partial(_tell, "progress")).check(statement))


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
