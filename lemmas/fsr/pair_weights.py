r"""Footnote 4 and Remark 4.2: the weights C_{j,j',r,r'} of the pairs in discriminator D5.

Setting: s and s* are the mixed moments of learner and target for P ordered pairs of channels, Delta = s - s*. At the
inner maximum the generator's objective is H = log sum over pairs of (e^(C Delta) + e^(-C Delta)), (C.13); C_within for two
channels of one patch, C_across for two patches. Both moments are at most poly(k), those within a patch poly(k)/m^2.

Statement (as printed, section 4.2, l.328 and l.356): C_within = m^2/(b poly(k)), C_across = 1/poly(m); C_across << C_within
is to have the pairs within a patch learned first. Lemma C.10 (l.1485-1493) then claims |Delta| <= b poly(k)/m^2 within
and |Delta| <= b poly(m) across patches, once H <= poly(k).

Checkable form: log(2P) <= H <= log(2P) + max C |Delta| and H >= max C |Delta|. So H <= poly(k) gives |Delta| <= poly(k)/C:
right within a patch, but poly(k) poly(m) across, without the factor b. As moments are at most poly(k), C |Delta| is below
1 across for every possible error: H is at its floor log(2P) up to poly(k)/poly(m) while the whole correlation between
patches is wrong. Since b falls to 1/poly(d/eps), below each fixed power of m, no choice of the two polynomials helps.
Repair: C_across = 1/(b poly(m)). Fact C.12 (H <= poly(k)/b at the start) and C_across << C_within stay true. In the
chains b = m^-1.5, the polynomial in C_across is m and that of Lemma C.10 m^2; C_across may be m^-0.5 to m^1.5.

Remark 4.2: the inner maximum gives a pair the weight e^(C |Delta|)/(sum), so all pairs across patches together have at
most 2 P e^(C_across max|Delta| - C_within Delta_w) where Delta_w is any error within a patch. While a single error within a
patch is of order m^-2, this is e^(-m^c), with the printed and with the repaired weight. With the repaired one the pairs
across patches begin to count at errors poly(k)/(m^2 poly(m)) within a patch: "first" means up to that.
That learning within a patch is then fast is measured with Lemma C.10.

Measured: nothing. Controls: one exponent moved by 1/1000 beyond its slack; one sign flipped.
Departures from the paper: none.
Source: section 4.2, footnote 4, l.328; Remark 4.2, l.356; section C.4, l.1477-1545.
"""

import math

import sympy
import torch

from fsrcheck.evidence.exponents import ExponentChain, Link
from fsrcheck.evidence.monomials import ONE, m_to, quantity
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.symbolic import SymbolicIdentity
from fsrcheck.gaussian import inverse_tail, relu_mean, relu_product_mean, tail
from fsrcheck.statement import Control, Counterexample, Defect, Erratum, Kind, Statement

CUTOFF, WITHIN, ACROSS = quantity("b"), quantity("C_within"), quantity("C_across")
EXPONENTS = {"b": "-1.5", "C_within": "3.5", "C_across": "0.5"}  # C_across = 1/(b m)
PRINTED_ACROSS = -1  # 1/m
ALLOWED = m_to(2)  # poly(m) of Lemma C.10

SERVES = ExponentChain(
    "weights",
    r"start and end of the training of $D^{(5)}$ with $C_{\mathrm{across}} = 1/(b\, \mathrm{poly}(m))$",
    (
        Link("start, within a patch", "Fact C.12, l.1537", WITHIN * m_to(-2), ONE / CUTOFF),
        Link("start, across patches", "Fact C.12, l.1537", ACROSS, ONE / CUTOFF),
        Link("end, within a patch", "Lemma C.10, l.1483", ONE / WITHIN, CUTOFF * m_to(-2)),
        Link("end, across patches", "Lemma C.10, l.1489", ONE / ACROSS, CUTOFF * ALLOWED),
        Link("order", "Remark 4.2, l.356", ACROSS, WITHIN, strict=True),
    ),
    EXPONENTS,
)
FIRST = ExponentChain(
    "order",
    r"$C_{\mathrm{across}} \max|\Delta|$ is far below $C_{\mathrm{within}} m^{-2}$",
    (Link("an error of order m^-2 within a patch outweighs", "l.356", ACROSS, WITHIN * m_to(-2), strict=True),),
    EXPONENTS,
)
FIRST_PRINTED = ExponentChain(
    "order, printed",
    r"the same for the printed $C_{\mathrm{across}} = 1/m$",
    FIRST.links,
    {**EXPONENTS, "C_across": PRINTED_ACROSS},
)

X = sympy.Symbol("x", nonnegative=True)  # C |Delta|
ACROSS_SUM, WITHIN_TERM, REST = sympy.symbols("A B R", positive=True)


def objective(sign: int = 1) -> list[sympy.Expr]:
    """e^x + e^-x - 2 as a square, and e^x - cosh(x) = sinh(x) >= 0: floor and ceiling of H."""
    square = (sympy.exp(X / 2) - sign * sympy.exp(-X / 2)) ** 2
    return [
        sympy.exp(X) + sympy.exp(-X) - 2 - square,
        (sympy.exp(X) - sympy.cosh(X) - sympy.sinh(X)).rewrite(sympy.exp),
    ]


