"""Correlations of the normals behind rectified pairs: inverted from what a pair does together, then made a matrix.

For g1, g2 at correlation rho, both L(rho) = Pr[g1 > h1, g2 > h2] and M(rho) = E (g1 - h1)_+ (g2 - h2)_+ grow with rho, so
that either determines it. From L it is Pearson's tetrachoric correlation (1900). Correlations that are estimated pair by pair
need not form a positive semidefinite matrix; the nearest one that is comes from Higham (2002).
"""

from collections.abc import Callable

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.gaussian.bivariate import relu_product_mean, upper_orthant

HALVINGS = 40
"""Bisections: rho to 2^-39, far below any sampling error."""
PROJECTIONS, PROJECTION_TOLERANCE = 500, 1e-9


def correlation_of_rate(h1: Tensor, h2: Tensor, rate: Tensor, *, limit: float = 0.99) -> Tensor:
    """Return the rho in [-limit, limit] with Pr[g1 > h1, g2 > h2] nearest to ``rate``; shapes broadcast, float64.

    Raises:
        InputError: a threshold or a rate is not finite, or limit is not in (0, 0.999].
    """
    return _inverted(upper_orthant, h1, h2, rate, limit)


def correlation_of_product(h1: Tensor, h2: Tensor, mean: Tensor, *, limit: float = 0.99) -> Tensor:
    """Return the rho in [-limit, limit] with E (g1 - h1)_+ (g2 - h2)_+ nearest to ``mean``; shapes broadcast, float64.

    Raises:
        InputError: a threshold or a mean is not finite, or limit is not in (0, 0.999].
    """
    return _inverted(relu_product_mean, h1, h2, mean, limit)


def nearest_correlation(matrices: Tensor) -> Tensor:
    """Map symmetric (batch, size, size) with unit diagonal to the nearest correlation matrices in Frobenius norm.

    Alternating projections on the positive semidefinite cone and on unit diagonals with Dykstra's correction (Higham 2002,
    algorithm 3.3), followed by the cone and a rescaling to an exact unit diagonal.

    Raises:
        InputError: a matrix is not square, finite and symmetric.
    """
    if matrices.ndim != 3 or not bool(torch.isfinite(matrices).all()) or not torch.allclose(matrices, matrices.mT):
        raise InputError(f"matrices must be finite, symmetric and (batch, size, size), got {tuple(matrices.shape)}")
    current, correction = matrices, torch.zeros_like(matrices)
    for _ in range(PROJECTIONS):
        shifted = current - correction
        positive = _positive_part(shifted)
        correction = positive - shifted
        moved = positive.clone()
        moved.diagonal(dim1=1, dim2=2).fill_(1.0)
        change = (moved - current).abs().max()
        current = moved
        if change < PROJECTION_TOLERANCE:
            break
    positive = _positive_part(current)
    scale = positive.diagonal(dim1=1, dim2=2).clamp(min=torch.finfo(positive.dtype).tiny).rsqrt()
    return scale[:, :, None] * positive * scale[:, None, :]


def _inverted(
    law: Callable[[Tensor, Tensor, Tensor], Tensor], h1: Tensor, h2: Tensor, wanted: Tensor, limit: float
) -> Tensor:
    """Bisect an increasing ``law`` of rho."""
    if not 0 < limit <= 0.999:
        raise InputError(f"limit must be in (0, 0.999], got {limit}")
    if not bool(torch.isfinite(wanted).all()):
        raise InputError("pair statistics must be finite, got NaN or infinity")
    h1, h2, wanted = torch.broadcast_tensors(h1, h2, wanted)
    lower, upper = torch.full_like(wanted, -limit), torch.full_like(wanted, limit)
    for _ in range(HALVINGS):
        middle = (lower + upper) / 2
        below = law(h1, h2, middle) < wanted
        lower, upper = torch.where(below, middle, lower), torch.where(below, upper, middle)
    return (lower + upper) / 2


def _positive_part(matrices: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh((matrices + matrices.mT) / 2)
    return (vectors * values.clamp(min=0)[:, None, :]) @ vectors.mT
