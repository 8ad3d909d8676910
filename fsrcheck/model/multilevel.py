"""Synthetic targets with several levels: three that satisfy both assumptions, two that must be rejected.

The first level is always `independent_channels`, patches independent. A neuron of level l reads `num_parents`
patches below, j and j + 2^(l-2) modulo the number of patches, so that no two of its inputs share an ancestor.
Each level is calibrated: Pr[S_p > 0] = k_l / m_l with k_l = (num_parents / 2) k_(l-1), that is, half of the
activity in a neuron's excitatory inputs clears its threshold, and E[S_p | S_p > 0] = 1. With one parent k_l
halves per level, so that the checker's lower limit on m E[S_p] is met up to 2 levels at k = 1 and 3 at k = 2.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.calibration import calibrated_level
from fsrcheck.model.dictionaries import haar_dictionaries
from fsrcheck.model.single_level import check_sizes, independent_channels
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.model.target import TargetNetwork


@dataclass(frozen=True)
class _Plan:
    """A level before calibration: `parents` (patch, parent), `rows` (batch, patch, channel, fan-in)."""

    parents: Tensor
    rows: Tensor
    expected_active: float


def disjoint_supports(
    num_channels: int,
    expected_active: float,
    *,
    seeds: Sequence[int],
    num_patches: int = 2,
    patch_dim: int | None = None,
    device: torch.device | str = "cpu",
    num_levels: int = 2,
    num_parents: int = 2,
) -> TargetNetwork:
    """Neuron r reads channel r of each of its 1 or 2 parents: rows with disjoint supports (l.166-170).

    Two parents need num_patches >= 2^(num_levels - 1).
    """

    def rows(parents: int) -> Tensor:
        return _own_channel(num_channels).repeat(1, parents).expand(len(seeds), num_patches, -1, -1)

    return _uniform(num_channels, expected_active, seeds, num_patches, patch_dim, device, num_levels, num_parents, rows)


def overlapping_inhibition(
    num_channels: int,
    expected_active: float,
    *,
    seeds: Sequence[int],
    num_patches: int = 2,
    patch_dim: int | None = None,
    device: torch.device | str = "cpu",
    num_levels: int = 2,
    num_parents: int = 2,
    num_inhibitory: int = 2,
    inhibition: float = 0.5,
) -> TargetNetwork:
    """`disjoint_supports`, and each row has `num_inhibitory` negative entries per parent at random channels.

    The excitatory supports are disjoint, the inhibitory ones overlap. Needs num_channels > num_inhibitory.
    """
    check_sizes(num_channels, expected_active, seeds, num_patches, patch_dim)
    if not 0 <= num_inhibitory < num_channels:
        raise InputError(f"num_inhibitory must be in 0..{num_channels - 1}, got {num_inhibitory}")
    generators = streams(seeds, "weights")

    def rows(parents: int) -> Tensor:
        order = standard_normal(generators, (num_patches, num_channels, parents, num_channels))
        own = _own_channel(num_channels)[:, None]
        chosen = order.masked_fill(own > 0, -torch.inf).topk(num_inhibitory, dim=-1).indices
        inhibited = torch.zeros_like(order).scatter(-1, chosen, inhibition)
        return (own - inhibited).flatten(3)

    return _uniform(num_channels, expected_active, seeds, num_patches, patch_dim, device, num_levels, num_parents, rows)


def paper_example(
    num_channels: int,
    expected_active: float,
    *,
    seeds: Sequence[int],
    num_patches: int = 1,
    patch_dim: int | None = None,
    device: torch.device | str = "cpu",
    num_levels: int = 2,
) -> TargetNetwork:
    """The paper's own example (l.166-170): one parent, disjoint supports, m_(l+1) <= m_l, d_(l+1) >= d_l.

    Level l has num_channels / 2^(l-1) channels, each reading 2 channels (with random positive weights) of the
    only parent, and num_patches 2^(l-1) patches, two per parent. Pr[S_p != 0] = E[S_p] = expected_active /
    num_channels at every level, so channels within a patch are independent.
    """
    patch_dim = check_sizes(num_channels, expected_active, seeds, num_patches, patch_dim)
    _check_levels(num_levels)
    if num_channels % 2 ** (num_levels - 1) or num_channels < 2**num_levels:
        raise InputError(f"num_channels must be a multiple of {2**num_levels}, got {num_channels}")
    generators = streams(seeds, "weights")

    def plan(level: int) -> _Plan:
        shrink = 2 ** (level - 1)
        channels, patches = num_channels // shrink, num_patches * shrink
        support = _own_channel(channels).repeat(1, 2)
        size = torch.sigmoid(standard_normal(generators, (patches, channels, 2 * channels)))
        return _Plan(torch.arange(patches)[:, None] // 2, support * (1 + size), expected_active / shrink)

    return _stacked(num_channels, expected_active, seeds, num_patches, patch_dim, device, num_levels, plan)


def dense_mixing(
    num_channels: int,
    expected_active: float,
    *,
    seeds: Sequence[int],
    num_patches: int = 2,
    patch_dim: int | None = None,
    device: torch.device | str = "cpu",
    num_levels: int = 2,
    num_parents: int = 2,
) -> TargetNetwork:
    """Every neuron reads all channels of its parents, with random positive (half-normal) weights.

    To be rejected: a strong input makes many neurons fire together, so pairs and triples are too frequent.
    """
    generators = streams(seeds, "weights")

    def rows(parents: int) -> Tensor:
        return standard_normal(generators, (num_patches, num_channels, parents * num_channels)).abs()

    return _uniform(num_channels, expected_active, seeds, num_patches, patch_dim, device, num_levels, num_parents, rows)


def shared_supports(
    num_channels: int,
    expected_active: float,
    *,
    seeds: Sequence[int],
    num_patches: int = 2,
    patch_dim: int | None = None,
    device: torch.device | str = "cpu",
    num_levels: int = 2,
    num_parents: int = 2,
) -> TargetNetwork:
    """Neurons 2i and 2i + 1 both read channel 2i of each parent.

    To be rejected: they are one neuron twice, so the matrix mu of Assumption 2.3 is singular.
    """

    def rows(parents: int) -> Tensor:
        even = torch.arange(num_channels) // 2 * 2
        return _own_channel(num_channels)[even].repeat(1, parents).expand(len(seeds), num_patches, -1, -1)

    return _uniform(num_channels, expected_active, seeds, num_patches, patch_dim, device, num_levels, num_parents, rows)


def _own_channel(num_channels: int) -> Tensor:
    return torch.eye(num_channels, dtype=torch.float64)


def _uniform(
    num_channels: int,
    expected_active: float,
    seeds: Sequence[int],
    num_patches: int,
    patch_dim: int | None,
    device: torch.device | str,
    num_levels: int,
    num_parents: int,
    rows: Callable[[int], Tensor],
) -> TargetNetwork:
    """Build a target with the same sizes on all levels; `rows(num_parents)` is called once per level."""
    patch_dim = check_sizes(num_channels, expected_active, seeds, num_patches, patch_dim)
    _check_levels(num_levels)
    if num_parents not in (1, 2):
        raise InputError(f"num_parents must be 1 or 2, got {num_parents}")
    if num_parents == 2 and num_patches < 2 ** (num_levels - 1):
        least = 2 ** (num_levels - 1)
        raise InputError(
            f"num_patches must be at least {least} for {num_levels} levels of 2 parents, got {num_patches}"
        )

    def plan(level: int) -> _Plan:
        offsets = torch.arange(num_parents) * 2 ** (level - 2)
        parents = (torch.arange(num_patches)[:, None] + offsets) % num_patches
        return _Plan(parents, rows(num_parents), expected_active * (num_parents / 2) ** (level - 1))

    return _stacked(num_channels, expected_active, seeds, num_patches, patch_dim, device, num_levels, plan)


def _check_levels(num_levels: int) -> None:
    if num_levels < 1:
        raise InputError(f"num_levels must be at least 1, got {num_levels}")


def _stacked(
    num_channels: int,
    expected_active: float,
    seeds: Sequence[int],
    num_patches: int,
    patch_dim: int,
    device: torch.device | str,
    num_levels: int,
    plan: Callable[[int], _Plan],
) -> TargetNetwork:
    """Put calibrated levels on a first level of independent channels; `plan(l)` is level l = 2, 3, ..."""
    target = independent_channels(
        num_channels, expected_active, seeds=seeds, num_patches=num_patches, patch_dim=patch_dim
    )
    calibration = streams(seeds, "calibration")
    for level in range(2, num_levels + 1):
        wanted = plan(level)
        _, patches, channels, _ = wanted.rows.shape
        dictionary = haar_dictionaries(streams(seeds, f"dictionary {level}"), patches, patch_dim, channels)
        top = calibrated_level(target, dictionary, wanted.rows, wanted.parents, wanted.expected_active, calibration)
        target = TargetNetwork((*target.levels, top))
    return target.to(device)
