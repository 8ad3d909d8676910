"""Toys draw what they say, a trial at a time or in batches, and are judged by the loop that judges statements."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsrcheck.error_rates.laws import (
    event,
    exceeding,
    heavy,
    noisy,
    normal,
    power_law,
    rare_at,
    skewed,
    skewed_at,
    successes,
)
from fsrcheck.error_rates.nulls import BOUND, FIVE, UPPER_EXPONENT, frequency
from fsrcheck.error_rates.toys import CERTAIN, FITTED, Point, Toy, budget_of, run_number, uniforms
from fsrcheck.evidence.budget import LOOKS
from fsrcheck.evidence.outcome import Outcome
from fsrcheck.runs.seeds import fresh_seed, trial_seeds
from tests.evidence.making import is_at_least, is_at_most

SEEDS = st.lists(st.integers(0, 2**63), min_size=1, max_size=5)


def test_uniform_numbers_are_those_of_splitmix64() -> None:
    words = (0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F)  # the first of the reference code from seed 0
    assert uniforms([0], 3)[0].tolist() == [((word >> 11) + 0.5) * 2.0**-53 for word in words]


@given(SEEDS, st.integers(1, 4))
def test_a_trial_draws_the_same_alone_and_in_a_batch(seeds: list[int], draws: int) -> None:
    together = uniforms(seeds, draws)
    assert together.shape == (len(seeds), draws)
    assert ((together > 0) & (together < 1)).all()
    for row, seed in zip(together, seeds, strict=True):
        assert (uniforms([seed], draws)[0] == row).all()


def agrees(hits: int, runs: int, rate: float) -> bool:
    return is_at_most(hits, runs, rate) and is_at_least(hits, runs, rate)


@pytest.mark.parametrize("rate", [0.05, 0.5, 0.9])
def test_trials_exceed_independently_as_often_as_they_should(rate: float) -> None:
    draws = uniforms(trial_seeds(fresh_seed(), "toy", 40_000), 2)
    first, second = rate > draws.T
    assert agrees(int(first.sum()), first.size, rate)
    assert agrees(int((first & second).sum()), first.size, rate**2)
    assert agrees(int((first[::2] & first[1::2]).sum()), first.size // 2, rate**2)


def test_laws_are_the_quantile_functions_of_what_they_say() -> None:
    draws = np.array([[0.02], [0.3], [0.97]])
    values = {
        "exceeding": [2.0, 0.5, 0.5],
        "event": [1.0, 0.0, 0.0],
        "noisy": [1 - 2.0537489, 1 - 0.5244005, 1 + 1.8807936],
    }
    laws = {"exceeding": exceeding(0.05), "event": event(0.3), "noisy": noisy(1.0, 1.0, told=0.5)}
    for name, law in laws.items():
        found = law(Point(), draws)
        assert [one.measurements["y"].value for one in found] == pytest.approx(values[name])
    assert laws["noisy"](Point(), draws)[0].measurements["y"].standard_error == 0.5


def test_counts_are_binomial() -> None:
    grid = ((np.arange(4000) + 0.5) / 4000)[:, None]
    found = [one.counts["hits"] for one in successes(0.25, 2)(Point(), grid)]
    assert [found.count(k) / 4000 for k in range(3)] == [9 / 16, 6 / 16, 1 / 16]


@pytest.mark.parametrize(
    "residual",
    [normal(0.5), heavy(0.5), skewed(0.5), skewed_at((4.0,), 0.5, -1.0), rare_at(4.0, 0.02, -3.0, 0.1)],
    ids=["normal", "heavy", "skewed", "skewed_at", "rare_at"],
)
@pytest.mark.parametrize("size", [1.0, 4.0])
def test_residuals_have_mean_0_at_every_size(residual, size: float) -> None:
    grid = (np.arange(100_000) + 0.5) / 100_000
    shuffled = np.random.default_rng(1).permutation(grid)
    assert residual(size, np.stack([grid, shuffled], axis=1)).mean() == pytest.approx(0.0, abs=2e-3)


def test_a_share_of_the_budget_is_the_share() -> None:
    assert budget_of(0.05).share == pytest.approx(0.05)


def test_runs_of_two_seeds_are_never_the_same() -> None:
    numbers = {run_number(seed, index) for seed in range(5) for index in range(100)}
    assert len(numbers) == 500


def test_a_look_sees_the_first_trials_of_the_loop() -> None:
    toy = Toy("first", BOUND, exceeding(0.05), trials=8, constants=(FITTED,))
    result = toy._checker.check(toy.statement)
    assert toy.cases(0)[0].trials == result.cases[0].trials[:8]


def test_the_loop_takes_all_looks_of_an_undecided_claim() -> None:
    toy = frequency(0.5, True)
    runs = [toy.check(run, 1e-9) for run in range(5)]
    undecided = [found for found in runs if found.outcome is Outcome.INCONCLUSIVE]
    assert undecided
    assert all(found.cases[0].trials == 4 * 2 ** (LOOKS - 1) for found in undecided)


def test_a_certain_bound_is_violated_by_one_exceedance_and_a_fitted_one_is_not() -> None:
    for constant, outcome in ((CERTAIN, Outcome.VIOLATED), (FITTED, Outcome.INCONCLUSIVE)):
        toy = Toy("once", BOUND, exceeding(1.0), trials=1, constants=(constant,))
        assert toy.look(0, 1e-6).outcome is outcome


def test_every_size_is_a_case() -> None:
    toy = Toy("sizes", UPPER_EXPONENT, power_law(0.5, normal(0.0)), FIVE, 2)
    assert toy.look(0, 1e-6).outcome is Outcome.HOLDS
    assert [case.parameters.size for case in toy.cases(0)] == list(FIVE)
