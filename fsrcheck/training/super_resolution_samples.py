"""Fresh samples for Algorithm 3, as far as its two players can see them.

A row is an instance and a patch j of level l, flattened. Of the target the discriminator sees (W^D_l)^T X*_l and, of j's
parents, (W^D_{l-1})^T X*_{l-1}; of the learner's own samples it sees the same, and the generator starts from its codes S_{l-1}.
Nothing else of a patch enters, so patches are never formed: codes are mixed by the products of the dictionaries, which is
exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.streams import streams
from fsrcheck.model.target import HigherLevel, TargetNetwork

BLOCK = 2048  # samples of an instance drawn at once


@dataclass(frozen=True)
class PairSamples:
    """Samples of both players.

    Attributes:
        upper: (W^D_l)^T X*_l, shape (row, sample, channel).
        lower: (W^D_{l-1})^T X*_{l-1} of the parents, shape (row, sample, fan-in).
        own_lower: the same of the learner's samples X_{l-1}, which are independent of the target's.
        own_codes: the learner's codes S_{l-1} of the parents, shape (row, sample, fan-in).
    """

    upper: Tensor
    lower: Tensor
    own_lower: Tensor
    own_codes: Tensor

    def part(self, start: int, stop: int) -> "PairSamples":
        """Return the samples ``start``..``stop`` - 1."""
        return PairSamples(
            self.upper[:, start:stop],
            self.lower[:, start:stop],
            self.own_lower[:, start:stop],
            self.own_codes[:, start:stop],
        )

    def joined(self, others: "PairSamples") -> "PairSamples":
        """Return these samples and then the others."""
        parts = ((getattr(self, item.name), getattr(others, item.name)) for item in fields(self))
        return PairSamples(*(torch.cat(pair, dim=1) for pair in parts))


class PairSource(Protocol):
    """Where Algorithm 3 has its samples from.

    Attributes:
        overlaps: (W^D_l)^T W_l, shape (row, channel, channel).
        fan_in: parents times channels of the level below.
        lower_channels: channels of the level below.
    """

    overlaps: Tensor
    fan_in: int
    lower_channels: int

    def draw(self, num_samples: int) -> PairSamples:
        """Return the next samples of every row."""


class BufferedPairs:
    """Draws samples in blocks of ``BLOCK`` and hands them on in one sequence, however it is cut."""

    _block: PairSamples | None = None
    _used = 0  # samples of the block that were handed on

    def draw(self, num_samples: int) -> PairSamples:
        """See ``PairSource``."""
        while self._block is None or self._block.upper.shape[1] - self._used < num_samples:
            fresh = self._fresh(max(BLOCK, num_samples))
            left = None if self._block is None else self._block.part(self._used, self._block.upper.shape[1])
            self._block, self._used = fresh if left is None else left.joined(fresh), 0
        self._used += num_samples
        return self._block.part(self._used - num_samples, self._used)

    def _fresh(self, num_samples: int) -> PairSamples:
        """Return the next samples of every row."""
        raise NotImplementedError


class NetworkPairs(BufferedPairs):
    """Samples of a target network and of a learner's levels below l, from streams of the instances' seeds.

    Attributes:
        overlaps, fan_in, lower_channels: see ``PairSource``.
    """

    def __init__(
        self,
        target: TargetNetwork,
        dictionary: Tensor,
        *,
        seeds: Sequence[int],
        lower: TargetNetwork | None = None,
        level: int = 2,
    ) -> None:
        """Prepare level ``level`` of ``target``; ``dictionary`` is W_l, (batch, patch, patch_dim, channel).

        ``lower`` is the learner's network up to level l - 1 (its dictionaries need not be orthonormal); None takes the
        target's own, that is, W_{l-1} = W*_{l-1} and S_{l-1} of the same law as S*_{l-1}.

        Raises:
            InputError: a level that the target does not have, or a number of seeds other than the batch size.
        """
        if not 2 <= level <= target.num_levels:
            raise InputError(f"level must be in 2..{target.num_levels}, got {level}")
        if len(seeds) != target.batch_size:
            raise InputError(f"seeds must be one per instance ({target.batch_size}), got {len(seeds)}")
        top = target.levels[level - 1]
        assert isinstance(top, HigherLevel)
        self._target, self._level, self._parents = target, level, top.parents
        self._own = TargetNetwork(target.levels[: level - 1]) if lower is None else lower
        self._streams = pair_streams(seeds, level)
        self._mixing = (dictionary.mT @ top.dictionary).flatten(0, 1)
        self.overlaps = (dictionary.mT @ dictionary).flatten(0, 1)
        self._lower_mixing = None if lower is None else self._mixed_below()
        self.lower_channels = target.levels[level - 2].thresholds.shape[-1]
        self.fan_in = top.weights.shape[-1]

    def _mixed_below(self) -> tuple[Tensor, Tensor]:
        """W_{l-1}^T W*_{l-1} and W_{l-1}^T W_{l-1}, each (batch, patch, channel, channel)."""
        learned = self._own.levels[self._level - 2].dictionary
        return learned.mT @ self._target.levels[self._level - 2].dictionary, learned.mT @ learned

    def _fresh(self, num_samples: int) -> PairSamples:
        codes = self._target.sample_codes(self._streams[0], num_samples)
        own = self._own.sample_codes(self._streams[1], num_samples)[self._level - 2]
        below, seen, own_seen = codes[self._level - 2], codes[self._level - 2], own
        if self._lower_mixing is not None:
            seen, own_seen = (
                (part.transpose(1, 2) @ mixing.mT).transpose(1, 2)
                for mixing, part in zip(self._lower_mixing, (below, own), strict=True)
            )
        upper = codes[self._level - 1].transpose(1, 2).flatten(0, 1) @ self._mixing.mT
        return PairSamples(upper, *(self._of_parents(part) for part in (seen, own_seen, own)))

    def _of_parents(self, codes: Tensor) -> Tensor:
        """Codes (batch, sample, lower patch, channel) as every row's parents have them, (row, sample, fan-in)."""
        gathered = codes.index_select(2, self._parents.flatten()).unflatten(2, self._parents.shape)
        return gathered.flatten(3).transpose(1, 2).flatten(0, 1)


def pair_streams(seeds: Sequence[int], level: int) -> tuple[list[np.random.Generator], list[np.random.Generator]]:
    """The streams of the target's and of the learner's latents, one of each per instance."""
    target, learner = (streams(seeds, f"Algorithm 3, {whose}, level {level}") for whose in ("target", "learner"))
    return target, learner
