"""What a channel reads when every other channel leaks into it alike: s_p = own S_p + other (sum of all others).

The channels are independent and have one law. The sum of the others is taken from ``lattice_sums``, the channel itself in
closed form; so the channel's false activations, where the others alone exceed the cutoff, are in it to the far tail, which
``rectified_sums`` leaves out. Accurate up to O(h^2), h the spacing of the lattice: below 1e-4 at 1024 points.

Channels that share a factor, g_p = sqrt(1 - rho) xi_p + sqrt(rho) z, are a mean over z of independent ones with another
threshold: ``with_shared_factor`` takes it, also for rho < 0, where z would be imaginary.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod, sqrt

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.gaussian.lattice_sums import Channel, LatticeLaw, ramp, sum_law
from fsrcheck.gaussian.quadrature import gauss_legendre
from fsrcheck.gaussian.univariate import density, tail

FACTOR_NODES = 3  # on either side of 0: exact for polynomials of degree 7 in the factor
NUM_NODES = 16  # to 3e-7 and better
NEGLIGIBLE = 1e-16  # weight of points of the lattice that a pair's moment leaves out
REACH = 9.0  # of a pair's quadrature: exp(-REACH^2 / 2) = 3e-18 of the density at the threshold


@dataclass(frozen=True)
class Reading:
    """s_p = own S_p + other sum_{q != p} S_q over ``count`` other channels; own, other > 0."""

    own: float
    other: float
    count: int

    def __post_init__(self) -> None:
        """Refuse what is no reading."""
        if not (self.own > 0 and self.other > 0 and self.count >= 1):
            raise InputError(f"own and other must be positive and count at least 1, got {self}")

    def others(self, channel: Channel, cutoff: float, count: int | None = None) -> LatticeLaw:
        """The law of the sum of ``count`` (all, if not given) others, for functions that jump where it reaches ``cutoff``."""
        return sum_law(channel, self.count if count is None else count, jump=cutoff / self.other)


def first_moments(channel: Channel, reading: Reading, cutoff: float) -> tuple[Tensor, Tensor]:
    """E (s_p - 2 cutoff)_+ and Pr[s_p > cutoff], which D4 compares, each of shape (...)."""
    law = reading.others(channel, cutoff)
    lack = cutoff - reading.other * law.values
    unit = reading.own * channel.scale[..., None]
    start = channel.threshold[..., None]
    rate = torch.where(lack < 0, 1.0, tail(start + lack.clamp(min=0.0) / unit))
    mean_lack = lack + cutoff
    mean = unit * ramp(start + mean_lack.clamp(min=0.0) / unit) + (-mean_lack).clamp(min=0.0)
    return law.expect(mean), law.expect(rate)


def false_activations(channel: Channel, reading: Reading, cutoff: float) -> Tensor:
    """Pr[s_p > cutoff, S_p = 0], shape (...)."""
    law = reading.others(channel, cutoff)
    return law.expect((reading.other * law.values > cutoff).double()) * (1 - channel.firing)


def code_moments(channel: Channel, reading: Reading, cutoff: float) -> tuple[Tensor, Tensor]:
    """E[1{s_p > cutoff} S_p] and E[1{s_p > cutoff} S_q], q != p, of which Algorithm 1's moments consist; each (...)."""
    law = reading.others(channel, cutoff)
    lack = (cutoff - reading.other * law.values).clamp(min=0.0)
    scale, start = channel.scale[..., None], channel.threshold[..., None]
    lower = start + lack / (reading.own * scale)
    rate = torch.where(reading.other * law.values > cutoff, 1.0, tail(lower))
    own = scale * (ramp(lower) + (lower - start) * tail(lower))
    return law.expect(own), law.expect(rate * law.values) / reading.count


