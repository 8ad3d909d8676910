r"""The smoothed activations: definitions ``fsr.relu`` (l.80) and ``fsr.leaky`` (l.84).

Setting: zeta > 0 is small; u = z / zeta on the transition interval [0, zeta].

Statement (as printed, section 2, l.78-86): a convex ReLU~ equal to z - zeta/2 for z >= zeta and to 0 for z < 0, and a
LeakyReLU equal to z for z >= zeta and to zeta z for z < 0; both with first derivative in [0, 1], second derivative
O(1/zeta) and a Lipschitz continuous second derivative. For a definition the claims are existence and the properties.

Checkable form: ReLU~ = zeta (u^3 - u^4/2) on [0, zeta] meets the outer pieces with continuous f, f', f''; f' in [0, 1]
and f'' in [0, 1.5/zeta], exhibited as products of non-negative factors. All identities are proved for every zeta.

LeakyReLU cannot exist as printed for zeta < 1. The slope at 0 must be zeta, and f' <= 1, f'' <= c/zeta give
f'(z) <= min(1, zeta + c z/zeta), hence f(zeta) <= zeta - zeta (1 - zeta)^2 / (2c) < zeta for every constant
c >= 1 - zeta. The bound is copied from ReLU~; with f' in [0, O(1)] a quintic serves, zeta p(u) with
p(u) = zeta u + (1 - zeta)(6 u^3 - 8 u^4 + 3 u^5): f' in [zeta, 1.512], |f''| <= 4/zeta (f'' is 12 (1 - zeta)/zeta times
u (1 - u) (3 - 5 u), and 7.5 u + 2.5 (1 - u) + 3 - 5 u = 5.5, so that u (1 - u) (3 - 5 u) <= (5.5/3)^3/18.75 where it is
positive). What is used here keeps f' <= 1, which Claim D.7 needs: zeta z + (1 - zeta) ReLU~(z), which is
z - zeta (1 - zeta)/2 for z >= zeta.

Measured: nothing; both are proved.
Controls: one sign flipped; a constant 1 % below the attained 1.5.
Departures from the paper: the repaired leaky activation is lower than the printed one by at most zeta/2.
Source: section 2, l.78-86.
"""

from collections.abc import Callable

import sympy

from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.symbolic import SymbolicIdentity
from fsrcheck.statement import Control, Counterexample, Defect, Erratum, Kind, Statement

U = sympy.Symbol("u", real=True)
ZETA = sympy.Symbol("zeta", positive=True)
LARGEST_CURVATURE = sympy.Rational(3, 2)  # of zeta f''
LARGEST_SLOPE = sympy.Rational(189, 125)  # 1.512, of the quintic's for small zeta, at u = 3/5


def transition(sign: int = 1) -> sympy.Expr:
    """ReLU~ on [0, zeta]; ``sign = -1`` flips the sign of the quartic term (for the control)."""
    return ZETA * (U**3 - sign * U**4 / 2)


def derivative(expression: sympy.Expr, order: int) -> sympy.Expr:
    """Derivative with respect to z = zeta u."""
    return sympy.diff(expression, U, order) / ZETA**order


def relu_joins(sign: int = 1) -> list[sympy.Expr]:
    """f, f', f'' of the transition minus those of the outer pieces, at u = 0 and at u = 1."""
    at_zeta = (ZETA - ZETA / 2, 1, 0)
    return [
        difference
        for order, right in enumerate(at_zeta)
        for difference in (
            derivative(transition(sign), order).subs(U, 0),
            derivative(transition(sign), order).subs(U, 1) - right,
        )
    ]


def relu_ranges(largest: sympy.Expr = LARGEST_CURVATURE) -> list[sympy.Expr]:
    """f', 1 - f', f'' and largest/zeta - f'' minus products that are visibly non-negative on [0, 1]."""
    first, second = derivative(transition(), 1), derivative(transition(), 2)
    return [
        first - U**2 * (3 - 2 * U),
        1 - first - (1 - U) ** 2 * (1 + 2 * U),
        second - 6 * U * (1 - U) / ZETA,
        largest / ZETA - second - 6 * (U - sympy.Rational(1, 2)) ** 2 / ZETA,
    ]


def leaky(sign: int = 1) -> sympy.Expr:
    """The repaired leaky activation on [0, zeta]."""
    return ZETA * ZETA * U + (1 - ZETA) * transition(sign)


