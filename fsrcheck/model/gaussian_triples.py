"""Probability that three correlated standard normals exceed their thresholds, by quadrature."""

import numpy as np
import torch
from torch import Tensor

from fsrcheck.gaussian.bivariate import upper_orthant
from fsrcheck.gaussian.univariate import density

NUM_NODES = 128
# Above its threshold, a normal exceeds it by more than this with relative probability below exp(-40).
REACH = 9.0
MAX_CORRELATION = 1 - 1e-12


def upper_orthant_three(thresholds: Tensor, correlations: Tensor) -> Tensor:
    """Return Pr[g1 > h1, g2 > h2, g3 > h3], (point,), for thresholds (point, 3).

    `correlations` (point, 3) are those of (1,2), (1,3), (2,3). Given g1 = z the other two are a pair of
    normals with known means, so this is a one-dimensional integral of a pair probability.
    """
    nodes, node_weights = np.polynomial.legendre.leggauss(NUM_NODES)
    h1, h2, h3 = (h[:, None] for h in thresholds.unbind(dim=1))
    rho12, rho13, rho23 = (rho[:, None] for rho in correlations.unbind(dim=1))
    start = h1.clamp(min=-REACH)
    width = h1.clamp(min=0.0) + REACH - start
    z = start + width * torch.from_numpy((nodes + 1) / 2).to(h1)
    spread12, spread13 = (1 - rho12.square()).sqrt(), (1 - rho13.square()).sqrt()
    partial = ((rho23 - rho12 * rho13) / (spread12 * spread13)).clamp(-MAX_CORRELATION, MAX_CORRELATION)
    pair = upper_orthant((h2 - rho12 * z) / spread12, (h3 - rho13 * z) / spread13, partial)
    return (density(z) * pair * width * torch.from_numpy(node_weights / 2).to(h1)).sum(dim=1)
