"""Gathering in several processes counts what one counts; the driver alone writes, and what was judged is not lost."""

import json
from contextlib import closing, contextmanager

import pytest
import torch

from fsrcheck.commands import options
from fsrcheck.runs.gathering import Gathering, gather_side_by_side
from fsrcheck.runs.stored import read_evidence
from tests.invoking import invoke_on
from tests.runs.side_by_side import LONG, SHORT, registry, silent_showing

RUNS = 3


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # as a worker has; a line says so
    yield
    torch.set_num_threads(before)


def gathering(folder):
    return Gathering(registry(), "cpu", 5, RUNS, folder=folder / "work")


def side_by_side(folder, showing=silent_showing):
    out = folder / "evidence.jsonl"
    return gather_side_by_side(registry, gathering(folder), [SHORT, LONG], out, 2, showing)


def test_two_processes_write_what_one_writes(tmp_path):
    alone, together = tmp_path / "alone", tmp_path / "together"
    for folder in (alone, together):
        folder.mkdir()
    found = [gathering(alone).gather(statement, alone / "evidence.jsonl") for statement in (SHORT, LONG)]
    assert sorted(side_by_side(together), key=lambda line: line.statement) == found
    assert (together / "evidence.jsonl").read_text() == (alone / "evidence.jsonl").read_text()
    assert not list((together / "work").iterdir())


def test_what_is_there_is_not_counted_again(tmp_path):
    list(side_by_side(tmp_path))
    first = (tmp_path / "evidence.jsonl").read_text()
    assert [line.runs for line in side_by_side(tmp_path)] == [RUNS, RUNS]
    assert (tmp_path / "evidence.jsonl").read_text() == first


def test_progress_comes_from_the_workers(tmp_path):
    told = set()

    @contextmanager
    def showing():
        yield lambda label, done, total: told.add(label.partition(",")[0].partition(" ")[0])

    list(side_by_side(tmp_path, showing))
    assert told >= {SHORT.id, LONG.id}


def test_given_up_in_the_middle_it_goes_on(tmp_path):
    with closing(side_by_side(tmp_path)) as lines:
        first = next(lines)
    assert read_evidence(tmp_path / "evidence.jsonl") == [first]
    assert [line.runs for line in side_by_side(tmp_path)] == [RUNS, RUNS]
    assert not list((tmp_path / "work").iterdir())


def test_the_command_line_has_it(monkeypatch, tmp_path):
    monkeypatch.setattr(options, "WORKER_REGISTRY", registry)
    monkeypatch.chdir(tmp_path)
    invoke = invoke_on(*registry().papers)

    def gathered(jobs):
        words = (
            "gather",
            "T.1",
            "T.3",
            "--runs",
            RUNS,
            "--seed",
            5,
            "--json",
            "--jobs",
            jobs,
            "--out",
            f"{jobs}.jsonl",
        )
        result = invoke(*words)
        return result.exit_code, json.loads(result.stdout)

    assert gathered(1) == gathered(2)
