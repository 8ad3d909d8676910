"""A study of pictures and controls: each control shows what it is there for."""

from dataclasses import replace

import numpy as np
import pytest

from fsrcheck.errors import InputError
from fsrcheck.images.patch_study import (
    CONTROLS,
    GAUSSIAN,
    MIXTURE,
    NORMALISED,
    PICTURES,
    SPARSE,
    StudySettings,
    algorithm_5_columns,
    study_pictures,
)
from fsrcheck.images.pictures import Picture

SETTINGS = StudySettings(patch_side=4, expected_active=1.0, patches_per_picture=1500, learned_patches=4000)


def cartoon(number: int, size: int = 60) -> Picture:
    """Rectangles of different grey over each other: edges, flat ground, and contrast that differs from place to place."""
    generator = np.random.default_rng(number)
    pixels = np.full((size, size, 1), 0.5)
    for _ in range(25):
        row, column = generator.integers(0, size, 2)
        height, width = generator.integers(4, 25, 2)
        pixels[row : row + height, column : column + width] += generator.normal(0, 0.15)
    return Picture(f"cartoon {number}", np.clip(pixels + generator.normal(0, 0.002, pixels.shape), 0, 1))


@pytest.fixture(scope="module")
def cartoons():
    return [cartoon(number) for number in range(8)]


@pytest.fixture(scope="module")
def studies(cartoons):
    return study_pictures(cartoons, SETTINGS, 3)


def test_pictures_and_controls_are_all_studied_and_one_is_told_beforehand(cartoons):
    told = []
    found = study_pictures(cartoons, SETTINGS, 3, names=(PICTURES, GAUSSIAN), step=told.append)
    assert list(found) == told == [PICTURES, GAUSSIAN]


def test_edges_are_sparse_in_a_learned_dictionary_and_gaussian_patches_in_none(studies):
    ratio = {name: study.constants["energy_ratio"].value for name, study in studies.items()}
    assert ratio[PICTURES] < 0.6
    assert ratio[GAUSSIAN] == pytest.approx(1, abs=0.02)
    assert ratio[SPARSE] < 0.96


def test_contrast_makes_pairs_and_without_it_there_are_fewer(studies):
    excess = {name: study.constants["pair_excess"].value - 1 for name, study in studies.items()}
    assert excess[MIXTURE] > 1.5
    assert excess[NORMALISED] < 0.05 < 0.15 < excess[PICTURES]
    assert abs(excess[GAUSSIAN]) < 0.1
    assert abs(excess[SPARSE]) < 0.15


def test_every_constant_is_a_number_within_its_interval_or_near_it(studies):
    assert set(studies) == {PICTURES, *CONTROLS}
    for study in studies.values():
        for found in study.constants.values():
            assert found.low <= found.high
            assert np.isfinite([found.value, found.low, found.high]).all()


def test_the_same_seed_gives_the_same_study_and_another_one_another(cartoons, studies):
    again, other = (study_pictures(cartoons, SETTINGS, seed, names=(PICTURES,))[PICTURES] for seed in (3, 4))
    assert again.constants == studies[PICTURES].constants
    assert other.constants != again.constants


def test_cubed_codes_pile_up_at_zero_and_a_channel_read_twice_is_nested(cartoons, studies):
    plain = studies[PICTURES].constants
    cubed, twice = (
        study_pictures(cartoons, replace(SETTINGS, **change), 3, names=(PICTURES,))[PICTURES].constants
        for change in ({"power": 3}, {"twice": True})
    )
    assert cubed["anti_concentration"].value > 1.5 * plain["anti_concentration"].value
    assert twice["nested_ratio"].value == pytest.approx(1)
    assert plain["nested_ratio"].value < 0.9


def test_algorithm_5_finds_at_most_all_directions(cartoons):
    assert 0 <= algorithm_5_columns(cartoons, SETTINGS, 3, 64) <= 16


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"patch_side": 2}, "patch_side must be at least 3, got 2"),
        ({"patches_per_picture": 99}, "patches_per_picture must be at least 100"),
        ({"learned_patches": 0}, "learned_patches must be at least 100"),
        ({"power": 0}, "power must be at least 1"),
        ({"expected_active": 0.0}, "expected_active must be above 0"),
    ],
)
def test_impossible_settings_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        StudySettings(**change)


def test_flat_pictures_are_refused():
    flat = [Picture(f"{place}", np.full((20, 20, 1), 0.3)) for place in range(4)]
    with pytest.raises(InputError, match="directions, got 0"):
        study_pictures(flat, SETTINGS, 1, names=(PICTURES,))
