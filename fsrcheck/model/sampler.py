"""Anything that makes patches of all levels together: a network, or what a user would fit instead of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.streams import streams
from fsrcheck.model.target import TargetNetwork


class Sampler(Protocol):
    """Draws samples of a batch of generators."""

    def sample(self, num_samples: int, seeds: Sequence[int]) -> list[Tensor]:
        """Return patches (batch, sample, patch, patch_dim) of every level, lowest first; one seed for each instance."""
        ...


@dataclass(frozen=True)
class NetworkSampler:
    """The patches X_l = W_l S_l of a network, at fresh latents that no other purpose shares."""

    network: TargetNetwork
    purpose: str = "sampler: latents"

    def sample(self, num_samples: int, seeds: Sequence[int]) -> list[Tensor]:
        """See ``Sampler``."""
        check_draw(num_samples, seeds, self.network.batch_size)
        return self.network.patches(self.network.sample_codes(streams(seeds, self.purpose), num_samples))


def check_draw(num_samples: int, seeds: Sequence[int], batch_size: int) -> None:
    """Refuse a draw of nothing, or without one seed for each instance.

    Raises:
        InputError: num_samples is below 1, or the number of seeds is not the batch size.
    """
    if num_samples < 1:
        raise InputError(f"num_samples must be at least 1, got {num_samples}")
    if len(seeds) != batch_size:
        raise InputError(f"seeds must be one per instance ({batch_size}), got {len(seeds)}")


def check_patches(patches: Sequence[Tensor]) -> tuple[int, int]:
    """Return batch and sample size of patches (batch, sample, patch, patch_dim), one tensor a level.

    Raises:
        InputError: no level; shapes that are no patches or that disagree between levels; NaN or infinity.
    """
    if not patches:
        raise InputError("patches must have at least 1 level, got 0")
    for level, values in enumerate(patches, start=1):
        if values.ndim != 4 or values.shape[:2] != patches[0].shape[:2] or not values.numel():
            raise InputError(
                f"patches of level {level} must be (batch, sample, patch, patch_dim) with the same batch and samples as "
                f"level 1, got {tuple(values.shape)}"
            )
        if not bool(torch.isfinite(values).all()):
            raise InputError(f"patches of level {level} must be finite, got NaN or infinity")
    return patches[0].shape[0], patches[0].shape[1]
