"""Samples of Algorithm 3 as its players' layers read them, in units of the cutoff b."""

from dataclasses import dataclass

import torch
from torch import Tensor

from fsrcheck.training.fast_slopes import leaky_relu
from fsrcheck.training.super_resolution_samples import PairSamples


@dataclass(frozen=True)
class Inputs:
    """What a linear layer reads, (row, sample, fan-in), in units of b, and the -1 that its thresholds are read with."""

    values: Tensor
    unit: Tensor  # 1 / b, (row, 1, 1)

    def linear(self, parameters: Tensor) -> Tensor:
        """V u - b, shape (row, sample, channel), of parameters (row, channel, fan-in + 1)."""
        return torch.baddbmm(parameters[:, None, :, -1] * -self.unit, self.values, parameters[..., :-1].mT)

    def gradient(self, back: Tensor, count: int) -> Tensor:
        """The gradient in the parameters of the mean over ``count`` samples, from that in V u - b."""
        weights = back.mT @ self.values
        return torch.cat([weights, (back.sum(dim=1) * -self.unit[:, 0])[..., None]], dim=-1) / count


@dataclass(frozen=True)
class Reading:
    """What a discriminator predicts of samples, (row, sample, channel): the codes g(p), and the slope of g."""

    codes: Tensor
    slopes: Tensor


@dataclass(frozen=True)
class DetectedSamples:
    """``PairSamples`` in units of b; what the discriminator reads below has gone through its LeakyReLU.

    Attributes:
        upper: of the target.
        both: what is read below of the target's samples, and then of the learner's.
        own_codes: of the learner.
    """

    upper: Tensor
    both: Inputs
    own_codes: Inputs

    @classmethod
    def of(cls, samples: PairSamples, unit: Tensor, leak: float | Tensor, smoothing: float) -> "DetectedSamples":
        """Divide by b and apply the first layer."""
        both = torch.cat([samples.lower, samples.own_lower], dim=1) * unit
        detected = Inputs(leaky_relu(both, leak, smoothing), unit)
        return cls(samples.upper * unit, detected, Inputs(samples.own_codes * unit, unit))

    @property
    def count(self) -> int:
        """N, of each kind."""
        return self.upper.shape[1]

    @property
    def lower(self) -> Inputs:
        """What is read below of the target's samples."""
        return Inputs(self.both.values[:, : self.count], self.both.unit)

    @property
    def own_lower(self) -> Inputs:
        """What is read below of the learner's samples."""
        return Inputs(self.both.values[:, self.count :], self.both.unit)
