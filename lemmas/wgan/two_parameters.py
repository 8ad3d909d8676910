"""Paths of Algorithm 1 with two parameters, as Figure 2 has them, and the exact objective of the leaky ReLU there."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.training.one_layer_sgda import OneLayerSettings
from lemmas.wgan.setting import activation_named
from lemmas.wgan.trained_runs import normal_starts, observations, train_from

ARROW, LEAK, DRAWN = 500, 0.2, 5
TO_SADDLE = 2.0  # ||Z*||_F
AT = "arrow {} of run {}, parameter {}"
GRID, DESCENT_STEPS, DESCENT_STEP_SIZE = 80, 600, 0.2


@dataclass(frozen=True)
class Parameters:
    """Parameters of Figure 2."""

    activation: str = "tanh"  # the slope of "leaky" is LEAK
    num_samples: int = 1000  # n = m
    num_runs: int = 20
    num_arrows: int = 4  # of 500 steps
    step_size: float = 0.2
    projected: bool = False
    regulariser: float = 1.0

    def __post_init__(self) -> None:
        """Refuse less than one run or arrow and what Algorithm 1 refuses."""
        for name in ("num_samples", "num_runs", "num_arrows"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        activation_named(self.activation, LEAK)
        self.settings  # noqa: B018  refuses the rest

    @property
    def settings(self) -> OneLayerSettings:
        """What the training is told."""
        steps = ARROW * self.num_arrows
        return OneLayerSettings(
            steps, self.num_samples, self.step_size, projected=self.projected, regulariser=self.regulariser
        )


def paths(parameters: Parameters, seeds: Sequence[int], device: str = "cpu") -> Tensor:
    """A after every arrow, (arrow, seed, run, 2)."""
    truth = torch.ones(len(seeds), parameters.num_runs, 2, 1, dtype=torch.float64, device=device)
    starts = normal_starts(seeds, parameters.num_runs, (2, 1), device)
    activation = activation_named(parameters.activation, LEAK)
    observed = observations(activation, truth, seeds, parameters.num_samples)
    return train_from(activation, observed, starts, seeds, parameters.settings, ARROW)[..., 0]


def run(parameters: Parameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """How many runs end nearest to the truth, or to the other minimum."""
    found = paths(parameters, seeds, device)
    error, elsewhere = distances(found[-1])
    arrived = error < torch.full_like(error, TO_SADDLE / 2)
    settled = arrived
    if parameters.activation == "leaky":
        arrived = arrived & (error < elsewhere)
        settled = arrived | (elsewhere < false_square())  # half the way to the saddle: the norm of it is 2 a^2
    return [
        Observation(
            {},
            {
                "mean": Measurement(float(error[i].mean())),
                "median": Measurement(float(error[i].median())),
                **_path(found[:, i]),
            },
            {"arrived": int(arrived[i].sum()), "settled": int(settled[i].sum()), "runs": parameters.num_runs},
        )
        for i in range(len(seeds))
    ]


def distances(ends: Tensor) -> tuple[Tensor, Tensor]:
    """Of A A^T, from A (..., 2), to the truth and to the other minimum of the leaky ReLU, in the Frobenius norm."""
    products = ends[..., :, None] * ends[..., None, :]
    other = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=ends.dtype, device=ends.device) * false_square()
    return (products - 1).norm(dim=(-2, -1)), (products - other).norm(dim=(-2, -1))


def _path(path: Tensor) -> dict[str, Measurement]:
    """The first runs' parameters after every arrow, from (arrow, run, 2)."""
    return {
        AT.format(arrow, run, name): Measurement(float(path[arrow, run, row]))
        for arrow in range(len(path))
        for run in range(min(DRAWN, path.shape[1]))
        for row, name in enumerate("ab")
    }


def false_square() -> float:
    """a^2 at the other minimum, c (c - s)/(c^2 + s^2)."""
    own = (1 + LEAK**2) / 2
    return own * (own - LEAK) / (own**2 + LEAK**2)


def exact_objective(points: Tensor) -> Tensor:
    """g of the leaky ReLU at A = (a, b), from (..., 2)."""
    own, product = (1 + LEAK**2) / 2, points.prod(dim=-1)
    shared = torch.where(product >= 0, own * product, LEAK * product)
    return own**2 * (points.square() - 1).square().sum(dim=-1) / 2 + (shared - own).square()


@lru_cache(maxsize=1)
def false_basin() -> float:
    """q: how much of the standard normal starts exact descent leads to the other minimum."""
    levels = (torch.arange(GRID, dtype=torch.float64) + 0.5) / GRID
    quantiles = torch.special.ndtri(levels)
    points = torch.cartesian_prod(quantiles, quantiles)
    for _ in range(DESCENT_STEPS):
        variable = points.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(exact_objective(variable).sum(), variable)
        points = points - DESCENT_STEP_SIZE * gradient
    error, elsewhere = distances(points)
    return float((elsewhere < error).double().mean())
