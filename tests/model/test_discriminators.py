"""The discriminators D2, D4 and D5: their printed sums, their slopes, their inner maxima, their symmetries."""

import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from fsrcheck.errors import InputError
from fsrcheck.model.activations import smoothed_abs, smoothed_leaky_relu, smoothed_relu
from fsrcheck.model.discriminators import (
    AsymmetricGate,
    MarginalDiscriminator,
    PairwiseDiscriminator,
    SuperResolutionDiscriminator,
    barrier_slope,
    correlation_barrier,
    negative_entropy,
)
from fsrcheck.model.smoothed_slopes import smoothed_bump, smoothed_leaky_step, smoothed_step

ZETA = 0.3
gaps = st.floats(-5, 5).filter(lambda gap: gap == 0 or abs(gap) > 1e-6)
weights = st.floats(1, 50)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def marginal(detector=None, weight=3.0):
    detector = random(2, 4, 3) if detector is None else detector
    return MarginalDiscriminator(detector, torch.tensor([0.1, 0.2]).double(), ZETA, AsymmetricGate(weight))


def pairwise(detector=None, constants=None):
    detector = random(2, 2, 4, 3) if detector is None else detector
    constants = random(2, 15, seed=1).abs() if constants is None else constants
    return PairwiseDiscriminator(detector, torch.tensor([0.1, 0.2]).double(), ZETA, constants)


def test_the_smoothed_slopes_are_those_of_the_smoothed_activations():
    z = torch.linspace(-0.5, 1.0, 301, dtype=torch.float64, requires_grad=True)
    (step,) = torch.autograd.grad(smoothed_relu(z, ZETA).sum(), z, create_graph=True)
    (bump,) = torch.autograd.grad(step.sum(), z)
    (leaky,) = torch.autograd.grad(smoothed_leaky_relu(z, 0.1, ZETA).sum(), z)
    torch.testing.assert_close(smoothed_step(z, ZETA), step, rtol=0, atol=1e-14)
    torch.testing.assert_close(smoothed_bump(z, ZETA), bump, rtol=0, atol=1e-12)
    torch.testing.assert_close(smoothed_leaky_step(z, 0.1, ZETA), leaky, rtol=0, atol=1e-14)


@pytest.mark.parametrize("slope", [smoothed_step, smoothed_bump])
def test_a_smoothing_that_is_not_positive_is_refused(slope):
    with pytest.raises(InputError, match=r"smoothing must be positive, got 0\.0"):
        slope(torch.zeros(1), 0.0)


def test_d4_is_the_sum_that_is_printed():
    found, patches, parameters = marginal(), random(2, 10, 4, seed=2), random(2, 3, 2, seed=3)
    value = found.value(patches, parameters)
    for row in range(2):
        b = float(found.cutoff[row])
        for sample, patch in enumerate(patches[row]):
            for r in range(3):
                s = found.detector[row, :, r] @ patch
                gates = [3 * max(v, 0) - max(-v, 0) for v in parameters[row, r].tolist()]
                expected = gates[0] * smoothed_relu(s - 2 * b, ZETA) + gates[1] * smoothed_step(s - b, ZETA)
                assert float(value[row, sample, r]) == pytest.approx(float(expected), abs=1e-13)


def test_d4s_slopes_are_the_derivatives_of_its_features():
    detector = torch.eye(3, dtype=torch.float64).expand(2, -1, -1)
    seen = random(2, 50, 3).requires_grad_()
    found = marginal(detector)
    features = found.features(seen)
    for which in range(2):
        (gradient,) = torch.autograd.grad(features[..., which].sum(), seen, retain_graph=True)
        torch.testing.assert_close(found.slopes(seen.detach())[..., which], gradient, rtol=0, atol=1e-12)


@given(gaps, weights, st.booleans())
@settings(max_examples=60, deadline=None)
def test_d4s_closed_form_is_the_maximum_on_a_grid_and_attained(gap, weight, turned):
    gate = AsymmetricGate(1.0, weight) if turned else AsymmetricGate(weight)
    value = torch.tensor(gap, dtype=torch.float64)
    reach = weight * abs(gap) + 1
    grid = torch.linspace(-reach, reach, 20001, dtype=torch.float64)
    best, top = gate.best_response(value), float(gate.inner_maximum(value))
    assert float((value * gate(grid) - grid**2).max()) <= top + 1e-12
    assert float(value * gate(best) - best**2) == pytest.approx(top, rel=1e-12)
    side = weight if (gap > 0) is not turned else 1.0
    assert top == pytest.approx(side**2 * gap**2 / 4, rel=1e-12)


