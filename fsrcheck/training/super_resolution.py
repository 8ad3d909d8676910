r"""Algorithm 3 (GAN_ForwardSuperResolution, section 4.3): learn level l from level l - 1 by the discriminator D^(2).

The game is min over (V^D, b^D), max over (V, b) of E D^(2)(X*_l, X*_{l-1}) - E D^(2)(X_l, X_{l-1}) and regularisers, with the
generator inside (Algorithm 6). Whatever is said of one channel is done for all channels, patches and instances at once: a row
is an instance and a patch, and channel r's D^(2)_r moves the parameters of channel r only (line 5).

- ``SuperResolutionGame`` is the game as printed, for ``descend_ascend``: any number of inner steps, one step size, and the
  loop over channels, if wanted, by ``channel``.
- ``learn_super_resolution`` is a working form: one inner step; the leak zeta is lowered while it learns; and the step is
  Polyak's, cut off at the printed eta: both objectives have minimum 0 (up to regularisers), and on the samples where
  abs~ > 0 the step aims at s_r = g(p_r), so that it gets inside [-b, b]. Steps with a constant or a falling eta, for all
  samples alike, are there beside it.

Everything runs in units of the cutoff b, which may differ from row to row: inputs are divided by b, parameters are not.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.training.detected_samples import DetectedSamples, Reading
from fsrcheck.training.fast_slopes import abs_slope, leaky_relu, leaky_relu_and_slope
from fsrcheck.training.super_resolution_samples import PairSource

POLYAK, FALLING, CONSTANT = "polyak", "falling", "constant"
STEP_RULES = (POLYAK, FALLING, CONSTANT)
PRINTED_SIGNS, CORRECTED_SIGNS = (
    1.0,
    -1.0,
)  # of lambda_G ||V||^2 - lambda_D ||V^D||^2: first version, conference version


@dataclass(frozen=True)
class Slope:
    """What a player knows of its objective at its parameters, each of shape (row, channel, ...), in units of b.

    Attributes:
        distance: the mean of |s_r - g(p_r)| over all samples, where abs~ = 0 counted as 0.
        gradient: of the mean of abs~ in the player's parameters, (row, channel, fan-in + 1).
    """

    distance: Tensor
    gradient: Tensor


@dataclass(frozen=True)
class SuperResolutionGame:
    """The game of line 5: outer (V^D, b^D), inner (V, b), each (row, channel, fan-in + 1), the thresholds last.

    Attributes:
        source: the samples.
        num_samples: N, of each kind and round.
        cutoff: b, shape (row,).
        leak: zeta below 0, by the round.
        smoothing: zeta as a width, in units of b.
        generator_decay, discriminator_decay: lambda_G and lambda_D, in units of b.
        signs: of both regularisers: ``PRINTED_SIGNS`` or ``CORRECTED_SIGNS``.
        from_fakes: whether the discriminator sees the learner's samples; without them it solves a regression.
        channel: the one whose parameters move; None moves all.
    """

    source: PairSource
    num_samples: int
    cutoff: Tensor
    leak: Callable[[int], float | Tensor]
    smoothing: float = 0.1
    generator_decay: float = 0.0
    discriminator_decay: float = 0.0
    signs: float = CORRECTED_SIGNS
    from_fakes: bool = True
    channel: int | None = None

    def draw(self, step: int) -> tuple[DetectedSamples, float | Tensor]:
        """The samples of this round, in units of b, and its leak."""
        leak = self.leak(step)
        scale = 1 / self.cutoff[:, None, None]
        return DetectedSamples.of(self.source.draw(self.num_samples), scale, leak, self.smoothing), leak

    def inner_gradient(self, outer: Tensor, inner: Tensor, samples: Any) -> Tensor:
        """Of -E D^(2)(X_l, X_{l-1}) and the generator's regulariser."""
        drawn, leak = samples
        gradient = -self.generator_slope(outer, inner, drawn, leak).gradient
        return self._kept(gradient + self.signs * self.generator_decay * _weights_only(inner))

    def outer_gradient(self, outer: Tensor, inner: Tensor, samples: Any) -> Tensor:
        """Of E D^(2)(X*_l, X*_{l-1}) - E D^(2)(X_l, X_{l-1}) and the discriminator's regulariser."""
        drawn, leak = samples
        gradient = self.discriminator_slope(outer, inner, drawn, leak).gradient
        return self._kept(gradient - self.signs * self.discriminator_decay * _weights_only(outer))

    def reading(self, outer: Tensor, samples: DetectedSamples, leak: float | Tensor) -> Reading:
        """What the discriminator predicts of all samples from the level below."""
        return Reading(*leaky_relu_and_slope(samples.both.linear(outer), leak, self.smoothing))

    def generator_slope(
        self,
        outer: Tensor,
        inner: Tensor,
        samples: DetectedSamples,
        leak: float | Tensor,
        reading: Reading | None = None,
    ) -> Slope:
        """Of E D^(2)(X_l, X_{l-1}) in the generator's parameters; ``reading`` is made anew where it is not given."""
        seen = self.reading(outer, samples, leak) if reading is None else reading
        codes, slopes = leaky_relu_and_slope(samples.own_codes.linear(inner), leak, self.smoothing)
        gap = codes @ self.source.overlaps.mT - seen.codes[:, samples.count :]
        slope = abs_slope(gap, 1.0, self.smoothing)
        norms = torch.diagonal(self.source.overlaps, dim1=-2, dim2=-1)[..., None]
        return Slope(_mean_product(gap, slope), norms * samples.own_codes.gradient(slope * slopes, samples.count))

    def discriminator_slope(
        self,
        outer: Tensor,
        inner: Tensor,
        samples: DetectedSamples,
        leak: float | Tensor,
        reading: Reading | None = None,
    ) -> Slope:
        """Of the discriminator's objective in its parameters; the distance is that of the target's samples."""
        seen, count = self.reading(outer, samples, leak) if reading is None else reading, samples.count
        if not self.from_fakes:
            gap = samples.upper - seen.codes[:, :count]
            back = abs_slope(gap, 1.0, self.smoothing)
            return Slope(_mean_product(gap, back), samples.lower.gradient(-back * seen.slopes[:, :count], count))
        codes = leaky_relu(samples.own_codes.linear(inner), leak, self.smoothing)
        fakes = codes @ self.source.overlaps.mT - seen.codes[:, count:]
        gap = torch.cat(
            [seen.codes[:, :count] - samples.upper, fakes], dim=1
        )  # abs~ is even: the target's sign is turned
        back = abs_slope(gap, 1.0, self.smoothing)
        distance = _mean_product(gap[:, :count], back[:, :count])
        return Slope(distance, samples.both.gradient(back * seen.slopes, count))

    def _kept(self, gradient: Tensor) -> Tensor:
        """The gradient of the channel in training, 0 elsewhere."""
        if self.channel is None:
            return gradient
        kept = torch.zeros_like(gradient)
        kept[:, self.channel] = gradient[:, self.channel]
        return kept


