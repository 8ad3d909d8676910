r"""Lower bounds of the 2-Wasserstein distance that hold in the population: pairs of potentials, by Kantorovich's duality.

For f, g with f(x) + g(y) <= ||x - y||^2 everywhere, E f(X) + E g(Y) <= W2(X, Y)^2 whatever the joint law of X and Y. For a
convex psi with conjugate psi*, f = ||x||^2 - 2 psi(x) and g = ||y||^2 - 2 psi*(y) are such a pair (Young's inequality). Here:

- separable: psi(x) = sum_i psi_i(<u_i, x>), u_i orthonormal, the monotone map psi_i' through pairs of quantiles of <u_i, X> and
  <u_i, Y>. The best psi_i give sum_i W2(<u_i, X>, <u_i, Y>)^2, at least the W2^2 of any one of the projections.
- quadratic: psi' the affine map that carries the mean and covariance of X to those of Y. The best one gives Gelbrich's bound
  |m - m'|^2 + tr C + tr C' - 2 tr (C^1/2 C' C^1/2)^1/2.

Potentials are fitted to some samples and averaged over others. What is averaged is then a rigorous bound in the population,
however poor the fit is; sampling adds an unbiased error of known standard error, and no floor. Where X and Y are sampled
together (two networks on one latent) that error is as small as their difference. (An empirical distance, by contrast, is
biased upwards: by convexity its square is at least W2^2 on average, and it is positive between two samples of one law.)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fsrcheck.errors import InputError

NUM_KNOTS = 64
RIDGE = 1e-6
"""Part of the mean variance of a direction that is added to both covariances, so that the affine map can be inverted."""
ORTHONORMALITY_TOLERANCE = 1e-8


@dataclass(frozen=True)
class SeparablePotentials:
    """Convex functions along orthonormal directions.

    Attributes:
        basis: u_i, (batch, dim, direction).
        knots: x-values of the monotone graphs of psi_i', nondecreasing, (batch, direction, knot).
        images: their y-values, nondecreasing, of the same shape. Beyond both ends a graph goes on with slope 1.
    """

    basis: Tensor
    knots: Tensor
    images: Tensor

    def gains(self, first: Tensor, second: Tensor) -> Tensor:
        """f_i(x) + g_i(y) of samples x, y (batch, sample, dim), direction by direction, (batch, sample, direction)."""
        along, across = ((samples @ self.basis).transpose(1, 2).contiguous() for samples in (first, second))
        start = (self.knots * self.images)[..., :1]  # psi + psi* at the first knot: Young's equality
        convex = _integral(self.knots, self.images, along) + _integral(self.images, self.knots, across) + start
        return (along.square() + across.square() - 2 * convex).transpose(1, 2)


@dataclass(frozen=True)
class QuadraticPotential:
    """psi with gradient m' + A (x - m), A positive definite.

    Attributes:
        means: m and m', (2, batch, dim).
        axes: eigenvectors of A as columns, (batch, dim, axis).
        stretches: its eigenvalues, (batch, axis), positive.
    """

    means: Tensor
    axes: Tensor
    stretches: Tensor

    def gains(self, first: Tensor, second: Tensor) -> Tensor:
        """f(x) + g(y) of samples x, y (batch, sample, dim), (batch, sample)."""
        shift = self.means[0] - self.means[1]
        along, across = first - self.means[0][:, None], second - self.means[1][:, None]
        linear = shift.square().sum(dim=-1, keepdim=True) + 2 * ((along - across) @ shift[:, :, None])[..., 0]
        one, other = (along @ self.axes).square(), (across @ self.axes).square()
        return linear + (one @ (1 - self.stretches)[..., None] + other @ (1 - 1 / self.stretches)[..., None])[..., 0]


def fitted_separable(
    first: Tensor, second: Tensor, basis: Tensor, *, num_knots: int = NUM_KNOTS
) -> SeparablePotentials:
    """Fit to equally many samples (batch, sample, dim): knots are means over blocks of order statistics, shorter at the ends.

    Raises:
        InputError: samples that disagree in shape; a basis (batch, dim, direction) that is not orthonormal.
    """
    _check_pair(first, second)
    check_orthonormal(basis)
    one, other = ((samples @ basis).transpose(1, 2).sort(dim=-1).values for samples in (first, second))
    edges = _edges(first.shape[1], num_knots)
    return SeparablePotentials(basis, *(_block_means(values, edges) for values in (one, other)))


def fitted_quadratic(first: Tensor, second: Tensor, *, ridge: float = RIDGE) -> QuadraticPotential:
    """Fit to samples (batch, sample, dim); their numbers may differ."""
    (mean, one), (other_mean, other) = moments(first), moments(second)
    size = (one + other).diagonal(dim1=1, dim2=2).mean(dim=-1) / 2
    # constant samples have no covariance at all: then A = I
    added = torch.where(size > 0, ridge * size, 1.0)[:, None, None] * torch.eye(first.shape[2]).to(one)
    root, inverse = _roots(one + added)
    middle, _ = _roots(root @ (other + added) @ root)
    stretches, axes = torch.linalg.eigh(_symmetric(inverse @ middle @ inverse))
    return QuadraticPotential(torch.stack([mean, other_mean]), axes, stretches.clamp(min=ridge))


def moments(samples: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (batch, dim) and unbiased covariance (batch, dim, dim) of samples (batch, sample, dim).

    Raises:
        InputError: fewer than two samples.
    """
    if samples.ndim != 3 or samples.shape[1] < 2:
        raise InputError(f"samples must have shape (batch, at least 2, dim), got {tuple(samples.shape)}")
    mean = samples.mean(dim=1)
    centred = samples - mean[:, None]
    return mean, centred.mT @ centred / (samples.shape[1] - 1)


