r"""The discriminators D4 and D5 at their maximum: (C.2), l.1185, and (C.13), l.1505.

Setting: for D4, Delta = E f(X*) - E f(X) for one of the two features f of a neuron; its part of the discriminator's
objective is Delta o(v) - v^2 with o(v) = K ReLU(v) - ReLU(-v), K >= 1 the paper's poly(k). For D5, a_i = +-C (s* -
s) over the pairs with both signs, and the objective is <u, a> - sum_i u_i log u_i on the simplex.

Statement (as printed):
(C.2): the discriminator's side is strongly concave, and at its unique maximum the generator's objective is
[-Delta]_+^2 + poly(k) [-Delta]_-^2, summed over the two features.
(C.13): the discriminator's side is strongly concave, and at its maximum the objective is
log sum exp(C (s - s*)) + exp(C (s* - s)).

Checkable form:
(C.2): the maximum over v is [-Delta]_+^2 / 4 + K^2 [-Delta]_-^2 / 4, attained at v* = K Delta/2 if Delta > 0 and at
Delta/2 otherwise. For Delta > 0 the objective is not concave: at 0 its slope jumps from Delta up to K Delta. What
the proof uses (footnote 13: almost maximal values are taken close to the maximiser only) holds by quadratic growth,
    value(v*) - value(v) >= (1/2 + 1/(2K)) (v - v*)^2,    attained at v = -v*, and the constant is 1 for Delta < 0.
Proof: the difference of both sides is a product of non-negative factors on either side of 0. There is no other
stationary point: for Delta > 0 the slope left of 0 is Delta - 2v > 0.

(C.13): with p_i = exp(a_i)/Z, Z = sum exp(a_i), and u on the simplex,
log Z - (<u, a> - sum u_i log u_i) = sum u_i log(u_i/p_i) = sum (u_i log(u_i/p_i) - u_i + p_i) >= ||u - p||^2 / 2,
term by term: the difference vanishes with its slope at u_i = p_i and has second derivative 1/u_i - 1 >= 0. With P
pairs exp(x) + exp(-x) = 2 + (exp(x/2) - exp(-x/2))^2, so the objective is at least log(2P), and equals it only where
all s = s*.

Measured: nothing; spot-checked by numerical maximisation.
Controls: weight K in place of K^2; one sign flipped; the growth constant 1 % larger.
Departures from the paper: none. Source: section C.3, l.1175-1186 and footnote 13; section C.4, l.1495-1513.
"""

from collections.abc import Callable

import numpy as np
import sympy
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp, softmax

from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.symbolic import SymbolicIdentity
from fsrcheck.statement import Control, Counterexample, Defect, Erratum, Kind, Statement

D, K, U, V = sympy.symbols("D K U V", positive=True)  # |Delta|, the weight, |v| on either side of 0
HALF = sympy.Rational(1, 2)
GROWTH = HALF + HALF / K


def excess_when_positive(growth: sympy.Expr = GROWTH, weight: sympy.Expr = K**2) -> list[sympy.Expr]:
    """Delta = D > 0: maximum minus value minus growth times distance squared, less visibly non-negative terms.

    On v = V > 0 the constant is 1; on v = -U < 0 what is left is (1 - growth) (U - K D/2)^2.
    """
    maximum, best = weight * D**2 / 4, K * D / 2
    right = maximum - (K * D * V - V**2) - (V - best) ** 2
    left = maximum + D * U + U**2 - growth * (U + best) ** 2 - (1 - growth) * (U - best) ** 2
    return [right, left]


def excess_when_negative() -> list[sympy.Expr]:
    """Delta = -D < 0, growth constant 1: nothing is left on v = -U < 0, and (K - 1) D V on v = V > 0."""
    maximum, best = D**2 / 4, D / 2
    return [
        maximum - (D * U - U**2) - (U - best) ** 2,
        maximum + K * D * V + V**2 - (V + best) ** 2 - (K - 1) * D * V,
    ]


def objective(v: float, delta: float, weight: float) -> float:
    """Delta o(v) - v^2, the discriminator's objective for one feature."""
    return delta * (weight * max(v, 0.0) - max(-v, 0.0)) - v * v


def maximum(delta: float, weight: float) -> float:
    """[-Delta]_+^2 / 4 + K^2 [-Delta]_-^2 / 4."""
    return (max(-delta, 0.0) ** 2 + weight**2 * max(delta, 0.0) ** 2) / 4


def maximum_spots() -> list[float]:
    """The same by numerical maximisation on either side of 0."""
    differences = []
    for delta, weight in ((0.3, 1.0), (0.3, 7.0), (-0.4, 7.0), (-2.0, 30.0), (1.5, 2.0)):
        sides = ((0.0, 2 * weight * abs(delta)), (-2 * weight * abs(delta), 0.0))
        best = max(_maximised(delta, weight, side) for side in sides)
        differences.append(best / maximum(delta, weight) - 1)
    return differences


