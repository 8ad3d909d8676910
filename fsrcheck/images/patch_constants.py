"""The constants of Assumptions 2.2 and 2.3 on patches, with intervals from resampling whole pictures.

In the units of ``fsrcheck.model.measurements``. What is a largest over
many pairs or triples would be large by chance alone: which pair or triple is looked at is chosen on half of the patches, and its
probability is measured on the other half.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from fsrcheck.images.patch_counts import DELTAS, PictureMeans, triple_places
from fsrcheck.model.streams import streams

QUANTILE = 0.99
"""How "w.h.p." is read."""
RESAMPLES = 200
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A number, and the limits between which it lies when pictures are drawn again (percentiles)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Chosen:
    """Which pair and which triple is looked at: the most frequent ones in other patches of the same pictures."""

    pair: tuple[int, int]
    triple: int
    nested: tuple[int, int]

    @classmethod
    def on(cls, means: PictureMeans) -> "Chosen":
        """The largest of each kind; ``nested`` is the largest Pr[both] / min Pr."""
        weights = _even(means)
        size = means.num_channels
        pairs = _apart(_mean(weights, means.pairs))
        best = int(_nested(weights, means).flatten().argmax())
        return cls(
            pair=divmod(int(pairs.argmax()), size),
            triple=int(_mean(weights, means.triples).argmax()),
            nested=divmod(best, size),
        )


Statistic = Callable[[Tensor], Tensor]
"""Weights of the pictures, (resample, picture), to values (resample,)."""


def statistics(means: PictureMeans, chosen: Chosen) -> dict[str, Statistic]:
    """The constants by name, each a function of the pictures' weights; names as in ``AssumptionMeasurements``.

    Besides: ``pair_excess`` is sum Pr[both] / sum Pr Pr over p != q, 1 for independent channels; ``nested_ratio`` is the largest
    Pr[both] / min Pr; ``chosen_pair_excess`` is Pr[both] / (Pr Pr) of the chosen pair. ``joint_anti_concentration`` is the mean
    over q and not the largest: single pairs are active together too rarely to tell.
    """
    m = means.num_channels
    p, q = chosen.pair

    def rates(weights: Tensor) -> Tensor:
        return _mean(weights, means.active)

    def pair(weights: Tensor) -> Tensor:
        return _mean(weights, means.pairs[:, p, q, None])[:, 0]

    def excess(weights: Tensor) -> Tensor:
        both, single = _mean(weights, means.pairs), rates(weights)
        together = both.sum(dim=(1, 2)) - both.diagonal(dim1=1, dim2=2).sum(dim=1)
        return together / (single.sum(dim=1).square() - single.square().sum(dim=1))

    def singular(weights: Tensor) -> Tensor:
        return m**1.15 * torch.linalg.svdvals(_mean(weights, means.gated))[:, -1]

    def slope(weights: Tensor) -> Tensor:
        deltas = means.active.new_tensor(DELTAS)[:, None]
        return (_mean(weights, means.below) / (rates(weights)[:, None] * deltas)).nan_to_num(0).amax(dim=(1, 2))

    return {
        "activation_probability": lambda weights: m * rates(weights).amax(dim=1),
        "mean_activation": lambda weights: m * _mean(weights, means.codes).amin(dim=1),
        "max_activation": lambda weights: _quantiles(weights, means.largest),
        "num_active": lambda weights: _quantiles(weights, means.num_active.to(means.active)),
        "pair_probability": lambda weights: m**2 * pair(weights),
        "chosen_pair_excess": lambda weights: pair(weights) / rates(weights)[:, [p, q]].prod(dim=1),
        "triple_probability": lambda weights: m**2.01 * _mean(weights, means.triples[:, chosen.triple, None])[:, 0],
        "pair_excess": excess,
        "anti_concentration": slope,
        "joint_anti_concentration": lambda weights: _joint(weights, means),
        "sigma_min": singular,
        "nested_ratio": lambda weights: _nested(weights, means, chosen.nested),
    }


def estimates(found: Mapping[str, Statistic], num_pictures: int, seed: int) -> dict[str, Estimate]:
    """Evaluate statistics on all pictures, and on ``RESAMPLES`` draws of as many with replacement."""
    generator = streams([seed], "resampled pictures")[0]
    counts = generator.multinomial(num_pictures, [1 / num_pictures] * num_pictures, size=RESAMPLES)
    weights = torch.from_numpy(counts / num_pictures)
    even = torch.full((1, num_pictures), 1 / num_pictures, dtype=torch.float64)
    return {name: estimate(statistic, even, weights) for name, statistic in found.items()}


def estimate(statistic: Statistic, even: Tensor, weights: Tensor) -> Estimate:
    """One statistic with its percentile interval; draws in which it is not defined (a channel never active) are left out."""
    tail = (1 - CONFIDENCE) / 2
    drawn = statistic(weights)
    low, high = (float(drawn.nanquantile(level)) for level in (tail, 1 - tail))
    return Estimate(float(statistic(even)[0]), low, high)


def mean_statistic(values: Tensor) -> Statistic:
    """The mean of one number of each picture, (picture,)."""
    return lambda weights: weights.to(values) @ values


def ratio_statistic(values: Tensor, others: Tensor) -> Statistic:
    """The ratio of two such means."""
    return lambda weights: (weights.to(values) @ values) / (weights.to(values) @ others)


def triple_of(chosen: Chosen, num_channels: int) -> tuple[int, int, int]:
    """The channels of the chosen triple."""
    first, second, third = triple_places(num_channels)[:, chosen.triple].tolist()
    return first, second, third


def _even(means: PictureMeans) -> Tensor:
    return torch.full((1, means.num_pictures), 1 / means.num_pictures).to(means.active)


def _mean(weights: Tensor, values: Tensor) -> Tensor:
    """(resample, picture) and (picture, ...) to (resample, ...)."""
    return torch.tensordot(weights.to(values), values, dims=1)


def _apart(matrix: Tensor) -> Tensor:
    """(..., channel, channel) with a diagonal of zeros."""
    itself = torch.eye(matrix.shape[-1], dtype=torch.bool, device=matrix.device)
    return matrix.masked_fill(itself, 0.0)


def _nested(weights: Tensor, means: PictureMeans, pair: tuple[int, int] | None = None) -> Tensor:
    """Pr[both] / min Pr: of all pairs, (resample, channel, channel), or of one, (resample,)."""
    rates = _mean(weights, means.active)
    if pair is not None:
        return _mean(weights, means.pairs[:, pair[0], pair[1], None])[:, 0] / rates[:, list(pair)].amin(dim=1)
    least = torch.minimum(rates[:, :, None], rates[:, None])
    return (_apart(_mean(weights, means.pairs)) / least).nan_to_num(0)


def _joint(weights: Tensor, means: PictureMeans) -> Tensor:
    """The largest slope Pr[S_p <= delta | S_p, S_q > 0] / delta over p and delta, q drawn as it occurs beside p, (resample,)."""
    both = _apart(_mean(weights, means.pairs)).sum(dim=2)[:, None]
    below = _apart(_mean(weights, means.pair_below)).sum(dim=3)
    deltas = means.active.new_tensor(DELTAS)[:, None]
    return (below / (both * deltas)).nan_to_num(0).amax(dim=(1, 2))


def _quantiles(weights: Tensor, values: Tensor) -> Tensor:
    """The ``QUANTILE`` quantile of (picture, sample) with weighted pictures, (resample,)."""
    order = values.flatten().argsort()
    picture = order // values.shape[1]
    ordered = values.flatten()[order]
    found = []
    for row in weights.to(values):
        mass = (row / values.shape[1])[picture].cumsum(dim=0)
        found.append(ordered[int((mass < QUANTILE * mass[-1]).sum().clamp(max=len(ordered) - 1))])
    return torch.stack(found)
