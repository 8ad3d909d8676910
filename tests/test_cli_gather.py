"""``fsrcheck gather``: counts on the terminal, as JSON and in the report; bad input before any trial."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fsrcheck.evidence.outcome import Verdict
from fsrcheck.runs.stored import read_evidence
from fsrcheck.statement import Control, Paper
from tests.example import SQUARE, THEOREM
from tests.invoking import assert_one_line, content, invoke_on, paper_of

BLIND = Control("same coin", "nothing", "mean deviation", {"repetitions": 500})


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Default files go to a folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def paper() -> Paper:
    return paper_of(THEOREM, SQUARE)


def test_statements_that_make_trials_are_gathered_into_one_line_each(paper: Paper, here: Path) -> None:
    result = invoke_on(paper)("gather", "--runs", 3, "--seed", 5, "--json")
    assert result.exit_code == 0
    assert result.stderr == ""
    (told,) = content(result)
    assert (told["statement"], told["runs"], told["false_alarms"], told["seeds"]) == ("coins.T.2", 3, 0, {"5": 3})
    assert [json.loads(line) for line in (here / "reports/evidence.jsonl").read_text().splitlines()] == [told]
    assert not list((here / "reports/runs").iterdir())


def test_human_output_counts_runs_and_controls(paper: Paper) -> None:
    printed = invoke_on(paper)("gather", "T.2", "--runs", 3, "--seed", 5).stdout
    for text in (
        "3, 3 of them SUPPORTED as expected",
        "3 of 3",
        "loaded coins",
        "seed 5, added to reports/evidence.jsonl",
    ):
        assert text in printed


def test_a_fresh_seed_is_drawn_told_and_stored(paper: Paper) -> None:
    result = invoke_on(paper)("gather", "--runs", 2, "--json")
    (told,) = content(result)
    assert result.stderr == f"seed {next(iter(told['seeds']))}\n"


def test_a_false_alarm_exits_with_1_and_can_be_replayed(here: Path) -> None:
    invoke = invoke_on(paper_of(replace(THEOREM, expected=Verdict.PROVED)))
    result = invoke("gather", "--runs", 2, "--seed", 5)
    assert result.exit_code == 1
    (command, _) = read_evidence(here / "reports/evidence.jsonl")[0].replays
    assert f"false alarm: {command}" in result.stdout
    assert content(invoke(*command.split()[1:], "--json"))[0]["verdict"] == "SUPPORTED"


def test_a_missed_control_is_counted_and_is_no_false_alarm() -> None:
    result = invoke_on(paper_of(replace(THEOREM, controls=(BLIND,))))("gather", "--runs", 2, "--json")
    (told,) = content(result)
    assert (told["inconclusive"], told["false_alarms"]) == (2, 0)
    assert told["caught"]["same coin"]["runs"] == 0
    assert told["caught"]["same coin"]["high"] < 1
    assert result.exit_code == 0


def test_an_interrupted_gathering_writes_nothing_and_goes_on(here: Path) -> None:
    calls = []

    def interrupted(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return THEOREM.run(*arguments)

    words = ("gather", "--runs", 3, "--seed", 5, "--json")
    invoke = invoke_on(paper_of(replace(THEOREM, run=interrupted)))
    assert invoke(*words).exit_code == 130
    assert not (here / "reports/evidence.jsonl").exists()
    (told,) = content(invoke(*words))
    assert told["runs"] == 3
    batches = {(parameters, tuple(seeds)) for parameters, seeds, _ in calls}
    assert len(calls) == len(batches) + 1, "only the batch in flight is made twice"


def test_the_report_shows_it_as_stored(paper: Paper, here: Path) -> None:
    invoke = invoke_on(paper)
    invoke("gather", "--runs", 3, "--seed", 5)
    told = content(invoke("report", "--seed", 5, "--out", "report", "--stored", "reports/evidence.jsonl", "--json"))
    page = next(Path(path) for path in told["files"] if path.endswith(".html")).read_text()
    assert "stored: not from this run" in page
    assert "3 runs, scale quick, cpu" in page


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("T.22",), "did you mean coins.T.2?"),
        (("sq",), "coins.sq needs no trials"),
        (("--runs", "0"), "0"),
        (("--runs", "many"), "many"),
        (("--scale", "huge"), "huge"),
        (("--seed", "-1"), "-1"),
        (("--out", "folder"), "folder"),
        (("--out", "occupied/evidence.jsonl"), "must be writable"),
        (("--out", "foreign.jsonl"), "foreign.jsonl"),
        (("--store", "occupied"), "must be writable"),
    ],
)
def test_bad_input_is_one_line_before_any_trial(here: Path, words: tuple[str, ...], named: str) -> None:
    def never(*arguments: object) -> object:
        raise AssertionError("a trial was run")

    (here / "folder").mkdir()
    (here / "occupied").write_text("a file")
    (here / "foreign.jsonl").write_text('{"statement": "coins.T.2"}\n')
    assert_one_line(invoke_on(paper_of(replace(THEOREM, run=never), SQUARE))("gather", *words), named)


def test_a_report_of_foreign_evidence_is_one_line(paper: Paper, here: Path) -> None:
    (here / "foreign.jsonl").write_text('{"statement": "coins.T.2"}\n')
    assert_one_line(invoke_on(paper)("report", "--stored", "foreign.jsonl"), "foreign.jsonl")
