"""Algorithm 1 for one instance, line by line (l.259-269), to hold the batched form against.

Plain Python over samples and channels, with the gradients of the objective worked out by hand.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def active(detector: Array, cutoff: float, patch: Array) -> list[int]:
    """The channels r with ReLU'(<W^D_r, Y> - bb) = 1."""
    return [r for r in range(detector.shape[1]) if detector[:, r] @ patch > cutoff]


def discriminator_gradient(
    detector: Array, cutoff: float, parameters: Array, real: Array, generated: Array, decay: float
) -> Array:
    """Derivative of the objective in V, (channel, patch_dim)."""
    gradient = np.zeros_like(parameters)
    for sign, patches in ((1, real), (-1, generated)):
        for patch in patches:
            for r in active(detector, cutoff, patch):
                gradient[r] += sign * patch / len(patches)
    for r, row in enumerate(parameters):
        size = np.linalg.norm(row)
        if size > 0:
            gradient[r] -= (1 + decay) * size ** (decay - 1) * row
    return gradient


def generator_gradient(detector: Array, cutoff: float, parameters: Array, dictionary: Array, codes: Array) -> Array:
    """Derivative of the objective in W, (patch_dim, channel), the indicators being constant."""
    gradient = np.zeros_like(dictionary)
    for code in codes:
        for r in active(detector, cutoff, dictionary @ code):
            gradient -= np.outer(parameters[r], code) / len(codes)
    return gradient


def transcribe(
    draw_patches: Callable[[], Array],
    draw_codes: Callable[[], Array],
    start: Array,
    cutoff: float,
    decay: float,
    num_steps: int,
    inner_steps: int,
    step_size: float,
    inner_step_size: float,
) -> Array:
    """Run Algorithm 1 from the dictionary ``start``, (patch_dim, channel)."""
    detector = start  # line 1
    dictionary, parameters = start, np.zeros((start.shape[1], start.shape[0]))  # line 2
    for _ in range(num_steps):  # line 3
        real, codes = draw_patches(), draw_codes()
        generated = np.array([dictionary @ code for code in codes])
        for _ in range(inner_steps):
            ascent = discriminator_gradient(detector, cutoff, parameters, real, generated, decay)
            parameters = parameters + inner_step_size * ascent
        descent = generator_gradient(detector, cutoff, parameters, dictionary, codes)
        dictionary = dictionary - step_size * descent
    return np.array([column / np.linalg.norm(column) for column in dictionary.T]).T  # line 4
