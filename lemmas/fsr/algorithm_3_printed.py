"""Algorithm 3 as printed, channel after channel: batched, and by the transcription on the same samples."""

from collections.abc import Callable
from dataclasses import fields, replace
from math import inf

import torch
from torch import Tensor

from fsrcheck.training.sgda import SGDASettings, descend_ascend
from fsrcheck.training.super_resolution import identity_start, super_resolution_game
from fsrcheck.training.super_resolution_samples import pair_streams
from lemmas.fsr import algorithm_3_transcription as plain
from lemmas.fsr.algorithm_3_parameters import GENERATOR_LAST, LATE_RAISE, Parameters
from lemmas.fsr.super_resolution_runs import Instances, cutoffs


def printed_loop(parameters: Parameters, instances: Instances) -> tuple[Tensor, Tensor]:
    """Lines 3 to 6 by Algorithm 6, all patches at once: (V, b) and (V^D, b^D), each (row, channel, fan-in + 1)."""
    source, cutoff = instances.source(), cutoffs(instances, parameters)
    game = super_resolution_game(source, cutoff, parameters.settings)
    eta = parameters.settings.step_size * parameters.b  # gradients are in units of b
    settings = SGDASettings(parameters.num_steps, parameters.inner_steps, eta)
    generator = discriminator = identity_start(source)
    for r in range(generator.shape[1]):
        found = descend_ascend(replace(game, channel=r), discriminator, generator, settings)
        generator, discriminator = found.inner.clone(), found.outer
        generator[:, r, -1] += parameters.raised_by * cutoff
    return generator, discriminator


def compared(parameters: Parameters, instances: Instances) -> dict[str, Tensor]:
    """How far apart the two end, and how far the discriminator went: the largest entry of an instance, (batch,)."""
    both = printed_loop(parameters, instances)
    transcripts = transcribed(parameters, instances)
    apart = [(here.cpu() - there).abs().nan_to_num(nan=inf) for here, there in zip(both, transcripts, strict=True)]
    moved = both[1] - identity_start(instances.source())
    return {
        "distance": instances.per_instance(torch.stack(apart, dim=1)),
        "moved": instances.per_instance(moved.abs()),
    }


def transcribed(parameters: Parameters, instances: Instances) -> tuple[Tensor, Tensor]:
    """``printed_loop`` by the transcription, one instance after the other, on the CPU."""
    play = play_of(parameters)
    whole = all_samples(parameters, instances)
    players = [
        one
        for i in range(len(instances.seeds))
        for one in plain.transcribe(fixed_of(parameters, instances, i), play, drawer(parameters, whole, i))
    ]
    return torch.stack([one.generator for one in players]), torch.stack([one.discriminator for one in players])


def play_of(parameters: Parameters) -> plain.Play:
    """In the target's units: lambda is in units of b elsewhere."""
    settings = parameters.settings
    decay = settings.decay * parameters.b
    return plain.Play(
        parameters.num_steps,
        parameters.inner_steps,
        settings.step_size,
        decay / 10,
        decay,
        settings.signs,
        parameters.raised_by * parameters.b,
        raise_late=parameters.fault == LATE_RAISE,
        generator_last=parameters.fault == GENERATOR_LAST,
    )


def fixed_of(parameters: Parameters, instances: Instances, i: int) -> plain.Fixed:
    """What no line changes, of one instance."""
    lower = instances.lower.levels[-1].dictionary[i].cpu()
    leak = float(parameters.settings.leak(cutoffs(instances, parameters), 0)[0])
    smoothing = parameters.settings.smoothing * parameters.b
    dictionary, parents = instances.dictionary[i].cpu(), instances.top.parents.cpu()
    return plain.Fixed(dictionary, lower, parents, parameters.b, leak, smoothing)


def all_samples(parameters: Parameters, instances: Instances) -> plain.Batch:
    """Those of all channels and rounds, one after the other, with the instances in front."""
    count = parameters.batch_size * parameters.num_steps * instances.top.thresholds.shape[-1]
    first, second = pair_streams(instances.seeds, instances.target.num_levels)
    images = instances.target.patches(instances.target.sample_codes(first, count))
    own = instances.lower.sample_codes(second, count)
    return plain.Batch(images[-1], images[-2], instances.lower.patches(own)[-1], own[-1])


def drawer(parameters: Parameters, whole: plain.Batch, i: int) -> Callable[[int], Callable[[], plain.Batch]]:
    """The samples of one instance, round by round; every patch begins them anew."""
    size = parameters.batch_size

    def begin(patch: int) -> Callable[[], plain.Batch]:
        starts = iter(range(0, whole.upper.shape[1], size))

        def draw() -> plain.Batch:
            start = next(starts)
            return plain.Batch(*(getattr(whole, item.name)[i, start : start + size].cpu() for item in fields(whole)))

        return draw

    return begin
