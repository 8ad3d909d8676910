"""Square patches of pictures, the same number from each, split so that no picture is on both sides."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.images.pictures import Picture
from fsrcheck.model.streams import streams

LEAST_PICTURES = 4
"""Two to learn from and two to measure on: with fewer there is no telling how pictures differ."""


@dataclass(frozen=True, eq=False)
class Halves:
    """Patches to learn a dictionary from, and patches of other pictures to measure on.

    Attributes:
        learn, test: (picture, sample, dim), float64, on one device.
    """

    learn: Tensor
    test: Tensor

    @property
    def patch_dim(self) -> int:
        """Numbers in a patch."""
        return self.learn.shape[2]


def split_pictures(pictures: Sequence[Picture], seed: int) -> tuple[list[Picture], list[Picture]]:
    """Pictures to learn from and, half of them or one more, to measure on, by chance.

    Raises:
        InputError: fewer than ``LEAST_PICTURES``.
    """
    if len(pictures) < LEAST_PICTURES:
        raise InputError(
            f"pictures must be at least {LEAST_PICTURES}, two to learn from and two others, got {len(pictures)}"
        )
    order = streams([seed], "split of the pictures")[0].permutation(len(pictures))
    learn = sorted(order[: len(pictures) // 2])
    test = sorted(order[len(pictures) // 2 :])
    return [pictures[place] for place in learn], [pictures[place] for place in test]


def patch_halves(learn: Sequence[Picture], test: Sequence[Picture], side: int, number: int, seed: int) -> Halves:
    """``number`` patches of each picture; see ``picture_patches``."""
    first, second = streams([seed], "patches to learn from")[0], streams([seed], "patches to measure on")[0]
    return Halves(_stacked(learn, side, number, first), _stacked(test, side, number, second))


def _stacked(pictures: Sequence[Picture], side: int, number: int, generator: np.random.Generator) -> Tensor:
    return torch.stack([picture_patches(picture, side, number, generator) for picture in pictures])


def picture_patches(picture: Picture, side: int, number: int, generator: np.random.Generator) -> Tensor:
    """Patches at random places, (number, side * side * channel); places repeat only where there are fewer than asked for.

    Raises:
        InputError: a picture smaller than a patch, or numbers below 1.
    """
    if side < 1 or number < 1:
        raise InputError(f"side and number of patches must be at least 1, got {side} and {number}")
    height, width = picture.pixels.shape[:2]
    if min(height, width) < side:
        raise InputError(f"picture {picture.name} must be at least {side} pixels wide and high, got {width} x {height}")
    rows, columns = height - side + 1, width - side + 1
    places = generator.choice(rows * columns, size=number, replace=number > rows * columns)
    windows = np.lib.stride_tricks.sliding_window_view(picture.pixels, (side, side), axis=(0, 1))
    chosen = windows[places // columns, places % columns]  # (number, channel, side, side)
    return torch.from_numpy(np.moveaxis(chosen, 1, -1).reshape(number, -1).astype(np.float64))
