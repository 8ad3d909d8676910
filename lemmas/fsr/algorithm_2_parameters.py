"""Algorithm 2 in numbers: its parameters, its targets, and the start of line 2."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.gaussian import inverse_tail, relu_mean, tail
from fsrcheck.model.discriminators import AsymmetricGate
from fsrcheck.model.scattered_level import scattered_correlations
from fsrcheck.model.streams import streams
from fsrcheck.model.target import FirstLevel, TargetNetwork
from fsrcheck.training.printed_first_hidden import starting_channel
from fsrcheck.training.sgda import SGDASettings
from lemmas.fsr.targets import TargetParameters, require_word

COMPARE, MAXIMA, MARGINALS, PAIRS = "compare", "maxima", "marginals", "pairs"
PRINTED, REPAIRED = "printed", "repaired"
BARRIER, MARGIN = 64.0, 0.05  # poly(k) and tau of R5
INITIAL_PARAMETER = 0.5  # of v and w, and not 0, where o_k has no slope that a machine would see
MARGINAL_ASCENT, PAIR_ASCENT = 0.1, 0.1  # eta of the discriminators, D5's in units of the number of signed pairs
RANGES = {
    "cutoff": (1e-6, 1.0),
    "contrast": (1.0, 4.0),
    "weight": (1.0, 1e6),
    "poly": (1e-3, 1e6),
    "start_rate": (0.1, 100.0),
    "step": (1e-6, 100.0),
    "num_steps": (1, 100_000),
    "inner_steps": (0, 100_000),
    "num_samples": (1, 100_000),
    "working_step": (0.0, 1.0),
}


@dataclass(frozen=True)
class Parameters:
    """Parameters of Algorithm 2."""

    task: str = (
        MARGINALS  # compare: lines 1-6 on samples; maxima: ascent against closed forms; D4 and D5 on exact moments
    )
    num_channels: int = 32  # m_1
    expected_active: float = 2.0  # m Pr[S_p > 0]
    num_patches: int = 1  # d_1
    contrast: float = 1.25  # the target's channels differ by up to this factor in rate and in scale, either way
    cutoff: float = 0.05  # b
    weight: float = 2.0  # K of o_k
    start_rate: float = 2.0  # firing rate of line 2, in units of k/m
    step: float = 0.1  # eta: of D4 in units of (m/k)^2, of D5 in units of P/max(C ds/drho)^2
    num_steps: int = 1000  # T
    inner_steps: int = 0  # of the discriminator; 0 takes its maximum in closed form
    num_samples: int = 24  # N, in the comparison
    poly: float = 4.0  # poly(k) of C within a patch
    constants: str = PRINTED  # C across patches: 1/m as printed, or 1/b
    wrong_side: bool = False  # K on the side of an excess
    exchange_rates: bool = False  # in the transcription only: eta of the players
    machine_weight: float = 0.0  # K in what is differentiated by machine; 0 for the same
    working_step: float = 1.0  # steps of the working form, in units of its own
    orthonormal: bool = True  # columns of the learner's W, in the comparison

    def __post_init__(self) -> None:
        """Refuse unknown words and what no run can have."""
        self.sizes  # noqa: B018 (refuses what no target can have)
        require_word("task", self.task, (COMPARE, MAXIMA, MARGINALS, PAIRS))
        require_word("constants", self.constants, (PRINTED, REPAIRED))
        for name, (least, largest) in RANGES.items():
            if not least <= getattr(self, name) <= largest:
                raise InputError(f"{name} must be in [{least:g}, {largest:g}], got {getattr(self, name)}")

    @property
    def sizes(self) -> TargetParameters:
        """What the assumptions' constants depend on."""
        return TargetParameters(
            num_channels=self.num_channels, expected_active=self.expected_active, num_patches=self.num_patches
        )

    @property
    def firing(self) -> float:
        """k/m."""
        return self.expected_active / self.num_channels

    @property
    def gate(self) -> AsymmetricGate:
        """o_k."""
        return AsymmetricGate(1.0, self.weight) if self.wrong_side else AsymmetricGate(self.weight)

    @property
    def settings(self) -> SGDASettings:
        """What ``descend_ascend`` is told of D4 on exact moments."""
        return SGDASettings(self.num_steps, self.inner_steps, self.step / self.firing**2, MARGINAL_ASCENT)


def build(parameters: Parameters, seeds: Sequence[int], device: str) -> TargetNetwork:
    """One target per seed: random correlations of all pairs, channels that differ in rate and in scale."""
    plain = scattered_correlations(
        parameters.num_channels,
        parameters.expected_active,
        seeds=seeds,
        num_patches=parameters.num_patches,
        patch_dim=parameters.num_channels + 2,
    ).first
    drawn = torch.stack(
        [torch.from_numpy(rng.uniform(-1, 1, (2, *plain.thresholds.shape[1:]))) for rng in streams(seeds, "contrast")]
    )
    factors = (drawn * log(parameters.contrast)).exp()
    threshold = inverse_tail(parameters.firing * factors[:, 0])
    scales = factors[:, 1] * tail(threshold) / relu_mean(threshold)  # E[S | S > 0] is the second factor
    rows = plain.latent_weights / plain.latent_weights.norm(dim=-1, keepdim=True)
    return TargetNetwork((FirstLevel(plain.dictionary, scales[..., None] * rows, scales * threshold),)).to(device)


def channels_of(target: TargetNetwork) -> Tensor:
    """alpha* and beta* of the target's first level, (batch, neuron, 2)."""
    first = target.first
    return torch.stack([first.latent_weights.norm(dim=-1), first.thresholds], dim=-1).flatten(1, 2)


def starting_channels(parameters: Parameters, shape: Sequence[int], device: torch.device | str = "cpu") -> Tensor:
    """Line 2's alpha and beta for neurons of the given shape, (*shape, 2)."""
    one = torch.tensor(starting_channel(parameters.start_rate * parameters.firing), dtype=torch.float64, device=device)
    return one.expand(*shape, 2).clone()


def cutoffs(parameters: Parameters, target: TargetNetwork) -> Tensor:
    """b, (batch,)."""
    return channels_of(target).new_full((target.batch_size,), parameters.cutoff)
