"""Measure everything that Assumptions 2.2 (l.123-133) and 2.3 (l.141-152) speak of; `premises` judges it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.co_activity import co_activity
from fsrcheck.model.gaussian_level import GaussianLevel
from fsrcheck.model.measurements import AssumptionMeasurements, Measured
from fsrcheck.model.sampled_level import ExtremeCodes, PairMoments, TripleCounts, code_chunks
from fsrcheck.model.target import FirstLevel, TargetNetwork, orthonormality_defect

DELTAS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
"""Where the anti-concentration slopes are taken, in the units of the codes."""

PAIR_FLOOR = 1.0
"""See `AssumptionMeasurements`, joint_anti_concentration."""

QUANTILE_SAMPLES = 4096
"""Samples behind the two quantiles where all else is closed form."""


@dataclass(frozen=True)
class _Request:
    """The arguments of `measure_assumptions`, checked; `risk` is one minus the confidence of each limit."""

    target: TargetNetwork
    level: int
    seeds: Sequence[int]
    num_samples: int
    quantile: float
    risk: float
    deltas: tuple[float, ...]
    pair_floor: float
    chunk_size: int

    @property
    def num_channels(self) -> int:
        return self.target.levels[self.level - 1].thresholds.shape[-1]


def default_num_samples(num_channels: int) -> int:
    """Return 512 m^2: independent pairs fire together 512 k^2 times, 4 % standard error at k = 1."""
    return 512 * num_channels**2


def measure_assumptions(
    target: TargetNetwork,
    level: int = 1,
    *,
    seeds: Sequence[int],
    num_samples: int | None = None,
    quantile: float = 0.99,
    confidence: float = 0.999,
    deltas: Sequence[float] = DELTAS,
    pair_floor: float = PAIR_FLOOR,
    chunk_size: int = 4096,
) -> AssumptionMeasurements:
    """Measure the quantities of Assumptions 2.2 and 2.3 at one level, counted from 1.

    Level 1 is closed form, except for the two quantiles and, where there are thousands of different triples,
    the triples. Above it `num_samples` (default 512 m^2) fresh samples are streamed; `seeds` gives each
    instance its stream. "w.h.p." is read as "with probability `quantile`"; each sampled limit has the given
    one-sided `confidence`.

    Raises `InputError` for an impossible level, a number of seeds other than the batch size, deltas or
    probabilities out of range, or too few samples for the quantiles.
    """
    _check(target, level, seeds, quantile, confidence, deltas, chunk_size)
    num_channels = target.levels[level - 1].thresholds.shape[-1]
    wanted = default_num_samples(num_channels) if num_samples is None else num_samples
    request = _Request(
        target, level, seeds, wanted, quantile, 1 - confidence, tuple(sorted(deltas)), pair_floor, chunk_size
    )
    layer = target.levels[level - 1]
    return _closed_form(layer, request) if isinstance(layer, FirstLevel) else _sampled(request)


def _check(
    target: TargetNetwork,
    level: int,
    seeds: Sequence[int],
    quantile: float,
    confidence: float,
    deltas: Sequence[float],
    chunk_size: int,
) -> None:
    if not 1 <= level <= target.num_levels:
        raise InputError(f"level must be in 1..{target.num_levels}, got {level}")
    if len(seeds) != target.batch_size:
        raise InputError(f"seeds must be one per instance ({target.batch_size}), got {len(seeds)}")
    if not (0 < quantile < 1 and 0 < confidence < 1):
        raise InputError(f"quantile and confidence must be in (0, 1), got {quantile} and {confidence}")
    if not deltas or min(deltas) <= 0:
        raise InputError(f"deltas must be positive numbers, got {list(deltas)}")
    if chunk_size < 1:
        raise InputError(f"chunk_size must be at least 1, got {chunk_size}")


def _closed_form(first: FirstLevel, request: _Request) -> AssumptionMeasurements:
    law = GaussianLevel(first)
    extremes = ExtremeCodes(QUANTILE_SAMPLES, request.quantile, request.risk)
    for _, codes in _chunks(request, QUANTILE_SAMPLES):
        extremes.add(codes)
    triples = law.triple_probability()
    joint = law.joint_anti_concentration(request.deltas, request.pair_floor)
    return _assembled(
        request,
        num_samples=0 if triples is not None else request.num_samples,
        extremes=extremes,
        activation=Measured.exact(law.per_patch(law.probability).amax(dim=-1)),
        mean=Measured.exact(law.per_patch(law.mean).amin(dim=-1)),
        pair=Measured.exact(_off_diagonal_max(law.within_patches(law.pair_probability))),
        triple=_sampled_triples(request) if triples is None else Measured.exact(triples),
        single=Measured.exact(law.per_patch(law.anti_concentration(request.deltas)).amax(dim=-1)),
        joint=Measured.exact(_off_diagonal_max(law.within_patches(joint))),
        sigma_min=Measured.exact(torch.linalg.svdvals(law.gated_means())[..., -1]),
        cross_ratio=(
            Measured.exact(law.smallest_over_others(law.cross_ratio)),
            Measured.exact(law.largest_over_others(law.cross_ratio)),
        ),
    )


def _sampled_triples(request: _Request) -> Measured:
    triples = TripleCounts(request.risk)
    for _, codes in _chunks(request, request.num_samples):
        triples.add(co_activity(codes))
    return triples.measured()


def _sampled(request: _Request) -> AssumptionMeasurements:
    extremes = ExtremeCodes(request.num_samples, request.quantile, request.risk)
    triples = TripleCounts(request.risk)
    moments = PairMoments(request.deltas, request.pair_floor, request.risk)
    for block, codes in _chunks(request, request.num_samples):
        extremes.add(codes)
        events = co_activity(codes)
        triples.add(events)
        moments.add(block, events)
    return _assembled(
        request,
        num_samples=moments.num_samples,
        extremes=extremes,
        activation=moments.activation_probability(),
        mean=moments.mean_activation(),
        pair=moments.pair_probability(),
        triple=triples.measured(),
        single=moments.anti_concentration(),
        joint=moments.joint_anti_concentration(),
        sigma_min=moments.sigma_min(),
        cross_ratio=None,
    )


def _chunks(request: _Request, num_samples: int) -> Iterator[tuple[int, Tensor]]:
    return code_chunks(request.target, request.level, request.seeds, num_samples, request.chunk_size)


def _assembled(
    request: _Request,
    *,
    num_samples: int,
    extremes: ExtremeCodes,
    activation: Measured,
    mean: Measured,
    pair: Measured,
    triple: Measured,
    single: Measured,
    joint: Measured,
    sigma_min: Measured,
    cross_ratio: tuple[Measured, Measured] | None,
) -> AssumptionMeasurements:
    """Put the parts into the units of `AssumptionMeasurements`."""
    channels = request.num_channels
    dictionary = request.target.levels[request.level - 1].dictionary
    return AssumptionMeasurements(
        level=request.level,
        num_channels=channels,
        patch_dim=dictionary.shape[-2],
        quantile=request.quantile,
        deltas=request.deltas,
        pair_floor=request.pair_floor,
        num_samples=num_samples,
        activation_probability=activation.scaled(channels),
        mean_activation=mean.scaled(channels),
        max_activation=extremes.measured("max_activation"),
        num_active=extremes.measured("num_active"),
        pair_probability=pair.scaled(channels**2),
        triple_probability=triple.scaled(channels**2.01),
        anti_concentration=single,
        joint_anti_concentration=joint,
        sigma_min=sigma_min.scaled(channels**1.15),
        cross_ratio=cross_ratio,
        dictionary_defect=Measured.exact(orthonormality_defect(dictionary)),
    )


def _off_diagonal_max(matrix: Tensor) -> Tensor:
    itself = torch.eye(matrix.shape[-1], dtype=torch.bool, device=matrix.device)
    return matrix.masked_fill(itself, 0.0).amax(dim=(-1, -2))
