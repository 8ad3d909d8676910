"""Samples that are mostly zero, kept as a list of their entries: what codes are in the basis of the atoms."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby

import torch
from torch import Tensor

ENTRIES_OF_A_CHUNK = 2**19


@dataclass(frozen=True)
class SparsePatches:
    """Samples X (row, sample, dim) by their entries, ordered by row and sample.

    `row`, `position` = row * num_samples + sample, `channel` and `value`, each (entry,); `shape` as of the dense form.
    """

    shape: tuple[int, int, int]
    row: Tensor
    position: Tensor
    channel: Tensor
    value: Tensor

    @classmethod
    def of(cls, dense: Tensor) -> "SparsePatches":
        """Return the sparse form of `dense` (row, sample, dim)."""
        row, sample, channel = dense.nonzero(as_tuple=True)
        rows, samples, dim = dense.shape
        return cls((rows, samples, dim), row, row * samples + sample, channel, dense[row, sample, channel])

    @classmethod
    def joined(cls, pieces: Sequence["SparsePatches"]) -> list["SparsePatches"]:
        """Return the samples of all pieces in as few chunks of a bounded size as possible."""
        ends = list(accumulate(len(piece.value) for piece in pieces))
        groups = groupby(zip(ends, pieces, strict=True), key=lambda item: item[0] // ENTRIES_OF_A_CHUNK)
        return [cls._one([piece for _, piece in group]) for _, group in groups]

    @classmethod
    def _one(cls, pieces: Sequence["SparsePatches"]) -> "SparsePatches":
        rows, _, dim = pieces[0].shape
        counts = [piece.shape[1] for piece in pieces]
        samples, begins = sum(counts), accumulate(counts, initial=0)
        shifted = [
            piece.position + piece.row * (samples - piece.shape[1]) + begin
            for piece, begin in zip(pieces, begins, strict=False)
        ]
        position, order = torch.cat(shifted).sort(stable=True)
        row, channel, value = (
            torch.cat([getattr(piece, name) for piece in pieces])[order] for name in ("row", "channel", "value")
        )
        return cls((rows, samples, dim), row, position, channel, value)

    @property
    def num_bytes(self) -> int:
        """Memory that the entries take."""
        return 8 * 4 * len(self.value)

    def project(self, directions: Tensor) -> Tensor:
        """Return <v, X> for `directions` (row, count, dim), shape (row, sample, count)."""
        rows, samples, _ = self.shape
        terms = directions.mT.flatten(0, 1).index_select(0, self._coordinate).mul_(self.value[:, None])
        total = terms.new_zeros(rows * samples, directions.shape[1])
        return total.index_add_(0, self.position, terms).reshape(rows, samples, -1)

    def weighted_sum(self, weights: Tensor) -> Tensor:
        """Return Σ_n weights[n, a] X[n] for `weights` (row, sample, count), shape (row, count, dim)."""
        rows, _, dim = self.shape
        terms = weights.flatten(0, 1).index_select(0, self.position).mul_(self.value[:, None])
        total = terms.new_zeros(rows * dim, weights.shape[2])
        return total.index_add_(0, self._coordinate, terms).reshape(rows, dim, -1).mT

    @property
    def _coordinate(self) -> Tensor:
        return self.row * self.shape[2] + self.channel

    def dense(self, chosen: Tensor) -> Tensor:
        """Return the samples marked in `chosen` (row, sample) from the front of each row, padded with zeros.

        Shape (row, longest, dim), longest the largest number chosen in a row.
        """
        rows, _, dim = self.shape
        slot = (chosen.cumsum(dim=1) - 1).flatten()
        entries = chosen.flatten()[self.position].nonzero().squeeze(1)
        result = self.value.new_zeros(rows, int(chosen.sum(dim=1).max()), dim)
        result[self.row[entries], slot[self.position[entries]], self.channel[entries]] = self.value[entries]
        return result

    def blocks(self, size: int) -> Iterator[Tensor]:
        """Yield the dense form in blocks of at most `size` samples, shape (row, size, dim)."""
        rows, samples, _ = self.shape
        place = torch.arange(samples, device=self.value.device)
        for start in range(0, samples, size):
            yield self.dense(((place >= start) & (place < start + size)).expand(rows, samples))
