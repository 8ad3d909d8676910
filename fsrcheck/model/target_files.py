"""Targets as `.npz` files, so that a user can bring their own.

A file holds plain numeric arrays (no pickled objects). For a target of L levels:

- ``num_levels``: integer L (optional; default 1)
- ``level1_dictionary``: (patch, patch_dim, channel), orthonormal columns
- ``level1_latent_weights``: (patch, channel, latent)
- ``level1_thresholds``: (patch, channel); subtracted, S = ReLU(V z - threshold)
- for l = 2..L: ``level{l}_dictionary``, ``level{l}_weights`` (patch, channel, parent * previous channel),
  ``level{l}_parents`` integers (patch, parent), ``level{l}_thresholds``

Each array except ``num_levels`` and ``level{l}_parents`` may have a leading axis of instances; either all
have it or none.
"""

import os
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.target import FirstLevel, HigherLevel, TargetNetwork

# What numpy and zipfile raise on torn, encrypted, pickled or foreign files.
_UNREADABLE = (OSError, EOFError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error)


def save_target(target: TargetNetwork, path: str | os.PathLike[str]) -> None:
    """Write `target` (all its instances) to `path` in the format of this module."""
    arrays: dict[str, np.ndarray] = {"num_levels": np.array(target.num_levels)}
    for number, level in enumerate(target.levels, start=1):
        for field in fields(level):
            arrays[f"level{number}_{field.name}"] = getattr(level, field.name).cpu().numpy()
    with Path(path).open("wb") as stream:  # a stream keeps numpy from appending ".npz" to the name
        np.savez(stream, allow_pickle=False, **arrays)


def load_target(path: str | os.PathLike[str], device: torch.device | str = "cpu") -> TargetNetwork:
    """Read and validate a target; `InputError` with one line says what is wrong with the file."""
    try:
        target = _assembled(_arrays(Path(path)))
        target.validate()
    except InputError as error:
        raise InputError(f"target file {path}: {error}") from error
    return target.to(device)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise InputError("must be an .npz archive, got a single array")
        with archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise InputError("must exist, got no such file") from None
    except _UNREADABLE as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"must be an .npz file of arrays without pickled objects, got: {reason}") from None


def _assembled(arrays: Mapping[str, np.ndarray]) -> TargetNetwork:
    num_levels = _num_levels(arrays)
    known = {"num_levels"} | {name for number in range(1, num_levels + 1) for name in _names(number)}
    missing, unknown = sorted(known - {"num_levels"} - set(arrays)), sorted(set(arrays) - known)
    if missing or unknown:
        raise InputError(f"arrays must be {sorted(known)}, got missing {missing} and unknown {unknown}")
    batched = arrays["level1_thresholds"].ndim == 3
    levels = [_level(arrays, number, batched) for number in range(1, num_levels + 1)]
    return TargetNetwork(tuple(levels))


def _num_levels(arrays: Mapping[str, np.ndarray]) -> int:
    value = arrays.get("num_levels", np.array(1))
    if value.shape != () or value.dtype.kind not in "iu" or not 1 <= value <= 64:
        raise InputError(f"num_levels must be one integer in 1..64, got {value.tolist()!r:.60}")
    return int(value)


def _level_type(number: int) -> type[FirstLevel] | type[HigherLevel]:
    return FirstLevel if number == 1 else HigherLevel


def _names(number: int) -> list[str]:
    return [f"level{number}_{field.name}" for field in fields(_level_type(number))]


def _level(arrays: Mapping[str, np.ndarray], number: int, batched: bool) -> FirstLevel | HigherLevel:
    tensors = []
    for name in _names(number):
        if name.endswith("_parents"):
            tensors.append(_tensor(arrays[name], name, "iu", np.int64))
        else:
            tensor = _tensor(arrays[name], name, "iuf", np.float64)
            tensors.append(tensor if batched else tensor[None])
    return _level_type(number)(*tensors)


def _tensor(array: np.ndarray, name: str, kinds: str, dtype: type) -> Tensor:
    if array.dtype.kind not in kinds:
        raise InputError(f"{name} must be numeric ({np.dtype(dtype).name}), got dtype {array.dtype}")
    return torch.from_numpy(np.ascontiguousarray(array, dtype=dtype))
