"""The mean square of expectations from samples in blocks: products of different blocks, which sampling does not bias."""

import torch
from torch import Tensor

from fsrcheck.errors import InputError


def mean_square(blocks: Tensor) -> tuple[Tensor, Tensor]:
    """Estimate the mean of (E t)^2 over statistics t from (block, batch, statistic), and the same without each block.

    (batch,) and (batch, block).

    Raises:
        InputError: fewer than 3 blocks.
    """
    number = len(blocks)
    if number < 3:
        raise InputError(f"blocks must be at least 3, got {number}")
    products = torch.einsum("kbt,lbt->bkl", blocks, blocks) / blocks.shape[2]
    products = products - torch.diag_embed(products.diagonal(dim1=1, dim2=2))
    total, rows = products.sum(dim=(1, 2)), products.sum(dim=2)
    without = (total[:, None] - 2 * rows) / ((number - 1) * (number - 2))
    return total / (number * (number - 1)), without


def jackknife_error(without: Tensor) -> Tensor:
    """The standard error of an estimate from its values without each block (batch, block), (batch,)."""
    number = without.shape[1]
    spread = (without - without.mean(dim=1, keepdim=True)).square().sum(dim=1)
    return (spread * (number - 1) / number).sqrt()
