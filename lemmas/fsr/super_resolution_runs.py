r"""What the statements on super-resolution run on: a level of a target, a level below it that is learned, and Algorithm 3.

The level l is the target's last one, its channels in an order that the learner does not know. Its dictionary is known up to
delta: every column is moved by a vector of length delta, at random or towards the sum of all columns. The level below is the
target's own (W_{l-1} = W*_{l-1}, S_{l-1}(z) = S*_{l-1}(Uz) with U = I), or off by a stated error e: every row of V_{l-1} is
turned by e and every column of W_{l-1} moved by e. Learner and target are compared on common latents, which neither was
trained on.

Errors are in units of b = ``cutoff_ratio`` delta. With 5 the reads s = S + c of the codes through W are within b of them but
for rare samples: |c| <= (2 delta + delta^2) sum |S|.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.model.activations import smoothed_leaky_relu
from fsrcheck.model.assumptions import measure_assumptions
from fsrcheck.model.premises import AssumptionConstants, premises
from fsrcheck.model.relabelling import shuffled_top
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.model.target import FirstLevel, HigherLevel, TargetNetwork
from fsrcheck.training.super_resolution import (
    CORRECTED_SIGNS,
    POLYAK,
    PRINTED_SIGNS,
    STEP_RULES,
    SuperResolutionSettings,
    SuperResolved,
    Watcher,
    learn_super_resolution,
)
from fsrcheck.training.super_resolution_samples import NetworkPairs
from lemmas.fsr.first_hidden_runs import RANDOM, TOWARDS_ALL, perturbed
from lemmas.fsr.targets import TargetParameters, build_target, require_word

CHUNK = 4096  # samples of an instance compared at once
RANGES: dict[str, tuple[float, float]] = {
    "num_levels": (2, 6),
    "num_parents": (1, 2),
    "dictionary_error": (1e-9, 1.0),
    "cutoff_ratio": (1e-3, 1e3),
    "lower_error": (0.0, 1.0),
    "step_share": (1e-6, 1e6),
    "num_steps": (1, 10**7),
    "batch_size": (1, 10**7),
    "first_leak": (1e-300, 1.0),
    "last_leak": (1e-300, 1e3),
    "decay": (0.0, 1.0),
    "handover_leak": (1e-300, 1e9),
    "evaluation_samples": (1, 10**9),
}


@dataclass(frozen=True)
class Parameters(TargetParameters):
    """Parameters of the statements on super-resolution."""

    family: str = "overlapping_inhibition"
    num_channels: int = 8
    expected_active: float = 1.0
    num_patches: int = 2
    num_levels: int = 2  # L; the last level is learned
    num_parents: int = 2  # |P_{l,j}|
    dictionary_error: float = 0.02  # delta of every column of W_l
    direction: str = RANDOM  # of the columns' errors; "towards all" is what Algorithm 5 leaves
    cutoff_ratio: float = 5.0  # b/delta
    lower_error: float = 0.0  # of level l - 1
    rule: str = POLYAK  # of the step
    step_share: float = 0.125  # eta Pr[S_r > 0]
    num_steps: int = 2000  # T
    batch_size: int = 128  # N
    first_leak: float = 0.03  # zeta below 0, at first
    last_leak: float = 0.03  # and in the second half of the steps, in units of b
    decay: float = 1e-6  # lambda_D in units of b; lambda_G is a tenth of it
    printed_signs: bool = False  # of the regularisers, as in the first version
    from_fakes: bool = True  # whether the discriminator's gradient has its second half
    handover_leak: float = 0.01  # zeta below 0 once trained, in units of b^2/m, for Lemma D.2's corollaries
    evaluation_samples: int = 65536

    def __post_init__(self) -> None:
        """Refuse unknown words, and numbers that no run can have."""
        super().__post_init__()
        for name, (least, largest) in RANGES.items():
            if not least <= getattr(self, name) <= largest:
                raise InputError(f"{name} must be in [{least:g}, {largest:g}], got {getattr(self, name)}")
        require_word("direction", self.direction, (RANDOM, TOWARDS_ALL))
        require_word("rule", self.rule, STEP_RULES)

    @property
    def b(self) -> float:
        """b, the discriminator's cutoff."""
        return self.cutoff_ratio * self.dictionary_error

    @property
    def top_active(self) -> float:
        """m Pr[S_r > 0] at the last level, which changes from level to level as ``multilevel`` says."""
        factor = 0.5 if self.family == "paper_example" else self.num_parents / 2
        return self.expected_active * factor ** (self.num_levels - 1)

    @property
    def top_channels(self) -> int:
        """m at the last level."""
        return self.num_channels // 2 ** (self.num_levels - 1) if self.family == "paper_example" else self.num_channels

    @property
    def settings(self) -> SuperResolutionSettings:
        """Of Algorithm 3."""
        return SuperResolutionSettings(
            step_size=self.step_share * self.top_channels / self.top_active,
            num_steps=self.num_steps,
            batch_size=self.batch_size,
            rule=self.rule,
            first_leak=self.first_leak,
            last_leak=self.last_leak,
            decay=self.decay,
            signs=PRINTED_SIGNS if self.printed_signs else CORRECTED_SIGNS,
            from_fakes=self.from_fakes,
        )


