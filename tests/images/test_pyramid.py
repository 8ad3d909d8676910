"""Pooling and what it takes away."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fsrcheck.errors import InputError
from fsrcheck.images.pyramid import as_images, check_images, enlarged, laplacian_pyramid, pooled, pyramid


def noise(size: int, number: int = 2, seed: int = 0) -> torch.Tensor:
    return torch.randn(number, 3, size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 3), st.integers(0, 2), st.integers(0, 99))
def test_pooling_twice_is_pooling_at_once_and_keeps_the_mean(first, second, seed):
    images = noise(3 * 2 ** (first + second), seed=seed)
    once = pooled(images, 3)
    torch.testing.assert_close(pooled(pooled(images, 3 * 2**second), 3), once)
    torch.testing.assert_close(once.mean(dim=(2, 3)), images.mean(dim=(2, 3)))
    assert torch.equal(pooled(images, images.shape[-1]), images)


def test_a_pixel_is_the_mean_of_its_block():
    images = noise(8)
    torch.testing.assert_close(pooled(images, 4)[1, 2, 3, 1], images[1, 2, 6:8, 2:4].mean())
    assert [level.shape[-1] for level in pyramid(images, (2, 8, 4))] == [2, 8, 4]
    torch.testing.assert_close(pooled(enlarged(images, 24), 8), images)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 3), st.integers(0, 99))
def test_a_laplacian_pyramid_adds_up_to_the_images(halvings, seed):
    images = noise(4 * 2**halvings, seed=seed)
    levels = laplacian_pyramid(images, 4)
    assert [level.shape[-1] for level in levels] == [4 * 2**k for k in range(halvings, -1, -1)]
    torch.testing.assert_close(sum(enlarged(level, images.shape[-1]) for level in levels), images)
    for level in levels[:-1]:
        assert float(pooled(level, level.shape[-1] // 2).abs().max()) < 1e-12


@pytest.mark.parametrize("size", [0, -1, 3, 16])
def test_sizes_that_do_not_divide_are_refused(size):
    with pytest.raises(InputError, match=f"size must divide the 8 pixels of the images, got {size}"):
        pooled(noise(8), size)
    with pytest.raises(InputError, match="smallest must be 8 over a power of two"):
        laplacian_pyramid(noise(8), size)


@pytest.mark.parametrize(
    "images", [torch.zeros(2, 3, 4, 5), torch.zeros(3, 4, 4), torch.zeros(0, 3, 4, 4), torch.zeros(1, 3, 2, 2).int()]
)
def test_what_is_no_set_of_square_images_is_refused(images):
    with pytest.raises(InputError, match="images must be"):
        check_images(images)


def test_pictures_become_images():
    pixels = np.arange(2 * 4 * 4 * 3).reshape(2, 4, 4, 3) / 96.0
    images = as_images(pixels)
    assert images.dtype == torch.float32
    assert float(images[1, 2, 3, 0]) == pytest.approx(pixels[1, 3, 0, 2])
    with pytest.raises(InputError, match="pictures must be"):
        as_images(pixels[0])
