"""The target network computes what section 2.1 writes, and its symmetries are those of the paper."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from fsrcheck.errors import InputError
from fsrcheck.model.dictionaries import haar_dictionaries
from fsrcheck.model.multilevel import overlapping_inhibition
from fsrcheck.model.single_level import cross_patch_correlated, independent_channels
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.model.target import FirstLevel, HigherLevel, TargetNetwork

SEEDS = st.integers(0, 2**32)


def _two_levels(seeds: list[int]) -> TargetNetwork:
    return overlapping_inhibition(8, 2, seeds=seeds)


def _first(*tensors: torch.Tensor) -> TargetNetwork:
    return TargetNetwork((FirstLevel(*tensors),))


def test_codes_and_patches_are_the_printed_formulas() -> None:
    target = _two_levels([3])
    latents = standard_normal(streams([3], "latents"), (5, target.latent_dim))
    codes = target.codes(latents)
    first, second = target.levels
    assert isinstance(second, HigherLevel)
    for sample in range(5):
        z = latents[0, sample]
        for patch in range(2):
            expected = torch.relu(first.latent_weights[0, patch] @ z - first.thresholds[0, patch])
            torch.testing.assert_close(codes[0][0, sample, patch], expected)
        for patch in range(2):
            below = torch.cat([codes[0][0, sample, parent] for parent in second.parents[patch]])
            expected = torch.relu(second.weights[0, patch] @ below - second.thresholds[0, patch])
            torch.testing.assert_close(codes[1][0, sample, patch], expected)
            image = second.dictionary[0, patch] @ expected
            torch.testing.assert_close(target.patches(codes)[1][0, sample, patch], image)


def test_a_batch_equals_a_loop() -> None:
    batch = _two_levels([1, 2])
    together = batch.sample_codes(streams([1, 2], "x"), 50)
    for row, seed in enumerate([1, 2]):
        alone = _two_levels([seed]).sample_codes(streams([seed], "x"), 50)
        for level in range(2):
            torch.testing.assert_close(alone[level][0], together[level][row], rtol=1e-12, atol=1e-12)


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.integers(1, 39))
def test_chunks_continue_the_sample(seed: int, cut: int) -> None:
    target = independent_channels(4, 1, seeds=[seed], num_patches=2)
    whole = target.sample_codes(streams([seed], "x"), 40)[0]
    generators = streams([seed], "x")
    pieces = [target.sample_codes(generators, size)[0] for size in (cut, 40 - cut)]
    torch.testing.assert_close(torch.cat(pieces, dim=1), whole, rtol=1e-14, atol=1e-14)


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_rotating_the_dictionary_rotates_the_patches(seed: int) -> None:
    target = independent_channels(5, 1, seeds=[seed], num_patches=2, patch_dim=7)
    first = target.first
    rotation = haar_dictionaries(streams([seed], "rotation"), 2, 7, 7)
    rotated = TargetNetwork((FirstLevel(rotation @ first.dictionary, first.latent_weights, first.thresholds),))
    codes = target.sample_codes(streams([seed], "x"), 20)
    before, after = target.patches(codes)[0], rotated.patches(codes)[0]
    torch.testing.assert_close(after, (rotation[:, None] @ before[..., None])[..., 0])


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.permutations(range(5)))
def test_permuting_channels_permutes_codes_and_keeps_patches(seed: int, order: list[int]) -> None:
    target = cross_patch_correlated(5, 1, seeds=[seed])
    first = target.first
    permuted = TargetNetwork(
        (FirstLevel(first.dictionary[..., order], first.latent_weights[:, :, order], first.thresholds[..., order]),)
    )
    before = target.sample_codes(streams([seed], "x"), 20)
    after = permuted.sample_codes(streams([seed], "x"), 20)
    torch.testing.assert_close(after[0], before[0][..., order])
    torch.testing.assert_close(permuted.patches(after)[0], target.patches(before)[0])


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.floats(0.1, 10))
def test_scaling_weights_and_thresholds_scales_codes(seed: int, scale: float) -> None:
    target = independent_channels(5, 1, seeds=[seed])
    first = target.first
    scaled = TargetNetwork((FirstLevel(first.dictionary, scale * first.latent_weights, scale * first.thresholds),))
    before = target.sample_codes(streams([seed], "x"), 20)[0]
    torch.testing.assert_close(scaled.sample_codes(streams([seed], "x"), 20)[0], scale * before)


def _with(level: int, **changes: torch.Tensor) -> TargetNetwork:
    levels = list(_two_levels([1]).levels)
    values = {**vars(levels[level]), **changes}
    levels[level] = type(levels[level])(**values)
    return TargetNetwork(tuple(levels))


def _ones(*shape: int) -> torch.Tensor:
    return torch.ones(shape, dtype=torch.float64)


def _levels(*numbers: int) -> TargetNetwork:
    return TargetNetwork(tuple(_two_levels([1]).levels[number] for number in numbers))


BAD = {
    "dictionary of level 1 must be column orthonormal": lambda: _with(0, dictionary=_ones(1, 2, 8, 8)),
    "thresholds of level 1 must be finite": lambda: _with(0, thresholds=_ones(1, 2, 8) * torch.nan),
    "latent_weights of level 1 must have shape": lambda: _with(0, latent_weights=_ones(1, 2, 7, 3)),
    "rows of latent_weights": lambda: _with(0, latent_weights=0 * _ones(1, 2, 8, 3)),
    "weights of level 2 must have shape": lambda: _with(1, weights=_ones(1, 2, 8, 8)),
    "must be patches 0..1": lambda: _with(1, parents=torch.tensor([[0, 2], [0, 1]])),
    "must differ within a patch": lambda: _with(1, parents=torch.tensor([[0, 0], [0, 1]])),
    "parents of level 2 must be int64": lambda: _with(1, parents=_ones(2, 2)),
    "must be float64": lambda: _with(1, thresholds=torch.zeros(1, 2, 8, dtype=torch.float32)),
    "num_channels of level 2 must be at least 2": lambda: _with(1, thresholds=_ones(1, 2, 1)),
    "batch of level 2": lambda: TargetNetwork((_two_levels([1, 2]).levels[0], _two_levels([1]).levels[1])),
    "at least 1 level": lambda: TargetNetwork(()),
    "must be a HigherLevel": lambda: _levels(0, 0),
    "must be a FirstLevel": lambda: _levels(1),
}


@pytest.mark.parametrize("message", BAD)
def test_validation_says_what_is_wrong(message: str) -> None:
    with pytest.raises(InputError, match=message):
        BAD[message]().validate()


def test_a_good_target_validates_on_its_device() -> None:
    target = _two_levels([1, 2]).to("cpu")
    target.validate()
    assert (target.batch_size, target.num_levels, target.latent_dim) == (2, 2, 16)
    assert target.device == torch.device("cpu")
