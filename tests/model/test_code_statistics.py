"""Differences of code statistics are their closed forms, with errors that are their spread."""

from dataclasses import astuple, fields, replace

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from fsrcheck.errors import InputError
from fsrcheck.gaussian import relu_moment, tail, upper_orthant
from fsrcheck.model.code_statistics import CodeStatistics, Difference, code_statistics
from fsrcheck.model.families import equicorrelated, independent_channels, overlapping_inhibition
from fsrcheck.model.target import TargetNetwork
from tests.model.imperfect import alike_and_rolled, imperfect
from tests.model.test_coupling import of_instance, scaled_first

SEEDS = st.integers(0, 2**32)
TARGET = overlapping_inhibition(4, 1.0, seeds=[0, 1], num_patches=2, num_levels=2)
DIFFERENCES = [field.name for field in fields(CodeStatistics)][:7]


def measured(learned: TargetNetwork, target: TargetNetwork, num_samples: int = 20000) -> CodeStatistics:
    return code_statistics(learned, target, seeds=range(target.batch_size), num_samples=num_samples)


def raised(target: TargetNetwork, channel: int, by: float) -> TargetNetwork:
    """One threshold of the first level's first patch, higher."""
    thresholds = target.first.thresholds.clone()
    thresholds[:, 0, channel] += by
    return TargetNetwork((replace(target.first, thresholds=thresholds), *target.levels[1:]))


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_a_learner_of_the_targets_law_does_not_differ(seed: int) -> None:
    found = measured(imperfect(TARGET, [seed, seed + 1], latent_dim=TARGET.latent_dim + 3), TARGET, 2000)
    for name in DIFFERENCES:
        for values in astuple(getattr(found, name)):
            assert float(values.max()) < 1e-6
    torch.testing.assert_close(found.active, found.true_active)


def test_codes_a_factor_larger_have_moments_larger_by_its_powers() -> None:
    target = independent_channels(6, 3.0, seeds=[0, 1], num_patches=2)
    found = measured(scaled_first(target, 1.1), target)
    for name, change in (("rates", 0.0), ("means", 0.1), ("squares", 0.21)):
        difference = getattr(found, name)
        torch.testing.assert_close(difference.rms, torch.full((2, 1), change, dtype=torch.float64), atol=1e-9, rtol=0)
        torch.testing.assert_close(
            difference.largest, torch.full((2, 1), change, dtype=torch.float64), atol=1e-9, rtol=0
        )
    for difference in (found.pair_moments, found.cross_moments):
        torch.testing.assert_close(difference.largest, torch.full((2, 1), 0.21, dtype=torch.float64), atol=1e-9, rtol=0)
    assert float(found.pair_rates.largest.max()) == 0 == float(found.cross_rates.largest.max())


def test_a_raised_threshold_is_its_closed_form() -> None:
    target = independent_channels(6, 2.0, seeds=[0, 1], num_patches=2)
    scale = target.first.latent_weights[0, 0, 0].norm()
    before = target.first.thresholds[0, 0, 0] / scale
    after = before + 0.2 / scale
    found = measured(raised(target, 3, 0.2), target, 50000)
    wanted = {
        "rates": 1 - tail(after) / tail(before),
        "means": 1 - relu_moment(after, 1) / relu_moment(before, 1),
        "squares": 1 - relu_moment(after, 2) / relu_moment(before, 2),
    }
    for name, value in wanted.items():
        difference: Difference = getattr(found, name)
        assert bool(((difference.largest - value).abs() < 6 * difference.largest_error).all())
        assert bool((difference.largest_error < 0.1 * value).all())
        torch.testing.assert_close(difference.rms, difference.largest / 12**0.5)  # one of 2 x 6 channels
    change = tail(before) - tail(after)
    assert bool(((found.true_active - found.active) - change / 2).abs().max() < 0.1 * change)


