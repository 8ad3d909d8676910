"""Networks as a learner may leave them: a target with noise on every part, channels shuffled, latents in another frame."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from fsrcheck.model.dictionaries import haar_dictionaries
from fsrcheck.model.families import disjoint_supports
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.model.target import FirstLevel, HigherLevel, TargetNetwork


def imperfect(
    target: TargetNetwork,
    seeds: list[int],
    *,
    noise: float = 0.0,
    dictionary: float | None = None,
    latent_dim: int | None = None,
    shuffle: bool = True,
) -> TargetNetwork:
    """Add noise of relative size ``noise`` to weights and thresholds, and ``dictionary`` (None: the same) to every atom.

    V becomes (V* + noise) U with a random row orthonormal U, ``latent_dim`` columns wide.
    """
    generators = streams(seeds, "imperfect")
    spread = noise if dictionary is None else dictionary
    width = target.latent_dim if latent_dim is None else latent_dim
    frame = haar_dictionaries(generators, 1, width, target.latent_dim)[:, 0].mT

    def noisy(values: Tensor, size: float, dim: int) -> Tensor:
        draws = standard_normal(generators, values.shape[1:], values.device)
        return values + size * draws * values.norm(dim=dim, keepdim=True) / values.shape[dim] ** 0.5

    levels: list[FirstLevel | HigherLevel] = []
    order: Tensor | None = None
    for level in target.levels:
        below, order = order, _order(level.thresholds, generators, shuffle)
        atoms = noisy(level.dictionary, spread, 2)
        atoms = take(atoms / atoms.norm(dim=2, keepdim=True), order, 3)
        thresholds = take(noisy(level.thresholds, noise, 2), order, 2)
        if isinstance(level, FirstLevel):
            rows = noisy(level.latent_weights, noise, 3) @ frame[:, None]
            levels.append(FirstLevel(atoms, take(rows, order, 2), thresholds))
        else:
            assert below is not None
            rows = take(shuffle_inputs(noisy(level.weights, noise, 3), level.parents, below), order, 2)
            levels.append(HigherLevel(atoms, rows, level.parents, thresholds))
    return TargetNetwork(tuple(levels))


def alike_and_rolled(seeds: Sequence[int]) -> tuple[TargetNetwork, TargetNetwork]:
    """Two networks: the second level's neurons are all alike, and those of the first network read each other's channels.

    Both levels have the same law in both networks, though not on one latent; only together do they differ.
    """
    target = disjoint_supports(6, 2.0, seeds=seeds, num_patches=2, num_parents=1)
    top = target.higher[0]
    alike = replace(top, weights=(top.weights > 0).double(), thresholds=torch.full_like(top.thresholds, 0.5))
    rolled = replace(alike, weights=alike.weights.roll(1, dims=3))
    return TargetNetwork((target.first, rolled)), TargetNetwork((target.first, alike))


def take(values: Tensor, order: Tensor, dim: int) -> Tensor:
    """Reorder the channels, at ``dim`` of ``values``, as in order (batch, patch, channel)."""
    return torch.stack(
        [
            torch.stack([v.index_select(dim - 2, o) for v, o in zip(patches, orders, strict=True)])
            for patches, orders in zip(values, order, strict=True)
        ]
    )


def shuffle_inputs(weights: Tensor, parents: Tensor, order: Tensor) -> Tensor:
    """Reorder what a row reads, one parent after the other."""
    rows = weights.clone()
    channels = order.shape[2]
    for batch, patch in torch.cartesian_prod(torch.arange(weights.shape[0]), torch.arange(weights.shape[1])).tolist():
        for place, parent in enumerate(parents[patch].tolist()):
            at = slice(place * channels, (place + 1) * channels)
            rows[batch, patch, :, at] = weights[batch, patch, :, at][:, order[batch, parent]]
    return rows


def _order(thresholds: Tensor, generators: Sequence[np.random.Generator], shuffle: bool) -> Tensor:
    batch, patches, channels = thresholds.shape
    if not shuffle:
        return torch.arange(channels).expand(batch, patches, -1)
    return torch.stack(
        [torch.stack([torch.from_numpy(rng.permutation(channels)) for _ in range(patches)]) for rng in generators]
    )
