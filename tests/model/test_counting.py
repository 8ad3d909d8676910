"""Exact limits cover, and event lists count what a plain loop counts."""

from itertools import combinations

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from fsrcheck.errors import InputError
from fsrcheck.model.binomial import proportion_limits, quantile_ranks
from fsrcheck.model.co_activity import co_activity
from fsrcheck.model.sampled_level import ExtremeCodes, PairMoments, TripleCounts


def test_limits_are_those_of_scipy() -> None:
    counts = torch.tensor([0, 1, 7, 99, 100])
    lower, upper = proportion_limits(counts, 100, 0.025)
    for count, low, high in zip(counts.tolist(), lower.tolist(), upper.tolist(), strict=True):
        interval = binomtest(count, 100).proportion_ci(0.95, method="exact")
        assert (low, high) == pytest.approx((interval.low, interval.high), rel=1e-9)


def test_without_trials_anything_is_possible() -> None:
    lower, upper = proportion_limits(torch.zeros(1), torch.zeros(1), 0.01)
    assert (lower.item(), upper.item()) == (0.0, 1.0)


def test_quantile_limits_enclose_a_known_quantile() -> None:
    """2000 samples of a uniform; risk 0.05 a side over 400 repetitions: misses at most 42 (5 sigma)."""
    low, middle, high = quantile_ranks(2000, 0.9, 0.05)
    draws = -np.sort(-np.random.default_rng(1).random((400, 2000)), axis=1)
    assert (draws[:, low] > 0.9).sum() <= 42
    assert (draws[:, high] < 0.9).sum() <= 42
    assert abs(draws[:, middle].mean() - 0.9) < 0.002


def test_too_few_samples_for_a_quantile_are_refused() -> None:
    with pytest.raises(InputError, match="num_samples must be large enough"):
        quantile_ranks(50, 0.99, 0.001)


def _codes(batch: int = 2, samples: int = 40, patches: int = 2, channels: int = 5) -> torch.Tensor:
    generator = np.random.default_rng(7)
    return torch.relu(torch.from_numpy(generator.standard_normal((batch, samples, patches, channels))))


def test_triples_are_those_of_a_plain_loop() -> None:
    codes = _codes()
    counts = TripleCounts(risk=0.01)
    for chunk in codes.split(13, dim=1):
        counts.add(co_activity(chunk))
    expected = torch.stack(
        [
            torch.stack([(codes[b, :, p][:, list(c)] > 0).all(dim=1).sum() for c in combinations(range(5), 3)])
            for b in range(2)
            for p in range(2)
        ]
    ).amax(dim=1)
    torch.testing.assert_close(counts.measured().value.flatten() * 40, expected.double())


def test_pair_moments_are_those_of_dense_matrices() -> None:
    codes = _codes(samples=80)
    deltas = (0.25, 1.0)
    moments = PairMoments(deltas, pair_floor=0.0, risk=0.01)
    for block, chunk in enumerate(codes.split(10, dim=1)):
        moments.add(block, co_activity(chunk[:, :4]))
        moments.add(block, co_activity(chunk[:, 4:]))
    by_patch = codes.transpose(1, 2)
    active = (by_patch > 0).double()
    both = active.transpose(-1, -2) @ active
    other = ~torch.eye(5, dtype=torch.bool)
    pairs = both[..., other]
    torch.testing.assert_close(moments.pair_probability().value, pairs.amax(dim=-1) / 80)
    torch.testing.assert_close(moments.activation_probability().value, active.mean(dim=2).amax(dim=-1))
    torch.testing.assert_close(moments.mean_activation().value, by_patch.mean(dim=2).amin(dim=-1))
    mu = active.transpose(-1, -2) @ by_patch / 80
    torch.testing.assert_close(moments.sigma_min().value, torch.linalg.svdvals(mu)[..., -1])
    slopes = []
    for delta in deltas:
        small = ((by_patch > 0) & (by_patch <= delta)).double()
        slopes.append(((small.transpose(-1, -2) @ active)[..., other] / pairs / delta).amax(dim=-1))
    expected = torch.stack(slopes).amax(dim=0)
    torch.testing.assert_close(moments.joint_anti_concentration().value, expected)


def test_extremes_do_not_depend_on_the_chunks() -> None:
    codes = _codes(samples=4000)
    results = []
    for size in (4000, 700):
        extremes = ExtremeCodes(4000, quantile=0.9, risk=0.01)
        for chunk in codes.split(size, dim=1):
            extremes.add(chunk)
        results.append(extremes)
    for name in ("max_activation", "num_active"):
        assert torch.equal(results[0].measured(name).upper, results[1].measured(name).upper)
    middle = results[0].measured("max_activation").value[0, 0]
    share = (codes[0, :, 0].amax(dim=-1) <= middle).double().mean()
    assert share == pytest.approx(0.9, abs=1e-3)


def test_a_chunk_without_any_activity_counts_samples_only() -> None:
    counts = TripleCounts(risk=0.01)
    counts.add(co_activity(torch.zeros(1, 10, 1, 4, dtype=torch.float64)))
    measured = counts.measured()
    assert measured.value.item() == 0
    assert measured.upper.item() < 1
