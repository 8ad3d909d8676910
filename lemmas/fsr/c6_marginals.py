r"""Lemma C.6: what the end of D4's training says of a channel's scale, threshold, mean and firing rate.

Setting: x = E ReLU(S - 2b), y = Pr[S > b], t = (beta + b)/alpha, t_1 = t + s, t_0 = t - s, s = b/alpha (``marginal_moments``);
a = E S = alpha A(t_0), c = Pr[S > 0] = Q(t_0); h = phi/Q; stars for the target. Where moments are indexed, e_i = 1/(h - t) and
h_i are taken at t_i, h at t.

Statement (as printed, l.1167-1169): under Induction C.1, after the training of D4, |alpha - alpha*|, |beta - beta*| <= b poly(k),
E ReLU(S) = E ReLU(S*) (1 +- b poly(k)) and E ReLU'(S) = E ReLU'(S*) (1 +- b poly(k)).

Checkable form, at an exact dictionary (zeta to 0). Let X = |log(x/x*)|, Y = |log(y/y*)|, q = b max(y/x, y*/x*) <= 1, and
let both rates y exp(1.5252 q) be at most Q(1). Then, whatever b >= 0 is,
    |log(alpha/alpha*)| <= X + 1.2486 Y,    |log((beta + b)/(beta* + b))| <= X + 1.9043 Y,
    |log(a/a*)| <= X + 4.7556 q Y,    |log(c/c*)| <= Y + 1.5252 q (X + 1.2486 Y).
If Obj <= (C b/m)^2 (weights >= 1) and all four moments are at least 1/(K m), then X, Y <= K C b; a decoding error of kappa b,
kappa <= 1/100, adds at most 8 kappa q to X and 4 kappa q to Y. With q <= b K^2 everything is at most b poly(k), as printed.
So Fact C.21 (b = 0) is not needed in between: the cutoffs change nothing in its constants.

Proof. Move (log x, log y) on a straight line between learner and target; y gives t and x rises with alpha, so that the line is
the image of a path. On it d log y = -h dt, alpha dx/dalpha = x + b Q(t_1) = alpha (phi(t_1) - t Q(t_1)) and dx/dt = -alpha Q(t_1):
    d log alpha = w d log x - d log y/(h (h_1 - t)),    w = 1/(1 + s e_1) <= 1,
and h rises, so h_1 - t >= h - t: this is 1/(h (h - t)) <= 1.2486 of Fact C.21. Then d log(beta + b) = d log alpha + dt/t has
d log y/h times -(1/(h_1 - t) + 1/t), at most 1/(t (h - t)) <= 1.9043. Next dt_0 = dt + s d log alpha, so d log c = -h_0 dt_0 is
(h_0/h) d log y - h_0 s d log alpha, with h_0 <= h and h_0 s <= 1.5252 t s; and d log a = d log alpha - e_0 dt_0
= w (1 - s e_0) d log x - (d log y/h) (e_1 - e_0 - 2 s e_0 e_1) w, where 1/e_0 - 1/e_1, the integral of 1 - h', is in [0, 2s]
(0 < h' < 1): the factor is in [-2 s e_0 e_1, 0], e_1 w = 1/(h_1 - t), and s e_0 <= 1.9043 s t <= 1.9043 q < 2. Last, s t <= b y/x
by the first bound of Claim C.7, and t_0 >= 1 by its last one. The decoding error: x is between E ReLU(S - (2 +- kappa) b), and
log x has slope -e/alpha in its cutoff, with e <= 1.9043 t' at t' <= t + 1.01 s <= 2.01 t; likewise for y, with h at 1.01 t.

The paper's proof, line by line: l.1441-1453 hold, with relative errors exp(2 s e) - 1 of x and exp(s h) - 1 of y against a and
c; l.1455 holds at exact W, as the relative decrease of Claim C.9 reaches b^2/m^2 in poly(d) log(1/b) steps and log(d/eps) is
at most poly(k); l.1463-1469 hold; in l.1471 Fact C.21 asks for tau > 1/poly(d), which b poly(k) may not be, but it holds for
every tau.

Measured: that the training ends there, by running it (``c6_training``). Controls: signs; constants 1 % beyond their
tightest values; exponents beyond their slack. Departures: an exact dictionary.
Source: section C.3, l.1163-1187, 1439-1475.
"""

