"""A small multi-scale GAN: all levels trained together with Adam, as is usual where Algorithm 4 goes level by level.

The generator is a multilayer perceptron with an output for each level, the hidden layer of a level built on that of the level
below and on the latents (Karnewar and Wang 2019, MSG-GAN, without convolutions: patches here have no common filters). One
discriminator sees the patches of all levels side by side. Non-saturating logistic loss (Goodfellow et al. 2014) with the gradient
penalty R1 on true samples (Mescheder et al. 2018); samples are drawn from an exponential average of the generator's weights.
Nothing is known of sparsity, dictionaries or parents. Computed in float32, one instance after the other.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from math import isfinite, prod

import torch
from torch import Tensor, nn
from torch.nn import functional

from fsrcheck.errors import InputError
from fsrcheck.model.sampler import check_draw, check_patches
from fsrcheck.model.streams import standard_normal, streams

SLOPE = 0.2
"""Of the leaky ReLU for negative arguments."""
MOMENTUM = (0.0, 0.99)
"""Adam's betas, as in MSG-GAN."""


@dataclass(frozen=True)
class GanSettings:
    """What a user would tune.

    Attributes:
        latent_dim: of the generator's Gaussian latents.
        width, depth: of every hidden layer, and hidden layers a level; the discriminator has ``depth`` + 1.
        num_steps, batch_size: of both players, one step each in turn.
        step_size: Adam's, of both players; falls linearly to zero over the last half of the steps.
        penalty: R1's factor gamma, the loss is + gamma/2 E |grad D|^2; every ``penalty_every`` steps as many times that.
        averaging: of the generator's weights, per step.
    """

    latent_dim: int = 64
    width: int = 256
    depth: int = 2
    num_steps: int = 6000
    batch_size: int = 256
    step_size: float = 1e-3
    penalty: float = 0.3
    penalty_every: int = 4
    averaging: float = 0.998

    def __post_init__(self) -> None:
        """Refuse sizes below 1 and rates that are none."""
        for name in ("latent_dim", "width", "depth", "num_steps", "batch_size", "penalty_every"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not (self.step_size > 0 and self.penalty >= 0 and 0 <= self.averaging < 1):
            raise InputError(
                "step_size must be positive, penalty not negative and averaging in [0, 1), "
                f"got {self.step_size}, {self.penalty} and {self.averaging}"
            )


@dataclass(frozen=True)
class GanProgress:
    """State after a step: instance (from 0), step (from 1), loss of the discriminator and of the generator."""

    instance: int
    step: int
    discriminator_loss: float
    generator_loss: float


class _MultiScaleGenerator(nn.Module):
    """Latents (sample, latent) to all levels side by side (sample, feature), of mean 0 and size 1 like the data."""

    def __init__(self, sizes: Sequence[int], settings: GanSettings) -> None:
        super().__init__()
        inputs = [settings.latent_dim] + [settings.latent_dim + settings.width] * (len(sizes) - 1)
        self.hidden = nn.ModuleList(_layers(size, settings.width, settings.depth) for size in inputs)
        self.outputs = nn.ModuleList(_linear(settings.width, size) for size in sizes)

    def forward(self, latents: Tensor) -> Tensor:
        states = [self.hidden[0](latents)]
        for hidden in list(self.hidden)[1:]:
            states.append(hidden(torch.cat([latents, states[-1]], dim=1)))
        return torch.cat([output(state) for output, state in zip(self.outputs, states, strict=True)], dim=1)


@dataclass(frozen=True)
class MultiScaleGan:
    """A ``Sampler``: trained generators, one an instance, with ``shift`` and ``scale`` (batch, feature) of the data.

    ``shapes``: (patch, patch_dim) of every level.
    """

    generators: Sequence[nn.Module]
    shift: Tensor
    scale: Tensor
    shapes: Sequence[tuple[int, int]]
    latent_dim: int

    def sample(self, num_samples: int, seeds: Sequence[int]) -> list[Tensor]:
        """See ``Sampler``."""
        check_draw(num_samples, seeds, len(self.generators))
        latents = standard_normal(streams(seeds, "GAN: latents"), (num_samples, self.latent_dim), self.shift.device)
        with torch.no_grad():
            made = torch.stack([net(rows.float()) for net, rows in zip(self.generators, latents, strict=True)])
        features = self.shift[:, None] + self.scale[:, None] * made.to(self.shift.dtype)
        levels = features.split([prod(shape) for shape in self.shapes], dim=2)
        return [level.unflatten(2, shape) for level, shape in zip(levels, self.shapes, strict=True)]


def train_peer_gan(
    patches: Sequence[Tensor],
    seeds: Sequence[int],
    settings: GanSettings | None = None,
    progress: Callable[[GanProgress], None] | None = None,
) -> MultiScaleGan:
    """Train on patches (batch, sample, patch, patch_dim) of every level; initial weights and batches follow from the seeds.

    Raises:
        InputError: patches or seeds that do not fit; a loss that is not finite.
    """
    batch, num_samples = check_patches(patches)
    check_draw(num_samples, seeds, batch)
    chosen = settings or GanSettings()
    features = torch.cat([level.flatten(2) for level in patches], dim=2)
    shift = features.mean(dim=1)
    scale = torch.cat([_size(level) for level in patches], dim=1)
    shapes = [(level.shape[2], level.shape[3]) for level in patches]
    trained = [
        _Training(((rows - shift[index]) / scale[index]).float(), shapes, seed, chosen).run(index, progress)
        for index, (rows, seed) in enumerate(zip(features, seeds, strict=True))
    ]
    return MultiScaleGan(trained, shift, scale, shapes, chosen.latent_dim)


class _Training:
    """Both players on the standardised features (sample, feature) of one instance."""

    def __init__(self, data: Tensor, shapes: Sequence[tuple[int, int]], seed: int, settings: GanSettings) -> None:
        self.data, self.settings = data, settings
        self.random = torch.Generator().manual_seed(seed)
        self.generator = _MultiScaleGenerator([prod(shape) for shape in shapes], settings)
        hidden = _layers(data.shape[1], settings.width, settings.depth + 1)
        self.discriminator = nn.Sequential(hidden, _linear(settings.width, 1))
        for player in (self.generator, self.discriminator):
            _initialise(player, self.random)
            player.to(data.device)
        self.average = deepcopy(self.generator).requires_grad_(False)

    def run(self, instance: int, progress: Callable[[GanProgress], None] | None) -> nn.Module:
        """Train and return the averaged generator."""
        players = (self.discriminator, self.generator)
        optimisers = [torch.optim.Adam(player.parameters(), self.settings.step_size, MOMENTUM) for player in players]
        schedules = [torch.optim.lr_scheduler.LambdaLR(optimiser, self._decay) for optimiser in optimisers]
        for step in range(1, self.settings.num_steps + 1):
            losses = self._played(optimisers, self._penalty_weight(step))
            for schedule in schedules:
                schedule.step()
            self._follow(step)
            _report(GanProgress(instance, step, *losses), progress)
        return self.average

    def _played(self, optimisers: Sequence[torch.optim.Optimizer], penalty_weight: float) -> list[float]:
        """One step of either player; the losses before it."""
        discriminator, generator = optimisers
        return [
            _descend(discriminator, partial(self._discriminator_loss, penalty_weight)),
            _descend(generator, self._generator_loss),
        ]

    def _decay(self, step: int) -> float:
        return min(1.0, 2 * (1 - step / self.settings.num_steps))

    def _penalty_weight(self, step: int) -> float:
        every = self.settings.penalty_every
        return self.settings.penalty / 2 * every if step % every == 0 else 0.0

    def _discriminator_loss(self, penalty_weight: float) -> Tensor:
        chosen = torch.randint(len(self.data), (self.settings.batch_size,), generator=self.random)
        true = self.data[chosen.to(self.data.device)].requires_grad_(penalty_weight > 0)
        with torch.no_grad():
            made = self.generator(self._latents())
        scores = self.discriminator(true)
        loss = functional.softplus(-scores).mean() + functional.softplus(self.discriminator(made)).mean()
        if penalty_weight > 0:
            (slope,) = torch.autograd.grad(scores.sum(), true, create_graph=True)
            loss = loss + penalty_weight * slope.square().sum(dim=1).mean()
        return loss

    def _generator_loss(self) -> Tensor:
        return functional.softplus(-self.discriminator(self.generator(self._latents()))).mean()

    def _latents(self) -> Tensor:
        shape = (self.settings.batch_size, self.settings.latent_dim)
        return torch.randn(shape, generator=self.random).to(self.data.device)

    def _follow(self, step: int) -> None:
        """Move the averaged weights; the average forgets the start sooner than its own length."""
        share = 1 - min(self.settings.averaging, step / (step + 10))
        with torch.no_grad():
            for mean, value in zip(self.average.parameters(), self.generator.parameters(), strict=True):
                mean.lerp_(value, share)


def _descend(optimiser: torch.optim.Optimizer, loss: Callable[[], Tensor]) -> float:
    optimiser.zero_grad(set_to_none=True)
    value = loss()
    value.backward()
    optimiser.step()
    return value.item()


def _report(state: GanProgress, progress: Callable[[GanProgress], None] | None) -> None:
    if not (isfinite(state.discriminator_loss) and isfinite(state.generator_loss)):
        raise InputError(f"the GAN's losses must be finite, got {state}")
    if progress is not None:
        progress(state)


def _size(level: Tensor) -> Tensor:
    """One root mean square deviation a level, for each of its features, (batch, feature)."""
    values = level.flatten(2)
    size = (values - values.mean(dim=1, keepdim=True)).square().mean(dim=(1, 2)).sqrt()
    return torch.where(size > 0, size, 1.0)[:, None].expand(-1, values.shape[2])


def _layers(inputs: int, width: int, depth: int) -> nn.Sequential:
    parts: list[nn.Module] = []
    for index in range(depth):
        parts += [_linear(inputs if index == 0 else width, width), nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*parts)


def _linear(inputs: int, outputs: int) -> nn.Linear:
    """Without initial values, which would come from torch's global random state."""
    layer: nn.Linear = nn.utils.skip_init(nn.Linear, inputs, outputs)
    return layer


def _initialise(player: nn.Module, random: torch.Generator) -> None:
    for layer in player.modules():
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight, SLOPE, generator=random)
            nn.init.zeros_(layer.bias)
