"""Locality of detail in pictures that are made to have it or not, and how far an exchanged place reaches."""

from dataclasses import replace

import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.images.multiscale_networks import MultiscaleGenerator
from fsrcheck.images.multiscale_settings import MultiscaleSettings
from fsrcheck.images.pyramid import enlarged, pooled
from fsrcheck.images.super_resolution_locality import exchange_share, unexplained_ratio, with_far_detail

NETWORK = MultiscaleSettings(num_levels=3, first_size=4, channels=4, latent_dim=6)


def pictures(number: int, reach: int, seed: int, size: int = 24) -> torch.Tensor:
    """Pictures whose detail is that of the pooled picture ``reach`` places to the left, and some noise."""
    random = torch.Generator().manual_seed(seed)
    low = torch.randn(number, 3, size // 2, size // 2, generator=random)
    sign = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(size // 2, size // 2)
    detail = sign * enlarged(low.roll(reach, dims=3), size) + 0.3 * sign * enlarged(
        torch.randn(low.shape, generator=random), size
    )
    return enlarged(low, size) + detail


def inside(size: int = 24, margin: int = 4) -> torch.Tensor:
    side = size // 2
    rows = torch.arange(margin, side - margin)
    return (rows[:, None] * side + rows).flatten()


def test_near_detail_is_told_by_a_narrow_window_as_well_as_by_a_wide_one():
    value, error = unexplained_ratio(pictures(300, 1, 0), pictures(300, 1, 1), places=inside())
    assert abs(value - 1) < 0.05
    assert error < 0.02


def test_far_detail_is_told_by_a_wide_window_alone():
    value, error = unexplained_ratio(pictures(300, 4, 0), pictures(300, 4, 1), places=inside())
    assert value == pytest.approx(0.09 / 1.09, abs=0.02)
    assert error < 0.02


def test_far_detail_is_there_and_far():
    plain = pictures(300, 1, 0)
    made = with_far_detail(plain, 3)
    torch.testing.assert_close(pooled(made, 12), pooled(plain, 12))
    detail = made - enlarged(pooled(made, 12), 24)
    torch.testing.assert_close(detail[..., 0, 6], pooled(plain, 12)[..., 0, 0])
    torch.testing.assert_close(detail[..., 1, 6], -pooled(plain, 12)[..., 0, 0])
    value, _ = unexplained_ratio(made, with_far_detail(pictures(300, 1, 1), 3), places=inside())
    assert value < 1e-6


@pytest.mark.parametrize("options", [{"narrow": 2}, {"wide": 4}, {"narrow": -1}])
def test_windows_must_be_odd(options):
    with pytest.raises(InputError, match="windows must be odd"):
        unexplained_ratio(pictures(4, 1, 0), pictures(4, 1, 1), **options)


def test_sets_of_different_size_are_refused():
    with pytest.raises(InputError, match="sets must be of one even size"):
        unexplained_ratio(pictures(4, 1, 0), pictures(4, 1, 1, size=12))


@pytest.mark.parametrize("level", [1, 2])
def test_an_exchanged_place_reaches_twelve_pixels_and_no_more(level):
    generator = MultiscaleGenerator(replace(NETWORK, batch_norm=False), 0).eval()
    latents = torch.randn(2, 32, 6, generator=torch.Generator().manual_seed(1))
    shares = [exchange_share(generator, level, *latents, (2, 2), reach)[0] for reach in (2, 6, 10, 12)]
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[2] < 1
    assert shares[3] == pytest.approx(1)


def test_the_same_latents_change_nothing():
    generator = MultiscaleGenerator(NETWORK, 0).eval()
    latents = torch.randn(8, 6, generator=torch.Generator().manual_seed(1))
    assert torch.tensor(exchange_share(generator, 1, latents, latents, (1, 1), 6)[0]).isnan()


@pytest.mark.parametrize(("place", "reach"), [((4, 0), 6), ((0, -1), 6), ((0, 0), 5), ((0, 0), 0)])
def test_places_and_reaches_that_are_none_are_refused(place, reach):
    generator = MultiscaleGenerator(NETWORK, 0).eval()
    with pytest.raises(InputError, match="must be"):
        exchange_share(generator, 1, torch.zeros(2, 6), torch.zeros(2, 6), place, reach)
