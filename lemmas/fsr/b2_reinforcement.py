r"""Induction B.1 and Lemma B.2: how much one run of Algorithm 1 improves the dictionary, in powers of m.

Setting: delta bounds the error of every column when Algorithm 1 starts; b = lambda delta and bb = kappa b are the cutoffs
of the hidden and of the output layer, n the number of active channels, sigma_min that of Assumption 2.3.

Statement (as printed, section B, l.815-821; section 5, l.489-491): Induction B.1: delta in (0, m^-0.49], b = delta m^0.02,
bb = b m^0.152. Lemma B.2: after Algorithm 1, ||W_r - W*_r|| <= m^0.152 bb^2 <= m^-0.02 delta.

Checkable form: with lambda = m^0.007, kappa = m^0.152 and n = m^0.0005, every link of the proof holds for every
delta <= m^-0.49, and ends at ||W_r - W*_r|| <= m^0.152 (bb^2 + bb / sqrt(m)) <= m^-0.02 delta. Other repairs: the printed
b = delta m^0.02 with sigma_min >= m^-1.14 and kappa = m^0.142; or the printed b, kappa and sigma_min, n = m^0.0005, and
delta < m^-0.515 by the proof's own m^0.151 bb^2 (m^-0.516 with the printed m^0.152; m^-0.495 if the error is only to
shrink).

What fails as printed: m^0.152 bb^2 = delta^2 m^0.496, so the second inequality needs delta <= m^-0.516, which neither
Induction B.1 (m^-0.49: slack -0.026) nor Lemma A.1 (m^-0.5: slack -0.016) provides; the proof's own m^0.151 bb^2 grows from
m^-0.49 to m^-0.485 and shrinks from m^-0.5 by m^-0.005 only. The first inequality drops the term m^0.151 bb / sqrt(m),
which is the larger one below delta = m^-0.673. And one link of Claim B.6 fails (see there). With b set anew from the
current delta the alternation from m^-0.5 still converges: m^-0.505, m^-0.515, m^-0.535, ..., then by m^-0.177 a round.

Measured: see ``b2_output_layer`` (Lemma B.2) and ``b1_rounds`` (Induction B.1).
Controls: the printed exponents; lambda 1/1000 beyond its slack; sigma_min = m^-1.15 with the cutoffs of the second
repair; an alternation that starts 1/1000 too high; epsilon_2 of Assumption 2.2 1/1000 beyond its slack.
Departures from the paper: poly(k) is m^o(1), so that a link that has one needs a slack above 0.
Source: section B, l.813-1036; Appendix A, l.785-810.
"""

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from fsrcheck.evidence.alternation import Alternation
from fsrcheck.evidence.exponents import ExponentChain, Link
from fsrcheck.evidence.monomials import m_to, quantity
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.gaussian import inverse_tail, relu_mean, truncated_moment
from fsrcheck.statement import Control, Counterexample, Defect, Erratum, Kind, Statement
from lemmas.fsr.b1_rounds import with_rounds
from lemmas.fsr.b2_output_layer import with_runs
from lemmas.fsr.b_exponents import (
    ACTIVE,
    CONTRACTION,
    DELTA,
    LAMBDA,
    PAPER_ROUND,
    PRINTED,
    REPAIRED,
    SIGMA_MIN,
    WIDEST_START,
    Round,
    Values,
    decoding_links,
    drift_link,
    moment_links,
    outcome_links,
    reinforcement_links,
)

if TYPE_CHECKING:
    from fsrcheck.report.figures import Drawing

TRIPLES, GAP, WARM_ERROR = quantity("epsilon_2"), m_to(-1), m_to("-1.009")

