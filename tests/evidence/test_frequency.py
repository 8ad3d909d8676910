"""``Frequency``: exact binomial limits, shared out over the looks."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fsrcheck.evidence.budget import LOOKS
from fsrcheck.evidence.claim import Selection
from fsrcheck.evidence.frequency import Frequency, clopper_pearson
from fsrcheck.evidence.outcome import Outcome
from fsrcheck.evidence.trial import Case
from tests.evidence.making import NAN, Point, case, counted, evidence, is_at_most, trial

OFTEN = Frequency("f", "Pr >= 1/2", "hits", lambda point: 0.5, attempts="attempts")
RARELY = replace(OFTEN, at_least=False)
BY_TRIAL = Frequency("f", "Pr >= 1/2", "y", lambda point: 0.5)


@given(st.integers(1, 60), st.floats(0.001, 0.5), st.data())
def test_limits_are_where_the_binomial_tails_have_the_deficit(attempts, deficit, data):
    successes = data.draw(st.integers(0, attempts))
    limits = clopper_pearson(successes, attempts, deficit)
    if successes > 0:
        assert stats.binom.sf(successes - 1, attempts, limits.low) == pytest.approx(deficit)
    if successes < attempts:
        assert stats.binom.cdf(successes, attempts, limits.high) == pytest.approx(deficit)


@given(st.integers(1, 200), st.data())
def test_limits_enclose_the_estimate(attempts, data):
    limits = clopper_pearson(data.draw(st.integers(0, attempts)), attempts, 1e-9)
    assert 0 <= limits.low <= limits.value <= limits.high <= 1


@pytest.mark.parametrize("rate", [0.03, 0.5, 0.9])
def test_each_limit_misses_with_at_most_its_deficit_for_every_rate(rate):
    counts = np.arange(41)
    weights = stats.binom.pmf(counts, 40, rate)
    limits = [clopper_pearson(int(count), 40, 0.05) for count in counts]
    assert weights[[limit.low > rate for limit in limits]].sum() <= 0.05
    assert weights[[limit.high < rate for limit in limits]].sum() <= 0.05


@pytest.mark.parametrize(("successes", "attempts"), [(0, 0), (3, 2), (-1, 2)])
def test_counts_that_make_no_sense_are_refused(successes, attempts):
    with pytest.raises(ValueError, match="successes must lie"):
        clopper_pearson(successes, attempts, 0.01)


@pytest.mark.parametrize(
    ("successes", "outcome"), [(90, Outcome.HOLDS), (50, Outcome.INCONCLUSIVE), (10, Outcome.VIOLATED)]
)
def test_far_above_holds_far_below_violates_and_near_is_open(successes, outcome):
    assert OFTEN.judge(evidence(counted(successes, 100))).outcome is outcome


@given(st.integers(0, 100))
def test_at_most_is_at_least_of_the_opposite_event(successes):
    often = OFTEN.judge(evidence(counted(successes, 100))).outcome
    assert RARELY.judge(evidence(counted(100 - successes, 100))).outcome is often


def test_counts_of_all_trials_are_added():
    row = OFTEN.judge(evidence(counted(9, 10, trials=10))).cases[0]
    assert (row.outcome, row.measured) == (Outcome.HOLDS, 0.9)


def test_events_may_be_one_to_a_trial():
    assert BY_TRIAL.judge(evidence(case([1.0] * 20))).outcome is Outcome.HOLDS
    assert BY_TRIAL.judge(evidence(case([0.0] * 40))).outcome is Outcome.VIOLATED


@pytest.mark.parametrize("value", [0.5, 2.0, -1.0, NAN, float("inf")])
@pytest.mark.parametrize("at_least", [True, False])
def test_an_event_that_is_neither_0_nor_1_decides_nothing(value, at_least):
    claim = replace(BY_TRIAL, at_least=at_least)
    assert claim.judge(evidence(case([value] * 40))).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    "counts", [{}, {"hits": 9}, {"attempts": 9}, {"hits": 9, "attempts": 8}, {"hits": -1, "attempts": 8}]
)
@pytest.mark.parametrize("claim", [OFTEN, RARELY])
def test_a_trial_without_sensible_counts_decides_nothing(claim, counts):
    good = counted(100, 100).trials if claim is OFTEN else counted(0, 100).trials
    judgement = claim.judge(evidence(Case(Point(), (*good, trial(counts=counts)))))
    assert judgement.outcome is Outcome.INCONCLUSIVE
    assert not judgement.seeds_wanted


def test_no_attempts_are_no_evaluation():
    assert OFTEN.judge(evidence(counted(0, 0))).outcome is Outcome.NOT_EVALUATED


def test_no_selected_case_is_no_evaluation():
    claim = replace(OFTEN, where=Selection({"size": 99}))
    assert claim.judge(evidence(counted(100, 100))).outcome is Outcome.NOT_EVALUATED


@pytest.mark.parametrize(("claim", "claimed"), [(OFTEN, 0.0), (OFTEN, -1.7), (RARELY, 1.0), (RARELY, 3.0)])
def test_a_probability_that_everything_meets_is_vacuous(claim, claimed):
    vacuous = replace(claim, probability=lambda point: claimed)
    assert vacuous.judge(evidence(counted(50, 100))).outcome is Outcome.VACUOUS


def test_a_claimed_probability_that_is_nan_decides_nothing():
    claim = replace(OFTEN, probability=lambda point: NAN)
    assert claim.judge(evidence(counted(100, 100))).outcome is Outcome.INCONCLUSIVE


def test_a_failed_premise_makes_it_inapplicable():
    judged = BY_TRIAL.judge(evidence(case([1.0] * 40, premises={"p": -1.0})))
    assert judged.outcome is Outcome.INAPPLICABLE


def decided(claim: Frequency, rate: float, false_alarm: float, rng: np.random.Generator) -> Outcome:
    """One run as the checker does it: ten trials, doubled until decided or ``LOOKS`` looks are taken."""
    attempts, successes = 10, rng.binomial(10, rate)
    for _ in range(LOOKS):
        outcome = outcome_of(claim.at_least, int(successes), attempts, false_alarm)
        if outcome is not Outcome.INCONCLUSIVE:
            return outcome
        successes += rng.binomial(attempts, rate)
        attempts *= 2
    return Outcome.INCONCLUSIVE


@cache
def outcome_of(at_least: bool, successes: int, attempts: int, false_alarm: float) -> Outcome:
    claim = replace(OFTEN, at_least=at_least)
    return claim.judge(evidence(counted(successes, attempts), false_alarm=false_alarm)).outcome


@pytest.mark.parametrize("claim", [OFTEN, RARELY])
def test_a_true_claim_is_violated_no_more_often_than_stated_over_all_looks(claim):
    rng, runs = np.random.default_rng(2), 10_000
    alarms = sum(decided(claim, 0.5, 0.05, rng) is Outcome.VIOLATED for _ in range(runs))
    assert is_at_most(alarms, runs, 0.05)


@pytest.mark.parametrize(("claim", "rate"), [(OFTEN, 0.499), (RARELY, 0.501)])
def test_a_false_claim_holds_no_more_often_than_stated_over_all_looks(claim, rate):
    rng, runs = np.random.default_rng(3), 10_000
    misses = sum(decided(claim, rate, 1e-6, rng) is Outcome.HOLDS for _ in range(runs))
    assert is_at_most(misses, runs, claim.miss)


@pytest.mark.parametrize("at_least", [True, False])
@pytest.mark.parametrize("number", [1, 2])
def test_a_claim_holds_and_is_violated_exactly_at_the_limits_of_its_shares(at_least, number):
    """The level is shared out over the looks, the false alarm over the looks and the cases."""
    accept, reject = clopper_pearson(30, 80, 0.01 / LOOKS), clopper_pearson(30, 80, 1e-3 / (LOOKS * number))
    inward = -1e-9 if at_least else 1e-9
    ends = (accept.low, reject.high) if at_least else (accept.high, reject.low)
    wanted = (ends[0] + inward, Outcome.HOLDS), (ends[1] - inward, Outcome.VIOLATED)
    for probability, outcome in (*wanted, (ends[0] - inward, None), (ends[1] + inward, None)):
        claim = replace(OFTEN, at_least=at_least, probability=lambda point, probability=probability: probability)
        found = claim.judge(evidence(*[counted(30, 80)] * number, false_alarm=1e-3))
        assert found.outcome is (outcome or Outcome.INCONCLUSIVE)
