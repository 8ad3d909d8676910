"""Samples are one sequence, however they are cut, wherever they lie."""

import pytest
import torch
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from fsrcheck.errors import InputError
from fsrcheck.training.level_samples import GivenSamples, ScaledSamples, TargetSamples, chunks, reads
from tests.training.minmax_cases import given, small_target

SEEDS = [3, 4]


def _samples(count: int = 50) -> TargetSamples:
    return TargetSamples(small_target(SEEDS), seeds=SEEDS, num_samples=count)


@settings(max_examples=30, deadline=None)
@drawn(cuts=st.lists(st.integers(1, 70), min_size=1, max_size=6))
def test_a_reader_goes_round_and_neither_cuts_nor_storage_change_what_it_reads(cuts: list[int]) -> None:
    streamed, stored = _samples(), given(_samples())
    around = [torch.cat([part] * 9, dim=1) for part in _all(stored)]
    for samples in (streamed, stored):
        read, start = samples.reader((1, 2)), 0
        for cut in cuts:
            for found, level in zip(read(cut), around, strict=True):
                torch.testing.assert_close(found, level[:, start : start + cut], rtol=1e-12, atol=1e-14)
            start += cut


def _all(samples: GivenSamples) -> list[torch.Tensor]:
    return samples.reader((1, 2))(samples.num_samples)


def test_chunks_read_everything_once_or_up_to_the_limit() -> None:
    samples = _samples()
    for limit, count in ((None, 50), (20, 20), (90, 50)):
        parts = [part for (part,) in chunks(samples, (2,), limit=limit, chunk_size=7)]
        assert sum(part.shape[1] for part in parts) == count
        assert max(part.shape[1] for part in parts) == 7


def test_one_level_alone_is_the_same_as_with_the_others() -> None:
    (alone,), (_, together) = _samples().reader((2,))(9), _samples().reader((1, 2))(9)
    torch.testing.assert_close(alone, together, rtol=0, atol=0)


def test_scaled_samples_are_divided_instance_by_instance_and_level_by_level() -> None:
    units = torch.tensor([[2.0, 4.0], [8.0, 16.0]], dtype=torch.float64)
    plain, scaled = _samples().reader((1, 2))(5), ScaledSamples(_samples(), units).reader((1, 2))(5)
    for level in range(2):
        for instance in range(2):
            expected = plain[level][instance] / units[level, instance]
            torch.testing.assert_close(scaled[level][instance], expected)


def test_reads_are_the_inner_products_with_the_columns() -> None:
    patches = torch.randn(2, 5, 3, 4, dtype=torch.float64)
    dictionary = torch.randn(2, 3, 4, 6, dtype=torch.float64)
    torch.testing.assert_close(reads(patches, dictionary), torch.einsum("bnpd,bpdc->bnpc", patches, dictionary))


def _broken(level: int, change: str) -> list[torch.Tensor]:
    patches = [torch.randn(2, 6, 3, 4, dtype=torch.float64) for _ in range(2)]
    patches[level] = {
        "nan": lambda x: x.index_put((torch.tensor(0),) * 4, torch.tensor(torch.nan, dtype=x.dtype)),
        "float": lambda x: x.float(),
        "flat": lambda x: x[0],
        "empty": lambda x: x[:, :, :0],
        "fewer": lambda x: x[:, :5],
    }[change](patches[level])
    return patches


@pytest.mark.parametrize(
    ("level", "change", "message"),
    [
        (1, "nan", "level 2 must be finite, got 1 NaN"),
        (0, "float", "level 1 must be float64, got torch.float32"),
        (1, "flat", r"level 2 must be \(batch, sample, patch, patch_dim\)"),
        (0, "empty", "level 1 must be .* and not empty"),
        (1, "fewer", r"level 2 must have \(batch, sample\) \(2, 6\) as level 1 has, got \(2, 5\)"),
    ],
)
def test_broken_samples_are_refused(level: int, change: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        GivenSamples(_broken(level, change))


def test_no_samples_are_refused() -> None:
    with pytest.raises(InputError, match="at least 1 level"):
        GivenSamples([])
    with pytest.raises(InputError, match="num_samples must be at least 1, got 0"):
        _samples(0)
    with pytest.raises(InputError, match="one per instance"):
        TargetSamples(small_target(SEEDS), seeds=[1], num_samples=5)
