"""The explicit forms of Facts C.20 and C.21 on random channels, by the package's floating-point functions."""

import math

import hypothesis.strategies as st
from hypothesis import assume, given

from fsrcheck.gaussian import relu_mean, tail
from lemmas.fsr.c19_gaussian_facts import (
    STEP_PROBABILITY,
    largest_threshold,
    log_scale_bound,
    log_threshold_bound,
    smallest_scale,
)

ROUNDING = 1e-9
thresholds, scales, shifts = st.floats(1.0, 6.0), st.floats(0.05, 20.0), st.floats(-0.5, 0.5)


def moments(scale: float, t: float) -> tuple[float, float]:
    """Mean and firing rate of ReLU(scale (g - t))."""
    return scale * relu_mean(t).item(), tail(t).item()


@given(scales, thresholds, st.floats(0.0, 3.0))
def test_scale_and_threshold_of_a_sparse_channel_are_in_their_range(alpha: float, t: float, excess: float) -> None:
    mean, rate = moments(alpha, t)
    spread = max(math.sqrt(rate / mean), 1.0)  # K, with m the number that makes both premises tight
    num_channels = spread / rate
    largest = alpha * excess  # B
    assume(tail(t + excess).item() < float(STEP_PROBABILITY) * rate)
    assert smallest_scale(spread) <= alpha * (1 + ROUNDING)
    assert alpha <= alpha * t <= largest_threshold(spread, largest, num_channels) * (1 + ROUNDING)


@given(scales, thresholds, shifts, shifts)
def test_close_means_and_rates_have_close_scales_and_thresholds(alpha: float, t: float, by: float, move: float) -> None:
    other_alpha, other_t = alpha * math.exp(by), max(t + move, 1.0)
    pairs = [moments(alpha, t), moments(other_alpha, other_t)]
    values = [value for pair in pairs for value in pair]
    num_channels = 1 / math.sqrt(min(values) * max(values))
    spread = max(max(values) * num_channels, 1 / (min(values) * num_channels))
    difference = num_channels * sum(abs(x - y) for x, y in zip(*pairs, strict=True))
    assert abs(math.log(other_alpha / alpha)) <= log_scale_bound(spread, difference) + ROUNDING
    change = abs(math.log(other_alpha * other_t / (alpha * t)))
    assert change <= log_threshold_bound(spread, difference) + ROUNDING
