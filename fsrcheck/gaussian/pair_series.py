r"""E (g1 - h1)_+ (g2 - h2)_+ as a power series in the correlation, for many correlations at the same thresholds.

Mehler's formula: with c_k(h) the Hermite coefficients of (g - h)_+,

    M(rho) = sum_k c_k(h1) c_k(h2) rho^k,    c_0 = A(h), c_1 = Q(h), c_k = phi(h) he_{k-2}(h) / sqrt(k (k - 1)),

he_k = He_k / sqrt(k!) the orthonormal Hermite polynomials; its derivative is L(rho) = Pr[g1 > h1, g2 > h2]. The
coefficients are computed once. Evaluation is a Horner scheme, some twenty multiplications at |rho| = 0.1 and a hundred at 0.7,
where ``bivariate`` spends 32 to 64 exponentials: descent on correlations (D5) asks for both at every step, and its
thresholds never move. Beyond |rho| = 0.7 the points are handed over to ``bivariate``.

Error: at most 1e-14 of M(|rho|), and of L(|rho|). At rho < 0 both are smaller than at |rho|, by about exp(f) with

    f = ((h1 + |rho| h2)_+^2 - (h1 - |rho| h2)_+^2) / (2 (1 - rho^2)),    h1 <= h2:

where f is above 6, points are handed over as well. So for thresholds in -3..5 the relative error stays below 1e-9, and in units
of L, in which D5 compares, M is off by at most 1e-11.
"""

from math import ceil, log, sqrt

import torch
from torch import Tensor

from fsrcheck.gaussian.bivariate import relu_product_mean, upper_orthant
from fsrcheck.gaussian.univariate import density, relu_mean, tail

LARGEST_CORRELATION = 0.7
LARGEST_FALL = 6.0  # of M and L from |rho| to rho, as an exponent
TOLERANCE = 1e-15
MIN_TERMS, MAX_TERMS = 12, 100


class PairSeries:
    """M and L of many pairs at fixed thresholds."""

    def __init__(self, h1: Tensor, h2: Tensor) -> None:
        """Take the thresholds of the pairs, two tensors of the same shape, in standard deviations."""
        self._h1, self._h2 = h1, h2
        self._low, self._high = torch.minimum(h1, h2), torch.maximum(h1, h2)
        self._terms = hermite_coefficients(h1, MAX_TERMS) * hermite_coefficients(h2, MAX_TERMS)

    def __call__(self, rho: Tensor) -> tuple[Tensor, Tensor]:
        """Return M and L at correlations of the pairs' shape, -1 < rho < 1; NaN where rho is NaN."""
        beyond = (rho.abs() > LARGEST_CORRELATION) | self._falls(rho)
        within = torch.where(beyond, 0.0, rho)
        product, both = self._horner(within, num_terms(float(within.nan_to_num(nan=0.0).abs().max())))
        if bool(beyond.any()):
            at = (self._h1[beyond], self._h2[beyond], rho[beyond])
            product[beyond], both[beyond] = relu_product_mean(*at), upper_orthant(*at)
        return product, both

    def _falls(self, rho: Tensor) -> Tensor:
        """Where the series of alternating terms has lost its leading digits."""
        far, near = (self._low - rho * self._high).clamp(min=0), (self._low + rho * self._high).clamp(min=0)
        return far.square() - near.square() > 2 * LARGEST_FALL * (1 - rho.square())

    def _horner(self, rho: Tensor, count: int) -> tuple[Tensor, Tensor]:
        value = self._terms[count - 1].clone()
        slope = torch.zeros_like(value)
        for term in reversed(self._terms[: count - 1].unbind()):
            slope.mul_(rho).add_(value)
            value.mul_(rho).add_(term)
        return value, slope


def num_terms(largest: float) -> int:
    """How many terms |rho| up to ``largest`` needs: the terms of the slope fall at least like |rho|^k."""
    if not largest > 0:
        return MIN_TERMS
    return min(MAX_TERMS, max(MIN_TERMS, ceil(log(TOLERANCE) / log(largest)) + 4))


def hermite_coefficients(threshold: Tensor, count: int) -> Tensor:
    """Coefficients c_0..c_{count-1} of (g - h)_+ in orthonormal Hermite polynomials, shape (count, *h.shape)."""
    previous, current = torch.zeros_like(threshold), torch.ones_like(threshold)
    peak = density(threshold)
    found = [relu_mean(threshold), tail(threshold)]
    for k in range(2, count):
        found.append(peak * current / sqrt(k * (k - 1)))
        n = k - 2
        previous, current = current, (threshold * current - sqrt(n) * previous) / sqrt(n + 1)
    return torch.stack(found)
