"""What tests of Algorithm 3 run on: small targets, dictionaries that are off, samples of no target at all."""

from dataclasses import replace

import torch
from torch import Tensor

from fsrcheck.model.families import overlapping_inhibition
from fsrcheck.model.relabelling import shuffled_top
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.model.target import HigherLevel, TargetNetwork
from fsrcheck.training.super_resolution import SuperResolutionSettings
from fsrcheck.training.super_resolution_samples import NetworkPairs, PairSamples

SEEDS = [3, 4, 5]
SHORT = SuperResolutionSettings(step_size=0.3, num_steps=6, batch_size=32)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class RandomPairs:
    """Samples of two rows, three channels and a fan-in of four; the learner's columns are not orthonormal."""

    fan_in, lower_channels = 4, 2

    def __init__(self, seed: int = 0) -> None:
        self.detector, self.seed = random(2, 5, 3, seed=seed), seed
        self.overlaps = self.detector.mT @ self.detector

    def draw(self, num_samples: int) -> PairSamples:
        shapes = (3, 4, 4, 4)
        return PairSamples(*(random(2, num_samples, n, seed=self.seed + i) for i, n in enumerate(shapes, 1)))


def small_target(seeds: list[int], device: str = "cpu", channels: int = 4) -> TargetNetwork:
    """Two levels and two patches, the second level's channels shuffled."""
    return shuffled_top(overlapping_inhibition(channels, 1.0, seeds=seeds, num_patches=2, device=device), seeds)


def moved(dictionary: Tensor, seeds: list[int], size: float = 0.02) -> Tensor:
    """A learner's dictionary, columns off by about ``size``, (batch, patch, patch_dim, channel)."""
    aside = standard_normal(streams(seeds, "dictionary of a test"), dictionary.shape[1:], dictionary.device)
    return dictionary + size * aside / dictionary.shape[-2] ** 0.5


def below(target: TargetNetwork, seeds: list[int], size: float = 0.1) -> TargetNetwork:
    """A learner's first level that is not the target's."""
    first = target.first
    aside = standard_normal(
        streams(seeds, "weights of a test"), first.latent_weights.shape[1:], first.dictionary.device
    )
    weights = first.latent_weights + size * aside
    return TargetNetwork((replace(first, dictionary=moved(first.dictionary, seeds, size), latent_weights=weights),))


def pairs_of(seeds: list[int], device: str = "cpu", *, learned: bool = False) -> NetworkPairs:
    """A source whose dictionary is off, and whose level below is too if ``learned``."""
    target = small_target(seeds, device)
    lower = below(target, seeds) if learned else None
    return NetworkPairs(target, moved(top_of(target).dictionary, seeds), seeds=seeds, lower=lower)


def top_of(target: TargetNetwork) -> HigherLevel:
    return target.higher[-1]


def cutoffs(rows: int, cutoff: float = 0.1, device: str = "cpu") -> Tensor:
    return torch.full((rows,), cutoff, dtype=torch.float64, device=device)
