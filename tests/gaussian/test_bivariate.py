"""Pair quantities against ball arithmetic by another formula, their identities, derivatives and refusals."""

import math
from collections.abc import Callable

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor
from torch.autograd import grad, gradcheck, gradgradcheck

from fsrcheck.errors import InputError
from fsrcheck.gaussian import (
    density,
    gated_relu_mean,
    pair_density,
    relu_mean,
    relu_moment,
    relu_product_mean,
    tail,
    upper_orthant,
)
from tests.gaussian.ball_reference import pair_reference

# The first call of a process is slow, and time is not what these tests are about.
without_deadline = settings(deadline=None, max_examples=50)

RELATIVE, TINY = 1e-11, 1e-290
FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "orthant": upper_orthant,
    "gated": gated_relu_mean,
    "product": relu_product_mean,
}
each_function = pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
each_quantity = pytest.mark.parametrize("quantity", FUNCTIONS)


def is_not_lost(threshold: float) -> bool:
    """Whether ``test_opposite_thresholds_next_to_zero`` does not speak of it."""
    return not 0 < abs(threshold) < 1e-310


positive = st.floats(0.0, 6.0).filter(is_not_lost)
either_sign = st.floats(-6.0, 6.0).filter(is_not_lost)
# Uniform in artanh(rho): as many draws near the ends as in the middle.
correlations = st.floats(math.atanh(-0.95), math.atanh(0.999)).map(math.tanh)


def relative_error(quantity: str, h1: float, h2: float, rho: float) -> float:
    """Return the error of the package's value, relative to the reference; 0 where that is below TINY."""
    reference = pair_reference(quantity, h1, h2, rho)
    return abs(FUNCTIONS[quantity](h1, h2, rho).item() - reference) / reference if reference > TINY else 0.0


@each_quantity
@given(positive, positive, correlations)
@settings(max_examples=30, deadline=None)
def test_values_for_nonnegative_thresholds(quantity: str, h1: float, h2: float, rho: float) -> None:
    assert relative_error(quantity, h1, h2, rho) < RELATIVE


@each_quantity
@given(either_sign, either_sign, correlations)
@settings(max_examples=30, deadline=None)
def test_values_for_thresholds_of_either_sign(quantity: str, h1: float, h2: float, rho: float) -> None:
    assert relative_error(quantity, h1, h2, rho) < RELATIVE


@each_quantity
@given(positive, st.floats(-8, 0), st.sampled_from([-1, 0, 1]), correlations)
@settings(max_examples=30, deadline=None)
def test_values_for_nearly_equal_or_opposite_thresholds(
    quantity: str, h1: float, exponent: float, side: int, rho: float
) -> None:
    assert relative_error(quantity, h1, h1 + side * 10**exponent, rho) < RELATIVE
    assert relative_error(quantity, h1, -h1 + side * 10**exponent, rho) < RELATIVE


@pytest.mark.xfail(
    strict=True, reason="known defect: 0.49 for 0.20 at 5e-324, off by 3e-6 of itself at 5e-321, right from 1e-310"
)
@pytest.mark.parametrize("threshold", [5e-324, 5e-321])
def test_opposite_thresholds_next_to_zero(threshold: float) -> None:
    assert relative_error("gated", threshold, -threshold, 0.0) < RELATIVE


@each_quantity
@pytest.mark.parametrize(
    ("h1", "h2", "rho"),
    [
        (5.05, 5.607, 0.9985),  # the worst found by search: 4e-13
        (5.9, 5.9, -0.93),  # 1e-221
        (0.0, 0.0, 0.999),
        (0.0, 0.0, -0.95),
        (1e-9, 2e-9, 0.5),
        (3.0, 3.01, 1 - 1e-9),
        (0.0, 0.0, 1 - 1e-12),
        (6.0, 0.0, 0.9928),
        (20.0, 18.0, 0.9),
    ],
)
def test_values_at_hard_points(quantity: str, h1: float, h2: float, rho: float) -> None:
    assert relative_error(quantity, h1, h2, rho) < RELATIVE


@given(correlations)
@without_deadline
def test_zero_thresholds_give_the_arc_cosine_kernels(rho: float) -> None:
    angle = math.acos(rho)
    kernel = (math.sqrt((1 - rho) * (1 + rho)) + rho * (math.pi - angle)) / (2 * math.pi)
    assert upper_orthant(0.0, 0.0, rho).item() == pytest.approx((math.pi - angle) / (2 * math.pi), rel=1e-13)
    assert relu_product_mean(0.0, 0.0, rho).item() == pytest.approx(kernel, rel=1e-11)


