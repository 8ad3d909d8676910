"""Algorithm 1's objective as it is printed, on drawn patches: what the faster forms in ``output_layer`` are held against.

min over W, max over V of E D^(1)(X*) - E D^(1)(W S) - sum_r ||V_r||^(1 + c) (section 4.1, l.263-265), expectations being
averages over the samples of a round, gradients by automatic differentiation.
"""

from collections.abc import Sequence

from torch import Tensor

from fsrcheck.model.discriminators import TruncatedMomentDiscriminator
from fsrcheck.model.factor_codes import FactorCodes
from fsrcheck.model.streams import streams
from fsrcheck.training.sgda import AutogradGame
from fsrcheck.training.truncated_moments import FAKE_SAMPLES, REAL_SAMPLES

Samples = tuple[Tensor, Tensor]


def printed_game(
    atoms: Tensor,
    target: FactorCodes,
    learner: FactorCodes,
    discriminator: TruncatedMomentDiscriminator,
    *,
    decay: float,
    seeds: Sequence[int],
    num_samples: int,
) -> AutogradGame:
    """Return the game of outer W (row, patch_dim, channel) against inner V (row, channel, patch_dim).

    Args:
        atoms: W*, (row, patch_dim, channel).
        target, learner: the laws of S* and of S.
        discriminator: W^D and bb.
        decay: c.
        seeds: one per row; the draws are those of ``SampledMoments`` with fresh samples.
        num_samples: N, of X* and of X in every round.
    """
    real, fake = streams(seeds, REAL_SAMPLES), streams(seeds, FAKE_SAMPLES)

    def draw(step: int) -> Samples:
        """Patches X* and the generator's codes S."""
        return target.sample(real, num_samples) @ atoms.mT, learner.sample(fake, num_samples)

    def loss(dictionary: Tensor, parameters: Tensor, samples: Samples) -> Tensor:
        patches, codes = samples
        true = discriminator.value(patches, parameters).mean(dim=-1)
        generated = discriminator.value(codes @ dictionary.mT, parameters).mean(dim=-1)
        return true - generated - (parameters.norm(dim=-1) ** (1 + decay)).sum(dim=-1)

    return AutogradGame(loss, draw)
