"""Every family is a function of its seeds, has the activity it promises, and refuses impossible sizes."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from fsrcheck.errors import InputError
from fsrcheck.model.families import FAMILIES
from fsrcheck.model.single_level import (
    cross_patch_correlated,
    equicorrelated,
    independent_channels,
    non_orthonormal_dictionary,
    one_correlated_pair,
)
from fsrcheck.model.streams import streams
from fsrcheck.model.target import TargetNetwork, orthonormality_defect

MULTILEVEL = [name for name in FAMILIES if FAMILIES[name](8, 1, seeds=[0]).num_levels > 1]


def _correlations(target: TargetNetwork) -> torch.Tensor:
    rows = target.first.latent_weights[0].flatten(0, 1)
    unit = rows / rows.norm(dim=1, keepdim=True)
    return unit @ unit.T


@pytest.mark.parametrize("name", FAMILIES)
def test_a_batch_equals_a_loop(name: str) -> None:
    batch = FAMILIES[name](8, 1, seeds=[5, 6])
    for row, seed in enumerate([5, 6]):
        alone = FAMILIES[name](8, 1, seeds=[seed])
        for together, single in zip(batch.levels, alone.levels, strict=True):
            for field, tensor in vars(single).items():
                other = getattr(together, field)
                expected = other if field == "parents" else other[row : row + 1]
                torch.testing.assert_close(tensor, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", sorted(set(FAMILIES) - {"non_orthonormal_dictionary"}))
def test_dictionaries_are_orthonormal_and_differ_between_seeds_and_levels(name: str) -> None:
    target = FAMILIES[name](8, 1, seeds=[5, 6], patch_dim=11)
    target.validate()
    dictionaries = [matrix[:, :4] for level in target.levels for matrix in level.dictionary.flatten(0, 1)]
    products = [(a[:, :2] - b[:, :2]).norm() for i, a in enumerate(dictionaries) for b in dictionaries[:i]]
    assert min(products) > 0.1


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 40), st.floats(0.05, 0.95), st.integers(0, 2**32))
def test_first_level_units(num_channels: int, share: float, seed: int) -> None:
    """Pr[S > 0] = k/m and E[S | S > 0] = 1 against 10^5 samples, to five standard errors."""
    target = independent_channels(num_channels, share * num_channels, seeds=[seed])
    one_neuron = TargetNetwork((type(target.first)(*(t[..., :1, :] for t in _first_neurons(target))),))
    codes = one_neuron.sample_codes(streams([seed], "x"), 100_000 // num_channels)[0]
    active = codes > 0
    error = (share * (1 - share) / active.numel()) ** 0.5
    assert abs(active.double().mean() - share) < 5 * error
    positive = codes[active]
    assert abs(positive.mean() - 1) < 6 * positive.std() / len(positive) ** 0.5


def _first_neurons(target: TargetNetwork) -> list[torch.Tensor]:
    first = target.first
    return [first.dictionary.transpose(-1, -2), first.latent_weights, first.thresholds[..., None]]


def test_correlations_are_those_asked_for() -> None:
    eye = torch.eye(4, dtype=torch.float64)
    block = torch.kron(torch.eye(2), torch.ones(4, 4)).double()
    same_channel = torch.kron(torch.ones(2, 2), torch.eye(4)).double()
    both = torch.eye(8, dtype=torch.float64)
    expected = {
        independent_channels(4, 1, seeds=[1], num_patches=2): both,
        equicorrelated(4, 1, seeds=[1], num_patches=2, correlation=0.3): 0.7 * both + 0.3 * block,
        cross_patch_correlated(4, 1, seeds=[1], correlation=0.4): 0.6 * both + 0.4 * same_channel,
    }
    for target, correlations in expected.items():
        torch.testing.assert_close(_correlations(target), correlations)
    pair = eye.clone()
    pair[0, 1] = pair[1, 0] = 0.9
    torch.testing.assert_close(_correlations(one_correlated_pair(4, 1, seeds=[1])), pair)


def test_coherence_is_that_asked_for() -> None:
    dictionary = non_orthonormal_dictionary(6, 1, seeds=[1], patch_dim=9, coherence=0.1).first.dictionary
    torch.testing.assert_close(orthonormality_defect(dictionary), torch.full((1, 1), 0.1, dtype=torch.float64))
    torch.testing.assert_close(dictionary.norm(dim=-2), torch.ones(1, 1, 6, dtype=torch.float64))


@pytest.mark.parametrize("name", MULTILEVEL)
def test_every_neuron_of_a_higher_level_clears_its_threshold_as_often_as_promised(name: str) -> None:
    """Calibrated on 1024 exceedances, checked on 40000 samples: within a quarter of k/m and of 1."""
    target = FAMILIES[name](8, 1.5, seeds=[3], num_levels=2)
    codes = target.sample_codes(streams([3], "x"), 40_000)[1]
    active = (codes > 0).double().mean(dim=1)
    channels = codes.shape[-1]
    expected = {"paper_example": 0.75}.get(name, 1.5) / channels
    assert (active / expected - 1).abs().max() < 0.25
    means = codes.sum(dim=1) / (codes > 0).sum(dim=1)
    assert (means - 1).abs().max() < 0.25


def test_the_papers_example_has_one_parent_disjoint_supports_and_fewer_channels() -> None:
    target = FAMILIES["paper_example"](16, 2, seeds=[1], num_levels=3)
    for below, level in zip(target.levels, target.higher, strict=False):
        assert level.parents.shape[1] == 1
        assert level.weights.shape[2] <= below.thresholds.shape[2]
        assert level.weights.shape[1] >= below.thresholds.shape[1]
        assert ((level.weights != 0).sum(dim=2) <= 1).all()
    assert [level.parents.flatten().tolist() for level in target.higher] == [[0, 0], [0, 0, 1, 1]]


def test_inhibition_overlaps_and_excitation_does_not() -> None:
    (level,) = FAMILIES["overlapping_inhibition"](16, 2, seeds=[1]).higher
    assert ((level.weights > 0).sum(dim=2) == 1).all()
    assert ((level.weights < 0).sum(dim=3) == 4).all()
    assert (level.weights < 0).sum(dim=2).max() > 1


REFUSED = {
    "num_channels": {"num_channels": 1, "expected_active": 0.5},
    "expected_active": {"num_channels": 8, "expected_active": 8},
    "expected_active ": {"num_channels": 8, "expected_active": 0},
    "expected_active  ": {"num_channels": 8, "expected_active": float("nan")},
    "num_patches": {"num_patches": 0},
    "patch_dim": {"patch_dim": 7},
    "seeds": {"seeds": []},
}


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("argument", REFUSED)
def test_impossible_sizes_are_refused(name: str, argument: str) -> None:
    arguments = {"num_channels": 8, "expected_active": 1, "seeds": [1], **REFUSED[argument]}
    with pytest.raises(InputError, match=f"{argument.strip()} must be|{argument.strip()} must name"):
        FAMILIES[name](**arguments)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("equicorrelated", {"correlation": 1.0}, "correlation must be in"),
        ("one_correlated_pair", {"correlation": -0.1}, "correlation must be in"),
        ("cross_patch_correlated", {"num_patches": 1}, "num_patches must be at least 2"),
        ("non_orthonormal_dictionary", {"coherence": 1.0}, "coherence must be in"),
        ("disjoint_supports", {"num_parents": 3}, "num_parents must be 1 or 2"),
        ("disjoint_supports", {"num_levels": 0}, "num_levels must be at least 1"),
        ("disjoint_supports", {"num_levels": 3}, "num_patches must be at least 4"),
        ("overlapping_inhibition", {"num_inhibitory": 8}, "num_inhibitory must be in"),
        ("paper_example", {"num_levels": 4}, "num_channels must be a multiple"),
        ("overlapping_inhibition", {"expected_active": 7}, "expected_active must be small enough"),
    ],
)
def test_impossible_options_are_refused(name: str, arguments: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        FAMILIES[name](**{"num_channels": 8, "expected_active": 1, "seeds": [1], **arguments})
