r"""A small GAN in the form (7.1), in both orders, to run Algorithm 6 on: learn the scales of half-normal coordinates.

G(z; theta_G) = theta_G |z|, coordinate by coordinate; D(X; theta_D) = <theta_D, X>; X* = scales |z*|. With the
discriminator inside, R_2 = ||theta_D||^2 / 2 and R_1 = 0; with the generator inside, R_1 = -||theta_G||^2 / 2 and R_2 = 0,
which makes the inner maximum exist. In either order the scales are the only saddle point of the expected loss.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fsrcheck.model.streams import standard_normal
from fsrcheck.training.sgda import AutogradGame

DISCRIMINATOR, GENERATOR = "discriminator", "generator"
Samples = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class ScaleGame:
    """The game for ``descend_ascend``; parameters of both players are (batch, coordinate).

    Attributes:
        scales: of the data, (batch, coordinate).
        real, latent: one generator per instance, for z* and z.
        num_samples: N.
        inside: which player moves at the faster rate.
        ascent_sign: 1; -1 lets the inner player descend, 0 freezes it at zero (controls).
    """

    scales: Tensor
    real: Sequence[np.random.Generator]
    latent: Sequence[np.random.Generator]
    num_samples: int
    inside: str = DISCRIMINATOR
    ascent_sign: float = 1.0

    def draw(self, step: int) -> Samples:
        """Line 3: the sample means of X* and of |z|; the loss is linear in the patches, so no more of them is needed."""
        shape = (self.num_samples, self.scales.shape[1])
        true, latent = (standard_normal(drawn, shape).abs().mean(dim=1) for drawn in (self.real, self.latent))
        return self.scales * true, latent

    def loss(self, outer: Tensor, inner: Tensor, samples: Samples) -> Tensor:
        """Line 4, (batch,)."""
        real, latent = samples
        generator, discriminator = (inner, outer) if self.inside == GENERATOR else (outer, inner)
        objective = (discriminator * (real - generator * latent)).sum(dim=-1)
        return objective - inner.square().sum(dim=-1) / 2

    def inner_gradient(self, outer: Tensor, inner: Tensor, samples: Samples) -> Tensor:
        """Line 6, by differentiating the loss."""
        return self.ascent_sign * AutogradGame(self.loss).inner_gradient(outer, inner, samples)

    def outer_gradient(self, outer: Tensor, inner: Tensor, samples: Samples) -> Tensor:
        """Line 8, by differentiating the loss."""
        return AutogradGame(self.loss).outer_gradient(outer, inner, samples)

    def best_response(self, outer: Tensor, samples: Samples) -> Tensor:
        """The inner maximum in closed form."""
        real, latent = samples
        best = -outer * latent if self.inside == GENERATOR else real - outer * latent
        return self.ascent_sign * best

    def generator_of(self, outer: Tensor, inner: Tensor) -> Tensor:
        """theta_G, whichever player it is."""
        return inner if self.inside == GENERATOR else outer


def zeros(game: ScaleGame) -> tuple[Tensor, Tensor]:
    """Initial parameters: both players at zero."""
    return torch.zeros_like(game.scales), torch.zeros_like(game.scales)
