r"""Footnotes 13, 15, 17 and 19: four facts on smooth functions that the proofs lean on.

Setting: "L-smooth" means that the gradient is L-Lipschitz, "mu-strongly concave" that f + mu |y|^2/2 is concave. On a
segment from x to x' put p(s) = f(x + s (x' - x)); then p(1) - p(0) - p'(0) is the integral of p'(s) - p'(0), which for
an L-smooth f is at most L |x' - x|^2 s in absolute value; and it is the integral of (1 - s) p''(s).

Statement (as printed):
13 (l.1193): f strongly concave in y, df/dx poly(d)-Lipschitz in y, f(x1, y1) >= max_y f(x1, y) - eps. Then
|y1 - y*|^2 <= eps poly(d), and the gradients in x at y1 and at y* differ by at most sqrt(eps) poly(d).
15 (l.1459): f L-smooth, eta <= 1/(2L): the step x - eta grad f(x) lowers f by at least (eta/2) |grad f(x)|^2.
17 (l.1804): on g(x) = f(x/|x|) gradient descent keeps |x| >= 0.99 |x_0|, since grad g(x) is orthogonal to x.
19 (l.2579): f >= 0 and L-smooth: f(x) >= |grad f(x)|^2 / (2L).

Checkable form:
13: |y1 - y*|^2 <= 2 eps/mu and |difference of gradients| <= L sqrt(2 eps/mu); both attained by f = -mu y^2/2 + L x y.
Proof: with y(s) from y* to y1, p'(0) <= 0 and p'' <= -mu |y1 - y*|^2, so -eps <= p(1) - p(0) <= -mu |y1 - y*|^2/2.
The objective to which section C.3 applies it (see fsr.eq.C.2), F(v) = a o_K(v) - v^2 with o_K(v) = K v for v >= 0 and v
below, is not concave for a > 0 (its slope jumps up by (K - 1) a at 0). Its maximiser is unique all the same, and
max F - F(v) >= (K+1)/(2K) (v - v*)^2 for every a and every K >= 1, so that |v1 - v*|^2 <= 2K/(K+1) eps < 2 eps. For
D5 the premise holds with mu = 1: the second derivative of -u log u is -1/u <= -1 on the simplex.
15: the decrease is at least eta (1 - eta L/2) |grad f|^2, so 3/4 instead of 1/2 for eta <= 1/(2L), attained by
L x^2/2 at eta = 1/(2L); the printed 1/2 needs only eta <= 1/L.
17: |x'|^2 = |x|^2 + eta^2 |grad g(x)|^2 exactly: the norm never falls (0.99 becomes 1). Since
|grad g(x)| <= |grad f(x/|x|)|/|x|, after T steps |x_T|^2 <= |x_0|^2 + T eta^2 G^2/|x_0|^2 with G the largest |grad f| on
the sphere. This also holds for stochastic gradients of g (each is orthogonal to x), not for an injected perturbation.
19: as printed; attained by L x^2/2. Proof: 0 <= f(x - grad f/L) <= f(x) - |grad f|^2/(2L), by 15 with eta = 1/L.

Measured: searches for violations of 13, 15, 19 (all attained). Spot-checked on random trigonometric polynomials.
Controls: every constant 1 % beyond its tightest value; one sign flipped; the normalisation left out.
Departures from the paper: none. The trajectories to which these facts are applied are judged with the stages.
Source: footnotes 13, 15, 17, 19, l.1193, l.1459, l.1804, l.2579.
"""

import sympy
import torch
from torch import Tensor

from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.symbolic import SymbolicIdentity
from fsrcheck.statement import Control, Kind, Statement
from lemmas.fsr.adversary import searched
from lemmas.fsr.smooth_searches import DECREASE, GROWTH, NON_NEGATIVE

STEP, SMOOTHNESS, CONCAVITY, SQUARE = sympy.symbols("eta L mu G", positive=True)  # SQUARE is |grad f|^2
S, X = sympy.symbols("s x", real=True)
ONE, HALF, THREE_QUARTERS = sympy.Integer(1), sympy.Rational(1, 2), sympy.Rational(3, 4)
ONE_PERCENT_MORE = sympy.Rational(101, 100)
ONE_PERCENT_LESS = sympy.Rational(99, 100)


