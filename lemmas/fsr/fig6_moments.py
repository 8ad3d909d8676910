r"""Figure 6, synthetic analogue: moments of order 2, 3 and 4 of generated patches, during training, against those of the data.

Setting: the paper's figure is of a network trained on photographs. Here the data are N samples of a target of the paper's model
with two levels; d = 3m/2, as for d = m and independent channels alike all covariances of coordinates are 0 and order 2 says
nothing. For a patch X the moments of order r are E prod_s (X_{i_s} - E X_{i_s}) at i_1 < ... < i_r.

Algorithm: Algorithm 4. Moments are taken at the start of every level (columns of W random and orthonormal, the hidden layer as
Algorithms 2 and 3 begin) and after every hand-over: warm start, bridge, and hidden and output layer in turn.

Statement (as printed, l.278, 281, 290): the "squared difference" of the moments, averaged over {i_s} in each patch and relative to
initialization; "the moments begin to match after iteration 10, so GAN's discriminator-generator framework is indeed doing moment
matching at the earlier stage of training".

Checkable form, for r = 2, 3, 4 at every level, D the mean squared difference and F(N) that of N true samples from the truth:
D >= 10 F(N) at the start, D <= 0.1 D(start) once the first hidden layer has been learned, and D <= 12 F(N) at the end: moments
match in the first stage, up to what N samples show. At level 1 the dictionary alone (warm start and bridge) brings order 2
below 0.65 D(start), while at least 0.3 of order 4 is left: lower orders first.

Measured, m = 6, N = 16384, D/D(start) of orders 2, 3, 4: at level 1 0.35, 0.67, 0.86 after the dictionary, 0.004 to 0.006 after
the hidden layer; at level 2, where V = I is nearer to the truth, 0.04, 0.02, 0.04 and 0.004 to 0.007. At the start D is 56 to
120 times F(N) (the least of orders and levels; 30 times in the worst of 160 instances), at the end 1 to 5 times (the largest).
Compared with F(N) order 4 is the first to match, as its F(N) is the largest; compared with the start no order is much ahead once
the hidden layer is learned. Order 4 at the start is what moments take 32768 samples for: with 16384 one instance of some hundreds
had a standard error of more than a quarter of its margin, and was undecided.

Controls: hidden layers stay as they start; other dictionaries; a start at the target, or with the target's codes.
Departures from the paper: synthetic data; hand-overs in place of epochs; i_s from [d], where the caption has [m_l]; squares are
estimated without bias (``fsrcheck.model.cross_moments``), as sampling adds to them.
Source: section 4.1, l.278-290.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.claim import Claim
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.trial import Observation
from fsrcheck.model.coupling import coupled
from fsrcheck.model.cross_moments import ORDERS, cross_moments, sampling_floor, squared_distance
from fsrcheck.model.target import FirstLevel, HigherLevel, TargetNetwork
from fsrcheck.statement import Control, Defect, Erratum, Kind, Statement
from fsrcheck.training.minmax_gan import BRIDGE, HIDDEN, MinmaxGan, State
from lemmas.fsr.figure_runs import Parameters, build, extreme, observations, one
from lemmas.fsr.figure_words import DISTANCE, FLOOR
from lemmas.fsr.targets import require_word
from lemmas.fsr.training_course import START, Beginning, Moment, course, random_dictionaries, starting_layer

if TYPE_CHECKING:
    from fsrcheck.report.figures import Drawing
    from fsrcheck.runs.result import StatementResult

NUM_BLOCKS = 16
ALGORITHMS, CODES, TARGET = "as the algorithms begin", "the target's codes", "the target"


@dataclass(frozen=True)
class MomentParameters(Parameters):
    """Parameters, and what controls change."""

    num_channels: int = 6
    spare_dims: int = 3
    num_samples: int = 16384
    num_steps: int = 800
    evaluation_samples: int = 32768
    start: str = ALGORITHMS  # of every level
    hidden: bool = True  # whether hidden layers are learned
    turned: bool = False  # whether all dictionaries are replaced by random ones

    def __post_init__(self) -> None:
        """Refuse unknown words, and patches without moments of order 4."""
        super().__post_init__()
        require_word("start", self.start, (ALGORITHMS, CODES, TARGET))
        if self.num_channels + self.spare_dims < max(ORDERS):
            raise InputError(
                f"num_channels + spare_dims must be at least {max(ORDERS)}, got {self.num_channels} + {self.spare_dims}"
            )


def run(parameters: MomentParameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """Train every instance's network and compare its moments with the target's after every hand-over."""
    instances = build(parameters, seeds, device)
    target = instances.target
    measured: dict[str, Tensor] = {}
    errors: dict[str, Tensor] = {}
    times: dict[int, list[str]] = {}
    for moment in course(instances.learner(parameters), begin=beginning(parameters, target), hidden=parameters.hidden):
        made, true = both_moments(altered(moment, parameters, target, seeds), target, parameters, seeds)
        time = len(times.setdefault(moment.level, []))
        times[moment.level].append(moment.what)
        for order in ORDERS:
            found = squared_distance(made[order], true[order])
            name = DISTANCE.format(level=moment.level, order=order, time=time)
            measured[name], errors[name] = found.value, found.error
            floor = sampling_floor(true[order], block_size(parameters), parameters.num_samples)
            measured[FLOOR.format(level=moment.level, order=order)] = floor
    summary, of_summary = summarised(measured, errors, times)
    return observations(instances, measured | summary, errors | of_summary, {})


def beginning(parameters: MomentParameters, target: TargetNetwork) -> Beginning | None:
    """What hidden layer a level is shown with until one is learned."""
    if parameters.start != CODES:
        return None

    def begin(gan: MinmaxGan, state: State, level: int) -> FirstLevel | HigherLevel:
        """The target's at level 1, whose channels are all alike, so that their order does not matter."""
        layer = starting_layer(gan, state, level)
        if not isinstance(layer, FirstLevel):
            return layer
        unit, true = gan.units[0][:, None, None], target.first
        return FirstLevel(layer.dictionary, true.latent_weights / unit[..., None], true.thresholds / unit)

    return begin


