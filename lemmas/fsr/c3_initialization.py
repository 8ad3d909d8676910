r"""Propositions C.3 and C.4: the start of the first hidden layer, one neuron and pairs of neurons.

Setting: a neuron is ReLU(alpha g - beta), t = beta/alpha, firing rate Q(t); K >= 1 stands for a poly(k).

Statement (as printed, section C.1, l.1067-1117):
C.3: with alpha = poly(k) Lambda and beta = alpha sqrt(2 log(m poly(k))) mean and firing rate are poly(k) Lambda / m.
C.4: for any Lambda = poly(k) there is gamma in (0, 1) such that g1, g2 with E g1 g2 = gamma have
Lambda/m^2 <= Pr[g1 > b1, g2 > b2] <= poly(k)/m^2 for all b_i > 0 with rates in [1/(K m), K/m]; at the start every
pair of neurons is co-active with probability poly(k)/m^2, at least poly(k) times that of the target's pair.

C.3 is false: poly(k) is at least a positive power of k (l.67), but Q(t) <= exp(-t^2/2)/2 gives m Q(sqrt(2 log(m K)))
<= 1/(2K) for every K: the rate lies below 1/m, not poly(k) above it.

Checkable form:
C.3: with t = Q^-1(K Lambda/m), K Lambda/m <= Q(1), and alpha = t: the rate is K Lambda/m, the mean between
0.525135276 and 1 times that (Fact C.19), and 1 <= t <= sqrt(2 log(m/(2 K Lambda))), which is poly(k) since k >=
Omega(log m).
C.4: with Q(b') = 1/(K m) and 1/K^2 < Lambda < m/K there is exactly one gamma with L(b', b'; gamma) = Lambda/m^2, and
for all b1, b2 with rates in [1/(K m), K/m]: Lambda/m^2 <= L(b1, b2; gamma) <= K^4 Lambda/m^2, for every m. Proof: L
rises with gamma (dL/dgamma is the density of the pair) from Q(b')^2 = 1/(K m)^2 to Q(b') = 1/(K m), and falls in b1,
b2: this is the lower bound. At gamma >= 0, Pr[g2 > b2 | g1 = x] = Q((b2 - gamma x)/r) rises with x, so its mean over
x > b1, L/Q(b1), rises with b1, and L/(Q(b1) Q(b2)) with both. Hence L(b1, b2) <= L(b', b') Q(b1) Q(b2)/Q(b')^2 <=
K^4 Lambda/m^2. K^4 is approached as Lambda falls to 1/K^2. (No Proposition C.22 and no additive term 1/poly(d) are
needed.) The second claim of C.4 holds within a patch only: across patches the target's pairs may fire together
almost always.

Measured: nothing.
Controls: constants moved by 1 %; a negative correlation.
Departures from the paper: none beyond the repairs. Source: section C.1, l.1063-1117; l.67 for poly.
"""

import math
from collections.abc import Callable

import sympy
import torch

from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.symbolic import SymbolicIdentity
from fsrcheck.gaussian import density, inverse_tail, tail, upper_orthant
from fsrcheck.statement import Control, Counterexample, Defect, Erratum, Kind, Statement
from lemmas.fsr.c19_gaussian_facts import ONE_PERCENT_LESS, ONE_PERCENT_MORE, lower, tail_bound, upper, upper_with

SPREAD = 2.0  # K in the counterexamples


def printed_rate() -> Counterexample:
    """m = 16, K = 2: m times the firing rate at the printed threshold; as printed it is poly(k) Lambda, above 1."""
    num_channels = 16
    threshold = math.sqrt(2 * math.log(num_channels * SPREAD))
    rate = num_channels * float(tail(threshold))
    return Counterexample(
        r"$m = 16$, $\mathrm{poly}(k) = 2$: $m \Pr[g > \sqrt{2 \log(m \mathrm{poly}(k))}]$, at least",
        1.0,
        rate,
        rate < 1,
    )