def check_orthonormal(basis: Tensor) -> None:
    """Raise ``InputError`` unless the columns of (batch, dim, direction) are orthonormal."""
    identity = torch.eye(basis.shape[-1], dtype=basis.dtype, device=basis.device)
    defect = float((basis.mT @ basis - identity).abs().max())
    if not defect <= ORTHONORMALITY_TOLERANCE:
        raise InputError(f"basis must have orthonormal columns, got max |U^T U - I| = {defect:.3g}")


def _integral(knots: Tensor, images: Tensor, points: Tensor) -> Tensor:
    """The integral from the first knot of the piecewise linear map knots -> images, at points (batch, direction, sample)."""
    areas = knots.diff(dim=-1) * (images[..., 1:] + images[..., :-1]) / 2
    until = torch.cat([torch.zeros_like(knots[..., :1]), areas.cumsum(dim=-1)], dim=-1)
    # between two knots the map rises by their slope; where knots coincide the last of them counts
    widths, rises = knots.diff(dim=-1), images.diff(dim=-1)
    slopes = torch.where(widths > 0, rises / widths.where(widths > 0, 1.0), 1.0)
    ends = torch.ones_like(knots[..., :1])
    place = torch.searchsorted(knots.contiguous(), points, right=True)
    base = (place - 1).clamp(min=0)
    offset = points - knots.gather(-1, base)
    slope = torch.cat([ends, slopes, ends], dim=-1).gather(-1, place)
    return until.gather(-1, base) + (images.gather(-1, base) + slope * offset / 2) * offset


def _edges(num_samples: int, num_knots: int) -> Tensor:
    """Ends of blocks of ranks, denser at both ends of the sample, where sparse codes have what distinguishes them."""
    share = (1 - torch.cos(torch.linspace(0, torch.pi, num_knots + 1, dtype=torch.float64))) / 2
    return (num_samples * share).round().long().unique()


def _block_means(ordered: Tensor, edges: Tensor) -> Tensor:
    """Means of ordered values (batch, direction, sample) from each edge to the next."""
    blocks = ordered.split(edges.diff().tolist(), dim=-1)
    return torch.stack([block.mean(dim=-1) for block in blocks], dim=-1)


def _roots(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Square root and its inverse of positive definite matrices (batch, dim, dim)."""
    values, vectors = torch.linalg.eigh(_symmetric(matrix))
    floor = torch.finfo(values.dtype).eps * values.amax(dim=-1, keepdim=True)
    sizes = values.clamp(min=floor).sqrt()[:, None]
    return (vectors * sizes) @ vectors.mT, (vectors / sizes) @ vectors.mT


def _symmetric(matrix: Tensor) -> Tensor:
    return (matrix + matrix.mT) / 2


def _check_pair(first: Tensor, second: Tensor) -> None:
    if first.ndim != 3 or first.shape != second.shape:
        shapes: Sequence[tuple[int, ...]] = (tuple(first.shape), tuple(second.shape))
        raise InputError(f"samples must have one shape (batch, sample, dim), got {shapes[0]} and {shapes[1]}")
