"""Tails and moments of one normal against ball arithmetic, their derivatives, and what they refuse."""

import math

import flint
import hypothesis.strategies as st
import pytest
import torch
from flint import arb
from hypothesis import given, settings

from fsrcheck.errors import InputError
from fsrcheck.gaussian import (
    density,
    inverse_tail,
    relu_mean,
    relu_moment,
    tail,
    truncated_moment,
)

# The first call of a process is slow, and time is not what these tests are about.
without_deadline = settings(deadline=None, max_examples=50)

RELATIVE = 1e-12
thresholds = st.floats(-8.0, 8.0)
orders = st.integers(0, 4)


def ball_tail(x: float) -> arb:
    return (arb(x) / arb(2).sqrt()).erfc() / 2


def ball_moment(threshold: float, lower: float, order: int) -> arb:
    """Expand (g - t)^n and integrate x^k phi by parts: this cancels, so it is done in 200 bits."""
    phi = (-(arb(lower) ** 2) / 2).exp() / (2 * arb.pi()).sqrt()
    powers = [ball_tail(lower), phi]
    for k in range(2, order + 1):
        powers.append(arb(lower) ** (k - 1) * phi + (k - 1) * powers[k - 2])
    return sum((math.comb(order, k) * (-arb(threshold)) ** (order - k) * powers[k] for k in range(order + 1)), arb(0))


def relative_error(value: torch.Tensor, reference: arb) -> float:
    return abs(float((arb(value.item()) - reference) / reference))


@given(thresholds)
@without_deadline
def test_tail_keeps_its_digits(x: float) -> None:
    with flint.ctx.workprec(200):
        assert relative_error(tail(x), ball_tail(x)) < RELATIVE


@given(thresholds, st.just(0.0) | st.floats(0.0, 4.0), orders)
@settings(max_examples=300, deadline=None)
def test_moments_keep_their_digits(threshold: float, gap: float, order: int) -> None:
    lower = threshold + gap
    with flint.ctx.workprec(200):
        reference = ball_moment(threshold, lower, order)
        assert relative_error(truncated_moment(threshold, lower, order), reference) < RELATIVE


def test_the_recurrence_in_double_precision_would_fail_that_test() -> None:
    first = density(8.0) - 8.0 * tail(8.0)
    second = tail(8.0) - 8.0 * first
    third = 2 * first - 8.0 * second
    with flint.ctx.workprec(200):
        assert relative_error(third, ball_moment(8.0, 8.0, 3)) > 10 * RELATIVE


@given(st.floats(-3.0, 8.0))
@without_deadline
def test_inverse_tail_inverts(x: float) -> None:
    assert inverse_tail(tail(x)).item() == pytest.approx(x, rel=1e-11, abs=1e-12)


@given(st.floats(1e-300, 0.999))
@without_deadline
def test_tail_of_inverse_tail_is_the_probability(probability: float) -> None:
    # The error of x is amplified by the slope of log Q, about x.
    assert tail(inverse_tail(probability)).item() == pytest.approx(probability, rel=1e-12)


@given(thresholds)
@without_deadline
def test_relu_mean_is_the_first_moment_and_the_zeroth_is_the_tail(x: float) -> None:
    assert relu_mean(x).item() == relu_moment(x, 1).item()
    assert relu_moment(x, 0).item() == pytest.approx(tail(x).item(), rel=RELATIVE)


@given(thresholds, st.integers(2, 4))
@without_deadline
def test_moments_satisfy_the_recurrence(t: float, order: int) -> None:
    first, second, third = (relu_moment(t, n).item() for n in (order - 2, order - 1, order))
    scale = (order - 1) * first + abs(t) * second
    assert third == pytest.approx((order - 1) * first - t * second, abs=1e-13 * scale)


@given(thresholds, orders)
@without_deadline
def test_moments_fall_with_the_threshold(t: float, order: int) -> None:
    first, near, far = (relu_moment(t + step, order).item() for step in (0.0, 0.01, 1.0))
    assert near > far
    lost = order == 0 and t < -7  # there both are 1 up to rounding
    assert first > near or (lost and first == pytest.approx(near, abs=1e-15))


