"""The sample set Z* of a stage (line 4 of Algorithm 5, l.561): drawn in chunks, held in memory where it is small."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.training.patch_source import Draw

Chunk = TypeVar("Chunk")


class SampleSet(Generic[Chunk]):
    """`num_samples` samples per row in pieces of at most `chunk_size`.

    A set is a named stream that is drawn again for every pass over it; sets of at most `keep_bytes`, judged by
    their first chunk, are held instead. Memory is bounded by `keep_bytes` and `chunk_size`, whatever
    `num_samples` is, and neither changes a result beyond rounding.

    `stream` starts a named stream of samples (row, n, dim), `convert` makes a chunk of what it draws,
    `num_bytes` tells what a chunk takes, and `join` makes larger chunks for a set that is held. Raises
    InputError when a number is below 1.
    """

    def __init__(
        self,
        stream: Callable[[str], Draw],
        num_samples: int,
        *,
        fresh: bool,
        chunk_size: int,
        keep_bytes: int,
        convert: Callable[[Tensor], Chunk],
        num_bytes: Callable[[Chunk], int],
        join: Callable[[list[Chunk]], list[Chunk]] = lambda chunks: chunks,
    ) -> None:
        for name, value in (("num_samples", num_samples), ("chunk_size", chunk_size)):
            if value < 1:
                raise InputError(f"{name} must be at least 1, got {value}")
        self.num_samples = num_samples
        self.samples_drawn = 0
        self._stream, self._convert, self._num_bytes, self._join = stream, convert, num_bytes, join
        self._fresh, self._chunk_size, self._keep_bytes = fresh, chunk_size, keep_bytes
        self._kept: list[Chunk] = []
        self._is_small: bool | None = None
        self._number = 0
        self._counted = False
        self._draw_anchors = stream("warm start: anchors")

    @property
    def number(self) -> int:
        """How many times the set was renewed."""
        return self._number

    def refresh(self) -> None:
        """Start a new set if the sets are to be fresh ones."""
        if self._fresh:
            self._kept = []
            self._number += 1
            self._counted = False

    def anchors(self, count: int) -> Tensor:
        """Return sums of two fresh samples (line 3), shape (row, count, dim)."""
        draws = self._draw_anchors(2 * count)
        self.samples_drawn += 2 * count
        return draws.reshape(draws.shape[0], count, 2, draws.shape[2]).sum(dim=2)

    def held(self) -> list[Chunk] | None:
        """Return the chunks of a set that is held in memory, None for a set that is drawn for every pass."""
        if self._is_small is None:
            per_sample = self._num_bytes(next(self._drawn())) / min(self._chunk_size, self.num_samples)
            self._is_small = per_sample * self.num_samples <= self._keep_bytes
        if self._is_small and not self._kept:
            self._kept = self._join(list(self._drawn()))
        return self._kept if self._is_small else None

    def chunks(self) -> Iterator[Chunk]:
        """Yield the current set in pieces."""
        held = self.held()
        if not self._counted:
            self.samples_drawn += self.num_samples
            self._counted = True
        yield from self._drawn() if held is None else held

    def _drawn(self) -> Iterator[Chunk]:
        draw = self._stream(f"warm start: sample set {self._number}")
        for start in range(0, self.num_samples, self._chunk_size):
            yield self._convert(draw(min(self._chunk_size, self.num_samples - start)))


class OnSamples(Generic[Chunk]):
    """What every oracle that takes means over a sample set answers in the same way."""

    _samples: SampleSet[Chunk]

    @property
    def samples_drawn(self) -> int:
        """Samples per row so far, anchors included."""
        return self._samples.samples_drawn

    def refresh(self) -> None:
        """Start a new sample set if the oracle is a fresh one."""
        self._samples.refresh()

    def anchors(self, count: int) -> Tensor:
        """Return sums of two fresh samples, shape (row, count, dim)."""
        return self._samples.anchors(count)
