r"""How the two moments of a channel move with its scale and threshold: the calculations of Claims C.8 and C.9.

The channel and its moments x and y are those of ``marginal_moments``; t = (beta + b)/alpha, t_1 = (beta + 2b)/alpha,
s = b/alpha, u = 1/t. What the calculations are for, and how they fit together, is said in ``c8_descent``.
"""

from collections.abc import Callable
from typing import TypeVar

import sympy
import torch
from flint import arb

from fsrcheck.evidence.boxes import Margin, by_series
from fsrcheck.evidence.certified import Certified, Positive
from fsrcheck.gaussian import density, relu_mean, tail
from fsrcheck.gaussian.balls import density as ball_density
from fsrcheck.gaussian.balls import tail_factor
from lemmas.fsr.marginal_moments import (
    ABOVE_ONE,
    ALPHA,
    BETA,
    CUTOFF,
    MEAN,
    MEAN_THRESHOLD,
    RATE,
    RATE_THRESHOLD,
    channels,
    density_of,
    gradient,
    moments,
    relu_mean_of,
    tail_of,
)

Real = TypeVar("Real", float, torch.Tensor)

LARGEST_MEAN_RATE = "2.9043"  # 1/F_1(1) = 2.904272..., rounded up
GRADIENT = "0.1177"  # smallest value of the function of (u, v), at (1, 1/4), rounded down
LARGEST_SHIFT = "1/4"  # of b t/alpha
CURVATURE = "0.3422"  # sqrt(2) phi(1) = 0.342198..., rounded up
SPOT_CUTOFF = 0.1
PHI, PHI_1 = density_of(RATE_THRESHOLD), density_of(MEAN_THRESHOLD)
SHIFT = CUTOFF / ALPHA  # s


def rates(sign: int = 1) -> list[sympy.Expr]:
    """The four rates of C.8 times x or y: of the mean and of the rate in (a), then in (b)."""
    along = [(sympy.diff(value, ALPHA) * ALPHA, sympy.diff(value, BETA) * BETA) for value in (MEAN, RATE)]
    (mean_alpha, mean_beta), (rate_alpha, rate_beta) = along
    return [
        mean_alpha + mean_beta - MEAN - sign * 2 * CUTOFF * tail_of(MEAN_THRESHOLD),
        rate_alpha + rate_beta - SHIFT * PHI,
        mean_alpha - ALPHA * PHI_1,
        rate_alpha - RATE_THRESHOLD * PHI,
    ]


def rate_spots() -> list[float]:
    """The same by automatic differentiation of the package's functions, in the logarithms as stated."""
    alpha, beta = channels()
    first, second = (beta + 2 * SPOT_CUTOFF) / alpha, (beta + SPOT_CUTOFF) / alpha
    shift, excess = SPOT_CUTOFF / alpha, relu_mean(first) / tail(first)
    hazard, hazard_1 = density(second) / tail(second), density(first) / tail(first)
    expected = (1 + 2 * shift / excess, shift * hazard, hazard_1 / excess, second * hazard)
    slopes = [gradient(value.log(), alpha, beta) for value in moments(alpha, beta, SPOT_CUTOFF)]
    both = [alpha * by_alpha + beta * by_beta for by_alpha, by_beta in slopes]
    found = (*both, *(alpha * by_alpha for by_alpha, _ in slopes))
    return [d for a, e in zip(found, expected, strict=True) for d in (a / e - 1).tolist()]


def separation(sign: int = 1) -> list[sympy.Expr]:
    """The determinant of the rates of C.8 (times x y) is (beta/alpha) phi (x + b Q_1), a product of positive
    factors."""
    first_mean = MEAN + 2 * CUTOFF * tail_of(MEAN_THRESHOLD)
    determinant = first_mean * RATE_THRESHOLD * PHI - sign * SHIFT * PHI * ALPHA * PHI_1
    return [determinant - BETA / ALPHA * PHI * (MEAN + CUTOFF * tail_of(MEAN_THRESHOLD))]