def on_a_segment() -> list[sympy.Expr]:
    """The integrands of both remainders are derivatives, for every function p; the integral of s is 1/2."""
    p = sympy.Function("p")(S)
    start = sympy.Symbol("p0")  # p'(0)
    slope = sympy.diff(p, S)
    return [
        sympy.diff(p - S * start, S) - (slope - start),
        sympy.diff(p + (1 - S) * slope, S) - (1 - S) * sympy.diff(p, S, 2),
        sympy.integrate(S, (S, 0, 1)) - HALF,
        sympy.integrate(1 - S, (S, 0, 1)) - HALF,
    ]


SEGMENT = SymbolicIdentity(
    "segment",
    r"$p(1) - p(0) - p'(0) = \int_0^1 (p'(s) - p'(0)) ds = \int_0^1 (1 - s) p''(s) ds$ for every function $p$",
    on_a_segment,
)


def least_decrease(step: sympy.Expr = STEP) -> sympy.Expr:
    """eta |grad f|^2 - L eta^2 |grad f|^2 / 2, what a step lowers f by at least."""
    return step * SQUARE - SMOOTHNESS * step**2 * SQUARE / 2


def decrease(constant: sympy.Expr = THREE_QUARTERS) -> list[sympy.Expr]:
    """The least decrease minus constant eta |grad f|^2, as a product that is non-negative for eta <= 1/(2L)."""
    return [least_decrease() - constant * STEP * SQUARE - STEP * SQUARE * (HALF - STEP * SMOOTHNESS) / 2]


def printed_decrease() -> list[sympy.Expr]:
    """With the printed constant 1/2, as a product that is non-negative for eta <= 1/L."""
    return [least_decrease() - STEP * SQUARE / 2 - STEP * SQUARE * (1 - STEP * SMOOTHNESS) / 2]


def parabola(x: sympy.Expr) -> sympy.Expr:
    """L x^2 / 2, which attains the constants."""
    return SMOOTHNESS * x**2 / 2


def decrease_is_attained(constant: sympy.Expr = THREE_QUARTERS) -> list[sympy.Expr]:
    """For L x^2/2 at eta = 1/(2L) the decrease is constant eta |grad f|^2."""
    step, slope = 1 / (2 * SMOOTHNESS), SMOOTHNESS * X
    return [parabola(X) - parabola(X - step * slope) - constant * step * slope**2]


def non_negative(constant: sympy.Expr = HALF, offset: int = 0) -> list[sympy.Expr]:
    """A step of 1/L lowers f by at least constant |grad f|^2/L, and L x^2/2 - offset attains it with value 0 left."""
    slope = SMOOTHNESS * X
    return [
        least_decrease(1 / SMOOTHNESS) - constant * SQUARE / SMOOTHNESS,
        parabola(X) - offset - constant * slope**2 / SMOOTHNESS,
    ]


def waves(points: Tensor, weights: Tensor, frequencies: Tensor) -> Tensor:
    """sum_i w_i (1 + cos <f_i, x>) >= 0; points (n, dim), frequencies (waves, dim); returns (n,)."""
    return (weights * (1 + torch.cos(points @ frequencies.T))).sum(dim=1)


def wave_instances() -> tuple[Tensor, Tensor, Tensor, float]:
    """Points that require a gradient, weights and frequencies of a random wave sum, and its smoothness."""
    generator = torch.Generator().manual_seed(0)
    points = 3 * torch.randn(64, 4, dtype=torch.float64, generator=generator)
    weights = torch.rand(6, dtype=torch.float64, generator=generator)
    frequencies = torch.randn(6, 4, dtype=torch.float64, generator=generator)
    smoothness = float((weights * frequencies.square().sum(dim=1)).sum())
    return points.requires_grad_(), weights, frequencies, smoothness


def decrease_spots() -> list[float]:
    """By how much 3/4 eta |grad f|^2 exceeds the decrease of random waves, relatively; 0 where it does not."""
    points, weights, frequencies, smoothness = wave_instances()
    before = waves(points, weights, frequencies)
    slope = torch.autograd.grad(before.sum(), points)[0]
    step = 0.5 / smoothness
    least = 0.75 * step * slope.square().sum(dim=1)
    lowered = before - waves(points - step * slope, weights, frequencies)
    return ((least - lowered).clamp(min=0) / before).tolist()


def non_negative_spots() -> list[float]:
    """By how much |grad f|^2/(2L) exceeds f for random non-negative waves, relatively; 0 where it does not."""
    points, weights, frequencies, smoothness = wave_instances()
    values = waves(points, weights, frequencies)
    slope = torch.autograd.grad(values.sum(), points)[0]
    return ((slope.square().sum(dim=1) / (2 * smoothness) - values).clamp(min=0) / values).tolist()


