"""Correlations of all pairs: unit rows, what the assumptions say of them, low rank, and what is refused."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.gaussian import relu_mean, tail
from fsrcheck.model.assumptions import measure_assumptions
from fsrcheck.model.families import FAMILIES
from fsrcheck.model.premises import AssumptionConstants, premises
from fsrcheck.model.scattered_level import GRID, scattered_correlations
from fsrcheck.model.single_level import neuron_units
from fsrcheck.model.target import TargetNetwork

SIZES = ((6, 1, 1.0), (8, 4, 1.0), (12, 2, 1.5), (16, 4, 1.5), (20, 2, 1.5), (24, 2, 1.5), (32, 2, 2.0), (64, 4, 2.0))


def gram_of(target: TargetNetwork) -> Tensor:
    """Correlations (batch, neuron, neuron)."""
    rows = target.first.latent_weights.flatten(1, 2)
    unit = rows / rows.norm(dim=-1, keepdim=True)
    return unit @ unit.mT


def margins_of(target: TargetNetwork, expected_active: float) -> dict[str, Tensor]:
    measured = measure_assumptions(target, seeds=range(target.batch_size))
    return premises(measured, AssumptionConstants.defaults(expected_active, measured.patch_dim))


@pytest.mark.parametrize(("num_channels", "num_patches", "expected_active"), SIZES)
def test_the_sizes_that_statements_use_satisfy_the_assumptions(
    num_channels: int, num_patches: int, expected_active: float
) -> None:
    target = scattered_correlations(num_channels, expected_active, seeds=[11, 12, 13], num_patches=num_patches)
    for name, margin in margins_of(target, expected_active).items():
        assert bool((margin >= 0).all()), name


def test_correlations_that_no_vectors_have_are_refused() -> None:
    with pytest.raises(InputError, match="spread and across must be such that the Gram matrix has eigenvalues"):
        scattered_correlations(32, 2.0, seeds=[1], num_patches=2, spread=0.99, across=0.9)


@settings(max_examples=25, deadline=None)
@given(
    num_channels=st.integers(2, 12),
    num_patches=st.integers(1, 4),
    spread=st.floats(0.0, 0.5),
    across=st.floats(0.0, 0.3),
    seed=st.integers(0, 2**32),
)
def test_the_gram_matrix_is_as_described(
    num_channels: int, num_patches: int, spread: float, across: float, seed: int
) -> None:
    target = scattered_correlations(
        num_channels, 0.4 * num_channels, seeds=[seed], num_patches=num_patches, spread=spread, across=across
    )
    target.validate()
    gram = gram_of(target)[0]
    size = num_channels * num_patches
    torch.testing.assert_close(torch.diagonal(gram), torch.ones(size, dtype=torch.float64), rtol=0, atol=1e-12)
    off_grid = gram / GRID - (gram / GRID).round()
    assert float(off_grid.abs().max()) * GRID < 1e-12
    limit = 3 * spread / (2 * size**0.5) + GRID / 2
    patch, channel = torch.arange(size) // num_channels, torch.arange(size) % num_channels
    twins = (channel[:, None] == channel) & (patch[:, None] != patch)
    plain = ~twins & ~torch.eye(size, dtype=torch.bool)
    assert float(torch.where(plain, gram, 0.0).abs().max()) <= limit + 1e-12
    if num_patches > 1:
        apart = gram[twins].abs() - across / (num_patches - 1)
        assert float(apart.abs().max()) <= limit + GRID / 2 + 1e-12


def test_neurons_have_the_rate_that_is_asked_for_and_mean_one_when_active() -> None:
    first = scattered_correlations(24, 1.5, seeds=[3, 4], num_patches=2).first
    scales = first.latent_weights.norm(dim=-1)
    heights = first.thresholds / scales
    torch.testing.assert_close(tail(heights), torch.full_like(heights, 1.5 / 24), rtol=1e-12, atol=0)
    torch.testing.assert_close(scales * relu_mean(heights) / tail(heights), torch.ones_like(heights))


def test_twins_are_correlated_with_both_signs_and_instances_differ() -> None:
    gram = gram_of(scattered_correlations(32, 2.0, seeds=[1, 2], num_patches=2, spread=0.1))
    twins = torch.diagonal(gram[:, :32, 32:], dim1=1, dim2=2)
    assert bool((twins > 0.2).any(dim=1).all())
    assert bool((twins < -0.2).any(dim=1).all())
    assert not torch.equal(gram[0], gram[1])


@pytest.mark.parametrize("rank", [5, 23, 24])
def test_a_rank_is_that_of_the_rows_and_these_stay_unit(rank: int) -> None:
    target = scattered_correlations(12, 1.5, seeds=[5, 6], num_patches=2, rank=rank)
    target.validate()
    gram = gram_of(target)
    values = torch.linalg.eigvalsh(gram)
    assert (values > 1e-9).sum(dim=-1).tolist() == [rank, rank]
    scales = target.first.latent_weights.norm(dim=-1)
    torch.testing.assert_close(scales, torch.full_like(scales, neuron_units(1.5 / 12)[1]))


def test_full_rank_by_number_is_the_default() -> None:
    plain, same = (scattered_correlations(8, 1.0, seeds=[7], num_patches=2, rank=r) for r in (0, 16))
    torch.testing.assert_close(gram_of(same), gram_of(plain), rtol=0, atol=1e-12)


def test_an_instance_is_a_function_of_its_seed_alone() -> None:
    together = scattered_correlations(8, 1.0, seeds=[4, 5, 6], num_patches=3)
    alone = scattered_correlations(8, 1.0, seeds=[5], num_patches=3)
    assert torch.equal(together.first.latent_weights[1], alone.first.latent_weights[0])
    assert torch.equal(together.first.dictionary[1], alone.first.dictionary[0])


def test_it_is_one_of_the_families() -> None:
    assert FAMILIES["scattered_correlations"] is scattered_correlations


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rank": 17}, r"rank must be in 0\.\.16, got 17"),
        ({"rank": -1}, r"rank must be in 0\.\.16, got -1"),
        ({"spread": -0.1}, r"spread must be at least 0 and below 1, got -0\.1"),
        ({"spread": float("nan")}, "spread must be at least 0 and below 1, got nan"),
        ({"across": 1.0}, r"across must be at least 0 and below 1, got 1\.0"),
        ({"num_patches": 0}, "num_patches must be at least 1, got 0"),
        ({"seeds": []}, "seeds must name at least one instance, got none"),
    ],
)
def test_unusable_input_is_refused(changes: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        scattered_correlations(8, 1.0, **{"seeds": [1], "num_patches": 2, **changes})