def determinant(sign: int = 1) -> list[sympy.Expr]:
    """The Jacobian determinant of (x, y) with respect to (alpha, beta) against its closed form."""
    jacobian = sympy.Matrix([MEAN, RATE]).jacobian([ALPHA, BETA])
    closed = -PHI / ALPHA * (relu_mean_of(MEAN_THRESHOLD) + sign * SHIFT * tail_of(MEAN_THRESHOLD))
    return [jacobian.det() - closed]


def determinant_spots() -> list[float]:
    """The same by automatic differentiation."""
    alpha, beta = channels()
    (a, b), (c, d) = (gradient(value, alpha, beta) for value in moments(alpha, beta, SPOT_CUTOFF))
    first, second = (beta + 2 * SPOT_CUTOFF) / alpha, (beta + SPOT_CUTOFF) / alpha
    closed = -density(second) / alpha * (relu_mean(first) + SPOT_CUTOFF / alpha * tail(first))
    return ((a * d - b * c) / closed - 1).tolist()


def rows(sign: int = 1) -> list[sympy.Expr]:
    """Lagrange's identity for v = c_1 r_1 + c_2 r_2 against both rows of a 2 x 2 matrix, summed."""
    a, b, c, d, first, second = sympy.symbols("a b c d c_1 c_2", real=True)
    one, two = sympy.Matrix([a, b]), sympy.Matrix([c, d])
    v = first * one + second * two
    size, determinant_squared = one.dot(one) + two.dot(two), (a * d - b * c) ** 2
    rest = one.dot(v) ** 2 + sign * two.dot(v) ** 2
    return [v.dot(v) * size - determinant_squared * (first**2 + second**2) - rest]


def hessians(sign: int = 1) -> list[sympy.Expr]:
    """The Hessians of x, a multiple of a projection, and of y, whose Frobenius norm is phi (t^2 (t^2-1)^2 +
    2)^(1/2)/alpha^2."""
    t, variables = RATE_THRESHOLD, (ALPHA, BETA)
    of_mean = PHI_1 / ALPHA * _outer(MEAN_THRESHOLD)
    of_rate = PHI / ALPHA**2 * (t * _outer(t) - sign * sympy.Matrix([[2 * t, -1], [-1, 0]]))
    differences = [
        found[i, j] - expected[i, j]
        for found, expected in ((sympy.hessian(MEAN, variables), of_mean), (sympy.hessian(RATE, variables), of_rate))
        for i, j in ((0, 0), (0, 1), (1, 1))
    ]
    size = (of_rate * ALPHA**2 / PHI).applyfunc(sympy.expand).norm() ** 2
    return [*differences, sympy.expand(size) - sympy.expand(t**2 * (t**2 - 1) ** 2 + 2)]


def _outer(t: sympy.Expr) -> sympy.Matrix:
    vector = sympy.Matrix([t, -1])
    return vector * vector.T


def falling(sign: int = 1) -> list[sympy.Expr]:
    """The slopes of phi (1 + t^2) and phi^2 (1 + t^2): not positive from t = 1 on, so that both are largest there."""
    t = sympy.Symbol("t", positive=True)
    phi = density_of(t)
    return [
        sympy.diff(phi * (1 + t**2), t) - phi * t * (1 - sign * t) * (1 + t),
        sympy.diff(phi**2 * (1 + t**2), t) + 2 * t**3 * phi**2,
    ]


def _part(margin: Margin, where: str = ABOVE_ONE) -> Positive:
    return Positive(margin, {"u": (0, 1)}, by_series(margin), where)


def mean_rate(factor: str = "1") -> Certified:
    """t^2 <= h/(h - t) = t^2/F_1 <= 2.9043 t^2 / ``factor``; 1 - F_1 = u^2 (F_1 + 2 F_2)."""
    parts = (
        _part(lambda u: tail_factor(1, u) - arb(factor) / arb(LARGEST_MEAN_RATE)),
        _part(lambda u: tail_factor(1, u) + 2 * tail_factor(2, u), r"$(1 - F_1)/u^2 = F_1 + 2 F_2$"),
    )
    text = rf"$t^2 \le h/(h - t) \le {LARGEST_MEAN_RATE}\, t^2$ for all $t \ge 1$; attained at $t = 1$"
    return Certified("rate of the mean", text, parts)