WARM = ExponentChain(
    "warm start",
    r"Claims A.4-A.6 give Lemma A.1, whose $m^{-1/2}$ Induction B.1 accepts",
    (
        Link(r"$\varepsilon_1 \sqrt{m}$ in Claim A.4", "l.788", m_to("-1.5"), WARM_ERROR, True),
        Link(r"$\varepsilon_2 m$ in Claim A.4", "l.788", TRIPLES * m_to(1), WARM_ERROR, True),
        Link(r"$\delta/m$ in Claim A.4, $\delta = m^{-1/2}$", "l.788", DELTA * m_to(-1), WARM_ERROR, True),
        Link("Claim A.4 may be used again", "l.669", DELTA, m_to("-0.005"), True),
        Link("Wedin: error over gap", "l.799", WARM_ERROR / GAP, m_to("-0.008"), True),
        Link("Claim A.6 may be used", "l.758", m_to("-0.008"), m_to("-0.005")),
        Link(r"Claim A.6: $m^{-3/2}$ over $\alpha$", "l.809", m_to("-1.5") / GAP, DELTA),
        Link(r"$m$ columns, each found with probability $m^{-2}$", "l.619", m_to(1) * m_to(2), m_to(3)),
        Link("Induction B.1", "l.815", DELTA, WIDEST_START, True),
    ),
    {"delta": "-0.5", "epsilon_2": "-2.01"},
)

KEPT = ExponentChain(
    "reproduced",
    r"with $b = \delta m^{0.007}$ and $n = m^{0.0005}$ the cutoffs are usable and Induction B.1 holds again after the "
    r"round",
    (
        *decoding_links(PAPER_ROUND),
        drift_link(PAPER_ROUND),
        Link(r"$\mathbb{b} < m^{-0.2}$", "l.969", PAPER_ROUND.output_cutoff, m_to("-0.2")),
        *moment_links(PAPER_ROUND)[:2],
        *outcome_links(PAPER_ROUND, DELTA),
    ),
    REPAIRED,
)


def draw_induction(result: Any) -> "list[Drawing]":
    """Error by round, then the standard plots."""
    from fsrcheck.report.scaling_plot import standard_drawings  # matplotlib is needed for the report only
    from lemmas.fsr.b1_figure import draw_rounds

    return [*draw_rounds(result), *standard_drawings(result)]


INDUCTION = Statement(
    id="fsr.B.1",
    label="Induction B.1",
    kind=Kind.INDUCTION,
    title="Error and cutoffs at the start of Algorithm 1",
    printed=r"at the beginning of Algorithm 1 there is $\delta \in (0, m^{-0.49}]$ with $\|W^\star_p - W_p\|_2 \le "
    r"\delta$ for all "
    r"$p$; $b = \delta m^{0.02}$ and $\mathbb{b} = b\, m^{0.152}$; Lemma C.10 or D.2 holds, so that "
    r"$\|\mathrm{ReLU}(S)\|_0 \le m^{0.01}$",
    checkable=r"the same with $b = \delta m^{0.007}$ and $\|\mathrm{ReLU}(S)\|_0 \le m^{0.0005}$: Lemma A.1 provides "
    r"it, the cutoffs "
    "are usable, and the proof of Lemma B.2 gives it back",
    source="section B, l.815-817; Appendix A, l.785-810",
    evidence="exact arithmetic of exponents; measured round after round on the population oracle",
    claims=(WARM, KEPT),
    controls=(
        Control(
            "triples",
            r"$\varepsilon_2$ of Assumption 2.2 1/1000 beyond its slack",
            "warm start",
            altered_claim=WARM.beyond("epsilon_2"),
        ),
        Control("printed", "the printed exponents", "reproduced", altered_claim=replace(KEPT, values=PRINTED)),
        Control("cutoff", "b 1/1000 beyond its slack", "reproduced", altered_claim=KEPT.beyond("lambda")),
    ),
    errata=(
        Erratum(
            Defect.PROOF_GAP,
            r"The same defect as in the second inequality of Lemma B.2: with the printed cutoffs the induction does not "
            r"reproduce itself: from $\delta = m^{-0.49}$ the bound "
            r"at the end of "
            r"the proof of Lemma B.2 is $m^{-0.485}$.",
            r"l.1034: $m^{0.151} \mathbb{b}^2 = \delta^2 m^{0.495}$ is at most $\delta$ for $\delta \le m^{-0.495}$ "
            r"only",
            r"$\delta < m^{-0.495}$, or $b = \delta m^{0.007}$",
            lambda: exponents(
                r"$\delta = m^{-0.49}$, exponents of $\delta$ and of $m^{0.151} \mathbb{b}^2$", "-0.49", 0
            ),
        ),
    ),
    expected=Verdict.PROVED,
    figure=draw_induction,
    requires=("fsr.A.1",),
)


