"""Algorithm 6 (SGDA): stochastic gradient descent ascent, the inner player at the faster rate.

A game min over x, max over y of L(x, y; Z) is given by the two gradients. The player outside the brackets (`outer`, x)
takes one step after the inner player (y) has taken ``inner_steps``; both see the same samples Z of that round. In (7.1)
the generator is outer; where a stage writes the generator inside, it is the inner player and ascends, and nothing else
changes. Parameters are tensors with a leading batch of instances; everything is batched over it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.streams import standard_normal


class Game(Protocol):
    """min over `outer`, max over `inner`, of a loss on samples."""

    def draw(self, step: int) -> Any:
        """Return the samples Z*, Z of line 3 for this step; None where expectations are exact."""

    def inner_gradient(self, outer: Tensor, inner: Tensor, samples: Any) -> Tensor:
        """Return the gradient of the loss in the inner player's parameters, of their shape."""

    def outer_gradient(self, outer: Tensor, inner: Tensor, samples: Any) -> Tensor:
        """Return the gradient of the loss in the outer player's parameters, of their shape."""


class SolvedGame(Game, Protocol):
    """A game whose inner maximum is known."""

    def best_response(self, outer: Tensor, samples: Any) -> Tensor:
        """Return the inner parameters that maximise the loss at ``outer``."""


@dataclass(frozen=True)
class AutogradGame:
    """A game given by its loss alone, (batch,), of tensors that may require gradients."""

    loss: Callable[[Tensor, Tensor, Any], Tensor]
    sampler: Callable[[int], Any] = lambda step: None

    def draw(self, step: int) -> Any:
        """See ``Game``."""
        return self.sampler(step)

    def inner_gradient(self, outer: Tensor, inner: Tensor, samples: Any) -> Tensor:
        """See ``Game``."""
        variable = inner.detach().requires_grad_()
        return torch.autograd.grad(self.loss(outer.detach(), variable, samples).sum(), variable)[0]

    def outer_gradient(self, outer: Tensor, inner: Tensor, samples: Any) -> Tensor:
        """See ``Game``."""
        variable = outer.detach().requires_grad_()
        return torch.autograd.grad(self.loss(variable, inner.detach(), samples).sum(), variable)[0]


@dataclass(frozen=True)
class SGDASettings:
    """T, eta and the noise of Algorithm 6; the paper has T and 1/eta polynomial and one eta for both players.

    Attributes:
        num_steps: T, rounds of the outer player.
        inner_steps: steps of the inner player in each round; 0 takes its best response in closed form.
        step_size, inner_step_size: eta of the outer and of the inner player; None takes the outer's for both.
        noise: sigma_xi of line 8, in units of a gradient.
    """

    num_steps: int
    inner_steps: int
    step_size: float
    inner_step_size: float | None = None
    noise: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what no run can have."""
        for name, value, least in (("num_steps", self.num_steps, 0), ("inner_steps", self.inner_steps, 0)):
            if value < least:
                raise InputError(f"{name} must be at least {least}, got {value}")
        for name, rate in (("step_size", self.step_size), ("inner_step_size", self.inner_step_size)):
            if rate is not None and not rate > 0:
                raise InputError(f"{name} must be positive, got {rate}")
        if not self.noise >= 0:
            raise InputError(f"noise must be at least 0, got {self.noise}")


@dataclass(frozen=True)
class Trajectory:
    """Where both players ended, and what was watched on the way.

    Attributes:
        outer, inner: final parameters.
        watched: the watcher's tensors at every step before the outer player moves, and at the end, stacked in front.
    """

    outer: Tensor
    inner: Tensor
    watched: Tensor | None


Watcher = Callable[[Tensor, Tensor], Tensor]


def descend_ascend(
    game: Game,
    outer: Tensor,
    inner: Tensor,
    settings: SGDASettings,
    *,
    generators: Sequence[np.random.Generator] = (),
    watch: Watcher | None = None,
) -> Trajectory:
    """Run Algorithm 6 from the given parameters, each (batch, ...).

    ``generators``, one per instance, draw the noise of line 8. ``watch(outer, inner)`` is recorded at every step.

    Raises:
        InputError: noise without one generator per instance.
    """
    if settings.noise and len(generators) != len(outer):
        raise InputError(f"noise needs {len(outer)} generators, one per instance, got {len(generators)}")
    watched: list[Tensor] = []
    for step in range(settings.num_steps):
        samples = game.draw(step)
        inner = _respond(game, outer, inner, samples, settings)
        if watch:
            watched.append(watch(outer, inner))
        gradient = game.outer_gradient(outer, inner, samples)
        if settings.noise:
            gradient = gradient + settings.noise * standard_normal(generators, outer.shape[1:], outer.device)
        outer = outer - settings.step_size * gradient
    if watch:
        watched.append(watch(outer, inner))
    return Trajectory(outer, inner, torch.stack(watched) if watched else None)


def _respond(game: Any, outer: Tensor, inner: Tensor, samples: Any, settings: SGDASettings) -> Tensor:
    """Lines 5-7, or the limit that they tend to."""
    if settings.inner_steps == 0:
        best: Tensor = game.best_response(outer, samples)
        return best
    step_size = settings.inner_step_size or settings.step_size
    for _ in range(settings.inner_steps):
        inner = inner + step_size * game.inner_gradient(outer, inner, samples)
    return inner
