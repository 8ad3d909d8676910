"""Algorithm 3's runs: as printed, channel after channel; in the working form, with and without fakes; and what is measured."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from fsrcheck.evidence.trial import Observation
from fsrcheck.training.super_resolution import SuperResolutionGame, SuperResolved
from lemmas.fsr.algorithm_3_parameters import COMPARE, FAKES, PRINTED, Parameters
from lemmas.fsr.algorithm_3_printed import compared, printed_loop
from lemmas.fsr.super_resolution_runs import (
    Instances,
    Tail,
    build,
    comparisons,
    cutoffs,
    learned_codes,
    observations,
    train,
)


def run(parameters: Parameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """One observation per seed."""
    instances = build(parameters, seeds, device)
    tasks = {COMPARE: compared, PRINTED: printed, FAKES: fakes}
    return observations(instances, tasks.get(parameters.task, working)(parameters, instances), {})


def printed(parameters: Parameters, instances: Instances) -> dict[str, Tensor]:
    """The printed loop; line 6 is in it, and is taken back where codes are compared before it."""
    generator, discriminator = printed_loop(parameters, instances)
    cutoff = cutoffs(instances, parameters)
    before = generator.clone()
    before[..., -1] -= parameters.raised_by * cutoff[:, None]
    leak = parameters.settings.leak(cutoff, parameters.num_steps)
    return measured_of(parameters, instances, before, discriminator, leak)


def working(parameters: Parameters, instances: Instances) -> dict[str, Tensor]:
    """The working form, and where it is wanted the same without fakes: a regression."""
    game = train(parameters, instances)
    measured = _of_arm(parameters, instances, game)
    if not parameters.second_arm:
        return measured
    alone = train(replace(parameters, from_fakes=False), instances)
    other = _of_arm(parameters, instances, alone)
    return {
        **measured,
        **{f"{name}_without": value for name, value in other.items()},
        "apart": apart(parameters, instances, game, alone),
    }


def _of_arm(parameters: Parameters, instances: Instances, found: SuperResolved) -> dict[str, Tensor]:
    return measured_of(parameters, instances, found.generator, found.discriminator, found.leak[:, None, None])


def measured_of(
    parameters: Parameters, instances: Instances, generator: Tensor, discriminator: Tensor, leak: Tensor
) -> dict[str, Tensor]:
    """What is known of one game's end, each (batch,), the worst of all neurons: errors are in units of b.

    ``tail`` is the 0.9999 quantile of |S - S*|, ``discriminator_tail`` that of |g(p) - S*|, both before line 6; ``alive`` is
    Pr[S > 0] / Pr[S* > 0], ``alive_raised`` the same after line 6; ``weight`` is |V_r|^2 / |V*_r|^2.
    """
    zeros = torch.zeros_like(instances.top.thresholds.flatten(0, 1))
    ends = (End(parameters, leak, zeros), End(parameters, leak, zeros))
    for codes in comparisons(parameters, instances, torch.cat([generator, discriminator], dim=1)):
        for end, linear in zip(ends, codes.linear.chunk(2, dim=-1), strict=True):
            end.add(linear, codes.target)
    sizes, wanted = (v.square().sum(dim=-1) for v in (generator[..., :-1], instances.top.weights.flatten(0, 1)))
    rows = {
        "tail": ends[0].tail.quantile,
        "largest": ends[0].tail.largest,
        "rms": ends[0].rms,
        "discriminator_tail": ends[1].tail.quantile,
        "discriminator_rms": ends[1].rms,
        "weight": sizes / wanted,
    }
    least = {"alive": ends[0].fires / ends[0].wanted, "alive_raised": ends[0].fires_raised / ends[0].wanted}
    return {
        **{name: instances.per_instance(values) for name, values in rows.items()},
        **{name: -instances.per_instance(-values) for name, values in least.items()},
    }


class End:
    """How close one player's codes are to the target's, and how often they are positive, of every (row, channel)."""

    def __init__(self, parameters: Parameters, leak: Tensor, zeros: Tensor) -> None:
        """Begin with no samples; ``zeros`` is (row, channel), ``leak`` broadcasts with (row, sample, channel)."""
        self._parameters, self._leak = parameters, leak
        self._squares = zeros
        self.tail = Tail(parameters.evaluation_samples)
        self.fires = self.fires_raised = self.wanted = zeros

    def add(self, linear: Tensor, target: Tensor) -> None:
        """Add codes before the LeakyReLU, and the target's, (row, sample, channel)."""
        b = self._parameters.b
        errors = (learned_codes(linear, self._leak, self._parameters) - target) / b
        self.tail.add(errors.abs())
        self._squares = self._squares + errors.square().sum(dim=1)
        self.fires = self.fires + (linear > 0).sum(dim=1)
        self.fires_raised = self.fires_raised + (linear > self._parameters.raised_by * b).sum(dim=1)
        self.wanted = self.wanted + (target > 0).sum(dim=1)

    @property
    def rms(self) -> Tensor:
        """Root of the mean square error, (row, channel)."""
        return (self._squares / self._parameters.evaluation_samples).sqrt()


def apart(parameters: Parameters, instances: Instances, first: SuperResolved, second: SuperResolved) -> Tensor:
    """The 0.9999 quantile of the difference of two discriminators' codes g(p), in units of b, (batch,)."""
    tail = Tail(parameters.evaluation_samples)
    for codes in comparisons(parameters, instances, torch.cat([first.discriminator, second.discriminator], dim=1)):
        here, there = (
            learned_codes(part, first.leak[:, None, None], parameters) for part in codes.linear.chunk(2, dim=-1)
        )
        tail.add((here - there).abs() / parameters.b)
    return instances.per_instance(tail.quantile)


def fakes(parameters: Parameters, instances: Instances) -> dict[str, Tensor]:
    """The root of the mean square of the fake half of the discriminator's gradient over that of the real half, (batch,)."""
    watched = train(parameters, instances, watch=halves).watched
    assert watched is not None
    real, fake = watched[:-1].unflatten(1, instances.shape).sum(dim=(0, 2)).unbind(dim=-1)
    return {"fake_half": (fake / real).sqrt()}


def halves(game: SuperResolutionGame, discriminator: Tensor, generator: Tensor, samples: Any) -> Tensor:
    """Squared norms of the gradients of E D(X*) and of E D(X) in the discriminator's parameters, (row, 2)."""
    both = game.discriminator_slope(discriminator, generator, *samples).gradient
    real = replace(game, from_fakes=False).discriminator_slope(discriminator, generator, *samples).gradient
    return torch.stack([part.square().sum(dim=(1, 2)) for part in (real, both - real)], dim=-1)
