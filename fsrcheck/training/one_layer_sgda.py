"""Algorithm 1 of Lei et al.: online stochastic gradient descent ascent on a one-layer WGAN, batched over runs.

The game on one batch of latents is min over A, max over V of <X_n - M, V> - w ||V||_F^2 / 2 with X_n the second moments
of the observations, M = (1/m) sum_i f(A z_i) f(A z_i)^T and w = 1. From any V one ascent step of size 1 leads to
V = X_n - M, the exact maximiser; with w = 0 it leads to V + X_n - M, and V adds up all that it has seen. A then takes one
descent step with noise and every row returns to its norm. (The sign of the pairing is that of section 5; the line that
defines the game of one batch has it the other way round, which exchanges V and -V if V still ascends.)

float64 torch on the device of the observations; every tensor has a leading dimension of runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.gaussian.kernels import SIGMOID, SOFTPLUS, TANH, Activation, PiecewiseLinear
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.training.one_layer_wgan import PopulationObjective, unit_rows


@dataclass(frozen=True)
class OneLayerSettings:
    """What Algorithm 1 is told, and which of its printed details are kept.

    Attributes:
        num_steps: T.
        batch_size: m, latents of a step.
        step_size: eta of the first step.
        decay: the step size of step t = 0, 1, .. is step_size / (1 + t / decay); None keeps it constant, as printed.
        noise: norm of e in line 6; printed: 1, in units of a gradient.
        projected: whether every row returns to its norm (line 7).
        regulariser: w; printed: 1.
        independent_batches: whether the generator draws a batch of its own in place of the discriminator's.
    """

    num_steps: int
    batch_size: int
    step_size: float
    decay: float | None = None
    noise: float = 0.0
    projected: bool = True
    regulariser: float = 1.0
    independent_batches: bool = False

    def __post_init__(self) -> None:
        """Refuse what no run can have."""
        for name, value, least in (("num_steps", self.num_steps, 0), ("batch_size", self.batch_size, 1)):
            if value < least:
                raise InputError(f"{name} must be at least {least}, got {value}")
        for name, rate in (("step_size", self.step_size), ("decay", self.decay)):
            if rate is not None and not rate > 0:
                raise InputError(f"{name} must be positive, got {rate}")
        for name, size in (("noise", self.noise), ("regulariser", self.regulariser)):
            if not size >= 0:
                raise InputError(f"{name} must be at least 0, got {size}")

    def rate(self, step: int) -> float:
        """The step size of step 0, 1, .. ."""
        return self.step_size if self.decay is None else self.step_size / (1 + step / self.decay)


@dataclass(frozen=True)
class Draws:
    """Random numbers of a run: one stream for each thing drawn, one generator for each seed."""

    latents: Sequence[np.random.Generator]
    own_latents: Sequence[np.random.Generator]
    noise: Sequence[np.random.Generator]

    @classmethod
    def of(cls, seeds: Sequence[int]) -> "Draws":
        """The streams of these seeds."""
        return cls(*(streams(seeds, f"one-layer {name}") for name in ("latents", "own latents", "noise")))


@dataclass(frozen=True)
class Trained:
    """Where runs ended.

    Attributes:
        rows: A, (run, d, k).
        discriminator: V, (run, d, d).
        path: A at the start, after every ``every`` steps and at the end of the last full stretch, (point, run, d, k).
    """

    rows: Tensor
    discriminator: Tensor
    path: Tensor


def value_and_slope(activation: Activation, x: Tensor) -> tuple[Tensor, Tensor]:
    """f(x) and f'(x), elementwise; at a kink the slope on the left.

    Written for speed, since it is most of a step: ``torch.where`` between numbers takes fifteen times as long as the
    arithmetic here, and ``torch.tanh`` four times as long as ``torch.sigmoid``. The tanh is exact to 2e-16 absolutely.
    """
    if isinstance(activation, PiecewiseLinear):
        slope = (x > 0).to(x.dtype).mul_(1 - activation.leak).add_(activation.leak)
        return x * slope, slope
    if activation == TANH:
        value = torch.sigmoid(2 * x).mul_(2).sub_(1)
        return value, (value * value).neg_().add_(1)
    value = activation(x)
    if activation == SIGMOID:
        return value, value * (1 - value)
    if activation == SOFTPLUS:
        return value, torch.sigmoid(x)
    with torch.enable_grad():
        variable = x.detach().requires_grad_()
        (slope,) = torch.autograd.grad(activation(variable).sum(), variable)
    return value, slope


def observed_moments(
    activation: Activation, rows: Tensor, num_samples: int, generators: Sequence[np.random.Generator]
) -> Tensor:
    """X_n = (1/n) sum_i x_i x_i^T of n samples x = f(A z); (run, d, d) from rows (run, d, k)."""
    latents = standard_normal(generators, (rows.shape[-1], num_samples), rows.device)
    outputs = activation(rows @ latents)
    return outputs @ outputs.mT / num_samples


@dataclass(frozen=True)
class OneLayerTraining:
    """Algorithm 1 on given observations.

    Attributes:
        activation: f.
        observed: X_n, (run, d, d).
        settings: see there.
        draws: random numbers, one generator for each run.
        norms: norms of the rows of A*, which the projection restores; 1 by default. (run, d) or a number.
    """

    activation: Activation
    observed: Tensor
    settings: OneLayerSettings
    draws: Draws
    norms: Tensor | float = field(default=1.0)

    def step(self, rows: Tensor, discriminator: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """Lines 4 to 7: A and V after one step."""
        settings = self.settings
        latents = self._draw(self.draws.latents, rows)
        outputs, slopes = value_and_slope(self.activation, rows @ latents)
        moments = outputs @ outputs.mT / settings.batch_size
        ascent = self.observed - moments - settings.regulariser * discriminator
        discriminator = discriminator + ascent  # line 5, step size 1
        if settings.independent_batches:
            latents = self._draw(self.draws.own_latents, rows)
            outputs, slopes = value_and_slope(self.activation, rows @ latents)
        gradient = (discriminator @ outputs).mul_(slopes) @ latents.mT * (-2 / settings.batch_size)
        if settings.noise:
            gradient = gradient + settings.noise * self._on_the_sphere(rows)
        rows = rows - settings.rate(step) * gradient
        return self._project(rows) if settings.projected else rows, discriminator

    def run(self, rows: Tensor, discriminator: Tensor | None = None, every: int | None = None) -> Trained:
        """All steps from A = ``rows``, (run, d, k), and V = 0 unless given."""
        current = torch.zeros_like(self.observed) if discriminator is None else discriminator
        path = [rows]
        for step in range(self.settings.num_steps):
            rows, current = self.step(rows, current, step)
            if every and (step + 1) % every == 0:
                path.append(rows)
        return Trained(rows, current, torch.stack(path))

    def _draw(self, generators: Sequence[np.random.Generator], rows: Tensor) -> Tensor:
        return standard_normal(generators, (rows.shape[-1], self.settings.batch_size), rows.device)

    def _on_the_sphere(self, rows: Tensor) -> Tensor:
        """e of line 6, uniform on the unit sphere of d x k matrices."""
        direction = standard_normal(self.draws.noise, rows.shape[1:], rows.device)
        return direction / direction.norm(dim=(-2, -1), keepdim=True)

    def _project(self, rows: Tensor) -> Tensor:
        wanted = self.norms[..., None] if isinstance(self.norms, Tensor) else self.norms
        return unit_rows(rows) * wanted


@dataclass(frozen=True)
class EmpiricalObjective(PopulationObjective):
    """g_n(A) = ||c(A A^T) - X_n||_F^2 / 2 on unit rows: observations as they are, the generator's latents averaged out.

    Attributes:
        observed: X_n, (..., d, d); its diagonal plays no part on unit rows.
    """

    observed: Tensor

    @cached_property
    def wanted(self) -> Tensor:
        """X_n off the diagonal, c(1) on it."""
        size = self.observed.shape[-1]
        own = torch.eye(size, dtype=torch.bool, device=self.observed.device)
        return torch.where(own, self.activation.kernel(1.0).to(self.observed), self.observed)
