"""Start and barrier of the first hidden layer: the window of Proposition C.4, the barrier of Fact C.11, Fact C.30."""

import math

import numpy as np
import pytest

from fsrcheck.gaussian import inverse_tail, upper_orthant
from lemmas.fsr.c2_inner_maxima import maximum, objective
from lemmas.fsr.c11_barrier import CHORD, UPPER_GAP, barrier_value
from lemmas.fsr.c30_hessian_descent import flat_at_zero


@pytest.mark.parametrize("gamma", [1e-3, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("spread", [1.5, 4.0])
def test_the_joint_probability_stays_in_its_window_and_the_window_is_tight_at_independence(spread, gamma):
    rare, frequent = (inverse_tail(rate / 1e4) for rate in (1 / spread, spread))
    widened = float(upper_orthant(frequent, frequent, gamma) / upper_orthant(rare, rare, gamma))
    assert 1 < widened <= spread**4
    if gamma == 1e-3:
        assert widened > 0.95 * spread**4


def test_a_negative_correlation_leaves_the_window():
    rare, frequent = (inverse_tail(rate / 1e4) for rate in (0.25, 4.0))
    assert float(upper_orthant(frequent, frequent, -0.3) / upper_orthant(rare, rare, -0.3)) > 4**4


@pytest.mark.parametrize("rate", [1e-1, 1e-3, 1e-6])
@pytest.mark.parametrize("gap", [1e-6, 1e-3, 0.1, 0.7])
def test_channels_that_differ_are_not_too_correlated(rate, gap):
    t = float(inverse_tail(rate))
    hazard = math.exp(-t * t / 2) / math.sqrt(2 * math.pi) / rate
    kappa = 1 - float(upper_orthant(t, t, 1 - gap)) / rate
    bound = UPPER_GAP * kappa**2 / hazard**2
    assert bound <= gap
    if gap == 1e-6 and rate == 1e-1:
        assert bound > 0.3 * gap  # pi in place of 1.27 would be the limit's constant


def test_the_chord_is_attained_at_pi():
    assert 2 / math.pi**2 == pytest.approx(float(CHORD), rel=1e-3)


def test_the_barrier_is_low_on_one_side_of_its_wall_only():
    v, steepness = 0.1, 200.0
    assert barrier_value(1 - v, v / 2, steepness) <= 2 * math.exp(-steepness * v / 2)
    assert barrier_value(1 - v, 2 * v, steepness) > math.exp(steepness * v / 2)


@pytest.mark.parametrize("weight", [1.0, 2.0, 50.0])
@pytest.mark.parametrize("delta", [-1.3, -1e-3, 1e-3, 0.7])
def test_the_growth_bound_of_the_inner_maximum_is_attained(delta, weight):
    best = delta / 2 * (weight if delta > 0 else 1)
    growth = 0.5 + 0.5 / weight if delta > 0 else 1.0
    v = np.linspace(-3, 3, 601) * abs(best)
    excess = np.array([maximum(delta, weight) - objective(x, delta, weight) for x in v])
    slack = excess - growth * (v - best) ** 2
    assert slack.min() > -1e-12 * weight**2
    assert slack[v < 0].min() == pytest.approx(0.0, abs=1e-12 * weight**2)


def test_a_rare_jump_decreases_a_function_that_is_flat_where_it_starts():
    step = 1e-3
    assert flat_at_zero(0.0) == 0.0
    assert flat_at_zero(step) == pytest.approx(-(step**4) / 4, rel=1e-3)
    assert flat_at_zero(math.pi) == pytest.approx(-4.0)
