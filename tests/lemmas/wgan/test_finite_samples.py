"""What the statements on finite samples rest on: bounds at hand-made points, closed forms, exact streams."""

import math

import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.gaussian.kernels import TANH, PiecewiseLinear
from fsrcheck.training.one_layer_sgda import OneLayerSettings
from fsrcheck.training.one_layer_wgan import PopulationObjective
from lemmas.wgan import algorithm_1, approximate_optimality, figure_2, finite_samples
from lemmas.wgan.setting import random_rows
from lemmas.wgan.trained_runs import observations, train_from


def test_the_false_minimum_of_figure_2_is_one_of_the_sampled_objective_too() -> None:
    own, latents = 0.52, torch.randn(400_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    a = math.sqrt(figure_2.false_square(0.2))
    assert a == pytest.approx(0.7322, abs=1e-4)
    leaky = PiecewiseLinear(0.2)
    cross = float((leaky(a * latents) * leaky(-a * latents)).mean())
    assert cross == pytest.approx(-0.2 * a * a, abs=2e-3)
    assert float(leaky(latents).square().mean()) == pytest.approx(own, abs=5e-3)
    assert figure_2.false_minimum().contradicts


def test_with_a_skewed_spanning_set_any_point_of_full_rank_passes() -> None:
    rows = torch.tensor([[1.0, 0.0], [0.6, 0.8]], dtype=torch.float64)[None, None]
    objective = PopulationObjective(TANH, torch.eye(2, dtype=torch.float64))
    points = approximate_optimality.Points(rows, objective.slack(rows))
    eps = [
        float(approximate_optimality.first_order_eps(objective, points, approximate_optimality.Parameters(basis=basis)))
        for basis in (approximate_optimality.ORTHONORMAL, approximate_optimality.SKEWED)
    ]
    assert eps[0] > 0.05
    assert eps[1] < 1e-8


def test_the_fourth_moment_is_that_of_a_standard_normal_for_the_identity() -> None:
    parameters = finite_samples.Parameters("leaky", leak=1.0)
    assert finite_samples.fourth_moment(parameters) == pytest.approx(3.0, rel=1e-12)
    assert finite_samples.amplification(parameters) == pytest.approx(1.0)


def test_more_samples_recover_better_at_the_rate_of_the_square_root() -> None:
    medians = [
        finite_samples.run(finite_samples.Parameters(num_samples=n, num_runs=100), [1], "cpu")[0].measurements["median"]
        for n in (500, 8000)
    ]
    assert 2.5 < medians[0].value / medians[1].value < 6.5


def test_a_run_does_not_depend_on_how_many_are_made_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = torch.eye(2, dtype=torch.float64).expand(2, 3, 2, 2)
    settings = OneLayerSettings(num_steps=20, batch_size=20, step_size=0.3, decay=250.0)
    starts = random_rows([1, 2], "starts", (3, 2, 2))
    whole = train_from(TANH, truth, starts, [1, 2], settings, 20)
    monkeypatch.setattr("lemmas.wgan.trained_runs.AT_ONCE", 40)
    torch.testing.assert_close(train_from(TANH, truth, starts, [1, 2], settings, 20), whole, rtol=0, atol=1e-12)
    assert not torch.equal(*observations(TANH, truth, [1, 2], 20)[:, 0])


def test_the_law_of_the_floor_is_the_one_of_the_docstring() -> None:
    parameters = algorithm_1.Parameters(algorithm_1.FLOOR, step_size=0.01, decay=0.0)
    assert algorithm_1.floor_law(parameters) == pytest.approx(0.111, abs=2e-3)


@pytest.mark.parametrize(
    ("module", "change"),
    [
        (algorithm_1, {"task": "sleep"}),
        (algorithm_1, {"batch_size": 0}),
        (approximate_optimality, {"basis": "any"}),
        (finite_samples, {"num_samples": 0}),
        (figure_2, {"activation": "step"}),
    ],
)
def test_impossible_parameters_are_refused(module: object, change: dict[str, object]) -> None:
    with pytest.raises(InputError, match=next(iter(change))):
        module.Parameters(**change)  # type: ignore[attr-defined]
