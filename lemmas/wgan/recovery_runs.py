"""Runs of Algorithm 1 to a random truth, as Figure 1 has them: how far they end from it, and which of them fail."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.training.one_layer_sgda import EmpiricalObjective, OneLayerSettings
from fsrcheck.training.one_layer_wgan import correlations
from fsrcheck.training.row_sphere_newton import find_stationary_points
from lemmas.wgan.setting import Generators, activation_named, least_slope, random_rows
from lemmas.wgan.trained_runs import averaged_descent, observations, one_thread, train_from

FAILED = 0.15  # of ||Z*||_F
NEWTON_STEPS = 60
SAMPLED, AVERAGED = "sampled", "averaged"
SAMPLES, OUTPUTS = "samples", "outputs"


@dataclass(frozen=True)
class Parameters(Generators):
    """Parameters of Figure 1."""

    activation: str = "leaky"
    num_latents: int = 2
    true_latents: int = 2
    num_samples: int = 500  # n = m
    num_runs: int = 20
    over: str = SAMPLES  # what the curve that this point lies on runs over
    latents: str = SAMPLED
    num_steps: int = 500  # T
    step_size: float = 0.3  # eta
    noise: float = 0.0  # |e|
    regulariser: float = 1.0

    def __post_init__(self) -> None:
        """Refuse less than two runs, no samples, unknown latents and what Algorithm 1 refuses."""
        super().__post_init__()
        for name, least in (("num_samples", 1), ("num_runs", 2)):
            if getattr(self, name) < least:
                raise InputError(f"{name} must be at least {least}, got {getattr(self, name)}")
        for name, known in (("latents", (SAMPLED, AVERAGED)), ("over", (SAMPLES, OUTPUTS))):
            if getattr(self, name) not in known:
                raise InputError(f"{name} must be {known[0]!r} or {known[1]!r}, got {getattr(self, name)!r}")
        self.settings  # noqa: B018  refuses the rest

    @property
    def settings(self) -> OneLayerSettings:
        """What the training is told."""
        return OneLayerSettings(
            self.num_steps, self.num_samples, self.step_size, noise=self.noise, regulariser=self.regulariser
        )


@dataclass(frozen=True)
class Recovered:
    """Errors ||A A^T - Z*||_F of the runs and of the minima next to the truth, (seed, run), and which runs failed."""

    error: Tensor
    best: Tensor
    failed: Tensor


@one_thread()
def recover(parameters: Parameters, seeds: Sequence[int], device: str) -> Recovered:
    """All runs of all seeds."""
    activation = activation_named(parameters.activation, parameters.leak)
    shape = (parameters.num_runs, parameters.num_outputs)
    truth = random_rows(seeds, "targets", (*shape, parameters.true_latents), device)
    starts = random_rows(seeds, "starts", (*shape, parameters.num_latents), device)
    observed = observations(activation, truth, seeds, parameters.num_samples)
    objective = EmpiricalObjective(activation, correlations(truth), observed)
    if parameters.latents == SAMPLED:
        ends = train_from(activation, observed, starts, seeds, parameters.settings)[-1]
    else:
        ends = averaged_descent(objective, starts, seeds, parameters.settings)
    near = find_stationary_points(objective, truth, NEWTON_STEPS).rows
    apart = (correlations(ends) - correlations(near)).norm(dim=(-2, -1))
    return Recovered(
        objective.error(ends), objective.error(near), apart > FAILED * correlations(truth).norm(dim=(-2, -1))
    )


def run(parameters: Parameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """One point of one curve."""
    found = recover(parameters, seeds, device)
    premises = {
        "rising kernel": least_slope(activation_named(parameters.activation, parameters.leak)) - 1e-6,
        "expressive": float(parameters.num_latents - parameters.true_latents),
    }
    return [
        Observation(premises, _measured(error, best, failed), {"recovered": int((~failed).sum()), "runs": len(failed)})
        for error, best, failed in zip(found.error, found.best, found.failed, strict=True)
    ]


def _measured(error: Tensor, best: Tensor, failed: Tensor) -> dict[str, Measurement]:
    numbers = {
        "mean": error.mean(),
        "deviation": error.std(),
        "median": error.median(),
        "over the minimum": error[~failed].norm() / best[~failed].norm(),
    }
    return {name: Measurement(float(value)) for name, value in numbers.items()}
