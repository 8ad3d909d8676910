r"""Algorithm 1 (GAN_OutputLayer, section 4.1): sharpen a dictionary by matching truncated moments.

The game is min over W, max over V of sum_r <R*_r - R_r, V_r> - sum_r ||V_r||^(1 + c), c = 1/1000. Its inner maximum is a
multiple of sum_r a_r^P with a_r = ||R*_r - R_r|| and P = 1 + 1/c = 1001 (footnote 8): at a_r = 1e-3 that is 1e-3003,
and the maximising V has norm (a_r / (1 + c))^1000, which no floating-point format holds. Three forms, side by side:

- ``OutputLayerGame`` is the game as printed, with c a parameter, for ``descend_ascend``; in float64 it moves for c of about
  1/10 and more;
- ``sharpen`` with ``power=PRINTED_POWER`` follows the same descent direction in a stable form: only ratios a_r / max a
  are raised to powers, and the step is Polyak's for the norm (sum_r a_r^P)^(1/P), which has the same minimisers;
- ``sharpen`` with ``power=2`` is the quadratic surrogate, which is fast but not the paper's objective.

As in back-propagation, the indicators count as constant in every gradient: the derivative of R with respect to W is nu.
(The proof calls that the gradient of the objective, l.1018; for the expectation it lacks a boundary term, see fsr.B.2.)
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.training.truncated_moments import MomentGap, MomentOracle

PRINTED_DECAY = 0.001  # c
PRINTED_POWER = 1001.0  # 1 + 1/c
ROUNDING = 1e-15  # of a moment; a gap below it is none


@dataclass(frozen=True)
class OutputLayerGame:
    """The printed game for ``descend_ascend``: outer W (row, patch_dim, channel), inner V (row, channel, patch_dim).

    Attributes:
        oracle: the moments.
        decay: c; the regulariser is sum_r ||V_r||^(1 + c).
        ascent_sign: 1; -1 flips the discriminator's objective (a control).
    """

    oracle: MomentOracle
    decay: float = PRINTED_DECAY
    ascent_sign: float = 1.0

    def draw(self, step: int) -> list[MomentGap]:
        """A place for this round's moments: the dictionary stands still in it, so they are compared once (line 3)."""
        return []

    def _moments(self, outer: Tensor, samples: list[MomentGap]) -> MomentGap:
        if not samples:
            samples.append(self.oracle.compare(outer))
        return samples[0]

    def inner_gradient(self, outer: Tensor, inner: Tensor, samples: list[MomentGap]) -> Tensor:
        """R* - R - (1 + c) ||V_r||^(c - 1) V_r."""
        gap = self._moments(outer, samples).gap
        size = inner.norm(dim=-1, keepdim=True)
        pull = torch.where(size > 0, (1 + self.decay) * size ** (self.decay - 1) * inner, 0.0)
        return self.ascent_sign * gap - pull

    def outer_gradient(self, outer: Tensor, inner: Tensor, samples: list[MomentGap]) -> Tensor:
        """-sum_r nu_rq V_r for every column q."""
        return -(self._moments(outer, samples).weights.mT @ inner).mT

    def best_response(self, outer: Tensor, samples: list[MomentGap]) -> Tensor:
        """V_r = (a_r / (1 + c))^(1/c) times the direction of R*_r - R_r (footnote 8); underflows for small c."""
        gap = self.ascent_sign * self._moments(outer, samples).gap
        size = gap.norm(dim=-1, keepdim=True)
        return (size / (1 + self.decay)) ** (1 / self.decay) * gap / size.clamp(min=torch.finfo(gap.dtype).tiny)


