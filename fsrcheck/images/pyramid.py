"""Images at several resolutions by average pooling, as the paper makes them (Figure 1), and what pooling takes away.

Images are (image, channel, size, size) with square pixels, size a multiple of the factor; any floating type, any device.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from fsrcheck.errors import InputError


def as_images(pixels: NDArray[np.float64]) -> Tensor:
    """Pictures (picture, size, size, channel) as images (image, channel, size, size), float32.

    Raises:
        InputError: see ``check_images``.
    """
    if pixels.ndim != 4:
        raise InputError(f"pictures must be (picture, size, size, channel), got {pixels.shape}")
    images = torch.from_numpy(np.ascontiguousarray(np.moveaxis(pixels, -1, 1), dtype=np.float32))
    check_images(images)
    return images


def check_images(images: Tensor, name: str = "images") -> None:
    """Refuse what is no set of square floating images.

    Raises:
        InputError: another shape or type, no image, or a value that is not finite.
    """
    if images.ndim != 4 or images.shape[-1] != images.shape[-2] or 0 in images.shape:
        raise InputError(f"{name} must be (image, channel, size, size), got {tuple(images.shape)}")
    if not images.is_floating_point():
        raise InputError(f"{name} must be floating point, got {images.dtype}")
    if not images.isfinite().all():
        raise InputError(f"{name} must be finite, got nan or infinity")


def pooled(images: Tensor, size: int) -> Tensor:
    """Means over blocks of pixels, (image, channel, size, size).

    Raises:
        InputError: the blocks would not be whole.
    """
    factor, rest = divmod(images.shape[-1], size) if size > 0 else (0, 1)
    if rest or factor < 1:
        raise InputError(f"size must divide the {images.shape[-1]} pixels of the images, got {size}")
    return images if factor == 1 else functional.avg_pool2d(images, factor)


def pyramid(images: Tensor, sizes: Sequence[int]) -> list[Tensor]:
    """The images pooled to every size, in the order of ``sizes``.

    Raises:
        InputError: see ``pooled``.
    """
    return [pooled(images, size) for size in sizes]


def enlarged(images: Tensor, size: int) -> Tensor:
    """Every pixel repeated, to (image, channel, size, size): the right inverse of ``pooled``."""
    factor = size // images.shape[-1]
    return images.repeat_interleave(factor, dim=-1).repeat_interleave(factor, dim=-2)


def laplacian_pyramid(images: Tensor, smallest: int) -> list[Tensor]:
    """What each pooling by 2 takes away, finest first, and last the images at ``smallest`` pixels.

    Level i is X_i - enlarged(pooled(X_i)). Karras et al. (2018) pool with a wider binomial filter; blocks are what the
    multi-scale network is trained on.

    Raises:
        InputError: ``smallest`` is not the size of the images divided by a power of two.
    """
    halvings = (images.shape[-1] // smallest).bit_length() - 1 if smallest > 0 else -1
    if halvings < 0 or smallest << halvings != images.shape[-1]:
        raise InputError(f"smallest must be {images.shape[-1]} over a power of two, got {smallest}")
    levels = []
    for _ in range(halvings):
        coarse = pooled(images, images.shape[-1] // 2)
        levels.append(images - enlarged(coarse, images.shape[-1]))
        images = coarse
    return [*levels, images]
