"""A writer killed at any moment loses at most the trial in flight; a resumed run equals an unkilled one."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fsrcheck.runs.records import TrialStore
from fsrcheck.runs.trying import Laboratory
from tests.runs.writer import CODE, COUNT, SEEDS, STATEMENT, Width

ROOT = Path(__file__).parents[2]


def killed_after(path: Path, seconds: float) -> int:
    """Start a writer, kill it some time after it began, and return how many trials it said were done."""
    command = [sys.executable, "-m", "tests.runs.writer", str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [process.stdout.readline()]
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        told += process.stdout.read().splitlines()
    return int(told[-1])


@pytest.fixture(scope="module")
def unkilled():
    return Laboratory().run(STATEMENT, Width(), SEEDS)


def test_killed_again_and_again_it_loses_at_most_the_trial_in_flight(tmp_path, unkilled):
    path, saved = tmp_path / "trials.jsonl", 0
    for attempt in range(5):
        done = killed_after(path, random.Random(attempt).uniform(0, 0.12))
        store = TrialStore(path, CODE)
        assert done <= len(store) <= done + 1
        assert saved <= len(store)
        saved = len(store)
        assert all(store.get("wide.1", {"width": 300}, t.seed) == t for t in unkilled[:saved])
    assert 0 < saved < COUNT, "the kills must come in the middle of the work"
    assert Laboratory(store=TrialStore(path, CODE)).run(STATEMENT, Width(), SEEDS) == unkilled
    assert len(path.read_text().splitlines()) == COUNT


def test_a_resumed_run_makes_only_what_is_missing(tmp_path):
    path, told = tmp_path / "trials.jsonl", []
    Laboratory(store=TrialStore(path, CODE)).run(STATEMENT, Width(), SEEDS[:10])
    store = TrialStore(path, CODE)
    Laboratory(store=store, progress=lambda *words: told.append(words[1:])).run(STATEMENT, Width(), SEEDS[:12])
    assert told == [(10, 12), (11, 12), (12, 12)]
