"""Sliced Wasserstein distances of patches: against a library, their floor, and the Gaussian that must not pass."""

import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fsrcheck.errors import InputError
from fsrcheck.images.pyramid import laplacian_pyramid
from fsrcheck.images.quality import PatchSlices, Quality, gaussian_twin, quality, sliced_distances, sliced_wasserstein
from tests.images.multiscale_cases import patterns

TRUE = patterns(600, 16)
MORE = patterns(300, 16, seed=1)
SLICES = PatchSlices(patches_per_image=4, num_directions=24)


def points(number: int, seed: int) -> torch.Tensor:
    return torch.randn(number, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("seed", range(3))
def test_the_distance_is_that_of_a_library(seed):
    one, other = points(50, seed), 1.5 * points(50, seed + 10) + 0.3
    directions = torch.nn.functional.normalize(points(7, 99).mT, dim=0)
    expected = ot.sliced_wasserstein_distance(one, other, projections=directions, p=1)
    for chunk in (1, 3, 100):
        assert sliced_wasserstein(one, other, directions, chunk=chunk) == pytest.approx(float(expected), rel=1e-12)


@settings(deadline=None)
@given(st.floats(0.1, 3), st.floats(-2, 2), st.integers(0, 99))
def test_one_dimension_has_a_closed_form(scale, shift, seed):
    one = points(40, seed)[:, :1]
    expected = ((scale - 1) * one + shift).abs().mean()
    found = sliced_wasserstein(one, scale * one + shift, torch.ones(1, 1, dtype=torch.float64))
    assert found == pytest.approx(float(expected), abs=1e-12)


def test_a_scale_is_the_standardised_distance_of_its_patches():
    slices = PatchSlices(smallest=4, patch_size=4, patches_per_image=1, num_directions=5)
    one, other = MORE[:, :, :4, :4].contiguous(), TRUE[:300, :, :4, :4].contiguous()
    (found,) = sliced_distances(one, other, slices)
    mean, size = other.double().mean(dim=(0, 2, 3)), other.double().std(dim=(0, 2, 3), correction=0)
    rows = [((x.double() - mean[:, None, None]) / size[:, None, None]).flatten(1) for x in (one, other)]
    many = PatchSlices(smallest=4, patch_size=4, patches_per_image=1, num_directions=1000)
    expected = ot.sliced_wasserstein_distance(*rows, n_projections=1000, p=1, seed=1)
    assert sliced_distances(one, other, many)[0] == pytest.approx(float(expected), rel=0.15)
    assert found == pytest.approx(float(expected), rel=1)


def test_fresh_images_of_the_same_law_are_at_the_floor():
    found = quality(MORE, TRUE, SLICES)
    assert found.num_images == 300
    assert len(found.ratios) == len(laplacian_pyramid(TRUE, SLICES.smallest)) == 3
    assert all(0.5 < ratio < 2 for ratio in found.ratios)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("clipped", [False, True])
def test_a_gaussian_with_the_true_mean_and_covariance_does_not_pass(seed, clipped):
    twin = gaussian_twin(TRUE, 300, seed)
    assert quality(twin.clamp(0, 1) if clipped else twin, TRUE, SLICES).ratio > 6


@pytest.mark.parametrize(
    "spoiled",
    [
        lambda images: images * 0.8,
        lambda images: images + 0.2,
        lambda images: images[:1].expand_as(images),
        lambda images: torch.nn.functional.interpolate(torch.nn.functional.avg_pool2d(images, 2), scale_factor=2),
        lambda images: images[:, :, :, torch.randperm(16, generator=torch.Generator().manual_seed(0))],
    ],
    ids=["contrast", "mean", "one image", "blurred", "columns shuffled"],
)
def test_what_is_wrong_is_seen(spoiled):
    assert quality(spoiled(MORE), TRUE, SLICES).ratio > 2.5


def test_the_gaussian_has_the_mean_and_covariance():
    images = patterns(40, 4)
    twin = gaussian_twin(images.double(), 60000, 3)
    assert twin.shape == (60000, 3, 4, 4)
    torch.testing.assert_close(twin.mean(dim=0), images.double().mean(dim=0), atol=0.01, rtol=0)
    torch.testing.assert_close(twin.flatten(1).T.cov(), images.double().flatten(1).T.cov(), atol=0.01, rtol=0)
    torch.testing.assert_close(twin[:5], gaussian_twin(images.double(), 5, 3))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 99))
def test_the_order_of_images_and_the_chunk_do_not_matter(seed):
    random = torch.Generator().manual_seed(seed)
    one, other = MORE[:60], TRUE[:60]
    slices = PatchSlices(patches_per_image=2, num_directions=8, seed=seed)
    expected = sliced_distances(one, other, slices)
    mixed = (one[torch.randperm(60, generator=random)], other[torch.randperm(60, generator=random)])
    assert sliced_distances(*mixed, slices) == pytest.approx(expected, rel=1e-9)
    assert sliced_distances(one, other, slices, chunk=3) == pytest.approx(expected, rel=1e-9)
    assert sliced_distances(one, one, slices) == (0.0, 0.0, 0.0)


def test_the_seed_draws_places_and_directions():
    same, again, different = (
        quality(MORE, TRUE, PatchSlices(patches_per_image=2, num_directions=4, seed=s)) for s in (1, 1, 2)
    )
    assert same == again
    assert same != different


def test_the_worst_scale_counts_and_nan_is_no_quality():
    assert Quality((4.0, 9.0), (2.0, 3.0), 5).ratio == 3.0
    assert not Quality((float("nan"), 1.0), (1.0, 1.0), 5).ratio <= 6


@pytest.mark.parametrize(
    ("generated", "true", "message"),
    [
        (MORE[:100], TRUE, "generated images must be at least half the 600 true ones, got 100"),
        (MORE, TRUE[:3], "true images must be at least 4, got 3"),
        (MORE[..., :8, :8].contiguous(), TRUE, "images must have the shape"),
        (MORE * float("nan"), TRUE, "images must be finite"),
        (MORE, torch.ones_like(TRUE), "true images must differ at every scale"),
        (MORE, TRUE[:, :, :6, :6].contiguous(), "must"),
    ],
)
def test_sets_that_do_not_fit_are_refused(generated, true, message):
    with pytest.raises(InputError, match=message):
        quality(generated, true, SLICES)


@pytest.mark.parametrize("given", [{"patch_size": 5}, {"num_directions": 0}, {"halvings": 0}, {"smallest": 0}])
def test_empty_measures_are_refused(given):
    with pytest.raises(InputError, match="must be at"):
        PatchSlices(**given)
