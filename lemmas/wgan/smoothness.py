r"""Assumption 3: the activation is 1-Lipschitz and 1-smooth.

Setting: phi an activation; with t = tanh x and s = sigmoid(x) all derivatives are polynomials.

Statement (as printed, section 6.1): "for simplicity, we assume the activation and its gradient satisfy Lipschitz
continuous, and let the Lipschitz constants be 1 w.l.o.g.: the activation is 1-Lipschitz and 1-smooth."

Checkable form: for all x,

    tanh:     |phi'| = 1 - t^2 <= 1,    |phi''| = 2 |t| (1 - t^2) <= 0.77      (largest: 4/(3 sqrt 3) = 0.7698)
    sigmoid:  |phi'| = s (1 - s) <= 1/4,    |phi''| = s (1 - s) |1 - 2 s| <= 0.0963    (largest: 1/(6 sqrt 3) = 0.09623)
    softplus: |phi'| = s <= 1,    |phi''| = s (1 - s) <= 1/4.

A constant factor makes both constants 1 where they are finite, so that nothing is lost but constants. The leaky ReLU is
not smooth: phi' jumps by 1 - s at 0. It is excluded here, hence from Lemma 4, Theorem 4 and all of section 6, but not
from Theorem 3; the experiments of section 7 use it (with slope 0.2) with sampled gradients.

Measured: nothing. Controls: each constant lowered by 1 %; a leaky ReLU of slope 0.2 over a symmetric step.
Departures from the paper: none. Source: section 6.1, Assumption 3.
"""

from collections.abc import Sequence

import sympy
from flint import arb

from fsrcheck.evidence.boxes import Gradient
from fsrcheck.evidence.certified import Certified, Positive
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.symbolic import SymbolicIdentity
from fsrcheck.statement import Control, Kind, Statement
from lemmas.wgan.even_parts import logistic

X, T, S = sympy.symbols("x t s", real=True)


def derivative_residuals() -> list[sympy.Expr]:
    """The derivatives of tanh, sigmoid and softplus minus their polynomials in t and s."""
    tanh, sigmoid = sympy.tanh(X), logistic(X)
    rows = (
        sympy.diff(tanh, X) - (1 - tanh**2),
        sympy.diff(tanh, X, 2) + 2 * tanh * (1 - tanh**2),
        sympy.diff(sigmoid, X) - sigmoid * (1 - sigmoid),
        sympy.diff(sigmoid, X, 2) - sigmoid * (1 - sigmoid) * (1 - 2 * sigmoid),
        sympy.diff(sympy.log(1 + sympy.exp(X)), X) - sigmoid,
    )
    return [row.rewrite(sympy.exp) for row in rows]


QUARTER = sympy.Rational(1, 4)


def lipschitz_residuals(largest: sympy.Expr = QUARTER) -> list[sympy.Expr]:
    """1 - (1 - t^2) and largest - s (1 - s) minus squares."""
    return [1 - (1 - T**2) - T**2, largest - S * (1 - S) - (S - sympy.Rational(1, 2)) ** 2]


def smooth(tanh: str = "0.77", sigmoid: str = "0.0963") -> Certified:
    """The bounds of the second derivatives; both signs of the odd one."""

    def tanh_margin(t: arb) -> arb:
        return arb(tanh) - 2 * t * (1 - t * t)

    def sigmoid_margin(s: arb) -> arb:
        return arb(sigmoid) - s * (1 - s) * (1 - 2 * s)

    return Certified(
        "smooth",
        rf"$|\tanh''| \le {tanh}$ and $|\mathrm{{sigmoid}}''| \le {sigmoid}$",
        (
            Positive(tanh_margin, {"t": (-1, 1)}, _gradient((-2, 0, 6)), r"tanh, $t = \tanh x$"),
            Positive(sigmoid_margin, {"s": (0, 1)}, _gradient((-1, 6, -6)), r"sigmoid, $s = \phi(x)$; odd about 1/2"),
        ),
    )


def _gradient(coefficients: Sequence[int]) -> Gradient:
    """A derivative that is a quadratic with these coefficients."""
    constant, linear, square = coefficients
    return lambda x: [constant + linear * x + square * x * x]


def leaky_is_smooth() -> Certified:
    """|phi'(h) - phi'(-h)| <= 2 h for a leaky ReLU of slope 0.2: false below h = 0.4."""
    part = Positive(lambda h: 2 * h - arb("0.8"), {"h": ("0.01", 1)}, None, "slope 0.2")
    return Certified("smooth", "", (part,))


STATEMENT = Statement(
    id="wgan.asm.3",
    label="Assumption 3",
    kind=Kind.ASSUMPTION,
    title="1-Lipschitz and 1-smooth activations",
    printed="the activation is 1-Lipschitz and 1-smooth",
    checkable=r"$|\phi'| \le 1$ for tanh and softplus, $\le 1/4$ for the sigmoid; $|\phi''| \le 0.77$ (tanh), "
    r"$0.0963$ (sigmoid), $1/4$ (softplus); the leaky ReLU is not smooth",
    source="section 6.1, Assumption 3",
    evidence="symbolic and certified, all x",
    claims=(
        SymbolicIdentity(
            "derivatives", r"the derivatives as polynomials in $\tanh x$ and $\phi(x)$", derivative_residuals
        ),
        SymbolicIdentity("Lipschitz", r"$1 - t^2 \le 1$ and $s (1 - s) \le 1/4$, by squares", lipschitz_residuals),
        smooth(),
    ),
    controls=(
        Control("tanh", "0.77 lowered by 1 %", "smooth", altered_claim=smooth(tanh="0.7623")),
        Control("sigmoid", "0.0963 lowered by 1 %", "smooth", altered_claim=smooth(sigmoid="0.09533")),
        Control("leaky ReLU", "an activation with a jump in its slope", "smooth", altered_claim=leaky_is_smooth()),
        Control(
            "constant",
            "1/4 lowered by 1 %",
            "Lipschitz",
            altered_claim=SymbolicIdentity("Lipschitz", "", lambda: lipschitz_residuals(sympy.Rational(2475, 10000))),
        ),
    ),
    expected=Verdict.CERTIFIED,
    departures=("the leaky ReLU of the experiments (section 7) does not satisfy the assumption",),
)
