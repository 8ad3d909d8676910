"""How far what a generator draws is from the pictures, at one level (Figures 7 and 8): sliced Wasserstein distances."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.images.multiscale_gan import MultiscaleGan
from fsrcheck.images.multiscale_networks import MultiscaleGenerator
from fsrcheck.images.pyramid import pooled
from fsrcheck.images.quality import PatchSlices, Quality, quality
from fsrcheck.model.streams import streams
from lemmas.fsr.image_network_runs import Parameters
from lemmas.fsr.image_networks import pictures_of

CHUNK = 256  # images generated at a time
Images = Callable[[Tensor, int], Tensor]
"""So many images (image, 3, size, size) in [0, 1]: of the pictures that are left over, and the seed of the draw."""


@dataclass(frozen=True)
class DistanceParameters(Parameters):
    """And how often distances are measured.

    Attributes:
        samples: and as many pictures in each half.
        draws: of samples and pictures, whose spread gives standard errors.
    """

    samples: int = 512
    draws: int = 4

    def __post_init__(self) -> None:
        """Refuse what cannot be measured."""
        super().__post_init__()
        if self.draws < 2:
            raise InputError(f"draws must be at least 2, got {self.draws}")


def distances(parameters: DistanceParameters, size: int, seed: int, images: Images) -> list[Quality]:
    """Of images from as many pictures of this size, and of two such halves of the pictures; one for every draw."""
    return [_drawn(parameters, size, draw, images) for draw in range(seed, seed + parameters.draws)]


def _drawn(parameters: DistanceParameters, size: int, seed: int, images: Images) -> Quality:
    pictures, (chooser,) = pooled(pictures_of(parameters.pictures), size), streams([seed], "image distances")
    both = 2 * min(parameters.samples, len(pictures) // 2)
    order = torch.from_numpy(chooser.permutation(len(pictures)))
    return quality(images(pictures[order[both:]], seed)[: both // 2], pictures[order[:both]], PatchSlices(halvings=1))


def generated(parameters: DistanceParameters, gan: MultiscaleGan, generator: MultiscaleGenerator, level: int) -> Images:
    """Images of a generator of this run, clipped as a picture would be."""

    @torch.no_grad()
    def images(left: Tensor, seed: int) -> Tensor:
        parts = gan.latents(parameters.samples, seed).split(CHUNK)
        return torch.cat([(generator(part, level)[-1] + 1) / 2 for part in parts]).clamp(0, 1)

    return images


def others(left: Tensor, seed: int) -> Tensor:
    """Pictures that nothing is compared with."""
    return left


def ratio(ones: Sequence[Quality], others: Sequence[Quality]) -> tuple[float, float]:
    """One distance at its worst scale over another, mean over draws, with its standard error.

    The floor at each scale, a mean over draws, says which scale is the worst: that of a single halving is too noisy for it.
    """
    floors = np.mean([one.floors for one in ones], axis=0)
    one, other = (np.divide([each.distances for each in drawn], floors).max(axis=1) for drawn in (ones, others))
    found = one / other
    return float(found.mean()), float(found.std(ddof=1) / len(found) ** 0.5)
