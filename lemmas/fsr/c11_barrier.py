r"""Facts C.11 and C.12: the barrier R(5) of the generator against D5, at the target and at the start.

Setting: rho* is the correlation of two of the target's neurons, x that of two of the learner's; P ordered pairs; a
pair adds exp(Gamma (x - (1 - tau))) + exp(Gamma (-x - (1 - tau))) to R, where Gamma is the paper's poly(k).

Statement (as printed, section C.4, l.1519-1553):
C.11: there is an absolute constant tau with rho* in [-1 + tau/2, 1 - tau/2], and R(V*) <= exp(-poly(k)).
C.12: at the start H(V_1) <= poly(k)/b and R(V_1) <= d^-poly(k).

C.11 is false on the upper side: Assumption 2.3 lets two channels of different patches differ with probability
1/poly(d) given that one of them fires, and then 1 - rho* may be 1/poly(d). And in its proof tau = 2v, where |rho*|
<= 1 - v, puts 1 - tau below the target's own correlations: at |rho*| = 1 - v the barrier is exp(+Gamma v).

Checkable form:
C.11: let Pr[both > 0] >= d^-A and <= (1 - kappa) min of the two rates, and t the larger threshold, s their mean. Then
    1 - rho* >= 1.27 kappa^2 / h(t)^2  (h = phi/Q),        1 + rho* >= s^2 / log(d^A / 2),
and with |rho*| <= 1 - v and tau = v/2: R(V*) <= 2 P exp(-Gamma v/2). So v, and with it tau, is 1/poly(d) under the
printed assumption, and Gamma must exceed (2/v) log(2P). Proof: (above) L(1) - L(rho) is the integral of phi_2(t, t;
u), at most exp(-t^2/2) / (2 pi sqrt(1 - u^2)), over u in [rho, 1], that is at most phi(t) arccos(rho) / sqrt(2 pi).
So kappa <= h(t) theta / sqrt(2 pi), theta = arccos(rho), and 1 - cos(theta) >= 0.2026 theta^2 on [0, pi].
(below) If both exceed their thresholds, the sum exceeds 2 s: L <= Q(s sqrt(2/(1 + rho))) <= exp(-s^2/(1 + rho))/2.

C.12: log(2P) <= H <= log(2P) + max C |s - s*|, and R = 2 P exp(-Gamma (1 - tau)) cosh(Gamma gamma) if every pair
starts at correlation gamma. Within a patch C |s - s*| is at most (m^2/b) poly(k)/m^2, for gamma = 0 and for that of
Proposition C.4 alike; across patches C = m^-a and |s - s*| <= poly(k).

Measured: nothing.
Controls: constants moved by 1 %, the printed tau, an exponent beyond its slack.
Departures from the paper: none beyond the repairs. Source: section C.4, l.1519-1553.
"""

import math
from collections.abc import Callable

import sympy
from flint import arb

from fsrcheck.evidence.certified import Certified, Positive
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.exponents import ExponentChain, Link
from fsrcheck.evidence.monomials import ONE, m_to, quantity
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.symbolic import SymbolicIdentity
from fsrcheck.gaussian import inverse_tail, tail, upper_orthant
from fsrcheck.statement import Control, Counterexample, Defect, Erratum, Kind, Statement
from lemmas.fsr.c19_gaussian_facts import ONE_PERCENT_LESS, tail_bound

CHORD = "0.2026"  # 2/pi^2 = 0.202642..., attained at theta = pi
UPPER_GAP = 2 * math.pi * float(CHORD)  # 1.2729...
PI_ABOVE = "3.14159266"

U, T, RHO, X = sympy.symbols("u t rho x", real=True)
GAMMA, TAU, V = sympy.symbols("Gamma tau v", positive=True)


def chord(factor: str = "1") -> Certified:
    """1 - cos(theta) >= 0.2026 theta^2, as sinc(theta/2)^2 / 2, which falls; the constant times ``factor``."""

    def margin(theta: arb) -> arb:
        return (theta / 2).sinc() ** 2 / 2 - arb(CHORD) * arb(factor)

    part = Positive(margin, {"theta": (0, PI_ABOVE)})
    where = r"for $0 \le \theta \le \pi$; attained at $\theta = \pi$ up to rounding down"
    text = rf"$1 - \cos\theta \ge {CHORD}\, \theta^2$ {where}"
    return Certified("chord", text, (part,))


