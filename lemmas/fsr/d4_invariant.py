r"""Invariant D.4 and Claim D.8: codes stay sparse and moderate, and the discriminator's weights of bounded length.

Setting: as in ``super_resolution_runs``: level 2, two patches with two parents each, b = 5 delta, V = V^D = I on the first parent
and b = 0 at the start, all channels trained together. k and k' are m Pr[S_r > 0] at levels l and l - 1.

Statement (as printed):
D.4 (l.2405-2423): throughout, (a) ||ReLU(S_l)||_0 <= O(k_l) and ||(S_r')_{r' != r}||_inf <= poly(k_l); (b) ||V^D||_F^2 <=
poly(k_l)/lambda_D. (a) is shown for the start, and for the end by Lemma D.2.
D.8 (l.2629-2639): (b) holds as long as the objective (D.7) is not increased by more than a constant factor. Proof: it starts at
poly(k_l) at most.

Checkable form:
D.8: at V^D = I the prediction is in [0, S_{l-1}], and s* is within delta |S*|_2 of S* as W* is orthonormal, so abs~(s* - g(p)) <=
S*_r + S_{l-1,r} + (delta |S*|_2 - b)_+. In expectation that is (k + k')/m and next to nothing; asked for is 2 (k + k')/m. That
w.h.p. abs~ is below twice the limit of Assumption 2.2 for the largest code is the printed, pointwise form. It only gives m poly(k)
for all rows together; the expectation gives sum_r E abs~ <= 2 (k + k'). The objective sum_r E abs~ + lambda_D ||V^D||_F^2 is at
most 8 times its start, at every 25th step; with 10 steps of the generator for each of the discriminator at most twice.
D.4: at the start and at the end ||ReLU(S_l)||_0 is, with probability 0.99, below Bernstein's bound for 2k active channels; at
every 25th step the largest code is, with probability 0.99, below 2 log(200 k); and lambda_D ||V^D||_F^2 <= 8 (2 (k + k') +
lambda_D m).

Measured: on 1024 samples E abs~ starts at 0.6 to 1.25 (k + k')/m. With one step of the generator for each of the discriminator
the objective rises, to 4.5 times its start at m = 16, delta = 1e-3, and to 16 times for one channel: E D2(X) is then not small,
which l.2555 takes for granted; at m = 8 to 1.4 to 3.6 times. With 10 steps of the generator it did not rise at m = 8 but in 2 of
120 runs (1.16 and 1.32 times; up to 1.5 at m = 16), nor does it without the learner's samples. Active channels are 3 to 5 (of 10)
at the start and at the end; in between all may be, barely, at delta = 0.1.
Controls: b = -1/2 at the start; ten times V at the start; large steps; the first version's signs with a large lambda.
Departures: all channels at once, so that (a) is about all r'; the repaired LeakyReLU. Before its last line Algorithm 3 leaves S
within 7b of S*, and (a) at the end is about that.
Source: section D, l.2405-2423, and D.2.2, l.2629-2639.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.claim import Selection
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.trial import Observation
from fsrcheck.model.activations import smoothed_abs, smoothed_leaky_relu
from fsrcheck.model.premises import AssumptionConstants
from fsrcheck.statement import Control, Defect, Erratum, Kind, Statement
from fsrcheck.training.detected_samples import DetectedSamples
from fsrcheck.training.super_resolution import (
    CONSTANT,
    SuperResolutionGame,
    SuperResolutionSettings,
    identity_start,
    learn_super_resolution,
)
from fsrcheck.training.super_resolution_samples import PairSamples
from lemmas.fsr.d6_generator import one
from lemmas.fsr.super_resolution_halves import squares
from lemmas.fsr.super_resolution_runs import Instances, Parameters, build, cutoffs, observations

HELD, QUANTILE = 1024, 0.99
LOOK_EVERY = 25
MANY = 10  # steps of the generator


@dataclass(frozen=True)
class InvariantParameters(Parameters):
    """Parameters of a run that may start elsewhere."""

    num_channels: int = 10
    num_steps: int = 200
    decay: float = 1e-3
    inner_steps: int = 1  # of the generator for each of the discriminator
    start_scale: float = 1.0  # of V = I
    start_threshold: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a start without weights and a generator that does not move as well."""
        super().__post_init__()
        if self.inner_steps < 1:
            raise InputError(f"inner_steps must be at least 1, got {self.inner_steps}")
        if not self.start_scale > 0:
            raise InputError(f"start_scale must be positive, got {self.start_scale}")

    @property
    def settings(self) -> SuperResolutionSettings:
        """Of Algorithm 3."""
        return replace(super().settings, inner_steps=self.inner_steps)

    @property
    def lower_active(self) -> float:
        """k', of level l - 1: it changes by the same factor from level to level."""
        factor = (self.top_active / self.expected_active) ** (1 / (self.num_levels - 1))
        return self.top_active / factor

    @property
    def both_active(self) -> float:
        """k + k'."""
        return self.top_active + self.lower_active

    @property
    def limits(self) -> AssumptionConstants:
        """Of Assumption 2.2 at level l."""
        return AssumptionConstants.defaults(self.top_active, self.top_channels, QUANTILE)


