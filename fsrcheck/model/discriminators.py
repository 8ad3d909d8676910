"""The paper's discriminators, as functions of patches, and the maxima over their own parameters that are known."""

from dataclasses import dataclass

import torch
from torch import Tensor

from fsrcheck.model.activations import smoothed_abs, smoothed_leaky_relu, smoothed_relu
from fsrcheck.model.smoothed_slopes import smoothed_bump, smoothed_step


@dataclass(frozen=True)
class TruncatedMomentDiscriminator:
    """D^(1)(Y) = sum_r ReLU'(<W^D_r, Y> - bb) <Y, V_r> on one patch (section 4.1, l.237).

    The indicator ReLU' has derivative 0, so gradients pass by it; it is 0 at 0.

    Attributes:
        detector: W^D, shape (row, patch_dim, channel).
        cutoff: bb, shape (row,).
    """

    detector: Tensor
    cutoff: Tensor

    def value(self, patches: Tensor, parameters: Tensor) -> Tensor:
        """Return D^(1), shape (row, sample), of Y (row, sample, patch_dim) at V (row, channel, patch_dim)."""
        active = patches @ self.detector > self.cutoff[:, None, None]
        return (active * (patches @ parameters.mT)).sum(dim=-1)


@dataclass(frozen=True)
class AsymmetricGate:
    """o_K(z) = K ReLU(z) - ReLU(-z), K standing for poly(k) (section 4.2, l.302), and the inner maximum of D^(4).

    For one feature with gap Delta = E f(X*) - E f(X) the discriminator's objective is Delta o_K(v) - v^2.

    Attributes:
        weight: K, of positive parameters, which are those that answer a learner's moment below the target's.
        other_weight: of negative parameters; the paper has 1.
    """

    weight: float = 1.0
    other_weight: float = 1.0

    def __call__(self, parameters: Tensor) -> Tensor:
        """o_K, elementwise."""
        return self.weight * torch.relu(parameters) - self.other_weight * torch.relu(-parameters)

    def slope(self, parameters: Tensor) -> Tensor:
        """Its derivative, elementwise; 0 at the kink, as ReLU'(0) = 0."""
        positive, negative = ((sign * parameters > 0).to(parameters.dtype) for sign in (1, -1))
        return self.weight * positive + self.other_weight * negative

    def best_response(self, gap: Tensor) -> Tensor:
        """The maximiser of Delta o_K(v) - v^2, elementwise: K Delta/2 or Delta/2 by the sign of Delta (fsr.eq.C.2)."""
        return torch.where(gap > 0, self.weight * gap, self.other_weight * gap) / 2

    def inner_maximum(self, gap: Tensor) -> Tensor:
        """The maximum itself, elementwise: K^2 Delta^2/4 or Delta^2/4, (C.2) with its factor 1/4."""
        return self.best_response(gap).square()


@dataclass(frozen=True)
class MarginalDiscriminator:
    """D^(4)_r(Y) = ReLU~(s_r - 2b) o_K(v_r) + ReLU~'(s_r - b) o_K(w_r), s = (W^D)^T Y, on one patch (section 4.2, l.300).

    Parameters are (row, channel, 2): v and w.

    Attributes:
        detector: W^D, shape (row, patch_dim, channel).
        cutoff: b, shape (row,).
        smoothing: zeta.
        gate: o_K.
    """

    detector: Tensor
    cutoff: Tensor
    smoothing: float
    gate: AsymmetricGate

    def features(self, patches: Tensor) -> Tensor:
        """Return ReLU~(s - 2b) and ReLU~'(s - b), shape (row, sample, channel, 2), of Y (row, sample, patch_dim)."""
        seen, cutoff = patches @ self.detector, self.cutoff[:, None, None]
        means, rates = smoothed_relu(seen - 2 * cutoff, self.smoothing), smoothed_step(seen - cutoff, self.smoothing)
        return torch.stack([means, rates], dim=-1)

    def slopes(self, patches: Tensor) -> Tensor:
        """Return the derivatives of the features by s, of their shape."""
        seen, cutoff = patches @ self.detector, self.cutoff[:, None, None]
        means, rates = smoothed_step(seen - 2 * cutoff, self.smoothing), smoothed_bump(seen - cutoff, self.smoothing)
        return torch.stack([means, rates], dim=-1)

    def value(self, patches: Tensor, parameters: Tensor) -> Tensor:
        """Return D^(4)_r, shape (row, sample, channel), of Y (row, sample, patch_dim)."""
        return (self.features(patches) * self.gate(parameters)[:, None]).sum(dim=-1)


