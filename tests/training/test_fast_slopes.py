"""The quick forms of the smoothed activations are those of the model, wherever they are asked and infinite or not."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fsrcheck.model.activations import smoothed_leaky_relu
from fsrcheck.model.smoothed_slopes import smoothed_abs_slope, smoothed_leaky_pair
from fsrcheck.training.fast_slopes import abs_slope, leaky_relu, leaky_relu_and_slope

points = st.lists(st.floats(-10, 10), min_size=1, max_size=8).map(lambda x: torch.tensor(x, dtype=torch.float64))
leaks = st.floats(1e-12, 1.0)
widths = st.floats(1e-3, 2.0)
CLOSE = {"rtol": 1e-13, "atol": 1e-13}


@settings(deadline=None)
@given(points, leaks, widths, st.booleans())
def test_leaky_relu_and_its_slope_are_those_of_the_model(z, leak, smoothing, as_tensor):
    given_leak = torch.tensor([leak], dtype=torch.float64) if as_tensor else leak
    value, slope = smoothed_leaky_pair(z, given_leak, smoothing)
    found, found_slope = leaky_relu_and_slope(z, given_leak, smoothing)
    torch.testing.assert_close(found, value, **CLOSE)
    torch.testing.assert_close(found_slope, slope, **CLOSE)
    torch.testing.assert_close(
        leaky_relu(z, given_leak, smoothing), smoothed_leaky_relu(z, given_leak, smoothing), **CLOSE
    )


@settings(deadline=None)
@given(points, st.floats(0, 5), widths)
def test_the_slope_of_abs_is_that_of_the_model(x, cutoff, smoothing):
    torch.testing.assert_close(abs_slope(x, cutoff, smoothing), smoothed_abs_slope(x, cutoff, smoothing), **CLOSE)


@pytest.mark.parametrize("leak", [0.3, torch.tensor(0.3, dtype=torch.float64)])
def test_what_is_no_number_stays_none_and_what_is_infinite_infinite(leak):
    z = torch.tensor([torch.nan, torch.inf, -torch.inf], dtype=torch.float64)
    value, slope = leaky_relu_and_slope(z, leak, 0.1)
    assert value.isnan().tolist() == slope.isnan().tolist() == [True, False, False]
    assert value[1:].tolist() == [torch.inf, -torch.inf]
    torch.testing.assert_close(slope[1:], torch.tensor([1.0, 0.3], dtype=torch.float64))
    ends = abs_slope(z, 1.0, 0.1)
    assert ends.isnan().tolist() == [True, False, False]
    assert ends[1:].tolist() == [1.0, -1.0]
