r"""One player of Algorithm 3 alone, for Lemmas D.6 and D.9: where it ends, and whether its objective falls towards the end.

What Claims D.5 and D.7 make of the gradient: a step eta towards the end (V', b') of the claim turns one sample's R into
R' <= (1 - eta zeta) R + (eta/zeta) abs~(c), whatever c is (``d_along_runs``). With Obj = E R + lambda |V|^2, D the way from here
to that end, and 2 <V, V' - V> <= |V'|^2 - |V|^2, the derivative at eta = 0 is

    <grad Obj, D>  <=  -zeta E R - lambda (|V|^2 - |V'|^2) + E abs~(c)/zeta,                                  (*)

on any set of samples. Where the gradient is 0: lambda |V|^2 + zeta E R <= lambda |V'|^2 + E abs~(c)/zeta. So E R is at most
lambda |V'|^2/zeta, and |V|^2 <= 2 |V'|^2, up to what the samples with |c| > b add: lambda/zeta, and not lambda, must be small.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from fsrcheck.evidence.trial import Observation
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.training.super_resolution import SuperResolutionGame, Watcher, identity_start
from fsrcheck.training.super_resolution_samples import NetworkPairs
from lemmas.fsr.d_along_runs import Moves
from lemmas.fsr.super_resolution_runs import Instances, Parameters, observations
from lemmas.fsr.targets import require_word

IDENTITY, AT_RANDOM = "identity", "random"
STARTS = (IDENTITY, AT_RANDOM)
LOOK_EVERY = 25
SMALL = 0.01  # of the objective, in units of b
TWICE, THREE_TIMES = 2.0, 3.0  # b, in the corollaries' proofs and in the corollaries


@dataclass(frozen=True)
class HalfParameters(Parameters):
    """Parameters of one player's run."""

    num_channels: int = 6
    num_steps: int = 400
    batch_size: int = 64
    decay: float = 1e-3  # lambda of the player that moves, in units of b
    start: str = IDENTITY
    forward: float = 1.0  # D of (*), or its opposite
    evaluation_samples: int = 4096

    def __post_init__(self) -> None:
        """Refuse an unknown start as well."""
        super().__post_init__()
        require_word("start", self.start, STARTS)


def starting_point(source: NetworkPairs, parameters: HalfParameters, seeds: Sequence[int]) -> Tensor:
    """V = I and b = 0, or all of them standard normal, (row, channel, fan-in + 1)."""
    start = identity_start(source)
    if parameters.start == IDENTITY:
        return start
    shape = (start.shape[0] // len(seeds), *start.shape[1:])
    return standard_normal(streams(seeds, "start of one player"), shape, start.device).flatten(0, 1)


def squares(parameters: Tensor) -> Tensor:
    """|V_r|^2, (row, channel), of (row, channel, fan-in + 1)."""
    return parameters[..., :-1].square().sum(dim=-1)


@dataclass(frozen=True)
class Half:
    """One player and where its claim leads it.

    Attributes:
        moves: its samples, by game, discriminator, generator and samples.
        gradient: that of E R by the same, (row, channel, fan-in + 1).
        here: its parameters among discriminator and generator.
        end: what it should come to, (row, channel, fan-in + 1).
        decay: lambda in units of b.
    """

    moves: Callable[[SuperResolutionGame, Tensor, Tensor, Any], Moves]
    gradient: Callable[[SuperResolutionGame, Tensor, Tensor, Any], Tensor]
    here: Callable[[Tensor, Tensor], Tensor]
    end: Tensor
    decay: float

    def watcher(self, parameters: HalfParameters) -> Watcher:
        """How much of (*) is used, (row,): (zeta E R + lambda (|V|^2 - |V'|^2) - E abs~(c)/zeta) / -<grad Obj, D>."""

        def watch(game: SuperResolutionGame, discriminator: Tensor, generator: Tensor, samples: Any) -> Tensor:
            moves, here = self.moves(game, discriminator, generator, samples), self.here(discriminator, generator)
            gradient = self.gradient(game, discriminator, generator, samples)
            gradient = torch.cat([gradient[..., :-1] + 2 * self.decay * here[..., :-1], gradient[..., -1:]], dim=-1)
            fall = -parameters.forward * (gradient * (self.end - here)).sum(dim=-1)
            leak = torch.as_tensor(moves.leak, dtype=here.dtype).reshape(-1, 1)
            promised = leak * moves.loss(0.0).mean(dim=1) - moves.floor().mean(dim=1) / leak
            promised = promised + self.decay * (squares(here) - squares(self.end))
            return torch.where(promised <= 0, 0.0, promised / fall.clamp(min=0)).amax(dim=-1)

        return watch

    def ends(self, moves: Moves, here: Tensor) -> dict[str, Tensor]:
        """(E R + lambda |V_r|^2) / (2 lambda |V'_r|^2 + 0.01), in units of b, and |V_r|^2/|V'_r|^2, each (row, channel)."""
        length, other = squares(here), squares(self.end)
        objective = moves.loss(0.0).mean(dim=1) + self.decay * length
        return {"objective": objective / (2 * self.decay * other + SMALL), "length": length / other}


def within(errors: Tensor, instances: Instances) -> dict[str, Tensor]:
    """In how many samples all errors, (row, sample, channel) in units of b, are at most 2 and 3, each (batch,)."""
    largest = errors.amax(dim=-1).unflatten(0, instances.shape).amax(dim=1)
    return {name: (largest <= limit).sum(dim=-1) for name, limit in (("two", TWICE), ("three", THREE_TIMES))}


def half_observations(
    instances: Instances, measured: dict[str, Tensor], errors: Tensor, watched: Tensor | None
) -> list[Observation]:
    """One observation per instance: the worst row and channel, and the samples within 2b and 3b."""
    assert watched is not None
    worst = {name: instances.per_instance(values) for name, values in measured.items()}
    worst["descent"] = instances.per_instance(watched.amax(dim=0))
    samples = torch.full((len(instances.seeds),), errors.shape[1])
    return observations(instances, worst, {**within(errors, instances), "samples": samples})
