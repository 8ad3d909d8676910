"""The two moments of one channel that the discriminator D4 compares, with their cutoffs, at an exact dictionary.

A channel is S = ReLU(alpha g - beta); x = E ReLU(S - 2b) = alpha A(t_1), t_1 = (beta + 2b)/alpha, and
y = Pr[S > b] = Q(t), t = (beta + b)/alpha (l.1177, with zeta to 0), A(t) = E ReLU(g - t), h = phi/Q. The statements about
D4 share these formulas, as sympy expressions and as torch functions for the spot checks.
"""

import sympy
import torch
from flint import arb
from torch import Tensor

from fsrcheck.evidence.boxes import by_series
from fsrcheck.evidence.certified import Certified, Positive
from fsrcheck.gaussian import relu_mean, tail
from fsrcheck.gaussian.balls import tail_factor

ALPHA, BETA, CUTOFF = sympy.symbols("alpha beta b", positive=True)
MEAN_THRESHOLD = (BETA + 2 * CUTOFF) / ALPHA  # t_1
RATE_THRESHOLD = (BETA + CUTOFF) / ALPHA  # t
HAZARD_RATIO = "1.5252"  # 1/F_0(1) = phi(1)/Q(1) = 1.525135..., rounded up
ABOVE_ONE = r"$t = 1/u \ge 1$"


def density_of(t: sympy.Expr) -> sympy.Expr:
    """phi(t)."""
    return sympy.exp(-(t**2) / 2) / sympy.sqrt(2 * sympy.pi)


def tail_of(t: sympy.Expr) -> sympy.Expr:
    """Q(t)."""
    return sympy.erfc(t / sympy.sqrt(2)) / 2


def relu_mean_of(t: sympy.Expr) -> sympy.Expr:
    """A(t) = phi(t) - t Q(t)."""
    return density_of(t) - t * tail_of(t)


MEAN = ALPHA * relu_mean_of(MEAN_THRESHOLD)  # x
RATE = tail_of(RATE_THRESHOLD)  # y


def moments(alpha: Tensor, beta: Tensor, cutoff: float) -> tuple[Tensor, Tensor]:
    """x and y, of the shape of ``alpha`` and ``beta`` (at least 0-dimensional, in the units of the codes)."""
    return alpha * relu_mean((beta + 2 * cutoff) / alpha), tail((beta + cutoff) / alpha)


def channels(count: int = 6, requires_grad: bool = True) -> tuple[Tensor, Tensor]:
    """Some alpha and beta with t from 1 to 5, for spot checks."""
    alpha = torch.linspace(0.4, 3.0, count, dtype=torch.float64)
    beta = alpha * torch.linspace(1.0, 5.0, count, dtype=torch.float64)
    return alpha.requires_grad_(requires_grad), beta.requires_grad_(requires_grad)


def gradient(value: Tensor, alpha: Tensor, beta: Tensor) -> tuple[Tensor, Tensor]:
    """The partial derivatives of a function of each channel's alpha and beta, by automatic differentiation."""
    slopes = torch.autograd.grad(value.sum(), (alpha, beta), retain_graph=True)
    return slopes[0].detach(), slopes[1].detach()


def hazard_ratio(factor: str = "1") -> Certified:
    """h(t)/t = 1/F_0(1/t) is at most 1.5252 / ``factor`` for t >= 1."""

    def margin(u: arb) -> arb:
        return tail_factor(0, u) - arb(factor) / arb(HAZARD_RATIO)

    part = Positive(margin, {"u": (0, 1)}, by_series(margin), ABOVE_ONE)
    text = rf"$h(t) \le {HAZARD_RATIO}\, t$ for all $t \ge 1$; attained at $t = 1$ up to rounding"
    return Certified("hazard ratio", text, (part,))
