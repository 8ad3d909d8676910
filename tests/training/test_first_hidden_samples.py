"""Moments of true patches: unbiased, with the standard errors that the module derives."""

import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.model.scattered_level import scattered_correlations
from fsrcheck.training import first_hidden_samples
from fsrcheck.training.first_hidden import FirstHiddenSettings, learn_first_hidden
from fsrcheck.training.first_hidden_oracles import ExactDictionary, FirstLevelLaw
from fsrcheck.training.first_hidden_samples import SampledTarget, standard_errors, target_reads

SEEDS, NUM_SAMPLES = list(range(100, 148)), 4096


def _oracles(seeds: list[int], num_samples: int = NUM_SAMPLES) -> tuple[FirstLevelLaw, ExactDictionary, SampledTarget]:
    target = scattered_correlations(8, 1.0, seeds=seeds, num_patches=2, spread=0.2, across=0.0)
    law = FirstLevelLaw.of(target.first)
    exact = ExactDictionary(law, torch.full((len(seeds),), 0.1, dtype=torch.float64))
    reads = target_reads(target, target.first.dictionary, seeds=seeds, num_samples=num_samples)
    sampled = SampledTarget(exact, reads)
    return law, exact, sampled


def test_the_spread_over_seeds_is_the_standard_error_and_there_is_no_bias() -> None:
    law, exact, sampled = _oracles(SEEDS)
    errors = standard_errors(law, exact.cutoff, NUM_SAMPLES)
    for name, error in zip(("target_means", "target_rates", "target_pairs"), errors, strict=True):
        off = (getattr(sampled, name) / getattr(exact, name) - 1) / error
        assert float(off.square().mean().sqrt()) == pytest.approx(1.0, abs=0.25), name
        assert abs(float(off.mean())) < 5 / off.numel() ** 0.5 * 2, name


def test_the_learner_follows_the_samples_and_more_samples_bring_it_closer() -> None:
    errors = []
    for num_samples in (4096, 65536):
        law, _, sampled = _oracles([1, 2, 3], num_samples)
        _, learned = learn_first_hidden(sampled, FirstHiddenSettings(initial_rate=0.25, tolerance=1e-6))
        assert learned.directions is not None
        off = learned.directions @ learned.directions.mT - law.correlations
        errors.append(float(off.abs().amax(dim=(-2, -1)).mean()))
    assert 2 < errors[0] / errors[1] < 8  # a factor of 4 on average


def test_neither_the_chunk_size_nor_the_batch_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, together = _oracles([1, 2])
    monkeypatch.setattr(first_hidden_samples, "CHUNK_SIZE", 1000)
    _, _, alone = _oracles([2])
    torch.testing.assert_close(together.target_pairs[1:], alone.target_pairs, rtol=1e-10, atol=0)
    torch.testing.assert_close(together.target_rates[1:], alone.target_rates, rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    ("count", "message"), [(0, "at least 1, got 0"), (3, "every channel is seen above 2 b, got 3")]
)
def test_too_few_samples_are_refused(count: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        _oracles([1], count)
