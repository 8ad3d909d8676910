r"""Rounds on one level above the first: Algorithm 3, a raise of the thresholds, then Algorithm 1 with the codes learned.

The level and its learner are those of ``super_resolution_runs``; the dictionary starts off by delta and is sharpened, the level
below stays as it is. From delta, the largest error of a column at the start of a round, which a learner would have to estimate,
follow b = ``cutoff_ratio`` delta for Algorithm 3, a raise of ``raise_ratio`` b, and bb = min(1, ``output_ratio`` delta) for
Algorithm 1. Its moments are averages over latents common to target and learner, so that they agree exactly where codes and
columns do. Every round draws its samples afresh.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.activations import smoothed_leaky_relu
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.training.output_layer import SharpenSettings, sharpen
from fsrcheck.training.super_resolution import SuperResolved, learn_super_resolution, raised
from lemmas.fsr.c1_induction import CommonMoments, column_error
from lemmas.fsr.super_resolution_runs import Compared, Instances, Parameters, compared

ROUND_RANGES: dict[str, tuple[float, float]] = {
    "dictionary_error": (1e-6, 1.0),
    "num_rounds": (0, 1000),
    "raise_ratio": (0.0, 100.0),
    "output_ratio": (1e-3, 1e3),
    "output_power": (2.0, 1e4),
    "output_samples": (1, 10**8),
    "output_steps": (0, 10**6),
}
LARGEST_OUTPUT_CUTOFF = 1.0  # bb; above the mean of an active code too few samples are left


@dataclass(frozen=True)
class RoundParameters(Parameters):
    """Parameters of rounds on a level."""

    dictionary_error: float = 0.1  # delta at the start of the first round
    cutoff_ratio: float = 2.0  # b/delta
    num_steps: int = 600
    batch_size: int = 64
    num_rounds: int = 1
    raise_ratio: float = 0.5  # of the thresholds before Algorithm 1, in units of b
    output_ratio: float = 20.0  # bb/delta
    output_power: float = 2.0  # P of Algorithm 1; the paper's is 1001
    output_samples: int = 16384  # latents of Algorithm 1's moments
    output_steps: int = 30

    def __post_init__(self) -> None:
        """Refuse what no round can be run on."""
        super().__post_init__()
        for name, (least, largest) in ROUND_RANGES.items():
            if not least <= getattr(self, name) <= largest:
                raise InputError(f"{name} must be in [{least:g}, {largest:g}], got {getattr(self, name)}")


@dataclass(frozen=True)
class Stage:
    """Where a learner stands.

    Attributes:
        instances: with its current dictionary.
        error: delta, (batch,).
        number: rounds done.
    """

    instances: Instances
    error: Tensor
    number: int = 0

    @classmethod
    def of(cls, instances: Instances, number: int = 0) -> "Stage":
        """The stage of a learner with the dictionary that the instances have."""
        return cls(instances, column_error(instances.dictionary, instances.top.dictionary), number)

    def rows(self, values: Tensor) -> Tensor:
        """Values (batch,) of the instances for every row."""
        return values.repeat_interleave(self.instances.shape[1])

    def cutoff(self, parameters: RoundParameters) -> Tensor:
        """b of every row."""
        return self.rows(parameters.cutoff_ratio * self.error)


def course(parameters: RoundParameters, instances: Instances) -> list[Stage]:
    """The stages before the first round and after each."""
    stages = [Stage.of(instances)]
    for _ in range(parameters.num_rounds):
        stages.append(one_round(parameters, stages[-1]))
    return stages


def one_round(parameters: RoundParameters, stage: Stage) -> Stage:
    """Algorithm 3, the raise and Algorithm 1."""
    learned = super_resolved(parameters, stage)
    amount = parameters.raise_ratio * stage.cutoff(parameters)
    dictionary = output_layer(parameters, stage, replace(learned, generator=raised(learned.generator, amount)))
    return Stage.of(replace(stage.instances, dictionary=dictionary), stage.number + 1)


def super_resolved(parameters: RoundParameters, stage: Stage) -> SuperResolved:
    """Algorithm 3 with b = ``cutoff_ratio`` delta."""
    seeds = round_seeds(stage.instances.seeds, stage.number)
    source = replace(stage.instances, seeds=seeds).source()
    return learn_super_resolution(source, stage.cutoff(parameters), parameters.settings)


def round_seeds(seeds: Sequence[int], number: int) -> list[int]:
    """Seeds of a round's samples: those of the instances in the first, above all others later."""
    return [seed + (number << 64) for seed in seeds]


def output_layer(parameters: RoundParameters, stage: Stage, learned: SuperResolved) -> Tensor:
    """Algorithm 1 on the codes of a generator, (batch, patch, patch_dim, channel)."""
    instances = stage.instances
    size = (parameters.output_samples, instances.target.latent_dim)
    latents = standard_normal(
        streams(instances.seeds, f"Algorithm 1, round {stage.number}"), size, instances.target.device
    )
    found = compared(instances, learned.generator, latents)
    codes = leaky_codes(parameters, stage, learned, found)
    detector, atoms = instances.dictionary.flatten(0, 1), instances.top.dictionary.flatten(0, 1)
    cutoff = stage.rows((parameters.output_ratio * stage.error).clamp(max=LARGEST_OUTPUT_CUTOFF))
    oracle = CommonMoments(detector, atoms, cutoff, found.target, codes)
    settings = SharpenSettings(parameters.output_power, parameters.output_steps, tolerance=1e-3, relaxation=0.5)
    return sharpen(oracle, detector, settings).dictionary.unflatten(0, instances.shape)


def leaky_codes(parameters: RoundParameters, stage: Stage, learned: SuperResolved, found: Compared) -> Tensor:
    """LeakyReLU with the smoothing width of every row, a share of its b."""
    b = stage.cutoff(parameters)[:, None, None]
    return b * smoothed_leaky_relu(found.linear / b, learned.leak[:, None, None], parameters.settings.smoothing)
