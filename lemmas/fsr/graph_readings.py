r"""What a run of Algorithm 4 hands over on every edge of the lemma graph, and what is required of it.

The hidden layer of every stage, on top of the levels that were finished before, is put on one latent with the target: S(z) and
S*(U z), channels in the target's order (``fsrcheck.model.coupling``), in units of a typical code. "W.h.p. over z" is the
0.99-quantile. Patches are compared one by one, and the one with the largest measured/required counts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil

import torch
from torch import Tensor

from fsrcheck.model.alignment import match_columns
from fsrcheck.model.coupling import Coupled, coupled
from fsrcheck.model.target import FirstLevel, HigherLevel, TargetNetwork
from fsrcheck.training.minmax_gan import HIDDEN, OUTPUT, WARM_START, HandOver, Learned
from lemmas.fsr.lemma_graph import (
    BELOW,
    DECODES,
    FALL,
    FALLS,
    FAR,
    INDUCTION,
    MEANS,
    PAIRS,
    PATCHES,
    RATES,
    READ_WITH,
    READS,
    ROWS,
    START,
    WIDEST,
    WITHIN,
)

LIKELY = 0.99
LATENTS = 16384


@dataclass(frozen=True)
class Reading:
    """Both numbers of an edge at one step of a run.

    Attributes:
        name: of the edge.
        level, stage: l and t; stage 0 starts the level, the one after T' closes it.
        required, measured: in the patch where they are furthest apart, (batch,).
    """

    name: str
    level: int
    stage: int
    required: Tensor
    measured: Tensor

    @property
    def ratio(self) -> Tensor:
        """measured/required, at most 1 where the edge holds, infinite if that is no number, (batch,)."""
        return (self.measured / self.required).nan_to_num(nan=torch.inf)


@dataclass(frozen=True)
class Step:
    """A hidden layer as the run had it, on one latent with the target's.

    Attributes:
        pair: the networks up to this level.
        own, true: S and S*, (batch, sample, patch, channel).
        error: delta, (batch, patch).
        told: the hand-over.
    """

    pair: Coupled
    own: Tensor
    true: Tensor
    error: Tensor
    told: HandOver


def readings(
    learned: Learned, target: TargetNetwork, *, seeds: Sequence[int], accuracy: float, num_samples: int = LATENTS
) -> list[Reading]:
    """Both numbers of every edge of ``lemma_graph``, level by level; ``accuracy`` is eps.

    Raises:
        InputError: networks that cannot be coupled.
    """
    network, wanted = in_units(learned.network, learned.units), in_units(target, learned.units)
    found: list[Reading] = []
    for level in range(1, target.num_levels + 1):
        below = network.levels[: level - 1]
        told = [one for one in learned.history if one.level == level]
        layers = [one for one in told if one.what == HIDDEN]
        found += _start(told, wanted)
        for one in layers:
            found += _layer(_step(below, one, wanted, seeds, num_samples), closing=one is layers[-1])
        found += _falls(told, wanted)
        final = _finished(network, level, layers)
        found += _end(_step(below, final, wanted, seeds, num_samples), learned.history, accuracy)
    return found


def _finished(network: TargetNetwork, level: int, layers: Sequence[HandOver]) -> HandOver:
    """The level as it stays, after the last raise; a level that was given has no other hand-over."""
    top = network.levels[level - 1]
    none = torch.zeros_like(top.thresholds[..., 0])
    return HandOver(level, layers[-1].stage if layers else 0, HIDDEN, top.dictionary, none, none, top)


def in_units(network: TargetNetwork, units: Tensor) -> TargetNetwork:
    """The network in units of a typical code, ``units`` (level, batch) of the samples."""
    first, unit = network.first, units[0][:, None, None]
    levels: list[FirstLevel | HigherLevel] = [
        FirstLevel(first.dictionary, first.latent_weights / unit[..., None], first.thresholds / unit)
    ]
    for number, level in enumerate(network.higher, start=1):
        below, unit = unit, units[number][:, None, None]
        weights = level.weights * (below / unit)[..., None]
        levels.append(replace(level, weights=weights, thresholds=level.thresholds / unit))
    return TargetNetwork(tuple(levels))


def column_error(dictionary: Tensor, wanted: Tensor) -> Tensor:
    """delta, the largest error of a column, (batch, patch)."""
    found = match_columns(dictionary.flatten(0, 1), wanted.flatten(0, 1)).dictionary_error
    return found.unflatten(0, wanted.shape[:2])


def likely(errors: Tensor) -> Tensor:
    """The quantile over samples of errors (batch, sample, patch), (batch, patch): the smallest with that share at or below it."""
    return errors.kthvalue(ceil(errors.shape[1] * LIKELY - 1e-9), dim=1).values


def _worst(name: str, told: HandOver, required: Tensor, measured: Tensor) -> Reading:
    """The patch with the largest ratio."""
    measured = measured.expand_as(required)
    patch = (measured / required).nan_to_num(nan=torch.inf).argmax(dim=1, keepdim=True)
    return Reading(name, told.level, told.stage, required.gather(1, patch)[:, 0], measured.gather(1, patch)[:, 0])


def _size(told: HandOver) -> int:
    return told.dictionary.shape[-1]


def _true_error(told: HandOver, wanted: TargetNetwork) -> Tensor:
    return column_error(told.dictionary, wanted.levels[told.level - 1].dictionary)


def _start(told: Sequence[HandOver], wanted: TargetNetwork) -> Iterator[Reading]:
    """Algorithm 5."""
    for one in told:
        if one.what == WARM_START:
            error = _true_error(one, wanted)
            yield _worst(START, one, torch.full_like(error, _size(one) ** DECODES), error)


def _falls(told: Sequence[HandOver], wanted: TargetNetwork) -> Iterator[Reading]:
    """Algorithm 1 of every stage."""
    before = {one.stage: one for one in told if one.what == HIDDEN}
    for one in told:
        if one.what == OUTPUT:
            error = _true_error(before[one.stage], wanted)
            yield _worst(INDUCTION, one, torch.full_like(error, _size(one) ** WIDEST), error)
            yield _worst(FALLS, one, error * _size(one) ** FALL, _true_error(one, wanted))


def _step(
    below: Sequence[FirstLevel | HigherLevel],
    told: HandOver,
    wanted: TargetNetwork,
    seeds: Sequence[int],
    num_samples: int,
) -> Step:
    """The hidden layer of a hand-over above the levels that were finished by then."""
    assert told.hidden is not None
    pair = coupled(TargetNetwork((*below, told.hidden)), TargetNetwork(wanted.levels[: told.level]))
    chunks = [(own[-1], true[-1]) for own, true in pair.codes(seeds, "readings of the lemma graph", num_samples)]
    own, true = (torch.cat(parts, dim=1) for parts in zip(*chunks, strict=True))
    return Step(pair, own, true, _true_error(told, wanted), told)


def _layer(step: Step, *, closing: bool) -> list[Reading]:
    """What a hidden layer is given, and what it gives Algorithm 1, which no longer follows at the end."""
    told, cutoff = step.told, step.told.cutoff
    found = [_worst(READS, told, cutoff, _read_error(step))]
    if not closing:
        taken = step.error * _size(told) ** READ_WITH
        codes = code_errors(step.own, step.true)
        found += [_worst(name, told, taken, measured) for name, measured in codes.items()]
    if told.level > 1:
        off = likely((step.own - step.true).abs().amax(dim=3))
        found.append(_worst(WITHIN, told, FAR * cutoff, off))
    return found


def _read_error(step: Step) -> Tensor:
    """W.h.p. bound of max_r |W_r^T X* - S*_r|, (batch, patch)."""
    own, true = (network.levels[-1].dictionary for network in (step.pair.learned, step.pair.target))
    mixing = own.mT @ true - torch.eye(true.shape[-1], dtype=true.dtype, device=true.device)
    return likely((step.true.transpose(1, 2) @ mixing.mT).abs().amax(dim=3).mT)


def code_errors(own: Tensor, true: Tensor) -> dict[str, Tensor]:
    """Largest errors of the codes' laws over channels or pairs of a patch, each (batch, patch).

    Rates and means are relative; E 1{S_r > 0} S_q of a pair is relative to what it would be were the two independent.
    """
    own, true = (codes.transpose(1, 2).clamp(min=0) for codes in (own, true))
    fires, means = ([part.mean(dim=2) for part in parts] for parts in (_fires(own, true), (own, true)))
    mixed = [fired.mT @ codes / codes.shape[2] for fired, codes in zip(_fires(own, true), (own, true), strict=True)]
    chance = fires[1][..., :, None] * means[1][..., None, :]
    pairs = ((mixed[0] - mixed[1]) / chance).abs()
    pairs = pairs - torch.diag_embed(pairs.diagonal(dim1=2, dim2=3))
    return {
        RATES: (fires[0] / fires[1] - 1).abs().amax(dim=2),
        MEANS: (means[0] / means[1] - 1).abs().amax(dim=2),
        PAIRS: pairs.amax(dim=(2, 3)),
    }


def _fires(own: Tensor, true: Tensor) -> list[Tensor]:
    return [(codes > 0).to(codes) for codes in (own, true)]


def _end(step: Step, history: Sequence[HandOver], accuracy: float) -> Iterator[Reading]:
    """What the level that is now finished is for."""
    told, pair = step.told, step.pair
    if told.level == 1:
        own, true = (network.first.latent_weights for network in (pair.learned, pair.target))
        wanted = true @ pair.coupling[:, None]
        off = (own - wanted).flatten(2).norm(dim=2) / wanted.flatten(2).norm(dim=2)
        yield _worst(ROWS, told, torch.full_like(off, accuracy), off)
    above = [one for one in history if one.level == told.level + 1 and one.what == HIDDEN]
    if above:
        off = likely((step.own - step.true).norm(dim=3))
        yield _worst(BELOW, told, above[0].cutoff.amin(dim=1, keepdim=True).expand_as(off), off)
    off = _patch_error(step)
    yield _worst(PATCHES, told, torch.full_like(off, accuracy), off)


def _patch_error(step: Step) -> Tensor:
    """Root mean square of X - X* over that of X*, of all patches of the level together, (batch, 1)."""
    dictionaries = (network.levels[-1].dictionary for network in (step.pair.learned, step.pair.target))
    own, true = (
        codes.transpose(1, 2) @ dictionary.mT
        for codes, dictionary in zip((step.own, step.true), dictionaries, strict=True)
    )
    return ((own - true).square().sum(dim=(1, 2, 3)) / true.square().sum(dim=(1, 2, 3))).sqrt()[:, None]
