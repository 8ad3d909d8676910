r"""How fast the joint tail of two channels, and means over it, fall in a threshold: the lemma behind C.25, C.26 and C.27.

Let g_1, g_2 be standard normal with correlation rho, r = sqrt(1 - rho^2), rho_- = max(-rho, 0), b_1, b_2 > 0, and

    F(b_1, b_2) = E[(g_1 - b_1)_+^m 1{g_1 > b_1} (g_2 - b_2)_+^n 1{g_2 > b_2}],    m, n in {0, 1}.

Then  0 <= -d log F / d b_1 <= (b_1 + rho_- b_2) / (1 - rho_-^2) + (c_m + rho_- c_n) / r  with c_0 = sqrt(2/pi) and
c_1 = sqrt(pi/2). Proof, with A_0 = Q, A_1(t) = E (g - t)_+, k_n = -A_n'/A_n (so k_0 = phi/Q, k_1 = Q/A):

1. k_n rises with slope below 1, since 1 - k_n' is the variance of the density proportional to
   x^n exp(-t x - x^2/2) on x > 0 (``curvature``); and k_n(t) - t falls for t >= 0 from c_n (``excess``). Hence
   k_n(t) <= max(t, 0) + c_n for all t.
2. F = int_{x > b_1} (x - b_1)^m f(x) dx up to a constant, f(x) = phi(x) A_n(z(x)), z(x) = (b_2 - rho x)/r. With
   f = exp(-V): V' = x - (rho/r) k_n(z(x)), and V'' = 1 + (rho/r)^2 k_n' lies in [1, 1/r^2].
3. As V'' <= 1/r^2, f(b_1 + y)/f(b_1) is at least, and rises against, exp(-V'(b_1) y - y^2/(2 r^2)). So
   -d log F/d b_1 = f(b_1)/int f (m = 0) or 1/E[y] (m = 1) is at most what it is for that Gaussian: k_m(r V'(b_1))/r.
4. For rho >= 0, V'(b_1) <= b_1. For rho < 0, z(b_1) > 0 and step 1 gives
   V'(b_1) <= b_1 + (rho_-/r) (z(b_1) + c_n) = (b_1 + rho_- b_2)/r^2 + rho_- c_n/r. Step 1 for k_m ends the proof.
"""

from typing import Any

import sympy
import torch
from flint import arb
from torch import Tensor

from fsrcheck.evidence.boxes import Margin, by_series
from fsrcheck.evidence.certified import Certified, Positive
from fsrcheck.evidence.symbolic import SymbolicIdentity
from fsrcheck.gaussian import relu_mean, relu_moment, tail
from fsrcheck.gaussian.balls import hazard_excess, tail_factor
from fsrcheck.statement import Control

EXCESS = ("0.79789", "1.25332")  # c_0 = 0.7978845..., c_1 = 1.2533141..., rounded up
WRITTEN_PROOF = (
    "a proof written out in the module, from lemmas in one variable that are certified or symbolic for all arguments; the "
    "two-variable form itself is certified at one pair of thresholds only"
)
SCALE = 100_000
EXCESS_UNITS = tuple(round(float(text) * SCALE) for text in EXCESS)  # exact integers serve balls and tensors alike
ONE_PERCENT_LESS = "0.99"


def slope_bound(own: Any, partner: Any, rho: Any, negative: Any, orders: tuple[int, int] = (0, 0)) -> Any:
    """The upper bound of -d log F / d b_1 above; all arguments are balls or all are tensors.

    Args:
        own, partner: the thresholds b_1 and b_2.
        rho, negative: the correlation and rho_-.
        orders: m and n.
    """
    constants = (EXCESS_UNITS[orders[0]] + EXCESS_UNITS[orders[1]] * negative) / SCALE
    return (own + negative * partner) / (1 - negative * negative) + constants / (1 - rho * rho).sqrt()


def both_slopes(first: Any, second: Any, rho: Any, negative: Any, order: int) -> Any:
    """The bounds of -d log F / d b_1 and - d log F / d b_2 together, m = n = ``order``; balls or tensors."""
    orders = (order, order)
    return slope_bound(first, second, rho, negative, orders) + slope_bound(second, first, rho, negative, orders)


def weighted_slopes(first: Any, second: Any, rho: Any, negative: Any, lowest: Any) -> Any:
    """Lambda_1 + Lambda_2 of C.27(a) for zeta = 0; balls or tensors.

    Args:
        first, second: the thresholds b_i + 2 b.
        rho, negative: the correlation and rho_-.
        lowest: b_1.
    """
    square = 1 - rho * rho
    by_second = (second + negative * (first + 3 / lowest)) / square + EXCESS_UNITS[0] / (SCALE * square.sqrt())
    return slope_bound(first, second, rho, negative, (1, 0)) + by_second


