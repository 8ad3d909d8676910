r"""What Algorithm 2 reads of the data: s = W^T W S of the learner and s* = W^T W* S* of the target (W^D = W, l.1187).

``ExactDictionary`` is W = W*, closed forms throughout. ``LearnedDictionary`` is any W near W*: closed forms of the channels
plus what the dictionary changes, estimated on common random numbers. That difference has mean and spread of order
delta = ||W - W*||, so its noise vanishes with delta:

- D4: given all other channels of its patch a channel is Gaussian, and its two moments are closed forms of the leak of the
  others; only the difference that the leak makes is averaged (``marginal_factors``).
- D5: the average of f(s) f(s') - f(S) f(S'), f = ReLU(. - b), is added to the closed form of E f(S) f(S').

Target and learner use the same normal vectors, through the symmetric roots of their Gram matrices. With N samples a relative
moment of a pair has a standard error of about delta (m/k)/sqrt(N), and a marginal one of less than delta/sqrt(N): derived from
the dictionary in ``first_hidden_noise``.

Too few samples see no false activation (S = 0 but s > b) that is rarer than 1/N; ``false_activation_probability`` bounds them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.gaussian.bivariate import relu_product_mean
from fsrcheck.gaussian.rectified_sums import RectifiedChannels
from fsrcheck.gaussian.univariate import density, tail
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.model.target import FirstLevel
from fsrcheck.training.first_hidden import Channels, pair_indices

CHUNK_SIZE = 512  # samples at a time: arrays that stay in cache
KEPT = 2**22  # random numbers that are kept, 32 MB, as every refresh asks for the same ones; more are drawn again
TILTS = torch.logspace(-1.0, 2.5, 60, dtype=torch.float64)


@dataclass(frozen=True)
class FirstLevelLaw:
    """The law of the codes of all patches: channels and the Gram matrix of their unit rows, (batch, neuron, neuron)."""

    channels: Channels
    correlations: Tensor
    num_patches: int

    @classmethod
    def of(cls, level: FirstLevel) -> "FirstLevelLaw":
        """The law of a target's first level."""
        rows = level.latent_weights.flatten(1, 2)
        scales = rows.norm(dim=-1)
        unit = rows / scales[..., None]
        return cls(Channels(scales, level.thresholds.flatten(1)), unit @ unit.mT, level.thresholds.shape[1])

    def pair_moments(self, cutoff: Tensor) -> Tensor:
        """E ReLU(S - b) ReLU(S' - b) of every pair, (batch, pair)."""
        first, second = pair_indices(self.channels.scales.shape[-1], cutoff.device)
        heights = (self.channels.thresholds + cutoff[:, None]) / self.channels.scales
        product = relu_product_mean(heights[:, first], heights[:, second], self.correlations[:, first, second])
        return self.channels.scales[:, first] * self.channels.scales[:, second] * product


class ExactDictionary:
    """W = W*: every moment in closed form."""

    def __init__(self, law: FirstLevelLaw, cutoff: Tensor) -> None:
        """Take the target's law and b, (batch,)."""
        self.cutoff = cutoff
        self.target_means, self.target_rates = law.channels.means(cutoff), law.channels.rates(cutoff)
        self._law = law

    @cached_property
    def target_pairs(self) -> Tensor:
        """See ``FirstHiddenOracle``."""
        return self._law.pair_moments(self.cutoff)

    def marginal_factors(self, channels: Channels) -> tuple[Tensor, Tensor]:
        """See ``FirstHiddenOracle``: none."""
        return torch.zeros_like(channels.scales), torch.zeros_like(channels.scales)

    def pair_excess(self, channels: Channels, correlations: Tensor) -> Tensor:
        """See ``FirstHiddenOracle``: nothing."""
        return torch.zeros((), dtype=torch.float64, device=self.cutoff.device).expand_as(self.target_pairs)


