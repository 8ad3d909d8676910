"""Sums of rectified Gaussians on a lattice, against Laplace transforms and binomial mixtures in closed form."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from fsrcheck.errors import InputError
from fsrcheck.gaussian import relu_mean, relu_moment, tail
from fsrcheck.gaussian.lattice_sums import Channel, ramp, reach, sum_law
from fsrcheck.gaussian.rectified_sums import RectifiedChannels


def channel_of(scale: float, threshold: float) -> Channel:
    return Channel(torch.tensor(scale, dtype=torch.float64), torch.tensor(threshold, dtype=torch.float64))


CHANNELS = st.builds(channel_of, st.floats(0.5, 3.0), st.floats(0.5, 4.0))


@given(threshold=st.floats(-6.0, 12.0))
def test_the_ramp_is_the_mean_of_a_rectified_gaussian(threshold: float) -> None:
    at = torch.tensor(threshold, dtype=torch.float64)
    assert float(ramp(at)) == pytest.approx(float(relu_mean(at)), rel=1e-12)


@settings(max_examples=30, deadline=None)
@given(channel=CHANNELS, count=st.sampled_from([1, 3, 15, 200]), jump=st.floats(0.2, 30.0))
def test_the_mean_is_exact_and_the_transform_to_second_order(channel: Channel, count: int, jump: float) -> None:
    law = sum_law(channel, count, jump=jump)
    spacing = float(law.values[1])
    assert float(law.expect(law.values)) == pytest.approx(count * float(channel.mean), rel=1e-9)
    tilt = 1 / (1 + count * float(channel.mean))  # so that the transform is not far from 1
    exact, _ = RectifiedChannels(channel.scale, channel.threshold).log_laplace(torch.tensor(-tilt, dtype=torch.float64))
    found = float(law.expect(torch.exp(-tilt * law.values)).log())
    assert found == pytest.approx(count * float(exact), rel=spacing**2)


@settings(max_examples=30, deadline=None)
@given(channel=CHANNELS, count=st.sampled_from([1, 15, 200]), jump=st.floats(0.2, 10.0))
def test_a_jump_is_half_way_between_points(channel: Channel, count: int, jump: float) -> None:
    law = sum_law(channel, count, jump=jump)
    position = jump / float(law.values[1])
    if jump <= float(law.values[-1]):
        assert position % 1 == pytest.approx(0.5, abs=1e-6)


def test_a_tail_probability_is_that_of_one_channel_where_only_one_can_be_active() -> None:
    channel, count, level = channel_of(1.0, 5.5), 1000, 0.3
    law = sum_law(channel, count, jump=level)
    one = float(tail(torch.tensor(5.5 + level, dtype=torch.float64)))
    assert float(law.expect((law.values > level).double())) == pytest.approx(count * one, rel=2e-3)


def test_a_million_rare_channels_keep_their_variance() -> None:
    channel, count = channel_of(2.0, 4.75), 10**6
    law = sum_law(channel, count, jump=1.0)
    second = 4 * float(relu_moment(channel.threshold, 2))
    variance = count * (second - float(channel.mean) ** 2)
    found = float(law.expect(law.values**2)) - float(law.expect(law.values)) ** 2
    spacing = float(law.values[1])
    assert found == pytest.approx(variance, rel=spacing**2)


def test_almost_nothing_lies_beyond_the_reach() -> None:
    channel = channel_of(1.0, 1.5)
    law = sum_law(channel, 31, jump=1.0, points=4096)
    beyond = law.values > 0.8 * reach(channel, 31)
    assert float(law.expect(beyond.double())) < 1e-13


def test_a_batch_equals_a_loop_on_the_same_lattice() -> None:
    scales, thresholds = torch.tensor([1.0, 2.0], dtype=torch.float64), torch.tensor([2.0, 1.0], dtype=torch.float64)
    both = sum_law(Channel(scales, thresholds), 9, jump=1.0)
    alone = sum_law(Channel(scales[1:], thresholds[1:]), 9, jump=1.0)
    one = both.weights[1] @ torch.exp(-both.values)
    assert float(one) == pytest.approx(float(alone.expect(torch.exp(-alone.values))), rel=1e-3)


@pytest.mark.parametrize(("count", "jump"), [(0, 1.0), (3, 0.0)])
def test_no_sum_and_no_jump_are_refused(count: int, jump: float) -> None:
    with pytest.raises(InputError, match="count must be at least 1 and jump above 0"):
        sum_law(channel_of(1.0, 2.0), count, jump=jump)
