r"""Propositions C.24 and C.26: a threshold that moves with the Gaussian itself.

Setting: delta_i in [-delta, delta] depend on g_1, g_2 (and other randomness) and are differentiable, with derivatives at most
eta in size, eta = delta poly(k) < 1. p[.] is a density, r = sqrt(1 - rho^2), h = phi/Q.

Statement (as printed, sections C.6.4 and C.6.5, l.1992-2006 and 2179-2195):
C.24: p(g_1 = delta_1 + b_1) = p(g_1 = b_1) (1 +- poly(k) delta), and Pr[|g_1 - delta_1 - b_1| <= a] likewise for a < delta.
C.26, with the derivatives bounded for |g_1|, |g_2| <= O(sqrt(log m)): (a) Pr[g_1 >= b_1 + delta_1 | g_2 = b_2 + delta_2] =
Pr[g_1 >= b_1 | g_2 = b_2] (1 +- poly(k) delta) +- 1/poly(d); (b) the same for E[ReLU~(g_2 + delta_2 - b_2) | g_1 = b_1 - delta_1].

Checkable form of C.24: for b_1 >= delta
exp(-b_1 delta - delta^2/2)/(1 + eta) <= p(g_1 = delta_1 + b_1)/phi(b_1) <= exp(b_1 delta - delta^2/2)/(1 - eta),
both attained (delta_1 linear with slope -+eta); so the ratio is 1 +- s/(1 - s), s = delta (b_1 + delta/2) + eta < 1, and
b_1 <= sqrt(200 log m). For windows of half-width a the same with b_1 + a. Proof: g - delta_1(g) rises, so it is b_1 at one
point g* within delta of b_1, and its density there is phi(g*)/(1 - delta_1'(g*)). And exp(x) <= 1/(1 - x).

C.26 is false as printed: nothing is assumed of delta_2 where |g_1| is large, and g_2 - delta_2 may be constant there, an
event of small but positive probability; given g_2 = b_2 + delta_2, it is almost all there is. Repaired: the derivatives are
at most eta everywhere. Then, without an additive term, the log of the ratio in (a) is at most log((1 + eta)/(1 - eta)) + E,
E = delta (b_2 + b_2 (1 + rho^2)/r^2 + (1 + |rho|) H/r + 0.79789 |rho|/r) + delta^2 (1 + rho^2)/(2 r^2),
H = max((b_1 - rho b_2)/r, 0) + delta (1 + |rho|)/r + 0.79789; in (b) with b_1, b_2 exchanged and zeta/r + 1.25332 for 0.79789
in H. Proof of (a): for fixed g_1 the equation g_2 - delta_2 = b_2 has one solution, within delta of b_2, so the joint density
is that at b_2 up to 1/(1 +- eta) and exp(+-delta |b_2 - rho g_1|/r^2), or exp(-delta^2/(2 r^2)) less. In the numerator
|b_2 - rho g_1| <= b_2 + |rho| g_1 and the factor exp(+-delta |rho| g_1/r^2) tilts the Gaussian: its mean moves by delta |rho|,
beside the delta by which the threshold moves; h bounds what that does to its tail. In the denominator b_2 - rho g_1 is
r^2 b_2 - rho r g' with g' standard normal, and E |g'| = 0.79788...: Jensen from below, 2 Phi(x) <= exp(0.79789 x) from above.

Measured: searches for violations (``pair_searches``). C.24: its bounds are attained. C.26, where delta_2 changes sign with g_1:
up to 0.966 of E in (a), at b = (3.05, 6), and 0.954 in (b), at b = (6, 2.8), both at rho = 0 and the smallest delta.
Controls: the hazard term left out of E; 0.79789 and 1.25332 lowered by 1 %; one sign flipped.
Departures from the paper: the derivatives are bounded everywhere in C.26.
Source: sections C.6.4 and C.6.5, l.1992-2038, 2179-2252.
"""

import math
from collections.abc import Callable
from functools import partial