PROPOSITION_3 = Statement(
    id="fsr.C.3",
    label="Proposition C.3",
    kind=Kind.PROPOSITION,
    title="Initial scale and threshold of a neuron",
    printed=r"for any $\Lambda = \mathrm{poly}(k_1)$, with $\alpha = \mathrm{poly}(k_1) \Lambda$ and $\beta = \alpha "
    r"\sqrt{2 \log(m_1 \mathrm{poly}(k_1))}$: $E \mathrm{ReLU}(\alpha g - \beta) = \frac{\mathrm{poly}(k_1) "
    r"\Lambda}{m_1}$ and "
    r"$E \mathrm{ReLU}'(\alpha g - \beta) = \frac{\mathrm{poly}(k_1) \Lambda}{m_1}$",
    checkable=r"with $t = Q^{-1}(K \Lambda/m)$, $K \Lambda/m \le Q(1)$, $\alpha = t$, $\beta = \alpha t$: "
    r"$\Pr[\alpha g > \beta] = K \Lambda/m$, "
    r"$0.525135276\, K \Lambda/m \le E \mathrm{ReLU}(\alpha g - \beta) \le K \Lambda/m$, and $1 \le t \le \sqrt{2 "
    r"\log(m/(2 K \Lambda))}$",
    source="section C.1, l.1067-1075",
    evidence="ball arithmetic over the whole ray",
    claims=(lower(), upper(), tail_bound()),
    controls=(
        Control("lower constant", "0.525135276 raised by 1 %", "lower", altered_claim=lower(ONE_PERCENT_MORE)),
        Control("upper constant", "1 lowered by 1 %", "upper", altered_claim=upper_with(ONE_PERCENT_LESS)),
        Control("tail constant", "1/2 lowered by 1 %", "tail", altered_claim=tail_bound(ONE_PERCENT_LESS)),
    ),
    errata=(
        Erratum(
            Defect.FALSE_STATEMENT,
            "At the printed threshold the firing rate is at most $1/(2 m \\mathrm{poly}(k))$, by $Q(t) \\le "
            "e^{-t^2/2}/2$: "
            "below $1/m$, "
            "where poly(k) times more than the target's rate is needed.",
            "'by simple Gaussian tail bound ... it satisfies $\\Pr[g > t] = \\mathrm{poly}(k_1)/m_1$', l.1075",
            r"$\beta = \alpha\, Q^{-1}(\mathrm{poly}(k_1) \Lambda/m_1)$",
            printed_rate,
        ),
        Erratum(
            Defect.MISPRINT,
            "The last sentence of the proof states the firing rate twice and the mean not at all.",
            "l.1075: ReLU' in the first of the two means",
            r"$E \mathrm{ReLU}(\alpha g - \beta)$ in the first of the two",
        ),
    ),
    expected=Verdict.REPAIRED,
    requires=("fsr.C.19",),
)

B1, B2, END, X = sympy.symbols("b_1 b_2 end x", real=True)
GAMMA = sympy.Symbol("gamma", positive=True)
HALF = sympy.Rational(1, 2)


def rises_with_condition(sign: int = 1) -> list[sympy.Expr]:
    """d/dx Q((b2 - gamma x)/r) minus gamma/r times a density, which is positive; ``sign = -1``: at -gamma."""
    spread = sympy.sqrt(1 - GAMMA**2)
    at = (B2 - sign * GAMMA * X) / spread
    conditional = sympy.erfc(at / sympy.sqrt(2)) / 2
    return [sympy.diff(conditional, X) - GAMMA / spread * sympy.exp(-(at**2) / 2) / sympy.sqrt(2 * sympy.pi)]


def rises_with_threshold(sign: int = 1) -> list[sympy.Expr]:
    """With I and J the integrals of phi q and phi over x > b1: (I/J)' J^2 = phi(b1) (I - q(b1) J).

    q(x) = Pr[g2 > b2 | g1 = x]; I - q(b1) J is the integral of phi(x) (q(x) - q(b1)), positive where q rises.
    """
    phi, q = sympy.Function("phi"), sympy.Function("q")
    both = sympy.Integral(phi(X) * q(X), (X, B1, END))
    one = sympy.Integral(phi(X), (X, B1, END))
    return [sympy.diff(both / one, B1) * one**2 - phi(B1) * (both - sign * q(B1) * one)]


