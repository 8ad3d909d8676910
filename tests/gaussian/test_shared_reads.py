"""Reads with a leak from every other channel: against samples, and against closed forms where the leak or the copula is off."""

import math

import numpy as np
import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.gaussian import relu_mean, relu_product_mean, tail
from fsrcheck.gaussian.lattice_sums import Channel
from fsrcheck.gaussian.rectified_sums import RectifiedChannels, moments_above
from fsrcheck.gaussian.shared_reads import (
    Reading,
    code_moments,
    false_activations,
    first_moments,
    pair_moment,
    with_shared_factor,
)

SCALE, THRESHOLD, CUTOFF = 1.3, 1.2, 0.4
CHANNEL = Channel(torch.tensor(SCALE, dtype=torch.float64), torch.tensor(THRESHOLD, dtype=torch.float64))
LEAKING = Reading(0.95, 0.12, 11)  # the others alone pass the cutoff one time in fifty
SAMPLES, BLOCKS = 20_000, 40


def all_moments(channel: Channel, reading: Reading = LEAKING) -> tuple[torch.Tensor, ...]:
    own, other = code_moments(channel, reading, CUTOFF)
    return (*first_moments(channel, reading, CUTOFF), own, other, pair_moment(channel, reading, CUTOFF))


def sampled(correlation: float, seed: int) -> np.ndarray:
    """The same moments from samples, one row a block."""
    generator = np.random.default_rng(seed)
    m, rows = LEAKING.count + 1, []
    for _ in range(BLOCKS):
        normal = generator.standard_normal((SAMPLES, m))
        middle = normal.mean(axis=1, keepdims=True)
        normal = math.sqrt(1 - correlation) * (normal - middle) + math.sqrt(1 + (m - 1) * correlation) * middle
        codes = SCALE * np.maximum(normal - THRESHOLD, 0)
        total = codes.sum(axis=1, keepdims=True)
        reads = (LEAKING.own - LEAKING.other) * codes + LEAKING.other * total
        fires, above = reads > CUTOFF, np.maximum(reads - CUTOFF, 0)
        others = fires * (total - codes) / (m - 1)
        pairs = (above.sum(axis=1) ** 2 - (above**2).sum(axis=1)) / (m * (m - 1))
        rows.append(
            [
                np.maximum(reads - 2 * CUTOFF, 0).mean(),
                fires.mean(),
                (fires * codes).mean(),
                others.mean(),
                pairs.mean(),
            ]
        )
    return np.array(rows)


@pytest.mark.parametrize("correlation", [0.0, 0.03, -0.04])
def test_moments_are_those_of_samples_with_false_activations_and_a_shared_factor(correlation: float) -> None:
    rows = sampled(correlation, seed=5)
    closed = with_shared_factor(CHANNEL, correlation, all_moments)
    errors = rows.std(axis=0) / math.sqrt(BLOCKS)
    allowed = 6 * errors + 1e-3 * np.abs(closed)
    assert (np.abs(rows.mean(axis=0) - closed) <= allowed).all()
    assert (errors < 0.01 * np.abs(closed)).all()


def test_false_activations_are_counted() -> None:
    share = float(false_activations(CHANNEL, LEAKING, CUTOFF))
    generator = np.random.default_rng(1)
    others = SCALE * np.maximum(generator.standard_normal((200_000, LEAKING.count)) - THRESHOLD, 0).sum(axis=1)
    rate = (LEAKING.other * others > CUTOFF).mean() * float(tail(torch.tensor(-THRESHOLD, dtype=torch.float64)))
    assert share == pytest.approx(rate, rel=0.1)
    assert share > 0.01


def test_without_leaks_everything_is_a_closed_form_of_one_channel() -> None:
    silent = Reading(1.0, 1e-6, 11)
    mean, rate, own, other, pair = (float(value) for value in all_moments(CHANNEL, silent))
    reduced, twice = THRESHOLD + CUTOFF / SCALE, THRESHOLD + 2 * CUTOFF / SCALE
    alone = SCALE * float(relu_mean(reduced))
    assert mean == pytest.approx(SCALE * float(relu_mean(twice)), rel=1e-5)
    assert rate == pytest.approx(float(tail(reduced)), rel=1e-5)
    assert own == pytest.approx(alone + CUTOFF * float(tail(reduced)), rel=1e-5)
    assert other == pytest.approx(rate * SCALE * float(relu_mean(THRESHOLD)), rel=1e-5)
    assert pair == pytest.approx(alone**2, rel=1e-5)


def test_code_moments_are_those_of_the_series_where_there_are_no_false_activations() -> None:
    count, leak = 63, 0.01
    channel = Channel(torch.tensor(1.2, dtype=torch.float64), torch.tensor(2.2, dtype=torch.float64))
    all_alike = RectifiedChannels(channel.scale.expand(count + 1), channel.threshold.expand(count + 1))
    mixing = torch.full((count + 1, count + 1), leak, dtype=torch.float64).fill_diagonal_(1.0)
    series = moments_above(all_alike, mixing, 0.4)
    own, other = code_moments(channel, Reading(1.0, leak, count), 0.4)
    assert float(own) == pytest.approx(float(series[0, 0]), rel=1e-4)
    assert float(other) == pytest.approx(float(series[0, 1]), rel=1e-4)


@pytest.mark.parametrize("correlation", [-0.02, -0.005, 0.01, 0.03])
def test_a_shared_factor_is_the_bivariate_law_of_a_pair(correlation: float) -> None:
    silent = Reading(1.0, 1e-6, 11)
    (found,) = with_shared_factor(CHANNEL, correlation, lambda c: (pair_moment(c, silent, CUTOFF),))
    reduced = THRESHOLD + CUTOFF / SCALE
    assert found == pytest.approx(SCALE**2 * float(relu_product_mean(reduced, reduced, correlation)), rel=5e-5)


@pytest.mark.parametrize("wrong", [(0.0, 0.1, 3), (1.0, -0.1, 3), (1.0, 0.1, 0)])
def test_no_reading_is_refused(wrong: tuple[float, float, int]) -> None:
    with pytest.raises(InputError, match="own and other must be positive"):
        Reading(*wrong)


def test_a_pair_needs_a_third() -> None:
    with pytest.raises(InputError, match="count must be at least 2"):
        pair_moment(CHANNEL, Reading(1.0, 0.1, 1), CUTOFF)