@dataclass(frozen=True)
class Looks:
    """What is seen of a row at every look, (look, row) each.

    Attributes:
        active: the quantile of ||ReLU(S)||_0.
        largest: that of the largest code.
        pointwise: that of the largest D2(X*) of a channel.
        channel: the largest E D2(X*) of a channel.
        objective: the sum of E D2(X*) over channels.
        weights: lambda_D ||V^D||_F^2.
    """

    active: Tensor
    largest: Tensor
    pointwise: Tensor
    channel: Tensor
    objective: Tensor
    weights: Tensor


def follow(parameters: InvariantParameters, instances: Instances) -> Looks:
    """Run Algorithm 3 and look at held samples; all in the codes' own units."""
    source, cutoff = instances.source(), cutoffs(instances, parameters)
    held, start = source.draw(HELD), identity_start(source)
    start = torch.cat([parameters.start_scale * start[..., :-1], start[..., -1:] + parameters.start_threshold], dim=-1)

    def watch(game: SuperResolutionGame, discriminator: Tensor, generator: Tensor, samples: Any) -> Tensor:
        return look(parameters, game, held, discriminator, generator, samples[1])

    learned = learn_super_resolution(
        source, cutoff, parameters.settings, start=start, watch=watch, watch_every=LOOK_EVERY
    )
    assert learned.watched is not None
    return Looks(*learned.watched.unbind(dim=1))


def look(
    parameters: InvariantParameters,
    game: SuperResolutionGame,
    held: PairSamples,
    discriminator: Tensor,
    generator: Tensor,
    leak: float | Tensor,
) -> Tensor:
    """One look, (6, row), in the order of ``Looks``."""
    unit, width, b = 1 / game.cutoff[:, None, None], game.smoothing, parameters.b
    drawn = DetectedSamples.of(held, unit, leak, width)
    codes = b * smoothed_leaky_relu(drawn.own_codes.linear(generator), leak, width)
    predicted = smoothed_leaky_relu(drawn.lower.linear(discriminator), leak, width)
    losses = b * smoothed_abs(drawn.upper - predicted, 1.0, width)
    means = losses.mean(dim=1)
    high = torch.stack([(codes > 0).sum(dim=-1).double(), codes.amax(dim=-1), losses.amax(dim=-1)])
    weights = parameters.decay * b * squares(discriminator).sum(dim=-1)
    return torch.cat([high.quantile(QUANTILE, dim=-1), torch.stack([means.amax(dim=-1), means.sum(dim=-1), weights])])


