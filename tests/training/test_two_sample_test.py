"""The classifier's test: no false alarms where laws agree, and areas that are those of a plain count."""

import numpy as np
import pytest
import torch
from scipy.stats import mannwhitneyu, norm

from fsrcheck.errors import InputError
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.training.two_sample_test import classifier_test, separation

pytest.importorskip("sklearn")


def normals(seed, count=1000, features=4):
    return standard_normal(streams([seed], "features"), (count, features))[0]


def scores(seed, count, shift=0.0):
    return np.random.default_rng(seed).normal(size=count) + shift


def test_the_area_is_the_share_of_pairs_in_order():
    true, made = np.round(scores(0, 80), 1), np.round(scores(1, 50, 0.5), 1)
    pairs = (made[:, None] > true).mean() + (made[:, None] == true).mean() / 2
    found = separation(true, made)
    assert found.area == pytest.approx(pairs)
    expected = mannwhitneyu(made, true, alternative="greater", use_continuity=False, method="asymptotic")
    assert found.p_value == pytest.approx(expected.pvalue)


@pytest.mark.parametrize("shift", [0.0, 0.5, 1.5])
def test_the_limits_hold_as_often_as_they_say(shift):
    """1000 tries at 95 %: fewer than 930 has probability 0.003 for exact limits."""
    area = norm.cdf(shift / 2**0.5)
    found = [separation(scores(2 * seed, 200), scores(2 * seed + 1, 150, shift)) for seed in range(1000)]
    assert sum(one.lower <= area <= one.upper for one in found) >= 930


def test_perfect_separation_still_has_a_limit():
    found = separation(scores(0, 50), scores(1, 50, 100.0))
    assert found.area == found.upper == 1
    assert 0.9 < found.lower < 0.95  # 1 - 0.025^(1/50)


def test_equal_laws_are_not_told_apart():
    found = [classifier_test(normals(2 * seed), normals(2 * seed + 1), noise=0.0, seed=seed) for seed in range(6)]
    assert all(one.p_value > 1e-4 for one in found)
    assert np.mean([one.area for one in found]) == pytest.approx(0.5, abs=0.03)


def test_another_dependence_is_seen_and_noise_hides_what_is_smaller():
    true, made = normals(0, 4000), normals(1, 4000)
    made[:, 0] = made[:, 1].sign() * made[:, 0].abs()
    assert classifier_test(true, made, noise=0.1, seed=0).area > 0.6
    lattice = torch.where(normals(2, 4000) > 1, 1.0, 0.0).double()
    moved = torch.where(normals(3, 4000) > 1, 1.0, 0.0).double() + 1e-3
    assert classifier_test(lattice, moved, noise=0.0, seed=0).area == 1
    assert classifier_test(lattice, moved, noise=0.3, seed=0).p_value > 1e-4


def test_the_same_seed_gives_the_same_answer():
    first, again = (classifier_test(normals(0), normals(1), noise=0.1, seed=3) for _ in range(2))
    assert first == again


@pytest.mark.parametrize(
    ("true", "made", "noise"),
    [
        (normals(0, 30), normals(1), 0.1),
        (normals(0), normals(1, features=3), 0.1),
        (normals(0), normals(1) * torch.nan, 0.1),
        (normals(0), normals(1), -0.1),
        (normals(0), normals(1), float("nan")),
    ],
)
def test_bad_input_is_refused(true, made, noise):
    with pytest.raises(InputError, match=r"must (be|not)"):
        classifier_test(true, made, noise=noise, seed=0)
