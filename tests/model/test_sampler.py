"""A network as a sampler, and what no sampler takes."""

import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.model.families import disjoint_supports
from fsrcheck.model.sampler import NetworkSampler, check_patches

TARGET = disjoint_supports(4, 1.0, seeds=[0, 1])


def test_samples_are_the_networks_and_follow_the_seed_of_their_instance():
    sampler = NetworkSampler(TARGET)
    first, again = sampler.sample(6, [3, 4]), sampler.sample(4, [3, 5])
    assert [level.shape for level in first] == [(2, 6, 2, 4)] * 2
    for one, other in zip(first, again, strict=True):
        assert torch.equal(one[0, :4], other[0])
        assert not torch.equal(one[1, :4], other[1])


@pytest.mark.parametrize(("count", "seeds"), [(0, [1, 2]), (3, [1])])
def test_draws_of_nothing_and_missing_seeds_are_refused(count, seeds):
    with pytest.raises(InputError, match="must be"):
        NetworkSampler(TARGET).sample(count, seeds)


@pytest.mark.parametrize(
    "patches",
    [
        [],
        [torch.zeros(1, 2, 3)],
        [torch.zeros(1, 2, 1, 3), torch.zeros(1, 3, 1, 3)],
        [torch.zeros(1, 2, 1, 0)],
        [torch.full((1, 2, 1, 3), torch.inf)],
    ],
)
def test_what_are_no_patches_is_refused(patches):
    with pytest.raises(InputError, match="patches"):
        check_patches(patches)
