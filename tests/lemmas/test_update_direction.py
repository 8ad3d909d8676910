"""The update direction of D5: the construction in the least dimension, and how a pair's mean product moves along it."""

import pytest
import torch

from fsrcheck.gaussian import relu_product_mean, upper_orthant
from lemmas.fsr.c14_update_direction import direction
from lemmas.fsr.c28_pair_along_direction import update_terms


def stack(rows: int, rank: int, columns: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    left = torch.randn((3, rows, rank), generator=generator, dtype=torch.float64)
    return left @ torch.randn((3, rank, columns), generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("rank", "target_rank"), [(1, 1), (2, 4), (6, 6)])
def test_the_direction_has_the_target_s_gram_matrix_and_is_orthogonal_to_the_learner(rank, target_rank, seed):
    learner, target = stack(6, rank, rank + target_rank, seed), stack(6, target_rank, 7, seed + 100)
    step = direction(learner, target)
    torch.testing.assert_close(step @ step.mT, target @ target.mT)
    torch.testing.assert_close(learner @ step.mT, torch.zeros_like(learner @ step.mT))


def test_one_dimension_less_is_not_enough():
    learner, target = stack(6, 2, 4, 0), stack(6, 3, 7, 1)
    with pytest.raises(RuntimeError):
        direction(learner, target)


@pytest.mark.parametrize(("rho", "wanted"), [(0.6, 0.1), (-0.4, 0.5), (0.0, 0.3), (0.95, -0.5)])
@pytest.mark.parametrize("h", [0.5, 2.0, 4.0])
def test_the_mean_product_moves_between_tangent_and_chord(h, rho, wanted):
    eta = torch.linspace(0.0, 1.0, 21, dtype=torch.float64)
    change = relu_product_mean(h, h, (1 - eta) * rho + eta * wanted) - relu_product_mean(h, h, rho)
    rounding = 1e-12 * float(relu_product_mean(h, h, max(rho, wanted)))
    assert bool((change >= eta * (wanted - rho) * upper_orthant(h, h, rho) - rounding).all())
    assert bool((change <= eta * change[-1] + rounding).all())


def test_the_three_terms_are_the_derivative_with_the_right_sign_alone():
    h, rho, wanted, step = 1.5, 0.2, 0.1, 1e-4
    ends = [float(relu_product_mean(h, h, rho + sign * step * (wanted - rho))) for sign in (1, -1)]
    derivative = (ends[0] - ends[1]) / (2 * step)
    assert update_terms(h, rho, wanted, -1.0) == pytest.approx(derivative, rel=1e-6)
    assert update_terms(h, rho, wanted, 1.0) != pytest.approx(derivative, rel=0.5)
