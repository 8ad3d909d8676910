"""Levels are kept by the judges as they are, and not by broken ones: whatever the seed."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fsrcheck.error_rates.counting import DEFICIT, LEVEL, Count, Scenario
from fsrcheck.error_rates.limits import broken_judges, ends, estimated_errors, noise_needed
from fsrcheck.error_rates.nulls import all_nulls, frequency, looked
from fsrcheck.error_rates.ranks import _Calibrated, comparisons, freezing, largest_is_below, pairs
from fsrcheck.error_rates.toys import run_number
from fsrcheck.evidence.budget import LOOKS
from fsrcheck.evidence.outcome import Outcome
from fsrcheck.runs.seeds import fresh_seed
from fsrcheck.runs.trying import silent
from tests.evidence.making import is_at_least, is_at_most

TRUE = [*all_nulls(), *comparisons(), *freezing()]
RUNS = 40
SEEN_WITHIN = {  # runs after which a broken judge is seen with probability above 1 - 1e-9
    "level twice too large": 4000,
    f"level not shared over the {LOOKS} looks": 600,
    "exceeded by 10% of the trials instead of 5%": 5000,
    "half the noise told as standard error, 64 trials": 600,
    "half the width of the interval": 1000,
    "half the calibration trials": 1000,
}


def name(scenario: Scenario) -> str:
    return f"{scenario.kind}: {scenario.law}, {scenario.how}"


@pytest.mark.parametrize("scenario", TRUE, ids=name)
def test_every_stated_level_is_kept(scenario: Scenario) -> None:
    found = scenario.count(RUNS, fresh_seed(), silent)
    for count in filter(None, (found.false_alarms, found.misses)):
        assert is_at_most(count.hits, count.runs, count.level), count


@pytest.mark.parametrize("scenario", broken_judges(), ids=name)
def test_every_broken_judge_is_seen(scenario: Scenario) -> None:
    count = replace(scenario, share=1.0).count(SEEN_WITHIN[scenario.law], fresh_seed(), silent).false_alarms
    assert count is not None
    assert not count.is_kept, count


def test_a_rare_jump_at_one_size_breaks_the_level_of_an_exponent() -> None:
    count = replace(ends()[-1], share=1.0).count(600, fresh_seed(), silent).false_alarms
    assert count is not None
    assert not count.is_kept


def test_the_largest_of_n_trials_is_below_a_quantile_as_often_as_the_power_says() -> None:
    hits = sum(largest_is_below(59)(run_number(fresh_seed(), index)) is Outcome.VIOLATED for index in range(2000))
    assert is_at_most(hits, 2000, 0.95**59)
    assert is_at_least(hits, 2000, 0.95**59)


def test_the_exceedance_rate_of_a_frozen_constant_is_too_large_with_the_level() -> None:
    assert (1 - _Calibrated().rate) ** 405 == pytest.approx(LEVEL)


def test_a_frequency_is_violated_as_often_as_the_binomial_says() -> None:
    toy, runs = frequency(0.5, True, attempts=1000), 4000
    most = max(n for n in range(400, 501) if stats.binom.cdf(n, 1000, 0.5) < LEVEL)
    hits = sum(looked(toy)(run_number(fresh_seed(), index)) is Outcome.VIOLATED for index in range(runs))
    assert is_at_most(hits, runs, stats.binom.cdf(most, 1000, 0.5))
    assert is_at_least(hits, runs, stats.binom.cdf(most, 1000, 0.5))


def test_names_are_unique() -> None:
    names = [name(scenario) for scenario in [*TRUE, *ends(), *broken_judges()]]
    assert len(set(names)) == len(names)


def test_limits_of_nothing_in_ten_are_those_of_the_binomial() -> None:
    found = Count("k", "l", "h", 0, 10, 0.05).rate
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(1 - DEFICIT ** (1 / 10))


@given(st.integers(0, 200), st.floats(0.01, 0.9))
def test_a_level_is_kept_unless_so_many_hits_are_less_probable_than_the_deficit(hits: int, level: float) -> None:
    assert Count("k", "l", "h", hits, 200, level).is_kept is is_at_most(hits, 200, level, DEFICIT)


@pytest.mark.parametrize(("hits", "exact"), [(0, False), (50, True), (200, False)])
def test_an_attained_level_is_met_from_both_sides(hits: int, exact: bool) -> None:
    assert Count("k", "l", "h", hits, 1000, 0.05).is_exact is exact


def test_outcomes_count_for_what_they_are() -> None:
    turns = {0: Outcome.VIOLATED, 1: Outcome.HOLDS, 2: Outcome.INCONCLUSIVE, 3: Outcome.HOLDS}
    scenario = Scenario("k", "l", "h", lambda run: turns[run - run_number(7, 0)], level=0.3, miss=0.1)
    told: list[tuple[str, int, int]] = []
    found = scenario.count(4, 7, lambda *step: told.append(step))
    assert (found.false_alarms.hits, found.false_alarms.level) == (1, 0.3)
    assert (found.misses.hits, found.misses.level) == (2, 0.1)
    assert told[-1] == ("k: l, h", 4, 4)


def test_what_is_no_mistake_is_not_counted() -> None:
    found = Scenario("k", "l", "h", lambda run: Outcome.HOLDS, level=None).count(3, 0, silent)
    assert found.false_alarms is None
    assert found.misses is None


@given(st.integers(1, 1000), st.floats(0.01, 1.0))
def test_a_share_of_the_runs_is_at_least_one(runs: int, share: float) -> None:
    found = Scenario("k", "l", "h", lambda run: Outcome.HOLDS, share=share).count(runs, 0, silent)
    assert found.runs == max(1, round(share * runs))


@pytest.mark.parametrize("scenario", [TRUE[0], TRUE[3]], ids=name)
def test_the_same_seed_counts_the_same(scenario: Scenario) -> None:
    assert scenario.count(20, 5, silent).outcomes == scenario.count(20, 5, silent).outcomes


def test_old_and_new_trials_are_different_and_ties_are_ties() -> None:
    found = pairs(3, 4, 5, 6)
    assert [(old.trials, new.trials) for old, new in found] == [(5, 6)] * 4
    assert len({value for old, new in found for value in (*old.values, *new.values)}) == 44
    tied = pairs(3, 50, 5, 6, ties=3)
    assert {value for old, new in tied for value in (*old.values, *new.values)} == {1.0, 2.0, 3.0}


@pytest.mark.parametrize(("share", "trials"), [(1e-6 / 512, 16), (1e-9, 1)])
def test_noise_violates_where_the_normal_tail_has_its_share(share: float, trials: int) -> None:
    assert noise_needed(share, trials) == pytest.approx(-stats.norm.ppf(share / (LOOKS * trials)), abs=1e-6)


def test_few_samples_behind_an_error_cost_more_and_many_nothing() -> None:
    rows = estimated_errors(1e-6 / 512)
    ratios = [row.false_alarm / row.stated for row in rows]
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[0] > 1e6
    assert 1 < ratios[-1] < 1.1
    assert np.isclose(rows[0].stated, 1e-6 / 512 / LOOKS)
