"""Two standard normals at a correlation, in ball arithmetic, by another formula than ``bivariate``: conditioning on g1.

L = int phi(x) Q(z(x)) dx, N = r int phi(x) A(z(x)) dx, M = r int (x - h1) phi(x) A(z(x)) dx over x > h1, with
r = sqrt(1 - rho^2), z(x) = (h2 - rho x)/r and A(z) = phi(z) - z Q(z). flint encloses each integral up to END
rigorously; the rest is bounded by Cauchy and Schwarz. All three fall in h1 and in h2 and rise with rho, so that wide
balls are evaluated at two corners. Like the functions of ``balls`` they take power series of length two. An
evaluation costs milliseconds: fit for boxes of some thousand cells.
"""

from collections.abc import Callable
from itertools import pairwise

import flint
from flint import acb, arb

from fsrcheck.errors import InputError
from fsrcheck.gaussian.balls import density, parts, relu_mean, series, tail

END = 60.0  # Q(END) = 1e-784
LARGEST_THRESHOLD = 30
TOO_SMALL = 1150  # bits: integrals are not resolved below 2^-1150, far under the smallest double
Slopes = tuple[Callable[..., arb], Callable[..., arb], Callable[..., arb]]


def upper_orthant(h1: arb, h2: arb, rho: arb) -> arb:
    """Return L = Pr[g1 > h1, g2 > h2].

    Raises:
        InputError: a threshold beyond 30 in size, or a correlation that may lie outside (-1, 1).
    """

    def by_first(x: arb, y: arb, r: arb) -> arb:
        return -density(x) * tail(_conditional(x, y, r))

    return _differentiable("orthant", (h1, h2, rho), (by_first, lambda x, y, r: by_first(y, x, r), pair_density))


def gated_relu_mean(h1: arb, h2: arb, rho: arb) -> arb:
    """Return N = E[1{g1 > h1} (g2 - h2)_+].

    Raises:
        InputError: as for ``upper_orthant``.
    """

    def by_first(x: arb, y: arb, r: arb) -> arb:
        return -density(x) * _spread(r) * relu_mean(_conditional(x, y, r))

    def by_correlation(x: arb, y: arb, r: arb) -> arb:
        return density(x) * tail(_conditional(x, y, r))

    return _differentiable("gated", (h1, h2, rho), (by_first, lambda *p: -upper_orthant(*p), by_correlation))


def relu_product_mean(h1: arb, h2: arb, rho: arb) -> arb:
    """Return M = E[(g1 - h1)_+ (g2 - h2)_+].

    Raises:
        InputError: as for ``upper_orthant``.
    """
    slopes = (
        lambda x, y, r: -gated_relu_mean(x, y, r),
        lambda x, y, r: -gated_relu_mean(y, x, r),
        upper_orthant,
    )
    return _differentiable("product", (h1, h2, rho), slopes)


def pair_density(h1: arb, h2: arb, rho: arb) -> arb:
    """Return phi_2(h1, h2; rho) = dL/drho, on balls alone."""
    exponent = (h1 + h2) ** 2 / (4 * (1 + rho)) + (h1 - h2) ** 2 / (4 * (1 - rho))
    return (-exponent).exp() / (2 * arb.pi() * _spread(rho))


def _differentiable(quantity: str, arguments: tuple[arb, arb, arb], slopes: Slopes) -> arb:
    """The value on balls; on power series also the sum of the partial derivatives times the rates."""
    split = [parts(argument) for argument in arguments]
    centres = [centre for centre, _ in split]
    value = _enclosure(quantity, *centres)
    moving = [(slope, rate) for slope, (_, rate) in zip(slopes, split, strict=True) if rate is not None]
    if not moving:
        return value
    return series(value, sum((slope(*centres) * rate for slope, rate in moving), arb(0)))


def _enclosure(quantity: str, h1: arb, h2: arb, rho: arb) -> arb:
    if not (rho > -1 and rho < 1):
        raise InputError(f"rho must be a ball inside (-1, 1), got {rho}")
    if not (abs(h1) <= LARGEST_THRESHOLD and abs(h2) <= LARGEST_THRESHOLD):
        raise InputError(f"thresholds must be at most {LARGEST_THRESHOLD} in size, got {h1} and {h2}")
    least = (h1.upper(), h2.upper(), rho.lower())
    greatest = (h1.lower(), h2.lower(), rho.upper())
    value = _at_point(quantity, *least)
    is_point = all(bool(a == b) for a, b in zip(least, greatest, strict=True))
    return value if is_point else value.union(_at_point(quantity, *greatest))


def _at_point(quantity: str, h1: arb, h2: arb, rho: arb) -> arb:
    spread = _spread(rho)

    def integrand(x: acb, _: bool) -> acb:
        z = (h2 - rho * x) / spread
        if quantity == "orthant":
            return _phi(x) * _tail(z)
        mean = spread * (_phi(z) - z * _tail(z))
        return _phi(x) * mean * ((x - h1) if quantity == "product" else 1)

    total, tolerance = arb(0), arb(2) ** (-3 * flint.ctx.prec // 4)
    for low, high in pairwise(_cuts(h1, h2, rho)):
        # What lies far out is resolved no further than the rest needs.
        enough = (abs(total) * tolerance).upper() + arb(2) ** -TOO_SMALL
        total += acb.integral(integrand, low, high, rel_tol=tolerance, abs_tol=enough).real
    return (total + _rest(h1, h2)).nonnegative_part()


def _cuts(h1: arb, h2: arb, rho: arb) -> list[arb]:
    """The peak lies at h1 or near rho h2; cutting there keeps the adaptive integration from starting blind."""
    cuts = [(rho * h2).mid(), h1 + 0.5, h1 + 2, arb(8), arb(15)]
    return [h1, *sorted((x.mid() for x in cuts if x > h1), key=float), arb(END)]


def _rest(h1: arb, h2: arb) -> arb:
    """What lies beyond END: at most the root of E (g1 - h1)^2 1{g1 > END} times E (g2 - h2)^2 (or times 1)."""
    end = arb(END)
    far = (1 + h1 * h1) * tail(end) + (end + 2 * abs(h1)) * density(end)
    bound = ((far + tail(end)) * (2 + h2 * h2)).sqrt().upper()
    return arb(0).union(bound)


def _conditional(h1: arb, h2: arb, rho: arb) -> arb:
    return (h2 - rho * h1) / _spread(rho)


def _spread(rho: arb) -> arb:
    return ((1 - rho) * (1 + rho)).sqrt()


def _phi(x: acb) -> acb:
    return (-x * x / 2).exp() / (2 * arb.pi()).sqrt()


def _tail(x: acb) -> acb:
    return (x / arb(2).sqrt()).erfc() / 2
