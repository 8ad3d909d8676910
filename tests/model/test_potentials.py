"""Potentials are dual feasible whatever they were fitted to, and their means are below exact optimal transport."""

from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import ot
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.dictionaries import haar_dictionaries
from fsrcheck.model.potentials import fitted_quadratic, fitted_separable, moments
from fsrcheck.model.streams import standard_normal, streams

SEEDS = st.integers(0, 2**32)
DIM = 4


def sample(seed: int, purpose: str, count: int, dim: int = DIM) -> Tensor:
    return standard_normal(streams([seed, seed + 1], purpose), (count, dim))


def sparse(seed: int, purpose: str, count: int, threshold: float) -> Tensor:
    """Codes with an atom at 0, in a basis of their own."""
    basis = haar_dictionaries(streams([seed, seed + 1], "basis"), 1, DIM, DIM)[:, 0]
    return torch.relu(sample(seed, purpose, count) - threshold) @ basis.mT


def orthonormal(seed: int, directions: int = DIM) -> Tensor:
    return haar_dictionaries(streams([seed, seed + 1], "directions"), 1, DIM, directions)[:, 0]


def exact_square(first: Tensor, second: Tensor) -> Tensor:
    """W2^2 of two empirical laws by linear programming."""
    found = [ot.emd2([], [], ot.dist(x.numpy(), y.numpy())) for x, y in zip(first, second, strict=True)]
    return torch.tensor(found, dtype=torch.float64)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.floats(-1, 1.5), st.floats(-1, 1.5), st.integers(2, 60), st.integers(1, 20), st.floats(0.01, 100))
def test_separable_potentials_obey_youngs_inequality_everywhere(
    seed: int, threshold: float, other: float, count: int, num_knots: int, reach: float
) -> None:
    fit = sparse(seed, "first", count, threshold), sparse(seed, "second", count, other)
    potentials = fitted_separable(*fit, orthonormal(seed, 3), num_knots=num_knots)
    # anywhere, and where kinks are: at the points of the fit
    points = torch.cat([reach * sample(seed, "x", 50), fit[0], fit[1]], dim=1)
    others = torch.cat([reach * sample(seed, "y", 50), fit[1], fit[0].flip(1)], dim=1)
    gains = potentials.gains(points, others)
    squares = ((points - others) @ potentials.basis).square()
    assert bool((gains <= squares + 1e-12 * (1 + reach**2)).all())
    assert bool((gains.sum(dim=2) <= (points - others).square().sum(dim=2) + 1e-12 * (1 + reach**2)).all())


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(2, 60), st.floats(0.01, 100), st.sampled_from([1e-8, 1e-6, 1e-2]))
def test_quadratic_potentials_obey_youngs_inequality_everywhere(
    seed: int, count: int, reach: float, ridge: float
) -> None:
    flat = sparse(seed, "second", count, 0.5)
    flat[..., 0] = 1  # a singular covariance
    potential = fitted_quadratic(3 * sample(seed, "first", count) + 1, flat, ridge=ridge)
    points, others = reach * sample(seed, "x", 50), reach * sample(seed, "y", 50)
    squares = (points - others).square().sum(dim=2)
    size = 1 / float(potential.stretches.min()) + float(potential.stretches.max())
    assert bool((potential.gains(points, others) <= squares + 1e-12 * (1 + reach**2) * size).all())