@dataclass(frozen=True)
class SuperResolutionSettings:
    """How ``learn_super_resolution`` descends.

    Attributes:
        step_size: eta; for ``POLYAK`` the largest step. m Pr[S_r > 0] channels fire at once: 1/(8 Pr[S_r > 0]) works.
        num_steps: T, of the discriminator.
        inner_steps: of the generator in each; with 0 it stays where it starts.
        batch_size: N, fresh samples of each kind in every step.
        rule: ``POLYAK``; ``FALLING``, eta that falls to 0 by a cosine over the second half; ``CONSTANT``.
        first_leak, last_leak: zeta below 0, at first and from ``settled`` on, the latter in units of b; it falls geometrically.
        settled: the share of the steps after which the leak is the last one.
        smoothing: zeta as a width, in units of b.
        decay: lambda_D in units of b; lambda_G is a tenth of it.
        signs, from_fakes: see ``SuperResolutionGame``.
    """

    step_size: float
    num_steps: int = 2000
    inner_steps: int = 1
    batch_size: int = 512
    rule: str = POLYAK
    first_leak: float = 0.03
    last_leak: float = 0.03
    settled: float = 0.5
    smoothing: float = 0.1
    decay: float = 1e-6
    signs: float = CORRECTED_SIGNS
    from_fakes: bool = True

    def __post_init__(self) -> None:
        """Refuse what no descent can have."""
        if self.rule not in STEP_RULES:
            raise InputError(f"step rule must be one of {', '.join(STEP_RULES)}, got {self.rule!r}")
        for name, least in (("num_steps", 1), ("inner_steps", 0), ("batch_size", 1)):
            if getattr(self, name) < least:
                raise InputError(f"{name} must be at least {least}, got {getattr(self, name)}")
        for name in ("step_size", "smoothing", "first_leak", "last_leak"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be positive, got {getattr(self, name)}")
        if not self.first_leak <= 1:
            raise InputError(f"first_leak must be at most 1, got {self.first_leak}")
        if not 0 < self.settled <= 1:
            raise InputError(f"settled must be in (0, 1], got {self.settled}")
        if not self.decay >= 0:
            raise InputError(f"decay must be at least 0, got {self.decay}")

    def leak(self, cutoff: Tensor, step: int) -> Tensor:
        """zeta of a step, (row, 1, 1), of cutoffs (row,); never above the first one."""
        last = (self.last_leak * cutoff).clamp(max=self.first_leak)
        share = min(1.0, step / (self.settled * self.num_steps))
        return (self.first_leak * (last / self.first_leak) ** share)[:, None, None]

    def eta(self, step: int) -> float:
        """The printed step size, or what is left of it."""
        left = 2 * (1 - step / self.num_steps)
        if self.rule != FALLING or left >= 1:
            return self.step_size
        return self.step_size * (1 - math.cos(math.pi * left)) / 2


@dataclass(frozen=True)
class SuperResolved:
    """The result of Algorithm 3 before its last line.

    Attributes:
        generator, discriminator: (V, b) and (V^D, b^D), each (row, channel, fan-in + 1), the thresholds last.
        leak: zeta at the end, (row,).
        watched: the watcher's tensors at every step and at the end, stacked in front, or None.
    """

    generator: Tensor
    discriminator: Tensor
    leak: Tensor
    watched: Tensor | None


Watcher = Callable[[SuperResolutionGame, Tensor, Tensor, Any], Tensor]


def identity_start(source: PairSource) -> Tensor:
    """Line 3: V = I on the first parent, truncated where the levels differ in size, 0 elsewhere, and b = 0."""
    rows, channels, _ = source.overlaps.shape
    start = source.overlaps.new_zeros(rows, channels, source.fan_in + 1)
    start[..., : source.lower_channels] = torch.eye(
        channels, source.lower_channels, dtype=start.dtype, device=start.device
    )
    return start


def raised(parameters: Tensor, amount: Tensor) -> Tensor:
    """Line 6: every threshold of (row, channel, fan-in + 1) plus ``amount``, (row,)."""
    return torch.cat([parameters[..., :-1], parameters[..., -1:] + amount[:, None, None]], dim=-1)


def learn_super_resolution(
    source: PairSource,
    cutoff: Tensor,
    settings: SuperResolutionSettings,
    *,
    start: Tensor | None = None,
    watch: Watcher | None = None,
    watch_every: int = 1,
) -> SuperResolved:
    """Run Algorithm 3, up to line 5, in its working form from ``start`` (``identity_start``), for all rows.

    ``watch(game, discriminator, generator, samples)`` is recorded before every ``watch_every``-th step of the discriminator,
    from the first on, and at the end on fresh samples.

    Raises:
        InputError: a cutoff that is not positive.
    """
    game = super_resolution_game(source, cutoff, settings)
    discriminator = generator = identity_start(source) if start is None else start
    left = _left(source, cutoff, settings)
    watched = []
    for step in range(settings.num_steps):
        samples = game.draw(step)
        reading = game.reading(discriminator, *samples)
        for _ in range(settings.inner_steps):
            slope = game.generator_slope(discriminator, generator, *samples, reading)
            generator = _moved(generator, slope, _step_size(slope, cutoff, settings, step), left[0])
        if watch and step % watch_every == 0:
            watched.append(watch(game, discriminator, generator, samples))
        slope = game.discriminator_slope(discriminator, generator, *samples, reading)
        discriminator = _moved(discriminator, slope, _step_size(slope, cutoff, settings, step), left[1])
    return _resolved(game, discriminator, generator, settings, watched, watch)


def learn_generator(
    source: PairSource,
    cutoff: Tensor,
    settings: SuperResolutionSettings,
    *,
    start: Tensor,
    discriminator: Tensor,
    watch: Watcher | None = None,
    watch_every: int = 1,
) -> SuperResolved:
    """Take ``num_steps`` of the generator's steps alone, from ``start``, against a discriminator that stays as it is.

    ``watch`` as for ``learn_super_resolution``, before the generator's steps.

    Raises:
        InputError: a cutoff that is not positive.
    """
    game = super_resolution_game(source, cutoff, settings)
    left, _ = _left(source, cutoff, settings)
    generator, watched = start, []
    for step in range(settings.num_steps):
        samples = game.draw(step)
        if watch and step % watch_every == 0:
            watched.append(watch(game, discriminator, generator, samples))
        slope = game.generator_slope(discriminator, generator, *samples)
        generator = _moved(generator, slope, _step_size(slope, cutoff, settings, step), left)
    return _resolved(game, discriminator, generator, settings, watched, watch)


def super_resolution_game(source: PairSource, cutoff: Tensor, settings: SuperResolutionSettings) -> SuperResolutionGame:
    """The game that these settings describe.

    Raises:
        InputError: a cutoff that is not positive.
    """
    if not bool((cutoff > 0).all()):
        raise InputError(f"cutoff must be positive, got {float(cutoff.min())}")
    return SuperResolutionGame(
        source,
        settings.batch_size,
        cutoff,
        lambda step: settings.leak(cutoff, step),
        smoothing=settings.smoothing,
        generator_decay=settings.decay / 10,
        discriminator_decay=settings.decay,
        signs=settings.signs,
        from_fakes=settings.from_fakes,
    )


def _resolved(
    game: SuperResolutionGame,
    discriminator: Tensor,
    generator: Tensor,
    settings: SuperResolutionSettings,
    watched: list[Tensor],
    watch: Watcher | None,
) -> SuperResolved:
    """The result, after a last look on fresh samples."""
    if watch:
        watched.append(watch(game, discriminator, generator, game.draw(settings.num_steps)))
    leak = settings.leak(game.cutoff, settings.num_steps)[:, 0, 0]
    return SuperResolved(generator, discriminator, leak, torch.stack(watched) if watched else None)


def _left(source: PairSource, cutoff: Tensor, settings: SuperResolutionSettings) -> tuple[Tensor, Tensor]:
    """What one step's regularisers leave of the generator's and of the discriminator's parameters, (row, 1, fan-in + 1)."""
    pull = settings.signs * settings.decay * settings.step_size * cutoff[:, None, None]
    weights = _weights_only(cutoff.new_ones(source.fan_in + 1))
    return 1 + pull / 10 * weights, 1 + pull * weights


def _moved(parameters: Tensor, slope: Slope, size: Tensor, left: Tensor) -> Tensor:
    """The parameters after a step."""
    return torch.addcmul(parameters * left, size, slope.gradient, value=-1.0)


def _step_size(found: Slope, cutoff: Tensor, settings: SuperResolutionSettings, step: int) -> Tensor:
    """The step for gradients in units of b, (row, channel, 1)."""
    eta = cutoff[:, None, None] * settings.eta(step)
    if settings.rule != POLYAK:
        return eta
    squares = found.gradient.square().sum(dim=-1, keepdim=True)
    return torch.minimum(eta, found.distance[..., None] / squares.clamp(min=torch.finfo(squares.dtype).tiny))


def _mean_product(gap: Tensor, slope: Tensor) -> Tensor:
    """The mean over samples of a product, (row, channel)."""
    return (gap * slope).sum(dim=1) / gap.shape[1]


def _weights_only(parameters: Tensor) -> Tensor:
    """2 V, the gradient of ||V||^2 in (V, b)."""
    doubled = 2 * parameters
    doubled[..., -1] = 0.0
    return doubled
