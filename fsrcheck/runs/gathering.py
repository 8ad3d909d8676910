"""Gathers evidence: checks a statement under many fresh seeds and counts how its claims and controls come out.

The first trials of many runs are made together, in batches as large as the statement wants; each run is then judged
on its own. Trials are kept until their run is judged, and judged runs until all are: the same gathering goes on where
it was killed, and only a whole one is ever counted.
"""

import json
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from fsrcheck.errors import RecordError
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.registry import Registry
from fsrcheck.runs.calibration import load_constants
from fsrcheck.runs.checking import Checker
from fsrcheck.runs.code_digest import trials_digest, verdict_digest
from fsrcheck.runs.environment import versions
from fsrcheck.runs.records import append_line, parameters_to_json, read_lines
from fsrcheck.runs.result import StatementResult
from fsrcheck.runs.seeds import trial_seeds
from fsrcheck.runs.side_by_side import first_trials
from fsrcheck.runs.stored import StoredEvidence, add_evidence, read_evidence
from fsrcheck.runs.tasks import Showing, Task, finished, result_of, tell_progress
from fsrcheck.runs.trying import Laboratory, Progress, describe, silent
from fsrcheck.runs.unfinished import WORK_FOLDER, Unfinished
from fsrcheck.statement import Statement


@dataclass(frozen=True)
class JudgedRun:
    """One run of a gathering: its number, its seed, the hardware in words, and the names of what came out."""

    number: int
    seed: int
    hardware: str
    verdict: str
    claims: Mapping[str, str]
    controls: Mapping[str, str]
    trials: int

    @classmethod
    def of(cls, number: int, result: StatementResult) -> "JudgedRun":
        """What is kept of a result."""
        return cls(
            number=number,
            seed=result.seed,
            hardware=result.device,
            verdict=result.verdict.name,
            claims={judgement.claim: judgement.outcome.name for judgement in result.judgements},
            controls={control.control.name: control.outcome.name for control in result.controls},
            trials=result.trials,
        )


