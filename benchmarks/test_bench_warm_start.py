"""Algorithm 5 on the same samples in patch space and in the basis of the atoms, in one run.

`extra_info` holds the seconds per instance and the largest difference between the columns that the two find.
"""

import pytest
import torch

from fsrcheck.model.families import independent_channels
from fsrcheck.model.target import TargetNetwork
from fsrcheck.training import (
    CodeOracle,
    SampleOracle,
    TargetPatches,
    WarmStartOracle,
    WarmStartResult,
    WarmStartSettings,
    samples_for,
    warm_start,
)

NUM_CHANNELS, EXPECTED_ACTIVE, SEEDS = 32, 2.0, tuple(range(8))
NUM_SAMPLES = samples_for(NUM_CHANNELS, EXPECTED_ACTIVE, 1.0, 0.25)


def in_patch_space(target: TargetNetwork) -> WarmStartOracle:
    return SampleOracle(TargetPatches(target, SEEDS), NUM_SAMPLES)


def in_code_space(target: TargetNetwork) -> WarmStartOracle:
    return CodeOracle(target, SEEDS, NUM_SAMPLES)


@pytest.mark.parametrize("oracle", [in_patch_space, in_code_space])
def test_warm_start(benchmark, oracle):
    target = independent_channels(NUM_CHANNELS, EXPECTED_ACTIVE, seeds=SEEDS)

    def run(find=oracle) -> WarmStartResult:
        return warm_start(find(target), WarmStartSettings.repaired(unit=1.0))

    result = benchmark.pedantic(run, rounds=3)
    difference = float((result.dictionary - run(in_code_space).dictionary).abs().max())
    assert torch.isfinite(result.dictionary).all()
    assert difference < 1e-9
    benchmark.extra_info["seconds per instance"] = benchmark.stats["mean"] / len(SEEDS)
    benchmark.extra_info["largest difference"] = difference
