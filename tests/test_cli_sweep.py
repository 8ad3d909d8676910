"""``fsrcheck sweep``: side by side, over a grid of one's own, and stopped at nothing but bad input."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from fsrcheck.commands import sweeping
from fsrcheck.registry import Registry
from tests.example import SIZES, SQUARE, THEOREM
from tests.invoking import assert_one_line, invoke_on, paper_of

PAPER = paper_of(THEOREM, SQUARE)


@pytest.fixture
def invoke(monkeypatch):
    monkeypatch.setattr(sweeping, "WORKER_REGISTRY", lambda: Registry([PAPER]))
    monkeypatch.setattr(sweeping, "processes", ThreadPoolExecutor)
    return invoke_on(PAPER)


def test_a_sweep_is_judged_like_a_check(invoke, tmp_path):
    swept = invoke("sweep", "--seed", 3, "--jobs", 2, "--store", tmp_path / "here", "--json")
    checked = invoke("check", "coins.T.2", "--seed", 3, "--json")
    assert swept.exit_code == checked.exit_code == 0
    assert json.loads(swept.stdout) == {"results": json.loads(checked.stdout), "failed": []}


def test_a_grid_replaces_cases_and_leaves_controls_out(invoke, tmp_path):
    found = invoke(
        "sweep", "T.2", "--seed", 3, "--grid", "num_tosses=50,100", "--trials", 12, "--store", tmp_path, "--json"
    )
    (result,) = json.loads(found.stdout)["results"]
    assert sum(1 for _ in (tmp_path / "trials.jsonl").open()) >= 24
    assert result["controls"] == []


def test_the_same_command_goes_on_where_it_was(invoke, tmp_path):
    first = invoke("sweep", "T.2", "--seed", 3, "--store", tmp_path)
    before = (tmp_path / "trials.jsonl").read_text()
    assert len(before.splitlines()) >= 10 * len(SIZES)
    again = invoke("sweep", "T.2", "--seed", 3, "--store", tmp_path)
    assert (tmp_path / "trials.jsonl").read_text() == before
    assert first.stdout == again.stdout


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--grid", "num_tosses"), "name=value"),
        (("--grid", "num_tosses=1,,2"), "name=value"),
        (("--grid", "sides=6"), "num_tosses"),
        (("--grid", "num_tosses=many"), "int"),
        (("--grid", "num_tosses=1", "--grid", "num_tosses=2"), "once"),
        (("--jobs", "1", "--scheduler", "tcp://here:1"), "--jobs"),
        (("coins.sq",), "needs no trials"),
    ],
)
def test_bad_input_is_one_line(invoke, tmp_path, words, complaint):
    assert_one_line(invoke("sweep", *words, "--store", tmp_path), complaint)
