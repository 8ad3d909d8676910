r"""Runs of Algorithm 2 that the statements of Appendix C look at: their parameters, their instances, what is measured.

A run takes W^D = W. Either W = W* (``dictionary_error`` 0) and b = ``cutoff``, every moment exact; or every column of W is at
distance delta from W*, b = ``cutoff_ratio`` delta (kappa), and what the dictionary changes in the moments is averaged over
``num_samples`` common random vectors (``fsrcheck.training.first_hidden_oracles``). With ``real_samples`` the target's moments
are averages over that many patches (``first_hidden_samples``), W = W*. D4 then D5, in the working form
(``fsrcheck.training.first_hidden``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, Protocol

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.evidence.claim import Selection
from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.gaussian import relu_mean, tail
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.model.target import TargetNetwork
from fsrcheck.training.first_hidden import (
    Channels,
    FirstHiddenOracle,
    FirstHiddenSettings,
    Learned,
    PairWatcher,
    learn_correlations,
    learn_marginals,
    pair_indices,
)
from fsrcheck.training.first_hidden_oracles import (
    ExactDictionary,
    FirstLevelLaw,
    LearnedDictionary,
    false_activation_probability,
)
from fsrcheck.training.first_hidden_samples import SampledTarget, target_reads
from lemmas.fsr.targets import TargetParameters, build_target, premise_margins, require_word

RANDOM, TOWARDS_ALL = "random", "towards all"
ALL_PAIRS, WITHIN_ONLY, NO_PAIRS = "all", "within patches", "none"
LEAST_SAMPLES = 4096
VISIBLE = 30  # false activations in the samples: their rate is known to a fifth
RANGES = {
    "cutoff": (0.0, 2.0),
    "cutoff_ratio": (0.0, 1e3),
    "samples_per_pair": (1, 10**6),
    "real_samples": (0, 10**10),
    "max_steps": (0, 10**6),
    "max_marginal_steps": (0, 10**6),
}


@dataclass(frozen=True)
class Parameters(TargetParameters):
    """Parameters of a run of Algorithm 2."""

    family: str = "scattered_correlations"
    num_patches: int = 2
    spread: float = 0.4  # of the correlations of all pairs
    across: float = 0.3  # of the same channel in two patches
    rank: int = 0  # of V*; 0 is full
    dictionary_error: float = 0.0  # delta of every column; 0 is W = W*
    direction: str = RANDOM  # of the columns' errors; "towards all" is what Algorithm 5 leaves
    cutoff: float = 0.1  # b where W = W*
    cutoff_ratio: float = 12.0  # kappa = b/delta elsewhere
    samples_per_pair: int = 16  # N (k/m)^2: how often an independent pair fires together in the N common random vectors
    real_samples: int = 0  # true patches; 0 takes the target's moments as they are
    pairs: str = ALL_PAIRS  # that D5 compares
    max_steps: int = 2000  # of D5, for each refresh
    max_marginal_steps: int = 400  # of D4, for each refresh

    def __post_init__(self) -> None:
        """Refuse unknown words, and numbers that no run can have."""
        super().__post_init__()
        for name, (least, largest) in RANGES.items():
            if not least <= getattr(self, name) <= largest:
                raise InputError(f"{name} must be in [{least:g}, {largest:g}], got {getattr(self, name)}")
        require_word("direction", self.direction, (RANDOM, TOWARDS_ALL))
        require_word("pairs", self.pairs, (ALL_PAIRS, WITHIN_ONLY, NO_PAIRS))
        if self.b <= 0:
            raise InputError(f"the cutoff b must be positive, got {self.b}")
        if self.real_samples and self.dictionary_error:
            given = f"real_samples = {self.real_samples} and dictionary_error = {self.dictionary_error}"
            raise InputError(f"real_samples must be 0 where the dictionary is not exact, got {given}")

    @property
    def b(self) -> float:
        """b, the discriminators' cutoff."""
        return self.cutoff_ratio * self.dictionary_error if self.dictionary_error else self.cutoff

    @property
    def num_samples(self) -> int:
        """N: a pair's relative moment then has a standard error of about delta / sqrt(samples_per_pair)."""
        return max(LEAST_SAMPLES, ceil(self.samples_per_pair / self.firing**2))

    @property
    def pair_noise(self) -> float:
        """About the relative standard error of a pair's moment on ``real_samples``, 2 (m/k)/sqrt(N)."""
        return 2 / self.firing / self.real_samples**0.5 if self.real_samples else 0.0

    @property
    def settings(self) -> FirstHiddenSettings:
        """Neurons start at four times the rate of the target's, which Prop. C.3 wants."""
        tolerance = max(1e-11, 1e-4 * self.dictionary_error, 1e-4 * self.pair_noise)
        return FirstHiddenSettings(
            initial_rate=min(0.25, 4 * self.firing),
            max_pair_steps=self.max_steps,
            tolerance=tolerance,
            max_marginal_steps=self.max_marginal_steps,
        )


