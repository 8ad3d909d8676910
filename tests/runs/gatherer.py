"""Gathers evidence about the example until it is done or killed; as a script it tells every batch it begins."""

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fsrcheck.evidence.trial import Observation
from fsrcheck.registry import Registry
from fsrcheck.runs.gathering import Gathering
from fsrcheck.runs.stored import StoredEvidence
from tests.example import THEOREM, Coins, run
from tests.invoking import paper_of

RUNS, BATCH = 12, 4


def slow(parameters: Coins, seeds: Sequence[int], device: str) -> list[Observation]:
    """The example's run, slow enough to be killed in the middle."""
    print(*seeds, flush=True)
    time.sleep(0.005)
    return run(parameters, seeds, device)


STATEMENT = replace(THEOREM, claims=THEOREM.claims[1:2], controls=THEOREM.controls[:1], batch=BATCH, run=slow)


def gather(folder: Path) -> StoredEvidence:
    """Gather into a file in ``folder``."""
    gathering = Gathering(Registry([paper_of(STATEMENT)]), "cpu", 5, RUNS, folder=folder / "work")
    return gathering.gather(STATEMENT, folder / "evidence.jsonl")


if __name__ == "__main__":
    gather(Path(sys.argv[1]))