def shift_bound(own: Any, given: Any, rho: Any, size: Any, step: Any, order: int = 0) -> Any:
    """E of C.26; all arguments are balls or all are tensors.

    Args:
        own, given: the threshold of the tail and that of the condition; balls need own >= rho given.
        rho: the correlation.
        size: |rho|.
        step: delta.
        order: 0 for (a), 1 for (b) with zeta = 0.
    """
    mean = EXCESS_UNITS[0] * size / (SCALE * (1 - rho * rho).sqrt())
    return step * (given + mean) + tilt_bound(own, given, rho, size, step, order)


def tilt_bound(own: Any, given: Any, rho: Any, size: Any, step: Any, order: int) -> Any:
    """The part of E that comes from the numerator, with all of the term in delta^2; see ``shift_bound``."""
    square = 1 - rho * rho
    spread = square.sqrt()
    start = conditional(own, given, rho)
    start = start.clamp(min=0) if isinstance(start, Tensor) else start
    hazard = (SCALE * (start + step * (1 + size) / spread) + EXCESS_UNITS[order]) / SCALE
    first = given * (1 + rho * rho) / square + (1 + size) * hazard / spread
    return step * first + step * step * (1 + rho * rho) / (2 * square)


def excess(order: int, factor: str = "1") -> Certified:
    """k_n(t) - t <= c_n for t >= 0, n = ``order``; c_n times ``factor`` for the control. With t = 1/u: (n + 1) u F_{n+1}/F_n."""
    limit = EXCESS[order]

    def near(t: arb) -> arb:
        value = hazard_excess(t) if order == 0 else 1 / hazard_excess(t) - t
        return arb(limit) * arb(factor) - value

    def far(u: arb) -> arb:
        return arb(limit) * arb(factor) - (order + 1) * u * tail_factor(order + 1, u) / tail_factor(order, u)

    name, formula = [("hazard", r"\phi(t)/Q(t)"), ("next hazard", r"Q(t)/E(g - t)_+")][order]
    parts = (
        Positive(near, {"t": (0, 1)}, by_series(near), r"$0 \le t \le 1$"),
        Positive(far, {"u": (0, 1)}, None, r"$t = 1/u \ge 1$"),
    )
    return Certified(name, rf"${formula} \le t + {limit}$ for all $t \ge 0$; attained at $t = 0$ up to rounding", parts)


def curvature(sign: int = 1) -> SymbolicIdentity:
    """1 - k_n' is a variance, for any weight; ``sign = -1`` flips one sign."""
    return SymbolicIdentity(
        "curvature",
        r"$1 - k_n'(t) = \mathrm{Var}[x]$ under the density $\propto x^n e^{-t x - x^2/2}$, so $0 < k_n' < 1$ by Prekopa",
        lambda: _curvature(sign),
        _curvature_spots,
    )


def _curvature(sign: int) -> list[sympy.Expr]:
    """A_n is exp(-t^2/2) Z(t) up to a factor, Z = int x^n exp(-t x - x^2/2) dx; Z' and Z'' bring down -x and x^2."""
    t = sympy.Symbol("t", real=True)
    mass = sympy.Function("Z")(t)
    first, second = sympy.diff(mass, t), sympy.diff(mass, t, 2)
    hazard_rate = -sympy.diff(-(t**2) / 2 + sympy.log(mass), t)
    return [1 - sympy.diff(hazard_rate, t) - (second / mass - sign * (first / mass) ** 2)]


def _curvature_spots() -> list[float]:
    """Variances from the package's moments against derivatives of its tails."""
    t = torch.linspace(-2.0, 4.0, 9, dtype=torch.float64, requires_grad=True)
    moments = [tail(t), relu_mean(t), relu_moment(t, 2), relu_moment(t, 3)]
    found = []
    for order, value in enumerate(moments[:2]):
        rate = -torch.autograd.grad(value.log().sum(), t, create_graph=True)[0]
        slope = torch.autograd.grad(rate.sum(), t, retain_graph=True)[0]
        mean, square = moments[order + 1] / value, moments[order + 2] / value
        found.append(1 - slope - (square - mean**2))
    return torch.cat(found).tolist()


def pair_parts(margin: Margin, low: str = "-1/2", high: str = "2/5") -> tuple[Positive, ...]:
    """A margin in rho and rho_-, over correlations of both signs."""
    below, above = (lambda rho: margin(rho, -rho)), (lambda rho: margin(rho, arb(0)))
    return (
        Positive(below, {"rho": (low, 0)}, by_series(below), r"$\rho \le 0$"),
        Positive(above, {"rho": (0, high)}, by_series(above), r"$\rho \ge 0$"),
    )


def conditional(own: Any, given: Any, rho: Any) -> Any:
    """(own - rho given) / sqrt(1 - rho^2); balls or tensors."""
    return (own - rho * given) / (1 - rho * rho).sqrt()


def excess_control(order: int) -> Control:
    """The constant c_n 1 % below its tightest value."""
    claim = excess(order, ONE_PERCENT_LESS)
    return Control(f"{claim.name} constant", f"{EXCESS[order]} lowered by 1 %", claim.name, altered_claim=claim)


def curvature_control() -> Control:
    """The sign of the squared mean flipped."""
    return Control("sign", "the sign of the squared mean in the variance", "curvature", altered_claim=curvature(-1))
