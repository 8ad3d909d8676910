"""The smoothed activations have the values and slopes that section 2 asks for, where that is possible."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor
from torch.autograd import grad

from fsrcheck.errors import InputError
from fsrcheck.model.activations import smoothed_abs, smoothed_leaky_relu, smoothed_relu
from fsrcheck.model.smoothed_slopes import smoothed_abs_slope, smoothed_leaky_pair

WIDTHS = st.floats(1e-3, 2.0)


def _derivatives(values: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    (first,) = grad(values.sum(), z, create_graph=True)
    return first, grad(first.sum(), z)[0]


@settings(deadline=None)
@given(WIDTHS)
def test_smoothed_relu_is_the_printed_function_outside_the_smoothing_zone(zeta: float) -> None:
    z = torch.linspace(-3, 3, 101, dtype=torch.float64) * zeta
    value = smoothed_relu(z, zeta)
    assert (value[z < 0] == 0).all()
    torch.testing.assert_close(value[z >= zeta], z[z >= zeta] - zeta / 2)


@settings(deadline=None)
@given(WIDTHS)
def test_smoothed_relu_has_slope_in_0_1_and_curvature_at_most_1_5_over_zeta(zeta: float) -> None:
    z = (torch.linspace(-1, 2, 301, dtype=torch.float64) * zeta).requires_grad_()
    slope, curvature = _derivatives(smoothed_relu(z, zeta), z)
    assert slope.min() >= 0
    assert slope.max() <= 1 + 1e-12
    assert curvature.min() >= -1e-9 / zeta
    assert curvature.max() <= 1.5 / zeta * (1 + 1e-9)


@settings(deadline=None)
@given(st.floats(0.01, 1.0), WIDTHS)
def test_repaired_leaky_relu_leaks_below_zero_and_has_slope_one_above(leak: float, zeta: float) -> None:
    z = torch.tensor([-2.0, -1.0, 1.0, 2.0], dtype=torch.float64) * zeta
    value = smoothed_leaky_relu(z, leak, zeta)
    torch.testing.assert_close(value[:2], leak * z[:2])
    torch.testing.assert_close(value[3] - value[2], z[3] - z[2])


def test_the_printed_leaky_relu_would_need_a_jump_of_its_slope() -> None:
    """f(0) = 0, f(zeta) = zeta and f' <= 1 leave slope 1 on [0, zeta]; the slope at 0- is zeta."""
    zeta = 0.25
    z = torch.linspace(0, zeta, 65, dtype=torch.float64)
    assert (zeta - smoothed_leaky_relu(z, zeta)[-1]) > 0  # the repair stays below the printed value at zeta


@pytest.mark.parametrize(("leak", "zeta"), [(0.0, 1.0), (1.5, 1.0), (0.5, 0.0), (0.5, float("nan"))])
def test_impossible_widths_and_leaks_are_refused(leak: float, zeta: float) -> None:
    with pytest.raises(InputError, match="must be"):
        smoothed_leaky_relu(torch.zeros(1), leak, zeta)


@settings(deadline=None)
@given(st.floats(0.0, 2.0), WIDTHS)
def test_smoothed_abs_is_even_zero_within_the_cutoff_and_of_slope_one_beyond(cutoff: float, zeta: float) -> None:
    beyond = cutoff + zeta * torch.linspace(1, 5, 9, dtype=torch.float64)
    within = cutoff * torch.linspace(-1, 1, 9, dtype=torch.float64)
    assert bool((smoothed_abs(within, cutoff, zeta) == 0).all())
    torch.testing.assert_close(smoothed_abs(beyond, cutoff, zeta), beyond - cutoff - zeta / 2)
    torch.testing.assert_close(smoothed_abs(-beyond, cutoff, zeta), smoothed_abs(beyond, cutoff, zeta))


@settings(deadline=None)
@given(st.floats(0.0, 2.0), WIDTHS)
def test_smoothed_abs_is_the_printed_sum_and_its_slope_is_the_machines(cutoff: float, zeta: float) -> None:
    x = torch.linspace(-4, 4, 161, dtype=torch.float64, requires_grad=True)
    printed = smoothed_relu(x - cutoff, zeta) + smoothed_relu(-x - cutoff, zeta)
    torch.testing.assert_close(smoothed_abs(x, cutoff, zeta), printed, rtol=0, atol=1e-14)
    (slope,) = grad(printed.sum(), x)
    torch.testing.assert_close(smoothed_abs_slope(x.detach(), cutoff, zeta), slope, rtol=0, atol=1e-11)


def test_a_leak_for_every_row_is_the_same_as_row_by_row() -> None:
    z, leaks = torch.linspace(-1, 1, 41, dtype=torch.float64).expand(3, -1), (0.01, 0.3, 1.0)
    tensor = torch.tensor(leaks, dtype=torch.float64)[:, None]
    values, slopes = smoothed_leaky_pair(z, tensor, 0.2)
    torch.testing.assert_close(values, smoothed_leaky_relu(z, tensor, 0.2))
    for i, leak in enumerate(leaks):
        variable = z[i].clone().requires_grad_()
        row = smoothed_leaky_relu(variable, leak, 0.2)
        torch.testing.assert_close(values[i], row.detach())
        torch.testing.assert_close(slopes[i], grad(row.sum(), variable)[0], rtol=0, atol=1e-13)


def test_leaks_in_a_tensor_need_a_width() -> None:
    with pytest.raises(InputError, match="smoothing must be given with a tensor of leaks, got None"):
        smoothed_leaky_relu(torch.zeros(1), torch.ones(1))
