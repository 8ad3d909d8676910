r"""The objective of D5 at W = W*, what Claim C.17 promises of it, and its Hessian by automatic differentiation.

Obj = H + R over ordered pairs, a function of the directions of the rows of V alone; see ``c17_descent``. Everything takes any
number of instances in front.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from fsrcheck.gaussian import relu_product_mean, upper_orthant
from fsrcheck.training.first_hidden import pair_indices


class Weights(Protocol):
    """C of the pairs, Gamma and tau."""

    @property
    def weight(self) -> float | Tensor:
        """C, one or one for every pair."""

    @property
    def steepness(self) -> float:
        """Gamma."""

    @property
    def tau(self) -> float:
        """Of the barrier."""


@dataclass(frozen=True)
class Instance:
    """Rows of the learner (..., row, latent), thresholds (..., row), and the target's correlations of the pairs (..., pair)."""

    learner: Tensor
    thresholds: Tensor
    wanted: Tensor

    def pairs(self, rho: Tensor, value: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
        """A function of both thresholds and the correlation, for every unordered pair of rows."""
        first, second = pair_indices(self.thresholds.shape[-1], rho.device)
        return value(self.thresholds[..., first], self.thresholds[..., second], rho)


def correlations(rows: Tensor) -> Tensor:
    """Correlations of all unordered pairs of rows (..., row, latent), whatever their lengths, (..., pair)."""
    first, second = pair_indices(rows.shape[-2], rows.device)
    unit = rows / rows.norm(dim=-1, keepdim=True)
    return (unit[..., first, :] * unit[..., second, :]).sum(dim=-1)


def barrier(rho: Tensor, parameters: Weights) -> Tensor:
    """R over ordered pairs, from the correlations of the unordered ones."""
    sides = torch.stack([rho, -rho]) - (1 - parameters.tau)
    return 2 * (parameters.steepness * sides).exp().sum(dim=(0, -1))


def objective(rows: Tensor, instance: Instance, parameters: Weights) -> Tensor:
    """Obj, the same for rows of any lengths."""
    rho = correlations(rows)
    x = misfit(rho, instance, parameters)
    return torch.logsumexp(torch.cat([x, -x, x, -x], dim=-1), dim=-1) + barrier(rho, parameters)


def misfit(rho: Tensor, instance: Instance, parameters: Weights) -> Tensor:
    """x = C (s - s*) of the unordered pairs."""
    now, wanted = (instance.pairs(at, relu_product_mean) for at in (rho, instance.wanted))
    return parameters.weight * (now - wanted)


def promised_decrease(instance: Instance, parameters: Weights) -> Tensor:
    """G; positive unless s = s* for all pairs, up to the barrier at the target."""
    rho = correlations(instance.learner)
    x = misfit(rho, instance, parameters)
    tails = [instance.pairs(at, upper_orthant) for at in (rho, instance.wanted)]
    shares = torch.where(x > 0, 1.0, tails[0] / tails[1])
    gain = (shares * (x.cosh() - 1)).sum(dim=-1) / x.cosh().sum(dim=-1)
    return gain + barrier(rho, parameters) - barrier(instance.wanted, parameters)


def least_curvature(instance: Instance, parameters: Weights) -> Tensor:
    """lambda_min of the Hessian of Obj at the learner, by automatic differentiation; of the leading shape."""
    rows = instance.learner.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(objective(rows, instance, parameters).sum(), rows, create_graph=True)
    lines = [
        torch.autograd.grad(line.sum(), rows, retain_graph=True)[0].flatten(-2)
        for line in gradient.flatten(-2).unbind(-1)
    ]
    return torch.linalg.eigvalsh(torch.stack(lines, dim=-2))[..., 0]
