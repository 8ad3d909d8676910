r"""Algorithm 2 (GAN_FirstHidden, section 4.2) in a form that works: marginals by D4, correlations by D5, on exact moments.

Both discriminators are taken at their maximum, in closed form (``model.discriminators``; (C.2), (C.13)). Neurons (patch and
channel, flattened) and pairs of neurons are tensor dimensions, instances the leading one.

What differs from the printed form (``printed_first_hidden``), which is run beside it (fsr.alg.2):

- D4: alpha and t = (beta + b)/alpha are the coordinates, the residuals are log(x*/x) and log(y*/y), and the step in t is
  divided by the squared hazard and both by the larger curvature, so that one step size serves every m and b; o_k weighs both
  signs alike.
- D5: the constants are C = 1/(T ds/drho), at the current correlations, in place of m^2/(b poly(k)) within a patch and
  1/poly(m) across, so that all pairs are learned at one rate. The temperature T is annealed: it is the largest gap that is
  left, so that no exponent exceeds 1, where at T = b descent needs some 1/b steps.
- rows are normalised after each step (l.344: only the unit vectors are trained).
- smoothing (zeta) and the leak tend to 0.

A dictionary that is off enters through an oracle (``first_hidden_oracles``): exact moments of the channels, times or plus what
the dictionary changes, estimated at the current parameters and refreshed until nothing moves.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.gaussian.pair_series import PairSeries
from fsrcheck.gaussian.univariate import density, inverse_tail, relu_mean, tail
from fsrcheck.model.discriminators import barrier_slope

LARGEST_START = 0.25  # firing rate of a channel at the start of D4
LARGEST_MOVE = 0.5  # of log alpha and of t, in one step
LARGEST_GAP = 0.25  # of a correlation, in one step
LARGEST_CORRELATION = 1 - 1e-9  # at which a moment is evaluated
SMALLEST_THRESHOLD, LARGEST_THRESHOLD = -1.0, 12.0


@dataclass(frozen=True)
class Channels:
    """Neurons S = ReLU(alpha g - beta): ``scales`` alpha and ``thresholds`` beta, each (batch, neuron)."""

    scales: Tensor
    thresholds: Tensor

    def means(self, cutoff: Tensor) -> Tensor:
        """x = E ReLU(S - 2b), (batch, neuron); ``cutoff`` b is (batch,)."""
        return self.scales * relu_mean((self.thresholds + 2 * cutoff[:, None]) / self.scales)

    def rates(self, cutoff: Tensor) -> Tensor:
        """y = Pr[S > b], (batch, neuron); ``cutoff`` b is (batch,)."""
        return tail((self.thresholds + cutoff[:, None]) / self.scales)


class FirstHiddenOracle(Protocol):
    """What Algorithm 2 may ask of the data.

    Attributes:
        cutoff: b, (batch,).
        target_means, target_rates: x* and y* of D4, each (batch, neuron).
    """

    cutoff: Tensor
    target_means: Tensor
    target_rates: Tensor

    @property
    def target_pairs(self) -> Tensor:
        """s* of D5, (batch, pair), in the order of ``pair_indices``."""

    def marginal_factors(self, channels: Channels) -> tuple[Tensor, Tensor]:
        """By which factors the dictionary changes the learner's x and y, as logarithms, each (batch, neuron)."""

    def pair_excess(self, channels: Channels, correlations: Tensor) -> Tensor:
        """What the dictionary adds to the learner's s, (batch, pair), at correlations (batch, neuron, neuron)."""


