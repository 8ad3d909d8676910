from dataclasses import replace

import pytest

from fsrcheck.evidence.claim import CaseJudgement, Interval, Judgement, Side, Strength
from fsrcheck.evidence.outcome import Outcome
from fsrcheck.report.controls import ControlRow, control_rows, exponents_word, factors_word
from fsrcheck.report.page import render_page
from tests.report import rich

FAILED = Judgement("c", "Bound", "", Outcome.VIOLATED)


def case(measured: float, bound: float, side: Side = Side.BELOW) -> CaseJudgement:
    return CaseJudgement(None, Outcome.VIOLATED, 4, measured, bound, side=side)


@pytest.mark.parametrize(
    ("rows", "word"),
    [
        ([case(3.0, 1.5)], "a factor 2 beyond its bound"),
        ([case(3.0, 1.5), case(9.0, 1.5)], "a factor 2 to 6 beyond its bound"),
        ([case(0.25, 1.0, Side.ABOVE)], "a factor 4 beyond its bound"),
    ],
)
def test_strength_is_the_factor_beyond_the_bound(rows, word):
    assert factors_word(replace(FAILED, cases=tuple(rows))) == word


def test_the_strength_of_an_exponent_is_where_it_went():
    intervals = {"a": Interval(0.01, 0, 0.02), "b": Interval(-0.2, -0.3, -0.1)}
    found = replace(FAILED, exponents=intervals, claimed_exponent=-0.5)
    assert exponents_word(found) == "exponent −0.2 to 0.01 where −0.5 is claimed"
    assert exponents_word(replace(found, exponents={"a": intervals["a"]})) == "exponent 0.01 where −0.5 is claimed"


def test_a_deduction_has_no_chance_in_it(rich_entries):
    rows = {row.found.control.name: row for row in control_rows(rich_entries)}
    assert rows["beyond"].strength == "exact, no chance in it"
    assert rows["beyond"].trials == 0


def test_where_nothing_is_told_there_is_a_dash(results):
    found = replace(results[0].controls[0], judgement=replace(FAILED, strength=Strength.MEASURED))
    assert ControlRow(None, found).strength == "–"


def test_where_no_quotient_tells_the_two_numbers_do(results):
    judgement = replace(FAILED, cases=(case(0.0, 0.9, Side.ABOVE),))
    found = replace(results[0].controls[0], judgement=judgement)
    assert ControlRow(None, found).strength == "0, at least 0.9 is claimed"


def test_every_control_that_was_run_is_listed_with_its_trials(rich_entries, rich_results):
    rows = control_rows(rich_entries)
    assert len(rows) == sum(len(result.controls) for result in rich_results) == 5
    assert rows[0].trials == 16
    assert rows[0].strength.endswith("beyond its bound")
    assert float(rows[0].strength.split()[2]) > 1


def part_of(html: str) -> str:
    html = html[html.index('<section id="controls"') :]
    return html[: html.index("</section>")]


def test_the_page_counts_what_is_caught(rich_results):
    part = part_of(render_page(rich_results, rich.REGISTRY).html)
    assert "<b>5 of 5</b> controls were caught" in part
    assert "MISSED" not in part


def test_a_missed_control_is_shown_first_and_at_once(results, registry):
    """Of two controls the second is missed."""
    first, second = results[0].controls
    missed = replace(results[0], controls=(first, replace(second, premises_unseen=("fair",))))
    part = part_of(render_page([missed, results[1]], registry).html)
    assert "<b>2 of 3</b>" in part
    assert "<details open>" in part
    assert part.index("MISSED") < part.index("caught</span>")


def test_nothing_run_has_no_controls(registry):
    assert "No control was run." in part_of(render_page([], registry).html)