SAFE_RATIO = 20.0  # kappa: no false activation that matters down to delta = 1e-6, in the learner's own reads either
EXACT_START = Parameters(cutoff_ratio=0.0)
LEARNED_START = Parameters(num_channels=16, expected_active=1.5, dictionary_error=1e-4, cutoff_ratio=SAFE_RATIO)
EXACT, LEARNED = Selection({"cutoff_ratio": 0.0, "real_samples": 0}), Selection({"cutoff_ratio": SAFE_RATIO})


@dataclass(frozen=True)
class Instances:
    """A batch of instances: the target's law, the oracle, the premises' margins, and W - W* where they differ."""

    law: FirstLevelLaw
    oracle: FirstHiddenOracle
    margins: Sequence[Mapping[str, float]]


def target_of(parameters: Parameters, seeds: Sequence[int], device: str) -> TargetNetwork:
    """One target per seed."""
    extra: dict[str, Any] = {}
    if parameters.family == "scattered_correlations":
        extra = {"spread": parameters.spread, "across": parameters.across, "rank": parameters.rank}
    return build_target(parameters, seeds, device, **extra)


def build(parameters: Parameters, seeds: Sequence[int], device: str) -> Instances:
    """One instance per seed."""
    target = target_of(parameters, seeds, device)
    law = FirstLevelLaw.of(target.first)
    cutoff = torch.full((len(seeds),), parameters.b, dtype=torch.float64, device=law.correlations.device)
    margins = premise_margins(target, parameters, seeds)
    atoms = target.first.dictionary
    if not parameters.dictionary_error:
        exact: FirstHiddenOracle = ExactDictionary(law, cutoff)
        if parameters.real_samples:
            exact = SampledTarget(exact, target_reads(target, atoms, seeds=seeds, num_samples=parameters.real_samples))
            for margin in margins:
                margin["real_samples"] = 0.5 - parameters.pair_noise
        return Instances(law, exact, margins)
    learned = perturbed(atoms, parameters, seeds)
    oracle = LearnedDictionary(law, atoms, learned, cutoff, seeds=seeds, num_samples=parameters.num_samples)
    add_unseen_margins(margins, parameters, law, oracle)
    return Instances(law, oracle, margins)


def add_unseen_margins(
    margins: Sequence[dict[str, float]], parameters: Parameters, law: FirstLevelLaw, oracle: LearnedDictionary
) -> None:
    """Add the premise that no false activation matters which the oracle's samples do not show.

    Neither in the target's reads W^T W* S* nor in the learner's, W^T W S with the same law at the end, whose channels leak twice.
    """
    reads = (oracle.target_mixing, oracle.mixing)
    chances = [false_activation_probability(law, mixing, oracle.cutoff).amax(dim=-1) for mixing in reads]
    rare = torch.stack(chances).amax(dim=0)
    for i, margin in enumerate(margins):
        margin["false_activations"] = unseen_margin(parameters, float(rare[i]), int(oracle.false_activations[i]))


def unseen_margin(parameters: Parameters, chance: float, seen: int) -> float:
    """By how much false activations that no sample showed stay below a tenth of delta, relative to a firing rate.

    ``chance`` bounds their probability. Where they are seen, they are in the moments, and no bound is needed.
    """
    return 0.0 if seen >= VISIBLE else 0.1 * parameters.dictionary_error - chance / parameters.firing