@dataclass(frozen=True)
class FirstHiddenSettings:
    """How both descents are run.

    Attributes:
        initial_rate: of the learner's neurons at the start, the same for all (Prop. C.3).
        initial_scale: alpha at the start.
        marginal_step: share of the step that the largest curvature allows, at the solution.
        pair_step: share of the inverse of the largest eigenvalue of the rows' Gram matrix.
        max_marginal_steps, max_pair_steps: T, for each refresh.
        tolerance: largest relative gap of a moment at which descent ends.
        max_refreshes: how often what the dictionary changes is estimated anew at most.
        barrier, margin: exponent and tau of R5 (C.14).
    """

    initial_rate: float
    initial_scale: float = 1.0
    marginal_step: float = 0.8
    pair_step: float = 0.5
    max_marginal_steps: int = 400
    max_pair_steps: int = 2000
    tolerance: float = 1e-12
    max_refreshes: int = 12
    barrier: float = 128.0
    margin: float = 0.05

    def __post_init__(self) -> None:
        """Refuse what no descent can have."""
        if not 0 < self.initial_rate <= LARGEST_START:
            raise InputError(f"initial_rate must be in (0, {LARGEST_START}], got {self.initial_rate}")
        for name in ("initial_scale", "tolerance", "barrier", "margin"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be positive, got {getattr(self, name)}")
        for name in ("marginal_step", "pair_step"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} must be in [0, 1], got {getattr(self, name)}")
        for name, least in (("max_marginal_steps", 0), ("max_pair_steps", 0), ("max_refreshes", 1)):
            if getattr(self, name) < least:
                raise InputError(f"{name} must be at least {least}, got {getattr(self, name)}")


@dataclass(frozen=True)
class Learned:
    """What one of the two descents ended with.

    Attributes:
        channels: alpha and beta.
        directions: unit rows of V, (batch, neuron, latent), or None before D5.
        steps: taken in all, (batch,).
        residual: largest relative gap of a moment that is left, (batch,).
        watched: the watcher's tensors at every step, stacked in front, or None.
    """

    channels: Channels
    directions: Tensor | None
    steps: Tensor
    residual: Tensor
    watched: Tensor | None


MarginalWatcher = Callable[[Channels, Tensor, Tensor], Tensor]
PairWatcher = Callable[[Tensor, Tensor], Tensor]


def pair_indices(num_neurons: int, device: torch.device | None = None) -> tuple[Tensor, Tensor]:
    """The neurons of every pair (j, r) < (j', r'), each (pair,)."""
    first, second = torch.triu_indices(num_neurons, num_neurons, 1, device=device)
    return first, second


def starting_channels(oracle: FirstHiddenOracle, settings: FirstHiddenSettings) -> Channels:
    """Line 2, with Prop. C.3 as repaired: all neurons alike, firing at a rate above the target's."""
    scales = torch.full_like(oracle.target_means, settings.initial_scale)
    threshold = inverse_tail(torch.full_like(scales, settings.initial_rate))
    return Channels(scales, scales * threshold - oracle.cutoff[:, None])


def learn_marginals(
    oracle: FirstHiddenOracle,
    settings: FirstHiddenSettings,
    start: Channels | None = None,
    watch: MarginalWatcher | None = None,
) -> Learned:
    """Lines 3-5: every neuron's alpha and beta by the two moments of D4.

    ``watch(channels, log(x*/x), log(y*/y))`` is recorded before every step.
    """
    channels = starting_channels(oracle, settings) if start is None else start
    steps = torch.zeros(len(oracle.cutoff), dtype=torch.long, device=oracle.cutoff.device)
    watched: list[Tensor] = []
    residual = torch.full_like(oracle.cutoff, torch.inf)
    converging = torch.ones_like(oracle.cutoff, dtype=torch.bool)
    for _ in range(settings.max_refreshes):
        factors = oracle.marginal_factors(channels)
        goal = (oracle.target_means.log() - factors[0], oracle.target_rates.log() - factors[1])
        before = steps.clone()
        for _ in range(settings.max_marginal_steps):
            gaps = _marginal_gaps(channels, goal, oracle.cutoff)
            largest = torch.maximum(gaps[0].abs(), gaps[1].abs()).amax(dim=-1).nan_to_num(nan=torch.inf)
            residual = torch.where(converging, largest, residual)
            if watch:
                watched.append(watch(channels, *gaps))
            active = converging & (residual > settings.tolerance)
            if not bool(active.any()):
                break
            steps += active
            moved = _marginal_step(channels, gaps, oracle.cutoff, settings.marginal_step)
            channels = Channels(
                torch.where(active[:, None], moved.scales, channels.scales),
                torch.where(active[:, None], moved.thresholds, channels.thresholds),
            )
        converging = converging & (steps > before) & (steps < before + settings.max_marginal_steps)
        if not bool(converging.any()):
            break
    return Learned(channels, None, steps, residual, torch.stack(watched) if watched else None)


def _marginal_gaps(channels: Channels, goal: tuple[Tensor, Tensor], cutoff: Tensor) -> tuple[Tensor, Tensor]:
    """log(x*/x) and log(y*/y), each (batch, neuron)."""
    return goal[0] - channels.means(cutoff).log(), goal[1] - channels.rates(cutoff).log()


def _marginal_step(channels: Channels, gaps: tuple[Tensor, Tensor], cutoff: Tensor, share: float) -> Channels:
    """One step down half the sum of both squared gaps, in log alpha and h t (derivatives: fsr.C.6).

    With e = Q(t_1)/A(t_1) and s = b/alpha: d log x = (1 + s e) d log alpha - e dt and d log y = -h dt. The two-by-two matrix of
    curvatures has trace (1 + s e)^2 + (e/h)^2 + 1 and determinant (1 + s e)^2; where b is not small it is far above 1.
    """
    shift = cutoff[:, None] / channels.scales
    t = (channels.thresholds / channels.scales) + shift
    hazard = density(t) / tail(t)
    pull = tail(t + shift) / relu_mean(t + shift)
    along, across = 1 + shift * pull, pull / hazard
    by_scale, by_threshold = along * gaps[0], -(across * gaps[0] + gaps[1]) / hazard
    trace = along.square() + across.square() + 1
    size = share * 4 / (trace + (trace.square() - 4 * along.square()).sqrt())  # 2 over the larger eigenvalue
    log_scale = channels.scales.log() + size * by_scale.clamp(-LARGEST_MOVE, LARGEST_MOVE)
    moved = t + size * by_threshold.clamp(-LARGEST_MOVE, LARGEST_MOVE)
    scales = log_scale.exp()
    return Channels(scales, scales * moved.clamp(SMALLEST_THRESHOLD, LARGEST_THRESHOLD) - cutoff[:, None])


def learn_correlations(
    oracle: FirstHiddenOracle,
    channels: Channels,
    settings: FirstHiddenSettings,
    *,
    weights: Tensor | None = None,
    start: Tensor | None = None,
    watch: PairWatcher | None = None,
) -> Learned:
    """Line 6: unit rows of V whose inner products give the mixed moments of D5.

    Rows start orthonormal (line 2) and never leave the span that they start in, so as many latents as neurons are kept; the
    paper's 2 d_1 m_1 add zeros. ``weights``, (pair,), multiply D5's constants (0 leaves a pair out). ``watch(rows, gaps of all
    pairs)`` is recorded before every step.
    """
    pairs = _Pairs(oracle, channels, settings, weights)
    batch, size = channels.scales.shape
    rows = torch.eye(size, dtype=torch.float64, device=channels.scales.device).expand(batch, -1, -1).clone()
    rows = rows if start is None else start
    steps = torch.zeros(batch, dtype=torch.long, device=rows.device)
    watched: list[Tensor] = []
    residual = torch.full_like(oracle.cutoff, torch.inf)
    converging = torch.ones_like(oracle.cutoff, dtype=torch.bool)
    for _ in range(settings.max_refreshes):
        pairs.refresh(rows)
        before = steps.clone()
        for _ in range(settings.max_pair_steps):
            gaps = pairs.gaps(rows)
            residual = torch.where(converging, gaps.abs().amax(dim=-1).nan_to_num(nan=torch.inf), residual)
            if watch:
                watched.append(watch(rows, gaps))
            active = converging & (residual > settings.tolerance)
            if not bool(active.any()):
                break
            steps += active
            rows = torch.where(active[:, None, None], pairs.step(rows, gaps), rows)
        converging = converging & (steps > before) & (steps < before + settings.max_pair_steps)
        if not bool(converging.any()):
            break
    return Learned(channels, rows, steps, residual, torch.stack(watched) if watched else None)


class _Pairs:
    """The mixed moments of D5 at fixed alpha and beta, and the step that follows from them."""

    def __init__(
        self, oracle: FirstHiddenOracle, channels: Channels, settings: FirstHiddenSettings, weights: Tensor | None
    ) -> None:
        self.oracle, self.channels, self.settings = oracle, channels, settings
        self.first, self.second = pair_indices(channels.scales.shape[-1], channels.scales.device)
        heights = (channels.thresholds + oracle.cutoff[:, None]) / channels.scales
        self.series = PairSeries(heights[:, self.first], heights[:, self.second])
        self.scale = channels.scales[:, self.first] * channels.scales[:, self.second]
        self.weights = torch.ones_like(self.scale) if weights is None else weights.expand_as(self.scale)
        self.goal = oracle.target_pairs

    def refresh(self, rows: Tensor) -> None:
        """Estimate anew what the dictionary adds to the learner's moments."""
        self.goal = self.oracle.target_pairs - self.oracle.pair_excess(self.channels, rows @ rows.mT)

    def gaps(self, rows: Tensor) -> Tensor:
        """Weights times (s - s*)/(ds/drho), (batch, pair): to first order, how far the correlations are off."""
        gram = rows @ rows.mT
        product, both = self.series(gram[:, self.first, self.second].clamp(-LARGEST_CORRELATION, LARGEST_CORRELATION))
        return self.weights * (product - self.goal / self.scale) / both

    def step(self, rows: Tensor, gaps: Tensor) -> Tensor:
        """Descend on (C.13), at the temperature that leaves no exponent above 1, and normalise."""
        gaps = gaps.clamp(-LARGEST_GAP, LARGEST_GAP)
        temperature = gaps.abs().amax(dim=-1, keepdim=True).clamp(min=torch.finfo(gaps.dtype).tiny)
        exponents = gaps / temperature
        response = exponents.sinh() / exponents.cosh().mean(
            dim=-1, keepdim=True
        )  # u_+ - u_-, times the number of pairs
        gram = rows @ rows.mT
        barrier = barrier_slope(gram[:, self.first, self.second], self.settings.barrier, self.settings.margin)
        by_pair = temperature * response * self.weights + barrier
        gradient = torch.zeros_like(gram)
        gradient[:, self.first, self.second] = by_pair
        size = self.settings.pair_step / _spectral_bound(gram)
        moved = rows - size * ((gradient + gradient.mT) @ rows)
        return moved / moved.norm(dim=-1, keepdim=True)


def _spectral_bound(gram: Tensor) -> Tensor:
    """(tr Gram^8)^(1/8), (batch, 1, 1): the largest eigenvalue and little more."""
    square = gram @ gram
    return torch.linalg.matrix_norm(square @ square, keepdim=True) ** 0.25


def learn_first_hidden(oracle: FirstHiddenOracle, settings: FirstHiddenSettings) -> tuple[Learned, Learned]:
    """Algorithm 2: the end of D4 and the end of D5."""
    marginals = learn_marginals(oracle, settings)
    return marginals, learn_correlations(oracle, marginals.channels, settings)