def _maximised(delta: float, weight: float, side: tuple[float, float]) -> float:
    found = minimize_scalar(lambda v: -objective(v, delta, weight), bounds=side, options={"xatol": 1e-10})
    return -float(found.fun)


def shortfall(growth: sympy.Expr) -> sympy.Expr:
    """Maximum minus value minus growth bound at v = -v*, where the bound is attained."""
    return (excess_when_positive(growth)[1] + (1 - growth) * (U - K * D / 2) ** 2).subs(U, K * D / 2)


def missing_quarter() -> Counterexample:
    """Delta = -1: the printed term is 1."""
    printed, actual = 1.0, maximum(-1.0, 2.0)
    return Counterexample(r"$\Delta = -1$, any $K$: the inner maximum", printed, actual, abs(printed - actual) > 0.1)


def not_concave() -> Counterexample:
    """Delta = 1, K = 3: a concave function is at least the mean of two values in the middle between them."""
    mean, middle = (objective(0.5, 1.0, 3.0) + objective(-0.5, 1.0, 3.0)) / 2, objective(0.0, 1.0, 3.0)
    point = r"$\Delta = 1$, $K = 3$: least value at $v = 0$ of a concave function with these values at $v = \pm 1/2$"
    return Counterexample(point, mean, middle, middle < mean)


MAXIMUM_OF_D4 = Statement(
    id="fsr.eq.C.2",
    label="Equation (C.2)",
    kind=Kind.IDENTITY,
    title="Inner maximum of the discriminator D4",
    printed=r"the objective on the discriminator side is strongly concave, and at the unique maximiser the "
    r"generator's "
    r"objective is $[E f(X) - E f(X^\star)]_+^2 + \mathrm{poly}(k_1) [E f(X) - E f(X^\star)]_-^2$, summed over the "
    r"two "
    r"features $f$ of a neuron",
    checkable=r"$\max_v (\Delta o(v) - v^2) = \frac{1}{4} [-\Delta]_+^2 + \frac{K^2}{4} [-\Delta]_-^2$ with "
    r"$\Delta = E f(X^\star) - E f(X)$, $o(v) = K \mathrm{ReLU}(v) - \mathrm{ReLU}(-v)$, $K \ge 1$; the maximiser "
    r"$v^\star$ is "
    r"unique and the maximum exceeds the value at $v$ by at least $(\frac{1}{2} + \frac{1}{2K}) (v - v^\star)^2$, "
    r"attained at $v = -v^\star$",
    source="section C.3, l.1175-1186, footnote 13",
    evidence="symbolic, all Delta and K >= 1",
    claims=(
        SymbolicIdentity(
            "positive",
            r"$\Delta > 0$: $K^2 \Delta^2/4 - (\Delta o(v) - v^2) \ge (\frac{1}{2} + \frac{1}{2K}) (v - K "
            r"\Delta/2)^2$",
            excess_when_positive,
            maximum_spots,
        ),
        SymbolicIdentity(
            "negative",
            r"$\Delta < 0$: $\Delta^2/4 - (\Delta o(v) - v^2) \ge (v - \Delta/2)^2$ for $K \ge 1$",
            excess_when_negative,
        ),
    ),
    controls=(
        Control(
            "weight",
            "K in place of K^2",
            "positive",
            altered_claim=SymbolicIdentity("positive", "", lambda: excess_when_positive(weight=K)),
        ),
        Control(
            "growth",
            "the growth constant raised by 1 %",
            "positive",
            altered_claim=SymbolicIdentity("positive", "", lambda: [shortfall(sympy.Rational(101, 100) * GROWTH)]),
        ),
    ),
    errata=(
        Erratum(
            Defect.MISPRINT,
            "The factor 1/4 of both terms is missing, so that the right side is four times the inner maximum, and "
            "the "
            "weight of the negative part is the square of that of $o_k$ (itself a poly(k)).",
            "(C.2), l.1185: the maximum of $\\Delta v - v^2$ is $\\Delta^2/4$",
            r"$\frac{1}{4} [E f(X) - E f(X^\star)]_+^2 + \frac{K^2}{4} [E f(X) - E f(X^\star)]_-^2$",
            missing_quarter,
        ),
        Erratum(
            Defect.PROOF_GAP,
            "The discriminator's objective is not concave where $E f(X^\\star) > E f(X)$: at 0 the slope of $o_k$ "
            "jumps up "
            "from 1 to poly(k).",
            "'so the objective on the discriminator side is strongly concave', l.1181",
            r"quadratic growth: the maximum exceeds the value at $v$ by at least $\frac{1}{2} (v - v^\star)^2$, "
            r"which is "
            "all that footnote 13 needs, and no other point is stationary",
            not_concave,
        ),
    ),
    expected=Verdict.REPAIRED,
)


