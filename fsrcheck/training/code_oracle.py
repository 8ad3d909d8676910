"""The expectations of Algorithm 5 as means over samples, taken in the basis of the atoms."""

from collections.abc import Sequence

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.target import TargetNetwork
from fsrcheck.training.deflation import RemovedColumns, deflate
from fsrcheck.training.oracles import CodeMoments
from fsrcheck.training.patch_source import TargetPatches
from fsrcheck.training.sample_set import OnSamples, SampleSet
from fsrcheck.training.sparse_patches import SparsePatches
from fsrcheck.training.weighted_squares import add_weighted_squares

ORTHONORMALITY = 1e-9
BLOCK = 4096  # samples that are dense at a time


class CodeOracle(OnSamples[SparsePatches]):
    """What `SampleOracle` computes, up to rounding, on the same samples but much faster.

    Algorithm 5 knows its patches only through inner products, so rotating them rotates its answer. For an
    orthonormal dictionary one may therefore run it on the codes S = W^T X, of which all but a few are zero,
    and rotate back at the end (`to_patches`). The slices of line 5 are contractions of one tensor,
    H = Σ_i x_i E[X_i D D^T] with D = P_W X, which every newly removed column changes by a term of low rank
    from the samples in which it is active.

    Raises InputError when the dictionary is not orthonormal, or as `SampleSet` and `TargetPatches` do.
    """

    def __init__(
        self,
        target: TargetNetwork,
        seeds: Sequence[int],
        num_samples: int,
        *,
        fresh: bool = False,
        chunk_size: int = 4096,
        keep_bytes: int = 2**28,
    ) -> None:
        source = TargetPatches(target, seeds)
        self.dictionary = source.dictionary
        _require_orthonormal(self.dictionary)
        self.num_samples = num_samples
        self.num_rows = source.num_rows
        self.num_channels = self.dim = source.num_channels
        self.device = source.device
        self._samples = SampleSet(
            source.code_stream,
            num_samples,
            fresh=fresh,
            chunk_size=chunk_size,
            keep_bytes=keep_bytes,
            convert=SparsePatches.of,
            num_bytes=lambda patches: patches.num_bytes,
            join=SparsePatches.joined,
        )
        self._tensor: tuple[int, SliceTensor] | None = None

    def code_moments(self) -> CodeMoments:
        """Return |mean X| / sqrt(m) and mean |X|² / m over the current sample set."""
        total = torch.zeros(self.num_rows, 1, self.dim, dtype=torch.float64, device=self.device)
        squares = torch.zeros(self.num_rows, dtype=torch.float64, device=self.device)
        for codes in self._samples.chunks():
            total += codes.weighted_sum(total.new_ones(*codes.shape[:2], 1))
            squares.index_add_(0, codes.row, codes.value.square())
        first = total.squeeze(1).norm(dim=-1) / self.num_samples / self.num_channels**0.5
        return CodeMoments(first, squares / self.num_samples / self.num_channels)

    def truncated_slices(self, anchors: Tensor, found: Tensor, found_mask: Tensor, cutoff: Tensor) -> Tensor:
        """Return the mean of <x, X> (P_W X)(P_W X)^T, shape (row, count, channel, channel)."""
        return self._slices(found, found_mask, cutoff).contract(anchors)

    def slice_sizes(self, anchors: Tensor, found: Tensor, found_mask: Tensor, cutoff: Tensor) -> Tensor:
        """Return the mean of |<x, X>| |P_W X|², shape (row, count): x and X have no negative entry here."""
        return (anchors @ self._slices(found, found_mask, cutoff).traces()[..., None]).squeeze(-1)

    def third_moments(self, directions: Tensor) -> Tensor:
        """Return the mean of <v, X>³, shape (row, count)."""
        sums = [codes.project(directions).pow(3).sum(dim=1) for codes in self._samples.chunks()]
        return torch.stack(sums).sum(dim=0) / self.num_samples

    def purify(self, directions: Tensor, cutoff: Tensor) -> Tensor:
        """Return the mean of 1{<v, X> >= cutoff} X, shape (row, count, channel)."""
        total = torch.zeros_like(directions)
        for codes in self._samples.chunks():
            above = codes.project(directions) >= cutoff[:, None, None]
            total += codes.weighted_sum(above.to(total.dtype))
        return total / self.num_samples

    def to_patches(self, dictionary: Tensor) -> Tensor:
        """Rotate columns (row, channel, column) into patch space by the target's dictionary."""
        return self.dictionary @ dictionary

    def _slices(self, found: Tensor, found_mask: Tensor, cutoff: Tensor) -> "SliceTensor":
        if self._tensor is None or self._tensor[0] != self._samples.number:
            self._tensor = self._samples.number, SliceTensor(self._samples)
        self._tensor[1].remove(found, found_mask, cutoff)
        return self._tensor[1]