def test_the_gates_slope_is_the_machines_also_at_its_kink():
    gate, v = AsymmetricGate(4.1, 2.3), torch.tensor([-1.0, 0.0, 2.0], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(gate(v).sum(), v)
    torch.testing.assert_close(gate.slope(v.detach()), gradient)
    assert gate.slope(v.detach()).tolist() == [2.3, 0.0, 4.1]


def test_d5_is_the_sum_over_pairs_that_is_printed():
    found, patches, parameters = pairwise(), random(2, 6, 2, 4, seed=2), random(2, 15, 2, seed=3)
    value = found.value(patches, parameters)
    neurons = [(j, r) for j in range(2) for r in range(3)]
    for row in range(2):
        b = float(found.cutoff[row])
        for sample, image in enumerate(patches[row]):
            active = [smoothed_relu(found.detector[row, j, :, r] @ image[j] - b, ZETA) for j, r in neurons]
            pairs = [(i, k) for i in range(6) for k in range(i + 1, 6)]
            signed = (parameters[row, :, 0] - parameters[row, :, 1]) * found.constants[row]
            total = sum(float(c * active[i] * active[k]) for c, (i, k) in zip(signed, pairs, strict=True))
            assert float(value[row, sample]) == pytest.approx(total, abs=1e-12)


@given(st.integers(0, 2**31), st.floats(0.1, 50))
@settings(max_examples=25, deadline=None)
def test_d5s_closed_form_is_the_maximum_on_the_simplex(seed, size):
    found, gap = pairwise(constants=size * random(2, 15, seed=1).abs()), random(2, 15, seed=seed)

    def objective(u):
        return (u * found.advantages(gap)).sum(dim=(1, 2)) - negative_entropy(u)

    best, top = found.best_response(gap), found.inner_maximum(gap)
    torch.testing.assert_close(best.sum(dim=(1, 2)), torch.ones(2, dtype=torch.float64))
    torch.testing.assert_close(objective(best), top, rtol=1e-12, atol=1e-12)
    other = torch.softmax(random(2, 30, seed=seed + 1), dim=-1).reshape(2, 15, 2)
    assert bool((objective(other) < top).all())
    assert bool((top >= math.log(30)).all())
    torch.testing.assert_close(found.inner_maximum(0 * gap), torch.full((2,), math.log(30), dtype=torch.float64))


def test_the_barrier_of_one_pair_and_its_slope():
    rho = torch.tensor([[0.9]], dtype=torch.float64, requires_grad=True)
    found = correlation_barrier(rho, 5.0, 0.2)
    assert float(found.detach()) == pytest.approx(math.exp(5 * (0.9 - 0.8)) + math.exp(5 * (-0.9 - 0.8)))
    (gradient,) = torch.autograd.grad(found.sum(), rho)
    torch.testing.assert_close(barrier_slope(rho.detach(), 5.0, 0.2), gradient)


@given(st.permutations(range(3)))
@settings(max_examples=6, deadline=None)
def test_permuting_the_channels_permutes_the_features(order):
    patches = random(2, 5, 4, seed=2)
    plain, moved = marginal(), marginal(random(2, 4, 3)[..., order])
    torch.testing.assert_close(moved.features(patches), plain.features(patches)[:, :, order])
    images = random(2, 5, 2, 4, seed=2)
    plain, moved = pairwise(), pairwise(random(2, 2, 4, 3)[..., order])
    expected = plain.activations(images).unflatten(-1, (2, 3))[..., order].flatten(2)
    torch.testing.assert_close(moved.activations(images), expected)


def test_swapping_the_patches_swaps_the_activations():
    images, detector = random(2, 5, 2, 4, seed=2), random(2, 2, 4, 3)
    plain, moved = pairwise(detector), pairwise(detector.flip(1))
    expected = plain.activations(images).unflatten(-1, (2, 3)).flip(2).flatten(2)
    torch.testing.assert_close(moved.activations(images.flip(2)), expected)


def super_resolution():
    """Two rows, three channels; two parents with two channels each in patches of five entries."""
    return SuperResolutionDiscriminator(random(2, 4, 3), random(2, 2, 5, 2, seed=1), 0.2, 0.1, ZETA)


def test_d2_is_the_formula_that_is_printed():
    found, parameters = super_resolution(), random(2, 3, 5, seed=2)
    upper, lower = random(2, 6, 4, seed=3), random(2, 6, 2, 5, seed=4)
    value = found.value(upper, lower, parameters)
    assert value.shape == (2, 6, 3)
    for row in range(2):
        for sample in range(6):
            for r in range(3):
                s = found.detector[row, :, r] @ upper[row, sample]
                p = -parameters[row, r, -1]
                for parent in range(2):
                    read = smoothed_leaky_relu(
                        found.lower_detector[row, parent].T @ lower[row, sample, parent], 0.1, ZETA
                    )
                    p = p + parameters[row, r, 2 * parent : 2 * parent + 2] @ read
                expected = smoothed_abs(s - smoothed_leaky_relu(p, 0.1, ZETA), 0.2, ZETA)
                assert float(value[row, sample, r]) == pytest.approx(float(expected), abs=1e-13)


def test_d2_is_zero_where_the_prediction_is_within_the_cutoff():
    found, parameters, lower = super_resolution(), random(2, 3, 5, seed=2), random(2, 6, 2, 5, seed=4)
    detector = torch.eye(3, dtype=torch.float64).expand(2, -1, -1)
    here = SuperResolutionDiscriminator(detector, found.lower_detector, 0.2, 0.1, ZETA)
    predicted = here.predicted(lower, parameters)
    for off in (-0.2, 0.0, 0.2):
        assert float(here.value(predicted + off, lower, parameters).abs().max()) < 1e-30
    assert float(here.value(predicted + 0.25, lower, parameters).min()) > 0


def test_swapping_the_parents_with_their_weights_leaves_d2():
    found, parameters = super_resolution(), random(2, 3, 5, seed=2)
    upper, lower = random(2, 6, 4, seed=3), random(2, 6, 2, 5, seed=4)
    swapped = SuperResolutionDiscriminator(found.detector, found.lower_detector.flip(1), 0.2, 0.1, ZETA)
    moved = parameters[..., [2, 3, 0, 1, 4]]
    torch.testing.assert_close(swapped.value(upper, lower.flip(2), moved), found.value(upper, lower, parameters))
