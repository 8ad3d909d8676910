"""The columns of output layers as features: how orthogonal, how coloured, how alike in two networks (Figures 2 and 5).

Columns are (channel, 3, kernel, kernel), as ``MultiscaleGenerator.output_weights`` and ``MultiscaleDiscriminator.first_weights``
give them; computed in float64. A column of zeros has no direction and counts as orthogonal to all.
"""

import torch
from torch import Tensor
from torch.nn import functional

from fsrcheck.errors import InputError
from fsrcheck.model.streams import standard_normal, streams


def mean_square_cosine(columns: Tensor) -> float:
    """Mean of cos^2 over all pairs of columns; 1/d for random ones in d dimensions, 0 for orthogonal ones.

    Raises:
        InputError: fewer than 2 columns.
    """
    if len(columns) < 2:
        raise InputError(f"columns must be at least 2, got {len(columns)}")
    squares = cosines(columns, columns).square()
    return float((squares.sum() - squares.diagonal().sum()) / (len(columns) * (len(columns) - 1)))


def cosines(one: Tensor, other: Tensor) -> Tensor:
    """Of every column with every column, (channel, channel)."""
    rows, columns = (functional.normalize(given.detach().double().flatten(1), dim=1) for given in (one, other))
    return rows @ columns.mT


def one_colour_share(columns: Tensor) -> Tensor:
    """Of each column's energy the part in its best rank-1 approximation, one pattern times one colour, (channel,)."""
    sizes = torch.linalg.svdvals(columns.detach().double().flatten(2)).square()
    return sizes[:, 0] / sizes.sum(dim=1).clamp(min=torch.finfo(sizes.dtype).tiny)


def best_match(rows: Tensor, columns: Tensor) -> float:
    """Mean over ``rows`` of the largest |cos| with one of ``columns``."""
    return float(cosines(rows, columns).abs().amax(dim=1).mean())


def gaussian_columns(columns: Tensor, seed: int) -> Tensor:
    """As many Gaussian columns with the mean and covariance of the given ones."""
    flat = columns.detach().double().flatten(1)
    mean, number = flat.mean(dim=0), len(flat)
    weights = standard_normal(streams([seed], "output features: Gaussian"), (number, number), flat.device)[0]
    return (mean + weights @ (flat - mean) / max(number - 1, 1) ** 0.5).reshape(columns.shape)
