r"""Figure 3, synthetic analogue: how often channels are active, alone and together, before and after training.

Setting: the paper's figure is of a network trained on photographs. Here the data are samples of a target of the paper's model
with two levels, whose codes satisfy Assumption 2.2, and the network is that of Algorithm 4; m channels, k = m Pr[S_p > 0].

Algorithm: Algorithm 4 (``fsrcheck.training.minmax_gan``) on N samples. Before training: Gaussian V and b = 0, as networks are
initialised; the patches' dictionary plays no part in it.

Statement (as printed, l.160-162): histograms of Pr[S_p > 0], Pr[S_p, S_q > 0] and Pr[S_p, S_q, S_r > 0] "at random
initialization vs. after training"; "the generator network does learn sparse, not-too-positively correlated hidden
activations. Notice that we did not regularize the sparsity or correlation"; all neurons are still active.

Checkable form, at both levels, p, q, r of one patch, with the limits of the assumption's checker (fsr.2.2): before training some
channel, pair and triple of every level is at least 1.5 times as often active as Assumption 2.2 allows (2k/m, 4 k^2/m^2,
m^-2.01); after it none is more often active than that, every channel is at least half as often active as the target's, and the
probabilities are the target's: ||Pr - Pr*|| / ||Pr*|| over all channels at most 0.1, over pairs 0.2 and over triples 0.4.

Measured, m = 8, k = 1, N = 32768, before: m Pr from 0.1 to 7.7 (mean 4), m^2 Pr of pairs up to 58, of triples up to 55 m^-2.01;
after: m Pr from 0.9 to 1.1, pairs up to 1.3, triples up to 0.2 m^-2.01.

The figure's conclusion, that sparsity is found and not put in, is no part of this. Algorithm 2 starts from neurons that are active
with a probability of at most 1/4 (footnote 6: poly(k)/m) and Algorithm 3 from V = I, which makes the codes of level l as sparse as
those below. What training finds are the target's probabilities; that they are small is so from the start.

Controls: no training. A target that breaks Assumption 2.2 is none: Algorithm 5 refuses its samples (dense_mixing: 39 of 48
columns not found).
Departures from the paper: synthetic data; no batch normalisation.
Source: section 2.1, l.137, 160-162.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.claim import Claim
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.trial import Observation
from fsrcheck.model.coupling import coupled
from fsrcheck.model.cross_moments import mean_products
from fsrcheck.model.premises import AssumptionConstants
from fsrcheck.model.target import TargetNetwork
from fsrcheck.statement import Control, Kind, Statement
from lemmas.fsr.figure_runs import Instances, Parameters, build, extreme, observations, one, random_network
from lemmas.fsr.figure_words import AFTER, BEFORE, BIN, BINS, KINDS, PAIRS, RATES, TARGET, TRIPLES, WORDS

if TYPE_CHECKING:
    from fsrcheck.report.figures import Drawing
    from fsrcheck.runs.result import StatementResult


GAPS = {RATES: 0.1, PAIRS: 0.2, TRIPLES: 0.4}


@dataclass(frozen=True)
class ActivationParameters(Parameters):
    """Parameters, and whether the network is trained at all."""

    trained: bool = True
    raised: float = 0.0  # what is added to every threshold after training
    evaluation_samples: int = 16384


def run(parameters: ActivationParameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """Train every instance's network and count the activations of both networks and the target."""
    instances = build(parameters, seeds, device)
    before = random_network(instances.target, seeds)
    after = lifted(instances.learned(parameters).network, parameters.raised) if parameters.trained else before
    found = {BEFORE: frequencies(before, instances, parameters)[0]}
    found[AFTER], found[TARGET] = frequencies(after, instances, parameters)
    measured, errors = measure(found, parameters)
    return observations(instances, measured, errors, histograms(found))


def lifted(network: TargetNetwork, amount: float) -> TargetNetwork:
    """The network with all thresholds raised."""
    return TargetNetwork(tuple(replace(level, thresholds=level.thresholds + amount) for level in network.levels))


@dataclass(frozen=True)
class Frequencies:
    """Probabilities of being active, by kind, for every level (batch, patch, channel or tuple)."""

    by_kind: dict[str, list[Tensor]]

    @classmethod
    def of(cls, totals: Sequence[dict[str, Tensor]], num_samples: int) -> "Frequencies":
        """From how often, level by level."""
        return cls({kind: [total[kind] / num_samples for total in totals] for kind in KINDS})


