r"""Runs of D4 that Claims C.7 to C.9 look at: every state on the way of a channel's alpha and beta, in two forms.

W = W*, so that a channel's moments are closed forms (``marginal_moments``). The target's channels differ in rate and scale; the
learner's all start at the rate of Proposition C.3 as repaired, ``start_rate`` k/m, and alpha = ``start_scale`` t.

- plain: gradient descent on (C.2), o_K with K = ``weight``, from one start with one step size for each channel on the whole
  way: ``step``/L, L the smoothness of Claim C.9 where alpha >= a and no moment is off by more than r. Here
  a = ``SHARE`` min(alpha, alpha*), and r is the root of the first objective, or x* or y* if that is larger.
- working: ``fsrcheck.training.first_hidden``, from the same kind of start.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.model.discriminators import AsymmetricGate
from fsrcheck.training.first_hidden import Channels, FirstHiddenSettings, Learned, learn_marginals
from fsrcheck.training.first_hidden_oracles import ExactDictionary, FirstLevelLaw
from fsrcheck.training.printed_first_hidden import MarginalGame, MarginalMoments
from fsrcheck.training.printed_first_hidden_moments import ExactMarginals
from lemmas.fsr import algorithm_2_parameters
from lemmas.fsr.descent_rates import smoothness
from lemmas.fsr.targets import premise_margins, require_word

PLAIN, WORKING = "plain", "working"
TOLERANCE = 1e-9  # of the working form
SHARE = 0.8  # of the smaller one of alpha at the start and alpha*
RANGES = {
    "weight": (1.0, 1e6),
    "growth": (1.0, 1e6),
    "start_rate": (1.0, 100.0),
    "start_scale": (0.1, 10.0),
    "step": (-100.0, 100.0),
    "num_steps": (1, 100_000),
    "tried": (-1.0, 1.0),
    "moves_threshold": (0.0, 1.0),
}


@dataclass(frozen=True)
class Parameters:
    """Parameters of a run of D4."""

    num_channels: int = 32  # m
    expected_active: float = 2.0  # k
    contrast: float = 1.1  # the target's channels differ by up to this factor in rate and in scale, either way
    cutoff: float = 0.1  # b
    form: str = PLAIN
    weight: float = 4.0  # K of o_K
    growth: float = 1.0  # c: the objective stays below c times its first value
    start_rate: float = 2.0  # of the learner's channels at the start, in units of k/m
    start_scale: float = 1.5  # alpha at the start, in units of t
    step: float = 1.0  # eta of the plain form, in units of 1/L
    num_steps: int = 400  # T of the plain form; the most of the working one
    tried: float = 1.0  # eta of the step that Claim C.9 speaks of, in units of 1/L
    moves_threshold: float = 1.0  # beta moves by this share of eta in update (a) of Claim C.8

    def __post_init__(self) -> None:
        """Refuse unknown words, and numbers that no run can have."""
        self.target  # noqa: B018 (refuses what no target can have)
        require_word("form", self.form, (PLAIN, WORKING))
        for name, (least, largest) in RANGES.items():
            if not least <= getattr(self, name) <= largest:
                raise InputError(f"{name} must be in [{least:g}, {largest:g}], got {getattr(self, name)}")

    @property
    def target(self) -> algorithm_2_parameters.Parameters:
        """What the target and the start of the learner depend on."""
        return algorithm_2_parameters.Parameters(
            num_channels=self.num_channels,
            expected_active=self.expected_active,
            contrast=self.contrast,
            cutoff=self.cutoff,
            start_rate=self.start_rate,
        )


@dataclass(frozen=True)
class Run:
    """All states of a batch of runs.

    Attributes:
        oracle: x and y of the learner.
        target: alpha and beta of the target, (batch, channel, 2).
        gate: o_K.
        states: alpha and beta, (step, batch, channel, 2), the start first.
        margins: of the premises, by instance.
        scale, residual: a and r, (batch, channel).
        steps: taken by every run, (batch,); from then on its states stay.
    """

    oracle: ExactMarginals
    target: Tensor
    gate: AsymmetricGate
    states: Tensor
    margins: Sequence[Mapping[str, float]]
    scale: Tensor
    residual: Tensor
    steps: Tensor

    @property
    def wanted(self) -> Tensor:
        """x* and y*, (batch, channel, 2)."""
        return self.oracle.moments(self.target)

    @property
    def largest_step(self) -> Tensor:
        """1/L, (batch, channel)."""
        return 1 / smoothness(self.scale, self.residual, max(1.0, self.gate.weight**2))

    def moments(self, states: Tensor) -> Tensor:
        """x and y, of the shape of ``states``, (step, batch, channel, 2)."""
        return self._repeated(len(states)).moments(states.flatten(0, 1)).view_as(states)

    def objective(self, states: Tensor) -> Tensor:
        """(C.2) as printed, without its factor 1/4, (step, batch, channel)."""
        return 4 * self.gate.inner_maximum(self.wanted - self.moments(states)).sum(dim=-1)

    def gradient(self, states: Tensor) -> Tensor:
        """Its gradient by alpha and beta, of the shape of ``states``, (step, batch, channel, 2)."""
        game, samples = MarginalGame(self._repeated(len(states)), self.gate), list[MarginalMoments]()
        flat = states.flatten(0, 1)
        return 4 * game.outer_gradient(flat, game.best_response(flat, samples), samples).view_as(states)

    def _repeated(self, times: int) -> ExactMarginals:
        """The oracle for a batch of ``times`` as many rows."""
        if times == 1:
            return self.oracle
        return ExactMarginals(self.target.repeat(times, 1, 1), self.oracle.cutoff.repeat(times))

    def thresholds(self, states: Tensor) -> Tensor:
        """t = (beta + b)/alpha, (step, batch, channel)."""
        return (states[..., 1] + self.oracle.cutoff[:, None]) / states[..., 0]


def make_run(parameters: Parameters, seeds: Sequence[int], device: str) -> Run:
    """One run of D4 for every seed."""
    target = algorithm_2_parameters.build(parameters.target, seeds, device)
    truth = algorithm_2_parameters.channels_of(target)
    oracle = ExactMarginals(truth, algorithm_2_parameters.cutoffs(parameters.target, target))
    line_2 = algorithm_2_parameters.starting_channels(parameters.target, truth.shape[:-1], device)
    start = (parameters.start_scale * line_2)[None]
    run = Run(
        oracle,
        truth,
        AsymmetricGate(parameters.weight),
        start,
        premise_margins(target, parameters.target.sizes, seeds),
        scale=SHARE * torch.minimum(start[0], truth)[..., 0],
        residual=oracle.moments(truth).amax(dim=-1),
        steps=torch.full((len(seeds),), parameters.num_steps),
    )
    run = replace(run, residual=torch.maximum(run.residual, run.objective(start)[0].sqrt()))
    if parameters.form == PLAIN:
        return replace(run, states=_plain(run, parameters.step * run.largest_step, parameters.num_steps))
    found = _working(run, FirstLevelLaw.of(target.first), parameters)
    assert found.watched is not None
    return replace(run, states=found.watched, steps=found.steps)


def _plain(run: Run, sizes: Tensor, num_steps: int) -> Tensor:
    states = [run.states]
    for _ in range(num_steps):
        states.append(states[-1] - sizes[..., None] * run.gradient(states[-1]))
    return torch.cat(states)


def _working(run: Run, law: FirstLevelLaw, parameters: Parameters) -> Learned:
    settings = FirstHiddenSettings(
        initial_rate=parameters.target.firing, max_marginal_steps=parameters.num_steps, tolerance=TOLERANCE
    )  # the rate is not used, as a start is given
    start = Channels(*run.states[0].unbind(-1))
    return learn_marginals(
        ExactDictionary(law, run.oracle.cutoff),
        settings,
        start,
        watch=lambda channels, *_: torch.stack([channels.scales, channels.thresholds], dim=-1),
    )


def observations(
    known: Sequence[Mapping[str, float]],
    premises: Mapping[str, Tensor],
    measured: Mapping[str, Tensor],
    counts: Mapping[str, Tensor],
) -> list[Observation]:
    """One observation per instance from tensors (batch,) and the margins of premises that are ``known`` already."""
    return [
        Observation(
            {**margins, **{name: float(values[i]) for name, values in premises.items()}},
            {name: Measurement(float(values[i])) for name, values in measured.items()},
            {name: int(values[i]) for name, values in counts.items()},
        )
        for i, margins in enumerate(known)
    ]
