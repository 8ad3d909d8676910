"""Distances between samples: below exact optimal transport, exact where closed forms are known, honest about sampling."""

from dataclasses import astuple

import hypothesis.strategies as st
import numpy as np
import ot
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.wasserstein import (
    difference_basis,
    dual_bound,
    gelbrich_distance,
    line_distances,
    projected_distance,
    sample_bounds,
)
from tests.model.test_potentials import DIM, SEEDS, exact_square, orthonormal, sample, sparse


def covariance(seed: int, purpose: str, rank: int = DIM) -> Tensor:
    factor = sample(seed, purpose, DIM, rank)
    return factor @ factor.mT


def biased_moments(samples: Tensor) -> tuple[Tensor, Tensor]:
    """The moments of the empirical law itself."""
    mean = samples.mean(dim=1)
    centred = samples - mean[:, None]
    return mean, centred.mT @ centred / samples.shape[1]


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.floats(-0.5, 1), st.floats(0, 1))
def test_exact_transport_is_between_the_bounds_and_the_coupling(seed: int, threshold: float, noise: float) -> None:
    first = sparse(seed, "first", 200, threshold)
    second = first + noise * sample(seed, "noise", 200)
    exact = exact_square(first, second).sqrt()
    cost = (first - second).square().sum(dim=2).mean(dim=1).sqrt()
    gelbrich = gelbrich_distance(*biased_moments(first), *biased_moments(second))
    assert bool((exact <= cost + 1e-7).all())
    assert bool((gelbrich <= exact + 1e-7).all())
    for basis in (orthonormal(seed), orthonormal(seed, 1), difference_basis(first, second)):
        assert bool((projected_distance(first, second, basis) <= exact + 1e-7).all())


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_gelbrich_agrees_with_an_optimal_transport_library(seed: int) -> None:
    one, two = covariance(seed, "one"), covariance(seed, "two")
    means = sample(seed, "means", 2)
    found = gelbrich_distance(means[:, 0], one, means[:, 1], two)
    for row in range(2):
        law = means[row, 0], means[row, 1], one[row], two[row]
        wanted = ot.gaussian.bures_wasserstein_distance(*(part.numpy() for part in law))
        assert float(found[row]) == pytest.approx(float(wanted), rel=1e-6)


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.integers(1, DIM), st.integers(1, DIM))
def test_gelbrich_of_singular_covariances_is_their_closed_form(seed: int, rank: int, other: int) -> None:
    """Diagonal in one basis: the distance of the standard deviations."""
    basis = orthonormal(seed)
    sizes = sample(seed, "sizes", 2).abs()
    sizes[:, 0, rank:], sizes[:, 1, other:] = 0, 0
    one, two = ((basis * sizes[:, row, None].square()) @ basis.mT for row in range(2))
    mean = torch.zeros(2, DIM, dtype=torch.float64)
    wanted = (sizes[:, 0] - sizes[:, 1]).norm(dim=1)
    torch.testing.assert_close(gelbrich_distance(mean, one, mean, two), wanted, atol=1e-7, rtol=1e-7)


def test_gelbrich_of_almost_equal_laws_keeps_its_digits() -> None:
    law = covariance(1, "one")
    mean = torch.zeros(2, DIM, dtype=torch.float64)
    found = gelbrich_distance(mean, law, mean, (1 + 1e-7) ** 2 * law)
    wanted = 1e-7 * law.diagonal(dim1=1, dim2=2).sum(dim=1).sqrt()
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=0)


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_distances_of_a_translation_are_its_length(seed: int) -> None:
    first, shift = sparse(seed, "first", 100, 0.3), sample(seed, "shift", 1)
    length = shift[:, 0].norm(dim=1)
    moments = biased_moments(first), biased_moments(first + shift)
    torch.testing.assert_close(gelbrich_distance(*moments[0], *moments[1]), length, atol=1e-7, rtol=1e-9)
    torch.testing.assert_close(projected_distance(first, first + shift, orthonormal(seed)), length)
    along = difference_basis(first, first + shift)[..., :1]
    torch.testing.assert_close(projected_distance(first, first + shift, along), length)
    bound = dual_bound(first, first + shift)
    torch.testing.assert_close(bound.projected.distance, length)
    torch.testing.assert_close(bound.gelbrich.distance, length)
    assert float(bound.projected.error.max()) < 1e-7


def test_on_a_line_the_library_agrees() -> None:
    first, second = sparse(1, "first", 300, 0.2), sparse(1, "second", 300, 0.5)
    wanted = [
        [ot.wasserstein_1d(x, y, p=2) ** 0.5 for x, y in zip(a, b, strict=True)]
        for a, b in zip(first.mT.numpy(), second.mT.numpy(), strict=True)
    ]
    torch.testing.assert_close(line_distances(first, second), torch.tensor(np.array(wanted)))


