"""What the statements on the discriminator D4 say, on random channels by the package's floating-point functions."""

import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import assume, given

from fsrcheck.gaussian import inverse_tail, relu_mean, tail
from lemmas.fsr.c6_marginals import moment_bounds, parameter_bounds
from lemmas.fsr.c7_self_regularization import range_of_moment, range_of_scale
from lemmas.fsr.c8_descent import admissible_activation, objective, two_hats
from lemmas.fsr.descent_rates import gradient_factor, smoothness
from lemmas.fsr.marginal_moments import moments

ROUNDING = 1e-9
HAZARD = 1.5252
scales, thresholds, cutoffs = st.floats(0.2, 5.0), st.floats(1.0, 5.0), st.floats(0.0, 0.2)
changes, weights = st.floats(-0.4, 0.4), st.floats(1.0, 10.0)


def number(value: float) -> torch.Tensor:
    """A tensor of double precision."""
    return torch.tensor(value, dtype=torch.float64)


def moments_of(alpha: float, beta: float, cutoff: float) -> tuple[float, float]:
    """x and y."""
    mean, rate = moments(number(alpha), number(beta), cutoff)
    return float(mean), float(rate)


@given(scales, thresholds, changes, changes, st.floats(0.0, 0.5))
def test_close_moments_with_cutoffs_have_close_parameters_and_close_moments_without(
    alpha: float, t: float, by: float, move: float, cutoff: float
) -> None:
    other, other_t = alpha * math.exp(by), t + move
    first, second = (moments_of(a, a * s - cutoff, cutoff) for a, s in ((alpha, t), (other, other_t)))
    shift = cutoff * max(first[1] / first[0], second[1] / second[0])
    assume(shift <= 1 and max(first[1], second[1]) * math.exp(HAZARD * shift) <= float(tail(1.0)))
    mean, rate = (abs(math.log(a / b)) for a, b in zip(first, second, strict=True))
    of_scale, of_threshold = parameter_bounds(mean, rate)
    assert abs(by) <= of_scale + ROUNDING
    assert abs(math.log(other * other_t / (alpha * t))) <= of_threshold + ROUNDING
    plain = [
        (a * float(relu_mean(s - cutoff / a)), float(tail(s - cutoff / a))) for a, s in ((alpha, t), (other, other_t))
    ]
    of_mean, of_rate = moment_bounds(mean, rate, shift)
    assert abs(math.log(plain[1][0] / plain[0][0])) <= of_mean + ROUNDING
    assert abs(math.log(plain[1][1] / plain[0][1])) <= of_rate + ROUNDING


@given(scales, thresholds, cutoffs)
def test_moments_bound_the_scale_and_the_firing_rate(alpha: float, t: float, cutoff: float) -> None:
    beta = alpha * t - cutoff
    mean, rate = moments_of(alpha, beta, cutoff)
    low, high = range_of_scale(mean, rate, float(inverse_tail(rate)), cutoff)
    assert low <= alpha * (1 + ROUNDING)
    assert alpha <= high * (1 + ROUNDING)
    growth = math.log(float(tail(beta / alpha)) / rate)
    assert -ROUNDING <= growth <= HAZARD * cutoff * rate / mean + ROUNDING


@given(
    st.floats(0.0, 3.0), st.floats(0.0, 3.0), st.floats(0.2, 5.0), st.floats(1.0, 20.0), st.floats(-1.0, 8.0), changes
)
def test_moments_outside_their_range_raise_the_objective(
    start: float, other: float, ratio: float, weight: float, mean: float, rate: float
) -> None:
    low, high = range_of_moment(start, other, ratio, 1.0, weight)
    assume(not low - ROUNDING <= 1 + mean <= high + ROUNDING)
    first = start**2 + (ratio * other) ** 2
    later = sum(max(d, 0) ** 2 + (weight * max(-d, 0)) ** 2 for d in (mean, ratio * rate))
    assert later > first


@given(scales, thresholds, st.floats(0.0, 0.25), changes, changes, weights)
def test_the_gradient_is_at_least_what_is_certified(
    alpha: float, t: float, shift: float, by: float, move: float, weight: float
) -> None:
    cutoff = shift * alpha / t
    parameters = torch.tensor([alpha, alpha * t - cutoff], dtype=torch.float64, requires_grad=True)
    target = moments_of(alpha * math.exp(by), alpha * math.exp(by) * (t + move) - cutoff, cutoff)
    found = moments(parameters[0], parameters[1], cutoff)
    differences = torch.stack([x - y for x, y in zip(found, target, strict=True)])
    value = (differences.clamp(min=0) ** 2 + weight * differences.clamp(max=0) ** 2).sum()
    (slope,) = torch.autograd.grad(value, parameters)
    factor = gradient_factor(parameters.detach()[0], parameters.detach()[1], cutoff)
    assert float(slope @ slope) >= float(factor * value.detach()) * (1 - ROUNDING)


def test_the_gradient_factor_is_close_to_the_smallest_singular_value_where_it_is_attained() -> None:
    alpha, cutoff = 0.01, 0.0025  # t = 1 and b t = alpha/4; for small alpha det^2/||J||^2 is the smallest one itself
    parameters = torch.tensor([alpha, alpha - cutoff], dtype=torch.float64)
    jacobian = torch.stack(torch.autograd.functional.jacobian(lambda p: moments(p[0], p[1], cutoff), parameters))
    smallest = 4 * float(torch.linalg.svdvals(jacobian)[-1]) ** 2
    assert 0.99 * smallest <= float(gradient_factor(parameters[0], parameters[1], cutoff)) <= smallest


@given(st.floats(0.5, 5.0), thresholds, cutoffs, changes, changes, weights)
def test_a_step_of_gradient_descent_lowers_the_objective_as_certified(
    alpha: float, t: float, cutoff: float, by: float, move: float, weight: float
) -> None:
    shift = min(cutoff, alpha / (4 * t))
    target = (alpha * math.exp(by), alpha * math.exp(by) * max(t + move, 1.0) - shift)
    parameters = torch.tensor([alpha, alpha * t - shift], dtype=torch.float64, requires_grad=True)
    wanted, found = moments_of(*target, shift), moments(parameters[0], parameters[1], shift)
    differences = torch.stack([x - y for x, y in zip(found, wanted, strict=True)])
    value = (differences.clamp(min=0) ** 2 + weight * differences.clamp(max=0) ** 2).sum()
    (slope,) = torch.autograd.grad(value, parameters)
    step = 1 / smoothness(0.9 * alpha, float(differences.detach().abs().max()), weight)
    new = (parameters - step * slope).detach()
    assume(float(new[0]) >= 0.9 * alpha and float((new[1] + shift) / new[0]) >= 1)
    factor = float(gradient_factor(parameters.detach()[0], parameters.detach()[1], shift))
    after = objective(float(new[0]), float(new[1]), shift, target, weight)
    assert after <= (1 - step * factor / 2) * float(value.detach()) * (1 + ROUNDING) + 1e-28


def test_two_hats_are_an_admissible_activation_whose_second_derivative_vanishes_in_the_middle() -> None:
    slope, value, largest = admissible_activation()
    assert (slope, value, largest) == (pytest.approx(1.0), pytest.approx(0.5), 8.0)
    assert not two_hats(torch.linspace(0.25, 0.75, 11).numpy()).any()
