"""Files of learned networks, whose dictionaries are nearly orthonormal."""

from dataclasses import fields, replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fsrcheck.errors import InputError
from fsrcheck.model.families import FAMILIES
from fsrcheck.model.network_files import check_network, load_network
from fsrcheck.model.target import TargetNetwork
from fsrcheck.model.target_files import load_target, save_target

TARGET = FAMILIES["overlapping_inhibition"](4, 1.0, seeds=[0], patch_dim=6)


def disturbed(seed: int, size: float) -> TargetNetwork:
    """The target with unit columns that are not orthogonal."""
    noise = torch.Generator().manual_seed(seed)
    levels = []
    for level in TARGET.levels:
        shift = torch.randn(level.dictionary.shape, generator=noise, dtype=torch.float64)
        columns = level.dictionary + size * shift
        levels.append(replace(level, dictionary=columns / columns.norm(dim=-2, keepdim=True)))
    return TargetNetwork(tuple(levels))


def changed(place: int, **values) -> TargetNetwork:
    levels = list(TARGET.levels)
    levels[place] = replace(levels[place], **values)
    return TargetNetwork(tuple(levels))


@given(seed=st.integers(0, 99), size=st.floats(1e-3, 1.0))
def test_what_is_written_is_read_where_a_target_is_refused(tmp_path_factory, seed, size):
    path = tmp_path_factory.mktemp("network") / "generator.npz"
    network = disturbed(seed, size)
    save_target(network, path)
    for own, read in zip(network.levels, load_network(path).levels, strict=True):
        assert all(torch.equal(getattr(own, item.name), getattr(read, item.name)) for item in fields(own))
    with pytest.raises(InputError, match="must be column orthonormal"):
        load_target(path)


def test_a_target_is_read_as_it_is(tmp_path):
    save_target(TARGET, tmp_path / "target.npz")
    read = load_network(tmp_path / "target.npz")
    assert torch.equal(read.first.dictionary, TARGET.first.dictionary)


ONE, TWO = TARGET.levels
NAN = torch.tensor(torch.nan, dtype=torch.float64)
BAD = {
    "dictionary NaN": (changed(1, dictionary=TWO.dictionary * NAN), "dictionary of level 2 must be finite"),
    "thresholds NaN": (changed(0, thresholds=ONE.thresholds * NAN), "thresholds of level 1 must be finite"),
    "weights NaN": (changed(1, weights=TWO.weights * NAN), "weights of level 2 must be finite"),
    "channels": (changed(0, dictionary=ONE.dictionary[..., :3]), "dictionary of level 1 must have shape"),
    "more channels than dimensions": (
        changed(0, dictionary=ONE.dictionary[..., :3, :]),
        r"channels of level 1 must be at most patch_dim \(3\), got 4",
    ),
    "one axis": (changed(0, dictionary=ONE.dictionary.flatten()), "dictionary of level 1 must have shape"),
    "float32": (changed(0, dictionary=ONE.dictionary.float()), "dictionary of level 1 must be float64"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_network_is_refused(name):
    network, words = BAD[name]
    with pytest.raises(InputError, match=words):
        check_network(network)


def test_a_bad_file_is_named(tmp_path):
    save_target(BAD["weights NaN"][0], tmp_path / "generator.npz")
    with pytest.raises(InputError, match=f"network file {tmp_path / 'generator.npz'}: weights of level 2"):
        load_network(tmp_path / "generator.npz")
    with pytest.raises(InputError, match="must exist"):
        load_network(tmp_path / "none.npz")
