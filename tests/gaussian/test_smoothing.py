"""Means of the smoothed ReLU against mpmath, the activation itself and its correction."""

import hypothesis.strategies as st
import mpmath
import pytest
import torch
from hypothesis import given, settings

from fsrcheck.errors import InputError
from fsrcheck.gaussian import relu_mean, tail
from fsrcheck.gaussian.smoothing import corrected_relu_mean, correction_error, smoothed_firing, smoothed_relu_mean
from fsrcheck.model.activations import smoothed_relu

scales, thresholds, widths = st.floats(0.2, 5.0), st.floats(-3.0, 6.0), st.floats(1e-4, 0.5)


def direct(alpha: float, beta: float, zeta: float) -> float:
    """E ReLU~(alpha g - beta) by integrating the activation over its two smooth pieces."""

    def integrand(x: mpmath.mpf) -> mpmath.mpf:
        value = smoothed_relu(torch.tensor(float(alpha * x - beta), dtype=torch.float64), zeta)
        return mpmath.mpf(value.item()) * mpmath.npdf(x)

    start, middle = beta / alpha, (beta + zeta) / alpha
    return float(mpmath.quad(integrand, [start, middle, middle + 1, middle + 4, middle + 10]))


@given(scales, thresholds, widths)
@settings(deadline=None, max_examples=30)
def test_the_mean_is_that_of_the_activation(alpha: float, t: float, zeta: float) -> None:
    beta = alpha * t
    assert smoothed_relu_mean(alpha, beta, zeta).item() == pytest.approx(direct(alpha, beta, zeta), rel=1e-10)


@given(scales, thresholds, widths)
@settings(deadline=None, max_examples=50)
def test_the_correction_is_as_good_as_it_says(alpha: float, t: float, zeta: float) -> None:
    exact = smoothed_relu_mean(alpha, alpha * t, zeta).item()
    found = corrected_relu_mean(alpha, alpha * t, zeta).item()
    assert abs(found - exact) <= correction_error(alpha, zeta).item() + 1e-14 * exact


def test_the_orders_of_the_corrections() -> None:
    zeta, exact = 0.01, smoothed_relu_mean(1.0, 1.5, 0.01).item()
    plain, shifted = relu_mean(1.5).item(), relu_mean(1.505).item()
    assert abs(plain / exact - 1) == pytest.approx(zeta * tail(1.5).item() / 2 / exact, rel=0.01)
    assert abs(shifted / exact - 1) < 2e-4
    assert abs(corrected_relu_mean(1.0, 1.5, zeta).item() / exact - 1) < 1e-9


def test_the_firing_rate_is_minus_the_slope_in_the_threshold() -> None:
    inputs = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in ([1.0, 0.5], [1.2, -0.3], [0.1, 0.3])]
    (slope,) = torch.autograd.grad(smoothed_relu_mean(*inputs).sum(), inputs[1])
    torch.testing.assert_close(-slope, smoothed_firing(*inputs).detach(), rtol=1e-13, atol=0)
    assert torch.autograd.gradcheck(smoothed_relu_mean, inputs)


def test_shapes_broadcast() -> None:
    alpha, beta = torch.ones(3, 1), torch.zeros(4)
    for function in (smoothed_relu_mean, smoothed_firing, corrected_relu_mean):
        assert function(alpha, beta, 0.1).shape == (3, 4)


@pytest.mark.parametrize(("arguments", "name"), [((0.0, 1.0, 0.1), "alpha"), ((1.0, 1.0, -0.1), "smoothing")])
def test_unusable_input_is_refused(arguments: tuple[float, float, float], name: str) -> None:
    with pytest.raises(InputError, match=f"{name} must be positive and finite"):
        smoothed_relu_mean(*arguments)
