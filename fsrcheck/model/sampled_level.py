"""Streamed counts of what the codes of one level do together, for levels without closed forms."""

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from fsrcheck.model.binomial import proportion_limits, quantile_ranks
from fsrcheck.model.co_activity import CoActivity
from fsrcheck.model.measurements import Measured
from fsrcheck.model.streams import streams
from fsrcheck.model.target import TargetNetwork

NUM_BLOCKS = 8
"""Equal parts of a sample whose spread estimates the error of mu."""


def code_chunks(
    target: TargetNetwork, level: int, seeds: Sequence[int], num_samples: int, chunk_size: int
) -> Iterator[tuple[int, Tensor]]:
    """Yield (block, codes (batch, sample, patch, channel)) of `level` in NUM_BLOCKS equal blocks.

    The numbers depend on the seeds and the level only. `num_samples` is rounded down to full blocks.
    """
    below = TargetNetwork(target.levels[:level])
    generators = streams(seeds, f"assumptions {level}")
    per_block = num_samples // NUM_BLOCKS
    for block in range(NUM_BLOCKS):
        for start in range(0, per_block, chunk_size):
            yield block, below.sample_codes(generators, min(chunk_size, per_block - start))[-1]


class ExtremeCodes:
    """Upper quantiles of ||S||_inf and ||S||_0 of a patch, with limits from order statistics."""

    def __init__(self, num_samples: int, quantile: float, risk: float) -> None:
        self.ranks = quantile_ranks(num_samples // NUM_BLOCKS * NUM_BLOCKS, quantile, risk)
        self._largest: dict[str, Tensor] = {}

    def add(self, codes: Tensor) -> None:
        """Take in codes (batch, sample, patch, channel)."""
        self._keep("max_activation", codes.amax(dim=-1))
        self._keep("num_active", (codes > 0).sum(dim=-1).to(codes.dtype))

    def _keep(self, name: str, values: Tensor) -> None:
        pool = values.transpose(1, 2)
        if name in self._largest:
            pool = torch.cat([self._largest[name], pool], dim=-1)
        wanted = min(self.ranks[0] + 1, pool.shape[-1])
        self._largest[name] = pool.topk(wanted, dim=-1).values

    def measured(self, name: str) -> Measured:
        """Return the quantile of "max_activation" or "num_active"."""
        low, middle, high = (self._largest[name][..., rank] for rank in self.ranks)
        return Measured(middle, low, high)


class TripleCounts:
    """How often any three channels of a patch are positive together."""

    def __init__(self, risk: float) -> None:
        self.risk = risk
        self._shape = (0, 0, 0)
        self._num_samples = 0
        self._keys = torch.empty(0, dtype=torch.int64)
        self._counts = torch.empty(0, dtype=torch.int64)

    def add(self, events: CoActivity) -> None:
        """Take in a chunk; only triples that occurred are stored."""
        self._shape = events.shape
        self._num_samples += events.num_samples
        fresh = events.triple_keys()
        keys = torch.cat([self._keys.to(fresh.device), fresh])
        counts = torch.cat([self._counts.to(fresh.device), torch.ones_like(fresh)])
        self._keys, inverse = keys.unique(return_inverse=True)
        self._counts = torch.zeros_like(self._keys).scatter_add_(0, inverse, counts)

    def measured(self) -> Measured:
        """Return max Pr[three channels > 0], each (batch, patch)."""
        batch, num_patches, num_channels = self._shape
        largest = torch.zeros(batch * num_patches, dtype=torch.int64, device=self._keys.device)
        largest.scatter_reduce_(0, self._keys // num_channels**3, self._counts, "amax")
        largest = largest.reshape(batch, num_patches)
        comparisons = max(1, math.comb(num_channels, 3))
        lower, upper = proportion_limits(largest, self._num_samples, self.risk / comparisons)
        return Measured(largest.to(lower.dtype) / self._num_samples, lower, upper)


class PairMoments:
    """Means, co-activations, small activations and mu of a patch.

    `deltas` ascending. Counts are kept per bucket (0, delta_1], (delta_1, delta_2], ... of the activation.
    """

    def __init__(self, deltas: Sequence[float], pair_floor: float, risk: float) -> None:
        self.deltas = torch.tensor(deltas, dtype=torch.float64)
        self.pair_floor, self.risk = pair_floor, risk
        self.num_samples = 0
        self._sums: dict[str, Tensor] = {}

    def add(self, block: int, events: CoActivity) -> None:
        """Take in a chunk of one block."""
        self.num_samples += events.num_samples
        shape, value = events.shape, events.value
        neuron = events.group * shape[2] + events.channel
        self._add("squares", _total(neuron, shape, value.square()))
        self._add(f"means{block}", _total(neuron, shape, value))
        self._add("active", self._bucketed(neuron, shape, value))
        p = torch.cat([events.first, events.second])
        q = torch.cat([events.second, events.first])
        pair, pair_shape = neuron[p] * shape[2] + events.channel[q], (*shape, shape[2])
        self._add(f"mu{block}", _total(pair, pair_shape, value[q]))
        self._add("both", self._bucketed(pair, pair_shape, value[p]))

    def _bucketed(self, index: Tensor, shape: tuple[int, ...], value: Tensor) -> Tensor:
        bucket = torch.bucketize(value, self.deltas.to(value.device))
        num_buckets = len(self.deltas) + 1
        return _total(index * num_buckets + bucket, (*shape, num_buckets), torch.ones_like(value))

    def _add(self, name: str, value: Tensor) -> None:
        self._sums[name] = self._sums[name] + value if name in self._sums else value

    def _blocks(self, name: str) -> Tensor:
        return torch.stack([self._sums[f"{name}{block}"] for block in range(NUM_BLOCKS)])

    def activation_probability(self) -> Measured:
        """Return max_p Pr[S_p > 0]."""
        counts = self._sums["active"].sum(dim=-1)
        lower, upper = proportion_limits(counts, self.num_samples, self.risk / counts.shape[-1])
        return _largest(Measured(counts / self.num_samples, lower, upper), 1)

    def mean_activation(self) -> Measured:
        """Return min_p E[S_p], with limits from the central limit theorem (not exact)."""
        mean = self._blocks("means").sum(dim=0) / self.num_samples
        variance = self._sums["squares"] / self.num_samples - mean.square()
        deviations = torch.special.ndtri(torch.tensor(1 - self.risk / mean.shape[-1], dtype=mean.dtype))
        error = deviations.to(mean.device) * (variance / self.num_samples).sqrt()
        return Measured(mean.amin(-1), (mean - error).amin(-1), (mean + error).amin(-1))

    def pair_probability(self) -> Measured:
        """Return max Pr[S_p > 0, S_q > 0] over p != q."""
        counts = self._sums["both"].sum(dim=-1)
        comparisons = math.comb(counts.shape[-1], 2)
        lower, upper = proportion_limits(counts, self.num_samples, self.risk / comparisons)
        return _largest(Measured(counts / self.num_samples, lower, upper), 2)

    def anti_concentration(self) -> Measured:
        """Return max over p, delta of Pr[S_p <= delta | S_p > 0] / delta."""
        counts = self._sums["active"]
        return self._steepest(counts, counts.sum(dim=-1), 1)

    def joint_anti_concentration(self) -> Measured:
        """Return the same given S_p > 0 and S_q > 0, with the floor on the condition's count."""
        counts = self._sums["both"]
        floor = math.ceil(self.pair_floor * self.num_samples / counts.shape[-2] ** 2)
        condition = counts.sum(dim=-1).clamp(min=floor)
        condition.diagonal(dim1=-2, dim2=-1).fill_(self.num_samples)  # p = q is no pair: never the steepest
        return self._steepest(counts, condition, 2)

    def _steepest(self, buckets: Tensor, condition: Tensor, dims: int) -> Measured:
        small = buckets[..., :-1].cumsum(dim=-1)
        trials = condition[..., None].expand_as(small)
        deltas = self.deltas.to(small.device)
        comparisons = len(deltas) * small.shape[-2] ** dims
        lower, upper = proportion_limits(small, trials, self.risk / comparisons)
        # without any trial the slope is unknown: between 0 and 1 / delta
        value = torch.where(trials > 0, small / trials, 1.0)
        return _largest(Measured(value / deltas, lower / deltas, upper / deltas), dims + 1)

    def sigma_min(self) -> Measured:
        """Return sigma_min(mu), mu_pq = E[1{S_p > 0} S_q].

        By Weyl's inequality it is off by at most the operator norm of the error of mu, taken as twice the
        largest deviation of a block's mu from their mean, scaled to the whole sample (not an exact limit).
        """
        blocks = self._blocks("mu") + torch.diag_embed(self._blocks("means"))
        blocks = blocks * (NUM_BLOCKS / self.num_samples)
        mu = blocks.mean(dim=0)
        deviation = torch.linalg.matrix_norm(blocks - mu, ord=2).amax(dim=0)
        error = 2 * deviation / math.sqrt(NUM_BLOCKS - 1)
        smallest = torch.linalg.svdvals(mu)[..., -1]
        return Measured(smallest, (smallest - error).clamp(min=0.0), smallest + error)


def _total(index: Tensor, shape: tuple[int, ...], weights: Tensor) -> Tensor:
    """Sum `weights` by flat index into a tensor of the given shape."""
    return torch.bincount(index, weights, minlength=math.prod(shape)).reshape(shape)


def _largest(measured: Measured, dims: int) -> Measured:
    over = tuple(range(-dims, 0))
    return Measured(measured.value.amax(over), measured.lower.amax(over), measured.upper.amax(over))
