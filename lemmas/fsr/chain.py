r"""From which size on the chain closes: does Algorithm 2 tolerate the dictionary that Lemma A.1 delivers?

Setting: one patch, m independent channels alike, k = m Pr[S_p > 0], E[S | S > 0] = 1; all columns off by delta towards the sum
of the others, as Algorithm 5 leaves them on the population; exact minimisation of D4, D5 and Algorithm 1 on the population
(``fsrcheck.training.channels_alike``): no sampling noise, and sizes up to a million.

Algorithm: Algorithm 5, then Algorithm 2 (D4, D5), then Algorithm 1, once.

Statement (as printed, l.1042-1045 and l.986): Induction C.1 "may come from the warm-start initialization (Lemma A.1)", with
b = delta m^0.02; Lemmas C.6 and C.10 learn the codes to b poly(k), which Lemma B.2 presupposes. The paper names no size.

Checkable form. The chain closes at (m, k) when, with every poly(k) = 1 and a cutoff b of Algorithm 2 of 1/2, 1/4, 1/8 or 1/16
(so that 2b <= E[S | S > 0]),
1. the codes' relative errors (of E S, of Pr[S > 0], of how often a pair fires together) are at most delta m^0.02 for
   delta = delta_A1, a tenth and a hundredth of it: Lemma B.2's premise, now and in later rounds;
2. Algorithm 1 with these codes and bb = 1/2 brings the columns' error to at most delta/2.
delta_A1 is the closed form of Lemma A.1's error, or C k m^(-1/2) with the C fitted on samples (its largest column error, all of
it taken towards the others, which overstates it; k = 3 and m > 128 lie outside that fit).
The chain closes from m = 18, 64, 144 on for k = 1, 2, 3 and does not at 16, 56, 128; with the fitted C from 40, 144, 336 on and
not at 32, 128, 312. With the printed cutoff b = delta m^0.02 the first round closes at 832, 1856, 3520 and not at 768, 1728,
3264; later rounds need larger m, since there b = delta m^0.02 shrinks with delta while the rate of false activations stays.

Why. The largest delta that Algorithm 2 tolerates hardly depends on m: between 0.10 and 0.18 for m = 16..2^20. What limits it
are false activations. The others leak G = <W_p, W_q> = 2 delta/sqrt(m) + delta^2 each, and Pr[G sum_q S_q > b] must be far
below k/m, so that b/G has to be some 10 to 20. With delta_A1 about k/(2 sqrt(m)), G is about (k + k^2/4)/m, which with b <= 1/2
puts m near 25 (k + k^2/4). Far below the crossing D4's solution jumps (codes off by 50 to 80 %) or its equations have none.
Two weaker criteria say nothing here: errors of at most 5 delta, as 5 delta is near 1; and claim 2 alone, as codes that are
all wrong alike leave the columns nearly right.
For k = 3 and m up to 2^14, D5 cannot reach its target: the leaks lift every pair's moment by about (2k + k^2)/m, and the
correlation that would undo it is below -1/(m - 1), where no Gram matrix is. What is left is below delta m^0.02, so that
Lemma C.10 stands, but D5's objective has a floor.

Measured: see the report; the closed forms agree with plain Monte Carlo at m = 16..64. Descent on D4 with exact moments ends at
the solution from firing rates between 0.3 and 4 times the target's.
Controls: the printed cutoff; b = 3 delta; a dictionary twice as coarse as the warm start's; a tenth of it, for the converse.
Departures from the paper: poly(k) = 1; exact minimisers; zeta to 0; a cutoff chosen by its result.
Not covered: other directions of the columns' errors (with all of delta towards one other column, that pair's error is about
2 delta at any size), finite samples in Algorithm 2, channels that differ.
Source: section C, l.1036-1045, 1163-1187, 1481-1493; section B, l.986-988; Lemma A.1, l.615-623.
"""

from typing import TYPE_CHECKING

from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.claim import Claim, Selection
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.statement import Control, Kind, Statement
from lemmas.fsr.chain_rounds import (
    BEST,
    CLOSES,
    FITTED_START,
    OPEN,
    PRINTED,
    SAMPLED,
    THREE,
    TOLERANCE,
    Parameters,
    allowed,
    run,
)

if TYPE_CHECKING:
    from fsrcheck.report.figures import Drawing
    from fsrcheck.runs.result import StatementResult

