r"""Algorithm 2 (GAN_FirstHidden, section 4.2) as it is printed: the games of D4 (line 4) and of D5 (line 6).

Both are games for ``descend_ascend``: the generator is outer, the discriminator inner. What they read of the data comes
from an oracle, exact or on the samples of a round (``printed_first_hidden_moments``):

- ``MarginalGame``: outer (alpha, beta) of every neuron, inner (v, w). Every neuron has an objective of its own in which only
  its own alpha and beta are trained (l.312). Lines 3-5 train them one after the other, here all at once: where the columns of
  the learner's W are orthonormal a neuron's features do not depend on the others, and the two are the same.
- ``PairGame``: outer the rows of V, read as alpha_r V_r/||V_r|| (l.294), so that gradients pass through the normalisation and
  norms stay alpha; inner u, read as u/||u||_1 (footnote 16): plain gradient steps then stay on the simplex, while the
  entries stay positive. (They do for moderate C |s* - s|; otherwise the smallest entries of the maximiser, exp(-2 C |s* - s|)
  of the largest, are out of reach of plain ascent, and only the closed form is left.)

Every pair counts once; the paper's sum over i != i' counts it twice.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.gaussian.univariate import inverse_tail
from fsrcheck.model.discriminators import AsymmetricGate, PairwiseDiscriminator, barrier_slope

SMALLEST_RATE, LARGEST_RATE = 1e-12, 0.15  # Q(1) = 0.1587: below it alpha = t is at least 1


@dataclass(frozen=True)
class MarginalMoments:
    """``gap`` E f(X*) - E f(X), (row, channel, 2), of both features of D4; ``slopes``, the derivatives of E f(X).

    ``slopes`` is (row, channel, 2, 2): by feature, and by alpha and beta of the channel itself.
    """

    gap: Tensor
    slopes: Tensor


class MarginalOracle(Protocol):
    """What D4 may ask of the data."""

    def draw(self, step: int) -> list[MarginalMoments]:
        """A place for this round's samples; the generator stands still in it, so moments are compared once."""

    def compare(self, channels: Tensor, samples: list[MarginalMoments]) -> MarginalMoments:
        """Compare at alpha and beta, (row, channel, 2)."""


@dataclass
class PairRound:
    """What D5 has seen in one round: z and E of the target's products, if they are samples; once compared, s* - s.

    ``slopes`` are the derivatives of s by the correlations, where they are known.
    """

    latents: Tensor | None = None
    target: Tensor | None = None
    gap: Tensor | None = None
    slopes: Tensor | None = None


class PairOracle(Protocol):
    """What D5 may ask of the data at the learner's unit rows, (batch, neuron, latent)."""

    def draw(self, step: int) -> PairRound:
        """Return this round's samples; the generator stands still in it, so moments are compared once."""

    def gap(self, rows: Tensor, samples: PairRound) -> Tensor:
        """Return s* - s, (batch, pair)."""

    def pull(self, rows: Tensor, weights: Tensor, samples: PairRound) -> Tensor:
        """Return the gradient of sum weights s by the unit rows, weights (batch, pair); of the rows' shape."""


@dataclass(frozen=True)
class MarginalGame:
    """Line 4: min over (alpha, beta), max over (v, w) of E D4(X*) - E D4(X) - v^2 - w^2, for every neuron.

    Outer and inner are (row, channel, 2).

    Attributes:
        oracle: the moments.
        gate: o_K.
    """

    oracle: MarginalOracle
    gate: AsymmetricGate

    def draw(self, step: int) -> list[MarginalMoments]:
        """See ``Game``."""
        return self.oracle.draw(step)

    def inner_gradient(self, outer: Tensor, inner: Tensor, samples: list[MarginalMoments]) -> Tensor:
        """o_K'(v) (E f(X*) - E f(X)) - 2 v."""
        return self.gate.slope(inner) * self.oracle.compare(outer, samples).gap - 2 * inner

    def outer_gradient(self, outer: Tensor, inner: Tensor, samples: list[MarginalMoments]) -> Tensor:
        """Minus the sum over both features of o_K(v) times the derivative of E f(X)."""
        slopes = self.oracle.compare(outer, samples).slopes
        return -(self.gate(inner)[..., None] * slopes).sum(dim=-2)

    def best_response(self, outer: Tensor, samples: list[MarginalMoments]) -> Tensor:
        """See ``SolvedGame``: (C.2)."""
        return self.gate.best_response(self.oracle.compare(outer, samples).gap)


