"""Algorithm 3 for one instance, line by line (l.394-408), to hold the batched game against.

Loops over patches, channels, rounds and inner steps; patches are formed with the dictionaries, in the units of the target;
D^(2) is ``SuperResolutionDiscriminator``, and all gradients are taken by machine from the objective of line 5.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from fsrcheck.model.activations import smoothed_leaky_relu
from fsrcheck.model.discriminators import SuperResolutionDiscriminator


@dataclass(frozen=True)
class Batch:
    """N samples of the target and of the learner's levels below l.

    Attributes:
        upper: X*_l, (sample, patch, patch_dim).
        lower: X*_{l-1}, (sample, lower patch, lower patch_dim).
        own_lower: X_{l-1}, of the same shape.
        own_codes: S_{l-1}, (sample, lower patch, lower channel).
    """

    upper: Tensor
    lower: Tensor
    own_lower: Tensor
    own_codes: Tensor


@dataclass(frozen=True)
class Fixed:
    """What no line changes: W_l (patch, patch_dim, channel), W_{l-1}, P_l (patch, parent), b, the leak, and zeta as a width."""

    dictionary: Tensor
    lower_dictionary: Tensor
    parents: Tensor
    cutoff: float
    leak: float
    smoothing: float


@dataclass(frozen=True)
class Play:
    """T and eta of Algorithm 6, both decays with the sign of the generator's, line 6's rise; and what is done wrongly."""

    num_steps: int
    inner_steps: int
    step_size: float
    generator_decay: float
    discriminator_decay: float
    sign: float
    raised_by: float
    raise_late: bool = False  # all channels after line 5 is through with the last one
    generator_last: bool = False  # the generator outside the brackets, after the discriminator's step


@dataclass
class Players:
    """(V, b) and (V^D, b^D) of one patch, (channel, fan-in + 1), the thresholds last."""

    generator: Tensor
    discriminator: Tensor


def transcribe(fixed: Fixed, play: Play, draw: Callable[[int], Callable[[], Batch]]) -> list[Players]:
    """Algorithm 3 for every patch j; ``draw(j)`` begins its samples anew."""
    return [learn_patch(fixed, play, draw(j), j) for j in range(len(fixed.dictionary))]


def learn_patch(fixed: Fixed, play: Play, draw: Callable[[], Batch], j: int) -> Players:
    """Lines 1 to 6 for one patch."""
    players = initial(fixed, j)
    channels = len(players.generator)
    for r in range(channels):  # line 4
        for _ in range(play.num_steps):  # line 5: Algorithm 6
            play_round(fixed, play, players, draw(), j, r)
        if not play.raise_late:
            players.generator[r, -1] += play.raised_by  # line 6
    if play.raise_late:
        players.generator[:, -1] += play.raised_by
    return players


def initial(fixed: Fixed, j: int) -> Players:
    """Line 3: V = V^D = I for the first parent, cut off where the levels differ in size."""
    channels, lower = fixed.dictionary.shape[-1], fixed.lower_dictionary.shape[-1]
    start = torch.zeros(channels, lower * len(fixed.parents[j]) + 1, dtype=torch.float64)
    for r in range(min(channels, lower)):
        start[r, r] = 1.0
    return Players(start.clone(), start.clone())


def play_round(fixed: Fixed, play: Play, players: Players, batch: Batch, j: int, r: int) -> None:
    """Lines 4 to 8 of Algorithm 6, with the generator inside, for channel r."""
    if not play.generator_last:
        ascend(fixed, play, players, batch, j, r)
    slope = gradient(fixed, play, players, batch, j, r, of="discriminator")
    players.discriminator[r] -= play.step_size * slope
    if play.generator_last:
        ascend(fixed, play, players, batch, j, r)


def ascend(fixed: Fixed, play: Play, players: Players, batch: Batch, j: int, r: int) -> None:
    """Lines 5 to 7 of Algorithm 6."""
    for _ in range(play.inner_steps):
        players.generator[r] += play.step_size * gradient(fixed, play, players, batch, j, r, of="generator")


def gradient(fixed: Fixed, play: Play, players: Players, batch: Batch, j: int, r: int, *, of: str) -> Tensor:
    """Of the objective of line 5 in channel r's parameters of one player."""
    variables = {name: getattr(players, name).clone().requires_grad_() for name in ("generator", "discriminator")}
    value = objective(fixed, play, variables["discriminator"], variables["generator"], batch, j, r)
    return torch.autograd.grad(value, variables[of])[0][r]


def objective(fixed: Fixed, play: Play, outer: Tensor, inner: Tensor, batch: Batch, j: int, r: int) -> Tensor:
    """E D^(2)_r(X*_l, X*_{l-1}) - E D^(2)_r(X_l, X_{l-1}) and the regularisers, outer being (V^D, b^D), inner (V, b)."""
    parents = fixed.parents[j]
    seen = SuperResolutionDiscriminator(
        fixed.dictionary[j][None], fixed.lower_dictionary[parents][None], fixed.cutoff, fixed.leak, fixed.smoothing
    )
    below = batch.own_codes[:, parents].flatten(1)
    codes = smoothed_leaky_relu(below @ inner[:, :-1].T - inner[:, -1], fixed.leak, fixed.smoothing)
    fakes = codes @ fixed.dictionary[j].T
    real, fake = (
        seen.value(upper[None], lower[None][:, :, parents], outer[None])[0, :, r].mean()
        for upper, lower in ((batch.upper[:, j], batch.lower), (fakes, batch.own_lower))
    )
    decays = (
        play.generator_decay * inner[:, :-1].square().sum() - play.discriminator_decay * outer[:, :-1].square().sum()
    )
    return real - fake + play.sign * decays
