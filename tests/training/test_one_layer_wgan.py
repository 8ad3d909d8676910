"""The population objective against automatic differentiation, and Newton's method on it."""

import pytest
import torch
from torch import Tensor

from fsrcheck.gaussian.kernels import RELU, SIGMOID, SOFTPLUS, TANH, Activation, PiecewiseLinear
from fsrcheck.gaussian.scaled_kernels import output_moments
from fsrcheck.training.one_layer_wgan import (
    PopulationObjective,
    correlations,
    tangent,
    tangent_projector,
    unit_rows,
)
from fsrcheck.training.row_sphere_newton import find_stationary_points

ACTIVATIONS = [TANH, SIGMOID, SOFTPLUS, RELU, PiecewiseLinear(0.2)]
each = pytest.mark.parametrize("activation", ACTIVATIONS, ids=["tanh", "sigmoid", "softplus", "relu", "leaky"])


def random_rows(seed: int, *shape: int) -> Tensor:
    return unit_rows(torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64))


def objective(activation: Activation, size: int = 4) -> PopulationObjective:
    return PopulationObjective(activation, correlations(random_rows(1, size, size)))


@each
def test_the_gradient_is_that_of_the_value_on_unit_rows(activation: Activation) -> None:
    problem, rows = objective(activation), random_rows(2, 4, 3)
    found = torch.autograd.functional.jacobian(lambda x: problem.value(unit_rows(x)), rows)
    torch.testing.assert_close(problem.gradient(rows), found, rtol=1e-10, atol=1e-13)


@each
def test_the_hessian_is_the_derivative_of_the_gradient(activation: Activation) -> None:
    problem, rows = objective(activation), random_rows(3, 4, 3)
    hessian, step = problem.hessian(rows), 1e-5
    for seed in range(3):
        direction = tangent(torch.randn(4, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64), rows)
        ends = [problem.gradient(unit_rows(rows + s * step * direction)) for s in (1, -1)]
        change = tangent((ends[0] - ends[1]) / (2 * step), rows).flatten()
        torch.testing.assert_close(hessian @ direction.flatten(), change, rtol=1e-6, atol=1e-8)


def test_the_projector_leaves_tangents_and_kills_normals() -> None:
    rows = random_rows(4, 3, 2)
    projector, direction = tangent_projector(rows), tangent(random_rows(5, 3, 2), rows)
    torch.testing.assert_close(projector @ direction.flatten(), direction.flatten())
    assert float((projector @ rows.flatten()).abs().max()) < 1e-14


def test_a_batch_equals_a_loop() -> None:
    problem, rows = objective(TANH), random_rows(6, 5, 4, 3)
    for name in ("value", "gradient", "hessian", "error"):
        together = getattr(problem, name)(rows)
        torch.testing.assert_close(together, torch.stack([getattr(problem, name)(one) for one in rows]))


@each
def test_the_objective_does_not_see_rotations_of_the_latents(activation: Activation) -> None:
    problem, rows = objective(activation), random_rows(7, 4, 3)
    turn = torch.linalg.qr(random_rows(8, 3, 3)).Q
    torch.testing.assert_close(problem.value(rows @ turn), problem.value(rows))
    torch.testing.assert_close(problem.gradient(rows @ turn), problem.gradient(rows) @ turn)


@each
def test_unit_rows_are_the_special_case_of_scaled_kernels(activation: Activation) -> None:
    rows = random_rows(9, 4, 3)
    torch.testing.assert_close(
        output_moments(activation, rows), activation.kernel(correlations(rows)), rtol=1e-12, atol=1e-14
    )


def test_moments_of_rows_of_any_norm_are_those_of_samples() -> None:
    rows = torch.tensor([[0.5, 0.2], [-1.2, 0.7], [0.1, 1.4]], dtype=torch.float64)
    outputs = torch.tanh(
        torch.randn(400_000, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64) @ rows.mT
    )
    torch.testing.assert_close(output_moments(TANH, rows), outputs.mT @ outputs / len(outputs), rtol=0, atol=5e-3)


def test_newton_finds_the_target_with_as_many_latents_as_outputs() -> None:
    problem = objective(TANH, 3)
    found = find_stationary_points(problem, random_rows(10, 20, 3, 3))
    assert float(found.gradient_norm.max()) < 1e-8
    assert float(problem.error(found.rows).max()) < 1e-4


def test_newton_with_few_latents_ends_in_spurious_minima() -> None:
    problem = PopulationObjective(PiecewiseLinear(0.01), correlations(random_rows(11, 40, 1, 5, 2)))
    found = find_stationary_points(problem, random_rows(12, 40, 10, 5, 2))
    spurious = (problem.error(found.rows) > 0.1) & (found.gradient_norm < 1e-7) & (found.lowest > -1e-7)
    assert int(spurious.sum()) > 0
