"""The errata as Markdown: four classes apart, counterexamples recomputed, verdicts only of what was run."""

from dataclasses import replace
from pathlib import Path

import pytest

from fsrcheck.registry import Registry
from fsrcheck.report.errata import HEADINGS, errata_markdown
from fsrcheck.report.page import render_page
from fsrcheck.runs.checking import check_many
from fsrcheck.statement import Defect, Erratum
from tests.example import PAPER, SQUARE, THEOREM
from tests.invoking import assert_one_line, invoke_on, paper_of

ACCUSED = SQUARE.errata[0]
NO_PROOF = Erratum(
    Defect.PROOF_GAP, "line 3 divides by zero", "line 3", "multiply instead", corrected_in="second edition"
)


def section(markdown: str, defect: Defect) -> str:
    """The text under the heading of a class."""
    return next(part for part in markdown.split("\n## ") if part.startswith(HEADINGS[defect][0]))


def markdown_of(*errata: Erratum) -> str:
    """The errata of the example's square with others in place of its own."""
    registry = Registry([paper_of(replace(SQUARE, errata=errata))])
    return errata_markdown(check_many(registry=registry, seed=1, device="cpu"), registry)


def test_every_part_of_an_erratum_is_there(results, registry):
    found = section(errata_markdown(results, registry), Defect.FALSE_STATEMENT)
    assert "### Fact 1 (`coins.sq`)\n\nThe cross term is missing.\n" in found
    for line in (
        "- printed: $(a + b)^2 = a^2 + b^2$",
        "- fails: line 1",
        "- counterexample: a = b = 1: printed 2, actual 4; contradicts",
        "- repaired: $a^2 + 2 a b + b^2$",
        "- verdict on the statement as repaired: **PROVED**: $(a + b)^2 = a^2 + 2 a b + b^2$",
        "- corrected in: not known",
    ):
        assert f"\n{line}\n" in f"{found}\n"


def test_every_class_has_a_heading_in_one_order(results, registry):
    markdown = errata_markdown(results, registry)
    heads = [line[3:] for line in markdown.splitlines() if line.startswith("## ")]
    assert heads == [title for title, _ in HEADINGS.values()]
    assert set(HEADINGS) == set(Defect)
    assert section(markdown, Defect.MISPRINT).rstrip().endswith("None.")


@pytest.mark.parametrize("defect", list(Defect))
def test_an_erratum_stands_under_its_class_alone(defect: Defect):
    markdown = markdown_of(replace(ACCUSED, defect=defect))
    assert [other for other in Defect if "coins.sq" in section(markdown, other)] == [defect]


def test_an_error_of_a_proof_needs_no_counterexample():
    found = section(markdown_of(NO_PROOF), Defect.PROOF_GAP)
    assert "- counterexample: none, the statement itself is not refuted" in found
    assert "- corrected in: second edition" in found


def test_the_text_that_was_read_is_named_everywhere():
    paper = replace(PAPER, text="second edition; the first was not available")
    registry = Registry([paper])
    head = errata_markdown([], registry).split("\n## ")[0]
    assert "\n\nText of `coins`: second edition; the first was not available\n" in head
    assert "Text of <code>coins</code>: second edition; the first was not available" in render_page([], registry).html
    printed = " ".join(invoke_on(paper)("errata").output.split())
    assert "Text of coins: second edition; the first was not available" in printed


def test_a_paper_without_a_named_text_has_no_such_line(registry):
    assert "Text of" not in errata_markdown([], registry)
    assert "Text of" not in render_page([], registry).html
    assert "Text of" not in invoke_on(PAPER)("errata").output


def test_what_does_not_contradict_is_marked_and_not_counted():
    assert ACCUSED.counterexample is not None
    harmless = replace(ACCUSED.counterexample(), contradicts=False)
    markdown = markdown_of(replace(ACCUSED, counterexample=lambda: harmless))
    assert "**DOES NOT CONTRADICT**" in markdown
    assert "0 of 1 contradict" in markdown
    assert "- counterexample: **missing**" in markdown_of(replace(ACCUSED, counterexample=None))


def test_what_was_not_run_has_no_verdict_but_its_counterexample(registry):
    markdown = errata_markdown([], registry)
    assert "not run here (expected of the statement: REPAIRED)" in markdown
    assert "actual 4; contradicts" in markdown
    assert "1 of 1 contradict" in markdown


def test_the_file_is_the_same_every_time(results, registry):
    assert errata_markdown(results, registry) == errata_markdown(results, registry)


def test_the_command_judges_what_needs_no_trials(tmp_path: Path):
    out = tmp_path / "errata.md"
    accused = replace(THEOREM, errata=(NO_PROOF,))
    result = invoke_on(replace(PAPER, statements=(accused, SQUARE)))("errata", "--out", out)
    assert result.exit_code == 0
    markdown = out.read_text(encoding="utf-8")
    assert "**PROVED**" in section(markdown, Defect.FALSE_STATEMENT)
    assert "not run here" in section(markdown, Defect.PROOF_GAP)


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path):
    assert_one_line(invoke_on(PAPER)("errata", "--out", tmp_path / "missing" / "errata.md"), "--out", "errata.md")


def test_the_report_has_the_same_file(folder: Path, results, registry):
    assert (folder / "errata.md").read_text(encoding="utf-8") == errata_markdown(results, registry)
