r"""Claims B.6, B.7, B.9 and Fact B.8: from the moments of Algorithm 1 to the dictionary and back, in powers of m.

Setting: R_p and R*_p are the truncated moments (B.3), theta_p the ratio of the means of a channel,
mu'_pq = E[1{s*_p > bb} S*_q]; the other quantities as in ``b_exponents``.

Statement (as printed, section B.1-B.2, l.879-1008). B.6: under Induction B.1 and Invariant B.3, theta_p = 1 +- b poly(k)
and ||R*_p - R_p|| = ||sum_q mu'_pq (W*_q - theta_q W_q)|| +- eps_4, eps_4 = bb^2 poly(k)/m + bb poly(k)/m^1.5.
B.7: if ||R*_p - R_p|| <= eps_5 for all p, eps_4 < eps_5 < m^-0.99, then ||W*_p - theta_p W_p|| <= poly(k) m^1.15 eps_5.
B.8: at the start ||R*_p - R_p|| <= b poly(k)/m, and the objective is at most m (b poly(k)/m)^(1+1/c).
B.9: as long as the objective is at most a constant times that, ||W*_p - W_p|| <= b poly(k) m^0.151.

Checkable form: the exponent of every step, with n = m^0.0005 active channels instead of m^0.01 in B.6; and for B.9 that the
largest of m equal sums bounds each part up to m^(c/(1+c)), c/(1+c) = 1/1001 <= 0.001.

Two links of B.6 fail as printed. l.907 claims s_p = S_p +- b m^0.151 poly(k); with n active columns, each off by the
drift b m^0.151 of Invariant B.3, it is b m^0.151 n, at n = m^0.01 more than bb = b m^0.152 (slack -0.009). Claim C.5 can
give any n = m^a, a > 0, and a < 0.001 is enough (for higher levels Invariant D.4a has n = O(k)). l.927 uses
||W_p - W*_p|| <= delta, although W_p has moved by the drift, and delta m <= sqrt(m), which fails at delta = m^-0.49; with
the drift the sum is drift * bb/m <= bb^2/m, which is within eps_4 all the same.

Measured: at every step of the runs of ``b_along_runs``, with explicit constants in the place of poly(k).
Controls: those of ``b_along_runs``; the printed exponents in B.6; one exponent 1/1000 beyond its slack; 1 + 1/c replaced by 1 + c.
Departures from the paper: none. Source: section B.1-B.2, l.879-1008.
"""

from dataclasses import replace
from fractions import Fraction

import sympy
import torch

from fsrcheck.evidence.exponents import ExponentChain, Link
from fsrcheck.evidence.monomials import m_to
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.symbolic import SymbolicIdentity
from fsrcheck.statement import Control, Counterexample, Defect, Erratum, Kind, Statement
from lemmas.fsr.b_along_runs import with_runs
from lemmas.fsr.b_exponents import (
    PAPER_ROUND,
    PRINTED,
    REPAIRED,
    SIGMA_MIN,
    invariant_links,
    inversion_links,
    moment_links,
    start_links,
)

EVIDENCE = "exact arithmetic of exponents; measured at every step of runs on the population oracle"
SIZE, PART, POWER = sympy.symbols("m x c", positive=True)


def crowded_decoding(active: int = 8, drift: float = 0.01) -> Counterexample:
    """All active columns lean towards one target column by the drift of Invariant B.3: its code is off by n drifts."""
    atoms = torch.eye(active + 1, dtype=torch.float64)
    moved = atoms.clone()
    moved[0, 1:] += drift
    codes = torch.ones(active + 1, dtype=torch.float64)
    codes[0] = 0.0
    decoded = float((atoms.T @ moved @ codes)[0])
    point = rf"$W_q = W^\star_q + {drift} W^\star_r$, $n = {active}$ active channels with code 1, $W^D = W^\star$: $|s_r - S_r|$"
    return Counterexample(point, drift, decoded, decoded > drift)


def drifting_sum(num_channels: float = 1e6) -> Counterexample:
    """The remainder of the sum in step 1, delta m, against sqrt(m), at the largest delta of Induction B.1."""
    remainder, allowed = num_channels ** (1 - 0.49), num_channels**0.5
    point = r"$m = 10^6$, $\delta = m^{-0.49}$: $\delta m$ against $\sqrt{m}$"
    return Counterexample(point, allowed, remainder, remainder > allowed)


MOMENTS = ExponentChain(
    "moments",
    r"every error of a moment is at most $\mathbb{b}^2/m$ or $\mathbb{b}/m^{1.5}$, with $n = m^{0.0005}$",
    moment_links(PAPER_ROUND),
    {**PRINTED, "n": "0.0005"},
)

