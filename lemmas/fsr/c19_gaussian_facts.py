r"""Facts C.19, C.20 and C.21: the mean and the firing rate of one channel, and what they say of its parameters.

Setting: g standard normal with density phi and upper tail Q; A(t) = E ReLU(g - t) = phi(t) - t Q(t); h = phi/Q. A channel
is S = ReLU(alpha g - beta), t = beta/alpha. For t >= 1 write t = 1/u, u in (0, 1]: then (``gaussian.balls``)
Q = phi u F_0, A = phi u^2 F_1, E (g - t)_+^2 = 2 phi u^3 F_2, with F_n falling from F_n(0) = 1, so that u = 0 can be
included and nothing is left over at infinity.

Statement (as printed, section C.6.1, l.1884-1920):
C.19: E ReLU(g - beta) = Theta(1) Pr[g > beta] min{1/beta, 1} for beta > 0.
C.20: under Assumption 2.2, 1/poly(k) <= ||V_r||_2 <= b_r <= poly(k).
C.21: if mean and firing rate of two channels lie in [1/(m poly(k)), poly(k)/m] and differ by at most tau/m together,
tau <= m^-0.01, then their scales and thresholds differ by at most poly(k) tau.

Checkable form:
C.19: 0.525135276 <= A(t) / (Q(t) min{1/t, 1}) < 1. The minimum h(1) - 1 is attained at t = 1 (the ratio is h(t) - t
below, which falls, and F_1/F_0 above); 1 is approached as t grows and cannot be lowered. For t >= 1 the upper bound is
F_0 - F_1 = 2 u^2 F_2 > 0, that is Q(t) - t A(t) = E (g - t)_+^2.

C.20: let Pr[S > 0] <= K/m <= Q(1), E S >= 1/(K m) and Pr[S > B] < 0.421 Pr[S > 0]. Then
1/K^2 <= alpha <= beta <= 4 B log(B K m), so log m <= poly(k) is needed (Assumption 2.2 has k >= Omega(log m)). Proof:
t >= 1 since Q(t) <= Q(1). By C.19, 1/(K m) <= alpha A(t) <= alpha Q(t)/t <= (alpha/t) K/m, so alpha >= alpha/t >= 1/K^2.
As Q(t + 1/(2t)) >= 0.421 Q(t), the channel exceeds alpha/(2t) too often for B < alpha/(2t): so alpha <= 2 B t. Hence
1/(K m) <= alpha Q(t)/t <= 2 B Q(t) <= B exp(-t^2/2), t^2 <= 2 log(B K m), and beta = alpha t <= 2 B t^2.

C.21: let means and rates lie in [1/(K m), K/m], K/m <= Q(1). Along Q(t) = c, alpha A(t) = a:
d log alpha = d log a - d log c / (h (h - t)) and d log beta = d log a - d log c / (t (h - t)); both factors fall in t, to
1.2486 and 1.9043 at t = 1. As |log a - log a*| <= K m |a - a*|, and for c alike,
|log(alpha/alpha*)| <= 1.2486 K tau and |log(beta/beta*)| <= 1.9043 K tau; and t/K^2 <= alpha = (a/c)/(h - t) <= 1.905 K^2 t
by C.19, with t^2 <= 2 log(K m). Hence |alpha - alpha*| <= alpha (exp(1.2486 K tau) - 1) <= poly(k) tau as printed.

Measured: nothing; all are certified over the whole ray.
Controls: each constant 1 % beyond its tightest value; the minimum in C.19 left out; one sign flipped.
Departures from the paper: none.
Source: section C.6.1, l.1884-1920.
"""

import math

import sympy
import torch
from flint import arb

from fsrcheck.evidence.boxes import Margin, by_series
from fsrcheck.evidence.certified import Certified, Positive, Rising
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.symbolic import SymbolicIdentity
from fsrcheck.gaussian import density, relu_mean, relu_moment, tail
from fsrcheck.gaussian.balls import density as ball_density
from fsrcheck.gaussian.balls import hazard_excess, tail_factor
from fsrcheck.gaussian.balls import tail as ball_tail
from fsrcheck.statement import Control, Kind, Statement

LOWEST_RATIO = "0.525135276"  # h(1) - 1 = 0.52513527616..., rounded down
LARGEST_RATIO = "1"
STEP_PROBABILITY = "0.421"  # Q(1.5)/Q(1) = 0.421084...
SCALE_FACTOR = "1.2486"  # 1 / (h(1) (h(1) - 1)) = 1.248591...
THRESHOLD_FACTOR = "1.9043"  # 1 / (h(1) - 1) = 1.904271...
ONE_PERCENT_MORE, ONE_PERCENT_LESS = "1.01", "0.99"
BELOW_ONE = r"$0 \le t \le 1$"
ABOVE_ONE = r"$t = 1/u \ge 1$"


