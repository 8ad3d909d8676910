"""The objective of D5 along its update direction, what moments say of correlations, and the rotation that aligns weights."""

import pytest
import torch

from fsrcheck.gaussian import gated_relu_mean, relu_product_mean, upper_orthant
from fsrcheck.model.activations import smoothed_leaky_relu
from fsrcheck.model.coupling import closest_coupling
from lemmas.fsr.c10_correlations import mixed_ratio, slope_between
from lemmas.fsr.c14_update_direction import direction
from lemmas.fsr.c15_hessian_update import largest_rate, moves_ratio
from lemmas.fsr.c17_descent import Parameters, instances
from lemmas.fsr.c18_first_level import rotation_ratio
from lemmas.fsr.pair_objective import correlations, objective, promised_decrease
from lemmas.fsr.pair_slopes import slope_bound

PARAMETERS = Parameters()


def numbers(*values: float) -> list[torch.Tensor]:
    return [torch.tensor([value], dtype=torch.float64) for value in values]


@pytest.mark.parametrize(("low", "high"), [(-0.7, -0.1), (-0.3, 0.6), (0.1, 0.8)])
def test_the_slope_between_two_correlations_covers_all_of_them(low, high):
    rho = torch.linspace(low, high, 50, dtype=torch.float64)
    first, second, start, end = numbers(1.5, 3.0, low, high)
    single = slope_bound(first, second, rho, (-rho).clamp(min=0))
    assert float(slope_between(first, second, start, end)) >= float(single.max()) * (1 - 1e-12)


def test_the_rate_of_the_joint_tail_is_covered_at_every_correlation_in_between():
    rho = torch.linspace(-0.6, 0.5, 30, dtype=torch.float64, requires_grad=True)
    first, second, low, high = numbers(2.0, 2.5, -0.6, 0.5)
    rate = torch.autograd.grad(upper_orthant(first, second, rho).log().sum(), rho)[0]
    assert bool((rate <= largest_rate(first, second, low, high)).all())


@pytest.mark.parametrize("low", [-0.7, -0.2, 0.1])
@pytest.mark.parametrize(("first", "second"), [(0.6, 5.0), (3.0, 3.0), (5.0, 0.6)])
def test_mixed_means_are_as_close_as_their_bound_and_not_much_closer(first, second, low):
    gap, cut, more = 0.3, 0.1, 0.4
    ratio = float(mixed_ratio(*numbers(first, second, low, gap, cut, more)))
    shifted = first + cut + more
    by_hand = float(gated_relu_mean(shifted, second, low + gap) - gated_relu_mean(shifted, second, low))
    assert by_hand > 0
    assert 0 < ratio < 1


@pytest.mark.parametrize("eta", [0.1, 0.9])
@pytest.mark.parametrize("low", [-0.8, 0.0])
def test_pairs_move_between_their_bounds(low, eta):
    assert 0.1 < float(moves_ratio(*numbers(2.0, 3.0, low, 0.2, eta))) <= 1


@pytest.mark.parametrize("seed", range(3))
def test_the_objective_falls_along_the_direction_by_what_is_promised(seed):
    instance = instances(PARAMETERS, [seed], "cpu")[0]
    before, promised = float(objective(instance.learner, instance, PARAMETERS)), promised_decrease(instance, PARAMETERS)
    moved = moving(instance)
    for eta in (1e-3, 0.1, 0.5, 1.0):
        assert float(objective(moved(eta), instance, PARAMETERS)) <= before - eta * promised + 1e-12


@pytest.mark.parametrize("seed", range(2))
def test_the_slope_along_the_path_is_half_the_curvature_along_the_direction(seed):
    instance = instances(PARAMETERS, [seed], "cpu")[0]
    rows, step = instance.learner, step_of(instance)
    hessian = torch.autograd.functional.hessian(
        lambda flat: objective(flat.view(rows.shape), instance, PARAMETERS), rows.flatten()
    )
    eta = 1e-6
    slope = (objective(moving(instance)(eta), instance, PARAMETERS) - objective(rows, instance, PARAMETERS)) / eta
    half = step.flatten() @ hessian @ step.flatten() / 2
    assert float(slope) == pytest.approx(float(half), rel=1e-3)
    assert float(slope) <= -promised_decrease(instance, PARAMETERS)
    assert (
        abs(float(rows.flatten() @ hessian @ rows.flatten())) < 1e-9
    )  # so that the least eigenvalue is never positive


