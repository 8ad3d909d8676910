"""Balls of one and two normals contain what integration and the floating-point code give, and are tight."""

import math

import flint
import hypothesis.strategies as st
import mpmath
import pytest
from flint import arb, arb_series
from hypothesis import given, settings

from fsrcheck.errors import InputError
from fsrcheck.gaussian import balls, pair_balls, univariate

without_deadline = settings(deadline=None, max_examples=50)
ONE = {
    "tail": balls.tail,
    "density": balls.density,
    "hazard": balls.hazard,
    "hazard_slope": balls.hazard_slope,
    "hazard_excess": balls.hazard_excess,
    "relu_mean": balls.relu_mean,
    "factor": lambda t: balls.tail_factor(1, t),
}
PAIR = {
    "orthant": pair_balls.upper_orthant,
    "gated": pair_balls.gated_relu_mean,
    "product": pair_balls.relu_product_mean,
}
thresholds = st.floats(-6, 12)


def of_one(name: str, t: float) -> mpmath.mpf:
    """The value by mpmath in 60 digits."""
    with mpmath.workdps(60):
        x = mpmath.mpf(t)
        phi, upper = mpmath.npdf(x), mpmath.erfc(x / mpmath.sqrt(2)) / 2
        ratio = phi / upper
        return {
            "tail": upper,
            "density": phi,
            "hazard": ratio,
            "hazard_slope": ratio * (ratio - x),
            "hazard_excess": ratio - x,
            "relu_mean": phi - x * upper,
        }[name]


@pytest.mark.parametrize("name", [name for name in ONE if name != "factor"])
@given(thresholds)
@without_deadline
def test_a_point_is_enclosed_tightly(name: str, t: float) -> None:
    with flint.ctx.workprec(64):
        ball = ONE[name](arb(t))
        reference = arb(mpmath.nstr(of_one(name, t), 50))
    assert ball.overlaps(reference)
    assert ball.rel_accuracy_bits() > 35


@pytest.mark.parametrize("name", ONE)
@given(st.floats(0.0, 5.0), st.floats(1e-3, 1.0), st.floats(0, 1))
@without_deadline
def test_a_wide_ball_contains_its_points_and_little_else(name: str, t: float, width: float, place: float) -> None:
    wide = arb(t).union(arb(t) + arb(width))
    ends = ONE[name](arb(t)).union(ONE[name](arb(t + width)))
    assert ONE[name](wide).contains(ONE[name](arb(t) + arb(place) * arb(width)).mid())
    assert float(ONE[name](wide).rad()) <= 1.001 * float(ends.rad()) + 1e-8


@pytest.mark.parametrize("name", ONE)
@given(st.floats(0.1, 6.0))
@without_deadline
def test_derivatives_agree_with_differences(name: str, t: float) -> None:
    with flint.ctx.workprec(200):
        step = arb("1e-15")
        difference = (ONE[name](arb(t) + step) - ONE[name](arb(t) - step)) / (2 * step)
        slope = ONE[name](arb_series([arb(t), 1], 2))[1]
    assert float(slope) == pytest.approx(float(difference), rel=1e-12)


def test_the_derivative_of_a_composition_follows_the_chain_rule() -> None:
    slope = balls.tail(3 * arb_series([arb("0.2"), 1], 2))[1]
    assert slope.overlaps(-3 * balls.density(arb("0.6")))


@given(st.integers(0, 6), st.floats(0.0, 3.0))
@without_deadline
def test_the_tail_factor_is_the_integral_it_stands_for(order: int, u: float) -> None:
    def integrand(y: mpmath.mpf) -> mpmath.mpf:
        return y**order * mpmath.exp(-y - (u * y) ** 2 / 2) / mpmath.factorial(order)

    ball = balls.tail_factor(order, arb(u))
    assert float(ball) == pytest.approx(float(mpmath.quad(integrand, [0, 1, 3, 8, 20, 60, 120])), rel=1e-12)
    assert ball.rel_accuracy_bits() > 40


@given(st.integers(0, 4), st.floats(0.5, 30.0))
@without_deadline
def test_the_tail_factor_gives_the_moments(order: int, t: float) -> None:
    u = 1 / arb(t)
    moment = math.factorial(order) * balls.density(arb(t)) * u ** (order + 1) * balls.tail_factor(order, u)
    assert univariate.relu_moment(t, order).item() == pytest.approx(float(moment), rel=1e-12)


def test_the_tail_factor_has_its_limit_and_both_methods_meet() -> None:
    assert balls.tail_factor(3, arb(0)).overlaps(arb(1))
    around = [balls.tail_factor(2, arb(balls.ASYMPTOTIC) * factor) for factor in (1 - arb("1e-12"), 1 + arb("1e-12"))]
    assert float(around[0]) == pytest.approx(float(around[1]), rel=1e-11)


def test_the_divergent_series_encloses_the_truth_where_it_cannot_resolve_it() -> None:
    u = arb(balls.ASYMPTOTIC)
    with flint.ctx.workprec(400):
        series, recurrence = balls._by_asymptotics(2, u), balls._by_recurrence(2, u)
    assert recurrence.rel_accuracy_bits() > 300
    assert series.rel_accuracy_bits() < 250
    assert series.contains(recurrence)


@given(st.floats(-290, -0.01))
@without_deadline
def test_the_inverse_tail_inverts(exponent: float) -> None:
    p = arb(10.0**exponent)
    assert balls.tail(balls.inverse_tail(p)).overlaps(p)


def test_unusable_arguments_are_refused() -> None:
    with pytest.raises(InputError, match="probability must be a ball inside"):
        balls.inverse_tail(arb(0.5, 0.6))
    with pytest.raises(InputError, match="order must be at least 0"):
        balls.tail_factor(-1, arb(1))
    with pytest.raises(InputError, match="rho must be a ball inside"):
        pair_balls.upper_orthant(arb(0), arb(0), arb(0.9, 0.2))
    with pytest.raises(InputError, match="thresholds must be at most 30"):
        pair_balls.upper_orthant(arb(31), arb(0), arb(0))


@pytest.mark.parametrize("name", PAIR)
@given(st.floats(-3, 4), st.floats(-3, 4), st.floats(-0.9, 0.9), st.floats(0, 1))
@settings(deadline=None, max_examples=15)
def test_a_wide_ball_of_a_pair_contains_its_points(name: str, h1: float, h2: float, rho: float, place: float) -> None:
    width = arb("0.05")
    wide = [arb(x).union(arb(x) + width) for x in (h1, h2, rho)]
    point = PAIR[name](*(arb(x) + arb(place) * width for x in (h1, h2, rho)))
    assert PAIR[name](*wide).contains(point.mid())


@pytest.mark.parametrize("name", PAIR)
@pytest.mark.parametrize("axis", range(3))
def test_derivatives_of_a_pair_agree_with_differences(name: str, axis: int) -> None:
    point = [arb(0.75), arb(1.25), arb(-0.375)]
    with flint.ctx.workprec(150):
        step = arb("1e-12")
        moved = [[x + sign * step * (i == axis) for i, x in enumerate(point)] for sign in (1, -1)]
        difference = (PAIR[name](*moved[0]) - PAIR[name](*moved[1])) / (2 * step)
        series = [arb_series([x, 1], 2) if i == axis else x for i, x in enumerate(point)]
        slope = PAIR[name](*series)[1]
    assert float(slope) == pytest.approx(float(difference), rel=1e-10)
