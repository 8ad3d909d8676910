r"""The population objective of a one-layer generator against a quadratic discriminator (Lei et al., section 5).

With z standard normal, x = f(A z) and rows of A of norm 1, the inner maximum over the discriminator's matrix V of
<V, E x* x*^T - E x x^T> - ||V||_F^2 / 2 is attained at the difference of the two moments, and what is left for A is

    g(A) = ||c(Z) - c(Z*)||_F^2 / 2,    Z = A A^T,    c the kernel of f, applied entry by entry

(``fsrcheck.gaussian.kernels``). With G = (c(Z) - c(Z*)) o c'(Z), o the entrywise product, the gradient in A is 2 G A
and the multipliers of the constraints ||a_i|| = 1 are lambda = diag(G Z). On the surface of unit rows what matters is
S = G - diag(lambda): the gradient there is 2 S A, and the Hessian takes the tangent direction B to

    2 S B + 2 (W o (B A^T + A B^T)) A,    W = c'(Z)^2 + (c(Z) - c(Z*)) o c''(Z),

projected. float64 torch on the device of its inputs; leading dimensions are instances and broadcast.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from fsrcheck.gaussian.kernels import Activation

INSIDE = 1 - 1e-14  # c'' of a piecewise linear activation is infinite at correlation 1 and -1


def unit_rows(rows: Tensor) -> Tensor:
    """The rows divided by their norms, the projection on the constraints; shape (..., row, latent)."""
    return rows / rows.norm(dim=-1, keepdim=True)


def tangent(direction: Tensor, rows: Tensor) -> Tensor:
    """The part of a direction along the surface of unit rows: every row loses its component along that of ``rows``."""
    return direction - (direction * rows).sum(dim=-1, keepdim=True) * rows


def correlations(rows: Tensor) -> Tensor:
    """Z = A A^T of unit rows, with exact ones on the diagonal and no rounding beyond [-1, 1]."""
    product = (rows @ rows.mT).clamp(-1, 1)
    own = torch.eye(rows.shape[-2], dtype=torch.bool, device=rows.device)
    return product.masked_fill(own, 1.0)


def without_multipliers(slope: Tensor, rows: Tensor) -> Tensor:
    """S = G - diag(lambda) with lambda = diag(G Z), from G."""
    return slope - torch.diag_embed((slope * correlations(rows)).sum(dim=-1))


@dataclass(frozen=True)
class PopulationObjective:
    """g as a function of the rows A, shape (..., d, k).

    Attributes:
        activation: f.
        target: Z*, shape (..., d, d), ones on the diagonal.
    """

    activation: Activation
    target: Tensor

    @cached_property
    def wanted(self) -> Tensor:
        """c(Z*)."""
        return self.activation.kernel(self.target)

    def gap(self, rows: Tensor) -> Tensor:
        """c(Z) - c(Z*), (..., d, d): minus the discriminator's best V."""
        return self.activation.kernel(correlations(rows)) - self.wanted

    def value(self, rows: Tensor) -> Tensor:
        """g, shape (...)."""
        return self.gap(rows).square().sum(dim=(-2, -1)) / 2

    def error(self, rows: Tensor) -> Tensor:
        """||Z - Z*||_F, shape (...)."""
        return (correlations(rows) - self.target).norm(dim=(-2, -1))

    def slope(self, rows: Tensor) -> Tensor:
        """G, the gradient of ||c(Z) - c(Z*)||^2 / 2 in Z; 0 on the diagonal."""
        return self.gap(rows) * self.activation.kernel(correlations(rows), 1)

    def slack(self, rows: Tensor) -> Tensor:
        """S = G - diag(lambda), (..., d, d)."""
        return without_multipliers(self.slope(rows), rows)

    def gradient(self, rows: Tensor) -> Tensor:
        """The gradient on the surface of unit rows, 2 S A; Z is worked out once, since descents spend their time here."""
        products = correlations(rows)
        slope = (self.activation.kernel(products) - self.wanted) * self.activation.kernel(products, 1)
        multipliers = (slope * products).sum(dim=-1, keepdim=True)
        return 2 * (slope @ rows - multipliers * rows)

    def hessian(self, rows: Tensor) -> Tensor:
        """The Hessian on that surface, (..., d k, d k); 0 along the normals, rows before columns in the flat index."""
        size, latent = rows.shape[-2:]
        products = correlations(rows)
        gap, rise = self.gap(rows), self.activation.kernel(products, 1)
        weights = rise.square() + gap * self.activation.kernel(products.clamp(-INSIDE, INSIDE), 2)
        # The diagonal is constant on the surface; its weight would only touch normals.
        weights = weights * (1 - torch.eye(size, dtype=rows.dtype, device=rows.device))
        eye = torch.eye(latent, dtype=rows.dtype, device=rows.device)
        full = torch.einsum("...ij,pq->...ipjq", without_multipliers(gap * rise, rows), eye)
        full = full + torch.einsum("...ij,...iq,...jp->...ipjq", weights, rows, rows)
        own = torch.einsum("...il,...lp,...lq->...ipq", weights, rows, rows)
        full = full + torch.einsum("ij,...ipq->...ipjq", torch.eye(size, dtype=rows.dtype, device=rows.device), own)
        flat = 2 * full.flatten(-4, -3).flatten(-2, -1)
        projector = tangent_projector(rows)
        return projector @ flat @ projector


def tangent_projector(rows: Tensor) -> Tensor:
    """The orthogonal projector on the tangent directions, (..., d k, d k)."""
    size, latent = rows.shape[-2:]
    normals = torch.einsum("ij,...ip->...jip", torch.eye(size, dtype=rows.dtype, device=rows.device), rows)
    flat = normals.flatten(-2)
    return torch.eye(size * latent, dtype=rows.dtype, device=rows.device) - flat.mT @ flat
