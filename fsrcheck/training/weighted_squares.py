"""Sums of weighted squares of samples whose weights are mostly zero: slices of a third moment, or all of it."""

import torch
from torch import Tensor

# <x, X> is exactly zero when x and X share no active channel; in patch space it is zero up to rounding.
ROUNDING = 1e-12


def third_moments(codes: Tensor) -> Tensor:
    """Return the mean of X_i X_j X_k over samples X = `codes` (row, sample, dim), shape (row, dim, dim, dim)."""
    rows, samples, dim = codes.shape
    total = codes.new_zeros(rows, dim, dim, dim)
    add_weighted_squares(total, codes, codes)
    return total / samples


def add_weighted_squares(total: Tensor, weights: Tensor, patches: Tensor) -> None:
    """Add Σ_n weights[n, a] patches[n] patches[n]^T to `total` (row, count, dim, dim), in place.

    `weights` (row, sample, count), `patches` (row, sample, dim). Codes are sparse, so most weights are
    zero: each (row, anchor) gathers the samples that count, in groups of anchors that bound the memory this
    takes.
    """
    group_size = 2**18 if patches.device.type == "cpu" else 2**26  # numbers: a cache, or a share of a GPU
    num_rows, num_samples, count = weights.shape
    flat_weights = weights.mT.reshape(num_rows * count, num_samples)
    flat_total = total.view(num_rows * count, *total.shape[2:])
    counts_for = flat_weights.abs() > ROUNDING * weights.abs().max()
    group = max(1, group_size // (max(1, int(counts_for.sum(dim=1).max())) * patches.shape[-1]))
    for start in range(0, num_rows * count, group):
        chosen = slice(start, start + group)
        row = torch.arange(num_rows * count, device=weights.device)[chosen] // count
        index, kept = packed(flat_weights[chosen], counts_for[chosen])
        gathered = patches[row[:, None], index]
        flat_total[chosen] += (gathered * kept[..., None]).mT @ gathered


def packed(weights: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Move the masked entries of each row to the front: (index, value), padded with (0, 0.0).

    `weights` and `mask` (row, sample); results (row, longest), longest the largest count of a row.
    """
    counts = mask.sum(dim=1)
    row, column = mask.nonzero(as_tuple=True)
    slot = torch.arange(len(row), device=mask.device) - (counts.cumsum(dim=0) - counts)[row]
    index = column.new_zeros(len(mask), int(counts.max()))
    value = weights.new_zeros(index.shape)
    index[row, slot] = column
    value[row, slot] = weights[row, column]
    return index, value