import sympy
from flint import arb

from fsrcheck.evidence.boxes import by_series
from fsrcheck.evidence.certified import Certified, Positive
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.symbolic import SymbolicIdentity
from fsrcheck.gaussian import density, inverse_tail, relu_mean, tail
from fsrcheck.gaussian.balls import relu_mean as ball_relu_mean
from fsrcheck.gaussian.balls import tail as ball_tail
from fsrcheck.statement import Control, Counterexample, Defect, Erratum, Kind, Statement
from lemmas.fsr.adversary import searched
from lemmas.fsr.c25_pair_sensitivity import HAZARD_CONSTANT, NEXT_HAZARD_CONSTANT
from lemmas.fsr.pair_searches import MOVED_CONDITION_MEAN, MOVED_CONDITION_TAIL, WINDOW
from lemmas.fsr.pair_slopes import (
    WRITTEN_PROOF,
    conditional,
    curvature,
    curvature_control,
    excess,
    excess_control,
    shift_bound,
)

STEP, THRESHOLD = "0.05", "3"
CHANGED_BY = ("1", "-1")
B, D, E, Y, A, G, RHO = sympy.symbols("b delta e y a g rho", real=True)


def extremes(sign: int = 1) -> list[sympy.Expr]:
    """log phi at b -+ delta against b; (1 - x)(1 - y) - (1 - x - y); and d/dx (1 - (1 - x) e^x), 0 at x = 0."""
    rest = 1 - (1 - E) * sympy.exp(E)
    return [
        (B**2 - (B - D) ** 2) / 2 - (B * D - sign * D**2 / 2),
        (B**2 - (B + D) ** 2) / 2 - (-B * D - D**2 / 2),
        (1 - E) * (1 - Y) - (1 - E - Y) - E * Y,
        sympy.diff(rest, E) - E * sympy.exp(E),
        rest.subs(E, 0),
    ]


def extremes_spots() -> list[float]:
    """The density of g - delta_1(g) for a linear delta_1 that attains the upper bound, by a difference quotient."""
    differences = []
    for b, step, slope in ((1.0, 0.1, 0.2), (3.0, 0.05, 0.5), (4.0, 0.01, 0.1)):
        low, high = (b - step + sign * 1e-5 / (1 - slope) for sign in (-1, 1))  # g - delta_1 = b -+ 1e-5 there
        quotient = float(tail(low) - tail(high)) / 2e-5
        bound = float(density(b)) * math.exp(b * step - step**2 / 2) / (1 - slope)
        differences.append(quotient / bound - 1)
    return differences


