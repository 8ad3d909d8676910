"""Columns are matched one to one, without flipping signs."""

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.alignment import match_columns
from fsrcheck.model.dictionaries import haar_dictionaries
from fsrcheck.model.streams import standard_normal, streams

SEEDS = st.integers(0, 2**32)


def _dictionary(seeds: list[int], patch_dim: int = 9, num_channels: int = 6) -> Tensor:
    return haar_dictionaries(streams(seeds, "dictionary"), 1, patch_dim, num_channels)[:, 0]


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.permutations(range(6)))
def test_permuting_the_learned_columns_permutes_the_matching(seed: int, order: list[int]) -> None:
    atoms = _dictionary([seed])
    noise = 0.05 * standard_normal(streams([seed], "noise"), (9, 6))
    plain = match_columns(atoms + noise, atoms)
    mixed = match_columns((atoms + noise)[..., order], atoms)
    assert torch.equal(torch.tensor(order)[mixed.permutation[0]], plain.permutation[0])
    torch.testing.assert_close(mixed.errors, plain.errors)
    torch.testing.assert_close(plain.errors, noise.norm(dim=1))


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_rotating_both_changes_no_error(seed: int) -> None:
    atoms = _dictionary([seed])
    learned = atoms + 0.3 * standard_normal(streams([seed], "noise"), (9, 6))
    rotation = haar_dictionaries(streams([seed], "rotation"), 1, 9, 9)[:, 0]
    torch.testing.assert_close(
        match_columns(rotation @ learned, rotation @ atoms).errors, match_columns(learned, atoms).errors
    )


def test_a_batch_equals_a_loop() -> None:
    seeds = [1, 2, 3]
    atoms = _dictionary(seeds)
    learned = atoms + 0.3 * standard_normal(streams(seeds, "noise"), (9, 6))
    batch = match_columns(learned, atoms)
    for row in range(3):
        single = match_columns(learned[row : row + 1], atoms[row : row + 1])
        assert torch.equal(single.permutation[0], batch.permutation[row])
        assert torch.equal(single.errors[0], batch.errors[row])


def test_an_atom_without_a_column_has_infinite_error() -> None:
    atoms = _dictionary([4])
    alignment = match_columns(atoms[..., [2, 0]], atoms)
    assert alignment.permutation.tolist() == [[1, -1, 0, -1, -1, -1]]
    assert alignment.num_found.tolist() == [2]
    assert torch.isinf(alignment.dictionary_error).all()


def test_a_column_is_given_to_one_atom_only() -> None:
    atoms = _dictionary([5])
    learned = atoms.clone()
    learned[..., 1] = learned[..., 0]
    errors = match_columns(learned, atoms).errors[0]
    assert sorted(errors.tolist())[-1] == pytest.approx(np.sqrt(2))


def test_a_flipped_sign_is_an_error_of_two() -> None:
    atoms = _dictionary([6])
    assert match_columns(-atoms[..., :1], atoms[..., :1]).errors.item() == pytest.approx(2.0)


def test_a_column_of_nan_is_nobodys_partner() -> None:
    atoms = _dictionary([7])
    learned = atoms.clone()
    learned[0, 0, 3] = torch.nan
    assert match_columns(learned, atoms).permutation[0, 3] == -1


def test_no_columns_at_all() -> None:
    atoms = _dictionary([8])
    assert torch.isinf(match_columns(atoms[..., :0], atoms).errors).all()


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="must agree"):
        match_columns(torch.zeros(1, 3, 2), torch.zeros(1, 4, 2))
