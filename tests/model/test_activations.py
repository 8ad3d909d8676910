"""The smoothed activations have the values and slopes that section 2 asks for, where that is possible."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor
from torch.autograd import grad

from fsrcheck.errors import InputError
from fsrcheck.model.activations import smoothed_leaky_relu, smoothed_relu

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
