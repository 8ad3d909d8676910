r"""Footnote 6 and Remark 4.1: how D4 starts a channel of the first hidden layer, and why the channel does not die.

Setting: a channel S = ReLU(alpha g - beta), t = beta/alpha; x = E ReLU~(S - 2b), y = E ReLU~'(S - b), x*, y* those of the
target; o_K(z) = K ReLU(z) - ReLU(-z) with K = poly(k); the generator's objective is that of (C.2).

Statement (as printed):
Footnote 6 (l.416): V_{j,r} = alpha e_{j m + r}, alpha = poly(k), beta = alpha sqrt(2 log(m poly(k))) give
E S = poly(k)/m and Pr[S > 0] = poly(k)/m, and independent S. (In the paper poly(k) is a power of k above 1, l.67.)
Remark 4.1 (l.354): o_k makes the learner's moments more likely to be above than below the target's, so that neurons do
not die; at X = 0 the training would be stuck.

Checkable form:
Footnote 6: at the printed t = sqrt(2 log(m K)), m Pr[S > 0] = F_0(1/t)/(sqrt(2 pi) K t) < 1/K: below what is wanted, for
every K >= 1. Repair: t = sqrt(2 log(m/K)), divided instead of multiplied. For t >= 1, phi(t) = K/(sqrt(2 pi) m), so
    m Pr[S > 0] = K F_0(1/t)/(sqrt(2 pi) t),    0.6556 <= F_0 < 1,
    m E S = alpha K F_1(1/t)/(sqrt(2 pi) t^2),    0.3443 <= F_1 < 1;
both are poly(k) because t <= sqrt(2 log m) <= poly(k). The rows e_{j m + r} are distinct, so the pre-activations are
uncorrelated Gaussians, whose density factorises.
Remark 4.1: max over v of a o_K(v) - v^2 is K^2 a^2/4 for a = x* - x > 0 and a^2/4 for a < 0: a deficit weighs K^2 times as
much as an equal excess. Start at x = (1 + e) x*, y = (1 + f) y*. A dead channel (x = y = 0) has the objective
K^2 (x*^2 + y*^2)/4, which is at least that of the start, (e^2 x*^2 + f^2 y*^2)/4, for K >= max(e, f), and for K = e = f
equal to it: while the objective does not rise, K > max(e, f) keeps the channel alive, and x >= (1 - theta) x* with
theta = sqrt(e^2 + f^2 y*^2/x*^2)/K. With K = 1 a start above 2 x* gives no such promise. A dead channel is stuck: the
slopes of alpha A(t) are phi(t) in alpha and -Q(t) in beta, both at most e^(-t^2/2)/2.

Measured: nothing. That descent does not raise the objective, and whether the weight matters along runs, belongs to
Lemma C.6. Controls: constants 1 % beyond their tightest values; a correlation; o_K turned to the other side.
Departures from the paper: none.
Source: section 4.2, footnote 6, l.416; Remark 4.1, l.354; (C.2), l.1185.
"""

import math

import sympy
import torch
from flint import arb
from scipy import integrate

from fsrcheck.evidence.boxes import Margin, by_series
from fsrcheck.evidence.certified import Certified, Positive
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.symbolic import SymbolicIdentity
from fsrcheck.gaussian import relu_mean, tail
from fsrcheck.gaussian.balls import tail_factor
from fsrcheck.statement import Control, Counterexample, Defect, Erratum, Kind, Statement
from lemmas.fsr.c19_gaussian_facts import tail_bound

RATE = "0.6556"  # F_0(1) = Q(1)/phi(1) = 0.655679..., rounded down
MEAN = "0.3443"  # F_1(1) = A(1)/phi(1) = 0.344320..., rounded down
ONE_PERCENT_MORE, ONE_PERCENT_LESS = "1.01", "0.99"
ABOVE_ONE = r"$t = 1/u \ge 1$"


def _part(margin: Margin, where: str = ABOVE_ONE) -> Positive:
    return Positive(margin, {"u": (0, 1)}, by_series(margin), where)