from typing import TYPE_CHECKING, Any

import sympy
import torch
from flint import arb

from fsrcheck.evidence.boxes import by_series
from fsrcheck.evidence.certified import Certified, Positive
from fsrcheck.evidence.exponents import ExponentChain, Link
from fsrcheck.evidence.monomials import m_to
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.symbolic import SymbolicIdentity
from fsrcheck.gaussian import density, relu_mean, tail
from fsrcheck.gaussian.balls import tail_factor
from fsrcheck.statement import Control, Kind, Statement
from lemmas.fsr.b_exponents import ACTIVE, DELTA, LAMBDA
from lemmas.fsr.c6_training import with_training
from lemmas.fsr.c19_gaussian_facts import (
    ONE_PERCENT_LESS,
    ONE_PERCENT_MORE,
    SCALE_FACTOR,
    THRESHOLD_FACTOR,
    scale,
    threshold,
)
from lemmas.fsr.marginal_moments import (
    ABOVE_ONE,
    ALPHA,
    CUTOFF,
    HAZARD_RATIO,
    density_of,
    hazard_ratio,
    relu_mean_of,
    tail_of,
)

if TYPE_CHECKING:
    from fsrcheck.report.figures import Drawing

T = sympy.Symbol("t", positive=True)
S, E_0, E_1 = sympy.symbols("s e_0 e_1", positive=True)
B = DELTA * LAMBDA  # the cutoff b


def inversion(sign: int = 1) -> list[sympy.Expr]:
    """x and y as functions of alpha and t: the partial derivatives from which d log alpha follows."""
    at = T + CUTOFF / ALPHA
    mean = ALPHA * relu_mean_of(at)
    by_alpha = ALPHA * sympy.diff(mean, ALPHA)
    return [
        by_alpha - mean - sign * CUTOFF * tail_of(at),
        by_alpha - ALPHA * (density_of(at) - T * tail_of(at)),
        sympy.diff(mean, T) + ALPHA * tail_of(at),
        sympy.diff(tail_of(T), T) + density_of(T),
    ]


def inversion_spots() -> list[float]:
    """Both coefficients of d log alpha by inverting the Jacobian that automatic differentiation gives."""
    t = torch.linspace(1.0, 5.0, 9, dtype=torch.float64, requires_grad=True)
    log_alpha = torch.linspace(-1.0, 1.0, 9, dtype=torch.float64, requires_grad=True)
    cutoff = 0.1
    alpha = log_alpha.exp()
    further = t + cutoff / alpha
    values = ((alpha * relu_mean(further)).log(), tail(t).log())
    jacobian = torch.stack(
        [
            torch.stack(torch.autograd.grad(v.sum(), (log_alpha, t), allow_unused=True, materialize_grads=True))
            for v in values
        ]
    )
    inverse = torch.linalg.inv(jacobian.permute(2, 0, 1))
    hazard, hazard_1 = density(t) / tail(t), density(further) / tail(further)
    by_mean = 1 / (1 + cutoff / alpha * tail(further) / relu_mean(further))
    by_rate = -1 / (hazard * (hazard_1 - t))
    found = torch.cat([inverse[:, 0, 0] / by_mean - 1, inverse[:, 0, 1] / by_rate - 1])
    return [float(value) for value in found.detach()]


def back(sign: int = 1) -> list[sympy.Expr]:
    """The slope of h - t, which is A/Q; s's slope in log alpha; and the coefficients of d log a."""
    hazard = density_of(T) / tail_of(T)
    w = 1 / (1 + S * E_1)
    along_rate = -E_1 * w  # of d log alpha, per -dt
    return [
        sympy.diff(relu_mean_of(T) / tail_of(T), T) - (hazard * (hazard - T) - 1),
        ALPHA * sympy.diff(T - CUTOFF / ALPHA, ALPHA) - CUTOFF / ALPHA,
        w - E_0 * S * w - w * (1 - S * E_0),
        -along_rate * (1 - S * E_0) - E_0 - w * (E_1 - E_0 - sign * 2 * S * E_0 * E_1),
    ]


