"""Which networks the figures on pictures look at, and what is made of several of them."""

import math

import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.images.multiscale_settings import MultiscaleSettings
from lemmas.fsr import image_network_runs, image_networks
from lemmas.fsr.image_features import FeatureParameters
from lemmas.fsr.image_moments import MomentParameters
from lemmas.fsr.image_network_runs import EACH, PREMISE, Parameters, by_groups, observe, worst_level
from lemmas.fsr.image_networks import (
    EMOJI,
    JOINT,
    LAYERWISE,
    LAYERWISE_TOP,
    LONG,
    NO_NORM,
    PATCHES,
    RANDOM,
    RANDOM_TOP,
    SEPARATE,
    STEPS,
    WIDE,
    arms,
    one_by_one,
    pictures_of,
    settings_for,
)

ARMS = arms(settings_for(EMOJI), STEPS[EMOJI])
TWO = Parameters(pictures=PATCHES, networks=2, samples=64)


def steps_on(arm: str, level: int) -> int:
    return sum(phase.num_steps for phase in ARMS[arm].phases if level in phase.trained)


def test_arms_are_what_their_names_say():
    assert settings_for(EMOJI) == MultiscaleSettings()
    assert {name: [steps_on(name, level) for level in (1, 2, 3)] for name in ARMS} == {
        JOINT: [3000] * 3,
        SEPARATE: [3000] * 3,
        NO_NORM: [3000] * 3,
        LONG: [6000] * 3,
        WIDE: [3000] * 3,
        LAYERWISE: [4000] * 3,
        LAYERWISE_TOP: [1000] * 3,
        RANDOM: [0, 0, 3000],
        RANDOM_TOP: [0, 0, 3000],
    }
    assert [phase.trained for phase in ARMS[LAYERWISE].phases] == [(1,), (2,), (3,), (1, 2, 3)]
    assert one_by_one(EMOJI) == 3000
    assert not ARMS[NO_NORM].settings.batch_norm
    assert ARMS[SEPARATE].settings.separate
    assert {name for name in ARMS if ARMS[name].settings.width_factor == 2} == {WIDE, RANDOM, RANDOM_TOP}
    for name in (LAYERWISE_TOP, RANDOM_TOP):
        assert all(phase.levels_read == (phase.top,) for phase in ARMS[name].phases)


@pytest.mark.parametrize("name", ARMS)
def test_every_network_is_kept_at_its_beginning_early_and_at_its_end(name):
    total = sum(phase.num_steps for phase in ARMS[name].phases)
    assert {0, 300, 3000, total} == set(ARMS[name].snapshots_at)


def test_patches_are_the_same_every_time_and_in_range():
    patches = pictures_of(PATCHES)
    assert patches.shape == (7 * 512, 3, 16, 16)
    assert 0 <= float(patches.min()) < 0.1
    assert 0.9 < float(patches.max()) <= 1
    pictures_of.cache_clear()
    assert torch.equal(patches, pictures_of(PATCHES))


def test_the_network_that_speaks_most_against_a_claim_is_judged():
    values = {0: {"small": (1.0, 0.1), "large": (1.0, 0.2)}, 1: {"small": (2.0, 0.3), "large": (2.0, 0.4)}}
    (found,) = observe(TWO, [7], lambda number, seed: values[number], at_least=("large",))
    measured = found.measurements
    assert (measured["small"].value, measured["small"].standard_error) == (2.0, 0.3)
    assert (measured["large"].value, measured["large"].standard_error) == (1.0, 0.2)
    assert measured[EACH.format(name="small", number=0)].value == 1.0
    assert found.premises == {PREMISE: 0.0}


def test_a_network_that_cannot_be_measured_hides_behind_no_other():
    values = {0: {"one": (1.0, 0.0)}, 1: {"one": (math.nan, 0.0)}}
    for at_least in ((), ("one",)):
        (found,) = observe(TWO, [7], lambda number, seed: values[number], at_least)
        assert math.isnan(found.measurements["one"].value)


@pytest.mark.parametrize("at_least", [True, False])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_level_that_cannot_be_measured_hides_behind_no_other(at_least, place):
    values = [(1.0, 0.1), (2.0, 0.2), (3.0, 0.3)]
    assert worst_level(values, at_least=at_least) == (values[0] if at_least else values[-1])
    values[place] = (math.nan, 0.0)
    assert math.isnan(worst_level(values, at_least=at_least)[0])


def test_without_pictures_nothing_is_measured(monkeypatch):
    def missing(name):
        raise InputError("font must be installed")

    monkeypatch.setattr(image_network_runs, "pictures_of", missing)
    found = observe(TWO, [1, 2], lambda number, seed: pytest.fail("measured"))
    assert [(one.premises[PREMISE], one.measurements) for one in found] == [(-1.0, {})] * 2


@pytest.mark.parametrize(
    ("kind", "bad"),
    [
        (Parameters, {"pictures": "faces"}),
        (Parameters, {"networks": 0}),
        (Parameters, {"samples": 63}),
        (MomentParameters, {"across": 1}),
        (MomentParameters, {"images": "other"}),
        (FeatureParameters, {"columns": "other"}),
    ],
)
def test_what_cannot_be_measured_is_refused(kind, bad):
    with pytest.raises(InputError, match="must be"):
        kind(**bad)


def test_a_long_training_is_told_and_a_short_one_is_not(monkeypatch, capsys):
    class Losses:
        step = 1000

    def trained(gan, code, *, progress):
        progress(Losses)
        Losses.step = 1001
        progress(Losses)
        return gan

    monkeypatch.setattr(image_networks.network_cache, "trained", trained)
    image_networks.network.cache_clear()
    image_networks.network(PATCHES, JOINT, 3)
    image_networks.network.cache_clear()
    assert capsys.readouterr().err == "network 3, joint: step 1000 of 300\n"


def test_groups_give_a_mean_and_its_error():
    assert by_groups([1.0, 3.0]) == (2.0, 1.0)