def rate(factor: str = "1") -> Certified:
    """F_0 >= 0.6556 times ``factor``, t >= 1."""
    constant = arb(RATE) * arb(factor)
    text = rf"$m \Pr[S > 0] \ge {RATE} K / (\sqrt{{2 \pi}}\, t)$ for all $t \ge 1$; attained at $t = 1$"
    return Certified("rate", text, (_part(lambda u: tail_factor(0, u) - constant),))


def mean(factor: str = "1") -> Certified:
    """F_1 >= 0.3443 times ``factor``, t >= 1."""
    constant = arb(MEAN) * arb(factor)
    text = rf"$m E S \ge {MEAN} \alpha K / (\sqrt{{2 \pi}}\, t^2)$ for all $t \ge 1$; attained at $t = 1$"
    return Certified("mean", text, (_part(lambda u: tail_factor(1, u) - constant),))


UPPER = Certified(
    "upper",
    r"both without the constant are upper bounds: $F_1 < F_0 < 1$",
    (
        _part(lambda u: tail_factor(1, u), r"$(1 - F_0)/u^2 = F_1$"),
        _part(lambda u: 2 * tail_factor(2, u), r"$(F_0 - F_1)/u^2 = 2 F_2$"),
    ),
)

M, K = sympy.symbols("m K", positive=True)
G1, G2 = sympy.symbols("g_1 g_2", real=True)
UNCORRELATED = sympy.Integer(0)


def threshold(sign: int = 1) -> list[sympy.Expr]:
    """exp(-t^2/2) = K/m at the repaired threshold; ``sign = -1`` is the printed one, log(m K)."""
    t = sympy.sqrt(2 * (sympy.log(M) - sign * sympy.log(K)))
    return [sympy.exp(-(t**2) / 2) - K / M]


def threshold_spots() -> list[float]:
    """m Q(t) and m A(t) against K F_n/(sqrt(2 pi) t^(n+1)), with F_n by quadrature."""
    differences = []
    for m, size in ((64, 4), (1024, 10), (10**6, 100)):
        t = math.sqrt(2 * math.log(m / size))
        at = torch.tensor(t, dtype=torch.float64)
        for order, found in ((0, tail(at)), (1, relu_mean(at))):
            expected = size * _tail_factor(order, 1 / t) / math.sqrt(2 * math.pi) / t ** (order + 1)
            differences.append(float(m * found) / expected - 1)
    return differences


def _tail_factor(order: int, u: float) -> float:
    """F_n(u) = E exp(-u^2 Y^2/2) for Y of the Gamma(n + 1) distribution, by quadrature."""
    value, _ = integrate.quad(
        lambda y: y**order * math.exp(-y - (u * y) ** 2 / 2) / math.factorial(order), 0, 60, epsabs=1e-14, epsrel=1e-13
    )
    return float(value)


def joint_density(correlation: sympy.Expr = UNCORRELATED) -> list[sympy.Expr]:
    """The density of two standard normals at a correlation minus the product of their own."""
    rest = 1 - correlation**2
    exponent = -(G1**2 - 2 * correlation * G1 * G2 + G2**2) / (2 * rest)
    joint = sympy.exp(exponent) / (2 * sympy.pi * sympy.sqrt(rest))
    return [joint - sympy.exp(-(G1**2) / 2) * sympy.exp(-(G2**2) / 2) / (2 * sympy.pi)]


def printed_start() -> Counterexample:
    """m Pr[S > 0] at the printed threshold for m = 1024, poly(k) = k = 10, against poly(k) > 1."""
    m, k = 1024, 10
    t = torch.tensor(math.sqrt(2 * math.log(m * k)), dtype=torch.float64)
    found = m * float(tail(t))
    point = rf"$m = {m}$, $\mathrm{{poly}}(k) = k = {k}$: $m \Pr[S > 0]$, against at least 1"
    return Counterexample(point, 1.0, found, found < 1)