def exponents(point: str, delta: str, term: int) -> Counterexample:
    """The exponent of delta against that of one term at the end of the proof, everything else as printed."""
    values = {**PRINTED, "delta": delta}
    before, after = DELTA.exponent(values), PAPER_ROUND.terms[term].exponent(values)
    return Counterexample(point, float(before), float(after), after > before)


WANTED = DELTA * CONTRACTION
CHAIN = ExponentChain(
    "bound",
    r"with $b = \delta m^{0.007}$ and $n = m^{0.0005}$: $m^{0.152} (\mathbb{b}^2 + \mathbb{b}/\sqrt{m}) \le m^{-0.02} "
    r"\delta$ for every "
    r"$\delta \le m^{-0.49}$",
    (
        Link("Induction B.1", "l.815", DELTA, WIDEST_START),
        *reinforcement_links(PAPER_ROUND, WANTED),
        Link("the printed bound", "l.821", m_to("0.152") * PAPER_ROUND.output_cutoff**2, WANTED),
        Link("and its second term", "l.1034", m_to("-0.348") * PAPER_ROUND.output_cutoff, WANTED),
    ),
    REPAIRED,
)

TIGHTER = Round(output_cutoff=DELTA * LAMBDA * m_to("0.002") / (SIGMA_MIN * m_to(1)))
BETTER_CONDITIONED = ExponentChain(
    "well conditioned",
    r"with the printed $b = \delta m^{0.02}$, $\sigma_{\min} \ge m^{-1.14}$, $\mathbb{b} = b\, m^{0.002}/(m "
    r"\sigma_{\min})$, "
    r"$n = m^{0.0005}$: the error falls by $m^{-0.02}$ from every $\delta \le m^{-0.49}$",
    (Link("Induction B.1", "l.815", DELTA, WIDEST_START), *reinforcement_links(TIGHTER, WANTED)),
    {**PRINTED, "n": "0.0005", "sigma_min": "-1.14"},
)


def alternation(start: str, values: Values) -> Alternation:
    """Rounds with b set anew from the current delta; the terms are those at the end of the proof."""
    return Alternation(
        "alternation",
        r"with the printed exponents but $n = m^{0.0005}$, $b$ set anew from the current $\delta$, the error falls in "
        r"every "
        r"round from $m^{-0.5}$ to $m^{-20}$",
        "delta",
        start,
        -20,
        PAPER_ROUND.terms,
        (*decoding_links(PAPER_ROUND), drift_link(PAPER_ROUND)),
        values,
        max_rounds=200,
    )


FINITELY_SPARSE = {**PRINTED, "n": "0.0005"}
ALTERNATION = alternation("-0.5", FINITELY_SPARSE)


def second_inequality(num_channels: float = 1e4, delta_exponent: float = -0.49) -> Counterexample:
    """m^0.152 bb^2 <= m^-0.02 delta at the largest delta of Induction B.1, where it fails for every m > 1."""
    delta = num_channels**delta_exponent
    bound = num_channels**0.152 * (delta * num_channels**0.172) ** 2
    wanted = num_channels**-0.02 * delta
    return Counterexample(r"$m = 10^4$, $\delta = m^{-0.49}$: $m^{0.152} \mathbb{b}^2$", wanted, bound, bound > wanted)


