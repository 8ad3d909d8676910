"""Algorithm 3: one level to Lemma D.2's accuracy, against Adam, and the cost by channels, patches and instances.

Read the rows of a group beside each other, as ratios: time is linear in patches; in channels it goes from less than linear,
where overhead leads, to quadratic, as every channel reads all channels below; instances in a batch share the overhead.
"""

from dataclasses import dataclass, replace

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from fsrcheck.model.activations import smoothed_abs, smoothed_leaky_relu
from fsrcheck.training.super_resolution import identity_start
from fsrcheck.training.super_resolution_samples import PairSamples
from lemmas.fsr.super_resolution_runs import (
    Instances,
    Parameters,
    Tail,
    build,
    comparisons,
    cutoffs,
    learned_codes,
    train,
)

LEARNING_RATE = 0.01  # of Adam; 0.001, 0.003, 0.03 and 0.1 end farther away
PARAMETERS = Parameters(num_channels=16, num_steps=1500, batch_size=128, evaluation_samples=32768)
SHORT = replace(PARAMETERS, num_steps=100)


def worst(parameters: Parameters, instances: Instances, generator: Tensor) -> float:
    """The 0.9999 quantile of |S* - S|/b of the worst neuron, with the leak of the end."""
    tail = Tail(parameters.evaluation_samples)
    leak = parameters.settings.leak(cutoffs(instances, parameters), parameters.num_steps)
    for codes in comparisons(parameters, instances, generator):
        tail.add((learned_codes(codes.linear, leak, parameters) - codes.target).abs() / parameters.b)
    return float(tail.quantile.max())


@dataclass(frozen=True)
class Round:
    """What both losses of a round are made of, in units of b."""

    samples: PairSamples
    overlaps: Tensor
    unit: float
    leak: Tensor
    width: float

    def codes(self, read: Tensor, player: Tensor) -> Tensor:
        """g of a player's linear layer."""
        linear = read @ player[..., :-1].mT - player[:, None, :, -1]
        return smoothed_leaky_relu(linear * self.unit, self.leak, self.width)

    def gap(self, upper: Tensor, lower: Tensor, player: Tensor) -> Tensor:
        """The mean of D^(2), summed over channels and rows."""
        read = smoothed_leaky_relu(lower * self.unit, self.leak, self.width) / self.unit
        return smoothed_abs(upper - self.codes(read, player), 1.0, self.width).mean(dim=1).sum()

    def losses(self, inner: Tensor, outer: Tensor) -> tuple[Tensor, Tensor]:
        """Of the generator and of the discriminator."""
        fakes = self.codes(self.samples.own_codes, inner) @ self.overlaps.mT
        real = self.gap(self.samples.upper * self.unit, self.samples.lower, outer)
        return (
            self.gap(fakes, self.samples.own_lower, outer.detach()),
            real - self.gap(fakes.detach(), self.samples.own_lower, outer),
        )


def by_adam(parameters: Parameters, instances: Instances) -> Tensor:
    """The same objective, leak, samples and rounds, differentiated by machine, and Adam for both players."""
    source, chosen = instances.source(), parameters.settings
    inner, outer = (identity_start(source).requires_grad_() for _ in range(2))
    optimiser = torch.optim.Adam([inner, outer], lr=LEARNING_RATE)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, chosen.num_steps)
    for step in range(chosen.num_steps):
        leak = chosen.leak(cutoffs(instances, parameters), step)
        now = Round(source.draw(chosen.batch_size), source.overlaps, 1 / parameters.b, leak, chosen.smoothing)
        optimiser.zero_grad()
        torch.stack(now.losses(inner, outer)).sum().backward()
        optimiser.step()
        falling.step()
    return inner.detach()


def by_polyak(parameters: Parameters, instances: Instances) -> Tensor:
    """The working form."""
    return train(parameters, instances).generator


@pytest.mark.parametrize("error", [0.02, 1e-3])
@pytest.mark.parametrize("learn", [by_polyak, by_adam])
@pytest.mark.benchmark(group="m = 16, two patches, 1500 steps: the working form against Adam")
def test_to_the_lemmas_accuracy(benchmark: BenchmarkFixture, learn: object, error: float) -> None:
    parameters = replace(PARAMETERS, dictionary_error=error)
    instances = build(parameters, [1], "cpu")
    found = benchmark.pedantic(learn, args=(parameters, instances), rounds=2, iterations=1)
    benchmark.extra_info["quantile in b"] = quantile = worst(parameters, instances, found)
    assert learn is by_adam or quantile < 7


@pytest.mark.parametrize("channels", [8, 16, 32, 64])
@pytest.mark.benchmark(group="100 steps by channels")
def test_channels(benchmark: BenchmarkFixture, channels: int) -> None:
    time_steps(benchmark, replace(SHORT, num_channels=channels), 1)


@pytest.mark.parametrize("patches", [2, 4, 8])
@pytest.mark.benchmark(group="100 steps by patches, m = 16")
def test_patches(benchmark: BenchmarkFixture, patches: int) -> None:
    time_steps(benchmark, replace(SHORT, num_patches=patches), 1)


@pytest.mark.parametrize("batch", [1, 8, 32])
@pytest.mark.benchmark(group="100 steps by instances, m = 4, N = 64")
def test_instances(benchmark: BenchmarkFixture, batch: int) -> None:
    time_steps(benchmark, replace(SHORT, num_channels=4, batch_size=64), batch)


def time_steps(benchmark: BenchmarkFixture, parameters: Parameters, batch: int) -> None:
    """A hundred steps, the target not timed."""
    instances = build(parameters, range(batch), "cpu")
    benchmark.pedantic(train, args=(parameters, instances), rounds=3, iterations=1, warmup_rounds=1)