PROPOSITION_24 = Statement(
    id="fsr.C.24",
    label="Proposition C.24",
    kind=Kind.PROPOSITION,
    title="The density at a threshold that moves with the Gaussian",
    printed=r"if $\Pr[g_1 > b_1] \ge m_1^{-100}$, $\delta_1 \in [-\delta, \delta]$, $\delta \le m^{-0.1}$ and "
    r"$|\partial \delta_1/\partial g_1| \le \delta\,\mathrm{poly}(k_1)$ for $|g_1| \le O(\sqrt{\log m_1})$, then "
    r"$p(g_1 = \delta_1 + b_1) = p(g_1 = b_1) (1 \pm \mathrm{poly}(k_1) \delta)$, and for $a < \delta$ "
    r"$\Pr[|g_1 - \delta_1 - b_1| \le a] = \Pr[|g_1 - b_1| \le a] (1 \pm \mathrm{poly}(k_1) \delta)$",
    checkable=r"with $|\partial \delta_1/\partial g_1| \le \eta < 1$ within $2 \delta$ of $b_1 \ge \delta$: "
    r"$e^{-b_1 \delta - \delta^2/2}/(1 + \eta) \le p(g_1 = \delta_1 + b_1)/\phi(b_1) \le e^{b_1 \delta - \delta^2/2}/(1 - \eta)$, "
    r"both attained; hence $1 \pm s/(1 - s)$, $s = \delta (b_1 + \delta/2) + \eta$, $b_1 \le \sqrt{200 \log m_1}$; for "
    r"windows $b_1 + a$ in place of $b_1$",
    source="section C.6.4, l.1992-2038",
    evidence="symbolic steps of a proof written out in the module",
    claims=(
        SymbolicIdentity(
            "extremes",
            r"$\log(\phi(b \mp \delta)/\phi(b)) = \pm b \delta - \delta^2/2$; $(1 - x)(1 - y) - (1 - x - y) = x y$; "
            r"$1 - (1 - x) e^x = \int_0^x t e^t dt \ge 0$",
            extremes,
            extremes_spots,
            1e-8,
        ),
    ),
    controls=(
        Control(
            "sign",
            "the sign of delta^2 in the upper bound",
            "extremes",
            altered_claim=SymbolicIdentity("extremes", "", lambda: extremes(-1)),
        ),
    ),
    errata=(
        Erratum(
            Defect.MISPRINT,
            r"$\mathrm{Err}_\xi$ must be $a \delta\,\mathrm{poly}(k_1)$: over $|s - s^\star| \le 2 a/\delta$ the derivative "
            r"moves $\delta_1$ by that much, and only then is $O(\mathrm{Err}_\xi/\delta)$ the $a\,\mathrm{poly}(k_1)$ of the "
            "result.",
            r"'for $\mathrm{Err}_\xi = \delta\,\mathrm{poly}(k_1)$' (l.2026)",
            r"$\mathrm{Err}_\xi = a \delta\,\mathrm{poly}(k_1)$",
        ),
        Erratum(
            Defect.MISPRINT,
            "The interval $[b_1 + a, b_1 - a]$ has its ends exchanged.",
            "three times from l.2010 on, and in the proof of C.26",
            r"$[b_1 - a, b_1 + a]$",
        ),
    ),
    expected=Verdict.PROVED,
)


def shifted(order: int, hazard: bool = True) -> Certified:
    """E covers constant shifts of both thresholds, b_1 = b_2 = 3; without its hazard term for the control."""
    function, name = (ball_tail, "shift") if order == 0 else (ball_relu_mean, "mean shift")

    def margin(rho: arb, by: arb, size: arb) -> arb:
        b, step, spread = arb(THRESHOLD), arb(STEP), (1 - rho * rho).sqrt()
        bound = shift_bound(b, b, rho, size, step, order)
        if not hazard:
            bound -= step * (1 + size) * conditional(b, b, rho) / spread
        moved = (b - step - rho * (b + by * step)) / spread
        return bound - (function(moved) / function(conditional(b, b, rho))).log()

    parts = []
    for by in CHANGED_BY:
        below = partial(_signed, margin, arb(by), -1)
        above = partial(_signed, margin, arb(by), 1)
        where = rf"$\delta_1 = -{STEP}$, $\delta_2 = {by} \cdot {STEP}$"
        parts += [
            Positive(below, {"rho": ("-0.8", 0)}, by_series(below), where),
            Positive(above, {"rho": (0, "0.6")}, by_series(above), where),
        ]
    text = r"for constant $\delta_1, \delta_2 = \pm 0.05$ and $b_1 = b_2 = 3$ the log of the ratio is at most $E$"
    return Certified(name, text, tuple(parts))


def _signed(margin: Callable[[arb, arb, arb], arb], by: arb, sign: int, rho: arb) -> arb:
    """The margin where |rho| = sign rho."""
    return margin(rho, by, sign * rho)


