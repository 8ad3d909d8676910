"""What photographs are compared with: data that share one thing with them, and data that meet the assumptions.

Each control keeps the shape of the photographs' patches (picture by picture, so that it can be resampled like them) and goes
through whitening, learning and reading like them.

- ``gaussian``: Gaussian patches with the same mean and covariance.
- ``phase_scrambled_picture``: the picture with random phases, the same in all channels: its own spectrum, nothing else.
- ``contrast_normalised``: whitened patches of length one, the photographs' directions without their contrast.
- ``scale_mixture``: the photographs' contrasts with directions by chance.
- ``sparse``: independent channels of the paper's model through an orthonormal dictionary; it meets Assumptions 2.2 and 2.3.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from fsrcheck.images.patches import Halves
from fsrcheck.images.pictures import Picture
from fsrcheck.images.whitening import Whitening
from fsrcheck.model.families import FAMILIES
from fsrcheck.model.streams import streams


def gaussian(halves: Halves, whitening: Whitening, seed: int) -> Halves:
    """Gaussian patches with the mean and the covariance that the whitening knows."""
    generator = streams([seed], "gaussian patches")[0]
    return _each(halves, lambda patches: whitening.restore(_normal(patches, whitening, generator)))


def contrast_normalised(halves: Halves, whitening: Whitening) -> Halves:
    """Patches whose whitened length is that of a typical one, sqrt(rank)."""

    def normalised(patches: Tensor) -> Tensor:
        return whitening.restore(whitening.rank**0.5 * _directions(whitening.whiten(patches)))

    return _each(halves, normalised)


def scale_mixture(halves: Halves, whitening: Whitening, seed: int) -> Halves:
    """Patches with the whitened lengths of the given ones and directions by chance: a Gaussian scale mixture."""
    generator = streams([seed], "directions of the scale mixture")[0]

    def mixed(patches: Tensor) -> Tensor:
        lengths = whitening.whiten(patches).norm(dim=-1, keepdim=True)
        return whitening.restore(lengths * _directions(_normal(patches, whitening, generator)))

    return _each(halves, mixed)


def sparse(halves: Halves, expected_active: float, seed: int) -> Halves:
    """X = W S with independent channels, m = d and Pr[S_p > 0] = k/m, in the given shape."""
    dim = halves.patch_dim
    target = FAMILIES["independent_channels"](dim, expected_active, seeds=[seed])
    generators = streams([seed], "codes of the sparse control")

    def drawn(patches: Tensor) -> Tensor:
        codes = target.sample_codes(generators, patches.shape[0] * patches.shape[1])
        return target.patches(codes)[0][0, :, 0].reshape(patches.shape).to(patches)

    return _each(halves, drawn)


def phase_scrambled_picture(picture: Picture, seed: int) -> Picture:
    """The picture with the phases of white noise added to its own, the same in every channel.

    The seed and the picture's name choose them. The mean stays; values may leave [0, 1].
    """
    generator = streams([seed], f"phases of {picture.name}")[0]
    noise = np.fft.rfft2(generator.standard_normal(picture.pixels.shape[:2]))
    turn = np.exp(1j * np.angle(noise))
    turn[0, 0] = 1.0
    spectrum = np.fft.rfft2(picture.pixels, axes=(0, 1)) * turn[..., None]
    return Picture(picture.name, np.fft.irfft2(spectrum, s=picture.pixels.shape[:2], axes=(0, 1)))


def _each(halves: Halves, change: Callable[[Tensor], Tensor]) -> Halves:
    return Halves(change(halves.learn), change(halves.test))


def _normal(patches: Tensor, whitening: Whitening, generator: np.random.Generator) -> Tensor:
    shape = (*patches.shape[:2], whitening.rank)
    return torch.from_numpy(generator.standard_normal(shape)).to(patches)


def _directions(rows: Tensor) -> Tensor:
    return rows / rows.norm(dim=-1, keepdim=True).clamp(min=torch.finfo(rows.dtype).tiny)
