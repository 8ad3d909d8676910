r"""The 2-Wasserstein distance of two laws, bounded from below by samples of them (any generator's: only numbers are seen).

In the population, rigorous and each at most W2(P, Q):

- Gelbrich: sqrt(|m - m'|^2 + tr C + tr C' - 2 tr (C^1/2 C' C^1/2)^1/2) of the means and covariances, exact for Gaussians;
- projected: sqrt(sum_i W2(<u_i, P>, <u_i, Q>)^2) for orthonormal u_i, in one dimension by coupling equal quantiles. A single
  direction is the case of one u_i; more of them only add.

What sampling adds: of n samples P_n, Q_n both are biased upwards, being positive for P = Q. Two ways to be honest about it:

- ``sample_bounds`` reports the distance beside the same distance between two independent halves of the true samples (the floor).
  Both distances obey the triangle inequality and have jointly convex squares, so d(P_n, Q_n) exceeds d(P, Q) by at most
  d(P_n, P) + d(Q_n, Q), and E d(Q_n, Q)^2 <= E d(Q_n, Q'_n)^2, the mean square of the floor. A value well above twice the floor
  means something, one near it nothing. Works from independent samples; in D dimensions differences below roughly sqrt(D/n) of
  the norm are hidden.
- ``dual_bound`` averages fixed potentials over fresh samples: an unbiased estimate of a rigorous bound with a standard error,
  which is small where both laws are sampled on one latent (see ``potentials``).

Directions and potentials are chosen on the first half of the samples, distances measured on the second.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.potentials import check_orthonormal, fitted_quadratic, fitted_separable, moments

STANDARD_ERRORS = 4.0
ROUNDING = 16 * torch.finfo(torch.float64).eps
"""Part of the mean square norms that counts as error beside the standard error: potentials are differences of such squares."""


@dataclass(frozen=True)
class SampledSquare:
    """The mean of something whose mean bounds W2^2, and its standard error (with rounding); any one shape."""

    value: Tensor
    error: Tensor

    @classmethod
    def of_means(cls, value: Tensor, square: Tensor, num_samples: int, size: Tensor) -> "SampledSquare":
        """Take the mean and mean square of samples, their number, and the mean square norm of the vectors they are from."""
        variance = (square - value.square()).clamp(min=0) / (num_samples - 1)
        return cls(value, (variance + (ROUNDING * size).square()).sqrt())

    @property
    def distance(self) -> Tensor:
        """Its root; 0 where the mean is negative."""
        return self.value.clamp(min=0).sqrt()

    def at_least(self, standard_errors: float = STANDARD_ERRORS) -> Tensor:
        """Root of the mean less some standard errors; 0 where that is negative."""
        return (self.value - standard_errors * self.error).clamp(min=0).sqrt()

    def at_most(self, standard_errors: float = STANDARD_ERRORS) -> Tensor:
        """Root of the mean and some standard errors."""
        return (self.value + standard_errors * self.error).clamp(min=0).sqrt()


@dataclass(frozen=True)
class SampleDistance:
    """A distance of two samples, and the same distance of two samples of one law, each (batch,).

    Attributes:
        value: between the second halves of the generated and of the true samples.
        floor: between the two halves of the true samples.
    """

    value: Tensor
    floor: Tensor


@dataclass(frozen=True)
class SampleBounds:
    """Two lower bounds of W2 from samples alone."""

    gelbrich: SampleDistance
    projected: SampleDistance


@dataclass(frozen=True)
class DualBound:
    """Two lower bounds of W2^2, each (batch,); see ``potentials``."""

    gelbrich: SampledSquare
    projected: SampledSquare


def gelbrich_distance(mean: Tensor, covariance: Tensor, other_mean: Tensor, other_covariance: Tensor) -> Tensor:
    """Gelbrich's distance of means (batch, dim) and covariances (batch, dim, dim), which may be singular, (batch,).

    As the least ||R O - R'||_F over orthogonal O of the roots R, R': a difference instead of one of traces, which would cancel.
    """
    root, other_root = _root(covariance), _root(other_covariance)
    left, _, right = torch.linalg.svd(root @ other_root)
    spread = (root @ (left @ right) - other_root).square().sum(dim=(1, 2))
    return ((mean - other_mean).square().sum(dim=1) + spread).sqrt()


def line_distances(first: Tensor, second: Tensor) -> Tensor:
    """W2 of two empirical laws on the line, from equally many samples (batch, sample, direction), (batch, direction).

    Raises:
        InputError: samples of different shapes.
    """
    if first.shape != second.shape:
        raise InputError(f"samples must have one shape, got {tuple(first.shape)} and {tuple(second.shape)}")
    return (first.sort(dim=1).values - second.sort(dim=1).values).square().mean(dim=1).sqrt()


def projected_distance(first: Tensor, second: Tensor, basis: Tensor) -> Tensor:
    """sqrt(sum of W2^2 along the columns of ``basis`` (batch, dim, direction)), of samples (batch, sample, dim), (batch,).

    Raises:
        InputError: samples of different shapes; columns that are not orthonormal.
    """
    check_orthonormal(basis)
    return line_distances(first @ basis, second @ basis).norm(dim=1)


def difference_basis(first: Tensor, second: Tensor) -> Tensor:
    """Orthonormal basis (batch, dim, dim): the difference of means, then eigenvectors of that of the covariances."""
    (mean, covariance), (other_mean, other) = moments(first), moments(second)
    values, vectors = torch.linalg.eigh(covariance - other)
    order = values.abs().argsort(dim=1, descending=True)
    vectors = vectors.gather(2, order[:, None].expand(vectors.shape))
    return torch.linalg.qr(torch.cat([(mean - other_mean)[:, :, None], vectors], dim=2)).Q


def sample_bounds(generated: Tensor, true: Tensor, *, bases: Sequence[Tensor] = ()) -> SampleBounds:
    """Bound W2 between the laws of two independent samples of one shape (batch, sample, dim) from below.

    The projected distance is along ``difference_basis`` or one of ``bases`` (batch, dim, direction), orthonormal: for each
    instance the one along which the first halves are farthest apart.

    Raises:
        InputError: samples of different shapes or fewer than four; a number that is not finite; a basis not orthonormal.
    """
    (fit, own), (true_fit, others) = _halves(generated, true)
    candidates = [difference_basis(fit, true_fit), *bases]
    apart = torch.stack([projected_distance(fit, true_fit, basis) for basis in candidates])
    best = apart.argmax(dim=0)

    def projected(first: Tensor, second: Tensor) -> Tensor:
        found = torch.stack([projected_distance(first, second, basis) for basis in candidates])
        return found.gather(0, best[None])[0]

    pairs = ((own, others), (true_fit, others))
    return SampleBounds(
        SampleDistance(*(gelbrich_distance(*moments(one), *moments(other)) for one, other in pairs)),
        SampleDistance(*(projected(one, other) for one, other in pairs)),
    )


def dual_bound(generated: Tensor, true: Tensor, *, basis: Tensor | None = None) -> DualBound:
    """Bound W2^2 from below by potentials fitted to the first half of pairs of samples and averaged over the second.

    Pairs (generated[:, i], true[:, i]), each (batch, sample, dim), are independent of one another; within a pair there may be any
    dependence, and the more alike the two are, the smaller the standard error is. ``basis`` (batch, dim, direction) is that of
    the projections, by default ``difference_basis``.

    Raises:
        InputError: as ``sample_bounds``.
    """
    (fit, own), (true_fit, others) = _halves(generated, true)
    basis = difference_basis(fit, true_fit) if basis is None else basis
    quadratic = fitted_quadratic(fit, true_fit).gains(own, others)
    separable = fitted_separable(fit, true_fit, basis).gains(own, others).sum(dim=2)
    size = (own.square() + others.square()).sum(dim=2).mean(dim=1)
    bounds = (
        SampledSquare.of_means(values.mean(dim=1), values.square().mean(dim=1), values.shape[1], size)
        for values in (quadratic, separable)
    )
    return DualBound(*bounds)


def _root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp(min=0).sqrt()[:, None]) @ vectors.mT


def _halves(*samples: Tensor) -> list[tuple[Tensor, Tensor]]:
    shapes = [tuple(part.shape) for part in samples]
    if len(set(shapes)) > 1 or len(shapes[0]) != 3 or shapes[0][1] < 4:
        raise InputError(f"samples must have one shape (batch, at least 4, dim), got {shapes[0]} and {shapes[1]}")
    if not all(bool(torch.isfinite(part).all()) for part in samples):
        raise InputError("samples must be finite, got NaN or infinity")
    half = shapes[0][1] // 2
    return [(part[:, :half], part[:, half : 2 * half]) for part in samples]
