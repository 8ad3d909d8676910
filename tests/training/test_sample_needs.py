"""What samples say before anything is learned: channels, rates, and how many samples it takes."""

from math import pi

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fsrcheck.errors import InputError
from fsrcheck.model.families import FAMILIES
from fsrcheck.training.level_samples import GivenSamples, TargetSamples, chunks
from fsrcheck.training.sample_needs import expected_error, firing_rates, numbers_of_channels, samples_needed

NEURONS, RATES, ACCURACIES = st.integers(1, 10**4), st.floats(1e-3, 0.9), st.floats(1e-4, 2.0)


def samples_of(family="overlapping_inhibition", num_channels=6, active=1.0, num_samples=8192, **options):
    target = FAMILIES[family](num_channels, active, seeds=[3], **options)
    return TargetSamples(target, seeds=[4], num_samples=num_samples)


def given_levels(samples):
    (levels,) = chunks(samples, range(1, len(samples.shapes) + 1), chunk_size=samples.num_samples)
    return levels


@pytest.mark.parametrize(("num_channels", "patch_dim"), [(4, 4), (6, 9), (8, 20)])
def test_channels_are_told_whatever_the_patches_dimension(num_channels, patch_dim):
    assert numbers_of_channels(samples_of(num_channels=num_channels, patch_dim=patch_dim)) == (num_channels,) * 2


def test_levels_may_have_different_numbers():
    samples = samples_of("paper_example", 8, 1.0)
    assert numbers_of_channels(samples) == (8, 4)


def test_channels_are_told_from_rounded_samples():
    levels = [level.float().double() for level in given_levels(samples_of(patch_dim=9))]
    assert numbers_of_channels(GivenSamples(levels)) == (6, 6)


def test_patches_of_different_ranks_are_refused():
    one, two = (level.clone() for level in given_levels(samples_of(patch_dim=9)))
    two[:, :, 1] = two[:, :, 1, :1]
    with pytest.raises(InputError, match=r"patches of level 2 must have equally many channels, .* rank \[1, 6\]"):
        numbers_of_channels(GivenSamples([one, two]))


def test_samples_that_are_0_are_refused():
    one, two = (level.clone() for level in given_levels(samples_of()))
    one[:, :, 1] = 0
    with pytest.raises(InputError, match="samples of level 1 must not be 0 throughout a patch, got 1 such"):
        numbers_of_channels(GivenSamples([one, two]))


@pytest.mark.parametrize(("num_channels", "active"), [(8, 1.0), (16, 1.0), (16, 2.0)])
def test_rates_are_told_to_a_fifth_and_whatever_the_unit(num_channels, active):
    samples = samples_of(num_channels=num_channels, active=active, num_samples=2**15)
    scaled = GivenSamples([7 * level for level in given_levels(samples)])
    for own, other in zip(
        firing_rates(samples, (num_channels,) * 2), firing_rates(scaled, (num_channels,) * 2), strict=True
    ):
        assert own.shape == (2,)
        assert (own / (active / num_channels) - 1).abs().max() < 0.2
        assert torch.allclose(own, other, rtol=1e-9)


@given(neurons=NEURONS, rate=RATES, accuracy=ACCURACIES)
def test_the_number_needed_is_the_least_that_is_expected_to_do(neurons, rate, accuracy):
    needed = samples_needed(neurons, rate, accuracy)
    assert expected_error(neurons, rate, needed) <= accuracy * (1 + 1e-9)
    if needed > 1:
        assert expected_error(neurons, rate, needed - 1) >= accuracy * (1 - 1e-9)


@given(neurons=NEURONS, rate=st.floats(1e-3, 0.45), accuracy=ACCURACIES)
def test_more_accuracy_more_neurons_and_sparser_codes_need_more(neurons, rate, accuracy):
    needed = samples_needed(neurons, rate, accuracy)
    assert samples_needed(neurons, rate, accuracy / 2) >= needed
    assert samples_needed(2 * neurons, rate, accuracy) >= needed
    assert samples_needed(neurons, rate / 2, accuracy) >= needed


def test_the_rule_at_a_rate_of_one_half_is_in_closed_form():
    assert expected_error(3, 0.5, 12) == pytest.approx(4 / (2 * pi) ** 0.5 / 2, rel=1e-12)


@pytest.mark.parametrize(
    ("num_channels", "active", "num_patches", "num_samples", "measured"),
    [
        (8, 1.0, 2, 65536, 0.0529),
        (8, 1.0, 2, 262144, 0.0237),
        (16, 2.0, 2, 1_600_000, 0.015),
        (16, 2.0, 4, 1_600_000, 0.022),
        (16, 1.0, 2, 800_000, 0.0348),
    ],
)
def test_the_rule_is_near_what_was_measured(num_channels, active, num_patches, num_samples, measured):
    samples = samples_of(num_channels=num_channels, active=active, num_samples=2**15, num_patches=num_patches)
    rate = min(float(rates.min()) for rates in firing_rates(samples, (num_channels,) * 2))
    assert 0.8 < measured / expected_error(num_patches * num_channels, rate, num_samples) < 1.05
