"""``fsrcheck error-rates`` at few runs: files, exit codes, mistakes."""

import json
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

from fsrcheck.error_rates import measuring
from fsrcheck.error_rates.measuring import ErrorRates
from tests.example import PAPER
from tests.invoking import assert_one_line, content, invoke_on

invoke = invoke_on(PAPER)
NAMES = ["error_rates.md", "error_rates.csv", "error_rates.json", "error_rates.svg"]


measure = measuring.measure


@cache
def measured() -> ErrorRates:
    return measure(2, 7, 1e-6 / 512, lambda *step: None)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "measure", lambda runs, seed, share, progress: measured())


def test_it_measures_and_writes_everything() -> None:
    out = Path(mkdtemp()) / "new"
    found = invoke("error-rates", "--runs", 2, "--seed", 7, "--out", out, "--json")
    assert found.exit_code in (0, 1, 3)  # two runs see nothing broken
    told = content(found)
    assert [Path(name).name for name in told["files"]] == NAMES
    assert all(Path(name).stat().st_size > 1000 for name in told["files"])
    assert (told["runs"], told["seed"], told["share"]) == (2, 7, pytest.approx(1e-6 / 512))
    stored = json.loads((out / "error_rates.json").read_text(encoding="utf-8"))
    assert stored["tables"] == told["tables"]
    assert found.stderr == ""


@pytest.mark.usefixtures("quick")
def test_it_prints_tables_and_findings(tmp_path: Path) -> None:
    found = invoke("error-rates", "--seed", 7, "--out", tmp_path)
    assert "False alarms" in found.stdout
    assert "stated levels are kept" in found.stdout
    assert f"seed 7; read {tmp_path / NAMES[0]}" in found.stdout


@pytest.mark.usefixtures("quick")
def test_broken_judges_that_are_not_seen_decide_nothing(tmp_path: Path) -> None:
    assert measured().not_seen
    assert invoke("error-rates", "--seed", 7, "--out", tmp_path).exit_code in (1, 3)


@pytest.mark.parametrize(("flaw", "code"), [("none", 0), ("not_seen", 3), ("not_kept", 1), ("disagreements", 1)])
def test_exit_codes(flaw: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Told(ErrorRates):
        not_kept = property(lambda self: self.false_alarms[:1] if flaw == "not_kept" else [])
        not_seen = property(lambda self: self.false_alarms[:1] if flaw == "not_seen" else [])
        disagreements = property(lambda self: int(flaw == "disagreements"))

    told = Told(**vars(measured()))
    monkeypatch.setattr(measuring, "measure", lambda runs, seed, share, progress: told)
    assert invoke("error-rates", "--seed", 1, "--out", tmp_path).exit_code == code


def test_one_run_is_too_few() -> None:
    assert_one_line(invoke("error-rates", "--runs", 1), "runs")


@pytest.mark.usefixtures("quick")
def test_a_folder_that_cannot_be_written_is_told_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert_one_line(invoke("error-rates", "--out", tmp_path / "file"), "writable")


def test_the_same_seed_measures_the_same() -> None:
    again = measure(2, 7, 1e-6 / 512, lambda *step: None)
    assert [one.outcomes for one in again.counted] == [one.outcomes for one in measured().counted]
    assert (again.tails, again.curves, again.in_a_row) == (measured().tails, measured().curves, measured().in_a_row)
