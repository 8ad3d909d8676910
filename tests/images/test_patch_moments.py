"""Moment distances within patches, against the sum over all index sets that the caption of Figure 6 means."""

from itertools import combinations
from math import comb

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fsrcheck.errors import InputError
from fsrcheck.images.patch_moments import (
    ORDERS,
    elementary,
    mean_moments,
    moment_distances,
    moment_distances_by_order,
    windows,
)


def sets(seed: int, numbers: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    one = torch.randn(2, 9, numbers, generator=random, dtype=torch.float64).mul(0.5).exp()
    other = torch.randn(2, 7, numbers, generator=random, dtype=torch.float64) + 0.5
    return one, other


def moments(patches: torch.Tensor, order: int) -> torch.Tensor:
    """(patch, index set), one by one."""
    centred = patches if order == 1 else patches - patches.mean(dim=1, keepdim=True)
    chosen = combinations(range(patches.shape[2]), order)
    return torch.stack([centred[:, :, list(indices)].prod(dim=2).mean(dim=1) for indices in chosen], dim=1)


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(ORDERS), st.integers(0, 99), st.integers(1, 9))
def test_it_is_the_mean_square_over_all_index_sets(order, seed, chunk):
    one, other = sets(seed)
    expected = (moments(one, order) - moments(other, order)).square().mean(dim=1)
    torch.testing.assert_close(moment_distances(one, other, order, chunk=chunk), expected, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(mean_moments(one, order), moments(one, order).mean(dim=1), rtol=1e-6, atol=1e-9)
    together = moment_distances_by_order(one, other)
    assert tuple(together) == ORDERS
    torch.testing.assert_close(together[order], expected, rtol=1e-6, atol=1e-9)


@settings(deadline=None)
@given(st.integers(1, 4), st.lists(st.floats(-2, 2), min_size=1, max_size=6))
def test_newtons_identities(order, values):
    numbers = torch.tensor(values, dtype=torch.float64)
    found = elementary([numbers.pow(power).sum() for power in range(1, order + 1)])
    for degree in range(order + 1):
        products = [numbers[list(chosen)].prod() for chosen in combinations(range(len(values)), degree)]
        assert len(products) == comb(len(values), degree)
        assert float(found[degree]) == pytest.approx(float(sum(products)), abs=1e-9)


def test_patches_of_108_numbers_keep_their_digits():
    random = torch.Generator().manual_seed(0)
    one, other = (torch.rand(1, 30, 12, generator=random, dtype=torch.float64) for _ in range(2))
    wide = [
        x.repeat(1, 1, 9) + 1e-3 * torch.randn(1, 30, 108, generator=random, dtype=torch.float64) for x in (one, other)
    ]
    triples = torch.stack([torch.randperm(108, generator=random)[:3] for _ in range(4000)])
    rows = [x - x.mean(dim=1, keepdim=True) for x in wide]
    drawn = [x[0][:, triples].prod(dim=2).mean(dim=0) for x in rows]
    expected = (drawn[0] - drawn[1]).square()
    found = float(moment_distances(*wide, 3)[0])
    assert found == pytest.approx(float(expected.mean()), abs=5 * float(expected.std()) / 4000**0.5)


@pytest.mark.parametrize("order", ORDERS)
def test_equal_sets_are_at_0_and_order_and_shift_do_not_matter(order):
    one, other = sets(5)
    assert float(moment_distances(one, one.flip(1), order).abs().max()) < 1e-12
    found = moment_distances(one, other, order)
    assert (found > 0).all()
    torch.testing.assert_close(moment_distances(other.flip(1), one, order), found)
    torch.testing.assert_close(moment_distances(one.flip(2), other.flip(2), order), found)
    if order > 1:
        torch.testing.assert_close(moment_distances(one + 3, other - 7, order), found)


def test_a_parity_is_seen_in_order_4_alone():
    random = torch.Generator().manual_seed(0)
    one, other, coins = (torch.randint(0, 2, (1, 600, 4), generator=random).double() * 2 - 1 for _ in range(3))
    parity = coins.clone()
    parity[..., 3] = coins[..., :3].prod(dim=2)
    for order in ORDERS:
        floor, found = (float(moment_distances(one, given, order)) for given in (other, parity))
        assert (found > 30 * floor) == (order == 4), order


def test_windows_are_patches_row_by_row():
    images = torch.rand(3, 2, 7, 7)
    found = windows(images, 3, 2)
    assert found.shape == (9, 3, 18)
    assert torch.equal(found[5, 1], images[1, :, 2:5, 4:7].flatten())


@pytest.mark.parametrize("order", [0, 5])
def test_other_orders_are_refused(order):
    with pytest.raises(InputError, match="order must be one of 1, 2, 3, 4"):
        moment_distances(*sets(0), order)


def test_patches_that_do_not_fit_are_refused():
    one, other = sets(0)
    for bad in (other[:1], other[..., :3], other[0]):
        with pytest.raises(InputError, match="patches must be"):
            moment_distances(one, bad, 2)
    for size, stride in ((8, 1), (0, 1), (2, 0)):
        with pytest.raises(InputError, match="must be"):
            windows(torch.rand(1, 3, 7, 7), size, stride)