class ColumnErrors(Protocol):
    """Parameters of how far off a learner's dictionary is."""

    @property
    def dictionary_error(self) -> float:
        """delta of every column."""

    @property
    def direction(self) -> str:
        """Of the columns' errors."""


def perturbed(atoms: Tensor, parameters: ColumnErrors, seeds: Sequence[int]) -> Tensor:
    """Unit columns at distance delta from the atoms, (batch, patch, patch_dim, channel)."""
    if parameters.direction == RANDOM:
        drawn = standard_normal(streams(seeds, "start of Algorithm 2"), atoms.shape[1:], atoms.device)
    else:
        drawn = atoms.sum(dim=-1, keepdim=True).expand_as(atoms)
    beside = drawn - atoms * (drawn * atoms).sum(dim=-2, keepdim=True)
    half = parameters.dictionary_error / 2  # a chord of length delta spans the angle 2 asin(delta / 2)
    return (1 - 2 * half**2) * atoms + 2 * half * (1 - half**2) ** 0.5 * beside / beside.norm(dim=-2, keepdim=True)


def marginal_errors(learned: Channels, target: Channels) -> dict[str, Tensor]:
    """The four errors of Lemma C.6, each (batch,): alpha and beta, absolute, and E S and Pr[S > 0], relative."""
    mean, true_mean = (c.scales * relu_mean(c.thresholds / c.scales) for c in (learned, target))
    rate, true_rate = (tail(c.thresholds / c.scales) for c in (learned, target))
    found = {
        "scale_error": learned.scales - target.scales,
        "threshold_error": learned.thresholds - target.thresholds,
        "mean_error": mean / true_mean - 1,
        "rate_error": rate / true_rate - 1,
    }
    return {name: error.abs().amax(dim=-1).nan_to_num(nan=torch.inf) for name, error in found.items()}


def inner_product_errors(learned: Learned, law: FirstLevelLaw) -> dict[str, Tensor]:
    """The largest |<V_r, V_r'> - <V*_r, V*_r'>| of Lemma C.10 within a patch and across patches, each (batch,)."""
    assert learned.directions is not None
    gram = _inner_products(learned.channels, learned.directions @ learned.directions.mT)
    off = (gram - _inner_products(law.channels, law.correlations)).abs()
    within = same_patch(law)
    first, second = pair_indices(off.shape[-1], off.device)
    pairs = off[:, first, second].nan_to_num(nan=torch.inf)
    return {
        "within_error": pairs[:, within].amax(dim=-1),
        "across_error": pairs[:, ~within].amax(dim=-1) if bool((~within).any()) else torch.zeros_like(pairs[:, 0]),
    }


def _inner_products(channels: Channels, correlations: Tensor) -> Tensor:
    return channels.scales[:, :, None] * channels.scales[:, None] * correlations


def same_patch(law: FirstLevelLaw) -> Tensor:
    """Which pairs are of one patch, (pair,)."""
    neurons = law.channels.scales.shape[-1]
    first, second = pair_indices(neurons, law.correlations.device)
    size = neurons // law.num_patches
    return first // size == second // size


def train_marginals(parameters: Parameters, instances: Instances) -> Learned:
    """D4."""
    return learn_marginals(instances.oracle, parameters.settings)


def train_pairs(
    parameters: Parameters, instances: Instances, marginals: Learned, watch: PairWatcher | None = None
) -> Learned:
    """D5, or what a control puts in its place; for ``watch`` see ``learn_correlations``."""
    if parameters.pairs == NO_PAIRS:
        return learn_correlations(instances.oracle, marginals.channels, replace(parameters.settings, max_pair_steps=0))
    weights = None
    if parameters.pairs == WITHIN_ONLY:
        weights = same_patch(instances.law).double()
    return learn_correlations(instances.oracle, marginals.channels, parameters.settings, weights=weights, watch=watch)


def observations(
    margins: Sequence[Mapping[str, float]], measured: Mapping[str, Tensor], counts: Mapping[str, Tensor]
) -> list[Observation]:
    """One observation per instance from tensors (batch,)."""
    return [
        Observation(
            premises=margins[i],
            measurements={name: Measurement(float(values[i])) for name, values in measured.items()},
            counts={name: int(values[i]) for name, values in counts.items()},
        )
        for i in range(len(margins))
    ]
