"""The tables say what was measured, and the page can read them."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from fsrcheck.error_rates.counting import Count, Counted, Scenario
from fsrcheck.error_rates.figure import figure_svg
from fsrcheck.error_rates.limits import Student
from fsrcheck.error_rates.measuring import ErrorRates, measuring_code
from fsrcheck.error_rates.power import Curve, Power
from fsrcheck.error_rates.tables import findings, json_text, tables, to_csv, to_markdown
from fsrcheck.error_rates.tails import Estimate
from fsrcheck.evidence.claim import Interval
from fsrcheck.evidence.outcome import Outcome
from fsrcheck.report.error_tables import read_tables


def counted(kind: str, violated: int, holds: int = 0, level: float | None = 0.05, miss: float | None = None) -> Counted:
    scenario = Scenario(kind, "law", "one look", lambda run: Outcome.HOLDS, level=level, miss=miss)
    return Counted(scenario, Counter({Outcome.VIOLATED: violated, Outcome.HOLDS: holds}), 1000)


CURVE = Curve(
    "Scaling",
    "steeper",
    8,
    (Power(0.0, 0, 100, 0.0), Power(0.5, 90, 100, 0.9)),
    ((0.0, 0.0), (0.5, 0.9)),
    Interval(float("inf"), 0.4, float("inf")),
)
FOUND = ErrorRates(
    runs=1000,
    seed=3,
    share=1e-9,
    counted=[counted("Bound", 40), counted("Frequency", 10, 5, miss=0.01), counted("other", 0, 0, None, 0.01)],
    ends=[counted("end", 300, 3, miss=0.01)],
    broken=[counted("broken", 400)],
    in_a_row=[Count("exceedances in a row", "2", "numpy's generator", 3, 1000, 0.0025)],
    tails=[Estimate("1e-10", 4.1e-11, 1e-12, 4e-11, 1e-10)],
    estimated=[Student(10, 7e-4, 2e-10)],
    curves=[CURVE],
)


def table(found: ErrorRates, title: str) -> list[tuple]:
    (one,) = [one for one in tables(found) if one.title.startswith(title)]
    return list(one.rows)


def test_every_row_is_as_wide_as_its_heading_and_no_table_is_empty() -> None:
    for one in tables(FOUND):
        assert one.rows, one.title
        assert {len(row) for row in one.rows} == {len(one.columns)}, one.title
        assert one.text.endswith(".")


def test_rows_by_hand() -> None:
    assert table(FOUND, "False alarms")[0] == (
        "Bound",
        "law",
        "one look",
        1000,
        40,
        "0.04 [0.0208, 0.0682]",
        0.05,
        "yes",
    )
    assert [row[:5] for row in table(FOUND, "False claims")] == [
        ("Frequency", "law", "one look", 1000, 5),
        ("other", "law", "one look", 1000, 0),
    ]
    assert table(FOUND, "Judges broken")[0][-1] == "yes"
    assert [(row[0], row[4], row[-1]) for row in table(FOUND, "Where")] == [
        ("VIOLATED", 300, "NO"),
        ("HOLDS", 3, "yes"),
    ]
    assert table(FOUND, "Exceedances")[0][:5] == ("numpy's generator", 2, 0.0025, 1000, 3)
    assert table(FOUND, "Tails")[0] == (
        "sequential test at 1e-10",
        1e-10,
        4e-11,
        "4.1×10⁻¹¹ ± 10⁻¹²",
        None,
        "yes",
        "yes",
    )
    assert table(FOUND, "Smallest") == [("Scaling", "steeper", 8, None)]
    assert table(FOUND, "Power")[1] == ("Scaling", 8, 0.5, 0.9, 90, 100, "yes")


def test_findings_count_what_is_kept_and_seen() -> None:
    assert findings(FOUND) == [
        "5 of 5 stated levels are kept; largest share of false alarms: 0.04 at a stated 0.05 (Bound, law).",
        "1 of 1 broken judges are seen.",
        "0 simulated tails and powers differ from their exact values.",
    ]


def test_a_level_that_is_not_kept_is_said_in_every_form(tmp_path: Path) -> None:
    bad = replace(FOUND, counted=[*FOUND.counted, counted("Worse", 100)], broken=[counted("sleepy", 50)])
    assert [one.kind for one in bad.not_kept] == ["Worse"]
    assert [one.kind for one in bad.not_seen] == ["sleepy"]
    assert table(bad, "False alarms")[-1][-1] == "NO"
    for text in (to_markdown(bad, "x.svg"), json_text(bad)):
        assert "NOT KEPT: Worse" in text
        assert "NOT SEEN: sleepy" in text


@pytest.mark.parametrize(
    "change",
    [
        {"tails": [Estimate("1e-10", 9e-11, 1e-12, 4e-11, 1e-10)]},
        {"tails": [Estimate("1e-10", 4e-11, 1e-12, 4e-11, 3e-11)]},
        {"in_a_row": [Count("exceedances in a row", "1", "numpy's generator", 1, 1000, 0.05)]},
        {"curves": [replace(CURVE, points=(Power(0.5, 10, 100, 0.9),))]},
    ],
)
def test_a_simulated_value_far_from_the_exact_one_is_a_disagreement(change) -> None:
    assert FOUND.disagreements == 0
    assert replace(FOUND, **change).disagreements == 1


def test_the_page_reads_the_tables(tmp_path: Path) -> None:
    path = tmp_path / "error_rates.json"
    path.write_text(json_text(FOUND), encoding="utf-8")
    assert read_tables(path, measuring_code()) == tables(FOUND)
    assert json.loads(path.read_text(encoding="utf-8"))["seed"] == 3


def test_markdown_has_every_table_and_the_command_that_repeats_it() -> None:
    text = to_markdown(FOUND, "rates.svg")
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == [one.title for one in tables(FOUND)]
    assert "![power curves](rates.svg)" in text
    assert "`fsrcheck error-rates --runs 1000 --seed 3`" in text


def test_csv_has_every_row() -> None:
    lines = to_csv(FOUND).split("\n")
    assert len(lines) == sum(len(one.rows) + 3 for one in tables(FOUND)) + 1


def test_the_figure_is_the_same_each_time_and_has_a_ground() -> None:
    text = figure_svg([CURVE])
    assert text == figure_svg([CURVE])
    assert "8 trials" in text
    assert "#fffffe" in text
