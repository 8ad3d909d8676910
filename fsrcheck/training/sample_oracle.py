"""The expectations of Algorithm 5 as means over samples, streamed in chunks."""

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor

from fsrcheck.training.deflation import KeptDeflation, deflate
from fsrcheck.training.oracles import CodeMoments
from fsrcheck.training.patch_source import Draw
from fsrcheck.training.sample_set import OnSamples, SampleSet
from fsrcheck.training.weighted_squares import add_weighted_squares


class PatchSource(Protocol):
    """Where samples come from: named streams of patches that can be started again."""

    num_rows: int
    num_channels: int
    patch_dim: int
    device: torch.device

    def stream(self, purpose: str) -> Draw:
        """Return a function that draws the next n patches, shape (row, n, patch_dim)."""


class SampleOracle(OnSamples[Tensor]):
    """Means over `num_samples` samples per row.

    `fresh=True` draws a new set Z* at every refresh, as line 4 of Algorithm 5 (l.561) says; `fresh=False`
    keeps the first set throughout. On `chunk_size` and `keep_bytes` see `SampleSet`.
    """

    def __init__(
        self,
        source: PatchSource,
        num_samples: int,
        *,
        fresh: bool = False,
        chunk_size: int = 4096,
        keep_bytes: int = 2**28,
    ) -> None:
        self.num_samples = num_samples
        self.num_rows = source.num_rows
        self.num_channels = source.num_channels
        self.dim = source.patch_dim
        self.device = source.device
        self._samples = SampleSet(
            source.stream,
            num_samples,
            fresh=fresh,
            chunk_size=chunk_size,
            keep_bytes=keep_bytes,
            convert=lambda patches: patches,
            num_bytes=lambda patches: patches.element_size() * patches.numel(),
        )
        self._deflation: tuple[int, KeptDeflation] | None = None

    def code_moments(self) -> CodeMoments:
        """Return |mean X| / sqrt(m) and mean |X|² / m over the current sample set."""
        total = torch.zeros(self.num_rows, self.dim, dtype=torch.float64, device=self.device)
        squares = torch.zeros(self.num_rows, dtype=torch.float64, device=self.device)
        for patches in self._samples.chunks():
            total += patches.sum(dim=1)
            squares += patches.square().sum(dim=(1, 2))
        first = total.norm(dim=-1) / self.num_samples / self.num_channels**0.5
        return CodeMoments(first, squares / self.num_samples / self.num_channels)

    def truncated_slices(self, anchors: Tensor, found: Tensor, found_mask: Tensor, cutoff: Tensor) -> Tensor:
        """Return the mean of <x, X> (P_W X)(P_W X)^T, shape (row, count, patch_dim, patch_dim)."""
        shape = (self.num_rows, anchors.shape[1], self.dim, self.dim)
        total = torch.zeros(shape, dtype=torch.float64, device=self.device)
        for patches, deflated in self._deflated(found, found_mask, cutoff):
            add_weighted_squares(total, patches @ anchors.mT, deflated)
        return total / self.num_samples

    def slice_sizes(self, anchors: Tensor, found: Tensor, found_mask: Tensor, cutoff: Tensor) -> Tensor:
        """Return the mean of |<x, X>| |P_W X|², shape (row, count)."""
        total = torch.zeros(anchors.shape[:2], dtype=torch.float64, device=self.device)
        for patches, deflated in self._deflated(found, found_mask, cutoff):
            total += ((patches @ anchors.mT).abs() * deflated.square().sum(dim=2, keepdim=True)).sum(dim=1)
        return total / self.num_samples

    def third_moments(self, directions: Tensor) -> Tensor:
        """Return the mean of <v, X>³, shape (row, count)."""
        sums = [(patches @ directions.mT).pow(3).sum(dim=1) for patches in self._samples.chunks()]
        return torch.stack(sums).sum(dim=0) / self.num_samples

    def purify(self, directions: Tensor, cutoff: Tensor) -> Tensor:
        """Return the mean of 1{<v, X> >= cutoff} X, shape (row, count, patch_dim)."""
        total = torch.zeros_like(directions)
        for patches in self._samples.chunks():
            above = patches @ directions.mT >= cutoff[:, None, None]
            total += above.to(patches.dtype).mT @ patches
        return total / self.num_samples

    def to_patches(self, dictionary: Tensor) -> Tensor:
        """Return the columns as they are: samples live in patch space."""
        return dictionary

    def _deflated(self, found: Tensor, found_mask: Tensor, cutoff: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield (X, P_W X) of the current sample set in pieces."""
        held = self._samples.held()
        if held is None:
            for patches in self._samples.chunks():
                yield patches, deflate(patches, patches, found, found_mask, cutoff)
            return
        if self._deflation is None or self._deflation[0] != self._samples.number:
            self._deflation = self._samples.number, KeptDeflation(held)
        yield from zip(self._samples.chunks(), self._deflation[1].chunks(found, found_mask, cutoff), strict=True)
