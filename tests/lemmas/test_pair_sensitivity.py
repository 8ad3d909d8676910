"""The explicit forms of C.22 to C.27 on random instances, by the package's floating-point functions and quadrature."""

import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import assume, given, settings

from fsrcheck.gaussian import density, gated_relu_mean, inverse_tail, relu_mean, relu_product_mean, tail, upper_orthant
from lemmas.fsr.c22_correlation import CORRELATION_CONSTANT, largest_exponent_loss
from lemmas.fsr.c25_pair_comparison import conditional_factor
from lemmas.fsr.pair_slopes import slope_bound

ROUNDING = 1e-9
thresholds, correlations = st.floats(0.5, 6.0), st.floats(-0.9, 0.9)


def tensor(value: float) -> torch.Tensor:
    """A float64 scalar that derivatives may be asked of."""
    return torch.tensor(value, dtype=torch.float64)


def pair_mean(orders: tuple[int, int], first: torch.Tensor, second: torch.Tensor, rho: torch.Tensor) -> torch.Tensor:
    """E[(g_1 - b_1)_+^m (g_2 - b_2)_+^n], exponent 0 for the indicator."""
    if orders == (0, 0):
        return upper_orthant(first, second, rho)
    if orders == (1, 1):
        return relu_product_mean(first, second, rho)
    return gated_relu_mean(first, second, rho) if orders == (0, 1) else gated_relu_mean(second, first, rho)


@pytest.mark.parametrize("orders", [(0, 0), (0, 1), (1, 0), (1, 1)])
@given(thresholds, thresholds, correlations)
@settings(max_examples=40)
def test_the_slope_bound_is_one(orders: tuple[int, int], b1: float, b2: float, rho: float) -> None:
    first = tensor(b1).requires_grad_()
    value = pair_mean(orders, first, tensor(b2), tensor(rho))
    slope = -torch.autograd.grad(value.log(), first)[0]
    bound = slope_bound(tensor(b1), tensor(b2), tensor(rho), tensor(max(-rho, 0.0)), orders)
    assert 0 <= slope <= bound * (1 + ROUNDING)