def judging_digest(registry: Registry, statement: Statement) -> str:
    """Digest of all that a run's verdict follows from, the seed and the device aside.

    That is the code with its versions, the fitted constants, and each judgement's share of the error budget.
    """
    constants = [repr(constant) for constant in load_constants(registry.paper(statement), statement)]
    followed = [verdict_digest(statement), constants, registry.budget.share]
    return sha256(json.dumps(followed).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Gathering:
    """Many runs under seeds that follow from one.

    Attributes:
        registry: where statements and their papers are found.
        device: ``cpu`` or ``cuda``.
        seed: the one integer from which the seeds of all runs follow.
        runs: how many there are of every statement.
        scale: quick, standard or full.
        folder: where unfinished work is kept.
        progress: called with what is under way.
    """

    registry: Registry
    device: str
    seed: int
    runs: int
    scale: str = "quick"
    folder: Path = WORK_FOLDER
    progress: Progress = silent

    def gather(self, statement: Statement, out: Path) -> StoredEvidence:
        """Make the runs of a statement that the file ``out`` does not count yet, add them, and return its line.

        Raises:
            RecordError: ``out`` holds something else.
        """
        return self.add(statement, out, self.missing(statement, out))

    def missing(self, statement: Statement, out: Path) -> list[JudgedRun]:
        """Make the runs of a statement that the file ``out`` does not count yet, without adding them.

        Raises:
            RecordError: ``out`` holds something else.
        """
        known = self._known(statement, out)
        start = known.seeds.get(self.seed, 0) if known is not None else 0
        return self._judged(statement, self._work(statement), start)

    def add(self, statement: Statement, out: Path, runs: Sequence[JudgedRun]) -> StoredEvidence:
        """Add runs that were ``missing`` to the file ``out``, forget the unfinished work, and return the statement's line."""
        known = self._known(statement, out)
        if known is None or runs:
            known = add_evidence(out, self._counted(statement, runs))
        self._work(statement).finish()
        return known

    def _work(self, statement: Statement) -> Unfinished:
        digest = judging_digest(self.registry, statement)
        name = f"gather-{statement.id}-{self.scale}-{self.device}-{self.seed}-{digest}"
        return Unfinished(self.folder / name, trials_digest(statement))

    def _known(self, statement: Statement, out: Path) -> StoredEvidence | None:
        wanted = self._counted(statement, [])
        lines = read_evidence(out) if out.exists() else []
        return next((line for line in lines if (line.kind, line.code) == (wanted.kind, wanted.code)), None)

    def _judged(self, statement: Statement, work: Unfinished, start: int) -> list[JudgedRun]:
        """The runs from number ``start`` on; those that were judged before the work was stopped are taken as they are."""
        log = work.folder / "runs.jsonl"
        judged = {run.number: run for run in _read_log(log)}
        missing = [number for number in range(start, self.runs) if number not in judged]
        for first in range(0, len(missing), statement.batch):
            for run in self._judge(statement, missing[first : first + statement.batch], work):
                append_line(log, asdict(run))
                judged[run.number] = run
            work.drop_trials()
        return [judged[number] for number in range(start, self.runs)]

    def _judge(self, statement: Statement, numbers: Sequence[int], work: Unfinished) -> Iterable[JudgedRun]:
        """Make the first trials of all these runs together, then judge one run after the other."""
        store = work.trials()
        checkers = {number: self._checker(number, Laboratory(self.device, store)) for number in numbers}
        suffix = f", runs {numbers[0] + 1} to {numbers[-1] + 1} of {self.runs}"
        laboratory = Laboratory(self.device, store, self.progress)
        for (parameters, label), seeds in _together(statement, checkers.values()).items():
            laboratory.run(statement, parameters, seeds, label + suffix)
        return (JudgedRun.of(number, checker.check(statement)) for number, checker in checkers.items())

    def _checker(self, number: int, laboratory: Laboratory) -> Checker:
        (seed,) = trial_seeds(self.seed, "gather", 1, start=number)
        return Checker(self.registry, laboratory, self.registry.budget, seed, self.scale)

    def _counted(self, statement: Statement, runs: Sequence[JudgedRun]) -> StoredEvidence:
        as_it_may = {statement.expected, Verdict.INCONCLUSIVE}
        return StoredEvidence(
            statement=statement.id,
            scale=self.scale,
            device=self.device,
            versions=versions(),
            code=judging_digest(self.registry, statement),
            expected=statement.expected.name,
            hardware=tuple(dict.fromkeys(run.hardware for run in runs)),
            seeds={self.seed: len(runs)},
            verdicts=Counter(run.verdict for run in runs),
            claims={claim.name: Counter(run.claims[claim.name] for run in runs) for claim in statement.claims},
            controls={c.name: Counter(run.controls[c.name] for run in runs) for c in statement.controls},
            trials=sum(run.trials for run in runs),
            alarms=tuple(run.seed for run in runs if Verdict[run.verdict] not in as_it_may),
        )


def gather_side_by_side(
    registry: Callable[[], Registry],
    asked: Gathering,
    statements: Sequence[Statement],
    out: Path,
    jobs: int,
    shown: Showing,
) -> Generator[StoredEvidence, None, None]:
    """Gather, a statement at a time in each process, and yield each line of the file ``out`` as soon as it is there.

    The driver alone writes to the file.

    Args:
        registry: a function of a module, so that a worker can find it.
        asked: how to gather; its registry is that of the driver.
        statements: of the registry.
        out: file to add to.
        jobs: number of processes.
        shown: opens a progress callback; it is open while a line is waited for.

    Raises:
        FsrcheckError: a process was killed.
        RecordError: ``out`` holds something else.
    """
    kept = {name: getattr(asked, name) for name in ("device", "seed", "runs", "scale", "folder")}
    tasks = [
        Task(_missing, (registry, kept, statement.id, out), first_trials(statement, asked.scale))
        for statement in statements
    ]
    with closing(finished(tasks, jobs, shown)) as done:
        for place, future in done:
            yield asked.add(statements[place], out, result_of(future))


def _missing(registry: Callable[[], Registry], kept: Mapping[str, Any], name: str, out: Path) -> list[JudgedRun]:
    """Make the runs of one statement; what a worker is asked to do."""
    gathering = Gathering(registry(), **kept, progress=tell_progress)
    return gathering.missing(gathering.registry.find(name), out)


def _together(statement: Statement, checkers: Iterable[Checker]) -> dict[tuple[Any, str], list[int]]:
    """The seeds of all runs by what is run with them and how progress names it."""
    found: dict[tuple[Any, str], list[int]] = {}
    for checker in checkers:
        for request in checker.requests(statement):
            label = request.label or describe(statement.id, parameters_to_json(request.parameters))
            found.setdefault((request.parameters, label), []).extend(request.seeds)
    return found


def _read_log(path: Path) -> list[JudgedRun]:
    try:
        return [JudgedRun(**line) for line in read_lines(path)] if path.exists() else []
    except TypeError as error:
        raise RecordError(f"{path} must hold judged runs, got a line that is none ({error})") from None
