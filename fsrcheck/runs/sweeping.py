"""Makes many trials side by side, on any executor, and keeps each as soon as it is there.

A sweep is cut into cells: one statement at one set of parameters, and as many seeds as the statement takes at once. Workers
run cells and send trials back; the driver alone writes, one line a trial, so that killing a worker or the driver at any
moment loses at most the cells in flight. What is there is never made again, and a trial is a function of its seed: a sweep
that was killed a hundred times ends with the trials of one that was not.
"""

import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from fsrcheck.registry import Registry
from fsrcheck.runs.checking import Request
from fsrcheck.runs.code_digest import trials_digest
from fsrcheck.runs.environment import file_digests
from fsrcheck.runs.records import (
    TrialStore,
    append_line,
    parameters_to_json,
    read_lines,
    trial_from_json,
    trial_to_json,
)
from fsrcheck.runs.trying import Laboratory, Progress, silent
from fsrcheck.statement import Statement

TRIALS, FAILURES = "trials.jsonl", "failures.jsonl"
LOSSES = 5  # how often workers may die with a cell, and no other cell be finished in between, before it is given up
WAITING = 4  # cells handed out for each worker, so that none waits for the driver
SUSPECT = 2  # a cell that was lost so often runs alone


@dataclass(frozen=True)
class Cell:
    """A share of a sweep.

    Attributes:
        statement: its id.
        parameters: of its dataclass, or a control's.
        seeds: of the trials.
    """

    statement: str
    parameters: Any
    seeds: tuple[int, ...]

    @property
    def key(self) -> str:
        """The same for the same cell in every run."""
        text = repr((self.statement, parameters_to_json(self.parameters), self.seeds))
        return sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Failure:
    """A cell that raised, or with which workers died.

    Attributes:
        key, statement, parameters, seeds: of the cell.
        error: the traceback.
    """

    key: str
    statement: str
    parameters: Mapping[str, Any]
    seeds: Sequence[int]
    error: str

    @property
    def cause(self) -> str:
        """The last line of the traceback."""
        return self.error.strip().rsplit("\n", 1)[-1]


def run_cell(registry: Callable[[], Registry], cell: Cell, device: str) -> list[dict[str, Any]]:
    """Make the trials of a cell, as plain JSON values; what a worker is asked to do.

    ``registry`` must be a function of a module, so that a worker can find it.
    """
    statement = registry().find(cell.statement)
    return [trial_to_json(trial) for trial in Laboratory(device).run(statement, cell.parameters, cell.seeds)]


