r"""One standard normal in ball arithmetic (``flint.arb``): enclosures as tight as the argument allows.

Every function here is monotone (or even, and monotone in |t|), so that it is evaluated at the two ends of a ball:
the enclosure of a wide ball is exact up to rounding, where a formula such as phi(t) - t Q(t) would count t twice.
They also take power series of length two (``flint.arb_series``), with the derivative of each written out:
automatic differentiation works.

For t to infinity write t = 1/u and use ``tail_factor``:

    E (g - t)_+^n = n! phi(t) u^(n+1) F_n(u),    F_n(u) = E exp(-u^2 Y^2 / 2) for Y of the Gamma(n + 1) distribution

(substitute y = t x in the integral of x^n phi(t + x)). F_n falls from F_n(0) = 1; its derivative is
-u (n+1)(n+2) F_{n+2}, and F_{n-2} - F_{n-1} = n u^2 F_n. So Q(t) = phi(t) u F_0 and E (g - t)_+ = phi(t) u^2 F_1.

All functions work at the current precision (``flint.ctx.prec``). Arguments and values are typed as ``arb``; where an
argument is an ``arb_series``, so is the value.
"""

from collections.abc import Callable
from typing import Any

import flint
from flint import arb, arb_series

from fsrcheck.errors import InputError

ASYMPTOTIC = 0.0625  # up to this u the divergent series of F_n is exact to far more than 64 bits
SERIES_TERMS = 100


def tail(t: arb) -> arb:
    """Return Q(t) = Pr[g > t], falling."""
    return _monotone(t, _tail, lambda x: -density(x))


def density(t: arb) -> arb:
    """Return phi(t), even and falling in |t|."""
    return _even(t, _density, lambda x: -x * density(x))


def hazard(t: arb) -> arb:
    """Return h(t) = phi(t)/Q(t) = E[g | g > t], rising."""
    return _monotone(t, lambda x: _density(x) / _tail(x), hazard_slope)


def hazard_slope(t: arb) -> arb:
    """Return h'(t) = h (h - t) = 1 - Var[g | g > t], in (0, 1) and rising (M. R. Sampford, 1953)."""

    def slope(x: arb) -> arb:
        return hazard(x) * (hazard_excess(x) * (2 * hazard(x) - x) - 1)

    return _monotone(t, lambda x: _density(x) * _relu_mean(x) / _tail(x) ** 2, slope)


def hazard_excess(t: arb) -> arb:
    """Return h(t) - t = E[g - t | g > t], falling."""
    return _monotone(t, lambda x: _relu_mean(x) / _tail(x), lambda x: hazard_slope(x) - 1)


def relu_mean(t: arb) -> arb:
    """Return A(t) = E (g - t)_+ = phi(t) - t Q(t), falling; A' = -Q."""
    return _monotone(t, _relu_mean, lambda x: -tail(x))


def inverse_tail(probability: arb) -> arb:
    """Return t with Q(t) = probability, falling.

    Raises:
        InputError: the ball is not inside (0, 1).
    """
    value, _ = parts(probability)
    if not (value > 0 and value < 1):
        raise InputError(f"probability must be a ball inside (0, 1), got {value}")
    return _monotone(probability, _inverse_tail, lambda p: -1 / density(inverse_tail(p)))


def tail_factor(order: int, u: arb) -> arb:
    """Return F_n(u) for n = `order` (see above): even in u, falling in |u|.

    Raises:
        InputError: a negative order.
    """
    if order < 0:
        raise InputError(f"order must be at least 0, got {order}")
    slope = (order + 1) * (order + 2)
    return _even(u, lambda x: _tail_factor(order, x), lambda x: -slope * x * tail_factor(order + 2, x))


def compose(argument: arb, value: Callable[[arb], arb], slope: Callable[[arb], arb]) -> arb:
    """Return f(argument) for f with value and derivative on balls; how a function of one's own takes power series."""
    centre, rate = parts(argument)
    return value(centre) if rate is None else series(value(centre), slope(centre) * rate)


def parts(argument: Any) -> tuple[arb, arb | None]:
    """Return value and rate of change of an argument; the rate is None where it is no power series."""
    return (argument[0], argument[1]) if isinstance(argument, arb_series) else (argument, None)


def series(value: arb, rate: arb) -> arb:
    """Return the power series of length two with this value and rate of change."""
    found: Any = arb_series([value, rate], 2)
    return found


def _monotone(argument: arb, at_point: Callable[[arb], arb], slope: Callable[[arb], arb]) -> arb:
    return compose(argument, lambda x: at_point(x.lower()).union(at_point(x.upper())), slope)


def _even(argument: arb, at_point: Callable[[arb], arb], slope: Callable[[arb], arb]) -> arb:
    # A ball around [0, 1] also holds some numbers below 0, because its radius is rounded up.
    return compose(argument, lambda x: at_point(x.abs_lower()).union(at_point(x.abs_upper())), slope)


def _density(t: arb) -> arb:
    return (-t * t / 2).exp() / (2 * arb.pi()).sqrt()


def _tail(t: arb) -> arb:
    return (t / arb(2).sqrt()).erfc() / 2


def _relu_mean(t: arb) -> arb:
    """phi - t Q cancels like phi/t^2: the extra bits pay for that."""
    with flint.ctx.workprec(flint.ctx.prec + 32 + 2 * _bits(t)):
        return _density(t) - t * _tail(t)


def _bits(t: arb) -> int:
    return max(int(float(t.abs_upper())), 1).bit_length()


def _inverse_tail(probability: arb) -> arb:
    """Q(t) = erfc(t / sqrt 2) / 2, and erfc(x) = 1 - erf(x); small probabilities lose no digits."""
    return arb(2).sqrt() * (2 * probability).erfcinv()


def _tail_factor(order: int, u: arb) -> arb:
    return _by_asymptotics(order, u) if bool(u <= ASYMPTOTIC) else _by_recurrence(order, u)


def _by_asymptotics(order: int, u: arb) -> arb:
    """Sum the alternating series of exp(-u^2 Y^2 / 2), whose partial sums enclose it for every Y."""
    total, term = arb(0), arb(1)
    for k in range(SERIES_TERMS):
        following = -term * u * u * ((order + 2 * k + 1) * (order + 2 * k + 2)) / (2 * (k + 1))
        if bool(abs(following) >= abs(term)) or bool(abs(term) < arb(2) ** (-flint.ctx.prec - 8)):
            break
        total, term = total + term, following
    # The truth lies between the partial sums without and with the next term.
    return total.union(total + term)


def _by_recurrence(order: int, u: arb) -> arb:
    """F_n = (F_{n-2} - F_{n-1}) / (n u^2) from F_{-1} = 1 and F_0 = t Q(t) / phi(t); each step cancels u^2."""
    lost = 2 * (order + 1) * (_bits(1 / u) + order + 1)
    with flint.ctx.workprec(flint.ctx.prec + 32 + lost):
        t = 1 / u
        before, current = arb(1), t * _tail(t) / _density(t)
        for n in range(1, order + 1):
            before, current = current, (before - current) / (n * u * u)
    return current
