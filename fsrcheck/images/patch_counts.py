"""Picture by picture, the means that the constants of Assumptions 2.2 and 2.3 are functions of.

Every constant is a function of means over patches, so that a set of pictures resampled with weights needs the pictures' means and
nothing else. Pairs and triples are counted as lists of events (``fsrcheck.model.co_activity``): codes are sparse.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from fsrcheck.model.co_activity import co_activity

CHUNK = 1024  # patches at once: a patch with 40 active channels has 9880 triples
DELTAS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
"""Where anti-concentration is measured, in units of a mean active code."""


@dataclass(frozen=True, eq=False)
class PictureMeans:
    """Means over the patches of each picture, float64.

    Attributes:
        active: Pr[S_p > 0], (picture, channel).
        codes: E S_p, (picture, channel).
        pairs: Pr[S_p, S_q > 0], (picture, channel, channel).
        gated: E 1{S_p > 0} S_q, (picture, channel, channel).
        below: Pr[0 < S_p <= delta], (picture, delta, channel).
        pair_below: Pr[0 < S_p <= delta, S_q > 0], (picture, delta, channel, channel).
        triples: Pr[S_p, S_q, S_r > 0], p < q < r as ``triple_places`` has them, (picture, triple).
        num_active, largest: ||S||_0 and ||S||_inf of every patch, (picture, sample).
    """

    active: Tensor
    codes: Tensor
    pairs: Tensor
    gated: Tensor
    below: Tensor
    pair_below: Tensor
    triples: Tensor
    num_active: Tensor
    largest: Tensor

    @property
    def num_pictures(self) -> int:
        """How many."""
        return len(self.active)

    @property
    def num_channels(self) -> int:
        """m."""
        return self.active.shape[1]


@lru_cache(maxsize=4)
def triple_places(num_channels: int, device: torch.device | str = "cpu") -> Tensor:
    """All p < q < r, (3, triple), in lexicographic order."""
    return torch.combinations(torch.arange(num_channels, device=device), 3).mT


def picture_means(codes: Tensor) -> PictureMeans:
    """Count codes (picture, sample, channel)."""
    found = [_of_one(picture) for picture in codes]
    means = {name: torch.stack([one[name] for one in found]) for name in found[0]}
    return PictureMeans(**means, num_active=(codes > 0).sum(dim=-1), largest=codes.amax(dim=-1))


def _of_one(codes: Tensor) -> dict[str, Tensor]:
    """Means over the patches of (sample, channel)."""
    number = len(codes)
    active = (codes > 0).to(codes.dtype)
    small = torch.stack([active * (codes <= delta) for delta in DELTAS])
    return {
        "active": active.mean(dim=0),
        "codes": codes.mean(dim=0),
        "pairs": active.mT @ active / number,
        "gated": active.mT @ codes / number,
        "below": small.mean(dim=1),
        "pair_below": small.mT @ active / number,
        "triples": _triples(codes) / number,
    }


def _triples(codes: Tensor) -> Tensor:
    """How often each triple is active in (sample, channel), in the order of ``triple_places``."""
    size = codes.shape[1]
    counts = torch.zeros(size**3, dtype=torch.long, device=codes.device)
    for part in codes.split(CHUNK):
        keys = co_activity(part[None, :, None]).triple_keys()
        counts += torch.bincount(keys, minlength=size**3)
    first, second, third = triple_places(size, codes.device)
    return counts[(first * size + second) * size + third].to(codes.dtype)