def part(margin: Margin, where: str = ABOVE_ONE) -> Positive:
    """A margin on the unit interval, of t or of u."""
    return Positive(margin, {"t" if where == BELOW_ONE else "u": (0, 1)}, by_series(margin), where)


def ratio(u: arb) -> arb:
    """A(t) t / Q(t) = t (h - t) at t = 1/u."""
    return tail_factor(1, u) / tail_factor(0, u)


def lower(factor: str = "1") -> Certified:
    """The lower bound of C.19, its constant times ``factor``."""
    constant = arb(LOWEST_RATIO) * arb(factor)
    parts = (part(lambda t: hazard_excess(t) - constant, BELOW_ONE), part(lambda u: ratio(u) - constant))
    text = (
        rf"$E \mathrm{{ReLU}}(g - t) \ge {LOWEST_RATIO} \Pr[g > t] \min(1/t, 1)$ for all $t > 0$; attained at $t = 1$"
    )
    return Certified("lower", text, parts)


def without_minimum() -> Certified:
    """The lower bound with 1/t in place of the minimum, which fails for small t."""
    return Certified("lower", "", (part(lambda t: t * hazard_excess(t) - arb(LOWEST_RATIO), BELOW_ONE),))


def upper() -> Certified:
    """The upper bound of C.19; above 1 the margin 1 - F_1/F_0 is divided by u^2, since it vanishes at u = 0."""
    parts = (
        part(lambda t: 1 - hazard_excess(t), BELOW_ONE),
        part(lambda u: 2 * tail_factor(2, u) / tail_factor(0, u), ABOVE_ONE + r", $(1 - F_1/F_0) / u^2 = 2 F_2/F_0$"),
    )
    text = (
        r"$E \mathrm{ReLU}(g - t) < \Pr[g > t] \min(1/t, 1)$ for all $t > 0$; the constant 1 is approached as $t$ grows"
    )
    return Certified("upper", text, parts)


def upper_with(constant: str) -> Certified:
    """The upper bound with another constant."""
    return Certified("upper", "", (part(lambda u: arb(constant) - ratio(u)),))


T, X = sympy.symbols("t x", positive=True)


def second_moment(sign: int = 1) -> list[sympy.Expr]:
    """The integrand of (Q(t) - t A(t) - E (g - t)_+^2) / phi(t), a derivative that vanishes at both ends.

    With x = g - t and phi(t + x)/phi(t) = exp(-t x - x^2/2): 1 - t x - x^2 times that is d/dx of x times that.
    """
    weight = sympy.exp(-T * X - X**2 / 2)
    return [(1 - T * X - sign * X**2) * weight - sympy.diff(X * weight, X), (X * weight).subs(X, 0)]


def second_moment_spots() -> list[float]:
    """The same by the package's moments, at some thresholds."""
    t = torch.linspace(0.0, 6.0, 13, dtype=torch.float64)
    left, right = tail(t) - t * relu_mean(t), relu_moment(t, 2)
    return [float(x) for x in (left - right) / tail(t)]


FACT_19 = Statement(
    id="fsr.C.19",
    label="Fact C.19",
    kind=Kind.FACT,
    title="Mean of a ReLU against its firing probability",
    printed=r"when $\beta > 0$: $E\,\mathrm{ReLU}(g - \beta) = \Theta(1) \cdot \Pr[g > \beta] \cdot \min\{1/\beta, 1\}$",
    checkable=rf"${LOWEST_RATIO} \le E\,\mathrm{{ReLU}}(g - \beta) / (\Pr[g > \beta] \min\{{1/\beta, 1\}}) < 1$ for every "
    r"$\beta > 0$; the minimum is $h(1) - 1$, attained at $\beta = 1$, and 1 is approached as $\beta$ grows",
    source="section C.6.1, l.1884",
    evidence="ball arithmetic over the whole ray",
    claims=(
        lower(),
        upper(),
        SymbolicIdentity("second moment", r"$Q(t) - t A(t) = E (g - t)_+^2$", second_moment, second_moment_spots),
    ),
    controls=(
        Control("lower constant", "0.525135276 raised by 1 %", "lower", altered_claim=lower(ONE_PERCENT_MORE)),
        Control("upper constant", "1 lowered by 1 %", "upper", altered_claim=upper_with(ONE_PERCENT_LESS)),
        Control("minimum", "the minimum with 1 left out", "lower", altered_claim=without_minimum()),
        Control(
            "sign",
            "the sign of the second moment",
            "second moment",
            altered_claim=SymbolicIdentity("second moment", "", lambda: second_moment(-1)),
        ),
    ),
    expected=Verdict.CERTIFIED,
    constants=(
        Constant(
            "lower", float(LOWEST_RATIO), Provenance.DERIVED, r"$h(1) - 1 = 0.52513527616...$, attained at $t = 1$"
        ),
        Constant("upper", float(LARGEST_RATIO), Provenance.DERIVED, "approached as t grows"),
    ),
)


