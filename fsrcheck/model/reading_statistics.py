"""What samples of two laws have in common, as one dictionary reads them: rates, pairs and triples, with sampling error.

Readings are s = W*^T X with the true dictionary, whoever made X. Of two sets of samples are compared

- ``SINGLE``: Pr[s_p > c];
- ``PAIR``: Pr[s_p > c, s_q > c] of p < q;
- ``TRIPLE``: E[s_p s_q s_r] of p < q < r,

apart by where the channels lie: all in one patch, in several patches of one level, in several levels. The samples are cut into
blocks, statistic by statistic d_i is the difference in block i, and the mean square of the true differences is estimated by
the mean of d_i d_j over pairs of blocks i != j, which sampling error does not bias; its standard error is the jackknife's, too
large by about the square root of 2 where there is no difference.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.sampler import check_patches
from fsrcheck.model.target import TargetNetwork

SINGLE, PAIR, TRIPLE = "Pr[s_p > c]", "Pr[s_p, s_q > c]", "E[s_p s_q s_r]"
ONE_PATCH, ONE_LEVEL, SEVERAL_LEVELS = "one patch", "patches of one level", "several levels"
NUM_BLOCKS = 8
LARGEST_TRIPLES = 200
"""Number of readings above which triples are refused: they are more than a million."""


@dataclass(frozen=True)
class Readings:
    """Readings (batch, sample, channel) of all levels side by side; ``levels`` and ``patches`` (channel,) say where from."""

    values: Tensor
    levels: Tensor
    patches: Tensor


@dataclass(frozen=True)
class Difference:
    """One statistic in one place; NaN for instances whose samples do not tell the true values from zero.

    Attributes:
        statistic, place: which; one of the constants of this module each.
        count: number of pairs (channels, triples) in it.
        square: unbiased estimate of the mean square difference over that of the true values; may be below 0, (batch,).
        standard_error: of ``square``, (batch,).
        noise: root mean square of the difference that sampling alone makes, over that of the true values, (batch,).
    """

    statistic: str
    place: str
    count: int
    square: Tensor
    standard_error: Tensor
    noise: Tensor

    @property
    def relative(self) -> Tensor:
        """Relative root mean square error without what sampling adds, (batch,); 0 where sampling explains all."""
        return self.square.clamp(min=0).sqrt()

    def limits(self, errors: float = 2.0) -> tuple[Tensor, Tensor]:
        """Return ``relative`` at so many standard errors below and above."""
        spread = errors * self.standard_error
        return (self.square - spread).clamp(min=0).sqrt(), (self.square + spread).clamp(min=0).sqrt()


def read(patches: Sequence[Tensor], target: TargetNetwork) -> Readings:
    """Read patches (batch, sample, patch, patch_dim) of all levels by the dictionaries of ``target``.

    Raises:
        InputError: patches that are not those of the target's levels.
    """
    check_patches(patches)
    if len(patches) != target.num_levels:
        raise InputError(f"patches must have {target.num_levels} levels, got {len(patches)}")
    values, levels, places = [], [], []
    for number, (level, part) in enumerate(zip(patches, target.levels, strict=True)):
        batch, num_patches, patch_dim, num_channels = part.dictionary.shape
        if level.shape[0] != batch or level.shape[2:] != (num_patches, patch_dim):
            raise InputError(
                f"patches of level {number + 1} must be ({batch}, sample, {num_patches}, {patch_dim}), got {tuple(level.shape)}"
            )
        values.append(torch.einsum("bjdp,bnjd->bnjp", part.dictionary, level).flatten(2))
        levels.append(torch.full((num_patches * num_channels,), number, device=level.device))
        places.append(torch.arange(num_patches, device=level.device).repeat_interleave(num_channels))
    return Readings(torch.cat(values, dim=2), torch.cat(levels), torch.cat(places))


def compare_readings(true: Readings, made: Readings, cutoff: float, *, triples: bool = True) -> list[Difference]:
    """Compare readings of true samples with those of generated ones, at Pr[s > ``cutoff``].

    Raises:
        InputError: readings that do not fit each other; fewer than 2 samples a block; too many channels for triples.
    """
    size = true.values.shape[2]
    if made.values.shape[::2] != true.values.shape[::2]:
        raise InputError(
            f"readings must agree in batch and channels, got {tuple(true.values.shape)} and {tuple(made.values.shape)}"
        )
    if min(true.values.shape[1], made.values.shape[1]) < 2 * NUM_BLOCKS:
        raise InputError(f"readings must be of at least {2 * NUM_BLOCKS} samples")
    if triples and size > LARGEST_TRIPLES:
        raise InputError(f"triples must be of at most {LARGEST_TRIPLES} channels, got {size}")
    statistics = {SINGLE: _singles, PAIR: _pairs, **({TRIPLE: _triples} if triples else {})}
    found = []
    for name, statistic in statistics.items():
        truth = torch.stack([statistic(block, cutoff) for block in true.values.tensor_split(NUM_BLOCKS, dim=1)])
        other = torch.stack([statistic(block, cutoff) for block in made.values.tensor_split(NUM_BLOCKS, dim=1)])
        found += [
            _difference(name, place, truth[..., chosen], other[..., chosen])
            for place, chosen in _places(true, {SINGLE: 1, PAIR: 2, TRIPLE: 3}[name]).items()
        ]
    return found


def _singles(values: Tensor, cutoff: float) -> Tensor:
    return (values > cutoff).to(values.dtype).mean(dim=1)


def _pairs(values: Tensor, cutoff: float) -> Tensor:
    """(batch, pair), pairs p < q in order."""
    active = (values > cutoff).to(values.dtype)
    first, second = _combinations(values.shape[2], 2, values.device)
    return (active.mT @ active / values.shape[1])[:, first, second]


def _triples(values: Tensor, cutoff: float) -> Tensor:
    """(batch, triple), triples p < q < r in order: for each p, a product of what comes after it with itself."""
    rows = []
    for channel in range(values.shape[2] - 2):
        rest = values[:, :, channel + 1 :]
        product = (rest * values[:, :, channel, None]).mT @ rest / values.shape[1]
        first, second = _combinations(rest.shape[2], 2, values.device)
        rows.append(product[:, first, second])
    return torch.cat(rows, dim=1)


def _combinations(size: int, order: int, device: torch.device) -> Tensor:
    """All increasing ``order``-tuples below ``size`` in lexicographic order, (order, tuple)."""
    return torch.combinations(torch.arange(size, device=device), order).mT


def _places(readings: Readings, order: int) -> dict[str, Tensor]:
    """Which tuples lie where; places without any are left out."""
    chosen = _combinations(readings.levels.shape[0], order, readings.values.device)
    levels, patches = readings.levels[chosen], readings.patches[chosen]
    one_level = (levels == levels[0]).all(dim=0)
    one_patch = one_level & (patches == patches[0]).all(dim=0)
    found = {ONE_PATCH: one_patch, ONE_LEVEL: one_level & ~one_patch, SEVERAL_LEVELS: ~one_level}
    return {place: where for place, where in found.items() if bool(where.any())}


def _difference(statistic: str, place: str, truth: Tensor, other: Tensor) -> Difference:
    """From values in blocks, (block, batch, tuple)."""
    number, _, count = truth.shape
    gap = other - truth
    (size, sizes), (square, squares) = _mean_square(truth), _mean_square(gap)
    size = torch.where(size > 0, size, torch.nan)
    without = squares / sizes
    spread = (without - without.mean(dim=1, keepdim=True)).square().sum(dim=1) * (number - 1) / number
    noise = gap.var(dim=0).mean(dim=1) / number
    return Difference(statistic, place, count, square / size, spread.sqrt(), (noise / size).sqrt())


def _mean_square(blocks: Tensor) -> tuple[Tensor, Tensor]:
    """Estimate the mean square of the expectation of (block, batch, tuple), and the same without each block.

    (batch,) and (batch, block).
    """
    number = len(blocks)
    products = torch.einsum("kbt,lbt->bkl", blocks, blocks) / blocks.shape[2]
    products = products - torch.diag_embed(products.diagonal(dim1=1, dim2=2))
    total, rows = products.sum(dim=(1, 2)), products.sum(dim=2)
    without = (total[:, None] - 2 * rows) / ((number - 1) * (number - 2))
    return total / (number * (number - 1)), without
