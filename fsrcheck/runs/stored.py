"""Stored evidence: how the runs of a statement under many seeds came out, one JSON line for all of them.

Lines of the same statement, scale, kind of device, versions and code add up, and no seed is counted twice.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from fsrcheck.errors import RecordError
from fsrcheck.evidence.claim import Interval
from fsrcheck.evidence.frequency import clopper_pearson
from fsrcheck.evidence.outcome import Outcome, Verdict
from fsrcheck.runs.records import read_lines, write_atomically
from fsrcheck.runs.replaying import check_command

BEYOND = 0.025  # probability with which each limit of a share that is shown misses; no verdict hangs on it
CONFIDENCE = 1 - 2 * BEYOND

Counts = Mapping[str, int]


@dataclass(frozen=True)
class StoredEvidence:
    """What came of many runs of one statement.

    Attributes:
        statement: its id.
        scale, device, versions: of the runs; the device is ``cpu`` or ``cuda``.
        code: digest of the code, the fitted constants and the error budget.
        expected: name of the verdict that was expected.
        hardware: everything the runs were made on, in words.
        seeds: number of runs by the seed of the gathering that made them.
        verdicts: number of runs by verdict.
        claims, controls: number of runs by outcome, for every claim and every control.
        trials: made for the claims in all runs (those of controls aside).
        alarms: seeds of the runs that are false alarms.
    """

    statement: str
    scale: str
    device: str
    versions: Mapping[str, str]
    code: str
    expected: str
    hardware: tuple[str, ...]
    seeds: Mapping[int, int]
    verdicts: Counts
    claims: Mapping[str, Counts]
    controls: Mapping[str, Counts]
    trials: int
    alarms: tuple[int, ...] = ()

    @property
    def runs(self) -> int:
        """Number of runs."""
        return sum(self.verdicts.values())

    @property
    def as_expected(self) -> int:
        """Number of runs with the expected verdict."""
        return self.verdicts.get(self.expected, 0)

    @property
    def inconclusive(self) -> int:
        """Number of runs that came out INCONCLUSIVE without being expected to."""
        return 0 if self.expected == Verdict.INCONCLUSIVE.name else self.verdicts.get(Verdict.INCONCLUSIVE.name, 0)

    @property
    def false_alarms(self) -> int:
        """Number of runs with a verdict that is neither the expected one nor INCONCLUSIVE."""
        return self.runs - self.as_expected - self.inconclusive

    def caught(self, control: str) -> int:
        """Number of runs in which a control was caught."""
        return self.controls[control].get(Outcome.VIOLATED.name, 0)

    def share_caught(self, control: str) -> Interval:
        """Share of the runs in which a control was caught, with exact limits."""
        return clopper_pearson(self.caught(control), self.runs, BEYOND)

    @property
    def share_of_alarms(self) -> Interval:
        """Share of the runs that are false alarms, with exact limits."""
        return clopper_pearson(self.false_alarms, self.runs, BEYOND)

    @property
    def replays(self) -> list[str]:
        """For every false alarm the command that repeats its run."""
        return [check_command(self.statement, self.scale, seed, self.device) for seed in self.alarms]

    @property
    def kind(self) -> tuple[Any, ...]:
        """What only one line of a file may be about."""
        return self.statement, self.scale, self.device, tuple(sorted(self.versions.items()))

    def plus(self, other: "StoredEvidence") -> "StoredEvidence":
        """Both together; they must be of one kind and one code, and share no run."""
        return replace(
            self,
            hardware=tuple(dict.fromkeys(self.hardware + other.hardware)),
            seeds=_added(self.seeds, other.seeds),
            verdicts=_added(self.verdicts, other.verdicts),
            claims=_added_by_name(self.claims, other.claims),
            controls=_added_by_name(self.controls, other.controls),
            trials=self.trials + other.trials,
            alarms=self.alarms + other.alarms,
        )

    def to_json(self) -> dict[str, Any]:
        """The evidence as plain JSON values, with what follows from the counts."""
        plain = {item.name: getattr(self, item.name) for item in fields(self)}
        return {
            **plain,
            "hardware": list(self.hardware),
            "alarms": list(self.alarms),
            "seeds": {str(seed): runs for seed, runs in self.seeds.items()},
            "runs": self.runs,
            "as_expected": self.as_expected,
            "false_alarms": self.false_alarms,
            "inconclusive": self.inconclusive,
            "confidence": CONFIDENCE,
            "caught": {name: self._caught_to_json(name) for name in self.controls},
        }

    def _caught_to_json(self, control: str) -> dict[str, float]:
        share = self.share_caught(control)
        return {"runs": self.caught(control), "share": share.value, "low": share.low, "high": share.high}


def _added(first: Mapping[Any, int], second: Mapping[Any, int]) -> dict[Any, int]:
    return dict(Counter(first) + Counter(second))


def _added_by_name(first: Mapping[str, Counts], second: Mapping[str, Counts]) -> dict[str, Counts]:
    return {name: _added(first.get(name, {}), second.get(name, {})) for name in (*first, *second)}


def evidence_from_json(line: Mapping[str, Any]) -> StoredEvidence:
    """The inverse of ``StoredEvidence.to_json``.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: the line is no such evidence, or its numbers do not agree.
    """
    given: dict[str, Any] = {item.name: line[item.name] for item in fields(StoredEvidence)}
    given["seeds"] = {int(seed): runs for seed, runs in given["seeds"].items()}
    given["hardware"], given["alarms"] = tuple(given["hardware"]), tuple(given["alarms"])
    found = StoredEvidence(**given)
    tables: list[Mapping[Any, int]] = [found.seeds, *found.claims.values(), *found.controls.values()]
    if (
        found.runs < 1
        or any(sum(counts.values()) != found.runs for counts in tables)
        or len(found.alarms) != found.false_alarms
    ):
        raise ValueError(f"counts that all add up to the {found.runs} runs")
    if any(line[name] != getattr(found, name) for name in ("runs", "as_expected", "false_alarms", "inconclusive")):
        raise ValueError("totals that follow from its counts")
    return found


def read_evidence(path: Path) -> list[StoredEvidence]:
    """All evidence in a file, lines of one kind and one code added up.

    Raises:
        RecordError: a line that is no evidence, or two that count runs of one seed.
        OSError: the file cannot be read.
    """
    found: dict[tuple[Any, ...], StoredEvidence] = {}
    for line in read_lines(path):
        try:
            new = evidence_from_json(line)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise RecordError(f"{path} must hold what `fsrcheck gather` writes, got a line without {error}") from None
        old = found.get((*new.kind, new.code))
        if old is not None and set(old.seeds) & set(new.seeds):
            twice = ", ".join(map(str, sorted(set(old.seeds) & set(new.seeds))))
            raise RecordError(f"{path} must count each seed once, got {new.statement} with seed {twice} twice")
        found[(*new.kind, new.code)] = new if old is None else old.plus(new)
    return list(found.values())


def add_evidence(path: Path, new: StoredEvidence) -> StoredEvidence:
    """Add evidence to a file and return its line there; evidence of its kind by other code makes way for it."""
    lines = read_evidence(path) if path.exists() else []
    for old in lines:
        if (old.kind, old.code) == (new.kind, new.code):
            new = old.plus(new)
    kept = [line for line in lines if line.kind != new.kind]
    write_evidence(path, [*kept, new])
    return new


def write_evidence(path: Path, lines: Sequence[StoredEvidence]) -> None:
    """Write a whole file of evidence, in the order of ids, so that a gathering changes few lines."""
    ordered = sorted(lines, key=lambda line: line.kind)
    text = "".join(json.dumps(line.to_json(), sort_keys=True, allow_nan=False) + "\n" for line in ordered)
    write_atomically(path, text)
