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
    record = (lambda state, gaps: watch(Channels(*state), gaps[:, 0], gaps[:, 1])) if watch else None
    limits = (settings.tolerance, settings.max_marginal_steps, settings.max_refreshes)
    descent = _Marginals(oracle, settings)
    state, steps, residual, watched = _descend(descent, (channels.scales, channels.thresholds), limits, record)
    return Learned(Channels(*state), None, steps, residual, watched)


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
    batch, size = channels.scales.shape
    rows = torch.eye(size, dtype=torch.float64, device=channels.scales.device).expand(batch, -1, -1)
    record = (lambda state, gaps: watch(state[0], gaps)) if watch else None
    limits = (settings.tolerance, settings.max_pair_steps, settings.max_refreshes)
    pairs = _Pairs(oracle, channels, settings, weights)
    (rows,), steps, residual, watched = _descend(pairs, (rows if start is None else start,), limits, record)
    return Learned(channels, rows, steps, residual, watched)


State = tuple[Tensor, ...]


class _Descent(Protocol):
    """What is trained, as tensors (batch, ...), and how far off its moments are."""

    def refresh(self, state: State) -> None:
        """Estimate anew what the dictionary changes in the learner's moments."""

    def gaps(self, state: State) -> Tensor:
        """Gaps of all moments, (batch, ...)."""

    def step(self, state: State, gaps: Tensor) -> State:
        """The state after one more step."""


def _descend(
    descent: _Descent,
    state: State,
    limits: tuple[float, int, int],
    watch: Callable[[State, Tensor], Tensor] | None,
) -> tuple[State, Tensor, Tensor, Tensor | None]:
    """Descend, refresh, and descend again until a refresh changes nothing: the last state, steps, residual and what was watched.

    An instance that has arrived, or has not within the steps of one refresh, stands still, whatever the others do.
    """
    tolerance, max_steps, max_refreshes = limits
    residual = torch.full((len(state[0]),), torch.inf, dtype=torch.float64, device=state[0].device)
    steps, going = torch.zeros_like(residual, dtype=torch.long), torch.ones_like(residual, dtype=torch.bool)
    watched: list[Tensor] = []
    for _ in range(max_refreshes):
        descent.refresh(state)
        before = steps.clone()
        for _ in range(max_steps):
            gaps = descent.gaps(state)
            residual = torch.where(going, gaps.abs().flatten(1).amax(dim=-1).nan_to_num(nan=torch.inf), residual)
            if watch:
                watched.append(watch(state, gaps))
            active = going & (residual > tolerance)
            if not bool(active.any()):
                break
            steps += active
            state = tuple(_where(active, new, old) for new, old in zip(descent.step(state, gaps), state, strict=True))
        going = going & (steps > before) & (steps < before + max_steps)
        if not bool(going.any()):
            break
    return state, steps, residual, torch.stack(watched) if watched else None


def _where(active: Tensor, new: Tensor, old: Tensor) -> Tensor:
    return torch.where(active.reshape(-1, *[1] * (old.dim() - 1)), new, old)


class _Marginals:
    """The two moments of D4 of every neuron, and the step that follows from them."""

    def __init__(self, oracle: FirstHiddenOracle, settings: FirstHiddenSettings) -> None:
        self.oracle, self.share = oracle, settings.marginal_step
        self.goal = torch.stack([oracle.target_means.log(), oracle.target_rates.log()], dim=1)
        self.factors = torch.zeros_like(self.goal)

    def refresh(self, state: State) -> None:
        """See ``_Descent``."""
        self.factors = torch.stack(self.oracle.marginal_factors(Channels(*state)), dim=1)

    def gaps(self, state: State) -> Tensor:
        """log(x*/x) and log(y*/y), (batch, 2, neuron)."""
        channels, cutoff = Channels(*state), self.oracle.cutoff
        found = torch.stack([channels.means(cutoff).log(), channels.rates(cutoff).log()], dim=1)
        return self.goal - self.factors - found

    def step(self, state: State, gaps: Tensor) -> State:
        """One step down half the sum of both squared gaps, in log alpha and h t (derivatives: fsr.C.6).

        With e = Q(t_1)/A(t_1) and s = b/alpha: d log x = (1 + s e) d log alpha - e dt and d log y = -h dt. The two-by-two
        matrix of curvatures has trace (1 + s e)^2 + (e/h)^2 + 1 and determinant (1 + s e)^2; where b is not small it is far
        above 1.
        """
        (scales, thresholds), cutoff = state, self.oracle.cutoff[:, None]
        shift = cutoff / scales
        t = thresholds / scales + shift
        hazard = density(t) / tail(t)
        pull = tail(t + shift) / relu_mean(t + shift)
        along, across = 1 + shift * pull, pull / hazard
        by_scale, by_threshold = along * gaps[:, 0], -(across * gaps[:, 0] + gaps[:, 1]) / hazard
        trace = along.square() + across.square() + 1
        size = self.share * 4 / (trace + (trace.square() - 4 * along.square()).sqrt())  # 2 over the larger eigenvalue
        scales = (scales.log() + size * by_scale.clamp(-LARGEST_MOVE, LARGEST_MOVE)).exp()
        moved = t + size * by_threshold.clamp(-LARGEST_MOVE, LARGEST_MOVE)
        return scales, scales * moved.clamp(SMALLEST_THRESHOLD, LARGEST_THRESHOLD) - cutoff


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

    def refresh(self, state: State) -> None:
        """See ``_Descent``."""
        (rows,) = state
        self.goal = self.oracle.target_pairs - self.oracle.pair_excess(self.channels, rows @ rows.mT)

    def gaps(self, state: State) -> Tensor:
        """Weights times (s - s*)/(ds/drho), (batch, pair): to first order, how far the correlations are off."""
        (rows,) = state
        gram = rows @ rows.mT
        product, both = self.series(gram[:, self.first, self.second].clamp(-LARGEST_CORRELATION, LARGEST_CORRELATION))
        return self.weights * (product - self.goal / self.scale) / both

    def step(self, state: State, gaps: Tensor) -> State:
        """Descend on (C.13), at the temperature that leaves no exponent above 1, and normalise."""
        (rows,) = state
        gaps = gaps.clamp(-LARGEST_GAP, LARGEST_GAP)
        temperature = gaps.abs().amax(dim=-1, keepdim=True).clamp(min=torch.finfo(gaps.dtype).tiny)
        exponents = gaps / temperature
        partition = exponents.cosh().mean(dim=-1, keepdim=True)
        response = exponents.sinh() / partition  # u_+ - u_-, times the number of pairs
        gram = rows @ rows.mT
        barrier = barrier_slope(gram[:, self.first, self.second], self.settings.barrier, self.settings.margin)
        by_pair = temperature * response * self.weights + barrier
        gradient = torch.zeros_like(gram)
        gradient[:, self.first, self.second] = by_pair
        size = self.settings.pair_step / _spectral_bound(gram)
        moved = rows - size * ((gradient + gradient.mT) @ rows)
        return (moved / moved.norm(dim=-1, keepdim=True),)


def _spectral_bound(gram: Tensor) -> Tensor:
    """(tr Gram^8)^(1/8), (batch, 1, 1): the largest eigenvalue and little more."""
    square = gram @ gram
    return torch.linalg.matrix_norm(square @ square, keepdim=True) ** 0.25


def learn_first_hidden(oracle: FirstHiddenOracle, settings: FirstHiddenSettings) -> tuple[Learned, Learned]:
    """Algorithm 2: the end of D4 and the end of D5."""
    marginals = learn_marginals(oracle, settings)
    return marginals, learn_correlations(oracle, marginals.channels, settings)
