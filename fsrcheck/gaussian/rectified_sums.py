r"""Sums of rectified Gaussians: E[1{Y_p > b} S_q] for Y_p = sum_q G_pq S_q, as closed as it gets.

The codes are S_r = a_r (g_r - t_r)_+ with independent standard normals g_r, and G is near the identity: what a dictionary
reads off a patch (section B, (B.3)). One rectified Gaussian makes the law of Y_p discontinuous, so that Fourier inversion
converges slowly. Let p alone be unrectified, Y~_p = G_pp a_p (g_p - t_p) + sum_{q != p} G_pq S_q: its characteristic
function decays like a Gaussian, and the trapezoidal rule on its inversion is exact to rounding with some thirty nodes. The
two agree wherever the other channels alone stay below b (then Y_p > b needs S_p > 0); what differs is bounded by
``false_activation_bound``.

The characteristic function of the others is exp(sum_j (iu)^j/j! sum_q kappa_qj G_pq^j), kappa the cumulants of S_q: one
power sum of each row of G for every order, and no loop over pairs. The error of the series falls like its last term.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import ceil, comb, exp, factorial, pi

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.gaussian.quadrature import gauss_legendre
from fsrcheck.gaussian.univariate import density, tail

MAX_ORDER = 28
SERIES_TOLERANCE = 1e-13
REACH = 8.6  # exp(-REACH^2 / 2) = 9e-17
PERIOD = 28.0  # of the rule, in standard deviations of the unrectified channel: what lies further aliases
MOMENT_NODES, MOMENT_LOW, MOMENT_HIGH = 96, -12.0, 14.0  # x^29 exp(-x^2/2) is below rounding outside
TILTS = torch.logspace(-1.0, 2.5, 25, dtype=torch.float64)
BESIDE = torch.linspace(-1.0, 1.0, 9, dtype=torch.float64)  # refinement, in steps of ``TILTS``


@dataclass(frozen=True)
class RectifiedChannels:
    """Independent channels S_r = scale_r (g_r - threshold_r)_+.

    Attributes:
        scales: a_r > 0, shape (..., channel).
        thresholds: t_r, in standard deviations, shape (..., channel).
    """

    scales: Tensor
    thresholds: Tensor

    @cached_property
    def silent(self) -> Tensor:
        """Pr[S_r = 0], shape (..., channel)."""
        return 1 - tail(self.thresholds)

    @cached_property
    def central_moments(self) -> Tensor:
        """E S for j = 1, E (S - E S)^j for j = 2..MAX_ORDER + 1, shape (MAX_ORDER + 1, ..., channel)."""
        nodes, weights = gauss_legendre(MOMENT_NODES, self.scales.device)
        low = self.thresholds.clamp(min=MOMENT_LOW)[..., None]
        length = MOMENT_HIGH + low.abs()
        normal = low + length * nodes
        term = length * weights * density(normal)
        codes = self.scales[..., None] * (normal - self.thresholds[..., None])
        mean = (term * codes).sum(-1)
        deviation = codes - mean[..., None]
        found = [mean]
        for j in range(1, MAX_ORDER + 1):
            term = term * deviation
            found.append((term * deviation).sum(-1) + self.silent * (-mean) ** (j + 1))
        return torch.stack(found)

    @cached_property
    def cumulants(self) -> Tensor:
        """The cumulants of S_r of orders 1..MAX_ORDER + 1, shape (MAX_ORDER + 1, ..., channel).

        From central moments: with plain ones, the high orders drown in rounding where a channel is nearly always active.
        """
        central = self.central_moments
        found: list[Tensor] = [torch.zeros_like(self.scales)]
        for n in range(2, MAX_ORDER + 2):
            mixed = [comb(n - 1, k - 1) * found[k - 1] * central[n - k - 1] for k in range(2, n - 1)]
            found.append(central[n - 1] - sum(mixed, torch.zeros_like(self.scales)))
        return torch.stack([central[0], *found[1:]])

    @cached_property
    def series_sizes(self) -> list[float]:
        """The largest |kappa_j| / j! sup_x x^j exp(-x^2/2) over channels, for j = 1..MAX_ORDER."""
        largest = self.cumulants.abs().flatten(1).amax(dim=1).tolist()
        return [largest[j - 1] / factorial(j) * j ** (j / 2) * exp(-j / 2) for j in range(1, MAX_ORDER + 1)]

    def log_laplace(self, tilt: Tensor) -> tuple[Tensor, Tensor]:
        """Return K(s) = log E exp(s S) and its derivative at s = ``tilt``, which broadcasts with (..., channel)."""
        a, t = self.scales, self.thresholds
        shift = t - tilt * a
        grown, above = torch.exp(tilt * a * (0.5 * tilt * a - t)), tail(shift)
        total = self.silent + grown * above
        return torch.log(total), a * grown * (density(shift) - shift * above) / total


def is_near_identity(channels: RectifiedChannels, mixing: Tensor) -> Tensor:
    """Whether ``moments_above`` converges: a positive diagonal and small entries beside it, shape (...)."""
    diagonal = torch.diagonal(mixing, dim1=-2, dim2=-1)
    limit = (SERIES_TOLERANCE / channels.series_sizes[-1]) ** (1 / MAX_ORDER)
    largest = _ratios(channels, mixing).abs().amax(dim=(-2, -1))
    return (diagonal > 0).all(dim=-1) & (largest < limit)


def moments_above(channels: RectifiedChannels, mixing: Tensor, cutoff: Tensor | float) -> Tensor:
    """Return E[1{Y~_p > cutoff} S_q], shape (..., p, q), with p unrectified in Y~_p = (mixing S)_p.

    For q = p, S_p is the unrectified a_p (g_p - t_p) as well. ``mixing`` is (..., p, q) with a positive diagonal;
    ``cutoff`` is a number or (...,).

    Raises:
        InputError: a diagonal entry is not positive, or the off-diagonal entries are too large for the series.
    """
    diagonal = torch.diagonal(mixing, dim1=-2, dim2=-1)
    if not bool((diagonal > 0).all()):
        raise InputError(f"the mixing's diagonal must be positive, got {float(diagonal.min()):.6g}")
    unit = channels.scales * diagonal  # standard deviation of the unrectified channel p
    ratios = _ratios(channels, mixing)
    order = _series_order(ratios, channels)
    cumulants = channels.cumulants[: order + 1]
    level = channels.thresholds + _as_rows(cutoff, mixing) / unit
    slopes = _tail_derivatives(_power_sums(cumulants[:order], ratios), level)  # (order + 1, ..., p)
    others = _series(slopes, cumulants, ratios)
    own = channels.scales * (slopes[1] - channels.thresholds * slopes[0])
    return _hollow(others) + torch.diag_embed(own)


def false_activation_bound(channels: RectifiedChannels, mixing: Tensor, cutoff: Tensor | float) -> Tensor:
    """Bound, (..., p), on sum_q |E[1{Y_p > b} S_q] - ``moments_above``|.

    The two differ only where g_p < t_p and the others' sum Z exceeds b. There the q-th term is at most E[S_q 1{Z > b}]
    for q != p and E[(Z - b)_+] / G_pp for q = p; both are bounded with exp(s (Z - b)). Every s > 0 gives a bound: the best of
    ``TILTS`` is taken for each p, then the best beside it.
    """
    diagonal = torch.diagonal(mixing, dim1=-2, dim2=-1)
    others = _hollow(mixing)
    level = _as_rows(cutoff, mixing).expand(diagonal.shape)
    unit = 1 / level.clamp(min=1e-300)  # each row by its own cutoff: a bound must not depend on the batch
    spread = RectifiedChannels(channels.scales[..., None, :], channels.thresholds[..., None, :])
    off = 1 - torch.eye(mixing.shape[-1], dtype=mixing.dtype, device=mixing.device)

    def bounded(tilt: Tensor) -> Tensor:
        values, slopes = spread.log_laplace(tilt[..., None] * others)
        size = (slopes * off).sum(-1) + 1 / (torch.e * tilt * diagonal)
        return (size * torch.exp((values * off).sum(-1) - tilt * level)).nan_to_num(nan=torch.inf)

    bound, best = torch.full_like(diagonal, torch.inf), TILTS[0] * unit
    for factor in TILTS.to(mixing.device):
        found = bounded(factor * unit)
        best = torch.where(found < bound, factor * unit, best)
        bound = torch.minimum(bound, found)
    for factor in (TILTS[1] / TILTS[0]) ** BESIDE.to(mixing.device):
        bound = torch.minimum(bound, bounded(factor * best))
    return bound


def _hollow(matrix: Tensor) -> Tensor:
    """The matrix with zeros on its diagonal."""
    return matrix - torch.diag_embed(torch.diagonal(matrix, dim1=-2, dim2=-1))


def _ratios(channels: RectifiedChannels, mixing: Tensor) -> Tensor:
    """G_pq over the standard deviation of the unrectified channel p, for q != p; zeros for q = p."""
    unit = channels.scales * torch.diagonal(mixing, dim1=-2, dim2=-1)
    return _hollow(mixing / unit[..., None])


def _as_rows(cutoff: Tensor | float, mixing: Tensor) -> Tensor:
    """The cutoff, shape (..., 1)."""
    return torch.as_tensor(cutoff, dtype=mixing.dtype, device=mixing.device)[..., None]


def _series_order(ratios: Tensor, channels: RectifiedChannels) -> int:
    """The order from which on the largest term of the series, damped by the Gaussian, is below the tolerance.

    Two terms in a row must be: a single cumulant may vanish.
    """
    ratio = float(ratios.abs().max())
    small = [size * ratio**order < SERIES_TOLERANCE for order, size in enumerate(channels.series_sizes, start=1)]
    for order in range(3, len(small) + 1):
        if all(small[order - 1 : order + 1]):
            return order
    raise InputError(
        f"off-diagonal entries of the mixing must be small beside a_p times its diagonal, got {ratio:.3g} of it"
    )


def _power_sums(cumulants: Tensor, ratios: Tensor) -> Tensor:
    """Return sum_q kappa_qj ratio_pq^j / j!, shape (order, ..., p)."""
    power, sums = torch.ones_like(ratios), []
    for j, cumulant in enumerate(cumulants, start=1):
        power = power * ratios / j
        sums.append((power @ cumulant[..., None])[..., 0])
    return torch.stack(sums)


@lru_cache(maxsize=16)
def _nodes(order: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return nodes x > 0, shape (node,), and (i x)^j for j = 0..order, shape (order + 1, node)."""
    spacing = 2 * pi / PERIOD
    x = (torch.arange(ceil(REACH / spacing), dtype=torch.float64, device=device) + 0.5) * spacing
    return x, torch.stack([(1j * x) ** j for j in range(order + 1)])


