"""A script that sweeps in one process after another and kills each of them at a random moment.

``python -m tests.runs.driver_killer FOLDER KILLS`` tells how many seeds were asked for in the end. Every process is forked
from this one, which has all modules, and is killed after it has kept something.
"""

import os
import random
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fsrcheck.runs.checking import Request
from fsrcheck.runs.sweeping import TRIALS, Sweep
from tests.runs.sweeper import BATCH, STATEMENT, Tossed, registry

THREADS, MORE = 2, 6 * BATCH  # new seeds for each process: more than it can finish in most cases


def sweep(folder: Path, seeds: int) -> None:
    """Make what is missing of so many trials, in threads of this process."""
    wanted = {STATEMENT.id: [Request(Tossed(100, pause=0.01), range(seeds))]}
    assert Sweep(registry, lambda: ThreadPoolExecutor(THREADS), THREADS, folder).run(wanted) == []


def complete_lines(folder: Path) -> list[str]:
    """What is kept; a last line that has no end does not count."""
    return (folder / TRIALS).read_text().split("\n")[:-1]


def sweep_and_leave(folder: Path, seeds: int) -> None:
    """Sweep in a forked process, which must not go on after it, whatever happens."""
    code = 1
    try:
        sweep(folder, seeds)
        code = 0
    finally:
        os._exit(code)


def is_killed(folder: Path, seeds: int, delay: float) -> bool:
    """Sweep in a process of its own; kill it a while after it has kept something, unless it has ended by then."""
    before, path = complete_lines(folder), folder / TRIALS
    size = path.stat().st_size
    child = os.fork()
    if child == 0:
        sweep_and_leave(folder, seeds)
    while path.stat().st_size <= size and os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        time.sleep(0.001)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or status == 0, "a sweep failed"
    assert complete_lines(folder)[: len(before)] == before, "something that was kept is lost"
    return os.WIFSIGNALED(status)


def kill_again_and_again(folder: Path, kills: int) -> int:
    """Sweep over more and more seeds until enough processes were killed."""
    chance, seeds = random.Random(5), BATCH
    sweep(folder, seeds)  # what is slow the first time, every process has from this one
    while kills:
        seeds += MORE
        kills -= is_killed(folder, seeds, chance.uniform(0, 0.03))
    return seeds


if __name__ == "__main__":
    print(kill_again_and_again(Path(sys.argv[1]), int(sys.argv[2])))