@dataclass(frozen=True)
class PairGame:
    """Line 6: min over V, max over u of E D5(X*) - E D5(X) + R5(V) - H(u).

    Outer is (batch, neuron, latent), inner (batch, pair, 2); both count by their directions only.

    Attributes:
        oracle: the moments.
        discriminator: its constants C are used; its detector and cutoff only where the oracle samples.
        exponent, margin: poly(k) and tau of R5.
    """

    oracle: PairOracle
    discriminator: PairwiseDiscriminator
    exponent: float
    margin: float

    def draw(self, step: int) -> PairRound:
        """See ``Game``."""
        return self.oracle.draw(step)

    def inner_gradient(self, outer: Tensor, inner: Tensor, samples: PairRound) -> Tensor:
        """+-C (s* - s) - log u - 1, through the normalisation of u."""
        size = inner.abs().sum(dim=(-2, -1), keepdim=True)
        shares = inner / size
        plain = self.discriminator.advantages(self.oracle.gap(unit_rows(outer), samples)) - shares.log() - 1
        return (plain - (shares * plain).sum(dim=(-2, -1), keepdim=True)) / size

    def outer_gradient(self, outer: Tensor, inner: Tensor, samples: PairRound) -> Tensor:
        """The gradient by the unit rows, through the normalisation of the rows."""
        rows = unit_rows(outer)
        shares = inner / inner.abs().sum(dim=(-2, -1), keepdim=True)
        weights = -self.discriminator.constants * (shares[..., 0] - shares[..., 1])
        gradient = self.oracle.pull(rows, weights, samples) + self._barrier_pull(rows)
        along = (gradient * rows).sum(dim=-1, keepdim=True)
        return (gradient - along * rows) / outer.norm(dim=-1, keepdim=True)

    def best_response(self, outer: Tensor, samples: PairRound) -> Tensor:
        """See ``SolvedGame``: (C.13)."""
        return self.discriminator.best_response(self.oracle.gap(unit_rows(outer), samples))

    def _barrier_pull(self, rows: Tensor) -> Tensor:
        return pulled(rows, barrier_slope(pair_correlations(rows), self.exponent, self.margin))


def unit_rows(rows: Tensor) -> Tensor:
    """V_r/||V_r||, of the shape of ``rows``."""
    return rows / rows.norm(dim=-1, keepdim=True)


def pair_correlations(rows: Tensor) -> Tensor:
    """Inner products of unit rows (batch, neuron, latent), (batch, pair)."""
    first, second = torch.triu_indices(rows.shape[-2], rows.shape[-2], 1, device=rows.device)
    return (rows @ rows.mT)[:, first, second]


def pair_matrix(values: Tensor, num_neurons: int) -> Tensor:
    """Values of pairs (batch, pair) as a symmetric matrix (batch, neuron, neuron) with diagonal 0."""
    first, second = torch.triu_indices(num_neurons, num_neurons, 1, device=values.device)
    upper = values.new_zeros(len(values), num_neurons, num_neurons)
    upper[:, first, second] = values
    return upper + upper.mT


def pulled(rows: Tensor, slopes: Tensor) -> Tensor:
    """The gradient by the rows of a function of their inner products with derivatives ``slopes``, (batch, pair)."""
    return pair_matrix(slopes, rows.shape[-2]) @ rows


def printed_constants(
    num_patches: int, num_channels: int, cutoff: Tensor, poly: float, across: Tensor | None = None
) -> Tensor:
    """C of footnote 4, (batch, pair): m^2/(b poly(k)) within a patch and 1/poly(m), read as 1/m, across.

    Args:
        num_patches, num_channels: d_1, m_1.
        cutoff: b, (batch,).
        poly: the poly(k) within a patch.
        across: (batch,), in place of 1/m.
    """
    patch = torch.arange(num_patches, device=cutoff.device).repeat_interleave(num_channels)
    first, second = torch.triu_indices(len(patch), len(patch), 1, device=cutoff.device)
    within = num_channels**2 / (cutoff * poly)
    other = torch.full_like(cutoff, 1 / num_channels) if across is None else across
    return torch.where(patch[first] == patch[second], within[:, None], other[:, None])


def starting_channel(rate: float) -> tuple[float, float]:
    """Line 2's alpha and beta: alpha = t, beta = t^2 with Q(t) = ``rate`` (Prop. C.3 as repaired, fsr.C.3).

    Raises:
        InputError: no rate at which alpha is at least 1.
    """
    if not SMALLEST_RATE <= rate <= LARGEST_RATE:
        raise InputError(f"rate must be in [{SMALLEST_RATE:g}, {LARGEST_RATE}], got {rate}")
    threshold = float(inverse_tail(rate))
    return threshold, threshold**2


def starting_rows(batch: int, num_neurons: int, num_latents: int, device: torch.device | str = "cpu") -> Tensor:
    """Line 2's unit rows e_{j m + r}, (batch, neuron, latent).

    Raises:
        InputError: fewer latents than neurons.
    """
    if num_latents < num_neurons:
        raise InputError(f"num_latents must be at least num_neurons = {num_neurons}, got {num_latents}")
    rows = torch.eye(num_neurons, num_latents, dtype=torch.float64, device=device)
    return rows.expand(batch, -1, -1).clone()
