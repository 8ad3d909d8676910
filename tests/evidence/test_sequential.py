"""The sequential test keeps its error rates however long it is continued."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsrcheck.evidence.budget import LOOKS
from fsrcheck.evidence.sequential import Decision, SequentialTest
from tests.evidence.making import is_at_most

FITTED = SequentialTest(null_rate=0.05, false_alarm=0.05)
SURE = SequentialTest(null_rate=0.0, false_alarm=1e-6)


def decided(test: SequentialTest, rate: float, rng: np.random.Generator, first: int = 10) -> Decision:
    """One run as the checker does it: trials doubled until decided or all looks are taken."""
    exceeded = list(rng.random(first) < rate)
    for _ in range(LOOKS - 1):
        if test.decide(exceeded) is not Decision.CONTINUE:
            break
        exceeded += list(rng.random(len(exceeded)) < rate)
    return test.decide(exceeded)


def test_no_trials_decide_nothing():
    assert FITTED.decide([]) is Decision.CONTINUE
    assert SURE.decide([]) is Decision.CONTINUE


def test_a_sure_bound_is_rejected_by_its_first_exceedance():
    assert SURE.decide([False] * 50 + [True]) is Decision.REJECT


def test_seven_trials_accept_a_sure_bound_and_eight_a_fitted_one():
    assert SURE.trials_to_accept() == 7
    assert SequentialTest(0.05, 1e-6).trials_to_accept() == 8


@given(st.lists(st.booleans(), max_size=40))
def test_a_rejection_is_never_taken_back(exceeded):
    path = [FITTED.decide(exceeded[:n]) for n in range(len(exceeded) + 1)]
    if Decision.REJECT in path:
        assert set(path[path.index(Decision.REJECT) :]) == {Decision.REJECT}


@pytest.mark.parametrize("false_alarm", [0.05, 1e-3, 1e-9])
def test_the_likelihood_ratio_has_mean_one_under_the_null(false_alarm):
    test = SequentialTest(0.05, false_alarm)
    up, down = (math.exp(test.log_ratios([hit])[0]) for hit in (True, False))
    assert 0.05 * up + 0.95 * down == pytest.approx(1)


@pytest.mark.parametrize("rate", [0.05, 0.02])
def test_a_true_claim_is_rejected_no_more_often_than_stated_under_optional_continuation(rate):
    rng, runs = np.random.default_rng(1), 20_000
    alarms = sum(decided(FITTED, rate, rng) is Decision.REJECT for _ in range(runs))
    assert is_at_most(alarms, runs, 0.05)


def test_even_going_on_after_acceptance_rejects_no_more_often_than_stated():
    rng, runs = np.random.default_rng(2), 20_000
    steps = np.array([FITTED.log_ratios([hit])[0] for hit in (False, True)])
    paths = steps[(rng.random((runs, 500)) < 0.05).astype(int)].cumsum(axis=1)
    assert is_at_most(int((paths.max(axis=1) >= -math.log(0.05)).sum()), runs, 0.05)


@pytest.mark.parametrize("test", [FITTED, SequentialTest(0.05, 1e-9), SURE])
@pytest.mark.parametrize("rate", [0.5, 0.8])
def test_a_rate_of_one_half_is_overlooked_no_more_often_than_stated(test, rate):
    rng, runs = np.random.default_rng(3), 10_000
    misses = sum(decided(test, rate, rng) is Decision.ACCEPT for _ in range(runs))
    assert is_at_most(misses, runs, test.miss)


@pytest.mark.parametrize(("test", "rate"), [(SURE, 0.5), (SequentialTest(0.05, 1e-9), 0.9)])
def test_a_control_of_the_stated_length_is_missed_at_most_once_in_a_thousand(test, rate):
    trials, runs = test.trials_to_catch(rate), 20_000
    exceeded = np.random.default_rng(4).random((runs, trials)) < rate
    missed = sum(test.decide(list(row)) is not Decision.REJECT for row in exceeded)
    assert is_at_most(missed, runs, 1e-3)


def test_sixteen_trials_catch_a_control_that_nearly_always_exceeds():
    assert SequentialTest(0.05, 1e-9).trials_to_catch(0.95) <= 16


def test_a_rate_that_is_no_exceedance_cannot_be_caught():
    with pytest.raises(ValueError, match="rate must be well above"):
        SequentialTest(0.05, 1e-9).trials_to_catch(0.05)


@pytest.mark.parametrize("test", [FITTED, SURE, SequentialTest(0.2, 0.3, 0.6, 0.1)])
def test_the_number_of_trials_to_catch_is_the_smallest(test):
    """Counted out: one exceedance rejects where none is allowed, else the ratio of likelihoods must be 1 / alpha."""
    for rate in (0.7, 0.9, 0.99, 1.0):
        trials = test.trials_to_catch(rate)
        assert _caught(test, rate, trials) >= 1 - 1e-3
        assert trials == 1 or _caught(test, rate, trials - 1) < 1 - 1e-3


def _caught(test: SequentialTest, rate: float, trials: int) -> float:
    """Probability that the likelihood ratio is large enough after exactly that many trials."""
    if test.null_rate == 0:
        return 1 - (1 - rate) ** trials
    p0, p1 = test.null_rate, test.alternative_rate
    total = 0.0
    for hits in range(trials + 1):
        ratio = (p1 / p0) ** hits * ((1 - p1) / (1 - p0)) ** (trials - hits)
        if ratio >= 1 / test.false_alarm:
            total += math.comb(trials, hits) * rate**hits * (1 - rate) ** (trials - hits)
    return total


def test_a_rate_that_is_hardly_caught_is_refused():
    with pytest.raises(ValueError, match=r"rate must be well above 0.5 to be caught, got 0.1"):
        FITTED.trials_to_catch(0.1)


@pytest.mark.parametrize("test", [FITTED, SURE, SequentialTest(0.2, 0.3, 0.6, 0.1), SequentialTest(0, 0.1, 0.5, 0.5)])
def test_the_number_of_trials_to_accept_is_the_smallest(test):
    trials = test.trials_to_accept()
    assert test.decide([False] * trials) is Decision.ACCEPT
    assert test.decide([False] * (trials - 1)) is Decision.CONTINUE
