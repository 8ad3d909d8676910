"""Patches, whitening, codes, their counts and constants, and the controls."""

from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fsrcheck.errors import InputError
from fsrcheck.images import patch_controls, patch_dictionaries
from fsrcheck.images.patch_codes import code_reader, energy_count
from fsrcheck.images.patch_constants import Chosen, estimates, statistics
from fsrcheck.images.patch_counts import DELTAS, picture_means, triple_places
from fsrcheck.images.patch_dictionaries import algorithm_5, fast_ica, random_basis, signed
from fsrcheck.images.patches import Halves, patch_halves, picture_patches, split_pictures
from fsrcheck.images.pictures import Picture
from fsrcheck.images.whitening import whitening_of

QUICK = settings(deadline=None, max_examples=20)
SEEDS = st.integers(0, 2**32 - 1)


def drawn(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def pictures(number=6, size=16, channels=1):
    generator = np.random.default_rng(number)
    return [Picture(f"p{place}", generator.random((size, size, channels))) for place in range(number)]


def sparse_codes(num_pictures=3, num_samples=200, channels=8, seed=0):
    return (drawn(num_pictures, num_samples, channels, seed=seed) - 1).clamp(min=0)


@QUICK
@given(SEEDS, st.integers(4, 9))
def test_no_picture_is_on_both_sides_of_a_split(seed, number):
    learn, test = split_pictures(pictures(number), seed)
    names = [picture.name for picture in (*learn, *test)]
    assert sorted(names) == [f"p{place}" for place in range(number)]
    assert len(test) - len(learn) in (0, 1)


def test_splits_differ_with_the_seed_and_need_four_pictures():
    assert len({tuple(p.name for p in split_pictures(pictures(6), seed)[0]) for seed in range(20)}) > 5
    with pytest.raises(InputError, match="pictures must be at least 4"):
        split_pictures(pictures(3), 0)


@QUICK
@given(SEEDS)
def test_patches_are_cut_out_of_the_picture(seed):
    (picture,) = pictures(1, size=7, channels=3)
    found = picture_patches(picture, 3, 10, np.random.default_rng(seed)).numpy().reshape(10, 3, 3, 3)
    cut = [picture.pixels[row : row + 3, column : column + 3] for row in range(5) for column in range(5)]
    places = [next(place for place, one in enumerate(cut) if np.array_equal(one, patch)) for patch in found]
    assert len(set(places)) == 10


def test_places_repeat_only_where_there_are_too_few():
    (picture,) = pictures(1, size=4)
    found = picture_patches(picture, 3, 50, np.random.default_rng(0))
    assert len(found.unique(dim=0)) == 4
    with pytest.raises(InputError, match="at least 5 pixels wide and high, got 4 x 4"):
        picture_patches(picture, 5, 1, np.random.default_rng(0))


@QUICK
@given(SEEDS)
def test_whitened_patches_have_no_mean_and_unit_covariance_and_can_be_restored(seed):
    turned = torch.linalg.qr(drawn(9, 9, seed=seed + 1)).Q  # any matrix may be singular, and directions be dropped
    patches = drawn(2, 100, 9, seed=seed) * torch.arange(1, 10) @ turned + 3
    whitening = whitening_of(patches)
    rows = whitening.whiten(patches).flatten(0, 1)
    assert torch.allclose(rows.mean(dim=0), torch.zeros(9, dtype=torch.float64), atol=1e-9)
    assert torch.allclose(rows.mT @ rows / 200, torch.eye(9, dtype=torch.float64), atol=1e-8)
    assert torch.allclose(whitening.restore(rows), patches.flatten(0, 1), atol=1e-8)


def test_directions_without_variance_are_dropped_and_too_few_are_refused():
    patches = drawn(2, 100, 9)
    doubled = torch.cat([patches, patches], dim=2)
    assert whitening_of(doubled).rank == 9
    with pytest.raises(InputError, match="at least 8 directions, got 7"):
        whitening_of(patches[..., :7])
    with pytest.raises(InputError, match="at least 18, twice their directions"):
        whitening_of(patches[:, :8])
    with pytest.raises(InputError, match="directions, got 0"):
        whitening_of(torch.ones(2, 100, 9, dtype=torch.float64))


@QUICK
@given(SEEDS, st.sampled_from([1.0, 2.0, 3.5]))
def test_every_channel_is_active_with_probability_k_over_m_and_one_in_the_mean(seed, k):
    patches = drawn(4, 250, 9, seed=seed)
    whitening = whitening_of(patches)
    reader = code_reader(whitening, random_basis(9, seed), patches, k)
    codes = reader.codes(reader.readings(patches)).flatten(0, 1)
    assert torch.allclose((codes > 0).double().mean(dim=0), torch.full((9,), k / 9, dtype=torch.float64), atol=2e-3)
    assert torch.allclose(codes.sum(dim=0) / (codes > 0).sum(dim=0), torch.ones(9, dtype=torch.float64))
    with pytest.raises(InputError, match="expected_active must be above 0"):
        code_reader(whitening, random_basis(9, seed), patches, 5)


@QUICK
@given(SEEDS, st.floats(0.1, 1), st.floats(0.1, 100))
def test_the_number_of_coefficients_is_the_least_and_does_not_depend_on_contrast(seed, share, contrast):
    readings = drawn(5, 6, seed=seed)
    found = energy_count(readings, share)
    for row, count in zip(readings, found, strict=True):
        ordered = row.square().sort(descending=True).values
        assert ordered[:count].sum() >= share * ordered.sum() * (1 - 1e-12)
        assert count == 1 or ordered[: count - 1].sum() < share * ordered.sum()
    assert torch.equal(energy_count(contrast * readings, share), found)


def test_counts_are_those_of_a_plain_loop():
    codes = sparse_codes(2, 60, 5)
    means = picture_means(codes)
    active = codes > 0
    for place, (p, q, r) in enumerate(combinations(range(5), 3)):
        assert triple_places(5)[:, place].tolist() == [p, q, r]
        together = active[..., p] & active[..., q] & active[..., r]
        assert torch.allclose(means.triples[:, place], together.double().mean(dim=1))
    for p, q in [(0, 1), (3, 2), (4, 4)]:
        both = active[..., p] & active[..., q]
        assert torch.allclose(means.pairs[:, p, q], both.double().mean(dim=1))
        assert torch.allclose(means.gated[:, p, q], (active[..., p] * codes[..., q]).mean(dim=1))
        small = both & (codes[..., p] <= DELTAS[2])
        assert torch.allclose(means.pair_below[:, 2, p, q], small.double().mean(dim=1))


@QUICK
@given(SEEDS)
def test_constants_do_not_depend_on_the_order_of_channels_or_pictures(seed):
    codes = sparse_codes(seed=seed % 1000)
    generator = np.random.default_rng(seed)
    turned = codes[generator.permutation(3)][..., generator.permutation(8)]
    found, other = (
        {
            name: float(statistic(torch.full((1, 3), 1 / 3))[0])
            for name, statistic in statistics(means, Chosen.on(means)).items()
        }
        for means in map(picture_means, (codes, turned))
    )
    for one in (found, other):
        del one["chosen_pair_excess"]  # of two pairs that are equally frequent either may be chosen
    assert other == pytest.approx(found, rel=1e-9)


def test_independent_channels_have_no_excess_and_a_doubled_channel_is_nested_and_degenerate():
    codes = sparse_codes(4, 20_000)
    means = picture_means(codes)
    found = estimates(statistics(means, Chosen.on(means)), 4, 1)
    assert found["pair_excess"].value == pytest.approx(1, abs=0.02)
    assert found["nested_ratio"].value < 0.2
    codes[..., 1] = codes[..., 0]
    means = picture_means(codes)
    twice = estimates(statistics(means, Chosen.on(means)), 4, 1)
    assert Chosen.on(means).pair in ((0, 1), (1, 0))
    assert twice["nested_ratio"].value == pytest.approx(1)
    assert twice["sigma_min"].value < 1e-9 < 0.1 < found["sigma_min"].value


def test_intervals_are_wide_where_pictures_differ_and_points_where_they_do_not():
    one = sparse_codes(1, 500)
    alike = picture_means(one.expand(4, -1, -1))
    differing = picture_means(torch.cat([one, one * 0, one, one * 0]))
    same = estimates(statistics(alike, Chosen.on(alike)), 4, 3)["activation_probability"]
    wide = estimates(statistics(differing, Chosen.on(differing)), 4, 3)["activation_probability"]
    assert same.low == pytest.approx(same.high)
    assert wide.low < 0.6 * wide.value < 1.4 * wide.value < wide.high


def controls_of(halves, seed=7):
    whitening = whitening_of(halves.learn)
    return whitening, {
        "gaussian": patch_controls.gaussian(halves, whitening, seed),
        "normalised": patch_controls.contrast_normalised(halves, whitening),
        "mixture": patch_controls.scale_mixture(halves, whitening, seed),
        "sparse": patch_controls.sparse(halves, 2.0, seed),
    }


def test_controls_share_what_they_are_meant_to_share():
    skewed = Halves(drawn(3, 4000, 9).pow(3) + 1, drawn(3, 100, 9, seed=1).pow(3) + 1)
    whitening, found = controls_of(skewed)
    assert all(one.learn.shape == skewed.learn.shape and one.test.shape == skewed.test.shape for one in found.values())
    rows = {name: whitening.whiten(one.learn).flatten(0, 1) for name, one in found.items()}
    own = whitening.whiten(skewed.learn).flatten(0, 1)
    assert torch.allclose(rows["gaussian"].mT @ rows["gaussian"] / 12000, torch.eye(9, dtype=torch.float64), atol=0.1)
    assert torch.allclose(rows["normalised"].norm(dim=1), torch.full((12000,), 3.0, dtype=torch.float64))
    assert torch.allclose(torch.linalg.vecdot(rows["normalised"], own), 3 * own.norm(dim=1))
    assert torch.allclose(rows["mixture"].norm(dim=1), own.norm(dim=1))
    assert abs(torch.linalg.vecdot(rows["mixture"], own).mean() / own.square().sum(dim=1).mean()) < 0.05


@pytest.mark.parametrize("size", [8, 9])
def test_scrambled_phases_keep_the_spectrum_and_the_mean_and_nothing_else(size):
    (picture,) = pictures(1, size=size, channels=3)
    found = patch_controls.phase_scrambled_picture(picture, 3)
    spectra = [np.abs(np.fft.fft2(one.pixels, axes=(0, 1))) for one in (picture, found)]
    assert np.allclose(*spectra)
    assert np.allclose(found.pixels.mean(axis=(0, 1)), picture.pixels.mean(axis=(0, 1)))
    crossed = [np.cov(one.pixels.reshape(-1, 3).T) for one in (picture, found)]
    assert np.allclose(*crossed)
    assert np.abs(found.pixels - picture.pixels).max() > 0.1
    assert np.array_equal(found.pixels, patch_controls.phase_scrambled_picture(picture, 3).pixels)


def test_both_learners_find_the_dictionary_of_sparse_codes():
    blank = torch.zeros(2, 4000, 16, dtype=torch.float64)
    halves = patch_controls.sparse(Halves(blank, blank), 2.0, 5)
    whitening = whitening_of(halves.learn)
    learned = fast_ica(whitening.whiten(halves.learn.flatten(0, 1)), 5)
    assert learned.converged
    assert torch.allclose(learned.atoms.mT @ learned.atoms, torch.eye(16, dtype=torch.float64), atol=1e-10)
    readings = whitening.whiten(halves.test) @ learned.atoms
    assert float(readings.pow(4).mean(dim=(0, 1)).amin()) > 8
    found = algorithm_5(whitening, halves.learn.flatten(0, 1), 5, 500).atoms
    assert found.shape[1] == 16
    assert float((found.mT @ learned.atoms).abs().amax(dim=1).amin()) > 0.9


def test_what_breaks_down_in_single_precision_is_learned_in_double(monkeypatch):
    rows = patch_dictionaries._independent_rows
    patches = drawn(1, 2000, 8).exp()
    whitened = whitening_of(patches).whiten(patches[0])
    usual = fast_ica(whitened, 5)

    def breaks_down(patches, state):
        return None if patches.dtype == np.float32 else rows(patches, state)

    monkeypatch.setattr(patch_dictionaries, "_independent_rows", breaks_down)
    learned = fast_ica(whitened, 5)
    assert learned.converged
    assert torch.allclose(learned.atoms, usual.atoms, atol=1e-3)
    monkeypatch.setattr(patch_dictionaries, "_independent_rows", lambda patches, state: None)
    with pytest.raises(np.linalg.LinAlgError, match="seed 5"):
        fast_ica(whitened, 5)


@pytest.mark.parametrize("raises", [True, False])
def test_rows_that_are_no_numbers_are_none(monkeypatch, raises):
    class Broken:
        components_, n_iter_ = np.full((3, 3), np.nan), 1

        def __init__(self, **settings):
            pass

        def fit(self, patches):
            if raises:
                raise np.linalg.LinAlgError

    monkeypatch.setattr("sklearn.decomposition.FastICA", Broken)
    assert patch_dictionaries._independent_rows(np.ones((5, 3)), 0) is None


def test_signs_give_a_positive_third_moment():
    rows = drawn(500, 4).exp()
    rows = rows - rows.mean(dim=0)
    atoms = torch.eye(4, dtype=torch.float64) * torch.tensor([1.0, -1, 1, -1])
    assert torch.equal(signed(atoms, rows), torch.eye(4, dtype=torch.float64))


def test_patches_of_the_two_sides_are_drawn_apart():
    own = pictures(2)
    halves = patch_halves(own, own, 3, 20, 1)
    assert halves.patch_dim == 9
    assert not torch.equal(halves.learn, halves.test)
