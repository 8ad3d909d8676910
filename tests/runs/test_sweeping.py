"""Sweeps: side by side as one by one, whatever dies or fails on the way."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import tests.runs.sweeper as sweeper
from fsrcheck.errors import RecordError
from fsrcheck.runs.checking import Request
from fsrcheck.runs.sweeping import FAILURES, TRIALS, Sweep
from fsrcheck.runs.trying import Laboratory
from tests.runs.sweeper import BATCH, SEEDS, STATEMENT, Tossed, cases, registry, sweep

ROOT = Path(__file__).parents[2]
PAUSE = 0.02


def kept(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / TRIALS).read_text().splitlines()]


def made_alone(parameters: Tossed) -> dict[int, float]:
    trials = Laboratory().run(STATEMENT, parameters, range(SEEDS))
    return {trial.seed: trial.measurement("deviation").value for trial in trials}


def assert_complete(folder: Path, parameters: list[Tossed]) -> None:
    """Every trial once, and equal to that of a run of its own."""
    found = kept(folder)
    assert len(found) == SEEDS * len(parameters)
    assert len({line["key"] for line in found}) == len(found)
    for case in parameters:
        own = [line for line in found if line["parameters"]["num_tosses"] == case.num_tosses]
        assert {line["seed"]: line["measurements"]["deviation"]["value"] for line in own} == made_alone(case)


def test_processes_make_the_trials_of_one_process(tmp_path):
    assert sweep(tmp_path, cases(0.0)) == []
    assert_complete(tmp_path, cases(0.0))


def test_any_executor_will_do_and_cells_hold_what_the_statement_takes_at_once(tmp_path, monkeypatch):
    asked = []
    statement = registry().find(STATEMENT.id)
    monkeypatch.setattr(Laboratory, "_run_batch", _telling(asked, Laboratory._run_batch))
    work = Sweep(registry, lambda: ThreadPoolExecutor(3), 3, tmp_path)
    assert work.run({statement.id: [Request(Tossed(100), range(10))]}) == []
    assert sorted(len(seeds) for seeds in asked) == [2, BATCH, BATCH]


def _telling(asked, run_batch):
    def told(self, statement, parameters, seeds, files):
        asked.append(seeds)
        return run_batch(self, statement, parameters, seeds, files)

    return told


def test_what_is_kept_is_not_made_again(tmp_path):
    sweep(tmp_path, cases(0.0)[:1])
    before = (tmp_path / TRIALS).read_text()
    told = []
    work = Sweep(registry, _no_executor, 2, tmp_path, progress=lambda *state: told.append(state))
    assert work.run({STATEMENT.id: [Request(cases(0.0)[0], range(SEEDS))]}) == []
    assert (tmp_path / TRIALS).read_text() == before
    assert told == [("sweep", SEEDS, SEEDS)]


def _no_executor():
    raise AssertionError("nothing is to be run")


def test_a_cell_that_raises_is_recorded_and_the_others_go_on(tmp_path):
    trouble = tmp_path / "trouble"
    trouble.touch()
    bad = Tossed(200, trouble=str(trouble))
    failures = sweep(tmp_path, [Tossed(100), bad])
    assert len(failures) == SEEDS // BATCH
    assert {failure.cause.startswith("RuntimeError: no coins for") for failure in failures} == {True}
    assert "Traceback" in failures[0].error
    assert len(kept(tmp_path)) == SEEDS
    again = sweep(tmp_path, [Tossed(100), bad])
    assert sorted(f.key for f in again) == sorted(f.key for f in failures), "failures are not run again unasked"
    trouble.unlink()
    assert sweep(tmp_path, [Tossed(100), bad], retry=True) == []
    assert len(kept(tmp_path)) == 2 * SEEDS


def test_a_worker_that_is_killed_loses_only_what_it_had(tmp_path):
    trouble = tmp_path / "trouble"
    trouble.touch()
    parameters = [Tossed(100), Tossed(200, trouble=str(trouble), kind="dies once")]
    assert sweep(tmp_path, parameters) == []
    assert len({line["key"] for line in kept(tmp_path)}) == len(kept(tmp_path)) == 2 * SEEDS


def test_a_cell_that_always_kills_its_worker_is_given_up(tmp_path):
    trouble = tmp_path / "trouble"
    trouble.touch()
    work = Sweep(registry, lambda: sweeper.processes(1), 1, tmp_path)
    bad = Tossed(200, trouble=str(trouble), kind="dies")
    (failure,) = work.run({STATEMENT.id: [Request(bad, range(BATCH))]})
    assert "a worker died 5 times" in failure.cause
    assert json.loads((tmp_path / FAILURES).read_text())["seeds"] == list(range(BATCH))


def test_a_cell_that_always_kills_its_worker_does_not_take_others_with_it(tmp_path):
    trouble = tmp_path / "trouble"
    trouble.touch()
    work = Sweep(registry, lambda: sweeper.processes(2), 2, tmp_path)
    bad, slow = Tossed(200, trouble=str(trouble), kind="dies"), Tossed(100, pause=0.2)
    failures = work.run({STATEMENT.id: [Request(bad, range(BATCH)), Request(slow, range(SEEDS))]})
    assert [failure.parameters["num_tosses"] for failure in failures] == [200]
    assert len(kept(tmp_path)) == SEEDS


def killed_after(folder: Path, seconds: float) -> None:
    """Start a sweep in a session of its own and kill the driver and its workers."""
    command = [sys.executable, "-m", "tests.runs.sweeper", str(folder), str(PAUSE)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        until = time.monotonic() + 30
        size = len(kept(folder)) if (folder / TRIALS).exists() else 0
        while time.monotonic() < until and (not (folder / TRIALS).exists() or len(kept(folder)) == size):
            if process.poll() is not None:
                return
            time.sleep(0.005)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)


@pytest.mark.slow
def test_a_driver_killed_again_and_again_loses_nothing_that_was_there(tmp_path):
    kills, seen = 0, 0
    for attempt in range(3):
        killed_after(tmp_path, random.Random(attempt).uniform(0, 0.05))
        found = kept(tmp_path)
        assert len(found) > seen
        kills, seen = kills + (len(found) < 2 * SEEDS), len(found)
    assert kills, "the kills must come in the middle of the work"
    assert sweep(tmp_path, cases(PAUSE)) == []
    assert_complete(tmp_path, cases(PAUSE))


@pytest.mark.slow
def test_workers_end_with_a_driver_that_is_killed():
    command = [sys.executable, "-m", "tests.runs.sweeper"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        worker = int(process.stdout.readline())
        assert is_alive(worker)
        process.send_signal(signal.SIGKILL)
    until = time.monotonic() + 20
    while is_alive(worker) and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_alive(worker)


def is_alive(number: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has asked about does not."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{number}/stat")
    return not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_a_folder_with_something_else_is_refused(tmp_path):
    (tmp_path / TRIALS).write_text("these are\nno trials\n")
    with pytest.raises(RecordError, match="JSON line"):
        sweep(tmp_path, cases(0.0))