def frequencies(
    network: TargetNetwork, instances: Instances, parameters: Parameters
) -> tuple[Frequencies, Frequencies]:
    """How often channels, pairs and triples of a patch are active in a network and in the target, on one latent."""
    chunks = coupled(network, instances.target).codes(
        instances.seeds, "latents of Figure 3", parameters.evaluation_samples
    )
    totals: list[dict[str, Tensor]] = []
    for own, true in chunks:
        found = [_active(level) for level in (*own, *true)]
        totals = [_sum(*both) for both in zip(totals, found, strict=True)] if totals else found
    levels, count = network.num_levels, parameters.evaluation_samples
    return Frequencies.of(totals[:levels], count), Frequencies.of(totals[levels:], count)


def _active(codes: Tensor) -> dict[str, Tensor]:
    """In how many samples of codes (batch, sample, patch, channel) each channel, pair and triple is active."""
    active, count = (codes > 0).to(codes.dtype), codes.shape[1]
    joint = mean_products(active, (2, 3))
    return {RATES: active.sum(dim=1), PAIRS: joint[2] * count, TRIPLES: joint[3] * count}


def _sum(total: dict[str, Tensor], new: dict[str, Tensor]) -> dict[str, Tensor]:
    return {kind: total[kind] + new[kind] for kind in KINDS}


def measure(found: Mapping[str, Frequencies], parameters: Parameters) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """What the claims speak of, and its standard errors, each (batch,)."""
    measured, errors = {}, {}
    for kind in KINDS:
        for stage in (BEFORE, AFTER):
            name = f"{kind}_{stage}"
            measured[name], errors[name] = extreme(*excess(found[stage], kind, parameters), largest=stage == AFTER)
        measured[f"{kind}_gap"] = gap(found[AFTER].by_kind[kind], found[TARGET].by_kind[kind])
    rates = zip(found[AFTER].by_kind[RATES], found[TARGET].by_kind[RATES], strict=True)
    measured["alive"] = torch.stack([(own / true).flatten(1).amin(dim=1) for own, true in rates]).amin(dim=0)
    return measured, errors


def excess(frequencies: Frequencies, kind: str, parameters: Parameters) -> tuple[list[Tensor], list[Tensor]]:
    """The largest probability of every level over what Assumption 2.2 allows, and its standard error, each (batch,)."""
    values, errors = [], []
    for number, found in enumerate(frequencies.by_kind[kind], start=1):
        largest = found.flatten(1).amax(dim=1)
        scale = 1 / allowed(kind, parameters, number)
        values.append(scale * largest)
        errors.append(scale * (largest * (1 - largest) / parameters.evaluation_samples).sqrt())
    return values, errors


def allowed(kind: str, parameters: Parameters, level: int) -> float:
    """The largest probability that Assumption 2.2 allows at a level, with the checker's constants."""
    limits = AssumptionConstants.defaults(parameters.active(level), parameters.num_channels)
    m = float(parameters.channels(level))
    return {
        RATES: limits.activation_probability / m,
        PAIRS: limits.pair_probability / m**2,
        TRIPLES: limits.triple_probability / m**2.01,
    }[kind]


def gap(own: Sequence[Tensor], true: Sequence[Tensor]) -> Tensor:
    """||Pr - Pr*|| / ||Pr*|| over all patches of a level, the largest over the levels, (batch,)."""
    ratios = [(p - q).flatten(1).norm(dim=1) / q.flatten(1).norm(dim=1) for p, q in zip(own, true, strict=True)]
    return torch.stack(ratios).amax(dim=0)


def histograms(found: Mapping[str, Frequencies]) -> dict[str, Tensor]:
    """How many channels, pairs and triples of all levels lie in each bin, (batch,) by ``BIN``."""
    counts = {}
    for stage, frequencies in found.items():
        for kind, levels in frequencies.by_kind.items():
            values = torch.cat([level.flatten(1) for level in levels], dim=1)
            place = (-values.log2()).round().clamp(0, BINS - 1)  # 0 goes to the last one
            for number in range(BINS):
                counts[BIN.format(kind=kind, stage=stage, bin=number)] = (place == number).sum(dim=1)
    return counts


LIMITS = {RATES: "2k/m", PAIRS: "4k^2/m^2", TRIPLES: "m^{-2.01}"}