def tilted(sign: int = 1) -> SymbolicIdentity:
    """The conditional density at b_2 + e against b_2, and the tilted Gaussian."""
    square = 1 - RHO**2
    moved = ((B - RHO * G) ** 2 - (B + E - RHO * G) ** 2) / (2 * square)
    tilt = -((G - RHO * B) ** 2) / (2 * square) + A * G
    whole = A * RHO * B + A**2 * square / 2 - (G - RHO * B - sign * A * square) ** 2 / (2 * square)
    return SymbolicIdentity(
        "tilt",
        r"$\log \frac{\phi((b_2 + e - \rho g)/r)}{\phi((b_2 - \rho g)/r)} = -\frac{e (b_2 - \rho g) + e^2/2}{r^2}$ and "
        r"$\phi(\frac{g - \rho b_2}{r}) e^{a g} = e^{a \rho b_2 + a^2 r^2/2} \phi(\frac{g - \rho b_2 - a r^2}{r})$",
        lambda: [moved + (E * (B - RHO * G) + E**2 / 2) / square, tilt - whole],
    )


FAR_OUT = 10.0  # delta_2 = 0 for |g_1| up to here
REPAIRED_PREMISE = r"if the derivatives are at most $\eta < 1$ everywhere, "


def constant_where_it_matters(is_mean: bool) -> Counterexample:
    """g_1, g_2 independent, m = 1000; far out the conditioning variable minus its delta_i is the constant b_i.

    With X = 10 let delta_2 = psi(|g_1|) times g_2 - b_2 clipped to [-delta, delta], psi rising from 0 at X to 1 at X + 1. The
    event g_2 = b_2 + delta_2 then has positive probability, all of it where |g_1| >= X + 1 (with the indices exchanged in (b)).
    """
    threshold = float(inverse_tail(1e-3))
    start = FAR_OUT + 1
    if is_mean:
        printed = float(relu_mean(threshold))
        actual = float(relu_mean(start) + (start - threshold) * tail(start)) / float(2 * tail(start))
    else:
        printed, actual = float(tail(threshold)), float(tail(start)) / float(2 * tail(start))
    return Counterexample(
        r"$m = 1000$, $g_1$ and $g_2$ independent, $\Pr[g_i > b_i] = 1/m$, the dependent shift 0 up to 10 in size of the "
        "other variable and cancelling the condition beyond 11: value given the event, against the printed one "
        r"$(1 \pm \mathrm{poly}(k)\,\delta)$",
        printed,
        actual,
        actual > 10 * printed,
    )


def erratum(is_mean: bool) -> Erratum:
    """What is wrong with both parts of C.26."""
    return Erratum(
        Defect.FALSE_STATEMENT,
        ("The same defect as in Proposition C.26a: the " if is_mean else "Technical: the ")
        + r"derivatives are bounded for $|g_1|, |g_2| \le O(\sqrt{\log m})$ only; farther out the conditioning variable may "
        "have an atom, whose probability is small but which then makes up the whole event that is conditioned on.",
        r"'Integrating over $g_2 \ge b_2 - \delta$' (l.2221): a small probability of $g_2$ beyond $O(\sqrt{\log m})$ does not "
        "make the density from there small",
        "bounded derivatives everywhere; then the additive term is not needed either. The repair is of the proposition; its "
        "hypothesis is not shown where Proposition C.27 uses it",
        lambda: constant_where_it_matters(is_mean),
    )


SQUARE_ROOT = Erratum(
    Defect.MISPRINT,
    r"From the premise on the joint tail follows $\alpha \ge -1 + \Omega(1/\log d)$, as in C.25; "
    r"$\alpha = -1 + 4/\log d$ is admissible for $m = d$.",
    r"'one can easily derive $\alpha \ge -1 + \Omega(1/\sqrt{\log d})$' (l.2199)",
    r"$\alpha \ge -1 + \Omega(\frac{1}{\log d})$, so $\sqrt{1 - \alpha^2} \ge \Omega(\frac{1}{\sqrt{\log d}})$",
)

COMMON = (
    r"in the setting of C.25, if $\delta_1, \delta_2 \in [-\delta, \delta]$ have derivatives at most "
    r"$\delta\,\mathrm{poly}(k_1)$ for $|g_1|, |g_2| \le O(\sqrt{\log m_1})$: "
)

