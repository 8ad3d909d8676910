"""Algorithms 5 and 1 on patches that are given: what they are shown, and what becomes of a dictionary."""

import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.model.alignment import match_columns
from fsrcheck.model.families import independent_channels
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.training.given_patches import (
    HALVING,
    TWO_ROUNDS,
    GivenMoments,
    GivenPatches,
    decoded_codes,
    drawn_codes,
    find_dictionary,
    fit_rectified,
    fitted_codes,
    sharpen_dictionary,
    unit_of,
)

SEEDS, NUM_CHANNELS, NUM_SAMPLES = (4, 5), 12, 12_000


@pytest.fixture(scope="module")
def target():
    return independent_channels(NUM_CHANNELS, 1.5, seeds=SEEDS)


@pytest.fixture(scope="module")
def atoms(target):
    return target.first.dictionary[:, 0]


@pytest.fixture(scope="module")
def codes(target):
    return target.sample_codes(streams(SEEDS, "given"), NUM_SAMPLES)[0][:, :, 0]


@pytest.fixture(scope="module")
def patches(codes, atoms):
    return codes @ atoms.mT


@pytest.fixture(scope="module")
def near(atoms):
    noise = standard_normal(streams(SEEDS, "error"), atoms.shape[1:])
    moved = atoms + 0.2 * noise / noise.norm(dim=1, keepdim=True)
    return moved / moved.norm(dim=1, keepdim=True)


def errors(found, atoms):
    return match_columns(found, atoms).dictionary_error


class TestGivenPatches:
    def test_the_sample_set_is_all_patches_in_their_order(self, patches):
        draw = GivenPatches(patches, NUM_CHANNELS, SEEDS).stream("warm start: sample set 0")
        assert torch.equal(torch.cat([draw(5000), draw(7000)], dim=1), patches)

    def test_anchors_are_among_the_patches_and_follow_the_seed(self, patches):
        few = patches[:, :50]
        draws = [GivenPatches(few, NUM_CHANNELS, SEEDS).stream("warm start: anchors")(40) for _ in range(2)]
        assert torch.equal(*draws)
        assert bool((draws[0][:, :, None] == few[:, None]).all(dim=3).any(dim=2).all())
        assert len(draws[0][0].unique(dim=0)) > 10

    def test_one_seed_for_each_row(self, patches):
        with pytest.raises(InputError, match=r"patches must be \(row, sample, patch_dim\) with 1 rows"):
            GivenPatches(patches, NUM_CHANNELS, SEEDS[:1])


class TestGivenMoments:
    def test_nothing_is_left_at_the_truth_with_the_patches_own_codes(self, patches, codes, atoms, near):
        state = GivenMoments(patches, codes, near, torch.ones(2, dtype=torch.float64)).compare(atoms)
        assert float(state.gap.abs().max()) < 1e-12

    def test_moments_are_those_of_their_definition(self, patches, codes, atoms, near):
        few, others = patches[:1, :200], codes[:1, 200:500]
        state = GivenMoments(few, others, near[:1], torch.full((1,), 0.7, dtype=torch.float64)).compare(atoms[:1])
        for p in (0, 7):
            real = sum(x * float(near[0, :, p] @ x > 0.7) for x in few[0]) / 200
            fake = sum(s * float(near[0, :, p] @ atoms[0] @ s > 0.7) for s in others[0]) / 300
            assert torch.allclose(state.weights[0, p], fake)
            assert torch.allclose(state.gap[0, p], real - atoms[0] @ fake)


class TestFittedCodes:
    def test_scale_and_threshold_are_recovered_from_what_is_above_the_cutoff(self):
        latents = standard_normal(streams([1], "latents"), (200_000, 2))
        scales, thresholds = torch.tensor([[0.5, 2.0], [1.2, 1.6]], dtype=torch.float64)
        readings = scales * (latents - thresholds).clamp(min=0)
        found = fit_rectified(readings, torch.full((1,), 0.3, dtype=torch.float64))
        assert torch.allclose(found[0][0], scales, rtol=0.05)
        assert torch.allclose(found[1][0], thresholds, rtol=0.05)

    def test_a_channel_that_is_never_seen_is_silent(self):
        readings = torch.zeros(1, 50, 1, dtype=torch.float64)
        assert [float(each) for each in fit_rectified(readings, torch.ones(1, dtype=torch.float64))] == [0.0, 0.0]


def sources(target, patches):
    return {
        "true": (
            drawn_codes(lambda: target.sample_codes(streams(SEEDS, "new"), NUM_SAMPLES)[0][:, :, 0]),
            TWO_ROUNDS,
            0.5,
        ),
        "fitted": (fitted_codes(patches, SEEDS), TWO_ROUNDS, 0.5),
        "decoded": (decoded_codes(patches), HALVING, 0.02),
    }


@pytest.mark.parametrize("name", ["true", "fitted", "decoded"])
def test_algorithm_1_sharpens_under_every_source_of_codes(target, patches, atoms, near, name):
    codes, rounds, factor = sources(target, patches)[name]
    found = sharpen_dictionary(patches, near, codes, unit_of(patches, NUM_CHANNELS), rounds)
    assert bool((errors(found, atoms) < factor * errors(near, atoms)).all())


def test_the_whole_pipeline_on_patches_alone_does_not_see_their_scale(patches, atoms):
    found = []
    for size in (1.0, 0.2):
        scaled = size * patches
        start = find_dictionary(scaled, NUM_CHANNELS, SEEDS)
        assert bool(start.complete.all())
        unit = unit_of(scaled, NUM_CHANNELS)
        found.append(sharpen_dictionary(scaled, start.dictionary, decoded_codes(scaled), unit, HALVING))
    assert float(errors(found[0], atoms).max()) < 0.02
    assert torch.allclose(*found, atol=1e-6)


def test_a_batch_is_a_loop(patches, near):
    unit = unit_of(patches, NUM_CHANNELS)
    batch = sharpen_dictionary(patches, near, decoded_codes(patches), unit, TWO_ROUNDS)
    for row in range(len(SEEDS)):
        one = slice(row, row + 1)
        alone = sharpen_dictionary(patches[one], near[one], decoded_codes(patches[one]), unit[one], TWO_ROUNDS)
        assert torch.allclose(alone, batch[one], atol=1e-9)
