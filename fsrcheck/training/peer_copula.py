"""FastICA's dictionaries with one Gaussian copula over the thresholded codes of all levels and patches together.

Level by level and patch by patch, FastICA finds columns; the codes are read by their pseudo-inverse, and what is below a cutoff,
in units of a typical active code, is set to zero. The copula is fitted to all codes at once, so that it knows about pairs across
patches and levels. It does not know that a level is a function of the one below, nor which patches are parents of which.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.gaussian_copula import RATES, GaussianCopula, fit_copula
from fsrcheck.model.sampler import check_draw, check_patches
from fsrcheck.training.given_patches import unit_of
from fsrcheck.training.patch_source import fold_patches
from fsrcheck.training.peers import LOGCOSH, fast_ica

LearnDictionary = Callable[[Tensor, int, int], Tensor]
"""(patches (sample, patch_dim), num_channels, seed) -> columns (patch_dim, channel)."""


@dataclass(frozen=True)
class CopulaSettings:
    """What a user would tune.

    Attributes:
        cutoff: below which a code counts as zero, in units of a typical active code.
        match: what correlations are fitted to, ``RATES`` or ``SCORES``.
        contrast: of FastICA.
    """

    cutoff: float = 0.1
    match: str = RATES
    contrast: str = LOGCOSH

    def __post_init__(self) -> None:
        """Refuse a cutoff that is not positive."""
        if not self.cutoff > 0:
            raise InputError(f"cutoff must be positive, got {self.cutoff}")


@dataclass(frozen=True)
class CopulaGenerator:
    """A ``Sampler``: codes of the copula through ``dictionaries`` (batch, patch, patch_dim, channel), one a level."""

    dictionaries: Sequence[Tensor]
    copula: GaussianCopula

    def sample(self, num_samples: int, seeds: Sequence[int]) -> list[Tensor]:
        """See ``Sampler``."""
        check_draw(num_samples, seeds, len(self.copula.thresholds))
        codes = self.copula.sample(num_samples, seeds)
        sizes = [dictionary.shape[1] * dictionary.shape[3] for dictionary in self.dictionaries]
        return [
            torch.einsum("bjdp,bnjp->bnjd", dictionary, values.unflatten(2, (dictionary.shape[1], -1)))
            for dictionary, values in zip(self.dictionaries, codes.split(sizes, dim=2), strict=True)
        ]


def fit_peer_copula(
    patches: Sequence[Tensor],
    num_channels: Sequence[int],
    seeds: Sequence[int],
    settings: CopulaSettings | None = None,
) -> CopulaGenerator:
    """Learn dictionaries and copula from patches (batch, sample, patch, patch_dim) of every level.

    ``num_channels``: one a level. Raises InputError where sizes do not fit or scikit-learn is missing.
    """
    chosen = settings or CopulaSettings()
    dictionaries = learn_dictionaries(patches, num_channels, seeds, _fast_ica(chosen.contrast))
    return fit_codes(patches, dictionaries, chosen)


def fit_codes(patches: Sequence[Tensor], dictionaries: Sequence[Tensor], settings: CopulaSettings) -> CopulaGenerator:
    """Fit the copula to the codes that given ``dictionaries`` (batch, patch, patch_dim, channel) read off the patches."""
    check_patches(patches)
    codes = [
        _codes(level, dictionary, settings.cutoff) for level, dictionary in zip(patches, dictionaries, strict=True)
    ]
    return CopulaGenerator(tuple(dictionaries), fit_copula(torch.cat(codes, dim=2), settings.match))


def learn_dictionaries(
    patches: Sequence[Tensor], num_channels: Sequence[int], seeds: Sequence[int], learn: LearnDictionary
) -> list[Tensor]:
    """Learn a dictionary (batch, patch, patch_dim, channel) for every level, one patch of one instance after the other.

    Raises:
        InputError: numbers of channels or seeds that do not fit the patches.
    """
    batch, num_samples = check_patches(patches)
    check_draw(num_samples, seeds, batch)
    if len(num_channels) != len(patches):
        raise InputError(f"num_channels must be one a level ({len(patches)}), got {len(num_channels)}")
    return [_level(level, size, seeds, learn) for level, size in zip(patches, num_channels, strict=True)]


def _level(level: Tensor, num_channels: int, seeds: Sequence[int], learn: LearnDictionary) -> Tensor:
    found = [
        torch.stack([learn(values[:, patch], num_channels, seed) for patch in range(level.shape[2])])
        for values, seed in zip(level, seeds, strict=True)
    ]
    return torch.stack(found)


def _fast_ica(contrast: str) -> LearnDictionary:
    """FastICA within the span of the patches, whose dimension is the number of channels."""

    def learn(patches: Tensor, num_channels: int, seed: int) -> Tensor:
        if not 2 <= num_channels <= patches.shape[1]:
            raise InputError(f"num_channels must be in 2..patch_dim = {patches.shape[1]}, got {num_channels}")
        span = torch.linalg.eigh(patches.mT @ patches).eigenvectors[:, -num_channels:]
        return span @ fast_ica(patches @ span, num_channels, seed=seed, contrast=contrast)

    return learn


def _codes(level: Tensor, dictionary: Tensor, cutoff: float) -> Tensor:
    """Read codes, zero below the cutoff, (batch, sample, patch * channel)."""
    readings = torch.einsum("bjpd,bnjd->bnjp", torch.linalg.pinv(dictionary), level)
    unit = unit_of(fold_patches(level), dictionary.shape[3]).reshape(level.shape[0], level.shape[2])
    return torch.where(readings > cutoff * unit[:, None, :, None], readings, 0.0).flatten(2)
