"""The expectations of Algorithm 5 in closed form, for a first level with independent channels."""

from collections.abc import Sequence

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.gaussian.univariate import relu_moment, truncated_moment
from fsrcheck.model.target import TargetNetwork
from fsrcheck.training.oracles import CodeMoments
from fsrcheck.training.patch_source import TargetPatches

ORTHOGONALITY = 1e-9

# A unit vector exceeds this in one coordinate at most, so the channel it stands for is unique.
DECODABLE = 2**-0.5


class PopulationOracle:
    """Exact expectations for S_p = α_p (g_p - t_p)_+ with independent g_p, in code space (dim = channel).

    Everything but the indicators is exact. Those are decoded as in (A.2) and (A.3), l.683-685: a direction
    w close to W_p makes 1{S_p >= b} of 1{<w, X> >= b}, and w itself becomes W_p in the projection I - w
    w^T.

    What this drops. Let θ be the angle between w and W_p, and X = S_p W_p + Y. Then <w, X> >= b means S_p
    >= (b - sin θ <r, Y>) / cos θ with a unit vector r, and S_p is independent of Y with a density of at
    most f = φ(t_p) / α_p (t_p >= 0). The two indicators therefore differ with probability at most f (b (1 /
    cos θ - 1) + tan θ E|Y|) = O(k² θ / m) where k channels are active in the mean; H changes by O(poly(k) θ
    / m), which is Claim A.4. Because Y leans towards firing the indicator, line 8 comes out somewhat better
    here than on samples. A direction that is within 45 degrees of no W_p has no channel: `purify` returns
    zero for it, as it does (correctly) for one close to -W_p, whose indicator is empty.

    Anchors stay random: they are two draws of the codes of the target, the same ones that a `SampleOracle`
    on a `TargetPatches` with these seeds uses. Raises InputError when channels of a patch share latents.
    """

    def __init__(self, target: TargetNetwork, seeds: Sequence[int]) -> None:
        source = TargetPatches(target, seeds, level=1)
        self.num_rows = source.num_rows
        self.num_channels = self.dim = source.num_channels
        self.device = source.device
        self.dictionary = source.dictionary
        self.samples_drawn = 0
        self._draw_codes = source.code_stream("warm start: anchors")
        self._size, self._threshold = _independent_channels(target)
        self._moments = {order: self._moment(order) for order in (1, 2, 3)}

    def refresh(self) -> None:
        """Do nothing: there is no sample set."""

    def anchors(self, count: int) -> Tensor:
        """Return sums of two fresh codes, shape (row, count, channel)."""
        draws = self._draw_codes(2 * count)
        self.samples_drawn += 2 * count
        return draws.reshape(self.num_rows, count, 2, self.dim).sum(dim=2)

    def code_moments(self) -> CodeMoments:
        """Return the root mean square of E[S_p] and the mean of E[S_p²], what patches would show."""
        return CodeMoments(self._moments[1].square().mean(dim=-1).sqrt(), self._moments[2].mean(dim=-1))

    def truncated_slices(self, anchors: Tensor, found: Tensor, found_mask: Tensor, cutoff: Tensor) -> Tensor:
        """Return E[<u, S> D D^T], D_p = S_p 1{p not found or S_p < b}, shape (row, count, channel, channel).

        With τ_n = E[S_p^(n-1) D_p] = E[D_p^n], e = E[S], C = <u, e> and v = u (τ_2 - e τ_1): off the
        diagonal H = v τ_1^T + τ_1 v^T + C τ_1 τ_1^T, on it u τ_3 + (C - u e) τ_2 (independence, term by
        term).
        """
        first, second, third = self._left_over(found, found_mask, cutoff)
        mean = self._moments[1][:, None, :]
        total = (anchors * mean).sum(dim=-1, keepdim=True)
        mixed = anchors * (second - mean * first) + total * first / 2
        slices = mixed[..., :, None] * first[..., None, :]
        slices = slices + slices.mT
        slices.diagonal(dim1=-2, dim2=-1).copy_(anchors * third + (total - anchors * mean) * second)
        return slices

    def slice_sizes(self, anchors: Tensor, found: Tensor, found_mask: Tensor, cutoff: Tensor) -> Tensor:
        """Return E[<u, S> |D|²], the trace of the slice, shape (row, count)."""
        _, second, third = self._left_over(found, found_mask, cutoff)
        by_mean = anchors * self._moments[1][:, None, :]
        return (anchors * third + (by_mean.sum(dim=-1, keepdim=True) - by_mean) * second).sum(dim=-1)

    def third_moments(self, directions: Tensor) -> Tensor:
        """Return E[<v, S>³] from the cumulants of the independent codes, shape (row, count)."""
        first, second, third = (self._moments[order][:, None, :] for order in (1, 2, 3))
        mean = (directions * first).sum(dim=-1)
        variance = (directions.square() * (second - first.square())).sum(dim=-1)
        skewness = (directions.pow(3) * (third - 3 * second * first + 2 * first.pow(3))).sum(dim=-1)
        return skewness + 3 * variance * mean + mean.pow(3)

    def purify(self, directions: Tensor, cutoff: Tensor) -> Tensor:
        """Return E[1{S_p >= b} S] for the channel p of each direction, shape (row, count, channel)."""
        overlap, channel = directions.max(dim=-1, keepdim=True)
        above = self._above(0, cutoff).gather(1, channel.squeeze(-1)).unsqueeze(-1)
        above_mean = self._above(1, cutoff).gather(1, channel.squeeze(-1)).unsqueeze(-1)
        purified = (above * self._moments[1][:, None, :]).scatter(2, channel, above_mean)
        return torch.where(overlap > DECODABLE, purified, 0.0)

    def to_patches(self, dictionary: Tensor) -> Tensor:
        """Rotate columns (row, channel, column) into patch space by the target's dictionary."""
        return self.dictionary @ dictionary

    def _channels(self, found: Tensor, found_mask: Tensor) -> Tensor:
        """Return which channels (row, channel) the found columns stand for."""
        channel = found.abs().argmax(dim=1)
        hits = torch.zeros(self.num_rows, self.dim, dtype=torch.float64, device=self.device)
        return hits.scatter_add(1, channel, found_mask.to(hits.dtype)) > 0

    def _left_over(self, found: Tensor, found_mask: Tensor, cutoff: Tensor) -> list[Tensor]:
        """Return E[D_p], E[D_p²], E[D_p³], each (row, 1, channel)."""
        channels = self._channels(found, found_mask)
        removed = [torch.where(channels, self._above(order, cutoff), 0.0) for order in (1, 2, 3)]
        return [(self._moments[order] - removed[order - 1])[:, None, :] for order in (1, 2, 3)]

    def _moment(self, order: int) -> Tensor:
        """Return E[S_p^order], shape (row, channel)."""
        return self._size.pow(order) * relu_moment(self._threshold, order)

    def _above(self, order: int, cutoff: Tensor) -> Tensor:
        """Return E[S_p^order 1{S_p >= cutoff}], shape (row, channel)."""
        lower = self._threshold + cutoff[:, None] / self._size
        return self._size.pow(order) * truncated_moment(self._threshold, lower, order)


def _independent_channels(target: TargetNetwork) -> tuple[Tensor, Tensor]:
    """Return α and t of S = α (g - t)_+, each (row, channel); raise InputError unless independent."""
    level = target.first
    weights = level.latent_weights.flatten(0, 1)
    size = weights.norm(dim=-1)
    rows = weights / size[..., None]
    overlap = (rows @ rows.mT - torch.eye(rows.shape[1], dtype=rows.dtype, device=rows.device)).abs().max()
    if not overlap <= ORTHOGONALITY:
        raise InputError(f"channels of a patch must be independent, got latent correlation {float(overlap):.3g}")
    return size, level.thresholds.flatten(0, 1) / size
