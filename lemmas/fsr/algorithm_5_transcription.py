"""Algorithm 5 for one instance, line by line (l.552-573), to hold the batched form against.

Plain numpy and Python loops; the only departure is that line 8 does not divide by zero. The lines that the
repaired form changes are marked.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass
class Transcript:
    """What the loop saw: the columns in order, and how many anchors and empty indicators there were."""

    columns: list[Array] = field(default_factory=list)
    iterations: int = 0
    undefined: int = 0


def project_out(columns: list[Array], patch: Array, cutoff: float) -> Array:
    """P_W(X) of line 5."""
    result = patch
    for column in columns:
        if column @ patch >= cutoff:
            result = result - column * (column @ result)
    return result


def slice_of(anchor: Array, columns: list[Array], samples: Array, cutoff: float) -> Array:
    """H of line 5."""
    total = np.zeros((len(anchor), len(anchor)))
    for patch in samples:
        left = project_out(columns, patch, cutoff)
        total += (anchor @ patch) * np.outer(left, left)
    return total / len(samples)


def purified(direction: Array, samples: Array, cutoff: float) -> Array:
    """v' of line 8 before it is normalised."""
    total = np.zeros(len(direction))
    for patch in samples:
        if direction @ patch >= cutoff:
            total += patch
    return total / len(samples)


def transcribe(
    draw_patch: Callable[[], Array],
    draw_samples: Callable[[], Array],
    num_channels: int,
    max_iterations: int,
    cutoff: float,
    least_gap: float,
    *,
    relative_gap: float = 0.0,
    repaired: bool = False,
) -> Transcript:
    """Run Algorithm 5; `least_gap` is 1/m as printed, `repaired` switches sign and duplicate test."""
    result = Transcript()
    for _ in range(max_iterations):  # line 2
        anchor = draw_patch() + draw_patch()  # line 3
        samples = draw_samples()  # line 4
        matrix = slice_of(anchor, result.columns, samples, cutoff)  # line 5
        values, vectors = torch.linalg.eigh(torch.from_numpy(matrix))  # line 6, signs as in the batched form
        direction = vectors[:, -1].numpy()
        gap = float(values[-1] - values[-2])
        result.iterations += 1
        if repaired and sum((direction @ patch) ** 3 for patch in samples) < 0:  # repair: the sign of v
            direction = -direction
        overlaps = [direction @ column for column in result.columns]
        if repaired:
            overlaps = [np.linalg.norm(overlaps)]  # repair: the projection of v on all known columns
        large = gap > least_gap and gap > relative_gap * float(values[-1])
        if large and all(overlap <= 0.5 for overlap in overlaps):  # line 7
            mean = purified(direction, samples, cutoff)  # line 8
            if np.linalg.norm(mean) > 0:
                result.columns.append(mean / np.linalg.norm(mean))  # line 9
            else:
                result.undefined += 1
        if len(result.columns) == num_channels:  # line 11
            break
    return result
