"""A small target, its samples and short settings for the tests of Algorithm 4."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from fsrcheck.model.multilevel import overlapping_inhibition
from fsrcheck.model.relabelling import shuffled_top
from fsrcheck.model.target import TargetNetwork
from fsrcheck.training.level_samples import GivenSamples, TargetSamples, chunks
from fsrcheck.training.minmax_settings import MinmaxSettings, Structure

SHORT = MinmaxSettings(
    first_stages=1, higher_stages=1, bridge_samples=2**14, warm_samples=2**14, super_steps=400, closing_steps=800
)
SHORTEST = replace(SHORT, super_steps=10, closing_steps=10, pair_steps=20)


def small_target(seeds: Sequence[int], num_levels: int = 2) -> TargetNetwork:
    """Two patches of eight channels on every level, the last level's in random order."""
    target = overlapping_inhibition(8, 1.0, seeds=seeds, num_levels=num_levels, num_patches=2 ** (num_levels - 1))
    return shuffled_top(target, seeds)


def small_samples(seeds: Sequence[int], num_samples: int = 2**15) -> tuple[TargetNetwork, TargetSamples, Structure]:
    """A target, its samples and its structure."""
    target = small_target(seeds)
    return target, TargetSamples(target, seeds=seeds, num_samples=num_samples), Structure.of(target)


def given(samples: TargetSamples) -> GivenSamples:
    """The same samples as a user would have them."""
    levels = range(1, len(samples.shapes) + 1)
    return GivenSamples([torch.cat([part for (part,) in chunks(samples, (level,))], dim=1) for level in levels])
