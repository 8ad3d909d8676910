"""Algorithms 5 and 1 against their peers on the same patches: accuracy and wall time, contender by contender, in one run.

Every contender of a cell (family, m, N, seed) sees the same N patches and runs alone on one thread; what builds on another
(Algorithm 1 on a warm start) is charged for both. What a contender knows beside the patches and m is said in ``KNOWS``.
Errors are distances ||W*_p - w_p|| of unit columns after matching, without flipping signs.
"""

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.alignment import match_columns
from fsrcheck.model.families import FAMILIES
from fsrcheck.model.streams import streams
from fsrcheck.model.target import TargetNetwork
from fsrcheck.training.given_patches import (
    HALVING,
    TWO_ROUNDS,
    CodeSource,
    SharpenRounds,
    decoded_codes,
    drawn_codes,
    find_dictionary,
    fitted_codes,
    sharpen_dictionary,
    unit_of,
)
from fsrcheck.training.peers import SKEW, dictionary_learning, fast_ica, require_peers, tensor_power

EXPECTED_ACTIVE = 2.0
SETTINGS: dict[str, dict[str, Any]] = {
    "independent_channels": {},
    "equicorrelated": {"correlation": 0.05},
    "one_correlated_pair": {"correlation": 0.25},
    "overlapping_inhibition": {"num_patches": 2, "num_levels": 2},
}
"""The families that are compared, on the first patch of their highest level; correlations keep to Assumption 2.2."""

WARM, TRUE, FITTED, DECODED = "Algorithm 5", "5 + 1, true law", "5 + 1, fitted law", "5 + 1, decoded"
LOGCOSH_ICA, SKEW_ICA, LEARNING, POWER = "FastICA, logcosh", "FastICA, skew", "dictionary learning", "tensor power"
MIXED = "FastICA + 1, decoded"
PAPERS, PEERS = (TRUE, FITTED, DECODED), (LOGCOSH_ICA, SKEW_ICA, LEARNING, POWER)
CONTENDERS = (WARM, *PAPERS, *PEERS, MIXED)
"""In the order in which they are shown; what each knows is said in ``peers_report``."""


@dataclass(frozen=True)
class Cell:
    """One data set: N patches of one instance."""

    family: str
    num_channels: int  # m
    num_samples: int  # N
    seed: int

    def __post_init__(self) -> None:
        """Refuse what cannot be compared."""
        if self.family not in SETTINGS:
            raise InputError(f"family must be one of {', '.join(SETTINGS)}, got {self.family!r}")
        if self.num_samples < self.num_channels:
            raise InputError(
                f"num_samples must be at least num_channels, got {self.num_samples} and {self.num_channels}"
            )


@dataclass(frozen=True)
class Row:
    """How one contender did on one cell.

    Attributes:
        error, median: largest and median column error; infinite where columns are missing.
        seconds, cpu_seconds: wall and processor time, of what it builds on as well.
        converged: whether it said so itself (scikit-learn warns).
    """

    cell: Cell
    contender: str
    error: float
    median: float
    seconds: float
    cpu_seconds: float
    converged: bool = True


@dataclass(frozen=True)
class _Data:
    """Patches and what made them, all with one row."""

    cell: Cell
    target: TargetNetwork
    patches: Tensor

    @property
    def atoms(self) -> Tensor:
        """W*, (1, patch_dim, channel)."""
        return self.target.levels[-1].dictionary[:, 0]

    def codes(self, purpose: str) -> Tensor:
        """Codes of the true law, (1, sample, channel), as many as there are patches."""
        return _codes(self.target, self.cell, purpose)


def _codes(target: TargetNetwork, cell: Cell, purpose: str) -> Tensor:
    return target.sample_codes(streams([cell.seed], purpose), cell.num_samples)[-1][:, :, 0]


def _data(cell: Cell) -> _Data:
    target = FAMILIES[cell.family](cell.num_channels, EXPECTED_ACTIVE, seeds=[cell.seed], **SETTINGS[cell.family])
    atoms = target.levels[-1].dictionary[:, 0]
    return _Data(cell, target, _codes(target, cell, "patches of the comparison") @ atoms.mT)


