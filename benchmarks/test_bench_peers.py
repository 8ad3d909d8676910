"""Algorithms 5 and 1 on given patches beside the peers on the same patches, in one run.

`extra_info` holds the largest column error that each reaches.
"""

import pytest
import torch

from fsrcheck.model.alignment import match_columns
from fsrcheck.model.families import independent_channels
from fsrcheck.model.streams import streams
from fsrcheck.training.given_patches import (
    HALVING,
    TWO_ROUNDS,
    decoded_codes,
    find_dictionary,
    fitted_codes,
    sharpen_dictionary,
    unit_of,
)
from fsrcheck.training.peers import SKEW, dictionary_learning, fast_ica, tensor_power

NUM_CHANNELS, EXPECTED_ACTIVE, SEED, NUM_SAMPLES = 16, 2.0, 0, 10_000


def learned(patches, codes, rounds):
    start = find_dictionary(patches, NUM_CHANNELS, [SEED]).dictionary
    return sharpen_dictionary(patches, start, codes, unit_of(patches, NUM_CHANNELS), rounds)


CONTENDERS = {
    "5 + 1, fitted law": lambda patches: learned(patches, fitted_codes(patches, [SEED]), TWO_ROUNDS),
    "5 + 1, decoded": lambda patches: learned(patches, decoded_codes(patches), HALVING),
    "FastICA, logcosh": lambda patches: fast_ica(patches[0], NUM_CHANNELS, seed=SEED)[None],
    "FastICA, skew": lambda patches: fast_ica(patches[0], NUM_CHANNELS, seed=SEED, contrast=SKEW)[None],
    "dictionary learning": lambda patches: dictionary_learning(patches[0], NUM_CHANNELS, seed=SEED, unit=1.0)[None],
    "tensor power": lambda patches: tensor_power(patches[0], NUM_CHANNELS, seed=SEED)[None],
}


@pytest.mark.parametrize("contender", CONTENDERS)
def test_dictionary(benchmark, contender):
    pytest.importorskip("sklearn")
    target = independent_channels(NUM_CHANNELS, EXPECTED_ACTIVE, seeds=[SEED])
    atoms = target.first.dictionary[:, 0]
    patches = target.sample_codes(streams([SEED], "patches"), NUM_SAMPLES)[0][:, :, 0] @ atoms.mT
    found = benchmark.pedantic(CONTENDERS[contender], args=(patches,), rounds=3, warmup_rounds=1)
    assert torch.isfinite(found).all()
    benchmark.extra_info["largest column error"] = float(match_columns(found, atoms).dictionary_error)
