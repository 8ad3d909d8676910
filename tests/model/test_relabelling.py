"""Channels of the last level in another order: the same images, other neurons."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from fsrcheck.model.families import disjoint_supports, overlapping_inhibition, paper_example
from fsrcheck.model.relabelling import shuffled_top
from fsrcheck.model.streams import streams
from fsrcheck.model.target import TargetNetwork

SEEDS = [1, 2, 3]
FAMILIES = {
    "two parents": lambda seeds: overlapping_inhibition(6, 1.0, seeds=seeds, num_patches=2),
    "three levels": lambda seeds: disjoint_supports(4, 1.0, seeds=seeds, num_patches=4, num_levels=3),
    "fewer channels above": lambda seeds: paper_example(8, 1.0, seeds=seeds, num_patches=1),
}


@pytest.fixture(params=FAMILIES.values(), ids=FAMILIES.keys())
def target(request: pytest.FixtureRequest) -> TargetNetwork:
    return request.param(SEEDS)


def codes_of(network: TargetNetwork) -> list[Tensor]:
    return network.sample_codes(streams(SEEDS, "relabelling"), 200)


def test_images_are_the_same_and_the_target_is_valid(target: TargetNetwork) -> None:
    shuffled = shuffled_top(target, SEEDS)
    shuffled.validate()
    for plain, moved in zip(target.patches(codes_of(target)), shuffled.patches(codes_of(shuffled)), strict=True):
        torch.testing.assert_close(moved, plain)


def test_codes_of_the_last_level_are_the_same_up_to_their_order_and_others_are_untouched(target: TargetNetwork) -> None:
    plain, moved = codes_of(target), codes_of(shuffled_top(target, SEEDS))
    for before, after in zip(plain[:-1], moved[:-1], strict=True):
        assert torch.equal(before, after)
    torch.testing.assert_close(moved[-1].sort(dim=-1).values, plain[-1].sort(dim=-1).values)
    assert not torch.equal(moved[-1], plain[-1])


def test_orders_differ_from_patch_to_patch_and_from_seed_to_seed() -> None:
    target = overlapping_inhibition(12, 1.0, seeds=SEEDS, num_patches=2)
    shuffled = shuffled_top(target, SEEDS)
    found = (target.levels[-1].dictionary.mT @ shuffled.levels[-1].dictionary).argmax(dim=-2).flatten(0, 1)
    assert len({tuple(order) for order in found.tolist()}) == 6


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
def test_an_instance_does_not_depend_on_its_batch(family: Callable[[list[int]], TargetNetwork]) -> None:
    together, alone = shuffled_top(family(SEEDS), SEEDS), shuffled_top(family([2]), [2])
    torch.testing.assert_close(together.levels[-1].dictionary[1], alone.levels[-1].dictionary[0])