def test_independent_codes_in_place_of_correlated_ones() -> None:
    target = equicorrelated(6, 2.0, seeds=[0, 1], correlation=0.4)
    independent = independent_channels(6, 2.0, seeds=[0, 1])
    learned = TargetNetwork((replace(independent.first, dictionary=target.first.dictionary),))
    found = measured(learned, target, 50000)
    threshold = target.first.thresholds[0, 0, 0] / target.first.latent_weights[0, 0, 0].norm()
    wanted = 1 - tail(threshold) ** 2 / upper_orthant(threshold, threshold, torch.tensor(0.4, dtype=torch.float64))
    spread = found.pair_rates.noise
    assert bool((found.pair_rates.rms - wanted).abs().max() < 3 * spread.max())
    assert float(spread.max()) < 0.1 * wanted
    assert bool((found.rates.rms < 3 * found.rates.noise).all())


def test_a_pair_that_never_fires_together_is_compared_with_chance() -> None:
    """Two channels of opposite latents: their pair rate is 0, and a learner that makes them independent has them by chance."""
    target = independent_channels(4, 1.0, seeds=[0], num_patches=1)
    rows = target.first.latent_weights.clone()
    rows[:, :, 1] = -rows[:, :, 0]
    opposite = TargetNetwork((replace(target.first, latent_weights=rows),))
    found = measured(target, opposite, 50000)
    assert float(found.pair_rates.largest) == pytest.approx(1, abs=6 * float(found.pair_rates.largest_error))
    assert float(found.pair_rates.largest_error) < 0.1


def test_standard_errors_are_the_spread_over_seeds() -> None:
    rows = 100
    target = independent_channels(4, 1.0, seeds=[0] * rows, num_patches=2)
    learned = raised(target, 0, 0.3)
    found = code_statistics(learned, target, seeds=list(range(rows)), num_samples=2000)
    for name in ("rates", "means", "squares"):
        difference: Difference = getattr(found, name)
        ratio = difference.largest.std(dim=0) / difference.largest_error.mean(dim=0)
        assert bool((ratio.log().abs() < 0.4).all())


def test_the_same_law_on_other_latents_differs_by_noise_only() -> None:
    learned, target = alike_and_rolled(range(50))
    found = code_statistics(learned, target, seeds=list(range(50)), num_samples=5000)
    for name in DIFFERENCES:
        difference: Difference = getattr(found, name)
        assert float(difference.rms[:, 0].max()) == 0
        assert 0.8 < float((difference.rms / difference.noise)[:, 1].square().mean().sqrt()) < 1.2


def test_one_patch_has_no_pairs_across_patches() -> None:
    target = independent_channels(4, 1.0, seeds=[0, 1])
    found = measured(imperfect(target, [1, 2], noise=0.1), target, 1000)
    assert bool(torch.isnan(found.cross_rates.largest).all())
    assert bool(torch.isnan(found.cross_moments.rms).all())
    assert bool(torch.isfinite(found.pair_rates.largest).all())


def test_neither_chunks_nor_order_nor_the_rest_of_the_batch_matter() -> None:
    learned = imperfect(TARGET, [1, 2], noise=0.1)
    whole = measured(learned, TARGET, 1000)
    same = (
        code_statistics(learned, TARGET, seeds=range(2), num_samples=1000, chunk_size=77),
        measured(imperfect(TARGET, [1, 2], noise=0.1, shuffle=True), TARGET, 1000),
    )
    alone = code_statistics(of_instance(learned, 1), of_instance(TARGET, 1), seeds=[1], num_samples=1000)
    for name in DIFFERENCES:
        for other in same:
            for have, want in zip(astuple(getattr(other, name)), astuple(getattr(whole, name)), strict=True):
                torch.testing.assert_close(have, want, rtol=1e-6, atol=1e-9)
        for have, want in zip(astuple(getattr(alone, name)), astuple(getattr(whole, name)), strict=True):
            torch.testing.assert_close(have, want[1:], rtol=1e-6, atol=1e-9)


def test_a_channel_that_was_never_seen_active_is_refused() -> None:
    with pytest.raises(InputError, match="every channel of level 1 is seen active, got 2"):
        measured(TARGET, TARGET, 2)
