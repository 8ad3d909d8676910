"""Random kills of a sweep, fifty of workers and fifty of drivers: nothing that was kept is lost, nothing is there twice."""

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from fsrcheck.runs.checking import Request
from fsrcheck.runs.sweeping import FAILURES, TRIALS, Failure, Sweep
from tests.runs import driver_killer
from tests.runs.sweeper import STATEMENT, Tossed, processes, registry
from tests.runs.test_sweeping import ROOT

WORKERS, KILLS = 2, 50
MORE = 400  # seeds, as long as there were too few kills


class Killer:
    """Kills a random worker of the newest pool, each time after another cell was kept and a random while."""

    def __init__(self, folder: Path) -> None:
        self.trials, self.kills = folder / TRIALS, 0
        self.pool: ProcessPoolExecutor | None = None
        self._chance, self._over = random.Random(7), Event()

    def executor(self) -> ProcessPoolExecutor:
        self.pool = processes(WORKERS)
        return self.pool

    @contextmanager
    def at_work(self) -> Iterator[None]:
        thread = Thread(target=self._kill)
        thread.start()
        yield
        self._over.set()
        thread.join()

    def _kill(self) -> None:
        size = 0
        while self.kills < KILLS and not self._over.wait(self._chance.uniform(0, 0.05)):
            grown = self.trials.exists() and self.trials.stat().st_size > size
            workers = [worker for worker in self._workers() if worker.is_alive()]
            if grown and workers:
                size = self.trials.stat().st_size
                self._chance.choice(workers).kill()
                self.kills += 1

    def _workers(self) -> list:
        return list((getattr(self.pool, "_processes", None) or {}).values())


def swept(folder: Path, seeds: int, executor) -> list[Failure]:
    wanted = {STATEMENT.id: [Request(Tossed(100, pause=0.01), range(seeds))]}
    return Sweep(registry, executor, WORKERS, folder).run(wanted)


def assert_same_as_unkilled(folder: Path, seeds: int, aside: Path) -> None:
    assert swept(aside, seeds, lambda: ThreadPoolExecutor(WORKERS)) == []
    lines, whole = ((place / TRIALS).read_text().splitlines() for place in (folder, aside))
    assert len(lines) == seeds
    assert sorted(lines) == sorted(whole)
    assert not (folder / FAILURES).exists()


@pytest.mark.slow
def test_workers_killed_at_random_cost_nothing_but_time(tmp_path):
    killer, seeds, folder = Killer(tmp_path / "killed"), 0, tmp_path / "killed"
    with killer.at_work():
        while killer.kills < KILLS:
            seeds += MORE
            assert swept(folder, seeds, killer.executor) == []
    assert_same_as_unkilled(folder, seeds, tmp_path / "whole")


@pytest.mark.slow
def test_drivers_killed_at_random_cost_nothing_but_time(tmp_path):
    folder = tmp_path / "killed"
    command = [sys.executable, "-m", driver_killer.__name__, str(folder), str(KILLS)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    found = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    seeds = int(found.stdout)
    driver_killer.sweep(folder, seeds)
    assert_same_as_unkilled(folder, seeds, tmp_path / "whole")
