"""The order of outcomes and verdicts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsrcheck.evidence.outcome import Outcome, Verdict

OUTCOMES = st.lists(st.sampled_from(Outcome))


def test_no_outcomes_are_not_an_evaluation():
    assert Outcome.worst([]) is Outcome.NOT_EVALUATED


@given(OUTCOMES, OUTCOMES)
def test_the_order_of_cases_does_not_matter(first, second):
    assert Outcome.worst(first + second) is Outcome.worst(second + first)


@given(OUTCOMES)
def test_holds_needs_a_case_that_holds_and_none_that_fails(outcomes):
    holds = Outcome.worst(outcomes) is Outcome.HOLDS
    assert holds == (Outcome.HOLDS in outcomes and set(outcomes) <= {Outcome.HOLDS, Outcome.VACUOUS})


@given(OUTCOMES)
def test_one_violation_violates(outcomes):
    assert Outcome.worst([*outcomes, Outcome.VIOLATED]) is Outcome.VIOLATED


def test_vacuous_cases_alone_do_not_hold():
    assert Outcome.worst([Outcome.VACUOUS, Outcome.VACUOUS]) is Outcome.VACUOUS


def test_verdicts_are_ordered_weakest_first():
    named = [Verdict.VIOLATED, Verdict.INCONCLUSIVE, Verdict.SUPPORTED, Verdict.CERTIFIED, Verdict.PROVED]
    assert sorted(set(named)) == named


@pytest.mark.parametrize("verdict", [Verdict.VIOLATED, Verdict.INCONCLUSIVE, Verdict.OPEN, Verdict.REFUTED])
def test_undecided_and_false_forms_are_not_positive(verdict):
    assert not verdict.is_positive


def test_a_verdict_is_weaker_than_every_later_one_and_not_than_itself():
    verdicts = sorted(Verdict)
    for place, verdict in enumerate(verdicts):
        assert [verdict < other for other in verdicts] == [place < index for index in range(len(verdicts))]