def dropped_term() -> Counterexample:
    """At delta = m^-0.7 the term that the first inequality drops is larger than the printed bound."""
    values = {**PRINTED, "delta": "-0.7"}
    printed = (m_to("0.152") * PAPER_ROUND.output_cutoff**2).exponent(values)
    dropped = PAPER_ROUND.terms[1].exponent(values)
    return Counterexample(
        r"$\delta = m^{-0.7}$, exponents of $m^{0.152} \mathbb{b}^2$ and of $m^{0.151} \mathbb{b}/\sqrt{m}$",
        float(printed),
        float(dropped),
        dropped > printed,
    )


def boundary_term(cutoff: float = 0.3, firing: float = 1 / 64, step: float = 1e-4) -> Counterexample:
    """The derivative of R(w) = E[1{w S > bb} w S] at w = 1 against that of the proof's g_t, whose indicator is frozen.

    One channel S = alpha (g - t)_+ with Pr[S > 0] = ``firing`` and E[S | S > 0] = 1; W^D = 1.
    """
    threshold = inverse_tail(firing)
    scale = firing / relu_mean(threshold)

    def moment(w: float, limit: float) -> float:
        return w * float(scale * truncated_moment(threshold, threshold + limit / scale, 1))

    frozen = moment(1.0, cutoff)
    whole = (moment(1 + step, cutoff / (1 + step)) - moment(1 - step, cutoff / (1 - step))) / (2 * step)
    point = r"one channel, $\Pr[S > 0] = 1/64$, $\mathbb{b} = 0.3$: derivatives of the frozen and of the true moment"
    return Counterexample(point, frozen, whole, abs(whole / frozen - 1) > 100 * step)


def gain(found: Round, values: Values, delta: Fraction) -> float:
    """The exponent of after / before for one round, from the larger term at the end of the proof."""
    at = {**values, "delta": delta}
    return float(max(term.exponent(at) for term in found.terms) - delta)


def draw(result: Any) -> "list[Drawing]":
    """What was measured, beside it what the proof gains, then the standard plots."""
    from fsrcheck.report.scaling_plot import standard_drawings  # matplotlib is needed for the report only
    from lemmas.fsr.b2_figure import measured_drawings

    return [*measured_drawings(result), draw_exponents(), *standard_drawings(result)]


def draw_exponents() -> "Drawing":
    """The gain of a round as printed and under both repairs, as exact exponents."""
    from lemmas.fsr.exponent_figures import draw_gains  # matplotlib is needed for the report only

    errors = [Fraction(-step, 200) for step in range(80, 181)]
    kinds = {
        "as printed": (PAPER_ROUND, PRINTED),
        "b = error times m^0.007": (PAPER_ROUND, REPAIRED),
        "smallest singular value m^-1.14": (TIGHTER, BETTER_CONDITIONED.values),
    }
    gains = {name: [gain(*kind, delta) for delta in errors] for name, kind in kinds.items()}
    return draw_gains([float(delta) for delta in errors], gains)


