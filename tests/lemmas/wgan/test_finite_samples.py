"""What the statements on finite samples rest on: bounds at hand-made points, closed forms, exact streams."""

import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.gaussian.kernels import TANH
from fsrcheck.training.one_layer_wgan import PopulationObjective
from lemmas.wgan import algorithm_1, approximate_optimality, finite_samples


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
    ],
)
def test_impossible_parameters_are_refused(module: object, change: dict[str, object]) -> None:
    with pytest.raises(InputError, match=next(iter(change))):
        module.Parameters(**change)  # type: ignore[attr-defined]