FOOTNOTE_15 = Statement(
    id="fsr.fn.15",
    label="Footnote 15",
    kind=Kind.LEMMA,
    title="One gradient step on a smooth function",
    printed=r"$f$ is $L$-Lipschitz smooth, $\eta \le \frac{1}{2L}$: the update $x \leftarrow x - \eta \nabla f(x)$ decreases "
    r"$f$ by at least $\frac{\eta}{2} \|\nabla f(x)\|_2^2$",
    checkable=r"at least $\eta (1 - \eta L/2) \|\nabla f(x)\|^2$, so $\frac{3}{4} \eta \|\nabla f(x)\|^2$ for $\eta \le 1/(2L)$ "
    r"(attained by $L x^2/2$); the printed $\frac{1}{2}$ for $\eta \le 1/L$",
    source="section C.3.3, footnote 15, l.1459",
    evidence="symbolic, all functions",
    claims=(
        SEGMENT,
        SymbolicIdentity(
            "decrease",
            r"$\eta (1 - \eta L/2) = \frac{3}{4} \eta + \frac{1}{2} \eta (\frac{1}{2} - \eta L)$",
            decrease,
            decrease_spots,
        ),
        SymbolicIdentity(
            "printed",
            r"$\eta (1 - \eta L/2) = \frac{1}{2} \eta + \frac{1}{2} \eta (1 - \eta L)$, so $\eta \le 1/L$ is enough",
            printed_decrease,
        ),
        SymbolicIdentity("attained", r"$L x^2/2$ attains $\frac{3}{4}$ at $\eta = 1/(2L)$", decrease_is_attained),
    ),
    controls=(
        Control(
            "constant",
            "3/4 raised by 1 %",
            "attained",
            altered_claim=SymbolicIdentity(
                "attained", "", lambda: decrease_is_attained(THREE_QUARTERS * ONE_PERCENT_MORE)
            ),
        ),
        Control(
            "product",
            "3/4 raised by 1 % in the proof",
            "decrease",
            altered_claim=SymbolicIdentity("decrease", "", lambda: decrease(THREE_QUARTERS * ONE_PERCENT_MORE)),
        ),
    ),
    expected=Verdict.PROVED,
    constants=(Constant("decrease", 0.75, Provenance.DERIVED, r"attained by $L x^2/2$ at $\eta = 1/(2L)$"),),
)

FOOTNOTE_19 = Statement(
    id="fsr.fn.19",
    label="Footnote 19",
    kind=Kind.LEMMA,
    title="Gradient of a smooth non-negative function",
    printed=r"for any non-negative $L$-Lipschitz smooth $f$ (not necessarily convex): "
    r"$f(x) \ge \frac{1}{2L} \|\nabla f(x)\|_2^2$",
    checkable=r"the same; equality for $L x^2/2$, so that $\frac{1}{2}$ cannot be raised",
    source="section D.2, footnote 19, l.2579",
    evidence="symbolic, all functions",
    claims=(
        SEGMENT,
        SymbolicIdentity(
            "bound",
            r"a step of $1/L$ lowers $f$ by at least $\|\nabla f\|^2/(2L)$; $L x^2/2$ attains it",
            non_negative,
            non_negative_spots,
        ),
    ),
    controls=(
        Control(
            "constant",
            "1/2 raised by 1 %",
            "bound",
            altered_claim=SymbolicIdentity("bound", "", lambda: non_negative(HALF * ONE_PERCENT_MORE)),
        ),
        Control(
            "sign of f",
            "a function that is negative somewhere, L x^2/2 - 1",
            "bound",
            altered_claim=SymbolicIdentity("bound", "", lambda: non_negative(offset=1)),
        ),
    ),
    expected=Verdict.PROVED,
    constants=(Constant("bound", 0.5, Provenance.DERIVED, r"attained by $L x^2/2$"),),
)

COUPLING, DISTANCE = sympy.symbols("C D", positive=True)  # C: Lipschitz constant of df/dx in y
WEIGHT, SHARE, W = sympy.symbols("K a w", positive=True)  # o_K, |a| and |v|


