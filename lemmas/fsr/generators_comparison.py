"""Algorithm 4 against what a user would fit instead, on the same samples, with the same tuning and the same measures.

Every contender of a cell (family, m, N, seed) is given the same N samples and as many settings to try as any other
(``generators_contenders``); each keeps the setting that a classifier least tells from a held-out fifth. What it then generates is
compared with fresh samples of the target, beside fresh samples of the target itself, which show what the measures say of equal
laws.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.coupling import coupling_errors
from fsrcheck.model.families import FAMILIES
from fsrcheck.model.reading_statistics import Readings, compare_readings, read
from fsrcheck.model.relabelling import shuffled_top
from fsrcheck.model.sampler import NetworkSampler, Sampler
from fsrcheck.model.target import TargetNetwork
from fsrcheck.model.wasserstein import SampledSquare, dual_bound
from fsrcheck.training.minmax_settings import Structure
from fsrcheck.training.peer_tuning import joined, tune
from fsrcheck.training.two_sample_test import classifier_test
from lemmas.fsr.generators_contenders import ALGORITHM_4, TRUTH, candidates, dictionary_features

EXPECTED_ACTIVE = 2.0
SETTINGS: dict[str, dict[str, Any]] = {
    "overlapping_inhibition": {"num_patches": 2, "num_levels": 2, "num_parents": 2},
    "disjoint_supports": {"num_patches": 2, "num_levels": 2, "num_parents": 1},
    "cross_patch_correlated": {"num_patches": 2},
    "dense_mixing": {"num_patches": 2, "num_levels": 2, "num_parents": 2},
}
"""The families that are compared; the last one violates Assumption 2.2."""

NOISE = 0.1
"""Of the classifier's test, and the cutoff of rates is ``CUTOFF``: active codes have mean 1."""
CUTOFF = 0.3
ERRORS = 2.0
"""Standard errors between a value and its limits."""
EVALUATED, CLASSIFIED = 2**16, 2**14
"""Fresh samples a side for statistics and bounds, and for the classifier's test."""

AREA, PATCH_AREA = "AUC, all levels", "AUC, one patch"
GELBRICH, PROJECTED, COUPLING = "W2 at least, Gelbrich", "W2 at least, projected", "W2 at most, coupling"
SECONDS, REFUSED = "processor time, s", "refused"

Limits = tuple[float, float, float]
"""A value, its lower and its upper limit."""


@dataclass(frozen=True)
class Cell:
    """One data set, and how long a GAN may train on it."""

    family: str
    num_channels: int  # m
    num_samples: int  # N
    seed: int
    gan_steps: int

    def __post_init__(self) -> None:
        """Refuse what cannot be compared."""
        if self.family not in SETTINGS:
            raise InputError(f"family must be one of {', '.join(SETTINGS)}, got {self.family!r}")

    def target(self) -> TargetNetwork:
        """The target, its last level's channels in random order."""
        target = FAMILIES[self.family](self.num_channels, EXPECTED_ACTIVE, seeds=[self.seed], **SETTINGS[self.family])
        return shuffled_top(target, [self.seed]) if target.num_levels > 1 else target


@dataclass(frozen=True)
class Row:
    """One measure of one contender on one cell.

    Attributes:
        value, lower, upper: with limits; what they are depends on the measure, see ``generators_report.READING``.
        note: the setting that was chosen, or why the contender refused.
    """

    cell: Cell
    contender: str
    measure: str
    value: float
    lower: float
    upper: float
    note: str = ""


def compare(cell: Cell) -> list[Row]:
    """Tune, fit and measure all contenders on one cell, one after the other.

    Raises:
        InputError: scikit-learn is missing.
    """
    target, seeds = cell.target(), [cell.seed]
    given = NetworkSampler(target, "given samples").sample(cell.num_samples, seeds)
    fresh = NetworkSampler(target, "fresh samples").sample(EVALUATED, seeds)
    judge = _Judge(target, fresh, cell)
    rows = judge.rows(TRUTH, NetworkSampler(target))
    features = dictionary_features(given, [cell.num_channels] * target.num_levels, seeds)
    for contender, fits in candidates(Structure.of(target), cell.gan_steps).items():
        begin = time.process_time()
        tuned = tune([fit for _, fit in fits], given, seeds, noise=NOISE, features=features)
        seconds = time.process_time() - begin
        note = fits[tuned.chosen][0] if tuned.sampler is not None else "; ".join(set(tuned.refusals.values()))
        if tuned.sampler is None:
            rows.append(Row(cell, contender, REFUSED, nan, nan, nan, note))
        else:
            rows += judge.rows(contender, tuned.sampler)
            rows.append(Row(cell, contender, SECONDS, seconds, seconds, seconds, note))
    return rows


class _Judge:
    """All measures against the same fresh samples."""

    def __init__(self, target: TargetNetwork, fresh: Sequence[Tensor], cell: Cell) -> None:
        self.target, self.cell = target, cell
        self.true, self.joined = read(fresh, target), joined(fresh)
        self.size = float(self.joined.square().sum(dim=2).mean().sqrt())

    def rows(self, contender: str, sampler: Sampler) -> list[Row]:
        """All measures of one contender but its time."""
        made = sampler.sample(EVALUATED, [self.cell.seed])
        readings = read(made, self.target)
        limits = {
            AREA: self._area(readings, slice(None)),
            PATCH_AREA: self._area(readings, slice(-self.cell.num_channels, None)),
            **self._statistics(readings),
            **self._distances(joined(made)),
        }
        if contender == ALGORITHM_4 and isinstance(sampler, NetworkSampler):
            limits[COUPLING] = self._coupling(sampler.network)
        return [Row(self.cell, contender, measure, *values) for measure, values in limits.items()]

    def _area(self, made: Readings, channels: slice) -> Limits:
        pair = (side.values[0, :CLASSIFIED, channels] for side in (self.true, made))
        found = classifier_test(*pair, noise=NOISE, seed=self.cell.seed)
        return found.area, found.lower, found.upper

    def _statistics(self, made: Readings) -> dict[str, Limits]:
        limits = {}
        for one in compare_readings(self.true, made, CUTOFF):
            lower, upper = one.limits(ERRORS)
            limits[f"{one.statistic}, {one.place}"] = float(one.relative), float(lower), float(upper)
        return limits

    def _distances(self, made: Tensor) -> dict[str, Limits]:
        basis = torch.block_diag(*(atoms for level in self.target.levels for atoms in level.dictionary[0]))
        bounds = dual_bound(made, self.joined, basis=basis[None])
        return {GELBRICH: self._bound(bounds.gelbrich), PROJECTED: self._bound(bounds.projected)}

    def _bound(self, square: SampledSquare) -> Limits:
        values = square.distance, square.at_least(ERRORS), square.at_most(ERRORS)
        value, lower, upper = (float(distance) / self.size for distance in values)
        return value, lower, upper

    def _coupling(self, network: TargetNetwork) -> Limits:
        found = coupling_errors(network, self.target, seeds=[self.cell.seed], num_samples=EVALUATED)
        value, error = float(found.relative_rms[0, -1]), float(found.relative_error[0, -1])
        return value, value - ERRORS * error, value + ERRORS * error