class DictionaryMoments:
    """What a dictionary W changes in the learner's own moments: closed forms plus a correction on common random numbers.

    Attributes:
        cutoff: b, (batch,).
        mixing: W^T W, (batch, patch, channel, channel).
    """

    def __init__(self, dictionary: Tensor, cutoff: Tensor, *, seeds: Sequence[int], num_samples: int) -> None:
        """Take W, (batch, patch, patch_dim, channel), b (batch,), and the number of samples N.

        Raises:
            InputError: N is not positive.
        """
        if num_samples < 1:
            raise InputError(f"num_samples must be at least 1, got {num_samples}")
        self.cutoff, self._seeds, self._num_samples = cutoff, tuple(seeds), num_samples
        self._kept: tuple[Tensor, ...] | None = None
        self.mixing, self._num_patches = dictionary.mT @ dictionary, dictionary.shape[1]

    def marginal_factors(self, channels: Channels) -> tuple[Tensor, Tensor]:
        """See ``FirstHiddenOracle``; the learner's rows are orthogonal while D4 is trained (line 2)."""
        orthogonal = torch.eye(channels.scales.shape[-1], dtype=torch.float64, device=self.cutoff.device)
        given = _GivenOthers(channels, self._within(orthogonal), self.cutoff, self.mixing)
        return self._factors(channels, orthogonal, given)

    def pair_excess(self, channels: Channels, correlations: Tensor) -> Tensor:
        """See ``FirstHiddenOracle``."""
        return self._excess(channels, correlations, self.mixing)

    def _normal(self, correlations: Tensor) -> Iterator[Tensor]:
        """Gaussian vectors (batch, sample, neuron) with these correlations, chunk by chunk."""
        root = root_of(correlations)
        return (chunk @ root for chunk in self._chunks(root.shape[-1]))

    def _chunks(self, size: int) -> Iterable[Tensor]:
        """The common random numbers, the same at every call."""
        if len(self._seeds) * self._num_samples * size > KEPT:
            return self._drawn(size)
        if self._kept is None:
            self._kept = tuple(self._drawn(size))
        return self._kept

    def _drawn(self, size: int) -> Iterator[Tensor]:
        generators = streams(self._seeds, "codes seen through a learned dictionary")
        sizes = [min(CHUNK_SIZE, self._num_samples - start) for start in range(0, self._num_samples, CHUNK_SIZE)]
        return (standard_normal(generators, (n, size), self.cutoff.device) for n in sizes)

    def _by_patch(self, values: Tensor) -> Tensor:
        """(..., neuron) to (..., patch, channel)."""
        return values.unflatten(-1, (self._num_patches, -1))

    def _read(self, codes: Tensor, mixing: Tensor) -> Tensor:
        """s = G S, patch by patch, (batch, sample, neuron)."""
        by_patch = self._by_patch(codes).transpose(1, 2)
        return (by_patch @ mixing.mT).transpose(1, 2).flatten(2)

    def _excess(self, channels: Channels, correlations: Tensor, mixing: Tensor) -> Tensor:
        """The mean of f(s) f(s') - f(S) f(S'), (batch, pair)."""
        first, second = pair_indices(channels.scales.shape[-1], self.cutoff.device)
        total = torch.zeros_like(correlations.expand(len(self.cutoff), -1, -1))
        cutoff = self.cutoff[:, None, None]
        for normal in self._normal(correlations):
            codes = (channels.scales[:, None] * normal - channels.thresholds[:, None]).clamp(min=0)
            seen, plain = (self._read(codes, mixing) - cutoff).clamp(min=0), (codes - cutoff).clamp(min=0)
            total = total + seen.mT @ seen - plain.mT @ plain
        return (total / self._num_samples)[:, first, second]

    def _factors(self, channels: Channels, correlations: Tensor, given: "_GivenOthers") -> tuple[Tensor, Tensor]:
        """log of x and of y over their closed forms at W = W*, each (batch, neuron)."""
        totals = [torch.zeros_like(channels.scales) for _ in range(2)]
        for normal in self._normal(correlations):
            found = given.differences(self._by_patch(normal).transpose(1, 2))
            totals = [total + part.sum(dim=2).flatten(1) for total, part in zip(totals, found, strict=True)]
        plain = (channels.means(self.cutoff), channels.rates(self.cutoff))
        means, rates = (
            torch.log1p(total / self._num_samples / base) for total, base in zip(totals, plain, strict=True)
        )
        return means, rates

    def _within(self, correlations: Tensor) -> Tensor:
        """The blocks of the patches, (batch, patch, channel, channel)."""
        size = correlations.shape[-1] // self._num_patches
        whole = correlations.expand(len(self.cutoff), -1, -1)
        blocks = whole.unflatten(-1, (self._num_patches, size)).unflatten(1, (self._num_patches, size))
        return torch.diagonal(blocks, dim1=1, dim2=3).permute(0, 3, 1, 2)


class LearnedDictionary(DictionaryMoments):
    """W near W*, and the target's law known.

    Attributes:
        target_mixing: W^T W*, (batch, patch, channel, channel).
        false_activations: how often the others of a patch alone exceeded b, over all neurons and samples, in the target, (batch,).
    """

    def __init__(
        self,
        law: FirstLevelLaw,
        atoms: Tensor,
        dictionary: Tensor,
        cutoff: Tensor,
        *,
        seeds: Sequence[int],
        num_samples: int,
    ) -> None:
        """Take the target's law and W*, (batch, patch, patch_dim, channel); the others as ``DictionaryMoments``."""
        super().__init__(dictionary, cutoff, seeds=seeds, num_samples=num_samples)
        self.target_mixing = dictionary.mT @ atoms
        target = law.channels
        given = _GivenOthers(target, self._within(law.correlations), cutoff, self.target_mixing)
        factors = self._factors(target, law.correlations, given)
        self.false_activations = given.false_activations
        self.target_means = target.means(cutoff) * factors[0].exp()
        self.target_rates = target.rates(cutoff) * factors[1].exp()
        self._law = law

    @cached_property
    def target_pairs(self) -> Tensor:
        """See ``FirstHiddenOracle``."""
        law = self._law
        return law.pair_moments(self.cutoff) + self._excess(law.channels, law.correlations, self.target_mixing)