def back_spots() -> list[float]:
    """d log a along both coordinates, by inverting the Jacobian of (log x, log y), against its closed form."""
    t = torch.linspace(1.5, 5.0, 8, dtype=torch.float64, requires_grad=True)
    log_alpha = torch.linspace(-0.5, 1.0, 8, dtype=torch.float64, requires_grad=True)
    alpha = log_alpha.exp()
    s = 0.1 / alpha
    low, high = t - s, t + s
    values = ((alpha * relu_mean(high)).log(), tail(t).log(), (alpha * relu_mean(low)).log())
    slopes = [
        torch.stack(torch.autograd.grad(v.sum(), (log_alpha, t), retain_graph=True, materialize_grads=True))
        for v in values
    ]
    found = torch.linalg.solve(torch.stack(slopes[:2]).permute(2, 1, 0), slopes[2].T)
    e_0, e_1 = tail(low) / relu_mean(low), tail(high) / relu_mean(high)
    w = 1 / (1 + s * e_1)
    by_mean = w * (1 - s * e_0)
    by_rate = -tail(t) / density(t) * (e_1 - e_0 - 2 * s * e_0 * e_1) * w
    return [float(d) for d in torch.cat([found[:, 0] / by_mean - 1, found[:, 1] / by_rate - 1]).detach()]


def hazard_slope_below(limit: str = "1") -> Certified:
    """h' = F_1/F_0^2 < 1, that is (F_0^2 - F_1)/u^2 = 2 F_2 - F_1 + u^2 F_1^2 > 0; with another limit for the
    control."""

    def margin(u: arb) -> arb:
        first = tail_factor(1, u)
        return 2 * tail_factor(2, u) - first + u * u * first * first

    def direct(u: arb) -> arb:
        return arb(limit) * tail_factor(0, u) ** 2 - tail_factor(1, u)

    found = (margin, r"$(F_0^2 - F_1)/u^2 = 2 F_2 - F_1 + u^2 F_1^2$") if limit == "1" else (direct, "")
    part = Positive(found[0], {"u": (0, 1)}, by_series(found[0]), f"{ABOVE_ONE}, {found[1]}")
    return Certified("slope of the hazard", r"$h' < 1$ for all $t \ge 1$; 1 is approached as $t$ grows", (part,))


CHAIN = ExponentChain(
    "powers of m",
    r"with $b = \delta m^{0.02}$, $\delta \le m^{-0.1}$ and $m^{0.01}$ active channels every step on powers of $m$ "
    r"holds",
    (
        Link("Induction C.1", "l.1044", DELTA, m_to("-0.1")),
        Link(r"the target decodes: $s^\star = S^\star \pm 0.01 b$", "l.1449", DELTA, B, True),
        Link(r"the learner decodes: $s = S \pm 0.01 b$", "l.1216, l.1441", DELTA * ACTIVE, B, True),
        Link(r"Claim C.7: $b \ll m^{-0.01}$", "l.1268", B, m_to("-0.01"), True),
        Link("the moments end closer than their size", "l.1457", B * m_to(-1), m_to(-1), True),
        Link(r"Fact C.21: $\tau = b\, \mathrm{poly}(k)$", "l.1471, l.1904", B, m_to("-0.01"), True),
    ),
    {"delta": "-0.1", "lambda": "0.02", "n": "0.01"},
)


def parameter_bounds(mean: float, rate: float) -> tuple[float, float]:
    """The bounds of |log(alpha/alpha*)| and |log((beta + b)/(beta* + b))| from X = ``mean`` and Y = ``rate``."""
    return mean + float(SCALE_FACTOR) * rate, mean + float(THRESHOLD_FACTOR) * rate


def moment_bounds(mean: float, rate: float, shift: float) -> tuple[float, float]:
    """The bounds of |log(a/a*)| and |log(c/c*)| from X, Y and q = ``shift``."""
    factor = 2 * float(THRESHOLD_FACTOR) * float(SCALE_FACTOR)
    of_scale = mean + float(SCALE_FACTOR) * rate
    return mean + factor * shift * rate, rate + float(HAZARD_RATIO) * shift * of_scale


def draw(result: Any) -> "list[Drawing]":
    """The error against delta and against kappa, then the standard plots."""
    from fsrcheck.report.scaling_plot import standard_drawings  # matplotlib is needed for the report only
    from lemmas.fsr.c6_figure import draw_training

    return [*draw_training(result), *standard_drawings(result)]


