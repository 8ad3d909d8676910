"""P_W X of Algorithm 5 (line 5, l.562): removing known columns from the patches in which they are active."""

import torch
from torch import Tensor


def deflate(patches: Tensor, start: Tensor, found: Tensor, found_mask: Tensor, cutoff: Tensor) -> Tensor:
    """Apply Π_w (I - w w^T 1{<w, X> >= cutoff}) to `start`, the earliest column first.

    `patches` X and `start` (row, sample, dim), `found` (row, dim, column), `found_mask` (row, column),
    `cutoff` (row,). For all columns `start` is X; for later columns it is what the earlier ones left. With
    a_i the indicators, the result is start - Σ c_i w_i, c_i = a_i (<w_i, start> - Σ_{j<i} <w_i, w_j> c_j).
    This system is triangular on the active columns of a sample, so the iteration below is exact after as
    many steps as a sample has active columns (a handful, by sparsity), and stops when nothing changes.
    """
    columns = found * found_mask[:, None, :]
    active = (patches @ columns >= cutoff[:, None, None]) & found_mask[:, None, :]
    overlaps = start @ columns
    earlier = torch.tril(columns.mT @ columns, diagonal=-1)
    coefficients = torch.where(active, overlaps, 0.0)
    for _ in range(found.shape[-1]):
        updated = torch.where(active, overlaps - coefficients @ earlier.mT, 0.0)
        if torch.equal(updated, coefficients):
            break
        coefficients = updated
    return start - coefficients @ columns.mT


class RemovedColumns:
    """Which columns have been removed so far, row by row."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Start again without any column."""
        self._columns: Tensor | None = None
        self._mask: Tensor | None = None
        self._cutoff: Tensor | None = None

    def extends(self, found: Tensor, found_mask: Tensor, cutoff: Tensor) -> bool:
        """Return whether the columns removed so far are the first ones of `found`, row by row."""
        if self._columns is None or self._mask is None or self._cutoff is None:
            return True
        count = self._mask.shape[1]
        if found.shape[-1] < count or not torch.equal(cutoff, self._cutoff):
            return False
        unchanged = ((found[..., :count] == self._columns) | ~self._mask[:, None, :]).all()
        # A new column must not precede an old one: columns are removed in order.
        in_order = (found_mask[:, :count].cumprod(dim=1).bool() | ~found_mask[:, :count]).all()
        return bool(unchanged & in_order & (found_mask[:, :count] | ~self._mask).all())

    def update(self, found: Tensor, found_mask: Tensor, cutoff: Tensor) -> Tensor:
        """Take over `found` and return which of its columns are new, shape (row, column)."""
        new = found_mask.clone()
        if self._mask is not None:
            new[:, : self._mask.shape[1]] &= ~self._mask
        self._columns, self._mask, self._cutoff = found.clone(), found_mask.clone(), cutoff
        return new


class KeptDeflation:
    """P_W X of a sample set held in memory, brought up to date by the columns found since the last call."""

    def __init__(self, chunks: list[Tensor]) -> None:
        self._chunks = chunks
        self._deflated = list(chunks)
        self._removed = RemovedColumns()

    def chunks(self, found: Tensor, found_mask: Tensor, cutoff: Tensor) -> list[Tensor]:
        """Return P_W X in pieces (row, sample, dim); arguments as for `deflate`."""
        if not self._removed.extends(found, found_mask, cutoff):
            self._removed.forget()
            self._deflated = list(self._chunks)
        new = self._removed.update(found, found_mask, cutoff)
        chosen = new.any(dim=0)
        if chosen.any():
            pieces = zip(self._chunks, self._deflated, strict=True)
            self._deflated = [deflate(x, y, found[..., chosen], new[:, chosen], cutoff) for x, y in pieces]
        return self._deflated
