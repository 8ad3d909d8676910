"""The networks that the statements on Figures 1 to 8 on pictures look at: how they are trained, on what, and where they are kept.

Scale standard: emoji of 32 pixels, levels of 8, 16 and 32 pixels, 3000 steps, the instrument's default settings, networks number 0
to 4 (the number is the seed). Scale quick: patches of 16 pixels of the photographs that come with the wheels, levels of 4, 8 and
16 pixels, fewer steps and channels; it shows that the instrument and its measures work, and is no evidence of what large networks
do.

A trained network is kept (``fsrcheck.images.network_cache``): all statements look at the same ones.
"""

import sys
from dataclasses import dataclass, replace
from functools import lru_cache
from inspect import getfile

import numpy as np
from torch import Tensor

from fsrcheck.images import multiscale_files, network_cache, pyramid
from fsrcheck.images.multiscale_gan import Losses, MultiscaleGan
from fsrcheck.images.multiscale_settings import MultiscaleSettings, Phase
from fsrcheck.model.streams import streams
from fsrcheck.runs.code_digest import code_digest

JOINT, SEPARATE, NO_NORM = "joint", "separate", "no batch normalization"
LONG, WIDE = "twice the steps", "twice the channels"
LAYERWISE, LAYERWISE_TOP = "layer-wise", "layer-wise, highest level read"
RANDOM, RANDOM_TOP = "random lower levels", "random lower levels, highest level read"
EMOJI, PATCHES = "emoji", "patches"
STEPS = {EMOJI: 3000, PATCHES: 300}
SIDE, PER_PICTURE = 16, 512  # of patches
TOLD = 500  # steps between two words on a network that is trained
EARLY = 10  # the part of all steps after which moments are compared


@dataclass(frozen=True)
class Arm:
    """How a network is trained, and after which steps it is looked at."""

    settings: MultiscaleSettings
    phases: tuple[Phase, ...]
    snapshots_at: tuple[int, ...]


def settings_for(pictures: str) -> MultiscaleSettings:
    """Of the networks for emoji of 32 pixels (the default ones) or patches of 16."""
    return MultiscaleSettings() if pictures == EMOJI else MultiscaleSettings(first_size=2, channels=16, latent_dim=32)


def arms(settings: MultiscaleSettings, steps: int) -> dict[str, Arm]:
    """All arms by name; those that are compared have as many steps of the highest level, or in all, as each figure says."""
    levels = tuple(range(1, settings.num_levels + 1))
    part, top, wide = steps // len(levels), levels[-1:], replace(settings, width_factor=2.0)
    one_by_one = tuple(Phase(part, (level,)) for level in levels)
    each_alone = tuple(Phase(part, (level,), (level,)) for level in levels)
    together = Phase(steps, levels)
    found = {
        JOINT: (settings, (together,)),
        SEPARATE: (replace(settings, separate=True), (together,)),
        NO_NORM: (replace(settings, batch_norm=False), (together,)),
        LONG: (settings, (Phase(2 * steps, levels),)),
        WIDE: (wide, (together,)),
        LAYERWISE: (settings, (*one_by_one, together)),
        LAYERWISE_TOP: (settings, each_alone),
        RANDOM: (wide, (Phase(steps, top),)),
        RANDOM_TOP: (wide, (Phase(steps, top, top),)),
    }
    early = (0, steps // EARLY, part * len(levels))
    return {
        name: Arm(chosen, phases, (*early, sum(p.num_steps for p in phases)))
        for name, (chosen, phases) in found.items()
    }


def one_by_one(pictures: str) -> int:
    """Steps after which every level has been trained by itself."""
    levels = settings_for(pictures).num_levels
    return STEPS[pictures] // levels * levels


@lru_cache(maxsize=2)
def pictures_of(name: str) -> Tensor:
    """Emoji or patches, (picture, 3, size, size) in [0, 1].

    Raises:
        InputError: they are not installed.
    """
    if name == EMOJI:
        from fsrcheck.images.emoji import emoji

        return pyramid.as_images(emoji(32))
    from fsrcheck.images.patches import picture_patches
    from fsrcheck.images.photographs import photographs, wheels

    (generator,) = streams([0], "image networks: patches")
    pictures = photographs(wheels(), grey=False).pictures
    cut = np.stack([picture_patches(picture, SIDE, PER_PICTURE, generator).numpy() for picture in pictures])
    return pyramid.as_images(cut.reshape(-1, SIDE, SIDE, 3))


@lru_cache(maxsize=4)
def network(pictures: str, arm: str, number: int, device: str = "cpu") -> MultiscaleGan:
    """A trained network with its snapshots, trained now if it was not yet; it is to be looked at only.

    Raises:
        InputError: the pictures are not installed, or the network cannot be kept.
    """
    chosen = arms(settings_for(pictures), STEPS[pictures])[arm]
    gan = MultiscaleGan(pictures_of(pictures), chosen.settings, number, chosen.phases, chosen.snapshots_at, device)

    def tell(losses: Losses) -> None:
        if losses.step % TOLD == 0:
            print(f"network {number}, {arm}: step {losses.step} of {gan.num_steps}", file=sys.stderr, flush=True)

    return network_cache.trained(gan, code_digest(getfile(multiscale_files), judged=False), progress=tell)