FOOTNOTE_6 = Statement(
    id="fsr.fn.6",
    label="Footnote 6",
    kind=Kind.CHOICE,
    title="Initialization of the first hidden layer",
    printed=r"$[V_{1,j}]_r = \alpha e_{j m + r}$, $\alpha = \mathrm{poly}(k_1)$ and "
    r"$\beta = \alpha \sqrt{2 \log(m_1 \mathrm{poly}(k_1))}$ ensure $E[S_{1,j}]_r = \frac{\mathrm{poly}(k_1)}{m_1}$, "
    r"$\Pr[[S_{1,j}]_r > 0] = \frac{\mathrm{poly}(k_1)}{m_1}$ and independent $[S_{1,j}]_r$",
    checkable=r"with $\beta = \alpha t$, $t = \sqrt{2 \log(m/K)} \ge 1$: $m \Pr[S > 0]$ is $K/(\sqrt{2 \pi}\, t)$ times a "
    rf"number in $[{RATE}, 1)$, $m E S$ is $\alpha K/(\sqrt{{2 \pi}}\, t^2)$ times a number in $[{MEAN}, 1)$; independent",
    source="section 4.2, footnote 6, l.416",
    evidence="ball arithmetic over the whole ray, symbolic",
    claims=(
        rate(),
        mean(),
        UPPER,
        SymbolicIdentity("threshold", r"$e^{-t^2/2} = K/m$", threshold, threshold_spots, tolerance=1e-10),
        SymbolicIdentity("independent", "the density of orthogonal pre-activations factorises", joint_density),
    ),
    controls=(
        Control("rate constant", "0.6556 raised by 1 %", "rate", altered_claim=rate(ONE_PERCENT_MORE)),
        Control("mean constant", "0.3443 raised by 1 %", "mean", altered_claim=mean(ONE_PERCENT_MORE)),
        Control(
            "printed threshold",
            "log(m K) instead of log(m/K)",
            "threshold",
            altered_claim=SymbolicIdentity("threshold", "", lambda: threshold(-1)),
        ),
        Control(
            "correlation",
            "correlation 1/10",
            "independent",
            altered_claim=SymbolicIdentity("independent", "", lambda: joint_density(sympy.Rational(1, 10))),
        ),
    ),
    errata=(
        Erratum(
            Defect.FALSE_STATEMENT,
            r"At $t = \sqrt{2 \log(m\, \mathrm{poly}(k))}$ the firing probability is below $\frac{1}{m\, \mathrm{poly}(k)}$, not "
            r"$\frac{\mathrm{poly}(k)}{m}$: the channels start below $\frac{1}{m}$, hence not necessarily above the target, as "
            "the proof needs. The same defect as in Proposition C.3.",
            "proof of Proposition C.3, l.1075: 'by simple Gaussian tail bound'",
            r"$\beta = \alpha \sqrt{2 \log(m_1 / \mathrm{poly}(k_1))}$",
            printed_start,
        ),
    ),
    expected=Verdict.REPAIRED,
    constants=(
        Constant("rate", float(RATE), Provenance.DERIVED, r"$Q(1)/\varphi(1) = 0.655679...$, attained at $t = 1$"),
        Constant("mean", float(MEAN), Provenance.DERIVED, r"$A(1)/\varphi(1) = 0.344320...$, attained at $t = 1$"),
    ),
)

MEAN_OF_TARGET, RATE_OF_TARGET, EXCESS, OTHER, SHARE = sympy.symbols("x y e f a", positive=True)
ALPHA, BETA = sympy.symbols("alpha beta", positive=True)
ONE = sympy.Integer(1)


def best_values(sign: int = 1) -> list[sympy.Expr]:
    """a o_K(v) - v^2 on the branch of its maximum, completed to a square; on the other branch it is at most 0."""
    v = sympy.Symbol("v", real=True)
    deficit = sign * SHARE * K * v - v**2 - (K**2 * SHARE**2 / 4 - (v - K * SHARE / 2) ** 2)
    surplus = -SHARE * v - v**2 - (SHARE**2 / 4 - (v + SHARE / 2) ** 2)
    return [deficit, surplus]


def dead_objective(weight: sympy.Expr) -> sympy.Expr:
    """(C.2), with its factor 1/4, where x = y = 0; ``weight`` is that of a deficit."""
    return weight**2 * (MEAN_OF_TARGET**2 + RATE_OF_TARGET**2) / 4


def start_objective(weight: sympy.Expr, excess: sympy.Expr = EXCESS, other: sympy.Expr = OTHER) -> sympy.Expr:
    """The same at x = (1 + e) x*, y = (1 + f) y*; ``weight`` is that of an excess."""
    return weight**2 * ((excess * MEAN_OF_TARGET) ** 2 + (other * RATE_OF_TARGET) ** 2) / 4


