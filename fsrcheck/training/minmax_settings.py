"""What Algorithm 4 is run with: the sizes of the network, the schedule of cutoffs, and every stage's numbers."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.target import TargetNetwork
from fsrcheck.training.output_layer import PRINTED_POWER

WORKING, PRINTED = "working", "printed"
SCHEDULES = (WORKING, PRINTED)
LARGEST_OUTPUT_CUTOFF = 1.0  # bb, in units of a typical code; above it too few samples are left
PRINTED_START, PRINTED_STEP, PRINTED_OUTPUT = -0.3, -0.02, 0.152  # b = m^(-0.3 - 0.02 t) (lines 3, 5), bb = b m^0.152
_LEAST = {
    "first_stages": 0,
    "higher_stages": 0,
    "warm_samples": 1,
    "bridge_samples": 1,
    "moment_samples": 1,
    "pair_steps": 0,
    "output_steps": 0,
    "generated_samples": 0,
    "super_steps": 1,
    "closing_steps": 1,
    "super_batch": 1,
    "raise_ratio": 0,
    "last_raise": 0,
}
_POSITIVE = (
    "first_ratio",
    "largest_first",
    "output_ratio",
    "higher_output_ratio",
    "super_ratio",
    "closing_ratio",
    "least_super",
)


@dataclass(frozen=True)
class Structure:
    """The learner's network: m_l and the parents P_{l,j} of every level.

    Attributes:
        num_channels: m_l, lowest level first.
        parents: of every level above the first, for every patch the indices of its parents one level below.
    """

    num_channels: tuple[int, ...]
    parents: tuple[tuple[tuple[int, ...], ...], ...]

    def __post_init__(self) -> None:
        """Refuse what is no network."""
        if not self.num_channels or min(self.num_channels) < 2:
            raise InputError(f"num_channels must be at least 2 on at least 1 level, got {self.num_channels}")
        if len(self.parents) != len(self.num_channels) - 1:
            given = f"{len(self.parents)} for {len(self.num_channels)} levels"
            raise InputError(f"parents must be given for every level above the first, got {given}")
        for number, level in enumerate(self.parents, start=2):
            if len({len(patch) for patch in level}) != 1 or not level[0]:
                raise InputError(f"parents of level {number} must be equally many for every patch, got {level}")

    @classmethod
    def of(cls, network: TargetNetwork) -> "Structure":
        """The structure of a network."""
        channels = tuple(level.thresholds.shape[-1] for level in network.levels)
        return cls(channels, tuple(tuple(map(tuple, level.parents.tolist())) for level in network.higher))

    def parents_of(self, level: int, device: torch.device) -> Tensor:
        """P_l as int64 (patch, parent), l > 1."""
        return torch.tensor(self.parents[level - 2], device=device)


@dataclass(frozen=True)
class MinmaxSettings:
    """How Algorithm 4 is run. Cutoffs are in units of a typical active code, delta is the largest error of a column.

    Attributes:
        schedule: ``WORKING``: cutoffs are multiples of the delta that the learner estimates before every stage; ``PRINTED``:
            b = m^(-0.3 - 0.02 t), bb = b m^0.152, whatever delta is.
        first_stages, higher_stages: T' at level 1 and above.
        bridge: cutoffs bb of the rounds of Algorithm 1 on decoded codes that take the warm start to where Algorithms 2 and 3 work.
        warm_samples, bridge_samples: how many of the samples these two use.
        first_ratio, largest_first: b/delta of Algorithm 2, and its largest b.
        moment_samples: common random numbers for what the dictionary changes in the learner's moments (Algorithm 2).
        pair_steps: T of D5.
        output_ratio, higher_output_ratio: bb/delta of Algorithm 1 at level 1 and above.
        output_power, output_steps: P and T of Algorithm 1.
        largest_growth: by which factor delta, as the learner tells it, may grow in Algorithm 1; where it grows more, a patch
            keeps what it had.
        generated_samples: N of the learner's own samples for Algorithm 1; 0 takes as many as there are samples.
        super_ratio, closing_ratio: b/delta of Algorithm 3, and of its last run, which nothing follows.
        least_super: smallest b of Algorithm 3.
        super_steps, closing_steps, super_batch: T and N of Algorithm 3.
        finish: whether the last run of Algorithm 2 or 3 goes through the dictionary that delta is estimated against, which rounds
            of Algorithm 1 on decoded codes have made; otherwise through what the stages have left, as the paper has it.
        raise_ratio: by which the thresholds are raised before Algorithm 1, in units of b.
        last_raise: line 6 of Algorithm 3 after the last stage, in units of b; the paper has poly(k), 7 in Lemma D.2.
    """

    schedule: str = WORKING
    first_stages: int = 2
    higher_stages: int = 2
    bridge: tuple[float, ...] = (1.0,)
    warm_samples: int = 2**15
    bridge_samples: int = 2**16
    first_ratio: float = 12.0
    largest_first: float = 0.5
    moment_samples: int = 2**14
    pair_steps: int = 2000
    output_ratio: float = 20.0
    higher_output_ratio: float = 20.0
    output_power: float = 2.0
    output_steps: int = 15
    largest_growth: float = 2.0
    generated_samples: int = 0
    super_ratio: float = 2.0
    closing_ratio: float = 2.5
    least_super: float = 0.001
    super_steps: int = 800
    closing_steps: int = 2000
    super_batch: int = 128
    finish: bool = False
    raise_ratio: float = 0.5
    last_raise: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what no run can have."""
        if self.schedule not in SCHEDULES:
            raise InputError(f"schedule must be one of {', '.join(SCHEDULES)}, got {self.schedule!r}")
        for name, least in _LEAST.items():
            if not getattr(self, name) >= least:
                raise InputError(f"{name} must be at least {least}, got {getattr(self, name)}")
        for name in _POSITIVE:
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be positive, got {getattr(self, name)}")
        if any(not cutoff > 0 for cutoff in self.bridge):
            raise InputError(f"bridge must be positive cutoffs, got {self.bridge}")

    @classmethod
    def printed(cls) -> "MinmaxSettings":
        """Algorithm 4 to the letter as far as a run can be: no bridge, the printed cutoffs, power and last raise, ten stages."""
        return cls(
            schedule=PRINTED,
            first_stages=10,
            higher_stages=10,
            bridge=(),
            output_power=PRINTED_POWER,
            largest_growth=math.inf,
            raise_ratio=7.0,
            last_raise=7.0,
        )

    def stages(self, level: int) -> int:
        """T' of a level."""
        return self.first_stages if level == 1 else self.higher_stages

    def hidden_cutoff(
        self, level: int, stage: int, num_channels: int, error: Tensor, *, closing: bool = False
    ) -> Tensor:
        """b of Algorithm 2 or 3, of the shape of ``error`` (delta), in stage t = 1, 2, ..."""
        if self.schedule == PRINTED:
            return torch.full_like(error, num_channels ** (PRINTED_START + PRINTED_STEP * stage))
        if level == 1:
            return (self.first_ratio * error).clamp(max=self.largest_first)
        return ((self.closing_ratio if closing else self.super_ratio) * error).clamp(min=self.least_super)

    def output_cutoff(self, level: int, stage: int, num_channels: int, error: Tensor) -> Tensor:
        """bb of Algorithm 1."""
        if self.schedule == PRINTED:
            hidden = self.hidden_cutoff(level, stage, num_channels, error)
            return hidden * num_channels**PRINTED_OUTPUT
        ratio = self.output_ratio if level == 1 else self.higher_output_ratio
        return (ratio * error).clamp(max=LARGEST_OUTPUT_CUTOFF)
