"""Statistics of readings against a plain transcription; their error estimate is zero on average where laws agree."""

from itertools import combinations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fsrcheck.errors import InputError
from fsrcheck.model.families import overlapping_inhibition
from fsrcheck.model.reading_statistics import (
    NUM_BLOCKS,
    ONE_LEVEL,
    ONE_PATCH,
    PAIR,
    SEVERAL_LEVELS,
    SINGLE,
    TRIPLE,
    Readings,
    compare_readings,
    read,
)
from fsrcheck.model.sampler import NetworkSampler
from fsrcheck.model.streams import standard_normal, streams

CUTOFF = 0.2
LEVELS, PATCHES = torch.tensor([0, 0, 0, 0, 1, 1]), torch.tensor([0, 0, 1, 1, 0, 0])


def readings(seed, count=64, batch=1, shift=0.0):
    values = standard_normal(streams(range(seed, seed + batch), "readings"), (count, len(LEVELS))) + shift
    return Readings(values, LEVELS, PATCHES)


def place_of(chosen):
    if len({int(LEVELS[p]) for p in chosen}) > 1:
        return SEVERAL_LEVELS
    return ONE_PATCH if len({int(PATCHES[p]) for p in chosen}) == 1 else ONE_LEVEL


def plainly(values, order):
    """Statistics of (sample, channel) by place, tuple after tuple."""
    found = {}
    for chosen in combinations(range(len(LEVELS)), order):
        columns = values[:, list(chosen)]
        value = columns.prod(dim=1).mean() if order == 3 else (columns > CUTOFF).all(dim=1).double().mean()
        found.setdefault(place_of(chosen), []).append(value)
    return {place: torch.stack(group) for place, group in found.items()}


@pytest.mark.parametrize(("statistic", "order"), [(SINGLE, 1), (PAIR, 2), (TRIPLE, 3)])
def test_statistics_are_those_of_a_plain_loop(statistic, order):
    true, made = readings(0, shift=1.0), readings(1)
    blocks = [[plainly(block, order) for block in side.values[0].tensor_split(NUM_BLOCKS)] for side in (true, made)]
    found = [one for one in compare_readings(true, made, CUTOFF) if one.statistic == statistic]
    assert {one.place for one in found} == set(blocks[0][0])
    for one in found:
        truth, other = (torch.stack([block[one.place] for block in side]) for side in blocks)
        gap = other - truth
        assert one.count == truth.shape[1]
        assert float(one.square) == pytest.approx(ratio(gap, truth, range(NUM_BLOCKS)))
        left = [ratio(gap, truth, [i for i in range(NUM_BLOCKS) if i != out]) for out in range(NUM_BLOCKS)]
        spread = (NUM_BLOCKS - 1) * torch.tensor(left).var(correction=0)
        assert float(one.standard_error) == pytest.approx(float(spread.sqrt()), rel=1e-4)
        plain = gap.mean(dim=0).square().sum() / mean_square(truth, range(NUM_BLOCKS))
        assert float(one.square + one.noise**2) == pytest.approx(float(plain))


def mean_square(blocks, chosen):
    """Of the expectation, from products of different blocks."""
    products = [float(blocks[i] @ blocks[j]) for i in chosen for j in chosen if i != j]
    return sum(products) / len(products)


def ratio(gap, truth, chosen):
    return mean_square(gap, chosen) / mean_square(truth, chosen)


def test_blocks_that_all_differ_by_the_same_leave_no_error():
    block = readings(3, count=20).values
    true = Readings(block.repeat(1, NUM_BLOCKS, 1), LEVELS, PATCHES)
    made = Readings(2 * true.values, LEVELS, PATCHES)
    for one in compare_readings(true, made, CUTOFF):
        assert float(one.standard_error) == pytest.approx(0, abs=1e-12)
        assert float(one.noise) == pytest.approx(0, abs=1e-8)
        if one.statistic == TRIPLE:
            assert float(one.relative) == pytest.approx(7)