@given(positive, positive)
@without_deadline
def test_independence_factorises(h1: float, h2: float) -> None:
    assert upper_orthant(h1, h2, 0.0).item() == pytest.approx((tail(h1) * tail(h2)).item(), rel=1e-12)
    gated = (tail(h1) * relu_mean(h2)).item()
    assert gated_relu_mean(h1, h2, 0.0).item() == pytest.approx(gated, rel=1e-12)
    product = (relu_mean(h1) * relu_mean(h2)).item()
    assert relu_product_mean(h1, h2, 0.0).item() == pytest.approx(product, rel=1e-12)


@given(either_sign, either_sign, correlations)
@without_deadline
def test_symmetric_in_the_thresholds(h1: float, h2: float, rho: float) -> None:
    for function in (upper_orthant, relu_product_mean):
        forward, swapped = function(h1, h2, rho).item(), function(h2, h1, rho).item()
        assert forward == pytest.approx(swapped, rel=1e-12, abs=1e-300)


@each_function
@given(either_sign, either_sign, correlations, st.floats(1e-3, 1.0))
@without_deadline
def test_rises_with_the_correlation_and_falls_with_the_thresholds(
    function: Callable[..., Tensor], h1: float, h2: float, rho: float, step: float
) -> None:
    value = function(h1, h2, rho).item()
    allowed = value * (1 + 1e-12) + 1e-300
    assert function(h1, h2, rho - step * (rho + 0.95)).item() <= allowed
    assert function(h1 + step, h2, rho).item() <= allowed
    assert function(h1, h2 + step, rho).item() <= allowed


@given(either_sign, either_sign, correlations)
@without_deadline
def test_orthant_lies_within_the_frechet_bounds(h1: float, h2: float, rho: float) -> None:
    value = upper_orthant(h1, h2, rho).item()
    first, second = tail(h1).item(), tail(h2).item()
    assert max(0.0, first + second - 1.0) - 1e-15 <= value <= min(first, second) * (1 + 1e-12)


@given(either_sign, either_sign, correlations)
@without_deadline
def test_the_four_quadrants_add_up_to_one(h1: float, h2: float, rho: float) -> None:
    signs = [(1, 1), (1, -1), (-1, 1), (-1, -1)]
    total = sum(upper_orthant(a * h1, b * h2, a * b * rho).item() for a, b in signs)
    assert total == pytest.approx(1.0, rel=1e-13)


@given(st.floats(0.0, 6.0), st.floats(0.0, 2.0))
@without_deadline
def test_limit_at_correlation_one(h: float, gap: float) -> None:
    near, higher = 1 - 1e-13, h + gap
    # At rho -> 1 both exceed when the higher threshold is exceeded; sqrt(1 - rho) bounds the distance.
    assert upper_orthant(h, higher, near).item() == pytest.approx(tail(higher).item(), rel=1e-5)
    moment = relu_moment(higher, 2) + gap * relu_mean(higher)
    assert relu_product_mean(h, higher, near).item() == pytest.approx(moment.item(), rel=1e-5)


@given(st.floats(-5.0, 5.0), st.floats(0.1, 4.0))
@without_deadline
def test_limit_at_correlation_minus_one(h: float, width: float) -> None:
    near = -1 + 1e-13
    between = (tail(h) - tail(h + width)).item()
    assert upper_orthant(h, -(h + width), near).item() == pytest.approx(between, abs=1e-6)
    assert upper_orthant(h, -h + width, near).item() == 0.0


@given(either_sign, either_sign, correlations)
@without_deadline
def test_first_derivatives_are_the_known_ones(h1: float, h2: float, rho: float) -> None:
    inputs = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (h1, h2, rho)]
    spread = math.sqrt((1 - rho) * (1 + rho))
    by_orthant = grad(upper_orthant(*inputs), inputs)
    boundary = density(h1) * tail((h2 - rho * h1) / spread)
    torch.testing.assert_close(by_orthant[0], -boundary, rtol=1e-10, atol=1e-300)
    torch.testing.assert_close(by_orthant[2], pair_density(h1, h2, rho), rtol=1e-11, atol=1e-300)
    by_product = grad(relu_product_mean(*inputs), inputs)
    torch.testing.assert_close(by_product[0], -gated_relu_mean(h1, h2, rho), rtol=0, atol=0)
    torch.testing.assert_close(by_product[1], -gated_relu_mean(h2, h1, rho), rtol=0, atol=0)
    torch.testing.assert_close(by_product[2], upper_orthant(h1, h2, rho), rtol=0, atol=0)