def density_bound(sign: int = 1) -> list[sympy.Expr]:
    """The exponent of phi_2(t, t; u) against that at u = 1, and the integral of 1/sqrt(1 - u^2).

    -t^2/(1 + u) = -t^2/2 - t^2 (1 - u) / (2 (1 + u)), and the last term is at most 0.
    """
    exponent = -(T**2 - 2 * U * T**2 + T**2) / (2 * (1 - U**2))
    return [
        exponent + T**2 / 2 + sign * T**2 * (1 - U) / (2 * (1 + U)),
        sympy.diff(-sympy.acos(U), U) - 1 / sympy.sqrt(1 - U**2),
    ]


def gap_spots() -> list[float]:
    """By how much kappa exceeds h(t) arccos(rho) / sqrt(2 pi), and L exceeds Q(t sqrt(2/(1 + rho))): nothing."""
    excess = []
    for rate, rho in ((1e-2, 0.5), (1e-2, -0.7), (1e-3, 0.99), (1e-6, 0.9999), (1e-4, 0.0)):
        t = float(inverse_tail(rate))
        orthant = float(upper_orthant(t, t, rho))
        hazard = math.exp(-t * t / 2) / math.sqrt(2 * math.pi) / rate
        excess.append(max(0.0, 1 - orthant / rate - hazard * math.acos(rho) / math.sqrt(2 * math.pi)))
        excess.append(max(0.0, orthant - float(tail(t * math.sqrt(2 / (1 + rho))))))
    return excess


def barrier(tau: sympy.Expr) -> list[sympy.Expr]:
    """The barrier's exponent at correlation 1 - v, minus -Gamma v/2."""
    return [GAMMA * ((1 - V) - (1 - tau)) + GAMMA * V / 2]


def barrier_value(correlation: float, tau: float, steepness: float) -> float:
    """What one pair adds to R."""
    return sum(math.exp(steepness * (sign * correlation - (1 - tau))) for sign in (1, -1))


def close_patches() -> Counterexample:
    """d = m = 100, channels of two patches at correlation 1 - 1/d^2, which differ with probability above 1/d."""
    size, tau = 100, 0.01
    correlation = 1 - size**-2.0
    threshold = inverse_tail(1 / size)
    differing = 1 - size * float(upper_orthant(threshold, threshold, correlation))
    point = (
        r"$d = m = 100$, $\rho^\star = 1 - 1/d^2$: the second of two channels is silent where the first fires with "
        rf"probability {differing:.3g}, at least $1/d$; $1 - \rho^\star$, at least $\tau/2$ ($\tau = {tau:g}$, say; "
        "likewise for every $d$)"
    )
    return Counterexample(point, tau / 2, 1 - correlation, differing >= 1 / size and 1 - correlation < tau / 2)


def printed_tau() -> Counterexample:
    """v = 0.1, tau = 2v, Gamma = 64: what a target's pair at correlation 1 - v adds to R."""
    value = barrier_value(0.9, 0.2, 64.0)
    return Counterexample(
        r"$v = 0.1$, $\tau = 0.2$, $\Gamma = 64$, $\rho^\star = 0.9$: $R^{(5)}(\mathbf{V}_1^\star)$, at most",
        1.0,
        value,
        value > 1,
    )


def product_is_constant() -> Counterexample:
    """Without a plus sign the two exponentials multiply: the same value at correlation 0 and 0.99."""

    def product(correlation: float) -> float:
        return math.exp(64 * (-0.5 - correlation)) * math.exp(64 * (-0.5 + correlation))

    near, far = product(0.99), product(0.0)
    return Counterexample(
        r"$\tau = 1/2$, $\Gamma = 64$: the barrier of a pair at correlation 0.99 over that at 0",
        1e9,
        near / far,
        near < 2 * far,
    )


def _altered(name: str, residuals: Callable[[], list[sympy.Expr]]) -> SymbolicIdentity:
    return SymbolicIdentity(name, "", residuals)