def claims() -> tuple[Claim, ...]:
    """Before, after, and against the target, for channels, pairs and triples."""
    found: list[Claim] = []
    for kind in KINDS:
        text = rf"before training some {WORDS[kind]} of every level is active with probability $\ge 1.5 \cdot {LIMITS[kind]}$"
        found.append(Bound(f"{kind} before", text, f"{kind}_{BEFORE}", "half as much again", one, upper=False))
        text = rf"after training no {WORDS[kind]} of any level with probability above ${LIMITS[kind]}$"
        found.append(Bound(f"{kind} after", text, f"{kind}_{AFTER}", "one", one))
        limit = r"$\|\Pr - \Pr^\star\| \le " + f"{GAPS[kind]:g}" + r"\, \|\Pr^\star\|$"
        found.append(Bound(f"{kind} learned", f"and {limit} over all of a level", f"{kind}_gap", f"gap of {kind}", one))
    text = r"after training every channel is active at least half as often as the target's"
    return (*found, Bound("all alive", text, "alive", "half", one, upper=False))


UNTRAINED = {"trained": False}
CONTROLS = (
    *(
        Control(f"no training: {claim}", "training: the network stays as initialised", claim, UNTRAINED, trials=1)
        for kind in KINDS
        for claim in (f"{kind} after", f"{kind} learned")
    ),
    Control(
        "raised thresholds",
        "after training every threshold is raised by 2 (line 6 of Algorithm 3 by 7b, b = 0.3)",
        "all alive",
        {"raised": 2.0, "num_steps": 200, "num_samples": 8192},
        trials=1,
    ),
)
START = ActivationParameters()
LARGE = replace(
    START,
    num_channels=16,
    expected_active=1.5,
    num_samples=2**18,
    num_stages=2,
    num_steps=800,
    evaluation_samples=2**16,
)


def figure(result: "StatementResult") -> "list[Drawing]":
    """The histograms; see ``lemmas.fsr.fig3_figure``."""
    from lemmas.fsr.fig3_figure import draw_histograms  # matplotlib is needed for the report only

    return draw_histograms(result)


STATEMENT = Statement(
    id="fsr.fig.3",
    label="Figure 3",
    kind=Kind.FIGURE,
    title="Sparse activations before and after training (synthetic analogue)",
    printed=r"histograms of $\Pr[[S^\star_{\ell,j}]_p > 0]$, of pairs and of triples of channels 'at random initialization vs. "
    r"after training'; 'the generator network does learn sparse, not-too-positively correlated hidden activations. Notice that "
    r"we did not regularize the sparsity or correlation'; all neurons are still active",
    checkable=r"not the paper's network, which is trained on photographs, but that of Algorithm 4 on a target of the paper's "
    r"model: before training (Gaussian $V$, $b = 0$) some channel, pair and triple of every level is active at least 1.5 times "
    r"as often as Assumption 2.2 allows ($2k/m$, $4k^2/m^2$, $m^{-2.01}$); after it none is more often active than that, none "
    r"half as often as the target's, and the probabilities are the target's up to 0.1, 0.2 and 0.4 in the root mean square. "
    r"That sparsity is found and not put in is not claimed: Algorithms 2 and 3 start from sparse codes",
    source="section 2.1, l.137, 160-162",
    evidence="Algorithm 4 on samples, then activations counted on fresh latents",
    claims=claims(),
    controls=CONTROLS,
    expected=Verdict.SUPPORTED,
    parameters=ActivationParameters,
    cases={"quick": (START,), "standard": (START, LARGE)},
    trials={"quick": 7, "standard": 8},
    batch=8,
    run=run,
    constants=(
        Constant("one", 1.0, Provenance.DERIVED, "what Assumption 2.2 allows, in units of itself"),
        Constant("half as much again", 1.5, Provenance.CHOSEN, "a neuron without threshold is active half of the time"),
        Constant("half", 0.5, Provenance.CHOSEN, "as in Lemma D.2"),
        *(Constant(f"gap of {kind}", GAPS[kind], Provenance.CHOSEN, "twice what the learner leaves") for kind in KINDS),
    ),
    departures=(
        "The data are samples of a synthetic target; the paper's are photographs.",
        "Algorithm 4 in place of multi-scale gradients with Adam; no batch normalisation.",
    ),
    figure=figure,
    requires=("fsr.2.2",),
)
