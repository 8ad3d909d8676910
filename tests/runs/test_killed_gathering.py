"""A gathering killed at any moment loses at most the batch in flight; resumed, it ends as an unkilled one."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.runs.gatherer import BATCH, gather

ROOT = Path(__file__).parents[2]


def killed_after(folder: Path, seconds: float) -> list[str]:
    """Start a gathering, kill it some time after its first batch, and return the seeds of the batches it began."""
    command = [sys.executable, "-m", "tests.runs.gatherer", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [process.stdout.readline()]
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        told += process.stdout.read().splitlines()
    return " ".join(told).split()


@pytest.mark.slow
def test_killed_again_and_again_it_repeats_at_most_the_batch_in_flight(tmp_path, capfd):
    begun: list[str] = []
    for attempt in range(3):
        again = killed_after(tmp_path, random.Random(attempt).uniform(0, 0.3))
        assert len(set(again) & set(begun)) <= BATCH
        begun += again
        assert not (tmp_path / "evidence.jsonl").exists(), "the kills must come in the middle of the work"
    capfd.readouterr()
    resumed = gather(tmp_path)
    rest = capfd.readouterr().out.split()
    assert len(set(rest) & set(begun)) <= BATCH
    assert resumed == gather(tmp_path / "whole")
    assert not list((tmp_path / "work").iterdir())
