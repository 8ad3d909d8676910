"""Algorithm 4 line by line (l.439-458), calling its stages one by one, to hold the learner that can stop and go on against.

One loop, no states: W_l, b and the hidden layer are variables. The lines that the working schedule adds are marked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fsrcheck.model.target import FirstLevel, HigherLevel, TargetNetwork
from fsrcheck.training.given_patches import unit_of
from fsrcheck.training.level_samples import LevelSamples, ScaledSamples
from fsrcheck.training.minmax_gan import UNIT_SAMPLES
from fsrcheck.training.minmax_settings import MinmaxSettings, Structure
from fsrcheck.training.minmax_stages import (
    Start,
    estimated_error,
    first_hidden,
    first_patches,
    higher_level,
    output_layer,
    start_level,
    super_resolution,
)
from fsrcheck.training.super_resolution import raised

Level = FirstLevel | HigherLevel


@dataclass
class Transcript:
    """What the loop ends with, in units of a typical code, and how many steps it took."""

    levels: list[Level]
    units: Tensor
    steps: int


@dataclass(frozen=True)
class Given:
    """What every line knows."""

    samples: LevelSamples
    structure: Structure
    settings: MinmaxSettings
    seeds: Sequence[int]

    def step_seeds(self, level: int, stage: int) -> list[int]:
        """One for each instance, other ones in every step."""
        return [seed + (((level << 16) + stage) << 64) for seed in self.seeds]

    def cutoff(self, level: int, stage: int, dictionary: Tensor, start: Start, closing: bool) -> Tensor:
        """B of line 5, (batch, patch)."""
        error = estimated_error(dictionary, start.reference)
        if level == 1:
            error = error.max(dim=1, keepdim=True).values.expand_as(error)
        channels = self.structure.num_channels[level - 1]
        return self.settings.hidden_cutoff(level, stage, channels, error, closing=closing)


def transcribe(
    samples: LevelSamples,
    structure: Structure,
    settings: MinmaxSettings,
    seeds: Sequence[int],
    *,
    line_5: bool = True,
) -> Transcript:
    """Run Algorithm 4; without ``line_5`` the cutoff of the first stage stays.

    Raises:
        InputError: too few samples to see every channel.
    """
    units = torch.stack([_unit(samples, level, m) for level, m in enumerate(structure.num_channels, start=1)])
    given = Given(ScaledSamples(samples, units), structure, settings, seeds)
    result = Transcript([], units, 0)
    for level, channels in enumerate(structure.num_channels, start=1):  # line 1
        start = start_level(given.samples, level, channels, settings, given.step_seeds(level, 0))  # line 2
        result.steps += 1
        dictionary = start.dictionary
        for stage in range(1, settings.stages(level) + 1):  # line 4
            if line_5 or stage == 1:
                b = given.cutoff(level, stage, dictionary, start, False)  # line 5
            top = hidden_layer(given, result.levels, dictionary, b, start, stage)  # lines 6, 7, 9, 10
            dictionary = output(given, result.levels, top, start, stage)  # lines 11, 12
            result.steps += 1
        if line_5:
            b = given.cutoff(
                level, settings.stages(level) + 1, dictionary, start, True
            )  # added: the hidden layer once more
        top = hidden_layer(given, result.levels, dictionary, b, start, settings.stages(level) + 1, closing=True)
        result.levels.append(replace(top, thresholds=top.thresholds + settings.last_raise * b[..., None]))  # line 8
        result.steps += 1
    return result


def _unit(samples: LevelSamples, level: int, num_channels: int) -> Tensor:
    rows = unit_of(first_patches(samples, level, UNIT_SAMPLES), num_channels)
    return rows.unflatten(0, samples.shapes[level - 1][:2]).mean(dim=1)


def hidden_layer(
    given: Given, below: Sequence[Level], dictionary: Tensor, b: Tensor, start: Start, stage: int, closing: bool = False
) -> Level:
    """Line 7 on the first level, line 10 above."""
    level, settings = len(below) + 1, given.settings
    seeds = given.step_seeds(level, stage)
    if level == 1:
        return first_hidden(given.samples, dictionary, b[:, 0], start.rate, settings, seeds)
    parents = given.structure.parents_of(level, dictionary.device)
    steps = settings.closing_steps if closing else settings.super_steps
    network = TargetNetwork(tuple(below))
    learned = super_resolution(
        given.samples, network, dictionary, parents, b.flatten(), settings, seeds, num_steps=steps
    )
    if not closing:
        learned = replace(learned, generator=raised(learned.generator, settings.raise_ratio * b.flatten()))
    return higher_level(learned, dictionary, parents)


def output(given: Given, below: Sequence[Level], top: Level, start: Start, stage: int) -> Tensor:
    """Line 12 for all patches, W_l after it. Added: a patch that runs away or gets worse keeps what it had."""
    level = len(below) + 1
    error = estimated_error(top.dictionary, start.reference)
    cutoff = given.settings.output_cutoff(level, stage, given.structure.num_channels[level - 1], error)
    network = TargetNetwork((*below, top))
    found = output_layer(given.samples, network, cutoff.flatten(), given.settings, given.step_seeds(level, stage))
    after = found.dictionary.unflatten(0, error.shape)
    better = estimated_error(after, start.reference) <= given.settings.largest_growth * error
    taken = better & ~found.diverged.unflatten(0, error.shape)
    return torch.where(taken[..., None, None], after, top.dictionary)