@dataclass(frozen=True)
class _Timed:
    """A dictionary (1, patch_dim, channel), the wall and processor time it took, and whether its maker was content."""

    dictionary: Tensor
    seconds: float
    cpu_seconds: float
    converged: bool

    def row(self, data: _Data, contender: str) -> Row:
        """Match with the atoms."""
        errors = match_columns(self.dictionary, data.atoms).errors[0]
        times = self.seconds, self.cpu_seconds
        return Row(data.cell, contender, float(errors.max()), float(errors.median()), *times, self.converged)


def compare(cell: Cell) -> list[Row]:
    """Run all contenders on one cell, one after the other on one thread.

    Raises:
        InputError: scikit-learn is missing.
    """
    data = _data(cell)
    with _one_thread():
        found = _peers(data)
        found |= _papers(data)
        found[MIXED] = _sharpened(data, found[LOGCOSH_ICA], decoded_codes(data.patches), HALVING)
    return [found[contender].row(data, contender) for contender in CONTENDERS]


def _peers(data: _Data) -> dict[str, _Timed]:
    patches, size, seed = data.patches[0], data.cell.num_channels, data.cell.seed
    unit = float(unit_of(data.patches, size))
    return {
        LOGCOSH_ICA: _timed(lambda: fast_ica(patches, size, seed=seed)[None]),
        SKEW_ICA: _timed(lambda: fast_ica(patches, size, seed=seed, contrast=SKEW)[None]),
        LEARNING: _timed(lambda: dictionary_learning(patches, size, seed=seed, unit=unit)[None]),
        POWER: _timed(lambda: tensor_power(patches, size, seed=seed)[None]),
    }


def _papers(data: _Data) -> dict[str, _Timed]:
    """Algorithm 5 alone and followed by Algorithm 1 under each source of codes; all the same where atoms are missing."""
    start = _timed(lambda: _warm_start(data))
    if not bool(start.dictionary.isfinite().all()):
        return dict.fromkeys((WARM, *PAPERS), start)
    return {
        WARM: start,
        TRUE: _sharpened(data, _in_order(data, start), drawn_codes(lambda: data.codes("generated codes")), TWO_ROUNDS),
        FITTED: _sharpened(data, start, fitted_codes(data.patches, [data.cell.seed]), TWO_ROUNDS),
        DECODED: _sharpened(data, start, decoded_codes(data.patches), HALVING),
    }


def _warm_start(data: _Data) -> Tensor:
    """Algorithm 5; a column that it did not find is NaN, which has no partner among the atoms."""
    result = find_dictionary(data.patches, data.cell.num_channels, [data.cell.seed])
    return torch.where(result.found[:, None], result.dictionary, torch.nan)


def _in_order(data: _Data, start: _Timed) -> _Timed:
    """The columns in the order of the atoms that they match: what a learner with the true law is given beside it."""
    order = match_columns(start.dictionary, data.atoms).permutation
    return replace(start, dictionary=start.dictionary.take_along_dim(order[:, None], dim=2))


def _sharpened(data: _Data, start: _Timed, codes: CodeSource, rounds: SharpenRounds) -> _Timed:
    """Rounds of Algorithm 1, charged with what came before."""

    def run() -> Tensor:
        unit = unit_of(data.patches, data.cell.num_channels)
        return sharpen_dictionary(data.patches, start.dictionary, codes, unit, rounds)

    timed = _timed(run)
    return replace(
        timed,
        seconds=start.seconds + timed.seconds,
        cpu_seconds=start.cpu_seconds + timed.cpu_seconds,
        converged=start.converged,
    )


def _timed(run: Callable[[], Tensor]) -> _Timed:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        begin, cpu_begin = time.perf_counter(), time.process_time()
        dictionary = run()
        seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - cpu_begin
    return _Timed(dictionary, seconds, cpu_seconds, not any("onverge" in str(warning.message) for warning in said))


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread for everybody: what torch and scikit-learn make of several differs with the machine.

    Raises:
        InputError: scikit-learn is missing.
    """
    require_peers()
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)