class SliceTensor:
    """E[X_i D_j D_k] over a sample set, D = P_W X, stored as A_ijk with E[X_i D_j D_k] = A_ijk + A_ikj."""

    def __init__(self, samples: SampleSet[SparsePatches]) -> None:
        self._samples = samples
        self._removed = RemovedColumns()
        self._begin()

    def contract(self, anchors: Tensor) -> Tensor:
        """Return H = Σ_i x_i E[X_i D D^T] for `anchors` (row, count, i), shape (row, count, j, k)."""
        row, place, channel = anchors.nonzero(as_tuple=True)
        weight = anchors[row, place, channel]
        half = self._half.new_zeros(*anchors.shape, self._half.shape[-1])
        flat = half.flatten(0, 1)
        anchor = row * anchors.shape[1] + place
        rank = torch.arange(len(anchor), device=anchor.device) - torch.searchsorted(anchor, anchor)
        for number in range(int(rank.max()) + 1 if len(rank) else 0):  # one pass per active channel of an anchor
            chosen = rank == number
            flat[anchor[chosen]] += weight[chosen, None, None] * self._half[row[chosen], channel[chosen]]
        return half + half.mT

    def traces(self) -> Tensor:
        """Return E[X_i |D|²], shape (row, i)."""
        return 2 * self._half.diagonal(dim1=-2, dim2=-1).sum(dim=-1)

    def remove(self, found: Tensor, found_mask: Tensor, cutoff: Tensor) -> None:
        """Bring D up to date with the columns found; arguments as for `deflate`.

        For a new column w and c = <w, D> where w is active, D D^T changes by -c (w D^T + D w^T) + c² w w^T.
        """
        if not self._removed.extends(found, found_mask, cutoff):
            self._begin()
        new = self._removed.update(found, found_mask, cutoff)
        changes, removed = [], []
        while new.any():  # the first new column of every row, then the second ...
            number = new.to(torch.uint8).argmax(dim=1)
            column = found.take_along_dim(number[:, None, None], dim=2).squeeze(2) * new.any(dim=1)[:, None]
            earlier = found_mask & (torch.arange(new.shape[1], device=new.device) < number[:, None])
            changes.append(self._change(column, found, earlier, cutoff))
            removed.append(column)
            new = new.scatter(1, number[:, None], False)
        if changes:
            update = torch.stack(changes, dim=-1).flatten(1, 2)
            self._half.flatten(1, 2).baddbmm_(update, torch.stack(removed, dim=1), alpha=-1)

    def _change(self, column: Tensor, found: Tensor, earlier: Tensor, cutoff: Tensor) -> Tensor:
        """Return E[c X_i D_j] - E[c² X_i] w_j / 2 for the new w = `column` (row, dim), shape (row, i, j).

        `earlier` (row, column) marks the columns of `found` that were removed before; rows without a new column
        have `column` zero.
        """
        total = torch.zeros_like(self._half[..., 0])
        for codes in self._samples.chunks():
            active = codes.project(column[:, None])[..., 0] >= cutoff[:, None]
            patches = codes.dense(active)
            left = deflate(patches, patches, found, earlier, cutoff)
            overlap = left @ column[..., None]
            total += patches.mT @ (overlap * (left - overlap * column[:, None] / 2))
        return total / self._samples.num_samples

    def _begin(self) -> None:
        """Start from D = X."""
        self._removed.forget()
        total: Tensor | None = None
        for codes in self._samples.chunks():
            for block in codes.blocks(BLOCK):
                total = block.new_zeros(len(block), *3 * block.shape[2:]) if total is None else total
                add_weighted_squares(total, block, block)
        assert total is not None  # a sample set is never empty
        self._half = total / (2 * self._samples.num_samples)


def _require_orthonormal(dictionary: Tensor) -> None:
    identity = torch.eye(dictionary.shape[-1], dtype=dictionary.dtype, device=dictionary.device)
    error = float((dictionary.mT @ dictionary - identity).abs().max())
    if not error <= ORTHONORMALITY:
        raise InputError(f"the dictionary must be orthonormal, got columns with a Gram matrix off by {error:.3g}")
