"""A first level whose channels are all correlated, within a patch and across patches: what Algorithm 2 has to learn.

Correlations within a patch are random multiples of a grid step with standard deviation ``spread`` / (2 sqrt(n)), n = patches
times channels, so that the eigenvalues of the Gram matrix stay away from 0 by about 1 - ``spread`` - ``across``; those between
different channels of different patches are the same; the same channel of two patches has +-``across`` / (patches - 1). On a
grid, few correlations are different, and the closed forms of the assumptions stay cheap.

With ``rank`` below n the Gram matrix is projected on its largest eigenvalues and scaled back: latents of low dimension.
"""

from collections.abc import Sequence
from math import sqrt

import numpy as np
import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.dictionaries import haar_dictionaries
from fsrcheck.model.single_level import check_sizes, neuron_units
from fsrcheck.model.streams import streams
from fsrcheck.model.target import FirstLevel, TargetNetwork

GRID = 1 / 64
SMALLEST_EIGENVALUE = 1e-3


def scattered_correlations(
    num_channels: int,
    expected_active: float,
    *,
    seeds: Sequence[int],
    num_patches: int = 2,
    patch_dim: int | None = None,
    device: torch.device | str = "cpu",
    spread: float = 0.4,
    across: float = 0.3,
    rank: int = 0,
) -> TargetNetwork:
    """Random correlations of all pairs; satisfies Assumptions 2.2 and 2.3 for moderate ``spread`` and ``across``.

    Raises:
        InputError: sizes no family can have; spread or across not in [0, 1); correlations that no positive definite
            matrix has.
    """
    patch_dim = check_sizes(num_channels, expected_active, seeds, num_patches, patch_dim)
    size = num_channels * num_patches
    for name, value in (("spread", spread), ("across", across)):
        if not 0 <= value < 1:
            raise InputError(f"{name} must be at least 0 and below 1, got {value}")
    if not 0 <= rank <= size:
        raise InputError(f"rank must be in 0..{size}, got {rank}")
    gram = torch.stack([_gram(g, num_channels, num_patches, spread, across) for g in streams(seeds, "correlations")])
    roots = _projected(gram, rank) if rank else _factor(gram)
    threshold, scale = neuron_units(expected_active / num_channels)
    first = FirstLevel(
        dictionary=haar_dictionaries(streams(seeds, "dictionary"), num_patches, patch_dim, num_channels),
        latent_weights=scale * roots.reshape(len(seeds), num_patches, num_channels, size),
        thresholds=(scale * threshold).expand(len(seeds), num_patches, num_channels).contiguous(),
    )
    return TargetNetwork((first,)).to(device)


def _gram(generator: np.random.Generator, channels: int, patches: int, spread: float, across: float) -> Tensor:
    """One Gram matrix (neuron, neuron) of unit rows; neuron = patch * channel."""
    size = channels * patches
    drawn = generator.standard_normal((size, size)) * spread / (2 * sqrt(size))
    noise = np.round(drawn.clip(-3 * spread / (2 * sqrt(size)), 3 * spread / (2 * sqrt(size))) / GRID) * GRID
    signs = generator.choice([-1.0, 1.0], size=(patches, patches, channels))
    upper = np.triu(noise, 1)
    for first in range(patches):
        for second in range(first + 1, patches):
            rows, columns = first * channels + np.arange(channels), second * channels + np.arange(channels)
            upper[rows, columns] += signs[first, second] * round(across / (patches - 1) / GRID) * GRID
    return torch.from_numpy(upper + upper.T + np.eye(size))


def _factor(gram: Tensor) -> Tensor:
    smallest = float(torch.linalg.eigvalsh(gram)[..., 0].min())
    if smallest < SMALLEST_EIGENVALUE:
        wanted = f"be such that the Gram matrix has eigenvalues of at least {SMALLEST_EIGENVALUE}"
        raise InputError(f"spread and across must {wanted}, got {smallest:.3g}")
    return torch.linalg.cholesky(gram)


def _projected(gram: Tensor, rank: int) -> Tensor:
    """Unit rows (neuron, neuron) in the span of the ``rank`` largest eigenvectors."""
    values, vectors = torch.linalg.eigh(gram)
    kept = vectors * values.clamp(min=0).sqrt()[..., None, :]
    kept[..., : gram.shape[-1] - rank] = 0
    return kept / kept.norm(dim=-1, keepdim=True)
