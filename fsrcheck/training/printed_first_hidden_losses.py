"""The objectives of lines 4 and 6 of Algorithm 2 as they are printed, on drawn samples, differentiated by machine.

What the games in ``printed_first_hidden`` are held against: their gradients are worked out by hand.
"""

import torch
from torch import Tensor

from fsrcheck.model.activations import smoothed_leaky_relu
from fsrcheck.model.discriminators import correlation_barrier, negative_entropy
from fsrcheck.training.printed_first_hidden import pair_correlations, unit_rows
from fsrcheck.training.printed_first_hidden_moments import SampledMarginals, SampledPairs
from fsrcheck.training.sgda import AutogradGame

Samples = tuple[Tensor, Tensor]


def printed_marginals(oracle: SampledMarginals) -> AutogradGame:
    """Line 4 for all neurons: outer (alpha, beta), inner (v, w), each (row, channel, 2), on the oracle's next samples.

    In the objective of a neuron the other neurons of its patch are constants.
    """
    discriminator, columns = oracle.discriminator, oracle.dictionary.flatten(0, 1)

    def loss(channels: Tensor, parameters: Tensor, samples: Samples) -> Tensor:
        patches, normal = samples
        inputs = channels[:, None, :, 0] * normal - channels[:, None, :, 1]
        codes = smoothed_leaky_relu(inputs, discriminator.smoothing, discriminator.smoothing)
        true = discriminator.value(patches, parameters).mean(dim=1)
        generated = []
        for r in range(codes.shape[-1]):
            own = torch.arange(codes.shape[-1], device=codes.device) == r
            held = torch.where(own, codes, codes.detach())
            generated.append(discriminator.value(held @ columns.mT, parameters)[..., r].mean(dim=1))
        return (true - torch.stack(generated, dim=-1)).sum(dim=-1) - parameters.square().sum(dim=(-2, -1))

    return AutogradGame(loss, lambda step: oracle.sides())


def printed_pairs(oracle: SampledPairs, exponent: float, margin: float) -> AutogradGame:
    """Line 6: outer the rows of V (batch, neuron, latent), inner u (batch, pair, 2), each up to its norm.

    ``exponent`` and ``margin`` are those of R5.
    """
    discriminator = oracle.discriminator

    def loss(outer: Tensor, inner: Tensor, samples: Samples) -> Tensor:
        patches, latents = samples
        shares, rows = inner / inner.abs().sum(dim=(-2, -1), keepdim=True), unit_rows(outer)
        true = discriminator.value(patches, shares).mean(dim=-1)
        generated = discriminator.value(oracle.generate(rows, latents), shares).mean(dim=-1)
        barrier = correlation_barrier(pair_correlations(rows), exponent, margin)
        return true - generated + barrier - negative_entropy(shares)

    return AutogradGame(loss, lambda step: oracle.draws.draw())