def ratio_spots() -> list[float]:
    """The same for a Gaussian pair, by automatic differentiation of its closed forms."""
    first = torch.linspace(0.5, 4.0, 8, dtype=torch.float64, requires_grad=True)
    second, rho = torch.tensor(2.0, dtype=torch.float64), torch.tensor(0.3, dtype=torch.float64)
    both, one = upper_orthant(first, second, rho), tail(first)
    slope = torch.autograd.grad((both / one).sum(), first, retain_graph=True)[0] * one**2
    conditional = tail((second - rho * first) / (1 - rho**2).sqrt())
    found = (slope - density(first) * (both - conditional * one)) / (density(first) * both)
    return [float(value) for value in found.detach()]


def window_spots() -> list[float]:
    """By how much L leaves [Lambda/m^2, K^4 Lambda/m^2] on a grid of thresholds, relative to the window's ends."""
    excess = []
    for num_channels, spread, gamma in ((64, 2.0, 0.02), (1e3, 3.0, 0.1), (1e6, 10.0, 0.3), (1e4, 1.5, 0.7)):
        rates = torch.logspace(-math.log10(spread), math.log10(spread), 7, dtype=torch.float64) / num_channels
        thresholds = inverse_tail(rates)
        start = upper_orthant(thresholds[0], thresholds[0], gamma)
        found = upper_orthant(thresholds[:, None], thresholds, gamma) / start
        excess += [float((1 - found).max().clamp(min=0)), float((found / spread**4 - 1).max().clamp(min=0))]
    return excess


def coefficient(power: sympy.Expr = HALF) -> list[sympy.Expr]:
    """Length and correlation of sqrt(1 - c^2) e_r + c e_1, c = gamma^power: c^2 must be gamma."""
    common = GAMMA**power
    return [(1 - common**2) + common**2 - 1, common**2 - GAMMA]


def decreased() -> Counterexample:
    """m = 100, K = 2: the threshold with rate 1/(K m) against the smallest with a rate in the window."""
    least, wanted = (float(inverse_tail(rate)) for rate in (SPREAD / 100, 1 / (SPREAD * 100)))
    point = "$m = 100$, $K = 2$, $\\Pr[g > b] = K/m$: $b'$, which must be at most $b$ if $b$ is decreased"
    return Counterexample(point, least, wanted, wanted > least)


def printed_coefficient() -> Counterexample:
    """The correlation of two neurons of the printed start with coefficient 1/2."""
    gamma = 0.5
    first, second = (
        torch.tensor(row) for row in ([gamma, (1 - gamma**2) ** 0.5, 0.0], [gamma, 0.0, (1 - gamma**2) ** 0.5])
    )
    found = float(first @ second)
    return Counterexample(r"$\gamma = 1/2$: correlation of two neurons", gamma, found, abs(found - gamma) > 0.1)


def across_patches() -> Counterexample:
    """Rates 1/m, m = 1e6, K = 2, Lambda = K^3: the start's largest probability K^4 Lambda/m^2 against the target's."""
    num_channels = 1e6
    threshold = inverse_tail(1 / num_channels)
    target, start = float(upper_orthant(threshold, threshold, 0.9)), SPREAD**7 / num_channels**2
    point = r"$m = 10^6$, rates $1/m$, $K = 2$, $\Lambda = 8$, correlation 0.9 across patches: the target, at most"
    return Counterexample(point, start, target, target > start)


def _altered(name: str, residuals: Callable[[], list[sympy.Expr]]) -> SymbolicIdentity:
    return SymbolicIdentity(name, "", residuals)