def run(parameters: InvariantParameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """Follow a run; everything over its bound without the constant."""
    instances = build(parameters, seeds, device)
    looks, limits = follow(parameters, instances), parameters.limits
    total = looks.objective + looks.weights
    regulariser = parameters.decay * parameters.b * parameters.top_channels
    measured = {
        "active": looks.active[[0, -1]].amax(dim=0) / limits.num_active,
        "active_between": looks.active.amax(dim=0),
        "largest": looks.largest.amax(dim=0) / limits.max_activation,
        "weights": looks.weights.amax(dim=0) / (2 * parameters.both_active + regulariser),
        "start": looks.channel[0] * parameters.top_channels / parameters.both_active,
        "pointwise": looks.pointwise[0] / limits.max_activation,
        "growth": total.amax(dim=0) / total[0],
    }
    count = torch.full((len(seeds),), len(looks.active))
    return observations(
        instances, {name: instances.per_instance(values) for name, values in measured.items()}, {"looks": count}
    )


START = InvariantParameters()
CASES_4 = (START, replace(START, dictionary_error=1e-3, decay=1.0))
SMALLER = replace(START, num_channels=8)
CASES_8 = (
    replace(SMALLER, dictionary_error=1e-3, num_steps=80, inner_steps=MANY),
    replace(SMALLER, num_steps=200),
    replace(SMALLER, num_parents=1, dictionary_error=0.1, decay=0.05, num_steps=200),
)
INSIDE = Selection({"inner_steps": MANY})
TRIALS = {"quick": 8, "standard": 24}
EIGHT = Constant("eight", 8.0, Provenance.CHOSEN, "the constant factor by which the objective may rise")
DEPARTURES = ("All channels are trained at once.", "The repaired LeakyReLU.")
ONE_STEP = {"num_steps": 1}

INVARIANT_4 = Statement(
    id="fsr.D.4",
    label="Invariant D.4",
    kind=Kind.INVARIANT,
    title="Sparse codes and bounded weights while a level is learned",
    printed=r"throughout: (a) $\|\mathrm{ReLU}(S_{\ell,j})\|_0 \le O(k_\ell)$, $\|([S_{\ell,j}]_{r'})_{r' \ne r}\|_\infty \le "
    r"\mathrm{poly}(k_\ell)$; (b) $\|V^D_{\ell,j}\|_F^2 \le \mathrm{poly}(k_\ell)/\lambda_D$",
    checkable=r"at the start and at the end $\|\mathrm{ReLU}(S)\|_0$ below Bernstein's bound for $2k$ active channels, at every "
    r"25th step the largest code below $2 \log(200 k)$, both with probability 0.99; and $\lambda_D \|V^D\|_F^2 \le 8 (2 (k_\ell + "
    r"k_{\ell-1}) + \lambda_D m)$",
    source="section D, l.2405-2423",
    evidence="measured along runs of Algorithm 3",
    claims=(
        Bound(
            "sparsity",
            r"$\|\mathrm{ReLU}(S)\|_0$ below Bernstein's bound at the start and at the end, w.h.p.",
            "active",
            "one",
            one,
        ),
        Bound("largest code", r"$\|S\|_\infty \le 2 \log(200 k)$ at every 25th step, w.h.p.", "largest", "one", one),
        Bound(
            "weights",
            r"$\lambda_D \|V^D\|_F^2 \le 8 (2 (k_\ell + k_{\ell-1}) + \lambda_D m)$ at every 25th step",
            "weights",
            "eight",
            one,
        ),
    ),
    controls=(
        Control(
            "all active", "thresholds at the start: -1/2", "sparsity", {"start_threshold": -0.5} | ONE_STEP, trials=8
        ),
        Control(
            "large steps",
            "eta: eighty times larger, and constant",
            "largest code",
            {"step_share": 10.0, "rule": CONSTANT, "num_steps": 50},
            trials=8,
        ),
        Control(
            "signs of the first version",
            r"the sign of the regularisers, with a large $\lambda_D$",
            "weights",
            {"printed_signs": True, "decay": 0.1, "num_steps": 150},
            trials=8,
        ),
    ),
    errata=(
        Erratum(
            Defect.MISPRINT,
            r"The training whose end is meant is that for $D^{(2)}_{\ell,j,r}$.",
            r"'at the end of the training for $D^{(4)}_{\ell,j,r}$', l.2423",
            r"$D^{(2)}_{\ell,j,r}$",
        ),
        Erratum(
            Defect.PROOF_GAP,
            r"At the start $S_\ell = S_{\ell-1}$, which gives $O(k_{\ell-1})$ active channels of at most "
            r"$\mathrm{poly}(k_{\ell-1})$, not $O(k_\ell)$ and $\mathrm{poly}(k_\ell)$: nothing in Setting 2.1 or Assumption 2.2 "
            r"relates $k_{\ell-1}$ to $k_\ell$.",
            "'holds at the beginning of training using Induction D.1', l.2419-2423",
            r"the invariant with $\max(k_\ell, k_{\ell-1})$ for $k_\ell$",
        ),
    ),
    expected=Verdict.SUPPORTED,
    parameters=InvariantParameters,
    cases={"quick": CASES_4, "standard": (*CASES_4, *(replace(case, num_channels=16) for case in CASES_4))},
    trials=TRIALS,
    batch=8,
    run=run,
    constants=(Constant("one", 1.0, Provenance.CHOSEN, "the limits of Assumption 2.2, as in model/premises"), EIGHT),
    departures=DEPARTURES,
    requires=("fsr.D.8",),
)

CLAIM_8 = Statement(
    id="fsr.D.8",
    label="Claim D.8",
    kind=Kind.CLAIM,
    title="The objective at the start, and the length of the discriminator's weights",
    printed=r"as long as the objective (D.7) is not increased by more than a constant factor times the initialization, Invariant "
    r"D.4b is satisfied",
    checkable=r"at $V^D = I$: $\mathbb{E} D^{(2)}_r(X^\star) \le 2 (k_\ell + k_{\ell-1})/m$ for every channel, and $D^{(2)}_r "
    r"\le 4 \log(200 k)$ w.h.p.; at every 25th step $\sum_r \mathbb{E} D^{(2)}_r(X^\star) + \lambda_D \|V^D\|_F^2$ "
    r"is at most 8 times its start, and twice with 10 steps of the generator for each of the discriminator",
    source="section D.2.2, l.2629-2639",
    evidence="measured along runs of Algorithm 3",
    claims=(
        Bound(
            "start",
            r"at $V^D = I$: $m\, \mathbb{E} D^{(2)}_r(X^\star) \le 2 (k_\ell + k_{\ell-1})$ for every channel",
            "start",
            "two",
            one,
        ),
        Bound(
            "pointwise", r"at $V^D = I$: $D^{(2)}_r(X^\star) \le 4 \log(200 k)$, w.h.p.", "pointwise", "two limits", one
        ),
        Bound(
            "growth",
            r"$\sum_r \mathbb{E} D^{(2)}_r(X^\star) + \lambda_D \|V^D\|_F^2$ is at most 8 times its start, at every 25th step",
            "growth",
            "eight",
            one,
        ),
        Bound(
            "little rise",
            "with 10 steps of the generator for each of the discriminator it is at most twice its start",
            "growth",
            "twice",
            one,
            where=INSIDE,
        ),
    ),
    controls=(
        Control("outside", "10 steps of the generator", "little rise", {"inner_steps": 1, "num_steps": 200}, trials=24),
        Control("ten times V", "V at the start: 10 I", "start", {"start_scale": 10.0} | ONE_STEP, trials=8),
        Control("a hundred times V", "V at the start: 100 I", "pointwise", {"start_scale": 100.0} | ONE_STEP, trials=8),
        Control(
            "large steps",
            "eta: eighty times larger, and constant",
            "growth",
            {"step_share": 10.0, "rule": CONSTANT, "num_steps": 50},
            trials=8,
        ),
    ),
    errata=(
        Erratum(
            Defect.PROOF_GAP,
            r"The bound of a single row, $\lambda_D \|V^D_{\ell,j,r}\|_F^2 \le \mathrm{poly}(k_\ell)$, is taken for that of "
            r"Invariant D.4b, which is about the whole matrix: the sum over $m_\ell$ rows is $m_\ell\, \mathrm{poly}(k_\ell)$. "
            r"The bound $\mathrm{poly}(k_\ell)$ for $D^{(2)}_r$ at every sample cannot give more (and needs 'w.h.p.'); its "
            "expectation can.",
            "last lines of the proof, l.2633-2639",
            r"$\mathbb{E} D^{(2)}_r(X^\star) \le \mathbb{E} S^\star_r + \mathbb{E} S^\star_{\ell-1,r} + \mathbb{E} "
            r"(\delta \|S^\star\|_2 - b)_+ \le (\mathrm{poly}(k_\ell) + \mathrm{poly}(k_{\ell-1}))/m_\ell$, so that "
            r"all rows together have $\lambda_D \|V^D\|_F^2 \le \mathrm{poly}(k_\ell) + \mathrm{poly}(k_{\ell-1})$",
        ),
        Erratum(
            Defect.MISPRINT,
            r"The parents of a patch are patches of level $\ell - 1$.",
            r"'for exactly one $j' \in [d_\ell]$', l.2631",
            r"for exactly one $j' \in \mathcal{P}_{\ell,j}$",
        ),
    ),
    expected=Verdict.SUPPORTED,
    parameters=InvariantParameters,
    cases={"quick": CASES_8, "standard": (*CASES_8, *(replace(case, num_channels=16) for case in CASES_8[1:]))},
    trials=TRIALS,
    batch=8,
    run=run,
    constants=(
        Constant("two", 2.0, Provenance.DERIVED, "1 by the docstring's proof; 2 leaves room for k as it is calibrated"),
        Constant("two limits", 2.0, Provenance.DERIVED, "of the largest code by Assumption 2.2: one for each level"),
        EIGHT,
        Constant(
            "twice", 2.0, Provenance.CHOSEN, "1.32 was the most in 120 runs; half of those with one step are above"
        ),
    ),
    departures=DEPARTURES,
)

STATEMENTS = (INVARIANT_4, CLAIM_8)
