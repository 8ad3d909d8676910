"""What the printed form of Algorithm 2 reads of the data: moments on the samples of a round, or exact ones at W = W*.

On samples target and learner are the networks as printed: X* = W* ReLU(V* z - b*), X = W LeakyReLU(V z - beta) with the
repaired smooth leaky ReLU, leak and width zeta. The exact moments are those at W^D = W = W* in the limit zeta to 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fsrcheck.gaussian.pair_series import PairSeries
from fsrcheck.gaussian.univariate import density, relu_mean, tail
from fsrcheck.model.activations import smoothed_leaky_relu
from fsrcheck.model.discriminators import MarginalDiscriminator, PairwiseDiscriminator
from fsrcheck.model.smoothed_slopes import smoothed_leaky_step, smoothed_step
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.model.target import TargetNetwork
from fsrcheck.training.patch_source import fold_patches
from fsrcheck.training.printed_first_hidden import MarginalMoments, PairRound, pair_correlations, pair_matrix, pulled

MARGINAL_REAL, MARGINAL_LATENTS = "real samples of D4", "latents of D4"
PAIR_REAL, PAIR_LATENTS = "real samples of D5", "latents of D5"
SMALLEST_SCALE = 1e-6  # below it alpha counts as this in thresholds, where nothing fires any more
LARGEST_CORRELATION = 1 - 1e-9


@dataclass(frozen=True)
class RoundDraws:
    """X* and z of every round (line 3 of Algorithm 6).

    Attributes:
        target: the target.
        num_latents: of the learner.
        num_samples: N.
        real, latent: one generator per instance for X* and for z.
    """

    target: TargetNetwork
    num_latents: int
    num_samples: int
    real: Sequence[np.random.Generator]
    latent: Sequence[np.random.Generator]

    @classmethod
    def of(
        cls, target: TargetNetwork, seeds: Sequence[int], num_latents: int, num_samples: int, *, marginal: bool
    ) -> "RoundDraws":
        """The draws of lines 3-5 (``marginal``) or of line 6; a function of the seeds."""
        names = (MARGINAL_REAL, MARGINAL_LATENTS) if marginal else (PAIR_REAL, PAIR_LATENTS)
        return cls(target, num_latents, num_samples, *(streams(seeds, name) for name in names))

    def draw(self) -> tuple[Tensor, Tensor]:
        """Return X* of the first level (batch, sample, patch, patch_dim) and z (batch, sample, latent)."""
        codes = self.target.sample_codes(self.real, self.num_samples)
        latents = standard_normal(self.latent, (self.num_samples, self.num_latents), self.target.device)
        return self.target.patches(codes)[0], latents


@dataclass(frozen=True)
class SampledMarginals:
    """D4's moments on fresh samples.

    Attributes:
        draws: X* and z.
        dictionary: the learner's W, (batch, patch, patch_dim, channel).
        rows: the learner's unit rows, (batch, neuron, latent).
        discriminator: its rows are instances and patches, folded.
    """

    draws: RoundDraws
    dictionary: Tensor
    rows: Tensor
    discriminator: MarginalDiscriminator

    def draw(self, step: int) -> list[MarginalMoments]:
        """See ``MarginalOracle``."""
        return []

    def compare(self, channels: Tensor, samples: list[MarginalMoments]) -> MarginalMoments:
        """See ``MarginalOracle``."""
        if not samples:
            samples.append(self._compared(channels))
        return samples[0]

    def sides(self) -> tuple[Tensor, Tensor]:
        """The next X* (row, sample, patch_dim), and V z (row, sample, channel) with unit rows."""
        patches, latents = self.draws.draw()
        _, num_patches, _, num_channels = self.dictionary.shape
        normal = (latents @ self.rows.mT).unflatten(-1, (num_patches, num_channels))
        return fold_patches(patches), fold_patches(normal)

    def _compared(self, channels: Tensor) -> MarginalMoments:
        patches, normal = self.sides()
        zeta, columns = self.discriminator.smoothing, self.dictionary.flatten(0, 1)
        inputs = channels[:, None, :, 0] * normal - channels[:, None, :, 1]
        generated = smoothed_leaky_relu(inputs, zeta, zeta) @ columns.mT
        own = (self.discriminator.detector * columns).sum(dim=1)  # of S_r in s_r
        inner = smoothed_leaky_step(inputs, zeta, zeta) * own[:, None]
        outer = self.discriminator.slopes(generated) * inner[..., None]
        slopes = torch.stack([(outer * normal[..., None]).mean(dim=1), -outer.mean(dim=1)], dim=-1)
        means = [self.discriminator.features(side).mean(dim=1) for side in (patches, generated)]
        return MarginalMoments(means[0] - means[1], slopes)


class ExactMarginals:
    """D4's moments x = E ReLU(S - 2b) and y = Pr[S > b] at W^D = W = W*, zeta to 0; learner and target by (alpha, beta).

    A negative alpha is the neuron with -V_r: its moments are those of |alpha|.
    """

    def __init__(self, target: Tensor, cutoff: Tensor) -> None:
        """Take alpha and beta of the target, (row, channel, 2), and b, (row,)."""
        self.cutoff = cutoff
        self.target_moments = self.moments(target)

    def draw(self, step: int) -> list[MarginalMoments]:
        """See ``MarginalOracle``."""
        return []

    def compare(self, channels: Tensor, samples: list[MarginalMoments]) -> MarginalMoments:
        """See ``MarginalOracle``."""
        if not samples:
            samples.append(MarginalMoments(self.target_moments - self.moments(channels), self._slopes(channels)))
        return samples[0]

    def moments(self, channels: Tensor) -> Tensor:
        """x and y, (row, channel, 2)."""
        scale, at_mean, at_rate = self._thresholds(channels)
        return torch.stack([scale * relu_mean(at_mean), tail(at_rate)], dim=-1)

    def _thresholds(self, channels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """|alpha|, (beta + 2b)/|alpha| and (beta + b)/|alpha|."""
        scale = channels[..., 0].abs().clamp(min=SMALLEST_SCALE)
        cutoff = self.cutoff[:, None]
        return scale, (channels[..., 1] + 2 * cutoff) / scale, (channels[..., 1] + cutoff) / scale

    def _slopes(self, channels: Tensor) -> Tensor:
        scale, at_mean, at_rate = self._thresholds(channels)
        sign, peak = channels[..., 0].sign(), density(at_rate) / scale
        mean = torch.stack([sign * density(at_mean), -tail(at_mean)], dim=-1)
        rate = torch.stack([sign * peak * at_rate, -peak], dim=-1)
        return torch.stack([mean, rate], dim=-2)


@dataclass(frozen=True)
class SampledPairs:
    """D5's moments on fresh samples.

    Attributes:
        draws: X* and z.
        dictionary: the learner's W, (batch, patch, patch_dim, channel).
        channels: alpha and beta after D4, (batch, neuron, 2).
        discriminator: W^D, b, zeta.
    """

    draws: RoundDraws
    dictionary: Tensor
    channels: Tensor
    discriminator: PairwiseDiscriminator

    def draw(self, step: int) -> PairRound:
        """See ``PairOracle``."""
        patches, latents = self.draws.draw()
        return PairRound(latents, self.discriminator.features(patches).mean(dim=1))

    def gap(self, rows: Tensor, samples: PairRound) -> Tensor:
        """See ``PairOracle``."""
        if samples.gap is None:
            latents, target = _drawn(samples)
            samples.gap = target - self.discriminator.features(self.generate(rows, latents)).mean(dim=1)
        return samples.gap

    def generate(self, rows: Tensor, latents: Tensor) -> Tensor:
        """X, (batch, sample, patch, patch_dim), at unit rows."""
        codes = smoothed_leaky_relu(self._inputs(rows, latents), *2 * (self.discriminator.smoothing,))
        return (self._by_patch(codes) @ self.dictionary.mT).transpose(1, 2)

    def pull(self, rows: Tensor, weights: Tensor, samples: PairRound) -> Tensor:
        """See ``PairOracle``: back through ReLU~, W^D, W and LeakyReLU."""
        zeta, (latents, _) = self.discriminator.smoothing, _drawn(samples)
        generated, inputs = self.generate(rows, latents), self._inputs(rows, latents)
        found = self.discriminator.activations(generated)
        seen = (generated.transpose(1, 2) @ self.discriminator.detector).transpose(1, 2).flatten(2)
        active = smoothed_step(seen - self.discriminator.cutoff[:, None, None], zeta)
        by_seen = active * (found @ pair_matrix(weights, rows.shape[-2]))
        mixing = self.discriminator.detector.mT @ self.dictionary
        by_codes = (self._by_patch(by_seen) @ mixing).transpose(1, 2).flatten(2)
        by_inputs = smoothed_leaky_step(inputs, zeta, zeta) * by_codes * self.channels[:, None, :, 0]
        return by_inputs.mT @ latents / latents.shape[1]

    def _inputs(self, rows: Tensor, latents: Tensor) -> Tensor:
        return self.channels[:, None, :, 0] * (latents @ rows.mT) - self.channels[:, None, :, 1]

    def _by_patch(self, values: Tensor) -> Tensor:
        """(batch, sample, neuron) to (batch, patch, sample, channel)."""
        return values.unflatten(-1, (self.dictionary.shape[1], -1)).transpose(1, 2)


def _drawn(samples: PairRound) -> tuple[Tensor, Tensor]:
    """z and the target's moments of a round that has samples."""
    assert samples.latents is not None
    assert samples.target is not None
    return samples.latents, samples.target


