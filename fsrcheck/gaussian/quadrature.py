"""Gauss-Legendre rules, and cutting long inputs into pieces: what the closed forms by quadrature share."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import roots_legendre
from torch import Tensor

NEWTON_STEPS = 2


def _legendre(order: int, gap: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return P_order and P_{order-1} at 1 - gap, by a recurrence on differences that never rounds 1 - gap."""
    previous, current = np.ones_like(gap), 1.0 - gap
    difference = -gap
    for k in range(1, order):
        difference = (k * difference - (2 * k + 1) * gap * current) / (k + 1)
        previous, current = current, current + difference
    return current, previous


def _half_rule(num_nodes: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the distances from 1 of the upper half of the nodes on [-1, 1], and their weights.

    Library rules round the nodes to 1e-16 of the *interval*, which costs the outermost weights up to 1e-10 of
    themselves (128 nodes: 1e-11). Newton steps on the distance from the end point give every digit back.
    """
    gap = 1.0 - roots_legendre(num_nodes)[0][num_nodes // 2 :]
    for _ in range(NEWTON_STEPS):
        value, previous = _legendre(num_nodes, gap)
        derivative = num_nodes * (previous - (1.0 - gap) * value) / (gap * (2.0 - gap))
        gap = gap + value / derivative
    _, previous = _legendre(num_nodes, gap)
    return gap, 2.0 * gap * (2.0 - gap) / (num_nodes * previous) ** 2


@lru_cache(maxsize=64)
def gauss_legendre(num_nodes: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return nodes and weights on [0, 1], ascending, each of shape (num_nodes,), float64, on the device.

    Nodes near 0 and all weights are accurate to a few ulp of themselves; `num_nodes` must be even.
    """
    gap, weight = _half_rule(num_nodes)
    nodes = np.concatenate([gap[::-1] / 2, 1.0 - gap / 2])
    weights = np.concatenate([weight[::-1], weight]) / 2
    return torch.as_tensor(nodes, device=device), torch.as_tensor(weights, device=device)


def pieces(index: Tensor, chunk_size: int) -> Iterator[Tensor]:
    """Yield consecutive pieces of at most `chunk_size` entries of a one-dimensional tensor of indices."""
    for start in range(0, len(index), chunk_size):
        yield index[start : start + chunk_size]
