r"""Adversarial search: an inequality that is proved is attacked all the same, by gradient ascent on measured/bound.

An instance is a point of a box. From random starts, batched gradient ascent (Adam) climbs the logarithm of
measured/bound with free parameters that a sigmoid keeps inside the box; the largest ratio on the way and its point are
one trial. A ratio above 1 violates the statement. Below 1 the search bears out the proof and shows how much of the bound
is needed; it never raises or lowers the verdict. The control shrinks the bound to 1 % below the tightest ratio known,
which the search must find again. A ratio that is NaN anywhere on the way makes the trial unusable, not a success.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.statement import Control, NoParameters, Run, Statement

ROUNDING = 1e-9  # relative; several bounds are attained
SPREAD = 2.0  # of the free parameters at the start: their sigmoids fill the box and crowd a little at its faces
STEP_SIZE = 0.7  # at the start; it falls to 0, as maxima are often at kinks
SMALLEST = 1e-12  # a ratio below this is not climbed from
NAME = "search"
LIMIT = Constant(
    NAME, 1 + ROUNDING, Provenance.DERIVED, "measured/bound where the bound holds, with an allowance for rounding"
)
ONE_PERCENT_LESS = 0.99


@dataclass(frozen=True)
class Search:
    """An inequality in real variables as a ratio over a box.

    Attributes:
        ratio: takes one tensor for every coordinate, all of shape (instance,), and returns measured/bound, (instance,):
            at most 1 where the inequality holds, 0 where a premise fails, differentiable.
        box: the coordinates with their ends.
        tightest, at: the largest ratio that a longer search found, and the point, in the order of ``box``.
        num_steps: of the ascent; more where a ridge leads to the maximum.
    """

    ratio: Callable[..., Tensor]
    box: Mapping[str, tuple[float, float]]
    tightest: float
    at: tuple[float, ...]
    num_steps: int = 100


@dataclass(frozen=True)
class Found:
    """The end of searches: the largest ratios, (seed,), and where they are, (seed, coordinate)."""

    ratio: Tensor
    point: Tensor


def ascend(search: Search, seeds: Sequence[int], device: str = "cpu", starts: int = 24, effort: int = 1) -> Found:
    """Climb from ``starts`` random points for every seed; what a seed finds does not depend on the others.

    ``effort`` multiplies the number of steps.
    """
    num_steps = effort * search.num_steps
    ends = torch.tensor(list(search.box.values()), dtype=torch.float64, device=device)
    free = SPREAD * standard_normal(streams(seeds, NAME), (starts, len(search.box)), device)
    optimizer = torch.optim.Adam([free.requires_grad_()], lr=STEP_SIZE, maximize=True)
    best = torch.full(free.shape[:2], -torch.inf, dtype=torch.float64, device=device)
    where = torch.zeros_like(free)
    for step in range(num_steps + 1):
        optimizer.param_groups[0]["lr"] = STEP_SIZE * (1 - step / (num_steps + 1))
        point = ends[:, 0] + (ends[:, 1] - ends[:, 0]) * torch.sigmoid(free)
        ratio = search.ratio(*point.flatten(0, 1).unbind(-1)).reshape(best.shape)
        with torch.no_grad():
            where = torch.where((ratio > best).unsqueeze(-1), point, where)
            best = torch.maximum(best, ratio)  # keeps a NaN
        optimizer.zero_grad()
        ratio.clamp(min=SMALLEST).log().sum().backward()
        optimizer.step()
    ratio, start = best.max(dim=1)
    return Found(ratio, where[torch.arange(len(seeds), device=device), start])


def trials(search: Search) -> Run:
    """The ``run`` of a statement: one search for every seed, the ratio found and the point where."""

    def run(parameters: Any, seeds: Sequence[int], device: str) -> list[Observation]:
        found = ascend(search, seeds, device)
        rows = zip(found.ratio.tolist(), found.point.tolist(), strict=True)
        return [Observation({}, _measurements(ratio, dict(zip(search.box, at, strict=True)))) for ratio, at in rows]

    return run


def _measurements(ratio: float, point: Mapping[str, float]) -> dict[str, Measurement]:
    return {name: Measurement(value) for name, value in {"tightness": ratio, **point}.items()}


def bound(search: Search, share: float = 1.0) -> Bound:
    """No instance exceeds its bound, or ``share`` of it."""
    box = ", ".join(rf"{name} in [{low:g}, {high:g}]" for name, (low, high) in search.box.items())
    text = rf"gradient ascent on measured/bound finds no violation over {box}"
    return Bound(NAME, text, "tightness", NAME, lambda _: share, corroborates=True)


def searched(statement: Statement, search: Search) -> Statement:
    """The statement with a search for its violations, and the control that the search can find one."""
    share = ONE_PERCENT_LESS * search.tightest
    breaks = f"the bound shrunk to {share:.3g} of itself, 1 % below the tightest ratio known"
    control = Control("shrunk bound", breaks, NAME, altered_claim=bound(search, share))
    return replace(
        statement,
        evidence=f"{statement.evidence}; adversarial search",
        claims=(*statement.claims, bound(search)),
        controls=(*statement.controls, control),
        constants=(*statement.constants, LIMIT),
        cases={"quick": (NoParameters(),)},
        trials={"quick": 7, "standard": 32},
        run=trials(search),
    )
