"""First-level codes of one patch with a one-factor correlation: the law that the closed forms of Algorithm 1 start from.

S_r = scale_r (g_r - threshold_r)_+ with g_r = loading_r z + sqrt(1 - loading_r^2) e_r, where z and the e_r are independent
standard normals. Loadings of 0 are independent channels, equal loadings equal correlations, two loadings one correlated
pair. Given z the channels are independent, so every expectation is one over z of one over independent channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, pi, sqrt

import numpy as np
import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.gaussian.rectified_sums import RectifiedChannels
from fsrcheck.gaussian.univariate import density
from fsrcheck.model.streams import standard_normal
from fsrcheck.model.target import FirstLevel

FACTOR_REACH = 7.1  # of the rule for z, in standard deviations: 1e-12 lies beyond
FACTOR_TOLERANCE = 1e-10


@dataclass(frozen=True)
class FactorCodes:
    """The law of one patch's codes.

    Attributes:
        scales, thresholds, loadings: each (batch, channel); thresholds in standard deviations, |loadings| < 1.
    """

    scales: Tensor
    thresholds: Tensor
    loadings: Tensor

    def given_factor(self) -> tuple[RectifiedChannels, Tensor]:
        """Return the channels given z at the nodes of a rule for z, shapes (node, batch, channel), and its weights."""
        z, weights = (rule.to(self.scales.device) for rule in _factor_rule(float(self.loadings.abs().max())))
        left = (1 - self.loadings**2).sqrt()
        thresholds = (self.thresholds - self.loadings * z[:, None, None]) / left
        return RectifiedChannels((self.scales * left).expand_as(thresholds), thresholds), weights

    def sample(self, generators: Sequence[np.random.Generator], count: int) -> Tensor:
        """Draw codes, shape (batch, sample, channel); how many are drawn at once does not change them."""
        channels = self.scales.shape[-1]
        normal = standard_normal(generators, (count, channels + 1), self.scales.device)
        left = (1 - self.loadings**2).sqrt()
        latents = self.loadings[:, None] * normal[..., :1] + left[:, None] * normal[..., 1:]
        return self.scales[:, None] * (latents - self.thresholds[:, None]).clamp(min=0)

    @classmethod
    def of_patch(cls, level: FirstLevel, patch: int) -> "FactorCodes":
        """Return the law of the codes of one patch.

        Raises:
            InputError: the channels' correlations are not those of one common factor.
        """
        weights = level.latent_weights[:, patch]
        scales = weights.norm(dim=-1)
        unit = weights / scales[..., None]
        loadings = torch.stack([_one_factor(gram) for gram in unit @ unit.mT])
        return cls(scales, level.thresholds[:, patch] / scales, loadings)


def _factor_rule(largest_loading: float) -> tuple[Tensor, Tensor]:
    """Nodes and weights of the trapezoidal rule for z, each (node,); a single node without loadings.

    Given z, a channel switches on over a width sqrt(1 - loading^2) / |loading|; together with the density of z that
    leaves an error of exp(-(2 pi sqrt(1 - loading^2) / spacing)^2 / 2), here exp(-28) = 1e-12.
    """
    if largest_loading == 0:
        return torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    spacing = 2 * pi * sqrt(1 - largest_loading**2) / 7.5
    count = ceil(FACTOR_REACH / spacing)
    z = spacing * torch.arange(-count, count + 1, dtype=torch.float64)
    return z, spacing * density(z)


def _one_factor(correlations: Tensor) -> Tensor:
    """Return loadings l, (channel,), with l_p l_q = the given correlations off the diagonal."""
    off = correlations - torch.diag(torch.diagonal(correlations))
    loadings = torch.zeros_like(off[0])
    size = off.abs()
    if bool(size.max() > FACTOR_TOLERANCE):
        p, q = divmod(int(size.argmax()), len(off))
        third = int(torch.minimum(size[p], size[q]).argmax())
        linked = min(size[p, third], size[q, third]) > FACTOR_TOLERANCE
        squared = (off[p, q] * off[p, third] / off[q, third]).abs() if linked else size[p, q]
        loadings = off[p] / squared.sqrt()
        loadings[p] = squared.sqrt()
    product = loadings[:, None] * loadings
    misfit = float((off - product + torch.diag(torch.diagonal(product))).abs().max())
    if misfit > FACTOR_TOLERANCE or float(loadings.abs().max()) >= 1:
        raise InputError(f"the channels of a patch must share one common factor, got a misfit of {misfit:.3g}")
    return loadings
