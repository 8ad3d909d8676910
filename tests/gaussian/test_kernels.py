"""Hermite coefficients and kernels against quadrature in two dimensions, mpmath and their own expansions."""

import math
from collections.abc import Callable

import hypothesis.strategies as st
import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.gaussian import relu_mean
from fsrcheck.gaussian.kernels import (
    ABSOLUTE,
    RELU,
    SIGMOID,
    SOFTPLUS,
    TANH,
    Activation,
    PiecewiseLinear,
    Smooth,
    hermite,
)

LEAKY = PiecewiseLinear(0.2)
SMOOTH = {"tanh": TANH, "sigmoid": SIGMOID, "softplus": SOFTPLUS}
BROKEN = {"relu": RELU, "leaky": LEAKY, "absolute": ABSOLUTE}
each = pytest.mark.parametrize("activation", [*SMOOTH.values(), *BROKEN.values()], ids=[*SMOOTH, *BROKEN])
each_smooth = pytest.mark.parametrize("activation", SMOOTH.values(), ids=SMOOTH)
each_broken = pytest.mark.parametrize("activation", BROKEN.values(), ids=BROKEN)
correlations = st.floats(-0.99, 0.99)


def gauss_hermite(count: int = 150) -> tuple[Tensor, Tensor]:
    nodes, weights = np.polynomial.hermite_e.hermegauss(count)
    return torch.as_tensor(nodes), torch.as_tensor(weights / weights.sum())


def product_mean(first: Callable[[Tensor], Tensor], rho: float) -> float:
    """E first(u) first(v) by a rule in two dimensions."""
    nodes, weights = gauss_hermite()
    v = rho * nodes[:, None] + math.sqrt(1 - rho**2) * nodes[None]
    return float((weights[:, None] * weights * first(nodes)[:, None] * first(v)).sum())