A, LOG_Z, X = sympy.symbols("a L x", real=True)
W = sympy.Symbol("u", positive=True)
Q = sympy.Symbol("q", positive=True)


def relative_entropy(sign: int = 1) -> list[sympy.Expr]:
    """One term of log Z - <u, a> + sum u log u, against u log(u/p); the entropy's sign is flipped for a control."""
    term = W * LOG_Z - W * A + sign * W * sympy.log(W)
    return [sympy.expand_log(term - W * (sympy.log(W) - (A - LOG_Z)), force=True)]


def growth_of_entropy(constant: sympy.Expr = HALF) -> list[sympy.Expr]:
    """u log(u/q) - u + q - constant (u - q)^2 and its slope vanish at u = q; its curvature is 1/u - 1."""
    excess = W * sympy.log(W / Q) - W + Q - constant * (W - Q) ** 2
    return [
        excess.subs(W, Q),
        sympy.diff(excess, W).subs(W, Q),
        sympy.diff(excess, W, 2) - (1 / W - 1),
    ]


def floor(sign: int = -1) -> list[sympy.Expr]:
    """The two terms of a pair: 2 plus a square."""
    return [sympy.exp(X) + sympy.exp(-X) - 2 - sympy.expand((sympy.exp(X / 2) + sign * sympy.exp(-X / 2)) ** 2)]


def soft_maximum_spots() -> list[float]:
    """log sum exp against the objective at the softmax, and against that at other points of the simplex."""
    generator = np.random.default_rng(0)
    differences = []
    for size in (2, 8, 30):
        values = 5 * generator.standard_normal(size)
        best, other = softmax(values), generator.dirichlet(np.ones(size))
        entropy = [float(u @ values - u @ np.log(u)) for u in (best, other)]
        top = float(logsumexp(values))
        differences += [entropy[0] / top - 1, max(0.0, entropy[1] + ((other - best) ** 2).sum() / 2 - top)]
    return differences


def _altered(name: str, residuals: Callable[[], list[sympy.Expr]]) -> SymbolicIdentity:
    return SymbolicIdentity(name, "", residuals)


MAXIMUM_OF_D5 = Statement(
    id="fsr.eq.C.13",
    label="Equation (C.13)",
    kind=Kind.IDENTITY,
    title="Inner maximum of the discriminator D5",
    printed=r"the objective is strongly concave in $u^D$ on the simplex, and at its maximiser the generator's "
    r"objective is "
    r"$\log \sum (\exp\{C (s - s^\star)\} + \exp\{C (s^\star - s)\}) + R^{(5)}(\mathbf{V}_1)$, the sum over all "
    r"pairs of neurons",
    checkable=r"for $u$ on the simplex $\log \sum_i e^{a_i} - (\langle u, a \rangle - \sum_i u_i \log u_i) \ge "
    r"\frac{1}{2} \|u - p\|^2$ with $p_i = e^{a_i} / \sum_j e^{a_j}$ and equality at $u = p$; with $P$ pairs the "
    r"logarithm is at "
    r"least $\log(2P)$, its value where every $s = s^\star$",
    source="section C.4, l.1495-1513",
    evidence="symbolic, any number of pairs",
    claims=(
        SymbolicIdentity(
            "relative entropy",
            r"the maximum exceeds the value at $u$ by $\sum_i u_i \log(u_i/p_i)$",
            relative_entropy,
            soft_maximum_spots,
        ),
        SymbolicIdentity(
            "growth",
            r"$u \log(u/p) - u + p \ge \frac{1}{2} (u - p)^2$ for $u, p \in [0, 1]$: value and slope agree at $u = "
            r"p$, the "
            r"curvature of the difference is $1/u - 1$",
            growth_of_entropy,
        ),
        SymbolicIdentity("floor", r"$e^x + e^{-x} = 2 + (e^{x/2} - e^{-x/2})^2$", floor),
    ),
    controls=(
        Control(
            "entropy",
            "the sign of the entropy",
            "relative entropy",
            altered_claim=_altered("relative entropy", lambda: relative_entropy(-1)),
        ),
        Control(
            "growth",
            "1/2 raised by 1 %",
            "growth",
            altered_claim=_altered("growth", lambda: growth_of_entropy(sympy.Rational(101, 200))),
        ),
        Control("floor", "the sign within the square", "floor", altered_claim=_altered("floor", lambda: floor(1))),
    ),
    expected=Verdict.PROVED,
)

STATEMENTS = (MAXIMUM_OF_D4, MAXIMUM_OF_D5)
