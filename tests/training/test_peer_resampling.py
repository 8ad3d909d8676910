"""Resampled patches are given ones, right one by one and independent of each other."""

import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.model.families import disjoint_supports
from fsrcheck.model.sampler import NetworkSampler
from fsrcheck.training.peer_resampling import PatchResampler

TARGET = disjoint_supports(4, 2.0, seeds=[0, 1])
PATCHES = NetworkSampler(TARGET).sample(5000, [2, 3])


def test_every_patch_is_a_given_one_of_its_own_place():
    small = [level[:, :7] for level in PATCHES]
    for level, made in zip(small, PatchResampler(small).sample(20, [4, 5]), strict=True):
        assert made.shape == (2, 20, 2, 4)
        same = (made[:, :, None] == level[:, None]).all(dim=-1)  # (batch, made, given, patch)
        assert bool(same.any(dim=2).all())
        assert not torch.equal(made[0], made[1])


def correlation(first, second):
    first, second = first - first.mean(), second - second.mean()
    return float((first * second).mean() / (first.square().mean() * second.square().mean()).sqrt())


def test_patches_depend_on_one_another_in_the_data_and_not_after():
    made = PatchResampler(PATCHES).sample(5000, [4, 5])
    size = [[level[0].norm(dim=-1) for level in side] for side in (PATCHES, made)]
    (true_low, true_high), (low, high) = size
    assert correlation(true_low[:, 0], true_high[:, 0]) > 0.3
    assert correlation(true_high[:, 0], true_high[:, 1]) > 0.3
    for one, other in [(low[:, 0], high[:, 0]), (high[:, 0], high[:, 1]), (low[:, 0], low[:, 1])]:
        assert abs(correlation(one, other)) < 5 / 5000**0.5
    for level, values in zip(PATCHES, made, strict=True):
        spread = level.std(dim=1)
        assert bool(((level.mean(dim=1) - values.mean(dim=1)).abs() < 5 * spread / 5000**0.5).all())


def test_a_batch_is_its_instances():
    together = PatchResampler(PATCHES).sample(9, [4, 5])
    for index, seed in enumerate((4, 5)):
        alone = PatchResampler([level[index, None] for level in PATCHES]).sample(9, [seed])
        assert all(torch.equal(one[0], both[index]) for one, both in zip(alone, together, strict=True))


def test_bad_input_is_refused():
    with pytest.raises(InputError, match="same batch and samples"):
        PatchResampler([PATCHES[0], PATCHES[1][:, :3]])
    with pytest.raises(InputError, match="seeds must be"):
        PatchResampler(PATCHES).sample(3, [1])
