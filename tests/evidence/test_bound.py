"""``Bound``: what holds, what violates, what says nothing."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.claim import Selection
from fsrcheck.evidence.constants import Constant, Provenance, Range
from fsrcheck.evidence.outcome import Outcome
from fsrcheck.evidence.trial import Case
from tests.evidence.making import INFINITY, NAN, Point, case, evidence, is_at_most, trial

UPPER = Bound("b", "y <= C", "y", "C", lambda point: 1.0, size="size")
LOWER = replace(UPPER, upper=False)
FINITE = st.floats(-1e6, 1e6)


def test_values_below_hold():
    assert UPPER.judge(evidence(case([0.5] * 10))).outcome is Outcome.HOLDS


def test_one_value_above_a_constant_that_was_not_fitted_violates():
    assert UPPER.judge(evidence(case([0.5] * 9 + [1.001]))).outcome is Outcome.VIOLATED


def test_too_few_trials_ask_for_more():
    judgement = UPPER.judge(evidence(case([0.5] * 3)))
    assert judgement.outcome is Outcome.INCONCLUSIVE
    assert judgement.seeds_wanted


@given(st.lists(FINITE, min_size=1, max_size=12), FINITE)
def test_a_lower_bound_is_an_upper_bound_of_the_negative(values, limit):
    upper = UPPER.judge(evidence(case(values), value=limit)).outcome
    assert LOWER.judge(evidence(case([-v for v in values]), value=-limit)).outcome is upper


@given(st.lists(st.floats(allow_nan=True), min_size=1, max_size=12), st.floats(), st.floats(0, 10))
def test_holds_only_when_every_margin_is_at_least_the_error(values, limit, error):
    if UPPER.judge(evidence(case(values, error=error), value=limit)).outcome is Outcome.HOLDS:
        assert all(limit - value >= 5 * error for value in values)


@pytest.mark.parametrize("value", [NAN, INFINITY])
def test_a_limit_or_value_without_bounds_never_holds(value):
    assert UPPER.judge(evidence(case([value] * 10))).outcome is not Outcome.HOLDS
    assert UPPER.judge(evidence(case([0.5] * 10), value=value)).outcome is not Outcome.HOLDS
    shaped = replace(UPPER, shape=lambda point: value)
    assert shaped.judge(evidence(case([0.5] * 10))).outcome is not Outcome.HOLDS


def test_a_limit_that_is_nan_does_not_pass_as_vacuous_beside_cases_that_hold():
    claim = replace(UPPER, shape=lambda point: NAN if point.size == 2 else 1.0, trivial=5.0)
    judgement = claim.judge(evidence(case([0.5] * 10, Point(1)), case([0.5] * 10, Point(2))))
    assert judgement.outcome is Outcome.INCONCLUSIVE
    assert "the limit (constant times shape) must be a number" in judgement.message
    assert not judgement.seeds_wanted


def test_an_infinite_limit_is_vacuous_without_being_told():
    assert UPPER.judge(evidence(case([0.5] * 10), value=INFINITY)).outcome is Outcome.VACUOUS
    assert LOWER.judge(evidence(case([0.5] * 10), value=-INFINITY)).outcome is Outcome.VACUOUS


def test_a_negative_limit_is_a_limit():
    assert UPPER.judge(evidence(case([-2.0] * 10), value=-1.0)).outcome is Outcome.HOLDS
    assert UPPER.judge(evidence(case([-0.5] * 10), value=-1.0)).outcome is Outcome.VIOLATED


def test_a_vacuous_bound_does_not_hide_a_value_beyond_it():
    claim = replace(UPPER, trivial=0.8)
    assert claim.judge(evidence(case([0.5] * 10))).outcome is Outcome.VACUOUS
    assert claim.judge(evidence(case([1.5] * 10))).outcome is Outcome.VIOLATED


def test_a_value_within_its_noise_decides_nothing_and_asks_for_no_seeds():
    judgement = UPPER.judge(evidence(case([0.99] * 10, error=0.01)))
    assert judgement.outcome is Outcome.INCONCLUSIVE
    assert not judgement.seeds_wanted


def test_noise_on_one_trial_does_not_hide_the_violation_by_another():
    trials = (trial(0.99, error=0.1), trial(7.0))
    assert UPPER.judge(evidence(Case(Point(), trials))).outcome is Outcome.VIOLATED


def test_noise_on_a_bound_that_is_met_exactly_stays_within_the_budget():
    shifted = case([1.0 + 5.5 * 0.01] * 10, error=0.01)
    assert UPPER.judge(evidence(shifted, false_alarm=1e-8)).outcome is Outcome.INCONCLUSIVE
    assert UPPER.judge(evidence(case([1.08] * 10, error=0.01), false_alarm=1e-8)).outcome is Outcome.VIOLATED


def test_a_constant_that_was_never_fitted_is_inconclusive():
    judgement = replace(UPPER, constant="D").judge(evidence(case([0.5] * 10)))
    assert judgement.outcome is Outcome.INCONCLUSIVE
    assert "fsrcheck calibrate" in judgement.message


def test_one_exceedance_of_a_fitted_constant_is_forgiven_and_many_are_not():
    constant = Constant("C", 1.0, Provenance.FITTED, ranges={"size": Range(1, 99), "family": Range(words=("plain",))})
    few, many = (replace(evidence(case([2.0] * n + [0.5] * (12 - n))), constants={"C": constant}) for n in (1, 10))
    assert UPPER.judge(few).outcome is Outcome.HOLDS
    assert UPPER.judge(many).outcome is Outcome.VIOLATED


def test_no_selected_case_is_no_evaluation():
    claim = replace(UPPER, where=Selection({"family": "other"}))
    assert claim.judge(evidence(case([0.5] * 10))).outcome is Outcome.NOT_EVALUATED


def judged_from(*outcomes: tuple[float, float]) -> tuple[float | None, float] | None:
    """``from_size`` for cases of (size, value) under y <= 1, vacuous at size 99."""
    claim = replace(UPPER, shape=lambda point: 50.0 if point.size == 99 else 1.0, trivial=40.0)
    return claim.judge(evidence(*(case([value] * 10, Point(size)) for size, value in outcomes))).from_size


def test_from_size_is_the_smallest_from_which_all_larger_hold():
    assert judged_from((8, 0.5), (16, 2.0), (32, 0.5), (64, 0.5)) == (16, 32)


def test_from_size_has_nothing_below_when_all_hold():
    assert judged_from((8, 0.5), (16, 0.5)) == (None, 8)


def test_from_size_is_unknown_when_the_largest_fails_or_is_vacuous():
    assert judged_from((8, 0.5), (16, 2.0)) is None
    assert judged_from((8, 0.5), (99, 0.5)) is None


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_size_with_a_vacuous_case_does_not_count_whatever_the_order(order):
    claim = replace(UPPER, shape=lambda point: 50.0 if point.family == "wide" else 1.0, trivial=40.0)
    cases = [case([0.5] * 10, Point(16, "plain")), case([0.5] * 10, Point(16, "wide"))]
    judgement = claim.judge(evidence(*(cases[i] for i in order)))
    assert judgement.outcome is Outcome.HOLDS
    assert judgement.from_size is None


def test_slack_of_the_tightest_case_is_reported():
    row = UPPER.judge(evidence(case([0.25, 0.5] * 5, Point(1)), case([0.1] * 10, Point(2)))).tightest
    assert row.slack == 2.0


@pytest.mark.parametrize("shape", [0.0, -1.0, NAN, INFINITY])
def test_no_constant_is_fitted_to_a_shape_that_is_not_positive(shape):
    with pytest.raises(ValueError, match="positive and finite"):
        replace(UPPER, shape=lambda point: shape).ratio(trial(1.0), Point())


def test_many_cases_share_the_false_alarm_under_optional_continuation():
    rng = np.random.default_rng(1)
    ranges = {"size": Range(0, 9), "family": Range(words=("plain",))}
    constants = {"C": Constant("C", 0.95, Provenance.FITTED, ranges=ranges)}
    runs, alarms = 3000, 0
    for _ in range(runs):
        cases = [case(rng.random(10), Point(size)) for size in range(3)]
        for _ in range(8):
            judgement = UPPER.judge(replace(evidence(*cases, false_alarm=0.05), constants=constants))
            if not judgement.seeds_wanted:
                break
            cases = [
                case([*(t.measurement("y").value for t in c.trials), *rng.random(len(c.trials))], c.parameters)
                for c in cases
            ]
        alarms += judgement.outcome is Outcome.VIOLATED
    assert is_at_most(alarms, runs, 0.05)


def test_the_limit_of_a_case_is_the_constant_times_its_shape():
    claim = replace(UPPER, shape=lambda point: point.size**-0.5)
    (row,) = claim.judge(evidence(case([0.1] * 10, Point(16)), value=3.0)).cases
    assert math.isclose(row.bound, 0.75)