def step(factor: str = "1") -> Certified:
    """Q(t + 1/(2t)) / Q(t) is at least the constant times ``factor``, t = 1/u >= 1.

    With s = 1 + u^2/2 the ratio is exp(-1/2 - u^2/8) F_0(u/s) / (s F_0(u)).
    """

    def margin(u: arb) -> arb:
        s = 1 + u * u / 2
        found = (-arb("0.5") - u * u / 8).exp() * tail_factor(0, u / s) / (s * tail_factor(0, u))
        return found - arb(STEP_PROBABILITY) * arb(factor)

    text = rf"$Q(t + 1/(2t)) \ge {STEP_PROBABILITY}\, Q(t)$ for all $t \ge 1$; attained at $t = 1$ up to rounding down"
    return Certified("one step further", text, (part(margin),))


def tail_bound(factor: str = "1") -> Certified:
    """2 Q(t) exp(t^2/2) <= factor for all t >= 0: equality at 0, from where the left side falls."""

    def near(t: arb) -> arb:
        return arb(factor) - ball_tail(t) / ball_density(t) * (2 / arb.pi()).sqrt()

    def far(u: arb) -> arb:
        return arb(factor) - u * tail_factor(0, u) * (2 / arb.pi()).sqrt()

    zero = sympy.Rational(factor) - sympy.erfc(0)
    parts = (Rising(near, {"t": (0, 1)}, "t", zero=lambda: zero, where=BELOW_ONE), part(far))
    return Certified("tail", r"$Q(t) \le e^{-t^2/2} / 2$ for all $t \ge 0$; equality at $t = 0$", parts)


def smallest_scale(spread: float) -> float:
    """1/K^2, the lower bound of alpha in C.20; K = ``spread``."""
    return spread**-2.0


def largest_threshold(spread: float, largest: float, num_channels: float) -> float:
    """4 B log(B K m), the upper bound of beta in C.20; K = ``spread``, B = ``largest``."""
    return 4 * largest * math.log(largest * spread * num_channels)


FACT_20 = Statement(
    id="fsr.C.20",
    label="Fact C.20",
    kind=Kind.FACT,
    title="Scale and threshold of a sparse channel",
    printed=r"under Assumption 2.2, $1/\mathrm{poly}(k_1) \le \|[V^\star_{1,j}]_r\|_2 \le [b^\star_{1,j}]_r \le "
    r"\mathrm{poly}(k_1)$ for every $j, r$",
    checkable=r"if $\Pr[S > 0] \le K/m \le Q(1)$, $E S \ge 1/(K m)$ and $\Pr[S > B] < 0.421 \Pr[S > 0]$ for "
    r"$S = \mathrm{ReLU}(\alpha g - \beta)$, then $1/K^2 \le \alpha \le \beta \le 4 B \log(B K m)$; so $\log m \le "
    r"\mathrm{poly}(k)$ is needed, which Assumption 2.2 provides",
    source="section C.6.1, l.1886-1896",
    evidence="ball arithmetic over the whole ray",
    claims=(step(), upper(), tail_bound()),
    controls=(
        Control("step constant", "0.421 raised by 1 %", "one step further", altered_claim=step(ONE_PERCENT_MORE)),
        Control("mean constant", "1 lowered by 1 %", "upper", altered_claim=upper_with(ONE_PERCENT_LESS)),
        Control("tail constant", "1/2 lowered by 1 %", "tail", altered_claim=tail_bound(ONE_PERCENT_LESS)),
    ),
    expected=Verdict.CERTIFIED,
    constants=(
        Constant(
            "step", float(STEP_PROBABILITY), Provenance.DERIVED, r"$Q(3/2)/Q(1) = 0.421084...$, attained at $t = 1$"
        ),
    ),
    requires=("fsr.C.19",),
)


def derivatives(sign: int = 1) -> list[sympy.Expr]:
    """How scale and threshold follow mean and rate, by the chain rule; ``sign = -1`` flips one sign.

    log alpha = log a - log A(t) and log beta = log alpha + log t, where Q(t) = c.
    """
    density_of = sympy.exp(-(T**2) / 2) / sympy.sqrt(2 * sympy.pi)
    upper_tail = sympy.erfc(T / sympy.sqrt(2)) / 2
    mean = density_of - sign * T * upper_tail
    rate = sympy.diff(sympy.log(upper_tail), T)
    hazard = density_of / upper_tail
    return [
        sympy.diff(-sympy.log(mean), T) / rate + 1 / (hazard * (hazard - T)),
        sympy.diff(sympy.log(T) - sympy.log(mean), T) / rate + 1 / (T * (hazard - T)),
    ]