def _tail_derivatives(power_sums: Tensor, level: Tensor) -> Tensor:
    """Return (-d/dy)^(j-1) of the density of Y~/unit at its cutoff for j >= 1, and its tail for j = 0.

    Shape (order + 1, ..., p). ``level`` is the cutoff of g_p were the others absent. The rule is symmetric about 0, so
    only the real part of its upper half is needed.
    """
    order = len(power_sums)
    x, powers = _nodes(order, level.device)
    others = torch.einsum("j...,jn->...n", power_sums.to(powers.dtype), powers[1:])
    alone = torch.exp(-1j * x * level[..., None] - 0.5 * x * x)
    weight = 2 / PERIOD
    rest = tail(level) + weight * (alone * torch.expm1(others) / powers[1]).real.sum(-1)
    slopes = weight * torch.einsum("...n,jn->j...", alone * torch.exp(others), powers[:order]).real
    return torch.cat([rest[None], slopes])


def _series(slopes: Tensor, cumulants: Tensor, ratios: Tensor) -> Tensor:
    """Return sum_j kappa_{q,j+1} ratio_pq^j / j! slopes_j(p), shape (..., p, q), by Horner's rule."""
    order = len(slopes) - 1
    value = slopes[order][..., None] * cumulants[order][..., None, :]
    for j in range(order, 0, -1):
        value = slopes[j - 1][..., None] * cumulants[j - 1][..., None, :] + value * ratios / j
    return value
