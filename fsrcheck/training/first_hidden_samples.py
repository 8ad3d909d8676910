r"""Algorithm 2 on samples of the true patches: their moments are averages, those of the generator stay expectations.

The generator can be sampled as often as one likes, so that its expectations are taken as they are in
``first_hidden_oracles``; the N patches X* are what is scarce. Relative standard errors, with u = ReLU(S - c) (W = W*):

    x: sqrt(E u^2/(E u)^2 - 1)/sqrt(N) at c = 2b,    y: sqrt(1/y - 1)/sqrt(N),    s: sqrt(E u^2 E u'^2/s^2 - 1)/sqrt(N) at c = b,

the last one for channels that fire independently: about 2 (m/k)/sqrt(N), as E u^2 is about 2 (E u)^2/y. So D5 sees a pair at
all only from N = 4 (m/k)^2 on, and its correlation to b from N = (m/(k b))^2 on.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.gaussian.univariate import relu_moment
from fsrcheck.model.streams import streams
from fsrcheck.model.target import TargetNetwork
from fsrcheck.training.first_hidden import Channels, FirstHiddenOracle, pair_indices
from fsrcheck.training.first_hidden_oracles import FirstLevelLaw

CHUNK_SIZE = 2048


class SampledTarget:
    """An oracle whose target moments are averages over N patches X*; the learner's are those of another oracle."""

    def __init__(
        self,
        learner: FirstHiddenOracle,
        target: TargetNetwork,
        dictionary: Tensor,
        *,
        seeds: Sequence[int],
        num_samples: int,
    ) -> None:
        """Take the other oracle, the target, W = W^D (batch, patch, patch_dim, channel), and N.

        Raises:
            InputError: N is not positive, or so small that a moment is 0.
        """
        if num_samples < 1:
            raise InputError(f"num_samples must be at least 1, got {num_samples}")
        self.cutoff, self._learner = learner.cutoff, learner
        mixing = dictionary.mT @ target.first.dictionary
        means, rates = torch.zeros_like(learner.target_means), torch.zeros_like(learner.target_rates)
        products = torch.zeros(*means.shape, means.shape[-1], dtype=means.dtype, device=means.device)
        generators, cutoff = streams(seeds, "true patches of Algorithm 2"), self.cutoff[:, None, None]
        for start in range(0, num_samples, CHUNK_SIZE):
            codes = target.sample_codes(generators, min(CHUNK_SIZE, num_samples - start))[0]
            read = (codes.transpose(1, 2) @ mixing.mT).transpose(1, 2).flatten(2)
            means += (read - 2 * cutoff).clamp(min=0).sum(dim=1)
            rates += (read > cutoff).sum(dim=1)
            above = (read - cutoff).clamp(min=0)
            products += above.mT @ above
        first, second = pair_indices(means.shape[-1], means.device)
        self.target_means, self.target_rates = means / num_samples, rates / num_samples
        self.target_pairs = products[:, first, second] / num_samples
        if not bool((means > 0).all()):
            raise InputError(f"num_samples must be such that every channel is seen above 2 b, got {num_samples}")

    def marginal_factors(self, channels: Channels) -> tuple[Tensor, Tensor]:
        """See ``FirstHiddenOracle``."""
        return self._learner.marginal_factors(channels)

    def pair_excess(self, channels: Channels, correlations: Tensor) -> Tensor:
        """See ``FirstHiddenOracle``."""
        return self._learner.pair_excess(channels, correlations)


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
