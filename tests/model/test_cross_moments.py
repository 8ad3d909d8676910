"""Cross moments against a plain loop, what sampling adds to a squared distance, and the floor that it leaves."""

from itertools import combinations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fsrcheck.errors import InputError
from fsrcheck.model.block_squares import jackknife_error, mean_square
from fsrcheck.model.cross_moments import (
    ORDERS,
    cross_moments,
    mean_products,
    moments_of_blocks,
    sampling_floor,
    squared_distance,
)
from fsrcheck.model.streams import standard_normal, streams


def samples(seed, count=40, batch=1, patches=2, dim=5):
    values = standard_normal(streams(range(seed, seed + batch), "cross moments"), (count, patches, dim))
    return values.clamp(min=0) + 0.5 * values[..., :1] * values[..., 1:2]


def light(seed, count):
    """Samples whose powers have small tails."""
    return torch.tanh(samples(seed, count, dim=4))


def plainly(values, order):
    centred = values - values.mean(dim=0)
    chosen = combinations(range(values.shape[1]), order)
    return torch.stack([centred[:, list(one)].prod(dim=1).mean() for one in chosen])


@pytest.mark.parametrize("order", ORDERS)
def test_moments_are_those_of_a_plain_loop(order):
    given_samples = samples(3, batch=2)
    found = cross_moments(given_samples)[order]
    for instance in range(2):
        for patch in range(2):
            expected = plainly(given_samples[instance, :, patch], order)
            assert torch.allclose(found[instance, patch], expected, rtol=1e-12, atol=1e-14)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.permutations(range(5)), st.floats(0.1, 10))
def test_moments_scale_with_their_order_and_do_not_see_a_shift_or_an_order_of_coordinates(seed, order, factor):
    plain = samples(seed)
    found, other = cross_moments(plain), cross_moments(factor * plain[..., order] - 3.0)
    for degree in ORDERS:
        expected = (factor**degree * found[degree]).sort(dim=2).values
        assert torch.allclose(other[degree].sort(dim=2).values, expected, rtol=1e-8, atol=1e-9 * factor**degree)


def distance(seed, shift, count=64, blocks=8):
    """Of normal blocks of means, of which one set is shifted; the truth is shift^2."""
    first, second = (
        standard_normal(streams([seed], name), (blocks, 1, count)).transpose(0, 1)[:, :, 0][:, None] / 4
        for name in "ab"
    )
    return squared_distance(first + shift, second)


def test_the_squared_distance_is_unbiased_and_its_error_is_of_the_right_size():
    for shift in (0.0, 0.5):
        found = [distance(seed, shift) for seed in range(400)]
        values = torch.cat([one.value for one in found])
        errors = torch.cat([one.error for one in found])
        spread = values.std()
        assert abs(values.mean() - shift**2) < 4 * spread / 20
        assert 0.8 * spread < errors.mean() < 1.7 * spread


def test_the_plain_square_would_be_biased():
    means = torch.cat([(distance(seed, 0.0).value) for seed in range(100)])
    blocks = [standard_normal(streams([seed], "a"), (8, 64)) / 4 for seed in range(100)]
    plain = torch.stack([block[0].mean(dim=0).square().mean() for block in blocks])
    assert plain.mean() > 10 * means.mean().abs()


def test_the_floor_is_the_mean_square_error_of_so_many_samples():
    blocks = moments_of_blocks(light(1, 64 * 500).split(500, dim=1))
    whole = cross_moments(light(2, 400_000))
    for order in ORDERS:
        errors = torch.cat(
            [
                (cross_moments(light(seed, 2000))[order] - whole[order]).square().mean(dim=(1, 2))
                for seed in range(10, 50)
            ]
        )
        assert float(sampling_floor(blocks[order], 500, 2000)) == pytest.approx(float(errors.mean()), rel=0.4)


def test_a_batch_is_its_instances():
    both, alone = cross_moments(samples(0, batch=2)), cross_moments(samples(1))
    for order in ORDERS:
        assert torch.allclose(both[order][1:], alone[order], rtol=1e-12)


def test_what_has_no_such_moments_is_refused():
    with pytest.raises(InputError, match="at least 4"):
        cross_moments(torch.zeros(1, 5, 1, 3, dtype=torch.float64))
    with pytest.raises(InputError, match="at least 2"):
        cross_moments(torch.zeros(1, 1, 1, 4, dtype=torch.float64))
    with pytest.raises(InputError, match="one shape"):
        squared_distance(torch.zeros(3, 1, 1, 4), torch.zeros(4, 1, 1, 4))
    with pytest.raises(InputError, match="at least 3"):
        mean_square(torch.zeros(2, 1, 4))


def test_the_jackknife_of_a_mean_is_its_standard_error():
    values = torch.tensor([[1.0, 2.0, 4.0, 9.0]], dtype=torch.float64)
    without = (values.sum() - values) / 3
    assert float(jackknife_error(without)) == pytest.approx(float(values.std()) / 2)


@pytest.mark.parametrize("orders", [(2,), (2, 3), (2, 4), ORDERS])
def test_only_the_orders_that_are_asked_for_are_computed(orders):
    given_samples = samples(3)
    found, everything = mean_products(given_samples, orders), mean_products(given_samples)
    assert tuple(found) == orders
    assert all(torch.equal(found[order], everything[order]) for order in orders)
