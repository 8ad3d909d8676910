r"""Runs of D5 that Claims C.13, C.15 and C.17 look at: the unit rows of V at every step, in two forms.

W = W*; D4 is run to its end first, so that norms and thresholds are learned. Every pair has the constant of footnote 4, that
across patches as repaired: C = m^2/(b ``poly``) within a patch, 1/b across.

- working: ``fsrcheck.training.first_hidden``, which chooses constants of its own; the objective is taken with those above.
- plain: gradient descent on (C.13) by the unit rows, normalised after each step, with the step size ``step``
  P/(max C ds/drho)^2/max(1, max |x|), x = C (s - s*), at the current V.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.gaussian.pair_series import PairSeries
from fsrcheck.model.discriminators import barrier_slope
from fsrcheck.training.first_hidden import LARGEST_CORRELATION, Channels, FirstHiddenSettings, pair_indices
from fsrcheck.training.first_hidden_oracles import FirstLevelLaw
from fsrcheck.training.printed_first_hidden import pair_matrix, printed_constants, starting_rows, unit_rows
from lemmas.fsr import first_hidden_runs
from lemmas.fsr.first_hidden_runs import build, same_patch, train_marginals, train_pairs
from lemmas.fsr.pair_objective import Instance
from lemmas.fsr.targets import require_word

ALONG, SEARCH, RANDOM_ROWS = "along a run", "search", "random rows"
PLAIN, WORKING = "plain", "working"
OWN, ANOTHER, TILTED = "own", "another", "tilted"
HERE, AT_THE_END = "here", "at the end"
RANGES = {"poly": (1e-3, 1e6), "barrier": (1.0, 1e4), "tau": (1e-3, 1.0), "step": (-1.0, 1.0), "num_steps": (1, 10_000)}


@dataclass(frozen=True)
class Parameters(first_hidden_runs.Parameters):
    """Parameters of a run of D5, and of what C.15 and C.17 look at besides."""

    num_channels: int = 16
    expected_active: float = 1.0
    part: str = ALONG  # "search" is C.15's search for violations, "random rows" are C.17's small instances
    form: str = WORKING
    poly: float = 4.0  # poly(k) of C within a patch
    barrier: float = 128.0  # Gamma of R5
    tau: float = 0.2  # of R5
    step: float = 0.2  # of the plain form
    num_steps: int = 60  # of the plain form
    direction_of: str = OWN  # the target that the update direction leads to
    hessian: str = HERE  # where it is taken
    num_rows: int = 3  # of C.17's small instances

    def __post_init__(self) -> None:
        """Refuse unknown words, and numbers that no run can have."""
        super().__post_init__()
        require_word("part", self.part, (ALONG, SEARCH, RANDOM_ROWS))
        require_word("form", self.form, (PLAIN, WORKING))
        require_word("direction_of", self.direction_of, (OWN, ANOTHER, TILTED))
        require_word("hessian", self.hessian, (HERE, AT_THE_END))
        for name, (least, largest) in RANGES.items():
            if not least <= getattr(self, name) <= largest:
                raise InputError(f"{name} must be in [{least:g}, {largest:g}], got {getattr(self, name)}")

    @property
    def settings(self) -> FirstHiddenSettings:
        """With this barrier."""
        return replace(super().settings, barrier=self.barrier, margin=self.tau)


@dataclass(frozen=True)
class Weights:
    """C of the pairs in units of alpha alpha', (batch, pair), Gamma and tau: see ``pair_objective.Weights``."""

    weight: Tensor
    steepness: float
    tau: float


@dataclass(frozen=True)
class Run:
    """All states of a batch of runs.

    Attributes:
        rows: unit rows of V, (step, batch, neuron, neuron), the start first; what more latents would add are zeros.
        channels: alpha and beta after D4.
        law: the target's.
        cutoff: b, (batch,).
        weights: C alpha alpha' of the pairs and the barrier.
        margins: of the premises, by instance.
        steps: taken by every run, (batch,); from then on its rows stay.
    """

    rows: Tensor
    channels: Channels
    law: FirstLevelLaw
    cutoff: Tensor
    weights: Weights
    margins: Sequence[Mapping[str, float]]
    steps: Tensor

    @property
    def heights(self) -> Tensor:
        """(beta + b)/alpha, (batch, neuron)."""
        return (self.channels.thresholds + self.cutoff[:, None]) / self.channels.scales

    @property
    def within(self) -> Tensor:
        """Which pairs are of one patch, (pair,)."""
        return same_patch(self.law)

    @property
    def wanted(self) -> Tensor:
        """The target's correlations of the pairs, (batch, pair)."""
        first, second = pair_indices(self.law.correlations.shape[-1], self.cutoff.device)
        return self.law.correlations[:, first, second]

    def instance(self, rows: Tensor) -> Instance:
        """The learner at rows (..., batch, neuron, latent) beside its target."""
        shape = rows.shape[:-2]
        heights, wanted = self.heights, self.wanted
        return Instance(rows, heights.expand(*shape, heights.shape[-1]), wanted.expand(*shape, wanted.shape[-1]))


def make_run(parameters: Parameters, seeds: Sequence[int], device: str) -> Run:
    """One run of D4 and D5 for every seed."""
    instances = build(parameters, seeds, device)
    marginals = train_marginals(parameters, instances)
    cutoff, scales = instances.oracle.cutoff, marginals.channels.scales
    constants = printed_constants(parameters.num_patches, parameters.num_channels, cutoff, parameters.poly, 1 / cutoff)
    first, second = pair_indices(scales.shape[-1], cutoff.device)
    weights = Weights(constants * scales[:, first] * scales[:, second], parameters.barrier, parameters.tau)
    start = starting_rows(len(seeds), scales.shape[-1], scales.shape[-1], cutoff.device)[None]
    steps = torch.full((len(seeds),), parameters.num_steps)
    run = Run(start, marginals.channels, instances.law, cutoff, weights, instances.margins, steps)
    if parameters.form == PLAIN:
        return replace(run, rows=_plain(run, parameters))
    found = train_pairs(parameters, instances, marginals, watch=lambda rows, _: rows)
    assert found.watched is not None
    return replace(run, rows=found.watched, steps=found.steps)


def _plain(run: Run, parameters: Parameters) -> Tensor:
    rows, states = run.rows[0], [run.rows[0]]
    first, second = pair_indices(rows.shape[-2], rows.device)
    series = PairSeries(run.heights[:, first], run.heights[:, second])
    goal = series(run.wanted)[0]
    for _ in range(parameters.num_steps):
        rho = (rows @ rows.mT)[:, first, second].clamp(-LARGEST_CORRELATION, LARGEST_CORRELATION)
        product, both = series(rho)
        x, slope = run.weights.weight * (product - goal), run.weights.weight * both
        gradient = x.sinh() / x.cosh().sum(dim=-1, keepdim=True) * slope + 2 * barrier_slope(
            rho, run.weights.steepness, run.weights.tau
        )
        size = parameters.step * len(first) / slope.amax(dim=-1).square() / x.abs().amax(dim=-1).clamp(min=1)
        rows = unit_rows(rows - size[:, None, None] * (pair_matrix(gradient, rows.shape[-2]) @ rows))
        states.append(rows)
    return torch.stack(states)
