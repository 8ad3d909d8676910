"""Bivariate values in ball arithmetic by another formula than the package's: conditioning on g1.

L = int phi(x) Q(z(x)) dx, N = r int phi(x) A(z(x)) dx, M = r int (x - h1) phi(x) A(z(x)) dx over x > h1, with
z(x) = (h2 - rho x)/r and A(z) = phi(z) - z Q(z). flint encloses each integral rigorously; a naive quadrature
of the same formula misses the narrow peak when rho is near -1 or 1.
"""

from itertools import pairwise

import flint
from flint import acb, arb

PRECISION = 160
# The integral beyond is below 1e-420 for |h1|, |h2| <= 20, far under the smallest double.
END = 45.0


def pair_reference(quantity: str, h1: float, h2: float, rho: float) -> float:
    """Return L ("orthant"), N ("gated") or M ("product"); fail if the ball is wider than 2^-56 of it."""
    with flint.ctx.workprec(PRECISION):
        ball = _integral(quantity, h1, h2, rho)
        assert ball.rel_accuracy_bits() > 56, f"reference too wide: {ball}"
        return float(ball.mid())


def _integral(quantity: str, h1: float, h2: float, rho: float) -> arb:
    spread = ((1 - arb(rho)) * (1 + arb(rho))).sqrt()

    def integrand(x: acb, _: bool) -> acb:
        z = (arb(h2) - arb(rho) * x) / spread
        if quantity == "orthant":
            return _phi(x) * _tail(z)
        mean = spread * (_phi(z) - z * _tail(z))
        return _phi(x) * mean * ((x - arb(h1)) if quantity == "product" else 1)

    # The peak lies at h1 or near rho h2; cutting there keeps the adaptive integration from starting blind.
    cuts = sorted({h1, *(c for c in (rho * h2, h1 + 0.5, h1 + 2.0, 8.0, 15.0) if c > h1), END})
    total = arb(0)
    for low, high in pairwise(cuts):
        total += acb.integral(integrand, low, high, rel_tol=arb(2) ** -75, abs_tol=arb(2) ** -1150).real
    return total


def _phi(x: acb) -> acb:
    return (-x * x / 2).exp() / (2 * arb.pi()).sqrt()


def _tail(x: acb) -> acb:
    return (x / arb(2).sqrt()).erfc() / 2
