"""How often the channels of a generator's codes are active, alone and together (Figure 3).

Codes S_l are (sample, channel, size, size) and not negative.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from fsrcheck.errors import InputError

LEAST_EXPECTED = 10.0
"""Pairs and triples that independent channels would show less often than this in all samples are left out: their ratios would be
noise."""


@dataclass(frozen=True)
class Activity:
    """Of the channels of one level.

    Attributes:
        rates: Pr[S_p > 0] over samples and places, (channel,).
        pairs: Pr[S_p, S_q > 0] / (Pr[S_p > 0] Pr[S_q > 0]) of two channels at one place, all pairs and places; 1 if independent.
        triples: the same of three.
    """

    rates: Tensor
    pairs: Tensor
    triples: Tensor

    @property
    def medians(self) -> tuple[float, float, float]:
        """Of rates, pairs and triples; nan where there is none to be counted."""
        found = (
            part.median() if part.numel() else torch.tensor(torch.nan)
            for part in (self.rates, self.pairs, self.triples)
        )
        rate, pair, triple = map(float, found)
        return rate, pair, triple


def activity(codes: Tensor, places: int) -> Activity:
    """Rates over all places; pairs and triples at so many places of the diagonal, around its middle.

    Raises:
        InputError: codes of another shape, or more places than the diagonal has.
    """
    if codes.ndim != 4 or codes.shape[-1] != codes.shape[-2] or 0 in codes.shape:
        raise InputError(f"codes must be (sample, channel, size, size), got {tuple(codes.shape)}")
    if not 1 <= places <= codes.shape[-1]:
        raise InputError(f"places must be between 1 and {codes.shape[-1]}, got {places}")
    active = (codes > 0).float()  # sums of zeros and ones are exact in it
    start = (codes.shape[-1] - places) // 2
    found = [_together(active[:, :, place, place]) for place in range(start, start + places)]
    pairs, triples = (torch.cat(parts) for parts in zip(*found, strict=True))
    return Activity(active.double().mean(dim=(0, 2, 3)), pairs, triples)


def _together(active: Tensor) -> tuple[Tensor, Tensor]:
    """Ratios of pairs p < q and triples p < q < r of (sample, channel) that are expected often enough."""
    samples, channels = active.shape
    rates = active.mean(dim=0)
    pairs, triples = [], []
    for first in range(channels):
        others = active[:, first + 1 :]
        chosen = active[:, first, None] * others
        pairs.append(_ratios(chosen.mean(dim=0), rates[first] * rates[first + 1 :], samples))
        expected = rates[first] * torch.outer(rates[first + 1 :], rates[first + 1 :])
        above = torch.ones_like(expected, dtype=torch.bool).triu(1)
        triples.append(_ratios((chosen.mT @ others / samples)[above], expected[above], samples))
    return torch.cat(pairs), torch.cat(triples)


def _ratios(found: Tensor, expected: Tensor, samples: int) -> Tensor:
    counted = samples * expected >= LEAST_EXPECTED
    return found[counted] / expected[counted]
