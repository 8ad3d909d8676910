"""Selections, slack and what makes a case unusable."""

from fsrcheck.evidence.claim import CaseJudgement, Judgement, Selection, unusable
from fsrcheck.evidence.outcome import Outcome
from fsrcheck.evidence.trial import Case
from tests.evidence.making import INFINITY, NAN, Point, case


def test_a_selection_picks_cases_by_their_parameters():
    small, large = case([1.0], Point(1)), case([1.0], Point(2))
    assert Selection({"size": 2})([small, large]) == [large]


def test_slack_is_bound_over_measured():
    assert CaseJudgement(Point(), Outcome.HOLDS, measured=2.0, bound=3.0).slack == 1.5


def test_slack_of_nothing_measured_is_infinite():
    assert CaseJudgement(Point(), Outcome.HOLDS, measured=0.0, bound=3.0).slack == INFINITY


def test_the_tightest_case_has_the_smallest_slack():
    rows = tuple(CaseJudgement(Point(), Outcome.HOLDS, measured=m, bound=6.0) for m in (1.0, 3.0, 2.0))
    assert Judgement("", "", "", Outcome.HOLDS, cases=rows).tightest == rows[1]


def test_a_case_without_trials_is_not_evaluated():
    assert unusable(Case(Point(), ()), ["y"]).outcome is Outcome.NOT_EVALUATED


def test_a_failed_premise_is_named_with_its_seed():
    row = unusable(case([1.0], premises={"small noise": -0.5}), ["y"])
    assert row.outcome is Outcome.INAPPLICABLE
    assert "'small noise'" in row.message
    assert "seed 0" in row.message


def test_a_failed_premise_counts_before_a_missing_number():
    assert unusable(case([NAN], premises={"p": -1.0}), ["y"]).outcome is Outcome.INAPPLICABLE


def test_a_case_with_numbers_and_premises_is_usable():
    assert unusable(case([1.0], premises={"p": 0.0}), ["y"]) is None