def test_the_conjugate_is_exact() -> None:
    """Equality in Young's inequality at y = psi'(x): with the knots exchanged the inequality would still hold elsewhere."""
    knots, images = sample(0, "knots", 6, 3).sort(dim=1).values, sample(0, "images", 6, 3).sort(dim=1).values
    basis = torch.eye(3, dtype=torch.float64).expand(2, -1, -1)
    fit = fitted_separable(knots, images, basis)
    potentials = replace(fit, knots=knots.mT.contiguous(), images=images.mT.contiguous())
    share = torch.linspace(0, 1, 11, dtype=torch.float64)[:, None]
    points = torch.cat([knots[:, i, None] + share * (knots[:, i + 1] - knots[:, i])[:, None] for i in range(5)], dim=1)
    mapped = torch.cat(
        [images[:, i, None] + share * (images[:, i + 1] - images[:, i])[:, None] for i in range(5)], dim=1
    )
    points = torch.cat([points, knots[:, :1] - 2, knots[:, -1:] + 3], dim=1)
    mapped = torch.cat([mapped, images[:, :1] - 2, images[:, -1:] + 3], dim=1)
    torch.testing.assert_close(potentials.gains(points, mapped), (points - mapped).square(), atol=1e-12, rtol=0)


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.floats(-0.5, 1), st.booleans())
def test_means_of_potentials_are_below_exact_optimal_transport(seed: int, threshold: float, same: bool) -> None:
    count = 200
    first, second = sparse(seed, "first", count, 0.3), sparse(seed, "second", count, threshold)
    # potentials fitted to the measures themselves, where they are best, or to other samples
    fit = (first, second) if same else (sparse(seed, "f", 99, 0.3), sparse(seed, "s", 99, threshold))
    exact = exact_square(first, second)
    separable = fitted_separable(*fit, orthonormal(seed)).gains(first, second).sum(dim=2).mean(dim=1)
    quadratic = fitted_quadratic(*fit).gains(first, second).mean(dim=1)
    assert bool((separable <= exact + 1e-10).all())
    assert bool((quadratic <= exact + 1e-10).all())


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_as_many_knots_as_samples_give_the_distance_of_the_projections(seed: int) -> None:
    count = 80
    first, second = sparse(seed, "first", count, 0.0), sample(seed, "second", count)
    basis = orthonormal(seed)
    fit = fitted_separable(first, second, basis, num_knots=100 * count)
    exact = [
        [
            ot.wasserstein_1d(x, y, p=2)
            for x, y in zip(*((s[b] @ basis[b]).T.numpy() for s in (first, second)), strict=True)
        ]
        for b in range(2)
    ]
    gains = fit.gains(first, second).mean(dim=1)
    torch.testing.assert_close(gains, torch.tensor(np.array(exact)), rtol=1e-9, atol=1e-12)


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_the_quadratic_mean_is_gelbrichs_on_the_samples_it_was_fitted_to(seed: int) -> None:
    count = 500
    first = sample(seed, "first", count) @ sample(seed, "mix", DIM) + 1
    second = sample(seed, "second", count) @ sample(seed, "other mix", DIM)
    gains = fitted_quadratic(first, second, ridge=1e-12).gains(first, second).mean(dim=1)
    wanted = []
    for x, y in zip(first.numpy(), second.numpy(), strict=True):
        law = x.mean(0), y.mean(0), np.cov(x.T, bias=True), np.cov(y.T, bias=True)
        wanted.append(float(ot.gaussian.bures_wasserstein_distance(*law)) ** 2)
    torch.testing.assert_close(gains, torch.tensor(wanted, dtype=torch.float64), rtol=1e-6, atol=0)


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.floats(0.3, 3))
def test_scaling_and_shifting_is_seen_whole(seed: int, factor: float) -> None:
    """x -> factor x + shift is the gradient of a convex function, so W2^2 is the mean of its squared lengths."""
    first, fresh = sparse(seed, "first", 4000, 0.3), sparse(seed, "fresh", 4000, 0.3)
    shift = sample(seed, "shift", 1)
    wanted = (factor * fresh + shift - fresh).square().sum(dim=2).mean(dim=1)
    separable = fitted_separable(first, factor * first + shift, orthonormal(seed)).gains(fresh, factor * fresh + shift)
    quadratic = fitted_quadratic(first, factor * first + shift).gains(fresh, factor * fresh + shift)
    torch.testing.assert_close(separable.sum(dim=2).mean(dim=1), wanted, rtol=1e-2, atol=1e-9)
    torch.testing.assert_close(quadratic.mean(dim=1), wanted, rtol=1e-4, atol=1e-9)


def test_rotating_everything_changes_nothing() -> None:
    first, second = sparse(1, "first", 300, 0.2), sparse(1, "second", 300, 0.5)
    rotation, basis = orthonormal(2), orthonormal(3)
    turned = first @ rotation.mT, second @ rotation.mT
    torch.testing.assert_close(
        fitted_separable(*turned, rotation @ basis).gains(*turned),
        fitted_separable(first, second, basis).gains(first, second),
    )
    torch.testing.assert_close(
        fitted_quadratic(*turned).gains(*turned), fitted_quadratic(first, second).gains(first, second)
    )


def test_a_batch_equals_a_loop() -> None:
    first, second, basis = sparse(1, "first", 300, 0.2), sparse(1, "second", 300, 0.5), orthonormal(3)
    separable = fitted_separable(first, second, basis).gains(first, second)
    quadratic = fitted_quadratic(first, second).gains(first, second)
    for row in range(2):
        one, two, axes = (part[row : row + 1] for part in (first, second, basis))
        torch.testing.assert_close(fitted_separable(one, two, axes).gains(one, two)[0], separable[row])
        torch.testing.assert_close(fitted_quadratic(one, two).gains(one, two)[0], quadratic[row])


def test_constant_samples_are_a_shift() -> None:
    first, second = torch.zeros(1, 10, 3, dtype=torch.float64), torch.ones(1, 10, 3, dtype=torch.float64)
    basis = torch.eye(3, dtype=torch.float64)[None]
    torch.testing.assert_close(fitted_quadratic(first, second).gains(first, second), torch.full((1, 10), 3.0).double())
    gains = fitted_separable(first, second, basis).gains(first, second).sum(dim=2)
    torch.testing.assert_close(gains, torch.full((1, 10), 3.0).double())


def test_covariances_are_unbiased() -> None:
    samples = sample(1, "x", 5)
    mean, covariance = moments(samples)
    torch.testing.assert_close(covariance, torch.stack([row.T.cov() for row in samples]))
    torch.testing.assert_close(mean, samples.mean(dim=1))


def test_what_cannot_be_fitted_is_refused() -> None:
    first = sparse(1, "first", 30, 0.2)
    with pytest.raises(InputError, match="one shape"):
        fitted_separable(first, first[:, 1:], orthonormal(1))
    with pytest.raises(InputError, match="orthonormal"):
        fitted_separable(first, first, 1.001 * orthonormal(1))
    with pytest.raises(InputError, match="at least 2"):
        moments(first[:, :1])
