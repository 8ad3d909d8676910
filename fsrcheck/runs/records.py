"""Trials on disk: one JSON line each, keyed by content, safe against being killed at any moment."""

import json
import logging
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

from fsrcheck.errors import RecordError
from fsrcheck.evidence.trial import Measurement, Observation, Trial

logger = logging.getLogger(__name__)

NO_FILES: Mapping[str, str] = {}


def encode_number(value: float) -> float | str:
    """JSON has no infinities and no NaN: they are written as strings."""
    return value if math.isfinite(value) else str(value)


def trial_to_json(trial: Trial) -> dict[str, Any]:
    """The trial as plain JSON values."""
    observation = trial.observation
    return {
        "statement": trial.statement,
        "parameters": dict(trial.parameters),
        "seed": trial.seed,
        "premises": {name: encode_number(margin) for name, margin in observation.premises.items()},
        "measurements": {
            name: {"value": encode_number(m.value), "standard_error": encode_number(m.standard_error)}
            for name, m in observation.measurements.items()
        },
        "counts": dict(observation.counts),
        "device": trial.device,
        "versions": dict(trial.versions),
        "files": dict(trial.files),
    }


def trial_from_json(line: Mapping[str, Any]) -> Trial:
    """The inverse of ``trial_to_json``.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: the line is not a trial.
    """
    return Trial(
        statement=line["statement"],
        parameters=line["parameters"],
        seed=int(line["seed"]),
        observation=Observation(
            premises={name: float(margin) for name, margin in line["premises"].items()},
            measurements={
                name: Measurement(float(m["value"]), float(m["standard_error"]))
                for name, m in line["measurements"].items()
            },
            counts={name: int(count) for name, count in line["counts"].items()},
        ),
        device=line["device"],
        versions=line["versions"],
        files=line.get("files", NO_FILES),
    )


def parameters_to_json(parameters: Any) -> dict[str, Any]:
    """A parameter dataclass as plain JSON values."""
    return dict(asdict(parameters))


def trial_key(
    statement: str,
    parameters: Mapping[str, Any],
    seed: int,
    code: str,
    device: str = "cpu",
    files: Mapping[str, str] = NO_FILES,
) -> str:
    """Content key of a trial: what was run, at which parameters and seed, by which code, where, on which files."""
    text = json.dumps([statement, dict(parameters), seed, code, device, dict(files)], sort_keys=True)
    return sha256(text.encode()).hexdigest()[:24]


class TrialStore:
    """Saved trials in one file of JSON lines; opening it reads what is there.

    A line is appended by a single write, so a killed run loses at most the trial in flight. A torn last line
    is dropped with a warning; a torn line anywhere else means that the file is not ours.

    Raises:
        RecordError: an unreadable line that is not the last.
    """

    def __init__(self, path: Path, code: str) -> None:
        self.path, self.code = path, code
        self._trials: dict[str, Trial] = {}
        if path.exists():
            self._read()

    def __len__(self) -> int:
        return len(self._trials)

    def get(
        self,
        statement: str,
        parameters: Mapping[str, Any],
        seed: int,
        device: str = "cpu",
        files: Mapping[str, str] = NO_FILES,
    ) -> Trial | None:
        """The saved trial of this content, if there is one."""
        return self._trials.get(trial_key(statement, parameters, seed, self.code, device, files))

    def add(self, trials: Iterable[Trial]) -> None:
        """Append trials that are not there yet."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        for trial in trials:
            key = trial_key(trial.statement, trial.parameters, trial.seed, self.code, trial.device, trial.files)
            if key not in self._trials:
                append_line(self.path, {"key": key, **trial_to_json(trial)})
                self._trials[key] = trial

    def _read(self) -> None:
        for line in read_lines(self.path):
            try:
                self._trials[line["key"]] = trial_from_json(line)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise RecordError(f"{self.path} must hold trials, got a line without {error}") from None


def append_line(path: Path, content: Mapping[str, Any]) -> None:
    """Append one JSON line by a single write; begins a new line if the last one was torn."""
    text = json.dumps(content, sort_keys=True, allow_nan=False) + "\n"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            _drop_torn_line(descriptor, path)
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _drop_torn_line(descriptor: int, path: Path) -> None:
    content = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    os.ftruncate(descriptor, content.rfind(b"\n") + 1)
    logger.warning("%s: dropped a torn last line", path)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """All JSON lines of a file; a torn last line is left out with a warning.

    Raises:
        RecordError: not text, or a line that is not JSON and not the last.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError:
        raise RecordError(f"{path} must be JSON lines, got something that is not text") from None
    found = []
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            if number < len(lines):
                raise RecordError(f"{path}:{number} must be a JSON line, got {line[:40]!r}") from None
            logger.warning("%s: dropped a torn last line", path)
    return found


def write_atomically(path: Path, text: str) -> None:
    """Write a whole file so that readers see the old or the new content, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)
