"""Lemmas 3 and 4: samples against population, and gradients against differences."""

import torch

from fsrcheck.gaussian.kernels import TANH
from fsrcheck.gaussian.scaled_kernels import output_moments
from fsrcheck.training.one_layer_wgan import correlations
from lemmas.wgan import sampled_gradient, sampled_kernel
from lemmas.wgan.sampled_gradient import ACTIVATIONS, derivatives, gradient_formula, mixed_kernel
from lemmas.wgan.setting import normal_rows, random_rows


def test_moments_of_many_samples_approach_the_kernel() -> None:
    rows = random_rows([3], "target", (3, 2))
    latents = normal_rows([3], "latents", (400_000, 2))
    for activation in sampled_kernel.SMOOTH.values():
        observed = sampled_kernel.observed_moments(activation, rows, latents)
        assert float(sampled_kernel.relative_error(activation.kernel(correlations(rows)), observed)) < 0.01


def test_ramps_are_lipschitz_and_smooth_with_constant_one() -> None:
    grid = torch.linspace(-9, 9, 20_001, dtype=torch.float64)
    step = float(grid[1] - grid[0])
    for function in sampled_kernel.RAMPS.values():
        slopes = function(grid).diff() / step
        assert float(slopes.abs().max()) <= 1 + 1e-9
        assert float((slopes.diff() / step).abs().max()) <= 1 + 1e-6
    odd = sampled_kernel.RAMPS["odd ramp"]
    assert torch.equal(odd(-grid), -odd(grid))


def test_no_number_of_samples_sees_the_far_ramp() -> None:
    found = sampled_kernel.never_seen()
    assert found.contradicts
    assert found.actual < 1e-5


def test_the_required_precision_falls_with_samples_and_is_smaller_for_a_steep_kernel() -> None:
    few, many = (sampled_kernel.Parameters(num_samples=n) for n in (10_000, 1_000_000))
    ratio = sampled_kernel.relative_precision(few) / sampled_kernel.relative_precision(many)
    assert abs(ratio - 10) < 1e-9
    steep = sampled_kernel.Parameters("4 sigmoid")
    assert sampled_kernel.relative_precision(steep) < sampled_kernel.relative_precision(
        sampled_kernel.Parameters("tanh")
    )


def test_the_gradient_and_its_derivative_are_those_of_the_moments() -> None:
    rows, error = random_rows([1], "rows", (4, 3)), normal_rows([1], "error", (4, 4))
    error = error + error.mT
    direction = normal_rows([1], "direction", (4, 3))
    activation = ACTIVATIONS["4 sigmoid"]

    def along(step: float) -> torch.Tensor:
        return (error * output_moments(activation, rows + step * direction)).sum()

    gradient, moved = derivatives(activation, rows, error, direction)
    assert torch.allclose((along(1e-4) - along(-1e-4)) / 2e-4, (gradient * direction).sum(), rtol=1e-6)
    second = (along(1e-3) - 2 * along(0) + along(-1e-3)) / 1e-6
    assert torch.allclose(second, (moved * direction).sum(), rtol=1e-3)
    assert torch.allclose(gradient_formula(activation, rows, error), gradient, rtol=1e-9)


def test_the_mixed_kernel_does_not_see_a_constant_of_an_odd_activation() -> None:
    rho = torch.tensor([-0.5, 0.3, 1.0], dtype=torch.float64)
    raised = mixed_kernel(ACTIVATIONS["raised tanh"], rho)
    assert torch.allclose(raised, mixed_kernel(TANH, rho), atol=1e-10)
    # At correlation 1 it is E phi'' phi = E phi' phi g - E phi'^2.
    grid = torch.linspace(-10, 10, 4001, dtype=torch.float64)
    tanh = torch.tanh(grid)
    weight = torch.exp(-grid * grid / 2) / (2 * torch.pi) ** 0.5 * (grid[1] - grid[0])
    assert torch.allclose(raised[-1], (weight * -2 * tanh**2 * (1 - tanh**2)).sum(), atol=1e-8)


def test_errors_of_a_random_matrix_come_near_the_bounds_and_stay_below() -> None:
    parameters = sampled_gradient.Parameters(error=sampled_gradient.RANDOM)
    found = sampled_gradient.run(parameters, range(30), "cpu")
    largest = {name: max(one.measurements[name].value for one in found) for name in ("gradient", "derivative")}
    assert 0.2 < largest["gradient"] <= 1
    assert 0.03 < largest["derivative"] <= 1
