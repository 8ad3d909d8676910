"""A statement whose trials are written by a process that is killed; as a script it writes until it is."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.runs.records import TrialStore
from fsrcheck.runs.seeds import trial_seeds
from fsrcheck.runs.trying import Laboratory
from fsrcheck.statement import Kind, Statement

COUNT = 400
SEEDS = trial_seeds(1, "killed", COUNT)
CODE = "code"


@dataclass(frozen=True)
class Width:
    width: int = 300


def run(parameters: Width, seeds: Sequence[int], device: str) -> list[Observation]:
    """Many measurements, so that a line is long and a kill may come in the middle of one."""
    observations = []
    for seed in seeds:
        numbers = np.random.default_rng(seed).standard_normal(parameters.width)
        measured = {f"y{i}": Measurement(float(number)) for i, number in enumerate(numbers)}
        observations.append(Observation({}, measured))
    return observations


STATEMENT = Statement(
    "wide.1",
    "Wide",
    Kind.FACT,
    "",
    "",
    "",
    "",
    "",
    claims=(),
    expected=Verdict.OPEN,
    parameters=Width,
    batch=1,
    run=run,
)


def write(path: Path) -> None:
    """Write all trials, telling after each how many are done."""

    def tell(label: str, done: int, total: int) -> None:
        print(done, flush=True)
        time.sleep(0.002)

    Laboratory(store=TrialStore(path, CODE), progress=tell).run(STATEMENT, Width(), SEEDS)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
