"""Streams of patches X (or codes S) of one level of a target, with instances and patches folded into rows."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.streams import streams
from fsrcheck.model.target import TargetNetwork

Draw = Callable[[int], Tensor]


def fold_patches(values: Tensor) -> Tensor:
    """Turn (batch, sample, patch, size) into (batch * patch, sample, size), one instance after the other."""
    batch, num_samples, num_patches, size = values.shape
    return values.transpose(1, 2).reshape(batch * num_patches, num_samples, size)


class TargetPatches:
    """The patches of level `level` (1 is the lowest resolution) of a batch of targets.

    A stream is a function of the seeds and of its name, never of how it is cut into draws.
    Raises InputError when the number of seeds or the level does not fit the target.
    """

    def __init__(self, target: TargetNetwork, seeds: Sequence[int], level: int = 1) -> None:
        if len(seeds) != target.batch_size:
            raise InputError(f"seeds must be one per instance ({target.batch_size}), got {len(seeds)}")
        if not 1 <= level <= target.num_levels:
            raise InputError(f"level must be between 1 and {target.num_levels}, got {level}")
        self.target = target
        self.seeds = tuple(seeds)
        self.level = level
        dictionary = target.levels[level - 1].dictionary
        batch, num_patches, self.patch_dim, self.num_channels = dictionary.shape
        self.num_rows = batch * num_patches
        self.dictionary = dictionary.reshape(self.num_rows, self.patch_dim, self.num_channels)
        self.device: torch.device = dictionary.device

    def stream(self, purpose: str) -> Draw:
        """Return a function that draws the next n patches, shape (row, n, patch_dim)."""
        draw_codes = self.code_stream(purpose)
        return lambda count: draw_codes(count) @ self.dictionary.mT

    def code_stream(self, purpose: str) -> Draw:
        """Return a function that draws the next n codes, shape (row, n, channel)."""
        generators = streams(self.seeds, purpose)
        return lambda count: fold_patches(self.target.sample_codes(generators, count)[self.level - 1])