def test_a_rotation_of_both_changes_no_distance() -> None:
    first, second = sparse(1, "first", 400, 0.2), sparse(1, "second", 400, 0.5)
    rotation, basis = orthonormal(2), orthonormal(3)
    turned = first @ rotation.mT, second @ rotation.mT
    torch.testing.assert_close(projected_distance(*turned, rotation @ basis), projected_distance(first, second, basis))
    for have, want in zip(
        (sample_bounds(*turned), dual_bound(*turned)),
        (sample_bounds(first, second), dual_bound(first, second)),
        strict=True,
    ):
        for one, other in zip(astuple(have), astuple(want), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-9)


def test_the_dual_bound_projects_on_the_basis_that_is_given() -> None:
    first = sample(1, "first", 400)
    shift = torch.tensor([0.0, 0.0, 1.0, 0.0], dtype=torch.float64)
    across = torch.eye(4, dtype=torch.float64)[None, :, :2]
    assert float(dual_bound(first, first + shift).projected.distance.min()) > 0.9
    assert float(dual_bound(first, first + shift, basis=across).projected.distance.max()) < 0.1


def test_the_difference_basis_begins_with_what_differs() -> None:
    first = sample(1, "first", 4000)
    shift = torch.tensor([0.0, 0.0, 1.0, 0.0], dtype=torch.float64)
    wide = torch.tensor([1.0, 3.0, 1.0, 1.0], dtype=torch.float64)
    basis = difference_basis(first, first * wide + shift)
    assert bool((basis[:, 2, 0].abs() > 0.98).all())
    assert bool((basis[:, 1, 1].abs() > 0.98).all())


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_two_samples_of_one_law_are_not_told_apart(seed: int) -> None:
    first, second = sparse(seed, "first", 1000, 0.3), sparse(seed, "second", 1000, 0.3)
    bounds = sample_bounds(first, second, bases=[orthonormal(seed)])
    for distance in (bounds.gelbrich, bounds.projected):
        assert bool(((distance.value / distance.floor).log().abs() < 1.6).all())  # of the size of what is by chance
    dual = dual_bound(first, second)
    assert bool((dual.gelbrich.at_least(6) == 0).all())
    assert bool((dual.projected.at_least(6) == 0).all())


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.floats(0.5, 2))
def test_bounds_from_independent_samples_are_below_the_true_distance(seed: int, length: float) -> None:
    shift = length * orthonormal(seed, 1).mT
    first, second = sparse(seed, "first", 4000, 0.3), sparse(seed, "second", 4000, 0.3) + shift
    dual, bounds = dual_bound(first, second), sample_bounds(first, second)
    for found in (dual.gelbrich.at_least(6), dual.projected.at_least(6)):
        assert bool((found > 0.5 * length).all())
        assert bool((found <= length).all())
    for distance in (bounds.gelbrich, bounds.projected):
        assert bool((distance.value > 2 * distance.floor).all())
        assert bool(((distance.value - length).abs() < 3 * distance.floor).all())


def test_the_standard_error_of_the_dual_bound_is_its_spread() -> None:
    firsts, seconds = ([sample(seed, name, 1000).relu() for seed in range(0, 100, 2)] for name in ("first", "second"))
    # one potential for all, so that only the average over the second half varies
    values, errors = [], []
    for first, second in zip(firsts, seconds, strict=True):
        fixed, moved = (
            torch.cat([firsts[0][:, :500], first], dim=1),
            torch.cat([seconds[0][:, :500], second + 0.3], dim=1),
        )
        bound = dual_bound(fixed[:, :1000], moved[:, :1000]).projected
        values.append(bound.value)
        errors.append(bound.error)
    spread, error = torch.stack(values).std(dim=0), torch.stack(errors).mean(dim=0)
    assert bool(((spread / error).log().abs() < 0.5).all())


def test_identical_samples_have_a_bound_of_nothing() -> None:
    first = 100 * sparse(1, "first", 1000, 0.3)
    dual = dual_bound(first, first)
    assert float(dual.gelbrich.at_least().max()) == 0
    assert float(dual.projected.at_least().max()) == 0


def test_the_best_basis_is_taken_instance_by_instance() -> None:
    """One instance differs along the first axis, the other along the second."""
    axes = torch.eye(DIM, dtype=torch.float64)
    first = sample(1, "first", 2000)
    second = first + axes[:2, None]
    bases = [axes[:, :1].expand(2, -1, -1), axes[:, 1:2].expand(2, -1, -1)]
    alone = [projected_distance(first, second, basis) for basis in bases]
    assert float(alone[0][1]) < 0.1 < 0.9 < float(alone[0][0])
    bounds = sample_bounds(first, second, bases=bases)
    assert bool((bounds.projected.value > 0.9).all())


def test_bad_samples_are_refused() -> None:
    first = sparse(1, "first", 30, 0.2)
    broken = first.clone()
    broken[1, 3, 2] = torch.inf
    for bound in (sample_bounds, dual_bound):
        with pytest.raises(InputError, match="one shape"):
            bound(first, first[:, 1:])
        with pytest.raises(InputError, match="at least 4"):
            bound(first[:, :3], first[:, :3])
        with pytest.raises(InputError, match="finite"):
            bound(first, broken)
    with pytest.raises(InputError, match="one shape"):
        line_distances(first, first[:, 1:])
    with pytest.raises(InputError, match="orthonormal"):
        projected_distance(first, first, 2 * orthonormal(1))