FACT_11 = Statement(
    id="fsr.C.11",
    label="Fact C.11",
    kind=Kind.FACT,
    title="The target is clear of the barrier",
    printed=r"there is an absolute constant $\tau > 0$ so that the correlations of all pairs of neurons are in $[-1 "
    r"+ 0.5 \tau, "
    r"1 - 0.5 \tau]$ and $R^{(5)}(\mathbf{V}_1^\star) \le \exp^{-\mathrm{poly}(k_1)}$",
    checkable=r"if $d^{-A} \le \Pr[\text{both} > 0] \le (1 - \kappa) \min$ of the two rates: $1 - \rho^\star \ge "
    r"1.27\, \kappa^2/h(t)^2$, "
    r"$1 + \rho^\star \ge s^2/\log(d^A/2)$ ($t$ the larger threshold, $s$ the mean, $h = \phi/Q$); and with "
    r"$|\rho^\star| \le 1 - v$, "
    r"$\tau = v/2$: $R^{(5)}(\mathbf{V}_1^\star) \le 2 P e^{-\Gamma v/2}$",
    source="section C.4, l.1519-1533",
    evidence="symbolic; ball arithmetic over the whole range",
    claims=(
        SymbolicIdentity(
            "density",
            r"$\phi_2(t, t; u) \le e^{-t^2/2}/(2 \pi \sqrt{1 - u^2})$, whose integral over $[\rho, 1]$ is $\phi(t) "
            r"\arccos(\rho)/\sqrt{2\pi}$",
            density_bound,
            gap_spots,
        ),
        chord(),
        tail_bound(),
        SymbolicIdentity(
            "barrier", r"with $\tau = v/2$ the exponent at correlation $1 - v$ is $-\Gamma v/2$", lambda: barrier(V / 2)
        ),
    ),
    controls=(
        Control("density", "a sign", "density", altered_claim=_altered("density", lambda: density_bound(-1))),
        Control("chord", "0.2026 raised by 1 %", "chord", altered_claim=chord("1.01")),
        Control("tail constant", "1/2 lowered by 1 %", "tail", altered_claim=tail_bound(ONE_PERCENT_LESS)),
        Control("tau", "the printed tau = 2v", "barrier", altered_claim=_altered("barrier", lambda: barrier(2 * V))),
    ),
    errata=(
        Erratum(
            Defect.FALSE_STATEMENT,
            "Assumption 2.3 only keeps the conditional probability 1/poly(d) away from 1, which allows $1 - "
            "\\rho^\\star$ of order "
            "1/poly(d) for channels of two patches: no absolute constant bounds it.",
            "'one can verify that this implies ... $[-1 + v, 1 - v]$ for some constant $v$', l.1527-1531; the "
            "lower side is right",
            r"$1 - \rho^\star \ge 1.27\, \kappa^2/h(t)^2$, which is $1/\mathrm{poly}(d)$ for $\kappa = "
            r"1/\mathrm{poly}(d)$; the barrier's "
            r"coefficient must then exceed $(2/v) \log(2P)$: it must be $\mathrm{poly}(d)$ instead of $\mathrm{poly}(k_1)$",
            close_patches,
        ),
        Erratum(
            Defect.PROOF_GAP,
            "With $\\tau = 2v$ the barrier $1 - \\tau$ lies below the target's largest correlation $1 - v$, where "
            "its "
            "exponent is "
            "$+v\\,\\mathrm{poly}(k)$.",
            "'simply choosing $\\tau = 2v$ finishes the proof', l.1531",
            r"$\tau = v/2$, for which $[-1 + v, 1 - v]$ is inside $[-1 + 0.5\tau, 1 - 0.5\tau]$ as well",
            printed_tau,
        ),
        Erratum(
            Defect.CONVERSION_SLIP,
            "The plus sign between the two exponentials of the barrier is missing; their product would not depend "
            "on $\\mathbf{V}_1$.",
            r"(C.14), l.1519, at a line break; $H(\mathbf{V}_1)$, l.1501, has it",
            r"$\exp\{\Gamma (-(1 - \tau) - x)\} + \exp\{\Gamma (-(1 - \tau) + x)\}$",
            product_is_constant,
        ),
        Erratum(
            Defect.CONVERSION_SLIP,
            "The stars of the correlations are missing: the proof speaks of the target.",
            "l.1521 and l.1529",
            r"the correlations of $[\mathbf{V}^\star_{1,j}]_r$ and $[\mathbf{V}^\star_{1,j'}]_{r'}$",
        ),
    ),
    expected=Verdict.REPAIRED,
    constants=(
        Constant("chord", float(CHORD), Provenance.DERIVED, r"$2/\pi^2 = 0.202642...$, attained at $\theta = \pi$"),
        Constant(
            "upper gap", UPPER_GAP, Provenance.DERIVED, r"$2 \pi \cdot 0.2026$; $\pi$ is approached as $\kappa \to 0$"
        ),
    ),
    requires=("fsr.C.20",),
)

A_I, LARGEST, COUNT = sympy.symbols("a M N", real=True)