LEMMA_6 = Statement(
    id="fsr.C.6",
    label="Lemma C.6",
    kind=Kind.LEMMA,
    title="End of the training of D4: one channel's distribution is learned",
    printed=r"under Induction C.1, after the training of $D^{(4)}$: $|\alpha_{1,j,r} - \|[V^\star_{1,j}]_r\||, "
    r"|[b_{1,j}]_r - [b^\star_{1,j}]_r| \le b\, \mathrm{poly}(k_1)$, $E \mathrm{ReLU}([S_{1,j}]_r) = E "
    r"\mathrm{ReLU}([S^\star_{1,j}]_r) (1 \pm b\, \mathrm{poly}(k_1))$ and the same for $\mathrm{ReLU}'$",
    checkable=r"at exact $W$, $X = |\log(x/x^\star)|$, $Y = |\log(y/y^\star)|$ for $x = E \mathrm{ReLU}(S - 2b)$, $y "
    r"= \Pr[S > b]$, "
    r"$q = b \max(\frac{y}{x}, \frac{y^\star}{x^\star}) \le 1$, $y e^{1.5252 q} \le Q(1)$, likewise $y^\star$: "
    rf"$|\log(\alpha/\alpha^\star)| \le X + {SCALE_FACTOR}\, Y$, $|\log((\beta + b)/(\beta^\star + b))| \le X + "
    rf"{THRESHOLD_FACTOR}\, Y$, $|\log(E S/E S^\star)| \le X + 4.7556\, q Y$, $|\log(\Pr[S > 0]/\Pr[S^\star > 0])| \le Y + "
    rf"{HAZARD_RATIO}\, q (X + {SCALE_FACTOR}\, Y)$; $\mathrm{{Obj}} \le (C b/m)^2$ and moments of at least $1/(K m)$ give "
    r"$X, Y \le K C b$",
    source="section C.3, l.1163-1187, 1439-1475",
    evidence="symbolic steps of a proof written out in the module, ball arithmetic, exponents; that training ends there is "
    "measured",
    claims=(
        SymbolicIdentity(
            "inversion",
            r"$\alpha \partial_\alpha x = x + b Q(t_1) = \alpha (\phi(t_1) - t Q(t_1))$, $\partial_t x = -\alpha "
            r"Q(t_1)$",
            inversion,
            inversion_spots,
        ),
        scale(),
        threshold(),
        hazard_ratio(),
        SymbolicIdentity(
            "back",
            r"$d \log E S = w (1 - s e_0)\, d \log x - (w/h) (e_1 - e_0 - 2 s e_0 e_1)\, d \log y$, $(1/e)' = "
            r"h' - 1$",
            back,
            back_spots,
        ),
        hazard_slope_below(),
        CHAIN,
    ),
    controls=(
        Control(
            "inversion",
            "the sign of the cutoff's term",
            "inversion",
            altered_claim=SymbolicIdentity("inversion", "", lambda: inversion(-1)),
        ),
        Control("scale constant", "1.2486 lowered by 1 %", "scale", altered_claim=scale(ONE_PERCENT_MORE)),
        Control("threshold constant", "1.9043 lowered by 1 %", "threshold", altered_claim=threshold(ONE_PERCENT_MORE)),
        Control(
            "hazard constant", "1.5252 lowered by 1 %", "hazard ratio", altered_claim=hazard_ratio(ONE_PERCENT_MORE)
        ),
        Control("back", "a sign", "back", altered_claim=SymbolicIdentity("back", "", lambda: back(-1))),
        Control(
            "slope constant",
            "1 lowered by 1 %",
            "slope of the hazard",
            altered_claim=hazard_slope_below(ONE_PERCENT_LESS),
        ),
        Control("cutoff", r"$b/\delta$ 1/1000 beyond its slack", "powers of m", altered_claim=CHAIN.beyond("lambda")),
        Control(
            "decoding error",
            r"$\delta m^{0.02}$ as in (C.9), not much smaller than $b$",
            "powers of m",
            altered_claim=CHAIN.with_values(n="0.02"),
        ),
    ),
    expected=Verdict.CERTIFIED,
    departures=("The dictionary is exact and zeta is 0.",),
    requires=("fsr.C.7", "fsr.C.9", "fsr.C.21"),
    figure=draw,
)

STATEMENT = with_training(LEMMA_6)
