"""W2 of a learned network from its target is between the two sides, and both are exact where the coupling is optimal."""

from dataclasses import fields, replace

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from fsrcheck.errors import InputError
from fsrcheck.model.coupling import coupled, coupling_errors
from fsrcheck.model.families import equicorrelated, independent_channels, overlapping_inhibition
from fsrcheck.model.potentials import check_orthonormal, fitted_quadratic, fitted_separable
from fsrcheck.model.target import TargetNetwork
from fsrcheck.model.wasserstein_bounds import WassersteinBounds, atom_basis, wasserstein_bounds
from tests.model.imperfect import alike_and_rolled, imperfect
from tests.model.test_coupling import of_instance, scaled_first
from tests.model.test_potentials import exact_square

SEEDS = st.integers(0, 2**32)
TARGET = overlapping_inhibition(4, 1.0, seeds=[0, 1], num_patches=2, num_levels=2, patch_dim=5)
WIDE = TARGET.latent_dim + 7


def measured(learned: TargetNetwork, target: TargetNetwork = TARGET, num_samples: int = 8000) -> WassersteinBounds:
    return wasserstein_bounds(learned, target, seeds=[3, 4][: target.batch_size], num_samples=num_samples, num_fit=4000)


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.floats(1e-4, 0.5), st.booleans())
def test_the_lower_bound_is_below_and_not_far(seed: int, noise: float, dictionary: bool) -> None:
    learned = imperfect(TARGET, [seed, seed + 1], noise=noise, dictionary=None if dictionary else 0.0, latent_dim=WIDE)
    bounds = measured(learned)
    lower, upper = bounds.lower_limit(6), bounds.upper_limit(6)
    assert bool((lower <= upper).all())
    assert bool((lower[:, 0] > 0.1 * upper[:, 0]).all())


def test_a_learner_a_factor_larger_is_that_far_away() -> None:
    """x -> 1.1 x is the gradient of a convex function, so that the coupling is optimal."""
    target = independent_channels(8, 2.0, seeds=[0, 1], num_patches=2, patch_dim=9)
    bounds = measured(scaled_first(target, 1.1), target)
    torch.testing.assert_close(bounds.projected.distance, bounds.upper.distance, rtol=2e-3, atol=0)
    torch.testing.assert_close(bounds.gelbrich.distance, bounds.upper.distance, rtol=2e-3, atol=0)


def test_a_wrong_dictionary_is_seen_almost_whole() -> None:
    """A patch read along its atoms is at 0 most of the time: what leaks there has nowhere else to have come from."""
    target = independent_channels(16, 1.0, seeds=[0, 1], patch_dim=20)
    bounds = measured(imperfect(target, [2, 3], dictionary=0.05), target)
    assert bool((bounds.projected.distance > 0.85 * bounds.upper.distance).all())


def test_wrong_correlations_are_seen_by_covariances_only() -> None:
    """Codes right one by one and independent, where the target's go together: no projection on an atom can tell."""
    target = equicorrelated(8, 2.0, seeds=[0, 1], correlation=0.5)
    independent = independent_channels(8, 2.0, seeds=[0, 1])
    learned = TargetNetwork((replace(independent.first, dictionary=target.first.dictionary),))
    bounds = measured(learned, target)
    assert bool((bounds.gelbrich.at_least() > 0.1 * bounds.upper.distance).all())
    assert bool((bounds.projected.at_least() == 0).all())


@settings(max_examples=5, deadline=None)
@given(SEEDS, st.floats(0.01, 0.5))
def test_exact_transport_of_samples_is_between_the_two_sides(seed: int, noise: float) -> None:
    pair = coupled(imperfect(TARGET, [seed, seed + 1], noise=noise, latent_dim=WIDE), TARGET)
    ((own, true),) = pair.codes([seed, seed + 1], "samples", 300)
    one, other = (
        torch.cat([level.flatten(2) for level in network.patches(codes)], dim=2)
        for network, codes in ((pair.learned, own), (TARGET, true))
    )
    exact = exact_square(one, other)
    assert bool((exact <= (one - other).square().sum(dim=2).mean(dim=1) + 1e-10).all())
    separable = fitted_separable(one, other, atom_basis(TARGET)).gains(one, other).sum(dim=2).mean(dim=1)
    quadratic = fitted_quadratic(one, other).gains(one, other).mean(dim=1)
    assert bool((separable <= exact + 1e-10).all())
    assert bool((quadratic <= exact + 1e-10).all())
    assert bool((torch.maximum(separable, quadratic) > 0.05 * exact).all())


