"""What counts as active in Figure 3 on pictures, and what is made of several arms."""

import pytest
import torch

from fsrcheck.errors import InputError
from lemmas.fsr import image_activations
from lemmas.fsr.image_activations import (
    BY_ARM,
    PAIRS,
    RATE,
    TRIPLES,
    ActivityParameters,
    active_codes,
    of_arm,
    of_level,
    run,
)
from lemmas.fsr.image_networks import JOINT, NO_NORM, PATCHES, network

FEW = ActivityParameters(pictures=PATCHES, networks=1, samples=512, arms=(JOINT,))


@pytest.fixture(scope="module")
def gan():
    return network(PATCHES, JOINT, 0)


def codes_of(gan, **changes):
    given = ActivityParameters(pictures=PATCHES, samples=512, **changes)
    return torch.cat(list(active_codes(given, gan, gan.averaged, 1, 3)))


def test_codes_above_the_threshold_are_active(gan):
    plain, raised = codes_of(gan), codes_of(gan, threshold=0.5)
    assert torch.equal(plain, gan.averaged.codes(gan.latents(512, 3), 1)[0])
    assert torch.equal(raised > 0, plain > 0.5)


def test_silent_samples_have_no_active_channel(gan):
    plain, silenced = codes_of(gan), codes_of(gan, silent=0.6)
    silent = (silenced == 0).flatten(1).all(dim=1)
    assert 0.5 < float(silent.double().mean()) < 0.7
    assert torch.equal(silenced[~silent], plain[~silent])


def test_at_random_initialization_nothing_has_changed(gan):
    (rate, error), (pair, _), (triple, _) = of_level(FEW, gan, gan.snapshot(0), 3, 5)
    assert rate == pytest.approx(1, abs=5 * error + 1e-9)
    assert 0 < error < 0.1
    assert pair == pytest.approx(1, abs=0.2)
    assert triple == pytest.approx(1, abs=0.4)


def test_the_arm_that_speaks_most_against_each_claim_is_judged(monkeypatch):
    values = {
        JOINT: {RATE: (0.9, 0.1), PAIRS: (1.0, 0.1), TRIPLES: (2.0, 0.1)},
        NO_NORM: {RATE: (0.7, 0.2), PAIRS: (1.5, 0.2), TRIPLES: (1.0, 0.2)},
    }
    monkeypatch.setattr(image_activations, "of_arm", lambda parameters, number, arm, device, seed: values[arm])
    (found,) = run(ActivityParameters(pictures=PATCHES, networks=1, arms=(JOINT, NO_NORM)), [1], "cpu")
    measured = {name: one.value for name, one in found.measurements.items()}
    assert (measured[RATE], measured[PAIRS], measured[TRIPLES]) == (0.7, 1.5, 2.0)
    assert measured[BY_ARM.format(name=RATE, arm=JOINT)] == 0.9


def test_the_level_that_speaks_most_against_being_rare_is_judged(monkeypatch):
    levels = {1: (0.4, 1.0, 3.0), 2: (0.9, 2.0, 1.0), 3: (0.2, 1.5, 2.0)}
    monkeypatch.setattr(
        image_activations,
        "of_level",
        lambda parameters, gan, generator, level, seed: [(value, 0.0) for value in levels[level]],
    )
    found = of_arm(FEW, 0, JOINT, "cpu", 1)
    assert {name: value for name, (value, _) in found.items()} == {RATE: 0.9, PAIRS: 2.0, TRIPLES: 3.0}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"arms": ()}, "arms must not be empty"),
        ({"arms": ("separate",)}, "arms must be one of"),
        ({"silent": 1.0}, r"silent be in \[0, 1\), got .* and 1.0"),
    ],
)
def test_what_cannot_be_measured_is_refused(bad, message):
    with pytest.raises(InputError, match=message):
        ActivityParameters(**bad)
