"""Algorithm 5 (INIT_OutputLayer, section 7.1, l.552-573): the SVD warm start of the output layer.

For random anchors x = X + X', the top eigenvector v of H = E[<x, X> (P_W X)(P_W X)^T] is accepted as
(nearly) a new column of the dictionary when the eigen-gap is large and v is no known column; line 8
purifies it. Each row (instance and patch) runs on its own; a row that has all its columns does not change
any more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, log

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.training.oracles import WarmStartOracle


@dataclass(frozen=True)
class WarmStartSettings:
    """How Algorithm 5 decides. Lengths are in multiples of `unit`, None: estimated (`CodeMoments.unit`).

    v is accepted when its gap Δ exceeds all three of `absolute_gap` / m, `relative_gap` λ_1 and
    `anchor_floor` times the eigenvalue 6 E[S] unit³ that an anchor coefficient of one unit gives with
    exponential tails, and <v, w> <= `overlap` for every known column w; with `against_span` the same is asked of
    sqrt(Σ_w <v, w>²), the length of the projection of v on the known columns, which are nearly orthonormal.
    `fix_sign` chooses the sign of v that has E<v, X>³ > 0. `anchors_per_round` anchors are examined with
    the same columns removed.
    """

    cutoff: float
    unit: float | None
    fix_sign: bool
    against_span: bool
    absolute_gap: float
    relative_gap: float
    anchor_floor: float
    anchors_per_round: int
    overlap: float = 0.5

    @classmethod
    def printed(cls, cutoff: float = 1.0) -> "WarmStartSettings":
        """Return lines 6-8 to the letter: Δ > 1/m, <v, w> <= 0.5, v as the eigen-solver returns it."""
        return cls(
            cutoff=cutoff,
            unit=1.0,
            fix_sign=False,
            against_span=False,
            absolute_gap=1.0,
            relative_gap=0.0,
            anchor_floor=0.0,
            anchors_per_round=1,
        )

    @classmethod
    def repaired(cls, cutoff: float = 1.0, unit: float | None = None) -> "WarmStartSettings":
        """Return the rule with the sign fixed, v compared with all known columns together, and scale-free gaps.

        What deflation leaves of many known columns adds up along their common error, about (1, ..., 1) /
        sqrt(m) in the basis of the atoms: its overlap with each of them is below 0.5 from m = 20 on, its
        projection on all of them is close to 1.
        """
        return cls(
            cutoff=cutoff,
            unit=unit,
            fix_sign=True,
            against_span=True,
            absolute_gap=0.0,
            relative_gap=0.6,
            anchor_floor=1.0,
            anchors_per_round=32,
        )


@dataclass(frozen=True)
class WarmStartResult:
    """What Algorithm 5 returned; rows are instance * patch, columns in the order in which they were found.

    `dictionary` (row, patch_dim, column), zero where `found` (row, column) is False; `gaps` and
    `eigenvalues` (row, column) of the accepted v; `iterations` (row,) counts anchors examined; `undefined`
    (row,) counts accepted v with an empty indicator, for which line 8 reads 0/0 (no column is added);
    `cutoff` (row,) as used; `samples_drawn` per row.
    """

    dictionary: Tensor
    found: Tensor
    gaps: Tensor
    eigenvalues: Tensor
    iterations: Tensor
    undefined: Tensor
    cutoff: Tensor
    samples_drawn: int

    @property
    def complete(self) -> Tensor:
        """Whether every column was found, shape (row,)."""
        return self.found.all(dim=1)


def default_max_iterations(num_channels: int) -> int:
    """Return 40 m ln m, several times what independent channels need (the paper allows poly(k) m³)."""
    return max(1, ceil(40 * num_channels * log(num_channels)))


def warm_start(
    oracle: WarmStartOracle,
    settings: WarmStartSettings,
    *,
    max_iterations: int | None = None,
    on_round: Callable[[Tensor, Tensor], None] | None = None,
) -> WarmStartResult:
    """Run Algorithm 5 on every row of the oracle.

    `on_round` is told (iterations, number of columns found), each of shape (row,), after every round. Not
    finding every column within `max_iterations` (default 40 m ln m) is a result. Raises InputError if
    `max_iterations` < 1.
    """
    limit = default_max_iterations(oracle.num_channels) if max_iterations is None else max_iterations
    if limit < 1:
        raise InputError(f"max_iterations must be at least 1, got {limit}")
    search = _Search(oracle, settings)
    examined = 0
    while examined < limit and not search.found.all():
        count = min(settings.anchors_per_round, limit - examined)
        search.round(count)
        examined += count
        if on_round is not None:
            on_round(search.iterations, search.found.sum(dim=1))
    return search.result()


@dataclass(frozen=True)
class _Candidates:
    """The anchors of a round that passed the gap test, moved to the front; `mask` says which are real.

    `directions` (row, candidate, dim); the others (row, candidate); `position` is the place in the round.
    """

    directions: Tensor
    gaps: Tensor
    eigenvalues: Tensor
    position: Tensor
    mask: Tensor


class _Search:
    """The running state of Algorithm 5 on all rows."""

    def __init__(self, oracle: WarmStartOracle, settings: WarmStartSettings) -> None:
        rows, columns = oracle.num_rows, oracle.num_channels
        float_zeros = torch.zeros(rows, columns, dtype=torch.float64, device=oracle.device)
        self.oracle = oracle
        self.settings = settings
        self.columns = float_zeros.new_zeros(rows, oracle.dim, columns)
        self.found = torch.zeros_like(float_zeros, dtype=torch.bool)
        self.gaps = float_zeros.clone()
        self.eigenvalues = float_zeros.clone()
        self.iterations = torch.zeros(rows, dtype=torch.long, device=oracle.device)
        self.undefined = torch.zeros_like(self.iterations)
        self.cutoff, self.least_gap = self._scales(float_zeros[:, 0])

    def _scales(self, zeros: Tensor) -> tuple[Tensor, Tensor]:
        """Return the cutoff and the least gap, each (row,)."""
        settings = self.settings
        least_gap = zeros + settings.absolute_gap / self.oracle.num_channels
        if settings.unit is not None and settings.anchor_floor == 0:
            return zeros + settings.cutoff * settings.unit, least_gap
        moments = self.oracle.code_moments()
        unit = moments.unit if settings.unit is None else zeros + settings.unit
        return settings.cutoff * unit, least_gap.maximum(settings.anchor_floor * 6 * moments.first * unit.pow(3))

    def round(self, count: int) -> None:
        """Examine `count` anchors per row (lines 3-9)."""
        running = ~self.found.all(dim=1)
        self.oracle.refresh()
        anchors = self.oracle.anchors(count)
        known = int(self.found.sum(dim=1).max())
        removed = (self.columns[..., :known], self.found[:, :known], self.cutoff)
        # λ_1 - λ_2 cannot exceed the size of a slice; where that is too little the slice is not computed.
        hopeful = (self.oracle.slice_sizes(anchors, *removed) > self.least_gap[:, None]) & running[:, None]
        slices = self.oracle.truncated_slices(anchors * hopeful[..., None], *removed)
        self.iterations += torch.where(running, count, 0)
        candidates = self._candidates(slices)
        if candidates.mask.any():
            self._accept(candidates, count)

    def _candidates(self, slices: Tensor) -> _Candidates:
        """Return the top eigenvectors (line 6) of the slices that pass the gap test of line 7.

        λ_1 - λ_2 <= sqrt(2) |H|_F for any symmetric H, so most slices are rejected without being
        decomposed.
        """
        rows, count = slices.shape[:2]
        least = self.least_gap[:, None].expand(rows, count)
        hopeful = 2**0.5 * torch.linalg.matrix_norm(slices) > least
        values, vectors = torch.linalg.eigh(slices[hopeful])
        gap = values[:, -1] - values[:, -2]
        passing = hopeful.clone()
        passing[hopeful] = (gap > least[hopeful]) & (gap > self.settings.relative_gap * values[:, -1])
        chosen = passing[hopeful]
        return _pack(vectors[chosen, :, -1], gap[chosen], values[chosen, -1], passing)

    def _accept(self, candidates: _Candidates, count: int) -> None:
        """Purify the candidates (line 8) and add the new ones (lines 7 and 9) in the order of the anchors."""
        directions = candidates.directions
        if self.settings.fix_sign:
            negative = self.oracle.third_moments(directions) < 0
            directions = torch.where(negative[..., None], -directions, directions)
        purified = self.oracle.purify(directions, self.cutoff)
        lengths = purified.norm(dim=-1)
        for place in range(directions.shape[1]):
            wanted = candidates.mask[:, place] & ~self.found.all(dim=1)
            wanted &= self._is_new(directions[:, place])
            self.undefined += wanted & (lengths[:, place] == 0)
            wanted &= lengths[:, place] > 0
            rows = wanted.nonzero().squeeze(1)
            column = self.found[rows].sum(dim=1)
            self.columns[rows, :, column] = purified[rows, place] / lengths[rows, place, None]
            self.gaps[rows, column] = candidates.gaps[rows, place]
            self.eigenvalues[rows, column] = candidates.eigenvalues[rows, place]
            self.found[rows, column] = True
            finished = wanted & self.found.all(dim=1)
            self.iterations -= torch.where(finished, count - 1 - candidates.position[:, place], 0)

    def _is_new(self, directions: Tensor) -> Tensor:
        """Return whether `directions` (row, dim) are no known columns, shape (row,)."""
        overlaps = (directions[:, :, None] * self.columns).sum(dim=1)
        largest = overlaps.norm(dim=1) if self.settings.against_span else overlaps.amax(dim=1)
        return largest <= self.settings.overlap

    def result(self) -> WarmStartResult:
        """Return the state as the caller sees it."""
        return WarmStartResult(
            dictionary=self.oracle.to_patches(self.columns),
            found=self.found,
            gaps=self.gaps,
            eigenvalues=self.eigenvalues,
            iterations=self.iterations,
            undefined=self.undefined,
            cutoff=self.cutoff,
            samples_drawn=self.oracle.samples_drawn,
        )


def _pack(directions: Tensor, gaps: Tensor, eigenvalues: Tensor, passing: Tensor) -> _Candidates:
    """Lay out the entries of `passing` (row, count), given in row-major order, from the front of each row."""
    row, position = passing.nonzero(as_tuple=True)
    counts = passing.sum(dim=1)
    slot = torch.arange(len(row), device=row.device) - (counts.cumsum(dim=0) - counts)[row]
    shape = (len(passing), int(counts.max()))
    packed = _Candidates(
        directions=directions.new_zeros(*shape, directions.shape[-1]),
        gaps=gaps.new_zeros(shape),
        eigenvalues=gaps.new_zeros(shape),
        position=position.new_zeros(shape),
        mask=torch.zeros(shape, dtype=torch.bool, device=row.device),
    )
    packed.directions[row, slot] = directions
    packed.gaps[row, slot] = gaps
    packed.eigenvalues[row, slot] = eigenvalues
    packed.position[row, slot] = position
    packed.mask[row, slot] = True
    return packed
