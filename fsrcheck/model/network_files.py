"""Learned networks as `.npz` files, in the format of ``target_files``, whose ``save_target`` writes them.

``load_target`` asks for column-orthonormal dictionaries, as the paper does of a target. Those of a learned network are only nearly
so; ``load_network`` asks for everything else.
"""

import os
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.archives import network_of, read_arrays
from fsrcheck.model.target import FirstLevel, HigherLevel, TargetNetwork


def load_network(path: str | os.PathLike[str], device: torch.device | str = "cpu") -> TargetNetwork:
    """Read a network whose dictionaries need not be orthonormal; of a target it is what ``load_target`` reads.

    Raises:
        InputError: no such file, or no network in it; one line says what is wrong.
    """
    try:
        network = network_of(read_arrays(Path(path)))
        check_network(network)
    except InputError as error:
        raise InputError(f"network file {path}: {error}") from error
    return network.to(device)


def check_network(network: TargetNetwork) -> None:
    """See that shapes fit and numbers are finite.

    Raises:
        InputError: they do not, or a level has more channels than patch_dim.
    """
    for number, level in enumerate(network.levels, start=1):
        if not bool(torch.isfinite(level.dictionary).all()):
            raise InputError(f"dictionary of level {number} must be finite, got NaN or infinity")
    TargetNetwork(tuple(_orthonormal(level, number) for number, level in enumerate(network.levels, start=1))).validate()


def _orthonormal(level: FirstLevel | HigherLevel, number: int) -> FirstLevel | HigherLevel:
    """The level with a dictionary that a target may have: all else is left to ``TargetNetwork.validate``."""
    shape = level.dictionary.shape
    if len(shape) < 2:
        return level  # which is refused for its shape
    if shape[-1] > shape[-2]:
        raise InputError(f"channels of level {number} must be at most patch_dim ({shape[-2]}), got {shape[-1]}")
    return replace(level, dictionary=_unit_columns(level.dictionary))


def _unit_columns(dictionary: Tensor) -> Tensor:
    columns = torch.eye(*dictionary.shape[-2:], dtype=dictionary.dtype, device=dictionary.device)
    return columns.expand_as(dictionary)