CLAIM_6 = Statement(
    id="fsr.B.6",
    label="Claim B.6",
    kind=Kind.CLAIM,
    title="Moments against the dictionary",
    printed=r"under Induction B.1 and Invariant B.3: $\theta_p = 1 \pm b\, \mathrm{poly}(k)$ and $\|R^\star_p - "
    r"R_p\|_2 = \|\sum_q \mu'_{pq} "
    r"(W^\star_q - \theta_q W_q)\|_2 \pm \varepsilon_4$, $\varepsilon_4 = \frac{\mathbb{b}^2 \mathrm{poly}(k)}{m} + "
    r"\frac{\mathbb{b}\, \mathrm{poly}(k)}{m^{1.5}}$",
    checkable=r"every step of the proof in powers of $m$, with at most $n = m^{0.0005}$ active channels ($n < "
    r"m^{0.001}$ is needed)",
    source="section B.1, l.879-927",
    evidence=EVIDENCE,
    claims=(MOMENTS,),
    controls=(
        Control(
            "printed",
            r"the printed $n = m^{0.01}$",
            "moments",
            altered_claim=replace(MOMENTS, values=PRINTED),
        ),
        Control(
            "cutoff",
            r"$\mathbb{b}/b$ 1/1000 below its slack",
            "moments",
            altered_claim=MOMENTS.with_values(kappa="0.1505"),
        ),
    ),
    errata=(
        Erratum(
            Defect.PROOF_GAP,
            r"At level 1 (for higher levels Invariant D.4a, l.2407, gives $n = O(k)$) "
            r"decoding with the moving dictionary loses a factor $n = m^{0.01}$: $|s_p - S_p|$ can be $b m^{0.161}$, "
            r"more than "
            r"$\mathbb{b} = b m^{0.152}$ (slack $-0.009$).",
            r"l.907: $s_p = S_p \pm b m^{0.151} \mathrm{poly}(k)$ does not follow from Invariant B.3 and "
            r"$\|\mathrm{ReLU}(S)\|_0 \le m^{0.01}$",
            r"at most $m^a$ active channels with $a < 0.001$, which Claim C.5 also gives (chunks of size $c\, "
            r"m^{1-a}$); or "
            r"$\mathbb{b} > b\, m^{0.161}$, with which however Lemma B.2 no longer contracts from Lemma A.1's "
            r"$m^{-1/2}$ (for $b = \delta m^{0.02}$ it would need $\delta < m^{-0.513}$)",
            crowded_decoding,
        ),
        Erratum(
            Defect.PROOF_GAP,
            r"Step 1 uses $\|W_p - W^\star_p\|_2 \le \delta$ and $\delta m \le \sqrt{m}$, but $W_p$ has moved by up "
            r"to $b m^{0.151}$ (slack $-0.181$ "
            r"at $\delta = m^{-0.49}$), and $\delta$ itself may be $m^{-0.49}$ (slack $-0.01$). Harmless: see the repair.",
            r"l.927: $O(\sqrt{m}) + O(\delta m)$ is not $O(\sqrt{m})$",
            r"the remainder is $b m^{0.151} \cdot \mathbb{b}/m \le \mathbb{b}^2/m$, already in $\varepsilon_4$",
            drifting_sum,
        ),
    ),
    expected=Verdict.PROVED,
    requires=("fsr.B.5",),
)

INVERSION = ExponentChain(
    "inversion",
    r"$\mu'$ is as well conditioned as $\mu$, and an error $\varepsilon_5$ of every moment becomes $m^{1.15} "
    r"\varepsilon_5$ in every column",
    (
        *inversion_links(PAPER_ROUND),
        Link("the printed gain", "l.937", SIGMA_MIN**-1, m_to("1.15")),
    ),
    PRINTED,
)

CLAIM_7 = Statement(
    id="fsr.B.7",
    label="Claim B.7",
    kind=Kind.CLAIM,
    title="From the moments to the dictionary",
    printed=r"if $\|R^\star_p - R_p\|_2 \le \varepsilon_5$ for all $p$, $\varepsilon_4 < \varepsilon_5 < m^{-0.99}$, "
    r"then $\|W^\star_p - \theta_p W_p\|_2, "
    r"\|W^\star_p - W_p/\|W_p\|\|_2 \le O(\mathrm{poly}(k) m^{1.15} \varepsilon_5)$",
    checkable=r"every step in powers of $m$: $\|\Lambda\|, \|\Delta\| \ll \sigma_{\min}(\mu)$ and the gain is "
    r"$\max(m, 1/\sigma_{\min}) = m^{1.15}$",
    source="section B.1, l.931-984",
    evidence=EVIDENCE,
    claims=(INVERSION,),
    controls=(
        Control(
            "conditioning",
            r"$\sigma_{\min}$ 1/1000 below its slack",
            "inversion",
            altered_claim=INVERSION.with_values(sigma_min=Fraction(-1151, 1000)),
        ),
        Control(
            "cutoff",
            r"$\mathbb{b}$ too large for $\Delta$: $\delta$ 1/1000 beyond its slack",
            "inversion",
            altered_claim=INVERSION.beyond("delta"),
        ),
    ),
    errata=(
        Erratum(
            Defect.MISPRINT,
            r"The bound of $|\mu_{pq} - \mu'_{pq}|$ passes through $E[\mathbf{1}_{|S^\star_p| \le 2 \mathbb{b}} "
            r"S^\star_q]$, which is of order $1/m$, not "
            r"$\mathbb{b}/m^2$: it counts the samples on which channel $p$ is off.",
            r"l.955, inequality 2",
            r"$E[\mathbf{1}_{0 < S^\star_p \le 2 \mathbb{b}} S^\star_q]$, which is $\mathbb{b}\, "
            r"\mathrm{poly}(k)/m^2$ by Assumption 2.3",
        ),
    ),
    expected=Verdict.PROVED,
    requires=("fsr.2.3", "fsr.B.6"),
)

