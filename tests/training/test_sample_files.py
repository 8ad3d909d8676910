"""Samples of a user's own: what is read, and every way in which a file can be wrong."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fsrcheck.errors import InputError
from fsrcheck.training.level_samples import chunks
from fsrcheck.training.sample_files import load_samples

RANDOM = np.random.default_rng(0)
ONE = RANDOM.standard_normal((6, 2, 3))
TWO = RANDOM.standard_normal((6, 4, 5))


def saved(path, **arrays):
    file = path / "samples.npz"
    np.savez(file, **arrays)
    return file


def read(samples):
    levels = range(1, len(samples.shapes) + 1)
    return [torch.cat(parts, dim=1) for parts in zip(*chunks(samples, levels, chunk_size=4), strict=True)]


def test_levels_are_read_and_every_patch_below_is_a_parent(tmp_path):
    found = load_samples(saved(tmp_path, level1=ONE, level2=TWO))
    one, two = read(found.samples)
    assert torch.equal(one[0], torch.from_numpy(ONE))
    assert torch.equal(two[0], torch.from_numpy(TWO))
    assert found.parents == (((0, 1),) * 4,)
    assert found.samples.num_samples == 6


@given(
    batch=st.integers(0, 3),
    num_samples=st.integers(1, 5),
    sizes=st.lists(st.tuples(st.integers(1, 3), st.integers(1, 4)), min_size=1, max_size=4),
    kind=st.sampled_from(["float64", "float32", "int32", "uint8"]),
    seed=st.integers(0, 9),
)
def test_what_is_written_is_read(tmp_path_factory, batch, num_samples, sizes, kind, seed):
    lead = (batch,) if batch else ()
    draw = np.random.default_rng(seed)
    arrays = {
        f"level{n}": draw.uniform(0, 9, (*lead, num_samples, *size)).astype(kind) for n, size in enumerate(sizes, 1)
    }
    found = load_samples(saved(tmp_path_factory.mktemp("samples"), **arrays))
    for array, level in zip(arrays.values(), read(found.samples), strict=True):
        assert level.dtype == torch.float64
        assert np.array_equal(level.numpy() if batch else level[0].numpy(), array)


def test_parents_are_those_given(tmp_path):
    parents = np.array([[1], [0], [0], [1]], dtype=np.uint8)
    assert load_samples(saved(tmp_path, level1=ONE, level2=TWO, level2_parents=parents)).parents == (
        ((1,), (0,), (0,), (1,)),
    )


def with_nan(array, value=np.nan):
    changed = array.copy()
    changed[-1, -1, -1] = value
    return changed


BAD = {
    "NaN": (
        {"level1": ONE, "level2": with_nan(TWO)},
        "samples of level 2 must be finite, got 1 NaN or infinite numbers",
    ),
    "infinite": ({"level1": with_nan(ONE, np.inf)}, "samples of level 1 must be finite"),
    "no level 1": ({"level2": TWO}, "missing ['level1']"),
    "a level left out": ({"level1": ONE, "level3": TWO}, "missing ['level2']"),
    "many left out": ({"level1": ONE, "level99": TWO}, "and 92 more"),
    "nothing": ({}, "missing ['level1']"),
    "level 0": ({"level0": ONE, "level1": ONE}, "unknown ['level0']"),
    "unknown": ({"level1": ONE, "codes": ONE}, "unknown ['codes']"),
    "parents of level 1": ({"level1": ONE, "level1_parents": np.zeros((2, 1), int)}, "unknown ['level1_parents']"),
    "other numbers of samples": (
        {"level1": ONE, "level2": TWO[:5]},
        "must have (batch, sample) (1, 6) as level 1 has, got (1, 5)",
    ),
    "batch axis on one": ({"level1": ONE, "level2": TWO[None]}, "level2 must have 3 axes as level1 has, got 4"),
    "no patch axis": ({"level1": ONE[:, 0]}, "level1 must be (sample, patch, patch_dim)"),
    "other batches": ({"level1": ONE[None], "level2": np.stack([TWO, TWO])}, "must have (batch, sample) (1, 6)"),
    "no samples": ({"level1": ONE[:0]}, "not empty"),
    "words": ({"level1": np.full((6, 2, 3), "a")}, "level1 must be numeric"),
    "complex": ({"level1": ONE * 1j}, "level1 must be numeric"),
    "truth values": ({"level1": ONE > 0}, "level1 must be numeric"),
    "objects": ({"level1": np.array([None])}, "without pickled objects"),
    "parents of other patches": (
        {"level1": ONE, "level2": TWO, "level2_parents": np.full((4, 1), 2)},
        "must be patches 0..1",
    ),
    "negative parents": ({"level1": ONE, "level2": TWO, "level2_parents": np.full((4, 1), -1)}, "must be patches 0..1"),
    "a parent twice": (
        {"level1": ONE, "level2": TWO, "level2_parents": np.zeros((4, 2), int)},
        "must differ within a patch",
    ),
    "no parents": ({"level1": ONE, "level2": TWO, "level2_parents": np.zeros((4, 0), int)}, "must be patches 0..1"),
    "too few parents": (
        {"level1": ONE, "level2": TWO, "level2_parents": np.zeros((3, 1), int)},
        "must have shape (4, parent)",
    ),
    "parents no integers": (
        {"level1": ONE, "level2": TWO, "level2_parents": np.zeros((4, 1))},
        "level2_parents must be numeric (int64)",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_in_one_line(tmp_path, name):
    arrays, words = BAD[name]
    file = saved(tmp_path, **arrays)
    with pytest.raises(InputError) as caught:
        load_samples(file)
    assert str(caught.value).startswith(f"samples file {file}: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"level1 = 1", None], ids=["empty", "text", "none"])
def test_what_is_no_archive_is_refused(tmp_path, content):
    file = tmp_path / "samples.npz"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError, match=r"must exist|must be an \.npz file"):
        load_samples(file)


@given(st.data())
def test_a_torn_archive_is_refused(tmp_path_factory, data):
    file = saved(tmp_path_factory.mktemp("torn"), level1=ONE)
    content = file.read_bytes()
    file.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(InputError, match=r"must be an \.npz"):
        load_samples(file)
