r"""Algorithm 2 on samples of the true patches: their moments are averages, those of the generator stay expectations.

The generator can be sampled as often as one likes, so that its expectations are taken as they are in
``first_hidden_oracles``; the N patches X* are what is scarce. Relative standard errors, with u = ReLU(S - c) (W = W*):

    x: sqrt(E u^2/(E u)^2 - 1)/sqrt(N) at c = 2b,    y: sqrt(1/y - 1)/sqrt(N),    s: sqrt(E u^2 E u'^2/s^2 - 1)/sqrt(N) at c = b,

the last one for channels that fire independently: about 2 (m/k)/sqrt(N), as E u^2 is about 2 (E u)^2/y. So D5 sees a pair at
all only from N = 4 (m/k)^2 on, and its correlation to b from N = (m/(k b))^2 on.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.gaussian.univariate import relu_moment
from fsrcheck.model.streams import streams
from fsrcheck.model.target import TargetNetwork
from fsrcheck.training.first_hidden import Channels, pair_indices
from fsrcheck.training.first_hidden_oracles import FirstLevelLaw

CHUNK_SIZE = 2048


class LearnersMoments(Protocol):
    """The learner's half of a ``FirstHiddenOracle``."""

    cutoff: Tensor

    def marginal_factors(self, channels: Channels) -> tuple[Tensor, Tensor]:
        """See ``FirstHiddenOracle``."""

    def pair_excess(self, channels: Channels, correlations: Tensor) -> Tensor:
        """See ``FirstHiddenOracle``."""


class SampledTarget:
    """An oracle whose target moments are averages over N patches X*; the learner's are those of another oracle."""

    def __init__(self, learner: LearnersMoments, reads: Iterable[Tensor]) -> None:
        """Take the other oracle, and W^T X* of N samples in pieces (batch, sample, patch, channel).

        Raises:
            InputError: N is so small that a moment is 0.
        """
        self.cutoff, self._learner = learner.cutoff, learner
        found = _Averages(self.cutoff)
        for part in reads:
            found.add(part.flatten(2))
        if not bool((found.means > 0).all()):
            raise InputError(
                f"num_samples must be such that every channel is seen above 2 b, got {found.count} with "
                f"b = {float(self.cutoff.max()):.3g}"
            )
        self.num_samples = found.count
        self.target_means, self.target_rates = found.means / found.count, found.rates / found.count
        first, second = pair_indices(found.means.shape[-1], found.means.device)
        self.target_pairs = found.products[:, first, second] / found.count

    def marginal_factors(self, channels: Channels) -> tuple[Tensor, Tensor]:
        """See ``FirstHiddenOracle``."""
        return self._learner.marginal_factors(channels)

    def pair_excess(self, channels: Channels, correlations: Tensor) -> Tensor:
        """See ``FirstHiddenOracle``."""
        return self._learner.pair_excess(channels, correlations)


class _Averages:
    """Running sums of ReLU(s - 2b), 1{s > b} and f(s) f(s'), f = ReLU(. - b), over samples (batch, sample, neuron)."""

    def __init__(self, cutoff: Tensor) -> None:
        self._cutoff, self.count = cutoff[:, None, None], 0
        self.means = self.rates = self.products = torch.zeros((), dtype=torch.float64, device=cutoff.device)

    def add(self, read: Tensor) -> None:
        """Add samples."""
        above = (read - self._cutoff).clamp(min=0)
        self.count += read.shape[1]
        self.means = self.means + (above - self._cutoff).clamp(min=0).sum(dim=1)
        self.rates = self.rates + (above > 0).sum(dim=1)
        self.products = self.products + above.mT @ above


def target_reads(
    target: TargetNetwork, dictionary: Tensor, *, seeds: Sequence[int], num_samples: int
) -> Iterator[Tensor]:
    """W^T X*_1 of ``num_samples`` samples of a synthetic target, W (batch, patch, patch_dim, channel), in pieces.

    Raises:
        InputError: ``num_samples`` is not positive.
    """
    if num_samples < 1:
        raise InputError(f"num_samples must be at least 1, got {num_samples}")
    mixing, generators = dictionary.mT @ target.first.dictionary, streams(seeds, "true patches of Algorithm 2")
    for start in range(0, num_samples, CHUNK_SIZE):
        codes = target.sample_codes(generators, min(CHUNK_SIZE, num_samples - start))[0]
        yield (codes.transpose(1, 2) @ mixing.mT).transpose(1, 2)


def standard_errors(law: FirstLevelLaw, cutoff: Tensor, num_samples: int) -> tuple[Tensor, Tensor, Tensor]:
    """Relative standard errors of x, y, each (batch, neuron), and s, (batch, pair), at W = W*; see the module."""
    first, second = pair_indices(law.channels.scales.shape[-1], cutoff.device)

    def square(height: Tensor) -> Tensor:
        return law.channels.scales.square() * relu_moment(height, 2)

    means, rates = law.channels.means(cutoff), law.channels.rates(cutoff)
    raised, plain = ((law.channels.thresholds + c * cutoff[:, None]) / law.channels.scales for c in (2, 1))
    both = square(plain)[:, first] * square(plain)[:, second]
    found = (square(raised) / means.square() - 1, 1 / rates - 1, both / law.pair_moments(cutoff).square() - 1)
    of_mean, of_rate, of_pair = ((value / num_samples).sqrt() for value in found)
    return of_mean, of_rate, of_pair
