"""Every patch drawn from the data by itself: right in each patch, without any structure between patches or levels.

What it gets wrong is what only a learner of the hidden layers can get right; what it gets right needs no learning. It repeats
the patches that it was given.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fsrcheck.model.sampler import check_draw, check_patches
from fsrcheck.model.streams import streams


@dataclass(frozen=True)
class PatchResampler:
    """A ``Sampler`` from given ``patches`` (batch, sample, patch, patch_dim), one tensor a level."""

    patches: Sequence[Tensor]

    def __post_init__(self) -> None:
        """Refuse patches that disagree."""
        check_patches(self.patches)

    def sample(self, num_samples: int, seeds: Sequence[int]) -> list[Tensor]:
        """See ``Sampler``; every patch of every level has a given sample of its own, with replacement."""
        check_draw(num_samples, seeds, len(self.patches[0]))
        generators = streams(seeds, "resampling")
        return [self._level(level, generators, num_samples) for level in self.patches]

    def _level(self, level: Tensor, generators: Sequence[np.random.Generator], num_samples: int) -> Tensor:
        _, given, num_patches, _ = level.shape
        chosen = np.stack([generator.integers(given, size=(num_samples, num_patches)) for generator in generators])
        return level.take_along_dim(torch.from_numpy(chosen).to(level.device)[..., None], dim=1)
