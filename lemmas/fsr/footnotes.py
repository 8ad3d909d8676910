r"""Footnotes that state something: ``fsr.fn.8`` (l.837), the inner minimum of the discriminator D1.

Setting: c > 0 and a_r >= 0; the objective of the discriminator separates over r.

Statement (as printed, footnote 8, l.837-839): the minimum over c_1, ..., c_m in R of
sum_r (c_r a_r + |c_r|^(1+c)) is -sum_r ((1+c)^(-1/c) - (1+c)^(-1-1/c)) a_r^(1+1/c).

Checkable form: the same for every c > 0, and the minimiser is c_r = -(a_r/(1+c))^(1/c). Proof: a term
f(x) = a x + |x|^(1+c) is convex, and for a > 0 its derivative vanishes at x = -y, y = (a/(1+c))^(1/c); the value
there is the printed one, which is -c (1+c)^(-1-1/c) a^(1+1/c). For a = 0 both sides are 0. In (B.1) the variable is a
vector V_r with linear term <V_r, Delta_r>: by Cauchy-Schwarz the optimum is along Delta_r, so a_r = ||Delta_r||.

Measured: nothing. Spot-checked by numerical minimisation.
Controls: the exponent 1 + 1/c replaced by 1 + c; the sign of the second term flipped.
Departures from the paper: none.
Source: section B.2, footnote 8, l.837-839.
"""

import sympy
from scipy.optimize import minimize_scalar

from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.symbolic import SymbolicIdentity
from fsrcheck.statement import Control, Kind, Statement

A, C, Y = sympy.symbols("a c y", positive=True)
OBJECTIVE = -A * Y + Y ** (1 + C)  # at x = -y
MINIMISER = (A / (1 + C)) ** (1 / C)


def minimum(exponent: sympy.Expr = 1 + 1 / C, sign: int = 1) -> sympy.Expr:
    """The printed minimum of one term; another exponent or the other sign for the controls."""
    return -((1 + C) ** (-1 / C) - sign * (1 + C) ** (-1 - 1 / C)) * A**exponent


def value_at_minimiser(printed: sympy.Expr) -> list[sympy.Expr]:
    """The objective at the minimiser minus the printed minimum, over the positive factor a^(1+1/c)."""
    difference = OBJECTIVE.subs(Y, MINIMISER) - printed
    return [sympy.expand_power_base(sympy.powsimp(sympy.expand(difference / A ** (1 + 1 / C)), force=True))]


def is_minimiser() -> list[sympy.Expr]:
    """f' vanishes at the minimiser, and f'' is a product of positive factors."""
    slope = sympy.diff(OBJECTIVE, Y)
    return [slope.subs(Y, MINIMISER), sympy.diff(slope, Y) - C * (1 + C) * Y ** (C - 1)]


def spot_checks() -> list[float]:
    """The printed minimum against a numerical one."""
    differences = []
    for a, c in ((0.3, 0.25), (1.0, 0.5), (2.0, 1.0), (0.7, 2.0), (3.0, 5.0)):
        found = minimize_scalar(lambda x, a=a, c=c: a * x + abs(x) ** (1 + c), bounds=(-4, 4), options={"xatol": 1e-10})
        printed = float(minimum().subs({A: a, C: c}))
        differences.append((found.fun - printed) / printed)
    return differences


FOOTNOTE_8 = Statement(
    id="fsr.fn.8",
    label="Footnote 8",
    kind=Kind.IDENTITY,
    title="Inner minimum of the discriminator of the output layer",
    printed=r"for every constant $c > 0$ and $a_1, \dots, a_m \ge 0$: $\min_{c_1, \dots, c_m} "
    r"\sum_r (c_r a_r + |c_r|^{1+c}) = -\sum_r \left( \frac{1}{(1+c)^{1/c}} - \frac{1}{(1+c)^{1+1/c}} \right) a_r^{1+1/c}$",
    checkable=r"the same; the minimiser is $c_r = -(a_r/(1+c))^{1/c}$ and the coefficient is $c/(1+c)^{1+1/c}$",
    source="section B.2, footnote 8, l.837-839",
    evidence="symbolic, all c > 0",
    claims=(
        SymbolicIdentity(
            "value", "the printed value is that at the minimiser", lambda: value_at_minimiser(minimum()), spot_checks
        ),
        SymbolicIdentity("minimiser", "there the derivative vanishes, and each term is convex", is_minimiser),
    ),
    controls=(
        Control(
            "exponent",
            "1 + 1/c replaced by 1 + c",
            "value",
            altered_claim=SymbolicIdentity("value", "", lambda: value_at_minimiser(minimum(exponent=1 + C))),
        ),
        Control(
            "sign",
            "the sign of the second term flipped",
            "value",
            altered_claim=SymbolicIdentity("value", "", lambda: value_at_minimiser(minimum(sign=-1))),
        ),
    ),
    expected=Verdict.PROVED,
)

STATEMENTS = (FOOTNOTE_8,)