PART_A = Statement(
    id="fsr.C.26a",
    label="Proposition C.26a",
    kind=Kind.PROPOSITION,
    title="A conditional tail whose threshold and condition move",
    printed=COMMON + r"$\Pr[g_1 \ge b_1 + \delta_1 \mid g_2 = b_2 + \delta_2] = \Pr[g_1 \ge b_1 \mid g_2 = b_2] "
    r"(1 \pm \mathrm{poly}(k_1) \delta) \pm 1/\mathrm{poly}(d)$",
    checkable=REPAIRED_PREMISE + r"the log of the ratio is at most $\log((1 + \eta)/(1 - \eta)) + E$ in size, "
    r"$E = \delta (b_2 + \frac{b_2 (1 + \rho^2)}{r^2} + \frac{(1 + |\rho|) H}{r} + \frac{0.79789 |\rho|}{r}) + "
    r"\delta^2 \frac{1 + \rho^2}{2 r^2}$, $H = \max(\frac{b_1 - \rho b_2}{r}, 0) + \frac{\delta (1 + |\rho|)}{r} + 0.79789$",
    source="section C.6.5, l.2179-2191, 2197-2236",
    evidence=WRITTEN_PROOF,
    claims=(tilted(), shifted(0), excess(0), curvature()),
    controls=(
        Control("tilt", "the sign of the move of the mean", "tilt", altered_claim=tilted(-1)),
        Control("hazard term", "the hazard left out of E", "shift", altered_claim=shifted(0, hazard=False)),
        excess_control(0),
        curvature_control(),
    ),
    errata=(erratum(is_mean=False), SQUARE_ROOT),
    expected=Verdict.REPAIRED,
    constants=(HAZARD_CONSTANT,),
    departures=("The derivatives are bounded for all values, not only up to O(sqrt(log m)).",),
)

PART_B = Statement(
    id="fsr.C.26b",
    label="Proposition C.26b",
    kind=Kind.PROPOSITION,
    title="A conditional mean whose threshold and condition move",
    printed=COMMON + r"$E[\widetilde{\mathrm{ReLU}}(g_2 + \delta_2 - b_2) \mid g_1 = b_1 - \delta_1] = "
    r"E[\widetilde{\mathrm{ReLU}}(g_2 - b_2) \mid g_1 = b_1] (1 \pm \mathrm{poly}(k_1) \delta) \pm 1/\mathrm{poly}(d)$",
    checkable=REPAIRED_PREMISE + r"the log of the ratio is at most $\log((1 + \eta)/(1 - \eta)) + E$ in size, "
    r"$E = \delta (b_1 + \frac{b_1 (1 + \rho^2)}{r^2} + \frac{(1 + |\rho|) H}{r} + \frac{0.79789 |\rho|}{r}) + "
    r"\delta^2 \frac{1 + \rho^2}{2 r^2}$, $H = \max(\frac{b_2 - \rho b_1}{r}, 0) + \frac{\delta (1 + |\rho|) + \zeta}{r} + "
    r"1.25332$",
    source="section C.6.5, l.2193-2195, 2236-2252",
    evidence=WRITTEN_PROOF,
    claims=(tilted(), shifted(1), excess(1), curvature()),
    controls=(
        Control("tilt", "the sign of the move of the mean", "tilt", altered_claim=tilted(-1)),
        Control("hazard term", "the hazard left out of E", "mean shift", altered_claim=shifted(1, hazard=False)),
        excess_control(1),
        curvature_control(),
    ),
    errata=(erratum(is_mean=True),),
    expected=Verdict.REPAIRED,
    constants=(HAZARD_CONSTANT, NEXT_HAZARD_CONSTANT),
    departures=("The derivatives are bounded for all values, not only up to O(sqrt(log m)).",),
)

STATEMENTS = (
    searched(PROPOSITION_24, WINDOW),
    searched(PART_A, MOVED_CONDITION_TAIL),
    searched(PART_B, MOVED_CONDITION_MEAN),
)
