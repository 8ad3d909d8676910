"""What a user would take instead: every peer finds the atoms, and its answer follows its data as it must."""

import sys

import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.model.alignment import match_columns
from fsrcheck.model.families import independent_channels
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.training.peers import CONTRASTS, dictionary_learning, fast_ica, right_skewed, tensor_power

NUM_CHANNELS, NUM_SAMPLES = 6, 6000


def contrast_of(name):
    return lambda patches, size, seed: fast_ica(patches, size, seed=seed, contrast=name)


def learned(patches, size, seed):
    return dictionary_learning(patches, size, seed=seed, unit=1.0, penalty=0.1)


PEERS = {
    "tensor power": lambda patches, size, seed: tensor_power(patches, size, seed=seed),
    **{name: contrast_of(name) for name in CONTRASTS},
    "dictionary learning": learned,
}


@pytest.fixture(params=PEERS)
def peer(request):
    if request.param != "tensor power":
        pytest.importorskip("sklearn")
    return PEERS[request.param]


def instance(seed=3, patch_dim=None):
    """Patches (sample, patch_dim) and the atoms behind them."""
    target = independent_channels(NUM_CHANNELS, 1.0, seeds=[seed], patch_dim=patch_dim)
    codes = target.sample_codes(streams([seed], "patches"), NUM_SAMPLES)[0][0, :, 0]
    atoms = target.first.dictionary[0, 0]
    return codes @ atoms.mT, atoms


def error(found, atoms):
    return float(match_columns(found[None], atoms[None]).dictionary_error)


@pytest.mark.parametrize("patch_dim", [None, 9])
def test_every_atom_is_found_with_its_sign(peer, patch_dim):
    patches, atoms = instance(patch_dim=patch_dim)
    patches = patches + 1e-6 * standard_normal(streams([1], "noise"), patches.shape)[0]  # full rank
    found = peer(patches, NUM_CHANNELS, 5)
    assert found.shape == atoms.shape
    assert torch.allclose(found.norm(dim=0), torch.ones(NUM_CHANNELS, dtype=torch.float64))
    assert error(found, atoms) < 0.25


def test_the_same_seed_gives_the_same_answer(peer):
    patches, _ = instance()
    assert torch.equal(peer(patches, NUM_CHANNELS, 5), peer(patches, NUM_CHANNELS, 5))


def test_tensor_power_is_the_rotated_answer_on_rotated_patches():
    patches, atoms = instance()
    rotation, _ = torch.linalg.qr(standard_normal(streams([8], "rotation"), patches.shape[1:] * 2)[0])
    plain = tensor_power(patches, NUM_CHANNELS, seed=5)
    rotated = tensor_power(patches @ rotation.mT, NUM_CHANNELS, seed=5)
    assert error(rotated, rotation @ plain) < 1e-6
    assert error(rotated, rotation @ atoms) == pytest.approx(error(plain, atoms), abs=1e-6)


def test_size_and_sign_of_the_columns_do_not_matter():
    patches, atoms = instance()
    factors = torch.tensor([1.0, -1.0, 2.0, -0.5, -3.0, 1.0], dtype=torch.float64)
    assert torch.allclose(right_skewed(patches, factors * atoms), atoms)


def test_an_unknown_contrast_is_refused():
    pytest.importorskip("sklearn")
    with pytest.raises(InputError, match=r"contrast must be one of logcosh, cube, skew, got 'exp'"):
        fast_ica(instance()[0], NUM_CHANNELS, seed=0, contrast="exp")


def test_more_channels_than_dimensions_are_refused(peer):
    with pytest.raises(InputError, match="patches must be"):
        peer(instance()[0], NUM_CHANNELS + 1, 0)


def test_without_scikit_learn_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(InputError, match=r"scikit-learn must be installed .*fsrcheck\[peers\]"):
        fast_ica(instance()[0], NUM_CHANNELS, seed=0)
