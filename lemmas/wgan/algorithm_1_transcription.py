"""Algorithm 1 for one run of tanh, line by line, to hold the batched form against.

Plain Python over latents and rows; the gradient of <X_n - M, V> worked out by hand.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass
class Players:
    """A (d, k) and V (d, d)."""

    rows: Array
    discriminator: Array


def batch_moments(rows: Array, latents: Array) -> Array:
    """(1/m) sum_i phi(A z_i) phi(A z_i)^T; latents (m, k)."""
    total = np.zeros((len(rows), len(rows)))
    for latent in latents:
        output = np.tanh(rows @ latent)
        total += np.outer(output, output) / len(latents)
    return total


def generator_gradient(players: Players, latents: Array) -> Array:
    """The gradient in A of -<M, V>."""
    total = np.zeros_like(players.rows)
    for latent in latents:
        output = np.tanh(players.rows @ latent)
        pull = (players.discriminator + players.discriminator.T) @ output
        for row in range(len(players.rows)):
            total[row] -= pull[row] * (1 - output[row] ** 2) * latent / len(latents)
    return total


def transcribe(
    observed: Array,
    players: Players,
    draw_latents: Callable[[], Array],
    draw_own_latents: Callable[[], Array] | None,
    draw_noise: Callable[[], Array],
    step_sizes: list[float],
    *,
    regulariser: float,
    projected: bool,
) -> Players:
    """Run Algorithm 1; ``draw_own_latents`` gives the generator a batch of its own if it is not None."""
    for step_size in step_sizes:  # line 3
        latents = draw_latents()  # line 4
        ascent = observed - batch_moments(players.rows, latents) - regulariser * players.discriminator
        players = Players(players.rows, players.discriminator + 1.0 * ascent)  # line 5
        if draw_own_latents is not None:
            latents = draw_own_latents()
        noise = draw_noise()  # line 6
        rows = players.rows - step_size * (generator_gradient(players, latents) + noise)  # line 7
        if projected:
            rows = np.array([row / np.sqrt(np.sum(row**2)) for row in rows])
        players = Players(rows, players.discriminator)
    return players
