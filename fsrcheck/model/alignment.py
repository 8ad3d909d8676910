"""Which learned column belongs to which atom: one-to-one matching by the linear assignment problem."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from fsrcheck.errors import InputError


@dataclass(frozen=True)
class Alignment:
    """A matching of atoms to learned columns.

    `permutation` int64 (batch, channel): the learned column given to each atom, -1 without a partner.
    `errors` (batch, channel): ||W*_p - w_{P(p)}||_2, infinite without a partner.
    """

    permutation: Tensor
    errors: Tensor

    @property
    def dictionary_error(self) -> Tensor:
        """The paper's delta: the largest column error, (batch,)."""
        return self.errors.amax(dim=-1)

    @property
    def num_found(self) -> Tensor:
        """Number of atoms that have a partner, (batch,)."""
        return (self.permutation >= 0).sum(dim=-1)


def match_columns(learned: Tensor, dictionary: Tensor) -> Alignment:
    """Match learned columns (batch, patch_dim, column) to atoms (batch, patch_dim, channel).

    The matching minimises the total distance. Lemma A.1 asks for a permutation only, so signs are never
    flipped. There may be fewer or more columns than atoms; a column with a NaN has no partner.
    """
    if learned.ndim != 3 or dictionary.ndim != 3 or learned.shape[:2] != dictionary.shape[:2]:
        raise InputError(
            "learned and dictionary must agree in (batch, patch_dim, *), "
            f"got {tuple(learned.shape)} and {tuple(dictionary.shape)}"
        )
    distances = torch.cdist(
        dictionary.transpose(1, 2), learned.transpose(1, 2), compute_mode="donot_use_mm_for_euclid_dist"
    )
    table = distances.detach().cpu().numpy()
    permutation = np.full(table.shape[:2], -1, dtype=np.int64)
    errors = np.full(table.shape[:2], np.inf)
    for row, distance in enumerate(table):  # scipy solves one assignment at a time
        columns = np.flatnonzero(np.isfinite(distance).all(axis=0))
        atoms, chosen = linear_sum_assignment(distance[:, columns])
        permutation[row, atoms] = columns[chosen]
        errors[row, atoms] = distance[atoms, columns[chosen]]
    return Alignment(torch.from_numpy(permutation).to(learned.device), torch.from_numpy(errors).to(learned.device))
