"""Groups of runs of Algorithm 1, and where the same observations lead without mini-batches.

A step is a dozen short operations on arrays of a few hundred kilobytes. Shared between threads they wait for each other, on a
busy machine ten times as long as the work takes: everything here runs on one thread. What is left is half normals, and
arrays that leave the cache double the rest: runs are worked on together as far as about AT_ONCE latents of a step go, one
after the other beyond that. Every run has generators of its own, so the grouping changes nothing.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

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
from fsrcheck.training.one_layer_wgan import unit_rows

AT_ONCE = 20_000


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch work on one thread meanwhile."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def run_streams(seeds: Sequence[int], purpose: str, num_runs: int) -> list[np.random.Generator]:
    """One generator for every run of every seed, in the order of a flattened (seed, run)."""
    return [child for generator in streams(seeds, purpose) for child in generator.spawn(num_runs)]


def normal_starts(seeds: Sequence[int], num_runs: int, shape: Sequence[int], device: str) -> Tensor:
    """Standard normal matrices, (seed, run, *shape)."""
    return standard_normal(streams(seeds, "starts"), (num_runs, *shape), device)


@one_thread()
def observations(activation: Activation, truth: Tensor, seeds: Sequence[int], num_samples: int) -> Tensor:
    """X_n of every run, (seed, run, d, d), from the truth (seed, run, d, k)."""
    generators = run_streams(seeds, "observations", truth.shape[1])
    pairs = zip(truth.flatten(0, 1).split(1), generators, strict=True)
    found = [observed_moments(activation, rows, num_samples, [generator]) for rows, generator in pairs]
    return torch.cat(found).unflatten(0, truth.shape[:2])


@one_thread()
def train_from(
    activation: Activation,
    observed: Tensor,
    starts: Tensor,
    seeds: Sequence[int],
    settings: OneLayerSettings,
    every: int | None = None,
) -> Tensor:
    """A of Algorithm 1 at the start, after every ``every`` steps and at the end, (point, seed, run, d, k).

    Args:
        activation: f.
        observed: X_n, (seed, run, d, d).
        starts: A, (seed, run, d, k).
        seeds: latents and noise of every run follow from these.
        settings: of Algorithm 1.
        every: see above; None for the end alone.
    """
    num_runs = starts.shape[1]
    generators = [run_streams(seeds, name, num_runs) for name in ("latents", "own latents", "noise")]
    moments, rows, count = observed.flatten(0, 1), starts.flatten(0, 1), max(1, AT_ONCE // settings.batch_size)
    ends = []
    for first in range(0, len(rows), count):
        part = slice(first, first + count)
        draws = Draws(*(each[part] for each in generators))
        trained = OneLayerTraining(activation, moments[part], settings, draws).run(rows[part], every=every)
        ends.append(trained.path if every else trained.rows[None])
    return torch.cat(ends, dim=1).unflatten(1, starts.shape[:2])


@one_thread()
def averaged_descent(
    objective: EmpiricalObjective, starts: Tensor, seeds: Sequence[int], settings: OneLayerSettings
) -> Tensor:
    """A of Algorithm 1 with its latents averaged out (m -> infinity), (seed, run, d, k): descent on g_n with unit rows.

    Steps go along the surface: what a gradient has along a row, the projection would take away again to first order.
    """
    rows, noise = starts, None
    if settings.noise:
        noise = spheres(seeds, starts.shape, settings.num_steps, starts.device)
    for step in range(settings.num_steps):
        gradient = objective.gradient(rows)
        if noise is not None:
            gradient = gradient + settings.noise * noise[step]
        rows = unit_rows(rows - settings.rate(step) * gradient)
    return rows


def spheres(seeds: Sequence[int], shape: Sequence[int], num_steps: int, device: torch.device | str) -> Tensor:
    """e of line 6 for all steps, (step, *shape) with shape (seed, run, d, k); a call a run, not one a step."""
    drawn = standard_normal(run_streams(seeds, "noise", shape[1]), (num_steps, *shape[2:]), device)
    drawn = drawn / drawn.norm(dim=(-2, -1), keepdim=True)
    return drawn.unflatten(0, tuple(shape[:2])).movedim(2, 0)
