"""What samples say of the network that made them before anything is learned: channels, rates, how many samples it takes."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.gaussian import inverse_tail, relu_mean
from fsrcheck.training.given_patches import unit_of
from fsrcheck.training.level_samples import LevelSamples
from fsrcheck.training.minmax_stages import first_patches

READ = 2**15  # samples that ranks and rates are read from
RANK_TOLERANCE = 1e-9  # of the largest eigenvalue; rounding to float32 leaves 1e-14


def numbers_of_channels(samples: LevelSamples) -> tuple[int, ...]:
    """m_l of every level: the rank of E[X X^T], which is that of the dictionary where no channel is a function of others.

    Raises:
        InputError: samples that are all 0; patches of a level with different ranks.
    """
    return tuple(_rank(samples, level) for level in range(1, len(samples.shapes) + 1))


def _rank(samples: LevelSamples, level: int) -> int:
    patches = first_patches(samples, level, READ)
    values = torch.linalg.eigvalsh(patches.mT @ patches)
    largest = values.amax(dim=-1, keepdim=True)
    if not bool((largest > 0).all()):
        raise InputError(
            f"samples of level {level} must not be 0 throughout a patch, got {int((largest <= 0).sum())} such"
        )
    ranks = sorted(set((values > RANK_TOLERANCE * largest).sum(dim=-1).tolist()))
    if len(ranks) > 1:
        raise InputError(
            f"patches of level {level} must have equally many channels, got second moments of rank {ranks}"
        )
    return int(ranks[0])


def firing_rates(samples: LevelSamples, num_channels: Sequence[int]) -> list[Tensor]:
    """k/m of every level as the samples tell it, (batch * patch,): |E X| / sqrt(m) over the size of a typical code."""
    rates = []
    for level, channels in enumerate(num_channels, start=1):
        patches = first_patches(samples, level, READ)
        rates.append(patches.mean(dim=1).norm(dim=-1) / channels**0.5 / unit_of(patches, channels))
    return rates


def expected_error(neurons: int, rate: float, num_samples: int) -> float:
    r"""The relative coupling RMS to be expected, h sqrt(n / N): n first-level neurons, h = E(g - t)_+ / Q(t)^2, Q(t) the rate k/m.

    What costs most are the latent rows. The correlation of two of them is read from E[S_p S_q]; at independence its standard error
    over its derivative is about 2 h e / sqrt(N) with e = E[g - t | g > t]. A row of n correlations, shared between its two ends,
    is off by h e sqrt(n / N), and a code by that over sqrt(2) e: by 0.71 h sqrt(n / N).

    With the rest it is a rule: on overlapping_inhibition and disjoint_supports, with ``firing_rates``, the RMS was 0.83 to 1.04 of
    it (m = 4, 8, 16 with k = 1, m = 12 and 16 with k/m = 1/8, L = 2, the last also L = 3; N = 8192 to 1.6e6). Codes must be
    sparse: at m = 8, k = 2 the RMS was 5.5 % at N = 524288, four times the rule, and hardly fell with N.
    """
    threshold = inverse_tail(torch.tensor(rate, dtype=torch.float64))
    return float(relu_mean(threshold)) / rate**2 * math.sqrt(neurons / num_samples)


def samples_needed(neurons: int, rate: float, accuracy: float) -> int:
    """N at which ``expected_error`` is ``accuracy``."""
    return math.ceil((expected_error(neurons, rate, 1) / accuracy) ** 2)
