"""Synthetic targets with one level; each breaks or keeps one part of Assumption 2.2 (l.123-139).

Units: S_p = alpha (g_p - t)_+ with g_p standard normal, Pr[S_p > 0] = Q(t) = expected_active / num_channels
and alpha such that E[S_p | S_p > 0] = 1. A family is a correlation matrix of the g_p and a dictionary.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.gaussian.univariate import inverse_tail, relu_mean, tail
from fsrcheck.model.dictionaries import correlated_columns, haar_dictionaries
from fsrcheck.model.streams import streams
from fsrcheck.model.target import FirstLevel, TargetNetwork


def independent_channels(
    num_channels: int,
    expected_active: float,
    *,
    seeds: Sequence[int],
    num_patches: int = 1,
    patch_dim: int | None = None,
    device: torch.device | str = "cpu",
) -> TargetNetwork:
    """All channels of all patches are independent. Satisfies Assumptions 2.2 and 2.3."""
    return _first_level(num_channels, expected_active, seeds, num_patches, patch_dim, device)


def equicorrelated(
    num_channels: int,
    expected_active: float,
    *,
    seeds: Sequence[int],
    num_patches: int = 1,
    patch_dim: int | None = None,
    device: torch.device | str = "cpu",
    correlation: float = 0.3,
) -> TargetNetwork:
    """All pairs within a patch have the same correlation in [0, 1); patches are independent.

    From about 0.2 on too many channels fire together for Assumption 2.2 (at 64 channels, default constants).
    """
    _check_range("correlation", correlation, 0.0, 1.0)
    within = torch.eye(num_channels, dtype=torch.float64) * (1 - correlation) + correlation
    return _first_level(num_channels, expected_active, seeds, num_patches, patch_dim, device, within=within)


def one_correlated_pair(
    num_channels: int,
    expected_active: float,
    *,
    seeds: Sequence[int],
    num_patches: int = 1,
    patch_dim: int | None = None,
    device: torch.device | str = "cpu",
    correlation: float = 0.9,
) -> TargetNetwork:
    """Channels 0 and 1 of every patch have the given correlation, all others are independent."""
    _check_range("correlation", correlation, 0.0, 1.0)
    within = torch.eye(max(num_channels, 2), dtype=torch.float64)
    within[0, 1] = within[1, 0] = correlation
    return _first_level(num_channels, expected_active, seeds, num_patches, patch_dim, device, within=within)


def cross_patch_correlated(
    num_channels: int,
    expected_active: float,
    *,
    seeds: Sequence[int],
    num_patches: int = 2,
    patch_dim: int | None = None,
    device: torch.device | str = "cpu",
    correlation: float = 0.5,
) -> TargetNetwork:
    """The same channel of different patches is correlated; within a patch channels are independent.

    Satisfies both assumptions: they say little about dependence across patches (l.139).
    """
    _check_range("correlation", correlation, 0.0, 1.0)
    if num_patches < 2:
        raise InputError(f"num_patches must be at least 2 for cross_patch_correlated, got {num_patches}")
    across = torch.eye(num_patches, dtype=torch.float64) * (1 - correlation) + correlation
    return _first_level(num_channels, expected_active, seeds, num_patches, patch_dim, device, across=across)


def non_orthonormal_dictionary(
    num_channels: int,
    expected_active: float,
    *,
    seeds: Sequence[int],
    num_patches: int = 1,
    patch_dim: int | None = None,
    device: torch.device | str = "cpu",
    coherence: float = 0.1,
) -> TargetNetwork:
    """Independent channels; unit atoms have pairwise inner product `coherence`: not orthonormal (l.103)."""
    _check_range("coherence", coherence, 0.0, 1.0)
    target = _first_level(num_channels, expected_active, seeds, num_patches, patch_dim, device)
    first = target.first
    coherent = correlated_columns(first.dictionary, coherence)
    return TargetNetwork((FirstLevel(coherent, first.latent_weights, first.thresholds),))


def check_sizes(
    num_channels: int, expected_active: float, seeds: Sequence[int], num_patches: int, patch_dim: int | None
) -> int:
    """Raise `InputError` for sizes no family can have; return the patch dimension (default num_channels)."""
    if num_channels < 2:
        raise InputError(f"num_channels must be at least 2, got {num_channels}")
    if not 0 < expected_active < num_channels:
        raise InputError(
            f"expected_active must be above 0 and below num_channels = {num_channels}, got {expected_active}"
        )
    if num_patches < 1:
        raise InputError(f"num_patches must be at least 1, got {num_patches}")
    if len(seeds) == 0:
        raise InputError("seeds must name at least one instance, got none")
    patch_dim = num_channels if patch_dim is None else patch_dim
    if patch_dim < num_channels:
        raise InputError(f"patch_dim must be at least num_channels = {num_channels}, got {patch_dim}")
    return patch_dim


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value < high:
        raise InputError(f"{name} must be in [{low:g}, {high:g}), got {value}")


def _first_level(
    num_channels: int,
    expected_active: float,
    seeds: Sequence[int],
    num_patches: int,
    patch_dim: int | None,
    device: torch.device | str,
    *,
    within: Tensor | None = None,
    across: Tensor | None = None,
) -> TargetNetwork:
    """Build a target whose latent correlation is across (x) within; either defaults to the identity."""
    patch_dim = check_sizes(num_channels, expected_active, seeds, num_patches, patch_dim)
    within = torch.eye(num_channels, dtype=torch.float64) if within is None else within
    across = torch.eye(num_patches, dtype=torch.float64) if across is None else across
    directions = torch.kron(torch.linalg.cholesky(across), torch.linalg.cholesky(within))
    directions = directions.reshape(num_patches, num_channels, num_patches * num_channels)
    threshold, scale = neuron_units(expected_active / num_channels)
    generators = streams(seeds, "dictionary")
    dictionary = haar_dictionaries(generators, num_patches, patch_dim, num_channels)
    first = FirstLevel(
        dictionary=dictionary,
        latent_weights=(scale * directions).expand(len(seeds), -1, -1, -1),
        thresholds=(scale * threshold).expand(len(seeds), num_patches, num_channels),
    )
    return TargetNetwork((first,)).to(device)


def neuron_units(probability: float) -> tuple[Tensor, Tensor]:
    """Return (t, alpha) with Pr[g > t] = `probability` and E[alpha (g - t) | g > t] = 1, as 0-d tensors."""
    threshold = inverse_tail(torch.tensor(probability, dtype=torch.float64))
    return threshold, tail(threshold) / relu_mean(threshold)