@dataclass
class Sweep:
    """A sweep over some statements.

    Attributes:
        registry: returns what is installed, here and in a worker.
        executor: makes an executor, and another one when a worker's death has broken it.
        workers: how many cells run at once.
        folder: where trials and failures are kept.
        device: ``cpu`` or ``cuda``.
        retry: whether cells that failed before are run again.
        progress: called with a label, the number of trials done and the number in all.
    """

    registry: Callable[[], Registry]
    executor: Callable[[], Executor]
    workers: int
    folder: Path
    device: str = "cpu"
    retry: bool = False
    progress: Progress = silent
    _stores: dict[str, TrialStore] = field(default_factory=dict)

    def store(self, statement: Statement) -> TrialStore:
        """The trials of a statement, those that are kept and those that are made."""
        if statement.id not in self._stores:
            self._stores[statement.id] = TrialStore(self.folder / TRIALS, trials_digest(statement))
        return self._stores[statement.id]

    def run(self, wanted: Mapping[str, Iterable[Request]]) -> list[Failure]:
        """Make what is missing of the trials of each statement, by its id, and return the cells that failed.

        Raises:
            RecordError: the folder holds something else.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        cells, total = [], 0
        for name, requests in wanted.items():
            for request in requests:
                total += len(request.seeds)
                cells += self._missing(self.registry().find(name), request)
        failed = {} if self.retry else {line["key"]: Failure(**line) for line in self._failures()}
        known = [failed[cell.key] for cell in cells if cell.key in failed]
        todo = [cell for cell in cells if cell.key not in failed]
        return [*known, *_Run(self, todo, total).finish()]

    def _missing(self, statement: Statement, request: Request) -> list[Cell]:
        plain = parameters_to_json(request.parameters)
        store, files = self.store(statement), file_digests(plain)
        seeds = [seed for seed in request.seeds if store.get(statement.id, plain, seed, self.device, files) is None]
        batches = (seeds[start : start + statement.batch] for start in range(0, len(seeds), statement.batch))
        return [Cell(statement.id, request.parameters, tuple(batch)) for batch in batches]

    def _failures(self) -> list[dict[str, Any]]:
        path = self.folder / FAILURES
        return read_lines(path) if path.exists() else []

    def keep(self, cell: Cell, trials: Sequence[Mapping[str, Any]]) -> None:
        """Write the trials of a cell."""
        self.store(self.registry().find(cell.statement)).add(trial_from_json(line) for line in trials)

    def fail(self, cell: Cell, error: str) -> Failure:
        """Write down that a cell failed."""
        found = Failure(cell.key, cell.statement, parameters_to_json(cell.parameters), cell.seeds, error)
        append_line(self.folder / FAILURES, {**vars(found), "seeds": list(cell.seeds)})
        return found


class _Run:
    """The cells of a sweep on their way through one executor after another.

    When a worker dies, all cells that were handed out are lost, and any of them may be the cause. They wait at the end of
    the line; then as many run as there are workers, and what is lost again runs alone, so that only the cause is given up.
    """

    def __init__(self, sweep: Sweep, cells: Sequence[Cell], total: int) -> None:
        self._sweep, self._total = sweep, total
        self._waiting = list(reversed(cells))
        self._done = total - sum(len(cell.seeds) for cell in cells)
        self._lost: Counter[str] = Counter()
        self._failures: list[Failure] = []

    def finish(self) -> list[Failure]:
        self._tell()
        while self._waiting:
            executor = self._sweep.executor()
            try:
                self._drain(executor)
            finally:
                executor.shutdown(wait=True, cancel_futures=True)
        return self._failures

    def _drain(self, executor: Executor) -> None:
        """Hand out cells until none is left or the executor is broken; what was lost waits again."""
        running: dict[Future[Any], Cell] = {}
        broken = False
        while running or (self._waiting and not broken):
            while not broken and self._has_room(running):
                broken = not self._submit(executor, running)
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                broken |= not self._collect(future, running.pop(future))

    def _has_room(self, running: Mapping[Future[Any], Cell]) -> bool:
        """Whether another cell may be handed out, beside those that are."""
        if not self._waiting:
            return False
        losses = max(self._lost[cell.key] for cell in (*running.values(), self._waiting[-1]))
        workers = self._sweep.workers
        return len(running) < (1 if losses >= SUSPECT else workers if losses else WAITING * workers)

    def _submit(self, executor: Executor, running: dict[Future[Any], Cell]) -> bool:
        cell = self._waiting.pop()
        try:
            running[executor.submit(run_cell, self._sweep.registry, cell, self._sweep.device)] = cell
        except BrokenExecutor:
            self._waiting.append(cell)
            return False
        return True

    def _collect(self, future: Future[Any], cell: Cell) -> bool:
        """Keep what a cell brought; False if its worker died."""
        try:
            trials = future.result()
        except BrokenExecutor as error:
            self._lose(cell, error)
            return False
        except Exception as error:  # whatever a statement raises is recorded, and the sweep goes on
            self._failures.append(self._sweep.fail(cell, "".join(traceback.format_exception(error))))
        else:
            self._sweep.keep(cell, trials)
        self._lost = Counter({key: min(losses, SUSPECT) for key, losses in self._lost.items()})
        self._done += len(cell.seeds)
        self._tell()
        return True

    def _lose(self, cell: Cell, error: BrokenExecutor) -> None:
        self._lost[cell.key] += 1
        if self._lost[cell.key] < LOSSES:
            self._waiting.insert(0, cell)
        else:
            text = f"a worker died {LOSSES} times with this cell in flight: {error}"
            self._failures.append(self._sweep.fail(cell, text))

    def _tell(self) -> None:
        self._sweep.progress("sweep", self._done, self._total)
