"""Integrals over a correlation u from -1 to rho of densities of a Gaussian pair, by Gauss-Legendre.

The variable is v = -artanh(u). With x = e^v = sqrt((1-u)/(1+u)), S = (h1 + h2)^2/8 and D = (h1 - h2)^2/8,

    phi_2(h1, h2; u) du = exp(-S (1 + x^2) - D (1 + 1/x^2)) / (2 pi cosh v) dv,  v from -artanh(rho) upwards:

log-concave, and analytic but for the poles of sech at +-i pi/2. In u or in theta = arcsin(u) there are
essential singularities at both ends of the interval instead, which need more nodes when rho is near 1.

The exponent is minus the square of y = sqrt(S) x - sqrt(D)/x, up to a constant, so the interval outside of
which the integrand is negligible is known without a search. Its length decides the number of nodes (`TIERS`).
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from fsrcheck.gaussian.quadrature import gauss_legendre, pieces
from fsrcheck.gaussian.univariate import density, tail

# An interval of v up to the first number long takes the second number of nodes: quadrature error below 1e-12.
TIERS = ((4.0, 32), (6.0, 40), (11.0, 64))
# A longer one (thresholds near zero, rho next to 1) has exponential tails: v = BEND sinh(t) shortens them.
NODES_BEYOND, BEND = 96, 2.0
# We stop where the exponential is down to exp(-REACH_SQUARED) of its peak, or sech to exp(-SPAN) of its own.
REACH_SQUARED = 38.0
SPAN = 33.0


class Nodes(NamedTuple):
    """What an integrand may use; the thresholds have shape (point, 1), the rest (point, node).

    `x_squared` is (1-u)/(1+u) and `rho_minus_u` is free of cancellation; `first_square` (S) and
    `second_square` (D) have shape (point, 1).
    """

    h1: Tensor
    h2: Tensor
    first_square: Tensor
    second_square: Tensor
    x_squared: Tensor
    rho_minus_u: Tensor


Integrand = Callable[[Nodes], Tensor]


def pair_density(nodes: Nodes) -> Tensor:
    """Return phi_2(h1, h2; u) |du/dv|: its integral is Pr[g1 > h1, g2 > h2] less its value at rho = -1."""
    exponent = nodes.first_square * (1 + nodes.x_squared) + nodes.second_square * (1 + 1 / nodes.x_squared)
    return torch.exp(-exponent) * torch.sqrt(nodes.x_squared) / (1 + nodes.x_squared) / math.pi


def weighted_pair_density(nodes: Nodes) -> Tensor:
    """Return (rho - u) phi_2(h1, h2; u) |du/dv|."""
    return nodes.rho_minus_u * pair_density(nodes)


def signed_conditional_tail(nodes: Nodes) -> Tensor:
    """Return phi(h1) (Q(z) - 1{z < 0}) |du/dv| at z = (h2 - u h1)/sqrt(1 - u^2): small where |z| is large."""
    x = torch.sqrt(nodes.x_squared)
    z = ((nodes.h1 + nodes.h2) * x - (nodes.h1 - nodes.h2) / x) / 2
    signed = torch.where(z < 0, -1.0, 1.0) * tail(z.abs())
    return density(nodes.h1) * signed * (2 * x / (1 + nodes.x_squared)) ** 2


def integrate(integrand: Integrand, h1: Tensor, h2: Tensor, rho: Tensor, chunk_size: int) -> Tensor:
    """Return the integral of one of the integrands above over u from -1 to rho.

    h1, h2, rho and the result have shape (point,); `chunk_size` points at a time are expanded into nodes.
    """
    lower, upper = _interval(h1, h2, rho)
    if integrand is not signed_conditional_tail:
        return _tiered(integrand, h1, h2, rho, lower, upper, chunk_size)
    # z changes sign, and the integrand jumps, at x^2 = (h1 - h2)/(h1 + h2) if that is positive.
    jump = torch.log(((h1 - h2) / (h1 + h2)).clamp(min=0.0)) / 2
    jump = torch.minimum(torch.maximum(jump.nan_to_num(nan=-torch.inf), lower), upper)
    result = _tiered(integrand, h1, h2, rho, jump, upper, chunk_size)
    rest = (jump > lower).nonzero()[:, 0]
    result[rest] += _tiered(integrand, h1[rest], h2[rest], rho[rest], lower[rest], jump[rest], chunk_size)
    return result


def _tiered(
    integrand: Integrand, h1: Tensor, h2: Tensor, rho: Tensor, lower: Tensor, upper: Tensor, chunk_size: int
) -> Tensor:
    """Return the integral over v from `lower` to `upper`, with nodes by its length; shapes (point,)."""
    edges = torch.tensor([edge for edge, _ in TIERS], dtype=lower.dtype, device=lower.device)
    tier = torch.bucketize(upper - lower, edges)  # NaN falls into the last
    result = torch.empty_like(rho)
    for number, num_nodes in enumerate([*(count for _, count in TIERS), NODES_BEYOND]):
        for piece in pieces((tier == number).nonzero()[:, 0], chunk_size):
            steps, weights = _steps(lower[piece], upper[piece], num_nodes)
            values = integrand(_nodes(h1[piece], h2[piece], rho[piece], lower[piece], steps))
            result[piece] = (values * weights).sum(-1)
    return result


def _interval(h1: Tensor, h2: Tensor, rho: Tensor) -> tuple[Tensor, Tensor]:
    """Return the ends of the v-interval outside of which the integrands are negligible; shapes (point,)."""
    a, b = (h1 + h2).abs() / math.sqrt(8.0), (h1 - h2).abs() / math.sqrt(8.0)
    x = torch.sqrt((1 - rho) / (1 + rho))
    reach = torch.sqrt(REACH_SQUARED + (a * x - b / x).clamp(min=0.0) ** 2)  # y at the right cut-off
    right = torch.log((reach + torch.sqrt(reach * reach + 4 * a * b)) / (2 * a))
    left = torch.log(2 * b / (REACH_SQUARED**0.5 + torch.sqrt(REACH_SQUARED + 4 * a * b)))
    lower = torch.maximum(torch.log(x), left)
    upper = torch.minimum(right, lower.clamp(min=0.0) + torch.log1p(b) + SPAN)
    return torch.maximum(lower, upper.clamp(max=0.0) - SPAN), upper


def _steps(lower: Tensor, upper: Tensor, num_nodes: int) -> tuple[Tensor, Tensor]:
    """Return v - lower at the nodes, and the weights, of a rule for v in [lower, upper]: (point, node)."""
    unit_nodes, weights = gauss_legendre(num_nodes, lower.device)
    if num_nodes != NODES_BEYOND:
        length = (upper - lower)[:, None]
        return length * unit_nodes, length * weights
    start = torch.asinh(lower / BEND)[:, None]
    length = torch.asinh(upper / BEND)[:, None] - start
    half = length * unit_nodes / 2  # sinh(start + 2 half) - sinh(start) without cancellation:
    steps = 2 * BEND * torch.cosh(start + half) * torch.sinh(half)
    slope = torch.sqrt(BEND**2 + (lower[:, None] + steps) ** 2)
    return steps, length * slope * weights


def _nodes(h1: Tensor, h2: Tensor, rho: Tensor, lower: Tensor, steps: Tensor) -> Nodes:
    """Return what the integrands need at v = lower + steps; shapes (point,), but `steps` (point, node)."""
    start = (1 - rho) / (1 + rho)
    # x^2 = start (1 + growth): growth keeps its digits next to the end point, where x^2 - start would not.
    growth = torch.expm1(2 * ((lower - 0.5 * torch.log(start))[:, None] + steps))
    x_squared = start[:, None] * (1 + growth)
    return Nodes(
        h1=h1[:, None],
        h2=h2[:, None],
        first_square=((h1 + h2) ** 2 / 8)[:, None],
        second_square=((h1 - h2) ** 2 / 8)[:, None],
        x_squared=x_squared,
        rho_minus_u=(1 - rho)[:, None] * growth / (1 + x_squared),
    )
