"""Algorithm 1 of Lei et al.: its gradient, the exact ascent, what it draws, and the empirical objective."""

import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.gaussian.kernels import RELU, SIGMOID, SOFTPLUS, TANH, Activation, PiecewiseLinear, Smooth
from fsrcheck.model.streams import streams
from fsrcheck.training.one_layer_sgda import (
    Draws,
    EmpiricalObjective,
    OneLayerSettings,
    OneLayerTraining,
    observed_moments,
    value_and_slope,
)
from fsrcheck.training.one_layer_wgan import PopulationObjective, correlations, unit_rows

SEEDS = (3, 4, 5)


def random_rows(*shape: int) -> torch.Tensor:
    return unit_rows(torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64))


def training(seeds: tuple[int, ...] = SEEDS, **changes: object) -> OneLayerTraining:
    settings = OneLayerSettings(**{"num_steps": 6, "batch_size": 30, "step_size": 0.2, **changes})  # type: ignore[arg-type]
    truth = torch.eye(3, dtype=torch.float64).expand(len(seeds), 3, 3)
    observed = observed_moments(TANH, truth, 40, streams(seeds, "observations"))
    return OneLayerTraining(TANH, observed, settings, Draws.of(seeds))


@pytest.mark.parametrize("activation", [TANH, SIGMOID, SOFTPLUS, RELU, PiecewiseLinear(0.2), Smooth("sine", torch.sin)])
def test_the_slope_is_the_derivative(activation: Activation) -> None:
    x = torch.linspace(-2, 2, 40, dtype=torch.float64)
    value, slope = value_and_slope(activation, x)
    torch.testing.assert_close(value, activation(x))
    torch.testing.assert_close(slope, (activation(x + 1e-6) - activation(x - 1e-6)) / 2e-6, rtol=1e-7, atol=1e-8)


def test_one_step_descends_the_squared_distance_of_moments() -> None:
    plain = training(projected=False)
    rows = random_rows(3, 3, 3).requires_grad_()
    latents = torch.stack([torch.from_numpy(g.standard_normal((3, 30))) for g in Draws.of(SEEDS).latents])
    outputs = torch.tanh(rows @ latents)
    risk = (outputs @ outputs.mT / 30 - plain.observed).square().sum() / 2
    (gradient,) = torch.autograd.grad(risk, rows)
    moved, _ = plain.step(rows.detach(), torch.zeros_like(plain.observed), 0)
    torch.testing.assert_close(rows.detach() - moved, 0.2 * gradient)


def test_the_discriminator_forgets_where_it_was_only_with_the_regulariser() -> None:
    rows, elsewhere = random_rows(3, 3, 3), torch.ones(3, 3, 3, dtype=torch.float64)
    ends = {w: [training(regulariser=w).run(rows, start) for start in (None, elsewhere)] for w in (1.0, 0.0)}
    torch.testing.assert_close(ends[1.0][0].discriminator, ends[1.0][1].discriminator)
    assert float((ends[0.0][0].discriminator - ends[0.0][1].discriminator).abs().max()) > 0.1


def test_a_batch_equals_a_loop() -> None:
    rows, changes = random_rows(3, 3, 2), {"noise": 1.0, "independent_batches": True, "decay": 3.0}
    together = training(**changes).run(rows).rows
    alone = [training((seed,), **changes).run(rows[i : i + 1]).rows for i, seed in enumerate(SEEDS)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=1e-14)


def test_the_projection_restores_the_given_norms() -> None:
    plain = training()
    norms = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64).expand(3, 3)
    ends = OneLayerTraining(TANH, plain.observed, plain.settings, plain.draws, norms).run(random_rows(3, 3, 2)).rows
    torch.testing.assert_close(ends.norm(dim=-1), norms)


def test_the_noise_has_the_stated_norm() -> None:
    rows, zero = random_rows(3, 3, 2), torch.zeros(3, 3, 3, dtype=torch.float64)
    steps = [training(noise=noise, projected=False).step(rows, zero, 0)[0] for noise in (0.0, 2.5)]
    torch.testing.assert_close((steps[1] - steps[0]).norm(dim=(-2, -1)), torch.full((3,), 0.5, dtype=torch.float64))


def test_the_path_has_the_start_and_every_stretch() -> None:
    rows = random_rows(3, 3, 2)
    found = training().run(rows, every=3)
    assert found.path.shape == (3, 3, 3, 2)
    assert torch.equal(found.path[0], rows)
    assert torch.equal(found.path[-1], found.rows)


def test_the_empirical_objective_is_the_population_one_on_exact_observations() -> None:
    target, rows = correlations(random_rows(4, 4)), random_rows(4, 3)
    exact = PopulationObjective(TANH, target)
    empirical = EmpiricalObjective(TANH, target, exact.wanted + 7 * torch.eye(4, dtype=torch.float64))
    torch.testing.assert_close(empirical.value(rows), exact.value(rows))
    torch.testing.assert_close(empirical.gradient(rows), exact.gradient(rows))


@pytest.mark.parametrize(
    "changes", [{"num_steps": -1}, {"batch_size": 0}, {"step_size": 0.0}, {"decay": -1.0}, {"noise": -1.0}]
)
def test_impossible_settings_are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(changes))):
        training(**changes)
