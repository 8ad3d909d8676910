"""Algorithm 6 for one instance of the game of scales, line by line (l.590-609), to hold the batched form against.

Plain Python over samples and coordinates; gradients of the loss in ``scale_game`` worked out by hand.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass
class Players:
    """theta_G and theta_D."""

    generator: Array
    discriminator: Array


def discriminator_gradient(players: Players, real: Array, latents: Array, generator_inside: bool) -> Array:
    """Mean of X* less mean of G(z), and the regulariser's part."""
    total = np.zeros(len(players.discriminator))
    for patch, latent in zip(real, latents, strict=True):
        total += (patch - players.generator * np.abs(latent)) / len(real)
    return total if generator_inside else total - players.discriminator


def generator_gradient(players: Players, latents: Array, generator_inside: bool) -> Array:
    """Minus the mean of theta_D |z|, and the regulariser's part."""
    total = np.zeros(len(players.generator))
    for latent in latents:
        total -= players.discriminator * np.abs(latent) / len(latents)
    return total - players.generator if generator_inside else total


def transcribe(
    draw_real: Callable[[], Array],
    draw_latents: Callable[[], Array],
    draw_noise: Callable[[], Array],
    players: Players,
    num_steps: int,
    inner_steps: int,
    step_size: float,
    inner_step_size: float,
    *,
    generator_inside: bool,
) -> Players:
    """Run Algorithm 6; ``draw_noise`` returns sigma_xi times a standard normal."""
    for _ in range(num_steps):  # line 2
        real, latents = draw_real(), draw_latents()  # line 3
        for _ in range(inner_steps):  # line 5
            if generator_inside:
                ascent = generator_gradient(players, latents, generator_inside)
                players = Players(players.generator + inner_step_size * ascent, players.discriminator)
            else:
                ascent = discriminator_gradient(players, real, latents, generator_inside)
                players = Players(players.generator, players.discriminator + inner_step_size * ascent)  # line 6
        noise = draw_noise()
        if generator_inside:
            descent = discriminator_gradient(players, real, latents, generator_inside)
            moved = players.discriminator - step_size * descent - step_size * noise
            players = Players(players.generator, moved)
        else:
            descent = generator_gradient(players, latents, generator_inside)
            moved = players.generator - step_size * descent - step_size * noise  # line 8
            players = Players(moved, players.discriminator)
    return players