def altered(moment: Moment, parameters: MomentParameters, target: TargetNetwork, seeds: Sequence[int]) -> TargetNetwork:
    """The network of a moment, or what a control puts in its place."""
    if parameters.start == TARGET and moment.what == START:
        return TargetNetwork(target.levels[: moment.level])
    if not parameters.turned:
        return moment.network
    *below, top = moment.network.levels
    return TargetNetwork((*below, replace(top, dictionary=random_dictionaries(top.dictionary, seeds))))


def both_moments(
    network: TargetNetwork, target: TargetNetwork, parameters: MomentParameters, seeds: Sequence[int]
) -> tuple[dict[int, Tensor], dict[int, Tensor]]:
    """Moments of the patches of a network's highest level and of the target's, by order, (block, batch, patch, moment).

    Both are sampled on one latent (``fsrcheck.model.coupling``), so that where they agree, so do their samples.
    """
    pair = coupled(network, TargetNetwork(target.levels[: network.num_levels]))
    chunks = pair.codes(seeds, "latents of Figure 6", parameters.evaluation_samples, block_size(parameters))
    found = [
        [
            cross_moments((codes[-1].transpose(1, 2) @ side.levels[-1].dictionary.mT).transpose(1, 2))
            for codes, side in both
        ]
        for both in (zip(chunk, (pair.learned, pair.target), strict=True) for chunk in chunks)
    ]
    made, true = (
        {order: torch.stack([moments[order] for moments in side]) for order in ORDERS}
        for side in zip(*found, strict=True)
    )
    return made, true


def block_size(parameters: MomentParameters) -> int:
    """Samples in a block."""
    return parameters.evaluation_samples // NUM_BLOCKS