def test_the_gradient_of_the_objective_is_orthogonal_to_every_row():
    instance = instances(PARAMETERS, [0], "cpu")[0]
    rows = (3 * instance.learner).requires_grad_()
    gradient = torch.autograd.grad(objective(rows, instance, PARAMETERS), rows)[0]
    assert float((gradient * rows.detach()).sum(dim=1).abs().max()) < 1e-12 < float(gradient.detach().norm())


def step_of(instance):
    """S for a target whose rows have the wanted correlations."""
    n = len(instance.thresholds)
    gram = torch.eye(n, dtype=torch.float64)
    first, second = torch.triu_indices(n, n, 1)
    gram[first, second] = gram[second, first] = instance.wanted
    return direction(instance.learner[None], torch.linalg.cholesky(gram)[None])[0]


def moving(instance):
    step = step_of(instance)
    torch.testing.assert_close(correlations(step), instance.wanted)
    return lambda eta: (1 - eta) ** 0.5 * instance.learner + eta**0.5 * step


def stacks(rows=6, latent=3, learned=8):
    generator = torch.Generator().manual_seed(1)
    shapes = ((4, rows, learned), (4, rows, latent))
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


def test_the_alignment_has_orthonormal_rows_and_no_rotation_is_better():
    learner, target = stacks()
    best = closest_coupling(learner, target)
    torch.testing.assert_close(best @ best.mT, torch.eye(3, dtype=torch.float64).expand(4, 3, 3))
    error = (learner - target @ best).norm(dim=(1, 2))
    generator = torch.Generator().manual_seed(2)
    for _ in range(20):
        other = torch.linalg.qr(
            best.mT + 0.1 * torch.randn(best.mT.shape, generator=generator, dtype=torch.float64)
        ).Q.mT
        assert bool((error <= (learner - target @ other).norm(dim=(1, 2)) + 1e-12).all())


def test_a_rotated_target_is_found_again_and_the_bound_is_attained_for_a_target_of_zero():
    learner, target = stacks()
    frame = torch.linalg.qr(learner.mT[..., :3]).Q.mT
    torch.testing.assert_close(target @ closest_coupling(target @ frame, target), target @ frame)
    assert float(rotation_ratio(*numbers(0.7, 0.0, 0.0, 0.0, 0.0, 0.0))) == pytest.approx(1)


def test_a_target_with_idle_inputs_is_aligned_by_orthonormal_columns_within_the_same_bound():
    learner, target = stacks(rows=5, latent=9, learned=4)
    best = closest_coupling(learner, target)
    torch.testing.assert_close(best.mT @ best, torch.eye(4, dtype=torch.float64).expand(4, 4, 4))
    gram = torch.linalg.matrix_norm(learner @ learner.mT - target @ target.mT, "nuc")
    assert bool(((learner - target @ best).norm(dim=(1, 2)) <= gram.sqrt()).all())


def test_the_ratio_of_two_rows_is_that_of_the_alignment():
    generator = torch.Generator().manual_seed(3)
    entries = torch.rand((6, 5), generator=generator, dtype=torch.float64) * 2 - 1
    zero = torch.zeros(5, dtype=torch.float64)
    learner, target = (torch.stack([a, zero, b, c], -1).view(5, 2, 2) for a, b, c in (entries[:3], entries[3:]))
    error = (learner - target @ closest_coupling(learner, target)).norm(dim=(1, 2))
    gram = torch.linalg.matrix_norm(learner @ learner.mT - target @ target.mT, "nuc")
    torch.testing.assert_close(rotation_ratio(*entries), error / gram.sqrt())


def test_a_raised_bias_makes_the_code_one_sided():
    generator = torch.Generator().manual_seed(4)
    wanted = torch.randn(20_000, generator=generator, dtype=torch.float64) / 10
    raise_, leak = 0.02, 0.01
    learned = wanted + raise_ * (2 * torch.rand(20_000, generator=generator, dtype=torch.float64) - 1)
    code, target = smoothed_leaky_relu(learned - raise_, leak), torch.relu(wanted)
    assert bool((code <= target).all())
    assert bool((code >= target - 2 * raise_ - leak * (learned - raise_).abs() - leak / 2).all())
    assert bool((smoothed_leaky_relu(learned, leak) > target).any())


def test_moments_of_negatively_correlated_pairs_say_nothing_of_their_correlation():
    moments = relu_product_mean(5.612, 5.612, torch.tensor([-0.5, -0.3], dtype=torch.float64))
    assert float(moments.max()) < 1e-20
