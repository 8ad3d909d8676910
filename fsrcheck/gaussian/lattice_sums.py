"""The law of a sum of independent rectified Gaussians, on a lattice: for any number of them, and to the far tail.

T = S_1 + ... + S_n with S = scale (g - threshold)_+. The law of one S is spread over the points of a lattice by linear
interpolation: a point x gets E max(0, 1 - |S - x|/h), h the spacing. That keeps the mean exactly, and the expectation of a
smooth function up to O(h^2). The n-fold convolution is a power of the discrete Fourier transform, taken as
exp(n log1p(.)), so that nothing is lost where a channel fires once in a million. A function with a jump keeps the order h^2
if the jump lies half-way between two points, which ``sum_law`` sees to.
"""

from dataclasses import dataclass
from math import floor, pi, sqrt

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.gaussian.univariate import density, tail

POINTS = 1024
TAIL_EXPONENT = 36.0  # beyond the lattice lies less than exp(-36) = 2e-16 of the law; it aliases


@dataclass(frozen=True)
class Channel:
    """S = scale (g - threshold)_+ for a standard normal g; both float64 of shape (...)."""

    scale: Tensor
    threshold: Tensor

    @property
    def firing(self) -> Tensor:
        """Pr[S > 0], shape (...)."""
        return tail(self.threshold)

    @property
    def mean(self) -> Tensor:
        """E S, shape (...)."""
        return self.scale * ramp(self.threshold)

    def excess(self, levels: Tensor) -> Tensor:
        """E (S - level)_+ at levels >= 0 of shape (level,); shape (..., level)."""
        scale, threshold = self.scale[..., None], self.threshold[..., None]
        return scale * ramp(threshold + levels / scale)


@dataclass(frozen=True)
class LatticeLaw:
    """Probabilities ``weights``, (..., point), at ``values`` = 0, h, 2 h, ..., (point,)."""

    values: Tensor
    weights: Tensor

    def expect(self, function: Tensor) -> Tensor:
        """E f(T), shape (...), from f at the points of the lattice, (..., point)."""
        return (self.weights * function).sum(dim=-1)


def ramp(threshold: Tensor) -> Tensor:
    """E (g - t)_+, any shape, to about 1 + t^2 ulp: one erfcx where ``relu_mean`` needs a quadrature."""
    right = threshold.abs()
    beyond = density(right) * (1 - right * sqrt(pi / 2) * torch.special.erfcx(right / sqrt(2)))
    return beyond + (-threshold).clamp(min=0.0)


def reach(channel: Channel, count: int) -> float:
    """x with Pr[S_1 + ... + S_count > x] <= exp(-36), for every channel of the batch.

    S given S > 0 is new better than used, so that its moment generating function is below the exponential law's with the
    same mean v, and a binomial number of terms is below a Poisson one: log Pr[T > x] <= -(sqrt(x/v) - sqrt(n Pr[S > 0]))^2.
    """
    active = count * channel.firing
    return float((channel.mean / channel.firing * (active.sqrt() + sqrt(TAIL_EXPONENT)) ** 2).max())


def sum_law(channel: Channel, count: int, *, jump: float, points: int = POINTS) -> LatticeLaw:
    """The law of the sum of ``count`` >= 1 independent copies of a channel.

    Args:
        channel: of shape (...), one sum for each; all on one lattice.
        count: n.
        jump: where a function jumps whose expectation is wanted, > 0.
        points: of the lattice.

    Raises:
        InputError: ``count`` < 1 or ``jump`` <= 0.
    """
    if count < 1 or jump <= 0:
        raise InputError(f"count must be at least 1 and jump above 0, got {count} and {jump}")
    spacing = _spacing(reach(channel, count) / points, jump)
    values = spacing * torch.arange(points + 1, dtype=torch.float64, device=channel.scale.device)
    excess = channel.excess(values)
    active = (excess[..., :-2] - 2 * excess[..., 1:-1] + excess[..., 2:]) / spacing
    silent = (excess[..., 1:2] - excess[..., :1]) / spacing  # the weight of the point 0, less 1
    transform = torch.fft.rfft(torch.cat([silent, active], dim=-1))
    return LatticeLaw(values[:-1], torch.fft.irfft(torch.exp(count * torch.log1p(transform)), n=points))


def _spacing(least: float, jump: float) -> float:
    """The least spacing >= ``least`` that has the jump half-way between two points; ``least`` if the jump is nearer."""
    below = floor(jump / least - 0.5)
    return least if below < 0 else jump / (below + 0.5)
