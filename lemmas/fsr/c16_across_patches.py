r"""Remark C.16: the update of D5 for pairs of neurons in different patches.

Setting: as for equation (C.20); g1, g2 standard normal at correlation rho, L = Pr[g1 > h1, g2 > h2], t the larger
threshold.

Statement (as printed, section C.4.2, l.1774-1780): Claim C.15 holds across patches, where only correlations at most
1 - tau/2 are known, with poly(m_1) in place of poly(k_1).

Checkable form: the bounds of (C.20) hold at every rho, so Claim C.15 does across patches: if s > s*,
s' <= s - eta (s - s*); if s < s*, s' >= s + eta (c* - c) L, where c* - c >= (s* - s)/L(rho*). And
L >= 0.6826 Q((t + 1)/w), w^2 = (1 + rho)/2, which is a power of m where 1 + rho is at least a constant: with
g1, g2 = w x +- w' y both exceed t if |y| <= 1 and w x > t + 1, since w' <= 1. No upper limit of the correlation is
needed. That poly(k) is not enough: at rho = -1/2 the sum g1 + g2 is standard normal, so
L <= Q(2t) <= 36 t^3 Q(t)^4, which is m^-4, and an error b poly(k)/m^2 of s says nothing of the correlation.

Measured: nothing; one spot check.
Controls: signs; 36 lowered by 1 %.
Departures from the paper: W = W*. Source: section C.4.2, l.1774-1780.
"""

from collections.abc import Callable

import sympy
import torch
from flint import arb

from fsrcheck.evidence.boxes import by_series
from fsrcheck.evidence.certified import Certified, Positive
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.symbolic import SymbolicIdentity
from fsrcheck.gaussian import tail, upper_orthant
from fsrcheck.gaussian.balls import tail as ball_tail
from fsrcheck.gaussian.balls import tail_factor
from fsrcheck.statement import Control, Defect, Erratum, Kind, Statement
from lemmas.fsr.c28_pair_along_direction import PRICE, PRICE_SIGN, RHO

CENTRAL = "0.6826"  # Pr[|g| <= 1] = 0.68268949...
FOURTH_POWER = "36"  # (2 pi)^(3/2)/2 F_0(1/2)/F_0(1)^4 = 35.8995..., attained at t = 1


def central() -> Certified:
    """Pr[|g| <= 1], one point."""
    part = Positive(lambda t: 1 - 2 * ball_tail(t) - arb(CENTRAL), {"t": (1, 1)})
    return Certified("central", rf"$\Pr[|g| \le 1] \ge {CENTRAL}$", (part,))


def rotation(sign: int = 1) -> list[sympy.Expr]:
    """Variances 1 and covariance rho of w x +- w' y, with w^2 = (1 + rho)/2 and w'^2 = (1 - rho)/2."""
    first, second = (1 + RHO) / 2, (1 - RHO) / 2
    return [first + second - 1, first - sign * second - RHO]


def rotation_spots() -> list[float]:
    """How far 0.6826 Q((t + 1)/w) exceeds L, relative to L: nothing."""
    t, rho = torch.meshgrid(torch.linspace(0.0, 4.0, 9), torch.linspace(-0.9, 0.9, 7), indexing="ij")
    orthant = upper_orthant(t, t, rho)
    excess = float(CENTRAL) * tail((t + 1) / ((1 + rho) / 2).sqrt()) / orthant - 1
    return [float(excess.max().clamp(min=0.0))]


def fourth_power(factor: str = "1") -> Certified:
    """Q(2t) / (t^3 Q(t)^4) = (2 pi)^(3/2)/2 F_0(u/2)/F_0(u)^4 at t = 1/u is at most 36/factor."""

    def margin(u: arb) -> arb:
        scale = (2 * arb.pi()) ** 3
        return arb(FOURTH_POWER) / arb(factor) - scale.sqrt() / 2 * tail_factor(0, u / 2) / tail_factor(0, u) ** 4

    part = Positive(margin, {"u": (0, 1)}, by_series(margin), r"$t = 1/u \ge 1$")
    return Certified(
        "fourth power", rf"$Q(2t) \le {FOURTH_POWER}\, t^3 Q(t)^4$ for all $t \ge 1$; attained at $t = 1$", (part,)
    )


def _altered(name: str, residuals: Callable[[], list[sympy.Expr]]) -> SymbolicIdentity:
    return SymbolicIdentity(name, "", residuals)


REMARK_16 = Statement(
    id="fsr.C.16",
    label="Remark C.16",
    kind=Kind.REMARK,
    title="The update direction across patches",
    printed=r"for $j \ne j'$ we no longer have $s, s^\star \le \mathrm{poly}(k_1)/m_1^2$, only correlations at most "
    r"$1 - \tau/2$; the last three "
    r"items of Claim C.15 follow as the first three, with $\mathrm{poly}(k_1)$ replaced by $\mathrm{poly}(m_1)$",
    checkable=r"at $\mathbf{W} = \mathbf{W}^\star$, for every pair and every $\eta \in [0, 1]$: $s' - s \le \eta "
    r"(s^\star - s)$ and $s' - s \ge \eta "
    r"(c^\star - c) L$ with $L \ge 0.6826\, Q((t + 1) \sqrt{2/(1 + \rho)})$, a power of $m$; and at $\rho = -1/2$, "
    r"$L \le 36\, t^3 Q(t)^4$, so poly(k)/m^2 is not enough",
    source="section C.4.2, l.1774-1780",
    evidence="symbolic, undefined functions; ball arithmetic over the whole ray",
    claims=(
        PRICE,
        SymbolicIdentity(
            "rotation",
            r"$g_1, g_2 = w x \pm w' y$ with $w^2 = (1 + \rho)/2$, $w'^2 = (1 - \rho)/2$ are standard normal at "
            r"correlation $\rho$",
            rotation,
            rotation_spots,
        ),
        central(),
        fourth_power(),
    ),
    controls=(
        PRICE_SIGN,
        Control("rotation", "a sign", "rotation", altered_claim=_altered("rotation", lambda: rotation(-1))),
        Control("fourth power", "36 lowered by 1 %", "fourth power", altered_claim=fourth_power("1.01")),
    ),
    errata=(
        Erratum(
            Defect.CONVERSION_SLIP,
            r"The correlations are said to be at most $\mathrm{poly}(k_1)/m_1^2$, the bound of $s$, and a lone "
            r"'$o(1)$ by "
            "Proposition C.22' follows after a page break.",
            "parenthesis in the first sentence, l.1774-1776",
            "(which implies that the correlations are o(1) by Proposition C.22)",
        ),
    ),
    expected=Verdict.CERTIFIED,
    constants=(
        Constant("central", float(CENTRAL), Provenance.DERIVED, r"$\Pr[|g| \le 1] = 0.68268949...$"),
        Constant("fourth power", float(FOURTH_POWER), Provenance.DERIVED, r"35.8995, attained at $t = 1$"),
    ),
    requires=("fsr.eq.C.20",),
)

STATEMENT = REMARK_16