def worst_slope_ratio(orders: tuple[int, int], seed: int) -> float:
    """The largest slope over its bound that gradient ascent finds from 32 starts."""
    low, high = torch.tensor([1.0, 1.0, -0.9]).double(), torch.tensor([6.0, 6.0, 0.6]).double()
    start = torch.randn(32, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    start.requires_grad_()
    optimizer = torch.optim.Adam([start], lr=0.1)
    worst = 0.0
    for _ in range(40):
        first, second, rho = (low + (high - low) * start.sigmoid()).unbind(1)
        value = pair_mean(orders, first, second, rho).log()
        slope = -torch.autograd.grad(value.sum(), first, create_graph=True)[0]
        ratio = slope / slope_bound(first, second, rho, (-rho).clamp(min=0), orders)
        worst = max(worst, float(ratio.detach().max()))
        optimizer.zero_grad()
        (-ratio.sum()).backward()
        optimizer.step()
    return worst


@pytest.mark.parametrize("orders", [(0, 0), (1, 1)])
def test_the_search_for_a_tight_instance_comes_close_to_the_bound_and_not_beyond(orders: tuple[int, int]) -> None:
    assert 0.85 < worst_slope_ratio(orders, seed=0) < 1


@given(st.floats(1e-12, 0.02), st.floats(0.01, 0.98))
def test_the_correlation_is_bounded_by_the_joint_tail(gamma: float, rho: float) -> None:
    threshold = inverse_tail(tensor(gamma))
    gain = math.log(float(upper_orthant(threshold, threshold, rho))) - 2 * math.log(gamma)
    assert rho * math.log(1 / gamma) <= float(CORRELATION_CONSTANT) * gain


@given(st.lists(st.tuples(st.floats(0.1, 5.0), st.floats(-0.7, 0.7)), min_size=2, max_size=6))
def test_many_channels_rarely_fire_together(variables: list[tuple[float, float]]) -> None:
    b, loadings = (torch.tensor(column, dtype=torch.float64) for column in zip(*variables, strict=True))
    common = torch.linspace(-9, 9, 4001, dtype=torch.float64)
    conditional = tail((b - loadings * common[:, None]) / (1 - loadings**2).sqrt()).prod(dim=1)
    probability = float(torch.trapezoid(conditional * density(common), common))
    products = loadings[:, None] * loadings
    largest = max(float(products[~torch.eye(len(b), dtype=torch.bool)].max()), 0.0)
    exponent = float(b @ b) / (2 * largest_exponent_loss(len(b), largest))
    assert probability <= math.exp(-exponent) / 2 * (1 + ROUNDING)


def test_the_exponent_for_many_channels_is_nearly_attained_by_equal_correlations() -> None:
    num_variables, correlation, threshold = 5, 0.3, 6.0
    common = torch.linspace(-9, 14, 8001, dtype=torch.float64)
    conditional = tail((threshold - math.sqrt(correlation) * common) / math.sqrt(1 - correlation)) ** num_variables
    probability = float(torch.trapezoid(conditional * density(common), common))
    exponent = num_variables * threshold**2 / (2 * largest_exponent_loss(num_variables, correlation))
    assert 1 < -math.log(probability) / exponent < 1.25


@given(st.floats(0.5, 5.0), st.floats(0.5, 5.0), st.floats(-0.8, 0.8))
def test_the_weighted_mean_falls_in_its_second_threshold_as_slowly_as_stated(b1: float, b2: float, rho: float) -> None:
    second, spread = tensor(b2).requires_grad_(), math.sqrt(1 - rho * rho)
    at_threshold = density(second) * spread * relu_mean((b1 - rho * second) / spread)
    mean = upper_orthant(tensor(b1), second, tensor(rho)) + rho * at_threshold
    slope = -float(torch.autograd.grad(mean.log(), second)[0])
    bound = (b2 + max(-rho, 0.0) * (b1 + 3 / b1)) / spread**2 + 0.79789 / spread
    assert 0 <= slope <= bound * (1 + 1e-6)


@given(thresholds, thresholds, st.floats(-0.8, 0.6))
def test_correlations_move_joint_tails_and_means_at_the_stated_rates(b1: float, b2: float, rho: float) -> None:
    square = 1 - rho * rho
    one, two = (b1 - rho * b2) / square, (b2 - rho * b1) / square
    assume(min(one, two) > 0.1)
    error = (one**-2 + two**-2 - rho / (one * two)) / square
    second_error = (3 * one**-2 + 3 * two**-2 - 4 * rho / (one * two)) / square
    parameters = (tensor(b1), tensor(b2), tensor(rho).requires_grad_())
    rates = [
        float(torch.autograd.grad(mean(*parameters).log(), parameters[2])[0]) / (one * two)
        for mean in (upper_orthant, relu_product_mean)
    ]
    assert 1 - ROUNDING <= rates[0] <= math.exp(min(error, 700.0)) * (1 + ROUNDING)
    assert math.exp(-error) * (1 - ROUNDING) <= rates[1] <= math.exp(min(second_error, 700.0)) * (1 + ROUNDING)


@given(
    st.floats(1.0, 4.0),
    st.floats(1.0, 4.0),
    st.floats(0.0, 4.0),
    st.floats(-0.9, 0.25),
    st.floats(-0.9, 0.25),
    correlations,
)
def test_a_third_channel_raises_a_pair_by_at_most_the_stated_factor(
    b1: float, b2: float, c: float, v1: float, v2: float, rho: float
) -> None:
    b, v = (tensor(b1), tensor(b2)), (tensor(v1), tensor(v2))
    spreads = [(1 - x * x).sqrt() for x in v]
    lowered = [(x - c * y) / s for x, y, s in zip(b, v, spreads, strict=True)]
    given_third = upper_orthant(lowered[0], lowered[1], tensor(rho))
    joint = upper_orthant(*b, rho * spreads[0] * spreads[1] + v[0] * v[1])
    positive = (v[0].clamp(min=0), v[1].clamp(min=0))
    factor = conditional_factor(
        (*b, tensor(c)), positive, (spreads[0], spreads[1]), tensor(rho), tensor(max(-rho, 0.0))
    )
    assert given_third <= factor * joint * (1 + ROUNDING)


def inside_out_ratio(b1: float, b2: float, rho: float, step: float, side: int) -> float:
    """|log of the ratio| in C.26a for the shift delta_2(g_1) = +-step that moves it most, by quadrature over g_1."""
    g = torch.linspace(-10, 12, 100_001, dtype=torch.float64)
    fires = g >= b1 - side * step
    away = torch.sign(rho * g - b2) * torch.where(fires, 1.0, -1.0) * side * step
    square = 1 - rho * rho
    values = [density(g) * torch.exp(-((b2 + e - rho * g) ** 2) / (2 * square)) for e in (away, torch.zeros_like(g))]
    shares = [float(values[0][fires].sum() / values[0].sum()), float(values[1][g >= b1].sum() / values[1].sum())]
    return abs(math.log(shares[0] / shares[1]))


@given(st.floats(1.0, 4.0), st.floats(1.0, 4.0), st.floats(-0.8, 0.8), st.floats(0.01, 0.2), st.sampled_from([1, -1]))
@settings(max_examples=40)
def test_a_condition_that_moves_with_the_gaussian_costs_at_most_the_stated_factor(
    b1: float, b2: float, rho: float, step: float, side: int
) -> None:
    size, spread = abs(rho), math.sqrt(1 - rho * rho)
    hazard = max((b1 - rho * b2) / spread, 0.0) + step * (1 + size) / spread + 0.79789
    first = b2 + b2 * (1 + rho**2) / spread**2 + (1 + size) * hazard / spread + 0.79789 * size / spread
    bound = step * first + step**2 * (1 + rho**2) / (2 * spread**2)
    grid_error = 1e-3
    assert inside_out_ratio(b1, b2, rho, step, side) <= bound + grid_error


def test_the_third_channel_needs_its_exponential_factor() -> None:
    """Without the additive term no fixed factor is enough: it grows as the pair's correlation approaches -1."""
    b = inverse_tail(1e-4)
    ratios = []
    for rho in (-0.5, -0.8, -0.9):
        spread = math.sqrt(1 - 0.1**2)
        given_third = upper_orthant((b - 0.1 * b) / spread, b, rho / spread)
        ratios.append(float(given_third / upper_orthant(b, b, rho)))
    assert ratios == sorted(ratios)
    assert ratios[-1] > 1e3


def test_the_mean_of_a_relu_at_a_threshold_is_the_derivative_of_the_gated_mean() -> None:
    """What C.27c averages: d/d b_2 of E[(g_1 - b_1)_+ 1{g_2 > b_2}]."""
    b2 = tensor(2.5).requires_grad_()
    slope = torch.autograd.grad(gated_relu_mean(b2, tensor(3.0), tensor(-0.3)), b2)[0]
    spread = math.sqrt(1 - 0.3**2)
    closed = density(b2) * spread * relu_mean((3.0 + 0.3 * b2) / spread)
    assert float(-slope) == pytest.approx(float(closed.detach()), rel=1e-9)