@dataclass(frozen=True)
class SharpenSettings:
    """How ``sharpen`` descends.

    Attributes:
        power: P of the objective sum_r a_r^P; ``PRINTED_POWER``, or 2 for the surrogate.
        max_steps: T.
        tolerance: an instance is done when its largest moment gap is this times what it was at the start, or rounding; 0 takes
            ``max_steps`` steps whatever happens.
        relaxation: the share of Polyak's step that is taken; small where the moments are noisy.
        sign: 1; -1 lets the discriminator descend, 0 freezes it at zero (controls).
    """

    power: float = PRINTED_POWER
    max_steps: int = 4000
    tolerance: float = 1e-12
    relaxation: float = 1.0
    sign: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what no descent can have."""
        if not self.power >= 2:
            raise InputError(f"power must be at least 2, got {self.power}")
        if not 0 <= self.tolerance < 1:
            raise InputError(f"tolerance must be in [0, 1), got {self.tolerance}")
        if not 0 < self.relaxation < 2:
            raise InputError(f"relaxation must be in (0, 2), got {self.relaxation}")
        if self.max_steps < 0:
            raise InputError(f"max_steps must be at least 0, got {self.max_steps}")


@dataclass(frozen=True)
class Sharpened:
    """The result of Algorithm 1.

    Attributes:
        dictionary: unit columns (line 4), shape (row, patch_dim, channel).
        steps: taken, (row,).
        diverged: whether the dictionary left the range in which moments can be compared, (row,); it stays as it was then.
        watched: the watcher's tensors at every step, stacked in front, or None.
    """

    dictionary: Tensor
    steps: Tensor
    diverged: Tensor
    watched: Tensor | None


Watcher = Callable[[Tensor, MomentGap], Tensor]


def sharpen(
    oracle: MomentOracle, dictionary: Tensor, settings: SharpenSettings, watch: Watcher | None = None
) -> Sharpened:
    """Run Algorithm 1 in its stable form from ``dictionary``, (row, patch_dim, channel).

    ``watch(dictionary, moments)`` is recorded before every step.
    """
    anchor = dictionary
    steps = torch.zeros(len(dictionary), dtype=torch.long, device=dictionary.device)
    diverged = ~oracle.in_range(dictionary)
    goal: Tensor | None = None
    watched = []
    for _ in range(settings.max_steps):
        state = oracle.compare(torch.where(diverged[:, None, None], anchor, dictionary))
        largest = state.gap.norm(dim=-1).amax(dim=-1)
        if goal is None:
            goal = torch.maximum(settings.tolerance * largest, ROUNDING * state.weights.norm(dim=-1).amax(dim=-1))
        if watch:
            watched.append(watch(dictionary, state))
        active = ~diverged & ((largest > goal) | (settings.tolerance == 0))
        if not bool(active.any()):
            break
        steps += active
        step = settings.sign * settings.relaxation * polyak_step(state, settings.power)
        moved = dictionary + torch.where(active[:, None, None], step, 0.0)
        diverged = diverged | ~oracle.in_range(moved)
        dictionary = torch.where(diverged[:, None, None], dictionary, moved)
    return Sharpened(unit_columns(dictionary), steps, diverged, torch.stack(watched) if watched else None)


def unit_columns(dictionary: Tensor) -> Tensor:
    """Line 4: every column divided by its norm."""
    return dictionary / dictionary.norm(dim=-2, keepdim=True)


def polyak_step(state: MomentGap, power: float) -> Tensor:
    """Return Polyak's step on F = (sum_r a_r^power)^(1/power), whose minimum is 0, of the dictionary's shape.

    grad F = -nu^T D with D_r = (a_r / F)^(power - 1) times the direction of R*_r - R_r: the maximising V up to scale.
    """
    sizes = state.gap.norm(dim=-1, keepdim=True)
    largest = sizes.amax(dim=-2, keepdim=True).clamp(min=torch.finfo(sizes.dtype).tiny)
    ratios = sizes / largest
    total = (ratios**power).sum(dim=-2, keepdim=True)
    response = (
        (ratios / total ** (1 / power)) ** (power - 1) * state.gap / sizes.clamp(min=torch.finfo(sizes.dtype).tiny)
    )
    descent = (state.weights.mT @ response).mT
    value = largest * total ** (1 / power)
    return value * descent / descent.square().sum(dim=(-2, -1), keepdim=True)
