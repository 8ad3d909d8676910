r"""The networks of Figure 7's analogue: level 2 trained above the learned level 1, and above a random one.

- ``layer_wise``: Algorithm 4.
- ``random``: level 1 keeps the learned W, but V and b are random; level 2 is then trained as before: the same samples, warm start,
  trainable parameters, cutoffs, steps. Algorithms 3 and 1 do not change a line.
- ``free``: level 1 has ``width`` times as many random channels ("we even enlarge the network to incorporate more random features",
  l.423), and level 2 is trained to generate X_2 alone, against the discriminator of ``fsrcheck.training.joint_levels``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.reading_statistics import ONE_PATCH, PAIR, compare_readings, read
from fsrcheck.model.sampler import NetworkSampler
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.model.target import FirstLevel, HigherLevel, TargetNetwork
from fsrcheck.model.wasserstein import sample_bounds
from fsrcheck.training.joint_levels import JointSettings, train_jointly
from fsrcheck.training.level_samples import ScaledSamples
from fsrcheck.training.minmax_gan import MinmaxGan, State
from lemmas.fsr.figure_runs import Instances, Parameters, random_first, random_higher
from lemmas.fsr.targets import require_word

GAUSSIAN, ORTHOGONAL = "gaussian", "orthogonal"
READ_AT = 0.25  # a channel counts as active above it


@dataclass(frozen=True)
class LayerwiseParameters(Parameters):
    """Parameters, and what the random features are."""

    num_channels: int = 6
    num_samples: int = 16384
    num_steps: int = 500
    evaluation_samples: int = 8192
    features: str = GAUSSIAN  # "orthogonal": random orthonormal directions with the learned scales and thresholds
    width: int = 4  # of the freely fitted network's level 1
    free_steps: int = 300
    free_batch: int = 512

    def __post_init__(self) -> None:
        """Refuse unknown words, other numbers of levels, and numbers that no run can have."""
        super().__post_init__()
        require_word("features", self.features, (GAUSSIAN, ORTHOGONAL))
        if self.num_levels != 2:
            raise InputError(f"num_levels must be 2, got {self.num_levels}")
        for name in ("width", "free_steps", "free_batch"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")


@dataclass(frozen=True)
class Networks:
    """The three networks, in the units of the samples."""

    layer_wise: TargetNetwork
    random: TargetNetwork
    free: TargetNetwork


def train(parameters: LayerwiseParameters, instances: Instances) -> Networks:
    """Train all three."""
    gan, seeds = instances.learner(parameters), instances.seeds
    begun, layer_wise = level_by_level(gan)
    first, second = layer_wise.finished
    assert isinstance(first, FirstLevel)
    assert isinstance(second, HigherLevel)
    features = random_first(first, seeds) if parameters.features == GAUSSIAN else turned(first, seeds)
    *_, (_, _, above) = gan.steps(replace(begun, finished=(features,)))
    wide = TargetNetwork(
        (random_first(first, seeds, parameters.width), random_higher(second, seeds, 2, parameters.width))
    )
    fitted = train_jointly(
        wide,
        ScaledSamples(instances.samples(parameters.num_samples), gan.units),
        JointSettings((2,), (2,), num_steps=parameters.free_steps, batch_size=parameters.free_batch),
        seeds=seeds,
    )
    finished = (layer_wise, above, State(finished=fitted.levels))
    return Networks(*(gan.result(state).network for state in finished))


def level_by_level(gan: MinmaxGan) -> tuple[State, State]:
    """Run Algorithm 4: where level 2 begins, and the end."""
    begun = None
    for level, stage, state in gan.steps(State()):
        if (level, stage) == (2, 0):
            begun = state
    assert begun is not None
    return begun, state


def turned(level: FirstLevel, seeds: Sequence[int]) -> FirstLevel:
    """A first level with random orthonormal directions in place of the learned ones; scales and thresholds stay."""
    rows = level.latent_weights
    drawn = standard_normal(streams(seeds, "random directions"), rows.flatten(1, 2).shape[1:], rows.device)
    directions = torch.linalg.qr(drawn.mT).Q.mT.reshape(rows.shape)
    return replace(level, latent_weights=rows.norm(dim=-1, keepdim=True) * directions)


def distances(networks: Networks, instances: Instances, num_samples: int) -> dict[str, Tensor]:
    """How far the laws of all three are from the target's, each (batch,).

    Distances are the larger of two lower bounds of W2 (Gelbrich's and the projected one, ``fsrcheck.model.wasserstein``) over the
    root mean square norm, from independent samples; what sampling alone makes of them is the ``floor``. They are of X_2, and of
    X_1 and X_2 together for ``both_levels``. The pairs' errors are relative errors of Pr[s_p, s_q > c] within patches of level 2.
    """
    target, seeds = instances.target, instances.seeds
    top = TargetNetwork(target.levels[-1:])
    true = NetworkSampler(target, "true patches of Figure 7").sample(num_samples, seeds)
    found: dict[str, Tensor] = {}
    for name, network in (("layer_wise", networks.layer_wise), ("random", networks.random), ("free", networks.free)):
        made = NetworkSampler(network, "generated patches of Figure 7").sample(num_samples, seeds)
        found[name], found["floor"] = distance(made[-1:], true[-1:])
        if network is networks.layer_wise:
            found["both_levels"], found["floor_of_both"] = distance(made, true)
        pairs = compare_readings(read(true[-1:], top), read(made[-1:], top), READ_AT, triples=False)
        (within,) = [one for one in pairs if (one.statistic, one.place) == (PAIR, ONE_PATCH)]
        found[f"{name}_pairs"] = within.relative
    for name in ("random", "free"):
        found[f"{name}_factor"] = found[name] / found["layer_wise"]
    return found


def distance(made: Sequence[Tensor], true: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """The larger of both bounds for all levels given together, and its floor, over the root mean square norm, (batch,)."""
    own, other = (torch.cat([level.flatten(2) for level in side], dim=2) for side in (made, true))
    size = other.square().sum(dim=2).mean(dim=1).sqrt()
    bounds = sample_bounds(own, other)
    value = torch.maximum(bounds.gelbrich.value, bounds.projected.value)
    floor = torch.maximum(bounds.gelbrich.floor, bounds.projected.floor)
    return value / size, floor / size
