r"""Cross moments of distinct coordinates of a patch (Figure 6, l.278), and how far those of two laws are apart.

The moment of order r of a patch X in R^d at i_1 < ... < i_r is E prod_s (X_{i_s} - E X_{i_s}); r is 2, 3 or 4. (The caption takes
the i_s from [m_l]; X has d coordinates.) Figure 6 plots the mean square of the differences over all {i_s}.

Sampling adds to a square of differences; samples are cut into blocks to leave that out (``block_squares``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.block_squares import jackknife_error, mean_square

ORDERS = (2, 3, 4)


@dataclass(frozen=True)
class SquaredDistance:
    """The mean over all moments of one order of (E - E*)^2, each (batch,).

    Attributes:
        value: unbiased; may be below 0.
        error: its standard error, by the jackknife.
    """

    value: Tensor
    error: Tensor


def cross_moments(samples: Tensor) -> dict[int, Tensor]:
    """Centred cross moments of samples (batch, sample, patch, patch_dim): by order r, (batch, patch, moment).

    Moments are in lexicographic order of i_1 < ... < i_r.

    Raises:
        InputError: fewer than 4 coordinates or than 2 samples.
    """
    if samples.ndim != 4 or samples.shape[3] < max(ORDERS) or samples.shape[1] < 2:
        raise InputError(
            f"samples must be (batch, at least 2, patch, at least {max(ORDERS)}), got {tuple(samples.shape)}"
        )
    return mean_products(samples - samples.mean(dim=1, keepdim=True))


def mean_products(samples: Tensor, orders: Sequence[int] = ORDERS) -> dict[int, Tensor]:
    """Means of products of distinct coordinates of samples (batch, sample, patch, dim), as ``cross_moments``, not centred."""
    values = samples.permute(0, 2, 3, 1).contiguous()  # a row is a coordinate
    dim, count = values.shape[2:]
    first, second = _tuples(dim, 2, values.device)
    pairs = values[:, :, first] * values[:, :, second]
    number = torch.zeros(dim, dim, dtype=torch.long, device=values.device)
    number[first, second] = torch.arange(len(first), device=values.device)
    found = {2: pairs.mean(dim=3)}
    if 3 in orders:
        i, j, k = _tuples(dim, 3, values.device)
        found[3] = (pairs @ values.mT / count)[..., number[i, j], k]
    if 4 in orders:
        a, b, c, d = _tuples(dim, 4, values.device)
        found[4] = (pairs @ pairs.mT / count)[..., number[a, b], number[c, d]]
    return found


def moments_of_blocks(blocks: Iterable[Tensor]) -> dict[int, Tensor]:
    """``cross_moments`` of every block of samples: by order, (block, batch, patch, moment)."""
    found = [cross_moments(block) for block in blocks]
    return {order: torch.stack([moments[order] for moments in found]) for order in ORDERS}


def squared_distance(first: Tensor, second: Tensor) -> SquaredDistance:
    """Distance of two laws from moments of equally many independent blocks of each, (block, batch, patch, moment).

    Raises:
        InputError: shapes that differ, or fewer than 3 blocks.
    """
    if first.shape != second.shape:
        raise InputError(f"moments must be of one shape, got {tuple(first.shape)} and {tuple(second.shape)}")
    value, without = mean_square((first - second).flatten(2))
    return SquaredDistance(value, jackknife_error(without))


def sampling_floor(blocks: Tensor, block_size: int, num_samples: int) -> Tensor:
    """Mean square error of the moments of ``num_samples`` samples, from those of blocks (block, batch, patch, moment).

    (batch,).
    """
    return blocks.var(dim=0).flatten(1).mean(dim=1) * block_size / num_samples


@lru_cache
def _tuples(size: int, order: int, device: torch.device) -> Sequence[Tensor]:
    """All increasing tuples below ``size`` in lexicographic order, ``order`` tensors (tuple,)."""
    return torch.combinations(torch.arange(size, device=device), order).unbind(dim=1)