PROPOSITION_4 = Statement(
    id="fsr.C.4",
    label="Proposition C.4",
    kind=Kind.PROPOSITION,
    title="Initial probability that two neurons are active together",
    printed=r"for any $\Lambda = \mathrm{poly}(k_1)$ there is $\gamma \in (0, 1)$ so that for $E g_1 g_2 = \gamma$ "
    r"and all $b_1, b_2 > 0$ with "
    r"$\Pr[g_i > b_i] \in [\frac{1}{\mathrm{poly}(k_1) m_1}, \frac{\mathrm{poly}(k_1)}{m_1}]$: $\Pr[g_1 > b_1, g_2 "
    r"> b_2] \in "
    r"[\frac{\Lambda}{m_1^2}, \frac{\mathrm{poly}(k_1)}{m_1^2}]$; as a corollary every pair of neurons $(j, r) \ne "
    r"(j', r')$ starts at "
    r"$\frac{\mathrm{poly}(k_1)}{m_1^2}$, at least $\mathrm{poly}(k_1)$ times the target's",
    checkable=r"for $1/K^2 < \Lambda < m/K$ exactly one $\gamma$ has $L = \Lambda/m^2$ at rates $1/(Km)$, and then "
    r"$\Lambda/m^2 \le "
    r"\Pr[g_1 > b_1, g_2 > b_2] \le K^4 \Lambda/m^2$ for all rates in $[1/(Km), K/m]$; the corollary holds within a "
    r"patch",
    source="section C.1, l.1063-1117",
    evidence="symbolic, all m, K and Lambda",
    claims=(
        SymbolicIdentity(
            "conditional tail",
            r"$\Pr[g_2 > b_2 | g_1 = x]$ rises with $x$ at a correlation $\gamma > 0$",
            rises_with_condition,
            window_spots,
        ),
        SymbolicIdentity(
            "ratio",
            r"$\Pr[g_1 > b_1, g_2 > b_2]/\Pr[g_1 > b_1]$ rises with $b_1$ where $\Pr[g_2 > b_2 | g_1 = x]$ rises "
            r"with $x$",
            rises_with_threshold,
            ratio_spots,
        ),
        SymbolicIdentity(
            "start",
            r"$\sqrt{1 - \gamma}\, e_r + \sqrt{\gamma}\, e_1$ have length 1 and correlation $\gamma$",
            coefficient,
        ),
    ),
    controls=(
        Control(
            "correlation",
            "a negative correlation",
            "conditional tail",
            altered_claim=_altered("conditional tail", lambda: rises_with_condition(-1)),
        ),
        Control("ratio", "a sign", "ratio", altered_claim=_altered("ratio", lambda: rises_with_threshold(-1))),
        Control(
            "coefficient",
            "the printed coefficient gamma",
            "start",
            altered_claim=_altered("start", lambda: coefficient(sympy.Integer(1))),
        ),
    ),
    errata=(
        Erratum(
            Defect.FALSE_STATEMENT,
            "The corollary compares all pairs, but across patches the target's neurons may fire together with a "
            "probability of "
            "order $1/m$, which no start of order $\\mathrm{poly}(k)/m^2$ exceeds. Its other half, that every pair starts at "
            "$\\mathrm{poly}(k)/m^2$, stands.",
            "'for every $(j, r) \\ne (j', r')$', l.1081-1087: Assumption 2.2 bounds pairs within one patch only",
            r"for every $r \ne r'$ of one patch (which is what Invariant C.2c and Fact C.12 need)",
            across_patches,
        ),
        Erratum(
            Defect.MISPRINT,
            r"With coefficient $\gamma$ two neurons have correlation $\gamma^2$, where the proposition needs "
            r"$\gamma$.",
            "$\\alpha (\\sqrt{1 - \\gamma^2}\\, e_{j*} + \\gamma e_1)$, l.1065",
            r"$\alpha (\sqrt{1 - \gamma}\, e_{j,r} + \sqrt{\gamma}\, e_1)$",
            printed_coefficient,
        ),
        Erratum(
            Defect.MISPRINT,
            "To reach the smallest rate the thresholds must be increased, not decreased, and the event $g_2 > b_2$ "
            "is then "
            "$g_2 > b'_2 - |b_2 - b'_2|$, with the other sign.",
            "'let us first decrease $b_1$ to $b'_1$', l.1091, and $g_2 > b'_2 + |b_2 - b'_2|$, l.1101",
            r"the proof above, which needs no such expansion and gives $K^4 \Lambda/m^2$",
            decreased,
        ),
    ),
    expected=Verdict.REPAIRED,
)

STATEMENTS = (PROPOSITION_3, PROPOSITION_4)
