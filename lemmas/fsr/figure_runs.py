r"""What the statements on Figures 3, 6, 7 and 8 run on: targets of several levels, and Algorithm 4 on samples of them.

The figures are about networks trained on photographs. Here the data come from the paper's model (section 2.1) and the learner is
Algorithm 4 in its working form (``fsrcheck.training.minmax_gan``), from N samples and nothing else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.model.assumptions import measure_assumptions
from fsrcheck.model.premises import AssumptionConstants, premises
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.model.target import FirstLevel, HigherLevel, TargetNetwork
from fsrcheck.training.level_samples import TargetSamples
from fsrcheck.training.minmax_gan import Learned, MinmaxGan, learn
from fsrcheck.training.minmax_settings import MinmaxSettings, Structure
from lemmas.fsr.targets import FROM_FILE, TargetParameters, build_target

LEAST_SAMPLES = 4096
SAMPLES_PER_EVENT = 1024  # of the warm start, for every active channel
RANGES: dict[str, tuple[float, float]] = {
    "num_levels": (1, 6),
    "num_parents": (1, 2),
    "spare_dims": (0, 10**4),
    "num_samples": (LEAST_SAMPLES, 10**9),
    "num_stages": (1, 100),
    "num_steps": (1, 10**7),
    "evaluation_samples": (256, 10**9),
}


@dataclass(frozen=True)
class Parameters(TargetParameters):
    """Parameters of the statements on figures."""

    family: str = "overlapping_inhibition"
    num_channels: int = 8
    expected_active: float = 1.0
    num_patches: int = 2
    num_levels: int = 2  # L
    num_parents: int = 2  # |P_{l,j}|
    spare_dims: int = 0  # d - m
    num_samples: int = 32768  # N
    num_stages: int = 1  # T'
    num_steps: int = 600  # T of Algorithm 3
    evaluation_samples: int = 32768

    def __post_init__(self) -> None:
        """Refuse numbers that no run can have."""
        super().__post_init__()
        if self.family == FROM_FILE:
            raise InputError(f"family must be one of the synthetic ones, got {self.family!r}")
        for name, (least, largest) in RANGES.items():
            if not least <= getattr(self, name) <= largest:
                raise InputError(f"{name} must be in [{least:g}, {largest:g}], got {getattr(self, name)}")

    def active(self, level: int) -> float:
        """m Pr[S_r > 0] of a level, which changes from level to level as ``multilevel`` says."""
        factor = 0.5 if self.family == "paper_example" else self.num_parents / 2
        return self.expected_active * factor ** (level - 1)

    def channels(self, level: int) -> int:
        """m of a level."""
        return self.num_channels // 2 ** (level - 1) if self.family == "paper_example" else self.num_channels

    @property
    def settings(self) -> MinmaxSettings:
        """Of Algorithm 4; the warm start is given enough samples to see every channel of the last level."""
        rarest = self.channels(self.num_levels) / self.active(self.num_levels)
        return MinmaxSettings(
            first_stages=self.num_stages,
            higher_stages=self.num_stages,
            warm_samples=min(2**15, self.num_samples, max(self.num_samples // 4, round(SAMPLES_PER_EVENT * rarest))),
            bridge_samples=min(2**16, self.num_samples // 2),
            moment_samples=min(2**14, self.num_samples // 8),
            output_steps=8,
            super_steps=self.num_steps,
            closing_steps=self.num_steps + self.num_steps // 3,
            super_batch=max(64, 8 * self.num_channels),
        )


@dataclass(frozen=True)
class Instances:
    """A batch of targets.

    Attributes:
        target: G*.
        margins: of Assumptions 2.2 and 2.3, the worst over the levels, one mapping an instance.
        seeds: of the instances.
    """

    target: TargetNetwork
    margins: Sequence[dict[str, float]]
    seeds: Sequence[int]

    def samples(self, num_samples: int) -> TargetSamples:
        """The first so many samples for a learner, always the same ones."""
        return TargetSamples(self.target, seeds=self.seeds, num_samples=num_samples)

    def learner(self, parameters: Parameters) -> MinmaxGan:
        """Algorithm 4 on ``num_samples`` of them, step by step."""
        samples = self.samples(parameters.num_samples)
        return MinmaxGan(samples, Structure.of(self.target), parameters.settings, self.seeds)

    def learned(self, parameters: Parameters) -> Learned:
        """What Algorithm 4 returns on ``num_samples`` of them."""
        samples = self.samples(parameters.num_samples)
        return learn(samples, Structure.of(self.target), parameters.settings, seeds=self.seeds)


def build(parameters: Parameters, seeds: Sequence[int], device: str) -> Instances:
    """One instance per seed."""
    extra: dict[str, Any] = {
        "num_levels": parameters.num_levels,
        "patch_dim": parameters.num_channels + parameters.spare_dims,
    }
    if parameters.family != "paper_example":
        extra["num_parents"] = parameters.num_parents
    target = build_target(parameters, seeds, device, **extra)
    worst: dict[str, Tensor] = {}
    for level in range(1, target.num_levels + 1):
        for name, margin in _margins(target, level, parameters, seeds).items():
            worst[name] = torch.minimum(worst.get(name, margin), margin)
    return Instances(target, [{name: float(v[i]) for name, v in worst.items()} for i in range(len(seeds))], seeds)


def _margins(target: TargetNetwork, level: int, parameters: Parameters, seeds: Sequence[int]) -> dict[str, Tensor]:
    measured = measure_assumptions(target, level, seeds=seeds)
    return premises(measured, AssumptionConstants.defaults(parameters.active(level), measured.patch_dim))


def observations(
    instances: Instances, measured: Mapping[str, Tensor], errors: Mapping[str, Tensor], counts: Mapping[str, Tensor]
) -> list[Observation]:
    """One observation per instance from tensors (batch,); ``errors`` are standard errors of some of the measured."""
    none = torch.zeros(len(instances.seeds))
    return [
        Observation(
            premises=instances.margins[i],
            measurements={
                name: Measurement(float(values[i]), float(errors.get(name, none)[i]))
                for name, values in measured.items()
            },
            counts={name: int(values[i]) for name, values in counts.items()},
        )
        for i in range(len(instances.seeds))
    ]


def extreme(values: Sequence[Tensor], errors: Sequence[Tensor], *, largest: bool) -> tuple[Tensor, Tensor]:
    """The largest or smallest of several values (batch,), with its standard error."""
    value, error = torch.stack(list(values)), torch.stack(list(errors))
    place = (value.argmax(dim=0) if largest else value.argmin(dim=0))[None]
    return value.gather(0, place)[0], error.gather(0, place)[0]


def one(parameters: Parameters) -> float:
    """The shape of a bound that is its constant."""
    return 1.0


def random_first(level: FirstLevel, seeds: Sequence[int], width: int = 1) -> FirstLevel:
    """A first level with Gaussian rows and no thresholds, as networks are initialised; each channel is active half of the time.

    It has ``width`` times the channels of ``level``, whose columns W are repeated. All rows have one length, such that E S^2 is
    that of ``level`` on average.
    """
    _, patches, channels, latent = level.latent_weights.shape
    device = level.thresholds.device
    drawn = standard_normal(streams(seeds, "random first level"), (patches, width * channels, latent), device)
    latents = standard_normal(streams(seeds, "size of codes"), (4096, latent), device)
    size = level.codes(latents).square().mean(dim=(1, 2, 3)).sqrt()[:, None, None, None]
    return FirstLevel(
        level.dictionary.repeat(1, 1, 1, width),
        2**0.5 * size * drawn / drawn.norm(dim=-1, keepdim=True),  # E ReLU(g)^2 = 1/2
        level.thresholds.repeat(1, 1, width).zero_(),
    )


def random_higher(level: HigherLevel, seeds: Sequence[int], number: int, width: int = 1) -> HigherLevel:
    """Level ``number`` of the same shapes and W, with Gaussian weights and no thresholds (He's initialisation).

    It reads a level that has ``width`` times as many channels.
    """
    *shape, fan_in = level.weights.shape[1:]
    drawn = standard_normal(
        streams(seeds, f"random higher level {number}"), (*shape, width * fan_in), level.thresholds.device
    )
    return replace(level, weights=(2 / (width * fan_in)) ** 0.5 * drawn, thresholds=torch.zeros_like(level.thresholds))


def random_network(network: TargetNetwork, seeds: Sequence[int]) -> TargetNetwork:
    """A network of the same shapes, parents and W with random weights and no thresholds on every level."""
    higher = (random_higher(level, seeds, number) for number, level in enumerate(network.higher, start=2))
    return TargetNetwork((random_first(network.first, seeds), *higher))
