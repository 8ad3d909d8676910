"""Random numbers that are a function of one integer per instance.

numpy's generators fill arrays in sequence, so the numbers do not depend on how a sample is cut into chunks,
nor on the device on which they are used afterwards. (torch's own generators give neither.)
"""

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
import torch


def streams(seeds: Sequence[int], purpose: str) -> list[np.random.Generator]:
    """Return one independent generator per seed for the named purpose.

    Two purposes never share numbers, so drawing more for one (say, samples) leaves the other
    (say, the dictionary) as it was.
    """
    tag = int.from_bytes(sha256(purpose.encode()).digest()[:8], "little")
    return [np.random.default_rng([seed, tag]) for seed in seeds]


def standard_normal(
    generators: Sequence[np.random.Generator], shape: Sequence[int], device: torch.device | str = "cpu"
) -> torch.Tensor:
    """Draw standard normals, shape (batch, *shape), float64, one generator per instance."""
    draws = np.empty((len(generators), *shape))
    for row, generator in zip(draws, generators, strict=True):
        generator.standard_normal(out=row)
    return torch.from_numpy(draws).to(device)
