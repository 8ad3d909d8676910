"""Targets survive a file, and every bad file is refused in one line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.model.families import FAMILIES
from fsrcheck.model.target_files import load_target, save_target

Arrays = dict[str, Any]


@pytest.mark.parametrize("name", sorted(set(FAMILIES) - {"non_orthonormal_dictionary"}))
def test_round_trip_is_exact(name: str, tmp_path: Path) -> None:
    target = FAMILIES[name](8, 1, seeds=[1, 2])
    path = tmp_path / "target.file"
    save_target(target, path)
    loaded = load_target(path)
    for saved, read in zip(target.levels, loaded.levels, strict=True):
        for field, tensor in vars(saved).items():
            assert torch.equal(tensor, getattr(read, field))


def test_a_single_instance_needs_no_leading_axis(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", **_good())
    assert load_target(tmp_path / "t.npz").batch_size == 1


def _good() -> Arrays:
    return {
        "level1_dictionary": np.eye(4, 3)[None],
        "level1_latent_weights": np.eye(3)[None],
        "level1_thresholds": np.ones((1, 3)),
    }


def _two_levels() -> Arrays:
    return _good() | {
        "num_levels": np.array(2),
        "level2_dictionary": np.eye(3)[None],
        "level2_weights": np.eye(3)[None],
        "level2_parents": np.zeros((1, 1), dtype=np.int32),
        "level2_thresholds": np.ones((1, 3)),
    }


def test_a_file_of_two_levels_by_hand(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", **_two_levels())
    assert load_target(tmp_path / "t.npz").num_levels == 2


def _without(name: str) -> Arrays:
    return {key: value for key, value in _good().items() if key != name}


BAD: dict[str, Callable[[], Arrays]] = {
    "NaN": lambda: _good() | {"level1_thresholds": np.full((1, 3), np.nan)},
    "infinity": lambda: _good() | {"level1_latent_weights": np.full((1, 3, 3), np.inf)},
    "wrong shape": lambda: _good() | {"level1_latent_weights": np.eye(4)[None]},
    "too few axes": lambda: _good() | {"level1_dictionary": np.eye(3)},
    "thresholds of one axis": lambda: _good() | {"level1_thresholds": np.ones(3)},
    "not orthonormal": lambda: _good() | {"level1_dictionary": np.ones((1, 4, 3))},
    "a bit off orthonormal": lambda: _good() | {"level1_dictionary": (1 + 1e-7) * np.eye(4, 3)[None]},
    "one channel": lambda: {
        "level1_dictionary": np.eye(4, 1)[None],
        "level1_latent_weights": np.eye(1)[None],
        "level1_thresholds": np.ones((1, 1)),
    },
    "no patch": lambda: {
        "level1_dictionary": np.ones((0, 4, 3)),
        "level1_latent_weights": np.ones((0, 3, 3)),
        "level1_thresholds": np.ones((0, 3)),
    },
    "missing": lambda: _without("level1_thresholds"),
    "missing dictionary": lambda: _without("level1_dictionary"),
    "unknown": lambda: _good() | {"surprise": np.ones(1)},
    "pickled": lambda: _good() | {"level1_thresholds": np.array([[1.0, None, 3.0]], dtype=object)},
    "text": lambda: _good() | {"level1_thresholds": np.array([["a", "b", "c"]])},
    "complex": lambda: _good() | {"level1_thresholds": np.ones((1, 3), dtype=complex)},
    "no levels": lambda: _good() | {"num_levels": np.array(0)},
    "many levels": lambda: _good() | {"num_levels": np.array(10**9)},
    "levels are text": lambda: _good() | {"num_levels": np.array("two")},
    "parents out of range": lambda: _two_levels() | {"level2_parents": np.array([[1]])},
    "parents are floats": lambda: _two_levels() | {"level2_parents": np.array([[0.0]])},
}


def _refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_target(path)
    return str(caught.value)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.npz"
    np.savez(path, **BAD[name]())
    message = _refusal(path)
    assert "\n" not in message
    assert str(path) in message
    assert "must" in message


@pytest.mark.parametrize("content", [b"", b"not a zip file", b"PK\x03\x04 torn", b"\x80\x04\x95pickle"])
def test_foreign_bytes_are_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.npz"
    path.write_bytes(content)
    message = _refusal(path)
    assert "\n" not in message
    assert len(message.partition(", got: ")[2].split()) > 1, "what numpy says of it, and not only the kind of error"


def test_torn_files_are_refused_at_every_length(tmp_path: Path) -> None:
    path = tmp_path / "torn.npz"
    np.savez_compressed(path, **_good())
    whole = path.read_bytes()
    for length in range(0, len(whole), 37):
        path.write_bytes(whole[:length])
        assert "\n" not in _refusal(path)


def test_a_single_array_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "single.npy", np.ones(3))
    for path in (tmp_path / "single.npy", tmp_path / "none.npz", tmp_path):
        assert "must" in _refusal(path)
