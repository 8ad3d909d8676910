"""What a stage of the warm start may ask of the data, and nothing else.

Algorithm 5 (section 7.1, l.552) reads the distribution of a patch X only through the expectations below, so
it does not know whether they come from samples or from closed forms. Instances and patches are folded into
one leading dimension `row` = batch * patch: the algorithm treats every patch on its own.
"""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor


class CodeMoments(NamedTuple):
    """Average moments of one channel, read off the patches alone; each of shape (row,).

    For an orthonormal dictionary, E|X|² = Σ E[S_p²], and |EX|² = Σ E[S_p]²; dividing by the number of
    channels gives `second` = E[S²] and `first` = E[S] exactly when the channels are alike, averages over
    channels otherwise.
    """

    first: Tensor
    second: Tensor

    @property
    def unit(self) -> Tensor:
        """E[S²] / (2 E[S]): the typical size of an active code, shape (row,).

        It is E[S | S > 0] for exponential tails, between 0.78 (threshold 0) and 1 (rare channels) times
        that for the ReLU of a normal variable, and scales with the codes.
        """
        return self.second / (2 * self.first)


class WarmStartOracle(Protocol):
    """The expectations that Algorithm 5 uses, batched over rows.

    Vectors live in `dim` dimensions, which an oracle may choose (patch space, or code space where rotation
    is immaterial); `to_patches` maps the learned columns back.
    """

    num_rows: int
    num_channels: int
    dim: int
    device: torch.device

    @property
    def samples_drawn(self) -> int:
        """Samples per row so far, anchors included."""

    def refresh(self) -> None:
        """Start a new sample set Z* (line 4); later calls use it until the next refresh."""

    def anchors(self, count: int) -> Tensor:
        """Return x of line 3, sums of two fresh patches, shape (row, count, dim)."""

    def code_moments(self) -> CodeMoments:
        """Return the average first and second moment of a code, which set the scale of the tests."""

    def truncated_slices(self, anchors: Tensor, found: Tensor, found_mask: Tensor, cutoff: Tensor) -> Tensor:
        """Return H of line 5, E[<x, X> (P_W X)(P_W X)^T], shape (row, count, dim, dim).

        `anchors` (row, count, dim); `found` (row, dim, column) with `found_mask` (row, column); `cutoff`
        (row,).
        """

    def slice_sizes(self, anchors: Tensor, found: Tensor, found_mask: Tensor, cutoff: Tensor) -> Tensor:
        """Return E[|<x, X>| |P_W X|²] >= |λ_1| + |λ_2| of the slice, cheaply, shape (row, count)."""

    def third_moments(self, directions: Tensor) -> Tensor:
        """Return E[<v, X>³] for `directions` (row, count, dim), shape (row, count)."""

    def purify(self, directions: Tensor, cutoff: Tensor) -> Tensor:
        """Return E[1{<v, X> >= cutoff} X] of line 8, not normalised, shape (row, count, dim)."""

    def to_patches(self, dictionary: Tensor) -> Tensor:
        """Map columns (row, dim, column) to patch space, (row, patch_dim, column)."""
