r"""Search for instances that violate the per-sample contraction of Claims D.5 and D.7, or come close to it.

One sample is the pre-activation x, its target y, the offset c, the step eta and the leak zeta (also the width of the
smoothing); the cutoff is b = 1, which fixes the unit. With the package's activations g and abs~,

    R = abs~(g(x) - g(y) + c),    R' = the same at x' = (1 - eta) x + eta y.

The claim is R' <= (1 - eta zeta) R while |c| <= b. Gradient ascent on the relative excess, from random starts and with
free parameters that a smooth map keeps in their ranges, looks for the worst instance.
"""

import math
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from fsrcheck.model.activations import smoothed_relu

FLOOR = 1e-3  # of R in the relative excess: where R = 0 any R' > 0 violates
LARGEST_VALUE = 20.0  # of |x| and |y|, in units of the cutoff
LEAKS = (0.003, 0.5)
STEPS = (0.003, 1.0)
TIGHTEST = (-0.0664, 19.7226, -0.9906, 0.00317, 0.132)  # x, y, c, eta, zeta: the smallest rate found, 1.0097


@dataclass(frozen=True)
class Instances:
    """Samples of the contraction, each attribute of shape (instance,); the unit is the cutoff b."""

    value: Tensor  # x
    target: Tensor  # y
    offset: Tensor  # c
    step: Tensor  # eta
    leak: Tensor  # zeta

    def losses(self) -> tuple[Tensor, Tensor]:
        """R and R', each (instance,)."""
        moved = self.value + self.step * (self.target - self.value)
        return self._loss(self.value), self._loss(moved)

    def excess(self) -> Tensor:
        """(R' - (1 - eta zeta) R) / (eta zeta (R + floor)): positive where the contraction is violated."""
        before, after = self.losses()
        rate = self.step * self.leak
        return (after - before + rate * before) / (rate * (before + FLOOR))

    def rate(self) -> Tensor:
        """(1 - R'/R) / (eta zeta), at least 1 by the claim; NaN where R = 0."""
        before, after = self.losses()
        return (1 - after / before) / (self.step * self.leak)

    def _loss(self, value: Tensor) -> Tensor:
        return absolute(leaky(value, self.leak) - leaky(self.target, self.leak) + self.offset, self.leak)


def leaky(z: Tensor, leak: Tensor) -> Tensor:
    """The repaired smoothed leaky ReLU, with its own leak for every element: scaled so that the width is 1."""
    return leak * z + (1 - leak) * leak * smoothed_relu(z / leak, 1.0)


def absolute(x: Tensor, smoothing: Tensor) -> Tensor:
    """abs~(x) = ReLU~(x - b) + ReLU~(-x - b) with b = 1, with its own smoothing for every element."""
    return smoothing * (smoothed_relu((x - 1) / smoothing, 1.0) + smoothed_relu((-x - 1) / smoothing, 1.0))


def instances(free: Tensor, largest_offset: float) -> Instances:
    """The samples with these free parameters, (instance, 5); |c| <= largest_offset, in units of the cutoff."""
    unit = torch.sigmoid(free)
    logs = [torch.tensor([math.log(low), math.log(high)]) for low, high in (STEPS, LEAKS)]
    step, leak = ((log[0] + (log[1] - log[0]) * unit[:, 3 + i]).exp() for i, log in enumerate(logs))
    ends = LARGEST_VALUE * (2 * unit[:, :2] - 1)
    return Instances(ends[:, 0], ends[:, 1], largest_offset * (2 * unit[:, 2] - 1), step, leak)


def worst_instances(
    largest_offset: float = 1.0, starts: int = 512, num_steps: int = 100, seed: int = 0, step_size: float = 0.1
) -> Instances:
    """The samples at which batched gradient ascent (Adam) on the excess ends."""
    generator = torch.Generator().manual_seed(seed)
    free = (2.5 * torch.randn(starts, 5, dtype=torch.float64, generator=generator)).requires_grad_()
    optimizer = torch.optim.Adam([free], lr=step_size, maximize=True)
    for _ in range(num_steps):
        optimizer.zero_grad()
        instances(free, largest_offset).excess().sum().backward()
        optimizer.step()
    return instances(free.detach(), largest_offset)


@cache
def excesses(largest_offset: float = 1.0) -> tuple[float, ...]:
    """The positive parts of the worst excesses: all 0, up to rounding, where the contraction holds."""
    return tuple(worst_instances(largest_offset).excess().clamp(min=0).tolist())
