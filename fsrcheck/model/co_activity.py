"""Which channels of a patch are positive together, as lists of events.

Codes are sparse: the work is the number of active entries, pairs and triples, not samples times channels
squared.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class CoActivity:
    """The active entries of a chunk of codes and the pairs of them in one sample and patch.

    Per entry: `group` (= instance * patches + patch), `channel`, `value`, and `later`, the number of pairs it
    comes first in. Per pair: `first` and `second`, indices of entries with channel[first] < channel[second].
    `shape` is (batch, patch, channel).
    """

    shape: tuple[int, int, int]
    num_samples: int
    group: Tensor
    channel: Tensor
    value: Tensor
    first: Tensor
    second: Tensor
    later: Tensor

    def triple_keys(self) -> Tensor:
        """List p < q < r active together as ((group channels + p) channels + q) channels + r, (triple,)."""
        num_channels = self.shape[2]
        pair, third = _followers(self.second, self.later[self.second])
        first, second = self.first[pair], self.second[pair]
        pairs = (self.group[first] * num_channels + self.channel[first]) * num_channels + self.channel[second]
        return pairs * num_channels + self.channel[third]


def co_activity(codes: Tensor) -> CoActivity:
    """List the events in codes (batch, sample, patch, channel).

    Entries are sorted by patch and sample, so the partners of an entry are the entries after it up to the end
    of its row.
    """
    batch, num_samples, num_patches, num_channels = codes.shape
    table = codes.transpose(1, 2).flatten(0, 2)
    row, channel = table.nonzero(as_tuple=True)
    entries = torch.arange(len(row), device=row.device)
    ends = torch.bincount(row, minlength=1).cumsum(dim=0)
    later = ends[row] - entries - 1
    first, second = _followers(entries, later)
    return CoActivity(
        shape=(batch, num_patches, num_channels),
        num_samples=num_samples,
        group=row // num_samples,
        channel=channel,
        value=table[row, channel],
        first=first,
        second=second,
        later=later,
    )


def _followers(entries: Tensor, later: Tensor) -> tuple[Tensor, Tensor]:
    """Pair the i-th of `entries` with each of its `later[i]` successors: (i repeated, successor)."""
    index = torch.repeat_interleave(later)
    within = torch.arange(len(index), device=index.device) - (later.cumsum(dim=0) - later)[index]
    return index, entries[index] + 1 + within