@dataclass(frozen=True)
class Instances:
    """A batch of instances.

    Attributes:
        target: with the last level's channels shuffled.
        lower: the learner's levels below the last.
        dictionary: W_l, (batch, patch, patch_dim, channel).
        margins: of Assumptions 2.2 and 2.3 at the last level, one mapping an instance.
        seeds: of the instances.
    """

    target: TargetNetwork
    lower: TargetNetwork
    dictionary: Tensor
    margins: Sequence[dict[str, float]]
    seeds: Sequence[int]

    @property
    def top(self) -> HigherLevel:
        """The level that is learned."""
        top = self.target.levels[-1]
        assert isinstance(top, HigherLevel)
        return top

    @property
    def shape(self) -> tuple[int, int]:
        """Instances and patches, of which a row is one of each."""
        return self.top.thresholds.shape[0], self.top.thresholds.shape[1]

    def source(self) -> NetworkPairs:
        """Fresh samples for Algorithm 3, always the same sequence."""
        return NetworkPairs(
            self.target, self.dictionary, seeds=self.seeds, lower=self.lower, level=self.target.num_levels
        )

    def per_instance(self, rows: Tensor) -> Tensor:
        """The largest over an instance's patches of (row, ...), flattened: (batch,)."""
        return rows.unflatten(0, self.shape).flatten(1).amax(dim=1)


def build(parameters: Parameters, seeds: Sequence[int], device: str) -> Instances:
    """One instance per seed."""
    target = target_of(parameters, seeds, device)
    measured = measure_assumptions(target, target.num_levels, seeds=seeds)
    margins = premises(measured, AssumptionConstants.defaults(parameters.top_active, measured.patch_dim))
    return Instances(
        target,
        lower_levels(target, parameters, seeds),
        perturbed(target.levels[-1].dictionary, parameters, seeds),
        [{name: float(values[i]) for name, values in margins.items()} for i in range(len(seeds))],
        seeds,
    )


def target_of(parameters: Parameters, seeds: Sequence[int], device: str) -> TargetNetwork:
    """One target per seed, its last level's channels in random order."""
    extra: dict[str, Any] = {"num_levels": parameters.num_levels}
    if parameters.family != "paper_example":
        extra["num_parents"] = parameters.num_parents
    return shuffled_top(build_target(parameters, seeds, device, parameters.num_levels, **extra), seeds)