@dataclass(frozen=True)
class SuperResolutionDiscriminator:
    """D^(2)_r(Y_1, Y_2) = abs~(s_r - g(p_r)), g the LeakyReLU, of a patch and its parents one level below (section 4.3, l.386).

    s = (W^D_l)^T Y_1 and p_r = sum over parents j' of <V^D_{r,j'}, g((W^D_{l-1,j'})^T Y_{2,j'})> - b^D_r. Parameters are
    (row, channel, fan-in + 1): V^D, parent by parent, and b^D last.

    Attributes:
        detector: W^D_l, shape (row, patch_dim, channel).
        lower_detector: W^D_{l-1}, shape (row, parent, lower patch_dim, lower channel).
        cutoff: b, the same in all rows.
        leak: zeta below 0; in (0, 1].
        smoothing: zeta as the width of the transitions.
    """

    detector: Tensor
    lower_detector: Tensor
    cutoff: float
    leak: float
    smoothing: float

    def predicted(self, lower: Tensor, parameters: Tensor) -> Tensor:
        """Return g(p), shape (row, sample, channel), of Y_2 (row, sample, parent, lower patch_dim)."""
        read = (lower.transpose(1, 2) @ self.lower_detector).transpose(1, 2).flatten(2)
        decoded = smoothed_leaky_relu(read, self.leak, self.smoothing)
        linear = decoded @ parameters[..., :-1].mT - parameters[:, None, :, -1]
        return smoothed_leaky_relu(linear, self.leak, self.smoothing)

    def value(self, upper: Tensor, lower: Tensor, parameters: Tensor) -> Tensor:
        """Return D^(2), shape (row, sample, channel), of Y_1 (row, sample, patch_dim) and Y_2."""
        gap = upper @ self.detector - self.predicted(lower, parameters)
        return smoothed_abs(gap, self.cutoff, self.smoothing)


@dataclass(frozen=True)
class PairwiseDiscriminator:
    """D^(5)(Y) = sum over pairs of C (u_+ - u_-) ReLU~(s_i - b) ReLU~(s_i' - b), s_j = (W^D_j)^T Y_j (section 4.2, l.306).

    A neuron i is a patch j and a channel r, flattened; the pairs i < i' are ordered as ``torch.triu_indices`` has them. The
    paper's sum runs over i != i', every pair twice: that adds log 2 to the inner maximum and changes nothing else.
    Parameters are (batch, pair, 2): u_+ and u_-, on the simplex.

    Attributes:
        detector: W^D, shape (batch, patch, patch_dim, channel).
        cutoff: b, shape (batch,).
        smoothing: zeta.
        constants: C, shape (batch, pair).
    """

    detector: Tensor
    cutoff: Tensor
    smoothing: float
    constants: Tensor

    def activations(self, patches: Tensor) -> Tensor:
        """Return ReLU~(s - b), shape (batch, sample, neuron), of Y (batch, sample, patch, patch_dim)."""
        seen = (patches.transpose(1, 2) @ self.detector).transpose(1, 2).flatten(2)
        return smoothed_relu(seen - self.cutoff[:, None, None], self.smoothing)

    def features(self, patches: Tensor) -> Tensor:
        """Return the products of two activations, shape (batch, sample, pair), of Y (batch, sample, patch, patch_dim)."""
        found = self.activations(patches)
        first, second = torch.triu_indices(found.shape[-1], found.shape[-1], 1, device=found.device)
        return found[..., first] * found[..., second]

    def value(self, patches: Tensor, parameters: Tensor) -> Tensor:
        """Return D^(5), shape (batch, sample), of Y (batch, sample, patch, patch_dim)."""
        signed = self.constants * (parameters[..., 0] - parameters[..., 1])
        return (self.features(patches) * signed[:, None]).sum(dim=-1)

    def advantages(self, gap: Tensor) -> Tensor:
        """Return +-C (s* - s), shape (batch, pair, 2), of the gaps s* - s, (batch, pair)."""
        signed = self.constants * gap
        return torch.stack([signed, -signed], dim=-1)

    def best_response(self, gap: Tensor) -> Tensor:
        """Return the maximiser on the simplex of <u, advantages> - sum u log u, (batch, pair, 2) (fsr.eq.C.13)."""
        return torch.softmax(self.advantages(gap).flatten(1), dim=-1).unflatten(-1, (-1, 2))

    def inner_maximum(self, gap: Tensor) -> Tensor:
        """Return the maximum itself, H of (C.13), (batch,): at least log(2 pairs)."""
        return torch.logsumexp(self.advantages(gap).flatten(1), dim=-1)


def negative_entropy(parameters: Tensor) -> Tensor:
    """H(u) = sum u log u (l.1499), (batch,), of u (batch, pair, 2)."""
    return torch.xlogy(parameters, parameters).sum(dim=(-2, -1))


def correlation_barrier(correlations: Tensor, exponent: float, margin: float) -> Tensor:
    """R^(5) of (C.14) with the missing plus, (batch,), of the inner products of unit rows, (batch, pair).

    ``exponent`` is its poly(k), ``margin`` its tau; every pair counts once (twice in the paper, see
    ``PairwiseDiscriminator``).
    """
    edge = 1 - margin
    return ((exponent * (correlations - edge)).exp() + (exponent * (-correlations - edge)).exp()).sum(dim=-1)


def barrier_slope(correlations: Tensor, exponent: float, margin: float) -> Tensor:
    """The derivative of ``correlation_barrier`` by every inner product, (batch, pair)."""
    edge = 1 - margin
    return exponent * ((exponent * (correlations - edge)).exp() - (exponent * (-correlations - edge)).exp())