START = ExponentChain(
    "start", r"$\|R^\star_p - R_p\|_2 \le b\, \mathrm{poly}(k)/m$ at the start", start_links(PAPER_ROUND), PRINTED
)

FACT_8 = Statement(
    id="fsr.B.8",
    label="Fact B.8",
    kind=Kind.FACT,
    title="Moments at the start of Algorithm 1",
    printed=r"at initialization $\|R^\star_p - R_p\|_2 \le b\, \mathrm{poly}(k)/m$ for all $p$, hence $\mathrm{Obj} "
    r"\le O(1) \cdot m \cdot "
    r"(b\, \mathrm{poly}(k)/m)^{1 + 1/c}$",
    checkable=r"every step in powers of $m$: $\mu'_{pp} \delta$, $\sum_q \mu'_{pq} b$ and both terms of "
    r"$\varepsilon_4$ are at most $b/m$",
    source="section B.2, l.986-1000",
    evidence=EVIDENCE,
    claims=(START,),
    controls=(
        Control("cutoff", r"$\mathbb{b}/b$ 1/1000 beyond its slack", "start", altered_claim=START.beyond("kappa")),
        Control("scale", r"b 1/1000 below $\delta$", "start", altered_claim=START.with_values(**{"lambda": "-0.001"})),
    ),
    errata=(
        Erratum(
            Defect.CONVERSION_SLIP,
            r"The start condition and the sum read $[W]_p - [W]_p$, which is 0.",
            "l.990, l.994, l.996: the star of the first matrix is missing",
            r"$\|W^\star_p - W_p\|_2 \le \delta$",
        ),
    ),
    expected=Verdict.PROVED,
    requires=("fsr.B.6",),
)


def largest_part(exponent: sympy.Expr = 1 + 1 / POWER) -> list[sympy.Expr]:
    """(m x^(1+1/c))^(1/(1+1/c)) = m^(c/(1+c)) x; another exponent of the objective for the control."""
    found = (SIZE * PART**exponent) ** (1 / exponent) / (SIZE ** (POWER / (1 + POWER)) * PART)
    return [sympy.simplify(sympy.expand_power_base(sympy.expand_log(sympy.log(found), force=True), force=True))]


INVARIANT = ExponentChain(
    "drift",
    r"Claim B.7 of $m^{c/(1+c)} b/m$ is the drift $b m^{0.151}$ of Invariant B.3",
    invariant_links(PAPER_ROUND),
    REPAIRED,
)

LOWERED = tuple(replace(link, larger=link.larger * m_to("-0.001")) for link in INVARIANT.links)

CLAIM_9 = Statement(
    id="fsr.B.9",
    label="Claim B.9",
    kind=Kind.CLAIM,
    title="Invariant B.3 is maintained",
    printed=r"as long as $\mathrm{Obj}(W)$ does not exceed a constant multiple of the initialization, $\|W^\star_p - "
    r"W_p\|_2 \le b\, "
    r"\mathrm{poly}(k) m^{0.151}$: Invariant B.3 is maintained",
    checkable=r"a sum $m x^{1+1/c}$ bounds every part by $m^{c/(1+c)} x$, $c/(1+c) = 1/1001$, and Claim B.7 turns "
    r"$m^{0.001} b/m$ into "
    r"$m^{0.151} b$",
    source="section B.2, l.1002-1008",
    evidence=EVIDENCE,
    claims=(
        SymbolicIdentity("largest part", r"$(m x^{1+1/c})^{1/(1+1/c)} = m^{c/(1+c)} x$", largest_part),
        INVARIANT,
    ),
    controls=(
        Control(
            "exponent",
            "1 + 1/c replaced by 1 + c",
            "largest part",
            altered_claim=SymbolicIdentity("largest part", "", lambda: largest_part(1 + POWER)),
        ),
        Control(
            "gain",
            "every right side lowered by a factor $m^{0.001}$",
            "drift",
            altered_claim=replace(INVARIANT, links=LOWERED),
        ),
    ),
    errata=(
        Erratum(
            Defect.CONVERSION_SLIP,
            r"The conclusion reads $\|[W]_p - [W]_p\|_2$, which is 0.",
            "l.1006, l.1008: the star of the first matrix is missing",
            r"$\|W^\star_p - W_p\|_2 \le b\, \mathrm{poly}(k) m^{0.151}$",
        ),
    ),
    expected=Verdict.PROVED,
    requires=("fsr.B.7", "fsr.B.8"),
)

STATEMENTS = tuple(with_runs(statement) for statement in (CLAIM_6, CLAIM_7, FACT_8, CLAIM_9))
