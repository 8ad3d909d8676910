"""Samples for Algorithm 3 from given patches: the target's are read off them, the learner's come from its own network."""

from collections.abc import Sequence

from torch import Tensor

from fsrcheck.model.streams import streams
from fsrcheck.model.target import TargetNetwork
from fsrcheck.training.level_samples import LevelSamples, reads
from fsrcheck.training.patch_source import fold_patches
from fsrcheck.training.super_resolution_samples import BufferedPairs, PairSamples


class SampledPairs(BufferedPairs):
    """A ``PairSource`` of given samples, which begin again after the last one; the learner's own are always fresh.

    Attributes:
        overlaps, fan_in, lower_channels: see ``PairSource``.
    """

    def __init__(
        self,
        samples: LevelSamples,
        network: TargetNetwork,
        dictionary: Tensor,
        parents: Tensor,
        *,
        seeds: Sequence[int],
    ) -> None:
        """Take the learner's levels below, W_l (batch, patch, patch_dim, channel) and its parents (patch, parent)."""
        level, below = network.num_levels + 1, network.levels[-1].dictionary
        self._read = samples.reader((level - 1, level))
        self._network = network
        self._generators = streams(seeds, f"the learner's samples for Algorithm 3, level {level}")
        self._upper, self._lower, self._parents = dictionary, below, parents
        self._gram = below.mT @ below
        self.overlaps = (dictionary.mT @ dictionary).flatten(0, 1)
        self.lower_channels = below.shape[-1]
        self.fan_in = parents.shape[1] * self.lower_channels

    def _fresh(self, num_samples: int) -> PairSamples:
        lower, upper = self._read(num_samples)
        own = self._network.sample_codes(self._generators, num_samples)[-1]
        return PairSamples(
            fold_patches(reads(upper, self._upper)),
            self._of_parents(reads(lower, self._lower)),
            self._of_parents(reads(own, self._gram)),
            self._of_parents(own),
        )

    def _of_parents(self, values: Tensor) -> Tensor:
        """(batch, sample, lower patch, size) as every row's parents have them, (row, sample, parents times size)."""
        return values[:, :, self._parents].flatten(3).transpose(1, 2).flatten(0, 1)
