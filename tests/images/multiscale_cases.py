"""Small images and runs that the tests of the multi-scale GAN share."""

import torch
from torch import Tensor

from fsrcheck.images.multiscale_gan import MultiscaleGan
from fsrcheck.images.multiscale_settings import HINGE, MultiscaleSettings, Phase

SMALL = MultiscaleSettings(
    num_levels=2,
    first_size=2,
    channels=3,
    widening=2,
    latent_dim=4,
    kernel_size=4,
    batch_size=4,
    averaging=0.9,
    loss=HINGE,
    spectral_norm=True,
)
STEPS = 6


def patterns(number: int = 24, size: int = 8, seed: int = 0) -> Tensor:
    """White images with one dark rectangle each, of any colour."""
    random = torch.Generator().manual_seed(seed)
    images = torch.ones(number, 3, size, size)
    for image in images:
        row, column = (int(x) for x in torch.randint(0, size // 2, (2,), generator=random))
        image[:, row : row + size // 2, column : column + size // 3] = torch.rand(3, 1, 1, generator=random)
    return images


def all_levels(num_steps: int = STEPS, num_levels: int = 2) -> tuple[Phase, ...]:
    return (Phase(num_steps, tuple(range(1, num_levels + 1))),)


def small_gan(settings: MultiscaleSettings = SMALL, seed: int = 1, **options) -> MultiscaleGan:
    return MultiscaleGan(patterns(), settings, seed, **{"phases": all_levels(), **options})


def identical(one: object, other: object) -> bool:
    """The same numbers bit by bit in the same structure."""
    if isinstance(one, Tensor):
        return isinstance(other, Tensor) and one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(identical(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple):
        return isinstance(other, list | tuple) and len(one) == len(other) and all(map(identical, one, other))
    return one == other
