"""Whitening of patches: mean removed, all directions of variance scaled to 1.

The paper writes X = W S without a mean. Pixels have one, and S >= 0 has one as well; what is removed here is the mean over all
patches of the set, one number for each pixel, and not the mean of each patch, which stays as one of the directions.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from fsrcheck.errors import InputError

LEAST_VARIANCE = 1e-6
"""Of the largest: directions below it are rounding (or the colour of grey pictures) and are dropped."""
ROUNDING = 1e-14
"""Variance of what does not vary, in double precision; a step of 8 bits has 1e-6."""
LEAST_RANK = 8


@dataclass(frozen=True, eq=False)
class Whitening:
    """x -> (x - mean) forward, and back.

    Attributes:
        mean: (dim,).
        forward: (dim, rank), on principal directions.
        backward: (rank, dim).
        variances: of the principal directions, largest first, (rank,).
    """

    mean: Tensor
    forward: Tensor
    backward: Tensor
    variances: Tensor

    @property
    def rank(self) -> int:
        """Directions that are kept."""
        return len(self.variances)

    def whiten(self, patches: Tensor) -> Tensor:
        """(..., dim) to (..., rank)."""
        return (patches - self.mean) @ self.forward

    def restore(self, whitened: Tensor) -> Tensor:
        """(..., rank) to (..., dim)."""
        return whitened @ self.backward + self.mean


def whitening_of(patches: Tensor) -> Whitening:
    """Fit to patches (picture, sample, dim).

    Raises:
        InputError: fewer than ``LEAST_RANK`` directions of variance, or fewer patches than twice the directions.
    """
    rows = patches.flatten(0, 1)
    mean = rows.mean(dim=0)
    values, vectors = torch.linalg.eigh((rows - mean).mT @ (rows - mean) / len(rows))
    kept = values > (LEAST_VARIANCE * values[-1]).clamp(min=ROUNDING)
    variances, directions = values[kept].flip(0), vectors[:, kept].flip(1)
    if len(variances) < LEAST_RANK:
        raise InputError(f"patches must vary in at least {LEAST_RANK} directions, got {len(variances)}")
    if len(rows) < 2 * len(variances):
        raise InputError(f"patches must be at least {2 * len(variances)}, twice their directions, got {len(rows)}")
    lengths = variances.sqrt()
    return Whitening(mean, directions / lengths, (directions * lengths).mT.contiguous(), variances)
