"""Sweeps over the example, with workers that can be made to fail or to die; as a script it sweeps until it is killed."""

import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

from fsrcheck.evidence.trial import Observation
from fsrcheck.registry import Registry
from fsrcheck.runs.checking import Request
from fsrcheck.runs.executors import processes
from fsrcheck.runs.sweeping import Failure, Sweep
from tests.example import THEOREM, Coins
from tests.example import run as toss
from tests.invoking import paper_of

BATCH, SEEDS = 4, 24


@dataclass(frozen=True)
class Tossed(Coins):
    """Coins whose trials may go wrong."""

    pause: float = 0.0  # seconds
    trouble: str = ""  # a file: as long as it is there, a trial raises (fails) or its worker dies (dies)
    kind: str = "fails"


def run(parameters: Tossed, seeds: Sequence[int], device: str) -> list[Observation]:
    """Toss, unless there is trouble."""
    time.sleep(parameters.pause)
    if parameters.trouble and Path(parameters.trouble).exists():
        if parameters.kind == "fails":
            raise RuntimeError(f"no coins for {seeds[0]}")
        if parameters.kind == "dies once":
            Path(parameters.trouble).unlink(missing_ok=True)
        os.kill(os.getpid(), signal.SIGKILL)
    return toss(parameters, seeds, device)


STATEMENT = replace(
    THEOREM, parameters=Tossed, cases={"quick": (Tossed(100), Tossed(200))}, controls=(), batch=BATCH, run=run
)


@cache
def registry() -> Registry:
    """What a worker finds."""
    return Registry([paper_of(replace(STATEMENT, controls=THEOREM.controls))])


def sweep(folder: Path, parameters: Sequence[Tossed], retry: bool = False) -> list[Failure]:
    """Make 24 trials of each."""
    requests = [Request(case, range(SEEDS)) for case in parameters]
    return Sweep(registry, partial(processes, 2), 2, folder, retry=retry).run({STATEMENT.id: requests})


def cases(pause: float) -> list[Tossed]:
    """Two sizes, slowly."""
    return [Tossed(size, pause=pause) for size in (100, 200)]


def wait_with_a_worker() -> None:
    """Tell the number of a worker's process, and wait to be killed."""
    with processes(1) as executor:
        print(executor.submit(os.getpid).result(), flush=True)
        time.sleep(60)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        wait_with_a_worker()
    print("begun", flush=True)
    sweep(Path(sys.argv[1]), cases(float(sys.argv[2])))