def near_maximiser(factor: sympy.Expr = ONE) -> list[sympy.Expr]:
    """f = -mu y^2/2 + C x y at y* + D: D^2 = factor 2 eps/mu, and the gradient in x moves by C sqrt(2 eps/mu)."""
    y = sympy.Symbol("y")
    f = -CONCAVITY * y**2 / 2 + COUPLING * X * y
    best = COUPLING * X / CONCAVITY
    lost = (f.subs(y, best) - f.subs(y, best + DISTANCE)).expand()
    slope = sympy.diff(f, X)
    moved = slope.subs(y, best + DISTANCE) - slope.subs(y, best)
    return [
        sympy.diff(f, y).subs(y, best),
        DISTANCE**2 - factor * 2 * lost / CONCAVITY,
        moved**2 - COUPLING**2 * 2 * lost / CONCAVITY,
    ]


def growth_rate(weight: sympy.Expr) -> sympy.Expr:
    """(K+1)/(2K), at least 1/2; K = ``weight`` >= 1."""
    return (weight + 1) / (2 * weight)


def growth(factor: sympy.Expr = ONE) -> list[sympy.Expr]:
    """max F - F(v) minus (K+1)/(2K) (v - v*)^2 on the four pieces, as products non-negative for K >= 1."""
    rate = factor * growth_rate(WEIGHT)
    above, below = WEIGHT * SHARE / 2, -SHARE / 2  # the maximisers for a > 0 and for a < 0
    gap_above = above**2 - (-SHARE * W - W**2)  # a > 0, v = -w
    gap_below = below**2 - (-WEIGHT * SHARE * W - W**2)  # a < 0, v = w
    half = (WEIGHT - 1) / (2 * WEIGHT)
    return [
        gap_above - rate * (W + above) ** 2 - half * (W - above) ** 2,
        gap_below - rate * (W - below) ** 2 - half * (W - below) ** 2 - (WEIGHT - 1) * SHARE * W,
        above**2 - (WEIGHT * SHARE * W - W**2) - (W - above) ** 2,  # a > 0, v = w
        below**2 - (SHARE * W - W**2) - (W + below) ** 2,  # a < 0, v = -w
    ]


FOOTNOTE_13 = Statement(
    id="fsr.fn.13",
    label="Footnote 13",
    kind=Kind.LEMMA,
    title="An approximate inner maximum is enough",
    printed=r"$f$ strongly concave in $y$, $\partial f/\partial x$ $\mathrm{poly}(d)$-Lipschitz in $y$, "
    r"$f(x_1, y_1) \ge f(x_1, y^\star) - \varepsilon$: then $\|y_1 - y^\star\|^2 \le \varepsilon\, \mathrm{poly}(d)$ and "
    r"$\|\partial_x f(x_1, y_1) - \partial_x f(x_1, y^\star)\| \le \sqrt{\varepsilon}\, \mathrm{poly}(d)$",
    checkable=r"$\|y_1 - y^\star\|^2 \le 2 \varepsilon/\mu$ and gradients differ by at most $C \sqrt{2 \varepsilon/\mu}$, both "
    r"attained; for $F(v) = a\, o_K(v) - v^2$, which is not concave: $\max F - F(v) \ge \frac{K+1}{2K} (v - v^\star)^2$, so "
    r"$|v_1 - v^\star|^2 \le \frac{2K}{K+1} \varepsilon$",
    source="section C.3, footnote 13, l.1193",
    evidence="symbolic, all functions",
    claims=(
        SEGMENT,
        SymbolicIdentity("attained", r"$-\mu y^2/2 + C x y$ attains both constants", near_maximiser),
        SymbolicIdentity(
            "growth", r"$\max F - F(v) \ge \frac{K+1}{2K} (v - v^\star)^2$ for all $a$, $v$ and $K \ge 1$", growth
        ),
    ),
    controls=(
        Control(
            "constant",
            "2 lowered by 1 %",
            "attained",
            altered_claim=SymbolicIdentity("attained", "", lambda: near_maximiser(ONE_PERCENT_LESS)),
        ),
        Control(
            "growth constant",
            "(K+1)/(2K) raised by 1 %",
            "growth",
            altered_claim=SymbolicIdentity("growth", "", lambda: growth(ONE_PERCENT_MORE)),
        ),
    ),
    expected=Verdict.PROVED,
    constants=(Constant("distance", 2.0, Provenance.DERIVED, r"of $\varepsilon/\mu$; attained by a parabola"),),
)

COORDINATES = sympy.symbols("x1:4", real=True)