def derivative_spots() -> list[float]:
    """The same by automatic differentiation of the package's functions."""
    t = torch.linspace(0.5, 5.0, 10, dtype=torch.float64, requires_grad=True)
    rate = _slope(tail(t).log(), t)
    hazard, excess = density(t) / tail(t), relu_mean(t) / tail(t)
    scale = _slope(-relu_mean(t).log(), t) / rate * hazard * excess + 1
    threshold = _slope(t.log() - relu_mean(t).log(), t) / rate * t * excess + 1
    return torch.cat([scale, threshold]).tolist()


def _slope(value: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    return torch.autograd.grad(value.sum(), at, retain_graph=True)[0].detach()


def scale(factor: str = "1") -> Certified:
    """1 / (h (h - t)) = F_0^2/F_1 is at most 1.2486 / ``factor`` for t >= 1."""
    margin = part(lambda u: tail_factor(1, u) / tail_factor(0, u) ** 2 - arb(factor) / arb(SCALE_FACTOR))
    return Certified("scale", rf"$1/(h (h - t)) \le {SCALE_FACTOR}$ for all $t \ge 1$; attained at $t = 1$", (margin,))


def threshold(factor: str = "1") -> Certified:
    """1 / (t (h - t)) = F_0/F_1 is at most 1.9043 / ``factor`` for t >= 1."""
    margin = part(lambda u: ratio(u) - arb(factor) / arb(THRESHOLD_FACTOR))
    text = rf"$1/(t (h - t)) \le {THRESHOLD_FACTOR}$ for all $t \ge 1$; attained at $t = 1$"
    return Certified("threshold", text, (margin,))


def log_scale_bound(spread: float, difference: float) -> float:
    """1.2486 K tau, the bound of |log(gamma/gamma*)| in C.21; K = ``spread``, tau = ``difference``."""
    return float(SCALE_FACTOR) * spread * difference


def log_threshold_bound(spread: float, difference: float) -> float:
    """1.9043 K tau, the bound of |log(beta/beta*)| in C.21; K = ``spread``, tau = ``difference``."""
    return float(THRESHOLD_FACTOR) * spread * difference


FACT_21 = Statement(
    id="fsr.C.21",
    label="Fact C.21",
    kind=Kind.FACT,
    title="Mean and firing rate determine scale and threshold",
    printed=r"if $a, a^\star, c, c^\star \in [\frac{1}{m_1 \mathrm{poly}(k_1)}, \frac{\mathrm{poly}(k_1)}{m_1}]$ and "
    r"$|a - a^\star| + |c - c^\star| \le \tau/m_1$, $\tau \in (1/\mathrm{poly}(d), m_1^{-0.01}]$, then "
    r"$|\gamma - \gamma^\star|, |\beta - \beta^\star| \le \mathrm{poly}(k_1) \tau$",
    checkable=r"if $a, a^\star, c, c^\star \in [1/(K m), K/m]$, $K/m \le Q(1)$ and $|a - a^\star| + |c - c^\star| \le \tau/m$, "
    rf"then $|\log(\gamma/\gamma^\star)| \le {SCALE_FACTOR} K \tau$, $|\log(\beta/\beta^\star)| \le {THRESHOLD_FACTOR} K \tau$, "
    r"and $t/K^2 \le \gamma \le 1.905 K^2 t$ with $t = \beta/\gamma \le \sqrt{2 \log(K m)}$",
    source="section C.6.1, l.1898-1920",
    evidence="symbolic derivatives, ball arithmetic over the whole ray",
    claims=(
        SymbolicIdentity(
            "derivatives",
            r"$\partial \log \gamma / \partial \log c = -1/(h (h - t))$, "
            r"$\partial \log \beta / \partial \log c = -1/(t (h - t))$ at fixed $a$",
            derivatives,
            derivative_spots,
        ),
        scale(),
        threshold(),
    ),
    controls=(
        Control(
            "sign",
            "the sign of t Q in the mean",
            "derivatives",
            altered_claim=SymbolicIdentity("derivatives", "", lambda: derivatives(-1)),
        ),
        Control("scale constant", "1.2486 lowered by 1 %", "scale", altered_claim=scale(ONE_PERCENT_MORE)),
        Control("threshold constant", "1.9043 lowered by 1 %", "threshold", altered_claim=threshold(ONE_PERCENT_MORE)),
    ),
    expected=Verdict.CERTIFIED,
    constants=(
        Constant("scale", float(SCALE_FACTOR), Provenance.DERIVED, r"$1/(h(1)(h(1) - 1)) = 1.248591...$, at $t = 1$"),
        Constant("threshold", float(THRESHOLD_FACTOR), Provenance.DERIVED, r"$1/(h(1) - 1) = 1.904271...$, at $t = 1$"),
    ),
    requires=("fsr.C.19",),
)

STATEMENTS = (FACT_19, FACT_20, FACT_21)