class ExactPairs:
    """D5's moments alpha alpha' E (g - h)_+ (g' - h')_+, h = (beta + b)/alpha, at W^D = W = W*, zeta to 0."""

    def __init__(self, channels: Tensor, target: Tensor, cutoff: Tensor) -> None:
        """Take the alpha and beta of both target and learner, (batch, neuron, 2), as D4 is over; the correlations of
        the target's pairs, (batch, pair); and b, (batch,)."""
        size, scales = channels.shape[1], channels[..., 0]
        first, second = torch.triu_indices(size, size, 1, device=cutoff.device)
        heights = (channels[..., 1] + cutoff[:, None]) / scales
        self._series = PairSeries(heights[:, first], heights[:, second])
        self._scale = scales[:, first] * scales[:, second]
        self._goal = self._scale * self._series(target)[0]

    def draw(self, step: int) -> PairRound:
        """See ``PairOracle``: nothing is drawn."""
        return PairRound()

    def gap(self, rows: Tensor, samples: PairRound) -> Tensor:
        """See ``PairOracle``."""
        return self._compared(rows, samples)[0]

    def pull(self, rows: Tensor, weights: Tensor, samples: PairRound) -> Tensor:
        """See ``PairOracle``."""
        return pulled(rows, weights * self._compared(rows, samples)[1])

    def _compared(self, rows: Tensor, samples: PairRound) -> tuple[Tensor, Tensor]:
        """s* - s and ds/drho = alpha alpha' Pr[both above], each (batch, pair)."""
        if samples.gap is None or samples.slopes is None:
            product, both = self._series(pair_correlations(rows).clamp(-LARGEST_CORRELATION, LARGEST_CORRELATION))
            samples.gap, samples.slopes = self._goal - self._scale * product, self._scale * both
        return samples.gap, samples.slopes