def summarised(
    measured: Mapping[str, Tensor], errors: Mapping[str, Tensor], times: Mapping[int, Sequence[str]]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """What the claims speak of, and its standard errors."""
    found: dict[str, list[tuple[Tensor, Tensor]]] = {"at_start": [], "after_first_hidden": [], "at_end": []}
    for level, whats in times.items():
        for order in ORDERS:
            names = [DISTANCE.format(level=level, order=order, time=time) for time in range(len(whats))]
            floor, start = measured[FLOOR.format(level=level, order=order)], measured[names[0]]
            for name, time, unit in (
                ("at_start", 0, floor),
                ("after_first_hidden", list(whats).index(HIDDEN), start),
                ("at_end", -1, floor),
            ):
                found[name].append((measured[names[time]] / unit, errors[names[time]] / unit))
    chosen = {name: extreme(*zip(*pairs, strict=True), largest=name != "at_start") for name, pairs in found.items()}
    for order in (min(ORDERS), max(ORDERS)):
        before, after = (DISTANCE.format(level=1, order=order, time=time) for time in (0, list(times[1]).index(BRIDGE)))
        chosen[f"order_{order}_after_dictionary"] = measured[after] / measured[before], errors[after] / measured[before]
    return {name: value for name, (value, _) in chosen.items()}, {name: error for name, (_, error) in chosen.items()}


def figure(result: "StatementResult") -> "list[Drawing]":
    """The distances from hand-over to hand-over; see ``lemmas.fsr.fig6_figure``."""
    from lemmas.fsr.fig6_figure import draw_course  # matplotlib is needed for the report only

    return draw_course(result)


CLAIMS: tuple[Claim, ...] = (
    Bound(
        "apart at the start",
        r"$D \ge 10 F(N)$ at the start of every level, $r = 2, 3, 4$",
        "at_start",
        "ten",
        one,
        upper=False,
    ),
    Bound(
        "early",
        r"$D \le 0.1\, D(\mathrm{start})$ once the first hidden layer has been learned, at every level, $r = 2, 3, 4$",
        "after_first_hidden",
        "tenth",
        one,
    ),
    Bound("at the end", r"$D \le 12 F(N)$ at the end of every level, $r = 2, 3, 4$", "at_end", "twelve", one),
    Bound(
        "order 2 by the dictionary",
        r"at level 1 the dictionary alone brings $D$ of order 2 to at most $0.65\, D(\mathrm{start})$",
        "order_2_after_dictionary",
        "two thirds",
        one,
    ),
    Bound(
        "order 4 by the hidden layer",
        r"and leaves at least 0.3 of that of order 4",
        "order_4_after_dictionary",
        "a third",
        one,
        upper=False,
    ),
)

SHORT = {"num_steps": 30, "num_samples": 8192}
CONTROLS = (
    Control(
        "start at the target", "the network starts as the target", CLAIMS[0].name, {"start": TARGET, **SHORT}, trials=1
    ),
    Control("no hidden layer", "hidden layers stay as they start", "early", {"hidden": False, **SHORT}, trials=1),
    Control("other dictionaries", "every W is random", "at the end", {"turned": True, **SHORT}, trials=1),
    Control("no dictionary", "every W is random", CLAIMS[3].name, {"turned": True, **SHORT}, trials=1),
    Control(
        "target's codes", "level 1 starts with the target's codes", CLAIMS[4].name, {"start": CODES, **SHORT}, trials=1
    ),
)
QUICK = MomentParameters()
LARGE = replace(
    QUICK, num_channels=12, spare_dims=4, num_samples=2**17, num_stages=2, num_steps=800, evaluation_samples=2**16
)

STATEMENT = Statement(
    id="fsr.fig.6",
    label="Figure 6",
    kind=Kind.FIGURE,
    title="Moments of patches are matched early in training (synthetic analogue)",
    printed=r"the 'squared difference' of $E \prod_s ([X_{\ell,j}]_{i_s} - E [X_{\ell,j}]_{i_s})$ of order $r$ between generated "
    r"and true patches, averaged over $i_1 > \dots > i_r \in [m_\ell]$ and relative to initialization: 'the moments begin to "
    r"match after iteration 10, so GAN's discriminator-generator framework is indeed doing moment matching at the earlier stage "
    r"of training'",
    checkable=r"not the paper's network, which is trained on photographs, but that of Algorithm 4 on $N$ samples of a target of "
    r"the paper's model, $r = 2, 3, 4$, every level: $D \ge 10 F(N)$ at the start, $F(N)$ being the $D$ of $N$ true samples; "
    r"$D \le 0.1\, D(\mathrm{start})$ once the first hidden layer has been learned; $D \le 12 F(N)$ at the end; at level 1 the "
    r"dictionary alone brings $D$ of order 2 below 0.65 of the start's and leaves at least 0.3 of that of order 4",
    source="section 4.1, l.278-290",
    evidence="Algorithm 4 on samples; moments of fresh samples after every hand-over",
    claims=CLAIMS,
    controls=CONTROLS,
    errata=(
        Erratum(
            Defect.MISPRINT,
            r"A patch $X_{\ell,j}$ has $d$ coordinates (l.90); $m_\ell$ is the number of channels of its code.",
            "caption, l.278",
            r"$i_1 > i_2 > \dots > i_r \in [d]$",
        ),
    ),
    expected=Verdict.SUPPORTED,
    parameters=MomentParameters,
    cases={"quick": (QUICK,), "standard": (QUICK, LARGE)},
    trials={"quick": 7, "standard": 8},
    batch=8,
    run=run,
    constants=(
        Constant("ten", 10.0, Provenance.CHOSEN, "so that there is something to match"),
        Constant("tenth", 0.1, Provenance.CHOSEN, "a small part"),
        Constant("twelve", 12.0, Provenance.CHOSEN, "errors of the levels below add to that of the samples"),
        Constant("two thirds", 0.65, Provenance.CHOSEN, "a large part is matched"),
        Constant("a third", 0.3, Provenance.CHOSEN, "a large part is left"),
    ),
    departures=(
        "The data are samples of a synthetic target; the paper's are photographs.",
        "Algorithm 4 with its hand-overs in place of epochs of training with multi-scale gradients.",
        "Coordinates range over [d], and squares are estimated without bias.",
    ),
    figure=figure,
)
