"""Samples of a target as a learner has them: N joint draws of the patches of all levels, given or drawn again at every pass.

Algorithm 4 reads its samples in sequence, some levels at a time; where they lie is not its business. ``GivenSamples`` are a
user's arrays, ``TargetSamples`` those of a synthetic target, which are never stored: 10^7 samples take no more memory than a
chunk.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.streams import streams
from fsrcheck.model.target import TargetNetwork

CHUNK_SIZE = 8192  # samples of an instance read at once
Reader = Callable[[int], list[Tensor]]
"""Draws the next n samples, (batch, n, patch, patch_dim) of every level asked for; after the last comes the first again."""


class LevelSamples(Protocol):
    """N samples X*_1, ..., X*_L of every instance.

    Attributes:
        num_samples: N.
        shapes: (batch, patch, patch_dim) of every level.
        device: where samples are.
    """

    num_samples: int
    shapes: tuple[tuple[int, int, int], ...]
    device: torch.device

    def reader(self, levels: Sequence[int]) -> Reader:
        """A reader of these levels (1 is the lowest) that starts at the first sample."""


def chunks(
    samples: LevelSamples, levels: Sequence[int], *, limit: int | None = None, chunk_size: int = CHUNK_SIZE
) -> Iterator[list[Tensor]]:
    """Read all samples, or the first ``limit``, of these levels once, in pieces."""
    read = samples.reader(levels)
    count = samples.num_samples if limit is None else min(limit, samples.num_samples)
    for start in range(0, count, chunk_size):
        yield read(min(chunk_size, count - start))


def reads(patches: Tensor, dictionary: Tensor) -> Tensor:
    """W^T X of patches (batch, sample, patch, patch_dim), (batch, sample, patch, channel)."""
    return (patches.transpose(1, 2) @ dictionary).transpose(1, 2)


class GivenSamples:
    """Samples in memory (or mapped into it), one tensor (batch, sample, patch, patch_dim) for each level, lowest first."""

    def __init__(self, patches: Sequence[Tensor]) -> None:
        """Take the samples.

        Raises:
            InputError: no level; a level that is no float64 tensor of four dimensions, is empty, or is not finite; levels that
                disagree in batch or number of samples.
        """
        if not patches:
            raise InputError("samples must have at least 1 level, got 0")
        for number, level in enumerate(patches, start=1):
            _check_level(level, patches[0], number)
        self._patches = tuple(patches)
        self.num_samples = patches[0].shape[1]
        self.shapes = tuple((level.shape[0], level.shape[2], level.shape[3]) for level in patches)
        self.device = patches[0].device

    def reader(self, levels: Sequence[int]) -> Reader:
        """See ``LevelSamples``."""
        chosen, position = [self._patches[level - 1] for level in levels], 0

        def read(count: int) -> list[Tensor]:
            nonlocal position
            pieces = []
            for start, stop in _spans(position, count, self.num_samples):
                pieces.append([level[:, start:stop] for level in chosen])
            position = (position + count) % self.num_samples
            return _joined(pieces)

        return read


class TargetSamples:
    """The first N samples of a synthetic target, from streams of the instances' seeds."""

    def __init__(
        self, target: TargetNetwork, *, seeds: Sequence[int], num_samples: int, purpose: str = "samples of the target"
    ) -> None:
        """Take the target and N.

        Raises:
            InputError: a number of seeds other than the batch size, or N below 1.
        """
        if len(seeds) != target.batch_size:
            raise InputError(f"seeds must be one per instance ({target.batch_size}), got {len(seeds)}")
        if num_samples < 1:
            raise InputError(f"num_samples must be at least 1, got {num_samples}")
        self._target, self._seeds, self._purpose = target, tuple(seeds), purpose
        self.num_samples = num_samples
        self.shapes = tuple(
            (target.batch_size, level.dictionary.shape[1], level.dictionary.shape[2]) for level in target.levels
        )
        self.device = target.device

    def reader(self, levels: Sequence[int]) -> Reader:
        """See ``LevelSamples``."""
        below = TargetNetwork(self._target.levels[: max(levels)])
        generators, position = streams(self._seeds, self._purpose), 0

        def read(count: int) -> list[Tensor]:
            nonlocal generators, position
            pieces = []
            for start, stop in _spans(position, count, self.num_samples):
                if start == 0:
                    generators = streams(self._seeds, self._purpose)
                codes = below.sample_codes(generators, stop - start)
                pieces.append([_patches(below, codes, level) for level in levels])
            position = (position + count) % self.num_samples
            return _joined(pieces)

        return read


class ScaledSamples:
    """Samples divided by ``units`` (level, batch), those of every level by its own."""

    def __init__(self, samples: LevelSamples, units: Tensor) -> None:
        """Take the samples and what to divide them by."""
        self._samples, self._units = samples, units
        self.num_samples, self.shapes, self.device = samples.num_samples, samples.shapes, samples.device

    def reader(self, levels: Sequence[int]) -> Reader:
        """See ``LevelSamples``."""
        read = self._samples.reader(levels)
        scales = [1 / self._units[level - 1][:, None, None, None] for level in levels]
        return lambda count: [scale * part for scale, part in zip(scales, read(count), strict=True)]


def _patches(network: TargetNetwork, codes: Sequence[Tensor], level: int) -> Tensor:
    """X_l of one level only, (batch, sample, patch, patch_dim)."""
    dictionary = network.levels[level - 1].dictionary
    return (codes[level - 1].transpose(1, 2) @ dictionary.mT).transpose(1, 2)


def _spans(position: int, count: int, size: int) -> Iterator[tuple[int, int]]:
    """The pieces of ``count`` samples from ``position`` on, going round after ``size``."""
    while count > 0:
        stop = min(size, position + count)
        yield position, stop
        count -= stop - position
        position = stop % size


def _joined(pieces: list[list[Tensor]]) -> list[Tensor]:
    return pieces[0] if len(pieces) == 1 else [torch.cat(parts, dim=1) for parts in zip(*pieces, strict=True)]


def _check_level(level: Tensor, first: Tensor, number: int) -> None:
    name = f"samples of level {number}"
    if level.dtype != torch.float64:
        raise InputError(f"{name} must be float64, got {level.dtype}")
    if level.ndim != 4 or 0 in level.shape:
        raise InputError(f"{name} must be (batch, sample, patch, patch_dim) and not empty, got {tuple(level.shape)}")
    if level.shape[:2] != first.shape[:2]:
        wanted, found = tuple(first.shape[:2]), tuple(level.shape[:2])
        raise InputError(f"{name} must have (batch, sample) {wanted} as level 1 has, got {found}")
    bad = int((~torch.isfinite(level)).sum())
    if bad:
        raise InputError(f"{name} must be finite, got {bad} NaN or infinite numbers")