def test_equal_laws_differ_by_nothing_on_average():
    batch = 200
    found = compare_readings(readings(10, 400, batch, 1.0), readings(500, 400, batch, 1.0), CUTOFF)
    assert len(found) == 6
    for one in found:
        assert abs(float(one.square.mean())) < 4 * float(one.square.std()) / batch**0.5
        assert float(one.square.mean()) < 0.3 * float(one.noise.square().mean())  # the plain mean square is the noise


@pytest.mark.parametrize(("shift", "expected"), [(0.0, 0.5**0.5), (0.3, 1.0)])
def test_the_standard_error_is_that_of_many_instances(shift, expected):
    """Without a difference the jackknife's is too large by the square root of 2, known of degenerate U-statistics."""
    found = compare_readings(readings(10, 800, 200, 1.0), readings(500, 800, 200, 1.0 + shift), CUTOFF)
    for one in found:
        assert float(one.square.std() / one.standard_error.square().mean().sqrt()) == pytest.approx(expected, abs=0.25)


def test_where_the_truth_is_not_told_from_zero_nothing_is_relative_to_it():
    true, made = readings(7, 32, 40), readings(90, 32, 40)
    found = [one for one in compare_readings(true, made, CUTOFF) if one.statistic == TRIPLE]
    assert any(bool(one.relative.isnan().any()) for one in found)
    assert all(bool((one.relative.isnan() | (one.standard_error > 0)).all()) for one in found)


def test_a_difference_is_found_at_its_size():
    true, made = readings(20, 20000, shift=1.0), readings(40, 20000, shift=1.1)
    found = {one.statistic: one for one in compare_readings(true, made, CUTOFF)}
    expected = 1.1**3 - 1  # independent readings of mean 1 and 1.1
    assert float(found[TRIPLE].relative) == pytest.approx(expected, abs=0.05)
    low, high = found[TRIPLE].limits(4)
    assert low < expected < high


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), batch=st.integers(1, 3))
def test_a_batch_is_its_instances(seed, batch):
    true, made = readings(seed, batch=batch, shift=1.0), readings(seed + 100, batch=batch)
    together = compare_readings(true, made, CUTOFF)
    for index in range(batch):
        alone = [Readings(side.values[index, None], LEVELS, PATCHES) for side in (true, made)]
        for one, both in zip(compare_readings(*alone, CUTOFF), together, strict=True):
            assert torch.allclose(one.square[0], both.square[index])
            assert torch.allclose(one.standard_error[0], both.standard_error[index])


def test_the_dictionary_reads_the_codes_off():
    target = overlapping_inhibition(4, 1.0, seeds=[0, 1], num_patches=2, patch_dim=5)
    patches = NetworkSampler(target).sample(10, [2, 3])
    codes = target.sample_codes(streams([2, 3], "sampler: latents"), 10)
    found = read(patches, target)
    assert torch.allclose(found.values, torch.cat([level.flatten(2) for level in codes], dim=2))
    assert found.levels.tolist() == [0] * 8 + [1] * 8
    assert found.patches.tolist() == 2 * ([0] * 4 + [1] * 4)


def test_bad_input_is_refused():
    target = overlapping_inhibition(4, 1.0, seeds=[0], num_patches=2)
    patches = NetworkSampler(target).sample(10, [2])
    with pytest.raises(InputError, match="patches of level 2 must be"):
        read([patches[0], patches[1][:, :, :1]], target)
    with pytest.raises(InputError, match="patches must have 2 levels"):
        read(patches[:1], target)
    with pytest.raises(InputError, match="at least 16 samples"):
        compare_readings(readings(0, 10), readings(1, 64), CUTOFF)
    with pytest.raises(InputError, match="must agree"):
        compare_readings(readings(0), readings(1, batch=2), CUTOFF)
    wide = Readings(torch.zeros(1, 64, 201), torch.zeros(201), torch.zeros(201))
    with pytest.raises(InputError, match="at most 200"):
        compare_readings(wide, wide, CUTOFF)
    assert compare_readings(wide, wide, CUTOFF, triples=False)
