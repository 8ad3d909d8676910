"""Small probabilities: by summation as by enumeration, and by weighted draws as by summation."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsrcheck.error_rates.limits import noise_needed
from fsrcheck.error_rates.tails import (
    FALSE_ALARMS,
    HORIZON,
    Estimate,
    exact_rejection,
    exceedances_in_a_row,
    exceedances_of_trials,
    frequency_tail,
    largest,
    noise_tail,
    sequential_tails,
    weighted,
)
from fsrcheck.evidence.constants import EXCEEDANCE_RATE
from fsrcheck.evidence.sequential import Decision, SequentialTest
from fsrcheck.runs.seeds import fresh_seed
from tests.evidence.making import is_at_least, is_at_most

SHARE = 1e-6 / 512


@pytest.mark.parametrize("false_alarm", [0.1, 0.01, 0.001])
@pytest.mark.parametrize("rate", [0.05, 0.4])
def test_rejection_by_summation_is_that_by_enumeration(false_alarm: float, rate: float) -> None:
    test = SequentialTest(EXCEEDANCE_RATE, false_alarm)
    total = sum(
        rate ** sum(path) * (1 - rate) ** (10 - sum(path))
        for path in product([False, True], repeat=10)
        if test.decide(path) is Decision.REJECT
    )
    assert exact_rejection(test, rate, 10)[-1] == pytest.approx(total, rel=1e-12)


def test_one_exceedance_rejects_at_a_tenth_and_two_at_a_hundredth() -> None:
    first = exact_rejection(SequentialTest(0.05, 0.1), 0.05, 2)
    assert first[:2].tolist() == pytest.approx([0.0, 0.05])
    assert exact_rejection(SequentialTest(0.05, 0.01), 0.05, 2)[-1] == pytest.approx(0.05**2)


@given(st.floats(1e-12, 0.9), st.floats(0.001, 0.05))
def test_a_true_claim_is_rejected_within_the_bound_of_ville(false_alarm: float, rate: float) -> None:
    found = exact_rejection(SequentialTest(EXCEEDANCE_RATE, false_alarm), rate, HORIZON)
    assert (np.diff(found) >= 0).all()
    assert found[-1] <= false_alarm


def test_a_horizon_is_long_enough_for_all_but_one_in_1e9_of_the_weighted_paths() -> None:
    test = SequentialTest(EXCEEDANCE_RATE, min(FALSE_ALARMS))
    assert exact_rejection(test, test.alternative_rate, HORIZON)[-1] >= 1 - 1e-9


def is_near(one: Estimate) -> bool:
    return abs(one.value - one.exact) <= 8 * one.error + 1e-9 * one.exact


def test_weighted_draws_find_what_summation_finds() -> None:
    seed = fresh_seed()
    found = [*sequential_tails(2000, seed, SHARE), noise_tail(2000, seed, SHARE), frequency_tail(2000, seed, SHARE)]
    assert len(found) == len(FALSE_ALARMS) + 3
    for one in found:
        assert is_near(one), one
        assert one.is_kept, one
        assert 0 < one.error < 0.2 * one.exact, one


def test_what_is_counted_agrees_with_what_is_exact() -> None:
    for one in sequential_tails(2000, fresh_seed(), SHARE):
        if one.counted is not None:
            assert is_at_most(one.counted.hits, one.counted.runs, one.exact)
            assert is_at_least(one.counted.hits, one.counted.runs, one.exact)
    assert [one.counted is None for one in sequential_tails(10, 0, SHARE)] == [False] + [True] * len(FALSE_ALARMS)


def test_weights_that_are_off_by_a_fifth_do_not_agree() -> None:
    (one, *_) = sequential_tails(4000, fresh_seed(), SHARE)
    off = Estimate(one.name, 1.2 * one.value, 1.2 * one.error, one.exact, one.stated)
    assert not off.agrees


def test_a_stated_level_is_kept_only_by_what_is_not_larger() -> None:
    assert Estimate("", 0.0, 0.0, 1e-9, 1e-9).is_kept
    assert not Estimate("", 0.0, 0.0, 1.01e-9, 1e-9).is_kept


def test_the_error_of_a_mean_of_weights() -> None:
    found = weighted("w", np.array([0.0, 2.0]), 1.0, 1.0)
    assert (found.value, found.error) == (1.0, pytest.approx(1.0))
    assert weighted("w", np.array([1.0]), 1.0, 1.0).error == math.inf


@pytest.mark.parametrize("draw", [exceedances_in_a_row, exceedances_of_trials])
def test_exceedances_in_a_row_follow_the_product_rule(draw) -> None:
    found = draw(300_000, fresh_seed())
    assert [count.runs for count in found] == [300_000 // length for length in range(1, 7)]
    for length, count in enumerate(found, start=1):
        assert count.level == pytest.approx(0.05**length)
        assert is_at_most(count.hits, count.runs, count.level)
        assert is_at_least(count.hits, count.runs, count.level)


@pytest.mark.parametrize("draw", [exceedances_in_a_row, exceedances_of_trials])
def test_the_same_seed_exceeds_the_same(draw) -> None:
    assert draw(20_000, 3) == draw(20_000, 3)
    assert draw(20_000, 3) != draw(20_000, 4)


@given(st.integers(-1, 30), st.integers(0, 30))
def test_the_largest_with_a_property_is_found(last: int, most: int) -> None:
    assert largest(lambda count: count <= last, most) == min(last, most)


def test_noise_is_judged_by_more_standard_errors_the_smaller_the_share() -> None:
    assert noise_needed(SHARE, 16) > noise_needed(1e-6, 16) > 5.0
