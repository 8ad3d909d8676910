"""The target generator G*: latents -> codes -> patches, for a batch of instances (section 2.1, l.99-115)."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.streams import standard_normal

ORTHONORMALITY_TOLERANCE = 1e-8
"""Largest entry of |W^T W - I| that still counts as column orthonormal."""


@dataclass(frozen=True)
class FirstLevel:
    """Basic resolution: S = ReLU(V z - b), X = W S (l.99-103).

    `dictionary` (batch, patch, patch_dim, channel), `latent_weights` (batch, patch, channel, latent),
    `thresholds` (batch, patch, channel); float64, thresholds are subtracted.
    """

    dictionary: Tensor
    latent_weights: Tensor
    thresholds: Tensor

    def codes(self, latents: Tensor) -> Tensor:
        """Map latents (batch, sample, latent) to codes (batch, sample, patch, channel)."""
        batch, num_patches, num_channels, latent_dim = self.latent_weights.shape
        flat = self.latent_weights.reshape(batch, num_patches * num_channels, latent_dim)
        linear = latents @ flat.transpose(1, 2)
        linear = linear.reshape(batch, latents.shape[1], num_patches, num_channels)
        return torch.relu(linear - self.thresholds[:, None])


@dataclass(frozen=True)
class HigherLevel:
    """A level l > 1: S = ReLU(sum over parents j' of V_{j'} S_{j'} - b), X = W S (l.105-109).

    `dictionary` (batch, patch, patch_dim, channel),
    `weights` (batch, patch, channel, parent * previous channel),
    `parents` int64 (patch, parent), the set P_{l,j} as indices of patches one level below,
    `thresholds` (batch, patch, channel).
    """

    dictionary: Tensor
    weights: Tensor
    parents: Tensor
    thresholds: Tensor

    def codes(self, previous: Tensor) -> Tensor:
        """Map codes of the level below (batch, sample, patch, channel) to the codes of this level."""
        gathered = previous[:, :, self.parents]  # (batch, sample, patch, parent, previous channel)
        inputs = gathered.flatten(3).transpose(1, 2)
        linear = inputs @ self.weights.transpose(2, 3) - self.thresholds[:, :, None]
        return torch.relu(linear).transpose(1, 2)


@dataclass(frozen=True)
class TargetNetwork:
    """A batch of target generators; `levels` is a `FirstLevel` followed by any number of `HigherLevel`s."""

    levels: tuple[FirstLevel | HigherLevel, ...]

    @property
    def first(self) -> FirstLevel:
        """The basic resolution."""
        first = self.levels[0]
        if not isinstance(first, FirstLevel):
            raise InputError(f"levels[0] must be a FirstLevel, got {type(first).__name__}")
        return first

    @property
    def higher(self) -> tuple[HigherLevel, ...]:
        """The levels above the first, lowest first."""
        return tuple(level for level in self.levels[1:] if isinstance(level, HigherLevel))

    @property
    def batch_size(self) -> int:
        """Number of instances."""
        return self.first.thresholds.shape[0]

    @property
    def num_levels(self) -> int:
        """L, the number of resolutions."""
        return len(self.levels)

    @property
    def latent_dim(self) -> int:
        """Dimension m_0 of the Gaussian latent z."""
        return self.first.latent_weights.shape[-1]

    @property
    def device(self) -> torch.device:
        """Where the tensors live."""
        return self.first.thresholds.device

    def codes(self, latents: Tensor) -> list[Tensor]:
        """Map latents (batch, sample, latent) to the codes (batch, sample, patch, channel) of all levels."""
        codes = [self.first.codes(latents)]
        for level in self.higher:
            codes.append(level.codes(codes[-1]))
        return codes

    def patches(self, codes: Sequence[Tensor]) -> list[Tensor]:
        """Return X_l = W_l S_l of every level, each (batch, sample, patch, patch_dim)."""
        return [
            (level.dictionary @ code.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
            for level, code in zip(self.levels, codes, strict=True)
        ]

    def sample_codes(self, generators: Sequence[np.random.Generator], num_samples: int) -> list[Tensor]:
        """Draw the next `num_samples` latents of each instance and return the codes of every level."""
        return self.codes(standard_normal(generators, (num_samples, self.latent_dim), self.device))

    def to(self, device: torch.device | str) -> "TargetNetwork":
        """Return the same target with all tensors on `device`."""
        return TargetNetwork(tuple(_moved(level, device) for level in self.levels))

    def validate(self) -> None:
        """Raise `InputError` unless shapes fit, numbers are finite and dictionaries are orthonormal."""
        if not self.levels:
            raise InputError("a target must have at least 1 level, got 0")
        _check_first(self.first)
        for number, level in enumerate(self.levels[1:], start=2):
            if not isinstance(level, HigherLevel):
                raise InputError(f"level {number} must be a HigherLevel, got {type(level).__name__}")
            _check_higher(level, self.levels[number - 2], number)


def orthonormality_defect(dictionary: Tensor) -> Tensor:
    """Map dictionaries (batch, patch, patch_dim, channel) to max |W^T W - I|, (batch, patch)."""
    gram = dictionary.transpose(-1, -2) @ dictionary
    identity = torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)
    return (gram - identity).abs().amax(dim=(-1, -2))


def _moved(level: FirstLevel | HigherLevel, device: torch.device | str) -> FirstLevel | HigherLevel:
    return type(level)(**{field.name: getattr(level, field.name).to(device) for field in fields(level)})


def _check_first(level: FirstLevel) -> None:
    _check_common(level, 1)
    _check_shape(level.latent_weights, (*level.thresholds.shape, None), "latent_weights of level 1")
    _check_finite(level.latent_weights, "latent_weights of level 1")
    if not bool((level.latent_weights.square().sum(dim=-1) > 0).all()):
        raise InputError("rows of latent_weights of level 1 must be non-zero, got a zero row")


def _check_higher(level: HigherLevel, below: FirstLevel | HigherLevel, number: int) -> None:
    _check_common(level, number)
    batch, num_patches, _ = level.thresholds.shape
    below_batch, below_patches, below_channels = below.thresholds.shape
    if batch != below_batch:
        raise InputError(f"batch of level {number} must be {below_batch} as below, got {batch}")
    _check_shape(level.parents, (num_patches, None), f"parents of level {number}")
    if level.parents.dtype != torch.int64:
        raise InputError(f"parents of level {number} must be int64, got {level.parents.dtype}")
    _check_parents(level.parents, below_patches, number)
    fan_in = level.parents.shape[1] * below_channels
    _check_shape(level.weights, (*level.thresholds.shape, fan_in), f"weights of level {number}")
    _check_finite(level.weights, f"weights of level {number}")


def _check_parents(parents: Tensor, below_patches: int, number: int) -> None:
    if parents.shape[1] == 0 or parents.min() < 0 or parents.max() >= below_patches:
        wanted = f"patches 0..{below_patches - 1}"
        raise InputError(f"parents of level {number} must be {wanted}, got {parents.tolist()}")
    ordered = parents.sort(dim=1).values
    if bool((ordered[:, 1:] == ordered[:, :-1]).any()):
        raise InputError(f"parents of level {number} must differ within a patch, got {parents.tolist()}")


def _check_common(level: FirstLevel | HigherLevel, number: int) -> None:
    _check_shape(level.thresholds, (None, None, None), f"thresholds of level {number}")
    batch, num_patches, num_channels = level.thresholds.shape
    if num_channels < 2:
        raise InputError(f"num_channels of level {number} must be at least 2, got {num_channels}")
    if batch * num_patches == 0:
        shape = (batch, num_patches)
        raise InputError(f"batch and patches of level {number} must not be empty, got {shape}")
    _check_shape(level.dictionary, (batch, num_patches, None, num_channels), f"dictionary of level {number}")
    _check_finite(level.thresholds, f"thresholds of level {number}")
    _check_finite(level.dictionary, f"dictionary of level {number}")
    defect = float(orthonormality_defect(level.dictionary).max())
    if not defect <= ORTHONORMALITY_TOLERANCE:
        raise InputError(
            f"dictionary of level {number} must be column orthonormal to {ORTHONORMALITY_TOLERANCE:g}, "
            f"got max |W^T W - I| = {defect:.3g}"
        )


def _check_shape(tensor: Tensor, expected: tuple[int | None, ...], name: str) -> None:
    shape = tuple(tensor.shape)
    fits = len(shape) == len(expected) and all(
        want is None or have == want for have, want in zip(shape, expected, strict=True)
    )
    if not fits:
        pattern = ", ".join("*" if want is None else str(want) for want in expected)
        raise InputError(f"{name} must have shape ({pattern}), got {shape}")


def _check_finite(tensor: Tensor, name: str) -> None:
    if tensor.dtype != torch.float64:
        raise InputError(f"{name} must be float64, got {tensor.dtype}")
    if not bool(torch.isfinite(tensor).all()):
        raise InputError(f"{name} must be finite, got NaN or infinity")
