"""The test of a shift against enumeration, its combination against scipy, and what it makes of samples."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fsrcheck.runs.shifts import SHARE, SUSPICION, Sample, chance, combined, relative_change, shifts
from tests.evidence.making import INFINITY, NAN


def sample(*values: float) -> Sample:
    found = Sample.of(values)
    assert found is not None
    return found


def spread(center: float, trials: int = 10) -> Sample:
    """Trials within 1 % of ``center``."""
    return sample(*np.linspace(0.99 * center, 1.01 * center, trials))


@pytest.mark.parametrize(("old", "new"), [(1, 1), (3, 4), (4, 3), (5, 2)])
@pytest.mark.parametrize("rise", [True, False])
def test_the_probability_is_that_of_all_ways_to_split_the_trials(old: int, new: int, rise: bool) -> None:
    everything = range(old + new)
    found = [
        chance(sample(*chosen), sample(*(set(everything) - set(chosen))), rise=rise)
        for chosen in combinations(everything, old)
    ]
    for level in set(found):
        assert math.isclose(sum(p <= level for p in found) / len(found), level)


@given(st.lists(st.integers(0, 3), min_size=7, max_size=7))
def test_ties_only_make_it_larger(values: list[int]) -> None:
    splits = [set(chosen) for chosen in combinations(range(7), 3)]
    found = [
        chance(
            sample(*(float(values[i]) for i in chosen)),
            sample(*(float(values[i]) for i in range(7) if i not in chosen)),
            rise=True,
        )
        for chosen in splits
    ]
    for level in set(found):
        assert sum(p <= level for p in found) / len(found) <= level + 1e-12


@given(st.lists(st.floats(1e-12, 1.0), min_size=1, max_size=30))
def test_probabilities_combine_as_fisher_has_it(probabilities: list[float]) -> None:
    statistic = -2 * sum(map(math.log, probabilities))
    assert combined(probabilities) == pytest.approx(stats.chi2.sf(statistic, 2 * len(probabilities)), rel=1e-9)


def test_samples_leave_out_what_is_not_a_number() -> None:
    assert sample(3.0, NAN, 1.0, 2.0) == Sample(1.0, 2.0, 3.0, 3)
    assert Sample.of([NAN]) is None
    assert Sample.of([]) is None


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (2.0, 1.0, -0.5),
        (-2.0, -1.0, 0.5),
        (0.0, 0.0, 0.0),
        (0.0, 1.0, INFINITY),
        (INFINITY, INFINITY, 0.0),
        (INFINITY, 5.0, -1.0),
        (5.0, INFINITY, INFINITY),
    ],
)
def test_relative_change_is_never_undefined(before: float, after: float, change: float) -> None:
    assert relative_change(before, after) == change


CASES = {name: spread(2.0) for name in "abcde"}


def test_a_loss_in_all_cases_is_decided_by_one_run() -> None:
    (found,) = shifts(CASES, {name: spread(1.7) for name in CASES}, 0.1, high_is_better=True)
    assert found.is_decided
    assert not found.better
    assert found.change == pytest.approx(-0.15)
    assert found.where.startswith("5 cases")


def test_a_loss_within_the_tolerance_is_none() -> None:
    assert not shifts(CASES, {name: spread(1.85) for name in CASES}, 0.1, high_is_better=True)


def test_a_loss_beyond_the_tolerance_within_the_spread_is_none() -> None:
    wide = {name: sample(*np.linspace(1.0, 3.0, 10)) for name in CASES}
    lower = {name: sample(*np.linspace(1.0, 2.0, 10)) for name in CASES}
    assert not shifts(wide, lower, 0.1, high_is_better=True)


def test_a_loss_in_one_case_of_many_is_only_suspected_from_few_trials_and_decided_from_many() -> None:
    few = shifts(CASES, {**CASES, "c": spread(1.0)}, 0.1, high_is_better=True)
    assert [(shift.where, shift.is_decided) for shift in few] == [("c", False)]
    (many,) = shifts(CASES, {**CASES, "c": spread(1.0, 100)}, 0.1, high_is_better=True)
    assert many.where == "c"
    assert many.is_decided


def test_two_trials_against_two_say_nothing() -> None:
    assert not shifts({"a": sample(1.0, 2.0)}, {"a": sample(10.0, 20.0)}, 0.1, high_is_better=True)


@pytest.mark.parametrize(("high_is_better", "better"), [(True, True), (False, False)])
def test_what_is_better_depends_on_the_quantity(high_is_better: bool, better: bool) -> None:
    (found,) = shifts(CASES, {name: spread(3.0) for name in CASES}, 0.1, high_is_better=high_is_better)
    assert found.better is better


def test_all_of_an_infinite_slack_can_be_lost() -> None:
    infinite = {name: sample(*[INFINITY] * 10) for name in CASES}
    (found,) = shifts(infinite, CASES, 0.1, high_is_better=True)
    assert (found.change, found.better, found.is_decided) == (-1.0, False, True)
    assert not shifts(infinite, infinite, 0.0, high_is_better=True)


def test_what_only_one_side_has_is_not_compared() -> None:
    assert not shifts(CASES, {"z": spread(0.1)}, 0.0, high_is_better=True)


def test_without_a_change_chance_is_suspected_as_seldom_as_it_says() -> None:
    """20000 comparisons of five cases of 7 heavy-tailed trials: suspected in each direction at most as often as told."""
    generator = np.random.default_rng(0)
    draws = np.exp(generator.standard_cauchy((20_000, 2, 5, 7)).clip(-50, 50))
    found = [
        shift
        for old, new in draws
        for shift in shifts(
            {str(i): sample(*row) for i, row in enumerate(old)},
            {str(i): sample(*row) for i, row in enumerate(new)},
            tolerance=0.0,
            high_is_better=True,
        )
    ]
    assert not [shift for shift in found if shift.probability <= SHARE]
    looks = 2 * 6  # both directions, five cases and all together
    limit = stats.binom.isf(1e-9, 20_000 * looks, SUSPICION)
    assert len(found) <= limit
