"""Algorithm 2: a step of D5 against the number of pairs and against the bivariate integral, batches, and the whole chain.

Read the rows of a group beside each other, as ratios: D5's step is linear in the number of pairs from some hundred neurons on
(below it is overhead, which is what batches are for).
"""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from fsrcheck.gaussian.bivariate import relu_product_mean
from fsrcheck.model.families import scattered_correlations
from fsrcheck.training.first_hidden import FirstHiddenSettings, learn_correlations, learn_first_hidden, pair_indices
from fsrcheck.training.first_hidden_oracles import ExactDictionary, FirstLevelLaw
from lemmas.fsr.first_hidden_runs import LEARNED_START, build, train_marginals, train_pairs

STEPS = 20
SETTINGS = FirstHiddenSettings(initial_rate=0.25, max_pair_steps=STEPS, max_refreshes=1)
INSTANCES = 32


def law_of(num_neurons: int, batch: int = 1) -> FirstLevelLaw:
    channels = num_neurons // 2
    return FirstLevelLaw.of(scattered_correlations(channels, 2.0, seeds=range(batch), num_patches=2, spread=0.3).first)


def steps_of_pairs(law: FirstLevelLaw) -> Callable[[], object]:
    """D5 for twenty steps, the target's channels being learned; moments of the target are not timed."""
    oracle = ExactDictionary(law, torch.full((len(law.correlations),), 0.1, dtype=torch.float64))
    return lambda: learn_correlations(oracle, law.channels, SETTINGS)


@pytest.mark.parametrize("num_neurons", [32, 64, 128, 256, 512])
@pytest.mark.benchmark(group="D5, 20 steps, by the number of neurons (pairs: 496, 2016, 8128, 32640, 130816)")
def test_steps_of_pairs(benchmark: BenchmarkFixture, num_neurons: int) -> None:
    benchmark.pedantic(steps_of_pairs(law_of(num_neurons)), rounds=3, iterations=1, warmup_rounds=1)


@pytest.mark.parametrize("what", ["20 steps of D5", "20 bivariate integrals"])
@pytest.mark.benchmark(group="256 neurons: D5 against the bivariate integral alone on the same pairs")
def test_against_the_integral(benchmark: BenchmarkFixture, what: str) -> None:
    law = law_of(256)
    first, second = pair_indices(256)
    heights = (law.channels.thresholds + 0.1) / law.channels.scales
    at = heights[:, first], heights[:, second], law.correlations[:, first, second]

    def integrals() -> None:
        for _ in range(STEPS):
            relu_product_mean(*at)

    timed = integrals if what == "20 bivariate integrals" else steps_of_pairs(law)
    benchmark.pedantic(timed, rounds=2, iterations=1, warmup_rounds=1)


@pytest.mark.parametrize("batch", [1, INSTANCES])
@pytest.mark.benchmark(group="16 neurons: a batch of 32 instances against one, D4 and D5 to the end")
def test_a_batch_against_one(benchmark: BenchmarkFixture, batch: int) -> None:
    law = law_of(16, batch)
    oracle = ExactDictionary(law, torch.full((batch,), 0.1, dtype=torch.float64))
    to_the_end = replace(SETTINGS, max_pair_steps=2000)
    marginals, pairs = benchmark.pedantic(
        learn_first_hidden, args=(oracle, to_the_end), rounds=5, iterations=1, warmup_rounds=1
    )
    assert float(torch.maximum(marginals.residual, pairs.residual).max()) <= to_the_end.tolerance


@pytest.mark.benchmark(group="whole chain, 2 patches, m = 32, delta = 1e-3: target, premises, oracle, D4, D5")
def test_whole_chain(benchmark: BenchmarkFixture) -> None:
    parameters = replace(LEARNED_START, num_channels=32, dictionary_error=1e-3)

    def chain() -> torch.Tensor:
        instances = build(parameters, [1], "cpu")
        return train_pairs(parameters, instances, train_marginals(parameters, instances)).residual

    assert float(benchmark.pedantic(chain, rounds=2, iterations=1)) < 1e-6
