"""Thresholds and scales of higher levels, so that each neuron clears its threshold as often as wanted.

The law of a weighted sum of codes has no closed form; quantile and mean excess are taken from a sample drawn
from a stream of the instance's own seed, so the target is still a function of that seed alone.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.target import HigherLevel, TargetNetwork

EXCEEDANCES = 1024
"""Samples above each threshold: its probability is off by about 1/sqrt(1024) = 3 %."""

_CHUNK = 2048


def calibrated_level(
    below: TargetNetwork,
    dictionary: Tensor,
    rows: Tensor,
    parents: Tensor,
    expected_active: float,
    generators: Sequence[np.random.Generator],
) -> HigherLevel:
    """Return the level with weights along `rows`, Pr[S_p > 0] = expected_active / channels, E[S_p|S_p>0] = 1.

    `rows` (batch, patch, channel, parent * previous channel). `below` are the levels underneath.
    Raises `InputError` where a neuron's input is not positive often enough for a positive threshold.
    """
    num_samples = math.ceil(EXCEEDANCES * rows.shape[2] / expected_active)
    unscaled = HigherLevel(dictionary, rows, parents, torch.full(rows.shape[:3], 0.0, dtype=rows.dtype))
    largest = _largest_inputs(below, unscaled, generators, num_samples)
    thresholds = (largest[..., EXCEEDANCES - 1] + largest[..., EXCEEDANCES]) / 2
    if not bool((thresholds > 0).all()):
        raise InputError(
            "expected_active must be small enough for every neuron to have a positive threshold, "
            f"got {expected_active:g}"
        )
    scales = 1 / (largest[..., :EXCEEDANCES] - thresholds[..., None]).mean(dim=-1)
    return HigherLevel(dictionary, rows * scales[..., None], parents, thresholds * scales)


def _largest_inputs(
    below: TargetNetwork, level: HigherLevel, generators: Sequence[np.random.Generator], num_samples: int
) -> Tensor:
    """Return the EXCEEDANCES + 1 largest positive parts of each neuron's input, descending, streamed."""
    largest = torch.zeros((*level.thresholds.shape, EXCEEDANCES + 1), dtype=level.thresholds.dtype)
    for start in range(0, num_samples, _CHUNK):
        codes = below.sample_codes(generators, min(_CHUNK, num_samples - start))
        fresh = level.codes(codes[-1]).permute(0, 2, 3, 1)
        largest = torch.cat([largest, fresh], dim=-1).topk(EXCEEDANCES + 1, dim=-1).values
    return largest
