"""The paper's discriminators, as functions of patches."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class TruncatedMomentDiscriminator:
    """D^(1)(Y) = sum_r ReLU'(<W^D_r, Y> - bb) <Y, V_r> on one patch (section 4.1, l.237).

    The indicator ReLU' has derivative 0, so gradients pass by it; it is 0 at 0.

    Attributes:
        detector: W^D, shape (row, patch_dim, channel).
        cutoff: bb, shape (row,).
    """

    detector: Tensor
    cutoff: Tensor

    def value(self, patches: Tensor, parameters: Tensor) -> Tensor:
        """Return D^(1), shape (row, sample), of Y (row, sample, patch_dim) at V (row, channel, patch_dim)."""
        active = patches @ self.detector > self.cutoff[:, None, None]
        return (active * (patches @ parameters.mT)).sum(dim=-1)
