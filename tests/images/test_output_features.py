"""Columns as features: cosines, colours, and what is compared with chance."""

import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.images.output_features import (
    best_match,
    cosines,
    gaussian_columns,
    mean_square_cosine,
    one_colour_share,
)


def columns(number: int = 20, seed: int = 0) -> torch.Tensor:
    return torch.randn(number, 3, 6, 6, generator=torch.Generator().manual_seed(seed))


def test_orthogonal_columns_have_no_cosine_and_equal_ones_have_one():
    eye = torch.eye(108)[:10].reshape(10, 3, 6, 6)
    assert mean_square_cosine(eye) == 0
    assert mean_square_cosine(torch.ones(5, 3, 6, 6)) == pytest.approx(1)
    assert mean_square_cosine(-columns(2) * 7) == pytest.approx(mean_square_cosine(columns(2)))


def test_random_columns_have_one_over_their_dimension():
    assert mean_square_cosine(columns(2000)) * 108 == pytest.approx(1, abs=0.02)


def test_a_column_of_zeros_is_orthogonal_to_all():
    given = columns(3)
    given[0] = 0
    assert not cosines(given, given)[0].any()


def test_fewer_than_two_columns_have_no_pairs():
    with pytest.raises(InputError, match="columns must be at least 2, got 1"):
        mean_square_cosine(columns(1))


def test_one_pattern_times_one_colour_is_all_of_its_energy():
    colour, pattern = torch.tensor([1.0, -2.0, 0.5]), torch.randn(6, 6, generator=torch.Generator().manual_seed(1))
    pure = (colour[:, None, None] * pattern)[None]
    assert float(one_colour_share(pure)) == pytest.approx(1)
    second = torch.zeros(3, 6, 6)
    second[0, 0, 0] = second[1, 1, 1] = second[2, 2, 2] = 1
    assert float(one_colour_share(second[None])) == pytest.approx(1 / 3)
    assert float(one_colour_share(torch.zeros(1, 3, 6, 6))) == 0


def test_the_best_match_is_over_columns_and_of_either_sign():
    given = columns()
    assert best_match(-given[:7], given) == pytest.approx(1)
    by_hand = [
        max(abs(torch.cosine_similarity(row.flatten(), column.flatten(), dim=0)) for column in given[10:])
        for row in given[:3]
    ]
    assert best_match(given[:3], given[10:]) == pytest.approx(float(torch.stack(by_hand).mean()), rel=1e-5)


def test_gaussian_columns_have_the_mean_and_covariance():
    given = columns(60) * torch.linspace(0.1, 3, 36).reshape(6, 6) + 0.3
    drawn = torch.stack([gaussian_columns(given, seed).flatten(1) for seed in range(400)])
    flat = given.double().flatten(1)
    torch.testing.assert_close(drawn.mean(dim=(0, 1)), flat.mean(dim=0), atol=0.12, rtol=0)
    centred = drawn.flatten(0, 1) - flat.mean(dim=0)
    spread = centred.mT @ centred / len(centred)
    assert float((spread - flat.mT.cov()).norm() / flat.mT.cov().norm()) < 0.1
    assert torch.equal(gaussian_columns(given, 3), gaussian_columns(given, 3))