@pytest.mark.parametrize("order", range(5))
def test_derivatives_agree_with_differences(order: int) -> None:
    t = torch.tensor([-2.0, 0.0, 1.5, 5.0], dtype=torch.float64, requires_grad=True)
    gap = torch.tensor([0.3, 1.0, 0.5, 0.2], dtype=torch.float64, requires_grad=True)

    def moment(t: torch.Tensor, gap: torch.Tensor) -> torch.Tensor:
        return truncated_moment(t, t + gap.abs(), order)

    assert torch.autograd.gradcheck(moment, (t, gap))
    assert torch.autograd.gradgradcheck(moment, (t, gap))


@pytest.mark.parametrize("function", [tail, density, relu_mean])
def test_functions_differentiate_twice(function) -> None:  # type: ignore[no-untyped-def]
    x = torch.linspace(-3, 6, 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(function, (x,))
    assert torch.autograd.gradgradcheck(function, (x,))


def test_inverse_tail_differentiates_twice() -> None:
    p = torch.tensor([0.02, 0.3, 0.9], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(inverse_tail(p).sum(), p, create_graph=True)
    torch.testing.assert_close(slope, -1 / density(inverse_tail(p)), rtol=1e-13, atol=0)
    assert torch.autograd.gradgradcheck(inverse_tail, (p,))


@given(thresholds, st.integers(1, 4))
@without_deadline
def test_derivative_keeps_its_digits_in_the_tail(t: float, order: int) -> None:
    x = torch.tensor(t, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(relu_moment(x, order), x)
    with flint.ctx.workprec(200):
        assert relative_error(slope, -order * ball_moment(t, t, order - 1)) < RELATIVE


def test_nan_propagates() -> None:
    nan = torch.tensor([math.nan, 1.0], dtype=torch.float64)
    values = [tail(nan), density(nan), relu_mean(nan), relu_moment(nan, 3), inverse_tail(nan / 2)]
    values += [truncated_moment(nan, 2.0, 2), truncated_moment(0.5, nan, 2)]
    for value in values:
        assert value.isnan().tolist() == [True, False]


def test_shapes_broadcast_and_numbers_and_single_precision_become_double() -> None:
    t, lower = torch.zeros(3, 1), torch.ones(1, 4)
    moment = truncated_moment(t, lower, 2)
    assert moment.shape == (3, 4)
    assert moment.dtype == torch.float64
    assert relu_mean(1.0).shape == ()
    assert relu_mean(torch.empty(0, 2)).shape == (0, 2)


def test_long_inputs_equal_a_loop() -> None:
    t = torch.linspace(-8, 8, 9001, dtype=torch.float64)
    some = slice(None, None, 1000)
    alone = torch.stack([relu_moment(x, 2) for x in t[some]])
    torch.testing.assert_close(relu_moment(t, 2)[some], alone, rtol=1e-14, atol=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: inverse_tail(0.0), "probability must be strictly between 0 and 1, got 0"),
        (lambda: inverse_tail([0.5, 1.5]), "probability must be strictly between 0 and 1, got 1.5"),
        (lambda: relu_mean(math.inf), "threshold must be finite, got inf"),
        (lambda: relu_moment(1.0, 5), "order must be one of 0, 1, 2, 3, 4, got 5"),
        (lambda: truncated_moment(1.0, 0.5, 1), "lower must be at least the threshold, got 0.5"),
    ],
)
def test_unusable_input_is_refused(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_equals_cpu() -> None:
    t = torch.linspace(-8, 8, 1001, dtype=torch.float64)
    for order in range(5):
        moved = relu_moment(t.cuda(), order)
        assert moved.is_cuda
        torch.testing.assert_close(moved.cpu(), relu_moment(t, order), rtol=1e-12, atol=0)
    torch.testing.assert_close(tail(t.cuda()).cpu(), tail(t), rtol=1e-12, atol=0)


@pytest.mark.parametrize("probability", [-0.1, 0.0, 1.0, 1.1])
def test_a_probability_that_no_threshold_has_is_refused(probability: float) -> None:
    with pytest.raises(InputError, match="probability must be strictly between 0 and 1"):
        inverse_tail(probability)
