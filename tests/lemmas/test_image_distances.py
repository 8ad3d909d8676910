"""How distances of generated images from pictures are measured and compared (Figures 7 and 8 on pictures)."""

from copy import deepcopy
from math import isnan, nan

import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.images.pyramid import pooled
from fsrcheck.images.quality import Quality
from lemmas.fsr.image_correction import CorrectionParameters, compared, largest_change
from lemmas.fsr.image_distances import DistanceParameters, distances, generated, others, ratio
from lemmas.fsr.image_layerwise import LayerwiseParameters
from lemmas.fsr.image_networks import JOINT, LAYERWISE, PATCHES, network, one_by_one, pictures_of

FEW = DistanceParameters(pictures=PATCHES, samples=64, draws=3)


@pytest.fixture(scope="module")
def layerwise():
    return network(PATCHES, LAYERWISE, 0)


def draw(distances, floors):
    return Quality(distances, floors, 2)


def test_the_worst_scale_is_that_of_the_mean_floors():
    """Floors average to (1, 2), so that 3 of 1 is worse than 5 of 2, and 8 of 2 worse than 3 of 1."""
    ones = [draw((3.0, 5.0), (0.5, 3.0)), draw((3.0, 8.0), (1.5, 1.0))]
    halves = [draw((1.0, 1.0), (0.5, 3.0)), draw((1.0, 1.0), (1.5, 1.0))]
    assert ratio(ones, halves) == (3.5, pytest.approx(0.5))


def test_a_distance_that_is_no_number_is_not_left_out():
    good = [draw((3.0, 5.0), (1.0, 1.0))] * 2
    value, _ = ratio([draw((3.0, 5.0), (1.0, 1.0)), draw((nan, 5.0), (1.0, 1.0))], [*good])
    assert isnan(value)


def test_other_pictures_are_as_far_as_the_floor():
    found = distances(FEW, 8, 1, others)
    assert len(found) == 3
    assert all(0.4 < one.ratio < 2.5 and one.num_images == 64 for one in found)
    assert len({one.distances for one in found}) == 3
    assert found == distances(FEW, 8, 1, others)


def test_what_is_compared_is_told_from_what_it_is_compared_with():
    """Pictures left over are none of those that the distance is taken from."""
    handed = []

    def images(left, seed):
        handed.append((left, seed))
        return left

    distances(FEW, 4, 7, images)
    assert [seed for _, seed in handed] == [7, 8, 9]
    assert all(len(left) == len(pictures_of(PATCHES)) - 128 for left, _ in handed)
    assert pooled(pictures_of(PATCHES), 4).shape[1:] == handed[0][0].shape[1:]


def test_generated_images_are_of_the_level_and_clipped(layerwise):
    images = generated(FEW, layerwise, layerwise.averaged, 2)(torch.empty(0), 5)
    expected = layerwise.averaged(layerwise.latents(64, 5))[1]
    assert torch.allclose(images, ((expected + 1) / 2).clamp(0, 1), atol=1e-5)
    assert 0 <= float(images.min()) <= float(images.max()) <= 1


def test_the_largest_change_is_that_of_any_lower_weight():
    before = network(PATCHES, JOINT, 0).snapshot(0)
    after = deepcopy(before)
    weight = after.outputs[1].get_parameter("weight")
    weight.data.mul_(1.3)
    assert largest_change(before, after) == pytest.approx(0.3, rel=1e-5)
    after.hidden[0].get_submodule("0").get_parameter("weight").data.mul_(0.4)
    assert largest_change(before, after) == pytest.approx(0.6, rel=1e-5)
    after.outputs[2].get_parameter("weight").data.mul_(9)
    assert largest_change(before, after) == pytest.approx(0.6, rel=1e-5)
    weight.data.fill_(nan)
    assert isnan(largest_change(before, after))


def test_networks_compared_are_before_and_after_all_levels_train(layerwise):
    states = {
        part: [one.state_dict() for one in compared(CorrectionParameters(pictures=PATCHES, part=part), layerwise)]
        for part in (0.0, 0.5, 1.0)
    }
    name = "hidden.1.0.weight"
    before, after = (states[1.0][place][name] for place in (0, 1))
    assert torch.equal(before, layerwise.snapshot(one_by_one(PATCHES)).state_dict()[name])
    assert torch.equal(after, layerwise.averaged.state_dict()[name])
    assert torch.allclose(states[0.5][1][name], (before + after) / 2, atol=1e-6)
    assert torch.allclose(states[0.0][1][name], before, atol=1e-6)
    old, new = compared(CorrectionParameters(pictures=PATCHES, backwards=True), layerwise)
    assert torch.equal(old.state_dict()[name], after)
    assert torch.equal(new.state_dict()[name], before)


@pytest.mark.parametrize(
    ("kind", "bad", "message"),
    [
        (DistanceParameters, {"draws": 1}, "draws must be at least 2, got 1"),
        (DistanceParameters, {"samples": 63}, "samples 64"),
        (CorrectionParameters, {"part": 1.5}, r"part must be in \[0, 1\], got 1.5"),
        (LayerwiseParameters, {"images": "other"}, "images must be one of"),
    ],
)
def test_what_cannot_be_measured_is_refused(kind, bad, message):
    with pytest.raises(InputError, match=message):
        kind(**bad)