CLOSED_FROM = {1.0: 18, 2.0: 64, 3.0: 144}
OPEN_AT = {1.0: 16, 2.0: 56, 3.0: 128}
FITTED_CLOSED_FROM, FITTED_OPEN_AT = {1.0: 40, 2.0: 144, 3.0: 336}, {1.0: 32, 2.0: 128, 3.0: 312}
PRINTED_CLOSED_FROM, PRINTED_OPEN_AT = {1.0: 832, 2.0: 1856, 3.0: 3520}, {1.0: 768, 2.0: 1728, 3.0: 3264}
LARGE_CASES = {
    "quick": ((2**20, 2.0),),
    "standard": tuple((4**power, k) for k in CLOSED_FROM for power in range(4, 11)),
}
TOLERANCE_SIZES = {"quick": (), "standard": (16, 24, 32, 48, 64, 96, 128, 256, 512, 1024, 4096, 2**14, 2**17, 2**20)}
SAMPLED_CASES = {"quick": ((64, 2.0),), "standard": ((16, 1.0), (32, 2.0), (64, 2.0), (64, 3.0))}


def cases(scale: str) -> tuple[Parameters, ...]:
    """The crossings from both sides, sizes far above them, tolerances, and the sizes that are sampled."""
    found = []
    for task, best, on_samples, printed in (
        (CLOSES, CLOSED_FROM, FITTED_CLOSED_FROM, PRINTED_CLOSED_FROM),
        (OPEN, OPEN_AT, FITTED_OPEN_AT, PRINTED_OPEN_AT),
    ):
        found += [Parameters(m, k, task) for k, m in best.items()]
        found += [Parameters(m, k, task, start_constant=FITTED_START) for k, m in on_samples.items()]
        found += [Parameters(m, k, task, PRINTED) for k, m in printed.items()]
    found += [Parameters(m, k) for m, k in LARGE_CASES[scale]]
    found += [Parameters(m, k, TOLERANCE) for k in CLOSED_FROM for m in TOLERANCE_SIZES[scale] if m >= 8 * k]
    return (*found, *(Parameters(m, k, SAMPLED) for m, k in SAMPLED_CASES[scale]))


def figure(result: "StatementResult") -> "list[Drawing]":
    """The warm start's error and the tolerance over m; see ``lemmas.fsr.chain_figure``."""
    from lemmas.fsr.chain_figure import draw  # matplotlib is needed for the report only

    return draw(result)


def one(parameters: Parameters) -> float:
    """The shape of a bound that is its constant."""
    return 1.0


def accuracy(parameters: Parameters) -> float:
    """delta m^0.02."""
    return allowed(parameters.tilt(parameters.start_error))


def where(task: str, cutoff: str = BEST, start_constant: float = 0.0) -> Selection:
    """The cases of one of the crossings."""
    return Selection({"task": task, "cutoff": cutoff, "start_constant": start_constant})


def closed(name: str, text: str, selection: Selection) -> Bound:
    """The codes are accurate enough, in every round that is looked at."""
    return Bound(name, text, "all_rounds", "one", one, where=selection)


def is_open(name: str, text: str, selection: Selection) -> Bound:
    """The codes are not accurate enough in the first round."""
    return Bound(name, text, "first_round", "one", one, upper=False, where=selection)


FROM_WARM_START = r"from $\delta_{A.1}$, a tenth and a hundredth of it"
CLAIMS: tuple[Claim, ...] = (
    closed(
        "closed",
        rf"codes learned to $\delta m^{{0.02}}$ with $b$ one of $1/2, 1/4, 1/8, 1/16$, {FROM_WARM_START}: from "
        r"$m = 18, 64, 144$ on at $k = 1, 2, 3$",
        where(CLOSES),
    ),
    is_open("open", r"and at none of these $b$ at $m = 16, 56, 128$", where(OPEN)),
    closed(
        "closed from samples",
        r"the same with $\delta_{A.1} = 0.8604\, k m^{-1/2}$: from $m = 40, 144, 336$ on",
        where(CLOSES, start_constant=FITTED_START),
    ),
    is_open(
        "open from samples", r"and at none of these $b$ at $m = 32, 128, 312$", where(OPEN, start_constant=FITTED_START)
    ),
    closed(
        "closed with the printed cutoff",
        r"in the first round with $b = \delta m^{0.02}$: at $m = 832, 1856, 3520$",
        where(CLOSES, PRINTED),
    ),
    is_open("open with the printed cutoff", r"but not at $m = 768, 1728, 3264$", where(OPEN, PRINTED)),
    Bound(
        "next round",
        r"where it closes, Algorithm 1 brings the columns' error to at most $\delta/2$",
        "gain",
        "half",
        one,
        where=Selection({"task": CLOSES}),
    ),
    Bound(
        "pairs",
        r"where it closes, D5 leaves every pair's moment within $\delta m^{0.02}$ of the target's",
        "pair_gap",
        "one",
        accuracy,
        where=Selection({"task": CLOSES}),
    ),
    Bound(
        "floor of D5",
        r"at $m = 144$, $k = 3$ even the correlation $-1/(m - 1)$ leaves the pairs' moments 3 % too large",
        "pair_gap",
        "floor",
        one,
        upper=False,
        where=Selection({"task": CLOSES, "num_channels": 144, "expected_active": 3.0}),
    ),
    *(
        Bound(
            f"sampled {name}",
            rf"the closed form of {what} is within ${percent}\,\%$ of plain Monte Carlo, target and learner",
            name,
            f"sampled_{name}",
            one,
            where=Selection({"task": SAMPLED}),
        )
        for name, what, percent in (
            ("mean", r"$E (s - 2b)_+$", 8),
            ("rate", r"$\Pr[s > b]$", 8),
            ("pair", r"$E (s_p - b)_+ (s_q - b)_+$", 25),
        )
    ),
)

