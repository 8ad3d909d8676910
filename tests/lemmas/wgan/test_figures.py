"""Figures 1 and 2: runs in groups against runs alone and against a transcription, what counts as failed, the plots' numbers."""

import numpy as np
import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.evidence.trial import Case, Measurement, Observation, Trial
from fsrcheck.gaussian.kernels import TANH
from fsrcheck.training.one_layer_sgda import EmpiricalObjective, OneLayerSettings
from fsrcheck.training.one_layer_wgan import correlations
from lemmas.wgan import (
    figure_1,
    figure_1_plot,
    figure_2,
    figure_2_plot,
    finite_samples,
    recovery_runs,
    trained_runs,
    two_parameters,
)
from lemmas.wgan.algorithm_1_transcription import Players, transcribe
from lemmas.wgan.setting import random_rows

SMALL = recovery_runs.Parameters("tanh", num_samples=40, num_runs=3, num_steps=6)


def problem(seeds: tuple[int, ...] = (5, 6)) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    truth, starts = random_rows(seeds, "targets", (3, 3, 2)), random_rows(seeds, "starts", (3, 3, 2))
    return truth, starts, trained_runs.observations(TANH, truth, seeds, 40)


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_a_group_of_runs_ends_where_the_transcription_of_each_ends(noise: float) -> None:
    _, starts, observed = problem()
    settings = OneLayerSettings(6, 20, 0.3, noise=noise)
    ends = trained_runs.train_from(TANH, observed, starts, (5, 6), settings)[-1]
    latents, sphere = (trained_runs.run_streams((5, 6), name, 3) for name in ("latents", "noise"))

    def direction(run: int) -> np.ndarray:
        drawn = sphere[run].standard_normal((3, 2)) if noise else np.zeros((3, 2))
        return noise * drawn / max(float(np.sqrt(np.sum(drawn**2))), 1e-300)

    for run in range(6):
        start, moments = starts.flatten(0, 1)[run].numpy(), observed.flatten(0, 1)[run].numpy()
        plain = transcribe(
            moments,
            Players(start, np.zeros((3, 3))),
            lambda run=run: latents[run].standard_normal((2, 20)).T,
            None,
            lambda run=run: direction(run),
            [0.3] * 6,
            regulariser=1.0,
            projected=True,
        )
        np.testing.assert_allclose(ends.flatten(0, 1)[run].numpy(), plain.rows, rtol=0, atol=1e-13)


def test_how_many_runs_are_worked_on_together_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    _, starts, observed = problem()
    settings = OneLayerSettings(5, 20, 0.3, noise=1.0)
    together = trained_runs.train_from(TANH, observed, starts, (5, 6), settings, every=2)
    monkeypatch.setattr(trained_runs, "AT_ONCE", 1)
    alone = trained_runs.train_from(TANH, observed, starts, (5, 6), settings, every=2)
    assert together.shape == (3, 2, 3, 3, 2)
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("module", "parameters"),
    [
        (recovery_runs, SMALL),
        (
            recovery_runs,
            recovery_runs.Parameters("leaky", num_runs=3, num_steps=6, latents=recovery_runs.AVERAGED, noise=1.0),
        ),
        (two_parameters, two_parameters.Parameters("leaky", num_samples=30, num_runs=3, num_arrows=1)),
        (finite_samples, finite_samples.Parameters(num_samples=50, num_runs=3, own=True, num_steps=5, noise=1.0)),
    ],
)
def test_a_trial_does_not_depend_on_its_batch(module: object, parameters: object) -> None:
    together = module.run(parameters, [7, 8], "cpu")  # type: ignore[attr-defined]
    for i, seed in enumerate((7, 8)):
        (alone,) = module.run(parameters, [seed], "cpu")  # type: ignore[attr-defined]
        assert alone.counts == together[i].counts
        for name, measured in alone.measurements.items():
            assert together[i].measurements[name].value == pytest.approx(
                measured.value, rel=1e-9, abs=1e-12, nan_ok=True
            )


def test_averaged_latents_are_the_limit_of_many_sampled_ones() -> None:
    truth, starts, observed = problem()
    averaged = trained_runs.averaged_descent(
        EmpiricalObjective(TANH, correlations(truth), observed), starts, (5, 6), OneLayerSettings(20, 1, 0.01)
    )
    ends = [
        trained_runs.train_from(TANH, observed, starts, (5, 6), OneLayerSettings(20, size, 0.01))[-1]
        for size in (50, 20000)
    ]
    few, many = (float((correlations(end) - correlations(averaged)).norm()) for end in ends)
    moved = float((correlations(starts) - correlations(averaged)).norm())
    assert many < 0.3 * few
    assert many < 0.02 * moved


def test_the_directions_of_the_noise_are_those_of_the_runs_one_by_one() -> None:
    drawn = trained_runs.spheres((5, 6), (2, 3, 3, 2), 4, "cpu")
    alone = trained_runs.spheres((6,), (1, 3, 3, 2), 4, "cpu")
    torch.testing.assert_close(drawn[:, 1:], alone)
    torch.testing.assert_close(drawn.norm(dim=(-2, -1)), torch.ones(4, 2, 3, dtype=torch.float64))


