"""The same tuning for everybody: fit each candidate to most of the samples, keep the one least told from the rest.

No candidate is judged by the truth, which a user does not have: a classifier compares what it generates with samples that it was
not fitted to (``two_sample_test``), and the smallest area wins. A candidate that refuses the samples has area 1.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.sampler import Sampler, check_draw, check_patches
from fsrcheck.training.two_sample_test import classifier_test

Fit = Callable[[Sequence[Tensor], Sequence[int]], Sampler]
"""(patches (batch, sample, patch, patch_dim) of every level, one seed for each instance) -> what was fitted to them."""
Features = Callable[[Sequence[Tensor]], Tensor]
"""Patches of every level -> what the classifier sees, (batch, sample, feature)."""


@dataclass(frozen=True)
class Tuned:
    """What tuning found.

    Attributes:
        sampler: the candidate that was least told from held-out samples, as fitted to the others; None if all refused.
        chosen: its number.
        areas: of every candidate, the mean over instances.
        refusals: why candidates refused, by number.
    """

    sampler: Sampler | None
    chosen: int
    areas: tuple[float, ...]
    refusals: dict[int, str]


def joined(patches: Sequence[Tensor]) -> Tensor:
    """All patches of all levels side by side, (batch, sample, feature)."""
    return torch.cat([level.flatten(2) for level in patches], dim=2)


def tune(
    candidates: Sequence[Fit],
    patches: Sequence[Tensor],
    seeds: Sequence[int],
    *,
    noise: float,
    held: float = 0.2,
    features: Features = joined,
) -> Tuned:
    """Fit every candidate to all but the last share ``held`` of the samples and compare it with those.

    ``noise`` is that of ``classifier_test``. As many samples are generated as are held.

    Raises:
        InputError: no candidate; patches or seeds that do not fit; a share that leaves no samples on either side.
    """
    batch, num_samples = check_patches(patches)
    check_draw(num_samples, seeds, batch)
    kept = num_samples - round(held * num_samples)
    if not candidates or not 0 < kept < num_samples:
        raise InputError(f"candidates and samples on both sides must be given, got {len(candidates)} and held = {held}")
    fitted, rest = [level[:, :kept] for level in patches], [level[:, kept:] for level in patches]
    found: list[Sampler | None] = []
    areas, refusals = [], {}
    for number, fit in enumerate(candidates):
        try:
            found.append(fit(fitted, seeds))
            areas.append(_area(found[-1], rest, seeds, noise, features))
        except InputError as refusal:
            found[number:] = [None]
            areas.append(1.0)
            refusals[number] = str(refusal)
    chosen = min(range(len(candidates)), key=lambda number: (found[number] is None, areas[number]))
    return Tuned(found[chosen], chosen, tuple(areas), refusals)


def _area(
    sampler: Sampler | None, rest: Sequence[Tensor], seeds: Sequence[int], noise: float, features: Features
) -> float:
    """Mean over instances of the area under the curve."""
    assert sampler is not None
    true, made = features(rest), features(sampler.sample(rest[0].shape[1], seeds))
    areas = [classifier_test(*pair, noise=noise, seed=seed).area for *pair, seed in zip(true, made, seeds, strict=True)]
    return sum(areas) / len(areas)