LEMMA = Statement(
    id="fsr.B.2",
    label="Lemma B.2",
    kind=Kind.LEMMA,
    title="Algorithm 1 reinforces the output layer",
    printed=r"under Induction B.1, after Algorithm 1: $\|W_r - W^\star_r\|_2 \le m^{0.152} \mathbb{b}^2 \le m^{-0.02} "
    r"\delta$ for every $r$",
    checkable=r"with $b = \delta m^{0.007}$, $\mathbb{b} = b\, m^{0.152}$ and at most $m^{0.0005}$ active channels "
    r"the proof's bound "
    r"$m^{0.152} (\mathbb{b}^2 + \mathbb{b}/\sqrt{m})$ is at most $m^{-0.02} \delta$ for every $\delta \le m^{-0.49}$",
    source="section B, l.819-821, l.986-1036; section 5, l.489-491",
    evidence="exact arithmetic of exponents; measured on the population oracle and on fresh samples",
    claims=(CHAIN, BETTER_CONDITIONED, ALTERNATION),
    controls=(
        Control("printed", "the printed exponents", "bound", altered_claim=replace(CHAIN, values=PRINTED)),
        Control("cutoff", "b 1/1000 beyond its slack", "bound", altered_claim=CHAIN.beyond("lambda")),
        Control(
            "conditioning",
            r"$\sigma_{\min} = m^{-1.15}$ with the cutoffs of the second repair",
            "well conditioned",
            altered_claim=BETTER_CONDITIONED.with_values(sigma_min="-1.15"),
        ),
        Control(
            "start",
            r"a start 1/1000 above $m^{-0.495}$",
            "alternation",
            altered_claim=alternation("-0.494", FINITELY_SPARSE),
        ),
        Control(
            "sparsity",
            "the printed number of active channels",
            "alternation",
            altered_claim=alternation("-0.5", {**FINITELY_SPARSE, ACTIVE.text(): "0.01"}),
        ),
    ),
    errata=(
        Erratum(
            Defect.FALSE_STATEMENT,
            r"The second inequality, $m^{0.152} \mathbb{b}^2 = \delta^2 m^{0.496} \le m^{-0.02} \delta$, needs "
            r"$\delta \le m^{-0.516}$, but "
            r"Induction B.1 allows $m^{-0.49}$ (slack $-0.026$) and Lemma A.1 provides $m^{-0.5}$ (slack $-0.016$).",
            r"l.821, l.1034; the bound grows from $m^{-0.49}$ to $m^{-0.485}$ and falls from $m^{-0.5}$ by "
            r"$m^{-0.005}$ only",
            r"$b = \delta m^{0.007}$ instead of $\delta m^{0.02}$ (with $n = m^{0.0005}$); or $\sigma_{\min} \ge "
            r"m^{-1.14}$ with "
            r"$\mathbb{b} = b\, m^{0.142}$; or $\delta < m^{-0.516}$ (for the bound of l.1034, with $m^{0.151}$ for the printed "
            r"$m^{0.152}$, $\delta < m^{-0.515}$)",
            second_inequality,
        ),
        Erratum(
            Defect.PROOF_GAP,
            r"The first inequality, $\ldots \le m^{0.152} \mathbb{b}^2$, drops the term $m^{0.151} "
            r"\mathbb{b}/\sqrt{m}$ of the proof, which is "
            r"the larger one for $\delta \le m^{-0.673}$.",
            r"l.1034: $\mathbb{b}/\sqrt{m}$ is below $m^{0.001} \mathbb{b}^2$ only if $\mathbb{b} > m^{-0.501}$",
            r"$\|W_r - W^\star_r\|_2 \le m^{0.152} (\mathbb{b}^2 + \mathbb{b}/\sqrt{m})$, so from there on by "
            r"$m^{-0.176}$ a round ($m^{-0.177}$ with the $m^{0.151}$ of l.1034)",
            dropped_term,
        ),
        Erratum(
            Defect.PROOF_GAP,
            r"The gradient of the objective is not that of $g_t$: the indicator $s_r > \mathbb{b}$ moves with $W$, which adds a "
            r"boundary term of relative order $\mathbb{b}^2$.",
            r"l.1016-1018: $\nabla \mathrm{Obj} = \nabla g_t$ is called obvious",
            r"the gradient that Algorithm 6 takes sample by sample, where $\mathrm{ReLU}'' = 0$ almost everywhere, is "
            r"$\nabla g_t$; but it is then no descent of the objective, and the condition of Claim B.9, an objective of at "
            "most a constant times the initial one, needs an argument",
            boundary_term,
        ),
        Erratum(
            Defect.CONVERSION_SLIP,
            r"The lemma in section 5 calls Algorithm 1 with $b = \delta m^{0.172}$; that is $\mathbb{b}$, and its "
            r"input is $b = \delta m^{0.02}$.",
            r"section 5, l.489",
            r"$b = \delta m^{0.02}$, $\mathbb{b} = \delta m^{0.172}$ (as in Algorithm 1, line 1)",
        ),
    ),
    expected=Verdict.REPAIRED,
    figure=draw,
    requires=("fsr.B.1", "fsr.B.6", "fsr.B.7", "fsr.B.8", "fsr.B.9"),
)

STATEMENTS = (with_rounds(INDUCTION), with_runs(LEMMA))