def slope_of(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    def slope(x: Tensor) -> Tensor:
        point = x.detach().requires_grad_()
        return torch.autograd.grad(function(point).sum(), point)[0]

    return slope


@each_smooth
@given(correlations)
@settings(deadline=None, max_examples=20)
def test_smooth_kernels_agree_with_quadrature_in_two_dimensions(activation: Activation, rho: float) -> None:
    assert activation.kernel(rho).item() == pytest.approx(product_mean(activation, rho), abs=1e-13)
    slope = product_mean(slope_of(activation), rho)
    assert activation.kernel(rho, 1).item() == pytest.approx(slope, abs=1e-12)


@pytest.mark.parametrize("rho", [-0.8, 0.0, 0.4, 0.95])
def test_broken_kernels_agree_with_integrals_over_both_quadrants(rho: float) -> None:
    """Conditioning on u leaves (v)_+ with a normal v: a smooth integral over each half line."""

    def integrand(u: mpmath.mpf, leak: float) -> mpmath.mpf:
        spread = math.sqrt(1 - rho**2)
        positive, negative = (spread * relu_mean(s * float(u) * rho / spread).item() for s in (-1, 1))
        return (u if u > 0 else leak * u) * (positive - leak * negative) * mpmath.npdf(u)

    for activation in BROKEN.values():
        pieces = [mpmath.quad(lambda u, leak=activation.leak: integrand(u, leak), ends) for ends in ([-9, 0], [0, 9])]
        assert activation.kernel(rho).item() == pytest.approx(float(sum(pieces)), abs=1e-12)


@each
@pytest.mark.parametrize("degree", [0, 1, 2, 3, 4, 6, 11])
def test_coefficients_are_the_integrals_they_stand_for(activation: Activation, degree: int) -> None:
    def integrand(x: mpmath.mpf) -> float:
        point = torch.tensor(float(x), dtype=torch.float64)
        return float(activation(point) * hermite(degree, point)[degree]) * mpmath.npdf(x)

    reference = mpmath.quad(integrand, [-14, -4, 0, 4, 14])
    assert activation.coefficients(degree)[degree].item() == pytest.approx(float(reference), abs=1e-12)


def test_hermite_polynomials_are_orthonormal() -> None:
    nodes, weights = gauss_hermite(80)
    rows = hermite(30, nodes)
    torch.testing.assert_close((rows * weights) @ rows.T, torch.eye(31, dtype=torch.float64), rtol=0, atol=1e-11)


@each
@given(correlations)
@settings(deadline=None, max_examples=20)
def test_the_kernel_is_its_expansion_from_degree_zero(activation: Activation, rho: float) -> None:
    coefficients = activation.coefficients(100)
    powers = rho ** torch.arange(101, dtype=torch.float64)
    partial = float((coefficients.square() * powers).sum())
    assert abs(activation.kernel(rho).item() - partial) <= activation.tail_bound(100)


@each
def test_the_tail_bound_covers_the_rest_and_falls(activation: Activation) -> None:
    squares = activation.coefficients(200).square()
    bounds = [activation.tail_bound(degree) for degree in (0, 3, 10, 50, 150)]
    for degree, bound in zip((0, 3, 10, 50, 150), bounds, strict=True):
        assert float(squares[degree + 1 :].sum()) <= bound
    assert bounds == sorted(bounds, reverse=True)


@each
def test_ends_of_the_kernel(activation: Activation) -> None:
    nodes, weights = gauss_hermite()
    assert activation.kernel(1.0).item() == pytest.approx(activation.square_mean(), rel=1e-13)
    assert activation.kernel(0.0).item() == pytest.approx(activation.coefficients(0).item() ** 2, abs=1e-15)
    reflected = float((weights * activation(nodes) * activation(-nodes)).sum())
    assert activation.kernel(-1.0).item() == pytest.approx(reflected, abs=1e-12)


@each
def test_derivatives_agree_with_differences_twice(activation: Activation) -> None:
    rho = torch.tensor([-0.7, 0.0, 0.5], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(activation.kernel, (rho,))
    assert torch.autograd.gradgradcheck(activation.kernel, (rho,))
    (slope,) = torch.autograd.grad(activation.kernel(rho).sum(), rho, create_graph=True)
    torch.testing.assert_close(slope, activation.kernel(rho, 1), rtol=1e-12, atol=1e-14)
    (curvature,) = torch.autograd.grad(slope.sum(), rho)
    torch.testing.assert_close(curvature, activation.kernel(rho, 2), rtol=1e-12, atol=1e-14)


@each_broken
def test_the_slope_exists_at_the_ends(activation: PiecewiseLinear) -> None:
    rho = torch.tensor([-1.0, 1.0], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(activation.kernel(rho).sum(), rho)
    # c'(1) = E f'^2 and c'(-1) = E f'(u) f'(-u) = leak.
    assert slope.tolist() == pytest.approx([activation.leak, (1 + activation.leak**2) / 2], abs=1e-15)


def test_unusable_input_is_refused() -> None:
    with pytest.raises(InputError, match=r"rho must be in \[-1, 1\], got 1.5"):
        RELU.kernel([0.0, 1.5])
    with pytest.raises(InputError, match="order must be one of 0, 1, 2, got 3"):
        TANH.kernel(0.5, 3)
    with pytest.raises(InputError, match=r"degree must be in 0..200, got 201"):
        TANH.coefficients(201)
    with pytest.raises(InputError, match="step must be smooth"):
        Smooth("step", torch.sign).kernel(0.5)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@each
def test_cuda_equals_cpu(activation: Activation) -> None:
    rho = torch.linspace(-0.9, 0.9, 19, dtype=torch.float64)
    for order in range(3):
        moved = activation.kernel(rho.cuda(), order)
        assert moved.is_cuda
        torch.testing.assert_close(moved.cpu(), activation.kernel(rho, order), rtol=1e-13, atol=1e-15)