def test_a_run_that_never_moves_fails_and_one_from_the_truth_recovers(monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = recovery_runs.Parameters(num_outputs=7, num_samples=5000, latents=recovery_runs.AVERAGED, num_steps=0)
    assert bool(recovery_runs.recover(parameters, [1], "cpu").failed.all())
    monkeypatch.setattr(
        recovery_runs, "averaged_descent", lambda objective, starts, seeds, settings: objective_truth(seeds)
    )
    assert not bool(recovery_runs.recover(parameters, [1], "cpu").failed.any())


def objective_truth(seeds: list[int]) -> torch.Tensor:
    return random_rows(seeds, "targets", (20, 7, 2))


def test_runs_end_nearest_to_the_truth_or_to_the_other_minimum() -> None:
    at = two_parameters.false_square() ** 0.5
    error, elsewhere = two_parameters.distances(
        torch.tensor([[1.0, 1.0], [-1.0, -1.0], [at, -at]], dtype=torch.float64)
    )
    torch.testing.assert_close(error[:2], torch.zeros(2, dtype=torch.float64))
    assert float(elsewhere[2]) == pytest.approx(0.0, abs=1e-15)
    assert float(error[2]) > two_parameters.TO_SADDLE


@pytest.mark.parametrize("found", [figure_1.stays_away, figure_2.false_minimum, figure_2.frozen_signs])
def test_the_counterexamples_contradict(found: object) -> None:
    assert found().contradicts  # type: ignore[operator]


def test_the_exact_objective_is_the_kernel_of_the_leaky_relu() -> None:
    generator = torch.Generator().manual_seed(2)
    latents = torch.randn(200_000, generator=generator, dtype=torch.float64)
    for point in ([0.7, 1.2], [0.9, -0.5]):
        outputs = torch.nn.functional.leaky_relu(
            torch.tensor(point, dtype=torch.float64)[:, None] * latents, two_parameters.LEAK
        )
        moments, truth = outputs @ outputs.mT / latents.numel(), (1 + two_parameters.LEAK**2) / 2
        sampled = float((moments - truth).square().sum() / 2)
        assert float(two_parameters.exact_objective(torch.tensor(point, dtype=torch.float64))) == pytest.approx(
            sampled, rel=0.03
        )


def test_the_basin_is_a_sixth() -> None:
    assert two_parameters.false_basin() == pytest.approx(1 / 6, abs=0.01)


def figure_1_case(num_samples: int, medians: list[float], recovered: int) -> Case:
    measured = {"mean": 0.5, "deviation": 0.3}
    trials = tuple(
        Trial(
            "wgan.fig.1",
            {},
            seed,
            Observation(
                {},
                {name: Measurement(value) for name, value in {**measured, "median": median}.items()},
                {"recovered": recovered, "runs": 20},
            ),
        )
        for seed, median in enumerate(medians)
    )
    return Case(recovery_runs.Parameters(num_samples=num_samples), trials)


def test_the_plot_of_figure_1_pools_its_trials() -> None:
    case = figure_1_case(500, [0.1, 0.4], recovered=19)
    assert figure_1_plot.median(case) == pytest.approx(0.2)
    assert figure_1_plot.failures(case) == (2, 40)
    limits = figure_1_plot.failure_rate(case)
    assert limits.low < 0.05 < limits.high
    curves = figure_1_plot.curves_of([case, figure_1_case(1000, [0.1], 20)], "leaky", recovery_runs.SAMPLED)
    assert [[each.parameters.num_samples for each in curve] for curve in curves] == [[500, 1000]]
    assert figure_1_plot.curves_of([case], "leaky", recovery_runs.AVERAGED) == []


def test_the_plot_of_figure_2_draws_the_measured_paths() -> None:
    parameters = two_parameters.Parameters(num_samples=20, num_runs=2, num_arrows=1)
    found = two_parameters.run(parameters, [3], "cpu")
    (first, second) = figure_2_plot.paths_of(Case(parameters, (Trial("wgan.fig.2", {}, 3, found[0]),)))
    whole = two_parameters.paths(parameters, [3])[:, 0]
    assert torch.equal(torch.tensor([first, second], dtype=torch.float64).movedim(0, 1), whole)


@pytest.mark.parametrize(
    ("module", "change"),
    [
        (recovery_runs, {"latents": "none"}),
        (recovery_runs, {"over": "time"}),
        (recovery_runs, {"num_runs": 1}),
        (recovery_runs, {"step_size": 0.0}),
        (two_parameters, {"num_runs": 0}),
        (two_parameters, {"num_arrows": 0}),
        (finite_samples, {"num_steps": -1}),
    ],
)
def test_impossible_parameters_are_refused(module: object, change: dict[str, object]) -> None:
    with pytest.raises(InputError, match=next(iter(change))):
        module.Parameters(**change)  # type: ignore[attr-defined]


def test_torch_gets_its_threads_back() -> None:
    before = torch.get_num_threads()
    with trained_runs.one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