AT_CROSSING = {"task": CLOSES, "cutoff": BEST, "start_constant": 0.0, "num_channels": 64}
CONTROLS = (
    Control("printed cutoff", r"$b = \delta m^{0.02}$", "closed", {"cutoff": PRINTED}, AT_CROSSING, trials=8),
    Control("kappa = 3", r"$b = 3 \delta$", "closed", {"cutoff": THREE}, AT_CROSSING, trials=8),
    Control(
        "twice as coarse",
        r"$\delta = 2 \delta_{A.1}$ at the start",
        "closed",
        {"coarseness": 2.0},
        AT_CROSSING,
        trials=8,
    ),
    Control(
        "no gap to close",
        r"a tenth of $\delta_{A.1}$ at the start, below the crossing",
        "open",
        {"coarseness": 0.1},
        {**AT_CROSSING, "task": OPEN, "num_channels": 56},
        trials=8,
    ),
)

STATEMENT = Statement(
    id="fsr.chain",
    label="Chain A.1 → C.10 → B.2",
    kind=Kind.REMARK,
    title="From which size on the chain closes",
    printed=r"Induction C.1 ($\delta \le m_1^{-0.1}$, $b = \delta m_1^{0.02}$) may come from the warm start, Lemma A.1; Lemmas "
    r"C.6 and C.10 learn the codes to $b\,\mathrm{poly}(k_1)$, which Lemma B.2 presupposes. No size is named.",
    checkable=r"channels alike, columns tilted as Algorithm 5 leaves them, exact minimisation, $\mathrm{poly}(k) = 1$: with some "
    r"$b \le 1/2$ the codes' relative errors are at most $\delta m^{0.02}$ for $\delta = \delta_{A.1}$ and below, and Algorithm 1 "
    r"then halves $\delta$: from $m = 18, 64, 144$ on for $k = 1, 2, 3$",
    source="section C, l.1036-1045, 1163-1187 and 1481-1493; section B, l.986-988; l.615-623",
    evidence="closed forms for channels alike, up to a million; Monte Carlo at m = 16..64",
    claims=CLAIMS,
    controls=CONTROLS,
    expected=Verdict.SUPPORTED,
    parameters=Parameters,
    cases={"quick": cases("quick"), "standard": cases("standard")},
    trials={"quick": 1, "standard": 3},
    run=run,
    constants=(
        Constant("one", 1.0, Provenance.CHOSEN, "poly(k) = 1 in Lemmas C.6, C.10 and B.2"),
        Constant("half", 0.5, Provenance.CHOSEN, "a contraction that no m^0.02 could feign"),
        Constant("floor", 0.03, Provenance.CHOSEN, "of the log of the ratio; far above the lattice's error of 1e-4"),
        *(
            Constant(f"sampled_{name}", limit, Provenance.CHOSEN, "about ten standard errors of a trial")
            for name, limit in (("mean", 0.08), ("rate", 0.08), ("pair", 0.25))
        ),
    ),
    departures=(
        "Every poly(k) is 1, and the cutoff b of Algorithm 2 is the largest of 1/2, 1/4, 1/8, 1/16 with which the codes are "
        "accurate enough.",
        "All columns are off in the direction that Algorithm 5 leaves on the population; other directions and finite samples "
        "are not covered.",
        "D4, D5 and Algorithm 1 are minimised exactly, without smoothing.",
    ),
    figure=figure,
    requires=("fsr.A.1", "fsr.C.6", "fsr.C.10", "fsr.B.2"),
)
