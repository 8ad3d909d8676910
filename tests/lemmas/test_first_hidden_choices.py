"""Explicit forms of footnotes 6 and 13 on random numbers, by plain arithmetic, and the functions of the spot checks."""

import math

import hypothesis.strategies as st
import sympy
import torch
from hypothesis import given, target

from fsrcheck.gaussian import relu_mean, tail
from lemmas.fsr.marginal_choices import MEAN, RATE
from lemmas.fsr.smooth_functions import growth_rate, wave_instances, waves

ROUNDING = 1e-9
weights, shares, points = st.floats(1.0, 50.0), st.floats(-5.0, 5.0), st.floats(-200.0, 200.0)


def piecewise(share: float, weight: float, v: float) -> float:
    """F(v) = a o_K(v) - v^2."""
    return share * (weight * v if v > 0 else v) - v**2


@given(weights, shares, points)
def test_the_inner_objective_grows_quadratically_off_its_maximiser(weight: float, share: float, v: float) -> None:
    best = weight * share / 2 if share > 0 else share / 2
    gap = piecewise(share, weight, best) - piecewise(share, weight, v)
    promised = float(growth_rate(sympy.Float(weight))) * (v - best) ** 2
    target(promised - gap)
    assert gap >= promised - ROUNDING * (1 + promised)


@given(st.floats(10.0, 1e6), st.floats(1.0, 100.0))
def test_the_repaired_start_has_the_promised_rate_and_mean(num_channels: float, wanted: float) -> None:
    ratio = max(num_channels / wanted, math.exp(0.5))
    t = math.sqrt(2 * math.log(ratio))
    at = torch.tensor(t, dtype=torch.float64)
    rate = float(tail(at)) * ratio * math.sqrt(2 * math.pi) * t
    mean = float(relu_mean(at)) * ratio * math.sqrt(2 * math.pi) * t**2
    assert float(RATE) - ROUNDING <= rate < 1
    assert float(MEAN) - ROUNDING <= mean < 1


def test_the_random_waves_are_not_negative_and_as_smooth_as_stated() -> None:
    starts, weights_of, frequencies, smoothness = wave_instances()
    values = waves(starts, weights_of, frequencies)
    slope = torch.autograd.grad(values.sum(), starts)[0]
    other = (starts + 0.1).detach().requires_grad_()
    moved = torch.autograd.grad(waves(other, weights_of, frequencies).sum(), other)[0]
    assert (values >= 0).all()
    assert ((moved - slope).norm(dim=1) <= smoothness * 0.2 + ROUNDING).all()
