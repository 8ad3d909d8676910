r"""Remark D.11: how accurate the lower levels must be, and why the number of levels is constant.

Setting: D = d/eps; level l is learned to accuracy eps_l = D^(-a_l), the last one to eps_L = D^-1; p is the exponent of the
poly(d/eps) that one level costs.

Statement (as printed, section D.4, l.2724): the recursion requires eps_l >= eps_(l-1) poly(d/eps); this is why only
constantly many levels L = O(1) are supported.

Checkable form: a_(l-1) = a_l + p and a_L = 1 give a_l = 1 + (L - l) p, so that eps_1 = D^-(1 + (L-1) p), a power of d/eps
if and only if L = O(1). If the cost is poly(d/eps_l) in the level's own accuracy, a_(l-1) = p (a_l + 1), the first level
needs a_1 = p^(L-1) + p (p^(L-1) - 1)/(p - 1) instead: exponential in L, and again constant for L = O(1). The smoothing width
zeta_l obeys the same recursion (second paragraph of the remark).

Measured: nothing; how the error of one level really enters the next is fsr.D.11.run's.
Controls: one level too many; the sum without its first term.
Departures from the paper: none. Source: section D.4, l.2724-2726.
"""

from fractions import Fraction

import sympy

from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.symbolic import SymbolicIdentity
from fsrcheck.statement import Control, Kind, Statement

LEVELS, LEVEL = sympy.symbols("L l", positive=True, integer=True)
COST = sympy.Symbol("p", positive=True)


def linear(level: sympy.Expr, extra: int = 0) -> sympy.Expr:
    """a_l where every level costs poly(d/eps); ``extra`` levels too many for the control."""
    return 1 + (LEVELS - level + extra) * COST


def exponential(level: sympy.Expr, first: int = 1) -> sympy.Expr:
    """a_l where every level costs poly(d/eps_l); the geometric sum starts at p^``first``."""
    steps = LEVELS - level
    return COST**steps + (COST ** (steps + 1) - COST**first) / (COST - 1)


def additive(extra: int = 0) -> list[sympy.Expr]:
    """The recursion a_(l-1) - a_l - p and the end a_L - 1."""
    return [linear(LEVEL - 1, extra) - linear(LEVEL, extra) - COST, linear(LEVELS, extra) - 1]


def multiplicative(first: int = 1) -> list[sympy.Expr]:
    """The recursion a_(l-1) - p (a_l + 1) and the end a_L - 1."""
    return [
        exponential(LEVEL - 1, first) - COST * (exponential(LEVEL, first) + 1),
        exponential(LEVELS, first) - 1,
    ]


def spots() -> list[float]:
    """The first level's exponent by running the recursions down from the last level, exactly."""
    differences = []
    for levels, cost in ((2, Fraction(3)), (3, Fraction(5, 2)), (5, Fraction(7, 3))):
        slow, fast = Fraction(1), Fraction(1)
        for _ in range(levels - 1):
            slow, fast = slow + cost, cost * (fast + 1)
        at = {LEVELS: levels, LEVEL: 1, COST: sympy.Rational(cost.numerator, cost.denominator)}
        differences += [
            float(linear(LEVEL).subs(at) / sympy.Rational(slow.numerator, slow.denominator) - 1),
            float(exponential(LEVEL).subs(at) / sympy.Rational(fast.numerator, fast.denominator) - 1),
        ]
    return differences


STATEMENT = Statement(
    id="fsr.D.11",
    label="Remark D.11",
    kind=Kind.REMARK,
    title="Accuracy of the lower levels (powers of m only)",
    printed=r"if the $\ell$-th layer is learned to accuracy $\varepsilon_\ell$, the recursion requires "
    r"$\varepsilon_\ell \ge "
    r"\varepsilon_{\ell-1} \cdot \mathrm{poly}(d/\varepsilon)$; this is why only constantly many layers $L = O(1)$ "
    r"are supported",
    checkable=r"with $\varepsilon_\ell = (d/\varepsilon)^{-a_\ell}$ and cost $(d/\varepsilon)^p$: $a_\ell = 1 + (L - "
    r"\ell) p$, polynomial if and "
    r"only if $L = O(1)$; with cost $(d/\varepsilon_\ell)^p$: $a_1 = p^{L-1} + p (p^{L-1} - 1)/(p - 1)$",
    source="section D.4, l.2724-2726",
    evidence="symbolic, all numbers of levels; the measured recursion is fsr.D.11.run",
    claims=(
        SymbolicIdentity(
            "additive", r"$a_{\ell-1} = a_\ell + p$, $a_L = 1$: $a_\ell = 1 + (L - \ell) p$", additive, spots
        ),
        SymbolicIdentity(
            "multiplicative",
            r"$a_{\ell-1} = p (a_\ell + 1)$, $a_L = 1$: $a_\ell = p^{L-\ell} + p (p^{L-\ell} - 1)/(p - 1)$",
            multiplicative,
        ),
    ),
    controls=(
        Control(
            "one level more",
            "the recursion started one level too high",
            "additive",
            altered_claim=SymbolicIdentity("additive", "", lambda: additive(1)),
        ),
        Control(
            "sum",
            "the geometric sum without its first term",
            "multiplicative",
            altered_claim=SymbolicIdentity("multiplicative", "", lambda: multiplicative(2)),
        ),
    ),
    expected=Verdict.PROVED,
)