def leaky_joins(sign: int = 1) -> list[sympy.Expr]:
    """f, f', f'' against zeta z on the left and z - zeta (1 - zeta)/2 on the right."""
    left = (sympy.Integer(0), ZETA, sympy.Integer(0))
    right = (ZETA - ZETA * (1 - ZETA) / 2, sympy.Integer(1), sympy.Integer(0))
    return [
        derivative(leaky(sign), order).subs(U, u) - value[order]
        for order in range(3)
        for u, value in ((0, left), (1, right))
    ]


def leaky_ranges() -> list[sympy.Expr]:
    """f' - zeta, 1 - f' and the distance of f'' from its largest value, as products that are non-negative for zeta <= 1."""
    first, second = derivative(leaky(), 1), derivative(leaky(), 2)
    return [
        first - ZETA - (1 - ZETA) * U**2 * (3 - 2 * U),
        1 - first - (1 - ZETA) * (1 - U) ** 2 * (1 + 2 * U),
        (1 - ZETA) * sympy.Rational(3, 2) / ZETA - second - (1 - ZETA) * 6 * (U - sympy.Rational(1, 2)) ** 2 / ZETA,
    ]


def quintic(top: sympy.Expr = LARGEST_SLOPE) -> list[sympy.Expr]:
    """The other repair: its joins to zeta z and z, f' - zeta and ``top`` - f' as in ``leaky_ranges``, and its f''."""
    rise = 6 * U**3 - 8 * U**4 + 3 * U**5
    found = ZETA * (ZETA * U + (1 - ZETA) * rise)
    first, second = derivative(found, 1), derivative(found, 2)
    falling, rising = sympy.Rational(21, 5) * (1 - U), sympy.Rational(16, 5) * U
    below_top = (U - sympy.Rational(3, 5)) ** 2 * (falling + rising + 15 * U * (1 - U))
    return [
        *(derivative(found, order).subs(U, 0) - value for order, value in enumerate((0, ZETA, 0))),
        *(derivative(found, order).subs(U, 1) - value for order, value in enumerate((ZETA, 1, 0))),
        first - ZETA - (1 - ZETA) * U**2 * (15 * (U - sympy.Rational(16, 15)) ** 2 + sympy.Rational(14, 15)),
        top - first - ZETA * (top - 1) - (1 - ZETA) * below_top,
        second - 12 * (1 - ZETA) / ZETA * U * (1 - U) * (3 - 5 * U),
    ]


def largest_leaky_value(zeta: float, curvature: float) -> float:
    """Largest f(zeta) of any f with f(0) = 0, f'(0) = zeta, f' <= 1 and f'' <= curvature/zeta; curvature >= 1 - zeta.

    f' follows its two limits: up with slope curvature/zeta from zeta to 1, then 1.
    """
    return zeta - zeta * (1 - zeta) ** 2 / (2 * curvature)


def printed_leaky_cannot_exist() -> Counterexample:
    """At zeta = 1/10, even with f'' <= 10/zeta, no admissible f reaches the printed value f(zeta) = zeta."""
    zeta, curvature = 0.1, 10.0
    reachable = largest_leaky_value(zeta, curvature)
    point = rf"$\zeta = {zeta:g}$, $f'' \le {curvature:g}/\zeta$: the largest possible $f(\zeta)$"
    return Counterexample(point, zeta, reachable, reachable < zeta)


def _altered(name: str, residuals: Callable[[], list[sympy.Expr]]) -> SymbolicIdentity:
    return SymbolicIdentity(name, "", residuals)


RELU = Statement(
    id="fsr.relu",
    label="Smoothed ReLU",
    kind=Kind.DEFINITION,
    title="A smoothed convex ReLU with Lipschitz second derivative exists",
    printed=r"$\widetilde{\mathrm{ReLU}}(z) = z - \zeta/2$ if $z \ge \zeta$, $0$ if $z < 0$, with "
    r"$\widetilde{\mathrm{ReLU}}'(z) \in [0, 1]$ and $\widetilde{\mathrm{ReLU}}''(z) \in [0, O(1/\zeta)]$ on $[0, \zeta]$",
    checkable=r"$\zeta (u^3 - u^4/2)$ with $u = z/\zeta$ joins both pieces with continuous $f, f', f''$; "
    r"$f' \in [0, 1]$ and $f'' \in [0, 1.5/\zeta]$, for every $\zeta > 0$",
    source="section 2, l.78-80",
    evidence="symbolic, all zeta",
    claims=(
        SymbolicIdentity("joins", r"$f, f', f''$ are continuous at $0$ and $\zeta$", relu_joins),
        SymbolicIdentity("ranges", r"$0 \le f' \le 1$ and $0 \le f'' \le 1.5/\zeta$", relu_ranges),
    ),
    controls=(
        Control(
            "sign", "the sign of the quartic term", "joins", altered_claim=_altered("joins", lambda: relu_joins(-1))
        ),
        Control(
            "constant",
            "1.5 lowered by 1 %",
            "ranges",
            altered_claim=_altered("ranges", lambda: relu_ranges(sympy.Rational(1485, 1000))),
        ),
    ),
    expected=Verdict.PROVED,
)

