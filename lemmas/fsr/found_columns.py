"""Columns near the atoms of a dictionary: what the claims of Appendix A assume to have been found."""

from collections.abc import Sequence
from math import asin, cos, sin

import torch
from torch import Tensor

from fsrcheck.model.streams import standard_normal, streams


def perturbed_columns(dictionary: Tensor, dictionary_error: float, seeds: Sequence[int]) -> Tensor:
    """Unit columns at distance ``dictionary_error`` from the atoms, each in a random direction of the patch space.

    Args:
        dictionary: (batch, patch_dim, channel), column orthonormal.
        dictionary_error: |w_p - W_p|_2, in [0, 2].
        seeds: one per instance.
    """
    noise = standard_normal(streams(seeds, "found columns"), dictionary.shape[1:], dictionary.device)
    noise = noise - dictionary * (noise * dictionary).sum(dim=1, keepdim=True)
    noise = noise / noise.norm(dim=1, keepdim=True)
    angle = 2 * asin(dictionary_error / 2)
    return cos(angle) * dictionary + sin(angle) * noise


def cutoff_margin(patches: Tensor, cutoff: float, dictionary_error: float) -> Tensor:
    """Margin of "b > poly(k) delta", read as cutoff > delta max |X|: then (A.2) and (A.3), l.711-713, hold on the sample.

    |<w_p, X> - <W_p, X>| <= delta |X|. Args: patches (batch, sample, patch_dim). Returns (batch,).
    """
    noise = dictionary_error * patches.norm(dim=-1).amax(dim=-1)
    return cutoff / torch.clamp(noise, min=torch.finfo(noise.dtype).tiny) - 1
