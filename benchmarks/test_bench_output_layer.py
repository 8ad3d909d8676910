"""Algorithm 1 on the population oracle: m = 64, twenty instances, in one batch and one by one.

Read the two rows of the group beside each other: the same instances, the same result. What a user would take instead of
the closed form is averaging over samples: the third row is one comparison of moments on 6400 samples per
instance, a hundred for every channel.
"""

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from fsrcheck.model.factor_codes import FactorCodes
from fsrcheck.model.families import FAMILIES
from fsrcheck.training.output_layer import SharpenSettings, sharpen, unit_columns
from fsrcheck.training.truncated_moments import PopulationMoments, SampledMoments

NUM_CHANNELS, EXPECTED_ACTIVE, INSTANCES = 64, 2.0, 20
SETTINGS = SharpenSettings(power=2.0, max_steps=200, tolerance=1e-9, relaxation=0.5)


def instance(seeds: list[int]) -> tuple[Tensor, FactorCodes, Tensor, Tensor]:
    """W*, the law of the codes, a dictionary off by 1/8 in every column, and bb."""
    target = FAMILIES["independent_channels"](NUM_CHANNELS, EXPECTED_ACTIVE, seeds=seeds)
    atoms = target.first.dictionary[:, 0]
    noise = torch.randn(atoms.shape[1:], generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    start = unit_columns(atoms + 0.125 * unit_columns(noise))
    return atoms, FactorCodes.of_patch(target.first, 0), start, torch.full((len(seeds),), 1.25, dtype=torch.float64)


def population(seeds: list[int]) -> Tensor:
    """The dictionaries after Algorithm 1."""
    atoms, codes, start, cutoff = instance(seeds)
    return sharpen(PopulationMoments(atoms, codes, codes, start, cutoff), start, SETTINGS).dictionary


@pytest.mark.benchmark(group="Algorithm 1, m = 64, 20 instances, population")
def test_one_batch(benchmark: BenchmarkFixture) -> None:
    result = benchmark.pedantic(population, args=(list(range(INSTANCES)),), rounds=3, iterations=1, warmup_rounds=1)
    assert result.shape[0] == INSTANCES


@pytest.mark.benchmark(group="Algorithm 1, m = 64, 20 instances, population")
def test_one_by_one(benchmark: BenchmarkFixture) -> None:
    def loop() -> list[Tensor]:
        return [population([seed]) for seed in range(INSTANCES)]

    assert len(benchmark.pedantic(loop, rounds=1, iterations=1)) == INSTANCES


@pytest.mark.parametrize("oracle", ["closed form", "samples"])
@pytest.mark.benchmark(group="one comparison of moments, m = 64, 20 instances")
def test_one_comparison(benchmark: BenchmarkFixture, oracle: str) -> None:
    seeds = list(range(INSTANCES))
    atoms, codes, start, cutoff = instance(seeds)
    shown = (atoms, codes, codes, start, cutoff)
    moments = (
        PopulationMoments(*shown) if oracle == "closed form" else SampledMoments(*shown, seeds=seeds, num_samples=6400)
    )
    state = benchmark.pedantic(moments.compare, args=(start,), rounds=2, iterations=1)
    assert state.gap.shape == (INSTANCES, NUM_CHANNELS, NUM_CHANNELS)
