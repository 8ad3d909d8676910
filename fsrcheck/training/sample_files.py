"""Samples of a user's own as `.npz` files of plain numeric arrays (no pickled objects).

- ``level1``, ``level2``, ...: (sample, patch, patch_dim), lowest first; sample i of all levels is one draw. All of them
  may have a leading axis of instances, or none.
- ``level{l}_parents``, l > 1: integers (patch, parent), patches of the level below (optional; default: all of them).
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.archives import check_parents, numeric_tensor, read_arrays
from fsrcheck.training.level_samples import GivenSamples

Parents = tuple[tuple[tuple[int, ...], ...], ...]
_LEVEL = re.compile(r"level([1-9]\d{0,3})(_parents)?")
_LISTED = 5  # names in a complaint


@dataclass(frozen=True)
class SampleFile:
    """What a file holds.

    Attributes:
        samples: of every level.
        parents: of every level above the first, for every patch the indices of its parents, as ``Structure`` wants them.
    """

    samples: GivenSamples
    parents: Parents


def load_samples(path: str | os.PathLike[str], device: torch.device | str = "cpu") -> SampleFile:
    """Read samples.

    Raises:
        InputError: no such file, a level missing, not numeric, not finite, shapes that disagree between levels, parents that are
            none; one line says what is wrong.
    """
    try:
        arrays = read_arrays(Path(path))
        patches = _patches(arrays, _num_levels(arrays))
        samples = GivenSamples([level.to(device) for level in patches])
        parents = _parents(arrays, [num_patches for _, num_patches, _ in samples.shapes])
    except InputError as error:
        raise InputError(f"samples file {path}: {error}") from error
    return SampleFile(samples, parents)


def _num_levels(arrays: Mapping[str, np.ndarray]) -> int:
    matches = {name: _LEVEL.fullmatch(name) for name in arrays}
    numbers = [int(match[1]) for match in matches.values() if match]
    num_levels = max(numbers, default=1)
    missing = [f"level{number}" for number in range(1, num_levels + 1) if f"level{number}" not in arrays]
    unknown = sorted(name for name, match in matches.items() if not match or name == "level1_parents")
    if missing or unknown:
        wanted = "level1, level2, ... and level2_parents, ..."
        raise InputError(f"arrays must be {wanted}, got missing {_few(missing)} and unknown {_few(unknown)}")
    return num_levels


def _few(names: Sequence[str]) -> str:
    return repr(list(names)) if len(names) <= _LISTED else f"{list(names[:_LISTED])!r} and {len(names) - _LISTED} more"


def _patches(arrays: Mapping[str, np.ndarray], num_levels: int) -> list[Tensor]:
    """Every level as (batch, sample, patch, patch_dim)."""
    names = [f"level{number}" for number in range(1, num_levels + 1)]
    axes = arrays["level1"].ndim
    if axes not in (3, 4):
        shape = arrays["level1"].shape
        raise InputError(f"level1 must be (sample, patch, patch_dim), perhaps with a leading batch axis, got {shape}")
    for name in names:
        if arrays[name].ndim != axes:
            raise InputError(f"{name} must have {axes} axes as level1 has, got {arrays[name].ndim}")
    tensors = [numeric_tensor(arrays[name], name, "iuf", np.float64) for name in names]
    return tensors if axes == 4 else [tensor[None] for tensor in tensors]


def _parents(arrays: Mapping[str, np.ndarray], num_patches: Sequence[int]) -> Parents:
    levels = range(2, len(num_patches) + 1)
    return tuple(_of_level(arrays, level, num_patches[level - 1], num_patches[level - 2]) for level in levels)


def _of_level(
    arrays: Mapping[str, np.ndarray], level: int, num_patches: int, below: int
) -> tuple[tuple[int, ...], ...]:
    name = f"level{level}_parents"
    if name not in arrays:
        return (tuple(range(below)),) * num_patches
    parents = numeric_tensor(arrays[name], name, "iu", np.int64)
    if parents.ndim != 2 or parents.shape[0] != num_patches:
        raise InputError(f"{name} must have shape ({num_patches}, parent), got {tuple(parents.shape)}")
    check_parents(parents, below, level)
    return tuple(tuple(patch) for patch in parents.tolist())