def survival() -> list[sympy.Expr]:
    """Objective of a dead channel minus that of the start, as a sum of products non-negative for K >= e, f."""
    products = (K - EXCESS) * (K + EXCESS) * MEAN_OF_TARGET**2 + (K - OTHER) * (K + OTHER) * RATE_OF_TARGET**2
    return [dead_objective(K) - start_objective(ONE) - products / 4]


def smallest_weight(factor: sympy.Expr = ONE, wrong_side: bool = False) -> list[sympy.Expr]:
    """At K = e = f a dead channel has exactly the objective of the start."""
    deficit, excess = (ONE, factor * EXCESS) if wrong_side else (factor * EXCESS, ONE)
    return [dead_objective(deficit) - start_objective(excess, other=EXCESS)]


def slopes(sign: int = 1) -> list[sympy.Expr]:
    """d/d alpha and d/d beta of alpha A(beta/alpha)."""
    t = BETA / ALPHA
    density_of, upper_tail = sympy.exp(-(t**2) / 2) / sympy.sqrt(2 * sympy.pi), sympy.erfc(t / sympy.sqrt(2)) / 2
    value = ALPHA * (density_of - sign * t * upper_tail)
    return [sympy.diff(value, ALPHA) - density_of, sympy.diff(value, BETA) + upper_tail]


REMARK_1 = Statement(
    id="fsr.rem.4.1",
    label="Remark 4.1",
    kind=Kind.REMARK,
    title="The asymmetric weight keeps neurons alive",
    printed=r"$o_k(z) = \mathrm{poly}(k_1) \mathrm{ReLU}(z) - \mathrm{ReLU}(-z)$ makes it more likely that the learner's moment "
    "is greater than the target's; this ensures that neurons do not die; where the generator gives 0 the training is stuck",
    checkable=r"a deficit weighs $K^2$ times an equal excess; from $x = (1 + e) x^\star$, $y = (1 + f) y^\star$ an objective "
    r"that does not rise keeps a channel alive for $K > \max(e, f)$, which is tight; the slopes of a dead channel are at most "
    r"$e^{-t^2/2}/2$",
    source="section 4.2, Remark 4.1, l.354",
    evidence="symbolic, ball arithmetic over the whole ray",
    claims=(
        SymbolicIdentity(
            "values", r"$\max_v (a\, o_K(v) - v^2)$ is $K^2 a^2/4$ for $a > 0$ and $a^2/4$ for $a < 0$", best_values
        ),
        SymbolicIdentity(
            "survival", r"a dead channel has a larger objective than the start if $K > \max(e, f)$", survival
        ),
        SymbolicIdentity("tight", r"an equal one for $K = e = f$", smallest_weight),
        SymbolicIdentity(
            "stuck",
            r"$\partial_\alpha \alpha A(\beta/\alpha) = \varphi(t)$ and $\partial_\beta \alpha A(\beta/\alpha) = -Q(t)$",
            slopes,
        ),
        tail_bound(),
    ),
    controls=(
        Control(
            "sign",
            "the sign of the gain",
            "values",
            altered_claim=SymbolicIdentity("values", "", lambda: best_values(-1)),
        ),
        Control(
            "weight",
            "K 1 % below e",
            "tight",
            altered_claim=SymbolicIdentity("tight", "", lambda: smallest_weight(sympy.Rational(99, 100))),
        ),
        Control(
            "wrong side",
            "the weight on the excess instead of the deficit",
            "tight",
            altered_claim=SymbolicIdentity("tight", "", lambda: smallest_weight(wrong_side=True)),
        ),
        Control("tail constant", "1/2 lowered by 1 %", "tail", altered_claim=tail_bound(ONE_PERCENT_LESS)),
    ),
    expected=Verdict.CERTIFIED,
    constants=(
        Constant("smallest weight", 1.0, Provenance.DERIVED, r"of $K/\max(e, f)$; a dead channel is allowed below it"),
    ),
    requires=("fsr.C.20",),
)

STATEMENTS = (FOOTNOTE_6, REMARK_1)