def share(sign: int = 1) -> list[sympy.Expr]:
    """A/B - A/(A + B + R) as a quotient of sums of positive terms, for the weight A/(A + B + R) of the pairs across."""
    whole = ACROSS_SUM + WITHIN_TERM + REST
    return [
        ACROSS_SUM / WITHIN_TERM - ACROSS_SUM / whole - ACROSS_SUM * (ACROSS_SUM + sign * REST) / (WITHIN_TERM * whole)
    ]


def blind_objective() -> Counterexample:
    """Two patches of 16 channels, twins correlated at 0.9 in the target and not at all in the learner, C_across = 1/m.

    H is within 1e-3 of its floor, yet the error exceeds b m^2 for b = 1e-6.
    """
    m, cutoff = 16, 1e-6
    threshold = inverse_tail(torch.tensor(2 / m, dtype=torch.float64))
    scale = tail(threshold) / relu_mean(threshold)  # E[S | S > 0] = 1
    moments = [scale**2 * relu_product_mean(threshold, threshold, threshold.new_tensor(rho)) for rho in (0.9, 0.0)]
    error = float(moments[0] - moments[1])
    pairs, twins = 2 * m * (2 * m - 1), 2 * m
    above_floor = math.log1p(twins * (math.cosh(error / m) - 1) / pairs)
    allowed = cutoff * m**2
    point = (
        rf"$m = {m}$, $b = 10^{{{math.log10(cutoff):.0f}}}$, $H - \log(2P) = {above_floor * 1e6:.1f} \cdot 10^{{-6}}$: "
        r"$|s - s^\star|$ across patches, against $b m^2$"
    )
    return Counterexample(point, allowed, error, above_floor < 1e-3 and error > allowed)


FOOTNOTE_4 = Statement(
    id="fsr.fn.4",
    label="Footnote 4",
    kind=Kind.CHOICE,
    title="Weights of the pairs within and across patches",
    printed=r"$C_{j,j,r,r'} = \frac{m_1^2}{b\, \mathrm{poly}(k_1)}$ for $r \ne r'$ and "
    r"$C_{j,j',r,r'} = \frac{1}{\mathrm{poly}(m_1)}$ for $j \ne j'$",
    checkable=r"$C_{j,j',r,r'} = \frac{1}{b\, \mathrm{poly}(m_1)}$ for $j \ne j'$: then $H \le \mathrm{poly}(k_1)$ gives "
    r"$|\Delta| \le \mathrm{poly}(k_1)/C$, as Lemma C.10 claims for both kinds of pairs",
    source="section 4.2, footnote 4, l.328",
    evidence="exact exponents, symbolic",
    claims=(
        SERVES,
        SymbolicIdentity(
            "objective", r"$\log 2P \le H \le \log 2P + \max C |\Delta|$: $e^x + e^{-x} - 2$ is a square", objective
        ),
    ),
    controls=(
        Control(
            "across",
            "C_across moved by 1/1000 beyond its slack",
            "weights",
            altered_claim=SERVES.beyond("C_across"),
        ),
        Control(
            "printed", "C_across = 1/m as printed", "weights", altered_claim=SERVES.with_values(C_across=PRINTED_ACROSS)
        ),
        Control(
            "sign",
            "a sign in the square",
            "objective",
            altered_claim=SymbolicIdentity("objective", "", lambda: objective(-1)),
        ),
    ),
    errata=(
        Erratum(
            Defect.MISPRINT,
            r"$H \le \mathrm{poly}(k_1)$, where the proof stops, holds whatever the across-patch error of order at most 1 is, so "
            r"the factor $b$ of Lemma C.10 does not follow with $C = 1/\mathrm{poly}(m_1)$. (An optimum to accuracy "
            r"$1/\mathrm{poly}(d/\varepsilon)$ does bound $\Delta$.)",
            r"the weights, l.1513; Lemma C.10, second item, l.1489: $H \le \mathrm{poly}(k_1)$ (l.1784, l.1810) gives "
            r"$|\Delta| \le \mathrm{poly}(k_1) \mathrm{poly}(m_1)$, without the factor $b$",
            r"$C_{j,j',r,r'} = \frac{1}{b\, \mathrm{poly}(m_1)}$ for $j \ne j'$",
            blind_objective,
        ),
    ),
    expected=Verdict.REPAIRED,
)

REMARK_2 = Statement(
    id="fsr.rem.4.2",
    label="Remark 4.2",
    kind=Kind.REMARK,
    title="Pairs within a patch are learned first",
    printed=r"the purpose of $C_{j,j',r,r'} \ll C_{j,j,r,r'}$ is to ensure that the moments of cross terms within a single patch "
    r"are learned first",
    checkable=r"all pairs across patches together have at most the share $2 P e^{C_{\mathrm{across}} \max|\Delta| - "
    r"C_{\mathrm{within}} \Delta_w}$ of the weight, for any error $\Delta_w$ within a patch; the exponent is below $-m^c$ while "
    r"$\Delta_w$ is of order $m^{-2}$",
    source="section 4.2, Remark 4.2, l.356",
    evidence="exact exponents, symbolic",
    claims=(
        SymbolicIdentity(
            "share", r"$A/(A + B + R) \le A/B$ for the terms across, one term within, and the rest", share
        ),
        FIRST,
        FIRST_PRINTED,
    ),
    controls=(
        Control("weight", "C_across moved by 1/1000 too high", "order", altered_claim=FIRST.beyond("C_across")),
        Control("sign", "a sign", "share", altered_claim=SymbolicIdentity("share", "", lambda: share(-1))),
    ),
    expected=Verdict.PROVED,
    requires=("fsr.fn.4",),
)

STATEMENTS = (FOOTNOTE_4, REMARK_2)
