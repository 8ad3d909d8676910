"""The stages of Algorithm 4 on samples: what earlier modules do on a target that is known, done for patches that are given.

Every function takes the samples, what the learner has so far, and the seeds of the stage; instances and patches are flattened to
rows where the stage treats every patch on its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.gaussian.univariate import inverse_tail
from fsrcheck.model.streams import streams
from fsrcheck.model.target import FirstLevel, HigherLevel, TargetNetwork
from fsrcheck.training.first_hidden import Channels, FirstHiddenSettings, learn_correlations, learn_marginals
from fsrcheck.training.first_hidden_oracles import DictionaryMoments
from fsrcheck.training.first_hidden_samples import SampledTarget
from fsrcheck.training.given_pairs import SampledPairs
from fsrcheck.training.given_patches import (
    SURROGATE,
    GivenCodes,
    SharpenRounds,
    decoded_codes,
    find_dictionary,
    sharpen_dictionary,
    sum_above,
)
from fsrcheck.training.level_samples import CHUNK_SIZE, LevelSamples, chunks, reads
from fsrcheck.training.minmax_settings import MinmaxSettings
from fsrcheck.training.output_layer import Sharpened, SharpenSettings, sharpen
from fsrcheck.training.patch_source import fold_patches
from fsrcheck.training.super_resolution import SuperResolutionSettings, SuperResolved, learn_super_resolution

TOLERANCE = 0.04  # of Algorithm 2's moments, over sqrt(N): far below a pair's standard error, 2 (m/k)/sqrt(N)
REFERENCE_CUTOFFS = (0.5, 0.25, 0.125)
HELD = 2**17  # of the learner's samples that are kept in memory
LARGEST_START = 0.25  # of a channel's rate where D4 begins
RATE_ABOVE_TARGET = 4.0  # where D4 begins, over the target's rate (Prop. C.3)


@dataclass(frozen=True)
class Start:
    """Where a level begins.

    Attributes:
        dictionary: after the bridge, (batch, patch, patch_dim, channel).
        warm: as Algorithm 5 leaves it.
        reference: what delta is estimated against.
        reference_error: how much the last of the rounds that led to it has moved a column, (batch, patch); its error is less.
        rate: about Pr[S > 0], averaged over channels, (batch, patch).
    """

    dictionary: Tensor
    warm: Tensor
    reference: Tensor
    reference_error: Tensor
    rate: Tensor


def first_patches(samples: LevelSamples, level: int, count: int) -> Tensor:
    """The first ``count`` patches of a level, (row, sample, patch_dim)."""
    return fold_patches(torch.cat([part for (part,) in chunks(samples, (level,), limit=count)], dim=1))


def start_level(
    samples: LevelSamples, level: int, num_channels: int, settings: MinmaxSettings, seeds: Sequence[int]
) -> Start:
    """Line 2, Algorithm 5 for every patch, then the bridge.

    Where Algorithm 5's error is too coarse for Algorithms 2 and 3 (fsr.chain), rounds of Algorithm 1 on decoded codes take it
    on; all of them together, down to a small cutoff, give the dictionary that delta is estimated against. Samples are to have
    codes of typical size 1.

    Raises:
        InputError: Algorithm 5 did not find every column.
    """
    batch, num_patches, _ = samples.shapes[level - 1]
    patches = first_patches(samples, level, max(settings.warm_samples, settings.bridge_samples))
    row_seeds = [seed * num_patches + patch for seed in seeds for patch in range(num_patches)]
    found = find_dictionary(patches[:, : settings.warm_samples], num_channels, row_seeds)
    if not bool(found.complete.all()):
        missing, used = int((~found.found).sum()), min(settings.warm_samples, samples.num_samples)
        raise InputError(
            f"samples of level {level} must show every channel: {missing} of {found.found.numel()} were not found in {used} "
            "samples; some 512 per active channel, 512 m/k, are needed"
        )
    bridge = patches[:, : settings.bridge_samples]
    dictionary = _on_decoded(bridge, found.dictionary, settings.bridge)
    nearly = _on_decoded(
        bridge, dictionary, REFERENCE_CUTOFFS[:-1] if settings.bridge else (1.0, *REFERENCE_CUTOFFS[:-1])
    )
    reference = _on_decoded(bridge, nearly, REFERENCE_CUTOFFS[-1:])
    moved = (reference - nearly).norm(dim=1).amax(dim=-1)
    rate = patches.mean(dim=1).norm(dim=-1) / num_channels**0.5
    parts = (dictionary, found.dictionary, reference, moved, rate)
    return Start(*(part.unflatten(0, (batch, num_patches)) for part in parts))


def _on_decoded(patches: Tensor, dictionary: Tensor, cutoffs: tuple[float, ...]) -> Tensor:
    return sharpen_dictionary(
        patches,
        dictionary,
        decoded_codes(patches),
        torch.ones_like(patches[:, 0, 0]),
        SharpenRounds(cutoffs, SURROGATE),
    )


def estimated_error(dictionary: Tensor, reference: Tensor) -> Tensor:
    """delta as a learner can tell it, (batch, patch): the largest distance of a column from the reference's."""
    return (dictionary - reference).norm(dim=-2).amax(dim=-1)