def above_square(factor: str = "1") -> Certified:
    """h >= t, as 1 - F_0 = u^2 F_1; with t times another factor for the control."""

    def direct(u: arb) -> arb:
        return 1 / arb(factor) - tail_factor(0, u)

    found = _part(lambda u: tail_factor(1, u), r"$(1 - F_0)/u^2 = F_1$") if factor == "1" else _part(direct)
    return Certified("hazard", r"$h > t$ for all $t \ge 1$; $h/t$ falls to 1 as $t$ grows", (found,))


def slope_margin(factor: str = "1") -> Callable[[arb, arb], arb]:
    """det^2/||J||^2 in units of Q^2 u^4/(1 + alpha^2 u^2), minus its certified lower bound; u = 1/t, v = b t/alpha."""

    def margin(u: arb, v: arb) -> arb:
        further = 1 + v * u * u
        inner = tail_factor(1, u / further) / further + v * tail_factor(0, u / further)
        decay = (-2 * v - v * v * u * u).exp() / (further * further)
        return decay * inner * inner / (tail_factor(0, u) * tail_factor(0, u) * (1 + u * u)) - arb(factor) * arb(
            GRADIENT
        )

    return margin


def slope(factor: str = "1") -> Certified:
    """The gradient bound of C.9, its constant times ``factor``."""
    margin = slope_margin(factor)
    part = Positive(
        margin, {"u": (0, 1), "v": (0, LARGEST_SHIFT)}, by_series(margin), ABOVE_ONE + r", $v = b t/\alpha \le 1/4$"
    )
    text = (
        rf"$\det^2 J/\|J\|_F^2 \ge {GRADIENT}\, Q(t)^2/(t^2 (t^2 + \alpha^2))$ for $t \ge 1$, $b t \le \alpha/4$; "
        rf"smallest at "
        r"$t = 1$, $b = \alpha/4$"
    )
    return Certified("gradient", text, (part,))


def curvature(limit: str = CURVATURE) -> Certified:
    """phi(t)^2 (t^2 (t^2 - 1)^2 + 2) <= limit^2; beyond t = 4 by exp(-t^2) <= 120/t^10 and t^6 + 1 >= t^2 (t^2 -
    1)^2 + 2."""
    square = arb(limit) * arb(limit)

    def near(t: arb) -> arb:
        w = t * t
        return square - ball_density(t) * ball_density(t) * (w * (w - 1) * (w - 1) + 2)

    def far(u: arb) -> arb:
        return square - 60 / arb.pi() * (u**4 + u**10)

    parts = (
        Positive(near, {"t": (1, 4)}, by_series(near), r"$1 \le t \le 4$"),
        Positive(far, {"u": (0, "1/4")}, by_series(far), r"$t = 1/u \ge 4$, $e^{-t^2} \le 120/t^{10}$"),
    )
    text = rf"$\phi(t) \sqrt{{t^2 (t^2 - 1)^2 + 2}} \le {limit}$ for all $t \ge 1$; attained at $t = 1$ up to rounding"
    return Certified("curvature", text, parts)


def gradient_factor(alpha: torch.Tensor, beta: torch.Tensor, cutoff: float) -> torch.Tensor:
    """c = 0.4708 y^2/(t^2 (t^2 + alpha^2)), so that ||grad Obj||^2 >= c Obj where t >= 1 and b t <= alpha/4."""
    t = (beta + cutoff) / alpha
    return 4 * float(GRADIENT) * tail(t) ** 2 / (t**2 * (t**2 + alpha**2))


def smoothness(scale: Real, residual: Real, weight: float) -> Real:
    """L of the gradient where t >= 1, alpha >= ``scale``, both moments are off by at most ``residual``, weights <=
    ``weight``."""
    one = torch.tensor(1.0, dtype=torch.float64)
    phi, upper = float(density(one)), float(tail(one))
    steep = (2 * phi**2 + float(CURVATURE) * residual) / scale**2
    return 2 * weight * (phi**2 + upper**2 + 2 * phi * residual / scale + steep)
