"""Consistency of levels: 0 for one picture at two resolutions, 1 for pictures that know nothing of each other, and between."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fsrcheck.errors import InputError
from fsrcheck.images.level_consistency import consistency, ratio_of_means
from fsrcheck.images.pyramid import enlarged, pooled


def noise(number: int, size: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(number, 3, size, size, generator=torch.Generator().manual_seed(seed))


def test_a_picture_agrees_with_its_pooled_self():
    high = noise(50, 8)
    assert consistency(pooled(high, 4), high)[0] < 1e-12


def test_unrelated_levels_have_one():
    value, error = consistency(noise(4000, 4, 1), enlarged(noise(4000, 4, 2), 8))
    assert abs(value - 1) < 5 * error < 0.1


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 2), st.integers(0, 100))
def test_noise_added_to_a_level_is_what_is_measured(size, seed):
    """E |s n|^2 / (2 E |x|^2 + s^2 E |n|^2) for x and n of one law."""
    low = noise(3000, 4, seed)
    value, error = consistency(low, enlarged(low + size * noise(3000, 4, seed + 1000), 8))
    assert abs(value - size**2 / (2 + size**2)) < 6 * error + 1e-12


def test_the_contrary_is_more_than_unrelated():
    low = noise(500, 4)
    value, _ = consistency(low, enlarged(-low, 8))
    assert value == pytest.approx(2, abs=0.02)


def test_the_pairing_that_is_not_drawn_is_the_mean_over_all_pairings():
    low, high = noise(40, 4, 1), enlarged(noise(40, 4, 2) + 0.5, 8)
    shown = pooled(high, 4).flatten(1).double()
    apart = torch.cdist(shown, low.flatten(1).double()).square().mean()
    paired = (shown - low.flatten(1)).square().sum(dim=1).mean()
    assert consistency(low, high)[0] == pytest.approx(float(paired / apart))


def test_the_standard_error_is_the_spread_of_repetitions():
    found = [
        consistency(noise(200, 4, seed), enlarged(noise(200, 4, seed) + noise(200, 4, 9999 + seed), 8))
        for seed in range(300)
    ]
    values, errors = (torch.tensor(part) for part in zip(*found, strict=True))
    assert float(errors.mean() / values.std()) == pytest.approx(1, abs=0.25)


def test_a_ratio_of_means_is_one():
    value, error = ratio_of_means(torch.tensor([1.0, 3.0]), torch.tensor([2.0, 6.0]))
    assert (value, error) == (0.5, 0.0)


@pytest.mark.parametrize(("low", "high"), [((1, 4), (1, 8)), ((3, 4), (4, 8)), ((3, 5), (3, 8))])
def test_levels_that_do_not_fit_are_refused(low, high):
    with pytest.raises(InputError, match="must"):
        consistency(noise(*low), noise(*high))
