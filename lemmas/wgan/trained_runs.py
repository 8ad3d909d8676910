"""Groups of runs of Algorithm 1 for the figures, and where the same observations lead without mini-batches."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from fsrcheck.gaussian.kernels import Activation
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.training.one_layer_sgda import (
    Draws,
    EmpiricalObjective,
    OneLayerSettings,
    OneLayerTraining,
    observed_moments,
)
from fsrcheck.training.one_layer_wgan import correlations, unit_rows

EXACT_STEPS, EXACT_STEP_SIZE = 120, 0.3
AT_ONCE = 20_000  # latents of all runs that are worked on together, so that they stay in the cache


def run_streams(seeds: Sequence[int], purpose: str, num_runs: int) -> list[np.random.Generator]:
    """One generator for every run of every seed, in the order of a flattened (seed, run)."""
    return [child for generator in streams(seeds, purpose) for child in generator.spawn(num_runs)]


def normal_starts(seeds: Sequence[int], num_runs: int, shape: Sequence[int], device: str) -> Tensor:
    """Standard normal matrices, (seed, run, *shape)."""
    return standard_normal(streams(seeds, "starts"), (num_runs, *shape), device)


def observations(activation: Activation, truth: Tensor, seeds: Sequence[int], num_samples: int) -> Tensor:
    """X_n of every run, (seed, run, d, d), from the truth (seed, run, d, k)."""
    generators = run_streams(seeds, f"{num_samples} observations", truth.shape[1])
    pairs = zip(truth.flatten(0, 1).split(1), generators, strict=True)
    found = [observed_moments(activation, rows, num_samples, [generator]) for rows, generator in pairs]
    return torch.cat(found).unflatten(0, truth.shape[:2])


def train_from(
    activation: Activation,
    truth: Tensor,
    starts: Tensor,
    seeds: Sequence[int],
    settings: OneLayerSettings,
    num_samples: int,
    every: int | None = None,
) -> Tensor:
    """A of Algorithm 1 at the start, after every ``every`` steps and at the end, (point, seed, run, d, k).

    Args:
        activation: f.
        truth: A*, (seed, run, d, k_0).
        starts: A, (seed, run, d, k).
        seeds: observations and latents of every run follow from these.
        settings: of Algorithm 1.
        num_samples: n.
        every: see above; None for the end alone.
    """
    num_runs = truth.shape[1]
    observed = observations(activation, truth, seeds, num_samples).flatten(0, 1)
    generators = [run_streams(seeds, f"{num_samples} {name}", num_runs) for name in ("latents", "own latents", "noise")]
    rows, count = starts.flatten(0, 1), max(1, AT_ONCE // settings.batch_size)
    ends = []
    for first in range(0, len(rows), count):
        part = slice(first, first + count)
        draws = Draws(*(each[part] for each in generators))
        trained = OneLayerTraining(activation, observed[part], settings, draws).run(rows[part], every=every)
        ends.append(trained.path if every else trained.rows[None])
    return torch.cat(ends, dim=1).unflatten(1, truth.shape[:2])


def exact_descent(activation: Activation, truth: Tensor, seeds: Sequence[int], num_samples: int) -> Tensor:
    """A, (seed, run, d, k), where g_n of the same observations leads from A*: the minimum that a good run should find."""
    objective = EmpiricalObjective(activation, correlations(truth), observations(activation, truth, seeds, num_samples))
    rows = truth
    for _ in range(EXACT_STEPS):
        rows = unit_rows(rows - EXACT_STEP_SIZE * objective.gradient(rows))
    return rows
