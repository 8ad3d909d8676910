"""The Markdown of a comparison, as a pull request shows it."""

import re

from fsrcheck.report.comparison import LONGEST, comparison_markdown, not_compared_markdown
from fsrcheck.runs.findings import Comparison, Finding, Grade
from fsrcheck.runs.tolerances import Tolerances

FINDING = Finding(
    Grade.REGRESSION, "coins.T.2", "slack of claim 'a|b'", "1.5", "1.1", "n=100", "-27 %", "fsrcheck check coins.T.2"
)


def comparison(*grades: Grade) -> Comparison:
    findings = tuple(Finding(grade, "coins.T.2", grade.name, "1", "2") for grade in grades)
    return Comparison(("coins.T.2", "coins.sq"), findings)


def test_there_is_one_table_for_each_grade_that_was_found() -> None:
    text = comparison_markdown(comparison(Grade.REGRESSION, Grade.REGRESSION, Grade.IMPROVEMENT))
    assert re.findall("^## (.*)", text, re.MULTILINE) == ["Regressions", "Improvements that nobody explained"]
    assert text.count("\n| --- |") == 2
    assert "Found: 2 regressions, 1 improvement, 0 suspected, 0 new." in text


def test_without_findings_there_are_counts_and_tolerances_alone() -> None:
    text = comparison_markdown(comparison())
    assert "|" not in text
    assert f"`{Tolerances()}`" in text


def test_a_bar_does_not_end_a_cell() -> None:
    (row,) = [line for line in comparison_markdown(Comparison((), (FINDING,))).splitlines() if "coins.T.2" in line]
    assert r"a\|b" in row
    assert len(re.findall(r"(?<!\\)\|", row)) == 8


def test_a_comment_is_never_too_long_and_says_so() -> None:
    text = comparison_markdown(Comparison((), (FINDING,) * 2000))
    assert len(text) < LONGEST + 100
    assert "Left out: " in text


def test_where_there_was_no_baseline_the_reason_is_shown() -> None:
    assert "**Not compared**: torn at line 3" in not_compared_markdown("torn\nat line 3")
