"""Helpers of the statements of Lei et al. that are not trivial."""

import math

import pytest
import torch

from fsrcheck.gaussian.kernels import RELU, TANH, PiecewiseLinear
from lemmas.wgan.hermite_expansion import product_mean
from lemmas.wgan.joint import Parameters as Joint
from lemmas.wgan.joint import descent_ascent, objective_of, rank_one_points, starts
from lemmas.wgan.marginals import Marginals, marginal_mean
from lemmas.wgan.setting import least_slope


@pytest.mark.parametrize("activation", [TANH, RELU, PiecewiseLinear(0.2)])
def test_quadrature_in_the_plane_is_the_kernel(activation) -> None:
    rho = torch.tensor([-0.9, 0.1, 0.7], dtype=torch.float64)
    torch.testing.assert_close(product_mean(activation, rho), activation.kernel(rho), rtol=1e-12, atol=1e-14)


def test_the_mean_of_a_relu_is_linear_in_the_norm() -> None:
    norms = torch.tensor([0.3, 1.0, 2.0], dtype=torch.float64)
    found = marginal_mean(Marginals("relu", rectified=False), norms)
    torch.testing.assert_close(found, norms / math.sqrt(2 * math.pi), rtol=1e-10, atol=0)


def test_the_least_slope_is_below_the_kernel_slope() -> None:
    grid = torch.linspace(-1, 1, 97, dtype=torch.float64)
    assert 0.35 < least_slope(TANH) <= float(TANH.kernel(grid, 1).min())
    assert least_slope(PiecewiseLinear(0.2)) == pytest.approx(float(PiecewiseLinear(0.2).kernel(-1.0, 1)))


def test_points_of_rank_one_are_stationary() -> None:
    parameters = Joint("leaky", num_outputs=4, num_latents=4, true_latents=4)
    objective = objective_of(parameters, [1], "cpu")
    assert float(objective.gradient(rank_one_points(4, 4)).abs().max()) < 1e-14


def test_descent_ascent_lowers_the_objective() -> None:
    parameters = Joint("leaky")
    objective, first = objective_of(parameters, [3], "cpu"), starts(parameters, [3], 5, "cpu")
    last = descent_ascent(objective, first, 0.2, 50)
    assert bool((objective.value(last) < objective.value(first)).all())