LEAKY = Statement(
    id="fsr.leaky",
    label="Smoothed LeakyReLU",
    kind=Kind.DEFINITION,
    title="A smoothed leaky ReLU with Lipschitz second derivative exists",
    printed=r"$\mathrm{LeakyReLU}(z) = z$ if $z \ge \zeta$, $\zeta z$ if $z < 0$, with first derivative in $[0, 1]$ "
    r"and second derivative at most $O(1/\zeta)$ on $[0, \zeta]$",
    checkable=r"$\zeta z + (1 - \zeta) \widetilde{\mathrm{ReLU}}(z)$ equals $\zeta z$ for $z < 0$ and "
    r"$z - \zeta (1 - \zeta)/2$ for $z \ge \zeta$, with continuous $f, f', f''$, $f' \in [\zeta, 1]$ and "
    r"$f'' \in [0, 1.5 (1 - \zeta)/\zeta]$, for every $0 < \zeta \le 1$",
    source="section 2, l.82-86",
    evidence="symbolic, all zeta",
    claims=(
        SymbolicIdentity("joins", r"$f, f', f''$ are continuous at $0$ and $\zeta$", leaky_joins),
        SymbolicIdentity("ranges", r"$\zeta \le f' \le 1$ and $f'' \le 1.5 (1 - \zeta)/\zeta$", leaky_ranges),
        SymbolicIdentity(
            "quintic",
            r"the quintic joins $\zeta z$ and $z$ with continuous $f, f', f''$, $\zeta \le f' \le 1.512$ and "
            r"$f'' = 12 (1 - \zeta) u (1 - u) (3 - 5 u)/\zeta$",
            quintic,
        ),
    ),
    controls=(
        Control(
            "sign", "the sign of the quartic term", "joins", altered_claim=_altered("joins", lambda: leaky_joins(-1))
        ),
        Control(
            "printed right piece",
            "the offset of the right piece, z as printed",
            "joins",
            altered_claim=_altered("joins", lambda: [leaky().subs(U, 1) - ZETA]),
        ),
        Control(
            "quintic's slope",
            "1.512 lowered by 1 %",
            "quintic",
            altered_claim=_altered("quintic", lambda: quintic(LARGEST_SLOPE * sympy.Rational(99, 100))),
        ),
    ),
    errata=(
        Erratum(
            Defect.MISPRINT,
            r"The bound $[0, 1]$ of the slope is copied from the line above, where $[0, O(1)]$ is meant: "
            r"$f(0) = 0$, $f(\zeta) = \zeta$ and $f' \le 1$ force slope 1 on $[0, \zeta]$, but the slope left of 0 is "
            r"$\zeta < 1$.",
            "the definition itself (l.84)",
            r"$f' \in [0, O(1)]$: the quintic $\zeta p(z/\zeta)$, $p(u) = \zeta u + (1 - \zeta)(6 u^3 - 8 u^4 + 3 u^5)$, has "
            r"all the rest, with $f' \in [\zeta, 1.512]$ and $|f''| \le 4/\zeta$. Or, where slopes of at most 1 are used "
            r"(Claim D.7): $\zeta z + (1 - \zeta) \widetilde{\mathrm{ReLU}}(z)$, which is $z - \zeta (1 - \zeta)/2$ for "
            r"$z \ge \zeta$",
            printed_leaky_cannot_exist,
        ),
    ),
    expected=Verdict.REPAIRED,
    departures=(r"The repaired activation is lower than the printed one by at most $\zeta/2$.",),
)

STATEMENTS = (RELU, LEAKY)