def first_hidden(
    samples: LevelSamples,
    dictionary: Tensor,
    cutoff: Tensor,
    rate: Tensor,
    settings: MinmaxSettings,
    seeds: Sequence[int],
) -> FirstLevel:
    """Line 7, Algorithm 2 with b = ``cutoff`` (batch,): the target's moments are averages over all samples.

    The learner's own are expectations. ``rate`` (batch, patch) of the channels says where D4 begins.
    """
    learner = DictionaryMoments(dictionary, cutoff, seeds=seeds, num_samples=settings.moment_samples)
    oracle = SampledTarget(learner, (reads(part, dictionary) for (part,) in chunks(samples, (1,))))
    descent = FirstHiddenSettings(
        initial_rate=LARGEST_START, max_pair_steps=settings.pair_steps, tolerance=TOLERANCE / samples.num_samples**0.5
    )
    marginals = learn_marginals(oracle, descent, _start(rate, cutoff, dictionary.shape))
    learned = learn_correlations(oracle, marginals.channels, descent)
    assert learned.directions is not None
    shape = dictionary.shape[1], dictionary.shape[3]
    rows = learned.channels.scales[..., None] * learned.directions
    return FirstLevel(dictionary, rows.unflatten(1, shape), learned.channels.thresholds.unflatten(1, shape))


def _start(rate: Tensor, cutoff: Tensor, shape: Sequence[int]) -> Channels:
    """Line 2 of Algorithm 2: neurons that fire more often than the target's (Prop. C.3 as repaired)."""
    initial = (RATE_ABOVE_TARGET * rate).clamp(max=LARGEST_START)[..., None].expand(*shape[:2], shape[3]).flatten(1)
    return Channels(torch.ones_like(initial), inverse_tail(initial) - cutoff[:, None])


def output_layer(
    samples: LevelSamples, network: TargetNetwork, cutoff: Tensor, settings: MinmaxSettings, seeds: Sequence[int]
) -> Sharpened:
    """Line 12, Algorithm 1 at the network's highest level with bb = ``cutoff`` (row,), W^D the dictionary it starts from.

    The target's moments are averages over all samples, the learner's over as many of its own (or ``generated_samples``). These are
    streamed once, at W = W^D; how their moments change with W is told by the ``HELD`` first of them.
    """
    detector = network.levels[-1].dictionary.flatten(0, 1)
    total = torch.zeros_like(detector.mT)
    for (part,) in chunks(samples, (network.num_levels,)):
        total += sum_above(fold_patches(part), detector, cutoff)
    codes, weights = _generated(network, detector, cutoff, settings.generated_samples or samples.num_samples, seeds)
    oracle = GivenCodes(total / samples.num_samples, codes, detector, cutoff, weights)
    descent = SharpenSettings(settings.output_power, settings.output_steps, tolerance=1e-3, relaxation=0.5)
    return sharpen(oracle, detector, descent)


def _generated(
    network: TargetNetwork, detector: Tensor, cutoff: Tensor, count: int, seeds: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """The first codes of the network's highest level, (row, sample, channel), and nu at W = W^D of all ``count``."""
    generators = streams(seeds, "the learner's samples for Algorithm 1")
    mixing = detector.mT @ detector
    held, total = [], torch.zeros_like(mixing)
    for start in range(0, count, CHUNK_SIZE):
        codes = fold_patches(network.sample_codes(generators, min(CHUNK_SIZE, count - start))[-1])
        total += sum_above(codes, mixing, cutoff)
        if start < HELD:
            held.append(codes)
    return torch.cat(held, dim=1), total / count


def super_resolution(
    samples: LevelSamples,
    network: TargetNetwork,
    dictionary: Tensor,
    parents: Tensor,
    cutoff: Tensor,
    settings: MinmaxSettings,
    seeds: Sequence[int],
    *,
    num_steps: int,
) -> SuperResolved:
    """Line 10, Algorithm 3 above ``network`` for all patches with b = ``cutoff`` (row,); ``dictionary`` is W_l.

    Polyak's step is cut off at m/8, for channels that fire with probability 1/m and more.
    """
    source = SampledPairs(samples, network, dictionary, parents, seeds=seeds)
    descent = SuperResolutionSettings(
        step_size=dictionary.shape[-1] / 8, num_steps=num_steps, batch_size=settings.super_batch
    )
    return learn_super_resolution(source, cutoff, descent)


def higher_level(learned: SuperResolved, dictionary: Tensor, parents: Tensor) -> HigherLevel:
    """The level that Algorithm 3 has learned, its leak at 0."""
    shape = dictionary.shape[:2]
    generator = learned.generator.unflatten(0, shape)
    return HigherLevel(dictionary, generator[..., :-1], parents, generator[..., -1])
