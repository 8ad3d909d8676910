"""A target with the channels of a level in another order: nothing else changes, but a learner cannot know the order."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from fsrcheck.model.streams import streams
from fsrcheck.model.target import HigherLevel, TargetNetwork


def shuffled_top(target: TargetNetwork, seeds: Sequence[int]) -> TargetNetwork:
    """Return the target with the last level's channels in random order, patch by patch; it needs at least two levels.

    Algorithm 5 finds a dictionary's columns in no particular order, so that the first guess of Algorithm 3, V = I, reads
    channels at random. In the families of ``multilevel`` neuron r reads channel r, and V = I would be half the answer.
    """
    top = target.levels[-1]
    assert isinstance(top, HigherLevel)
    _, patches, channels = top.thresholds.shape
    drawn = [[rng.permutation(channels) for _ in range(patches)] for rng in streams(seeds, "channel order")]
    order = torch.from_numpy(np.array(drawn)).to(target.device)

    def taken(values: Tensor) -> Tensor:
        """Entries (batch, patch, channel, ...) in the new order."""
        index = order.reshape(*order.shape, *[1] * (values.dim() - 3)).expand(values.shape)
        return values.gather(2, index)

    shuffled = replace(
        top, dictionary=taken(top.dictionary.mT).mT, weights=taken(top.weights), thresholds=taken(top.thresholds)
    )
    return TargetNetwork((*target.levels[:-1], shuffled))