class _GivenOthers:
    """E ReLU(s - 2b) and Pr[s > b] of each channel given the others of its patch, less the same without their leak."""

    def __init__(self, channels: Channels, within: Tensor, cutoff: Tensor, mixing: Tensor) -> None:
        batch, patches, size, _ = within.shape
        precision = torch.linalg.inv(within)
        diagonal = torch.diagonal(precision, dim1=-2, dim2=-1)
        self.weights = torch.eye(size, dtype=within.dtype, device=within.device) - precision / diagonal[..., None]
        self.independent = not bool(self.weights.any())
        self.spread = (1 / diagonal).sqrt()[:, :, None]
        self.scales, self.thresholds = (
            values.reshape(batch, patches, 1, size) for values in (channels.scales, channels.thresholds)
        )
        self.own = torch.diagonal(mixing, dim1=-2, dim2=-1)[:, :, None]
        self.mixing, self.cutoff = mixing, cutoff[:, None, None, None]
        self.false_activations = torch.zeros(batch, dtype=torch.long, device=cutoff.device)

    def differences(self, normal: Tensor) -> tuple[Tensor, Tensor]:
        """Both differences for Gaussian vectors (batch, patch, sample, channel), of the same shape."""
        centre = torch.zeros_like(normal[:, :, :1]) if self.independent else normal @ self.weights.mT
        codes = (self.scales * normal - self.thresholds).clamp(min=0)
        leak = codes @ self.mixing.mT - self.own * codes
        self.false_activations += (leak > self.cutoff).sum(dim=(1, 2, 3))
        seen, nothing = self.own * self.scales, torch.zeros_like(leak[:, :, :1])
        mean = self._mean(centre, seen, leak) - self._mean(centre, self.scales, nothing)
        return mean, self._rate(centre, seen, leak) - self._rate(centre, self.scales, nothing)

    def _height(self, centre: Tensor, scale: Tensor, level: Tensor) -> Tensor:
        """From where on ``scale`` (g - t)_+ exceeds ``level``, in standard deviations of g given the others."""
        return (self.thresholds / self.scales + level.clamp(min=0) / scale - centre) / self.spread

    def _mean(self, centre: Tensor, scale: Tensor, leak: Tensor) -> Tensor:
        level = 2 * self.cutoff - leak
        return scale * self.spread * plain_relu_mean(self._height(centre, scale, level)) + (-level).clamp(min=0)

    def _rate(self, centre: Tensor, scale: Tensor, leak: Tensor) -> Tensor:
        level = self.cutoff - leak
        return torch.where(level < 0, 1.0, tail(self._height(centre, scale, level)))


def root_of(gram: Tensor) -> Tensor:
    """The symmetric root of a positive semidefinite matrix, (..., neuron, neuron); NaN for one that is not finite."""
    finite = gram.isfinite().all(dim=-1).all(dim=-1)[..., None, None]
    identity = torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)
    values, vectors = torch.linalg.eigh(torch.where(finite, gram, identity))
    root = (vectors * values.clamp(min=0).sqrt()[..., None, :]) @ vectors.mT
    return torch.where(finite, root, torch.nan)


def plain_relu_mean(t: Tensor) -> Tensor:
    """phi(t) - t Q(t): loses two digits at t = 6, where ``relu_mean`` costs forty times as much; for averages only."""
    return (density(t) - t * tail(t)).clamp(min=0)


def false_activation_probability(law: FirstLevelLaw, mixing: Tensor, cutoff: Tensor) -> Tensor:
    """Bound, (batch, neuron), on Pr[the others of the patch alone add up to more than b] in (G S)_p.

    Chernoff's bound for independent channels, to the power 1/lambda, lambda the largest eigenvalue of the patch's Gram matrix:
    Gaussian vectors with a covariance below lambda times that of independent ones obey Hoelder's inequality with exponents
    lambda (Brascamp and Lieb).
    """
    batch, patches, size = mixing.shape[:3]
    neurons = law.channels.scales.reshape(batch, patches, 1, size)
    spread = RectifiedChannels(neurons, law.channels.thresholds.reshape(batch, patches, 1, size) / neurons)
    off = mixing - torch.diag_embed(torch.diagonal(mixing, dim1=-2, dim2=-1))
    unit = law.correlations.unflatten(-1, (patches, size)).unflatten(1, (patches, size))
    within = torch.diagonal(unit, dim1=1, dim2=3).permute(0, 3, 1, 2)
    largest = torch.linalg.eigvalsh(within)[..., -1:].clamp(min=1.0)
    bound = torch.zeros(batch, patches, size, dtype=torch.float64, device=mixing.device)
    for tilt in TILTS.to(mixing.device)[:, None, None, None] / cutoff[:, None, None]:
        values, _ = spread.log_laplace(tilt[..., None] * off)
        bound = torch.fmin(bound, values.sum(-1) - tilt * cutoff[:, None, None])  # a large tilt overflows to NaN
    return (bound / largest).exp().flatten(1)