def lower_levels(target: TargetNetwork, parameters: Parameters, seeds: Sequence[int]) -> TargetNetwork:
    """The learner's levels below the last one, the highest of them off by ``lower_error``."""
    *rest, last = target.levels[:-1]
    if not parameters.lower_error:
        return TargetNetwork((*rest, last))
    rows = last.latent_weights if isinstance(last, FirstLevel) else last.weights
    angle = torch.as_tensor(parameters.lower_error, dtype=rows.dtype)
    aside = standard_normal(streams(seeds, "error of the level below"), rows.shape[1:], rows.device)
    aside = aside - rows * (aside * rows).sum(-1, keepdim=True) / rows.square().sum(-1, keepdim=True)
    aside = aside * rows.norm(dim=-1, keepdim=True) / aside.norm(dim=-1, keepdim=True)
    turned = angle.cos() * rows + angle.sin() * aside
    moved = perturbed(last.dictionary, replace(parameters, dictionary_error=parameters.lower_error), seeds)
    name = "latent_weights" if isinstance(last, FirstLevel) else "weights"
    return TargetNetwork((*rest, replace(last, dictionary=moved, **{name: turned})))


def cutoffs(instances: Instances, parameters: Parameters) -> Tensor:
    """b of every row."""
    return torch.full_like(instances.top.thresholds.flatten(0, 1)[:, 0], parameters.b)


def train(parameters: Parameters, instances: Instances, watch: Watcher | None = None) -> SuperResolved:
    """Algorithm 3 up to its line 5."""
    return learn_super_resolution(instances.source(), cutoffs(instances, parameters), parameters.settings, watch=watch)


@dataclass(frozen=True)
class Compared:
    """Codes of learner and target on common fresh latents, each (row, sample, channel).

    Attributes:
        linear: V S_{l-1} - b of the learner.
        target: S*_l.
    """

    linear: Tensor
    target: Tensor


def comparisons(parameters: Parameters, instances: Instances, generator: Tensor) -> Iterator[Compared]:
    """Codes of ``evaluation_samples`` latents, in chunks, of a generator (row, channel, fan-in + 1)."""
    latents = streams(instances.seeds, "evaluation of Algorithm 3")
    size = (instances.target.latent_dim,)
    for start in range(0, parameters.evaluation_samples, CHUNK):
        count = min(CHUNK, parameters.evaluation_samples - start)
        yield compared(instances, generator, standard_normal(latents, (count, *size), instances.target.device))


def compared(instances: Instances, generator: Tensor, latents: Tensor) -> Compared:
    """Codes of given latents (batch, sample, latent)."""
    own = instances.lower.codes(latents)[-1][:, :, instances.top.parents].flatten(3).transpose(1, 2).flatten(0, 1)
    linear = own @ generator[..., :-1].mT - generator[:, None, :, -1]
    return Compared(linear, instances.target.codes(latents)[-1].transpose(1, 2).flatten(0, 1))


class Tail:
    """The largest values of each (row, channel) over a stream of samples, for extreme quantiles."""

    def __init__(self, num_samples: int, exceedance: float = 1e-4) -> None:
        """Keep what the (1 - ``exceedance``)-quantile of ``num_samples`` samples needs."""
        self._kept = int(num_samples * exceedance) + 1
        self._largest: Tensor | None = None

    def add(self, values: Tensor) -> None:
        """Add values (row, sample, channel)."""
        fresh = values.transpose(1, 2)
        joined = fresh if self._largest is None else torch.cat([self._largest, fresh], dim=-1)
        self._largest = joined.topk(min(self._kept, joined.shape[-1]), dim=-1).values

    @property
    def largest(self) -> Tensor:
        """The largest value, (row, channel)."""
        assert self._largest is not None
        return self._largest[..., 0]

    @property
    def quantile(self) -> Tensor:
        """The quantile, (row, channel): so many samples are at least as large."""
        assert self._largest is not None
        return self._largest[..., -1]


def learned_codes(linear: Tensor, leak: float | Tensor, parameters: Parameters) -> Tensor:
    """LeakyReLU with the smoothing width of the runs, b/10."""
    return smoothed_leaky_relu(linear, leak, parameters.settings.smoothing * parameters.b)


def observations(
    instances: Instances, measured: Mapping[str, Tensor], counts: Mapping[str, Tensor]
) -> list[Observation]:
    """One observation per instance from tensors (batch,)."""
    return [
        Observation(
            premises=instances.margins[i],
            measurements={name: Measurement(float(values[i])) for name, values in measured.items()},
            counts={name: int(values[i]) for name, values in counts.items()},
        )
        for i in range(len(instances.seeds))
    ]