def soft_maximum(sign: int = 1) -> list[sympy.Expr]:
    """N e^M minus a sum of N terms e^a is a sum of e^a (e^(M - a) - 1) >= 0; and e^x + e^-x >= 2."""
    return [
        sympy.exp(LARGEST) - sympy.exp(A_I) - sympy.expand(sympy.exp(A_I) * (sympy.exp(LARGEST - A_I) - sign)),
        sympy.exp(X) + sympy.exp(-X) - 2 - sympy.expand((sympy.exp(X / 2) - sympy.exp(-X / 2)) ** 2),
    ]


def barrier_at_start(sign: int = 1) -> list[sympy.Expr]:
    """What a pair at correlation gamma adds to R; ``sign = -1`` drops the distance to the barrier."""
    pair = sum(sympy.exp(GAMMA * (side * RHO - (1 - TAU))) for side in (1, -1))
    return [pair - 2 * sympy.exp(-sign * GAMMA * (1 - TAU)) * sympy.cosh(GAMMA * RHO).rewrite(sympy.exp)]


CUTOFF, CROSS = quantity("b"), quantity("C_across")
START = ExponentChain(
    "start",
    r"$H(\mathbf{V}_1) \le \mathrm{poly}(k_1)/b$ at the start; $b = \delta m^{0.02}$ with $\delta \le m^{-0.1}$",
    (
        Link("number of pairs, log(2P)", "l.1501", ONE, ONE / CUTOFF),
        Link("pairs within a patch", "l.1515 and l.1541", m_to(2) / CUTOFF * m_to(-2), ONE / CUTOFF),
        Link("pairs across patches, $s \\le \\mathrm{poly}(k)$", "l.1515", CROSS, ONE / CUTOFF),
    ),
    {"b": "-0.08", "C_across": "-1"},
)


def not_a_product() -> Counterexample:
    """Rates 1/100 at correlation 0.1, a start that Proposition C.4 allows: joint probability over the product."""
    t = inverse_tail(0.01)
    ratio = float(upper_orthant(t, t, 0.1)) / 1e-4
    return Counterexample(
        r"rates $1/100$, $\gamma = 0.1$: probability that both fire over the product of the rates",
        1.0,
        ratio,
        ratio > 1.1,
    )


FACT_12 = Statement(
    id="fsr.C.12",
    label="Fact C.12",
    kind=Kind.FACT,
    title="Objective and barrier at the start of D5",
    printed=r"before gradient descent ascent on $D^{(5)}$: $H(\mathbf{V}_1) \le \mathrm{poly}(k_1)/b$ and "
    r"$R^{(5)}(\mathbf{V}_1) \le d^{-\mathrm{poly}(k_1)}$",
    checkable=r"$\log(2P) \le H \le \log(2P) + \max C |s - s^\star|$, at most $\mathrm{poly}(k)/b$ as powers of "
    r"$m$; $R^{(5)} = 2 P "
    r"e^{-\Gamma (1 - \tau)} \cosh(\Gamma \gamma)$ where all pairs start at correlation $\gamma$",
    source="section C.4.1, l.1537-1553",
    evidence="symbolic, any number of pairs; exact powers of m",
    claims=(
        SymbolicIdentity("soft maximum", r"$\log(2P) \le H \le \log(2P) + \max C |s - s^\star|$", soft_maximum),
        SymbolicIdentity(
            "barrier",
            r"a pair at correlation $\gamma$ adds $2 e^{-\Gamma (1 - \tau)} \cosh(\Gamma \gamma)$",
            barrier_at_start,
        ),
        START,
    ),
    controls=(
        Control(
            "soft maximum", "a sign", "soft maximum", altered_claim=_altered("soft maximum", lambda: soft_maximum(-1))
        ),
        Control("barrier", "a sign", "barrier", altered_claim=_altered("barrier", lambda: barrier_at_start(-1))),
        Control("exponent", "moved by 1/1000 beyond its slack", "start", altered_claim=START.beyond("C_across")),
    ),
    errata=(
        Erratum(
            Defect.PROOF_GAP,
            "The proof takes all pairs to be uncorrelated, as Algorithm 2 and footnote 6 start, but section C.1 "
            "and the "
            "corollary of Proposition C.4 start with a common component, where the mean of a product is not the "
            "product "
            "of the means.",
            "'using $\\langle [\\mathbf{V}_{1,j}]_r, [\\mathbf{V}_{1,j'}]_{r'} \\rangle = 0$', l.1541, against "
            "l.1065 and l.1081",
            r"either start will do: with that of Proposition C.4, $s \le \mathrm{poly}(k_1) K^4 \Lambda/m_1^2$",
            not_a_product,
        ),
    ),
    expected=Verdict.PROVED,
    requires=("fsr.C.4",),
)

STATEMENTS = (FACT_11, FACT_12)
