r"""Kernels along the circle, in ball arithmetic: h(t) = c(cos t) for two unit rows of R^2 at the angle t.

With e = t - pi reduced to [-pi, pi], the leaky ReLU of slope s has (from c = s rho + (1 - s)^2 c_ReLU)

    h = -s cos e + (1 - s)^2 (sin |e| - |e| cos e) / (2 pi),
    h' = sin e (s + (1 - s)^2 |e| / (2 pi)),    h'' = s cos e + (1 - s)^2 (sin |e| + |e| cos e) / (2 pi),

continuous at antipodal rows. An odd phi plus a constant that is bounded by 1 in absolute value (tanh, sigmoid) is summed,

    c(rho) = sigma_0^2 + sum_l sigma_l^2 rho^l over odd l <= L,

sigma_l by rigorous integration over [-10, 10]; by the inequality of Cauchy and Schwarz the rest of the line adds at most
(2 Q(10))^(1/2) to sigma_l, and the terms beyond L at most max_{l > L} l^n r^(l - n) to the n-th derivative where
|rho| <= r < 1. At rho = 1, where a target may lie, c(1) = E phi^2 is an integral of its own.
Source: section 5.1, Claim 1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import flint
from flint import acb, arb

from fsrcheck.errors import InputError
from fsrcheck.gaussian.balls import tail

REACH = 10
DEGREE = 31  # L
PRECISION = 96  # bits, of the integrals
TOLERANCE = -36  # power of two to which an integral is enclosed


class AngleKernel(Protocol):
    """h with two derivatives on balls."""

    def value(self, angle: arb) -> arb:
        """h(t), t in radians."""

    def slope(self, angle: arb) -> arb:
        """h'(t)."""

    def curvature(self, angle: arb) -> arb:
        """h''(t)."""


@dataclass(frozen=True)
class LeakyAngles:
    """h of the leaky ReLU; ``leak`` is exact text such as "0.2" or "1/100"."""

    leak: str

    def value(self, angle: arb) -> arb:
        """h(t)."""
        slope, weight = self._weights()
        e = _from_antipode(angle)
        return -slope * e.cos() + weight * (abs(e).sin() - abs(e) * e.cos())

    def slope(self, angle: arb) -> arb:
        """h'(t)."""
        slope, weight = self._weights()
        e = _from_antipode(angle)
        return e.sin() * (slope + weight * abs(e))

    def curvature(self, angle: arb) -> arb:
        """h''(t)."""
        slope, weight = self._weights()
        e = _from_antipode(angle)
        return slope * e.cos() + weight * (abs(e).sin() + abs(e) * e.cos())

    def _weights(self) -> tuple[arb, arb]:
        slope = arb(self.leak)
        return slope, (1 - slope) ** 2 / (2 * arb.pi())


@dataclass(frozen=True)
class OddAngles:
    """h of tanh or of the sigmoid, odd plus a constant; ``name`` is one of these two."""

    name: str

    def __post_init__(self) -> None:
        """Refuse another activation."""
        if self.name not in FUNCTIONS:
            raise InputError(f"name must be one of {', '.join(FUNCTIONS)}, got {self.name!r}")

    def value(self, angle: arb) -> arb:
        """h(t); exact enclosure of E phi^2 at t = 0."""
        return square_mean(self.name) if bool(angle == 0) else _series(self.name, angle.cos(), 0)

    def slope(self, angle: arb) -> arb:
        """h'(t) = -c' sin t."""
        return -_series(self.name, angle.cos(), 1) * angle.sin()

    def curvature(self, angle: arb) -> arb:
        """h''(t) = c'' sin^2 t - c' cos t."""
        rho = angle.cos()
        return _series(self.name, rho, 2) * angle.sin() ** 2 - _series(self.name, rho, 1) * rho


def _tanh(x: acb) -> acb:
    return 1 - 2 / ((2 * x).exp() + 1)


def _sigmoid(x: acb) -> acb:
    return 1 / (1 + (-x).exp())


FUNCTIONS: dict[str, Callable[[acb], acb]] = {"tanh": _tanh, "sigmoid": _sigmoid}


def _from_antipode(angle: arb) -> arb:
    """t - pi reduced to about [-pi, pi] by whole turns."""
    turn = 2 * arb.pi()
    turns = round(float(angle.mid()) / float(turn.mid()) - 0.5)
    return angle - arb.pi() - turns * turn


def _expectation(integrand: Callable[[acb], acb]) -> arb:
    """E integrand(g) over |g| <= 10."""

    def weighted(x: acb, _: bool) -> acb:
        return integrand(x) * (-x * x / 2).exp()

    with flint.ctx.workprec(PRECISION):
        found: Any = acb.integral(weighted, -REACH, REACH, abs_tol=arb(2) ** TOLERANCE)
        return found.real / (2 * arb.pi()).sqrt()


def _hermite(degree: int, x: acb) -> acb:
    before, current = acb(0), acb(1)
    for i in range(degree):
        before, current = current, (x * current - arb(i).sqrt() * before) / arb(i + 1).sqrt()
    return current


def _plus_minus(size: arb) -> arb:
    return arb(0, size.upper())


@lru_cache(maxsize=256)
def coefficient(name: str, degree: int) -> arb:
    """sigma_l of tanh or the sigmoid."""
    inside = _expectation(lambda x: FUNCTIONS[name](x) * _hermite(degree, x))
    return inside + _plus_minus((2 * tail(arb(REACH))).sqrt())


@lru_cache(maxsize=8)
def square_mean(name: str) -> arb:
    """E phi(g)^2."""
    return _expectation(lambda x: FUNCTIONS[name](x) ** 2) + _plus_minus(2 * tail(arb(REACH)))


def _series(name: str, rho: arb, order: int) -> arb:
    """The derivative of c of this order for |rho| < 0.9, with the terms beyond L enclosed."""
    if not bool(abs(rho) < arb("0.9")):
        raise InputError(f"the correlation must stay below 0.9 in absolute value, got {rho}")
    total = arb(0)
    for degree in (0, *range(1, DEGREE + 1, 2)):
        if degree >= order:
            factor = {0: 1, 1: degree, 2: degree * (degree - 1)}[order]
            total += factor * coefficient(name, degree) ** 2 * rho ** (degree - order)
    return total + _plus_minus(_rest(abs(rho), order))


def _rest(size: arb, order: int) -> arb:
    """max_{l > L} l^n r^(l - n): as the ratio of following terms is below 1 for r < 0.9 and l > L, the first one."""
    first = DEGREE + 1
    return first**order * size ** (first - order)