def pair_moment(channel: Channel, reading: Reading, cutoff: float) -> Tensor:
    """E (s_p - cutoff)_+ (s_q - cutoff)_+ for p != q, which D5 compares, shape (...).

    Given S_q and the sum of the rest this is an integral over g_p of a quadratic polynomial, in closed form; S_q > 0 is
    integrated by quadrature, and what has S_q = 0 is the whole less what has S_q > 0.
    """
    if reading.count < 2:
        raise InputError(f"count must be at least 2 for a pair among others, got {reading.count}")
    law = reading.others(channel, cutoff, reading.count - 1)
    kept = (law.weights > NEGLIGIBLE).reshape(-1, len(law.values)).any(dim=0)
    surplus = reading.other * law.values[kept] - cutoff  # of the read, from the rest alone, (point,)
    scale, start = channel.scale[..., None, None], channel.threshold[..., None, None]
    offset, weight = _above_threshold(channel, reading, cutoff)
    second = scale * offset[..., None]
    both = _product(scale, start, reading, reading.other * second + surplus, reading.own * second + surplus)
    alone = _product(scale, start, reading, surplus, surplus)  # (..., 1, point), at S_q = 0 and any g_q
    firing = channel.firing[..., None]
    silent_too = (1 - firing) ** 2 * surplus.clamp(min=0.0) ** 2
    given_rest = (weight[..., None] * both).sum(dim=-2) + 2 * (1 - firing) * alone[..., 0, :] + silent_too
    return (law.weights[..., kept] * given_rest).sum(dim=-1)


def with_shared_factor(
    channel: Channel, correlation: float, moment: Callable[[Channel], tuple[Tensor, ...]]
) -> tuple[float, ...]:
    """Moments when all pairs of the normals have one correlation rho, small and of either sign.

    A part in a thousand at |rho| = 1/25, and falling like rho^4; at 1/15 a few in a hundred.

    E f(sqrt(rho) z) = sum_n rho^n f^(2n)(0) / (2^n n!), so that any rule with the moments (2n - 1)!! rho^n will do: nodes
    at multiples of sqrt(|rho|), on the real line for either sign of rho.

    Args:
        channel: of shape ().
        correlation: rho, at least -1/(number of channels - 1), or there is no such law.
        moment: of channels of shape (node,), independent ones.
    """
    if correlation == 0:
        return tuple(float(value) for value in moment(channel))
    nodes, weights = _factor_rule(correlation)
    spread = sqrt(1 - correlation)
    shifted = Channel((channel.scale * spread).expand(len(nodes)), (channel.threshold - nodes) / spread)
    return tuple(float(weights @ value) for value in moment(shifted))


def _factor_rule(correlation: float) -> tuple[Tensor, Tensor]:
    nodes = sqrt(abs(correlation)) * torch.arange(-FACTOR_NODES, FACTOR_NODES + 1, dtype=torch.float64)
    powers = torch.arange(len(nodes))
    wanted = [0.0 if n % 2 else prod(range(1, n, 2)) * correlation ** (n // 2) for n in powers.tolist()]
    unit = sqrt(abs(correlation)) ** powers
    scaled = (nodes / nodes[-1])[None, :] ** powers[:, None]
    target = torch.tensor(wanted, dtype=torch.float64) / (unit * FACTOR_NODES**powers)
    return nodes, torch.linalg.solve(scaled, target)


def _above_threshold(channel: Channel, reading: Reading, cutoff: float) -> tuple[Tensor, Tensor]:
    """Nodes of g - t > 0 with weights that hold the density, each (..., node); split where own S reaches the cutoff."""
    nodes, weights = gauss_legendre(NUM_NODES, channel.scale.device)
    start = channel.threshold[..., None]
    end = REACH**2 / (torch.sqrt(start.clamp(min=0.0) ** 2 + REACH**2) + start.clamp(min=0.0)) + (-start).clamp(min=0.0)
    kink = torch.minimum(cutoff / (reading.own * channel.scale[..., None]), end / 2)
    offset = torch.cat([kink * nodes, kink + (end - kink) * nodes], dim=-1)
    weight = torch.cat([kink * weights, (end - kink) * weights], dim=-1)
    return offset, weight * density(start + offset)


def _product(scale: Tensor, start: Tensor, reading: Reading, first: Tensor, second: Tensor) -> Tensor:
    """E[(own S + first)_+ (other S + second)_+ 1{S > 0}], all shapes broadcast."""
    p, q = reading.own * scale, reading.other * scale
    lower = torch.maximum(start, start - torch.minimum(first / p, second / q))
    a, b = first - p * start, second - q * start
    at, above = density(lower), tail(lower)
    return p * q * (lower * at + above) + (p * b + q * a) * at + a * b * above