@given(st.floats(-2.0, 3.0), st.floats(-2.0, 3.0), st.floats(-0.8, 0.95))
@without_deadline
def test_gated_mean_agrees_with_integration_by_parts(h1: float, h2: float, rho: float) -> None:
    """N = phi(h2) Q(z21) + rho phi(h1) Q(z12) - h2 L, which cancels in the tail but not here."""
    spread = math.sqrt((1 - rho) * (1 + rho))
    parts = [
        density(h2) * tail((h1 - rho * h2) / spread),
        rho * density(h1) * tail((h2 - rho * h1) / spread),
        -h2 * upper_orthant(h1, h2, rho),
    ]
    scale = sum(abs(part.item()) for part in parts)
    assert gated_relu_mean(h1, h2, rho).item() == pytest.approx(sum(parts).item(), abs=1e-13 * scale)


@each_function
def test_derivatives_agree_with_differences_twice(function: Callable[..., Tensor]) -> None:
    points = [(1.0, 0.5, 0.3), (-0.7, 0.4, -0.6), (0.0, 0.1, 0.9), (0.8, 0.8, 0.95), (-1.0, -0.5, -0.5)]
    inputs = tuple(torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in zip(*points, strict=True))
    assert gradcheck(function, inputs)
    assert gradgradcheck(function, inputs)


def test_gradients_reach_broadcast_inputs_and_only_those_wanted() -> None:
    h1 = torch.zeros(3, 1, dtype=torch.float64, requires_grad=True)
    h2 = torch.ones(4, dtype=torch.float64)
    value = relu_product_mean(h1, h2, 0.5)
    assert value.shape == (3, 4)
    (slope,) = grad(value.sum(), h1)
    assert slope.shape == (3, 1)
    torch.testing.assert_close(slope, -4 * gated_relu_mean(h1, 1.0, 0.5).detach())


@each_function
def test_chunk_size_does_not_matter(function: Callable[..., Tensor]) -> None:
    generator = torch.Generator().manual_seed(0)
    h1, h2 = (12 * torch.rand(2, 500, generator=generator, dtype=torch.float64) - 6).unbind()
    rho = 1.9 * torch.rand(500, generator=generator, dtype=torch.float64) - 0.95
    whole = function(h1, h2, rho)
    for chunk_size in (1, 7, 499):
        torch.testing.assert_close(function(h1, h2, rho, chunk_size=chunk_size), whole, rtol=1e-13, atol=0)


@each_function
def test_nan_propagates_to_its_own_point_only(function: Callable[..., Tensor]) -> None:
    for place in range(3):
        inputs = [torch.tensor([value, value], dtype=torch.float64) for value in (1.0, 0.5, 0.3)]
        inputs[place][0] = math.nan
        assert function(*inputs).isnan().tolist() == [True, False]


@each_function
def test_far_thresholds_give_zero_and_empty_gives_empty(function: Callable[..., Tensor]) -> None:
    assert function(1e6, 50.0, 0.5).item() == 0.0
    assert function(1e200, 1e200, -0.5).item() == 0.0
    assert function(torch.empty(0, 3), 1.0, 0.5).shape == (0, 3)


@each_function
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 0.0, 1.0), "rho must be strictly between -1 and 1, got 1"),
        ((0.0, 0.0, [0.1, -1.5]), "rho must be strictly between -1 and 1, got -1.5"),
        ((math.inf, 0.0, 0.5), "h1 must be finite, got inf"),
        ((0.0, -math.inf, 0.5), "h2 must be finite, got -inf"),
    ],
)
def test_unusable_input_is_refused(function: Callable[..., Tensor], arguments: tuple[float, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        function(*arguments)


def test_a_chunk_must_hold_a_point() -> None:
    with pytest.raises(InputError, match="chunk_size must be at least 1, got 0"):
        upper_orthant(0.0, 0.0, 0.0, chunk_size=0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@each_function
def test_cuda_equals_cpu(function: Callable[..., Tensor]) -> None:
    h = torch.linspace(-6, 6, 25, dtype=torch.float64)
    rho = torch.tensor([-0.9, -0.3, 0.0, 0.5, 0.95, 0.999], dtype=torch.float64)
    points = torch.meshgrid(h, h, rho, indexing="ij")
    moved = function(*(p.cuda() for p in points))
    assert moved.is_cuda
    torch.testing.assert_close(moved.cpu(), function(*points), rtol=1e-11, atol=1e-300)
