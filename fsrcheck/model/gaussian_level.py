"""Closed forms for the first level, where every code is S_p = alpha_p (g_p - t_p)_+ with g a Gaussian vector.

A synthetic target has few different neurons and correlations, so everything about pairs and triples is
computed once per *class* of equal (alpha_p, t_p, alpha_q, t_q, rho) and then looked up.
"""

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

from fsrcheck.gaussian.bivariate import gated_relu_mean, upper_orthant
from fsrcheck.gaussian.univariate import relu_mean, tail
from fsrcheck.model.gaussian_triples import MAX_CORRELATION, upper_orthant_three
from fsrcheck.model.target import FirstLevel

RESOLUTION = 2.0**44
"""Numbers equal to 1/RESOLUTION are one class: thresholds and scales relatively, correlations absolutely."""

MAX_TRIPLE_CLASSES = 2000
"""Beyond this many different triples the quadrature costs more than sampling them."""


class GaussianLevel:
    """The law of the codes of a `FirstLevel`; neuron = patch * channel, flattened.

    Correlations beyond 1 - 1e-12 are taken as that, which changes a pair probability by 1e-6 relatively.
    """

    def __init__(self, first: FirstLevel) -> None:
        batch, self.num_patches, self.num_channels = first.thresholds.shape
        norms = first.latent_weights.norm(dim=-1)
        self.scales = _rounded(norms).reshape(batch, -1)
        self.thresholds = _rounded(first.thresholds / norms).reshape(batch, -1)
        directions = (first.latent_weights / norms[..., None]).flatten(1, 2)
        correlations = directions @ directions.transpose(1, 2)
        correlations = (correlations * RESOLUTION).round() / RESOLUTION
        self._classify(correlations.clamp(-MAX_CORRELATION, MAX_CORRELATION))

    def _classify(self, correlations: Tensor) -> None:
        neurons = _joint_ids(_ids(self.thresholds), _ids(self.scales))
        ids = _joint_ids(_joint_ids(neurons[:, :, None], neurons[:, None, :]), _ids(correlations))
        found, self.pair_class = ids.unique(return_inverse=True)
        example = torch.empty_like(found)
        example[self.pair_class.flatten()] = torch.arange(ids.numel(), device=ids.device)
        size = ids.shape[1]
        first, second = example // size, example // size**2 * size + example % size
        self.first_threshold, self.second_threshold = (self.thresholds.flatten()[neuron] for neuron in (first, second))
        self.first_scale, self.second_scale = (self.scales.flatten()[neuron] for neuron in (first, second))
        self.correlation = correlations.flatten()[example]

    @cached_property
    def probability(self) -> Tensor:
        """Pr[S_p > 0], (batch, neuron)."""
        return tail(self.thresholds)

    @cached_property
    def mean(self) -> Tensor:
        """E[S_p], (batch, neuron)."""
        return self.scales * relu_mean(self.thresholds)

    @cached_property
    def _both(self) -> Tensor:
        return self._both_above(0.0)

    def _both_above(self, delta: float) -> Tensor:
        """Return Pr[S_p > delta, S_q > 0] per pair class."""
        raised = self.first_threshold + delta / self.first_scale
        return upper_orthant(raised, self.second_threshold, self.correlation)

    @cached_property
    def pair_probability(self) -> Tensor:
        """Pr[S_p > 0, S_q > 0], (batch, neuron, neuron); the diagonal is meaningless."""
        return self._both[self.pair_class]

    @cached_property
    def cross_ratio(self) -> Tensor:
        """Pr[both > 0] / min(Pr[S_p > 0], Pr[S_q > 0]), (batch, neuron, neuron), diagonal meaningless."""
        smaller = tail(torch.maximum(self.first_threshold, self.second_threshold))
        return (self._both / smaller)[self.pair_class]

    def gated_means(self) -> Tensor:
        """Return mu_pq = E[1{S_p > 0} S_q] within patches, (batch, patch, channel, channel)."""
        pairs = self.second_scale * gated_relu_mean(self.first_threshold, self.second_threshold, self.correlation)
        mu = self.within_patches(pairs[self.pair_class]).clone()
        mu.diagonal(dim1=-2, dim2=-1).copy_(self.per_patch(self.mean))
        return mu

    def anti_concentration(self, deltas: Sequence[float]) -> Tensor:
        """Return max over delta of Pr[S_p <= delta | S_p > 0] / delta, (batch, neuron)."""
        slopes = [
            (self.probability - tail(self.thresholds + delta / self.scales)) / (delta * self.probability)
            for delta in deltas
        ]
        return torch.stack(slopes).amax(dim=0)

    def joint_anti_concentration(self, deltas: Sequence[float], pair_floor: float) -> Tensor:
        """Return max over delta of Pr[S_p <= delta | S_p > 0, S_q > 0] / delta, (batch, neuron, neuron).

        The probability of the condition is taken as at least `pair_floor` / channels^2.
        """
        condition = self._both.clamp(min=pair_floor / self.num_channels**2)
        slopes = [(self._both - self._both_above(delta)) / (delta * condition) for delta in deltas]
        return torch.stack(slopes).amax(dim=0)[self.pair_class]

    def triple_probability(self) -> Tensor | None:
        """Return max Pr[three channels of a patch > 0], (batch, patch); None beyond MAX_TRIPLE_CLASSES."""
        if len(self.correlation) > MAX_TRIPLE_CLASSES:
            return None
        within = self.within_patches(self.pair_class)
        batch, num_patches, num_channels, _ = within.shape
        if num_channels < 3:
            return torch.zeros((batch, num_patches), dtype=torch.float64, device=within.device)
        distinct, which = within.flatten(0, 1).unique(dim=0, return_inverse=True)
        p, q, r = torch.combinations(torch.arange(num_channels, device=within.device), 3).unbind(dim=1)
        sides = torch.stack([distinct[:, p, q], distinct[:, p, r], distinct[:, q, r]], dim=-1)
        keys = (sides[..., 0] * len(self.correlation) + sides[..., 1]) * len(self.correlation) + sides[..., 2]
        classes, inverse = keys.unique(return_inverse=True)
        if len(classes) > MAX_TRIPLE_CLASSES:
            return None
        example = torch.empty((len(classes), 3), dtype=torch.int64, device=keys.device)
        example[inverse.flatten()] = sides.flatten(0, 1)
        largest = self._triple_classes(example)[inverse].amax(dim=1)
        return largest[which].reshape(batch, num_patches)

    def _triple_classes(self, sides: Tensor) -> Tensor:
        first, last = sides[:, 0], sides[:, 2]
        thresholds = [self.first_threshold[first], self.second_threshold[first], self.second_threshold[last]]
        return upper_orthant_three(torch.stack(thresholds, dim=1), self.correlation[sides])

    def per_patch(self, neurons: Tensor) -> Tensor:
        """Reshape (batch, neuron) to (batch, patch, channel)."""
        return neurons.unflatten(1, (self.num_patches, self.num_channels))

    def within_patches(self, pairs: Tensor) -> Tensor:
        """Pick from (batch, neuron, neuron) the pairs within patches, (batch, patch, channel, channel)."""
        blocks = pairs.unflatten(2, (self.num_patches, -1)).unflatten(1, (self.num_patches, -1))
        return blocks.diagonal(dim1=1, dim2=3).movedim(-1, 1)

    def smallest_over_others(self, pairs: Tensor) -> Tensor:
        """Reduce (batch, neuron, neuron) to minima (batch, patch) over each patch's partners anywhere."""
        return self._grouped(pairs, torch.inf).amin(dim=-1)

    def largest_over_others(self, pairs: Tensor) -> Tensor:
        """Reduce (batch, neuron, neuron) to maxima (batch, patch) over each patch's partners anywhere."""
        return self._grouped(pairs, -torch.inf).amax(dim=-1)

    def _grouped(self, pairs: Tensor, on_diagonal: float) -> Tensor:
        itself = torch.eye(pairs.shape[-1], dtype=torch.bool, device=pairs.device)
        return pairs.masked_fill(itself, on_diagonal).unflatten(1, (self.num_patches, -1)).flatten(2)


def _rounded(values: Tensor) -> Tensor:
    mantissa, exponent = torch.frexp(values)
    return torch.ldexp((mantissa * RESOLUTION).round() / RESOLUTION, exponent)


def _ids(values: Tensor) -> Tensor:
    return values.unique(return_inverse=True)[1]


def _joint_ids(first: Tensor, second: Tensor) -> Tensor:
    """Number the different pairs of ids; shapes broadcast."""
    return _ids(first * (second.max() + 1) + second)