@settings(max_examples=5, deadline=None)
@given(SEEDS)
def test_a_learner_of_the_targets_law_is_at_no_distance(seed: int) -> None:
    bounds = measured(imperfect(TARGET, [seed, seed + 1], latent_dim=WIDE))
    assert bool((bounds.lower_limit() == 0).all())
    assert bool((bounds.upper_limit() < 1e-12).all())


def test_a_good_fit_by_chance_is_no_distance() -> None:
    """Level 2 has one law in both networks and little of it in common: potentials on their own samples would see a difference."""
    learned, target = alike_and_rolled(range(50))
    bounds = wasserstein_bounds(learned, target, seeds=range(50), num_samples=500, num_fit=500)
    assert bool((bounds.upper.distance[:, 1] > 1).all())
    for found in (bounds.gelbrich, bounds.projected):
        assert float(found.value[:, 1].mean()) < 3 * float(found.value[:, 1].std()) / 50**0.5


def test_the_upper_bound_is_the_coupling_error() -> None:
    learned = imperfect(TARGET, [1, 2], noise=0.1, latent_dim=WIDE)
    bounds = measured(learned)
    errors = coupling_errors(learned, TARGET, seeds=[5, 6], num_samples=8000)
    sampling = (bounds.upper.error / bounds.upper.distance) + errors.error_rms * 0.02
    assert bool(((bounds.upper.distance - errors.error_rms).abs() < 6 * sampling).all())
    assert bool((sampling < 0.05 * errors.error_rms).all())


def test_projections_and_couplings_of_all_levels_add() -> None:
    bounds = measured(imperfect(TARGET, [1, 2], noise=0.1, latent_dim=WIDE))
    for found in (bounds.upper, bounds.projected):
        torch.testing.assert_close(found.value[:, :-1].sum(dim=1), found.value[:, -1])
    assert bool((bounds.gelbrich.value[:, -1] > 0.9 * bounds.gelbrich.value[:, :-1].sum(dim=1)).all())


def test_neither_chunks_nor_the_rest_of_the_batch_matter() -> None:
    learned = imperfect(TARGET, [1, 2], noise=0.1, latent_dim=WIDE)
    whole = measured(learned, num_samples=1000)
    pieces = wasserstein_bounds(learned, TARGET, seeds=[3, 4], num_samples=1000, num_fit=4000, chunk_size=77)
    alone = wasserstein_bounds(
        of_instance(learned, 1), of_instance(TARGET, 1), seeds=[4], num_samples=1000, num_fit=4000
    )
    for field in fields(whole)[:-1]:
        have, cut, row = (getattr(found, field.name) for found in (whole, pieces, alone))
        torch.testing.assert_close(cut.value, have.value)
        torch.testing.assert_close(cut.error, have.error)
        torch.testing.assert_close(row.value, have.value[1:])


def test_atoms_and_what_is_left_are_an_orthonormal_basis() -> None:
    basis = atom_basis(TARGET)
    assert basis.shape == (2, 20, 20)
    check_orthonormal(basis)
    # the last patch of the last level
    atoms, directions = TARGET.levels[1].dictionary[:, 1], basis[:, 15:, 15:]
    torch.testing.assert_close((atoms * directions[..., :4]).sum(dim=1).abs(), torch.ones(2, 4).double())


@pytest.mark.parametrize("name", ["num_samples", "num_fit"])
def test_a_single_sample_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"{name} must be at least 2"):
        wasserstein_bounds(TARGET, TARGET, seeds=[0, 1], **{"num_samples": 100, "num_fit": 100, name: 1})


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, got none")
def test_the_gpu_agrees() -> None:
    learned = imperfect(TARGET, [1, 2], noise=0.1, latent_dim=WIDE)
    here, there = measured(learned), measured(learned.to("cuda"), TARGET.to("cuda"))
    torch.testing.assert_close(there.lower_limit().cpu(), here.lower_limit(), rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(there.upper_limit().cpu(), here.upper_limit())