def gradient_on_rays(normalised: bool = True) -> list[sympy.Expr]:
    """Gradient of f(x/|x|) in three coordinates for an undefined f; of f itself for the control."""
    norm = sympy.sqrt(sum(x**2 for x in COORDINATES)) if normalised else 1
    value = sympy.Function("f")(*(x / norm for x in COORDINATES))
    return [sympy.diff(value, x).doit() for x in COORDINATES]


def tangent(normalised: bool = True) -> list[sympy.Expr]:
    """<x, grad g(x)>."""
    return [sum(x * slope for x, slope in zip(COORDINATES, gradient_on_rays(normalised), strict=True))]


def length(sign: int = 1) -> list[sympy.Expr]:
    """|x - eta grad g|^2 - |x|^2 - eta^2 |grad g|^2, and |x|^2 |grad g|^2 + <p, x>^2/|x|^2 - |p|^2 for p = grad f.

    In inner products, hence in any dimension; <x, grad g> = 0, and |x| grad g = p - <p, x> x/|x|^2.
    """
    xx, xg, gg, xp, pp = sympy.symbols("xx xg gg xp pp", positive=True)
    moved = xx - 2 * STEP * xg + STEP**2 * gg
    square = pp - 2 * xp * xp / xx + (xp / xx) ** 2 * xx
    return [moved.subs(xg, 0) - xx - sign * STEP**2 * gg, square + xp**2 / xx - pp]


def tangent_spots() -> list[float]:
    """The cosine between x and the gradient of a random wave sum of x/|x|, by automatic differentiation."""
    points, weights, frequencies, _ = wave_instances()
    values = waves(points / points.norm(dim=1, keepdim=True), weights, frequencies)
    slope = torch.autograd.grad(values.sum(), points)[0]
    return ((points * slope).sum(dim=1) / (points.norm(dim=1) * slope.norm(dim=1))).detach().tolist()


FOOTNOTE_17 = Statement(
    id="fsr.fn.17",
    label="Footnote 17",
    kind=Kind.REMARK,
    title="Gradient descent on a normalised objective keeps away from 0",
    printed=r"on $g(x) = f(x/\|x\|_2)$ with $\|x_0\|_2 \ge 1/\mathrm{poly}(d)$ and $\eta$ sufficiently small, always "
    r"$\|x\|_2 \ge 0.99 \|x_0\|_2$, because $\nabla g(x)$ is orthogonal to $x$ and so $\|x'\|_2 = \|x\|_2 \pm O(\eta^2)$",
    checkable=r"$\|x'\|^2 = \|x\|^2 + \eta^2 \|\nabla g(x)\|^2$ for every $\eta$: the norm never falls, and after $T$ steps "
    r"$\|x_T\|^2 \le \|x_0\|^2 + T \eta^2 G^2 / \|x_0\|^2$ with $G$ the largest $\|\nabla f\|$ on the sphere",
    source="section C.4.3, footnote 17, l.1804",
    evidence="symbolic, all functions",
    claims=(
        SymbolicIdentity("tangent", r"$\langle x, \nabla g(x) \rangle = 0$", tangent, tangent_spots),
        SymbolicIdentity(
            "length",
            r"$\|x - \eta \nabla g\|^2 = \|x\|^2 + \eta^2 \|\nabla g\|^2$ and "
            r"$\|x\|^2 \|\nabla g(x)\|^2 = \|p\|^2 - \langle p, x \rangle^2/\|x\|^2$ for $p = \nabla f(x/\|x\|)$",
            length,
        ),
    ),
    controls=(
        Control(
            "normalisation",
            "f itself instead of f(x/|x|)",
            "tangent",
            altered_claim=SymbolicIdentity("tangent", "", lambda: tangent(normalised=False)),
        ),
        Control(
            "sign",
            "the sign of the second-order term",
            "length",
            altered_claim=SymbolicIdentity("length", "", lambda: length(-1)),
        ),
    ),
    expected=Verdict.PROVED,
    constants=(Constant("norm", 1.0, Provenance.DERIVED, r"$\|x_T\| \ge 1 \cdot \|x_0\|$, printed 0.99"),),
)

STATEMENTS = (
    searched(FOOTNOTE_13, GROWTH),
    searched(FOOTNOTE_15, DECREASE),
    FOOTNOTE_17,
    searched(FOOTNOTE_19, NON_NEGATIVE),
)
