"""Bivariate values in ball arithmetic, by another formula than the package's floating-point code: see ``pair_balls``."""

import flint
from flint import arb

from fsrcheck.gaussian.pair_balls import gated_relu_mean, relu_product_mean, upper_orthant

PRECISION = 160
QUANTITIES = {"orthant": upper_orthant, "gated": gated_relu_mean, "product": relu_product_mean}


def pair_reference(quantity: str, h1: float, h2: float, rho: float) -> float:
    """Return L ("orthant"), N ("gated") or M ("product"); fail if the ball is wider than 2^-56 of it."""
    with flint.ctx.workprec(PRECISION):
        ball = QUANTITIES[quantity](arb(h1), arb(h2), arb(rho))
        assert ball.rel_accuracy_bits() > 56, f"reference too wide: {ball}"
        return float(ball.mid())
