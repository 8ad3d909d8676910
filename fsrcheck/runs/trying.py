"""Makes trials: runs a statement on batches of seeds and keeps what comes back, without judging it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fsrcheck.errors import FsrcheckError
from fsrcheck.evidence.trial import Trial
from fsrcheck.runs.environment import file_digests, versions
from fsrcheck.runs.records import TrialStore, parameters_to_json
from fsrcheck.statement import Statement

Progress = Callable[[str, int, int], None]


def silent(label: str, done: int, total: int) -> None:
    """The progress callback that shows nothing."""


@dataclass(frozen=True)
class Laboratory:
    """Where and how trials are made.

    Attributes:
        device: ``cpu`` or ``cuda``.
        store: saved trials to take from and add to; None to keep nothing.
        progress: called with a label, the number of trials done and the number in all.
    """

    device: str = "cpu"
    store: TrialStore | None = None
    progress: Progress = silent

    def run(self, statement: Statement, parameters: Any, seeds: Sequence[int], label: str = "") -> list[Trial]:
        """Return one trial per seed, in order; saved ones are not run again."""
        plain = parameters_to_json(parameters)
        files = file_digests(plain)
        found = {seed: self._saved(statement, plain, seed, files) for seed in seeds}
        missing = [seed for seed, trial in found.items() if trial is None]
        label = label or describe(statement.id, plain)
        self.progress(label, len(seeds) - len(missing), len(seeds))
        for start in range(0, len(missing), statement.batch):
            batch = missing[start : start + statement.batch]
            trials = self._run_batch(statement, parameters, batch, files)
            if self.store is not None:
                self.store.add(trials)
            found.update({trial.seed: trial for trial in trials})
            self.progress(label, len(seeds) - len(missing) + start + len(batch), len(seeds))
        return [trial for trial in found.values() if trial is not None]

    def _saved(self, statement: Statement, plain: dict[str, Any], seed: int, files: Mapping[str, str]) -> Trial | None:
        return self.store.get(statement.id, plain, seed, self.device, files) if self.store is not None else None

    def _run_batch(
        self, statement: Statement, parameters: Any, seeds: Sequence[int], files: Mapping[str, str]
    ) -> list[Trial]:
        observations = statement.run(parameters, seeds, self.device)
        if len(observations) != len(seeds):
            raise FsrcheckError(f"{statement.id} must return {len(seeds)} observations, got {len(observations)}")
        plain = parameters_to_json(parameters)
        return [
            Trial(statement.id, plain, seed, observation, self.device, versions(), files)
            for seed, observation in zip(seeds, observations, strict=True)
        ]


def describe(name: str, plain: dict[str, Any]) -> str:
    """A case in one line, after the name of its statement or control."""
    return f"{name} " + " ".join(f"{name}={value}" for name, value in plain.items())
