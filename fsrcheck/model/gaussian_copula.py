"""A Gaussian copula of features that are zero most of the time and positive otherwise, fitted to samples.

Feature p is 0 where a standard normal g_p is at most t_p, and its empirical quantile at Pr[g > g_p] / Pr[g > t_p] above. The
normals are jointly Gaussian. For first-level codes S = (V z - b)_+ this is the true law; for the levels above it is not, as
their normals are not jointly Gaussian with those below.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.gaussian.latent_correlations import correlation_of_product, correlation_of_rate, nearest_correlation
from fsrcheck.gaussian.univariate import inverse_tail, tail
from fsrcheck.model.sampler import check_draw
from fsrcheck.model.streams import standard_normal, streams

RATES, SCORES = "rates", "scores"
MATCHES = (RATES, SCORES)
"""What correlations are fitted to: how often a pair is active together, or the mean product of its normal scores."""
NUM_QUANTILES = 512
LARGEST_CORRELATION = 0.999


@dataclass(frozen=True)
class GaussianCopula:
    """A fitted law of ``features`` (batch, sample, feature).

    Attributes:
        thresholds: t, (batch, feature); features that are never active have infinity.
        factor: F with F F^T the correlation of the normals, (batch, feature, feature).
        quantiles: of the feature given that it is active, at exceedances exp(-depth) for depths spaced evenly
            from 0 to ``largest_depth``, (batch, feature, quantile).
        largest_depth: logarithm of twice the number of active samples, (batch, feature).
        moved: root mean square by which off-diagonal correlations moved to make a correlation matrix, (batch,).
    """

    thresholds: Tensor
    factor: Tensor
    quantiles: Tensor
    largest_depth: Tensor
    moved: Tensor

    def sample(self, num_samples: int, seeds: Sequence[int]) -> Tensor:
        """Draw features (batch, sample, feature), one seed for each instance."""
        batch, size = self.thresholds.shape
        check_draw(num_samples, seeds, batch)
        latents = standard_normal(streams(seeds, "copula: latents"), (num_samples, size), self.factor.device)
        normals = latents @ self.factor.mT
        exceedance = tail(normals) / tail(self.thresholds)[:, None]
        active = normals > self.thresholds[:, None]
        depth = -torch.where(active, exceedance, 1.0).clamp(max=1.0).log()
        return torch.where(active, self._quantile(depth), 0.0)

    def _quantile(self, depth: Tensor) -> Tensor:
        """Interpolate the tables at depths (batch, sample, feature); beyond the largest sample they end."""
        last = self.quantiles.shape[2] - 1
        place = (depth / self.largest_depth[:, None] * last).clamp(max=last)
        index = place.floor().clamp(max=last - 1)
        tables = self.quantiles.mT
        low, high = (tables.take_along_dim((index + step).long(), dim=1) for step in (0, 1))
        return low + (place - index) * (high - low)


def fit_copula(features: Tensor, match: str = RATES) -> GaussianCopula:
    """Fit marginals and correlations to ``features`` (batch, sample, feature), zero or positive.

    Raises:
        InputError: features that are no batch, negative or not finite; a feature that is always active; an unknown match.
    """
    _check(features, match)
    counts = (features > 0).sum(dim=1)
    rates = counts.clamp(min=0.5) / features.shape[1]
    thresholds = inverse_tail(rates.to(features.dtype))
    estimated = _correlations(features, thresholds, match)
    fitted = nearest_correlation(estimated)
    values, vectors = torch.linalg.eigh(fitted)
    return GaussianCopula(
        torch.where(counts == 0, torch.inf, thresholds),
        vectors * values.clamp(min=0).sqrt()[:, None],
        _quantiles(features, counts),
        (2 * counts.clamp(min=1)).to(features.dtype).log(),
        _off_diagonal_rms(fitted - estimated),
    )


def _correlations(features: Tensor, thresholds: Tensor, match: str) -> Tensor:
    """Pair by pair, (batch, feature, feature); unknown ones, of features that are hardly ever active, are zero."""
    size = features.shape[2]
    first, second = torch.triu_indices(size, size, offset=1, device=features.device)
    values = (features > 0).to(features.dtype) if match == RATES else _scores(features, thresholds)
    invert = {RATES: correlation_of_rate, SCORES: correlation_of_product}[match]
    together = (values.mT @ values / features.shape[1])[:, first, second]
    found = invert(thresholds[:, first], thresholds[:, second], together, limit=LARGEST_CORRELATION)
    silent = (features > 0).sum(dim=1) < 2
    matrix = torch.zeros_like(features[:, :1]).expand(-1, size, -1).clone()
    matrix[:, first, second] = torch.where(silent[:, first] | silent[:, second], 0.0, found)
    matrix = matrix + matrix.mT
    matrix.diagonal(dim1=1, dim2=2).fill_(1.0)
    return matrix


def _scores(features: Tensor, thresholds: Tensor) -> Tensor:
    """(Q^-1((rank - 1/2) / N) - t)_+ of active features, rank 1 the largest; 0 of the others."""
    ranks = features.argsort(dim=1, descending=True).argsort(dim=1)
    scores = inverse_tail((ranks + 0.5) / features.shape[1])
    return torch.where(features > 0, (scores - thresholds[:, None]).clamp(min=0), 0.0)


def _quantiles(features: Tensor, counts: Tensor) -> Tensor:
    """Tables of the active values, (batch, feature, quantile)."""
    ordered = features.sort(dim=1, descending=True).values.mT
    active = counts.clamp(min=1)[..., None].to(features.dtype)
    share = torch.linspace(0, 1, NUM_QUANTILES, dtype=features.dtype, device=features.device)
    place = (active * torch.exp(-share * (2 * active).log()) - 0.5).clamp(min=0).minimum(active - 1)
    index = place.floor()
    low = ordered.take_along_dim(index.long(), dim=2)
    high = ordered.take_along_dim((index + 1).minimum(active - 1).long(), dim=2)
    return low + (place - index) * (high - low)


def _off_diagonal_rms(matrices: Tensor) -> Tensor:
    size = matrices.shape[-1]
    return (matrices.square().sum(dim=(1, 2)) / max(size * (size - 1), 1)).sqrt()


def _check(features: Tensor, match: str) -> None:
    if match not in MATCHES:
        raise InputError(f"match must be one of {', '.join(MATCHES)}, got {match!r}")
    if features.ndim != 3 or not features.numel():
        raise InputError(f"features must be (batch, sample, feature) and not empty, got {tuple(features.shape)}")
    if not bool((features.isfinite() & (features >= 0)).all()):
        raise InputError("features must be finite and not negative, got others")
    if bool((features > 0).all(dim=1).any()):
        raise InputError("features must be zero in some samples, got one that never is")
